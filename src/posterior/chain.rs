//! Diagnostics of a series of iterates: has it settled, and how many independent values is it
//! worth?
//!
//! A NaN or an infinity anywhere, or fewer than four iterates in a chain, gives NaN.

use super::statistics::{mean, sd};

/// Potential scale reduction of `chains`, each split into its first and second half; near 1 when
/// all halves look alike, above 1.01 to 1.1 when the chain still moves or the chains disagree.
///
/// `sqrt((n - 1) / n + var(half means) / mean(half variances))` with halves of length `n`; the
/// middle iterate of an odd chain is left out, and chains of different lengths give NaN.
/// Iterates that do not move at all give 1, halves frozen at different values `+inf`.
///
/// *Source*: Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), section 2. Departure:
/// iterates are not rank-normalised, since averages of iterates are what is used.
pub fn split_rhat(chains: &[&[f64]]) -> f64 {
    let Some(halves) = split(chains) else {
        return f64::NAN;
    };
    let spread = Spread::of(&halves);
    if spread.within == 0.0 {
        return if spread.between == 0.0 { 1.0 } else { f64::INFINITY };
    }
    let n = halves[0].len() as f64;
    ((n - 1.0) / n + spread.between / spread.within).sqrt()
}

/// Number of independent values that estimate the mean as well as `chains` do together.
///
/// Autocorrelations are pooled over split halves, summed in pairs until a pair is negative, and
/// made monotone; the result is at most `n log10(n)` for `n` iterates in all, which antithetic
/// chains reach. Iterates that do not move at all count in full.
///
/// *Source*: Vehtari et al. (2021), section 3, with Geyer's (1992) initial monotone sequence.
/// Lags are computed until the sequence ends: the cost is chain length times correlation time.
pub fn effective_size(chains: &[&[f64]]) -> f64 {
    let Some(halves) = split(chains) else {
        return f64::NAN;
    };
    let total = (halves.len() * halves[0].len()) as f64;
    let n = halves[0].len() as f64;
    let spread = Spread::of(&halves);
    let variance = spread.within * (n - 1.0) / n + spread.between;
    if variance == 0.0 {
        return total;
    }
    let correlation = |lag: usize| 1.0 - (spread.within - mean_autocovariance(&halves, lag)) / variance;
    let mut pair_below = 1.0 + correlation(1);
    let mut time = -1.0;
    let mut lag = 0;
    loop {
        let even = if lag == 0 { 1.0 } else { correlation(lag) };
        let pair = even + correlation(lag + 1);
        if pair <= 0.0 || lag + 4 >= halves[0].len() {
            // The first pair left out still lends its positive half, as in the source.
            time += even.max(0.0);
            break;
        }
        pair_below = pair.min(pair_below);
        time += 2.0 * pair_below;
        lag += 2;
    }
    total / time.max(1.0 / total.log10())
}

/// Variance of the half means, and mean of the half variances.
struct Spread {
    between: f64,
    within: f64,
}

impl Spread {
    fn of(halves: &[&[f64]]) -> Self {
        let constant = |values: &[f64]| values.iter().all(|v| *v == values[0]);
        // A frozen half has variance exactly 0, whatever rounding does to its mean.
        let square = |values: &[f64]| {
            if constant(values) { 0.0 } else { sd(values).powi(2) }
        };
        let means: Vec<f64> = halves.iter().map(|h| if constant(h) { h[0] } else { mean(h) }).collect();
        let within: Vec<f64> = halves.iter().map(|h| square(h)).collect();
        Self { between: square(&means), within: mean(&within) }
    }
}

/// First and second halves of chains of one length, or nothing where they are unusable.
fn split<'a>(chains: &[&'a [f64]]) -> Option<Vec<&'a [f64]>> {
    let num_iterates = chains.first()?.len();
    let usable = |c: &&[f64]| c.len() == num_iterates && c.iter().all(|v| v.is_finite());
    if num_iterates < 4 || !chains.iter().all(usable) {
        return None;
    }
    let half = num_iterates / 2;
    Some(chains.iter().flat_map(|c| [&c[..half], &c[num_iterates - half..]]).collect())
}

/// Autocovariance at `lag` with divisor `n`, averaged over the halves.
fn mean_autocovariance(halves: &[&[f64]], lag: usize) -> f64 {
    let sum: f64 = halves
        .iter()
        .map(|half| {
            let centre = mean(half);
            let products = half.iter().zip(&half[lag..]);
            products.map(|(a, b)| (a - centre) * (b - centre)).sum::<f64>() / half.len() as f64
        })
        .sum();
    sum / halves.len() as f64
}

#[cfg(test)]
mod tests {
    //! Reference values are those of ArviZ 0.23.4 (`rhat` split, `ess` mean).

    use super::*;

    /// `v[t] = phi v[t-1] + u[t]` with noise from a 31-bit congruential generator.
    fn autoregression(num_iterates: usize, phi: f64, seed: u64) -> Vec<f64> {
        let (mut state, mut value) = (seed, 0.0);
        (0..num_iterates)
            .map(|_| {
                state = (1103515245 * state + 12345) % (1 << 31);
                value = phi * value + state as f64 / f64::from(1u32 << 31) - 0.5;
                value
            })
            .collect()
    }

    #[track_caller]
    fn check(chains: &[&[f64]], rhat: f64, size: f64) {
        // Sums of at most 1000 terms: 1000 ulp and a condition number near 10.
        assert!((split_rhat(chains) / rhat - 1.0).abs() < 1e-11, "{}", split_rhat(chains));
        let found = effective_size(chains);
        assert!((found / size - 1.0).abs() < 1e-11, "{found} {size}");
    }

    #[test]
    fn single_chains_agree_with_arviz() {
        let chain = autoregression(1000, 0.9, 12345);
        check(&[&chain], 1.0028406333495097, 81.00734513965993);
        let chain = autoregression(1000, 0.9, 1);
        check(&[&chain], 1.1316085974863823, 9.107813668129632);
        let chain = autoregression(500, 0.0, 2);
        check(&[&chain], 0.998770917417448, 476.31542292014234);
        let chain = autoregression(400, -0.6, 3);
        check(&[&chain], 0.9976918926603314, 1040.823996531185);
        let chain = autoregression(1001, 0.5, 5);
        check(&[&chain], 1.013995859727245, 324.6259473412955);
    }

    #[test]
    fn pairs_of_chains_agree_with_arviz() {
        let (a, b) = (autoregression(300, 0.5, 7), autoregression(300, 0.5, 8));
        check(&[&a, &b], 1.0065510029414235, 195.788860646543);
        let apart: Vec<f64> = b.iter().map(|v| v + 0.5).collect();
        check(&[&a, &apart], 1.3158333651709873, 5.379064382634857);
    }

    #[test]
    fn a_trend_is_seen() {
        let trend: Vec<f64> = (0..200).map(f64::from).collect();
        assert!(split_rhat(&[&trend]) > 1.5);
        assert!(effective_size(&[&trend]) < 10.0);
    }

    #[test]
    fn frozen_iterates() {
        let frozen = [0.1; 10];
        assert_eq!(split_rhat(&[&frozen]), 1.0);
        assert_eq!(effective_size(&[&frozen]), 10.0);
        let step = [0.1, 0.1, 0.1, 0.3, 0.3, 0.3];
        assert_eq!(split_rhat(&[&step]), f64::INFINITY);
    }

    #[test]
    fn unusable_chains_are_nan() {
        assert!(split_rhat(&[]).is_nan());
        assert!(split_rhat(&[&[1.0, 2.0, 3.0]]).is_nan());
        assert!(split_rhat(&[&[1.0, f64::NAN, 3.0, 4.0]]).is_nan());
        assert!(effective_size(&[&[1.0, 2.0, 3.0, 4.0], &[1.0; 5]]).is_nan());
    }
}
