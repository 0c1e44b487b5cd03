//! [`Autoencoder`]: which networks, and their sizes.

use super::error::AutoencoderError;
use crate::layers::{Likelihood, Units};
use serde::{Deserialize, Serialize};

/// The networks of an autoencoder and its prior, by their sizes.
///
/// ```
/// use jensen::amortised::autoencoder::Autoencoder;
/// use jensen::layers::Likelihood;
///
/// // 64 pixels, 8 latents, one hidden layer of 128 in each network, and 3 classes beside the latents.
/// let networks = Autoencoder::new(64, 8, &[128], Likelihood::Bernoulli).classes(3);
/// assert_eq!(networks.num_latents, 8);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Autoencoder {
    /// Numbers of a row: pixels of an image, or characters of a window.
    pub num_columns: usize,
    /// Number of real latents of a row.
    pub num_latents: usize,
    /// The encoder's hidden layers; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// Distribution of a number.
    pub likelihood: Likelihood,
    /// Values of the class in the code; 0 without one.
    pub classes: usize,
    /// Normals of the prior; 0 for a standard normal one.
    pub clusters: usize,
    /// Classes of what both networks read beside the row; 0 without.
    pub given: usize,
    /// Numbers in the cell of a recurrent decoder, which reads the characters before.
    pub states: Option<usize>,
    /// The units of the data in which the networks of a Gaussian likelihood work; `None`: as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Units>,
}

/// Rows, and the class of each where the networks read it.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The rows one after the other, `[row][column]`.
    pub values: &'a [f64],
    /// The label of each row; may be empty.
    pub labels: &'a [u32],
}

impl<'a> Batch<'a> {
    /// Rows without classes.
    pub fn of(values: &'a [f64]) -> Self {
        Batch { values, labels: &[] }
    }
}

impl Autoencoder {
    /// An encoder of rows of `num_columns` numbers with these hidden layers, `num_latents` latents with a standard normal
    /// prior, and a decoder of the same layers.
    pub fn new(num_columns: usize, num_latents: usize, hidden: &[usize], likelihood: Likelihood) -> Self {
        let hidden = hidden.to_vec();
        Autoencoder {
            num_columns,
            num_latents,
            hidden,
            likelihood,
            classes: 0,
            clusters: 0,
            given: 0,
            states: None,
            units: None,
        }
    }

    /// A class of so many values in the code; see [`Vae::classes`](crate::layers::Vae::classes).
    #[must_use]
    pub fn classes(self, classes: usize) -> Self {
        Autoencoder { classes, ..self }
    }

    /// A mixture of so many normals as the prior; see [`Vae::clusters`](crate::layers::Vae::clusters).
    #[must_use]
    pub fn clusters(self, clusters: usize) -> Self {
        Autoencoder { clusters, ..self }
    }

    /// Both networks read the class of a row, one of so many; see [`Vae::conditioned_on`](crate::layers::Vae::conditioned_on).
    #[must_use]
    pub fn given(self, classes: usize) -> Self {
        Autoencoder { given: classes, ..self }
    }

    /// A recurrent decoder of characters with so many numbers in its cell; see [`Text`](crate::layers::Text).
    #[must_use]
    pub fn recurrent(self, states: usize) -> Self {
        Autoencoder { states: Some(states), ..self }
    }

    /// Networks of a Gaussian likelihood work in the units of these rows; see [`Vae::in_units`](crate::layers::Vae::in_units).
    ///
    /// Without them both networks read and give the numbers as they are, which is right for columns about zero with a
    /// standard deviation of about one.
    #[must_use]
    pub fn in_units_of(self, rows: Batch) -> Self {
        let units = (self.likelihood == Likelihood::Gaussian).then(|| Units::of(rows.values, self.num_columns));
        Autoencoder { units, ..self }
    }

    /// Numbers that the decoder reads: latents, zeros and a one for the class, the same for what is given.
    pub fn code_len(&self) -> usize {
        self.num_latents + self.classes + self.given
    }

    /// Categories of a number; 0 where it is none.
    pub fn levels(&self) -> usize {
        match self.likelihood {
            Likelihood::Categorical { levels } => levels,
            _ => 0,
        }
    }

    /// Refuses parts that do not go together.
    pub(super) fn check(&self) -> Result<(), AutoencoderError> {
        let wrong = |words: &str| Err(AutoencoderError::setting("architecture", words));
        if self.num_columns == 0 || self.code_len() == self.given {
            return wrong(
                "an autoencoder without columns or without a code; give at least one column, and a latent or a class",
            );
        }
        if self.clusters > 0 && (self.num_latents == 0 || self.classes > 0) {
            return wrong(
                "clusters are a prior of real latents, without a class beside them; give latents, or leave one out",
            );
        }
        let suits = |units: &Units| {
            let finite = units.centre.iter().all(|c| c.is_finite()) && units.scale.is_finite();
            finite && units.scale > 0.0 && units.centre.len() == self.num_columns
        };
        if !self.units.as_ref().is_none_or(suits) {
            return wrong(
                "units of other columns, or without a finite centre and a positive scale; measure those of the rows",
            );
        }
        let plain = self.classes + self.clusters + self.given == 0 && self.levels() > 0 && self.num_latents > 0;
        if self.states.is_some() && !plain {
            return wrong(
                "a recurrent decoder is for categories and a code of real latents with a standard normal prior; leave \
                 classes, clusters and what is given out",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Settings, Source, Training};
    use super::*;
    use crate::streams::Streams;
    use crate::target::Options;
    use std::ops::ControlFlow;

    /// The objective of each of three epochs on rows of four columns in `scale * x + shift`.
    fn objectives(scale: f64, shift: f64, in_units: bool) -> Vec<f64> {
        let mut values = vec![0.0; 4 * 40];
        Streams::new(5).fill_normal(1, &mut values);
        values.iter_mut().for_each(|x| *x = scale * *x + shift);
        let (rows, plain) = (Batch::of(&values), Autoencoder::new(4, 2, &[5], Likelihood::Gaussian));
        let autoencoder = if in_units { plain.in_units_of(rows) } else { plain };
        let settings = Settings::default().batch(10).learning_rate(0.01).options(Options::default());
        let mut training = Training::new(&autoencoder, Source::Memory(rows), settings, None).unwrap();
        training.run(3, &mut |_, _| ControlFlow::Continue(())).unwrap();
        training.log().epochs.iter().map(|epoch| epoch.objective).collect()
    }

    #[test]
    fn units_of_the_data_change_the_bound_by_their_logarithm_alone() {
        let (small, large) = (objectives(0.5, 0.0, true), objectives(8.0, 100.0, true));
        for (small, large) in small.iter().zip(&large) {
            // Four columns, sixteen times as wide. Centring 100 away from zero costs a few digits.
            assert!((small - large - 4.0 * 16f64.ln()).abs() < 1e-9, "{small} {large}");
        }
        let found = objectives(8.0, 100.0, false);
        assert!(found[2] < large[2] - 100.0, "{found:?} {large:?}");
    }

    #[test]
    fn units_that_are_none_are_refused() {
        let mut autoencoder =
            Autoencoder::new(2, 1, &[3], Likelihood::Gaussian).in_units_of(Batch::of(&[1.0, 2.0, 3.0, 5.0]));
        assert!(autoencoder.check().is_ok());
        assert_eq!(autoencoder.units.as_ref().map(|u| u.centre.clone()), Some(vec![2.0, 3.5]));
        autoencoder.units.iter_mut().for_each(|units| units.scale = 0.0);
        assert!(autoencoder.check().is_err());
        assert_eq!(Autoencoder::new(2, 1, &[], Likelihood::Bernoulli).in_units_of(Batch::of(&[1.0, 0.0])).units, None);
    }
}
