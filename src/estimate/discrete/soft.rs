//! [`Soft`]: weights of the integers' values, and the density there.

use super::super::{Point, lanes_finite};
use super::lanes::Relaxation;
use crate::family::{Discrete, Integer};
use crate::model::{Draws, RowSet};
use crate::target::{DensityError, LogDensity, Pass};

/// Weights of every value of every integer, one set for each draw.
///
/// Lanes lie as in the relaxed density: `[value][draw]` for each integer outside of rows, then
/// `[value][row][draw]` for each of the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Soft {
    pub relaxation: Relaxation,
    /// The latents of the pass, in the family's order.
    pub places: Vec<Place>,
    /// Weight of each value, `[lane][draw]`.
    pub weights: Vec<f64>,
    /// `log p` (less `log F` of the real latents) of each draw at the weights.
    pub signal: Vec<f64>,
    /// Gradient of `log p` in the weights, `[lane][draw]`.
    pub bar: Vec<f64>,
    /// Lanes of integers outside of rows.
    num_outside: usize,
    num_draws: usize,
    z: Draws,
    z_bar: Draws,
    pass: Pass,
    grad_theta: Vec<f64>,
}

/// One integer of the pass, and where its weights lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub integer: Integer,
    first: usize,
    stride: usize,
    /// Its number among the values of all sites, the same in each row.
    feature: usize,
}

impl Place {
    /// The lane of value number `k`.
    pub fn lane(self, k: usize) -> usize {
        self.first + k * self.stride
    }

    /// The number of value `k` of its site.
    pub fn feature(self, k: usize) -> usize {
        self.feature + k
    }
}

impl Soft {
    /// Gives every buffer its size.
    pub fn resize<G: Discrete + ?Sized>(&mut self, family: &G, rows: &RowSet, num_draws: usize) {
        let outside = family.num_integers();
        let in_pass = (family.num_latents(rows) - outside).checked_div(family.num_row_integers()).unwrap_or(0);
        self.places.clear();
        let (mut lanes, mut features) = (0, 0);
        for latent in 0..family.num_latents(rows) {
            let integer = family.integer(rows, latent);
            let (row, stride) = if latent < outside { (0, 1) } else { ((latent - outside) % in_pass, in_pass) };
            self.places.push(Place { integer, first: lanes + row, stride, feature: features });
            if row + 1 == stride {
                lanes += integer.num_values * stride;
                features += integer.num_values;
            }
            if latent + 1 == outside {
                self.num_outside = lanes;
            }
        }
        if outside == 0 {
            self.num_outside = 0;
        }
        self.num_draws = num_draws;
        for buffer in [&mut self.weights, &mut self.bar] {
            buffer.resize(lanes * num_draws, 0.0);
        }
    }

    /// Values of all sites, one row's counted once.
    pub fn num_features(&self) -> usize {
        self.places.last().map_or(0, |p| p.feature(p.integer.num_values))
    }

    /// The density and its gradient at the weights, or at the corner of the first lane's integers in `hard`.
    pub fn evaluate<T: LogDensity + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        hard: &Draws,
        data_weight: Option<f64>,
    ) -> Result<(), DensityError> {
        if self.relaxation == Relaxation::None {
            return Ok(());
        }
        let relaxed = target.relaxed()?;
        let draws = self.num_draws;
        self.z.resize(relaxed.layout(), hard.num_rows, draws);
        self.grad_theta.resize(at.theta.len(), 0.0);
        let (own, rows) = (target.layout().num_latents, target.layout().num_row_latents * hard.num_rows);
        copy_first(&hard.latents, hard.num_draws, draws, &mut self.z.latents[..own * draws]);
        copy_first(&hard.row_latents, hard.num_draws, draws, &mut self.z.row_latents[..rows * draws]);
        let (outside, inside) = match self.relaxation {
            Relaxation::Corner | Relaxation::CornerAlone => {
                self.bar.fill(0.0);
                for place in &self.places {
                    for (d, value) in place.integer.lane(hard)[..draws].iter().enumerate() {
                        self.bar[place.lane((value - place.integer.low) as usize) * draws + d] = 1.0;
                    }
                }
                self.bar.split_at(self.num_outside * draws)
            }
            _ => self.weights.split_at(self.num_outside * draws),
        };
        self.z.latents[own * draws..].copy_from_slice(outside);
        self.z.row_latents[rows * draws..].copy_from_slice(inside);
        self.pass.data_weight = data_weight;
        let Soft { z, z_bar, pass, grad_theta, .. } = self;
        relaxed.log_density_and_gradient(at.theta, z, at.rows, pass, z_bar, grad_theta)?;
        let (outside, inside) = self.bar.split_at_mut(self.num_outside * draws);
        outside.copy_from_slice(&self.z_bar.latents[own * draws..]);
        inside.copy_from_slice(&self.z_bar.row_latents[rows * draws..]);
        self.signal.clone_from(&self.pass.log_density);
        Ok(())
    }

    /// Takes `log F` off the density, and the share from draws where it has no finite value or gradient.
    pub fn reject(&mut self, log_real: &[f64], share: &mut [f64]) {
        if self.relaxation == Relaxation::None {
            return;
        }
        self.signal.iter_mut().zip(log_real).for_each(|(f, q)| *f -= q);
        for (d, share) in share.iter_mut().enumerate() {
            if !self.signal[d].is_finite() || !lanes_finite(&self.bar, self.num_draws, d) {
                *share = 0.0;
            }
        }
    }
}

/// The first `draws` of each lane of `size`.
fn copy_first(from: &[f64], size: usize, draws: usize, to: &mut [f64]) {
    for (from, to) in from.chunks_exact(size).zip(to.chunks_exact_mut(draws)) {
        to.copy_from_slice(&from[..draws]);
    }
}
