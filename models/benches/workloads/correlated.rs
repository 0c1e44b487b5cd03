//! W7: a correlated Gaussian, to KL(q || p) < 0.1, and a whole fit.

use std::path::Path;
use std::time::Instant;

use jensen::algorithm::{Algorithm, LaplaceApproximation, NaturalGradient, Solution};
use jensen::automatic::FamilyChoice;
use jensen::family::{Family, FullRank};
use jensen::streams::Streams;
use jensen::target::{Options, Target};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::models;

/// Figures are the best of this many runs.
const REPEATS: usize = 5;

/// Prints the time in steps, from N(0, I), until KL < 0.1, and the time of a whole fit with its assessment.
pub fn w7(path: &Path) {
    let (model, mean, covariance) = models::Correlated::read(path);
    let d = mean.len();
    let exact = Exact { mean: DVector::from_vec(mean), factor: covariance.cholesky().expect("a covariance") };
    let target = Target::with_options(&model, Options::default().threads(2)).expect("a valid model");
    let family = FullRank::new(d);
    let natural = |num_draws| NaturalGradient {
        target: &target,
        family: &family,
        num_draws,
        start: family.init(&vec![0.0; d], 1.0),
        tolerance: NaturalGradient::<Target>::tolerance_for(d),
        streams: Streams::new(1),
    };
    let suggested = NaturalGradient::<Target>::draws_for(d);
    for num_draws in [suggested, d.next_multiple_of(2), 2 * d] {
        exact.report(&format!("natural gradient, {num_draws} draws"), &natural(num_draws), &family);
    }
    let laplace =
        LaplaceApproximation { target: &target, family: &family, theta: &[], start: vec![0.0; d], difference: 1e-3 };
    exact.report("Laplace", &laplace, &family);

    let (mut best, mut kl) = (f64::INFINITY, f64::NAN);
    for _ in 0..3 {
        let start = Instant::now();
        let fit = jensen::Fit::new(&model).family(FamilyChoice::FullRank).restarts(1).threads(2);
        let fitted = fit.run().expect("a fit");
        best = best.min(start.elapsed().as_secs_f64());
        kl = exact.divergence(&family, &fitted.solution.params);
    }
    println!("W7 correlated Gaussian, {d} dimensions: whole fit {:.1} ms, KL(q||p) {kl:.2e}", best * 1e3);
}

struct Exact {
    mean: DVector<f64>,
    factor: Cholesky<f64, Dyn>,
}

impl Exact {
    /// KL(q || p) of two Gaussians.
    fn divergence(&self, family: &FullRank, params: &[f64]) -> f64 {
        let d = self.mean.len();
        let l = family.factor(params);
        let shift = DVector::from_fn(d, |i, _| self.mean[i] - params[i]);
        let whitened: DMatrix<f64> = self.factor.l().solve_lower_triangular(&l).expect("a regular factor");
        let ln_det = |l: &DMatrix<f64>| l.diagonal().map(f64::ln).sum();
        0.5 * (whitened.norm_squared() + shift.dot(&self.factor.solve(&shift)) - d as f64) + ln_det(&self.factor.l())
            - ln_det(&l)
    }

    /// The clock runs in `init` and `step`; the divergence is worked out while it stands.
    fn report<A: Algorithm<Output = Solution>>(&self, name: &str, algorithm: &A, family: &FullRank) {
        let (mut best, mut steps, mut kl) = (f64::INFINITY, 0, f64::INFINITY);
        for _ in 0..REPEATS {
            let start = Instant::now();
            let mut state = algorithm.init().expect("a start");
            let mut spent = start.elapsed().as_secs_f64();
            (steps, kl) = (0, f64::INFINITY);
            while kl >= 0.1 && steps < 2_000 && spent < 60.0 {
                let start = Instant::now();
                algorithm.step(&mut state).expect("a step");
                spent += start.elapsed().as_secs_f64();
                steps += 1;
                kl = self.divergence(family, &algorithm.output(&state).params);
            }
            best = best.min(spent);
        }
        let d = self.mean.len();
        println!("W7 correlated Gaussian, {d} dimensions, {name}: {:.2} ms, {steps} steps, KL {kl:.3e}", best * 1e3);
    }
}
