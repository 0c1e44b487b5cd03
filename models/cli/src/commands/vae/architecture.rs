//! The networks of a run: which they are, their sizes, and the names of what they tell apart.

use super::error::VaeError;
use super::text::TextNote;
use crate::cli::vae_args::{PixelLikelihood, VaeArgs};
use jensen::amortised::autoencoder::{Autoencoder, Batch};
use jensen::layers::Likelihood;
use jensen_models::data::images::Images;
use jensen_models::data::nearest::listed;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// Which networks, and their sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Pixels of an image, or characters of a window.
    pub num_pixels: usize,
    /// Real latents.
    pub num_latents: usize,
    /// The encoder's hidden layers.
    pub hidden: Vec<usize>,
    /// Distribution of a pixel.
    pub likelihood: PixelLikelihood,
    /// Categories of a pixel, for the categorical likelihood.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub levels: usize,
    /// Values of the class in the code; 0 without one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    /// Normals of the prior; 0 for a standard normal one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clusters: usize,
    /// What both networks read beside the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// Of text: characters, and the decoder's states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextNote>,
}

/// A column of classes that both networks read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// Its name.
    pub column: String,
    /// Its classes.
    pub classes: Vec<String>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Given {
    /// Where the classes `names` of `file` stand among these.
    ///
    /// # Errors
    /// When one was not seen in training.
    pub fn places(&self, file: &str, names: &[String]) -> Result<Vec<u32>, VaeError> {
        let place = |name: &String| {
            let found = self.classes.iter().position(|c| c == name);
            found.map(|place| place as u32).ok_or_else(|| VaeError::Class {
                file: file.to_string(),
                column: self.column.clone(),
                class: name.clone(),
                known: listed(&self.classes, 12),
            })
        };
        names.iter().map(place).collect()
    }
}

/// The rows of `images`, for the networks.
pub fn batch(images: &Images) -> Batch<'_> {
    Batch { values: &images.values, labels: &images.labels }
}

impl Architecture {
    /// What `args` says for images such as `sample`, whose pixels go up to `most`, or for text.
    ///
    /// # Errors
    /// For a code without latents, and what is given without a column.
    pub fn new(args: &VaeArgs, sample: &Images, most: f64, text: Option<TextNote>) -> Result<Self, VaeError> {
        let hidden = args.model.hidden.as_ref().map(|h| h.iter().map(|n| n.get()).collect());
        let size = |n: Option<NonZeroUsize>| n.map_or(0, NonZeroUsize::get);
        let likelihood = match text {
            Some(_) => PixelLikelihood::Categorical,
            None => args.model.likelihood.unwrap_or_default(),
        };
        let levels = match (&text, likelihood) {
            (Some(note), _) => note.levels(),
            (None, PixelLikelihood::Categorical) => most as usize + 1,
            _ => 0,
        };
        let given = args
            .data
            .condition
            .as_ref()
            .map(|column| Given { column: column.clone(), classes: sample.classes.clone() });
        let found = Architecture {
            num_pixels: sample.num_pixels,
            num_latents: args.model.latent.unwrap_or(8),
            hidden: hidden.unwrap_or_else(|| vec![128]),
            likelihood,
            levels,
            classes: size(args.model.classes),
            clusters: size(args.model.clusters),
            given,
            text,
        };
        let wrong = |words: &str| Err(VaeError::Options(words.into()));
        match found {
            Architecture { num_latents: 0, classes: 0, .. } => {
                wrong("--latent 0 leaves no code; give --latent 1 or more, or a class with --classes K")
            }
            Architecture { num_latents: 0, clusters: 1.., .. } => {
                wrong("--clusters is a prior of real latents; give --latent 1 or more")
            }
            Architecture { classes: 1, .. } => wrong("--classes 1 says nothing; give 2 or more, or leave it out"),
            _ => Ok(found),
        }
    }

    /// Numbers that the decoder reads: latents, zeros and a one for the class, the same for what is given.
    pub fn code_len(&self) -> usize {
        self.num_latents + self.classes + self.num_given()
    }

    /// Classes of what is given.
    pub fn num_given(&self) -> usize {
        self.given.as_ref().map_or(0, |g| g.classes.len())
    }

    /// The networks, for the library.
    pub fn autoencoder(&self) -> Autoencoder {
        let likelihood = match self.likelihood {
            PixelLikelihood::Bernoulli => Likelihood::Bernoulli,
            PixelLikelihood::Gaussian => Likelihood::Gaussian,
            PixelLikelihood::Categorical => Likelihood::Categorical { levels: self.levels },
        };
        let found = Autoencoder::new(self.num_pixels, self.num_latents, &self.hidden, likelihood);
        let found = found.classes(self.classes).clusters(self.clusters).given(self.num_given());
        match &self.text {
            Some(note) => found.recurrent(note.states),
            None => found,
        }
    }

    /// The sizes in words: `64-128-8, bernoulli`.
    pub fn words(&self) -> String {
        let sizes = [&[self.num_pixels], &self.hidden[..], &[self.num_latents]].concat();
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let mut words = format!("{}, {:?}", sizes.join("-"), self.likelihood).to_lowercase();
        match &self.text {
            Some(note) => words += &format!(" of {} characters, {} recurrent states", self.levels, note.states),
            None if self.levels > 0 => words += &format!(" of {} categories", self.levels),
            None => {}
        }
        if self.classes > 0 {
            words += &format!(", a class of {}", self.classes);
        }
        if self.clusters > 0 {
            words += &format!(", a prior of {} clusters", self.clusters);
        }
        if let Some(given) = &self.given {
            words += &format!(", given `{}` of {}", given.column, given.classes.len());
        }
        words
    }
}

#[cfg(test)]
impl Architecture {
    /// Networks of binary images without anything more.
    pub fn plain(num_pixels: usize, num_latents: usize, hidden: &[usize]) -> Architecture {
        Architecture {
            num_pixels,
            num_latents,
            hidden: hidden.to_vec(),
            likelihood: PixelLikelihood::Bernoulli,
            levels: 0,
            classes: 0,
            clusters: 0,
            given: None,
            text: None,
        }
    }
}
