//! A sample of the rows, standardised, for distances between rows.

use super::k_means::{lloyd, nearest, seeds, square_distance};
use super::{Block, MixtureError, Rows};
use crate::streams::Streams;

/// Rows at equal distances in the data, each column with mean 0 and variance 1, missing cells 0.
pub(super) struct Sample {
    points: Vec<f64>,
    d: usize,
    shift: Vec<f64>,
    scale: Vec<f64>,
}

/// Rounds of Lloyd's iterations.
const ROUNDS: usize = 20;

impl Sample {
    /// At most `limit` rows.
    pub fn of<R: Rows + ?Sized>(rows: &R, limit: usize) -> Result<Self, MixtureError> {
        let (d, every) = (rows.num_columns(), rows.num_rows().div_ceil(limit).max(1));
        let (mut points, mut space) = (Vec::new(), Vec::new());
        let height = rows.block_rows();
        // Blocks without a row of the sample are not read.
        for b in (0..rows.num_blocks()).filter(|b| (b * height).next_multiple_of(every) < (b + 1) * height) {
            let block = rows.block(b, &mut space)?;
            for i in (0..block.len()).filter(|i| (b * height + i).is_multiple_of(every)) {
                points.extend((0..d).map(|j| block.column(j)[i]));
            }
        }
        let mut sample = Sample { points, d, shift: vec![0.0; d], scale: vec![1.0; d] };
        sample.standardise();
        Ok(sample)
    }

    fn standardise(&mut self) {
        for j in 0..self.d {
            let cells = || self.points.chunks_exact(self.d).map(|p| p[j]).filter(|x| !x.is_nan());
            let count = cells().count().max(1) as f64;
            let mean = cells().sum::<f64>() / count;
            let variance = cells().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            (self.shift[j], self.scale[j]) = (mean, if variance > 0.0 { 1.0 / variance.sqrt() } else { 1.0 });
        }
        for point in self.points.chunks_exact_mut(self.d) {
            for ((x, shift), scale) in point.iter_mut().zip(&self.shift).zip(&self.scale) {
                *x = if x.is_nan() { 0.0 } else { (*x - shift) * scale };
            }
        }
    }

    /// A row of a block in the sample's units.
    fn row(&self, block: &Block, i: usize, out: &mut [f64]) {
        for (j, x) in out.iter_mut().enumerate() {
            let cell = block.column(j)[i];
            *x = if cell.is_nan() { 0.0 } else { (cell - self.shift[j]) * self.scale[j] };
        }
    }

    /// Gives each row of the block to its nearest centre.
    pub fn assign(&self, block: &Block, centres: &[f64], joint: &mut [f64]) {
        let mut row = vec![0.0; self.d];
        for i in 0..block.len() {
            self.row(block, i, &mut row);
            joint[nearest(&row, centres, self.d).0 * block.stride() + i] = 1.0;
        }
    }

    /// Hands what component `from` has of the rows nearer to the second of two centres over to component `to`.
    pub fn split(&self, block: &Block, centres: &[f64], from: usize, to: usize, joint: &mut [f64]) {
        let mut row = vec![0.0; self.d];
        for i in 0..block.len() {
            self.row(block, i, &mut row);
            if nearest(&row, centres, self.d).0 == 1 {
                let (a, b) = (from * block.stride() + i, to * block.stride() + i);
                joint[b] += std::mem::take(&mut joint[a]);
            }
        }
    }

    /// The rows of a subset, in the same units.
    pub fn subset(&self, keep: impl Fn(&[f64]) -> bool) -> Sample {
        let points = self.points.chunks_exact(self.d).filter(|p| keep(p)).flatten().copied().collect();
        Sample { points, d: self.d, shift: self.shift.clone(), scale: self.scale.clone() }
    }

    /// The nearest of `centres` for a row of the sample.
    pub fn nearest_to(&self, point: &[f64], centres: &[f64]) -> usize {
        nearest(point, centres, self.d).0
    }

    /// A row in the data's units, in the sample's.
    pub fn scaled(&self, row: &[f64]) -> Vec<f64> {
        let cell = |(j, x): (usize, &f64)| if x.is_nan() { 0.0 } else { (x - self.shift[j]) * self.scale[j] };
        row.iter().enumerate().map(cell).collect()
    }

    /// Rows of the sample.
    pub fn len(&self) -> usize {
        self.points.len() / self.d.max(1)
    }

    /// `k` centres, those of the largest clusters first.
    ///
    /// *Source:* Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding".
    pub fn k_means(&self, k: usize, streams: Streams) -> Vec<f64> {
        let mut centres = seeds(&self.points, self.d, k, &mut streams.draw(0));
        let labels = lloyd(&self.points, self.d, &mut centres, ROUNDS);
        self.by_size(&labels, &centres)
    }

    fn by_size(&self, labels: &[usize], centres: &[f64]) -> Vec<f64> {
        let mut sizes = vec![0_usize; centres.len() / self.d.max(1)];
        labels.iter().for_each(|&l| sizes[l] += 1);
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&k| std::cmp::Reverse(sizes[k]));
        order.iter().flat_map(|&k| &centres[k * self.d..(k + 1) * self.d]).copied().collect()
    }

    /// The means of `k` clusters of Ward's hierarchy, largest first; O(rows^3) at worst, so for small samples.
    ///
    /// *Source:* Ward (1963), "Hierarchical grouping to optimize an objective function".
    pub fn ward(&self, k: usize) -> Vec<f64> {
        let mut labels: Vec<usize> = (0..self.len()).collect();
        let mut clusters: Vec<(f64, Vec<f64>)> = self.points.chunks_exact(self.d).map(|p| (1.0, p.to_vec())).collect();
        let mut alive: Vec<usize> = (0..clusters.len()).collect();
        while alive.len() > k {
            let (a, b) = closest(&alive, &clusters);
            let (nb, mean_b) = clusters[b].clone();
            let (na, mean_a) = &mut clusters[a];
            for (x, y) in mean_a.iter_mut().zip(&mean_b) {
                *x = (*na * *x + nb * y) / (*na + nb);
            }
            *na += nb;
            alive.retain(|&c| c != b);
            labels.iter_mut().filter(|l| **l == b).for_each(|l| *l = a);
        }
        let mut centres: Vec<f64> = alive.iter().flat_map(|&c| clusters[c].1.iter().copied()).collect();
        // Fewer rows than components: the rest begin where the first one is.
        while centres.len() < k * self.d && !centres.is_empty() {
            centres.extend_from_within(..self.d);
        }
        let compact: Vec<usize> = labels.iter().map(|l| alive.iter().position(|a| a == l).unwrap_or(0)).collect();
        self.by_size(&compact, &centres)
    }
}

/// The two clusters whose union costs least.
fn closest(alive: &[usize], clusters: &[(f64, Vec<f64>)]) -> (usize, usize) {
    let mut best = (f64::INFINITY, (0, 0));
    for (i, &a) in alive.iter().enumerate() {
        for &b in &alive[..i] {
            let ((na, x), (nb, y)) = (&clusters[a], &clusters[b]);
            let cost = na * nb / (na + nb) * square_distance(x, y);
            if cost < best.0 {
                best = (cost, (b, a));
            }
        }
    }
    best.1
}
