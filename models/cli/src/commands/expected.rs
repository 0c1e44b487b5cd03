//! `jensen predict` of a regression: what its fit expects of new rows, and what may be seen there.

use super::error::CommandError;
use super::rebuilt::{Instead, Opened};
use crate::cli::exit::Exit;
use crate::cli::mixture_args::PredictArgs;
use crate::cli::output::{print, spare, visible, write};
use jensen::export::{FileError, FitBody, SavedFit};
use jensen::posterior::Posterior;
use jensen::posterior::statistics::{mean, quantiles};
use jensen::streams::Streams;
use jensen_models::data::DataTable;
use jensen_models::registry::Entry;
use jensen_models::regression::{PredictedRow, Prediction};
use std::io::{self, Write};
use std::path::Path;

/// Purpose of the streams, apart from those of fits.
const PREDICT: u32 = 0x6578_7065;

const INSTEAD: Instead = Instead {
    of_others: "label rows by a mixture with `jensen predict`, encode images with `jensen vae encode`",
    of_own: "predict with `Fitted::predict`",
};

/// Whether the saved fit is of a model, not of a mixture or an autoencoder.
pub(super) fn is_of_a_model(path: &Path) -> Result<bool, CommandError> {
    Ok(SavedFit::open(path)?.kind() == Posterior::KIND)
}

/// Writes a line for each row of the table.
pub(super) fn run(args: &PredictArgs) -> Result<Exit, CommandError> {
    let refused = |found: &str| FileError::NotSaved { path: args.fit.clone(), found: found.to_string() };
    let Opened { outcome, entry, built, .. } = Opened::read(&args.fit, &INSTEAD)?;
    let Some(regression) = &built.regression else {
        let words = format!("its model is `{}`, and new rows are predicted by fits of regressions", entry.name);
        return Err(refused(&words).into());
    };
    let Some(file) = &args.file else {
        return Err(refused("--simulate is of mixtures; give a table of new rows").into());
    };
    spare(args.out.as_deref(), Some(file))?;
    let (table, draws) = (DataTable::read(file)?, outcome.draws());
    let streams = Streams::new(args.seed.unwrap_or(0)).purpose(PREDICT);
    let prediction = regression.predict(&draws, &table, streams).map_err(jensen_models::zoo::BuildError::from)?;
    let num_draws = args.draws.map(|n| n.get().min(draws.num_draws));
    let mut bytes = Vec::new();
    lines(&prediction, num_draws, &mut bytes).map_err(|error| failed(entry, &error))?;
    write(args.out.as_deref(), |out| out.write_all(&bytes))?;
    let text = summary(table.file(), &prediction);
    if args.out.is_some() {
        print(io::stdout(), &text)?;
    } else if !args.quiet {
        let _ = write!(io::stderr(), "{}", visible(&text)); // a closed stream leaves nobody to tell
    }
    Ok(Exit::Success)
}

fn failed(entry: &Entry, error: &io::Error) -> CommandError {
    CommandError::Engine { model: entry.name.to_string(), source: super::outcome::EngineError(error.to_string()) }
}

/// The lines of all rows: a summary of each, or so many of its outcomes.
fn lines(prediction: &Prediction, num_draws: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let mut header = vec!["row".to_string()];
    let words = |words: &[&str]| words.iter().map(|w| w.to_string()).collect::<Vec<_>>();
    header.extend(match (num_draws, prediction.categories()) {
        (Some(num_draws), _) => (1..=num_draws).map(|d| format!("draw_{d}")).collect(),
        (None, []) => words(&["expected", "expected_q5", "expected_q95", "q5", "q50", "q95"]),
        (None, categories) => {
            let one = |category: &String| ["", "_q5", "_q95"].map(|end| format!("{category}{end}"));
            std::iter::once("likeliest".to_string()).chain(categories.iter().flat_map(one)).collect()
        }
    });
    writer.write_record(header)?;
    prediction.each(|i, row| -> Result<(), Failure> {
        let cells = match num_draws {
            Some(num_draws) => drawn(prediction, &row, num_draws),
            None => summarised(prediction, &row),
        };
        Ok(writer.write_record(std::iter::once((i + 1).to_string()).chain(cells)).map_err(io::Error::from)?)
    })?;
    writer.flush()
}

/// Outcomes from all over the draws, neighbours among which may be one draw of large weight.
fn drawn(prediction: &Prediction, row: &PredictedRow, num_draws: usize) -> Vec<String> {
    let all = row.outcomes.len();
    let chosen = (0..num_draws).map(|d| row.outcomes[d * all / num_draws]);
    chosen.map(|y| prediction.categories().get(y as usize).cloned().unwrap_or_else(|| y.to_string())).collect()
}

fn summarised(prediction: &Prediction, row: &PredictedRow) -> Vec<String> {
    let of = |values: &[f64]| {
        let [low, high] = quantiles(values, [0.05, 0.95]);
        [mean(values), low, high].map(|x| x.to_string())
    };
    let expected: Vec<String> = row.expected.iter().flat_map(|values| of(values)).collect();
    if prediction.categories().is_empty() {
        let outcomes = quantiles(&row.outcomes, [0.05, 0.5, 0.95]).map(|x| x.to_string());
        return expected.into_iter().chain(outcomes).collect();
    }
    let likeliest = (0..row.expected.len()).max_by(|a, b| mean(&row.expected[*a]).total_cmp(&mean(&row.expected[*b])));
    let word = likeliest.map(|k| prediction.categories()[k].clone()).unwrap_or_default();
    std::iter::once(word).chain(expected).collect()
}

/// What ends the writing of lines.
struct Failure(io::Error);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure(error)
    }
}

impl From<jensen_models::regression::RegressionError> for Failure {
    fn from(error: jensen_models::regression::RegressionError) -> Self {
        Failure(io::Error::other(error))
    }
}

impl From<Failure> for io::Error {
    fn from(Failure(error): Failure) -> Self {
        error
    }
}

fn summary(file: &str, prediction: &Prediction) -> String {
    let count = |n: usize| if n == 1 { "1 row".to_string() } else { format!("{n} rows") };
    let mut text = format!("{file}: {} predicted\n", count(prediction.num_rows()));
    for (group, rows) in prediction.new_groups().iter().take(8) {
        text += &format!("{group} is new to the fit and drawn from the distribution of groups ({})\n", count(*rows));
    }
    if prediction.new_groups().len() > 8 {
        text += &format!("... {} new groups in all\n", prediction.new_groups().len());
    }
    text
}
