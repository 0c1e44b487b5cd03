//! What makes no regression: missing cells, columns that others determine, groups that tell nothing.

use super::build::{Group, Missing};
use super::design::Design;
use super::error::RegressionError;
use super::formula_error::FormulaError;
use super::likelihood::{Link, ResponseLaw};
use super::reading::missing_column;
use super::response::Response;
use super::terms::Formula;
use crate::data::nearest::listed;
use crate::data::rank::first_dependence;
use crate::data::{DataTable, Standardisation};

/// Columns with missing cells, and how many rows each left out.
type LeftOut = Vec<(String, usize)>;

/// The rows without a missing cell in the formula's columns, and how many were left out by each column.
pub(super) fn present(
    formula: &Formula,
    table: &DataTable,
    missing: Missing,
) -> Result<(Vec<usize>, LeftOut), RegressionError> {
    let mut is_whole = vec![true; table.num_rows()];
    let mut left_out: LeftOut = Vec::new();
    let optional = super::special::may_be_missing(formula);
    for (name, span) in formula.names() {
        if let Some(words) = missing_column(table, name) {
            return Err(FormulaError::new(&formula.text, span, &words).into());
        }
        if left_out.iter().any(|(known, _)| known == name) || optional.contains(&name) {
            continue;
        }
        let mut count = 0;
        for (row, _) in table.answers(name)?.iter().enumerate().filter(|(_, cell)| cell.is_none()) {
            if missing == Missing::Refuse {
                let place = table.place(name, row).to_string();
                let reason = "the cell is missing; fill it in, or leave such rows out with --missing drop";
                return Err(RegressionError::Cell { place, reason: reason.to_string() });
            }
            count += 1;
            is_whole[row] = false;
        }
        left_out.push((name.to_string(), count));
    }
    let rows: Vec<usize> = (0..table.num_rows()).filter(|&row| is_whole[row]).collect();
    left_out.retain(|(_, count)| *count > 0);
    if table.num_rows() < 2 {
        return table_error(table, "one row is too few for a regression; at least two are needed".to_string());
    }
    if rows.len() < 2 {
        let words: Vec<String> = left_out.iter().map(|(name, count)| format!("{count} in `{name}`")).collect();
        let why = if words.is_empty() { String::new() } else { format!(" (missing cells: {})", words.join(", ")) };
        let remedy = "fill in cells, or leave the columns that are mostly empty out of the formula";
        let found = if rows.is_empty() { "no row is" } else { "one row is" };
        return table_error(table, format!("{found} left{why}, and at least two are needed; {remedy}"));
    }
    Ok((rows, left_out))
}

/// Whether a column is of numbers, with cells missing.
pub(super) fn is_partly(table: &DataTable, name: &str) -> bool {
    let has_missing = table.answers(name).is_ok_and(|cells| cells.iter().any(Option::is_none));
    let reading = super::reading::Reading::of(table, name);
    has_missing && reading.is_ok_and(|reading| !matches!(reading, super::reading::Reading::Words { .. }))
}

fn table_error<T>(table: &DataTable, reason: String) -> Result<T, RegressionError> {
    Err(RegressionError::Table { file: table.file().to_string(), reason })
}

/// Refuses columns that are constant beside an intercept, and columns that the others determine.
pub(super) fn design(formula: &Formula, design: &Design, table: &DataTable) -> Result<(), RegressionError> {
    let names = &design.columns.names;
    if let Some(twice) = names.iter().enumerate().find(|(k, name)| names[..*k].contains(name)) {
        return table_error(table, format!("two terms are called `{}`; give the columns names of their own", twice.1));
    }
    let columns = taken_out(design, formula.terms.intercept);
    for (name, (column, raw)) in names.iter().zip(columns.iter().zip(&design.columns.values)) {
        if formula.terms.intercept && Standardisation::measure(name, raw).sd == 0.0 {
            let words = "is constant in the rows that are used; leave it out, the intercept covers it";
            return table_error(table, format!("`{name}` {words}"));
        }
        if column.iter().all(|x| *x == 0.0) {
            return table_error(table, format!("`{name}` is zero in the rows that are used; leave it out"));
        }
    }
    let num_rows = columns.first().map_or(0, Vec::len);
    let num_coefficients = columns.len() + usize::from(formula.terms.intercept);
    if num_coefficients > num_rows {
        // Their priors tell them apart, which is said among the notes.
        return Ok(());
    }
    let Some(found) = first_dependence(&columns) else { return Ok(()) };
    let others: Vec<String> = found.terms.iter().map(|(j, _)| names[*j].clone()).collect();
    let (name, intercept) = (&names[found.column], if formula.terms.intercept { " and the intercept" } else { "" });
    table_error(
        table,
        format!(
            "`{name}` is collinear: {}{intercept} determine it in every row, so their coefficients cannot be told apart; leave one of \
         them out",
            listed(&others, 8)
        ),
    )
}

fn taken_out(design: &Design, intercept: bool) -> Vec<Vec<f64>> {
    let one = |column: &Vec<f64>| {
        let mean = if intercept { column.iter().sum::<f64>() / column.len() as f64 } else { 0.0 };
        column.iter().map(|x| x - mean).collect()
    };
    design.columns.values.iter().map(one).collect()
}

/// Refuses a response that the columns explain in every row, of which no scale can be learnt.
pub(super) fn explained(
    likelihood: ResponseLaw,
    link: Link,
    formula: &Formula,
    response: &Response,
    design: &Design,
    table: &DataTable,
) -> Result<(), RegressionError> {
    let of: fn(f64) -> f64 = match (likelihood, link) {
        (ResponseLaw::Normal | ResponseLaw::StudentT, Link::Identity) => |y| y,
        (ResponseLaw::LogNormal, _) => f64::ln,
        _ => return Ok(()),
    };
    let num_columns = design.columns.names.len();
    if response.limits.is_any() || response.values.len() <= num_columns + 1 {
        return Ok(());
    }
    let offset = |i: usize| design.offset.as_ref().map_or(0.0, |offset| offset[i]);
    let rest: Vec<f64> = response.values.iter().enumerate().map(|(i, &y)| of(y) - offset(i)).collect();
    let mean = if formula.terms.intercept { rest.iter().sum::<f64>() / rest.len() as f64 } else { 0.0 };
    let mut columns = taken_out(design, formula.terms.intercept);
    columns.push(rest.iter().map(|y| y - mean).collect());
    match first_dependence(&columns) {
        None => Ok(()),
        Some(found) => {
            let others: Vec<String> = found.terms.iter().map(|(j, _)| design.columns.names[*j].clone()).collect();
            let s = if others.len() == 1 { "s" } else { "" };
            table_error(
                table,
                format!(
                    "{} explain{s} `{}` in every row, and the scale of what is left would be zero; leave out what the response was \
                 made of",
                    listed(&others, 8),
                    response.name
                ),
            )
        }
    }
}

/// Refuses groups of which nothing can be learnt.
pub(super) fn groups(
    likelihood: ResponseLaw,
    groups: &[Group],
    design: &Design,
    table: &DataTable,
) -> Result<(), RegressionError> {
    for (k, (group, raw)) in groups.iter().zip(&design.groups).enumerate() {
        let name = &group.name;
        if group.levels.len() < 2 {
            let only = group.levels.first().map_or("", String::as_str);
            return table_error(
                table,
                format!(
                    "`{name}` has one group alone (\"{only}\"), of which no spread between groups can be learnt; leave `(.. | {name})` out"
                ),
            );
        }
        let has_scale = matches!(likelihood, ResponseLaw::Normal | ResponseLaw::StudentT | ResponseLaw::LogNormal);
        if has_scale && group.levels.len() == raw.codes.len() {
            return table_error(
                table,
                format!(
                    "every group of `{name}` has one row: what varies by group and what is left in a row cannot be told apart; leave \
                 `(.. | {name})` out, or choose a column of fewer groups"
                ),
            );
        }
        for effect in group.effects.iter().map(|effect| &effect.name) {
            let same = |other: &Group| other.name == *name && other.effects.iter().any(|known| known.name == *effect);
            if groups[..k].iter().any(same) {
                return table_error(table, format!("`{effect}` varies twice by `{name}`; say it once"));
            }
        }
    }
    Ok(())
}
