//! Parameters and the sets they must lie in, and what happens to values outside: constants and data are refused while
//! the model is recorded, values that depend on latents reject their draw, and what cannot leave its set costs nothing.

use std::panic::Location;

use super::condition::{Condition, Demand, Quantity};
use super::judge::{Broken, Finding, Judge};
use super::{Distribution, Support, Value};
use crate::program::{Real, Vector, recording};

/// A parameter of a distribution and the set it must lie in.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub(super) name: &'static str,
    pub(super) value: Vector,
    pub(super) domain: Support,
}

impl Parameter {
    /// A number in `domain`, a vector in it, or a vector whose every element lies in it; `name` is for messages.
    pub fn new(name: &'static str, value: impl Value, domain: Support) -> Parameter {
        Parameter { name, value: all_of(value), domain }
    }
}

/// The element of a vector where it is a constant.
pub(super) fn constant_element(vector: &Vector, k: usize) -> Option<f64> {
    let found = recording::with(|r| {
        let node = vector.lanes().node_in(r)?;
        Some(r.range(node, Some(k as u32)))
    });
    found.flatten().filter(|range| range.low == range.high).map(|range| range.low)
}

fn all_of(value: impl Value) -> Vector {
    Vector::from_lanes(value.lanes(), value.num_elements())
}

/// What is judged together.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// All rows: the density is a term of the log joint.
    Rows,
    /// Each row by itself: the density may be one of several branches.
    Row,
}

/// Refuses parameters that are constants or data outside of their domains, at the place of the call.
#[track_caller]
pub(super) fn refuse<D: Distribution + ?Sized>(distribution: &D) {
    let location = Location::caller();
    for parameter in distribution.domains() {
        for (_, finding) in findings(&parameter.domain, parameter.value) {
            if let Finding::Breaks(broken) = finding {
                fail(broken.of_parameter(parameter.name), location);
            }
        }
    }
}

/// The density at a value that lies in the support, as a latent does.
#[track_caller]
pub(crate) fn density_of_latent<D: Distribution + ?Sized>(distribution: &D, x: D::Value) -> Real {
    let undefined = outside_of_domains(distribution, Scope::Rows, Location::caller());
    plus(distribution.formula(x), undefined)
}

/// The density at an observed value; data outside of the support are refused.
#[track_caller]
pub(crate) fn density_of_data<D: Distribution + ?Sized>(distribution: &D, x: D::Value) -> Real {
    let location = Location::caller();
    let undefined = outside_of_domains(distribution, Scope::Rows, location);
    let impossible = match outside(&distribution.support(), all_of(x), Scope::Rows) {
        Ok(penalty) => penalty.map(|p| p.equal_to(0.0).select(0.0, f64::NEG_INFINITY)),
        Err(broken) => {
            fail(broken.of_data(), location);
            None
        }
    };
    for edge in distribution.edges(x) {
        for (_, finding) in findings(&edge.domain, edge.value) {
            if let Finding::Breaks(broken) = finding {
                fail(broken.of_edge(edge.name), location);
            }
        }
    }
    plus(plus(distribution.formula(x), undefined), impossible)
}

/// The density at any value: zero outside of the support.
pub(super) fn density<D: Distribution + ?Sized>(
    distribution: &D,
    x: D::Value,
    location: &'static Location<'static>,
) -> Real {
    let undefined = outside_of_domains(distribution, Scope::Row, location);
    plus(density_in_domains(distribution, x), undefined)
}

/// The same where the parameters are looked at elsewhere: a component of a mixture.
#[track_caller]
pub(super) fn density_in_domains<D: Distribution + ?Sized>(distribution: &D, x: D::Value) -> Real {
    match outside(&distribution.support(), all_of(x), Scope::Row) {
        Ok(None) => distribution.formula(x),
        Ok(Some(penalty)) => penalty.equal_to(0.0).select(distribution.formula(x), f64::NEG_INFINITY),
        Err(_) => Real::from(f64::NEG_INFINITY),
    }
}

/// The sum, and the same node as ever where there is nothing to add.
#[track_caller]
fn plus(density: Real, penalty: Option<Real>) -> Real {
    penalty.map_or(density, |penalty| density + penalty)
}

fn fail(message: String, location: &'static Location<'static>) {
    recording::with(|r| r.fail(message, location));
}

/// NaN where a parameter leaves its domain, zero elsewhere; `None` where none can.
fn outside_of_domains<D: Distribution + ?Sized>(
    distribution: &D,
    scope: Scope,
    location: &'static Location<'static>,
) -> Option<Real> {
    let one = |parameter: &Parameter| match outside(&parameter.domain, parameter.value, scope) {
        Ok(penalty) => penalty,
        Err(broken) => {
            fail(broken.of_parameter(parameter.name), location);
            Some(Real::from(f64::NAN))
        }
    };
    let penalties: Vec<Real> = distribution.domains().iter().filter_map(one).collect();
    penalties.into_iter().reduce(|a, b| a + b)
}

/// NaN where `x` leaves the set, zero elsewhere; `None` where it cannot; an error where constants or data are outside.
///
/// Rows of data are an error for [`Scope::Rows`] alone.
fn outside(support: &Support, x: Vector, scope: Scope) -> Result<Option<Real>, Broken> {
    let mut penalties: Vec<Real> = Vec::new();
    for (condition, finding) in findings(support, x) {
        match finding {
            Finding::Holds => {}
            Finding::Breaks(Broken { row: Some(_), .. }) if scope == Scope::Row => penalties.push(penalty(&condition)),
            Finding::Breaks(broken) => return Err(broken),
            Finding::Unknown => {
                let together = || recording::with(|r| super::judge::over_rows(r, &condition)).flatten();
                let together = if scope == Scope::Rows { together() } else { None };
                penalties.push(penalty(together.as_ref().unwrap_or(&condition)));
            }
        }
    }
    Ok(penalties.into_iter().reduce(|a, b| a + b))
}

/// The conditions of a set and what is known of them.
fn findings(support: &Support, x: Vector) -> Vec<(Condition, Finding)> {
    let judge = Judge::of(support, x);
    let judged = |condition: Condition| {
        let found = recording::with(|r| judge.judge(r, &condition));
        let found = found.unwrap_or_else(|| judge.of_constants(&condition));
        (condition, found)
    };
    judge.conditions().into_iter().map(judged).collect()
}

/// Zero where the condition holds and NaN elsewhere.
fn penalty(condition: &Condition) -> Real {
    let mut total: Option<Real> = None;
    let mut elements = 1;
    for &(coefficient, quantity) in &condition.addends {
        let value = match quantity {
            Quantity::Each(v) => {
                elements = elements.max(v.len());
                v.lanes()
            }
            Quantity::Element(v, k) => v.at(k),
            Quantity::Total(v) => v.sum(),
            Quantity::SquaredLength(v, from, to) => (from..to).map(|k| v.at(k).square()).sum(),
        };
        total = Some(match (total, coefficient) {
            (None, c) => value * c,
            (Some(sum), 1.0) => sum + value,
            (Some(sum), -1.0) => sum - value,
            (Some(sum), c) => sum + value * c,
        });
    }
    let total = total.unwrap_or(Real::from(0.0)) + condition.constant;
    let penalty = match condition.demand {
        Demand::Positive => total.require_positive(),
        Demand::NonNegative => total.require_non_negative(),
        Demand::Whole => (total.floor() - total).require_non_negative(),
        Demand::Finite | Demand::Definite => Real::from(0.0),
    };
    if elements > 1 { Vector::from_lanes(penalty, elements).sum() } else { penalty }
}
