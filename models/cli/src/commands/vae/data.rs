//! The images of a run: in memory, or in a file that is read in blocks.

use super::architecture::{Architecture, batch};
use super::error::VaeError;
use super::saved::DataNote;
use super::settings::Settings;
use super::text::bits_by_counts;
use crate::cli::vae_args::VaeArgs;
use jensen::amortised::autoencoder::{Passes, Source};
use jensen::streams::Streams;
use jensen_models::data::images::streamed::{StreamedImages, is_large};
use jensen_models::data::images::{ImageError, Images, Rules};

/// Training and test images.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Data {
    /// All in memory.
    Memory {
        /// The images that are trained on.
        train: Images,
        /// The images that are held out.
        test: Images,
    },
    /// Training images in a file.
    File {
        /// The file, read in blocks.
        images: StreamedImages,
        /// Which rows are held out, and the order of the others.
        passes: Passes,
        /// The images that are held out.
        test: Images,
    },
}

/// Images of a block of a file.
const BLOCK_ROWS: usize = 256;
/// Pixels in memory at a time, where `--buffer` does not say how many images: 32 MiB.
const BUFFER_PIXELS: usize = 4 << 20;
/// Training images that are measured.
const MEASURED: usize = 2000;

impl Data {
    /// Reads or opens the images that `args` asks for; settles `settings.buffer`, which a run that `is_resumed` has.
    ///
    /// # Errors
    /// When the images cannot be used.
    pub fn open(args: &VaeArgs, rules: &Rules, settings: &mut Settings, is_resumed: bool) -> Result<Self, VaeError> {
        let share = args.method.test_share;
        let Some(path) = args.data.data.as_deref() else {
            return match settings.buffer {
                Some(_) if !is_resumed => Err(VaeError::Options(
                    "--buffer is for a file that is larger than memory: give it with --data, or leave --buffer out"
                        .into(),
                )),
                _ => Ok(split(Images::read(None, rules)?, share)?),
            };
        };
        if settings.buffer.is_none() && (is_resumed || !is_large(path)) {
            return Ok(split(Images::read(Some(path), rules)?, share)?);
        }
        let block_rows = settings.buffer.map_or(BLOCK_ROWS, |rows| (rows / 8).clamp(1, BLOCK_ROWS));
        let images = StreamedImages::open(path, rules, block_rows)?;
        if images.num_rows < 2 {
            return Err(ImageError::Few { file: images.about.file, rows: images.num_rows }.into());
        }
        let rows = settings.buffer.unwrap_or((BUFFER_PIXELS / images.about.num_pixels).max(8 * settings.batch));
        settings.buffer = Some(rows);
        let passes = Passes::new(images.num_rows, block_rows, share, rows, settings.batch, settings.seed);
        let test = images.chosen(passes.test())?;
        Ok(Data::File { images, passes, test })
    }

    /// What a fit keeps of the images.
    pub fn note(&self) -> DataNote {
        match self {
            Data::Memory { train, test } => DataNote::new(train, test.num_rows()),
            Data::File { images, passes, .. } => DataNote::of_file(images, passes),
        }
    }

    /// The images that are held out.
    pub fn test(&self) -> &Images {
        match self {
            Data::Memory { test, .. } | Data::File { test, .. } => test,
        }
    }

    /// The most rows that are in memory at a time.
    pub fn most_held(&self) -> usize {
        match self {
            Data::Memory { train, test } => train.num_rows().max(test.num_rows()),
            Data::File { passes, test, .. } => {
                passes.buffer().min(passes.num_train()).max(test.num_rows()).max(MEASURED)
            }
        }
    }

    /// The largest pixel of the test images, which a file that is read in blocks has told already.
    pub fn most_of_test(&self) -> f64 {
        self.test().values.iter().copied().fold(0.0, f64::max)
    }

    /// Of text, the bits a character of the test windows by counts of characters.
    pub fn bits_by_counts(&self, architecture: &Architecture) -> Option<f64> {
        match self {
            Data::Memory { train, test } if architecture.is_of_text() => {
                Some(bits_by_counts(architecture.autoencoder.levels(), &train.values, &test.values))
            }
            _ => None,
        }
    }

    /// Some training images to measure.
    ///
    /// # Errors
    /// When the file can no longer be read.
    pub fn some_train(&self) -> Result<Images, ImageError> {
        match self {
            Data::Memory { train, .. } => Ok(train.chosen(&(0..train.num_rows().min(MEASURED)).collect::<Vec<_>>())),
            Data::File { images, passes, .. } => images.chosen(&passes.some_train(MEASURED)),
        }
    }

    /// The rows to train on.
    pub fn source(&self) -> Source<'_> {
        match self {
            Data::Memory { train, .. } => Source::Memory(batch(train)),
            Data::File { images, passes, .. } => Source::Blocks(images, passes),
        }
    }
}

/// Training and test images: the latter at random, whatever the seed of the fit.
///
/// # Errors
/// Fewer than two rows.
pub fn split(images: Images, share: f64) -> Result<Data, ImageError> {
    let rows = images.num_rows();
    let num_test = ((rows as f64 * share).ceil() as usize).clamp(1, rows.saturating_sub(1).max(1));
    if rows < 2 {
        return Err(ImageError::Few { file: images.file, rows });
    }
    let mut order = vec![0; rows];
    Streams::new(0).purpose(5).permutation(rows, &mut order);
    let mut order: Vec<usize> = order.into_iter().map(|r| r as usize).collect();
    let test = order.split_off(rows - num_test);
    Ok(Data::Memory { train: images.chosen(&order), test: images.chosen(&test) })
}
