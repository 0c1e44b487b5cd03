//! Where to start: several quasi-Newton paths, and the best Gaussian along each.

use super::FitError;
use super::density::Density;
use super::gaussian::PathGaussian;
use super::path::{Path, PathEnd};
use super::places::{PathPlace, beside, group};
use super::unusable::{check_every_latent_matters, responsible};
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

/// Paths that arrive at one place of which each is scored all along; of further ones the last steps alone are.
const SCORED_IN_FULL: usize = 2;
const LAST_STEPS: usize = 2;

/// Paths that are followed whatever they cost, and evaluations for each of the others, on average: a path to a maximum
/// takes some tens, and the others are for maxima. They have this share of the iterations.
const FIRST: usize = 4;
const FURTHER_ITERATIONS: f64 = 0.4;
const PER_FURTHER_PATH: u64 = 350;

/// Half widths of the cubes from which paths begin, in turn, after the first four paths from (-2, 2).
const WIDTHS: [f64; 4] = [2.0, 4.0, 2.0, 8.0];

/// Several quasi-Newton paths from points drawn uniformly from (-2, 2) in the unconstrained space, some from wider cubes.
///
/// The Gaussian of the path's curvature is scored at points along each path by its evidence lower bound, with the
/// same few draws everywhere; what wins is often not at the mode, which may lie in a spike without mass. Paths are
/// grouped by the [`PathPlace`] they lead to. Further paths are cheap: one that arrives where two others have is scored at its
/// end alone, and they end together when they have taken 350 evaluations each on average.
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
    /// The places that paths lead to, that of the best bound first.
    pub places: Vec<PathPlace>,
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
    /// The log density there.
    pub value: f64,
    /// The reason for which it ended there.
    pub end: PathEnd,
    /// Number of the place it leads to, in the order of [`Found::places`]; none for one that leads nowhere.
    pub place: Option<usize>,
}

impl Explored {
    /// The maximum it arrived at, or the centre of its Gaussian.
    pub(super) fn centre(&self) -> &[f64] {
        if self.end == PathEnd::Arrived { &self.last } else { &self.gaussian.mean }
    }
}

impl StartSearch {
    /// Sixteen paths, scored by 16 draws.
    pub fn new(streams: Streams) -> Self {
        StartSearch { num_paths: 16, num_draws: 16, max_iterations: 300, point: None, streams }
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
        let (mut before, most) = (0, PER_FURTHER_PATH * self.num_paths.saturating_sub(FIRST) as u64);
        for (number, path) in begun.into_iter().enumerate() {
            if number == FIRST {
                before = density.evaluations;
            } else if number > FIRST && density.evaluations - before > most {
                break;
            }
            let explored = self.explore(&mut density, path, &paths)?;
            paths.push(explored);
        }
        self.add_plain(&mut density, &mut paths)?;
        paths.sort_by(|a, b| a.rejected.cmp(&b.rejected).then(b.bound.total_cmp(&a.bound)));
        let places = group(&mut density, &mut paths)?;
        Ok(Found { paths, not_finite, places, evaluations: density.evaluations })
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
            let (last, value) = (centre.clone(), f64::NEG_INFINITY);
            paths.push(Explored { gaussian, bound, rejected, last, value, end: PathEnd::NoPath, place: None });
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
                    let width = if number < FIRST { 2.0 } else { WIDTHS[number % WIDTHS.len()] };
                    let width = width * 0.6f64.powi((attempt + 1).saturating_sub(ATTEMPTS / 2) as i32);
                    let streams = self.streams.purpose(POINTS).at_step((number * ATTEMPTS + attempt) as u64);
                    streams.fill_uniform(1, &mut point);
                    point.iter_mut().for_each(|x| *x = width * (2.0 * *x - 1.0));
                }
            }
            if let Some(path) = Path::begin(density, &point, HISTORY)? {
                return Ok(Some(path));
            }
            *not_finite += 1;
        }
        Ok(None)
    }

    /// Follows one path to its end and scores Gaussians along it, or at its end where enough of the `others` arrived.
    fn explore<T: Differentiable + ?Sized>(
        &self,
        density: &mut Density<'_, T>,
        mut path: Path,
        others: &[Explored],
    ) -> Result<Explored, FitError> {
        if path.position.len() <= SCALED_UP_TO {
            path.diagonal = first_scales(density, &path)?;
        }
        let mut places = vec![path.clone()];
        let share = if others.len() < FIRST { 1.0 } else { FURTHER_ITERATIONS };
        let most = (self.max_iterations as f64 * share).ceil() as u64;
        while path.end.is_none() && path.iteration < most {
            let before = path.iteration;
            path.advance(density)?;
            if path.iteration > before {
                places.push(path.clone());
                if places.len() > 4 * PLACES {
                    thin(&mut places);
                }
            }
        }
        let (last, value, end) = (path.position.clone(), path.value, path.end.unwrap_or(PathEnd::Budget));
        let own = PathGaussian::at(&path);
        let there = |o: &&Explored| o.end == PathEnd::Arrived && beside((&last, &own), (&o.last, &o.gaussian));
        if end == PathEnd::Arrived && own.is_finite() && others.iter().filter(there).count() >= SCORED_IN_FULL {
            places.drain(..places.len().saturating_sub(LAST_STEPS));
        }
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
                best = Some(Explored { gaussian, bound, rejected, last: last.clone(), value, end, place: None });
            }
        }
        Ok(best.unwrap_or_else(|| Explored {
            gaussian: PathGaussian::diagonal(last.clone(), &vec![0.1; last.len()]),
            bound: f64::NEG_INFINITY,
            rejected: self.num_draws,
            last,
            value,
            end,
            place: None,
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
        assert_eq!((found.places.len(), found.not_finite), (1, 0));
        let best = &found.paths[0];
        // The log normaliser is ln(2 pi * 1/2 * 2); a path of few steps knows the curvature roughly.
        assert!((best.bound - (2.0 * std::f64::consts::PI).ln()).abs() < 0.3, "{}", best.bound);
        assert!((best.gaussian.mean[0] - 1.0).abs() < 0.05 && (best.gaussian.mean[1] + 2.0).abs() < 0.2);
        let arrived: Vec<_> = found.paths.iter().filter(|p| p.end == PathEnd::Arrived).collect();
        assert_eq!((arrived.len(), found.places[0].num_paths), (16, 16));
        assert!(arrived.iter().all(|p| (p.last[0] - 1.0).abs() < 1e-4 && (p.last[1] + 2.0).abs() < 1e-3));
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
            if z[1] < 15.0 { f64::NEG_INFINITY } else { -0.5 * z[0] * z[0] }
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
