//! Double control variates: leave-one-out with a linear surrogate taken off signal and baseline.

use serde::{Deserialize, Serialize};

use super::super::Point;
use super::leave_one_out::one_lane;
use super::multiples::Multiples;
use super::relaxed::bound_of_draws;
use super::slopes::Slopes;
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::Discrete;
use crate::model::RowSet;
use crate::target::DensityError;

/// `1/S sum_s [ (R_s - mean of the other R) d log q(k_s) + alpha d E_q[b_s] ]` with `R_s = f(k_s) - alpha b_s(k_s)`,
/// `f = log p - log q`, and the surrogate `b_s(k) = g_s . (k - E k)`, whose slopes `g_s` are the mean slope of the relaxed `f`
/// at the other draws.
///
/// For integers of any number of values that the model can be asked for between their values
/// ([`LogDensity::relaxed`](crate::target::LogDensity::relaxed)). Unbiased: `b_s` does not depend on `k_s`, and the mean of
/// `b_t(k_t)` given all other draws is zero. Needs two draws; one evaluation with a gradient a draw, which gives value and
/// slope (beside real latents one more without). `alpha` is the best one for the steps before this one, `(S - 1) / S` at the
/// start.
///
/// *Source*: Titsias and Shi 2022, equations 9 to 11, with their average over the other draws as slopes; departure: `alpha`
/// by least squares over earlier steps in the place of a gradient step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoubleControl;

/// What is learned from step to step, and buffers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DoubleControlState {
    multiples: Multiples,
    #[serde(skip)]
    slopes: Slopes,
    #[serde(skip)]
    bars: [Vec<f64>; 2],
}

impl<G: Discrete + ?Sized> DiscreteGradient<G> for DoubleControl {
    type State = DoubleControlState;

    fn shape(&self, _: &G, _: &RowSet, num_draws: usize) -> Result<Shape, DensityError> {
        at_corners("DoubleControl", num_draws)
    }

    fn set(&self, family: &G, at: &Point, _: &mut Self::State, lanes: &mut Lanes) {
        draw_corners(family, at, lanes);
    }

    fn add_gradient(
        &self,
        family: &G,
        at: &Point,
        DoubleControlState { multiples, slopes, bars }: &mut Self::State,
        lanes: &mut Lanes,
        grad: &mut [f64],
    ) -> f64 {
        let value = bound_of_draws(family, at, lanes);
        slopes.of_others(family, at, lanes);
        let accepted: Vec<usize> = (0..lanes.num_draws).filter(|&d| lanes.share[d] > 0.0).collect();
        bars.iter_mut().for_each(|bar| {
            bar.clear();
            bar.resize(slopes.p.len(), 0.0);
        });
        let [plain, control] = bars;
        let signals: Vec<f64> = accepted.iter().map(|&d| lanes.signal[d]).collect();
        let surrogates: Vec<f64> = accepted.iter().map(|&d| slopes.surrogate(d)).collect();
        add_scores(slopes, &accepted, &signals, 1.0, plain);
        add_scores(slopes, &accepted, &surrogates, -1.0, control);
        for &d in &accepted {
            let means = slopes.of_draw(d).iter().zip(&slopes.p);
            control.iter_mut().zip(means).for_each(|(c, (g, p))| *c += g * p / accepted.len() as f64);
        }
        let start = (lanes.num_draws as f64 - 1.0) / lanes.num_draws as f64;
        let [alpha] = multiples.best([start]);
        pull(family, at, slopes, &mut [plain, control], &[1.0, alpha], grad);
        if accepted.len() > 1 {
            multiples.learn(plain, &[std::mem::take(control)]);
        }
        value
    }
}

/// One evaluation a draw, at whole integers and with slopes, of two draws or more.
pub(super) fn at_corners(name: &str, num_draws: usize) -> Result<Shape, DensityError> {
    Ok(Shape { relaxation: Relaxation::CornerAlone, ..one_lane(name, num_draws)? })
}

pub(super) fn draw_corners<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes) {
    lanes.soft.resize(family, at.rows, lanes.num_draws);
    family.sample(at.params, at.rows, at.streams, &mut lanes.z);
    lanes.probability.fill(1.0);
}

/// `bar += factor / (S - 1) sum_s (values_s - mean) [k_s]`: the leave-one-out gradient of `values` in the log probabilities.
pub(super) fn add_scores(slopes: &Slopes, accepted: &[usize], values: &[f64], factor: f64, bar: &mut [f64]) {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let share = factor / values.len().saturating_sub(1).max(1) as f64;
    for (&d, value) in accepted.iter().zip(values) {
        for latent in 0..slopes.num_latents() {
            bar[slopes.place(d, latent)] += share * (value - mean);
        }
    }
}

/// Adds `sum_n multiples_n bars_n` to the gradient, and makes each of the bars, which are in log probabilities, one in the
/// logits, in which lengths are those of a gradient.
pub(super) fn pull<G: Discrete + ?Sized>(
    family: &G,
    at: &Point,
    slopes: &Slopes,
    bars: &mut [&mut Vec<f64>],
    multiples: &[f64],
    grad: &mut [f64],
) {
    let mut own = Vec::new();
    for latent in 0..slopes.num_latents() {
        let range = slopes.range(latent);
        own.clear();
        own.extend(range.clone().map(|k| bars.iter().zip(multiples).map(|(bar, m)| m * bar[k]).sum::<f64>()));
        family.pull_log_probabilities(at.params, at.rows, latent, &own, grad);
        for bar in bars.iter_mut() {
            let total: f64 = bar[range.clone()].iter().sum();
            range.clone().for_each(|k| bar[k] -= slopes.p[k] * total);
        }
    }
}
