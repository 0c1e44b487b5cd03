//! [`HybridKl`]: the closed divergence of a code of normal and categorical latents from its prior.

use serde::{Deserialize, Serialize};

use super::discrete::{DiscreteGradient, Lanes, LanesState, LocalExpectation};
use super::exact_kl::{Moments, add_prior_slope, agree, refusal};
use super::hybrid::silence;
use super::{Estimate, ExactKl, GradientEstimator, Point, Space, Task, Terms, ln_accepted};
use crate::family::{DISCRETE, Discrete, IndependentNormals, Product, weight_of};
use crate::model::RowSet;
use crate::numerics::LN_SQRT_2_PI;
use crate::target::{DensityError, Differentiable};

/// `E_q[log p(x | z, k)] - beta (KL(q(z) || N(0, I)) + KL(q(k) || even))`, both divergences in closed form, the gradient of
/// the data term in z by reparameterisation and in k by `discrete`.
///
/// `KL(q(k) || even) = sum_i ln K_i - H[q(k)]` for integers with K_i values, all alike in the prior. With
/// [`LocalExpectation`] and one integer a row the sum over its values is exact, too. Otherwise as [`ExactKl`]: beta, free
/// nats (all integers are one group, with as many free nats each), the terms, and the prior, here even as well as
/// standard normal, which is *assumed*, and compared with the target's prior terms in every step. Gradients that learn
/// from step to step ([`LearnedRebar`](super::LearnedRebar), [`Relax`](super::Relax)) begin anew in each.
///
/// *Cost*: that of [`Hybrid`](super::Hybrid) with the same gradient of the integers, less the passes for the entropy of z.
///
/// # Errors
/// As [`ExactKl`], and those of `discrete`.
///
/// *Source*: Kingma and Welling 2014, appendix B; Dupont 2018, "Learning disentangled joint continuous and discrete
/// representations", equation 5, with one weight for both parts and no capacities.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HybridKl<D = LocalExpectation> {
    /// Weight of the KL, and free nats.
    pub kl: ExactKl,
    /// The integers' gradient.
    pub discrete: D,
}

impl<T, F, G, D> GradientEstimator<T, Product<F, G>> for HybridKl<D>
where
    T: Differentiable + ?Sized,
    F: IndependentNormals,
    G: Discrete,
    D: DiscreteGradient<G>,
{
    type State = HybridKlState<D::State>;

    fn init(&self, _: &T, _: &Product<F, G>) -> Self::State {
        HybridKlState::default()
    }

    fn estimate(
        &self,
        of: &Task<T, Product<F, G>>,
        HybridKlState { integers: LanesState { learned, lanes }, moments }: &mut Self::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        self.kl.check()?;
        let Task { target, family, at } = *of;
        if !target.separates_data() {
            return Err(refusal(
                "the target does not tell data terms from prior terms; write it with `draw`, `draw_integer` and `observe`",
            ));
        }
        let (real, integers) = (family.real(), family.discrete());
        let (own, other) = family.split(at.params);
        let of_integers = Point { params: other, streams: at.streams.purpose(DISCRETE), ..at };
        let layout = target.layout();
        let shape = self.discrete.shape(integers, at.rows, at.num_draws)?;
        space.resize(layout, &at);
        space.fill(real, &Point { params: own, ..at })?;
        let has_reals = layout.num_latents + layout.num_row_latents > 0;
        moments.q.clear(0);
        if has_reals && !real.normals(own, at.rows, &mut moments.q) {
            return Err(refusal("a latent of q is not normal given the data; use `Hybrid`"));
        }
        *learned = D::State::default();
        lanes.resize(shape, layout, &at);
        lanes.spread_reals(&space.z);
        self.discrete.set(integers, &of_integers, learned, lanes);
        lanes.differentiate(target, &at, shape.num_differentiated, space.pass.data_weight)?;
        let (most, count) = most_entropy(integers, at.rows);
        check_prior(at.rows, lanes, space, most)?;
        // What is left is the data term: the prior is the same for all integers.
        let rejected = lanes.reject(&space.log_q);
        let evaluations = shape.evaluations() * at.num_draws;
        if rejected == at.num_draws {
            return Ok(Estimate { value: f64::NAN, rejected, evaluations });
        }
        let data = lanes.mean_data();
        space.weights.copy_from_slice(&lanes.share);
        lanes.gather_reals(&mut space.z_bar);
        silence(space);
        add_prior_slope(at.rows, space);
        let normal = self.kl.seed(layout, &at, moments, space);
        let (real_grad, discrete_grad) = family.split_mut(&mut space.grad);
        self.discrete.add_gradient(integers, &of_integers, learned, lanes, discrete_grad);
        let class = self.weigh_integers(integers, other, at.rows, most, count, discrete_grad)?;
        if has_reals {
            real.pull_normals(own, at.rows, &moments.bar, real_grad);
        }
        let again = if space.grad_theta.is_empty() {
            0
        } else {
            lanes.add_theta(target, &at, rejected, &mut space.grad_theta)?
        };
        space.terms = Some(Terms { data, kl: normal.0 + class.0 });
        let value = data - self.kl.beta * (normal.1 + class.1) + ln_accepted(&at, rejected);
        Ok(Estimate { value, rejected, evaluations: evaluations + again })
    }
}

/// State of the integers' gradient, and moments of the normal latents.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HybridKlState<S> {
    integers: LanesState<S>,
    #[serde(skip)]
    moments: Moments,
}

impl<D> HybridKl<D> {
    /// Brings the entropy's gradient, which the gradient of the integers holds once, to its weight; the KL of the integers,
    /// plain and with free nats.
    fn weigh_integers<G: Discrete>(
        &self,
        integers: &G,
        params: &[f64],
        rows: &RowSet,
        most: f64,
        count: f64,
        grad: &mut [f64],
    ) -> Result<(f64, f64), DensityError> {
        let Some(entropy) = integers.entropy(params, rows) else {
            return Err(refusal("the entropy of the integers is not known; use `Hybrid`"));
        };
        let (kl, free) = (most - entropy, self.kl.free_nats * count);
        let scale = if kl > free || self.kl.free_nats == 0.0 { self.kl.beta } else { 0.0 };
        if scale != 1.0 {
            integers.add_entropy_gradient(params, rows, scale - 1.0, grad);
        }
        Ok((kl, kl.max(free)))
    }
}

/// `sum_i ln K_i` over the integers of the pass, and how many they are, both with the rows' weight.
fn most_entropy<G: Discrete>(integers: &G, rows: &RowSet) -> (f64, f64) {
    let one = |latent: usize| {
        let integer = integers.integer(rows, latent);
        let weight = weight_of(rows, integer.in_rows);
        (weight * (integer.num_values as f64).ln(), weight)
    };
    (0..integers.num_latents(rows)).map(one).fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1))
}

/// Overwrites `log_q` with the prior terms of each draw, and compares those of the first finite draw with a standard normal
/// and even prior.
fn check_prior(rows: &RowSet, lanes: &Lanes, space: &mut Space, most: f64) -> Result<(), DensityError> {
    let Space { z, log_q, .. } = space;
    lanes.priors(log_q);
    let Some(d) = log_q.iter().position(|p| p.is_finite()) else { return Ok(()) };
    let log_density = |latents: &[f64]| -> f64 {
        latents.iter().skip(d).step_by(z.num_draws).map(|z| -0.5 * z * z - LN_SQRT_2_PI).sum()
    };
    let normal = weight_of(rows, false) * log_density(&z.latents) + weight_of(rows, true) * log_density(&z.row_latents);
    let (prior, expected) = (log_q[d], normal - most);
    if agree(prior, expected, lanes.data_of(d)) {
        Ok(())
    } else {
        Err(refusal(&format!(
            "the prior terms of a draw are {prior:.6}, those of standard normal and even priors {expected:.6}; use \
             `Hybrid`, which takes any prior"
        )))
    }
}
