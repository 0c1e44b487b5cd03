//! The log joint as separate addends, with the inputs that each of them sees.

use std::collections::HashMap;

use super::TermKind;
use super::plan::{Plan, operands};
use super::recording::{Node, Op, Plate, Recording, is_elementwise};
use super::terms::addends;

/// The addends of a log joint, ready to be computed one by one.
///
/// Inputs are numbered: latents, integers, latents of rows, integers of rows. Addends that see the same inputs outside
/// of rows form a group.
pub(crate) struct Factors {
    /// Computes every addend's node as an output.
    pub plan: FactorPlan,
    /// The blocks of rows, and the most rows of any of them.
    pub plates: Vec<Plate>,
    pub most_rows: usize,
    /// One for each number of the outputs outside of rows, in their order.
    pub global: Vec<Factor>,
    /// One for each number of the outputs of a row, in their order.
    pub of_rows: Vec<RowFactor>,
    /// Constant part of each kind: (kind, plate, value for each row or once).
    pub constants: Vec<(TermKind, u16, f64)>,
    /// The latents and integers outside of rows that each group sees.
    pub groups: Vec<Vec<u32>>,
}

/// A plan in the precision of the target.
pub(crate) enum FactorPlan {
    Double(Plan<f64>),
    Single(Plan<f32>),
}

/// `coefficient * output`, once or once for each row of `plate`.
pub(crate) struct Factor {
    pub coefficient: f64,
    pub kind: TermKind,
    pub plate: u16,
    pub group: u32,
}

/// `coefficient * output` of a row.
pub(crate) struct RowFactor {
    pub coefficient: f64,
    pub kind: TermKind,
    pub plate: u16,
    /// The group of each row.
    pub groups: Vec<u32>,
    /// The inputs of its own row that it sees, numbered from the first of them.
    pub own: Vec<u32>,
}

/// Sorted inputs, and from `Inputs::all` on reads of a vector at a place that depends on the row.
type Set = Vec<u32>;

/// An element of a global vector, at an integer column or at the row number, plus a shift.
struct Gather {
    source: u32,
    column: Option<u32>,
    shift: i32,
}

/// What each element of each node sees; a single set stands for all elements.
struct Dependencies {
    sets: Vec<Vec<Set>>,
    gathers: Vec<Gather>,
    /// Inputs outside of rows, and all inputs.
    num_global: u32,
    num_inputs: u32,
}

impl Factors {
    /// The addends of `recording`; `None` for latents of rows in several blocks of rows, which are told apart by the
    /// number of their row.
    pub fn of(recording: &Recording, single: bool) -> Option<Factors> {
        if recording.plates.len() > 1 && recording.num_row_latents + recording.num_row_integers > 0 {
            return None;
        }
        let mut sum = addends(recording);
        // Outputs come block by block.
        sum.addends.sort_by_key(|a| recording.nodes[a.node as usize].plate);
        let seen = Dependencies::of(recording);
        let outputs: Vec<u32> = sum.addends.iter().map(|a| a.node).collect();
        let mut groups = Groups::default();
        let (mut global, mut of_rows) = (Vec::new(), Vec::new());
        for addend in &sum.addends {
            let node = recording.nodes[addend.node as usize];
            let (coefficient, kind) = (addend.coefficient, addend.kind);
            for element in 0..node.len as usize {
                let set = seen.element(addend.node, element);
                if node.plate == 0 {
                    let group = groups.number(set.clone());
                    global.push(Factor { coefficient, kind, plate: addend.plate, group });
                    continue;
                }
                let plate = recording.plates[node.plate as usize - 1];
                let own = (seen.num_global..seen.num_inputs).filter(|k| set.binary_search(k).is_ok());
                of_rows.push(RowFactor {
                    coefficient,
                    kind,
                    plate: node.plate,
                    groups: seen.by_row(recording, set, plate, &mut groups),
                    own: own.map(|k| k - seen.num_global).collect(),
                });
            }
        }
        Some(Factors {
            plan: if single {
                FactorPlan::Single(Plan::of_outputs(recording, &outputs))
            } else {
                FactorPlan::Double(Plan::of_outputs(recording, &outputs))
            },
            most_rows: recording.plates.iter().map(|p| p.rows).max().unwrap_or(0),
            plates: recording.plates.clone(),
            global,
            of_rows,
            constants: sum.constants,
            groups: groups.sets,
        })
    }
}

#[derive(Default)]
struct Groups {
    sets: Vec<Set>,
    known: HashMap<Set, u32>,
}

impl Groups {
    fn number(&mut self, set: Set) -> u32 {
        if let Some(&known) = self.known.get(&set) {
            return known;
        }
        let number = self.sets.len() as u32;
        self.sets.push(set.clone());
        self.known.insert(set, number);
        number
    }
}

impl Dependencies {
    fn of(r: &Recording) -> Dependencies {
        let num_global = (r.num_latents + r.num_integers) as u32;
        let num_inputs = num_global + (r.num_row_latents + r.num_row_integers) as u32;
        let mut out =
            Dependencies { sets: Vec::with_capacity(r.nodes.len()), gathers: Vec::new(), num_global, num_inputs };
        for node in &r.nodes {
            let sets = out.sets_of(r, node);
            out.sets.push(sets);
        }
        out
    }

    fn element(&self, node: u32, element: usize) -> &Set {
        let sets = &self.sets[node as usize];
        sets.get(element).unwrap_or(&sets[0])
    }

    fn sets_of(&mut self, r: &Recording, node: &Node) -> Vec<Set> {
        let inputs = |first: usize| (0..node.len).map(|e| vec![first as u32 + e]).collect();
        match node.op {
            Op::Latent { offset } => inputs(offset as usize),
            Op::Integer { offset } => inputs(r.num_latents + offset as usize),
            Op::RowLatent { offset } => inputs(self.num_global as usize + offset as usize),
            Op::RowInteger { offset } => inputs(self.num_global as usize + r.num_row_latents + offset as usize),
            Op::GatherColumn { column, shift } => self.gather(node.args[0], Some(column), shift),
            Op::GatherRow { shift } => self.gather(node.args[0], None, shift),
            Op::Element(k) => vec![self.element(node.args[0], k as usize).clone()],
            Op::Pack => {
                let (start, len) = (node.list.0 as usize, node.list.1 as usize);
                r.lists[start..start + len].iter().map(|&n| self.element(n, 0).clone()).collect()
            }
            op if is_by_element(op) => {
                let mut own = Vec::new();
                operands(node, &r.lists, |a| own.push(a));
                let uniform = own.iter().all(|&a| self.sets[a as usize].len() == 1);
                let elements = if uniform { 1 } else { node.len as usize };
                (0..elements).map(|e| union(own.iter().map(|&a| self.element(a, e)))).collect()
            }
            _ => {
                let mut own = Vec::new();
                operands(node, &r.lists, |a| own.push(a));
                vec![union(own.iter().flat_map(|&a| &self.sets[a as usize]))]
            }
        }
    }

    fn gather(&mut self, source: u32, column: Option<u32>, shift: i32) -> Vec<Set> {
        self.gathers.push(Gather { source, column, shift });
        vec![vec![self.num_inputs + self.gathers.len() as u32 - 1]]
    }

    /// The group of each row of a set that may read vectors at places of the row.
    fn by_row(&self, r: &Recording, set: &Set, plate: Plate, groups: &mut Groups) -> Vec<u32> {
        let fixed: Set = set.iter().copied().filter(|&k| k < self.num_global).collect();
        let reads: Vec<&Gather> = set
            .iter()
            .filter(|&&k| k >= self.num_inputs)
            .map(|&k| &self.gathers[(k - self.num_inputs) as usize])
            .collect();
        if reads.is_empty() {
            return vec![groups.number(fixed); plate.rows];
        }
        let rows = plate.start..plate.start + plate.rows;
        rows.map(|row| {
            let read = reads.iter().map(|g| {
                let row = (row as i64 + i64::from(g.shift)) as usize;
                let at = g.column.map_or(row, |c| r.integer_columns[c as usize][row] as usize);
                self.element(g.source, at)
            });
            groups.number(union(read.chain([&fixed])))
        })
        .collect()
    }
}

/// Operations whose element depends on the same element of each operand (or on their only one).
fn is_by_element(op: Op) -> bool {
    is_elementwise(op) || matches!(op, Op::Spread | Op::Sum | Op::LogSumExp | Op::Custom { .. })
}

fn union<'a>(sets: impl Iterator<Item = &'a Set>) -> Set {
    let mut all: Set = sets.flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}
