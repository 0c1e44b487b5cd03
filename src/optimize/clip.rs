//! Clipping of gradients before another rule sees them.

use serde::{Deserialize, Serialize};

use super::error::require_positive;
use super::slices::{bounded, squared_norm};
use super::{OptimizeError, Optimizer};

/// A rule that sees clipped gradients.
///
/// A clip that still acts once the run is stationary biases the answer, as any normaliser does that
/// contains its own gradient: put the bound well above the noise there, so that it catches accidents only.
///
/// ```
/// use jensen::optimize::{Adam, Clip, Clipped};
///
/// let rule = Clipped { inner: Adam::default(), clip: Clip::Norm(1e3) };
/// ```
///
/// *Source*: Pascanu, Mikolov and Bengio 2013, Algorithm 1, for the norm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clipped<O> {
    /// The rule that takes the step.
    pub inner: O,
    /// The way in which gradients are clipped.
    pub clip: Clip,
}

/// The way in which a gradient is clipped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Clip {
    /// Scaled down as a whole where its Euclidean norm exceeds the bound; the direction is kept.
    Norm(f64),
    /// Each coordinate clamped to plus or minus the bound.
    Coordinate(f64),
}

/// What [`Clipped`] remembers: the state of the rule inside, and room for one gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClippedState<S> {
    inner: S,
    #[serde(skip)]
    clipped: Vec<f64>,
}

impl Clip {
    /// Overwrites `clipped` with the clipped `grad` of the same length; NaN entries stay NaN.
    fn apply(self, grad: &[f64], clipped: &mut [f64]) {
        match self {
            Self::Coordinate(bound) => {
                for (c, g) in clipped.iter_mut().zip(grad) {
                    *c = bounded(*g, bound);
                }
            }
            Self::Norm(bound) => {
                let scale = bound / norm(grad);
                if scale < 1.0 {
                    for (c, g) in clipped.iter_mut().zip(grad) {
                        *c = scale * g;
                    }
                } else {
                    clipped.copy_from_slice(grad);
                }
            }
        }
    }
}

/// `|values|`, also where the squares overflow.
fn norm(values: &[f64]) -> f64 {
    let direct = squared_norm(values).sqrt();
    if direct.is_finite() {
        return direct;
    }
    let largest = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    largest * values.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

impl<O: Optimizer> Optimizer for Clipped<O> {
    type State = ClippedState<O::State>;

    fn init(&self, params: &[f64]) -> Self::State {
        ClippedState { inner: self.inner.init(params), clipped: vec![0.0; params.len()] }
    }

    fn ascend(&self, state: &mut Self::State, grad: &[f64], params: &mut [f64]) {
        // scratch is not saved: a resumed state makes room once
        state.clipped.resize(grad.len(), 0.0);
        self.clip.apply(grad, &mut state.clipped);
        self.inner.ascend(&mut state.inner, &state.clipped, params);
    }

    fn fits(&self, state: &Self::State, num_params: usize) -> bool {
        self.inner.fits(&state.inner, num_params)
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.inner.check()?;
        match self.clip {
            Clip::Norm(bound) => require_positive("clip.norm", bound, "1000"),
            Clip::Coordinate(bound) => require_positive("clip.coordinate", bound, "1000"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::Sgd;

    fn clipped(clip: Clip, grad: &[f64]) -> Vec<f64> {
        let mut out = vec![7.0; grad.len()];
        clip.apply(grad, &mut out);
        out
    }

    #[test]
    fn norm_keeps_the_direction_and_coordinate_does_not() {
        assert_eq!(clipped(Clip::Norm(2.5), &[3.0, -4.0]), [1.5, -2.0]);
        assert_eq!(clipped(Clip::Norm(5.0), &[3.0, -4.0]), [3.0, -4.0]);
        assert_eq!(clipped(Clip::Coordinate(3.5), &[3.0, -4.0]), [3.0, -3.5]);
        assert_eq!(clipped(Clip::Norm(1.0), &[0.0, 0.0]), [0.0, 0.0]);
    }

    #[test]
    fn a_norm_whose_square_overflows_is_clipped_too() {
        // 3-4-5 triangle: 4 ulps for a quotient, a root and two products
        for (found, expected) in clipped(Clip::Norm(10.0), &[3e200, -4e200]).iter().zip([6.0, -8.0]) {
            assert!((found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs(), "{found}");
        }
    }

    #[test]
    fn a_nan_is_passed_on_rather_than_hidden() {
        assert!(clipped(Clip::Norm(1.0), &[f64::NAN, 1.0])[0].is_nan());
        assert!(clipped(Clip::Coordinate(1.0), &[f64::NAN, 1.0])[0].is_nan());
    }

    #[test]
    fn the_rule_inside_sees_the_clipped_gradient() {
        let rule = Clipped { inner: Sgd::new(0.5), clip: Clip::Norm(2.5) };
        let mut params = [1.0, 1.0];
        let mut state = rule.init(&params);
        rule.ascend(&mut state, &[3.0, -4.0], &mut params);
        assert_eq!(params, [1.75, 0.0]);
    }

    #[test]
    fn a_bound_that_is_not_positive_is_refused() {
        for clip in [Clip::Norm(0.0), Clip::Coordinate(f64::NAN)] {
            assert!(Clipped { inner: Sgd::default(), clip }.check().is_err(), "{clip:?}");
        }
    }
}
