//! From a recorded program to the pairs of sets of latents that it multiplies.
//!
//! The Hessian of a program is a sum over its operations: the adjoint of each, times its own second derivatives, times the
//! gradients of its operands. So two latents have a mixed derivative only where some operation is not linear in two operands
//! one of which depends on the first and the other on the second (A. Walther 2008, "Computing sparse Hessians with automatic
//! differentiation", ACM Transactions on Mathematical Software 34).
//! Sets are followed element by element and row by row. Operations that are linear all the way up to a term need no set.

use std::collections::HashSet;

use super::sets::{EMPTY, SetId, Sets};
use super::{LatentGraph, Neighbours};
use crate::program::ops::{Binary, Unary};
use crate::program::plan::operands;
use crate::program::recording::{Node, Op, Recording};

/// Marks that are set at most while pairs of sets become edges: some seconds of work.
const MOST_MARKS: usize = 4_000_000_000;

/// Neighbours that are kept at most, each edge twice: 256 MiB.
const MOST_NEIGHBOURS: usize = 1 << 26;

/// The graph of the log joint; dense where it would be larger than memory allows.
pub(crate) fn graph_of(recording: &Recording) -> LatentGraph {
    let num_rows = match recording.num_row_latents {
        0 => 0,
        _ => recording.plates.iter().map(|p| p.rows).max().unwrap_or(0),
    };
    let num_latents = recording.num_latents + recording.num_row_latents * num_rows;
    let mut trace = Trace::new(recording, num_rows);
    trace.run();
    if trace.sets.is_full() {
        return LatentGraph::dense(num_latents);
    }
    let pairs: Vec<(SetId, SetId)> = trace.pairs.into_iter().collect();
    let neighbours = neighbours_of(num_latents, &trace.sets, &pairs);
    neighbours
        .map_or_else(|| LatentGraph::dense(num_latents), |n| LatentGraph::of_neighbours(num_latents, n.start, n.all))
}

struct Trace<'a> {
    recording: &'a Recording,
    num_rows: usize,
    /// Whether somebody asks which latents a node depends on.
    is_asked: Vec<bool>,
    /// Whether a node is of a term through operations that can be differentiated.
    is_live: Vec<bool>,
    /// Where the sets of a node's elements lie; those of a row are overwritten by the next row's.
    place: Vec<usize>,
    ids: Vec<SetId>,
    sets: Sets,
    pairs: HashSet<(SetId, SetId)>,
    last: (SetId, SetId),
    scratch: Vec<SetId>,
}

impl<'a> Trace<'a> {
    fn new(recording: &'a Recording, num_rows: usize) -> Self {
        let nodes = &recording.nodes;
        let (mut is_live, mut is_asked) = (vec![false; nodes.len()], vec![false; nodes.len()]);
        for term in &recording.terms {
            if let Some(node) = term.node {
                is_live[node as usize] = true;
            }
        }
        // Operands come before what is made of them.
        for (k, node) in nodes.iter().enumerate().rev() {
            if is_live[k] && node.active {
                let asks = is_asked[k] || !is_linear(recording, node);
                operands(node, &recording.lists, |a| {
                    is_live[a as usize] |= nodes[a as usize].active;
                    is_asked[a as usize] |= asks;
                });
            }
        }
        let mut place = Vec::with_capacity(nodes.len());
        let mut end = 0;
        for (k, node) in nodes.iter().enumerate() {
            place.push(end);
            end += if is_live[k] && is_asked[k] { node.len as usize } else { 0 };
        }
        Trace {
            recording,
            num_rows,
            is_asked,
            is_live,
            place,
            ids: vec![EMPTY; end],
            sets: Sets::new(),
            pairs: HashSet::new(),
            last: (EMPTY, EMPTY),
            scratch: Vec::new(),
        }
    }

    fn run(&mut self) {
        let nodes = &self.recording.nodes;
        let matters = |t: &Self, k: usize| {
            let node = &nodes[k];
            t.is_live[k] && node.active && (t.is_asked[k] || !is_linear(t.recording, node))
        };
        let in_plate = |t: &Self, plate: u16| -> Vec<usize> {
            (0..nodes.len()).filter(|&k| nodes[k].plate == plate && matters(t, k)).collect()
        };
        for k in in_plate(self, 0) {
            self.visit(k, 0);
        }
        for (p, plate) in self.recording.plates.iter().enumerate() {
            let mut varies = vec![false; nodes.len()];
            let (mut once, mut each) = (Vec::new(), Vec::new());
            for k in in_plate(self, p as u16 + 1) {
                varies[k] = self.looks_at_row(&nodes[k]);
                operands(&nodes[k], &self.recording.lists, |a| varies[k] |= varies[a as usize]);
                if varies[k] { &mut each } else { &mut once }.push(k);
            }
            if plate.rows > 0 {
                once.into_iter().for_each(|k| self.visit(k, plate.start));
            }
            if each.is_empty() {
                continue;
            }
            for row in plate.start..plate.start + plate.rows {
                each.iter().for_each(|&k| self.visit(k, row));
                if self.sets.is_full() {
                    return;
                }
            }
        }
    }

    /// Whether the latents that an operation sees depend on the row by itself.
    fn looks_at_row(&self, node: &Node) -> bool {
        match node.op {
            Op::RowLatent { .. } | Op::GatherColumn { .. } | Op::GatherRow { .. } => true,
            Op::DotData { matrix } => self.recording.matrices[matrix as usize].0.contains(&0.0),
            _ => false,
        }
    }

    /// The set of an element; the only one stands for all.
    fn set(&self, node: u32, element: usize) -> SetId {
        let k = node as usize;
        if !(self.is_live[k] && self.is_asked[k]) {
            return EMPTY;
        }
        let element = if self.recording.nodes[k].len == 1 { 0 } else { element };
        self.ids[self.place[k] + element]
    }

    /// All that the elements of a node depend on.
    fn whole(&mut self, node: u32) -> SetId {
        let k = node as usize;
        if !(self.is_live[k] && self.is_asked[k]) {
            return EMPTY;
        }
        let at = self.place[k];
        self.sets.union_of(&self.ids[at..at + self.recording.nodes[k].len as usize])
    }

    fn union3(&mut self, a: SetId, b: SetId, c: SetId) -> SetId {
        let ab = self.sets.union(a, b);
        self.sets.union(ab, c)
    }

    /// Notes that the latents of one set may have mixed derivatives with those of another.
    fn join(&mut self, a: SetId, b: SetId) {
        let pair = (a.min(b), a.max(b));
        if pair.0 != EMPTY && pair != self.last {
            self.last = pair;
            self.pairs.insert(pair);
        }
    }

    /// Finds what each element of a node depends on, and joins what it is not linear in.
    fn visit(&mut self, k: usize, row: usize) {
        let recording = self.recording;
        let node = recording.nodes[k];
        let list = &recording.lists[node.list.0 as usize..][..node.list.1 as usize];
        let [a, b, c] = node.args;
        let shifted = |shift: i32| (row as i64 + i64::from(shift)) as usize;
        let latent = |first: usize, e: usize| (first + e) as u32;
        for e in 0..node.len as usize {
            let found = match node.op {
                Op::Latent { offset } => self.sets.one(latent(offset as usize, e)),
                Op::RowLatent { offset } => {
                    let start = recording.plates[node.plate as usize - 1].start;
                    let first = recording.num_latents + (offset as usize + e) * self.num_rows;
                    self.sets.one(latent(first, row - start))
                }
                Op::Unary(u) => {
                    let set = self.set(a, e);
                    if !matches!(u, Unary::Neg | Unary::Not) {
                        self.join(set, set);
                    }
                    set
                }
                Op::AddConst(_) | Op::MulConst(_) | Op::Spread => self.set(a, e),
                Op::PowConst(power) => {
                    let set = self.set(a, e);
                    if power != 1.0 {
                        self.join(set, set);
                    }
                    set
                }
                Op::Binary(binary) => self.binary(binary, self.set(a, e), self.set(b, e)),
                Op::Select => self.sets.union(self.set(b, e), self.set(c, e)),
                Op::GaussKernel => {
                    let set = self.union3(self.set(a, e), self.set(b, e), self.set(c, e));
                    self.join(set, set);
                    set
                }
                Op::GatherColumn { column, shift } => {
                    self.set(a, recording.integer_columns[column as usize][shifted(shift)] as usize)
                }
                Op::GatherRow { shift } => self.set(a, shifted(shift)),
                Op::Element(at) => self.set(a, at as usize),
                Op::Slice { from } => self.set(a, from as usize + e),
                Op::Pick { column, from } => {
                    self.set(a, recording.integer_columns[column as usize][from as usize + e] as usize)
                }
                Op::Pack => self.set(list[e], 0),
                Op::Sum | Op::LogSumExp | Op::Custom { .. } => {
                    let mut scratch = std::mem::take(&mut self.scratch);
                    scratch.clear();
                    scratch.extend(list.iter().map(|&n| self.set(n, e)));
                    let set = self.sets.union_of(&scratch);
                    self.scratch = scratch;
                    if node.op != Op::Sum {
                        self.join(set, set);
                    }
                    set
                }
                Op::DotData { matrix } => {
                    let (data, columns) = &recording.matrices[matrix as usize];
                    let data = &data[row * columns..][..*columns];
                    let mut scratch = std::mem::take(&mut self.scratch);
                    scratch.clear();
                    scratch.extend((0..*columns).filter(|&j| data[j] != 0.0).map(|j| self.set(a, j)));
                    let set = self.sets.union_of(&scratch);
                    self.scratch = scratch;
                    set
                }
                Op::MatVec { .. } | Op::Dense { .. } | Op::Dot => {
                    let inner = recording.nodes[b as usize].len as usize;
                    let first = if node.op == Op::Dot { 0 } else { e * inner };
                    let mut scratch = std::mem::take(&mut self.scratch);
                    scratch.clear();
                    for j in 0..inner {
                        let (x, y) = (self.set(a, first + j), self.set(b, j));
                        self.join(x, y);
                        scratch.extend([x, y]);
                    }
                    let set = self.sets.union_of(&scratch);
                    self.scratch = scratch;
                    set
                }
                Op::SumElements => self.whole(a),
                Op::SolveLower { .. } => {
                    let (matrix, right) = (self.whole(a), self.whole(b));
                    let set = self.sets.union(matrix, right);
                    self.join(matrix, set);
                    set
                }
                Op::Gather | Op::GatherImport => self.whole(a),
                // Nothing here depends on real latents.
                Op::Const(_) | Op::Parameter { .. } | Op::Integer { .. } | Op::RowInteger { .. } => EMPTY,
                Op::Column { .. } | Op::MatrixColumn { .. } | Op::MatrixRow { .. } | Op::RowIndex => EMPTY,
                Op::Data { .. } => EMPTY,
                Op::Cholesky { .. } | Op::LogSumExpElements => {
                    let set = self.whole(a);
                    self.join(set, set);
                    set
                }
                // What only a plan is made of: everything it sees, as in a function nothing is known of.
                Op::Scaled | Op::Shifted | Op::SquaredDistance { .. } | Op::PickRuns { .. } => {
                    let (x, y) = (self.whole(a), self.whole(b));
                    let set = self.sets.union(x, y);
                    self.join(set, set);
                    set
                }
            };
            if self.is_asked[k] {
                self.ids[self.place[k] + e] = found;
            }
            // One element of these is like another.
            let is_uniform = matches!(node.op, Op::Cholesky { .. } | Op::SolveLower { .. });
            if is_uniform {
                let at = self.place[k];
                let own = if self.is_asked[k] { node.len as usize } else { 0 };
                self.ids[at..at + own].fill(found);
                break;
            }
        }
    }

    fn binary(&mut self, binary: Binary, a: SetId, b: SetId) -> SetId {
        let set = self.sets.union(a, b);
        match binary {
            Binary::Add | Binary::Sub => {}
            Binary::Mul => self.join(a, b),
            Binary::Div => self.join(set, b),
            // A kink has a second derivative on average, where no point has one.
            Binary::Max | Binary::Min | Binary::Pow => self.join(set, set),
            Binary::Less | Binary::LessEqual | Binary::Equal | Binary::And => return EMPTY,
        }
        set
    }
}

/// Whether an operation is linear in all its operands that depend on latents, so that a term may be split through it.
fn is_linear(recording: &Recording, node: &Node) -> bool {
    let [a, b, _] = node.args;
    let active = |n: u32| recording.nodes[n as usize].active;
    match node.op {
        Op::Unary(u) => matches!(u, Unary::Neg | Unary::Not),
        Op::PowConst(power) => power == 1.0,
        Op::Binary(Binary::Add | Binary::Sub) => true,
        Op::Binary(Binary::Mul) | Op::Dot | Op::MatVec { .. } | Op::Dense { .. } => !(active(a) && active(b)),
        Op::Binary(Binary::Div) => !active(b),
        Op::SolveLower { .. } => !active(a),
        Op::Binary(_) | Op::GaussKernel | Op::LogSumExp | Op::LogSumExpElements | Op::Cholesky { .. } => false,
        Op::Custom { .. } | Op::Scaled | Op::Shifted | Op::SquaredDistance { .. } | Op::PickRuns { .. } => false,
        _ => true,
    }
}

/// The neighbours of each latent; nothing where they are too many.
fn neighbours_of(num_latents: usize, sets: &Sets, pairs: &[(SetId, SetId)]) -> Option<Neighbours> {
    let size = |set: SetId| sets.members(set).len();
    let mut marks: usize = 0;
    // For each latent, the sets that it is joined with.
    let mut start = vec![0usize; num_latents + 1];
    let both = |&(a, b): &(SetId, SetId)| if a == b { [(a, b), (EMPTY, b)] } else { [(a, b), (b, a)] };
    for (of, with) in pairs.iter().flat_map(both) {
        marks = marks.saturating_add(size(of).saturating_mul(size(with)));
        sets.members(of).iter().for_each(|&k| start[k as usize + 1] += 1);
    }
    if marks > MOST_MARKS {
        return None;
    }
    for k in 0..num_latents {
        start[k + 1] += start[k];
    }
    let (mut next, mut joined) = (start.clone(), vec![EMPTY; start[num_latents]]);
    for (of, with) in pairs.iter().flat_map(both) {
        for &k in sets.members(of) {
            joined[next[k as usize]] = with;
            next[k as usize] += 1;
        }
    }
    let mut marked = vec![u32::MAX; num_latents];
    let mut out = Neighbours { start: vec![0; num_latents + 1], all: Vec::new() };
    for k in 0..num_latents {
        marked[k] = k as u32;
        let first = out.all.len();
        for &set in &joined[start[k]..start[k + 1]] {
            for &other in sets.members(set) {
                if marked[other as usize] != k as u32 {
                    marked[other as usize] = k as u32;
                    out.all.push(other);
                }
            }
        }
        out.all[first..].sort_unstable();
        out.start[k + 1] = out.all.len();
        if out.all.len() > MOST_NEIGHBOURS {
            return None;
        }
    }
    Some(out)
}
