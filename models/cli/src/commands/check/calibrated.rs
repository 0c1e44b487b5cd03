//! Calibration: the same fit of data sets that the model itself has simulated.

use super::super::engine::choice;
use super::super::outcome::EngineError;
use super::super::rebuilt::Rebuilt;
use super::parts::{Part, Ranks};
use crate::cli::number::duration;
use crate::cli::progress::Progress;
use crate::cli::saved_args::CheckArgs;
use jensen::diagnose::calibration::MIN_RANKS;
use jensen::diagnose::verdict::Trust;
use jensen::diagnose::{CalibrateError, DataSet, calibrate};
use jensen::streams::Streams;
use jensen::target::Constrained;
use jensen::{FamilyChoice, Fit};
use serde::Serialize;
use std::num::NonZeroUsize;

/// Seconds of fits that are spent without having been asked for.
const MOST_SECONDS: f64 = 60.0;
/// Draws that the truth is ranked among.
const RANKED: usize = 99;
/// Purpose of the streams of simulated data, apart from those of prior predictive checks.
const SETS: u32 = 0x6361_6c69;

/// Where the true latents of simulated data fall among the draws of their fits.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Calibrated {
    pub num_sets: usize,
    /// Fits among them that were trusted.
    pub num_trusted: usize,
    pub quantities: Vec<Ranked>,
}

/// Ranks of one quantity.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ranked {
    pub name: String,
    #[serde(flatten)]
    pub(super) ranks: Ranks,
}

pub(super) fn calibrated(
    fit: &Rebuilt,
    args: &CheckArgs,
    streams: Streams,
    progress: &mut Progress,
) -> Part<Calibrated> {
    let each = fit.note.seconds.unwrap_or(f64::INFINITY);
    let num_sets = match args.simulations {
        Some(0) => return Part::NotDone("not asked for (--simulations 0)".into()),
        Some(n) if (n as usize) < MIN_RANKS => {
            return Part::NotDone(format!("{n} simulated data sets say too little; ask for at least {MIN_RANKS}"));
        }
        Some(n) => n as usize,
        None if each * MIN_RANKS as f64 > MOST_SECONDS => {
            let took = if each.is_finite() { format!("{} each", duration(each)) } else { "an unknown time".into() };
            return Part::NotDone(format!(
                "{MIN_RANKS} more fits at {took} are left to you to ask for: --simulations {MIN_RANKS}"
            ));
        }
        None => MIN_RANKS,
    };
    let mut num_trusted = 0;
    let made = calibrate(&fit.target, fit.posterior.theta(), streams.purpose(SETS), num_sets, |set| {
        let words = format!("fitting simulated data set {} of {num_sets}", set.index + 1);
        if progress.update_doing(4 + set.index as u64, || words).is_break() {
            return Err(EngineError("interrupted".into()));
        }
        let (draws, trusted) = fitted(fit, args, set)?;
        num_trusted += usize::from(trusted);
        Ok(draws)
    });
    let quantity = |(name, ranks): (String, _)| Ranked { name, ranks: Ranks::new(&ranks) };
    match made {
        Ok(all) => {
            Part::Done(Calibrated { num_sets, num_trusted, quantities: all.into_iter().map(quantity).collect() })
        }
        Err(CalibrateError::Fit { error, .. }) if error.0 == "interrupted" => Part::NotDone("interrupted".into()),
        Err(error) => Part::NotDone(error.to_string()),
    }
}

/// Draws of a fit of simulated data, evenly spaced among all, and whether it is trusted.
fn fitted(fit: &Rebuilt, args: &CheckArgs, set: &DataSet) -> Result<(Constrained, bool), EngineError> {
    let model = fit.target.on_data(&*fit.built.model, &set.data).map_err(|e| EngineError(e.to_string()))?;
    let threads = args.threads.map_or_else(super::super::engine::default_threads, NonZeroUsize::get);
    let mut one = Fit::new(&model)
        .family(choice::<FamilyChoice>(&fit.note.family)?)
        .seed(args.seed.wrapping_add(set.index as u64))
        .threads(threads);
    if let Some(restarts) = fit.built.restarts {
        one = one.restarts(restarts);
    }
    let posterior = one.run()?.posterior;
    let mut all = posterior.constrained();
    let taken: Vec<usize> = (0..RANKED).map(|k| (2 * k + 1) * all.num_draws / (2 * RANKED)).collect();
    let lanes = all.values.chunks_exact(all.num_draws.max(1));
    all.values = lanes.flat_map(|lane| taken.iter().map(|&d| lane[d]).collect::<Vec<_>>()).collect();
    all.num_draws = RANKED;
    Ok((all, posterior.verdict().trust == Trust::Trust))
}
