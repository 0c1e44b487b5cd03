//! The report of a fit: one value that is printed as text or JSON.

use super::draws::Renaming;
use super::measured;
use super::outcome::Outcome;
use super::saved::Note;
use crate::cli::exit::Exit;
use crate::cli::number::{duration, significant};
use crate::cli::plot::{self, Figure, PlotError};
use crate::cli::render::{Align, Length, TextTable, posterior_table};
use jensen::amortised::Measured;
use jensen::diagnose::verdict::{Trust, Verdict};
use jensen::fit::Trace;
use jensen::model::Layout;
use jensen::posterior::{Bound, Resampling, RowMeans, Summary, table_is_of};
use jensen::target::Constrained;
use jensen_models::data::Standardisation;
use serde::{Serialize, Serializer};

/// What a fit says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name of the model.
    pub model: String,
    /// The data, in words.
    pub data: String,
    /// Number of rows of data.
    pub num_rows: usize,
    /// What was taken out of each column: `(value - mean) / sd`.
    pub standardised: Vec<Standardisation>,
    /// What was understood of the data, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub understood: Vec<String>,
    /// How the fit was done.
    pub method: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// Whether the table and the draws are of the posterior, by importance weights, or of q alone.
    pub weighted: bool,
    /// How the draws were made by the weights, where they were.
    pub resampled: Option<Resampling>,
    /// The posterior table.
    pub posterior: Vec<Summary>,
    /// Exponentials of coefficients, where they are something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratios: Option<Ratios>,
    /// The share of the response's variance that is explained: mean, 5 % and 95 % quantile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r_squared: Option<[f64; 3]>,
    /// The latents of rows, in short.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub of_rows: Vec<RowMeans>,
    /// The bound and its parts, where there is one.
    #[serde(serialize_with = "of_a_distribution")]
    pub bound: Option<Bound>,
    /// What was measured beside it, or in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Tail shape of the importance weights.
    #[serde(with = "jensen::number")]
    pub k_hat: f64,
    /// Whether to trust the fit.
    pub verdict: Verdict,
    /// Why it ended.
    pub stop: String,
    /// Number of steps taken.
    pub num_steps: u64,
    /// Wall time of the fit in seconds, where it is known.
    pub seconds: Option<f64>,
    /// Integers that were summed out, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summed_out: Option<String>,
    /// Latents in coordinates other than those they are written in, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coordinates: Vec<String>,
    /// What the fit tried on its way, in words; empty where a network was fitted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// Every run of it, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// The objective along the fit.
    pub trace: Trace,
}

/// Exponentials of coefficients.
#[derive(Debug, Clone, Serialize)]
pub struct Ratios {
    /// What they are, in words.
    pub what: String,
    /// The name of each coefficient and the quantiles of its exponential: 5 %, 50 %, 95 %.
    pub lines: Vec<(String, [f64; 3])>,
}

impl Ratios {
    /// Those of the coefficients in a table; quantiles of an exponential are exponentials of quantiles.
    fn of(what: Option<&String>, posterior: &[Summary]) -> Option<Self> {
        let one = |line: &Summary| (line.name.clone(), [line.q5, line.q50, line.q95].map(f64::exp));
        let lines: Vec<_> = posterior.iter().filter(|line| line.name.starts_with("b[")).map(one).collect();
        what.filter(|_| !lines.is_empty()).map(|what| Ratios { what: what.clone(), lines })
    }

    fn text(&self, length: Length) -> String {
        const MOST: usize = 12;
        let header = [("", Align::Left), ("5%", Align::Point), ("50%", Align::Point), ("95%", Align::Point)];
        let mut table = TextTable::new(&header);
        let shown = if length == Length::All { self.lines.len() } else { MOST };
        for (name, quantiles) in self.lines.iter().take(shown) {
            let numbers = quantiles.map(|x| significant(x, 3));
            table.push(std::iter::once(format!("exp({name})")).chain(numbers));
        }
        if shown < self.lines.len() {
            table.note(&format!("... {} more (--all shows every one)", self.lines.len() - shown));
        }
        format!("{}\n{table}\n", self.what)
    }
}

/// A point has a density of the data and itself, and no bound on the evidence.
fn of_a_distribution<S: Serializer>(bound: &Option<Bound>, serializer: S) -> Result<S::Ok, S::Error> {
    match bound.filter(Bound::is_of_a_point) {
        Some(Bound { log_joint, data, .. }) => serializer.collect_map([("log_joint", Some(log_joint)), ("data", data)]),
        None => bound.serialize(serializer),
    }
}

/// Whether a quantity is of one of these sites.
fn is_of(sites: &[String], quantity: &str) -> bool {
    let rest = sites.iter().find_map(|site| quantity.strip_prefix(site.as_str()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

impl Report {
    /// The report of a fit.
    pub fn new(note: &Note, outcome: &Outcome) -> Self {
        let renaming = Renaming::new(&note.labels);
        let mut posterior = outcome.summary();
        posterior.iter_mut().for_each(|line| renaming.apply(&mut line.name));
        posterior.retain(|line| !is_of(&note.internal, &line.name));
        let Note { model, data, num_rows, standardised, method, seed, of_rows, seconds, notes, tried, runs, .. } =
            note.clone();
        let resampled = outcome.resampling();
        Self {
            model,
            data,
            num_rows,
            standardised,
            understood: notes,
            method,
            seed,
            weighted: resampled.is_some(),
            resampled,
            ratios: Ratios::of(note.ratios.as_ref(), &posterior),
            r_squared: note.r_squared,
            posterior,
            of_rows,
            bound: outcome.bound(),
            measured: outcome.measured(),
            k_hat: outcome.k_hat(),
            verdict: outcome.verdict().clone(),
            stop: outcome.stopped(),
            num_steps: outcome.stop().steps(),
            seconds,
            summed_out: outcome.layout().and_then(Layout::summed_out),
            coordinates: outcome.layout().map(Layout::coordinates).unwrap_or_default(),
            tried,
            runs,
            trace: outcome.trace(),
        }
    }

    /// The exit code the verdict asks for.
    pub fn exit(&self) -> Exit {
        if self.verdict.trust == Trust::Trust { Exit::Success } else { Exit::NotTrusted }
    }

    /// The report as text for a terminal.
    pub fn text(&self, length: Length) -> String {
        let rows = match self.num_rows {
            0 => String::new(),
            1 => ", 1 row".into(),
            rows => format!(", {rows} rows"),
        };
        let mut text = format!("{}: {}{rows}\n", self.model, self.data);
        text += &self.understood_text(length);
        text += &self.standardised_text(length);
        let what = table_is_of(self.weighted);
        text += &format!("\n{}\n{what}\n\n", posterior_table(&self.posterior, length).trim_end());
        text += &self.ratios.as_ref().map_or(String::new(), |ratios| ratios.text(length));
        let means = if self.weighted { "posterior means" } else { "means of q" };
        for RowMeans { name, num_rows, mean, range: [least, most], .. } in &self.of_rows {
            let [mean, least, most] = [mean, least, most].map(|x| significant(*x, 3));
            text += &format!("{name} in each of {num_rows} rows: {means} from {least} to {most}, {mean} over all\n");
        }
        text += if self.of_rows.is_empty() { "" } else { "\n" };
        text + &self.evidence(length)
    }

    /// What stands below the table: bound, how the fit was done, and the verdict.
    pub fn evidence(&self, length: Length) -> String {
        let mut text = String::new();
        if let Some(bound) = &self.bound {
            text += &format!("{}\n", bound.report(self.k_hat));
        }
        text += &self.summed_out.as_ref().map_or(String::new(), |words| format!("summed out    {words}\n"));
        self.coordinates.iter().for_each(|words| text += &format!("coordinates   {words}\n"));
        text += &self.resampled.map_or(String::new(), |resampled| format!("draws         {resampled}\n"));
        text += &self.measured.as_ref().map_or(String::new(), |measured| measured::text(measured) + "\n");
        if let Some(shares) = self.r_squared {
            let [mean, low, high] = shares.map(|share| format!("{share:.2}"));
            text += &format!(
                "R^2           {mean}, between {low} and {high}: the share of the variance that is explained\n"
            );
        }
        let took = self.seconds.map_or(String::new(), |seconds| duration(seconds) + ", ");
        text += &format!("fit           {} ({took}seed {})\n", self.method, self.seed);
        let runs = self.runs.iter().filter(|_| length == Length::All);
        self.tried.iter().chain(runs).for_each(|words| text += &format!("tried         {words}\n"));
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

    /// What was understood, with some of many priors.
    fn understood_text(&self, length: Length) -> String {
        const MOST: usize = 10;
        let is_prior = |line: &&String| line.starts_with("prior ");
        let more = self.understood.iter().filter(is_prior).count().saturating_sub(MOST);
        let (mut text, mut seen) = (String::new(), 0);
        for line in &self.understood {
            seen += usize::from(is_prior(&line));
            match seen.cmp(&(MOST + 1)) {
                _ if length == Length::All || !is_prior(&line) || seen <= MOST => text += &format!("{line}\n"),
                std::cmp::Ordering::Equal => {
                    text += &format!("              ... {more} more priors (--all shows every one)\n")
                }
                _ => {}
            }
        }
        text
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
            table.push([scale.name.clone(), significant(scale.mean, 4), significant(scale.sd, 4)]);
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
        writer.write_record(["name", "mean", "sd", "mcse", "q5", "q50", "q95"])?;
        for line in &self.posterior {
            let numbers = [line.mean, line.sd, line.mcse, line.q5, line.q50, line.q95].map(|x| x.to_string());
            writer.write_record(std::iter::once(line.name.clone()).chain(numbers))?;
        }
        writer.flush()
    }

    /// The trace as CSV, a line for each kept point.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_trace(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        writeln!(out, "step,bound")?;
        let mut points = self.trace.steps.iter().zip(&self.trace.objective);
        points.try_for_each(|(step, bound)| writeln!(out, "{step},{bound}"))
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
    pub fn figures(&self, draws: &Constrained) -> Result<Vec<(String, Vec<u8>)>, PlotError> {
        let latents: Vec<(&str, &[f64])> =
            draws.names.iter().enumerate().map(|(k, name)| (name.as_str(), draws.element(k))).collect();
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
