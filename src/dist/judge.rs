//! Whether a condition holds: by the ranges of what was recorded, by the data, or only at each draw.

use std::sync::Arc;

use super::Support;
use super::condition::{About, Condition, Demand, Quantity};
use crate::program::columns::Columns;
use crate::program::range::Range;
use crate::program::recording::{Recording, Structure};
use crate::program::{Real, Vector, recording};

/// What is known of a condition while the model is recorded.
#[derive(Debug)]
pub(super) enum Finding {
    Holds,
    Breaks(Broken),
    /// It depends on the draw.
    Unknown,
}

/// A value outside of its set.
#[derive(Debug)]
pub(super) struct Broken {
    pub about: About,
    /// The row of data; `None` for what is the same in all rows.
    pub row: Option<usize>,
    /// The value; empty where it depends on the draw and cannot be right at any.
    pub numbers: Vec<f64>,
    /// The element that breaks the condition, where elements are judged one by one.
    pub element: Option<usize>,
    /// The set, with the numbers of its bounds.
    pub support: Support,
}

/// A value and the set it must lie in.
pub(super) struct Judge<'a> {
    support: &'a Support,
    x: Vector,
}

impl<'a> Judge<'a> {
    pub fn of(support: &'a Support, x: Vector) -> Judge<'a> {
        Judge { support, x }
    }

    /// What is to be judged: nothing where a latent is made to be right, or where lengths differ, which is said
    /// elsewhere.
    pub fn conditions(&self) -> Vec<Condition> {
        let wrong_length = !self.support.shape().is_empty() && self.support.num_constrained() != self.x.len();
        if wrong_length || is_made_so(self.support, self.x) { Vec::new() } else { self.support.conditions(self.x) }
    }

    /// What is known of constants outside of a recording.
    pub fn of_constants(&self, condition: &Condition) -> Finding {
        if condition.constant_sum().is_none_or(|sum| condition.demand.is_met(sum)) {
            return Finding::Holds;
        }
        let numbers = self.x.lanes().as_constant().into_iter().collect();
        Finding::Breaks(Broken {
            about: condition.about,
            row: None,
            numbers,
            element: None,
            support: self.support.clone(),
        })
    }

    pub fn judge(&self, r: &mut Recording, condition: &Condition) -> Finding {
        let range = range_of(r, condition);
        if condition.demand.is_certain(range) {
            return Finding::Holds;
        }
        let reads = condition.addends.iter().map(|(_, quantity)| *quantity);
        if let Some(mut data) = Data::read_by(r, reads)
            && let Some(first) = data.first_break(r, condition)
        {
            return match first {
                Some(row) => Finding::Breaks(self.broken(r, condition, &mut data, row)),
                None => Finding::Holds,
            };
        }
        if condition.demand.is_impossible(range) {
            let support = self.support.clone();
            return Finding::Breaks(Broken {
                about: condition.about,
                row: None,
                numbers: vec![],
                element: None,
                support,
            });
        }
        match condition.demand {
            // Densities are not finite at such values, which rejects the draw.
            Demand::Finite | Demand::Definite => Finding::Holds,
            _ => Finding::Unknown,
        }
    }

    fn broken(&self, r: &Recording, condition: &Condition, data: &mut Data, row: usize) -> Broken {
        let numbers: Vec<f64> = (0..width(r, self.x))
            .filter_map(|k| data.numbers(r, Quantity::Each(self.x), k))
            .map(|values| values[row])
            .collect();
        let element = (0..numbers.len()).find(|&k| {
            let mut of =
                |&(coefficient, quantity): &(f64, Quantity)| Some(coefficient * data.numbers(r, quantity, k)?[row]);
            let sum = condition.addends.iter().map(&mut of).sum::<Option<f64>>();
            sum.is_some_and(|sum| !condition.demand.is_met(sum + condition.constant))
        });
        let support = self.support.with_bounds(|bound| {
            let found = data.numbers(r, Quantity::Each(Vector::from_lanes(bound, 1)), 0);
            found.map_or(bound, |values| Real::from(values[row]))
        });
        Broken { about: condition.about, row: data.in_rows.then_some(row), numbers, element, support }
    }
}

/// The same condition for all rows of the data at once, where only data vary by row.
pub(super) fn over_rows(r: &Recording, condition: &Condition) -> Option<Condition> {
    if !matches!(condition.demand, Demand::Positive | Demand::NonNegative) {
        return None;
    }
    let is_data = |(_, quantity): &(f64, Quantity)| Data::read_by(r, [*quantity].into_iter()).is_some();
    let (known, rest): (Vec<_>, Vec<_>) = condition.addends.iter().copied().partition(is_data);
    let is_global = |(_, quantity): &(f64, Quantity)| match quantity.source(r) {
        Source::Node(node) => r.nodes[node as usize].plate == 0,
        Source::Constant(_) => true,
        Source::Elsewhere => false,
    };
    let outside_of_rows = rest.iter().all(is_global);
    if known.is_empty() || !outside_of_rows {
        return None;
    }
    let mut data = Data::read_by(r, known.iter().map(|(_, quantity)| *quantity))?;
    let part = Condition { addends: known, ..condition.clone() };
    let least = data.sums(r, &part, |_, sum: f64, least: &mut f64| *least = least.min(sum), f64::INFINITY)?;
    Some(Condition { addends: rest, constant: least, ..condition.clone() })
}

/// Whether `x` is a latent whose transform gives it the structure of the set.
fn is_made_so(support: &Support, x: Vector) -> bool {
    if x.lanes().as_constant().is_some() {
        return false;
    }
    let node = x.lanes().node();
    let made = recording::with(|r| r.structures.get(&node).copied()).flatten();
    matches!(
        (made, support),
        (Some(Structure::Simplex), Support::Simplex(_))
            | (Some(Structure::Covariance), Support::Covariance(_))
            | (Some(Structure::CorrelationFactor), Support::CholeskyCorrelation(_) | Support::CholeskyCovariance(_))
    )
}

impl Quantity {
    fn vector(self) -> Vector {
        match self {
            Quantity::Each(v) | Quantity::Element(v, _) | Quantity::Total(v) => v,
            Quantity::SquaredLength(v, ..) => v,
        }
    }

    fn source(self, r: &Recording) -> Source {
        let lanes = self.vector().lanes();
        match lanes.as_constant() {
            Some(c) => Source::Constant(c),
            None => lanes.node_in(r).map_or(Source::Elsewhere, Source::Node),
        }
    }
}

/// Where a quantity is read from.
enum Source {
    Constant(f64),
    Node(u32),
    /// Another recording, which is a mistake of its own.
    Elsewhere,
}

impl Demand {
    fn is_certain(self, range: Range) -> bool {
        match self {
            Demand::Finite => range.is_finite(),
            Demand::Positive => range.is_positive(),
            Demand::NonNegative => range.is_non_negative(),
            Demand::Whole => range.whole,
            Demand::Definite => false,
        }
    }

    fn is_impossible(self, range: Range) -> bool {
        match self {
            Demand::Positive => !range.may_be_positive(),
            Demand::NonNegative => !range.may_be_non_negative(),
            Demand::Finite | Demand::Whole | Demand::Definite => range.is_nan(),
        }
    }
}

/// The range of a condition's sum.
fn range_of(r: &mut Recording, condition: &Condition) -> Range {
    let (mut constant, mut joined, mut apart) = (condition.constant, Vec::new(), Range::point(0.0));
    for &(coefficient, quantity) in &condition.addends {
        let scale = Range::point(coefficient);
        let node = match quantity.source(r) {
            Source::Node(node) => node,
            Source::Constant(c) => {
                constant += coefficient * c;
                continue;
            }
            Source::Elsewhere => return Range { whole: true, ..Range::POSITIVE },
        };
        match quantity {
            Quantity::Each(_) if r.nodes[node as usize].len > 1 || condition.demand == Demand::Whole => {
                let of_each = r.range(node, None);
                // A sum of one whole number is whole.
                let whole = of_each.whole && coefficient == 1.0;
                apart = Range { whole, ..apart.plus(of_each.times(scale)) };
            }
            Quantity::Each(_) | Quantity::Total(_) => joined.push((node, coefficient)),
            Quantity::Element(_, k) => match r.packed(node, k) {
                Some(item) => joined.push((item, coefficient)),
                None => apart = apart.plus(r.range(node, Some(k as u32)).times(scale)),
            },
            Quantity::SquaredLength(_, from, to) => {
                for k in from..to {
                    apart = apart.plus(r.range(node, Some(k as u32)).square().times(scale));
                }
            }
        }
    }
    if joined.is_empty() {
        return Range { whole: apart.whole && constant.fract() == 0.0, ..apart.plus(Range::point(constant)) };
    }
    r.range_of_sum(&joined, constant).plus(apart)
}

/// Lanes of a value: its elements.
fn width(r: &Recording, x: Vector) -> usize {
    match Quantity::Each(x).source(r) {
        Source::Node(node) => r.nodes[node as usize].len as usize,
        Source::Constant(_) | Source::Elsewhere => 1,
    }
}

/// Values of what depends on data and constants alone.
pub(super) struct Data {
    columns: Columns,
    rows: std::ops::Range<usize>,
    in_rows: bool,
}

impl Data {
    /// `None` where a quantity depends on latents.
    fn read_by(r: &Recording, quantities: impl Iterator<Item = Quantity>) -> Option<Data> {
        let mut plate = 0;
        for quantity in quantities {
            match quantity.source(r) {
                Source::Node(node) if !r.nodes[node as usize].per_draw => {
                    plate = plate.max(r.nodes[node as usize].plate)
                }
                Source::Constant(_) => {}
                _ => return None,
            }
        }
        Some(Data { columns: Columns::of_everything(), rows: r.rows_of(plate), in_rows: plate != 0 })
    }

    /// A quantity in every row, of its element `lane`.
    fn numbers(&mut self, r: &Recording, quantity: Quantity, lane: usize) -> Option<Arc<[f64]>> {
        let end = self.rows.end;
        let node = match quantity.source(r) {
            Source::Node(node) => node,
            Source::Constant(c) => return Some(vec![c; end].into()),
            Source::Elsewhere => return None,
        };
        let len = r.nodes[node as usize].len as usize;
        let mut element = |k: usize| self.columns.of(r, node, if len == 1 { 0 } else { k as u32 }, end);
        let over = |elements: std::ops::Range<usize>,
                    of: fn(f64) -> f64,
                    element: &mut dyn FnMut(usize) -> Option<Arc<[f64]>>| {
            let mut total = vec![0.0; end];
            for k in elements {
                total.iter_mut().zip(element(k)?.iter()).for_each(|(t, x)| *t += of(*x));
            }
            Some(total.into())
        };
        match quantity {
            Quantity::Each(_) => element(lane),
            Quantity::Element(_, k) => element(k),
            Quantity::Total(_) => over(0..len, |x| x, &mut element),
            Quantity::SquaredLength(_, from, to) => over(from..to, |x| x * x, &mut element),
        }
    }

    /// Folds the condition's sums over its elements and the rows.
    fn sums<S>(
        &mut self,
        r: &Recording,
        condition: &Condition,
        mut fold: impl FnMut(usize, f64, &mut S),
        mut state: S,
    ) -> Option<S> {
        let lanes = condition.addends.iter().filter_map(|(_, q)| match q {
            Quantity::Each(v) => Some(width(r, *v)),
            _ => None,
        });
        for lane in 0..lanes.max().unwrap_or(1) {
            let mut sums = vec![condition.constant; self.rows.end];
            for &(coefficient, quantity) in &condition.addends {
                let values = self.numbers(r, quantity, lane)?;
                sums.iter_mut().zip(values.iter()).for_each(|(sum, x)| *sum += coefficient * x);
            }
            self.rows.clone().for_each(|row| fold(row, sums[row], &mut state));
        }
        Some(state)
    }

    /// The first row that breaks the condition; `None` where the data are not all known.
    fn first_break(&mut self, r: &Recording, condition: &Condition) -> Option<Option<usize>> {
        if condition.demand == Demand::Definite {
            return self.first_indefinite(r, condition.addends[0].1.vector());
        }
        let demand = condition.demand;
        let earlier = |row: usize, sum: f64, first: &mut Option<usize>| {
            if !demand.is_met(sum) && first.is_none_or(|f| row < f) {
                *first = Some(row);
            }
        };
        self.sums(r, condition, earlier, None)
    }

    fn first_indefinite(&mut self, r: &Recording, matrix: Vector) -> Option<Option<usize>> {
        let elements: Option<Vec<_>> =
            (0..matrix.len()).map(|k| self.numbers(r, Quantity::Element(matrix, k), 0)).collect();
        let (elements, n) = (elements?, matrix.len().isqrt());
        let is_definite = |row: usize| {
            let numbers = nalgebra::DMatrix::from_fn(n, n, |i, j| elements[i * n + j][row]);
            numbers.iter().all(|x| x.is_finite()) && numbers.cholesky().is_some()
        };
        Some(self.rows.clone().find(|&row| !is_definite(row)))
    }
}
