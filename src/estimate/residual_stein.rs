//! The residual Stein gradient of a full-rank Gaussian: what the natural gradient of a default fit is made of.

use super::{Estimate, GradientEstimator, Scratch, Space, Task};
use crate::family::FullRank;
use crate::model::Draws;
use crate::target::{DensityError, Differentiable};

/// With residuals `r_s = grad_z log p(z_s) - grad_z log q(z_s)` and `z = mean + L e`: in the mean `1/S sum_s r_s`, in `L` the
/// lower triangle of `L^-T sym(1/S sum_s L' r_s e_s')`.
///
/// The gradient in the covariance is half the mean Hessian, which Stein's identity has without a second derivative:
/// `E[hess log p] = -P + E[L^-T e r']` with the precision `P` of q; that estimate is not symmetric, and its symmetric part has
/// less noise. Sticking the landing is the same with `L' r e'` as it comes, so that this one is never noisier in the scale;
/// with independent latents the two are one. No noise where q is the posterior. Unbiased; one model gradient a draw, and
/// O(d^2) for `d` latents. *Assumes* a full-rank Gaussian and latents outside of rows. *Rejected draws*: as
/// [`Pathwise`](super::Pathwise).
///
/// *Source*: Lin, Schmidt and Khan 2020 for the identity; Roeder, Wu and Duvenaud 2017 for the residual in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResidualStein;

/// Buffers: whitened residuals, `grad log q` negated, and the gradient of the other order.
#[derive(Clone, Debug, Default)]
pub struct Transposed {
    whitened: Vec<f64>,
    slopes: Draws,
    grad: Vec<f64>,
}

impl<T: Differentiable + ?Sized> GradientEstimator<T, FullRank> for ResidualStein {
    type State = Scratch<Transposed>;

    fn init(&self, _: &T, _: &FullRank) -> Self::State {
        Scratch::default()
    }

    fn estimate(
        &self,
        of: &Task<T, FullRank>,
        state: &mut Self::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        let Transposed { whitened, slopes, grad } = &mut state.buffers;
        let (family, at) = (of.family, of.at);
        space.draw(of)?;
        space.differentiate(of)?;
        space.differentiate_q(of);
        space.subtract_q();
        let rejected = space.reject();
        let evaluations = at.num_draws + space.add_theta(of, rejected)?;
        space.weigh();
        // The transposed product is a pullback too: of L^-T e with L' r in the place of the noise.
        whitened.clone_from(&space.z_bar.latents);
        family.scale_transposed(at.params, whitened, at.num_draws);
        slopes.clone_from(&space.q_bar);
        slopes.latents.iter_mut().for_each(|g| *g = -*g);
        grad.clear();
        grad.resize(space.grad.len(), 0.0);
        pulled(family, of, whitened, &space.z, slopes, grad);
        space.pullback(of);
        let first = family.dimension();
        space.grad[first..].iter_mut().zip(&grad[first..]).for_each(|(g, other)| *g = 0.5 * (*g + other));
        Ok(Estimate { value: space.bound(of, rejected, None), rejected, evaluations })
    }
}

fn pulled<T: ?Sized>(
    family: &FullRank,
    of: &Task<T, FullRank>,
    noise: &[f64],
    z: &Draws,
    bar: &Draws,
    grad: &mut [f64],
) {
    crate::family::Reparam::pullback(family, of.at.params, of.at.rows, noise, z, bar, grad);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Design, Point, StickingTheLanding};
    use crate::family::Family;
    use crate::model::RowSet;
    use crate::streams::Streams;
    use crate::target::HandWritten;

    /// By hand, with dense matrices: `L^-T sym(L' r e')` of one draw of a Gaussian target.
    #[test]
    fn one_draw_is_the_symmetric_product() {
        let (h, d) = (nalgebra::dmatrix![2.0, 0.6; 0.6, 1.0], 2);
        let target = HandWritten::new(&["a", "b"], |z, grad| {
            grad[0] = -(2.0 * z[0] + 0.6 * z[1]);
            grad[1] = -(0.6 * z[0] + z[1]);
            0.5 * (z[0] * grad[0] + z[1] * grad[1])
        });
        let family = FullRank::new(d);
        let factor = nalgebra::dmatrix![0.8, 0.0; -0.3, 1.3];
        let params = family.params_from(&[0.4, -0.7], &factor);
        let (rows, mut space) = (RowSet::all(), Space::default());
        let at = Point {
            params: &params,
            theta: &[],
            rows: &rows,
            streams: Streams::new(4),
            num_draws: 1,
            design: Design::Independent,
        };
        let task = Task { target: &target, family: &family, at };
        let mut state = GradientEstimator::<HandWritten<_>, FullRank>::init(&ResidualStein, &target, &family);
        ResidualStein.estimate(&task, &mut state, &mut space).unwrap();
        let found = space.grad.clone();
        let e = nalgebra::DVector::from_column_slice(&space.noise);
        let z = nalgebra::DVector::from_column_slice(&space.z.latents);
        let inverse = factor.clone().try_inverse().unwrap();
        let r = -&h * z + inverse.transpose() * &e;
        let whitened = factor.transpose() * &r * e.transpose();
        let scale = inverse.transpose() * 0.5 * (&whitened + whitened.transpose());
        let expected = [r[0], r[1], scale[(0, 0)] * 0.8, scale[(1, 0)], scale[(1, 1)] * 1.3];
        assert_eq!(found.len(), family.num_params());
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-13), "{found:?} {expected:?}");
        // The planted fault, the product as it comes, is another gradient.
        StickingTheLanding.estimate(&task, &mut (), &mut space).unwrap();
        assert!((space.grad[3] - expected[3]).abs() > 1e-3);
    }
}
