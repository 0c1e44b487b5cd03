//! The verdict held to the truth: fits as they come, over many seeds, beside posteriors that are known.
//!
//! `cargo bench -p jensen-models --bench verdicts -- SET [SEEDS [NAME ..]]` prints a table of verdict against truth. SET is
//! `posteriors` (moments from long runs of another sampler), `kinds` (hierarchies and funnels, by quadrature), `field` (models that people bring, by quadrature), `evidence`
//! (log p(x) in closed form or by quadrature), `zoo` (verdicts alone) or `means` (the means that symmetry is said to protect,
//! of mean-field fits of the first two sets).
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench talks and may stop")]

mod closed;
mod field;
mod kinds;

use jensen::model::Model;
use jensen::posterior::Covered;
use jensen::{FamilyChoice, Fit, Fitted, IntegerChoice, Trust};
use jensen_models::zoo::DataOptions;
use jensen_models::{reference, registry};
use rayon::prelude::*;
use std::time::Instant;

/// Limits on a summary: errors of means in sds of the posterior, and ratios of sds.
const MEANS: f64 = 0.1;
const SDS: [f64; 2] = [0.9, 1.1];

/// A model with what is known of its posterior.
struct Case {
    name: String,
    model: Box<dyn Model + Send + Sync>,
    truth: Truth,
}

/// Moments of named quantities, and the evidence; empty and none where they are not known.
#[derive(Clone, Default)]
struct Truth {
    names: Vec<String>,
    mean: Vec<f64>,
    sd: Vec<f64>,
    log_evidence: Option<f64>,
}

/// One fit beside the truth.
struct Outcome {
    trust: Trust,
    /// The worst error of a mean, and the least and greatest ratio of sds.
    mean: f64,
    sd: [f64; 2],
    bound: f64,
    /// Error of the log evidence, and the same in units of its printed error.
    evidence: Option<[f64; 2]>,
    evaluations: u64,
    seconds: f64,
}

impl Outcome {
    fn means_are_right(&self) -> bool {
        self.mean <= MEANS
    }

    fn is_right(&self) -> bool {
        self.means_are_right() && self.sd[0] >= SDS[0] && self.sd[1] <= SDS[1]
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let seeds = args.get(1).map_or(20, |n| n.parse().expect("SEEDS is a number"));
    let wanted = |name: &str| args.len() < 3 || args[2..].iter().any(|known| known == name);
    if args.first().is_some_and(|set| set == "means") {
        return means(seeds);
    }
    let cases: Vec<Case> = match args.first().map(String::as_str) {
        Some("posteriors") => posteriors(),
        Some("kinds") => kinds::cases(),
        Some("field") => field::cases(),
        Some("evidence") => closed::cases(),
        Some("zoo") => zoo(),
        _ => {
            println!(
                "usage: cargo bench -p jensen-models --bench verdicts -- posteriors|kinds|field|evidence|zoo|means [SEEDS [NAME ..]]"
            );
            return;
        }
    };
    println!(
        "| model | right | trust (false) | means only (false) | do not trust (right) | worst mean | sd ratios | bound | evaluations | s | evidence: bias, rms z, outside 2 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut all = Vec::new();
    for case in cases.iter().filter(|case| wanted(&case.name)) {
        let outcomes: Vec<Outcome> = (0..seeds).into_par_iter().filter_map(|seed| outcome(case, seed)).collect();
        line(&case.name, &outcomes);
        all.extend(outcomes);
    }
    line("all", &all);
}

/// Latents that are called evenly symmetric, and others, of mean-field fits: how many of q's means are right.
fn means(seeds: u64) {
    println!("| model | named, of them right | others, of them right | worst named |");
    println!("|---|---|---|---|");
    let mut all = [[0, 0], [0, 0]];
    for case in posteriors().iter().chain(&kinds::cases()) {
        let found: Vec<[f64; 2]> = (0..seeds)
            .into_par_iter()
            .flat_map_iter(|seed| {
                let fitted = Fit::new(&*case.model).family(FamilyChoice::MeanField).seed(seed).run();
                let fitted = fitted.ok().filter(|fitted| fitted.evidence().even_means.is_some());
                fitted.map(|fitted| of_q(&fitted, &case.truth)).unwrap_or_default()
            })
            .collect();
        let mut here = [[0, 0], [0, 0]];
        for [error, named] in &found {
            let of = &mut here[usize::from(*named == 0.0)];
            of[0] += 1;
            of[1] += usize::from(*error <= MEANS);
        }
        let worst = found.iter().filter(|f| f[1] > 0.0).fold(0.0f64, |worst, f| worst.max(f[0]));
        println!("| {} | {}, {} | {}, {} | {worst:.2} |", case.name, here[0][0], here[0][1], here[1][0], here[1][1]);
        (0..2).for_each(|k| (0..2).for_each(|j| all[k][j] += here[k][j]));
    }
    println!("| all | {}, {} | {}, {} | |", all[0][0], all[0][1], all[1][0], all[1][1]);
}

/// For each quantity of the truth the error of q's mean in standard deviations, and one where it is named.
fn of_q(fitted: &Fitted, truth: &Truth) -> Vec<[f64; 2]> {
    let named = fitted.evidence().even_means.as_ref().map(|even| even.names.clone()).unwrap_or_default();
    let summary = fitted.proposal().summary();
    let of = |(k, name): (usize, &String)| {
        let line = summary.iter().find(|line| line.name == *name)?;
        let is_named = if named.contains(name) { 1.0 } else { 0.0 };
        Some([(line.mean - truth.mean[k]).abs() / truth.sd[k], is_named])
    };
    truth.names.iter().enumerate().filter_map(of).collect()
}

fn posteriors() -> Vec<Case> {
    let case = |name: &&str| {
        let known = reference::load(name).unwrap();
        let truth = Truth { names: known.names, mean: known.mean, sd: known.sd, log_evidence: None };
        Case { name: name.to_string(), model: Box::new(Shared(name.to_string())), truth }
    };
    reference::NAMES.iter().map(case).collect()
}

/// A reference model by name, made where it is recorded: models are not shared between threads.
struct Shared(String);

impl Model for Shared {
    fn log_joint(&self, p: &jensen::model::LogJoint) {
        reference::model(&self.0).unwrap().log_joint(p);
    }
}

/// A model of the zoo on its own data.
struct OfZoo(&'static registry::Entry);

impl Model for OfZoo {
    fn log_joint(&self, p: &jensen::model::LogJoint) {
        self.0.build_embedded(&DataOptions::default()).unwrap().model.log_joint(p);
    }
}

fn zoo() -> Vec<Case> {
    let entries = registry::entries().iter().filter(|entry| {
        let built = entry.build_embedded(&DataOptions::default()).unwrap();
        built.network.is_none()
    });
    let case = |entry| Case { name: entry_name(entry), model: Box::new(OfZoo(entry)), truth: Truth::default() };
    entries.map(case).collect()
}

fn entry_name(entry: &registry::Entry) -> String {
    entry.name.to_string()
}

/// A fit with the defaults, but for integers where `INTEGERS` in the environment says otherwise; none, and said so, where it ends in an error.
fn outcome(case: &Case, seed: u64) -> Option<Outcome> {
    let start = Instant::now();
    let integers = std::env::var("INTEGERS").map_or(IntegerChoice::Auto, |name| name.parse().unwrap());
    let fitted = match Fit::new(&*case.model).seed(seed).integers(integers).run() {
        Ok(fitted) => fitted,
        Err(error) => {
            println!("{}, seed {seed}: {error}", case.name);
            return None;
        }
    };
    let outcome = beside(&fitted, &case.truth, start.elapsed().as_secs_f64());
    if std::env::var_os("EACH").is_some() {
        println!(
            "{} {seed}: {} mean {:.2}, sd {:.2}-{:.2}, bound {:.3}, {} evaluations, k-hat {:.2}, share {:.3}; {}",
            case.name,
            outcome.trust,
            outcome.mean,
            outcome.sd[0],
            outcome.sd[1],
            outcome.bound,
            outcome.evaluations,
            fitted.k_hat(),
            fitted.evidence().effective_share,
            fitted.verdict().reasons.join("; ")
        );
        println!("  {}", fitted.tried.to_string().replace('\n', "\n  "));
    }
    Some(outcome)
}

fn beside(fitted: &Fitted, truth: &Truth, seconds: f64) -> Outcome {
    let (mut mean, mut sd) = (0.0f64, [f64::INFINITY, 0.0f64]);
    let each = std::env::var_os("EACH").is_some();
    let summary = fitted.summary();
    for (k, name) in truth.names.iter().enumerate() {
        let found = summary.iter().find(|line| line.name == *name).unwrap_or_else(|| panic!("no quantity {name}"));
        // What a table says that it does not speak for is not held against it, unless it speaks for nothing.
        if found.covered != Covered::Nothing || fitted.verdict().trust == Trust::DoNotTrust {
            mean = mean.max((found.mean - truth.mean[k]).abs() / truth.sd[k]);
        }
        if found.covered == Covered::All || fitted.verdict().trust != Trust::Trust {
            let ratio = found.sd / truth.sd[k];
            if each && !(SDS[0]..=SDS[1]).contains(&ratio) {
                println!(
                    "  {name}: sd {:.4} for {:.4}, mean {:.4} for {:.4}",
                    found.sd, truth.sd[k], found.mean, truth.mean[k]
                );
            }
            sd = [sd[0].min(ratio), sd[1].max(ratio)];
        }
    }
    let bound = fitted.bound();
    let evidence = truth.log_evidence.map(|exact| {
        let error = bound.log_evidence.value - exact;
        // Where q is the posterior both are rounding.
        [error, error / bound.log_evidence.mcse.max(1e-9)]
    });
    let evaluations = fitted.evaluations;
    Outcome { trust: fitted.verdict().trust, mean, sd, bound: bound.elbo.value, evidence, evaluations, seconds }
}

fn line(name: &str, outcomes: &[Outcome]) {
    let count = |wanted: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| wanted(o)).count();
    let of = |trust: Trust| count(&|o| o.trust == trust);
    let false_trust = count(&|o| o.trust == Trust::Trust && !o.is_right());
    let false_means = count(&|o| o.trust == Trust::TrustMeansOnly && !o.means_are_right());
    let right_refused = count(&|o| o.trust == Trust::DoNotTrust && o.is_right());
    let right = count(&Outcome::is_right);
    let median = |of: &dyn Fn(&Outcome) -> f64| {
        let mut values: Vec<f64> = outcomes.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let worst = outcomes.iter().fold(0.0f64, |w, o| w.max(o.mean));
    let least = outcomes.iter().fold(f64::INFINITY, |w, o| w.min(o.sd[0]));
    let most = outcomes.iter().fold(0.0f64, |w, o| w.max(o.sd[1]));
    let errors: Vec<[f64; 2]> = outcomes.iter().filter_map(|o| o.evidence).collect();
    let evidence = if errors.is_empty() {
        String::new()
    } else {
        let n = errors.len() as f64;
        let bias = errors.iter().map(|e| e[0]).sum::<f64>() / n;
        let rms = (errors.iter().map(|e| e[1].powi(2)).sum::<f64>() / n).sqrt();
        let (low, high) = (errors.iter().filter(|e| e[1] < -2.0).count(), errors.iter().filter(|e| e[1] > 2.0).count());
        format!("{bias:+.4}, {rms:.2}, {low} low {high} high of {}", errors.len())
    };
    println!(
        "| {name} | {right}/{} | {} ({false_trust}) | {} ({false_means}) | {} ({right_refused}) | {worst:.2} | {least:.2}-{most:.2} | {:.2} | {:.0} | {:.2} | {evidence} |",
        outcomes.len(),
        of(Trust::Trust),
        of(Trust::TrustMeansOnly),
        of(Trust::DoNotTrust),
        median(&|o| o.bound),
        median(&|o| o.evaluations as f64),
        median(&|o| o.seconds),
    );
}
