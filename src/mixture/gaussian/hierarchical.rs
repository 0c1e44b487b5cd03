//! Gaussians whose prior is learned with them.

use serde::{Deserialize, Serialize};

use super::super::component::{Component, Generative, SharedParams};
use super::super::error::all_positive;
use super::super::saved::{Checked, definite, near};
use super::super::{Block, MixtureError, Rows};
use super::full::FullGaussian;
use super::wishart::{self, NormalWishart, view};
use crate::numerics::{cholesky, invert_lower, ln_diagonal, mirror};
use crate::streams::Stream;

/// Gaussians with full covariances of their own and one prior in common, which is learned:
///
/// ```text
/// S ~ Wishart(columns, E[S] = scale_inverse)    Lambda_k | S ~ Wishart(S^-1, degrees)
/// mu_k | Lambda_k ~ N(mean, (mean_precision Lambda_k)^-1)
/// ```
///
/// `S` has a Wishart q of its own, and `mean_precision` goes where the bound is largest, up to the given one. The spread
/// of all rows says little about that of one component; here the components tell each other how large and how long they
/// are, and how far their centres lie apart. The bound stays one on the log evidence, every constant included.
/// Rows that repeat one another would draw `S` towards 0 for ever, and the bound with it: `q(S)` stays where it is once its
/// mean would fall below a ten-thousandth of the given matrix in some direction. Any q(S) gives a bound.
/// Every component's slice repeats `[mean_precision, degrees of q(S), inverse scale of q(S)]` after its own parameters;
/// the KL of `q(S)` is counted once. An update costs some products of small matrices more than [`FullGaussian`]'s.
///
/// *Source:* Malsiner-Walli, Fruehwirth-Schnatter and Gruen (2016), "Model-based clustering based on sparse finite
/// Gaussian mixtures", section 2, for the prior of the scale; by coordinate ascent here, and the spread of the means in
/// units of the component's covariance, its size a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HierarchicalGaussian {
    each: FullGaussian,
    /// Inverse scale of the prior of `S`.
    inverse: Vec<f64>,
    /// Its log determinant.
    log_inverse: f64,
}

/// Rounds of components and prior in an update all the way: components without rows follow the prior only slowly.
const ROUNDS: usize = 8;

/// The least share of the given scale matrix that is learned.
const LEAST: f64 = 1e-4;

/// `[mean_precision, degrees, inverse scale]` of one slice.
struct Shared<'a> {
    mean_precision: f64,
    degrees: f64,
    inverse: &'a [f64],
}

impl HierarchicalGaussian {
    /// With the given prior: its `scale_inverse` is the mean of that of all components, its `mean_precision` the largest.
    ///
    /// # Errors
    /// When the scale matrix cannot be inverted.
    pub fn new(prior: NormalWishart) -> Result<Self, MixtureError> {
        let d = prior.mean.len();
        let singular = MixtureError::Singular { what: "the prior's scale matrix" };
        let (mut inverse, log_scale) = inverted(&prior.scale_inverse, d).ok_or(singular)?;
        inverse.iter_mut().for_each(|x| *x *= d as f64);
        let log_inverse = d as f64 * (d as f64).ln() - log_scale;
        Ok(HierarchicalGaussian { each: FullGaussian::new(prior), inverse, log_inverse })
    }

    /// With the mean of the rows, at most one row's worth of it, four degrees of freedom more than columns, and before
    /// anything is learned the covariance of all rows as the mean of each component's.
    ///
    /// # Errors
    /// As [`NormalWishart::from_rows`], whose `ridge` this has too.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        let all = NormalWishart::from_rows(rows)?;
        // E[covariance] = scale_inverse / (degrees - columns - 1).
        let scale_inverse = all.scale_inverse.iter().map(|x| 3.0 * x).collect();
        let degrees = all.mean.len() as f64 + 4.0;
        let mut prior = NormalWishart::new(all.mean, 1.0, degrees, scale_inverse)?;
        prior.ridge = 3.0 * all.ridge;
        Self::new(prior)
    }

    fn own(&self) -> usize {
        self.each.num_params()
    }

    fn shared<'a>(&self, params: &'a [f64]) -> Shared<'a> {
        let tail = &params[self.own()..self.num_params()];
        Shared { mean_precision: tail[0], degrees: tail[1], inverse: &tail[2..] }
    }

    /// The prior of the components under q(S), and E[log |S|]; none if a matrix is singular.
    fn current(&self, params: &[f64]) -> Option<NormalWishart> {
        let (prior, d) = (&self.each.prior, self.num_columns());
        let shared = self.shared(params);
        let (mut mean, log_inverse) = inverted(shared.inverse, d)?;
        mean.iter_mut().for_each(|x| *x *= shared.degrees);
        let expected_log = wishart::expected_log_determinant(-log_inverse, shared.degrees, d);
        Some(prior.with_scale(shared.mean_precision, mean, -expected_log))
    }

    /// Moves q(S) and the mean precision to their optimum for the components, `rate` of the way.
    fn learn(&self, params: &mut [f64], rate: f64) {
        let (prior, d, length) = (&self.each.prior, self.num_columns(), self.num_params());
        let k = (params.len() / length) as f64;
        let mut cache = vec![0.0; self.each.num_cache()];
        let (mut inverse, mut distance) = (self.inverse.clone(), 0.0);
        for p in params.chunks_exact(length) {
            // A singular covariance stops the next pass, with its error.
            if self.each.prepare(&p[..self.own()], &mut cache).is_err() {
                return;
            }
            let (q, factor) = (view(&p[..self.own()], d), wishart::prepared(&cache, d).factor);
            for (i, row) in factor.chunks_exact(d).enumerate() {
                let along: f64 = (0..=i).map(|j| row[j] * (q.mean[j] - prior.mean[j])).sum();
                distance += along * along;
                for a in 0..=i {
                    (0..=a).for_each(|b| inverse[a * d + b] += row[a] * row[b]);
                }
            }
            distance += d as f64 / q.beta;
        }
        mirror(&mut inverse, d);
        let precision = (k * d as f64 / distance).min(prior.mean_precision);
        let degrees = d as f64 + k * prior.degrees;
        let learns = self.is_large_enough(degrees, &inverse);
        let target: Vec<f64> = [precision, degrees].into_iter().chain(inverse).collect();
        let target = if learns { &target[..] } else { &target[..1] };
        for p in params.chunks_exact_mut(length) {
            let tail = &mut p[self.each.num_params()..];
            tail.iter_mut().zip(target).for_each(|(x, t)| *x = (1.0 - rate) * *x + rate * t);
        }
    }

    /// Whether the mean of S under Wishart(inverse^-1, degrees) is at least [`LEAST`] of the given one everywhere.
    fn is_large_enough(&self, degrees: f64, inverse: &[f64]) -> bool {
        let d = self.num_columns();
        let Some((mut mean, _)) = inverted(inverse, d) else { return false };
        mean.iter_mut().zip(&self.each.prior.scale_inverse).for_each(|(m, c)| *m = degrees * *m - LEAST * c);
        cholesky(&mut mean, d)
    }
}

/// Inverse of a positive definite matrix, and its own log determinant.
fn inverted(matrix: &[f64], d: usize) -> Option<(Vec<f64>, f64)> {
    let mut factor = matrix.to_vec();
    if !cholesky(&mut factor, d) {
        return None;
    }
    let log_determinant = 2.0 * ln_diagonal(&factor, d);
    invert_lower(&mut factor, d);
    let mut out = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            out[i * d + j] = (i..d).map(|k| factor[k * d + i] * factor[k * d + j]).sum();
        }
    }
    mirror(&mut out, d);
    Some((out, log_determinant))
}

impl Component for HierarchicalGaussian {
    fn num_columns(&self) -> usize {
        self.each.num_columns()
    }

    fn num_params(&self) -> usize {
        self.own() + 2 + self.inverse.len()
    }

    fn num_stats(&self) -> usize {
        self.each.num_stats()
    }

    fn num_cache(&self) -> usize {
        self.each.num_cache()
    }

    fn num_scratch(&self, stride: usize) -> usize {
        self.each.num_scratch(stride)
    }

    fn prior(&self, params: &mut [f64]) {
        let (own, tail) = params.split_at_mut(self.own());
        self.each.prior(own);
        (tail[0], tail[1]) = (self.each.prior.mean_precision, self.num_columns() as f64);
        tail[2..].copy_from_slice(&self.inverse);
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        self.each.prepare(&params[..self.own()], cache)
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        self.each.log_density(cache, block, out, scratch);
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        self.each.accumulate(cache, block, weights, stats, scratch);
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        self.update_all(params, stats, rate);
    }

    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.kl_all(params, cache)
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        self.each.centre(&params[..self.own()], row);
    }

    fn notes(&self) -> Vec<String> {
        self.each.notes()
    }

    fn shared(&self) -> Option<&dyn SharedParams> {
        Some(self)
    }
}

impl SharedParams for HierarchicalGaussian {
    fn update_all(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        let (own, length) = (self.own(), self.num_params());
        let before = params.to_vec();
        for _ in 0..if rate == 1.0 { ROUNDS } else { 1 } {
            let Some(prior) = self.current(params) else { return };
            let each = params.chunks_exact_mut(length).zip(before.chunks_exact(length));
            for ((p, old), s) in each.zip(stats.chunks_exact(self.num_stats())) {
                p[..own].copy_from_slice(&old[..own]);
                wishart::update(&prior, &mut p[..own], s, rate);
            }
            self.learn(params, rate);
        }
    }

    fn kl_all(&self, params: &[f64], caches: &[f64]) -> f64 {
        let d = self.num_columns();
        let Some(prior) = self.current(params) else { return f64::NAN };
        let each = params.chunks_exact(self.num_params()).zip(caches.chunks_exact(self.num_cache()));
        let components: f64 = each.map(|(p, c)| prior.kl(&p[..self.own()], c)).sum();
        let (shared, degrees) = (self.shared(params), d as f64);
        let log_inverse = inverted(shared.inverse, d).map_or(f64::NAN, |(_, log)| log);
        let trace: f64 = self.inverse.iter().zip(&prior.scale_inverse).map(|(a, b)| a * b).sum();
        let expected_log = wishart::expected_log_determinant(-log_inverse, shared.degrees, d);
        components + wishart::log_normaliser(-log_inverse, shared.degrees, d)
            - wishart::log_normaliser(-self.log_inverse, degrees, d)
            + 0.5 * ((shared.degrees - degrees) * expected_log - shared.degrees * d as f64 + trace)
    }
}

impl Generative for HierarchicalGaussian {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        self.each.predictive(&params[..self.own()], block, out)
    }

    fn value_names(&self) -> Vec<String> {
        self.each.value_names()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        self.each.expectation(&params[..self.own()], values);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        self.each.draw(&params[..self.own()], stream, values)
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        self.each.sample(values, stream, row)
    }
}

impl Checked for HierarchicalGaussian {
    fn check_prior(&self) -> Result<(), MixtureError> {
        self.each.check_prior()?;
        let made = Self::new(self.each.prior.clone())?;
        let same = near(&self.inverse, &made.inverse) && near(&[self.log_inverse], &[made.log_inverse]);
        definite(same, "the scale matrix of the prior of all")
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        self.each.check_params(&params[..self.own()])?;
        let (shared, d) = (self.shared(params), self.num_columns());
        all_positive("the precision or the degrees of the prior", &[shared.mean_precision, shared.degrees])?;
        let right = shared.degrees > d as f64 - 1.0 && inverted(shared.inverse, d).is_some();
        definite(right, "the scale matrix that the components share")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::mixture::{CoordinateAscent, Table, Weights};
    use libm::lgamma;

    /// Two groups of a column.
    fn rows() -> Table {
        let x = [-3.1, -2.9, -3.4, -2.2, -3.0, 2.9, 3.3, 3.1, 2.4, 3.6, 2.8];
        Table::from_columns(&[x.to_vec()]).expect("a table")
    }

    fn hierarchical() -> HierarchicalGaussian {
        HierarchicalGaussian::new(NormalWishart::new(vec![0.0], 1.0, 2.5, vec![3.0]).expect("a prior")).expect("a kind")
    }

    /// For one column S is a gamma variable and one component's evidence an integral over it: with `v = degrees / 2`,
    /// `p(x) = int gamma(S; 1/2, 1 / (2 scale)) (2 pi)^(-n/2) sqrt(b / (b + n)) gamma(v + n/2) / gamma(v)
    /// (S/2)^v (S/2 + R/2)^-(v + n/2) dS`, `R` the sum of squares about the posterior mean with the prior's share.
    fn evidence(x: &[f64], b: f64, degrees: f64, scale: f64) -> f64 {
        let (n, v, h) = (x.len() as f64, 0.5 * degrees, 0.5);
        let sum: f64 = x.iter().sum();
        let rest = x.iter().map(|x| x * x).sum::<f64>() - sum * sum / (b + n);
        let constant = -0.5 * n * (2.0 * std::f64::consts::PI).ln() + 0.5 * (b / (b + n)).ln() + lgamma(v + 0.5 * n)
            - lgamma(v)
            - lgamma(h)
            + h * (h / scale).ln();
        // S = exp(t) on an even grid: the integrand vanishes at both ends, so the trapezoid rule is exact to rounding.
        let step = 0.01;
        let log = |t: f64| {
            let s = t.exp();
            h * t - h * s / scale + v * (0.5 * s).ln() - (v + 0.5 * n) * (0.5 * (s + rest)).ln()
        };
        let terms: Vec<f64> = (-2500..1500).map(|i| log(step * f64::from(i))).collect();
        let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        constant + most + (terms.iter().map(|t| (t - most).exp()).sum::<f64>() * step).ln()
    }

    /// One component: the bound lies below the evidence of its own mean precision, by no more than the dependence
    /// between S and the precision that q leaves out (here below 0.2 nats); KL terms that were dropped are larger.
    #[test]
    fn the_bound_lies_just_below_the_evidence() {
        let (rows, component) = (rows(), hierarchical());
        let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(1.0), 1).expect("settings");
        let mut state = ascent.init().expect("a start");
        for _ in 0..200 {
            ascent.step(&mut state).expect("a step");
        }
        let precision = component.shared(&state.params).mean_precision;
        let mut space = Vec::new();
        let block = rows.block(0, &mut space).expect("a block");
        let exact = evidence(&block.column(0)[..block.len()], precision, 2.5, 3.0);
        let below = exact - ascent.bound(&state).expect("a bound");
        assert!((0.0..0.2).contains(&below), "{below}");
    }

    /// With 1e-10 of the bound for rounding.
    #[test]
    fn the_bound_never_falls() {
        let (rows, component) = (rows(), hierarchical());
        for k in 1..=4 {
            let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(0.5), k).expect("settings");
            let mut state = ascent.init().expect("a start");
            let mut before = f64::NEG_INFINITY;
            for _ in 0..60 {
                let bound = ascent.step(&mut state).expect("a step").objective.expect("a bound");
                assert!(bound >= before - 1e-10 * bound.abs(), "{k}: {bound} after {before}");
                before = bound;
            }
        }
    }

    /// Twelve equal rows of thirty: the evidence itself has no largest value, the bound of q does.
    #[test]
    fn equal_rows_do_not_draw_the_scale_to_nothing() {
        let x: Vec<f64> = (0..30).map(|i| if i < 12 { 0.0 } else { 5.0 + 0.1 * f64::from(i % 7) }).collect();
        let y: Vec<f64> = (0..30).map(|i| if i < 12 { 1.0 } else { 0.2 * f64::from(i % 5) }).collect();
        let rows = Table::from_columns(&[x, y]).expect("a table");
        let component = HierarchicalGaussian::from_rows(&rows).expect("a prior");
        let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(0.5), 2).expect("settings");
        let mut state = ascent.init().expect("a start");
        let mut before = f64::NEG_INFINITY;
        for _ in 0..300 {
            let bound = ascent.step(&mut state).expect("a step").objective.expect("a bound");
            assert!(bound.is_finite() && bound >= before - 1e-10 * bound.abs(), "{bound} after {before}");
            before = bound;
        }
        let prior = component.current(&state.params).expect("a prior");
        let share = prior.scale_inverse[0] / component.each.prior.scale_inverse[0];
        assert!(share > 1e-4, "{share}");
    }

    /// The prior is a stationary point without rows: E[S] is the given matrix, and its KL is 0.
    #[test]
    fn without_rows_everything_stays_at_the_prior() {
        let component = hierarchical();
        let (mut params, mut cache) = (vec![0.0; component.num_params()], vec![0.0; component.num_cache()]);
        component.prior(&mut params);
        component.prepare(&params, &mut cache).expect("a prior");
        let current = component.current(&params).expect("a prior");
        assert!((current.scale_inverse[0] - 3.0).abs() < 1e-14);
        // The component's own prior is that under the mean of S; Jensen's inequality for E log S leaves a little.
        let half: f64 = 0.5;
        let jensen = 2.5 * 0.5 * (half.ln() - crate::numerics::Lane::digamma(half));
        assert!((component.kl_all(&params, &cache) - jensen).abs() < 1e-13);
    }
}
