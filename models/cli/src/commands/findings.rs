//! A verdict from findings of one's own, for fits that no bound and no importance weights judge.

use jensen::diagnose::verdict::{Trust, Verdict};

/// What was found, what it allows, and what to do about it.
pub(super) struct Finding {
    pub trust: Trust,
    pub reason: String,
    pub advice: &'static str,
}

impl Finding {
    /// Trusted up to `small`, means alone up to `large`; a value that is no number is not trusted.
    pub fn by(value: f64, [small, large]: [f64; 2], reason: String, advice: &'static str) -> Finding {
        let trust = match () {
            () if value <= small => Trust::Trust,
            () if value <= large => Trust::TrustMeansOnly,
            () => Trust::DoNotTrust,
        };
        Finding { trust, reason, advice }
    }
}

/// The worst of the findings; where that is not trust, those that decided it alone, with advice.
pub(super) fn verdict(mut findings: Vec<Finding>) -> Verdict {
    let trust = findings.iter().map(|f| f.trust).max().unwrap_or(Trust::DoNotTrust);
    if trust > Trust::Trust {
        findings.retain(|f| f.trust > Trust::Trust);
    } else {
        findings.iter_mut().for_each(|f| f.advice = "");
    }
    let mut advice: Vec<String> = Vec::new();
    for next in findings.iter().map(|f| f.advice).filter(|a| !a.is_empty()) {
        if !advice.iter().any(|a| a == next) {
            advice.push(next.to_string());
        }
    }
    findings.sort_by_key(|f| std::cmp::Reverse(f.trust));
    Verdict { trust, reasons: findings.into_iter().map(|f| f.reason).collect(), advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_nan_is_the_worst() {
        let of = |values: &[f64]| {
            let one = |v: &f64| Finding::by(*v, [0.1, 0.3], format!("{v}"), "try again");
            verdict(values.iter().map(one).collect())
        };
        let good = of(&[0.0, 0.1]);
        assert_eq!((good.trust, good.reasons.len(), good.advice.len()), (Trust::Trust, 2, 0));
        let bad = of(&[0.2, f64::NAN, 0.0]);
        assert_eq!((bad.trust, bad.reasons), (Trust::DoNotTrust, vec!["NaN".to_string(), "0.2".to_string()]));
        assert_eq!(bad.advice, ["try again"]);
        assert_eq!(of(&[]).trust, Trust::DoNotTrust);
    }
}
