//! Antithetic pairs for latents of two values: ARM and DisARM.

use super::super::Point;
use super::strata::two_valued;
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::Discrete;
use crate::family::pairs::{Pairs, set_pair};
use crate::model::RowSet;
use crate::target::DensityError;

/// `(f(b) - f(c)) / 2 (-1)^c_i 1[b_i != c_i] max(theta_i, 1 - theta_i)` in the logit of each latent, from the antithetic
/// pair `b_i = 1[1 - u_i < theta_i]`, `c_i = 1[u_i < theta_i]`, with `f = log p - log q` and `theta_i = q(b_i = 1)`.
///
/// For latents of two values. Unbiased; two evaluations a draw; the mean of [`Arm`] given the pair, so never noisier.
///
/// *Source*: Dong, Mnih and Tucker 2020, equation 6; Yin, Ho, Yan, Qian and Zhou 2020 (U2G).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisArm;

/// `(f(b) - f(c)) (u_i - 1/2)` in the logit of each latent, with the pair of [`DisArm`].
///
/// For latents of two values. Unbiased; two evaluations a draw; here to compare with, [`DisArm`] is better.
///
/// *Source*: Yin and Zhou 2019, theorem 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arm;

macro_rules! antithetic {
    ($name:ident, $slope:expr) => {
        impl<G: Discrete + ?Sized> DiscreteGradient<G> for $name {
            type State = ();

            fn shape(&self, family: &G, rows: &RowSet, _: usize) -> Result<Shape, DensityError> {
                shape(family, rows, stringify!($name))
            }

            fn set(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes) {
                set_pairs(family, at, lanes);
            }

            fn add_gradient(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
                add_pairs(family, at, lanes, grad, $slope)
            }
        }
    };
}
antithetic!(Arm, |pairs: Pairs, _| pairs.of_uniforms());
antithetic!(DisArm, |pairs: Pairs, largest| 0.5 * largest * pairs.of_differences());

pub(super) fn shape<G: Discrete + ?Sized>(family: &G, rows: &RowSet, name: &str) -> Result<Shape, DensityError> {
    two_valued(family, rows, name)?;
    Ok(Shape { num_lanes: 2, num_differentiated: 2, by_row: false, relaxation: Relaxation::None })
}

/// Lane 0 holds `b`, lane 1 its antithetic partner; both are draws of q, to within 2^-33.
pub(super) fn set_pairs<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes) {
    let (draws, size) = (lanes.num_draws, family.num_latents(at.rows));
    lanes.probability.fill(0.5);
    let work = &mut lanes.work;
    work.words.resize(size.div_ceil(2) * draws, 0);
    at.streams.fill_words(draws, &mut work.words);
    work.tables.clear();
    for latent in 0..size {
        let integer = family.integer(at.rows, latent);
        family.probabilities(at.params, at.rows, latent, &mut work.p);
        work.tables.push(work.p[0].max(work.p[1]));
        let (b, c) = integer.lane_mut(&mut lanes.z).split_at_mut(draws);
        let words = own_words(&work.words, draws, latent);
        set_pair(work.p[1], integer.low, words, latent, b, c);
    }
}

fn own_words(words: &[u64], draws: usize, latent: usize) -> &[u64] {
    &words[latent / 2 * draws..][..draws]
}

/// Adds `slope(pairs, max(theta_i, 1 - theta_i))`, weighted by `share_s (f(b_s) - f(c_s))`, to each logit's gradient.
fn add_pairs<G: Discrete + ?Sized>(
    family: &G,
    at: &Point,
    lanes: &mut Lanes,
    grad: &mut [f64],
    slope: impl Fn(Pairs, f64) -> f64,
) -> f64 {
    signals(family, at, lanes);
    let mut weights = std::mem::take(&mut lanes.work.weights);
    let (near, far) = lanes.signal.split_at(lanes.num_draws);
    weights.clear();
    let pairs = near.iter().zip(far).zip(&lanes.share);
    weights.extend(pairs.map(|((b, c), share)| if *share > 0.0 { share * (b - c) } else { 0.0 }));
    pull_pairs(family, at, lanes, &weights, grad, slope);
    lanes.work.weights = weights;
    0.5 * (lanes.mean(&lanes.signal, 0) + lanes.mean(&lanes.signal, 1))
}

/// Leaves `log p - log q` in the signal of both lanes.
pub(super) fn signals<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes) {
    let Lanes { z, work, signal, num_draws, .. } = &mut *lanes;
    work.log_q.resize(2 * *num_draws, 0.0);
    family.log_q(at.params, at.rows, z, &mut work.log_q);
    signal.iter_mut().zip(&work.log_q).for_each(|(f, q)| *f -= q);
}

/// Adds `slope(pairs, max(theta_i, 1 - theta_i))` with these weights of the pairs to each logit's gradient.
pub(super) fn pull_pairs<G: Discrete + ?Sized>(
    family: &G,
    at: &Point,
    lanes: &Lanes,
    weights: &[f64],
    grad: &mut [f64],
    slope: impl Fn(Pairs, f64) -> f64,
) {
    let (draws, work) = (lanes.num_draws, &lanes.work);
    for (latent, &largest) in work.tables.iter().enumerate() {
        let integer = family.integer(at.rows, latent);
        let (b, c) = integer.lane(&lanes.z).split_at(draws);
        let words = own_words(&work.words, draws, latent);
        let slope = slope(Pairs { b, c, words, latent, weights }, largest);
        family.pull_log_probabilities(at.params, at.rows, latent, &[-slope, slope], grad);
    }
}
