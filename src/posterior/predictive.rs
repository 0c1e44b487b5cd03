//! New data as the fitted model would give them.

use std::borrow::Cow;

use super::Posterior;
use crate::algorithm::FitError;
use crate::family::Family;
use crate::target::{LogDensity, Replicated, Target};

/// The streams' purpose.
const PREDICTIVE: u32 = 0x7072_6564;

impl Posterior {
    /// New data of every `observe` at the first `num_draws` of [`Posterior::draws`]: `y_rep`, beside the data observed.
    ///
    /// `target` may hold other rows than the posterior's, for the same latents; not where rows have latents of their own.
    /// `family` is needed where rows have latents of their own, whose draws are made again. Integers of rows that are summed
    /// out are drawn given the data with a family, and from their prior, as is right for other rows, without.
    ///
    /// # Errors
    /// When the model observes nothing, has other latents than the one assessed, or integers of rows without a prior that can
    /// be drawn from and no family is given.
    pub fn predictive(
        &self,
        target: &Target,
        family: Option<&dyn Family>,
        num_draws: usize,
    ) -> Result<Vec<Replicated>, FitError> {
        self.check_latents(target.layout())?;
        let chosen = self.first_chosen(num_draws);
        let (num_draws, streams) = (chosen.len(), self.streams.purpose(PREDICTIVE));
        let mut all: Vec<Replicated> = Vec::new();
        let mut block = 0;
        self.each_block(target, family, &chosen, |first, z| {
            let z = &*if family.is_some() { self.with_row_integers(target, first, z)? } else { Cow::Borrowed(z) };
            let made = target.predictive_draws(&self.solution.theta, z, streams.at_step(block));
            let made = made.map_err(|e| FitError::unsupported("data", e.to_string()))?;
            block += 1;
            if first == 0 {
                let room = |r: &Replicated| Replicated {
                    num_draws,
                    values: vec![0.0; r.len * r.num_rows * num_draws],
                    ..r.clone()
                };
                all = made.iter().map(room).collect();
            }
            for (out, part) in all.iter_mut().zip(&made) {
                let lanes = out.values.chunks_exact_mut(num_draws).zip(part.values.chunks_exact(part.num_draws));
                lanes.for_each(|(lane, from)| lane[first..first + part.num_draws].copy_from_slice(from));
            }
            Ok(())
        })?;
        Ok(all)
    }
}
