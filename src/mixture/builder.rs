//! A whole fit: restarts, moves, and the result.

use serde::{Deserialize, Serialize};

use super::component::Component;
use super::moves::{Reached, improve};
use super::{CoordinateAscent, Kind, MixtureError, MixtureFitted, MixtureStart, MixtureState, Rows, Weights};
use crate::algorithm::Algorithm;
use crate::fit::{MaxSteps, Stop, run};
use crate::program::map_side_by_side;

/// What to fit, and how.
///
/// ```
/// use jensen::mixture::{FullGaussian, MixtureFit, Table};
///
/// let x: Vec<f64> = (0..40).map(|i| if i < 20 { 0.1 * i as f64 } else { 10.0 + 0.05 * i as f64 }).collect();
/// let rows = Table::from_columns(&[x])?;
/// let fitted = MixtureFit::new(FullGaussian::from_rows(&rows)?, 2).restarts(3).run(&rows)?;
/// assert_eq!(fitted.assign(&rows)?.labels[0], fitted.assign(&rows)?.labels[19]);
/// assert!((fitted.weights()[0] - 0.5).abs() < 0.05);
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MixtureFit<C = Kind> {
    component: C,
    k: usize,
    weights: Weights,
    start: MixtureStart,
    restarts: usize,
    moves: usize,
    tolerance: f64,
    max_steps: u64,
    seed: u64,
}

impl<C: Component> MixtureFit<C> {
    /// `k` components of one kind, with weights `~ Dirichlet(1 / k, ..)`, one k-means++ start, and up to 20 moves.
    pub fn new(component: C, k: usize) -> Self {
        let weights = Weights::dirichlet(1.0 / k.max(1) as f64);
        let start = MixtureStart::KMeans;
        MixtureFit { component, k, weights, start, restarts: 1, moves: 20, tolerance: 1e-4, max_steps: 2000, seed: 0 }
    }

    /// Prior of the weights.
    pub fn weights(self, weights: Weights) -> Self {
        MixtureFit { weights, ..self }
    }

    /// Chooses where each start begins.
    pub fn start(self, start: MixtureStart) -> Self {
        MixtureFit { start, ..self }
    }

    /// Starts from as many seeds, in parallel; the best bound wins. Only k-means++ depends on the seed.
    pub fn restarts(self, restarts: usize) -> Self {
        MixtureFit { restarts, ..self }
    }

    /// Merges and splits to try at most once a fit has arrived; 0 for none.
    pub fn moves(self, moves: usize) -> Self {
        MixtureFit { moves, ..self }
    }

    /// Rise of the bound, in nats, below which a fit has arrived; 1e-4 unless said otherwise.
    pub fn tolerance(self, tolerance: f64) -> Self {
        MixtureFit { tolerance, ..self }
    }

    /// Steps at most, for each start.
    pub fn max_steps(self, max_steps: u64) -> Self {
        MixtureFit { max_steps, ..self }
    }

    /// Seed of the first start.
    pub fn seed(self, seed: u64) -> Self {
        MixtureFit { seed, ..self }
    }

    /// Fits by coordinate ascent.
    ///
    /// # Errors
    /// When a setting makes no sense, a cell does not fit the components, there are more components than distinct rows,
    /// or every start fails.
    pub fn run<R: Rows + ?Sized>(&self, rows: &R) -> Result<MixtureFitted<C>, MixtureError> {
        let starts = match self.start {
            MixtureStart::KMeans => self.restarts.max(1),
            _ => 1,
        };
        let one = |s: usize| self.one(rows, self.seed.wrapping_add(s as u64));
        let tried: Vec<_> = map_side_by_side((0..starts).collect(), one);
        let mut fits = Vec::with_capacity(starts);
        let mut failure = None;
        for fit in tried {
            match fit {
                Ok(fit) => fits.push(fit),
                Err(e) => failure = Some(e),
            }
        }
        let bounds: Vec<f64> = fits.iter().map(|f| f.bound).collect();
        let Some(best) = fits.get(super::largest(&bounds)).cloned() else {
            return Err(failure.unwrap_or_else(|| MixtureError::setting("restarts", "no start was tried")));
        };
        let mut fitted = MixtureFitted::new(self.component.clone(), self.weights, self.k, best);
        fitted.starts = self.agreement(rows, &fitted, &fits)?;
        fitted.notes = self.component.notes();
        if fits.len() < starts {
            fitted.notes.push(format!("{} of {starts} starts failed", starts - fits.len()));
        }
        if !fitted.stop.has_converged() {
            fitted.notes.push("the bound was still rising at the last step; allow more steps".into());
        }
        Ok(fitted)
    }

    fn one<R: Rows + ?Sized>(&self, rows: &R, seed: u64) -> Result<Reached, MixtureError> {
        let ascent = CoordinateAscent::new(rows, &self.component, self.weights, self.k)?;
        let ascent = ascent.start(self.start.clone()).seed(seed).tolerance(self.tolerance);
        let mut state = ascent.init()?;
        let stop = run(&ascent, &mut state, &mut MaxSteps(self.max_steps), &mut ())?;
        let bound = ascent.bound(&state)?;
        let fit = Reached { state, bound, stop, moves: 0 };
        improve(&ascent, fit, self.moves, self.max_steps)
    }

    fn agreement<R: Rows + ?Sized>(
        &self,
        rows: &R,
        best: &MixtureFitted<C>,
        fits: &[Reached],
    ) -> Result<Vec<TriedStart>, MixtureError> {
        let reference = best.labels(rows)?;
        let report = |fit: &Reached| {
            let other = MixtureFitted::new(self.component.clone(), self.weights, self.k, fit.clone());
            let agreement = adjusted_rand(&reference, &other.labels(rows)?);
            Ok(TriedStart { bound: fit.bound, agreement, moves: fit.moves })
        };
        fits.iter().map(report).collect()
    }
}

/// The end of one start: its bound, and how far its labels agree with those of the best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TriedStart {
    /// The exact bound at which the start ended.
    pub bound: f64,
    /// Adjusted Rand index of its labels with those of the best start; 1 where they agree.
    pub agreement: f64,
    /// Merges and splits that were kept.
    pub moves: usize,
}

impl TriedStart {
    /// A start that ended without moves.
    pub fn new(bound: f64, agreement: f64) -> Self {
        TriedStart { bound, agreement, moves: 0 }
    }
}

/// The adjusted Rand index of two labellings: 1 where they agree up to names, about 0 where they have nothing in common.
///
/// Two labellings that both put all rows together, or all apart, agree.
///
/// *Source:* Hubert and Arabie (1985), "Comparing partitions".
pub fn adjusted_rand(a: &[usize], b: &[usize]) -> f64 {
    let pairs = |n: f64| 0.5 * n * (n - 1.0);
    let sum = |keys: &mut dyn Iterator<Item = (usize, usize)>| {
        let mut counts = std::collections::BTreeMap::new();
        keys.for_each(|key| *counts.entry(key).or_insert(0.0) += 1.0);
        counts.values().map(|&n| pairs(n)).sum::<f64>()
    };
    let both = sum(&mut a.iter().copied().zip(b.iter().copied()));
    let (first, second) = (sum(&mut a.iter().map(|&x| (x, 0))), sum(&mut b.iter().map(|&x| (x, 0))));
    let expected = first * second / pairs(a.len() as f64).max(1.0);
    let largest = 0.5 * (first + second);
    if largest == expected { 1.0 } else { (both - expected) / (largest - expected) }
}

impl Reached {
    /// Continues until it arrives or has used `max_steps`.
    pub(super) fn settle<R: Rows + ?Sized, C: Component>(
        ascent: &CoordinateAscent<R, C>,
        mut state: MixtureState,
        max_steps: u64,
    ) -> Result<(MixtureState, f64, Stop), MixtureError> {
        let limit = state.step + max_steps;
        let stop = run(ascent, &mut state, &mut MaxSteps(limit), &mut ())?;
        let bound = ascent.bound(&state)?;
        Ok((state, bound, stop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rand_index_of_known_labellings() {
        assert_eq!(adjusted_rand(&[0, 0, 1, 1], &[5, 5, 2, 2]), 1.0);
        // Table [[1, 1], [1, 1]]: no pair together in both, expected 2 * 2 / 6, largest 2.
        let expected = (0.0 - 2.0 / 3.0) / (2.0 - 2.0 / 3.0);
        assert!((adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]) - expected).abs() < 1e-15);
        assert_eq!(adjusted_rand(&[0, 0], &[1, 1]), 1.0);
    }
}
