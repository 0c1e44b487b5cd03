//! JSON tables: an object of columns or an array of records, order kept and duplicates seen.

use super::csv::utf8;
use super::error::DataError;
use super::table::{DataTable, TextColumn};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;

/// Reads `bytes` as a JSON table; see [`DataTable::from_json`].
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<DataTable, DataError> {
    let text = utf8(file, bytes)?;
    if text.trim().is_empty() {
        return Err(DataError::EmptyJson { file: file.to_string() });
    }
    let node: Node = serde_json::from_str(text).map_err(|error| bad_json(file, &error))?;
    let columns = match node {
        Node::Object(columns) => from_columns(file, columns)?,
        Node::List(records) => from_records(file, records)?,
        Node::Cell(_) => return Err(shape(file, "a single value".to_string())),
    };
    let num_rows = columns.first().map_or(0, TextColumn::len);
    let table = DataTable { columns, num_rows, ..DataTable::empty(file) }.distinct()?;
    if num_rows == 0 {
        return Err(DataError::NoRows { file: table.file });
    }
    Ok(table)
}

fn from_columns(file: &str, columns: Vec<(String, Node)>) -> Result<Vec<TextColumn>, DataError> {
    let mut table: Vec<TextColumn> = Vec::new();
    for (name, node) in columns {
        let mut column = TextColumn::new(&name);
        let Node::List(cells) = node else {
            return Err(shape(file, format!("`{name}` is {}, not a list", node.kind())));
        };
        for (row, cell) in cells.iter().enumerate() {
            column.push(cell_text(file, &name, row, cell)?);
        }
        match table.first() {
            Some(first) if first.len() != column.len() => {
                return Err(DataError::WrongLength {
                    file: file.to_string(),
                    column: name,
                    found: column.len(),
                    reference: first.name.clone(),
                    expected: first.len(),
                });
            }
            _ => table.push(column),
        }
    }
    Ok(table)
}

/// Records may leave out keys: such a cell is missing.
fn from_records(file: &str, records: Vec<Node>) -> Result<Vec<TextColumn>, DataError> {
    let mut table: Vec<TextColumn> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for (row, record) in records.into_iter().enumerate() {
        let Node::Object(cells) = record else {
            return Err(shape(file, format!("row {} is {}, not an object", row + 1, record.kind())));
        };
        for (name, cell) in cells {
            let j = *index.entry(name).or_insert_with_key(|name| {
                table.push(TextColumn::new(name));
                table.len() - 1
            });
            let name = table[j].name.clone();
            if table[j].len() > row {
                return Err(shape(file, format!("row {} has the key `{name}` twice", row + 1)));
            }
            pad(&mut table[j], row);
            table[j].push(cell_text(file, &name, row, &cell)?);
        }
        table.iter_mut().for_each(|column| pad(column, row + 1));
    }
    Ok(table)
}

fn pad(column: &mut TextColumn, num_rows: usize) {
    while column.len() < num_rows {
        column.push("");
    }
}

fn cell_text<'a>(file: &str, name: &str, row: usize, cell: &'a Node) -> Result<&'a str, DataError> {
    match cell {
        Node::Cell(text) => Ok(text),
        other => Err(shape(file, format!("`{name}`, row {}, is {}, not one value", row + 1, other.kind()))),
    }
}

fn shape(file: &str, found: String) -> DataError {
    DataError::JsonShape { file: file.to_string(), found }
}

fn bad_json(file: &str, error: &serde_json::Error) -> DataError {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_string();
    DataError::BadJson { file: file.to_string(), line: error.line(), character: error.column(), reason }
}

/// JSON with objects in order and scalars as text, so that whole numbers keep all their digits.
enum Node {
    Cell(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn kind(&self) -> &'static str {
        match self {
            Node::Cell(_) => "a single value",
            Node::List(_) => "a list",
            Node::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Cell(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Cell(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Cell(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Cell(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Cell(value.trim().to_string()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Cell("null".to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        read("d.json", text.as_bytes()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn columns_and_records_read_alike() {
        let columns = read("d.json", br#"{"y": [1, 2.5], "g": ["a", "b"]}"#).unwrap();
        let records = read("d.json", br#"[{"y": 1, "g": "a"}, {"g": "b", "y": 2.5}]"#).unwrap();
        for table in [columns, records] {
            assert_eq!(table.names().collect::<Vec<_>>(), ["y", "g"]);
            assert_eq!(table.real("y").unwrap(), [1.0, 2.5]);
            assert_eq!(table.categories("g").unwrap().1, ["a", "b"]);
        }
    }

    #[test]
    fn whole_numbers_keep_their_digits() {
        let table = read("d.json", br#"{"n": [9007199254740993, -9223372036854775808]}"#).unwrap();
        assert_eq!(table.integers("n").unwrap(), [9_007_199_254_740_993, i64::MIN]);
    }

    #[test]
    fn a_key_left_out_is_a_missing_cell() {
        let table = read("d.json", br#"[{"y": 1}, {"x": 2}, {"x": 4, "y": null}]"#).unwrap();
        let text = table.real("x").unwrap_err().to_string();
        assert!(text.contains("d.json, row 1, column `x`: missing value (empty cell);"), "{text}");
        let text = table.real("y").unwrap_err().to_string();
        assert!(text.contains("row 2, column `y`: missing value (empty cell) (and 1 more cell"), "{text}");
    }

    #[test]
    fn wrong_shapes_are_named() {
        for (text, words) in [
            ("", "the file is empty"),
            ("{}", "d.json: zero rows of data; at least one row is needed"),
            ("[]", "d.json: zero rows of data; at least one row is needed"),
            (r#"{"y": []}"#, "d.json: zero rows of data; at least one row is needed"),
            ("3", "d.json: a single value; expected"),
            (r#"{"J": 8, "y": [1]}"#, "`J` is a single value, not a list; expected"),
            (r#"{"y": [[1], [2]]}"#, "`y`, row 1, is a list, not one value"),
            ("[1, 2]", "row 1 is a single value, not an object"),
            (r#"[{"y": 1, "y": 2}]"#, "row 1 has the key `y` twice"),
            (r#"{"y": [1], "y": [2]}"#, "duplicate column `y`"),
            (r#"{"y": [1, 2], "x": [1]}"#, "column `x` has 1 value where `y` has 2"),
            ("{\"y\": [1,\n NaN]}", "d.json, line 2, character 2: not valid JSON"),
            ("{\"y\": [1", "not valid JSON (EOF while parsing a list)"),
        ] {
            assert!(message(text).contains(words), "{text}: {}", message(text));
        }
    }
}
