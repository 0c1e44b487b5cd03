//! Where work decides: estimators that are one are merged, and those between which the noise does not decide run again.

use super::arrive::mark;
use super::rank::{Contender, contenders, ranks};
use super::report::{Cell, Rank, ReferenceGradient, ShortFit, StudyReport};
use super::run::{Book, Interrupted, Lab};
use super::spread::FEWEST;
use super::watch::Watch;
use crate::family::Family;
use crate::target::LogDensity;

/// Fits of each estimator that may be recommended.
const RUNS: u32 = 3;

/// Times that the gradients of those that cannot be told apart are doubled.
const ROUNDS: u32 = 2;

/// Purpose of the streams of ranks.
const RANKS: u32 = 7 << 16;

impl Book {
    /// Merges an estimator with one before it that took the same gradients, draw for draw and at the same price, in every
    /// cell that both have.
    pub fn recognise(&mut self) {
        let names = names(&self.report);
        for (number, name) in names.iter().enumerate() {
            let is_merged = |name: &str| self.report.cells.iter().any(|c| c.estimator == name && c.same_as.is_some());
            let first = names[..number].iter().find(|other| !is_merged(other) && are_one(&self.report, other, name));
            let Some(first) = first.cloned() else { continue };
            let own = self.report.cells.iter_mut().filter(|c| c.estimator == *name);
            own.for_each(|cell| cell.same_as = Some(first.clone()));
        }
    }
}

fn names(report: &StudyReport) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for cell in &report.cells {
        if !names.contains(&cell.estimator) {
            names.push(cell.estimator.clone());
        }
    }
    names
}

fn are_one(report: &StudyReport, first: &str, second: &str) -> bool {
    let price = |cell: &Cell| cell.figures.as_ref().map_or(f64::NAN, |f| f.evaluations);
    let of = |name: &str| report.cells.iter().filter(|c| c.estimator == name).count();
    let mut pairs = report.cells.iter().filter(|c| c.estimator == first).map(|cell| {
        report
            .cell(second, &cell.point, cell.num_draws)
            .is_some_and(|other| price(cell) == price(other) && cell.sample.is_same(&other.sample))
    });
    of(first) == of(second) && pairs.all(|same| same)
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> Lab<'_, '_, T, F> {
    /// The ranks of those that passed.
    pub fn ranks(&self, report: &StudyReport) -> Vec<Rank> {
        let mut found = contenders(report);
        mark(report, &mut found);
        ranks(&found, self.streams.purpose(RANKS))
    }

    /// Runs the fits of all that passed again, and takes more gradients of those whose noise for the work cannot be told
    /// from the best.
    pub fn contest(&self, book: &mut Book, watch: &mut Watch) {
        self.more_fits(&mut book.report, watch);
        if self.study.repeats < FEWEST {
            return;
        }
        for round in 0..ROUNDS {
            let pairs = self.undecided(&book.report);
            if pairs.is_empty() || watch.interrupted {
                return;
            }
            let more = self.study.repeats << round;
            let chosen = |cell: &Cell| pairs.iter().any(|(name, n)| cell.estimator == *name && cell.num_draws == *n);
            let cells: Vec<usize> = (0..book.report.cells.len()).filter(|&c| chosen(&book.report.cells[c])).collect();
            cells.iter().for_each(|&c| watch.expect(more as u64, book.report.cells[c].num_draws));
            for number in cells {
                if self.more(book, number, more, watch).is_err() {
                    return;
                }
            }
        }
    }

    /// Takes so many gradients more of one cell.
    fn more(&self, book: &mut Book, number: usize, repeats: usize, watch: &mut Watch) -> Result<(), Interrupted> {
        let Some(kept) = book.kept[number].take() else { return Ok(()) };
        let cell = &mut book.report.cells[number];
        let point = book.report.points.iter().find(|p| p.name == cell.point);
        let reference: Option<ReferenceGradient> = point.and_then(|p| p.reference.clone());
        book.kept[number] = self.measure(kept, cell, reference.as_ref(), repeats, watch)?;
        Ok(())
    }

    /// Two estimators or more that are as good by what was measured, each with one number of draws: the best one's where
    /// it has that one, so that both are measured on the same draws.
    fn undecided(&self, report: &StudyReport) -> Vec<(String, usize)> {
        let ranks = self.ranks(report);
        let open: Vec<&Rank> = ranks.iter().filter(|r| r.arrives && !r.distinguishable).collect();
        let mut pairs: Vec<(String, usize)> = Vec::new();
        for rank in &open {
            if pairs.iter().all(|(name, _)| *name != rank.estimator) {
                let common = open.iter().find(|r| r.estimator == rank.estimator && r.num_draws == open[0].num_draws);
                pairs.push((rank.estimator.clone(), common.unwrap_or(rank).num_draws));
            }
        }
        if pairs.len() < 2 { Vec::new() } else { pairs }
    }

    /// Runs the fits of those that are not far behind again.
    fn more_fits(&self, report: &mut StudyReport, watch: &mut Watch) {
        let mut found = contenders(report);
        mark(report, &mut found);
        let kinds: Vec<(String, usize)> =
            found.iter().filter(|c: &&Contender| c.arrives).map(|c| (c.estimator.into(), c.num_draws)).collect();
        if kinds.len() < 2 || self.study.budget == 0 {
            return;
        }
        let steps = |n: usize| self.study.budget.div_ceil(n as u64) * u64::from(RUNS - 1);
        kinds.iter().for_each(|(_, n)| watch.expect(steps(*n), *n));
        for (name, num_draws) in kinds {
            let Some(k) = self.study.estimators.iter().position(|(own, _)| *own == name) else { continue };
            let Some(at) = report.fits.iter().position(|f| f.estimator == name && f.num_draws == num_draws) else {
                continue;
            };
            let mut others = Vec::new();
            for run in 1..RUNS {
                match self.short_fit(k, num_draws, run, watch) {
                    Some(fit) => others.push(fit),
                    None => return,
                }
            }
            join(&mut report.fits[at], &others);
        }
    }
}

/// Adds other runs of the same fit: the mean of their ends, and its error by their spread.
fn join(fit: &mut ShortFit, others: &[ShortFit]) {
    let ends: Vec<f64> = std::iter::once(fit.bound).chain(others.iter().map(|f| f.bound)).collect();
    (fit.bound, fit.run_error) = super::spread::mean_and_error(ends.iter().copied(), ends.len());
    fit.runs = ends.len();
    fit.failure = others.iter().fold(fit.failure.take(), |found, other| found.or_else(|| other.failure.clone()));
    let share = 1.0 / ends.len() as f64;
    for (k, value) in fit.values.iter_mut().enumerate() {
        let sum: f64 = others.iter().filter_map(|other| other.values.get(k)).sum();
        *value = share * (*value + sum);
    }
}
