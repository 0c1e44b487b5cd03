//! How the classes or clusters of an autoencoder agree with the labels of its data, beside k-means on the pixels.

use super::error::VaeError;
use super::measure::Encoded;
use super::network::{Codes, Network, largest};
use jensen::mixture::{KMeans, adjusted_rand};
use jensen::streams::Streams;
use serde::Serialize;

/// Starts of k-means.
const STARTS: usize = 10;

/// Agreement with the labels, by adjusted Rand indices: 1 is the same, 0 is chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Images compared, of training and test.
    pub num_rows: usize,
    /// Of the autoencoder's classes or clusters.
    #[serde(with = "crate::cli::number::as_text")]
    pub found: f64,
    /// Of as many groups by k-means, the best of ten starts by their squares.
    #[serde(with = "crate::cli::number::as_text")]
    pub k_means: f64,
}

/// The agreement on all images of `parts`; none without labels, or without classes and clusters.
///
/// # Errors
/// When the networks cannot be run.
pub fn agreement(network: &Network, parts: &[&Encoded]) -> Result<Option<Agreement>, VaeError> {
    let groups = network.architecture.classes.max(network.architecture.clusters);
    if parts.iter().any(|p| p.images.labels.is_empty()) || groups == 0 {
        return Ok(None);
    }
    let (mut found, mut labels, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
    for Encoded { images, codes, .. } in parts {
        found.extend(groups_of(network, codes)?);
        labels.extend(images.labels.iter().map(|l| *l as usize));
        pixels.extend_from_slice(&images.values);
    }
    let by_means = KMeans::new(&pixels, network.architecture.num_pixels, groups, STARTS, Streams::new(0).purpose(8))?;
    Ok(Some(Agreement {
        num_rows: labels.len(),
        found: adjusted_rand(&found, &labels),
        k_means: adjusted_rand(&by_means.labels, &labels),
    }))
}

/// The class or cluster of each row; empty where there is none.
///
/// # Errors
/// When the networks cannot be run.
pub fn groups_of(network: &Network, codes: &Codes) -> Result<Vec<usize>, VaeError> {
    match network.architecture.classes {
        0 => network.clusters(codes),
        _ => Ok((0..codes.num_rows).map(|row| largest(codes.class(row))).collect()),
    }
}
