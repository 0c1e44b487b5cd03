//! Means and variances of gradients over independent steps.

use jensen::estimate::{Design, GradientEstimator, Point, Space, Task};
use jensen::model::RowSet;
use jensen::streams::Streams;
use jensen::target::DensityError;

/// Where gradients are taken: parameters of q, draws of a gradient, gradients.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub params: &'a [f64],
    pub num_draws: usize,
    pub repeats: usize,
}

/// Mean and variance of each parameter's gradient.
pub struct Moments {
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
}

impl Moments {
    pub fn total_variance(&self) -> f64 {
        self.variance.iter().sum()
    }

    /// The mean over the parameters of |mean| / sd.
    pub fn signal_to_noise(&self) -> f64 {
        let each = self.mean.iter().zip(&self.variance).map(|(m, v)| m.abs() / v.sqrt());
        each.sum::<f64>() / self.mean.len() as f64
    }
}

/// Moments of `at.repeats` gradients of `estimator`.
pub fn moments<T: ?Sized, F: ?Sized>(
    estimator: &impl GradientEstimator<T, F>,
    (target, family): (&T, &F),
    at: At,
) -> Result<Moments, DensityError> {
    let (rows, mut space, mut state) = (RowSet::all(), Space::default(), estimator.init(target, family));
    let count = at.params.len();
    let (mut sums, mut squares) = (vec![0.0; count], vec![0.0; count]);
    let mut first = Vec::new();
    for step in 0..at.repeats {
        let streams = Streams::new(17).at_step(step as u64);
        let (params, num_draws, design) = (at.params, at.num_draws, Design::Independent);
        let at = Point { params, theta: &[], rows: &rows, streams, num_draws, design };
        estimator.estimate(&Task { target, family, at }, &mut state, &mut space)?;
        if step == 0 {
            first.clone_from(&space.grad);
        }
        // Around the first gradient, so that little cancels.
        for (k, g) in space.grad.iter().enumerate() {
            sums[k] += g - first[k];
            squares[k] += (g - first[k]).powi(2);
        }
    }
    let n = at.repeats as f64;
    let variance = sums.iter().zip(&squares).map(|(s, q)| (q - s * s / n) / (n - 1.0)).collect();
    let mean = sums.iter().zip(&first).map(|(s, f)| f + s / n).collect();
    Ok(Moments { mean, variance })
}
