//! The measure-valued gradient of a mean-field Gaussian (of gamma laws in `measure_valued/gamma.rs`, of Poisson laws in
//! `discrete/counts.rs`).

mod gamma;

use super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, independent, no_theta};
use crate::family::{Family, MeanField};
use crate::model::{Draws, RowSet};
use crate::target::{DensityError, LogDensity, Pass};

/// For each latent `i` of a mean-field Gaussian the difference of two means over laws of `z_i`, the other latents as
/// drawn from q:
///
/// ```text
/// d/d mean_i    1 / (sd_i sqrt(2 pi)) E[f(mean_i + sd_i w) - f(mean_i - sd_i w)]     w ~ Weibull(sqrt 2, 2)
/// d/d ln sd_i   E[f(mean_i + sd_i v) - f(mean_i + sd_i v u)]     v ~ double-sided Maxwell, u ~ Uniform(0, 1)
/// ```
///
/// with `f = log p`; the entropy's gradient is added in closed form. Needs only values of the model, with any jumps
/// and kinks, and its variance does not grow with the number of latents that `f` does not couple. Both differences are
/// coupled: one `w` for both signs, and `v u`, which is a standard normal, from its `v`. Unbiased.
///
/// *Assumes* independent draws and no parameters theta, whose gradient it does not have.
///
/// *Cost*: four model values for each latent and draw.
///
/// A pair with a value that is not finite is left out; a draw counts as rejected when one of its pairs is. Where the
/// density vanishes, that is no gradient of any bound: take [`ScoreFunction`](super::ScoreFunction).
///
/// For a [`PoissonFactors`](crate::family::PoissonFactors) family the mean of `log p` with each count one higher less that with it as
/// drawn, times the rate: `1 + n` values a draw; also beside real latents in a [`Hybrid`](super::Hybrid).
///
/// For the [`GammaFactors`](crate::family::GammaFactors) family differences of gamma laws, in the mean and in the shape: `1 + 2 n` values
/// a draw; the implementation for it has the formulas.
///
/// *Source*: Mohamed, Rosca, Figurnov and Mnih 2020, on measure-valued gradients and their coupling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasureValued;

/// Purposes of the streams; the draws themselves have them as they come.
const WEIBULL: u32 = 0x6d01;
const MAXWELL: u32 = 0x6d02;
const COUPLING: u32 = 0x6d03;

/// `1 / sqrt(2 pi)`
const FRAC_1_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;

/// Buffers: the draws with one latent moved to four places, and the law of each latent.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    z: Draws,
    /// Copies of each draw.
    copies: usize,
    shifts: Vec<f64>,
    places: Vec<(usize, usize, usize, bool)>,
    /// Values of the draws as they are, where every latent is held against them.
    own: Vec<f64>,
    /// For passes over the copies, where others are over the draws alone.
    pass: Pass,
    lost: Vec<bool>,
}

impl<T: LogDensity + ?Sized> GradientEstimator<T, MeanField> for MeasureValued {
    type State = Scratch<Moved>;

    fn init(&self, _: &T, _: &MeanField) -> Self::State {
        Scratch::default()
    }

    fn estimate(
        &self,
        of: &Task<T, MeanField>,
        state: &mut Self::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        let moved = &mut state.buffers;
        let Task { target, family, at } = *of;
        no_theta("the measure-valued gradient", target.layout())?;
        independent("the measure-valued gradient", &at)?;
        space.draw(of)?;
        let (draws, params) = (at.num_draws, at.params);
        let size = space.noise.len() / draws.max(1);
        moved.repeat(space, 4);
        moved.prepare(family, at.rows, size);
        let (mut value, mut counted, mut evaluations) = (0.0, 0, 0);
        for k in 0..size {
            let (mean, ln_sd, place, in_rows) = moved.places[k];
            let sd = params[ln_sd].exp();
            moved.shift(&at, k);
            moved.place(params[mean], sd, place, in_rows);
            target.log_density(at.theta, &moved.z, at.rows, &mut space.pass)?;
            evaluations += 4 * draws;
            let f = &space.pass.log_density;
            space.grad[mean] += moved.difference(f, 0) * FRAC_1_SQRT_2_PI / sd;
            space.grad[ln_sd] += moved.difference(f, 2);
            let normal = f.iter().skip(3).step_by(4).filter(|f| f.is_finite());
            normal.for_each(|f| (value, counted) = (value + f, counted + 1));
            moved.put_back(&space.z, place, in_rows);
        }
        let rejected = moved.lost.iter().filter(|lost| **lost).count();
        if rejected < draws {
            family.add_entropy_gradient(params, at.rows, 1.0, &mut space.grad);
        }
        let entropy = family.entropy(params, at.rows).unwrap_or(f64::NAN);
        Ok(Estimate { value: value / f64::from(counted) + entropy, rejected, evaluations })
    }
}

impl Moved {
    /// Repeats every draw `copies` times.
    fn repeat(&mut self, space: &Space, copies: usize) {
        let draws = space.z.num_draws;
        self.copies = copies;
        (self.z.num_draws, self.z.num_rows) = (copies * draws, space.z.num_rows);
        for (from, to) in [(&space.z.latents, &mut self.z.latents), (&space.z.row_latents, &mut self.z.row_latents)] {
            to.resize(copies * from.len(), 0.0);
            to.chunks_exact_mut(copies).zip(from).for_each(|(to, &from)| to.fill(from));
        }
        self.lost.clear();
        self.lost.resize(draws, false);
    }

    /// Lists where the parameters and draws of each latent are.
    fn prepare(&mut self, family: &MeanField, rows: &RowSet, size: usize) {
        self.places.clear();
        self.places.reserve(size);
        family.each(rows, |mean, ln_sd, place, in_rows| self.places.push((mean, ln_sd, place, in_rows)));
    }

    /// Overwrites `shifts`, `[draw][4]`, with `w, -w, v, v u` for latent `k`.
    fn shift(&mut self, at: &Point, k: usize) {
        let draws = at.num_draws;
        self.shifts.resize(4 * draws + 6 * draws, 0.0);
        let (shifts, scratch) = self.shifts.split_at_mut(4 * draws);
        let of = |purpose: u32| at.streams.purpose(purpose).purpose(k as u32);
        let (pairs, rest) = scratch.split_at_mut(2 * draws);
        let (triples, uniforms) = rest.split_at_mut(3 * draws);
        of(WEIBULL).fill_normal(draws, pairs);
        of(MAXWELL).fill_normal(draws, triples);
        of(COUPLING).fill_uniform(draws, uniforms);
        for (d, shift) in shifts.chunks_exact_mut(4).enumerate() {
            let w = pairs[d].hypot(pairs[draws + d]);
            let (a, b, c) = (triples[d], triples[draws + d], triples[2 * draws + d]);
            // The length of three normals is Maxwell's law, and its sign is that of any of them.
            let v = (a * a + b * b + c * c).sqrt().copysign(a);
            shift.copy_from_slice(&[w, -w, v, v * uniforms[d]]);
        }
    }

    fn lane(&mut self, place: usize, in_rows: bool) -> &mut [f64] {
        let draws = self.z.num_draws;
        let all = if in_rows { &mut self.z.row_latents } else { &mut self.z.latents };
        &mut all[place * draws..(place + 1) * draws]
    }

    fn place(&mut self, mean: f64, sd: f64, place: usize, in_rows: bool) {
        let shifts = std::mem::take(&mut self.shifts);
        for (z, shift) in self.lane(place, in_rows).iter_mut().zip(&shifts) {
            *z = mean + sd * shift;
        }
        self.shifts = shifts;
    }

    fn put_back(&mut self, from: &Draws, place: usize, in_rows: bool) {
        let all = if in_rows { &from.row_latents } else { &from.latents };
        let (lane, copies) = (&all[place * from.num_draws..], self.copies);
        for (to, &z) in self.lane(place, in_rows).chunks_exact_mut(copies).zip(lane) {
            to.fill(z);
        }
    }

    /// The mean of `f[first] - f[first + 1]` over the draws where it is finite; zero where there is none.
    fn difference(&mut self, f: &[f64], first: usize) -> f64 {
        let (mut sum, mut accepted) = (0.0, 0);
        for (f, lost) in f.chunks_exact(4).zip(&mut self.lost) {
            let difference = f[first] - f[first + 1];
            if difference.is_finite() {
                (sum, accepted) = (sum + difference, accepted + 1);
            } else {
                *lost = true;
            }
        }
        sum / f64::from(accepted.max(1))
    }
}
