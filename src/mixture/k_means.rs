//! [`KMeans`]: groups of points around centres.

use rand_distr::{Distribution, StandardUniform};

use super::MixtureError;
use crate::streams::{Stream, Streams, pick};

/// Rounds of Lloyd's iterations of one start.
const ROUNDS: usize = 50;

/// Points in groups, each point in that of the nearest centre.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// The means of the groups, `[group][column]`.
    pub centres: Vec<f64>,
    /// The group of each point.
    pub labels: Vec<usize>,
    /// The sum of squared distances of points to their centres.
    pub squares: f64,
}

impl KMeans {
    /// `groups` groups of `points`, `[point][column]`: Lloyd's iterations from k-means++, the best of `starts` by the sum of
    /// squares.
    ///
    /// Columns count by their squares: put them on one scale first where they have several. A group may stay empty where
    /// points are alike.
    ///
    /// # Errors
    /// No points, no columns, no groups, rows that are not whole, or numbers that are not finite.
    ///
    /// ```
    /// # use jensen::{mixture::KMeans, streams::Streams};
    /// let found = KMeans::new(&[0.0, 0.1, 5.0, 5.2], 1, 2, 3, Streams::new(1))?;
    /// assert!(found.labels[0] == found.labels[1] && found.labels[1] != found.labels[2]);
    /// assert!((found.squares - 0.025).abs() < 1e-12);
    /// # Ok::<(), jensen::mixture::MixtureError>(())
    /// ```
    ///
    /// *Source:* Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding", section 2.2.
    pub fn new(
        points: &[f64],
        num_columns: usize,
        groups: usize,
        starts: usize,
        streams: Streams,
    ) -> Result<KMeans, MixtureError> {
        check(points, num_columns, groups)?;
        let one = |start: usize| {
            let mut centres = seeds(points, num_columns, groups, &mut streams.draw(start));
            lloyd(points, num_columns, &mut centres, ROUNDS);
            let near: Vec<(usize, f64)> =
                points.chunks_exact(num_columns).map(|p| nearest(p, &centres, num_columns)).collect();
            let (labels, squares) = (near.iter().map(|n| n.0).collect(), near.iter().map(|n| n.1).sum());
            KMeans { centres, labels, squares }
        };
        let first = one(0);
        let better = |best: KMeans, start| {
            let found = one(start);
            if found.squares < best.squares { found } else { best }
        };
        Ok((1..starts).fold(first, better))
    }
}

fn check(points: &[f64], num_columns: usize, groups: usize) -> Result<(), MixtureError> {
    let shape = |what, found, expected| Err(MixtureError::Shape { what, found, expected });
    if num_columns == 0 || groups == 0 {
        return shape("columns or groups of k-means", 0, 1);
    }
    if points.is_empty() || !points.len().is_multiple_of(num_columns) {
        let whole = points.len().next_multiple_of(num_columns).max(num_columns);
        return shape("numbers of points in rows", points.len(), whole);
    }
    match points.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(MixtureError::Cell {
            row: at / num_columns,
            column: at % num_columns,
            value: points[at],
            expected: "a finite number".into(),
            remedy: "correct the cell or leave the row out",
        }),
    }
}

/// `k` points, each drawn by its squared distance to those before.
pub(super) fn seeds(points: &[f64], d: usize, k: usize, stream: &mut Stream) -> Vec<f64> {
    let mut centres = Vec::with_capacity(k * d);
    let mut distance = vec![1.0; points.len() / d.max(1)];
    for _ in 0..k {
        let chosen = pick(&distance, StandardUniform.sample(stream));
        let centre = &points[chosen * d..(chosen + 1) * d];
        let first = centres.is_empty();
        for (w, point) in distance.iter_mut().zip(points.chunks_exact(d)) {
            let new = square_distance(point, centre);
            *w = if first { new } else { w.min(new) };
        }
        centres.extend_from_slice(centre);
    }
    centres
}

/// Moves `centres` to the means of their points until no point changes its group; the groups.
pub(super) fn lloyd(points: &[f64], d: usize, centres: &mut [f64], rounds: usize) -> Vec<usize> {
    let mut labels = vec![0; points.len() / d.max(1)];
    for _ in 0..rounds {
        let mut moved = false;
        for (label, point) in labels.iter_mut().zip(points.chunks_exact(d)) {
            let new = nearest(point, centres, d).0;
            moved |= std::mem::replace(label, new) != new;
        }
        means(points, d, &labels, centres);
        if !moved {
            break;
        }
    }
    labels
}

/// Moves each centre to the mean of its points; a centre without points stays.
fn means(points: &[f64], d: usize, labels: &[usize], centres: &mut [f64]) {
    let mut sums = vec![0.0; centres.len()];
    let mut counts = vec![0.0; centres.len() / d.max(1)];
    for (&label, point) in labels.iter().zip(points.chunks_exact(d)) {
        counts[label] += 1.0;
        sums[label * d..(label + 1) * d].iter_mut().zip(point).for_each(|(s, x)| *s += x);
    }
    for (k, count) in counts.iter().enumerate().filter(|(_, c)| **c > 0.0) {
        (k * d..(k + 1) * d).for_each(|e| centres[e] = sums[e] / count);
    }
}

pub(super) fn square_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Index and squared distance of the nearest centre, the first of equals.
pub(super) fn nearest(point: &[f64], centres: &[f64], d: usize) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (k, centre) in centres.chunks_exact(d).enumerate() {
        let distance = square_distance(point, centre);
        if distance < best.1 {
            best = (k, distance);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::adjusted_rand;

    #[test]
    fn groups_that_lie_apart_are_found() {
        let mut noise = vec![0.0; 120];
        Streams::new(2).fill_normal(1, &mut noise);
        // Three centres ten standard deviations apart, two columns.
        let points: Vec<f64> = (0..120).map(|k| noise[k] + 10.0 * ((k / 2 % 3) * (1 + k % 2)) as f64).collect();
        let truth: Vec<usize> = (0..60).map(|r| r % 3).collect();
        let found = KMeans::new(&points, 2, 3, 10, Streams::new(0)).unwrap();
        assert_eq!(adjusted_rand(&found.labels, &truth), 1.0);
        // Each of twenty points is a standard deviation from its centre along both columns: 120 less the six of the means.
        assert!((found.squares - 114.0).abs() < 5.0 * (2.0 * 114.0f64).sqrt(), "{}", found.squares);
        let mean = |group: usize, j: usize| {
            let own = (0..60).filter(|r| found.labels[*r] == group);
            own.clone().map(|r| points[2 * r + j]).sum::<f64>() / own.count() as f64
        };
        for (k, centre) in found.centres.iter().enumerate() {
            assert!((centre - mean(k / 2, k % 2)).abs() < 1e-12);
        }
    }

    #[test]
    fn points_that_are_none_are_refused() {
        let said =
            |points: &[f64], d, groups| KMeans::new(points, d, groups, 1, Streams::new(0)).unwrap_err().to_string();
        assert_eq!(said(&[1.0, 2.0, 3.0], 2, 1), "numbers of points in rows: 3 where 4 are expected");
        assert_eq!(said(&[], 2, 1), "numbers of points in rows: 0 where 2 are expected");
        assert!(said(&[1.0], 1, 0).contains("groups"));
        assert!(said(&[1.0, f64::NAN], 1, 1).starts_with("row 1, column 0: NaN is not a finite number"));
        // More groups than distinct points: every point has a centre of its own place.
        let found = KMeans::new(&[1.0, 1.0, 2.0], 1, 5, 2, Streams::new(0)).unwrap();
        assert!(found.squares == 0.0 && found.labels[0] == found.labels[1], "{found:?}");
    }
}
