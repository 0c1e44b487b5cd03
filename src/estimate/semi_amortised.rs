//! [`SemiAmortised`]: factors of single rows that start where the encoder says and climb the bound on their own; [`refine`].

use super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, ln_accepted};
use crate::family::{IndependentNormals, NormalMoments, weight_of};
use crate::model::RowSet;
use crate::numerics::LN_SQRT_2_PI;
use crate::target::{DensityError, Differentiable};

/// Theta's gradient of the bound at factors `N(m_i, s_i^2)` that start at the encoder's and take `steps` natural gradient
/// steps up the bound, row by row; the encoder's gradient is that of its own bound, before the steps.
///
/// The gradients in `m` and `ln s` stick the landing: `grad_z log p(x, z) - grad_z log q(z)` along the draws, so that they
/// have no noise where q is the posterior. The draws come in pairs `m + s e` and `m - s e`, and keep their noise over the
/// steps. The value is that of the refined factors, an estimate of a bound that is as a rule above the encoder's.
///
/// *Bias*: theta's gradient takes the refined factors as fixed. That is exact where the steps have converged; too few of them
/// leave theta short of its optimum.
///
/// *Cost*: `steps + 1` model gradients a draw, and one pass through the encoder and back.
///
/// # Errors
/// When a latent of the family is not normal given the data.
///
/// *Source*: Krishnan, Liang and Hoffman 2018, "On the challenges of learning with inference networks", algorithm 1;
/// departures: natural gradient with a fixed number of steps; Kim et al. 2018 differentiate through the steps as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SemiAmortised {
    /// Steps of each row's own.
    pub steps: usize,
    /// Share of a natural gradient step that is taken, above 0 and at most 1: 0.6 with ten draws or more, less with few.
    /// A step moves a mean by at most this many standard deviations, and the logarithm of one by at most this much.
    pub step_size: f64,
}

/// Factors of rows with what their steps need.
#[derive(Clone, Debug, Default)]
pub struct Factors {
    moments: NormalMoments,
    /// Adjoints of means and of log standard deviations.
    bar: NormalMoments,
    /// Adjoints of the encoder's means and standard deviations.
    encoder_bar: NormalMoments,
}

/// Means and standard deviations of the rows' own factors after `how.steps` steps of a falling size from those that
/// `family` gives: free local factors that the encoder starts.
///
/// The point says at which parameters, for which rows, and by how many draws, which keep their noise.
///
/// ```
/// use jensen::estimate::{Point, SemiAmortised, Task, refine};
/// # use jensen::estimate::Design;
/// # use jensen::family::{Family, TracedFamily};
/// # use jensen::layers::{Likelihood, Vae};
/// # use jensen::model::RowSet;
/// # use jensen::program::Matrix;
/// # use jensen::streams::Streams;
/// # use jensen::target::{LogDensity, Target};
/// let model = Vae::new(Matrix::new([0.5, -1.0, 0.2, 0.1], 2)?, 1, &[4], Likelihood::Gaussian);
/// let target = Target::new(&model)?;
/// let family = TracedFamily::new(&model, target.layout())?;
/// let (params, theta, rows) = (family.init(&[], 1.0), model.theta(target.layout()), RowSet::all());
/// let design = Design::Independent;
/// let at = Point { params: &params, theta: &theta, rows: &rows, streams: Streams::new(1), num_draws: 8, design };
/// let of = Task { target: &target, family: &family, at };
/// let factors = refine(&of, SemiAmortised { steps: 50, step_size: 0.3 })?;
/// assert_eq!(factors.mean.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`SemiAmortised`], and when the density or its gradient is not finite on the way.
pub fn refine<T: Differentiable + ?Sized, F: IndependentNormals + ?Sized>(
    of: &Task<T, F>,
    how: SemiAmortised,
) -> Result<NormalMoments, DensityError> {
    let (mut space, mut factors) = (Space::default(), Factors::default());
    how.start(of, &mut factors, &mut space)?;
    for k in 0..how.steps {
        how.evaluate(of, &factors, &mut space)?;
        if space.reject() > 0 {
            return Err(DensityError::not_finite(
                "the density is not finite at a row's factors; try a smaller step size",
            ));
        }
        space.weigh();
        how.gradient(&of.at, &mut factors, &space);
        let left = 1.0 - k as f64 / how.steps as f64;
        ascend(&mut factors, of.at.rows, how.step_size * left);
    }
    Ok(factors.moments)
}

impl SemiAmortised {
    /// Draws the noise and sets the factors to the encoder's.
    fn start<T: Differentiable + ?Sized, F: IndependentNormals + ?Sized>(
        &self,
        of: &Task<T, F>,
        factors: &mut Factors,
        space: &mut Space,
    ) -> Result<(), DensityError> {
        if !(self.step_size > 0.0 && self.step_size <= 1.0) {
            return Err(DensityError::setting(format!(
                "a step size of {}; give one above 0 and at most 1",
                self.step_size
            )));
        }
        space.draw(of)?;
        for lane in space.noise.chunks_exact_mut(of.at.num_draws) {
            // Noise that has the mean zero keeps a mean's gradient from what is known of the standard deviation.
            let (first, second) = lane.split_at_mut(of.at.num_draws / 2);
            second.iter_mut().zip(first).for_each(|(b, a)| *b = -*a);
        }
        let Factors { moments, bar, .. } = factors;
        if !of.family.normals(of.at.params, of.at.rows, moments) {
            return Err(DensityError::unsupported(
                "a latent of q is not normal given the data; use `StickingTheLanding`",
            ));
        }
        bar.clear(moments.mean.len());
        Ok(())
    }

    /// The density and its gradient at the draws of the factors.
    fn evaluate<T: Differentiable + ?Sized, F: ?Sized>(
        &self,
        of: &Task<T, F>,
        Factors { moments, .. }: &Factors,
        space: &mut Space,
    ) -> Result<(), DensityError> {
        let draws = of.at.num_draws;
        let Space { noise, z, .. } = &mut *space;
        let lanes = z.latents.chunks_exact_mut(draws).chain(z.row_latents.chunks_exact_mut(draws));
        for ((z, e), (m, s)) in lanes.zip(noise.chunks_exact(draws)).zip(moments.mean.iter().zip(&moments.sd)) {
            z.iter_mut().zip(e).for_each(|(z, e)| *z = m + s * e);
        }
        space.differentiate(of)
    }

    /// Overwrites `bar` with the gradients in means and log standard deviations; draws are weighed already.
    fn gradient(&self, at: &Point, Factors { moments, bar, .. }: &mut Factors, space: &Space) {
        let draws = at.num_draws;
        let Space { noise, z_bar, weights, .. } = space;
        let outside = z_bar.latents.len() / draws;
        let slopes = z_bar.latents.chunks_exact(draws).chain(z_bar.row_latents.chunks_exact(draws));
        let places = slopes.zip(noise.chunks_exact(draws)).enumerate();
        for (k, (slope, e)) in places {
            let (count, sd) = (weight_of(at.rows, k >= outside), moments.sd[k]);
            let path = slope.iter().zip(e).zip(weights.iter());
            let (mut of_mean, mut of_ln_sd) = (0.0, 0.0);
            for ((slope, e), weight) in path {
                // - d log q / dz = (z - m) / s^2 = e / s
                let path = slope + count * weight * e / sd;
                of_mean += path;
                of_ln_sd += path * e * sd;
            }
            (bar.mean[k], bar.sd[k]) = (of_mean, of_ln_sd);
        }
    }
}

/// One natural gradient step up the bound of every factor: `m += size s^2 g_m`, `ln s += size g_ln_s / 2`, both held to a
/// standard deviation. Rows count once, whatever their weight in `bar`.
fn ascend(factors: &mut Factors, rows: &RowSet, size: f64) {
    let Factors { moments, bar, .. } = factors;
    let count = if rows.weight > 0.0 { 1.0 / rows.weight } else { 0.0 };
    let held = |step: f64| if step.is_finite() { step.clamp(-1.0, 1.0) } else { 0.0 };
    let bars = bar.mean.iter().zip(&bar.sd);
    for ((m, s), (of_mean, of_ln_sd)) in moments.mean.iter_mut().zip(&mut moments.sd).zip(bars) {
        *m += size * *s * held(count * *s * of_mean);
        *s *= (size * held(0.5 * count * of_ln_sd)).exp();
    }
}

/// `sum log q` of the draws, averaged over those that count: `-1/2 e^2 - ln s - ln sqrt(2 pi)`, rows by their weight.
fn mean_log_q(rows: &RowSet, factors: &Factors, space: &Space) -> f64 {
    let draws = space.z.num_draws;
    let outside = space.z.latents.len() / draws;
    let lanes = space.noise.chunks_exact(draws).zip(&factors.moments.sd).enumerate();
    let one = |(k, (e, sd)): (usize, (&[f64], &f64))| {
        let squares: f64 = e.iter().zip(&space.weights).map(|(e, w)| w * e * e).sum();
        weight_of(rows, k >= outside) * (-0.5 * squares - sd.ln() - LN_SQRT_2_PI)
    };
    lanes.map(one).sum()
}

impl<T: Differentiable + ?Sized, F: IndependentNormals + ?Sized> GradientEstimator<T, F> for SemiAmortised {
    type State = Scratch<Factors>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let factors = &mut state.buffers;
        let at = &of.at;
        self.start(of, factors, space)?;
        for k in 0..=self.steps {
            self.evaluate(of, factors, space)?;
            let (rejected, evaluations) = (space.reject(), (k + 1) * at.num_draws);
            if rejected == at.num_draws {
                return Ok(Estimate { value: f64::NAN, rejected, evaluations });
            }
            let last = if k < self.steps {
                None
            } else {
                let again = space.add_theta(of, rejected)?;
                let mean = space.mean_log_density(rejected) - mean_log_q(at.rows, factors, space);
                let value = mean + ln_accepted(at, rejected);
                Some(Estimate { value, rejected, evaluations: evaluations + again })
            };
            space.weigh();
            self.gradient(at, factors, space);
            if k == 0 {
                self.pull(of, factors, &mut space.grad);
            }
            if let Some(estimate) = last {
                return Ok(estimate);
            }
            ascend(factors, at.rows, self.step_size);
        }
        Ok(Estimate { value: f64::NAN, rejected: at.num_draws, evaluations: 0 })
    }
}

impl SemiAmortised {
    /// Carries the gradient in the encoder's moments back to its parameters.
    fn pull<T: ?Sized, F: IndependentNormals + ?Sized>(
        &self,
        of: &Task<T, F>,
        factors: &mut Factors,
        grad: &mut [f64],
    ) {
        let Factors { moments, bar, encoder_bar } = factors;
        encoder_bar.clone_from(bar);
        // d ln s = d s / s
        encoder_bar.sd.iter_mut().zip(&moments.sd).for_each(|(b, s)| *b /= s);
        of.family.pull_normals(of.at.params, of.at.rows, encoder_bar, grad);
    }
}
