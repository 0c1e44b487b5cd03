//! The report of a mixture: one value that is printed as text or JSON.

use super::columns::Column;
use super::component::Estimates;
use super::held_out::HeldOut;
use super::verdict::Judged;
use crate::cli::exit::Exit;
use crate::cli::number::{decimals_for, duration, fixed, grouped, significant};
use crate::cli::render::{Align, TextTable};
use jensen::mixture::{MixtureFitted, TriedStart};
use serde::{Deserialize, Serialize};

/// Ulps of a row's log density that rounding can take: a term for each column and component rounds once or twice.
const ULPS: f64 = 1000.0;

/// What a mixture fit says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The data, in words.
    pub data: String,
    /// Number of rows.
    pub num_rows: usize,
    /// Of these, rows that are left out of the fit.
    pub held_out_rows: usize,
    /// Number of missing cells.
    pub missing: usize,
    /// Columns and their kinds.
    pub columns: Vec<Column>,
    /// Model and method, in words.
    pub method: String,
    /// Seed of the first start.
    pub seed: u64,
    /// Each number of components that was tried.
    pub tried: Vec<TriedLine>,
    /// Number of components offered to the chosen fit.
    pub k: usize,
    /// The bound of the fit.
    pub bound: f64,
    /// Components with half a row or more.
    pub occupied: usize,
    /// Components counted by size.
    pub effective: f64,
    /// The occupied components, largest first.
    pub components: Vec<ComponentLine>,
    /// Where each start of the chosen fit ended.
    pub starts: Vec<TriedStart>,
    /// Whether the fit is trusted, why not, and what else to know.
    #[serde(flatten)]
    pub judged: Judged,
    /// Why the chosen fit ended.
    pub stop: String,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// One number of components.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TriedLine {
    /// Number of components offered.
    pub k: usize,
    /// The largest bound of the restarts.
    pub bound: f64,
    /// Mean of the bounds of the restarts.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
    /// Standard error of their mean.
    pub standard_error: f64,
    /// Bounds of all restarts.
    pub bounds: Vec<f64>,
    /// Mean agreement of the other restarts with the best; none with one start.
    pub agreement: Option<f64>,
    /// Components counted by size.
    pub effective: f64,
    /// Score of the rows left out, where some are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
}

/// The line of one component in the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComponentLine {
    /// Its share of rows.
    pub weight: f64,
    /// Posterior standard deviation of the share.
    pub weight_sd: f64,
    /// Rows it has, fractions included.
    pub size: f64,
    /// Each column in a row of the component.
    pub columns: Vec<ColumnLine>,
}

/// A column, or a category of one, in a component.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ColumnLine {
    /// `length`, or `colour = red`, or `share of a` in a multinomial.
    pub name: String,
    /// Mean, or probability of a category, or share of a total.
    #[serde(with = "jensen::number")]
    pub mean: f64,
    /// Standard deviation; none for a category or a share.
    #[serde(with = "jensen::number::maybe")]
    pub sd: Option<f64>,
}

/// Categories of a column that the text shows.
const SHOWN: usize = 5;

impl TriedLine {
    /// That of `fitted`.
    pub fn new(fitted: &MixtureFitted) -> Self {
        let bounds: Vec<f64> = fitted.starts.iter().map(|s| s.bound).collect();
        let n = bounds.len() as f64;
        let mean = bounds.iter().sum::<f64>() / n;
        let sd = (bounds.iter().map(|b| (b - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
        // The best agrees with itself, which says nothing.
        let others = fitted.starts.iter().map(|s| s.agreement).sum::<f64>() - 1.0;
        let agreement = (bounds.len() > 1).then(|| others / (n - 1.0));
        let (k, effective) = (fitted.num_components(), fitted.effective_components());
        let (bound, standard_error) = (fitted.bound, sd / n.sqrt());
        TriedLine { k, bound, mean, sd, standard_error, bounds, agreement, effective, held_out: None }
    }
}

/// The occupied components of `fitted`, column by column.
pub fn components(columns: &[Column], fitted: &MixtureFitted) -> Vec<ComponentLine> {
    let estimates = Estimates::new(columns, fitted);
    let line = |c: usize| {
        let column = |j: usize| match estimates.moments(c, j) {
            Some((mean, sd)) => vec![ColumnLine { name: columns[j].name.clone(), mean, sd: Some(sd) }],
            None => {
                let mut levels = estimates.probabilities(c, j);
                levels.sort_by(|a, b| b.1.total_cmp(&a.1));
                levels.into_iter().map(|(name, p)| ColumnLine { name, mean: p, sd: None }).collect()
            }
        };
        (0..columns.len()).flat_map(column).collect()
    };
    let (weights, sds, sizes) = (fitted.weights(), fitted.weight_sds(), fitted.counts());
    let occupied = (0..sizes.len()).filter(|&c| sizes[c] >= 0.5);
    occupied
        .map(|c| ComponentLine { weight: weights[c], weight_sd: sds[c], size: sizes[c], columns: line(c) })
        .collect()
}

/// Components whose spread in a column is below the smallest distance of its values: they sit on values that repeat, and are no
/// groups of measurements.
pub fn shrunk(columns: &[Column], spacings: &[Option<f64>], fitted: &MixtureFitted) -> Vec<String> {
    let (estimates, sizes) = (Estimates::new(columns, fitted), fitted.counts());
    let occupied: Vec<usize> = (0..sizes.len()).filter(|&c| sizes[c] >= 0.5).collect();
    let mut out = Vec::new();
    for (j, column) in columns.iter().enumerate() {
        let Some(spacing) = spacings[j] else { continue };
        let is_shrunk = |c: &usize| estimates.moments(*c, j).is_some_and(|(_, sd)| sd < 0.5 * spacing);
        let found: Vec<String> =
            (1..).zip(&occupied).filter(|(_, c)| is_shrunk(c)).map(|(number, _)| number.to_string()).collect();
        if !found.is_empty() {
            let (s, have) = if found.len() == 1 { ("", "has") } else { ("s", "have") };
            out.push(format!(
                "component{s} {} {have} a smaller spread in `{}` than the distance of any two of its values: they sit on values that \
                 repeat; take the column for words (--kind {1}=categorical), for counts (--kind {1}=poisson), or leave it out",
                found.join(", "),
                column.name
            ));
        }
    }
    out
}

impl Report {
    /// Adds the scores of the `num_rows` rows left out, one for each number of components.
    pub fn scored(&mut self, scores: Vec<HeldOut>, num_rows: usize) {
        self.held_out_rows = num_rows;
        for (line, score) in self.tried.iter_mut().zip(scores) {
            line.held_out = Some(score);
        }
        self.judged.notes.extend(preference(&self.tried));
    }

    /// The exit code that the report asks for.
    pub fn exit(&self) -> Exit {
        if self.judged.reasons.is_empty() { Exit::Success } else { Exit::NotTrusted }
    }

    /// The report as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// The report for a reader.
    pub fn text(&self) -> String {
        let mut out = self.head();
        if self.tried.len() > 1 {
            out += &format!("\n{}", self.tried_table());
        }
        out += &format!("\n{}\n{}", self.component_table(), self.figures());
        for reason in &self.judged.reasons {
            out += &format!("\nnot trusted: {reason}\n");
        }
        for note in &self.judged.notes {
            out += &format!("\nnote: {note}\n");
        }
        out
    }

    fn head(&self) -> String {
        let columns = named(&self.columns);
        let missing = match self.missing {
            0 => String::new(),
            1 => ", 1 missing cell".to_string(),
            n => format!(", {} missing cells", grouped(n as u64)),
        };
        let held_out = match self.held_out_rows {
            0 => String::new(),
            n => format!(", {} of them left out of the fit", grouped(n as u64)),
        };
        let rows = grouped(self.num_rows as u64);
        format!("{} ({rows} rows{held_out}{missing})\n{}\n{}\n", self.data, columns.join(", "), self.method)
    }

    fn tried_table(&self) -> String {
        let has_scores = self.tried.iter().any(|line| line.held_out.is_some());
        let numbers = ["bound", "mean of restarts", "+-", "agreement", "effective"].map(|name| (name, Align::Point));
        let scores = ["held-out score", "+-"].map(|name| (name, Align::Point)).into_iter().filter(|_| has_scores);
        let header = [("K", Align::Right)].into_iter().chain(numbers).chain(scores).chain([("", Align::Left)]);
        let header: Vec<_> = header.collect();
        let mut table = TextTable::new(&header);
        for line in &self.tried {
            let cells = [
                line.k.to_string(),
                fixed(line.bound, 2),
                fixed(line.mean, 2),
                fixed(line.standard_error, 2),
                line.agreement.map_or(String::new(), |a| fixed(a, 2)),
                fixed(line.effective, 2),
            ];
            let scores = line.held_out.iter().flat_map(|h| [fixed(h.mean, 4), fixed(h.standard_error, 4)]);
            let chosen = if line.k == self.k { "chosen".to_string() } else { String::new() };
            table.push(cells.into_iter().chain(scores).chain([chosen]));
        }
        table.to_string()
    }

    fn component_table(&self) -> String {
        let points = ["weight", "+-", "size"].map(|name| (name, Align::Point));
        let header = [("component", Align::Right)].into_iter().chain(points).chain([("column", Align::Left)]);
        let header: Vec<_> = header.chain(["mean", "sd"].map(|name| (name, Align::Point))).collect();
        let mut table = TextTable::new(&header);
        for (c, component) in self.components.iter().enumerate() {
            let (weight, sd) = (fixed(component.weight, 3), fixed(component.weight_sd, 3));
            let mut first = vec![(c + 1).to_string(), weight, sd, fixed(component.size, 1)];
            for column in shown(&component.columns) {
                let (mean, sd) = match column.sd {
                    Some(sd) => (fixed(column.mean, decimals_for(sd, 3)), fixed(sd, decimals_for(sd, 3))),
                    None => (fixed(column.mean, 3), String::new()),
                };
                first.extend([column.name.clone(), mean, sd]);
                table.push(std::mem::replace(&mut first, vec![String::new(); 4]));
            }
        }
        table.to_string()
    }

    fn figures(&self) -> String {
        let mut out = format!("bound                 {} nats\n", fixed(self.bound, 2));
        out += &format!("components            {} occupied of {} offered", self.occupied, self.k);
        out += &format!(", {} effective\n", significant(self.effective, 3));
        let others = self.starts.len().saturating_sub(1);
        let chosen = self.tried.iter().find(|line| line.k == self.k);
        if let Some(score) = chosen.and_then(|line| line.held_out) {
            let (mean, error) = (fixed(score.mean, 4), fixed(score.standard_error, 4));
            let rows = grouped(self.held_out_rows as u64);
            out += &format!("held-out score        {mean} nats a row (standard error {error}), {rows} rows left out\n");
        }
        out += &match chosen.and_then(|line| line.agreement) {
            Some(agreement) => {
                format!("agreement of restarts {}, mean of the {others} below the best\n", fixed(agreement, 3))
            }
            None => "agreement of restarts not known, one start; --restarts 5 would tell\n".to_string(),
        };
        out + &format!("fit                   {}, {}\n", self.stop, duration(self.seconds))
    }
}

/// Each column with its kind; those of a multinomial are named together, where the first of them stands.
fn named(columns: &[Column]) -> Vec<String> {
    let groups = super::columns::multinomials(columns);
    let line = |(j, column): (usize, &Column)| {
        let group = groups.iter().find(|group| group.contains(&j));
        let name = match group {
            None => column.name.clone(),
            Some(group) if group[0] == j => {
                group.iter().map(|&j| columns[j].name.as_str()).collect::<Vec<_>>().join("+")
            }
            Some(_) => return None,
        };
        Some(format!("{name} ({})", column.kind_name()))
    };
    columns.iter().enumerate().filter_map(line).collect()
}

/// The columns, with the first few categories of each.
fn shown(columns: &[ColumnLine]) -> Vec<&ColumnLine> {
    let mut out: Vec<&ColumnLine> = Vec::new();
    let mut run = 0;
    for (i, column) in columns.iter().enumerate() {
        let same = |other: &ColumnLine| {
            let stem =
                |c: &ColumnLine| c.sd.is_none().then(|| c.name.split(" = ").next().map(str::to_string)).flatten();
            stem(other).is_some() && stem(other) == stem(column)
        };
        run = if i > 0 && same(&columns[i - 1]) { run + 1 } else { 0 };
        if run < SHOWN {
            out.push(column);
        }
    }
    out
}

/// What to know where the rows left out are predicted better, by two standard errors, with another number of components.
fn preference(tried: &[TriedLine]) -> Option<String> {
    // Two fits that predict alike differ by rounding, in every row the same, and the error over rows says nothing of that.
    let rounding = |h: HeldOut| ULPS * f64::EPSILON * h.mean.abs();
    let clear =
        |line: &&TriedLine| line.held_out.is_some_and(|h| h.difference > 2.0 * h.difference_error + rounding(h));
    let best = tried.iter().filter(clear).max_by(|a, b| {
        let of = |line: &TriedLine| line.held_out.map_or(f64::NEG_INFINITY, |h| h.difference);
        of(a).total_cmp(&of(b))
    })?;
    let score = best.held_out?;
    Some(format!(
        "the rows left out are predicted better with {} components, by {:.4} (standard error {:.4}) a row; the bound \
         chose, since it counts what more components cost; try --k {0}",
        best.k, score.difference, score.difference_error
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_that_differ_by_rounding_are_no_preference() {
        let line = |k: usize, difference: f64, difference_error: f64| TriedLine {
            k,
            bound: -10.0,
            mean: -10.0,
            sd: 0.0,
            standard_error: 0.0,
            bounds: vec![-10.0],
            agreement: None,
            effective: k as f64,
            held_out: Some(HeldOut { mean: -4.0, standard_error: 0.1, difference, difference_error }),
        };
        assert_eq!(preference(&[line(2, 0.0, 0.0), line(3, 9e-16, 1e-17)]), None);
        let found = preference(&[line(2, 0.0, 0.0), line(3, 0.01, 0.001)]).expect("a preference");
        assert!(found.contains("with 3 components, by 0.0100"), "{found}");
    }
}
