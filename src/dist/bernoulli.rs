//! Yes or no, and the number of "no" before the first "yes".

use rand_distr::Distribution as _;

use super::Support;
use super::scalar::scalar_distribution;
use crate::numerics::sigmoid;
use crate::program::Real;

scalar_distribution! {
    /// Bernoulli distribution with a probability of one.
    struct Bernoulli;
    /// `ln p(x) = x ln probability + (1 - x) ln(1 - probability)` for `x` zero or one, with `0 ln 0 = 0`.
    #[doc = example!(
        r#"let chance = p.draw("chance", beta(1.0, 1.0));"#,
        "p.observe(1.0, bernoulli(chance));",
    )]
    fn bernoulli(probability: Support::Unit);
    support = Support::up_to(1);
    log_density(x) = x.equal_to(0.0).select((-probability).ln_1p(), probability.ln());
    sample(rng) = flip(probability, rng);
}

scalar_distribution! {
    /// Bernoulli distribution with the logit of the probability of one.
    struct BernoulliLogit;
    /// `ln p(x) = x logit - softplus(logit)` for `x` zero or one, where `logit = ln(p / (1 - p))`.
    #[doc = example!(
        r#"let a = p.draw("a", normal(0.0, 1.5));"#,
        "p.observe(1.0, bernoulli_logit(a)); // a chance of 1 / (1 + e^-a)",
    )]
    fn bernoulli_logit(logit: Support::Real);
    support = Support::up_to(1);
    log_density(x) = x * logit - logit.softplus();
    sample(rng) = flip(sigmoid(logit), rng);
}

scalar_distribution! {
    /// Geometric distribution: failures before the first success.
    struct Geometric;
    /// `ln p(x) = x ln(1 - probability) + ln probability` for `x = 0, 1, ..`, with `0 ln 0 = 0`; `probability` is
    /// above 0 and at most 1.
    #[doc = example!(
        r#"let chance = p.draw("chance", beta(1.0, 1.0));"#,
        "p.observe(3.0, geometric(chance));",
    )]
    fn geometric(probability: Support::Unit; Support::Positive);
    support = Support::Integers(0, None);
    log_density(x) = times_log(x, (-probability).ln_1p()) + probability.ln();
    sample(rng) = rand_distr::Geometric::new(probability).map_or(f64::NAN, |d| d.sample(rng) as f64);
}

/// `count * log` with `0 * -inf = 0`, in value and gradient.
#[track_caller]
pub(super) fn times_log(count: Real, log: Real) -> Real {
    count.equal_to(0.0).select(0.0, count * log)
}

/// One with probability `p`, else zero; NaN when `p` is not a probability.
pub(super) fn flip(p: f64, rng: &mut dyn rand::Rng) -> f64 {
    rand_distr::Bernoulli::new(p).map_or(f64::NAN, |d| f64::from(u8::from(d.sample(rng))))
}

#[cfg(test)]
mod tests {
    use super::super::Distribution;
    use super::super::testing::check_gradient;
    use super::super::testing_programs::{check_program, execute, record_rows};
    use super::super::testing_samples::{check_counts, check_total, close, draws};
    use super::*;
    use crate::program::IntColumn;

    fn at(d: &impl Distribution<Value = Real>, x: f64) -> f64 {
        d.log_density(Real::from(x)).as_constant().unwrap()
    }

    #[test]
    fn masses_match_closed_forms() {
        close(at(&bernoulli(0.3), 1.0), 0.3_f64.ln(), 2.0);
        close(at(&bernoulli(0.3), 0.0), 0.7_f64.ln(), 2.0);
        // statrs, an independent implementation.
        use statrs::distribution::Discrete;
        let reference = statrs::distribution::Geometric::new(0.3).unwrap();
        for k in 0..30_u32 {
            close(at(&geometric(0.3), f64::from(k)), reference.ln_pmf(u64::from(k) + 1), 8.0);
        }
        // ln(e^l / (1 + e^l)), and its tails: ln p ~ l for l << 0 and -e^-l for l >> 0.
        let l: f64 = 0.4;
        close(at(&bernoulli_logit(l), 1.0), (l.exp() / (1.0 + l.exp())).ln(), 4.0);
        close(at(&bernoulli_logit(-800.0), 1.0), -800.0, 1.0);
        close(at(&bernoulli_logit(800.0), 1.0), 0.0, 1.0);
        close(at(&bernoulli_logit(40.0), 0.0), -40.0, 1.0);
    }

    #[test]
    fn totals_are_one() {
        check_total(1, |k| at(&bernoulli(0.3), k));
        check_total(1, |k| at(&bernoulli_logit(-1.3), k));
        check_total(400, |k| at(&geometric(0.1), k));
    }

    #[test]
    fn certain_outcomes_have_density_one_and_a_finite_gradient() {
        for (x, p, slope) in [(0.0, 0.0, -1.0), (1.0, 1.0, 1.0)] {
            assert_eq!(at(&bernoulli(p), x), 0.0);
            let data = IntColumn::new(vec![x as u32]);
            let program = record_rows(1, 1, |p, i| bernoulli(p[0]).log_density(data.at(i).to_real()));
            assert_eq!(execute(&program, &[p]), (0.0, vec![slope]));
        }
        assert_eq!(at(&bernoulli(0.0), 1.0), f64::NEG_INFINITY);
        assert_eq!(at(&geometric(1.0), 0.0), 0.0);
    }

    #[test]
    fn gradients() {
        for x in [0.0, 1.0] {
            check_gradient(|p| bernoulli(p[0]).log_density(Real::from(x)), &[0.2]);
            check_gradient(|p| bernoulli_logit(p[0]).log_density(Real::from(x)), &[-2.5]);
            check_gradient(|p| geometric(p[0]).log_density(Real::from(3.0 * x)), &[0.2]);
        }
        let data = IntColumn::new(vec![0, 1, 1, 0, 1]);
        check_program(&record_rows(1, 5, |p, i| bernoulli(p[0]).log_density(data.at(i).to_real())), &[0.3]);
    }

    #[test]
    fn samples_follow_the_mass() {
        check_counts(&bernoulli(f64::NAN), &[0.3], |k| [0.7, 0.3].get(k as usize).copied().unwrap_or(0.0));
        check_counts(&bernoulli_logit(0.0), &[f64::ln(0.25)], |k| [0.8, 0.2].get(k as usize).copied().unwrap_or(0.0));
        check_counts(&geometric(0.5), &[0.2], |k| 0.2 * 0.8_f64.powf(k));
        assert!(draws(&bernoulli(0.5), &[1.5], 1, 1)[0][0].is_nan());
        assert!(draws(&geometric(0.5), &[0.0], 1, 1)[0][0].is_nan());
    }
}
