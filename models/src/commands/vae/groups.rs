//! How the classes or clusters of an autoencoder agree with the labels of its data, beside k-means on the pixels.

use super::error::VaeError;
use super::network::{Codes, Network, largest};
use crate::data::images::Images;
use jensen::mixture::adjusted_rand;
use jensen::streams::Streams;
use serde::Serialize;

/// Starts and sweeps of k-means.
const STARTS: u64 = 10;
const SWEEPS: usize = 50;

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

/// The agreement on `images`; none without labels, or without classes and clusters.
///
/// # Errors
/// When the networks cannot be run.
pub fn agreement(network: &Network, images: &Images) -> Result<Option<Agreement>, VaeError> {
    let groups = network.architecture.classes.max(network.architecture.clusters);
    if images.labels.is_empty() || groups == 0 {
        return Ok(None);
    }
    let found = groups_of(network, &network.encode(images.batch())?)?;
    let labels: Vec<usize> = images.labels.iter().map(|l| *l as usize).collect();
    let by_means = k_means(&images.values, images.num_pixels, groups);
    Ok(Some(Agreement {
        num_rows: labels.len(),
        found: adjusted_rand(&found, &labels),
        k_means: adjusted_rand(&by_means, &labels),
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

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// Lloyd's sweeps from k-means++, the best of some starts by the sum of squares.
///
/// *Source*: Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding", section 2.2.
fn k_means(data: &[f64], width: usize, groups: usize) -> Vec<usize> {
    let rows: Vec<&[f64]> = data.chunks_exact(width).collect();
    let one = |start: u64| {
        let mut centres = spread(&rows, groups, Streams::new(start).purpose(8));
        let (mut labels, mut squares) = (vec![groups; rows.len()], 0.0);
        for _ in 0..SWEEPS {
            let before = labels.clone();
            squares = 0.0;
            for (label, row) in labels.iter_mut().zip(&rows) {
                let far: Vec<f64> = centres.iter().map(|c| -distance(row, c)).collect();
                *label = largest(&far);
                squares -= far[*label];
            }
            if labels == before {
                break;
            }
            move_centres(&rows, &labels, &mut centres);
        }
        (squares, labels)
    };
    let best = (0..STARTS).map(one).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(Vec::new(), |(_, labels)| labels)
}

/// Rows as centres, each drawn by its squared distance to those before.
fn spread(rows: &[&[f64]], groups: usize, streams: Streams) -> Vec<Vec<f64>> {
    let mut uniform = vec![0.0; groups];
    streams.fill_uniform(1, &mut uniform);
    let mut near = vec![1.0; rows.len()];
    let mut centres: Vec<Vec<f64>> = Vec::new();
    for u in uniform {
        let mut left = u * near.iter().sum::<f64>();
        let found = near.iter().position(|d| {
            left -= d;
            left < 0.0
        });
        let centre = rows[found.unwrap_or(0)].to_vec();
        let first = centres.is_empty();
        for (near, row) in near.iter_mut().zip(rows) {
            let d = distance(row, &centre);
            *near = if first { d } else { near.min(d) };
        }
        centres.push(centre);
    }
    centres
}

fn move_centres(rows: &[&[f64]], labels: &[usize], centres: &mut [Vec<f64>]) {
    for (k, centre) in centres.iter_mut().enumerate() {
        let own: Vec<&&[f64]> = rows.iter().zip(labels).filter(|(_, l)| **l == k).map(|(r, _)| r).collect();
        if !own.is_empty() {
            let mean = |j: usize| own.iter().map(|r| r[j]).sum::<f64>() / own.len() as f64;
            (0..centre.len()).for_each(|j| centre[j] = mean(j));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_lie_apart_are_found_by_k_means() {
        let mut noise = vec![0.0; 120];
        Streams::new(2).fill_normal(1, &mut noise);
        // Three centres ten standard deviations apart, two columns.
        let data: Vec<f64> = (0..120).map(|k| noise[k] + 10.0 * ((k / 2 % 3) * (1 + k % 2)) as f64).collect();
        let truth: Vec<usize> = (0..60).map(|r| r % 3).collect();
        assert_eq!(adjusted_rand(&k_means(&data, 2, 3), &truth), 1.0);
    }
}
