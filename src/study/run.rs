//! Runs a study: points, references, cells, short fits.

use super::judge::{bias, figures, threshold};
use super::measure::{Request, Taken, gradients};
use super::reach::{MOST_STEPS, Way};
use super::recommend::recommend;
use super::watch::{StudyObserver, Watch};
use super::{At, Cell, GradientStudy, PointReport, Recommendation, Reference, ReferenceGradient, StudyReport};
use crate::algorithm::Solution;
use crate::estimate::AnyEstimator;
use crate::family::Family;
use crate::streams::Streams;
use crate::target::LogDensity;

/// Purposes of the streams.
const CELLS: u32 = 1;
const AGAIN: u32 = 2;
const REFERENCE: u32 = 3;
const OPTIMUM: u32 = 4;
const FITS: u32 = 5;

/// How many times the draws of the largest gradient a reference has.
const LONGER: usize = 4;

/// Runs what was checked.
pub(super) fn run<T, F>(study: &GradientStudy<T, F>, observer: Option<&mut dyn StudyObserver>) -> StudyReport
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
{
    let mut watch = Watch { observer, done: 0, total: total(study), interrupted: false };
    let lab = Lab { study, streams: Streams::new(study.seed) };
    let mut report = StudyReport {
        objective: study.objective,
        family: study.family.name(),
        num_params: study.family.num_params() + study.target.layout().num_parameters,
        repeats: study.repeats,
        budget: study.budget,
        seed: study.seed,
        points: Vec::new(),
        cells: Vec::new(),
        fits: Vec::new(),
        refused: Vec::new(),
        complete: false,
        recommendation: Recommendation::default(),
        others: Vec::new(),
    };
    for (number, (name, at)) in lab.points(&mut watch).into_iter().enumerate() {
        if watch.interrupted {
            break;
        }
        lab.measure_point(number as u32, &name, at, &mut report, &mut watch);
    }
    lab.short_fits(&mut report, &mut watch);
    report.complete = !watch.interrupted;
    report.recommendation = recommend(&report);
    report
}

/// Gradients there will be, about.
pub(super) fn total<T: ?Sized, F: ?Sized>(study: &GradientStudy<T, F>) -> u64 {
    let points = (study.at.len() + study.own.len()) as u64;
    let estimators = study.estimators.len() as u64;
    let cells = points * estimators * study.num_draws.len() as u64 * study.repeats as u64;
    let reference = if matches!(study.reference, Reference::Exact(_)) { 0 } else { points * study.repeats as u64 };
    let steps: u64 = study.num_draws.iter().map(|n| study.budget.div_ceil(*n as u64)).sum();
    let way = study.at.iter().any(|at| *at != At::Init) && study.optimum.is_none();
    cells + reference + estimators * steps + if way { MOST_STEPS / 2 } else { 0 }
}

struct Lab<'l, 'a, T: ?Sized, F: ?Sized> {
    study: &'l GradientStudy<'a, T, F>,
    streams: Streams,
}

/// A point, or why it could not be had.
type Place = Result<Solution, String>;

impl<T: LogDensity + ?Sized, F: Family + ?Sized> Lab<'_, '_, T, F> {
    fn start(&self) -> Solution {
        let layout = self.study.target.layout();
        self.study.start.clone().unwrap_or_else(|| Solution {
            params: self.study.family.init(&vec![0.0; layout.num_latents], 0.1),
            theta: vec![0.0; layout.num_parameters],
        })
    }

    /// What leads to the optimum.
    fn guide(&self) -> (&str, &dyn AnyEstimator<T, F>) {
        self.study.guide.as_ref().map_or_else(|| self.long_run(), |(name, estimator)| (name, &**estimator))
    }

    /// What serves as reference in a long run.
    fn long_run(&self) -> (&str, &dyn AnyEstimator<T, F>) {
        match &self.study.reference {
            Reference::Estimator(name, estimator) => (name, &**estimator),
            _ => (&self.study.estimators[0].0, &*self.study.estimators[0].1),
        }
    }

    fn points(&self, watch: &mut Watch) -> Vec<(String, Place)> {
        let start = self.start();
        let needed = self.study.at.iter().any(|at| *at != At::Init);
        let optimum = if needed { self.optimum(&start, watch) } else { Ok(start.clone()) };
        let half = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| 0.5 * (a + b)).collect::<Vec<f64>>();
        let middle = |end: &Solution| Solution {
            params: half(&start.params, &end.params),
            theta: half(&start.theta, &end.theta),
        };
        let chosen = self.study.at.iter().map(|at| {
            let place = match at {
                At::Init => Ok(start.clone()),
                At::Middle => optimum.as_ref().map(middle).map_err(String::clone),
                At::Optimum => optimum.clone(),
            };
            (at.name().to_string(), place)
        });
        let own = self.study.own.iter().map(|(name, at)| (name.clone(), Ok(at.clone())));
        chosen.chain(own).collect()
    }

    fn optimum(&self, start: &Solution, watch: &mut Watch) -> Place {
        if let Some(given) = &self.study.optimum {
            return Ok(given.clone());
        }
        let (name, estimator) = self.guide();
        let way = Way {
            target: self.study.target,
            family: self.study.family,
            estimator,
            num_draws: 32,
            start,
            streams: self.streams.purpose(OPTIMUM),
            doing: "the way to the optimum",
        };
        match way.optimum(watch) {
            Ok(Some(end)) => Ok(end),
            Ok(None) => Err("interrupted on the way to the optimum".into()),
            Err(error) => Err(format!("{name} did not lead to the optimum: {error}")),
        }
    }

    fn measure_point(&self, number: u32, name: &str, at: Place, report: &mut StudyReport, watch: &mut Watch) {
        let at = match at {
            Ok(at) => at,
            Err(failure) => return report.points.push(point(name, &Solution::default(), Err(failure))),
        };
        let reference = match self.reference(number, &at, watch) {
            None => return,
            Some(reference) => reference,
        };
        let held = point(name, &at, reference);
        let reference = held.reference.clone();
        report.points.push(held);
        for &num_draws in &self.study.num_draws {
            for k in 0..self.study.estimators.len() {
                let key = self.streams.purpose(number).purpose(k as u32).purpose(num_draws as u32);
                match self.cell(k, name, &at, num_draws, reference.as_ref(), key, watch) {
                    Some(cell) => report.cells.push(cell),
                    None => return,
                }
            }
        }
    }

    /// The reference at a point; `None` when interrupted.
    fn reference(&self, number: u32, at: &Solution, watch: &mut Watch) -> Option<Result<ReferenceGradient, String>> {
        let len = at.params.len() + at.theta.len();
        if let Reference::Exact(gradient) = &self.study.reference {
            let gradient = gradient(at);
            return Some(if gradient.len() == len {
                Ok(ReferenceGradient { source: "the exact gradient".into(), standard_error: vec![0.0; len], gradient })
            } else {
                Err(format!("the exact gradient has {} numbers, a gradient {len}", gradient.len()))
            });
        }
        let (name, estimator) = self.long_run();
        let num_draws = LONGER * self.study.num_draws.iter().copied().max().unwrap_or(1);
        let streams = self.streams.purpose(number).purpose(REFERENCE << 16);
        let request = Request { at, num_draws, repeats: self.study.repeats, streams, doing: "the reference" };
        match gradients(self.study.target, self.study.family, estimator, &request, watch) {
            Taken::Interrupted => None,
            Taken::Failed(failure) => Some(Err(format!("{name}: {failure}"))),
            Taken::Done(taken) => Some(Ok(ReferenceGradient {
                source: format!("{} gradients of {name} with {num_draws} draws", taken.moments.count),
                standard_error: taken.moments.squared_errors().iter().map(|s| s.sqrt()).collect(),
                gradient: taken.moments.mean,
            })),
        }
    }

    /// One cell; `None` when interrupted.
    #[allow(clippy::too_many_arguments, reason = "one private call with everything a cell needs")]
    fn cell(
        &self,
        k: usize,
        point: &str,
        at: &Solution,
        num_draws: usize,
        reference: Option<&ReferenceGradient>,
        key: Streams,
        watch: &mut Watch,
    ) -> Option<Cell> {
        let (name, estimator) = &self.study.estimators[k];
        let doing = format!("{name} at {point}, {num_draws} draws");
        let take = |purpose: u32, repeats: usize, watch: &mut Watch| {
            let request = Request { at, num_draws, repeats, streams: key.purpose(purpose), doing: &doing };
            gradients(self.study.target, self.study.family, &**estimator, &request, watch)
        };
        let mut cell = Cell { estimator: name.clone(), point: point.into(), num_draws, figures: None, failure: None };
        let taken = match take(CELLS, self.study.repeats, watch) {
            Taken::Interrupted => return None,
            Taken::Failed(failure) => {
                cell.failure = Some(failure);
                return Some(cell);
            }
            Taken::Done(taken) => taken,
        };
        let mut found = figures(&taken, num_draws, reference);
        if let Some(reference) = reference {
            let limit = |repeats| threshold(repeats, self.num_tests(at));
            let layout = self.study.target.layout();
            let rare = layout.num_integers + layout.num_row_integers > 0;
            let mut judged = bias(&taken, reference, limit(taken.moments.count), rare);
            judged.own_reference = matches!(self.study.reference, Reference::First) && k == 0;
            if judged.is_biased() {
                // Gradients with heavy tails raise false alarms; a bias is there again, chance is not.
                match take(AGAIN, LONGER * self.study.repeats, watch) {
                    Taken::Interrupted => return None,
                    Taken::Failed(failure) => found.not_finite += usize::from(!failure.is_empty()),
                    Taken::Done(taken) => {
                        found = figures(&taken, num_draws, Some(reference));
                        judged = bias(&taken, reference, limit(taken.moments.count), rare);
                        judged.found_twice = judged.is_biased();
                    }
                }
            }
            found.bias = Some(judged);
        }
        cell.figures = Some(found);
        Some(cell)
    }

    /// Numbers that are held against a reference in the whole study.
    fn num_tests(&self, at: &Solution) -> usize {
        let points = self.study.at.len() + self.study.own.len();
        let cells = points * self.study.estimators.len() * self.study.num_draws.len();
        cells * (at.params.len() + at.theta.len())
    }

    fn short_fits(&self, report: &mut StudyReport, watch: &mut Watch) {
        if self.study.budget == 0 || watch.interrupted {
            return;
        }
        let start = self.start();
        for &num_draws in &self.study.num_draws {
            for (k, (name, estimator)) in self.study.estimators.iter().enumerate() {
                let doing = format!("a fit by {name}, {num_draws} draws");
                let way = Way {
                    target: self.study.target,
                    family: self.study.family,
                    estimator: &**estimator,
                    num_draws,
                    start: &start,
                    streams: self.streams.purpose(FITS << 16).purpose(k as u32).purpose(num_draws as u32),
                    doing: &doing,
                };
                match way.short_fit(name, self.study.objective, self.study.budget, watch) {
                    Some(fit) => report.fits.push(fit),
                    None => return,
                }
            }
        }
    }
}

fn point(name: &str, at: &Solution, reference: Result<ReferenceGradient, String>) -> PointReport {
    let (reference, failure) = match reference {
        Ok(reference) => (Some(reference), None),
        Err(failure) => (None, Some(failure)),
    };
    PointReport { name: name.into(), params: at.params.clone(), theta: at.theta.clone(), reference, failure }
}
