//! A mixture of Gaussians with independent columns, on standardised columns, the component of each row summed out or
//! a latent of its own.
//!
//! ```text
//! weights ~ Dirichlet(1, ..)    mean_kj ~ N(0, 2), increasing in k for the first column    sd_kj ~ half-normal(1)
//! x_i ~ sum_k weights_k prod_j N(mean_kj, sd_kj)
//! ```
//!
//! With the assignments as latents: `component_i ~ Categorical(weights)`, `x_ij | component_i = k ~ N(mean_kj, sd_kj)`.

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::prelude::*;
use jensen::program::log_sum_exp;

/// Rows from a few Gaussians.
#[derive(Debug, Clone)]
pub struct NormalMixture {
    /// Each standardised column with its name.
    pub columns: Vec<(String, Column)>,
    /// Number of components.
    pub num_components: usize,
    /// Whether the component of each row is a latent, and not summed out.
    pub assigned: bool,
}

impl Model for NormalMixture {
    fn log_joint(&self, p: &LogJoint) {
        let k = self.num_components;
        let weights = p.draw("weights", dirichlet(Vector::constant(&vec![1.0; k])));
        let parts: Vec<(Vector, Vector)> =
            self.columns.iter().enumerate().map(|(j, (name, _))| self.column(p, j, name)).collect();
        let num_rows = self.columns.first().map_or(0, |c| c.1.len());
        p.rows(num_rows, |i| {
            if self.assigned {
                let component = i.draw_integer("component", categorical(weights));
                for ((_, x), (mean, sd)) in self.columns.iter().zip(&parts) {
                    i.observe(x.at(i), normal(mean.at(component), sd.at(component)));
                }
                return;
            }
            let of = |c: usize| {
                let cells = self.columns.iter().zip(&parts);
                let each = cells.map(|((_, x), (mean, sd))| normal(mean.at(c), sd.at(c)).log_density(x.at(i)));
                each.fold(weights.at(c).ln(), |sum, density| sum + density)
            };
            i.add(log_sum_exp(&(0..k).map(of).collect::<Vec<Real>>()));
        });
    }
}

impl NormalMixture {
    /// Means and standard deviations of the components in column `j`.
    fn column(&self, p: &LogJoint, j: usize, name: &str) -> (Vector, Vector) {
        let (k, prior) = (self.num_components, normal(0.0, 2.0));
        let site = format!("mean_{name}");
        let mean = if j > 0 {
            p.draws(&site, prior, k)
        } else {
            // The order names the components.
            let mean = p.ordered(&site, k);
            (0..k).for_each(|c| p.add(normal(0.0, 2.0).log_density(mean.at(c))));
            mean
        };
        (mean, p.draws(&format!("sd_{name}"), half_normal(1.0), k))
    }

    /// Two components for the columns `--features`, or all, the assignments summed out.
    ///
    /// # Errors
    /// A column that is constant or has cells that are not numbers, and too few rows.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        Self::with(input, false)
    }

    /// The same with a latent for each row.
    ///
    /// # Errors
    /// As [`NormalMixture::build`].
    pub fn build_assigned(input: &Input) -> Result<Built, BuildError> {
        Self::with(input, true)
    }

    fn with(input: &Input, assigned: bool) -> Result<Built, BuildError> {
        input.at_least(10, "")?;
        let all = || input.table.given_names().map(str::to_string).collect();
        let names: Vec<String> = input.options.features.clone().unwrap_or_else(all);
        let (mut columns, mut scales) = (Vec::new(), Vec::new());
        for name in names {
            let values = input.table.real(&name)?;
            let scale = Standardisation::measure(&name, &values);
            if scale.sd == 0.0 {
                let file = input.table.file().to_string();
                return Err(BuildError::Constant { file, column: name, value: values[0] });
            }
            let column = Column::new(values.iter().map(|&x| scale.apply(x)).collect::<Vec<_>>());
            columns.push((name, column));
            scales.push(scale);
        }
        let num_rows = input.table.num_rows();
        Ok(Built::new(NormalMixture { columns, num_components: 2, assigned }, num_rows).scaled(scales))
    }
}
