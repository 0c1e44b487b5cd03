//! From a table and options to a model: what every file of the zoo shares.

use super::{BuildError, NamedSupport};
use crate::data::nearest::listed;
use crate::data::{DataTable, DesignMatrix, DesignSpec, Standardisation};
use crate::regression::RegressionSettings;
use jensen::amortised::AmortisedModel;
use jensen::model::Model;
use jensen::program::{Column, Matrix};
use serde::{Deserialize, Serialize};

/// Which columns of a table play which part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataOptions {
    /// Column to explain.
    pub response: Option<String>,
    /// Columns that explain it; `None`: all others.
    pub features: Option<Vec<String>>,
    /// Column that names each row's group.
    pub group: Option<String>,
    /// Number of earlier values that explain a value of a series.
    pub lags: Option<usize>,
    /// Parameters of a simulator that have bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supports: Option<Vec<NamedSupport>>,
    /// What a regression explains by what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// The other choices of a regression with a formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<RegressionSettings>,
}

/// A table with the part each column plays.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The table that the model is built from.
    pub table: &'a DataTable,
    /// The parts of the columns.
    pub options: &'a DataOptions,
    /// Whether this is the model's own data.
    pub embedded: bool,
}

/// A model on its data.
pub struct Built {
    /// The model, ready to be recorded.
    pub model: Box<dyn Model + Send>,
    /// Names for the elements of a site, where they are better than numbers: site, and a name for each element.
    pub labels: Vec<(String, Vec<String>)>,
    /// What was done to each column before the fit.
    pub scales: Vec<Standardisation>,
    /// Number of rows of data.
    pub num_rows: usize,
    /// Runs of a fit, where the posterior has modes that two runs may miss.
    pub restarts: Option<usize>,
    /// Its q, where that is a network.
    pub network: Option<Box<dyn AmortisedModel + Send>>,
    /// What was understood of the data, in words.
    pub notes: Vec<String>,
    /// Sites that are of the computation alone.
    pub internal: Vec<String>,
    /// The model as a regression, which predicts new rows.
    pub regression: Option<crate::regression::Regression>,
}

impl Built {
    /// A model on `num_rows` rows.
    pub fn new(model: impl Model + Send + 'static, num_rows: usize) -> Self {
        Self {
            model: Box::new(model),
            labels: Vec::new(),
            scales: Vec::new(),
            num_rows,
            restarts: None,
            network: None,
            notes: Vec::new(),
            internal: Vec::new(),
            regression: None,
        }
    }

    /// Names the elements of `site`.
    pub fn label(mut self, site: &str, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.labels.push((site.to_string(), names.into_iter().map(Into::into).collect()));
        self
    }

    /// Has twelve runs unless another number is chosen.
    pub fn many_modes(self) -> Self {
        self.runs(12)
    }

    /// Has so many runs unless another number is chosen.
    pub fn runs(self, restarts: usize) -> Self {
        Self { restarts: Some(restarts), ..self }
    }

    /// Has a network as its q.
    pub fn network(self, network: impl AmortisedModel + Send + 'static) -> Self {
        Self { network: Some(Box::new(network)), ..self }
    }

    /// Reports how columns were standardised.
    pub fn scaled(mut self, scales: impl IntoIterator<Item = Standardisation>) -> Self {
        self.scales.extend(scales.into_iter().filter(|s| (s.mean, s.sd) != (0.0, 1.0)));
        self
    }
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built").field("labels", &self.labels).field("num_rows", &self.num_rows).finish_non_exhaustive()
    }
}

/// Whether features may determine each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collinear {
    Allowed,
    Refused,
}

/// A response and standardised features as the models hold them.
pub(super) struct Design {
    pub x: Matrix,
    pub y: Column,
    pub design: DesignMatrix,
}

impl Design {
    /// Name of each feature.
    pub fn features(&self) -> Vec<String> {
        self.design.scales.iter().map(|scale| scale.name.clone()).collect()
    }

    /// The model with its features named at `beta` and their scales reported.
    pub fn built(&self, model: impl Model + Send + 'static) -> Built {
        let scales = self.design.scales.iter().chain([&self.design.response_scale]).cloned();
        Built::new(model, self.design.num_rows).label("beta", self.features()).scaled(scales)
    }
}

impl Input<'_> {
    /// The checked `--response` and `--features`, which may be collinear where the prior decides between them.
    pub(super) fn design(&self, collinear: Collinear) -> Result<Design, BuildError> {
        let response = self.named(self.options.response.as_deref(), "the response", "--response NAME")?;
        let mut spec = DesignSpec::new(response);
        if collinear == Collinear::Allowed {
            spec = spec.allow_collinear();
        }
        if let Some(features) = &self.options.features {
            spec = spec.features(features);
        }
        let design = DesignMatrix::new(self.table, &spec)?;
        let x = Matrix::new(design.features.clone(), design.num_features())
            .map_err(|_| crate::data::DesignError::NoFeatures { file: self.table.file().to_string() })?;
        Ok(Design { x, y: Column::new(design.response.clone()), design })
    }

    /// The series to explain: the column named as the response, or the only column.
    pub(super) fn series(&self) -> Result<(String, Vec<f64>), BuildError> {
        let mut names = self.table.given_names();
        let only = names.next().filter(|_| names.next().is_none());
        let name = self.named(self.options.response.as_deref().or(only), "the series", "--response NAME")?;
        let values = self.table.real(name)?;
        if Standardisation::measure(name, &values).sd == 0.0 {
            let (file, column) = (self.table.file().to_string(), name.to_string());
            return Err(BuildError::Constant { file, column, value: values[0] });
        }
        Ok((name.to_string(), values))
    }

    pub(super) fn at_least(&self, needed: usize, hint: &str) -> Result<(), BuildError> {
        let found = self.table.num_rows();
        if found >= needed {
            return Ok(());
        }
        Err(BuildError::TooFewRows { file: self.table.file().to_string(), found, needed, hint: hint.to_string() })
    }

    /// A column of positive numbers.
    pub(super) fn positive(&self, name: &str, role: &'static str) -> Result<Vec<f64>, BuildError> {
        let values = self.table.real(name)?;
        match values.iter().position(|&value| value <= 0.0) {
            Some(row) => {
                let place = self.table.place(name, row).to_string();
                Err(BuildError::NotPositive { place, role, value: values[row] })
            }
            None => Ok(values),
        }
    }

    /// A column of whole numbers from zero on.
    pub(super) fn counts(&self, name: &str, role: &'static str) -> Result<Vec<f64>, BuildError> {
        let values = self.table.real(name)?;
        match values.iter().position(|&value| value < 0.0 || value.fract() != 0.0) {
            Some(row) => {
                let place = self.table.place(name, row).to_string();
                Err(BuildError::NotACount { place, role, value: values[row] })
            }
            None => Ok(values),
        }
    }

    /// A column of zeros and ones.
    pub(super) fn yes_or_no(&self, name: &str) -> Result<Vec<f64>, BuildError> {
        let values = self.table.real(name)?;
        match values.iter().position(|&value| value != 0.0 && value != 1.0) {
            Some(row) => {
                let place = self.table.place(name, row).to_string();
                Err(BuildError::NotAnAnswer { place, value: values[row] })
            }
            None => Ok(values),
        }
    }

    pub(super) fn named<'b>(
        &self,
        name: Option<&'b str>,
        role: &'static str,
        option: &'static str,
    ) -> Result<&'b str, BuildError> {
        name.ok_or_else(|| {
            let names: Vec<String> = self.table.given_names().map(str::to_string).collect();
            BuildError::NotNamed { file: self.table.file().to_string(), role, option, columns: listed(&names, 12) }
        })
    }
}
