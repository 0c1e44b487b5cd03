//! [`Minibatch`]: the rows of a step.

use super::FitError;
use crate::model::{Layout, RowSet};
use crate::streams::Streams;

/// The rows of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Minibatch {
    /// Every step uses all rows.
    #[default]
    Full,
    /// This many rows, in a new order in each pass over the data; the last batch of a pass may be smaller.
    Shuffled(usize),
    /// This many rows drawn with replacement.
    Replaced(usize),
}

/// The rows of the last step, and the order of the pass it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub rows: RowSet,
    order: Vec<u32>,
    /// The pass that the order is of.
    pass: Option<u64>,
}

impl Default for Chosen {
    fn default() -> Self {
        Chosen { rows: RowSet::all(), order: Vec::new(), pass: None }
    }
}

impl Chosen {
    /// Takes these rows, which belong to no pass.
    pub fn take(&mut self, rows: &RowSet) {
        self.rows.clone_from(rows);
        self.pass = None;
    }

    /// Chooses the rows of `step`, weighted so that they stand for all.
    ///
    /// # Errors
    /// When there are fewer rows than a batch has, or none in one of them.
    pub fn choose(&mut self, batches: Minibatch, layout: &Layout, streams: Streams, step: u64) -> Result<(), FitError> {
        let (n, batch) = match batches {
            Minibatch::Full => {
                self.rows = RowSet::all();
                return Ok(());
            }
            Minibatch::Shuffled(b) | Minibatch::Replaced(b) => (layout.num_rows, b),
        };
        if n == 0 || batch == 0 || batch > n {
            return Err(FitError::setting(
                "minibatch",
                format!(
                    "a minibatch of {batch} rows out of {n}; choose between 1 and the number of rows of the model's `rows` block"
                ),
            ));
        }
        let subset = self.rows.subset.get_or_insert_default();
        match batches {
            Minibatch::Replaced(_) => {
                subset.resize(batch, 0);
                streams.at_step(step).indices(n, subset);
            }
            _ => {
                let per_pass = (n as u64).div_ceil(batch as u64);
                let (pass, k) = (step / per_pass, (step % per_pass) as usize);
                if self.pass != Some(pass) {
                    self.order.resize(n, 0);
                    streams.at_step(pass).permutation(n, &mut self.order);
                    self.pass = Some(pass);
                }
                subset.clear();
                subset.extend_from_slice(&self.order[k * batch..n.min((k + 1) * batch)]);
            }
        }
        subset.iter_mut().for_each(|r| *r += layout.first_row as u32);
        self.rows.weight = n as f64 / subset.len() as f64;
        Ok(())
    }
}
