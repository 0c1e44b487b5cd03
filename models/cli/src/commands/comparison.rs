//! [`Comparison`]: what `jensen compare` prints and writes, as text, JSON and CSV.

use jensen::study::{Cell, Figures, Refused, StudyReport};
use serde::Serialize;
use std::io::{self, Write};

/// What is printed and written.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// Name of the model.
    pub model: String,
    /// Its data, in words.
    pub data: String,
    /// Rows of data.
    pub num_rows: usize,
    /// The command that makes it again.
    pub command: String,
    /// What was found.
    #[serde(flatten)]
    pub report: StudyReport,
}

/// The numbers of a cell in the CSV file.
const NUMBERS: [&str; 20] = [
    "repeats",
    "not_finite",
    "rejected",
    "bias_se",
    "bias_threshold",
    "bias_relative",
    "length_off",
    "length_off_se",
    "variance",
    "variance_low",
    "variance_high",
    "signal_to_noise",
    "signal_to_noise_low",
    "signal_to_noise_high",
    "evaluations",
    "seconds",
    "variance_x_evaluations",
    "variance_x_seconds",
    "bound_here",
    "biased",
];

impl Comparison {
    pub(super) fn text(&self) -> String {
        let rows = if self.num_rows == 1 { "row" } else { "rows" };
        format!("{} on {} ({} {rows})\n{}", self.model, self.data, self.num_rows, self.report)
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// A line for each cell, with the short fit of its estimator and number of draws, and one for each estimator that
    /// was refused.
    pub(super) fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = csv::Writer::from_writer(out);
        let head = ["point", "estimator", "draws"].into_iter().chain(NUMBERS);
        let tail = [
            "fit_bound",
            "fit_bound_se",
            "fit_runs",
            "fit_runs_se",
            "fit_steps",
            "fit_seconds",
            "failure",
            "objective",
            "same_as",
            "doubt",
        ];
        lines.write_record(head.chain(tail))?;
        for report in self.report.each() {
            for cell in &report.cells {
                lines.write_record(line(report, cell))?;
            }
        }
        for Refused { estimator, reason, .. } in &self.report.refused {
            let mut line = vec![String::new(); 3 + NUMBERS.len() + tail.len()];
            line[1].clone_from(estimator);
            line[3 + NUMBERS.len() + 6].clone_from(reason);
            lines.write_record(&line)?;
        }
        lines.flush()
    }
}

impl Comparison {
    /// A line for each gradient: what the errors are made of.
    pub(super) fn repeats(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = csv::Writer::from_writer(out);
        lines.write_record(["objective", "point", "estimator", "draws", "gradient", "squared_distance", "along"])?;
        for report in self.report.each() {
            let objective = report.objective.to_string();
            for cell in &report.cells {
                for (k, square) in cell.sample.squares.iter().enumerate() {
                    let along = cell.sample.along.get(k).map(f64::to_string).unwrap_or_default();
                    let of = [cell.num_draws.to_string(), k.to_string(), square.to_string(), along];
                    let names = [objective.as_str(), &cell.point, &cell.estimator];
                    lines.write_record(names.into_iter().chain(of.iter().map(String::as_str)))?;
                }
            }
        }
        lines.flush()
    }
}

fn line(report: &StudyReport, cell: &Cell) -> Vec<String> {
    let mut line = vec![cell.point.clone(), cell.estimator.clone(), cell.num_draws.to_string()];
    match &cell.figures {
        Some(figures) => line.extend(numbers(figures)),
        None => line.extend(NUMBERS.map(|_| String::new())),
    }
    match report.fits.iter().find(|f| f.estimator == cell.estimator && f.num_draws == cell.num_draws) {
        Some(f) => {
            let of_runs = [f.runs.to_string(), f.run_error.to_string(), f.steps.to_string(), f.seconds.to_string()];
            line.extend([f.bound.to_string(), f.standard_error.to_string()].into_iter().chain(of_runs));
        }
        None => line.extend([const { String::new() }; 6]),
    }
    line.push(cell.failure.clone().unwrap_or_default());
    line.push(report.objective.to_string());
    line.push(cell.same_as.clone().unwrap_or_default());
    line.push(cell.figures.as_ref().and_then(|f| f.doubt.clone()).unwrap_or_default());
    line
}

fn numbers(f: &Figures) -> [String; 20] {
    let of = |value: fn(&jensen::study::Bias) -> String| f.bias.as_ref().map(value).unwrap_or_default();
    [
        f.repeats.to_string(),
        f.not_finite.to_string(),
        f.rejected.to_string(),
        of(|b| b.largest.to_string()),
        of(|b| b.threshold.to_string()),
        of(|b| b.relative.to_string()),
        of(|b| b.along.to_string()),
        of(|b| b.along_error.to_string()),
        f.total_variance.to_string(),
        f.variance_interval.low.to_string(),
        f.variance_interval.high.to_string(),
        f.signal_to_noise.to_string(),
        f.signal_to_noise_interval.low.to_string(),
        f.signal_to_noise_interval.high.to_string(),
        f.evaluations.to_string(),
        f.seconds.to_string(),
        f.variance_x_evaluations.to_string(),
        f.variance_x_seconds.to_string(),
        f.bound.to_string(),
        of(|b| b.is_biased().to_string()),
    ]
}
