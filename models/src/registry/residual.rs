//! A response that its features explain in every row leaves no residual, whose scale these models learn.

use crate::data::{DataTable, DesignMatrix, DesignSpec};
use crate::zoo::{BuildError, DataOptions};

/// Linear models with a residual scale; a Gaussian process is at home where there is no noise.
const MODELS: [&str; 3] = ["regression-mixture", "spike-and-slab", "horseshoe"];

/// Refuses such a response for one of the models.
///
/// # Errors
/// As [`DesignMatrix::check_residuals`].
pub(super) fn check(model: &str, table: &DataTable, options: &DataOptions) -> Result<(), BuildError> {
    let Some(response) = options.response.as_ref().filter(|_| MODELS.contains(&model)) else { return Ok(()) };
    let mut spec = DesignSpec::new(response).allow_collinear();
    if let Some(features) = &options.features {
        spec = spec.features(features);
    }
    Ok(DesignMatrix::new(table, &spec)?.check_residuals(table.file())?)
}
