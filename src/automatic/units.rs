//! A target in units of its own: each latent shifted and scaled, or all of them on the axes of a Gaussian, so that one step
//! size suits all.

use std::sync::{Mutex, OnceLock};

use crate::family::{FullRank, LocationScale, Reparam};
use crate::model::{Draws, Layout, RowSet};
use crate::target::{DensityError, Differentiable, Factored, LogDensity, Pass};

/// `log p(centre + A w) + ln |A|` as a density of `w`; latents of rows stay as they are.
pub(super) struct InUnits<'a, T: ?Sized> {
    target: &'a T,
    units: Units<'a>,
    ln_scale: f64,
    /// The draws in the target's own units, kept between steps.
    z: Mutex<Draws>,
    /// The relaxed target in the same units.
    relaxed: OnceLock<Box<InUnits<'a, dyn Differentiable + 'a>>>,
}

/// What `A` is.
#[derive(Clone, Copy)]
enum Units<'a> {
    /// Diagonal.
    Each { centre: &'a [f64], scale: &'a [f64] },
    /// The factor of a Gaussian with these parameters, whose mean is the centre.
    Axes { frame: &'a FullRank, params: &'a [f64] },
}

impl Units<'_> {
    /// Turns draws of `w` into those of the latents.
    fn apply(self, w: &Draws, z: &mut Draws) {
        match self {
            Units::Each { centre, scale } => {
                for (lane, (c, s)) in z.latents.chunks_exact_mut(w.num_draws).zip(centre.iter().zip(scale)) {
                    lane.iter_mut().for_each(|x| *x = c + s * *x);
                }
            }
            Units::Axes { frame, params } => frame.transform(params, &RowSet::all(), &w.latents, z),
        }
    }

    /// Turns gradients along the latents into those along `w`.
    fn pull_back(self, grad: &mut Draws) {
        match self {
            Units::Each { scale, .. } => {
                for (lane, s) in grad.latents.chunks_exact_mut(grad.num_draws).zip(scale) {
                    lane.iter_mut().for_each(|g| *g *= s);
                }
            }
            Units::Axes { frame, params } => frame.scale_transposed(params, &mut grad.latents, grad.num_draws),
        }
    }
}

impl<'a, T: ?Sized> InUnits<'a, T> {
    /// Each latent in a unit of its own.
    pub fn new(target: &'a T, centre: &'a [f64], scale: &'a [f64]) -> Self {
        Self::of(target, Units::Each { centre, scale }, scale.iter().map(|s| s.ln()).sum())
    }

    /// All latents on the axes of a Gaussian.
    pub fn on_axes(target: &'a T, frame: &'a FullRank, params: &'a [f64]) -> Self {
        Self::of(target, Units::Axes { frame, params }, frame.ln_scale(params, &RowSet::all()))
    }

    fn of(target: &'a T, units: Units<'a>, ln_scale: f64) -> Self {
        InUnits { target, units, ln_scale, z: Mutex::default(), relaxed: OnceLock::new() }
    }

    fn with_own<R>(&self, w: &Draws, visit: impl FnOnce(&Draws) -> R) -> R {
        let mut z = self.z.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (z.num_draws, z.num_rows) = (w.num_draws, w.num_rows);
        z.latents.clone_from(&w.latents);
        z.integers.clone_from(&w.integers);
        z.row_latents.clone_from(&w.row_latents);
        z.row_integers.clone_from(&w.row_integers);
        self.units.apply(w, &mut z);
        visit(&z)
    }

    fn shift(&self, out: &mut Pass) {
        out.log_density.iter_mut().for_each(|v| *v += self.ln_scale);
    }
}

impl<T: Differentiable + ?Sized> LogDensity for InUnits<'_, T> {
    fn layout(&self) -> &Layout {
        self.target.layout()
    }

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        Some(self)
    }

    fn log_density(&self, theta: &[f64], w: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        self.with_own(w, |z| self.target.log_density(theta, z, rows, out))?;
        self.shift(out);
        Ok(())
    }

    /// The weights of integers lie behind the latents that have units, and stay as they are.
    fn relaxed(&self) -> Result<&dyn Differentiable, DensityError> {
        let target = self.target.relaxed()?;
        Ok(&**self.relaxed.get_or_init(|| Box::new(InUnits::of(target, self.units, self.ln_scale))))
    }

    fn factored(&self) -> Option<&dyn Factored> {
        // On axes no term is of one latent alone.
        let is_local = matches!(self.units, Units::Each { .. });
        self.target.factored().filter(|_| is_local).map(|_| self as &dyn Factored)
    }
}

impl<T: Differentiable + ?Sized> Factored for InUnits<'_, T> {
    /// The scale is in no local sum: it depends on no latent.
    fn local_log_density(
        &self,
        theta: &[f64],
        w: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        local: &mut Vec<f64>,
    ) -> Result<(), DensityError> {
        let apart = || DensityError::unsupported("this density does not tell its terms apart");
        let target = self.target.factored().ok_or_else(apart)?;
        self.with_own(w, |z| target.local_log_density(theta, z, rows, out, local))?;
        self.shift(out);
        Ok(())
    }
}

impl<T: Differentiable + ?Sized> Differentiable for InUnits<'_, T> {
    fn log_density_and_gradient(
        &self,
        theta: &[f64],
        w: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        grad_w: &mut Draws,
        grad_theta: &mut [f64],
    ) -> Result<(), DensityError> {
        self.with_own(w, |z| self.target.log_density_and_gradient(theta, z, rows, out, grad_w, grad_theta))?;
        self.shift(out);
        self.units.pull_back(grad_w);
        Ok(())
    }
}
