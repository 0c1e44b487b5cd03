//! [`StateSpace`]: a state-space model with networks, and an amortised q that reads a sequence backwards.

use super::{Activation, GatedCell, InitialWeights, Network, Perceptron};
use crate::dist::{normal, normals};
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model};
use crate::program::{Matrix, MatrixRow, Vector};
use crate::streams::Streams;

/// `z_0 ~ N(0, I)`, `z_t ~ N(transition(z_(t-1)), diag(sd^2))`, `x_t ~ N(emission(z_t), s^2)`: both a model of sequences
/// and a guide.
///
/// A row of the data is a sequence of `num_steps` steps. Transition and emission are each a linear map, plus a network
/// where hidden layers are given; sds are learnt. Sites `z0`, `z1`, .. of each row. q of a state sees the state before and
/// the data from its step on, `q(z_t | z_(t-1), x_t, .., x_T)`, through a [`GatedCell`] that runs backwards: the
/// factors of the exact posterior see no more.
///
/// *Source*: Krishnan, Shalit and Sontag 2017, "Structured inference networks for nonlinear state space models", the guide
/// they call DKS without its forward half.
#[derive(Clone, Debug)]
pub struct StateSpace {
    data: Matrix,
    num_steps: usize,
    num_states: usize,
    hidden: Vec<usize>,
    memory: usize,
    seed: u64,
}

/// A linear map, and a network beside it.
struct Map {
    linear: Network,
    network: Option<Network>,
}

impl Map {
    fn apply(&self, z: &Vector) -> Vector {
        let linear = self.linear.apply(z);
        self.network.as_ref().map_or(linear, |n| linear.zip(&n.apply(z), |a, b| a + b))
    }
}

impl StateSpace {
    /// A linear model of sequences of `num_steps` steps with `num_states` states; `data` has `num_steps` times as many
    /// columns as a step has numbers, the first step's first.
    ///
    /// # Errors
    /// When the columns do not divide into steps.
    pub fn new(data: Matrix, num_steps: usize, num_states: usize) -> Result<StateSpace, String> {
        let columns = data.num_columns();
        if num_steps == 0 || num_states == 0 || !columns.is_multiple_of(num_steps) {
            return Err(format!(
                "{columns} columns, {num_steps} steps and {num_states} states; give every step equally many columns"
            ));
        }
        Ok(StateSpace { data, num_steps, num_states, hidden: Vec::new(), memory: 8, seed: 0 })
    }

    /// Networks with these hidden layers beside the linear maps.
    #[must_use]
    pub fn hidden(self, hidden: &[usize]) -> StateSpace {
        StateSpace { hidden: hidden.to_vec(), ..self }
    }

    /// Numbers that the guide carries along a sequence.
    #[must_use]
    pub fn memory(self, memory: usize) -> StateSpace {
        StateSpace { memory, ..self }
    }

    /// Chooses the seed of the random weights to start from.
    #[must_use]
    pub fn seed(self, seed: u64) -> StateSpace {
        StateSpace { seed, ..self }
    }

    /// The start of the model's parameters.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        InitialWeights::Glorot.theta(layout, Streams::new(self.seed).purpose(1))
    }

    fn map(&self, p: &LogJoint, name: &str, outputs: usize) -> Map {
        let sizes = [&[self.num_states], &self.hidden[..], &[outputs]].concat();
        let network = || Perceptron::new(&sizes).activation(Activation::Tanh).of_model(p, &format!("{name}.network"));
        let linear = Perceptron::new(&[self.num_states, outputs]).of_model(p, name);
        Map { linear, network: (!self.hidden.is_empty()).then(network) }
    }

    fn at_step(&self, row: MatrixRow, t: usize) -> Vector {
        let width = self.data.num_columns() / self.num_steps;
        Vector::new(&(0..width).map(|k| row.at(t * width + k)).collect::<Vec<_>>())
    }
}

impl Model for StateSpace {
    fn log_joint(&self, p: &LogJoint) {
        let width = self.data.num_columns() / self.num_steps;
        let (transition, emission) = (self.map(p, "transition", self.num_states), self.map(p, "emission", width));
        let sd = p.parameter("state.ln_sd", &[self.num_states]).map(|s| s.exp());
        let noise = p.parameter("data.ln_sd", &[]).at(0).exp();
        p.rows(self.data.num_rows(), |i| {
            let mut z = i.draws("z0", normal(0.0, 1.0), self.num_states);
            for t in 0..self.num_steps {
                if t > 0 {
                    z = i.draw(&format!("z{t}"), normals(transition.apply(&z), sd));
                }
                let x = self.at_step(self.data.at(i), t);
                i.observe_each(&x, &emission.apply(&z), |mean| normal(mean, noise));
            }
        });
    }
}

impl Guide for StateSpace {
    fn draw(&self, q: &Guided) {
        let (width, states, memory) = (self.data.num_columns() / self.num_steps, self.num_states, self.memory);
        let start = |outputs: usize, inputs: usize, k: usize| {
            InitialWeights::Glorot.weights(outputs, inputs, Streams::new(self.seed).purpose(10 + k as u32))
        };
        let cell = GatedCell::of_guide(q, "memory", width, memory, start);
        let weights =
            |name: &str, outputs: usize, inputs: usize, k: usize| q.parameter_from(name, &start(outputs, inputs, k));
        let of_memory = weights("both.memory", memory, memory, 20);
        let of_state = weights("both.state", memory, states, 21);
        let both = q.parameter("both.bias", &[memory]);
        let mean = (weights("mean.both", states, memory, 22), q.parameter("mean.bias", &[states]));
        let (mean_memory, mean_state) =
            (weights("mean.memory", states, memory, 23), weights("mean.state", states, states, 24));
        let none = Vector::constant(&vec![0.0; states]);
        let ln_sd = (weights("ln_sd.both", states, memory, 25), q.parameter("ln_sd.bias", &[states]));
        q.rows(|i| {
            let mut h = Vector::constant(&vec![0.0; memory]);
            let mut read: Vec<Vector> = Vec::with_capacity(self.num_steps);
            for t in (0..self.num_steps).rev() {
                h = cell.step(&self.at_step(self.data.at(i), t), &h);
                read.push(h);
            }
            let mut z = none;
            for (t, h) in read.iter().rev().enumerate() {
                let sum = h.dense(&of_memory, &both).zip(&of_state.mat_vec(memory, &z), |a, b| a + b);
                let c = Activation::Tanh.apply(&sum);
                let linear = mean_memory.mat_vec(states, h).zip(&mean_state.mat_vec(states, &z), |a, b| a + b);
                let m = c.dense(&mean.0, &mean.1).zip(&linear, |a, b| a + b);
                let s = c.dense(&ln_sd.0, &ln_sd.1).map(|s| s.exp());
                z = i.normals(&format!("z{t}"), &m, &s);
            }
        });
    }
}
