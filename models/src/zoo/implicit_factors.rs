//! Factors of rows, probabilistic principal components, with a q that can be drawn from and has no density.
//!
//! ```text
//! z_i ~ N(0, I_2)    x_i ~ N(loadings z_i + mean, noise^2 I)    z_i = encoder(x_i, noise)
//! ```
//!
//! q is trained against a logistic regression that stands in for its density. In this model alone the posterior given the
//! parameters, log p(x) and its maximum are known, and what is found is held against them.
//!
//! *Source*: Tipping and Bishop (1999), Probabilistic principal component analysis; Mescheder, Nowozin and Geiger (2017),
//! Adversarial variational Bayes.

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::amortised::{Adversarial, ExactPosterior};
use jensen::layers::{DensityRatio, ImplicitEncoder};
use jensen::model::Layout;
use jensen::prelude::*;

/// Factors of a row.
const NUM_FACTORS: usize = 2;

/// Factors of rows.
#[derive(Debug, Clone)]
pub struct ImplicitFactors {
    /// The columns, standardised.
    pub x: Matrix,
}

/// The exact posterior of a row's factors at some parameters, and what makes it.
#[derive(Debug, Clone, PartialEq)]
struct Posterior {
    loadings: Vec<[f64; NUM_FACTORS]>,
    mean: Vec<f64>,
    noise: f64,
    /// Covariance of the factors given the row, the same for all rows.
    covariance: [[f64; NUM_FACTORS]; NUM_FACTORS],
}

impl Model for ImplicitFactors {
    fn log_joint(&self, p: &LogJoint) {
        let columns = self.x.num_columns();
        let (weights, bias) = (p.parameter("weights", &[columns, NUM_FACTORS]), p.parameter("bias", &[columns]));
        let noise = p.parameter("ln_noise", &[]).at(0).exp();
        for k in 0..NUM_FACTORS {
            let loadings: Vec<Real> = (0..columns).map(|j| weights.at(j * NUM_FACTORS + k)).collect();
            p.derive(&format!("loadings{}", k + 1), Vector::new(&loadings));
        }
        p.derive("mean", bias);
        p.derive("noise", noise);
        p.rows(self.x.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), NUM_FACTORS);
            i.observe_each(&self.x.at(i).to_vector(), &z.dense(&weights, &bias), |mean| normal(mean, noise));
        });
    }
}

impl ImplicitFactors {
    /// The exact posterior at `theta`; none where `theta` is not this model's.
    fn posterior(&self, layout: &Layout, theta: &[f64]) -> Option<Posterior> {
        let part = |name: &str| {
            let site = layout.site(name)?;
            theta.get(site.offset..site.offset + site.num_unconstrained)
        };
        let loadings = part("weights")?.chunks_exact(NUM_FACTORS).map(|w| [w[0], w[1]]).collect();
        let noise = part("ln_noise")?.first()?.exp();
        Some(Posterior::new(loadings, part("bias")?.to_vec(), noise))
    }

    /// The model of the standardised columns `--features`, or all.
    ///
    /// # Errors
    /// Cells that are not numbers, a constant column, fewer than four columns, or fewer than 20 rows or than twice the
    /// columns.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let all = || input.table.given_names().map(str::to_string).collect();
        let names: Vec<String> = input.options.features.clone().unwrap_or_else(all);
        let file = || input.table.file().to_string();
        if names.len() < NUM_FACTORS + 2 {
            let reason =
                format!("{NUM_FACTORS} factors need at least {} columns, found {}", NUM_FACTORS + 2, names.len());
            return Err(BuildError::NoModel { file: file(), reason });
        }
        input.at_least(20.max(2 * names.len()), " for so many columns")?;
        let (mut scales, mut columns) = (Vec::new(), Vec::new());
        for name in &names {
            let values = input.table.real(name)?;
            let scale = Standardisation::measure(name, &values);
            if scale.sd == 0.0 {
                return Err(BuildError::Constant { file: file(), column: name.clone(), value: values[0] });
            }
            columns.push(values.iter().map(|&x| scale.apply(x)).collect::<Vec<f64>>());
            scales.push(scale);
        }
        let rows = 0..input.table.num_rows();
        let x: Vec<f64> = rows.flat_map(|r| columns.iter().map(move |column| column[r])).collect();
        let invalid = |reason: String| BuildError::NoModel { file: file(), reason };
        let model = ImplicitFactors { x: Matrix::new(x, names.len()).map_err(invalid)? };
        // The posterior is among the q's of an encoder that is linear in row and noise, and its density quadratic.
        let encoder = ImplicitEncoder::new(model.x.clone(), "z", NUM_FACTORS, &[]);
        let ratio = DensityRatio::new(model.x.clone(), NUM_FACTORS, &[]);
        let network = Adversarial::new(model.clone(), encoder, ratio).exact(model.clone());
        let built = Built::new(model, input.table.num_rows()).scaled(scales).network(network);
        Ok(["loadings1", "loadings2", "mean"].iter().fold(built, |built, site| built.label(site, names.clone())))
    }
}

impl ExactPosterior for ImplicitFactors {
    fn log_evidence(&self, layout: &Layout, theta: &[f64]) -> f64 {
        let Some(exact) = self.posterior(layout, theta) else { return f64::NAN };
        (0..self.x.num_rows()).map(|row| exact.log_evidence(self.x.row(row))).sum()
    }

    /// *Source*: Tipping and Bishop (1999), equations 7 and 8.
    fn most_log_evidence(&self) -> f64 {
        let (n, d) = (self.x.num_rows(), self.x.num_columns());
        let mean = |j: usize| (0..n).map(|r| self.x.row(r)[j]).sum::<f64>() / n as f64;
        let means: Vec<f64> = (0..d).map(mean).collect();
        let covariance = nalgebra::DMatrix::from_fn(d, d, |a, b| {
            (0..n).map(|r| (self.x.row(r)[a] - means[a]) * (self.x.row(r)[b] - means[b])).sum::<f64>() / n as f64
        });
        let mut values: Vec<f64> = covariance.symmetric_eigenvalues().iter().copied().collect();
        values.sort_by(|a, b| b.total_cmp(a));
        let (kept, left) = values.split_at(NUM_FACTORS.min(d));
        let noise = left.iter().sum::<f64>() / left.len() as f64;
        let logs = kept.iter().map(|v| v.ln()).sum::<f64>() + left.len() as f64 * noise.ln();
        -0.5 * n as f64 * (d as f64 * (1.0 + (2.0 * std::f64::consts::PI).ln()) + logs)
    }

    fn whiten(&self, layout: &Layout, theta: &[f64], row: usize, z: &mut [f64]) {
        let Some(exact) = self.posterior(layout, theta) else { return z.fill(f64::NAN) };
        let ([[a, b], [_, c]], mean) = (exact.covariance, exact.mean(self.x.row(row)));
        // The lower factor of the covariance.
        let lower = [a.sqrt(), b / a.sqrt(), (c - b * b / a).sqrt()];
        let (first, second) = z.split_at_mut(z.len() / 2);
        for (x, y) in first.iter_mut().zip(second) {
            *x = (*x - mean[0]) / lower[0];
            *y = (*y - mean[1] - lower[1] * *x) / lower[2];
        }
    }
}

impl Posterior {
    fn new(loadings: Vec<[f64; NUM_FACTORS]>, mean: Vec<f64>, noise: f64) -> Posterior {
        // The precision is I + W'W / noise^2; two factors are inverted by hand.
        let entry = |a: usize, b: usize| {
            f64::from(u8::from(a == b)) + loadings.iter().map(|w| w[a] * w[b]).sum::<f64>() / (noise * noise)
        };
        let (a, b, c) = (entry(0, 0), entry(0, 1), entry(1, 1));
        let determinant = a * c - b * b;
        let covariance = [[c / determinant, -b / determinant], [-b / determinant, a / determinant]];
        Posterior { loadings, mean, noise, covariance }
    }

    /// Mean of the factors of the row `x`.
    fn mean(&self, x: &[f64]) -> [f64; NUM_FACTORS] {
        let pulled = self.pulled(x);
        [0, 1].map(|k| (0..NUM_FACTORS).map(|l| self.covariance[k][l] * pulled[l]).sum())
    }

    /// `log p(x)` of a row.
    fn log_evidence(&self, x: &[f64]) -> f64 {
        let [[a, b], [_, c]] = self.covariance;
        let (pulled, mean) = (self.pulled(x), self.mean(x));
        let squares: f64 = x.iter().zip(&self.mean).map(|(x, m)| ((x - m) / self.noise).powi(2)).sum();
        let quadratic = squares - pulled.iter().zip(mean).map(|(p, m)| p * m).sum::<f64>();
        let logs = 2.0 * x.len() as f64 * self.noise.ln() - (a * c - b * b).ln();
        -0.5 * (quadratic + logs + x.len() as f64 * (2.0 * std::f64::consts::PI).ln())
    }

    /// `loadings' (x - mean) / noise^2`.
    fn pulled(&self, x: &[f64]) -> [f64; NUM_FACTORS] {
        let mut sum = [0.0; NUM_FACTORS];
        for ((x, mean), w) in x.iter().zip(&self.mean).zip(&self.loadings) {
            sum.iter_mut().zip(w).for_each(|(sum, w)| *sum += w * (x - mean) / (self.noise * self.noise));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jensen::streams::Streams;
    use nalgebra::{DMatrix, DVector, Matrix2};

    fn model() -> ImplicitFactors {
        let mut noise = vec![0.0; 40 * 7];
        Streams::new(4).fill_normal(1, &mut noise);
        let row = |e: &[f64]| (0..5).map(|j| e[j % 2] * (j as f64 - 1.0) + 0.5 * e[2 + j] + 1.0).collect::<Vec<_>>();
        ImplicitFactors { x: Matrix::new(noise.chunks_exact(7).flat_map(row).collect::<Vec<_>>(), 5).unwrap() }
    }

    /// Against Gaussian conditioning with the whole covariance of row and factors.
    #[test]
    fn the_posterior_and_the_evidence_are_those_of_the_joint_normal() {
        let w = vec![[1.0, 0.2], [-0.5, 0.8], [0.3, -1.1], [0.0, 0.4], [2.0, 0.1]];
        let (mean, noise) = (vec![0.1, -0.2, 0.3, 0.0, 1.0], 0.6f64);
        let x = [0.5, -1.0, 0.7, 0.2, -0.4];
        let loadings = DMatrix::from_fn(5, 2, |r, c| w[r][c]);
        let covariance: DMatrix<f64> = &loadings * loadings.transpose() + DMatrix::identity(5, 5) * (noise * noise);
        let inverse = covariance.clone().try_inverse().unwrap();
        let residual = DVector::from_fn(5, |j, _| x[j] - mean[j]);
        let expected = loadings.transpose() * &inverse * &residual;
        let left = Matrix2::identity() - loadings.transpose() * &inverse * &loadings;
        let log_p = -0.5
            * ((residual.transpose() * &inverse * &residual)[0]
                + covariance.determinant().ln()
                + 5.0 * (2.0 * std::f64::consts::PI).ln());
        let found = Posterior::new(w, mean, noise);
        for k in 0..2 {
            assert!((found.mean(&x)[k] - expected[k]).abs() < 1e-12);
            for l in 0..2 {
                assert!((found.covariance[k][l] - left[(k, l)]).abs() < 1e-12);
            }
        }
        assert!((found.log_evidence(&x) - log_p).abs() < 1e-11, "{} {log_p}", found.log_evidence(&x));
    }

    /// The loadings of Tipping and Bishop reach the maximum, and nothing beside them does.
    #[test]
    fn the_largest_evidence_is_reached_by_principal_components() {
        let model = model();
        let (n, d) = (40, 5);
        let mean: Vec<f64> = (0..d).map(|j| (0..n).map(|r| model.x.row(r)[j]).sum::<f64>() / n as f64).collect();
        let centred = DMatrix::from_fn(n, d, |r, j| model.x.row(r)[j] - mean[j]);
        let eigen = (centred.transpose() * &centred / n as f64).symmetric_eigen();
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let s2 = order[2..].iter().map(|&k| eigen.eigenvalues[k]).sum::<f64>() / 3.0;
        let weight = |j: usize, k: usize| eigen.eigenvectors[(j, order[k])] * (eigen.eigenvalues[order[k]] - s2).sqrt();
        let at = |scale: f64, noise: f64| {
            let loadings = (0..d).map(|j| [weight(j, 0) * scale, weight(j, 1)]).collect();
            let posterior = Posterior::new(loadings, mean.clone(), noise);
            (0..n).map(|r| posterior.log_evidence(model.x.row(r))).sum::<f64>()
        };
        let most = model.most_log_evidence();
        assert!((at(1.0, s2.sqrt()) - most).abs() < 1e-9 * most.abs(), "{most}");
        for (scale, noise) in [(1.1, 1.0), (0.9, 1.0), (1.0, 1.1), (1.0, 0.9)] {
            assert!(at(scale, noise * s2.sqrt()) < most - 1e-3);
        }
    }
}
