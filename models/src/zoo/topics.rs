//! Latent Dirichlet allocation: documents are mixtures of topics, and topics are distributions of words.
//!
//! ```text
//! z_d ~ N(0, I)    weights_d = softmax(scale z_d)    counts_d ~ Multinomial(length_d, sum_k weights_dk topic_k)
//! ```
//!
//! The words' assignments are summed out, the logistic normal prior has the moments of a Dirichlet one with all
//! concentrations 1/2, topics are parameters, and q of a document's weights is a skewed distribution by a network.
//! `jensen::mixture::TopicAscent` is the twin with Dirichlet distributions and coordinate ascent.
//!
//! *Source*: Blei, Ng and Jordan (2003), Latent Dirichlet allocation; the network: Srivastava and Sutton (2017),
//! Autoencoding variational inference for topic models.

use super::{BuildError, Built, Input};
use jensen::amortised::Encoded;
use jensen::family::{Guide, Guided};
use jensen::layers::{self, InitialWeights, Perceptron};
use jensen::prelude::*;

/// Number of topics.
const NUM_TOPICS: usize = 4;
/// Concentration of the topics of a document.
const ALPHA: f64 = 0.5;
/// Hidden units of the network.
const HIDDEN: usize = 64;
/// Heavier tails than a normal's, so that importance weights stay bounded where q is a little off; 1 are a normal's.
const TAIL: f64 = 1.3;

/// Topics of documents.
#[derive(Debug, Clone)]
pub struct TopicModel(layers::Topics);

impl Model for TopicModel {
    fn log_joint(&self, p: &LogJoint) {
        self.0.log_joint(p);
    }
}

/// q of a document's latents: `z_k = centre_k + sd_k sinh(TAIL asinh(e) + skew_k)` with `e` standard normal, `centre_k` linear
/// in the latents before, all numbers by a network of `ln(1 + count)`.
///
/// Where a document has none of a topic, the data bound its latent from above alone, and the left tail is the prior's: a
/// skewed q holds what a normal one does not.
///
/// *Source*: Jones and Pewsey (2009), Sinh-arcsinh distributions, equation 1.
struct Skewed {
    read: Matrix,
}

impl Guide for Skewed {
    fn draw(&self, q: &Guided) {
        const K: usize = NUM_TOPICS;
        let sizes = [self.read.num_columns(), HIDDEN, 3 * K + K * (K - 1) / 2];
        let network = Perceptron::new(&sizes).start(InitialWeights::Glorot, 3).of_guide(q, "encoder");
        q.rows(|i| {
            let out = network.apply(&self.read.at(i).to_vector()).elements();
            let (ln_sd, skew, slopes) = (&out[K..2 * K], &out[2 * K..3 * K], &out[3 * K..]);
            let centre = |k: usize, before: &[Real]| {
                let slopes = &slopes[k * k.saturating_sub(1) / 2..][..k];
                slopes.iter().zip(before).fold(out[k], |sum, (slope, z)| sum + *slope * *z)
            };
            let transform = |e: Vector| {
                let mut z: Vec<Real> = Vec::new();
                for k in 0..K {
                    let u = (TAIL * asinh(e.at(k)) + skew[k]).sinh();
                    z.push(centre(k, &z) + ln_sd[k].exp() * u);
                }
                Vector::new(&z)
            };
            let log_density = |z: Vector| {
                let z = z.elements();
                let one = |k: usize| {
                    let u = (z[k] - centre(k, &z[..k])) * (-ln_sd[k]).exp();
                    let angle = (asinh(u) - skew[k]) / TAIL;
                    let slope = angle.cosh() / (1.0 + u * u).sqrt();
                    normal(0.0, 1.0).log_density(angle.sinh()) + slope.ln() - TAIL.ln() - ln_sd[k]
                };
                (0..K).map(one).sum()
            };
            i.latents("z", K, transform, log_density);
        });
    }
}

/// The inverse of `sinh`.
fn asinh(x: Real) -> Real {
    (x + (1.0 + x * x).sqrt()).ln()
}

impl TopicModel {
    /// The model of counts, a row a document and a column a word: `--features`, or all.
    ///
    /// # Errors
    /// Cells that are no counts, fewer than three words, or fewer than ten documents.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let all = || input.table.given_names().map(str::to_string).collect();
        let names: Vec<String> = input.options.features.clone().unwrap_or_else(all);
        let file = || input.table.file().to_string();
        if names.len() < 3 {
            return Err(BuildError::TooFewColumns {
                file: file(),
                found: names.len(),
                needed: 3,
                of: "counts, one for each word",
            });
        }
        input.at_least(10, "")?;
        for name in &names {
            input.counts(name, "a count of a word")?;
        }
        let columns: Vec<&str> = names.iter().map(String::as_str).collect();
        let counts = Matrix::new(input.table.matrix(&columns)?, names.len())
            .map_err(|_| crate::data::DesignError::NoFeatures { file: file() })?;
        let invalid = |reason: String| BuildError::NoModel { file: file(), reason };
        let values = (0..counts.num_rows()).flat_map(|r| counts.row(r).iter().map(|c| c.ln_1p()));
        let read = Matrix::new(values.collect::<Vec<f64>>(), names.len()).map_err(invalid)?;
        let model = layers::Topics::new(counts, NUM_TOPICS, ALPHA, &[]).map_err(invalid)?;
        let model = TopicModel(model);
        let network =
            Encoded::new(model.clone(), Skewed { read }).start(InitialWeights::LeCun).learning_rate(0.005).draws(2);
        let mut built = Built::new(model, input.table.num_rows()).network(network);
        for k in 0..NUM_TOPICS {
            built = built.label(&format!("words{k}"), names.clone());
        }
        Ok(built)
    }
}
