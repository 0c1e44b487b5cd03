//! IndeCateR: each latent summed out given others of its own.

use super::super::{Point, Scratch};
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::Discrete;
use crate::model::{Draws, RowSet};
use crate::target::DensityError;

/// `1/S sum_s sum_i sum_v (d q(k_i = v) / d params) log p(v, k_si without i) + d H[q] / d params`, where the other latents
/// `k_si` are drawn anew for each latent `i`.
///
/// Beside [`LocalExpectation`](super::LocalExpectation): the same sum, which there shares one draw of the others among all
/// latents. Each latent's gradient has the same variance; here those of two latents are independent, and a draw costs
/// `sum_i (values of i)` evaluations where the shared one costs `1 + sum_i (values of i - 1)`, nearly half as many for latents
/// of two values. So it is for comparison, and for where the sum of several latents' gradients is followed. Unbiased. Integers
/// of rows are refused.
///
/// *Source*: De Smet, Sansone and Zuidberg Dos Martires 2023, definition 4.1 with independent latents; departure: the entropy
/// is in closed form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndeCateR;

/// Purpose of the streams of each latent's others.
const OTHERS: u32 = 0x1dc;

impl<G: Discrete + ?Sized> DiscreteGradient<G> for IndeCateR {
    type State = Scratch<Draws>;

    fn shape(&self, family: &G, rows: &RowSet, _: usize) -> Result<Shape, DensityError> {
        if family.num_row_integers() > 0 {
            return Err(DensityError::unsupported(
                "IndeCateR draws the other integers anew for each one, and integers of rows are too many for that; use \
                 the local expectation",
            ));
        }
        let values = |latent: usize| family.integer(rows, latent).num_values;
        let num_lanes = (0..family.num_latents(rows)).map(values).sum();
        let num_differentiated = if family.num_latents(rows) > 0 { values(0) } else { 0 };
        Ok(Shape { num_lanes, num_differentiated, by_row: false, relaxation: Relaxation::None })
    }

    fn set(&self, family: &G, at: &Point, state: &mut Self::State, lanes: &mut Lanes) {
        let (draws, others, mut lane) = (lanes.num_draws, &mut state.buffers, 0);
        (others.num_draws, others.num_rows) = (draws, lanes.z.num_rows);
        others.integers.resize(lanes.z.integers.len() / lanes.z.num_draws.max(1) * draws, 0);
        for latent in 0..family.num_latents(at.rows) {
            family.sample(at.params, at.rows, at.streams.purpose(OTHERS).purpose(latent as u32), others);
            family.probabilities(at.params, at.rows, latent, &mut lanes.work.p);
            let own = family.integer(at.rows, latent);
            for v in 0..own.num_values {
                let range = (lane + v) * draws..(lane + v + 1) * draws;
                for other in 0..family.num_latents(at.rows) {
                    let integer = family.integer(at.rows, other);
                    let to = &mut integer.lane_mut(&mut lanes.z)[range.clone()];
                    if other == latent {
                        to.fill(own.low + v as u32);
                    } else {
                        to.copy_from_slice(integer.lane(others));
                    }
                }
                lanes.probability[range].fill(lanes.work.p[v]);
            }
            lane += own.num_values;
        }
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut Self::State, lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        let mut work = std::mem::take(&mut lanes.work);
        let (mut lane, mut value, count) = (0, 0.0, family.num_latents(at.rows));
        for latent in 0..count {
            family.probabilities(at.params, at.rows, latent, &mut work.p);
            work.bar.clear();
            work.bar.extend((0..work.p.len()).map(|v| {
                // A value that cannot occur has no share, whatever its density.
                if work.p[v] > 0.0 { work.p[v] * lanes.mean(&lanes.signal, lane + v) } else { 0.0 }
            }));
            let total: f64 = work.bar.iter().sum();
            work.bar.iter_mut().zip(&work.p).for_each(|(bar, p)| *bar -= p * total);
            family.pull_log_probabilities(at.params, at.rows, latent, &work.bar, grad);
            value += total / count as f64;
            lane += work.p.len();
        }
        lanes.work = work;
        family.add_entropy_gradient(at.params, at.rows, 1.0, grad);
        value + family.entropy(at.params, at.rows).unwrap_or(f64::NAN)
    }
}
