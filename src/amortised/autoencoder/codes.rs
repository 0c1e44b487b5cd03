//! [`TrainedAutoencoder`]: what the networks make of rows and codes.

use super::architecture::{Autoencoder, Batch};
use super::error::AutoencoderError;
use super::recorded::{Networks, Recorded};
use crate::algorithm::Solution;
use crate::family::NormalMoments;
use crate::layers::PriorCluster;
use crate::model::{Draws, RowSet};
use crate::streams::{Streams, pick};
use crate::target::{LogDensity, Options, Target};

/// Rows of a pass over many rows.
const BLOCK: usize = 256;

/// Networks with their numbers: they encode rows, decode and draw codes, and are measured.
#[derive(Clone, Debug)]
pub struct TrainedAutoencoder {
    autoencoder: Autoencoder,
    pub(super) solution: Solution,
    options: Options,
}

/// Rows with q of their codes.
pub struct EncodedRows<'a> {
    /// The rows that were encoded.
    pub rows: Batch<'a>,
    /// q of their codes.
    pub codes: Codes,
    pub(super) recorded: Recorded,
}

/// q of the codes of rows.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Codes {
    /// Number of rows.
    pub num_rows: usize,
    /// Real latents of a row.
    pub num_latents: usize,
    /// Values of the class; 0 without one.
    pub num_classes: usize,
    /// Means of q, `[row][latent]`.
    pub mean: Vec<f64>,
    /// Standard deviations of q, `[row][latent]`.
    pub sd: Vec<f64>,
    /// Probabilities of the classes, `[row][class]`.
    pub probabilities: Vec<f64>,
}

impl Codes {
    /// Means and standard deviations of one row.
    pub fn row(&self, row: usize) -> (&[f64], &[f64]) {
        let range = row * self.num_latents..(row + 1) * self.num_latents;
        (&self.mean[range.clone()], &self.sd[range])
    }

    /// The codes of the rows with these numbers.
    pub fn chosen(&self, rows: &[usize]) -> Codes {
        Codes {
            num_rows: rows.len(),
            mean: rows.iter().flat_map(|r| self.row(*r).0).copied().collect(),
            sd: rows.iter().flat_map(|r| self.row(*r).1).copied().collect(),
            probabilities: rows.iter().flat_map(|r| self.class(*r)).copied().collect(),
            ..*self
        }
    }

    /// The probabilities of one row's class.
    pub fn class(&self, row: usize) -> &[f64] {
        &self.probabilities[row * self.num_classes..(row + 1) * self.num_classes]
    }
}

/// The place of the largest number.
pub(super) fn largest(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// Rows `0..num_rows` in blocks.
pub(super) fn blocks(num_rows: usize) -> impl Iterator<Item = RowSet> {
    let block = move |first: usize| {
        let rows = first..(first + BLOCK).min(num_rows);
        RowSet { subset: Some(rows.map(|r| r as u32).collect()), weight: 1.0, global_terms: false }
    };
    (0..num_rows).step_by(BLOCK).map(block)
}

impl TrainedAutoencoder {
    /// The networks of `autoencoder` at `solution`, run by `options`.
    ///
    /// # Errors
    /// When the solution is another autoencoder's.
    pub fn new(autoencoder: Autoencoder, solution: Solution, options: Options) -> Result<Self, AutoencoderError> {
        let found = (solution.params.len(), solution.theta.len());
        let expected = autoencoder.num_parameters()?;
        if found != expected {
            return Err(AutoencoderError::setting(
                "solution",
                format!(
                    "{} numbers of the encoder and {} of the decoder, where the networks have {} and {}; give those of this very \
                 autoencoder",
                    found.0, found.1, expected.0, expected.1
                ),
            ));
        }
        Ok(Self::known(autoencoder, solution, options))
    }

    /// The same, of a solution that is this autoencoder's.
    pub(super) fn known(autoencoder: Autoencoder, solution: Solution, options: Options) -> Self {
        TrainedAutoencoder { autoencoder, solution, options }
    }

    /// The networks and the prior that were trained.
    pub fn autoencoder(&self) -> &Autoencoder {
        &self.autoencoder
    }

    /// Rows with q of their codes.
    ///
    /// # Errors
    /// When the rows do not suit the networks.
    pub fn encoded<'a>(&self, rows: Batch<'a>) -> Result<EncodedRows<'a>, AutoencoderError> {
        let recorded = self.autoencoder.record(rows, 0, self.options)?;
        Ok(EncodedRows { rows, codes: self.codes(&recorded), recorded })
    }

    /// q of the codes of rows.
    ///
    /// # Errors
    /// When the rows do not suit the networks, or lie so far out that their codes are not finite.
    pub fn encode(&self, rows: Batch) -> Result<Codes, AutoencoderError> {
        let codes = self.encoded(rows)?.codes;
        finite(codes.mean.iter().chain(&codes.sd).chain(&codes.probabilities))?;
        Ok(codes)
    }

    /// q of the codes of recorded rows, in passes of some rows.
    fn codes(&self, recorded: &Recorded) -> Codes {
        let Autoencoder { num_latents, classes, .. } = self.autoencoder;
        let num_rows = recorded.target.layout().num_rows;
        let mut out = Codes { num_rows, num_latents, num_classes: classes, ..Codes::default() };
        let (mut moments, mut probabilities) = (NormalMoments::default(), Vec::new());
        for rows in blocks(num_rows) {
            recorded.family.moments(&self.solution.params, &rows, &mut moments);
            let count = rows.len(recorded.target.layout());
            for row in 0..count {
                out.mean.extend((0..num_latents).map(|k| moments.mean[k * count + row]));
                out.sd.extend((0..num_latents).map(|k| moments.sd[k * count + row]));
            }
            recorded.family.probabilities(&self.solution.params, &rows, &mut probabilities);
            out.probabilities.extend_from_slice(&probabilities);
        }
        out
    }

    /// A code as the decoder reads it: latents, then zeros and a one for the class, then for what is given.
    pub fn code(&self, latents: &[f64], class: usize, given: usize) -> Vec<f64> {
        let one_of = |which: usize, all: usize| (0..all).map(move |k| f64::from(k == which));
        latents
            .iter()
            .copied()
            .chain(one_of(class, self.autoencoder.classes))
            .chain(one_of(given, self.autoencoder.given))
            .collect()
    }

    /// The codes of some rows of a batch as the decoder reads them.
    pub fn points_of(&self, codes: &Codes, labels: &[u32], rows: &[usize]) -> Vec<f64> {
        let labels: Vec<u32> = rows.iter().filter_map(|r| labels.get(*r).copied()).collect();
        self.points(&codes.chosen(rows), &labels)
    }

    /// The codes of rows as the decoder reads them: means, the most probable class, and what the rows are given.
    pub fn points(&self, codes: &Codes, labels: &[u32]) -> Vec<f64> {
        let one = |row: usize| {
            let given = labels.get(row).map_or(0, |l| *l as usize);
            self.code(codes.row(row).0, largest(codes.class(row)), given)
        };
        (0..codes.num_rows).flat_map(one).collect()
    }

    /// `count` codes from their prior; what is given by turns, or always the same.
    ///
    /// # Errors
    /// When the networks cannot be recorded.
    pub fn prior(&self, count: usize, given: Option<usize>, seed: u64) -> Result<Vec<f64>, AutoencoderError> {
        let Autoencoder { num_latents, classes, .. } = self.autoencoder;
        let streams = Streams::new(seed).purpose(4);
        let mut latents = vec![0.0; count * num_latents];
        streams.fill_normal(1, &mut latents);
        let mut uniform = vec![0.0; count];
        streams.at_step(1).fill_uniform(1, &mut uniform);
        let mixture = self.mixture()?;
        let weights: Vec<f64> = mixture.iter().map(|c| c.weight).collect();
        let turns = self.autoencoder.given.max(1);
        let one = |row: usize| {
            let mut z = latents[row * num_latents..(row + 1) * num_latents].to_vec();
            if !mixture.is_empty() {
                let cluster = &mixture[pick(&weights, uniform[row])];
                z.iter_mut().zip(cluster.mean.iter().zip(&cluster.sd)).for_each(|(z, (m, s))| *z = m + s * *z);
            }
            let class = (uniform[row] * classes as f64) as usize;
            self.code(&z, class, given.unwrap_or(row % turns))
        };
        Ok((0..count).flat_map(one).collect())
    }

    /// The most probable cluster of each row, at the mean of its latents; empty without clusters.
    ///
    /// # Errors
    /// When the networks cannot be recorded.
    pub(super) fn clusters(&self, codes: &Codes) -> Result<Vec<usize>, AutoencoderError> {
        let mixture = self.mixture()?;
        let rows = if mixture.is_empty() { 0 } else { codes.num_rows };
        Ok((0..rows).map(|row| largest(&PriorCluster::probabilities(&mixture, codes.row(row).0))).collect())
    }

    /// The clusters of the prior; none for a standard normal one.
    fn mixture(&self) -> Result<Vec<PriorCluster>, AutoencoderError> {
        if self.autoencoder.clusters == 0 {
            return Ok(Vec::new());
        }
        let blank = self.autoencoder.blank(0, self.options)?;
        match &blank.model {
            Networks::Vae(vae) => Ok(vae.prior_clusters(blank.target.layout(), &self.solution.theta)?),
            Networks::Text(_) => Ok(Vec::new()),
        }
    }

    /// What the decoder makes of codes, `[row][number]` to `[row][column]`: means, or the most probable category or
    /// character.
    ///
    /// # Errors
    /// When the networks cannot be run, or what they make is not finite.
    pub fn decode(&self, codes: &[f64]) -> Result<Vec<f64>, AutoencoderError> {
        self.decode_with(codes, None)
    }

    /// The same, characters drawn where randomness is given, together with the number of the first code.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_with(&self, codes: &[f64], streams: Option<(Streams, usize)>) -> Result<Vec<f64>, AutoencoderError> {
        let blank = self.autoencoder.blank(0, self.options)?;
        let (width, num_columns) = (self.autoencoder.code_len(), self.autoencoder.num_columns);
        let mut out = Vec::with_capacity(codes.len() / width * num_columns);
        match &blank.model {
            Networks::Text(text) => {
                let layout = blank.target.layout();
                let mut uniform = vec![0.0; num_columns];
                for (row, z) in codes.chunks_exact(width).enumerate() {
                    if let Some((streams, first)) = streams {
                        streams.at_step((first + row) as u64).fill_uniform(1, &mut uniform);
                    }
                    let draws = streams.map(|_| &uniform[..]);
                    out.extend(text.write(layout, &self.solution.theta, z, draws)?.into_iter().map(|c| c as f64));
                }
            }
            Networks::Vae(vae) => {
                for block in codes.chunks(BLOCK * width) {
                    let target = Target::with_options(&vae.generator(block.len() / width), self.options)?;
                    self.decode_block(&target, block, &mut out);
                }
            }
        }
        finite(&out)?;
        Ok(out)
    }

    fn decode_block(&self, target: &Target, codes: &[f64], out: &mut Vec<f64>) {
        let (num_columns, levels) = (self.autoencoder.num_columns, self.autoencoder.levels());
        let (width, theta) = (self.autoencoder.code_len(), target.layout().num_parameters);
        let num_rows = codes.len() / width;
        let mut z = Draws::zeros(target.layout(), num_rows, 1);
        for (row, code) in codes.chunks_exact(width).enumerate() {
            code.iter().enumerate().for_each(|(k, c)| z.row_latents[k * num_rows + row] = *c);
        }
        // A prior of clusters has its parameters behind those of the decoder.
        let (_, values) = target.constrain(&self.solution.theta[..theta], &z, &RowSet::all());
        // The latents themselves come first.
        let images = &values[width * num_rows..];
        for row in 0..num_rows {
            out.extend((0..num_columns).map(|p| match levels {
                0 => images[p * num_rows + row],
                _ => {
                    let logits: Vec<f64> = (0..levels).map(|l| images[(p * levels + l) * num_rows + row]).collect();
                    largest(&logits) as f64
                }
            }));
        }
    }
}

/// Refuses what networks of huge weights make.
fn finite<'a>(values: impl IntoIterator<Item = &'a f64>) -> Result<(), AutoencoderError> {
    if values.into_iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    let words =
        "the networks give numbers that are not finite; give rows or codes like those of training, or train again";
    Err(AutoencoderError::setting("rows", words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Likelihood;

    fn plain(num_columns: usize) -> Autoencoder {
        Autoencoder::new(num_columns, 2, &[3], Likelihood::Bernoulli)
    }

    /// The decoder by hand, from theta in its order: weights and bias of both layers.
    #[test]
    fn codes_and_rows_are_those_of_the_networks() {
        let (autoencoder, rows) = (plain(64), 300);
        let mut uniform = vec![0.0; 64 * rows];
        Streams::new(6).fill_uniform(1, &mut uniform);
        let pixels: Vec<f64> = uniform.iter().map(|u| f64::from(*u < 0.3)).collect();
        let recorded = autoencoder.record(Batch::of(&pixels[..64]), 5, Options::default()).unwrap();
        use crate::family::Family;
        let theta = recorded.model.theta(recorded.target.layout());
        let solution = Solution { params: recorded.family.init(&[], 1.0), theta };
        assert_eq!(autoencoder.num_parameters().unwrap(), (solution.params.len(), 3 * 2 + 3 + 64 * 3 + 64));
        let network = TrainedAutoencoder::new(autoencoder, solution, Options::default()).unwrap();
        let codes = network.encode(Batch::of(&pixels)).unwrap();
        assert_eq!((codes.mean.len(), codes.sd.len()), (2 * rows, 2 * rows));
        let p = &network.solution.params;
        let (weights, bias, mean, mean_bias) = (&p[..192], &p[192..195], &p[195..201], &p[201..203]);
        for row in [0, 255, 256, 299] {
            let x = &pixels[row * 64..][..64];
            let h: Vec<f64> =
                (0..3).map(|j| (bias[j] + (0..64).map(|k| weights[j * 64 + k] * x[k]).sum::<f64>()).max(0.0)).collect();
            for k in 0..2 {
                let by_hand = mean_bias[k] + (0..3).map(|j| mean[k * 3 + j] * h[j]).sum::<f64>();
                assert!((codes.mean[row * 2 + k] - by_hand).abs() < 1e-12, "row {row}, latent {k}");
            }
        }
        let decoded = network.decode(&codes.mean).unwrap();
        let t = &network.solution.theta;
        for row in [0, 256, 299] {
            let z = &codes.mean[row * 2..][..2];
            let h: Vec<f64> = (0..3).map(|j| (t[6 + j] + t[2 * j] * z[0] + t[2 * j + 1] * z[1]).max(0.0)).collect();
            for pixel in [0, 63] {
                let out: f64 = t[9 + 192 + pixel] + (0..3).map(|j| t[9 + pixel * 3 + j] * h[j]).sum::<f64>();
                assert!((decoded[row * 64 + pixel] - 1.0 / (1.0 + (-out).exp())).abs() < 1e-12);
            }
        }
    }

    /// Draws of a prior of two clusters that lie apart are in one of them, as often as its weight says.
    #[test]
    fn codes_of_clusters_are_drawn_from_them() {
        let autoencoder = Autoencoder { num_latents: 1, ..plain(4) }.clusters(2);
        let recorded = autoencoder.blank(0, Options::default()).unwrap();
        let mut theta = recorded.model.theta(recorded.target.layout());
        let from = theta.len() - 6;
        // Logits, then mean and ln sd of each.
        theta[from..].copy_from_slice(&[0.0, 3f64.ln(), -5.0, 0.1f64.ln(), 5.0, 0.1f64.ln()]);
        let params = vec![0.0; crate::family::Family::num_params(&recorded.family)];
        let network = TrainedAutoencoder::new(autoencoder, Solution { params, theta }, Options::default()).unwrap();
        let draws = network.prior(4000, None, 1).unwrap();
        let right = draws.iter().filter(|z| **z > 0.0).count() as f64 / 4000.0;
        assert!(draws.iter().all(|z| (z.abs() - 5.0).abs() < 0.5), "five standard deviations of 0.1");
        assert!((right - 0.75).abs() < 5.0 * (0.75f64 * 0.25 / 4000.0).sqrt(), "{right}");
        assert_eq!(network.decode(&draws).unwrap().len(), 4 * 4000);
    }
}
