//! ARMS: leave-one-out with draws that avoid one another, for latents of two values.

use super::super::Point;
use super::leave_one_out::{one_lane, weights_of_draws};
use super::strata::{Strata, two_valued};
use super::{DiscreteGradient, Lanes, Shape};
use crate::estimate::Scratch;
use crate::family::Discrete;
use crate::model::RowSet;
use crate::target::DensityError;

/// `1/(S-1) sum_s (f_s - mean f) (b_si - theta_i) / (1 - rho_i)` in the logit of each latent, with `f = log p - log q`
/// and `rho_i` the correlation of `b_si` and `b_ti`.
///
/// For latents of two values. The draws of a step have one uniform number in each of `S` strata for each latent, so that
/// as many of them are one as `S theta` says, up to rounding: that is the least correlation that exchangeable draws can have.
/// Unbiased: given `b_s`, `b_ti` has the mean `theta_i + rho_i (b_si - theta_i)`, so that what a pair of draws says of latent
/// `i` is `1 - rho_i` times what an independent pair says. Needs two draws; one evaluation a draw; two draws of it are
/// [`DisArm`](super::DisArm)'s pair. Where a draw is rejected, the others are no longer exchangeable and the gradient is off
/// by O(1 / S).
///
/// *Source*: Dimitriev and Zhou 2021 (ARMS), equation 7; departure: strata in the place of their Dirichlet copula, whose
/// correlation is larger (four draws of even odds: -0.19, here -1/3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arms;

impl<G: Discrete + ?Sized> DiscreteGradient<G> for Arms {
    type State = Scratch<Strata>;

    fn shape(&self, family: &G, rows: &RowSet, num_draws: usize) -> Result<Shape, DensityError> {
        two_valued(family, rows, "Arms")?;
        one_lane("Arms", num_draws)
    }

    fn set(&self, family: &G, at: &Point, state: &mut Self::State, lanes: &mut Lanes) {
        state.buffers.draw(family, at, lanes, 0.0);
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut Self::State, lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        let mut work = std::mem::take(&mut lanes.work);
        let mean = weights_of_draws(family, at, lanes, &mut work);
        for latent in 0..family.num_latents(at.rows) {
            let integer = family.integer(at.rows, latent);
            family.probabilities(at.params, at.rows, latent, &mut work.p);
            let own = integer.lane(&lanes.z).iter().zip(&work.weights);
            let ones: f64 = own.filter(|(b, _)| **b > integer.low).map(|(_, w)| w).sum();
            let slope = ones / apart(work.p[1], lanes.num_draws);
            family.pull_log_probabilities(at.params, at.rows, latent, &[-slope, slope], grad);
        }
        lanes.work = work;
        mean
    }
}

/// `1 - rho` of two of `n` draws in strata, each one with probability `theta`: the number of ones is `n theta` rounded down
/// or up, and has the variance `r (1 - r) = n theta (1 - theta) (1 + (n - 1) rho)`.
fn apart(theta: f64, n: usize) -> f64 {
    let (n, variance) = (n as f64, theta * (1.0 - theta));
    if variance <= 0.0 {
        return 1.0;
    }
    let rest = n * theta - (n * theta).floor();
    (n - rest * (1.0 - rest) / (n * variance)) / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn correlations_are_those_of_the_count() {
        // Four draws of even odds: exactly two are one, so rho = -1/3. Two draws: a pair of opposites, rho = -1.
        assert!((apart(0.5, 4) - 4.0 / 3.0).abs() < 1e-15 && (apart(0.5, 2) - 2.0).abs() < 1e-15);
        // Four draws of probability 0.1: never two ones, so rho = -theta / (1 - theta).
        assert!((apart(0.1, 4) - (1.0 + 0.1 / 0.9)).abs() < 1e-14);
        assert_eq!((apart(0.0, 3), apart(1.0, 3)), (1.0, 1.0));
    }
}
