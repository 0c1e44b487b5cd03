//! The models of the reference posteriors that are not in the zoo, on unscaled data and with the priors of the source.

use jensen::prelude::*;
use jensen::program::log_sum_exp;

/// Linear regression with the priors that a reference posterior was computed with.
///
/// `y_i ~ N(x_i . beta, sigma)`, with flat priors unless scales are given.
#[derive(Debug, Clone)]
pub struct PlainRegression {
    /// Features as they are; the first column is mostly ones.
    pub x: Matrix,
    /// Response as it is.
    pub y: Column,
    /// `beta_k ~ N(0, scale)`; flat where `None`.
    pub beta_scale: Option<f64>,
    /// The prior of sigma.
    pub sigma_prior: SigmaPrior,
}

/// The prior of a residual standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SigmaPrior {
    /// Flat on the positive numbers.
    Flat,
    /// Half-Cauchy with a scale.
    HalfCauchy(f64),
    /// Half-normal with a scale.
    HalfNormal(f64),
}

impl Model for PlainRegression {
    fn log_joint(&self, p: &LogJoint) {
        let num_features = self.x.num_columns();
        let beta = match self.beta_scale {
            Some(scale) => p.draws("beta", normal(0.0, scale), num_features),
            None => p.reals("beta", num_features),
        };
        let sigma = match self.sigma_prior {
            SigmaPrior::Flat => p.positive("sigma"),
            SigmaPrior::HalfCauchy(scale) => p.draw("sigma", half_cauchy(scale)),
            SigmaPrior::HalfNormal(scale) => p.draw("sigma", half_normal(scale)),
        };
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(self.x.at(i).dot(&beta), sigma)));
    }
}

/// A mixture of two normals with the component of each value summed out.
///
/// `mu ordered, mu_k ~ N(0, 2)`, `sigma_k ~ half-normal(2)`, `theta ~ Beta(5, 5)`,
/// `y_i ~ theta N(mu_1, sigma_1) + (1 - theta) N(mu_2, sigma_2)`.
#[derive(Debug, Clone)]
pub struct TwoNormals {
    /// The observed values.
    pub y: Column,
}

impl Model for TwoNormals {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.ordered("mu", 2);
        p.add(normal(0.0, 2.0).log_density(mu.at(0)) + normal(0.0, 2.0).log_density(mu.at(1)));
        let sigma = p.draws("sigma", half_normal(2.0), 2);
        let theta = p.draw("theta", beta(5.0, 5.0));
        p.rows(self.y.len(), |i| {
            let y = self.y.at(i);
            let of = |k: usize| normal(mu.at(k), sigma.at(k)).log_density(y);
            i.add(log_sum_exp(&[theta.ln() + of(0), (-theta).ln_1p() + of(1)]));
        });
    }
}

/// A hidden Markov chain of two states with normal emissions, its states summed out by the forward recursion.
///
/// Rows `theta1`, `theta2` of the transition matrix flat on the simplex; `mu` positive and increasing,
/// `mu_1 ~ N(3, 1)`, `mu_2 ~ N(10, 1)`; `y_t ~ N(mu_state, 1)`; the forward variables start at the emission density.
#[derive(Debug, Clone)]
pub struct NormalChain {
    /// The observed emissions.
    pub y: Vec<f64>,
}

impl Model for NormalChain {
    fn log_joint(&self, p: &LogJoint) {
        let [theta1, theta2] = [p.simplex("theta1", 2), p.simplex("theta2", 2)];
        let mu = p.positive_ordered("mu", 2);
        p.add(normal(3.0, 1.0).log_density(mu.at(0)) + normal(10.0, 1.0).log_density(mu.at(1)));
        let log_step: [[Real; 2]; 2] = [theta1, theta2].map(|row| [row.at(0).ln(), row.at(1).ln()]);
        let emission = |k: usize, y: f64| normal(mu.at(k), 1.0).log_density(Real::from(y));
        let mut forward = [0, 1].map(|k| emission(k, self.y[0]));
        for &y in &self.y[1..] {
            forward = [0, 1].map(|k| {
                let arrivals = [forward[0] + log_step[0][k], forward[1] + log_step[1][k]];
                log_sum_exp(&arrivals) + emission(k, y)
            });
        }
        p.add(log_sum_exp(&forward));
    }
}
