//! The posterior object: bounds, weights and verdicts on models with known answers, files, and simulation.

use jensen::algorithm::Solution;
use jensen::diagnose::verdict::Trust;
use jensen::family::{Family, FullRank, MeanField};
use jensen::fit::Stop;
use jensen::posterior::{Assessment, Posterior};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{HandWritten, LogDensity, Target, ValueOnly};

/// x_i ~ N(mu, 1), mu ~ N(0, 2)
struct Mean {
    x: Column,
}

pub const X: [f64; 5] = [1.2, 0.3, 2.1, -0.4, 1.5];

impl Model for Mean {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        p.derive("odds", mu.exp());
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 1.0)));
    }
}

pub fn mean_target() -> Target {
    Target::new(&Mean { x: Column::new(X) }).unwrap()
}

/// Mean and sd of the exact posterior.
pub fn exact() -> (f64, f64) {
    let precision = 0.25 + X.len() as f64;
    (X.iter().sum::<f64>() / precision, precision.powf(-0.5))
}

/// ln N(x; 0, I + 4 11').
fn log_evidence() -> f64 {
    let (n, sum) = (X.len() as f64, X.iter().sum::<f64>());
    let squares: f64 = X.iter().map(|x| x * x).sum();
    let spread = 1.0 + 4.0 * n;
    -0.5 * (n * (2.0 * std::f64::consts::PI).ln() + spread.ln() + squares - 4.0 * sum * sum / spread)
}

pub const DONE: Stop = Stop::Converged { steps: 10, statistic: 1e-6 };

fn assess(target: &dyn LogDensity, family: &dyn Family, params: &[f64], num_draws: usize) -> Posterior {
    let solution = Solution { params: params.to_vec(), theta: vec![] };
    let settings = Assessment::new(Streams::new(3), &DONE).num_draws(num_draws);
    Posterior::assess(target, family, &solution, &settings).unwrap()
}

/// q = N(mean + shift sd, (stretch sd)^2) around the exact posterior.
fn shifted(shift: f64, stretch: f64, num_draws: usize) -> Posterior {
    let target = mean_target();
    let (mean, sd) = exact();
    assess(&target, &MeanField::new(target.layout()), &[mean + shift * sd, (stretch * sd).ln()], num_draws)
}

#[test]
fn the_exact_family_reaches_the_evidence() {
    let posterior = shifted(0.0, 1.0, 4000);
    let bound = posterior.bound();
    // log p - log q is the same number at every draw: only rounding is left.
    assert!((bound.elbo.value - log_evidence()).abs() < 1e-12, "{}", bound.elbo.value);
    assert!(bound.elbo.mcse < 1e-12 && bound.gap.value.abs() < 1e-12);
    // Half of the draws are of a Student-t with five degrees of freedom: weights are bounded, and worth 0.984 of even ones.
    assert!(posterior.k_hat() < 0.0, "{}", posterior.k_hat());
    assert_eq!(posterior.verdict().trust, Trust::Trust, "{posterior}");
    assert!((posterior.effective_size() / 4000.0 - 0.984).abs() < 0.005, "{}", posterior.effective_size());
}

#[test]
#[allow(clippy::print_stdout, reason = "the gap is what this test shows")]
fn the_gap_is_the_divergence_and_both_forms_agree() {
    let (shift, stretch) = (0.3, 0.8f64);
    let posterior = shifted(shift, stretch, 4000);
    let bound = posterior.bound();
    let kl = 0.5 * (stretch * stretch + shift * shift - 1.0) - stretch.ln();
    println!("ELBO {} = log p(x) {:.4} - KL {kl:.4}; gap {}", bound.elbo, log_evidence(), bound.gap);
    let close = |found: f64, expected: f64, error: f64| (found - expected).abs() < 4.0 * error;
    assert!(close(bound.elbo.value, log_evidence() - kl, bound.elbo.mcse), "{:?}", bound.elbo);
    assert!(close(bound.log_evidence.value, log_evidence(), bound.log_evidence.mcse), "{:?}", bound.log_evidence);
    assert!(close(bound.gap.value, kl, bound.gap.mcse), "{:?}", bound.gap);
    assert!(bound.elbo.mcse < 0.02 && bound.log_evidence.mcse < 0.02 && bound.gap.mcse < 0.02);
    // The same sums in another order: 4000 terms near 10 lose at most a few thousand ulp of 10.
    let (data, prior) = (bound.data.unwrap(), bound.kl.unwrap());
    assert!((bound.log_joint.value + bound.entropy.value - bound.elbo.value).abs() < 1e-11);
    assert!((data.value - prior.value - bound.elbo.value).abs() < 1e-11);
    // KL(q || prior) in closed form.
    let (mean, sd) = exact();
    let (m, s) = (mean + shift * sd, stretch * sd);
    let kl_prior = 0.5 * ((s * s + m * m) / 4.0 - 1.0) - (s / 2.0).ln();
    assert!(close(prior.value, kl_prior, prior.mcse), "{prior} {kl_prior}");
}

#[test]
fn summaries_match_closed_forms() {
    let (mean, sd) = exact();
    let posterior = shifted(0.3, 1.2, 4000);
    assert_eq!(posterior.names(), ["mu", "odds"]);
    let plain = &posterior.proposal().summary()[0];
    let (m, s) = (mean + 0.3 * sd, 1.2 * sd);
    assert!((plain.mean - m).abs() < 4.0 * plain.mcse && (plain.sd - s).abs() < 4.0 * s / 8000f64.sqrt());
    // Standard error of a normal quantile: sqrt(p (1 - p) / S) / density = 2.11 s / sqrt(S) at 5 %.
    assert!((plain.q5 - (m - 1.644854 * s)).abs() < 4.0 * 2.11 * s / 4000f64.sqrt());
    let weighted = &posterior.summary()[0];
    assert!((weighted.mean - mean).abs() < 4.0 * weighted.mcse, "{weighted:?}");
    // The weighted sd's error by the effective size, which is below 4000.
    assert!((weighted.sd - sd).abs() < 4.0 * sd / (2.0 * posterior.effective_size()).sqrt(), "{weighted:?}");
    assert!((plain.mean - mean).abs() > 10.0 * plain.mcse, "the plain mean must be able to tell");
    let odds = posterior.draws("odds").unwrap();
    assert_eq!(odds.len(), 4000);
    assert!((odds[7] / posterior.draws("mu").unwrap()[7].exp() - 1.0).abs() < 1e-15);
    assert!(posterior.draws("nu").is_none());
}

/// Weights of a q of a quarter of the width grow like exp(c u^2): their tail shape is 1 - 1/16, and the Student-t around q
/// hardly helps. Draws that are moved find the width.
#[test]
fn a_narrow_q_is_mended_by_moved_draws() {
    let posterior = shifted(0.0, 0.25, 4000);
    let (mean, sd) = exact();
    assert_eq!(posterior.verdict().trust, Trust::Trust, "{posterior}");
    let found = &posterior.summary()[0];
    assert!((found.mean - mean).abs() < 4.0 * found.mcse && found.mcse < 0.03 * sd, "{found:?}");
    assert!((found.sd - sd).abs() < 4.0 * sd / (2.0 * posterior.effective_size()).sqrt(), "{found:?}");
    let witness = posterior.evidence().witness.as_ref().expect("the share was below a half");
    assert!(!witness.is_alarmed() && witness.evaluations > 20_000, "{witness:?}");
    // The bound stays that of q: log p(x) - KL.
    let kl = 0.5 * (0.0625 - 1.0) + 4f64.ln();
    assert!((posterior.bound().elbo.value - log_evidence() + kl).abs() < 4.0 * posterior.bound().elbo.mcse);
}

/// Where draws cannot be moved, for want of a gradient, the same q is not trusted.
#[test]
fn a_narrow_q_without_a_gradient_is_not_trusted() {
    let (mean, sd) = exact();
    let target = ValueOnly::new(&["mu"], move |z| -0.5 * ((z[0] - mean) / sd).powi(2));
    let family = MeanField::new(target.layout());
    let solution = Solution { params: vec![mean, (0.25 * sd).ln()], theta: vec![] };
    let settings = Assessment::new(Streams::new(1), &DONE).num_draws(4000);
    let posterior = Posterior::assess(&target, &family, &solution, &settings).unwrap();
    assert!(posterior.verdict().trust > Trust::Trust && posterior.evidence().witness.is_none());
    let text = posterior.to_string();
    assert!(text.contains("because") && text.contains("richer family"), "{text}");
}

#[test]
fn an_unfinished_fit_and_two_that_disagree_are_not_trusted() {
    let target = mean_target();
    let family = MeanField::new(target.layout());
    let (mean, sd) = exact();
    let good = Solution { params: vec![mean, sd.ln()], theta: vec![] };
    let other = Solution { params: vec![mean + 0.6 * sd, sd.ln()], theta: vec![] };
    let stop = Stop::Budget { steps: 7 };
    let settings = Assessment::new(Streams::new(1), &stop).num_draws(500);
    let unfinished = Posterior::assess(&target, &family, &good, &settings).unwrap();
    assert_eq!(unfinished.verdict().trust, Trust::DoNotTrust);
    assert!(unfinished.verdict().reasons[0].contains("used its 7 steps"));
    let settings = Assessment::new(Streams::new(1), &DONE).num_draws(4000).second(&other);
    let apart = Posterior::assess(&target, &family, &good, &settings).unwrap();
    assert!(apart.evidence().halves_disagreement > 0.3, "{:?}", apart.evidence());
    assert_eq!(apart.verdict().trust, Trust::DoNotTrust);
}

#[test]
fn rejected_draws_are_counted_and_left_out_of_the_bound() {
    // A half-normal log density on the half line, which q overlaps by a part of its mass.
    let target = ValueOnly::new(&["x"], |z: &[f64]| if z[0] > 0.0 { -0.5 * z[0] * z[0] } else { f64::NEG_INFINITY });
    let posterior = assess(&target, &MeanField::of_dimension(1), &[1.0, 0.0], 4000);
    // P(N(1, 1) < 0) = 0.158655; its standard error over 4000 draws is 0.0058.
    let share = posterior.evidence().rejected_share;
    assert!((share - 0.158655).abs() < 4.0 * 0.0058, "{share}");
    assert!(posterior.bound().elbo.value.is_finite());
    // Z = sqrt(pi / 2), from all draws.
    let evidence = posterior.bound().log_evidence;
    assert!((evidence.value - 0.5 * (std::f64::consts::PI / 2.0).ln()).abs() < 4.0 * evidence.mcse, "{evidence}");
    assert_eq!(posterior.verdict().trust, Trust::DoNotTrust);
    assert!(posterior.to_string().contains("rejected      16"), "{posterior}");
    let nowhere = ValueOnly::new(&["x"], |_: &[f64]| f64::NAN);
    let solution = Solution { params: vec![0.0, 0.0], theta: vec![] };
    let settings = Assessment::new(Streams::new(1), &DONE);
    let error = Posterior::assess(&nowhere, &MeanField::of_dimension(1), &solution, &settings).unwrap_err();
    assert!(error.to_string().contains("not finite 3000 times"), "{error}");
}

#[test]
fn a_point_is_no_posterior() {
    let target = HandWritten::new(&["x", "y"], |z: &[f64], grad: &mut [f64]| {
        grad.copy_from_slice(&[-z[0], -z[1]]);
        -0.5 * (z[0] * z[0] + z[1] * z[1])
    });
    let family = FullRank::new(2);
    // With an sd of exp(-60), adding noise to 1 changes nothing: every draw is the mean.
    let point = assess(&target, &family, &[1.0, 1.0, -60.0, 0.0, -60.0], 100);
    assert_eq!(point.verdict().trust, Trust::DoNotTrust);
    assert!(point.to_string().contains("has no spread to be judged"), "{point}");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let target = mean_target();
    let family = MeanField::new(target.layout());
    let settings = Assessment::new(Streams::new(1), &DONE);
    let short = Solution { params: vec![0.0], theta: vec![] };
    let error = Posterior::assess(&target, &family, &short, &settings).unwrap_err().to_string();
    assert!(error.contains("1 parameters of q, expected 2"), "{error}");
    let solution = Solution { params: vec![0.0, 0.0], theta: vec![] };
    let settings = settings.num_draws(1);
    assert!(Posterior::assess(&target, &family, &solution, &settings).is_err());
}

/// z_i ~ N(0, 1) and x_i ~ N(z_i, 1) for each row: the posterior of z_i is N(x_i / 2, 1 / 2).
pub struct Local {
    pub x: Column,
}

impl Model for Local {
    fn log_joint(&self, p: &LogJoint) {
        p.rows(self.x.len(), |i| {
            let z = i.draw("z", normal(0.0, 1.0));
            i.observe(self.x.at(i), normal(z, 1.0));
        });
    }
}

#[test]
fn row_draws_are_the_ones_that_were_assessed() {
    let target = Target::new(&Local { x: Column::new(X) }).unwrap();
    let family = MeanField::new(target.layout());
    let means = X.iter().map(|x| 0.5 * x);
    let params: Vec<f64> = means.chain(std::iter::repeat_n(-0.5 * 2f64.ln(), X.len())).collect();
    let posterior = assess(&target, &family, &params, 1200);
    assert!(posterior.names().is_empty());
    assert!(posterior.to_string().contains("and 1 latent in each of 5 rows"), "{posterior}");
    // Evidence of independent N(0, 2) rows.
    let evidence: f64 = X.iter().map(|x| -0.5 * (x * x / 2.0 + (4.0 * std::f64::consts::PI).ln())).sum();
    assert!((posterior.bound().elbo.value - evidence).abs() < 1e-12);
    let rows = posterior.row_draws(&target, &family, 1200).unwrap();
    assert_eq!((rows.names[0].as_str(), rows.num_rows), ("z", 5));
    let ln = posterior.row_log_likelihood(&target, Some(&family)).unwrap();
    // Draws 0 and 1199 lie in different blocks.
    for d in [0, 700, 1199] {
        let z = |r: usize| rows.values[r * 1200 + d];
        let normal = |x: f64, m: f64| -0.5 * ((x - m).powi(2) + (2.0 * std::f64::consts::PI).ln());
        let joint: f64 = (0..5).map(|r| normal(z(r), 0.0) + normal(X[r], z(r))).sum();
        assert!((joint - posterior.log_p()[d]).abs() < 1e-12, "{d}");
        assert!((ln.row(3)[d] - normal(X[3], z(3))).abs() < 1e-13, "{d}");
    }
    assert!(posterior.row_log_likelihood(&target, None).unwrap_err().to_string().contains("give the family"));
    assert!(posterior.loo(&target).unwrap_err().to_string().contains("latents of its own"));
    let other = mean_target();
    let error = posterior.row_draws(&other, &family, 10).unwrap_err().to_string();
    assert!(error.contains("not the one this posterior was assessed on"), "{error}");
}

#[test]
fn rows_left_out_agree_with_closed_forms() {
    let target = mean_target();
    let family = MeanField::new(target.layout());
    let (mean, sd) = exact();
    let stop = DONE;
    let estimates: Vec<f64> = (0..16)
        .map(|seed| {
            let settings = Assessment::new(Streams::new(seed), &stop).num_draws(1000);
            let solution = Solution { params: vec![mean, (1.1 * sd).ln()], theta: vec![] };
            let posterior = Posterior::assess(&target, &family, &solution, &settings).unwrap();
            let loo = posterior.loo(&target).unwrap();
            assert!(loo.unreliable().is_empty(), "{:?}", loo.k_hat);
            assert_eq!(loo.pointwise.len(), X.len());
            loo.elpd
        })
        .collect();
    // x_i | the others ~ N(m, 1 + v), v = 1 / (1/4 + 4), m = v sum of the others.
    let (sum, v) = (X.iter().sum::<f64>(), 1.0 / 4.25);
    let one = |x: &f64| {
        let m = v * (sum - x);
        -0.5 * ((x - m).powi(2) / (1.0 + v) + (2.0 * std::f64::consts::PI * (1.0 + v)).ln())
    };
    let expected: f64 = X.iter().map(one).sum();
    let found = jensen::posterior::MonteCarlo::mean_of(&estimates);
    assert!((found.value - expected).abs() < 4.0 * found.mcse && found.mcse < 0.02, "{found} {expected}");
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("jensen-posterior-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A posterior with infinities in its densities and weights.
fn awkward() -> Posterior {
    let target = ValueOnly::new(&["x", "y, \"why\""], |z: &[f64]| match z[0] {
        x if x > 1.5 => f64::NAN,
        x if x > 0.0 => -0.5 * x * x - 0.5 * z[1] * z[1],
        _ => f64::NEG_INFINITY,
    });
    let mut trace = jensen::fit::Trace::default();
    trace.steps.push(1);
    trace.objective.push(f64::NEG_INFINITY);
    let stop = Stop::Plateau { steps: 3, gain: f64::NAN, gain_se: f64::INFINITY };
    let settings = Assessment::new(Streams::new(u64::MAX), &stop).num_draws(300).trace(&trace);
    let settings = settings.restarts(&[(1.0, 0.1), (f64::NAN, 0.1)]);
    let solution = Solution { params: vec![0.5, -0.0, 1.0 / 3.0, 1e-300], theta: vec![] };
    Posterior::assess(&target, &MeanField::of_dimension(2), &solution, &settings).unwrap()
}

#[test]
fn a_saved_fit_comes_back_to_the_bit() {
    let folder = folder("save");
    for (name, posterior) in [("plain", shifted(0.3, 0.9, 600)), ("awkward", awkward())] {
        let (path, again) = (folder.join(format!("{name}.json")), folder.join(format!("{name}-again.json")));
        posterior.save(&path).unwrap();
        let loaded = Posterior::load(&path).unwrap();
        let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let (own, expected) = (loaded.proposal(), posterior.proposal());
        assert_eq!(bits(own.log_p()), bits(expected.log_p()));
        assert_eq!(bits(own.log_q()), bits(expected.log_q()));
        assert_eq!(bits(own.log_weights()), bits(expected.log_weights()));
        assert_eq!(bits(&own.constrained().values), bits(&expected.constrained().values));
        assert_eq!(bits(&loaded.constrained().values), bits(&posterior.constrained().values));
        assert_eq!(bits(&loaded.solution().params), bits(&posterior.solution().params));
        assert_eq!(loaded.seed(), posterior.seed());
        assert_eq!(loaded.layout(), posterior.layout());
        assert_eq!(loaded.to_string(), posterior.to_string());
        // Whatever is not compared above is in the file.
        loaded.save(&again).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&again).unwrap());
    }
    // What a loaded fit can still do with its model.
    let loaded = Posterior::load(folder.join("plain.json")).unwrap();
    let (a, b) = (loaded.loo(&mean_target()).unwrap(), shifted(0.3, 0.9, 600).loo(&mean_target()).unwrap());
    assert_eq!(a, b);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn files_that_are_no_saved_fits_are_told_apart() {
    let folder = folder("wrong");
    let good = folder.join("good.json");
    shifted(0.0, 1.0, 100).save(&good).unwrap();
    let text = std::fs::read_to_string(&good).unwrap();
    let later = text.replacen("\"version\":3", "\"version\":4", 1);
    let edited = text.replacen("\"log_p\":[", "\"log_p\":[0.5,", 1);
    let cases = [
        (&text[..text.len() / 2], "cut off"),
        (&text[..text.len() - 2], "cut off"),
        ("", "it is empty"),
        ("a,b\n1,2\n", "not a saved fit"),
        ("{\"format\":\"other\",\"version\":3}", "not a saved fit"),
        ("[1,2]", "not a saved fit"),
        (later.as_str(), "version 4, and this program reads version 3"),
        (edited.as_str(), "not what its checksum is of"),
        ("{\"format\":\"jensen posterior\",\"version\":2}", "version 2, and this program reads version 3; fit again"),
        ("{\"format\":\"jensen fit\",\"version\":3}", "damaged"),
    ];
    for (content, expected) in cases {
        let path = folder.join("case.json");
        std::fs::write(&path, content).unwrap();
        let error = Posterior::load(&path).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("case.json"), "{error}");
    }
    let error = Posterior::load(folder.join("none.json")).unwrap_err().to_string();
    assert!(error.contains("none.json"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn tables_for_other_tools() {
    let folder = folder("export");
    let posterior = shifted(0.3, 0.9, 600);
    let target = mean_target();
    jensen::export::write_csv(&posterior, folder.join("draws.csv")).unwrap();
    let text = std::fs::read_to_string(folder.join("draws.csv")).unwrap();
    let mut lines = text.lines().filter(|l| !l.starts_with('#'));
    assert_eq!(lines.next(), Some("lp__,log_p__,log_q__,mu,odds"));
    let first: Vec<f64> = lines.next().unwrap().split(',').map(|c| c.parse().unwrap()).collect();
    assert_eq!(first[3].to_bits(), posterior.draws("mu").unwrap()[0].to_bits());
    assert_eq!(lines.count(), 599);
    let rows = posterior.row_log_likelihood(&target, None).unwrap();
    let predictive = posterior.predictive(&target, None, 600).unwrap();
    let groups = jensen::export::Groups { log_likelihood: Some(&rows), predictive: &predictive };
    jensen::export::write_arviz(&posterior, &groups, folder.join("idata.json")).unwrap();
    let value: serde_json::Value =
        serde_json::from_reader(std::fs::File::open(folder.join("idata.json")).unwrap()).unwrap();
    assert_eq!(value["posterior"]["mu"][0][5].as_f64(), Some(posterior.draws("mu").unwrap()[5]));
    assert_eq!(value["log_likelihood"]["rows"][0][2][4].as_f64(), Some(rows.row(4)[2]));
    assert_eq!(value["observed_data"]["data"][1].as_f64(), Some(X[1]));
    assert_eq!(value["sample_stats"]["log_q"][0].as_array().map(Vec::len), Some(600));
    // Names that need quotes, numbers that are not finite.
    jensen::export::write_csv(&awkward(), folder.join("awkward.csv")).unwrap();
    let text = std::fs::read_to_string(folder.join("awkward.csv")).unwrap();
    assert!(text.contains(",x,\"y, \"\"why\"\"\"\n") && text.contains("-inf") && text.contains("nan"));
    jensen::export::write_arviz(&awkward(), &Default::default(), folder.join("awkward.json")).unwrap();
    assert!(std::fs::read_to_string(folder.join("awkward.json")).unwrap().contains("-Infinity"));
    if std::env::var_os("JENSEN_KEEP").is_none() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}
