//! Text on a terminal: wrapped to its width, and coloured where that helps.

use std::io::IsTerminal;

/// Narrower than this nothing is wrapped to.
const NARROWEST: usize = 30;

/// Green, red and the end of both, in the codes of terminals.
const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// What standard output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Columns of the terminal; none where there is no terminal.
    pub width: Option<usize>,
    /// Whether colours are welcome.
    pub colour: bool,
}

impl Shown {
    /// Of standard output: colours on a terminal, unless `NO_COLOR` says something or `TERM` is `dumb`.
    pub fn stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let width = is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0));
        let says = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { width, colour: is_terminal && !says("NO_COLOR") && !is_dumb }
    }

    /// The text as it is shown; JSON stays as it is, for programs.
    pub fn of(self, text: &str) -> String {
        if text.starts_with('{') || text.starts_with('[') {
            return text.to_string();
        }
        let text = self.width.map_or(text.to_string(), |width| wrapped(text, width));
        if self.colour { coloured(&text) } else { text }
    }
}

/// Lines broken between words so that none is wider than `width`, as far as words allow; what follows stands below the beginning of
/// the line's last column.
pub fn wrapped(text: &str, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if bare.chars().count() <= width {
            out += line;
            continue;
        }
        let indent = last_column(bare, width);
        let (mut column, mut is_first, mut is_broken) = (0, true, false);
        for (gap, word) in pieces(bare) {
            // Once a line is broken, its columns no longer stand below those of other lines.
            let gap_width = if is_broken { gap.len().min(2) } else { gap.len() };
            let word_width = word.chars().count();
            let is_cell_of_words = is_broken && gap.len() > 1 && word.chars().any(char::is_alphabetic);
            let is_too_wide = column + gap_width + word_width > width;
            if !is_first && column > indent && (is_too_wide || is_cell_of_words) {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
                (column, is_broken) = (indent, true);
            } else {
                out += &gap[..gap_width];
                column += gap_width;
            }
            out += word;
            (column, is_first) = (column + word_width, false);
        }
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

/// Each word with the spaces before it.
fn pieces(line: &str) -> Vec<(&str, &str)> {
    let (mut out, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let gap = rest.len() - rest.trim_start_matches(' ').len();
        let word = rest[gap..].find(' ').unwrap_or(rest.len() - gap);
        out.push((&rest[..gap], &rest[gap..gap + word]));
        rest = &rest[gap + word..];
    }
    out
}

/// Where the last column of a line begins that leaves room for words: after the last gap of two spaces in its first half.
fn last_column(line: &str, width: usize) -> usize {
    let letters: Vec<char> = line.chars().collect();
    let most = (width / 2).min(letters.len().saturating_sub(1));
    let mut starts = (2..=most).filter(|&k| letters[k] != ' ' && letters[k - 1] == ' ' && letters[k - 2] == ' ');
    let leading = letters.iter().take_while(|c| **c == ' ').count();
    starts.next_back().unwrap_or_else(|| (leading + 2).min(most))
}

/// Verdicts in green and red.
fn coloured(text: &str) -> String {
    let one = |line: &str| {
        let bare = line.trim_end_matches('\n');
        let colour = if bare == "verdict: trust" || bare == "trusted" {
            GREEN
        } else if bare.starts_with("verdict: ") || bare.starts_with("not trusted: ") {
            RED
        } else {
            return line.to_string();
        };
        format!("{colour}{bare}{PLAIN}{}", &line[bare.len()..])
    };
    text.split_inclusive('\n').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_below_their_last_column() {
        let text = "prior         a, b, c, d ~ normal(0, 2.5)\nshort\n";
        let found = wrapped(text, 32);
        assert_eq!(found, "prior         a, b, c, d ~\n              normal(0, 2.5)\nshort\n");
        for width in [30, 41, 60, 80] {
            let long = "because ".repeat(40);
            assert!(wrapped(&long, width).lines().all(|line| line.chars().count() <= width), "{width}");
        }
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        let long = "name   what it is, in many words that go on and on and on and on and on  more";
        assert_eq!(words(&wrapped(long, 30)), words(long), "no word is lost");
        // What stood in a column of its own has a line of its own.
        let row = "model  effects of eight experiments, partly pooled        coaching in schools\n";
        assert_eq!(
            wrapped(row, 40),
            "model  effects of eight experiments,\n       partly pooled\n       coaching in schools\n"
        );
        // A word wider than the terminal stands as it is.
        assert_eq!(wrapped(&"x".repeat(50), 30), "x".repeat(50));
        assert_eq!(wrapped("a  ä ö ü", 30), "a  ä ö ü");
    }

    #[test]
    fn colours_are_of_verdicts_and_json_stays_as_it_is() {
        let shown = Shown { width: Some(40), colour: true };
        assert_eq!(shown.of("verdict: trust\n"), "\u{1b}[32mverdict: trust\u{1b}[0m\n");
        assert_eq!(shown.of("verdict: do not trust\nx\n"), "\u{1b}[31mverdict: do not trust\u{1b}[0m\nx\n");
        let json = format!("{{\"a\": \"{}\"}}\n", "word ".repeat(30));
        assert_eq!(shown.of(&json), json);
        let plain = Shown { width: None, colour: false };
        assert_eq!(plain.of("verdict: trust\n"), "verdict: trust\n");
    }
}
