//! Supports: where a latent may lie, which decides its transform from the unconstrained space.

use crate::program::Real;

/// The set of values a distribution or a latent can take.
#[derive(Clone, Debug)]
pub enum Support {
    /// All real numbers.
    Real,
    /// Positive numbers.
    Positive,
    /// Numbers above a bound.
    Above(Real),
    /// Numbers below a bound.
    Below(Real),
    /// Numbers between two bounds.
    Interval(Real, Real),
    /// Numbers between zero and one.
    Unit,
    /// Angles in (-pi, pi).
    Circle,
    /// `n` positive numbers that sum to one.
    Simplex(usize),
    /// `n` increasing numbers.
    Ordered(usize),
    /// `n` increasing positive numbers.
    PositiveOrdered(usize),
    /// `n` numbers whose squares sum to one.
    UnitVector(usize),
    /// `n` real numbers.
    RealVector(usize),
    /// Row-major lower Cholesky factor of an `n` x `n` correlation matrix.
    CholeskyCorrelation(usize),
    /// Row-major lower Cholesky factor of an `n` x `n` covariance matrix.
    CholeskyCovariance(usize),
    /// Row-major symmetric positive-definite `n` x `n` matrix.
    Covariance(usize),
    /// Integers `low..=high`; `None`: no upper end.
    Integers(u32, Option<u32>),
    /// `n` non-negative integers with a given sum.
    Counts(usize),
}

impl Support {
    /// Numbers in the constrained space.
    pub fn num_constrained(&self) -> usize {
        use Support::*;
        match *self {
            Real | Positive | Above(_) | Below(_) | Interval(..) | Unit | Circle | Integers(..) => 1,
            Simplex(n) | Ordered(n) | PositiveOrdered(n) | UnitVector(n) | RealVector(n) | Counts(n) => n,
            CholeskyCorrelation(n) | CholeskyCovariance(n) | Covariance(n) => n * n,
        }
    }

    /// Numbers in the unconstrained space; zero for integers.
    pub fn num_unconstrained(&self) -> usize {
        use Support::*;
        match *self {
            Integers(..) | Counts(_) => 0,
            Simplex(n) => n.saturating_sub(1),
            CholeskyCorrelation(n) => n * n.saturating_sub(1) / 2,
            CholeskyCovariance(n) | Covariance(n) => n * (n + 1) / 2,
            _ => self.num_constrained(),
        }
    }

    /// Shape of the constrained value: empty for a scalar.
    pub fn shape(&self) -> Vec<usize> {
        use Support::*;
        match *self {
            CholeskyCorrelation(n) | CholeskyCovariance(n) | Covariance(n) => vec![n, n],
            Simplex(n) | Ordered(n) | PositiveOrdered(n) | UnitVector(n) | RealVector(n) | Counts(n) => vec![n],
            _ => vec![],
        }
    }

    /// Whether the value is an integer or integers.
    pub fn is_discrete(&self) -> bool {
        matches!(self, Support::Integers(..) | Support::Counts(_))
    }

    /// Whether `x` (constants only) lies in a scalar support; bounds that are latents are not checked.
    pub fn contains(&self, x: f64) -> bool {
        let bound = |b: &Real| b.as_constant();
        match self {
            Support::Positive => x > 0.0,
            Support::Unit => (0.0..=1.0).contains(&x),
            Support::Above(low) => bound(low).is_none_or(|l| x >= l),
            Support::Below(high) => bound(high).is_none_or(|h| x <= h),
            Support::Interval(low, high) => bound(low).is_none_or(|l| x >= l) && bound(high).is_none_or(|h| x <= h),
            Support::Integers(low, high) => {
                x.fract() == 0.0 && x >= f64::from(*low) && high.is_none_or(|h| x <= f64::from(h))
            }
            _ => x.is_finite(),
        }
    }
}

impl std::fmt::Display for Support {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = |b: &Real| b.as_constant().map_or("a latent bound".to_string(), |c| c.to_string());
        match self {
            Support::Real => f.write_str("real"),
            Support::Positive => f.write_str("positive"),
            Support::Above(low) => write!(f, "above {}", bound(low)),
            Support::Below(high) => write!(f, "below {}", bound(high)),
            Support::Interval(low, high) => write!(f, "between {} and {}", bound(low), bound(high)),
            Support::Unit => f.write_str("between 0 and 1"),
            Support::Circle => f.write_str("an angle"),
            Support::Simplex(n) => write!(f, "a simplex of {n}"),
            Support::Ordered(n) => write!(f, "{n} increasing numbers"),
            Support::PositiveOrdered(n) => write!(f, "{n} increasing positive numbers"),
            Support::UnitVector(n) => write!(f, "a unit vector of {n}"),
            Support::RealVector(n) => write!(f, "{n} real numbers"),
            Support::CholeskyCorrelation(n) => write!(f, "a Cholesky factor of a {n} x {n} correlation matrix"),
            Support::CholeskyCovariance(n) => write!(f, "a Cholesky factor of a {n} x {n} covariance matrix"),
            Support::Covariance(n) => write!(f, "a {n} x {n} covariance matrix"),
            Support::Integers(low, Some(high)) => write!(f, "an integer {low} to {high}"),
            Support::Integers(low, None) => write!(f, "an integer from {low}"),
            Support::Counts(n) => write!(f, "{n} counts"),
        }
    }
}
