//! What the weights of an assessment say: how even they are, the shape of their tail, and Monte Carlo errors.

use super::{Evidence, Finding, Trust, against};
use crate::diagnose::psis::{MIN_DRAWS, k_hat_threshold};

/// From here on the importance weights have no finite mean.
const INFINITE_MEAN: f64 = 1.0;
/// Up to here more draws raise the threshold far enough; above it they do not.
pub(crate) const LARGEST_THRESHOLD: f64 = 0.7;
/// Above it weights have no finite variance, and q alone is visibly narrower than the posterior.
const INFINITE_VARIANCE: f64 = 0.5;
/// Monte Carlo errors of means, in sd, and of sds, relative, from which two errors are a tenth: what a mean or an sd may be off
/// before an interval shows it.
const SMALL_ERROR: f64 = 0.05;
/// From here on one error is a tenth.
const LARGE_ERROR: f64 = 0.1;
/// Monte Carlo errors that an assessment goes on for: of a mean in sd, by 2,500 even weights, and of an sd, relative.
pub(crate) const MEAN_REACHED: f64 = 0.02;
pub(crate) const SD_REACHED: f64 = 0.03;

/// Effective share from which the shape of the tail is beside the point: where q is nearly the posterior, the tail
/// is a few draws above a flat crowd, and a Pareto fit to both gives shapes of 2 and more for weights that hardly
/// differ.
const EVEN_WEIGHTS: f64 = 0.9;

/// Largest weight, in units of their mean, up to which the shape of the tail is beside the point, too, where the share is fair.
///
/// Draws `n` of which none has a weight above `W` leave out a region of the posterior with weights about `W` and a mass of
/// `3 W / n` or more once in twenty times: 1 % of the posterior for 3,000 draws and `W = 10`. More can only hide where weights
/// jump, as in a mode of its own, and there no shape of a tail tells. Ten is that argument's, chosen on no cases; with it none of
/// 140 fits of 14 reference posteriors, and none of 100 of the kinds of the bench `verdicts`, was trusted falsely.
const LARGEST_WEIGHT: f64 = 10.0;

/// Whether weights are so even that the shape of their tail is beside the point.
pub(crate) fn are_even(effective_share: f64, largest_weight: f64) -> bool {
    effective_share >= EVEN_WEIGHTS || effective_share >= FAIR_SHARE && largest_weight <= LARGEST_WEIGHT
}

/// Effective share below which a small k-hat alone does not tell of a right fit. On 14 posteriors with long runs, and nine
/// hierarchies with quadrature, some three in four of the fits above it were right.
const FAIR_SHARE: f64 = 0.2;

/// Effective share below which at least half of those fits were wrong.
const POOR_SHARE: f64 = 0.1;

/// Effective share below which a k-hat above its limit leaves nothing: of 85 fits with a k-hat from 0.7 to 1, 43 had wrong means,
/// 32 of these with a smaller share, and none of the right ones.
const LEAST_OF_MEANS: f64 = 0.25;

/// What is known no better than this cannot be right to a tenth.
pub(super) fn judge_errors(evidence: &Evidence) -> Finding {
    let Evidence { mean_error, sd_error, num_draws, .. } = *evidence;
    let worst = if mean_error.is_nan() || sd_error.is_nan() { f64::NAN } else { mean_error.max(sd_error) };
    let found = format!("{mean_error:.3} sd for the means and {:.1} % for the sds", 100.0 * sd_error);
    let (limit, words) = match worst {
        w if w <= SMALL_ERROR => (SMALL_ERROR, "at most"),
        w if w <= LARGE_ERROR => (SMALL_ERROR, "more than"),
        _ => (LARGE_ERROR, "more than"),
    };
    let mut reason = format!("the Monte Carlo errors are {found}, {words} {limit:.2} and {:.0} %", 100.0 * limit);
    if let Some(first) = evidence.unknown_sds.first().filter(|_| worst <= SMALL_ERROR) {
        let others = match evidence.unknown_sds.len() - 1 {
            0 => String::new(),
            1 => " and one other".into(),
            n => format!(" and {n} others"),
        };
        reason += &format!(
            ", but for the spread of {first}{others}, which a few large draws decide: only the mean is spoken for"
        );
    }
    // Errors fall with the root of the number of draws, but for weights whose tail no number of them makes up for.
    let needed = num_draws as f64 * (worst / SMALL_ERROR).powi(2);
    let is_hopeless =
        evidence.k_hat > LARGEST_THRESHOLD && !are_even(evidence.effective_share, evidence.largest_weight);
    let advice = if needed < MOST_ADVISED && !is_hopeless {
        format!("take some {} draws for the assessment: the errors will do there", rounded_up(needed))
    } else {
        richer_family(evidence.has_integers).to_owned()
    };
    Finding::by(worst, [SMALL_ERROR, LARGE_ERROR], reason, &advice)
}

/// Draws that are still advised.
const MOST_ADVISED: f64 = 1e6;

/// A number of draws with one digit and zeros, not below `needed`.
fn rounded_up(needed: f64) -> f64 {
    let digit = 10f64.powf(needed.max(1.0).log10().floor());
    (needed / digit).ceil() * digit
}

/// How even the weights are comes first; where they are not nearly so, their tail says whether they can be relied on.
pub(super) fn judge_weights(evidence: &Evidence) -> Finding {
    let Evidence { k_hat, effective_share: share, num_draws, mean_error, sd_error, .. } = *evidence;
    if num_draws < MIN_DRAWS {
        let reason = format!("k-hat cannot be estimated from {num_draws} draws, fewer than {MIN_DRAWS}");
        return Finding::new(Trust::DoNotTrust, reason, "take 4000 draws for the diagnostics");
    }
    let (threshold, size) = (k_hat_threshold(num_draws), share * num_draws as f64);
    let richer = richer_family(evidence.has_integers);
    if k_hat <= threshold {
        let reached = mean_error <= MEAN_REACHED && sd_error <= SD_REACHED;
        if share >= FAIR_SHARE || reached && !share.is_nan() {
            return trusted_k_hat(k_hat, threshold, num_draws);
        }
        let trust = if share >= POOR_SHARE { Trust::TrustMeansOnly } else { Trust::DoNotTrust };
        let limit = if share >= POOR_SHARE { FAIR_SHARE } else { POOR_SHARE };
        let (found, limit) = against(share, limit);
        let reason = format!(
            "the weighted draws are worth {size:.0} of {num_draws}, a share of {found}, below {limit}: q is far from the \
             posterior, and so few do not tell how far"
        );
        return Finding::new(trust, reason, richer);
    }
    if are_even(share, evidence.largest_weight) {
        let largest = match evidence.largest_weight {
            w if w.is_finite() => format!(", the largest {w:.1} times their mean"),
            _ => String::new(),
        };
        let reason = format!(
            "the importance weights are nearly even (effective size {size:.0} of {num_draws} draws{largest}), so their tail \
             (k-hat {k_hat:.2}) carries next to nothing"
        );
        return Finding::new(Trust::Trust, reason, "");
    }
    let (found, limit) = against(k_hat, threshold);
    if k_hat < INFINITE_MEAN && share >= LEAST_OF_MEANS {
        let meaning = if k_hat <= LARGEST_THRESHOLD {
            "too few for weights as uneven as these"
        } else {
            "the importance weights have a mean, but its error cannot be relied on"
        };
        let reason = format!(
            "k-hat is {found}, above {limit}, the limit for {num_draws} draws, but below \
             {INFINITE_MEAN}: {meaning}"
        );
        return Finding::new(Trust::TrustMeansOnly, reason, &heavy_tail_advice(k_hat, evidence.has_integers));
    }
    let reason = if k_hat.is_nan() {
        format!("k-hat is not a number, expected at most {threshold:.2} with {num_draws} draws")
    } else if k_hat < INFINITE_MEAN {
        format!(
            "k-hat is {found}, above {limit}, the limit for {num_draws} draws, and these are worth {size:.0}, less than a \
             quarter: neither means nor spreads can be relied on"
        )
    } else {
        format!(
            "k-hat is {k_hat:.2}, not below {INFINITE_MEAN}: the importance weights have no finite \
             mean, so q misses a part of the posterior that matters"
        )
    };
    Finding::new(Trust::DoNotTrust, reason, richer)
}

fn trusted_k_hat(k_hat: f64, threshold: f64, num_draws: usize) -> Finding {
    if k_hat == f64::NEG_INFINITY {
        let reason = format!(
            "all large importance weights are equal (k-hat is -inf, at most {threshold:.2} with \
             {num_draws} draws): q is the posterior wherever it was drawn"
        );
        return Finding::new(Trust::Trust, reason, "");
    }
    let (found, limit) = against(k_hat, threshold);
    let reason = format!("k-hat is {found}, at most {limit}, the limit for {num_draws} draws");
    let advice = if k_hat > INFINITE_VARIANCE {
        "report the importance-weighted summaries: above a k-hat of 0.5 the sds of q itself may be \
         noticeably off"
    } else {
        ""
    };
    Finding::new(Trust::Trust, reason, advice)
}

/// Where only the number of draws stands in the way, says how many are needed.
fn heavy_tail_advice(k_hat: f64, has_integers: bool) -> String {
    if k_hat <= LARGEST_THRESHOLD {
        // 1 - 1 / log10(S) >= k; at most 2155 for k = 0.7.
        let needed = 10f64.powf(1.0 / (1.0 - k_hat)).ceil();
        return format!("take at least {needed} draws for the diagnostics: this k-hat passes there");
    }
    richer_family(has_integers).to_owned()
}

/// Integers have one family alone, so that only the model can change.
pub(super) fn richer_family(has_integers: bool) -> &'static str {
    if has_integers {
        return "sum the integers out in the model where that can be done (the distribution `mixture`, or a term of \
                your own), so that a richer family than mean-field fits";
    }
    "use a richer family (full rank where the fit was mean-field, or a Student-t base) or reparameterise: \
     a hierarchy in its other form (centred or non-centred), standardised data"
}
