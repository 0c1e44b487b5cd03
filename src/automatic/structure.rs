//! What the graph of a model's latents would cost, so that a plan can choose by it.

use super::FamilyChoice;
use super::families::graph_of;
use super::plan::{FULL_RANK_UP_TO, Wishes};
use crate::algorithm::SparseNaturalGradient;
use crate::family::SparseGaussian;
use crate::target::{LogDensity, Target};

/// Colours from which a step takes too many gradients to be the default: 2,400 and more.
const MOST_COLOURS: usize = 150;

/// Numbers of a factor from which linear algebra would take over: a second and more a step.
const MOST_NUMBERS: usize = 1 << 24;

/// The structure of a model's latents.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Structure {
    /// The graph in words.
    pub words: String,
    /// Latents, those of all rows included.
    pub num_latents: usize,
    /// Whether steps and factors on it are cheap enough to be the default.
    pub is_affordable: bool,
}

impl Structure {
    /// The structure, where it matters: more latents than a full covariance matrix is the default for, latents of rows, or
    /// a sparse family that was asked for.
    pub fn of(target: &dyn LogDensity, wishes: &Wishes) -> Option<Structure> {
        let layout = target.layout();
        let num_latents = layout.num_latents + layout.num_row_latents * layout.num_rows;
        let asked = wishes.family == FamilyChoice::Sparse;
        let may_be = wishes.family == FamilyChoice::Auto
            && (num_latents > FULL_RANK_UP_TO || layout.num_row_latents > 0)
            && target.known_graph().is_some();
        let no_others = layout.num_integers + layout.num_row_integers + layout.num_parameters == 0;
        if num_latents == 0 || !(asked || may_be && no_others) {
            return None;
        }
        let graph = graph_of(target);
        // Where it is refused, the words are those of the family itself.
        let family = SparseGaussian::new(layout, &graph).ok();
        let is_affordable = family.is_some_and(|family| {
            family.num_factor() <= MOST_NUMBERS && SparseNaturalGradient::<Target>::num_colours(&family) <= MOST_COLOURS
        });
        Some(Structure { words: graph.to_string(), num_latents, is_affordable })
    }
}
