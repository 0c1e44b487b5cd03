//! [`FixedBound`]: the bound with fixed noise, as a function of q's parameters and as an argmin problem.

use std::cell::RefCell;
use std::rc::Rc;

use argmin::core::{CostFunction, Error, Gradient, Hessian};
use argmin_math::ArgminDot;

use super::ArgminPoint;
use crate::family::Reparam;
use crate::model::{Draws, RowSet};
use crate::target::{DensityError, Differentiable, Pass};

/// Stands for a value that is not finite: argmin's line searches hang on NaN and stop on infinity.
const HUGE: f64 = 1e100;

/// `1/M sum_m log p(T(params, noise_m)) + H[q]`, the entropy in closed form where it is known, else by the same draws.
///
/// It is an argmin problem whose cost is its negative. A bound that is not finite becomes a huge cost with a slope
/// back to the last finite parameters. Cheap to clone; clones share their buffers.
pub struct FixedBound<'a, T: ?Sized, F: ?Sized> {
    inner: Rc<Inner<'a, T, F>>,
}

struct Inner<'a, T: ?Sized, F: ?Sized> {
    target: &'a T,
    family: &'a F,
    noise: &'a [f64],
    rows: RowSet,
    buffers: RefCell<Buffers>,
}

struct Buffers {
    z: Draws,
    z_bar: Draws,
    q_bar: Draws,
    log_q: Vec<f64>,
    pass: Pass,
    last_finite: Vec<f64>,
    rejected: usize,
    evaluations: u64,
}

impl<T: ?Sized, F: ?Sized> Clone for FixedBound<'_, T, F> {
    fn clone(&self) -> Self {
        FixedBound { inner: self.inner.clone() }
    }
}

impl<'a, T: Differentiable + ?Sized, F: Reparam + ?Sized> FixedBound<'a, T, F> {
    /// The bound for `noise`, `[element][draw]`, over all rows.
    pub fn new(target: &'a T, family: &'a F, noise: &'a [f64], num_draws: usize) -> Self {
        let layout = target.layout();
        let block = || Draws::zeros(layout, layout.num_rows, num_draws);
        let buffers = Buffers {
            z: block(),
            z_bar: block(),
            q_bar: block(),
            log_q: vec![0.0; num_draws],
            pass: Pass::default(),
            last_finite: Vec::new(),
            rejected: 0,
            evaluations: 0,
        };
        let inner = Inner { target, family, noise, rows: RowSet::all(), buffers: RefCell::new(buffers) };
        FixedBound { inner: Rc::new(inner) }
    }

    /// Density evaluations so far.
    pub fn evaluations(&self) -> u64 {
        self.inner.buffers.borrow().evaluations
    }

    /// Draws without a finite density at the last evaluation.
    pub fn rejected(&self) -> usize {
        self.inner.buffers.borrow().rejected
    }

    /// The bound; negative infinity where any draw has no finite density, since leaving draws out would reward it.
    ///
    /// # Errors
    /// When the target can never be evaluated.
    pub fn value(&self, params: &[f64]) -> Result<f64, DensityError> {
        let Inner { target, family, noise, rows, buffers } = &*self.inner;
        let b = &mut *buffers.borrow_mut();
        family.transform(params, rows, noise, &mut b.z);
        b.evaluations += b.z.num_draws as u64;
        target.log_density(&[], &b.z, rows, &mut b.pass)?;
        Ok(b.finish(*family, params, rows))
    }

    /// As `value`, and overwrites `grad`.
    ///
    /// # Errors
    /// As [`FixedBound::value`].
    pub fn value_and_gradient(&self, params: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        let Inner { target, family, noise, rows, buffers } = &*self.inner;
        let b = &mut *buffers.borrow_mut();
        family.transform(params, rows, noise, &mut b.z);
        b.evaluations += b.z.num_draws as u64;
        target.log_density_and_gradient(&[], &b.z, rows, &mut b.pass, &mut b.z_bar, &mut [])?;
        let value = b.finish(*family, params, rows);
        grad.fill(0.0);
        let share = 1.0 / b.z.num_draws as f64;
        b.z_bar.latents.iter_mut().chain(&mut b.z_bar.row_latents).for_each(|g| *g *= share);
        if family.entropy(params, rows).is_some() {
            family.add_entropy_gradient(params, rows, 1.0, grad);
        } else {
            family.grad_log_q(params, rows, &b.z, &mut b.q_bar);
            let pairs = b.z_bar.latents.iter_mut().zip(&b.q_bar.latents);
            pairs.chain(b.z_bar.row_latents.iter_mut().zip(&b.q_bar.row_latents)).for_each(|(g, q)| *g -= share * q);
            b.log_q.fill(-share);
            family.score(params, rows, &b.z, &b.log_q, grad);
        }
        family.pullback(params, rows, noise, &b.z, &b.z_bar, grad);
        if value.is_finite() && grad.iter().all(|g| g.is_finite()) {
            b.last_finite.clear();
            b.last_finite.extend_from_slice(params);
            return Ok(value);
        }
        Ok(f64::NEG_INFINITY)
    }

    /// Minus the Hessian at `params` times `v`, by central differences of gradients.
    ///
    /// # Errors
    /// As [`FixedBound::value`].
    pub fn curvature_times(&self, params: &[f64], v: &[f64]) -> Result<Vec<f64>, DensityError> {
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let (mut up, mut down) = (vec![0.0; v.len()], vec![0.0; v.len()]);
        if norm == 0.0 {
            return Ok(up);
        }
        let step = 1e-5 / norm;
        let shifted = |sign: f64| -> Vec<f64> { params.iter().zip(v).map(|(p, v)| p + sign * step * v).collect() };
        let finite = self.value_and_gradient(&shifted(1.0), &mut up)?.is_finite()
            && self.value_and_gradient(&shifted(-1.0), &mut down)?.is_finite();
        // Beside a wall the model is taken as flat but convex.
        let pairs = down.iter().zip(&up).zip(v);
        Ok(pairs.map(|((d, u), v)| if finite { (d - u) / (2.0 * step) } else { *v }).collect())
    }
}

impl Buffers {
    fn finish<F: Reparam + ?Sized>(&mut self, family: &F, params: &[f64], rows: &RowSet) -> f64 {
        let values = &self.pass.log_density;
        self.rejected = values.iter().filter(|v| !v.is_finite()).count();
        if self.rejected > 0 {
            return f64::NEG_INFINITY;
        }
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let entropy = family.entropy(params, rows).unwrap_or_else(|| {
            family.log_q(params, rows, &self.z, &mut self.log_q);
            -mean(&self.log_q)
        });
        let value = mean(&self.pass.log_density) + entropy;
        if value.is_finite() { value } else { f64::NEG_INFINITY }
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> CostFunction for FixedBound<'_, T, F> {
    type Param = ArgminPoint;
    type Output = f64;

    fn cost(&self, params: &ArgminPoint) -> Result<f64, Error> {
        let value = self.value(&params.0)?;
        Ok(if value.is_finite() { -value } else { HUGE })
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> Gradient for FixedBound<'_, T, F> {
    type Param = ArgminPoint;
    type Gradient = ArgminPoint;

    fn gradient(&self, params: &ArgminPoint) -> Result<ArgminPoint, Error> {
        let mut grad = vec![0.0; params.0.len()];
        if self.value_and_gradient(&params.0, &mut grad)?.is_finite() {
            grad.iter_mut().for_each(|g| *g = -*g);
            return Ok(ArgminPoint(grad));
        }
        let back = self.inner.buffers.borrow().last_finite.clone();
        let away = params.0.iter().zip(back.iter().chain(std::iter::repeat(&0.0)));
        Ok(ArgminPoint(away.map(|(p, b)| if (p - b).is_finite() { p - b } else { 1.0 }).collect()))
    }
}

impl<'a, T: Differentiable + ?Sized, F: Reparam + ?Sized> Hessian for FixedBound<'a, T, F> {
    type Param = ArgminPoint;
    type Hessian = HessianAt<'a, T, F>;

    fn hessian(&self, params: &ArgminPoint) -> Result<Self::Hessian, Error> {
        Ok(HessianAt { bound: self.clone(), params: params.0.clone() })
    }
}

/// The Hessian of the cost at a point, known by its products with vectors.
pub struct HessianAt<'a, T: ?Sized, F: ?Sized> {
    bound: FixedBound<'a, T, F>,
    params: Vec<f64>,
}

impl<T: ?Sized, F: ?Sized> Clone for HessianAt<'_, T, F> {
    fn clone(&self) -> Self {
        HessianAt { bound: self.bound.clone(), params: self.params.clone() }
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> ArgminDot<ArgminPoint, ArgminPoint> for HessianAt<'_, T, F> {
    fn dot(&self, v: &ArgminPoint) -> ArgminPoint {
        // A product cannot fail in argmin; the evaluation beside it will report the error.
        ArgminPoint(self.bound.curvature_times(&self.params, &v.0).unwrap_or_else(|_| v.0.clone()))
    }
}
