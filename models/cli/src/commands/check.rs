//! The command `jensen check`: a saved fit held against its data, its prior and simulated data.

mod advice;
mod calibrated;
mod checked;
mod page;
mod parts;
mod predicted;
mod text;

use super::error::CommandError;
use super::interrupt;
use super::rebuilt::{Instead, Rebuilt};
use crate::cli::exit::Exit;
use crate::cli::output::{print, spare, write};
use crate::cli::page::paragraph;
use crate::cli::progress::{Mode, Progress};
use crate::cli::saved_args::CheckArgs;
use checked::Checked;
use jensen::algorithm::FitError;
use jensen::streams::Streams;
use parts::{LeftOut, Part, Pit};
use predicted::{Predicted, data_sets};
use std::num::NonZeroUsize;

/// Purpose of the streams, apart from those of fits.
const CHECK: u32 = 0x6368_6563;

const INSTEAD: Instead = Instead {
    of_others: "mixtures are held against rows that --held-out leaves out, autoencoders against their test rows, both while \
                they are fitted",
    of_own: "use `Posterior::loo`, `predictive`, `loo_pit` and `power_scaling`, and `jensen::diagnose::calibrate`",
};

/// Checks a saved fit, prints what was found and writes the page.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, CommandError> {
    spare(args.report.as_deref(), Some(&args.fit))?;
    let threads = args.threads.map_or_else(super::engine::default_threads, NonZeroUsize::get);
    let fit = Rebuilt::read(&args.fit, &INSTEAD, threads)?;
    let checked = checked(&fit, args)?;
    if let Some(path) = &args.report {
        write(Some(path), |out| out.write_all(page::page(&checked).as_bytes()))?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(&checked).unwrap_or_default() + "\n"
    } else {
        text::text(&checked)
    };
    print(std::io::stdout(), &text)?;
    Ok(if checked.findings.iter().any(|f| f.is_problem) { Exit::NotTrusted } else { Exit::Success })
}

/// Rows above which the page of a fit leaves its checks to `jensen check`.
const MOST_ROWS: usize = 20_000;

/// The checks of a fit as part of its own page: all but fits of simulated data.
pub(super) fn of_a_fit(fit: &Rebuilt, seed: u64, quiet: bool) -> Result<String, CommandError> {
    let rows = fit.note.num_rows;
    if rows > MOST_ROWS {
        return Ok(paragraph(&format!("Of {rows} rows these take their time: `jensen check` makes them.")));
    }
    let args = CheckArgs {
        fit: fit.fit.clone().into(),
        report: None,
        priors: None,
        simulations: Some(0),
        draws: NonZeroUsize::new(400).unwrap_or(NonZeroUsize::MIN),
        seed,
        threads: None,
        quiet,
        json: false,
    };
    Ok(page::of_a_fit(&checked(fit, &args)?))
}

fn checked(fit: &Rebuilt, args: &CheckArgs) -> Result<Checked, CommandError> {
    let Rebuilt { posterior, target, family, .. } = fit;
    let streams = Streams::new(args.seed).purpose(CHECK);
    let mut progress = Progress::start(Mode::for_stderr(args.quiet), &fit.note.model, None)
        .counting("check")
        .stop_on(interrupt::flag());
    let sets = data_sets(target, args.draws.get());
    let mut doing = |step, words: &str| progress.update_doing(step, || words.to_string());
    let _ = doing(0, "data that the prior expects");
    let prior_predictive = Part::of(target.prior_draws(posterior.theta(), streams, sets).map(|made| {
        let reads = made.reads_its_data;
        Predicted::new(&made.data, reads)
    }));
    let prior_predictive = match prior_predictive {
        Part::Done(made) if made.statistics.is_empty() => Part::NotDone("the model observes nothing".into()),
        part => part,
    };
    let _ = doing(1, "data that the posterior expects");
    let made = posterior.predictive(target, Some(&**family), sets);
    let posterior_predictive = Part::of(made.map(|data| Predicted::new(&data, false)));
    let _ = doing(2, "leaving rows out");
    let loo = Part::of(posterior.loo(target).map(LeftOut::new));
    let loo_pit = Part::of(posterior.loo_pit(target).map(|all| all.into_iter().map(Pit::new).collect()));
    let _ = doing(3, "scaling prior and data");
    let priors: Option<Vec<&str>> = args.priors.as_ref().map(|names| names.iter().map(String::as_str).collect());
    let sensitivity = match posterior.power_scaling(target, Some(&**family), priors.as_deref()) {
        // A wrong name is a wrong argument.
        Err(error @ FitError::Setting { .. }) if priors.is_some() => return Err(fit.failed(error)),
        made => Part::of(made),
    };
    let calibration = calibrated::calibrated(fit, args, streams, &mut progress);
    progress.clear();
    let mut checked = Checked {
        fit: fit.fit.clone(),
        model: fit.note.model.clone(),
        data: fit.note.data.clone(),
        num_rows: fit.note.num_rows,
        seed: args.seed,
        verdict: posterior.verdict().clone(),
        k_hat: posterior.k_hat(),
        prior_predictive,
        posterior_predictive,
        loo,
        loo_pit,
        calibration,
        sensitivity,
        findings: Vec::new(),
    };
    checked.findings = advice::findings(&checked);
    Ok(checked)
}
