//! Noise at which expectations over the latents that are not shared are taken.

use crate::program::LatentGraph;
use crate::streams::Streams;

/// Rules of Gauss and Hermite for a standard normal: of seven nodes, and of four.
const SEVEN: [(f64, f64); 6] = [
    (1.154_405_394_739_968_2, 0.240_123_178_605_012_53),
    (-1.154_405_394_739_968_2, 0.240_123_178_605_012_53),
    (2.366_759_410_734_541_5, 0.030_757_123_967_586_49),
    (-2.366_759_410_734_541_5, 0.030_757_123_967_586_49),
    (3.750_439_717_725_742_5, 0.000_548_268_855_972_217_2),
    (-3.750_439_717_725_742_5, 0.000_548_268_855_972_217_2),
];
const AT_ZERO: f64 = 16.0 / 35.0;
const FOUR: [(f64, f64); 4] = [
    (0.741_963_784_302_725_9, 0.454_124_145_231_931_6),
    (-0.741_963_784_302_725_9, 0.454_124_145_231_931_6),
    (2.334_414_218_338_977_3, 0.045_875_854_768_068_5),
    (-2.334_414_218_338_977_3, 0.045_875_854_768_068_5),
];

/// Antithetic draws of larger blocks, and where all latents are one block, whose values alone are needed.
const DRAWS: usize = 16;
const DRAWS_OF_ONE_BLOCK: usize = 64;

/// Blocks of latents that do not meet once the shared ones are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Blocks {
    /// The block of each latent, and its place there, in the new order of the factor.
    pub of: Vec<u32>,
    pub place: Vec<u32>,
    pub count: usize,
    /// Latents of the largest.
    pub largest: usize,
}

impl Blocks {
    /// The connected parts of a graph, for latents in this order.
    pub fn new(graph: &LatentGraph, order: &[u32]) -> Self {
        const NONE: u32 = u32::MAX;
        let mut of_old = vec![NONE; graph.num_latents()];
        let (mut count, mut open) = (0, Vec::new());
        for &first in order {
            if of_old[first as usize] != NONE {
                continue;
            }
            of_old[first as usize] = count as u32;
            open.push(first as usize);
            while let Some(k) = open.pop() {
                for other in graph.neighbours(k) {
                    if of_old[other] == NONE {
                        of_old[other] = count as u32;
                        open.push(other);
                    }
                }
            }
            count += 1;
        }
        let of: Vec<u32> = order.iter().map(|&old| of_old[old as usize]).collect();
        let mut sizes = vec![0u32; count];
        let next = |&block: &u32| {
            sizes[block as usize] += 1;
            sizes[block as usize] - 1
        };
        let place = of.iter().map(next).collect();
        let largest = sizes.iter().copied().max().unwrap_or(0) as usize;
        Blocks { of, place, count, largest }
    }
}

/// Noise for all latents at a time, and the weight of each: expectations of what splits into blocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nodes {
    /// `[latent][node]` in the new order of the factor.
    pub noise: Vec<f64>,
    /// Weights of the nodes and, last, of zero noise; they sum to one.
    pub weights: Vec<f64>,
    /// Whether they were drawn: then the second half mirrors the first.
    pub are_drawn: bool,
}

impl Nodes {
    /// Zero noise alone.
    pub fn centre() -> Self {
        Nodes { noise: Vec::new(), weights: vec![1.0], are_drawn: false }
    }

    /// Where all blocks have one latent or two, the nodes of a quadrature, the same for all blocks: seven nodes, exact for
    /// polynomials up to the degree 13, or the pairs of four, to 7 in each. Antithetic draws elsewhere.
    pub fn new(blocks: &Blocks, streams: Streams) -> Self {
        match (blocks.largest, blocks.count) {
            (1, _) => Self::of_rule(blocks, |_, node| SEVEN[node].0, &SEVEN.map(|(_, w)| w), AT_ZERO),
            (2, _) => {
                let weights: Vec<f64> = (0..16).map(|k| FOUR[k % 4].1 * FOUR[k / 4].1).collect();
                let at = |place: u32, node: usize| FOUR[if place == 0 { node % 4 } else { node / 4 }].0;
                Self::of_rule(blocks, at, &weights, 0.0)
            }
            (_, count) => {
                let half = if count == 1 { DRAWS_OF_ONE_BLOCK / 2 } else { DRAWS / 2 };
                let mut plain = vec![0.0; blocks.of.len() * half];
                streams.fill_normal(half, &mut plain);
                let noise = plain.chunks_exact(half).flat_map(|e| e.iter().copied().chain(e.iter().map(|e| -e)));
                let each = 0.5 / half as f64;
                let weights = std::iter::repeat_n(each, 2 * half).chain([0.0]).collect();
                Nodes { noise: noise.collect(), weights, are_drawn: true }
            }
        }
    }

    fn of_rule(blocks: &Blocks, at: impl Fn(u32, usize) -> f64, weights: &[f64], at_zero: f64) -> Self {
        let noise = blocks.place.iter().flat_map(|&place| (0..weights.len()).map(move |k| (place, k)));
        let noise = noise.map(|(place, node)| at(place, node)).collect();
        Nodes { noise, weights: weights.iter().copied().chain([at_zero]).collect(), are_drawn: false }
    }

    /// Nodes with noise: all but the last.
    pub fn num_moving(&self) -> usize {
        self.weights.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_the_moments_of_a_normal() {
        let blocks = |edges: &[(u32, u32)]| Blocks::new(&LatentGraph::from_edges(4, edges), &[2, 0, 3, 1]);
        let moment = |nodes: &Nodes, at: &[usize]| -> f64 {
            let n = nodes.num_moving();
            (0..n).map(|k| nodes.weights[k] * at.iter().map(|a| nodes.noise[a * n + k]).product::<f64>()).sum()
        };
        let (ones, twos) = (blocks(&[]), blocks(&[(0, 1), (2, 3)]));
        assert_eq!((ones.count, ones.largest, twos.count, twos.largest), (4, 1, 2, 2));
        assert_eq!(twos.of, [0, 1, 0, 1]);
        let (ones, twos) = (Nodes::new(&ones, Streams::new(1)), Nodes::new(&twos, Streams::new(1)));
        // E x^2, x^4, .. of a standard normal: 1, 3, 15, 105, 945, 10395.
        let even = [1.0, 3.0, 15.0, 105.0, 945.0, 10395.0];
        for (k, expected) in even.iter().enumerate() {
            assert!((moment(&ones, &vec![1; 2 * k + 2]) / expected - 1.0).abs() < 1e-12, "degree {}", 2 * k + 2);
            if k < 3 {
                assert!((moment(&twos, &vec![0; 2 * k + 2]) / expected - 1.0).abs() < 1e-12);
            }
        }
        // Latents 0 and 2 of the new order are one block.
        assert!(moment(&twos, &[0, 2]).abs() < 1e-14 && (moment(&twos, &[0, 0, 2, 2]) - 1.0).abs() < 1e-12);
        for nodes in [ones, twos] {
            assert!((nodes.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        }
    }
}
