//! The automatic fit needs no tuning: every model here is fitted with defaults alone.

use jensen::algorithm::Minibatch;
use jensen::automatic::{
    DesignChoice, EstimatorChoice, FamilyChoice, IntegerChoice, OptimizerChoice, Tried, family_of,
};
use jensen::fit::Stop;
use jensen::optimize::Clip;
use jensen::prelude::*;
use jensen::program::log_sum_exp;
use jensen::streams::Streams;
use jensen::{Fit, Fitted, Trust};

/// A model written as a closure.
struct Written<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for Written<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

fn best(fitted: &Fitted) -> (f64, f64) {
    let restart = &fitted.tried.runs[fitted.tried.chosen];
    (restart.bound, restart.bound_se)
}

/// Normal mean with a normal prior: posterior and evidence are exact.
#[test]
fn a_conjugate_mean_is_exact_under_every_choice() {
    let x = [1.2, -0.4, 2.2, 0.9, 1.7];
    let model = Written(|p: &LogJoint| {
        let mu = p.draw("mu", normal(0.0, 3.0));
        let x = Column::new(x);
        p.rows(5, |i| i.observe(x.at(i), normal(mu, 1.0)));
    });
    let (n, sum): (f64, f64) = (5.0, x.iter().sum());
    let precision = n + 1.0 / 9.0;
    let (mean, sd) = (sum / precision, precision.recip().sqrt());
    let squares: f64 = x.iter().map(|x| x * x).sum();
    let ln_2_pi = (2.0 * std::f64::consts::PI).ln();
    let evidence = -0.5 * (n * ln_2_pi + 9.0f64.ln() + precision.ln() + squares - sum * sum / precision);
    let mut tried = 0;
    for family in [FamilyChoice::Auto, FamilyChoice::MeanField, FamilyChoice::FullRank, FamilyChoice::LowRank] {
        for optimizer in
            [OptimizerChoice::Auto, OptimizerChoice::Adam, OptimizerChoice::Lbfgs, OptimizerChoice::NewtonCg]
        {
            let fitted = Fit::new(&model).family(family).optimizer(optimizer).seed(1).run().unwrap();
            assert!(fitted.stop.has_converged(), "{}: {}", fitted.plan, fitted.stop);
            let mean_found = fitted.family.centre(&fitted.solution.params)[0];
            let (bound, se) = best(&fitted);
            assert!((mean_found - mean).abs() < 0.05 * sd, "{}: mean {mean_found}, exact {mean}", fitted.plan);
            assert!((bound - evidence).abs() < 0.01 + 4.0 * se, "{}: {bound} against {evidence}", fitted.plan);
            tried += 1;
        }
    }
    assert_eq!(tried, 16);
}

/// theta ~ Beta(2, 3), 7 successes of 10: evidence B(9, 6) / B(2, 3).
#[test]
fn beta_bernoulli_is_bounded_by_its_evidence() {
    let model = Written(|p: &LogJoint| {
        let theta = p.draw("theta", beta(2.0, 3.0));
        let y = Column::new([1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
        p.rows(10, |i| i.add(y.at(i) * theta.ln() + (1.0 - y.at(i)) * (1.0 - theta).ln()));
    });
    let fitted = jensen::fit(&model).unwrap();
    // B(9, 6) / B(2, 3) = (8! 5! / 14!) * 12
    let evidence = (40320.0 * 120.0 / 87_178_291_200.0f64 * 12.0).ln();
    let (bound, se) = best(&fitted);
    assert!(fitted.stop.has_converged());
    assert!(bound < evidence + 4.0 * se && bound > evidence - 0.02, "{bound} ({se}) against {evidence}");
}

/// y ~ N(a + b x, s) with features of sizes 1e-4 to 1e4: the fit is that of the rescaled data, rescaled.
#[test]
fn badly_scaled_features_change_nothing() {
    let n = 60;
    let mut numbers = vec![0.0; 4 * n];
    Streams::new(9).fill_normal(1, &mut numbers);
    let y: Vec<f64> =
        (0..n).map(|i| 1.0 + 0.5 * numbers[i] - 0.8 * numbers[n + i] + 0.3 * numbers[3 * n + i]).collect();
    let bound_at = |scales: [f64; 2]| {
        let x: Vec<f64> = (0..n).flat_map(|i| [scales[0] * numbers[i], scales[1] * numbers[n + i]]).collect();
        let model = Written(|p: &LogJoint| {
            let a = p.draw("a", normal(0.0, 5.0));
            let b0 = p.draw("b0", normal(0.0, 5.0 / scales[0]));
            let b1 = p.draw("b1", normal(0.0, 5.0 / scales[1]));
            let s = p.draw("s", half_normal(2.0));
            let x = Matrix::new(x.clone(), 2).unwrap();
            let y = Column::new(y.clone());
            p.rows(n, |i| i.observe(y.at(i), normal(a + b0 * x.at(i).at(0) + b1 * x.at(i).at(1), s)));
        });
        let fitted = jensen::fit(&model).unwrap();
        assert!(fitted.stop.has_converged(), "{scales:?}: {}", fitted.stop);
        best(&fitted)
    };
    let plain = bound_at([1.0, 1.0]);
    for scales in [[1e-4, 1e4], [1e3, 1e-2]] {
        let scaled = bound_at(scales);
        assert!((scaled.0 - plain.0).abs() < 0.03 + 4.0 * scaled.1.hypot(plain.1), "{scales:?}: {scaled:?} {plain:?}");
    }
}

/// A Poisson regression on a feature in the hundreds.
#[test]
fn poisson_regression_converges() {
    let x: Vec<f64> = (0..40).map(|k| 100.0 + 5.0 * f64::from(k)).collect();
    let y: Vec<f64> =
        x.iter().enumerate().map(|(k, x)| (0.01 * x + 0.3 * ((k * 7) % 5) as f64).exp().floor()).collect();
    let model = Written(|p: &LogJoint| {
        let (a, b) = (p.draw("a", normal(0.0, 5.0)), p.draw("b", normal(0.0, 1.0)));
        let (x, y) = (Column::new(x.clone()), Column::new(y.clone()));
        p.rows(40, |i| {
            let eta = a + b * x.at(i);
            i.add(y.at(i) * eta - eta.exp())
        });
    });
    let fitted = jensen::fit(&model).unwrap();
    assert!(fitted.stop.has_converged());
    let [one, two] = [&fitted.tried.runs[0], &fitted.tried.runs[1]];
    assert!((one.bound - two.bound).abs() < 0.05 + 4.0 * one.bound_se.hypot(two.bound_se));
}

/// What was tried has a line for the start and one for each run, and is itself again after it was saved.
#[test]
fn what_was_tried_is_told_and_saved() {
    let model = Written(|p: &LogJoint| {
        p.draw("mu", normal(0.0, 3.0));
    });
    let tried = Fit::new(&model).restarts(3).run().unwrap().tried;
    let lines: Vec<String> = tried.to_string().lines().map(str::to_string).collect();
    assert!(lines.len() == 4 && lines[0].starts_with("start: "), "{tried}");
    assert!(lines[tried.chosen + 1].starts_with(&format!("run {}, chosen: bound ", tried.chosen + 1)), "{tried}");
    assert_eq!(tried.to_string().matches("chosen").count(), 1);
    let saved = serde_json::to_string(&tried).unwrap();
    assert_eq!(serde_json::from_str::<Tried>(&saved).unwrap(), tried);
    let edited = saved.replace("\"chosen\":", "\"taken\":");
    assert!(serde_json::from_str::<Tried>(&edited).is_err());
}

/// A funnel of bare latents has no good Gaussian and keeps its coordinates: the fit ends all the same, within a nat of the best
/// there is, which is derived in `tests/all/algorithms.rs`.
#[test]
fn a_funnel_ends() {
    let model = Written(|p: &LogJoint| {
        let v = p.draw("v", normal(0.0, 3.0));
        p.add(p.reals("x", 9).map(|x| normal(0.0, (0.5 * v).exp()).log_density(x)).sum());
    });
    let fitted = Fit::new(&model).family(FamilyChoice::FullRank).run().unwrap();
    let variance = 1.0 / (1.0 / 9.0 + 4.5f64);
    let optimum = -variance / 18.0 - 3f64.ln() + 0.5 + 0.5 * variance.ln() - 2.25 * variance;
    let (bound, se) = best(&fitted);
    assert!(bound < optimum + 4.0 * se && bound > optimum - 1.0 - 4.0 * se, "{bound} ({se}), best {optimum}");
}

/// Drawn from their priors, the latents of the same funnel have coordinates in which it is a normal distribution.
#[test]
fn a_funnel_of_priors_is_found_to_be_normal() {
    let model = Written(|p: &LogJoint| {
        let v = p.draw("v", normal(0.0, 3.0));
        let _ = p.draws("x", normal(0.0, (0.5 * v).exp()), 9);
    });
    let (bound, _) = best(&jensen::fit(&model).unwrap());
    assert!(bound.abs() < 1e-3, "{bound}, and the evidence of priors alone is 0");
}

#[test]
fn a_flat_model_is_refused_with_the_site_to_mend() {
    let flat = Written(|p: &LogJoint| {
        let used = p.draw("used", normal(0.0, 1.0));
        let _ = p.real("idle");
        p.add(-0.5 * used * used);
    });
    let error = jensen::fit(&flat).unwrap_err().to_string();
    assert!(error.contains("\"idle\""), "{error}");
}

/// Densities without a finite integral are refused by name, with few steps and with all of them, by either optimiser.
#[test]
fn an_improper_density_is_refused_with_the_sites_to_mend() {
    let refused = |model: &dyn Model, sites: &[&str]| {
        let fits = [Fit::new(model).steps(300), Fit::new(model), Fit::new(model).optimizer(OptimizerChoice::Adam)];
        for fit in fits {
            let error = fit.run().expect_err("there is no posterior").to_string();
            assert!(error.contains("no finite integral"), "{error}");
            for name in ["a", "b", "c", "s"] {
                assert_eq!(error.contains(&format!("\"{name}\"")), sites.contains(&name), "{name}: {error}");
            }
        }
    };
    // A ridge: only the sum of two latents is known.
    let ridge = Written(|p: &LogJoint| {
        let (a, b, c) = (p.real("a"), p.real("b"), p.draw("c", normal(0.0, 1.0)));
        p.add(-0.5 * (a + b - c) * (a + b - c));
    });
    refused(&ridge, &["a", "b"]);
    // A scale without a prior, of a latent that is zero for all the density knows.
    let scale = Written(|p: &LogJoint| {
        let c = p.draw("c", normal(0.0, 1.0));
        let s = p.positive("s");
        p.add(-c * c / (1.0 + s));
    });
    refused(&scale, &["s"]);
    // Separable data: the likelihood of the slope rises to one.
    let separable = Written(|p: &LogJoint| {
        let a = p.draw("c", normal(0.0, 1.0));
        let b = p.real("b");
        let (x, y) = (Column::new([-2.0, -1.0, 1.0, 2.0]), Column::new([0.0, 0.0, 1.0, 1.0]));
        p.rows(4, |i| i.observe(y.at(i), bernoulli_logit(a + b * x.at(i))));
    });
    refused(&separable, &["b"]);
}

/// Steps that cannot leave the start would be level there, whatever the start is worth.
#[test]
fn steps_that_reach_nowhere_are_refused() {
    let model = Written(|p: &LogJoint| {
        let _ = p.draw("a", normal(5.0, 1.0));
    });
    for optimizer in [OptimizerChoice::Adam, OptimizerChoice::RmsProp] {
        let fit = || Fit::new(&model).optimizer(optimizer).steps(10);
        let error = fit().learning_rate(1e-9).run().unwrap_err().to_string();
        assert!(error.contains("end where it starts") && error.contains("0.1"), "{error}");
        assert!(fit().learning_rate(1e-3).run().is_ok());
    }
}

/// Heavy tails, vague priors and funnels have an integral, whatever the number of steps.
#[test]
fn a_proper_density_that_needs_more_steps_is_not_called_improper() {
    let vague = Written(|p: &LogJoint| {
        let (a, b) = (p.draw("a", normal(0.0, 1e6)), p.draw("b", normal(0.0, 1e6)));
        p.add(-0.5 * (a + b - 1.0) * (a + b - 1.0));
    });
    let tails = Written(|p: &LogJoint| {
        let (a, s) = (p.draw("a", cauchy(0.0, 1.0)), p.draw("s", half_cauchy(1.0)));
        let _ = p.draws("x", normal(a, s), 3);
    });
    let funnel = Written(|p: &LogJoint| {
        let v = p.draw("v", normal(0.0, 3.0));
        let _ = p.draws("x", normal(0.0, (0.5 * v).exp()), 9);
    });
    // Data a hundred million prior standard deviations away, from which the start is just as far.
    let far = Written(|p: &LogJoint| {
        let (mu, s) = (p.draw("mu", normal(0.0, 5.0)), p.draw("s", half_cauchy(5.0)));
        let eta = p.draws("eta", normal(0.0, 1.0), 3);
        let x = Column::new([1e8, 2e8, 3e8]);
        p.rows(3, |i| i.observe(x.at(i), normal(mu + s * eta.at(i), 10.0)));
    });
    for model in [&vague as &dyn Model, &tails, &funnel, &far] {
        for optimizer in [OptimizerChoice::Auto, OptimizerChoice::Adam] {
            let fitted = Fit::new(model).optimizer(optimizer).steps(3).run().unwrap();
            assert_eq!(fitted.stop, Stop::Budget { steps: 3 });
        }
    }
}

/// A clip far below the gradients makes steps of plain gradient ascent short, and one far above them changes no bit.
#[test]
fn gradients_are_clipped_where_asked_for() {
    let model = Written(|p: &LogJoint| {
        let _ = p.draw("a", normal(5.0, 1.0));
    });
    let fit = || Fit::new(&model).family(FamilyChoice::MeanField).optimizer(OptimizerChoice::Sgd).steps(1).restarts(1);
    let [plain, tight, loose] = [fit(), fit().clip(Clip::Norm(1e-9)), fit().clip(Clip::Norm(1e9))]
        .map(|fit| fit.schedule(0.5).run().unwrap().solution.params);
    let begun = fit().schedule(1e-12).run().unwrap().solution.params;
    let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert_eq!(plain, loose);
    assert!(apart(&plain, &begun) > 1e-3, "{plain:?} {begun:?}");
    assert!(apart(&tight, &begun) < 1e-8, "{tight:?} {begun:?}");
    // Nothing reads it where the natural gradient is used.
    let error = Fit::new(&model).clip(Clip::Norm(1.0)).run().unwrap_err().to_string();
    assert!(error.contains("no use for a clip"), "{error}");
}

/// Latents in rows: x_i ~ N(z_i, 1), z_i ~ N(mu, 1), mu ~ N(0, 2). The posterior is a Gaussian with the model's graph.
#[test]
fn latents_of_rows_are_latents_like_others_unless_a_minibatch_is_asked_for() {
    let model = Written(|p: &LogJoint| {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let x = Column::new([0.5, 1.5, 3.0]);
        p.rows(3, |i| {
            let z = i.draw("z", normal(mu, 1.0));
            i.observe(x.at(i), normal(z, 1.0));
        });
    });
    let fitted = Fit::new(&model).seed(3).run().unwrap();
    assert_eq!(fitted.plan.family, FamilyChoice::Sparse);
    // Marginally x ~ N(0, 2 I + 4 11'): posterior mean of mu is 4 sum(x) / (2 + 12).
    let mean = |fitted: &Fitted| fitted.family.centre(&fitted.solution.params)[0];
    assert!((mean(&fitted) - 4.0 * 5.0 / 14.0).abs() < 1e-6, "{}", mean(&fitted));
    let squares = 0.5 * (11.5 - 4.0 / 14.0 * 25.0);
    let evidence = -0.5 * squares - 0.5 * 56f64.ln() - 1.5 * (2.0 * std::f64::consts::PI).ln();
    let (bound, se) = best(&fitted);
    assert!((bound - evidence).abs() < 1e-6 && se < 1e-6, "{bound} +- {se} against {evidence}");
    let batch = Fit::new(&model).minibatch(Minibatch::Shuffled(2)).seed(3).run().unwrap();
    assert_eq!(batch.plan.family, FamilyChoice::MeanField);
    assert!((mean(&batch) - 4.0 * 5.0 / 14.0).abs() < 0.1, "{}", mean(&batch));
}

/// An integer latent: k in 0..3 with rates; q's probabilities against the posterior's.
#[test]
fn integer_latents_get_probabilities() {
    let model = Written(|p: &LogJoint| {
        let k = p.integer("k", 0..3);
        let rates = Vector::constant(&[1.0, 3.0, 6.0]);
        let rate = rates.at(k);
        p.add(4.0 * rate.ln() - rate);
    });
    let fitted = Fit::new(&model).seed(2).run().unwrap();
    let weights: Vec<f64> = [1.0f64, 3.0, 6.0].iter().map(|r| (4.0 * r.ln() - r).exp()).collect();
    let evidence = weights.iter().sum::<f64>().ln();
    let (bound, se) = best(&fitted);
    assert!((bound - evidence).abs() < 0.02 + 4.0 * se, "{bound} against {evidence}");
}

/// theta moves along: x_i ~ N(z, 1), z ~ N(theta, 1); the evidence is greatest at theta = mean x.
#[test]
fn parameters_of_the_model_move_along() {
    let model = Written(|p: &LogJoint| {
        let theta = p.parameter("theta", &[1]).at(0);
        let z = p.real("z");
        p.add(normal(theta, 1.0).log_density(z));
        let x = Column::new([1.0, 2.0, 4.0]);
        p.rows(3, |i| i.observe(x.at(i), normal(z, 1.0)));
    });
    let fitted = Fit::new(&model).run().unwrap();
    assert!((fitted.solution.theta[0] - 7.0 / 3.0).abs() < 0.1, "{:?}", fitted.solution.theta);
}

#[test]
fn choices_are_honoured() {
    let model = Written(|p: &LogJoint| {
        let x = p.draws("x", normal(1.0, 2.0), 3);
        p.add(-0.1 * x.at(0) * x.at(1));
    });
    let map = Fit::new(&model).family(FamilyChoice::Map).run().unwrap();
    assert_eq!(map.plan.optimizer, OptimizerChoice::Lbfgs);
    // The first two pull at each other: (1 - x) / 4 = 0.1 x gives 0.25 / 0.35; the third stays at its prior mean.
    assert!((map.solution.params[0] - 0.25 / 0.35).abs() < 1e-3, "{:?}", map.solution);
    assert!((map.solution.params[2] - 1.0).abs() < 1e-3, "{:?}", map.solution);
    let of_integers = [
        "enumerate",
        "local-expectation",
        "disarm",
        "arm",
        "arms",
        "carms",
        "double-control",
        "rodeo",
        "indecater",
        "local-disarm",
        "unordered-set",
        "rebar",
        "relax",
        "gumbel-softmax",
        "straight-through",
    ];
    for estimator in EstimatorChoice::ALL {
        if of_integers.contains(&estimator.name()) {
            let error = Fit::new(&model).estimator(*estimator).run().unwrap_err().to_string();
            assert!(error.contains("is for integer latents, and this model has none"), "{error}");
            continue;
        }
        let fitted = Fit::new(&model).estimator(*estimator).steps(50).draws(4).run().unwrap();
        let rule = [EstimatorChoice::Rule, EstimatorChoice::Auto].contains(estimator);
        assert!(rule || fitted.plan.estimator == *estimator);
    }
    for design in DesignChoice::ALL {
        let fitted = Fit::new(&model).design(*design).steps(50).draws(4).run().unwrap();
        assert_eq!(fitted.plan.design, *design);
        let error = Fit::new(&model).design(*design).estimator(EstimatorChoice::Score).steps(5).run().err();
        assert_eq!(error.is_some(), *design != DesignChoice::Independent, "{design}");
    }
    for optimizer in OptimizerChoice::ALL {
        let fit = Fit::new(&model).optimizer(*optimizer).steps(20).run();
        let fitted = fit.unwrap_or_else(|e| panic!("{optimizer}: {e}"));
        assert!(*optimizer == OptimizerChoice::Auto || fitted.plan.optimizer == *optimizer);
    }
    let mut seen = 0;
    let mut observer = |_: &jensen::algorithm::Step| {
        seen += 1;
        if seen == 7 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    };
    let fitted = Fit::new(&model).observer(&mut observer).run().unwrap();
    assert_eq!((fitted.stop.steps(), fitted.tried.runs.len()), (7, 1));
    assert!(fitted.posterior.layout().num_latents == 3);
}

#[test]
fn the_estimator_is_chosen_by_measurement() {
    let model = Written(|p: &LogJoint| {
        let x = p.draws("x", normal(1.0, 2.0), 3);
        p.add(-0.1 * x.at(0) * x.at(1));
    });
    let fit = || Fit::new(&model).family(FamilyChoice::FullRank).estimator(EstimatorChoice::Auto);
    let fitted = fit().seed(5).run().unwrap();
    // q can be the posterior and the log density is quadratic: two estimators have next to no noise where the fit ends.
    let quiet = [EstimatorChoice::StickingTheLanding, EstimatorChoice::ControlVariate];
    assert!(quiet.contains(&fitted.plan.estimator), "{}", fitted.plan);
    assert!(fitted.plan.to_string().contains("measured at step 0: "), "{}", fitted.plan);
    assert!((fitted.solution.params[0] - 0.25 / 0.35).abs() < 0.05, "{:?}", fitted.solution);
    let again = fit().seed(5).run().unwrap();
    assert_eq!((&again.plan, &again.solution), (&fitted.plan, &fitted.solution));
    let chosen = fit().draws(6).steps(300).run().unwrap();
    assert_eq!((chosen.plan.num_draws, chosen.plan.picks.is_empty()), (6, false));
    let error = fit().optimizer(OptimizerChoice::NaturalGradient).run().unwrap_err().to_string();
    assert!(error.contains("its own estimator, not auto; use adam"), "{error}");
    let error = Fit::new(&model).family(FamilyChoice::Map).estimator(EstimatorChoice::Auto).run().unwrap_err();
    assert!(error.to_string().contains("no noise to measure"), "{error}");
    // The gradient falls by orders of magnitude on the way from a far start, and the choice is made again.
    let counts = Written(|p: &LogJoint| {
        let k = p.integer("k", 0..4);
        let x = p.draw("x", normal(40.0, 1.0));
        p.add(-0.5 * (x - k.to_real()) * (x - k.to_real()));
    });
    let in_q = Fit::new(&counts).integers(IntegerChoice::Categorical);
    let fitted = in_q.estimator(EstimatorChoice::Auto).run().unwrap();
    assert!(fitted.plan.picks.len() > 1, "{}", fitted.plan);
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_the_setting_s_name() {
    let model = Written(|p: &LogJoint| {
        let x = p.draws("x", normal(0.0, 1.0), 2);
        p.observe(1.0, normal(x.at(0) + x.at(1), 1.0));
    });
    let fit = || Fit::new(&model);
    let refused = |fit: Fit<_>, words: &[&str]| {
        let error = fit.run().expect_err("the setting makes no sense");
        assert_eq!(error.kind(), jensen::algorithm::FitErrorKind::Setting, "{error}");
        words.iter().for_each(|word| assert!(error.to_string().contains(word), "{word}: {error}"));
    };
    refused(fit().start(vec![0.0, f64::NAN]), &["NaN", "\"x\"", "number 1"]);
    refused(fit().start(vec![f64::INFINITY, 0.0]), &["inf", "number 0"]);
    refused(fit().tolerance(f64::NAN), &["tolerance of NaN"]);
    refused(fit().tolerance(-1.0), &["tolerance of -1"]);
    refused(fit().posterior_draws(usize::MAX), &["draws of 2 numbers", "at most 1073741824"]);
    refused(fit().posterior_draws(0), &["0 draws"]);
    refused(fit().draws(usize::MAX), &["draws of 2 numbers"]);
    let score = jensen::estimate::ScoreFunction::default();
    refused(fit().estimator(score).family(FamilyChoice::FullRank), &["estimator of your own", "`family` first"]);
    assert!(fit().family(FamilyChoice::FullRank).estimator(score).steps(20).run().is_ok());
    let fitted = fit().run().expect("a posterior");
    assert!(fitted.resample(usize::MAX).is_err() && fitted.resample(1 << 40).is_err());
}

/// Two normals around -4 and 4, the second with a share of `exp(-lower)`.
fn two_modes(lower: f64) -> Written<impl Fn(&LogJoint)> {
    Written(move |p: &LogJoint| {
        let x = p.real("x");
        let at = |centre: f64| -2.0 * (x - centre).square();
        p.add(log_sum_exp(&[at(-4.0), at(4.0) - lower]));
    })
}

/// Two modes with weight are one answer, a mixture; one that holds e^-8 of the posterior is named and changes nothing.
#[test]
fn two_modes_are_one_answer() {
    let ln_normaliser = 0.5 * (std::f64::consts::PI / 2.0).ln();
    for seed in 0..3 {
        let fitted = Fit::new(&two_modes(1.0)).seed(seed).run().unwrap();
        let said = fitted.verdict().to_string();
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{said}");
        // exp(-1) / (1 + exp(-1)) = 0.269
        assert!(said.contains("2 modes") && said.contains("73 % here; 27 %"), "{said}");
        assert!(said.contains("x is 4.0") || said.contains("x is 3.9"), "{said}");
        let share = 1.0 / (1.0 + 1.0_f64.exp());
        let (mean, sd) = (8.0 * share - 4.0, (64.0 * share * (1.0 - share) + 0.25).sqrt());
        let x = &fitted.summary()[0];
        // 3,000 draws at least, some nine in ten of them effective: three errors of a mean are 0.06 sd.
        assert!((x.mean - mean).abs() < 0.06 * sd && (x.sd / sd - 1.0).abs() < 0.04, "{x:?}");
        let evidence = ln_normaliser + (-1.0_f64).exp().ln_1p();
        assert!((fitted.bound().log_evidence.value - evidence).abs() < 0.03, "{:?}", fitted.bound());
        assert!(fitted.plan.reasons.iter().any(|r| r.contains("mixture of 2 full-rank")), "{:?}", fitted.plan.reasons);
        // Draws are of both, and can be made again from what is saved.
        let again = fitted.resample(2000).unwrap();
        let right = again.values.iter().filter(|x| **x > 0.0).count() as f64 / 2000.0;
        assert!((right - share).abs() < 0.05, "{right}");
        let target = fitted.target.as_ref().unwrap();
        let family = family_of(FamilyChoice::FullRank, target, &fitted.solution).unwrap();
        assert_eq!(fitted.posterior.resample(target, &*family, 2000).unwrap(), again);

        // One draw in three thousand is in the other mode, sixteen standard deviations away: no mean moves, and the variance is
        // 1/4 + 64 share (1 - share), of which 8 % come from there.
        let fitted = Fit::new(&two_modes(8.0)).seed(seed).run().unwrap();
        let said = fitted.verdict().to_string();
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{said}");
        let share = 1.0 / (1.0 + 8.0_f64.exp());
        let sd = (0.25 + 64.0 * share * (1.0 - share)).sqrt();
        assert!((fitted.summary()[0].sd / sd - 1.0).abs() < 0.025, "{} of {sd}", fitted.summary()[0].sd);

        let fitted = Fit::new(&two_modes(9.6)).seed(seed).run().unwrap();
        let said = fitted.verdict().to_string();
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{said}");
        assert!(said.contains("e^-10 of the posterior"), "{said}");
        assert!((fitted.bound().elbo.value - ln_normaliser).abs() < 0.01, "{}", fitted.bound().elbo.value);
        let starts: Vec<_> = fitted.tried.runs.iter().map(|run| run.from).collect();
        assert_eq!(starts, [Some(0), Some(1)], "{}", fitted.tried);
    }
}

/// Components without an order have modes that are permutations of each other; with one there is a single mode.
#[test]
fn exchangeable_components_are_named_with_their_cure() {
    let values = Column::new(
        (0..40).map(|k| if k % 2 == 0 { -1.5 } else { 1.5 } + 0.3 * f64::from(k % 7 - 3)).collect::<Vec<_>>(),
    );
    let of = |ordered: bool| {
        let values = values.clone();
        Written(move |p: &LogJoint| {
            let m = if ordered { p.ordered("m", 2) } else { p.reals("m", 2) };
            (0..2).for_each(|k| p.add(normal(0.0, 3.0).log_density(m.at(k))));
            p.rows(40, |i| {
                let y = values.at(i);
                i.add(log_sum_exp(&[0, 1].map(|k| -0.5 * (y - m.at(k)).square() / 0.36)));
            });
        })
    };
    for seed in 0..3 {
        let free = Fit::new(&of(false)).seed(seed).run().unwrap();
        let said = free.verdict().to_string();
        assert_eq!(free.verdict().trust, Trust::DoNotTrust);
        assert!(said.contains("holds 50 %") && said.contains("elements of m in another order"), "{said}");
        assert!(said.contains("p.ordered"), "{said}");
        let ordered = Fit::new(&of(true)).seed(seed).run().unwrap();
        assert_eq!(ordered.verdict().trust, Trust::Trust, "{}", ordered.verdict());
    }
}
