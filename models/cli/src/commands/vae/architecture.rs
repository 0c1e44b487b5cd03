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

/// Which networks, their sizes, and the names of what they tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The networks and the prior.
    pub autoencoder: Autoencoder,
    /// Names of the columns and of what they are given.
    pub names: Names,
}

/// Names of what networks tell apart by numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// Of what both networks read beside the row.
    pub given: Option<Given>,
    /// Of the characters of text.
    pub text: Option<TextNote>,
}

/// A column of classes that both networks read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// Name of the column of classes.
    pub column: String,
    /// The classes in the order of their codes.
    pub classes: Vec<String>,
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

/// Numbers in the cell of a decoder of text unless said otherwise.
const STATES: usize = 32;

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
        let hidden: Option<Vec<usize>> = args.model.hidden.as_ref().map(|h| h.iter().map(|n| n.get()).collect());
        let size = |n: Option<NonZeroUsize>| n.map_or(0, NonZeroUsize::get);
        let likelihood = match (&text, args.model.likelihood.unwrap_or_default()) {
            (Some(note), _) => Likelihood::Categorical { levels: note.levels() },
            (None, PixelLikelihood::Categorical) => Likelihood::Categorical { levels: most as usize + 1 },
            (None, PixelLikelihood::Bernoulli) => Likelihood::Bernoulli,
            (None, PixelLikelihood::Gaussian) => Likelihood::Gaussian,
        };
        let named = |column: &String| Given { column: column.clone(), classes: sample.classes.clone() };
        let given = args.data.condition.as_ref().map(named);
        let (num_latents, classes) = (args.model.latent.unwrap_or(8), size(args.model.classes));
        let clusters = size(args.model.clusters);
        let wrong = |words: &str| Err(VaeError::Options(words.into()));
        match (num_latents, classes, clusters) {
            (0, 0, _) => {
                return wrong("--latent 0 leaves no code; give --latent 1 or more, or a class with --classes K");
            }
            (0, _, 1..) => return wrong("--clusters is a prior of real latents; give --latent 1 or more"),
            (_, 1, _) => return wrong("--classes 1 says nothing; give 2 or more, or leave it out"),
            _ => {}
        }
        let hidden = hidden.unwrap_or_else(|| vec![128]);
        let mut autoencoder = Autoencoder::new(sample.num_pixels, num_latents, &hidden, likelihood)
            .classes(classes)
            .clusters(clusters)
            .given(given.as_ref().map_or(0, |g| g.classes.len()));
        if text.is_some() {
            autoencoder = autoencoder.recurrent(args.model.states.map_or(STATES, NonZeroUsize::get));
        }
        Ok(Architecture { autoencoder, names: Names { given, text } })
    }

    /// Whether rows are windows of text.
    pub fn is_of_text(&self) -> bool {
        self.names.text.is_some()
    }

    /// Distribution of a pixel, as the options name it.
    pub fn likelihood(&self) -> PixelLikelihood {
        match self.autoencoder.likelihood {
            Likelihood::Bernoulli => PixelLikelihood::Bernoulli,
            Likelihood::Gaussian => PixelLikelihood::Gaussian,
            // Those there are, and what a later library may add is refused by its checks.
            _ => PixelLikelihood::Categorical,
        }
    }

    /// Refuses names that are not those of the networks.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check_names(&self) -> Result<(), String> {
        let Architecture { autoencoder, names: Names { given, text } } = self;
        let characters = text.as_ref().is_none_or(|text| text.levels() == autoencoder.levels());
        let classes = given.as_ref().map_or(0, |given| given.classes.len()) == autoencoder.given;
        if characters && classes && text.is_some() == autoencoder.states.is_some() {
            Ok(())
        } else {
            Err(format!("names that are not those of the networks: {}", self.words()))
        }
    }

    /// The sizes in words: `64-128-8, bernoulli`.
    pub fn words(&self) -> String {
        let Autoencoder { num_columns, num_latents, hidden, classes, clusters, .. } = &self.autoencoder;
        let sizes = [&[*num_columns], &hidden[..], &[*num_latents]].concat();
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let mut words = format!("{}, {:?}", sizes.join("-"), self.likelihood()).to_lowercase();
        match (self.autoencoder.states, self.autoencoder.levels()) {
            (Some(states), levels) => words += &format!(" of {levels} characters, {states} recurrent states"),
            (None, 0) => {}
            (None, levels) => words += &format!(" of {levels} categories"),
        }
        if *classes > 0 {
            words += &format!(", a class of {classes}");
        }
        if *clusters > 0 {
            words += &format!(", a prior of {clusters} clusters");
        }
        if let Some(given) = &self.names.given {
            words += &format!(", given `{}` of {}", given.column, given.classes.len());
        }
        words
    }
}
