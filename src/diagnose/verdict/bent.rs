//! A q that bends, whose weights have a heavy tail.

use super::{Trust, Verdict};
use crate::diagnose::psis::k_hat_threshold;

impl Verdict {
    /// Trusts no q that bends, a flow or a Gaussian of many latents given a few, whose weights have a k-hat above its limit,
    /// however even they are.
    ///
    /// Nearly even weights with a heavy tail are those of a Gaussian for a skewed latent, of which nothing is missing. A flow goes
    /// where its draws pulled it: where its arms end short of the posterior's, weights are even and a few are large. Of `x ~ N(0, 1)`,
    /// `y ~ N(x^2, 1/2)` the effective share was 0.91 and k-hat 1.5, and the sd of y was 12 % short. Chosen on this, and checked on
    /// another model over 20 seeds (docs/notebook/verdicts.md, "Flows").
    pub(crate) fn judge_bent(&mut self, k_hat: f64, num_draws: usize) {
        let limit = k_hat_threshold(num_draws);
        if k_hat <= limit || self.trust != Trust::Trust {
            return;
        }
        self.trust = Trust::DoNotTrust;
        self.reasons = vec![format!(
            "the tail of the weights has a k-hat of {k_hat:.2}, above {limit:.2}: the arms of a q that bends may end short of the \
             posterior's, which decides spreads"
        )];
        self.advice = vec![
            "write the model in coordinates that bend less; a flow may also run longer, or with more draws a step"
                .into(),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bent_q_with_a_heavy_tail_is_not_trusted() {
        let of = |trust, k_hat| {
            let mut verdict = Verdict { trust, reasons: vec!["even".into()], advice: Vec::new() };
            verdict.judge_bent(k_hat, 3000);
            verdict
        };
        assert_eq!(of(Trust::Trust, 0.5).trust, Trust::Trust);
        assert_eq!(of(Trust::Trust, f64::NEG_INFINITY).reasons, ["even"]);
        assert!(of(Trust::Trust, 1.55).reasons[0].contains("1.55, above 0.70"));
        assert_eq!(of(Trust::Trust, f64::NAN).trust, Trust::DoNotTrust);
        assert_eq!(of(Trust::TrustMeansOnly, 1.5).reasons, ["even"]);
    }
}
