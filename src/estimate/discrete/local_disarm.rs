//! Local DisARM: antithetic pairs for the importance-weighted bound of latents of two values.

use super::super::Point;
use super::antithetic::{pull_pairs, set_pairs, shape, signals};
use super::{DiscreteGradient, Lanes, Shape};
use crate::family::Discrete;
use crate::family::pairs::Pairs;
use crate::model::RowSet;
use crate::objective::log_sum_exp;
use crate::target::DensityError;

/// The gradient of the importance-weighted bound `E[ln 1/K sum_k w_k]`, with the `K` draws of a step under one logarithm:
/// for each draw the antithetic pair of [`DisArm`](super::DisArm), the other draws held:
/// `sum_k (h_k(b_k) - h_k(c_k)) / 2 (-1)^c_ki 1[b_ki != c_ki] max(theta_i, 1 - theta_i)` with
/// `h_k = ln 1/K sum_j w_j - w_k / sum_j w_j`, averaged over the others at their `b` and at their `c`.
///
/// For latents of two values in a model without real latents. Unbiased: the gradient of the bound in the parameters of q is
/// `E[sum_k h_k d log q(b_k)]`, since the derivative of `ln w_k` is `-d log q(b_k)`; with one draw it is [`DisArm`](super::DisArm).
/// Two evaluations a draw. The value is that of the bound.
///
/// *Source*: Dong, Mnih and Tucker 2020, section 4 and appendix C; departure: both halves of the pairs serve as the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalDisArm;

impl<G: Discrete + ?Sized> DiscreteGradient<G> for LocalDisArm {
    type State = ();

    fn shape(&self, family: &G, rows: &RowSet, _: usize) -> Result<Shape, DensityError> {
        shape(family, rows, "LocalDisArm")
    }

    fn set(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes) {
        set_pairs(family, at, lanes);
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        signals(family, at, lanes);
        let draws = lanes.num_draws;
        let accepted: Vec<usize> = (0..draws).filter(|&d| lanes.share[d] > 0.0).collect();
        let half = |lane: usize| accepted.iter().map(|&d| lanes.signal[lane * draws + d]).collect::<Vec<f64>>();
        let halves = [half(0), half(1)];
        let mut weights = vec![0.0; draws];
        for held in &halves {
            let mut others = held.clone();
            for (k, &d) in accepted.iter().enumerate() {
                let mut signal = |own: f64| {
                    others[k] = own;
                    let total = log_sum_exp(&others);
                    total - (own - total).exp()
                };
                let gain = signal(halves[0][k]) - signal(halves[1][k]);
                others[k] = held[k];
                weights[d] += 0.5 * gain;
            }
        }
        pull_pairs(family, at, lanes, &weights, grad, |pairs: Pairs, largest| 0.5 * largest * pairs.of_differences());
        // A rejected draw has the weight zero.
        let bound = |half: &[f64]| log_sum_exp(half) - (draws as f64).ln();
        let lost = (accepted.len() as f64 / draws as f64).ln();
        0.5 * (bound(&halves[0]) + bound(&halves[1])) - lost
    }
}
