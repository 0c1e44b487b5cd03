//! An autoencoder as one page for a browser: no other file, no script, nothing to look up.

use super::report::Report;
use crate::cli::page::{again, apart, command_line, escaped, head, lines, paragraph};
use crate::cli::plot::Figure;

/// What is drawn of a run.
pub(super) struct Drawn {
    /// Pictures, with what they show.
    pub pictures: Vec<(&'static str, String)>,
    /// Pages of text, with their names.
    pub texts: Vec<(&'static str, String)>,
    /// Charts, with their names.
    pub figures: Vec<(&'static str, Figure)>,
}

/// The whole page.
pub(super) fn page(report: &Report, drawn: &Drawn) -> String {
    let mut out = head(&format!("Autoencoder: {}", report.data));
    out += "<div class=\"advice\">\n";
    if report.reasons.is_empty() {
        out += "<p>Trusted: the bound has levelled off, and is above those of simpler models.</p>\n";
    }
    let verdict = |class: &str, words: &str| format!("<p{class}>{}</p>\n", escaped(words));
    report.reasons.iter().for_each(|why| out += &verdict(" class=\"bad\"", &format!("Not trusted: {why}")));
    report.notes.iter().for_each(|note| out += &verdict("", note));
    out += "</div>\n";
    let model = "One network maps a row to a Gaussian over a few latents, another maps latents to a row; both are trained together by \
                 maximising a lower bound of log p(row): z ~ normal(0, 1), row ~ likelihood(decoder(z)), q(z) = encoder(row).";
    out +=
        &format!("<h2>Model</h2>\n{}{}", paragraph(model), lines(&format!("{}\n{}", report.networks, report.method)));
    out += &format!("<h2>Report</h2>\n{}", lines(&report.text()));
    for (title, svg) in &drawn.pictures {
        out += &format!("<h2>{}</h2>\n<div class=\"panels\">{svg}</div>\n", escaped(&sentence(title)));
    }
    for (name, text) in &drawn.texts {
        out += &format!("<h2>{}</h2>\n{}", escaped(&sentence(name)), lines(text));
    }
    for (name, figure) in &drawn.figures {
        out += &format!("<h2>{}</h2>\n{}", escaped(&sentence(name)), apart(figure, name, name));
    }
    out + "<h2>Run it again</h2>\n" + &again(&command_line()) + "</body></html>\n"
}

/// With a capital at its beginning.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
