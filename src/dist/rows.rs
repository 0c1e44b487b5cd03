//! Tells what varies by row from what does not, and so decides where a density's work is done.

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

#[cfg(test)]
mod tests {
    use super::super::testing_programs::*;
    use super::super::testing_samples::close;
    use super::*;
    use crate::program::{Column, log_sum_exp, sum};

    #[test]
    fn regrouped_sums_are_the_same_sums() {
        let x = Column::new(vec![0.5, -1.5]);
        let at = [0.3, -0.7, 1.9];
        let density = |z: &[Real], i| {
            let (row, shared) = ((x.at(i) * z[0]).sin(), z[1] * z[2]);
            let twice = row - shared;
            let all = -(twice + twice + 1.0) + sum(&[row, z[1], x.at(i), Real::from(0.25)]) - 2.0 * x.at(i);
            add_outside(all, z[2]) - log_sum_exp(&[add_outside(x.at(i), z[0].exp()), add_outside(z[0], z[1])])
        };
        let by_hand: f64 = [0.5_f64, -1.5]
            .into_iter()
            .map(|x| {
                let (row, shared) = ((x * at[0]).sin(), at[1] * at[2]);
                let all = -2.0 * row + 2.0 * shared - 1.0 + row + at[1] + x + 0.25 - 2.0 * x + at[2];
                all - ((x + at[0].exp()).exp() + (at[0] + at[1]).exp()).ln()
            })
            .sum();
        let program = record_rows(3, 2, density);
        close(oracle(&program, &at), by_hand, 16.0);
        check_program(&program, &at);
    }
}
