//! Runs a study: points, references, cells, short fits.

use super::judge::{bias, figures, threshold};
use super::measure::{Gradients, Lack, Request};
use super::reach::{MOST_STEPS, Way};
use super::recommend::recommend;
use super::watch::{StudyObserver, Watch};
use super::{
    At, Cell, GradientStudy, PointReport, Recommendation, Reference, ReferenceGradient, Sample, ShortFit, StudyReport,
};
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
const ERRORS: u32 = 6;

/// How many times the draws of the largest gradient a reference has.
const LONGER: usize = 4;

/// Draws of a step on the way to the optimum.
const GUIDE_DRAWS: usize = 32;

/// Runs what was checked.
pub(super) fn run<T, F>(study: &GradientStudy<T, F>, observer: Option<&mut dyn StudyObserver>) -> StudyReport
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
{
    let (total, draws) = work(study);
    let mut watch = Watch { observer, total, draws: (0, draws), ..Watch::default() };
    let lab = Lab { study, streams: Streams::new(study.seed) };
    let mut book = Book {
        kept: Vec::new(),
        report: StudyReport {
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
            ranks: Vec::new(),
            recommendation: Recommendation::default(),
            others: Vec::new(),
        },
    };
    for (number, (name, at)) in lab.points(&mut watch).into_iter().enumerate() {
        if watch.interrupted {
            break;
        }
        lab.measure_point(number as u32, &name, at, &mut book, &mut watch);
    }
    book.recognise();
    lab.short_fits(&mut book.report, &mut watch);
    lab.contest(&mut book, &mut watch);
    let mut report = book.report;
    report.ranks = lab.ranks(&report);
    report.complete = !watch.interrupted;
    report.recommendation = recommend(&report);
    report
}

/// Gradients there will be, and their draws, about.
pub(super) fn work<T: ?Sized, F: ?Sized>(study: &GradientStudy<T, F>) -> (u64, u64) {
    let points = (study.at.len() + study.own.len()) as u64;
    let (estimators, repeats) = (study.estimators.len() as u64, study.repeats as u64);
    let (mut gradients, mut draws) = (0, 0);
    let mut add = |number: u64, of_draws: usize| {
        gradients += number;
        draws += number * of_draws as u64;
    };
    for &n in &study.num_draws {
        add(points * estimators * repeats, n);
        add(estimators * study.budget.div_ceil(n as u64), n);
    }
    if !matches!(study.reference, Reference::Exact(_)) {
        add(points * repeats, LONGER * study.num_draws.iter().copied().max().unwrap_or(1));
    }
    if study.at.iter().any(|at| *at != At::Init) && study.optimum.is_none() {
        add(MOST_STEPS / 2, GUIDE_DRAWS);
    }
    (gradients, draws)
}

pub(super) struct Lab<'l, 'a, T: ?Sized, F: ?Sized> {
    pub study: &'l GradientStudy<'a, T, F>,
    pub streams: Streams,
}

/// A report in the making: what stands behind each of its cells.
pub(super) struct Book {
    pub report: StudyReport,
    /// In the order of the cells; none where nothing was measured.
    pub kept: Vec<Option<Kept>>,
}

/// The gradients of a cell, and how to take more of them.
pub(super) struct Kept {
    pub taken: Gradients,
    pub estimator: usize,
    pub at: Solution,
    pub key: Streams,
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
            num_draws: GUIDE_DRAWS,
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

    fn measure_point(&self, number: u32, name: &str, at: Place, book: &mut Book, watch: &mut Watch) {
        let at = match at {
            Ok(at) => at,
            Err(failure) => return book.report.points.push(point(name, &Solution::default(), Err(failure))),
        };
        let reference = match self.reference(number, &at, watch) {
            None => return,
            Some(reference) => reference,
        };
        let held = point(name, &at, reference);
        let reference = held.reference.clone();
        book.report.points.push(held);
        for &num_draws in &self.study.num_draws {
            for k in 0..self.study.estimators.len() {
                // One key for all estimators: they are compared on the same draws.
                let key = self.streams.purpose(number).purpose(num_draws as u32);
                let kept =
                    Kept { taken: Gradients::new(at.params.len() + at.theta.len()), estimator: k, at: at.clone(), key };
                let mut cell = Cell {
                    estimator: self.study.estimators[k].0.clone(),
                    point: name.into(),
                    num_draws,
                    figures: None,
                    failure: None,
                    same_as: None,
                    sample: Sample::default(),
                };
                match self.measure(kept, &mut cell, reference.as_ref(), self.study.repeats, watch) {
                    Err(Interrupted) => return,
                    Ok(kept) => {
                        book.report.cells.push(cell);
                        book.kept.push(kept);
                    }
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
        let request =
            Request { at, num_draws, repeats: self.study.repeats, streams, along: None, doing: "the reference" };
        let mut taken = Gradients::new(len);
        match taken.take(self.study.target, self.study.family, estimator, &request, watch) {
            Err(Lack::Interrupted) => None,
            Err(Lack::Failed(failure)) => Some(Err(format!("{name}: {failure}"))),
            Ok(()) => Some(Ok(ReferenceGradient {
                source: format!("{} gradients of {name} with {num_draws} draws", taken.moments.count),
                standard_error: taken.moments.squared_errors().iter().map(|s| s.sqrt()).collect(),
                gradient: taken.moments.mean,
            })),
        }
    }

    /// Takes so many gradients more and judges all of them.
    pub fn measure(
        &self,
        mut kept: Kept,
        cell: &mut Cell,
        reference: Option<&ReferenceGradient>,
        repeats: usize,
        watch: &mut Watch,
    ) -> Result<Option<Kept>, Interrupted> {
        let (name, estimator) = &self.study.estimators[kept.estimator];
        let (point, num_draws) = (cell.point.clone(), cell.num_draws);
        let doing = format!("{name} at {point}, {num_draws} draws");
        let mut take = |taken: &mut Gradients, purpose: u32, repeats: usize| {
            let streams = kept.key.purpose(purpose);
            let along = reference.map(|r| r.gradient.as_slice()).filter(|g| g.iter().any(|g| *g != 0.0));
            let request = Request { at: &kept.at, num_draws, repeats, streams, along, doing: &doing };
            taken.take(self.study.target, self.study.family, &**estimator, &request, watch)
        };
        match take(&mut kept.taken, CELLS, repeats) {
            Ok(()) => {}
            Err(Lack::Interrupted) => return Err(Interrupted),
            Err(Lack::Failed(failure)) => {
                cell.figures = None;
                cell.failure = Some(failure);
                return Ok(None);
            }
        }
        let errors = kept.key.purpose(ERRORS);
        let mut found = figures(&kept.taken, num_draws, reference, errors);
        if let Some(reference) = reference {
            let limit = |repeats| threshold(repeats, self.num_tests(&kept.at));
            let layout = self.study.target.layout();
            let rare = layout.num_integers + layout.num_row_integers > 0;
            let own = matches!(self.study.reference, Reference::First) && kept.estimator == 0;
            let judged = |taken: &Gradients| {
                let mut judged = bias(taken, reference, limit(taken.moments.count), rare);
                judged.own_reference = own;
                judged
            };
            let mut judgement = judged(&kept.taken);
            if judgement.is_biased() {
                // Gradients with heavy tails raise false alarms; a bias is there again, chance is not.
                let mut again = Gradients::new(reference.gradient.len());
                match take(&mut again, AGAIN, LONGER * self.study.repeats) {
                    Err(Lack::Interrupted) => return Err(Interrupted),
                    Err(Lack::Failed(_)) => found.not_finite += 1,
                    Ok(()) => {
                        kept.taken = again;
                        found = figures(&kept.taken, num_draws, Some(reference), errors);
                        judgement = judged(&kept.taken);
                        judgement.found_twice = judgement.is_biased();
                    }
                }
            }
            found.bias = Some(judgement);
        }
        cell.sample = kept.taken.sample.clone();
        cell.figures = Some(found);
        Ok(Some(kept))
    }

    /// Numbers that are held against a reference in the whole study.
    fn num_tests(&self, at: &Solution) -> usize {
        let points = self.study.at.len() + self.study.own.len();
        let cells = points * self.study.estimators.len() * self.study.num_draws.len();
        // Each number of a gradient, and its length along the reference.
        cells * (at.params.len() + at.theta.len() + 1)
    }

    fn short_fits(&self, report: &mut StudyReport, watch: &mut Watch) {
        if self.study.budget == 0 || watch.interrupted {
            return;
        }
        for &num_draws in &self.study.num_draws {
            for k in 0..self.study.estimators.len() {
                let name = &self.study.estimators[k].0;
                if report.cells.iter().any(|c| c.estimator == *name && c.same_as.is_some()) {
                    continue;
                }
                match self.short_fit(k, num_draws, 0, watch) {
                    Some(fit) => report.fits.push(fit),
                    None => return,
                }
            }
        }
    }

    /// The fit number `run` by an estimator; `None` when interrupted.
    pub fn short_fit(&self, k: usize, num_draws: usize, run: u32, watch: &mut Watch) -> Option<ShortFit> {
        let (name, estimator) = &self.study.estimators[k];
        let (start, doing) = (self.start(), format!("a fit by {name}, {num_draws} draws"));
        let streams = self.streams.purpose(FITS << 16).purpose(k as u32).purpose(num_draws as u32);
        let way = Way {
            target: self.study.target,
            family: self.study.family,
            estimator: &**estimator,
            num_draws,
            start: &start,
            streams: if run == 0 { streams } else { streams.purpose(run) },
            doing: &doing,
        };
        way.short_fit(name, self.study.objective, self.study.budget, watch)
    }
}

/// The caller's observer broke.
pub(super) struct Interrupted;

fn point(name: &str, at: &Solution, reference: Result<ReferenceGradient, String>) -> PointReport {
    let (reference, failure) = match reference {
        Ok(reference) => (Some(reference), None),
        Err(failure) => (None, Some(failure)),
    };
    PointReport { name: name.into(), params: at.params.clone(), theta: at.theta.clone(), reference, failure }
}
