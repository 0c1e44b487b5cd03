//! Biased gradients of relaxed integers: Gumbel-softmax and straight-through.

use super::super::Point;
use super::lanes::Work;
use super::soft::{Place, Soft};
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::Discrete;
use crate::model::RowSet;
use crate::numerics::softmax;
use crate::target::DensityError;

/// `d log p(w(zeta)) / d zeta` in the log probabilities, plus the gradient of the entropy in closed form, with
/// `w = softmax(zeta / temperature)`, `zeta_k = log q(k) - ln(-ln u_k)`, and `log p` at the weights `w` of the integers'
/// values.
///
/// **Biased**: the mean of the relaxed density's gradient is not that of the density's. The bias vanishes with the
/// temperature, though not always steadily, while the variance grows as one over it. For two values `w` is the binary concrete.
///
/// Needs a relaxation of the density ([`LogDensity::relaxed`](crate::target::LogDensity::relaxed)): integers in
/// arithmetic, or in comparisons and indices one at a time. Two evaluations a draw, one of them differentiated; the
/// other is for the value, which is the bound's own.
///
/// *Source*: Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017, of whom the relaxed density of q is left out: the
/// entropy is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GumbelSoftmax {
    /// Greater than zero.
    pub temperature: f64,
}

/// As [`GumbelSoftmax`], with `d log p / d w` at the corner `b = argmax zeta` instead of at `w`.
///
/// **Biased** at every temperature: the density is seen where it is meant to be, the slope is that of its relaxation. It
/// needs and costs what [`GumbelSoftmax`] does.
///
/// *Source*: Bengio, Leonard and Courville 2013; the straight-through Gumbel-softmax of Jang, Gu and Poole 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StraightThrough {
    /// Greater than zero.
    pub temperature: f64,
}

macro_rules! relaxed {
    ($name:ident, $relaxation:expr) => {
        impl<G: Discrete + ?Sized> DiscreteGradient<G> for $name {
            type State = ();

            fn shape(&self, _: &G, _: &RowSet, _: usize) -> Result<Shape, DensityError> {
                shape(stringify!($name), self.temperature, $relaxation)
            }

            fn set(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes) {
                set(family, at, lanes, |_| self.temperature);
            }

            fn add_gradient(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
                add_path(family, at, lanes, self.temperature, grad)
            }
        }
    };
}
relaxed!(GumbelSoftmax, Relaxation::Inside);
relaxed!(StraightThrough, Relaxation::Corner);

pub(super) fn shape(name: &str, temperature: f64, relaxation: Relaxation) -> Result<Shape, DensityError> {
    if temperature > 0.0 && temperature.is_finite() {
        Ok(Shape { num_lanes: 1, num_differentiated: 1, by_row: false, relaxation })
    } else {
        Err(DensityError::setting(format!(
            "{name} has a temperature of {temperature}, expected one greater than zero; try 0.5"
        )))
    }
}

/// Numbers of randomness of one integer: the difference of two Gumbel variables is logistic.
fn width(place: &Place) -> usize {
    if place.integer.num_values == 2 { 1 } else { place.integer.num_values }
}

/// Draws the weights, each draw's at its own temperature, and the integers where they are largest.
pub(super) fn set<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes, temperature: impl Fn(usize) -> f64) {
    let draws = lanes.num_draws;
    lanes.probability.fill(1.0);
    lanes.soft.resize(family, at.rows, draws);
    let Lanes { z, work, soft, .. } = lanes;
    let Work { p, uniforms, bar, .. } = work;
    let Soft { places, weights, .. } = soft;
    uniforms.resize(places.iter().map(width).sum::<usize>() * draws, 0.0);
    at.streams.fill_uniform(draws, uniforms);
    let mut first = 0;
    for (latent, place) in places.iter().enumerate() {
        family.probabilities(at.params, at.rows, latent, p);
        let own = &uniforms[first * draws..(first + width(place)) * draws];
        first += width(place);
        let integers = place.integer.lane_mut(z);
        for (d, integer) in integers.iter_mut().take(draws).enumerate() {
            zeta(p, |k| own[k * draws + d], bar);
            let top = tempered_softmax(bar, temperature(d));
            *integer = place.integer.low + top as u32;
            bar.iter().enumerate().for_each(|(k, w)| weights[place.lane(k) * draws + d] = *w);
        }
    }
}

/// Overwrites `out` with `log p_k + Gumbel_k`, up to a constant.
fn zeta(p: &[f64], uniform: impl Fn(usize) -> f64, out: &mut Vec<f64>) {
    out.clear();
    if let [low, high] = *p {
        let u = uniform(0);
        out.extend([0.0, high.ln() - low.ln() + u.ln() - (-u).ln_1p()]);
    } else {
        out.extend(p.iter().enumerate().map(|(k, p)| p.ln() - (-uniform(k).ln()).ln()));
    }
}

/// Overwrites `zeta` with `softmax(zeta / temperature)`, and returns where it is largest.
fn tempered_softmax(zeta: &mut [f64], temperature: f64) -> usize {
    let mut top = 0;
    for k in 1..zeta.len() {
        if zeta[k] > zeta[top] {
            top = k;
        }
    }
    let largest = zeta[top];
    zeta.iter_mut().for_each(|x| *x = if *x == largest { 0.0 } else { (*x - largest) / temperature });
    softmax(zeta);
    top
}

/// `mean log p - log q` of the hard draws; leaves it in `lanes.signal`.
pub(super) fn bound_of_draws<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes) -> f64 {
    let Lanes { z, work, signal, .. } = &mut *lanes;
    work.log_q.resize(z.num_draws, 0.0);
    family.log_q(at.params, at.rows, z, &mut work.log_q);
    signal.iter_mut().zip(&work.log_q).for_each(|(f, q)| *f -= q);
    lanes.mean(&lanes.signal, 0)
}

fn add_path<G: Discrete + ?Sized>(
    family: &G,
    at: &Point,
    lanes: &mut Lanes,
    temperature: f64,
    grad: &mut [f64],
) -> f64 {
    let (value, draws) = (bound_of_draws(family, at, lanes), lanes.num_draws);
    let Lanes { work, soft, share, .. } = lanes;
    let bar = &mut work.bar;
    for (latent, place) in soft.places.iter().enumerate() {
        let values = 0..place.integer.num_values;
        bar.clear();
        bar.resize(values.len(), 0.0);
        for (d, share) in share.iter().enumerate().filter(|(_, s)| **s > 0.0) {
            let number = |k: usize| place.lane(k) * draws + d;
            let mean: f64 = values.clone().map(|k| soft.weights[number(k)] * soft.bar[number(k)]).sum();
            for (k, bar) in bar.iter_mut().enumerate() {
                let at = number(k);
                *bar += share / temperature * soft.weights[at] * (soft.bar[at] - mean);
            }
        }
        family.pull_log_probabilities(at.params, at.rows, latent, bar, grad);
    }
    family.add_entropy_gradient(at.params, at.rows, 1.0, grad);
    value
}
