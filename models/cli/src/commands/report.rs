//! The report of a fit: one value that is printed as text or JSON, saved and shown again.

use super::draws::NamedDraws;
use super::measured;
use super::outcome::{Bound, Line, Outcome, Trace};
use crate::cli::exit::Exit;
use crate::cli::number::{duration, significant};
use crate::cli::plot::{self, Figure, PlotError};
use crate::cli::render::{Align, Length, PosteriorRow, TextTable, posterior_table};
use jensen::amortised::Measured;
use jensen::diagnose::verdict::{Trust, Verdict};
use jensen::posterior::{Resampling, RowMeans, table_is_of};
use jensen_models::data::Standardisation;
use jensen_models::zoo::Built;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What a fit says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model.
    pub model: String,
    /// The data, in words.
    pub data: String,
    /// Number of rows of data.
    pub num_rows: usize,
    /// What was taken out of each column: `(value - mean) / sd`.
    pub standardised: Vec<ColumnScale>,
    /// How the fit was done.
    pub method: String,
    /// The seed.
    pub seed: u64,
    /// Whether the table and the draws are of the posterior, by importance weights, or of q alone.
    pub weighted: bool,
    /// How the draws were made by the weights, where they were.
    pub resampled: Option<Resampling>,
    /// The posterior table.
    pub posterior: Vec<Line>,
    /// The latents of rows, in short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of_rows: Vec<RowMeans>,
    /// The bound and its parts, where there is one.
    pub bound: Option<Bound>,
    /// What was measured beside it, or in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Tail shape of the importance weights.
    #[serde(with = "crate::cli::number::as_text")]
    pub k_hat: f64,
    /// Whether to trust the fit.
    pub verdict: Verdict,
    /// Why it ended.
    pub stop: String,
    /// Steps taken.
    pub num_steps: u64,
    /// Wall time of the fit.
    pub seconds: f64,
    /// The objective along the fit.
    pub trace: Trace,
}

/// Mean and standard deviation that were taken out of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnScale {
    /// The column.
    pub column: String,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
}

/// Better names for the elements of sites: `beta[0]` to `beta[age]`.
#[derive(Debug, Clone, Default)]
pub struct Renaming(HashMap<String, String>);

impl Renaming {
    /// From a model's labels.
    pub fn new(labels: &[(String, Vec<String>)]) -> Self {
        let pairs = labels.iter().flat_map(|(site, names)| {
            let single = names.len() == 1;
            names.iter().enumerate().map(move |(k, name)| {
                let from = if single { site.clone() } else { format!("{site}[{k}]") };
                (from, format!("{site}[{name}]"))
            })
        });
        Self(pairs.collect())
    }

    /// The better name of `name`.
    pub fn apply(&self, name: &mut String) {
        if let Some(better) = self.0.get(name.as_str()) {
            better.clone_into(name);
        }
    }

    /// The better names of all draws.
    pub fn draws(&self, draws: &mut NamedDraws) {
        draws.names.iter_mut().for_each(|name| self.apply(name));
    }
}

impl Report {
    /// The report of `outcome`, which took `seconds`.
    pub fn new(model: &str, data: String, built: &Built, seed: u64, outcome: &Outcome, seconds: f64) -> Self {
        let renaming = Renaming::new(&built.labels);
        let mut posterior = outcome.posterior.clone();
        posterior.iter_mut().for_each(|line| renaming.apply(&mut line.name));
        Self {
            model: model.to_string(),
            data,
            num_rows: built.num_rows,
            standardised: built.scales.iter().map(ColumnScale::new).collect(),
            method: outcome.method.clone(),
            seed,
            weighted: outcome.resampled.is_some(),
            resampled: outcome.resampled,
            posterior,
            of_rows: outcome.of_rows.clone(),
            bound: outcome.bound.clone(),
            measured: outcome.measured.clone(),
            k_hat: outcome.k_hat,
            verdict: outcome.verdict.clone(),
            stop: outcome.stop.clone(),
            num_steps: outcome.num_steps,
            seconds,
            trace: outcome.trace.clone(),
        }
    }

    /// The exit code the verdict asks for.
    pub fn exit(&self) -> Exit {
        if self.verdict.trust == Trust::Trust { Exit::Success } else { Exit::NotTrusted }
    }

    /// The report as text for a terminal.
    pub fn text(&self, length: Length) -> String {
        let plural = if self.num_rows == 1 { "" } else { "s" };
        let mut text = format!("{}: {}, {} row{plural}\n", self.model, self.data, self.num_rows);
        text += &self.standardised_text(length);
        let rows: Vec<PosteriorRow> = self.posterior.iter().map(Line::row).collect();
        let what = table_is_of(self.weighted);
        text += &format!("\n{}\n{what}\n\n", posterior_table(&rows, length).trim_end());
        let means = if self.weighted { "posterior means" } else { "means of q" };
        for RowMeans { name, num_rows, mean, range: (least, most), .. } in &self.of_rows {
            let [mean, least, most] = [mean, least, most].map(|x| significant(*x, 3));
            text += &format!("{name} in each of {num_rows} rows: {means} from {least} to {most}, {mean} over all\n");
        }
        text += if self.of_rows.is_empty() { "" } else { "\n" };
        if let Some(bound) = &self.bound {
            text += &format!("{}\n", jensen::posterior::Bound::from(bound).report(self.k_hat));
        }
        text += &self.resampled.map_or(String::new(), |resampled| format!("draws         {resampled}\n"));
        text += &self.measured.as_ref().map_or(String::new(), |measured| measured::text(measured) + "\n");
        text += &format!("fit           {} ({}, seed {})\n", self.method, duration(self.seconds), self.seed);
        text += &format!("stopped       {}\n\n{}\n", self.stop, self.verdict);
        text
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None; the type is that of the serialiser.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    fn standardised_text(&self, length: Length) -> String {
        const MOST: usize = 8;
        if self.standardised.is_empty() {
            return String::new();
        }
        let shown = if length == Length::All { self.standardised.len() } else { MOST };
        let header = [("standardised", Align::Left), ("mean taken out", Align::Point), ("divided by", Align::Point)];
        let mut table = TextTable::new(&header);
        for scale in self.standardised.iter().take(shown) {
            table.push([scale.column.clone(), significant(scale.mean, 4), significant(scale.sd, 4)]);
        }
        if shown < self.standardised.len() {
            table.note(&format!("... {} more (--all shows every one)", self.standardised.len() - shown));
        }
        format!("\n{table}")
    }

    /// The table as CSV.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_summary(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["name", "mean", "sd", "mcse", "q05", "q50", "q95"])?;
        for line in &self.posterior {
            let numbers = [line.mean, line.sd, line.mcse, line.q05, line.q50, line.q95].map(|x| x.to_string());
            writer.write_record(std::iter::once(line.name.clone()).chain(numbers))?;
        }
        writer.flush()
    }

    /// The trace of the bound, where the fit kept one.
    pub fn trace_figure(&self) -> Option<Figure> {
        let steps: Vec<f64> = self.trace.steps.iter().map(|&step| step as f64).collect();
        let options = plot::Trace { smoothed: steps.len() > 200, log_x: false };
        let panel = plot::trace(&steps, &self.trace.objective, options);
        let what = if self.bound.is_some() { "bound" } else { "objective, which is no bound," };
        (steps.len() > 1).then(|| Figure::new(&format!("{}: {what} along the fit", self.model), vec![panel]))
    }

    /// The trace and the marginals, as name and bytes of each file.
    ///
    /// # Errors
    /// A figure too large for an image.
    pub fn figures(&self, draws: &NamedDraws) -> Result<Vec<(String, Vec<u8>)>, PlotError> {
        let latents: Vec<(&str, &[f64])> =
            draws.names.iter().map(String::as_str).zip(draws.values.iter().map(Vec::as_slice)).collect();
        let of = if self.weighted { "the posterior" } else { "q" };
        let marginals = plot::marginals(&self.model, of, &latents);
        let figures = self.trace_figure().map(|figure| ("trace", figure)).into_iter().chain([("marginals", marginals)]);
        let mut files = Vec::new();
        for (name, figure) in figures {
            files.push((format!("{name}.svg"), figure.svg().into_bytes()));
            files.push((format!("{name}.png"), figure.png()?));
        }
        Ok(files)
    }
}

impl ColumnScale {
    fn new(scale: &Standardisation) -> Self {
        Self { column: scale.name.clone(), mean: scale.mean, sd: scale.sd }
    }
}

impl Line {
    fn row(&self) -> PosteriorRow {
        let quantiles = [self.q05, self.q50, self.q95];
        PosteriorRow { name: self.name.clone(), mean: self.mean, sd: self.sd, mcse: self.mcse, quantiles }
    }
}
