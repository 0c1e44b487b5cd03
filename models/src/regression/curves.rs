//! The expected response along one column, all others held where they usually are.

use super::build::Regression;
use super::effects::thinned;
use super::encode::{Frame, Replaced, known_cells};
use super::error::RegressionError;
use super::likelihood::Kind;
use super::reading::Reading;
use crate::data::DataTable;
use jensen::posterior::statistics::{mean, quantiles};
use jensen::streams::Streams;
use jensen::target::Constrained;
use std::collections::BTreeMap;

/// Places along a column, draws that are used at most, and rows that are shown.
const PLACES: usize = 61;
const MOST_DRAWS: usize = 1000;
const MOST_SHOWN: usize = 2000;

/// The expected response along one column.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The column.
    pub column: String,
    /// The response, as it is written.
    pub response: String,
    /// The levels of a column of words, at 0, 1, 2, ..; none of numbers.
    pub levels: Vec<String>,
    /// The categories of the response, one list of points for each; none of numbers.
    pub categories: Vec<String>,
    /// The points of each category, or those of the mean of the response.
    pub points: Vec<Vec<CurvePoint>>,
    /// Rows of the fit: the column, and the response (its share of the trials).
    pub observed: Vec<[f64; 2]>,
    /// Where the other columns are held: `dose` at `3`.
    pub held: Vec<(String, String)>,
}

/// The expected response at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The number in the column, or the place of the level.
    pub x: f64,
    /// Mean over draws.
    pub mean: f64,
    /// 5 % quantile.
    pub q5: f64,
    /// 95 % quantile.
    pub q95: f64,
}

impl Regression {
    /// The expected response along each column that explains it: numbers from the least to the largest, and the levels of words.
    ///
    /// All other numbers are at the cell of their median, words at their most frequent one, and the effects of groups are zero;
    /// of trials there is one. `draws` are those of a fit of this regression and `table` is that of the fit.
    ///
    /// # Errors
    /// Draws of another model, and a table that is not that of the fit.
    pub fn curves(&self, draws: &Constrained, table: &DataTable) -> Result<Vec<Curve>, RegressionError> {
        let draws = &thinned(draws, MOST_DRAWS);
        let frame = Frame { table, rows: &self.rows };
        let terms = self.formula.terms.terms.iter().chain(self.formula.varying.iter().flat_map(|v| &v.terms.terms));
        let mut names: Vec<String> = Vec::new();
        for (name, _) in terms.flatten().flat_map(|factor| factor.node.names()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_string());
            }
        }
        let mut held = BTreeMap::new();
        let of_offsets = self.formula.offsets.iter().flat_map(|node| node.names()).map(|(name, _)| name);
        for name in names.iter().map(String::as_str).chain(of_offsets) {
            if !held.contains_key(name) {
                held.insert(name.to_string(), self.usual(name, frame)?);
            }
        }
        names.into_iter().map(|name| self.curve(draws, frame, name, &held)).collect()
    }

    /// What a usual step of each coefficient's column is: the difference of a column of two values, and one standard deviation of any
    /// other.
    pub fn usual_steps(&self) -> Vec<(String, f64)> {
        let of = |class: Option<&str>| {
            let columns = self.columns.names.iter().zip(&self.columns.steps);
            let own = columns.map(|(name, step)| (self.coefficient(class, name), *step));
            own.chain(self.specials.iter().map(|term| (self.coefficient(class, &term.name), term.sd)))
                .collect::<Vec<_>>()
        };
        self.classes().into_iter().flat_map(of).collect()
    }

    /// How the numbers of a column are read; none of words, and of numbers that only name categories.
    fn numbers_of(&self, name: &str) -> Option<&Reading> {
        self.encoder.readings.get(name).filter(|reading| !matches!(reading, Reading::Words { .. }))
    }

    /// The cell of the median, or the most frequent one.
    fn usual(&self, name: &str, frame: Frame) -> Result<String, RegressionError> {
        let mut all: Vec<&str> = known_cells(name, frame)?.into_iter().map(|(_, cell)| cell).collect();
        if let Some(reading) = self.numbers_of(name) {
            let middle = all.len() / 2;
            let number = |cell: &&str| reading.number(cell).unwrap_or(f64::NAN);
            let (_, cell, _) = all.select_nth_unstable_by(middle, |a, b| number(a).total_cmp(&number(b)));
            return Ok(cell.to_string());
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        all.iter().for_each(|cell| *counts.entry(cell).or_default() += 1);
        let most = counts.iter().max_by_key(|(_, count)| **count);
        Ok(most.map_or(String::new(), |(cell, _)| cell.to_string()))
    }

    fn curve(
        &self,
        draws: &Constrained,
        frame: Frame,
        column: String,
        held: &BTreeMap<String, String>,
    ) -> Result<Curve, RegressionError> {
        let (places, found): (Vec<usize>, Vec<&str>) = known_cells(&column, frame)?.into_iter().unzip();
        let of_row = places;
        let levels = self.encoder.levels.get(&column).cloned().unwrap_or_default();
        let reading = self.numbers_of(&column);
        let number = |cell: &str| match reading {
            Some(reading) => reading.number(cell).unwrap_or(f64::NAN),
            None => super::reading::level(&levels, cell).map_or(f64::NAN, |level| level as f64),
        };
        let x: Vec<f64> = found.iter().map(|cell| number(cell)).collect();
        let (places, own) = match reading {
            Some(_) => {
                let (low, high) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
                let at = |k: usize| low + (high - low) * k as f64 / (PLACES - 1) as f64;
                // The ends as they are: a spline ends there.
                let places: Vec<f64> = (0..PLACES).map(|k| if k + 1 == PLACES { high } else { at(k) }).collect();
                (places.clone(), Replaced::Numbers(places))
            }
            None => ((0..levels.len()).map(|k| k as f64).collect(), Replaced::Cells(levels.clone())),
        };
        let mut replaced: BTreeMap<String, Replaced> =
            held.iter().map(|(name, cell)| (name.clone(), Replaced::Cell(cell.clone()))).collect();
        replaced.insert(column.clone(), own);
        let rows = vec![self.rows[0]; places.len()];
        let encoder = super::encode::Encoder { replaced, ..self.encoder.clone() };
        let frame = Frame { table: frame.table, rows: &rows };
        let prediction = self.prediction(draws, frame, encoder, Streams::new(0))?.of_middle_group();
        let common = prediction.parts()?;
        let mut points = vec![Vec::new(); prediction.categories().len().max(1)];
        for (i, &x) in places.iter().enumerate() {
            let expected = prediction.expected(&common, &prediction.etas(&common, i)?, i);
            for (list, values) in points.iter_mut().zip(&expected) {
                let [q5, q95] = quantiles(values, [0.05, 0.95]);
                list.push(CurvePoint { x, mean: mean(values), q5, q95 });
            }
        }
        let response = &self.response;
        let every = x.len().div_ceil(MOST_SHOWN).max(1);
        let shown = |k: usize| {
            let n = response.trials.as_ref().map_or(1.0, |n| n[of_row[k]]);
            [x[k], response.values[of_row[k]] / n]
        };
        let observed = match self.likelihood().kind() {
            Kind::Category => Vec::new(),
            _ => (0..x.len()).step_by(every).map(shown).filter(|[_, y]| y.is_finite()).collect(),
        };
        let held = held.iter().filter(|(name, _)| **name != column);
        Ok(Curve {
            response: response.name.clone(),
            levels: if reading.is_some() { Vec::new() } else { levels },
            categories: prediction.categories().to_vec(),
            points,
            observed,
            held: held.map(|(name, cell)| (name.clone(), cell.clone())).collect(),
            column,
        })
    }
}
