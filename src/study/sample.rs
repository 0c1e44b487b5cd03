//! What is kept of each gradient: two numbers, of which errors and ranks are made.

use serde::{Deserialize, Serialize};

/// Two numbers for each finite gradient, in the order in which they were taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// Squared distance from the mean of the gradients around it, scaled so that their mean estimates the variance
    /// without bias.
    pub squares: Vec<f64>,
    /// The component along the reference gradient in units of its length: one on average where nothing is biased.
    pub along: Vec<f64>,
    /// The first gradients, by which two estimators that are one are recognised.
    #[serde(skip)]
    pub(super) first: Vec<Vec<f64>>,
    /// Gradients whose mean is not known yet, one after the other.
    #[serde(skip)]
    block: Vec<f64>,
    /// Sums over neighbours: of products of their deviations, and of squared deviations.
    #[serde(skip)]
    neighbours: (f64, f64),
}

/// Numbers held until their mean is known, about, and gradients at least and at most.
const HELD: usize = 1 << 20;
const BLOCK: (usize, usize) = (32, 512);

/// Gradients kept whole.
const FIRST: usize = 8;

/// How close the numbers of two gradients are that are one but for rounding, relative to the largest.
const ROUNDING: f64 = 1e-9;

impl Sample {
    pub(super) fn add(&mut self, grad: &[f64], along: Option<&[f64]>) {
        if self.first.len() < FIRST {
            self.first.push(grad.to_vec());
        }
        if let Some(reference) = along {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            self.along.push(dot(grad, reference) / dot(reference, reference));
        }
        self.block.extend_from_slice(grad);
        if self.block.len() >= grad.len() * (HELD / grad.len().max(1)).clamp(BLOCK.0, BLOCK.1) {
            self.reduce(grad.len());
        }
    }

    /// Counts what is held; a last gradient that is alone waits for others.
    pub(super) fn close(&mut self) {
        if let Some(len) = self.first.first().map(Vec::len)
            && self.block.len() > len
        {
            self.reduce(len);
        }
    }

    fn reduce(&mut self, len: usize) {
        let (rows, count) = (self.block.chunks_exact(len.max(1)), self.block.len() / len.max(1));
        let mut mean = vec![0.0; len];
        rows.clone().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, g)| *m += g / count as f64));
        let scale = count as f64 / (count as f64 - 1.0);
        let between =
            |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).zip(&mean).map(|((a, b), m)| (a - m) * (b - m)).sum() };
        // What is left by rounding is no noise.
        let rounding = ROUNDING.powi(3) * mean.iter().map(|m| m * m).sum::<f64>();
        for row in rows.clone() {
            let square = Some(between(row, row)).filter(|square| *square > rounding).unwrap_or(0.0);
            self.neighbours.1 += square;
            self.squares.push(scale * square);
        }
        let products = rows.clone().zip(rows.skip(1)).map(|(a, b)| between(a, b));
        self.neighbours.0 += products.filter(|product| product.abs() > rounding).sum::<f64>();
        self.block.clear();
    }

    /// Correlation of each gradient with the one after it; near zero for every estimator that is unbiased given the past.
    pub(super) fn correlation(&self) -> f64 {
        if self.neighbours.1 > 0.0 { self.neighbours.0 / self.neighbours.1 } else { 0.0 }
    }

    /// Whether both took the same gradients, draw for draw, up to rounding.
    pub(super) fn is_same(&self, other: &Sample) -> bool {
        let size = |rows: &[Vec<f64>]| rows.iter().flatten().fold(0.0f64, |m, g| m.max(g.abs()));
        let tolerance = ROUNDING * size(&self.first).max(f64::MIN_POSITIVE);
        let close = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
        };
        let alike = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e3 * ROUNDING * (a.abs() + b.abs()) + tolerance.powi(2);
        !self.first.is_empty()
            && (self.first.len(), self.squares.len()) == (other.first.len(), other.squares.len())
            && self.first.iter().zip(&other.first).all(close)
            && self.squares.iter().zip(&other.squares).all(alike)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[[f64; 2]], reference: Option<&[f64]>) -> Sample {
        let mut sample = Sample::default();
        rows.iter().for_each(|row| sample.add(row, reference));
        sample.close();
        sample
    }

    #[test]
    fn squares_and_shares_are_those_of_hand() {
        // Mean (1, 2): squared distances 2, 0, 2, times 3/2.
        let sample = of(&[[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], Some(&[0.0, 4.0]));
        assert_eq!(sample.squares, [3.0, 0.0, 3.0]);
        assert_eq!(sample.along, [0.25, 0.5, 0.75]);
        assert_eq!(sample.correlation(), 0.0);
        // By turns: each deviation is minus the one before it.
        let turns: Vec<[f64; 2]> = (0..10).map(|k| if k % 2 == 0 { [1.0, 0.0] } else { [-1.0, 0.0] }).collect();
        assert_eq!(of(&turns, None).correlation(), -0.9);
    }

    #[test]
    fn the_same_gradients_are_recognised_and_others_are_not() {
        let rows: Vec<[f64; 2]> = (0..20).map(|k| [f64::from(k * k % 7), f64::from(k % 3) - 1.0]).collect();
        let rounded: Vec<[f64; 2]> = rows.iter().map(|[a, b]| [a * (1.0 + 1e-15), b + 1e-15]).collect();
        let mut last = rows.clone();
        last[15][0] += 0.1;
        assert!(of(&rows, None).is_same(&of(&rounded, None)));
        assert!(!of(&rows, None).is_same(&of(&last, None)));
        assert!(!of(&rows, None).is_same(&of(&rows[..19], None)));
        assert!(!Sample::default().is_same(&Sample::default()));
    }
}
