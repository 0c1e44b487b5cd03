//! The arguments of `jensen vae`.

use super::bounded::{MOST, MOST_STEPS, MOST_THREADS, between, positive, small, up_to, whole};
use super::guide::VAE_CODES_GUIDE;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Arguments of `jensen vae`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct VaeArgs {
    /// What to do with a saved fit.
    #[command(subcommand)]
    pub command: Option<VaeCommand>,
    /// Where the images come from.
    #[command(flatten, next_help_heading = "Data")]
    pub data: VaeDataArgs,
    /// Options of the networks.
    #[command(flatten, next_help_heading = "Model")]
    pub model: VaeModelArgs,
    /// How they are trained.
    #[command(flatten, next_help_heading = "Method")]
    pub method: VaeMethodArgs,
    /// What is printed and written.
    #[command(flatten, next_help_heading = "Output")]
    pub output: VaeOutputArgs,
}

/// What is done with a saved fit.
#[derive(Debug, Clone, Subcommand)]
pub enum VaeCommand {
    /// Means and standard deviations of the latents of images, as CSV
    #[command(after_help = VAE_CODES_GUIDE)]
    Encode(EncodeArgs),
    /// Images of latents in a CSV file with columns z1, z2, ..
    #[command(after_help = VAE_CODES_GUIDE)]
    Decode(DecodeArgs),
    /// Images of latents drawn from their prior
    #[command(after_help = VAE_CODES_GUIDE)]
    Sample(VaeSampleArgs),
    /// Images on the way from one image to another
    #[command(after_help = VAE_CODES_GUIDE)]
    Interpolate(InterpolateArgs),
}

/// The data of an autoencoder.
#[derive(Debug, Clone, Default, Args)]
pub struct VaeDataArgs {
    /// CSV file with a column for each pixel, IDX file of images (both also gzipped), or folder of PNG files
    /// [default: 1,797 binary digits of 8 x 8 pixels]
    ///
    /// Greys of IDX and PNG files are scaled to the range from 0 to 1; colours become greys.
    #[arg(long, value_name = "FILE|DIR")]
    pub data: Option<PathBuf>,
    /// Text file in the place of images: characters in windows, with a recurrent decoder
    ///
    /// Runs of white space become one space; of more than 95 characters the rarest are one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "threshold", "label", "shape", "condition"])]
    pub text: Option<PathBuf>,
    /// Characters of a window of --text [default: 12]
    #[arg(long, value_name = "N", value_parser = up_to::<1000>, allow_negative_numbers = true)]
    pub window: Option<NonZeroUsize>,
    /// Pixels above X are 1, others 0 [default for IDX and PNG with --likelihood bernoulli: 0.5]
    #[arg(long, value_name = "X", value_parser = finite, allow_negative_numbers = true)]
    pub threshold: Option<f64>,
    /// Column of a CSV file that names the class of a row: not a pixel, and the colours of the latent plot
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Column of classes that both networks read beside the pixels: a model of images given the class; `digit` for the
    /// digits that the program carries
    #[arg(long, value_name = "NAME")]
    pub condition: Option<String>,
    /// Height and width of the images of a CSV file, such as 8x8 [default: square, where that is possible]
    #[arg(long, value_name = "HxW", value_parser = shape)]
    pub shape: Option<(usize, usize)>,
}

/// The networks of an autoencoder.
#[derive(Debug, Clone, Default, Args)]
pub struct VaeModelArgs {
    /// Number of real latents; 0 with --classes for a class alone [default: 8]
    #[arg(long, value_name = "N", value_parser = between::<0, MOST>, allow_negative_numbers = true)]
    pub latent: Option<usize>,
    /// Sizes of the encoder's hidden layers, separated by commas; the decoder has them in reverse [default: 128]
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub hidden: Option<Vec<NonZeroUsize>>,
    /// Distribution of a pixel given the latents [default: bernoulli]
    #[arg(long, value_name = "KIND", value_enum)]
    pub likelihood: Option<PixelLikelihood>,
    /// Also a class in the code, one of K
    #[arg(long, value_name = "K", value_parser = up_to::<1000>, allow_negative_numbers = true)]
    pub classes: Option<NonZeroUsize>,
    /// A mixture of K normals as the prior, which sorts the rows into clusters
    #[arg(long, value_name = "K", value_parser = up_to::<1000>, allow_negative_numbers = true)]
    pub clusters: Option<NonZeroUsize>,
    /// Numbers that the recurrent decoder of --text carries along [default: 32]
    #[arg(long, value_name = "N", value_parser = up_to::<10_000>, allow_negative_numbers = true)]
    pub states: Option<NonZeroUsize>,
}

/// The training of an autoencoder.
#[derive(Debug, Clone, Args)]
pub struct VaeMethodArgs {
    /// Passes over the training images, those before --resume included
    #[arg(long, value_name = "N", default_value = "100", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub epochs: NonZeroUsize,
    /// Images of a step [default: 128]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub batch: Option<NonZeroUsize>,
    /// Read a CSV or IDX file in blocks and hold N training images in memory, new ones as training goes on [default for
    /// files from 64 MiB, IDX from 32 MiB: 32 MiB of pixels; all images for others]
    ///
    /// Blocks of the file come in a new order in each pass, images are shuffled within the N. At most 10,000 images are
    /// held out for the test.
    #[arg(long, value_name = "N", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub buffer: Option<NonZeroUsize>,
    /// Weight of the KL term: above 1 codes are shorter, below 1 pictures are sharper [default: 1]
    #[arg(long, value_name = "B", value_parser = weight, allow_negative_numbers = true)]
    pub beta: Option<f64>,
    /// How the weight of the KL term grows from 0 to --beta [default: none]
    #[arg(long, value_name = "HOW", value_enum)]
    pub anneal: Option<Anneal>,
    /// Epochs of the growth, or of a cycle whose first half grows [default: 20]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub anneal_epochs: Option<NonZeroUsize>,
    /// Nats of each latent that cost nothing, against unused latents [default: 0]
    #[arg(long, value_name = "NATS", value_parser = weight, allow_negative_numbers = true)]
    pub free_bits: Option<f64>,
    /// Objective: the bound with the KL in closed form, by draws, or the importance-weighted bound [default: exact-kl; with
    /// --clusters sticking-the-landing]
    #[arg(long, value_name = "NAME", value_enum)]
    pub estimator: Option<VaeEstimator>,
    /// Gradient of the class of --classes [default: exact]
    #[arg(long, value_name = "NAME", value_enum)]
    pub class_gradient: Option<ClassGradient>,
    /// Numbers that training computes with; what is reported is measured in double [default: single]
    #[arg(long, value_name = "NAME", value_enum)]
    pub precision: Option<TrainingPrecision>,
    /// Draws under the logarithm of --estimator iwae [default: 5]
    #[arg(long, value_name = "K", value_parser = up_to::<10_000>, allow_negative_numbers = true)]
    pub importance: Option<NonZeroUsize>,
    /// Step size of Adam [default: 0.001]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Seed of weights, batches and noise: same seed, same fit, for any number of threads [default: 0]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Share of the images, taken at random, that is held out for the test
    #[arg(long, value_name = "X", default_value_t = 0.2, value_parser = share, allow_negative_numbers = true)]
    pub test_share: f64,
    /// Draws of the importance-weighted log p(x) of each of at most 500 test images; 0 for none
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = between::<0, MOST>, allow_negative_numbers = true)]
    pub score_draws: usize,
    /// Threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST_THREADS>, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
}

/// The output of an autoencoder.
#[derive(Debug, Clone, Default, Args)]
pub struct VaeOutputArgs {
    /// Folder for fit.json (checkpoint and fit in one), the report, and pictures as PNG and SVG
    ///
    /// fit.json is written every minute, at an interrupt, and at the end.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on from the fit.json in the folder of --out, to the bits of a run that was never interrupted
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Write the report with its plots as one page for a browser
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// No progress and no messages on standard error, errors apart
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen vae encode`.
#[derive(Debug, Clone, Args)]
pub struct EncodeArgs {
    /// fit.json, or the folder that `jensen vae --out` wrote
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Images as for `jensen vae --data` [default: the digits]
    #[command(flatten)]
    pub data: VaeDataArgs,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `jensen vae decode`.
#[derive(Debug, Clone, Args)]
pub struct DecodeArgs {
    /// fit.json, or the folder that `jensen vae --out` wrote
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// CSV file with a row for each image and columns z1, z2, ..; others are ignored
    #[arg(value_name = "CODES")]
    pub codes: PathBuf,
    /// File instead of standard output; one that ends in .png or .svg becomes a picture
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `jensen vae sample`.
#[derive(Debug, Clone, Args)]
pub struct VaeSampleArgs {
    /// fit.json, or the folder that `jensen vae --out` wrote
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Class of the column of --condition; all by turns where not given
    #[arg(long, value_name = "CLASS")]
    pub given: Option<String>,
    /// Number of images
    #[arg(long, value_name = "N", default_value = "64", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: NonZeroUsize,
    /// Seed of the latents
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// File instead of standard output; one that ends in .png or .svg becomes a picture
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `jensen vae interpolate`.
#[derive(Debug, Clone, Args)]
pub struct InterpolateArgs {
    /// fit.json, or the folder that `jensen vae --out` wrote
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Row of the first image, from 1
    #[arg(value_name = "FROM", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub from: NonZeroUsize,
    /// Row of the last image, from 1
    #[arg(value_name = "TO", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub to: NonZeroUsize,
    /// Images as for `jensen vae --data` [default: the digits]
    #[command(flatten)]
    pub data: VaeDataArgs,
    /// Number of images, both ends included
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = small::<2, 10_000>, allow_negative_numbers = true)]
    pub steps: u32,
    /// File instead of standard output; one that ends in .png or .svg becomes a picture
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Distribution of a pixel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelLikelihood {
    /// Pixels that are 0 or 1
    #[default]
    Bernoulli,
    /// Pixels of any value, with one standard deviation that is learnt
    Gaussian,
    /// Pixels that are categories, numbered from 0
    Categorical,
}

/// Growth of the KL's weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anneal {
    /// The same weight from the first step
    #[default]
    None,
    /// Once, over --anneal-epochs
    Linear,
    /// Again and again: half of each cycle grows, half stays
    Cyclical,
}

/// What is maximised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VaeEstimator {
    /// The bound, its KL term in closed form
    #[default]
    ExactKl,
    /// The bound, all of it by draws, for any prior; without beta and free bits
    StickingTheLanding,
    /// The importance-weighted bound of --importance draws, doubly reparameterised; without beta and free bits
    Iwae,
}

/// Numbers that training computes with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainingPrecision {
    /// 32 bits: faster, and far finer than the noise of a step
    #[default]
    Single,
    /// 64 bits
    Double,
}

/// Gradient of the class of a code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassGradient {
    /// Summed over all classes of each row
    #[default]
    Exact,
    /// Score function, against three other draws
    LeaveOneOut,
    /// Score function with the relaxed class as its baseline, at temperature 0.5
    Rebar,
    /// The relaxed class, at temperature 0.5: biased
    GumbelSoftmax,
}

impl ClassGradient {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |v| v.get_name().to_string())
    }
}

fn shape(text: &str) -> Result<(usize, usize), String> {
    let number = |t: &str| t.trim().parse::<usize>().ok().filter(|n| (1..=MOST).contains(n));
    let parts = text.split_once(['x', 'X']).and_then(|(h, w)| number(h).zip(number(w)));
    parts.ok_or_else(|| "expected height and width such as 28x28".to_string())
}

fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("expected a number such as 0.5".to_string()),
    }
}

fn weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e6).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1000000".to_string()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("expected a share between 0 and 1 such as 0.2".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_shares() {
        assert_eq!(shape("8x16"), Ok((8, 16)));
        for text in ["8", "0x3", "axb", "8x", "2x3x4"] {
            assert!(shape(text).is_err(), "{text}");
        }
        assert!(finite("nan").is_err() && finite("inf").is_err() && finite("-0.5") == Ok(-0.5));
        assert!(share("0").is_err() && share("1").is_err() && share("0.3") == Ok(0.3));
        assert!(weight("-1").is_err() && weight("inf").is_err() && weight("0") == Ok(0.0));
        assert!(positive("0").is_err() && positive("1e-3") == Ok(0.001));
        assert!(shape("8x1000001").is_err());
    }
}
