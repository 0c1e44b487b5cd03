//! Laws of gradient estimators.

use super::differences::hold_gradient;
use super::{Broken, Case, hold};
use crate::estimate::{GradientEstimator, Space, StickingTheLanding};
use crate::family::Reparam;
use crate::objective::mean_and_standard_error;
use crate::target::{DensityError, Differentiable, LogDensity};

/// A pathwise gradient, in `params` and `theta`, is the total derivative of its own value at fixed noise.
///
/// This is the law of estimators that differentiate what they report, with the entropy in closed form or by Monte
/// Carlo; the score function and sticking the landing follow another gradient with the same mean, see [`is_unbiased`].
///
/// # Errors
/// Where the two differ.
pub fn gradient_is_derivative<T, F, E>(estimator: &E, target: &T, family: &F, case: &Case) -> Result<(), Broken>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    E: GradientEstimator<T, F>,
{
    let law = "gradient = derivative of the estimate at fixed noise";
    let (mut space, mut state) = (Space::default(), estimator.init(target, family));
    let mut value = |case: &Case, space: &mut Space| {
        estimator.estimate(&case.task(target, family), &mut state, space).map_or(f64::NAN, |estimate| estimate.value)
    };
    value(case, &mut space);
    let (grad, grad_theta) = (space.grad.clone(), space.grad_theta.clone());
    hold_gradient(law, "parameter", case.params, &grad, |params| value(&Case { params, ..*case }, &mut space))?;
    hold_gradient(law, "theta", case.theta, &grad_theta, |theta| value(&Case { theta, ..*case }, &mut space))
}

/// Mean and standard error of each parameter's gradient over `repetitions` steps.
///
/// # Errors
/// As [`GradientEstimator::estimate`].
pub fn mean_gradient<T, F, E>(
    estimator: &E,
    target: &T,
    family: &F,
    case: &Case,
    repetitions: usize,
) -> Result<Vec<(f64, f64)>, DensityError>
where
    T: LogDensity + ?Sized,
    F: ?Sized,
    E: GradientEstimator<T, F>,
{
    let (mut space, mut state) = (Space::default(), estimator.init(target, family));
    let mut all = vec![Vec::with_capacity(repetitions); case.params.len()];
    for step in 0..repetitions {
        estimator.estimate(&case.at_step(step).task(target, family), &mut state, &mut space)?;
        all.iter_mut().zip(&space.grad).for_each(|(all, g)| all.push(*g));
    }
    Ok(all.iter().map(|g| mean_and_standard_error(g)).collect())
}

/// A run of `steps` gradients whose state is saved and restored before each goes on to the same bits as one without a stop.
///
/// Buffers are new in each step of the one that is stopped: what moves a later number has to be in the state.
///
/// # Errors
/// Where value or gradient differ, a step fails, or the state cannot be saved or does not fit once it is restored.
pub fn resumes<T, F, E>(estimator: &E, target: &T, family: &F, case: &Case, steps: usize) -> Result<(), Broken>
where
    T: ?Sized,
    F: ?Sized,
    E: GradientEstimator<T, F>,
{
    let law = "a saved state goes on to the same bits";
    let (mut space, mut state) = (Space::default(), estimator.init(target, family));
    let mut stopped = state.clone();
    for step in 0..steps {
        let failed = |why: &dyn std::fmt::Display| Broken {
            law,
            place: format!("step {step}: {why}"),
            found: f64::NAN,
            expected: f64::NAN,
            tolerance: 0.0,
        };
        let saved = serde_json::to_string(&stopped).map_err(|e| failed(&e))?;
        stopped = serde_json::from_str(&saved).map_err(|e| failed(&e))?;
        if !estimator.fits(&stopped, target, family) {
            return Err(failed(&"the restored state does not fit"));
        }
        let (at, mut fresh) = (case.at_step(step), Space::default());
        let task = at.task(target, family);
        let straight = estimator.estimate(&task, &mut state, &mut space).map_err(|e| failed(&e))?;
        let resumed = estimator.estimate(&task, &mut stopped, &mut fresh).map_err(|e| failed(&e))?;
        let numbers = |value: f64, space: &Space| [vec![value], space.grad.clone(), space.grad_theta.clone()].concat();
        let (straight, resumed) = (numbers(straight.value, &space), numbers(resumed.value, &fresh));
        for (k, (found, expected)) in resumed.iter().zip(&straight).enumerate() {
            if found.to_bits() != expected.to_bits() {
                let place = format!("step {step}, {}", if k == 0 { "the value".into() } else { format!("number {k}") });
                return Err(Broken { law, place, found: *found, expected: *expected, tolerance: 0.0 });
            }
        }
    }
    Ok(())
}

/// A mean gradient agrees with `reference`, both as (mean, standard error), within `k` combined standard errors.
///
/// A reference known exactly has standard error zero; one from many draws of another estimator has its own.
///
/// # Errors
/// Where they differ.
pub fn is_unbiased(measured: &[(f64, f64)], reference: &[(f64, f64)], k: f64) -> Result<(), Broken> {
    let law = "mean gradient = reference";
    for (p, (&(mean, error), &(expected, own))) in measured.iter().zip(reference).enumerate() {
        let tolerance = k * error.hypot(own) + 1e-9 * (1.0 + expected.abs());
        hold(law, || format!("parameter {p}"), mean, expected, tolerance)?;
    }
    Ok(())
}

/// Sticking the landing has no variance where q is the posterior: every draw's gradient is below `tolerance`.
///
/// # Errors
/// Where it is not.
pub fn vanishes_at_truth<T, F>(target: &T, family: &F, case: &Case, tolerance: f64) -> Result<(), Broken>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
{
    let mut space = Space::default();
    for draw in 0..case.num_draws {
        let one = Case { num_draws: 1, ..case.at_step(draw) };
        let done = StickingTheLanding.estimate(&one.task(target, family), &mut (), &mut space);
        let law = "sticking the landing vanishes at q = posterior";
        for (k, &g) in space.grad.iter().enumerate() {
            let found = if done.is_ok() { g } else { f64::NAN };
            hold(law, || format!("draw {draw}, parameter {k}"), found, 0.0, tolerance)?;
        }
    }
    Ok(())
}
