//! Densities that are plain functions: with a hand-written gradient, or with values alone.

use super::{DensityError, Differentiable, LogDensity, Pass};
use crate::model::{Draws, Layout, RowSet, Site, SiteKind};

/// A log density with a hand-written gradient: `function(z, grad)` overwrites `grad` and returns the value.
///
/// ```
/// use jensen::Fit;
/// use jensen::target::HandWritten;
///
/// // N(3, 1) and N(x, 1), with the gradient of its logarithm
/// let density = HandWritten::new(&["x", "y"], |z, grad| {
///     let (u, v) = (z[0] - 3.0, z[1] - z[0]);
///     (grad[0], grad[1]) = (-u + v, -v);
///     -0.5 * (u * u + v * v)
/// });
/// let fitted = Fit::of(&density).run()?;
/// assert!((fitted.summary()[1].mean - 3.0).abs() < 0.1);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
pub struct HandWritten<F> {
    layout: Layout,
    function: F,
}

/// A log density with values alone; `function(z)` may be anything, also not differentiable.
///
/// ```
/// use jensen::Fit;
/// use jensen::target::ValueOnly;
///
/// let density = ValueOnly::new(&["x"], |z| -2.0 * (z[0] - 1.0).powi(2));
/// let fitted = Fit::of(&density).run()?;
/// assert!((fitted.summary()[0].mean - 1.0).abs() < 0.1);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
pub struct ValueOnly<F> {
    layout: Layout,
    function: F,
}

fn layout_of(names: &[&str]) -> Layout {
    let site = |(k, name): (usize, &&str)| Site {
        name: (*name).into(),
        kind: SiteKind::Latent,
        support: "real".into(),
        shape: vec![],
        offset: k,
        num_unconstrained: 1,
        range: None,
        centring: Vec::new(),
    };
    Layout { sites: names.iter().enumerate().map(site).collect(), num_latents: names.len(), ..Layout::default() }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> HandWritten<F> {
    /// A density of the named real latents.
    pub fn new(names: &[&str], function: F) -> Self {
        HandWritten { layout: layout_of(names), function }
    }
}

impl<F: Fn(&[f64]) -> f64 + Sync> ValueOnly<F> {
    /// A density of the named real latents.
    pub fn new(names: &[&str], function: F) -> Self {
        ValueOnly { layout: layout_of(names), function }
    }
}

fn each_draw(z: &Draws, out: &mut Pass, mut value: impl FnMut(usize, &[f64]) -> f64) {
    let mut point = vec![0.0; z.num_latents()];
    out.log_density.clear();
    out.data.clear();
    for d in 0..z.num_draws {
        z.copy_draw(d, &mut point);
        out.log_density.push(value(d, &point));
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> LogDensity for HandWritten<F> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        Some(self)
    }

    fn log_density(&self, _: &[f64], z: &Draws, _: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        let mut grad = vec![0.0; z.num_latents()];
        each_draw(z, out, |_, point| (self.function)(point, &mut grad));
        Ok(())
    }
}

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> Differentiable for HandWritten<F> {
    fn log_density_and_gradient(
        &self,
        _: &[f64],
        z: &Draws,
        _: &RowSet,
        out: &mut Pass,
        grad_z: &mut Draws,
        _: &mut [f64],
    ) -> Result<(), DensityError> {
        grad_z.resize(&self.layout, 0, z.num_draws);
        let weights = std::mem::take(&mut out.draw_weights);
        let mut grad = vec![0.0; z.num_latents()];
        each_draw(z, out, |d, point| {
            let value = (self.function)(point, &mut grad);
            if let Some(&w) = weights.get(d) {
                grad.iter_mut().for_each(|g| *g *= w);
            }
            grad_z.set_draw(d, &grad);
            value
        });
        out.draw_weights = weights;
        Ok(())
    }
}

impl<F: Fn(&[f64]) -> f64 + Sync> LogDensity for ValueOnly<F> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn log_density(&self, _: &[f64], z: &Draws, _: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        each_draw(z, out, |_, point| (self.function)(point));
        Ok(())
    }
}

/// The largest difference between a gradient and central differences of the value at `point`, relative to
/// `1 + |derivative|`, with the latent where it occurs.
///
/// # Errors
/// As [`LogDensity::log_density`].
pub fn check_gradient(target: &dyn Differentiable, point: &[f64]) -> Result<(f64, usize), DensityError> {
    let theta = vec![0.0; target.layout().num_parameters];
    let (rows, mut pass, mut grad) = (RowSet::all(), Pass::default(), Draws::default());
    let mut grad_theta = theta.clone();
    target.log_density_and_gradient(&theta, &Draws::at_point(point), &rows, &mut pass, &mut grad, &mut grad_theta)?;
    let mut worst = (0.0, 0);
    for k in 0..point.len() {
        let step = 1e-5 * point[k].abs().max(1.0);
        let mut value = |shift: f64| {
            let mut moved = point.to_vec();
            moved[k] += shift;
            target.log_density(&theta, &Draws::at_point(&moved), &rows, &mut pass)?;
            Ok(pass.log_density[0])
        };
        let numeric: f64 = (value(step)? - value(-step)?) / (2.0 * step);
        let error = (numeric - grad.latents[k]).abs() / (1.0 + numeric.abs());
        if error > worst.0 || error.is_nan() {
            worst = (error, k);
        }
    }
    Ok(worst)
}
