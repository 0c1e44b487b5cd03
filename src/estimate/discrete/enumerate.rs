//! Exact enumeration of the integers.

use super::super::score::refuse_theta;
use super::super::{Estimate, GradientEstimator, Point, Space, Task};
use super::{DiscreteGradient, Lanes, LanesState, Relaxation, Shape};
use crate::family::Discrete;
use crate::model::RowSet;
use crate::target::{DensityError, LogDensity};

/// `sum_k q(k) log p(k) (d log q(k) / d params) + d H[q] / d params` over all joint values `k` of the integers outside of
/// rows: the exact gradient of the bound given the other latents.
///
/// Needs no draws of the integers. One evaluation for each joint value (and, in [`Hybrid`](super::super::Hybrid), for
/// each draw of the real latents, whose gradient is averaged over the values too). Integers of rows are refused: with
/// one of them in each row, [`LocalExpectation`](super::LocalExpectation) enumerates them given the rest.
///
/// *Source*: the definition of the expectation, term by term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enumerate;

/// Joint values of the integers alone, which are evaluated in blocks.
const MOST_VALUES: usize = 1 << 22;

/// Lanes beside real latents, which are evaluated at once.
const MOST_LANES: usize = 1 << 16;

/// Lanes of a block.
const BLOCK: usize = 1 << 10;

/// The number of joint values, if enumeration is possible.
fn num_values<G: Discrete + ?Sized>(
    family: &G,
    rows: &RowSet,
    num_draws: usize,
    most: usize,
) -> Result<usize, DensityError> {
    if family.num_row_integers() > 0 {
        return Err(DensityError::unsupported(
            "integers of rows are not enumerated jointly; use the local expectation, which sums out each of them \
             given the rest",
        ));
    }
    let sizes = (0..family.num_integers()).map(|k| family.integer(rows, k).num_values);
    let product = sizes.clone().try_fold(num_draws, |all, n| all.checked_mul(n));
    match product {
        Some(all) if all <= most => Ok(all / num_draws.max(1)),
        _ => {
            let exponent: f64 = sizes.map(|n| (n as f64).log10()).sum();
            Err(DensityError::unsupported(format!(
                "enumeration of {} integers has 10^{exponent:.1} joint values for each of {num_draws} draws, more than \
                 {most} in all; use the local expectation, which sums out one integer at a time, DisARM for integers \
                 of two values, or the score function with leave-one-out",
                family.num_integers()
            )))
        }
    }
}

impl<G: Discrete + ?Sized> DiscreteGradient<G> for Enumerate {
    type State = ();

    fn shape(&self, family: &G, rows: &RowSet, num_draws: usize) -> Result<Shape, DensityError> {
        let num_lanes = num_values(family, rows, num_draws, MOST_LANES)?;
        Ok(Shape { num_lanes, num_differentiated: num_lanes, by_row: false, relaxation: Relaxation::None })
    }

    fn set(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes) {
        start(family, at, lanes);
        set_values(lanes, 0);
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        let mean = add_values(lanes, 0);
        finish(family, at, lanes, mean, grad)
    }
}

/// Lists probabilities and ranges.
fn start<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes) {
    let work = &mut lanes.work;
    work.latents.clear();
    work.latents.extend((0..family.num_integers()).map(|k| family.integer(at.rows, k)));
    work.weights.clear();
    for latent in 0..family.num_integers() {
        family.probabilities(at.params, at.rows, latent, &mut work.p);
        work.weights.extend_from_slice(&work.p);
    }
    work.bar.clear();
    work.bar.resize(work.weights.len(), 0.0);
}

/// Overwrites `digits` with those of joint value `number`, and returns its probability.
fn digits_of(number: usize, lanes: &mut super::lanes::Work) -> f64 {
    let (mut rest, mut first, mut q) = (number, 0, 1.0);
    lanes.digits.clear();
    for latent in &lanes.latents {
        let digit = rest % latent.num_values;
        q *= lanes.weights[first + digit];
        lanes.digits.push(first + digit);
        rest /= latent.num_values;
        first += latent.num_values;
    }
    q
}

/// Sets the lanes to the joint values from `first` on.
fn set_values(lanes: &mut Lanes, first: usize) {
    let (draws, all) = (lanes.num_draws, lanes.z.num_draws);
    for lane in 0..lanes.num_lanes {
        let q = digits_of(first + lane, &mut lanes.work);
        let range = lane * draws..(lane + 1) * draws;
        lanes.probability[range.clone()].fill(q);
        let mut start = 0;
        for (integer, &digit) in lanes.work.latents.iter().zip(&lanes.work.digits) {
            let value = integer.low + (digit - start) as u32;
            lanes.z.integers[integer.place * all..(integer.place + 1) * all][range.clone()].fill(value);
            start += integer.num_values;
        }
    }
}

/// Adds `q(k) mean_s signal` to the sum of each value of each integer, and returns `sum_k q(k) mean_s signal`.
fn add_values(lanes: &mut Lanes, first: usize) -> f64 {
    let mut total = 0.0;
    for lane in 0..lanes.num_lanes {
        let q = digits_of(first + lane, &mut lanes.work);
        if q == 0.0 {
            continue;
        }
        let term = q * lanes.mean(&lanes.signal, lane);
        total += term;
        let work = &mut lanes.work;
        for &digit in &work.digits {
            work.bar[digit] += term;
        }
    }
    total
}

/// Pulls the sums back to the parameters, adds the entropy, and returns the value.
fn finish<G: Discrete + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes, mean: f64, grad: &mut [f64]) -> f64 {
    let work = &mut lanes.work;
    let mut first = 0;
    for (latent, integer) in work.latents.iter().enumerate() {
        let range = first..first + integer.num_values;
        // Less `p mean`, which pulls back to zero: the sums are large, their differences matter.
        for (bar, p) in work.bar[range.clone()].iter_mut().zip(&work.weights[range.clone()]) {
            *bar -= p * mean;
        }
        family.pull_log_probabilities(at.params, at.rows, latent, &work.bar[range], grad);
        first += integer.num_values;
    }
    family.add_entropy_gradient(at.params, at.rows, 1.0, grad);
    mean + family.entropy(at.params, at.rows).unwrap_or(f64::NAN)
}

impl<T: LogDensity + ?Sized, G: Discrete + ?Sized> GradientEstimator<T, G> for Enumerate {
    type State = LanesState<()>;

    fn init(&self, _: &T, _: &G) -> Self::State {
        LanesState::default()
    }

    /// Takes no draws: `at.num_draws` is not looked at, and a density that is not finite at a value that can occur
    /// rejects the step.
    fn estimate(&self, of: &Task<T, G>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let Task { target, family, at } = *of;
        refuse_theta(target, "enumeration of integers alone")?;
        let num_values = num_values(family, at.rows, 1, MOST_VALUES)?;
        let (lanes, once) = (&mut state.lanes, Point { num_draws: 1, ..at });
        space.clear(&at);
        start(family, &at, lanes);
        let (mut mean, mut first) = (0.0, 0);
        while first < num_values {
            let num_lanes = BLOCK.min(num_values - first);
            lanes.resize(
                Shape { num_lanes, num_differentiated: 0, by_row: false, relaxation: Relaxation::None },
                target.layout(),
                &once,
            );
            set_values(lanes, first);
            lanes.evaluate(target, &once, space.pass.data_weight)?;
            if lanes.reject(&[]) > 0 {
                return Ok(Estimate { value: f64::NAN, rejected: at.num_draws, evaluations: first + num_lanes });
            }
            mean += add_values(lanes, first);
            first += num_lanes;
        }
        let value = finish(family, &at, lanes, mean, &mut space.grad);
        Ok(Estimate { value, rejected: 0, evaluations: num_values })
    }
}
