//! Summaries of draws held in slices: moments, quantiles and their Monte Carlo errors, plain and
//! importance-weighted.
//!
//! Draws are independent. *Not a number*: a NaN among the draws makes every result NaN, because a
//! summary that silently leaves draws out describes something else. Too few draws, lengths that
//! differ, and weights that are negative, not finite or all zero give NaN as well; [`summarise`]
//! says which. Weights need not sum to 1, and a draw of weight zero takes no part.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One line of a posterior table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// Name of the quantity.
    pub name: String,
    /// The mean.
    #[serde(with = "crate::number")]
    pub mean: f64,
    /// The standard deviation.
    #[serde(with = "crate::number")]
    pub sd: f64,
    /// Monte Carlo standard error of the mean.
    #[serde(with = "crate::number")]
    pub mcse: f64,
    /// 5 % quantile.
    #[serde(with = "crate::number")]
    pub q5: f64,
    /// The median.
    #[serde(with = "crate::number")]
    pub q50: f64,
    /// 95 % quantile.
    #[serde(with = "crate::number")]
    pub q95: f64,
    /// How much of this line the verdict of the fit speaks for.
    #[serde(default)]
    pub covered: Covered,
}

/// How much of a line of a table the verdict of its fit speaks for, the least last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covered {
    /// All of it.
    #[default]
    All,
    /// The mean alone.
    Mean,
    /// Nothing.
    Nothing,
}

impl Covered {
    /// A mark behind a name, in a table whose best lines are covered as `best` says.
    pub fn mark(self, best: Covered) -> &'static str {
        match self {
            same if same == best => "",
            Covered::All => "",
            Covered::Mean => " (mean only)",
            Covered::Nothing => " (not covered)",
        }
    }
}

/// Summarises independent `draws` of a quantity, importance-weighted where `weights` are given.
///
/// A NaN among the draws gives a summary of NaN; it is not an error, so that one undefined
/// quantity does not hide the others.
///
/// # Errors
/// No draws, as many weights as draws not given, or weights that are no weights.
///
/// ```
/// # use jensen::posterior::statistics::summarise;
/// let table = summarise("mu", &[1.0, 2.0, 3.0, 4.0, 5.0], None)?;
/// assert_eq!((table.mean, table.q50), (3.0, 3.0));
/// # Ok::<(), jensen::posterior::statistics::SummaryError>(())
/// ```
pub fn summarise(name: &str, draws: &[f64], weights: Option<&[f64]>) -> Result<Summary, SummaryError> {
    if draws.is_empty() {
        return Err(SummaryError::Empty { name: name.into() });
    }
    const PROBS: [f64; 3] = [0.05, 0.5, 0.95];
    let (mean, sd, mcse, [q5, q50, q95]) = match weights {
        None => (mean(draws), sd(draws), mcse_mean(draws), quantiles(draws, PROBS)),
        Some(weights) => {
            check_weights(name, draws.len(), weights)?;
            (
                weighted_mean(draws, weights),
                weighted_sd(draws, weights),
                weighted_mcse_mean(draws, weights),
                weighted_quantiles(draws, weights, PROBS),
            )
        }
    };
    let name = name.to_owned();
    Ok(Summary { name, mean, sd, mcse, q5, q50, q95, covered: Covered::All })
}

/// Arithmetic mean, corrected by the mean of the residuals in a second pass.
pub fn mean(draws: &[f64]) -> f64 {
    let n = draws.len() as f64;
    let rough = draws.iter().sum::<f64>() / n;
    if !rough.is_finite() {
        return rough;
    }
    rough + draws.iter().map(|x| x - rough).sum::<f64>() / n
}

/// Standard deviation with divisor `n - 1`; NaN below two draws.
pub fn sd(draws: &[f64]) -> f64 {
    let n = draws.len() as f64;
    (central_moment(draws, mean(draws), 2) * n / (n - 1.0)).sqrt()
}

/// Quantile at `p` in [0, 1] by linear interpolation between order statistics (type 7 of Hyndman
/// and Fan, 1996): position `1 + (n - 1) p`.
pub fn quantile(draws: &[f64], p: f64) -> f64 {
    quantiles(draws, [p])[0]
}

/// Several [`quantile`]s from one sort.
pub fn quantiles<const N: usize>(draws: &[f64], probs: [f64; N]) -> [f64; N] {
    if draws.is_empty() || draws.iter().any(|x| x.is_nan()) {
        return [f64::NAN; N];
    }
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    probs.map(|p| {
        if !(0.0..=1.0).contains(&p) {
            return f64::NAN;
        }
        let position = last as f64 * p;
        let below = position as usize;
        let above = (below + 1).min(last);
        interpolate(sorted[below], sorted[above], position - below as f64)
    })
}

/// Monte Carlo standard error of the mean of independent draws, `sd / sqrt(n)`.
pub fn mcse_mean(draws: &[f64]) -> f64 {
    sd(draws) / (draws.len() as f64).sqrt()
}

/// Monte Carlo standard error of the standard deviation of independent draws,
/// `sqrt((m4 - m2^2) / n) / (2 sd)` with central moments `m2` and `m4`; 0 for equal draws.
///
/// Delta method, valid for any distribution with a fourth moment; `sd / sqrt(2 n)` for a normal.
pub fn mcse_sd(draws: &[f64]) -> f64 {
    let centre = mean(draws);
    let (m2, m4) = (central_moment(draws, centre, 2), central_moment(draws, centre, 4));
    if m2 == 0.0 {
        return if draws.len() < 2 { f64::NAN } else { 0.0 };
    }
    ((m4 - m2 * m2).max(0.0) / draws.len() as f64).sqrt() / (2.0 * sd(draws))
}

/// Pearson correlation, between -1 and 1; NaN where one of the two is constant.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    (ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0)
}

/// Self-normalised mean `sum(weights * draws) / sum(weights)`.
pub fn weighted_mean(draws: &[f64], weights: &[f64]) -> f64 {
    let Some(pairs) = weighted_draws(draws, weights) else {
        return f64::NAN;
    };
    mean_of_pairs(&pairs)
}

/// Weighted standard deviation `sqrt(sum(w (x - mean)^2) / (1 - sum(w^2)))` with normalised
/// weights `w`: equal weights give [`sd`], a single draw of positive weight gives NaN.
pub fn weighted_sd(draws: &[f64], weights: &[f64]) -> f64 {
    let Some(pairs) = weighted_draws(draws, weights) else {
        return f64::NAN;
    };
    let mean = mean_of_pairs(&pairs);
    let spread: f64 = pairs.iter().map(|(x, w)| w * (x - mean).powi(2)).sum();
    (spread / freedom(&pairs)).sqrt()
}

/// Monte Carlo standard error of [`weighted_mean`], weights being functions of the draws:
/// `sqrt(sum(w^2 (x - mean)^2) / (1 - sum(w^2)))` with normalised weights `w`.
///
/// *Source*: delta method for self-normalised importance sampling (Owen, Monte Carlo theory,
/// methods and examples, chapter 9); the divisor makes equal weights give [`mcse_mean`].
pub fn weighted_mcse_mean(draws: &[f64], weights: &[f64]) -> f64 {
    let Some(pairs) = weighted_draws(draws, weights) else {
        return f64::NAN;
    };
    let mean = mean_of_pairs(&pairs);
    let spread: f64 = pairs.iter().map(|(x, w)| (w * (x - mean)).powi(2)).sum();
    (spread / freedom(&pairs)).sqrt()
}

/// Weighted quantile at `p`; equal weights give [`quantile`].
///
/// Order statistic `i` sits at the midpoint of its share of the total weight, and positions are
/// stretched so that the smallest and largest draws of positive weight lie at 0 and 1.
pub fn weighted_quantile(draws: &[f64], weights: &[f64], p: f64) -> f64 {
    weighted_quantiles(draws, weights, [p])[0]
}

/// Several [`weighted_quantile`]s from one sort.
pub fn weighted_quantiles<const N: usize>(draws: &[f64], weights: &[f64], probs: [f64; N]) -> [f64; N] {
    let Some(mut pairs) = weighted_draws(draws, weights) else {
        return [f64::NAN; N];
    };
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    // positions[i]: weight between the midpoint of the first draw and the midpoint of draw i.
    let mut positions = Vec::with_capacity(pairs.len());
    let mut position = 0.0;
    for (i, pair) in pairs.iter().enumerate() {
        if i > 0 {
            position += 0.5 * (pairs[i - 1].1 + pair.1);
        }
        positions.push(position);
    }
    probs.map(|p| {
        if !(0.0..=1.0).contains(&p) {
            return f64::NAN;
        }
        let wanted = p * position;
        let above = positions.partition_point(|q| *q <= wanted).min(pairs.len() - 1);
        let below = above.saturating_sub(1);
        let gap = positions[above] - positions[below];
        let share = if gap > 0.0 { (wanted - positions[below]) / gap } else { 0.0 };
        interpolate(pairs[below].0, pairs[above].0, share)
    })
}

/// Why a quantity could not be summarised.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SummaryError {
    /// There are no draws.
    Empty {
        /// Name of the quantity.
        name: String,
    },
    /// The number of weights is not the number of draws.
    Lengths {
        /// Name of the quantity.
        name: String,
        /// Number of draws.
        num_draws: usize,
        /// Number of weights.
        num_weights: usize,
    },
    /// A weight is negative or not finite.
    Weight {
        /// Name of the quantity.
        name: String,
        /// Index of the first such draw.
        index: usize,
        /// The log weight that was found.
        value: f64,
    },
    /// Every weight is zero.
    AllZero {
        /// Name of the quantity.
        name: String,
    },
}

impl fmt::Display for SummaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { name } => {
                write!(f, "summary of '{name}': no draws, expected at least one; try drawing first")
            }
            Self::Lengths { name, num_draws, num_weights } => write!(
                f,
                "summary of '{name}': {num_weights} weights for {num_draws} draws, expected one \
                 each; try the weights of the same draws"
            ),
            Self::Weight { name, index, value } => write!(
                f,
                "summary of '{name}': weight of draw {index} is {value}, expected a finite number \
                 of at least 0; try exponentiating log weights after subtracting their maximum"
            ),
            Self::AllZero { name } => write!(
                f,
                "summary of '{name}': every weight is 0, expected a positive one; \
                 try exponentiating log weights after subtracting their maximum"
            ),
        }
    }
}

impl std::error::Error for SummaryError {}

/// Names what is wrong with the weights of `num_draws` draws, if anything.
fn check_weights(name: &str, num_draws: usize, weights: &[f64]) -> Result<(), SummaryError> {
    let name = name.to_owned();
    if weights.len() != num_draws {
        let num_weights = weights.len();
        return Err(SummaryError::Lengths { name, num_draws, num_weights });
    }
    for (index, &value) in weights.iter().enumerate() {
        if !(value.is_finite() && value >= 0.0) {
            return Err(SummaryError::Weight { name, index, value });
        }
    }
    if weights.iter().all(|w| *w == 0.0) {
        return Err(SummaryError::AllZero { name });
    }
    Ok(())
}

/// Draws of positive weight with weights that sum to 1, or nothing where these are undefined.
fn weighted_draws(draws: &[f64], weights: &[f64]) -> Option<Vec<(f64, f64)>> {
    check_weights("", draws.len(), weights).ok()?;
    if draws.iter().any(|x| x.is_nan()) {
        return None;
    }
    // Dividing by the largest first keeps the sum of huge weights finite.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let total: f64 = weights.iter().map(|w| w / largest).sum();
    let pairs = draws.iter().zip(weights);
    Some(pairs.map(|(x, w)| (*x, w / largest / total)).filter(|(_, w)| *w > 0.0).collect())
}

/// Two-pass mean of draws with normalised weights.
fn mean_of_pairs(pairs: &[(f64, f64)]) -> f64 {
    let rough: f64 = pairs.iter().map(|(x, w)| w * x).sum();
    if !rough.is_finite() {
        return rough;
    }
    rough + pairs.iter().map(|(x, w)| w * (x - rough)).sum::<f64>()
}

/// `1 - sum(w^2)`, as `sum(w (1 - w))` so that it is exactly 0 for a single draw.
fn freedom(pairs: &[(f64, f64)]) -> f64 {
    pairs.iter().map(|(_, w)| w * (1.0 - w)).sum()
}

fn central_moment(draws: &[f64], centre: f64, power: i32) -> f64 {
    draws.iter().map(|x| (x - centre).powi(power)).sum::<f64>() / draws.len() as f64
}

/// `low + share * (high - low)`, which stays `low` where both are the same infinity.
fn interpolate(low: f64, high: f64, share: f64) -> f64 {
    if share == 0.0 || low == high { low } else { low + share * (high - low) }
}

#[cfg(test)]
mod tests;
