//! Fits that choose their own coordinates: hierarchies written centred come out right, and all that is made of such a fit
//! agrees with it.

use jensen::prelude::*;
use jensen::target::{Options, Target};
use jensen::{Fit, Fitted};

struct EightSchools {
    centred: bool,
}

impl Model for EightSchools {
    fn log_joint(&self, p: &LogJoint) {
        let effect = Column::new(vec![28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]);
        let stderr = Column::new(vec![15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]);
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_cauchy(5.0));
        let theta = if self.centred {
            p.draws("theta", normal(mu, tau), 8)
        } else {
            p.draws("raw", normal(0.0, 1.0), 8).map(|raw| mu + tau * raw)
        };
        p.rows(8, |i| i.observe(effect.at(i), normal(theta.at(i), stderr.at(i))));
    }
}

/// A funnel of four latents with an observation at each of three.
struct Funnel;

impl Model for Funnel {
    fn log_joint(&self, p: &LogJoint) {
        let y = Column::new([0.5, -0.2, 0.9]);
        let v = p.draw("v", normal(0.0, 3.0));
        let x = p.draws("x", normal(0.0, (0.5 * v).exp()), 3);
        p.rows(3, |i| i.observe(y.at(i), normal(x.at(i), 1.0)));
    }
}

/// Mean by importance weights, whatever the verdict.
fn weighted_mean(fitted: &Fitted, name: &str) -> f64 {
    fitted.proposal().weighted_summary().iter().find(|line| line.name == name).expect("a quantity").mean
}

/// The log evidence is -31.311347 and the moments of mu and tau are exact to five digits, by quadrature over both with the
/// schools integrated out; a full-rank Gaussian reaches -32.59 in centred and -31.53 in non-centred coordinates.
#[test]
fn eight_schools_written_centred_come_out_right() {
    for seed in [11, 12, 13] {
        let fitted = Fit::new(&EightSchools { centred: true }).seed(seed).run().unwrap();
        let bound = fitted.bound().elbo;
        assert!(bound.value > -31.6 && bound.value < -31.311 + 3.0 * bound.mcse, "{seed}: {bound}");
        for (name, mean, sd) in [("mu", 4.39682, 3.31770), ("tau", 3.59771, 3.21996), ("theta[0]", 6.21188, 5.59313)] {
            let off = (weighted_mean(&fitted, name) - mean) / sd;
            assert!(off.abs() < 0.1, "{seed}: {name} is off by {off} sd");
        }
        let centring = &fitted.posterior.layout().site("theta").unwrap().centring;
        assert!(centring.len() == 8 && centring.iter().all(|c| *c < 0.3), "{centring:?}");
        assert!(fitted.tried.coordinates[0].ends_with(", kept"), "{}", fitted.tried);
        assert_eq!(fitted.posterior.names()[2], "theta[0]");
    }
}

/// By quadrature over v with x integrated out: log evidence -4.044, v = -2.22 with sd 2.08. A full-rank Gaussian reaches -4.88
/// in centred coordinates.
#[test]
fn a_funnel_is_taken_out_of_its_coordinates() {
    for seed in [21, 22, 23] {
        let fitted = Fit::new(&Funnel).seed(seed).run().unwrap();
        assert!(fitted.bound().elbo.value > -4.3, "{seed}: {}", fitted.bound().elbo);
        let off = (weighted_mean(&fitted, "v") + 2.22) / 2.08;
        assert!(off.abs() < 0.1, "{seed}: off by {off} sd");
    }
}

#[test]
fn what_is_written_non_centred_is_left_alone() {
    let fitted = Fit::new(&EightSchools { centred: false }).run().unwrap();
    assert!(fitted.tried.coordinates.is_empty(), "{}", fitted.tried);
    assert!(fitted.posterior.layout().sites.iter().all(|site| site.centring.is_empty()));
}

#[test]
fn a_saved_fit_is_drawn_from_in_its_coordinates() {
    let model = EightSchools { centred: true };
    let fitted = Fit::new(&model).seed(3).run().unwrap();
    let path = std::env::temp_dir().join(format!("jensen-recentred-{}.json", std::process::id()));
    fitted.save(&path).unwrap();
    let loaded = jensen::posterior::Posterior::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(loaded, fitted.posterior);
    let same = Target::in_coordinates(&model, Options::default(), loaded.layout()).unwrap();
    let again = loaded.resample(&same, &*fitted.family, 500).unwrap();
    assert_eq!(again, fitted.resample(500).unwrap());
    let mean = again.named("tau").unwrap().iter().sum::<f64>() / 500.0;
    assert!((mean - 3.59771).abs() < 4.0 * 3.21996 / 500f64.sqrt(), "{mean}");
    // Each row's likelihood is that of the schools' effects, not of their coordinates.
    let rows = loaded.row_log_likelihood(&same, None).unwrap();
    let theta = fitted.draws("theta[0]").unwrap();
    let exact = |t: f64| -0.5 * ((28.0 - t) / 15.0).powi(2) - 15f64.ln() - 0.918_938_533_204_672_8;
    assert!(theta.iter().zip(&rows.values).all(|(t, found)| (exact(*t) - found).abs() < 1e-9));
    // In centred coordinates the draws would be other schools.
    let words = loaded.row_log_likelihood(&Target::new(&model).unwrap(), None).unwrap_err().to_string();
    assert!(words.contains("coordinates") && words.contains("in_coordinates"), "{words}");
}

/// Schools with more rows than were fitted, for prediction.
struct Rows(Vec<f64>);

impl Model for Rows {
    fn log_joint(&self, p: &LogJoint) {
        let tau = p.draw("tau", half_normal(1.0));
        let theta = p.draws("theta", normal(0.0, tau), 3);
        let (y, group) = (Column::new(self.0.clone()), IntColumn::new(vec![0; self.0.len()]));
        p.rows(self.0.len(), |i| i.observe(y.at(i), normal(theta.at(group.at(i)), 0.01)));
    }
}

#[test]
fn new_rows_are_predicted_by_the_latents_of_the_fit() {
    let fitted = Fit::new(&Rows(vec![0.7, 0.7])).run().unwrap();
    assert!(!fitted.posterior.layout().sites[1].centring.is_empty(), "{}", fitted.tried);
    let new = fitted.predict(&Rows(vec![0.0; 5]), 1000).unwrap();
    // theta[0] is 0.7 but for 0.007, and each new row adds 0.01.
    assert!(new[0].values.iter().all(|y| (y - 0.7).abs() < 0.07));
}

/// Intercepts and slopes of eight groups of four rows, with a correlation.
struct Slopes;

impl Model for Slopes {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draws("mu", normal(0.0, 2.0), 2);
        let tau = p.draws("tau", half_normal(1.0), 2);
        let l = p.draw("l", lkj_cholesky(2, 2.0));
        let zero = Real::from(0.0);
        let factor = Vector::new(&[tau.at(0), zero, tau.at(1) * l.at((1, 0)), tau.at(1) * l.at((1, 1))]);
        for group in 0..8 {
            let b = p.draw(&format!("b_{group}"), multivariate_normal_cholesky(mu, factor));
            for row in 0..4 {
                let (g, x) = (f64::from(group), f64::from(row) - 1.5);
                p.observe(
                    1.0 + (2.0 * g).sin() * 0.6 + 0.4 * x * g.cos() + (3.0 * g + 5.0 * x).sin() * 0.5,
                    normal(b.at(0) + x * b.at(1), 0.7),
                );
            }
        }
    }
}

/// The bound can only rise by what is kept, by more than its error; no bound is above the evidence.
#[test]
fn vectors_with_a_covariance_are_partly_non_centred() {
    let fitted = Fit::new(&Slopes).seed(5).run().unwrap();
    let words = &fitted.tried.coordinates[0];
    assert!(
        words.starts_with("8 latents from b_0 to b_7: 16 elements, centred by 0.") && words.ends_with(", kept"),
        "{words}"
    );
    let numbers: Vec<f64> =
        words.split("bound ").nth(1).unwrap().split([' ', '(']).filter_map(|w| w.parse().ok()).collect();
    assert!(numbers[1] > numbers[0] + 0.1, "{words}");
    let evidence = fitted.bound().log_evidence;
    assert!(fitted.bound().elbo.value < evidence.value + 3.0 * evidence.mcse);
}
