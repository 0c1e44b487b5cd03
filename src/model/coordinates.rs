//! Coordinates of latents whose prior has a location and a scale: centred, non-centred, or in between.
//!
//! A centred latent `z` of a prior with location `m` and scale `s` is a coordinate by itself. Where data say little of
//! it, its spread follows `s`, and with `s` a latent the posterior is a funnel. In the coordinate `u` with
//!
//! `z = m + s^(1 - c) (u - c m)`,  `ln |dz / du| = (1 - c) ln s`,
//!
//! it is none for the right `c`: 1 is centred (`z = u`), 0 non-centred (`z = m + s u`).
//!
//! *Source*: Papaspiliopoulos, Roberts and Skoeld (2003), Non-centered parameterisations for hierarchical models and data
//! augmentation; the form with a power is that of Gorinova, Moore and Hoffman (2020), Automatic reparameterisation of
//! probabilistic programs.

use super::log_joint::LogJoint;
use crate::dist::{Distribution, Support};
use crate::program::recording;
use crate::program::{Real, Vector};

/// Location and scale of a prior.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    location: Real,
    scale: Real,
}

/// A latent that can be had in other coordinates: its prior has a location and a scale, which depend on other latents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Framed {
    /// Number of the site.
    pub site: usize,
    /// Nodes of location and scale: of one number, or of one for each element.
    pub location: u32,
    pub scale: u32,
    /// Node of the latent's value.
    pub value: u32,
    /// Number of its prior among the terms.
    pub prior: usize,
}

impl Frame {
    /// That of a prior whose latent can be had in other coordinates.
    ///
    /// Where location and scale are data or constants, other coordinates are the same up to units and are of no use.
    pub fn of<D: Distribution>(distribution: &D) -> Option<Frame> {
        let is_real = matches!(distribution.support(), Support::Real | Support::RealVector(_));
        let (location, scale) = distribution.location_scale().filter(|_| is_real)?;
        (varies(location) || varies(scale)).then_some(Frame { location, scale })
    }

    /// The latent's value from its coordinate `u`, and the log Jacobian, element by element.
    #[track_caller]
    fn value(self, u: Real, centring: &[f64]) -> (Real, Real) {
        let Frame { location, scale } = self;
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
}

/// Whether a value depends on latents.
fn varies(x: Real) -> bool {
    x.as_constant().is_none() && {
        let node = x.node();
        recording::with(|r| r.nodes[node as usize].per_draw).unwrap_or(false)
    }
}

impl LogJoint {
    /// The latent's value from its coordinate `u`, the log Jacobian and the centring of its `n` elements, where other
    /// coordinates than the centred ones were asked for.
    #[track_caller]
    pub(super) fn in_coordinates(
        &self,
        name: &str,
        frame: Option<Frame>,
        u: Real,
        n: usize,
    ) -> Option<(Real, Real, Vec<f64>)> {
        let centring = self.sites.borrow().centring.get(name).cloned().filter(|c| c.len() == n)?;
        let (value, log_jacobian) = frame?.value(u, &centring);
        Some((value, log_jacobian, centring))
    }

    /// Keeps the frame of the site that was declared last, whose prior is the last term.
    pub(super) fn keep_frame(&self, frame: Option<Frame>, value: u32) {
        let Some(Frame { location, scale }) = frame else { return };
        let (location, scale) = (location.node(), scale.node());
        let Some(num_terms) = recording::with(|r| r.terms.len()) else { return };
        let mut declared = self.sites.borrow_mut();
        let (Some(site), Some(prior)) = (declared.sites.len().checked_sub(1), num_terms.checked_sub(1)) else { return };
        declared.framed.push(Framed { site, location, scale, value, prior });
    }
}
