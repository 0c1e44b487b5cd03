//! Local expectations: each integer summed out given draws of the others.

use super::super::Point;
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::{Discrete, Family, Integer};
use crate::model::RowSet;
use crate::target::DensityError;

/// `1/S sum_s sum_i sum_v (d q(k_i = v) / d params) log p(v, k_s without i) + d H[q] / d params`: integer `i` is summed
/// out exactly given the draws of the others.
///
/// Unbiased. Evaluations run as lanes of one pass: `1 + sum_i (values of i - 1)` a draw. The integers of rows are
/// summed out in all rows at once, each row given its own other integers, in as many lanes as one row needs: one
/// integer of each row is thereby enumerated exactly.
///
/// *Source*: Titsias and Lázaro-Gredilla 2015, algorithm 1; departure: the pivot sample is shared by all latents, and
/// the entropy is in closed form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalExpectation;

impl<G: Discrete + ?Sized> DiscreteGradient<G> for LocalExpectation {
    type State = ();

    fn shape(&self, family: &G, rows: &RowSet, _: usize) -> Result<Shape, DensityError> {
        let mut num_lanes = 1;
        each_site(family, rows, |_, integer| num_lanes += integer.num_values - 1);
        Ok(Shape {
            num_lanes,
            num_differentiated: 1,
            by_row: family.num_row_integers() > 0,
            relaxation: Relaxation::None,
        })
    }

    fn set(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes) {
        let draws = lanes.num_draws;
        sample_into_all(family, at, lanes);
        let Lanes { z, probability, work, .. } = lanes;
        probability.fill(1.0);
        if !family.all_probabilities(at.params, at.rows, &mut work.tables) {
            work.tables.clear();
            for latent in 0..family.num_latents(at.rows) {
                family.probabilities(at.params, at.rows, latent, &mut work.p);
                work.tables.extend_from_slice(&work.p);
            }
        }
        let (mut lane, mut first) = (1, 0);
        each_site(family, at.rows, |latents, Integer { low, num_values, in_rows, .. }| {
            for latent in latents {
                let p = &work.tables[first..first + num_values];
                first += num_values;
                let integer = family.integer(at.rows, latent);
                let (own, changed) = integer.lane_mut(z).split_at_mut(lane * draws);
                for other in 0..num_values - 1 {
                    for s in 0..draws {
                        let value = other_value((own[s] - low) as usize, other);
                        changed[other * draws + s] = low + value as u32;
                        if !in_rows {
                            probability[(lane + other) * draws + s] = p[value];
                        }
                    }
                }
            }
            lane += num_values - 1;
        });
    }

    fn add_gradient(&self, family: &G, at: &Point, _: &mut (), lanes: &mut Lanes, grad: &mut [f64]) -> f64 {
        let draws = lanes.num_draws;
        let mut work = std::mem::take(&mut lanes.work);
        let (mut lane, mut first) = (1, 0);
        work.bar.clear();
        work.bar.resize(work.tables.len(), 0.0);
        each_site(family, at.rows, |latents, site| {
            for latent in latents {
                let p = &work.tables[first..first + site.num_values];
                let bar = &mut work.bar[first..first + site.num_values];
                first += site.num_values;
                let integer = family.integer(at.rows, latent);
                let signal = signal_of(lanes, integer);
                let own = integer.lane(&lanes.z);
                for (s, &share) in lanes.share.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                    for other in 0..site.num_values - 1 {
                        let value = other_value((own[s] - site.low) as usize, other);
                        let gain = signal[(lane + other) * draws + s] - signal[s];
                        if p[value] > 0.0 {
                            bar[value] += share * p[value] * gain;
                        }
                    }
                }
            }
            lane += site.num_values - 1;
        });
        if !family.pull_all_log_probabilities(at.params, at.rows, &work.bar, grad) {
            let mut first = 0;
            for latent in 0..family.num_latents(at.rows) {
                let values = family.integer(at.rows, latent).num_values;
                family.pull_log_probabilities(at.params, at.rows, latent, &work.bar[first..first + values], grad);
                first += values;
            }
        }
        lanes.work = work;
        family.add_entropy_gradient(at.params, at.rows, 1.0, grad);
        lanes.mean(&lanes.signal, 0) + family.entropy(at.params, at.rows).unwrap_or(f64::NAN)
    }
}

/// Draws the integers, the same in all lanes.
pub(super) fn sample_into_all<G: Family + ?Sized>(family: &G, at: &Point, lanes: &mut Lanes) {
    let draws = lanes.num_draws;
    let Lanes { z, work, .. } = lanes;
    let base = &mut work.base;
    (base.num_draws, base.num_rows) = (draws, z.num_rows);
    base.integers.resize(z.integers.len() / z.num_draws * draws, 0);
    base.row_integers.resize(z.row_integers.len() / z.num_draws * draws, 0);
    family.sample(at.params, at.rows, at.streams, base);
    for (from, to) in [(&base.integers, &mut z.integers), (&base.row_integers, &mut z.row_integers)] {
        for (lane, all) in from.chunks_exact(draws).zip(to.chunks_exact_mut(z.num_draws)) {
            repeat(lane, all);
        }
    }
}

/// Fills `all` with copies of `lane`, in pieces that double.
fn repeat(lane: &[u32], all: &mut [u32]) {
    all[..lane.len()].copy_from_slice(lane);
    let mut done = lane.len();
    while done > 0 && done < all.len() {
        let piece = done.min(all.len() - done);
        all.copy_within(..piece, done);
        done += piece;
    }
}

/// The `other`-th value that is not `own`.
fn other_value(own: usize, other: usize) -> usize {
    other + usize::from(other >= own)
}

/// The density as far as it depends on a latent.
pub(super) fn signal_of(lanes: &Lanes, integer: Integer) -> &[f64] {
    if integer.in_rows {
        let row = integer.place % lanes.z.num_rows;
        &lanes.row_signal[row * lanes.z.num_draws..(row + 1) * lanes.z.num_draws]
    } else {
        &lanes.signal
    }
}

/// Calls `visit(latents that change together, one of them)`: each integer outside of rows, then each site of the rows.
fn each_site<G: Discrete + ?Sized>(family: &G, rows: &RowSet, mut visit: impl FnMut(std::ops::Range<usize>, Integer)) {
    let (global, sites) = (family.num_integers(), family.num_row_integers());
    for latent in 0..global {
        visit(latent..latent + 1, family.integer(rows, latent));
    }
    let in_pass = (family.num_latents(rows) - global).checked_div(sites).unwrap_or(0);
    for site in (0..sites).filter(|_| in_pass > 0) {
        let first = global + site * in_pass;
        visit(first..first + in_pass, family.integer(rows, first));
    }
}
