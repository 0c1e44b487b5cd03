//! [`Vector`]: several numbers under one name, computed lane by lane.

use std::panic::Location;

use super::recording::{self, Op};
use super::{Int, Real, RowIndex};

/// A vector of a log joint: latents, parameters, or values computed from them.
///
/// Arithmetic over the elements is written with [`Vector::map`] and [`Vector::zip`]; the closure sees one
/// element and runs once for all of them.
///
/// ```
/// use jensen::prelude::*;
///
/// let effects = model(|p| {
///     let b = p.draws("b", normal(0.0, 1.0), 3);
///     let positive = b.map(|b| b.exp());
///     let share = positive.map(|x| x / positive.sum()); // elements, together with a number
///     let both = b.zip(&share, |b, share| b * share);
///     p.derive("b_0 + b_1", b.at(0) + b.at(1));
///     p.derive("softmax", share);
///     p.observe(0.3, normal(both.sum() + b.dot(&Vector::constant(&[1.0, 0.0, -1.0])), 0.5));
/// });
/// assert!(jensen::fit(&effects)?.draws("softmax[2]").is_some());
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    lanes: Real,
    len: usize,
    /// Columns of a row-major matrix; 0 for a plain vector.
    columns: usize,
}

/// What a vector can be indexed by: a number, an [`Int`], or the row; a matrix by row and column, too.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Index {
    /// A fixed element.
    Fixed(usize),
    /// An integer of the model or of the data.
    Int(Int),
    /// The element with the row's own number, `shift` rows away.
    Row(RowIndex, i32),
    /// Row and column of a matrix.
    Cell(usize, usize),
}

impl From<usize> for Index {
    fn from(k: usize) -> Index {
        Index::Fixed(k)
    }
}

impl From<(usize, usize)> for Index {
    fn from((row, column): (usize, usize)) -> Index {
        Index::Cell(row, column)
    }
}

impl From<Int> for Index {
    fn from(k: Int) -> Index {
        Index::Int(k)
    }
}

impl Vector {
    pub(crate) fn from_lanes(lanes: Real, len: usize) -> Vector {
        Vector { lanes, len, columns: 0 }
    }

    /// The same numbers as a row-major matrix, where the shape has two numbers.
    pub(crate) fn shaped(self, shape: &[usize]) -> Vector {
        Vector { columns: if let [_, columns] = *shape { columns } else { 0 }, ..self }
    }

    /// All elements as the lanes of one `Real`.
    pub(crate) fn lanes(&self) -> Real {
        self.lanes
    }

    /// Whether two elements are one recorded value.
    pub(crate) fn has_same(&self, i: usize, j: usize) -> bool {
        let same = |r: &mut recording::Recording| {
            let node = self.lanes.node_in(r)?;
            Some(r.packed(node, i)? == r.packed(node, j)?)
        };
        recording::with(same).flatten().unwrap_or(false)
    }

    /// A vector of the given scalars.
    #[track_caller]
    pub fn new(elements: &[Real]) -> Vector {
        let nodes: Vec<u32> = elements.iter().map(|e| e.node()).collect();
        let (len, location) = (elements.len(), Location::caller());
        let node = recording::with(|r| r.nary(Op::Pack, &nodes, |_| len as u32, location)).flatten();
        Vector::from_lanes(node.map_or(Real::from(f64::NAN), Real::from_node), len)
    }

    /// A vector of constants.
    #[track_caller]
    pub fn constant(values: &[f64]) -> Vector {
        Vector::new(&values.iter().map(|&v| Real::from(v)).collect::<Vec<_>>())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at `index`: a number, an integer latent or column, or the row.
    ///
    /// A matrix of latents or parameters and a Cholesky factor have elements by row and column, too: `w.at((r, c))`.
    #[track_caller]
    pub fn at(&self, index: impl Into<Index>) -> Real {
        let location = Location::caller();
        match index.into() {
            Index::Fixed(k) => self.element(k, location),
            Index::Row(row, shift) => self.at_row(row, shift, location),
            Index::Cell(row, column) if column < self.columns && row * self.columns < self.len => {
                self.element(row * self.columns + column, location)
            }
            Index::Cell(row, column) => {
                let what = match self.columns {
                    0 => format!("a vector of {} elements; only a matrix has rows and columns", self.len),
                    columns => format!("a matrix of {} rows and {columns} columns", self.len / columns),
                };
                recording::with(|r| r.fail(format!("element ({row}, {column}) of {what}"), location));
                Real::from(f64::NAN)
            }
            Index::Int(i) => match (i.value.as_constant(), i.column) {
                (Some(k), _) if k < 0.0 => {
                    recording::with(|r| r.fail(format!("element {k} of a vector; elements count from 0"), location));
                    Real::from(f64::NAN)
                }
                (Some(k), _) => self.element(k as usize, location),
                (None, Some((column, shift))) => self.at_column(i, column, shift, location),
                (None, None) => self.gather(i, location),
            },
        }
    }

    /// The element of the row `lag` rows earlier.
    #[track_caller]
    pub fn lag(&self, row: impl Into<RowIndex>, lag: usize) -> Real {
        self.at_row(row.into(), -(lag as i32), Location::caller())
    }

    /// All elements, one by one.
    #[track_caller]
    pub fn elements(&self) -> Vec<Real> {
        (0..self.len).map(|k| self.at(k)).collect()
    }

    /// `f` of every element.
    pub fn map(&self, f: impl FnOnce(Real) -> Real) -> Vector {
        Vector { lanes: f(self.lanes), ..*self }.filled()
    }

    /// `f` of every pair of elements.
    #[track_caller]
    pub fn zip(&self, other: &Vector, f: impl FnOnce(Real, Real) -> Real) -> Vector {
        if self.len != other.len {
            recording::fail(format!("vectors of lengths {} and {} meet", self.len, other.len));
        }
        Vector { lanes: f(self.lanes, other.lanes), ..*self }.filled()
    }

    /// Sum of the elements.
    #[track_caller]
    pub fn sum(&self) -> Real {
        self.reduce(Op::SumElements, &[self.lanes])
    }

    /// `ln sum_k exp(self_k)`, without overflow.
    #[track_caller]
    pub fn log_sum_exp(&self) -> Real {
        self.reduce(Op::LogSumExpElements, &[self.lanes])
    }

    /// `sum_k self_k * other_k`.
    #[track_caller]
    pub fn dot(&self, other: &Vector) -> Real {
        if self.len != other.len {
            recording::fail(format!("vectors of lengths {} and {} meet in a dot product", self.len, other.len));
            return Real::from(f64::NAN);
        }
        self.reduce(Op::Dot, &[self.lanes, other.lanes])
    }

    /// This vector as a row-major matrix with `rows` rows, times `x`.
    #[track_caller]
    pub fn mat_vec(&self, rows: usize, x: &Vector) -> Vector {
        if rows * x.len != self.len {
            recording::fail(format!("a {rows} x {} matrix needs {} values, not {}", x.len, rows * x.len, self.len));
            return *x;
        }
        let (w, v, location) = (self.lanes.node(), x.lanes.node(), Location::caller());
        let node = recording::with(|r| {
            let (weights, input) = (r.nodes[w as usize], r.nodes[v as usize]);
            // Weights that all rows or all draws share are not copied to each.
            let is_shared = input.plate != 0 || input.per_draw && !weights.per_draw;
            if weights.plate == 0 && is_shared {
                let per_draw = weights.per_draw || input.per_draw;
                let x = r.spread(v, input.len, input.plate, per_draw);
                let node = recording::Node {
                    op: Op::Dense { rows: rows as u32 },
                    args: [w, x, 0],
                    list: (0, 0),
                    len: rows as u32,
                    plate: input.plate,
                    per_draw,
                    active: weights.active || input.active,
                };
                return Some(r.push(node, &[]));
            }
            r.structured(Op::MatVec { rows: rows as u32 }, &[w, v], rows as u32, location)
        });
        Vector::from_lanes(node.flatten().map_or(Real::from(f64::NAN), Real::from_node), rows)
    }

    /// A dense layer: `weights * self + bias` with `weights` row-major, `bias.len()` x `self.len()`.
    #[track_caller]
    pub fn dense(&self, weights: &Vector, bias: &Vector) -> Vector {
        weights.mat_vec(bias.len, self).zip(bias, |a, b| a + b)
    }

    /// The lower Cholesky factor of this row-major symmetric `n` x `n` matrix.
    ///
    /// A matrix that is not positive definite gives NaN, which rejects the draw.
    #[track_caller]
    pub fn cholesky(&self, n: usize) -> Vector {
        if self.len != n * n {
            recording::fail(format!("an {n} x {n} matrix needs {} values, not {}", n * n, self.len));
            return *self;
        }
        Vector::from_lanes(self.reduce_to(Op::Cholesky { n: n as u32 }, &[self.lanes], n * n), n * n).shaped(&[n, n])
    }

    /// `L^-1 b`, where this vector is a lower triangular row-major matrix `L`.
    #[track_caller]
    pub fn solve_lower(&self, b: &Vector) -> Vector {
        let n = b.len;
        if self.len != n * n {
            recording::fail(format!("a triangular {n} x {n} matrix needs {} values, not {}", n * n, self.len));
            return *b;
        }
        Vector::from_lanes(self.reduce_to(Op::SolveLower { n: n as u32 }, &[self.lanes, b.lanes], n), n)
    }

    /// A closure may have ignored its element; the result must still have one value for each.
    fn filled(self) -> Vector {
        let node = self.lanes.node();
        let len = self.len as u32;
        let filled = recording::with(|r| {
            let n = r.nodes[node as usize];
            if n.len == len { node } else { r.spread(node, len, n.plate, n.per_draw) }
        });
        Vector { lanes: filled.map_or(self.lanes, Real::from_node), ..self }
    }

    #[track_caller]
    fn reduce(&self, op: Op, args: &[Real]) -> Real {
        self.reduce_to(op, args, 1)
    }

    #[track_caller]
    fn reduce_to(&self, op: Op, args: &[Real], len: usize) -> Real {
        let nodes: Vec<u32> = args.iter().map(|a| a.node()).collect();
        let location = Location::caller();
        let node = recording::with(|r| r.structured(op, &nodes, len as u32, location)).flatten();
        node.map_or(Real::from(f64::NAN), Real::from_node)
    }

    fn element(&self, k: usize, location: &'static Location<'static>) -> Real {
        let vector = self.lanes.node();
        let node = recording::with(|r| {
            if k >= self.len {
                r.fail(format!("element {k} of a vector with {} elements", self.len), location);
                return None;
            }
            // An element of scalars packed together is that scalar.
            if let Some(item) = r.packed(vector, k) {
                return Some(item);
            }
            if self.len == 1 {
                return Some(vector);
            }
            r.structured(Op::Element(k as u32), &[vector], 1, location)
        });
        node.flatten().map_or(Real::from(f64::NAN), Real::from_node)
    }

    fn at_row(&self, row: RowIndex, shift: i32, location: &'static Location<'static>) -> Real {
        let len = self.len;
        self.import(Op::GatherRow { shift }, location, move |r| {
            if row.plate == 0 || row.plate != r.current_plate {
                return Some("a vector is indexed by a row of another `rows` block".into());
            }
            let plate = r.plates[row.plate as usize - 1];
            let first = plate.start as i64 + i64::from(shift);
            let end = (plate.start + plate.rows) as i64 + i64::from(shift);
            if first < 0 || end > len as i64 {
                Some(format!("a vector of {len} elements is read at rows {first} to {}", end - 1))
            } else {
                None
            }
        })
    }

    fn at_column(&self, index: Int, column: u32, shift: i32, location: &'static Location<'static>) -> Real {
        let (len, index) = (self.len, index.value.node());
        self.import(Op::GatherColumn { column, shift }, location, move |r| {
            // An integer kept from an earlier recording has become a constant here, which has no rows.
            let plate = r.nodes[index as usize].plate;
            if plate == 0 || plate != r.current_plate {
                return Some("a row's integer is used outside of its `rows` closure".into());
            }
            let largest = r.integer_columns[column as usize].iter().max().copied().unwrap_or(0) as usize;
            (largest >= len)
                .then(|| format!("the integer column holds {largest}, the vector only elements 0 to {}", len - 1))
        })
    }

    /// Reads this global vector from inside the rows.
    fn import(
        &self,
        op: Op,
        location: &'static Location<'static>,
        mistake: impl FnOnce(&recording::Recording) -> Option<String>,
    ) -> Real {
        let vector = self.lanes.node();
        let node = recording::with(|r| {
            if let Some(message) = mistake(r) {
                r.fail(message, location);
                return None;
            }
            let v = r.nodes[vector as usize];
            if v.plate != 0 {
                r.fail("only a vector made outside of `rows` can be indexed by the row".into(), location);
                return None;
            }
            let plate = r.current_plate;
            let node = recording::Node {
                op,
                args: [vector, 0, 0],
                list: (0, 0),
                len: 1,
                plate,
                per_draw: v.per_draw,
                active: v.active,
            };
            Some(r.push(node, &[]))
        });
        node.flatten().map_or(Real::from(f64::NAN), Real::from_node)
    }

    fn gather(&self, index: Int, location: &'static Location<'static>) -> Real {
        let (vector, index) = (self.lanes.node(), index.value.node());
        let node = recording::with(|r| {
            let (v, i) = (r.nodes[vector as usize], r.nodes[index as usize]);
            if v.plate != 0 || i.plate == 0 {
                let node = r.structured(Op::Gather, &[vector, index], 1, location)?;
                r.places.entry(node).or_insert(location);
                return Some(node);
            }
            let per_draw = v.per_draw || i.per_draw;
            let index = r.spread(index, 1, i.plate, per_draw);
            let node = recording::Node {
                op: Op::GatherImport,
                args: [vector, index, 0],
                list: (0, 0),
                len: 1,
                plate: i.plate,
                per_draw,
                active: v.active,
            };
            let node = r.push(node, &[]);
            r.places.entry(node).or_insert(location);
            Some(node)
        });
        node.flatten().map_or(Real::from(f64::NAN), Real::from_node)
    }
}
