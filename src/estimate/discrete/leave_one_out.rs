//! The score function with a leave-one-out baseline, for the integers beside real latents.

use super::super::{Point, too_few_draws};
use super::lanes::Work;
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::Family;
use crate::model::RowSet;
use crate::target::DensityError;

/// `1/(S-1) sum_s (f_s - mean f) d log G(k_s) / d params` with `f_s = log p - log F - log G`. Unbiased, needs two draws;
/// one evaluation a draw; any family of integers.
///
/// *Source*: Kool, van Hoof and Welling 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaveOneOut;

impl<G: Family + ?Sized> DiscreteGradient<G> for LeaveOneOut {
    type State = ();

    fn shape(&self, _: &G, _: &RowSet, num_draws: usize) -> Result<Shape, DensityError> {
        one_lane("the hybrid gradient with leave-one-out", num_draws)
    }

    fn set(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes) {
        family.sample(at.params, at.rows, at.streams, &mut lanes.z);
        lanes.probability.fill(1.0);
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        let mut work = std::mem::take(&mut lanes.work);
        let mean = weights_of_draws(family, at, lanes, &mut work);
        // The signal holds the rows' weight, the score counts each row once.
        family.score(at.params, lanes.unweighted.of(at.rows), &lanes.z, &work.weights, grad);
        lanes.work = work;
        mean
    }
}

/// One evaluation a draw, of two draws or more.
pub(super) fn one_lane(name: &str, num_draws: usize) -> Result<Shape, DensityError> {
    if num_draws < 2 {
        Err(too_few_draws(name, 2, num_draws))
    } else {
        Ok(Shape { num_lanes: 1, num_differentiated: 1, by_row: false, relaxation: Relaxation::None })
    }
}

/// Leaves `f_s` in `lanes.signal` and `(f_s - mean f) / (S - 1)` over the accepted draws in `work.weights`; returns the
/// mean.
pub(super) fn weights_of_draws<G: Family + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes, work: &mut Work) -> f64 {
    work.log_q.resize(lanes.num_draws, 0.0);
    family.log_q(at.params, at.rows, &lanes.z, &mut work.log_q);
    lanes.signal.iter_mut().zip(&work.log_q).for_each(|(f, q)| *f -= q);
    let mean = lanes.mean(&lanes.signal, 0);
    let accepted = lanes.share.iter().filter(|s| **s > 0.0).count();
    let share = if accepted > 1 { 1.0 / (accepted - 1) as f64 } else { 0.0 };
    work.weights.clear();
    let counted = lanes.signal.iter().zip(&lanes.share);
    work.weights.extend(counted.map(|(f, s)| if *s > 0.0 { share * (f - mean) } else { 0.0 }));
    mean
}
