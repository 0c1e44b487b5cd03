//! Conditions that a set places on numbers, one after the other: the same conditions judge constants, data and draws.

use super::Support;
use crate::program::{Real, Vector};

/// How far sums to one and symmetric elements may be off: eight units in the last place of a single-precision number,
/// for each number that is added.
const ROUNDING: f64 = 1e-6;

/// What is demanded of `constant + sum coefficient * quantity`.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub demand: Demand,
    pub addends: Vec<(f64, Quantity)>,
    pub constant: f64,
    /// What a value that breaks it is told.
    pub about: About,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Demand {
    Finite,
    Positive,
    NonNegative,
    Whole,
    /// The quantity is a matrix, positive definite.
    Definite,
}

/// Part of a value or a bound.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quantity {
    /// Every element for itself.
    Each(Vector),
    Element(Vector, usize),
    Total(Vector),
    /// Squared length of the elements from the first number to before the second.
    SquaredLength(Vector, usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum About {
    /// Every element for itself.
    Elements,
    Total,
    /// An element and the next one.
    Gap(usize),
    AboveDiagonal(usize, usize),
    Diagonal(usize),
    Symmetry(usize, usize),
    Length(usize),
    Definite,
}

/// Gathers the conditions of one value.
struct Conditions {
    x: Vector,
    all: Vec<Condition>,
}

impl Conditions {
    fn add(&mut self, demand: Demand, about: About, addends: Vec<(f64, Quantity)>, constant: f64) {
        self.all.push(Condition { demand, addends, constant, about });
    }

    fn each(&mut self, demand: Demand) {
        self.add(demand, About::Elements, vec![(1.0, Quantity::Each(self.x))], 0.0);
    }

    /// `sign (each - bound)` is what the demand says.
    fn bound(&mut self, demand: Demand, sign: f64, bound: Real) {
        self.between(demand, About::Elements, sign, Quantity::Each(self.x), bound);
    }

    fn between(&mut self, demand: Demand, about: About, sign: f64, quantity: Quantity, bound: Real) {
        match bound.as_constant() {
            Some(c) => self.add(demand, about, vec![(sign, quantity)], -sign * c),
            None => {
                let bound = Quantity::Each(Vector::from_lanes(bound, 1));
                self.add(demand, about, vec![(sign, quantity), (-sign, bound)], 0.0);
            }
        }
    }

    /// The quantity is `value` up to rounding.
    fn near(&mut self, about: About, quantity: Quantity, value: f64, rounding: f64) {
        self.add(Demand::NonNegative, about, vec![(1.0, quantity)], rounding - value);
        self.add(Demand::NonNegative, about, vec![(-1.0, quantity)], value + rounding);
    }

    fn increasing(&mut self) {
        for k in 1..self.x.len() {
            let pair = vec![(1.0, Quantity::Element(self.x, k)), (-1.0, Quantity::Element(self.x, k - 1))];
            self.add(Demand::Positive, About::Gap(k - 1), pair, 0.0);
        }
    }

    fn lower_factor(&mut self, n: usize) {
        for i in 0..n {
            let diagonal = Quantity::Element(self.x, i * n + i);
            self.add(Demand::Positive, About::Diagonal(i), vec![(1.0, diagonal)], 0.0);
            for j in i + 1..n {
                let above = Quantity::Element(self.x, i * n + j);
                self.near(About::AboveDiagonal(i, j), above, 0.0, 0.0);
            }
        }
    }

    fn symmetric(&mut self, n: usize) {
        let element = |i: usize, j: usize| Quantity::Element(self.x, i * n + j);
        let mut pairs = Vec::new();
        for (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
            if self.x.has_same(i * n + j, j * n + i) {
                continue;
            }
            for sign in [1.0, -1.0] {
                let scale = [(i, i), (j, j)].map(|(i, j)| (0.5 * ROUNDING, element(i, j)));
                pairs.push((i, j, vec![(sign, element(i, j)), (-sign, element(j, i)), scale[0], scale[1]]));
            }
        }
        for (i, j, addends) in pairs {
            self.add(Demand::NonNegative, About::Symmetry(i, j), addends, 0.0);
        }
    }
}

impl Support {
    /// What the set demands of `x`.
    pub(super) fn conditions(&self, x: Vector) -> Vec<Condition> {
        use Demand::*;
        let mut of = Conditions { x, all: Vec::new() };
        let many = ROUNDING * x.len() as f64;
        // An infinite element of a vector breaks its other conditions.
        if self.shape().is_empty() || matches!(self, Support::RealVector(_) | Support::Ordered(_)) {
            of.each(Finite);
        }
        match self {
            Support::Real | Support::RealVector(_) | Support::Circle => {}
            Support::Positive => of.each(Positive),
            Support::Above(low) => of.bound(Positive, 1.0, *low),
            Support::AtLeast(low) => of.bound(NonNegative, 1.0, *low),
            Support::Below(high) => of.bound(Positive, -1.0, *high),
            Support::Interval(low, high) => {
                of.bound(NonNegative, 1.0, *low);
                of.bound(NonNegative, -1.0, *high);
            }
            Support::Unit => {
                of.each(NonNegative);
                of.bound(NonNegative, -1.0, Real::from(1.0));
            }
            Support::Integers(low, high) => {
                of.each(Whole);
                of.bound(NonNegative, 1.0, Real::from(f64::from(*low)));
                high.iter().for_each(|high| of.bound(NonNegative, -1.0, *high));
            }
            Support::Simplex(_) => {
                of.each(NonNegative);
                of.near(About::Total, Quantity::Total(x), 1.0, many);
            }
            Support::Counts(_, total) => {
                of.each(Whole);
                of.each(NonNegative);
                of.between(NonNegative, About::Total, 1.0, Quantity::Total(x), *total);
                of.between(NonNegative, About::Total, -1.0, Quantity::Total(x), *total);
            }
            Support::Ordered(_) => of.increasing(),
            Support::PositiveOrdered(_) => {
                of.each(Positive);
                of.increasing();
            }
            Support::UnitVector(_) => of.near(About::Length(0), Quantity::SquaredLength(x, 0, x.len()), 1.0, many),
            Support::CholeskyCovariance(n) => of.lower_factor(*n),
            Support::CholeskyCorrelation(n) => {
                of.lower_factor(*n);
                (0..*n)
                    .for_each(|i| of.near(About::Length(i), Quantity::SquaredLength(x, i * n, i * n + n), 1.0, many));
            }
            Support::Covariance(n) => {
                of.symmetric(*n);
                of.add(Definite, About::Definite, vec![(1.0, Quantity::Each(x))], 0.0);
            }
        }
        of.all
    }

    /// Whether a number lies in a set of numbers with constant bounds.
    pub(super) fn contains(&self, x: f64) -> bool {
        self.conditions(Vector::from_lanes(Real::from(x), 1))
            .iter()
            .all(|c| c.constant_sum().is_some_and(|s| c.demand.is_met(s)))
    }
}

impl Condition {
    /// The sum where it is one of constants.
    pub fn constant_sum(&self) -> Option<f64> {
        self.addends.iter().try_fold(self.constant, |sum, (coefficient, quantity)| match quantity {
            Quantity::Each(v) => Some(sum + coefficient * v.lanes().as_constant()?),
            _ => None,
        })
    }
}

impl Demand {
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Demand::Finite => value.is_finite(),
            Demand::Positive => value > 0.0,
            Demand::NonNegative => value >= 0.0,
            Demand::Whole => value.fract() == 0.0,
            Demand::Definite => false,
        }
    }
}
