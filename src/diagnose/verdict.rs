//! The verdict: may the fit be trusted, why, and what to try next.

use serde::{Deserialize, Serialize};
use std::fmt;

mod bent;
mod evidence;
mod integrated;
pub(crate) use integrated::SMALL_SPREAD;
mod means;
mod missed;
mod modes;
mod moved;
mod residual;
mod weights;

pub use evidence::{Evidence, HalfMeans, halves_disagreement, restarts_disagreement};
pub use means::EvenMeans;
pub use missed::Missed;
pub use modes::{OtherMode, Symmetry};
pub(crate) use weights::{LARGEST_THRESHOLD, MEAN_REACHED, SD_REACHED, are_even};
use weights::{judge_errors, judge_weights, richer_family};

/// Shift of a mean, in posterior sd, that costs a central 90 % interval 0.2 points of coverage.
pub(crate) const SMALL_SHIFT: f64 = 0.1;
/// Shift that costs it 1.5 points.
const LARGE_SHIFT: f64 = 0.3;
/// A share r outside the posterior's support makes some probability wrong by at least r.
pub(crate) const SMALL_SHARE: f64 = 0.01;
const LARGE_SHARE: f64 = 0.1;
/// Nats between the two best restarts: the bound falls short of log Z by KL(q || posterior), so
/// this much of it is the optimiser's; by Pinsker's inequality 0.1 nat moves probabilities by up
/// to 0.22.
const SMALL_GAP: f64 = 0.1;
/// One nat is a factor e in the evidence: the two are different solutions.
const LARGE_GAP: f64 = 1.0;

/// How far a fit may be used, from best to worst; the greater of two is the more cautious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Importance-weighted means, sds, quantiles and log evidence may be used.
    Trust,
    /// Means may be used with care; sds, tail quantiles and the evidence may not.
    TrustMeansOnly,
    /// Nothing may be used.
    DoNotTrust,
}

/// What is to be done with a fit, with reasons and the next thing to try.
///
/// It speaks of importance-weighted summaries: `k_hat` says how well the weights repair q.
/// No statistic of the draws of q sees a mode that q misses; only restarts can.
///
/// ```
/// use jensen::prelude::*;
/// use jensen::{FamilyChoice, Fit, Trust};
///
/// let line = model(|p| {
///     let slope = p.draw("slope", normal(0.0, 3.0));
///     p.observe(2.0, normal(slope, 1.0));
/// });
/// // A point has no spread: whatever it is, no interval comes from it.
/// let fitted = Fit::new(&line).family(FamilyChoice::Map).run()?;
/// let verdict = fitted.verdict();
/// assert_ne!(verdict.trust, Trust::Trust);
/// println!("{verdict}"); // the reasons, and what to try
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The worst of all findings.
    pub trust: Trust,
    /// Findings that decided it, worst first; every finding where the fit is trusted.
    pub reasons: Vec<String>,
    /// What to try next, in the order in which to try it.
    pub advice: Vec<String>,
}

impl Verdict {
    /// Judges a fit by the worst of its findings.
    ///
    /// | finding | trust | trust the means only | do not trust |
    /// |---|---|---|---|
    /// | optimisation | converged | | not converged |
    /// | rejected draws | <= 1 % | <= 10 % | more |
    /// | restarts, best two bounds | <= 0.1 nat or not run | <= 1 nat | more |
    /// | means of two halves | <= 0.1 sd | <= 0.3 sd | more |
    /// | Monte Carlo errors, of means in sd and of sds in shares | <= 0.05 | <= 0.1 | more |
    /// | weights, effective share >= 0.9, or >= 0.2 and none above 10 times their mean | any `k_hat` | | S < 25 |
    /// | share >= 0.2, or errors <= 0.02 of means and 0.03 of sds | `k_hat` <= limit | `k_hat` < 1, share >= 0.25 | else |
    /// | share >= 0.1 | | `k_hat` <= limit | else |
    /// | witness, where asked | no alarm | | alarm |
    ///
    /// Of a sparse Gaussian of more than 200 latents the last four are replaced by the [`Residual`](crate::posterior::Residual):
    ///
    /// | finding | trust | trust the means only | do not trust |
    /// |---|---|---|---|
    /// | shift of a mean beyond its error, in sd | <= 0.1 | <= 0.3 | more |
    /// | change of an sd beyond its error, of all sds together | <= 0.1, 0.05 | <= 0.3 | more |
    /// | divergence of all latents, in nats | <= 0.05 | more | |
    /// | and then the bend of a shared latent, in its sd | | <= 0.9 | more |
    ///
    /// Of a conditional Gaussian, by what [`Integrated`](crate::posterior::Integrated) says, beside the Monte Carlo errors:
    ///
    /// | finding | trust | trust the means only | do not trust |
    /// |---|---|---|---|
    /// | shift of a shared mean, in sd, with an error <= 0.1 | <= 0.1 | <= 0.3 | more |
    /// | change of a shared sd, with an error <= 0.1 | <= 0.1 | <= 0.25 | more |
    /// | weights of the shared latents, `k_hat`, and least share of a block | <= 0.7 or nearly even, >= 0.2 | else | |
    /// | shift of another mean beyond its error, in sd | <= 0.1 | <= 0.3 | more |
    /// | change of another sd beyond its error, of all together | <= 0.1, 0.05 | <= 0.25 | more |
    ///
    /// With S draws the limit is min(1 - 1/log10 S, 0.7). NaN is the worst finding. Making one piece of evidence worse never improves the verdict.
    ///
    /// ```
    /// use jensen::diagnose::verdict::{Trust, Verdict};
    /// use jensen::prelude::*;
    ///
    /// let fitted = jensen::fit(&model(|p| {
    ///     p.draw("z", normal(0.0, 1.0));
    /// }))?;
    /// let mut evidence = fitted.evidence().clone();
    /// (evidence.k_hat, evidence.effective_share) = (0.82, 0.4); // as if q had missed the tails
    /// evidence.largest_weight = 40.0;
    /// let verdict = Verdict::from_evidence(&evidence);
    /// assert_eq!(verdict.trust, Trust::TrustMeansOnly);
    /// assert!(verdict.to_string().contains("k-hat is 0.82, above 0.70"));
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    pub fn from_evidence(evidence: &Evidence) -> Self {
        // In the order in which to act: the later findings mean little until the earlier are good.
        let mut findings = vec![judge_convergence(evidence), judge_rejections(evidence.rejected_share)];
        findings.extend(evidence.restarts_disagreement.map(judge_restarts));
        findings.push(judge_halves(evidence.halves_disagreement));
        if let Some(integrated) = &evidence.integrated {
            findings.extend(integrated::judge(integrated));
            findings.push(judge_errors(evidence));
            return Self::from_findings(findings);
        }
        if let Some(residual) = &evidence.residual {
            findings.extend(residual::judge(residual));
            return Self::from_findings(findings);
        }
        findings.push(judge_errors(evidence));
        findings.push(judge_weights(evidence));
        findings.extend(evidence.witness.as_ref().map(|witness| moved::judge(witness, evidence.has_integers)));
        let verdict = Self::from_findings(findings);
        match &evidence.even_means {
            Some(even) => verdict.with_means(even),
            None => verdict,
        }
    }

    /// Judges a q that is a single point, of which draws say nothing: neither `k_hat` nor the halves are looked at.
    ///
    /// It is never trusted: means, sds and the evidence are not to be had from a point.
    pub fn of_a_point(evidence: &Evidence) -> Self {
        let mut findings = vec![
            Finding::new(
                Trust::DoNotTrust,
                "q is a single point, the highest that was found: a point estimate has no spread to be judged, and \
                 no mean, interval or evidence comes from it"
                    .into(),
                "use the point itself where a point is all that is wanted; for means and uncertainties fit the \
                 full-rank family, or mean-field or low-rank where latents are many",
            ),
            judge_convergence(evidence),
        ];
        findings.extend(evidence.restarts_disagreement.map(judge_restarts));
        Self::from_findings(findings)
    }

    /// The worst of the findings; where that is not trust, those that decided it alone, with advice in their order.
    pub(crate) fn from_findings(mut findings: Vec<Finding>) -> Self {
        let trust = findings.iter().map(|f| f.trust).max().unwrap_or(Trust::DoNotTrust);
        if trust > Trust::Trust {
            findings.retain(|f| f.trust > Trust::Trust);
        }
        let mut advice: Vec<String> = Vec::new();
        for next in findings.iter().filter_map(|f| f.advice.as_ref()) {
            if !advice.contains(next) {
                advice.push(next.clone());
            }
        }
        findings.sort_by_key(|f| std::cmp::Reverse(f.trust));
        let reasons = findings.into_iter().map(|f| f.reason).collect();
        Self { trust, reasons, advice }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trust => "trust",
            Self::TrustMeansOnly => "trust the means only",
            Self::DoNotTrust => "do not trust",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "verdict: {}", self.trust)?;
        for reason in &self.reasons {
            write!(f, "\n  because {reason}")?;
        }
        for next in &self.advice {
            write!(f, "\n  next    {next}")?;
        }
        Ok(())
    }
}

/// One rule's judgement.
pub(crate) struct Finding {
    trust: Trust,
    reason: String,
    advice: Option<String>,
}

impl Finding {
    /// A judgement with its reason; no advice where `advice` is empty.
    pub(crate) fn new(trust: Trust, reason: String, advice: &str) -> Self {
        let advice = (!advice.is_empty()).then(|| advice.to_owned());
        Self { trust, reason, advice }
    }

    /// Trusts a `value` up to `small`, the means alone up to `large`, and nothing where it is larger or NaN; the advice
    /// is for the last two.
    pub(crate) fn by(value: f64, [small, large]: [f64; 2], reason: String, advice: &str) -> Self {
        if value <= small {
            return Self::new(Trust::Trust, reason, "");
        }
        Self::new(if value <= large { Trust::TrustMeansOnly } else { Trust::DoNotTrust }, reason, advice)
    }
}

/// Diagnostics of an unfinished optimisation describe a q that nobody asked for.
fn judge_convergence(evidence: &Evidence) -> Finding {
    let stop = &evidence.stop_reason;
    if evidence.converged {
        return Finding::new(Trust::Trust, format!("the optimisation converged ({stop})"), "");
    }
    Finding::new(
        Trust::DoNotTrust,
        format!("the optimisation did not converge ({stop})"),
        "allow more steps and look at the trace of the bound: if it still rises, continue; if it \
         jumps, take a smaller step or more draws a step; if it fell, start elsewhere",
    )
}

/// A rejected draw lies where the posterior has no mass: KL(q || posterior) is infinite, and the
/// share is a lower bound on the total variation distance.
fn judge_rejections(share: f64) -> Finding {
    let percent = |limit: f64| against(100.0 * share, 100.0 * limit);
    let advice = "declare the support of every latent so that no draw can leave it, and guard the \
                  log joint against overflow";
    if share <= SMALL_SHARE {
        let (found, limit) = percent(SMALL_SHARE);
        let reason = format!("{found} % of the draws were rejected by the model, at most {limit} %");
        return Finding::new(Trust::Trust, reason, if share > 0.0 { advice } else { "" });
    }
    let (trust, limit) =
        if share <= LARGE_SHARE { (Trust::TrustMeansOnly, SMALL_SHARE) } else { (Trust::DoNotTrust, LARGE_SHARE) };
    let (found, limit) = percent(limit);
    let reason = format!(
        "{found} % of the draws were rejected by the model, more than {limit} %: at least this \
         much of q lies where the posterior has no mass"
    );
    Finding::new(trust, reason, advice)
}

/// A best solution that was found only once may not be the best.
fn judge_restarts(gap: f64) -> Finding {
    let advice = "run more restarts from wider starts, compare where they end, and if they are \
                  different modes, use a mixture family";
    if gap.is_infinite() {
        return Finding::new(Trust::DoNotTrust, "only one of the restarts has a finite bound".into(), advice);
    }
    if gap.is_nan() {
        let reason = "the two best restarts cannot be compared: a bound has no standard error";
        return Finding::new(Trust::DoNotTrust, reason.into(), advice);
    }
    if gap <= SMALL_GAP {
        let (found, limit) = against(gap, SMALL_GAP);
        let reason = format!("the two best restarts agree to {found} nats in the bound, within {limit}");
        return Finding::new(Trust::Trust, reason, "");
    }
    let (trust, limit, meaning) = if gap <= LARGE_GAP {
        let meaning = "the optimiser did not reach the same bound twice";
        (Trust::TrustMeansOnly, SMALL_GAP, meaning)
    } else {
        let meaning = "they are different solutions, and there may be a better one";
        (Trust::DoNotTrust, LARGE_GAP, meaning)
    };
    let (found, limit) = against(gap, limit);
    let reason = format!("the two best restarts differ by {found} nats in the bound, more than {limit}: {meaning}");
    Finding::new(trust, reason, advice)
}

/// Means that do not repeat cannot be better than their disagreement.
fn judge_halves(shift: f64) -> Finding {
    let advice = "take more draws for the means; if they still differ, the iterates had not \
                  settled: allow more steps, average over more of them or take a smaller step";
    if shift.is_infinite() {
        let reason = "the means of two halves differ in a quantity that has no spread in one of them";
        return Finding::new(Trust::DoNotTrust, reason.into(), advice);
    }
    if shift.is_nan() {
        let reason = "the means of two halves cannot be compared: a mean has no Monte Carlo error, as where one draw carries all the weight";
        return Finding::new(Trust::DoNotTrust, reason.into(), advice);
    }
    if shift <= SMALL_SHIFT {
        let (found, limit) = against(shift, SMALL_SHIFT);
        let reason = format!("the means of two halves agree to {found} sd, within {limit}");
        return Finding::new(Trust::Trust, reason, "");
    }
    let (trust, limit, meaning) = if shift <= LARGE_SHIFT {
        let meaning = "means are known no better than that, intervals worse";
        (Trust::TrustMeansOnly, SMALL_SHIFT, meaning)
    } else {
        let meaning = "a second run would give another answer";
        (Trust::DoNotTrust, LARGE_SHIFT, meaning)
    };
    let (found, limit) = against(shift, limit);
    let reason = format!(
        "the means of two halves differ by {found} sd beyond their Monte Carlo error, more than \
         {limit}: {meaning}"
    );
    Finding::new(trust, reason, advice)
}

/// A value and its limit with as many decimals, at least two, as it takes to tell them apart.
fn against(value: f64, limit: f64) -> (String, String) {
    let at = |d: usize| (format!("{value:.d$}"), format!("{limit:.d$}"));
    (2..12).map(at).find(|(v, l)| v != l || value == limit).unwrap_or_else(|| at(12))
}

#[cfg(test)]
mod tests;
