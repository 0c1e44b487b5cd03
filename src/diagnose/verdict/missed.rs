//! A value of an integer that q leaves out.

use super::{LARGE_SHARE, SMALL_SHARE, Trust, Verdict};

/// A value of an integer outside of rows that has a share of the posterior and next to none of q.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Missed {
    /// The integer's name.
    pub integer: String,
    /// The value of the largest share.
    pub value: u32,
    /// Share of all values that q leaves out, the other integers as q has them.
    pub share: f64,
    /// The probability that q gives the value.
    pub by_q: f64,
}

impl Verdict {
    /// Lowers the trust where q leaves out more than 1 % (the means only) or 10 % (nothing) of an integer's values.
    pub fn judge_missed(&mut self, missed: &Missed) {
        let Missed { integer, value, share, by_q } = missed;
        if *share <= SMALL_SHARE {
            return;
        }
        let trust = if *share <= LARGE_SHARE { Trust::TrustMeansOnly } else { Trust::DoNotTrust };
        if self.trust == Trust::Trust {
            self.reasons.clear();
            self.advice.clear();
        }
        let reason = format!(
            "q gives {integer} = {value} a chance of {:.2} %, and with the real latents fitted to it the values that q \
             leaves out have {:.0} %: no draw of q sees them",
            100.0 * by_q,
            100.0 * share
        );
        let worse = trust > self.trust;
        self.trust = self.trust.max(trust);
        self.reasons.insert(if worse { 0 } else { self.reasons.len() }, reason);
        let advice = super::richer_family(true);
        if !self.advice.iter().any(|given| given == advice) {
            self.advice.push(advice.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_is_left_out_lowers_the_trust_and_never_raises_it() {
        let judged = |trust, share| {
            let mut verdict = Verdict { trust, reasons: vec!["so".into()], advice: vec!["then".into()] };
            verdict.judge_missed(&Missed { integer: "in".into(), value: 1, share, by_q: 0.0 });
            verdict
        };
        assert_eq!((judged(Trust::Trust, 0.009).trust, judged(Trust::Trust, 0.009).reasons.len()), (Trust::Trust, 1));
        assert_eq!(judged(Trust::Trust, 0.05).trust, Trust::TrustMeansOnly);
        assert_eq!(judged(Trust::DoNotTrust, 0.05).trust, Trust::DoNotTrust);
        let found = judged(Trust::TrustMeansOnly, 0.37);
        assert_eq!(found.trust, Trust::DoNotTrust);
        assert!(found.reasons[0].contains("in = 1") && found.reasons[0].contains("37 %"), "{found}");
        assert!(found.advice[1].contains("sum the integers out"), "{found}");
    }
}
