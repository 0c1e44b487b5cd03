//! RODEO: leave-one-out with control variates from a discrete Stein operator.

use serde::{Deserialize, Serialize};

use super::super::Point;
use super::double_cv::{add_scores, at_corners, draw_corners, pull};
use super::multiples::Multiples;
use super::relaxed::bound_of_draws;
use super::slopes::Slopes;
use super::{DiscreteGradient, Lanes, Shape};
use crate::family::Discrete;
use crate::model::RowSet;
use crate::target::DensityError;

/// `1/S sum_s [ (f_s - mean of the other f + 2 c A h) d log q(k_s) + c (A (h_s d log q))(k_s) ]`, with `f = log p - log q` and
/// the Gibbs operator `(A h)(k) = sum_i sum_v q_i(v) [h(k with k_i = v) - h(k)]`, which has mean zero under q for every `h`.
///
/// `h_s` is a function of the mean slope `g_s` of the relaxed `f` at the other draws: `c h = c_1 u + c_2 (u^2 - E u^2) / sd u`
/// with `u = g_s . (k - E k)`. Both multiples are the best ones for the steps before this one. For integers of any number of
/// values that the model can be asked for between their values
/// ([`LogDensity::relaxed`](crate::target::LogDensity::relaxed)). Unbiased: `h_s` does not depend on `k_s`, and the operator
/// makes functions of mean zero. Needs two draws; one evaluation with a gradient a draw, which gives value and slope (beside
/// real latents one more without), and `S` times the values of all integers in small steps.
///
/// *Source*: Shi, Zhou, Hwang, Titsias and Mackey 2022, equations 9 and 14, with the Gibbs operator of their table 1;
/// departures: a quadratic function in the place of their network, the operator summed and not averaged over latents, and
/// twice the multiple in the baseline, where a linear `h` is [`DoubleControl`](super::DoubleControl)'s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rodeo;

/// What is learned from step to step, and buffers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RodeoState {
    multiples: Multiples,
    #[serde(skip)]
    slopes: Slopes,
    #[serde(skip)]
    plain: Vec<f64>,
    #[serde(skip)]
    controls: [Vec<f64>; 2],
}

impl<G: Discrete + ?Sized> DiscreteGradient<G> for Rodeo {
    type State = RodeoState;

    fn shape(&self, _: &G, _: &RowSet, num_draws: usize) -> Result<Shape, DensityError> {
        at_corners("Rodeo", num_draws)
    }

    fn set(&self, family: &G, at: &Point, _: &mut Self::State, lanes: &mut Lanes) {
        draw_corners(family, at, lanes);
    }

    fn add_gradient(
        &self,
        family: &G,
        at: &Point,
        RodeoState { multiples, slopes, plain, controls }: &mut Self::State,
        lanes: &mut Lanes,
        grad: &mut [f64],
    ) -> f64 {
        let value = bound_of_draws(family, at, lanes);
        slopes.of_others(family, at, lanes);
        let accepted: Vec<usize> = (0..lanes.num_draws).filter(|&d| lanes.share[d] > 0.0).collect();
        let signals: Vec<f64> = accepted.iter().map(|&d| lanes.signal[d]).collect();
        for bar in std::iter::once(&mut *plain).chain(controls.iter_mut()) {
            bar.clear();
            bar.resize(slopes.p.len(), 0.0);
        }
        add_scores(slopes, &accepted, &signals, 1.0, plain);
        let mut operated = [Vec::with_capacity(accepted.len()), Vec::with_capacity(accepted.len())];
        for &d in &accepted {
            let surrogate = Surrogate::of(slopes, d);
            for (square, control) in controls.iter_mut().enumerate() {
                let all = surrogate.add(slopes, d, square == 1, 0.5 / accepted.len() as f64, control);
                operated[square].push(all);
            }
        }
        // The baseline has its own multiple of A h, less the mean over the other draws as the signals are: the term of
        // each draw itself has mean zero and stays out.
        for (operated, control) in operated.iter().zip(controls.iter_mut()) {
            add_baseline(slopes, &accepted, operated, control);
        }
        let start = (lanes.num_draws as f64 - 1.0) / lanes.num_draws as f64;
        let found = multiples.best([start, 0.0]);
        let [linear, square] = controls;
        pull(family, at, slopes, &mut [&mut *plain, linear, square], &[1.0, found[0], found[1]], grad);
        if accepted.len() > 1 {
            multiples.learn(plain, controls);
        }
        value
    }
}

/// `bar -= 1/S sum_s (mean of the other values) [k_s]`.
fn add_baseline(slopes: &Slopes, accepted: &[usize], values: &[f64], bar: &mut [f64]) {
    let (total, count) = (values.iter().sum::<f64>(), accepted.len());
    let share = 1.0 / (count * count.saturating_sub(1)).max(1) as f64;
    for (&d, own) in accepted.iter().zip(values) {
        for latent in 0..slopes.num_latents() {
            bar[slopes.place(d, latent)] -= share * (total - own);
        }
    }
}

/// The surrogate at one draw, and the variances it is made of.
struct Surrogate {
    value: f64,
    /// Variance of each latent's part, and their sum.
    parts: Vec<f64>,
    variance: f64,
}

impl Surrogate {
    fn of(slopes: &Slopes, d: usize) -> Self {
        let own = slopes.of_draw(d);
        let part = |latent: usize| slopes.range(latent).map(|k| slopes.p[k] * own[k] * own[k]).sum::<f64>();
        let parts: Vec<f64> = (0..slopes.num_latents()).map(part).collect();
        Surrogate { value: slopes.surrogate(d), variance: parts.iter().sum(), parts }
    }

    /// `bar += share (A (h d log q))(k)` in the log probabilities, of the linear or the squared function, and returns
    /// `(A h)(k)`.
    ///
    /// For latent `i`, `A (h s_i) = s_i sum_{m != i} T_m + E_i[h s_i] - h s_i` with `T_m = E_m[h] - h`, the mean over latent `m`
    /// alone.
    fn add(&self, slopes: &Slopes, d: usize, square: bool, share: f64, bar: &mut [f64]) -> f64 {
        let scale = 1.0 / self.variance.sqrt().max(f64::MIN_POSITIVE);
        let of = |u: f64| if square { (u * u - self.variance) * scale } else { u };
        let own = slopes.of_draw(d);
        let left_out = |latent: usize| self.value - own[slopes.place(d, latent)];
        let here = of(self.value);
        // The mean over one latent: its part has mean zero and a known variance.
        let moved = |latent: usize| {
            let rest = left_out(latent);
            if square { (rest * rest + self.parts[latent] - self.variance) * scale - here } else { rest - here }
        };
        let all: f64 = (0..slopes.num_latents()).map(moved).sum();
        for latent in 0..slopes.num_latents() {
            bar[slopes.place(d, latent)] += share * (all - moved(latent) - here);
            let rest = left_out(latent);
            for k in slopes.range(latent) {
                bar[k] += share * slopes.p[k] * of(rest + own[k]);
            }
        }
        all
    }
}
