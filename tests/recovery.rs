//! Conjugate models whose posterior and evidence are known: means, standard deviations and bounds are recovered.
//!
//! A fit is repeated with independent seeds; their mean must lie within four of its standard errors of the truth, plus
//! `FLOOR` for the bias of an optimiser with a finite step, in units of the posterior's standard deviation.

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{
    Baseline, Design, Entropy, GradientEstimator, Hybrid, LeaveOneOut, Pathwise, ScoreFunction, StickingTheLanding,
};
use jensen::family::{
    Block, Categorical, Family, FullRank, Guide, Guided, LowRank, MeanField, Product, Reparam, TracedFamily,
};
use jensen::fit::{MaxSteps, run};
use jensen::model::{Draws, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Pass, Target};
use nalgebra::{DMatrix, DVector};

const FLOOR: f64 = 0.004;
const SEEDS: u64 = 6;
const CLOSED: Pathwise = Pathwise { entropy: Entropy::ClosedForm };
const MONTE_CARLO: Pathwise = Pathwise { entropy: Entropy::MonteCarlo };
const SCORE: ScoreFunction = ScoreFunction { baseline: Baseline::LeaveOneOut };

fn fit<F, E>(target: &Target, family: &F, estimator: E, seed: u64, steps: u64, minibatch: Minibatch) -> Solution
where
    F: Family,
    E: GradientEstimator<Target, F>,
{
    let algorithm = StochasticVi {
        target,
        family,
        estimator,
        optimizer: Adam::new(Schedule::cosine(0.05, 0.0005, steps)),
        average: Average::Polynomial { eta: 8.0 },
        num_draws: 8,
        design: Design::Independent,
        minibatch,
        start: Solution {
            params: family.init(&vec![0.0; target.layout().num_latents], 1.0),
            theta: vec![0.0; target.layout().num_parameters],
        },
        streams: Streams::new(seed),
    };
    let mut state = algorithm.init().unwrap();
    run(&algorithm, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    algorithm.output(&state)
}

/// The bound and its standard error from fresh draws.
fn bound<F: Family>(target: &Target, family: &F, solution: &Solution) -> (f64, f64) {
    let (rows, layout, num_draws) = (RowSet::all(), target.layout(), 20_000);
    let mut z = Draws::zeros(layout, layout.num_rows, num_draws);
    family.sample(&solution.params, &rows, Streams::new(991), &mut z);
    let (mut pass, mut log_q) = (Pass::default(), vec![0.0; num_draws]);
    target.log_density(&solution.theta, &z, &rows, &mut pass).unwrap();
    family.log_q(&solution.params, &rows, &z, &mut log_q);
    let terms: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    mean_and_standard_error(&terms)
}

/// Never above the evidence by more than four standard errors, and `gap` below it within those and `slack`.
fn assert_bound((value, error): (f64, f64), evidence: f64, gap: f64, slack: f64, what: &str) {
    assert!(value <= evidence + 4.0 * error + 1e-9, "{what}: bound {value} +- {error} above the evidence {evidence}");
    let expected = evidence - gap;
    assert!((value - expected).abs() <= 4.0 * error + slack, "{what}: bound {value} +- {error}, expected {expected}");
}

/// Holds fitted numbers, one vector a seed, against the truth in units of `scale`.
fn assert_recovered(fits: &[Vec<f64>], truth: &[f64], scale: &[f64], what: &str) {
    for k in 0..truth.len() {
        let values: Vec<f64> = fits.iter().map(|f| (f[k] - truth[k]) / scale[k]).collect();
        let (mean, error) = mean_and_standard_error(&values);
        assert!(mean.abs() <= 4.0 * error + FLOOR, "{what}, number {k}: off by {mean} +- {error}");
        assert!(error < 0.05, "{what}, number {k}: the fits scatter by {error}");
    }
}

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

/// `s` successes in `n` trials with a Beta(2, 3) prior.
struct Coin {
    y: Column,
}

impl Model for Coin {
    fn log_joint(&self, p: &LogJoint) {
        let share = p.draw("share", beta(2.0, 3.0));
        p.rows(self.y.len(), |i| i.add(self.y.at(i) * share.ln() + (1.0 - self.y.at(i)) * (1.0 - share).ln()));
    }
}

#[test]
fn coin_through_its_transform() {
    let (successes, trials) = (29, 80);
    let y: Vec<f64> = (0..trials).map(|i| if i < successes { 1.0 } else { 0.0 }).collect();
    let target = Target::new(&Coin { y: Column::new(y) }).unwrap();
    let (a, b) = (2.0 + f64::from(successes), 3.0 + f64::from(trials - successes));
    let ln_beta = statrs::function::beta::ln_beta;
    let evidence = ln_beta(a, b) - ln_beta(2.0, 3.0);
    let (mean, variance) = (a / (a + b), a * b / ((a + b).powi(2) * (a + b + 1.0)));
    let family = MeanField::of_dimension(1);
    let solution = fit(&target, &family, StickingTheLanding, 5, 4000, Minibatch::Full);
    // A normal in the logit is not exact: to leading order its divergence is a twelfth of the squared skewness, which for
    // the logit of a Beta(a, b) is (psi''(a) - psi''(b))^2 / (psi'(a) + psi'(b))^3, 0.0003 nats here.
    assert_bound(bound(&target, &family, &solution), evidence, 0.0003, 5e-4, "coin");
    let mut z = Draws::zeros(target.layout(), trials as usize, 40_000);
    let rows = RowSet::all();
    family.sample(&solution.params, &rows, Streams::new(77), &mut z);
    let shares = target.constrain(&[], &z, &rows).0;
    let (found, error) = mean_and_standard_error(&shares);
    assert!((found - mean).abs() < 4.0 * error + 0.02 * variance.sqrt(), "mean {found} +- {error} for {mean}");
    let sd = error * (shares.len() as f64).sqrt();
    assert!((sd / variance.sqrt() - 1.0).abs() < 0.02 + 4.0 / (2.0 * shares.len() as f64).sqrt(), "sd {sd}");
}

/// `z_i ~ N(0, 1), x_i ~ N(theta + z_i, 0.8)`, one latent for each row.
struct Factor {
    x: Column,
}

impl Model for Factor {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[1]).at(0);
        p.rows(self.x.len(), |i| {
            let z = i.draw("z", normal(0.0, 1.0));
            i.observe(self.x.at(i), normal(theta + z, 0.8));
        });
    }
}

/// `q(z_i | x_i) = N(a x_i + b, e^c)`: three numbers for any number of rows.
impl Guide for Factor {
    fn draw(&self, q: &Guided) {
        let (w, ln_sd) = (q.parameter("w", &[2]), q.parameter("ln_sd", &[]).at(0));
        q.rows(|i| {
            i.normal("z", w.at(0) * self.x.at(i) + w.at(1), ln_sd.exp());
        });
    }
}

fn factor() -> (Factor, f64, f64) {
    let mut x = vec![0.0; 60];
    Streams::new(23).fill_normal(1, &mut x);
    x.iter_mut().for_each(|x| *x = 1.5 + 1.3 * *x);
    let mean = x.iter().sum::<f64>() / 60.0;
    let variance: f64 = 1.0 + 0.64;
    let evidence =
        x.iter().map(|x| -0.5 * ((x - mean).powi(2) / variance + (2.0 * std::f64::consts::PI * variance).ln()));
    let evidence = evidence.sum();
    (Factor { x: Column::new(x) }, mean, evidence)
}

#[test]
fn a_linear_encoder_reaches_the_marginal_likelihood() {
    let (model, mean, evidence) = factor();
    let target = Target::new(&model).unwrap();
    let q = TracedFamily::new(&model, target.layout()).unwrap();
    let (slope, ln_sd) = (1.0 / 1.64, 0.5 * (0.64f64 / 1.64).ln());
    for minibatch in [Minibatch::Full, Minibatch::Shuffled(15)] {
        let solution = fit(&target, &q, StickingTheLanding, 2, 6000, minibatch);
        let w = q.parameter("w", &solution.params).unwrap();
        // Theta's own gradient stays noisy at the optimum, that of q does not.
        let tolerance = if minibatch == Minibatch::Full { 0.01 } else { 0.03 };
        assert!((solution.theta[0] - mean).abs() < tolerance, "{minibatch:?}: theta {} for {mean}", solution.theta[0]);
        assert!(
            (w[0] - slope).abs() < tolerance && (w[1] + slope * mean).abs() < 2.0 * tolerance,
            "{minibatch:?}: {w:?}"
        );
        let found = q.parameter("ln_sd", &solution.params).unwrap()[0];
        assert!((found - ln_sd).abs() < tolerance, "{minibatch:?}: ln sd {found} for {ln_sd}");
        assert_bound(bound(&target, &q, &solution), evidence, 0.0, 60.0 * tolerance * tolerance + 1e-6, "encoder");
    }
}

#[test]
fn free_row_latents_reach_it_too_with_minibatches() {
    let (model, mean, evidence) = factor();
    let target = Target::new(&model).unwrap();
    let family = MeanField::new(target.layout());
    let solution = fit(&target, &family, StickingTheLanding, 2, 12_000, Minibatch::Shuffled(15));
    assert!((solution.theta[0] - mean).abs() < 0.05, "theta {} for {mean}", solution.theta[0]);
    // A standard deviation fitted without the rows' weight would be half as large, and the bound 19 nats lower.
    let ln_sd = 0.5 * (0.64f64 / 1.64).ln();
    let (found, _) = mean_and_standard_error(&solution.params[60..]);
    assert!((found - ln_sd).abs() < 0.05, "ln sd {found} for {ln_sd}");
    assert_bound(bound(&target, &family, &solution), evidence, 0.0, 0.5, "free row latents");
}

/// A mixture's label for each row and its two means.
struct Mixture {
    x: Column,
}

impl Model for Mixture {
    fn log_joint(&self, p: &LogJoint) {
        let k = p.integer("k", 0..2);
        let mu = p.draw("mu", normal(0.0, 1.0));
        let centres = Vector::constant(&[-1.0, 1.0]);
        p.add((0.5f64).ln());
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu + centres.at(k), 1.0)));
    }
}

#[test]
fn hybrid_fits_an_integer_beside_a_real_latent() {
    // Independent q of (mu, k): the exact bound is maximised in closed form over mu given q(k), and by a scan over q(k).
    let x = [0.9, 1.6, 1.1];
    let (n, total) = (3.0, x.iter().sum::<f64>());
    let sd2: f64 = 1.0 / (n + 1.0);
    let log_joint = |mu: f64, variance: f64, centre: f64| {
        let square: f64 = x.iter().map(|x| (x - mu - centre).powi(2) + variance).sum();
        let constant = (n + 1.0) * (2.0 * std::f64::consts::PI).ln();
        0.5f64.ln() - 0.5 * (square + mu * mu + variance + constant)
    };
    let value = |share: f64| {
        let mu = (total - n * (2.0 * share - 1.0)) / (n + 1.0);
        let mean = (1.0 - share) * log_joint(mu, sd2, -1.0) + share * log_joint(mu, sd2, 1.0);
        let entropy = -share * share.ln() - (1.0 - share) * (1.0 - share).ln();
        mean + entropy + 0.5 * (sd2 * 2.0 * std::f64::consts::PI * std::f64::consts::E).ln()
    };
    let best = (1..10_000).map(|k| value(f64::from(k) / 1e4)).fold(f64::NEG_INFINITY, f64::max);
    let target = Target::new(&Mixture { x: Column::new(x) }).unwrap();
    let q = Product::new(MeanField::of_dimension(1), Categorical::new(target.layout()).unwrap());
    let solution = fit(&target, &q, Hybrid::<LeaveOneOut>::default(), 4, 6000, Minibatch::Full);
    let (found, error) = bound(&target, &q, &solution);
    assert!((found - best).abs() < 4.0 * error + 2e-3, "bound {found} +- {error}, the best is {best}");
}

#[test]
fn a_point_mass_beside_a_normal_finds_the_mode() {
    let model = Regression::new();
    let target = Target::new(&model).unwrap();
    let boxed: Box<dyn Reparam> =
        Box::new(Block::new(target.layout()).over(&["b"], jensen::family::Delta::new).unwrap());
    let solution = fit(&target, &boxed, CLOSED, 1, 3000, Minibatch::Full);
    for (found, mean) in solution.params.iter().zip(model.exact().0.iter()) {
        assert!((found - mean).abs() < 1e-4, "{found} for the mode {mean}");
    }
    let _: &dyn Differentiable = &target;
}
