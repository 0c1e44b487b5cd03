//! Whatever leaves a fit agrees with its table: where that is weighted, it is of the posterior and not of q.

use std::f64::consts::PI;

use jensen::algorithm::Solution;
use jensen::export::{Groups, write_arviz, write_csv, write_proposal_csv};
use jensen::family::MeanField;
use jensen::fit::Stop;
use jensen::posterior::statistics::{self, mean, sd};
use jensen::posterior::{Assessment, Covered, MonteCarlo, Posterior, Summary, chain, resample};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::{Fit, Fitted};

use crate::posterior::{DONE, Local, X, exact, mean_target};

/// q is half a posterior sd off and a fifth too wide, which the weights mend: N(mean + sd / 2, (1.2 sd)^2).
fn shifted(seed: u64) -> Posterior {
    let (mean, sd) = exact();
    let target = mean_target();
    let solution = Solution { params: vec![mean + 0.5 * sd, (1.2 * sd).ln()], theta: vec![] };
    let settings = Assessment::new(Streams::new(seed), &DONE).num_draws(4000);
    let posterior = Posterior::assess(&target, &MeanField::new(target.layout()), &solution, &settings).unwrap();
    assert!(posterior.is_weighted(), "{posterior}");
    posterior
}

/// Whether the mean of `found` is `expected` within four standard errors.
#[track_caller]
fn check(found: &[f64], expected: f64) {
    let found = MonteCarlo::mean_of(found);
    assert!((found.value - expected).abs() < 4.0 * found.mcse, "{found}, expected {expected}");
}

#[test]
fn moments_of_the_draws_are_those_of_the_table_over_seeds() {
    let (mut means, mut sds, mut of_q) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..100 {
        let posterior = shifted(seed);
        let (line, draws) = (&posterior.summary()[0], posterior.draws("mu").unwrap());
        assert_eq!(draws.len(), 4000);
        means.push((mean(&draws) - line.mean) / line.sd);
        sds.push(sd(&draws) / line.sd - 1.0);
        of_q.push((mean(posterior.proposal().of_q().named("mu").unwrap()) - line.mean) / line.sd);
    }
    check(&means, 0.0);
    check(&sds, 0.0);
    // Drawing each of them apart would leave this spread; even spacing leaves less.
    assert!(sd(&means) < 4000f64.powf(-0.5), "{}", sd(&means));
    // Draws without weights could not pass for them.
    let of_q = MonteCarlo::mean_of(&of_q);
    assert!((of_q.value - 0.5).abs() < 4.0 * of_q.mcse && of_q.value > 100.0 * of_q.mcse, "{of_q}");
}

/// The count of distinct draws is true, equal ones stand together, and their effective size is seen by tools that know
/// nothing of weights.
#[test]
fn what_is_said_of_the_draws_is_so() {
    let posterior = shifted(3);
    let (resampling, draws) = (posterior.resampling().unwrap(), posterior.draws("mu").unwrap());
    let mut distinct = draws.clone();
    distinct.dedup();
    assert_eq!((resampling.num_draws, resampling.num_distinct), (4000, distinct.len()));
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    assert_eq!(resampling.num_distinct, distinct.len(), "equal draws stand together");
    assert!(distinct.len() < 4000);
    let words = format!("4000 resampled by weight from 4000 of the proposal, {} of them distinct", distinct.len());
    assert!(posterior.to_string().contains(&words), "{posterior}");
    // log p and log q belong to the draws beside them: log q is normal.
    let (m, s) = exact();
    let (m, s) = (m + 0.5 * s, 1.2 * s);
    for (draw, log_q) in draws.iter().zip(posterior.log_q()).step_by(97) {
        let expected = -0.5 * ((draw - m) / s).powi(2) - s.ln() - 0.5 * (2.0 * PI).ln();
        assert!((log_q - expected).abs() < 1e-12);
    }
    // Autocorrelations over some hundred lags know an effective size to some tenths.
    let (seen, known) = (chain::effective_size(&[&draws]), posterior.effective_size());
    assert!(known < 3600.0 && seen < 1.3 * known && seen > known / 1.6, "{seen} {known}");
}

#[test]
fn predictions_and_likelihoods_are_of_the_posterior() {
    let (target, posterior) = (mean_target(), shifted(5));
    let (mean, sd) = exact();
    // y_rep of a row given the data is N(mean, 1 + sd^2).
    let made = posterior.predictive(&target, None, 4000).unwrap();
    assert!(0.5 * sd > 8.0 * ((1.0 + sd * sd) / 4000.0).sqrt(), "draws of q could not pass");
    for lane in made[0].values.chunks_exact(4000) {
        check(lane, mean);
    }
    // y_rep belongs to the draw beside it: what is left is N(0, 1).
    let mu = posterior.draws("mu").unwrap();
    let rest: Vec<f64> = made[0].values[..4000].iter().zip(&mu).map(|(y, mu)| (y - mu).powi(2)).collect();
    check(&rest, 1.0);
    let fewer = posterior.predictive(&target, None, 700).unwrap();
    assert_eq!(fewer[0].values[..700], made[0].values[..700]);
    // E[log p(x_i | mu)] = -((x_i - mean)^2 + sd^2 + ln(2 pi)) / 2; the error is that of the effective draws.
    let rows = posterior.row_log_likelihood(&target, None).unwrap();
    for (row, x) in X.iter().enumerate() {
        let expected = -0.5 * ((x - mean).powi(2) + sd * sd + (2.0 * PI).ln());
        let found = MonteCarlo::mean_of(rows.row(row));
        let error = found.mcse * (4000.0 / posterior.effective_size()).sqrt();
        assert!((found.value - expected).abs() < 4.0 * error, "{row}: {found}, expected {expected}");
        let one = -0.5 * ((x - mu[7]).powi(2) + (2.0 * PI).ln());
        assert!((rows.row(row)[7] - one).abs() < 1e-13);
    }
}

#[test]
fn latents_of_rows_are_of_the_posterior() {
    let target = Target::new(&Local { x: Column::new(X) }).unwrap();
    let family = MeanField::new(target.layout());
    // z_i | x_i ~ N(x_i / 2, 1 / 2); q is a fifth of an sd off in each row.
    let sd = 0.5f64.sqrt();
    let means = X.iter().map(|x| 0.5 * x + 0.2 * sd);
    let params: Vec<f64> = means.chain(std::iter::repeat_n(sd.ln(), X.len())).collect();
    let solution = Solution { params, theta: vec![] };
    let settings = Assessment::new(Streams::new(8), &DONE).num_draws(4000);
    let posterior = Posterior::assess(&target, &family, &solution, &settings).unwrap();
    assert!(posterior.is_weighted(), "{posterior}");
    let rows = posterior.row_draws(&target, &family, 4000).unwrap();
    let log_likelihood = posterior.row_log_likelihood(&target, Some(&family)).unwrap();
    let log_p = posterior.log_p();
    let normal = |x: f64, m: f64| -0.5 * ((x - m).powi(2) + (2.0 * PI).ln());
    for (row, x) in X.iter().enumerate() {
        let z = &rows.values[row * 4000..(row + 1) * 4000];
        let error = sd / posterior.effective_size().sqrt();
        assert!((mean(z) - 0.5 * x).abs() < 4.0 * error && 0.2 * sd > 8.0 * error, "{row}: {}", mean(z));
        assert!((log_likelihood.row(row)[3999] - normal(*x, z[3999])).abs() < 1e-13);
    }
    for d in [0, 1500, 3999] {
        let z = |row: usize| rows.values[row * 4000 + d];
        let joint: f64 = X.iter().enumerate().map(|(row, x)| normal(z(row), 0.0) + normal(*x, z(row))).sum();
        assert!((joint - log_p[d]).abs() < 1e-12, "{d}");
    }
}

fn uncovered(mut line: Summary) -> Summary {
    line.covered = Covered::Nothing;
    line
}

/// Where the weights are not trusted, all is of q, as it was.
#[test]
fn without_trust_the_draws_are_those_of_q() {
    let target = mean_target();
    let (mean, sd) = exact();
    let solution = Solution { params: vec![mean, (0.25 * sd).ln()], theta: vec![] };
    let stop = Stop::Budget { steps: 7 };
    let settings = Assessment::new(Streams::new(3), &stop).num_draws(4000);
    let posterior = Posterior::assess(&target, &MeanField::new(target.layout()), &solution, &settings).unwrap();
    assert!(!posterior.is_weighted() && posterior.resampling().is_none());
    let own = posterior.proposal();
    assert_eq!(posterior.constrained(), own.of_q());
    // Every second one of the proposal's.
    let (all, of_q) = (own.draws("mu").unwrap(), posterior.draws("mu").unwrap());
    assert_eq!((all.len(), of_q.len(), posterior.num_draws()), (4000, 2000, 2000));
    assert!(of_q.iter().zip(all.chunks(2)).all(|(mu, pair)| *mu == pair[0]));
    let halved = |all: &[f64]| all.iter().copied().step_by(2).collect::<Vec<_>>();
    assert_eq!((posterior.log_p(), posterior.log_q()), (halved(own.log_p()), halved(own.log_q())));
    // The verdict speaks for none of its lines.
    let of_q: Vec<Summary> = own.summary().into_iter().map(uncovered).collect();
    assert_eq!(posterior.summary(), of_q);
    assert_ne!(of_q, own.weighted_summary().into_iter().map(uncovered).collect::<Vec<_>>());
    let fresh = posterior.resample(&target, &MeanField::new(target.layout()), 4000).unwrap();
    let fresh = fresh.named("mu").unwrap();
    check(fresh, mean);
    assert!((statistics::sd(fresh) / (0.25 * sd) - 1.0).abs() < 4.0 / 8000f64.sqrt());
}

/// Rubin's eight schools, non-centred.
struct EightSchools {
    effect: Column,
    stderr: Column,
}

impl Model for EightSchools {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_cauchy(5.0));
        let eta = p.draws("eta", normal(0.0, 1.0), self.effect.len());
        p.rows(self.effect.len(), |j| j.observe(self.effect.at(j), normal(mu + tau * eta.at(j), self.stderr.at(j))));
    }
}

const EFFECT: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
const STDERR: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];

fn fitted(threads: usize) -> Fitted {
    let model = EightSchools { effect: Column::new(EFFECT), stderr: Column::new(STDERR) };
    let fitted = Fit::new(&model).threads(threads).run().unwrap();
    assert!(fitted.posterior.is_weighted(), "{fitted}");
    fitted
}

/// P(tau > 10 | data): mu and theta are summed out by hand, and tau = 5 tan u has a uniform prior in u.
fn exact_tail() -> f64 {
    let density = |tau: f64| {
        let precisions = STDERR.map(|s| 1.0 / (s * s + tau * tau));
        let sum = |f: &dyn Fn(usize) -> f64| (0..8).map(f).sum::<f64>();
        let (p, py) = (sum(&|j| precisions[j]), sum(&|j| precisions[j] * EFFECT[j]));
        let pyy = sum(&|j| precisions[j] * EFFECT[j] * EFFECT[j]);
        let ln_det = sum(&|j| -precisions[j].ln()) + (25.0 * p).ln_1p();
        (-0.5 * (ln_det + pyy - 25.0 * py * py / (1.0 + 25.0 * p))).exp()
    };
    let (mut above, mut all) = (0.0, 0.0);
    for k in 0..100_000 {
        let tau = 5.0 * ((k as f64 + 0.5) / 100_000.0 * PI / 2.0).tan();
        all += density(tau);
        above += if tau > 10.0 { density(tau) } else { 0.0 };
    }
    above / all
}

fn tail(tau: &[f64]) -> f64 {
    tau.iter().filter(|t| **t > 10.0).count() as f64 / tau.len() as f64
}

/// Four standard errors of a share of `num_draws` draws made from weights worth `effective` draws.
fn band(share: f64, num_draws: usize, effective: f64) -> f64 {
    4.0 * (share * (1.0 - share) * (1.0 / num_draws as f64 + 1.0 / effective)).sqrt()
}

#[test]
fn a_tail_of_eight_schools_is_the_posteriors_wherever_it_leaves_the_fit() {
    let exact = exact_tail();
    let fitted = fitted(1);
    let own = fitted.proposal();
    let tau = own.draws("tau").unwrap();
    let weighted: f64 = own.log_weights().iter().zip(tau).map(|(l, t)| if *t > 10.0 { l.exp() } else { 0.0 }).sum();
    let errors = |share: f64| (share - weighted).abs() / band(exact, 4000, f64::INFINITY);
    assert!(
        (weighted - exact).abs() < band(exact, usize::MAX, fitted.posterior.effective_size()),
        "{weighted} {exact}"
    );
    assert!(errors(tail(tau)) > 1.0, "draws of q could not pass: {}", tail(tau));
    let named = tail(&fitted.draws("tau").unwrap());
    assert!(errors(named) < 1.0, "{named} {weighted}");
    assert_eq!(tail(fitted.constrained().named("tau").unwrap()), named);

    let folder = std::env::temp_dir().join(format!("jensen-resampled-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let column = |file: &str, name: &str| -> Vec<f64> {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(','));
        let at = lines.next().unwrap().position(|cell| cell == name).unwrap();
        lines.map(|mut cells| cells.nth(at).unwrap().parse().unwrap()).collect()
    };
    write_csv(&fitted.posterior, folder.join("draws.csv")).unwrap();
    assert_eq!(tail(&column("draws.csv", "tau")), named);
    write_proposal_csv(&fitted.posterior, folder.join("own.csv")).unwrap();
    assert_eq!(column("own.csv", "tau"), tau);
    let weights = column("own.csv", "log_weight__");
    assert!((weights.iter().map(|l| l.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
    let rows = fitted.row_log_likelihood().unwrap();
    let groups = Groups { log_likelihood: Some(&rows), ..Groups::default() };
    write_arviz(&fitted.posterior, &groups, folder.join("idata.json")).unwrap();
    let data: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("idata.json")).unwrap()).unwrap();
    let chain = |group: &str, name: &str| -> Vec<f64> {
        data[group][name][0].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    assert_eq!(tail(&chain("posterior", "tau")), named);
    assert_eq!(chain("sample_stats", "lp"), fitted.posterior.log_p());
    assert_eq!(data["posterior_attrs"]["num_distinct"], fitted.posterior.resampling().unwrap().num_distinct);
    std::fs::remove_dir_all(folder).unwrap();
    // What `arviz.loo` makes of these rows: weights 1 / p(x_i | z), smoothed.
    let left_out = |row: usize| {
        let values = rows.row(row);
        let smooth = jensen::diagnose::psis::psis(&values.iter().map(|l| -l).collect::<Vec<_>>()).unwrap();
        smooth.log_weights.iter().zip(values).map(|(w, l)| (w + l).exp()).sum::<f64>().ln()
    };
    let (theirs, ours) = ((0..8).map(left_out).sum::<f64>(), fitted.loo().unwrap().elpd);
    // Both from the same draws; the weights of 4000 draws leave some hundredths.
    assert!((theirs - ours).abs() < 0.1, "{theirs} {ours}");
}

#[test]
fn fresh_draws_of_the_posterior_have_its_tail() {
    let (exact, fitted) = (exact_tail(), fitted(2));
    let (target, share) = (fitted.target.as_ref().unwrap(), fitted.posterior.effective_size() / 4000.0);
    for (num_draws, seed) in [(500, 1), (4000, 2), (20_000, 3)] {
        let (draws, resampling) =
            resample(target, &*fitted.family, &fitted.solution, Streams::new(seed), num_draws).unwrap();
        assert_eq!((draws.num_draws, resampling.num_draws), (num_draws, num_draws));
        assert_eq!(resampling.num_proposals, 4000.max(4 * num_draws));
        let tau = draws.named("tau").unwrap();
        let mut distinct = tau.to_vec();
        distinct.dedup();
        assert_eq!(distinct.len(), resampling.num_distinct);
        let error = band(exact, num_draws, share * resampling.num_proposals as f64);
        assert!((tail(tau) - exact).abs() < error, "{} {exact}", tail(tau));
    }
    let again = fitted.resample(4000).unwrap();
    let found = tail(again.named("tau").unwrap());
    assert!((found - exact).abs() < band(exact, 4000, share * 16_000.0), "{found} {exact}");
    assert_eq!(again, fitted.resample(4000).unwrap());
    assert_ne!(again, fitted.constrained());
}

#[test]
fn the_draws_are_those_of_any_number_of_threads() {
    let (one, two) = (fitted(1), fitted(2));
    assert_eq!(one.constrained(), two.constrained());
    assert_eq!(one.proposal(), two.proposal());
}
