//! Errors between images and an autoencoder, said with a remedy.

use jensen::amortised::autoencoder::AutoencoderError;
use jensen::export::FileError;
use jensen_models::data::images::ImageError;

/// Images that cannot be used, a fit that failed, or a file that is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaeError {
    /// The images cannot be read.
    #[error(transparent)]
    Images(#[from] ImageError),
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// A file that is no saved fit, or cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A checkpoint that was trained otherwise.
    #[error("{path}: the checkpoint has {found}, not {asked}; leave {option} out, or take another folder for --out")]
    Other {
        /// Path of the file.
        path: String,
        /// What it has.
        found: String,
        /// What was asked for.
        asked: String,
        /// The option that is refused.
        option: &'static str,
    },
    /// Images that are not those of the fit.
    #[error(
        "{path}: the checkpoint was trained on other data ({trained}) than {given}; give the same file, --threshold and --test-share, or take another folder for --out"
    )]
    OtherData {
        /// Path of the file.
        path: String,
        /// The images of the checkpoint.
        trained: String,
        /// The images given.
        given: String,
    },
    /// Images of another size than the fit's.
    #[error("{file}: images of {found} pixels, the fit has {expected}; give images as those of the fit")]
    Pixels {
        /// The file of images.
        file: String,
        /// Pixels of an image.
        found: usize,
        /// Pixels of the fit.
        expected: usize,
    },
    /// Text that is too short.
    #[error(
        "{file}: {found} characters are no two windows of {window}; give a longer text, or shorter windows with --window"
    )]
    ShortText {
        /// Name of the file.
        file: String,
        /// Characters, runs of white space counted once.
        found: usize,
        /// Characters of a window.
        window: usize,
    },
    /// A class that the fit does not know.
    #[error("{file}: the fit has no class `{class}` of `{column}`; it was trained with {known}")]
    Class {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// The class that is not known.
        class: String,
        /// Classes there are.
        known: String,
    },
    /// A row that is not there.
    #[error("{file}: no row {row}, there are {rows}; give a row from 1 to {rows}")]
    Row {
        /// The file of images.
        file: String,
        /// The row asked for.
        row: usize,
        /// Rows there are.
        rows: usize,
    },
    /// Training did not stay finite.
    #[error(
        "epoch {epoch}: the bound or its gradient was not finite {times} times in a row, the last with a step size of {rate:.1e}; {kept}"
    )]
    NotFinite {
        /// Number of the epoch, from 1.
        epoch: usize,
        /// How often it was tried again.
        times: u32,
        /// The last step size.
        rate: f64,
        /// What became of the state, and what to do.
        kept: String,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] AutoencoderError),
}
