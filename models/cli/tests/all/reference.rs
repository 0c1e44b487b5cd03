//! Default fits against reference posteriors: means, standard deviations and quantiles.

use clap::Parser;
use jensen::Fitted;
use jensen::posterior::Summary;
use jensen_cli::cli::args::{Cli, Command, MethodArgs};
use jensen_cli::commands::engine::fit;
use jensen_models::reference::{NAMES, load, model};

fn method(options: &str) -> MethodArgs {
    let words = ["jensen", "fit", "any"].into_iter().chain(options.split_whitespace());
    match Cli::try_parse_from(words).unwrap().command {
        Command::Fit(args) => args.method,
        other => panic!("{other:?}"),
    }
}

fn fitted(name: &str, options: &str) -> Fitted {
    let model = model(name).unwrap();
    fit(&*model, &method(options), &mut ()).unwrap()
}

/// The largest distance, in reference sd, of a mean and of a 5, 50 or 95 % quantile, and the range of sd ratios.
fn distance(name: &str, summary: &[Summary]) -> (f64, f64, [f64; 2]) {
    let reference = load(name).unwrap();
    let (mut mean, mut quantile, mut ratios) = (0.0_f64, 0.0_f64, [f64::INFINITY, 0.0_f64]);
    for (k, wanted) in reference.names.iter().enumerate() {
        let line = summary.iter().find(|line| line.name == *wanted).unwrap();
        let sd = reference.sd[k];
        mean = mean.max((line.mean - reference.mean[k]).abs() / sd);
        let quantiles = [(line.q5, reference.q05[k]), (line.q50, reference.q50[k]), (line.q95, reference.q95[k])];
        quantile = quantiles.iter().fold(quantile, |far, (found, known)| far.max((found - known).abs() / sd));
        ratios = [ratios[0].min(line.sd / sd), ratios[1].max(line.sd / sd)];
    }
    (mean, quantile, ratios)
}

/// A fit's 4000 draws and the reference's 10,000 put a mean within 0.02 sd and a sd within 1.5 % (one standard error),
/// a 5 % quantile within 0.04 sd; importance weights double that. The worst of about 90 quantities is held to four.
#[test]
fn trusted_fits_match_their_reference() {
    let mut trusted = 0;
    for &name in NAMES {
        let outcome = fitted(name, "");
        let (mean, quantile, ratios) = distance(name, &outcome.summary());
        let found = format!(
            "{name}: k-hat {:.2}, {}: means {mean:.3} sd, quantiles {quantile:.3} sd, sd x {ratios:.3?}",
            outcome.k_hat(),
            outcome.verdict().trust
        );
        if outcome.posterior.resampling().is_some() {
            trusted += 1;
            assert!(mean < 0.16 && quantile < 0.32 && ratios[0] > 0.88 && ratios[1] < 1.12, "{found}");
        } else {
            // Still in the right place: half a standard deviation.
            assert!(mean < 0.5 && ratios[0] > 0.5 && ratios[1] < 2.0, "{found}");
        }
    }
    assert!(trusted >= 10, "only {trusted} of {} references are fitted and trusted", NAMES.len());
}

/// A funnel in the coordinates it is written in, and none in those that the fit chooses.
#[test]
fn the_funnel_is_seen_through() {
    let outcome = fitted("eight-schools-centred", "");
    assert!(outcome.posterior.resampling().is_some(), "k-hat {:.2}, {}", outcome.k_hat(), outcome.verdict());
    let bound = outcome.bound().elbo.value;
    assert!(bound > -31.6, "bound {bound}, and a Gaussian in centred coordinates has -32.59");
}
