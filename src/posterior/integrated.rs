//! [`Integrated`]: weights of a few shared latents, the many others integrated out.

use serde::{Deserialize, Serialize};

use super::others::Others;
use super::residual::Names;
use super::{Bound, MonteCarlo};
use crate::algorithm::{FitError, Inside, Nodes};
use crate::diagnose::psis::psis;
use crate::diagnose::verdict::{HalfMeans, SMALL_SHIFT, SMALL_SPREAD, are_even, halves_disagreement};
use crate::family::ConditionalGaussian;
use crate::numerics::{ln_diagonal, log_sum_exp};
use crate::streams::Streams;
use crate::target::Differentiable;

/// Pairs of draws of the shared latents; every second pair is stretched.
const PAIRS: usize = 32;

/// Purposes of the streams.
const SHARED: u32 = 1;
const OTHERS: u32 = 2;

/// Effective share of the weights of a block's draws below which they say nothing.
const LEAST_SHARE: f64 = 0.2;

/// Nats that blocks may differ by from the whole.
const MOST_SLIP: f64 = 0.1;

/// Pareto shape from which weights of so few draws say nothing.
const LARGEST_K_HAT: f64 = 0.7;

/// What importance weights of shared latents say, with the others integrated out at each draw.
///
/// Weights of all latents together tell a right q of ten thousand latents from a wrong one as little as from any other. Those of the
/// few shared latents `g` do, once the density `p(x, g)` is known: the others `l` fall into blocks that do not meet given `g`, and each
/// block is integrated out by draws of `q(l | g)` with weights of its own,
///
/// ```text
/// p(x, g) = p(x, g, mu) / q(mu | g) prod_b sum_k w_k exp(h_b(l_k) + |e_kb|^2 / 2)
/// h_b(l)  = log p(x, g, l) - log p(x, g, mu) in the latents of the block, from gradients along the way from mu to l
/// ```
///
/// with the seven nodes of a quadrature where blocks have one latent, sixteen where they have two, and sixteen antithetic draws
/// else, the same for all draws of `g`; sixty-four where all others are one block. Half of the sixty-four draws of `g` are stretched by
/// `1 + 1 / (1 + sqrt K)`, so that what lies outside of q is seen. Means and standard deviations of the posterior are held against
/// those of q by the same draws. The weights of a block say the same of its own latents.
///
/// *Source*: for the mixture of q and a wider law, Hesterberg 1995.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Integrated {
    /// The largest shift of a shared latent's mean that its error leaves open, in standard deviations.
    pub shift: Largest,
    /// The largest relative change of a shared latent's standard deviation.
    pub spread: Largest,
    /// Pareto shape of the weights of the shared latents.
    #[serde(with = "crate::number")]
    pub k_hat: f64,
    /// Effective share of those weights.
    #[serde(with = "crate::number")]
    pub effective_share: f64,
    /// The largest of them in units of their mean.
    #[serde(with = "crate::number")]
    pub largest_weight: f64,
    /// The least effective share of a block's weights, over blocks and draws of the shared latents.
    #[serde(with = "crate::number")]
    pub least_share: f64,
    /// The largest difference between the density and the sum of its blocks' parts, in nats: of what integrals along lines leave
    /// out, and of latents that meet where the graph says that they do not.
    #[serde(with = "crate::number")]
    pub slip: f64,
    /// How far the means of two halves of the draws of shared latents differ, in standard deviations beyond their error.
    #[serde(with = "crate::number")]
    pub halves: f64,
    /// The largest shift of another latent's mean given the shared ones, in its standard deviation there.
    pub local_shift: Largest,
    /// The largest relative change of another latent's standard deviation given the shared ones.
    pub local_spread: Largest,
    /// The mean of those changes.
    pub mean_spread: Largest,
    /// The log evidence by the weights of the shared latents.
    #[serde(with = "crate::number")]
    pub log_evidence: f64,
    /// Its standard error.
    #[serde(with = "crate::number")]
    pub log_evidence_error: f64,
    /// The sites of the shared latents.
    pub shared: Vec<String>,
    /// Number of latents, those of all rows included.
    pub num_latents: usize,
    /// Draws of the shared latents.
    pub num_draws: usize,
    /// Evaluations of the log joint, most of them with a gradient.
    pub evaluations: u64,
}

/// The largest of some findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Largest {
    /// Its size.
    #[serde(with = "crate::number")]
    pub size: f64,
    /// Its standard error.
    #[serde(with = "crate::number")]
    pub error: f64,
    /// The latent.
    pub of: String,
}

impl Largest {
    /// What cannot be ruled out where up to `small` is right: the size, or two errors less that; NaN where either is.
    pub(crate) fn reach(&self, small: f64) -> f64 {
        if self.size.is_nan() || self.error.is_nan() { f64::NAN } else { self.size.max(2.0 * self.error - small) }
    }
}

impl Integrated {
    /// Measures a fit of this family with fresh draws.
    ///
    /// # Errors
    /// A density that can never be evaluated, or that is finite at fewer than half of the draws.
    pub fn measure(
        target: &dyn Differentiable,
        family: &ConditionalGaussian,
        params: &[f64],
        streams: Streams,
    ) -> Result<Integrated, FitError> {
        let mut inside = Inside::new(target, family);
        let nodes = Nodes::new(&inside.blocks, streams.purpose(OTHERS));
        let k = family.shared().len();
        let drawn = Drawn::new(k, streams.purpose(SHARED));
        let mut others = Others::new(&inside.blocks.of);
        let (mut logs, mut halves): (Vec<f64>, [Vec<f64>; 2]) = Default::default();
        for (u, g) in drawn.places.iter().zip(&drawn.log_density) {
            let found = inside.integral(params, u, &nodes)?;
            others.add(&found, &nodes, found.log_density - g);
            logs.push(found.log_density);
            halves.iter_mut().zip(found.halves).for_each(|(all, own)| all.push(own));
        }
        let unusable = logs.iter().filter(|l| !l.is_finite()).count();
        if 2 * unusable > logs.len() {
            let detail = " (with the many latents integrated out)".into();
            return Err(FitError::NotFinite { place: "draws of shared latents".into(), times: unusable, detail });
        }
        let ratios = |logs: &[f64]| -> Vec<f64> {
            let own = logs.iter().zip(&drawn.log_density);
            own.map(|(l, g)| if l.is_finite() { l - g } else { f64::NEG_INFINITY }).collect()
        };
        let all = ratios(&logs);
        let weights = psis(&all).map_err(|e| FitError::unsupported("weights", e.to_string()))?;
        let plain = normalised(&all);
        let n = all.len() as f64;
        let share = 1.0 / plain.iter().map(|w| w * w).sum::<f64>() / n;
        let largest_weight = n * plain.iter().copied().fold(0.0, f64::max);
        let of_halves = halves.map(|half| ratios(&half));
        let (mean, factor) = family.of_shared(params);
        let names = Names(target.layout());
        let (mut shifts, mut spreads, mut means) = (Vec::new(), Vec::new(), Vec::new());
        for (i, row) in factor.chunks_exact(k).enumerate() {
            let latent = Latent { mean: mean[i], row, drawn: &drawn };
            let [shift, spread] = latent.with_errors(&all, &of_halves);
            let name = names.of(family.shared()[i]);
            shifts.push(Largest { size: shift[0].abs(), error: shift[1], of: name.clone() });
            spreads.push(Largest { size: spread[0].abs(), error: spread[1], of: name });
            means.push(latent.halves(&all));
        }
        let [local_shift, local_spread, mean_spread] = others.found(family, &names);
        let terms: Vec<f64> = plain.iter().map(|w| n * w).collect();
        let (_, error) = crate::numerics::mean_and_standard_error(&terms);
        let by_noise = 0.5 * (log_sum_exp(&of_halves[0]) - log_sum_exp(&of_halves[1])).abs();
        Ok(Integrated {
            shift: worst(shifts, SMALL_SHIFT),
            spread: worst(spreads, SMALL_SPREAD),
            k_hat: weights.k_hat,
            effective_share: share,
            largest_weight,
            least_share: others.least_share,
            slip: others.slip,
            halves: halves_disagreement(&means),
            local_shift,
            local_spread,
            mean_spread,
            log_evidence: log_sum_exp(&all) - n.ln() + ln_diagonal(&factor, k),
            log_evidence_error: error.hypot(by_noise),
            shared: names.sites(family.shared()),
            num_latents: family.dimension(),
            num_draws: all.len(),
            evaluations: inside.evaluations(),
        })
    }

    /// A bound of q's draws with the log evidence of these weights, where they say anything.
    pub(super) fn on(&self, bound: Bound) -> Bound {
        let found = MonteCarlo { value: self.log_evidence, mcse: self.log_evidence_error };
        if self.is_known() && found.is_finite() { bound.with_evidence(found) } else { bound.without_evidence() }
    }

    /// Whether the weights say anything of the shared latents.
    pub fn is_known(&self) -> bool {
        let has_fair_tail = self.k_hat <= LARGEST_K_HAT || are_even(self.effective_share, self.largest_weight);
        self.least_share >= LEAST_SHARE && self.slip <= MOST_SLIP && has_fair_tail
    }
}

/// Whitened draws of the shared latents in antithetic pairs, and the logarithm of the density of their law.
struct Drawn {
    places: Vec<Vec<f64>>,
    log_density: Vec<f64>,
    /// Weights of q among them.
    of_q: Vec<f64>,
}

impl Drawn {
    fn new(k: usize, streams: Streams) -> Self {
        let mut noise = vec![0.0; k * PAIRS];
        streams.fill_normal(PAIRS, &mut noise);
        let stretch = 1.0 + 1.0 / (1.0 + (k as f64).sqrt());
        let mut places = Vec::new();
        for pair in 0..PAIRS {
            let by = if pair % 2 == 1 { stretch } else { 1.0 };
            let u: Vec<f64> = (0..k).map(|i| by * noise[i * PAIRS + pair]).collect();
            places.push(u.clone());
            places.push(u.iter().map(|u| -u).collect());
        }
        let log_normal = |u: &[f64], scale: f64| {
            let squares: f64 = u.iter().map(|u| (u / scale).powi(2)).sum();
            -0.5 * squares - k as f64 * (crate::numerics::LN_SQRT_2_PI + scale.ln())
        };
        let mixed = |u: &Vec<f64>| log_sum_exp(&[log_normal(u, 1.0), log_normal(u, stretch)]) - 2f64.ln();
        let log_density: Vec<f64> = places.iter().map(mixed).collect();
        let of_q: Vec<f64> = places.iter().zip(&log_density).map(|(u, g)| log_normal(u, 1.0) - g).collect();
        Drawn { of_q: normalised(&of_q), places, log_density }
    }
}

/// One shared latent at all draws.
struct Latent<'a> {
    mean: f64,
    /// Its row of the factor.
    row: &'a [f64],
    drawn: &'a Drawn,
}

impl Latent<'_> {
    fn values(&self) -> Vec<f64> {
        let by = |u: &Vec<f64>| self.row.iter().zip(u).map(|(r, u)| r * u).sum::<f64>();
        self.drawn.places.iter().map(by).collect()
    }

    /// Shift of the mean in standard deviations of q, and relative change of the standard deviation, by log ratios of the draws
    /// that count.
    fn moved(&self, log_ratios: &[f64], values: &[f64], counts: impl Fn(usize) -> bool) -> [f64; 2] {
        let moments = |weights: &mut dyn Iterator<Item = f64>| -> (f64, f64) {
            let all: Vec<(f64, f64)> =
                weights.zip(values).enumerate().filter(|(k, _)| counts(*k)).map(|(_, (w, x))| (w, *x)).collect();
            let total: f64 = all.iter().map(|(w, _)| w).sum();
            let mean = all.iter().map(|(w, x)| w * x).sum::<f64>() / total;
            let variance = all.iter().map(|(w, x)| w * (x - mean).powi(2)).sum::<f64>() / total;
            (mean, variance.sqrt())
        };
        let most = log_ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mean, sd) = moments(&mut log_ratios.iter().map(|l| (l - most).exp()));
        let (own_mean, own_sd) = moments(&mut self.drawn.of_q.iter().copied());
        [(mean - own_mean) / own_sd, sd / own_sd - 1.0]
    }

    /// The same with their standard errors, by leaving out pairs one by one, and what the two halves of the noise differ by.
    fn with_errors(&self, log_ratios: &[f64], halves: &[Vec<f64>; 2]) -> [[f64; 2]; 2] {
        let (values, n) = (self.values(), PAIRS as f64);
        let all = self.moved(log_ratios, &values, |_| true);
        let without: Vec<[f64; 2]> =
            (0..PAIRS).map(|pair| self.moved(log_ratios, &values, |k| k / 2 != pair)).collect();
        let by_noise = halves.each_ref().map(|half| self.moved(half, &values, |_| true));
        [0, 1].map(|what| {
            let mean = without.iter().map(|w| w[what]).sum::<f64>() / n;
            let jackknife = (n - 1.0) / n * without.iter().map(|w| (w[what] - mean).powi(2)).sum::<f64>();
            [all[what], jackknife.sqrt().hypot(0.5 * (by_noise[0][what] - by_noise[1][what]))]
        })
    }

    /// The weighted means of two halves of the pairs.
    fn halves(&self, log_ratios: &[f64]) -> HalfMeans {
        let values = self.values();
        let part = |which: usize| {
            let own = |k: &usize| usize::from(k / 2 >= PAIRS / 2) == which;
            let of: Vec<usize> = (0..values.len()).filter(own).collect();
            let weights = normalised(&of.iter().map(|&k| log_ratios[k]).collect::<Vec<_>>());
            let mean: f64 = of.iter().zip(&weights).map(|(&k, w)| w * values[k]).sum();
            let error = of.iter().zip(&weights).map(|(&k, w)| (w * (values[k] - mean)).powi(2)).sum::<f64>().sqrt();
            (self.mean + mean, error)
        };
        let (a, b) = (part(0), part(1));
        let sd = self.row.iter().map(|r| r * r).sum::<f64>().sqrt();
        HalfMeans { means: [a.0, b.0], mcse: [a.1, b.1], sd }
    }
}

/// Weights that sum to one.
fn normalised(logs: &[f64]) -> Vec<f64> {
    let total = log_sum_exp(logs);
    logs.iter().map(|l| (l - total).exp()).collect()
}

/// The one that reaches farthest; one that is no number reaches farther than all.
fn worst(all: Vec<Largest>, small: f64) -> Largest {
    let farther = |most: Largest, one: Largest| {
        let (a, b) = (most.reach(small), one.reach(small));
        if b > a || b.is_nan() { one } else { most }
    };
    all.into_iter().reduce(farther).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latent_of_which_least_is_known_is_the_worst() {
        let of = |size: f64, error: f64, of: &str| Largest { size, error, of: of.into() };
        let worst = |all: Vec<Largest>| worst(all, 0.1).of;
        assert_eq!(worst(vec![of(0.05, 0.01, "a"), of(0.02, 0.3, "b"), of(0.04, 0.0, "c")]), "b");
        assert_eq!(worst(vec![of(0.02, f64::NAN, "a"), of(0.5, 0.0, "b")]), "a");
        assert_eq!(worst(vec![of(0.5, 0.0, "a"), of(f64::NAN, 0.0, "b")]), "b");
    }
}
