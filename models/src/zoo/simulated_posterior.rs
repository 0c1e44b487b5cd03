//! A posterior learnt from simulations alone: [`jensen::amortised::SimulatedPosterior`] on the pairs of a table.

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use crate::data::nearest::listed;
use jensen::amortised::{PairsError, PairsPart, SimulatedPosterior};
use jensen::dist::Support;
use jensen::program::Matrix;

/// The model of the simulations of a table: the columns that are empty in some row are the parameters, and the rows
/// where they are empty are observed data; the other columns, or `--features`, are data.
///
/// # Errors
/// No row or no column of either kind, a row with some of its parameters, too few simulations, a column that is the same in
/// all of them, and cells of data that are missing or no numbers.
pub fn build(input: &Input) -> Result<Built, BuildError> {
    let (parameters, columns) = roles(input)?;
    let z = parameters.iter().map(|name| input.table.numbers(name)).collect::<Result<Vec<_>, _>>()?;
    let x = columns.iter().map(|name| input.table.real(name)).collect::<Result<Vec<_>, _>>()?;
    let (simulated, observed) = split_rows(input, &parameters, &z)?;
    let of_row = |columns: &[Vec<f64>], row: usize| columns.iter().map(|c| c[row]).collect::<Vec<f64>>();
    let matrix = |columns: &[Vec<f64>]| {
        let values: Vec<f64> = simulated.iter().flat_map(|&row| of_row(columns, row)).collect();
        let invalid = |reason: String| BuildError::NoModel { file: input.table.file().to_string(), reason };
        Matrix::new(values, columns.len()).map_err(invalid)
    };
    let refused = |error: PairsError| refused(input, error, &parameters, &columns);
    let supports = supports(input, &parameters)?;
    let model = SimulatedPosterior::with_supports(&matrix(&x)?, &matrix(&z)?, &supports);
    let mut model = model.map_err(refused)?.named(parameters.clone());
    for row in observed {
        model = model.observed(row + 1, &of_row(&x, row)).map_err(refused)?;
    }
    let (of_parameters, of_data) = model.scales();
    let free = |(name, support): (&String, &Support)| match support {
        Support::Real => name.clone(),
        _ => format!("{name} without its bounds"),
    };
    let free: Vec<String> = parameters.iter().zip(&supports).map(free).collect();
    let all = free.iter().zip(of_parameters).chain(columns.iter().zip(of_data));
    let scales: Vec<Standardisation> =
        all.map(|(name, s)| Standardisation { name: name.clone(), mean: s.mean, sd: s.sd }).collect();
    Ok(Built::new(model.clone(), input.table.num_rows()).scaled(scales).network(model))
}

/// The support of each parameter: what `--supports` says of it, and real numbers.
fn supports(input: &Input, parameters: &[String]) -> Result<Vec<Support>, BuildError> {
    let given = input.options.supports.as_deref().unwrap_or(&[]);
    let invalid = |reason: String| BuildError::NoModel { file: input.table.file().to_string(), reason };
    if let Some(unknown) = given.iter().find(|s| !parameters.contains(&s.name)) {
        let words =
            format!("--supports names `{}`, which is no parameter; those are {}", unknown.name, listed(parameters, 8));
        return Err(invalid(words));
    }
    let of = |name: &String| given.iter().filter(|s| s.name == *name).collect::<Vec<_>>();
    if let Some(twice) = parameters.iter().find(|name| of(name).len() > 1) {
        return Err(invalid(format!("--supports names `{twice}` twice; name it once")));
    }
    Ok(parameters.iter().map(|name| of(name).first().map_or(Support::Real, |s| s.support())).collect())
}

/// The library's error with the names of the table.
fn refused(input: &Input, error: PairsError, parameters: &[String], columns: &[String]) -> BuildError {
    let file = input.table.file().to_string();
    match error {
        PairsError::Few { found, needed } => {
            let hint = format!(" whose parameters ({}) are filled in: simulations", listed(parameters, 8));
            BuildError::TooFewRows { file, found, needed, hint }
        }
        PairsError::Constant { part, column, value } => {
            let name = &if part == PairsPart::Data { columns } else { parameters }[column];
            let remedy = "take it out, or name the columns of data with --features";
            let reason = format!("column `{name}` is {value} in every simulation and says nothing; {remedy}");
            BuildError::NoModel { file, reason }
        }
        PairsError::Outside { row, column, value, support } => {
            let (name, row) = (&parameters[column], row + 1);
            let reason = format!(
                "simulation {row} has {value} for `{name}`, which is not {support}; correct the number, or its --supports"
            );
            BuildError::NoModel { file, reason }
        }
        other => BuildError::NoModel { file, reason: other.to_string() },
    }
}

/// Names of the parameters and of the data.
fn roles(input: &Input) -> Result<(Vec<String>, Vec<String>), BuildError> {
    let invalid = |reason: &str| BuildError::NoModel { file: input.table.file().to_string(), reason: reason.into() };
    let (mut parameters, mut columns) = (Vec::new(), Vec::new());
    for name in input.table.given_names() {
        let chosen = input.options.features.as_ref().map(|chosen| chosen.iter().any(|c| c == name));
        let cells = input.table.words(name)?;
        if cells.iter().all(Option::is_none) {
            return Err(invalid(&format!("column `{name}` is empty; remove it")));
        }
        match chosen {
            Some(true) => {}
            _ if cells.iter().any(Option::is_none) => parameters.push(name.to_string()),
            None => columns.push(name.to_string()),
            Some(false) => {}
        }
    }
    if parameters.is_empty() {
        return Err(invalid(
            "no observed data; add a row of the data whose posterior is wanted, with empty cells for the parameters",
        ));
    }
    let columns = input.options.features.clone().unwrap_or(columns);
    if columns.is_empty() {
        return Err(invalid("every column has empty cells, which marks parameters; give the data, too"));
    }
    Ok((parameters, columns))
}

/// Rows with all parameters and rows with none.
fn split_rows(input: &Input, names: &[String], z: &[Vec<f64>]) -> Result<(Vec<usize>, Vec<usize>), BuildError> {
    let (mut simulated, mut observed) = (Vec::new(), Vec::new());
    for row in 0..input.table.num_rows() {
        let missing = z.iter().filter(|column| column[row].is_nan()).count();
        match missing {
            0 => simulated.push(row),
            _ if missing == names.len() => observed.push(row),
            _ => {
                let empty = z.iter().position(|column| column[row].is_nan()).unwrap_or(0);
                let place = input.table.place(&names[empty], row);
                let reason = format!(
                    "{place}: empty, while other parameters of the row are not; columns with empty cells ({}) are \
                     parameters: fill all of them in, or none where the row is observed data",
                    listed(names, 8)
                );
                return Err(BuildError::Row { reason });
            }
        }
    }
    Ok((simulated, observed))
}
