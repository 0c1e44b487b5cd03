//! Estimators behind references and boxes, so that an estimator can be chosen at run time.

use super::{Estimate, GradientEstimator, Point, Space};
use crate::target::DensityError;

macro_rules! delegate {
    ($($pointer:ty),*) => { $(
        impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F> + ?Sized> GradientEstimator<T, F> for $pointer {
            fn estimate(
                &self,
                target: &T,
                family: &F,
                at: &Point,
                space: &mut Space,
                grad: &mut [f64],
                grad_theta: &mut [f64],
            ) -> Result<Estimate, DensityError> {
                (**self).estimate(target, family, at, space, grad, grad_theta)
            }
        }
    )* };
}
delegate!(&E, Box<E>);
