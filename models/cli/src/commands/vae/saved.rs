//! A training run that can be gone on with, and the fit that it has reached.

use super::architecture::{Architecture, Names};
use super::error::VaeError;
use super::report::Report;
use super::settings::Settings;
use jensen::amortised::autoencoder::{Checkpoint, Passes, TrainedAutoencoder};
use jensen::export::{FIT_FILE, FileError, OutDir, SavedFit, save_fit};
use jensen::target::Options;
use jensen_models::data::images::Images;
use jensen_models::data::images::streamed::StreamedImages;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All that is kept of a run.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The networks, and what training goes on from.
    pub run: Checkpoint,
    /// Their sizes and names.
    pub architecture: Architecture,
    /// How they are trained.
    pub settings: Settings,
    /// What it was trained on.
    pub data: DataNote,
    /// What was measured at the end.
    pub report: Option<Report>,
}

/// What the command line keeps beside the run itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    names: Names,
    settings: Settings,
    data: DataNote,
    report: Option<Report>,
}

/// The images of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataNote {
    /// The file, in words.
    pub file: String,
    /// Fingerprint of the training images.
    pub fingerprint: String,
    /// Height and width of an image, where there is one.
    pub shape: Option<(usize, usize)>,
    /// Above which value a pixel was made 1, where it was.
    pub threshold: Option<f64>,
    /// The least and the largest pixel.
    pub range: (f64, f64),
    /// Number of images that are trained on.
    pub num_train: usize,
    /// Number of images that are held out.
    pub num_test: usize,
}

impl DataNote {
    /// Of training images and a number of test images.
    pub fn new(train: &Images, num_test: usize) -> Self {
        let ends = |(low, high): (f64, f64), v: &f64| (low.min(*v), high.max(*v));
        DataNote {
            file: train.file.clone(),
            fingerprint: train.fingerprint(),
            shape: train.shape,
            threshold: train.threshold,
            range: train.values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends),
            num_train: train.num_rows(),
            num_test,
        }
    }

    /// Of the images of a file that is read in blocks; the fingerprint is that of all of them.
    pub fn of_file(images: &StreamedImages, passes: &Passes) -> Self {
        DataNote {
            file: images.about.file.clone(),
            fingerprint: images.fingerprint.clone(),
            shape: images.about.shape,
            threshold: images.about.threshold,
            range: images.range,
            num_train: passes.num_train(),
            num_test: passes.test().len(),
        }
    }
}

impl Saved {
    /// Writes `fit.json` into the folder while training goes on; an older one stays until the new one is whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        save_fit(folder.join(FIT_FILE), &self.run, &self.note())
    }

    /// Writes `fit.json` as the last of the files of `folder`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_last(&self, folder: &mut OutDir) -> Result<(), FileError> {
        folder.write_fit(&self.run, &self.note())
    }

    fn note(&self) -> Note {
        let Saved { architecture, settings, data, report, .. } = self.clone();
        Note { names: architecture.names, settings, data, report }
    }

    /// Reads the file, or the one in the folder.
    ///
    /// # Errors
    /// No such file, one that is cut off or damaged, or something else in it.
    pub fn read(path: &Path) -> Result<Self, VaeError> {
        Self::of(&SavedFit::open(path)?)
    }

    /// The run in a saved fit.
    ///
    /// # Errors
    /// When it is of another kind or damaged, and when it has no note: the library alone has saved it.
    pub fn of(saved: &SavedFit) -> Result<Self, VaeError> {
        let run: Checkpoint = saved.body()?;
        let Some(Note { names, settings, data, report }) = saved.note()? else {
            let words =
                "a program of its own has saved it, which knows what its rows are; load it with `Checkpoint::load`";
            return Err(FileError::NotSaved { path: saved.path().to_owned(), found: words.into() }.into());
        };
        let architecture = Architecture { autoencoder: run.autoencoder.clone(), names };
        let read = Saved { run, architecture, settings, data, report };
        read.check().map_err(|reason| saved.damaged(reason))?;
        read.architecture.check()?;
        Ok(read)
    }

    /// The networks it has reached, run by `options`.
    ///
    /// # Errors
    /// When their numbers are not as many as the networks have.
    pub fn network(&self, options: Options) -> Result<TrainedAutoencoder, VaeError> {
        Ok(self.run.trained(options)?)
    }
}
