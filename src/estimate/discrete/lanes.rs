//! [`Lanes`]: densities of each draw at several values of its integers.

use std::ops::Range;

use super::super::score::Unweighted;
use super::super::{Point, all_finite, chosen_draws, lanes_finite};
use super::soft::Soft;
use crate::family::Integer;
use crate::model::{Draws, Layout};
use crate::numerics::dot;
use crate::target::{DensityError, Differentiable, LogDensity, Pass};

/// How many lanes each draw is evaluated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// All lanes of one draw.
    pub num_lanes: usize,
    /// The first lanes, over which the gradient of the real latents is averaged by their probability.
    pub num_differentiated: usize,
    /// Whether the terms of each row are asked for.
    pub by_row: bool,
    /// Where the relaxed density is evaluated too, once for each draw.
    pub relaxation: Relaxation,
}

/// Where a method asks for the density of relaxed integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relaxation {
    /// The method never asks for it.
    #[default]
    None,
    /// At the weights that the method sets.
    Inside,
    /// At the corner where the integers of the first lane are.
    Corner,
    /// At that corner, whose value is the density's own: where no real latents need a gradient, it is not evaluated again.
    CornerAlone,
}

/// Values of the integers, lane after lane, and the densities there.
///
/// Blocks are `[latent][lane][draw]`: lane `l` of draw `s` is number `l * num_draws + s`.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// Draws before their integers are changed.
    pub num_draws: usize,
    /// Lanes of each draw.
    pub num_lanes: usize,
    /// Latents of every lane.
    pub z: Draws,
    /// The probability of the lane's values given the other lanes' choice, `[lane][draw]`; zero where the value cannot
    /// occur, and its density does not matter. Over the differentiated lanes of a draw they sum to one.
    pub probability: Vec<f64>,
    /// `log p` (less `log F` of the real latents), `[lane][draw]`, with the rows' weight.
    pub signal: Vec<f64>,
    /// The part of each row in `signal`, `[row of the pass][lane][draw]`, where it was asked for.
    pub row_signal: Vec<f64>,
    /// Each draw's share of the mean over the accepted draws: zero for a rejected one.
    pub share: Vec<f64>,
    pub(super) work: Work,
    /// The relaxed integers of every lane.
    pub(super) soft: Soft,
    pub(super) unweighted: Unweighted,
    /// The differentiated lanes, and the gradients in their real latents.
    first: Draws,
    rest: Draws,
    z_bar: Draws,
    theta_bar: Vec<f64>,
    pass: Pass,
    values: Pass,
}

/// Buffers of the methods.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub p: Vec<f64>,
    /// Probabilities of all latents, one after the other.
    pub tables: Vec<f64>,
    pub bar: Vec<f64>,
    pub uniforms: Vec<f64>,
    /// Half a word decides about each latent of two values.
    pub words: Vec<u64>,
    pub log_q: Vec<f64>,
    pub weights: Vec<f64>,
    pub base: Draws,
    pub digits: Vec<usize>,
    pub latents: Vec<Integer>,
}

impl Lanes {
    pub(crate) fn resize(&mut self, shape: Shape, layout: &Layout, at: &Point) {
        let (draws, all) = (at.num_draws, at.num_draws * shape.num_lanes);
        (self.num_draws, self.num_lanes) = (draws, shape.num_lanes);
        self.z.resize(layout, at.rows.len(layout), all);
        for buffer in [&mut self.probability, &mut self.signal] {
            buffer.clear();
            buffer.resize(all, 0.0);
        }
        self.row_signal.clear();
        self.soft.relaxation = shape.relaxation;
        self.share.resize(draws, 0.0);
        (self.pass.want_row_terms, self.values.want_row_terms) = (shape.by_row, shape.by_row);
    }

    /// Copies the real latents of the draws into every lane.
    pub(crate) fn spread_reals(&mut self, z: &Draws) {
        let blocks = [(&z.latents, &mut self.z.latents), (&z.row_latents, &mut self.z.row_latents)];
        for (from, to) in blocks {
            for (lane, all) in from.chunks_exact(self.num_draws).zip(to.chunks_exact_mut(self.z.num_draws)) {
                all.chunks_exact_mut(self.num_draws).for_each(|to| to.copy_from_slice(lane));
            }
        }
    }

    /// Values in all lanes.
    pub(super) fn evaluate<T: LogDensity + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        data_weight: Option<f64>,
    ) -> Result<(), DensityError> {
        self.values.data_weight = data_weight;
        self.z_bar.latents.clear();
        self.z_bar.row_latents.clear();
        if self.soft.relaxation == Relaxation::CornerAlone {
            self.soft.evaluate(target, at, &self.z, data_weight)?;
            self.signal.copy_from_slice(&self.soft.signal);
            return Ok(());
        }
        target.log_density(at.theta, &self.z, at.rows, &mut self.values)?;
        self.signal.copy_from_slice(&self.values.log_density);
        let all = self.z.num_draws;
        self.soft.evaluate(target, at, &self.z, data_weight)?;
        keep_row_terms(&self.values, at.rows.weight, 0..all, self.z.num_rows, all, &mut self.row_signal)
    }

    /// Values in all lanes and, in the first `differentiated` of them, gradients in the real latents and in theta,
    /// weighted by the lanes' probabilities.
    pub(crate) fn differentiate<T: Differentiable + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        differentiated: usize,
        data_weight: Option<f64>,
    ) -> Result<(), DensityError> {
        let (all, near, weight) = (self.z.num_draws, differentiated * self.num_draws, at.rows.weight);
        self.theta_bar.resize(target.layout().num_parameters, 0.0);
        let Lanes { z, probability, signal, row_signal, first, rest, z_bar, theta_bar, pass, values, .. } = self;
        take(z, target.layout(), 0, near, first);
        (pass.data_weight, values.data_weight) = (data_weight, data_weight);
        pass.draw_weights.clear();
        pass.draw_weights.extend_from_slice(&probability[..near]);
        target.log_density_and_gradient(at.theta, first, at.rows, pass, z_bar, theta_bar)?;
        signal[..near].copy_from_slice(&pass.log_density);
        keep_row_terms(pass, weight, 0..near, z.num_rows, all, row_signal)?;
        if near < all {
            take(z, target.layout(), near, all, rest);
            target.log_density(at.theta, rest, at.rows, values)?;
            signal[near..].copy_from_slice(&values.log_density);
            keep_row_terms(values, weight, near..all, z.num_rows, all, row_signal)?;
        }
        self.soft.evaluate(target, at, &self.z, data_weight)
    }

    /// Takes `log F` of each draw off its lanes, decides which draws count, and returns how many do not.
    pub(crate) fn reject(&mut self, log_real: &[f64]) -> usize {
        let draws = self.num_draws;
        if !log_real.is_empty() {
            for lane in self.signal.chunks_exact_mut(draws) {
                lane.iter_mut().zip(log_real).for_each(|(f, q)| *f -= q);
            }
        }
        self.share.fill(1.0);
        self.soft.reject(log_real, &mut self.share);
        self.reject_lanes();
        let accepted = self.share.iter().sum::<f64>();
        self.share.iter_mut().for_each(|s| *s /= accepted.max(1.0));
        draws - accepted as usize
    }

    /// Takes the share from draws with a value or gradient that is not finite.
    fn reject_lanes(&mut self) {
        let draws = self.num_draws;
        if !all_finite(&self.signal) || self.probability.contains(&0.0) {
            let lanes = self.signal.chunks_exact_mut(draws).zip(self.probability.chunks_exact(draws));
            for ((f, p), share) in lanes.flat_map(|(f, p)| f.iter_mut().zip(p).zip(0..)) {
                if *p == 0.0 {
                    *f = 0.0;
                } else if !f.is_finite() {
                    self.share[share] = 0.0;
                }
            }
        }
        let bar = &self.z_bar;
        if !all_finite(&bar.latents) || !all_finite(&bar.row_latents) {
            for (s, share) in self.share.iter_mut().enumerate() {
                if !lanes_finite(&bar.latents, draws, s) || !lanes_finite(&bar.row_latents, draws, s) {
                    *share = 0.0;
                }
            }
        }
    }

    /// Overwrites the gradients in the real latents of each draw with the sum over its lanes.
    pub(crate) fn gather_reals(&self, z_bar: &mut Draws) {
        let (draws, near) = (self.num_draws, self.z_bar.num_draws);
        let blocks = [(&self.z_bar.latents, &mut z_bar.latents), (&self.z_bar.row_latents, &mut z_bar.row_latents)];
        for (from, to) in blocks {
            for (lanes, to) in from.chunks_exact(near).zip(to.chunks_exact_mut(draws)) {
                to.fill(0.0);
                for lane in lanes.chunks_exact(draws) {
                    to.iter_mut().zip(lane).for_each(|(t, g)| *t += g);
                }
            }
        }
    }

    /// Overwrites `prior` with the prior terms of each draw in its first lane, after [`differentiate`](Self::differentiate),
    /// for a target that tells them apart.
    pub(crate) fn priors(&self, prior: &mut Vec<f64>) {
        let Pass { log_density, data, data_weight, .. } = &self.pass;
        let weight = data_weight.unwrap_or(1.0);
        prior.clear();
        prior.extend(log_density.iter().zip(data).take(self.num_draws).map(|(l, d)| l - weight * d));
    }

    /// The data term of one draw in its first lane.
    pub(crate) fn data_of(&self, draw: usize) -> f64 {
        self.pass.data.get(draw).copied().unwrap_or(0.0)
    }

    /// Mean of the data terms over the accepted draws, each averaged over its differentiated lanes.
    pub(crate) fn mean_data(&self) -> f64 {
        let lanes = self.pass.data.iter().zip(&self.probability).enumerate();
        let term = |(l, (d, p)): (usize, (&f64, &f64))| match p * self.share[l % self.num_draws] {
            0.0 => 0.0,
            weight => weight * d,
        };
        lanes.map(term).sum()
    }

    /// `grad_theta += mean over the accepted draws of theta's gradient`, weighted over the differentiated lanes, and
    /// returns the evaluations this took.
    ///
    /// A rejected draw has poisoned the sum, so that steps with one take a second pass over the others, which
    /// allocates.
    pub(crate) fn add_theta<T: Differentiable + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        rejected: usize,
        grad_theta: &mut [f64],
    ) -> Result<usize, DensityError> {
        let (draws, near) = (self.num_draws, self.first.num_draws);
        let mut again = 0;
        if rejected > 0 || !all_finite(&self.theta_bar) {
            let counts = |l: usize| self.share[l % draws] > 0.0 && self.probability[l] > 0.0;
            let kept: Vec<f64> = (0..near).map(|l| f64::from(u8::from(counts(l)))).collect();
            let z = chosen_draws(&self.first, &kept);
            let weights = self.probability[..near].iter().zip(&kept).filter(|(_, k)| **k > 0.0).map(|(p, _)| *p);
            let mut pass =
                Pass { data_weight: self.pass.data_weight, draw_weights: weights.collect(), ..Pass::default() };
            again = z.num_draws;
            let (mut z_bar, theta) = (Draws::default(), &mut self.theta_bar);
            target.log_density_and_gradient(at.theta, &z, at.rows, &mut pass, &mut z_bar, theta)?;
        }
        let share = 1.0 / (draws - rejected).max(1) as f64;
        grad_theta.iter_mut().zip(&self.theta_bar).for_each(|(t, g)| *t += share * g);
        Ok(again)
    }

    /// Mean over the accepted draws of `values[lane][draw]` in one lane.
    pub(super) fn mean(&self, values: &[f64], lane: usize) -> f64 {
        let values = &values[lane * self.num_draws..(lane + 1) * self.num_draws];
        if all_finite(values) {
            return dot(values, &self.share);
        }
        values.iter().zip(&self.share).filter(|(_, s)| **s > 0.0).map(|(f, s)| f * s).sum()
    }
}

/// Overwrites `to` with the lanes `from..until`.
fn take(z: &Draws, layout: &Layout, from: usize, until: usize, to: &mut Draws) {
    fn cut<X: Copy>(all: &[X], size: usize, range: std::ops::Range<usize>, to: &mut [X]) {
        for (lane, to) in all.chunks_exact(size).zip(to.chunks_exact_mut(range.len())) {
            to.copy_from_slice(&lane[range.clone()]);
        }
    }
    to.resize(layout, z.num_rows, until - from);
    let (size, range) = (z.num_draws, from..until);
    cut(&z.latents, size, range.clone(), &mut to.latents);
    cut(&z.integers, size, range.clone(), &mut to.integers);
    cut(&z.row_latents, size, range.clone(), &mut to.row_latents);
    cut(&z.row_integers, size, range, &mut to.row_integers);
}

/// Puts the weighted terms of each row into `lanes` of `[row][lane]`, where they were asked for.
fn keep_row_terms(
    pass: &Pass,
    weight: f64,
    lanes: Range<usize>,
    num_rows: usize,
    all: usize,
    to: &mut Vec<f64>,
) -> Result<(), DensityError> {
    if !pass.want_row_terms {
        return Ok(());
    }
    let width = lanes.len();
    if pass.row_data.len() != num_rows * width || pass.row_prior.len() != num_rows * width {
        return Err(DensityError::unsupported(
            "this density does not tell the terms of its rows apart, which a gradient for integers of rows needs; use \
             the score function",
        ));
    }
    to.resize(num_rows * all, 0.0);
    let data_weight = pass.data_weight.unwrap_or(1.0);
    for (row, (data, prior)) in pass.row_data.chunks_exact(width).zip(pass.row_prior.chunks_exact(width)).enumerate() {
        let to = &mut to[row * all + lanes.start..row * all + lanes.end];
        for (t, (d, p)) in to.iter_mut().zip(data.iter().zip(prior)) {
            *t = weight * (data_weight * d + p);
        }
    }
    Ok(())
}
