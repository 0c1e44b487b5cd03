//! A program in which the integers of rows are summed out.
//!
//! What a row's terms say of its integers `k` becomes `ln sum_k exp(terms at k)`, written into the program: each joint
//! value of a row's integers, a *state*, is put in their place, and what follows from it is worked out while the program
//! is made. Terms that see no integer stay as they are.

mod at_state;

use std::collections::BTreeMap;
use std::panic::Location;

use super::TermKind;
use super::plan::{arity, operands};
use super::recording::{Node, Op, Recording, Term};
use super::terms::Split;
use crate::numerics::log_sum_exp;

/// Nodes that all states may take together: a million take some 100 MB.
const MOST_NODES: usize = 1 << 20;

/// A program without integers of rows.
pub(crate) struct Summed {
    pub program: Recording,
    /// The joint values of a row's integers, `[state][integer]`.
    pub states: Vec<Vec<u32>>,
    /// A node of the rows for each state: what the terms that see the integers add up to there.
    pub log_weights: Vec<u32>,
}

/// The joint values of integers with these ends, the last integer fastest; nothing where they are more than `most`.
pub(crate) fn joint_values(ranges: &[(u32, u32)], most: usize) -> Option<Vec<Vec<u32>>> {
    let size = |&(low, high): &(u32, u32)| (high - low) as usize + 1;
    let number = ranges.iter().try_fold(1usize, |n, range| n.checked_mul(size(range)).filter(|n| *n <= most))?;
    let mut all = Vec::with_capacity(number);
    for mut rest in 0..number {
        let mut values = vec![0; ranges.len()];
        for (value, range) in values.iter_mut().zip(ranges).rev() {
            *value = range.0 + (rest % size(range)) as u32;
            rest /= size(range);
        }
        all.push(values);
    }
    Some(all)
}

/// Which nodes see an integer: of rows, or outside of them where `outside` is set.
pub(crate) fn sees_integers(recording: &Recording, outside: bool) -> Vec<bool> {
    let mut sees = vec![false; recording.nodes.len()];
    for (i, node) in recording.nodes.iter().enumerate() {
        let mut own = match node.op {
            Op::RowInteger { .. } => true,
            Op::Integer { .. } => outside,
            _ => false,
        };
        operands(node, &recording.lists, |a| own |= sees[a as usize]);
        sees[i] = own;
    }
    sees
}

/// The program in which the integers of rows are summed out over `states`; words for the user where it cannot be made.
pub(crate) fn summed(recording: &Recording, states: Vec<Vec<u32>>) -> Result<Summed, String> {
    let sees = sees_integers(recording, false);
    let num_seeing = sees.iter().filter(|s| **s).count();
    if num_seeing.saturating_mul(states.len()) > MOST_NODES {
        return Err(format!(
            "{} joint values in each row of {num_seeing} operations that see them are too many to write out",
            states.len()
        ));
    }
    let mut summing =
        Summing { from: recording, to: recording.without_nodes(), sees, nodes: Vec::new(), set: Vec::new() };
    summing.to.num_integers = recording.num_integers;
    summing.to.integer_ranges[0] = recording.integer_ranges[0].clone();
    summing.copy();
    let seen = summing.keep_terms();
    let log_weights =
        summing.sum(&seen, &states).ok_or("a term of the rows has no shape at a value of its integers")?;
    let mut program = summing.to;
    program.current_plate = 0;
    Ok(Summed { program, states, log_weights })
}

/// A node's value at a state.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Set {
    /// The same number in every lane and element.
    Number(f64),
    /// A node of as many elements.
    Node(u32),
}

/// What sees the integers, of one kind of terms: coefficients of old nodes, and a constant.
struct Seen {
    kind: TermKind,
    plate: u16,
    parts: Vec<(u32, f64)>,
}

struct Summing<'a> {
    from: &'a Recording,
    to: Recording,
    sees: Vec<bool>,
    /// The new node of each old one that sees no integer.
    nodes: Vec<u32>,
    /// Each old node that sees one, at the present state.
    set: Vec<Set>,
}

impl Summing<'_> {
    /// Copies what sees no integer.
    fn copy(&mut self) {
        for (i, node) in self.from.nodes.iter().enumerate() {
            if self.sees[i] {
                self.nodes.push(u32::MAX);
                continue;
            }
            self.to.current_plate = node.plate;
            let new = |a: u32| self.nodes[a as usize];
            let (start, len) = (node.list.0 as usize, node.list.1 as usize);
            let list: Vec<u32> = self.from.lists[start..start + len].iter().map(|&a| new(a)).collect();
            let mut args = [0; 3];
            args.iter_mut().zip(&node.args).take(arity(node.op)).for_each(|(to, &a)| *to = new(a));
            let copied = self.to.push(Node { args, ..*node }, &list);
            self.nodes.push(copied);
        }
    }

    /// Keeps the terms that see no integer, and returns the others split into their parts.
    fn keep_terms(&mut self) -> Vec<Seen> {
        let mut groups: BTreeMap<(u16, u8), (TermKind, Split)> = BTreeMap::new();
        for term in &self.from.terms {
            match term.node.filter(|n| self.sees[*n as usize]) {
                None => self.to.terms.push(Term { node: term.node.map(|n| self.nodes[n as usize]), ..*term }),
                Some(node) => {
                    let group = groups.entry((term.plate, term.kind as u8));
                    let (_, split) = group.or_insert_with(|| (term.kind, Split::default()));
                    split.constant += term.constant;
                    split.add(node, 1.0);
                }
            }
        }
        let mut all = Vec::new();
        for ((plate, _), (kind, mut split)) in groups {
            split.run(self.from);
            let (parts, others): (Vec<_>, Vec<_>) = split.parts.into_iter().partition(|p| self.sees[p.0 as usize]);
            self.to.current_plate = plate;
            for (node, c) in others {
                let node = self.scaled(self.nodes[node as usize], c);
                self.to.terms.push(Term { node, constant: 0.0, kind, plate, location: Location::caller() });
            }
            self.to.terms.push(Term {
                node: None,
                constant: split.constant,
                kind,
                plate,
                location: Location::caller(),
            });
            all.push(Seen { kind, plate, parts });
        }
        all
    }

    /// Adds `ln sum exp` over the states to the terms, and returns what the terms are at each of them.
    ///
    /// With `N` of what is no data and `D` of data, the integers' part of the prior is `ln sum exp N`, and that of the
    /// data `ln sum exp (N + D)` less it: the density of the data with the integers summed out.
    fn sum(&mut self, seen: &[Seen], states: &[Vec<u32>]) -> Option<Vec<u32>> {
        let reached = self.reached(seen);
        let plate = seen.first().map_or(0, |s| s.plate);
        let (mut without_data, mut all) = (Vec::new(), Vec::new());
        self.set = vec![Set::Number(f64::NAN); self.from.nodes.len()];
        for state in states {
            for &node in &reached {
                self.set[node as usize] = self.at(node, state)?;
            }
            self.to.current_plate = plate;
            without_data.push(self.total(seen.iter().filter(|s| s.kind != TermKind::Data))?);
            all.push(self.total(seen.iter())?);
        }
        self.to.current_plate = plate;
        let has = |is: fn(TermKind) -> bool| seen.iter().any(|s| is(s.kind));
        let (before, whole) = (self.log_sum_exp(&without_data)?, self.log_sum_exp(&all)?);
        if has(|kind| kind != TermKind::Data) {
            let kind = if has(|kind| kind == TermKind::Bare) { TermKind::Bare } else { TermKind::Prior };
            self.add_term(before, 1.0, kind, plate);
        }
        if has(|kind| kind == TermKind::Data) {
            self.add_term(whole, 1.0, TermKind::Data, plate);
            self.add_term(before, -1.0, TermKind::Data, plate);
        }
        let log_weights = all.iter().map(|set| self.materialised(*set, 1, plate, true));
        Some(log_weights.collect())
    }

    fn add_term(&mut self, set: Set, c: f64, kind: TermKind, plate: u16) {
        let term = match set {
            Set::Number(x) => Term { node: None, constant: c * x, kind, plate, location: Location::caller() },
            Set::Node(node) => {
                Term { node: self.scaled(node, c), constant: 0.0, kind, plate, location: Location::caller() }
            }
        };
        self.to.terms.push(term);
    }

    /// The nodes that see integers and that the terms are computed from, operands first.
    fn reached(&self, seen: &[Seen]) -> Vec<u32> {
        let mut open: Vec<u32> = seen.iter().flat_map(|s| s.parts.iter().map(|p| p.0)).collect();
        let mut known = vec![false; self.from.nodes.len()];
        while let Some(i) = open.pop() {
            if !std::mem::replace(&mut known[i as usize], true) {
                operands(&self.from.nodes[i as usize], &self.from.lists, |a| {
                    if self.sees[a as usize] {
                        open.push(a);
                    }
                });
            }
        }
        (0..known.len() as u32).filter(|i| known[*i as usize]).collect()
    }

    fn scaled(&mut self, node: u32, c: f64) -> Option<u32> {
        if c == 1.0 { Some(node) } else { self.to.elementwise(Op::MulConst(c), &[node], Location::caller()) }
    }

    /// The sum of parts over their elements at the present state.
    fn total<'s>(&mut self, seen: impl Iterator<Item = &'s Seen>) -> Option<Set> {
        let (mut number, mut terms) = (0.0, Vec::new());
        for &(node, c) in seen.flat_map(|s| &s.parts) {
            match self.set[node as usize] {
                Set::Number(x) => number += c * x * f64::from(self.from.nodes[node as usize].len),
                Set::Node(n) => {
                    let mut n = self.scaled(n, c)?;
                    if self.to.nodes[n as usize].len > 1 {
                        n = self.to.structured(Op::SumElements, &[n], 1, Location::caller())?;
                    }
                    terms.push(n);
                }
            }
        }
        self.sum_of(number, &terms)
    }

    fn sum_of(&mut self, number: f64, terms: &[u32]) -> Option<Set> {
        let here = Location::caller();
        let sum = match terms {
            [] => return Some(Set::Number(number)),
            [one] => *one,
            several => self.to.nary(Op::Sum, several, |len| len, here)?,
        };
        let sum = if number == 0.0 { sum } else { self.to.elementwise(Op::AddConst(number), &[sum], here)? };
        Some(Set::Node(sum))
    }

    fn log_sum_exp(&mut self, sets: &[Set]) -> Option<Set> {
        let numbers: Vec<f64> =
            sets.iter().filter_map(|s| if let Set::Number(x) = s { Some(*x) } else { None }).collect();
        if numbers.len() == sets.len() {
            return Some(Set::Number(log_sum_exp(&numbers)));
        }
        // A state that cannot be takes no part.
        let possible = sets.iter().filter(|s| **s != Set::Number(f64::NEG_INFINITY));
        let nodes: Vec<u32> = possible.map(|s| self.node_of(*s)).collect();
        let sum = if let [one] = nodes[..] {
            one
        } else {
            self.to.nary(Op::LogSumExp, &nodes, |len| len, Location::caller())?
        };
        Some(Set::Node(sum))
    }

    fn node_of(&mut self, set: Set) -> u32 {
        match set {
            Set::Number(c) => self.to.constant(c),
            Set::Node(n) => n,
        }
    }

    /// A value in the shape that an operation asks for.
    fn materialised(&mut self, set: Set, len: u32, plate: u16, per_draw: bool) -> u32 {
        let node = self.node_of(set);
        self.to.spread(node, len, plate, per_draw)
    }
}
