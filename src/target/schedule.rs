//! In which order a recorded model is evaluated when its sites and data are drawn.

use super::Target;
use crate::model::SiteKind;
use crate::program::plan::operands;
use crate::program::recording::{Op, Recording};

/// What to do, in order, in each segment: outside of rows, then in each plate.
pub(super) struct Schedule {
    pub segments: Vec<Vec<Step>>,
}

/// What is drawn from its distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// Sites and data, and everything declared is evaluated.
    All,
    /// Data; sites follow from the latents.
    Data,
    /// Data, and integers of rows that are summed out.
    RowIntegers,
}

pub(super) enum Step {
    /// Evaluate this node.
    Evaluate(u32),
    /// Draw from this entry of `simulated`.
    Sample(usize),
}

impl Schedule {
    pub fn new(target: &Target, drawn: Drawn) -> Self {
        let recording = &target.recording;
        let mut out = Schedule { segments: (0..=recording.plates.len()).map(|_| Vec::new()).collect() };
        let mut known = vec![false; recording.nodes.len()];
        for (k, simulated) in target.simulated.iter().enumerate() {
            let is_drawn = |site: usize| match drawn {
                Drawn::All => true,
                Drawn::Data => false,
                Drawn::RowIntegers => target.layout.sites[site].kind == SiteKind::SummedRowInteger,
            };
            if simulated.site.is_some_and(|site| !is_drawn(site)) {
                continue;
            }
            for &parameter in &simulated.parameters {
                out.need(recording, parameter, &mut known);
            }
            match simulated.site {
                None => out.need(recording, simulated.node, &mut known),
                Some(_) => own_nodes(recording, simulated.node).for_each(|n| known[n as usize] = true),
            }
            out.segments[simulated.plate as usize].push(Step::Sample(k));
        }
        if drawn == Drawn::All {
            for &node in &target.outputs.outputs {
                out.need(recording, node, &mut known);
            }
        }
        out
    }

    /// Adds what `node` is computed from, operands first; node numbers are in that order.
    fn need(&mut self, recording: &Recording, node: u32, known: &mut [bool]) {
        let (mut stack, mut found) = (vec![node], Vec::new());
        while let Some(i) = stack.pop() {
            if std::mem::replace(&mut known[i as usize], true) {
                continue;
            }
            found.push(i);
            operands(&recording.nodes[i as usize], &recording.lists, |a| stack.push(a));
        }
        found.sort_unstable();
        for i in found {
            self.segments[recording.nodes[i as usize].plate as usize].push(Step::Evaluate(i));
        }
    }
}

/// The node of a drawn value, and the scalars that are packed into it; constants among them stay.
pub(super) fn own_nodes(recording: &Recording, node: u32) -> impl Iterator<Item = u32> {
    let n = recording.nodes[node as usize];
    let (start, len) = (n.list.0 as usize, n.list.1 as usize);
    let packed: &[u32] = if n.op == Op::Pack { &recording.lists[start..start + len] } else { &[] };
    let all = std::iter::once(node).chain(packed.iter().copied());
    all.filter(|&i| !matches!(recording.nodes[i as usize].op, Op::Const(_)))
}
