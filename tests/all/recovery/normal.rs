//! A normal mean and a linear regression, with every estimator and family that should be exact.

use super::{FLOOR, SEEDS, assert_bound, assert_recovered, bound, fit};
use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{Baseline, Design, Entropy, GradientEstimator, Pathwise, ScoreFunction, StickingTheLanding};
use jensen::family::{Blockwise, Family, FullRank, LowRank, MeanField, Reparam};
use jensen::fit::{MaxSteps, run};
use jensen::optimize::{Adam, Average, Schedule};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Target};
use nalgebra::{DMatrix, DVector};

const CLOSED: Pathwise = Pathwise { entropy: Entropy::ClosedForm };
const MONTE_CARLO: Pathwise = Pathwise { entropy: Entropy::MonteCarlo };
const SCORE: ScoreFunction = ScoreFunction { baseline: Baseline::LeaveOneOut };

/// `x_i ~ N(mu, 2), mu ~ N(1, 3)`.
struct Mean {
    x: Column,
    unit: f64,
}

const X: [f64; 8] = [2.1, 4.0, 3.3, -0.4, 5.2, 1.9, 2.8, 3.7];

impl Mean {
    fn scaled(unit: f64) -> Mean {
        Mean { x: Column::new(X.map(|x| unit * x)), unit }
    }

    /// Mean, standard deviation and log evidence, from the joint normal law of the data.
    fn exact(&self) -> (f64, f64, f64) {
        let (n, unit) = (X.len(), self.unit);
        let (noise, prior, centre) = (4.0 * unit * unit, 9.0 * unit * unit, unit);
        let precision = n as f64 / noise + 1.0 / prior;
        let mean = (X.iter().sum::<f64>() * unit / noise + centre / prior) / precision;
        let covariance = DMatrix::from_fn(n, n, |i, j| prior + if i == j { noise } else { 0.0 });
        let residual = DVector::from_fn(n, |i, _| self.x.values()[i] - centre);
        (mean, precision.recip().sqrt(), log_normal_density(covariance, residual))
    }
}

fn log_normal_density(covariance: DMatrix<f64>, residual: DVector<f64>) -> f64 {
    let n = residual.len() as f64;
    let factor = covariance.cholesky().unwrap();
    let ln_det: f64 = 2.0 * factor.l().diagonal().iter().map(|d| d.ln()).sum::<f64>();
    -0.5 * (residual.dot(&factor.solve(&residual)) + ln_det + n * (2.0 * std::f64::consts::PI).ln())
}

impl Model for Mean {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(self.unit, 3.0 * self.unit));
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 2.0 * self.unit)));
    }
}

fn check_mean<E: Copy + GradientEstimator<Target, Box<dyn Reparam>>>(estimator: E, what: &str) {
    let model = Mean::scaled(1.0);
    let (mean, sd, evidence) = model.exact();
    let target = Target::new(&model).unwrap();
    let families: [Box<dyn Reparam>; 2] = [Box::new(MeanField::of_dimension(1)), Box::new(FullRank::new(1))];
    for family in families {
        let what = format!("{what}, {}", family.name());
        let fits: Vec<Vec<f64>> =
            (0..SEEDS).map(|seed| fit(&target, &family, estimator, seed, 3000, Minibatch::Full).params).collect();
        assert_recovered(&fits, &[mean, sd.ln()], &[sd, 1.0], &what);
        let solution = Solution { params: fits[0].clone(), theta: vec![] };
        assert_bound(bound(&target, &family, &solution), evidence, 0.0, 1e-3, &what);
    }
}

#[test]
fn normal_mean_with_every_estimator() {
    check_mean(CLOSED, "pathwise");
    check_mean(MONTE_CARLO, "monte carlo entropy");
    check_mean(StickingTheLanding, "sticking the landing");
    check_mean(SCORE, "score function");
}

#[test]
fn minibatches_recover_the_same_posterior() {
    let model = Mean::scaled(1.0);
    let (mean, sd, _) = model.exact();
    let target = Target::new(&model).unwrap();
    let family = MeanField::of_dimension(1);
    for minibatch in [Minibatch::Shuffled(4), Minibatch::Replaced(4)] {
        let fits: Vec<Vec<f64>> =
            (0..SEEDS).map(|seed| fit(&target, &family, CLOSED, seed, 8000, minibatch).params).collect();
        // Minibatch noise is no smaller at the optimum, hence a wider floor through the standard error alone.
        assert_recovered(&fits, &[mean, sd.ln()], &[sd, 1.0], &format!("{minibatch:?}"));
    }
}

#[test]
fn rescaled_data_give_rescaled_posteriors() {
    let (_, _, evidence) = Mean::scaled(1.0).exact();
    for unit in [0.1, 10.0] {
        let model = Mean::scaled(unit);
        let (mean, sd, scaled_evidence) = model.exact();
        assert!((scaled_evidence - evidence + X.len() as f64 * unit.ln()).abs() < 1e-9);
        let target = Target::new(&model).unwrap();
        let family = MeanField::of_dimension(1);
        let steps = 6000;
        let algorithm = StochasticVi {
            target: &target,
            family: &family,
            estimator: StickingTheLanding,
            optimizer: Adam::new(Schedule::cosine(0.05, 1e-4, steps)),
            average: Average::Polynomial { eta: 8.0 },
            num_draws: 8,
            design: Design::Independent,
            minibatch: Minibatch::Full,
            start: Solution { params: family.init(&[2.0 * unit], unit), theta: vec![] },
            streams: Streams::new(3),
        };
        let mut state = algorithm.init().unwrap();
        run(&algorithm, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
        let solution = algorithm.output(&state);
        assert!((solution.params[0] - mean).abs() < 2.0 * FLOOR * sd, "{unit}: {} for {mean}", solution.params[0]);
        assert!((solution.params[1] - sd.ln()).abs() < 2.0 * FLOOR, "{unit}: {} for {}", solution.params[1], sd.ln());
        assert_bound(bound(&target, &family, &solution), scaled_evidence, 0.0, 1e-3, "rescaled");
    }
}

/// `y_i ~ N(x_i' b, 1), b ~ N(0, 2)` with correlated columns.
struct Regression {
    x: Matrix,
    y: Column,
}

impl Regression {
    fn new() -> Regression {
        let mut noise = vec![0.0; 4 * 30];
        Streams::new(17).fill_normal(1, &mut noise);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for e in noise.chunks_exact(4) {
            let row = [1.0, e[0], 0.6 * e[0] + 0.8 * e[1] + 0.5];
            y.push(0.5 + row[1] - 0.7 * row[2] + e[2]);
            x.extend(row);
        }
        Regression { x: Matrix::new(x, 3).unwrap(), y: Column::new(y) }
    }

    /// Mean, precision matrix and log evidence.
    fn exact(&self) -> (DVector<f64>, DMatrix<f64>, f64) {
        let n = self.y.len();
        let x = DMatrix::from_fn(n, 3, |i, j| self.x.row(i)[j]);
        let y = DVector::from_column_slice(self.y.values());
        let precision = x.transpose() * &x + DMatrix::identity(3, 3) * 0.25;
        let mean = precision.clone().cholesky().unwrap().solve(&(x.transpose() * &y));
        let covariance = DMatrix::identity(n, n) + 4.0 * &x * x.transpose();
        (mean, precision, log_normal_density(covariance, y))
    }
}

impl Model for Regression {
    fn log_joint(&self, p: &LogJoint) {
        let b = p.draws("b", normal(0.0, 2.0), 3);
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(self.x.at(i).dot(&b), 1.0)));
    }
}

#[test]
fn linear_regression_is_exact_in_full_rank_and_its_gap_is_known_in_mean_field() {
    let model = Regression::new();
    let (mean, precision, evidence) = model.exact();
    let covariance = precision.clone().try_inverse().unwrap();
    let sds: Vec<f64> = (0..3).map(|i| covariance[(i, i)].sqrt()).collect();
    let target = Target::new(&model).unwrap();

    let full = FullRank::new(3);
    let truth = full.params_from(mean.as_slice(), &covariance.clone().cholesky().unwrap().l());
    let row_sd = |i: usize| sds[i];
    let scale = [row_sd(0), row_sd(1), row_sd(2), 1.0, row_sd(1), 1.0, row_sd(2), row_sd(2), 1.0];
    let fits: Vec<_> = (0..SEEDS).map(|s| fit(&target, &full, CLOSED, s, 4000, Minibatch::Full).params).collect();
    assert_recovered(&fits, &truth, &scale, "full rank");
    let stuck = fit(&target, &full, StickingTheLanding, 1, 4000, Minibatch::Full);
    assert_bound(bound(&target, &full, &stuck), evidence, 0.0, 1e-3, "full rank");

    // The best product of normals has the posterior's mean and the conditional precisions.
    let product = MeanField::of_dimension(3);
    let conditional: Vec<f64> = (0..3).map(|i| -0.5 * precision[(i, i)].ln()).collect();
    let truth: Vec<f64> = mean.iter().chain(&conditional).copied().collect();
    let scale = [sds[0], sds[1], sds[2], 1.0, 1.0, 1.0];
    let fits: Vec<_> = (0..SEEDS).map(|s| fit(&target, &product, CLOSED, s, 4000, Minibatch::Full).params).collect();
    assert_recovered(&fits, &truth, &scale, "mean field");
    let ln_det = 2.0 * precision.clone().cholesky().unwrap().l().diagonal().iter().map(|d| d.ln()).sum::<f64>();
    let gap = -conditional.iter().sum::<f64>() - 0.5 * ln_det;
    assert!(gap > 0.1, "the test needs a correlated posterior, not a gap of {gap}");
    let solution = Solution { params: fits[0].clone(), theta: vec![] };
    assert_bound(bound(&target, &product, &solution), evidence, gap, 1e-3, "mean field");

    // Two factors and a diagonal lie between the two.
    let low_rank = LowRank::new(3, 2);
    let solution = fit(&target, &low_rank, StickingTheLanding, 1, 6000, Minibatch::Full);
    assert_bound(bound(&target, &low_rank, &solution), evidence, 0.0, 0.5 * gap, "low rank");
}

#[test]
fn a_point_mass_beside_a_normal_finds_the_mode() {
    let model = Regression::new();
    let target = Target::new(&model).unwrap();
    let boxed: Box<dyn Reparam> =
        Box::new(Blockwise::new(target.layout()).over(&["b"], jensen::family::Delta::new).unwrap());
    let solution = fit(&target, &boxed, CLOSED, 1, 3000, Minibatch::Full);
    for (found, mean) in solution.params.iter().zip(model.exact().0.iter()) {
        assert!((found - mean).abs() < 1e-4, "{found} for the mode {mean}");
    }
    let _: &dyn Differentiable = &target;
}
