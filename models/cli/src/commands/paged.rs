//! Writes the page of a fit: what it needs is made again from the fit and its data.

use super::draws::Renaming;
use super::error::CommandError;
use super::fit_page::{Told, page};
use super::outcome::Outcome;
use super::rebuilt::{Opened, Rebuilt};
use super::report::Report;
use super::saved::Note;
use super::{check, engine};
use crate::cli::output::write as write_file;
use crate::cli::page::{paragraph, quoted};
use jensen_models::data::DataTable;
use jensen_models::zoo::BuildError;
use std::path::Path;

/// Writes the page of a fit to `path`; `table` is that of the fit, where it is not the model's own.
///
/// # Errors
/// Data that are not those of the fit, and a file that cannot be written.
pub(super) fn write(
    path: &Path,
    report: &Report,
    fit: Opened,
    table: Option<&DataTable>,
    command: String,
    quiet: bool,
) -> Result<(), CommandError> {
    let draws = fit.outcome.draws();
    let (mut mathematics, mut steps, mut curves) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(regression) = &fit.built.regression {
        let own = table.is_none().then(|| fit.entry.table()).transpose()?;
        (mathematics, steps) = (regression.mathematics(), regression.usual_steps());
        if let Some(table) = table.or(own.as_ref()) {
            curves = regression.curves(&draws, table).map_err(BuildError::from)?;
        }
    }
    let about = fit.entry.about;
    let draws = Renaming::new(&fit.note.labels).draws(draws);
    let seed = fit.note.seed;
    let checks = match fit.outcome {
        Outcome::Posterior(_) => {
            let threads = engine::default_threads();
            check::of_a_fit(&Rebuilt::of(fit, path.display().to_string(), threads)?, seed, quiet)?
        }
        Outcome::Amortised(_) => {
            paragraph("Its q is a network, which was judged when it was trained: see the verdict.")
        }
    };
    let told = Told { report, draws: &draws, about, mathematics, steps, curves, checks, command };
    write_file(Some(path), |out| out.write_all(page(&told).as_bytes()))?;
    Ok(())
}

/// The command that a saved fit was made by, as far as it is kept: the method's choices are not.
pub(super) fn command_of(note: &Note) -> String {
    let options = &note.options;
    let mut words = vec!["jensen".to_string(), "fit".to_string(), note.model.clone()];
    let mut add = |option: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([option.to_string(), quoted(&value)]);
        }
    };
    add("--data", note.table.as_ref().map(|_| note.data.clone()));
    add("--response", options.response.clone());
    add("--features", options.features.as_ref().map(|names| names.join(",")));
    add("--group", options.group.clone());
    add("--lags", options.lags.map(|lags| lags.to_string()));
    add("--formula", options.formula.clone());
    if let Some(settings) = &options.settings {
        add("--likelihood", settings.likelihood.map(|law| law.to_string()));
        add("--link", settings.link.map(|link| link.to_string()));
        settings.priors.iter().for_each(|prior| add("--prior", Some(prior.clone())));
        add("--missing", Some(settings.missing.to_string()));
    }
    add("--seed", Some(note.seed.to_string()));
    words.join(" ")
}
