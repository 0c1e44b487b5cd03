//! Checks of a mixture before it is believed: its file may have been edited.

use super::error::{all_positive, finite};
use super::{Component, Kind, MixtureError, MixtureFitted};

/// Columns at most, so that a number of columns that no array stands behind takes no memory.
const MOST_COLUMNS: usize = 1 << 20;

/// A kind of component that knows what its numbers must be.
pub(super) trait Checked: Component {
    /// Refuses a prior that no constructor gives.
    fn check_prior(&self) -> Result<(), MixtureError>;

    /// Refuses parameters of one component that no fit gives; they are as many as they must be.
    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError>;
}

/// Refuses numbers of columns or levels without end.
pub(super) fn few(what: &'static str, found: usize) -> Result<(), MixtureError> {
    if (1..=MOST_COLUMNS).contains(&found) {
        return Ok(());
    }
    Err(MixtureError::setting(what, format!("{found} {what}, where there can be 1 to {MOST_COLUMNS}")))
}

/// Refuses what should be positive definite and is not.
pub(super) fn definite(is_right: bool, what: &'static str) -> Result<(), MixtureError> {
    if is_right { Ok(()) } else { Err(MixtureError::Singular { what }) }
}

/// Whether numbers are those that others give, up to rounding.
pub(super) fn near(found: &[f64], expected: &[f64]) -> bool {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
    found.len() == expected.len() && found.iter().zip(expected).all(close)
}

fn same(what: &'static str, found: usize, expected: usize) -> Result<(), MixtureError> {
    if found == expected { Ok(()) } else { Err(MixtureError::Shape { what, found, expected }) }
}

impl MixtureFitted<Kind> {
    /// Holds sizes against one another and every number against what it must be.
    pub(crate) fn check_saved(&self) -> Result<(), MixtureError> {
        let MixtureFitted { component, prior, state, order, .. } = self;
        component.check_prior()?;
        prior.check()?;
        let (k, length) = (state.counts.len(), component.num_params());
        if k == 0 {
            return Err(MixtureError::setting("components", "a mixture without components"));
        }
        same("parameters of the weights", state.weights.len(), prior.num_params(k))?;
        same("parameters of the components", state.params.len(), k.saturating_mul(length))?;
        same("numbers of components", order.len(), k)?;
        let mut numbers = order.clone();
        numbers.sort_unstable();
        if !numbers.into_iter().eq(0..k) {
            return Err(MixtureError::setting(
                "order",
                format!("the components' order is no permutation of 0 to {}", k - 1),
            ));
        }
        all_positive("a parameter of the weights", &state.weights)?;
        if state.counts.iter().any(|n| *n < 0.0) {
            return Err(MixtureError::setting("counts", "a component has fewer rows than none"));
        }
        finite("a number of rows", &state.counts)?;
        finite("the bound", &[self.bound, state.bound.unwrap_or(0.0)])?;
        self.starts.iter().try_for_each(|start| finite("the end of a start", &[start.bound, start.agreement]))?;
        let mut cache = vec![0.0; component.num_cache()];
        for params in state.params.chunks_exact(length) {
            component.check_params(params)?;
            component.prepare(params, &mut cache)?;
            finite("what follows from a component's parameters", &cache)?;
        }
        let weights = self.weights();
        finite("the weight of a component", &[&weights[..], &self.weight_sds()].concat())?;
        if !weights.is_sorted_by(|a, b| a >= b) || (weights.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
            return Err(MixtureError::setting(
                "weights",
                "the weights do not fall from component to component, or have no sum of 1",
            ));
        }
        (0..k).try_for_each(|c| {
            let values: Vec<f64> = self.component(c).into_iter().map(|(_, value)| value).collect();
            finite("an estimate of a component", &values)
        })
    }
}
