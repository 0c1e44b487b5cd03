//! [`ImplicitEncoder`]: draws of q(z | x) without a density; [`DensityRatio`]: what stands in for it.

use super::{Activation, InitialWeights, Network, Perceptron};
use crate::dist::normal;
use crate::family::{Guide, Guided};
use crate::model::{LogJoint, Model, Row};
use crate::program::{Matrix, Real, Vector};

/// `z_i = network(x_i, noise_i)` with as many standard normal numbers as latents: a q(z | x) whose draws are known, and whose
/// density is not.
///
/// A [`Guide`] for the transform alone: `log q` of its family is zero, whatever z, so that no estimator but
/// [`AdversarialVi`](crate::algorithm::AdversarialVi) must be given it.
#[derive(Clone, Debug)]
pub struct ImplicitEncoder {
    data: Matrix,
    site: String,
    num_latents: usize,
    network: Perceptron,
    activation: Activation,
}

impl ImplicitEncoder {
    /// An encoder of `data`'s rows for the site of this name, with hidden layers of these sizes; none makes it linear.
    pub fn new(data: Matrix, site: &str, num_latents: usize, hidden: &[usize]) -> ImplicitEncoder {
        let sizes = [&[data.num_columns() + num_latents], hidden, &[num_latents]].concat();
        let network = Perceptron::new(&sizes).start(InitialWeights::Glorot, 0).activation(Activation::Tanh);
        ImplicitEncoder { data, site: site.into(), num_latents, network, activation: Activation::Tanh }
    }

    /// Chooses the random weights to start from.
    #[must_use]
    pub fn start(self, start: InitialWeights, seed: u64) -> ImplicitEncoder {
        ImplicitEncoder { network: self.network.start(start, seed).activation(self.activation), ..self }
    }
}

impl Guide for ImplicitEncoder {
    fn draw(&self, q: &Guided) {
        let network = self.network.of_guide(q, "implicit");
        q.rows(|i| {
            let x = self.data.at(i).to_vector();
            let z = |e: Vector| network.apply(&Vector::new(&[x.elements(), e.elements()].concat()));
            i.latents(&self.site, self.num_latents, z, |_| Real::from(0.0));
        });
    }
}

/// `T(x, z) = a + b . v + v' C v + network(v)` with `v = (x, z)`: a log density ratio of q and N(0, I) that logistic
/// regression learns.
///
/// Quadratic terms hold the ratio of normals exactly; the network is for what they do not hold.
#[derive(Clone, Debug)]
pub struct DensityRatio {
    data: Matrix,
    num_latents: usize,
    hidden: Vec<usize>,
}

/// The log likelihood of telling draws `z` of q from standard normal draws `r`: `ln sigmoid(T(x, z)) + ln sigmoid(-T(x, r))`,
/// and the standard normal density of both, which does not hang on the parameters.
#[derive(Clone, Debug)]
pub struct Contest(DensityRatio);

/// `T(x, z) + log N(z; 0, I)`: what stands in for `log q(z | x)`.
#[derive(Clone, Debug)]
pub struct LearntLogQ(DensityRatio);

struct Weights {
    linear: Vector,
    square: Vector,
    bias: Real,
    network: Option<Network>,
}

impl DensityRatio {
    /// A ratio for `num_latents` latents of `data`'s rows, with hidden layers of these sizes beside the quadratic terms, or
    /// without a network.
    pub fn new(data: Matrix, num_latents: usize, hidden: &[usize]) -> DensityRatio {
        DensityRatio { data, num_latents, hidden: hidden.to_vec() }
    }

    /// What logistic regression maximises, a model of the row latents `z` and `r`.
    pub fn contest(&self) -> Contest {
        Contest(self.clone())
    }

    /// What stands in for log q, a model of the row latent `z` with the same parameters.
    pub fn log_q(&self) -> LearntLogQ {
        LearntLogQ(self.clone())
    }

    fn declare(&self, p: &LogJoint) -> Weights {
        let n = self.data.num_columns() + self.num_latents;
        let network = (!self.hidden.is_empty()).then(|| {
            let sizes = [&[n], &self.hidden[..], &[1]].concat();
            Perceptron::new(&sizes).activation(Activation::Tanh).of_model(p, "ratio")
        });
        let bias = p.parameter("ratio.constant", &[]).at(0);
        let (linear, square) = (p.parameter("ratio.linear", &[n]), p.parameter("ratio.square", &[n * (n + 1) / 2]));
        Weights { linear, square, bias, network }
    }

    fn at(&self, i: &Row, weights: &Weights, z: &Vector) -> Real {
        let v = [self.data.at(i).to_vector().elements(), z.elements()].concat();
        let linear: Real = v.iter().enumerate().map(|(k, v)| weights.linear.at(k) * *v).sum();
        let pairs = (0..v.len()).flat_map(|a| (0..=a).map(move |b| (a, b)));
        let square: Real = pairs.enumerate().map(|(k, (a, b))| weights.square.at(k) * v[a] * v[b]).sum();
        let network = weights.network.as_ref().map_or(Real::from(0.0), |n| n.apply(&Vector::new(&v)).at(0));
        weights.bias + linear + square + network
    }
}

impl Model for Contest {
    fn log_joint(&self, p: &LogJoint) {
        let weights = self.0.declare(p);
        p.rows(self.0.data.num_rows(), |i| {
            let latents = |name: &str| i.draws(name, normal(0.0, 1.0), self.0.num_latents);
            let (z, r) = (latents("z"), latents("r"));
            p.add(-(-self.0.at(i, &weights, &z)).softplus() - self.0.at(i, &weights, &r).softplus());
        });
    }
}

impl Model for LearntLogQ {
    fn log_joint(&self, p: &LogJoint) {
        let weights = self.0.declare(p);
        p.rows(self.0.data.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), self.0.num_latents);
            p.add(self.0.at(i, &weights, &z));
        });
    }
}
