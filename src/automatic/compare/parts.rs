//! One study for each objective, and their reports in one.

use std::ops::ControlFlow;

use super::super::EstimatorEntry;
use super::super::objectives::Kind;
use crate::algorithm::{FitError, Solution};
use crate::family::Family;
use crate::model::Layout;
use crate::study::{At, GradientStudy, Maximised, Progress, Refused, StudyError, StudyObserver, StudyReport};
use crate::target::LogDensity;

/// What is compared, and what was asked for and is not.
#[derive(Default)]
pub(super) struct Chosen {
    pub entries: Vec<&'static EstimatorEntry>,
    pub refused: Vec<Refused>,
}

/// Why an estimator is not compared.
pub(super) struct Refusal {
    pub reason: String,
    /// Whether more draws would do.
    pub of_draws: bool,
}

/// Estimators of one objective.
pub(super) struct Part<'e> {
    pub kind: Option<Kind>,
    pub entries: Vec<&'e EstimatorEntry>,
    pub num_draws: Vec<usize>,
}

impl Part<'_> {
    /// Draws under one logarithm.
    pub fn particles(&self) -> usize {
        self.num_draws.first().copied().unwrap_or(1)
    }

    pub fn objective(&self) -> Maximised {
        self.kind.map_or(Maximised::Elbo, |kind| kind.of(self.particles()))
    }
}

/// The ELBO with all numbers of draws, then each other objective, which is another one with each number of draws.
///
/// An estimator is left out where its objective has fewer draws than it needs.
pub(super) fn parts<'e>(entries: &[&'e EstimatorEntry], num_draws: &[usize], layout: &Layout) -> Vec<Part<'e>> {
    let of = |kind: Option<Kind>| entries.iter().copied().filter(|e| e.kind == kind).collect::<Vec<_>>();
    let mut out = vec![Part { kind: None, entries: of(None), num_draws: num_draws.to_vec() }];
    for kind in Kind::ALL.map(Some) {
        out.extend(num_draws.iter().map(|n| {
            let entries = of(kind).into_iter().filter(|e| e.least_draws(layout) <= *n).collect();
            Part { kind, entries, num_draws: vec![*n] }
        }));
    }
    out.retain(|part| !part.entries.is_empty());
    out
}

/// Runs the studies one after the other, all from the optimum of the first; the later reports are kept with its own.
pub(super) fn in_turn<'s, T, F>(
    studies: Vec<GradientStudy<'s, T, F>>,
    mut observer: Option<&mut dyn StudyObserver>,
) -> Result<StudyReport, FitError>
where
    T: LogDensity + ?Sized + 's,
    F: Family + ?Sized + 's,
{
    let (total, draws) =
        studies.iter().map(GradientStudy::work).fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    let (mut before, mut drawn, mut first): (u64, u64, Option<StudyReport>) = (0, 0, None);
    for study in studies {
        let study = match first.as_ref().and_then(optimum_of) {
            Some(optimum) => study.optimum(optimum),
            None => study,
        };
        let mut done = before;
        let own_draws = study.work().1;
        let mut seen = |own: &Progress| -> ControlFlow<()> {
            let now = before + own.done;
            done = now + 1;
            let share = (drawn as f64 + own.share * own_draws as f64) / draws.max(1) as f64;
            let progress = Progress { done: now, total: total.max(before + own.total), share, doing: own.doing };
            observer.as_mut().map_or(ControlFlow::Continue(()), |observer| observer.on_gradient(&progress))
        };
        let report = study.run_seen(Some(&mut seen)).map_err(worded)?;
        (before, drawn) = (done, drawn + own_draws);
        let complete = report.complete;
        match &mut first {
            None => first = Some(report),
            Some(first) => {
                first.complete = complete;
                first.others.push(report);
            }
        }
        if !complete {
            break;
        }
    }
    first.ok_or_else(|| FitError::setting("estimators", "a comparison needs at least one estimator"))
}

fn worded(error: StudyError) -> FitError {
    match error {
        StudyError::Family(error) => FitError::Family(error),
        StudyError::Setting { name, reason } => FitError::Setting { name, reason },
    }
}

/// The optimum that a study went to.
fn optimum_of(report: &StudyReport) -> Option<Solution> {
    let point = report.points.iter().find(|p| p.name == At::Optimum.name() && !p.params.is_empty())?;
    Some(Solution { params: point.params.clone(), theta: point.theta.clone() })
}
