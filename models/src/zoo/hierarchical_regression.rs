//! Regression with intercept and slopes that vary by group, on standardised response and features.
//!
//! ```text
//! alpha ~ N(0, 1)    beta_k ~ N(0, 1)    tau, tau_k, sigma ~ half-normal(1)
//! a_j ~ N(alpha, tau)    b_kj ~ N(beta_k, tau_k)
//! y_i ~ N(a_j + sum_k b_kj x_ik, sigma)  with j = group of row i
//! ```
//!
//! Groups with many rows are known by themselves, and `a_j`, `b_kj` are latents; groups with few rows are known by
//! the others, and their distances from the centre are: `a_j = alpha + tau eta_j` with `eta_j ~ N(0, 1)`.
//! The posterior is the same; its shape is near to a Gaussian in the one case or the other.

use super::{BuildError, Built, Input};
use crate::data::{DesignError, DesignSpec, ResponseKind};
use jensen::prelude::*;

/// A real response explained by features whose effects differ between groups.
#[derive(Debug, Clone)]
pub struct HierarchicalRegression {
    /// The features, standardised.
    pub x: Matrix,
    /// The response, standardised.
    pub y: Column,
    /// Group of each row.
    pub group: IntColumn,
    /// Name of each feature.
    pub features: Vec<String>,
    /// Whether the groups' coefficients themselves are latents, not their distances from the centre.
    pub centred: bool,
}

/// Rows a group has on average from which on it is known by itself.
const MANY_ROWS: usize = 8;

impl Model for HierarchicalRegression {
    fn log_joint(&self, p: &LogJoint) {
        let num_groups = self.group.num_levels();
        let varying = |name: &str, prior_sd: f64| {
            let centre = p.draw(name, normal(0.0, prior_sd));
            let tau = p.draw(&format!("tau_{name}"), half_normal(1.0));
            if self.centred {
                return p.draws(&format!("{name}_by_group"), normal(centre, tau), num_groups);
            }
            let eta = p.draws(&format!("eta_{name}"), normal(0.0, 1.0), num_groups);
            let by_group = eta.map(|eta| centre + tau * eta);
            p.derive(&format!("{name}_by_group"), by_group);
            by_group
        };
        let alpha = varying("alpha", 1.0);
        let beta: Vec<Vector> = self.features.iter().map(|name| varying(&format!("beta_{name}"), 1.0)).collect();
        let sigma = p.draw("sigma", half_normal(1.0));
        p.rows(self.y.len(), |i| {
            let (group, x) = (self.group.at(i), self.x.at(i));
            let slopes: Real = beta.iter().enumerate().map(|(k, beta)| beta.at(group) * x.at(k)).sum();
            i.observe(self.y.at(i), normal(alpha.at(group) + slopes, sigma));
        });
    }
}

impl HierarchicalRegression {
    /// The model of `--response` on `--features` in the groups of `--group`.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong; no group column.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        input.named(input.options.group.as_deref(), "the group", "--group NAME")?;
        let data = input.regression(ResponseKind::Real, DesignSpec::standardise_response)?;
        let Some(groups) = data.design.groups.clone() else {
            return Err(DesignError::NoFeatures { file: input.table.file().to_string() }.into());
        };
        let features = data.features();
        let scales = data.design.scales.iter().chain([&data.design.response_scale]).cloned();
        let varying: Vec<String> =
            std::iter::once("alpha".to_string()).chain(features.iter().map(|name| format!("beta_{name}"))).collect();
        let group = IntColumn::new(groups.index);
        let centred = data.design.num_rows >= MANY_ROWS * groups.levels.len();
        let model = HierarchicalRegression { x: data.x.clone(), y: data.y.clone(), group, features, centred };
        let built = Built::new(model, data.design.num_rows).scaled(scales);
        Ok(varying.iter().fold(built, |built, name| {
            let built = built.label(&format!("{name}_by_group"), groups.levels.clone());
            if centred { built } else { built.label(&format!("eta_{name}"), groups.levels.clone()) }
        }))
    }
}
