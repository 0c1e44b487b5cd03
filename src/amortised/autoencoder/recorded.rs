//! [`Recorded`]: the networks of an autoencoder on some rows, ready to run.

use super::architecture::{Autoencoder, Batch};
use super::error::AutoencoderError;
use super::family::Q;
use crate::family::{Family, Guide, TracedFamily};
use crate::layers::{InitialWeights, Text, Vae};
use crate::model::{Layout, Model};
use crate::program::Matrix;
use crate::target::{LogDensity, Options, Target};

/// A model on some rows.
pub(super) struct Recorded {
    pub model: Networks,
    pub target: Target,
    pub family: Q,
}

/// The models there are.
pub(super) enum Networks {
    Vae(Box<Vae>),
    Text(Box<Text>),
}

impl Networks {
    /// The start of the decoder's parameters.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        match self {
            Networks::Vae(vae) => vae.theta(layout),
            Networks::Text(text) => text.theta(layout),
        }
    }
}

impl Autoencoder {
    /// The model of rows, weights from `seed`.
    pub(super) fn record(&self, batch: Batch, seed: u64, options: Options) -> Result<Recorded, AutoencoderError> {
        self.check()?;
        let matrix = |values: &[f64], columns: usize| {
            Matrix::new(values, columns).map_err(|e| AutoencoderError::setting("rows", e))
        };
        let data = matrix(batch.values, self.num_columns)?;
        if let Some(states) = self.states {
            let text = Text::new(data, self.levels(), self.num_latents, states, &self.hidden);
            let text = text.map_err(|e| AutoencoderError::setting("rows", e))?.seed(seed);
            let (target, family) = normal(&text, options)?;
            return Ok(Recorded { model: Networks::Text(Box::new(text)), target, family });
        }
        let num_rows = data.num_rows();
        let mut vae =
            Vae::new(data, self.num_latents, &self.hidden, self.likelihood).start(InitialWeights::LeCun, seed);
        if self.given > 0 {
            let of = |row: usize| batch.labels.get(row).map_or(0, |l| *l as usize);
            let cells = (0..num_rows).flat_map(|r| (0..self.given).map(move |c| f64::from(of(r) == c)));
            vae = vae.conditioned_on(matrix(&cells.collect::<Vec<f64>>(), self.given)?);
        }
        if self.clusters > 0 {
            vae = vae.clusters(self.clusters);
        }
        if let Some(units) = &self.units {
            vae = vae.in_units(units.clone());
        }
        let (target, family) = if self.classes == 0 {
            normal(&vae, options)?
        } else {
            vae = vae.classes(self.classes);
            let target = Target::with_options(&vae, options)?;
            let family = Q::Mixed(Box::new(vae.mixed_family(target.layout())?));
            (target, family)
        };
        Ok(Recorded { model: Networks::Vae(Box::new(vae)), target, family })
    }

    /// The model of one blank row.
    pub(super) fn blank(&self, seed: u64, options: Options) -> Result<Recorded, AutoencoderError> {
        self.record(Batch::of(&vec![0.0; self.num_columns]), seed, options)
    }

    /// Numbers that are learnt: of the encoder, and of the decoder.
    ///
    /// # Errors
    /// When the networks cannot be recorded.
    pub fn num_parameters(&self) -> Result<(usize, usize), AutoencoderError> {
        let recorded = self.blank(0, Options::default())?;
        Ok((recorded.family.num_params(), recorded.target.layout().num_parameters))
    }
}

fn normal<M: Model + Guide>(model: &M, options: Options) -> Result<(Target, Q), AutoencoderError> {
    let target = Target::with_options(model, options)?;
    let family = TracedFamily::with_workers(model, target.layout(), target.workers())?;
    Ok((target, Q::Normal(Box::new(family))))
}
