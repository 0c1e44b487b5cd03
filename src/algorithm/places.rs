//! Which of several quasi-Newton paths lead to the same place, and which lead to none.

use super::density::Density;
use super::gaussian::PathGaussian;
use super::path::PathEnd;
use super::start::Explored;
use crate::target::{DensityError, Differentiable};

/// Nats by which the log joint falls between two places that are apart.
///
/// With equal halves of a posterior on either side, a fall of 2 nats is where the two begin to be seen: of two unit
/// normals it lies between centres 2 sqrt(2 ln 2 + 4) = 4.6 sd apart.
const VALLEY: f64 = 2.0;

/// Points between two places at which the log joint is looked at.
const BETWEEN: usize = 7;

/// Distance of two ends of paths, in standard deviations of any latent, below which nobody looks for a valley.
const BESIDE: f64 = 0.1;

/// Nats below the best bound, and as many for each latent, from which on a place is not worth a fit of its own.
///
/// The bound of a path's Gaussian has the error of 16 draws and of a curvature from 8 steps, which grows with the
/// number of latents: places of equal evidence were seen 8 nats apart with 6 latents.
const HOPELESS: (f64, f64) = (10.0, 1.0);

/// A place that paths lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PathPlace {
    /// Paths that lead there.
    pub num_paths: usize,
    /// The best bound of their Gaussians, an estimate from few draws.
    pub bound: f64,
    /// Whether a path arrived there at a maximum of the log joint.
    pub is_mode: bool,
    /// Whether its bound is near enough to the best for a fit of its own.
    pub is_worth_a_fit: bool,
}

/// Gives each of the `paths`, the best first, the number of the place that it leads to, and returns the places in that
/// order.
///
/// Two ends are one place where the log joint has no valley between them. A path that found no maximum, or a maximum that
/// towers over that of the best Gaussian while its own bound is hopeless, as in a spike where a scale is driven to nothing,
/// leads to no place of its own.
pub(super) fn group<T: Differentiable + ?Sized>(
    density: &mut Density<'_, T>,
    paths: &mut [Explored],
) -> Result<Vec<PathPlace>, DensityError> {
    let (mut places, mut leaders): (Vec<PathPlace>, Vec<usize>) = (Vec::new(), Vec::new());
    for k in 0..paths.len() {
        let (path, is_mode) = (&paths[k], paths[k].end == PathEnd::Arrived);
        let best = &paths[0];
        let hopeless = path.rejected > best.rejected || path.bound < best.bound - hopeless_by(path.last.len());
        let towers = is_mode && path.value > best.value;
        let may_lead = k == 0 || path.end != PathEnd::NoPath && (!hopeless || is_mode && !towers);
        let mut found = None;
        for (number, &leader) in leaders.iter().enumerate() {
            if path.bound > f64::NEG_INFINITY && same_place(density, path, &paths[leader])? {
                found = Some(number);
                break;
            }
        }
        if found.is_none() && may_lead {
            found = Some(places.len());
            leaders.push(k);
            places.push(PathPlace { num_paths: 0, bound: path.bound, is_mode, is_worth_a_fit: !hopeless });
        }
        if let Some(number) = found {
            places[number].num_paths += usize::from(path.end != PathEnd::NoPath);
            places[number].is_mode |= is_mode;
        }
        paths[k].place = found;
    }
    Ok(places)
}

fn hopeless_by(num_latents: usize) -> f64 {
    HOPELESS.0 + HOPELESS.1 * num_latents as f64
}

/// Whether two ends lie beside each other, measured by the Gaussian of either.
pub(super) fn beside(a: (&[f64], &PathGaussian), b: (&[f64], &PathGaussian)) -> bool {
    let near = |sd: &[f64]| a.0.iter().zip(b.0).zip(sd).all(|((a, b), s)| (a - b).abs() <= BESIDE * s);
    near(&a.1.sd()) && near(&b.1.sd())
}

fn same_place<T: Differentiable + ?Sized>(
    density: &mut Density<'_, T>,
    a: &Explored,
    b: &Explored,
) -> Result<bool, DensityError> {
    let (from, to) = (a.centre(), b.centre());
    if beside((from, &a.gaussian), (to, &b.gaussian)) {
        return Ok(true);
    }
    let mut z = density.block(BETWEEN + 2);
    for k in 0..BETWEEN + 2 {
        let share = k as f64 / (BETWEEN + 1) as f64;
        let point: Vec<f64> = from.iter().zip(to).map(|(a, b)| a + share * (b - a)).collect();
        z.set_draw(k, &point);
    }
    let values = density.values(&z)?;
    let lower = values[0].min(values[BETWEEN + 1]);
    // A value that is not finite is a valley.
    Ok(lower.is_finite() && values[1..=BETWEEN].iter().all(|v| *v >= lower - VALLEY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::StartSearch;
    use crate::streams::Streams;
    use crate::target::HandWritten;

    /// `ln(exp(-x^2 / 2 s^2) + exp(-(x - apart)^2 / 2 s^2 - lower))`, moved to the left by half of `apart`, and a normal.
    fn two(apart: f64, lower: f64) -> impl Fn(&[f64], &mut [f64]) -> f64 + Sync {
        move |z, grad| {
            let (left, right) = ((z[0] + 0.5 * apart) / 0.3, (z[0] - 0.5 * apart) / 0.3);
            let (a, b) = (-0.5 * left.powi(2), -0.5 * right.powi(2) - lower);
            let top = a.max(b);
            let (p, q) = ((a - top).exp(), (b - top).exp());
            grad[0] = -(left * p + right * q) / (p + q) / 0.3;
            grad[1] = -z[1];
            top + (p + q).ln() - 0.5 * z[1].powi(2)
        }
    }

    #[test]
    fn modes_with_a_valley_between_them_are_places_and_others_are_not() {
        for seed in 0..5 {
            let target = HandWritten::new(&["x", "y"], two(2.4, 3.0));
            let found = StartSearch::new(Streams::new(seed)).find(&target, &[]).unwrap();
            let places = &found.places;
            assert_eq!(places.len(), 2, "{places:?}");
            assert!(places.iter().all(|p| p.is_mode && p.is_worth_a_fit && p.num_paths > 1), "{places:?}");
            // The Gaussians are the modes' own, up to the errors of a curvature and 16 draws.
            assert!((places[0].bound - places[1].bound - 3.0).abs() < 0.7, "{places:?}");
            for path in found.paths.iter().filter(|p| p.end == PathEnd::Arrived) {
                assert_eq!(path.place == Some(0), path.last[0] < 0.0, "{path:?}");
            }
            // Two tops 3.3 sd apart with a valley of a third of a nat are one place for a Gaussian.
            let target = HandWritten::new(&["x", "y"], two(1.0, 0.0));
            let found = StartSearch::new(Streams::new(seed)).find(&target, &[]).unwrap();
            assert_eq!(found.places.len(), 1, "{:?}", found.places);
        }
    }

    #[test]
    fn a_mode_without_weight_is_a_place_that_is_not_worth_a_fit() {
        let target = HandWritten::new(&["x", "y"], two(8.0, 60.0));
        let found = StartSearch::new(Streams::new(3)).find(&target, &[]).unwrap();
        assert_eq!(found.places.len(), 2, "{:?}", found.places);
        assert!(found.places[0].is_worth_a_fit && !found.places[1].is_worth_a_fit, "{:?}", found.places);
    }

    #[test]
    fn a_spike_of_the_log_joint_is_no_place() {
        // x_k ~ N(0, e^s), s ~ N(0, 3): the log density is highest at s = -81, where the posterior has e^-364 of its mass.
        let names: Vec<String> = (0..10).map(|k| format!("z{k}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let target = HandWritten::new(&names, |z, grad| {
            let (s, precision) = (z[0], (-2.0 * z[0]).exp());
            let squares: f64 = z[1..].iter().map(|x| x * x).sum();
            grad[0] = -s / 9.0 - 9.0 + squares * precision;
            grad[1..].iter_mut().zip(&z[1..]).for_each(|(g, x)| *g = -x * precision);
            -s * s / 18.0 - 9.0 * s - 0.5 * squares * precision
        });
        let found = StartSearch::new(Streams::new(1)).find(&target, &[]).unwrap();
        assert!(found.places[0].bound > -10.0, "{:?}", found.places);
        // On the way there the log joint passes 20; the log evidence is 10.3.
        assert!(found.paths.iter().any(|p| p.value > 20.0) && found.places.len() == 1, "{:?}", found.paths);
    }
}
