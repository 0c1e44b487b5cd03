//! Mixtures of Gaussians, each with a covariance matrix of its own.

use super::scratch::Pool;
use super::{Family, FamilyError, FullRank, covers_global, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::softmax_into;
use crate::streams::Streams;

/// `q(z) = sum_k w_k N(z; m_k, L_k L_k')` over the latents outside of rows, with `w = softmax(logits)`.
///
/// The q of a posterior with several modes, one component for each. A draw is one of a component's, which its own number of
/// the streams chooses: there is no smooth transform of noise, so that score functions alone give gradients.
///
/// *Shapes*: `params` is `[logits; the parameters of each component]`, those as [`FullRank`] has them; a constant added to the
/// logits changes nothing. No closed-form entropy.
#[derive(Clone, Debug, PartialEq)]
pub struct FullRankMixture {
    num_components: usize,
    component: FullRank,
    scratch: Pool<Scratch>,
}

#[derive(Debug, Default)]
struct Scratch {
    /// Log densities of the components, `[component][draw]`.
    log_densities: Vec<f64>,
    one: Vec<f64>,
    shares: Vec<f64>,
}

/// Purpose of the streams: which component a draw is of.
const COMPONENT: u32 = 0x636f_6d70;

impl FullRankMixture {
    /// A mixture of `num_components` Gaussians over `num_latents` latents outside of rows.
    ///
    /// # Errors
    /// Without components.
    pub fn new(num_latents: usize, num_components: usize) -> Result<Self, FamilyError> {
        match num_components {
            0 => Err(FamilyError::setting("components", "a mixture of no components; give it one or more")),
            _ => {
                Ok(FullRankMixture { num_components, component: FullRank::new(num_latents), scratch: Pool::default() })
            }
        }
    }

    /// The mixture that has so many parameters, if there is one.
    pub fn of_params(num_latents: usize, num_params: usize) -> Option<Self> {
        let each = 1 + FullRank::new(num_latents).num_params();
        let found = FullRankMixture::new(num_latents, num_params / each).ok()?;
        (found.num_params() == num_params).then_some(found)
    }

    /// The components' weights.
    pub fn weights(&self, params: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.num_components];
        softmax_into(&params[..self.num_components], &mut weights);
        weights
    }

    /// The parameters of each component.
    pub fn parts<'a>(&self, params: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        params[self.num_components..].chunks_exact(self.component.num_params())
    }

    /// Parameters from the components' weights, in proportion, and their parameters.
    pub fn params_from(&self, weights: &[f64], components: &[&[f64]]) -> Vec<f64> {
        let logits = weights.iter().map(|w| w.ln());
        logits.chain(components.iter().flat_map(|params| params.iter().copied())).collect()
    }

    /// Calls `visit(draw, log q, shares of the components in it)`.
    fn each(&self, params: &[f64], z: &Draws, mut visit: impl FnMut(usize, f64, &[f64])) {
        let (n, logits) = (z.num_draws, &params[..self.num_components]);
        self.scratch.with(|Scratch { log_densities, one, shares }| {
            shares.resize(self.num_components, 0.0);
            let total = softmax_into(logits, shares);
            log_densities.resize(self.num_components * n, 0.0);
            for (params, out) in self.parts(params).zip(log_densities.chunks_exact_mut(n)) {
                self.component.log_q(params, &RowSet::all(), z, out);
            }
            for d in 0..n {
                one.clear();
                one.extend(logits.iter().enumerate().map(|(k, logit)| logit + log_densities[k * n + d]));
                visit(d, softmax_into(one, shares) - total, shares);
            }
        });
    }
}

impl Family for FullRankMixture {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_global(self, self.component.dimension(), layout)
    }

    fn num_params(&self) -> usize {
        self.num_components * (1 + self.component.num_params())
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let (n, weights) = (z.num_draws, self.weights(params));
        let mut chance = vec![0.0; n];
        streams.purpose(COMPONENT).fill_uniform(n, &mut chance);
        let mut own = Draws { num_draws: n, latents: vec![0.0; z.latents.len()], ..Draws::default() };
        let mut before = 0.0;
        for (k, (component, weight)) in self.parts(params).zip(weights).enumerate() {
            self.component.sample(component, rows, streams, &mut own);
            let after = if k + 1 == self.num_components { 1.0 } else { before + weight };
            for d in (0..n).filter(|d| (before..after).contains(&chance[*d])) {
                for (to, from) in z.latents.chunks_exact_mut(n).zip(own.latents.chunks_exact(n)) {
                    to[d] = from[d];
                }
            }
            before = after;
        }
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let weight = weight_of(rows, false);
        self.each(params, z, |d, value, _| log_q[d] = weight * value);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let (n, prior, weight) = (z.num_draws, self.weights(params), weight_of(rows, false));
        let mut of_component = vec![0.0; self.num_components * n];
        let (of_logits, of_components) = grad.split_at_mut(self.num_components);
        self.each(params, z, |d, _, shares| {
            for (k, share) in shares.iter().enumerate() {
                of_logits[k] += weight * weights[d] * (share - prior[k]);
                of_component[k * n + d] = weight * weights[d] * share;
            }
        });
        let grads = of_components.chunks_exact_mut(self.component.num_params());
        for ((params, grad), weights) in self.parts(params).zip(grads).zip(of_component.chunks_exact(n)) {
            self.component.score(params, &RowSet::all(), z, weights, grad);
        }
    }

    fn entropy(&self, _: &[f64], _: &RowSet) -> Option<f64> {
        None
    }

    fn add_entropy_gradient(&self, _: &[f64], _: &RowSet, _: f64, _: &mut [f64]) {}

    /// The components start apart, at points of standard deviation `scale` round the centre: equal ones would stay equal.
    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let d = self.component.dimension();
        let mut apart = vec![0.0; self.num_components * d];
        if self.num_components > 1 {
            Streams::new(0).fill_normal(1, &mut apart);
        }
        let mut params = vec![0.0; self.num_components];
        for k in 0..self.num_components {
            let place = |i: usize| centre.get(i).copied().unwrap_or(0.0) + scale * apart[k * d + i];
            params.extend(self.component.init(&(0..d).map(place).collect::<Vec<_>>(), scale));
        }
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        let mut mean = vec![0.0; self.component.dimension()];
        for (component, weight) in self.parts(params).zip(self.weights(params)) {
            mean.iter_mut().zip(component).for_each(|(m, c)| *m += weight * c);
        }
        mean
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        for component in params[self.num_components..].chunks_exact_mut(self.component.num_params()) {
            self.component.rescale(component, centre, scale);
        }
        true
    }

    fn components(&self, params: &[f64]) -> Vec<(Vec<f64>, Vec<f64>)> {
        let by_rows = |part: &[f64]| self.component.factor(part).transpose().as_slice().to_vec();
        self.parts(params).map(|part| (self.component.centre(part), by_rows(part))).collect()
    }

    fn name(&self) -> String {
        format!("mixture of {} full-rank Gaussians", self.num_components)
    }
}
