//! Measures of a trained autoencoder: bound, importance-weighted log p(x), units, information.

use super::baseline::{BaselineDensity, baselines};
use super::codes::{Codes, EncodedRows, TrainedAutoencoder, blocks};
use super::error::AutoencoderError;
use super::groups::{Agreement, agreement};
use crate::family::Family;
use crate::model::Draws;
use crate::objective::{log_mean_exp, mean_and_standard_error};
use crate::posterior::{RowFactors, log_evidence_of_factored_rows};
use crate::streams::{Streams, pick};
use crate::target::{LogDensity, Pass};
use serde::{Deserialize, Serialize};

/// Draws of the data term of a row.
const DRAWS: usize = 16;
/// Rows at most of the importance-weighted log p(x), and of the information.
const SCORED: usize = 500;
const COMPARED: usize = 2000;
/// A unit whose means vary less than this is not in use.
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016, section 5.3.
const ACTIVE: f64 = 0.01;

/// A mean over rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean over the rows.
    #[serde(with = "crate::number")]
    pub mean: f64,
    /// The standard error of the mean.
    #[serde(with = "crate::number")]
    pub se: f64,
}

/// The bound on some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BoundOfRows {
    /// Number of rows measured.
    pub num_rows: usize,
    /// The bound of a row.
    pub bound: Mean,
    /// The data term of the bound, in nats a row.
    pub data: Mean,
    /// The divergence of q from the prior, in nats a row.
    pub kl: Mean,
}

/// How much one latent is used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unit {
    /// Number of the latent, from 1.
    pub unit: usize,
    /// Mean KL of a row.
    pub kl: f64,
    /// Variance of its means over rows.
    pub variance: f64,
    /// Whether it is in use.
    pub active: bool,
}

/// The class of a code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassUse {
    /// Values it can take.
    pub num_classes: usize,
    /// Mean KL of a row.
    pub kl: f64,
    /// The part of it that is about the row, in nats: how much less sure the mean of all q is than each.
    pub information: f64,
}

/// Everything that is measured of a trained autoencoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measures {
    /// The bound on the training rows.
    pub train: BoundOfRows,
    /// The bound on the test rows.
    pub test: BoundOfRows,
    /// Importance-weighted log p(x) of test rows.
    pub log_p: Option<LogP>,
    /// Every latent, on the test rows; with a prior of clusters the KL is against the normal of all codes.
    pub units: Vec<Unit>,
    /// The class, where the code has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ClassUse>,
    /// The part of the KL that is about the row, in nats; what is left is between the mean of all q and the prior.
    pub information: f64,
    /// What the test rows are worth without a network.
    #[serde(default)]
    pub baselines: Vec<BaselineDensity>,
    /// How classes or clusters agree with the labels of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

/// Importance-weighted log p(x).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogP {
    /// Number of rows measured.
    pub num_rows: usize,
    /// Draws of each.
    pub draws: usize,
    /// log p(x) of a row.
    pub mean: Mean,
}

impl TrainedAutoencoder {
    /// The bound on training and test rows, importance-weighted log p(x) of 500 test rows by `score_draws` draws of each (0: it
    /// is left out), the use of latents and classes, models without a network, and how groups agree with labels.
    ///
    /// # Errors
    /// When the networks cannot be run.
    pub fn measure(
        &self,
        train: &EncodedRows,
        test: &EncodedRows,
        score_draws: usize,
    ) -> Result<Measures, AutoencoderError> {
        let codes = &test.codes;
        Ok(Measures {
            train: bound(self, train)?,
            test: bound(self, test)?,
            log_p: if score_draws > 0 { Some(log_p(self, test, score_draws)?) } else { None },
            units: units(codes, self.autoencoder().clusters > 0),
            class: (codes.num_classes > 0).then(|| class_use(codes)),
            information: information(codes),
            baselines: baselines(self.autoencoder(), train.rows, test.rows),
            agreement: agreement(self, &[train, test])?,
        })
    }
}

impl Measures {
    /// Latents in use, the class included.
    pub fn num_active(&self) -> usize {
        let class = self.class.is_some_and(|c| c.information > ACTIVE);
        self.units.iter().filter(|u| u.active).count() + usize::from(class)
    }

    /// `KL(mean over rows of q(z | x) || p(z))` of the test rows, in nats: what is left of the mean KL without the information.
    ///
    /// `None` where the rows are too few to tell them apart: the information is then near its most, the logarithm of their
    /// number.
    pub fn aggregate_kl(&self) -> Option<f64> {
        let most = (self.test.num_rows.min(COMPARED) as f64).ln();
        (self.information < most - 1.0).then_some(self.test.kl.mean - self.information)
    }

    /// Latents, the class included.
    pub fn num_units(&self) -> usize {
        self.units.len() + usize::from(self.class.is_some())
    }
}

fn mean(values: &[f64]) -> Mean {
    let (mean, se) = mean_and_standard_error(values);
    Mean { mean, se }
}

/// The KL of a unit against a standard normal.
fn kl(mean: f64, sd: f64) -> f64 {
    0.5 * (mean * mean + sd * sd - 1.0) - sd.ln()
}

/// `sum_k -p_k ln p_k`.
fn entropy(probabilities: &[f64]) -> f64 {
    probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum()
}

/// `KL(q(class | x) || even)` of a row.
fn class_kl(codes: &Codes, row: usize) -> f64 {
    if codes.num_classes == 0 { 0.0 } else { (codes.num_classes as f64).ln() - entropy(codes.class(row)) }
}

fn bound(
    network: &TrainedAutoencoder,
    EncodedRows { recorded, codes, .. }: &EncodedRows,
) -> Result<BoundOfRows, AutoencoderError> {
    let (mut data, mut kls) = (Vec::new(), Vec::new());
    let (mut z, mut pass) = (Draws::default(), Pass::default());
    pass.want_row_terms = true;
    for (block, rows) in blocks(codes.num_rows).enumerate() {
        let first = data.len();
        let count = rows.len(recorded.target.layout());
        z.resize(recorded.target.layout(), count, DRAWS);
        recorded.family.sample(&network.solution.params, &rows, Streams::new(1).at_step(block as u64), &mut z);
        recorded.target.log_density(&network.solution.theta, &z, &rows, &mut pass)?;
        data.extend(pass.row_data.chunks_exact(DRAWS).map(|d| d.iter().sum::<f64>() / DRAWS as f64));
        for row in 0..count {
            let (means, sds) = codes.row(first + row);
            let normal = match network.autoencoder().clusters {
                0 => means.iter().zip(sds).map(|(m, s)| kl(*m, *s)).sum::<f64>(),
                _ => drawn_kl((means, sds), &z, &pass, row),
            };
            kls.push(normal + class_kl(codes, first + row));
        }
    }
    let bounds: Vec<f64> = data.iter().zip(&kls).map(|(d, k)| d - k).collect();
    Ok(BoundOfRows { num_rows: data.len(), bound: mean(&bounds), data: mean(&data), kl: mean(&kls) })
}

/// The KL of a row of a pass by its draws, against the prior that the pass has evaluated.
fn drawn_kl((means, sds): (&[f64], &[f64]), z: &Draws, pass: &Pass, row: usize) -> f64 {
    let prior = pass.row_prior[row * DRAWS..(row + 1) * DRAWS].iter().sum::<f64>() / DRAWS as f64;
    let of_latent = |(k, (m, s)): (usize, (&f64, &f64))| {
        let draws = &z.row_latents[(k * z.num_rows + row) * DRAWS..][..DRAWS];
        let square = draws.iter().map(|z| ((z - m) / s).powi(2)).sum::<f64>() / DRAWS as f64;
        -0.5 * square - s.ln() - 0.5 * std::f64::consts::TAU.ln()
    };
    means.iter().zip(sds).enumerate().map(of_latent).sum::<f64>() - prior
}

fn log_p(
    network: &TrainedAutoencoder,
    EncodedRows { recorded, codes, .. }: &EncodedRows,
    draws: usize,
) -> Result<LogP, AutoencoderError> {
    let num_rows = codes.num_rows.min(SCORED);
    let rows: Vec<u32> = (0..num_rows as u32).collect();
    let factors = |row: u32| {
        let (mean, sd) = codes.row(row as usize);
        let class = codes.class(row as usize).to_vec();
        let probabilities = if class.is_empty() { Vec::new() } else { vec![class] };
        Ok(RowFactors { mean: mean.to_vec(), sd: sd.to_vec(), probabilities })
    };
    let theta = &network.solution.theta;
    let each = log_evidence_of_factored_rows(&recorded.target, theta, &rows, draws, Streams::new(2), factors)?;
    Ok(LogP { num_rows, draws, mean: mean(&each) })
}

fn units(codes: &Codes, has_clusters: bool) -> Vec<Unit> {
    let (n, num_latents) = (codes.num_rows as f64, codes.num_latents);
    let one = |k: usize| {
        let of = |values: &[f64]| values.iter().skip(k).step_by(num_latents).copied().collect::<Vec<f64>>();
        let (means, sds) = (of(&codes.mean), of(&codes.sd));
        let centre = means.iter().sum::<f64>() / n;
        let variance = means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / n;
        // The scale of a prior of clusters is learnt: its codes are measured in their own.
        let all = variance + sds.iter().map(|s| s * s).sum::<f64>() / n;
        let (centre, scale) = if has_clusters { (centre, all.sqrt()) } else { (0.0, 1.0) };
        let kls = means.iter().zip(&sds).map(|(m, s)| kl((m - centre) / scale, s / scale));
        Unit { unit: k + 1, kl: kls.sum::<f64>() / n, variance, active: variance > ACTIVE * scale * scale }
    };
    (0..num_latents).map(one).collect()
}

fn class_use(codes: &Codes) -> ClassUse {
    let (n, num_classes) = (codes.num_rows as f64, codes.num_classes);
    let rows = || codes.probabilities.chunks_exact(num_classes);
    let shares: Vec<f64> = (0..num_classes).map(|k| rows().map(|p| p[k]).sum::<f64>() / n).collect();
    let each = rows().map(entropy).sum::<f64>() / n;
    ClassUse { num_classes, kl: (num_classes as f64).ln() - each, information: entropy(&shares) - each }
}

/// `E_i E_{q(z|x_i)} [log q(z | x_i) - log 1/N sum_j q(z | x_j)]`, one draw a row, at most `ln N`.
///
/// *Source*: Hoffman and Johnson 2016, "ELBO surgery", the mutual information of row and code under q.
fn information(codes: &Codes) -> f64 {
    let num_latents = codes.num_latents;
    let n = codes.num_rows.min(COMPARED);
    let mut noise = vec![0.0; n * num_latents];
    Streams::new(3).fill_normal(1, &mut noise);
    let mut uniform = vec![0.0; n];
    Streams::new(3).purpose(9).fill_uniform(1, &mut uniform);
    let one = |i: usize| {
        let (means, sds) = codes.row(i);
        let moments = means.iter().zip(sds).zip(&noise[i * num_latents..]);
        let z: Vec<f64> = moments.map(|((m, s), e)| m + s * e).collect();
        let class = (codes.num_classes > 0).then(|| pick(codes.class(i), uniform[i]));
        let log_q = |j: usize| -> f64 {
            let (means, sds) = codes.row(j);
            let moments = means.iter().zip(sds);
            let normal = z.iter().zip(moments).map(|(z, (m, s))| -0.5 * ((z - m) / s).powi(2) - s.ln()).sum::<f64>();
            normal + class.map_or(0.0, |k| codes.class(j)[k].ln())
        };
        let all: Vec<f64> = (0..n).map(log_q).collect();
        all[i] - log_mean_exp(&all)
    };
    (0..n).map(one).sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(num_latents: usize, mean: Vec<f64>, sd: Vec<f64>) -> Codes {
        Codes { num_rows: mean.len() / num_latents, num_latents, mean, sd, ..Codes::default() }
    }

    /// Codes that tell 64 rows apart, and codes that are all the prior.
    #[test]
    fn information_and_units_of_known_codes() {
        let far = codes(1, (0..64).map(|i| 100.0 * f64::from(i)).collect(), vec![1.0; 64]);
        assert!((information(&far) - 64f64.ln()).abs() < 1e-9);
        let none = codes(2, vec![0.0; 128], vec![1.0; 128]);
        assert!(information(&none).abs() < 1e-9);
        let known = codes(2, vec![1.0, 0.0, -1.0, 0.0], vec![0.5, 1.0, 0.5, 1.0]);
        let found = units(&known, false);
        assert_eq!((found[0].variance, found[0].active, found[1].active), (1.0, true, false));
        // (1 + 0.25 - 1) / 2 + ln 2.
        assert!((found[0].kl - 0.125 - std::f64::consts::LN_2).abs() < 1e-12 && found[1].kl == 0.0);
        // In the scale of the codes themselves: variance 1.25, so (1 / 1.25 + 0.25 / 1.25 - 1) / 2 + ln(sqrt(1.25) / 0.5).
        let found = units(&known, true);
        assert!((found[0].kl - (1.25f64.sqrt() / 0.5).ln()).abs() < 1e-12 && found[0].active && !found[1].active);
    }

    /// Two rows with a sure class each of three: KL ln 3, information ln 2.
    #[test]
    fn the_information_of_a_class_is_what_it_tells_apart() {
        let probabilities = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let sure = Codes { num_rows: 2, num_classes: 3, probabilities, ..Codes::default() };
        let found = class_use(&sure);
        assert!((found.kl - 3f64.ln()).abs() < 1e-12 && (found.information - 2f64.ln()).abs() < 1e-12, "{found:?}");
        assert!((information(&sure) - 2f64.ln()).abs() < 1e-12);
        let third = 1.0 / 3.0;
        let unsure = Codes { probabilities: vec![third; 6], ..sure };
        assert!(class_use(&unsure).kl.abs() < 1e-12 && information(&unsure).abs() < 1e-12);
    }
}
