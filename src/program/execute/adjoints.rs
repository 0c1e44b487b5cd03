//! Which step writes an adjoint first: it assigns where the later ones add, so that few adjoints are set to zero.

use super::layout::{Root, reads_global};
use super::sweep::{Operand, Segment};

/// The place of a node that is active and has numbers of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    pub at: usize,
    /// Numbers of its value (not those it keeps beside it).
    pub size: usize,
    /// Numbers up to the next node.
    pub room: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum First {
    Nobody,
    /// A step or a root overwrites all of it.
    Assigns,
    /// It must be zero before the sweep.
    Adds,
}

/// Marks the first contributions to the adjoints of `owned` (ascending places), which come from `seeded` places, then
/// from `roots`, then from the steps from the last to the first. Returns the ranges to set to zero before.
pub(super) fn mark_first(
    owned: &[Owned],
    seeded: impl Iterator<Item = usize>,
    roots: &mut [Root],
    segment: &mut Segment,
) -> Vec<(usize, usize)> {
    let mut first = vec![First::Nobody; owned.len()];
    let position = |place: usize| {
        let k = owned.partition_point(|o| o.at <= place).checked_sub(1)?;
        (place < owned[k].at + owned[k].room).then_some(k)
    };
    for place in seeded {
        if let Some(k) = position(place) {
            first[k] = First::Adds;
        }
    }
    let mut contribute = |place: usize, size: usize| {
        let Some(k) = position(place) else { return false };
        if first[k] != First::Nobody {
            return false;
        }
        let whole = place == owned[k].at && size == owned[k].size;
        first[k] = if whole { First::Assigns } else { First::Adds };
        whole
    };
    for root in roots.iter_mut().filter(|r| r.active) {
        root.first = contribute(root.at, root.size);
    }
    let Segment { steps, operands, .. } = segment;
    for step in steps.iter_mut().rev() {
        for k in usize::from(reads_global(step.op))..3 {
            step.first[k] = step.active[k] && contribute(step.args[k], step.sizes[k]);
        }
        for Operand { at, active, first } in &mut operands[step.list.0..step.list.0 + step.list.1] {
            *first = *active && contribute(*at, step.len * step.lanes);
        }
    }
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (o, _) in owned.iter().zip(&first).filter(|(_, f)| **f != First::Assigns) {
        match ranges.last_mut() {
            Some(last) if last.1 == o.at => last.1 = o.at + o.room,
            _ => ranges.push((o.at, o.at + o.room)),
        }
    }
    ranges
}
