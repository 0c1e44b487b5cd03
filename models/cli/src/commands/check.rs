//! The command `jensen check`: a saved fit held against its data, its prior and simulated data.

mod advice;
mod calibrated;
mod page;
mod predicted;
mod text;

use super::error::CommandError;
use super::interrupt;
use super::rebuilt::{Instead, Rebuilt};
use crate::cli::exit::Exit;
use crate::cli::output::{print, spare, write};
use crate::cli::progress::{Mode, Progress};
use crate::cli::saved_args::CheckArgs;
use calibrated::Calibrated;
use jensen::algorithm::FitError;
use jensen::diagnose::calibration::RankStatistics;
use jensen::diagnose::verdict::Verdict;
use jensen::posterior::{Loo, LooPit, PowerScaling};
use jensen::streams::Streams;
use predicted::{Predicted, data_sets};
use serde::Serialize;
use std::num::NonZeroUsize;

/// Purpose of the streams, apart from those of fits.
const CHECK: u32 = 0x6368_6563;

const INSTEAD: Instead = Instead {
    of_others: "mixtures are held against rows that --held-out leaves out, autoencoders against their test rows, both while \
                they are fitted",
    of_own: "use `Posterior::loo`, `predictive`, `loo_pit` and `power_scaling`, and `jensen::diagnose::calibrate`",
};

/// A check, or why it was not made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part<T> {
    /// It was made.
    Done(T),
    /// It cannot be made, or was not asked for: why, in words.
    NotDone(String),
}

impl<T> Part<T> {
    fn of<E: std::fmt::Display>(made: Result<T, E>) -> Self {
        made.map_or_else(|error| Part::NotDone(error.to_string()), Part::Done)
    }

    fn done(&self) -> Option<&T> {
        match self {
            Part::Done(made) => Some(made),
            Part::NotDone(_) => None,
        }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Checked {
    fit: String,
    model: String,
    data: String,
    num_rows: usize,
    seed: u64,
    verdict: Verdict,
    /// Tail shape of the fit's own weights.
    #[serde(with = "jensen::number")]
    k_hat: f64,
    /// Data that the prior expects.
    prior_predictive: Part<Predicted>,
    /// Data that the fitted model expects.
    posterior_predictive: Part<Predicted>,
    /// Rows left out one by one.
    loo: Part<LeftOut>,
    /// Where left-out rows fall.
    loo_pit: Part<Vec<Pit>>,
    /// Fits of simulated data.
    calibration: Part<Calibrated>,
    /// Power-scaling of prior and data.
    sensitivity: Part<PowerScaling>,
    /// What to look at, the most serious first.
    findings: Vec<advice::Finding>,
}

/// Leave-one-out cross-validation, in short.
#[derive(Debug, Clone, Serialize)]
struct LeftOut {
    #[serde(with = "jensen::number")]
    elpd: f64,
    #[serde(with = "jensen::number")]
    elpd_se: f64,
    #[serde(with = "jensen::number")]
    num_effective: f64,
    #[serde(with = "jensen::number::list")]
    pointwise: Vec<f64>,
    #[serde(with = "jensen::number::list")]
    k_hat: Vec<f64>,
    #[serde(with = "jensen::number")]
    threshold: f64,
    /// Rows, from 1, whose share cannot be relied on.
    unreliable: Vec<usize>,
}

impl LeftOut {
    fn new(loo: Loo) -> Self {
        let unreliable = loo.unreliable().iter().map(|row| row + 1).collect();
        let Loo { elpd, elpd_se, num_effective, pointwise, k_hat, threshold, .. } = loo;
        LeftOut { elpd, elpd_se, num_effective, pointwise, k_hat, threshold, unreliable }
    }
}

/// Where the values of rows fall, in short.
#[derive(Debug, Clone, Serialize)]
struct Pit {
    name: String,
    #[serde(with = "jensen::number::list")]
    values: Vec<f64>,
    /// Tests of uniform values, where there are enough of them.
    ranks: Option<Ranks>,
}

impl Pit {
    fn new(pit: LooPit) -> Self {
        Pit { name: pit.name, values: pit.values, ranks: pit.statistics.as_ref().map(Ranks::new) }
    }
}

/// Tests of uniform ranks.
#[derive(Debug, Clone, Serialize)]
struct Ranks {
    counts: Vec<usize>,
    uniformity_p_value: f64,
    symmetry_p_value: f64,
    shift: f64,
    shift_mcse: f64,
    spread: f64,
}

impl Ranks {
    fn new(of: &RankStatistics) -> Self {
        let RankStatistics { counts, uniformity_p_value, symmetry_p_value, shift, shift_mcse, spread, .. } = of.clone();
        Ranks { counts, uniformity_p_value, symmetry_p_value, shift, shift_mcse, spread }
    }

    fn smallest_p_value(&self) -> f64 {
        self.uniformity_p_value.min(self.symmetry_p_value)
    }
}

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
