//! The judgement on moved draws.

use super::{Finding, Trust, richer_family};
use crate::posterior::Witness;

/// Draws that grow when they are moved were not of the posterior.
pub(super) fn judge(witness: &Witness, has_integers: bool) -> Finding {
    let Witness { z, limit, latent, growth, .. } = witness;
    if witness.is_alarmed() {
        let reason = format!(
            "draws moved by a kernel that keeps the posterior spread: the sd of {latent} grows {growth:.2} times ({z:.1} standard \
             errors, at most {limit:.1}), so q never visits a part of the posterior"
        );
        return Finding::new(Trust::DoNotTrust, reason, richer_family(has_integers));
    }
    let reason = format!(
        "draws moved by a kernel that keeps the posterior keep their spread (sd of {latent} times {growth:.2}, {z:.1} standard \
         errors, at most {limit:.1})"
    );
    Finding::new(Trust::Trust, reason, "")
}
