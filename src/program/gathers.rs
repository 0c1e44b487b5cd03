//! Work on the elements of a vector, done before they are gathered: once for each group instead of once for each row.
//!
//! `sigma * u.at(group) + mu` reads one vector by one data column, so it is `(sigma * u + mu).at(group)`. Every number
//! comes out of the same operations.

use super::plan::{arity, operands};
use super::recording::{Node, Op, Recording, is_elementwise};

/// Rewrites the rows' elementwise operations on gathered elements and outer scalars; new nodes come last, so that
/// operands no longer precede their users.
pub(super) fn gather_late(recording: &Recording, nodes: &mut Vec<Node>) {
    for i in 0..nodes.len() {
        let node = nodes[i];
        if node.plate == 0 || node.len != 1 || !is_elementwise(node.op) {
            continue;
        }
        let Some(source) = gathered(nodes, &node) else { continue };
        let vector = nodes[source.args[0] as usize];
        if vector.len as usize >= recording.plates[node.plate as usize - 1].rows {
            continue;
        }
        let mut args = [0; 3];
        for (to, &a) in args.iter_mut().zip(&node.args[..arity(node.op)]) {
            *to = outside(nodes, a, &vector, node.per_draw);
        }
        let inner = Node { args, len: vector.len, plate: 0, ..node };
        nodes.push(inner);
        nodes[i] = Node { args: [nodes.len() as u32 - 1, 0, 0], op: source.op, ..node };
    }
}

/// The gather that all operands share, apart from outer scalars; `None` if some operand is a row's own.
fn gathered(nodes: &[Node], node: &Node) -> Option<Node> {
    let mut found: Option<Node> = None;
    for &a in &node.args[..arity(node.op)] {
        let operand = below_spread(nodes, a);
        let source = nodes[operand as usize];
        match source.op {
            Op::GatherColumn { .. } => {
                let len = |n: &Node| nodes[n.args[0] as usize].len;
                if found.is_some_and(|f| f.op != source.op || len(&f) != len(&source)) {
                    return None;
                }
                found = Some(source);
            }
            _ if source.plate == 0 && source.len == 1 => {}
            _ => return None,
        }
    }
    found
}

/// The node that is merely spread into more lanes.
pub(super) fn below_spread(nodes: &[Node], mut a: u32) -> u32 {
    while nodes[a as usize].op == Op::Spread {
        a = nodes[a as usize].args[0];
    }
    a
}

/// The operand as a vector outside of the rows, with the lanes of the result.
fn outside(nodes: &mut Vec<Node>, a: u32, vector: &Node, per_draw: bool) -> u32 {
    let operand = below_spread(nodes, a);
    let source = nodes[operand as usize];
    let inner = if matches!(source.op, Op::GatherColumn { .. }) { source.args[0] } else { operand };
    let known = nodes[inner as usize];
    if (known.len, known.per_draw) == (vector.len, per_draw) {
        return inner;
    }
    nodes.push(Node {
        op: Op::Spread,
        args: [inner, 0, 0],
        list: (0, 0),
        len: vector.len,
        plate: 0,
        per_draw,
        active: known.active,
    });
    nodes.len() as u32 - 1
}

/// The live nodes with every operand before its users, otherwise in their order.
pub(super) fn in_order(nodes: &[Node], lists: &[u32], live: &[bool]) -> Vec<u32> {
    let mut done = vec![false; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    let mut open: Vec<(u32, bool)> =
        (0..nodes.len() as u32).rev().filter(|&i| live[i as usize]).map(|i| (i, false)).collect();
    while let Some((i, visited)) = open.pop() {
        if done[i as usize] {
            continue;
        }
        if visited {
            done[i as usize] = true;
            order.push(i);
            continue;
        }
        open.push((i, true));
        let first = open.len();
        operands(&nodes[i as usize], lists, |a| {
            if !done[a as usize] {
                open.push((a, false));
            }
        });
        open[first..].reverse();
    }
    order
}
