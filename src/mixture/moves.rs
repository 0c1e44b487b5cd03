//! Merges and splits, to leave optima that single rows cannot leave.

use super::component::Component;
use super::pass::{Assign, MixtureState};
use super::sample::Sample;
use super::{Block, CoordinateAscent, MixtureError, Rows};
use crate::fit::Stop;
use crate::streams::Streams;

/// A fit that has arrived.
#[derive(Clone)]
pub(super) struct Reached {
    pub state: MixtureState,
    pub bound: f64,
    pub stop: Stop,
    pub moves: usize,
}

/// A change of the responsibilities.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    /// The second joins the first.
    Merge(usize, usize),
    /// The first hands a part over to the second, which is empty.
    Split(usize, usize),
    /// The second joins the first, and the third hands a part over to the second.
    MergeSplit(usize, usize, usize),
}

/// A component with fewer rows is empty.
const EMPTY: f64 = 0.5;
/// Pairs to merge and components to split that a round looks at.
const CANDIDATES: usize = 3;

/// Tries at most `budget` moves, each followed by coordinate ascent, and keeps those that raise the bound.
///
/// *Source:* Ueda and Ghahramani (2002), "Bayesian model search for mixture models based on optimizing variational
/// bounds", for the moves; candidates are chosen here by overlap and size.
pub(super) fn improve<R: Rows + ?Sized, C: Component>(
    ascent: &CoordinateAscent<R, C>,
    mut fit: Reached,
    budget: usize,
    max_steps: u64,
) -> Result<Reached, MixtureError> {
    if budget == 0 || ascent.engine.k < 2 {
        return Ok(fit);
    }
    let sample = Sample::of(ascent.engine.rows, 4096)?;
    let mut left = budget;
    'rounds: loop {
        for proposal in proposals(ascent, &fit.state)? {
            if left == 0 {
                return Ok(fit);
            }
            left -= 1;
            let Some(state) = apply(ascent, &fit.state, proposal, &sample)? else { continue };
            // A move that ends in a failure is no improvement.
            let Ok((state, bound, stop)) = Reached::settle(ascent, state, max_steps) else { continue };
            if bound > fit.bound + 1e-6 * fit.bound.abs().max(1.0) {
                fit = Reached { state, bound, stop, moves: fit.moves + 1 };
                continue 'rounds;
            }
        }
        return Ok(fit);
    }
}

fn proposals<R: Rows + ?Sized, C: Component>(
    ascent: &CoordinateAscent<R, C>,
    state: &MixtureState,
) -> Result<Vec<Move>, MixtureError> {
    let k = ascent.engine.k;
    let overlap = overlaps(ascent, state)?;
    let mut pairs: Vec<(usize, usize)> = (0..k).flat_map(|a| (0..a).map(move |b| (b, a))).collect();
    pairs.retain(|&(a, b)| state.counts[a] > EMPTY && state.counts[b] > EMPTY);
    pairs.sort_by(|x, y| overlap[y.0 * k + y.1].total_cmp(&overlap[x.0 * k + x.1]));
    pairs.truncate(CANDIDATES);
    let mut large: Vec<usize> = (0..k).filter(|&c| state.counts[c] > 2.0).collect();
    large.sort_by(|&a, &b| state.counts[b].total_cmp(&state.counts[a]));
    let mut moves: Vec<Move> = pairs.iter().map(|&(a, b)| Move::Merge(a, b)).collect();
    if let Some(free) = (0..k).find(|&c| state.counts[c] < EMPTY) {
        moves.extend(large.iter().take(CANDIDATES).map(|&c| Move::Split(c, free)));
    }
    for &(a, b) in &pairs {
        let others = large.iter().filter(|&&c| c != a && c != b).take(CANDIDATES);
        moves.extend(others.map(|&c| Move::MergeSplit(a, b, c)));
    }
    Ok(moves)
}

/// `sum_n r_na r_nb / sqrt(sum_n r_na^2 sum_n r_nb^2)`, K x K.
fn overlaps<R: Rows + ?Sized, C: Component>(
    ascent: &CoordinateAscent<R, C>,
    state: &MixtureState,
) -> Result<Vec<f64>, MixtureError> {
    let k = ascent.engine.k;
    let mut products = vec![0.0; k * k];
    ascent.engine.visit(state, |block, r, _| {
        for a in 0..k {
            let column = |c: usize| &r[c * block.stride()..(c + 1) * block.stride()];
            for b in 0..=a {
                products[b * k + a] += column(a).iter().zip(column(b)).map(|(x, y)| x * y).sum::<f64>();
            }
        }
    })?;
    let norm: Vec<f64> = (0..k).map(|a| products[a * k + a].max(f64::MIN_POSITIVE).sqrt()).collect();
    for a in 0..k {
        (0..k).for_each(|b| products[a * k + b] /= norm[a] * norm[b]);
    }
    Ok(products)
}

/// The state after one update from changed responsibilities; none where there is nothing to split.
fn apply<R: Rows + ?Sized, C: Component>(
    ascent: &CoordinateAscent<R, C>,
    state: &MixtureState,
    proposal: Move,
    sample: &Sample,
) -> Result<Option<MixtureState>, MixtureError> {
    let (merge, split) = match proposal {
        Move::Merge(a, b) => (Some((a, b)), None),
        Move::Split(c, free) => (None, Some((c, free))),
        Move::MergeSplit(a, b, c) => (Some((a, b)), Some((c, b))),
    };
    let centres = match split {
        Some((from, _)) => match halves(ascent, state, from, sample) {
            Some(centres) => centres,
            None => return Ok(None),
        },
        None => Vec::new(),
    };
    let edit = |_: usize, block: &Block, joint: &mut [f64]| {
        if let Some((a, b)) = merge {
            for i in 0..block.stride() {
                joint[a * block.stride() + i] += std::mem::take(&mut joint[b * block.stride() + i]);
            }
        }
        if let Some((from, to)) = split {
            sample.split(block, &centres, from, to, joint);
        }
    };
    let mut next = state.clone();
    ascent.with_space(|space| {
        ascent.engine.whole(state, Assign::Edited(&edit), space)?;
        ascent.engine.update(&mut next, 1.0, 1.0, space);
        Ok::<(), MixtureError>(())
    })?;
    // The bound may fall at a move, which is no sign of arrival.
    next.bound = None;
    Ok(Some(next))
}

/// Two centres among the rows of the sample that are nearest to component `from`.
fn halves<R: Rows + ?Sized, C: Component>(
    ascent: &CoordinateAscent<R, C>,
    state: &MixtureState,
    from: usize,
    sample: &Sample,
) -> Option<Vec<f64>> {
    let component = ascent.engine.component;
    let mut row = vec![0.0; component.num_columns()];
    let mut centres = Vec::new();
    for params in state.params.chunks_exact(component.num_params()) {
        component.centre(params, &mut row);
        centres.extend(sample.scaled(&row));
    }
    let own = sample.subset(|point| sample.nearest_to(point, &centres) == from);
    (own.len() >= 2).then(|| own.k_means(2, Streams::new(from as u64)))
}
