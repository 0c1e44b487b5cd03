//! New rows as a fitted regression expects them.

use super::build::Regression;
use super::design::Design;
use super::encode::{Encoder, Frame};
use super::error::RegressionError;
use super::formula::Node;
use super::likelihood::{About, Extra, ResponseLaw};
use crate::data::DataTable;
use jensen::dist::Distribution;
use jensen::program::Real;
use jensen::streams::Streams;
use jensen::target::Constrained;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Purposes of the streams.
const GROUPS: u32 = 1;
const OUTCOMES: u32 = 2;

/// New rows under the draws of a fit.
#[derive(Debug)]
pub struct Prediction<'a> {
    pub(super) regression: &'a Regression,
    pub(super) design: Design,
    trials: Option<Vec<f64>>,
    /// The bounds of each row.
    bounds: Option<[Vec<f64>; 2]>,
    num_rows: usize,
    pub(super) draws: Draws<'a>,
    pub(super) streams: Streams,
    /// Groups that the fit has not seen, and how many rows are of them.
    new_groups: Vec<(String, usize)>,
    /// Whether all groups are taken for one in the middle of their distribution.
    of_middle_group: bool,
}

/// A row under the draws of a fit.
#[derive(Debug, Clone)]
pub struct PredictedRow {
    /// The mean of the response at each draw; of categories the probability of each, one list for each category.
    pub expected: Vec<Vec<f64>>,
    /// A response at each draw; of categories their numbers.
    pub outcomes: Vec<f64>,
}

/// Draws by name.
#[derive(Debug)]
pub(super) struct Draws<'a> {
    all: &'a Constrained,
    places: HashMap<&'a str, usize>,
}

impl<'a> Draws<'a> {
    pub(super) fn of(&self, name: &str) -> Result<&'a [f64], RegressionError> {
        let found = self.places.get(name).map(|&k| self.all.element(k));
        found.ok_or_else(|| {
            RegressionError::Choice(format!("the fit has no `{name}`; it is of another model: fit again"))
        })
    }

    /// Their number.
    pub(super) fn num_draws(&self) -> usize {
        self.all.num_draws
    }

    /// Element `k` of a site.
    pub(super) fn element(&self, site: &str, k: usize) -> Result<&'a [f64], RegressionError> {
        self.of(&format!("{site}[{k}]"))
    }
}

/// The effects of the groups of one grouping on each coefficient, `[coefficient][group]`.
type Effects = Vec<Vec<Vec<f64>>>;

/// What rows have in common at every draw.
pub(super) struct Parts<'a> {
    effects: Vec<Vec<Effects>>,
    numbers: Vec<&'a [f64]>,
    cuts: Vec<&'a [f64]>,
}

impl Parts<'_> {
    /// The parameters besides the linear predictor at one draw.
    pub(super) fn numbers_at(&self, d: usize) -> Vec<f64> {
        self.numbers.iter().map(|number| number[d]).collect()
    }
}

impl Regression {
    /// What the fit with these draws expects of the rows of `table`.
    ///
    /// `draws` are those of a fit of this very regression ([`Posterior::constrained`](jensen::posterior::Posterior::constrained)).
    /// Groups that the fit has not seen are drawn from the distribution of groups; categories that it has not seen are
    /// refused.
    ///
    /// # Errors
    /// Missing columns or cells, categories that the fit has not seen, draws of another model.
    pub fn predict<'a>(
        &'a self,
        draws: &'a Constrained,
        table: &DataTable,
        streams: Streams,
    ) -> Result<Prediction<'a>, RegressionError> {
        let rows: Vec<usize> = (0..table.num_rows()).collect();
        self.prediction(draws, Frame { table, rows: &rows }, self.encoder.clone(), streams)
    }

    /// The same of some rows, as an encoder reads them.
    pub(super) fn prediction<'a>(
        &'a self,
        draws: &'a Constrained,
        frame: Frame,
        mut encoder: Encoder,
        streams: Streams,
    ) -> Result<Prediction<'a>, RegressionError> {
        let design = Design::new(&self.formula, &mut encoder, frame)?;
        let trials = self.formula.trials.as_ref().map(|node| encoder.column(node, frame)).transpose()?;
        if let Some(i) = trials.iter().flatten().position(|n| *n < 0.0 || n.fract() != 0.0) {
            let names = self.formula.trials.as_ref().map(Node::names).unwrap_or_default();
            let name = names.first().map_or("", |(name, _)| name);
            let place = frame.table.place(name, frame.rows[i]).to_string();
            return Err(RegressionError::Cell {
                place,
                reason: "trials must be a count; correct the cell".to_string(),
            });
        }
        let bounds = super::seen::bounds(&self.formula, self.likelihood(), &mut encoder, frame)?;
        if let Some([low, high]) = &bounds
            && let Some(i) = low.iter().zip(high).position(|(low, high)| low.partial_cmp(high) != Some(Ordering::Less))
        {
            let names = self.formula.bounds.iter().flatten().flat_map(Node::names);
            let name = names.map(|(name, _)| name.to_string()).next().unwrap_or_default();
            let place = frame.table.place(&name, frame.rows[i]).to_string();
            let reason = format!("the bounds {} and {} have nothing between them; correct the row", low[i], high[i]);
            return Err(RegressionError::Cell { place, reason });
        }
        let mut new_groups = Vec::new();
        for group in &design.groups {
            for (k, level) in group.levels.iter().enumerate().skip(group.known) {
                let rows = group.codes.iter().filter(|code| **code as usize == k).count();
                new_groups.push((format!("{} {level}", group.name), rows));
            }
        }
        new_groups.dedup();
        let places = draws.names.iter().enumerate().map(|(k, name)| (name.as_str(), k)).collect();
        let draws = Draws { all: draws, places };
        let num_rows = frame.rows.len();
        Ok(Prediction {
            regression: self,
            design,
            trials,
            bounds,
            num_rows,
            draws,
            streams,
            new_groups,
            of_middle_group: false,
        })
    }
}

impl Prediction<'_> {
    /// The number of rows.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Groups that the fit has not seen, and the number of rows of each.
    pub fn new_groups(&self) -> &[(String, usize)] {
        &self.new_groups
    }

    /// The same with every effect of a group zero, and one trial in each row.
    pub(super) fn of_middle_group(self) -> Self {
        Prediction { of_middle_group: true, trials: None, ..self }
    }

    /// The categories of the response; none of numbers.
    pub fn categories(&self) -> &[String] {
        match self.regression.likelihood() {
            ResponseLaw::Ordinal | ResponseLaw::SequentialOrdinal | ResponseLaw::Categorical => {
                &self.regression.response.categories
            }
            _ => &[],
        }
    }

    /// Every row, in order; `visit` sees one after the other.
    ///
    /// # Errors
    /// Draws of another model, and those of `visit`.
    pub fn each<E: From<RegressionError>>(
        &self,
        mut visit: impl FnMut(usize, PredictedRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let parts = self.parts()?;
        for i in 0..self.num_rows {
            let etas = self.etas(&parts, i)?;
            let expected = self.expected(&parts, &etas, i);
            let outcomes = self.outcomes(&parts, &etas, &expected, i);
            visit(i, PredictedRow { expected, outcomes })?;
        }
        Ok(())
    }

    /// What rows have in common at every draw.
    pub(super) fn parts(&self) -> Result<Parts<'_>, RegressionError> {
        let of = self.regression;
        let numbers = of.likelihood().parameters(1.0).into_iter().map(|(name, ..)| self.draws.of(name));
        Ok(Parts {
            effects: of.classes().iter().map(|class| self.effects(*class)).collect::<Result<_, _>>()?,
            numbers: numbers.collect::<Result<_, _>>()?,
            cuts: if of.likelihood().is_ordinal() { self.cutpoints()? } else { Vec::new() },
        })
    }

    /// The linear predictors of row `i` at every draw, one for each class.
    pub(super) fn etas(&self, parts: &Parts, i: usize) -> Result<Vec<Vec<f64>>, RegressionError> {
        let classes = self.regression.classes();
        classes.into_iter().zip(&parts.effects).map(|(class, effects)| self.eta(class, effects, i)).collect()
    }

    /// The linear predictor of row `i` at every draw.
    fn eta(&self, class: Option<&str>, effects: &[Effects], i: usize) -> Result<Vec<f64>, RegressionError> {
        let of = self.regression;
        let mut eta = vec![self.design.offset.as_ref().map_or(0.0, |offset| offset[i]); self.draws.all.num_draws];
        let mut add = |values: &[f64], x: f64| eta.iter_mut().zip(values).for_each(|(eta, value)| *eta += value * x);
        if of.formula.terms.intercept && of.likelihood().has_intercept() {
            add(self.draws.of(&of.single(of.intercept_site(), class))?, 1.0);
        }
        for ((name, mean), values) in of.columns.names.iter().zip(&of.columns.means).zip(&self.design.columns.values) {
            add(self.draws.of(&of.coefficient(class, name))?, values[i] - mean);
        }
        for (group, effects) in self.design.groups.iter().zip(effects) {
            for (effect, column) in effects.iter().zip(&group.columns.values) {
                add(&effect[group.codes[i] as usize], column[i]);
            }
        }
        self.special_eta(class, i, &mut eta)?;
        Ok(eta)
    }

    /// The effects of all groups at every draw; those of groups that are new are drawn.
    fn effects(&self, class: Option<&str>) -> Result<Vec<Effects>, RegressionError> {
        let of = self.regression;
        let num_draws = self.draws.all.num_draws;
        let mut all = Vec::new();
        if self.of_middle_group {
            return Ok(all);
        }
        for (g, (group, new)) in of.groups.iter().zip(&self.design.groups).enumerate() {
            let names: Vec<&str> = group.effects.iter().map(|effect| effect.name.as_str()).collect();
            let site = |kind: &str, name: &str| of.of_group(kind, class, group, name);
            let mut effects: Effects = Vec::new();
            for name in &names {
                let known = (0..new.known).map(|k| Ok(self.draws.element(&site("effect", name), k)?.to_vec()));
                effects.push(known.collect::<Result<_, RegressionError>>()?);
            }
            let sds = names.iter().map(|name| self.draws.of(&site("sd", name))).collect::<Result<Vec<_>, _>>()?;
            for level in new.known..new.levels.len() {
                let n = names.len();
                let mut noise = vec![0.0; n * num_draws];
                let purpose =
                    class.map_or(0, |class| of.response.categories.iter().position(|c| c == class).unwrap_or(0) as u32);
                self.streams
                    .purpose(GROUPS)
                    .purpose(g as u32)
                    .purpose(purpose)
                    .at_step(level as u64)
                    .fill_normal(num_draws, &mut noise);
                for (j, effect) in effects.iter_mut().enumerate() {
                    let mut values = vec![0.0; num_draws];
                    for k in 0..=j {
                        let factor = match (group.correlated, k == j) {
                            (true, _) => Some(self.draws.of(&format!("{}[{j},{k}]", site("factor", "")))?),
                            (false, true) => None,
                            (false, false) => continue,
                        };
                        for (d, value) in values.iter_mut().enumerate() {
                            *value += factor.map_or(1.0, |factor| factor[d]) * noise[k * num_draws + d];
                        }
                    }
                    values.iter_mut().zip(sds[j]).for_each(|(value, sd)| *value *= sd);
                    effect.push(values);
                }
            }
            all.push(effects);
        }
        Ok(all)
    }

    /// The mean of the response of row `i` at every draw; of categories the probability of each.
    pub(super) fn expected(&self, parts: &Parts, etas: &[Vec<f64>], i: usize) -> Vec<Vec<f64>> {
        let of = self.regression;
        let (likelihood, trials) = (of.likelihood(), self.trials_of(i));
        let mut expected = vec![Vec::new(); self.categories().len().max(1)];
        for d in 0..self.draws.all.num_draws {
            let shares = match likelihood {
                ResponseLaw::Ordinal => ordinal(etas[0][d], parts.cuts.iter().map(|cut| cut[d])),
                ResponseLaw::SequentialOrdinal => sequential(etas[0][d], parts.cuts.iter().map(|cut| cut[d])),
                ResponseLaw::Categorical => softmax(etas.iter().map(|eta| eta[d])),
                _ => {
                    let numbers = parts.numbers_at(d);
                    vec![likelihood.expectation_within(of.link, etas[0][d], &numbers, trials, self.bounds_of(i))]
                }
            };
            expected.iter_mut().zip(&shares).for_each(|(list, share)| list.push(*share));
        }
        expected
    }

    /// A response of row `i` at every draw.
    fn outcomes(&self, parts: &Parts, etas: &[Vec<f64>], expected: &[Vec<f64>], i: usize) -> Vec<f64> {
        let of = self.regression;
        let (likelihood, trials) = (of.likelihood(), self.trials_of(i));
        let bounds = self.bounds.as_ref().map(|[low, high]| (Real::from(low[i]), Real::from(high[i])));
        // Its parameters are given at every draw.
        let ones = Extra { numbers: vec![Real::from(0.5); 2], cutpoints: Vec::new() };
        let about = About { trials: None, low: None, high: None, upper: None, bounds };
        let outcome = likelihood.outcome(of.link, Real::from(0.5), &ones, about);
        let of_bounds = likelihood.bounds(self.bounds_of(i));
        let streams = self.streams.purpose(OUTCOMES).at_step(i as u64);
        let one = |d: usize| {
            let (mut rng, mut out) = (streams.draw(d), [0.0]);
            if expected.len() > 1 {
                let shares: Vec<f64> = expected.iter().map(|list| list[d]).collect();
                return picked(&shares, &mut rng);
            }
            let mut parameters = likelihood.numbers(of.link, etas[0][d], &parts.numbers_at(d), trials);
            parameters.extend(&of_bounds);
            outcome.sample(&parameters, &mut rng, &mut out);
            out[0]
        };
        (0..self.draws.all.num_draws).map(one).collect()
    }

    /// The number of trials of row `i`.
    pub(super) fn trials_of(&self, i: usize) -> f64 {
        self.trials.as_ref().map_or(1.0, |n| n[i])
    }

    /// The bounds of row `i`, infinite where there is none.
    fn bounds_of(&self, i: usize) -> (f64, f64) {
        let finite = |x: f64| if x.abs() == f64::MAX { x.signum() * f64::INFINITY } else { x };
        self.bounds.as_ref().map_or(super::about::NO_BOUNDS, |[low, high]| (finite(low[i]), finite(high[i])))
    }

    /// The cutpoints of the centred columns at every draw.
    fn cutpoints(&self) -> Result<Vec<&[f64]>, RegressionError> {
        let num_cuts = self.regression.response.categories.len() - 1;
        let site = if self.regression.has_means() { "cutpoints_at_means" } else { "cutpoints" };
        let one = |k: usize| if num_cuts == 1 { self.draws.of(site) } else { self.draws.element(site, k) };
        (0..num_cuts).map(|k| one(k).or_else(|_| self.draws.element(site, k))).collect()
    }
}

/// `P(y = k) = sigmoid(cut_k - eta) - sigmoid(cut_(k-1) - eta)`.
fn ordinal(eta: f64, cuts: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut below = 0.0;
    let ends = cuts.map(|cut| 1.0 / (1.0 + (eta - cut).exp())).chain([1.0]);
    ends.map(|end| end - std::mem::replace(&mut below, end)).collect()
}

/// `P(y = k) = sigmoid(cut_k - eta)` of what is left of the categories before it.
fn sequential(eta: f64, cuts: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut left = 1.0;
    let ends: Vec<f64> = cuts
        .map(|cut| {
            let here = left / (1.0 + (eta - cut).exp());
            left -= here;
            here
        })
        .collect();
    ends.into_iter().chain([left]).collect()
}

/// The shares of the first category, whose predictor is 0, and of the others.
fn softmax(etas: impl Iterator<Item = f64>) -> Vec<f64> {
    let etas: Vec<f64> = std::iter::once(0.0).chain(etas).collect();
    let most = etas.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = etas.iter().map(|eta| (eta - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

fn picked(shares: &[f64], rng: &mut jensen::streams::Stream) -> f64 {
    let mut out = [0.0];
    // The position of a uniform number among the shares added up.
    jensen::dist::uniform(0.0, 1.0).sample(&[0.0, 1.0], rng, &mut out);
    let mut sum = 0.0;
    let ends: Vec<f64> = shares
        .iter()
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    ends.iter().position(|end| out[0] < *end).unwrap_or(shares.len() - 1) as f64
}
