//! Functions of several numbers: sums, log-sum-exp and a user's own node.

use std::panic::Location;
use std::sync::Arc;

use super::Real;
use super::ops::Unary;
use super::recording::{self, Op};

/// Sum of `values`.
#[track_caller]
pub fn sum(values: &[Real]) -> Real {
    let mut constant = 0.0;
    let mut nodes = Vec::with_capacity(values.len());
    for v in values {
        match v.as_constant() {
            Some(c) => constant += c,
            None => nodes.push(*v),
        }
    }
    match nodes.len() {
        0 => Real::from(constant),
        1 => nodes[0] + constant,
        _ => nary(Op::Sum, &nodes) + constant,
    }
}

/// `ln sum_k exp(values_k)`, without overflow.
#[track_caller]
pub fn log_sum_exp(values: &[Real]) -> Real {
    match values {
        [] => Real::from(f64::NEG_INFINITY),
        [one] => *one,
        _ => nary(Op::LogSumExp, values),
    }
}

/// A node with its own value and partial derivatives: `function(inputs, partials)` writes d value / d inputs
/// into `partials` and returns the value.
///
/// The function must depend on nothing but its inputs.
///
/// ```
/// use jensen::program::{custom, Real};
/// fn cube(x: Real) -> Real {
///     custom(&[x], |x, partials| {
///         partials[0] = 3.0 * x[0] * x[0];
///         x[0] * x[0] * x[0]
///     })
/// }
/// ```
#[track_caller]
pub fn custom(inputs: &[Real], function: impl Fn(&[f64], &mut [f64]) -> f64 + Send + Sync + 'static) -> Real {
    let id = recording::with(|r| {
        r.functions.push(Arc::new(function));
        r.functions.len() as u32 - 1
    });
    nary(Op::Custom { function: id.unwrap_or(0) }, inputs)
}

#[track_caller]
fn nary(op: Op, args: &[Real]) -> Real {
    let location = Location::caller();
    let nodes: Vec<u32> = args.iter().map(|a| a.node()).collect();
    let node = recording::with(|r| r.nary(op, &nodes, |len| len, location)).flatten();
    node.map_or(Real::from(f64::NAN), Real::from_node)
}

/// Values that reject a draw.
impl Real {
    /// Zero where it is positive and NaN elsewhere, which rejects the draw.
    #[track_caller]
    pub(crate) fn require_positive(self) -> Real {
        self.unary(Unary::RequirePositive)
    }

    /// Zero where it is not negative and NaN elsewhere.
    #[track_caller]
    pub(crate) fn require_non_negative(self) -> Real {
        self.unary(Unary::RequireNonNegative)
    }
}
