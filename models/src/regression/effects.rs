//! What a column does to the response, on the response's scale, and how much of the response all columns explain.

use super::build::Regression;
use super::encode::{Frame, Replaced};
use super::error::RegressionError;
use super::likelihood::Kind;
use super::predict::Prediction;
use super::reading::Reading;
use crate::data::DataTable;
use crate::data::nearest::{listed, nearest};
use jensen::streams::Streams;
use jensen::target::Constrained;

/// Draws that are used at most: quantiles of so many have errors of 0.03 of an sd.
const MOST_DRAWS: usize = 2000;

/// Rows and draws at most that the share of explained variance is measured on, which a report gives two digits of.
const MOST_ROWS_OF_SHARE: usize = 5000;
const MOST_DRAWS_OF_SHARE: usize = 400;

/// The step of a difference, in standard deviations of the column.
const STEP: f64 = 1e-3;

/// An average over rows at every draw.
#[derive(Debug, Clone)]
pub struct ColumnEffect {
    /// What it is of: `g = a`, `g: b - a`, `x, per unit`.
    pub what: String,
    /// The category of the response whose probability it is of; nothing of numbers.
    pub category: Option<String>,
    /// The level of the column that rows are taken apart by.
    pub by: Option<String>,
    /// Its value at every draw.
    pub draws: Vec<f64>,
}

/// Averages over rows: for each level of `by` and each category the values at every draw.
type Averages = Vec<Vec<Vec<f64>>>;

impl Regression {
    /// The effect of the column `x` on the expected response, averaged over the rows of the fit, whose other columns and groups
    /// are as they are.
    ///
    /// Of a column of numbers, the derivative: the change for a unit, at the margin. Of categories, and of a column of zeros and
    /// ones, the expected response if every row were of a level, and its differences from the first level. `draws` are
    /// those of a fit of this regression and `table` is that of the fit; with `by`, rows are averaged for each of its levels.
    ///
    /// # Errors
    /// A column that the formula does not explain by, or that names groups alone, and draws of another model.
    pub fn effects_of(
        &self,
        draws: &Constrained,
        table: &DataTable,
        x: &str,
        by: Option<&str>,
    ) -> Result<Vec<ColumnEffect>, RegressionError> {
        let explaining = self.formula.explaining();
        let mut known: Vec<String> =
            explaining.iter().flat_map(|node| node.names()).map(|(name, _)| name.to_string()).collect();
        known.sort();
        known.dedup();
        if !known.iter().any(|name| name == x) {
            let hint = nearest(x, known.iter().map(String::as_str));
            let hint = hint.map_or(String::new(), |found| format!(", did you mean `{found}`?"));
            let words = format!("the formula explains nothing by `{x}`{hint}; its columns are {}", listed(&known, 16));
            return Err(RegressionError::Choice(words));
        }
        let mut calls = self.formula.terms.terms.iter().filter_map(super::special::call);
        if let Some((_, function, _)) = calls.find(|(factor, function, _)| {
            let is_of_x = factor.node.names().first().is_some_and(|(name, _)| *name == x);
            matches!(*function, "mi" | "me") && !is_of_x
        }) {
            return Err(RegressionError::Choice(format!(
                "effects are averages of predictions, and these draw what `{function}` does not know from the other columns of the \
                 row, so that changing one would change it, too; read the coefficients"
            )));
        }
        let draws = &thinned(draws, MOST_DRAWS);
        let frame = Frame { table, rows: &self.rows };
        let levels = self.encoder.levels.get(x);
        let reading = self.encoder.readings.get(x);
        let cells: Vec<&str> = super::encode::known_cells(x, frame)?.into_iter().map(|(_, cell)| cell).collect();
        let is_answer = |reading: &Reading| {
            let numbers = cells.iter().map(|cell| reading.number(cell));
            numbers.fold((false, false, true), |(zero, one, all), x| {
                (zero || x == Some(0.0), one || x == Some(1.0), all && (x == Some(0.0) || x == Some(1.0)))
            }) == (true, true, true)
        };
        let parts = Apart::new(frame, by)?;
        let average = |replaced: Replaced| self.averages(draws, frame, x, replaced, &parts);
        let mut out = Vec::new();
        let numeric = reading.filter(|reading| !matches!(reading, Reading::Words { .. }));
        match (numeric, levels) {
            (Some(reading), _) if is_answer(reading) => {
                let levels = ["0".to_string(), "1".to_string()];
                self.contrasts(x, &levels, average, &parts, &mut out)?;
            }
            (Some(reading), _) => {
                let numbers: Vec<f64> = cells.iter().filter_map(|cell| reading.number(cell)).collect();
                let h = STEP * crate::data::Standardisation::measure("", &numbers).sd;
                let (up, down) = (average(Replaced::Shifted(h))?, average(Replaced::Shifted(-h))?);
                let slope = difference(&up, &down, 1.0 / (2.0 * h));
                self.add(&format!("{x}, per unit"), slope, &parts, &mut out);
            }
            (_, Some(levels)) if self.explains_by_levels(x) => {
                self.contrasts(x, levels, average, &parts, &mut out)?;
            }
            _ => {
                let words =
                    format!("`{x}` names groups; what they differ by is in the table of the fit, as effect[{x}, ..]");
                return Err(RegressionError::Choice(words));
            }
        }
        Ok(out)
    }

    /// Whether the column is a category of terms, and not of groups alone.
    fn explains_by_levels(&self, x: &str) -> bool {
        let terms = self.formula.terms.terms.iter().chain(self.formula.varying.iter().flat_map(|v| &v.terms.terms));
        terms.flatten().any(|factor| factor.node.names().iter().any(|(name, _)| *name == x))
    }

    /// Every level, and its difference from the first.
    fn contrasts(
        &self,
        x: &str,
        levels: &[String],
        average: impl Fn(Replaced) -> Result<Averages, RegressionError>,
        parts: &Apart,
        out: &mut Vec<ColumnEffect>,
    ) -> Result<(), RegressionError> {
        let all = levels.iter().map(|level| average(Replaced::Cell(level.clone()))).collect::<Result<Vec<_>, _>>()?;
        for (level, at) in levels.iter().zip(&all) {
            self.add(&format!("{x} = {level}"), at.clone(), parts, out);
        }
        for (level, at) in levels.iter().zip(&all).skip(1) {
            let what = format!("{x}: {level} - {}", levels[0]);
            self.add(&what, difference(at, &all[0], 1.0), parts, out);
        }
        Ok(())
    }

    fn add(&self, what: &str, averages: Averages, parts: &Apart, out: &mut Vec<ColumnEffect>) {
        for (by, of_categories) in parts.levels.iter().zip(averages) {
            let many = of_categories.len() > 1;
            for (category, draws) in self.response.categories.iter().map(Some).chain([None; 1]).zip(of_categories) {
                let category = category.filter(|_| many).cloned();
                out.push(ColumnEffect { what: what.to_string(), category, by: by.clone(), draws });
            }
        }
    }

    /// The expected response of rows whose column `x` is replaced, averaged.
    fn averages(
        &self,
        draws: &Constrained,
        frame: Frame,
        x: &str,
        replaced: Replaced,
        parts: &Apart,
    ) -> Result<Averages, RegressionError> {
        let encoder = super::encode::Encoder { replaced: [(x.to_string(), replaced)].into(), ..self.encoder.clone() };
        let prediction = self.prediction(draws, frame, encoder, Streams::new(0))?;
        let mut sums: Averages = vec![Vec::new(); parts.levels.len()];
        let common = prediction.parts()?;
        for i in 0..frame.rows.len() {
            let etas = prediction.etas(&common, i)?;
            let expected = prediction.expected(&common, &etas, i);
            let sum = &mut sums[parts.of_row[i]];
            sum.resize(expected.len(), vec![0.0; draws.num_draws]);
            for (sum, values) in sum.iter_mut().zip(&expected) {
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        for (sum, count) in sums.iter_mut().zip(&parts.counts) {
            sum.iter_mut().flatten().for_each(|value| *value /= *count as f64);
        }
        Ok(sums)
    }

    /// The share of the response's variance that is explained, at every draw: `V / (V + mean variance of a response)` with `V` the
    /// variance over rows of the expected response.
    ///
    /// None of categories, and where responses are censored or truncated. Of many rows or draws some are taken.
    ///
    /// *Source*: Gelman, Goodrich, Gabry and Vehtari (2019), R-squared for Bayesian regression models.
    ///
    /// # Errors
    /// Draws of another model, and a table that is not that of the fit.
    pub fn r_squared(&self, draws: &Constrained, table: &DataTable) -> Result<Option<Vec<f64>>, RegressionError> {
        let law = self.likelihood();
        let is_whole = !self.formula.is_truncated() && !self.response.limits.is_any();
        if !is_whole || law.kind() == Kind::Category {
            return Ok(None);
        }
        let every = self.rows.len().div_ceil(MOST_ROWS_OF_SHARE).max(1);
        let rows: Vec<usize> = self.rows.iter().step_by(every).copied().collect();
        let draws = &thinned(draws, MOST_DRAWS_OF_SHARE);
        let frame = Frame { table, rows: &rows };
        let prediction = self.prediction(draws, frame, self.encoder.clone(), Streams::new(0))?;
        Ok(Some(self.shares(&prediction, draws.num_draws, rows.len())?))
    }

    fn shares(&self, of: &Prediction, num_draws: usize, num_rows: usize) -> Result<Vec<f64>, RegressionError> {
        let common = of.parts()?;
        // Means and squares of the expected responses by Welford's recurrence, and sums of variances.
        let mut moments = vec![(0.0, 0.0, 0.0); num_draws];
        for i in 0..num_rows {
            let etas = of.etas(&common, i)?;
            let expected = of.expected(&common, &etas, i);
            for (d, (mean, squares, variance)) in moments.iter_mut().enumerate() {
                let from = expected[0][d] - *mean;
                *mean += from / (i + 1) as f64;
                *squares += from * (expected[0][d] - *mean);
                *variance += self.likelihood().variance(self.link, etas[0][d], &common.numbers_at(d), of.trials_of(i));
            }
        }
        let n = num_rows as f64;
        let share = |(_, squares, variance): (f64, f64, f64)| {
            let explained = squares / (n - 1.0);
            explained / (explained + variance / n)
        };
        Ok(moments.into_iter().map(share).collect())
    }
}

/// Rows taken apart by the levels of a column.
struct Apart {
    levels: Vec<Option<String>>,
    of_row: Vec<usize>,
    counts: Vec<usize>,
}

impl Apart {
    fn new(frame: Frame, by: Option<&str>) -> Result<Self, RegressionError> {
        let n = frame.rows.len();
        let Some(by) = by else { return Ok(Apart { levels: vec![None], of_row: vec![0; n], counts: vec![n] }) };
        if let Some(words) = super::reading::missing_column(frame.table, by) {
            return Err(RegressionError::Choice(format!("{words}, which are those that the fit keeps")));
        }
        let cells = super::encode::cells(by, frame)?;
        let levels = super::reading::levels(cells.iter().copied());
        let of_row: Vec<usize> =
            cells.iter().map(|cell| super::reading::level(&levels, cell).unwrap_or_default()).collect();
        let mut counts = vec![0; levels.len()];
        of_row.iter().for_each(|&k| counts[k] += 1);
        let levels = levels.into_iter().map(|level| Some(format!("{by} = {level}"))).collect();
        Ok(Apart { levels, of_row, counts })
    }
}

fn difference(a: &Averages, b: &Averages, times: f64) -> Averages {
    let of = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| times * (a - b)).collect::<Vec<f64>>();
    let categories = |(a, b): (&Vec<Vec<f64>>, &Vec<Vec<f64>>)| a.iter().zip(b).map(|(a, b)| of(a, b)).collect();
    a.iter().zip(b).map(categories).collect()
}

/// So many of the draws at most, from all over them.
pub(super) fn thinned(draws: &Constrained, most: usize) -> Constrained {
    let kept = draws.num_draws.min(most);
    let at = |d: usize| d * draws.num_draws / kept.max(1);
    let values = (0..draws.names.len()).flat_map(|k| (0..kept).map(move |d| draws.element(k)[at(d)])).collect();
    let mut out = draws.clone();
    (out.num_draws, out.values) = (kept, values);
    out
}
