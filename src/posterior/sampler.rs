//! Fresh draws of q at a solution, block by block, and the densities there.

use crate::algorithm::{FitError, Solution};
use crate::family::Family;
use crate::model::{Draws, Layout, RowSet, Site};
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Pass};

/// Numbers in a block of draws, row latents included, that keep a pass in bounded memory.
const BLOCK_NUMBERS: usize = 4_000_000;
/// Draws in a block at most.
const BLOCK_DRAWS: usize = 500;

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

/// Draws of q that can be made again: the noise of each is a function of the streams, its block and its place there.
pub(super) struct Sampler<'a> {
    pub target: &'a dyn LogDensity,
    pub family: &'a dyn Family,
    pub solution: &'a Solution,
    pub streams: Streams,
    pub num_draws: usize,
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
    /// Checks that the solution belongs to the family and the target, and that the draws can be held.
    pub fn check(&self) -> Result<(), FitError> {
        let layout = self.target.layout();
        admit_draws(self.num_draws, layout.num_latents + layout.num_integers)?;
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

    /// Calls `visit(first draw, draws, log q, pass)` for all draws in order; the draws of a large block in parts.
    pub fn each(&self, mut visit: impl FnMut(usize, &Draws, &[f64], &Pass)) -> Result<(), FitError> {
        self.check()?;
        let (rows, mut pass, mut log_q) = (RowSet::all(), Pass::default(), Vec::new());
        let most = block_of(self.target.layout(), self.num_draws);
        self.each_block(|first, z| {
            for from in (0..z.num_draws).step_by(most) {
                let to = z.num_draws.min(from + most);
                let part = if z.num_draws <= most { z } else { &z.select(from..to) };
                log_q.resize(part.num_draws, 0.0);
                self.family.log_q(&self.solution.params, &rows, part, &mut log_q);
                self.target.log_density(&self.solution.theta, part, &rows, &mut pass)?;
                visit(first + from, part, &log_q, &pass);
            }
            Ok(())
        })
    }

    /// The draws at `chosen`, in ascending order, as often as each is named: made again, so that no other need be kept.
    pub fn again(&self, chosen: &[u32]) -> Result<Constrained, FitError> {
        let mut out = Constrained::default();
        self.each_block(|first, z| {
            let before = |end: usize| chosen.partition_point(|&d| (d as usize) < end);
            let (from, to) = (before(first), before(first + z.num_draws));
            if from < to {
                let taken = z.select(chosen[from..to].iter().map(|&d| d as usize - first));
                out.place(from, chosen.len(), &self.target.constrained(&self.solution.theta, &taken));
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn each_block(&self, mut visit: impl FnMut(usize, &Draws) -> Result<(), FitError>) -> Result<(), FitError> {
        let (layout, rows, mut z) = (self.target.layout(), RowSet::all(), Draws::default());
        for (k, first) in (0..self.num_draws).step_by(self.block).enumerate() {
            z.resize(layout, layout.num_rows, self.block.min(self.num_draws - first));
            self.family.sample(&self.solution.params, &rows, self.streams.at_step(k as u64), &mut z);
            visit(first, &z)?;
        }
        Ok(())
    }
}
