//! Price's gradient: the scale of a Gaussian follows the Hessian of the log density.

use super::{Estimate, GradientEstimator, Scratch, Space, Task};
use crate::family::LocationScale;
use crate::model::Draws;
use crate::target::{DensityError, Differentiable, Pass};

/// With `z = mean + A e`, normal: in the mean `1/S sum_s g_s`, and along every direction of the scale
/// `1/S sum_s sum_j (H_s A u_j)' (dA u_j)`, plus the gradient of the entropy, where `g_s` and `H_s` are gradient and Hessian of
/// log p at draw `s` and the `u_j` are the unit vectors of the noise.
///
/// By Bonnet's and Price's theorems the gradients of `E_q[log p]` in mean and covariance are the means of `g` and of `H / 2`;
/// no noise meets the scale but that of `H` itself, so that a quadratic log density leaves none. `H A u_j` is a central
/// difference of gradients `10^-4` standard deviations of q to either side: its error is `10^-8` of a third derivative's effect,
/// and of rounding. Unbiased up to that. *Assumes* independent latents or a full-rank Gaussian, whose noise is normal, and a
/// log density with two derivatives. *Cost*: `2 d + 1` gradients a draw for `d` latents. Where a difference is not finite, the
/// draw is left out; for the rest *rejected draws* are as in [`Pathwise`](super::Pathwise).
///
/// *Source*: Opper and Archambeau 2009, equations 6 and 7; Rezende, Mohamed and Wierstra 2014; departure: differences in the
/// place of second derivatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price;

/// Standard deviations of q to either side of a draw.
const STEP: f64 = 1e-4;

/// Buffers: the points around one draw, their noise and gradients.
#[derive(Clone, Debug, Default)]
pub struct Around {
    noise: Vec<f64>,
    z: Draws,
    bar: Draws,
    theta_bar: Vec<f64>,
    pass: Pass,
    /// `[latent][direction]` for all draws, one after the other.
    products: Vec<f64>,
}

impl<T: Differentiable + ?Sized, F: LocationScale + ?Sized> GradientEstimator<T, F> for Price {
    type State = Scratch<Around>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let (around, at, size) = (&mut state.buffers, of.at, of.family.num_noise(of.at.rows));
        space.draw(of)?;
        space.differentiate(of)?;
        around.products.clear();
        for d in 0..at.num_draws {
            around.differences(of, &space.noise, d, size)?;
            if around.products[d * size * size..].iter().any(|p| !p.is_finite()) {
                space.pass.log_density[d] = f64::NAN;
            }
        }
        let rejected = space.reject();
        let evaluations = at.num_draws * (2 * size + 1) + space.add_theta(of, rejected)?;
        let value = space.bound(of, rejected, of.family.entropy(at.params, at.rows));
        space.weigh();
        // Without noise the pullback is that of the mean alone.
        let silent = vec![0.0; space.noise.len()];
        of.family.pullback(at.params, at.rows, &silent, &space.z, &space.z_bar, &mut space.grad);
        for d in (0..at.num_draws).filter(|&d| space.weights[d] > 0.0) {
            around.pull(of, d, size, space.weights[d], &mut space.grad);
        }
        if rejected < at.num_draws {
            of.family.add_entropy_gradient(at.params, at.rows, 1.0, &mut space.grad);
        }
        Ok(Estimate { value, rejected, evaluations })
    }
}

impl Around {
    /// Appends `H A u_j` of draw `d` to the products.
    fn differences<T, F>(&mut self, of: &Task<T, F>, noise: &[f64], d: usize, size: usize) -> Result<(), DensityError>
    where
        T: Differentiable + ?Sized,
        F: LocationScale + ?Sized,
    {
        let (at, layout, points) = (of.at, of.target.layout(), 2 * size);
        self.noise.clear();
        for k in 0..size {
            let own = noise[k * at.num_draws + d];
            let moved = |p: usize| if p / 2 == k { own + if p.is_multiple_of(2) { STEP } else { -STEP } } else { own };
            self.noise.extend((0..points).map(moved));
        }
        let rows = at.rows.len(layout);
        self.z.resize(layout, rows, points);
        self.bar.resize(layout, rows, points);
        self.theta_bar.resize(layout.num_parameters, 0.0);
        of.family.transform(at.params, at.rows, &self.noise, &mut self.z);
        let Around { z, bar, theta_bar, pass, .. } = self;
        of.target.log_density_and_gradient(at.theta, z, at.rows, pass, bar, theta_bar)?;
        for k in 0..size {
            let own = lane(&self.bar, k);
            let product = |j: usize| (own[2 * j] - own[2 * j + 1]) / (2.0 * STEP);
            self.products.extend((0..size).map(product));
        }
        Ok(())
    }

    /// `grad += weight sum_j` of the pullbacks of `H A u_j` with the noise `u_j` and, to take off what that adds to the mean,
    /// with its opposite: `(G(u, h) - G(-u, h)) / 2` is the part in the scale.
    fn pull<T: ?Sized, F: LocationScale + ?Sized>(
        &mut self,
        of: &Task<T, F>,
        d: usize,
        size: usize,
        weight: f64,
        grad: &mut [f64],
    ) {
        let (at, points) = (of.at, 2 * size);
        let products = &self.products[d * size * size..(d + 1) * size * size];
        self.noise.clear();
        for k in 0..size {
            self.noise.extend((0..points).map(|p| match p / 2 == k {
                true if p.is_multiple_of(2) => 1.0,
                true => -1.0,
                false => 0.0,
            }));
            let own = lane_mut(&mut self.bar, k);
            for j in 0..size {
                let half = 0.5 * weight * products[k * size + j];
                (own[2 * j], own[2 * j + 1]) = (half, -half);
            }
        }
        of.family.pullback(at.params, at.rows, &self.noise, &self.z, &self.bar, grad);
    }
}

/// The lane of latent `k`, those of rows after the others, as in the noise.
fn lane(z: &Draws, k: usize) -> &[f64] {
    let (n, first) = (z.num_draws, z.latents.len() / z.num_draws.max(1));
    let (all, k) = if k < first { (&z.latents, k) } else { (&z.row_latents, k - first) };
    &all[k * n..(k + 1) * n]
}

fn lane_mut(z: &mut Draws, k: usize) -> &mut [f64] {
    let (n, first) = (z.num_draws, z.latents.len() / z.num_draws.max(1));
    let (all, k) = if k < first { (&mut z.latents, k) } else { (&mut z.row_latents, k - first) };
    &mut all[k * n..(k + 1) * n]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Design, Point};
    use crate::family::{FullRank, MeanField, Reparam};
    use crate::model::RowSet;
    use crate::streams::Streams;
    use crate::target::HandWritten;

    type Written = HandWritten<fn(&[f64], &mut [f64]) -> f64>;

    /// Precision [2, 0.6; 0.6, 1] around zero.
    fn quadratic() -> Written {
        HandWritten::new(&["a", "b"], |z, grad| {
            grad[0] = -(2.0 * z[0] + 0.6 * z[1]);
            grad[1] = -(0.6 * z[0] + z[1]);
            0.5 * (z[0] * grad[0] + z[1] * grad[1])
        })
    }

    fn gradient<F: LocationScale + Reparam>(family: &F, params: &[f64], seed: u64) -> Vec<f64> {
        let (rows, mut space, target) = (RowSet::all(), Space::default(), quadratic());
        let (streams, design) = (Streams::new(seed), Design::Independent);
        let at = Point { params, theta: &[], rows: &rows, streams, num_draws: 3, design };
        let mut state = GradientEstimator::<Written, F>::init(&Price, &target, family);
        Price.estimate(&Task { target: &target, family, at }, &mut state, &mut space).unwrap();
        space.grad
    }

    /// `E log p = -(m' H m + tr H L L') / 2` and the entropy `sum ln L_ii`: in `L` the gradient is `-(H L) + 1 / L_ii`, without
    /// noise.
    #[test]
    fn the_scale_of_a_quadratic_has_its_exact_gradient() {
        let family = FullRank::new(2);
        let factor = nalgebra::dmatrix![0.8, 0.0; -0.3, 1.3];
        let params = family.params_from(&[0.4, -0.7], &factor);
        let h = nalgebra::dmatrix![2.0, 0.6; 0.6, 1.0];
        let scale = -(h * factor);
        let expected = [scale[(0, 0)] * 0.8 + 1.0, scale[(1, 0)], scale[(1, 1)] * 1.3 + 1.0];
        for seed in 0..5 {
            let found = gradient(&family, &params, seed);
            // Differences of gradients of order one over 2e-4 keep 11 digits.
            assert!(found[2..].iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-10), "{found:?} {expected:?}");
        }
        let family = MeanField::of_dimension(2);
        let params = [0.4, -0.7, 0.8f64.ln(), 1.3f64.ln()];
        let expected = [1.0 - 2.0 * 0.64, 1.0 - 1.69];
        let found = gradient(&family, &params, 1);
        assert!(found[2..].iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-10), "{found:?} {expected:?}");
    }
}
