//! A density without a finite integral: seen far out along lines, after a fit that did not arrive.

use nalgebra::SymmetricEigen;

use crate::algorithm::{Density, FitError, Solution, curvature};
use crate::family::Family;
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;
use crate::target::{Differentiable, Pass};

/// Purpose of the streams.
const PLACE: u32 = 55;

/// Distances are powers of ten: along latents up to this one, in units of how far the draw is from zero, and along
/// directions known to rounding only up to that one.
const FARTHEST: usize = 12;
const FARTHEST_FLAT: usize = 8;

/// Slope of the log density in the logarithm of the distance above which a line has no finite integral: -1, and a
/// margin. A Cauchy tail has -2.
const FALLS: f64 = -0.75;

/// Latents up to which each is looked at by itself, and up to which directions come from the curvature.
const MOST_AXES: usize = 1000;
const MOST_CURVED: usize = 100;

/// Nats between two points from which a density off the axes still rises: its mode may lie farther out.
const STILL_RISES: f64 = 1.0;

/// Curvature, as a share of the largest, below which a direction has none.
const FLAT: f64 = 1e-8;

/// Share of the largest part of a direction that a latent must have to be named with it.
const TAKES_PART: f64 = 0.1;

/// Refuses a density that does not fall off along some line through a draw of `solution`; returns the evaluations used.
///
/// Lines run along each latent, along the way from zero (a slope that separable data drive to infinity), and along
/// directions without curvature (a ridge of two latents of which only the sum matters). A proper density falls off
/// along all of them. This is asked where a fit did not arrive, since without it the advice would be more steps, and where the bound of a
/// stochastic fit levelled off, as it does along a ridge once the steps are small. What cannot
/// be judged is not refused: values that overflow, and off the latents' axes, a density that still rises.
pub(super) fn refuse_improper(
    target: &dyn Differentiable,
    family: &dyn Family,
    solution: &Solution,
    streams: Streams,
) -> Result<u64, FitError> {
    let layout = target.layout();
    let mut lines = Lines::through(target, family, solution, streams);
    if layout.num_latents == 0 || !lines.place.iter().all(|x| x.is_finite()) {
        return Ok(0);
    }
    let mut sites = Vec::new();
    lines.unit = lines.place.iter().fold(1.0, |most, x| x.abs().max(most));
    if layout.num_latents <= MOST_AXES {
        for k in 0..layout.num_latents {
            let axis: Vec<f64> = (0..layout.num_latents).map(|j| f64::from(u8::from(j == k))).collect();
            if !lines.falls_along(&axis, FARTHEST, f64::INFINITY)? {
                sites.extend(taking_part(layout, &axis));
                sites.dedup();
            }
        }
    }
    lines.unit = 1.0;
    if sites.is_empty() {
        let mut directions = vec![lines.place.clone()];
        let (found, taken) = flat(target, &lines.place, solution);
        directions.extend(found);
        lines.evaluations += taken;
        for direction in directions {
            if sites.is_empty() && !lines.falls_along(&direction, FARTHEST_FLAT, STILL_RISES)? {
                sites = taking_part(layout, &direction);
            }
        }
    }
    if sites.is_empty() { Ok(lines.evaluations) } else { Err(FitError::Improper { sites }) }
}

/// Lines through one draw of q.
struct Lines<'a> {
    target: &'a dyn Differentiable,
    theta: &'a [f64],
    /// The draw's latents outside of rows.
    place: Vec<f64>,
    /// The points of a line; everything but the latents outside of rows is that of the draw.
    z: Draws,
    rows: RowSet,
    pass: Pass,
    /// One, or how far the draw is from zero.
    unit: f64,
    evaluations: u64,
}

impl<'a> Lines<'a> {
    fn through(target: &'a dyn Differentiable, family: &dyn Family, solution: &'a Solution, streams: Streams) -> Self {
        let (layout, rows, num_points) = (target.layout(), RowSet::all(), 2 * FARTHEST);
        let mut z = Draws::zeros(layout, layout.num_rows, num_points);
        family.sample(&solution.params, &rows, streams.purpose(PLACE), &mut z);
        let mut place = vec![0.0; layout.num_latents];
        z.copy_draw(0, &mut place);
        z.row_latents.chunks_exact_mut(num_points).for_each(|lane| lane.fill(lane[0]));
        z.integers.chunks_exact_mut(num_points).for_each(|lane| lane.fill(lane[0]));
        z.row_integers.chunks_exact_mut(num_points).for_each(|lane| lane.fill(lane[0]));
        Lines { target, theta: &solution.theta, place, z, rows, pass: Pass::default(), unit: 1.0, evaluations: 0 }
    }

    /// Whether the density falls off on both sides, as far as it can be evaluated up to `10^farthest` from the draw.
    fn falls_along(&mut self, direction: &[f64], farthest: usize, rise: f64) -> Result<bool, FitError> {
        let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length == 0.0 || !length.is_finite() {
            return Ok(true);
        }
        let num_points = 2 * FARTHEST;
        for ((lane, place), part) in self.z.latents.chunks_exact_mut(num_points).zip(&self.place).zip(direction) {
            for (k, z) in lane.iter_mut().enumerate() {
                let sign = if k < FARTHEST { 1.0 } else { -1.0 };
                *z = place + sign * self.unit * 10f64.powi((k % FARTHEST) as i32 + 1) * part / length;
            }
        }
        self.target.log_density(self.theta, &self.z, &self.rows, &mut self.pass)?;
        self.evaluations += num_points as u64;
        Ok(self.pass.log_density.chunks_exact(FARTHEST).all(|side| falls(&side[..farthest], rise)))
    }
}

/// Whether values at powers of ten fall off, judged by the farthest three: both slopes must say that they do not. What
/// is no number, or rises by more than `rise` nats, says nothing.
fn falls(values: &[f64], rise: f64) -> bool {
    let [.., near, far, farthest] = *values else { return true };
    let slopes = [far - near, farthest - far];
    !slopes.iter().all(|gain| gain.is_finite() && *gain < rise && gain / 10f64.ln() >= FALLS)
}

/// Directions in which the log density has no curvature, none where that is not known, and the evaluations it took.
fn flat(target: &dyn Differentiable, place: &[f64], solution: &Solution) -> (Vec<Vec<f64>>, u64) {
    let layout = target.layout();
    let has_others = layout.num_row_latents + layout.num_integers + layout.num_row_integers > 0;
    if has_others || place.len() > MOST_CURVED {
        return (Vec::new(), 0);
    }
    let mut density = Density::new(target, &solution.theta);
    let hessian = curvature(&mut density, place, &vec![1.0; place.len()], 1e-3).ok();
    let eigen = hessian.and_then(|hessian| SymmetricEigen::try_new(hessian, 1e-14, 10_000));
    let Some(eigen) = eigen else { return (Vec::new(), density.evaluations) };
    let most = eigen.eigenvalues.amax();
    let flat = (0..place.len()).filter(|&k| eigen.eigenvalues[k].abs() <= FLAT * most);
    (flat.map(|k| eigen.eigenvectors.column(k).iter().copied().collect()).collect(), density.evaluations)
}

/// Sites with a large part in a direction, in the order of the model.
fn taking_part(layout: &Layout, direction: &[f64]) -> Vec<String> {
    let most = direction.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    let mut names: Vec<String> = Vec::new();
    for (k, part) in direction.iter().enumerate() {
        let name = layout.site_of_latent(k).map(|site| &site.name);
        if let Some(name) = name.filter(|name| part.abs() >= TAKES_PART * most && !names.contains(name)) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values at 10, 100, .. of a function of the distance.
    fn ladder(f: impl Fn(f64) -> f64) -> Vec<f64> {
        (1..=FARTHEST).map(|k| f(10f64.powi(k as i32))).collect()
    }

    #[test]
    fn tails_with_an_integral_fall_and_others_do_not() {
        for proper in [|x: f64| -0.5 * x * x, |x: f64| -x, |x: f64| -(x * x).ln_1p(), |x: f64| -x.exp()] {
            assert!(falls(&ladder(proper), STILL_RISES));
        }
        for improper in [|_: f64| -3.0, |x: f64| -0.5 * x.ln(), |x: f64| -(-x).exp()] {
            assert!(!falls(&ladder(improper), STILL_RISES));
        }
        // A flat piece as wide as a vague prior is not the tail.
        assert!(falls(&ladder(|x| -0.5 * (x / 1e10).powi(2)), STILL_RISES));
        // What rises for ever on an axis has no integral; off the axes a mode may lie farther out.
        assert!(!falls(&ladder(|x| x), f64::INFINITY) && falls(&ladder(|x| x), STILL_RISES));
    }

    #[test]
    fn what_overflows_is_not_judged() {
        for unknown in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(falls(&ladder(|_| unknown), f64::INFINITY));
            assert!(falls(&ladder(|x| if x > 1e3 { unknown } else { 0.0 }), f64::INFINITY));
        }
    }
}
