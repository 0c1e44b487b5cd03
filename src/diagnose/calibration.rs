//! Calibration by simulation: fit data sets drawn from the model, and see where the truth falls
//! among the draws of each fit.

use std::collections::BTreeMap;
use std::fmt;

/// Fewest ranks: three bins in which ten are expected.
pub const MIN_RANKS: usize = 30;

/// What the ranks of the truth over many simulated data sets say about q.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RankStatistics {
    /// Number of ranks.
    pub num_ranks: usize,
    /// Counts of ranks in bins of (nearly) equal width, low ranks first; their number is odd.
    pub counts: Vec<usize>,
    /// Chi-square p-value of uniform ranks. Exact posteriors are uniform; an approximation need
    /// not be, so a small value alone does not condemn it.
    pub uniformity_p_value: f64,
    /// p-value of ranks symmetric about the middle. A small value means that q is off centre.
    pub symmetry_p_value: f64,
    /// Mean relative rank minus 1/2, between -1/2 and 1/2: positive where q lies below the truth.
    pub shift: f64,
    /// Standard error of `shift`.
    pub shift_mcse: f64,
    /// Mean squared distance of the ranks from the middle over that of uniform ranks: above 1
    /// where q is too narrow, below 1 where it is too wide.
    pub spread: f64,
}

/// Tests the `ranks`, each in `0..=num_draws`, that the true value of one latent takes among
/// `num_draws` draws of q, one rank per simulated data set.
///
/// For each data set draw the latents from the prior, then data given the latents, fit q, draw
/// from it and [`rank`] the truth; repeat independently.
///
/// # Errors
/// Fewer than [`MIN_RANKS`] ranks, fewer than two draws, or a rank above `num_draws`.
///
/// *Source*: Yao, Vehtari, Simpson and Gelman (2018), section 3 (VSBC), for symmetry;
/// Talts et al. (2018) for uniformity. Departure: the Kolmogorov-Smirnov distance between the
/// ranks and their mirror image gets its exact null distribution (Butler, 1969), as the two
/// samples are not independent.
///
/// ```
/// # use jensen::diagnose::calibration::rank_statistics;
/// let ranks: Vec<usize> = (0..300).map(|i| i % 100).collect();
/// let even = rank_statistics(&ranks, 99)?;
/// assert!(even.uniformity_p_value > 0.99 && even.symmetry_p_value > 0.99);
/// # Ok::<(), jensen::diagnose::calibration::CalibrationError>(())
/// ```
pub fn rank_statistics(ranks: &[usize], num_draws: usize) -> Result<RankStatistics, CalibrationError> {
    check(ranks, num_draws)?;
    let num_ranks = ranks.len();
    let num_cells = num_draws.saturating_add(1);
    // Odd, so that the degrees of freedom are even and the chi-square tail is elementary.
    let num_bins = largest_odd(num_cells.min(num_ranks / 10).min(21));
    let mut counts = vec![0; num_bins];
    for &rank in ranks {
        counts[bin(rank, num_cells, num_bins)] += 1;
    }
    let n = num_ranks as f64;
    let centred = |r: usize| (r as f64 + 0.5) / num_cells as f64 - 0.5;
    let shift = ranks.iter().map(|&r| centred(r)).sum::<f64>() / n;
    let around_shift: f64 = ranks.iter().map(|&r| (centred(r) - shift).powi(2)).sum();
    let around_middle: f64 = ranks.iter().map(|&r| centred(r).powi(2)).sum();
    let uniform_variance = (1.0 - (num_cells as f64).powi(-2)) / 12.0;
    Ok(RankStatistics {
        num_ranks,
        uniformity_p_value: uniformity_p_value(&counts, num_cells, num_ranks),
        symmetry_p_value: symmetry_p_value(ranks, num_draws),
        shift,
        shift_mcse: (around_shift / (n * (n - 1.0))).sqrt(),
        spread: around_middle / (n * uniform_variance),
        counts,
    })
}

/// Number of `draws` below `truth`, from 0 to the number of draws; nothing where one is NaN.
pub fn rank(truth: f64, draws: &[f64]) -> Option<usize> {
    if truth.is_nan() || draws.iter().any(|d| d.is_nan()) {
        return None;
    }
    Some(draws.iter().filter(|d| **d < truth).count())
}

/// An error in the ranks, which could not be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CalibrationError {
    /// There are too few simulated data sets.
    TooFewRanks {
        /// Number of ranks given.
        num_ranks: usize,
    },
    /// There are too few draws per data set.
    TooFewDraws {
        /// Number of draws given.
        num_draws: usize,
    },
    /// A rank exceeds the number of draws.
    RankTooLarge {
        /// Index of the first such rank.
        index: usize,
        /// The rank that was given.
        rank: usize,
        /// Number of draws.
        num_draws: usize,
    },
}

impl fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewRanks { num_ranks } => write!(
                f,
                "calibration: {num_ranks} ranks, expected at least {MIN_RANKS}; \
                 try simulating more data sets"
            ),
            Self::TooFewDraws { num_draws } => {
                write!(f, "calibration: {num_draws} draws per data set, expected at least 2; try 99")
            }
            Self::RankTooLarge { index, rank, num_draws } => write!(
                f,
                "calibration: rank {index} is {rank}, expected at most the {num_draws} draws; \
                 try counting the draws below the truth"
            ),
        }
    }
}

impl std::error::Error for CalibrationError {}

fn check(ranks: &[usize], num_draws: usize) -> Result<(), CalibrationError> {
    let num_ranks = ranks.len();
    if num_draws < 2 {
        return Err(CalibrationError::TooFewDraws { num_draws });
    }
    if num_ranks < MIN_RANKS {
        return Err(CalibrationError::TooFewRanks { num_ranks });
    }
    match ranks.iter().enumerate().find(|(_, rank)| **rank > num_draws) {
        Some((index, &rank)) => Err(CalibrationError::RankTooLarge { index, rank, num_draws }),
        None => Ok(()),
    }
}

fn largest_odd(limit: usize) -> usize {
    limit - usize::from(limit.is_multiple_of(2))
}

/// Cells are dealt to bins in order; widths differ by at most one cell.
fn bin(rank: usize, num_cells: usize, num_bins: usize) -> usize {
    // In 128 bits, as the number of draws times the number of bins need not fit.
    (rank as u128 * num_bins as u128 / num_cells as u128) as usize
}

/// Pearson's chi-square against counts in proportion to the width of each bin.
fn uniformity_p_value(counts: &[usize], num_cells: usize, num_ranks: usize) -> f64 {
    let num_bins = counts.len();
    // First cell of bin b: smallest rank with rank * num_bins >= b * num_cells.
    let first = |b: usize| (b as u128 * num_cells as u128).div_ceil(num_bins as u128) as f64;
    let statistic: f64 = counts
        .iter()
        .enumerate()
        .map(|(b, &count)| {
            let width = first(b + 1) - first(b);
            let expected = num_ranks as f64 * width / num_cells as f64;
            (count as f64 - expected).powi(2) / expected
        })
        .sum();
    chi_square_tail(statistic, num_bins - 1)
}

/// P(chi-square > x) for an even number of degrees of freedom, a Poisson sum.
fn chi_square_tail(x: f64, even_freedom: usize) -> f64 {
    let half = 0.5 * x;
    let (mut term, mut sum) = (1.0, 1.0);
    for j in 1..even_freedom / 2 {
        term *= half / j as f64;
        sum += term;
    }
    ((-half).exp() * sum).min(1.0)
}

/// Exact p-value of the largest difference between low and mirrored high ranks.
///
/// Ranks are taken from the extremes inwards. Given how far each lies from the middle, symmetry
/// makes its side a fair coin, so the difference is a random walk seen where the distance changes.
fn symmetry_p_value(ranks: &[usize], num_draws: usize) -> f64 {
    // Distance from the nearer end -> number of ranks there, and low ones less high ones.
    let mut sides: BTreeMap<usize, (usize, i64)> = BTreeMap::new();
    for &rank in ranks {
        let mirrored = num_draws - rank;
        // A rank exactly in the middle is its own mirror image and tosses no coin.
        if rank != mirrored {
            let cell = sides.entry(rank.min(mirrored)).or_default();
            cell.0 += 1;
            cell.1 += if rank < mirrored { 1 } else { -1 };
        }
    }
    let (mut sum, mut distance) = (0i64, 0i64);
    for (_, step) in sides.values() {
        sum += step;
        distance = distance.max(sum.abs());
    }
    let sizes: Vec<usize> = sides.values().map(|(size, _)| *size).collect();
    walk_tail(&sizes, distance.unsigned_abs() as usize)
}

/// P(max |walk| >= distance) of a fair walk that is looked at after each group of steps.
fn walk_tail(sizes: &[usize], distance: usize) -> f64 {
    let num_steps: usize = sizes.iter().sum();
    if distance == 0 {
        return 1.0;
    }
    // Reflection and Hoeffding bound the tail; below 1e-20 the bound will do.
    let bound = 4.0 * (-0.5 * (distance as f64).powi(2) / num_steps as f64).exp();
    if bound < 1e-20 {
        return bound;
    }
    // Within a group of g steps the walk may pass the distance and come back; from ten standard
    // deviations beyond it does so with probability below 1e-21.
    let longest = sizes.iter().copied().max().unwrap_or(0);
    let margin = longest.min((10.0 * (longest as f64).sqrt()).ceil() as usize);
    let reach = distance + margin;
    let mut mass = vec![0.0; 2 * reach + 1];
    let mut next = mass.clone();
    mass[reach] = 1.0;
    let mut tail = 0.0f64;
    for &size in sizes {
        for _ in 0..size {
            tail += 0.5 * (mass[0] + mass[2 * reach]);
            for s in 0..=2 * reach {
                let left = if s > 0 { mass[s - 1] } else { 0.0 };
                let right = if s < 2 * reach { mass[s + 1] } else { 0.0 };
                next[s] = 0.5 * (left + right);
            }
            std::mem::swap(&mut mass, &mut next);
        }
        for s in (0..=reach - distance).chain(reach + distance..=2 * reach) {
            tail += std::mem::take(&mut mass[s]);
        }
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests;
