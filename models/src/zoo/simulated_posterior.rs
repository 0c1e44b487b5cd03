//! A posterior learnt from simulations alone: no density of the data is ever evaluated.
//!
//! ```text
//! q(z | x) = prod_k N(z_k; mean_k(x, z_<k), sd_k(x, z_<k)^2)      maximised: the mean of log q(z | x) over simulated pairs
//! ```
//!
//! Each mean and log standard deviation is a linear map with a network of two hidden layers beside it, of standardised
//! columns (data beyond three standard deviations by their logarithm); q of the first parameter is normal given the data, that of each later one normal given those before it, too.
//! Pairs are split: most are trained on, some decide when to stop, some judge.
//!
//! *Source*: Papamakarios and Murray (2016), Fast epsilon-free inference of simulation models with Bayesian conditional
//! density estimation, proposition 1, with the prior as the proposal and a chain of normals in place of a mixture;
//! Bornschein and Bengio (2015), Reweighted wake-sleep, the sleep phase.

use super::{BuildError, Built, Input, Network};
use crate::data::Scale;
use crate::data::nearest::listed;
use jensen::family::{Guide, Guided};
use jensen::layers::{Activation, Perceptron, Start};
use jensen::model::Layout;
use jensen::prelude::*;
use jensen::streams::Streams;

/// Hidden units of each layer.
const HIDDEN: [usize; 2] = [32, 32];
/// Fewest simulations.
const FEWEST: usize = 200;
/// One in so many pairs judges, and one in twice as many decides when to stop; of either not more than `MOST`.
const SHARE: usize = 5;
const MOST: usize = 1000;

/// q(z | x) by networks, and the simulated pairs it is learnt from.
#[derive(Debug, Clone)]
pub struct SimulatedPosterior {
    /// What was taken out of each parameter.
    pub parameters: Vec<Scale>,
    /// What was taken out of each column of data.
    pub columns: Vec<Scale>,
    /// Pairs that q is trained on.
    pub trained: Pairs,
    /// Pairs that decide when to stop.
    pub stopped: Pairs,
    /// Pairs that judge, of which the fit knows nothing.
    pub judged: Pairs,
    /// Rows of observed data, without parameters: the row's number in the file, from 1, and its data.
    pub observed: Vec<(usize, Vec<f64>)>,
}

/// Simulated pairs, standardised.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// Data, beyond three standard deviations by their logarithm.
    pub x: Matrix,
    /// The parameters they were simulated from.
    pub z: Matrix,
}

/// Layers of weights `[output][input]` and biases.
type Layers<'a> = Vec<(&'a [f64], &'a [f64])>;

/// The networks at some theta, run on plain numbers.
#[derive(Debug, Clone)]
pub struct Chain<'a>(Vec<[Layers<'a>; 2]>);

impl Model for SimulatedPosterior {
    fn log_joint(&self, p: &LogJoint) {
        let Pairs { x, z } = &self.trained;
        let declared = |k: usize| {
            let inputs = x.num_columns() + k;
            let linear = Perceptron::new(&[inputs, 2]).of_model(p, &format!("linear{k}"));
            let network = Perceptron::new(&[inputs, HIDDEN[0], HIDDEN[1], 2]).activation(Activation::Tanh);
            (linear, network.of_model(p, &format!("network{k}")))
        };
        let parts: Vec<_> = (0..z.num_columns()).map(declared).collect();
        p.rows(x.num_rows(), |i| {
            let (x, z) = (x.at(i).to_vector().elements(), z.at(i).to_vector().elements());
            for (k, (linear, network)) in parts.iter().enumerate() {
                let read = Vector::new(&[&x[..], &z[..k]].concat());
                let out = linear.apply(&read).zip(&network.apply(&read), |a, b| a + b);
                i.observe(z[k], normal(out.at(0), out.at(1).exp()));
            }
        });
    }
}

/// Nothing is latent.
impl Guide for SimulatedPosterior {
    fn draw(&self, _: &Guided) {}
}

impl SimulatedPosterior {
    /// A random start.
    pub fn theta(&self, layout: &Layout, streams: Streams) -> Vec<f64> {
        Start::Glorot.theta(layout, streams)
    }

    /// The networks at `theta`; parts of it that are missing make them empty.
    pub fn chain<'a>(&self, layout: &Layout, theta: &'a [f64]) -> Chain<'a> {
        let part = |name: String| {
            let site = layout.site(&name);
            site.and_then(|s| theta.get(s.offset..s.offset + s.num_unconstrained)).unwrap_or(&[])
        };
        let layers = |name: String, num: usize| -> Layers<'a> {
            (0..num).map(|l| (part(format!("{name}.weights{l}")), part(format!("{name}.bias{l}")))).collect()
        };
        let one = |k: usize| [layers(format!("linear{k}"), 1), layers(format!("network{k}"), HIDDEN.len() + 1)];
        Chain((0..self.parameters.len()).map(one).collect())
    }

    /// The model of the simulations of a table: the columns that are empty in some row are the parameters, and the rows
    /// where they are empty are observed data; the other columns, or `--features`, are data.
    ///
    /// # Errors
    /// No row or no column of either kind, a row with some of its parameters, fewer than 200 simulations, a column that is
    /// the same in all of them, and cells of data that are missing or no numbers.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (parameters, columns) = roles(input)?;
        let column = |name: &String| input.table.numbers(name);
        let z = parameters.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let x = columns.iter().map(|name| input.table.real(name)).collect::<Result<Vec<_>, _>>()?;
        let (mut simulated, observed) = split_rows(input, &parameters, &z)?;
        shuffle(&mut simulated);
        let judged = (simulated.len() / SHARE).min(MOST);
        let (judged, rest) = simulated.split_at(judged);
        let (stopped, trained) = rest.split_at(judged.len().div_ceil(2));
        let scaled = |names: &[String], values: &[Vec<f64>]| -> Result<Vec<Scale>, BuildError> {
            names.iter().zip(values).map(|(name, values)| scale(input, name, values, trained)).collect()
        };
        let (parameters, columns) = (scaled(&parameters, &z)?, scaled(&columns, &x)?);
        let rows = |scales: &[Scale], values: &[Vec<f64>], rows: &[usize]| -> Vec<f64> {
            let row = |&r: &usize| scales.iter().zip(values).map(move |(scale, column)| scale.apply(column[r]));
            rows.iter().flat_map(row).collect()
        };
        let data = |of: &[usize]| rows(&columns, &x, of).into_iter().map(tamed).collect::<Vec<f64>>();
        let matrix = |values: Vec<f64>, columns: usize| {
            let invalid = |reason: String| BuildError::NoModel { file: input.table.file().to_string(), reason };
            Matrix::new(values, columns).map_err(invalid)
        };
        let pairs = |of: &[usize]| -> Result<Pairs, BuildError> {
            let x = matrix(data(of), columns.len())?;
            Ok(Pairs { x, z: matrix(rows(&parameters, &z, of), parameters.len())? })
        };
        let (trained, stopped, judged) = (pairs(trained)?, pairs(stopped)?, pairs(judged)?);
        let observed = observed.iter().map(|&row| (row + 1, data(&[row]))).collect();
        let scales: Vec<Scale> = parameters.iter().chain(&columns).cloned().collect();
        let model = SimulatedPosterior { parameters, columns, trained, stopped, judged, observed };
        let network = Network::Simulated(Box::new(model.clone()));
        Ok(Built::new(model, input.table.num_rows()).scaled(scales).network(network))
    }
}

impl Chain<'_> {
    /// Mean and logarithm of the standard deviation of the parameter that comes after those of `read`, the data and the
    /// parameters before it.
    pub fn next(&self, read: &[f64], k: usize) -> (f64, f64) {
        let mut sum = [0.0; 2];
        for layers in &self.0[k] {
            let mut h = read.to_vec();
            for (l, (weights, bias)) in layers.iter().enumerate() {
                if l > 0 {
                    h.iter_mut().for_each(|h| *h = h.tanh());
                }
                let rows = weights.chunks_exact(h.len().max(1)).zip(*bias);
                h = rows.map(|(w, b)| b + w.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>()).collect();
            }
            sum.iter_mut().zip(h).for_each(|(sum, h)| *sum += h);
        }
        sum.into()
    }

    /// `log q(z | x)`, standardised as both are.
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

/// Names of the parameters and of the data.
fn roles(input: &Input) -> Result<(Vec<String>, Vec<String>), BuildError> {
    let invalid = |reason: &str| BuildError::NoModel { file: input.table.file().to_string(), reason: reason.into() };
    let (mut parameters, mut columns) = (Vec::new(), Vec::new());
    for name in input.table.given_names() {
        let chosen = input.options.features.as_ref().map(|chosen| chosen.iter().any(|c| c == name));
        let cells = input.table.words(name)?;
        if cells.iter().all(Option::is_none) {
            return Err(invalid(&format!("column `{name}` is empty; remove it")));
        }
        match chosen {
            Some(true) => {}
            _ if cells.iter().any(Option::is_none) => parameters.push(name.to_string()),
            None => columns.push(name.to_string()),
            Some(false) => {}
        }
    }
    if parameters.is_empty() {
        return Err(invalid(
            "no observed data; add a row of the data whose posterior is wanted, with empty cells for the parameters",
        ));
    }
    let columns = input.options.features.clone().unwrap_or(columns);
    if columns.is_empty() {
        return Err(invalid("every column has empty cells, which marks parameters; give the data, too"));
    }
    Ok((parameters, columns))
}

/// Rows with all parameters and rows with none.
fn split_rows(input: &Input, names: &[String], z: &[Vec<f64>]) -> Result<(Vec<usize>, Vec<usize>), BuildError> {
    let file = || input.table.file().to_string();
    let (mut simulated, mut observed) = (Vec::new(), Vec::new());
    for row in 0..input.table.num_rows() {
        let missing = z.iter().filter(|column| column[row].is_nan()).count();
        match missing {
            0 => simulated.push(row),
            _ if missing == names.len() => observed.push(row),
            _ => {
                let empty = z.iter().position(|column| column[row].is_nan()).unwrap_or(0);
                let place = input.table.place(&names[empty], row);
                let reason = format!(
                    "{place}: empty, while other parameters of the row are not; columns with empty cells ({}) are \
                     parameters: fill all of them in, or none where the row is observed data",
                    listed(names, 8)
                );
                return Err(BuildError::Row { reason });
            }
        }
    }
    if simulated.len() < FEWEST {
        let hint = format!(" whose parameters ({}) are filled in: simulations", listed(names, 8));
        return Err(BuildError::TooFewRows { file: file(), found: simulated.len(), needed: FEWEST, hint });
    }
    Ok((simulated, observed))
}

/// Data beyond three standard deviations grow as their logarithm: far ones would move everything.
fn tamed(x: f64) -> f64 {
    const FAR: f64 = 3.0;
    if x.abs() <= FAR { x } else { (FAR + (x.abs() - FAR).ln_1p()).copysign(x) }
}

/// In an order that depends on their number alone.
fn shuffle(rows: &mut Vec<usize>) {
    let mut order = vec![0; rows.len()];
    Streams::new(1).permutation(rows.len(), &mut order);
    *rows = order.into_iter().map(|k| rows[k as usize]).collect();
}

fn scale(input: &Input, name: &str, values: &[f64], rows: &[usize]) -> Result<Scale, BuildError> {
    let values: Vec<f64> = rows.iter().map(|&r| values[r]).collect();
    let scale = Scale::measure(name, &values);
    if scale.sd > 0.0 {
        return Ok(scale);
    }
    let remedy = "take it out, or name the columns of data with --features";
    let reason = format!("column `{name}` is {} in every simulation and says nothing; {remedy}", values[0]);
    Err(BuildError::NoModel { file: input.table.file().to_string(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Table;
    use crate::zoo::DataOptions;
    use jensen::model::{Draws, RowSet};
    use jensen::target::{LogDensity, Pass, Target};

    /// The numbers of `Chain` are those of the program that is trained, and its draws have its density's moments.
    #[test]
    fn plain_numbers_and_the_program_agree() {
        let mut noise = vec![0.0; 3 * 300];
        Streams::new(5).fill_normal(1, &mut noise);
        let row = |e: &[f64]| format!("{},{},{}\n", e[0], e[0] * e[1], e[1] + 5.0 * e[2].powi(3));
        let text = "a,b,x\n".to_string() + &noise.chunks_exact(3).map(row).collect::<String>() + ",,0.5\n";
        let table = Table::from_csv("d.csv", text.as_bytes()).unwrap();
        let input = Input { table: &table, options: &DataOptions::default(), embedded: false };
        let Some(Network::Simulated(model)) = SimulatedPosterior::build(&input).unwrap().network else { panic!() };
        let sizes = [&model.judged, &model.stopped, &model.trained].map(|pairs| pairs.x.num_rows());
        assert_eq!((sizes, model.observed.len(), model.observed[0].0), ([60, 30, 210], 1, 301));
        let target = Target::new(&*model).unwrap();
        let theta = model.theta(target.layout(), Streams::new(2));
        let chain = model.chain(target.layout(), &theta);
        let Pairs { x, z } = &model.trained;
        let expected: f64 = (0..210).map(|r| chain.log_q(x.row(r), z.row(r))).sum();
        let (one, mut pass) = (Draws::zeros(target.layout(), 210, 1), Pass::default());
        target.log_density(&theta, &one, &RowSet::all(), &mut pass).unwrap();
        let found = pass.log_density[0];
        // 420 terms, each to some ulps of its own size.
        assert!((found - expected).abs() < 1e-11 * expected.abs(), "{found} {expected}");
        let (n, observed) = (4000, &model.observed[0].1);
        let mut draws = vec![0.0; 2 * n];
        Streams::new(3).fill_normal(n, &mut draws);
        chain.draw(observed, &mut draws);
        let (mean, ln_sd) = chain.next(observed, 0);
        let found = draws[..n].iter().sum::<f64>() / n as f64;
        assert!((found - mean).abs() < 4.5 * ln_sd.exp() / (n as f64).sqrt(), "{found} {mean}");
        // Given the first, the second is standard normal by its own numbers.
        let residual = |d: usize| {
            let (mean, ln_sd) = chain.next(&[&observed[..], &[draws[d]]].concat(), 1);
            (draws[n + d] - mean) * (-ln_sd).exp()
        };
        let squares = (0..n).map(|d| residual(d).powi(2)).sum::<f64>() / n as f64;
        assert!((squares - 1.0).abs() < 4.5 * (2.0 / n as f64).sqrt(), "{squares}");
    }

    #[test]
    fn far_data_grow_as_their_logarithm() {
        assert_eq!((tamed(-2.5), tamed(3.0)), (-2.5, 3.0));
        assert!((tamed(-1e6) + 3.0 + (1e6f64 - 2.0).ln()).abs() < 1e-9);
    }
}
