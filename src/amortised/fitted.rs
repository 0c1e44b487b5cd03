//! [`AmortisedFitted`]: a trained network with its verdict.

use super::measured::Measured;
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::{Trust, Verdict};
use crate::family::{Family, TracedFamily};
use crate::fit::{Stop, Trace};
use crate::model::{Draws, RowSet, SiteKind};
use crate::posterior::statistics::summarise;
use crate::posterior::{Bound, Covered, RowMeans, Summary, write_table};
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Target};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Draws over which the latents of rows are summarised.
const ROW_DRAWS: usize = 200;

/// A finished fit of an [`AmortisedModel`](super::AmortisedModel); `println!("{fitted}")` prints its report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AmortisedFitted {
    /// The method of the fit, in words.
    pub method: String,
    /// Parameters of q, and of the model.
    pub solution: Solution,
    /// Draws of the quantities of the summary; learnt numbers, which have no spread, twice.
    pub draws: Constrained,
    /// A line for each quantity.
    pub summary: Vec<Summary>,
    /// The latents of rows under q, in short.
    pub rows: Vec<RowMeans>,
    /// The bound, summed over the rows, where there is one.
    pub bound: Option<Bound>,
    /// The measures that stand in the place of the bound, where there is none.
    pub measured: Option<Measured>,
    /// Tail shape of the importance weights of the row where it is largest; NaN where q has no weights.
    #[serde(with = "crate::number")]
    pub k_hat: f64,
    /// Whether to trust it, why, and what to try next.
    pub verdict: Verdict,
    /// The reason for which the best run ended.
    pub stop: Stop,
    /// The reason for which the best run ended, in words.
    pub stopped: String,
    /// The objective along the best run.
    pub trace: Trace,
}

impl AmortisedFitted {
    /// A fit of latents of rows that ended at `solution`, without what only some are measured by.
    pub(super) fn of_rows(
        method: String,
        target: &Target,
        family: &TracedFamily,
        solution: Solution,
        stop: Stop,
        trace: Trace,
        verdict: Verdict,
    ) -> Self {
        let layout = target.layout();
        let mut z = Draws::zeros(layout, layout.num_rows, ROW_DRAWS);
        family.sample(&solution.params, &RowSet::all(), Streams::new(1), &mut z);
        let rows = RowMeans::of(&target.constrained_rows(&solution.theta, &z, &RowSet::all()));
        let draws = named_parameters(target, &solution.theta, 2);
        let line = |(name, values): (&String, &[f64])| {
            let mean = values[0];
            Summary {
                name: name.clone(),
                mean,
                sd: 0.0,
                mcse: 0.0,
                q5: mean,
                q50: mean,
                q95: mean,
                covered: Covered::All,
            }
        };
        AmortisedFitted {
            method,
            rows,
            summary: draws.names.iter().zip(draws.values.chunks_exact(2)).map(line).collect(),
            draws,
            solution,
            bound: None,
            measured: None,
            k_hat: f64::NAN,
            verdict,
            stopped: stop.to_string(),
            stop,
            trace,
        }
    }
}

impl AmortisedFitted {
    /// Holds lengths against one another, and numbers against what the verdict allows: the file may have been edited.
    pub(crate) fn check_saved(&self) -> Result<(), String> {
        let AmortisedFitted { solution, draws, summary, rows, bound, measured, trace, .. } = self;
        let lines = measured.iter().flat_map(|m| m.lines.iter().map(|line| (line.values.len(), m.columns.len())));
        let names = summary.iter().map(|line| &line.name).eq(&draws.names);
        // A model of rows alone has no quantity.
        let right = draws.names.is_empty() || (draws.is_consistent() && draws.num_rows == 1);
        if !(names && right && trace.is_consistent() && lines.into_iter().all(|(found, expected)| found == expected)) {
            return Err("the numbers of names, draws and figures do not fit together".into());
        }
        if ![&solution.params, &solution.theta].into_iter().flatten().all(|x| x.is_finite()) {
            return Err("the solution is not finite".into());
        }
        let finite = |values: &[f64]| values.iter().all(|x| x.is_finite());
        let is_finite = summary.iter().all(Summary::is_finite)
            && finite(&draws.values)
            && rows.iter().all(|r| finite(&[r.mean, r.range[0], r.range[1]]))
            && bound.iter().all(Bound::is_finite)
            && measured.iter().all(Measured::is_finite)
            && self.stop.is_finite();
        if self.verdict.trust == Trust::Trust && !is_finite {
            return Err("the fit is trusted, and some of its numbers are not finite".into());
        }
        Ok(())
    }
}

impl fmt::Display for AmortisedFitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "q: {}", self.method)?;
        write_table(f, &self.summary)?;
        writeln!(f)?;
        for rows in &self.rows {
            writeln!(f, "{rows}")?;
        }
        if let Some(bound) = &self.bound {
            writeln!(f, "{}", bound.report(self.k_hat))?;
        }
        if let Some(measured) = &self.measured {
            writeln!(f, "{measured}")?;
        }
        writeln!(f, "stopped       {}\n", self.stopped)?;
        write!(f, "{}", self.verdict)
    }
}

/// A line for each of `draws`.
pub(super) fn summary(draws: &Constrained) -> Result<Vec<Summary>, FitError> {
    let line = |(k, name): (usize, &String)| summarise(name, draws.element(k), None).map_err(own);
    draws.names.iter().enumerate().map(line).collect()
}

/// The most numbers that draws may hold: a report keeps some 160 bytes for each, which makes 4 GB.
const MOST_NUMBERS: usize = 25_000_000;

/// Holds a number of draws of `size` numbers to what memory has room for.
pub(super) fn held(size: usize, num_draws: usize) -> Result<(), FitError> {
    let most = MOST_NUMBERS / size.max(1);
    if num_draws <= most {
        return Ok(());
    }
    let words = format!("{num_draws} draws of {size} numbers are too many to hold; ask for at most {}", most.max(1));
    Err(FitError::setting("draws", words))
}

/// What theta makes, `num_draws` times the same.
pub(super) fn of_parameters(target: &Target, solution: &Solution, num_draws: usize) -> Result<Constrained, FitError> {
    let (found, expected) = (solution.theta.len(), target.layout().num_parameters);
    if found != expected {
        return Err(FitError::setting(
            "solution",
            format!(
                "the solution has {found} numbers of theta, the model {expected}; give a solution of this very model"
            ),
        ));
    }
    held(target.layout().num_parameters, num_draws)?;
    Ok(named_parameters(target, &solution.theta, num_draws))
}

/// Derived quantities where the model has some, else theta itself.
fn named_parameters(target: &Target, theta: &[f64], num_draws: usize) -> Constrained {
    let layout = target.layout();
    let all = target.constrained(theta, &Draws::zeros(layout, layout.num_rows, 1));
    let is_derived = |name: &String| {
        let site = name.split('[').next().unwrap_or(name);
        !layout.site(site).is_some_and(|s| s.kind == SiteKind::Parameter)
    };
    let has_derived = all.names.iter().any(is_derived);
    let kept = all.names.into_iter().zip(all.values).filter(|(name, _)| is_derived(name) || !has_derived);
    let (names, values): (Vec<String>, Vec<f64>) = kept.unzip();
    let values = values.into_iter().flat_map(|value| std::iter::repeat_n(value, num_draws)).collect();
    Constrained { names, num_rows: 1, num_draws, values }
}

/// An error of another room, kept whole.
pub(super) fn own(error: impl std::error::Error + Send + Sync + 'static) -> FitError {
    FitError::Own(Arc::new(error))
}
