//! From gradients to figures: bias, noise and cost.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::measure::Gradients;
use super::report::{Bias, Figures, ReferenceGradient};
use super::spread::{Interval, mean_and_error};
use crate::streams::Streams;

/// Chance that a study of unbiased estimators calls any of them biased, before the second run.
const FALSE_ALARM: f64 = 0.01;

/// What the largest of `num_tests` distances stays below with 99 % probability if nothing is biased.
///
/// *Source*: Bonferroni's inequality on two-sided Student-t tests with `repeats - 1` degrees of freedom.
pub(super) fn threshold(repeats: usize, num_tests: usize) -> f64 {
    let tail = FALSE_ALARM / (2 * num_tests.max(1)) as f64;
    let freedom = repeats.saturating_sub(1).max(1) as f64;
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - tail))
}

/// The figures of gradients of `num_draws` draws; `streams` draw their sample again for the errors.
pub(super) fn figures(
    taken: &Gradients,
    num_draws: usize,
    reference: Option<&ReferenceGradient>,
    streams: Streams,
) -> Figures {
    let variance = taken.moments.variance();
    let total_variance: f64 = variance.iter().sum();
    let attempts = (taken.moments.count + taken.not_finite) as f64;
    let evaluations = taken.evaluations as f64 / attempts;
    let signal = signal(taken, reference);
    let seconds = taken.median_seconds();
    let interval = Interval::of_mean(&taken.sample.squares, streams);
    let ratio = |variance: f64| (signal / variance).sqrt();
    Figures {
        repeats: taken.moments.count,
        not_finite: taken.not_finite,
        rejected: taken.rejected as f64 / (attempts * num_draws as f64),
        signal_to_noise: ratio(total_variance),
        // The larger the variance the smaller the ratio.
        signal_to_noise_interval: Interval { low: ratio(interval.high), high: ratio(interval.low) },
        mean: taken.moments.mean.clone(),
        variance,
        total_variance,
        variance_interval: interval,
        bias: None,
        evaluations,
        seconds,
        variance_x_evaluations: total_variance * evaluations,
        variance_x_seconds: total_variance * seconds,
        bound: if taken.bound.count > 0 { taken.bound.mean[0] } else { f64::NAN },
        doubt: doubt(taken),
    }
}

/// Correlation of neighbouring gradients above which they are not independent: in standard errors, and at least.
const CORRELATED: (f64, f64) = (5.0, 0.1);

/// Why the errors of an estimator cannot be relied on, in words.
fn doubt(taken: &Gradients) -> Option<String> {
    let correlation = taken.sample.correlation();
    let limit = CORRELATED.1.max(CORRELATED.0 / (taken.sample.squares.len().max(1) as f64).sqrt());
    if !taken.repeats_itself {
        let words = "the same state and randomness gave another gradient: something is kept outside of its state, which a \
                     saved fit would not have";
        return Some(words.into());
    }
    (correlation.abs() > limit).then(|| {
        format!(
            "a gradient and the one before it have a correlation of {correlation:.2}: given the past it is biased, and \
             its errors are too small"
        )
    })
}

/// Squared length of the gradient: of the reference, or of the mean, less what its own noise adds.
fn signal(taken: &Gradients, reference: Option<&ReferenceGradient>) -> f64 {
    let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    let (length, noise) = match reference {
        Some(r) => (squares(&r.gradient), squares(&r.standard_error)),
        None => (squares(&taken.moments.mean), taken.moments.squared_errors().iter().sum()),
    };
    (length - noise).max(0.0)
}

/// How far the mean is from the reference, in standard errors of their difference.
///
/// With integers (`rare`) a gradient is mostly in values that are seldom drawn: where none of `n` gradients met one, the
/// sample variance does not include it. An event that has not been seen has a chance of some `1 / n`, and is taken to
/// be as large as the largest deviation that has: `extreme / n` is added to every standard error.
pub(super) fn bias(taken: &Gradients, reference: &ReferenceGradient, threshold: f64, rare: bool) -> Bias {
    let errors = taken.moments.squared_errors();
    let unseen = if rare { (taken.moments.extreme / taken.moments.count as f64).powi(2) } else { 0.0 };
    let pairs = taken.moments.mean.iter().zip(&reference.gradient);
    let in_standard_errors: Vec<f64> = pairs
        .zip(errors.iter().zip(&reference.standard_error))
        .map(|((mean, truth), (squared, se))| {
            // Gradients without noise still differ by rounding.
            let rounding = 1e-9 * (1.0 + truth.abs());
            (mean - truth) / (squared + unseen + se * se + rounding * rounding).sqrt()
        })
        .collect();
    let worst = (0..in_standard_errors.len())
        .max_by(|&a, &b| in_standard_errors[a].abs().total_cmp(&in_standard_errors[b].abs()))
        .unwrap_or(0);
    let length = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let (along, along_error) = along(taken, reference);
    let off = length(&mut taken.moments.mean.iter().zip(&reference.gradient).map(|(m, t)| m - t));
    Bias {
        largest: in_standard_errors.get(worst).map_or(0.0, |z| z.abs()),
        along,
        along_error,
        parameter: worst,
        threshold,
        in_standard_errors,
        relative: off / length(&mut reference.gradient.iter().copied()),
        found_twice: false,
        own_reference: false,
    }
}

/// The mean component along the reference in units of its length, less one, and its standard error; a shrunk gradient is
/// seen here before it is in any one number. NaN without gradients that were laid along it.
fn along(taken: &Gradients, reference: &ReferenceGradient) -> (f64, f64) {
    let (values, gradient) = (&taken.sample.along, &reference.gradient);
    if values.len() < 2 {
        return (f64::NAN, f64::NAN);
    }
    let (mean, own) = mean_and_error(values.iter().copied(), values.len());
    let square: f64 = gradient.iter().map(|g| g * g).sum();
    let of_reference =
        gradient.iter().zip(&reference.standard_error).map(|(g, e)| (g * e / square).powi(2)).sum::<f64>();
    // Gradients without noise still differ by rounding.
    (mean - 1.0, (own * own + of_reference + 1e-18).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::moments::Moments;
    use super::{Gradients, ReferenceGradient, bias, threshold};

    /// The second number is the gradient in a value of probability 1e-4 that none of 1,000 gradients met: its mean and
    /// its noise are zero, and its expectation is not.
    #[test]
    fn a_value_that_was_never_drawn_is_no_bias() {
        let mut moments = Moments::new(2);
        (0..1000).for_each(|k| moments.add(&[if k % 2 == 0 { 1.0 } else { -1.0 }, 0.0]));
        let mut taken = Gradients::new(2);
        (taken.moments, taken.evaluations) = (moments, 1000);
        let of = |gradient: [f64; 2], rare| {
            let (source, standard_error) = (String::new(), vec![0.0; 2]);
            bias(&taken, &ReferenceGradient { source, gradient: gradient.to_vec(), standard_error }, 4.0, rare).largest
        };
        assert!(of([0.0, 1e-4], false) > 1000.0);
        assert!(of([0.0, 1e-4], true) < 0.5);
        // Two per cent of the largest gradient is still seen.
        assert!(of([0.0, 0.02], true) > 4.0);
    }

    #[test]
    fn the_threshold_is_the_quantile_of_a_table() {
        // Two-sided t with 9 degrees of freedom, 1 % in all: 3.2498 (printed tables); 10 tests of 0.1 %: 4.7809.
        assert!((threshold(10, 1) - 3.2498).abs() < 1e-3);
        assert!((threshold(10, 10) - 4.7809).abs() < 1e-3);
        // Normal: 2.5758 for 1 %.
        assert!((threshold(1_000_000, 1) - 2.5758).abs() < 1e-3);
    }
}
