//! Slopes of the density at whole integers, each draw's from the other draws.

use super::super::Point;
use super::Lanes;
use crate::family::{Discrete, weight_of};

/// For each draw and each value of each latent, the mean over the other accepted draws of the slope of `log p - log q` in the
/// weight of that value, less its mean under q: a linear surrogate of the signal around q's means that does not depend on
/// the draw itself.
#[derive(Clone, Debug, Default)]
pub struct Slopes {
    /// Probabilities of all values, one latent after the other.
    pub p: Vec<f64>,
    /// Where each latent begins in `p`.
    pub first: Vec<usize>,
    /// `[draw][value of all latents]`.
    pub values: Vec<f64>,
    /// The values drawn, `[draw][latent]`, counted from zero.
    pub drawn: Vec<usize>,
    sums: Vec<f64>,
    own: Vec<f64>,
}

impl Slopes {
    /// Overwrites all of it; the density was evaluated at the corner of the draws.
    pub fn of_others<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point, lanes: &Lanes) {
        let (draws, soft) = (lanes.num_draws, &lanes.soft);
        let accepted = lanes.share.iter().filter(|s| **s > 0.0).count();
        for buffer in [&mut self.p, &mut self.values] {
            buffer.clear();
        }
        self.first.clear();
        for (latent, _) in soft.places.iter().enumerate() {
            family.probabilities(at.params, at.rows, latent, &mut self.own);
            self.first.push(self.p.len());
            self.p.extend_from_slice(&self.own);
        }
        let all = self.p.len();
        self.values.resize(all * draws, 0.0);
        self.drawn.resize(soft.places.len() * draws, 0);
        for (latent, place) in soft.places.iter().enumerate() {
            let counts = weight_of(at.rows, place.integer.in_rows);
            let first = self.first[latent];
            let p = &self.p[first..first + place.integer.num_values];
            self.sums.clear();
            for (k, p) in p.iter().enumerate() {
                let own = &soft.bar[place.lane(k) * draws..(place.lane(k) + 1) * draws];
                let of_q = counts * p.max(f64::MIN_POSITIVE).ln();
                let sum: f64 = own.iter().zip(&lanes.share).filter(|(_, s)| **s > 0.0).map(|(g, _)| g - of_q).sum();
                self.sums.push(sum);
                for (d, g) in own.iter().enumerate().filter(|(d, _)| lanes.share[*d] > 0.0) {
                    self.values[d * all + first + k] = (sum - (g - of_q)) / accepted.saturating_sub(1).max(1) as f64;
                }
            }
            let values = place.integer.lane(&lanes.z);
            for (d, value) in values.iter().take(draws).enumerate() {
                let own = &mut self.values[d * all + first..d * all + first + p.len()];
                let mean: f64 = own.iter().zip(p).map(|(g, p)| g * p).sum();
                own.iter_mut().for_each(|g| *g -= mean);
                self.drawn[d * soft.places.len() + latent] = (value - place.integer.low) as usize;
            }
        }
    }

    /// Latents of the pass.
    pub fn num_latents(&self) -> usize {
        self.first.len()
    }

    /// The numbers of a latent's values.
    pub fn range(&self, latent: usize) -> std::ops::Range<usize> {
        self.first[latent]..self.first.get(latent + 1).copied().unwrap_or(self.p.len())
    }

    /// The slopes of draw `d`.
    pub fn of_draw(&self, d: usize) -> &[f64] {
        &self.values[d * self.p.len()..(d + 1) * self.p.len()]
    }

    /// The number of the value that latent `latent` has in draw `d`.
    pub fn place(&self, d: usize, latent: usize) -> usize {
        self.first[latent] + self.drawn[d * self.first.len() + latent]
    }

    /// The surrogate at draw `d`, whose mean under q is zero.
    pub fn surrogate(&self, d: usize) -> f64 {
        let own = self.of_draw(d);
        (0..self.num_latents()).map(|latent| own[self.place(d, latent)]).sum()
    }
}
