//! The range of every recorded value: what a log joint cannot leave needs no check at run time.

use std::collections::{BTreeMap, HashMap};

use super::ops::{Binary, Unary};
use super::range::Range;
use super::recording::{Node, Op, Recording, is_elementwise};
use super::terms::Split;

/// An element of a node, or all of them.
pub(crate) type Part = (u32, Option<u32>);

/// Ranges that were asked for, and what they rest on.
#[derive(Default)]
pub(crate) struct Ranges(HashMap<Part, Range>);

/// Longest inner products whose range is worked out.
const MOST_FACTORS: usize = 1000;

impl Recording {
    /// The range of an element of a node, or of all its elements.
    pub fn range(&mut self, node: u32, element: Option<u32>) -> Range {
        let mut known = std::mem::take(&mut self.ranges);
        let wanted = self.part(node, element);
        // A stack of its own: recurrences are thousands of nodes deep.
        let mut open = vec![wanted];
        while let Some(&part) = open.last() {
            let before = open.len();
            if !known.0.contains_key(&part) {
                open.extend(self.rests_on(part).into_iter().filter(|p| !known.0.contains_key(p)));
                if open.len() > before {
                    continue;
                }
                let range = self.worked_out(part, &known);
                known.0.insert(part, range);
            }
            open.pop();
        }
        let range = known.0[&wanted];
        self.ranges = known;
        range
    }

    /// The range of `constant + sum coefficient * node`, where what the nodes have in common cancels; a vector counts
    /// with the sum of its elements.
    pub fn range_of_sum(&mut self, addends: &[(u32, f64)], constant: f64) -> Range {
        let mut total = Range::point(constant);
        let mut open = addends.to_vec();
        let mut parts: BTreeMap<u32, f64> = BTreeMap::new();
        while !open.is_empty() {
            let mut split = Split::default();
            open.drain(..).for_each(|(node, coefficient)| split.add(node, coefficient));
            split.run(self);
            total = total.plus(Range::point(split.constant));
            for (index, coefficient) in split.parts {
                let node = self.nodes[index as usize];
                match node.op {
                    Op::Pack => open.extend(self.list(&node).iter().map(|&item| (item, coefficient))),
                    _ => *parts.entry(index).or_insert(0.0) += coefficient,
                }
            }
        }
        for (node, coefficient) in parts {
            if coefficient != 0.0 {
                let len = f64::from(self.nodes[node as usize].len);
                total = total.plus(self.range(node, None).times(Range::point(coefficient * len)));
            }
        }
        Range { whole: false, ..total }
    }

    fn part(&self, node: u32, element: Option<u32>) -> Part {
        (node, element.filter(|_| self.nodes[node as usize].len > 1))
    }

    fn list(&self, node: &Node) -> &[u32] {
        &self.lists[node.list.0 as usize..][..node.list.1 as usize]
    }

    fn rests_on(&self, (index, element): Part) -> Vec<Part> {
        let node = self.nodes[index as usize];
        let whole = |k: usize| (node.args[k], None);
        match node.op {
            Op::Select => vec![self.part(node.args[1], element), self.part(node.args[2], element)],
            op if is_elementwise(op) => {
                node.args[..super::plan::arity(op)].iter().map(|&a| self.part(a, element)).collect()
            }
            Op::Spread => vec![self.part(node.args[0], element)],
            Op::Element(k) => vec![self.part(node.args[0], Some(k))],
            Op::Pack => match element {
                Some(k) => vec![(self.list(&node)[k as usize], None)],
                None => self.list(&node).iter().map(|&item| (item, None)).collect(),
            },
            Op::Sum => self.list(&node).iter().map(|&item| self.part(item, element)).collect(),
            Op::SumElements | Op::Gather | Op::GatherImport | Op::GatherColumn { .. } | Op::GatherRow { .. } => {
                vec![whole(0)]
            }
            Op::Dot | Op::MatVec { .. } => vec![whole(0), whole(1)],
            _ => vec![],
        }
    }

    fn worked_out(&self, (index, element): Part, known: &Ranges) -> Range {
        let node = self.nodes[index as usize];
        let arg = |k: usize| known.0[&self.part(node.args[k], element)];
        let whole = |k: usize| known.0[&(node.args[k], None)];
        let elements = |k: usize| f64::from(self.nodes[node.args[k] as usize].len);
        match node.op {
            Op::Const(c) => Range::point(c),
            Op::Parameter { .. } | Op::Latent { .. } | Op::RowLatent { .. } => Range::REAL,
            Op::Integer { offset } => of_integer(self.integer_ranges[0].get(offset as usize)),
            Op::RowInteger { offset } => of_integer(self.integer_ranges[1].get(offset as usize)),
            Op::Column { .. } | Op::MatrixColumn { .. } | Op::MatrixRow { .. } | Op::RowIndex => {
                self.range_of_data(&node, element)
            }
            Op::Unary(op) => of_unary(op, arg(0)),
            Op::Binary(op) => of_binary(op, arg(0), arg(1)),
            Op::AddConst(c) => arg(0).plus(Range::point(c)),
            Op::MulConst(c) => arg(0).times(Range::point(c)),
            Op::PowConst(c) => arg(0).powf(c),
            Op::GaussKernel => Range { above: true, ..Range::closed(f64::NEG_INFINITY, 0.0) },
            // A constant NaN is a branch that is never taken.
            Op::Select => match (arg(1), arg(2)) {
                (a, b) if a.is_nan() => b,
                (a, b) if b.is_nan() => a,
                (a, b) => a.or(b),
            },
            Op::Spread => arg(0),
            Op::Element(k) => known.0[&self.part(node.args[0], Some(k))],
            Op::Pack => {
                let items: Vec<Range> = self.rests_on((index, element)).iter().map(|part| known.0[part]).collect();
                items.into_iter().reduce(Range::or).unwrap_or(Range::ANY)
            }
            Op::Sum => {
                let items = self.list(&node).iter().map(|&item| known.0[&self.part(item, element)]);
                items.fold(Range::point(0.0), Range::plus)
            }
            Op::SumElements => whole(0).times(Range::point(elements(0))),
            Op::Gather | Op::GatherImport | Op::GatherColumn { .. } | Op::GatherRow { .. } => whole(0),
            Op::Dot | Op::MatVec { .. } if elements(1) <= MOST_FACTORS as f64 => {
                whole(0).times(whole(1)).times(Range::point(elements(1)))
            }
            Op::Dot | Op::MatVec { .. } | Op::Dense { .. } | Op::DotData { .. } | Op::SolveLower { .. } => Range::REAL,
            Op::Cholesky { n } => match element.map(|e| (e / n, e % n)) {
                Some((row, column)) if row < column => Range::point(0.0),
                Some((row, column)) if row == column => Range::POSITIVE,
                _ => Range::REAL,
            },
            _ => Range::ANY,
        }
    }

    /// The range of data over the rows that read it.
    fn range_of_data(&self, node: &Node, element: Option<u32>) -> Range {
        let Some(plate) = node.plate.checked_sub(1).map(|p| self.plates[p as usize]) else { return Range::ANY };
        let rows = plate.start..plate.start + plate.rows;
        match node.op {
            Op::Column { column, shift } => {
                let data = &self.columns[column as usize];
                Range::of(rows.filter_map(|r| data.get((r as i64 + i64::from(shift)) as usize).copied()))
            }
            Op::MatrixColumn { matrix, column } => self.range_of_matrix(matrix, rows, Some(column)),
            Op::MatrixRow { matrix } => self.range_of_matrix(matrix, rows, element),
            _ => Range { whole: true, ..Range::closed(plate.start as f64, (plate.start + plate.rows) as f64 - 1.0) },
        }
    }

    fn range_of_matrix(&self, matrix: u32, rows: std::ops::Range<usize>, column: Option<u32>) -> Range {
        let (data, columns) = &self.matrices[matrix as usize];
        let rows = data.chunks_exact(*columns).skip(rows.start).take(rows.len());
        match column {
            Some(k) => Range::of(rows.map(|row| row[k as usize])),
            None => Range::of(rows.flatten().copied()),
        }
    }
}

fn of_integer(ends: Option<&(u32, u32)>) -> Range {
    let ends = ends.map(|&(low, high)| Range::closed(f64::from(low), f64::from(high)));
    Range { whole: true, ..ends.unwrap_or(Range { low: 0.0, ..Range::REAL }) }
}

fn of_unary(op: Unary, x: Range) -> Range {
    let value = |y: f64| op.value(y);
    match op {
        Unary::Neg => x.negated(),
        Unary::Abs => x.abs(),
        Unary::Square => x.square(),
        Unary::Recip => x.recip(),
        Unary::Sqrt | Unary::Ln => x.from(0.0).map(value),
        Unary::Ln1p => x.from(-1.0).map(value),
        Unary::Exp | Unary::ExpM1 | Unary::Atan | Unary::Sinh | Unary::Tanh | Unary::Sigmoid => x.map(value),
        Unary::Softplus | Unary::Erf | Unary::NormalCdf | Unary::LnNormalCdf => x.map(value),
        Unary::Floor => Range { whole: true, above: false, below: false, ..x.map(value) },
        Unary::Cosh => x.abs().map(value),
        Unary::Sin | Unary::Cos => Range::closed(-1.0, 1.0),
        Unary::Not => Range::point(1.0).plus(x.negated()),
        Unary::RequirePositive | Unary::RequireNonNegative => Range::point(0.0),
        Unary::Tan | Unary::LnGamma | Unary::Digamma => Range::ANY,
    }
}

fn of_binary(op: Binary, x: Range, y: Range) -> Range {
    match op {
        Binary::Add => x.plus(y),
        Binary::Sub => x.plus(y.negated()),
        Binary::Mul => x.times(y),
        Binary::Div => match y.recip() {
            Range::ANY => Range::ANY,
            inverse => x.times(inverse),
        },
        Binary::Pow if x.is_positive() => Range::POSITIVE,
        Binary::Pow if x.is_non_negative() => Range { above: false, ..Range::POSITIVE },
        Binary::Pow => Range::ANY,
        Binary::Max => x.max(y),
        Binary::Min => x.min(y),
        Binary::Less | Binary::LessEqual | Binary::Equal | Binary::And => {
            Range { whole: true, ..Range::closed(0.0, 1.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::record;
    use super::super::{Column, IntColumn, Matrix, Real, RowIndex, Vector, recording, sum};
    use super::*;
    use crate::program::recording::Plate;

    /// The range of a value made of two real numbers and two rows of data.
    fn range(mut make: impl FnMut(Real, Real, RowIndex) -> Real) -> Range {
        let mut found = Range::ANY;
        let recorded = record(|| {
            let latent = |offset| {
                let leaf = recording::with(|r| r.leaf(Op::Latent { offset }, 1, false, true, true));
                Real::from_node(leaf.unwrap())
            };
            let (a, b) = (latent(0), latent(1));
            recording::with(|r| {
                r.plates.push(Plate { start: 1, rows: 2 });
                r.current_plate = 1;
            });
            let node = make(a, b, RowIndex { plate: 1 }).node();
            found = recording::with(|r| r.range(node, None)).unwrap();
        });
        recorded.unwrap();
        found
    }

    #[test]
    fn functions_stay_in_their_ranges() {
        assert_eq!(range(|a, _, _| a), Range::REAL);
        assert_eq!(range(|a, _, _| a.exp()), Range::POSITIVE);
        assert_eq!(range(|a, _, _| a.sigmoid()), Range::open(0.0, 1.0));
        assert_eq!(range(|a, _, _| 1.0 - a.tanh()), Range::open(0.0, 2.0));
        assert!(range(|a, b, _| a.square() + b.exp()).is_positive());
        assert!(!range(|a, b, _| a.square() + b.square()).is_positive());
        assert!(range(|a, b, _| (a.square() + b.square()).sqrt()).is_non_negative());
        assert!(range(|a, b, _| a.exp() / b.softplus()).is_positive());
        assert!(range(|a, b, _| (a.exp() * b.sigmoid()).recip().powf(0.7)).is_positive());
        assert_eq!(range(|a, b, _| a.exp().max(b)), Range::POSITIVE);
        assert_eq!(range(|a, b, _| a.less_than(b).select(a.exp(), 3.0)), Range::POSITIVE);
        assert_eq!(range(|a, _, _| (-a.exp()).min(2.0)), Range::open(f64::NEG_INFINITY, 0.0));
        assert!(!range(|a, b, _| a * b).is_positive() && !range(|a, _, _| a.ln_gamma()).is_finite());
        assert!(!range(|a, b, _| a.exp() - b.exp()).is_positive());
        // A logarithm of zero is no finite number.
        assert!(range(|a, _, _| a.exp().ln()).is_finite() && !range(|a, _, _| a.square().ln()).is_finite());
    }

    #[test]
    fn data_lie_between_their_extremes_in_the_rows_that_are_read() {
        // Row 0 is not read.
        let (x, k) = (Column::new([-9.0, 2.5, 0.5]), IntColumn::new([9, 3, 1]));
        let table = Matrix::new(vec![-9.0, -9.0, 1.0, 2.0, 3.0, 4.0], 2).unwrap();
        assert_eq!(range(|_, _, i| x.at(i)), Range::closed(0.5, 2.5));
        assert_eq!(range(|_, _, i| x.lag(i, 1)), Range::closed(-9.0, 2.5));
        assert_eq!(range(|_, _, i| k.at(i).to_real() - 1.0), Range { whole: true, ..Range::closed(0.0, 2.0) });
        assert_eq!(range(|_, _, i| table.at(i).at(1)), Range { whole: true, ..Range::closed(2.0, 4.0) });
        assert_eq!(range(|_, _, i| table.at(i).to_vector().at(0)), Range { whole: true, ..Range::closed(1.0, 3.0) });
        assert!(range(|a, _, i| a.exp() * x.at(i)).is_positive());
        assert!(!range(|a, _, i| a.exp() + x.lag(i, 1)).is_positive());
    }

    #[test]
    fn elements_have_ranges_of_their_own() {
        let pair = |a: Real, b: Real| Vector::new(&[a.exp(), b]).map(|x| x * 2.0 + 1.0);
        assert_eq!(range(|a, b, _| pair(a, b).at(0)), Range::open(1.0, f64::INFINITY));
        assert_eq!(range(|a, b, _| pair(a, b).at(1)), Range::REAL);
        assert!(range(|a, b, _| Vector::new(&[a.exp(), b.exp()]).sum()).is_positive());
        let factor = |a: Real, b: Real| Vector::new(&[a, b, b, a]).cholesky(2);
        assert_eq!(range(|a, b, _| factor(a, b).at(1)), Range::point(0.0));
        assert!(range(|a, b, _| factor(a, b).at(3)).is_positive());
    }

    /// The range of a sum of numbers made of two reals.
    fn range_of_sum(constant: f64, make: impl Fn(Real, Real) -> Vec<(Real, f64)>) -> Range {
        let mut found = Range::ANY;
        range(|a, b, _| {
            let addends: Vec<(u32, f64)> = make(a, b).iter().map(|(x, c)| (x.node(), *c)).collect();
            found = recording::with(|r| r.range_of_sum(&addends, constant)).unwrap();
            a
        });
        found
    }

    #[test]
    fn what_sums_have_in_common_cancels() {
        let zero = |range: Range| (range.low, range.high) == (0.0, 0.0);
        assert!(zero(range_of_sum(-1.0, |a, _| vec![(a, 1.0), (1.0 - a, 1.0)])));
        assert!(zero(range_of_sum(-1.0, |a, b| {
            let rest = 1.0 - a - b;
            vec![(Vector::new(&[a, b, rest]).lanes(), 1.0)]
        })));
        assert!(range_of_sum(0.0, |a, b| vec![(a + b.exp(), 1.0), (a, -1.0)]).is_positive());
        assert!(range_of_sum(0.0, |a, b| vec![(sum(&[a, b.exp(), a]), 1.0), (a, -2.0)]).is_positive());
        assert!(!range_of_sum(0.0, |a, b| vec![(a + b, 1.0), (a, -1.0)]).is_positive());
    }

    #[test]
    fn long_recurrences_need_no_deep_stack() {
        let all = range(|a, b, _| (0..100_000).fold(a.exp(), |state, _| state * 0.5 + b.square()));
        assert!(all.is_positive());
    }
}
