//! The law of single draws: values, transforms and derivatives.

use super::ConditionalGaussian;
use crate::model::{Draws, RowSet};
use crate::numerics::LN_SQRT_2_PI;

/// The law of the others at one place of the shared latents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// In the order of latents.
    pub mean: Vec<f64>,
    /// The factor `L` of the precision.
    pub factor: Vec<f64>,
    /// `ln |L|`
    pub ln_diagonal: f64,
    basis: Vec<f64>,
}

/// One draw, and what its density is made of.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    given: Given,
    /// The shared latents whitened.
    u: Vec<f64>,
    /// `l - mu(u)` in the new order.
    x: Vec<f64>,
    /// `L' x`
    v: Vec<f64>,
    /// `-d log q / d mu`, in the new order: `-L v`.
    a: Vec<f64>,
    pub log_q: f64,
    /// Mean and factor of the shared latents.
    shared: (Vec<f64>, Vec<f64>),
    slopes: Vec<f64>,
}

impl ConditionalGaussian {
    /// The law of the others where the shared latents are `m + C u`.
    pub(crate) fn given(&self, params: &[f64], u: &[f64], out: &mut Given) {
        let n = self.locals.len();
        self.basis.at(u, &mut out.basis);
        let mut sum = vec![0.0; self.num_varying()];
        for (own, by) in self.coefficients(params).zip(&out.basis) {
            sum.iter_mut().zip(own).for_each(|(s, c)| *s += by * c);
        }
        out.factor.clear();
        out.factor.extend_from_slice(&sum[n..]);
        sum.truncate(n);
        out.mean = sum;
        out.ln_diagonal = 0.0;
        for j in 0..n {
            let column = self.pattern.column(j);
            let ln = out.factor[column.start];
            let diagonal = ln.exp();
            out.ln_diagonal += ln;
            out.factor[column.start] = diagonal;
            out.factor[column.start + 1..column.end].iter_mut().for_each(|r| *r *= diagonal);
        }
    }

    /// The lane of a latent over all draws, in a pass over all rows.
    pub(crate) fn lane<'z>(&self, z: &'z Draws, latent: usize) -> &'z [f64] {
        let at = |k: usize| k * z.num_draws..(k + 1) * z.num_draws;
        if latent < self.num_latents { &z.latents[at(latent)] } else { &z.row_latents[at(latent - self.num_latents)] }
    }

    /// Writes a latent of one draw, in a pass over all rows.
    fn put(&self, z: &mut Draws, latent: usize, draw: usize, value: f64) {
        match latent < self.num_latents {
            true => z.latents[latent * z.num_draws + draw] = value,
            false => z.row_latents[(latent - self.num_latents) * z.num_draws + draw] = value,
        }
    }

    /// Writes draws of the others, `[latent][draw]` in the new order, beside one place of the shared latents.
    pub(crate) fn place(&self, shared: &[f64], x: &[f64], z: &mut Draws) {
        let draws = z.num_draws;
        for (&latent, &value) in self.shared.iter().zip(shared) {
            z.latents[latent * draws..(latent + 1) * draws].fill(value);
        }
        for (x, &own) in x.chunks_exact(draws).zip(&self.pattern.order) {
            let latent = self.locals[own as usize];
            let to = match latent < self.num_latents {
                true => &mut z.latents[latent * draws..][..draws],
                false => &mut z.row_latents[(latent - self.num_latents) * draws..][..draws],
            };
            to.copy_from_slice(x);
        }
    }

    /// Calls `visit(draw, its parts)` for each draw of all rows.
    pub(super) fn each(&self, params: &[f64], z: &Draws, mut visit: impl FnMut(usize, &mut Scratch)) {
        let k = self.shared.len();
        self.scratch.with(|at| {
            at.shared = self.of_shared(params);
            let (_, of_shared) = self.mean_ln_diagonals(params);
            for draw in 0..z.num_draws {
                let Scratch { given, u, x, v, a, log_q, shared: (mean, factor), .. } = &mut *at;
                u.clear();
                u.extend(self.shared.iter().zip(&*mean).map(|(&latent, m)| self.lane(z, latent)[draw] - m));
                crate::numerics::solve_lower(k, factor, u);
                self.given(params, u, given);
                x.clear();
                let order = self.pattern.order.iter().map(|&own| own as usize);
                x.extend(order.map(|own| self.lane(z, self.locals[own])[draw] - given.mean[own]));
                v.clone_from(x);
                self.pattern.multiply_transposed(&given.factor, 1, v);
                a.clone_from(v);
                self.pattern.multiply(&given.factor, 1, a);
                a.iter_mut().for_each(|a| *a = -*a);
                let squares: f64 = u.iter().chain(&*v).map(|x| x * x).sum();
                let constant = self.dimension() as f64 * LN_SQRT_2_PI + of_shared;
                *log_q = given.ln_diagonal - constant - 0.5 * squares;
                visit(draw, at);
            }
        });
    }

    /// `d log q / d` each of the varying numbers at this draw, means negated as in `a`.
    fn slopes(&self, at: &mut Scratch) {
        let n = self.locals.len();
        let Scratch { given, x, v, a, slopes, .. } = at;
        slopes.clear();
        slopes.resize(self.num_varying(), 0.0);
        let (means, numbers) = slopes.split_at_mut(n);
        for (a, &own) in a.iter().zip(&self.pattern.order) {
            means[own as usize] = -a;
        }
        for (j, v) in v.iter().enumerate() {
            let column = self.pattern.column(j);
            numbers[column.start] = 1.0 - v * v;
            let diagonal = given.factor[column.start];
            for t in column.start + 1..column.end {
                numbers[t] = -v * diagonal * x[self.pattern.rows[t] as usize];
            }
        }
    }

    /// `d log q / d g` at this draw, whitened back: `C^-T d log q / d u`.
    fn slope_of_shared(&self, params: &[f64], at: &mut Scratch) -> Vec<f64> {
        self.slopes(at);
        let dot = |own: &[f64]| own.iter().zip(&at.slopes).map(|(c, s)| c * s).sum();
        let weights: Vec<f64> = self.coefficients(params).map(dot).collect();
        let mut out: Vec<f64> = at.u.iter().map(|u| -u).collect();
        self.basis.add_derivative(&at.u, &weights, &mut out);
        crate::numerics::solve_lower_transposed(self.shared.len(), &at.shared.1, &mut out);
        out
    }

    /// `grad += weight d log q / d params`
    pub(super) fn add_score(&self, params: &[f64], at: &mut Scratch, weight: f64, grad: &mut [f64]) {
        let k = self.shared.len();
        let slope = self.slope_of_shared(params, at);
        let (own, coefficients) = grad.split_at_mut(self.start());
        let mut place = k;
        for i in 0..k {
            own[i] -= weight * slope[i];
            for j in 0..=i {
                let by = -slope[i] * at.u[j];
                own[place] += weight * if i == j { by * at.shared.1[i * k + i] - 1.0 } else { by };
                place += 1;
            }
        }
        for (to, by) in coefficients.chunks_exact_mut(self.num_varying()).zip(&at.given.basis) {
            to.iter_mut().zip(&at.slopes).for_each(|(to, s)| *to += weight * by * s);
        }
    }

    /// Writes `weight d log q / d z` of this draw.
    pub(super) fn put_gradient(&self, params: &[f64], at: &mut Scratch, weight: f64, draw: usize, grad_z: &mut Draws) {
        let slope = self.slope_of_shared(params, at);
        for (&latent, s) in self.shared.iter().zip(&slope) {
            self.put(grad_z, latent, draw, weight * s);
        }
        for (a, &own) in at.a.iter().zip(&self.pattern.order) {
            self.put(grad_z, self.locals[own as usize], draw, weight * a);
        }
    }

    /// Draws from noise: that of the shared latents, then that of the others in the new order.
    pub(super) fn transform_all(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        let (k, draws, num_rows) = (self.shared.len(), z.num_draws, z.num_rows.max(1));
        // Rows of the pass behind each latent of rows.
        let row_of = |at: usize| rows.subset.as_ref().map_or(at, |subset| subset[at] as usize);
        self.scratch.with(|Scratch { given, u, x, shared, .. }| {
            *shared = self.of_shared(params);
            for draw in 0..draws {
                u.clear();
                u.extend((0..k).map(|i| noise[i * draws + draw]));
                self.given(params, u, given);
                x.clear();
                x.extend((k..self.dimension()).map(|i| noise[i * draws + draw]));
                self.pattern.solve_transposed(&given.factor, 1, x);
                let local = |own: usize| given.mean[own] + x[self.pattern.place[own] as usize];
                for (i, &latent) in self.shared.iter().enumerate() {
                    let moved: f64 = (0..=i).map(|j| shared.1[i * k + j] * u[j]).sum();
                    z.latents[latent * draws + draw] = shared.0[i] + moved;
                }
                let outside = self.locals.partition_point(|&latent| latent < self.num_latents);
                for (own, &latent) in self.locals[..outside].iter().enumerate() {
                    z.latents[latent * draws + draw] = local(own);
                }
                for (at, to) in z.row_latents.chunks_exact_mut(draws).enumerate() {
                    let (latent, row) = (at / num_rows, row_of(at % num_rows));
                    to[draw] = local(outside + latent * self.num_rows + row);
                }
            }
        });
    }

    /// `grad += (d z / d params)' z_bar`, over all draws.
    pub(super) fn add_pullback(&self, params: &[f64], noise: &[f64], z_bar: &Draws, grad: &mut [f64]) {
        let (k, n, draws) = (self.shared.len(), self.locals.len(), z_bar.num_draws);
        let (own, coefficients) = grad.split_at_mut(self.start());
        self.scratch.with(|Scratch { given, u, x, v, slopes, shared, .. }| {
            *shared = self.of_shared(params);
            for draw in 0..draws {
                u.clear();
                u.extend((0..k).map(|i| noise[i * draws + draw]));
                self.given(params, u, given);
                let mut place = k;
                for i in 0..k {
                    let bar = self.lane(z_bar, self.shared[i])[draw];
                    own[i] += bar;
                    for (j, u) in u[..=i].iter().enumerate() {
                        own[place] += bar * u * if i == j { shared.1[i * k + i] } else { 1.0 };
                        place += 1;
                    }
                }
                // With x = L^-T e: dx = -L^-T dL' x, and dL_ij = dr_ij L_jj + L_ij dd_j.
                x.clear();
                x.extend((k..self.dimension()).map(|i| noise[i * draws + draw]));
                self.pattern.solve_transposed(&given.factor, 1, x);
                v.clear();
                let order = self.pattern.order.iter().map(|&own| own as usize);
                v.extend(order.map(|own| self.lane(z_bar, self.locals[own])[draw]));
                slopes.clear();
                slopes.resize(self.num_varying(), 0.0);
                let (means, numbers) = slopes.split_at_mut(n);
                v.iter().zip(&self.pattern.order).for_each(|(bar, &own)| means[own as usize] = *bar);
                self.pattern.solve(&given.factor, 1, v);
                for (j, w) in v.iter().enumerate() {
                    let column = self.pattern.column(j);
                    numbers[column.start] = -w * noise[(k + j) * draws + draw];
                    let diagonal = given.factor[column.start];
                    for t in column.start + 1..column.end {
                        numbers[t] = -w * diagonal * x[self.pattern.rows[t] as usize];
                    }
                }
                for (to, by) in coefficients.chunks_exact_mut(self.num_varying()).zip(&given.basis) {
                    to.iter_mut().zip(&*slopes).for_each(|(to, s)| *to += by * s);
                }
            }
        });
    }
}
