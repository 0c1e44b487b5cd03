//! Columns of a table that stays in its file: their kinds, and the rows of a fit.

use super::columns::{Column, ColumnKind, MANY_LEVELS, asked};
use super::error::ClusterError;
use crate::cli::mixture_args::{ColumnChoice, MixtureModelArgs};
use crate::data::DataError;
use crate::data::stream::{ColumnSurvey, CsvRows, MOST_WORDS, StreamedTable, Survey};

/// The columns that the options choose, their rows, and the number of missing cells in them.
///
/// # Errors
/// As [`super::columns::chosen`].
pub fn chosen(table: &StreamedTable, model: &MixtureModelArgs) -> Result<(Vec<Column>, CsvRows, u64), ClusterError> {
    let names = super::columns::names(table.header(), model)?;
    let choice = |name: &str| asked(model, name).map_or(ColumnChoice::Auto, |k| k.kind);
    let words: Vec<String> = names.iter().filter(|n| choice(n) == ColumnChoice::Categorical).cloned().collect();
    let survey = table.survey(&words)?;
    let mut columns = Vec::new();
    for name in names {
        let found = &survey.columns[table.number_of(&name)?];
        let kind = kind(table, &name, found, choice(&name), model.tail)?;
        let mut column = Column { name, kind };
        hold(table, &survey, &column)?;
        check_spread(table, &column.name, found)?;
        if matches!(column.kind, ColumnKind::Gaussian | ColumnKind::StudentT { .. }) {
            ClusterError::spread(table.file(), &column.name, found.mean, found.squares / found.numbers as f64)?;
        }
        if let ColumnKind::Gamma { shape } = &mut column.kind {
            *shape = (found.mean * found.mean * found.numbers as f64 / found.squares).max(1.0);
        }
        columns.push(column);
    }
    check_copies(table, &survey, &columns)?;
    let missing = columns.iter().map(|c| Ok(survey.columns[table.number_of(&c.name)?].missing));
    let missing = missing.sum::<Result<u64, DataError>>()?;
    let rows = rows(table, &columns)?;
    Ok((columns, rows, missing))
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
    name: &str,
    found: &ColumnSurvey,
    choice: ColumnChoice,
    tail: f64,
) -> Result<ColumnKind, ClusterError> {
    Ok(match choice {
        ColumnChoice::Auto if found.numbers > 0 && found.beyond_binary.is_none() && found.word.is_none() => {
            ColumnKind::Bernoulli
        }
        ColumnChoice::Auto if found.numbers > 0 || found.is_empty() => ColumnKind::Gaussian,
        ColumnChoice::Auto => ColumnKind::Categorical { levels: few_levels(table, name, found)? },
        ColumnChoice::Gaussian => ColumnKind::Gaussian,
        ColumnChoice::StudentT => ColumnKind::StudentT { tail },
        ColumnChoice::Bernoulli => ColumnKind::Bernoulli,
        ColumnChoice::Categorical if found.words.len() >= MOST_WORDS => {
            let (file, column) = (table.file().to_string(), name.to_string());
            return Err(ClusterError::ManyLevels { file, column, most: MOST_WORDS - 1 });
        }
        ColumnChoice::Categorical => ColumnKind::Categorical { levels: found.words.iter().cloned().collect() },
        ColumnChoice::Poisson => ColumnKind::Poisson,
        ColumnChoice::Gamma => ColumnKind::Gamma { shape: 1.0 },
    })
}

/// The words of a column, where they are few enough to be categories.
fn few_levels(table: &StreamedTable, name: &str, found: &ColumnSurvey) -> Result<Vec<String>, ClusterError> {
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
        ColumnKind::StudentT { .. } => return Ok(table.hold_to_numbers(survey, &column.name, false)?),
        ColumnKind::Gaussian => (None, ""),
        ColumnKind::Bernoulli => (found.beyond_binary, "0 or 1"),
        ColumnKind::Poisson => (found.beyond_counts, "a count"),
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
        if let Some(a) = (0..b).find(|&a| columns[a].kind == columns[b].kind && is_copy(a, b)) {
            let (first, second) = (columns[a].name.clone(), columns[b].name.clone());
            return Err(ClusterError::Duplicate { file: table.file().to_string(), first, second });
        }
    }
    Ok(())
}
