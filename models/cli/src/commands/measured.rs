//! Measures of a fit in place of a bound, as text.

use crate::cli::number::significant;
use crate::cli::render::{Align, TextTable};
use jensen::amortised::{Measured, MeasuredLine};

/// The figures, a line each, and the table.
pub(super) fn text(measured: &Measured) -> String {
    let mut out = String::new();
    for (what, value) in &measured.figures {
        let error = significant(value.mcse, 2);
        let error = if value.mcse > 0.0 { format!(" (standard error {error})") } else { String::new() };
        out += &format!("{what} {}{error}\n", significant(value.value, 5));
    }
    if measured.lines.is_empty() {
        return out;
    }
    let numbers = measured.columns.iter().map(|name| (name.as_str(), Align::Point));
    let header: Vec<_> = std::iter::once((measured.about.as_str(), Align::Left)).chain(numbers).collect();
    let mut table = TextTable::new(&header);
    for MeasuredLine { name, values, .. } in &measured.lines {
        table.push(std::iter::once(name.clone()).chain(values.iter().map(|v| significant(*v, 3))));
    }
    format!("{out}\n{table}")
}
