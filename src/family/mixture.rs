//! Mixtures of Gaussians, reparameterised latent by latent.

use super::scratch::Pool;
use super::{
    Family, FamilyError, NoiseLaw, Reparam, covers_global, fill_noise, rescale_ln_sds, rescale_means, weight_of,
};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::{LN_SQRT_2_PI, Lane, softmax_into};
use crate::streams::Streams;

/// `q(z) = sum_k w_k prod_i N(z_i; mean_ki, sd_ki^2)` over the latents outside of rows, with `w = softmax(logits)`.
///
/// *Shapes*: `params` is `[logits; mean; ln sd]`, the last two `[component][latent]`; a constant added to the logits
/// changes nothing. No closed-form entropy.
/// *Draws*: one latent after the other, each the quantile of its one-dimensional mixture given those before, whose
/// weights are `w_k prod_(j<i) N(z_j; ..)`, at the normal distribution function of its noise. So `z` is a smooth function of
/// all parameters, the weights included, and pathwise gradients are unbiased.
/// *Variance*: the slope of a quantile is one over the density there, and between components far apart lies almost none:
/// the few draws that fall there carry the gradient of the weights. For `E z` and two equal components of unit standard
/// deviation its variance in a logit is 0.0006, 0.19, 3.7 and 400 at distances 1, 3, 5 and 8, that of the score function
/// 0.09, 0.23, 0.25 and 0.25 (by quadrature): beyond three the score function is the better estimator of the weights.
/// *Cost*: about six evaluations of each component's distribution function for each latent of a draw.
///
/// *Source*: Graves 2016, "Stochastic backpropagation through mixture density distributions"; Figurnov, Mohamed and
/// Mnih 2018, section 4.4. The adjoints of the chain are ours.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixture {
    num_components: usize,
    num_latents: usize,
    scratch: Pool<Scratch>,
}

#[derive(Debug, Default)]
struct Scratch {
    noise: Vec<f64>,
    /// Log weights of the components, `[latent][component]`: given the latents before.
    log_weights: Vec<f64>,
    weights: Vec<f64>,
    bar: Vec<f64>,
    grad: Vec<f64>,
}

/// Most steps of Newton's method or of bisection.
const STEPS: usize = 200;

/// The parameters of one draw's walk through the latents.
#[derive(Clone, Copy)]
struct Parts<'a> {
    logits: &'a [f64],
    mean: &'a [f64],
    ln_sd: &'a [f64],
    num_latents: usize,
}

impl Parts<'_> {
    /// Standardised value of `z`, and `ln sd`, in component `k` of latent `i`.
    fn standard(&self, k: usize, i: usize, z: f64) -> (f64, f64) {
        let at = k * self.num_latents + i;
        ((z - self.mean[at]) * (-self.ln_sd[at]).exp(), self.ln_sd[at])
    }

    fn log_normal(&self, k: usize, i: usize, z: f64) -> f64 {
        let (u, ln_sd) = self.standard(k, i, z);
        -0.5 * u * u - ln_sd - LN_SQRT_2_PI
    }

    /// The quantile of latent `i` under these weights: safeguarded Newton on the logarithm of the smaller tail.
    fn quantile(&self, i: usize, weights: &[f64], e: f64) -> f64 {
        let (target, sign) = ((-e.abs()).ln_ndtr(), if e < 0.0 { 1.0 } else { -1.0 });
        // The mixture's quantile lies between those of the components.
        let (mut low, mut high, mut z, mut smallest) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::INFINITY);
        for (k, w) in weights.iter().enumerate() {
            let at = k * self.num_latents + i;
            let sd = self.ln_sd[at].exp();
            let own = self.mean[at] + e * sd;
            smallest = smallest.min(sd);
            (low, high) = (low.min(own), high.max(own));
            z += w * own;
        }
        for _ in 0..STEPS {
            let (mut tail, mut density) = (0.0, 0.0);
            for (k, w) in weights.iter().enumerate() {
                let (u, ln_sd) = self.standard(k, i, z);
                tail += w * (sign * u).ndtr();
                density += w * (-0.5 * u * u - ln_sd - LN_SQRT_2_PI).exp();
            }
            let excess = sign * (tail.ln() - target);
            *if excess < 0.0 { &mut low } else { &mut high } = z;
            let mut next = z - excess * tail / density;
            if !(low..=high).contains(&next) {
                next = 0.5 * (low + high);
            }
            let step = (next - z).abs();
            z = next;
            // Newton's method squares what is left, on the scale of the narrowest component.
            if step <= 1e-9 * smallest || high - low <= 1e-15 * z.abs() {
                break;
            }
        }
        z
    }
}

impl GaussianMixture {
    /// A mixture of `num_components` Gaussians with diagonal covariance over `num_latents` latents outside of rows.
    ///
    /// # Errors
    /// Without components.
    pub fn new(num_latents: usize, num_components: usize) -> Result<Self, FamilyError> {
        match num_components {
            0 => Err(FamilyError::setting("components", "a mixture of no components; give it one or more")),
            _ => Ok(GaussianMixture { num_components, num_latents, scratch: Pool::default() }),
        }
    }

    /// The components' weights.
    pub fn weights(&self, params: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.num_components];
        softmax_into(&params[..self.num_components], &mut weights);
        weights
    }

    fn parts<'a>(&self, params: &'a [f64]) -> Parts<'a> {
        let (logits, rest) = params.split_at(self.num_components);
        let (mean, ln_sd) = rest.split_at(self.num_components * self.num_latents);
        Parts { logits, mean, ln_sd, num_latents: self.num_latents }
    }

    /// Places of the mean and of `ln sd` of component `k` of latent `i`.
    fn places(&self, k: usize, i: usize) -> (usize, usize) {
        let size = self.num_components * self.num_latents;
        let mean = self.num_components + k * self.num_latents + i;
        (mean, mean + size)
    }

    /// Fills `log_weights` for one draw: row `i` given the latents before `i`, the last row given all of them.
    fn walk(&self, parts: &Parts, z: impl Fn(usize) -> f64, log_weights: &mut Vec<f64>) {
        let components = self.num_components;
        log_weights.clear();
        log_weights.extend_from_slice(parts.logits);
        for i in 0..self.num_latents {
            for k in 0..components {
                let before = log_weights[i * components + k];
                log_weights.push(before + parts.log_normal(k, i, z(i)));
            }
        }
    }

    /// Calls `visit(draw, log q, responsibilities, ln sum exp(logits))`.
    fn each(&self, params: &[f64], z: &Draws, mut visit: impl FnMut(usize, f64, &[f64], f64)) {
        let (parts, components) = (self.parts(params), self.num_components);
        self.scratch.with(|work| {
            work.weights.resize(components, 0.0);
            let total = softmax_into(parts.logits, &mut work.weights);
            for d in 0..z.num_draws {
                self.walk(&parts, |i| z.latents[i * z.num_draws + d], &mut work.log_weights);
                let log_q = softmax_into(&work.log_weights[self.num_latents * components..], &mut work.weights) - total;
                visit(d, log_q, &work.weights, total);
            }
        });
    }

    /// The pullback of one draw, whose adjoints are in `bar`.
    fn pull_draw(&self, parts: &Parts, e: impl Fn(usize) -> f64, z: impl Fn(usize) -> f64, work: &mut Scratch) {
        let components = self.num_components;
        self.walk(parts, &z, &mut work.log_weights);
        let (later, slopes) = work.grad.split_at_mut(components);
        // `later` is the adjoint of the log weights after latent i: zero after the last one.
        later.fill(0.0);
        for i in (0..self.num_latents).rev() {
            let (z, sign) = (z(i), if e(i) < 0.0 { 1.0 } else { -1.0 });
            softmax_into(&work.log_weights[i * components..(i + 1) * components], &mut work.weights);
            let (mut bar, mut density) = (work.bar[i], 0.0);
            for (k, later) in later.iter().enumerate() {
                let (u, ln_sd) = parts.standard(k, i, z);
                bar -= later * u * (-ln_sd).exp();
                density += work.weights[k] * parts.log_normal(k, i, z).exp();
            }
            // F(z) is held: d z = -d F / density. The weights' sum is one, so that either tail stands for F.
            let pull = -bar / density;
            let tail = |k: usize| sign * (sign * parts.standard(k, i, z).0).ndtr();
            let mean_tail: f64 = (0..components).map(|k| work.weights[k] * tail(k)).sum();
            for (k, later) in later.iter_mut().enumerate() {
                let (u, ln_sd) = parts.standard(k, i, z);
                let through = pull * work.weights[k] * parts.log_normal(k, i, z).exp();
                let (mean, at_ln_sd) = self.places(k, i);
                slopes[mean - components] += *later * u * (-ln_sd).exp() - through;
                slopes[at_ln_sd - components] += *later * (u * u - 1.0) - through * u * ln_sd.exp();
                *later += pull * work.weights[k] * (tail(k) - mean_tail);
            }
        }
    }
}

impl Family for GaussianMixture {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_global(self, self.num_latents, layout)
    }

    fn num_params(&self) -> usize {
        self.num_components * (1 + 2 * self.num_latents)
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut noise = self.scratch.with(|work| std::mem::take(&mut work.noise));
        noise.resize(self.num_latents * z.num_draws, 0.0);
        fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut noise);
        self.transform(params, rows, &noise, z);
        self.scratch.with(|work| work.noise = noise);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let weight = weight_of(rows, false);
        self.each(params, z, |d, value, _, _| log_q[d] = weight * value);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let parts = self.parts(params);
        self.each(params, z, |d, _, shares, total| {
            let w = weight_of(rows, false) * weights[d];
            for (k, share) in shares.iter().enumerate() {
                grad[k] += w * (share - (parts.logits[k] - total).exp());
                for i in 0..self.num_latents {
                    let (u, ln_sd) = parts.standard(k, i, z.latents[i * z.num_draws + d]);
                    let (mean, at_ln_sd) = self.places(k, i);
                    grad[mean] += w * share * u * (-ln_sd).exp();
                    grad[at_ln_sd] += w * share * (u * u - 1.0);
                }
            }
        });
    }

    fn entropy(&self, _: &[f64], _: &RowSet) -> Option<f64> {
        None
    }

    fn add_entropy_gradient(&self, _: &[f64], _: &RowSet, _: f64, _: &mut [f64]) {}

    /// The components start apart, at points of standard deviation `scale` round the centre: equal ones would stay equal.
    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        let (components, n) = (self.num_components, self.num_latents);
        let mut apart = vec![0.0; if components > 1 { components * n } else { 0 }];
        Streams::new(0).fill_normal(1, &mut apart);
        apart.resize(components * n, 0.0);
        for k in 0..components {
            for i in 0..n {
                let (mean, ln_sd) = self.places(k, i);
                params[mean] = centre.get(i).copied().unwrap_or(0.0) + scale * apart[k * n + i];
                params[ln_sd] = scale.ln();
            }
        }
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        let (parts, weights) = (self.parts(params), self.weights(params));
        let mean = |i: usize| weights.iter().enumerate().map(|(k, w)| w * parts.mean[k * self.num_latents + i]).sum();
        (0..self.num_latents).map(mean).collect()
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let (mean, ln_sd) = params[self.num_components..].split_at_mut(self.num_components * self.num_latents);
        for (mean, ln_sd) in mean.chunks_exact_mut(self.num_latents).zip(ln_sd.chunks_exact_mut(self.num_latents)) {
            rescale_means(mean, centre, scale);
            rescale_ln_sds(ln_sd, scale);
        }
        true
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        format!("mixture of {} mean-field Gaussians", self.num_components)
    }
}

impl Reparam for GaussianMixture {
    fn num_noise(&self, _: &RowSet) -> usize {
        self.num_latents
    }

    fn transform(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &mut Draws) {
        let (parts, components, draws) = (self.parts(params), self.num_components, z.num_draws);
        self.scratch.with(|work| {
            work.weights.resize(components, 0.0);
            for d in 0..draws {
                work.log_weights.clear();
                work.log_weights.extend_from_slice(parts.logits);
                for i in 0..self.num_latents {
                    softmax_into(&work.log_weights, &mut work.weights);
                    let value = parts.quantile(i, &work.weights, noise[i * draws + d]);
                    z.latents[i * draws + d] = value;
                    for (k, l) in work.log_weights.iter_mut().enumerate() {
                        *l += parts.log_normal(k, i, value);
                    }
                }
            }
        });
    }

    fn pullback(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        let (parts, components, draws) = (self.parts(params), self.num_components, z_bar.num_draws);
        self.scratch.with(|work| {
            work.weights.resize(components, 0.0);
            work.grad.resize(self.num_params(), 0.0);
            for d in 0..draws {
                work.grad.fill(0.0);
                work.bar.clear();
                work.bar.extend((0..self.num_latents).map(|i| z_bar.latents[i * draws + d]));
                self.pull_draw(&parts, |i| noise[i * draws + d], |i| z.latents[i * draws + d], work);
                grad.iter_mut().zip(&work.grad).for_each(|(g, own)| *g += own);
            }
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let (parts, weight) = (self.parts(params), weight_of(rows, false));
        grad_z.latents.fill(0.0);
        self.each(params, z, |d, _, shares, _| {
            for (k, share) in shares.iter().enumerate() {
                for i in 0..self.num_latents {
                    let (u, ln_sd) = parts.standard(k, i, z.latents[i * z.num_draws + d]);
                    grad_z.latents[i * z.num_draws + d] -= weight * share * u * (-ln_sd).exp();
                }
            }
        });
    }
}
