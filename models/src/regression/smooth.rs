//! Smooth curves with a prior of their own: a line, and what bends away from it.
//!
//! Cubic B-splines at equally spaced knots, whose second differences are the coefficients (Eilers and Marx 1996; Currie and Durban
//! 2002): independent normal numbers of one standard deviation, which says how much the curve bends.

use nalgebra::DMatrix;

/// Pieces of a curve: ends, the number of splines, what the columns are divided by, and their means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Basis {
    low: f64,
    high: f64,
    scale: f64,
    means: Vec<f64>,
}

/// Learns a curve of `k` splines from the rows of a fit; none where they have too few different values.
pub(super) fn learn(x: &[f64], k: usize) -> Option<Basis> {
    let (low, high) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    if sorted.len() < k || k < 4 {
        return None;
    }
    let mut basis = Basis { low, high, scale: 1.0, means: vec![0.0; k - 2] };
    let raw = basis.columns(x).ok()?;
    let n = x.len() as f64;
    basis.means = raw.iter().map(|column| column.iter().sum::<f64>() / n).collect();
    let of = |(column, mean): (&Vec<f64>, &f64)| column.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / n;
    // A curve whose coefficients have the standard deviation one is as far from its line in the mean over rows.
    basis.scale = raw.iter().zip(&basis.means).map(of).sum::<f64>().sqrt();
    basis.means.iter_mut().for_each(|mean| *mean /= basis.scale);
    Some(basis)
}

impl Basis {
    /// As numbers, to be kept.
    pub fn state(&self) -> Vec<f64> {
        [self.low, self.high, self.scale].into_iter().chain(self.means.iter().copied()).collect()
    }

    /// From these numbers.
    pub fn of_state(state: &[f64]) -> Option<Self> {
        let [low, high, scale, means @ ..] = state else { return None };
        Some(Basis { low: *low, high: *high, scale: *scale, means: means.to_vec() })
    }

    /// Between which values the curve is.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// The columns of what bends at `x`; a row outside of the ends is the error.
    pub fn columns(&self, x: &[f64]) -> Result<Vec<Vec<f64>>, usize> {
        let num = self.means.len();
        let to_columns = from_differences(num + 2);
        let width = (self.high - self.low) / (num as f64 - 1.0);
        let mut out = vec![Vec::with_capacity(x.len()); num];
        for (row, &x) in x.iter().enumerate() {
            if !(self.low..=self.high).contains(&x) {
                return Err(row);
            }
            let t = (x - self.low) / width;
            let piece = (t.floor() as usize).min(num - 2);
            let weights = cubic(t - piece as f64);
            for (k, column) in out.iter_mut().enumerate() {
                let z: f64 = weights.iter().enumerate().map(|(j, w)| w * to_columns[(piece + j, k)]).sum();
                column.push(z / self.scale - self.means[k]);
            }
        }
        Ok(out)
    }
}

/// The four cubic splines that are not zero at the share `t` of a piece.
fn cubic(t: f64) -> [f64; 4] {
    let s = 1.0 - t;
    [
        s.powi(3) / 6.0,
        (3.0 * t.powi(3) - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s.powi(3) - 6.0 * s * s + 4.0) / 6.0,
        t.powi(3) / 6.0,
    ]
}

/// `D' (D D')^-1` with the second differences `D`: the coefficients of `k` splines whose second differences are given.
fn from_differences(k: usize) -> DMatrix<f64> {
    let d = DMatrix::from_fn(k - 2, k, |i, j| match j.wrapping_sub(i) {
        0 | 2 => 1.0,
        1 => -2.0,
        _ => 0.0,
    });
    let square = &d * d.transpose();
    // Positive definite for every k.
    square.cholesky().map_or_else(|| d.transpose(), |factor| d.transpose() * factor.inverse())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splines add up to one, and the spline at a knot is 1/6, 2/3, 1/6 (de Boor).
    #[test]
    fn splines_are_those_of_the_tables() {
        assert_eq!(cubic(0.0).map(|w| (w * 6.0).round()), [1.0, 4.0, 1.0, 0.0]);
        for t in [0.0, 0.3, 0.77, 1.0] {
            assert!((cubic(t).iter().sum::<f64>() - 1.0).abs() < 1e-15);
        }
    }

    /// Coefficients with second differences `u` make the function whose second derivative at knots is `u / width^2`: with all `u`
    /// equal, a parabola less a line. Together with a line the columns hold every parabola, exactly.
    #[test]
    fn a_parabola_is_a_line_and_equal_differences() {
        let x: Vec<f64> = (0..=60).map(|k| f64::from(k) / 6.0).collect();
        let basis = learn(&x, 12).expect("61 values");
        let columns = basis.columns(&x).expect("inside");
        let bent: Vec<f64> = (0..x.len()).map(|i| columns.iter().map(|c| c[i]).sum::<f64>()).collect();
        // Second differences of the sum are those of a parabola: all the same.
        let second: Vec<f64> = bent.windows(3).map(|w| w[0] - 2.0 * w[1] + w[2]).collect();
        assert!(second.iter().all(|s| (s - second[0]).abs() < 1e-10), "{second:?}");
        assert!(second[0] > 0.0);
        let mean = bent.iter().sum::<f64>() / bent.len() as f64;
        assert!(mean.abs() < 1e-12, "{mean}");
        let spread: f64 = columns.iter().flatten().map(|z| z * z).sum::<f64>() / x.len() as f64;
        assert!((spread - 1.0).abs() < 1e-12, "{spread}");
        assert_eq!(basis.columns(&[3.0, 10.1]), Err(1));
        assert_eq!(Basis::of_state(&basis.state()), Some(basis));
        assert_eq!(learn(&[1.0, 2.0, 3.0], 10), None);
    }
}
