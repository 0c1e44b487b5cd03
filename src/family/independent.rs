//! [`IndependentLatents`]: log q and score latent by latent; [`Dispersed`]: a wider member of the same family.

use super::mean_field::lane;
use super::{BernoulliFactors, CategoricalFactors, Discrete, Family, Integer, MeanField, Product, weight_of};
use crate::model::{Draws, RowSet};
use crate::numerics::LN_SQRT_2_PI;

/// A family whose latents are independent, so that log q is a sum over them.
///
/// Latents of a pass are in the order of [`Draws`]: real ones outside of rows, real ones of the rows `[latent][row]`,
/// integers, integers of the rows.
#[diagnostic::on_unimplemented(
    message = "the latents of `{Self}` are not independent of one another",
    label = "log q is no sum over latents",
    note = "use `MeanField`, `BernoulliFactors`, `CategoricalFactors` or a `Product` of these; the `ScoreFunction` estimator takes any family"
)]
pub trait IndependentLatents: Family {
    /// Overwrites `log_q`, `[latent][draw]`; latents of rows count `rows.weight` times.
    fn log_q_each(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]);

    /// `grad += sum_i sum_d weights[i][d] d log q_i(z_d) / d params`; knows no weight of rows.
    fn score_each(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]);
}

/// An exponential family: it has a wider member for each of its members.
pub trait Dispersed: Family {
    /// Overwrites `wider` with the parameters of `r(z) ~ q(z; params)^(1 / dispersion)` up to its base measure: for the
    /// Gaussian the variance times `dispersion`, for probabilities the logits divided by it.
    ///
    /// *Source*: Ruiz, Titsias and Blei 2016, equation 6.
    fn disperse(&self, params: &[f64], dispersion: f64, wider: &mut [f64]);
}

impl IndependentLatents for MeanField {
    fn log_q_each(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let draws = z.num_draws;
        self.each(rows, |mean, ln_sd, place, in_rows| {
            let (mean, ln_sd, weight) = (params[mean], params[ln_sd], weight_of(rows, in_rows));
            let precision_root = (-ln_sd).exp();
            let latent = place + if in_rows { self.num_latents() } else { 0 };
            let out = &mut log_q[latent * draws..(latent + 1) * draws];
            for (out, &z) in out.iter_mut().zip(lane(z, place, in_rows)) {
                let u = (z - mean) * precision_root;
                *out = -weight * (0.5 * u * u + ln_sd + LN_SQRT_2_PI);
            }
        });
    }

    fn score_each(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let draws = z.num_draws;
        self.each(rows, |at_mean, at_ln_sd, place, in_rows| {
            let (mean, precision_root) = (params[at_mean], (-params[at_ln_sd]).exp());
            let latent = place + if in_rows { self.num_latents() } else { 0 };
            let weights = &weights[latent * draws..(latent + 1) * draws];
            for (&z, &w) in lane(z, place, in_rows).iter().zip(weights) {
                let u = (z - mean) * precision_root;
                grad[at_mean] += w * u * precision_root;
                grad[at_ln_sd] += w * (u * u - 1.0);
            }
        });
    }
}

impl Dispersed for MeanField {
    fn disperse(&self, params: &[f64], dispersion: f64, wider: &mut [f64]) {
        wider.copy_from_slice(params);
        let half = 0.5 * dispersion.ln();
        self.each(&RowSet::all(), |_, ln_sd, _, _| wider[ln_sd] += half);
    }
}

macro_rules! families_of_integers {
    ($($family:ty),*) => { $(
        impl IndependentLatents for $family {
            fn log_q_each(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
                self.scratch.with(|p| {
                    each_latent(self, p, params, rows, |latent, integer, p| {
                        let weight = weight_of(rows, integer.in_rows);
                        p.iter_mut().for_each(|p| *p = weight * p.ln());
                        let out = &mut log_q[latent * z.num_draws..(latent + 1) * z.num_draws];
                        for (out, &k) in out.iter_mut().zip(integer.lane(z)) {
                            *out = p[(k - integer.low) as usize];
                        }
                    });
                });
            }

            fn score_each(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
                self.scratch.with(|p| {
                    each_latent(self, p, params, rows, |latent, integer, bar| {
                        bar.fill(0.0);
                        let weights = &weights[latent * z.num_draws..(latent + 1) * z.num_draws];
                        for (&k, w) in integer.lane(z).iter().zip(weights) {
                            bar[(k - integer.low) as usize] += w;
                        }
                        self.pull_log_probabilities(params, rows, latent, bar, grad);
                    });
                });
            }
        }

        impl Dispersed for $family {
            fn disperse(&self, params: &[f64], dispersion: f64, wider: &mut [f64]) {
                wider.iter_mut().zip(params).for_each(|(w, logit)| *w = logit / dispersion);
            }
        }
    )* };
}
families_of_integers!(BernoulliFactors, CategoricalFactors);

/// Calls `visit(number, latent, its probabilities)`.
fn each_latent<G: Discrete>(
    family: &G,
    p: &mut Vec<f64>,
    params: &[f64],
    rows: &RowSet,
    mut visit: impl FnMut(usize, Integer, &mut Vec<f64>),
) {
    for latent in 0..family.num_latents(rows) {
        family.probabilities(params, rows, latent, p);
        visit(latent, family.integer(rows, latent), p);
    }
}

/// Numbers of the real latents in a block.
fn reals(z: &Draws) -> usize {
    z.latents.len() + z.row_latents.len()
}

impl<F: IndependentLatents, G: IndependentLatents> IndependentLatents for Product<F, G> {
    fn log_q_each(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let ((real, discrete), (first, rest)) = (self.split(params), log_q.split_at_mut(reals(z)));
        self.real().log_q_each(real, rows, z, first);
        self.discrete().log_q_each(discrete, rows, z, rest);
    }

    fn score_each(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let ((real, discrete), (first, rest)) = (self.split(params), weights.split_at(reals(z)));
        let (real_grad, discrete_grad) = self.split_mut(grad);
        self.real().score_each(real, rows, z, first, real_grad);
        self.discrete().score_each(discrete, rows, z, rest, discrete_grad);
    }
}

impl<F: Dispersed, G: Dispersed> Dispersed for Product<F, G> {
    fn disperse(&self, params: &[f64], dispersion: f64, wider: &mut [f64]) {
        let ((real, discrete), (real_wider, discrete_wider)) = (self.split(params), self.split_mut(wider));
        self.real().disperse(real, dispersion, real_wider);
        self.discrete().disperse(discrete, dispersion, discrete_wider);
    }
}
