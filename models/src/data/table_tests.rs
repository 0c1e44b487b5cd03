use super::*;

fn csv(text: &str) -> DataTable {
    DataTable::from_csv("d.csv", text.as_bytes()).unwrap()
}

fn csv_error(bytes: &[u8]) -> String {
    DataTable::from_csv("d.csv", bytes).unwrap_err().to_string()
}

#[test]
fn typed_columns() {
    let table = csv("y,n,g\n0.5, 3 ,b\n-1e2,4.0,\"a, c\"\n");
    assert_eq!(table.num_rows(), 2);
    assert_eq!(table.names().collect::<Vec<_>>(), ["y", "n", "g"]);
    assert_eq!(table.real("y").unwrap(), [0.5, -100.0]);
    assert_eq!(table.integers("n").unwrap(), [3, 4]);
    assert_eq!(table.categories("g").unwrap(), (vec![1, 0], vec!["a, c".to_string(), "b".to_string()]));
    assert_eq!(table.matrix(&["n", "y"]).unwrap(), [3.0, 0.5, 4.0, -100.0]);
}

#[test]
fn levels_that_are_numbers_sort_as_numbers() {
    let (codes, levels) = csv("g\n10\n9\n10\n-1\n").categories("g").unwrap();
    assert_eq!(levels, ["-1", "9", "10"]);
    assert_eq!(codes, [2, 1, 2, 0]);
}

#[test]
fn byte_order_mark_line_ends_and_separators() {
    for text in ["\u{feff}a,b\r\n1,2\r\n", "a;b\n1;2", "a\tb\r\n1\t2\n\n", "\"a\",\"b\"\n\"1\",\"2\"\n   \n"] {
        assert_eq!(csv(text).matrix(&["a", "b"]).unwrap(), [1.0, 2.0], "{text:?}");
    }
}

#[test]
fn a_column_of_row_numbers_without_a_name_is_kept_apart() {
    let table = csv("\"\",\"a\"\n\"1\",5\n\"2\",6\n");
    assert_eq!(table.names().collect::<Vec<_>>(), ["column 1", "a"]);
    assert_eq!(table.given_names().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn large_integers_are_exact_and_larger_ones_refused() {
    let table = csv("n\n9223372036854775807\n-9223372036854775808\n");
    assert_eq!(table.integers("n").unwrap(), [i64::MAX, i64::MIN]);
    for cell in ["9223372036854775808", "2.5", "1e300"] {
        let text = csv(&format!("n\n{cell}\n")).integers("n").unwrap_err().to_string();
        let words = format!("d.csv, line 2, column `n`: \"{cell}\" is not a whole number of at most 64 bits;");
        assert!(text.starts_with(&words), "{text}");
    }
}

#[test]
fn cells_that_are_no_numbers() {
    for (cell, words) in [
        ("abc", "\"abc\" is not a number; correct the cell"),
        ("\"1,5\"", "\"1,5\" is not a number; write decimals with a point"),
        ("TRUE", "recode the column as 0 and 1"),
        ("12%", "write the number without its unit"),
        ("inf", "\"inf\" is not finite"),
        ("-1e999", "\"-1e999\" is not finite"),
    ] {
        let text = csv(&format!("x,y\n1,2\n\n3,{cell}\n")).real("y").unwrap_err().to_string();
        assert!(text.starts_with("d.csv, line 4, column `y`: "), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn missing_cells_are_counted() {
    for cell in ["", "NA", "NaN", "n/a", "null", "."] {
        let table = csv(&format!("x,y\n1,2\n3,{cell}\n4,{cell}\n5,{cell}\n"));
        let text = table.real("y").unwrap_err().to_string();
        assert!(text.starts_with("d.csv, line 3, column `y`: missing value "), "{text}");
        assert!(text.contains("(and 2 more cells of this column); remove these rows"), "{text}");
    }
    let text = csv("x,g\n1,a\n2,NA\n").categories("g").unwrap_err().to_string();
    assert_eq!(text, "d.csv, line 3, column `g`: missing value \"NA\"; remove these rows or fill in the cells");
    // "none" is a fair level, though no number.
    assert_eq!(csv("x,g\n1,a\n2,none\n").categories("g").unwrap().1, ["a", "none"]);
}

#[test]
fn an_unknown_column_offers_the_nearest() {
    let table = csv("age,Income\n1,2\n");
    let text = table.real("incmoe").unwrap_err().to_string();
    assert_eq!(text, "d.csv: no column `incmoe`, did you mean `Income`?; the columns are `age`, `Income`");
    let text = table.real("colour").unwrap_err().to_string();
    assert_eq!(text, "d.csv: no column `colour`; the columns are `age`, `Income`");
}

#[test]
fn broken_files_are_named() {
    for (bytes, words) in [
        (&b""[..], "d.csv: the file is empty"),
        (b" \r\n ", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"a,b\n", "d.csv: zero rows below the header; at least one row is needed"),
        (b"1,2\n3,4\n", "line 1: no header"),
        (b"a,b,a\n1,2,3\n", "duplicate column `a` in the header (columns 1 and 3); rename"),
        (b"a,b\n1,2\n3\n", "d.csv, line 3: found 1 field where the header has 2; correct the row"),
        (b"a,b\n1,2,\n", "line 2: found 3 fields where the header has 2; remove the separator at the end"),
        (b"a,b\n1,2\n\"3,4\n5\",6,7\n", "line 3: found 3 fields where the header has 2; a quotation mark"),
        (
            b"a,\"b\n1,2\n3,4\n",
            "d.csv, line 1: a quotation mark is opened here and its cell takes the rest of the file",
        ),
        (b"\n\"a,b\n1,2\n", "d.csv, line 2: a quotation mark is opened"),
        // A mark that another one closes by chance.
        (b"a,\"b\n1,2\n3,\"4\n", "d.csv, line 1: a quotation mark is opened"),
        (b"a,b\n1,2\n3,\"4\n5,6\n", "d.csv, line 3: a quotation mark is opened"),
        (b"a\n1\n\xe9\n", "d.csv, line 3: the text is not UTF-8"),
        (b"PK\x03\x04rest", "this is a spreadsheet or zip archive, not UTF-8 text; save the table as CSV"),
        (b"\xff\xfea\0", "this is UTF-16, not UTF-8"),
    ] {
        assert!(csv_error(bytes).contains(words), "{}", csv_error(bytes));
    }
}

#[test]
fn files_are_told_apart_by_ending_then_content() {
    let folder = std::env::temp_dir().join(format!("jensen-table-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in [("a.csv", "y\n1\n"), ("b.json", "{\"y\": [1]}"), ("c", "[{\"y\": 1}]"), ("d", "y\n1")] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        assert_eq!(DataTable::read(&path).unwrap().real("y").unwrap(), [1.0], "{name}");
    }
    let text = DataTable::read(&folder.join("none.csv")).unwrap_err().to_string();
    assert!(text.contains("none.csv: file not found; check the path"), "{text}");
    let text = DataTable::read(&folder).unwrap_err().to_string();
    assert!(text.contains("cannot be read"), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}
