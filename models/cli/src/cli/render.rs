//! Text tables for the terminal: aligned columns, long tables cut in the middle.

use super::number::{decimals_for, fixed, significant};
use jensen::posterior::{Covered, Summary};

/// Whether a long table is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Shows every row.
    All,
    /// At most 12 elements of one site and 60 rows in all; a note says what was left out.
    Cut,
}

/// How the cells of a column are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text, flush left.
    Left,
    /// Numbers, with their decimal points below each other.
    Point,
    /// Aligned to the right.
    Right,
}

/// A table of text cells.
///
/// ```
/// # use jensen_cli::cli::render::{Align, TextTable};
/// let mut table = TextTable::new(&[("model", Align::Left), ("rows", Align::Right)]);
/// table.push(["garch", "200"]);
/// assert_eq!(table.to_string(), "model  rows\ngarch   200\n");
/// ```
#[derive(Debug, Clone)]
pub struct TextTable {
    header: Vec<(String, Align)>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
enum Row {
    Cells(Vec<String>),
    Note(String),
}

/// Draws the posterior table: name, mean, sd, Monte Carlo error and quantiles.
///
/// Each row shows three significant digits of its sd, so that no digit is noise; `mcse` has two digits of its own.
pub fn posterior_table(rows: &[Summary], length: Length) -> String {
    let numbers = ["mean", "sd", "mcse", "5%", "50%", "95%"].map(|name| (name, Align::Point));
    let header: Vec<_> = std::iter::once(("", Align::Left)).chain(numbers).collect();
    let mut table = TextTable::new(&header);
    let best = rows.iter().map(|row| row.covered).min().unwrap_or_default();
    for part in elided(rows, length) {
        match part {
            Part::Row(row) => table.push(posterior_cells(row, best)),
            Part::Gap { first, last, count } => table.note(&gap_note(&rows[first], &rows[last], count)),
        }
    }
    table.to_string()
}

impl TextTable {
    /// An empty table with these headings.
    pub fn new(header: &[(&str, Align)]) -> Self {
        let header = header.iter().map(|&(name, align)| (name.to_string(), align)).collect();
        Self { header, rows: Vec::new() }
    }

    /// Adds a row; missing cells stay blank, surplus ones are left out.
    pub fn push<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.header.len(), String::new());
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line of text across the columns.
    pub fn note(&mut self, text: &str) {
        self.rows.push(Row::Note(text.to_string()));
    }

    /// The width before and after the decimal point that column `j` needs.
    fn widths(&self, j: usize) -> (usize, usize) {
        let (name, align) = &self.header[j];
        let cells = self.rows.iter().filter_map(|row| match row {
            Row::Cells(cells) => Some(split(&cells[j], *align)),
            Row::Note(_) => None,
        });
        let (before, after) =
            cells.fold((0, 0), |(before, after), (head, tail)| (width(head).max(before), width(tail).max(after)));
        (before.max(width(name).saturating_sub(after)), after)
    }
}

impl std::fmt::Display for TextTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<_> = (0..self.header.len()).map(|j| self.widths(j)).collect();
        let mut lines = Vec::new();
        let header = self.header.iter().zip(&widths).map(|((name, align), &(before, after))| {
            let align = if *align == Align::Left { Align::Left } else { Align::Right };
            padded(name, align, before + after, 0)
        });
        lines.push(header.collect::<Vec<_>>().join("  "));
        for row in &self.rows {
            lines.push(match row {
                Row::Note(text) => text.clone(),
                Row::Cells(cells) => {
                    let cells = cells.iter().zip(&self.header).zip(&widths);
                    let padded =
                        cells.map(|((cell, (_, align)), &(before, after))| padded(cell, *align, before, after));
                    padded.collect::<Vec<_>>().join("  ")
                }
            });
        }
        lines.iter().filter(|line| !line.trim().is_empty()).try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }
}

fn posterior_cells(row: &Summary, best: Covered) -> Vec<String> {
    // A point has no spread to take its digits from.
    let decimals = if row.sd == 0.0 { decimals_for(row.mean, 5).min(6) } else { decimals_for(row.sd, 3) };
    let [low, median, high] = [row.q5, row.q50, row.q95].map(|value| fixed(value, decimals));
    vec![
        format!("{}{}", row.name, row.covered.mark(best)),
        fixed(row.mean, decimals),
        fixed(row.sd, decimals),
        significant(row.mcse, 2),
        low,
        median,
        high,
    ]
}

fn gap_note(first: &Summary, last: &Summary, count: usize) -> String {
    format!("... {count} more, {} to {} (--all shows every row)", first.name, last.name)
}

enum Part<'a> {
    Row(&'a Summary),
    Gap { first: usize, last: usize, count: usize },
}

/// The rows to show, with gaps inside long sites and then in the middle of a long table.
fn elided(rows: &[Summary], length: Length) -> Vec<Part<'_>> {
    const SITE: (usize, usize) = (8, 4);
    const TABLE: (usize, usize) = (40, 20);
    let shown: Vec<usize> = if length == Length::All {
        (0..rows.len()).collect()
    } else {
        let sites = rows.chunk_by(|a, b| site(&a.name) == site(&b.name));
        let mut start = 0;
        let mut kept = Vec::new();
        for chunk in sites {
            kept.extend(ends(start..start + chunk.len(), SITE));
            start += chunk.len();
        }
        ends(0..kept.len(), TABLE).into_iter().map(|i| kept[i]).collect()
    };
    let mut parts = Vec::new();
    let mut next = 0;
    for &i in &shown {
        if i > next {
            parts.push(Part::Gap { first: next, last: i - 1, count: i - next });
        }
        parts.push(Part::Row(&rows[i]));
        next = i + 1;
    }
    parts
}

/// All of `range`, or its first and last elements where that leaves out at least two.
fn ends(range: std::ops::Range<usize>, (head, tail): (usize, usize)) -> Vec<usize> {
    if range.len() < head + tail + 2 {
        return range.collect();
    }
    (range.start..range.start + head).chain(range.end - tail..range.end).collect()
}

fn site(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

fn padded(cell: &str, align: Align, before: usize, after: usize) -> String {
    let (head, tail) = split(cell, align);
    let fill = |n: usize| " ".repeat(n);
    let (left, right) = (before.saturating_sub(width(head)), after.saturating_sub(width(tail)));
    match align {
        Align::Left => format!("{cell}{}", fill(left)),
        Align::Right => format!("{}{cell}", fill(left)),
        Align::Point => format!("{}{head}{tail}{}", fill(left), fill(right)),
    }
}

/// Cuts a number before its decimal point; other text is all head.
fn split(cell: &str, align: Align) -> (&str, &str) {
    match (align, cell.find('.')) {
        (Align::Point, Some(at)) => cell.split_at(at),
        _ => (cell, ""),
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, mean: f64, sd: f64) -> Summary {
        let (q5, q95) = (mean - 1.645 * sd, mean + 1.645 * sd);
        let line = serde_json::json!({ "name": name, "mean": mean, "sd": sd, "mcse": sd / 63.2, "q5": q5, "q50": mean,
            "q95": q95 });
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn posterior_columns_line_up_on_the_point() {
        let rows = [row("mu", 4.412, 3.301), row("tau", 0.036_21, 0.003_2), row("theta[1]", -1234.5, 250.0)];
        let expected = "                 mean         sd      mcse           5%          50%         95%
mu            4.41       3.30     0.052        -1.02         4.41        9.84
tau           0.03621    0.00320  0.000051      0.03095      0.03621     0.04147
theta[1]  -1234        250        4.0       -1646        -1234        -823
";
        assert_eq!(posterior_table(&rows, Length::Cut), expected);
    }

    #[test]
    fn long_sites_are_cut_with_a_note() {
        let mut rows = vec![row("mu", 1.0, 1.0)];
        rows.extend((1..=200).map(|i| row(&format!("theta[{i}]"), 0.0, 1.0)));
        rows.push(row("tau", 1.0, 1.0));
        let text = posterior_table(&rows, Length::Cut);
        assert_eq!(text.lines().count(), 1 + 1 + 8 + 1 + 4 + 1, "{text}");
        assert!(text.contains("... 188 more, theta[9] to theta[196] (--all shows every row)"), "{text}");
        assert!(text.contains("\ntau "), "{text}");
        assert_eq!(posterior_table(&rows, Length::All).lines().count(), 203);
    }

    #[test]
    fn many_names_are_cut_in_the_middle() {
        let rows: Vec<_> = (0..100).map(|i| row(&format!("x{i}"), 0.0, 1.0)).collect();
        let text = posterior_table(&rows, Length::Cut);
        assert_eq!(text.lines().count(), 1 + 40 + 1 + 20);
        assert!(text.contains("... 40 more, x40 to x79"), "{text}");
    }

    #[test]
    fn a_cut_never_hides_a_single_row() {
        let rows: Vec<_> = (0..13).map(|i| row(&format!("x[{i}]"), 0.0, 1.0)).collect();
        assert_eq!(posterior_table(&rows, Length::Cut).lines().count(), 14);
    }

    #[test]
    fn values_that_are_not_finite_or_have_no_spread_are_shown() {
        let mut odd = row("x", 0.0, 0.0);
        (odd.mean, odd.q5, odd.q50, odd.q95) = (f64::NAN, f64::NAN, f64::NAN, f64::NAN);
        odd.mcse = f64::INFINITY;
        let text = posterior_table(&[odd, row("map", 2.5, 0.0)], Length::Cut);
        assert!(text.contains("nan") && text.contains("inf") && text.contains("2.50"), "{text}");
    }

    #[test]
    fn text_tables_align_each_way() {
        let mut table = TextTable::new(&[("a", Align::Left), ("b", Align::Point), ("c", Align::Right)]);
        table.push(["long name", "1.5", "x"]);
        table.push(["s", "-10", "yy"]);
        table.push(["θ", "2.25"]);
        table.note("note");
        let expected = "\
a               b   c
long name    1.5    x
s          -10     yy
θ            2.25
note
";
        assert_eq!(table.to_string(), expected);
    }
}
