//! [`Bounds`]: the support of a parameter, and the way from it to all real numbers and back.

use super::error::PairsError;
use crate::dist::Support;
use crate::model::{constrain_scalar, unconstrain};
use crate::program::Real;

/// The support of one parameter, with bounds that are numbers.
#[derive(Clone, Debug)]
pub(super) struct Bounds(Support);

impl Bounds {
    /// One for each of `num` columns; of real numbers where no supports are given.
    pub fn of(supports: &[Support], num: usize) -> Result<Vec<Bounds>, PairsError> {
        let refused = |reason: String| PairsError::Supports { reason };
        if supports.is_empty() {
            return Ok(vec![Bounds(Support::Real); num]);
        }
        if supports.len() != num {
            return Err(refused(format!("{} supports for {num} parameters", supports.len())));
        }
        let one = |support: &Support| {
            let support = support.clone().interior();
            let known = |bounds: &[&Real]| bounds.iter().all(|b| b.as_constant().is_some_and(f64::is_finite));
            let is_known = match &support {
                Support::Real | Support::Positive | Support::Unit => true,
                Support::Above(bound) | Support::Below(bound) => known(&[bound]),
                Support::Interval(low, high) => known(&[low, high]) && low.as_constant() < high.as_constant(),
                _ => false,
            };
            if is_known { Ok(Bounds(support)) } else { Err(refused(format!("a parameter cannot be {support}"))) }
        };
        supports.iter().map(one).collect()
    }

    /// The number without bounds that stands for `value`; nothing outside of the support and at its edge.
    pub fn free(&self, value: f64) -> Option<f64> {
        unconstrain(&self.0, &[value])?.first().copied()
    }

    /// The value that a number without bounds stands for, and the logarithm of its derivative.
    pub fn value(&self, free: f64) -> (f64, f64) {
        let number = |x: Real| x.as_constant().unwrap_or(f64::NAN);
        constrain_scalar(&self.0, Real::from(free)).map_or((f64::NAN, f64::NAN), |(x, ln)| (number(x), number(ln)))
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_numbers_outside_do_not() {
        let supports = [
            Support::Positive,
            Support::Above(2.0.into()),
            Support::Below(1.0.into()),
            Support::Interval((-1.0).into(), 3.0.into()),
        ];
        let bounds = Bounds::of(&supports, 4).unwrap();
        let cases = [(0.3, -0.1), (2.5, 2.0), (-7.0, 1.5), (2.9, 3.0)];
        for (bounds, (inside, outside)) in bounds.iter().zip(cases) {
            let free = bounds.free(inside).unwrap();
            let (value, ln_slope) = bounds.value(free);
            assert!((value - inside).abs() < 1e-14 * inside.abs().max(1.0), "{bounds}: {value}");
            let slope = (bounds.value(free + 1e-6).0 - bounds.value(free - 1e-6).0) / 2e-6;
            // Truncation 1e-12, rounding 1e-15 / 1e-6.
            assert!((ln_slope.exp() - slope.abs()).abs() < 1e-8, "{bounds}: {slope}");
            assert_eq!(bounds.free(outside), None, "{bounds}");
        }
        let refused = |supports: &[Support]| Bounds::of(supports, 2).unwrap_err().to_string();
        assert!(refused(&[Support::Real]).starts_with("1 supports for 2 parameters"));
        assert!(refused(&[Support::Real, Support::Simplex(3)]).contains("cannot be"));
        assert!(refused(&[Support::Real, Support::Interval(3.0.into(), 1.0.into())]).contains("cannot be"));
    }
}
