//! The component for some columns, and what a fitted one says about each column.

use super::columns::{Column, ColumnKind, multinomials};
use crate::cli::mixture_args::{Covariance, MixtureModelArgs, Prior};
use jensen::mixture::{
    BernoulliColumns, CategoricalColumn, DiagonalGaussian, FullGaussian, FullStudentT, GammaColumns,
    HierarchicalGaussian, Kind, MixedColumns, MixtureError, MixtureFitted, MultinomialColumns, PoissonColumns, Rows,
    SelectedColumns, SphericalGaussian, TiedGaussian,
};
use std::collections::HashMap;

/// Columns that make up the parts of a component, in their order: jointly distributed ones together, others alone.
fn parts(columns: &[Column]) -> Vec<Vec<usize>> {
    let of = |is: fn(&ColumnKind) -> bool| (0..columns.len()).filter(|&j| is(&columns[j].kind)).collect::<Vec<_>>();
    let mut joint = vec![
        of(|k| *k == ColumnKind::Gaussian),
        of(|k| matches!(k, ColumnKind::StudentT { .. })),
        of(|k| *k == ColumnKind::Bernoulli),
    ];
    joint.extend(multinomials(columns));
    let is_alone = |j: &usize| !joint.iter().flatten().any(|other| other == j);
    let alone: Vec<_> = (0..columns.len()).filter(is_alone).map(|j| vec![j]).collect();
    joint.iter().filter(|part| !part.is_empty()).cloned().chain(alone).collect()
}

/// Whether the prior of Gaussian columns is learned.
pub fn is_learned(model: &MixtureModelArgs) -> bool {
    model.covariance == Covariance::Full && model.prior == Prior::Learned
}

/// The component for `columns`, its prior set from their cells.
///
/// # Errors
/// When a prior cannot be set from the cells.
pub fn component(columns: &[Column], rows: &dyn Rows, model: &MixtureModelArgs) -> Result<Kind, MixtureError> {
    let is_rate =
        |k: &ColumnKind| matches!(k, ColumnKind::Poisson | ColumnKind::Exponential | ColumnKind::Gamma { .. });
    let has_rates = columns.iter().any(|c| is_rate(&c.kind));
    let means = if has_rates { means(rows)? } else { Vec::new() };
    let mut kinds = Vec::new();
    for part in parts(columns) {
        kinds.push((kind(columns, rows, &means, &part, model)?, part));
    }
    match kinds.as_slice() {
        [(kind, _)] => Ok(kind.clone()),
        _ => Ok(MixedColumns::new(columns.len(), kinds)?.into()),
    }
}

fn kind(
    columns: &[Column],
    rows: &dyn Rows,
    means: &[f64],
    part: &[usize],
    model: &MixtureModelArgs,
) -> Result<Kind, MixtureError> {
    let rows = SelectedColumns::new(rows, part.to_vec())?;
    Ok(match &columns[part[0]].kind {
        ColumnKind::Gaussian => match model.covariance {
            Covariance::Full if is_learned(model) => HierarchicalGaussian::from_rows(&rows)?.into(),
            Covariance::Full => FullGaussian::from_rows(&rows)?.into(),
            Covariance::Tied => TiedGaussian::from_rows(&rows)?.into(),
            Covariance::Diagonal => DiagonalGaussian::from_rows(&rows)?.into(),
            Covariance::Spherical => SphericalGaussian::from_rows(&rows)?.into(),
        },
        ColumnKind::StudentT { tail } => FullStudentT::from_rows(&rows, *tail)?.into(),
        ColumnKind::Bernoulli => BernoulliColumns::new(part.len(), 1.0, 1.0)?.into(),
        ColumnKind::Categorical { levels } => CategoricalColumn::new(levels.len(), 1.0)?.into(),
        // The prior of a rate is exponential with the mean that one component for all rows would have.
        ColumnKind::Poisson => PoissonColumns::new(1, 1.0, 1.0 / means[part[0]])?.into(),
        ColumnKind::Multinomial { .. } => MultinomialColumns::from_rows(&rows, 1.0)?.into(),
        ColumnKind::Exponential => GammaColumns::exponential(1, 1.0, means[part[0]])?.into(),
        ColumnKind::Gamma { shape } => GammaColumns::new(1, *shape, 1.0, means[part[0]] / shape)?.into(),
    })
}

/// Means of all columns, missing cells left out.
fn means(rows: &dyn Rows) -> Result<Vec<f64>, MixtureError> {
    let (mut sums, mut space) = (vec![(0.0, 0.0); rows.num_columns()], Vec::new());
    for b in 0..rows.num_blocks() {
        let block = rows.block(b, &mut space)?;
        for (j, (sum, count)) in sums.iter_mut().enumerate() {
            for x in block.column(j)[..block.len()].iter().filter(|x| !x.is_nan()) {
                (*sum, *count) = (*sum + x, *count + 1.0);
            }
        }
    }
    Ok(sums.into_iter().map(|(sum, count)| sum / count).collect())
}

/// Names of the parameters of one component of `fitted`, those of columns and categories in place of their numbers.
pub fn quantities(columns: &[Column], fitted: &MixtureFitted) -> Vec<String> {
    let parts = parts(columns);
    let named = |name: String| {
        let (part, rest) = match name.strip_prefix("part[").and_then(|rest| rest.split_once("].")) {
            Some((p, rest)) => (p.parse().ok().and_then(|p: usize| parts.get(p)), rest.to_string()),
            None => (parts.first(), name.clone()),
        };
        let (Some(part), Some((word, places))) = (part, rest.strip_suffix(']').and_then(|r| r.split_once('['))) else {
            return rest;
        };
        let place = |text: &str| {
            let at: usize = text.parse().ok()?;
            match &columns[part[0]].kind {
                ColumnKind::Categorical { levels } => {
                    Some(format!("[{} = {}]", columns[part[0]].name, levels.get(at)?))
                }
                _ => Some(format!("[{}]", columns[*part.get(at)?].name)),
            }
        };
        match places.split(',').map(place).collect::<Option<String>>() {
            Some(places) => format!("{word}{places}"),
            None => rest.clone(),
        }
    };
    fitted.component(0).into_iter().map(|(name, _)| named(name)).collect()
}

/// Point estimates of a fitted mixture, found by column.
#[derive(Debug, Clone)]
pub struct Estimates {
    columns: Vec<Column>,
    /// Part and place in it of each column.
    places: Vec<(String, usize)>,
    values: Vec<HashMap<String, f64>>,
}

impl Estimates {
    /// Those of `fitted`, a mixture of [`component`]s for `columns`.
    pub fn new(columns: &[Column], fitted: &MixtureFitted) -> Self {
        let parts = parts(columns);
        let mut places = vec![(String::new(), 0); columns.len()];
        for (p, part) in parts.iter().enumerate() {
            let prefix = if parts.len() > 1 { format!("part[{p}].") } else { String::new() };
            part.iter().enumerate().for_each(|(at, &j)| places[j] = (prefix.clone(), at));
        }
        let values = (0..fitted.num_components()).map(|c| fitted.component(c).into_iter().collect()).collect();
        Estimates { columns: columns.to_vec(), places, values }
    }

    /// Mean and standard deviation of a column in a row of component `c`; none for categories and multinomials.
    pub fn moments(&self, c: usize, column: usize) -> Option<(f64, f64)> {
        let place = self.places[column].1;
        let value = |name: String| self.value(c, column, &name);
        match self.columns[column].kind {
            ColumnKind::Gaussian | ColumnKind::StudentT { .. } => {
                Some((value(format!("mean[{place}]"))?, self.covariance(c, column, column)?.sqrt()))
            }
            ColumnKind::Bernoulli => value(format!("probability[{place}]")).map(|p| (p, (p * (1.0 - p)).sqrt())),
            ColumnKind::Categorical { .. } | ColumnKind::Multinomial { .. } => None,
            ColumnKind::Exponential => value("rate[0]".into()).map(|rate| (1.0 / rate, 1.0 / rate)),
            ColumnKind::Poisson => value("rate[0]".into()).map(|rate| (rate, rate.sqrt())),
            ColumnKind::Gamma { shape } => value("rate[0]".into()).map(|rate| (shape / rate, shape.sqrt() / rate)),
        }
    }

    /// Covariance of two Gaussian or two Student-t columns in a row of component `c`; none for others.
    pub fn covariance(&self, c: usize, a: usize, b: usize) -> Option<f64> {
        let factor = match (&self.columns[a].kind, &self.columns[b].kind) {
            (ColumnKind::Gaussian, ColumnKind::Gaussian) => 1.0,
            (ColumnKind::StudentT { tail }, ColumnKind::StudentT { .. }) => tail / (tail - 2.0),
            _ => return None,
        };
        let (i, j) = (self.places[a].1, self.places[b].1);
        if let Some(full) = self.value(c, a, &format!("covariance[{i},{j}]")) {
            return Some(factor * full);
        }
        if i != j {
            return Some(0.0);
        }
        let own = self.value(c, a, &format!("variance[{i}]"));
        own.or_else(|| self.value(c, a, "variance"))
    }

    /// Probabilities of a column's categories in component `c`, in their order, or the share that a column has of the
    /// total of its multinomial; empty for other columns.
    pub fn probabilities(&self, c: usize, column: usize) -> Vec<(String, f64)> {
        let Column { name, kind } = &self.columns[column];
        let probability = |at: usize, name: String| Some((name, self.value(c, column, &format!("probability[{at}]"))?));
        match kind {
            ColumnKind::Categorical { levels } => {
                levels.iter().enumerate().filter_map(|(l, level)| probability(l, format!("{name} = {level}"))).collect()
            }
            ColumnKind::Multinomial { .. } => {
                probability(self.places[column].1, format!("share of {name}")).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn value(&self, c: usize, column: usize, name: &str) -> Option<f64> {
        self.values.get(c)?.get(&format!("{}{name}", self.places[column].0)).copied()
    }
}
