//! Moments of many latents given a few shared ones, by the weights of their blocks.

use super::integrated::Largest;
use super::residual::Names;
use crate::algorithm::{Integral, Nodes};
use crate::family::ConditionalGaussian;

/// Sums over draws of the shared latents, of each other latent in the new order.
pub(super) struct Others {
    blocks: Vec<u32>,
    sums: Vec<Sums>,
    /// Logarithm of what all sums are divided by, and the sum of the weights.
    log_scale: f64,
    total: f64,
    /// The least effective share of a block's weights.
    pub least_share: f64,
    /// The largest difference between the blocks' parts and the whole.
    pub slip: f64,
}

/// Of `l - mu`: mean and mean square by all weights, and by those of either half of the noise; and the same mean squares in q.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    all: [f64; 2],
    halves: [[f64; 2]; 2],
    in_q: f64,
    halves_in_q: [f64; 2],
}

impl Others {
    pub fn new(blocks: &[u32]) -> Self {
        let sums = vec![Sums::default(); blocks.len()];
        Others { blocks: blocks.to_vec(), sums, log_scale: f64::NEG_INFINITY, total: 0.0, least_share: 1.0, slip: 0.0 }
    }

    /// Adds a draw of the shared latents with the logarithm of its weight; one that is rejected has none.
    pub fn add(&mut self, found: &Integral, nodes: &Nodes, log_weight: f64) {
        if !log_weight.is_finite() {
            return;
        }
        if log_weight > self.log_scale {
            let by = (self.log_scale - log_weight).exp();
            for Sums { all, halves, in_q, halves_in_q } in &mut self.sums {
                let own = all.iter_mut().chain(halves.as_flattened_mut()).chain([in_q]).chain(halves_in_q);
                own.for_each(|x| *x *= by);
            }
            self.total *= by;
            self.log_scale = log_weight;
        }
        self.least_share = self.least_share.min(found.least_share);
        self.slip = if found.slip > self.slip || found.slip.is_nan() { found.slip } else { self.slip };
        let (weight, m) = ((log_weight - self.log_scale).exp(), nodes.num_moving());
        self.total += weight;
        for (i, (sums, &block)) in self.sums.iter_mut().zip(&self.blocks).enumerate() {
            let own = &found.weights[block as usize * (m + 1)..][..m + 1];
            let (mut parts, mut totals, mut in_q) = ([[0.0; 2]; 2], [0.0; 2], [0.0; 2]);
            for (k, x) in found.moved[i * m..(i + 1) * m].iter().enumerate() {
                let half = usize::from(nodes.are_drawn && k % (m / 2) >= m / 4);
                parts[half][0] += own[k] * x;
                parts[half][1] += own[k] * x * x;
                totals[half] += own[k];
                in_q[half] += nodes.weights[k] * x * x;
            }
            sums.in_q += weight * (in_q[0] + in_q[1]);
            for half in [0, 1] {
                // Either half has half of the nodes' weights.
                sums.halves_in_q[half] += weight * if nodes.are_drawn { 2.0 * in_q[half] } else { in_q[0] };
            }
            for what in [0, 1] {
                sums.all[what] += weight * (parts[0][what] + parts[1][what]);
                for half in [0, 1] {
                    let by = if nodes.are_drawn { parts[half][what] / totals[half] } else { parts[0][what] };
                    sums.halves[half][what] += weight * by;
                }
            }
        }
    }

    /// The largest shift of a mean, the largest relative change of a standard deviation, and the mean of those changes. The errors
    /// are those of the drawn noise: half of what its two halves differ by, over all latents; a quadrature has none.
    pub fn found(&self, family: &ConditionalGaussian, names: &Names) -> [Largest; 3] {
        // In standard deviations of q: shift, and relative change of the standard deviation.
        let total = self.total;
        let moved = |[first, second]: [f64; 2], in_q: f64| {
            let (mean, sd) = (first / total, (in_q / total).sqrt());
            [mean / sd, (second / total - mean * mean).max(0.0).sqrt() / sd - 1.0]
        };
        let all: Vec<[f64; 2]> = self.sums.iter().map(|s| moved(s.all, s.in_q)).collect();
        let n = all.len().max(1) as f64;
        let differences = |what: usize| {
            let of = move |s: &Sums| {
                let [a, b] = [0, 1].map(|half| moved(s.halves[half], s.halves_in_q[half])[what]);
                0.5 * (a - b)
            };
            self.sums.iter().map(of)
        };
        let error = |what: usize| (differences(what).map(|d| d * d).sum::<f64>() / n).sqrt();
        let name = |new: usize| {
            let (locals, order) = (family.locals().0, &family.pattern().order);
            names.of(locals[order[new] as usize])
        };
        let most = |what: usize| {
            let sizes = all.iter().map(|found| found[what].abs()).enumerate();
            let larger =
                |most: (usize, f64), one: (usize, f64)| if one.1 > most.1 || one.1.is_nan() { one } else { most };
            let (at, size) = sizes.reduce(larger).unwrap_or((0, 0.0));
            Largest { size, error: error(what), of: name(at) }
        };
        let mean = all.iter().map(|found| found[1]).sum::<f64>() / n;
        let of_mean = (differences(1).sum::<f64>() / n).abs();
        [most(0), most(1), Largest { size: mean, error: of_mean, of: String::new() }]
    }
}
