//! Many gradients of one estimator at one point.

use std::ops::ControlFlow;
use std::time::Instant;

use super::moments::Moments;
use super::watch::Watch;
use crate::algorithm::Solution;
use crate::estimate::{AnyEstimator, Design, GradientEstimator, Point, Space, Task};
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
    /// For the display.
    pub doing: &'r str,
}

/// Gradients that were taken.
pub(super) struct Gradients {
    pub moments: Moments,
    pub bound: Moments,
    pub evaluations: u64,
    pub rejected: u64,
    pub not_finite: usize,
    /// Median wall time of one.
    pub seconds: f64,
}

/// How it went.
pub(super) enum Taken {
    Done(Gradients),
    Failed(String),
    Interrupted,
}

/// Takes `request.repeats` gradients, each with randomness of its own.
pub(super) fn gradients<T, F>(
    target: &T,
    family: &F,
    estimator: &dyn AnyEstimator<T, F>,
    request: &Request,
    watch: &mut Watch,
) -> Taken
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
{
    let Solution { params, theta } = request.at;
    let (rows, mut space, mut state) = (RowSet::all(), Space::default(), estimator.init(target, family));
    let mut grad: Vec<f64> = Vec::with_capacity(params.len() + theta.len());
    let mut seconds = Vec::with_capacity(request.repeats);
    let mut out = Gradients {
        moments: Moments::new(params.len() + theta.len()),
        bound: Moments::new(1),
        evaluations: 0,
        rejected: 0,
        not_finite: 0,
        seconds: f64::NAN,
    };
    for k in 0..request.repeats {
        if watch.tick(request.doing) == ControlFlow::Break(()) {
            return Taken::Interrupted;
        }
        let streams = request.streams.at_step(k as u64);
        let at =
            Point { params, theta, rows: &rows, streams, num_draws: request.num_draws, design: Design::Independent };
        let started = Instant::now();
        let outcome = estimator.estimate(&Task { target, family, at }, &mut state, &mut space);
        seconds.push(started.elapsed().as_secs_f64());
        let estimate = match outcome {
            Ok(estimate) => estimate,
            Err(error) => return Taken::Failed(error.to_string()),
        };
        grad.clear();
        grad.extend(space.grad.iter().chain(&space.grad_theta));
        out.evaluations += estimate.evaluations as u64;
        out.rejected += estimate.rejected as u64;
        if estimate.rejected >= request.num_draws || grad.iter().any(|g| !g.is_finite()) {
            out.not_finite += 1;
            continue;
        }
        out.moments.add(&grad);
        if estimate.value.is_finite() {
            out.bound.add(&[estimate.value]);
        }
    }
    if out.moments.count < 2 {
        let words = format!("{} of {} gradients were not finite", out.not_finite, request.repeats);
        return Taken::Failed(format!("{words}; try another point, or priors that keep the latents in bounds"));
    }
    out.seconds = median(&mut seconds);
    Taken::Done(out)
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
        let mut watch = Watch { observer: None, done: 0, total: 0, interrupted: false };
        let request = Request { at, num_draws, repeats, streams, doing: "" };
        match gradients(target, family, estimator, &request, &mut watch) {
            Taken::Done(taken) => {
                let noise: f64 = taken.moments.squared_errors().iter().sum();
                let length: f64 = taken.moments.mean.iter().map(|m| m * m).sum();
                Ok(Noise {
                    signal: (length - noise).max(0.0),
                    total_variance: taken.moments.variance().iter().sum(),
                    evaluations: taken.evaluations / repeats as u64,
                })
            }
            Taken::Failed(failure) => Err(failure),
            Taken::Interrupted => Err("interrupted".into()),
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
