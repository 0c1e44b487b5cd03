//! [`Moments`]: a guide whose latents are all normal given the data, by its means and standard deviations.
//!
//! One program of the data gives both, so draws, log densities and the entropy need no further pass through an encoder.

use super::guide::State;
use super::program::{Program, Runner, Work};
use crate::family::NormalMoments;
use crate::family::scratch::Pool;
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::numerics::{LN_SQRT_2_PI, sum_of_logs};
use crate::program::Precision;
use crate::program::execute::Request;
use crate::program::recording::Recording;

/// The program of means and standard deviations; latents in the order of the layout.
pub(super) struct Moments {
    program: Program,
    num_latents: usize,
    num_row_latents: usize,
    scratch: Pool<Scratch>,
}

/// The last values with what they were computed from, which every reader compares first.
#[derive(Default)]
struct Scratch {
    work: Work,
    params: Vec<f64>,
    subset: Option<Vec<u32>>,
    known: bool,
    global: Values,
    rows: Values,
}

/// Means and standard deviations of latents, `[latent]` or `[latent][row]`, and adjoints of both.
#[derive(Default)]
struct Values {
    moments: Vec<f64>,
    bar: Vec<f64>,
}

impl Values {
    fn parts(&self) -> (&[f64], &[f64]) {
        self.moments.split_at(self.moments.len() / 2)
    }

    /// Adjoints of means and standard deviations, all zero.
    fn bars(&mut self) -> (&[f64], &[f64], &mut [f64], &mut [f64]) {
        let half = self.moments.len() / 2;
        self.bar.clear();
        self.bar.resize(2 * half, 0.0);
        let (mean, sd) = self.moments.split_at(half);
        let (mean_bar, sd_bar) = self.bar.split_at_mut(half);
        (mean, sd, mean_bar, sd_bar)
    }
}

/// Whether both hold the same bits; groups are compared whole, in wide registers.
fn same_bits(a: &[f64], b: &[f64]) -> bool {
    let group =
        |(a, b): (&[f64], &[f64])| a.iter().zip(b).fold(0, |seen, (a, b)| seen | (a.to_bits() ^ b.to_bits())) == 0;
    a.len() == b.len() && a.chunks(256).zip(b.chunks(256)).all(group)
}

/// `ln sqrt(2 pi)`.
impl Moments {
    /// The program, where every latent is normal with moments that depend on no other latent.
    pub fn of(recording: &mut Recording, state: &State, layout: &Layout, precision: Precision) -> Option<Moments> {
        let total: usize = layout.num_latents + layout.num_row_latents;
        let drawn = |k: SiteKind| layout.sites_of(k).map(|s| s.num_unconstrained).sum::<usize>();
        if state.bent || state.normals.is_empty() || drawn(SiteKind::Latent) + drawn(SiteKind::RowLatent) != total {
            return None;
        }
        let mut normals = state.normals.clone();
        normals.sort_by_key(|d| (d.0 == SiteKind::RowLatent, d.1));
        let means = normals.iter().map(|d| d.2);
        let outputs: Vec<u32> = means.chain(normals.iter().map(|d| d.3)).collect();
        (recording.num_latents, recording.num_row_latents) = (0, 0);
        Some(Moments {
            program: Program::new(recording, Some(&outputs), precision),
            num_latents: layout.num_latents,
            num_row_latents: layout.num_row_latents,
            scratch: Pool::default(),
        })
    }

    /// Runs `read` with the moments at `params`, computed unless the last ones were the same.
    fn with<R>(&self, runner: &Runner, params: &[f64], rows: &RowSet, read: impl FnOnce(&mut Scratch) -> R) -> R {
        self.scratch.with(|own| {
            if !(own.known && same_bits(&own.params, params) && own.subset == rows.subset) {
                own.known = false;
                self.program.run(&runner.request(params, rows, 1, &[], &[]), &mut own.work);
                own.params.clear();
                own.params.extend_from_slice(params);
                own.subset.clone_from(&rows.subset);
                own.global.moments.clone_from(&own.work.response.outputs);
                own.rows.moments.clone_from(&own.work.response.row_outputs);
                own.known = true;
            }
            read(own)
        })
    }

    /// Adds the parameters' gradient of `sum bar * moment`, with the adjoints in `own`, whose last pass was at `params`.
    fn pull(&self, runner: &Runner, params: &[f64], rows: &RowSet, own: &mut Scratch, grad: &mut [f64]) {
        let seeds = Some((&own.global.bar[..], &own.rows.bar[..]));
        let request = Request {
            gradient: true,
            output_seeds: seeds,
            repeats_last: true,
            ..runner.request(params, rows, 1, &[], &[])
        };
        self.program.run(&request, &mut own.work);
        grad.iter_mut().zip(&own.work.response.parameters).for_each(|(g, p)| *g += p);
    }

    pub fn num_noise(&self, rows: usize) -> usize {
        self.num_latents + self.num_row_latents * rows
    }

    pub fn transform(&self, runner: &Runner, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        let n = z.num_draws;
        let (global, of_rows) = noise.split_at(self.num_latents * n);
        self.with(runner, params, rows, |own| {
            for (values, noise, z) in [(&own.global, global, &mut z.latents), (&own.rows, of_rows, &mut z.row_latents)]
            {
                let (mean, sd) = values.parts();
                let blocks = z.chunks_exact_mut(n).zip(noise.chunks_exact(n));
                for ((z, noise), (m, s)) in blocks.zip(mean.iter().zip(sd)) {
                    z.iter_mut().zip(noise).for_each(|(z, e)| *z = m + s * e);
                }
            }
        });
    }

    pub fn pullback(
        &self,
        runner: &Runner,
        params: &[f64],
        rows: &RowSet,
        noise: &[f64],
        z_bar: &Draws,
        grad: &mut [f64],
    ) {
        let n = z_bar.num_draws;
        let (global, of_rows) = noise.split_at(self.num_latents * n);
        self.with(runner, params, rows, |own| {
            for (values, noise, bar) in
                [(&mut own.global, global, &z_bar.latents), (&mut own.rows, of_rows, &z_bar.row_latents)]
            {
                let (_, _, mean_bar, sd_bar) = values.bars();
                let blocks = bar.chunks_exact(n).zip(noise.chunks_exact(n));
                for ((bar, noise), (m, s)) in blocks.zip(mean_bar.iter_mut().zip(sd_bar)) {
                    *m = bar.iter().sum();
                    *s = bar.iter().zip(noise).map(|(b, e)| b * e).sum();
                }
            }
            self.pull(runner, params, rows, own, grad);
        });
    }

    pub fn log_q(&self, runner: &Runner, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.with(runner, params, rows, |own| {
            let parts = [(&own.global, &z.latents, 1.0), (&own.rows, &z.row_latents, rows.weight)];
            for (values, z, weight) in parts {
                let (mean, sd) = values.parts();
                for (z, (m, s)) in z.chunks_exact(log_q.len()).zip(mean.iter().zip(sd)) {
                    let constant = -s.ln() - LN_SQRT_2_PI;
                    let each = log_q.iter_mut().zip(z);
                    each.for_each(|(out, z)| *out += weight * (constant - 0.5 * ((z - m) / s).powi(2)));
                }
            }
        });
    }

    pub fn grad_log_q(&self, runner: &Runner, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let n = z.num_draws;
        self.with(runner, params, rows, |own| {
            let parts = [
                (&own.global, &z.latents, &mut grad_z.latents, 1.0),
                (&own.rows, &z.row_latents, &mut grad_z.row_latents, rows.weight),
            ];
            for (values, z, grad, weight) in parts {
                let (mean, sd) = values.parts();
                let blocks = grad.chunks_exact_mut(n).zip(z.chunks_exact(n));
                for ((grad, z), (m, s)) in blocks.zip(mean.iter().zip(sd)) {
                    let precision = weight / (s * s);
                    grad.iter_mut().zip(z).for_each(|(g, z)| *g = (m - z) * precision);
                }
            }
        });
    }

    pub fn score(&self, runner: &Runner, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.with(runner, params, rows, |own| {
            let parts = [(&mut own.global, &z.latents, 1.0), (&mut own.rows, &z.row_latents, rows.weight)];
            for (values, z, weight) in parts {
                let (mean, sd, mean_bar, sd_bar) = values.bars();
                let bars = mean_bar.iter_mut().zip(sd_bar);
                for ((z, (mean, sd)), (m, s)) in z.chunks_exact(weights.len()).zip(mean.iter().zip(sd)).zip(bars) {
                    for (z, w) in z.iter().zip(weights) {
                        let e = (z - mean) / sd;
                        *m += weight * w * e / sd;
                        *s += weight * w * (e * e - 1.0) / sd;
                    }
                }
            }
            self.pull(runner, params, rows, own, grad);
        });
    }

    /// Overwrites `out` with the moments of the pass.
    pub fn read(&self, runner: &Runner, params: &[f64], rows: &RowSet, out: &mut NormalMoments) {
        self.with(runner, params, rows, |own| {
            let ((mean, sd), (row_mean, row_sd)) = (own.global.parts(), own.rows.parts());
            for (to, parts) in [(&mut out.mean, [mean, row_mean]), (&mut out.sd, [sd, row_sd])] {
                to.clear();
                parts.iter().for_each(|p| to.extend_from_slice(p));
            }
        });
    }

    /// Adds the parameters' gradient of `sum bar * moment`.
    pub fn pull_bar(&self, runner: &Runner, params: &[f64], rows: &RowSet, bar: &NormalMoments, grad: &mut [f64]) {
        self.with(runner, params, rows, |own| {
            let split = own.global.moments.len() / 2;
            for (values, range) in [(&mut own.global, 0..split), (&mut own.rows, split..bar.mean.len())] {
                values.bar.clear();
                values.bar.extend_from_slice(&bar.mean[range.clone()]);
                values.bar.extend_from_slice(&bar.sd[range]);
            }
            self.pull(runner, params, rows, own, grad);
        });
    }

    pub fn entropy(&self, runner: &Runner, params: &[f64], rows: &RowSet) -> f64 {
        self.with(runner, params, rows, |own| {
            let one = |values: &Values| {
                let (_, sd) = values.parts();
                sum_of_logs(sd) + sd.len() as f64 * (0.5 + LN_SQRT_2_PI)
            };
            one(&own.global) + rows.weight * one(&own.rows)
        })
    }

    pub fn add_entropy_gradient(&self, runner: &Runner, params: &[f64], rows: &RowSet, scale: f64, grad: &mut [f64]) {
        self.with(runner, params, rows, |own| {
            for (values, weight) in [(&mut own.global, scale), (&mut own.rows, scale * rows.weight)] {
                let (_, sd, _, sd_bar) = values.bars();
                sd_bar.iter_mut().zip(sd).for_each(|(bar, s)| *bar = weight / s);
            }
            self.pull(runner, params, rows, own, grad);
        });
    }
}
