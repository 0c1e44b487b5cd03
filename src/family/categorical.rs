//! Independent probabilities for integer latents.

use super::scratch::Pool;
use super::{Family, FamilyError, refuse_sites, weight_of};
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};
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
pub struct Categorical {
    global: Vec<Place>,
    rows: Vec<Place>,
    num_params: usize,
    num_rows: usize,
    first_row: usize,
    scratch: Pool<Vec<f64>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Place {
    offset: usize,
    low: u32,
    categories: usize,
    start: usize,
}

/// One latent of a pass.
#[derive(Clone, Copy)]
struct Latent {
    /// First logit.
    start: usize,
    categories: usize,
    low: u32,
    /// Position among the integers, or among those of the rows.
    place: usize,
    in_rows: bool,
}

impl Categorical {
    /// The family of the integer latents of `layout`.
    ///
    /// # Errors
    /// For an integer without an upper bound, or with more than 65,536 values.
    pub fn new(layout: &Layout) -> Result<Self, FamilyError> {
        let (mut global, mut rows, mut num_params) = (Vec::new(), Vec::new(), 0);
        for site in &layout.sites {
            let (places, copies) = match site.kind {
                SiteKind::Integer => (&mut global, 1),
                SiteKind::RowInteger => (&mut rows, layout.num_rows),
                _ => continue,
            };
            let (low, categories) = range_of(site)?;
            places.push(Place { offset: site.offset, low, categories, start: num_params });
            num_params += categories * copies;
        }
        let (num_rows, first_row) = (layout.num_rows, layout.first_row);
        Ok(Categorical { global, rows, num_params, num_rows, first_row, scratch: Pool::default() })
    }

    /// The probabilities of each value of the integer latent at `offset`, outside of rows.
    pub fn probabilities(&self, params: &[f64], offset: usize) -> Option<Vec<f64>> {
        let place = self.global.iter().find(|p| p.offset == offset)?;
        let mut p = Vec::new();
        softmax(&params[place.start..place.start + place.categories], &mut p);
        Some(p)
    }

    fn each(&self, rows: &RowSet, mut visit: impl FnMut(Latent)) {
        for &Place { offset, low, categories, start } in &self.global {
            visit(Latent { start, categories, low, place: offset, in_rows: false });
        }
        let in_pass = rows.subset.as_ref().map_or(self.num_rows, Vec::len);
        for &Place { offset, low, categories, start } in &self.rows {
            for position in 0..in_pass {
                let row = rows.subset.as_ref().map_or(position, |s| s[position] as usize - self.first_row);
                let (start, place) = (start + row * categories, offset * in_pass + position);
                visit(Latent { start, categories, low, place, in_rows: true });
            }
        }
    }

    /// Calls `visit(latent, probabilities, log of the softmax's denominator)`.
    fn each_distribution(&self, params: &[f64], rows: &RowSet, mut visit: impl FnMut(Latent, &[f64], f64)) {
        self.scratch.with(|p| {
            self.each(rows, |latent| {
                let ln_total = softmax(&params[latent.start..latent.start + latent.categories], p);
                visit(latent, p, ln_total);
            });
        });
    }
}

fn range_of(site: &Site) -> Result<(u32, usize), FamilyError> {
    let (low, high) = site.range.unwrap_or((0, u32::MAX));
    let categories = (high - low) as usize + 1;
    match categories <= MOST_CATEGORIES {
        true => Ok((low, categories)),
        false => Err(FamilyError::Setting(format!(
            "the integer site \"{}\" has no finite range of at most {MOST_CATEGORIES} values, so q has no probability \
             for each; bound it with `p.integer(name, low..high)`, or sum it out of the model",
            site.name
        ))),
    }
}

/// Overwrites `p` with the softmax of `logits` and returns `ln sum exp(logits)`.
fn softmax(logits: &[f64], p: &mut Vec<f64>) -> f64 {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    p.clear();
    p.extend(logits.iter().map(|l| (l - largest).exp()));
    let total: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= total);
    largest + total.ln()
}

fn integers(z: &Draws, latent: Latent) -> &[u32] {
    let all = if latent.in_rows { &z.row_integers } else { &z.integers };
    &all[latent.place * z.num_draws..(latent.place + 1) * z.num_draws]
}

impl Family for Categorical {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        let remedy = "draw real latents with another family: `Product::new(family, Categorical::new(..))`";
        refuse_sites(layout, &[SiteKind::Latent, SiteKind::RowLatent], remedy)?;
        let (found, expected) = (self.global.len() + self.rows.len(), layout.num_integers + layout.num_row_integers);
        match found == expected {
            true => Ok(()),
            false => Err(FamilyError::Size { family: self.name(), found, expected }),
        }
    }

    fn num_params(&self) -> usize {
        self.num_params
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let draws = z.num_draws;
        let mut size = 0;
        self.each(rows, |_| size += 1);
        self.scratch.with(|uniforms| {
            uniforms.resize(size * draws, 0.0);
            streams.fill_uniform(draws, uniforms);
            let mut lanes = uniforms.chunks_exact(draws);
            self.each_distribution(params, rows, |latent, p, _| {
                let all = if latent.in_rows { &mut z.row_integers } else { &mut z.integers };
                let out = &mut all[latent.place * draws..(latent.place + 1) * draws];
                for (o, &u) in out.iter_mut().zip(lanes.next().unwrap_or(&[])) {
                    *o = latent.low + category(p, u);
                }
            });
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        self.each_distribution(params, rows, |latent, _, ln_total| {
            let weight = weight_of(rows, latent.in_rows);
            for (out, &k) in log_q.iter_mut().zip(integers(z, latent)) {
                *out += weight * (params[latent.start + (k - latent.low) as usize] - ln_total);
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let total: f64 = weights.iter().sum();
        self.each_distribution(params, rows, |latent, p, _| {
            let weight = weight_of(rows, latent.in_rows);
            let grad = &mut grad[latent.start..latent.start + latent.categories];
            for (&k, w) in integers(z, latent).iter().zip(weights) {
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
        vec![0.0; self.num_params]
    }

    fn centre(&self, _: &[f64]) -> Vec<f64> {
        Vec::new()
    }

    fn name(&self) -> String {
        "independent categorical".into()
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
