//! How the cells of a column are read: as numbers, dates, or the names of categories.

use super::error::RegressionError;
use crate::data::DataTable;
use crate::data::nearest::nearest;
use crate::data::written::{is_thousands, moment, with_point};

/// How the cells of a column are read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Numbers.
    Number,
    /// Numbers with a comma before the decimals.
    DecimalComma,
    /// Dates, with or without a time of day, as days since the first.
    Date {
        /// Days from 1 January 1970 to the first date.
        first: f64,
        /// The first date as it is written.
        written: String,
    },
    /// Words, each a category; the levels are sorted.
    Words {
        /// The categories.
        levels: Vec<String>,
    },
}

impl Reading {
    /// The reading that all present cells of the column allow.
    ///
    /// # Errors
    /// A column most of whose cells are numbers and some are not, or with commas that may be either of two things.
    pub fn of(table: &DataTable, name: &str) -> Result<Self, RegressionError> {
        let cells = table.answers(name)?;
        let present: Vec<(usize, &str)> = cells.iter().enumerate().filter_map(|(i, c)| c.map(|c| (i, c))).collect();
        let is_number = |cell: &str| plain(cell).is_some_and(f64::is_finite);
        let odd: Vec<&(usize, &str)> = present.iter().filter(|(_, cell)| !is_number(cell)).collect();
        let all = |test: fn(&str) -> bool| !present.is_empty() && present.iter().all(|(_, cell)| test(cell));
        if odd.is_empty() {
            return Ok(Reading::Number);
        }
        if all(|cell| moment(cell).is_some()) {
            let moments = present.iter().filter_map(|(_, cell)| Some((moment(cell)?, cell.to_string())));
            let (first, written) = moments.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
            return Ok(Reading::Date { first, written });
        }
        if all(|cell| with_point(cell).is_some()) {
            let with_comma = || present.iter().map(|(_, cell)| *cell).filter(|cell| cell.contains(','));
            if !with_comma().all(is_thousands) {
                return Ok(Reading::DecimalComma);
            }
            let (row, cell) = odd[0];
            let reason = format!(
                "\"{cell}\" may be a number with a decimal comma or with a separator of thousands; write the column with points \
                 before decimals and nothing between thousands"
            );
            return Err(RegressionError::Cell { place: table.place(name, *row).to_string(), reason });
        }
        if 2 * odd.len() < present.len() {
            let (row, cell) = odd[0];
            let more = if odd.len() > 1 {
                format!(" (and {} more cells of this column)", odd.len() - 1)
            } else {
                String::new()
            };
            let what = if plain(cell).is_some() { "finite" } else { "a number" };
            let reason = format!(
                "\"{cell}\" is not {what}{more}, and most cells of the column are; correct the cell, leave it empty, or write \
                 `C({name})` to take every cell as the name of a category"
            );
            return Err(RegressionError::Cell { place: table.place(name, *row).to_string(), reason });
        }
        Ok(Reading::Words { levels: levels(present.iter().map(|(_, cell)| *cell)) })
    }

    /// The number in a cell.
    pub fn number(&self, cell: &str) -> Option<f64> {
        match self {
            Reading::Number => plain(cell).filter(|x| x.is_finite()),
            Reading::DecimalComma => with_point(cell),
            Reading::Date { first, .. } => moment(cell).map(|moment| moment - first),
            Reading::Words { .. } => None,
        }
    }

    /// Whether cells are numbers as they stand.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Reading::Number | Reading::DecimalComma)
    }

    /// What one cell must be, in words.
    pub fn expected(&self) -> String {
        match self {
            Reading::Number => "a number".to_string(),
            Reading::DecimalComma => "a number, with a comma before its decimals,".to_string(),
            Reading::Date { written, .. } => format!("a date such as {written}"),
            Reading::Words { .. } => "a word".to_string(),
        }
    }

    /// What it is, in words.
    pub fn words(&self) -> String {
        match self {
            Reading::Number => "numbers".to_string(),
            Reading::DecimalComma => "numbers with decimal commas".to_string(),
            Reading::Date { written, .. } => format!("dates, as days since {written}"),
            Reading::Words { levels } => format!("words, {} categories", levels.len()),
        }
    }
}

/// A number, whose minus may be that of typesetters.
fn plain(cell: &str) -> Option<f64> {
    match cell.strip_prefix('\u{2212}') {
        Some(rest) => rest.parse::<f64>().ok().map(|x| -x),
        None => cell.parse().ok(),
    }
}

/// A number that stands for its text alone: whole numbers beyond 2^53 are told apart by their digits, as names are.
fn number_of(cell: &str) -> Option<f64> {
    cell.parse::<f64>().ok().filter(|x| x.abs() < 9_007_199_254_740_992.0)
}

/// What a cell that is a word may have been meant as, where it is close to a date or a number.
pub(super) fn close_to(cells: &[String]) -> Option<&'static str> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_date = |cell: &String| {
        let parts: Vec<&str> = cell.split([' ', 'T']).next().unwrap_or("").split(['/', '.', '-']).collect();
        parts.len() == 3 && parts.iter().all(|part| digits(part)) && parts.iter().any(|part| part.len() == 4)
    };
    let is_measured = |cell: &String| {
        let bare = cell.trim_start_matches(['$', '€', '£', '+', '-', '\u{2212}']);
        let end = bare.find(|c: char| !c.is_ascii_digit() && !".,' ".contains(c)).unwrap_or(bare.len());
        let unit = bare[end..].trim();
        let has_number = bare.starts_with(|c: char| c.is_ascii_digit());
        has_number && (bare.len() < cell.len() || unit.len() < 6 && unit.chars().all(|c| c.is_alphabetic() || c == '%'))
    };
    if cells.iter().all(is_date) {
        Some("dates; written as 2024-03-31 they would be days")
    } else if cells.iter().all(is_measured) && cells.iter().any(|cell| number_of(cell).is_none()) {
        Some("numbers with a unit or a sign between their digits; written without they would be numbers")
    } else {
        None
    }
}

/// The distinct cells, by number where all are numbers.
pub(super) fn levels<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut levels: Vec<&str> = cells.collect();
    levels.sort_unstable();
    levels.dedup();
    if levels.iter().all(|level| level.parse::<f64>().is_ok()) {
        let number = |level: &&str| level.parse::<f64>().unwrap_or_default();
        levels.sort_by(|a, b| number(a).total_cmp(&number(b)));
        levels.dedup_by(|a, b| number_of(a).is_some() && number_of(a) == number_of(b));
    }
    levels.into_iter().map(str::to_string).collect()
}

/// The level that a cell names; `1` and `1.0` are one.
pub(super) fn level(levels: &[String], cell: &str) -> Option<usize> {
    let same = |level: &String| level == cell || number_of(cell).is_some_and(|x| number_of(level) == Some(x));
    match levels.binary_search_by(|level| level.as_str().cmp(cell)) {
        Ok(found) => Some(found),
        Err(_) => levels.iter().position(same),
    }
}

/// The name of a column that is meant, or what to say where there is none.
pub(super) fn missing_column(table: &DataTable, name: &str) -> Option<String> {
    if table.names().any(|known| known == name) {
        return None;
    }
    let names: Vec<String> = table.given_names().map(str::to_string).collect();
    let hint = nearest(name, table.names()).map_or(String::new(), |found| format!(", did you mean `{found}`?"));
    Some(format!(
        "{} has no column `{name}`{hint}; its columns are {}",
        table.file(),
        crate::data::nearest::listed(&names, 20)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cells: &str) -> Result<Reading, RegressionError> {
        let table = DataTable::from_csv("d.csv", format!("x;z\n{}", cells.replace('|', ";0\n") + ";0\n").as_bytes());
        Reading::of(&table.expect("a table"), "x")
    }

    #[test]
    fn columns_are_what_their_cells_allow() {
        assert_eq!(reading("1|2.5|NA|-3e4"), Ok(Reading::Number));
        assert_eq!(reading("170,0|1|-2,25"), Ok(Reading::DecimalComma));
        let words = |levels: [&str; 2]| Ok(Reading::Words { levels: levels.map(str::to_string).to_vec() });
        assert_eq!(reading("yes|no||yes"), words(["no", "yes"]));
        assert_eq!(reading("TRUE|FALSE|FALSE"), words(["FALSE", "TRUE"]));
        let first = Reading::Date { first: 18_321.0, written: "2020-02-29".to_string() };
        assert_eq!(reading("2020-03-01|2020-02-29"), Ok(first.clone()));
        assert_eq!(first.number("2020-03-01"), Some(1.0));
        assert_eq!((Reading::DecimalComma.number("-2,25"), Reading::Number.number("inf")), (Some(-2.25), None));
        assert_eq!(reading("\u{2212}2|3|\u{2212}0.5"), Ok(Reading::Number));
        assert_eq!(Reading::Number.number("\u{2212}2"), Some(-2.0));
        let times = reading("2024-02-01T06:00:00Z|2024-01-31 12:00|2024-02-02");
        let times = times.expect("times of day");
        assert_eq!(times.number("2024-02-01T06:00:00Z"), Some(0.75));
    }

    #[test]
    fn a_word_among_numbers_and_commas_of_two_kinds_are_refused() {
        let text = reading("1|2|x|4").expect_err("a word").to_string();
        assert!(
            text.starts_with("d.csv, line 4, column `x`: \"x\" is not a number") && text.contains("`C(x)`"),
            "{text}"
        );
        let text = reading("45,803|9,117").expect_err("two kinds").to_string();
        assert!(text.contains("decimal comma or with a separator of thousands"), "{text}");
    }

    #[test]
    fn levels_that_are_numbers_are_sorted_as_numbers() {
        let of = levels(["10", "9", "1.0", "1"].into_iter());
        assert_eq!(of, ["1", "9", "10"]);
        assert_eq!((level(&of, "9.0"), level(&of, "2")), (Some(1), None));
        // Numbers that differ beyond what a double holds are names.
        let long = ["9007199254740993", "9007199254740992"];
        assert_eq!(levels(long.into_iter()).len(), 2);
        assert_ne!(level(&levels(long.into_iter()), long[0]), level(&levels(long.into_iter()), long[1]));
        for (cells, words) in [
            (["31/01/2024", "01/02/2024"], Some("dates")),
            (["12 kg", "3.5 kg"], Some("numbers")),
            (["45%", "7%"], Some("numbers")),
            (["$1,200", "$35"], Some("numbers")),
            (["1 200", "3 500"], Some("numbers")),
            (["north", "south"], None),
            (["3rd street", "4th avenue"], None),
        ] {
            let found = close_to(&cells.map(str::to_string));
            assert_eq!(found.map(|found| &found[..5]), words.map(|words| &words[..5]), "{cells:?}");
        }
        assert_eq!(level(&levels(["b", "a"].into_iter()), "b"), Some(1));
    }
}
