//! Multiples of control variates that are learned from earlier steps.

use serde::{Deserialize, Serialize};

/// How fast the past is forgotten, in steps, and steps before the multiples are followed.
const DECAY: f64 = 0.99;
const ENOUGH: f64 = 20.0;

/// What keeps the normal equations solvable, relative to their diagonal.
const RIDGE: f64 = 1e-6;

/// Running products of a gradient and the controls beside it, of which the multiples of least squared length follow: as the
/// controls have mean zero, those of least variance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Multiples {
    steps: f64,
    /// Of the gradient with each control, and of the controls with each other.
    cross: Vec<f64>,
    products: Vec<f64>,
}

impl Multiples {
    /// The multiples by what the steps so far have taught, `start` before there are enough of them.
    pub fn best<const N: usize>(&self, start: [f64; N]) -> [f64; N] {
        if self.steps < ENOUGH || self.cross.len() != N || self.products.len() != N * N {
            return start;
        }
        let mut matrix = nalgebra::DMatrix::from_row_slice(N, N, &self.products);
        let ridge = RIDGE * matrix.trace() / N as f64;
        (0..N).for_each(|k| matrix[(k, k)] += ridge + f64::MIN_POSITIVE);
        let right = -nalgebra::DVector::from_row_slice(&self.cross);
        match matrix.lu().solve(&right) {
            Some(found) if found.iter().all(|x| x.is_finite()) => std::array::from_fn(|k| found[k]),
            _ => start,
        }
    }

    /// Learns from one step.
    pub fn learn<const N: usize>(&mut self, gradient: &[f64], controls: &[Vec<f64>; N]) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        self.cross.resize(N, 0.0);
        self.products.resize(N * N, 0.0);
        self.steps = DECAY * self.steps + 1.0;
        for k in 0..N {
            self.cross[k] = DECAY * self.cross[k] + dot(gradient, &controls[k]);
            for l in 0..N {
                self.products[k * N + l] = DECAY * self.products[k * N + l] + dot(&controls[k], &controls[l]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_multiples_that_leave_nothing_are_found() {
        let mut multiples = Multiples::default();
        let controls = [vec![1.0, 2.0, 0.0], vec![0.0, 1.0, -1.0]];
        // 2 a - 3 b: the multiples -2 and 3 leave nothing.
        let gradient = [2.0, 1.0, 3.0];
        assert_eq!(multiples.best([0.5, 0.0]), [0.5, 0.0]);
        (0..100).for_each(|_| multiples.learn(&gradient, &controls));
        let found = multiples.best([0.5, 0.0]);
        assert!((found[0] + 2.0).abs() < 1e-4 && (found[1] - 3.0).abs() < 1e-4, "{found:?}");
        let none = [vec![0.0; 3], vec![0.0; 3]];
        let mut silent = Multiples::default();
        (0..100).for_each(|_| silent.learn(&gradient, &none));
        assert!(silent.best([0.5, 0.0]).iter().all(|x| x.is_finite()));
    }
}
