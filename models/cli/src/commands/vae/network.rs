//! The networks of a fit: what they make of images and codes.

use super::architecture::{Architecture, Batch, Networks, Ready};
use super::error::VaeError;
use jensen::algorithm::Solution;
use jensen::family::NormalMoments;
use jensen::layers::PriorCluster;
use jensen::model::{Draws, RowSet};
use jensen::streams::{Streams, pick};
use jensen::target::{LogDensity, Options, Target};

/// Rows of a pass over many images.
pub const BLOCK: usize = 256;

/// Networks with their numbers.
pub struct Network {
    /// Their sizes.
    pub architecture: Architecture,
    /// Their numbers.
    pub solution: Solution,
    /// How they are run.
    pub options: Options,
}

/// q of the codes of rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Codes {
    /// Rows.
    pub num_rows: usize,
    /// Real latents of a row.
    pub num_latents: usize,
    /// Values of the class; 0 without one.
    pub num_classes: usize,
    /// Means, `[row][latent]`.
    pub mean: Vec<f64>,
    /// Standard deviations.
    pub sd: Vec<f64>,
    /// Of the classes, `[row][class]`.
    pub probabilities: Vec<f64>,
}

impl Codes {
    /// Means and standard deviations of one row.
    pub fn row(&self, row: usize) -> (&[f64], &[f64]) {
        let range = row * self.num_latents..(row + 1) * self.num_latents;
        (&self.mean[range.clone()], &self.sd[range])
    }

    /// Those of some rows.
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
pub fn largest(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// Rows `0..num_rows` in blocks.
pub fn blocks(num_rows: usize) -> impl Iterator<Item = RowSet> {
    let block = move |first: usize| {
        let rows = first..(first + BLOCK).min(num_rows);
        RowSet { subset: Some(rows.map(|r| r as u32).collect()), weight: 1.0, global_terms: false }
    };
    (0..num_rows).step_by(BLOCK).map(block)
}

impl Network {
    /// The model on rows.
    ///
    /// # Errors
    /// When the rows do not suit the networks.
    pub fn ready(&self, batch: Batch) -> Result<Ready, VaeError> {
        self.architecture.ready(batch, 0, self.options)
    }

    /// q of the codes of rows.
    ///
    /// # Errors
    /// When the rows do not suit the networks.
    pub fn encode(&self, batch: Batch) -> Result<Codes, VaeError> {
        Ok(self.codes(&self.ready(batch)?))
    }

    /// q of the codes of the rows that `ready` holds, in passes of some rows.
    pub fn codes(&self, ready: &Ready) -> Codes {
        let Architecture { num_latents, classes, .. } = self.architecture;
        let num_rows = ready.target.layout().num_rows;
        let mut out = Codes { num_rows, num_latents, num_classes: classes, ..Codes::default() };
        let (mut moments, mut probabilities) = (NormalMoments::default(), Vec::new());
        for rows in blocks(num_rows) {
            ready.family.moments(&self.solution.params, &rows, &mut moments);
            let count = rows.len(ready.target.layout());
            for row in 0..count {
                out.mean.extend((0..num_latents).map(|k| moments.mean[k * count + row]));
                out.sd.extend((0..num_latents).map(|k| moments.sd[k * count + row]));
            }
            ready.family.probabilities(&self.solution.params, &rows, &mut probabilities);
            out.probabilities.extend_from_slice(&probabilities);
        }
        out
    }

    /// A code as the decoder reads it: latents, then zeros and a one for the class, then for what is given.
    pub fn code(&self, latents: &[f64], class: usize, given: usize) -> Vec<f64> {
        let Architecture { classes, .. } = self.architecture;
        let one_of = |which: usize, all: usize| (0..all).map(move |k| f64::from(k == which));
        latents
            .iter()
            .copied()
            .chain(one_of(class, classes))
            .chain(one_of(given, self.architecture.num_given()))
            .collect()
    }

    /// The codes of rows of a batch as the decoder reads them.
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
    pub fn prior(&self, count: usize, given: Option<usize>, seed: u64) -> Result<Vec<f64>, VaeError> {
        let Architecture { num_latents, classes, .. } = self.architecture;
        let streams = Streams::new(seed).purpose(4);
        let mut latents = vec![0.0; count * num_latents];
        streams.fill_normal(1, &mut latents);
        let mut uniform = vec![0.0; count];
        streams.at_step(1).fill_uniform(1, &mut uniform);
        let mixture = self.mixture()?;
        let weights: Vec<f64> = mixture.iter().map(|c| c.weight).collect();
        let turns = self.architecture.num_given().max(1);
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
    pub fn clusters(&self, codes: &Codes) -> Result<Vec<usize>, VaeError> {
        let mixture = self.mixture()?;
        let rows = if mixture.is_empty() { 0 } else { codes.num_rows };
        Ok((0..rows).map(|row| largest(&PriorCluster::probabilities(&mixture, codes.row(row).0))).collect())
    }

    /// The clusters of the prior; none for a standard normal one.
    fn mixture(&self) -> Result<Vec<PriorCluster>, VaeError> {
        if self.architecture.clusters == 0 {
            return Ok(Vec::new());
        }
        let blank = self.architecture.blank(self.options)?;
        match &blank.model {
            Networks::Vae(vae) => Ok(vae.prior_clusters(blank.target.layout(), &self.solution.theta)?),
            Networks::Text(_) => Ok(Vec::new()),
        }
    }

    /// What the decoder makes of codes, `[row][number]` to `[row][pixel]`: mean pixels, or the most probable category or
    /// character.
    ///
    /// # Errors
    /// When the networks cannot be run.
    pub fn decode(&self, codes: &[f64]) -> Result<Vec<f64>, VaeError> {
        self.decode_with(codes, None)
    }

    /// The same, characters drawn where randomness is given, together with the number of the first code.
    ///
    /// # Errors
    /// When the networks cannot be run.
    pub fn decode_with(&self, codes: &[f64], streams: Option<(Streams, usize)>) -> Result<Vec<f64>, VaeError> {
        let blank = self.architecture.blank(self.options)?;
        let (width, num_pixels) = (self.architecture.code_len(), self.architecture.num_pixels);
        let mut out = Vec::with_capacity(codes.len() / width * num_pixels);
        match &blank.model {
            Networks::Text(text) => {
                let layout = blank.target.layout();
                let mut uniform = vec![0.0; num_pixels];
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
        Ok(out)
    }

    fn decode_block(&self, target: &Target, codes: &[f64], out: &mut Vec<f64>) {
        let Architecture { num_pixels, levels, .. } = self.architecture;
        let (width, theta) = (self.architecture.code_len(), target.layout().num_parameters);
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
            out.extend((0..num_pixels).map(|p| match levels {
                0 => images[p * num_rows + row],
                _ => {
                    let logits: Vec<f64> = (0..levels).map(|l| images[(p * levels + l) * num_rows + row]).collect();
                    largest(&logits) as f64
                }
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jensen_models::data::images::{Images, Rules};

    fn architecture(num_pixels: usize) -> Architecture {
        Architecture::plain(num_pixels, 2, &[3])
    }

    /// The decoder by hand, from theta in its order: weights and bias of both layers.
    #[test]
    fn codes_and_images_are_those_of_the_networks() {
        let images = Images::read(None, &Rules::default()).unwrap();
        let architecture = architecture(64);
        let rows = 300;
        let batch = Batch { pixels: &images.values[..rows * 64], labels: &[] };
        let pixels = batch.pixels;
        let ready = architecture.ready(Batch { pixels: &pixels[..64], labels: &[] }, 5, Options::default()).unwrap();
        use jensen::family::Family;
        let solution =
            Solution { params: ready.family.init(&[], 1.0), theta: ready.model.theta(ready.target.layout()) };
        assert_eq!(solution.theta.len(), 3 * 2 + 3 + 64 * 3 + 64);
        let network = Network { architecture, solution, options: Options::default() };
        let codes = network.encode(batch).unwrap();
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
        let architecture = Architecture { num_latents: 1, clusters: 2, ..architecture(4) };
        let ready = architecture.blank(Options::default()).unwrap();
        let mut theta = ready.model.theta(ready.target.layout());
        let from = theta.len() - 6;
        // Logits, then mean and ln sd of each.
        theta[from..].copy_from_slice(&[0.0, 3f64.ln(), -5.0, 0.1f64.ln(), 5.0, 0.1f64.ln()]);
        let params = vec![0.0; jensen::family::Family::num_params(&ready.family)];
        let network = Network { architecture, solution: Solution { params, theta }, options: Options::default() };
        let draws = network.prior(4000, None, 1).unwrap();
        let right = draws.iter().filter(|z| **z > 0.0).count() as f64 / 4000.0;
        assert!(draws.iter().all(|z| (z.abs() - 5.0).abs() < 0.5), "five standard deviations of 0.1");
        assert!((right - 0.75).abs() < 5.0 * (0.75f64 * 0.25 / 4000.0).sqrt(), "{right}");
        assert_eq!(network.decode(&draws).unwrap().len(), 4 * 4000);
    }
}
