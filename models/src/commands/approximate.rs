//! From the choices of the command line to a solution: which family, which algorithm, when to stop.

use super::engine::EngineError;
use crate::cli::args::MethodArgs;
use crate::cli::choices::{Estimator, Family as FamilyChoice, Optimizer};
use jensen::algorithm::{FitError, Minibatch, NaturalGradient, Solution, Start, StochasticVi};
use jensen::estimate::{Baseline, Entropy, GradientEstimator, Pathwise, ScoreFunction, StickingTheLanding};
use jensen::family::{Family, FullRank, MeanField, Reparam};
use jensen::fit::{MaxSteps, Observer, Plateau, Stop, run};
use jensen::model::Layout;
use jensen::optimize::{AnyOptimizer, Average};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use serde::{Deserialize, Serialize};

/// Latents up to which a full-rank Gaussian is affordable.
const FULL_RANK_LIMIT: usize = 400;

/// What was found.
pub(super) struct Found {
    pub family: SavedFamily,
    pub solution: Solution,
    pub stop: Stop,
    /// Bound and standard error of each restart, where there were several.
    pub restarts: Vec<(f64, f64)>,
    /// How it was done, in words.
    pub method: String,
}

/// A family that can be built again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SavedFamily {
    MeanField,
    FullRank,
}

impl SavedFamily {
    pub fn build(self, layout: &Layout) -> Box<dyn Reparam> {
        match self {
            Self::MeanField => Box::new(MeanField::new(layout)),
            Self::FullRank => Box::new(FullRank::new(layout.num_latents)),
        }
    }
}

/// Maximises the bound as `method` says.
///
/// # Errors
/// A choice that cannot be had, or a fit that cannot go on.
pub(super) fn approximate(
    target: &Target,
    method: &MethodArgs,
    streams: Streams,
    observer: &mut dyn Observer,
) -> Result<Found, EngineError> {
    let layout = target.layout();
    let family = match method.family {
        FamilyChoice::MeanField => SavedFamily::MeanField,
        FamilyChoice::FullRank => SavedFamily::FullRank,
        FamilyChoice::Auto if layout.num_latents > FULL_RANK_LIMIT => SavedFamily::MeanField,
        FamilyChoice::Auto => SavedFamily::FullRank,
        other => return Err(unavailable(&format!("--family {other}"))),
    };
    let natural = match method.optimizer {
        Optimizer::NaturalGradient => true,
        Optimizer::Auto => family == SavedFamily::FullRank && method.estimator == Estimator::Auto,
        _ => false,
    };
    let found = Start::new(streams).find(target, &[])?;
    let centre = &found.paths[0].gaussian;
    if natural {
        natural_gradient(target, method, streams, observer, centre)
    } else {
        stochastic(target, method, streams, observer, family, &centre.mean)
    }
}

fn natural_gradient(
    target: &Target,
    method: &MethodArgs,
    streams: Streams,
    observer: &mut dyn Observer,
    start: &jensen::algorithm::PathGaussian,
) -> Result<Found, EngineError> {
    let family = FullRank::new(target.layout().num_latents);
    let factor = start.covariance().cholesky().map(|c| c.l());
    let start = match &factor {
        Some(factor) => family.params_from(&start.mean, factor),
        None => family.init(&start.mean, 0.1),
    };
    let algorithm = NaturalGradient {
        target,
        family: &family,
        num_draws: method.draws.map_or(NaturalGradient::<Target>::draws_for(family.dimension()), |n| n.get()),
        start,
        tolerance: 1e-3,
        streams,
    };
    let mut state = jensen::algorithm::Algorithm::init(&algorithm)?;
    let mut most = MaxSteps(method.steps.map_or(4000, |n| n.get() as u64));
    let stop = run(&algorithm, &mut state, &mut most, observer)?;
    Ok(Found {
        family: SavedFamily::FullRank,
        solution: jensen::algorithm::Algorithm::output(&algorithm, &state),
        stop,
        restarts: Vec::new(),
        method: "full-rank Gaussian, natural gradient".to_string(),
    })
}

fn stochastic(
    target: &Target,
    method: &MethodArgs,
    streams: Streams,
    observer: &mut dyn Observer,
    kind: SavedFamily,
    centre: &[f64],
) -> Result<Found, EngineError> {
    let family = kind.build(target.layout());
    let estimator: Box<dyn GradientEstimator<Target, dyn Reparam>> = match method.estimator {
        Estimator::Auto | Estimator::StickingTheLanding => Box::new(StickingTheLanding),
        Estimator::Pathwise => Box::new(Pathwise { entropy: Entropy::ClosedForm }),
        Estimator::PathwiseMcEntropy => Box::new(Pathwise { entropy: Entropy::MonteCarlo }),
        Estimator::Score => Box::new(ScoreFunction { baseline: Baseline::None }),
        Estimator::ScoreLoo => Box::new(ScoreFunction { baseline: Baseline::LeaveOneOut }),
    };
    let mut optimizer: AnyOptimizer = match method.optimizer {
        Optimizer::Auto => "adam".to_string(),
        Optimizer::NaturalGradient | Optimizer::Lbfgs | Optimizer::NewtonCg => {
            return Err(unavailable(&format!("--optimizer {}", method.optimizer)));
        }
        other => other.to_string(),
    }
    .parse()
    .map_err(|error: jensen::optimize::OptimizeError| EngineError(error.to_string()))?;
    if let Some(rate) = method.learning_rate {
        optimizer = optimizer.with_step_size(rate);
    }
    let algorithm = StochasticVi {
        target,
        family: &*family,
        estimator: Estimators(estimator),
        optimizer: optimizer.clone(),
        average: Average::Polynomial { eta: 3.0 },
        num_draws: method.draws.map_or(10, |n| n.get()),
        minibatch: Minibatch::Full,
        start: Solution { params: family.init(centre, 0.1), theta: vec![0.0; target.layout().num_parameters] },
        streams,
    };
    let mut state = jensen::algorithm::Algorithm::init(&algorithm)?;
    let most = MaxSteps(method.steps.map_or(50_000, |n| n.get() as u64));
    let mut stop = (Plateau::new(500, 0.01), most);
    let stop = run(&algorithm, &mut state, &mut stop, observer)?;
    Ok(Found {
        family: kind,
        solution: jensen::algorithm::Algorithm::output(&algorithm, &state),
        stop,
        restarts: Vec::new(),
        method: format!("{} Gaussian, {} with {} draws", family.name(), optimizer.name(), algorithm.num_draws),
    })
}

/// A boxed estimator is one.
struct Estimators(Box<dyn GradientEstimator<Target, dyn Reparam>>);

impl GradientEstimator<Target, dyn Reparam> for Estimators {
    fn estimate(
        &self,
        target: &Target,
        family: &(dyn Reparam + 'static),
        at: &jensen::estimate::Point,
        space: &mut jensen::estimate::Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<jensen::estimate::Estimate, jensen::target::DensityError> {
        self.0.estimate(target, family, at, space, grad, grad_theta)
    }
}

fn unavailable(choice: &str) -> EngineError {
    FitError::Unsupported(format!("{choice} cannot be had with these choices; see `jensen fit --help`")).into()
}
