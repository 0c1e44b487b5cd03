//! [`Defence`]: a Student-t around q, so that draws which are weighted reach where q does not.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::assess::WEIGHTED_TOGETHER;
use super::ellipsoid::Ellipsoid;
use crate::algorithm::Solution;
use crate::family::Family;
use crate::model::{Draws, Layout, RowSet};
use crate::program::LatentGraph;
use crate::streams::Streams;
use crate::target::LogDensity;

/// Of so many draws, one is of the Student-t.
const EVERY: usize = 2;

/// Degrees of freedom at least.
const LEAST_FREEDOM: usize = 5;

/// Purpose of the streams.
const TAILS: u32 = 0x7461_696c;
const ELSEWHERE: u32 = 0x656c_7365;

/// Draws of a Gaussian q, every second of which is stretched away from q's centre to one of a multivariate Student-t.
///
/// The two laws have the same centre and the same matrix of scales, so that the density of one follows from that of the other:
/// with `m` the centre and `d` latents,
///
/// ```text
/// distance(z) = 2 (log q(m) - log q(z))                                              Mahalanobis', squared
/// log t(z)    = log q(m) + ln Gamma((nu + d) / 2) - ln Gamma(nu / 2) - d / 2 ln(nu / 2) - (nu + d) / 2 ln(1 + distance / nu)
/// z ~ t       where z = m + (y - m) sqrt(nu / c),  y ~ q,  c ~ chi^2_nu
/// ```
///
/// Weights are `p(z) / g(z)` with the mixture's density `g = (n_q q + n_t t) / n` whichever of the two a draw is of
/// ("balance heuristic"): no weight exceeds `n / n_t` times what the Student-t alone would give it.
///
/// A flow carries its noise one-to-one: where that is stretched in the same way, `log t(z) = log q(z) + log t(w) - log N(w)` at the
/// image of the noise `w`, and the tails are the flow's own, however bent.
///
/// Of many latents a Student-t has nearly normal tails along each of them, since all are stretched together. Where a few latents
/// are shared by most others (a scale, say), half of its draws are stretched along these alone, and the others follow as they do in
/// q: `log t(z) = log q(z) + log t_k(w) - log N_k(w)` with the noise `w` of the `k` shared ones. The posterior of a scale of groups falls
/// slowly towards zero, and without these draws the evidence of such models came out low by up to three of its errors.
///
/// *Source*: Hesterberg 1995, "Weighted average importance sampling and defensive mixture distributions"; Owen and Zhou 2000,
/// "Safe and effective importance sampling".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Defence {
    /// Number of latents.
    dimension: usize,
    /// `log q` at the centre.
    #[serde(with = "crate::number")]
    log_q_centre: f64,
    /// The Gaussians that Student-t laws are around, an equal part of the draws each, where that is not q.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    elsewhere: Vec<Ellipsoid>,
    /// Whether it is the noise of a flow that is stretched, which makes a law with heavy tails around whatever q is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_of_noise: bool,
    /// The latents that most others share, where there are some: half of the Student-t draws are stretched along these alone. Their
    /// noise comes first where it is noise that is stretched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shared: Vec<usize>,
}

impl Defence {
    /// The Student-t around the q of `solution`; none where q is not a Gaussian of real latents outside of rows alone.
    pub fn around(family: &dyn Family, target: &dyn LogDensity, solution: &Solution) -> Option<Self> {
        let layout = target.layout();
        let others = layout.num_integers + layout.num_row_latents + layout.num_row_integers;
        if layout.num_latents == 0 || others > 0 || solution.params.len() != family.num_params() {
            return None;
        }
        let components = family.components(&solution.params);
        let flow = family.reparam().filter(|reparam| reparam.is_one_to_one());
        if !family.is_gaussian() && components.is_empty() && flow.is_none() {
            return None;
        }
        let shared = match family.conditional() {
            Some(conditional) => conditional.shared().to_vec(),
            None if family.is_gaussian() => shared_of(target),
            None => Vec::new(),
        };
        let mut at = Draws::zeros(layout, layout.num_rows, 1);
        at.latents.copy_from_slice(&family.centre(&solution.params));
        let mut log_q = [0.0];
        family.log_q(&solution.params, &RowSet::all(), &at, &mut log_q);
        let (dimension, log_q_centre) = (layout.num_latents, log_q[0]);
        let elsewhere = components.into_iter().map(|(centre, factor)| Ellipsoid::new(&centre, &factor)).collect();
        let mut defence = Defence { dimension, log_q_centre, elsewhere, is_of_noise: flow.is_some(), shared };
        if flow.is_none() && !defence.shared.is_empty() {
            match family.reparam().and_then(|reparam| Ellipsoid::of_gaussian(reparam, layout, &solution.params)) {
                Some(ellipsoid) => defence = defence.elsewhere(ellipsoid),
                None => defence.shared.clear(),
            }
        }
        defence.is_of(layout).then_some(defence)
    }

    /// The Student-t around another Gaussian than q, one that reaches what q does not; beside those around the components of a
    /// mixture.
    pub fn elsewhere(mut self, ellipsoid: Ellipsoid) -> Self {
        let led = if self.shared.is_empty() { None } else { ellipsoid.led_by(&self.shared) };
        if let Some(led) = led {
            // Those around q.
            self.elsewhere.clear();
            self.elsewhere.push(led);
        }
        self.elsewhere.push(ellipsoid);
        self.is_of_noise = false;
        self
    }

    /// Whether the density of the Student-t is kept with the draws, since it does not follow from that of q.
    pub fn keeps_density(&self) -> bool {
        !self.elsewhere.is_empty() || self.is_of_noise
    }

    /// Whether the draws are images of stretched noise.
    pub fn is_of_noise(&self) -> bool {
        self.is_of_noise
    }

    /// Stretches those numbers of `noise`, `[number][draw]` and numbered from `first` on, that shall be Student-t numbers.
    pub fn stretch_noise(&self, first: usize, streams: Streams, num_draws: usize, noise: &mut [f64]) {
        let turns = self.of_noise();
        for (turn, &count) in turns.iter().enumerate() {
            let stretches = stretches(count, streams, num_draws);
            let is_of = |d: &usize| !Self::is_of_q(first + d) && (first + d) / EVERY % turns.len() == turn;
            for lane in noise.chunks_exact_mut(num_draws).take(count) {
                (0..num_draws).filter(is_of).for_each(|d| lane[d] *= stretches[d]);
            }
        }
    }

    /// `log t - log q` at the image of this noise.
    pub fn log_ratio_of_noise(&self, noise: impl Iterator<Item = f64> + Clone) -> f64 {
        let turns = self.of_noise();
        let of = |&count: &usize| log_ratio(count, noise.clone().take(count).map(|e| e * e).sum());
        let all = turns.iter().map(of).reduce(log_add).unwrap_or(0.0);
        all - (turns.len() as f64).ln()
    }

    /// Numbers of noise that are stretched together, from the first on, by turns.
    fn of_noise(&self) -> Vec<usize> {
        let few = self.shared.len();
        if few == 0 { vec![self.dimension] } else { vec![few, self.dimension] }
    }

    /// Whether it can be of a q of these latents.
    pub fn is_of(&self, layout: &Layout) -> bool {
        let d = layout.num_latents;
        let fits = self.elsewhere.iter().all(|ellipsoid| ellipsoid.is_of(d));
        let are_few = self.shared.len() < d && self.shared.iter().all(|latent| *latent < d);
        self.dimension == d && self.log_q_centre.is_finite() && fits && are_few
    }

    /// Whether the draw of this number is q's own.
    pub fn is_of_q(draw: usize) -> bool {
        draw % EVERY != EVERY - 1
    }

    /// Stretches those of the draws in `z`, q's own and numbered from `first` on, that shall be of the Student-t.
    pub fn stretch(&self, centre: &[f64], first: usize, streams: Streams, z: &mut Draws) {
        let n = z.num_draws;
        let is_of = |k: usize, d: usize| !Self::is_of_q(first + d) && self.number_of(first + d) == k;
        for (k, ellipsoid) in self.elsewhere.iter().enumerate() {
            let count = ellipsoid.num_stretched();
            let stretches = stretches(count, streams, n);
            let mut fresh = vec![0.0; z.latents.len()];
            streams.purpose(ELSEWHERE).fill_normal(n, &mut fresh);
            for lane in fresh.chunks_exact_mut(n).take(count) {
                lane.iter_mut().zip(&stretches).for_each(|(e, stretch)| *e *= stretch);
            }
            let own: Vec<usize> = (0..n).filter(|d| is_of(k, *d)).collect();
            ellipsoid.place(&mut fresh, n, &own);
            for (lane, fresh) in z.latents.chunks_exact_mut(n).zip(fresh.chunks_exact(n)) {
                own.iter().for_each(|&d| lane[d] = fresh[d]);
            }
        }
        if self.elsewhere.is_empty() {
            let stretches = stretches(self.dimension, streams, n);
            for (lane, m) in z.latents.chunks_exact_mut(n).zip(centre) {
                let own = (0..n).filter(|d| !Self::is_of_q(first + d));
                own.for_each(|d| lane[d] = m + (lane[d] - m) * stretches[d]);
            }
        }
    }

    /// The log density at draws of the Student-t laws that are not the one around q; nothing where there are none.
    pub fn log_t(&self, z: &Draws) -> Vec<f64> {
        let share = -(self.elsewhere.len().max(1) as f64).ln();
        let mut laws = self.elsewhere.iter().map(|ellipsoid| {
            let (top, count) = (ellipsoid.log_top() + share, ellipsoid.num_stretched());
            let of = move |[all, few]: [f64; 2]| top - 0.5 * all + log_ratio(count, few);
            ellipsoid.squares(z).into_iter().map(of)
        });
        let Some(first) = laws.next() else { return Vec::new() };
        laws.fold(first.collect(), |all: Vec<f64>, law| all.iter().zip(law).map(|(a, b)| log_add(*a, b)).collect())
    }

    /// Which of the Student-t laws a draw is of: they take turns.
    fn number_of(&self, draw: usize) -> usize {
        draw / EVERY % self.elsewhere.len().max(1)
    }

    /// The log density of the mixture at all draws of a set, in their order, of which log q is known, and `log_t` as
    /// [`log_t`](Self::log_t) gave it.
    pub fn log_density(&self, log_q: &[f64], log_t: &[f64]) -> Vec<f64> {
        let n = log_q.len();
        let of_t = (0..n).filter(|draw| !Self::is_of_q(*draw)).count();
        let ln_share = |count: usize| (count as f64 / n as f64).ln();
        let (ln_q, ln_t, d) = (ln_share(n - of_t), ln_share(of_t), self.dimension);
        // Rounding may put a draw above the top.
        let around_q = |log_q: f64| 2.0 * (self.log_q_centre - log_q).max(0.0);
        let mixed = |(draw, log_q): (usize, &f64)| {
            let of_q = || log_q + log_ratio(d, around_q(*log_q));
            let log_t = log_t.get(draw).copied().unwrap_or_else(of_q);
            log_add(ln_q + log_q, ln_t + log_t)
        };
        log_q.iter().enumerate().map(mixed).collect()
    }
}

/// Degrees of freedom of the law of `count` numbers: five, or as many as there are.
///
/// With five in many dimensions the two laws hardly meet, and half of the draws are wasted where q is the posterior: the
/// effective share is 0.98 for one number, 0.89 for 10, 0.79 for 30 and 0.68 for 100. With as many as numbers the radii
/// have spreads of one order, and it is 0.94, 0.95 and 0.95.
fn freedom(count: usize) -> usize {
    count.max(LEAST_FREEDOM)
}

/// `sqrt(nu / c)` with `c ~ chi^2_nu`, for each of `n` draws of `count` numbers.
fn stretches(count: usize, streams: Streams, n: usize) -> Vec<f64> {
    let nu = freedom(count);
    let mut noise = vec![0.0; nu * n];
    streams.purpose(TAILS).fill_normal(n, &mut noise);
    let square = |d: usize| noise.iter().skip(d).step_by(n).map(|e| e * e).sum::<f64>();
    (0..n).map(|d| (nu as f64 / square(d)).sqrt()).collect()
}

/// `log t - log N` at `count` numbers with this sum of squares.
fn log_ratio(count: usize, square: f64) -> f64 {
    let (k, nu) = (count as f64, freedom(count) as f64);
    let constant = ln_gamma(0.5 * (nu + k)) - ln_gamma(0.5 * nu) - 0.5 * k * (0.5 * nu).ln();
    constant - 0.5 * (nu + k) * (square / nu).ln_1p() + 0.5 * square
}

/// The latents that most others share, where they are few beside these.
fn shared_of(target: &dyn LogDensity) -> Vec<usize> {
    let d = target.layout().num_latents;
    if d > WEIGHTED_TOGETHER {
        return Vec::new();
    }
    let graph = target.known_graph().filter(|graph| !graph.is_dense());
    graph.map(LatentGraph::shared).filter(|shared| 2 * shared.len() <= d).unwrap_or_default()
}

/// `ln(exp(a) + exp(b))`.
fn log_add(a: f64, b: f64) -> f64 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    more + (less - more).exp().ln_1p()
}

#[cfg(test)]
mod tests;
