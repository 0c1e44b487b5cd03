//! How the classes or clusters of an autoencoder agree with the labels of its data, beside k-means on the rows.

use super::codes::{Codes, EncodedRows, TrainedAutoencoder, largest};
use super::error::AutoencoderError;
use crate::mixture::{KMeans, adjusted_rand};
use crate::streams::Streams;
use serde::{Deserialize, Serialize};

/// Starts of k-means.
const STARTS: usize = 10;

/// Agreement with the labels, by adjusted Rand indices: 1 is the same, 0 is chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Rows compared, of training and test.
    pub num_rows: usize,
    /// Agreement of the autoencoder's classes or clusters with the labels.
    #[serde(with = "crate::number")]
    pub found: f64,
    /// Of as many groups by k-means, the best of ten starts by their squares.
    #[serde(with = "crate::number")]
    pub k_means: f64,
}

/// The agreement on all images of `parts`; none without labels, or without classes and clusters.
///
/// # Errors
/// When the networks cannot be run.
pub(super) fn agreement(
    network: &TrainedAutoencoder,
    parts: &[&EncodedRows],
) -> Result<Option<Agreement>, AutoencoderError> {
    let groups = network.autoencoder().classes.max(network.autoencoder().clusters);
    if parts.iter().any(|p| p.rows.labels.is_empty()) || groups == 0 {
        return Ok(None);
    }
    let (mut found, mut labels, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
    for EncodedRows { rows, codes, .. } in parts {
        found.extend(network.groups(codes)?);
        labels.extend(rows.labels.iter().map(|l| *l as usize));
        pixels.extend_from_slice(rows.values);
    }
    let by_means = KMeans::new(&pixels, network.autoencoder().num_columns, groups, STARTS, Streams::new(0).purpose(8))?;
    Ok(Some(Agreement {
        num_rows: labels.len(),
        found: adjusted_rand(&found, &labels),
        k_means: adjusted_rand(&by_means.labels, &labels),
    }))
}

impl TrainedAutoencoder {
    /// The class or cluster of each row; empty where there is none.
    ///
    /// # Errors
    /// When the networks cannot be run.
    pub fn groups(&self, codes: &Codes) -> Result<Vec<usize>, AutoencoderError> {
        match self.autoencoder().classes {
            0 => self.clusters(codes),
            _ => Ok((0..codes.num_rows).map(|row| largest(codes.class(row))).collect()),
        }
    }
}
