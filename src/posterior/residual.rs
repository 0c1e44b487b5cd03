//! [`Residual`]: whether a Gaussian q of very many latents is at its optimum, and how far from Gaussian the posterior is around it.

use serde::{Deserialize, Serialize};

use super::statistics::mean;
use crate::algorithm::FitError;
use crate::family::SparseGaussian;
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::mean_and_standard_error;
use crate::streams::Streams;
use crate::target::{Differentiable, Pass};

/// Draws at which gradients are taken.
const DRAWS: usize = 200;

/// Numbers of a block of draws at most.
const BLOCK: usize = 1 << 18;

/// Moments of the residual of a Gaussian q.
///
/// With the precision `P`, the mean `m` and a draw `z` of q, Newton's step from `z` ends at `m + t`, where
///
/// ```text
/// t(z) = z - m + P^-1 grad log p(z)
/// ```
///
/// is zero everywhere if the posterior is q. At the optimum of the bound over Gaussians its mean is zero, and so is its
/// covariance with `z`: the mean says how far means are from it, in standard deviations, and the covariance how far variances
/// are, relative to them. What is left there is the posterior's departure from a Gaussian: the root mean square of `t`, in
/// standard deviations of each latent. Importance weights of all latents together say nothing where there are many.
///
/// *Source*: Stein's and Price's identities, as in Opper and Archambeau 2009.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Residual {
    /// The largest shift of a mean beyond its error, in standard deviations.
    #[serde(with = "crate::number")]
    pub shift: f64,
    /// The latent of that shift.
    pub shifted: String,
    /// The largest relative change of a standard deviation beyond its error.
    #[serde(with = "crate::number")]
    pub spread: f64,
    /// The latent of that change.
    pub spread_of: String,
    /// The mean relative change of the standard deviations, beyond its error.
    #[serde(with = "crate::number")]
    pub mean_spread: f64,
    /// The largest root mean square of the residual among the shared latents, in their standard deviations; zero without any.
    #[serde(with = "crate::number")]
    pub curved: f64,
    /// The shared latent where that is.
    pub curved_of: String,
    /// The sites of the shared latents.
    #[serde(default)]
    pub shared: Vec<String>,
    /// Half the mean square of the whitened residual of all latents: the Fisher divergence, in nats where the posterior's curvature
    /// is q's.
    #[serde(with = "crate::number")]
    pub divergence: f64,
    /// Number of latents, those of all rows included.
    pub num_latents: usize,
    /// The graph of the latents, in words.
    pub graph: String,
    /// Gradients of the log joint that were taken.
    pub evaluations: u64,
}

/// Sums over draws of one latent's residual, in the order of latents.
#[derive(Clone, Copy, Default)]
struct Sums {
    t: f64,
    tt: f64,
    tx: f64,
    txtx: f64,
}

impl Residual {
    /// Moments over fresh draws of the q at `params`.
    ///
    /// # Errors
    /// A density that cannot be evaluated, or that has a finite gradient at fewer than half of the draws.
    pub fn measure(
        target: &dyn Differentiable,
        family: &SparseGaussian,
        params: &[f64],
        streams: Streams,
    ) -> Result<Residual, FitError> {
        let (layout, pattern, d) = (target.layout(), family.pattern(), family.dimension());
        let factor = family.split(params).1;
        let block = (BLOCK / d.max(1)).clamp(2, 64);
        let (mut z, mut grad) = (Draws::default(), Draws::default());
        let (mut pass, rows) = (Pass::default(), RowSet::all());
        let mut sums = vec![Sums::default(); d];
        let (mut squares, mut means, mut evaluations) = (Vec::new(), Vec::new(), 0);
        let variances = family.variances(params);
        for first in (0..DRAWS).step_by(block) {
            let n = block.min(DRAWS - first);
            let mut noise = vec![0.0; d * n];
            streams.at_step(first as u64).fill_normal(n, &mut noise);
            z.resize(layout, layout.num_rows, n);
            family.transform_new(params, &noise, &mut z);
            grad.resize(layout, layout.num_rows, n);
            target.log_density_and_gradient(&[], &z, &rows, &mut pass, &mut grad, &mut [])?;
            evaluations += n as u64;
            let mut r = Vec::new();
            pattern.order.iter().for_each(|&old| r.extend_from_slice(family.lane(&grad, old as usize)));
            pattern.solve(&factor, n, &mut r);
            r.iter_mut().zip(&noise).for_each(|(r, e)| *r += e);
            let usable: Vec<usize> = (0..n).filter(|&k| r.iter().skip(k).step_by(n).all(|r| r.is_finite())).collect();
            squares.extend(usable.iter().map(|&k| r.iter().skip(k).step_by(n).map(|r| r * r).sum::<f64>()));
            pattern.solve_transposed(&factor, n, &mut r);
            let mut mean_of_draw = vec![0.0; n];
            for (old, sums) in sums.iter_mut().enumerate() {
                let t = &r[pattern.place[old] as usize * n..][..n];
                let x = family.lane(&z, old);
                for &k in &usable {
                    let (t, tx) = (t[k], t[k] * (x[k] - params[old]));
                    sums.t += t;
                    sums.tt += t * t;
                    sums.tx += tx;
                    sums.txtx += tx * tx;
                    mean_of_draw[k] += tx / variances[old] / d as f64;
                }
            }
            means.extend(usable.iter().map(|&k| 0.5 * mean_of_draw[k]));
        }
        if 2 * squares.len() < DRAWS {
            let detail = " (where its gradient was asked for)".into();
            return Err(FitError::NotFinite { place: "fresh draws of q".into(), times: DRAWS - squares.len(), detail });
        }
        let names = Names(layout);
        let n = squares.len() as f64;
        // So many errors are exceeded by any of the latents with a probability below 5 %.
        let errors = (2.0 * (20.0 * d as f64).ln()).sqrt();
        let beyond = |sum: f64, square: f64| {
            let mean = sum / n;
            let error = ((square / n - mean * mean).max(0.0) / n).sqrt();
            (mean.abs() - errors * error).max(0.0)
        };
        let shifts = sums.iter().zip(&variances).map(|(s, v)| beyond(s.t, s.tt) / v.sqrt());
        let spreads = sums.iter().zip(&variances).map(|(s, v)| 0.5 * beyond(s.tx, s.txtx) / v);
        let (shift, shifted) = largest(shifts);
        let (spread, spread_of) = largest(spreads);
        let shared = family.graph().shared();
        let curved = shared.iter().map(|&k| (sums[k].tt / n / variances[k]).sqrt());
        let (curved, curved_of) = largest(curved);
        let (common, error) = mean_and_standard_error(&means);
        Ok(Residual {
            shift,
            shifted: names.of(shifted),
            spread,
            spread_of: names.of(spread_of),
            mean_spread: (common.abs() - 3.0 * error).max(0.0),
            curved,
            curved_of: shared.get(curved_of).map_or_else(String::new, |&k| names.of(k)),
            shared: names.sites(&shared),
            divergence: 0.5 * mean(&squares),
            num_latents: d,
            graph: family.graph().to_string(),
            evaluations,
        })
    }

    /// Whether some latents are shared by most others.
    pub fn has_shared(&self) -> bool {
        !self.shared.is_empty()
    }
}

/// The largest of some numbers and its place; a NaN is the largest. Zero where there are none.
fn largest(numbers: impl Iterator<Item = f64>) -> (f64, usize) {
    let all = numbers.enumerate().map(|(k, x)| (x, k));
    all.reduce(|most, one| if one.0 > most.0 || one.0.is_nan() { one } else { most }).unwrap_or((0.0, 0))
}

pub(super) struct Names<'a>(pub &'a Layout);

impl Names<'_> {
    /// The sites of latents outside of rows, each once.
    pub fn sites(&self, latents: &[usize]) -> Vec<String> {
        let mut sites: Vec<String> =
            latents.iter().filter_map(|&k| self.0.site_of_latent(k)).map(|site| site.name.clone()).collect();
        sites.dedup();
        sites
    }

    /// `theta[3]`, or `x of row 12` for a latent of a row.
    pub fn of(&self, latent: usize) -> String {
        let Names(layout) = self;
        if latent < layout.num_latents {
            return layout.latent_names().get(latent).cloned().unwrap_or_else(|| format!("z[{latent}]"));
        }
        let (own, row) = (
            (latent - layout.num_latents) / layout.num_rows.max(1),
            (latent - layout.num_latents) % layout.num_rows.max(1),
        );
        let site = layout.sites_of(crate::model::SiteKind::RowLatent);
        let site = site.into_iter().find(|s| (s.offset..s.offset + s.num_unconstrained).contains(&own));
        format!("{} of row {}", site.map_or("a latent", |s| &s.name), layout.first_row + row)
    }
}
