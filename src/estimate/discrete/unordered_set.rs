//! The unordered set estimator: joint values drawn without replacement.

use rand_distr::{Distribution, Open01};

use super::super::{Point, Scratch};
use super::{DiscreteGradient, Lanes, Relaxation, Shape};
use crate::family::{Discrete, Integer};
use crate::model::RowSet;
use crate::streams::Stream;
use crate::target::DensityError;

/// `sum_s q(s) R(S, s) (f(s) - b_s) d log q(s)` over a set `S` of `size` different joint values of the integers, drawn
/// without replacement, with `f = log p - log q`, `R(S, s) = P(S | s first) / P(S)` and the baseline
/// `b_s = sum_s' q(s') R(S, s' | s first) f(s')`.
///
/// Unbiased; exact where the set holds every joint value. `size` evaluations a draw, and `size^3 2^size` small steps
/// for the probabilities of the sets. Best where q has nearly decided, and independent draws would repeat one value.
/// Integers of rows are refused.
///
/// *Source*: Kool, van Hoof and Welling 2020, the policy gradient with the built-in baseline; joint values are drawn
/// by the stochastic beam search of Kool, van Hoof and Welling 2019, and `P(S)` is summed over the orders of `S` by
/// subsets instead of integrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnorderedSet {
    /// Joint values in a set, 2 to 10.
    pub size: usize,
}

/// Sizes of a set: the probabilities of its subsets are listed.
const SIZES: std::ops::RangeInclusive<usize> = 2..=10;

impl<G: Discrete + ?Sized> DiscreteGradient<G> for UnorderedSet {
    type State = Scratch<Sets>;

    fn shape(&self, family: &G, _: &RowSet, _: usize) -> Result<Shape, DensityError> {
        if !SIZES.contains(&self.size) {
            let (least, most) = SIZES.into_inner();
            return Err(DensityError::setting(format!(
                "a set without replacement has {} values, expected {least} to {most}; try 4",
                self.size
            )));
        }
        if family.num_row_integers() > 0 {
            return Err(DensityError::unsupported(
                "the unordered set estimator draws joint values of all integers, and integers of rows have too many; \
                 use the local expectation or leave-one-out",
            ));
        }
        let num_lanes = self.size;
        Ok(Shape { num_lanes, num_differentiated: num_lanes, by_row: false, relaxation: Relaxation::None })
    }

    fn set(&self, family: &G, at: &Point, state: &mut Self::State, lanes: &mut Lanes) {
        let (draws, sets) = (lanes.num_draws, &mut state.buffers);
        sets.start(family, at);
        for d in 0..draws {
            sets.search(self.size, &mut at.streams.draw(d));
            sets.weigh(self.size);
            for lane in 0..self.size {
                // A set that holds every joint value may be smaller: what is left repeats a value and has no weight.
                let beam = &sets.beams[lane.min(sets.beams.len() - 1)];
                let number = lane * draws + d;
                lanes.probability[number] = sets.first.get(lane).copied().unwrap_or(0.0);
                for (integer, digit) in sets.integers.iter().zip(&beam.digits) {
                    integer.lane_mut(&mut lanes.z)[number] = integer.low + digit;
                }
            }
        }
    }

    fn add_gradient(
        &self,
        family: &G,
        at: &Point,
        state: &mut Self::State,
        lanes: &mut Lanes,
        grad: &mut [f64],
    ) -> f64 {
        let (draws, size, sets) = (lanes.num_draws, self.size, &mut state.buffers);
        let mut log_q = std::mem::take(&mut lanes.work.log_q);
        log_q.resize(size * draws, 0.0);
        family.log_q(at.params, at.rows, &lanes.z, &mut log_q);
        lanes.work.weights.clear();
        lanes.work.weights.resize(size * draws, 0.0);
        let mut value = 0.0;
        for d in (0..draws).filter(|&d| lanes.share[d] > 0.0) {
            let number = |lane: usize| lane * draws + d;
            sets.p.clear();
            sets.p.extend((0..size).filter(|&l| lanes.probability[number(l)] > 0.0).map(|l| log_q[number(l)].exp()));
            let count = sets.p.len();
            sets.signals.clear();
            sets.signals.extend((0..count).map(|l| lanes.signal[number(l)] - log_q[number(l)]));
            sets.with_baselines();
            for l in 0..count {
                value += lanes.share[d] * sets.first[l] * sets.signals[l];
                lanes.work.weights[number(l)] = lanes.share[d] * sets.first[l] * (sets.signals[l] - sets.baselines[l]);
            }
        }
        family.score(at.params, at.rows, &lanes.z, &lanes.work.weights, grad);
        lanes.work.log_q = log_q;
        value
    }
}

/// A value of the first integers, with its log probability and its perturbed log probability.
#[derive(Clone, Debug, Default)]
struct Beam {
    log_q: f64,
    perturbed: f64,
    digits: Vec<u32>,
}

/// Sets of joint values, and their probabilities.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    integers: Vec<Integer>,
    /// Log probabilities of each integer's values.
    log_p: Vec<Vec<f64>>,
    beams: Vec<Beam>,
    next: Vec<Beam>,
    /// Of the values of the set: probability, probability that it came first given the set, signal, baseline.
    p: Vec<f64>,
    first: Vec<f64>,
    signals: Vec<f64>,
    baselines: Vec<f64>,
    others: Vec<f64>,
    table: Vec<f64>,
}

impl Sets {
    fn start<G: Discrete + ?Sized>(&mut self, family: &G, at: &Point) {
        let count = family.num_integers();
        self.integers.clear();
        self.integers.extend((0..count).map(|k| family.integer(at.rows, k)));
        self.log_p.resize(count, Vec::new());
        for (latent, log_p) in self.log_p.iter_mut().enumerate() {
            family.probabilities(at.params, at.rows, latent, log_p);
            log_p.iter_mut().for_each(|p| *p = p.ln());
        }
    }

    /// Overwrites `beams` with the `size` joint values of largest perturbed log probability.
    fn search(&mut self, size: usize, stream: &mut Stream) {
        self.beams.clear();
        self.beams.push(Beam::default());
        for log_p in &self.log_p {
            self.next.clear();
            for beam in &self.beams {
                let from = self.next.len();
                for (k, p) in log_p.iter().enumerate().filter(|(_, p)| **p > f64::NEG_INFINITY) {
                    let (log_q, u): (f64, f64) = (beam.log_q + p, Open01.sample(stream));
                    let mut digits = beam.digits.clone();
                    digits.push(k as u32);
                    self.next.push(Beam { log_q, perturbed: log_q - (-u.ln()).ln(), digits });
                }
                let largest = self.next[from..].iter().map(|b| b.perturbed).fold(f64::NEG_INFINITY, f64::max);
                // Given that the largest of them is that of the beam.
                for own in &mut self.next[from..] {
                    own.perturbed = at_most(beam.perturbed, largest, own.perturbed);
                }
            }
            self.next.sort_by(|a, b| b.perturbed.total_cmp(&a.perturbed));
            self.next.truncate(size);
            std::mem::swap(&mut self.beams, &mut self.next);
        }
    }

    /// Overwrites `first` for the set that was found.
    fn weigh(&mut self, size: usize) {
        self.p.clear();
        self.p.extend(self.beams.iter().take(size).map(|b| b.log_q.exp()));
        self.firsts();
    }

    /// Overwrites `first[s]` with `q(s) R(S, s)`, which sum to one.
    fn firsts(&mut self) {
        let rest = rest_of(&self.p);
        self.first.clear();
        for s in 0..self.p.len() {
            without(&self.p, s, &mut self.others);
            let own = set_probability(&self.others, rest, &mut self.table);
            self.first.push(self.p[s] * own);
        }
        normalise(&mut self.first);
    }

    /// Overwrites `first`, and `baselines[s]` with the mean signal of the set given that `s` came first.
    fn with_baselines(&mut self) {
        self.firsts();
        let (rest, count) = (rest_of(&self.p), self.p.len());
        self.baselines.clear();
        let (mut given, mut others) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for s in 0..count {
            // The values after `s`, of which the whole probability is one less that of `s`.
            without(&self.p, s, &mut others);
            given.clear();
            for t in 0..others.len() {
                without(&others, t, &mut self.others);
                given.push(others[t] * set_probability(&self.others, rest, &mut self.table));
            }
            normalise(&mut given);
            let after: f64 = (0..count).filter(|t| *t != s).zip(&given).map(|(t, r)| r * self.signals[t]).sum();
            self.baselines.push(self.p[s] * self.signals[s] + (1.0 - self.p[s]) * after);
        }
    }
}

/// The Gumbel variable `own` given that the largest of its siblings, which was `largest`, is `most`.
fn at_most(most: f64, largest: f64, own: f64) -> f64 {
    let v = most - own + (-(own - largest).exp()).ln_1p();
    most - v.max(0.0) - (-v.abs()).exp().ln_1p()
}

/// The probability outside of the set.
fn rest_of(p: &[f64]) -> f64 {
    (1.0 - p.iter().sum::<f64>()).max(0.0)
}

fn without(p: &[f64], s: usize, out: &mut Vec<f64>) {
    out.clear();
    out.extend(p.iter().enumerate().filter(|(t, _)| *t != s).map(|(_, p)| *p));
}

fn normalise(x: &mut [f64]) {
    let total: f64 = x.iter().sum();
    x.iter_mut().for_each(|x| *x /= total);
}

/// The probability that draws without replacement from `p` and `rest` take all of `p` first, in any order; `table` is
/// scratch memory.
fn set_probability(p: &[f64], rest: f64, table: &mut Vec<f64>) -> f64 {
    let all = 1usize << p.len();
    table.clear();
    table.resize(all, 0.0);
    table[0] = 1.0;
    // What is drawn so far is a set; the next value is any that is not in it.
    for drawn in 0..all {
        let left = |k: &usize| drawn & (1 << k) == 0;
        let total = rest + (0..p.len()).filter(left).map(|k| p[k]).sum::<f64>();
        for k in (0..p.len()).filter(left) {
            table[drawn | 1 << k] += table[drawn] * p[k] / total;
        }
    }
    table[all - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probability of drawing `order` one after the other without replacement.
    fn of_order(q: &[f64], order: &[usize]) -> f64 {
        let mut left = 1.0;
        order.iter().fold(1.0, |p, &s| {
            let own = p * q[s] / left;
            left -= q[s];
            own
        })
    }

    /// Over all sets of three of five values, the estimator's mean is the exact gradient in each probability.
    #[test]
    fn the_mean_over_all_sets_is_exact() {
        let q = [0.4, 0.25, 0.2, 0.1, 0.05];
        let f = [1.3, -0.7, 2.2, 0.4, -3.0];
        let (mut mean, mut total) = ([0.0; 5], 0.0);
        for a in 0..5 {
            for b in a + 1..5 {
                for c in b + 1..5 {
                    let set = [a, b, c];
                    let orders = [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]];
                    let p: f64 = orders.iter().map(|o| of_order(&q, o)).sum();
                    total += p;
                    let mut sets = Sets { p: set.map(|s| q[s]).to_vec(), ..Sets::default() };
                    sets.signals = set.map(|s| f[s]).to_vec();
                    sets.with_baselines();
                    for (l, s) in set.into_iter().enumerate() {
                        mean[s] += p * sets.first[l] * (sets.signals[l] - sets.baselines[l]);
                    }
                }
            }
        }
        assert!((total - 1.0).abs() < 1e-14);
        // E[w d log q] in the logits is q (f - E f): the weights' means are that, up to a multiple of q.
        let bound: f64 = q.iter().zip(f).map(|(q, f)| q * f).sum();
        let surplus: f64 = mean.iter().sum();
        for s in 0..5 {
            let logit = mean[s] - q[s] * surplus;
            assert!((logit - q[s] * (f[s] - bound)).abs() < 1e-14, "{s}: {logit}");
        }
    }

    #[test]
    fn sets_come_as_often_as_their_orders_say() {
        let q: [f64; 4] = [0.1, 0.2, 0.3, 0.4];
        let integer = Integer { low: 0, num_values: 4, place: 0, in_rows: false };
        let log_p = vec![q.map(f64::ln).to_vec()];
        let mut sets = Sets { integers: vec![integer], log_p, ..Sets::default() };
        let (mut counts, times) = ([[0.0; 4]; 4], 40_000);
        for d in 0..times {
            sets.search(2, &mut crate::streams::Streams::new(5).draw(d));
            counts[sets.beams[0].digits[0] as usize][sets.beams[1].digits[0] as usize] += 1.0;
        }
        for (a, counts) in counts.iter().enumerate() {
            for (b, count) in counts.iter().enumerate().filter(|(b, _)| *b != a) {
                let p = of_order(&q, &[a, b]);
                let error = (p * (1.0 - p) / times as f64).sqrt();
                assert!((count / times as f64 - p).abs() < 4.5 * error, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_set_of_everything_is_exact_and_tiny_probabilities_stay_finite() {
        let mut sets = Sets { p: vec![0.5, 0.3, 0.2], signals: vec![1.0, 2.0, 4.0], ..Sets::default() };
        sets.with_baselines();
        for (first, q) in sets.first.iter().zip([0.5, 0.3, 0.2]) {
            assert!((first - q).abs() < 1e-15);
        }
        assert!(sets.baselines.iter().all(|b| (b - 1.9).abs() < 1e-14));
        let mut sets = Sets { p: vec![1.0, 1e-30, 1e-40], signals: vec![1.0, 2.0, 4.0], ..Sets::default() };
        sets.with_baselines();
        assert!(sets.first.iter().chain(&sets.baselines).all(|x| x.is_finite()), "{sets:?}");
        assert!((sets.first[0] - 1.0).abs() < 1e-15);
    }
}
