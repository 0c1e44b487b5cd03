//! The measure-valued gradient of gamma families.

use statrs::function::beta::ln_beta;

use super::super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, independent, no_theta};
use super::{MeasureValued, Moved};
use crate::family::{Family, GammaFactors, GammaLaw, ScalarLaw};
use crate::model::Draws;
use crate::target::{DensityError, LogDensity};

/// Purposes of the streams; the draws themselves have them as they come.
const LARGER: u32 = 0x6d11;
const SHARE: u32 = 0x6d12;

/// For each latent `x ~ Gamma(shape, rate)` the differences, the other latents as drawn from q:
///
/// ```text
/// - d/d ln rate   shape E[f(x + e / rate) - f(x)]                          e ~ Exponential(1)
/// d/d shape       B(shape, 1/2) E[(f(x) - f(s x)) / sqrt(1 - s)]           s ~ Beta(shape, 1/2)
/// ```
///
/// with `f = log p`, taken to the parameters `ln mean` and `ln shape` by the chain rule; the entropy's gradient is added in
/// closed form. Unbiased in both, from values alone, and of finite variance for log densities with jumps too. The noise
/// in `ln shape` stays where the shape is large, while that gradient falls as one over the shape: the implicit
/// [`Pathwise`](crate::estimate::Pathwise) gradient has less, where the model has a gradient.
///
/// *Assumes* independent draws and no parameters theta. *Cost*: `1 + 2 n` values a draw for `n` latents. A draw with a
/// value that is not finite is left out for that latent and counts as rejected.
///
/// *Source*: the rate as in Mohamed, Rosca, Figurnov and Mnih 2020, table 1: `Gamma(shape + 1, rate)` less
/// `Gamma(shape, rate)`, the first being the second with an exponential number added. The shape, for which their table
/// has none, from Frullani's integral `ln x = int_0^inf (exp(-t) - exp(-t x)) / t dt`: multiplied by `exp(-t x)` a gamma
/// law is one of rate `1 + t`, hence `d/d shape E f(x) = int_0^1 s^(shape - 1) / (1 - s) E[f(x) - f(s x)] ds`; drawing `s`
/// from `Beta(shape, 1/2)` keeps the variance finite.
impl<T: LogDensity + ?Sized> GradientEstimator<T, GammaFactors> for MeasureValued {
    type State = Scratch<Moved>;

    fn init(&self, _: &T, _: &GammaFactors) -> Self::State {
        Scratch::default()
    }

    fn estimate(
        &self,
        of: &Task<T, GammaFactors>,
        state: &mut Self::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        let moved = &mut state.buffers;
        let Task { target, family, at } = *of;
        no_theta("the measure-valued gradient", target.layout())?;
        independent("the measure-valued gradient", &at)?;
        space.draw(of)?;
        space.evaluate(of)?;
        let (draws, params) = (at.num_draws, at.params);
        moved.repeat(space, 2);
        moved.own.clone_from(&space.pass.log_density);
        moved.places.clear();
        family.each(params, at.rows, |_, [a, b], _, place, in_rows| moved.places.push((a, b, place, in_rows)));
        moved.pass.data_weight = space.pass.data_weight;
        for k in 0..moved.places.len() {
            let (a, b, place, in_rows) = moved.places[k];
            let law = GammaLaw::of([params[a], params[b]]);
            moved.shift_gamma(&law, &at, k, &space.z);
            target.log_density(at.theta, &moved.z, at.rows, &mut moved.pass)?;
            let (larger, smaller) = moved.both();
            let of_mean = law.shape() * larger;
            space.grad[a] += of_mean;
            // At a fixed mean the rate grows with the shape.
            space.grad[b] += law.shape() * ln_beta(law.shape(), 0.5).exp() * smaller - of_mean;
            moved.put_back(&space.z, place, in_rows);
        }
        let rejected = moved.lost.iter().filter(|lost| **lost).count();
        let finite = || moved.own.iter().filter(|f| f.is_finite());
        let value = finite().sum::<f64>() / finite().count() as f64;
        let evaluations = draws * (1 + 2 * moved.places.len());
        if rejected < draws {
            family.add_entropy_gradient(params, at.rows, 1.0, &mut space.grad);
        }
        let entropy = family.entropy(params, at.rows).unwrap_or(f64::NAN);
        Ok(Estimate { value: value + entropy, rejected, evaluations })
    }
}

impl Moved {
    /// Moves latent `k` of each draw to `x + e / rate` and to `s x`, and overwrites the first `draws` of `shifts` with
    /// `1 / sqrt(1 - s)`.
    fn shift_gamma(&mut self, law: &GammaLaw, at: &Point, k: usize, from: &Draws) {
        let draws = at.num_draws;
        let (_, _, place, in_rows) = self.places[k];
        self.shifts.resize(4 * draws, 0.0);
        let mut shifts = std::mem::take(&mut self.shifts);
        let (weights, noise) = shifts.split_at_mut(draws);
        let (uniforms, normals) = noise.split_at_mut(draws);
        at.streams.purpose(LARGER).purpose(k as u32).fill_uniform(draws, uniforms);
        at.streams.purpose(SHARE).purpose(k as u32).fill_normal(draws, normals);
        let ln_rate = law.rate().ln();
        let all = if in_rows { &from.row_latents } else { &from.latents };
        let own = &all[place * draws..(place + 1) * draws];
        for (d, to) in self.lane(place, in_rows).chunks_exact_mut(2).enumerate() {
            let (ln_x, exponential) = (own[d] + ln_rate, -uniforms[d].ln());
            to[0] = (ln_x.exp() + exponential).ln() - ln_rate;
            // s = g / (g + h) of two gamma numbers, of which the second has a shape of one half.
            let (ln_g, h) = (law.draw([normals[d], 0.0]) + ln_rate, 0.5 * normals[draws + d].powi(2));
            let ln_ratio = h.ln() - ln_g;
            let ln_s = if ln_ratio > 0.0 { -ln_ratio - (-ln_ratio).exp().ln_1p() } else { -ln_ratio.exp().ln_1p() };
            to[1] = own[d] + ln_s;
            weights[d] = (-ln_s.exp_m1()).sqrt().recip();
        }
        self.shifts = shifts;
    }

    /// Means of `f(larger) - f(own)` and of `weight (f(own) - f(smaller))` over the draws where all are finite.
    fn both(&mut self) -> (f64, f64) {
        let (mut larger, mut smaller, mut accepted) = (0.0, 0.0, 0);
        let weights = self.shifts.iter().zip(&self.own);
        for ((f, (weight, own)), lost) in self.pass.log_density.chunks_exact(2).zip(weights).zip(&mut self.lost) {
            let (up, down) = (f[0] - own, weight * (own - f[1]));
            if up.is_finite() && down.is_finite() {
                (larger, smaller, accepted) = (larger + up, smaller + down, accepted + 1);
            } else {
                *lost = true;
            }
        }
        let share = 1.0 / f64::from(accepted.max(1));
        (share * larger, share * smaller)
    }
}
