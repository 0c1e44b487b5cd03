//! Reductions of slices that lose little to rounding and cannot overflow on the way.

/// `ln(sum_i exp(values[i]))`.
///
/// `-inf` for an empty slice or entries of `-inf` only, `+inf` where an entry is, `NaN` where an entry is.
#[must_use]
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let shift = largest(values);
    if !shift.is_finite() {
        return shift;
    }
    shift + sum_of(values, &|x| (x - shift).exp()).ln()
}

/// `ln(mean_i exp(values[i]))`, `NaN` for an empty slice, else as [`log_sum_exp`].
#[must_use]
pub fn log_mean_exp(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let shift = largest(values);
    if !shift.is_finite() {
        return shift;
    }
    // expm1 and ln_1p keep the digits of a mean near 1, that is of values near each other
    shift + (sum_of(values, &|x| (x - shift).exp_m1()) / values.len() as f64).ln_1p()
}

/// `sum_i values[i]`, summed in halves.
///
/// A number passes through at most `log2(n) + 12` additions, in place of the `n` of a running sum, and
/// their order depends on `n` alone.
///
/// ```
/// # use jensen::objective::sum;
/// let error = sum(&vec![0.1; 1_000_000]) - 1e5;
/// assert!(error.abs() < 1e-10); // a running sum is off by 1.3e-6
/// ```
#[must_use]
pub fn sum(values: &[f64]) -> f64 {
    sum_of(values, &|x| x)
}

/// The mean of `values` and its standard error `sqrt(sum_i (values[i] - mean)^2 / (n (n - 1)))`.
///
/// With fewer than two values, or any that is not finite, nothing is known of the error: it is `+inf`.
/// The mean of no values is `NaN`.
#[must_use]
pub fn mean_and_standard_error(values: &[f64]) -> (f64, f64) {
    let num = values.len() as f64;
    let mean = sum(values) / num;
    if values.len() < 2 || !mean.is_finite() {
        return (mean, f64::INFINITY);
    }
    let spread = sum_of(values, &|x| (x - mean) * (x - mean));
    (mean, (spread / (num * (num - 1.0))).sqrt())
}

/// The largest entry, `-inf` for an empty slice, `NaN` where an entry is.
pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(f64::NEG_INFINITY, |most, x| if *x > most || x.is_nan() { *x } else { most })
}

/// Overwrites `logits` with `exp(logits[k]) / sum_l exp(logits[l])`, and returns `ln(sum_l exp(logits[l]))`.
pub fn softmax(logits: &mut [f64]) -> f64 {
    let shift = largest(logits);
    logits.iter_mut().for_each(|l| *l = (*l - shift).exp());
    let total: f64 = logits.iter().sum();
    logits.iter_mut().for_each(|l| *l /= total);
    shift + total.ln()
}

/// Overwrites `out` with the [`softmax`] of `logits`, and returns what it returns; the slices are of one length.
pub fn softmax_into(logits: &[f64], out: &mut [f64]) -> f64 {
    out.copy_from_slice(logits);
    softmax(out)
}

/// `sum_i term(values[i])` by halving down to blocks of 64, each summed in four interleaved parts.
pub fn sum_of(values: &[f64], term: &impl Fn(f64) -> f64) -> f64 {
    if values.len() > 64 {
        let (left, right) = values.split_at(values.len().div_ceil(128) * 64);
        return sum_of(left, term) + sum_of(right, term);
    }
    let mut parts = [0.0; 4];
    let mut blocks = values.chunks_exact(4);
    for block in blocks.by_ref() {
        for (part, x) in parts.iter_mut().zip(block) {
            *part += term(*x);
        }
    }
    for (part, x) in parts.iter_mut().zip(blocks.remainder()) {
        *part += term(*x);
    }
    (parts[0] + parts[2]) + (parts[1] + parts[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within_ulps(found: f64, expected: f64, ulps: f64) {
        let error = (found - expected).abs() / (f64::EPSILON * expected.abs());
        assert!(error <= ulps, "{found} in place of {expected}: {error} ulps");
    }

    #[test]
    fn logarithms_of_sums_match_known_values_at_any_offset() {
        // ln(e + e^2 + e^3) and the same less ln 3, to 20 digits; 2 ulps for exp, ln and the shift each
        within_ulps(log_sum_exp(&[1.0, 2.0, 3.0]), 3.407_605_964_444_38, 6.0);
        within_ulps(log_mean_exp(&[1.0, 2.0, 3.0]), 2.308_993_675_776_270_6, 6.0);
        within_ulps(log_sum_exp(&[1e3 + 1.0, 1e3 + 2.0, 1e3 + 3.0]), 1_003.407_605_964_444_4, 2.0);
        within_ulps(log_mean_exp(&[-9999.0, -9998.0, -9997.0]), -9_997.691_006_324_223, 2.0);
        assert_eq!(log_mean_exp(&[0.3; 5]), 0.3);
    }

    #[test]
    fn odd_entries_have_defined_results() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        assert_eq!(log_sum_exp(&[]), -inf);
        assert!(log_mean_exp(&[]).is_nan());
        for reduce in [log_sum_exp, log_mean_exp] {
            assert_eq!(reduce(&[-inf, -inf]), -inf);
            assert_eq!(reduce(&[-inf, inf]), inf);
            assert!(reduce(&[0.0, nan, inf]).is_nan());
        }
        assert_eq!(log_sum_exp(&[-inf, 2.0]), 2.0);
        within_ulps(log_mean_exp(&[-inf, 2.0]), 2.0 - std::f64::consts::LN_2, 4.0);
    }

    #[test]
    fn the_softmax_of_logits_of_any_size_adds_up_to_one() {
        // 1/6, 2/6, 3/6 from their logarithms, and ln 6
        for offset in [0.0, 700.0, -800.0] {
            let mut p = [1.0, 2.0, 3.0].map(|x: f64| x.ln() + offset);
            let ln_total = softmax(&mut p);
            // rounding of the offset logits is magnified by exp
            let ulps = 4.0 + f64::abs(offset);
            (1..=3).zip(p).for_each(|(k, p)| within_ulps(p, f64::from(k) / 6.0, ulps));
            within_ulps(ln_total, 1.791_759_469_228_055 + offset, 4.0);
        }
    }

    #[test]
    fn sums_visit_every_entry_once() {
        for len in (0..300_u32).chain([1023, 1024, 1025, 5000]) {
            let values: Vec<f64> = (1..=len).map(f64::from).collect();
            assert_eq!(sum(&values), f64::from(len) * f64::from(len + 1) / 2.0, "length {len}");
        }
    }

    #[test]
    fn sums_round_no_more_than_stated() {
        // 0.1 is 5.5e-18 above a tenth; 32 roundings of at most half an ulp of the sum each
        let exact = 1e5 + 5.551_115_123_125_783e-12;
        assert!((sum(&vec![0.1; 1_000_000]) - exact).abs() <= 16.0 * f64::EPSILON * 1e5);
    }

    #[test]
    fn the_standard_error_survives_a_large_mean() {
        let se = 0.645_497_224_367_902_8; // sqrt(5 / 12)
        for offset in [0.0, 1e9] {
            let (mean, found) = mean_and_standard_error(&[1.0, 2.0, 3.0, 4.0].map(|x| x + offset));
            assert_eq!(mean, 2.5 + offset);
            within_ulps(found, se, 2.0);
        }
    }

    #[test]
    fn where_nothing_is_known_of_the_error_it_is_infinite() {
        assert_eq!(mean_and_standard_error(&[3.0]), (3.0, f64::INFINITY));
        let (mean, error) = mean_and_standard_error(&[3.0, f64::NEG_INFINITY]);
        assert_eq!((mean, error), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(mean_and_standard_error(&[]).0.is_nan());
    }
}
