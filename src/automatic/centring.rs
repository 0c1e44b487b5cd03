//! How far each latent of a hierarchy is centred: by what the data say of it, held against its prior.

use nalgebra::{Cholesky, DMatrix};

use crate::algorithm::FitError;
use crate::model::{Draws, Layout, RowSet};
use crate::target::{Differentiable, Frames, LogDensity, Pass, Target};

/// Quantile of a prior's precision under q that is held against the data's curvature.
///
/// The precision is a guess from a q that is known to be wrong: where it comes out too small the coordinates stay centred in
/// a funnel, and the refit falls into it, by hundreds of nats for a Gaussian process of 66 latents. A high quantile errs on
/// the other side, which costs little: with 0.5, 0.7 and 0.9 the bounds of eight schools, a funnel and uneven groups differ
/// by 0.03 nat at most.
const GUARD: f64 = 0.9;

/// Differences of gradients of one latent, by the number of its elements: draws of q that the curvature is averaged over.
const DIFFERENCES: usize = 512;
const DRAWS: (usize, usize) = (4, 32);

/// Draws of q at which the covariance of a vector's prior is looked at.
const WHOLE_DRAWS: usize = 50;

/// A vector is non-centred as a whole where the data determine less than this part of the directions that they would if its
/// elements were independent: a smooth function seen at many places, say.
const FEW: f64 = 0.5;

/// Change of the centring that is worth another fit: from centred coordinates, and from those chosen before. On eight
/// schools, a funnel and uneven groups, six seeds each, a second fit never rose by two errors; it is for a first choice that
/// was far off.
const LEAST_CHANGE: (f64, f64) = (0.05, 0.25);

/// Coordinates that were chosen.
#[derive(Clone, Debug)]
pub(super) struct Centring {
    /// The layout with the centring of every latent.
    pub layout: Layout,
    /// The latents that are not centred and how far they are, in words.
    pub words: String,
    /// Gradients it took.
    pub evaluations: u64,
}

/// Latents that other coordinates may suit better: those whose prior has a scale that depends on latents.
///
/// With a scale of data other coordinates are linear in the centred ones, and a q with all correlations is the same there.
pub(super) fn has_candidates(centred: &Target) -> bool {
    centred.framed().any(|framed| centred.has_latent_scale(framed))
}

/// Chooses `c = I / (I + P)` for each element: `I` is minus the second derivative of all of the log joint but the element's own
/// prior, in the centred element, averaged over draws of q; `P` is the 0.9 quantile of `1 / scale^2` over `z`.
///
/// `z` are draws of q in the centred coordinates, which are those of `centred`; `present` is the layout that q was fitted in,
/// and `difference` the step of the differences in standard deviations. `None` where nothing is to be gained: no
/// candidate, or none that changes enough to be worth another fit.
///
/// *Source*: for a normal prior and a normal likelihood `I / (I + P)` makes the coordinate independent of location and, to
/// first order, of scale in the posterior (Papaspiliopoulos, Roberts and Skoeld, 2003).
pub(super) fn choose(
    centred: &Target,
    present: &Layout,
    theta: &[f64],
    z: &Draws,
    difference: f64,
) -> Result<Option<Centring>, FitError> {
    let mut chosen = Centring { layout: centred.layout().clone(), words: String::new(), evaluations: 0 };
    let mut changes = false;
    for (framed, frames) in centred.framed().zip(centred.frames(theta, z)) {
        if !centred.has_latent_scale(framed) {
            continue;
        }
        let (information, evaluations) = information(&centred.without_prior(framed)?, &frames, theta, z, difference)?;
        chosen.evaluations += evaluations;
        let mut centring = by_element(&information, &frames.scale, z.num_draws);
        let directions = frames.whole.as_ref().map(|w| share_of_directions(&information, &w.factor, z.num_draws));
        if directions.is_some_and(|share| share < FEW * centring.iter().sum::<f64>() / centring.len() as f64) {
            centring.fill(0.0);
        }
        let before = &present.sites[framed.site].centring;
        let was = |e: usize| before.get(e).copied().unwrap_or(1.0);
        let least = if before.is_empty() { LEAST_CHANGE.0 } else { LEAST_CHANGE.1 };
        changes |= centring.iter().enumerate().any(|(e, c)| (c - was(e)).abs() >= least);
        let site = &mut chosen.layout.sites[framed.site];
        if centring.iter().any(|c| *c < 1.0) {
            site.centring = centring;
        }
    }
    chosen.words = chosen.layout.coordinates().join("; ");
    Ok(changes.then_some(chosen))
}

/// Two digits of each element's share: they say all that the rule knows.
fn by_element(information: &[f64], scale: &[f64], num_draws: usize) -> Vec<f64> {
    let precision = scale.chunks_exact(num_draws).map(guarded_precision);
    let share = |(&i, p): (&f64, f64)| if i > 0.0 && p.is_finite() { i / (i + p) } else { 0.0 };
    information.iter().zip(precision).map(|pair| (100.0 * share(pair)).round() / 100.0).collect()
}

/// The share of a vector's directions of which the data say more than its prior: the mean of `b / (1 + b)` over the
/// eigenvalues `b` of the prior's covariance in units of what the data say of each element.
///
/// The low quantile over a few draws is the same guard as that of a single element.
fn share_of_directions(information: &[f64], factor: &[f64], num_draws: usize) -> f64 {
    let n = information.len();
    let root: Vec<f64> = information.iter().map(|i| if *i > 0.0 { i.sqrt() } else { 0.0 }).collect();
    let mut shares: Vec<f64> = (0..num_draws.min(WHOLE_DRAWS))
        .map(|draw| {
            let scaled = DMatrix::from_fn(n, n, |i, j| root[i] * factor[(i * n + j) * num_draws + draw]);
            let inverse = Cholesky::new(DMatrix::identity(n, n) + &scaled * scaled.transpose()).map(|c| c.inverse());
            inverse.map_or(0.0, |inverse| 1.0 - inverse.trace() / n as f64)
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    shares.get(((1.0 - GUARD) * shares.len() as f64) as usize).copied().unwrap_or(0.0)
}

/// The high quantile of `1 / scale^2`.
fn guarded_precision(scale: &[f64]) -> f64 {
    let mut precision: Vec<f64> = scale.iter().map(|s| s.powi(-2)).filter(|p| !p.is_nan()).collect();
    precision.sort_by(f64::total_cmp);
    let at = (GUARD * precision.len() as f64) as usize;
    precision.get(at.min(precision.len().saturating_sub(1))).copied().unwrap_or(f64::INFINITY)
}

/// Minus the second derivative of `rest` in each element of a latent, averaged over the first few draws at which it is
/// finite; NaN where it never is.
fn information(
    rest: &Target,
    frames: &Frames,
    theta: &[f64],
    z: &Draws,
    difference: f64,
) -> Result<(Vec<f64>, u64), FitError> {
    let n = frames.value.len() / z.num_draws;
    let count = (DIFFERENCES / n).clamp(DRAWS.0, DRAWS.1).min(z.num_draws);
    let few = z.select(0..count);
    let (rows, mut pass, mut grad) = (RowSet::all(), Pass::default(), Draws::default());
    let mut theta_bar = vec![0.0; theta.len()];
    let mut out = Vec::with_capacity(n);
    for k in frames.offset..frames.offset + n {
        let step = difference * sd(z.latent(k));
        let mut slopes = [vec![], vec![]];
        for (slope, by) in slopes.iter_mut().zip([step, -step]) {
            let mut moved = few.clone();
            moved.latents[k * count..(k + 1) * count].iter_mut().for_each(|z| *z += by);
            rest.log_density_and_gradient(theta, &moved, &rows, &mut pass, &mut grad, &mut theta_bar)?;
            slope.extend_from_slice(grad.latent(k));
        }
        let [up, down] = slopes;
        let curvature = up.iter().zip(&down).map(|(up, down)| (down - up) / (2.0 * step));
        let usable: Vec<f64> = curvature.filter(|i| i.is_finite()).collect();
        out.push(usable.iter().sum::<f64>() / usable.len() as f64);
    }
    Ok((out, 2 * (n * count) as u64))
}

fn sd(lane: &[f64]) -> f64 {
    let n = lane.len() as f64;
    let mean = lane.iter().sum::<f64>() / n;
    (lane.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}
