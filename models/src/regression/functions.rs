//! Functions in formulas: of numbers, and of whole columns, from which they take numbers that new rows are treated by.

use super::encode::{Coding, Encoder, Frame, Value, cells, map};
use super::error::RegressionError;
use super::formula::{Node, NodeKind};
use super::{poly, spline};
use crate::data::nearest::nearest;

type Function = fn(f64) -> f64;

/// Functions of numbers.
const FUNCTIONS: [(&str, Function); 8] = [
    ("log", f64::ln),
    ("log2", f64::log2),
    ("log10", f64::log10),
    ("log1p", f64::ln_1p),
    ("exp", f64::exp),
    ("sqrt", f64::sqrt),
    ("abs", f64::abs),
    ("I", |x| x),
];

/// Functions of whole columns.
const OF_COLUMNS: [&str; 11] = ["center", "centre", "scale", "poly", "bs", "C", "offset", "mo", "s", "me", "mi"];

impl Encoder {
    pub fn call(
        &mut self,
        name: &str,
        arguments: &[(Option<String>, Node)],
        node: &Node,
        frame: Frame,
    ) -> Result<Value, RegressionError> {
        let first = match arguments {
            [(None, first), ..] => first,
            _ => return self.error(node, &format!("`{name}` of what? Write `{name}(column)`")),
        };
        if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            if let Some((_, extra)) = arguments.get(1) {
                return self.error(extra, &format!("`{name}` takes one argument"));
            }
            let value = map(self.arithmetic(first, frame)?, function);
            return self.finite(value, node, frame);
        }
        match name {
            "center" | "centre" | "scale" => {
                let values = self.column(first, frame)?;
                let state =
                    self.state(node, || crate::data::Standardisation::measure("", &values), |s| vec![s.mean, s.sd]);
                let (mean, sd) = (state[0], if name == "scale" { state[1] } else { 1.0 });
                if sd == 0.0 {
                    return self.error(node, "the column is constant and has no scale");
                }
                Ok(Value::Column(values.iter().map(|x| (x - mean) / sd).collect()))
            }
            "poly" => {
                let degree = match arguments {
                    [_, (keyword, Node { kind: NodeKind::Number(d), .. })]
                        if keyword.as_deref().is_none_or(|k| k == "degree")
                            && d.fract() == 0.0
                            && (1.0..=9.0).contains(d) =>
                    {
                        *d as usize
                    }
                    _ => return self.error(node, "write `poly(x, 2)`, with a degree from 1 to 9"),
                };
                let values = self.column(first, frame)?;
                let learnt = poly::learn(&values, degree);
                let Some(learnt) = learnt.or_else(|| self.learnt.then(Vec::new)) else {
                    return self
                        .error(node, &format!("degree {degree} needs at least {} different values", degree + 1));
                };
                let state = self.state(node, || learnt, Clone::clone);
                let name = node.written(&self.text);
                let columns = poly::columns(&values, &state).into_iter().enumerate();
                Ok(Value::Block(columns.map(|(k, column)| (format!("{name}[{}]", k + 1), column)).collect()))
            }
            "bs" => self.spline(first, &arguments[1..], node, frame),
            "C" => {
                let NodeKind::Name(column) = &first.kind else {
                    return self.error(first, "the name of a column was expected");
                };
                let (mut reference, mut coding) = (None, Coding::Treatment);
                for (keyword, argument) in &arguments[1..] {
                    let word = match &argument.kind {
                        NodeKind::Name(word) if keyword.is_none() => word.to_lowercase(),
                        _ => String::new(),
                    };
                    match (word.as_str(), keyword.as_deref()) {
                        ("sum", _) => coding = Coding::Sum,
                        ("treatment", _) => coding = Coding::Treatment,
                        (_, None | Some("ref" | "reference")) => reference = Some(argument),
                        _ => return self.error(argument, "write `C(x)`, `C(x, sum)` or `C(x, ref=\"level\")`"),
                    }
                }
                // Its cells are words, whatever they are.
                self.known(column, first, frame)?;
                Ok(Value::Category(self.category(column, reference, coding, node, frame)?))
            }
            _ if super::special::SPECIAL.contains(&name) => {
                let words = format!(
                    "`{name}(..)` is a term of its own: neither within a product or a function nor in `(.. | group)`"
                );
                self.error(node, &words)
            }
            _ => {
                let known = FUNCTIONS.iter().map(|(name, _)| *name).chain(OF_COLUMNS);
                let hint =
                    nearest(name, known.clone()).map_or(String::new(), |found| format!(", did you mean `{found}`?"));
                let known: Vec<&str> = known.collect();
                self.error(node, &format!("no function `{name}`{hint}; there are {}", known.join(", ")))
            }
        }
    }

    /// The numbers that a function has taken from the rows of the fit.
    fn state<T>(&mut self, node: &Node, measure: impl FnOnce() -> T, numbers: impl FnOnce(&T) -> Vec<f64>) -> Vec<f64> {
        let name = node.written(&self.text);
        self.states.entry(name).or_insert_with(|| numbers(&measure())).clone()
    }

    /// `bs(x, df=6, degree=3)`.
    fn spline(
        &mut self,
        x: &Node,
        settings: &[(Option<String>, Node)],
        node: &Node,
        frame: Frame,
    ) -> Result<Value, RegressionError> {
        let (mut df, mut degree) = (None, 3);
        for (k, (keyword, setting)) in settings.iter().enumerate() {
            let number = match setting.kind {
                NodeKind::Number(x) if x.fract() == 0.0 && (1.0..=50.0).contains(&x) => x as usize,
                _ => return self.error(setting, "a whole number from 1 to 50 was expected"),
            };
            match (keyword.as_deref(), k) {
                (Some("df"), _) | (None, 0) => df = Some(number),
                (Some("degree"), _) | (None, 1) => degree = number,
                _ => return self.error(setting, "write `bs(x, df=6)`, or `bs(x, df=6, degree=2)`"),
            }
        }
        let Some(df) = df.filter(|df| *df >= degree && degree <= 9) else {
            let words = format!("write `bs(x, df=6)`, with as many columns as the degree, {degree}, or more");
            return self.error(node, &words);
        };
        let values = self.column(x, frame)?;
        let learnt = spline::learn(&values, df, degree);
        let Some(learnt) = learnt.or_else(|| self.learnt.then(Vec::new)) else {
            return self.error(node, &format!("df={df} needs at least {} different values", df + 1));
        };
        let state = self.state(node, || learnt, Clone::clone);
        let written = node.written(&self.text);
        let columns = spline::columns(&values, &state).map_err(|row| {
            let name = node.names().first().map_or(String::new(), |(name, _)| name.to_string());
            let (low, high) = spline::ends(&state);
            RegressionError::Cell {
                place: frame.table.place(&name, frame.rows[row]).to_string(),
                reason: format!(
                    "{} is outside of the rows of the fit, {low} to {high}, where `{written}` ends; leave the row out, or fit \
                     a function that goes on",
                    values[row]
                ),
            }
        })?;
        let named = columns.into_iter().enumerate().map(|(k, column)| (format!("{written}[{}]", k + 1), column));
        Ok(Value::Block(named.collect()))
    }

    /// Refuses a function of numbers that has no value in some row.
    pub fn finite(&self, value: Value, node: &Node, frame: Frame) -> Result<Value, RegressionError> {
        let Value::Column(values) = &value else { return Ok(value) };
        let Some(row) = values.iter().position(|x| !x.is_finite()) else { return Ok(value) };
        let name = node.names().first().map_or(String::new(), |(name, _)| name.to_string());
        let cell = cells(&name, frame)?[row];
        let what = node.written(&self.text);
        Err(RegressionError::Cell {
            place: frame.table.place(&name, frame.rows[row]).to_string(),
            reason: format!(
                "`{what}` is {} where the cell is \"{cell}\"; correct the cell or change the formula",
                values[row]
            ),
        })
    }
}
