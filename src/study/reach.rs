//! Fits inside a study: the way to the optimum, and the bound each estimator reaches with the same work.

use std::ops::ControlFlow;
use std::time::Instant;

use super::Maximised;
use super::report::ShortFit;
use super::watch::Watch;
use crate::algorithm::{Algorithm, FitError, Minibatch, Solution, Step, StochasticVi};
use crate::estimate::{AnyEstimator, Design};
use crate::family::Family;
use crate::fit::{MaxSteps, Plateau, Stop, StoppingRule};
use crate::model::{Draws, RowSet};
use crate::objective::{Accepted, mean_and_standard_error};
use crate::optimize::{Adam, Average};
use crate::streams::Streams;
use crate::target::{LogDensity, Pass};

/// Steps on the way to the optimum at most.
pub(super) const MOST_STEPS: u64 = 10_000;

/// Fresh draws of a reached bound, and values of a bound of many draws, at least.
const FRESH: usize = 2000;
const VALUES: usize = 10;

/// What a fit inside a study needs.
pub(super) struct Way<'w, T: ?Sized, F: ?Sized> {
    pub target: &'w T,
    pub family: &'w F,
    pub estimator: &'w dyn AnyEstimator<T, F>,
    pub num_draws: usize,
    pub start: &'w Solution,
    pub streams: Streams,
    pub doing: &'w str,
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> Way<'_, T, F> {
    /// Follows the gradient by Adam until `rule` ends it; `None` when interrupted.
    fn follow(&self, rule: &mut dyn StoppingRule, watch: &mut Watch) -> Result<Option<(Solution, u64, u64)>, FitError> {
        let algorithm = StochasticVi {
            target: self.target,
            family: self.family,
            estimator: self.estimator,
            optimizer: Adam::default(),
            average: Average::Tail,
            num_draws: self.num_draws,
            design: Design::Independent,
            minibatch: Minibatch::Full,
            start: self.start.clone(),
            streams: self.streams,
        };
        let mut state = algorithm.init()?;
        let mut evaluations = 0;
        let mut observer = |step: &Step| -> ControlFlow<()> {
            evaluations += step.evaluations;
            watch.tick(self.doing, self.num_draws)
        };
        match crate::fit::run(&algorithm, &mut state, rule, &mut observer)? {
            Stop::Interrupted { .. } => Ok(None),
            stop => Ok(Some((algorithm.output(&state), stop.steps(), evaluations))),
        }
    }

    /// The parameters at which the bound levels off.
    pub fn optimum(&self, watch: &mut Watch) -> Result<Option<Solution>, FitError> {
        let mut rules = (MaxSteps(MOST_STEPS), Plateau::new(500, 0.01));
        Ok(self.follow(&mut rules, watch)?.map(|(solution, ..)| solution))
    }

    /// The bound after `budget` density evaluations; `None` when interrupted.
    pub fn short_fit(&self, name: &str, objective: Maximised, budget: u64, watch: &mut Watch) -> Option<ShortFit> {
        let mut fit = ShortFit {
            estimator: name.into(),
            num_draws: self.num_draws,
            bound: f64::NAN,
            standard_error: f64::NAN,
            steps: 0,
            evaluations: 0,
            runs: 1,
            run_error: f64::NAN,
            seconds: f64::NAN,
            failure: None,
            values: Vec::new(),
        };
        let started = Instant::now();
        let outcome = self.follow(&mut Evaluations { left: budget }, watch);
        fit.seconds = started.elapsed().as_secs_f64();
        let reached = match outcome {
            Ok(None) => return None,
            Ok(Some((solution, steps, evaluations))) => {
                (fit.steps, fit.evaluations) = (steps, evaluations);
                self.bound(&solution, objective)
            }
            Err(error) => Err(error),
        };
        match reached {
            Ok((values, lost, num_draws)) => {
                let groups = Accepted { count: values.len(), num_draws: num_draws / objective.group() };
                (fit.bound, fit.standard_error) = mean_and_standard_error(&values);
                if objective.is_bound() {
                    fit.bound += groups.ln_share();
                    fit.standard_error = fit.standard_error.hypot(groups.standard_error());
                }
                fit.values = values;
                fit.failure = (lost > 0).then(|| format!("{lost} of {num_draws} fresh draws have no finite density"));
            }
            // What an estimator refuses is no fault of the density.
            Err(FitError::Density(error)) => fit.failure = Some(error.to_string()),
            Err(error) => fit.failure = Some(error.to_string()),
        }
        Some(fit)
    }

    /// Values of the objective from fresh draws, how many of these have no finite density, and their number.
    fn bound(&self, at: &Solution, objective: Maximised) -> Result<(Vec<f64>, usize, usize), FitError> {
        const BLOCK: usize = 50;
        const COMPARE: u32 = 0xb0;
        let (layout, rows, mut pass) = (self.target.layout(), RowSet::all(), Pass::default());
        let mut z = Draws::zeros(layout, layout.num_rows, BLOCK);
        let blocks = FRESH.max(VALUES * objective.group()).div_ceil(BLOCK);
        let (mut log_q, mut log_weights) = (vec![0.0; BLOCK], Vec::with_capacity(blocks * BLOCK));
        let mut all_q = Vec::with_capacity(blocks * BLOCK);
        // Of the seed alone, so that all short fits are compared on the same noise.
        let streams = Streams::new(self.streams.seed()).purpose(COMPARE);
        for block in 0..blocks {
            self.family.sample(&at.params, &rows, streams.at_step(block as u64), &mut z);
            self.family.log_q(&at.params, &rows, &z, &mut log_q);
            self.target.log_density(&at.theta, &z, &rows, &mut pass)?;
            let weights = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q);
            log_weights.extend(weights.map(|l| if l.is_finite() { l } else { f64::NEG_INFINITY }));
            all_q.extend_from_slice(&log_q);
        }
        let lost = log_weights.iter().filter(|l| **l == f64::NEG_INFINITY).count();
        Ok((objective.values(&log_weights, &all_q), lost, log_weights.len()))
    }
}

/// Ends after a number of density evaluations.
struct Evaluations {
    left: u64,
}

impl StoppingRule for Evaluations {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        self.left = self.left.saturating_sub(step.evaluations.max(1));
        (self.left == 0).then_some(Stop::Budget { steps: step.index })
    }
}
