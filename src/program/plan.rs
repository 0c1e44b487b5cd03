//! The plan: which nodes are needed, in which segment they run, and where their lanes lie.
//!
//! A program has one global segment (once for each draw) and one segment for each `rows` block. Inside a segment a
//! node owns `len * lanes` consecutive numbers, element by element; the lanes of a global node are the draws,
//! those of a row node are row-major (row, draw).

use std::sync::Arc;

use super::columns::Columns;
use super::execute::{slack, to_line};
use super::gathers::{gather_late, in_order};
use super::join::{Data, join};
use super::ops::Unary;
use super::recording::{CustomFunction, Node, Op, Plate, Recording};
use super::scalars::keep_scalars;
use super::terms::{Addends, addends};
use crate::numerics::Lane;

/// Numbers that data can be kept in.
pub(crate) trait Stored: Lane {
    /// The data in this type.
    fn store(data: &Arc<[f64]>) -> Arc<[Self]>;
}

impl Stored for f64 {
    fn store(data: &Arc<[f64]>) -> Arc<[f64]> {
        data.clone()
    }
}

impl Stored for f32 {
    fn store(data: &Arc<[f64]>) -> Arc<[f32]> {
        data.iter().map(|&x| x as f32).collect()
    }
}

/// Rows of a data matrix padded with zeros to whole vector registers.
pub(crate) struct PaddedMatrix<T> {
    data: Arc<[T]>,
    /// Where the first row begins: at a cache line, where the rows had to be copied.
    from: usize,
    pub columns: usize,
    pub stride: usize,
}

impl<T> PaddedMatrix<T> {
    /// A row with its padding.
    #[inline(always)]
    pub fn row(&self, id: u32) -> &[T] {
        &self.data[self.from + id as usize * self.stride..][..self.stride]
    }
}

/// A program made ready to run in numbers of type `T`.
pub(crate) struct Plan<T> {
    pub nodes: Vec<Node>,
    pub lists: Vec<u32>,
    pub global: Vec<u32>,
    pub rows: Vec<Vec<u32>>,
    pub addends: Addends,
    pub outputs: Vec<u32>,
    pub plates: Vec<Plate>,
    pub columns: Vec<Arc<[T]>>,
    pub integer_columns: Vec<Arc<[u32]>>,
    pub matrices: Vec<PaddedMatrix<T>>,
    pub functions: Vec<CustomFunction>,
    pub num_parameters: usize,
    pub num_latents: usize,
    pub num_row_latents: usize,
    /// A global sweep has at most this many draws at a time.
    pub max_draws: usize,
    /// Which plan this is, for buffers that are laid out for one.
    pub identity: Arc<()>,
}

impl<T: Stored> Plan<T> {
    /// The plan of the log joint.
    pub fn new(recording: &Recording) -> Plan<T> {
        Plan::of(recording, addends(recording), &recording.outputs)
    }

    /// The plan of the log joint in one segment, for passes over all rows that ask for no row's own term; `None` where
    /// the rows are too many or do not allow it.
    pub fn joined(recording: &Recording) -> Option<Plan<T>> {
        let (mut nodes, mut columns, mut sum) = hoisted(recording, addends(recording));
        let mut integers = recording.integer_columns.clone();
        join(recording, &mut nodes, &mut Data { columns: &mut columns, integers: &mut integers }, &mut sum)?;
        Some(Plan { integer_columns: integers, ..Plan::made(recording, nodes, columns, sum, &[]) })
    }

    /// The plan that computes `outputs` alone.
    pub fn of_outputs(recording: &Recording, outputs: &[u32]) -> Plan<T> {
        Plan::of(recording, Addends::default(), outputs)
    }

    fn of(recording: &Recording, sum: Addends, outputs: &[u32]) -> Plan<T> {
        let (nodes, columns, sum) = hoisted(recording, sum);
        Plan::made(recording, nodes, columns, sum, outputs)
    }

    fn made(
        recording: &Recording,
        mut nodes: Vec<Node>,
        columns: Vec<Arc<[f64]>>,
        sum: Addends,
        outputs: &[u32],
    ) -> Plan<T> {
        keep_scalars(&mut nodes, &recording.lists, &sum, outputs);
        let live = live_nodes(&nodes, &recording.lists, &sum, outputs);
        let order = in_order(&nodes, &recording.lists, &live);
        let select =
            |plate: u16| -> Vec<u32> { order.iter().copied().filter(|&i| nodes[i as usize].plate == plate).collect() };
        let global = select(0);
        let rows = (0..recording.plates.len()).map(|p| select(p as u16 + 1)).collect();
        let width: usize = global.iter().map(|&i| nodes[i as usize].len as usize).sum();
        Plan {
            identity: Arc::default(),
            global,
            rows,
            addends: sum,
            outputs: outputs.to_vec(),
            plates: recording.plates.clone(),
            columns: columns.iter().map(T::store).collect(),
            integer_columns: recording.integer_columns.clone(),
            matrices: recording.matrices.iter().map(|(data, k)| padded(data, *k)).collect(),
            functions: recording.functions.clone(),
            lists: recording.lists.clone(),
            num_parameters: recording.num_parameters,
            num_latents: recording.num_latents,
            num_row_latents: recording.num_row_latents,
            max_draws: (GLOBAL_BUDGET / width.max(1)).clamp(4, 128),
            nodes,
        }
    }

    /// Numbers a node keeps for each lane: its elements, and the softmax of a log-sum-exp.
    pub fn width(&self, node: &Node) -> usize {
        match node.op {
            // The slope is worked out with the value.
            Op::Unary(Unary::Softplus) => 2 * node.len as usize,
            Op::SquaredDistance { len } => 1 + len as usize,
            Op::LogSumExp => node.len as usize * (1 + node.list.1 as usize),
            Op::LogSumExpElements => 1 + self.nodes[node.args[0] as usize].len as usize,
            _ => node.len as usize,
        }
    }
}

/// Numbers of the global segment that should stay in the first two caches.
const GLOBAL_BUDGET: usize = 24_000;

fn padded<T: Stored>(data: &Arc<[f64]>, columns: usize) -> PaddedMatrix<T> {
    let stride = columns.next_multiple_of(T::REGISTER);
    let stored = T::store(data);
    if stride == columns {
        return PaddedMatrix { data: stored, from: 0, columns, stride };
    }
    let rows = data.len() / columns;
    let mut wide: Arc<[T]> = vec![T::zero(); rows * stride + slack::<T>()].into();
    let first = to_line(&wide);
    // Nobody else knows of it yet.
    if let Some(wide) = Arc::get_mut(&mut wide) {
        for (to, from) in wide[first..].chunks_exact_mut(stride).zip(stored.chunks_exact(columns)) {
            to[..columns].copy_from_slice(from);
        }
    }
    PaddedMatrix { data: wide, from: first, columns, stride }
}

pub(super) fn live_nodes(nodes: &[Node], lists: &[u32], sum: &Addends, outputs: &[u32]) -> Vec<bool> {
    let mut live = vec![false; nodes.len()];
    let mut open: Vec<u32> = sum.addends.iter().map(|a| a.node).chain(outputs.iter().copied()).collect();
    while let Some(i) = open.pop() {
        if !std::mem::replace(&mut live[i as usize], true) {
            operands(&nodes[i as usize], lists, |a| open.push(a));
        }
    }
    live
}

/// Calls `visit` with every operand of a node.
pub(crate) fn operands(node: &Node, lists: &[u32], mut visit: impl FnMut(u32)) {
    for &a in &node.args[..arity(node.op)] {
        visit(a);
    }
    let (start, len) = (node.list.0 as usize, node.list.1 as usize);
    for &a in &lists[start..start + len] {
        visit(a);
    }
}

/// How many of `Node::args` an operation uses.
pub(crate) fn arity(op: Op) -> usize {
    match op {
        Op::Unary(_) | Op::AddConst(_) | Op::MulConst(_) | Op::PowConst(_) | Op::Spread => 1,
        Op::GatherColumn { .. } | Op::GatherRow { .. } | Op::DotData { .. } | Op::Element(_) => 1,
        Op::Slice { .. } | Op::Pick { .. } | Op::PickRuns { .. } => 1,
        Op::SumElements | Op::LogSumExpElements | Op::Cholesky { .. } => 1,
        Op::Binary(_) | Op::Gather | Op::GatherImport | Op::Dot | Op::MatVec { .. } | Op::Dense { .. } => 2,
        Op::SolveLower { .. } | Op::Scaled | Op::Shifted | Op::SquaredDistance { .. } => 2,
        Op::GaussKernel | Op::Select => 3,
        _ => 0,
    }
}

/// Row expressions of data alone become columns, computed once: `ln_gamma(y + 1)` is not worked out at every step.
///
/// Beyond this many rows only the expensive ones are kept, so memory stays near that of the data.
const HOIST_ROWS: usize = 1 << 20;

/// The nodes with what depends on data alone worked out, the columns it became, and the sum.
fn hoisted(recording: &Recording, sum: Addends) -> (Vec<Node>, Vec<Arc<[f64]>>, Addends) {
    let mut nodes = recording.nodes.clone();
    let mut columns = recording.columns.clone();
    hoist(recording, &sum, &mut nodes, &mut columns);
    gather_late(recording, &mut nodes);
    (nodes, columns, sum)
}

fn hoist(recording: &Recording, sum: &Addends, nodes: &mut [Node], columns: &mut Vec<Arc<[f64]>>) {
    let data_only = data_only(nodes, &recording.lists);
    let mut wanted = vec![false; nodes.len()];
    for i in 0..nodes.len() {
        if !data_only[i] {
            operands(&nodes[i].clone(), &recording.lists, |a| wanted[a as usize] = true);
        }
    }
    for a in &sum.addends {
        wanted[a.node as usize] = true;
    }
    // A data-only value that is merely spread over draws is wanted where it is spread.
    for i in (0..nodes.len()).rev() {
        if wanted[i] && data_only[i] && nodes[i].op == Op::Spread {
            wanted[nodes[i].args[0] as usize] = true;
        }
    }
    let mut known = Columns::of_numbers();
    for i in 0..nodes.len() {
        let node = nodes[i];
        if !(wanted[i] && data_only[i]) || node.per_draw || node.plate == 0 || node.len != 1 || is_leaf(node.op) {
            continue;
        }
        let plate = recording.plates[node.plate as usize - 1];
        if plate.rows > HOIST_ROWS && !is_expensive(node.op) {
            continue;
        }
        if let Some(values) = known.of(recording, i as u32, 0, plate.start + plate.rows) {
            columns.push(values);
            let column = columns.len() as u32 - 1;
            nodes[i] = Node { op: Op::Column { column, shift: 0 }, args: [0; 3], list: (0, 0), ..node };
        }
    }
}

fn is_leaf(op: Op) -> bool {
    matches!(
        op,
        Op::Column { .. } | Op::MatrixColumn { .. } | Op::MatrixRow { .. } | Op::RowIndex | Op::Const(_) | Op::Spread
    )
}

fn is_expensive(op: Op) -> bool {
    matches!(
        op,
        Op::Unary(Unary::LnGamma | Unary::Digamma | Unary::LnNormalCdf | Unary::NormalCdf | Unary::Erf) | Op::Sum
    )
}

fn data_only(nodes: &[Node], lists: &[u32]) -> Vec<bool> {
    let mut out = vec![false; nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        out[i] = match node.op {
            Op::Parameter { .. } | Op::Latent { .. } | Op::Integer { .. } => false,
            Op::RowLatent { .. } | Op::RowInteger { .. } | Op::Custom { .. } => false,
            _ => {
                let mut all = true;
                operands(node, lists, |a| all &= out[a as usize]);
                all
            }
        };
    }
    out
}
