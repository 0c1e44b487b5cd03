//! One number for all elements of a vector, used without being spread over them first.
//!
//! `a * s + m` with a vector `a` and numbers `s`, `m` reads the numbers where they lie, and their adjoints are added up
//! in a register. A sum of Gaussian kernels with one scale, `-sum_e ((x_e - m_e) w)^2 / 2`, becomes
//! `-w^2 / 2 sum_e (x_e - m_e)^2`.

use super::gathers::below_spread;
use super::ops::{Binary, Unary};
use super::plan::{live_nodes, operands};
use super::recording::{Node, Op};
use super::terms::Addends;

/// Rewrites products, sums and summed Gaussian kernels of global vectors; new nodes come last, so that operands no
/// longer precede their users.
pub(super) fn keep_scalars(nodes: &mut Vec<Node>, lists: &[u32], sum: &Addends, outputs: &[u32]) {
    let uses = uses(nodes, lists, sum, outputs);
    // A kernel that something else reads too is needed element by element.
    for a in sum.addends.iter().filter(|a| uses[a.node as usize] == 1) {
        sum_of_kernels(nodes, a.node as usize);
    }
    for i in 0..nodes.len() {
        let node = nodes[i];
        let op = match node.op {
            Op::Binary(Binary::Mul) => Op::Scaled,
            Op::Binary(Binary::Add) => Op::Shifted,
            _ => continue,
        };
        let scalars = [0, 1].map(|k| scalar(nodes, &node, node.args[k]));
        let args = match scalars {
            _ if !is_global_vector(&node) => continue,
            [None, Some(s)] => [node.args[0], s, 0],
            [Some(s), None] => [node.args[1], s, 0],
            _ => continue,
        };
        nodes[i] = Node { op, args, ..node };
    }
}

/// Turns the kernel `i` into one number, where its scale is one.
fn sum_of_kernels(nodes: &mut Vec<Node>, i: usize) {
    let node = nodes[i];
    let [x, m, w] = node.args;
    if !is_global_vector(&node) || node.op != Op::GaussKernel {
        return;
    }
    let Some(w) = scalar(nodes, &node, w) else { return };
    let m = scalar(nodes, &node, m).unwrap_or(m);
    let one = Node { len: 1, list: (0, 0), ..node };
    let active = |k: u32| nodes[k as usize].active;
    let (moves, scales) = (active(x) || active(m), active(w));
    let mut add = |op: Op, args: [u32; 3], active: bool| {
        nodes.push(Node { op, args, active, ..one });
        nodes.len() as u32 - 1
    };
    let distance = add(Op::SquaredDistance { len: node.len }, [x, m, 0], moves);
    let square = add(Op::Unary(Unary::Square), [w, 0, 0], scales);
    let product = add(Op::Binary(Binary::Mul), [distance, square, 0], moves || scales);
    nodes[i] = Node { op: Op::MulConst(-0.5), args: [product, 0, 0], ..one };
}

fn is_global_vector(node: &Node) -> bool {
    node.plate == 0 && node.len > 1
}

/// The one number that operand `a` of `node` repeats for every element.
fn scalar(nodes: &[Node], node: &Node, a: u32) -> Option<u32> {
    let a = below_spread(nodes, a);
    let source = nodes[a as usize];
    (source.plate == 0 && source.len == 1 && source.per_draw == node.per_draw).then_some(a)
}

/// How often each node is read by live nodes, addends and outputs.
fn uses(nodes: &[Node], lists: &[u32], sum: &Addends, outputs: &[u32]) -> Vec<usize> {
    let live = live_nodes(nodes, lists, sum, outputs);
    let mut uses = vec![0; nodes.len()];
    for (node, _) in nodes.iter().zip(&live).filter(|n| *n.1) {
        operands(node, lists, |a| uses[a as usize] += 1);
    }
    sum.addends.iter().map(|a| a.node).chain(outputs.iter().copied()).for_each(|n| uses[n as usize] += 1);
    uses
}
