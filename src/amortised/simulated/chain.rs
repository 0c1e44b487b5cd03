//! [`Chain`]: the networks of a learnt posterior on plain numbers.

use super::pairs::Pairs;
use crate::layers::{Dense, LayerError, Numbers};
use crate::model::Layout;
use crate::objective::mean_and_standard_error;

/// `q(z | x) = prod_k N(z_k; mean_k(x, z_<k), sd_k(x, z_<k)^2)` at some theta, of standardised numbers.
pub(super) struct Chain<'a>(Vec<[Vec<Dense<'a>>; 2]>);

/// Sizes of the linear map and of the network of parameter `k`, which read `num_data` numbers and the parameters before.
pub(super) fn sizes(num_data: usize, hidden: &[usize], k: usize) -> [Vec<usize>; 2] {
    let inputs = num_data + k;
    [vec![inputs, 2], [&[inputs], hidden, &[2]].concat()]
}

/// Names of the two.
pub(super) fn names(k: usize) -> [String; 2] {
    [format!("linear{k}"), format!("network{k}")]
}

impl<'a> Chain<'a> {
    /// The networks for `num_parameters` parameters given `num_data` numbers, their weights from `theta`.
    pub fn new(
        layout: &'a Layout,
        theta: &'a [f64],
        num_data: usize,
        num_parameters: usize,
        hidden: &[usize],
    ) -> Result<Self, LayerError> {
        let numbers = Numbers::new(layout, theta)?;
        let one = |k: usize| {
            let ([linear, network], [sizes, deep]) = (names(k), sizes(num_data, hidden, k));
            Ok([numbers.perceptron(&linear, &sizes)?, numbers.perceptron(&network, &deep)?])
        };
        (0..num_parameters).map(one).collect::<Result<_, _>>().map(Chain)
    }

    /// Mean and logarithm of the standard deviation of parameter `k` given `read`, the data and the parameters before it.
    pub fn next(&self, read: &[f64], k: usize) -> (f64, f64) {
        let mut sum = [0.0; 2];
        for layers in &self.0[k] {
            let mut h = read.to_vec();
            for (l, layer) in layers.iter().enumerate() {
                if l > 0 {
                    h.iter_mut().for_each(|h| *h = h.tanh());
                }
                h = layer.apply(&h);
            }
            sum.iter_mut().zip(h).for_each(|(sum, h)| *sum += h);
        }
        sum.into()
    }

    /// `log q(z | x)`.
    pub fn log_q(&self, x: &[f64], z: &[f64]) -> f64 {
        let mut read = x.to_vec();
        let mut sum = 0.0;
        for (k, &z) in z.iter().enumerate() {
            let (mean, ln_sd) = self.next(&read, k);
            let residual = (z - mean) * (-ln_sd).exp();
            sum -= 0.5 * (residual * residual + (2.0 * std::f64::consts::PI).ln()) + ln_sd;
            read.push(z);
        }
        sum
    }

    /// Mean and standard error of log q of pairs.
    pub fn mean_log_q(&self, pairs: &Pairs) -> (f64, f64) {
        let of = |row: usize| self.log_q(pairs.x.row(row), pairs.z.row(row));
        mean_and_standard_error(&(0..pairs.x.num_rows()).map(of).collect::<Vec<f64>>())
    }

    /// As many draws of q(z | x) as `noise`, `[parameter][draw]` and overwritten by them, holds for each parameter.
    pub fn draw(&self, x: &[f64], noise: &mut [f64]) {
        let draws = noise.len() / self.0.len().max(1);
        let mut read = x.to_vec();
        for d in 0..draws {
            read.truncate(x.len());
            for k in 0..self.0.len() {
                let (mean, ln_sd) = self.next(&read, k);
                let z = mean + ln_sd.exp() * noise[k * draws + d];
                noise[k * draws + d] = z;
                read.push(z);
            }
        }
    }
}
