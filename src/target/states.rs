//! The density of a target that sums out integers outside of rows: the log joint at each of their joint values, the
//! *states*, as further draws.

use super::{DensityError, Pass, Target};
use crate::model::{Draws, RowSet};
use crate::numerics::log_sum_exp;
use crate::program::TermKind;
use crate::program::execute::Response;
use crate::streams::{Streams, pick};

/// Draws and states that are evaluated at a time: so many that they share the threads, so few that they stay in memory.
const LANES: usize = 4096;

/// Share of a draw below which a state has no part in its gradient: far below what rounding takes from the others.
const LEAST_SHARE: f64 = 1e-20;

/// Buffers of the states.
#[derive(Clone, Debug, Default)]
pub(crate) struct States {
    /// The draws of a block at every state, lane `state * draws of the block + draw`.
    lanes: Draws,
    values: Pass,
    /// Those with a part in the gradient, and its pass.
    kept: Draws,
    slopes: Pass,
    /// Log joint, and what of it is no data.
    whole: Vec<f64>,
    before: Vec<f64>,
    /// Share of each state, by both.
    of_whole: Vec<f64>,
    of_before: Vec<f64>,
    one: Vec<f64>,
}

/// What a state's density is made of, of one draw.
struct Sums {
    whole: f64,
    before: f64,
}

impl Target {
    /// Overwrites the log densities of `out`, and with `gradient` the gradients of its response.
    ///
    /// With `N` the log joint of a state without its data and `D` of the data, the data's part is
    /// `ln sum exp (N + D) - ln sum exp N`, which is what a weight of the data multiplies.
    pub(super) fn evaluate_states(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        gradient: bool,
    ) -> Result<(), DensityError> {
        let num_states = self.outside_states().len();
        let in_block = (LANES / num_states).max(1);
        let data_weight = out.data_weight.unwrap_or(1.0);
        let mut space = out.states.take().unwrap_or_default();
        out.log_density.clear();
        out.data.clear();
        out.row_data.clear();
        out.row_prior.clear();
        if gradient {
            let response = &mut out.response;
            let sizes = [
                (&mut response.latents, z.latents.len()),
                (&mut response.row_latents, z.row_latents.len()),
                (&mut response.parameters, theta.len()),
            ];
            for (buffer, size) in sizes {
                buffer.clear();
                buffer.resize(size, 0.0);
            }
        }
        for first in (0..z.num_draws).step_by(in_block) {
            let count = in_block.min(z.num_draws - first);
            space.evaluate(self, theta, z, rows, first, count)?;
            for draw in 0..count {
                let Sums { whole, before } = space.sums(num_states, count, draw);
                out.log_density.push(before + data_weight * (whole - before));
                out.data.push(whole - before);
                if data_weight == 1.0 {
                    out.log_density[first + draw] = whole;
                }
            }
            if gradient {
                let weight = |draw: usize| out.draw_weights.get(first + draw).copied().unwrap_or(1.0);
                let (shares, of_prior) = (std::mem::take(&mut space.of_whole), std::mem::take(&mut space.of_before));
                let lane_weight = |lane: usize, share: f64, c: f64| c * weight(lane % count) * share;
                let block = Block { theta, rows, first, count, num_draws: z.num_draws };
                space.differentiate(
                    self,
                    &block,
                    &shares,
                    |l, s| lane_weight(l, s, data_weight),
                    None,
                    &mut out.response,
                )?;
                if data_weight != 1.0 {
                    let rest = |l: usize, s: f64| lane_weight(l, s, 1.0 - data_weight);
                    space.differentiate(self, &block, &of_prior, rest, Some(0.0), &mut out.response)?;
                }
                (space.of_whole, space.of_before) = (shares, of_prior);
            }
        }
        out.states = Some(space);
        Ok(())
    }
}

/// Some of the draws, and where they lie among all.
struct Block<'a> {
    theta: &'a [f64],
    rows: &'a RowSet,
    first: usize,
    count: usize,
    num_draws: usize,
}

impl States {
    /// Values of `count` draws from `first` on, at every state.
    fn evaluate(
        &mut self,
        target: &Target,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        first: usize,
        count: usize,
    ) -> Result<(), DensityError> {
        let states = target.outside_states();
        let all = count * states.len();
        self.lanes.num_draws = all;
        self.lanes.num_rows = z.num_rows;
        let blocks = [(&z.latents, &mut self.lanes.latents), (&z.row_latents, &mut self.lanes.row_latents)];
        for (from, to) in blocks {
            to.clear();
            for lane in from.chunks_exact(z.num_draws) {
                states.iter().for_each(|_| to.extend_from_slice(&lane[first..first + count]));
            }
        }
        self.lanes.integers.clear();
        for k in 0..states[0].len() {
            states.iter().for_each(|state| self.lanes.integers.extend(std::iter::repeat_n(state[k], count)));
        }
        target.evaluate(theta, &self.lanes, rows, &mut self.values, false)?;
        self.whole.clone_from(&self.values.log_density);
        // Not the difference: data that are impossible at a state say nothing of its prior.
        let response = &self.values.response;
        self.before.clear();
        self.before.resize(all, 0.0);
        for kind in TermKind::ALL.into_iter().filter(|kind| *kind != TermKind::Data) {
            let range = kind as usize * all..(kind as usize + 1) * all;
            let terms = response.global_terms[range.clone()].iter().zip(&response.row_sums[range]);
            self.before.iter_mut().zip(terms).for_each(|(b, (once, of_rows))| *b += once + rows.weight * of_rows);
        }
        for shares in [&mut self.of_whole, &mut self.of_before] {
            shares.clear();
            shares.resize(all, 0.0);
        }
        Ok(())
    }

    /// The sums over the states of one draw, and the share of each.
    fn sums(&mut self, num_states: usize, count: usize, draw: usize) -> Sums {
        let each = [(&self.whole, &mut self.of_whole), (&self.before, &mut self.of_before)];
        let [whole, before] = each.map(|(values, shares)| {
            self.one.clear();
            self.one.extend((0..num_states).map(|s| values[s * count + draw]));
            let sum = log_sum_exp(&self.one);
            if sum.is_finite() {
                for (s, value) in self.one.iter().enumerate() {
                    shares[s * count + draw] = (value - sum).exp();
                }
            }
            sum
        });
        Sums { whole, before }
    }

    /// Adds `sum_lanes weight(lane, share) * gradient` to the gradients of the draws and of theta.
    fn differentiate(
        &mut self,
        target: &Target,
        block: &Block,
        shares: &[f64],
        weight: impl Fn(usize, f64) -> f64,
        data_weight: Option<f64>,
        to: &mut Response,
    ) -> Result<(), DensityError> {
        let kept: Vec<usize> = (0..shares.len()).filter(|l| shares[*l] > LEAST_SHARE).collect();
        if kept.is_empty() {
            return Ok(());
        }
        self.kept = self.lanes.select(kept.iter().copied());
        self.slopes.data_weight = data_weight;
        self.slopes.draw_weights.clear();
        self.slopes.draw_weights.extend(kept.iter().map(|&l| weight(l, shares[l])));
        target.evaluate(block.theta, &self.kept, block.rows, &mut self.slopes, true)?;
        let found = &self.slopes.response;
        for (from, to) in [(&found.latents, &mut to.latents), (&found.row_latents, &mut to.row_latents)] {
            for (from, to) in from.chunks_exact(kept.len()).zip(to.chunks_exact_mut(block.num_draws)) {
                from.iter().zip(&kept).for_each(|(g, l)| to[block.first + l % block.count] += g);
            }
        }
        to.parameters.iter_mut().zip(&found.parameters).for_each(|(t, g)| *t += g);
        Ok(())
    }
}

/// Integers outside of rows for each draw of `z`, `[integer][draw]`, from their probabilities given all else.
pub(super) fn draw_states(
    target: &Target,
    theta: &[f64],
    z: &Draws,
    rows: &RowSet,
    streams: Streams,
) -> Result<Vec<u32>, DensityError> {
    target.check(theta, z, rows)?;
    let states = target.outside_states();
    let (n, in_block) = (z.num_draws, (LANES / states.len()).max(1));
    let mut uniform = vec![0.0; n];
    streams.fill_uniform(n, &mut uniform);
    let mut out = vec![0; states[0].len() * n];
    let (mut space, mut weights) = (States::default(), Vec::with_capacity(states.len()));
    for first in (0..n).step_by(in_block) {
        let count = in_block.min(n - first);
        space.evaluate(target, theta, z, rows, first, count)?;
        for draw in 0..count {
            space.sums(states.len(), count, draw);
            weights.clear();
            weights.extend((0..states.len()).map(|s| space.of_whole[s * count + draw]));
            let state = &states[pick(&weights, uniform[first + draw])];
            state.iter().enumerate().for_each(|(k, value)| out[k * n + first + draw] = *value);
        }
    }
    Ok(out)
}
