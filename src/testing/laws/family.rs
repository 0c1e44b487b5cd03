//! Laws of a family alone.

use super::differences::hold_gradient;
use super::{Broken, Case, hold};
use crate::family::{Family, Reparam, fill_noise};
use crate::model::{Draws, RowSet, SiteKind};
use crate::numerics::dot_in_order;
use crate::objective::mean_and_standard_error;

/// Noise of the case's draws and the draws it is transformed to.
fn drawn<F: Reparam + ?Sized>(family: &F, case: &Case) -> (Vec<f64>, Draws) {
    let mut noise = vec![0.0; family.num_noise(case.rows) * case.num_draws];
    fill_noise(family.noise_law(), case.streams, case.num_draws, &mut noise);
    let mut z = case.draws();
    family.transform(case.params, case.rows, &noise, &mut z);
    (noise, z)
}

fn sampled<F: Family + ?Sized>(family: &F, case: &Case) -> Draws {
    let mut z = case.draws();
    family.sample(case.params, case.rows, case.streams, &mut z);
    z
}

/// Numbers without symmetry, in place of the adjoints that a target would give.
fn weights(case: &Case, purpose: u32, len: usize) -> Vec<f64> {
    let mut weights = vec![0.0; len];
    case.streams.purpose(purpose).fill_uniform(1, &mut weights);
    weights.iter_mut().for_each(|w| *w = 2.0 * *w - 0.7);
    weights
}

/// `sample` is `transform` of the noise keyed by the same streams, bit for bit.
///
/// # Errors
/// Where the two differ.
pub fn transform_is_sample<F: Reparam + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let law = "sample = transform of the noise";
    let (_, transformed) = drawn(family, case);
    let sampled = sampled(family, case);
    let pairs = transformed.latents.iter().chain(&transformed.row_latents);
    for (k, (t, s)) in pairs.zip(sampled.latents.iter().chain(&sampled.row_latents)).enumerate() {
        hold(law, || format!("number {k}"), *s, *t, 0.0)?;
    }
    Ok(())
}

/// Where `rescale` applies, the rescaled law draws `centre + scale * w` where the other draws `w`, outside of rows, and the
/// same as before in them.
///
/// # Errors
/// Where a draw differs by more than rounding, or parameters were changed although it does not apply.
pub fn rescale_is_affine<F: Family + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let law = "the rescaled law draws centre + scale * w";
    let centre = weights(case, 3, case.layout.num_latents);
    let scale: Vec<f64> = weights(case, 4, case.layout.num_latents).iter().map(|s| (2.0 * s).exp()).collect();
    let mut params = case.params.to_vec();
    if !family.rescale(&mut params, &centre, &scale) {
        let unchanged = |k: usize| hold(law, || format!("parameter {k}"), params[k], case.params[k], 0.0);
        return (0..params.len()).try_for_each(unchanged);
    }
    let (w, z) = (sampled(family, case), sampled(family, &Case { params: &params, ..*case }));
    for k in 0..case.layout.num_latents {
        for (w, z) in w.latent(k).iter().zip(z.latent(k)) {
            let expected = centre[k] + scale[k] * w;
            // Each draw is a sum of as many products as there are latents, none larger than a hundred times the result.
            hold(law, || format!("latent {k}"), *z, expected, 1e-12 * (1.0 + expected.abs()))?;
        }
    }
    let rows = w.row_latents.iter().zip(&z.row_latents).enumerate();
    // Where q joins the latents of rows with the others, they come of numbers that were rescaled.
    let tolerance = |w: f64| 1e-12 * (1.0 + w.abs());
    rows.into_iter().try_for_each(|(k, (w, z))| hold(law, || format!("number {k} of rows"), *z, *w, tolerance(*w)))
}

/// `pullback` is the derivative of `z_bar' T(params, noise)` at fixed noise.
///
/// # Errors
/// Where the two differ.
pub fn pullback_is_derivative<F: Reparam + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let (noise, z) = drawn(family, case);
    let mut z_bar = case.draws();
    z_bar.latents = weights(case, 1, z.latents.len());
    z_bar.row_latents = weights(case, 2, z.row_latents.len());
    let mut grad = vec![0.0; family.num_params()];
    family.pullback(case.params, case.rows, &noise, &z, &z_bar, &mut grad);
    let mut moved = case.draws();
    hold_gradient("pullback = derivative of the transform", "parameter", case.params, &grad, |params| {
        family.transform(params, case.rows, &noise, &mut moved);
        dot_in_order(&z_bar.latents, &moved.latents) + dot_in_order(&z_bar.row_latents, &moved.row_latents)
    })
}

/// `score` is the derivative of `sum_d weights[d] log q(z_d; params)` in `params`, the draws fixed.
///
/// # Errors
/// Where the two differ.
pub fn score_is_derivative<F: Family + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let z = sampled(family, case);
    let weights = weights(case, 3, case.num_draws);
    let mut grad = vec![0.0; family.num_params()];
    family.score(case.params, case.rows, &z, &weights, &mut grad);
    let mut log_q = vec![0.0; case.num_draws];
    hold_gradient("score = derivative of log q", "parameter", case.params, &grad, |params| {
        family.log_q(params, case.rows, &z, &mut log_q);
        dot_in_order(&weights, &log_q)
    })
}

/// `grad_log_q` is the derivative of `log q` in the draws, and every draw's `log q` is its own.
///
/// # Errors
/// Where the two differ.
pub fn grad_log_q_is_derivative<F: Reparam + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let (_, mut z) = drawn(family, case);
    let mut grad = case.draws();
    family.grad_log_q(case.params, case.rows, &z, &mut grad);
    let mut log_q = vec![0.0; case.num_draws];
    let law = "grad_log_q = derivative of log q";
    let at = z.latents.clone();
    hold_gradient(law, "latent x draw", &at, &grad.latents, |latents| {
        z.latents.copy_from_slice(latents);
        family.log_q(case.params, case.rows, &z, &mut log_q);
        log_q.iter().sum()
    })?;
    z.latents.copy_from_slice(&at);
    let at = z.row_latents.clone();
    hold_gradient(law, "row latent x row x draw", &at, &grad.row_latents, |latents| {
        z.row_latents.copy_from_slice(latents);
        family.log_q(case.params, case.rows, &z, &mut log_q);
        log_q.iter().sum()
    })
}

/// The entropy's gradient is its derivative; holds for a family without a closed form.
///
/// # Errors
/// Where the two differ.
pub fn entropy_gradient_is_derivative<F: Family + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    if family.entropy(case.params, case.rows).is_none() {
        return Ok(());
    }
    let mut grad = vec![0.0; family.num_params()];
    family.add_entropy_gradient(case.params, case.rows, 1.5, &mut grad);
    let law = "entropy gradient = derivative of the entropy";
    hold_gradient(law, "parameter", case.params, &grad, |params| {
        1.5 * family.entropy(params, case.rows).unwrap_or(f64::NAN)
    })
}

/// The entropy is the mean of `-log q` over the case's draws, within `k` standard errors; holds for a family without
/// a closed form.
///
/// # Errors
/// Where the two differ.
pub fn entropy_is_mean<F: Family + ?Sized>(family: &F, case: &Case, k: f64) -> Result<(), Broken> {
    let Some(entropy) = family.entropy(case.params, case.rows) else { return Ok(()) };
    let mut log_q = vec![0.0; case.num_draws];
    family.log_q(case.params, case.rows, &sampled(family, case), &mut log_q);
    let (mean, error) = mean_and_standard_error(&log_q);
    let place = || format!("{} draws", case.num_draws);
    hold("entropy = mean of -log q", place, entropy, -mean, k * error + 1e-12 * mean.abs())
}

/// The score's mean is zero within `k` standard errors: draws and density are of the same distribution.
///
/// # Errors
/// Where it is not.
pub fn score_has_mean_zero<F: Family + ?Sized>(family: &F, case: &Case, k: f64) -> Result<(), Broken> {
    let z = sampled(family, case);
    let num_params = family.num_params();
    let mut scores = vec![Vec::with_capacity(case.num_draws); num_params];
    let mut grad = vec![0.0; num_params];
    let mut one = Draws::zeros(case.layout, z.num_rows, 1);
    for d in 0..case.num_draws {
        copy_draw(&z, d, &mut one);
        grad.fill(0.0);
        family.score(case.params, case.rows, &one, &[1.0], &mut grad);
        scores.iter_mut().zip(&grad).for_each(|(all, g)| all.push(*g));
    }
    for (p, scores) in scores.iter().enumerate() {
        let (mean, error) = mean_and_standard_error(scores);
        hold("mean score = 0", || format!("parameter {p}"), mean, 0.0, k * error + 1e-12)?;
    }
    Ok(())
}

/// Copies draw `d` of all latents into the one draw of `one`.
fn copy_draw(z: &Draws, d: usize, one: &mut Draws) {
    let reals = |from: &[f64], to: &mut [f64]| {
        to.iter_mut().zip(from.iter().skip(d).step_by(z.num_draws)).for_each(|(t, f)| *t = *f);
    };
    let integers = |from: &[u32], to: &mut [u32]| {
        to.iter_mut().zip(from.iter().skip(d).step_by(z.num_draws)).for_each(|(t, f)| *t = *f);
    };
    reals(&z.latents, &mut one.latents);
    reals(&z.row_latents, &mut one.row_latents);
    integers(&z.integers, &mut one.integers);
    integers(&z.row_integers, &mut one.row_integers);
}

/// Steps of the quadrature's variable, and how far it goes: the density's tails must fall faster than `|z|^-2.5`.
const STEP: f64 = 0.05;
const REACH: f64 = 12.0;

/// `q` integrates to one over one or two real latents, within 1e-6.
///
/// The trapezoid rule in `x` with `z = centre + scale sinh(x)`, centre and scale from the case's draws; for smooth
/// densities its error falls exponentially with the step.
///
/// # Errors
/// Where the integral is not one.
pub fn is_normalised<F: Family + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let law = "q integrates to one";
    let n = case.layout.num_latents;
    if !(1..=2).contains(&n) || case.layout.num_row_latents > 0 {
        return hold(law, || format!("{n} latents; quadrature needs one or two, without rows"), f64::NAN, 1.0, 0.0);
    }
    let sample = sampled(family, &Case { num_draws: case.num_draws.max(2000), ..*case });
    let axes: Vec<(f64, f64)> = (0..n).map(|i| middle(sample.latent(i))).collect();
    let nodes: Vec<f64> = (0..=(2.0 * REACH / STEP) as usize).map(|k| k as f64 * STEP - REACH).collect();
    let rows = RowSet::all();
    let mut z = Draws::zeros(case.layout, 0, nodes.len());
    let mut log_q = vec![0.0; nodes.len()];
    let place = |x: f64, (centre, scale): (f64, f64)| (centre + scale * x.sinh(), STEP * scale * x.cosh());
    let mut total = 0.0;
    let outer: &[f64] = if n == 2 { &nodes } else { &[0.0] };
    for &y in outer {
        let (second, outer_weight) = if n == 2 { place(y, axes[1]) } else { (0.0, 1.0) };
        for (d, &x) in nodes.iter().enumerate() {
            z.latents[d] = place(x, axes[0]).0;
            if n == 2 {
                z.latents[nodes.len() + d] = second;
            }
        }
        family.log_q(case.params, &rows, &z, &mut log_q);
        let line: f64 = nodes.iter().zip(&log_q).map(|(&x, l)| place(x, axes[0]).1 * l.exp()).sum();
        total += outer_weight * line;
    }
    hold(law, || "its params".into(), total, 1.0, 1e-6)
}

/// Mean and standard deviation.
fn middle(values: &[f64]) -> (f64, f64) {
    let (mean, error) = mean_and_standard_error(values);
    (mean, error * (values.len() as f64).sqrt())
}

/// The probabilities of all values of the integers outside of rows sum to one, within 1e-12.
///
/// # Errors
/// Where they do not, or an integer's range is not finite.
pub fn sums_to_one<F: Family + ?Sized>(family: &F, case: &Case) -> Result<(), Broken> {
    let sites: Vec<_> = case.layout.sites_of(SiteKind::Integer).collect();
    let mut z = Draws::zeros(case.layout, 0, 1);
    let ranges: Vec<(usize, u32, u32)> =
        sites.iter().filter_map(|s| s.range.map(|(low, high)| (s.offset, low, high))).collect();
    ranges.iter().for_each(|&(at, low, _)| z.integers[at] = low);
    let (rows, mut log_q, mut total) = (RowSet::all(), [0.0], 0.0);
    loop {
        family.log_q(case.params, &rows, &z, &mut log_q);
        total += log_q[0].exp();
        // Counts on as an odometer does.
        let next = ranges.iter().find(|&&(at, low, high)| {
            let full = z.integers[at] == high;
            z.integers[at] = if full { low } else { z.integers[at] + 1 };
            !full
        });
        if next.is_none() {
            return hold("probabilities sum to one", || "its params".into(), total, 1.0, 1e-12);
        }
    }
}
