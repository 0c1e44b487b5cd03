//! Whether a posterior learnt from simulations may be used: calibration on pairs that it has not seen, and whether the
//! observed data are like the simulated.

use super::chain::Chain;
use super::pairs::{Pairs, Split};
use crate::algorithm::FitError;
use crate::amortised::fitted::own;
use crate::amortised::measured::{Measured, MeasuredLine};
use crate::diagnose::calibration::{RankStatistics, rank, rank_statistics};
use crate::diagnose::verdict::{Finding, Trust, Verdict};
use crate::fit::Stop;
use crate::posterior::MonteCarlo;
use crate::program::Matrix;
use crate::streams::Streams;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// Draws that the truth is ranked among; with 199 the central half and nine tenths of the ranks are whole.
const DRAWS: usize = 199;
/// A shift of the mean rank by this much is one by a standard deviation, of normal distributions: 1 / (2 sqrt(pi)).
const RANK_OF_SD: f64 = 0.282_094_791_773_878;
/// Simulations at most that the distance to the nearest ones is taken from, and which of them.
const MOST_SIMULATIONS: usize = 10_000;
const NEAREST: usize = 5;
/// Pairs that tell the coverage of a 90 % interval to three points.
const ENOUGH: usize = 100;
/// Of a q whose ranks are not uniform: standard deviations that a median is off, and shares that the central 50 % and 90 %
/// intervals are, up to which it is nearly calibrated, and up to which its means may be used.
const SMALL: [f64; 3] = [0.1, 0.05, 0.02];
const LARGE: [f64; 3] = [0.3, 0.1, 0.05];
/// Nats a pair and parameter in the last quarter of a run that is over.
const GAIN: f64 = 0.02;

/// Whether a run had arrived.
pub(super) struct Arrival {
    /// What the last quarter of the steps gained, in nats a pair.
    pub gain: f64,
    pub stop: Stop,
}

/// What pairs and observed rows say.
pub(super) struct Judged {
    pub measured: Measured,
    ranks: Vec<Calibration>,
    /// The observed row that lies farthest out.
    farthest: Outlying,
}

/// Where the truth lies among draws of one parameter.
struct Calibration {
    name: String,
    statistics: RankStatistics,
    /// Shares of pairs with the truth in the central 50 % and 90 % interval.
    covered: [f64; 2],
}

/// How far the data of an observed row lie from simulated ones.
struct Outlying {
    row: usize,
    /// Share of held-out simulations that lie as far from their neighbours.
    share: f64,
    /// Its distance over the largest of theirs.
    ratio: f64,
}

/// Measures q on the pairs that judge.
pub(super) fn judge(
    split: &Split,
    names: &[String],
    observed: &[(usize, Vec<f64>)],
    chain: &Chain,
    streams: Streams,
) -> Result<Judged, FitError> {
    let Pairs { x, z } = &split.judged;
    let (pairs, num) = (x.num_rows(), names.len());
    let mut ranks = vec![Vec::with_capacity(pairs); num];
    let mut noise = vec![0.0; DRAWS * num];
    for row in 0..pairs {
        streams.at_step(row as u64).fill_normal(DRAWS, &mut noise);
        chain.draw(x.row(row), &mut noise);
        for ((ranks, draws), truth) in ranks.iter_mut().zip(noise.chunks_exact(DRAWS)).zip(z.row(row)) {
            let not_finite =
                || FitError::setting("learning rate", "draws of q are not finite; take a smaller learning rate");
            ranks.push(rank(*truth, draws).ok_or_else(not_finite)?);
        }
    }
    let calibration = |(name, ranks): (&String, &Vec<usize>)| -> Result<Calibration, FitError> {
        let statistics = rank_statistics(ranks, DRAWS).map_err(own)?;
        let inside = |out: usize| ranks.iter().filter(|&&r| r >= out && r + out < DRAWS + 1).count() as f64;
        Ok(Calibration { name: name.clone(), statistics, covered: [50, 10].map(|out| inside(out) / pairs as f64) })
    };
    let ranks = names.iter().zip(&ranks).map(calibration).collect::<Result<Vec<_>, _>>()?;
    // In the units of the parameters.
    let (log_q, mcse) = chain.mean_log_q(&split.judged);
    let transforms = split.parameters.iter().zip(&split.bounds);
    let ln_slopes = transforms.enumerate().map(|(k, (scale, bounds))| {
        let of = |row: usize| bounds.value(scale.undo(z.row(row)[k])).1;
        scale.sd.ln() + (0..pairs).map(of).sum::<f64>() / pairs as f64
    });
    let value = log_q - ln_slopes.sum::<f64>();
    let about = format!("{pairs} pairs that were not trained on");
    let measured = Measured {
        figures: vec![(format!("log q of the true parameters, mean over {about}:"), MonteCarlo { value, mcse })],
        about: "truth among draws of q".into(),
        columns: ["in 50 %", "in 90 %", "shift in sd", "spread", "p-value"].map(String::from).to_vec(),
        lines: ranks.iter().map(Calibration::line).collect(),
    };
    let farthest = outlying(split, observed).into_iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let Some(farthest) = farthest else {
        return Err(FitError::setting("data", "the simulated data cannot be told apart; give other columns of data"));
    };
    Ok(Judged { measured, ranks, farthest })
}

impl Calibration {
    fn line(&self) -> MeasuredLine {
        let s = &self.statistics;
        let values = vec![self.covered[0], self.covered[1], s.shift / RANK_OF_SD, s.spread, self.p_value()];
        MeasuredLine { name: self.name.clone(), values }
    }

    /// Of uniform and of symmetric ranks, the smaller one of two.
    fn p_value(&self) -> f64 {
        (2.0 * self.statistics.uniformity_p_value.min(self.statistics.symmetry_p_value)).min(1.0)
    }
}

impl Judged {
    /// What may be used of q, given how its training ended and how far the means of two runs are apart.
    pub fn verdict(&self, arrival: &Arrival, repeated: Option<f64>) -> Verdict {
        let mut findings = vec![self.arrived(arrival), self.calibrated(), self.judged_by_enough()];
        findings.extend(repeated.map(|sd| {
            Finding::by(
                sd,
                [0.1, 0.3],
                format!("means at the observed data differ by {sd:.2} standard deviations between two runs, beyond Monte Carlo error"),
                "simulate more pairs: what two networks disagree on the pairs do not tell",
            )
        }));
        findings.push(self.among_simulations());
        Verdict::from_findings(findings)
    }

    fn arrived(&self, arrival: &Arrival) -> Finding {
        if let Stop::Interrupted { .. } = arrival.stop {
            return Finding::new(Trust::DoNotTrust, format!("the fit was {arrival}"), "let it end");
        }
        let limit = GAIN * self.ranks.len() as f64;
        let reason =
            format!("training ended {arrival} that decide when to stop, of at most {limit:.2} where it has arrived");
        Finding::by(arrival.gain, [limit, limit], reason, "allow more steps")
    }

    /// Uniform ranks; where they are not, how far off they are.
    fn calibrated(&self) -> Finding {
        let adjusted = |c: &Calibration| (c.p_value() * self.ranks.len() as f64).min(1.0);
        let Some(worst) = self.ranks.iter().min_by(|a, b| a.p_value().total_cmp(&b.p_value())) else {
            return Finding::by(f64::NAN, [0.0; 2], "no parameter was judged".into(), "");
        };
        let (name, p, num) = (&worst.name, adjusted(worst), worst.statistics.num_ranks);
        if p >= 0.01 {
            let reason = format!(
                "q is calibrated on {num} pairs that it has not seen: ranks of the truth are uniform (smallest p-value {p:.2}, \
                 adjusted for the number of tests, `{name}`)"
            );
            return Finding::new(Trust::Trust, reason, "");
        }
        let most = |of: &dyn Fn(&Calibration) -> f64| self.ranks.iter().map(|c| of(c).abs()).fold(0.0, f64::max);
        let shift = most(&|c| c.statistics.shift / RANK_OF_SD);
        let [half, most] = [(0, 0.5), (1, 0.9)].map(|(k, share)| most(&|c| c.covered[k] - share));
        let within = |[a, b, c]: [f64; 3]| shift <= a && half <= b && most <= c;
        let (trust, how) = if within(SMALL) {
            (Trust::Trust, "not exactly calibrated, though nearly so,")
        } else {
            (if within(LARGE) { Trust::TrustMeansOnly } else { Trust::DoNotTrust }, "not calibrated")
        };
        let reason = format!(
            "q is {how} on {num} pairs that it has not seen: ranks of the truth are not uniform (p-value {p:.1e}, `{name}`), \
             medians are off by up to {shift:.2} standard deviations, and 50 % and 90 % intervals by up to {:.1} and {:.1} \
             points",
            100.0 * half,
            100.0 * most
        );
        let advice = "simulate more pairs, or transform parameters and data so that a normal distribution fits better \
                      (logarithms of what is positive or heavy-tailed)";
        Finding::new(trust, reason, if trust == Trust::Trust { "" } else { advice })
    }

    fn judged_by_enough(&self) -> Finding {
        let num = self.ranks.first().map_or(0, |c| c.statistics.num_ranks);
        let points = 100.0 * (0.09 / num as f64).sqrt();
        let reason = format!("{num} pairs tell the coverage of a 90 % interval to {points:.1} points");
        if num >= ENOUGH {
            return Finding::new(Trust::Trust, reason, "");
        }
        Finding::new(Trust::TrustMeansOnly, reason, "simulate at least 500 pairs, of which a fifth judges")
    }

    fn among_simulations(&self) -> Finding {
        let Outlying { row, share, ratio } = self.farthest;
        let advice = "simulate data like the observed (another prior, or another simulator), or leave the row out; far from \
                      the simulations q is whatever its network makes of the data";
        if ratio <= 1.0 {
            let reason = format!(
                "the observed data lie among the simulated: {:.1} % of held-out simulations are as far from others as row \
                 {row}",
                100.0 * share
            );
            return Finding::new(Trust::Trust, reason, "");
        }
        let reason = format!(
            "row {row} is {ratio:.1} times as far from the simulations as the farthest of {} held-out ones",
            self.ranks.first().map_or(0, |c| c.statistics.num_ranks)
        );
        Finding::by(ratio, [1.0, 1.5], reason, advice)
    }
}

impl std::fmt::Display for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.stop {
            Stop::Interrupted { steps } => write!(f, "interrupted after {steps} steps"),
            _ => write!(
                f,
                "after all of its {} steps, the last quarter of which gained {:.3} nats a pair",
                self.stop.steps(),
                self.gain
            ),
        }
    }
}

/// The distance of each observed row to its nearest simulations, in data of unit covariance.
fn outlying(split: &Split, observed: &[(usize, Vec<f64>)]) -> Vec<Outlying> {
    let Some(whiten) = Whitening::of(&split.trained.x) else { return Vec::new() };
    let rows = |x: &Matrix| (0..x.num_rows().min(MOST_SIMULATIONS)).map(|r| whiten.apply(x.row(r))).collect::<Vec<_>>();
    let trained = rows(&split.trained.x);
    let distance = |x: &DVector<f64>| {
        let mut squares: Vec<f64> = trained.iter().map(|t| (t - x).norm_squared()).collect();
        let k = NEAREST.min(squares.len()) - 1;
        squares.select_nth_unstable_by(k, f64::total_cmp).1.sqrt()
    };
    let judged: Vec<f64> = rows(&split.judged.x).iter().map(distance).collect();
    let largest = judged.iter().copied().fold(0.0, f64::max);
    let one = |(row, x): &(usize, Vec<f64>)| {
        let own = distance(&whiten.apply(x));
        let as_far = judged.iter().filter(|d| **d >= own).count() as f64;
        // Where no two simulations differ, any difference is one.
        let ratio = if own == 0.0 { 0.0 } else { own / largest };
        Outlying { row: *row, share: as_far / judged.len() as f64, ratio }
    };
    observed.iter().map(one).collect()
}

/// A linear map after which columns have unit covariance.
struct Whitening(Cholesky<f64, Dyn>);

impl Whitening {
    fn of(x: &Matrix) -> Option<Whitening> {
        let (n, d) = (x.num_rows(), x.num_columns());
        let rows = DMatrix::from_fn(n, d, |r, c| x.row(r)[c]);
        // Columns are standardised; what is added makes room for columns that repeat others.
        let covariance = rows.transpose() * &rows / n as f64 + DMatrix::identity(d, d) * 1e-9;
        covariance.cholesky().map(Whitening)
    }

    fn apply(&self, x: &[f64]) -> DVector<f64> {
        let x = DVector::from_column_slice(x);
        self.0.l_dirty().solve_lower_triangular(&x).unwrap_or(x)
    }
}
