//! What is left of a step in which some draws have no finite density.

use jensen::estimate::{Design, Entropy, Estimate, GradientEstimator, Pathwise, Point, Space, StickingTheLanding};
use jensen::family::{Family, MeanField};
use jensen::model::{Draws, RowSet};
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

fn estimated(estimator: &dyn GradientEstimator<Target, MeanField>) -> (Estimate, Vec<f64>, Draws) {
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
    let (mut space, mut grad, mut grad_theta) = (Space::default(), vec![0.0; params.len()], vec![0.0]);
    let estimate = estimator.estimate(&target, &family, &at, &mut space, &mut grad, &mut grad_theta).unwrap();
    assert!(grad.iter().all(|g| g.is_finite()) && estimate.value.is_finite());
    (estimate, grad_theta, space.z)
}

#[test]
fn parameters_of_the_model_move_by_the_accepted_draws() {
    let monte_carlo = Pathwise { entropy: Entropy::MonteCarlo };
    let estimators: [&dyn GradientEstimator<Target, MeanField>; 3] =
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
