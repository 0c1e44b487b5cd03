//! A normal density, the exact bounds of normal families on it, and derivatives by differences.

use super::cases::*;
use jensen::estimate::*;
use jensen::family::Reparam;
use jensen::model::{Draws, RowSet};
use jensen::target::Differentiable;

pub const CLOSED: Pathwise = Pathwise { entropy: Entropy::ClosedForm };
pub const MONTE_CARLO: Pathwise = Pathwise { entropy: Entropy::MonteCarlo };

/// A normal density with a known mean and precision matrix.
pub struct Bell {
    pub names: [&'static str; 3],
    pub mean: Vec<f64>,
    pub precision: Vec<f64>,
}

impl Bell {
    pub fn new(dimension: usize) -> Bell {
        let precision = [1.5, 0.4, -0.3, 0.4, 2.0, 0.5, -0.3, 0.5, 1.0];
        let at = |k: usize| precision[k / dimension * 3 + k % dimension];
        Bell {
            names: ["a", "b", "c"],
            mean: vec![0.5, -1.0, 0.2][..dimension].to_vec(),
            precision: (0..dimension * dimension).map(at).collect(),
        }
    }

    pub fn of(mean: Vec<f64>, covariance: nalgebra::DMatrix<f64>) -> Bell {
        let precision = ok(covariance.try_inverse().ok_or("singular"));
        Bell { names: ["a", "b", "c"], mean, precision: precision.iter().copied().collect() }
    }

    pub fn target(&self) -> impl Differentiable + '_ {
        let n = self.mean.len();
        jensen::target::HandWritten::new(&self.names[..n], move |z: &[f64], grad: &mut [f64]| {
            for (i, g) in grad.iter_mut().enumerate() {
                *g = -(0..n).map(|j| self.precision[i * n + j] * (z[j] - self.mean[j])).sum::<f64>();
            }
            0.5 * (0..n).map(|i| grad[i] * (z[i] - self.mean[i])).sum::<f64>()
        })
    }

    /// The exact bound of a q with this mean, factor of its covariance and entropy.
    pub fn bound(&self, mean: &[f64], factor: &[Vec<f64>], entropy: f64) -> f64 {
        let n = self.mean.len();
        let quadratic = |x: &dyn Fn(usize) -> f64| -> f64 {
            (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| x(i) * self.precision[i * n + j] * x(j)).sum()
        };
        let spread: f64 = factor.iter().map(|column| quadratic(&|i| column[i])).sum();
        entropy - 0.5 * (spread + quadratic(&|i| mean[i] - self.mean[i]))
    }
}

/// Mean and covariance factor of a family whose draws are linear in its noise.
pub fn moments(family: &dyn Reparam, params: &[f64], dimension: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let (rows, n) = (RowSet::all(), family.num_noise(&RowSet::all()));
    let at = |hot: Option<usize>| {
        let mut noise = vec![0.0; n];
        hot.into_iter().for_each(|k| noise[k] = 1.0);
        let mut z = Draws::at_point(&vec![0.0; dimension]);
        family.transform(params, &rows, &noise, &mut z);
        z.latents
    };
    let mean = at(None);
    let columns = (0..n).map(|k| at(Some(k)).iter().zip(&mean).map(|(z, m)| z - m).collect()).collect();
    (mean, columns)
}

/// Derivative of `f` by central differences, error about 1e-9 for the functions of this file.
pub fn derivative(params: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
    let at = |k: usize, h: f64| {
        let mut moved = params.to_vec();
        moved[k] += h;
        f(&moved)
    };
    let one = |k: usize, h: f64| (at(k, h) - at(k, -h)) / (2.0 * h);
    (0..params.len()).map(|k| ((4.0 * one(k, 1e-3) - one(k, 2e-3)) / 3.0, 0.0)).collect()
}
