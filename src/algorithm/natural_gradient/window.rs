//! Averages over windows of steps, and whether q still moved within one.

use nalgebra::{Cholesky, DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// Running means of the iterates over a window of steps, and of the gradients that moved them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    pub length: u64,
    pub count: u64,
    pub mean: Vec<f64>,
    pub precision: Vec<f64>,
    /// Whitened gradients of mean and log precisions, and their sums of squares about the mean.
    pull: Vec<f64>,
    spread: Vec<f64>,
}

impl Window {
    pub fn of(length: u64) -> Self {
        Window { length, ..Window::default() }
    }

    pub fn is_full(&self) -> bool {
        self.count >= self.length
    }

    /// Takes in an iterate and the whitened gradients that led to it.
    pub fn add(&mut self, mean: &[f64], precision: &[f64], grads: impl Iterator<Item = f64>) {
        self.count += 1;
        self.mean.resize(mean.len(), 0.0);
        self.precision.resize(precision.len(), 0.0);
        self.pull.resize(2 * mean.len(), 0.0);
        self.spread.resize(2 * mean.len(), 0.0);
        let share = 1.0 / self.count as f64;
        let old = self.mean.iter_mut().zip(mean).chain(self.precision.iter_mut().zip(precision));
        old.for_each(|(m, x)| *m += share * (x - *m));
        for ((m, s), g) in self.pull.iter_mut().zip(&mut self.spread).zip(grads) {
            let before = g - *m;
            *m += share * before;
            *s += before * (g - *m);
        }
    }

    /// Whether the gradients of the window have a mean beyond their noise that matters.
    ///
    /// Under pure noise each squared t statistic has mean `(n - 1) / (n - 3)`; their sum over all coordinates is held
    /// against that mean plus four standard deviations. A pull matters when its square is beyond `enough`.
    pub fn drifts(&self, enough: f64) -> bool {
        let n = self.count as f64;
        if n < 8.0 {
            return false;
        }
        let (mut size, mut sum, mut num) = (0.0, 0.0, 0.0);
        for (m, s) in self.pull.iter().zip(&self.spread) {
            let noise = s / (n - 1.0) / n;
            size += (m * m - noise).max(0.0);
            if *m != 0.0 {
                // One coordinate counts no more than a certain pull: without noise it would count for all.
                sum += (m * m / noise.max(f64::MIN_POSITIVE)).min(100.0);
                num += 1.0;
            }
        }
        let (expected, variance) = moments_of_squared_t(n - 1.0);
        size > enough && sum > num * expected + 4.0 * (num * variance).sqrt()
    }

    /// The mean over two windows together.
    pub fn joined(&self, other: &Window) -> Window {
        let share = other.count as f64 / (self.count + other.count) as f64;
        let mix = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + share * (b - a)).collect();
        Window {
            count: self.count + other.count,
            mean: mix(&self.mean, &other.mean),
            precision: mix(&self.precision, &other.precision),
            ..Window::of(self.length)
        }
    }
}

/// Mean and variance of the square of a Student-t variable: those of an F(1, freedom).
fn moments_of_squared_t(freedom: f64) -> (f64, f64) {
    let mean = freedom / (freedom - 2.0);
    (mean, 2.0 * mean * mean * (freedom - 1.0) / (freedom - 4.0))
}

/// `KL(a || b) + KL(b || a)` of two Gaussians; infinite where one is degenerate.
pub(super) fn divergence(a: &Window, b: &Window) -> f64 {
    let d = a.mean.len();
    let matrix = |w: &Window| DMatrix::from_column_slice(d, d, &w.precision);
    let (Some(ca), Some(cb)) = (Cholesky::new(matrix(a)), Cholesky::new(matrix(b))) else { return f64::INFINITY };
    let trace = |inner: &DMatrix<f64>, outer: &DMatrix<f64>| {
        inner.solve_lower_triangular(outer).map_or(f64::INFINITY, |x| x.norm_squared())
    };
    let (la, lb) = (ca.l(), cb.l());
    let shift = DVector::from_fn(d, |k, _| a.mean[k] - b.mean[k]);
    let far = la.tr_mul(&shift).norm_squared() + lb.tr_mul(&shift).norm_squared();
    0.5 * (trace(&la, &lb) + trace(&lb, &la) - 2.0 * d as f64 + far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

    /// How many of 200 windows of 24 steps with pulls `noise + at(step)` on the first of ten coordinates drift.
    fn drifting(at: impl Fn(usize) -> f64) -> usize {
        let found = (0..200).filter(|&seed| {
            let mut noise = vec![0.0; 24 * 20];
            Streams::new(seed).fill_normal(1, &mut noise);
            let mut window = Window::of(24);
            for (step, noise) in noise.chunks_exact(20).enumerate() {
                let grads = noise.iter().enumerate().map(|(k, e)| 0.1 * e + if k == 0 { at(step) } else { 0.0 });
                window.add(&[0.0; 10], &[0.0; 100], grads);
            }
            assert!(window.is_full());
            window.drifts(1e-3)
        });
        found.count()
    }

    #[test]
    fn a_steady_pull_in_one_direction_of_many_is_seen_and_noise_is_not() {
        // Four standard deviations of a sum of twenty skewed terms: about one window in a hundred.
        assert!(drifting(|_| 0.0) <= 8);
        // 0.2 over a standard error of 0.02: a t statistic of 9.8, whose square alone is well beyond the limit of 52.
        assert!(drifting(|_| 0.2) >= 190);
        // What swings to and fro has no mean.
        assert!(drifting(|step| if step % 2 == 0 { 0.2 } else { -0.2 }) <= 8);
    }

    #[test]
    fn a_pull_that_does_not_matter_is_no_drift() {
        let mut window = Window::of(16);
        for step in 0..16 {
            window.add(&[0.0], &[1.0], [1e-3 + 1e-6 * (step % 3) as f64, 0.0].into_iter());
        }
        assert!(window.drifts(1e-7) && !window.drifts(1e-3));
    }

    #[test]
    fn the_divergence_of_two_gaussians_is_symmetric_and_known() {
        let made = |mean: f64, precision: f64| Window {
            mean: vec![mean],
            precision: vec![precision],
            count: 1,
            ..Window::of(1)
        };
        // Means one apart at sd 1: 1/2 + 1/2; precisions 1 and 4: (4 + 1/4 - 2) / 2.
        assert!((divergence(&made(0.0, 1.0), &made(1.0, 1.0)) - 1.0).abs() < 1e-12);
        assert!((divergence(&made(0.0, 1.0), &made(0.0, 4.0)) - 1.125).abs() < 1e-12);
        assert!((divergence(&made(0.0, 4.0), &made(0.0, 1.0)) - 1.125).abs() < 1e-12);
    }
}
