//! How the noise of a step's draws is spread: independent, in opposite pairs, or evenly.

use rand::Rng;
use serde::{Deserialize, Serialize};
use sobol_burley::{NUM_DIMENSIONS, sample_4d};
use statrs::function::erf::erfc_inv;

use crate::family::{NoiseLaw, fill_noise};
use crate::streams::Streams;
use crate::target::DensityError;

/// How the noise of the `num_draws` draws of a step is spread.
///
/// Every draw by itself has the law of the family's noise whatever the design, so the mean over the draws of a
/// pathwise gradient stays unbiased; the designs differ in how the errors of the draws cancel. Estimators that rely
/// on draws being independent of one another refuse any other design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Design {
    /// Draws that are independent of one another.
    #[default]
    Independent,
    /// Draws `2k` and `2k + 1` are opposite: `noise` and `-noise` (normal), `u` and `1 - u` (uniform).
    ///
    /// What is odd in the noise cancels: the gradient in the mean of a Gaussian is exact for a quadratic log density.
    /// Needs an even number of draws.
    Antithetic,
    /// A Latin hypercube: each element has one draw in each of `num_draws` slices of equal probability.
    ///
    /// What is a sum of functions of one element each is integrated well. For any number of elements.
    LatinHypercube,
    /// A scrambled Sobol sequence, randomised anew in each step: best for powers of two as the number of draws.
    ///
    /// For up to 256 elements of noise and 65536 draws. The cost of a normal number is that of an inverse
    /// distribution function.
    ///
    /// *Source*: Buchholz, Wenzel and Mandt 2018; scrambling as in Burley 2020, then a random digital shift
    /// and random digits past the 24 of the sequence, so that each draw is exactly uniform on multiples of 2^-53.
    QuasiRandom,
}

/// Purposes of the streams; plain noise has the streams as they come.
const SEED: u32 = 0x50b01;
const SHIFT: u32 = 0x50b02;
const SLICES: u32 = 0x50b03;

const MAX_DRAWS: usize = 1 << 16;
const MAX_ELEMENTS: usize = NUM_DIMENSIONS as usize;

impl Design {
    /// Overwrites `noise`, `[element][draw]`, with numbers of `law`; `order` is scratch memory.
    ///
    /// # Errors
    /// For an odd number of antithetic draws, or more elements or draws than the Sobol sequence has.
    pub fn fill(
        self,
        law: NoiseLaw,
        streams: Streams,
        num_draws: usize,
        noise: &mut [f64],
        order: &mut Vec<u32>,
    ) -> Result<(), DensityError> {
        match self {
            Design::Independent => fill_noise(law, streams, num_draws, noise),
            Design::Antithetic => antithetic(law, streams, num_draws, noise)?,
            Design::LatinHypercube => {
                latin_hypercube(streams, num_draws, noise, order);
                to_law(law, noise);
            }
            Design::QuasiRandom => {
                sobol(streams, num_draws, noise)?;
                to_law(law, noise);
            }
        }
        Ok(())
    }
}

fn antithetic(law: NoiseLaw, streams: Streams, num_draws: usize, noise: &mut [f64]) -> Result<(), DensityError> {
    if !num_draws.is_multiple_of(2) {
        return Err(DensityError::setting(format!(
            "antithetic draws come in pairs, and {num_draws} draws a step were asked for; choose an even number"
        )));
    }
    let half = num_draws / 2;
    let num_elements = noise.len() / num_draws.max(1);
    fill_noise(law, streams, half, &mut noise[..num_elements * half]);
    // From the end, so that nothing is overwritten before it is read.
    for place in (0..num_elements * half).rev() {
        let x = noise[place];
        noise[2 * place] = x;
        noise[2 * place + 1] = match law {
            NoiseLaw::Normal => -x,
            NoiseLaw::Uniform => 1.0 - x,
        };
    }
    Ok(())
}

fn latin_hypercube(streams: Streams, num_draws: usize, noise: &mut [f64], order: &mut Vec<u32>) {
    streams.fill_uniform(num_draws, noise);
    order.resize(num_draws, 0);
    for (k, lane) in noise.chunks_exact_mut(num_draws.max(1)).enumerate() {
        streams.purpose(SLICES).purpose(k as u32).permutation(num_draws, order);
        for (u, &slice) in lane.iter_mut().zip(&*order) {
            // Rounding may reach one, which is no quantile.
            *u = ((f64::from(slice) + *u) / num_draws as f64).min(1.0 - f64::EPSILON / 2.0);
        }
    }
}

/// Uniform numbers on odd multiples of 2^-53 in (0, 1).
fn sobol(streams: Streams, num_draws: usize, noise: &mut [f64]) -> Result<(), DensityError> {
    let num_elements = noise.len() / num_draws.max(1);
    if num_elements > MAX_ELEMENTS || num_draws > MAX_DRAWS {
        return Err(DensityError::setting(format!(
            "quasi-random draws have at most {MAX_ELEMENTS} elements of noise and {MAX_DRAWS} draws a step, and \
             {num_elements} elements of {num_draws} draws were asked for; use `Design::LatinHypercube`"
        )));
    }
    // The digits past those of the sequence; 29 of the 53 are used.
    streams.fill_uniform(num_draws, noise);
    let seed = streams.purpose(SEED).draw(0).next_u32();
    for (set, lanes) in noise.chunks_mut(4 * num_draws.max(1)).enumerate() {
        let shifts = [0, 1, 2, 3].map(|k| streams.purpose(SHIFT).draw(4 * set + k).next_u32() >> 8);
        for d in 0..num_draws {
            let points = sample_4d(d as u32, set as u32, seed);
            for ((lane, x), shift) in lanes.chunks_exact_mut(num_draws).zip(points).zip(shifts) {
                lane[d] = extend(x, shift, lane[d]);
            }
        }
    }
    Ok(())
}

/// The 24 digits of `x`, shifted, followed by the last 29 of `tail`, an odd multiple of 2^-53.
fn extend(x: f32, shift: u32, tail: f64) -> f64 {
    const TWO_24: f64 = 16_777_216.0;
    const TWO_29: u64 = 1 << 29;
    const TWO_53: f64 = 9_007_199_254_740_992.0;
    let digits = u64::from((f64::from(x) * TWO_24) as u32 ^ shift);
    let rest = (tail * TWO_53) as u64 % TWO_29;
    (digits * TWO_29 + rest) as f64 / TWO_53
}

/// Uniform numbers made numbers of `law` by its inverse distribution function.
fn to_law(law: NoiseLaw, noise: &mut [f64]) {
    match law {
        NoiseLaw::Normal => noise.iter_mut().for_each(|u| *u = normal_quantile(*u)),
        NoiseLaw::Uniform => {}
    }
}

/// The standard normal quantile; `1 - u` is exact in the upper half.
fn normal_quantile(u: f64) -> f64 {
    let tail = |u: f64| -std::f64::consts::SQRT_2 * erfc_inv(2.0 * u);
    if u > 0.5 { -tail(1.0 - u) } else { tail(u) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Design; 4] = [Design::Independent, Design::Antithetic, Design::LatinHypercube, Design::QuasiRandom];

    fn filled(design: Design, law: NoiseLaw, step: u64, elements: usize, draws: usize) -> Vec<f64> {
        let mut noise = vec![f64::NAN; elements * draws];
        design.fill(law, Streams::new(3).at_step(step), draws, &mut noise, &mut Vec::new()).unwrap();
        noise
    }

    #[test]
    fn antithetic_draws_are_opposite_and_their_halves_independent() {
        let normal = filled(Design::Antithetic, NoiseLaw::Normal, 0, 3, 6);
        let uniform = filled(Design::Antithetic, NoiseLaw::Uniform, 0, 3, 6);
        assert!(normal.chunks_exact(2).all(|p| p[0] == -p[1]));
        assert!(uniform.chunks_exact(2).all(|p| p[0] + p[1] == 1.0));
        let mut plain = vec![0.0; 9];
        Streams::new(3).fill_normal(3, &mut plain);
        assert_eq!(normal.iter().step_by(2).copied().collect::<Vec<_>>(), plain);
    }

    #[test]
    fn one_draw_falls_into_each_slice() {
        for design in [Design::LatinHypercube, Design::QuasiRandom] {
            for lane in filled(design, NoiseLaw::Uniform, 4, 9, 32).chunks_exact(32) {
                let mut slices: Vec<usize> = lane.iter().map(|u| (u * 32.0) as usize).collect();
                slices.sort_unstable();
                assert_eq!(slices, (0..32).collect::<Vec<_>>(), "{design:?}");
            }
        }
    }

    #[test]
    fn two_dimensions_of_the_sequence_are_a_net() {
        // The first two Sobol dimensions form a (0, m, 2)-net: each of the 64 boxes 1/8 by 1/8, 1/16 by 1/4, ..
        // holds one of 64 points; scrambles and shifts keep that.
        let noise = filled(Design::QuasiRandom, NoiseLaw::Uniform, 9, 2, 64);
        for m in 0..=6 {
            let (rows, columns) = (f64::from(1 << m), f64::from(1 << (6 - m)));
            let mut boxes: Vec<(u32, u32)> =
                (0..64).map(|d| ((noise[d] * rows) as u32, (noise[64 + d] * columns) as u32)).collect();
            boxes.sort_unstable();
            boxes.dedup();
            assert_eq!(boxes.len(), 64, "{m}");
        }
    }

    #[test]
    fn every_draw_has_the_law_of_the_noise() {
        // Moments of draw 1, element 2 over the steps: standard errors 1, sqrt 2 and sqrt(96) over sqrt n.
        let n = 4000;
        for design in ALL {
            let of = |step| filled(design, NoiseLaw::Normal, step, 5, 4)[2 * 4 + 1];
            let x: Vec<f64> = (0..n).map(of).collect();
            let moment = |k: i32| x.iter().map(|x| x.powi(k)).sum::<f64>() / n as f64;
            let root = (n as f64).sqrt();
            assert!(moment(1).abs() < 4.5 / root, "{design:?} {}", moment(1));
            assert!((moment(2) - 1.0).abs() < 4.5 * 2f64.sqrt() / root, "{design:?} {}", moment(2));
            assert!((moment(4) - 3.0).abs() < 4.5 * 96f64.sqrt() / root, "{design:?} {}", moment(4));
        }
    }

    #[test]
    fn elements_of_a_draw_are_uncorrelated() {
        let n = 4000;
        for design in ALL {
            let noise: Vec<Vec<f64>> = (0..n).map(|step| filled(design, NoiseLaw::Normal, step, 6, 4)).collect();
            for (a, b) in [(0, 1), (2, 5), (3, 4)] {
                let mean = noise.iter().map(|e| e[a * 4 + 2] * e[b * 4 + 2]).sum::<f64>() / n as f64;
                assert!(mean.abs() < 4.5 / (n as f64).sqrt(), "{design:?} {a} {b} {mean}");
            }
        }
    }

    #[test]
    fn even_draws_integrate_better() {
        // The mean of x^2 + x y over 64 draws: the exact value is 1, the error of independent draws sqrt(3 / 64).
        let error = |design| {
            let squares = (0..200).map(|step| {
                let e = filled(design, NoiseLaw::Normal, step, 2, 64);
                let mean = (0..64).map(|d| e[d] * e[d] + e[d] * e[64 + d]).sum::<f64>() / 64.0;
                (mean - 1.0).powi(2)
            });
            (squares.sum::<f64>() / 200.0).sqrt()
        };
        let independent = (3.0f64 / 64.0).sqrt();
        // A standard deviation from 200 values is known to 5 %.
        assert!((error(Design::Independent) / independent - 1.0).abs() < 0.25);
        assert!(error(Design::QuasiRandom) < 0.25 * independent, "{}", error(Design::QuasiRandom));
        assert!(error(Design::LatinHypercube) < 0.8 * independent, "{}", error(Design::LatinHypercube));
    }

    #[test]
    fn uniforms_stay_inside_and_the_digits_are_in_place() {
        assert_eq!(extend(0.5, 0, f64::EPSILON / 2.0), 0.5 + f64::EPSILON / 2.0);
        let most = extend(1.0 - f32::EPSILON / 2.0, 0, 1.0 - f64::EPSILON / 2.0);
        assert_eq!(most, 1.0 - f64::EPSILON / 2.0);
        let least = extend(0.25, 1 << 22, f64::EPSILON / 2.0);
        assert_eq!(least, f64::EPSILON / 2.0);
        // Quantiles of 2^-53 and one half, and Phi(1), to 15 digits from 50-digit arithmetic.
        assert!((normal_quantile(least) + 8.209_536_151_601_387).abs() < 1e-13, "{}", normal_quantile(least));
        assert_eq!(normal_quantile(0.5), 0.0);
        assert!((normal_quantile(0.841_344_746_068_542_9) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn bad_numbers_are_refused_in_words() {
        let refuse = |design: Design, elements: usize, draws: usize| {
            let mut noise = vec![0.0; elements * draws];
            let error = design.fill(NoiseLaw::Normal, Streams::new(0), draws, &mut noise, &mut Vec::new());
            error.unwrap_err().to_string()
        };
        assert!(refuse(Design::Antithetic, 2, 3).contains("even number"));
        let text = refuse(Design::QuasiRandom, 257, 4);
        assert!(text.contains("at most 256") && text.contains("LatinHypercube"), "{text}");
        assert!(refuse(Design::QuasiRandom, 1, MAX_DRAWS + 1).contains("65536"));
    }
}
