//! Roeder, Wu and Duvenaud 2017: the path derivative alone has no variance where q is the posterior.

use jensen::estimate::{AnyEstimator, Pathwise, StickingTheLanding};
use jensen::family::{Family, FullRank};
use jensen::prelude::*;
use jensen::target::Target;

use super::figure::Figure;
use super::measure::{At, moments};

const DIMENSION: usize = 5;

/// A Gaussian that the family holds: a random walk of five steps with a noisy view of each.
struct Walk;

impl Model for Walk {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.draws("z", normal(0.0, 1.0), DIMENSION);
        let mut place = Real::from(0.0);
        for (k, seen) in [0.4, 1.3, 0.7, 1.9, 2.2].into_iter().enumerate() {
            place += z.at(k);
            p.observe(seen, normal(place, 0.5));
        }
    }
}

pub fn run(folder: &str) -> super::Done {
    let target = Target::new(&Walk)?;
    let family = FullRank::new(DIMENSION);
    let best = jensen::Fit::new(&Walk).family(jensen::automatic::FamilyChoice::FullRank).run()?.solution.params;
    let start = family.init(&[0.0; DIMENSION], 1.0);
    let pathwise = Pathwise::default();
    let estimators: [(&str, &dyn AnyEstimator<Target, FullRank>); 2] =
        [("pathwise", &pathwise), ("sticking the landing", &StickingTheLanding)];
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = estimators.iter().map(|(n, _)| (n.to_string(), vec![])).collect();
    for left in [1.0, 0.3, 0.1, 0.03, 0.01, 0.001, 0.0001] {
        let params: Vec<f64> = start.iter().zip(&best).map(|(a, b)| left * a + (1.0 - left) * b).collect();
        for ((_, estimator), line) in estimators.iter().zip(&mut lines) {
            let at = At { params: &params, num_draws: 1, repeats: 4000 };
            line.1.push((left, moments(estimator, (&target, &family), at)?.total_variance()));
        }
    }
    let figure = Figure {
        title: "A Gaussian posterior: variance of a gradient of one draw on the way to it",
        x: "way left, as a share",
        y: "total variance",
        log_x: true,
        lines,
    };
    Ok(figure.publish(folder, "landing.svg")?)
}
