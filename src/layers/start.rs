//! [`InitialWeights`]: random weights to start from.

use crate::model::{Layout, SiteKind};
use crate::streams::Streams;

/// Variance of the normal weights a layer starts from; biases start at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitialWeights {
    /// `1 / inputs`.
    ///
    /// *Source*: LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", section 4.6.
    LeCun,
    /// `2 / (inputs + outputs)`, for tanh and sigmoid.
    ///
    /// *Source*: Glorot and Bengio 2010, equation 12; normal in place of uniform.
    Glorot,
    /// `2 / inputs`, for relu.
    ///
    /// *Source*: He, Zhang, Ren and Sun 2015, equation 10.
    #[default]
    He,
}

impl InitialWeights {
    /// Standard deviation of a weight of a layer.
    pub fn sd(self, outputs: usize, inputs: usize) -> f64 {
        let variance = match self {
            InitialWeights::LeCun => 1.0 / inputs.max(1) as f64,
            InitialWeights::Glorot => 2.0 / (inputs + outputs).max(1) as f64,
            InitialWeights::He => 2.0 / inputs.max(1) as f64,
        };
        variance.sqrt()
    }

    /// Weights `[output][input]`; every layer takes a `purpose` of `streams` of its own.
    pub fn weights(self, outputs: usize, inputs: usize, streams: Streams) -> Vec<f64> {
        let mut out = vec![0.0; outputs * inputs];
        streams.fill_normal(1, &mut out);
        let sd = self.sd(outputs, inputs);
        out.iter_mut().for_each(|w| *w *= sd);
        out
    }

    /// A start for the model's parameters: those of shape `[outputs, inputs]` at random weights, all others at zero.
    pub fn theta(self, layout: &Layout, streams: Streams) -> Vec<f64> {
        let mut theta = vec![0.0; layout.num_parameters];
        for (k, site) in layout.sites_of(SiteKind::Parameter).enumerate() {
            if let [outputs, inputs] = site.shape[..] {
                let weights = self.weights(outputs, inputs, streams.purpose(k as u32 + 1));
                theta[site.offset..site.offset + weights.len()].copy_from_slice(&weights);
            }
        }
        theta
    }
}
