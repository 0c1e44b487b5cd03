//! Independent probabilities for integer latents.

use super::integers::{Integers, Latent};
use super::scratch::Pool;
use super::{Discrete, Family, FamilyError, Integer, weight_of};
use crate::model::{Draws, Layout, RowSet, Site};
use crate::numerics::softmax;
use crate::streams::Streams;

/// Largest number of values an integer latent may take.
const MOST_CATEGORIES: usize = 1 << 16;

/// Independent categorical distributions over integer latents of finite range: `q(k) = softmax(logits)_(k - low)`.
///
/// *Shapes*: `params` is the logits of each integer site outside of rows, one for each value it can take, then those
/// of each site of the rows, `[row][value]`. A constant added to the logits of one latent changes nothing.
/// Not reparameterisable: use the `ScoreFunction` estimator, or `Hybrid` on a [`Product`](super::Product) with a
/// family of the real latents.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoricalFactors {
    sites: Integers,
    pub(super) scratch: Pool<Vec<f64>>,
}

impl CategoricalFactors {
    /// The family of the integer latents of `layout`.
    ///
    /// # Errors
    /// For an integer without an upper bound, or with more than 65,536 values.
    pub fn new(layout: &Layout) -> Result<Self, FamilyError> {
        let sites = Integers::new(layout, |site| range_of(site).map(|n| (n, n)))?;
        Ok(CategoricalFactors { sites, scratch: Pool::default() })
    }

    /// Calls `visit(latent, probabilities, log of the softmax's denominator)`.
    fn each_distribution(&self, params: &[f64], rows: &RowSet, mut visit: impl FnMut(Latent, &[f64], f64)) {
        self.scratch.with(|p| {
            self.sites.each(rows, |latent| {
                let ln_total = probabilities(logits(params, latent), p);
                visit(latent, p, ln_total);
            });
        });
    }
}

fn logits(params: &[f64], latent: Latent) -> &[f64] {
    &params[latent.start..latent.start + latent.num_values]
}

/// The number of values of a site.
fn range_of(site: &Site) -> Result<usize, FamilyError> {
    let (low, high) = site.range.unwrap_or((0, u32::MAX));
    let categories = (high - low) as usize + 1;
    if categories <= MOST_CATEGORIES {
        Ok(categories)
    } else {
        Err(FamilyError::setting(
            "layout",
            format!(
                "the integer site \"{}\" has no finite range of at most {MOST_CATEGORIES} values, so q has no probability \
             for each; bound it with `p.integer(name, low..high)`, or sum it out of the model",
                site.name
            ),
        ))
    }
}

/// Overwrites `p` with the softmax of `logits`, and returns the log of its denominator.
fn probabilities(logits: &[f64], p: &mut Vec<f64>) -> f64 {
    p.clear();
    p.extend_from_slice(logits);
    softmax(p)
}

impl Family for CategoricalFactors {
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
            self.each_distribution(params, rows, |latent, p, _| {
                for (o, &u) in latent.lane_mut(z).iter_mut().zip(lanes.next().unwrap_or(&[])) {
                    *o = latent.low + category(p, u);
                }
            });
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.each_distribution(params, rows, |latent, _, ln_total| {
            let weight = weight_of(rows, latent.in_rows);
            for (out, &k) in log_q.iter_mut().zip(latent.lane(z)) {
                *out += weight * (params[latent.start + (k - latent.low) as usize] - ln_total);
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let total: f64 = weights.iter().sum();
        self.each_distribution(params, rows, |latent, p, _| {
            let weight = weight_of(rows, latent.in_rows);
            let grad = &mut grad[latent.start..latent.start + latent.num_values];
            for (&k, w) in latent.lane(z).iter().zip(weights) {
                grad[(k - latent.low) as usize] += weight * w;
            }
            grad.iter_mut().zip(p).for_each(|(g, p)| *g -= weight * total * p);
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = 0.0;
        self.each_distribution(params, rows, |latent, p, ln_total| {
            total += weight_of(rows, latent.in_rows) * entropy(&params[latent.start..], p, ln_total);
        });
        Some(total)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.each_distribution(params, rows, |latent, p, ln_total| {
            let weight = weight * weight_of(rows, latent.in_rows);
            let own = entropy(&params[latent.start..], p, ln_total);
            for (k, p) in p.iter().enumerate() {
                grad[latent.start + k] -= weight * p * (params[latent.start + k] - ln_total + own);
            }
        });
    }

    fn init(&self, _: &[f64], _: f64) -> Vec<f64> {
        vec![0.0; self.sites.num_params()]
    }

    fn centre(&self, _: &[f64]) -> Vec<f64> {
        Vec::new()
    }

    fn name(&self) -> String {
        "independent categorical".into()
    }
}

impl Discrete for CategoricalFactors {
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
        probabilities(logits(params, self.sites.latent(rows, latent)), out);
    }

    fn pull_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, p_bar: &[f64], grad: &mut [f64]) {
        let latent = self.sites.latent(rows, latent);
        self.scratch.with(|p| {
            probabilities(logits(params, latent), p);
            let mean: f64 = p.iter().zip(p_bar).map(|(p, b)| p * b).sum();
            for ((g, p), b) in grad[latent.start..].iter_mut().zip(p).zip(p_bar) {
                *g += *p * (b - mean);
            }
        });
    }

    fn pull_log_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, bar: &[f64], grad: &mut [f64]) {
        let latent = self.sites.latent(rows, latent);
        let total: f64 = bar.iter().sum();
        self.scratch.with(|p| {
            probabilities(logits(params, latent), p);
            for ((g, p), b) in grad[latent.start..].iter_mut().zip(p).zip(bar) {
                *g += b - *p * total;
            }
        });
    }
}

/// `-sum p ln p`; a probability that underflowed counts nothing.
fn entropy(logits: &[f64], p: &[f64], ln_total: f64) -> f64 {
    p.iter().zip(logits).filter(|(p, _)| **p > 0.0).map(|(p, l)| p * (ln_total - l)).sum()
}

/// The value whose share of the unit interval holds `u`.
fn category(p: &[f64], u: f64) -> u32 {
    let mut below = 0.0;
    for (k, p) in p.iter().enumerate() {
        below += p;
        if u < below {
            return k as u32;
        }
    }
    // Rounding left a gap below one: the last value that can occur.
    p.iter().rposition(|p| *p > 0.0).unwrap_or(0) as u32
}
