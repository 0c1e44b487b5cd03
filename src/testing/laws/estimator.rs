//! Laws of gradient estimators.

use super::differences::hold_gradient;
use super::{Broken, Case, hold};
use crate::estimate::{GradientEstimator, Space, StickingTheLanding};
use crate::family::Reparam;
use crate::objective::mean_and_standard_error;
use crate::target::{DensityError, Differentiable, LogDensity};

/// One estimate: its value, or NaN where the target cannot be evaluated.
fn estimate<T, F, E>(
    estimator: &E,
    target: &T,
    family: &F,
    case: &Case,
    space: &mut Space,
    grad: &mut [f64],
    grad_theta: &mut [f64],
) -> Result<f64, DensityError>
where
    T: ?Sized,
    F: ?Sized,
    E: GradientEstimator<T, F>,
{
    grad.fill(0.0);
    grad_theta.fill(0.0);
    Ok(estimator.estimate(target, family, &case.point(), space, grad, grad_theta)?.value)
}

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
    let mut space = Space::default();
    let (mut grad, mut grad_theta) = (vec![0.0; case.params.len()], vec![0.0; case.theta.len()]);
    let mut value = |case: &Case, grad: &mut [f64], theta: &mut [f64]| {
        estimate(estimator, target, family, case, &mut space, grad, theta).unwrap_or(f64::NAN)
    };
    value(case, &mut grad, &mut grad_theta);
    let (mut spare, mut spare_theta) = (grad.clone(), grad_theta.clone());
    hold_gradient(law, "parameter", case.params, &grad, |params| {
        value(&Case { params, ..*case }, &mut spare, &mut spare_theta)
    })?;
    hold_gradient(law, "theta", case.theta, &grad_theta, |theta| {
        value(&Case { theta, ..*case }, &mut spare, &mut spare_theta)
    })
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
    let mut space = Space::default();
    let (mut grad, mut grad_theta) = (vec![0.0; case.params.len()], vec![0.0; case.theta.len()]);
    let mut all = vec![Vec::with_capacity(repetitions); grad.len()];
    for step in 0..repetitions {
        let streams = case.streams.at_step(step as u64);
        estimate(estimator, target, family, &Case { streams, ..*case }, &mut space, &mut grad, &mut grad_theta)?;
        all.iter_mut().zip(&grad).for_each(|(all, g)| all.push(*g));
    }
    Ok(all.iter().map(|g| mean_and_standard_error(g)).collect())
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
    let (mut grad, mut grad_theta) = (vec![0.0; case.params.len()], vec![0.0; case.theta.len()]);
    for draw in 0..case.num_draws {
        let one = Case { num_draws: 1, streams: case.streams.at_step(draw as u64), ..*case };
        let value = estimate(&StickingTheLanding, target, family, &one, &mut space, &mut grad, &mut grad_theta);
        let law = "sticking the landing vanishes at q = posterior";
        for (k, &g) in grad.iter().enumerate() {
            let found = if value.is_ok() { g } else { f64::NAN };
            hold(law, || format!("draw {draw}, parameter {k}"), found, 0.0, tolerance)?;
        }
    }
    Ok(())
}
