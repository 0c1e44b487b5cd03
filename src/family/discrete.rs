//! [`Discrete`]: integer latents whose probabilities can be listed.

use super::Family;
use crate::model::{Draws, RowSet};

/// One integer latent of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer {
    /// Smallest value of the integer.
    pub low: u32,
    /// How many values it can take: `low..low + num_values`.
    pub num_values: usize,
    /// Its position in [`Draws::integers`], or in [`Draws::row_integers`] as `site * rows of the pass + position`.
    pub place: usize,
    /// Whether it belongs to a row, and counts `rows.weight` times.
    pub in_rows: bool,
}

impl Integer {
    /// The latent's value in each draw.
    pub fn lane(self, z: &Draws) -> &[u32] {
        let all = if self.in_rows { &z.row_integers } else { &z.integers };
        &all[self.place * z.num_draws..(self.place + 1) * z.num_draws]
    }

    /// The latent's value in each draw, to be changed.
    pub fn lane_mut(self, z: &mut Draws) -> &mut [u32] {
        let draws = z.num_draws;
        let all = if self.in_rows { &mut z.row_integers } else { &mut z.integers };
        &mut all[self.place * draws..(self.place + 1) * draws]
    }
}

/// A family of independent integer latents, each with finitely many values whose probabilities can be listed.
///
/// This is what enumeration, local expectations and DisARM need. Latents are numbered over a pass: first those outside
/// of rows, then those of the rows, `[site][row of the pass]`; there are
/// `num_integers() + num_row_integers() * (rows of the pass)` of them. Like `transform` and `pullback`, these
/// functions know no weight of rows.
#[diagnostic::on_unimplemented(
    message = "the probabilities of `{Self}` cannot be listed",
    label = "this is no family of integers with finitely many values",
    note = "use `BernoulliFactors` or `CategoricalFactors` for the integers; the `ScoreFunction` estimator needs no list"
)]
pub trait Discrete: Family {
    /// Integer latents outside of rows.
    fn num_integers(&self) -> usize;

    /// Integer latents of each row.
    fn num_row_integers(&self) -> usize;

    /// Latents of a pass over `rows`.
    fn num_latents(&self, rows: &RowSet) -> usize;

    /// Range and place of latent number `latent` of the pass.
    fn integer(&self, rows: &RowSet, latent: usize) -> Integer;

    /// Overwrites `out` with the probability of each value of a latent, smallest value first; no allocation when it
    /// has the capacity.
    fn probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, out: &mut Vec<f64>);

    /// `grad += sum_v p_bar[v] * d p_v / d params` for the probabilities `p_v` of one latent.
    fn pull_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, p_bar: &[f64], grad: &mut [f64]);

    /// `grad += sum_v bar[v] * d log p_v / d params` for the probabilities `p_v` of one latent.
    ///
    /// For two values, `bar = [-g, g]` adds `g * d logit / d params`: exact also where a probability underflows.
    fn pull_log_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, bar: &[f64], grad: &mut [f64]);

    /// Overwrites `out` with the probabilities of all latents of the pass, one latent after the other; false, and nothing
    /// written, where that is no faster than [`probabilities`](Self::probabilities) of each.
    fn all_probabilities(&self, _params: &[f64], _rows: &RowSet, _out: &mut Vec<f64>) -> bool {
        false
    }

    /// [`pull_log_probabilities`](Self::pull_log_probabilities) of all latents, `bar` one latent after the other; false,
    /// and nothing added, where that is no faster than one latent at a time.
    fn pull_all_log_probabilities(&self, _params: &[f64], _rows: &RowSet, _bar: &[f64], _grad: &mut [f64]) -> bool {
        false
    }
}
