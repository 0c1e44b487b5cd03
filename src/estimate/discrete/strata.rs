//! Draws of integers that avoid one another: one uniform number in each stratum.

use super::super::{Design, Point};
use super::Lanes;
use crate::family::{Discrete, NoiseLaw};
use crate::model::RowSet;
use crate::target::DensityError;

/// Purposes of the streams.
const UNIFORMS: u32 = 0xa1;
const MIXED: u32 = 0xa2;
const PLAIN: u32 = 0xa3;

/// Buffers of stratified draws.
#[derive(Clone, Debug, Default)]
pub struct Strata {
    uniforms: Vec<f64>,
    plain: Vec<f64>,
    choices: Vec<f64>,
    order: Vec<u32>,
    p: Vec<f64>,
}

impl Strata {
    /// Overwrites the integers of the draws: each latent's values by uniform numbers of which one lies in each of as many
    /// strata as there are draws, or with probability `independent`, latent by latent, by independent ones.
    pub fn draw<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point, lanes: &mut Lanes, independent: f64) {
        let (draws, latents) = (lanes.num_draws, family.num_latents(at.rows));
        lanes.probability.fill(1.0);
        self.uniforms.resize(latents * draws, 0.0);
        // A hypercube of uniform numbers refuses nothing.
        let streams = at.streams.purpose(UNIFORMS);
        let filled =
            Design::LatinHypercube.fill(NoiseLaw::Uniform, streams, draws, &mut self.uniforms, &mut self.order);
        debug_assert!(filled.is_ok());
        if independent > 0.0 {
            self.choices.resize(latents, 0.0);
            self.plain.resize(latents * draws, 0.0);
            at.streams.purpose(MIXED).fill_uniform(1, &mut self.choices);
            at.streams.purpose(PLAIN).fill_uniform(draws, &mut self.plain);
        }
        for latent in 0..latents {
            let own = latent * draws..(latent + 1) * draws;
            let alone = independent > 0.0 && self.choices[latent] < independent;
            let uniforms = if alone { &self.plain[own] } else { &self.uniforms[own] };
            family.probabilities(at.params, at.rows, latent, &mut self.p);
            let integer = family.integer(at.rows, latent);
            for (value, u) in integer.lane_mut(&mut lanes.z).iter_mut().zip(uniforms) {
                *value = integer.low + place(&self.p, *u) as u32;
            }
        }
    }
}

/// The value in whose interval of [0, 1) `u` lies.
fn place(p: &[f64], u: f64) -> usize {
    let mut end = 0.0;
    for (k, p) in p.iter().enumerate() {
        end += p;
        if u < end {
            return k;
        }
    }
    // Rounding of the sum: the last value that can occur.
    p.iter().rposition(|p| *p > 0.0).unwrap_or(0)
}

/// Refuses integers of more than two values.
pub(super) fn two_valued<G: Discrete + ?Sized>(family: &G, rows: &RowSet, name: &str) -> Result<(), DensityError> {
    let other = (0..family.num_latents(rows)).map(|k| family.integer(rows, k).num_values).find(|n| *n != 2);
    other.map_or(Ok(()), |found| {
        Err(DensityError::unsupported(format!(
            "{name} is for integers of two values, one of these has {found}; use the local expectation, enumeration or \
             the score function"
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn uniforms_find_their_values() {
        let p = [0.25, 0.0, 0.5, 0.25];
        assert_eq!([0.0, 0.2, 0.25, 0.7, 0.75, 0.999].map(|u| place(&p, u)), [0, 0, 2, 2, 3, 3]);
        assert_eq!(place(&[0.5, 0.5 - 1e-16, 0.0], 1.0 - 1e-17), 1);
    }
}
