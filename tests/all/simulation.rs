//! Simulation from a model: prior draws, predictive draws, and calibration of a fit by simulated data.

use jensen::algorithm::{FitError, Solution};
use jensen::diagnose::calibrate;
use jensen::family::MeanField;
use jensen::fit::Stop;
use jensen::posterior::statistics::{correlation, mcse_sd, mean, sd};
use jensen::posterior::{Assessment, Posterior};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

const DONE: Stop = Stop::Converged { steps: 1, statistic: 0.0 };

/// A scale, a vector that depends on it, a latent and an observation of each row, and one outside of rows.
struct Levels {
    x: Column,
}

impl Model for Levels {
    fn log_joint(&self, p: &LogJoint) {
        let shift = p.parameter("shift", &[1]);
        let tau = p.draw("tau", exponential(1.0));
        let centre = p.draws("centre", normal(3.0, tau), 2);
        p.derive("sum", centre.at(0) + centre.at(1));
        p.observe(0.25, normal(centre.at(1), 2.0));
        p.rows(self.x.len(), |i| {
            let z = i.draw("z", normal(centre.at(0), 1.0));
            i.observe(self.x.at(i), normal(z + shift.at(0), 0.5));
        });
    }
}

/// Mean and sd in standard errors of the sample.
#[track_caller]
fn check(draws: &[f64], expected_mean: f64, expected_sd: f64) {
    let (m, s) = (mean(draws), sd(draws));
    let error = s / (draws.len() as f64).sqrt();
    assert!((m - expected_mean).abs() < 4.0 * error, "mean {m} ± {error}, expected {expected_mean}");
    let error = mcse_sd(draws);
    assert!((s - expected_sd).abs() < 4.0 * error, "sd {s} ± {error}, expected {expected_sd}");
}

#[test]
fn prior_draws_have_the_moments_of_the_model() {
    let target = Target::new(&Levels { x: Column::new([1.0, 2.0, 3.0]) }).unwrap();
    let n = 20_000;
    let made = target.prior_draws(&[10.0], Streams::new(5), n).unwrap();
    assert_eq!(made.draws.names, ["shift[0]", "tau", "centre[0]", "centre[1]", "sum"]);
    assert!(made.draws.named("shift[0]").unwrap().iter().all(|s| *s == 10.0));
    check(made.draws.named("tau").unwrap(), 1.0, 1.0);
    // Variances by the law of total variance; E tau^2 = 2.
    check(made.draws.named("centre[1]").unwrap(), 3.0, 2f64.sqrt());
    let (a, b) = (made.draws.named("centre[0]").unwrap(), made.draws.named("centre[1]").unwrap());
    assert!((made.draws.named("sum").unwrap()[7] - a[7] - b[7]).abs() < 1e-14);
    // Uncorrelated though dependent: the correlation's error by its fourth moments, E tau^4 / (E tau^2)^2 = 6.
    assert!(correlation(a, b).abs() < 4.0 * (6.0 / n as f64).sqrt());
    assert_eq!((made.row_draws.names[0].as_str(), made.row_draws.num_rows), ("z", 3));
    check(&made.row_draws.values[n..2 * n], 3.0, 3f64.sqrt());
    assert_eq!(made.data.len(), 2);
    assert_eq!((made.data[0].observed[0], made.data[1].observed.as_slice()), (0.25, [1.0, 2.0, 3.0].as_slice()));
    check(&made.data[0].values, 3.0, 6f64.sqrt());
    let second = &made.data[1].values[n..2 * n];
    check(second, 13.0, 3.25f64.sqrt());
    // Rows share centre[0] and nothing else: covariance 2 of variance 3.25.
    let rho = correlation(&made.data[1].values[..n], second);
    assert!((rho - 2.0 / 3.25).abs() < 0.05, "{rho}");
    let noise: Vec<f64> = (0..n).map(|d| second[d] - made.row_draws.values[n + d] - 10.0).collect();
    check(&noise, 0.0, 0.5);
    assert_eq!(made, target.prior_draws(&[10.0], Streams::new(5), n).unwrap());
    assert!(!made.reads_its_data);
}

/// x_i ~ N(mu, 1), mu ~ N(0, 2)
struct Mean {
    x: Column,
}

impl Model for Mean {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 1.0)));
    }
}

/// The exact posterior of [`Mean`], moved by `shift` of its sds.
fn fit(x: &[f64], shift: f64, num_draws: usize, seed: u64) -> Result<(Target, Posterior), FitError> {
    let target = Target::new(&Mean { x: Column::new(x) })?;
    let precision = 0.25 + x.len() as f64;
    let sd = precision.powf(-0.5);
    let params = vec![x.iter().sum::<f64>() / precision + shift * sd, sd.ln()];
    let settings = Assessment::new(Streams::new(seed), &DONE).num_draws(num_draws);
    let solution = Solution { params, theta: vec![] };
    let posterior = Posterior::assess(&target, &MeanField::new(target.layout()), &solution, &settings)?;
    Ok((target, posterior))
}

const X: [f64; 4] = [1.2, 0.3, 2.1, -0.4];

#[test]
fn predictive_draws_have_the_moments_of_new_data() {
    let (target, posterior) = fit(&X, 0.0, 4000, 1).unwrap();
    let made = posterior.predictive(&target, None, 4000).unwrap();
    assert_eq!((made.len(), made[0].name.as_str(), made[0].observed.as_slice()), (1, "data", X.as_slice()));
    let precision = 0.25 + X.len() as f64;
    let expected = X.iter().sum::<f64>() / precision;
    let lanes: Vec<&[f64]> = made[0].values.chunks_exact(4000).collect();
    for lane in &lanes {
        check(lane, expected, (1.0 + 1.0 / precision).sqrt());
    }
    // Given mu the rows are independent normals around it.
    let mu = posterior.draws("mu").unwrap();
    let rest = |lane: &[f64]| lane.iter().zip(&mu).map(|(y, m)| y - m).collect::<Vec<_>>();
    let (a, b) = (rest(lanes[0]), rest(lanes[1]));
    check(&a, 0.0, 1.0);
    assert!(correlation(&a, &b).abs() < 4.0 / 4000f64.sqrt());
    assert!(correlation(&a, &mu).abs() < 4.0 / 4000f64.sqrt());
    let fewer = posterior.predictive(&target, None, 700).unwrap();
    assert_eq!(fewer[0].values[..700], lanes[0][..700]);
}

struct Bare;

impl Model for Bare {
    fn log_joint(&self, p: &LogJoint) {
        let x = p.real("loose");
        p.observe(1.0, normal(x, 1.0));
    }
}

struct Term;

impl Model for Term {
    fn log_joint(&self, p: &LogJoint) {
        let x = p.draw("x", normal(0.0, 1.0));
        p.add(-x * x);
        p.observe(1.0, normal(x, 1.0));
    }
}

struct PriorOnly;

impl Model for PriorOnly {
    fn log_joint(&self, p: &LogJoint) {
        p.draw("x", normal(0.0, 1.0));
    }
}

struct Lagged {
    y: Column,
}

impl Model for Lagged {
    fn log_joint(&self, p: &LogJoint) {
        let a = p.draw("a", normal(0.0, 1.0));
        p.rows(1..self.y.len(), |t| t.observe(self.y.at(t), normal(a * self.y.lag(t, 1), 1.0)));
    }
}

#[test]
fn what_cannot_be_simulated_is_refused_with_the_reason() {
    let refused = |model: &dyn Model, theta: &[f64]| {
        let target = Target::new(model).unwrap();
        let error = target.prior_draws(theta, Streams::new(1), 10).unwrap_err();
        error.to_string()
    };
    assert!(refused(&Bare, &[]).contains("the latent \"loose\" is bare"));
    assert!(refused(&Term, &[]).contains("a bare term"));
    assert!(refused(&PriorOnly, &[1.0]).contains("1 learnable parameters given, the model has 0"));
    let target = Target::new(&PriorOnly).unwrap();
    let z = jensen::model::Draws::zeros(target.layout(), 0, 3);
    let error = target.predictive_draws(&[], &z, Streams::new(1)).unwrap_err().to_string();
    assert!(error.contains("observes nothing"), "{error}");
    let lagged = Target::new(&Lagged { y: Column::new(X) }).unwrap();
    assert!(lagged.prior_draws(&[], Streams::new(1), 2).unwrap().reads_its_data);
    let fit = |_: &jensen::diagnose::DataSet| Err(FitError::setting("fit", "unreachable"));
    let error = calibrate(&lagged, &[], Streams::new(1), 30, fit).unwrap_err().to_string();
    assert!(error.contains("a lag"), "{error}");
}

#[test]
fn calibration_passes_the_exact_posterior_and_fails_a_shifted_one() {
    let target = Target::new(&Mean { x: Column::new(X) }).unwrap();
    let run = |shift: f64| {
        let fit = |set: &jensen::diagnose::DataSet| {
            let (_, posterior) = fit(&set.data[0], shift, 99, 1000 + set.index as u64)?;
            Ok::<_, FitError>(posterior.proposal().of_q())
        };
        calibrate(&target, &[], Streams::new(2), 300, fit).unwrap()
    };
    let right = run(0.0);
    assert_eq!(right[0].0, "mu");
    let right = &right[0].1;
    assert!(right.uniformity_p_value > 0.001 && right.symmetry_p_value > 0.001, "{right:?}");
    assert!(right.shift.abs() < 4.0 * right.shift_mcse);
    let wrong = &run(0.5)[0].1;
    assert!(wrong.symmetry_p_value < 1e-6 && wrong.shift < 0.0, "{wrong:?}");
}

/// The uniform distribution on a simplex of three numbers.
#[derive(Debug)]
struct Flat;

impl Distribution for Flat {
    type Value = Vector;

    fn formula(&self, _: Vector) -> Real {
        Real::from(2f64.ln())
    }

    fn support(&self) -> Support {
        Support::Simplex(3)
    }

    fn parameters(&self) -> Vec<Real> {
        vec![]
    }

    fn sample(&self, _: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        use rand_distr::Distribution as _;
        out.iter_mut().for_each(|x| *x = rand_distr::Exp1.sample(rng));
        let total: f64 = out.iter().sum();
        out.iter_mut().for_each(|x| *x /= total);
    }
}

/// A vector latent read in three ways: an element, a function of all, and by the row.
struct Shares {
    x: Column,
}

impl Model for Shares {
    fn log_joint(&self, p: &LogJoint) {
        let w = p.draw("w", Flat);
        p.derive("total", w.sum());
        p.derive("middle", w.at(1));
        p.rows(3, |i| i.observe(self.x.at(i), normal(w.at(i), 1e-9)));
    }
}

#[test]
fn vector_latents_are_drawn_in_all_their_places() {
    let target = Target::new(&Shares { x: Column::new([0.2, 0.3, 0.5]) }).unwrap();
    let made = target.prior_draws(&[], Streams::new(1), 2000).unwrap();
    // The elements are Beta(1, 2): mean 1/3, variance 1/18.
    check(made.draws.named("w[2]").unwrap(), 1.0 / 3.0, (1f64 / 18.0).sqrt());
    assert!(made.draws.named("total").unwrap().iter().all(|t| (t - 1.0).abs() < 1e-15));
    assert_eq!(made.draws.named("middle"), made.draws.named("w[1]"));
    for row in 0..3 {
        let (data, w) = (&made.data[0].values[row * 2000..(row + 1) * 2000], made.draws.element(row));
        // Nine standard deviations of the noise.
        assert!(data.iter().zip(w).all(|(x, w)| (x - w).abs() < 9e-9));
    }
}
