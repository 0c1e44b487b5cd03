//! Columns computed from data alone, worked out for all rows before any draw is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::recording::{Node, Op, Recording};

/// Node, element and number of rows.
type Asked = (u32, u32, usize);

/// A value for each row, where it is worked out.
type Known = Option<Arc<[f64]>>;

/// Values of data expressions, row by row from row 0 on.
pub(crate) struct Columns {
    /// By node, element and number of rows; `None` for what is not worked out.
    known: BTreeMap<Asked, Known>,
    /// Vectors and their sums too, which a plan leaves to the executor.
    with_vectors: bool,
}

impl Columns {
    /// Of the operations that a plan replaces by columns.
    pub fn of_numbers() -> Self {
        Columns { known: BTreeMap::new(), with_vectors: false }
    }

    /// Of every operation that checks of data need.
    pub fn of_everything() -> Self {
        Columns { known: BTreeMap::new(), with_vectors: true }
    }

    /// One element of a node in rows `0..end`; `None` if it depends on more than data. What a constant says it says in
    /// every row.
    pub fn of(&mut self, recording: &Recording, index: u32, element: u32, end: usize) -> Option<Arc<[f64]>> {
        let key = (index, element, end);
        if let Some(values) = self.known.get(&key) {
            return values.clone();
        }
        let values = self.compute(recording, &recording.nodes[index as usize], element, end);
        self.known.insert(key, values.clone());
        values
    }

    fn compute(&mut self, r: &Recording, node: &Node, element: u32, end: usize) -> Option<Arc<[f64]>> {
        let (start, count) = (node.list.0 as usize, node.list.1 as usize);
        let list = &r.lists[start..start + count];
        let mut arg = |k: usize| self.of(r, node.args[k], element_of(r, node.args[k], element), end);
        let values = match node.op {
            Op::Const(c) => vec![c; end],
            Op::Column { column, shift: 0 } if r.columns[column as usize].len() == end => {
                return Some(r.columns[column as usize].clone());
            }
            Op::Column { column, shift } => {
                let data = &r.columns[column as usize];
                let at = |row: usize| data.get((row as i64 + i64::from(shift)) as usize).copied().unwrap_or(f64::NAN);
                (0..end).map(at).collect()
            }
            Op::MatrixColumn { matrix, column } => cells(r, matrix, column, end),
            Op::RowIndex => (0..end).map(|r| r as f64).collect(),
            Op::Spread => return arg(0),
            Op::AddConst(c) => arg(0)?.iter().map(|x| x + c).collect(),
            Op::MulConst(c) => arg(0)?.iter().map(|x| x * c).collect(),
            Op::PowConst(c) => arg(0)?.iter().map(|x| x.powf(c)).collect(),
            Op::Unary(u) => arg(0)?.iter().map(|&x| u.value(x)).collect(),
            Op::Binary(b) => arg(0)?.iter().zip(arg(1)?.iter()).map(|(&x, &y)| b.value(x, y)).collect(),
            Op::Select => {
                let (mask, a, b) = (arg(0)?, arg(1)?, arg(2)?);
                (0..end).map(|r| if mask[r] != 0.0 { a[r] } else { b[r] }).collect()
            }
            Op::Sum => self.total(r, list.iter().map(|&k| (k, element_of(r, k, element))), end)?,
            _ if !self.with_vectors => return None,
            Op::MatrixRow { matrix } => cells(r, matrix, element, end),
            Op::Pack => return self.of(r, list[element as usize], 0, end),
            Op::Element(k) => return self.of(r, node.args[0], k, end),
            Op::SumElements => {
                let vector = node.args[0];
                self.total(r, (0..r.nodes[vector as usize].len).map(|k| (vector, k)), end)?
            }
            Op::GatherColumn { column, shift } => {
                let index = &r.integer_columns[column as usize];
                let at = |row: usize| index.get((row as i64 + i64::from(shift)) as usize).map(|&k| f64::from(k));
                self.gathered(r, node.args[0], (0..end).map(|row| at(row).unwrap_or(f64::NAN)), end)?
            }
            Op::GatherRow { shift } => {
                self.gathered(r, node.args[0], (0..end).map(|row| (row as i64 + i64::from(shift)) as f64), end)?
            }
            Op::Gather | Op::GatherImport => {
                let index = self.of(r, node.args[1], 0, end)?;
                self.gathered(r, node.args[0], index.iter().copied(), end)?
            }
            _ => return None,
        };
        Some(values.into())
    }

    fn total(&mut self, r: &Recording, items: impl Iterator<Item = (u32, u32)>, end: usize) -> Option<Vec<f64>> {
        let mut total = vec![0.0; end];
        for (node, element) in items {
            total.iter_mut().zip(self.of(r, node, element, end)?.iter()).for_each(|(t, x)| *t += x);
        }
        Some(total)
    }

    /// The elements of a vector at an index in each row; NaN where there is none.
    fn gathered(
        &mut self,
        r: &Recording,
        vector: u32,
        index: impl Iterator<Item = f64>,
        end: usize,
    ) -> Option<Vec<f64>> {
        let elements: Option<Vec<_>> = (0..r.nodes[vector as usize].len).map(|k| self.of(r, vector, k, end)).collect();
        let elements = elements?;
        let at = |(row, k): (usize, f64)| {
            if k >= 0.0 { elements.get(k as usize).map_or(f64::NAN, |e| e[row]) } else { f64::NAN }
        };
        Some(index.take(end).enumerate().map(at).collect())
    }
}

/// The element of an operand that an element of the result is made of.
fn element_of(r: &Recording, operand: u32, element: u32) -> u32 {
    if r.nodes[operand as usize].len == 1 { 0 } else { element }
}

fn cells(r: &Recording, matrix: u32, column: u32, end: usize) -> Vec<f64> {
    let (data, columns) = &r.matrices[matrix as usize];
    (0..end).map(|r| data[r * columns + column as usize]).collect()
}

impl Recording {
    /// The rows that read a node of this plate; one where it is outside of rows.
    pub fn rows_of(&self, plate: u16) -> Range<usize> {
        match plate.checked_sub(1).map(|p| self.plates[p as usize]) {
            Some(plate) => plate.start..plate.start + plate.rows,
            None => 0..1,
        }
    }
}
