//! Other modes of the posterior, found by runs that ended elsewhere.

use super::{SMALL_SHARE, Trust, Verdict};

/// Part of a variance that may be left out: the standard deviation is then 2.5 % too small, a quarter of what *trust* allows. That
/// argument's, chosen on no cases; tried on two normal modes of known shares (`tests/all/automatic.rs`).
const OF_VARIANCE: f64 = 0.05;

/// Share of the posterior below which nobody asks for the part of a variance: to be 5 % of one such a mode lies 22 standard
/// deviations away, where it is more often a spike or an overflow of a transform than a place that data could mean.
const LEAST_SHARE: f64 = 1e-4;

/// A mode of the posterior other than the one that q covers.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct OtherMode {
    /// Log evidence around it less that around q, in nats.
    pub evidence: f64,
    /// Its part of all the evidence that was found, between 0 and 1.
    pub share: f64,
    /// The part of a quantity's variance that is due to it, between 0 and 1; the largest of those of the named quantities.
    pub of_variance: f64,
    /// The quantities that differ, with their means under q and in the mode, the farthest apart first.
    pub differs: Vec<(String, [f64; 2])>,
    /// What turns the one mode into the other.
    pub symmetry: Symmetry,
}

/// What turns one mode of a posterior into another.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Symmetry {
    /// Nothing that was found.
    #[default]
    None,
    /// Elements of these vectors change places, as labels of components do.
    Exchange(Vec<String>),
    /// All that differs changes its sign.
    Signs,
}

impl OtherMode {
    /// Whether means or standard deviations without it would be wrong.
    ///
    /// A rare mode far away moves no mean, and may still be much of a variance: `share (1 - share) distance^2` of it.
    pub(crate) fn matters(&self) -> bool {
        self.share > SMALL_SHARE || self.widens()
    }

    fn widens(&self) -> bool {
        self.share > LEAST_SHARE && self.of_variance > OF_VARIANCE
    }

    fn words(&self) -> String {
        let shown: Vec<String> = self
            .differs
            .iter()
            .take(3)
            .map(|(name, [q, m])| format!("{name} is {} and not {}", short(*m), short(*q)))
            .collect();
        let more = self.differs.len().saturating_sub(3);
        let others = match more {
            0 => String::new(),
            1 => ", and one other differs".into(),
            n => format!(", and {n} others differ"),
        };
        if shown.is_empty() { String::new() } else { format!(": there {}{others}", shown.join(", ")) }
    }
}

/// About three digits.
fn short(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 {
        return "0".into();
    }
    if (1e-3..1e5).contains(&size) {
        let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
        return format!("{x:.decimals$}");
    }
    format!("{x:.2e}")
}

impl Verdict {
    /// Says how the posterior is shared between the modes that q covers, and how little the others hold.
    pub fn say_modes(&mut self, others: &[OtherMode]) {
        let own = 1.0 - others.iter().map(|mode| mode.share).sum::<f64>();
        let of: Vec<String> = std::iter::once(format!("{:.0} % here", 100.0 * own))
            .chain(others.iter().map(|mode| {
                format!("{:.*} %{}", if mode.share < 0.1 { 2 } else { 0 }, 100.0 * mode.share, mode.words())
            }))
            .collect();
        self.reasons.push(format!(
            "the posterior has {} modes, and q is a mixture of one Gaussian for each that holds more than {:.0} % of it, or {:.0} % \
             of a variance: {}",
            1 + others.len(),
            100.0 * SMALL_SHARE,
            100.0 * OF_VARIANCE,
            of.join("; ")
        ));
    }

    /// Trusts nothing where another mode holds more than 1 % of the posterior, the means only where a smaller one widens a
    /// quantity, and else says how little the others hold.
    ///
    /// No draw of q and no importance weight sees a mode that q does not cover.
    pub fn judge_modes(&mut self, others: &[OtherMode]) {
        for mode in others {
            if mode.share <= SMALL_SHARE {
                if mode.widens() {
                    self.say_widened(mode);
                } else if self.trust == Trust::Trust {
                    let nats = -mode.evidence;
                    self.reasons
                        .push(format!("a run found another mode, with e^-{nats:.0} of the posterior{}", mode.words()));
                }
                continue;
            }
            if self.trust == Trust::Trust {
                self.reasons.clear();
                self.advice.clear();
            }
            let (what, cure) = match &mode.symmetry {
                Symmetry::Exchange(names) => (
                    format!(", the same with elements of {} in another order", names.join(" and ")),
                    format!("the elements are exchangeable: order one of these vectors in the model (`p.ordered(..)` in place of {})", names.join(" or ")),
                ),
                Symmetry::Signs => (
                    ", the same with other signs".into(),
                    "the model does not know signs: give one of the quantities that change theirs a positive support".into(),
                ),
                Symmetry::None => (
                    String::new(),
                    "look at each run (`fitted.tried.runs`): a prior or an order in the model can say which mode is meant; if \
                     both are, neither run alone is the posterior"
                        .into(),
                ),
            };
            let reason = format!(
                "restarts ended in different modes: one that q does not cover holds {:.0} % of the posterior by its \
                 evidence{what}{}",
                (100.0 * mode.share).max(1.0),
                mode.words()
            );
            let place = if self.trust < Trust::DoNotTrust { 0 } else { self.reasons.len() };
            self.trust = Trust::DoNotTrust;
            self.reasons.insert(place, reason);
            if !self.advice.contains(&cure) {
                self.advice.insert(0, cure);
            }
        }
    }
}

impl Verdict {
    fn say_widened(&mut self, mode: &OtherMode) {
        if self.trust == Trust::Trust {
            self.reasons.clear();
            self.advice.clear();
        }
        let reason = format!(
            "a run found another mode, which holds only {:.2} % of the posterior but is so far away that {:.0} % of a variance \
             comes from it{}",
            100.0 * mode.share,
            100.0 * mode.of_variance,
            mode.words()
        );
        let place = if self.trust < Trust::TrustMeansOnly { 0 } else { self.reasons.len() };
        self.trust = self.trust.max(Trust::TrustMeansOnly);
        self.reasons.insert(place, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(trust: Trust, modes: &[OtherMode]) -> Verdict {
        let mut verdict = Verdict { trust, reasons: vec!["so".into()], advice: vec!["then".into()] };
        verdict.judge_modes(modes);
        verdict
    }

    #[test]
    fn a_mode_with_weight_is_named_and_one_without_is_counted_as_nothing() {
        let differs = vec![("m[0]".into(), [-1.3, 2.13]), ("m[1]".into(), [2.13, -1.3])];
        let symmetry = Symmetry::Exchange(vec!["m".into()]);
        let half = OtherMode { evidence: 0.0, share: 0.5, of_variance: 0.5, differs: differs.clone(), symmetry };
        let found = judged(Trust::Trust, &[half]);
        assert_eq!((found.trust, found.reasons.len()), (Trust::DoNotTrust, 1));
        for words in ["holds 50 %", "elements of m in another order", "m[0] is 2.13 and not -1.30", "p.ordered"] {
            assert!(found.to_string().contains(words), "{found}");
        }
        let poor = OtherMode { evidence: -60.2, share: 1e-26, of_variance: 0.9, differs, symmetry: Symmetry::None };
        let found = judged(Trust::Trust, std::slice::from_ref(&poor));
        assert_eq!(found.trust, Trust::Trust);
        assert!(found.reasons[1].contains("e^-60 of the posterior"), "{found}");
        // It neither mends nor spoils what is not trusted for other reasons.
        assert_eq!(judged(Trust::DoNotTrust, &[poor]).reasons, ["so"]);
    }

    #[test]
    fn a_rare_mode_far_away_is_no_matter_for_means_and_one_for_spreads() {
        let rare = OtherMode { evidence: -5.8, share: 0.003, of_variance: 0.24, ..OtherMode::default() };
        assert!(rare.matters());
        let found = judged(Trust::Trust, std::slice::from_ref(&rare));
        assert_eq!((found.trust, found.reasons.len()), (Trust::TrustMeansOnly, 1));
        assert!(
            found.to_string().contains("0.30 % of the posterior but is so far away that 24 % of a variance"),
            "{found}"
        );
        assert_eq!(judged(Trust::DoNotTrust, std::slice::from_ref(&rare)).trust, Trust::DoNotTrust);
        let near = OtherMode { of_variance: 0.04, ..rare.clone() };
        assert!(!near.matters() && judged(Trust::Trust, &[near]).trust == Trust::Trust);
        assert!(!OtherMode { share: 1e-5, ..rare }.matters());
    }

    #[test]
    fn numbers_are_short() {
        let all = [2.13456, -1234.5, 0.0123456, 1.0e-7, 0.0, 99999.4].map(short);
        assert_eq!(all, ["2.13", "-1234", "0.0123", "1.00e-7", "0", "99999"]);
    }
}
