//! [`Network`]: a q that is a network, in each of the ways that one is trained.

use super::{ImplicitFactors, SimulatedPosterior};
use jensen::family::Guide;
use jensen::model::Layout;
use jensen::streams::Streams;

/// A q that is a network.
pub enum Network {
    /// Normal latents of rows; the bound is maximised.
    Amortised(Amortised),
    /// Parameters given data, learnt from simulated pairs; there is no bound.
    Simulated(Box<SimulatedPosterior>),
    /// Draws without a density, by adversarial training; there is no bound.
    Implicit(Box<ImplicitFactors>),
}

/// Theta for a layout, random by streams.
type StartOfTheta = Box<dyn Fn(&Layout, Streams) -> Vec<f64> + Send>;

/// A q of the rows' latents by a network, and where the fit of theta starts.
pub struct Amortised {
    /// The network.
    pub guide: Box<dyn Guide + Send>,
    /// Theta's start.
    pub theta: StartOfTheta,
    /// Step size of Adam, where none is asked for.
    pub rate: f64,
    /// Draws of each row in a step, where no number is asked for.
    pub draws: usize,
}
