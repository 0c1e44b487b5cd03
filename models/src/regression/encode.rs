//! Factors as numbers: columns of a table read, functions applied, categories told apart.
//!
//! What is learnt from the rows of a fit (how a column is read, its categories, the mean that `center` takes away) is
//! kept in the [`Encoder`], so that new rows are treated as those of the fit.

use super::error::RegressionError;
use super::formula::{Node, NodeKind, Operator};
use super::formula_error::FormulaError;
use super::reading::{Reading, level, levels, missing_column};
use crate::data::DataTable;
use std::collections::BTreeMap;

/// Some rows of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub table: &'a DataTable,
    /// The rows of the table, from 0.
    pub rows: &'a [usize],
}

/// What is learnt from the rows of a fit.
#[derive(Debug, Clone, Default)]
pub(super) struct Encoder {
    /// The formula, for messages.
    pub text: String,
    /// How each column is read.
    pub readings: BTreeMap<String, Reading>,
    /// The categories of each factor that has some.
    pub levels: BTreeMap<String, Vec<String>>,
    /// The numbers that each function of whole columns has taken from them.
    pub states: BTreeMap<String, Vec<f64>>,
    /// Whether all has been learnt.
    pub learnt: bool,
    /// Columns that are taken for others than they are.
    pub replaced: BTreeMap<String, Replaced>,
}

/// What stands in the place of a column's cells.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Replaced {
    /// Its numbers and so much more.
    Shifted(f64),
    /// One cell in every row.
    Cell(String),
    /// A number for each row.
    Numbers(Vec<f64>),
    /// A cell for each row.
    Cells(Vec<String>),
}

/// A factor in all rows.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Constant(f64),
    Column(Vec<f64>),
    /// Several columns with names.
    Block(Vec<(String, Vec<f64>)>),
    Category(Category),
}

/// The category of each row.
#[derive(Debug, Clone)]
pub(super) struct Category {
    pub codes: Vec<u32>,
    pub levels: Vec<String>,
    /// The level that the others are compared with, or whose coefficient the others make.
    pub reference: usize,
    pub coding: Coding,
}

/// How categories become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Each level but the reference is compared with it.
    Treatment,
    /// Each level but one is compared with the mean of all; the coefficients of all add up to zero.
    Sum,
}

impl Encoder {
    /// Nothing is learnt yet.
    pub fn new(text: &str) -> Self {
        Encoder { text: text.to_string(), ..Encoder::default() }
    }

    /// The factor in every row of the frame.
    pub fn value(&mut self, node: &Node, frame: Frame) -> Result<Value, RegressionError> {
        match &node.kind {
            NodeKind::Number(x) => Ok(Value::Constant(*x)),
            NodeKind::Text(_) => self.error(node, "words stand here for a number"),
            NodeKind::Name(name) => match self.reading(name, node, frame)? {
                Reading::Words { .. } => {
                    Ok(Value::Category(self.category(name, None, Coding::Treatment, node, frame)?))
                }
                reading => Ok(Value::Column(self.numbers(name, &reading, frame)?)),
            },
            NodeKind::Negative(inner) => {
                let value = self.arithmetic(inner, frame)?;
                Ok(map(value, |x| -x))
            }
            NodeKind::Pair(operator, a, b) => {
                let of: fn(f64, f64) -> f64 = match operator {
                    Operator::Add => |a, b| a + b,
                    Operator::Subtract => |a, b| a - b,
                    Operator::Multiply => |a, b| a * b,
                    Operator::Divide => |a, b| a / b,
                    Operator::Power => f64::powf,
                    _ => return self.error(node, "this is no arithmetic, which is what functions take"),
                };
                let value = zip(self.arithmetic(a, frame)?, self.arithmetic(b, frame)?, of);
                self.finite(value, node, frame)
            }
            NodeKind::Call(name, arguments) => self.call(name, arguments, node, frame),
        }
    }

    /// The numbers of a factor in every row.
    pub fn column(&mut self, node: &Node, frame: Frame) -> Result<Vec<f64>, RegressionError> {
        match self.arithmetic(node, frame)? {
            Value::Constant(x) => Ok(vec![x; frame.rows.len()]),
            Value::Column(values) => Ok(values),
            Value::Block(_) | Value::Category(_) => self.error(node, "one number a row was expected"),
        }
    }

    /// A factor that must be of numbers.
    pub fn arithmetic(&mut self, node: &Node, frame: Frame) -> Result<Value, RegressionError> {
        match self.value(node, frame)? {
            Value::Category(of) => {
                let words = format!(
                    "it holds words ({}), of which there is no arithmetic",
                    of.levels.first().map_or("", String::as_str)
                );
                self.error(node, &words)
            }
            Value::Block(_) => self.error(node, "it is several columns, of which there is no arithmetic"),
            value => Ok(value),
        }
    }

    /// How the column `name` is read.
    pub fn reading(&mut self, name: &str, node: &Node, frame: Frame) -> Result<Reading, RegressionError> {
        self.known(name, node, frame)?;
        if let Some(reading) = self.readings.get(name) {
            return Ok(reading.clone());
        }
        let reading = Reading::of(frame.table, name)?;
        self.readings.insert(name.to_string(), reading.clone());
        Ok(reading)
    }

    /// The table has the column.
    pub fn known(&self, name: &str, node: &Node, frame: Frame) -> Result<(), RegressionError> {
        missing_column(frame.table, name).map_or(Ok(()), |words| self.error(node, &words))
    }

    /// The categories of a column; those of new rows must be among those of the fit.
    pub fn category(
        &mut self,
        column: &str,
        reference: Option<&Node>,
        coding: Coding,
        node: &Node,
        frame: Frame,
    ) -> Result<Category, RegressionError> {
        let mut cells = cells(column, frame)?;
        let replaced = self.replaced.get(column).cloned();
        match &replaced {
            Some(Replaced::Cell(cell)) => cells.fill(cell),
            Some(Replaced::Cells(all)) => cells = all.iter().map(String::as_str).collect(),
            _ => {}
        }
        let known = self.levels.entry(column.to_string()).or_insert_with(|| levels(cells.iter().copied())).clone();
        // Words of which nearly every row has its own are no categories.
        if !self.learnt && 2 * known.len() > cells.len() + 4 {
            let meant = super::reading::close_to(&known)
                .map_or("write numbers without units, or leave it out".to_string(), |meant| {
                    format!("they look like {meant}")
                });
            let words = format!(
                "`{column}` has {} different words in {} rows, such as \"{}\"; {meant}",
                known.len(),
                cells.len(),
                cells[0]
            );
            return self.error(node, &words);
        }
        let one = |(&row, cell): (&usize, &&str)| {
            level(&known, cell).map(|code| code as u32).ok_or_else(|| RegressionError::Cell {
                place: frame.table.place(column, row).to_string(),
                reason: format!(
                    "the fit has not seen the category \"{cell}\"; its categories are {}",
                    crate::data::nearest::listed(&known, 12)
                ),
            })
        };
        let codes = frame.rows.iter().zip(&cells).map(one).collect::<Result<_, _>>()?;
        let reference = match reference {
            None if coding == Coding::Sum => known.len() - 1,
            None => 0,
            Some(Node { kind: NodeKind::Text(words) | NodeKind::Name(words), .. }) => {
                self.reference(&known, words, node)?
            }
            Some(Node { kind: NodeKind::Number(x), .. }) => self.reference(&known, &x.to_string(), node)?,
            Some(_) => return self.error(node, "write the reference in quotation marks"),
        };
        Ok(Category { codes, levels: known, reference, coding })
    }

    fn reference(&self, levels: &[String], words: &str, node: &Node) -> Result<usize, RegressionError> {
        match level(levels, words) {
            Some(found) => Ok(found),
            None => {
                let listed = crate::data::nearest::listed(levels, 12);
                self.error(node, &format!("there is no category \"{words}\"; there are {listed}"))
            }
        }
    }

    /// The groups of all rows, and the names of those that the fit has not seen, which follow the others.
    pub fn groups(
        &mut self,
        by: &[super::terms::Factor],
        frame: Frame,
    ) -> Result<(Vec<u32>, Vec<String>, usize), RegressionError> {
        let name = by.iter().map(|factor| factor.name.as_str()).collect::<Vec<_>>().join(":");
        let mut parts = Vec::new();
        for factor in by {
            let column = match &factor.node.kind {
                NodeKind::Name(column) => column,
                NodeKind::Call(call, arguments) if call == "C" && arguments.len() == 1 => match &arguments[0].1.kind {
                    NodeKind::Name(column) => column,
                    _ => return self.error(&factor.node, "groups are named by columns"),
                },
                _ => return self.error(&factor.node, "groups are named by columns"),
            };
            self.known(column, &factor.node, frame)?;
            parts.push(cells(column, frame)?);
        }
        let joined: Vec<String> =
            (0..frame.rows.len()).map(|i| parts.iter().map(|cells| cells[i]).collect::<Vec<_>>().join(":")).collect();
        let mut all = self.levels.entry(name).or_insert_with(|| levels(joined.iter().map(String::as_str))).clone();
        let known = all.len();
        let mut index = std::collections::HashMap::new();
        let mut codes = Vec::with_capacity(joined.len());
        for cell in joined {
            let code = *index.entry(cell).or_insert_with_key(|cell| {
                level(&all[..known], cell).unwrap_or_else(|| {
                    all.push(cell.clone());
                    all.len() - 1
                }) as u32
            });
            codes.push(code);
        }
        Ok((codes, all, known))
    }

    fn numbers(&self, name: &str, reading: &Reading, frame: Frame) -> Result<Vec<f64>, RegressionError> {
        let mut values = numbers(name, reading, frame)?;
        let number = |cell: &String| reading.number(cell).unwrap_or(f64::NAN);
        match self.replaced.get(name) {
            Some(Replaced::Shifted(by)) => values.iter_mut().for_each(|x| *x += by),
            Some(Replaced::Cell(cell)) => values.fill(number(cell)),
            Some(Replaced::Numbers(all)) => values.clone_from(all),
            Some(Replaced::Cells(cells)) => values = cells.iter().map(number).collect(),
            None => {}
        }
        Ok(values)
    }

    pub fn error<T>(&self, node: &Node, message: &str) -> Result<T, RegressionError> {
        Err(FormulaError::new(&self.text, node.span.clone(), message).into())
    }
}

/// The cells of a column in the rows of the frame, none of which may be missing.
pub(super) fn cells<'a>(name: &str, frame: Frame<'a>) -> Result<Vec<&'a str>, RegressionError> {
    let all = frame.table.answers(name)?;
    let one = |&row: &usize| {
        all[row].ok_or_else(|| RegressionError::Cell {
            place: frame.table.place(name, row).to_string(),
            reason: "the cell is missing; fill it in or remove the row".to_string(),
        })
    };
    frame.rows.iter().map(one).collect()
}

/// The cells of a column in the rows of the frame that are not missing, with the place of each among these rows.
pub(super) fn known_cells<'a>(name: &str, frame: Frame<'a>) -> Result<Vec<(usize, &'a str)>, RegressionError> {
    let all = frame.table.answers(name)?;
    Ok(frame.rows.iter().enumerate().filter_map(|(i, &row)| Some((i, all[row]?))).collect())
}

fn numbers(name: &str, reading: &Reading, frame: Frame) -> Result<Vec<f64>, RegressionError> {
    let one = |(&row, cell): (&usize, &str)| {
        reading.number(cell).ok_or_else(|| RegressionError::Cell {
            place: frame.table.place(name, row).to_string(),
            reason: format!("\"{cell}\" is found where {} is expected; correct the cell", reading.expected()),
        })
    };
    frame.rows.iter().zip(cells(name, frame)?).map(one).collect()
}

pub(super) fn map(value: Value, f: impl Fn(f64) -> f64) -> Value {
    match value {
        Value::Constant(x) => Value::Constant(f(x)),
        Value::Column(values) => Value::Column(values.into_iter().map(f).collect()),
        other => other,
    }
}

fn zip(a: Value, b: Value, f: fn(f64, f64) -> f64) -> Value {
    match (a, b) {
        (Value::Constant(a), Value::Constant(b)) => Value::Constant(f(a, b)),
        (Value::Column(a), Value::Constant(b)) => Value::Column(a.into_iter().map(|a| f(a, b)).collect()),
        (Value::Constant(a), Value::Column(b)) => Value::Column(b.into_iter().map(|b| f(a, b)).collect()),
        (Value::Column(a), Value::Column(b)) => Value::Column(a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()),
        (other, _) => other,
    }
}
