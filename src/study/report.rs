//! The report of a study: plain values, to be saved or read by a program.

use serde::{Deserialize, Serialize};

use super::{Interval, Maximised, Sample};
use crate::number;

/// A finished (or interrupted) study.
///
/// `println!("{report}")` shows the tables and the recommendation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StudyReport {
    /// What the estimators estimate the gradient of.
    #[serde(default)]
    pub objective: Maximised,
    /// Name of the family.
    pub family: String,
    /// Numbers in a gradient: parameters of q, then of the model.
    pub num_params: usize,
    /// Gradients of each kind that were asked for.
    pub repeats: usize,
    /// Density evaluations of each short fit that were asked for.
    pub budget: u64,
    /// The seed of all randomness.
    pub seed: u64,
    /// The points, in order.
    pub points: Vec<PointReport>,
    /// One entry for each point, number of draws and estimator.
    pub cells: Vec<Cell>,
    /// The short fits, one for each number of draws and estimator.
    pub fits: Vec<ShortFit>,
    /// Estimators that were asked for and cannot be compared.
    #[serde(default)]
    pub refused: Vec<Refused>,
    /// Whether nothing was interrupted.
    pub complete: bool,
    /// Those that may be used, the least noise for the work first.
    #[serde(default)]
    pub ranks: Vec<Rank>,
    /// The estimator to use, or why none is recommended.
    pub recommendation: Recommendation,
    /// Studies of other objectives at the same points, each with its own reference and recommendation.
    #[serde(default)]
    pub others: Vec<StudyReport>,
}

/// An estimator that the model, the family or the numbers of draws do not allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refused {
    /// The estimator's name.
    pub estimator: String,
    /// The reason, with a remedy.
    pub reason: String,
}

/// A point at which gradients were taken, with its reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PointReport {
    /// `init`, `middle`, `optimum`, or the caller's name.
    pub name: String,
    /// Parameters of q.
    #[serde(with = "number::list")]
    pub params: Vec<f64>,
    /// Parameters of the model.
    #[serde(with = "number::list")]
    pub theta: Vec<f64>,
    /// What every estimator is held against; `None` where it could not be had.
    pub reference: Option<ReferenceGradient>,
    /// The reason for which there is no reference.
    pub failure: Option<String>,
}

/// The gradient that unbiased estimators have as their mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReferenceGradient {
    /// The origin of the reference, in words.
    pub source: String,
    /// The gradient, in parameters of q and then of the model.
    #[serde(with = "number::list")]
    pub gradient: Vec<f64>,
    /// Its standard errors; zero where it is exact.
    #[serde(with = "number::list")]
    pub standard_error: Vec<f64>,
}

/// One estimator with one number of draws at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cell {
    /// The estimator's name.
    pub estimator: String,
    /// The point's name.
    pub point: String,
    /// Draws for each gradient.
    pub num_draws: usize,
    /// The figures, where the estimator could be measured.
    pub figures: Option<Figures>,
    /// The reason for which nothing was measured.
    pub failure: Option<String>,
    /// The estimator whose gradients these are too, draw for draw, where there is one before it.
    #[serde(default)]
    pub same_as: Option<String>,
    /// What each gradient left behind; not part of saved reports.
    #[serde(skip)]
    pub sample: Sample,
}

/// The figures of one estimator at one point with one number of draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// Gradients that were taken and finite.
    pub repeats: usize,
    /// Gradients that were not finite; they are left out of everything else.
    pub not_finite: usize,
    /// Share of the draws that had no finite density.
    #[serde(with = "number")]
    pub rejected: f64,
    /// Mean of the gradients.
    #[serde(with = "number::list")]
    pub mean: Vec<f64>,
    /// Variance of each number of a gradient.
    #[serde(with = "number::list")]
    pub variance: Vec<f64>,
    /// Sum of the variances.
    #[serde(with = "number")]
    pub total_variance: f64,
    /// Where it is with 90 % probability, however heavy its tails; unknown (NaN) with fewer than 30 gradients.
    pub variance_interval: Interval,
    /// Length of the reference gradient over the square root of the total variance.
    #[serde(with = "number")]
    pub signal_to_noise: f64,
    /// Where it is with 90 % probability, as far as the variance decides.
    pub signal_to_noise_interval: Interval,
    /// Distance from the reference; `None` without one.
    pub bias: Option<Bias>,
    /// Density evaluations of a gradient.
    #[serde(with = "number")]
    pub evaluations: f64,
    /// Wall time of a gradient in seconds, the median.
    #[serde(with = "number")]
    pub seconds: f64,
    /// Total variance x evaluations: lower is better, the same on every machine.
    #[serde(with = "number")]
    pub variance_x_evaluations: f64,
    /// Total variance x seconds: lower is better, as measured here.
    #[serde(with = "number")]
    pub variance_x_seconds: f64,
    /// Mean of the bound's estimates that came with the gradients.
    #[serde(with = "number")]
    pub bound: f64,
    /// Why none of this can be relied on: gradients that hang together, or that the same randomness does not give again.
    #[serde(default)]
    pub doubt: Option<String>,
}

/// How far the mean of an estimator's gradients is from the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bias {
    /// The largest distance, in its standard errors (of both; with integers they allow for values that were never
    /// drawn).
    #[serde(with = "number")]
    pub largest: f64,
    /// The number of the gradient where it is the largest.
    pub parameter: usize,
    /// How much longer the mean is along the reference, as a share of its length.
    #[serde(with = "number")]
    pub along: f64,
    /// Its standard error, of both.
    #[serde(with = "number")]
    pub along_error: f64,
    /// What the largest stays below with 99 % probability in the whole study if nothing is biased.
    #[serde(with = "number")]
    pub threshold: f64,
    /// Every distance, signed.
    #[serde(with = "number::list")]
    pub in_standard_errors: Vec<f64>,
    /// Length of the distance over the length of the reference.
    #[serde(with = "number")]
    pub relative: f64,
    /// Whether it was found again by a second, longer run, whose figures these are.
    pub found_twice: bool,
    /// Whether the reference is a long run of this very estimator, which then says nothing about its bias.
    pub own_reference: bool,
}

impl Bias {
    /// Whether the estimator is biased beyond chance.
    pub fn is_biased(&self) -> bool {
        // NaN is no evidence of being unbiased.
        !self.own_reference && (self.largest > self.threshold || self.largest.is_nan() || self.is_scaled())
    }

    /// Whether the mean is too long or too short along the reference beyond chance.
    fn is_scaled(&self) -> bool {
        self.along.abs() > self.threshold * self.along_error
    }
}

/// An estimator with a number of draws among those that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rank {
    /// The estimator's name.
    pub estimator: String,
    /// Draws of a gradient.
    pub num_draws: usize,
    /// Its variance x evaluations over that of the first, the geometric mean over the points.
    #[serde(with = "number")]
    pub ratio: f64,
    /// Where the ratio is with 90 % probability: both were measured on the same draws.
    pub interval: Interval,
    /// The probability that none has less noise for the work.
    #[serde(with = "number")]
    pub probability: f64,
    /// Whether its short fits ended as high as the best, within their errors.
    pub arrives: bool,
    /// Whether its noise for the work is more than twice that of the first, beyond chance.
    pub distinguishable: bool,
}

/// A short fit from the first point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShortFit {
    /// The estimator's name.
    pub estimator: String,
    /// Draws of a step.
    pub num_draws: usize,
    /// The bound it reached (of another objective than the ELBO that objective's value), from fresh draws that all short fits share.
    #[serde(with = "number")]
    pub bound: f64,
    /// The standard error of the bound.
    #[serde(with = "number")]
    pub standard_error: f64,
    /// Number of steps taken.
    pub steps: u64,
    /// Fits from the same start with randomness of their own, of which `bound` is the mean.
    pub runs: usize,
    /// The standard error of the bound by the spread of the runs' ends; NaN for one run.
    #[serde(with = "number")]
    pub run_error: f64,
    /// Density evaluations used.
    pub evaluations: u64,
    /// Wall time of the short fit, in seconds.
    #[serde(with = "number")]
    pub seconds: f64,
    /// The reason for which it ended early.
    pub failure: Option<String>,
    /// Values of the objective at the first run's end, on the fresh draws that all fits share.
    #[serde(skip)]
    pub(super) values: Vec<f64>,
}

/// The estimator and the number of draws to use, with the reason in a sentence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recommendation {
    /// The estimator; `None` where none can be recommended.
    pub estimator: Option<String>,
    /// Number of draws a step, where an estimator is recommended.
    pub num_draws: Option<usize>,
    /// Others that are as good: their fits end as high, and chance or a factor of two may be all that is between their noise
    /// for the work and the least.
    #[serde(default)]
    pub as_good: Vec<String>,
    /// Times that the next best estimator, as good ones apart, has of its noise for the work.
    #[serde(default)]
    pub margin: Option<Interval>,
    /// The reason, in words.
    pub sentence: String,
}

impl StudyReport {
    /// This study and those of other objectives.
    pub fn each(&self) -> impl Iterator<Item = &StudyReport> {
        std::iter::once(self).chain(&self.others)
    }

    /// The cell of an estimator.
    pub fn cell(&self, estimator: &str, point: &str, num_draws: usize) -> Option<&Cell> {
        self.cells.iter().find(|c| c.estimator == estimator && c.point == point && c.num_draws == num_draws)
    }

    /// The figures of an estimator at a point with this number of draws, where it has any.
    pub fn figures(&self, estimator: &str, point: &str, num_draws: usize) -> Option<&Figures> {
        self.cell(estimator, point, num_draws)?.figures.as_ref()
    }
}
