//! Whether a stochastic run has arrived: the bound of what it would return, looked at now and then.

use crate::algorithm::{Chosen, FitError, Minibatch, Solution};
use crate::estimate::{Design, Point, Space, Task};
use crate::family::Family;
use crate::fit::Stop;
use crate::objective::Accepted;
use crate::streams::Streams;
use crate::target::LogDensity;

/// Purposes of the streams.
const LOOKS: u32 = 57;
const ROWS: u32 = 1;

/// The step of the first look, and the factor to the next: over it the answer, a mean of the last half to three quarters of the
/// steps, has forgotten half of what it was.
const FIRST: u64 = 500;
const FACTOR: f64 = 1.5;

/// The least factor between looks that are compared.
const LEAST_FACTOR: f64 = 1.25;

/// Draws of a group where every step has all rows, and the fewest groups of a look.
const GROUP: usize = 4;
const FEWEST: usize = 8;

/// Standard error of a gain, in nats, up to which "no gain" means something; more where the tolerance is more. A gain of 0.01
/// to 0.02 nats over half as many steps again leaves 0.03 to 0.06 to be had where what is missing falls as one over the
/// steps: less than the 0.1 by which restarts may differ.
const NOISE: f64 = 0.01;

/// Standard errors within which a gain is none, and from which on it is one, however large the error.
const NONE: f64 = 2.0;
const CLEAR: f64 = 3.0;

/// Part of the evaluations of the steps since the last look that a look may take.
const PART: u64 = 4;

/// Compares the bounds of a run's answers at steps that grow by half from look to look.
///
/// An answer is an average of iterates: it has arrived long before the last iterate, whose noise shrinks with the step
/// size. Two answers are compared at the same draws, in groups that see all rows: with minibatches one pass over the data, a
/// draw for each batch, so that what rows differ by is no noise. More groups are taken until the standard error of the gain is
/// at most 0.01 nats, or the gain is clear, or they take a quarter of what the steps since the last look took: then nothing is
/// known, and the run goes on.
pub(super) struct Level<'a, T: ?Sized, F: ?Sized> {
    target: &'a T,
    family: &'a F,
    minibatch: Minibatch,
    tolerance: f64,
    streams: Streams,
    /// The step of the next look.
    pub next: u64,
    /// The last two looks, the later one first.
    before: [Option<Looked>; 2],
    space: Space,
    chosen: Chosen,
}

/// An answer, and its bound by each group of draws; not finite where no draw of a batch has a finite density.
struct Looked {
    step: u64,
    answer: Solution,
    bounds: Vec<f64>,
}

impl<'a, T: LogDensity + ?Sized, F: Family + ?Sized> Level<'a, T, F> {
    pub fn new(target: &'a T, family: &'a F, minibatch: Minibatch, tolerance: f64, streams: Streams) -> Self {
        let (space, chosen, streams) = (Space::default(), Chosen::default(), streams.purpose(LOOKS));
        Level { target, family, minibatch, tolerance, streams, next: FIRST, before: [None, None], space, chosen }
    }

    /// Looks at the answer after `step` steps, of which those since the last look took `evaluations`: the reason to end if it
    /// no longer moves, and the evaluations of the look.
    pub fn look(&mut self, step: u64, evaluations: u64, answer: Solution) -> Result<(Option<Stop>, u64), FitError> {
        self.next = (step as f64 * FACTOR).ceil() as u64;
        let (budget, mut now) = (evaluations / PART, Looked { step, answer, bounds: Vec::new() });
        // The last look of a run may come soon after the one before it.
        let [late, early] = std::mem::take(&mut self.before);
        let apart = |looked: &Looked| step as f64 >= LEAST_FACTOR * looked.step as f64;
        let Some(mut before) = late.filter(apart).or_else(|| early.filter(apart)) else {
            self.before = [Some(now), None];
            return Ok((None, 0));
        };
        let (mut groups, mut taken) = (before.bounds.len().max(FEWEST), 0);
        let stop = loop {
            let missing = (2 * groups).saturating_sub(before.bounds.len() + now.bounds.len()) as u64;
            if taken + missing * self.size_of_group() > budget {
                break None;
            }
            taken += self.extend(&mut before, groups)? + self.extend(&mut now, groups)?;
            let (gain, gain_se) = difference(&before.bounds, &now.bounds);
            if gain_se <= NOISE.max(self.tolerance) {
                // Rounding alone, where q is the posterior and the bound has no noise.
                let rounding = 1e-13 * now.bounds[0].abs();
                let level = gain.abs() <= self.tolerance.max(NONE * gain_se).max(rounding);
                break level.then_some(Stop::Plateau { steps: step, gain, gain_se });
            }
            if gain.abs() > self.tolerance.max(CLEAR * gain_se) || gain_se.is_nan() {
                break None;
            }
            groups *= 2;
        };
        self.before = [Some(now), Some(before)];
        Ok((stop, taken))
    }

    /// Minibatches of a group, and draws of each.
    fn batches(&self) -> (Minibatch, u64, usize) {
        let num_rows = self.target.layout().num_rows as u64;
        match self.minibatch {
            Minibatch::Shuffled(b) | Minibatch::Replaced(b) if b > 0 => {
                (Minibatch::Shuffled(b), num_rows.div_ceil(b as u64).max(1), 1)
            }
            all => (all, 1, GROUP),
        }
    }

    fn size_of_group(&self) -> u64 {
        let (_, batches, draws) = self.batches();
        batches * draws as u64
    }

    /// Bounds of an answer by the first `groups` groups of draws; returns the evaluations.
    fn extend(&mut self, looked: &mut Looked, groups: usize) -> Result<u64, FitError> {
        let (minibatch, batches, num_draws) = self.batches();
        let first = looked.bounds.len();
        for group in first..groups.max(first) {
            let (mut sum, mut weights) = (0.0, 0.0);
            for batch in group as u64 * batches..(group as u64 + 1) * batches {
                self.chosen.choose(minibatch, self.target.layout(), self.streams.purpose(ROWS), batch)?;
                let at = Point {
                    params: &looked.answer.params,
                    theta: &looked.answer.theta,
                    rows: &self.chosen.rows,
                    streams: self.streams.at_step(batch),
                    num_draws,
                    design: Design::Independent,
                };
                let task = Task { target: self.target, family: self.family, at };
                self.space.sample(&task)?;
                self.space.evaluate(&task)?;
                self.space.evaluate_q(&task);
                let Space { pass, log_q, .. } = &self.space;
                let values = pass.log_density.iter().zip(log_q).map(|(p, q)| p - q).filter(|v| v.is_finite());
                let (count, total) = values.fold((0, 0.0), |(count, total), v| (count + 1, total + v));
                // The last batch of a pass is smaller, and each of its rows counts for more.
                let weight = 1.0 / self.chosen.rows.weight;
                sum += weight * (total / count as f64 + Accepted { count, num_draws }.ln_share());
                weights += weight;
            }
            looked.bounds.push(sum / weights);
        }
        Ok((groups.max(first) - first) as u64 * self.size_of_group())
    }
}

/// Mean of the differences and its standard error; NaN where half of the groups or more cannot be compared.
fn difference(before: &[f64], now: &[f64]) -> (f64, f64) {
    let all: Vec<f64> = now.iter().zip(before).map(|(b, a)| b - a).filter(|d| d.is_finite()).collect();
    let n = all.len() as f64;
    if 2 * all.len() <= now.len() {
        return (f64::NAN, f64::NAN);
    }
    let mean = all.iter().sum::<f64>() / n;
    let variance = all.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::FullRank;
    use crate::prelude::*;
    use crate::target::Target;

    /// mu ~ N(0, 1) and 400 values, a precision of 401: `q = N(m, 1 / 401)` has a bound that falls by `401 m^2 / 2`.
    struct Mean;

    impl Model for Mean {
        fn log_joint(&self, p: &LogJoint) {
            let mu = p.draw("mu", normal(0.0, 1.0));
            let values = Column::new((0..400).map(|k| f64::from(k % 5) - 2.0).collect::<Vec<_>>());
            p.rows(400, |i| i.observe(values.at(i), normal(mu, 1.0)));
        }
    }

    /// Looks at answers whose bounds lie below the best by so many nats.
    fn looks(minibatch: Minibatch, evaluations: u64, missing: [f64; 2]) -> (Option<Stop>, u64) {
        let (target, family) = (Target::new(&Mean).unwrap(), FullRank::new(1));
        let mut level = Level::new(&target, &family, minibatch, 0.01, Streams::new(3));
        let answer = |nats: f64| {
            let (mean, sd) = ((2.0 * nats / 401.0).sqrt(), 1.0 / 401f64.sqrt());
            Solution { params: family.init(&[mean], sd), theta: Vec::new() }
        };
        assert_eq!(level.look(500, evaluations, answer(missing[0])).unwrap(), (None, 0));
        level.look(level.next, evaluations, answer(missing[1])).unwrap()
    }

    #[test]
    fn an_answer_that_no_longer_moves_ends_a_run_and_one_that_rises_or_falls_does_not() {
        for minibatch in [Minibatch::Full, Minibatch::Shuffled(30), Minibatch::Replaced(40)] {
            let (still, taken) = looks(minibatch, 100_000, [0.05, 0.05]);
            assert!(matches!(still, Some(Stop::Plateau { steps: 750, .. })) && taken > 0, "{still:?}");
            let (slow, _) = looks(minibatch, 100_000, [0.0005, 0.0]);
            let Some(Stop::Plateau { gain, gain_se, .. }) = slow else { panic!("{slow:?}") };
            assert!(gain_se <= 0.01 && (gain - 0.0005).abs() < 4.0 * gain_se + 1e-9, "{gain} +- {gain_se}");
            for missing in [[0.1, 0.0], [0.0, 0.1], [3.0, 1.0]] {
                assert_eq!(looks(minibatch, 100_000, missing).0, None, "{missing:?} with {minibatch:?}");
            }
        }
    }

    #[test]
    fn what_would_cost_more_than_a_quarter_of_the_steps_is_not_looked_at_and_ends_nothing() {
        assert_eq!(looks(Minibatch::Full, 100, [0.0, 0.0]), (None, 0));
        // Sixteen passes of ten batches.
        assert_eq!(looks(Minibatch::Shuffled(40), 639, [0.0, 0.0]), (None, 0));
        assert_eq!(looks(Minibatch::Shuffled(40), 640, [0.0, 0.0]).1, 160);
    }
}
