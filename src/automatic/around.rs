//! The evidence around a solution with integers, by a Gaussian with the correlations that its family lacks.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::MixedFamily;
use super::families::mixed;
use crate::algorithm::{FitError, Solution};
use crate::family::Family;
use crate::model::{Draws, Layout, RowSet};
use crate::objective::log_mean_exp;
use crate::streams::Streams;
use crate::target::{Differentiable, Pass};

/// Real latents outside of rows up to which it is done.
const MOST_LATENTS: usize = 200;

/// Draws, and how many at a time.
const DRAWS: usize = 1000;
const BLOCK: usize = 50;

/// Step of differences of gradients, in standard deviations of q.
const DIFFERENCE: f64 = 1e-3;

/// A centre, and the factor of the precision there.
type Mode = (DVector<f64>, Cholesky<f64, Dyn>);

/// Whether a solution's evidence is better had by [`evidence`]: integers and real latents outside of rows.
///
/// Elsewhere a mode of correlated latents has a family that holds it, or rows of its own.
pub(super) fn applies(layout: &Layout) -> bool {
    layout.num_integers > 0 && (1..=MOST_LATENTS).contains(&layout.num_latents)
}

/// Log evidence of the part of the posterior around `solution`, and the evaluations it took.
///
/// Importance weights of a mean-field q find little of a mode whose latents are correlated: its evidence comes out nats too
/// small. Here the latents outside of rows are drawn from a Gaussian with the curvature of the log joint at one Newton
/// step from their means in q, where q has its integers; all else is drawn from q. Both are means of importance
/// weights, whose logarithm comes out too small on average, by nats where q misses the correlations: the greater of the
/// two is the better estimate, up to Monte Carlo error.
///
/// `None` where the curvature is not that of a mode.
pub(super) fn evidence(
    target: &dyn Differentiable,
    solution: &Solution,
    streams: Streams,
) -> Result<(Option<f64>, u64), FitError> {
    let layout = target.layout();
    let d = layout.num_latents;
    let Some((centre, factor)) = curvature(target, solution, streams)? else { return Ok((None, 2 * d as u64 + 1)) };
    let (family, rows, mut pass) = (mixed(layout)?, RowSet::all(), Pass::default());
    let (mean, ln_sd) = family.real().means_and_ln_sds(family.split(&solution.params).0);
    let half_ln_det = 0.5 * factor.ln_determinant();
    let mut z = Draws::zeros(layout, layout.num_rows, BLOCK);
    let (mut log_q, mut noise) = (vec![0.0; BLOCK], vec![0.0; d * BLOCK]);
    let mut values = Vec::with_capacity(DRAWS);
    for block in 0..DRAWS / BLOCK {
        let streams = streams.at_step(block as u64);
        family.sample(&solution.params, &rows, streams, &mut z);
        family.log_q(&solution.params, &rows, &z, &mut log_q);
        streams.purpose(1).fill_normal(BLOCK, &mut noise);
        for (k, log_q) in log_q.iter_mut().enumerate() {
            let e = DVector::from_iterator(d, (0..d).map(|i| noise[i * BLOCK + k]));
            for i in 0..d {
                // What q had in place of the Gaussian goes out; the constants of both are the same.
                let unit = (z.latents[i * BLOCK + k] - mean[i]) * (-ln_sd[i]).exp();
                *log_q += ln_sd[i] + 0.5 * unit * unit - 0.5 * e[i] * e[i];
            }
            *log_q += half_ln_det;
            // The precision is L L', so that L'^-1 e has its inverse as covariance.
            let moved = factor.l_dirty().tr_solve_lower_triangular(&e).unwrap_or(e);
            (0..d).for_each(|i| z.latents[i * BLOCK + k] = centre[i] + moved[i]);
        }
        target.log_density(&solution.theta, &z, &rows, &mut pass)?;
        values.extend(pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q));
    }
    values.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = f64::NEG_INFINITY);
    Ok((Some(log_mean_exp(&values)), DRAWS as u64 + 2 * d as u64 + 1))
}

/// One Newton step from the means of the latents outside of rows, and the precision there, the integers and the latents of
/// rows those of one draw of q. `None` where it is no precision.
fn curvature(target: &dyn Differentiable, solution: &Solution, streams: Streams) -> Result<Option<Mode>, FitError> {
    let layout = target.layout();
    let mut one = Draws::zeros(layout, layout.num_rows, 1);
    let family = mixed(layout)?;
    family.sample(&solution.params, &RowSet::all(), streams.purpose(2), &mut one);
    let (mean, sd) = mean_and_sd(&family, &solution.params);
    Ok(local(target, &solution.theta, &one, &mean, &sd)?.map(|local| (mean + local.step, local.factor)))
}

/// Means and standard deviations in q of the latents outside of rows.
pub(super) fn mean_and_sd(family: &MixedFamily, params: &[f64]) -> (DVector<f64>, Vec<f64>) {
    let (mean, ln_sd) = family.real().means_and_ln_sds(family.split(params).0);
    (DVector::from_column_slice(mean), ln_sd.iter().map(|l| l.exp()).collect())
}

/// A point of the log joint as a function of the latents outside of rows: its value, the Newton step to the top and the
/// factor of the precision.
pub(super) struct Local {
    pub value: f64,
    pub step: DVector<f64>,
    /// Twice what the step gains.
    pub decrement: f64,
    pub factor: Cholesky<f64, Dyn>,
}

/// At `mean`, all else as in the one draw `one`, by differences of gradients; `None` where the log joint is not concave.
///
/// `2 n + 1` evaluations for `n` latents.
pub(super) fn local(
    target: &dyn Differentiable,
    theta: &[f64],
    one: &Draws,
    mean: &DVector<f64>,
    sd: &[f64],
) -> Result<Option<Local>, FitError> {
    let (layout, d) = (target.layout(), mean.len());
    let lanes = 2 * d + 1;
    let mut z = Draws::zeros(layout, layout.num_rows, lanes);
    repeat(&one.integers, &mut z.integers, lanes);
    repeat(&one.row_latents, &mut z.row_latents, lanes);
    repeat(&one.row_integers, &mut z.row_integers, lanes);
    repeat(mean.as_slice(), &mut z.latents, lanes);
    let step = |i: usize| DIFFERENCE * sd[i];
    for i in 0..d {
        z.latents[i * lanes + 2 * i + 1] += step(i);
        z.latents[i * lanes + 2 * i + 2] -= step(i);
    }
    let (mut pass, mut z_bar) = (Pass::default(), Draws::zeros(layout, layout.num_rows, lanes));
    let mut theta_bar = vec![0.0; layout.num_parameters];
    target.log_density_and_gradient(theta, &z, &RowSet::all(), &mut pass, &mut z_bar, &mut theta_bar)?;
    let grad = |i: usize, lane: usize| z_bar.latents[i * lanes + lane];
    let slope = |i: usize, j: usize| (grad(i, 2 * j + 2) - grad(i, 2 * j + 1)) / (2.0 * step(j));
    let precision = DMatrix::from_fn(d, d, |i, j| 0.5 * (slope(i, j) + slope(j, i)));
    let at_mean = DVector::from_iterator(d, (0..d).map(|i| grad(i, 0)));
    let value = pass.log_density[0];
    if !value.is_finite() || precision.iter().chain(&at_mean).any(|p| !p.is_finite()) {
        return Ok(None);
    }
    Ok(Cholesky::new(precision).map(|factor| {
        let step = factor.solve(&at_mean);
        Local { value, decrement: step.dot(&at_mean), step, factor }
    }))
}

fn repeat<X: Copy>(from: &[X], to: &mut [X], lanes: usize) {
    to.chunks_exact_mut(lanes).zip(from).for_each(|(to, from)| to.fill(*from));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::target::{LogDensity, Target};

    /// A switch beside two latents with a correlation of 0.99 that lie elsewhere in either position.
    struct Ridge;

    impl Model for Ridge {
        fn log_joint(&self, p: &LogJoint) {
            let on = p.draw_integer("on", bernoulli(0.5)).to_real();
            let (a, b) = (p.real("a") - 8.0 * on, p.real("b") - 8.0 * on);
            let square = a.square() + b.square() - 2.0 * 0.99 * a * b;
            p.add(-0.5 * square / (1.0 - 0.99f64.powi(2)));
        }
    }

    #[test]
    fn correlated_latents_of_a_mode_have_their_whole_evidence() {
        let target = Target::new(&Ridge).unwrap();
        assert!(applies(target.layout()));
        // The best mean-field q of the position "on": standard deviations from the diagonal of the precision.
        let sd = 0.5 * (1.0 - 0.99f64.powi(2)).ln();
        let solution = Solution { params: vec![8.0, 8.0, sd, sd, -30.0, 30.0], theta: vec![] };
        let family = mixed(target.layout()).unwrap();
        assert_eq!(family.num_params(), solution.params.len());
        let found = evidence(&target, &solution, Streams::new(3)).unwrap();
        // One half times 2 pi sqrt(1 - 0.99^2); the Gaussian is the posterior, so that the weights are equal.
        let exact = 0.5f64.ln() + std::f64::consts::TAU.ln() + sd;
        assert!((found.0.unwrap() - exact).abs() < 1e-6, "{found:?}, exact {exact}");
        assert_eq!(found.1, 1005);
    }

    #[test]
    fn a_saddle_is_no_mode() {
        struct Saddle;
        impl Model for Saddle {
            fn log_joint(&self, p: &LogJoint) {
                p.draw_integer("on", bernoulli(0.5));
                p.add(p.real("a").square() - p.real("b").square());
            }
        }
        let target = Target::new(&Saddle).unwrap();
        let solution = Solution { params: vec![0.0; 6], theta: vec![] };
        assert_eq!(evidence(&target, &solution, Streams::new(3)).unwrap().0, None);
    }
}
