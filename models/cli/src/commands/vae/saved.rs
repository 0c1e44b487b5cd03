//! `vae.json`: a training run that can be gone on with, and the fit that it has reached.

use super::architecture::Architecture;
use super::error::VaeError;
use super::settings::Settings;
use jensen::algorithm::Solution;
use jensen::amortised::autoencoder::{Checkpoint, Log, Passes, State, TrainedAutoencoder};
use jensen::export::{FileError, write_whole};
use jensen::target::Options;
use jensen_models::data::images::Images;
use jensen_models::data::images::streamed::StreamedImages;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name inside a folder of results.
pub const FILE: &str = "vae.json";

/// Number of the format; readers refuse others.
const FORMAT: u32 = 2;

#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// All that is kept of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    /// Number of the format.
    pub format: u32,
    /// The networks' sizes.
    pub architecture: Architecture,
    /// How they are trained.
    pub settings: Settings,
    /// On what.
    pub data: DataNote,
    /// What has happened.
    pub log: Log,
    /// The algorithm's own.
    pub state: State,
    /// The same at the end of the last epoch, where the run stopped within one: training goes back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<State>,
}

/// The images of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataNote {
    /// In words.
    pub file: String,
    /// Fingerprint of the training images.
    pub fingerprint: String,
    /// Height and width of an image, where there is one.
    pub shape: Option<(usize, usize)>,
    /// Above which value a pixel was made 1, where it was.
    pub threshold: Option<f64>,
    /// The least and the largest pixel.
    pub range: (f64, f64),
    /// Training images.
    pub num_train: usize,
    /// Test images.
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

/// The file, or the one in the folder.
pub fn file(path: &Path) -> PathBuf {
    if path.is_file() { path.to_path_buf() } else { path.join(FILE) }
}

impl Saved {
    /// A run to be saved.
    pub fn new(architecture: &Architecture, settings: &Settings, data: &DataNote, run: Checkpoint) -> Self {
        let Checkpoint { log, state, good } = run;
        let (architecture, settings, data) = (architecture.clone(), settings.clone(), data.clone());
        Saved { format: FORMAT, architecture, settings, data, log, state, good }
    }

    /// What a run goes on from.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { log: self.log.clone(), state: self.state.clone(), good: self.good.clone() }
    }

    /// Writes `vae.json` into the folder; an older one stays until the new one is whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        write_whole(&folder.join(FILE), |out| {
            serde_json::to_writer(&mut *out, self)?;
            out.write_all(b"\n")
        })
    }

    /// Reads the file, or the one in the folder.
    ///
    /// # Errors
    /// No such file, one that ends early, or something else in it.
    pub fn read(path: &Path) -> Result<Self, VaeError> {
        let path = file(path);
        let damaged = |reason: String| VaeError::Saved { path: path.display().to_string(), reason };
        let bytes = std::fs::read(&path).map_err(|e| damaged(e.to_string()))?;
        let unread = |e: serde_json::Error| {
            if e.is_eof() {
                damaged(format!("it ends after {} bytes in the middle of a value: it is truncated", bytes.len()))
            } else {
                damaged(e.to_string())
            }
        };
        // Other formats have other fields.
        let Head { format } = serde_json::from_slice(&bytes).map_err(unread)?;
        if format != FORMAT {
            return Err(damaged(format!("format {format}, this program reads {FORMAT}")));
        }
        let saved: Self = serde_json::from_slice(&bytes).map_err(unread)?;
        saved.check().map_err(damaged)?;
        saved.architecture.check()?;
        saved.network(Options::default()).map_err(|error| damaged(error.to_string()))?;
        Ok(saved)
    }

    /// The networks it has reached, run by `options`.
    ///
    /// # Errors
    /// When their numbers are not as many as the networks have.
    pub fn network(&self, options: Options) -> Result<TrainedAutoencoder, VaeError> {
        let solution = Solution { params: self.state.params().to_vec(), theta: self.state.theta().to_vec() };
        Ok(TrainedAutoencoder::new(self.architecture.autoencoder(), solution, options)?)
    }
}
