//! Where the runs of an automatic fit begin.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::run::Settings;
use crate::algorithm::{Explored, FitError, Found, PathEnd, StartSearch};
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::streams::Streams;
use crate::target::{Differentiable, Pass};

/// Purposes of the streams.
const POINTS: u32 = 41;
const THETA: u32 = 42;

/// Paths at most, however many runs are asked for.
const MOST_PATHS: usize = 64;

/// Nats below the best bound within which another place may hold as much of the posterior: the error of its bound.
pub(super) const COMPARABLE: f64 = 5.0;

/// What the search for a start found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StartReport {
    /// Paths and plain Gaussians that were compared.
    pub num_candidates: usize,
    /// Random points passed over because the density was not finite there.
    pub not_finite: usize,
    /// Quasi-Newton paths that were followed.
    #[serde(default)]
    pub num_paths: usize,
    /// Distinct modes that paths arrived at.
    pub num_modes: usize,
    /// For each place that paths lead to, the best bound first, the number of paths.
    #[serde(default)]
    pub place_paths: Vec<usize>,
    /// For each place the best bound of its paths, from a few draws.
    #[serde(default, with = "crate::number::list")]
    pub place_bounds: Vec<f64>,
    /// The best candidate's bound from a few draws.
    #[serde(with = "crate::number::maybe")]
    pub bound: Option<f64>,
    /// Density evaluations used.
    pub evaluations: u64,
}

impl StartReport {
    /// Paths that were alone in a place whose bound is comparable to the best.
    pub(super) fn num_alone(&self) -> usize {
        let best = self.bound.unwrap_or(f64::NEG_INFINITY);
        let places = self.place_paths.iter().zip(&self.place_bounds);
        places.filter(|(paths, bound)| **paths == 1 && **bound > best - COMPARABLE).count()
    }
}

/// Places to begin from, the best first.
pub(super) struct Begin {
    pub explored: Vec<Explored>,
    /// For each run in turn the index of the candidate that it starts from, the best of each place first.
    pub turns: Vec<usize>,
    /// Modes whose bounds are comparable to the best.
    pub num_comparable: usize,
    /// Plain centres, where no paths can be followed.
    pub centres: Vec<Vec<f64>>,
    pub theta: Vec<f64>,
    pub report: StartReport,
}

/// Refuses a start that is none.
///
/// # Errors
/// Where it has too few numbers or too many, or one that is not finite.
pub(super) fn check_point(layout: &Layout, settings: &Settings) -> Result<(), FitError> {
    if let Some(point) = &settings.point
        && point.len() != layout.num_latents
    {
        return Err(FitError::setting(
            "start",
            format!(
                "the start has {} numbers, the model {} unconstrained latents outside of rows",
                point.len(),
                layout.num_latents
            ),
        ));
    }
    if let Some((latent, value)) = settings.point.iter().flatten().enumerate().find(|(_, value)| !value.is_finite()) {
        let site = layout.site_of_latent(latent).map_or("", |site| &site.name);
        return Err(FitError::setting(
            "start",
            format!("the start has {value} for number {latent}, of \"{site}\"; give finite unconstrained numbers"),
        ));
    }
    Ok(())
}

pub(super) fn begin(target: &dyn Differentiable, plan: &Plan, settings: &Settings) -> Result<Begin, FitError> {
    check_point(target.layout(), settings)?;
    let theta = first_theta(target, settings.streams);
    if !plan.paths {
        return plain(target, settings, theta);
    }
    let start = StartSearch::new(settings.streams);
    // Runs that all begin on the same few paths agree with each other and with nothing else.
    let num_paths = settings.restarts.unwrap_or(0).clamp(start.num_paths, MOST_PATHS);
    let start = StartSearch { point: settings.point.clone(), num_paths, ..start };
    let found = start.find(target, &theta)?;
    let report = StartReport {
        num_candidates: found.paths.len(),
        num_paths: found.paths.iter().filter(|p| p.end != PathEnd::NoPath).count(),
        not_finite: found.not_finite,
        num_modes: found.places.iter().filter(|p| p.is_mode).count(),
        place_paths: found.places.iter().map(|p| p.num_paths).collect(),
        place_bounds: found.places.iter().map(|p| p.bound).collect(),
        bound: found.paths.first().map(|p| p.bound),
        evaluations: found.evaluations,
    };
    let turns = turns(&found);
    let best = found.paths.first().map_or(f64::NAN, |p| p.bound);
    let num_comparable = found.places.iter().filter(|p| p.is_mode && p.bound > best - COMPARABLE).count();
    Ok(Begin { explored: found.paths, turns, num_comparable, centres: Vec::new(), theta, report })
}

/// The candidates in the order in which runs start from them: the best of each place that is worth a fit, then the second
/// best of each, and so on; at last what leads to no place but has a comparable bound.
///
/// Runs from one place agree with each other and with nothing else, so that another place comes first even where its bound
/// is poorer.
fn turns(found: &Found) -> Vec<usize> {
    let of_place = |place: usize| {
        let there = found.paths.iter().enumerate().filter(move |(_, p)| p.place == Some(place));
        there.filter(|(_, p)| p.rejected == found.paths[0].rejected).map(|(k, _)| k).collect::<Vec<_>>()
    };
    let worth = (0..found.places.len()).filter(|k| found.places[*k].is_worth_a_fit);
    let places: Vec<Vec<usize>> = worth.map(of_place).collect();
    let rounds = places.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..rounds).flat_map(|round| places.iter().filter_map(move |place| place.get(round).copied()));
    let best = &found.paths[0];
    let comparable = |p: &Explored| p.rejected == best.rejected && p.bound > best.bound - COMPARABLE;
    let nowhere = found.paths.iter().enumerate().filter(|(_, p)| p.place.is_none() && comparable(p)).map(|(k, _)| k);
    in_turn.chain(nowhere).collect()
}

/// Parameters of the model: matrices with variance `1 / columns`, so that layers neither fade nor explode; the rest zero.
pub(super) fn first_theta(target: &dyn Differentiable, streams: Streams) -> Vec<f64> {
    let layout = target.layout();
    let mut theta = vec![0.0; layout.num_parameters];
    for site in layout.sites_of(SiteKind::Parameter).filter(|s| s.shape.len() > 1) {
        let columns = site.shape.last().copied().unwrap_or(1).max(1) as f64;
        let numbers = &mut theta[site.offset..site.offset + site.num_unconstrained];
        streams.purpose(THETA).at_step(site.offset as u64).fill_normal(1, numbers);
        numbers.iter_mut().for_each(|w| *w /= columns.sqrt());
    }
    theta
}

/// Centres at zero and at random, those with a higher density first; integers at the low ends of their ranges.
fn plain(target: &dyn Differentiable, settings: &Settings, theta: Vec<f64>) -> Result<Begin, FitError> {
    let (layout, rows) = (target.layout(), RowSet::all());
    let mut z = Draws::zeros(layout, layout.num_rows, 1);
    for site in &layout.sites {
        let low = site.range.map_or(0, |r| r.0);
        match site.kind {
            SiteKind::Integer => z.integers[site.offset] = low,
            SiteKind::RowInteger => {
                z.row_integers[site.offset * layout.num_rows..(site.offset + 1) * layout.num_rows].fill(low);
            }
            _ => {}
        }
    }
    let mut points = vec![vec![0.0; layout.num_latents]];
    points.splice(0..0, settings.point.clone());
    for k in 0..8u64 {
        let mut point = vec![0.0; layout.num_latents];
        settings.streams.purpose(POINTS).at_step(k).fill_uniform(1, &mut point);
        point.iter_mut().for_each(|x| *x = 4.0 * *x - 2.0);
        points.push(point);
    }
    let (mut scored, mut pass) = (Vec::new(), Pass::default());
    let num_candidates = points.len();
    for point in points {
        z.latents.copy_from_slice(&point);
        target.log_density(&theta, &z, &rows, &mut pass)?;
        if pass.log_density[0].is_finite() {
            scored.push((pass.log_density[0], point));
        }
    }
    let not_finite = num_candidates - scored.len();
    if settings.point.is_none() {
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    if scored.is_empty() {
        // Rows of integers may make every single point impossible and still have draws that are not.
        scored.push((f64::NEG_INFINITY, vec![0.0; layout.num_latents]));
    }
    let report =
        StartReport { num_candidates, not_finite, evaluations: num_candidates as u64, ..StartReport::default() };
    let centres = scored.into_iter().map(|(_, point)| point).collect();
    Ok(Begin { explored: Vec::new(), turns: Vec::new(), num_comparable: 1, centres, theta, report })
}
