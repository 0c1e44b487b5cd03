//! Sensitivity to the prior and to the data: how the posterior moves when either is raised to a power.

use serde::{Deserialize, Serialize};

use super::statistics::weighted_mean;
use super::{MonteCarlo, Posterior};
use crate::algorithm::FitError;
use crate::diagnose::psis::{k_hat_threshold, psis};
use crate::diagnose::verdict::are_even;
use crate::family::Family;
use crate::model::{RowSet, Site, SiteKind};
use crate::numerics::log_sum_exp;
use crate::target::{LogDensity, Pass, PriorOf, Target};

/// Distance from which a quantity is called sensitive.
///
/// *Source*: the default threshold of the package priorsense, by the authors of Kallioinen et al. (2024).
pub const SENSITIVE: f64 = 0.05;

/// Powers whose weights are judged: a fifth less, and its inverse.
const POWERS: [f64; 2] = [0.8, 1.25];

/// Share of the draws that is cut off at either end when distributions are compared: what a draw of 4000 stands for.
const TAIL: f64 = 1.0 / 4000.0;

/// How the posterior `p(z | x)` answers to the power `a` in `p(z)^a p(x | z)` and in `p(z) p(x | z)^a`, at `a = 1`.
///
/// Made by [`Posterior::power_scaling`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PowerScaling {
    /// Sites whose priors were scaled, together.
    pub priors: Vec<String>,
    /// Sites whose priors were left as they are.
    pub other_priors: Vec<String>,
    /// Whether the model has bare terms (`add`), which were scaled with neither.
    pub has_bare_terms: bool,
    /// Whether the draws are of the posterior, by importance weights, or of q.
    pub weighted: bool,
    /// One for each quantity outside of rows that varies.
    pub quantities: Vec<Sensitivity>,
    /// The weights that scale the prior; nothing where no prior can be scaled.
    pub prior: Option<Reweighted>,
    /// The weights that scale the data; nothing where nothing is observed.
    pub data: Option<Reweighted>,
}

/// Weights that turn the draws into those of a posterior whose prior or data count 0.8 or 1.25 times; the worse of both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reweighted {
    /// Tail shape of the weights.
    #[serde(with = "crate::number")]
    pub k_hat: f64,
    /// The largest `k_hat` that this number of draws makes reliable.
    #[serde(with = "crate::number")]
    pub threshold: f64,
    /// Share of the draws that the weights leave, by effective size.
    #[serde(with = "crate::number")]
    pub effective_share: f64,
    /// The largest weight, in units of their mean.
    #[serde(with = "crate::number")]
    pub largest_weight: f64,
}

impl Reweighted {
    /// Whether the draws reach what a moderate change of the power asks for, so that the derivatives can be relied on.
    pub fn is_reliable(&self) -> bool {
        self.k_hat <= self.threshold || are_even(self.effective_share, self.largest_weight)
    }
}

/// How one quantity answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sensitivity {
    /// Name of the quantity.
    pub name: String,
    /// To the prior.
    pub prior: Option<Change>,
    /// To the data.
    pub data: Option<Change>,
}

/// Derivatives in `log2(a)` at `a = 1`: what a doubling of the power would do, were it linear.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Of the cumulative Jensen-Shannon distance from the posterior, less what chance adds to its square.
    #[serde(with = "crate::number")]
    pub distance: f64,
    /// What the distance would be by chance alone, were there no sensitivity.
    #[serde(with = "crate::number")]
    pub noise: f64,
    /// Of the mean, in posterior sds.
    pub mean: MonteCarlo,
    /// Of the sd, in posterior sds.
    pub sd: MonteCarlo,
}

impl Change {
    /// Whether the distance is [`SENSITIVE`] and more than twice its noise.
    pub fn is_sensitive(&self) -> bool {
        self.distance >= SENSITIVE.max(2.0 * self.noise)
    }

    /// Whether there are too few draws to tell.
    pub fn is_unclear(&self) -> bool {
        !self.is_sensitive() && (self.noise.is_nan() || 2.0 * self.noise > SENSITIVE)
    }
}

/// What the two sensitivities of a quantity say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PriorInfluence {
    /// The prior hardly matters.
    Little,
    /// Prior and data both pull: they may contradict one another.
    Conflict,
    /// The prior decides and the data hardly do.
    Dominant,
    /// The prior matters; what the data do is not known, since none are told apart (`observe`).
    Sensitive,
    /// The draws are too few to tell.
    Unclear,
}

impl Sensitivity {
    /// The diagnosis of the paper: a quantity that is sensitive to the prior and to the data is in conflict, one that is
    /// sensitive to the prior alone is dominated by it. Neither need be a fault of the model. Where no data are told apart, the
    /// second is not known.
    pub fn influence(&self) -> PriorInfluence {
        let Some(prior) = self.prior else { return PriorInfluence::Little };
        match (prior.is_sensitive(), self.data) {
            (false, _) if prior.is_unclear() => PriorInfluence::Unclear,
            (false, _) => PriorInfluence::Little,
            (true, Some(data)) if data.is_unclear() => PriorInfluence::Unclear,
            (true, Some(data)) if data.is_sensitive() => PriorInfluence::Conflict,
            (true, Some(_)) => PriorInfluence::Dominant,
            (true, None) => PriorInfluence::Sensitive,
        }
    }
}

impl Posterior {
    /// How the posterior would move if the prior, or the data, counted more or less: power-scaling sensitivity, without a
    /// second fit.
    ///
    /// With `l` the log density of the scaled priors at a draw, the derivative of `E[h(z)]` in `log2(a)` at `a = 1` is
    /// `ln 2 cov(h, l)` under the posterior. The same with `l` the log likelihood says what the data do. Priors are terms of
    /// `draw` and its kin, data those of `observe`; terms of `add` are neither and are not scaled, nor are Jacobians.
    /// `priors` names the sites whose priors are scaled together. By default they are those outside of rows whose
    /// distributions do not rest on other latents: the levels of a hierarchy are part of the model that its top is a prior
    /// of. `family` is needed where rows have latents of their own. Learnable parameters are held fixed.
    ///
    /// ```
    /// use jensen::posterior::PriorInfluence;
    /// use jensen::prelude::*;
    ///
    /// let y = Column::new([9.1, 10.3, 9.6, 10.8]);
    /// let fitted = jensen::fit(&model(|p| {
    ///     let mu = p.draw("mu", normal(0.0, 1.0)); // nowhere near the data
    ///     p.rows(4, |i| i.observe(y.at(i), normal(mu, 1.0)));
    /// }))?;
    /// let found = fitted.power_scaling(None)?;
    /// assert_eq!(found.quantities[0].influence(), PriorInfluence::Conflict);
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    ///
    /// # Errors
    /// When `target` is another than the one assessed, `priors` names a site without a prior, or nothing can be scaled.
    ///
    /// *Source*: Kallioinen, Paananen, Bürkner and Vehtari (2024), Detecting and diagnosing prior and likelihood sensitivity
    /// with power-scaling. Departures: the derivative of the distance is taken exactly and not by two powers near 1; its
    /// integrals end at the quantiles 1/4000 and 1 - 1/4000 and not at the extreme draws, which move with the number of draws
    /// and their law; what chance adds to its square is taken off.
    pub fn power_scaling(
        &self,
        target: &Target,
        family: Option<&dyn Family>,
        priors: Option<&[&str]>,
    ) -> Result<PowerScaling, FitError> {
        self.check_same(target.layout())?;
        let is_summed = |site: &Site| matches!(site.kind, SiteKind::SummedInteger | SiteKind::SummedRowInteger);
        if target.layout().sites.iter().any(is_summed) {
            return Err(FitError::unsupported(
                "power-scaling",
                "integers are summed out, so that the log joint is no longer a prior and a likelihood that could be scaled apart",
            ));
        }
        let (priors, other_priors) = chosen_priors(target, priors)?;
        let (has_prior, has_data) = (!priors.is_empty(), target.has_data());
        if !has_prior && !has_data {
            return Err(FitError::unsupported(
                "power-scaling",
                "the model has neither a prior (`draw`) nor data (`observe`) that could be scaled: its terms are bare",
            ));
        }
        let (draws, log_weights) = self.finite_draws();
        let prior_target = target.priors_of(&priors);
        let (mut log_prior, mut log_data) = (vec![0.0; draws.len()], vec![0.0; draws.len()]);
        let mut pass = Pass::default();
        let (theta, rows) = (&self.solution().theta, RowSet::all());
        self.each_block(target, family, &draws, |first, z| {
            let here = first..first + z.num_draws;
            prior_target.log_density(theta, z, &rows, &mut pass)?;
            log_prior[here.clone()].copy_from_slice(&pass.log_density);
            target.log_density(theta, z, &rows, &mut pass)?;
            log_data[here].copy_from_slice(&pass.data);
            Ok(())
        })?;
        let weights: Vec<f64> = log_weights.iter().map(|l| l.exp()).collect();
        let lanes = &self.proposal().constrained();
        let quantities = lanes.names.iter().enumerate().filter_map(|(k, name)| {
            let lane: Vec<f64> = draws.iter().map(|&d| lanes.element(k)[d as usize]).collect();
            let sorted = Sorted::new(lane, &weights)?;
            Some(Sensitivity {
                name: name.clone(),
                prior: has_prior.then(|| sorted.change(&log_prior)),
                data: has_data.then(|| sorted.change(&log_data)),
            })
        });
        let quantities = quantities.collect();
        let base = self.base_ratios(&draws);
        Ok(PowerScaling {
            has_bare_terms: target.has_bare_terms(),
            weighted: self.is_weighted(),
            quantities,
            prior: if has_prior { Some(reweighted(&base, &log_prior)?) } else { None },
            data: if has_data { Some(reweighted(&base, &log_data)?) } else { None },
            priors,
            other_priors,
        })
    }

    /// The draws that count, and their log weights with a sum of one: of all, by importance weights, where the fit is trusted,
    /// and q's own elsewhere, those that the model rejects apart.
    fn finite_draws(&self) -> (Vec<u32>, Vec<f64>) {
        let proposal = self.proposal();
        let counts = |d: &usize| match self.is_weighted() {
            true => proposal.log_weights()[*d] > f64::NEG_INFINITY,
            false => proposal.is_of_q(*d) && proposal.log_p()[*d].is_finite(),
        };
        let draws: Vec<u32> = (0..proposal.num_draws()).filter(counts).map(|d| d as u32).collect();
        let log_weights: Vec<f64> = match self.is_weighted() {
            true => draws.iter().map(|&d| proposal.log_weights()[d as usize]).collect(),
            false => vec![0.0; draws.len()],
        };
        let total = log_sum_exp(&log_weights);
        (draws, log_weights.iter().map(|l| l - total).collect())
    }

    /// Log ratios before smoothing of the draws that count; zeros where they are q's own.
    fn base_ratios(&self, draws: &[u32]) -> Vec<f64> {
        if !self.is_weighted() {
            return vec![0.0; draws.len()];
        }
        let (log_p, log_density) = (self.proposal().log_p(), self.proposal().log_density());
        draws.iter().map(|&d| log_p[d as usize] - log_density[d as usize]).collect()
    }
}

/// Sites whose priors are scaled, and those whose are not.
fn chosen_priors(target: &Target, wanted: Option<&[&str]>) -> Result<(Vec<String>, Vec<String>), FitError> {
    let drawn = target.drawn_sites();
    if let Some(unknown) = wanted.unwrap_or_default().iter().find(|name| !drawn.iter().any(|site| site.name == **name))
    {
        let names: Vec<&str> = drawn.iter().map(|site| site.name.as_str()).collect();
        let have = if names.is_empty() { "none".into() } else { names.join(", ") };
        return Err(FitError::setting(
            "priors",
            format!("\"{unknown}\" is no site with a prior by `draw`; those that have one: {have}"),
        ));
    }
    let (chosen, others): (Vec<_>, Vec<_>) = drawn.into_iter().partition(|site| match wanted {
        Some(wanted) => wanted.contains(&site.name.as_str()),
        None => site.prior == PriorOf::Itself,
    });
    let names = |sites: Vec<crate::target::DrawnSite>| sites.into_iter().map(|site| site.name).collect();
    Ok((names(chosen), names(others)))
}

/// Judges the weights `base + (a - 1) l` at both powers.
fn reweighted(base: &[f64], log_part: &[f64]) -> Result<Reweighted, FitError> {
    let n = base.len();
    let mut worst = Reweighted {
        k_hat: f64::NEG_INFINITY,
        threshold: k_hat_threshold(n),
        effective_share: 1.0,
        largest_weight: 1.0,
    };
    for power in POWERS {
        let ratios: Vec<f64> = base.iter().zip(log_part).map(|(b, l)| b + (power - 1.0) * l).collect();
        let smooth = psis(&ratios).map_err(|e| FitError::unsupported("weights", e.to_string()))?;
        worst.k_hat = worst.k_hat.max(smooth.k_hat);
        worst.effective_share = worst.effective_share.min(smooth.effective_size / n as f64);
        let largest = smooth.log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        worst.largest_weight = worst.largest_weight.max(n as f64 * largest.exp());
    }
    Ok(worst)
}

/// Draws of one quantity in ascending order, with their weights.
struct Sorted {
    /// Places of the draws before they were sorted.
    order: Vec<usize>,
    x: Vec<f64>,
    weights: Vec<f64>,
    mean: f64,
    variance: f64,
}

impl Sorted {
    /// Nothing where the quantity does not vary or is not finite somewhere.
    fn new(draws: Vec<f64>, weights: &[f64]) -> Option<Sorted> {
        if draws.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let mean = weighted_mean(&draws, weights);
        let total: f64 = weights.iter().sum();
        let variance = draws.iter().zip(weights).map(|(x, w)| w * (x - mean).powi(2)).sum::<f64>() / total;
        let mut order: Vec<usize> = (0..draws.len()).collect();
        order.sort_by(|&a, &b| draws[a].total_cmp(&draws[b]));
        let x: Vec<f64> = order.iter().map(|&d| draws[d]).collect();
        let varies = x.first() != x.last() && variance > 0.0;
        let weights = order.iter().map(|&d| weights[d] / total).collect();
        varies.then_some(Sorted { order, x, weights, mean, variance })
    }

    /// The derivatives with respect to the power of the part whose log density is `log_part`, in the order of the draws.
    fn change(&self, log_part: &[f64]) -> Change {
        let centre = self.order.iter().zip(&self.weights).map(|(&d, w)| w * log_part[d]).sum::<f64>();
        let part: Vec<f64> = self.order.iter().map(|&d| log_part[d] - centre).collect();
        let (distance, noise) = self.distance(&part);
        let (mean, sd) = self.moments(&part);
        Change { distance, noise, mean, sd }
    }

    /// Of mean and sd, in sds, with the errors of their influence functions.
    fn moments(&self, part: &[f64]) -> (MonteCarlo, MonteCarlo) {
        let (ln_2, v) = (std::f64::consts::LN_2, self.variance);
        let s = v.sqrt();
        let weighted = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            let all = self.x.iter().zip(part).zip(&self.weights);
            all.map(|((x, l), w)| w * f(x - self.mean, *l)).sum()
        };
        let first = weighted(&|x, l| x * l);
        let second = weighted(&|x, l| (x * x - v) * l);
        let error = |influence: &dyn Fn(f64, f64) -> f64| -> f64 {
            let all = self.x.iter().zip(part).zip(&self.weights);
            all.map(|((x, l), w)| (w * influence(x - self.mean, *l)).powi(2)).sum::<f64>().sqrt()
        };
        let of_mean = |x: f64, l: f64| (x * l - first) / s - first * (x * x - v) / (2.0 * s * v);
        let of_sd = |x: f64, l: f64| {
            let own = (x * x - v) * l - second - 2.0 * first * x;
            own / v - second * (x * x - v) / (v * v)
        };
        let mean = MonteCarlo { value: ln_2 * first / s, mcse: ln_2 * error(&of_mean) };
        let sd = MonteCarlo { value: 0.5 * ln_2 * second / v, mcse: 0.5 * ln_2 * error(&of_sd) };
        (mean, sd)
    }

    /// The derivative of the cumulative Jensen-Shannon distance, and what chance alone would make of it.
    ///
    /// Between distribution functions F and F + e G the squared distance is `e^2 int G^2 / F / (8 ln 2 int F)` to second order,
    /// and the larger of this and the same from the other side counts.
    fn distance(&self, part: &[f64]) -> (f64, f64) {
        let ln_2 = std::f64::consts::LN_2;
        let squares: f64 = part.iter().zip(&self.weights).map(|(l, w)| (w * l).powi(2)).sum();
        let (mut below, mut slope, mut square) = (0.0, 0.0, 0.0);
        // Of either side: integrals of G^2 / F, of the variance of G over F, and of F.
        let mut sides = [[0.0; 3]; 2];
        for (i, step) in self.x.windows(2).map(|pair| pair[1] - pair[0]).enumerate() {
            below += self.weights[i];
            slope += self.weights[i] * part[i];
            square += (self.weights[i] * part[i]).powi(2);
            if !(TAIL..=1.0 - TAIL).contains(&below) || step == 0.0 {
                continue;
            }
            let g = (ln_2 * slope).powi(2);
            let chance = ln_2 * ln_2 * ((1.0 - below).powi(2) * square + below.powi(2) * (squares - square).max(0.0));
            for (side, share) in sides.iter_mut().zip([below, 1.0 - below]) {
                side[0] += step * g / share;
                side[1] += step * chance / share;
                side[2] += step * share;
            }
        }
        let of = |[g, chance, share]: [f64; 3]| {
            let scale = 8.0 * ln_2 * share;
            (((g - chance).max(0.0) / scale).sqrt(), (chance / scale).sqrt())
        };
        let [low, high] = sides.map(of);
        if low.0 >= high.0 { low } else { high }
    }
}
