//! A quasi-Newton path uphill: limited-memory BFGS that survives values which are not finite, and the Gaussians along it.

use serde::{Deserialize, Serialize};

use super::density::Density;
use crate::numerics::{add_scaled, dot_in_order};
use crate::target::{DensityError, Differentiable};

/// Sufficient increase and curvature of the line search.
const INCREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

/// Trials of one line search.
const TRIALS: usize = 40;

/// Rise that a quadratic model still promises, in nats, below which a path has arrived.
const ARRIVED: f64 = 1e-9;

/// A coordinate this far out is running away.
const FAR: f64 = 1e12;

/// The reason for which a path ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PathEnd {
    /// The gradient vanished, in nats still to be gained.
    Arrived,
    /// No step along the search direction rises any more.
    NoRise,
    /// It ran away: the density has no maximum in reach.
    RanAway,
    /// The budget of iterations is used up.
    Budget,
    /// There was no path: a plain Gaussian that was looked at beside them.
    NoPath,
}

/// A step and the change of the gradient of `-log p` over it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pair {
    /// `s`, the step.
    pub step: Vec<f64>,
    /// `y`, the change; `s . y > 0`.
    pub change: Vec<f64>,
}

/// One place on a path, with all that is needed to go on from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Where the path stands.
    pub position: Vec<f64>,
    /// The log density there.
    pub value: f64,
    /// The gradient of the log density there.
    pub grad: Vec<f64>,
    /// Diagonal of the first guess of the inverse Hessian of `-log p`.
    pub diagonal: Vec<f64>,
    /// The latest steps, oldest first.
    pub pairs: Vec<Pair>,
    /// Iterations so far.
    pub iteration: u64,
    /// Set once the path has ended.
    pub end: Option<PathEnd>,
    /// Number of past steps that the curvature is made from.
    history: usize,
}

impl Path {
    /// A path from `position`, or `None` where the density or its gradient is not finite there.
    pub(crate) fn begin<T: Differentiable + ?Sized>(
        density: &mut Density<'_, T>,
        position: &[f64],
        history: usize,
    ) -> Result<Option<Self>, DensityError> {
        let mut grad = vec![0.0; position.len()];
        let value = density.at(position, &mut grad)?;
        Ok(value.is_finite().then(|| Path {
            position: position.to_vec(),
            value,
            grad,
            diagonal: vec![1.0; position.len()],
            pairs: Vec::new(),
            iteration: 0,
            end: None,
            history,
        }))
    }

    /// Takes one step uphill, or sets `end`.
    pub(crate) fn advance<T: Differentiable + ?Sized>(
        &mut self,
        density: &mut Density<'_, T>,
    ) -> Result<(), DensityError> {
        if self.end.is_some() {
            return Ok(());
        }
        let mut direction = self.direction();
        let mut slope = dot_in_order(&direction, &self.grad);
        if !(slope > 0.0 && slope.is_finite()) {
            self.pairs.clear();
            self.diagonal.fill(1.0);
            direction.copy_from_slice(&self.grad);
            slope = dot_in_order(&self.grad, &self.grad);
        }
        if slope <= 2.0 * ARRIVED {
            self.end = Some(PathEnd::Arrived);
            return Ok(());
        }
        let plain = self.pairs.is_empty() && self.diagonal.iter().all(|a| *a == 1.0);
        let first = if plain { 1.0 / slope.sqrt().max(1.0) } else { 1.0 };
        let Some((position, value, grad)) = self.search(density, &direction, slope, first)? else {
            self.retry_or_end();
            return Ok(());
        };
        let gain = value - self.value;
        self.remember(&position, &grad);
        (self.position, self.value, self.grad) = (position, value, grad);
        self.iteration += 1;
        if self.position.iter().any(|x| x.abs() > FAR) {
            self.end = Some(PathEnd::RanAway);
        } else if gain <= 16.0 * f64::EPSILON * self.value.abs() {
            self.end = Some(PathEnd::Arrived);
        }
        Ok(())
    }

    /// A failed search forgets the curvature once; from the bare gradient it is the end.
    fn retry_or_end(&mut self) {
        if self.pairs.is_empty() {
            self.end = Some(PathEnd::NoRise);
        }
        self.pairs.clear();
    }

    /// `H grad` by the two-loop recursion, with `H` the inverse Hessian of `-log p` so far.
    ///
    /// *Source*: Nocedal and Wright 2006, algorithm 7.4.
    fn direction(&self) -> Vec<f64> {
        let mut q = self.grad.clone();
        let mut weights = Vec::with_capacity(self.pairs.len());
        for Pair { step, change } in self.pairs.iter().rev() {
            let weight = dot_in_order(step, &q) / dot_in_order(step, change);
            add_scaled(&mut q, -weight, change);
            weights.push(weight);
        }
        q.iter_mut().zip(&self.diagonal).for_each(|(q, a)| *q *= a);
        for (Pair { step, change }, weight) in self.pairs.iter().zip(weights.iter().rev()) {
            let back = dot_in_order(change, &q) / dot_in_order(step, change);
            add_scaled(&mut q, weight - back, step);
        }
        q
    }

    /// Bisection for the weak Wolfe conditions; a value that is not finite counts as no rise.
    ///
    /// *Source*: Lewis and Overton 2013, algorithm 2.6.
    #[allow(clippy::type_complexity, reason = "a private triple: position, value, gradient")]
    fn search<T: Differentiable + ?Sized>(
        &self,
        density: &mut Density<'_, T>,
        direction: &[f64],
        slope: f64,
        first: f64,
    ) -> Result<Option<(Vec<f64>, f64, Vec<f64>)>, DensityError> {
        let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
        let (mut position, mut grad) = (self.position.clone(), self.grad.clone());
        let mut risen = None;
        for _ in 0..TRIALS {
            position.copy_from_slice(&self.position);
            add_scaled(&mut position, length, direction);
            let value = density.at(&position, &mut grad)?;
            if value < self.value + INCREASE * length * slope {
                high = length;
            } else if dot_in_order(&grad, direction) > CURVATURE * slope {
                low = length;
                risen = Some((position.clone(), value, grad.clone()));
            } else {
                return Ok(Some((position, value, grad)));
            }
            length = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * low };
            if !length.is_finite() || high - low <= 1e-14 * high {
                break;
            }
        }
        Ok(risen)
    }

    /// Keeps the step to a new place when it carries usable curvature, and updates the diagonal with it.
    ///
    /// *Source*: Gilbert and Lemaréchal 1989, equation 4.9, as in Zhang, Carpenter, Gelman and Vehtari 2022 (Pathfinder).
    fn remember(&mut self, position: &[f64], grad: &[f64]) {
        let step: Vec<f64> = position.iter().zip(&self.position).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = self.grad.iter().zip(grad).map(|(a, b)| a - b).collect();
        let along = dot_in_order(&step, &change);
        if !(along > 0.0 && dot_in_order(&change, &change) / along <= 1e12) {
            return;
        }
        let c = self.diagonal.iter().zip(&change).map(|(a, y)| a * y * y).sum::<f64>() / along;
        let norm: f64 = self.diagonal.iter().zip(&step).map(|(a, s)| s * s / a).sum();
        for ((a, s), y) in self.diagonal.iter_mut().zip(&step).zip(&change) {
            let inverse = c / *a + y * y / along - c * (s / *a).powi(2) / norm;
            if inverse > 0.0 && inverse.is_finite() && (1.0 / inverse).is_finite() {
                *a = 1.0 / inverse;
            }
        }
        if self.pairs.len() == self.history {
            self.pairs.remove(0);
        }
        self.pairs.push(Pair { step, change });
    }
}
