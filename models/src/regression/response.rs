//! The response of every row, held against what its likelihood allows.

use super::encode::{Category, Encoder, Frame, Value, cells};
use super::error::RegressionError;
use super::formula::Node;
use super::formula::NodeKind as Part;
use super::likelihood::{Kind, ResponseLaw};
use super::reading::{level, levels};
use super::seen::Limits;
use super::terms::Formula;
use crate::data::nearest::listed;

/// The response of every row.
#[derive(Debug, Clone, Default)]
pub(super) struct Response {
    /// Its name, as it is written.
    pub name: String,
    pub values: Vec<f64>,
    /// The number of trials, for binomial responses.
    pub trials: Option<Vec<f64>>,
    /// Beyond and within what it is not known.
    pub limits: Limits,
    /// Between which each row's response is seen at all.
    pub bounds: Option<[Vec<f64>; 2]>,
    /// How often each row counts.
    pub weights: Option<Vec<f64>>,
    /// The categories in their order; for one of two words, these.
    pub categories: Vec<String>,
}

impl Response {
    pub fn new(
        formula: &Formula,
        likelihood: ResponseLaw,
        encoder: &mut Encoder,
        frame: Frame,
    ) -> Result<Self, RegressionError> {
        let node = &formula.response;
        let name = node.written(&formula.text);
        let kind = likelihood.kind();
        let mut response = Response { name, ..Response::default() };
        match kind {
            Kind::Category => (response.values, response.categories) = categories(node, encoder, frame)?,
            Kind::Answer => match encoder.value(node, frame)? {
                Value::Category(Category { codes, levels, .. }) if levels.len() == 2 => {
                    response.values = codes.into_iter().map(f64::from).collect();
                    response.categories = levels;
                }
                Value::Category(Category { levels, .. }) => {
                    let words = format!("a response of one of two has two categories; found {}", listed(&levels, 8));
                    return encoder.error(node, &words);
                }
                _ => response.values = encoder.column(node, frame)?,
            },
            _ => response.values = encoder.column(node, frame)?,
        }
        response.limits(formula, likelihood, encoder, frame)?;
        let misfit = response.values.iter().enumerate().find_map(|(i, &y)| Some((i, kind.mistake(y)?)));
        if let Some((i, expected)) = misfit {
            return Err(response.cell(
                node,
                frame,
                i,
                &format!("must be {expected} for the likelihood `{likelihood}`"),
            ));
        }
        response.trials(formula, likelihood, encoder, frame)?;
        response.weights(formula, encoder, frame)?;
        response.bounded(formula, likelihood, encoder, frame)?;
        response.constant(likelihood, encoder, node)?;
        Ok(response)
    }

    /// The error of the response in row `i`.
    pub(super) fn cell(&self, node: &Node, frame: Frame, i: usize, reason: &str) -> RegressionError {
        let column = node.names().first().map_or(self.name.clone(), |(name, _)| name.to_string());
        let place = frame.table.place(&column, frame.rows[i]).to_string();
        let remedy = "correct the cell or choose another likelihood with --likelihood";
        RegressionError::Cell { place, reason: format!("the response {reason}, found {}; {remedy}", self.values[i]) }
    }

    /// Refuses a response that is the same in all rows.
    fn constant(&self, likelihood: ResponseLaw, encoder: &Encoder, node: &Node) -> Result<(), RegressionError> {
        let is_one = self.values.windows(2).all(|pair| pair[0] == pair[1]) && self.values.len() > 1;
        let may_be = matches!(likelihood.kind(), Kind::Count) || self.limits.is_any();
        if is_one && !may_be {
            let value = self.categories.first().cloned().unwrap_or_else(|| self.values[0].to_string());
            return encoder.error(node, &format!("every row has the response {value}: there is nothing to explain"));
        }
        Ok(())
    }
}

/// The category of every row, and the categories in their order.
fn categories(node: &Node, encoder: &mut Encoder, frame: Frame) -> Result<(Vec<f64>, Vec<String>), RegressionError> {
    let (column, order) = match &node.kind {
        Part::Name(column) => (column, Vec::new()),
        Part::Call(name, arguments) if name == "ordered" && arguments.len() > 2 => {
            let Part::Name(column) = &arguments[0].1.kind else {
                return encoder.error(node, "write `ordered(column, \"low\", \"high\")`");
            };
            let word = |(_, node): &(Option<String>, Node)| match &node.kind {
                Part::Text(words) | Part::Name(words) => Some(words.clone()),
                Part::Number(x) => Some(x.to_string()),
                _ => None,
            };
            let order: Option<Vec<String>> = arguments[1..].iter().map(word).collect();
            let Some(order) = order else { return encoder.error(node, "write the categories in quotation marks") };
            (column, order)
        }
        _ => {
            return encoder.error(node, "a column of categories was expected, or `ordered(column, \"low\", \"high\")`");
        }
    };
    encoder.reading(column, node, frame)?;
    let cells = cells(column, frame)?;
    let levels = if order.is_empty() { levels(cells.iter().copied()) } else { order };
    if levels.len() < 2 {
        return encoder.error(node, "every row has the same category: there is nothing to explain");
    }
    // A category for each row is no category.
    if 2 * levels.len() > cells.len() + 4 {
        let words =
            format!("{} categories in {} rows; a column of few categories was expected", levels.len(), cells.len());
        return encoder.error(node, &words);
    }
    let mut values = Vec::with_capacity(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        let found = level(&levels, cell).or_else(|| levels.iter().position(|level| level == cell));
        let Some(code) = found else {
            return Err(RegressionError::Cell {
                place: frame.table.place(column, frame.rows[i]).to_string(),
                reason: format!("\"{cell}\" is none of the categories {}", listed(&levels, 12)),
            });
        };
        values.push(code as f64);
    }
    Ok((values, levels))
}
