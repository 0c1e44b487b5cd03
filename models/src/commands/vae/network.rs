//! The networks of a fit: their sizes, and what they make of images and codes.

use super::error::VaeError;
use crate::cli::vae_args::PixelLikelihood;
use jensen::algorithm::Solution;
use jensen::family::{NormalMoments, Normals, TracedFamily};
use jensen::layers::{Likelihood, Start, Vae};
use jensen::model::{Draws, RowSet};
use jensen::program::Matrix;
use jensen::target::{LogDensity, Options, Target};
use serde::{Deserialize, Serialize};

/// Rows of a pass over many images.
pub const BLOCK: usize = 256;

/// Sizes of the networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Pixels of an image.
    pub num_pixels: usize,
    /// Latents.
    pub num_latents: usize,
    /// The encoder's hidden layers.
    pub hidden: Vec<usize>,
    /// Distribution of a pixel.
    pub likelihood: PixelLikelihood,
}

/// A model, ready to run on some images.
pub struct Ready {
    /// The model.
    pub vae: Vae,
    /// It recorded.
    pub target: Target,
    /// q of it.
    pub family: TracedFamily,
}

/// Networks with their numbers.
pub struct Network {
    /// Their sizes.
    pub architecture: Architecture,
    /// Their numbers.
    pub solution: Solution,
    /// How they are run.
    pub options: Options,
}

/// Means and standard deviations of latents, `[row][latent]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Codes {
    /// Latents of a row.
    pub num_latents: usize,
    /// Means.
    pub mean: Vec<f64>,
    /// Standard deviations.
    pub sd: Vec<f64>,
}

impl Architecture {
    /// The model of rows of pixels, weights from `seed`.
    ///
    /// # Errors
    /// When the pixels do not suit it.
    pub fn ready(&self, pixels: &[f64], seed: u64, options: Options) -> Result<Ready, VaeError> {
        let matrix = Matrix::new(pixels, self.num_pixels).map_err(VaeError::Engine)?;
        let likelihood = match self.likelihood {
            PixelLikelihood::Bernoulli => Likelihood::Bernoulli,
            PixelLikelihood::Gaussian => Likelihood::Gaussian,
        };
        let vae = Vae::new(matrix, self.num_latents, &self.hidden, likelihood).start(Start::LeCun, seed);
        let target = Target::with_options(&vae, options)?;
        let family = TracedFamily::with_options(&vae, target.layout(), options)?;
        Ok(Ready { vae, target, family })
    }

    /// The sizes in words: `64-128-8, bernoulli`.
    pub fn words(&self) -> String {
        let sizes = [&[self.num_pixels], &self.hidden[..], &[self.num_latents]].concat();
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        format!("{}, {:?}", sizes.join("-"), self.likelihood).to_lowercase()
    }
}

impl Network {
    /// The latents of rows of pixels.
    ///
    /// # Errors
    /// When the pixels do not suit the networks.
    pub fn encode(&self, pixels: &[f64]) -> Result<Codes, VaeError> {
        let num_latents = self.architecture.num_latents;
        let mut out = Codes { num_latents, ..Codes::default() };
        let mut moments = NormalMoments::default();
        for block in pixels.chunks(BLOCK * self.architecture.num_pixels) {
            let ready = self.architecture.ready(block, 0, self.options)?;
            ready.family.normals(&self.solution.params, &RowSet::all(), &mut moments);
            let rows = block.len() / self.architecture.num_pixels;
            for row in 0..rows {
                out.mean.extend((0..num_latents).map(|k| moments.mean[k * rows + row]));
                out.sd.extend((0..num_latents).map(|k| moments.sd[k * rows + row]));
            }
        }
        Ok(out)
    }

    /// The mean images of codes, `[row][latent]` to `[row][pixel]`.
    ///
    /// # Errors
    /// When the networks cannot be run.
    pub fn decode(&self, codes: &[f64]) -> Result<Vec<f64>, VaeError> {
        let Architecture { num_latents, num_pixels, .. } = self.architecture;
        let blank = self.architecture.ready(&vec![0.0; num_pixels], 0, self.options)?;
        let mut out = Vec::with_capacity(codes.len() / num_latents * num_pixels);
        for block in codes.chunks(BLOCK * num_latents) {
            let num_rows = block.len() / num_latents;
            let target = Target::with_options(&blank.vae.generator(num_rows), self.options)?;
            let mut z = Draws::zeros(target.layout(), num_rows, 1);
            for (row, code) in block.chunks_exact(num_latents).enumerate() {
                code.iter().enumerate().for_each(|(k, c)| z.row_latents[k * num_rows + row] = *c);
            }
            let (_, values) = target.constrain(&self.solution.theta, &z, &RowSet::all());
            // The latents themselves come first.
            let images = &values[num_latents * num_rows..];
            for row in 0..num_rows {
                out.extend((0..num_pixels).map(|p| images[p * num_rows + row]));
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::images::{Images, Rules};

    /// The decoder by hand, from theta in its order: weights and bias of both layers.
    #[test]
    fn codes_and_images_are_those_of_the_networks() {
        let images = Images::read(None, &Rules::default()).unwrap();
        let architecture =
            Architecture { num_pixels: 64, num_latents: 2, hidden: vec![3], likelihood: PixelLikelihood::Bernoulli };
        let rows = 300;
        let pixels = &images.values[..rows * 64];
        let ready = architecture.ready(&pixels[..64], 5, Options::default()).unwrap();
        use jensen::family::Family;
        let solution = Solution { params: ready.family.init(&[], 1.0), theta: ready.vae.theta(ready.target.layout()) };
        assert_eq!(solution.theta.len(), 3 * 2 + 3 + 64 * 3 + 64);
        let network = Network { architecture, solution, options: Options::default() };
        let codes = network.encode(pixels).unwrap();
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
}
