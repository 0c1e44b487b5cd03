//! CARMS: pairs of draws that avoid one another, for latents of any number of values.

use super::super::Point;
use super::leave_one_out::{one_lane, weights_of_draws};
use super::strata::Strata;
use super::{DiscreteGradient, Lanes, Shape};
use crate::estimate::Scratch;
use crate::family::Discrete;
use crate::model::RowSet;
use crate::target::DensityError;

/// `1/(S (S-1)) sum_{s<t} (f_s - f_t) r_i(k_si, k_ti) (d log q(k_si) - d log q(k_ti))` for each latent, with
/// `f = log p - log q` and `r_i(v, w) = q_i(v) q_i(w) / P_i(v, w)`, where `P_i(v, w)` is the probability that two draws have
/// these values.
///
/// For latents of any number of values. The draws of a step have one uniform number in each of `S` strata for each latent,
/// so that values are repeated as little as they can be; in a fifth of the latents, chosen anew in each step, they are
/// independent instead, so that no two different values are kept from meeting and `r` is at most five. Unbiased: given
/// `k_s`, the mean over `k_ti` of `r_i (d log q(k_si) - d log q(k_ti))` is `d log q(k_si)`. Needs two draws; one evaluation a
/// draw. Where a draw is rejected, the others are no longer exchangeable and the gradient is off by O(1 / S).
///
/// *Source*: Dimitriev and Zhou 2021 (CARMS), equation 6; departure: strata, and the mixture with independent draws, in the
/// place of their copulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carms;

/// The share of the latents whose draws are independent.
const INDEPENDENT: f64 = 0.2;

impl<G: Discrete + ?Sized> DiscreteGradient<G> for Carms {
    type State = Scratch<Strata>;

    fn shape(&self, _: &G, _: &RowSet, num_draws: usize) -> Result<Shape, DensityError> {
        one_lane("Carms", num_draws)
    }

    fn set(&self, family: &G, at: &Point, state: &mut Self::State, lanes: &mut Lanes) {
        state.buffers.draw(family, at, lanes, INDEPENDENT);
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut Self::State, lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        let mut work = std::mem::take(&mut lanes.work);
        let (mean, draws) = (weights_of_draws(family, at, lanes, &mut work), lanes.num_draws);
        let accepted: Vec<usize> = (0..draws).filter(|&d| lanes.share[d] > 0.0).collect();
        let pairs = (accepted.len() * accepted.len().saturating_sub(1)).max(1) as f64;
        let mut ratios = Vec::new();
        for latent in 0..family.num_latents(at.rows) {
            let integer = family.integer(at.rows, latent);
            family.probabilities(at.params, at.rows, latent, &mut work.p);
            ratios_of(&work.p, draws, &mut ratios);
            let (own, values) = (integer.lane(&lanes.z), work.p.len());
            work.bar.clear();
            work.bar.resize(values, 0.0);
            for (number, &s) in accepted.iter().enumerate() {
                for &t in &accepted[..number] {
                    let (v, w) = ((own[s] - integer.low) as usize, (own[t] - integer.low) as usize);
                    if v != w {
                        let gain = (lanes.signal[s] - lanes.signal[t]) * ratios[v * values + w] / pairs;
                        work.bar[v] += gain;
                        work.bar[w] -= gain;
                    }
                }
            }
            family.pull_log_probabilities(at.params, at.rows, latent, &work.bar, grad);
        }
        lanes.work = work;
        mean
    }
}

/// Overwrites `out` with `q(v) q(w) / P(v, w)` of two of `draws` draws, `[v][w]`.
///
/// In strata `a` of length `1 / S`, of which the draws have different ones, `P(v, w)` is
/// `S / (S - 1) (q(v) q(w) - sum_a |v and a| |w and a|)`.
fn ratios_of(p: &[f64], draws: usize, out: &mut Vec<f64>) {
    let (n, strata) = (p.len(), draws as f64);
    let mut ends = vec![0.0; n + 1];
    (0..n).for_each(|k| ends[k + 1] = ends[k] + p[k]);
    let overlap = |k: usize, a: usize| {
        let (low, high) = (a as f64 / strata, (a + 1) as f64 / strata);
        (ends[k + 1].min(high) - ends[k].max(low)).max(0.0)
    };
    out.clear();
    for v in 0..n {
        for w in 0..n {
            let both = p[v] * p[w];
            let together: f64 = (0..draws).map(|a| overlap(v, a) * overlap(w, a)).sum();
            let apart = strata / (strata - 1.0) * (both - together).max(0.0);
            let joint = INDEPENDENT * both + (1.0 - INDEPENDENT) * apart;
            out.push(if joint > 0.0 { both / joint } else { 0.0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the joint probabilities summing to those of each value, the ratio makes every pair worth an independent one.
    #[test]
    fn joint_probabilities_have_the_right_margins() {
        let p = [0.07, 0.4, 0.03, 0.3, 0.2];
        for draws in [2, 3, 7] {
            let mut ratios = Vec::new();
            ratios_of(&p, draws, &mut ratios);
            for v in 0..5 {
                let margin: f64 = (0..5).map(|w| p[v] * p[w] / ratios[v * 5 + w]).sum();
                assert!((margin - p[v]).abs() < 1e-14, "{draws} {v}: {margin}");
                assert!((0..5).all(|w| ratios[v * 5 + w] <= 1.0 / INDEPENDENT + 1e-12));
            }
        }
    }
}
