//! Integer latents with two values, one logit each.

use super::integers::Integers;
use super::scratch::Pool;
use super::two_values::TwoValues;
use super::{Discrete, Family, FamilyError, Integer, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// Independent latents of two values: `q(k = low + 1) = 1 / (1 + exp(-logit))`.
///
/// *Shapes*: `params` is one logit for each integer site outside of rows, then one for each row of each site of the
/// rows. Draws meet their probabilities to within 2^-33. The same distributions as [`CategoricalFactors`](super::CategoricalFactors) with half the parameters, none of them idle.
/// Not reparameterisable.
#[derive(Clone, Debug, PartialEq)]
pub struct BernoulliFactors {
    sites: Integers,
    pub(super) scratch: Pool<Vec<f64>>,
    passes: Pool<TwoValues>,
}

impl BernoulliFactors {
    /// The family of the integer latents of `layout`.
    ///
    /// # Errors
    /// For an integer with another number of values than two.
    pub fn new(layout: &Layout) -> Result<Self, FamilyError> {
        let sites = Integers::new(layout, |site| match site.range {
            Some((low, high)) if high == low + 1 => Ok((2, 1)),
            _ => Err(FamilyError::setting(
                "layout",
                format!(
                    "the integer site \"{}\" is {}, a Bernoulli family draws two values; use `CategoricalFactors` for a finite \
                 range, `PoissonFactors` for none",
                    site.name, site.support
                ),
            )),
        })?;
        Ok(BernoulliFactors { sites, scratch: Pool::default(), passes: Pool::default() })
    }

    /// `(P(low), P(low + 1))` of latent number `latent` of a pass.
    fn pair(&self, params: &[f64], rows: &RowSet, latent: usize) -> (f64, f64) {
        let logit = params[self.sites.latent(rows, latent).start];
        let e = (-logit.abs()).exp();
        let (unlikely, likely) = (e / (1.0 + e), 1.0 / (1.0 + e));
        if logit < 0.0 { (likely, unlikely) } else { (unlikely, likely) }
    }

    /// Runs `body` on the latents of a pass.
    fn on_pass<R>(&self, params: &[f64], rows: &RowSet, body: impl FnOnce(&mut TwoValues) -> R) -> R {
        self.passes.with(|pass| {
            pass.read(&self.sites, params, rows);
            body(pass)
        })
    }
}

/// Adds `weight * sums` to the logits' gradient, each latent as often as it counts.
fn add_counted(pass: &TwoValues, num_outside: usize, rows: &RowSet, weight: f64, grad: &mut [f64]) {
    for (i, (start, sum)) in pass.starts.iter().zip(&pass.sums).enumerate() {
        grad[*start] += weight * weight_of(rows, i >= num_outside) * sum;
    }
}

/// How often latents outside and in rows count.
fn counts(rows: &RowSet) -> (f64, f64) {
    (weight_of(rows, false), weight_of(rows, true))
}

impl Family for BernoulliFactors {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.sites.covers(self, layout)
    }

    fn num_params(&self) -> usize {
        self.sites.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.on_pass(params, rows, |pass| pass.sample(streams, z));
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        self.on_pass(params, rows, |pass| pass.log_q(counts(rows), z, log_q));
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.on_pass(params, rows, |pass| {
            pass.slopes(z, weights);
            add_counted(pass, self.sites.num_integers(), rows, 1.0, grad);
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let (outside, inside) = counts(rows);
        Some(self.on_pass(params, rows, |pass| {
            pass.entropies();
            let (first, rest) = pass.sums.split_at(self.sites.num_integers());
            outside * first.iter().sum::<f64>() + inside * rest.iter().sum::<f64>()
        }))
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.on_pass(params, rows, |pass| {
            pass.entropy_slopes();
            add_counted(pass, self.sites.num_integers(), rows, weight, grad);
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

impl Discrete for BernoulliFactors {
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
