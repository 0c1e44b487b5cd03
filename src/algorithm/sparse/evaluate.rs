//! Bounds, gradients and second derivatives of a density at draws of a sparse Gaussian.

use super::colours::Colours;
use crate::algorithm::FitError;
use crate::algorithm::density::Density;
use crate::family::SparseGaussian;
use crate::model::{Draws, RowSet};
use crate::numerics::{Columns, LN_SQRT_2_PI};
use crate::target::Differentiable;

/// Numbers of a block of draws at most; a block has two draws at least.
const BLOCK: usize = 1 << 18;

/// Step of differences of gradients, in conditional standard deviations, at least. At 1e-4 they gave the course of exact
/// products on hierarchies, stochastic volatility, crossed effects and item responses.
const STEP: f64 = 1e-4;

/// A Gaussian on the family's pattern: mean in the new order, precision and its factor.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaussian {
    pub mean: Vec<f64>,
    pub precision: Vec<f64>,
    pub factor: Vec<f64>,
}

/// What is evaluated, on what, and how often.
pub(super) struct Evaluator<'a, T: ?Sized> {
    pub family: &'a SparseGaussian,
    density: Density<'a, T>,
    step: f64,
    z: Draws,
    moved: Vec<f64>,
}

/// Values and gradients of antithetic draws: the second half of the draws mirrors the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// `log p(z) + |e|^2 / 2` less the part of `log q` that all draws share: the bound of each draw.
    pub bounds: Vec<f64>,
    /// Gradients, `[latent][draw]` in the new order.
    pub gradients: Vec<f64>,
    /// The draws.
    pub draws: Vec<f64>,
}

/// Minus the second derivatives: their average over draws, and a sample of its noise.
#[derive(Clone, Debug, Default)]
pub(super) struct Curvature {
    pub mean: Vec<f64>,
    pub spread: Vec<f64>,
}

/// A mean over antithetic pairs, and its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Paired {
    pub mean: f64,
    pub error: f64,
}

impl Paired {
    /// Of the differences `a - b`, draw by draw where both are finite; NaN where `a` is finite at fewer draws than `b`.
    pub fn of(a: &[f64], b: &[f64]) -> Paired {
        let half = a.len() / 2;
        let unusable = |x: &[f64]| x.iter().filter(|x| !x.is_finite()).count();
        if unusable(a) > unusable(b) {
            return Paired { mean: f64::NAN, error: f64::NAN };
        }
        let pairs = (0..half).map(|k| 0.5 * (a[k] - b[k] + a[k + half] - b[k + half]));
        let pairs: Vec<f64> = pairs.filter(|d| d.is_finite()).collect();
        let n = pairs.len() as f64;
        let mean = pairs.iter().sum::<f64>() / n;
        let variance = pairs.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Paired { mean, error: (variance / n).sqrt() }
    }
}

impl<'a, T: Differentiable + ?Sized> Evaluator<'a, T> {
    pub fn new(target: &'a T, family: &'a SparseGaussian) -> Self {
        let step = STEP.max(target.unit_roundoff().cbrt());
        Evaluator { family, density: Density::new(target, &[]), step, z: Draws::default(), moved: Vec::new() }
    }

    /// Evaluations so far.
    pub fn evaluations(&self) -> u64 {
        self.density.evaluations
    }

    /// A Gaussian of a mean and a precision; nothing where the precision is not positive definite.
    pub fn gaussian(&self, mean: Vec<f64>, precision: Vec<f64>, columns: &mut Columns) -> Option<Gaussian> {
        let mut factor = precision.clone();
        self.family.pattern().factor(&mut factor, columns).ok()?;
        Some(Gaussian { mean, precision, factor })
    }

    /// The draws of a Gaussian whose noise is `noise`, `[latent][draw]` in the new order.
    pub fn draws(&self, q: &Gaussian, noise: &[f64]) -> Vec<f64> {
        let num_draws = noise.len() / q.mean.len();
        let mut x = noise.to_vec();
        self.family.pattern().solve_transposed(&q.factor, num_draws, &mut x);
        for (x, mean) in x.chunks_exact_mut(num_draws).zip(&q.mean) {
            x.iter_mut().for_each(|x| *x += mean);
        }
        x
    }

    /// The bound of each draw of a Gaussian.
    pub fn bounds(&mut self, q: &Gaussian, noise: &[f64]) -> Result<Vec<f64>, FitError> {
        let x = self.draws(q, noise);
        let mut values = Vec::new();
        self.blocks(&x, q.mean.len(), |density, z, _| {
            values.extend_from_slice(density.values(z)?);
            Ok(())
        })?;
        self.add_entropy(q, noise, &mut values);
        Ok(values)
    }

    /// The same with gradients.
    pub fn gradients(&mut self, q: &Gaussian, noise: &[f64]) -> Result<Seen, FitError> {
        let d = q.mean.len();
        let x = self.draws(q, noise);
        let num_draws = x.len() / d;
        let (mut values, mut gradients) = (Vec::new(), vec![0.0; x.len()]);
        let family = self.family;
        self.blocks(&x, d, |density, z, first| {
            let (value, grad) = density.all_gradients(z)?;
            values.extend_from_slice(value);
            for (new, to) in gradients.chunks_exact_mut(num_draws).enumerate() {
                to[first..first + z.num_draws].copy_from_slice(family.lane(grad, family.pattern().order[new] as usize));
            }
            Ok(())
        })?;
        self.add_entropy(q, noise, &mut values);
        Ok(Seen { bounds: values, gradients, draws: x })
    }

    fn add_entropy(&self, q: &Gaussian, noise: &[f64], values: &mut [f64]) {
        let num_draws = values.len();
        let constant = q.mean.len() as f64 * LN_SQRT_2_PI - 0.5 * self.family.pattern().ln_det(&q.factor);
        let mut squares = vec![0.0; num_draws];
        for e in noise.chunks_exact(num_draws) {
            squares.iter_mut().zip(e).for_each(|(s, e)| *s += e * e);
        }
        values.iter_mut().zip(squares).for_each(|(v, s)| *v += 0.5 * s + constant);
    }

    /// Minus the second derivatives of the log density on the pattern: their average over draws, and half the difference of
    /// the averages over two halves of the pairs, which has the average's noise.
    ///
    /// For each colour, central differences of gradients along the sum of its latents' conditional standard deviations: two
    /// gradients a draw and colour. Draws whose gradient is not finite there are left out.
    pub fn curvature(
        &mut self,
        q: &Gaussian,
        draws: &[f64],
        colours: &Colours,
        plan: &[Vec<(u32, u32)>],
    ) -> Result<Curvature, FitError> {
        let (pattern, d, family) = (self.family.pattern(), q.mean.len(), self.family);
        let num_draws = draws.len() / d;
        let scale: Vec<f64> = pattern.diagonal().iter().map(|&t| 1.0 / q.precision[t].sqrt()).collect();
        let n = pattern.num_numbers();
        let (mut mean, mut spread, mut counts) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        // The products of the two halves, side by side.
        let (mut product, h, half) = (vec![[0.0; 2]; d], self.step, num_draws / 2);
        for (colour, plan) in plan.iter().enumerate() {
            let mut moved = std::mem::take(&mut self.moved);
            moved.clear();
            for (new, lane) in draws.chunks_exact(num_draws).enumerate() {
                let is_moved = colours.of[pattern.order[new] as usize] as usize == colour;
                let by = if is_moved { h * scale[new] } else { 0.0 };
                // Pairs of a draw and its other side stay together.
                moved.extend(lane.iter().flat_map(|z| [z + by, z - by]));
            }
            product.fill([0.0; 2]);
            let mut usable = [0.0; 2];
            self.blocks(&moved, d, |density, z, first| {
                let (_, grad) = density.all_gradients(z)?;
                for pair in 0..z.num_draws / 2 {
                    let (up, down) = (2 * pair, 2 * pair + 1);
                    let lanes =
                        || grad.latents.chunks_exact(z.num_draws).chain(grad.row_latents.chunks_exact(z.num_draws));
                    if lanes().all(|g| (g[up] - g[down]).is_finite()) {
                        let part = usize::from(2 * ((first / 2 + pair) % half) >= half);
                        usable[part] += 1.0;
                        for (new, product) in product.iter_mut().enumerate() {
                            let g = family.lane(grad, pattern.order[new] as usize);
                            product[part] += g[up] - g[down];
                        }
                    }
                }
                Ok(())
            })?;
            self.moved = moved;
            for &(row, column) in plan {
                if let Some(slot) = pattern.slot(row as usize, column as usize) {
                    let (row, column) = (pattern.place[row as usize] as usize, pattern.place[column as usize] as usize);
                    let [a, b] = [0, 1].map(|part| product[row][part] / (2.0 * h * scale[column]));
                    mean[slot] -= (a + b) / (usable[0] + usable[1]);
                    spread[slot] -= 0.5 * (a / usable[0] - b / usable[1]);
                    counts[slot] += 1.0;
                }
            }
        }
        for numbers in [&mut mean, &mut spread] {
            for (t, number) in numbers.iter_mut().enumerate() {
                *number = if pattern.is_own[t] { *number / counts[t] } else { 0.0 };
            }
        }
        Ok(Curvature { mean, spread })
    }

    /// Calls `visit(density, draws, first draw)` for blocks of points, `[latent][draw]` in the new order.
    fn blocks(
        &mut self,
        x: &[f64],
        d: usize,
        mut visit: impl FnMut(&mut Density<'a, T>, &Draws, usize) -> Result<(), FitError>,
    ) -> Result<(), FitError> {
        let num_draws = x.len() / d;
        let most = (BLOCK / d).clamp(1, 32) * 2;
        let mut part = Vec::new();
        for first in (0..num_draws).step_by(most) {
            let count = most.min(num_draws - first);
            self.density.resize(count, &mut self.z);
            part.clear();
            x.chunks_exact(num_draws).for_each(|lane| part.extend_from_slice(&lane[first..first + count]));
            self.family.scatter(None, &RowSet::all(), &part, &mut self.z);
            visit(&mut self.density, &self.z, first)?;
        }
        Ok(())
    }

    /// KL divergence of `N(0, a^-1)` from `N(0, b^-1)`, in nats.
    pub fn divergence(&self, a: &Gaussian, b: &Gaussian) -> f64 {
        let pattern = self.family.pattern();
        let covariance = pattern.inverse_on_pattern(&a.factor);
        let mut trace = 0.0;
        for j in 0..pattern.size() {
            for t in pattern.column(j) {
                let times = if pattern.rows[t] as usize == j { 1.0 } else { 2.0 };
                trace += times * covariance[t] * b.precision[t];
            }
        }
        let ln_det = pattern.ln_det(&a.factor) - pattern.ln_det(&b.factor);
        0.5 * (trace - pattern.size() as f64 + ln_det)
    }
}
