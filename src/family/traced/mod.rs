//! A user's own q(z | x): a transform of noise and a log density, written once and recorded like a model.

mod family;
mod flow;
mod guide;
mod layers;
mod moments;
mod program;
mod spline;

pub use family::TracedFamily;
pub use flow::{Bijection, Flow};
pub use guide::{Guided, GuidedRow};

/// A family q(z | x) written in ordinary Rust.
///
/// Every latent is given twice, as a transform of standard normal noise and as a log density; what comes later may
/// use what came before. Values are those of the *unconstrained* space: for a positive site, its logarithm.
///
/// ```
/// use jensen::family::{Guide, Guided, TracedFamily};
/// use jensen::prelude::*;
///
/// /// q(z_i | x_i) = N(a x_i + b, e^c): an encoder shared by all rows, however many there are.
/// struct Encoder { x: Column }
///
/// impl Guide for Encoder {
///     fn draw(&self, q: &Guided) {
///         let (w, ln_sd) = (q.parameter("w", &[2]), q.parameter("ln_sd", &[]).at(0));
///         q.rows(|i| {
///             i.normal("z", w.at(0) * self.x.at(i) + w.at(1), ln_sd.exp());
///         });
///     }
/// }
/// ```
pub trait Guide: Sync {
    /// Draws every real latent of the model, by its site's name.
    ///
    /// It is called when the family is made, not during a fit, and must do the same each time.
    fn draw(&self, q: &Guided);
}

impl<G: Guide + ?Sized> Guide for &G {
    fn draw(&self, q: &Guided) {
        (**self).draw(q);
    }
}
