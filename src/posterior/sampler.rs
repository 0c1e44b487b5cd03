//! Fresh draws at a solution, block by block, and the densities there.

use std::borrow::Cow;
use std::ops::Range;

use super::defence::Defence;
use crate::algorithm::{FitError, Solution};
use crate::family::{Family, NoiseLaw, Reparam, fill_noise};
use crate::model::{Draws, Layout, RowSet, Site};
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Pass, with_integers};

/// Numbers in a block of draws, row latents included, that keep a pass in bounded memory.
const BLOCK_NUMBERS: usize = 4_000_000;
/// Draws in a block at most.
const BLOCK_DRAWS: usize = 500;

/// Purpose of the streams.
const INTEGERS: u32 = 0x696e_7465;

/// Numbers that are drawn at a time at most: 16 GiB of doubles.
const MOST_NUMBERS: usize = 1 << 31;

/// Refuses more draws, of `numbers` numbers each, than a machine holds.
pub(crate) fn admit_draws(num_draws: usize, numbers: usize) -> Result<(), FitError> {
    if num_draws.checked_mul(numbers.max(1)).is_some_and(|all| all <= MOST_NUMBERS) {
        return Ok(());
    }
    let most = MOST_NUMBERS / numbers.max(1);
    Err(FitError::setting("draws", format!("{num_draws} draws of {numbers} numbers each; ask for at most {most}")))
}

/// Numbers that are kept of fresh draws at most, where no number of draws was chosen: 256 MiB of doubles.
const MOST_KEPT: usize = 1 << 25;
/// Draws that are made whatever is kept of them.
const LEAST_MOST: usize = 4000;

/// Draws at least and at most of a q of very many latents.
const LEAST_OF_MANY: usize = 200;
const MOST_OF_MANY: usize = 1000;

/// Draws at most, where no number was chosen.
pub(super) fn most_draws(layout: &Layout) -> usize {
    (MOST_KEPT / outside_of(layout).max(1)).max(LEAST_MOST)
}

/// Draws of a q of very many latents: its table is of them, and not its verdict.
pub(super) fn draws_of_many(layout: &Layout) -> usize {
    (MOST_KEPT / outside_of(layout).max(1)).clamp(LEAST_OF_MANY, MOST_OF_MANY)
}

/// Draws of a q whose table is of them where its verdict trusts it: the largest of some hundred errors is a twentieth of a
/// standard deviation.
pub(super) fn draws_of_conditional(layout: &Layout) -> usize {
    (MOST_KEPT / outside_of(layout).max(1)).clamp(LEAST_OF_MANY, LEAST_MOST)
}

/// Numbers that are kept of a draw: latents, and the quantities of sites.
fn outside_of(layout: &Layout) -> usize {
    layout.num_latents + layout.num_drawn_integers() + layout.sites.iter().map(Site::num_constrained).sum::<usize>()
}

/// Draws that can be made again: the noise of each is a function of the streams, its block and its place there.
#[derive(Clone)]
pub(super) struct Sampler<'a> {
    pub target: &'a dyn LogDensity,
    pub family: &'a dyn Family,
    pub solution: &'a Solution,
    pub streams: Streams,
    /// What some of the draws are stretched to; all are q's own without it.
    pub defence: Option<Defence>,
    /// Draws that are made at a time.
    pub block: usize,
}

/// Draws in a block: a function of the model alone, since it decides which noise a draw gets.
pub(super) fn block_of(layout: &Layout, num_draws: usize) -> usize {
    let outside: usize = layout.num_latents + layout.sites.iter().map(Site::num_constrained).sum::<usize>();
    let inside = (layout.num_row_latents + layout.num_row_integers) * layout.num_rows;
    (BLOCK_NUMBERS / (outside + inside).max(1)).clamp(8, BLOCK_DRAWS).min(num_draws)
}

impl Sampler<'_> {
    /// Whether q carries normal noise one-to-one along a curve, as a flow does.
    pub fn bends(&self) -> bool {
        self.family.reparam().is_some_and(Reparam::is_one_to_one)
    }

    /// Checks that the solution belongs to the family and the target, and that the draws can be held.
    fn check(&self, num_draws: usize) -> Result<(), FitError> {
        let layout = self.target.layout();
        admit_draws(num_draws, layout.num_latents + layout.num_integers)?;
        if self.defence.as_ref().is_some_and(Defence::is_of_noise) && !self.bends() {
            let name = self.family.name();
            return Err(FitError::setting(
                "family",
                format!("the draws are images of a flow's noise, and {name} is no flow"),
            ));
        }
        let sizes = [
            ("parameters of q", self.solution.params.len(), self.family.num_params()),
            ("learnable parameters", self.solution.theta.len(), self.target.layout().num_parameters),
        ];
        for (what, found, expected) in sizes {
            if found != expected {
                return Err(FitError::setting(
                    "solution",
                    format!(
                        "the solution has {found} {what}, expected {expected}; give the one found for this target and family"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Calls `visit(first draw, draws, log q, pass)` for these draws in order; the draws of a large block in parts.
    ///
    /// The first of them begins a block.
    pub fn each(
        &self,
        draws: Range<usize>,
        mut visit: impl FnMut(usize, &Draws, &[f64], &Pass) -> Result<(), FitError>,
    ) -> Result<(), FitError> {
        self.check(draws.end)?;
        let (rows, mut pass, mut log_q) = (RowSet::all(), Pass::default(), Vec::new());
        let most = block_of(self.target.layout(), draws.end);
        self.each_block(draws, |first, z| {
            for from in (0..z.num_draws).step_by(most) {
                let to = z.num_draws.min(from + most);
                let part = if z.num_draws <= most { z } else { &z.select(from..to) };
                log_q.resize(part.num_draws, 0.0);
                self.family.log_q(&self.solution.params, &rows, part, &mut log_q);
                self.target.log_density(&self.solution.theta, part, &rows, &mut pass)?;
                visit(first + from, part, &log_q, &pass)?;
            }
            Ok(())
        })
    }

    /// Draws that begin with number `first`, with values of the integers outside of rows that the density sums out.
    pub fn with_integers<'z>(&self, first: usize, z: &'z Draws) -> Result<Cow<'z, Draws>, FitError> {
        let streams = self.streams.purpose(INTEGERS).at_step(first as u64);
        Ok(with_integers(self.target, &self.solution.theta, z, None, streams)?)
    }

    /// The values in the model's space of draws that begin with number `first`.
    pub fn constrained(&self, first: usize, z: &Draws) -> Result<Constrained, FitError> {
        Ok(self.target.constrained(&self.solution.theta, self.with_integers(first, z)?.as_ref()))
    }

    /// Of the first `num_draws`, those at `chosen`, in ascending order, as often as each is named: made again, so that no
    /// other need be kept.
    pub fn again(&self, num_draws: usize, chosen: &[u32]) -> Result<Constrained, FitError> {
        let mut out = Constrained::default();
        self.each_block(0..num_draws, |first, z| {
            let before = |end: usize| chosen.partition_point(|&d| (d as usize) < end);
            let (from, to) = (before(first), before(first + z.num_draws));
            if from < to {
                let taken = z.select(chosen[from..to].iter().map(|&d| d as usize - first));
                out.place(from, chosen.len(), &self.constrained(first, &taken)?);
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Calls `visit(first draw, draws)` for these draws in order, a block at a time; no density is evaluated.
    pub fn each_block(
        &self,
        draws: Range<usize>,
        mut visit: impl FnMut(usize, &Draws) -> Result<(), FitError>,
    ) -> Result<(), FitError> {
        let (layout, rows, mut z) = (self.target.layout(), RowSet::all(), Draws::default());
        let centre = if self.defence.is_some() { self.family.centre(&self.solution.params) } else { Vec::new() };
        for first in draws.clone().step_by(self.block) {
            let streams = self.streams.at_step((first / self.block) as u64);
            z.resize(layout, layout.num_rows, self.block.min(draws.end - first));
            match (&self.defence, self.family.reparam()) {
                (Some(defence), Some(flow)) if defence.is_of_noise() => {
                    let noise = self.noise(defence, first, z.num_draws);
                    flow.transform(&self.solution.params, &rows, &noise, &mut z);
                }
                (defence, _) => {
                    self.family.sample(&self.solution.params, &rows, streams, &mut z);
                    defence.iter().for_each(|defence| defence.stretch(&centre, first, streams, &mut z));
                }
            }
            visit(first, &z)?;
        }
        Ok(())
    }

    /// The noise of the first `num_draws` draws of the block that `first` begins.
    fn noise(&self, defence: &Defence, first: usize, num_draws: usize) -> Vec<f64> {
        let streams = self.streams.at_step((first / self.block) as u64);
        let mut noise = vec![0.0; self.target.layout().num_latents * num_draws];
        fill_noise(NoiseLaw::Normal, streams, num_draws, &mut noise);
        defence.stretch_noise(first, streams, num_draws, &mut noise);
        noise
    }

    /// The log density at these draws, numbered from `first` on, of the Student-t laws, where it does not follow from `log_q`.
    pub fn log_t(&self, first: usize, z: &Draws, log_q: &[f64]) -> Vec<f64> {
        match &self.defence {
            Some(defence) if defence.is_of_noise() => {
                let (before, n) = (first % self.block, first % self.block + z.num_draws);
                let noise = self.noise(defence, first - before, n);
                let of = |d: usize| noise.iter().skip(d).step_by(n).copied();
                (before..n).zip(log_q).map(|(d, log_q)| log_q + defence.log_ratio_of_noise(of(d))).collect()
            }
            defence => defence.iter().flat_map(|defence| defence.log_t(z)).collect(),
        }
    }
}
