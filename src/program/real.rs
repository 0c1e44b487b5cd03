//! [`Real`]: a number in a log joint, either a constant or a recorded node.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use std::panic::Location;

use super::Mask;
use super::ops::{Binary, Unary};
use super::recording::{self, Op};

/// A real number of a log joint: a constant, or a value that depends on latents, parameters or the row.
///
/// Ordinary arithmetic with `f64` on either side; constants fold while recording. A `Real` has no order and no
/// readable value, so the shape of a log joint cannot depend on latent values: branch on data with plain `if`,
/// and on latents with [`Real::less_than`] and [`Mask::select`].
///
/// ```compile_fail
/// # use jensen::prelude::*;
/// # fn log_joint(p: &LogJoint) {
/// let x = p.real("x");
/// if x > 0.0 {
///     p.add(-x);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Real {
    /// Zero for a constant, else the recording this node belongs to.
    recording: u32,
    node: u32,
    value: f64,
}

impl From<f64> for Real {
    fn from(value: f64) -> Self {
        Real { recording: 0, node: 0, value }
    }
}

/// Nothing: no type has it. [`Real`] and [`Int`](super::Int) compare with what does, so that the compiler can say what
/// to write in place of `<`, `>` or `==`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "values of a log joint are not compared with `<`, `>` or `==`",
    label = "a latent has no value while the model is recorded, so no branch can be chosen here",
    note = "write `x.less_than(y).select(a, b)`; `at_most` and `equal_to` make such masks too"
)]
pub trait Known: sealed::Nothing {}

mod sealed {
    pub trait Nothing {}
}

impl<T: Known> PartialEq<T> for Real {
    fn eq(&self, _: &T) -> bool {
        false
    }
}

impl<T: Known> PartialOrd<T> for Real {
    fn partial_cmp(&self, _: &T) -> Option<std::cmp::Ordering> {
        None
    }
}

impl Real {
    pub(crate) fn from_node(node: u32) -> Real {
        let recording = recording::with(|r| r.id).unwrap_or(0);
        Real { recording, node, value: f64::NAN }
    }

    /// The value if this is a constant.
    pub(crate) fn as_constant(self) -> Option<f64> {
        (self.recording == 0).then_some(self.value)
    }

    /// The node number if it belongs to this recording.
    pub(crate) fn node_in(self, recording: &recording::Recording) -> Option<u32> {
        (self.recording == recording.id).then_some(self.node)
    }

    /// Whether both are one recorded value, or equal constants.
    pub(crate) fn is_same(self, other: Real) -> bool {
        (self.recording, self.node) == (other.recording, other.node) && self.as_constant() == other.as_constant()
    }

    /// The node number in the active recording; a constant becomes a node; a stranger becomes an error.
    #[track_caller]
    pub(crate) fn node(self) -> u32 {
        let location = Location::caller();
        recording::with(|r| {
            if self.recording == 0 {
                r.constant(self.value)
            } else if self.recording == r.id {
                self.node
            } else {
                r.fail(
                    "a value recorded elsewhere is used here; make every value inside this call of `log_joint`".into(),
                    location,
                );
                r.constant(f64::NAN)
            }
        })
        .unwrap_or(0)
    }

    #[track_caller]
    pub(crate) fn elementwise(op: Op, args: &[Real]) -> Real {
        let mut nodes = [0; 3];
        for (n, a) in nodes.iter_mut().zip(args) {
            *n = a.node();
        }
        let location = Location::caller();
        match recording::with(|r| r.elementwise(op, &nodes[..args.len()], location)) {
            Some(Some(node)) => Real::from_node(node),
            _ => Real::from(f64::NAN),
        }
    }

    #[track_caller]
    pub(crate) fn unary(self, op: Unary) -> Real {
        match self.as_constant() {
            Some(x) => Real::from(op.value(x)),
            None => Real::elementwise(Op::Unary(op), &[self]),
        }
    }

    #[track_caller]
    pub(crate) fn binary(op: Binary, a: Real, b: Real) -> Real {
        match (a.as_constant(), b.as_constant()) {
            (Some(x), Some(y)) => Real::from(op.value(x, y)),
            _ => Real::elementwise(Op::Binary(op), &[a, b]),
        }
    }

    #[track_caller]
    fn add_constant(self, c: f64) -> Real {
        if c == 0.0 { self } else { Real::elementwise(Op::AddConst(c), &[self]) }
    }

    #[track_caller]
    fn mul_constant(self, c: f64) -> Real {
        if c == 1.0 {
            self
        } else if c == -1.0 {
            self.unary(Unary::Neg)
        } else {
            Real::elementwise(Op::MulConst(c), &[self])
        }
    }

    /// `-((self - mean) * precision_root)^2 / 2`, the exponent of a normal density, as one operation.
    #[track_caller]
    pub fn gauss_kernel(self, mean: impl Into<Real>, precision_root: impl Into<Real>) -> Real {
        let (m, w) = (mean.into(), precision_root.into());
        match (self.as_constant(), m.as_constant(), w.as_constant()) {
            (Some(x), Some(m), Some(w)) => Real::from(-0.5 * ((x - m) * w) * ((x - m) * w)),
            // The constant factor of a term costs nothing.
            (_, _, Some(w)) => (self - m).square() * (-0.5 * w * w),
            _ => Real::elementwise(Op::GaussKernel, &[self, m, w]),
        }
    }

    /// `self` raised to a real power (constant or not).
    #[track_caller]
    pub fn powf(self, exponent: impl Into<Real>) -> Real {
        let exponent = exponent.into();
        match (self.as_constant(), exponent.as_constant()) {
            (None, Some(1.0)) => self,
            (None, Some(2.0)) => self.square(),
            (None, Some(0.5)) => self.sqrt(),
            (None, Some(-1.0)) => self.recip(),
            (None, Some(c)) => Real::elementwise(Op::PowConst(c), &[self]),
            _ => Real::binary(Binary::Pow, self, exponent),
        }
    }

    /// `self` raised to an integer power.
    #[track_caller]
    pub fn powi(self, exponent: i32) -> Real {
        match exponent {
            0 => Real::from(1.0),
            3 => self.square() * self,
            n => self.powf(f64::from(n)),
        }
    }

    /// `ln(1 / (1 + exp(-self)))`, without overflow.
    #[track_caller]
    pub fn log_sigmoid(self) -> Real {
        -(-self).softplus()
    }

    /// `self * ln(self)` with `0 ln 0 = 0`.
    #[track_caller]
    pub fn x_ln_x(self) -> Real {
        let zero = self.equal_to(0.0);
        zero.select(0.0, self * self.ln())
    }

    /// `ln B(self, other) = ln Gamma(self) + ln Gamma(other) - ln Gamma(self + other)`.
    ///
    /// Its error is some 6 ulp of the largest of the three, so absolute digits are lost for arguments in the millions.
    #[track_caller]
    pub fn ln_beta(self, other: impl Into<Real>) -> Real {
        let other = other.into();
        self.ln_gamma() + other.ln_gamma() - (self + other).ln_gamma()
    }

    /// The larger of the two.
    #[track_caller]
    pub fn max(self, other: impl Into<Real>) -> Real {
        Real::binary(Binary::Max, self, other.into())
    }

    /// The smaller of the two.
    #[track_caller]
    pub fn min(self, other: impl Into<Real>) -> Real {
        Real::binary(Binary::Min, self, other.into())
    }

    /// A mask that holds where `self < other`.
    #[track_caller]
    pub fn less_than(self, other: impl Into<Real>) -> Mask {
        Mask::new(Real::binary(Binary::Less, self, other.into()))
    }

    /// A mask that holds where `self <= other`.
    #[track_caller]
    pub fn at_most(self, other: impl Into<Real>) -> Mask {
        Mask::new(Real::binary(Binary::LessEqual, self, other.into()))
    }

    /// A mask that holds where `self == other` exactly.
    #[track_caller]
    pub fn equal_to(self, other: impl Into<Real>) -> Mask {
        Mask::new(Real::binary(Binary::Equal, self, other.into()))
    }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident => $op:ident;)*) => {
        impl Real { $(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self) -> Real { self.unary(Unary::$op) }
        )* }
    };
}

functions! {
    /// Absolute value; the slope at zero is taken as one.
    abs => Abs;
    /// `self * self`.
    square => Square;
    /// `1 / self`.
    recip => Recip;
    /// The square root.
    sqrt => Sqrt;
    /// The exponential, `e^self`.
    exp => Exp;
    /// `e^self - 1`, accurate near zero.
    exp_m1 => ExpM1;
    /// The natural logarithm.
    ln => Ln;
    /// `ln(1 + self)`, accurate near zero.
    ln_1p => Ln1p;
    /// Sine; in single precision NaN beyond 262,144 from zero, where no digit is left of most angles.
    sin => Sin;
    /// Cosine; in single precision NaN beyond 262,144 from zero.
    cos => Cos;
    /// Tangent, `sin / cos`; in single precision NaN beyond 262,144 from zero.
    tan => Tan;
    /// The inverse tangent, between -pi / 2 and pi / 2.
    atan => Atan;
    /// The hyperbolic sine.
    sinh => Sinh;
    /// The hyperbolic cosine.
    cosh => Cosh;
    /// The hyperbolic tangent.
    tanh => Tanh;
    /// `1 / (1 + exp(-self))`.
    sigmoid => Sigmoid;
    /// `ln(1 + exp(self))`, without overflow.
    softplus => Softplus;
    /// The error function.
    erf => Erf;
    /// Standard normal distribution function.
    normal_cdf => NormalCdf;
    /// Logarithm of the standard normal distribution function, accurate far in the lower tail.
    ln_normal_cdf => LnNormalCdf;
    /// Logarithm of the gamma function.
    ln_gamma => LnGamma;
    /// Derivative of `ln_gamma`.
    digamma => Digamma;
    /// Largest integer not above; its derivative is taken as zero.
    floor => Floor;
}

impl Neg for Real {
    type Output = Real;
    #[track_caller]
    fn neg(self) -> Real {
        self.unary(Unary::Neg)
    }
}

impl Add for Real {
    type Output = Real;
    #[track_caller]
    fn add(self, other: Real) -> Real {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Real::from(a + b),
            (None, Some(c)) => self.add_constant(c),
            (Some(c), None) => other.add_constant(c),
            (None, None) => Real::binary(Binary::Add, self, other),
        }
    }
}

impl Sub for Real {
    type Output = Real;
    #[track_caller]
    fn sub(self, other: Real) -> Real {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Real::from(a - b),
            (None, Some(c)) => self.add_constant(-c),
            (Some(c), None) => (-other).add_constant(c),
            (None, None) => Real::binary(Binary::Sub, self, other),
        }
    }
}

impl Mul for Real {
    type Output = Real;
    #[track_caller]
    fn mul(self, other: Real) -> Real {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Real::from(a * b),
            (None, Some(c)) => self.mul_constant(c),
            (Some(c), None) => other.mul_constant(c),
            (None, None) if self.node == other.node && self.recording == other.recording => self.square(),
            (None, None) => Real::binary(Binary::Mul, self, other),
        }
    }
}

impl Div for Real {
    type Output = Real;
    #[track_caller]
    fn div(self, other: Real) -> Real {
        match (self.as_constant(), other.as_constant()) {
            (Some(a), Some(b)) => Real::from(a / b),
            (None, Some(c)) => self.mul_constant(1.0 / c),
            (Some(c), None) => other.recip().mul_constant(c),
            (None, None) => Real::binary(Binary::Div, self, other),
        }
    }
}

macro_rules! mixed {
    ($($trait:ident $method:ident),*) => { $(
        impl $trait<f64> for Real {
            type Output = Real;
            #[track_caller]
            fn $method(self, other: f64) -> Real { self.$method(Real::from(other)) }
        }
        impl $trait<Real> for f64 {
            type Output = Real;
            #[track_caller]
            fn $method(self, other: Real) -> Real { Real::from(self).$method(other) }
        }
    )* };
}
mixed!(Add add, Sub sub, Mul mul, Div div);

macro_rules! assign {
    ($($trait:ident $method:ident $by:ident),*) => { $(
        impl<T: Into<Real>> $trait<T> for Real {
            #[track_caller]
            fn $method(&mut self, other: T) { *self = (*self).$by(other.into()); }
        }
    )* };
}
assign!(AddAssign add_assign add, SubAssign sub_assign sub, MulAssign mul_assign mul, DivAssign div_assign div);

impl std::iter::Sum for Real {
    #[track_caller]
    fn sum<I: Iterator<Item = Real>>(values: I) -> Real {
        super::sum(&values.collect::<Vec<_>>())
    }
}
