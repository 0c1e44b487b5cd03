//! From the choices of the command line to a solution: which family, which algorithm, when to stop.

use super::engine::EngineError;
use crate::cli::args::MethodArgs;
use crate::cli::choices::{Estimator, Family as FamilyChoice, Optimizer};
use jensen::algorithm::{
    Algorithm, FitError, FixedDraws, Lbfgs, Minibatch, NaturalGradient, NewtonCg, PathGaussian, Solution, Solve, Start,
    StochasticVi,
};
use jensen::estimate::{Baseline, Entropy, GradientEstimator, Pathwise, ScoreFunction, StickingTheLanding};
use jensen::family::{Delta, Family, FullRank, LowRank, MeanField, Reparam, StudentT};
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
    LowRank { rank: usize },
    StudentT,
    Map,
}

/// Factors of a low-rank Gaussian, and degrees of freedom of a Student-t one.
const RANK: usize = 5;
const DEGREES_OF_FREEDOM: f64 = 7.0;

impl SavedFamily {
    fn choose(choice: FamilyChoice, layout: &Layout) -> Self {
        match choice {
            FamilyChoice::MeanField => Self::MeanField,
            FamilyChoice::FullRank => Self::FullRank,
            FamilyChoice::LowRank => Self::LowRank { rank: RANK },
            FamilyChoice::StudentT => Self::StudentT,
            FamilyChoice::Map => Self::Map,
            FamilyChoice::Auto if layout.num_row_latents > 0 => Self::MeanField,
            FamilyChoice::Auto if layout.num_latents > FULL_RANK_LIMIT => Self::LowRank { rank: RANK },
            FamilyChoice::Auto => Self::FullRank,
        }
    }

    pub fn build(self, layout: &Layout) -> Result<Box<dyn Reparam>, EngineError> {
        let d = layout.num_latents;
        let student = || StudentT::new(FullRank::new(d), DEGREES_OF_FREEDOM);
        Ok(match self {
            Self::MeanField => Box::new(MeanField::new(layout)),
            Self::FullRank => Box::new(FullRank::new(d)),
            Self::LowRank { rank } => Box::new(LowRank::new(d, rank)),
            Self::StudentT => Box::new(student().map_err(|error| EngineError(error.to_string()))?),
            Self::Map => Box::new(Delta::new(layout)),
        })
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
    let kind = SavedFamily::choose(method.family, target.layout());
    let family = kind.build(target.layout())?;
    family.covers(target.layout()).map_err(|error| EngineError(error.to_string()))?;
    let start = Start::new(streams).find(target, &vec![0.0; target.layout().num_parameters])?;
    let start = &start.paths[0].gaussian;
    let optimizer = match method.optimizer {
        Optimizer::Auto if kind == SavedFamily::Map => Optimizer::Lbfgs,
        Optimizer::Auto if kind == SavedFamily::FullRank && method.estimator == Estimator::Auto => {
            Optimizer::NaturalGradient
        }
        Optimizer::Auto => Optimizer::Adam,
        chosen => chosen,
    };
    let deterministic = matches!(optimizer, Optimizer::NaturalGradient | Optimizer::Lbfgs | Optimizer::NewtonCg);
    if deterministic && method.estimator != Estimator::Auto {
        return Err(unavailable(&format!("--estimator {} with --optimizer {optimizer}", method.estimator)));
    }
    match optimizer {
        Optimizer::NaturalGradient if kind == SavedFamily::FullRank => {
            natural_gradient(target, method, streams, observer, start)
        }
        Optimizer::NaturalGradient => {
            Err(unavailable(&format!("--optimizer {optimizer} with --family {}", method.family)))
        }
        Optimizer::Lbfgs => {
            fixed_draws(target, method, streams, observer, kind, &start.mean, ("L-BFGS", Lbfgs::default()))
        }
        Optimizer::NewtonCg => {
            fixed_draws(target, method, streams, observer, kind, &start.mean, ("Newton-CG", NewtonCg::default()))
        }
        _ => stochastic(target, method, streams, observer, kind, &start.mean, optimizer),
    }
}

fn fixed_draws(
    target: &Target,
    method: &MethodArgs,
    streams: Streams,
    observer: &mut dyn Observer,
    kind: SavedFamily,
    centre: &[f64],
    (name, solver): (&str, impl Solve<Target, dyn Reparam>),
) -> Result<Found, EngineError> {
    let family = kind.build(target.layout())?;
    let least = if kind == SavedFamily::Map { 2 } else { 2 * target.layout().num_latents + 16 };
    let algorithm = FixedDraws {
        target,
        family: &*family,
        solver,
        num_draws: method.draws.map_or(least, |n| n.get()),
        start: family.init(centre, 0.1),
        iterations: 100,
        tolerance: 1e-4,
        streams,
    };
    let mut state = algorithm.init()?;
    let mut most = MaxSteps(method.steps.map_or(100, |n| n.get() as u64));
    let stop = run(&algorithm, &mut state, &mut most, observer)?;
    let method = format!("{}, {name} on {} fixed draws", family.name(), algorithm.num_draws);
    Ok(Found { family: kind, solution: algorithm.output(&state), stop, restarts: Vec::new(), method })
}

fn natural_gradient(
    target: &Target,
    method: &MethodArgs,
    streams: Streams,
    observer: &mut dyn Observer,
    start: &PathGaussian,
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
    let mut state = algorithm.init()?;
    let mut most = MaxSteps(method.steps.map_or(4000, |n| n.get() as u64));
    let stop = run(&algorithm, &mut state, &mut most, observer)?;
    Ok(Found {
        family: SavedFamily::FullRank,
        solution: algorithm.output(&state),
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
    optimizer: Optimizer,
) -> Result<Found, EngineError> {
    let family = kind.build(target.layout())?;
    let estimator: Box<dyn GradientEstimator<Target, dyn Reparam>> = match method.estimator {
        Estimator::Auto | Estimator::StickingTheLanding => Box::new(StickingTheLanding),
        Estimator::Pathwise => Box::new(Pathwise { entropy: Entropy::ClosedForm }),
        Estimator::PathwiseMcEntropy => Box::new(Pathwise { entropy: Entropy::MonteCarlo }),
        Estimator::Score => Box::new(ScoreFunction { baseline: Baseline::None }),
        Estimator::ScoreLoo => Box::new(ScoreFunction { baseline: Baseline::LeaveOneOut }),
    };
    let name = optimizer.to_string();
    let mut optimizer: AnyOptimizer =
        name.parse().map_err(|error: jensen::optimize::OptimizeError| EngineError(error.to_string()))?;
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
    let mut state = algorithm.init()?;
    let most = MaxSteps(method.steps.map_or(50_000, |n| n.get() as u64));
    let mut stop = (Plateau::new(500, 0.01), most);
    let stop = run(&algorithm, &mut state, &mut stop, observer)?;
    Ok(Found {
        family: kind,
        solution: algorithm.output(&state),
        stop,
        restarts: Vec::new(),
        method: format!("{}, {} with {} draws", family.name(), optimizer.name(), algorithm.num_draws),
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
    FitError::Unsupported(format!("{choice} cannot be had; leave one of them at auto, see `jensen fit --help`")).into()
}
