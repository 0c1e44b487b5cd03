//! The scaled score as a control variate, with a coefficient for each parameter.

use super::{Point, Space};
use crate::family::Family;
use crate::model::Draws;

/// Buffers of the scores draw by draw.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Scores {
    /// `[draw][parameter]`
    scores: Vec<f64>,
    /// `sum_s s_k^2` and `sum_s f_s s_k^2`.
    squares: Vec<f64>,
    products: Vec<f64>,
    one: Draws,
}

/// Adds `1/S sum_s (f_s - a_k^(-s)) s_k(z_s)`.
pub(super) fn add<F: Family + ?Sized>(family: &F, at: &Point, space: &mut Space, accepted: usize, grad: &mut [f64]) {
    let Space { z, log_weights, unweighted, scores: work, .. } = space;
    let (n, rows) = (grad.len(), unweighted.of(at.rows));
    work.scores.clear();
    work.scores.resize(n * at.num_draws, 0.0);
    work.squares.clear();
    work.squares.resize(n, 0.0);
    work.products.clear();
    work.products.resize(n, 0.0);
    let Scores { scores, squares, products, one } = work;
    // Signals count from their mean, so that nothing is lost where they are large.
    let finite = || log_weights.iter().enumerate().filter(|(_, f)| f.is_finite());
    let mean = finite().map(|(_, f)| f).sum::<f64>() / accepted as f64;
    for (d, &f) in finite() {
        copy_draw(z, d, one);
        let own = &mut scores[d * n..(d + 1) * n];
        family.score(at.params, rows, one, &[1.0], own);
        for ((s, square), product) in own.iter().zip(&mut *squares).zip(&mut *products) {
            *square += s * s;
            *product += (f - mean) * s * s;
        }
    }
    let share = 1.0 / accepted as f64;
    for (d, &f) in finite() {
        let own = &scores[d * n..(d + 1) * n];
        for ((g, &s), (square, product)) in grad.iter_mut().zip(own).zip(squares.iter().zip(&*products)) {
            let (f, square, product) = (f - mean, square - s * s, product - (f - mean) * s * s);
            // Without a score in the other draws any coefficient is as good: their mean.
            let rest =
                if square > f64::EPSILON * s * s { product / square } else { -f / (accepted as f64 - 1.0).max(1.0) };
            *g += share * (f - rest) * s;
        }
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
