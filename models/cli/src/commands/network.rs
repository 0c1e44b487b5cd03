//! Fits and draws of models whose q is a network.

use super::engine::default_threads;
use super::outcome::EngineError;
use crate::cli::args::MethodArgs;
use crate::cli::choices::{Design, Estimator, Family, Integers, Optimizer};
use jensen::algorithm::Solution;
use jensen::amortised::{AmortisedFit, AmortisedFitted, AmortisedModel};
use jensen::fit::Observer;
use jensen::streams::Streams;
use jensen::target::Constrained;
use std::num::NonZeroUsize;

/// Fits `network` by what `method` leaves open.
///
/// # Errors
/// Another family, estimator, design or optimiser than its own, and those of the fit.
pub(super) fn fit(
    network: &dyn AmortisedModel,
    method: &MethodArgs,
    observer: &mut dyn Observer,
) -> Result<AmortisedFitted, EngineError> {
    let chosen = (method.family, method.integers, method.estimator, method.design, method.optimizer);
    let of_rule =
        (Family::default(), Integers::default(), Estimator::default(), Design::default(), Optimizer::default());
    if chosen != of_rule {
        let words = "its q is a network that is trained in its own way, with Adam; leave --family, --integers, \
                     --estimator, --design and --optimizer out";
        return Err(EngineError(words.into()));
    }
    let threads = method.threads.map_or_else(default_threads, NonZeroUsize::get);
    let mut fit = AmortisedFit::new(network).seed(method.seed).threads(threads).observer(observer);
    if let Some(draws) = method.draws {
        fit = fit.draws(draws.get());
    }
    if let Some(steps) = method.steps {
        fit = fit.steps(steps.get() as u64);
    }
    if let Some(restarts) = method.restarts {
        fit = fit.restarts(restarts.get());
    }
    if let Some(rate) = method.learning_rate {
        fit = fit.learning_rate(rate);
    }
    Ok(fit.run()?)
}

/// Draws at a saved solution: of the parameters of observed rows, or theta, which has no spread.
///
/// # Errors
/// When the solution does not belong to the model.
pub(super) fn sample(
    network: &dyn AmortisedModel,
    solution: &Solution,
    num_draws: usize,
    streams: Streams,
) -> Result<Constrained, EngineError> {
    Ok(network.draws(solution, num_draws, streams)?)
}
