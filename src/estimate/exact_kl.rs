//! [`ExactKl`]: the pathwise gradient of the bound with the divergence from a standard normal prior in closed form.

use super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, Terms, ln_accepted, weighted_sum};
use crate::family::{IndependentNormals, NormalMoments, weight_of};
use crate::model::{Layout, RowSet};
use crate::numerics::{LN_SQRT_2_PI, sum_of_logs};
use crate::target::{DensityError, Differentiable};

/// `1/S sum_s (d T / d params)' grad_z log p(x | z_s) - beta d KL(q || N(0, I)) / d params`, the KL in closed form.
///
/// For latents that are normal given the data ([`IndependentNormals`]) under a standard normal prior, as in a
/// [`Vae`](crate::layers::Vae). Unbiased for `E_q[log p(x | z)] - beta KL`, of which the value is an estimate; with
/// `beta` 1 that is the bound. Theta's gradient is that of the mean over draws. A latent whose KL, averaged over the
/// rows of the pass, lies below `free_nats` counts as `free_nats` and is not pulled further down: the value is then
/// biased downwards as an estimate of the bound. *Assumes* the standard normal prior, and compares it with the target's
/// prior terms in every step. *Rejected draws*: the KL is that of all of q; for the rest see [`Pathwise`](super::Pathwise).
///
/// [`Space::terms`] are the data term and the KL, both without beta and free nats.
///
/// *Cost*: one model gradient a draw, and one reverse pass of the encoder where
/// [`Pathwise`](super::Pathwise) takes two.
///
/// # Errors
/// When the target does not tell data from priors, a prior is not standard normal, or a latent of the family is not
/// normal given the data.
///
/// *Source*: Kingma and Welling 2014, appendix B; beta: Higgins et al. 2017, equation 4; free nats: Kingma et al. 2016,
/// "Improved variational inference with inverse autoregressive flow", equation 15, each latent a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactKl {
    /// Weight of the KL.
    pub beta: f64,
    /// Nats of each latent that cost nothing.
    pub free_nats: f64,
}

impl Default for ExactKl {
    /// The bound: `beta` 1, no free nats.
    fn default() -> Self {
        ExactKl { beta: 1.0, free_nats: 0.0 }
    }
}

/// Overwrites `kl` with `KL(N(mean, sd^2) || N(0, 1))` of each latent outside of rows, then that of each latent of rows
/// summed over the rows of the pass, unweighted.
pub fn standard_kl(layout: &Layout, moments: &NormalMoments, kl: &mut Vec<f64>) {
    let one = |(m, s): (&f64, &f64)| 0.5 * (m * m + s * s - 1.0) - s.ln();
    let (mean, row_mean) = moments.mean.split_at(layout.num_latents);
    let (sd, row_sd) = moments.sd.split_at(layout.num_latents);
    kl.clear();
    kl.extend(mean.iter().zip(sd).map(one));
    let num_rows = row_mean.len() / layout.num_row_latents.max(1);
    if num_rows == 0 {
        return kl.resize(layout.num_latents + layout.num_row_latents, 0.0);
    }
    let blocks = row_mean.chunks_exact(num_rows).zip(row_sd.chunks_exact(num_rows));
    let squares = |(m, s): (&f64, &f64)| 0.5 * (m * m + s * s - 1.0);
    kl.extend(blocks.map(|(m, s)| m.iter().zip(s).map(squares).sum::<f64>() - sum_of_logs(s)));
}

/// Means and standard deviations of q's latents, and the adjoints of both.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    pub(super) q: NormalMoments,
    pub(super) bar: NormalMoments,
}

impl<T: Differentiable + ?Sized, F: IndependentNormals + ?Sized> GradientEstimator<T, F> for ExactKl {
    type State = Scratch<Moments>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let moments = &mut state.buffers;
        let Task { target, family, at } = *of;
        if !target.separates_data() {
            return Err(refusal(
                "the target does not tell data terms from prior terms; write it with `draw` and `observe`",
            ));
        }
        self.check()?;
        space.draw(of)?;
        if !family.normals(at.params, at.rows, &mut moments.q) {
            return Err(refusal("a latent of q is not normal given the data; use `Pathwise`"));
        }
        space.differentiate(of)?;
        check_prior(at.rows, space)?;
        add_prior_slope(at.rows, space);
        let rejected = space.reject();
        let again = space.add_theta(of, rejected)?;
        let weights = &space.weights;
        let data = if rejected < at.num_draws { weighted_sum(&space.pass.data, weights) } else { f64::NAN };
        let (kl, counted) = self.seed(target.layout(), &at, moments, space);
        if rejected < at.num_draws {
            family.pull_normals(at.params, at.rows, &moments.bar, &mut space.grad);
        }
        space.terms = Some(Terms { data, kl });
        let value = data - self.beta * counted + ln_accepted(&at, rejected);
        Ok(Estimate { value, rejected, evaluations: at.num_draws + again })
    }
}

impl ExactKl {
    /// Refuses settings that are no numbers of at least 0.
    pub(super) fn check(&self) -> Result<(), DensityError> {
        if !(self.beta >= 0.0 && self.beta.is_finite() && self.free_nats >= 0.0) {
            let Self { beta, free_nats } = self;
            return Err(refusal(&format!("beta {beta} and {free_nats} free nats; both are numbers of at least 0")));
        }
        Ok(())
    }

    /// Overwrites the adjoints of the moments with those of data term and KL; the weighted KL, plain and with free nats.
    pub(super) fn seed(&self, layout: &Layout, at: &Point, moments: &mut Moments, space: &mut Space) -> (f64, f64) {
        space.weigh();
        let Space { z_bar, noise, log_weights: kl, .. } = space;
        let Moments { q: moments, bar } = moments;
        let (draws, num_rows) = (at.num_draws, at.rows.len(layout));
        bar.clear(moments.mean.len());
        let slopes = z_bar.latents.chunks_exact(draws).chain(z_bar.row_latents.chunks_exact(draws));
        for (((z, e), m), s) in slopes.zip(noise.chunks_exact(draws)).zip(&mut bar.mean).zip(&mut bar.sd) {
            *m = z.iter().sum();
            *s = z.iter().zip(e).map(|(z, e)| z * e).sum();
        }
        standard_kl(layout, moments, kl);
        let (mut plain, mut counted, mut from) = (0.0, 0.0, 0);
        for (k, kl) in kl.iter().enumerate() {
            let in_rows = k >= layout.num_latents;
            let (weight, size) = (weight_of(at.rows, in_rows), if in_rows { num_rows } else { 1 });
            let free = self.free_nats * size as f64;
            plain += weight * kl;
            counted += weight * kl.max(free);
            let scale = if *kl > free || self.free_nats == 0.0 { self.beta * weight } else { 0.0 };
            for i in from..from + size {
                bar.mean[i] -= scale * moments.mean[i];
                bar.sd[i] -= scale * (moments.sd[i] - 1.0 / moments.sd[i]);
            }
            from += size;
        }
        (plain, counted)
    }
}

/// `d log N(z; 0, 1) / dz` is `-z`: what is left is the gradient of the data terms.
pub(super) fn add_prior_slope(rows: &RowSet, space: &mut Space) {
    let Space { z, z_bar, .. } = space;
    let (global, of_rows) = (weight_of(rows, false), weight_of(rows, true));
    z_bar.latents.iter_mut().zip(&z.latents).for_each(|(g, z)| *g += global * z);
    z_bar.row_latents.iter_mut().zip(&z.row_latents).for_each(|(g, z)| *g += of_rows * z);
}

/// Compares the prior terms of the first draw with finite ones to those of a standard normal prior.
fn check_prior(rows: &RowSet, space: &Space) -> Result<(), DensityError> {
    let Space { z, pass, .. } = space;
    let found = pass.log_density.iter().zip(&pass.data).map(|(l, d)| (l - d, d));
    let Some((d, (prior, data))) = found.enumerate().find(|(_, (p, d))| p.is_finite() && d.is_finite()) else {
        return Ok(());
    };
    let log_density = |latents: &[f64]| -> f64 {
        latents.iter().skip(d).step_by(z.num_draws).map(|z| -0.5 * z * z - LN_SQRT_2_PI).sum()
    };
    let expected =
        weight_of(rows, false) * log_density(&z.latents) + weight_of(rows, true) * log_density(&z.row_latents);
    if agree(prior, expected, *data) {
        Ok(())
    } else {
        Err(refusal(&format!(
            "the prior terms of a draw are {prior:.6}, those of a standard normal prior {expected:.6}; use `Pathwise`, \
             which takes any prior"
        )))
    }
}

/// Whether prior terms are those expected: single precision has seven digits, and the difference of the sums of all terms
/// and of the data terms loses some of them.
pub(super) fn agree(prior: f64, expected: f64, data: f64) -> bool {
    (prior - expected).abs() <= 1e-4 * (1.0 + expected.abs()) + 1e-6 * data.abs()
}

pub(super) fn refusal(reason: &str) -> DensityError {
    DensityError::unsupported(format!("the exact KL needs normal latents under a standard normal prior: {reason}"))
}
