//! A second solution, held against the first.

use super::fresh::{Fresh, places};
use super::sampler::{Sampler, block_of};
use super::{Assessment, Bound};
use crate::algorithm::FitError;

/// Purpose of the streams.
const SECOND: u32 = 0x7365_636f;

/// What a second solution is held against the first by.
pub(super) struct Second {
    /// Where its latents lie.
    pub places: Option<Vec<Vec<f64>>>,
    /// The bounds to compare: those of the restarts, or of the two solutions.
    pub bounds: Vec<(f64, f64)>,
}

/// Draws that tell where a second solution lies.
pub(super) const SECOND_DRAWS: usize = 4000;

impl Second {
    /// Evaluates the density only where the bound of the second solution is not known.
    pub fn of(sampler: &Sampler, settings: &Assessment, bound: &Bound, most: usize) -> Result<Second, FitError> {
        let mut out = Second { places: None, bounds: settings.restarts.to_vec() };
        let Some(solution) = settings.second else { return Ok(out) };
        let num_draws = settings.num_draws.unwrap_or(SECOND_DRAWS.min(most));
        let streams = settings.streams.purpose(SECOND);
        let block = block_of(sampler.target.layout(), num_draws);
        let sampler = Sampler { solution, streams, block, defence: None, ..*sampler };
        if !settings.restarts.is_empty() {
            out.places = Some(places(&sampler, num_draws)?);
            return Ok(out);
        }
        let mut fresh = Fresh::default();
        fresh.grow(&sampler, num_draws)?;
        out.bounds = [bound.elbo, fresh.elbo()].map(|elbo| (elbo.value, elbo.mcse)).to_vec();
        out.places = Some(fresh.lanes().collect());
        Ok(out)
    }
}
