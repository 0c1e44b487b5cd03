//! [`Adversarial`]: a q without a density, trained against a logistic regression of its draws.

use super::fitted::{AmortisedFitted, of_parameters, own};
use super::measured::Measured;
use super::training::{AmortisedModel, AmortisedSettings, show_without_value};
use crate::algorithm::{AdversarialVi, Algorithm, FitError, Solution, Step};
use crate::diagnose::verdict::{Finding, HalfMeans, Trust, Verdict, halves_disagreement};
use crate::family::{Family, TracedFamily};
use crate::fit::{MaxSteps, Observer, Stop, Trace, run};
use crate::layers::{DensityRatio, ImplicitEncoder, InitialWeights};
use crate::model::{Draws, Layout, Model, RowSet};
use crate::optimize::{Adam, Average, Schedule};
use crate::posterior::MonteCarlo;
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Target};
use nalgebra::DMatrix;
use std::ops::ControlFlow;

/// Steps, unless asked for.
const STEPS: u64 = 8000;
/// Rows of a step, draws of each unless asked for, and steps of the ratio before each step of q.
const BATCH: usize = 100;
const DRAWS: usize = 4;
const RATIO_STEPS: usize = 5;
/// First step size of q and theta; the ratio takes steps so many times as long, and the first ones alone: a q whose density
/// is not yet known narrows to a point, from which there is no way back.
const RATE: f64 = 0.0015;
const RATIO_RATE: f64 = 33.0;
const AHEAD: u64 = 500;
/// Draws of each row that q is judged by, and rows at most.
const JUDGED_DRAWS: usize = 4000;
const JUDGED_ROWS: usize = 500;

/// A model whose posterior given theta is known, to hold a q against that has no density.
pub trait ExactPosterior {
    /// `log p(x | theta)` of all rows; NaN where `theta` is another model's.
    fn log_evidence(&self, layout: &Layout, theta: &[f64]) -> f64;

    /// The largest `log p(x | theta)` of any theta.
    fn most_log_evidence(&self) -> f64;

    /// Overwrites draws `z` of the latents of `row`, `[latent][draw]`, by numbers that are independent and standard normal
    /// where z are draws of `p(z | x, theta)`; NaN where `theta` is another model's.
    fn whiten(&self, layout: &Layout, theta: &[f64], row: usize, z: &mut [f64]);
}

/// A model whose latents are all in rows, with a network of row and noise that makes draws of q(z_i | x_i) without a density.
///
/// ```text
/// maximised: sum_i E_q[log p(x_i, z_i | theta) - log_q(x_i, z_i)]        log_q learnt beside it by logistic regression
/// ```
///
/// It is [`AdversarialVi`] with steps and step sizes chosen. Neither bound nor importance weights judge such a q: it is held
/// against an [`ExactPosterior`] where one is given, and is not trusted elsewhere. Prefer a q with a density,
/// [`Encoded`](super::Encoded), wherever there is one.
pub struct Adversarial<M> {
    model: M,
    encoder: ImplicitEncoder,
    ratio: DensityRatio,
    exact: Option<Box<dyn ExactPosterior + Send + Sync>>,
}

/// One run of the training, from its own randomness.
struct Run {
    solution: Solution,
    stop: Stop,
    trace: Trace,
    /// By the exact posterior.
    log_evidence: Option<f64>,
    family: TracedFamily,
}

/// How far q is from the exact posterior at the same parameters, in its standard deviations.
struct Distance {
    num_rows: usize,
    /// Of the means: over the rows, and the largest, beyond Monte Carlo error.
    rms: f64,
    worst: f64,
    /// Least and largest ratio of the standard deviations in any direction.
    sds: [f64; 2],
}

impl<M: Model> Adversarial<M> {
    /// `model` with draws by `encoder`, which starts at weights after Glorot, and `ratio` in the place of their density.
    pub fn new(model: M, encoder: ImplicitEncoder, ratio: DensityRatio) -> Self {
        Adversarial { model, encoder, ratio, exact: None }
    }

    /// Holds what is found against `exact`, and takes the best of several runs by its log p(x).
    #[must_use]
    pub fn exact(self, exact: impl ExactPosterior + Send + Sync + 'static) -> Self {
        Adversarial { exact: Some(Box::new(exact)), ..self }
    }

    fn train(
        &self,
        target: &Target,
        streams: Streams,
        training: &AmortisedSettings,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let (steps, rate) = (training.steps.unwrap_or(STEPS), training.learning_rate.unwrap_or(RATE));
        let encoder = self.encoder.clone().start(InitialWeights::Glorot, streams.seed());
        let family = TracedFamily::with_workers(&encoder, target.layout(), target.workers()).map_err(own)?;
        let contest = Target::with_options(&self.ratio.contest(), training.options)?;
        let log_q = Target::with_options(&self.ratio.log_q(), training.options)?;
        let ratio_rate = RATIO_RATE * rate;
        let theta = InitialWeights::Glorot.theta(target.layout(), streams.purpose(3));
        let mut vi = AdversarialVi {
            target,
            encoder: &family,
            contest: &contest,
            log_q: &log_q,
            start: Solution { params: family.init(&[], 1.0), theta },
            ratio_start: vec![0.0; log_q.layout().num_parameters],
            optimizer: Adam::new(0.0),
            ratio_optimizer: Adam::new(ratio_rate),
            ratio_steps: RATIO_STEPS,
            batch: BATCH.min(target.layout().num_rows),
            num_draws: training.draws.unwrap_or(DRAWS),
            average: Average::Polynomial { eta: 8.0 },
            streams: streams.purpose(4),
        };
        let mut ahead = vi.init()?;
        let shown = &mut |step: &Step| show_without_value(observer, step);
        let stop = run(&vi, &mut ahead, &mut MaxSteps(AHEAD), shown)?;
        vi.ratio_start = ahead.ratio().to_vec();
        vi.optimizer = Adam::new(Schedule::cosine(rate, rate / 25.0, steps));
        vi.ratio_optimizer = Adam::new(Schedule::cosine(ratio_rate, ratio_rate / 10.0, steps));
        vi.streams = streams;
        let (mut state, mut trace) = (vi.init()?, Trace::default());
        let mut seen = |step: &Step| {
            let kept = trace.on_step(step);
            if show_without_value(observer, step).is_break() { ControlFlow::Break(()) } else { kept }
        };
        let stop = match stop {
            Stop::Interrupted { .. } => Stop::Interrupted { steps: 0 },
            _ => run(&vi, &mut state, &mut MaxSteps(steps), &mut seen)?,
        };
        let solution = vi.output(&state);
        let log_evidence = self.exact.as_ref().map(|exact| exact.log_evidence(target.layout(), &solution.theta));
        Ok(Run { solution, stop, trace, log_evidence, family })
    }
}

impl<M: Model> AmortisedModel for Adversarial<M> {
    fn fit(&self, training: &AmortisedSettings, observer: &mut dyn Observer) -> Result<AmortisedFitted, FitError> {
        if self.exact.is_none() && training.restarts.is_some_and(|runs| runs > 1) {
            let words = "runs of a q without a density can be compared by an exact posterior alone; leave restarts out";
            return Err(FitError::setting("restarts", words));
        }
        let target = Target::with_options(&self.model, training.options)?;
        let one = |streams| self.train(&target, streams, training, observer);
        let runs = training.each_run(1, |run: &Run| &run.stop, one)?;
        // The first of equals.
        let better = |a: Run, b: Run| if b.log_evidence > a.log_evidence { b } else { a };
        let Some(Run { solution, stop, trace, log_evidence, family }) = runs.into_iter().reduce(better) else {
            return Err(FitError::setting("restarts", "a fit needs at least one run"));
        };
        let (mut findings, mut measured) = (Vec::new(), None);
        if let (Some(exact), Some(log_evidence)) = (&self.exact, log_evidence) {
            let streams = Streams::new(training.seed).purpose(5);
            let (distance, most) =
                (distance(&**exact, &target, &family, &solution, streams), exact.most_log_evidence());
            measured = Some(distance.measured(log_evidence, most));
            findings = distance.findings(most - log_evidence, solution.theta.len());
        } else {
            let reason =
                "q has no density, and without an exact posterior nothing says how far it is from the posterior";
            let advice = "take a q with a density, or check this one on a model whose posterior is known";
            findings.push(Finding::new(Trust::DoNotTrust, reason.into(), advice));
        }
        if let Stop::Interrupted { .. } = stop {
            findings.push(Finding::new(Trust::DoNotTrust, format!("the fit was {stop}"), "let it end"));
        }
        let draws = training.draws.unwrap_or(DRAWS);
        let how = format!("implicit network, adam optimiser, adversarial, {draws} draws");
        let stopped = match stop {
            Stop::Budget { steps } => format!("after all of its {steps} steps"),
            ref other => other.to_string(),
        };
        let verdict = Verdict::from_findings(findings);
        let fitted = AmortisedFitted::of_rows(how, &target, &family, solution, stop, trace, verdict);
        Ok(AmortisedFitted { measured, stopped, ..fitted })
    }

    fn draws(&self, solution: &Solution, num_draws: usize, _: Streams) -> Result<Constrained, FitError> {
        of_parameters(&Target::new(&self.model)?, solution, num_draws)
    }
}

/// Holds draws of q, whitened by the exact posterior, against a standard normal.
fn distance(
    exact: &dyn ExactPosterior,
    target: &Target,
    encoder: &TracedFamily,
    solution: &Solution,
    streams: Streams,
) -> Distance {
    let (layout, d) = (target.layout(), target.layout().num_row_latents);
    let num_rows = layout.num_rows.min(JUDGED_ROWS);
    let (mut z, mut halves, mut squares) = (Draws::zeros(layout, 1, JUDGED_DRAWS), Vec::new(), 0.0);
    let mut covariance = DMatrix::<f64>::zeros(d, d);
    let (n, error) = (JUDGED_DRAWS as f64, 1.0 / (JUDGED_DRAWS as f64).sqrt());
    for k in 0..num_rows {
        let row = k * layout.num_rows / num_rows;
        let one = RowSet { subset: Some(vec![(layout.first_row + row) as u32]), weight: 1.0, global_terms: false };
        encoder.sample(&solution.params, &one, streams.at_step(row as u64), &mut z);
        exact.whiten(layout, &solution.theta, row, &mut z.row_latents);
        let latents: Vec<&[f64]> = z.row_latents.chunks_exact(JUDGED_DRAWS).collect();
        let means: Vec<f64> = latents.iter().map(|z| z.iter().sum::<f64>() / n).collect();
        for (a, b) in (0..d).flat_map(|a| (0..d).map(move |b| (a, b))) {
            let product: f64 = latents[a].iter().zip(latents[b]).map(|(a, b)| a * b).sum();
            covariance[(a, b)] += (product / n - means[a] * means[b]) / num_rows as f64;
        }
        let square: f64 = means.iter().map(|m| m * m).sum();
        squares += (square - d as f64 * error * error) / (d * num_rows) as f64;
        halves.extend(means.iter().map(|&m| HalfMeans { means: [m, 0.0], mcse: [error, 0.0], sd: 1.0 }));
    }
    let mut sds = [f64::NAN; 2];
    if covariance.iter().all(|c| c.is_finite()) {
        let values = covariance.symmetric_eigenvalues();
        sds = [values.min(), values.max()].map(|v| v.max(0.0).sqrt());
    }
    let rms = if squares.is_nan() { squares } else { squares.max(0.0).sqrt() };
    Distance { num_rows, rms, worst: halves_disagreement(&halves), sds }
}

impl Distance {
    fn measured(&self, log_evidence: f64, most: f64) -> Measured {
        let figure = |what: &str, value: f64| (what.to_string(), MonteCarlo { value, mcse: 0.0 });
        let figures = vec![
            figure("log p(x) at the parameters found, exactly", log_evidence),
            figure("largest log p(x) of any parameters, exactly", most),
            figure("means of q off the exact posterior's, in its sds, root mean square", self.rms),
            figure(
                "means of q off the exact posterior's, in its sds, most of any row beyond Monte Carlo error",
                self.worst,
            ),
            figure("sds of q over the exact posterior's, least of any direction", self.sds[0]),
            figure("sds of q over the exact posterior's, most of any direction", self.sds[1]),
        ];
        Measured { figures, about: String::new(), columns: Vec::new(), lines: Vec::new() }
    }

    /// `short` are the nats that log p(x) is below its maximum.
    fn findings(&self, short: f64, num_theta: usize) -> Vec<Finding> {
        let Distance { worst, sds: [least, most], num_rows, .. } = *self;
        // The worse of the two, and NaN where either is.
        let off = if (most.ln() + least.ln()).is_nan() { f64::NAN } else { most.ln().max(-least.ln()) };
        // Near its maximum log p(x) falls by half a squared standard error for each parameter.
        let errors = if short.is_nan() { short } else { (2.0 * short.max(0.0) / num_theta as f64).sqrt() };
        let longer = "take more steps, a smaller learning rate or other restarts; a q with a density is safer where there is \
                      one";
        let theta = (num_theta > 0).then(|| {
            Finding::by(
                errors,
                [0.1, 0.3],
                format!(
                    "log p(x) at the parameters found is {short:.2} nats below its maximum, both exact: {num_theta} \
                     parameters are some {errors:.2} of their standard errors from theirs"
                ),
                longer,
            )
        });
        let of_q = [
            Finding::by(
                worst,
                [0.1, 0.3],
                format!(
                    "means of q are off the exact posterior's by at most {worst:.3} of its standard deviations in {num_rows} \
                     rows, beyond Monte Carlo error (q has no density, so that nothing but this model's exact posterior \
                     can say so)"
                ),
                longer,
            ),
            Finding::by(
                off,
                [0.1, 0.3],
                format!("standard deviations of q are between {least:.3} and {most:.3} of the exact posterior's"),
                longer,
            ),
        ];
        theta.into_iter().chain(of_q).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amortised::AmortisedFit;
    use crate::prelude::*;

    /// `z_i ~ N(0, I_2)`, `x_i ~ N(z_i, I)` in 20 rows: the posterior is `N(x_i / 2, I / 2)`.
    struct Shifted(Matrix);

    impl Model for Shifted {
        fn log_joint(&self, p: &LogJoint) {
            p.rows(self.0.num_rows(), |i| {
                let z = i.draws("z", normal(0.0, 1.0), 2);
                i.observe_each(&self.0.at(i).to_vector(), &z, |mean| normal(mean, 1.0));
            });
        }
    }

    /// A posterior that knows nothing of the draws: whitened, the first latent is 0.3 off and the second half as wide.
    struct Known;

    impl ExactPosterior for Known {
        fn log_evidence(&self, _: &Layout, _: &[f64]) -> f64 {
            -7.0
        }

        fn most_log_evidence(&self) -> f64 {
            -7.0
        }

        fn whiten(&self, _: &Layout, _: &[f64], _: usize, z: &mut [f64]) {
            let half = z.len() / 2;
            for (k, z) in z.iter_mut().enumerate() {
                // Means 0.3 and 0, standard deviations 1 and 0.5, no correlation.
                *z = if k < half { 0.3 + [1.0, -1.0][k % 2] } else { [0.5, -0.5][k / 2 % 2] };
            }
        }
    }

    fn data() -> Matrix {
        let mut noise = vec![0.0; 40];
        Streams::new(5).fill_normal(1, &mut noise);
        Matrix::new(noise, 2).unwrap()
    }

    fn adversarial() -> Adversarial<Shifted> {
        let encoder = ImplicitEncoder::new(data(), "z", 2, &[]);
        Adversarial::new(Shifted(data()), encoder, DensityRatio::new(data(), 2, &[]))
    }

    #[test]
    fn a_known_distance_is_measured_and_judged() {
        let fitted = AmortisedFit::new(&adversarial().exact(Known)).steps(3).draws(2).run().unwrap();
        let figures: Vec<f64> = fitted.measured.iter().flat_map(|m| m.figures.iter().map(|f| f.1.value)).collect();
        // 4,000 draws: the Monte Carlo error of a mean is 1 / sqrt(4000), and sqrt(2 ln(20 * 40)) of these are chance.
        let (error, beyond) = (1.0 / 4000f64.sqrt(), (2.0 * 800f64.ln()).sqrt());
        let rms = ((0.3f64.powi(2) - 2.0 * error * error) / 2.0).sqrt();
        for (found, expected) in figures.iter().zip([-7.0, -7.0, rms, 0.3 - beyond * error, 0.5, 1.0]) {
            assert!((found - expected).abs() < 1e-9, "{figures:?}");
        }
        // Means 0.25 off could be used with care; of standard deviations half as wide nothing may.
        assert_eq!((fitted.verdict.trust, fitted.verdict.reasons.len()), (Trust::DoNotTrust, 2), "{fitted}");
        assert!(fitted.bound.is_none() && fitted.k_hat.is_nan() && fitted.rows.len() == 2);
    }

    #[test]
    fn a_q_that_nothing_is_known_of_is_not_trusted() {
        let model = adversarial();
        let many = AmortisedFit::new(&model).restarts(2).run().unwrap_err();
        assert!(many.to_string().contains("leave restarts out"), "{many}");
        let mut observer = |step: &Step| {
            assert_eq!(step.objective, None, "no bound");
            if step.index == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let fitted = AmortisedFit::new(&model).observer(&mut observer).run().unwrap();
        assert_eq!(fitted.verdict.trust, Trust::DoNotTrust);
        assert!(fitted.verdict.reasons[0].contains("without an exact posterior"), "{fitted}");
        assert!(fitted.stopped.contains("interrupted"), "{fitted}");
    }
}
