//! Variational autoencoders: training with checkpoints, encoding and decoding, and what is measured of them.
//!
//! [`Autoencoder`] says which networks, [`Training`] trains them on rows in memory or in a file that is read in blocks, and
//! [`TrainedAutoencoder`] encodes, decodes, draws and is measured. The model itself is [`Vae`](crate::layers::Vae), or
//! [`Text`](crate::layers::Text).
//!
//! ```
//! use jensen::amortised::autoencoder::{Autoencoder, Batch, Settings, Source, Training};
//! use jensen::layers::Likelihood;
//! use std::ops::ControlFlow;
//!
//! // 60 rows of 6 pixels with three patterns, of which every third is held out.
//! let pixels: Vec<f64> = (0..360).map(|k| f64::from((k / 6 + k % 6) % 3 == 0)).collect();
//! let (train, test) = pixels.split_at(240);
//!
//! let autoencoder = Autoencoder::new(6, 2, &[8], Likelihood::Bernoulli);
//! let settings = Settings::default().batch(20).learning_rate(0.02);
//! let mut training = Training::new(&autoencoder, Source::Memory(Batch::of(train)), settings, None)?;
//! let ended = training.run(100, &mut |_, _| ControlFlow::Continue(()))?;
//! let trained = training.trained();
//! let measures = trained.measure(&trained.encoded(Batch::of(train))?, &trained.encoded(Batch::of(test))?, 50)?;
//! println!("{}", measures.verdict(ended, training.log()));
//! // Three patterns: the entropy is ln 3 = 1.10 nats a row.
//! assert!(measures.test.bound.mean > -3.0 && measures.log_p.is_some_and(|p| p.mean.mean < -1.0));
//! # Ok::<(), jensen::amortised::autoencoder::AutoencoderError>(())
//! ```

mod architecture;
mod baseline;
mod codes;
mod error;
mod estimator;
mod family;
mod groups;
mod log;
mod measure;
mod passes;
mod recorded;
mod rows;
mod saved;
mod training;
mod verdict;

pub use architecture::{Autoencoder, Batch};
pub use baseline::{BaselineDensity, BaselineModel};
pub use codes::{Codes, EncodedRows, TrainedAutoencoder};
pub use error::AutoencoderError;
pub use estimator::{ClassGradient, Estimator};
pub use groups::Agreement;
pub use log::{Checkpoint, Epoch, Log};
pub use measure::{BoundOfRows, ClassUse, LogP, Mean, Measures, Unit};
pub use passes::Passes;
pub use rows::{RowBlock, RowBlocks, Source, State};
pub use training::{Ended, Moment, Settings, Training};
pub use verdict::Fault;
