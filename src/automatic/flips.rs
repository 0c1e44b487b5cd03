//! Whether q leaves out a value of an integer only because the real latents do not suit it.

use nalgebra::DVector;

use super::around::{local, mean_and_sd};
use super::families::mixed;
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::Missed;
use crate::family::Discrete;
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::objective::log_sum_exp;
use crate::target::Differentiable;

/// Evaluations up to which it is done, if every value takes all its Newton steps.
const MOST_WORK: usize = 100_000;

/// Newton steps at most, the largest in posterior standard deviations, and the gain in nats below which one has arrived.
const STEPS: usize = 20;
const LARGEST: f64 = 5.0;
const ARRIVED: f64 = 1e-6;

/// A value counts as left out where q gives it less than this part of its share.
const LEFT_OUT: f64 = 0.2;

/// The integer outside of rows of whose values q leaves out the most, and the evaluations it took to know.
///
/// Mean-field draws an integer apart from the real latents: a value that other real latents would suit as well has no
/// chance beside the latents as they are, and no draw of q, hence no importance weight, ever says so. Here the other
/// integers keep their most probable values, and for each value of one of them the real latents move to the top of
/// the log joint: Laplace's approximation there compares the values. Models without latents in rows only; a value for
/// which there is no top is left out of the comparison.
///
/// *Source*: Laplace's approximation of the marginal likelihood (Tierney and Kadane 1986), used as a test of q.
pub(super) fn most_missed(target: &dyn Differentiable, solution: &Solution) -> Result<(Option<Missed>, u64), FitError> {
    let layout = target.layout();
    let names = names(layout);
    let num_values: usize = names.iter().map(|(_, values)| *values).sum();
    let in_rows = layout.num_row_latents + layout.num_row_integers;
    let lanes = 2 * layout.num_latents + 1;
    if layout.num_latents == 0 || names.is_empty() || in_rows > 0 || num_values * lanes * STEPS > MOST_WORK {
        return Ok((None, 0));
    }
    let (family, rows) = (mixed(layout)?, RowSet::all());
    let (params, mut p) = (family.split(&solution.params).1, Vec::new());
    let mut best = Draws::zeros(layout, layout.num_rows, 1);
    let mut all = Vec::new();
    for latent in 0..names.len() {
        family.discrete().probabilities(params, &rows, latent, &mut p);
        let integer = family.discrete().integer(&rows, latent);
        let most = (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap_or(0);
        best.integers[integer.place] = integer.low + most as u32;
        all.push((integer, p.clone()));
    }
    let start = mean_and_sd(&family, &solution.params);
    let mut evaluations = 0;
    let mut of = |z: &Draws| {
        let (found, steps) = summit(target, &solution.theta, z, &start)?;
        evaluations += (steps * lanes) as u64;
        Ok::<_, FitError>(found)
    };
    let Some(top) = of(&best)? else { return Ok((None, evaluations)) };
    let mut worst: Option<Missed> = None;
    for ((integer, p), (name, _)) in all.iter().zip(&names) {
        let chosen = best.integers[integer.place];
        let mut tops = vec![f64::NEG_INFINITY; p.len()];
        for (v, found) in tops.iter_mut().enumerate() {
            best.integers[integer.place] = integer.low + v as u32;
            let own = if best.integers[integer.place] == chosen { Some(top) } else { of(&best)? };
            *found = own.unwrap_or(f64::NEG_INFINITY);
        }
        best.integers[integer.place] = chosen;
        let total = log_sum_exp(&tops);
        let share_of = |v: usize| (tops[v] - total).exp();
        let missed = |v: usize| if p[v] < LEFT_OUT * share_of(v) { share_of(v) } else { 0.0 };
        let share: f64 = (0..p.len()).map(missed).sum();
        let most = (0..p.len()).max_by(|a, b| missed(*a).total_cmp(&missed(*b))).unwrap_or(0);
        if share > worst.as_ref().map_or(0.0, |w| w.share) {
            worst = Some(Missed { integer: name.clone(), value: integer.low + most as u32, share, by_q: p[most] });
        }
    }
    Ok((worst, evaluations))
}

/// Names and numbers of values of the integers outside of rows, in their order; none where one has no upper bound.
fn names(layout: &Layout) -> Vec<(String, usize)> {
    let sites = layout.sites_of(SiteKind::Integer);
    let each = sites.map(|s| s.range.map(|(low, high)| (s.name.clone(), (high - low) as usize + 1)));
    each.collect::<Option<Vec<_>>>().filter(|all| all.len() == layout.num_integers).unwrap_or_default()
}

/// Laplace's log evidence at the top of the log joint, with the integers of `z`, and the steps to it.
fn summit(
    target: &dyn Differentiable,
    theta: &[f64],
    z: &Draws,
    (mean, sd): &(DVector<f64>, Vec<f64>),
) -> Result<(Option<f64>, usize), FitError> {
    let mut mean = mean.clone();
    for step in 1..=STEPS {
        let Some(here) = local(target, theta, z, &mean, sd)? else { return Ok((None, step)) };
        if here.decrement < ARRIVED {
            let half_ln_det = 0.5 * here.factor.ln_determinant();
            // The constant is the same for every value.
            return Ok((Some(here.value + 0.5 * here.decrement - half_ln_det), step));
        }
        mean += here.step * (LARGEST / here.decrement.sqrt()).min(1.0);
    }
    Ok((None, STEPS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::target::Target;

    /// A slab that counts or not: out, its latent is wide; in, it is at 3 with a precision of 101.
    struct Slab;

    impl Model for Slab {
        fn log_joint(&self, p: &LogJoint) {
            let slab = p.draw("slab", normal(0.0, 1.0));
            let inside = p.draw_integer("in", bernoulli(0.5)).to_real();
            p.add(-inside * (50.0 * (slab - 3.0).square() - 6.0));
        }
    }

    /// A value better by more nats than a number can hold the exponential of.
    #[test]
    fn a_value_beyond_the_range_of_exponentials_is_found_missing() {
        struct Far;
        impl Model for Far {
            fn log_joint(&self, p: &LogJoint) {
                let _ = p.draw("slab", normal(0.0, 1.0));
                p.add(2000.0 * p.draw_integer("in", bernoulli(0.5)).to_real());
            }
        }
        let solution = Solution { params: vec![0.0, 0.0, 0.0, -40.0], theta: vec![] };
        let found = most_missed(&Target::new(&Far).unwrap(), &solution).unwrap().0.unwrap();
        assert_eq!((found.value, found.share), (1, 1.0));
    }

    #[test]
    fn a_value_that_real_latents_would_suit_is_found_missing() {
        let target = Target::new(&Slab).unwrap();
        let with = |mean: f64, sd: f64, logit: f64| Solution { params: vec![mean, sd.ln(), 0.0, logit], theta: vec![] };
        // Out: 1. In: e^6 exp(-(100 / 101) 9 / 2) / sqrt(101), by completing the square.
        let inside = (6.0 - 4.5 * 100.0 / 101.0f64).exp() / 101f64.sqrt();
        let share = inside / (1.0 + inside);
        let (found, evaluations) = most_missed(&target, &with(0.0, 1.0, -40.0)).unwrap();
        let found = found.unwrap();
        assert_eq!((found.integer.as_str(), found.value), ("in", 1));
        assert!((found.share - share).abs() < 1e-6 && found.by_q < 1e-12, "{found:?}, exactly {share}");
        // Three lanes; one step where it is, and some to the top of the other.
        assert!((9..=60).contains(&evaluations) && evaluations % 3 == 0, "{evaluations}");
        // From the other side the wide latent is what is missing; with a fair q nothing is.
        let other = most_missed(&target, &with(2.97, 0.1, 40.0)).unwrap().0.unwrap();
        assert!(other.value == 0 && (other.share - (1.0 - share)).abs() < 1e-6, "{other:?}");
        assert_eq!(most_missed(&target, &with(0.0, 1.0, (share / (1.0 - share)).ln())).unwrap().0, None);
    }
}
