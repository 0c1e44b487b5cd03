//! Data as a log joint sees it: columns read at the row, and matrices read by rows.

use std::panic::Location;
use std::sync::Arc;

use super::recording::{self, Op};
use super::{Real, Vector};

/// Where in the data a row closure stands; the model's row handle converts into it.
#[derive(Clone, Copy, Debug)]
pub struct RowIndex {
    pub(crate) plate: u16,
}

/// A column of real data.
///
/// ```
/// use jensen::prelude::*;
///
/// let y = Column::new([1.0, 1.4, 1.1, 1.6, 1.3]);
/// assert_eq!((y.len(), y.values()[1]), (5, 1.4));
/// let series = model(|p| {
///     let pull = p.draw("pull", normal(0.0, 0.5));
///     p.rows(1..5, |t| t.observe(y.at(t), normal(1.3 + pull * (y.lag(t, 1) - 1.3), 0.2)));
/// });
/// assert!(jensen::fit(&series)?.summary()[0].mean < 0.0);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Column(pub(crate) Arc<[f64]>);

/// A table of real data, row-major.
///
/// ```
/// use jensen::prelude::*;
///
/// let x = Matrix::new([1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 3.0], 2)?; // four rows of two features
/// let y = Column::new([1.0, 3.0, 5.0, 7.0]);
/// assert_eq!((x.num_rows(), x.row(2)), (4, &[1.0, 2.0][..]));
/// let line = model(|p| {
///     let b = p.draws("b", normal(0.0, 5.0), x.num_columns());
///     p.rows(4, |i| i.observe(y.at(i), normal(x.at(i).dot(&b), 0.1)));
/// });
/// assert!((jensen::fit(&line)?.summary()[1].mean - 2.0).abs() < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    pub(crate) data: Arc<[f64]>,
    pub(crate) columns: usize,
}

impl Column {
    /// A column that owns `values`.
    pub fn new(values: impl Into<Vec<f64>>) -> Self {
        Column(values.into().into())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The plain data, for loops and branches on data while recording.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The value in this row.
    #[track_caller]
    pub fn at(&self, row: impl Into<RowIndex>) -> Real {
        self.shifted(row.into(), 0, Location::caller())
    }

    /// The value `lag` rows earlier; start the rows late enough (`p.rows(lag..n, ..)`).
    #[track_caller]
    pub fn lag(&self, row: impl Into<RowIndex>, lag: usize) -> Real {
        self.shifted(row.into(), -(lag as i32), Location::caller())
    }

    fn shifted(&self, row: RowIndex, shift: i32, location: &'static Location<'static>) -> Real {
        let node = recording::with(|r| {
            check_rows(r, row, shift, self.len(), "column", location);
            let column = r.column(&self.0);
            r.leaf(Op::Column { column, shift }, 1, true, false, false)
        });
        node.map_or(Real::from(f64::NAN), Real::from_node)
    }
}

impl Matrix {
    /// A table from row-major `values` with `columns` columns.
    ///
    /// # Errors
    /// When `values` does not divide into rows of that length.
    pub fn new(values: impl Into<Vec<f64>>, columns: usize) -> Result<Self, String> {
        let values = values.into();
        if columns == 0 || values.len() % columns != 0 {
            return Err(format!("{} values do not make rows of {columns} columns", values.len()));
        }
        Ok(Matrix { data: values.into(), columns })
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.data.len() / self.columns
    }

    /// Number of columns.
    pub fn num_columns(&self) -> usize {
        self.columns
    }

    /// The plain data of one row; empty past the end.
    pub fn row(&self, row: usize) -> &[f64] {
        self.data.chunks_exact(self.columns).nth(row).unwrap_or(&[])
    }

    /// This row of the table.
    #[track_caller]
    pub fn at(&self, row: impl Into<RowIndex>) -> MatrixRow {
        let (row, location) = (row.into(), Location::caller());
        let matrix = recording::with(|r| {
            check_rows(r, row, 0, self.num_rows(), "matrix", location);
            r.matrix(&self.data, self.columns)
        });
        MatrixRow { matrix: matrix.unwrap_or(0), columns: self.columns, row }
    }
}

/// One row of a data [`Matrix`] inside a row closure.
///
/// ```
/// use jensen::prelude::*;
///
/// let x = Matrix::new([0.2, -0.1, 0.4, 0.3], 2)?;
/// let rows = model(|p| {
///     let (mean, slope) = (p.draws("mean", normal(0.0, 1.0), 2), p.draw("slope", normal(0.0, 1.0)));
///     p.rows(2, |i| {
///         let row = x.at(i);
///         i.observe_each(&row.to_vector(), &mean, |mean| normal(mean, 0.5)); // every column
///         i.observe(row.at(1), normal(slope * row.at(0), 0.5)); // one column by another
///     });
/// });
/// jensen::fit(&rows)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MatrixRow {
    matrix: u32,
    columns: usize,
    row: RowIndex,
}

impl MatrixRow {
    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// `sum_k x_k * weights_k`, one operation whose work is a matrix product over the rows.
    #[track_caller]
    pub fn dot(self, weights: &Vector) -> Real {
        let location = Location::caller();
        if weights.len() != self.columns {
            recording::fail(format!("a row of {} columns meets {} weights", self.columns, weights.len()));
            return Real::from(f64::NAN);
        }
        let weights_node = weights.lanes().node();
        let node = recording::with(|r| {
            if !self.is_here(r, location) {
                return None;
            }
            let w = r.nodes[weights_node as usize];
            if w.plate != 0 {
                let x = r.leaf(Op::MatrixRow { matrix: self.matrix }, self.columns, true, false, false);
                return r.structured(Op::Dot, &[x, weights_node], 1, location);
            }
            let plate = r.current_plate;
            let node = recording::Node {
                op: Op::DotData { matrix: self.matrix },
                args: [weights_node, 0, 0],
                list: (0, 0),
                len: 1,
                plate,
                per_draw: w.per_draw,
                active: w.active,
            };
            Some(r.push(node, &[]))
        });
        node.flatten().map_or(Real::from(f64::NAN), Real::from_node)
    }

    /// The value in column `k`.
    #[track_caller]
    pub fn at(self, k: usize) -> Real {
        if k >= self.columns {
            recording::fail(format!("column {k} of a row with {} columns", self.columns));
            return Real::from(f64::NAN);
        }
        self.read(Op::MatrixColumn { matrix: self.matrix, column: k as u32 }, 1, Location::caller())
    }

    /// The whole row as a [`Vector`].
    #[track_caller]
    pub fn to_vector(self) -> Vector {
        let lanes = self.read(Op::MatrixRow { matrix: self.matrix }, self.columns, Location::caller());
        Vector::from_lanes(lanes, self.columns)
    }

    fn read(self, op: Op, len: usize, location: &'static Location<'static>) -> Real {
        let node = recording::with(|r| self.is_here(r, location).then(|| r.leaf(op, len, true, false, false)));
        node.flatten().map_or(Real::from(f64::NAN), Real::from_node)
    }

    /// Whether the `rows` block this row belongs to is being recorded; a mistake otherwise.
    fn is_here(self, r: &mut recording::Recording, location: &'static Location<'static>) -> bool {
        let here = self.row.plate != 0 && self.row.plate == r.current_plate;
        if !here {
            r.fail("a row of a matrix is used outside of its `rows` closure".into(), location);
        }
        here
    }
}

pub(super) fn check_rows(
    r: &mut recording::Recording,
    row: RowIndex,
    shift: i32,
    len: usize,
    what: &str,
    location: &'static Location<'static>,
) {
    if row.plate != r.current_plate || row.plate == 0 {
        r.fail(format!("a {what} is read at a row of another `rows` block"), location);
        return;
    }
    let plate = r.plates[row.plate as usize - 1];
    let (first, end) = (plate.start as i64 + i64::from(shift), (plate.start + plate.rows) as i64 + i64::from(shift));
    if first < 0 {
        r.fail(
            format!(
                "row {} has no value {} rows earlier; start the rows later: `p.rows({}..n, ..)`",
                plate.start, -shift, -shift
            ),
            location,
        );
    } else if end > len as i64 {
        r.fail(format!("a {what} of {len} values is read in {} rows (up to row {})", plate.rows, end - 1), location);
    }
}
