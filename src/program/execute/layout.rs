//! Where every node's lanes lie, for a given number of draws and rows in a block.

use super::super::ops::{FEW, Unary, WIDE, padded};
use super::super::plan::{Plan, Stored, operands};
use super::super::recording::{Node, Op};
use super::adjoints::{Owned, mark_first};
use super::sweep::{Operand, Segment, Step};

/// A sum's addend with its place: `coefficient * sum of lanes`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub at: usize,
    pub len: usize,
    pub per_draw: bool,
    pub active: bool,
    pub coefficient: f64,
    pub kind: usize,
    /// Repeated for every row of this plate (zero: once).
    pub plate: u16,
    /// The rows of the plate are the elements.
    pub over_elements: bool,
    /// Numbers it has in all lanes.
    pub size: usize,
    /// Its seed is the first contribution to its adjoint, so it is assigned.
    pub first: bool,
}

/// A leaf that is filled from the pass's input, or an output copied out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub at: usize,
    pub from: usize,
    pub len: usize,
    pub active: bool,
    pub per_draw: bool,
}

/// The global segment laid out for `draws` draws.
#[derive(Clone, Debug, Default)]
pub(super) struct GlobalLayout {
    pub segment: Segment,
    pub constants: Vec<(usize, f64)>,
    /// Parts of data columns that are vectors.
    pub data: Vec<(usize, Port)>,
    pub parameters: Vec<Port>,
    pub latents: Vec<Port>,
    pub integers: Vec<Port>,
    pub outputs: Vec<Port>,
    pub roots: Vec<Root>,
    owned: Vec<Owned>,
    /// Adjoints set to zero before a reverse sweep; all others are assigned first.
    pub cleared: Vec<(usize, usize)>,
    /// Operand reads of one draw.
    pub work: usize,
}

/// One `rows` block laid out for `draws` draws and `rows` rows at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct RowLayout {
    pub segment: Segment,
    /// Steps that copy global values into lanes once for all blocks; their arena comes first.
    pub imports: Vec<Step>,
    pub persistent: usize,
    pub rows: usize,
    pub roots: Vec<Root>,
    pub outputs: Vec<Port>,
    /// Global nodes whose adjoint the rows feed: place in the global arena, place in the import adjoints, size.
    pub imported: Vec<(usize, usize, usize)>,
    pub import_size: usize,
    /// Adjoints set to zero before a block's reverse sweep; all others are assigned first.
    pub cleared: Vec<(usize, usize)>,
    /// Elements of the outputs of the `rows` blocks before.
    pub first_output: usize,
    pub loads_latents: bool,
    /// Some step multiplies rows of a data matrix.
    pub reads_matrix: bool,
    /// Operand reads of one row and draw.
    pub work: usize,
}

const NOWHERE: usize = usize::MAX;

pub(super) fn lay_out<T: Stored>(plan: &Plan<T>, draws: usize) -> (GlobalLayout, Vec<RowLayout>) {
    let mut places = vec![NOWHERE; plan.nodes.len()];
    let mut global = lay_out_global(plan, draws, &mut places);
    let rows: Vec<RowLayout> = (0..plan.plates.len()).map(|p| lay_out_rows(plan, p, draws, &mut places)).collect();
    let GlobalLayout { owned, outputs, roots, segment, .. } = &mut global;
    let imported = rows.iter().flat_map(|r| &r.imported).map(|i| i.0);
    let seeded = imported.chain(outputs.iter().map(|o| o.at));
    global.cleared = mark_first(owned, seeded, roots, segment);
    (global, rows)
}

fn lanes(node: &Node, rows: usize, draws: usize) -> usize {
    let rows = if node.plate == 0 { 1 } else { rows };
    if node.per_draw { rows * draws } else { rows }
}

fn size(node: &Node, rows: usize, draws: usize) -> usize {
    node.len as usize * lanes(node, rows, draws)
}

/// Numbers set aside for a node of this width: whole groups of lanes, from whatever element on they are read.
fn room(width: usize, node: &Node, rows: usize, draws: usize) -> usize {
    let n = lanes(node, rows, draws);
    if node.op == Op::Unary(Unary::Softplus) {
        return 2 * padded(width / 2 * n) + WIDE;
    }
    if let Op::SquaredDistance { len } = node.op {
        return padded(n) + padded(len as usize * n) + WIDE;
    }
    let beyond = if width > 1 && width * n > n.max(FEW) { WIDE } else { 0 };
    padded(width * n) + beyond
}

/// A place that is another node's place: an element of a vector, a spread that changes nothing.
fn alias<T: Stored>(plan: &Plan<T>, node: &Node, places: &[usize], rows: usize, draws: usize) -> Option<usize> {
    let source = plan.nodes[node.args[0] as usize];
    let same_segment = source.plate == node.plate;
    match node.op {
        Op::Element(k) if same_segment => Some(places[node.args[0] as usize] + k as usize * lanes(node, rows, draws)),
        Op::Slice { from } => Some(places[node.args[0] as usize] + from as usize * lanes(node, rows, draws)),
        Op::Spread
            if same_segment && source.len == node.len && lanes(&source, rows, draws) == lanes(node, rows, draws) =>
        {
            Some(places[node.args[0] as usize])
        }
        _ => None,
    }
}

fn step<T: Stored>(
    plan: &Plan<T>,
    node: &Node,
    places: &[usize],
    rows: usize,
    draws: usize,
    segment: &mut Segment,
) -> Step {
    let start = segment.operands.len();
    let (from, len) = (node.list.0 as usize, node.list.1 as usize);
    for &a in &plan.lists[from..from + len] {
        segment.operands.push(Operand { at: places[a as usize], active: plan.nodes[a as usize].active, first: false });
    }
    let mut args = [0; 3];
    let (mut active, mut sizes) = ([false; 3], [0; 3]);
    let used = super::super::plan::arity(node.op);
    for k in 0..used {
        args[k] = places[node.args[k] as usize];
        active[k] = plan.nodes[node.args[k] as usize].active;
        sizes[k] = size(&plan.nodes[node.args[k] as usize], rows, draws);
    }
    let first = if used > 0 { plan.nodes[node.args[0] as usize] } else { *node };
    Step {
        op: node.op,
        out: segment.size,
        args,
        len: node.len as usize,
        arg_len: first.len as usize,
        lanes: lanes(node, rows, draws),
        arg_lanes: lanes(&first, rows, draws),
        list: (start, len),
        sizes,
        active,
        first: [false; 3],
    }
}

fn lay_out_global<T: Stored>(plan: &Plan<T>, draws: usize, places: &mut [usize]) -> GlobalLayout {
    let mut owned = Vec::new();
    let mut out = GlobalLayout { work: work(plan, &plan.global), ..GlobalLayout::default() };
    for &index in &plan.global {
        let node = plan.nodes[index as usize];
        if let Some(place) = alias(plan, &node, places, 1, draws) {
            places[index as usize] = place;
            continue;
        }
        let at = out.segment.size;
        places[index as usize] = at;
        let port = |from: u32| Port {
            at,
            from: from as usize,
            len: node.len as usize,
            active: node.active,
            per_draw: node.per_draw,
        };
        match node.op {
            Op::Const(c) => out.constants.push((at, c)),
            Op::Data { column, from } => out.data.push((column as usize, port(from))),
            Op::Parameter { offset } => out.parameters.push(port(offset)),
            Op::Latent { offset } => out.latents.push(port(offset)),
            Op::Integer { offset } => out.integers.push(port(offset)),
            _ => {
                let step = step(plan, &node, places, 1, draws, &mut out.segment);
                out.segment.steps.push(step);
            }
        }
        let room = room(plan.width(&node), &node, 1, draws);
        if node.active {
            owned.push(Owned { at, size: size(&node, 1, draws), room });
        }
        out.segment.size += room;
    }
    out.roots = roots(plan, places, 1, draws, |node, _| node.plate == 0);
    out.outputs = output_ports(plan, places, 0);
    out.owned = owned;
    out
}

fn roots<T: Stored>(
    plan: &Plan<T>,
    places: &[usize],
    rows: usize,
    draws: usize,
    wanted: impl Fn(&Node, u16) -> bool,
) -> Vec<Root> {
    let addends = plan.addends.addends.iter();
    addends
        .filter_map(|a| {
            let node = plan.nodes[a.node as usize];
            wanted(&node, a.plate).then(|| Root {
                at: places[a.node as usize],
                len: node.len as usize,
                per_draw: node.per_draw,
                active: node.active,
                coefficient: a.coefficient,
                kind: a.kind as usize,
                plate: a.plate,
                over_elements: a.over_elements,
                size: size(&node, rows, draws),
                first: false,
            })
        })
        .collect()
}

fn output_ports<T: Stored>(plan: &Plan<T>, places: &[usize], plate: u16) -> Vec<Port> {
    let mut from = 0;
    let mut out = Vec::new();
    for &o in &plan.outputs {
        let node = plan.nodes[o as usize];
        if node.plate != plate {
            continue;
        }
        let len = node.len as usize;
        out.push(Port { at: places[o as usize], from, len, active: node.active, per_draw: node.per_draw });
        from += len;
    }
    out
}

/// Bytes of a block's values, adjoints and matrix rows that stay in the first cache.
const BLOCK_BYTES: usize = 26_000;

/// Rows in a block: enough lanes to vectorise, few enough to stay in cache, and blocks of about equal size.
fn block_rows<T: Stored>(plan: &Plan<T>, plate: usize, draws: usize) -> usize {
    let number = std::mem::size_of::<T>();
    let (mut lane_bytes, mut row_bytes) = (1, 0);
    for &i in &plan.rows[plate] {
        let node = &plan.nodes[i as usize];
        lane_bytes += 2 * number * plan.width(node);
        if let Op::DotData { matrix } = node.op {
            row_bytes += number * plan.matrices[matrix as usize].stride;
        }
    }
    // The weights of a layer are read once for all lanes of a block.
    let has_layer = plan.rows[plate].iter().any(|&i| matches!(plan.nodes[i as usize].op, Op::Dense { .. }));
    let least: usize = if has_layer { 64 } else { 32 };
    let rows = BLOCK_BYTES / (lane_bytes * draws + row_bytes);
    let rows = rows.clamp(least.div_ceil(draws), 256usize.div_ceil(draws));
    let total = plan.plates[plate].rows.max(1);
    let even = total.div_ceil(total.div_ceil(rows));
    if even > 8 { even.div_ceil(8) * 8 } else { even }
}

fn lay_out_rows<T: Stored>(plan: &Plan<T>, plate: usize, draws: usize, places: &mut [usize]) -> RowLayout {
    let rows = block_rows(plan, plate, draws);
    let mut out = RowLayout { rows, work: work(plan, &plan.rows[plate]), ..RowLayout::default() };
    let mut owned = Vec::new();
    let is_import = |node: &Node| node.op == Op::Spread && plan.nodes[node.args[0] as usize].plate == 0;
    // Values that stay the same for all blocks come first.
    for &index in plan.rows[plate].iter().filter(|&&i| is_import(&plan.nodes[i as usize])) {
        let node = plan.nodes[index as usize];
        let mut import = step(plan, &node, places, rows, draws, &mut out.segment);
        import.args[2] = import_place(plan, &node, places, draws, &mut out);
        places[index as usize] = out.segment.size;
        out.segment.size += room(node.len as usize, &node, rows, draws);
        out.imports.push(import);
    }
    out.persistent = out.segment.size;
    for &index in plan.rows[plate].iter().filter(|&&i| !is_import(&plan.nodes[i as usize])) {
        let node = plan.nodes[index as usize];
        if let Some(place) = alias(plan, &node, places, rows, draws) {
            places[index as usize] = place;
            continue;
        }
        out.loads_latents |= matches!(node.op, Op::RowLatent { .. });
        out.reads_matrix |= matches!(node.op, Op::DotData { .. });
        let mut step = step(plan, &node, places, rows, draws, &mut out.segment);
        if reads_global(node.op) {
            step.args[2] = import_place(plan, &node, places, draws, &mut out);
        }
        if matches!(node.op, Op::RowLatent { .. }) {
            step.active[0] = true;
        }
        let at = out.segment.size;
        places[index as usize] = at;
        let room = room(plan.width(&node), &node, rows, draws);
        if node.active {
            owned.push(Owned { at, size: size(&node, rows, draws), room });
        }
        out.segment.size += room;
        out.segment.steps.push(step);
    }
    out.roots = roots(plan, places, rows, draws, |node, _| node.plate as usize == plate + 1);
    out.outputs = output_ports(plan, places, plate as u16 + 1);
    let before =
        plan.outputs.iter().map(|&o| plan.nodes[o as usize]).filter(|n| (1..=plate).contains(&(n.plate as usize)));
    out.first_output = before.map(|n| n.len as usize).sum();
    let seeded = out.outputs.iter().map(|o| o.at);
    out.cleared = mark_first(&owned, seeded, &mut out.roots, &mut out.segment);
    out
}

/// Row operations whose first operand lies in the global arena.
pub(super) fn reads_global(op: Op) -> bool {
    matches!(
        op,
        Op::GatherColumn { .. } | Op::GatherRow { .. } | Op::GatherImport | Op::DotData { .. } | Op::Dense { .. }
    )
}

/// The place of the first operand's adjoint among the import adjoints.
fn import_place<T: Stored>(plan: &Plan<T>, node: &Node, places: &[usize], draws: usize, out: &mut RowLayout) -> usize {
    let source = plan.nodes[node.args[0] as usize];
    let place = places[node.args[0] as usize];
    let size = source.len as usize * lanes(&source, 1, draws);
    if let Some(known) = out.imported.iter().find(|i| i.0 == place && i.2 == size) {
        return known.1;
    }
    let at = out.import_size;
    out.imported.push((place, at, size));
    out.import_size += size;
    at
}

/// Numbers of operands a node reads, for the work estimate that decides on threads.
fn work<T: Stored>(plan: &Plan<T>, nodes: &[u32]) -> usize {
    let one = |&i: &u32| {
        let node = &plan.nodes[i as usize];
        let mut count = node.len as usize;
        operands(node, &plan.lists, |_| count += 1);
        match node.op {
            Op::DotData { matrix } => count + plan.matrices[matrix as usize].stride / 4,
            Op::Unary(_) | Op::LogSumExp => 4 * count,
            Op::Dense { rows } => count + rows as usize * plan.nodes[node.args[1] as usize].len as usize / 4,
            _ => count,
        }
    };
    nodes.iter().map(one).sum()
}
