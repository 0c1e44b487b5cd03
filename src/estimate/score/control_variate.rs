//! The scaled score as a control variate, with a coefficient for each parameter.

use super::Space;
use crate::family::Family;
use crate::model::{Draws, RowSet};

/// Buffers of the scores draw by draw.
#[derive(Clone, Debug, Default)]
pub(super) struct Scores {
    /// The scores, `[draw][parameter]`.
    scores: Vec<f64>,
    /// `sum_s s_k^2` and `sum_s f_s s_k^2`.
    squares: Vec<f64>,
    products: Vec<f64>,
    /// The sum of the scores of the rejected draws.
    rejected: Vec<f64>,
    one: Draws,
}

/// Adds `1/n sum_s (f_s - a_k^(-s)) s_k(z_s)` over the `n` accepted draws, and `(mean f - a_k) / (n + 1)` times the score of each
/// rejected one, `a_k` from all accepted draws: as many as a draw's own coefficient comes from where one more is accepted.
pub(super) fn add<F: Family + ?Sized>(
    family: &F,
    params: &[f64],
    rows: &RowSet,
    work: &mut Scores,
    space: &mut Space,
    accepted: usize,
) {
    let Space { z, log_weights, weights, grad, .. } = space;
    let n = grad.len();
    work.scores.clear();
    work.scores.resize(n * z.num_draws, 0.0);
    work.squares.clear();
    work.squares.resize(n, 0.0);
    work.products.clear();
    work.products.resize(n, 0.0);
    let Scores { scores, squares, products, rejected, one } = work;
    // Signals count from their mean, so that nothing is lost where they are large.
    let finite = || log_weights.iter().enumerate().filter(|(_, f)| f.is_finite());
    let num = accepted as f64;
    let mean = finite().map(|(_, f)| f).sum::<f64>() / num;
    for (d, &f) in finite() {
        copy_draw(z, d, one);
        let own = &mut scores[d * n..(d + 1) * n];
        family.score(params, rows, one, &[1.0], own);
        for ((s, square), product) in own.iter().zip(&mut *squares).zip(&mut *products) {
            *square += s * s;
            *product += (f - mean) * s * s;
        }
    }
    let share = 1.0 / num;
    for (d, &f) in finite() {
        let own = &scores[d * n..(d + 1) * n];
        for ((g, &s), (square, product)) in grad.iter_mut().zip(own).zip(squares.iter().zip(&*products)) {
            let (f, square, product) = (f - mean, square - s * s, product - (f - mean) * s * s);
            // Without a score in the other draws any coefficient is as good: their mean.
            let rest = if square > f64::EPSILON * s * s { product / square } else { -f / (num - 1.0).max(1.0) };
            *g += share * (f - rest) * s;
        }
    }
    if accepted == z.num_draws || accepted == 0 {
        return;
    }
    for (weight, f) in weights.iter_mut().zip(&*log_weights) {
        *weight = if f.is_finite() { 0.0 } else { 1.0 / (num + 1.0) };
    }
    rejected.clear();
    rejected.resize(n, 0.0);
    family.score(params, rows, z, weights, rejected);
    for ((g, s), (square, product)) in grad.iter_mut().zip(&*rejected).zip(squares.iter().zip(&*products)) {
        *g -= if *square > 0.0 { product / square * s } else { 0.0 };
    }
}

/// Overwrites `one` with draw `d` of `z`.
fn copy_draw(z: &Draws, d: usize, one: &mut Draws) {
    fn pick<X: Copy>(from: &[X], draws: usize, d: usize, to: &mut Vec<X>) {
        to.clear();
        to.extend(from.iter().skip(d).step_by(draws));
    }
    (one.num_draws, one.num_rows) = (1, z.num_rows);
    pick(&z.latents, z.num_draws, d, &mut one.latents);
    pick(&z.integers, z.num_draws, d, &mut one.integers);
    pick(&z.row_latents, z.num_draws, d, &mut one.row_latents);
    pick(&z.row_integers, z.num_draws, d, &mut one.row_integers);
}
