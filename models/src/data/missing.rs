//! Columns where cells may be missing.

use super::error::DataError;
use super::table::{DataTable, is_missing};

impl DataTable {
    /// The column `name` as finite numbers, NaN where a cell is missing.
    ///
    /// # Errors
    /// No such column, or a cell that is not a number or not finite.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, DataError> {
        let column = self.column(name)?;
        let number = |(row, cell)| if is_missing(cell) { Ok(f64::NAN) } else { self.real_cell(column, row, cell) };
        column.cells().enumerate().map(number).collect()
    }

    /// The cells of the column `name` as they are written, none where one is missing.
    ///
    /// # Errors
    /// No such column.
    pub fn words(&self, name: &str) -> Result<Vec<Option<&str>>, DataError> {
        Ok(self.column(name)?.cells().map(|cell| (!is_missing(cell)).then_some(cell)).collect())
    }

    /// The same, but that `none` is a word like others, as in the answers none, some and many.
    ///
    /// # Errors
    /// No such column.
    pub fn answers(&self, name: &str) -> Result<Vec<Option<&str>>, DataError> {
        let is_there = |cell: &str| cell == "none" || !is_missing(cell);
        Ok(self.column(name)?.cells().map(|cell| is_there(cell).then_some(cell)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_cells_are_kept_apart_and_words_among_numbers_are_named() {
        let answers = DataTable::from_csv("t.csv", b"a,b\n1,none\n2,None\n3,\n").expect("a table");
        assert_eq!(answers.words("b").expect("words"), [None, None, None]);
        assert_eq!(answers.answers("b").expect("words"), [Some("none"), None, None]);
        let table = DataTable::from_csv("t.csv", b"a,b\n1,x\nNA,\n3,z y\n").expect("a table");
        let numbers = table.numbers("a").expect("numbers");
        assert!((numbers[0], numbers[2]) == (1.0, 3.0) && numbers[1].is_nan());
        assert_eq!(table.words("b").expect("words"), [Some("x"), None, Some("z y")]);
        let error = table.numbers("b").expect_err("words").to_string();
        assert!(error.starts_with("t.csv, line 2, column `b`: \"x\" is not a number"), "{error}");
        assert!(table.words("c").is_err());
    }
}
