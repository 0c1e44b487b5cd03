//! The command `jensen compare-fits`: saved fits of the same rows, by what they predict and by their evidence.

use super::error::CommandError;
use super::rebuilt::{Instead, Rebuilt};
use crate::cli::exit::Exit;
use crate::cli::number::significant;
use crate::cli::output::print;
use crate::cli::render::{Align, TextTable};
use crate::cli::saved_args::CompareFitsArgs;
use jensen::diagnose::verdict::Trust;
use jensen::diagnose::{ElpdDifference, ElpdError, compare_elpd};
use jensen::model::SiteKind;
use jensen::posterior::Loo;
use jensen::target::{LogDensity, Replicated};
use serde::Serialize;

const INSTEAD: Instead = Instead {
    of_others: "mixtures are compared by the bounds that `jensen mixture --k` prints",
    of_own: "use `Posterior::loo` and `jensen::diagnose::compare_elpd`",
};

/// Data sets that tell counts from measurements.
const REPLICATES: usize = 20;
/// Differences that are small whatever their standard error.
///
/// *Source*: Sivula, Magnusson, Matamoros and Vehtari (2020), Uncertainty in Bayesian leave-one-out cross-validation based
/// model comparison: below 4 the standard error is no guide.
const SMALL: f64 = 4.0;

/// Saved fits side by side.
#[derive(Debug, Clone, Serialize)]
struct ComparedFits {
    num_rows: usize,
    /// The best first.
    fits: Vec<ComparedFit>,
    /// What is to be kept in mind.
    findings: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct ComparedFit {
    fit: String,
    model: String,
    verdict: Trust,
    #[serde(flatten)]
    elpd: ElpdDifference,
    /// Rows, from 1, whose share of elpd cannot be relied on.
    unreliable: Vec<usize>,
    evidence: Option<Evidence>,
}

/// Log evidence, and its difference to that of the fit with the best elpd.
#[derive(Debug, Clone, Copy, Serialize)]
struct Evidence {
    #[serde(with = "jensen::number")]
    log_evidence: f64,
    #[serde(with = "jensen::number")]
    mcse: f64,
    #[serde(with = "jensen::number")]
    difference: f64,
    #[serde(with = "jensen::number")]
    difference_mcse: f64,
    /// Tail shape of the weights that it is from.
    #[serde(with = "jensen::number")]
    k_hat: f64,
}

/// Compares the fits and prints the table.
pub(super) fn run(args: &CompareFitsArgs) -> Result<Exit, CommandError> {
    let threads = super::engine::default_threads();
    let mut fits = Vec::new();
    for path in &args.fits {
        let fit = Rebuilt::read(path, &INSTEAD, threads)?;
        let data = fit.posterior.predictive(&fit.target, Some(&*fit.family), REPLICATES).map_err(|e| fit.failed(e))?;
        let loo = fit.posterior.loo(&fit.target).map_err(|e| fit.failed(e))?;
        fits.push((fit, data, loo));
    }
    let [(first, data, _), others @ ..] = &fits[..] else { return Err(ElpdError::TooFew { found: 0 }.into()) };
    for (other, its, _) in others {
        if let Some(difference) = other_rows(first, data, other, its) {
            let (a, b) = (first.fit.clone(), other.fit.clone());
            return Err(CommandError::OtherRows { a, b, difference });
        }
    }
    let compared = compared(&fits)?;
    print(std::io::stdout(), &if args.json { json(&compared) } else { text(&compared) })?;
    let spoilt = compared.fits.iter().any(|fit| fit.elpd.num_unreliable > 0 || fit.verdict != Trust::Trust);
    Ok(if spoilt { Exit::NotTrusted } else { Exit::Success })
}

/// In what the rows of two fits differ, in words; nothing where they are the same.
fn other_rows(a: &Rebuilt, of_a: &[Replicated], b: &Rebuilt, of_b: &[Replicated]) -> Option<String> {
    let rows = |fit: &Rebuilt| fit.target.layout().num_rows;
    if rows(a) != rows(b) {
        let leaves_out = |fit: &Rebuilt| fit.note.notes.iter().any(|note| note.starts_with("rows "));
        let hint = if leaves_out(a) || leaves_out(b) {
            " (each formula leaves out rows with missing cells of its own columns)"
        } else {
            ""
        };
        return Some(format!("{} rows and {}{hint}", rows(a), rows(b)));
    }
    if of_a.len() != of_b.len() {
        return Some(format!("{} columns are observed and {}", of_a.len(), of_b.len()));
    }
    for (x, y) in of_a.iter().zip(of_b) {
        if x.observed.len() != y.observed.len() {
            return Some(format!("{} numbers of each row are observed and {}", x.len, y.len));
        }
        let differs = x.observed.iter().zip(&y.observed).position(|(x, y)| x.to_bits() != y.to_bits());
        if let Some(at) = differs {
            let row = at % x.num_rows + 1;
            let [x, y] = [x, y].map(|data| significant(data.observed[at], 6));
            return Some(format!("row {row} has the observed value {x} in one and {y} in the other"));
        }
        let whole = |data: &Replicated| data.values.iter().all(|v| v.fract() == 0.0);
        if whole(x) != whole(y) {
            return Some("one gives counts probabilities, the other densities, which are in no common units".into());
        }
    }
    a.note.table.iter().zip(&b.note.table).find_map(|(x, y)| {
        let both = x.given_names().filter(|name| y.given_names().any(|other| other == *name));
        let differs = |name: &&str| match (x.categories(name), y.categories(name)) {
            (Ok((codes, levels)), Ok((others, their_levels))) => codes != others || levels != their_levels,
            _ => false,
        };
        both.into_iter().find(differs).map(|name| format!("the column \"{name}\" has other values"))
    })
}

/// What the note says of columns with latents.
fn latents_of(fit: &Rebuilt) -> Vec<&String> {
    fit.note.notes.iter().filter(|note| note.starts_with("latents ")).collect()
}

fn compared(fits: &[(Rebuilt, Vec<Replicated>, Loo)]) -> Result<ComparedFits, CommandError> {
    let loos: Vec<&Loo> = fits.iter().map(|(_, _, loo)| loo).collect();
    let order = compare_elpd(&loos)?;
    let best = &fits[order[0].model].0;
    let (mut findings, mut out) = (Vec::new(), Vec::new());
    for line in order {
        let (fit, _, loo) = &fits[line.model];
        let bare = bare_latent(fit);
        if let Some(name) = &bare {
            findings
                .push(format!("{} has no evidence to compare: the prior of its latent \"{name}\" is flat", fit.fit));
        }
        let own = fit.posterior.bound().log_evidence;
        let is_of_other_data = latents_of(fit) != latents_of(best);
        if is_of_other_data {
            findings.push(format!(
                "the evidence of {} is not that of {}: what one counts as data of a latent column the other is given",
                fit.fit, best.fit
            ));
        }
        let evidence = (bare.is_none() && bare_latent(best).is_none() && !is_of_other_data).then(|| {
            let top = best.posterior.bound().log_evidence;
            let is_best = std::ptr::eq(fit, best);
            Evidence {
                log_evidence: own.value,
                mcse: own.mcse,
                difference: own.value - top.value,
                difference_mcse: if is_best { 0.0 } else { own.mcse.hypot(top.mcse) },
                k_hat: fit.posterior.k_hat(),
            }
        });
        let verdict = fit.posterior.verdict().trust;
        if verdict != Trust::Trust {
            findings.push(format!("the verdict on {} is \"{verdict}\": its numbers are of the approximation", fit.fit));
        }
        let unreliable: Vec<usize> = loo.unreliable().iter().map(|row| row + 1).collect();
        if !unreliable.is_empty() {
            let (count, all) = (unreliable.len(), loo.pointwise.len());
            findings.push(format!(
                "{count} of {all} rows of {} have k-hat above {}, and its elpd is not to be relied on; leave those rows out, fit \
                 again and score them",
                fit.fit,
                significant(loo.threshold, 2)
            ));
        }
        out.push(ComparedFit {
            fit: fit.fit.clone(),
            model: fit.note.model.clone(),
            verdict,
            elpd: line,
            unreliable,
            evidence,
        });
    }
    findings.extend(out[1..].iter().map(|fit| difference(fit, &out[0].fit)));
    Ok(ComparedFits { num_rows: loos[0].pointwise.len(), fits: out, findings })
}

/// The first latent without a prior.
fn bare_latent(fit: &Rebuilt) -> Option<String> {
    let drawn = fit.target.drawn_sites();
    let free = [SiteKind::Parameter, SiteKind::Derived];
    let sites = fit.target.layout().sites.iter().filter(|site| !free.contains(&site.kind));
    sites.map(|site| site.name.clone()).find(|name| !drawn.iter().any(|site| site.name == *name))
}

/// How a fit stands to the best, in words.
fn difference(fit: &ComparedFit, best: &str) -> String {
    let ElpdDifference { difference, difference_se, .. } = fit.elpd;
    let by = format!("{} (standard error {})", significant(-difference, 3), said_error(difference_se));
    if difference_se.is_nan() {
        format!("{best} predicts its only row better than {} by {by}, which a single row cannot confirm", fit.fit)
    } else if -difference < SMALL {
        format!(
            "{best} and {} predict about equally well: they differ by {by}, and below {SMALL} that says little",
            fit.fit
        )
    } else if -difference < 2.0 * difference_se {
        format!("{best} predicts better than {} by {by}, which is not beyond chance", fit.fit)
    } else {
        format!("{best} predicts better than {} by {by}", fit.fit)
    }
}

fn said_error(error: f64) -> String {
    if error.is_nan() { "unknown".into() } else { significant(error, 2) }
}

fn json(compared: &ComparedFits) -> String {
    serde_json::to_string_pretty(compared).unwrap_or_default() + "\n"
}

fn text(compared: &ComparedFits) -> String {
    let numbers = ["elpd", "se", "difference", "se", "weight"].map(|name| (name, Align::Point));
    let mut header = vec![("", Align::Left), ("model", Align::Left)];
    header.extend(numbers);
    header.extend([("rows in doubt", Align::Right), ("log evidence", Align::Point), ("mcse", Align::Point)]);
    header.extend([("difference", Align::Point), ("mcse", Align::Point)]);
    let mut table = TextTable::new(&header);
    for ComparedFit { fit, model, elpd, evidence, .. } in &compared.fits {
        let mut cells = vec![fit.clone(), model.clone(), significant(elpd.elpd, 5), said_error(elpd.elpd_se)];
        cells.extend([significant(elpd.difference, 3), said_error(elpd.difference_se), format!("{:.3}", elpd.weight)]);
        cells.push(elpd.num_unreliable.to_string());
        match evidence {
            Some(Evidence { log_evidence, mcse, difference, difference_mcse, .. }) => {
                cells.extend([significant(*log_evidence, 5), significant(*mcse, 2)]);
                cells.extend([significant(*difference, 3), significant(*difference_mcse, 2)]);
            }
            None => cells.extend(["–"; 4].map(String::from)),
        }
        table.push(cells);
    }
    let rows = compared.num_rows;
    let mut out = format!(
        "{} fits of the same {rows} {}\n\n{table}",
        compared.fits.len(),
        if rows == 1 { "row" } else { "rows" }
    );
    out += "\nelpd: log density of the rows, each left out in turn (higher is better); differences are to the best, paired by \
            row.\nweight: of the mixture of all fits that predicts best (stacking).\n";
    for finding in &compared.findings {
        out += &format!("- {finding}\n");
    }
    out
}
