//! [`Row`]: one row of data inside a `rows` closure.

use std::ops::Deref;

use super::Scope;
use crate::program::{Index, Int, RowIndex};

/// One row: terms added to it are repeated for every row, and data and vectors are read at it.
pub struct Row {
    pub(super) index: RowIndex,
    pub(super) scope: Scope,
    pub(super) number: Int,
}

impl Row {
    /// The row's number as an integer of the model.
    pub fn number(&self) -> Int {
        self.number
    }
}

impl Deref for Row {
    type Target = Scope;
    fn deref(&self) -> &Scope {
        &self.scope
    }
}

impl From<&Row> for RowIndex {
    fn from(row: &Row) -> RowIndex {
        row.index
    }
}

impl From<&Row> for Index {
    fn from(row: &Row) -> Index {
        Index::Row(row.index, 0)
    }
}
