//! How a declared site becomes nodes, terms and an entry of the layout.

use std::panic::Location;

use super::coordinates::{Frame, Placed};
use super::declared::Simulated;
use super::log_joint::LogJoint;
use super::site::{Site, SiteKind};
use super::transform::{constrain_scalar, constrain_vector};
use crate::dist::{Distribution, Support};
use crate::program::recording::{self, Op, Recording, Structure, Term};
use crate::program::{Int, Real, TermKind, Vector};

/// Numbers that a site may have: offsets in programs have 32 bits, and one draw of so many takes 2 GiB.
const MOST_NUMBERS: usize = 1 << 28;

/// Elements that a site may have where each is recorded by itself: a million nodes take some 100 MB.
const MOST_RECORDED: usize = 1 << 20;

/// Where the numbers of a latent lie among all, and in which coordinates.
struct Place {
    offset: usize,
    n: usize,
    centring: Vec<f64>,
}

impl LogJoint {
    /// `shape`, or that of one number after a mistake is noted: the site would have more numbers than any machine holds.
    #[track_caller]
    pub(super) fn admitted(&self, name: &str, shape: Vec<usize>) -> Vec<usize> {
        if self.has_at_most(MOST_NUMBERS, name, &shape) { shape } else { vec![1] }
    }

    #[track_caller]
    fn has_at_most(&self, most: usize, name: &str, shape: &[usize]) -> bool {
        let numbers = shape.iter().try_fold(1usize, |n, &length| n.checked_mul(length));
        let is_admitted = numbers.is_some_and(|n| n <= most);
        if !is_admitted {
            let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
            recording::fail(format!(
                "site \"{name}\" would have {} numbers, and a site of its kind has at most {most}",
                shape.join(" x ")
            ));
        }
        is_admitted
    }

    pub(super) fn bare_latent(&self) {
        self.sites.borrow_mut().num_bare_latents += 1;
    }

    #[track_caller]
    pub(super) fn term(&self, kind: TermKind, value: Real, copies: usize) {
        let (node, constant) = match value.as_constant() {
            Some(c) => (None, c * copies as f64),
            None => (Some(value.node()), 0.0),
        };
        let location = Location::caller();
        recording::with(|r| {
            if let Some(n) = node {
                let (len, plate) = (r.nodes[n as usize].len as usize, r.nodes[n as usize].plate);
                if plate != 0 && plate != r.current_plate {
                    r.fail("a row's value is used outside of its `rows` closure".into(), location);
                }
                // A term that does not depend on its element stands for all of them.
                let node =
                    if len < copies { r.spread(n, copies as u32, plate, r.nodes[n as usize].per_draw) } else { n };
                let plate = r.current_plate;
                r.terms.push(Term { node: Some(node), constant, kind, plate, location });
            } else {
                let plate = r.current_plate;
                r.terms.push(Term { node, constant, kind, plate, location });
            }
        });
    }

    /// A latent with a scalar support, or `n` of them as lanes; returns the constrained value and its node.
    #[track_caller]
    pub(super) fn scalar_latent(
        &self,
        name: &str,
        support: &Support,
        shape: Vec<usize>,
        frame: Option<Frame>,
    ) -> (Real, u32) {
        let n = shape.iter().product();
        if let Support::Interval(low, high) = support
            && let (Some(low), Some(high)) = (low.as_constant(), high.as_constant())
            && (low.is_nan() || high.is_nan() || low >= high)
        {
            recording::fail(format!("site \"{name}\" lies between {low} and {high}; give the lower bound first"));
        }
        let (u, offset) = self.unconstrained(name, n);
        let placed = self.in_coordinates(name, frame, u, n);
        let centred = || {
            let (v, of_units) = self.units.unconstrained(support, u);
            let (value, log_jacobian) = constrain_scalar(support, v)?;
            Some(Placed { value, log_jacobian: log_jacobian + of_units, copies: n, centring: Vec::new() })
        };
        let Some(Placed { value: x, log_jacobian, centring, .. }) = placed.or_else(centred) else {
            recording::fail(format!("site \"{name}\" has a vector support where a scalar is needed"));
            return (u, 0);
        };
        self.term(TermKind::Jacobian, log_jacobian, n);
        let node = x.node();
        self.latent_site(name, support, shape, Place { offset, n, centring }, node);
        (x, node)
    }

    /// The latent of a vector support and its node; nothing, after a mistake is noted, where it is too large.
    #[track_caller]
    pub(super) fn vector_latent(&self, name: &str, support: &Support, frame: Option<Frame>) -> Option<(Vector, u32)> {
        let most = if matches!(support, Support::RealVector(_)) { MOST_NUMBERS } else { MOST_RECORDED };
        if !self.has_at_most(most, name, &support.shape()) {
            return None;
        }
        let n = support.num_unconstrained();
        let (u, offset) = self.unconstrained(name, n);
        let mut centring = Vec::new();
        let vector = if let Some(placed) = self.in_coordinates(name, frame, u, n) {
            self.term(TermKind::Jacobian, placed.log_jacobian, placed.copies);
            centring = placed.centring;
            Vector::from_lanes(placed.value, n)
        } else if let Support::RealVector(_) = support {
            let (value, log_jacobian) = self.units.unconstrained(support, u);
            self.term(TermKind::Jacobian, log_jacobian, n);
            Vector::from_lanes(value, n)
        } else {
            let scalars = if n == 0 { vec![] } else { Vector::from_lanes(u, n).elements() };
            let made = constrain_vector(support, &scalars);
            self.term(TermKind::Jacobian, made.log_jacobian, 1);
            Vector::new(&made.elements)
        };
        let node = vector.lanes().node();
        if let Some(structure) = structure_of(support) {
            recording::with(|r| r.structures.insert(node, structure));
        }
        self.latent_site(name, support, support.shape(), Place { offset, n, centring }, node);
        Some((vector.shaped(&support.shape()), node))
    }

    #[track_caller]
    fn latent_site(&self, name: &str, support: &Support, shape: Vec<usize>, place: Place, node: u32) {
        let Place { offset, n, centring } = place;
        let kind = if self.in_rows { SiteKind::RowLatent } else { SiteKind::Latent };
        let site = Site {
            name: name.into(),
            kind,
            support: support.to_string(),
            shape,
            offset,
            num_unconstrained: n,
            range: None,
            centring,
        };
        self.site(site, Some(support.clone()), node);
    }

    /// A latent of the model declared inside `rows` would have its prior repeated for every row.
    fn check_place(&self, r: &mut Recording, name: &str, location: &'static Location<'static>) {
        match (self.in_rows, r.current_plate != 0) {
            (false, true) => r.fail(
                format!(
                    "site \"{name}\" of the whole model is declared inside `rows`; declare it before the rows, or \
                     draw one for each row with the closure's argument: `i.draw(..)`"
                ),
                location,
            ),
            (true, false) => r.fail(format!("site \"{name}\" of a row is declared outside of its `rows`"), location),
            _ => {}
        }
    }

    #[track_caller]
    fn unconstrained(&self, name: &str, n: usize) -> (Real, usize) {
        let (in_rows, location) = (self.in_rows, Location::caller());
        let leaf = recording::with(|r| {
            self.check_place(r, name, location);
            if n == 0 {
                r.fail(format!("site \"{name}\" has no free number; give it more elements or leave it out"), location);
            }
            let count = if in_rows { &mut r.num_row_latents } else { &mut r.num_latents };
            let offset = *count;
            *count += n;
            let op =
                if in_rows { Op::RowLatent { offset: offset as u32 } } else { Op::Latent { offset: offset as u32 } };
            (r.leaf(op, n, in_rows, true, true), offset)
        });
        leaf.map_or((Real::from(f64::NAN), 0), |(node, offset)| (Real::from_node(node), offset))
    }

    #[track_caller]
    pub(super) fn integer_latent(&self, name: &str, low: u32, high: u32) -> Int {
        let (in_rows, location) = (self.in_rows, Location::caller());
        let leaf = recording::with(|r| {
            self.check_place(r, name, location);
            let count = if in_rows { &mut r.num_row_integers } else { &mut r.num_integers };
            let offset = *count;
            *count += 1;
            r.integer_ranges[usize::from(in_rows)].push((low, high));
            let op =
                if in_rows { Op::RowInteger { offset: offset as u32 } } else { Op::Integer { offset: offset as u32 } };
            (r.leaf(op, 1, in_rows, true, false), offset)
        });
        let (node, offset) = leaf.unwrap_or((0, 0));
        self.site(
            Site {
                name: name.into(),
                kind: if in_rows { SiteKind::RowInteger } else { SiteKind::Integer },
                support: Support::Integers(low, Some(f64::from(high).into())).to_string(),
                shape: vec![],
                offset,
                num_unconstrained: 0,
                range: Some((low, high)),
                centring: Vec::new(),
            },
            None,
            node,
        );
        Int::new(Real::from_node(node))
    }

    #[track_caller]
    pub(super) fn site(&self, site: Site, support: Option<Support>, node: u32) {
        let mut declared = self.sites.borrow_mut();
        if let Err(confusion) = declared.names.take(&site) {
            recording::fail(confusion);
        }
        declared.sites.push(site);
        declared.values.push((support, node));
    }

    /// Keeps how values are drawn from `distribution`, whose log density is the last term.
    pub(super) fn simulate<D: Distribution + 'static>(&self, drawn: bool, node: u32, distribution: D, repeated: usize) {
        let parameters = distribution.parameters().iter().map(|p| p.node()).collect();
        let (plate, num_terms) = recording::with(|r| (r.current_plate, r.terms.len())).unwrap_or_default();
        let len = distribution.support().num_constrained();
        let mut declared = self.sites.borrow_mut();
        let site = drawn.then(|| declared.sites.len() - 1);
        declared.simulated.push(Simulated {
            site,
            node,
            plate,
            term: num_terms.saturating_sub(1),
            parameters,
            len,
            repeated,
            sampler: Box::new(move |p, rng, out| distribution.sample(p, rng, out)),
        });
    }

    /// A value of a row is observed inside of its rows alone.
    #[track_caller]
    pub(super) fn expect_visible(&self, x: Real) {
        if x.as_constant().is_some() {
            return;
        }
        let (node, location) = (x.node(), Location::caller());
        recording::with(|r| {
            if !r.is_visible(r.nodes[node as usize].plate) {
                r.fail("a row's value is used outside of its `rows` closure".into(), location);
            }
        });
    }
}

fn structure_of(support: &Support) -> Option<Structure> {
    match support {
        Support::Simplex(_) => Some(Structure::Simplex),
        Support::CholeskyCorrelation(_) => Some(Structure::CorrelationFactor),
        Support::Covariance(_) => Some(Structure::Covariance),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Draws, RowSet};
    use crate::prelude::*;
    use crate::target::{LogDensity, Pass, Target};

    struct Weights;

    impl Model for Weights {
        fn log_joint(&self, p: &LogJoint) {
            let w = p.matrix("w", normal(0.0, 1.0), 3, 2);
            p.add(w.mat_vec(3, &Vector::constant(&[1.0, 10.0])).at(2));
            let factor = p.cholesky_covariance("factor", 2);
            p.add(100.0 * w.at((1, 0)) + 1000.0 * w.map(|x| 2.0 * x).at((2, 1)) + factor.at((1, 0)));
        }
    }

    #[test]
    fn a_matrix_is_row_major_and_named_by_row_and_column() {
        let target = Target::new(&Weights).expect("a valid model");
        let site = &target.layout().sites[0];
        assert_eq!(site.element_names(), ["w[0,0]", "w[0,1]", "w[1,0]", "w[1,1]", "w[2,0]", "w[2,1]"]);
        // The diagonal of the factor is 1, where its Jacobian is 1, and its lower corner the second of its numbers.
        let z = [0.5, -1.0, 0.25, 2.0, -0.75, 1.5, 0.0, 4.0, 0.0];
        let mut pass = Pass::default();
        target.log_density(&[], &Draws::at_point(&z), &RowSet::all(), &mut pass).expect("a density");
        let prior: f64 = z[..6].iter().map(|z| -0.5 * z * z - 0.5 * (2.0 * std::f64::consts::PI).ln()).sum();
        assert!((pass.log_density[0] - (prior - 0.75 + 15.0 + 25.0 + 3000.0 + 4.0)).abs() < 1e-11);
    }
}
