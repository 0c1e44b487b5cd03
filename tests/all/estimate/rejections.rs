//! What is left of a step in which some draws have no finite density.

use super::steps::first_step;
use jensen::estimate::{
    AnyEstimator, Design, Entropy, Estimate, Hybrid, LeaveOneOut, MultiSamplePathwise, Pathwise, Point, RealGradient,
    StickingTheLanding, Task,
};
use jensen::family::{CategoricalFactors, Family, MeanField, Product};
use jensen::model::{Draws, RowSet};
use jensen::objective::ImportanceWeighted;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

/// -(z - t)^2 / 2 + ln(z + 1), which is not a number below -1.
struct Cut;

impl Model for Cut {
    fn log_joint(&self, p: &LogJoint) {
        let t = p.parameter("t", &[1]).at(0);
        let z = p.real("z");
        p.add(-0.5 * (z - t).powi(2) + (z + 1.0).ln());
    }
}

const DRAWS: usize = 64;

fn estimated(estimator: &dyn AnyEstimator<Target, MeanField>) -> (Estimate, Vec<f64>, Draws) {
    let target = Target::new(&Cut).unwrap();
    let family = MeanField::new(target.layout());
    let (params, rows) = (family.init(&[0.0], 1.0), RowSet::all());
    let at = Point {
        params: &params,
        theta: &[0.3],
        rows: &rows,
        streams: Streams::new(1),
        num_draws: DRAWS,
        design: Design::Independent,
    };
    let (estimate, space) = first_step(&estimator, &Task { target: &target, family: &family, at }).unwrap();
    assert!(space.grad.iter().all(|g| g.is_finite()) && estimate.value.is_finite());
    (estimate, space.grad_theta, space.z)
}

#[test]
fn parameters_of_the_model_move_by_the_accepted_draws() {
    let monte_carlo = Pathwise { entropy: Entropy::MonteCarlo };
    let estimators: [&dyn AnyEstimator<Target, MeanField>; 3] =
        [&Pathwise::default(), &monte_carlo, &StickingTheLanding];
    for estimator in estimators {
        let (estimate, grad_theta, z) = estimated(estimator);
        let accepted: Vec<f64> = z.latents.iter().copied().filter(|z| *z > -1.0).collect();
        // d/dt -(z - t)^2 / 2 = z - t.
        let expected = accepted.iter().map(|z| z - 0.3).sum::<f64>() / accepted.len() as f64;
        assert!(accepted.len() < DRAWS && estimate.rejected == DRAWS - accepted.len());
        assert!((grad_theta[0] - expected).abs() < 1e-12, "{grad_theta:?} {expected}");
        assert_eq!(estimate.evaluations, DRAWS + accepted.len());
    }
}

#[test]
fn weighted_draws_move_the_parameters_of_the_model_without_the_rejected_ones() {
    let weighted = MultiSamplePathwise { objective: ImportanceWeighted, particles: DRAWS };
    let (_, grad_theta, z) = estimated(&weighted);
    // p / q up to a constant, for q the standard normal and theta 0.3.
    let weight =
        |z: f64| if z > -1.0 { (-0.5 * (z - 0.3f64).powi(2)).exp() * (z + 1.0) / (-0.5 * z * z).exp() } else { 0.0 };
    let total: f64 = z.latents.iter().map(|z| weight(*z)).sum();
    let expected = z.latents.iter().map(|z| weight(*z) / total * (z - 0.3)).sum::<f64>();
    assert!(z.latents.iter().any(|z| *z < -1.0));
    assert!((grad_theta[0] - expected).abs() < 1e-12, "{grad_theta:?} {expected}");
}

#[test]
fn integers_beside_rejected_draws_leave_the_parameters_to_the_accepted_ones() {
    struct Both;
    impl Model for Both {
        fn log_joint(&self, p: &LogJoint) {
            let t = p.parameter("t", &[1]).at(0);
            let (z, k) = (p.real("z"), p.integer("k", 0..2));
            p.add(-0.5 * (z - t).powi(2) + (z + 1.0).ln() + 0.3 * t * k.to_real());
        }
    }
    let target = Target::new(&Both).unwrap();
    let family = Product::new(MeanField::new(target.layout()), CategoricalFactors::new(target.layout()).unwrap());
    let (params, rows, streams) = (family.init(&[0.0], 1.0), RowSet::all(), Streams::new(1));
    let (theta, num_draws, design) = (&[0.3], DRAWS, Design::Independent);
    let at = Point { params: &params, theta, rows: &rows, streams, num_draws, design };
    let hybrid = Hybrid { real: RealGradient::Pathwise, discrete: LeaveOneOut };
    let (estimate, space) = first_step(&hybrid, &Task { target: &target, family: &family, at }).unwrap();
    let accepted: Vec<f64> = space.z.latents.iter().copied().filter(|z| *z > -1.0).collect();
    assert!(estimate.rejected == DRAWS - accepted.len() && estimate.rejected > 0);
    // The mean of z - t, and of 0.3 k, which lies between 0 and 0.3.
    let of_reals = accepted.iter().map(|z| z - 0.3).sum::<f64>() / accepted.len() as f64;
    let of_integers = (space.grad_theta[0] - of_reals) / 0.3 * accepted.len() as f64;
    assert!((of_integers - of_integers.round()).abs() < 1e-9, "a number of ones: {of_integers}");
    assert!(of_integers > 0.0 && of_integers < accepted.len() as f64, "{of_integers}");
}
