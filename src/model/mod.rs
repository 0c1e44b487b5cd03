//! Models: log p(x, z) written once in ordinary Rust.

mod coordinates;
mod declared;
mod draws;
mod log_joint;
mod names;
mod row;
mod scan;
mod site;
mod sites;
mod transform;

pub(crate) use coordinates::{FrameNodes, Framed};
pub(crate) use declared::{Simulated, recorded};
pub use draws::{Draws, RowSet};
pub use log_joint::{LogJoint, RowRange};
pub use row::Row;
pub use site::{Layout, Site, SiteKind};
pub use transform::unconstrain;
pub(crate) use transform::{Units, constrain_scalar};

/// A joint density log p(x, z), recorded once for a data set.
///
/// ```
/// use jensen::prelude::*;
///
/// /// x_i ~ N(mu, 1), mu ~ N(0, 10)
/// struct Mean { x: Column }
///
/// impl Model for Mean {
///     fn log_joint(&self, p: &LogJoint) {
///         let mu = p.draw("mu", normal(0.0, 10.0));
///         p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 1.0)));
///     }
/// }
/// ```
pub trait Model: Sync {
    /// Declares the latents and adds every term of log p(x, z) to `p`.
    ///
    /// It is called twice and must do the same both times; it is not called again during a fit.
    fn log_joint(&self, p: &LogJoint);
}

/// A closure as a model, for one that is written where it is fitted.
///
/// ```
/// use jensen::prelude::*;
///
/// let x = Column::new([1.2, 0.7, 2.1]);
/// let mean = model(|p| {
///     let mu = p.draw("mu", normal(0.0, 10.0));
///     p.rows(3, |i| i.observe(x.at(i), normal(mu, 1.0)));
/// });
/// let fitted = jensen::fit(&mean)?;
/// assert!((fitted.summary()[0].mean - 4.0 / 3.01).abs() < 0.01);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
pub fn model<F: Fn(&LogJoint) + Sync>(log_joint: F) -> ModelFn<F> {
    ModelFn(log_joint)
}

/// A model that is a closure: what [`model()`] makes.
#[derive(Clone, Copy, Debug)]
pub struct ModelFn<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for ModelFn<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

impl<M: Model + ?Sized> Model for &M {
    fn log_joint(&self, p: &LogJoint) {
        (**self).log_joint(p);
    }
}

impl<M: Model + ?Sized + Send> Model for Box<M> {
    fn log_joint(&self, p: &LogJoint) {
        (**self).log_joint(p);
    }
}
