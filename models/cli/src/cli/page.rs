//! What the pages for a browser share: style, escaping, and figures inside them.

use super::output::visible;
use super::plot::{Figure, Panel};

/// The style of every page.
pub const STYLE: &str = "body{font:15px/1.5 Roboto,Helvetica Neue,Arial,sans-serif;color:#2b2f36;max-width:68rem;\
margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}\
.advice{background:#eef3f9;border-left:4px solid #2f66a8;padding:.8rem 1rem}\
table{border-collapse:collapse;display:block;overflow-x:auto;font-variant-numeric:tabular-nums}th,td{padding:.2rem .7rem;text-align:right;\
border-bottom:1px solid #e9ebee}th:first-child,td:first-child{text-align:left}.bad{color:#a03030;font-weight:600}\
td.words{text-align:left}svg{max-width:100%;height:auto}\
.panels{display:flex;flex-wrap:wrap;gap:.4rem}.panels svg{flex:none}\
pre{overflow-x:auto;background:#f6f7f9;padding:.7rem 1rem;font-size:13px;line-height:1.45}\
p,dd,dt,h1,h2,summary{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .4rem 1.2rem}\
.faint{color:#6b727d}.legend span{margin-right:1.4rem}";

/// The beginning of a page: all before its text, its title as a heading.
pub fn head(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style>\
         </head><body>\n<h1>{title}</h1>\n"
    )
}

/// Text as it stands between tags and in attributes.
pub fn escaped(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A figure as part of a page, its names told apart from those of the page's other figures by `id`.
pub fn embedded(figure: &Figure, id: &str, title: &str) -> String {
    // Names of clips are shared by all drawings of a page.
    let svg = figure.svg().replace("id=\"clip", &format!("id=\"{id}")).replace("url(#clip", &format!("url(#{id}"));
    svg.replacen("<title></title>", &format!("<title>{}</title>", escaped(title)), 1)
}

/// Text as a paragraph.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escaped(text))
}

/// Text whose lines stand as they are.
pub fn lines(text: &str) -> String {
    format!("<pre>{}</pre>\n", escaped(text.trim_end()))
}

/// A table of text, which scrolls by itself where the page is narrower.
pub fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect::<String>()
    };
    let mut out = format!("<table><tr>{}</tr>\n", cells("th", &mut header.iter().copied()));
    rows.for_each(|row| out += &format!("<tr>{}</tr>\n", cells("td", &mut row.iter().map(String::as_str))));
    out + "</table>\n"
}

/// Panels that stand side by side where there is room, and one under the other on a phone; each of its own size.
pub fn panels(all: impl IntoIterator<Item = (Panel, (f64, f64))>, id: &str, title: &str) -> String {
    let one = |(k, (panel, size)): (usize, (Panel, (f64, f64)))| {
        embedded(&Figure::new("", vec![panel]).grid(1, size), &format!("{id}{k}-"), title)
    };
    let all: String = all.into_iter().enumerate().map(one).collect();
    format!("<div class=\"panels\">\n{all}</div>\n")
}

/// A figure whose panels stand side by side where there is room, with its note as text.
pub fn apart(figure: &Figure, id: &str, title: &str) -> String {
    let all: String =
        figure.apart().iter().enumerate().map(|(k, one)| embedded(one, &format!("{id}{k}-"), title)).collect();
    let note = figure.note_text();
    let note = if note.is_empty() { String::new() } else { paragraph(note) };
    format!("{note}<div class=\"panels\">\n{all}</div>\n")
}

/// The command line that this program was started with, as a shell takes it.
pub fn command_line() -> String {
    let mut words = std::env::args().skip(1).map(|word| quoted(&word)).collect::<Vec<_>>();
    words.insert(0, "jensen".to_string());
    words.join(" ")
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The command that makes a page again.
pub fn again(command: &str) -> String {
    let version =
        format!("With jensen {}, where the data lie; the same seed gives the same numbers.", env!("CARGO_PKG_VERSION"));
    format!("{}{}", lines(command), paragraph(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_shells_take_them() {
        let words = ["y~x", "", "a b", "it's", "--data", "t.csv", "$HOME"].map(quoted);
        assert_eq!(words, ["'y~x'", "''", "'a b'", "'it'\\''s'", "--data", "t.csv", "'$HOME'"]);
    }
}
