//! Many gradients of one estimator at one point.

use std::ops::ControlFlow;
use std::time::Instant;

use super::moments::Moments;
use super::sample::Sample;
use super::watch::Watch;
use crate::algorithm::Solution;
use crate::estimate::{AnyEstimator, Design, ErasedState, GradientEstimator, Point, Space, Task};
use crate::family::Family;
use crate::model::RowSet;
use crate::streams::Streams;
use crate::target::LogDensity;

/// What is taken.
pub(super) struct Request<'r> {
    pub at: &'r Solution,
    pub num_draws: usize,
    pub repeats: usize,
    pub streams: Streams,
    /// The gradient that each is laid along, where there is one.
    pub along: Option<&'r [f64]>,
    /// For the display.
    pub doing: &'r str,
}

/// Gradients that were taken: more can be added, as if they had been taken at once.
pub(super) struct Gradients {
    pub moments: Moments,
    pub bound: Moments,
    pub sample: Sample,
    pub evaluations: u64,
    pub rejected: u64,
    pub not_finite: usize,
    /// Whether the same state and randomness gave the same gradient again.
    pub repeats_itself: bool,
    /// Wall times.
    seconds: Vec<f64>,
    /// What the estimator keeps from step to step, after the last of them.
    state: Option<ErasedState>,
}

/// Why there are no gradients, or no more of them.
pub(super) enum Lack {
    Failed(String),
    Interrupted,
}

impl Gradients {
    /// None yet, of so many numbers each.
    pub fn new(len: usize) -> Self {
        Gradients {
            moments: Moments::new(len),
            bound: Moments::new(1),
            sample: Sample::default(),
            evaluations: 0,
            rejected: 0,
            not_finite: 0,
            repeats_itself: true,
            seconds: Vec::new(),
            state: None,
        }
    }

    /// Gradients that were asked for.
    pub fn attempts(&self) -> usize {
        self.seconds.len()
    }

    /// Median wall time of one.
    pub fn median_seconds(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Takes `request.repeats` more, each with randomness of its own: those of equal numbers have the same randomness
    /// whatever the estimator, so that two estimators are compared on the same draws.
    pub fn take<T, F>(
        &mut self,
        target: &T,
        family: &F,
        estimator: &dyn AnyEstimator<T, F>,
        request: &Request,
        watch: &mut Watch,
    ) -> Result<(), Lack>
    where
        T: LogDensity + ?Sized,
        F: Family + ?Sized,
    {
        let Solution { params, theta } = request.at;
        let (rows, mut space, first) = (RowSet::all(), Space::default(), self.attempts());
        let mut state = self.state.take().unwrap_or_else(|| estimator.init(target, family));
        let mut grad: Vec<f64> = Vec::with_capacity(params.len() + theta.len());
        for k in first..first + request.repeats {
            if watch.tick(request.doing, request.num_draws) == ControlFlow::Break(()) {
                return Err(Lack::Interrupted);
            }
            let streams = request.streams.at_step(k as u64);
            let at = Point {
                params,
                theta,
                rows: &rows,
                streams,
                num_draws: request.num_draws,
                design: Design::Independent,
            };
            let of = Task { target, family, at };
            let started = Instant::now();
            let outcome = estimator.estimate(&of, &mut state, &mut space);
            self.seconds.push(started.elapsed().as_secs_f64());
            let estimate = outcome.map_err(|error| Lack::Failed(error.to_string()))?;
            grad.clear();
            grad.extend(space.grad.iter().chain(&space.grad_theta));
            if k == 0 {
                let mut fresh = estimator.init(target, family);
                let again = estimator.estimate(&of, &mut fresh, &mut space).is_ok();
                let same = grad.iter().zip(space.grad.iter().chain(&space.grad_theta)).all(|(a, b)| is_same(*a, *b));
                self.repeats_itself = again && same;
            }
            self.evaluations += estimate.evaluations as u64;
            self.rejected += estimate.rejected as u64;
            if estimate.rejected >= request.num_draws || grad.iter().any(|g| !g.is_finite()) {
                self.not_finite += 1;
                continue;
            }
            self.moments.add(&grad);
            self.sample.add(&grad, request.along);
            if estimate.value.is_finite() {
                self.bound.add(&[estimate.value]);
            }
        }
        self.sample.close();
        self.state = Some(state);
        if self.moments.count < 2 {
            let words = format!("{} of {} gradients were not finite", self.not_finite, self.attempts());
            return Err(Lack::Failed(format!("{words}; try another point, or priors that keep the latents in bounds")));
        }
        Ok(())
    }
}

/// Whether two numbers are the same, NaN for NaN.
fn is_same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Signal and noise of an estimator at one point, in short.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    /// Squared length of the mean gradient, less what its own noise adds.
    pub signal: f64,
    /// Sum of the variances.
    pub total_variance: f64,
    /// Density evaluations of one gradient.
    pub evaluations: u64,
}

impl Noise {
    /// From `repeats` gradients.
    #[allow(clippy::too_many_arguments, reason = "what a gradient needs, and how many")]
    pub(crate) fn measure<T, F>(
        target: &T,
        family: &F,
        estimator: &dyn AnyEstimator<T, F>,
        at: &Solution,
        num_draws: usize,
        repeats: usize,
        streams: Streams,
    ) -> Result<Noise, String>
    where
        T: LogDensity + ?Sized,
        F: Family + ?Sized,
    {
        let mut watch = Watch::default();
        let request = Request { at, num_draws, repeats, streams, along: None, doing: "" };
        let mut taken = Gradients::new(at.params.len() + at.theta.len());
        match taken.take(target, family, estimator, &request, &mut watch) {
            Ok(()) => {
                let noise: f64 = taken.moments.squared_errors().iter().sum();
                let length: f64 = taken.moments.mean.iter().map(|m| m * m).sum();
                Ok(Noise {
                    signal: (length - noise).max(0.0),
                    total_variance: taken.moments.variance().iter().sum(),
                    evaluations: taken.evaluations / repeats as u64,
                })
            }
            Err(Lack::Failed(failure)) => Err(failure),
            Err(Lack::Interrupted) => Err("interrupted".into()),
        }
    }
}
