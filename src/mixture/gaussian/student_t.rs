//! Student-t components: Gaussians whose precision is scaled by a latent of the row.

use rand_distr::{Distribution, Gamma};
use serde::{Deserialize, Serialize};

use super::super::component::{Component, Generative};
use super::super::error::{all_positive, positive};
use super::super::lanes::{HeavyTail, Moments, Quadratic, run, total};
use super::super::saved::Checked;
use super::super::{Block, MixtureError, Rows};
use super::missing;
use super::wishart::{self, NormalWishart, prepared};
use crate::numerics::{LN_2_PI, ln_gamma_rise, stirling};
use crate::streams::Stream;

/// A Student-t with full scale matrix and known tail: `u ~ Gamma(tail/2, tail/2)`, `x | u ~ N(mu, (u Lambda)^-1)`.
///
/// The latent `u` of a row is summed out in closed form under the current q(mu, Lambda); its mean
/// `(tail + columns) / (tail + distance)` weighs the row in the sums, so that outliers hardly move a component.
/// Missing cells are latents of their row beside `u`, summed out with it: a row is scaled by what is seen of it.
///
/// ```
/// use jensen::mixture::{MixtureFit, FullStudentT, Table};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) + if i < 20 { 0.0 } else { 50.0 }).collect();
/// let y: Vec<f64> = (0..40).map(|i| f64::from(i % 5) - if i < 20 { 0.0 } else { 40.0 }).collect();
/// let rows = Table::from_columns(&[x, y])?;
/// let fitted = MixtureFit::new(FullStudentT::from_rows(&rows, 4.0)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[19] && labels[0] != labels[20], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
///
/// *Source:* Svensén and Bishop (2005), "Robust Bayesian mixture modelling"; here the tail is fixed, mu and Lambda share
/// a normal-Wishart q, and u stays coupled to the assignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FullStudentT {
    prior: NormalWishart,
    tail: f64,
}

impl FullStudentT {
    /// With `tail` degrees of freedom.
    ///
    /// # Errors
    /// When `tail` is not positive.
    pub fn new(prior: NormalWishart, tail: f64) -> Result<Self, MixtureError> {
        Ok(FullStudentT { prior, tail: positive("tail", tail)? })
    }

    /// With the prior of [`NormalWishart::from_rows`].
    ///
    /// # Errors
    /// As there, and when `tail` is not positive.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R, tail: f64) -> Result<Self, MixtureError> {
        Self::new(NormalWishart::from_rows(rows)?, tail)
    }

    /// Writes the rows about the mean and minus half their squared distances, missing cells at their mean given the
    /// others; `each` is told of the rows that have some, as in [`missing::centre`].
    fn distances(
        &self,
        cache: &[f64],
        block: &Block,
        centred: &mut [f64],
        quadratic: &mut [f64],
        each: impl FnMut(usize, f64, &[usize], &[f64]),
    ) {
        let q = prepared(cache, self.num_columns());
        missing::centre(block, &q, centred, each);
        quadratic.fill(0.0);
        run(Quadratic { centred, factor: q.factor, constant: 0.0, out: quadratic });
    }

    /// `d / beta`, what is added to a squared distance beside the tail.
    fn excess(&self, cache: &[f64]) -> f64 {
        let d = self.num_columns() as f64;
        let q = prepared(cache, self.num_columns());
        q.log_precision - d * LN_2_PI - 2.0 * q.constant
    }

    /// What the log density of a row with `seen` cells is at the mean, missing ones not yet summed out.
    ///
    /// In differences that tend to those of a Gaussian: a long tail would leave nothing of `lgamma` less `lgamma`.
    fn constant(&self, cache: &[f64], seen: usize) -> f64 {
        let (d, half_seen) = (self.num_columns(), 0.5 * seen as f64);
        ln_gamma_rise(0.5 * self.tail, half_seen)
            - (0.5 * self.tail + half_seen) * (self.excess(cache) / self.tail).ln_1p()
            + 0.5 * (prepared(cache, d).log_precision - d as f64 * LN_2_PI)
    }
}

impl Component for FullStudentT {
    fn num_columns(&self) -> usize {
        self.prior.mean.len()
    }

    fn num_params(&self) -> usize {
        self.prior.layout().num_params()
    }

    fn num_stats(&self) -> usize {
        self.prior.layout().num_stats()
    }

    fn num_cache(&self) -> usize {
        self.prior.layout().num_cache()
    }

    fn num_scratch(&self, stride: usize) -> usize {
        (self.num_columns() + 2) * stride
    }

    fn prior(&self, params: &mut [f64]) {
        self.prior.write(params);
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        wishart::prepare(params, cache, self.num_columns())
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        let d = self.num_columns();
        let (centred, rest) = scratch.split_at_mut(d * block.stride());
        let quadratic = &mut rest[..block.stride()];
        let mut gaps = Vec::new();
        self.distances(cache, block, centred, quadratic, |row, added, cells, _| {
            gaps.push((row, out[row] + added, d - cells.len()));
        });
        let (scale, half_power) = (self.tail + self.excess(cache), 0.5 * (self.tail + d as f64));
        let constant = self.constant(cache, d);
        run(HeavyTail { quadratic, scale, half_power, constant, out });
        for (row, before, seen) in gaps {
            let half_power = 0.5 * (self.tail + seen as f64);
            let tail = (-2.0 * quadratic[row] / scale).ln_1p();
            out[row] = before + self.constant(cache, seen) - half_power * tail;
        }
    }

    /// With cells missing, `E[u] = (tail + seen) / (tail + distance)`, and the covariance of the missing ones given `u`
    /// is `A_mm^-1 / u`, so that `u` leaves it.
    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        let (d, stride) = (self.num_columns(), block.stride());
        let (head, second) = stats.split_at_mut(2 + d);
        let (centred, rest) = scratch.split_at_mut(d * stride);
        let (scaled, weighted) = rest.split_at_mut(stride);
        let (scale, power) = (self.tail + self.excess(cache), self.tail + d as f64);
        let mut gaps = Vec::new();
        self.distances(cache, block, centred, scaled, |row, _, cells, covariance| {
            gaps.push((row, (power - cells.len() as f64) / power));
            missing::add_covariance(cells, covariance, weights[row], d, second);
        });
        for (u, w) in scaled.iter_mut().zip(weights) {
            *u = w * power / (scale - 2.0 * *u);
        }
        gaps.into_iter().for_each(|(row, share)| scaled[row] *= share);
        head[0] += total(scaled);
        head[1] += total(weights);
        let weighted = &mut weighted[..stride];
        run(Moments { centred, weights: scaled, weighted, first: &mut head[2..], second });
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        wishart::update(&self.prior, params, stats, rate);
    }

    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.prior.kl(params, cache)
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        row.copy_from_slice(wishart::view(params, row.len()).mean);
    }

    fn notes(&self) -> Vec<String> {
        self.prior.notes()
    }
}

impl Generative for FullStudentT {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        let singular = MixtureError::Singular { what: "the scale matrix of a component" };
        let (mut row, mut space) = (vec![0.0; block.num_columns()], Vec::new());
        for (i, out) in out.iter_mut().enumerate().take(block.len()) {
            (0..row.len()).for_each(|j| row[j] = block.column(j)[i]);
            *out += self.averaged(params, &row, &mut space).ok_or_else(|| singular.clone())?;
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        wishart::names(self.num_columns())
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        wishart::expectation(params, self.num_columns(), values);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let d = self.num_columns();
        let mut factor = vec![0.0; d * d];
        wishart::draw_factor(params, d, stream, &mut factor)?;
        wishart::draw_given(params, &factor, stream, values);
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        let half = 0.5 * self.tail;
        let gamma = Gamma::new(half, 1.0 / half).map_err(|e| MixtureError::setting("tail", format!("tail: {e}")))?;
        wishart::sample(values, gamma.sample(stream).max(f64::MIN_POSITIVE), stream, row)
    }
}

impl FullStudentT {
    /// The log density averaged over q and, by the trapezium rule in log u, over the latent scale.
    fn averaged(&self, params: &[f64], row: &[f64], space: &mut Vec<f64>) -> Option<f64> {
        const POINTS: usize = 200;
        if row.iter().all(|x| x.is_nan()) {
            return Some(0.0);
        }
        let half = 0.5 * self.tail;
        let width = 12.0 / half.sqrt() + 36.0 / half;
        let (low, high) = (-width, width.ln_1p());
        // v + 1 - exp v, by its series where the difference would leave no digit of it.
        let bend = |v: f64| if v.abs() < 1e-3 { -v * v * (0.5 + v * (1.0 / 6.0 + v / 24.0)) } else { v - v.exp_m1() };
        let step = (high - low) / POINTS as f64;
        let (mut largest, mut sum) = (f64::NEG_INFINITY, 0.0);
        for i in 0..=POINTS {
            let v = low + step * i as f64;
            let log_weight = stirling(half) + half * bend(v);
            let value = log_weight + wishart::predictive(params, row, (-v).exp(), space)?;
            let rise = f64::max(largest, value);
            sum = sum * (largest - rise).exp() + (value - rise).exp();
            largest = rise;
        }
        Some(largest + (sum * step).ln())
    }
}

impl Checked for FullStudentT {
    fn check_prior(&self) -> Result<(), MixtureError> {
        all_positive("tail", &[self.tail])?;
        self.prior.check()
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        wishart::check(params, self.num_columns())
    }
}
