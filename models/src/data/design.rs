//! The data of a model of one response and features, standardised and checked before any fit.

use super::design_error::DesignError;
use super::rank::first_dependence;
use super::scale::Standardisation;
use super::table::DataTable;

/// Which columns are response and features, and how they are treated.
#[derive(Debug, Clone)]
pub struct DesignSpec {
    response: String,
    features: Option<Vec<String>>,
    collinear: bool,
}

impl DesignSpec {
    /// The column `response`, and all other columns that the file names as features.
    pub fn new(response: &str) -> Self {
        Self { response: response.to_string(), features: None, collinear: false }
    }

    /// Uses these columns as features, in this order.
    pub fn features<S: AsRef<str>>(mut self, features: &[S]) -> Self {
        self.features = Some(features.iter().map(|name| name.as_ref().to_string()).collect());
        self
    }

    /// Admits collinear features and more features than rows, for models whose prior decides between them.
    pub fn allow_collinear(mut self) -> Self {
        self.collinear = true;
        self
    }
}

/// Checked response and features, standardised to mean 0 and standard deviation 1.
///
/// ```
/// # use jensen_models::data::{DesignMatrix, DesignSpec, DataTable};
/// let table = DataTable::from_csv("d.csv", b"y,x\n1,10\n2,20\n4,30\n")?;
/// let design = DesignMatrix::new(&table, &DesignSpec::new("y"))?;
/// assert_eq!(design.features, [-1.0, 0.0, 1.0]);
/// assert_eq!((design.scales[0].mean, design.scales[0].sd), (20.0, 10.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DesignMatrix {
    /// The response, one value per row, standardised.
    pub response: Vec<f64>,
    /// The response's name, and the mean and sd that were taken out.
    pub response_scale: Standardisation,
    /// The standardised features, row-major, `num_rows * scales.len()`.
    pub features: Vec<f64>,
    /// Name, mean and sd of each feature.
    pub scales: Vec<Standardisation>,
    /// The number of rows.
    pub num_rows: usize,
}

impl DesignMatrix {
    /// Takes the columns that `spec` names from `table` and checks them.
    ///
    /// # Errors
    /// Every [`DesignError`].
    pub fn new(table: &DataTable, spec: &DesignSpec) -> Result<Self, DesignError> {
        let num_rows = table.num_rows();
        if num_rows < 2 {
            return Err(DesignError::OneRow { file: table.file().to_string() });
        }
        let names = feature_names(table, spec)?;
        let (response, response_scale) = response(table, spec)?;
        let (columns, scales) = standardised(table, &names)?;
        if !spec.collinear {
            check_rank(table.file(), &columns, &scales)?;
        }
        let row = |i: usize| columns.iter().map(move |column| column[i]);
        let features = (0..num_rows).flat_map(row).collect();
        Ok(Self { response, response_scale, features, scales, num_rows })
    }

    /// Refuses a response that is a linear function of the features in every row: nothing is left of which a model
    /// could learn the scale. Fewer rows than coefficients, or as many, say nothing.
    ///
    /// # Errors
    /// [`DesignError::Explained`], with the features it is a function of; `file` names the table.
    pub fn check_residuals(&self, file: &str) -> Result<(), DesignError> {
        let (num_rows, num_features) = (self.num_rows, self.num_features());
        if num_rows <= num_features + 1 {
            return Ok(());
        }
        let mean = self.response.iter().sum::<f64>() / num_rows as f64;
        let mut columns: Vec<Vec<f64>> = (0..num_features)
            .map(|j| self.features.iter().skip(j).step_by(num_features).copied().collect())
            .chain([self.response.iter().map(|y| y - mean).collect()])
            .collect();
        // Features that others determine add nothing to them.
        let mut kept: Vec<usize> = (0..num_features).collect();
        while let Some(found) = first_dependence(&columns) {
            if found.column == kept.len() {
                let (file, name) = (file.to_string(), self.response_scale.name.clone());
                let scales: Vec<&Standardisation> = found.terms.iter().map(|&(k, _)| &self.scales[kept[k]]).collect();
                let others = scales.iter().map(|scale| scale.name.clone()).collect();
                let weights = found.terms.iter().map(|&(_, weight)| weight * self.response_scale.sd);
                let formula = weights.zip(scales).map(|(weight, scale)| (weight / scale.sd, scale.name.as_str()));
                return Err(DesignError::Explained { file, name, others, formula: sum(formula) });
            }
            columns.remove(found.column);
            kept.remove(found.column);
        }
        Ok(())
    }

    /// The number of features.
    pub fn num_features(&self) -> usize {
        self.scales.len()
    }
}

fn feature_names(table: &DataTable, spec: &DesignSpec) -> Result<Vec<String>, DesignError> {
    let file = || table.file().to_string();
    let others = || table.given_names().filter(|name| *name != spec.response).map(str::to_string).collect();
    let features: Vec<String> = spec.features.clone().unwrap_or_else(others);
    for (j, name) in features.iter().enumerate() {
        let role = match name {
            _ if *name == spec.response => "the response and a feature",
            _ if features[..j].contains(name) => "a feature twice",
            _ => continue,
        };
        return Err(DesignError::TwoRoles { file: file(), name: name.clone(), role });
    }
    if features.is_empty() { Err(DesignError::NoFeatures { file: file() }) } else { Ok(features) }
}

/// The standardised response with its scale.
fn response(table: &DataTable, spec: &DesignSpec) -> Result<(Vec<f64>, Standardisation), DesignError> {
    let name = &spec.response;
    let mut response = table.real(name)?;
    let scale = Standardisation::measure(name, &response);
    if scale.sd == 0.0 {
        let (file, name) = (table.file().to_string(), name.clone());
        return Err(DesignError::ConstantResponse { file, name, value: response[0] });
    }
    response.iter_mut().for_each(|y| *y = scale.apply(*y));
    Ok((response, scale))
}

/// The standardised columns and their scales.
fn standardised(table: &DataTable, names: &[String]) -> Result<(Vec<Vec<f64>>, Vec<Standardisation>), DesignError> {
    let file = table.file().to_string();
    let mut columns = Vec::with_capacity(names.len());
    let mut scales = Vec::with_capacity(names.len());
    for name in names {
        let mut column = table.real(name)?;
        let scale = Standardisation::measure(name, &column);
        if scale.sd == 0.0 {
            return Err(DesignError::ConstantFeature { file, name: name.clone(), value: column[0] });
        }
        column.iter_mut().for_each(|x| *x = scale.apply(*x));
        columns.push(column);
        scales.push(scale);
    }
    Ok((columns, scales))
}

fn check_rank(file: &str, columns: &[Vec<f64>], scales: &[Standardisation]) -> Result<(), DesignError> {
    let file = file.to_string();
    let num_rows = columns.first().map_or(0, Vec::len);
    // An intercept and the features need as many rows as there are coefficients.
    if columns.len() >= num_rows {
        return Err(DesignError::TooManyFeatures { file, num_features: columns.len(), num_rows });
    }
    let Some(found) = first_dependence(columns) else {
        return Ok(());
    };
    let name = scales[found.column].name.clone();
    let others: Vec<String> = found.terms.iter().map(|&(j, _)| scales[j].name.clone()).collect();
    let weight = |&(j, weight): &(usize, f64)| weight * scales[found.column].sd / scales[j].sd;
    let formula = sum(found.terms.iter().map(|term| (weight(term), scales[term.0].name.as_str())));
    Err(match others.as_slice() {
        [other]
            if rounded(weight(&found.terms[0])) == "1"
                && scales[found.column].mean == scales[found.terms[0].0].mean =>
        {
            DesignError::Duplicate { file, name, other: other.clone() }
        }
        _ => DesignError::Collinear { file, name, others, formula },
    })
}

/// Weights and names as a sum.
fn sum<'a>(terms: impl Iterator<Item = (f64, &'a str)>) -> String {
    let terms: Vec<String> = terms.map(|(weight, name)| format!("{} {name}", rounded(weight))).collect();
    terms.join(" + ").replace("+ -", "- ")
}

/// Four significant digits, without trailing zeros.
fn rounded(value: f64) -> String {
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
#[path = "design_tests.rs"]
mod tests;
