//! Fits and draws of models whose q is a network, by the way in which it is trained.

use super::engine::{EngineError, NamedDraws, Outcome, Request};
use super::{amortised, implicit, simulated};
use crate::cli::args::MethodArgs;
use crate::cli::choices::{Design, Estimator, Family, Optimizer};
use jensen::algorithm::Solution;
use jensen::streams::Streams;
use jensen::target::Target;
use jensen_models::zoo::Network;

/// Fits the model of `request` with its network.
pub(super) fn fit(request: Request, network: &Network) -> Result<Outcome, EngineError> {
    match network {
        Network::Amortised(network) => amortised::fit(request, network),
        Network::Simulated(model) => simulated::fit(request, model),
        Network::Implicit(model) => implicit::fit(request, model),
    }
}

/// Draws at a solution that fits the model: of the parameters of observed rows, or theta, which has no spread.
pub(super) fn sample(
    target: &Target,
    network: &Network,
    solution: &Solution,
    (num_draws, streams): (usize, Streams),
) -> Result<NamedDraws, EngineError> {
    if let Network::Simulated(model) = network {
        return simulated::draws(model, target, &solution.theta, (num_draws, streams));
    }
    let mut one = amortised::of_parameters(target, solution);
    one.values.iter_mut().for_each(|values| *values = vec![values[0]; num_draws]);
    Ok(one)
}

/// Checks that only what `how` leaves open was chosen.
///
/// # Errors
/// Another family, estimator, design or optimiser.
pub(super) fn own_training(method: &MethodArgs, how: &str) -> Result<(), EngineError> {
    let chosen = (method.family, method.estimator, method.design, method.optimizer);
    if chosen == (Family::default(), Estimator::default(), Design::default(), Optimizer::default()) {
        return Ok(());
    }
    let options = "--family, --estimator, --design and --optimizer";
    Err(EngineError(format!("its q is a network that is trained with Adam, {how}; leave {options} out")))
}
