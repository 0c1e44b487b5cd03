//! A mixture as one page for a browser: no other file, no script, nothing to look up.

use super::data::Data;
use super::plots;
use super::report::Report;
use crate::cli::page::{again, apart, command_line, escaped, head, lines, paragraph};
use crate::cli::plot::Figure;
use jensen::mixture::{MixtureError, MixtureFitted, Table};

/// The pairs of columns and the bounds of a fit, where there are some.
///
/// # Errors
/// When rows cannot be read, or a density has no value.
pub(super) fn figures(
    data: &Data,
    report: &Report,
    fitted: &MixtureFitted,
) -> Result<Vec<(&'static str, Figure)>, MixtureError> {
    let title = format!("{}, {} components", report.data, report.occupied);
    let cells = data.shown()?;
    let labels = fitted.labels(&Table::from_columns(&cells)?)?;
    let pairs = plots::pairs(&title, &data.columns, &cells, &labels, fitted)?;
    let mut figures: Vec<_> = pairs.map(|figure| ("pairs", figure)).into_iter().collect();
    if report.tried.len() > 1 {
        figures.push(("bound_against_k", plots::bounds(&report.data, &report.tried)));
    }
    Ok(figures)
}

/// The whole page.
pub(super) fn page(report: &Report, figures: &[(&'static str, Figure)]) -> String {
    let mut out = head(&format!("Mixture: {}", report.data));
    let verdict = |class: &str, words: &str| format!("<p{class}>{}</p>\n", escaped(words));
    out += "<div class=\"advice\">\n";
    if report.judged.reasons.is_empty() {
        out += &verdict("", "The restarts agree, and the fit has arrived.");
    }
    report.judged.reasons.iter().for_each(|why| out += &verdict(" class=\"bad\"", &format!("Not trusted: {why}")));
    report.judged.notes.iter().for_each(|note| out += &verdict("", note));
    out += "</div>\n";
    let model = "Every row is of one of K components, whichever is not known: row ~ sum_k weight_k component_k(row), with a prior of \
                 the weights and of what each component is. Columns of numbers that are measurements are jointly distributed within \
                 a component, others independently.";
    out += &format!("<h2>Model</h2>\n{}{}", paragraph(model), lines(&report.method));
    out += &format!("<h2>Report</h2>\n{}", lines(&report.text()));
    out += "<h2>Plots</h2>\n";
    if figures.is_empty() {
        out += &paragraph("Columns of words alone have no plots; the table above has the probability of each.");
    }
    figures.iter().for_each(|(id, figure)| out += &apart(figure, id, &id.replace('_', " ")));
    out + "<h2>Run it again</h2>\n" + &again(&command_line()) + "</body></html>\n"
}
