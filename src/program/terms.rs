//! Terms to addends: a log density that is a sum is added up part by part, so constants and global parts of
//! a row's term are computed once instead of in every row.

use std::collections::BTreeMap;

use super::TermKind;
use super::ops::{Binary, Unary};
use super::recording::{Op, Recording};

/// `coefficient * node`, summed over the node's elements and over the rows of `plate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Addend {
    pub node: u32,
    pub coefficient: f64,
    pub kind: TermKind,
    /// Rows over which the term is repeated; zero for a term outside of rows.
    pub plate: u16,
    /// The rows are the node's elements, so the sum over the elements is the sum over the rows.
    pub over_elements: bool,
}

/// The log joint as a sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addends {
    pub addends: Vec<Addend>,
    /// Constant part of each kind: (kind, plate, value for each row or once).
    pub constants: Vec<(TermKind, u16, f64)>,
}

/// Splits every recorded term through sums, differences and constant factors.
pub(crate) fn addends(recording: &Recording) -> Addends {
    let mut out = Addends::default();
    let mut groups: BTreeMap<(u16, u8), (TermKind, Split)> = BTreeMap::new();
    for term in &recording.terms {
        let key = (term.plate, term.kind as u8);
        let (_, split) = groups.entry(key).or_insert_with(|| (term.kind, Split::default()));
        split.constant += term.constant;
        if let Some(node) = term.node {
            split.add(node, 1.0);
        }
    }
    for ((plate, _), (kind, mut split)) in groups {
        split.run(recording);
        if split.constant != 0.0 {
            out.constants.push((kind, plate, split.constant));
        }
        let parts = split.parts.into_iter().filter(|&(_, c)| c != 0.0);
        out.addends.extend(parts.map(|(node, coefficient)| Addend {
            node,
            coefficient,
            kind,
            plate,
            over_elements: false,
        }));
    }
    out
}

/// Coefficients of the nodes still to be split, taken from the latest node down, so that a node shared by
/// many sums is split once.
#[derive(Default)]
pub(super) struct Split {
    pending: BTreeMap<u32, f64>,
    pub parts: Vec<(u32, f64)>,
    pub constant: f64,
}

impl Split {
    pub fn add(&mut self, node: u32, coefficient: f64) {
        *self.pending.entry(node).or_insert(0.0) += coefficient;
    }

    pub fn run(&mut self, recording: &Recording) {
        while let Some((index, coefficient)) = self.pending.pop_last() {
            let node = recording.nodes[index as usize];
            let [a, b, _] = node.args;
            match node.op {
                Op::Const(c) => self.constant += coefficient * c,
                Op::AddConst(c) => {
                    self.constant += coefficient * c * f64::from(node.len);
                    self.add(a, coefficient);
                }
                Op::MulConst(c) => self.add(a, coefficient * c),
                Op::Unary(Unary::Neg) => self.add(a, -coefficient),
                Op::Binary(Binary::Add) => {
                    self.add(a, coefficient);
                    self.add(b, coefficient);
                }
                Op::Binary(Binary::Sub) => {
                    self.add(a, coefficient);
                    self.add(b, -coefficient);
                }
                Op::Sum => {
                    let (start, len) = (node.list.0 as usize, node.list.1 as usize);
                    for &k in &recording.lists[start..start + len] {
                        self.add(k, coefficient);
                    }
                }
                Op::SumElements => self.add(a, coefficient),
                Op::Spread => {
                    let source = recording.nodes[a as usize];
                    let copies = if source.len == node.len { 1.0 } else { f64::from(node.len) };
                    self.add(a, coefficient * copies);
                }
                _ => self.parts.push((index, coefficient)),
            }
        }
    }
}
