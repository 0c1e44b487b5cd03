//! Checks of a fit against its data: rows left out, models on simulated data, flat priors.

use jensen::diagnose::{calibrate, compare_elpd};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::Target;
use statrs::distribution::{ContinuousCDF, Normal};

/// x_i ~ N(mu, 1), mu ~ N(0, scale)
struct Mean {
    x: Column,
    scale: f64,
}

impl Model for Mean {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, self.scale));
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 1.0)));
    }
}

fn normals(seed: u64, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    Streams::new(seed).fill_normal(1, &mut out);
    out
}

/// Mean and sd of a row when all others are known.
fn without(x: &[f64], row: usize, scale: f64) -> (f64, f64) {
    let precision = scale.powi(-2) + (x.len() - 1) as f64;
    ((x.iter().sum::<f64>() - x[row]) / precision, (1.0 + 1.0 / precision).sqrt())
}

#[test]
fn values_fall_where_the_other_rows_predict_them() {
    let x = normals(4, 60);
    let fitted = jensen::fit(&Mean { x: Column::new(&x[..]), scale: 2.0 }).unwrap();
    let pit = &fitted.loo_pit().unwrap()[0];
    assert_eq!((pit.name.as_str(), pit.values.len(), pit.k_hat.len()), ("data", 60, 60));
    let statistics = pit.statistics.as_ref().unwrap();
    assert!(statistics.uniformity_p_value > 1e-3 && pit.k_hat.iter().all(|k| *k < pit.threshold), "{pit:?}");
    for (row, value) in pit.values.iter().enumerate() {
        let (mean, sd) = without(&x, row, 2.0);
        let exact = Normal::new(mean, sd).unwrap().cdf(x[row]);
        // A share of 1000 draws, whose weights leave at least half of them: five standard errors.
        let error = (exact * (1.0 - exact) / 500.0).sqrt() + 1e-3;
        assert!((value - exact).abs() < 5.0 * error, "row {row}: {value}, expected {exact}");
    }
}

#[test]
fn data_that_spread_more_than_the_model_says_are_found() {
    let wide: Vec<f64> = normals(5, 100).iter().map(|x| 2.0 * x).collect();
    let pit = |x: &[f64]| jensen::fit(&Mean { x: Column::new(x), scale: 2.0 }).unwrap().loo_pit().unwrap().remove(0);
    let found = pit(&wide).statistics.unwrap();
    assert!(found.uniformity_p_value < 1e-3 && found.spread > 1.3, "{found:?}");
    assert!(pit(&wide[..20]).statistics.is_none());
}

#[test]
fn counts_are_spread_over_their_steps() {
    // Counts of a rate that is all but known: randomised values are uniform, whatever the steps.
    let mut u = vec![0.0; 400];
    Streams::new(9).fill_uniform(1, &mut u);
    // Inverse distribution function of a Poisson of rate 1.
    let count = |u: f64| {
        let (mut k, mut p, mut below) = (0_usize, (-1.0f64).exp(), (-1.0f64).exp());
        while below < u {
            k += 1;
            p /= k as f64;
            below += p;
        }
        k
    };
    let counts = IntColumn::new(u.iter().map(|u| count(*u)));
    let fitted = jensen::fit(&model(|p| {
        let rate = p.draw("rate", gamma(1000.0, 1000.0));
        p.rows(400, |i| i.observe(counts.at(i), poisson(rate)));
    }))
    .unwrap();
    let pit = &fitted.loo_pit().unwrap()[0];
    let found = pit.statistics.as_ref().unwrap();
    assert!(found.uniformity_p_value > 1e-3, "{found:?}");
    // A third of the counts are zero, and their values lie all over their step.
    let low: Vec<f64> = pit.values.iter().copied().filter(|v| *v < 0.36).collect();
    let mean = low.iter().sum::<f64>() / low.len() as f64;
    assert!(low.len() > 100 && (mean - 0.18).abs() < 5.0 * 0.36 / (12.0 * low.len() as f64).sqrt(), "{mean}");
}

#[test]
fn flat_priors_cost_prior_simulation_alone() {
    let x = normals(6, 40);
    let flat = model(|p| {
        let mu = p.real("mu");
        let x = Column::new(&x[..]);
        p.rows(40, |i| i.observe(x.at(i), normal(mu, 1.0)));
    });
    let fitted = jensen::fit(&flat).unwrap();
    assert!(fitted.bound().kl.is_none(), "a flat prior has no distance");
    let made = fitted.predictive(200).unwrap();
    assert_eq!((made.len(), made[0].num_draws, made[0].values.len()), (1, 200, 8000));
    // Of row i given the others: N(mean of the others, 1 + 1 / 39).
    let exact: f64 = (0..40)
        .map(|row| {
            let (mean, variance) = ((x.iter().sum::<f64>() - x[row]) / 39.0, 1.0 + 1.0 / 39.0);
            -0.5 * ((x[row] - mean).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
        })
        .sum();
    let loo = fitted.loo().unwrap();
    assert!((loo.elpd - exact).abs() < 0.02, "{} {exact}", loo.elpd);
    assert!(fitted.loo_pit().is_ok());
    let error = fitted.target.as_ref().unwrap().prior_draws(&[], Streams::new(1), 3).unwrap_err().to_string();
    assert!(error.contains("\"mu\" is bare"), "{error}");
}

#[test]
fn elpd_of_conjugate_normals_differs_as_it_should() {
    let x = normals(8, 30);
    let exact = |scale: f64| -> Vec<f64> {
        let one = |row: usize| {
            let (mean, sd) = without(&x, row, scale);
            -0.5 * (((x[row] - mean) / sd).powi(2) + (std::f64::consts::TAU * sd * sd).ln())
        };
        (0..x.len()).map(one).collect()
    };
    let loo = |scale: f64| jensen::fit(&Mean { x: Column::new(&x[..]), scale }).unwrap().loo().unwrap();
    let (wide, tight) = (loo(2.0), loo(0.02));
    let compared = compare_elpd(&[&wide, &tight]).unwrap();
    let differences: Vec<f64> = exact(2.0).iter().zip(exact(0.02)).map(|(a, b)| a - b).collect();
    let (sum, n) = (differences.iter().sum::<f64>(), differences.len() as f64);
    let variance = differences.iter().map(|d| (d - sum / n).powi(2)).sum::<f64>() / (n - 1.0);
    let found = if compared[0].model == 0 { -compared[1].difference } else { compared[1].difference };
    assert!((found - sum).abs() < 0.02, "{found} {sum}");
    assert!((compared[1].difference_se - (n * variance).sqrt()).abs() < 0.02, "{compared:?}");
    assert_eq!((compared[0].num_unreliable, compared[1].num_unreliable), (0, 0));
}

#[test]
fn a_way_of_fitting_is_calibrated_on_the_model_itself() {
    let own = Mean { x: Column::new(normals(2, 8)), scale: 2.0 };
    let target = Target::new(&own).unwrap();
    let by = |stretch: f64| {
        let fit = |set: &jensen::diagnose::DataSet| -> Result<_, jensen::algorithm::FitError> {
            let other = target.on_data(&own, &set.data).expect("columns");
            let fitted = jensen::Fit::new(&other).seed(set.index as u64).run()?;
            let mut draws = fitted.proposal().of_q();
            let mean = draws.values.iter().sum::<f64>() / draws.values.len() as f64;
            draws.values.iter_mut().for_each(|x| *x = mean + stretch * (*x - mean));
            draws.values.truncate(99);
            draws.num_draws = 99;
            Ok(draws)
        };
        calibrate(&target, &[], Streams::new(3), 60, fit).unwrap().remove(0).1
    };
    let right = by(1.0);
    assert!(right.uniformity_p_value > 1e-3 && right.symmetry_p_value > 1e-3, "{right:?}");
    let narrow = by(0.3);
    assert!(narrow.uniformity_p_value < 1e-3 && narrow.spread > 1.5, "{narrow:?}");
}
