//! Moments of gradients over many steps, and quadrature.

use super::steps::first_step;
use jensen::estimate::{Design, GradientEstimator, Point, Space, Task};
use jensen::model::RowSet;
use jensen::streams::Streams;
use jensen::testing::laws;

/// Mean, variance and kurtosis of one parameter's gradient over independent steps.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    pub mean: f64,
    pub variance: f64,
    pub kurtosis: f64,
    pub count: f64,
}

impl Moments {
    fn of(x: &[f64]) -> Moments {
        let count = x.len() as f64;
        let mean = x.iter().sum::<f64>() / count;
        let central = |k: i32| x.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / count;
        let variance = central(2) * count / (count - 1.0);
        Moments { mean, variance, kurtosis: central(4) / variance.powi(2), count }
    }

    /// Mean and standard error, as the laws take them.
    pub fn estimate(&self) -> (f64, f64) {
        (self.mean, (self.variance / self.count).sqrt())
    }

    /// Relative standard error of the variance.
    pub fn variance_error(&self) -> f64 {
        ((self.kurtosis - 1.0) / self.count).sqrt()
    }

    pub fn signal_to_noise(&self) -> f64 {
        self.mean.abs() / self.variance.sqrt()
    }
}

/// One step of an estimator in the place where its gradients are measured.
#[derive(Clone, Copy)]
pub struct Steps<'a> {
    pub params: &'a [f64],
    pub num_draws: usize,
    pub design: Design,
    pub repeats: usize,
}

impl<'a> Steps<'a> {
    pub fn new(params: &'a [f64], num_draws: usize, repeats: usize) -> Self {
        Steps { params, num_draws, design: Design::Independent, repeats }
    }

    /// The gradient of each step, `[parameter][step]`, and the values.
    pub fn run<T, F, E>(&self, estimator: &E, target: &T, family: &F) -> (Vec<Vec<f64>>, Vec<f64>)
    where
        T: ?Sized,
        F: ?Sized,
        E: GradientEstimator<T, F>,
    {
        let (mut space, rows, mut values) = (Space::default(), RowSet::all(), Vec::new());
        let (mut state, mut all) = (estimator.init(target, family), vec![Vec::new(); self.params.len()]);
        for step in 0..self.repeats {
            let Steps { params, num_draws, design, .. } = *self;
            let streams = Streams::new(31).at_step(step as u64);
            let at = Point { params, theta: &[], rows: &rows, streams, num_draws, design };
            let found = estimator.estimate(&Task { target, family, at }, &mut state, &mut space);
            values.push(found.unwrap_or_else(|e| panic!("{e}")).value);
            all.iter_mut().zip(&space.grad).for_each(|(all, g)| all.push(*g));
        }
        (all, values)
    }

    pub fn moments<T, F, E>(&self, estimator: &E, target: &T, family: &F) -> Vec<Moments>
    where
        T: ?Sized,
        F: ?Sized,
        E: GradientEstimator<T, F>,
    {
        self.run(estimator, target, family).0.iter().map(|g| Moments::of(g)).collect()
    }

    /// What the estimator says to a wrong setting.
    pub fn refusal<T, F, E>(&self, estimator: &E, target: &T, family: &F, rows: &RowSet, theta: &[f64]) -> String
    where
        T: ?Sized,
        F: ?Sized,
        E: GradientEstimator<T, F>,
    {
        let Steps { params, num_draws, design, .. } = *self;
        let at = Point { params, theta, rows, streams: Streams::new(1), num_draws, design };
        first_step(estimator, &Task { target, family, at })
            .map_or_else(|e| e.to_string(), |(e, _)| panic!("accepted: {e:?}"))
    }
}

/// `E[f(e)]` for a standard normal `e`, by the trapezoid rule, which converges faster than any power here.
pub fn normal_mean(f: impl Fn(f64) -> f64) -> f64 {
    const H: f64 = 0.08;
    (-100..=100)
        .map(|k| {
            let e = H * f64::from(k);
            H * (-0.5 * e * e).exp() / std::f64::consts::TAU.sqrt() * f(e)
        })
        .sum()
}

/// Derivative of `f` by central differences, error about 1e-9 for the functions of these tests.
pub fn derivative(params: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
    let at = |k: usize, h: f64| {
        let mut moved = params.to_vec();
        moved[k] += h;
        f(&moved)
    };
    let one = |k: usize, h: f64| (at(k, h) - at(k, -h)) / (2.0 * h);
    (0..params.len()).map(|k| ((4.0 * one(k, 1e-3) - one(k, 2e-3)) / 3.0, 0.0)).collect()
}

/// The measured means agree with `exact` within 4.5 standard errors, and would not, had they been 2 % off.
pub fn unbiased_with_power(name: &str, measured: &[Moments], exact: &[(f64, f64)]) {
    let estimates = |factor: f64| -> Vec<_> {
        measured.iter().map(|m| (factor * m.estimate().0, factor * m.estimate().1)).collect()
    };
    laws::is_unbiased(&estimates(1.0), exact, 4.5).unwrap_or_else(|e| panic!("{name}: {e}"));
    for factor in [0.98, 1.02] {
        let found = laws::is_unbiased(&estimates(factor), exact, 4.5);
        assert!(found.is_err(), "{name}: a factor of {factor} goes unseen in {measured:?}");
    }
}
