//! [`IntColumn`]: data of whole numbers.

use std::panic::Location;
use std::sync::Arc;

use super::data::check_rows;
use super::recording::{self, Op};
use super::{Int, Real, RowIndex};

/// A column of non-negative integers: counts, categories, group numbers.
///
/// ```
/// use jensen::prelude::IntColumn;
///
/// let groups = IntColumn::new([0_usize, 2, 1]);
/// assert_eq!((groups.len(), groups.num_levels()), (3, 3));
/// assert_eq!(IntColumn::new(&[true, false]), IntColumn::new(vec![1_u8, 0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IntColumn {
    values: Arc<[u32]>,
    /// The first row whose value is none, and the value.
    fault: Option<(usize, String)>,
}

/// An integer that an [`IntColumn`] may be made of.
pub trait Whole {
    /// The value.
    ///
    /// # Errors
    /// For a number below 0 or above the largest `u32`, as it is written.
    fn to_u32(&self) -> Result<u32, String>;
}

macro_rules! whole {
    ($($type:ty),*) => {$(
        impl Whole for $type {
            fn to_u32(&self) -> Result<u32, String> {
                u32::try_from(*self).map_err(|_| self.to_string())
            }
        }
    )*};
}

whole!(bool, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl<T: Whole> Whole for &T {
    fn to_u32(&self) -> Result<u32, String> {
        (**self).to_u32()
    }
}

impl IntColumn {
    /// A column of `values`: a list, an array or a slice of any integers, or of true and false as 1 and 0.
    ///
    /// A value that is negative or too large is an error of the model that reads the column, with its row.
    pub fn new(values: impl IntoIterator<Item = impl Whole>) -> Self {
        let mut fault = None;
        let one = |(row, value): (usize, _)| {
            Whole::to_u32(&value).unwrap_or_else(|found| {
                fault.get_or_insert((row, found));
                0
            })
        };
        let values = values.into_iter().enumerate().map(one).collect();
        IntColumn { values, fault }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The plain data.
    pub fn values(&self) -> &[u32] {
        &self.values
    }

    /// One more than the largest value: the number of groups or categories.
    pub fn num_levels(&self) -> usize {
        self.values.iter().max().map_or(0, |&m| m as usize + 1)
    }

    /// The value in this row.
    #[track_caller]
    pub fn at(&self, row: impl Into<RowIndex>) -> Int {
        self.shifted(row.into(), 0, Location::caller())
    }

    /// The value `lag` rows earlier.
    #[track_caller]
    pub fn lag(&self, row: impl Into<RowIndex>, lag: usize) -> Int {
        self.shifted(row.into(), -(lag as i32), Location::caller())
    }

    fn shifted(&self, row: RowIndex, shift: i32, location: &'static Location<'static>) -> Int {
        let found = recording::with(|r| {
            check_rows(r, row, shift, self.len(), "integer column", location);
            if let Some((row, found)) = &self.fault {
                let range = format!("a whole number from 0 to {}", u32::MAX);
                r.fail(format!("row {row} of an integer column is {found}, expected {range}"), location);
            }
            let as_reals: Arc<[f64]> = match r.integer_columns.iter().position(|c| Arc::ptr_eq(c, &self.values)) {
                Some(at) => r.integer_views[at].clone(),
                None => self.values.iter().map(|&v| f64::from(v)).collect(),
            };
            let index = r.integer_column(&self.values);
            if r.integer_views.len() == index as usize {
                r.integer_views.push(as_reals.clone());
            }
            let column = r.column(&as_reals);
            (r.leaf(Op::Column { column, shift }, 1, true, false, false), index)
        });
        match found {
            Some((node, index)) => Int { value: Real::from_node(node), column: Some((index, shift)) },
            None => Int::new(Real::from(f64::NAN)),
        }
    }
}
