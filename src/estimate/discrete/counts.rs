//! The measure-valued gradient of Poisson families.

use super::super::{Estimate, GradientEstimator, MeasureValued, Point, Space, Task};
use super::local_expectation::{sample_into_all, signal_of};
use super::{DiscreteGradient, Lanes, LanesState, Relaxation, Shape};
use crate::family::{Family, PoissonFactors};
use crate::model::RowSet;
use crate::target::{DensityError, LogDensity};

/// `rate_i E[log p(k_i + 1, ..) - log p(k_i, ..)]` in the log rate of each count, the others as drawn from q, and the
/// entropy's gradient in closed form: the derivative of a Poisson law in its rate is the law moved up by one less itself.
///
/// Unbiased; needs values alone. Both sides share their draws. `1 + n` evaluations a draw for `n` counts outside of
/// rows; the counts of rows are moved in all rows at once, one site after the other.
///
/// *Source*: Mohamed, Rosca, Figurnov and Mnih 2020, table 1, the Poisson law.
impl DiscreteGradient<PoissonFactors> for MeasureValued {
    type State = ();

    fn shape(&self, family: &PoissonFactors, _: &RowSet, _: usize) -> Result<Shape, DensityError> {
        let (outside, inside) = family.num_counts();
        let num_lanes = 1 + outside + inside;
        Ok(Shape { num_lanes, num_differentiated: 1, by_row: inside > 0, relaxation: Relaxation::None })
    }

    fn set(&self, family: &PoissonFactors, at: &Point, _: &mut (), lanes: &mut Lanes) {
        let draws = lanes.num_draws;
        lanes.probability.fill(1.0);
        sample_into_all(family, at, lanes);
        family.each_count(at.rows, |lane, integer, _| {
            let moved = &mut integer.lane_mut(&mut lanes.z)[(1 + lane) * draws..(2 + lane) * draws];
            moved.iter_mut().for_each(|k| *k = k.saturating_add(1));
        });
    }

    fn add_gradient(
        &self,
        family: &PoissonFactors,
        at: &Point,
        _: &mut (),
        lanes: &mut Lanes,
        grad: &mut [f64],
    ) -> f64 {
        let draws = lanes.num_draws;
        family.each_count(at.rows, |lane, integer, start| {
            let signal = signal_of(lanes, integer);
            let (own, moved) = (&signal[..draws], &signal[(1 + lane) * draws..]);
            let pairs = own.iter().zip(moved).zip(&lanes.share).filter(|(_, share)| **share > 0.0);
            let slope: f64 = pairs.map(|((own, moved), share)| share * (moved - own)).sum();
            grad[start] += at.params[start].exp() * slope;
        });
        family.add_entropy_gradient(at.params, at.rows, 1.0, grad);
        lanes.mean(&lanes.signal, 0) + family.entropy(at.params, at.rows).unwrap_or(f64::NAN)
    }
}

impl<T: LogDensity + ?Sized> GradientEstimator<T, PoissonFactors> for MeasureValued {
    type State = LanesState<()>;

    fn init(&self, _: &T, _: &PoissonFactors) -> Self::State {
        LanesState::default()
    }

    fn estimate(
        &self,
        of: &Task<T, PoissonFactors>,
        state: &mut Self::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        super::estimate(self, of, state, space)
    }
}
