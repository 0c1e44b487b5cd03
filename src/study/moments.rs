//! Mean and variance of many gradients, one number at a time.

/// Running means and sums of squared deviations of vectors.
///
/// *Source*: Welford 1962.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    pub count: usize,
    pub mean: Vec<f64>,
    squares: Vec<f64>,
    /// The largest deviation of any number from its mean so far.
    pub extreme: f64,
}

impl Moments {
    pub fn new(len: usize) -> Self {
        Moments { count: 0, mean: vec![0.0; len], squares: vec![0.0; len], extreme: 0.0 }
    }

    pub fn add(&mut self, x: &[f64]) {
        self.count += 1;
        let share = 1.0 / self.count as f64;
        for ((mean, squares), x) in self.mean.iter_mut().zip(&mut self.squares).zip(x) {
            let delta = x - *mean;
            if self.count > 1 {
                self.extreme = self.extreme.max(delta.abs());
            }
            *mean += share * delta;
            *squares += delta * (x - *mean);
        }
    }

    /// Unbiased variances; NaN with fewer than two vectors.
    pub fn variance(&self) -> Vec<f64> {
        let share = if self.count > 1 { 1.0 / (self.count - 1) as f64 } else { f64::NAN };
        self.squares.iter().map(|s| share * s).collect()
    }

    /// Squared standard errors of the means.
    pub fn squared_errors(&self) -> Vec<f64> {
        self.variance().iter().map(|v| v / self.count as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_survive_a_large_offset() {
        let mut moments = Moments::new(2);
        for x in [1.0, 2.0, 3.0, 4.0] {
            moments.add(&[x, 1e9 - x]);
        }
        assert_eq!(moments.mean, [2.5, 1e9 - 2.5]);
        // 5/3 by hand; deviations near 1e9 are exact to an ulp of 1e9, 1.2e-7
        let variance = moments.variance();
        assert!((variance[0] - 5.0 / 3.0).abs() < 1e-15 && (variance[1] - 5.0 / 3.0).abs() < 1e-6, "{variance:?}");
        assert!((moments.squared_errors()[0] - 5.0 / 12.0).abs() < 1e-15);
        // 4 on the mean of 1, 2 and 3
        assert_eq!(moments.extreme, 2.0);
        assert!(Moments::new(1).variance()[0].is_nan());
    }
}
