//! Where the rows of a step come from: all in memory, or a buffer of those of a file.

use super::architecture::{Autoencoder, Batch};
use super::error::AutoencoderError;
use super::estimator::AtStep;
use super::family::Q;
use super::passes::Passes;
use super::recorded::Recorded;
use crate::algorithm::{Algorithm, Minibatch, Step, StochasticState, StochasticVi};
use crate::estimate::ErasedState;
use crate::model::RowSet;
use crate::optimize::{Adam, AdamState};
use crate::target::{LogDensity, Options, Target};

/// Rows of a file, read in blocks whenever training asks for them.
pub trait RowBlocks {
    /// Overwrites `out` with block number `index`.
    ///
    /// # Errors
    /// When the file can no longer be read.
    fn read(&self, index: usize, out: &mut RowBlock) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// The rows of a block.
#[derive(Clone, Debug, Default)]
pub struct RowBlock {
    /// The rows one after the other, `[row][column]`.
    pub values: Vec<f64>,
    /// Classes; empty where there are none.
    pub labels: Vec<u32>,
}

/// Rows to train on.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Source<'a> {
    /// All rows are in memory.
    Memory(Batch<'a>),
    /// In a file, in the order of these passes.
    Blocks(&'a dyn RowBlocks, &'a Passes),
}

/// The rows of a run.
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub(super) enum Rows<'a> {
    /// All in memory, in batches of this many.
    Memory(Recorded, usize),
    /// A part of a file.
    File(Window<'a>),
}

/// A file, and the buffer of its rows that the model holds now.
pub(super) struct Window<'a> {
    source: &'a dyn RowBlocks,
    passes: &'a Passes,
    autoencoder: &'a Autoencoder,
    batch: usize,
    options: Options,
    /// Pass and number of the buffer, and the model of its rows.
    held: Option<((u64, usize), Recorded)>,
    block: RowBlock,
    values: Vec<f64>,
    labels: Vec<u32>,
    rows: RowSet,
}

type Vi<'a> = StochasticVi<'a, Target, Q, AtStep, Adam>;
/// The state of a training run.
pub type State = StochasticState<AdamState, ErasedState>;

impl<'a> Rows<'a> {
    /// The rows of a file, read in blocks.
    pub fn file(
        source: &'a dyn RowBlocks,
        passes: &'a Passes,
        autoencoder: &'a Autoencoder,
        batch: usize,
        options: Options,
    ) -> Self {
        let batch = batch.min(passes.num_train());
        let (held, block, rows) = (None, RowBlock::default(), RowSet::all());
        let (values, labels) = (Vec::new(), Vec::new());
        Rows::File(Window { source, passes, autoencoder, batch, options, held, block, values, labels, rows })
    }

    /// Number of rows that are trained on.
    pub fn num_rows(&self) -> usize {
        match self {
            Rows::Memory(recorded, _) => recorded.target.layout().num_rows,
            Rows::File(window) => window.passes.num_train(),
        }
    }

    /// Steps of a pass.
    pub fn per_epoch(&self) -> u64 {
        let batch = match self {
            Rows::Memory(_, batch) => *batch,
            Rows::File(window) => window.batch,
        };
        self.num_rows().div_ceil(batch.max(1)) as u64
    }

    /// One step of `vi`, made of a target and a family.
    ///
    /// # Errors
    /// When the file cannot be read, or the step fails.
    pub fn step(&mut self, state: &mut State, vi: impl FnOnce(&Recorded) -> Vi<'_>) -> Result<Step, AutoencoderError> {
        match self {
            Rows::Memory(recorded, batch) => Ok(vi(recorded).minibatch(Minibatch::Shuffled(*batch)).step(state)?),
            Rows::File(window) => window.step(state, vi),
        }
    }
}

impl Window<'_> {
    fn step(&mut self, state: &mut State, vi: impl FnOnce(&Recorded) -> Vi<'_>) -> Result<Step, AutoencoderError> {
        let num_train = self.passes.num_train();
        let per_epoch = num_train.div_ceil(self.batch) as u64;
        let (pass, first) = (state.step() / per_epoch, (state.step() % per_epoch) as usize * self.batch);
        let (index, from) = (first / self.passes.buffer(), first % self.passes.buffer());
        if self.held.as_ref().is_none_or(|(at, _)| *at != (pass, index)) {
            self.load(pass, index)?;
        }
        let Some((_, recorded)) = &self.held else {
            return Err(AutoencoderError::setting("rows", "the file gave no rows"));
        };
        let layout = recorded.target.layout();
        let to = (from + self.batch).min(layout.num_rows);
        let subset = self.rows.subset.get_or_insert_default();
        subset.clear();
        subset.extend((from..to).map(|r| (layout.first_row + r) as u32));
        self.rows.weight = num_train as f64 / (to - from) as f64;
        Ok(vi(recorded).step_on(state, &self.rows)?)
    }

    /// Holds the rows of a buffer, in the order of its steps.
    fn load(&mut self, pass: u64, index: usize) -> Result<(), AutoencoderError> {
        // The old rows go before the new ones come.
        self.held = None;
        let num_columns = self.autoencoder.num_columns;
        let mut read = Vec::with_capacity(self.passes.buffer().min(self.passes.num_train()) * num_columns);
        let mut labels = Vec::new();
        for part in self.passes.parts(pass, index) {
            self.source.read(part.block, &mut self.block).map_err(AutoencoderError::Rows)?;
            for place in part.places {
                let row = self.block.values.get(place * num_columns..(place + 1) * num_columns);
                read.extend_from_slice(row.ok_or_else(|| {
                    let words = format!("block {} holds no row {place} of {num_columns} numbers", part.block);
                    AutoencoderError::setting(
                        "rows",
                        format!("{words}; every block but the last has as many rows as the passes say"),
                    )
                })?);
                labels.extend(self.block.labels.get(place));
            }
        }
        self.values.clear();
        self.labels.clear();
        for row in self.passes.order(pass, index, read.len() / num_columns) {
            let from = row as usize * num_columns;
            self.values.extend_from_slice(&read[from..from + num_columns]);
            self.labels.extend(labels.get(row as usize));
        }
        drop(read);
        let batch = Batch { values: &self.values, labels: &self.labels };
        self.held = Some(((pass, index), self.autoencoder.record(batch, 0, self.options)?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::training::{Ended, Moment, Settings, Training};
    use super::*;
    use crate::layers::Likelihood;
    use std::ops::ControlFlow;

    /// Rows of two numbers in blocks of three; the last block may be cut short.
    struct InBlocks {
        values: Vec<f64>,
        cut: usize,
    }

    impl RowBlocks for InBlocks {
        fn read(&self, index: usize, out: &mut RowBlock) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let end = (6 * (index + 1)).min(self.values.len() - self.cut);
            out.values = self.values.get(6 * index..end).ok_or("no such block")?.to_vec();
            Ok(())
        }
    }

    /// A run over the rows of a file that goes on from the middle of a pass ends at the bits of an uninterrupted one.
    #[test]
    fn a_file_is_gone_on_with_where_a_run_has_stopped() {
        let values: Vec<f64> = (0..44).map(|k| f64::from(k % 3 == 0)).collect();
        let (autoencoder, passes) =
            (Autoencoder::new(2, 1, &[3], Likelihood::Bernoulli), Passes::new(22, 3, 0.1, 6, 2, 4));
        let settings = Settings { batch: 2, ..Settings::default() };
        let file = InBlocks { values: values.clone(), cut: 0 };
        let source = Source::Blocks(&file, &passes);
        let mut whole = Training::new(&autoencoder, source, settings, None).unwrap();
        // 19 training rows of 22: ten steps a pass.
        assert_eq!((whole.num_rows(), whole.per_epoch()), (19, 10));
        assert_eq!(whole.run(2, &mut |_, _| ControlFlow::Continue(())).unwrap(), Ended::Done);
        let mut first = Training::new(&autoencoder, source, settings, None).unwrap();
        let stop =
            |_: Moment, t: &Training| if t.step() < 14 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        assert_eq!(first.run(2, &mut { stop }).unwrap(), Ended::Interrupted);
        let mut resumed = Training::new(&autoencoder, source, settings, Some(first.checkpoint())).unwrap();
        resumed.run(2, &mut |_, _| ControlFlow::Continue(())).unwrap();
        assert_eq!(resumed.checkpoint().state.params(), whole.checkpoint().state.params());
        assert_eq!(resumed.log(), whole.log());
        // A file that has lost numbers is an error in words, not a slice that is out of range.
        let short = InBlocks { values, cut: 3 };
        let mut training = Training::new(&autoencoder, Source::Blocks(&short, &passes), settings, None).unwrap();
        let error = training.run(1, &mut |_, _| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(error.contains("holds no row") && error.contains("of 2 numbers"), "{error}");
    }
}
