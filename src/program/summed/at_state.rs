//! The nodes of a program with the integers of a row at given values: numbers are worked out, branches that are not taken
//! and elements that are not read fall away, and what is the same in every row leaves the rows.

use std::panic::Location;

use super::super::op::differentiable;
use super::super::ops::Binary;
use super::super::plan::arity;
use super::super::recording::{Node, Op, is_elementwise};
use super::{Set, Summing};

impl Summing<'_> {
    /// An old operand at the present state.
    fn operand(&self, node: u32) -> Set {
        if self.sees[node as usize] {
            return self.set[node as usize];
        }
        let mut new = self.nodes[node as usize];
        loop {
            let found = self.to.nodes[new as usize];
            match found.op {
                Op::Const(c) => return Set::Number(c),
                Op::Spread => new = found.args[0],
                _ => return Set::Node(self.nodes[node as usize]),
            }
        }
    }

    /// An old node at a state, its operands known.
    pub(super) fn at(&mut self, number: u32, state: &[u32]) -> Option<Set> {
        let (node, here) = (self.from.nodes[number as usize], Location::caller());
        self.to.current_plate = node.plate;
        let args = |s: &Self| -> Vec<Set> { node.args[..arity(node.op)].iter().map(|&a| s.operand(a)).collect() };
        Some(match node.op {
            Op::RowInteger { offset } => Set::Number(f64::from(state[offset as usize])),
            Op::Spread => match self.operand(node.args[0]) {
                Set::Node(a) if self.to.nodes[a as usize].len != node.len => {
                    let Node { plate, per_draw, .. } = self.to.nodes[a as usize];
                    Set::Node(self.to.spread(a, node.len, plate, per_draw))
                }
                same => same,
            },
            Op::Select => {
                let [mask, then, otherwise] = args(self)[..] else { return None };
                match mask {
                    Set::Number(mask) => {
                        if mask != 0.0 {
                            then
                        } else {
                            otherwise
                        }
                    }
                    Set::Node(_) => self.applied(node.op, &[mask, then, otherwise])?,
                }
            }
            op if is_elementwise(op) => self.applied(op, &args(self))?,
            Op::Element(k) => self.element(self.operand(node.args[0]), k),
            Op::Gather | Op::GatherImport => {
                let [vector, index] = args(self)[..] else { return None };
                match index {
                    Set::Number(k) => {
                        let len = self.from.nodes[node.args[0] as usize].len;
                        let inside = k >= 0.0 && k < f64::from(len);
                        if inside { self.element(vector, k as u32) } else { Set::Number(f64::NAN) }
                    }
                    Set::Node(_) => self.rebuilt(&node),
                }
            }
            Op::SumElements => match self.operand(node.args[0]) {
                Set::Number(x) => Set::Number(x * f64::from(self.from.nodes[node.args[0] as usize].len)),
                Set::Node(a) => Set::Node(self.to.structured(node.op, &[a], 1, here)?),
            },
            Op::Sum | Op::LogSumExp => {
                let (start, len) = (node.list.0 as usize, node.list.1 as usize);
                let list: Vec<Set> = self.from.lists[start..start + len].iter().map(|&a| self.operand(a)).collect();
                if node.op == Op::LogSumExp { self.log_sum_exp(&list)? } else { self.sum_of_sets(&list)? }
            }
            Op::Pack | Op::Custom { .. } => {
                let (start, len) = (node.list.0 as usize, node.list.1 as usize);
                let list: Vec<u32> = self.from.lists[start..start + len].iter().map(|&a| self.sized(a)).collect();
                let own = |len| if node.op == Op::Pack { node.len } else { len };
                Set::Node(self.to.nary(node.op, &list, own, here)?)
            }
            Op::Dot | Op::MatVec { .. } | Op::Cholesky { .. } | Op::SolveLower { .. } | Op::LogSumExpElements => {
                let sized: Vec<u32> = node.args[..arity(node.op)].iter().map(|&a| self.sized(a)).collect();
                Set::Node(self.to.structured(node.op, &sized, node.len, here)?)
            }
            // A layer of the same input in every row.
            Op::Dense { rows } => match self.sized(node.args[1]) {
                input if self.to.nodes[input as usize].plate == 0 => {
                    let weights = self.sized(node.args[0]);
                    Set::Node(self.to.structured(Op::MatVec { rows }, &[weights, input], node.len, here)?)
                }
                _ => self.rebuilt(&node),
            },
            _ => self.rebuilt(&node),
        })
    }

    /// An old operand at the present state with as many elements as it had.
    fn sized(&mut self, node: u32) -> u32 {
        match self.operand(node) {
            Set::Number(c) => {
                let number = self.to.constant(c);
                self.to.spread(number, self.from.nodes[node as usize].len, 0, false)
            }
            Set::Node(n) => n,
        }
    }

    fn sum_of_sets(&mut self, sets: &[Set]) -> Option<Set> {
        let number = sets.iter().map(|s| if let Set::Number(x) = s { *x } else { 0.0 }).sum();
        let nodes: Vec<u32> = sets.iter().filter_map(|s| if let Set::Node(n) = s { Some(*n) } else { None }).collect();
        self.sum_of(number, &nodes)
    }

    fn element(&mut self, vector: Set, k: u32) -> Set {
        let Set::Node(v) = vector else { return vector };
        if let Some(scalar) = self.to.packed(v, k as usize) {
            return Set::Node(scalar);
        }
        let source = self.to.nodes[v as usize];
        let element = Node { op: Op::Element(k), args: [v, 0, 0], list: (0, 0), len: 1, ..source };
        Set::Node(self.to.push(element, &[]))
    }

    fn applied(&mut self, op: Op, args: &[Set]) -> Option<Set> {
        let known = match (op, args) {
            (Op::Unary(u), [Set::Number(x)]) => Some(Set::Number(u.value(*x))),
            (Op::Binary(b), [Set::Number(x), Set::Number(y)]) => Some(Set::Number(b.value(*x, *y))),
            (Op::AddConst(c), [Set::Number(x)]) => Some(Set::Number(x + c)),
            (Op::MulConst(c), [Set::Number(x)]) => Some(Set::Number(x * c)),
            (Op::PowConst(c), [Set::Number(x)]) => Some(Set::Number(x.powf(c))),
            (Op::GaussKernel, [Set::Number(x), Set::Number(m), Set::Number(w)]) => {
                let u = (x - m) * w;
                Some(Set::Number(-0.5 * u * u))
            }
            _ => None,
        };
        if known.is_some() {
            return known;
        }
        let (op, nodes) = match (op, args) {
            (Op::Binary(Binary::Add), [Set::Node(x), Set::Number(c)] | [Set::Number(c), Set::Node(x)]) => {
                (Op::AddConst(*c), vec![*x])
            }
            (Op::Binary(Binary::Sub), [Set::Node(x), Set::Number(c)]) => (Op::AddConst(-c), vec![*x]),
            (Op::Binary(Binary::Mul), [Set::Node(x), Set::Number(c)] | [Set::Number(c), Set::Node(x)]) => {
                (Op::MulConst(*c), vec![*x])
            }
            _ => (op, args.iter().map(|a| self.node_of(*a)).collect()),
        };
        if matches!(op, Op::AddConst(0.0) | Op::MulConst(1.0)) {
            return Some(Set::Node(nodes[0]));
        }
        self.to.elementwise(op, &nodes, Location::caller()).map(Set::Node)
    }

    /// The same operation on operands in their old shapes.
    fn rebuilt(&mut self, node: &Node) -> Set {
        let (start, len) = (node.list.0 as usize, node.list.1 as usize);
        let mut active = false;
        let mut new = |s: &mut Self, a: u32| {
            let old = s.from.nodes[a as usize];
            let node = s.materialised(s.operand(a), old.len, old.plate, old.per_draw);
            active |= s.to.nodes[node as usize].active;
            node
        };
        let mut args = [0; 3];
        for (to, &a) in args.iter_mut().zip(&node.args).take(arity(node.op)) {
            *to = new(self, a);
        }
        let list: Vec<u32> = self.from.lists[start..start + len].iter().map(|&a| new(self, a)).collect();
        let active = active && differentiable(node.op);
        Set::Node(self.to.push(Node { args, active, ..*node }, &list))
    }
}
