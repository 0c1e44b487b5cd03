//! Laws of every family and every gradient estimator, as functions that say where it does not.
//!
//! A fit that recovers the right answer does not prove a gradient: with the factor `sigma` deleted from a pullback,
//! sticking the landing still finds the exact posterior. Derivatives are therefore held against differences, and
//! expectations against other routes to the same number.
//!
//! ```
//! use jensen::family::{Family, MeanField};
//! use jensen::model::{Layout, RowSet};
//! use jensen::streams::Streams;
//! use jensen::testing::laws::{self, Case};
//!
//! let layout = Layout { num_latents: 2, ..Layout::default() };
//! let (family, rows) = (MeanField::new(&layout), RowSet::all());
//! let params = family.init(&[0.3, -1.0], 0.5);
//! let case = Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(1), num_draws: 4 };
//! laws::pullback_is_derivative(&family, &case)?;
//! laws::is_normalised(&family, &case)?;
//! # Ok::<(), laws::Broken>(())
//! ```

mod differences;
mod estimator;
mod family;

pub use estimator::{gradient_is_derivative, is_unbiased, mean_gradient, resumes, vanishes_at_truth};
pub use family::{
    entropy_gradient_is_derivative, entropy_is_mean, grad_log_q_is_derivative, is_normalised, pullback_is_derivative,
    rescale_is_affine, score_has_mean_zero, score_is_derivative, sums_to_one, transform_is_sample,
};

use crate::estimate::{Design, Point, Task};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// The case in which a law is checked: a layout, parameters, rows, randomness and a number of draws.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// How the model's latents lie in a block of draws.
    pub layout: &'a Layout,
    /// Parameters of q; a law holds everywhere, so take values without symmetry.
    pub params: &'a [f64],
    /// Learnable parameters of the model.
    pub theta: &'a [f64],
    /// Rows of the pass.
    pub rows: &'a RowSet,
    /// The source of the draws.
    pub streams: Streams,
    /// Number of draws.
    pub num_draws: usize,
}

impl<'a> Case<'a> {
    /// The case as an estimator sees it, with independent draws.
    pub fn point(&self) -> Point<'a> {
        let Case { params, theta, rows, streams, num_draws, .. } = *self;
        Point { params, theta, rows, streams, num_draws, design: Design::Independent }
    }

    /// What an estimator is asked for in this case.
    pub fn task<'b, T: ?Sized, F: ?Sized>(&self, target: &'b T, family: &'b F) -> Task<'b, T, F>
    where
        'a: 'b,
    {
        Task { target, family, at: self.point() }
    }

    /// The same with the randomness of a step.
    fn at_step(&self, step: usize) -> Self {
        Case { streams: self.streams.at_step(step as u64), ..*self }
    }

    fn draws(&self) -> Draws {
        Draws::zeros(self.layout, self.rows.len(self.layout), self.num_draws)
    }
}

/// A law that does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{law} does not hold at {place}: {found}, expected {expected} within {tolerance:e}")]
#[non_exhaustive]
pub struct Broken {
    /// The law in words.
    pub law: &'static str,
    /// Where the law is broken: a parameter, a draw, or a sum over them.
    pub place: String,
    /// The value found.
    pub found: f64,
    /// The value the law asks for.
    pub expected: f64,
    /// The largest difference that the law allows.
    pub tolerance: f64,
}

fn hold(
    law: &'static str,
    place: impl Fn() -> String,
    found: f64,
    expected: f64,
    tolerance: f64,
) -> Result<(), Broken> {
    // A NaN is no agreement.
    if (found - expected).abs() <= tolerance || found == expected {
        Ok(())
    } else {
        Err(Broken { law, place: place(), found, expected, tolerance })
    }
}
