//! Steps of an estimator somewhere, and what they allocate.

use jensen::estimate::{Design, Estimate, GradientEstimator, Point, Space, Task};
use jensen::family::Family;
use jensen::model::RowSet;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{DensityError, Target};

/// `n` parameters between -1.1 and 0.9.
pub fn somewhere(n: usize) -> Vec<f64> {
    let mut params = vec![0.0; n];
    Streams::new(71).fill_uniform(1, &mut params);
    params.iter_mut().for_each(|p| *p = 2.0 * *p - 1.1);
    params
}

/// One estimate by a state and buffers that are new; the gradient is in the latter.
pub fn first_step<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>>(
    estimator: &E,
    of: &Task<T, F>,
) -> Result<(Estimate, Space), DensityError> {
    let mut space = Space::default();
    let estimate = estimator.estimate(of, &mut estimator.init(of.target, of.family), &mut space)?;
    Ok((estimate, space))
}

/// Allocations of fifteen steps after the first five.
pub fn allocations<F: Family, E: GradientEstimator<Target, F>>(
    model: &impl Model,
    make: impl Fn(&Target) -> F,
    estimator: E,
) -> u64 {
    let target = Target::new(model).unwrap();
    let family = make(&target);
    let params = somewhere(family.num_params());
    let (mut space, mut state, rows) = (Space::default(), estimator.init(&target, &family), RowSet::all());
    let mut step = |step: u64| {
        let at = Point {
            params: &params,
            theta: &[],
            rows: &rows,
            streams: Streams::new(1).at_step(step),
            num_draws: 4,
            design: Design::Independent,
        };
        estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space).unwrap();
    };
    (0..5).for_each(&mut step);
    allocation_counter::measure(|| (5..20).for_each(&mut step)).count_total
}
