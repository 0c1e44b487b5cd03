//! A program with real weights in the place of its integers.
//!
//! Each integer of `K` values becomes `K` latents, its weights: at a corner of the simplex the program says what it
//! said at that value. Arithmetic takes the weighted mean of the values; a comparison, a rounding or an index is
//! worked out at each value and the results are weighted.

use std::collections::HashMap;
use std::panic::Location;

use super::ops::{Binary, Unary};
use super::plan::operands;
use super::recording::{Node, Op, Recording, is_elementwise};

/// An integer latent and its weights.
#[derive(Clone, Debug)]
pub(crate) struct Weighted {
    pub name: String,
    pub in_rows: bool,
    /// Its number among the integers, or among those of the rows.
    pub offset: u32,
    pub low: u32,
    pub num_values: u32,
    /// Number of its first weight among the latents, or among those of the rows.
    pub first: u32,
}

/// The program in which the latents of `integers` stand for the integers; words for the user where it has none.
pub(crate) fn relaxed(recording: &Recording, integers: &[Weighted]) -> Result<Recording, String> {
    let mut relaxing = Relaxing {
        from: recording,
        to: recording.without_nodes(),
        integers,
        nodes: Vec::with_capacity(recording.nodes.len()),
        seen: Vec::with_capacity(recording.nodes.len()),
        weights: vec![None; integers.len()],
        set: HashMap::new(),
    };
    for node in 0..recording.nodes.len() {
        let seen = relaxing.seen_by(node);
        relaxing.seen.push(seen);
        let new = relaxing.node(node)?;
        relaxing.nodes.push(new);
    }
    let Relaxing { mut to, nodes, .. } = relaxing;
    to.terms = recording.terms.clone();
    for term in &mut to.terms {
        term.node = term.node.map(|n| nodes[n as usize]);
    }
    to.current_plate = 0;
    let weights =
        |in_rows: bool| integers.iter().filter(|i| i.in_rows == in_rows).map(|i| i.num_values as usize).sum::<usize>();
    to.num_latents += weights(false);
    to.num_row_latents += weights(true);
    (to.num_integers, to.num_row_integers) = (0, 0);
    Ok(to)
}

/// Integers that a node sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    One(u32),
    Several(u32, u32),
}

impl Seen {
    fn and(self, other: Seen) -> Seen {
        match (self, other) {
            (Seen::Nothing, seen) | (seen, Seen::Nothing) => seen,
            (Seen::One(a), Seen::One(b)) if a != b => Seen::Several(a, b),
            (Seen::Several(a, b), _) => Seen::Several(a, b),
            (_, seen) => seen,
        }
    }
}

/// A node's value with its integer at one value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Set {
    Number(f64),
    Node(u32),
}

struct Relaxing<'a> {
    from: &'a Recording,
    to: Recording,
    integers: &'a [Weighted],
    /// The new node of each old one.
    nodes: Vec<u32>,
    seen: Vec<Seen>,
    /// The vector of weights of each integer.
    weights: Vec<Option<u32>>,
    /// Old nodes at one value of the one integer they see.
    set: HashMap<(u32, u32), Set>,
}

impl Relaxing<'_> {
    fn seen_by(&self, node: usize) -> Seen {
        let node = &self.from.nodes[node];
        let mut seen = match node.op {
            Op::Integer { offset } => self.number(false, offset),
            Op::RowInteger { offset } => self.number(true, offset),
            _ => Seen::Nothing,
        };
        operands(node, &self.from.lists, |a| seen = seen.and(self.seen[a as usize]));
        seen
    }

    fn number(&self, in_rows: bool, offset: u32) -> Seen {
        let found = self.integers.iter().position(|i| i.in_rows == in_rows && i.offset == offset);
        found.map_or(Seen::Nothing, |i| Seen::One(i as u32))
    }

    fn node(&mut self, number: usize) -> Result<u32, String> {
        let node = self.from.nodes[number];
        self.to.current_plate = node.plate;
        let sees = |k: usize| self.seen[node.args[k] as usize] != Seen::Nothing;
        let new = match node.op {
            Op::Integer { .. } | Op::RowInteger { .. } => self.integer(number)?,
            _ if self.seen[number] == Seen::Nothing => return Ok(self.copied(&node)),
            Op::Binary(Binary::Less | Binary::LessEqual | Binary::Equal | Binary::And)
            | Op::Unary(Unary::Floor | Unary::Not) => self.weighted(number)?,
            Op::Select if sees(0) => self.blend(&node)?,
            Op::Gather | Op::GatherImport if sees(1) => self.gathered(number)?,
            _ => return Ok(self.copied(&node)),
        };
        Ok(self.to.spread(new, node.len, node.plate, node.per_draw))
    }

    /// The same operation on the new operands.
    fn copied(&mut self, node: &Node) -> u32 {
        let mut active = node.active;
        operands(node, &self.from.lists, |a| active |= self.to.nodes[self.nodes[a as usize] as usize].active);
        let (start, len) = (node.list.0 as usize, node.list.1 as usize);
        let list: Vec<u32> = self.from.lists[start..start + len].iter().map(|&a| self.nodes[a as usize]).collect();
        let mut args = [0; 3];
        for (to, &a) in args.iter_mut().zip(&node.args).take(super::plan::arity(node.op)) {
            *to = self.nodes[a as usize];
        }
        self.to.push(Node { args, active, ..*node }, &list)
    }

    /// The weights of an integer, and their mean of its values.
    fn integer(&mut self, number: usize) -> Result<u32, String> {
        let Seen::One(which) = self.seen[number] else {
            return Err("an integer of the program belongs to no site".into());
        };
        let integer = &self.integers[which as usize];
        let op = if integer.in_rows {
            Op::RowLatent { offset: integer.first }
        } else {
            Op::Latent { offset: integer.first }
        };
        let values: Vec<f64> = (0..integer.num_values).map(|k| f64::from(integer.low + k)).collect();
        let weights = self.to.leaf(op, values.len(), integer.in_rows, true, true);
        self.weights[which as usize] = Some(weights);
        self.mean_of(weights, &values)
    }

    /// `sum_k weights_k values_k`.
    fn mean_of(&mut self, weights: u32, values: &[f64]) -> Result<u32, String> {
        let here = Location::caller();
        if values.iter().all(|v| *v == values[0]) {
            return Ok(self.to.constant(values[0]));
        }
        let mean = if let [a, b] = *values {
            let node = self.to.nodes[weights as usize];
            let one = Node { op: Op::Element(1), args: [weights, 0, 0], list: (0, 0), len: 1, ..node };
            let one = self.to.push(one, &[]);
            let scaled = self.to.elementwise(Op::MulConst(b - a), &[one], here);
            scaled.and_then(|s| self.to.elementwise(Op::AddConst(a), &[s], here))
        } else {
            let numbers: Vec<u32> = values.iter().map(|&v| self.to.constant(v)).collect();
            let len = values.len() as u32;
            let packed = self.to.nary(Op::Pack, &numbers, |_| len, here);
            packed.and_then(|p| self.to.structured(Op::Dot, &[weights, p], 1, here))
        };
        mean.ok_or_else(|| "a relaxed value has no shape".into())
    }

    /// A comparison, a rounding or a condition: worked out at each value of its integer and weighted.
    fn weighted(&mut self, number: usize) -> Result<u32, String> {
        let node = self.from.nodes[number];
        if let Seen::One(which) = self.seen[number]
            && let Some(values) = self.at_each(number as u32, which)
        {
            return self.weigh(which, &values);
        }
        // Conditions on several integers, each weighted by itself.
        let (here, new) = (Location::caller(), node.args.map(|a| self.nodes.get(a as usize).copied().unwrap_or(0)));
        let joined = match node.op {
            Op::Binary(Binary::And) => self.to.elementwise(Op::Binary(Binary::Mul), &new[..2], here),
            Op::Unary(Unary::Not) => {
                let minus = self.to.elementwise(Op::MulConst(-1.0), &new[..1], here);
                minus.and_then(|m| self.to.elementwise(Op::AddConst(1.0), &[m], here))
            }
            _ => None,
        };
        joined.ok_or_else(|| self.refusal(number, self.seen[number], "is compared or rounded"))
    }

    /// `sum_k weights_k values_k` for values that may be nodes.
    fn weigh(&mut self, which: u32, values: &[Set]) -> Result<u32, String> {
        let weights = self.weights[which as usize].ok_or("an integer is used before it is declared")?;
        let numbers: Option<Vec<f64>> =
            values.iter().map(|v| if let Set::Number(x) = v { Some(*x) } else { None }).collect();
        if let Some(numbers) = numbers {
            return self.mean_of(weights, &numbers);
        }
        let (here, node) = (Location::caller(), self.to.nodes[weights as usize]);
        let mut terms = Vec::with_capacity(values.len());
        for (k, value) in values.iter().enumerate() {
            let weight = Node { op: Op::Element(k as u32), args: [weights, 0, 0], list: (0, 0), len: 1, ..node };
            let weight = self.to.push(weight, &[]);
            let value = self.node_of(*value);
            terms.extend(self.to.elementwise(Op::Binary(Binary::Mul), &[weight, value], here));
        }
        let sum = self.to.nary(Op::Sum, &terms, |len| len, here);
        sum.filter(|_| terms.len() == values.len()).ok_or_else(|| "a relaxed value has no shape".into())
    }

    /// `mask then + (1 - mask) otherwise`.
    fn blend(&mut self, node: &Node) -> Result<u32, String> {
        let here = Location::caller();
        let [mask, a, b] = node.args.map(|a| self.nodes[a as usize]);
        match self.constant_of(mask) {
            Some(1.0) => return Ok(a),
            Some(0.0) => return Ok(b),
            _ => (),
        }
        let first = self.to.elementwise(Op::Binary(Binary::Mul), &[mask, a], here);
        let minus = self.to.elementwise(Op::MulConst(-1.0), &[mask], here);
        let rest = minus.and_then(|m| self.to.elementwise(Op::AddConst(1.0), &[m], here));
        let second = rest.and_then(|r| self.to.elementwise(Op::Binary(Binary::Mul), &[r, b], here));
        let sum = first.zip(second).and_then(|(x, y)| self.to.elementwise(Op::Binary(Binary::Add), &[x, y], here));
        sum.ok_or_else(|| "a relaxed choice has no shape".into())
    }

    fn constant_of(&self, node: u32) -> Option<f64> {
        let found = self.to.nodes[node as usize];
        match found.op {
            Op::Const(c) => Some(c),
            Op::Spread => self.constant_of(found.args[0]),
            _ => None,
        }
    }

    /// The elements of a vector at each value of an index, weighted.
    fn gathered(&mut self, number: usize) -> Result<u32, String> {
        let node = self.from.nodes[number];
        let (vector, index) = (self.nodes[node.args[0] as usize], node.args[1]);
        let refusal = |r: &Self| r.refusal(number, r.seen[index as usize], "is used as an index");
        let Seen::One(which) = self.seen[index as usize] else { return Err(refusal(self)) };
        let Some(places) = self.at_each(index, which) else { return Err(refusal(self)) };
        let (mut values, here) = (Vec::with_capacity(places.len()), Location::caller());
        let source = self.to.nodes[vector as usize];
        for place in places {
            values.push(Set::Node(match place {
                Set::Number(k) if k >= 0.0 && k < f64::from(source.len) && k.fract() == 0.0 => {
                    let element = Op::Element(k as u32);
                    self.to.push(Node { op: element, args: [vector, 0, 0], list: (0, 0), len: 1, ..source }, &[])
                }
                Set::Number(k) => {
                    let words = format!("asks for element {k} of a vector of {}", source.len);
                    return Err(self.refusal(number, self.seen[index as usize], &words));
                }
                Set::Node(at) if self.to.nodes[at as usize].plate == source.plate => {
                    let found = self.to.structured(Op::Gather, &[vector, at], 1, here);
                    found.ok_or_else(|| refusal(self))?
                }
                Set::Node(at) => {
                    let per_draw = source.per_draw || self.to.nodes[at as usize].per_draw;
                    let plate = self.to.nodes[at as usize].plate;
                    let at = self.to.spread(at, 1, plate, per_draw);
                    let op = Op::GatherImport;
                    self.to.push(Node { op, args: [vector, at, 0], len: 1, plate, per_draw, ..source }, &[])
                }
            }));
        }
        self.weigh(which, &values)
    }

    /// An old node at each value of the one integer it sees; `None` where an operation is not followed.
    fn at_each(&mut self, node: u32, which: u32) -> Option<Vec<Set>> {
        (0..self.integers[which as usize].num_values).map(|k| self.at(node, which, k)).collect()
    }

    fn at(&mut self, number: u32, which: u32, k: u32) -> Option<Set> {
        let node = self.from.nodes[number as usize];
        if let Op::Const(c) = node.op {
            return Some(Set::Number(c));
        }
        if self.seen[number as usize] == Seen::Nothing {
            let new = self.nodes[number as usize];
            return Some(self.constant_of(new).map_or(Set::Node(new), Set::Number));
        }
        if let Some(known) = self.set.get(&(number, k)) {
            return Some(*known);
        }
        let value = match node.op {
            Op::Integer { .. } | Op::RowInteger { .. } => {
                Some(Set::Number(f64::from(self.integers[which as usize].low + k)))
            }
            Op::Spread => match self.at(node.args[0], which, k)? {
                Set::Node(a) => {
                    let per_draw = self.to.nodes[a as usize].per_draw;
                    Some(Set::Node(self.to.spread(a, node.len, node.plate, per_draw)))
                }
                number => Some(number),
            },
            op if is_elementwise(op) => {
                let count = super::plan::arity(op);
                let args: Option<Vec<Set>> = node.args[..count].iter().map(|&a| self.at(a, which, k)).collect();
                self.applied(op, &args?)
            }
            _ => None,
        }?;
        self.set.insert((number, k), value);
        Some(value)
    }

    fn applied(&mut self, op: Op, args: &[Set]) -> Option<Set> {
        let number = match (op, args) {
            (Op::Unary(u), [Set::Number(x)]) => Some(u.value(*x)),
            (Op::Binary(b), [Set::Number(x), Set::Number(y)]) => Some(b.value(*x, *y)),
            (Op::AddConst(c), [Set::Number(x)]) => Some(x + c),
            (Op::MulConst(c), [Set::Number(x)]) => Some(x * c),
            (Op::PowConst(c), [Set::Number(x)]) => Some(x.powf(c)),
            _ => None,
        };
        if let Some(number) = number {
            return Some(Set::Number(number));
        }
        let nodes: Vec<u32> = args.iter().map(|a| self.node_of(*a)).collect();
        self.to.elementwise(op, &nodes, Location::caller()).map(Set::Node)
    }

    fn node_of(&mut self, value: Set) -> u32 {
        match value {
            Set::Number(c) => self.to.constant(c),
            Set::Node(n) => n,
        }
    }

    fn refusal(&self, number: usize, seen: Seen, what: &str) -> String {
        let name = |i: u32| &self.integers[i as usize].name;
        let sites = match seen {
            Seen::One(a) => format!("site \"{}\" {what}", name(a)),
            Seen::Several(a, b) => format!("site \"{}\" {what} together with \"{}\"", name(a), name(b)),
            Seen::Nothing => format!("an integer {what}"),
        };
        let place = self.from.places.get(&(number as u32));
        let place = place.map_or(String::new(), |l| format!(" at {}:{}", l.file(), l.line()));
        format!(
            "{sites}{place}; a relaxation needs arithmetic there, or a comparison or an index of one integer and data; \
             use leave-one-out (sticking-the-landing) or local-expectation"
        )
    }
}
