//! The graph of a recorded model's latents.

use super::Target;
use crate::program::{LatentGraph, graph_of};

impl Target {
    /// Which unconstrained latents meet in a term that is no sum of functions of each, from the recorded program.
    pub fn graph(&self) -> &LatentGraph {
        self.graph.get_or_init(|| {
            // A sum over the joint values of integers outside of rows joins whatever meets any of them.
            if self.outside_states().is_empty() {
                return graph_of(self.program());
            }
            LatentGraph::dense(self.layout.num_latents + self.layout.num_row_latents * self.layout.num_rows)
        })
    }
}
