//! Derivatives by differences.

use super::{Broken, hold};

/// Holds `grad` against the derivative of `value` at `params`, number by number.
///
/// Five-point differences with step `h = 1e-3 max(1, |params_k|)`: the error is about `h^4 f''''' / 30`, 3e-14 of the
/// fifth derivative, and 3e-13 of the value by rounding; the tolerance leaves both a factor of 30 to 1e5.
pub(super) fn hold_gradient(
    law: &'static str,
    what: &str,
    params: &[f64],
    grad: &[f64],
    mut value: impl FnMut(&[f64]) -> f64,
) -> Result<(), Broken> {
    let mut moved = params.to_vec();
    for (k, &found) in grad.iter().enumerate() {
        let h = 1e-3 * params[k].abs().max(1.0);
        let mut at = |steps: f64| {
            moved[k] = params[k] + steps * h;
            value(&moved)
        };
        let (near, far) = ((at(1.0), at(-1.0)), (at(2.0), at(-2.0)));
        moved[k] = params[k];
        let expected = (8.0 * (near.0 - near.1) - (far.0 - far.1)) / (12.0 * h);
        let tolerance = 1e-8 * (1.0 + expected.abs()) + 1e-11 * near.0.abs();
        hold(law, || format!("{what} {k}"), found, expected, tolerance)?;
    }
    Ok(())
}
