//! Where the rows of a step come from: all in memory, or a buffer of those of a file.

use super::architecture::{Architecture, Batch, Ready};
use super::error::VaeError;
use super::family::Q;
use super::passes::Passes;
use jensen::algorithm::{Algorithm, Minibatch, Step, StochasticState, StochasticVi};
use jensen::estimate::GradientEstimator;
use jensen::model::RowSet;
use jensen::optimize::{Adam, AdamState};
use jensen::target::{LogDensity, Options, Target};
use jensen_models::data::images::streamed::{Block, StreamedImages};

/// The rows of a run.
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Rows<'a> {
    /// All in memory, in batches of this many.
    Memory(&'a Ready, usize),
    /// A part of a file.
    File(Window<'a>),
}

/// A file, and the buffer of its rows that the model holds now.
pub struct Window<'a> {
    images: &'a StreamedImages,
    passes: &'a Passes,
    architecture: &'a Architecture,
    batch: usize,
    options: Options,
    /// Pass and number of the buffer, and the model of its rows.
    held: Option<((u64, usize), Ready)>,
    block: Block,
    values: Vec<f64>,
    labels: Vec<u32>,
    rows: RowSet,
}

type Vi<'a, E> = StochasticVi<'a, Target, Q, E, Adam>;
type State = StochasticState<AdamState>;

impl<'a> Rows<'a> {
    /// Those of a file.
    pub fn file(
        images: &'a StreamedImages,
        passes: &'a Passes,
        architecture: &'a Architecture,
        batch: usize,
        options: Options,
    ) -> Self {
        let batch = batch.min(passes.num_train());
        let (held, block, rows) = (None, Block::default(), RowSet::all());
        let (values, labels) = (Vec::new(), Vec::new());
        Rows::File(Window { images, passes, architecture, batch, options, held, block, values, labels, rows })
    }

    /// Training rows.
    pub fn num_rows(&self) -> usize {
        match self {
            Rows::Memory(ready, _) => ready.target.layout().num_rows,
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
    pub fn step<E: GradientEstimator<Target, Q>>(
        &mut self,
        state: &mut State,
        vi: impl FnOnce(&Ready) -> Vi<'_, E>,
    ) -> Result<Step, VaeError> {
        match self {
            Rows::Memory(ready, batch) => Ok(vi(ready).minibatch(Minibatch::Shuffled(*batch)).step(state)?),
            Rows::File(window) => window.step(state, vi),
        }
    }
}

impl Window<'_> {
    fn step<E: GradientEstimator<Target, Q>>(
        &mut self,
        state: &mut State,
        vi: impl FnOnce(&Ready) -> Vi<'_, E>,
    ) -> Result<Step, VaeError> {
        let num_train = self.passes.num_train();
        let per_epoch = num_train.div_ceil(self.batch) as u64;
        let (pass, first) = (state.step() / per_epoch, (state.step() % per_epoch) as usize * self.batch);
        let (index, from) = (first / self.passes.buffer(), first % self.passes.buffer());
        if self.held.as_ref().is_none_or(|(at, _)| *at != (pass, index)) {
            self.load(pass, index)?;
        }
        let Some((_, ready)) = &self.held else { return Err(VaeError::Engine("no rows are held".into())) };
        let layout = ready.target.layout();
        let to = (from + self.batch).min(layout.num_rows);
        let subset = self.rows.subset.get_or_insert_default();
        subset.clear();
        subset.extend((from..to).map(|r| (layout.first_row + r) as u32));
        self.rows.weight = num_train as f64 / (to - from) as f64;
        Ok(vi(ready).step_on(state, &self.rows)?)
    }

    /// Holds the rows of a buffer, in the order of its steps.
    fn load(&mut self, pass: u64, index: usize) -> Result<(), VaeError> {
        // The old rows go before the new ones come.
        self.held = None;
        let num_pixels = self.architecture.num_pixels;
        let mut read = Vec::with_capacity(self.passes.buffer().min(self.passes.num_train()) * num_pixels);
        let mut labels = Vec::new();
        for part in self.passes.parts(pass, index) {
            self.images.read(part.block, &mut self.block)?;
            for place in part.places {
                read.extend_from_slice(&self.block.values[place * num_pixels..(place + 1) * num_pixels]);
                labels.extend(self.block.labels.get(place));
            }
        }
        self.values.clear();
        self.labels.clear();
        for row in self.passes.order(pass, index, read.len() / num_pixels) {
            let from = row as usize * num_pixels;
            self.values.extend_from_slice(&read[from..from + num_pixels]);
            self.labels.extend(labels.get(row as usize));
        }
        drop(read);
        let batch = Batch { pixels: &self.values, labels: &self.labels };
        self.held = Some(((pass, index), self.architecture.ready(batch, 0, self.options)?));
        Ok(())
    }
}
