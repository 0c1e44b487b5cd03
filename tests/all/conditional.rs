//! Many latents given a few shared ones: whole fits against quadrature, wrong fits that the verdict must catch, and files.

use jensen::algorithm::Solution;
use jensen::family::{ConditionalGaussian, Family};
use jensen::fit::Stop;
use jensen::model::Layout;
use jensen::posterior::{Assessment, Covered, Posterior};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::{Fit, Fitted, Trust};

/// Counts of successes in `trials` trials of each group, around a common mean of the log odds.
struct Odds {
    successes: Column,
    trials: u32,
    is_centred: bool,
}

impl Odds {
    fn new(num_groups: usize, trials: u32, seed: u64, is_centred: bool) -> Self {
        let (mut effects, mut chances) = (vec![0.0; num_groups], vec![0.0; num_groups * trials as usize]);
        Streams::new(seed).fill_normal(1, &mut effects);
        Streams::new(seed).at_step(1).fill_uniform(1, &mut chances);
        let count = |(effect, own): (&f64, &[f64])| {
            let chance = 1.0 / (1.0 + (-0.5 - 0.8 * effect).exp());
            own.iter().filter(|u| **u < chance).count() as f64
        };
        let successes: Vec<f64> = effects.iter().zip(chances.chunks_exact(trials as usize)).map(count).collect();
        Odds { successes: Column::new(successes), trials, is_centred }
    }

    /// Mean and standard deviation of `alpha`, `ln tau` and `tau`, each group's effect integrated out on a grid, and so the two.
    fn truth(&self) -> [(f64, f64); 3] {
        let mut counts = vec![0.0; self.trials as usize + 1];
        self.successes.values().iter().for_each(|y| counts[*y as usize] += 1.0);
        let trials = f64::from(self.trials);
        let (mut points, mut most) = (Vec::new(), f64::NEG_INFINITY);
        for i in 0..=120 {
            for j in 0..=120 {
                let (alpha, ln_tau) = (-0.4 + 1.8 * f64::from(i) / 120.0, -1.4 + 2.2 * f64::from(j) / 120.0);
                let tau = f64::exp(ln_tau);
                let mut l = -0.5 * alpha * alpha / 4.0 - 0.5 * tau * tau + ln_tau;
                for (k, count) in counts.iter().enumerate() {
                    let of = |e: f64| {
                        let a = alpha + tau * e;
                        let ln_p = k as f64 * a - trials * (a.max(0.0) + (-a.abs()).exp().ln_1p());
                        (ln_p - 0.5 * e * e).exp()
                    };
                    l += count * (-28..=28).map(|e| of(0.25 * f64::from(e))).sum::<f64>().ln();
                }
                most = most.max(l);
                points.push((l, [alpha, ln_tau, tau]));
            }
        }
        let total: f64 = points.iter().map(|p| (p.0 - most).exp()).sum();
        [0, 1, 2].map(|k| {
            let mean = points.iter().map(|p| (p.0 - most).exp() * p.1[k]).sum::<f64>() / total;
            let variance = points.iter().map(|p| (p.0 - most).exp() * (p.1[k] - mean).powi(2)).sum::<f64>() / total;
            (mean, variance.sqrt())
        })
    }
}

impl Model for Odds {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.successes.len();
        let alpha = p.draw("alpha", normal(0.0, 2.0));
        let tau = p.draw("tau", half_normal(1.0));
        let theta = match self.is_centred {
            true => p.draws("theta", normal(alpha, tau), n),
            false => p.draws("eta", normal(0.0, 1.0), n).map(|eta| alpha + tau * eta),
        };
        p.derive("ratio", tau / 0.8);
        let trials = self.trials;
        p.rows(n, |j| j.observe(self.successes.at(j), binomial_logit(trials, theta.at(j))));
    }
}

fn conditional(fitted: &Fitted) -> &ConditionalGaussian {
    let tried = fitted.tried.conditional.as_deref().unwrap_or("nothing");
    fitted.family.conditional().unwrap_or_else(|| panic!("no conditional Gaussian: {tried}"))
}

#[test]
fn shared_latents_of_a_hierarchy_have_the_moments_of_quadrature() {
    for is_centred in [false, true] {
        let odds = Odds::new(300, 8, 3, is_centred);
        let fitted = Fit::new(&odds).run().expect("a fit");
        let family = conditional(&fitted);
        let truth = odds.truth();
        for ((mean, sd), (m, s)) in family.shared_moments(&fitted.solution.params).into_iter().zip(truth) {
            assert!((mean - m).abs() < 0.1 * s && (sd / s - 1.0).abs() < 0.08, "{mean} of {m}, {sd} of {s}");
        }
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{}", fitted.verdict());
        let tau = fitted.summary().into_iter().find(|line| line.name == "tau").expect("a line");
        // 4,000 draws: four errors of a mean are 0.06 sd, and of an sd 5 %.
        assert!((tau.mean - truth[2].0).abs() < 0.16 * truth[2].1, "{} of {}", tau.mean, truth[2].0);
        assert!((tau.sd / truth[2].1 - 1.0).abs() < 0.13, "{} of {}", tau.sd, truth[2].1);
        assert!(fitted.summary().iter().all(|line| line.covered == Covered::All));
    }
}

/// A fit that was assessed again with other parameters.
fn assessed(fitted: &Fitted, params: Vec<f64>) -> Posterior {
    let target = fitted.target.as_ref().expect("a model");
    let (solution, stop) = (Solution { params, theta: Vec::new() }, Stop::Converged { steps: 1, statistic: 0.0 });
    Posterior::assess(target, &*fitted.family, &solution, &Assessment::new(Streams::new(8), &stop)).expect("a verdict")
}

/// Parameters of a q in which some latents are moved by a share of their standard deviation in q and spread by a factor.
fn changed(fitted: &Fitted, layout: &Layout, which: impl Fn(&str) -> bool, by: f64, factor: f64) -> Vec<f64> {
    let mut params = fitted.solution.params.clone();
    let centre = fitted.family.centre(&params);
    let sds: Vec<f64> = {
        let moments = conditional(fitted).shared_moments(&params);
        let shared = conditional(fitted).shared();
        (0..centre.len()).map(|k| shared.iter().position(|s| *s == k).map_or(0.0, |at| moments[at].1)).collect()
    };
    let names = layout.latent_names();
    let scale: Vec<f64> = names.iter().map(|name| if which(name) { factor } else { 1.0 }).collect();
    let to: Vec<f64> = (0..centre.len())
        .map(|k| (1.0 - scale[k]) * centre[k] + if which(&names[k]) { by * sds[k] } else { 0.0 })
        .collect();
    assert!(fitted.family.rescale(&mut params, &to, &scale));
    params
}

#[test]
fn wrong_fits_are_caught() {
    let odds = Odds::new(300, 8, 4, false);
    let fitted = Fit::new(&odds).run().expect("a fit");
    let layout = fitted.posterior.layout().clone();
    let right = assessed(&fitted, fitted.solution.params.clone());
    assert_eq!(right.verdict().trust, Trust::Trust, "{}", right.verdict());
    let is_shared = |name: &str| !name.contains('[');
    let wrong = [
        ("alpha half an sd off", changed(&fitted, &layout, |name| name == "alpha", 0.5, 1.0), "shared"),
        ("tau half an sd off", changed(&fitted, &layout, |name| name == "tau", -0.5, 1.0), "shared"),
        ("all shared sds halved", changed(&fitted, &layout, is_shared, 0.0, 0.5), "shared"),
        ("sds of tau a third short", changed(&fitted, &layout, |name| name == "tau", 0.0, 0.67), "shared"),
        ("locals' sds a fifth short", changed(&fitted, &layout, |name| !is_shared(name), 0.0, 0.8), "sds"),
    ];
    for (what, params, word) in wrong {
        let posterior = assessed(&fitted, params);
        let reasons = posterior.verdict().reasons.join("; ");
        assert!(posterior.verdict().trust > Trust::Trust, "{what}: {}", posterior.verdict());
        assert!(reasons.contains(word), "{what}: {reasons}");
    }
}

/// A fit, saved and loaded again.
fn saved(fitted: &Fitted) -> Posterior {
    let name = format!("jensen-conditional-{}-{}", std::process::id(), fitted.solution.params.len());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("fit.json");
    fitted.save(&path).expect("a file");
    let again = Posterior::load(&path).expect("a saved fit");
    std::fs::remove_dir_all(folder).expect("a folder");
    again
}

#[test]
fn files_tables_and_checks_follow() {
    let odds = Odds::new(250, 6, 5, false);
    let fitted = Fit::new(&odds).run().expect("a fit");
    let again = saved(&fitted);
    assert_eq!((again.solution(), again.summary()), (&fitted.solution, fitted.summary()));
    assert_eq!((again.verdict(), again.bound()), (fitted.verdict(), fitted.bound()));
    assert_eq!(again.evidence().integrated, fitted.evidence().integrated);
    let target = fitted.target.as_ref().expect("a model");
    let family =
        jensen::automatic::family_of(fitted.plan.family, target, again.solution()).expect("the family of the solution");
    assert_eq!(family.name(), fitted.family.name());
    let (a, b) = (fitted.resample(50).expect("draws"), again.resample(target, &*family, 50).expect("draws"));
    assert_eq!(a, b);
    assert!(!again.is_weighted(), "weights of 252 latents together say nothing");
    let loo = fitted.loo().expect("rows left out");
    assert!(loo.elpd.is_finite(), "{}", loo.elpd);
    let replicated = fitted.predictive(20).expect("new data");
    assert!(replicated[0].values.iter().all(|y| (0.0..=6.0).contains(y)));
}

/// Of few groups all latents are weighted together: the table is of weighted draws, and the file keeps their law.
#[test]
fn few_groups_are_weighted_together() {
    let odds = Odds::new(25, 8, 7, false);
    let truth = odds.truth();
    for seed in 0..3 {
        let fitted = Fit::new(&odds).seed(seed).run().expect("a fit");
        assert_eq!(fitted.family.conditional().map(ConditionalGaussian::dimension), Some(27), "{}", fitted.tried);
        assert_eq!(fitted.verdict().trust, Trust::Trust, "{}", fitted.verdict());
        for (name, (mean, sd)) in [("alpha", truth[0]), ("tau", truth[2])] {
            let line = fitted.summary().into_iter().find(|line| line.name == name).expect("a line");
            assert!((line.mean - mean).abs() < 0.1 * sd, "{name}: {} of {mean}", line.mean);
            assert!((line.sd / sd - 1.0).abs() < 0.1, "{name}: {} of {sd}", line.sd);
        }
        let again = saved(&fitted);
        assert!(again.is_weighted());
        assert_eq!((again.summary(), again.bound()), (fitted.summary(), fitted.bound()));
        let target = fitted.target.as_ref().expect("a model");
        let family = jensen::automatic::family_of(fitted.plan.family, target, again.solution()).expect("a family");
        let (a, b) = (fitted.resample(50).expect("draws"), again.resample(target, &*family, 50).expect("draws"));
        assert_eq!(a, b);
    }
    // Effects that are latents of rows are the same posterior, but draws of theirs have no tails: a bent q was trusted there with
    // its means, one of which was more than 0.1 sd off.
    let in_rows = model(|p| {
        let (alpha, tau) = (p.draw("alpha", normal(0.0, 2.0)), p.draw("tau", half_normal(1.0)));
        p.rows(odds.successes.len(), |j| {
            let eta = j.draw("eta", normal(0.0, 1.0));
            j.observe(odds.successes.at(j), binomial_logit(odds.trials, alpha + tau * eta));
        });
    });
    let fitted = Fit::new(&in_rows).run().expect("a fit");
    assert!(fitted.family.conditional().is_none() && fitted.tried.conditional.is_none(), "{}", fitted.tried);
    let asked = Fit::new(&odds).family(jensen::FamilyChoice::FullRank).run().expect("a fit");
    assert!(asked.family.conditional().is_none() && asked.tried.conditional.is_none(), "{}", asked.tried);
}

/// A random walk seen with noise, both standard deviations unknown: the others are one band.
#[test]
fn a_local_level_has_the_moments_of_the_kalman_filter() {
    let n = 250;
    let mut noise = vec![0.0; 2 * n];
    Streams::new(6).fill_normal(1, &mut noise);
    let mut h = 0.0;
    let series: Vec<f64> = (0..n)
        .map(|t| {
            h += 0.3 * noise[t];
            h + noise[n + t]
        })
        .collect();
    let y = Column::new(series.clone());
    let level = model(|p| {
        let (step, seen) = (p.draw("step", half_normal(1.0)), p.draw("seen", half_normal(2.0)));
        let h = p.reals("h", n);
        p.add(normal(0.0, 1.0).log_density(h.at(0)));
        p.rows(1..n, |t| t.add(normal(h.lag(t, 1), step).log_density(h.at(t))));
        p.rows(n, |t| t.observe(y.at(t), normal(h.at(t), seen)));
    });
    let fitted = Fit::new(&level).run().expect("a fit");
    let of_kalman = |step: f64, seen: f64| {
        let (mut mean, mut variance, mut total) = (0.0, 1.0, 0.0);
        for (t, y) in series.iter().enumerate() {
            variance += if t > 0 { step * step } else { 0.0 };
            let of_y = variance + seen * seen;
            total -= 0.5 * ((y - mean) * (y - mean) / of_y + of_y.ln());
            mean += variance / of_y * (y - mean);
            variance *= 1.0 - variance / of_y;
        }
        total - 0.5 * step * step - 0.125 * seen * seen + step.ln() + seen.ln()
    };
    let mut points = Vec::new();
    for i in 0..=150 {
        for j in 0..=150 {
            let (a, b) = (-2.6 + 2.4 * f64::from(i) / 150.0, -0.5 + f64::from(j) / 150.0);
            points.push((of_kalman(a.exp(), b.exp()), [a, b]));
        }
    }
    let most = points.iter().fold(f64::NEG_INFINITY, |m, p| m.max(p.0));
    let total: f64 = points.iter().map(|p| (p.0 - most).exp()).sum();
    let family = conditional(&fitted);
    for (k, (mean, sd)) in family.shared_moments(&fitted.solution.params).into_iter().enumerate() {
        let m = points.iter().map(|p| (p.0 - most).exp() * p.1[k]).sum::<f64>() / total;
        let s = (points.iter().map(|p| (p.0 - most).exp() * (p.1[k] - m).powi(2)).sum::<f64>() / total).sqrt();
        assert!((mean - m).abs() < 0.15 * s && (sd / s - 1.0).abs() < 0.1, "{mean} of {m}, {sd} of {s}");
    }
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{}", fitted.verdict());
}

#[test]
fn what_does_not_qualify_is_told() {
    let walk = model(|p| {
        let h = p.reals("h", 250);
        p.add(normal(0.0, 1.0).log_density(h.at(0)));
        p.rows(1..250, |t| t.add(normal(h.lag(t, 1), 0.3).log_density(h.at(t))));
    });
    let fitted = Fit::new(&walk).run().expect("a fit");
    assert!(fitted.family.conditional().is_none());
    let words = fitted.tried.to_string();
    assert!(words.contains("conditional Gaussian: not tried: the graph of the latents is band of width 1"), "{words}");
}
