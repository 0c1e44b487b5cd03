//! Supports: where a latent, data or a parameter may lie; of a latent they decide its transform.

use crate::program::Real;

/// The set of values a distribution, a latent or a parameter of a distribution can take.
///
/// A latent never lies on an edge; data and parameters may where the set has the edge.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Support {
    /// All real numbers.
    Real,
    /// All numbers above zero.
    Positive,
    /// Numbers above a bound.
    Above(Real),
    /// A bound and the numbers above it.
    AtLeast(Real),
    /// Numbers below a bound.
    Below(Real),
    /// Two bounds and the numbers between them.
    Interval(Real, Real),
    /// Zero, one and the numbers between them.
    Unit,
    /// Angles in (-pi, pi); as data any angle, since densities of angles are periodic.
    Circle,
    /// `n` non-negative numbers that sum to one.
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
    /// Integers from the first number to the second; `None`: no upper end.
    Integers(u32, Option<Real>),
    /// `n` non-negative integers with a given sum.
    Counts(usize, Real),
}

impl Support {
    /// Zero and all numbers above it.
    pub(super) fn non_negative() -> Support {
        Support::AtLeast(Real::from(0.0))
    }

    /// The integers from zero to a number.
    pub(super) fn up_to(high: u32) -> Support {
        Support::Integers(0, Some(Real::from(f64::from(high))))
    }

    /// Positive numbers, and zero where the density is finite and positive there.
    pub(super) fn positive_or_zero(has_density_at_zero: bool) -> Support {
        if has_density_at_zero { Support::non_negative() } else { Support::Positive }
    }

    /// Where a latent of this support lies: without the edge.
    pub(crate) fn interior(self) -> Support {
        match self {
            Support::AtLeast(low) if low.as_constant() == Some(0.0) => Support::Positive,
            Support::AtLeast(low) => Support::Above(low),
            other => other,
        }
    }

    /// The smallest support of this list that holds both sets; `None` for numbers and integers, or vectors that differ.
    pub(super) fn hull(&self, other: &Support) -> Option<Support> {
        use Support::*;
        let same = |a: &crate::program::Real, b: &crate::program::Real| a.is_same(*b);
        match (self, other) {
            (Integers(a, high), Integers(b, end)) => {
                let high = high.zip(*end).filter(|(a, b)| same(a, b)).map(|(a, _)| a);
                Some(Integers(*a.min(b), high))
            }
            (Real, Real) | (Positive, Positive) | (Unit, Unit) | (Circle, Circle) => Some(self.clone()),
            (Above(a), Above(b)) | (AtLeast(a), AtLeast(b)) | (Below(a), Below(b)) if same(a, b) => Some(self.clone()),
            (Interval(a, b), Interval(c, d)) if same(a, c) && same(b, d) => Some(self.clone()),
            (Positive, AtLeast(low)) | (AtLeast(low), Positive) if low.as_constant() == Some(0.0) => {
                Some(Support::non_negative())
            }
            (a, b) if a.is_discrete() || b.is_discrete() => None,
            (a, b) if a.shape().is_empty() && b.shape().is_empty() => Some(Real),
            (a, b) => {
                (std::mem::discriminant(a) == std::mem::discriminant(b) && a.shape() == b.shape()).then(|| a.clone())
            }
        }
    }

    /// Numbers in the constrained space.
    pub fn num_constrained(&self) -> usize {
        use Support::*;
        match *self {
            Real | Positive | Above(_) | AtLeast(_) | Below(_) | Interval(..) | Unit | Circle | Integers(..) => 1,
            Simplex(n) | Ordered(n) | PositiveOrdered(n) | UnitVector(n) | RealVector(n) | Counts(n, _) => n,
            CholeskyCorrelation(n) | CholeskyCovariance(n) | Covariance(n) => n * n,
        }
    }

    /// Numbers in the unconstrained space; zero for integers.
    pub fn num_unconstrained(&self) -> usize {
        use Support::*;
        match *self {
            Integers(..) | Counts(..) => 0,
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
            Simplex(n) | Ordered(n) | PositiveOrdered(n) | UnitVector(n) | RealVector(n) | Counts(n, _) => vec![n],
            _ => vec![],
        }
    }

    /// Whether the value is an integer or integers.
    pub fn is_discrete(&self) -> bool {
        matches!(self, Support::Integers(..) | Support::Counts(..))
    }

    /// The same set with other bounds.
    pub(super) fn with_bounds(&self, mut of: impl FnMut(Real) -> Real) -> Support {
        match self {
            Support::Above(low) => Support::Above(of(*low)),
            Support::AtLeast(low) => Support::AtLeast(of(*low)),
            Support::Below(high) => Support::Below(of(*high)),
            Support::Interval(low, high) => Support::Interval(of(*low), of(*high)),
            Support::Integers(low, high) => Support::Integers(*low, high.map(of)),
            Support::Counts(n, total) => Support::Counts(*n, of(*total)),
            other => other.clone(),
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
            Support::AtLeast(low) => write!(f, "at least {}", bound(low)),
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
            Support::Integers(low, Some(high)) => write!(f, "an integer {low} to {}", bound(high)),
            Support::Integers(low, None) => write!(f, "an integer from {low}"),
            Support::Counts(n, total) => write!(f, "{n} counts that sum to {}", bound(total)),
        }
    }
}
