//! Tables as people have them: each is taken and said how, or refused with file, place and remedy.

use crate::folder::{Folder, Run};
use std::io::Read;

const ROWS: usize = 24;

/// How a table is answered: fitted with these words in the report, or refused with these words.
enum Answer {
    Taken(&'static [&'static str]),
    Refused(&'static [&'static str]),
}
use Answer::{Refused, Taken};

fn y(i: usize) -> f64 {
    1.0 + 0.5 * (i % 8) as f64 + (((i * 7) % 5) as f64 - 2.0) * 0.3
}

fn g(i: usize) -> &'static str {
    ["north", "south", "east"][i % 3]
}

/// A header, and a line for each row.
fn lines(header: &str, row: impl Fn(usize) -> String) -> String {
    let rows: String = (0..ROWS).map(|i| row(i) + "\n").collect();
    format!("{header}\n{rows}")
}

/// A table whose column `x` is written so.
fn of_x(x: impl Fn(usize) -> String) -> String {
    lines("y,x,g", |i| format!("{:.2},{},{}", y(i), x(i), g(i)))
}

fn plain() -> String {
    of_x(|i| (i % 8).to_string())
}

/// The plain table with another line in the place of line `number`, the header being line 1.
fn with_line(number: usize, line: &str) -> String {
    let text = plain();
    let lines = text.lines().enumerate().map(|(k, old)| if k + 1 == number { line } else { old });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn packed(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::fast()).read_to_end(&mut out).unwrap();
    out
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Runs the regression and holds its answer to what is expected.
fn check(folder: &Folder, name: &str, bytes: impl AsRef<[u8]>, formula: &str, options: &str, answer: &Answer) {
    folder.file(name, bytes);
    let mut command = folder.command("fit regression --quiet --data");
    command.args([name, "--formula", formula]).args(options.split_whitespace());
    let run = Run::of(command.output().unwrap());
    match answer {
        Taken(words) => {
            assert!(run.is_fitted(), "{name}: {run:?}");
            words.iter().for_each(|words| assert!(run.out.contains(words), "{name}: no `{words}` in {}", run.out));
        }
        Refused(words) => {
            run.refused(words);
            // What is wrong in a formula is pointed at there.
            assert!(run.err.contains(name) || run.err.contains("the formula: "), "{name}: {run:?}");
        }
    }
}

const X: &str = "y ~ x + g";

#[test]
fn files_are_read_as_they_are_written() {
    let folder = Folder::new("tables-files");
    let table = plain();
    let semicolons = lines("y;x;g", |i| format!("{:.2};{};{}", y(i), i % 8, g(i)).replace('.', ","));
    let quoted = lines("\"y\",\"x\",\"the g\"", |i| format!("\"{:.2}\",\"{}\",\"{}, or so\"", y(i), i % 8, g(i)));
    let latin: Vec<u8> = table.replace("north", "N?rnberg").bytes().map(|b| if b == b'?' { 0xfc } else { b }).collect();
    let json = |x: &dyn Fn(usize) -> String| {
        let row = |i: usize| format!("{{\"y\":{:.2},\"x\":{},\"g\":\"{}\"}}", y(i), x(i), g(i));
        format!("[{}]", (0..ROWS).map(row).collect::<Vec<_>>().join(","))
    };
    let cases: Vec<(&str, Vec<u8>, &str, Answer)> = vec![
        ("bom.csv", [b"\xef\xbb\xbf", table.as_bytes()].concat(), X, Taken(&["b[x]"])),
        ("crlf.csv", table.replace('\n', "\r\n").into(), X, Taken(&["b[x]"])),
        ("cr.csv", table.replace('\n', "\r").into(), X, Taken(&["b[x]"])),
        ("semicolons.csv", semicolons.into(), X, Taken(&["y: numbers with decimal commas"])),
        ("tabs.tsv", table.replace(',', "\t").into(), X, Taken(&["b[x]"])),
        ("bars.csv", table.replace(',', "|").into(), X, Taken(&["b[x]"])),
        ("blanks.csv", table.replace(',', ", ").into(), X, Taken(&["b[g[north]]"])),
        ("empty_lines.csv", (with_line(6, "") + "\n\n").into(), X, Taken(&["b[x]"])),
        ("quoted.csv", quoted.into(), "y ~ x + `the g`", Taken(&["the g: east, or so, north, or so, south, or so"])),
        ("index.csv", lines(",y,x,g", |i| format!("{i},{:.2},{},{}", y(i), i % 8, g(i))).into(), X, Taken(&["b[x]"])),
        ("umlaut.csv", table.replace("north", "Nürnberg").into(), X, Taken(&["b[g[east]]"])),
        ("packed.csv", packed(&table), X, Taken(&["b[x]"])),
        ("rows.json", json(&|i| (i % 8).to_string()).into(), X, Taken(&["b[x]"])),
        (
            "null.json",
            json(&|i| if i == 3 { "null".into() } else { (i % 8).to_string() }).into(),
            X,
            Taken(&["rows          23 of 24; 1 left out for missing cells: 1 in `x`"]),
        ),
        ("latin.csv", latin, X, Refused(&["line 2", "not UTF-8; save the file"])),
        ("utf16.csv", utf16(&table), X, Refused(&["this is UTF-16", "save the table as CSV"])),
        (
            "sheet.csv",
            b"PK\x03\x04rest".to_vec(),
            X,
            Refused(&["a spreadsheet or zip archive", "save the table as CSV"]),
        ),
        ("page.csv", b"<!DOCTYPE html><html>404</html>".to_vec(), X, Refused(&["this is an HTML page"])),
        ("twice.csv", table.replacen("x,g", "x,x", 1).into(), X, Refused(&["duplicate column `x`", "rename"])),
        ("short.csv", with_line(7, "1.0,2").into(), X, Refused(&["line 7: found 2 fields", "correct the row"])),
        ("long.csv", with_line(7, "1.0,2,north,9").into(), X, Refused(&["line 7: found 4 fields"])),
        ("open.csv", with_line(7, "1.0,\"2,north").into(), X, Refused(&["line 7", "close it, or remove it"])),
        ("nothing.csv", Vec::new(), X, Refused(&["the file is empty; expected a header line"])),
        ("header.csv", b"y,x,g\n".to_vec(), X, Refused(&["at least one row is needed"])),
        ("one.csv", b"y,x,g\n1,2,a\n".to_vec(), X, Refused(&["one row is too few"])),
    ];
    for (name, bytes, formula, answer) in &cases {
        check(&folder, name, bytes, formula, "", answer);
    }
}

#[test]
fn cells_are_what_people_write() {
    let folder = Folder::new("tables-cells");
    let x = |of: &dyn Fn(usize) -> String| of_x(of);
    let missing = |word: &str| with_line(5, &format!("2.0,{word},north"));
    let left_out = || Taken(&["1 left out for missing cells: 1 in `x`"]);
    let long = |i: usize| 9_007_199_254_740_993_u64 + (i % 4) as u64;
    let cases: Vec<(&str, String, &str, Answer)> = vec![
        ("na.csv", missing("NA"), X, left_out()),
        ("empty.csv", missing(""), X, left_out()),
        ("none.csv", missing("None"), X, left_out()),
        ("excel.csv", missing("#N/A"), X, left_out()),
        ("pandas.csv", missing("<NA>"), X, left_out()),
        ("dash.csv", missing("-"), X, Refused(&["line 5, column `x`: \"-\" is not a number", "leave it empty"])),
        (
            "word.csv",
            missing("tall"),
            X,
            Refused(&["line 5, column `x`: \"tall\" is not a number", "correct the cell"]),
        ),
        ("inf.csv", missing("inf"), X, Refused(&["line 5, column `x`", "not finite"])),
        ("far.csv", missing("-999"), X, Taken(&["x: -999 in 1 rows lies far from all others", "leave the cell empty"])),
        ("plus.csv", x(&|i| format!("+{}.", i % 8)), X, Taken(&["b[x]"])),
        ("science.csv", x(&|i| format!("{}E0", i % 8)), X, Taken(&["b[x]"])),
        ("minus.csv", x(&|i| format!("\u{2212}{}", i % 8 + 1)), X, Taken(&["b[x] "])),
        ("large.csv", x(&|i| format!("{}", 1_000_000_000 + i % 8)), X, Taken(&["verdict: trust"])),
        ("small.csv", x(&|i| format!("{}e-12", i % 8)), X, Taken(&["verdict: trust"])),
        ("days.csv", x(&|i| format!("2024-01-{:02}", i + 1)), X, Taken(&["x: dates, as days since 2024-01-01"])),
        (
            "times.csv",
            x(&|i| format!("2024-01-{:02} {:02}:30:00", i / 2 + 1, i % 2 * 12)),
            X,
            Taken(&["x: dates, as days since 2024-01-01 00:30:00"]),
        ),
        (
            "slashes.csv",
            x(&|i| format!("{:02}/01/2024", i + 1)),
            X,
            Refused(&["`x` has 24 different words", "they look like dates; written as 2024-03-31"]),
        ),
        ("few_dates.csv", x(&|i| format!("{:02}.01.2024", i % 5 + 1)), X, Taken(&["x: they look like dates"])),
        ("percent.csv", x(&|i| format!("{}%", 5 * (i % 4))), X, Taken(&["x: they look like numbers with a unit"])),
        ("money.csv", x(&|i| format!("${i}.5")), X, Refused(&["they look like numbers with a unit", "^"])),
        (
            "thousands.csv",
            x(&|i| format!("\"{},{}\"", 1 + i % 8, 100 + i)),
            X,
            Refused(&["line 2, column `x`", "decimal comma or with a separator of thousands"]),
        ),
        ("capitals.csv", with_line(4, "2.0,3,North"), X, Taken(&["g: North and north differ by capitals alone"])),
        ("lone.csv", with_line(4, "2.0,3,west"), X, Taken(&["b[g[west]]"])),
        ("numbers_of_groups.csv", plain(), "y ~ (1 | x)", Taken(&["groups        x: 8 of 3 to 3 rows"])),
        (
            "long_names.csv",
            lines("y,x,g", |i| format!("{:.2},{},{}", y(i), i % 8, long(i))),
            "y ~ x + (1 | g)",
            Taken(&["groups        g: 4 of 6 to 6 rows"]),
        ),
        ("constant.csv", x(&|_| "7".into()), X, Refused(&["`x` is constant", "leave it out"])),
        ("one_word.csv", x(&|_| "a".into()), X, Refused(&["every row has the category \"a\"", "leave it out"])),
        ("all_missing.csv", x(&|_| "NA".into()), X, Refused(&["no row is left (missing cells: 24 in `x`)"])),
        ("function.csv", plain().replacen("x", "log", 1), "y ~ log + g", Taken(&["b[log]"])),
    ];
    for (name, text, formula, answer) in &cases {
        check(&folder, name, text, formula, "", answer);
    }
    // Missing numbers as latents, of a saved fit, whose table is gone.
    folder.file("t.csv", missing("NA"));
    let mut command = folder.command("fit regression --quiet --data t.csv --missing impute --out f --formula");
    let run = Run::of(command.arg("y ~ x + g").output().unwrap());
    assert!(run.fitted().out.contains("latents       x: 1 of 24 rows"), "{run:?}");
    std::fs::remove_file(folder.path("t.csv")).unwrap();
    folder.file("new.csv", "x,g\n3,north\nNA,south\n");
    let run = folder.jensen("predict f new.csv");
    assert!(run.code == Some(0) && run.out.lines().count() == 3, "{run:?}");
    assert!(folder.jensen("effects f x").out.contains("x, per unit"));
}

#[test]
fn responses_are_held_to_their_likelihood() {
    let folder = Folder::new("tables-responses");
    let of_y = |of: &dyn Fn(usize) -> String| lines("y,x,g", |i| format!("{},{},{}", of(i), i % 8, g(i)));
    let either =
        |yes: &'static str, no: &'static str| of_y(&move |i| if (i * 7) % 5 < 3 { yes } else { no }.to_string());
    let cases: Vec<(&str, String, &str, Answer)> = vec![
        ("yes.csv", either("yes", "no"), "bernoulli", Taken(&["`y` is 1 where it says yes, 0 where no"])),
        ("true.csv", either("TRUE", "FALSE"), "bernoulli", Taken(&["`y` is 1 where it says TRUE"])),
        ("ones.csv", either("1", "0"), "bernoulli", Taken(&["odds ratios"])),
        (
            "three.csv",
            of_y(&|i| ["a", "b", "c"][i % 3].into()),
            "bernoulli",
            Refused(&["has two categories; found `a`, `b`, `c`"]),
        ),
        ("three_kinds.csv", of_y(&|i| ["a", "b", "c"][(i * 5) % 7 % 3].into()), "categorical", Taken(&["b[b, x]"])),
        (
            "grades.csv",
            of_y(&|i| (1 + (i * 5) % 7 % 3).to_string()),
            "sequential-ordinal",
            Taken(&["in the order 1, 2, 3"]),
        ),
        ("below.csv", of_y(&|i| (i as f64 - 1.0).to_string()), "poisson", Refused(&["line 2, column `y`", "found -1"])),
        ("half.csv", of_y(&|i| (i as f64 / 2.0).to_string()), "poisson", Refused(&["line 3, column `y`", "found 0.5"])),
        (
            "zero.csv",
            of_y(&|i| ((i % 11) as f64 / 10.0).to_string()),
            "beta",
            Refused(&["line 2, column `y`", "found 0"]),
        ),
        ("same.csv", of_y(&|_| "4".into()), "normal", Refused(&["every row has the response 4"])),
    ];
    for (name, text, likelihood, answer) in &cases {
        check(&folder, name, text, "y ~ x", &format!("--likelihood {likelihood}"), answer);
    }
}
