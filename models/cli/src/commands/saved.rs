//! The note that the command line keeps of a fit beside the fit itself: its model and data, and how it was done.

use super::outcome::Outcome;
use jensen::export::{FileError, SavedFit};
use jensen::posterior::RowMeans;
use jensen_models::data::{DataTable, Standardisation};
use jensen_models::zoo::DataOptions;
use serde::{Deserialize, Serialize};

/// The note in the `fit.json` of a model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Note {
    /// Name of the model.
    pub model: String,
    /// The data, in words.
    pub data: String,
    /// Number of rows of data.
    pub num_rows: usize,
    /// What was taken out of each column: `(value - mean) / sd`.
    pub standardised: Vec<Standardisation>,
    /// Names for the elements of sites, where they are better than numbers.
    pub labels: Vec<(String, Vec<String>)>,
    /// How the fit was done.
    pub method: String,
    /// The choice of a family; empty where q is a network.
    pub family: String,
    /// What the fit tried on its way, in words; empty where q is a network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// Every run of it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// The seed of all randomness.
    pub seed: u64,
    /// The latents of rows, in short.
    pub of_rows: Vec<RowMeans>,
    /// Wall time of the fit in seconds; nothing where the program did not do it.
    pub seconds: Option<f64>,
    /// What was understood of the data, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Sites that are of the computation alone, which the table leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub internal: Vec<String>,
    /// What the exponentials of coefficients are, where they are something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratios: Option<String>,
    /// The share of the variance that is explained: mean, 5 % and 95 % quantile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_squared: Option<[f64; 3]>,
    /// The parts of the columns.
    pub options: DataOptions,
    /// The columns that the model reads; nothing where they are the model's own data.
    pub table: Option<DataTable>,
}

impl Note {
    /// The note of a saved fit; what can be said without one of a fit that a program of the user's own has saved.
    ///
    /// # Errors
    /// When the note is damaged.
    pub fn read(saved: &SavedFit, outcome: &Outcome) -> Result<Self, FileError> {
        if let Some(note) = saved.note()? {
            return Ok(note);
        }
        let of_own = |method: &str, seed, num_rows| Note {
            model: "a model of your own".into(),
            data: saved.path().display().to_string(),
            method: method.into(),
            seed,
            num_rows,
            ..Note::default()
        };
        Ok(match outcome {
            Outcome::Posterior(posterior) => of_own(posterior.family(), posterior.seed(), posterior.layout().num_rows),
            Outcome::Amortised(fitted) => Note { of_rows: fitted.rows.clone(), ..of_own(&fitted.method, 0, 0) },
        })
    }
}
