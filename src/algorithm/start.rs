//! Where to start: several quasi-Newton paths, and the best Gaussian along each.

use super::FitError;
use super::density::Density;
use super::gaussian::PathGaussian;
use super::path::{Path, PathEnd};
use crate::objective::Accepted;
use crate::streams::Streams;
use crate::target::Differentiable;

/// Purposes of the streams.
const POINTS: u32 = 11;
const SCORES: u32 = 12;

/// Random points tried for one path before it is given up.
const ATTEMPTS: usize = 20;

/// Places along a path at which a Gaussian is scored.
const PLACES: usize = 16;

/// Latents up to which a path's first scales are worth a gradient for each.
const SCALED_UP_TO: usize = 1000;

/// Steps remembered by a path.
const HISTORY: usize = 8;

/// Several quasi-Newton paths from points drawn uniformly from (-2, 2) in the unconstrained space.
///
/// The Gaussian of the path's curvature is scored at places along each path by its evidence lower bound, with the
/// same few draws everywhere; what wins is often not at the mode, which may lie in a spike without mass.
///
/// *Source*: Zhang, Carpenter, Gelman and Vehtari 2022 (Pathfinder), with shared antithetic draws.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartSearch {
    /// Number of paths.
    pub num_paths: usize,
    /// Draws that score a Gaussian.
    pub num_draws: usize,
    /// Iterations of one path at most.
    pub max_iterations: u64,
    /// A point to begin the first path from, in place of a random one.
    pub point: Option<Vec<f64>>,
    /// The source of all randomness of the start.
    pub streams: Streams,
}

/// The result of the search for a start: paths, modes and evaluations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The paths and a few plain Gaussians around zero, the best bound first; never empty.
    pub paths: Vec<Explored>,
    /// Random points that were passed over because the density was not finite there.
    pub not_finite: usize,
    /// Distinct modes among the paths that arrived at one.
    pub num_modes: usize,
    /// Density evaluations used.
    pub evaluations: u64,
}

/// One path and the best Gaussian along it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explored {
    /// The Gaussian with the best score.
    pub gaussian: PathGaussian,
    /// Its score: an estimate of the bound from few draws.
    pub bound: f64,
    /// Scoring draws at which the density was not finite.
    pub rejected: usize,
    /// Where the path ended.
    pub last: Vec<f64>,
    /// The reason for which it ended there.
    pub end: PathEnd,
}

impl StartSearch {
    /// Four paths, scored by 16 draws.
    pub fn new(streams: Streams) -> Self {
        StartSearch { num_paths: 4, num_draws: 16, max_iterations: 300, point: None, streams }
    }

    /// Follows the paths.
    ///
    /// # Errors
    /// When the density is finite at no starting point, or does not depend on a latent at all.
    pub fn find<T: Differentiable + ?Sized>(&self, target: &T, theta: &[f64]) -> Result<Found, FitError> {
        let mut density = Density::new(target, theta);
        let (mut not_finite, mut paths, mut begun) = (0, Vec::new(), Vec::new());
        for k in 0..self.num_paths.max(1) {
            if let Some(path) = self.begin(&mut density, target, k, &mut not_finite)? {
                begun.push(path);
            }
        }
        if begun.is_empty() {
            let detail = responsible(target, &mut density)?;
            return Err(FitError::NotFinite { place: "the start".into(), times: not_finite, detail });
        }
        check_every_latent_matters(target, &begun)?;
        for path in begun {
            paths.push(self.explore(&mut density, path)?);
        }
        self.add_plain(&mut density, &mut paths)?;
        paths.sort_by(|a, b| a.rejected.cmp(&b.rejected).then(b.bound.total_cmp(&a.bound)));
        let num_modes = count_modes(&paths);
        Ok(Found { paths, not_finite, num_modes, evaluations: density.evaluations })
    }

    /// Adds plain Gaussians around zero: in a hierarchy they can be better than anything on the way into a spike.
    fn add_plain<T: Differentiable + ?Sized>(
        &self,
        density: &mut Density<'_, T>,
        paths: &mut Vec<Explored>,
    ) -> Result<(), FitError> {
        let d = paths.first().map_or(0, |p| p.last.len());
        let centre = self.point.clone().unwrap_or_else(|| vec![0.0; d]);
        for sd in [1.0, 0.3, 0.1] {
            let gaussian = PathGaussian::diagonal(centre.clone(), &vec![sd; d]);
            let (bound, rejected) = score(density, &gaussian, self.num_draws, self.streams)?;
            paths.push(Explored { gaussian, bound, rejected, last: centre.clone(), end: PathEnd::Budget });
        }
        Ok(())
    }

    /// A path from the first usable of some random points, the later ones closer to zero.
    fn begin<T: Differentiable + ?Sized>(
        &self,
        density: &mut Density<'_, T>,
        target: &T,
        number: usize,
        not_finite: &mut usize,
    ) -> Result<Option<Path>, FitError> {
        let d = target.layout().num_latents;
        let mut point = vec![0.0; d];
        for attempt in 0..=ATTEMPTS {
            match &self.point {
                Some(given) if number == 0 && attempt == 0 => point.copy_from_slice(given),
                _ if attempt == ATTEMPTS => point.fill(0.0),
                _ => {
                    let width = if attempt < ATTEMPTS / 2 { 2.0 } else { 2.0 * 0.6f64.powi((attempt - 9) as i32) };
                    let streams = self.streams.purpose(POINTS).at_step((number * ATTEMPTS + attempt) as u64);
                    streams.fill_uniform(1, &mut point);
                    point.iter_mut().for_each(|x| *x = width * (2.0 * *x - 1.0));
                }
            }
            if let Some(mut path) = Path::begin(density, &point, HISTORY)? {
                if d <= SCALED_UP_TO {
                    path.diagonal = first_scales(density, &path)?;
                }
                return Ok(Some(path));
            }
            *not_finite += 1;
        }
        Ok(None)
    }

    /// Follows one path to its end and scores Gaussians along it.
    fn explore<T: Differentiable + ?Sized>(
        &self,
        density: &mut Density<'_, T>,
        mut path: Path,
    ) -> Result<Explored, FitError> {
        let mut places = vec![path.clone()];
        while path.end.is_none() && path.iteration < self.max_iterations {
            let before = path.iteration;
            path.advance(density)?;
            if path.iteration > before {
                places.push(path.clone());
                if places.len() > 4 * PLACES {
                    thin(&mut places);
                }
            }
        }
        let (last, end) = (path.position.clone(), path.end.unwrap_or(PathEnd::Budget));
        let mut best: Option<Explored> = None;
        for place in chosen(&places) {
            let gaussian = PathGaussian::at(place);
            if !gaussian.is_finite() {
                continue;
            }
            let (bound, rejected) = score(density, &gaussian, self.num_draws, self.streams)?;
            let better =
                best.as_ref().is_none_or(|b| rejected < b.rejected || rejected == b.rejected && bound > b.bound);
            if better {
                best = Some(Explored { gaussian, bound, rejected, last: last.clone(), end });
            }
        }
        Ok(best.unwrap_or_else(|| Explored {
            gaussian: PathGaussian::diagonal(last.clone(), &vec![0.1; last.len()]),
            bound: f64::NEG_INFINITY,
            rejected: self.num_draws,
            last,
            end,
        }))
    }
}

/// Inverse curvature along each latent by forward differences of the gradient: units for a path's first steps.
fn first_scales<T: Differentiable + ?Sized>(density: &mut Density<'_, T>, path: &Path) -> Result<Vec<f64>, FitError> {
    let d = path.position.len();
    let mut z = density.block(d);
    for (k, (lane, x)) in z.latents.chunks_exact_mut(d.max(1)).zip(&path.position).enumerate() {
        lane.fill(*x);
        lane[k] += 1e-4;
    }
    let (_, grad) = density.gradients(&z)?;
    let scale = |k: usize| {
        let curvature = ((path.grad[k] - grad[k * d + k]) / 1e-4).abs();
        let usable = curvature.is_finite() && curvature > 1e-12;
        if usable { 1.0 / curvature } else { 1.0 }
    };
    Ok((0..d).map(scale).collect())
}

/// Drops every second place of the first half.
fn thin(places: &mut Vec<Path>) {
    let half = places.len() / 2;
    let mut k = 0;
    places.retain(|_| {
        k += 1;
        k > half || k % 2 == 1
    });
}

/// The last few places and some spread over those before.
fn chosen(places: &[Path]) -> Vec<&Path> {
    let n = places.len();
    if n <= PLACES {
        return places.iter().collect();
    }
    let (late, early) = (n - PLACES / 2, PLACES / 2);
    (0..early).map(|k| &places[k * late / early]).chain(&places[late..]).collect()
}

/// The bound of a Gaussian from a few shared antithetic draws, and how many of them had no finite density.
pub(crate) fn score<T: Differentiable + ?Sized>(
    density: &mut Density<'_, T>,
    gaussian: &PathGaussian,
    num_draws: usize,
    streams: Streams,
) -> Result<(f64, usize), FitError> {
    let (d, half) = (gaussian.mean.len(), num_draws.div_ceil(2));
    let mut noise = vec![0.0; gaussian.num_noise()];
    let (mut z, mut point) = (density.block(2 * half), vec![0.0; d]);
    let mut log_q = vec![0.0; 2 * half];
    for k in 0..half {
        streams.purpose(SCORES).fill_normal_from(k, 1, &mut noise);
        for sign in 0..2 {
            gaussian.draw(&noise, &mut point);
            z.set_draw(2 * k + sign, &point);
            log_q[2 * k + sign] = gaussian.log_density(&point);
            noise.iter_mut().for_each(|e| *e = -*e);
        }
    }
    let (mut sum, mut rejected) = (0.0, 0);
    for (p, q) in density.values(&z)?.iter().zip(&log_q) {
        if (p - q).is_finite() {
            sum += p - q;
        } else {
            rejected += 1;
        }
    }
    let accepted = Accepted { count: 2 * half - rejected, num_draws: 2 * half };
    let bound = if accepted.count == 0 { f64::NEG_INFINITY } else { sum / accepted.count as f64 + accepted.ln_share() };
    Ok((bound, rejected))
}

/// Modes further apart than half a standard deviation in some latent.
fn count_modes(paths: &[Explored]) -> usize {
    let mut modes: Vec<&Explored> = Vec::new();
    for path in paths.iter().filter(|p| p.end == PathEnd::Arrived) {
        let sd = path.gaussian.sd();
        let same = |other: &&Explored| {
            let shifts = path.last.iter().zip(&other.last).zip(&sd);
            shifts.into_iter().all(|((a, b), s)| (a - b).abs() < 0.5 * s)
        };
        if !modes.iter().any(same) {
            modes.push(path);
        }
    }
    modes.len()
}

/// A latent whose gradient is exactly zero at every start has a flat posterior.
fn check_every_latent_matters<T: Differentiable + ?Sized>(target: &T, begun: &[Path]) -> Result<(), FitError> {
    let layout = target.layout();
    let Some(flat) = (0..layout.num_latents).find(|&k| begun.iter().all(|p| p.grad[k] == 0.0)) else { return Ok(()) };
    let name = layout.site_of_latent(flat).map_or_else(|| format!("number {flat}"), |s| format!("\"{}\"", s.name));
    Err(FitError::Unused { latent: name })
}

/// The site to look at when no start has a finite density, in words.
fn responsible<T: Differentiable + ?Sized>(target: &T, density: &mut Density<'_, T>) -> Result<String, FitError> {
    let layout = target.layout();
    let mut grad = vec![0.0; layout.num_latents];
    density.at(&vec![0.0; layout.num_latents], &mut grad)?;
    let named = |k: usize| layout.site_of_latent(k).map(|s| s.name.clone());
    let broken = grad.iter().position(|g| !g.is_finite());
    // A latent that alone can make the density finite is to blame, even where its gradient is.
    for k in 0..layout.num_latents.min(256) {
        for shift in [-20.0, -8.0, -3.0, 3.0, 8.0, 20.0] {
            let mut point = vec![0.0; layout.num_latents];
            point[k] = shift;
            if density.at(&point, &mut grad)?.is_finite() {
                return Ok(named(k).map_or(String::new(), |name| {
                    format!(" (moving \"{name}\" alone to {shift} before its transform makes it finite)")
                }));
            }
        }
    }
    let broken = broken.and_then(named);
    Ok(broken.map_or(String::new(), |name| format!(" (the first latent without a finite gradient is \"{name}\")")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::HandWritten;

    #[test]
    fn a_gaussian_is_found_exactly() {
        let target = HandWritten::new(&["a", "b"], |z, grad| {
            grad[0] = -4.0 * (z[0] - 1.0);
            grad[1] = -0.25 * (z[1] + 2.0);
            -2.0 * (z[0] - 1.0).powi(2) - 0.125 * (z[1] + 2.0).powi(2)
        });
        let found = StartSearch::new(Streams::new(1)).find(&target, &[]).unwrap();
        assert_eq!((found.num_modes, found.not_finite), (1, 0));
        let best = &found.paths[0];
        // The log normaliser is ln(2 pi * 1/2 * 2); a path of few steps knows the curvature roughly.
        assert!((best.bound - (2.0 * std::f64::consts::PI).ln()).abs() < 0.3, "{}", best.bound);
        assert!((best.gaussian.mean[0] - 1.0).abs() < 0.05 && (best.gaussian.mean[1] + 2.0).abs() < 0.2);
        let arrived: Vec<_> = found.paths.iter().filter(|p| p.end == PathEnd::Arrived).collect();
        assert_eq!(arrived.len(), 4);
        assert!(arrived.iter().all(|p| (p.last[0] - 1.0).abs() < 1e-4 && (p.last[1] + 2.0).abs() < 1e-3));
    }

    #[test]
    fn two_modes_are_counted() {
        let target = HandWritten::new(&["x"], |z, grad| {
            let (a, b) = ((-8.0 * (z[0] - 1.0).powi(2)).exp(), (-8.0 * (z[0] + 1.0).powi(2)).exp());
            grad[0] = -16.0 * ((z[0] - 1.0) * a + (z[0] + 1.0) * b) / (a + b);
            (a + b).ln()
        });
        let found = StartSearch { num_paths: 8, ..StartSearch::new(Streams::new(2)) }.find(&target, &[]).unwrap();
        assert_eq!(found.num_modes, 2);
    }

    #[test]
    fn a_finite_region_is_found_and_the_rest_counted() {
        let target = HandWritten::new(&["x"], |z, grad| {
            grad[0] = -(z[0] - 1.5);
            if z[0] < 1.0 { f64::NEG_INFINITY } else { -0.5 * (z[0] - 1.5).powi(2) }
        });
        let found = StartSearch::new(Streams::new(3)).find(&target, &[]).unwrap();
        assert!(found.not_finite > 0);
        assert!((found.paths[0].last[0] - 1.5).abs() < 1e-6);
    }

    #[test]
    fn the_site_that_breaks_the_density_is_named() {
        let target = HandWritten::new(&["fine", "culprit"], |z, grad| {
            grad.fill(1.0);
            if z[1] < 5.0 { f64::NEG_INFINITY } else { -0.5 * z[0] * z[0] }
        });
        let error = StartSearch::new(Streams::new(4)).find(&target, &[]).unwrap_err().to_string();
        assert!(error.contains("\"culprit\"") && error.contains("start"), "{error}");
    }

    #[test]
    fn a_latent_without_effect_is_named() {
        let target = HandWritten::new(&["used", "idle"], |z, grad| {
            (grad[0], grad[1]) = (-z[0], 0.0);
            -0.5 * z[0] * z[0]
        });
        let error = StartSearch::new(Streams::new(4)).find(&target, &[]).unwrap_err().to_string();
        assert!(error.contains("\"idle\""), "{error}");
    }
}
