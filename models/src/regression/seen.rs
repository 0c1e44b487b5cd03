//! How responses were seen: among how many trials, beyond limits or within intervals, between bounds, and how often.

use super::encode::{Encoder, Frame, cells};
use super::error::RegressionError;
use super::formula::{Node, NodeKind};
use super::likelihood::{Kind, ResponseLaw};
use super::response::Response;
use super::terms::Formula;
use jensen::model::Row;
use jensen::program::{Column, IntColumn, Real};

/// Beyond and within what responses are not known; each where some row is so, with numbers that say nothing in the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    /// Where the response is an upper bound.
    pub low: Option<Vec<f64>>,
    /// Where it is a lower bound.
    pub high: Option<Vec<f64>>,
    /// The upper ends of intervals of which it is the lower end.
    pub upper: Option<Vec<f64>>,
}

/// What the model observes, as columns.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub y: Column,
    pub trials: Option<IntColumn>,
    pub low: Option<Column>,
    pub high: Option<Column>,
    pub upper: Option<Column>,
    pub weights: Option<Column>,
    /// Between which responses are seen at all.
    pub bounds: Option<[Bound; 2]>,
}

/// A bound of responses.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    /// The same in all rows.
    One(f64),
    /// One for each row.
    Each(Column),
}

impl Bound {
    fn new(values: Vec<f64>) -> Self {
        match values[..] {
            [first, ref rest @ ..] if rest.iter().all(|x| *x == first) => Bound::One(first),
            _ => Bound::Each(Column::new(values)),
        }
    }

    /// The bound of a row.
    pub fn at(&self, i: &Row) -> Real {
        match self {
            Bound::One(x) => Real::from(*x),
            Bound::Each(column) => column.at(i),
        }
    }
}

/// The lower bound of positive numbers where one says nothing.
const NEXT_TO_ZERO: f64 = 1e-300;

/// The bounds of every row, the largest numbers where there is none; nothing without `trunc`. Of positive numbers a lower bound that
/// says nothing is a number next to zero, where their distribution functions have a value.
pub(super) fn bounds(
    formula: &Formula,
    likelihood: ResponseLaw,
    encoder: &mut Encoder,
    frame: Frame,
) -> Result<Option<[Vec<f64>; 2]>, RegressionError> {
    if !formula.is_truncated() {
        return Ok(None);
    }
    let mut of = |node: &Option<Node>, none: f64| match node {
        Some(node) => encoder.column(node, frame),
        None => Ok(vec![none; frame.rows.len()]),
    };
    let (mut low, high) = (of(&formula.bounds[0], -f64::MAX)?, of(&formula.bounds[1], f64::MAX)?);
    if likelihood.kind() == Kind::Positive && formula.bounds[0].is_some() {
        low.iter_mut().for_each(|low| *low = low.max(NEXT_TO_ZERO));
    }
    Ok(Some([low, high]))
}

impl Observed {
    pub fn new(response: &Response) -> Self {
        let column = |values: &Option<Vec<f64>>| values.clone().map(Column::new);
        Observed {
            y: Column::new(response.values.clone()),
            trials: response.trials.as_ref().map(|n| IntColumn::new(n.iter().map(|&n| n as u64))),
            low: column(&response.limits.low),
            high: column(&response.limits.high),
            upper: column(&response.limits.upper),
            weights: column(&response.weights),
            bounds: response.bounds.clone().map(|all| all.map(Bound::new)),
        }
    }
}

/// How a response is known.
#[derive(Clone, Copy, PartialEq)]
enum Censoring {
    Left,
    None,
    Right,
    Interval,
}

impl Censoring {
    fn of(cell: &str) -> Option<Self> {
        Some(match cell.to_lowercase().as_str() {
            "-1" | "-1.0" | "left" => Censoring::Left,
            "0" | "0.0" | "false" | "f" | "no" | "n" | "none" => Censoring::None,
            "1" | "1.0" | "true" | "t" | "yes" | "y" | "right" => Censoring::Right,
            "2" | "2.0" | "interval" => Censoring::Interval,
            _ => return None,
        })
    }
}

impl Limits {
    pub fn is_any(&self) -> bool {
        self.low.is_some() || self.high.is_some() || self.upper.is_some()
    }
}

impl Response {
    pub(super) fn trials(
        &mut self,
        formula: &Formula,
        likelihood: ResponseLaw,
        encoder: &mut Encoder,
        frame: Frame,
    ) -> Result<(), RegressionError> {
        let node = match (&formula.trials, likelihood) {
            (None, law) if law.has_trials() => {
                return encoder.error(&formula.response, "of how many trials? Write `successes | trials(n) ~ ..`");
            }
            (Some(node), law) if !law.has_trials() => {
                return encoder
                    .error(node, "trials are of the likelihoods `binomial` and `beta-binomial`; choose it with --likelihood binomial");
            }
            (None, _) => return Ok(()),
            (Some(node), _) => node,
        };
        let trials = encoder.column(node, frame)?;
        for (i, (&n, &y)) in trials.iter().zip(&self.values).enumerate() {
            if let Some(expected) = Kind::Count.mistake(n) {
                return Err(of_row(node, frame, i, format!("trials must be {expected}, found {n}")));
            }
            if y > n {
                return Err(self.cell(&formula.response, frame, i, &format!("is more than its {n} trials")));
            }
        }
        self.trials = Some(trials);
        Ok(())
    }

    /// What `cens(c)` and `cens(c, upper)` say.
    pub(super) fn limits(
        &mut self,
        formula: &Formula,
        likelihood: ResponseLaw,
        encoder: &mut Encoder,
        frame: Frame,
    ) -> Result<(), RegressionError> {
        let Some(node) = &formula.censored else { return Ok(()) };
        if !likelihood.can_be_censored() {
            let words = format!("`{likelihood}` cannot be censored; weibull, exponential, log-normal and normal can");
            return encoder.error(node, &words);
        }
        let NodeKind::Name(column) = &node.kind else {
            return encoder.error(node, "the name of a column was expected");
        };
        encoder.known(column, node, frame)?;
        let until = formula.until.as_ref().map(|node| encoder.column(node, frame)).transpose()?;
        let n = self.values.len();
        let none = || (vec![-f64::MAX; n], vec![f64::MAX; n], vec![-f64::MAX; n]);
        let ((mut low, mut high, mut upper), mut seen) = (none(), Vec::new());
        for (i, cell) in cells(column, frame)?.into_iter().enumerate() {
            let refused = |reason: String| {
                let place = frame.table.place(column, frame.rows[i]).to_string();
                Err(RegressionError::Cell { place, reason })
            };
            let Some(mut how) = Censoring::of(cell) else {
                return refused(format!(
                    "\"{cell}\" is not understood: 1, yes, true or right say that the response is only a lower bound, -1 or left \
                     that it is an upper one, 2 or interval that it is the lower end of an interval, and 0, no, false or none \
                     that it is known"
                ));
            };
            if how == Censoring::Interval {
                let Some(until) = until.as_ref().map(|until| until[i]) else {
                    return refused(
                        "where do intervals end? Write `cens(c, upper)` with the column of their ends".into(),
                    );
                };
                if until <= self.values[i] {
                    let found = self.values[i];
                    return refused(format!(
                        "the interval from {found} to {until} is empty; its upper end comes second"
                    ));
                }
                if likelihood.kind() == Kind::Positive && self.values[i] == 0.0 {
                    // From zero on is all that is not above.
                    (self.values[i], how) = (until, Censoring::Left);
                } else {
                    upper[i] = until;
                }
            }
            match how {
                Censoring::Left => low[i] = self.values[i],
                Censoring::Right => high[i] = self.values[i],
                Censoring::None | Censoring::Interval => {}
            }
            seen.push(how);
        }
        for (how, side) in [(Censoring::Right, "above"), (Censoring::Left, "below")] {
            if seen.iter().all(|found| *found == how) {
                return encoder.error(node, &format!("every row is censored, and nothing is known from {side}"));
            }
        }
        let kept = |how: Censoring, values: Vec<f64>| seen.contains(&how).then_some(values);
        self.limits = Limits {
            low: kept(Censoring::Left, low),
            high: kept(Censoring::Right, high),
            upper: kept(Censoring::Interval, upper),
        };
        Ok(())
    }

    /// What `weights(w)` says.
    pub(super) fn weights(
        &mut self,
        formula: &Formula,
        encoder: &mut Encoder,
        frame: Frame,
    ) -> Result<(), RegressionError> {
        let Some(node) = &formula.weights else { return Ok(()) };
        let weights = encoder.column(node, frame)?;
        if let Some(i) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(of_row(node, frame, i, format!("a weight is a number from 0 on, found {}", weights[i])));
        }
        if weights.iter().all(|w| *w == 0.0) {
            return encoder.error(node, "every row has the weight 0, and none counts");
        }
        self.weights = Some(weights);
        Ok(())
    }

    /// Holds responses to what `trunc(..)` says.
    pub(super) fn bounded(
        &mut self,
        formula: &Formula,
        likelihood: ResponseLaw,
        encoder: &mut Encoder,
        frame: Frame,
    ) -> Result<(), RegressionError> {
        let node = &formula.response;
        if formula.is_truncated() && !likelihood.can_be_censored() {
            let words = format!("`{likelihood}` cannot be truncated; weibull, exponential, log-normal and normal can");
            return encoder.error(node, &words);
        }
        self.bounds = bounds(formula, likelihood, encoder, frame)?;
        let Some([low, high]) = &self.bounds else { return Ok(()) };
        let written = |bound: f64| match bound {
            f64::MAX => "inf".to_string(),
            f64::MIN => "-inf".to_string(),
            NEXT_TO_ZERO => "0".to_string(),
            bound => bound.to_string(),
        };
        for (i, (&low, &high)) in low.iter().zip(high).enumerate() {
            if low >= high {
                let bound = formula.bounds.iter().flatten().next_back().unwrap_or(node);
                return Err(of_row(bound, frame, i, format!("the bounds {low} and {high} leave no room")));
            }
            if !(low..=high).contains(&self.values[i]) {
                let words = format!("lies outside of trunc({}, {})", written(low), written(high));
                return Err(self.cell(node, frame, i, &words));
            }
        }
        Ok(())
    }
}

/// The error of a number of row `i`.
fn of_row(node: &Node, frame: Frame, i: usize, reason: String) -> RegressionError {
    let column = node.names().first().map_or(String::new(), |(name, _)| name.to_string());
    let place = frame.table.place(&column, frame.rows[i]).to_string();
    RegressionError::Cell { place, reason: format!("{reason}; correct the cell") }
}
