//! [`PriorCluster`]: a normal of an autoencoder's prior.

use crate::numerics::softmax;

/// A normal of the prior of [`Vae::clusters`](super::Vae::clusters).
#[derive(Clone, Debug, PartialEq)]
pub struct PriorCluster {
    /// The probability of the cluster under the prior.
    pub weight: f64,
    /// Its mean, a number for each latent.
    pub mean: Vec<f64>,
    /// The standard deviations of the cluster under the prior.
    pub sd: Vec<f64>,
}

impl PriorCluster {
    /// The probabilities of `clusters` at the code `z`: `weight_k N(z; mean_k, sd_k^2)`, scaled to add up to one.
    pub fn probabilities(clusters: &[PriorCluster], z: &[f64]) -> Vec<f64> {
        let log = |c: &PriorCluster| {
            let moments = c.mean.iter().zip(&c.sd);
            c.weight.ln() + z.iter().zip(moments).map(|(z, (m, s))| -0.5 * ((z - m) / s).powi(2) - s.ln()).sum::<f64>()
        };
        let mut probabilities: Vec<f64> = clusters.iter().map(log).collect();
        softmax(&mut probabilities);
        probabilities
    }
}
