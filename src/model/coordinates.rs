//! Coordinates of latents whose prior has a location and a scale: centred, non-centred, or in between.
//!
//! A centred latent `z` of a prior with location `m` and scale `s` is a coordinate by itself. Where data say little of
//! it, its spread follows `s`, and with `s` a latent the posterior is a funnel. In the coordinate `u` with
//!
//! `z = m + s^(1 - c) (u - c m)`,  `ln |dz / du| = (1 - c) ln s`,
//!
//! it is none for the right `c`: 1 is centred (`z = u`), 0 non-centred (`z = m + s u`). A vector whose prior has a factor
//! `L` of its covariance has for `s` the standard deviation of each element, and where all `c` are 0 it is non-centred as a
//! whole: `z = m + L u`.
//!
//! *Source*: Papaspiliopoulos, Roberts and Skoeld (2003), Non-centered parameterisations for hierarchical models and data
//! augmentation; the form with a power is that of Gorinova, Moore and Hoffman (2020), Automatic reparameterisation of
//! probabilistic programs.

use super::log_joint::LogJoint;
use super::transform::Units;
use crate::dist::{Distribution, Support};
use crate::program::recording;
use crate::program::{Real, Vector, sum};

/// What the coordinates of a latent rest on: location and scale of its prior, or location and factor of a vector's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    /// Of a number, or of each of several.
    Scaled { location: Real, scale: Real },
    /// Of a vector, whose elements hang together.
    Factored { location: Vector, factor: Vector },
}

/// A latent that can be had in other coordinates: its prior has a location and a scale, which depend on other latents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Framed {
    /// Number of the site.
    pub site: usize,
    pub nodes: FrameNodes,
    /// Node of the latent's value.
    pub value: u32,
    /// Number of its prior among the terms.
    pub prior: usize,
    /// Those of its centred coordinate.
    pub units: Units,
}

/// The nodes of a [`Frame`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FrameNodes {
    /// Of one number, or of one for each element.
    Scaled { location: u32, scale: u32 },
    /// Location and factor, and the vector in non-centred coordinates.
    Factored { location: u32, factor: u32, standard: u32 },
}

/// A latent in coordinates that were asked for.
pub(super) struct Placed {
    pub value: Real,
    pub log_jacobian: Real,
    /// How often the log Jacobian counts, where it is one number.
    pub copies: usize,
    pub centring: Vec<f64>,
}

impl Frame {
    /// That of a prior whose latent can be had in other coordinates.
    ///
    /// Where location and scale are data or constants, other coordinates are the same up to units and are of no use.
    pub fn of<D: Distribution>(distribution: &D) -> Option<Frame> {
        if !matches!(distribution.support(), Support::Real | Support::RealVector(_)) {
            return None;
        }
        if let Some((location, factor)) = distribution.location_factor() {
            return [location, factor]
                .iter()
                .any(|v| varies(v.lanes()))
                .then_some(Frame::Factored { location, factor });
        }
        let (location, scale) = distribution.location_scale()?;
        (varies(location) || varies(scale)).then_some(Frame::Scaled { location, scale })
    }

    /// The latent from its `n` coordinates `u`; nothing where it cannot have this centring.
    #[track_caller]
    fn placed(self, u: Real, centring: Vec<f64>, units: Units) -> Option<Placed> {
        let n = centring.len();
        match self {
            Frame::Scaled { location, scale } if units == Units::default() => {
                let (value, log_jacobian) = scaled(u, location, scale, &centring);
                Some(Placed { value, log_jacobian, copies: n, centring })
            }
            // The same in units of its own.
            Frame::Scaled { location, scale } => {
                let (location, scale) = ((location - units.centre) / units.unit, scale / units.unit);
                let (inner, log_jacobian) = scaled(u, location, scale, &centring);
                let (value, of_units) = units.real(inner);
                Some(Placed { value, log_jacobian: log_jacobian + of_units, copies: n, centring })
            }
            Frame::Factored { location, factor } if location.len() == n && factor.len() == n * n => {
                if centring.iter().any(|c| *c != 0.0) {
                    let scale = marginal_scale(&factor, n).lanes();
                    return Frame::Scaled { location: location.lanes(), scale }.placed(u, centring, units);
                }
                let moved = factor.mat_vec(n, &Vector::from_lanes(u, n));
                let diagonal: Vec<Real> = (0..n).map(|i| factor.at(i * n + i).ln()).collect();
                let value = location.zip(&moved, |m, x| m + x).lanes();
                Some(Placed { value, log_jacobian: sum(&diagonal), copies: 1, centring })
            }
            Frame::Factored { .. } => None,
        }
    }

    /// The nodes, which are recorded where they are not there yet.
    fn nodes(self, value: u32) -> FrameNodes {
        match self {
            Frame::Scaled { location, scale } => FrameNodes::Scaled { location: location.node(), scale: scale.node() },
            Frame::Factored { location, factor } => {
                let value = Vector::from_lanes(Real::from_node(value), location.len());
                let standard = factor.solve_lower(&value.zip(&location, |x, m| x - m));
                FrameNodes::Factored {
                    location: location.lanes().node(),
                    factor: factor.lanes().node(),
                    standard: standard.lanes().node(),
                }
            }
        }
    }
}

/// The scale of each element by itself: the length of its row of a lower triangular factor.
#[track_caller]
fn marginal_scale(factor: &Vector, n: usize) -> Vector {
    let row = |i: usize| sum(&(0..=i).map(|j| factor.at(i * n + j).square()).collect::<Vec<_>>()).sqrt();
    Vector::new(&(0..n).map(row).collect::<Vec<_>>())
}

/// The value from its coordinate `u`, and the log Jacobian, element by element.
#[track_caller]
fn scaled(u: Real, location: Real, scale: Real, centring: &[f64]) -> (Real, Real) {
    let of = |f: &dyn Fn(f64) -> f64| match centring {
        [first, rest @ ..] if rest.iter().all(|c| c == first) => Real::from(f(*first)),
        all => Vector::constant(&all.iter().map(|c| f(*c)).collect::<Vec<_>>()).lanes(),
    };
    let (c, rest) = (of(&|c| c), of(&|c| 1.0 - c));
    let log_jacobian = rest * scale.ln();
    if c.as_constant() == Some(0.0) {
        return (location + scale * u, log_jacobian);
    }
    (location + log_jacobian.exp() * (u - c * location), log_jacobian)
}

/// Whether a value depends on latents.
fn varies(x: Real) -> bool {
    x.as_constant().is_none() && {
        let node = x.node();
        recording::with(|r| r.nodes[node as usize].per_draw).unwrap_or(false)
    }
}

impl LogJoint {
    /// The latent of coordinates `u` with `n` numbers, where others than the centred ones were asked for.
    #[track_caller]
    pub(super) fn in_coordinates(&self, name: &str, frame: Option<Frame>, u: Real, n: usize) -> Option<Placed> {
        let centring = self.sites.borrow().centring.get(name).cloned().filter(|c| c.len() == n)?;
        frame?.placed(u, centring, self.units)
    }

    /// Keeps the frame of the site that was declared last, whose prior is the last term.
    pub(super) fn keep_frame(&self, frame: Option<Frame>, value: u32) {
        let Some(frame) = frame else { return };
        let nodes = frame.nodes(value);
        let Some(num_terms) = recording::with(|r| r.terms.len()) else { return };
        let mut declared = self.sites.borrow_mut();
        let (Some(site), Some(prior)) = (declared.sites.len().checked_sub(1), num_terms.checked_sub(1)) else { return };
        declared.framed.push(Framed { site, nodes, value, prior, units: self.units });
    }
}
