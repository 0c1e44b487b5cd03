//! The table of operations: each row holds an operation's name, value, partial derivatives and test points.
//!
//! Everything elementwise is written here once; the lane executor expands a row into one forward and one
//! reverse loop, and the tests walk the same rows.

use crate::numerics::Lane;

/// A partial derivative times an adjoint, where a zero adjoint wins over a non-finite partial.
///
/// `select` sends an exact zero into the branch it did not take; without this rule `0 * inf` there would turn
/// the whole gradient into NaN.
#[inline(always)]
pub(crate) fn guarded<T: Lane>(adjoint: T, product: T) -> T {
    if adjoint == T::zero() { T::zero() } else { product }
}

/// Lanes taken together: two vector registers of doubles, one of singles.
pub(crate) const WIDE: usize = 8;

/// Lanes that a loop over `n` lanes touches: whole groups, but for very few. What lies between belongs to nobody: its
/// values are never used and its adjoints stay zero.
#[inline(always)]
pub(crate) fn padded(n: usize) -> usize {
    if n <= FEW { n } else { n.next_multiple_of(WIDE) }
}

/// Lanes that are worked on one by one.
pub(crate) const FEW: usize = 3;

/// `out[l] = value of the operands' lanes l`, in groups whose loops the compiler unrolls into vector operations.
macro_rules! map_lanes {
    ($out:expr, [$($slice:expr => $x:ident),*], $value:expr) => {{
        let out = $out;
        let n = out.len();
        if n <= FEW {
            for l in 0..n {
                $( let $x = $slice[l]; )*
                out[l] = $value;
            }
        } else {
            let (out, _) = out.as_chunks_mut::<WIDE>();
            for k in 0..out.len() {
                let mut y = [T::zero(); WIDE];
                let group = ( $( match $slice.as_chunks::<WIDE>().0.get(k) { Some($x) => *$x, None => [T::zero(); WIDE] }, )* );
                #[allow(unused_parens, reason = "one operand is as good as several")]
                let ( $( $x, )* ) = group;
                for l in 0..WIDE {
                    $( let $x = $x[l]; )*
                    y[l] = $value;
                }
                out[k] = y;
            }
        }
    }};
}
pub(crate) use map_lanes;

/// `to[l] += value of the operands' lanes l`, or `=` where it is the first to arrive.
macro_rules! add_lanes {
    ($to:expr, $first:expr, [$($slice:expr => $x:ident),*], $value:expr) => {{
        let (to, first) = ($to, $first);
        let n = to.len();
        if n <= FEW {
            for l in 0..n {
                $( let $x = $slice[l]; )*
                to[l] = if first { T::zero() } else { to[l] } + $value;
            }
        } else {
            let (to, _) = to.as_chunks_mut::<WIDE>();
            for k in 0..to.len() {
                let mut y = if first { [T::zero(); WIDE] } else { to[k] };
                let group = ( $( match $slice.as_chunks::<WIDE>().0.get(k) { Some($x) => *$x, None => [T::zero(); WIDE] }, )* );
                let ( $( $x, )* ) = group;
                for l in 0..WIDE {
                    $( let $x = $x[l]; )*
                    y[l] += $value;
                }
                to[k] = y;
            }
        }
    }};
}
pub(crate) use add_lanes;

macro_rules! unary_table {
    ($( $(#[$doc:meta])* $op:ident, $name:literal, |$x:ident| $value:expr, |$dx:ident, $dy:ident| $slope:expr, $points:expr; )*) => {
        /// Elementwise functions of one argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Unary { $( $(#[$doc])* $op, )* }

        impl Unary {
            /// Every row of the table.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Unary] = &[ $( Unary::$op, )* ];

            pub(crate) fn name(self) -> &'static str {
                match self { $( Unary::$op => $name, )* }
            }

            /// Points inside the domain at which the derivative is checked.
            #[cfg(test)]
            pub(crate) fn test_points(self) -> &'static [f64] {
                match self { $( Unary::$op => &$points, )* }
            }

            /// The value at one point: constant folding and the oracle.
            pub(crate) fn value(self, x: f64) -> f64 {
                self.value_as::<f64, false>(x)
            }

            #[inline(always)]
            fn value_as<T: Lane, const FMA: bool>(self, x: T) -> T {
                match self { $( Unary::$op => { let $x = x; $value } )* }
            }

            /// `out = f(a)`.
            #[inline(always)]
            pub(crate) fn forward<T: Lane, const FMA: bool>(self, a: &[T], out: &mut [T]) {
                match self { $( Unary::$op => map_lanes!(out, [a => $x], $value), )* }
            }

            /// `a_bar += out_bar * f'(a)`; `first` overwrites.
            #[inline(always)]
            pub(crate) fn reverse<T: Lane, const FMA: bool>(self, a: &[T], out: &[T], out_bar: &[T], a_bar: &mut [T], first: bool) {
                match self { $( Unary::$op => add_lanes!(a_bar, first, [a => $dx, out => $dy, out_bar => g], guarded(g, g * $slope)), )* }
            }
        }
    };
}

#[inline(always)]
fn c<T: Lane>(x: f64) -> T {
    T::from_f64(x)
}

unary_table! {
    Neg, "neg", |x| -x, |_x, _y| -T::one(), [-2.0, 0.5];
    Abs, "abs", |x| x.abs(), |x, _y| x.signum(), [-2.0, 0.5];
    Square, "square", |x| x * x, |x, _y| x + x, [-2.0, 0.5];
    Recip, "recip", |x| x.recip(), |_x, y| -y * y, [-2.0, 0.5];
    Sqrt, "sqrt", |x| x.sqrt(), |_x, y| c::<T>(0.5) / y, [0.3, 4.0];
    Exp, "exp", |x| x.exp_lane::<FMA>(), |_x, y| y, [-3.0, 0.2, 2.0];
    ExpM1, "exp_m1", |x| x.exp_m1_lane::<FMA>(), |_x, y| y + T::one(), [-3.0, 1e-4, 2.0];
    Ln, "ln", |x| x.ln_lane::<FMA>(), |x, _y| x.recip(), [0.01, 0.7, 30.0];
    Ln1p, "ln_1p", |x| x.ln_1p_lane::<FMA>(), |x, _y| (x + T::one()).recip(), [-0.9, 1e-4, 30.0];
    Sin, "sin", |x| x.sin_lane::<FMA>(), |x, _y| x.cos_lane::<FMA>(), [-2.0, 0.3, 5.0];
    Cos, "cos", |x| x.cos_lane::<FMA>(), |x, _y| -x.sin_lane::<FMA>(), [-2.0, 0.3, 5.0];
    Tan, "tan", |x| x.sin_lane::<FMA>() / x.cos_lane::<FMA>(), |_x, y| T::one() + y * y, [-1.0, 0.3, 2.0];
    Atan, "atan", |x| x.atan(), |x, _y| (T::one() + x * x).recip(), [-3.0, 0.3, 2.0];
    Sinh, "sinh",
        |x| x.sinh_lane::<FMA>(), |x, _y| x.cosh_lane::<FMA>(), [-2.0, 0.3, 3.0];
    Cosh, "cosh",
        |x| x.cosh_lane::<FMA>(), |x, _y| x.sinh_lane::<FMA>(), [-2.0, 0.3, 3.0];
    Tanh, "tanh", |x| x.tanh_lane::<FMA>(), |_x, y| T::one() - y * y, [-2.0, 0.01, 1.0];
    Sigmoid, "sigmoid", |x| x.sigmoid_lane::<FMA>(), |x, y| y * (-x).sigmoid_lane::<FMA>(), [-30.0, -2.0, 0.01, 5.0];
    Softplus, "softplus", |x| x.softplus_lane::<FMA>(), |x, _y| x.sigmoid_lane::<FMA>(), [-30.0, -2.0, 0.01, 5.0, 40.0];
    Erf, "erf", |x| x.erf(),
        |x, _y| c::<T>(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp_lane::<FMA>(), [-1.0, 0.2, 2.0];
    NormalCdf, "normal_cdf", |x| x.ndtr(),
        |x, _y| c::<T>(0.398_942_280_401_432_7) * (c::<T>(-0.5) * x * x).exp_lane::<FMA>(), [-3.0, 0.2, 2.0];
    LnNormalCdf, "ln_normal_cdf", |x| x.ln_ndtr(), |x, _y| x.mills(), [-30.0, -3.0, 0.2, 2.0];
    LnGamma, "ln_gamma", |x| x.ln_gamma(), |x, _y| x.digamma(), [0.1, 0.7, 3.3, 40.0];
    Digamma, "digamma", |x| x.digamma(), |x, _y| x.trigamma(), [0.1, 0.7, 3.3, 40.0];
    Floor, "floor", |x| x.floor(), |_x, _y| T::zero(), [-1.5, 2.2];
    Not, "not", |x| T::one() - x, |_x, _y| T::zero(), [];
    /// Zero above zero and NaN elsewhere, which rejects the draw.
    RequirePositive, "require_positive",
        |x| if x > T::zero() { T::zero() } else { T::nan() }, |_x, _y| T::zero(), [];
    /// Zero from zero on and NaN elsewhere.
    RequireNonNegative, "require_non_negative",
        |x| if x >= T::zero() { T::zero() } else { T::nan() }, |_x, _y| T::zero(), [];
}

macro_rules! binary_table {
    ($( $op:ident, $name:literal, |$x:ident, $y:ident| $value:expr, |$dx:ident, $dy:ident, $dz:ident| ($sx:expr, $sy:expr), $points:expr; )*) => {
        /// Elementwise functions of two arguments.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Binary { $( $op, )* }

        impl Binary {
            /// Every row of the table.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Binary] = &[ $( Binary::$op, )* ];

            pub(crate) fn name(self) -> &'static str {
                match self { $( Binary::$op => $name, )* }
            }

            /// Points inside the domain at which the partial derivatives are checked.
            #[cfg(test)]
            pub(crate) fn test_points(self) -> &'static [(f64, f64)] {
                match self { $( Binary::$op => &$points, )* }
            }

            /// The value at one point: constant folding and the oracle.
            pub(crate) fn value(self, x: f64, y: f64) -> f64 {
                self.value_as::<f64, false>(x, y)
            }

            #[inline(always)]
            fn value_as<T: Lane, const FMA: bool>(self, x: T, y: T) -> T {
                match self { $( Binary::$op => { let ($x, $y) = (x, y); $value } )* }
            }

            /// `out = f(a, b)`.
            #[inline(always)]
            pub(crate) fn forward<T: Lane, const FMA: bool>(self, a: &[T], b: &[T], out: &mut [T]) {
                match self { $( Binary::$op => map_lanes!(out, [a => $x, b => $y], $value), )* }
            }

            /// `a_bar += out_bar * df/da`; `first` overwrites.
            #[inline(always)]
            pub(crate) fn reverse_first<T: Lane, const FMA: bool>(self, a: &[T], b: &[T], out: &[T], out_bar: &[T], a_bar: &mut [T], first: bool) {
                match self { $( Binary::$op => {
                    #[allow(unused_variables, reason = "a row of the table names only what its slope needs")]
                    { add_lanes!(a_bar, first, [a => $dx, b => $dy, out => $dz, out_bar => g], guarded(g, g * $sx)) }
                } )* }
            }

            /// `b_bar += out_bar * df/db`; `first` overwrites.
            #[inline(always)]
            pub(crate) fn reverse_second<T: Lane, const FMA: bool>(self, a: &[T], b: &[T], out: &[T], out_bar: &[T], b_bar: &mut [T], first: bool) {
                match self { $( Binary::$op => {
                    #[allow(unused_variables, reason = "a row of the table names only what its slope needs")]
                    { add_lanes!(b_bar, first, [a => $dx, b => $dy, out => $dz, out_bar => g], guarded(g, g * $sy)) }
                } )* }
            }
        }
    };
}

binary_table! {
    Add, "add", |x, y| x + y, |_x, _y, _z| (T::one(), T::one()), [(1.0, 2.0)];
    Sub, "sub", |x, y| x - y, |_x, _y, _z| (T::one(), -T::one()), [(1.0, 2.0)];
    Mul, "mul", |x, y| x * y, |x, y, _z| (y, x), [(1.5, -2.0)];
    Div, "div", |x, y| x / y, |_x, y, z| (y.recip(), -z / y), [(1.5, -2.0)];
    Pow, "pow",
        |x, y| if y == T::zero() { T::one() } else { x.powf(y) },
        |x, y, z| (
            if y == T::zero() { T::zero() } else { y * x.powf(y - T::one()) },
            if z == T::zero() { T::zero() } else { z * x.ln() }
        ), [(1.5, -2.0), (0.3, 2.5)];
    Max, "max",
        |x, y| if x >= y { x } else { y },
        |x, y, _z| (if x >= y { T::one() } else { T::zero() }, if x >= y { T::zero() } else { T::one() }),
        [(1.0, 2.0), (2.0, 1.0)];
    Min, "min",
        |x, y| if x <= y { x } else { y },
        |x, y, _z| (if x <= y { T::one() } else { T::zero() }, if x <= y { T::zero() } else { T::one() }),
        [(1.0, 2.0), (2.0, 1.0)];
    Less, "less_than", |x, y| if x < y { T::one() } else { T::zero() }, |_x, _y, _z| (T::zero(), T::zero()), [];
    LessEqual, "at_most", |x, y| if x <= y { T::one() } else { T::zero() }, |_x, _y, _z| (T::zero(), T::zero()), [];
    Equal, "equal_to", |x, y| if x == y { T::one() } else { T::zero() }, |_x, _y, _z| (T::zero(), T::zero()), [];
    And, "and", |x, y| x * y, |_x, _y, _z| (T::zero(), T::zero()), [];
}
