//! [`Topics`]: latent Dirichlet allocation with an amortised q.

use super::{Amortised, InitialWeights, Perceptron};
use crate::dist::{multinomial, normal};
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model, SiteKind};
use crate::numerics;
use crate::program::{IntColumn, Matrix, Vector};
use crate::streams::Streams;

/// `weights_d = softmax(scale z_d)`, `z_d ~ N(0, I)`, `counts_d ~ Multinomial(sum_k weights_dk topic_k)`: documents as
/// mixtures of topics, the words' assignments summed out; both a model and a guide.
///
/// Topics are the model's parameters, `topic0`, `topic1`, .. up to a softmax, and derived: `words0`, `words1`, .. The logistic normal prior has the moments of
/// a Dirichlet prior with all concentrations `alpha`, `scale^2 = (1 - 1 / K) / alpha`. The encoder reads `ln(1 + count)`.
///
/// *Source*: Srivastava and Sutton 2017, "Autoencoding variational inference for topic models", section 3; departures: full
/// topics in place of their product of experts, no dropout.
#[derive(Clone, Debug)]
pub struct Topics {
    counts: Matrix,
    lengths: IntColumn,
    num_topics: usize,
    scale: f64,
    read: Matrix,
    hidden: Vec<usize>,
    seed: u64,
}

impl Topics {
    /// `num_topics` topics of documents given by their words' counts, a row each; `alpha` below one for few topics in each.
    ///
    /// # Errors
    /// When there are fewer than two topics, `alpha` is not positive, or a count is not a whole number of at least 0.
    pub fn new(counts: Matrix, num_topics: usize, alpha: f64, hidden: &[usize]) -> Result<Topics, String> {
        if num_topics < 2 || !(alpha > 0.0 && alpha.is_finite()) {
            return Err(format!("{num_topics} topics with alpha {alpha}; give two or more, and a positive number"));
        }
        let rows = || (0..counts.num_rows()).map(|r| counts.row(r));
        if let Some(odd) = rows().flatten().find(|c| !(**c >= 0.0 && c.fract() == 0.0 && **c < 1e9)) {
            return Err(format!("{odd} is not a count of words"));
        }
        let lengths: Vec<u32> = rows().map(|r| r.iter().sum::<f64>() as u32).collect();
        let read: Vec<f64> = rows().flatten().map(|c| c.ln_1p()).collect();
        let read = Matrix::new(read, counts.num_columns())?;
        let scale = ((1.0 - 1.0 / num_topics as f64) / alpha).sqrt();
        Ok(Topics {
            counts,
            lengths: IntColumn::new(lengths),
            num_topics,
            scale,
            read,
            hidden: hidden.to_vec(),
            seed: 0,
        })
    }

    /// Chooses the seed of the random weights to start from.
    #[must_use]
    pub fn seed(self, seed: u64) -> Topics {
        Topics { seed, ..self }
    }

    /// The start of the topics: nearly even, and all different.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        InitialWeights::LeCun.theta(layout, Streams::new(self.seed).purpose(1))
    }

    /// The words' probabilities in each topic at `theta`.
    pub fn topics(&self, layout: &Layout, theta: &[f64]) -> Vec<Vec<f64>> {
        let one = |logits: &[f64]| {
            let mut words = logits.to_vec();
            numerics::softmax(&mut words);
            words
        };
        let sites = layout.sites_of(SiteKind::Parameter);
        sites.filter_map(|s| theta.get(s.offset..s.offset + s.num_unconstrained)).map(one).collect()
    }
}

/// `exp(x) / sum_k exp(x_k)`.
fn softmax(x: &Vector) -> Vector {
    let total = x.log_sum_exp();
    x.map(|x| (x - total).exp())
}

impl Model for Topics {
    fn log_joint(&self, p: &LogJoint) {
        let words = self.counts.num_columns();
        let topic = |k: usize| softmax(&p.parameter(&format!("topic{k}"), &[1, words]));
        let topics: Vec<Vector> = (0..self.num_topics).map(topic).collect();
        topics.iter().enumerate().for_each(|(k, topic)| p.derive(&format!("words{k}"), *topic));
        p.rows(self.counts.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), self.num_topics);
            let weights = softmax(&z.map(|z| self.scale * z));
            let share = |k: usize| topics[k].map(|t| t * weights.at(k));
            let probabilities = (1..self.num_topics).fold(share(0), |sum, k| sum.zip(&share(k), |a, b| a + b));
            i.observe(self.counts.at(i).to_vector(), multinomial(self.lengths.at(i), probabilities));
        });
    }
}

impl Guide for Topics {
    fn draw(&self, q: &Guided) {
        let sizes = [&[self.read.num_columns()], &self.hidden[..]].concat();
        let encoder = Perceptron::new(&sizes).start(InitialWeights::Glorot, self.seed.wrapping_mul(3));
        Amortised::new(self.read.clone(), "z", self.num_topics, encoder).draw(q);
    }
}
