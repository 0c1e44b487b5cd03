//! [`AdversarialVi`]: a q without a density, whose log density ratio is learnt beside it.

use serde::{Deserialize, Serialize};

use super::{Algorithm, FitError, Solution, Step};
use crate::family::Reparam;
use crate::model::{Draws, Layout, RowSet};
use crate::optimize::{Adam, AdamState, Average, AverageState, Optimizer};
use crate::streams::Streams;
use crate::target::{Differentiable, Pass};

/// Steps in a row without a finite gradient after which a fit gives up.
const PATIENCE: u32 = 50;

const BATCHES: u32 = 2;
const NOISE: u32 = 1;
const REFERENCE: u32 = 8;

/// Maximises `E_q[log p(x, z) - log_q(x, z)]` over a q that can be drawn from alone, and over theta, where
/// `log_q = T(x, z) + log N(z; 0, I)` is learnt: a logistic regression that tells draws of q from standard normal ones has
/// the log ratio `T`, and takes `ratio_steps` steps before each step of q.
///
/// *Bias*: `T` is never the exact ratio, so neither is the gradient, and the value is no bound of log p(x): it can lie above
/// it. Training in alternation may oscillate or run away; slower steps of q, more `ratio_steps` and latents that lie about
/// the unit scale help. A step whose gradient is not finite is left out, and fifty in a row are an error. Where q has a density, [`StochasticVi`](super::StochasticVi) is better in every way.
///
/// *Assumes* latents of rows alone, and models of the ratio with q's row latents `z`, and `z` and `r`
/// ([`DensityRatio`](crate::layers::DensityRatio)).
///
/// *Source*: Mescheder, Nowozin and Geiger 2017, "Adversarial variational Bayes", algorithm 1, with the standard normal as
/// the reference of their section 3.3 in the place of one that adapts; batches are drawn with replacement.
pub struct AdversarialVi<'a, T: ?Sized, F: ?Sized, C: ?Sized, R: ?Sized> {
    /// `log p(x, z)`.
    pub target: &'a T,
    /// Draws of q.
    pub encoder: &'a F,
    /// The objective of the logistic regression that learns the ratio of densities.
    pub contest: &'a C,
    /// What stands in for log q, with the parameters of the contest.
    pub log_q: &'a R,
    /// Parameters of q and theta at the start.
    pub start: Solution,
    /// Parameters of the ratio at the start.
    pub ratio_start: Vec<f64>,
    /// How q and theta follow their gradient.
    pub optimizer: Adam,
    /// The optimiser that moves the ratio's parameters.
    pub ratio_optimizer: Adam,
    /// Steps of the ratio before each step of q.
    pub ratio_steps: usize,
    /// Rows of a step.
    pub batch: usize,
    /// Draws of each row.
    pub num_draws: usize,
    /// What is returned: the last iterate or an average.
    pub average: Average,
    /// The source of all randomness of the run.
    pub streams: Streams,
}

/// State of an adversarial fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdversarialState {
    step: u64,
    params: Vec<f64>,
    theta: Vec<f64>,
    ratio: Vec<f64>,
    optimizer: AdamState,
    theta_optimizer: AdamState,
    ratio_optimizer: AdamState,
    average: AverageState,
    theta_average: AverageState,
    /// Steps in a row that had no finite gradient.
    failures: u32,
}

impl AdversarialState {
    /// The ratio's parameters.
    pub fn ratio(&self) -> &[f64] {
        &self.ratio
    }
}

impl<T, F, C, R> AdversarialVi<'_, T, F, C, R>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    C: Differentiable + ?Sized,
    R: Differentiable + ?Sized,
{
    fn check(&self) -> Result<(), FitError> {
        let (layout, contest, ratio) = (self.target.layout(), self.contest.layout(), self.log_q.layout());
        let num = layout.num_row_latents;
        let fits = |l: &Layout, n: usize| l.num_latents == 0 && l.num_row_latents == n && l.num_rows == layout.num_rows;
        if !(num > 0 && fits(layout, num) && fits(ratio, num) && fits(contest, 2 * num)) {
            return Err(FitError::setting(
                "rows",
                "model, ratio and contest need the same rows with the same latents, and no latents outside of rows",
            ));
        }
        if self.batch == 0 || self.batch > layout.num_rows || self.num_draws == 0 || self.ratio_steps == 0 {
            return Err(FitError::setting(
                "batch",
                format!(
                    "batches of {} of {} rows, {} draws, {} steps of the ratio; all are at least one, the batch at most the rows",
                    self.batch, layout.num_rows, self.num_draws, self.ratio_steps
                ),
            ));
        }
        let found = (self.start.params.len(), self.start.theta.len(), self.ratio_start.len());
        let expected = (self.encoder.num_params(), layout.num_parameters, ratio.num_parameters);
        if found == expected && contest.num_parameters == expected.2 {
            Ok(())
        } else {
            Err(FitError::setting(
                "start",
                format!("the start has {found:?} numbers of q, theta and ratio; expected {expected:?}"),
            ))
        }
    }

    fn draw(&self, state: &AdversarialState, rows: &RowSet, streams: Streams) -> (Vec<f64>, Draws) {
        let mut noise = vec![0.0; self.encoder.num_noise(rows) * self.num_draws];
        crate::family::fill_noise(self.encoder.noise_law(), streams, self.num_draws, &mut noise);
        let mut z = Draws::zeros(self.target.layout(), rows.len(self.target.layout()), self.num_draws);
        self.encoder.transform(&state.params, rows, &noise, &mut z);
        (noise, z)
    }

    /// A step of the logistic regression; says whether its gradient was finite.
    fn learn_ratio(&self, state: &mut AdversarialState, rows: &RowSet, streams: Streams) -> Result<bool, FitError> {
        let (_, z) = self.draw(state, rows, streams.purpose(NOISE));
        let mut both = Draws::zeros(self.contest.layout(), z.num_rows, self.num_draws);
        let (of_q, of_reference) = both.row_latents.split_at_mut(z.row_latents.len());
        of_q.copy_from_slice(&z.row_latents);
        streams.purpose(REFERENCE).fill_normal(self.num_draws, of_reference);
        let (mut pass, mut bar) = (Pass::default(), both.clone());
        let mut grad = vec![0.0; state.ratio.len()];
        self.contest.log_density_and_gradient(&state.ratio, &both, rows, &mut pass, &mut bar, &mut grad)?;
        let finite = grad.iter().all(|g| g.is_finite());
        if finite {
            self.ratio_optimizer.ascend(&mut state.ratio_optimizer, &grad, &mut state.ratio);
        }
        Ok(finite)
    }

    /// A step of q and theta; the value and the norm of the gradient.
    fn improve(&self, state: &mut AdversarialState, rows: &RowSet, streams: Streams) -> Result<(f64, f64), FitError> {
        let (noise, z) = self.draw(state, rows, streams.purpose(NOISE));
        let (mut pass, mut of_q, share) = (Pass::default(), Pass::default(), 1.0 / self.num_draws as f64);
        let (mut bar, mut q_bar) = (z.clone(), z.clone());
        let mut grad_theta = vec![0.0; state.theta.len()];
        let mut unused = vec![0.0; state.ratio.len()];
        self.target.log_density_and_gradient(&state.theta, &z, rows, &mut pass, &mut bar, &mut grad_theta)?;
        self.log_q.log_density_and_gradient(&state.ratio, &z, rows, &mut of_q, &mut q_bar, &mut unused)?;
        bar.row_latents.iter_mut().zip(&q_bar.row_latents).for_each(|(b, q)| *b = share * (*b - q));
        grad_theta.iter_mut().for_each(|g| *g *= share);
        let mut grad = vec![0.0; state.params.len()];
        self.encoder.pullback(&state.params, rows, &noise, &z, &bar, &mut grad);
        let weights = pass.log_density.iter().zip(&of_q.log_density);
        let value = share * weights.map(|(p, q)| p - q).sum::<f64>();
        let norm = grad.iter().chain(&grad_theta).map(|g| g * g).sum::<f64>().sqrt();
        if norm.is_finite() {
            self.optimizer.ascend(&mut state.optimizer, &grad, &mut state.params);
            self.average.update(&mut state.average, &state.params);
            self.optimizer.ascend(&mut state.theta_optimizer, &grad_theta, &mut state.theta);
            self.average.update(&mut state.theta_average, &state.theta);
        }
        Ok((value, norm))
    }
}

impl<T, F, C, R> Algorithm for AdversarialVi<'_, T, F, C, R>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    C: Differentiable + ?Sized,
    R: Differentiable + ?Sized,
{
    type State = AdversarialState;
    type Output = Solution;

    fn init(&self) -> Result<AdversarialState, FitError> {
        self.check()?;
        let Solution { params, theta } = self.start.clone();
        Ok(AdversarialState {
            step: 0,
            optimizer: self.optimizer.init(&params),
            theta_optimizer: self.optimizer.init(&theta),
            ratio_optimizer: self.ratio_optimizer.init(&self.ratio_start),
            average: self.average.init(&params),
            theta_average: self.average.init(&theta),
            ratio: self.ratio_start.clone(),
            params,
            theta,
            failures: 0,
        })
    }

    fn step(&self, state: &mut AdversarialState) -> Result<Step, FitError> {
        let layout = self.target.layout();
        let mut subset = vec![0; self.batch];
        self.streams.purpose(BATCHES).at_step(state.step).indices(layout.num_rows, &mut subset);
        subset.iter_mut().for_each(|r| *r += layout.first_row as u32);
        let rows = RowSet::minibatch(subset, layout.num_rows);
        let times = self.ratio_steps as u64 + 1;
        let mut finite = true;
        for k in 0..times - 1 {
            finite &= self.learn_ratio(state, &rows, self.streams.at_step(state.step * times + k))?;
        }
        let (value, norm) = self.improve(state, &rows, self.streams.at_step(state.step * times + times - 1))?;
        state.step += 1;
        state.failures = if finite && norm.is_finite() { 0 } else { state.failures + 1 };
        if state.failures >= PATIENCE {
            return Err(FitError::NotFinite {
                place: format!("step {}", state.step),
                times: PATIENCE as usize,
                detail: " (of q or of the density ratio, which may have run away: take smaller steps of q)".into(),
            });
        }
        let evaluations = times * self.num_draws as u64;
        let objective = value.is_finite().then_some(value);
        Ok(Step { index: state.step, objective, grad_norm: norm, evaluations, ..Step::default() })
    }

    fn output(&self, state: &AdversarialState) -> Solution {
        let mut out = Solution { params: state.params.clone(), theta: state.theta.clone() };
        self.average.write(&state.average, &mut out.params);
        self.average.write(&state.theta_average, &mut out.theta);
        out
    }
}
