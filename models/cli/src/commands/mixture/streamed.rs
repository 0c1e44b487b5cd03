//! Columns of a table that stays in its file: their kinds, and the rows of a fit.

use super::columns::{Column, ColumnKind, MANY_LEVELS, check_totals};
use super::error::ClusterError;
use super::kinds::{Asked, asked, not_words};
use crate::cli::mixture_args::{ColumnChoice, MixtureModelArgs};
use jensen_models::data::DataError;
use jensen_models::data::stream::{ColumnSurvey, CsvRows, MOST_WORDS, StreamedTable, Survey};

/// What the options choose of a table.
pub struct Chosen {
    /// The columns, in the order of the fit.
    pub columns: Vec<Column>,
    /// The rows of these columns.
    pub rows: CsvRows,
    /// Missing cells in them.
    pub missing: u64,
    /// Positions, from 1, of columns that are left out because they have no name.
    pub nameless: Vec<usize>,
}

/// The columns that the options choose, and their rows.
///
/// # Errors
/// As [`super::columns::chosen`].
pub fn chosen(table: &StreamedTable, model: &MixtureModelArgs) -> Result<Chosen, ClusterError> {
    let asked = asked(table.header(), model)?;
    let words = asked.iter().filter(|a| a.choice == ColumnChoice::Categorical).map(|a| a.name.clone());
    let survey = table.survey(&words.collect::<Vec<_>>())?;
    let mut columns = Vec::new();
    for asked in asked {
        let found = &survey.columns[table.number_of(&asked.name)?];
        let kind = kind(table, &asked, found, model)?;
        let mut column = Column { name: asked.name, kind };
        hold(table, &survey, &column)?;
        if column.is_of_its_own() {
            check_spread(table, &column.name, found)?;
        }
        if matches!(column.kind, ColumnKind::Gaussian | ColumnKind::StudentT { .. }) {
            ClusterError::spread(table.file(), &column.name, found.mean, found.squares / found.numbers as f64)?;
        }
        if let (ColumnKind::Gamma { shape }, None) = (&mut column.kind, model.shape) {
            *shape = (found.mean * found.mean * found.numbers as f64 / found.squares).max(1.0);
        }
        columns.push(column);
    }
    check_copies(table, &survey, &columns)?;
    let missing = columns.iter().map(|c| Ok(survey.columns[table.number_of(&c.name)?].missing));
    let missing = missing.sum::<Result<u64, DataError>>()?;
    let rows = rows(table, &columns)?;
    if missing > 0 {
        check_totals(table.file(), &columns, &rows, |name, row| table.place(name, row))?;
    }
    let nameless = if model.columns.is_none() { table.nameless(&survey) } else { Vec::new() };
    Ok(Chosen { columns, rows, missing, nameless })
}

/// The rows of `table` in the columns of a fit.
///
/// # Errors
/// No such column, or a cell that its kind cannot explain.
pub fn encoded(table: &StreamedTable, columns: &[Column]) -> Result<CsvRows, ClusterError> {
    let rows = rows(table, columns)?;
    let words = columns.iter().filter(|c| matches!(c.kind, ColumnKind::Categorical { .. })).map(|c| c.name.clone());
    let survey = table.survey(&words.collect::<Vec<_>>())?;
    columns.iter().try_for_each(|column| hold(table, &survey, column))?;
    check_totals(table.file(), columns, &rows, |name, row| table.place(name, row))?;
    Ok(rows)
}

fn rows(table: &StreamedTable, columns: &[Column]) -> Result<CsvRows, DataError> {
    let words = |c: &Column| match &c.kind {
        ColumnKind::Categorical { levels } => Some(levels.clone()),
        _ => None,
    };
    table.rows(&columns.iter().map(|c| (c.name.as_str(), words(c))).collect::<Vec<_>>())
}

fn kind(
    table: &StreamedTable,
    asked: &Asked,
    found: &ColumnSurvey,
    model: &MixtureModelArgs,
) -> Result<ColumnKind, ClusterError> {
    let name = asked.name.as_str();
    Ok(match asked.choice {
        ColumnChoice::Auto if found.numbers > 0 && found.beyond_binary.is_none() && found.word.is_none() => {
            ColumnKind::Bernoulli
        }
        ColumnChoice::Auto if found.numbers > 0 || found.is_empty() => ColumnKind::Gaussian,
        ColumnChoice::Auto => ColumnKind::Categorical { levels: few_levels(table, name, found)? },
        ColumnChoice::Gaussian => ColumnKind::Gaussian,
        ColumnChoice::StudentT => ColumnKind::StudentT { tail: model.tail },
        ColumnChoice::Bernoulli => ColumnKind::Bernoulli,
        ColumnChoice::Categorical if found.words.len() >= MOST_WORDS => {
            let (file, column) = (table.file().to_string(), name.to_string());
            return Err(ClusterError::ManyLevels { file, column, most: MOST_WORDS - 1 });
        }
        ColumnChoice::Categorical => ColumnKind::Categorical { levels: found.words.iter().cloned().collect() },
        ColumnChoice::Poisson => ColumnKind::Poisson,
        ColumnChoice::Multinomial => ColumnKind::Multinomial { group: asked.group },
        ColumnChoice::Exponential => ColumnKind::Exponential,
        ColumnChoice::Gamma => ColumnKind::Gamma { shape: model.shape.unwrap_or(1.0) },
    })
}

/// The words of a column, where they are few enough to be categories.
fn few_levels(table: &StreamedTable, name: &str, found: &ColumnSurvey) -> Result<Vec<String>, ClusterError> {
    if let Some(what) = not_words(found.words.iter().map(String::as_str)) {
        let value = found.words.iter().next().cloned().unwrap_or_default();
        let (file, column) = (table.file().to_string(), name.to_string());
        return Err(ClusterError::NotWords { file, column, value, what });
    }
    let (levels, rows) = (found.words.len(), table.num_rows() - found.missing as usize);
    if levels > MANY_LEVELS || (levels > 2 && 2 * levels > rows) {
        let (file, column) = (table.file().to_string(), name.to_string());
        return Err(ClusterError::Names { file, column, levels, rows });
    }
    Ok(found.words.iter().cloned().collect())
}

/// Holds every cell of a column against its kind.
fn hold(table: &StreamedTable, survey: &Survey, column: &Column) -> Result<(), ClusterError> {
    let found = &survey.columns[table.number_of(&column.name)?];
    let (odd, expected) = match &column.kind {
        ColumnKind::Categorical { levels } => return known(table, column, levels, found),
        ColumnKind::Gaussian | ColumnKind::StudentT { .. } => (None, ""),
        ColumnKind::Bernoulli => (found.beyond_binary, "0 or 1"),
        ColumnKind::Poisson | ColumnKind::Multinomial { .. } => (found.beyond_counts, "a count"),
        ColumnKind::Exponential => (found.negative, "0 or a positive number"),
        ColumnKind::Gamma { .. } => (found.beyond_positive, "a positive number"),
    };
    table.hold_to_numbers(survey, &column.name, true)?;
    match odd {
        None => Ok(()),
        Some((row, value)) => {
            let place = Box::new(table.place(&column.name, row));
            Err(ClusterError::cell(place, value, expected))
        }
    }
}

fn known(table: &StreamedTable, column: &Column, levels: &[String], found: &ColumnSurvey) -> Result<(), ClusterError> {
    if found.words.len() < MOST_WORDS && found.words.iter().all(|word| levels.contains(word)) {
        return Ok(());
    }
    match table.first_unknown(&column.name, levels)? {
        None => Ok(()),
        Some((row, value)) => {
            let place = Box::new(table.place(&column.name, row));
            Err(ClusterError::Unseen { place, value, known: levels.to_vec() })
        }
    }
}

/// A column needs two different cells.
fn check_spread(table: &StreamedTable, name: &str, found: &ColumnSurvey) -> Result<(), ClusterError> {
    let value = match &found.first {
        Some((_, true)) => return Ok(()),
        Some((cell, false)) => cell.clone(),
        None => "a missing cell".to_string(),
    };
    Err(ClusterError::Constant { file: table.file().to_string(), column: name.to_string(), value })
}

fn check_copies(table: &StreamedTable, survey: &Survey, columns: &[Column]) -> Result<(), ClusterError> {
    let numbers: Result<Vec<usize>, DataError> = columns.iter().map(|c| table.number_of(&c.name)).collect();
    let numbers = numbers?;
    let is_copy =
        |a: usize, b: usize| survey.copies.contains(&(numbers[a].min(numbers[b]), numbers[a].max(numbers[b])));
    for b in 0..columns.len() {
        let repeats = |a: &usize| columns[*a].kind == columns[b].kind && is_copy(*a, b);
        if let Some(a) = (0..b).filter(|_| columns[b].is_of_its_own()).find(repeats) {
            let (first, second) = (columns[a].name.clone(), columns[b].name.clone());
            return Err(ClusterError::Duplicate { file: table.file().to_string(), first, second });
        }
    }
    Ok(())
}
