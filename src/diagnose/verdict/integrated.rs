//! What weights of the shared latents say, with many others integrated out.

use super::{Finding, LARGE_SHIFT, SMALL_SHIFT, Trust, against};
use crate::posterior::{Integrated, Largest};

/// Relative changes of standard deviations: of a shared latent, and of the others.
pub(crate) const SMALL_SPREAD: f64 = 0.1;
const LARGE_SPREAD: f64 = 0.25;

/// Relative change of the standard deviations of all others together.
const SMALL_MEAN_SPREAD: f64 = 0.05;

/// Findings of a q of many latents given a few shared ones.
pub(super) fn judge(integrated: &Integrated) -> Vec<Finding> {
    let Integrated { shift, spread, local_shift, local_spread, mean_spread, .. } = integrated;
    let n = integrated.num_latents;
    let mut out = vec![
        of_others(beyond(local_shift, n), [SMALL_SHIFT, LARGE_SHIFT], "move the mean, in sd,", &local_shift.of),
        of_others(
            beyond(local_spread, n),
            [SMALL_SPREAD, LARGE_SPREAD],
            "change the sd, as a share,",
            &local_spread.of,
        ),
        of_others(
            less(mean_spread.size.abs(), 3.0 * mean_spread.error),
            [SMALL_MEAN_SPREAD, LARGE_SPREAD],
            "change the sds, as a share,",
            "all of these, on average,",
        ),
    ];
    if !integrated.is_known() {
        out.push(judge_unknown(integrated));
        return out;
    }
    let again = "run longer, from another start, or with more draws a step; where that changes nothing, the posterior of the \
                 shared latents is no Gaussian: integrate the many latents out in the model, or give the shared ones other \
                 units, as the logarithm of a rate";
    let before = "with the other latents integrated out, weights of shared latents";
    let all = [
        (shift, [SMALL_SHIFT, LARGE_SHIFT], "move the mean, in sd,"),
        (spread, [SMALL_SPREAD, LARGE_SPREAD], "change the sd, as a share,"),
    ];
    out.extend(all.map(|(found, limits, what)| of_shared(found, limits, &format!("{before} {what}"), again)));
    out
}

/// A finding about a shared latent: small as it is, and with an error that leaves nothing larger hidden.
fn of_shared(found: &Largest, [small, large]: [f64; 2], what: &str, advice: &str) -> Finding {
    let worst = found.reach(small);
    let (size, limit) = against(found.size, if worst <= small { small } else { large });
    let words = format!("{what} of {} by {size} (error {:.2}, limit {limit})", found.of, found.error);
    Finding::by(worst, [small, large], words, advice)
}

fn judge_unknown(integrated: &Integrated) -> Finding {
    let Integrated { k_hat, effective_share, least_share, num_draws, .. } = integrated;
    let first = integrated.shared.first().map_or("", String::as_str);
    let words = format!(
        "nothing is known of {first} and other latents that most share: weights of {num_draws} draws of them, the others \
         integrated out, have a k-hat of {k_hat:.2} and an effective share of {effective_share:.2}, and those of the others of \
         {least_share:.2}"
    );
    Finding::new(Trust::TrustMeansOnly, words, "integrate the many latents out in the model where that can be done")
}

/// A finding about the latents that are not shared.
fn of_others(size: f64, limits: [f64; 2], what: &str, of: &str) -> Finding {
    let (found, limit) = against(size, if size <= limits[0] { limits[0] } else { limits[1] });
    let before = "weights of the latents that are not shared, given the others,";
    let words = format!("{before} {what} of {of} by {found} beyond its error (limit {limit})");
    Finding::by(size, limits, words, "run longer, from another start, or with more draws a step")
}

/// What is said of the largest of many beyond the error that each has; and no less than two of these hide anyway.
fn beyond(found: &Largest, count: usize) -> f64 {
    let left = less(found.size, (2.0 * (20.0 * count as f64).ln()).sqrt() * found.error);
    // `f64::max` would turn NaN into the other number.
    if left.is_nan() { left } else { left.max(2.0 * found.error) }
}

/// A size less its error, at least zero; NaN where either is.
fn less(size: f64, error: f64) -> f64 {
    let left = size - error;
    if left.is_nan() { left } else { left.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::verdict::Verdict;

    fn found(size: f64, error: f64) -> Largest {
        Largest { size, error, of: "tau".into() }
    }

    /// A right fit of 300 groups.
    fn right() -> Integrated {
        Integrated {
            shift: found(0.04, 0.02),
            spread: found(0.03, 0.02),
            k_hat: 0.2,
            effective_share: 0.8,
            largest_weight: 2.0,
            least_share: 0.95,
            slip: 1e-6,
            halves: 0.0,
            local_shift: found(0.02, 0.0),
            local_spread: found(0.03, 0.0),
            mean_spread: found(0.01, 0.0),
            log_evidence: -1000.0,
            log_evidence_error: 0.02,
            shared: vec!["alpha".into(), "tau".into()],
            num_latents: 302,
            num_draws: 64,
            evaluations: 1600,
        }
    }

    fn trust_after(change: impl FnOnce(&mut Integrated)) -> Trust {
        let mut integrated = right();
        change(&mut integrated);
        Verdict::from_findings(judge(&integrated)).trust
    }

    #[test]
    fn each_finding_has_its_limits() {
        use Trust::{DoNotTrust, Trust as Yes, TrustMeansOnly as Means};
        assert_eq!(trust_after(|_| ()), Yes);
        for (size, trust) in [(0.1, Yes), (0.2, Means), (0.3, Means), (0.31, DoNotTrust), (f64::NAN, DoNotTrust)] {
            assert_eq!(trust_after(|i| i.shift = found(size, 0.0)), trust, "shift {size}");
            assert_eq!(trust_after(|i| i.local_shift = found(size, 0.0)), trust, "local shift {size}");
        }
        for (size, trust) in [(0.1, Yes), (0.2, Means), (0.25, Means), (0.26, DoNotTrust), (f64::NAN, DoNotTrust)] {
            assert_eq!(trust_after(|i| i.spread = found(size, 0.0)), trust, "spread {size}");
            assert_eq!(trust_after(|i| i.local_spread = found(size, 0.0)), trust, "local spread {size}");
        }
        for (size, trust) in [(0.05, Yes), (-0.05, Yes), (0.06, Means), (-0.06, Means), (0.26, DoNotTrust)] {
            assert_eq!(trust_after(|i| i.mean_spread = found(size, 0.0)), trust, "mean spread {size}");
        }
        // Where the weights say nothing, the others' means alone are left, whatever the shared ones look like.
        let changes: [fn(&mut Integrated); 4] =
            [|i| i.k_hat = 0.8, |i| i.least_share = 0.1, |i| i.slip = 0.2, |i| i.slip = f64::NAN];
        for change in changes {
            let unknown = |i: &mut Integrated| {
                i.largest_weight = 12.0;
                change(i);
            };
            assert_eq!(trust_after(unknown), Means);
        }
        // An error that is no number is no excuse.
        assert!(
            trust_after(|i| i.shift.error = f64::NAN) > Yes && trust_after(|i| i.local_spread.error = f64::NAN) > Yes
        );
    }
}
