//! Where a fit begins: labels, k-means++ or a hierarchy.

use serde::{Deserialize, Serialize};

use super::component::Component;
use super::pass::{Assign, Engine, MixtureState, Space};
use super::sample::Sample;
use super::{Block, MixtureError, Rows};
use crate::streams::Streams;

/// The responsibilities that a fit begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MixtureStart {
    /// k-means++ and Lloyd's iterations on at most 4096 rows, columns standardised.
    #[default]
    KMeans,
    /// Ward's hierarchy on at most 400 rows, columns standardised; the same for every seed.
    Hierarchical,
    /// A component for each row, counted from 0.
    Labels(Vec<u32>),
}

/// The state after one update from the start's assignments.
pub(super) fn first_state<R: Rows + ?Sized, C: Component>(
    engine: &Engine<R, C>,
    start: &MixtureStart,
    seed: u64,
    space: &mut Space,
) -> Result<MixtureState, MixtureError> {
    let mut state = engine.prior_state();
    match start {
        MixtureStart::Labels(labels) => {
            check_labels(labels, engine.rows.num_rows(), engine.k)?;
            // Labels go by the place among these rows, which may be some blocks of a larger table.
            let height = engine.rows.block_rows();
            let given = |b: usize, block: &Block, joint: &mut [f64]| {
                for i in 0..block.len() {
                    joint[labels[b * height + i] as usize * block.stride() + i] = 1.0;
                }
            };
            engine.whole(&state, Assign::Given(&given), space)?;
        }
        MixtureStart::KMeans | MixtureStart::Hierarchical => {
            let limit = if *start == MixtureStart::KMeans { 4096 } else { 400 };
            let sample = Sample::of(engine.rows, limit)?;
            let centres = match start {
                MixtureStart::KMeans => sample.k_means(engine.k, Streams::new(seed)),
                _ => sample.ward(engine.k),
            };
            let nearest = |_: usize, block: &Block, joint: &mut [f64]| sample.assign(block, &centres, joint);
            engine.whole(&state, Assign::Given(&nearest), space)?;
        }
    }
    engine.update(&mut state, 1.0, 1.0, space);
    Ok(state)
}

fn check_labels(labels: &[u32], rows: usize, k: usize) -> Result<(), MixtureError> {
    if labels.len() != rows {
        return Err(MixtureError::Shape { what: "start labels", found: labels.len(), expected: rows });
    }
    if let Some(row) = labels.iter().position(|&l| l as usize >= k) {
        let text = format!("row {row} starts in component {}, but the last one is {}", labels[row], k - 1);
        return Err(MixtureError::setting("start", text));
    }
    Ok(())
}
