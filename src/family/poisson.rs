//! Counts without an upper bound.

use libm::lgamma;

use super::integers::{Integers, Latent};
use super::scratch::Pool;
use super::{Family, FamilyError, Integer, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// Independent Poisson distributions of integer latents without an upper bound: `k - low ~ Poisson(e^params)`.
///
/// *Shapes*: `params` is the log rate of each integer site outside of rows, then of each row of each site of the rows.
/// Not reparameterisable: use the `ScoreFunction` estimator, or `Hybrid` on a [`Product`](super::Product).
/// The entropy is the sum of `-p ln p` over all values that matter, to 1e-14 of their probability.
/// *Cost*: draws, entropies and their gradients take about `15 sqrt(rate)` terms.
/// *Bad parameters*: a rate above 4e9 cannot be drawn; draws stop at the largest integer there is, 4294967294.
#[derive(Clone, Debug, PartialEq)]
pub struct PoissonFactors {
    sites: Integers,
    scratch: Pool<Vec<f64>>,
}

/// The largest value of an integer latent.
const LARGEST: f64 = (u32::MAX - 1) as f64;

impl PoissonFactors {
    /// The family of the integer latents of `layout`.
    ///
    /// # Errors
    /// For an integer with an upper bound.
    pub fn new(layout: &Layout) -> Result<Self, FamilyError> {
        let sites = Integers::new(layout, |site| match site.range {
            Some((_, high)) if high < u32::MAX - 1 => Err(FamilyError::setting(
                "layout",
                format!(
                    "the integer site \"{}\" is {}, a Poisson family draws integers without an upper bound; use \
                 `CategoricalFactors` or `BernoulliFactors`",
                    site.name, site.support
                ),
            )),
            _ => Ok((0, 1)),
        })?;
        Ok(PoissonFactors { sites, scratch: Pool::default() })
    }

    /// Counts outside of rows, and of each row.
    pub(crate) fn num_counts(&self) -> (usize, usize) {
        (self.sites.num_integers(), self.sites.num_row_integers())
    }

    /// Calls `visit(site, count, its parameter)` for each count of a pass; those of all rows belong to one site.
    pub(crate) fn each_count(&self, rows: &RowSet, mut visit: impl FnMut(usize, Integer, usize)) {
        let outside = self.sites.num_integers();
        let in_pass = self.sites.size(rows).saturating_sub(outside) / self.sites.num_row_integers().max(1);
        self.sites.each(rows, |Latent { low, num_values, place, in_rows, start }| {
            let site = if in_rows { outside + place / in_pass.max(1) } else { place };
            visit(site, Integer { low, num_values, place, in_rows }, start);
        });
    }
}

/// `ln p(count)` at this log rate.
fn ln_probability(ln_rate: f64, count: f64) -> f64 {
    count * ln_rate - ln_rate.exp() - lgamma(count + 1.0)
}

/// The count whose share of the unit interval holds `u`, by a search that starts at the mode.
fn quantile(ln_rate: f64, u: f64) -> f64 {
    let rate = ln_rate.exp();
    if rate.is_nan() || rate >= LARGEST {
        return LARGEST;
    }
    // The shares of the values lie in the order mode, mode + 1, mode - 1, mode + 2, ..: any order has the same law.
    let mode = rate.floor();
    let at_mode = ln_probability(ln_rate, mode).exp();
    let (mut up, mut down) = (mode, mode);
    let (mut p_up, mut p_down) = (at_mode, at_mode);
    let mut left = u - at_mode;
    while left >= 0.0 {
        let before = left;
        up += 1.0;
        p_up *= rate / up;
        left -= p_up;
        if left < 0.0 {
            return up.min(LARGEST);
        }
        p_down *= down / rate;
        if down > 0.0 {
            down -= 1.0;
            left -= p_down;
            if left < 0.0 {
                return down;
            }
        }
        if left == before {
            // What is left of the unit interval is rounding.
            return mode;
        }
    }
    mode
}

/// `sum_k p(k) f(k)` over the counts that matter.
fn mean(ln_rate: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (rate, root) = (ln_rate.exp(), (0.5 * ln_rate).exp());
    if rate.is_nan() || rate >= LARGEST {
        return f64::NAN;
    }
    let (low, high) = ((rate - 9.0 * root - 9.0).max(0.0).floor(), rate + 9.0 * root + 40.0);
    let mut total = 0.0;
    let mut k = low;
    while k <= high {
        total += ln_probability(ln_rate, k).exp() * f(k);
        k += 1.0;
    }
    total
}

impl Family for PoissonFactors {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.sites.covers(self, layout)
    }

    fn num_params(&self) -> usize {
        self.sites.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let draws = z.num_draws;
        self.scratch.with(|uniforms| {
            uniforms.resize(self.sites.size(rows) * draws, 0.0);
            streams.fill_uniform(draws, uniforms);
            let mut lanes = uniforms.chunks_exact(draws);
            self.sites.each(rows, |latent| {
                for (k, &u) in latent.lane_mut(z).iter_mut().zip(lanes.next().unwrap_or(&[])) {
                    *k = (f64::from(latent.low) + quantile(params[latent.start], u)).min(LARGEST) as u32;
                }
            });
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.sites.each(rows, |latent| {
            let weight = weight_of(rows, latent.in_rows);
            for (out, &k) in log_q.iter_mut().zip(latent.lane(z)) {
                *out += weight * ln_probability(params[latent.start], f64::from(k) - f64::from(latent.low));
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.sites.each(rows, |latent| {
            let (weight, rate) = (weight_of(rows, latent.in_rows), params[latent.start].exp());
            let lane = latent.lane(z).iter().zip(weights);
            let slope = lane.map(|(&k, w)| w * (f64::from(k) - f64::from(latent.low) - rate)).sum::<f64>();
            grad[latent.start] += weight * slope;
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = 0.0;
        self.sites.each(rows, |latent| {
            let ln_rate = params[latent.start];
            total -= weight_of(rows, latent.in_rows) * mean(ln_rate, |k| ln_probability(ln_rate, k));
        });
        Some(total)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.sites.each(rows, |latent| {
            // d E f(k) / d rate = E[f(k + 1) - f(k)], here with f(k) = ln k!.
            let ln_rate = params[latent.start];
            let own = ln_rate.exp() * (mean(ln_rate, f64::ln_1p) - ln_rate);
            grad[latent.start] += weight * weight_of(rows, latent.in_rows) * own;
        });
    }

    fn init(&self, _: &[f64], _: f64) -> Vec<f64> {
        vec![0.0; self.sites.num_params()]
    }

    fn centre(&self, _: &[f64]) -> Vec<f64> {
        Vec::new()
    }

    fn name(&self) -> String {
        "independent Poisson".into()
    }
}
