//! A Gaussian with a full covariance matrix.

use super::scratch::Pool;
use super::{
    Family, FamilyError, LocationScale, NoiseLaw, Reparam, covers_global, fill_noise, rescale_means, weight_of,
};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::{InstructionSet, Kernel, LN_SQRT_2_PI, Lane, dispatch, dot, lane_sum};
use crate::streams::Streams;

/// Full-rank Gaussian: `z = mean + L noise` with `L` lower triangular and `L_ii = exp(params)`.
///
/// *Shapes*: `params` is `[mean; L by rows, L_i0 .. L_i(i-1), ln L_ii]`, `d + d (d + 1) / 2` numbers.
/// It covers the latents outside of rows; a model with row latents needs a family for those beside it.
///
/// ```
/// use jensen::family::FullRank;
/// use jensen::prelude::*;
/// use jensen::{Fit, Trust};
///
/// let pair = model(|p| {
///     let a = p.draw("a", normal(0.0, 1.0));
///     p.draw("b", normal(a, 0.1)); // correlated by 0.995
/// });
/// let fitted = Fit::new(&pair).family(FullRank::new(2)).run()?;
/// assert_eq!(fitted.verdict().trust, Trust::Trust);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FullRank {
    dimension: usize,
    scratch: Pool<(Vec<f64>, Vec<f64>)>,
}

impl FullRank {
    /// The family of `dimension` real latents.
    pub fn new(dimension: usize) -> Self {
        FullRank { dimension, scratch: Pool::default() }
    }

    /// Number of latents.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Start of row `i` of `L` in `params`.
    #[inline(always)]
    fn row(&self, i: usize) -> usize {
        self.dimension + i * (i + 1) / 2
    }

    /// The lower triangular factor as a dense matrix.
    pub fn factor(&self, params: &[f64]) -> nalgebra::DMatrix<f64> {
        nalgebra::DMatrix::from_fn(self.dimension, self.dimension, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => params[self.row(i) + i].exp(),
            std::cmp::Ordering::Greater => params[self.row(i) + j],
        })
    }

    /// Parameters from a mean and a lower triangular factor with a positive diagonal.
    pub fn params_from(&self, mean: &[f64], factor: &nalgebra::DMatrix<f64>) -> Vec<f64> {
        let mut params = mean.to_vec();
        for i in 0..self.dimension {
            params.extend((0..i).map(|j| factor[(i, j)]));
            params.push(factor[(i, i)].ln());
        }
        params
    }

    /// `x = L^-1 x` in place, `[latent][draw]`.
    fn solve(&self, params: &[f64], draws: usize, x: &mut [f64]) {
        dispatch(InstructionSet::detect(), Solve { family: self, params, draws, x });
    }

    /// `x = L^-T x` in place, `[latent][draw]`.
    fn solve_transposed(&self, params: &[f64], draws: usize, x: &mut [f64]) {
        dispatch(InstructionSet::detect(), SolveTransposed { family: self, params, draws, x });
    }

    /// `x = L' x` in place, `[latent][draw]`.
    pub(crate) fn scale_transposed(&self, params: &[f64], x: &mut [f64], draws: usize) {
        for j in 0..self.dimension {
            let (done, below) = x.split_at_mut((j + 1) * draws);
            let (own, scale) = (&mut done[j * draws..], params[self.row(j) + j].exp());
            own.iter_mut().for_each(|x| *x *= scale);
            for (i, below) in (j + 1..self.dimension).zip(below.chunks_exact(draws)) {
                let l = params[self.row(i) + j];
                own.iter_mut().zip(below).for_each(|(x, y)| *x += l * y);
            }
        }
    }

    /// `exp(sign * ln L_ii)` for `i` from `first` on; ones past the end. Eight at a time fill the registers.
    #[inline(always)]
    fn diagonal(&self, params: &[f64], first: usize, sign: f64) -> [f64; GROUP] {
        let mut out = [0.0; GROUP];
        for l in 0..GROUP.min(self.dimension - first) {
            out[l] = sign * params[self.row(first + l) + first + l];
        }
        for out in &mut out {
            *out = out.exp_lane::<false>();
        }
        out
    }

    /// `z - mean`, `[latent][draw]`.
    fn centred(&self, params: &[f64], z: &Draws, out: &mut [f64]) {
        let draws = z.num_draws;
        for ((out, z), &mean) in out.chunks_exact_mut(draws).zip(z.latents.chunks_exact(draws)).zip(params) {
            for (o, &z) in out.iter_mut().zip(z) {
                *o = z - mean;
            }
        }
    }

    fn ln_det(&self, params: &[f64]) -> f64 {
        (0..self.dimension).map(|i| params[self.row(i) + i]).sum()
    }
}

impl Family for FullRank {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_global(self, self.dimension, layout)
    }

    fn num_params(&self) -> usize {
        self.row(self.dimension)
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.scratch.with(|(noise, _)| {
            noise.resize(self.dimension * z.num_draws, 0.0);
            fill_noise(NoiseLaw::Normal, streams, z.num_draws, noise);
            self.transform(params, rows, noise, z);
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let weight = weight_of(rows, false);
        self.scratch.with(|(u, _)| {
            u.resize(z.latents.len(), 0.0);
            self.centred(params, z, u);
            self.solve(params, z.num_draws, u);
            log_q.fill(weight * (-self.ln_det(params) - self.dimension as f64 * LN_SQRT_2_PI));
            for u in u.chunks_exact(z.num_draws) {
                for (out, &u) in log_q.iter_mut().zip(u) {
                    *out -= weight * 0.5 * u * u;
                }
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        // With u = L^-1 (z - mean) and v = L^-T u: d/d mean = v, d/d L_ij = v_i u_j - [i = j] / L_ii.
        let draws = z.num_draws;
        let weight = weight_of(rows, false);
        self.scratch.with(|(u, v)| {
            u.resize(z.latents.len(), 0.0);
            self.centred(params, z, u);
            self.solve(params, draws, u);
            v.clear();
            v.extend_from_slice(u);
            self.solve_transposed(params, draws, v);
            for v in v.chunks_exact_mut(draws) {
                v.iter_mut().zip(weights).for_each(|(v, w)| *v *= weight * w);
            }
            let total = weight * weights.iter().sum::<f64>();
            for i in 0..self.dimension {
                let v = &v[i * draws..(i + 1) * draws];
                grad[i] += v.iter().sum::<f64>();
                let at = self.row(i);
                for j in 0..=i {
                    let outer: f64 = v.iter().zip(&u[j * draws..(j + 1) * draws]).map(|(v, u)| v * u).sum();
                    grad[at + j] += if i == j { outer * params[at + i].exp() - total } else { outer };
                }
            }
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        Some(weight_of(rows, false) * (self.ln_det(params) + self.dimension as f64 * (0.5 + LN_SQRT_2_PI)))
    }

    fn add_entropy_gradient(&self, _: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        for i in 0..self.dimension {
            grad[self.row(i) + i] += weight * weight_of(rows, false);
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        for (p, &c) in params[..self.dimension].iter_mut().zip(centre) {
            *p = c;
        }
        for i in 0..self.dimension {
            params[self.row(i) + i] = scale.ln();
        }
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        params[..self.dimension].to_vec()
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        rescale_means(&mut params[..self.dimension], centre, scale);
        for (i, s) in scale.iter().enumerate() {
            let start = self.row(i);
            params[start..start + i].iter_mut().for_each(|l| *l *= s);
            params[start + i] += s.ln();
        }
        true
    }

    fn is_gaussian(&self) -> bool {
        true
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        "full-rank Gaussian".into()
    }
}

impl Reparam for FullRank {
    fn num_noise(&self, _: &RowSet) -> usize {
        self.dimension
    }

    fn transform(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &mut Draws) {
        dispatch(InstructionSet::detect(), Transform { family: self, params, noise, z });
    }

    fn pullback(&self, params: &[f64], _: &RowSet, noise: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        dispatch(InstructionSet::detect(), Pullback { family: self, params, noise, z_bar, grad });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let weight = weight_of(rows, false);
        self.centred(params, z, &mut grad_z.latents);
        self.solve(params, z.num_draws, &mut grad_z.latents);
        self.solve_transposed(params, z.num_draws, &mut grad_z.latents);
        grad_z.latents.iter_mut().for_each(|g| *g *= -weight);
    }
}

// No multiply and add is fused in these, so that every instruction set gives the same bits.

/// Diagonal elements taken together.
const GROUP: usize = 8;

struct Solve<'a> {
    family: &'a FullRank,
    params: &'a [f64],
    draws: usize,
    x: &'a mut [f64],
}

impl Kernel for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Solve { family, params, draws, x } = self;
        let mut inverse = [0.0; GROUP];
        for i in 0..family.dimension {
            if i % GROUP == 0 {
                inverse = family.diagonal(params, i, -1.0);
            }
            let row = &params[family.row(i)..family.row(i) + i + 1];
            let (done, rest) = x.split_at_mut(i * draws);
            let own = &mut rest[..draws];
            if draws == 1 {
                own[0] = (own[0] - dot(&row[..i], done)) * inverse[i % GROUP];
                continue;
            }
            for (j, &l) in row[..i].iter().enumerate() {
                for (x, &y) in own.iter_mut().zip(&done[j * draws..(j + 1) * draws]) {
                    *x -= l * y;
                }
            }
            for x in own {
                *x *= inverse[i % GROUP];
            }
        }
    }
}

struct SolveTransposed<'a> {
    family: &'a FullRank,
    params: &'a [f64],
    draws: usize,
    x: &'a mut [f64],
}

impl Kernel for SolveTransposed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let SolveTransposed { family, params, draws, x } = self;
        let mut inverse = [0.0; GROUP];
        for i in (0..family.dimension).rev() {
            if i % GROUP == GROUP - 1 || i + 1 == family.dimension {
                inverse = family.diagonal(params, i - i % GROUP, -1.0);
            }
            let row = &params[family.row(i)..family.row(i) + i + 1];
            let (above, rest) = x.split_at_mut(i * draws);
            let own = &mut rest[..draws];
            for x in &mut *own {
                *x *= inverse[i % GROUP];
            }
            if draws == 1 {
                for (x, &l) in above.iter_mut().zip(&row[..i]) {
                    *x -= l * own[0];
                }
                continue;
            }
            for (j, &l) in row[..i].iter().enumerate() {
                for (x, &y) in above[j * draws..(j + 1) * draws].iter_mut().zip(own.iter()) {
                    *x -= l * y;
                }
            }
        }
    }
}

struct Transform<'a> {
    family: &'a FullRank,
    params: &'a [f64],
    noise: &'a [f64],
    z: &'a mut Draws,
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Transform { family, params, noise, z } = self;
        let draws = z.num_draws;
        let mut diagonal = [0.0; GROUP];
        for (i, out) in z.latents.chunks_exact_mut(draws).enumerate() {
            if i % GROUP == 0 {
                diagonal = family.diagonal(params, i, 1.0);
            }
            let row = &params[family.row(i)..family.row(i) + i + 1];
            if draws == 1 {
                let dot = dot(&row[..i], &noise[..i]);
                out[0] = params[i] + dot + diagonal[i % GROUP] * noise[i];
                continue;
            }
            out.fill(params[i]);
            for (j, noise) in noise.chunks_exact(draws).enumerate().take(i + 1) {
                let l = if j == i { diagonal[i % GROUP] } else { row[j] };
                for (o, &e) in out.iter_mut().zip(noise) {
                    *o += l * e;
                }
            }
        }
    }
}

struct Pullback<'a> {
    family: &'a FullRank,
    params: &'a [f64],
    noise: &'a [f64],
    z_bar: &'a Draws,
    grad: &'a mut [f64],
}

impl Kernel for Pullback<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Pullback { family, params, noise, z_bar, grad } = self;
        let draws = z_bar.num_draws;
        let mut diagonal = [0.0; GROUP];
        for (i, bar) in z_bar.latents.chunks_exact(draws).enumerate() {
            if i % GROUP == 0 {
                diagonal = family.diagonal(params, i, 1.0);
            }
            grad[i] += lane_sum(bar);
            let at = family.row(i);
            let row = &mut grad[at..at + i + 1];
            if draws == 1 {
                for (g, &e) in row[..i].iter_mut().zip(noise) {
                    *g += bar[0] * e;
                }
                row[i] += bar[0] * noise[i] * diagonal[i % GROUP];
                continue;
            }
            for (j, noise) in noise.chunks_exact(draws).enumerate().take(i + 1) {
                let dot = dot(bar, noise);
                row[j] += if j == i { dot * diagonal[i % GROUP] } else { dot };
            }
        }
    }
}

impl LocationScale for FullRank {
    fn num_global(&self) -> usize {
        self.dimension
    }

    fn ln_scale(&self, params: &[f64], rows: &RowSet) -> f64 {
        weight_of(rows, false) * self.ln_det(params)
    }

    fn standardise(&self, params: &[f64], _: &RowSet, z: &Draws, u: &mut [f64]) {
        self.centred(params, z, u);
        self.solve(params, z.num_draws, u);
    }

    fn unscale(&self, params: &[f64], _: &RowSet, slope: &mut [f64], grad_z: &mut Draws) {
        self.solve_transposed(params, grad_z.num_draws, slope);
        grad_z.latents.copy_from_slice(slope);
    }
}
