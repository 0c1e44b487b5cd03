//! Checks of a checkpoint before it is believed: its file may have been cut, edited or mixed with another.

use super::architecture::Autoencoder;
use super::codes::TrainedAutoencoder;
use super::error::AutoencoderError;
use super::log::{Checkpoint, Epoch, Log};
use crate::algorithm::Solution;
use crate::target::Options;

/// Categories of a number at most.
const MOST_LEVELS: usize = 256;
/// Epochs and times at most.
const MOST_TIMES: u64 = 1 << 32;
/// Weights by which a count of those of all layers may be off: biases are counted from the other end.
const SLACK: usize = 1 << 10;

impl Checkpoint {
    /// The networks that it has reached, run by `options`.
    ///
    /// # Errors
    /// When its numbers are not as many as the networks have.
    pub fn trained(&self, options: Options) -> Result<TrainedAutoencoder, AutoencoderError> {
        let solution = Solution { params: self.state.params().to_vec(), theta: self.state.theta().to_vec() };
        TrainedAutoencoder::new(self.autoencoder.clone(), solution, options)
    }

    /// Holds sizes against one another before anything of that size is made, and numbers against what they must be.
    pub(crate) fn check_saved(&self) -> Result<(), String> {
        let Checkpoint { autoencoder, state, good, log } = self;
        let held = state.params().len().saturating_add(state.theta().len()).saturating_add(SLACK);
        if autoencoder.levels() > MOST_LEVELS || autoencoder.num_weights() > held {
            return Err("networks of more weights than there are numbers".into());
        }
        autoencoder.check().map_err(|e| e.to_string())?;
        self.trained(Options::default()).map_err(|e| e.to_string())?;
        let finite = |x: &[f64]| x.iter().all(|x| x.is_finite());
        let sizes = |state: &super::State| (state.params().len(), state.theta().len());
        if good.iter().any(|good| sizes(good) != sizes(state)) {
            return Err("the state to go back to is of other networks".into());
        }
        if !std::iter::once(state).chain(good).all(|s| finite(s.params()) && finite(s.theta())) {
            return Err("numbers of the networks that are not finite".into());
        }
        log.check(state.step())
    }
}

impl Log {
    fn check(&self, step: u64) -> Result<(), String> {
        let epochs = self.epochs.len() as u64;
        if step > MOST_TIMES || epochs > step || self.rollbacks > 1 << 16 || self.halvings > 1 << 10 {
            return Err(format!("{step} steps in {epochs} epochs"));
        }
        let finite = |e: &Epoch| [Some(e.objective), e.data, e.kl].into_iter().flatten().all(f64::is_finite);
        if self.epochs.iter().all(finite) { Ok(()) } else { Err("an epoch whose objective is not finite".into()) }
    }
}

impl Autoencoder {
    /// Weights of both networks, up to some biases; as many as can be counted where they are more.
    pub fn num_weights(&self) -> usize {
        let Autoencoder { num_columns, num_latents, hidden, classes, clusters, given, states, .. } = self;
        let levels = self.levels();
        let outputs = num_columns.saturating_mul(levels.max(1));
        let inputs = outputs.saturating_add(*given);
        let mut total = dense(inputs, hidden, num_latents.saturating_mul(2));
        if *classes > 0 {
            // The class has a network of its own.
            total = total.saturating_add(dense(inputs, hidden, *classes));
        }
        let decoder = match *states {
            Some(states) => {
                // A cell has three gates of the character before and of the state.
                let gate = dense(levels, &[], states).saturating_add(dense(states, &[], states));
                let ends = dense(*num_latents, &[], states).saturating_add(dense(states, &[], levels));
                gate.saturating_mul(3).saturating_add(ends)
            }
            None => {
                let code = num_latents.saturating_add(*classes).saturating_add(*given);
                dense(outputs, hidden, code)
            }
        };
        let of_cluster = num_latents.saturating_mul(2).saturating_add(1);
        total.saturating_add(decoder).saturating_add(clusters.saturating_mul(of_cluster))
    }
}

/// Weights and biases of dense layers of these sizes, the hidden ones in the middle.
fn dense(from: usize, hidden: &[usize], to: usize) -> usize {
    let sizes = [&[from], hidden, &[to]].concat();
    let layer = |pair: &[usize]| pair[0].saturating_add(1).saturating_mul(pair[1]);
    sizes.windows(2).map(layer).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Likelihood;

    /// Against the networks themselves: no weight less than they have, and few more.
    #[test]
    fn weights_are_counted_as_they_are() {
        let plain = || Autoencoder::new(6, 2, &[5, 4], Likelihood::Bernoulli);
        let categorical = |levels| Autoencoder::new(6, 2, &[5, 4], Likelihood::Categorical { levels });
        for autoencoder in [
            plain(),
            Autoencoder::new(6, 2, &[], Likelihood::Gaussian),
            plain().classes(3),
            plain().clusters(3),
            plain().given(2),
            categorical(3),
            categorical(4).recurrent(7),
        ] {
            let (encoder, decoder) = autoencoder.num_parameters().unwrap();
            // The decoder's biases are counted from its other end.
            let counted = autoencoder.num_weights();
            assert!(
                counted.abs_diff(encoder + decoder) <= 20,
                "{autoencoder:?}: {counted} for {encoder} and {decoder}"
            );
        }
        assert_eq!(Autoencoder::new(6, 2, &[usize::MAX], Likelihood::Bernoulli).num_weights(), usize::MAX);
    }
}
