//! Dirichlet distributions of simplex latents.

use libm::lgamma;

use super::log_gamma::LogGamma;
use super::{refuse_supports, where_equal};
use crate::family::scratch::Pool;
use crate::family::{Family, FamilyError, NoiseLaw, Reparam, covers_global, fill_noise, weight_of};
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};
use crate::numerics::Lane;
use crate::numerics::{sigmoid, softplus};
use crate::streams::Streams;

/// Independent Dirichlet distributions, one for each simplex site outside of rows; `params = [ln alpha]`, one for each
/// element of each simplex.
///
/// The unconstrained latents are stick-breaking logits, `z_k = logit(x_k / (x_k + x_(k+1) + ..)) + ln(n - 1 - k)`; with
/// shares `t_k = sigmoid(z_k - ln(n - 1 - k))` and the Jacobian included
/// `log q(z) = ln Gamma(sum alpha) - sum ln Gamma(alpha_k) + sum_k (alpha_k ln t_k + sum_(j>k) alpha_j ln(1 - t_k))`.
/// *Noise*: one normal number for each element of a simplex: normalised gamma numbers, each a quantile.
/// *Cost*: one [`GammaFactors`](super::GammaFactors) for each element; the pullback repeats the draw.
///
/// *Source*: Figurnov, Mohamed and Mnih 2018, section 4.2.
#[derive(Clone, Debug)]
pub struct DirichletFactors {
    simplices: Vec<Simplex>,
    num_latents: usize,
    scratch: Pool<Scratch>,
}

#[derive(Clone, Copy, Debug)]
struct Simplex {
    /// First unconstrained latent, and first parameter and noise.
    offset: usize,
    start: usize,
    elements: usize,
}

#[derive(Debug, Default)]
struct Scratch {
    noise: Vec<f64>,
    laws: Vec<LogGamma>,
    /// Sums of `alpha` from an element on.
    sums: Vec<f64>,
    values: Vec<f64>,
}

impl DirichletFactors {
    /// The family of the simplex sites of `layout`; `covers` refuses other sites.
    pub fn new(layout: &Layout) -> Self {
        let mut start = 0;
        let simplex = |site: &Site| {
            let elements = site.num_unconstrained + 1;
            start += elements;
            Simplex { offset: site.offset, start: start - elements, elements }
        };
        let simplices = layout.sites_of(SiteKind::Latent).map(simplex).collect();
        DirichletFactors { simplices, num_latents: layout.num_latents, scratch: Pool::default() }
    }

    /// The concentrations `alpha` of simplex number `simplex`, in the order of the sites.
    pub fn concentrations(&self, params: &[f64], simplex: usize) -> Option<Vec<f64>> {
        let &Simplex { start, elements, .. } = self.simplices.get(simplex)?;
        Some(params[start..start + elements].iter().map(|l| l.exp()).collect())
    }

    /// Calls `visit(simplex, its alphas' laws and sums, a buffer of as many numbers)`.
    fn each(&self, params: &[f64], mut visit: impl FnMut(&Simplex, &[LogGamma], &[f64], &mut Vec<f64>)) {
        self.scratch.with(|work| {
            for simplex in &self.simplices {
                let own = &params[simplex.start..simplex.start + simplex.elements];
                work.laws.clear();
                work.laws.extend(own.iter().map(|l| LogGamma::new(l.exp())));
                work.sums.clear();
                work.sums.extend(work.laws.iter().map(|l| l.shape));
                for k in (1..work.sums.len()).rev() {
                    work.sums[k - 1] += work.sums[k];
                }
                work.values.clear();
                work.values.resize(simplex.elements, 0.0);
                visit(simplex, &work.laws, &work.sums, &mut work.values);
            }
        });
    }
}

impl Simplex {
    /// `ln(elements after k)`, by which the latent `k` is shifted.
    fn shift(&self, k: usize) -> f64 {
        ((self.elements - 1 - k) as f64).ln()
    }

    /// The logit of the share of what is left that element `k` takes in draw `d`.
    fn logit(&self, z: &Draws, k: usize, d: usize) -> f64 {
        z.latents[(self.offset + k) * z.num_draws + d] - self.shift(k)
    }

    fn element(&self, k: usize, draws: usize, d: usize) -> usize {
        (self.start + k) * draws + d
    }
}

/// `ln (e^a + e^b)`.
fn ln_add_exp(a: f64, b: f64) -> f64 {
    b + softplus(a - b)
}

impl Family for DirichletFactors {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_global(self, self.num_latents, layout)?;
        refuse_supports(layout, &self.name(), &["a simplex of "])
    }

    fn num_params(&self) -> usize {
        self.simplices.last().map_or(0, |s| s.start + s.elements)
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut noise = self.scratch.with(|work| std::mem::take(&mut work.noise));
        noise.resize(self.num_params() * z.num_draws, 0.0);
        fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut noise);
        self.transform(params, rows, &noise, z);
        self.scratch.with(|work| work.noise = noise);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
        let weight = weight_of(rows, false);
        self.each(params, |simplex, laws, sums, _| {
            let constant = lgamma(sums[0]) - laws.iter().map(|l| lgamma(l.shape)).sum::<f64>();
            for (d, out) in log_q.iter_mut().enumerate() {
                let stick = |k: usize| {
                    let v = simplex.logit(z, k, d);
                    laws[k].shape * softplus(-v) + sums[k + 1] * softplus(v)
                };
                *out += weight * (constant - (0..simplex.elements - 1).map(stick).sum::<f64>());
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let weight = weight_of(rows, false);
        self.each(params, |simplex, laws, sums, base| {
            let both = sums[0].digamma();
            base.iter_mut().zip(laws).for_each(|(b, l)| *b = both - l.shape.digamma());
            for (d, w) in weights.iter().enumerate() {
                let mut ln_left = 0.0;
                for (k, law) in laws.iter().enumerate() {
                    let last = k + 1 == laws.len();
                    let v = if last { f64::INFINITY } else { simplex.logit(z, k, d) };
                    let ln_x = ln_left - if last { 0.0 } else { softplus(-v) };
                    ln_left -= softplus(v);
                    grad[simplex.start + k] += weight * w * law.shape * (base[k] + ln_x);
                }
            }
        });
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let mut total = 0.0;
        self.each(params, |_, laws, sums, _| {
            let all = sums[0];
            let one = |a: f64| lgamma(a) - a * a.digamma();
            total += laws.iter().map(|l| one(l.shape)).sum::<f64>() - one(all);
        });
        Some(weight_of(rows, false) * total)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        let weight = weight * weight_of(rows, false);
        self.each(params, |simplex, laws, sums, _| {
            let all = sums[0] * sums[0].trigamma();
            for (g, law) in grad[simplex.start..].iter_mut().zip(laws) {
                *g += weight * law.shape * (all - law.shape * law.shape.trigamma());
            }
        });
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        for simplex in &self.simplices {
            let sticks = simplex.elements - 1;
            let (mut left, mut means) = (1.0, Vec::with_capacity(simplex.elements));
            for k in 0..sticks {
                let v = centre.get(simplex.offset + k).copied().unwrap_or(0.0) - simplex.shift(k);
                means.push(left * sigmoid(v));
                left *= sigmoid(-v);
            }
            means.push(left);
            // The mean variance of the latents.
            let variance = |c: f64| {
                let mut rest = 1.0;
                let stick = |mean: &f64| {
                    rest -= mean;
                    (c * mean).trigamma() + (c * rest.max(1e-300)).trigamma()
                };
                means[..sticks].iter().map(stick).sum::<f64>() / sticks as f64
            };
            let c = where_equal(scale * scale, variance);
            params[simplex.start..].iter_mut().zip(&means).for_each(|(p, m)| *p = (c * m).ln());
        }
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        let mut centre = vec![0.0; self.num_latents];
        self.each(params, |simplex, laws, sums, _| {
            for k in 0..simplex.elements - 1 {
                centre[simplex.offset + k] = laws[k].shape.digamma() - sums[k + 1].digamma() + simplex.shift(k);
            }
        });
        centre
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        "independent Dirichlet".into()
    }
}

impl Reparam for DirichletFactors {
    fn num_noise(&self, _: &RowSet) -> usize {
        self.num_params()
    }

    fn transform(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &mut Draws) {
        let draws = z.num_draws;
        self.each(params, |simplex, laws, _, _| {
            for d in 0..draws {
                let mut ln_rest = f64::NEG_INFINITY;
                for k in (0..simplex.elements).rev() {
                    let law = &laws[k];
                    let y = law.shape.ln() + law.quantile(noise[simplex.element(k, draws, d)]);
                    if k + 1 == simplex.elements {
                        ln_rest = y;
                        continue;
                    }
                    z.latents[(simplex.offset + k) * draws + d] = y - ln_rest + simplex.shift(k);
                    ln_rest = ln_add_exp(y, ln_rest);
                }
            }
        });
    }

    fn pullback(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        let draws = z_bar.num_draws;
        self.each(params, |simplex, laws, _, _| {
            for d in 0..draws {
                // The adjoint of ln(g_k + g_(k+1) + ..), for gamma numbers g.
                let mut rest_bar = 0.0;
                for (k, law) in laws.iter().enumerate() {
                    let y_bar = if k + 1 == laws.len() {
                        rest_bar
                    } else {
                        let (bar, v) = (z_bar.latents[(simplex.offset + k) * draws + d], simplex.logit(z, k, d));
                        let own = bar + rest_bar * sigmoid(v);
                        rest_bar = rest_bar * sigmoid(-v) - bar;
                        own
                    };
                    let w = law.quantile(noise[simplex.element(k, draws, d)]);
                    grad[simplex.start + k] += y_bar * (1.0 + law.slope(w));
                }
            }
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let weight = weight_of(rows, false);
        self.each(params, |simplex, laws, sums, _| {
            for k in 0..simplex.elements - 1 {
                for d in 0..z.num_draws {
                    let v = simplex.logit(z, k, d);
                    let slope = laws[k].shape * sigmoid(-v) - sums[k + 1] * sigmoid(v);
                    grad_z.latents[(simplex.offset + k) * z.num_draws + d] = weight * slope;
                }
            }
        });
    }
}
