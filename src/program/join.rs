//! Few rows become the elements of vectors: a small program runs as one segment, without blocks of rows.
//!
//! A value of each row over the draws and a vector of as many elements over the draws have the same lanes, so an
//! elementwise operation of the rows is already the same operation on vectors. What reads data becomes a vector of
//! that data, and a global vector read at the row number becomes a part of that vector.

use std::sync::Arc;

use super::plan::live_nodes;
use super::recording::{Node, Op, Plate, Recording, is_elementwise};
use super::terms::Addends;

/// Numbers of one draw, over all rows, up to which one segment is faster than blocks of rows.
const MOST_NUMBERS: usize = 12_000;

/// Turns the rows' live nodes into global vectors of their rows' values, and their terms into sums over elements.
///
/// `None` where an operation of the rows has no such form, or there are too many rows. It serves passes over all rows
/// that ask for no row's own term.
pub(super) fn join(recording: &Recording, nodes: &mut [Node], data: &mut Data, sum: &mut Addends) -> Option<()> {
    let live = live_nodes(nodes, &recording.lists, sum, &[]);
    let rows_of = |node: &Node| node.plate.checked_sub(1).map(|p| recording.plates[p as usize]);
    let numbers: usize = nodes.iter().zip(&live).filter(|n| *n.1).filter_map(|n| rows_of(n.0)).map(|p| p.rows).sum();
    if numbers == 0 || numbers > MOST_NUMBERS {
        return None;
    }
    for a in &mut sum.addends {
        a.over_elements = nodes[a.node as usize].plate != 0;
    }
    let mut of_plate = vec![Vec::new(); recording.plates.len()];
    for i in 0..nodes.len() {
        let node = nodes[i];
        let Some(plate) = rows_of(&node).filter(|_| live[i]) else { continue };
        let op = if node.len == 1 { joined(recording, nodes, &node, plate, data.columns)? } else { return None };
        nodes[i] = Node { op, plate: 0, len: plate.rows as u32, ..node };
        of_plate[node.plate as usize - 1].push(i);
    }
    for rows in &of_plate {
        data.gather_in_runs(nodes, rows);
    }
    add_data_terms(nodes, data.columns, sum);
    Some(())
}

/// The data that vectors read.
pub(super) struct Data<'a> {
    pub columns: &'a mut Vec<Arc<[f64]>>,
    pub integers: &'a mut Vec<Arc<[u32]>>,
}

/// Mean length of a run from which on gathering by runs pays.
const SHORTEST_RUN: usize = 4;

impl Data<'_> {
    /// Sorts rows that are gathered by groups, so that each group is one run: what the vectors are for, sums over rows,
    /// asks for no order. `rows` are the nodes of one `rows` block.
    fn gather_in_runs(&mut self, nodes: &mut [Node], rows: &[usize]) {
        // A part of a vector outside of the rows has its own order.
        if rows.iter().any(|&i| matches!(nodes[i].op, Op::Slice { .. })) {
            return;
        }
        let picks = rows.iter().find_map(|&i| match nodes[i].op {
            Op::Pick { column, from } => Some((column, from as usize, nodes[i].len as usize)),
            _ => None,
        });
        let Some((column, from, len)) = picks else { return };
        let index = self.integers[column as usize][from..from + len].to_vec();
        let mut order: Vec<usize> = (0..len).collect();
        order.sort_by_key(|&r| index[r]);
        let num_runs = 1 + order.windows(2).filter(|w| index[w[0]] != index[w[1]]).count();
        if len < num_runs * SHORTEST_RUN {
            return;
        }
        for &i in rows {
            match nodes[i].op {
                Op::Data { column, from } => {
                    let data = &self.columns[column as usize][from as usize..];
                    self.columns.push(order.iter().map(|&r| data[r]).collect());
                    nodes[i].op = Op::Data { column: self.columns.len() as u32 - 1, from: 0 };
                }
                Op::Pick { column, from } => {
                    let data = &self.integers[column as usize][from as usize..];
                    self.integers.push(order.iter().map(|&r| data[r]).collect());
                    nodes[i].op = self.in_runs(self.integers.len() - 1);
                }
                _ => {}
            }
        }
    }

    /// The gather by a whole column, by runs where they are long enough.
    fn in_runs(&mut self, column: usize) -> Op {
        let index = &self.integers[column];
        let ends = (1..=index.len()).filter(|&r| r == index.len() || index[r] != index[r - 1]);
        let runs: Vec<u32> = ends.flat_map(|end| [index[end - 1], end as u32]).collect();
        if runs.len() / 2 * SHORTEST_RUN > index.len() {
            return Op::Pick { column: column as u32, from: 0 };
        }
        self.integers.push(runs.into());
        Op::PickRuns { column: self.integers.len() as u32 - 1 }
    }
}

/// The operation on vectors that stands for a row's operation.
fn joined(
    recording: &Recording,
    nodes: &[Node],
    node: &Node,
    plate: Plate,
    columns: &mut Vec<Arc<[f64]>>,
) -> Option<Op> {
    let first = |shift: i32| u32::try_from(plate.start as i64 + i64::from(shift)).ok();
    let mut keep = |values: Vec<f64>| {
        columns.push(values.into());
        Op::Data { column: columns.len() as u32 - 1, from: 0 }
    };
    let rows = plate.start..plate.start + plate.rows;
    match node.op {
        Op::Column { column, shift } => Some(Op::Data { column, from: first(shift)? }),
        Op::MatrixColumn { matrix, column } => {
            let (data, width) = &recording.matrices[matrix as usize];
            Some(keep(rows.map(|r| data[r * width + column as usize]).collect()))
        }
        Op::RowIndex => Some(keep(rows.map(|r| r as f64).collect())),
        Op::GatherRow { shift } => {
            let source = &nodes[node.args[0] as usize];
            let from = first(shift)?;
            let fits = from as usize + plate.rows <= source.len as usize && source.per_draw == node.per_draw;
            fits.then_some(Op::Slice { from })
        }
        Op::GatherColumn { column, shift } => Some(Op::Pick { column, from: first(shift)? }),
        Op::Spread | Op::Sum | Op::LogSumExp | Op::Custom { .. } => Some(node.op),
        op => is_elementwise(op).then_some(op),
    }
}

/// Terms of data alone are the same in every pass: their mean over the rows joins the constants of each row.
fn add_data_terms(nodes: &[Node], columns: &[Arc<[f64]>], sum: &mut Addends) {
    let mut known = Vec::new();
    sum.addends.retain(|a| {
        let node = nodes[a.node as usize];
        let Op::Data { column, from } = node.op else { return true };
        let values = &columns[column as usize][from as usize..][..node.len as usize];
        known.push((a.kind, a.plate, a.coefficient * values.iter().sum::<f64>() / values.len() as f64));
        false
    });
    sum.constants.extend(known);
}
