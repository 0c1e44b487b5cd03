//! [`Int`] and [`Mask`]: integers that index, and conditions that select.

use std::ops::{Add, Sub};

use super::Real;
use super::ops::{Binary, Unary};
use super::real::Known;
use super::recording::Op;

/// An integer of a log joint: an integer latent, an integer data column, the row number, or a constant.
///
/// ```
/// use jensen::prelude::*;
///
/// let urn = model(|p| {
///     let red = p.draw_integer("red", binomial(3, 0.5)); // of three balls
///     let chance = red.to_real() / 3.0;
///     let any = red.equal_to(0).select(0.0, 1.0);
///     p.derive("any", any);
///     p.observe(1.0, bernoulli(0.01 + 0.98 * chance));
/// });
/// let any = jensen::fit(&urn)?.draws("any").unwrap();
/// assert!(any.iter().filter(|any| **any == 1.0).count() > 9 * any.len() / 10);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Int {
    pub(crate) value: Real,
    /// An integer data column (with its shift) that indexes without arithmetic.
    pub(crate) column: Option<(u32, i32)>,
}

impl<T: Known> PartialEq<T> for Int {
    fn eq(&self, _: &T) -> bool {
        false
    }
}

impl<T: Known> PartialOrd<T> for Int {
    fn partial_cmp(&self, _: &T) -> Option<std::cmp::Ordering> {
        None
    }
}

impl Int {
    pub(crate) fn new(value: Real) -> Int {
        Int { value, column: None }
    }

    /// The same number as a [`Real`] (its derivative is zero).
    pub fn to_real(self) -> Real {
        self.value
    }

    /// A mask that holds where the two are equal.
    #[track_caller]
    pub fn equal_to(self, other: impl Into<Int>) -> Mask {
        self.value.equal_to(other.into().value)
    }

    /// A mask that holds where `self < other`.
    #[track_caller]
    pub fn less_than(self, other: impl Into<Int>) -> Mask {
        self.value.less_than(other.into().value)
    }

    /// A mask that holds where `self <= other`.
    #[track_caller]
    pub fn at_most(self, other: impl Into<Int>) -> Mask {
        self.value.at_most(other.into().value)
    }
}

impl From<Int> for Real {
    fn from(k: Int) -> Real {
        k.to_real()
    }
}

impl From<usize> for Int {
    fn from(n: usize) -> Int {
        Int::new(Real::from(n as f64))
    }
}

impl From<u32> for Int {
    fn from(n: u32) -> Int {
        Int::new(Real::from(f64::from(n)))
    }
}

impl From<i32> for Int {
    fn from(n: i32) -> Int {
        Int::new(Real::from(f64::from(n)))
    }
}

impl<T: Into<Int>> Add<T> for Int {
    type Output = Int;
    #[track_caller]
    fn add(self, other: T) -> Int {
        Int::new(self.value + other.into().value)
    }
}

impl<T: Into<Int>> Sub<T> for Int {
    type Output = Int;
    #[track_caller]
    fn sub(self, other: T) -> Int {
        Int::new(self.value - other.into().value)
    }
}

/// A condition on values of a log joint, for [`Mask::select`].
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    /// One where the condition holds, zero elsewhere.
    value: Real,
}

impl Mask {
    pub(crate) fn new(value: Real) -> Mask {
        Mask { value }
    }

    /// `then` where the mask holds and `otherwise` elsewhere.
    ///
    /// A non-finite value in the branch not taken reaches neither the result nor its gradient.
    #[track_caller]
    pub fn select(self, then: impl Into<Real>, otherwise: impl Into<Real>) -> Real {
        let (a, b) = (then.into(), otherwise.into());
        match self.value.as_constant() {
            Some(1.0) => a,
            Some(_) => b,
            None => Real::elementwise(Op::Select, &[self.value, a, b]),
        }
    }

    /// Holds where both hold.
    #[track_caller]
    pub fn and(self, other: Mask) -> Mask {
        Mask::new(Real::binary(Binary::And, self.value, other.value))
    }

    /// Holds where at least one holds.
    #[track_caller]
    pub fn or(self, other: Mask) -> Mask {
        self.not().and(other.not()).not()
    }

    /// Holds where `self` does not.
    #[track_caller]
    #[allow(clippy::should_implement_trait, reason = "`!mask` would read as an order of evaluation it has not")]
    pub fn not(self) -> Mask {
        Mask::new(self.value.unary(Unary::Not))
    }
}
