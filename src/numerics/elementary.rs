//! Functions of one number and the constants of the normal density.

/// `ln sqrt(2 pi)`
pub const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_7;

/// `ln (2 pi)`
pub const LN_2_PI: f64 = 1.837_877_066_409_345_5;

/// `ln Gamma(a + b) - ln Gamma(a) - b ln a` for `a > 0` and `b >= 0`, where large `a` costs no digits.
///
/// *Source:* the difference of two expansions of `ln Gamma` by Bernoulli polynomials, three terms (Abramowitz and Stegun,
/// 1964, 6.1.40). They are used from `a = 1000 (1 + b)^2` on, where the next one is below 1e-13 and the plain difference
/// has lost as much.
pub fn ln_gamma_rise(a: f64, b: f64) -> f64 {
    if a < 1e3 * (1.0 + b) * (1.0 + b) {
        return libm::lgamma(a + b) - libm::lgamma(a) - b * a.ln();
    }
    let (rise, inverse) = (b * (b - 1.0), a.recip());
    rise * inverse * (0.5 + inverse * ((1.0 - 2.0 * b) / 12.0 + inverse * rise / 12.0))
}

/// `a ln a - a - ln Gamma(a)` for `a > 0`, where large `a` costs no digits.
///
/// *Source:* Stirling's series, two terms (Abramowitz and Stegun, 1964, 6.1.40); the next is below 1e-18 from 1000 on.
pub fn stirling(a: f64) -> f64 {
    if a < 1e3 {
        return a * a.ln() - a - libm::lgamma(a);
    }
    0.5 * a.ln() - LN_SQRT_2_PI - (1.0 - 1.0 / (30.0 * a * a)) / (12.0 * a)
}

/// `1 / (1 + e^-x)`, to the last digits in both tails.
pub fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// `ln (1 + e^x)`, without overflow.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Gamma(a + n) / Gamma(a)` is a product of n factors: no gamma function in the expected value.
    #[test]
    fn rises_are_those_of_products() {
        for a in [0.5, 7.0, 999.0, 8_999.0, 9_001.0, 1e6, 1e12, 1e16, 1e300] {
            for n in 1..=6_u32 {
                let exact: f64 = (0..n).map(|k| (f64::from(k) / a).ln_1p()).sum();
                let found = ln_gamma_rise(a, f64::from(n));
                // Rounding of ln Gamma(a) where the plain difference is taken.
                let rounding = if a < 5e4 { 8.0 * f64::EPSILON * (1.0 + a * a.ln().abs()) } else { 1e-12 * exact };
                assert!((found - exact).abs() <= rounding + 1e-15 * exact, "{a}, {n}: {found}, {exact}");
            }
        }
        assert_eq!([1.0, 1e20].map(|a| ln_gamma_rise(a, 0.0)), [0.0; 2]);
    }

    #[test]
    fn stirling_goes_on_where_the_series_begins() {
        // 999! and 1000! differ by a factor: ln Gamma(1000) = ln Gamma(999) + ln 999.
        let step = stirling(1000.0) - stirling(999.0);
        let exact = 1000.0 * (1000.0f64 / 999.0).ln() - 1.0;
        assert!((step - exact).abs() < 4e-12, "{step}, {exact}"); // an ulp of ln Gamma(999), 5905
        assert!((stirling(1e300) - (0.5 * 1e300f64.ln() - LN_SQRT_2_PI)).abs() < 1e-13);
    }
}
