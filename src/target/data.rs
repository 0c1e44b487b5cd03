//! Checks of the data a model reads: a value outside of its support is refused with its row.

use crate::program::recording::{Op, Recording};

/// The first NaN among the rows of data that the model reads: every density would be NaN.
pub(super) fn not_a_number(recording: &Recording) -> Option<String> {
    recording.nodes.iter().filter(|node| node.plate != 0).find_map(|node| {
        let plate = recording.plates[node.plate as usize - 1];
        let rows = plate.start..plate.start + plate.rows;
        match node.op {
            Op::Column { column, shift } => {
                let values = &recording.columns[column as usize];
                let found = rows.map(|r| (r as i64 + i64::from(shift)) as usize).find(|&r| values[r].is_nan())?;
                Some(format!("row {found} of column {column} (columns in the order of their first use)"))
            }
            Op::MatrixColumn { matrix, .. } | Op::MatrixRow { matrix } | Op::DotData { matrix } => {
                let (values, columns) = &recording.matrices[matrix as usize];
                let at = rows.flat_map(|r| (0..*columns).map(move |c| (r, c)));
                let (row, column) = at.into_iter().find(|(r, c)| values[r * columns + c].is_nan())?;
                Some(format!(
                    "row {row}, column {column} of matrix {matrix} (matrices in the order of their first use)"
                ))
            }
            _ => None,
        }
    })
}
