//! [`Ellipsoid`]: a Gaussian by its centre and factor, as the moments of moved draws give it.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::hamiltonian::Whitening;
use crate::family::Reparam;
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::{LN_SQRT_2_PI, cholesky, lower_times, solve_lower};

/// `N(centre, L L')`, and which of its noise a Student-t law around it stretches: that of all latents, or of a few that come first
/// in the order of `L`, to which the others then follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ellipsoid {
    #[serde(with = "crate::number::list")]
    pub centre: Vec<f64>,
    /// `L` by rows, lower triangular, in the order of latents, or with `first` before the others.
    #[serde(with = "crate::number::list")]
    factor: Vec<f64>,
    /// The latents whose noise alone is stretched, in ascending order; all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    first: Vec<usize>,
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
        let shift = DMatrix::from_row_slice(d, d, &whitening.factor) * DVector::from_column_slice(mean.as_slice());
        let centre: Vec<f64> = whitening.centre.iter().zip(shift.iter()).map(|(m, s)| m + s).collect();
        Self::of_covariance(&centre, &covariance, Vec::new())
    }

    /// From a centre and a factor by rows.
    pub fn new(centre: &[f64], factor: &[f64]) -> Self {
        Ellipsoid { centre: centre.to_vec(), factor: factor.to_vec(), first: Vec::new() }
    }

    /// From a centre and a covariance; none where that is not positive definite.
    fn of_covariance(centre: &[f64], covariance: &DMatrix<f64>, first: Vec<usize>) -> Option<Self> {
        let d = centre.len();
        let order = order_of(d, &first);
        let mut factor: Vec<f64> = order.iter().flat_map(|&i| order.iter().map(move |&j| covariance[(i, j)])).collect();
        if !cholesky(&mut factor, d) {
            return None;
        }
        (0..d).for_each(|i| factor[i * d + i + 1..(i + 1) * d].fill(0.0));
        Some(Ellipsoid { centre: centre.to_vec(), factor, first })
    }

    /// The Gaussian that a family is, from the images of its noise; none where rounding has left no covariance.
    pub fn of_gaussian(family: &dyn Reparam, layout: &Layout, params: &[f64]) -> Option<Self> {
        let (rows, d) = (RowSet::all(), layout.num_latents);
        let columns = family.num_noise(&rows);
        let mut noise = vec![0.0; columns * (columns + 1)];
        (0..columns).for_each(|k| noise[k * (columns + 1) + k + 1] = 1.0);
        let mut z = Draws::zeros(layout, layout.num_rows, columns + 1);
        family.transform(params, &rows, &noise, &mut z);
        let centre: Vec<f64> = (0..d).map(|k| z.latent(k)[0]).collect();
        let factor = DMatrix::from_fn(d, columns, |k, column| z.latent(k)[column + 1] - centre[k]);
        Self::of_covariance(&centre, &(&factor * factor.transpose()), Vec::new())
    }

    /// The same Gaussian, of whose noise that of `first` alone is stretched.
    pub fn led_by(&self, first: &[usize]) -> Option<Self> {
        let d = self.centre.len();
        let (factor, order) = (DMatrix::from_row_slice(d, d, &self.factor), order_of(d, &self.first));
        let own = &factor * factor.transpose();
        let mut place = vec![0; d];
        order.iter().enumerate().for_each(|(k, latent)| place[*latent] = k);
        let covariance = DMatrix::from_fn(d, d, |i, j| own[(place[i], place[j])]);
        Self::of_covariance(&self.centre, &covariance, first.to_vec())
    }

    /// How many numbers of noise are stretched.
    pub fn num_stretched(&self) -> usize {
        if self.first.is_empty() { self.centre.len() } else { self.first.len() }
    }

    /// Whether it is of `d` latents.
    pub fn is_of(&self, d: usize) -> bool {
        let ascends = self.first.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascends || self.first.last().is_some_and(|last| *last >= d) {
            return false;
        }
        let finite = self.centre.iter().chain(&self.factor).all(|x| x.is_finite());
        let sizes = self.centre.len() == d && Some(self.factor.len()) == d.checked_mul(d);
        finite && sizes && (0..d).all(|i| self.factor[i * d + i] > 0.0)
    }

    /// The log density at the centre.
    pub fn log_top(&self) -> f64 {
        let d = self.centre.len();
        -(0..d).map(|i| self.factor[i * d + i].ln() + LN_SQRT_2_PI).sum::<f64>()
    }

    /// Turns the `chosen` columns of noise `[number][draw]` into draws `[latent][draw]`.
    pub fn place(&self, noise: &mut [f64], num_draws: usize, chosen: &[usize]) {
        let d = self.centre.len();
        let (mut e, mut z, order) = (vec![0.0; d], vec![0.0; d], order_of(d, &self.first));
        for &draw in chosen {
            e.iter_mut().enumerate().for_each(|(k, e)| *e = noise[k * num_draws + draw]);
            lower_times(d, &self.factor, &e, &mut z);
            for (z, &latent) in z.iter().zip(&order) {
                noise[latent * num_draws + draw] = self.centre[latent] + z;
            }
        }
    }

    /// Sums of squares of the noise that draws come from: of all of it, and of what is stretched.
    pub fn squares(&self, z: &Draws) -> Vec<[f64; 2]> {
        let (d, n) = (self.centre.len(), z.num_draws);
        let (mut u, order) = (vec![0.0; d], order_of(d, &self.first));
        let squares = |draw: usize| {
            u.iter_mut().zip(&order).for_each(|(u, &latent)| *u = z.latents[latent * n + draw] - self.centre[latent]);
            solve_lower(d, &self.factor, &mut u);
            [d, self.num_stretched()].map(|count| u[..count].iter().map(|u| u * u).sum())
        };
        (0..n).map(squares).collect()
    }
}

/// All latents, with these before the others.
fn order_of(d: usize, first: &[usize]) -> Vec<usize> {
    first.iter().copied().chain((0..d).filter(|latent| !first.contains(latent))).collect()
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
        let defence = Defence::around(&family, &target, &solution).unwrap().elsewhere(far.clone());
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
                other.extend(far.squares(z).iter().map(|[all, _]| far.log_top() - 0.5 * all));
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
