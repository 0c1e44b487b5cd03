//! Runs that ended in different modes: how the posterior is shared between them, and what differs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::plan::Plan;
use super::restarts::SHARE;
use super::start::Begin;
use super::{FamilyChoice, Restart};
use crate::algorithm::Solution;
use crate::diagnose::verdict::{OtherMode, Symmetry};
use crate::family::{Family, FullRankMixture};
use crate::model::{Draws, RowSet};
use crate::objective::log_sum_exp;
use crate::streams::Streams;
use crate::target::{Differentiable, with_integers};

/// Purpose of the streams.
const MEANS: u32 = 56;
const INTEGERS: u32 = 57;

/// Draws for the means of a mode: they are known to a twentieth of their sd.
const DRAWS: usize = 400;

/// Standard deviations from which on a quantity differs, and up to which two means are the same.
const DIFFERS: f64 = 1.0;
const SAME: f64 = 0.4;

/// Nats by which the evidence of modes that are images of each other may differ by chance.
const BY_CHANCE: f64 = 0.5;

/// Modes beside the one of the chosen run.
#[derive(Default)]
pub(super) struct Modes {
    /// What they hold, the one with most of the posterior first.
    pub found: Vec<OtherMode>,
    /// The best run of each, in that order.
    pub best: Vec<usize>,
    /// All runs that ended in one of them.
    pub runs: Vec<usize>,
}

impl Modes {
    /// Forgets the modes whose runs `whole` covers: a better q, whose spreads are not those of the run that was chosen.
    pub fn leave_to(&mut self, whole: &Restart, restarts: &[Restart]) {
        let is_apart = |run: &usize| whole.is_apart(&restarts[*run]);
        let kept: Vec<bool> = self.best.iter().map(is_apart).collect();
        let mut of_found = kept.iter();
        self.found.retain(|_| *of_found.next().unwrap_or(&true));
        self.best.retain(is_apart);
        self.runs.retain(is_apart);
    }

    /// The mixture of the Gaussians of all modes without which means or spreads were wrong, each with its part of the evidence
    /// that was found; nothing where there is but one, or where there may be more than were found.
    ///
    /// Modes that are images of each other are no mixture: a vector whose elements may change places, or numbers that may
    /// change signs, have more images than runs find. Else the chance that one more path would lead to a place not seen yet
    /// is about the share of the paths that were alone in theirs (Good 1953, "The population frequencies of species").
    pub fn mixture(
        &self,
        plan: &Plan,
        restarts: &[Restart],
        chosen: usize,
        begin: &Begin,
    ) -> Option<(FullRankMixture, Solution)> {
        let held = || self.found.iter().zip(&self.best).filter(|(mode, _)| mode.matters());
        let shares: Vec<f64> = held().map(|(mode, _)| mode.share).collect();
        let is_closed = self.found.iter().all(|mode| mode.symmetry == Symmetry::None)
            && begin.num_comparable <= restarts.len()
            && (begin.report.num_alone() as f64) < UNSEEN * begin.report.num_paths as f64;
        let all: Vec<usize> = std::iter::once(chosen).chain(held().map(|(_, run)| *run)).collect();
        let converged = all.iter().all(|run| restarts[*run].stop.has_converged());
        let is_plain = plan.family == FamilyChoice::FullRank && plan.own.family.is_none();
        if !is_plain || shares.is_empty() || !is_closed || !converged || !restarts[chosen].solution.theta.is_empty() {
            return None;
        }
        let own = 1.0 - self.found.iter().map(|mode| mode.share).sum::<f64>();
        let weights: Vec<f64> = std::iter::once(own).chain(shares).collect();
        let parts: Vec<&[f64]> = all.iter().map(|run| &restarts[*run].solution.params[..]).collect();
        let mixture = FullRankMixture::new(restarts[chosen].place.len(), all.len()).ok()?;
        let params = mixture.params_from(&weights, &parts);
        Some((mixture, Solution { params, theta: Vec::new() }))
    }
}

/// Share of the paths that may be alone in a place of comparable bound: one of sixteen. Chosen on no cases, and checked on two
/// clumps of data (20 seeds) and a mixture of regressions (4) alone.
const UNSEEN: f64 = 0.1;

/// The modes that the chosen run does not cover, and the runs that found them.
///
/// A run that is apart from the chosen one and holds one per cent of the posterior or more found another mode, and so did
/// one that holds less where that can be told: it converged, and no latents of rows spoil its evidence.
pub(super) fn other_modes(
    restarts: &[Restart],
    chosen: usize,
    target: &dyn Differentiable,
    family: &dyn Family,
    streams: Streams,
) -> Modes {
    let (layout, own) = (target.layout(), &restarts[chosen]);
    let can_be_told = layout.num_row_latents + layout.num_row_integers == 0;
    let is_mode = |k: &usize| {
        let run = &restarts[*k];
        let has_weight = run.evidence > own.evidence - SHARE;
        own.is_apart(run) && (has_weight || can_be_told && run.stop.has_converged() && own.stop.has_converged())
    };
    let runs: Vec<usize> = (0..restarts.len()).filter(is_mode).collect();
    if runs.is_empty() {
        return Modes { runs, ..Modes::default() };
    }
    // Of runs in one mode the one that found more of it.
    let mut by_evidence = runs.clone();
    by_evidence.sort_by(|a, b| restarts[*b].evidence.total_cmp(&restarts[*a].evidence));
    let mut distinct: Vec<usize> = Vec::new();
    for k in by_evidence {
        if distinct.iter().all(|known| restarts[*known].is_apart(&restarts[k])) {
            distinct.push(k);
        }
    }
    let all: Vec<f64> = distinct.iter().chain([&chosen]).map(|k| restarts[*k].evidence).collect();
    let total = log_sum_exp(&all);
    let moments = |k: usize| Moments::of(target, family, &restarts[k].solution, streams.purpose(MEANS));
    let here = moments(chosen);
    let modes = distinct.iter().map(|&k| {
        let (there, evidence) = (moments(k), restarts[k].evidence - own.evidence);
        let differs = here.differs(&there);
        let symmetry = if evidence.abs() < BY_CHANCE { here.symmetry(&there, &differs) } else { Symmetry::None };
        let named = differs.iter().map(|d| (here.names[*d].clone(), [here.mean[*d], there.mean[*d]])).collect();
        let mut mode = OtherMode::default();
        (mode.evidence, mode.share) = (evidence, (restarts[k].evidence - total).exp());
        mode.of_variance = here.part_of_variance(&there, mode.share);
        (mode.differs, mode.symmetry) = (named, symmetry);
        mode
    });
    Modes { found: modes.collect(), best: distinct, runs }
}

/// Means and standard deviations of the named quantities outside of rows.
struct Moments {
    names: Vec<String>,
    mean: Vec<f64>,
    sd: Vec<f64>,
}

impl Moments {
    fn of(target: &dyn Differentiable, family: &dyn Family, solution: &Solution, streams: Streams) -> Self {
        const BLOCK: usize = 50;
        let (layout, rows) = (target.layout(), RowSet::all());
        let mut z = Draws::zeros(layout, layout.num_rows, BLOCK);
        let (mut names, mut sums) = (Vec::new(), Vec::new());
        for block in 0..DRAWS / BLOCK {
            family.sample(&solution.params, &rows, streams.at_step(block as u64), &mut z);
            let theta = &solution.theta;
            // Integers cannot be drawn where the density cannot be evaluated: what depends on them is then no number.
            let drawn = with_integers(target, theta, &z, None, streams.purpose(INTEGERS).at_step(block as u64));
            let found = target.constrained(theta, &drawn.unwrap_or(Cow::Borrowed(&z)));
            sums.resize(found.names.len(), (0.0, 0.0));
            for (k, (sum, squares)) in sums.iter_mut().enumerate() {
                *sum += found.element(k).iter().sum::<f64>();
                *squares += found.element(k).iter().map(|x| x * x).sum::<f64>();
            }
            names = found.names;
        }
        let n = DRAWS as f64;
        let mean: Vec<f64> = sums.iter().map(|(sum, _)| sum / n).collect();
        let sd = sums.iter().zip(&mean).map(|((_, squares), m)| (squares / n - m * m).max(0.0).sqrt()).collect();
        Moments { names, mean, sd }
    }

    /// How far `b` of the other is from `a` here, in the larger of their standard deviations.
    fn distance(&self, a: usize, other: &Moments, b: usize, sign: f64) -> f64 {
        let distance = (sign * self.mean[a] - other.mean[b]).abs() / self.sd[a].max(other.sd[b]).max(f64::MIN_POSITIVE);
        if distance.is_nan() { f64::INFINITY } else { distance }
    }

    /// The quantities that differ, the farthest apart first.
    fn differs(&self, other: &Moments) -> Vec<usize> {
        let by = |k: usize| self.distance(k, other, k, 1.0);
        let mut all: Vec<usize> = (0..self.names.len()).filter(|k| by(*k) > DIFFERS).collect();
        all.sort_by(|a, b| by(*b).total_cmp(&by(*a)));
        all
    }

    /// The largest part of a quantity's variance that is due to the other, which holds a `share` of both.
    ///
    /// ```text
    /// variance = (1 - share) sd^2 + share other_sd^2 + share (1 - share) (mean - other_mean)^2
    /// ```
    fn part_of_variance(&self, other: &Moments, share: f64) -> f64 {
        let part = |k: usize| {
            let [own, its] = [self.sd[k], other.sd[k]].map(|sd| sd * sd);
            let apart = (self.mean[k] - other.mean[k]).powi(2);
            1.0 - own / ((1.0 - share) * own + share * its + share * (1.0 - share) * apart)
        };
        // A quantity without a spread in either is NaN, which `max` passes over.
        (0..self.names.len()).map(part).fold(0.0, f64::max)
    }

    fn symmetry(&self, other: &Moments, differs: &[usize]) -> Symmetry {
        if let Some(names) = self.exchange(other, differs) {
            Symmetry::Exchange(names)
        } else if differs.len() > 1 && differs.iter().all(|&k| self.distance(k, other, k, -1.0) < SAME) {
            Symmetry::Signs
        } else {
            Symmetry::None
        }
    }

    /// The vectors of which elements, the same of each, have changed places: all that differs is an element of one.
    fn exchange(&self, other: &Moments, differs: &[usize]) -> Option<Vec<String>> {
        let mut places: BTreeMap<(&str, &str), BTreeMap<usize, usize>> = BTreeMap::new();
        for (k, name) in self.names.iter().enumerate() {
            if let Some((site, first, rest)) = split(name) {
                places.entry((site, rest)).or_default().insert(first, k);
            }
        }
        let touched = |elements: &BTreeMap<usize, usize>| elements.values().any(|k| differs.contains(k));
        places.retain(|_, elements| touched(elements));
        let vectors: Vec<&BTreeMap<usize, usize>> = places.values().collect();
        let explained: usize = vectors.iter().map(|v| v.values().filter(|k| differs.contains(k)).count()).sum();
        let length = vectors.first()?.len();
        if explained < differs.len() || vectors.iter().any(|v| v.len() != length) {
            return None;
        }
        let mut free: Vec<usize> = (0..length).collect();
        for to in 0..length {
            let fits = |from: &usize| {
                vectors.iter().all(|v| match (v.get(from), v.get(&to)) {
                    (Some(&a), Some(&b)) => self.distance(a, other, b, 1.0) < SAME,
                    _ => false,
                })
            };
            let found = free.iter().position(fits)?;
            free.remove(found);
        }
        let mut names: Vec<String> = places.keys().map(|(site, _)| (*site).to_string()).collect();
        names.dedup();
        Some(names)
    }
}

/// `m[2,0]` as `m`, 2 and `,0]`.
fn split(name: &str) -> Option<(&str, usize, &str)> {
    let (site, inside) = name.split_once('[')?;
    let end = inside.find(|c: char| !c.is_ascii_digit())?;
    Some((site, inside[..end].parse().ok()?, &inside[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[(&str, f64)]) -> Moments {
        let (names, mean) = values.iter().map(|(name, mean)| ((*name).to_string(), *mean)).unzip();
        Moments { names, mean, sd: vec![0.1; values.len()] }
    }

    fn symmetry(here: &[(&str, f64)], there: &[(&str, f64)]) -> Symmetry {
        let (here, there) = (moments(here), moments(there));
        here.symmetry(&there, &here.differs(&there))
    }

    #[test]
    fn components_that_change_places_are_recognised_and_no_others() {
        let here =
            [("m[0]", 1.0), ("m[1]", 2.0), ("m[2]", 3.0), ("s[0]", 0.5), ("s[1]", 0.5), ("s[2]", 4.0), ("a", 0.0)];
        let with = |m: [f64; 3], s: [f64; 3], a: f64| {
            let mut there = here;
            (0..3).for_each(|k| (there[k].1, there[3 + k].1) = (m[k], s[k]));
            there[6].1 = a;
            there
        };
        let exchange = |names: &[&str]| Symmetry::Exchange(names.iter().map(|n| (*n).to_string()).collect());
        assert_eq!(symmetry(&here, &with([2.0, 1.0, 3.0], [0.5, 0.5, 4.0], 0.01)), exchange(&["m"]));
        assert_eq!(symmetry(&here, &with([3.0, 1.0, 2.0], [4.0, 0.5, 0.5], 0.0)), exchange(&["m", "s"]));
        // Not the same order in both, another value, and a number beside them that differs.
        assert_eq!(symmetry(&here, &with([3.0, 1.0, 2.0], [0.5, 4.0, 0.5], 0.0)), Symmetry::None);
        assert_eq!(symmetry(&here, &with([2.0, 1.1, 3.0], [0.5, 0.5, 4.0], 0.0)), Symmetry::None);
        assert_eq!(symmetry(&here, &with([2.0, 1.0, 3.0], [0.5, 0.5, 4.0], 1.0)), Symmetry::None);
        let rows = [("w[0,0]", 1.0), ("w[0,1]", 2.0), ("w[1,0]", 3.0), ("w[1,1]", 4.0)];
        let turned = [("w[0,0]", 3.0), ("w[0,1]", 4.0), ("w[1,0]", 1.0), ("w[1,1]", 2.0)];
        assert_eq!(symmetry(&rows, &turned), exchange(&["w"]));
    }

    #[test]
    fn a_rare_mode_far_away_is_part_of_a_variance() {
        let (here, there) = (moments(&[("a", 0.0), ("b", 1.0)]), moments(&[("a", 0.0), ("b", 2.0)]));
        // 0.01 / (0.01 + 0.004 * 0.996 * 1): the distance is ten standard deviations.
        assert!(
            (here.part_of_variance(&there, 0.004) - 0.284_897).abs() < 1e-5,
            "{}",
            here.part_of_variance(&there, 0.004)
        );
        // A mode in the same place takes nothing away, however narrow.
        assert_eq!(
            here.part_of_variance(&Moments { sd: vec![0.01; 2], ..moments(&[("a", 0.0), ("b", 1.0)]) }, 0.3),
            0.0
        );
    }

    #[test]
    fn signs_that_change_together_are_recognised() {
        let here = [("a[0]", 1.0), ("a[1]", 2.0), ("b", 0.7), ("c", 5.0)];
        let there = [("a[0]", -1.0), ("a[1]", -2.0), ("b", -0.7), ("c", 5.0)];
        assert_eq!(symmetry(&here, &there), Symmetry::Signs);
        assert_eq!(symmetry(&here, &[("a[0]", -1.0), ("a[1]", -2.0), ("b", 0.2), ("c", 5.0)]), Symmetry::None);
    }
}
