//! A Gaussian whose covariance is a diagonal and a few factors.

use super::scratch::Pool;
use super::{
    Family, FamilyError, NoiseLaw, Reparam, covers_global, fill_noise, rescale_ln_sds, rescale_means, weight_of,
};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::LN_SQRT_2_PI;
use crate::streams::Streams;

/// Low-rank Gaussian: `z = mean + D e + F h`, covariance `D^2 + F F'` with a diagonal `D` and `F` of `rank` columns.
///
/// *Shapes*: `params` is `[mean; ln D; F row-major]`, `(2 + rank) d` numbers; the noise is `[e; h]`, `d + rank`.
/// Work and memory grow with `d rank`, against `d^2` of [`FullRank`](super::FullRank).
/// It covers the latents outside of rows.
///
/// *Source*: Ong, Nott and Smith 2018, section 3; densities by Woodbury's identity, determinants by the determinant
/// lemma, with `M = I + F' D^-2 F = C C'`.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRank {
    dimension: usize,
    rank: usize,
    scratch: Pool<Scratch>,
}

#[derive(Debug, Default)]
struct Scratch {
    /// The inverse squares of the diagonal, `D^-2`.
    precision: Vec<f64>,
    /// Lower Cholesky factor `C` of `M`, row-major.
    factor: Vec<f64>,
    /// `rank` lanes of draws, as scratch memory.
    small: Vec<f64>,
    /// `covariance^-1 (z - mean)`, `[latent][draw]`.
    v: Vec<f64>,
    /// `covariance^-1 F`, row-major.
    precise: Vec<f64>,
}

impl LowRank {
    /// The family of `dimension` real latents with `rank` factors.
    pub fn new(dimension: usize, rank: usize) -> Self {
        LowRank { dimension, rank: rank.min(dimension), scratch: Pool::default() }
    }

    /// Number of factors.
    pub fn rank(&self) -> usize {
        self.rank
    }

    fn factors<'a>(&self, params: &'a [f64]) -> &'a [f64] {
        &params[2 * self.dimension..]
    }

    /// Row `i` of `F`.
    fn row<'a>(&self, params: &'a [f64], i: usize) -> &'a [f64] {
        &self.factors(params)[i * self.rank..(i + 1) * self.rank]
    }

    /// `D^-2` and the Cholesky factor of `M`.
    fn prepare(&self, params: &[f64], work: &mut Scratch) {
        let (d, r) = (self.dimension, self.rank);
        work.precision.clear();
        work.precision.extend(params[d..2 * d].iter().map(|ln_sd| (-2.0 * ln_sd).exp()));
        let m = &mut work.factor;
        m.clear();
        m.resize(r * r, 0.0);
        for i in 0..d {
            let row = self.row(params, i);
            for a in 0..r {
                for b in 0..=a {
                    m[a * r + b] += row[a] * row[b] * work.precision[i];
                }
            }
        }
        for a in 0..r {
            m[a * r + a] += 1.0;
            for b in 0..=a {
                let dot: f64 = (0..b).map(|k| m[a * r + k] * m[b * r + k]).sum();
                let rest = m[a * r + b] - dot;
                m[a * r + b] = if a == b { rest.sqrt() } else { rest / m[b * r + b] };
            }
        }
    }

    /// `x = M^-1 x` in place, `[factor][lane]`.
    fn solve(&self, c: &[f64], lanes: usize, x: &mut [f64]) {
        let r = self.rank;
        let mut subtract = |from: usize, to: usize, l: f64| {
            for d in 0..lanes {
                x[to * lanes + d] -= l * x[from * lanes + d];
            }
        };
        for a in 0..r {
            for b in 0..a {
                subtract(b, a, c[a * r + b] / c[b * r + b]);
            }
        }
        for a in 0..r {
            let scale = c[a * r + a];
            x[a * lanes..(a + 1) * lanes].iter_mut().for_each(|x| *x /= scale * scale);
        }
        for a in (0..r).rev() {
            for b in a + 1..r {
                let l = c[b * r + a] / c[a * r + a];
                for d in 0..lanes {
                    x[a * lanes + d] -= l * x[b * lanes + d];
                }
            }
        }
    }

    /// `v = covariance^-1 (z - mean)`, after `prepare`.
    fn whiten_twice(&self, params: &[f64], z: &Draws, work: &mut Scratch) {
        let draws = z.num_draws;
        let Scratch { precision, factor, small, v, .. } = work;
        v.clear();
        for (i, z) in z.latents.chunks_exact(draws).enumerate() {
            v.extend(z.iter().map(|z| (z - params[i]) * precision[i]));
        }
        self.project(params, draws, v, small);
        self.solve(factor, draws, small);
        for (i, v) in v.chunks_exact_mut(draws).enumerate() {
            for (&f, x) in self.row(params, i).iter().zip(small.chunks_exact(draws)) {
                v.iter_mut().zip(x).for_each(|(v, x)| *v -= precision[i] * f * x);
            }
        }
    }

    /// `small = F' v`, `[factor][draw]`.
    fn project(&self, params: &[f64], draws: usize, v: &[f64], small: &mut Vec<f64>) {
        small.clear();
        small.resize(self.rank * draws, 0.0);
        for (i, v) in v.chunks_exact(draws).enumerate() {
            for (&f, x) in self.row(params, i).iter().zip(small.chunks_exact_mut(draws)) {
                x.iter_mut().zip(v).for_each(|(x, v)| *x += f * v);
            }
        }
    }

    /// `covariance^-1 F = D^-2 F M^-1`, after `prepare`.
    fn precise_factors(&self, params: &[f64], work: &mut Scratch) {
        let Scratch { precision, factor, precise, .. } = work;
        precise.clear();
        precise.extend_from_slice(self.factors(params));
        for (row, p) in precise.chunks_exact_mut(self.rank.max(1)).zip(precision) {
            self.solve(factor, 1, row);
            row.iter_mut().for_each(|f| *f *= *p);
        }
    }

    /// `D^2 diag(covariance^-1)` of latent `i`, after `precise_factors`.
    fn share(&self, params: &[f64], work: &Scratch, i: usize) -> f64 {
        let precise = &work.precise[i * self.rank..(i + 1) * self.rank];
        1.0 - self.row(params, i).iter().zip(precise).map(|(f, p)| f * p).sum::<f64>()
    }

    /// `ln det covariance / 2`, after `prepare`.
    fn ln_scale(&self, params: &[f64], work: &Scratch) -> f64 {
        let (d, r) = (self.dimension, self.rank);
        params[d..2 * d].iter().sum::<f64>() + (0..r).map(|a| work.factor[a * r + a].ln()).sum::<f64>()
    }
}

impl Family for LowRank {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_global(self, self.dimension, layout)
    }

    fn num_params(&self) -> usize {
        (2 + self.rank) * self.dimension
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.scratch.with(|work| {
            work.v.resize(self.num_noise(rows) * z.num_draws, 0.0);
            fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut work.v);
            self.transform(params, rows, &work.v, z);
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let weight = weight_of(rows, false);
        self.scratch.with(|work| {
            self.prepare(params, work);
            self.whiten_twice(params, z, work);
            log_q.fill(weight * (-self.ln_scale(params, work) - self.dimension as f64 * LN_SQRT_2_PI));
            let lanes = z.latents.chunks_exact(z.num_draws).zip(work.v.chunks_exact(z.num_draws));
            for ((z, v), &mean) in lanes.zip(params) {
                for ((out, z), v) in log_q.iter_mut().zip(z).zip(v) {
                    *out -= weight * 0.5 * (z - mean) * v;
                }
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        // With v = covariance^-1 (z - mean): d/d mean = v, d/d covariance = (v v' - covariance^-1) / 2.
        let (d, r, draws) = (self.dimension, self.rank, z.num_draws);
        let weight = weight_of(rows, false);
        let total = weight * weights.iter().sum::<f64>();
        self.scratch.with(|work| {
            self.prepare(params, work);
            self.whiten_twice(params, z, work);
            self.precise_factors(params, work);
            let mut small = std::mem::take(&mut work.small);
            self.project(params, draws, &work.v, &mut small);
            for i in 0..d {
                let v = &work.v[i * draws..(i + 1) * draws];
                let weighted = || v.iter().zip(weights).map(|(v, w)| weight * w * v);
                grad[i] += weighted().sum::<f64>();
                let square: f64 = weighted().zip(v).map(|(wv, v)| wv * v).sum();
                grad[d + i] += square / work.precision[i] - total * self.share(params, work, i);
                for k in 0..r {
                    let outer: f64 = weighted().zip(&small[k * draws..]).map(|(wv, x)| wv * x).sum();
                    grad[2 * d + i * r + k] += outer - total * work.precise[i * r + k];
                }
            }
            work.small = small;
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let constant = self.dimension as f64 * (0.5 + LN_SQRT_2_PI);
        Some(self.scratch.with(|work| {
            self.prepare(params, work);
            weight_of(rows, false) * (self.ln_scale(params, work) + constant)
        }))
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        let (d, weight) = (self.dimension, weight * weight_of(rows, false));
        self.scratch.with(|work| {
            self.prepare(params, work);
            self.precise_factors(params, work);
            for i in 0..d {
                grad[d + i] += weight * self.share(params, work, i);
            }
            grad[2 * d..].iter_mut().zip(&work.precise).for_each(|(g, p)| *g += weight * p);
        });
    }

    /// The factors start small and different from each other: at zero they would never leave it.
    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let (d, r) = (self.dimension, self.rank);
        let mut params = vec![0.0; self.num_params()];
        params.iter_mut().zip(centre).take(d).for_each(|(p, &c)| *p = c);
        Streams::new(0).fill_normal(1, &mut params[2 * d..]);
        let size = 0.2 * scale / (r.max(1) as f64).sqrt();
        params[2 * d..].iter_mut().for_each(|f| *f = size * f.clamp(-2.0, 2.0));
        for i in 0..d {
            let taken: f64 = self.row(&params, i).iter().map(|f| f * f).sum();
            params[d + i] = 0.5 * (scale * scale - taken).ln();
        }
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        params[..self.dimension].to_vec()
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let (mean, rest) = params.split_at_mut(self.dimension);
        let (ln_sd, factors) = rest.split_at_mut(self.dimension);
        rescale_means(mean, centre, scale);
        rescale_ln_sds(ln_sd, scale);
        for (row, s) in factors.chunks_exact_mut(self.rank.max(1)).zip(scale) {
            row.iter_mut().for_each(|f| *f *= s);
        }
        true
    }

    /// The mean and the logarithm of the standard deviation of each latent: factors may turn and change sign without
    /// moving q.
    fn identified(&self, params: &[f64]) -> Vec<f64> {
        let (mean, rest) = params.split_at(self.dimension);
        let total = (0..self.dimension).map(|i| {
            let factors: f64 = self.row(params, i).iter().map(|f| f * f).sum();
            0.5 * ((2.0 * rest[i]).exp() + factors).ln()
        });
        mean.iter().copied().chain(total).collect()
    }

    fn is_gaussian(&self) -> bool {
        true
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        format!("low-rank Gaussian with {} factors", self.rank)
    }
}

impl Reparam for LowRank {
    fn num_noise(&self, _: &RowSet) -> usize {
        self.dimension + self.rank
    }

    fn transform(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &mut Draws) {
        let (d, draws) = (self.dimension, z.num_draws);
        let (own, shared) = noise.split_at(d * draws);
        for (i, out) in z.latents.chunks_exact_mut(draws).enumerate() {
            let (mean, sd) = (params[i], params[d + i].exp());
            out.iter_mut().zip(&own[i * draws..]).for_each(|(z, e)| *z = mean + sd * e);
            for (&f, h) in self.row(params, i).iter().zip(shared.chunks_exact(draws)) {
                out.iter_mut().zip(h).for_each(|(z, h)| *z += f * h);
            }
        }
    }

    fn pullback(&self, params: &[f64], _: &RowSet, noise: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        let (d, r, draws) = (self.dimension, self.rank, z_bar.num_draws);
        let (own, shared) = noise.split_at(d * draws);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for (i, bar) in z_bar.latents.chunks_exact(draws).enumerate() {
            grad[i] += bar.iter().sum::<f64>();
            grad[d + i] += dot(bar, &own[i * draws..]) * params[d + i].exp();
            for (k, h) in shared.chunks_exact(draws).enumerate() {
                grad[2 * d + i * r + k] += dot(bar, h);
            }
        }
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let weight = weight_of(rows, false);
        self.scratch.with(|work| {
            self.prepare(params, work);
            self.whiten_twice(params, z, work);
            grad_z.latents.iter_mut().zip(&work.v).for_each(|(g, v)| *g = -weight * v);
        });
    }
}
