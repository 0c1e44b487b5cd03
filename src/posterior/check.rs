//! Checks of a posterior before it is believed: its file may have been edited.

use super::defence::Defence;
use super::{Bound, MonteCarlo, Posterior, Proposal, Summary};
use crate::diagnose::verdict::{Trust, Verdict};
use crate::model::SiteKind;

/// How far the weights of all draws may be from a sum of 1.
const ROUNDING: f64 = 1e-6;

impl Posterior {
    /// Holds lengths against one another, the verdict against its evidence, and numbers against what a verdict allows.
    pub(crate) fn check_saved(&self) -> Result<(), String> {
        self.layout.check()?;
        self.lengths()?;
        let Proposal { log_weights, .. } = &self.proposal;
        let total: f64 = log_weights.iter().map(|l| l.exp()).sum();
        if log_weights.iter().any(|l| l.is_nan()) || (total - 1.0).abs() > ROUNDING {
            return Err("the weights of the draws have no sum of 1".into());
        }
        if ![&self.solution.params, &self.solution.theta].into_iter().flatten().all(|x| x.is_finite()) {
            return Err("the solution is not finite".into());
        }
        if self.verdict.trust < Verdict::from_evidence(&self.evidence).trust {
            return Err("the verdict trusts what its evidence does not".into());
        }
        // What is not trusted need not be finite: the verdict says so, and why.
        if self.verdict.trust == Trust::Trust && !self.is_finite() {
            return Err("the fit is trusted, and some of its numbers are not finite".into());
        }
        Ok(())
    }

    fn lengths(&self) -> Result<(), String> {
        let n = self.proposal.num_draws();
        let is = |found: usize, each: usize| each.checked_mul(n) == Some(found);
        let Proposal { draws, log_p, log_q, log_t, log_weights, defence } = &self.proposal;
        let right = n > 0
            && draws.num_draws == n
            && defence.as_ref().is_none_or(|defence| defence.is_of(&self.layout))
            && self.block > 0
            && self.evidence.num_draws == n
            && draws.num_rows == 1
            && draws.is_consistent()
            && is(self.latents.len(), self.layout.num_latents)
            && is(self.integers.len(), self.layout.num_drawn_integers())
            && [log_p, log_q, log_weights].iter().all(|v| v.len() == n)
            && log_t.len() == if defence.as_ref().is_some_and(Defence::keeps_density) { n } else { 0 }
            && self.trace.as_ref().is_none_or(|trace| trace.is_consistent());
        if right { Ok(()) } else { Err("the numbers of names, draws and densities do not fit together".into()) }
    }

    /// Whether k-hat is not looked at: of so many latents together it says nothing.
    fn has_no_k_hat(&self) -> bool {
        self.k_hat().is_nan() && (self.evidence.residual.is_some() || self.evidence.integrated.is_some())
    }

    /// Whether the bound, and latents and densities of the draws that count, are finite.
    fn is_finite(&self) -> bool {
        let Proposal { draws, log_p, log_q, log_weights, .. } = &self.proposal;
        let n = self.proposal.num_draws();
        let counts = |d: &usize| log_weights[*d] > f64::NEG_INFINITY;
        let right = |lane: &[f64]| (0..n).filter(counts).all(|d| lane[d].is_finite());
        // A derived quantity may be undefined where the model is not.
        let is_derived = |name: &String| {
            let site = self.layout.site(name.split('[').next().unwrap_or(name));
            site.is_none_or(|site| site.kind == SiteKind::Derived)
        };
        let named = (0..draws.names.len()).filter(|&k| !is_derived(&draws.names[k]));
        self.bound.is_finite()
            && self.stop.is_finite()
            && (self.k_hat() < f64::INFINITY || self.has_no_k_hat())
            && self.effective_size.is_finite()
            && self.latents.chunks_exact(n).all(right)
            && named.into_iter().all(|k| right(draws.element(k)))
            && right(log_p)
            && right(log_q)
    }
}

impl Bound {
    /// Whether every number is finite.
    pub(crate) fn is_finite(&self) -> bool {
        let Bound { elbo, log_joint, entropy, data, kl, log_evidence, gap, ln_accepted } = self;
        let all = [elbo, log_joint, entropy, log_evidence, gap];
        all.into_iter().chain(data).chain(kl).chain(ln_accepted).all(MonteCarlo::is_finite)
    }
}

impl MonteCarlo {
    /// Whether estimate and error are finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.mcse.is_finite()
    }
}

impl Summary {
    /// Whether every number is finite.
    pub(crate) fn is_finite(&self) -> bool {
        let Summary { mean, sd, mcse, q5, q50, q95, .. } = self;
        [mean, sd, mcse, q5, q50, q95].into_iter().all(|x| x.is_finite())
    }
}
