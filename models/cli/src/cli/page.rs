//! What the pages for a browser share: style, escaping, and figures inside them.

use super::plot::Figure;

/// The style of every page.
pub const STYLE: &str = "body{font:15px/1.5 Roboto,Helvetica Neue,Arial,sans-serif;color:#2b2f36;max-width:68rem;\
margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}\
.advice{background:#eef3f9;border-left:4px solid #2f66a8;padding:.8rem 1rem}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .7rem;text-align:right;\
border-bottom:1px solid #e9ebee}th:first-child,td:first-child{text-align:left}.bad{color:#a03030;font-weight:600}\
td.words{text-align:left}svg{max-width:100%;height:auto}dt{font-weight:600}dd{margin:0 0 .4rem 1.2rem}\
.faint{color:#6b727d}.legend span{margin-right:1.4rem}";

/// The beginning of a page: all before its text, its title as a heading.
pub fn head(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\
         </head><body>\n<h1>{title}</h1>\n"
    )
}

/// Text as it stands between tags and in attributes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A figure as part of a page, its names told apart from those of the page's other figures by `id`.
pub fn embedded(figure: &Figure, id: &str, title: &str) -> String {
    // Names of clips are shared by all drawings of a page.
    let svg = figure.svg().replace("id=\"clip", &format!("id=\"{id}")).replace("url(#clip", &format!("url(#{id}"));
    svg.replacen("<title></title>", &format!("<title>{}</title>", escaped(title)), 1)
}
