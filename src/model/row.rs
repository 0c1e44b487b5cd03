//! [`Row`]: one row of data inside a `rows` closure.

use std::ops::Deref;

use super::LogJoint;
use crate::program::{Index, Int, RowIndex};

/// One row: terms added to it are repeated for every row, and data and vectors are read at it.
///
/// It has what [`LogJoint`] has, such as [`draw`](LogJoint::draw) and [`observe`](LogJoint::observe).
pub struct Row {
    pub(super) index: RowIndex,
    pub(super) terms: LogJoint,
    pub(super) number: Int,
}

impl Row {
    /// The row's number as an integer of the model.
    pub fn number(&self) -> Int {
        self.number
    }
}

impl Deref for Row {
    type Target = LogJoint;
    fn deref(&self) -> &LogJoint {
        &self.terms
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
