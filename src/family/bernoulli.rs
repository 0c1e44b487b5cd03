//! Integer latents with two values, one logit each.

use super::integers::Integers;
use super::scratch::Pool;
use super::{Discrete, Family, FamilyError, Integer, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// Independent latents of two values: `q(k = low + 1) = 1 / (1 + exp(-logit))`.
///
/// *Shapes*: `params` is one logit for each integer site outside of rows, then one for each row of each site of the
/// rows. The same distributions as [`Categorical`](super::Categorical) with half the parameters, none of them idle.
/// Not reparameterisable.
#[derive(Clone, Debug, PartialEq)]
pub struct Bernoulli {
    sites: Integers,
    pub(super) scratch: Pool<Vec<f64>>,
}

impl Bernoulli {
    /// The family of the integer latents of `layout`.
    ///
    /// # Errors
    /// For an integer with another number of values than two.
    pub fn new(layout: &Layout) -> Result<Self, FamilyError> {
        let sites = Integers::new(layout, |site| match site.range {
            Some((low, high)) if high == low + 1 => Ok((2, 1)),
            _ => Err(FamilyError::Setting(format!(
                "the integer site \"{}\" is {}, a Bernoulli family draws two values; use `Categorical` for a finite \
                 range, `Poisson` for none",
                site.name, site.support
            ))),
        })?;
        Ok(Bernoulli { sites, scratch: Pool::default() })
    }

    /// `(P(low), P(low + 1))` of latent number `latent` of a pass.
    fn pair(&self, params: &[f64], rows: &RowSet, latent: usize) -> (f64, f64) {
        let logit = params[self.sites.latent(rows, latent).start];
        (sigmoid(-logit), sigmoid(logit))
    }
}

/// `1 / (1 + e^-x)`.
pub(super) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// `ln (1 + e^x)`.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl Family for Bernoulli {
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
                let below = sigmoid(-params[latent.start]);
                for (k, &u) in latent.lane_mut(z).iter_mut().zip(lanes.next().unwrap_or(&[])) {
                    *k = latent.low + u32::from(u >= below);
                }
            });
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.sites.each(rows, |latent| {
            let (weight, logit) = (weight_of(rows, latent.in_rows), params[latent.start]);
            let log_p = [-weight * softplus(logit), -weight * softplus(-logit)];
            for (out, &k) in log_q.iter_mut().zip(latent.lane(z)) {
                *out += log_p[(k != latent.low) as usize];
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.sites.each(rows, |latent| {
            let (weight, logit) = (weight_of(rows, latent.in_rows), params[latent.start]);
            let slope = [-weight * sigmoid(logit), weight * sigmoid(-logit)];
            let lane = latent.lane(z).iter().zip(weights);
            grad[latent.start] += lane.map(|(&k, w)| w * slope[(k != latent.low) as usize]).sum::<f64>();
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = 0.0;
        self.sites.each(rows, |latent| {
            let logit = params[latent.start];
            let own = sigmoid(logit) * softplus(-logit) + sigmoid(-logit) * softplus(logit);
            total += weight_of(rows, latent.in_rows) * own;
        });
        Some(total)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.sites.each(rows, |latent| {
            let logit = params[latent.start];
            grad[latent.start] -= weight * weight_of(rows, latent.in_rows) * logit * sigmoid(logit) * sigmoid(-logit);
        });
    }

    fn init(&self, _: &[f64], _: f64) -> Vec<f64> {
        vec![0.0; self.sites.num_params()]
    }

    fn centre(&self, _: &[f64]) -> Vec<f64> {
        Vec::new()
    }

    fn name(&self) -> String {
        "independent Bernoulli".into()
    }
}

impl Discrete for Bernoulli {
    fn num_integers(&self) -> usize {
        self.sites.num_integers()
    }

    fn num_row_integers(&self) -> usize {
        self.sites.num_row_integers()
    }

    fn num_latents(&self, rows: &RowSet) -> usize {
        self.sites.size(rows)
    }

    fn integer(&self, rows: &RowSet, latent: usize) -> Integer {
        self.sites.integer(rows, latent)
    }

    fn probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, out: &mut Vec<f64>) {
        let (low, high) = self.pair(params, rows, latent);
        out.clear();
        out.extend([low, high]);
    }

    fn pull_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, p_bar: &[f64], grad: &mut [f64]) {
        let (low, high) = self.pair(params, rows, latent);
        grad[self.sites.latent(rows, latent).start] += low * high * (p_bar[1] - p_bar[0]);
    }

    fn pull_log_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, bar: &[f64], grad: &mut [f64]) {
        let (low, high) = self.pair(params, rows, latent);
        grad[self.sites.latent(rows, latent).start] += low * bar[1] - high * bar[0];
    }
}
