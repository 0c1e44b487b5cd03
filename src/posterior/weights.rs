//! Importance weights of draws of q, smoothed where there are enough of them.

use super::MonteCarlo;
use crate::algorithm::FitError;
use crate::diagnose::psis::{MIN_DRAWS, Psis, log_evidence, psis};

/// Log ratios with weight zero for draws that are rejected.
fn log_ratios(log_p: &[f64], log_q: &[f64]) -> Vec<f64> {
    let ratio = |(p, q): (&f64, &f64)| if p.is_finite() { p - q } else { f64::NEG_INFINITY };
    log_p.iter().zip(log_q).map(ratio).collect()
}

/// Smoothed weights where there are enough draws, raw ones otherwise; zeros where no weight is usable.
pub(super) fn weights_of(log_p: &[f64], log_q: &[f64]) -> Vec<f64> {
    let ratios = log_ratios(log_p, log_q);
    match psis(&ratios) {
        Ok(smooth) => smooth.log_weights.iter().map(|l| l.exp()).collect(),
        Err(_) => {
            let max = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            ratios.iter().map(|r| if max.is_finite() { (r - max).exp() } else { 0.0 }).collect()
        }
    }
}

/// Importance weights of all draws.
pub(super) struct Weighted {
    pub k_hat: f64,
    pub log_weights: Vec<f64>,
    pub effective_size: f64,
    pub log_evidence: MonteCarlo,
}

impl Weighted {
    pub fn new(log_p: &[f64], log_q: &[f64]) -> Result<Self, FitError> {
        let ratios = log_ratios(log_p, log_q);
        if log_p.iter().all(|l| !l.is_finite()) {
            return Err(FitError::NotFinite {
                place: "fresh draws of q".into(),
                times: log_p.len(),
                detail: String::new(),
            });
        }
        let unusable =
            |e: &dyn std::fmt::Display| FitError::unsupported("weights", format!("{e} (log q is not finite there)"));
        if ratios.len() < MIN_DRAWS {
            let raw = log_evidence(&ratios).map_err(|e| unusable(&e))?;
            let weights = weights_of(log_p, log_q);
            let total: f64 = weights.iter().sum();
            let squares: f64 = weights.iter().map(|w| (w / total).powi(2)).sum();
            return Ok(Weighted {
                k_hat: f64::NAN,
                log_weights: weights.iter().map(|w| (w / total).ln()).collect(),
                effective_size: 1.0 / squares,
                log_evidence: MonteCarlo { value: raw.estimate, mcse: raw.mcse },
            });
        }
        let Psis { k_hat, log_weights, effective_size, log_evidence, .. } = psis(&ratios).map_err(|e| unusable(&e))?;
        let log_evidence = MonteCarlo { value: log_evidence.estimate, mcse: log_evidence.mcse };
        Ok(Weighted { k_hat, log_weights, effective_size, log_evidence })
    }
}
