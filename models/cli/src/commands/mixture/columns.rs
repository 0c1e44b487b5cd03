//! Columns of a mixture: which are used, of which kind, and their cells as numbers.

use super::error::ClusterError;
use super::kinds::{Asked, asked, not_words};
use crate::cli::mixture_args::{ColumnChoice, MixtureModelArgs};
use jensen_models::data::{DataError, DataTable, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A column of the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// Its distribution within a component.
    #[serde(flatten)]
    pub kind: ColumnKind,
}

/// The distribution of a column within a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Measurements, as correlated Gaussian columns.
    Gaussian,
    /// Measurements with outliers.
    StudentT {
        /// Degrees of freedom.
        #[serde(default = "default_tail")]
        tail: f64,
    },
    /// 0 and 1.
    Bernoulli,
    /// Words or codes.
    Categorical {
        /// The words, in the order of their numbers.
        levels: Vec<String>,
    },
    /// Counts, as Poisson columns.
    Poisson,
    /// Counts that share a total with the other columns of their group.
    Multinomial {
        /// The group, from 0.
        group: usize,
    },
    /// Waiting times, as exponential columns.
    Exponential,
    /// Positive numbers, as gamma columns.
    Gamma {
        /// Its shape, the same in all components.
        shape: f64,
    },
}

/// Degrees of freedom of a Student-t unless said otherwise.
pub const TAIL: f64 = 4.0;

fn default_tail() -> f64 {
    TAIL
}

/// The columns that the options choose.
pub struct Chosen {
    /// The columns, in the order of the fit.
    pub columns: Vec<Column>,
    /// Their cells as numbers, NaN where one is missing.
    pub cells: Vec<Vec<f64>>,
    /// Those whose kind was asked for by name.
    pub spoken: Vec<String>,
}

/// Different words that a column may have and still be taken for categories.
pub(super) const MANY_LEVELS: usize = 30;

/// The columns that the options choose, and the cells of each as numbers, NaN where one is missing.
///
/// # Errors
/// An unknown column, a cell that its kind cannot explain, and columns that are constant, empty or equal.
pub fn chosen(table: &DataTable, model: &MixtureModelArgs) -> Result<Chosen, ClusterError> {
    let (mut columns, mut data) = (Vec::new(), Vec::new());
    let all = asked(table, model)?;
    let spoken = all.iter().filter(|asked| asked.choice != ColumnChoice::Auto);
    let spoken: Vec<String> = spoken.map(|asked| asked.name.clone()).collect();
    for asked in all {
        let kind = kind(table, &asked, model)?;
        let mut column = Column { name: asked.name, kind };
        let cells = column.encode(table)?;
        if column.is_of_its_own() {
            check_spread(table, &column.name, &cells)?;
        }
        if matches!(column.kind, ColumnKind::Gaussian | ColumnKind::StudentT { .. }) {
            let (mean, variance) = moments(&cells);
            ClusterError::spread(table.file(), &column.name, mean, variance)?;
        }
        if let (ColumnKind::Gamma { shape }, None) = (&mut column.kind, model.shape) {
            *shape = gamma_shape(&cells);
        }
        columns.push(column);
        data.push(cells);
    }
    check_copies(table, &columns, &data)?;
    Ok(Chosen { columns, cells: data, spoken })
}

fn kind(table: &DataTable, asked: &Asked, model: &MixtureModelArgs) -> Result<ColumnKind, ClusterError> {
    Ok(match asked.choice {
        ColumnChoice::Auto => by_cells(table, &asked.name)?,
        ColumnChoice::Gaussian => ColumnKind::Gaussian,
        ColumnChoice::StudentT => ColumnKind::StudentT { tail: model.tail },
        ColumnChoice::Bernoulli => ColumnKind::Bernoulli,
        ColumnChoice::Categorical => ColumnKind::Categorical { levels: levels(&table.words(&asked.name)?) },
        ColumnChoice::Poisson => ColumnKind::Poisson,
        ColumnChoice::Multinomial => ColumnKind::Multinomial { group: asked.group },
        ColumnChoice::Exponential => ColumnKind::Exponential,
        ColumnChoice::Gamma => ColumnKind::Gamma { shape: model.shape.unwrap_or(1.0) },
    })
}

/// Words are categories, zeros and ones are Bernoulli, all else is Gaussian; one number makes a word a mistake.
fn by_cells(table: &DataTable, name: &str) -> Result<ColumnKind, ClusterError> {
    let words = table.words(name)?;
    let cells: Vec<&str> = words.iter().flatten().copied().collect();
    if cells.iter().any(|cell| cell.parse::<f64>().is_ok()) {
        let is_binary = cells.iter().all(|cell| matches!(cell.parse(), Ok(0.0 | 1.0)));
        return Ok(if is_binary { ColumnKind::Bernoulli } else { ColumnKind::Gaussian });
    }
    if let Some(what) = not_words(cells.iter().copied()) {
        let (file, column, value) = (table.file().to_string(), name.to_string(), cells[0].to_string());
        return Err(ClusterError::NotWords { file, column, value, what });
    }
    let levels = levels(&words);
    if levels.len() > MANY_LEVELS || (levels.len() > 2 && 2 * levels.len() > cells.len()) {
        let (file, column) = (table.file().to_string(), name.to_string());
        return Err(ClusterError::Names { file, column, levels: levels.len(), rows: cells.len() });
    }
    Ok(ColumnKind::Categorical { levels })
}

fn levels(words: &[Option<&str>]) -> Vec<String> {
    let distinct: BTreeSet<&str> = words.iter().flatten().copied().collect();
    distinct.into_iter().map(str::to_string).collect()
}

/// A column needs two different cells.
fn check_spread(table: &DataTable, name: &str, cells: &[f64]) -> Result<(), ClusterError> {
    let mut present = cells.iter().filter(|x| !x.is_nan());
    let first = present.next();
    if first.is_some_and(|first| present.any(|x| x != first)) {
        return Ok(());
    }
    let written = table.words(name)?.iter().flatten().next().map(|cell| cell.to_string());
    let value = written.unwrap_or_else(|| "a missing cell".to_string());
    Err(ClusterError::Constant { file: table.file().to_string(), column: name.to_string(), value })
}

fn check_copies(table: &DataTable, columns: &[Column], data: &[Vec<f64>]) -> Result<(), ClusterError> {
    let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(x, y)| x == y || (x.is_nan() && y.is_nan()));
    for b in 0..data.len() {
        let is_copy = |a: &usize| columns[*a].kind == columns[b].kind && same(&data[*a], &data[b]);
        if let Some(a) = (0..b).filter(|_| columns[b].is_of_its_own()).find(is_copy) {
            let (first, second) = (columns[a].name.clone(), columns[b].name.clone());
            return Err(ClusterError::Duplicate { file: table.file().to_string(), first, second });
        }
    }
    Ok(())
}

/// The shape of one gamma distribution for all rows, by moments and at least 1.
fn gamma_shape(cells: &[f64]) -> f64 {
    let (mean, variance) = moments(cells);
    (mean * mean / variance).max(1.0)
}

/// Mean and variance of the cells that are not missing.
fn moments(cells: &[f64]) -> (f64, f64) {
    let present = || cells.iter().filter(|x| !x.is_nan());
    let n = present().count() as f64;
    let mean = present().sum::<f64>() / n;
    (mean, present().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

/// The columns of a mixture whose file does not name them: numbers as they are, `x1`, `x2` and so on.
pub(super) fn unnamed(fitted: &jensen::mixture::MixtureFitted) -> Vec<Column> {
    let column = |j: usize| Column { name: format!("x{}", j + 1), kind: ColumnKind::Gaussian };
    (0..fitted.num_columns()).map(column).collect()
}

impl Column {
    /// The cells of this column in `table`, NaN where one is missing; categories are counted from 0.
    ///
    /// # Errors
    /// When the table has no such column, or a cell that its kind cannot explain.
    pub fn encode(&self, table: &DataTable) -> Result<Vec<f64>, ClusterError> {
        match &self.kind {
            ColumnKind::Categorical { levels } => self.codes(table, levels),
            ColumnKind::Gaussian | ColumnKind::StudentT { .. } => Ok(table.numbers(&self.name)?),
            ColumnKind::Bernoulli => self.held(table, |x| x == 0.0 || x == 1.0, "0 or 1"),
            ColumnKind::Poisson | ColumnKind::Multinomial { .. } => {
                self.held(table, |x| x >= 0.0 && x.fract() == 0.0, "a count")
            }
            ColumnKind::Exponential => self.held(table, |x| x >= 0.0, "0 or a positive number"),
            ColumnKind::Gamma { .. } => self.held(table, |x| x > 0.0, "a positive number"),
        }
    }

    fn held(
        &self,
        table: &DataTable,
        is_good: impl Fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<Vec<f64>, ClusterError> {
        let cells = table.numbers(&self.name)?;
        match cells.iter().position(|&x| !x.is_nan() && !is_good(x)) {
            None => Ok(cells),
            Some(row) => Err(ClusterError::cell(Box::new(table.place(&self.name, row)), cells[row], expected)),
        }
    }

    fn codes(&self, table: &DataTable, levels: &[String]) -> Result<Vec<f64>, ClusterError> {
        let code = |(row, word): (usize, &Option<&str>)| {
            let Some(word) = word else { return Ok(f64::NAN) };
            let found = levels.iter().position(|level| level == word);
            found.map(|l| l as f64).ok_or_else(|| ClusterError::Unseen {
                place: Box::new(table.place(&self.name, row)),
                value: word.to_string(),
                known: levels.to_vec(),
            })
        };
        table.words(&self.name)?.iter().enumerate().map(code).collect()
    }

    /// Whether the column says something on its own, and not only beside others; then it must vary.
    pub(super) fn is_of_its_own(&self) -> bool {
        !matches!(self.kind, ColumnKind::Multinomial { .. })
    }

    /// The kind in a word.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            ColumnKind::Gaussian => "gaussian",
            ColumnKind::StudentT { .. } => "student-t",
            ColumnKind::Bernoulli => "bernoulli",
            ColumnKind::Categorical { .. } => "categorical",
            ColumnKind::Poisson => "poisson",
            ColumnKind::Multinomial { .. } => "multinomial",
            ColumnKind::Exponential => "exponential",
            ColumnKind::Gamma { .. } => "gamma",
        }
    }
}

/// The rows of `table` in the columns of a fit.
///
/// # Errors
/// As [`Column::encode`].
pub fn encoded(table: &DataTable, columns: &[Column]) -> Result<jensen::mixture::Table, ClusterError> {
    let data: Result<Vec<_>, ClusterError> = columns.iter().map(|column| column.encode(table)).collect();
    let rows = rows(table.file(), &data?, jensen::mixture::BLOCK_ROWS)?;
    check_totals(table.file(), columns, &rows, |name, row| table.place(name, row))?;
    Ok(rows)
}

/// A multinomial has all its cells in a row or none, and counts something; `place` is where a cell of `rows` stands.
///
/// # Errors
/// The first row that has some of them, and a multinomial without a count.
pub(super) fn check_totals(
    file: &str,
    columns: &[Column],
    rows: &dyn jensen::mixture::Rows,
    place: impl Fn(&str, usize) -> Place,
) -> Result<(), ClusterError> {
    let groups = multinomials(columns);
    let mut space = Vec::new();
    for b in 0..if groups.is_empty() { 0 } else { rows.num_blocks() } {
        let block = rows.block(b, &mut space).map_err(|e| ClusterError::fit(file, e))?;
        for (group, i) in groups.iter().flat_map(|group| (0..block.len()).map(move |i| (group, i))) {
            let is_missing = |j: &&usize| block.column(**j)[i].is_nan();
            let missing = group.iter().find(is_missing);
            if let Some(&j) = missing.filter(|_| !group.iter().all(|j| is_missing(&j))) {
                let remedy = "fill the cell, or leave all cells of the multinomial empty in this row".to_string();
                return Err(ClusterError::Cell {
                    place: Box::new(place(&columns[j].name, block.first_row() + i)),
                    value: "a missing cell".to_string(),
                    expected: "a count, as the other cells of its multinomial are",
                    remedy,
                });
            }
        }
    }
    Ok(())
}

/// `data` in blocks.
///
/// # Errors
/// Without columns.
pub fn rows(file: &str, data: &[Vec<f64>], block_rows: usize) -> Result<jensen::mixture::Table, ClusterError> {
    if data.is_empty() {
        let file = file.to_string();
        return Err(ClusterError::Data(DataError::NoRows { file }));
    }
    jensen::mixture::Table::with_block_rows(data, block_rows).map_err(|e| ClusterError::fit(file, e))
}

/// The columns of each multinomial.
pub(super) fn multinomials(columns: &[Column]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (j, column) in columns.iter().enumerate() {
        if let ColumnKind::Multinomial { group } = column.kind {
            groups.resize(groups.len().max(group + 1), Vec::new());
            groups[group].push(j);
        }
    }
    groups
}
