//! The command `jensen effects`: what a column of a saved regression does to the response.

use super::error::CommandError;
use super::outcome::EngineError;
use super::rebuilt::{Instead, Opened};
use crate::cli::exit::Exit;
use crate::cli::number::{decimals_for, fixed};
use crate::cli::output::{print, spare, write};
use crate::cli::render::{Align, TextTable};
use crate::cli::saved_args::EffectsArgs;
use jensen::diagnose::verdict::Trust;
use jensen::export::FileError;
use jensen::posterior::statistics::{mean, quantiles, sd};
use jensen_models::regression::ColumnEffect;
use jensen_models::zoo::BuildError;
use serde::Serialize;
use std::io::{self, Write};

const INSTEAD: Instead = Instead {
    of_others: "effects are of regressions; `jensen show` prints what a mixture or an autoencoder has found",
    of_own: "average differences of what `Fitted::predict` gives",
};

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
struct Line {
    effect: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    mean: f64,
    sd: f64,
    q5: f64,
    q95: f64,
}

impl Line {
    fn of(effect: ColumnEffect) -> Self {
        let [q5, q95] = quantiles(&effect.draws, [0.05, 0.95]);
        let (mean, sd) = (mean(&effect.draws), sd(&effect.draws));
        Line { effect: effect.what, by: effect.by, category: effect.category, mean, sd, q5, q95 }
    }

    /// Its name on one line.
    fn name(&self) -> String {
        let more = [self.category.as_ref().map(|c| format!("P({c})")), self.by.clone()];
        std::iter::once(self.effect.clone()).chain(more.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    }
}

/// Prints a line for each effect of a column.
pub(super) fn run(args: &EffectsArgs) -> Result<Exit, CommandError> {
    spare(args.out.as_deref(), Some(&args.fit))?;
    let Opened { outcome, note, entry, built } = Opened::read(&args.fit, &INSTEAD)?;
    let Some(regression) = &built.regression else {
        let found = format!("its model is `{}`, and effects are of regressions", entry.name);
        return Err(FileError::NotSaved { path: args.fit.clone(), found }.into());
    };
    let own = note.table.is_none().then(|| entry.table()).transpose()?;
    let Some(table) = note.table.as_ref().or(own.as_ref()) else {
        let source = EngineError("the fit has no table".into());
        return Err(CommandError::Engine { model: entry.name.to_string(), source });
    };
    let found = regression.effects_of(&outcome.draws(), table, &args.column, args.by.as_deref());
    let lines: Vec<Line> = found.map_err(BuildError::from)?.into_iter().map(Line::of).collect();
    if let Some(out) = &args.out {
        write(Some(out), |out| csv(&lines, out))?;
    }
    let weighted = outcome.resampling().is_some();
    let of = if weighted { "the posterior" } else { "q" };
    let text = if args.json {
        serde_json::to_string_pretty(&lines).unwrap_or_default() + "\n"
    } else {
        let trust = &outcome.verdict().trust;
        let trust =
            if *trust == Trust::Trust { String::new() } else { format!("; the verdict on the fit is: {trust}") };
        format!(
            "{}: on the scale of the response, averaged over {} rows; of {of}{trust}\n\n{}",
            regression.formula_text(),
            regression.num_rows(),
            table_of(&lines)
        )
    };
    print(io::stdout(), &text)?;
    Ok(Exit::Success)
}

fn table_of(lines: &[Line]) -> String {
    let numbers = ["mean", "sd", "5%", "95%"].map(|name| (name, Align::Point));
    let header: Vec<_> = std::iter::once(("", Align::Left)).chain(numbers).collect();
    let mut table = TextTable::new(&header);
    for line in lines {
        let decimals = decimals_for(line.sd, 3);
        let numbers = [line.mean, line.sd, line.q5, line.q95].map(|x| fixed(x, decimals));
        table.push(std::iter::once(line.name()).chain(numbers));
    }
    table.to_string()
}

fn csv(lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["effect", "by", "category", "mean", "sd", "q5", "q95"])?;
    for line in lines {
        let words =
            [Some(&line.effect), line.by.as_ref(), line.category.as_ref()].map(|w| w.cloned().unwrap_or_default());
        let numbers = [line.mean, line.sd, line.q5, line.q95].map(|x| x.to_string());
        writer.write_record(words.into_iter().chain(numbers))?;
    }
    writer.flush()
}
