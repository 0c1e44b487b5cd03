//! How the cells of a column are read: as numbers, dates, or the names of categories.

use super::error::RegressionError;
use crate::data::DataTable;
use crate::data::nearest::nearest;
use crate::data::written::{day, is_thousands, with_point};

/// How the cells of a column are read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Numbers.
    Number,
    /// Numbers with a comma before the decimals.
    DecimalComma,
    /// Dates, as days since the first.
    Date {
        /// Days from 1 January 1970 to the first date.
        first: i64,
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
        let is_number = |cell: &str| cell.parse::<f64>().is_ok_and(f64::is_finite);
        let odd: Vec<&(usize, &str)> = present.iter().filter(|(_, cell)| !is_number(cell)).collect();
        let all = |test: fn(&str) -> bool| !present.is_empty() && present.iter().all(|(_, cell)| test(cell));
        if odd.is_empty() {
            return Ok(Reading::Number);
        }
        if all(|cell| day(cell).is_some()) {
            let first = present.iter().filter_map(|(_, cell)| Some((day(cell)?, cell.to_string()))).min();
            let (first, written) = first.unwrap_or_default();
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
            let what = if cell.parse::<f64>().is_ok() { "finite" } else { "a number" };
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
            Reading::Number => cell.parse().ok().filter(|x: &f64| x.is_finite()),
            Reading::DecimalComma => with_point(cell),
            Reading::Date { first, .. } => day(cell).map(|day| (day - first) as f64),
            Reading::Words { .. } => None,
        }
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

/// The distinct cells, by number where all are numbers.
pub(super) fn levels<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut levels: Vec<&str> = cells.collect();
    levels.sort_unstable();
    levels.dedup();
    if levels.iter().all(|level| level.parse::<f64>().is_ok()) {
        let number = |level: &&str| level.parse::<f64>().unwrap_or_default();
        levels.sort_by(|a, b| number(a).total_cmp(&number(b)));
        levels.dedup_by(|a, b| number(a) == number(b));
    }
    levels.into_iter().map(str::to_string).collect()
}

/// The level that a cell names; `1` and `1.0` are one.
pub(super) fn level(levels: &[String], cell: &str) -> Option<usize> {
    let number = |text: &str| text.parse::<f64>().ok();
    let same = |level: &String| level == cell || number(cell).is_some_and(|x| number(level) == Some(x));
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
        let first = Reading::Date { first: 18_321, written: "2020-02-29".to_string() };
        assert_eq!(reading("2020-03-01|2020-02-29"), Ok(first.clone()));
        assert_eq!(first.number("2020-03-01"), Some(1.0));
        assert_eq!((Reading::DecimalComma.number("-2,25"), Reading::Number.number("inf")), (Some(-2.25), None));
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!((day("2021-02-29"), day("2021-13-01"), day("1-2-3")), (None, None, None));
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
        assert_eq!(level(&levels(["b", "a"].into_iter()), "b"), Some(1));
    }
}
