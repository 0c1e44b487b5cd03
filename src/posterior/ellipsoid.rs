//! [`Ellipsoid`]: a Gaussian by its centre and factor, as the moments of moved draws give it.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::hamiltonian::Whitening;
use crate::model::Draws;
use crate::numerics::{LN_SQRT_2_PI, cholesky, lower_times, solve_lower};

/// `N(centre, L L')`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ellipsoid {
    #[serde(with = "crate::number::list")]
    pub centre: Vec<f64>,
    /// `L` by rows, lower triangular.
    #[serde(with = "crate::number::list")]
    factor: Vec<f64>,
}

impl Ellipsoid {
    /// With the moments of `z`, whose covariance is cleaned in the coordinates of `whitening`: eigenvalues that `n` draws of a
    /// Gaussian with the whitening's own covariance would show by chance, those between `(1 - sqrt(d / n))^2` and
    /// `(1 + sqrt(d / n))^2`, are set to one. None where there is no covariance.
    ///
    /// *Source*: Marchenko and Pastur 1967, for the band.
    pub fn of_moments(z: &Draws, whitening: &Whitening) -> Option<Self> {
        let (d, n) = (whitening.centre.len(), z.num_draws);
        let w = DMatrix::from_row_slice(d, n, &whitening.coordinates(z));
        let mean = w.column_mean();
        let centred = DMatrix::from_fn(d, n, |k, draw| w[(k, draw)] - mean[k]);
        let covariance = &centred * centred.transpose() / n as f64;
        if covariance.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let SymmetricEigen { mut eigenvalues, eigenvectors } = SymmetricEigen::new(covariance);
        let edge = (d as f64 / n as f64).sqrt();
        let chance = (1.0 - edge).max(0.0).powi(2)..=(1.0 + edge).powi(2);
        eigenvalues.iter_mut().filter(|v| chance.contains(v)).for_each(|v| *v = 1.0);
        let scale = DMatrix::from_row_slice(d, d, &whitening.factor) * eigenvectors;
        let covariance = &scale * DMatrix::from_diagonal(&eigenvalues) * scale.transpose();
        let mut factor = covariance.as_slice().to_vec();
        if !cholesky(&mut factor, d) {
            return None;
        }
        (0..d).for_each(|i| factor[i * d + i + 1..(i + 1) * d].fill(0.0));
        let shift = DMatrix::from_row_slice(d, d, &whitening.factor) * DVector::from_column_slice(mean.as_slice());
        let centre = whitening.centre.iter().zip(shift.iter()).map(|(m, s)| m + s).collect();
        Some(Ellipsoid { centre, factor })
    }

    /// From a centre and a factor by rows.
    pub fn new(centre: &[f64], factor: &[f64]) -> Self {
        Ellipsoid { centre: centre.to_vec(), factor: factor.to_vec() }
    }

    /// Whether it is of `d` latents.
    pub fn is_of(&self, d: usize) -> bool {
        let finite = self.centre.iter().chain(&self.factor).all(|x| x.is_finite());
        let sizes = self.centre.len() == d && Some(self.factor.len()) == d.checked_mul(d);
        finite && sizes && (0..d).all(|i| self.factor[i * d + i] > 0.0)
    }

    /// The log density at the centre.
    pub fn log_top(&self) -> f64 {
        let d = self.centre.len();
        -(0..d).map(|i| self.factor[i * d + i].ln() + LN_SQRT_2_PI).sum::<f64>()
    }

    /// Turns standard normal noise `[latent][draw]` into draws.
    pub fn place(&self, noise: &mut [f64], num_draws: usize) {
        let d = self.centre.len();
        let (mut e, mut z) = (vec![0.0; d], vec![0.0; d]);
        for draw in 0..num_draws {
            e.iter_mut().enumerate().for_each(|(k, e)| *e = noise[k * num_draws + draw]);
            lower_times(d, &self.factor, &e, &mut z);
            for (k, (z, m)) in z.iter().zip(&self.centre).enumerate() {
                noise[k * num_draws + draw] = m + z;
            }
        }
    }

    /// Squared Mahalanobis distances of draws from the centre.
    pub fn distances(&self, z: &Draws) -> Vec<f64> {
        let (d, n) = (self.centre.len(), z.num_draws);
        let mut u = vec![0.0; d];
        let distance = |draw: usize| {
            u.iter_mut().enumerate().for_each(|(k, u)| *u = z.latents[k * n + draw] - self.centre[k]);
            solve_lower(d, &self.factor, &mut u);
            u.iter().map(|u| u * u).sum()
        };
        (0..n).map(distance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Solution;
    use crate::family::FullRank;
    use crate::posterior::defence::Defence;
    use crate::posterior::sampler::Sampler;
    use crate::prelude::*;
    use crate::streams::Streams;
    use crate::target::{LogDensity, Target};

    /// Draws of `N(mean, A A')` for a lower triangular `A`.
    fn draws(mean: [f64; 2], a: [f64; 3], n: usize) -> Draws {
        let mut e = vec![0.0; 2 * n];
        Streams::new(8).fill_normal(n, &mut e);
        let latents =
            (0..n).map(|k| mean[0] + a[0] * e[k]).chain((0..n).map(|k| mean[1] + a[1] * e[k] + a[2] * e[n + k]));
        Draws { num_draws: n, latents: latents.collect(), ..Draws::default() }
    }

    #[test]
    fn moments_are_kept_where_they_are_no_chance() {
        // The second latent is three times as wide as the whitening says, and the first as it says.
        let whitening = Whitening { centre: vec![0.0, 0.0], factor: vec![2.0, 0.0, 0.0, 1.0] };
        let found = Ellipsoid::of_moments(&draws([1.0, -2.0], [2.0, 0.0, 3.0], 400), &whitening).unwrap();
        // Errors of a mean of 400 draws are a twentieth of their sd, those of an sd a twenty-eighth of it: four of them.
        assert!((found.centre[0] - 1.0).abs() < 0.4 && (found.centre[1] + 2.0).abs() < 0.6, "{found:?}");
        assert!((found.factor[3] / 3.0 - 1.0).abs() < 0.15, "{found:?}");
        // An eigenvalue within chance is one, up to the little that the axes are turned.
        assert!((found.factor[0] / 2.0 - 1.0).abs() < 0.05, "{found:?}");
        assert!(found.is_of(2) && !found.is_of(3));
    }

    #[test]
    fn a_student_t_around_another_gaussian_is_drawn_and_weighed_alike() {
        let target = Target::new(&model(|p| {
            p.draws("z", normal(0.0, 1.0), 2);
        }))
        .unwrap();
        let family = FullRank::new(2);
        let factor = nalgebra::DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.6, 0.5]);
        let solution = Solution { params: family.params_from(&[1.0, -2.0], &factor), theta: vec![] };
        let far = Ellipsoid::new(&[6.0, 1.0], &[1.0, 0.0, -0.5, 1.5]);
        let defence = Defence::around(&family, target.layout(), &solution).unwrap().elsewhere(far.clone());
        let sampler = Sampler {
            target: &target,
            family: &family,
            solution: &solution,
            streams: Streams::new(4),
            defence: Some(defence.clone()),
            block: 500,
        };
        let (n, mut log_q, mut log_t, mut other, mut first) = (20_000, Vec::new(), Vec::new(), Vec::new(), Vec::new());
        sampler
            .each(0..n, |_, z, of_block, _| {
                log_q.extend_from_slice(of_block);
                log_t.extend(defence.log_t(z));
                other.extend(far.distances(z).iter().map(|d| far.log_top() - 0.5 * d));
                first.extend_from_slice(z.latent(0));
                Ok(())
            })
            .unwrap();
        // Weights of a density over the law of the draws average one; weighted means are its means. For q and for the
        // Gaussian far from it, which only the other half of the draws reaches.
        let log_g = defence.log_density(&log_q, &log_t);
        for (log_density, mean) in [(&log_q, 1.0), (&other, 6.0)] {
            let weights: Vec<f64> = log_density.iter().zip(&log_g).map(|(p, g)| (p - g).exp()).collect();
            let total = weights.iter().sum::<f64>() / n as f64;
            let found = weights.iter().zip(&first).map(|(w, z)| w * z).sum::<f64>() / n as f64;
            // Weights are at most two: four errors of 20,000 are 0.03, and of means of sds of two 0.1.
            assert!((total - 1.0).abs() < 0.03 && (found - mean).abs() < 0.15, "{total} {found} {mean}");
        }
        assert!(log_t.len() == n && defence.keeps_density() && defence.is_of(target.layout()));
    }
}
