//! [`Scale`]: standardisation of a column, kept so that it can be undone.

/// The mean and the standard deviation by which a column is standardised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The mean of the column.
    pub mean: f64,
    /// The standard deviation, with divisor `n - 1`.
    pub sd: f64,
}

impl Scale {
    /// Measures `values`; `sd` is exactly 0 where they are equal up to rounding.
    pub fn measure(values: &[f64]) -> Self {
        let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        if largest == 0.0 {
            return Scale { mean: 0.0, sd: 0.0 };
        }
        // A unit near the largest keeps squares in range; a power of two divides without rounding.
        let unit = largest.log2().floor().exp2();
        let n = values.len() as f64;
        let mean = values.iter().map(|v| v / unit).sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v / unit - mean).powi(2)).sum();
        let sd = (squares / (n - 1.0).max(1.0)).sqrt();
        let rounding = 8.0 * f64::EPSILON;
        Scale { mean: mean * unit, sd: if sd > rounding { sd * unit } else { 0.0 } }
    }

    /// `(value - mean) / sd`
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.sd
    }

    /// `mean + sd * value`
    pub fn undo(&self, value: f64) -> f64 {
        self.mean + self.sd * value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let scale = Scale::measure(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((scale.mean - 5.0).abs() < 1e-15);
        assert!((scale.sd - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        assert!((scale.undo(scale.apply(7.25)) - 7.25).abs() < 1e-14);
    }

    #[test]
    fn huge_and_tiny_columns_stay_finite() {
        for unit in [1e300, 1e-300] {
            let scale = Scale::measure(&[unit, 3.0 * unit]);
            assert!((scale.mean / unit - 2.0).abs() < 1e-14);
            assert!((scale.sd / unit - 2.0_f64.sqrt()).abs() < 1e-14);
        }
    }

    #[test]
    fn a_constant_column_has_sd_zero() {
        for values in [vec![0.1; 7], vec![0.0; 3], vec![4.0], vec![-1e20; 5]] {
            assert_eq!(Scale::measure(&values).sd, 0.0);
        }
        assert!(Scale::measure(&[1e9, 1e9 + 1.0]).sd > 0.7);
    }
}
