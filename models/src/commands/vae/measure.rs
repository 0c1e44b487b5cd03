//! What is measured of a trained autoencoder: bound, importance-weighted log p(x), units, information.

use super::error::VaeError;
use super::network::{BLOCK, Codes, Network};
use crate::data::images::Images;
use jensen::model::{Draws, RowSet};
use jensen::objective::{log_mean_exp, mean_and_standard_error};
use jensen::posterior::log_evidence_of_normal_rows;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass};
use serde::Serialize;

/// Draws of the data term of an image.
const DRAWS: usize = 16;
/// Images at most of the importance-weighted log p(x), and of the information.
const SCORED: usize = 500;
const COMPARED: usize = 2000;
/// A unit whose means vary less than this is not in use.
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016, section 5.3.
const ACTIVE: f64 = 0.01;

/// A mean over images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    #[serde(with = "crate::cli::number::as_text")]
    pub mean: f64,
    /// Its standard error.
    #[serde(with = "crate::cli::number::as_text")]
    pub se: f64,
}

/// The bound on some images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bound {
    /// Images.
    pub num_rows: usize,
    /// The bound of an image.
    pub bound: Mean,
    /// Its data term.
    pub data: Mean,
    /// Its KL.
    pub kl: Mean,
}

/// A latent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unit {
    /// Its number, from 1.
    pub unit: usize,
    /// Mean KL of an image.
    pub kl: f64,
    /// Variance of its means over images.
    pub variance: f64,
    /// Whether it is in use.
    pub active: bool,
}

/// All measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    /// Of some training images, at most 2,000.
    pub train: Bound,
    /// Of the test images.
    pub test: Bound,
    /// Importance-weighted log p(x) of test images.
    pub log_p: Option<LogP>,
    /// Every latent, on the test images.
    pub units: Vec<Unit>,
    /// The part of the KL that is about the image, in nats; what is left is between the mean of all q and the prior.
    pub information: f64,
}

/// Importance-weighted log p(x).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LogP {
    /// Images.
    pub num_rows: usize,
    /// Draws of each.
    pub draws: usize,
    /// log p(x) of an image.
    pub mean: Mean,
}

impl Measures {
    /// Measures `network` on training and test images.
    ///
    /// # Errors
    /// When the networks cannot be run.
    pub fn new(network: &Network, train: &Images, test: &Images, score_draws: usize) -> Result<Self, VaeError> {
        let codes = network.encode(&test.values)?;
        Ok(Measures {
            train: bound(network, train)?,
            test: bound(network, test)?,
            log_p: if score_draws > 0 { Some(log_p(network, test, score_draws)?) } else { None },
            units: units(&codes),
            information: information(&codes),
        })
    }

    /// Latents in use.
    pub fn num_active(&self) -> usize {
        self.units.iter().filter(|u| u.active).count()
    }
}

fn mean(values: &[f64]) -> Mean {
    let (mean, se) = mean_and_standard_error(values);
    Mean { mean, se }
}

/// The KL of a unit of each row, `[row][latent]`.
fn kl(codes: &Codes) -> Vec<f64> {
    codes.mean.iter().zip(&codes.sd).map(|(m, s)| 0.5 * (m * m + s * s - 1.0) - s.ln()).collect()
}

fn bound(network: &Network, images: &Images) -> Result<Bound, VaeError> {
    let num_pixels = images.num_pixels;
    let (mut data, mut kls) = (Vec::new(), Vec::new());
    for (block, pixels) in images.values.chunks(BLOCK * num_pixels).enumerate() {
        let codes = network.encode(pixels)?;
        kls.extend(kl(&codes).chunks_exact(codes.num_latents).map(|k| k.iter().sum::<f64>()));
        let ready = network.architecture.ready(pixels, 0, network.options)?;
        let (num_rows, rows) = (pixels.len() / num_pixels, RowSet::all());
        let mut z = Draws::zeros(ready.target.layout(), num_rows, DRAWS);
        use jensen::family::Family;
        ready.family.sample(&network.solution.params, &rows, Streams::new(1).at_step(block as u64), &mut z);
        let mut pass = Pass::default();
        pass.want_row_terms = true;
        ready.target.log_density(&network.solution.theta, &z, &rows, &mut pass)?;
        data.extend(pass.row_data.chunks_exact(DRAWS).map(|d| d.iter().sum::<f64>() / DRAWS as f64));
    }
    let bounds: Vec<f64> = data.iter().zip(&kls).map(|(d, k)| d - k).collect();
    Ok(Bound { num_rows: data.len(), bound: mean(&bounds), data: mean(&data), kl: mean(&kls) })
}

fn log_p(network: &Network, test: &Images, draws: usize) -> Result<LogP, VaeError> {
    let num_rows = test.num_rows().min(SCORED);
    let ready = network.architecture.ready(&test.values[..num_rows * test.num_pixels], 0, network.options)?;
    let rows: Vec<u32> = (0..num_rows as u32).collect();
    let streams = Streams::new(2);
    let each = log_evidence_of_normal_rows(&ready.target, &ready.family, &network.solution, &rows, draws, streams)?;
    Ok(LogP { num_rows, draws, mean: mean(&each) })
}

fn units(codes: &Codes) -> Vec<Unit> {
    let (n, num_latents) = ((codes.mean.len() / codes.num_latents) as f64, codes.num_latents);
    let kls = kl(codes);
    let one = |k: usize| {
        let of = |values: &[f64]| values.iter().skip(k).step_by(num_latents).sum::<f64>() / n;
        let centre = of(&codes.mean);
        let squares = codes.mean.iter().skip(k).step_by(num_latents).map(|m| (m - centre).powi(2));
        let variance = squares.sum::<f64>() / n;
        Unit { unit: k + 1, kl: of(&kls), variance, active: variance > ACTIVE }
    };
    (0..num_latents).map(one).collect()
}

/// `E_i E_{q(z|x_i)} [log q(z | x_i) - log 1/N sum_j q(z | x_j)]`, one draw an image, at most `ln N`.
///
/// *Source*: Hoffman and Johnson 2016, "ELBO surgery", the mutual information of row and code under q.
fn information(codes: &Codes) -> f64 {
    let num_latents = codes.num_latents;
    let n = (codes.mean.len() / num_latents).min(COMPARED);
    let mut noise = vec![0.0; n * num_latents];
    Streams::new(3).fill_normal(1, &mut noise);
    let row = |values: &'_ [f64], i: usize| values[i * num_latents..(i + 1) * num_latents].to_vec();
    let (means, sds): (Vec<_>, Vec<_>) = (0..n).map(|i| (row(&codes.mean, i), row(&codes.sd, i))).unzip();
    let log_q = |z: &[f64], j: usize| -> f64 {
        let moments = means[j].iter().zip(&sds[j]);
        z.iter().zip(moments).map(|(z, (m, s))| -0.5 * ((z - m) / s).powi(2) - s.ln()).sum()
    };
    let one = |i: usize| {
        let moments = means[i].iter().zip(&sds[i]).zip(&noise[i * num_latents..]);
        let z: Vec<f64> = moments.map(|((m, s), e)| m + s * e).collect();
        let all: Vec<f64> = (0..n).map(|j| log_q(&z, j)).collect();
        all[i] - log_mean_exp(&all)
    };
    (0..n).map(one).sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that tell 64 images apart, and codes that are all the prior.
    #[test]
    fn information_and_units_of_known_codes() {
        let far = Codes { num_latents: 1, mean: (0..64).map(|i| 100.0 * f64::from(i)).collect(), sd: vec![1.0; 64] };
        assert!((information(&far) - 64f64.ln()).abs() < 1e-9);
        let none = Codes { num_latents: 2, mean: vec![0.0; 128], sd: vec![1.0; 128] };
        assert!(information(&none).abs() < 1e-9);
        let units = units(&Codes { num_latents: 2, mean: vec![1.0, 0.0, -1.0, 0.0], sd: vec![0.5, 1.0, 0.5, 1.0] });
        assert_eq!((units[0].variance, units[0].active, units[1].active), (1.0, true, false));
        // (1 + 0.25 - 1) / 2 + ln 2.
        assert!((units[0].kl - 0.125 - std::f64::consts::LN_2).abs() < 1e-12 && units[1].kl == 0.0);
    }
}
