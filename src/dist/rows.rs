//! What varies by row and what does not: decides where a density's work is done.

use std::collections::BTreeMap;

use crate::program::Real;
use crate::program::recording::{self, Op, Recording};

/// Whether `value` is made inside of a `rows` block.
pub(super) fn varies_by_row(value: Real) -> bool {
    if value.as_constant().is_some() {
        return false;
    }
    let node = value.node();
    recording::with(|r| r.nodes[node as usize].plate != 0).unwrap_or(false)
}

/// `density + outside`, where addends of `density` that are the same in every row join `outside` first.
///
/// Terms of the log joint are split by the engine into what varies by row and what does not; this does the same for
/// an operand of a log-sum-exp.
#[track_caller]
pub(super) fn add_outside(density: Real, outside: Real) -> Real {
    if !varies_by_row(density) {
        return density + outside;
    }
    let node = density.node();
    let Some(parts) = recording::with(|r| Parts::of(r, node)) else { return density + outside };
    let mut total = outside + parts.constant;
    for (node, coefficient) in parts.shared.into_iter().chain(parts.of_row) {
        let part = Real::from_node(node);
        total = match coefficient {
            1.0 => total + part,
            -1.0 => total - part,
            c => total + c * part,
        };
    }
    total
}

/// A sum's addends with their coefficients.
#[derive(Default)]
struct Parts {
    of_row: Vec<(u32, f64)>,
    shared: Vec<(u32, f64)>,
    constant: f64,
}

impl Parts {
    /// Splits from the latest node down, so that a node which many sums share is split once.
    fn of(r: &Recording, sum: u32) -> Parts {
        let mut parts = Parts::default();
        let mut pending = BTreeMap::from([(sum, 1.0)]);
        while let Some((index, coefficient)) = pending.pop_last() {
            let node = r.nodes[index as usize];
            let [a, b, _] = node.args;
            let mut add = |part: u32, sign: f64| *pending.entry(part).or_insert(0.0) += sign * coefficient;
            match node.op {
                _ if node.plate == 0 => parts.shared.push((index, coefficient)),
                // A number of the row stays spread over the draws; a shared one is spread again with its sum.
                Op::Spread if r.nodes[a as usize].plate == 0 => add(a, 1.0),
                Op::AddConst(c) => {
                    parts.constant += coefficient * c;
                    add(a, 1.0);
                }
                Op::Unary(op) if op.name() == "neg" => add(a, -1.0),
                Op::Binary(op) if matches!(op.name(), "add" | "sub") => {
                    add(a, 1.0);
                    add(b, if op.name() == "add" { 1.0 } else { -1.0 });
                }
                Op::Sum => {
                    let (start, len) = (node.list.0 as usize, node.list.1 as usize);
                    r.lists[start..start + len].iter().for_each(|&k| add(k, 1.0));
                }
                _ => parts.of_row.push((index, coefficient)),
            }
        }
        parts
    }
}
