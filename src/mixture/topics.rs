//! [`TopicAscent`]: latent Dirichlet allocation by coordinate ascent.

use serde::{Deserialize, Serialize};

use super::MixtureError;
use super::error::positive;
use super::weights::dirichlet_kl;
use crate::algorithm::{Algorithm, FitError, Step};
use crate::numerics::Lane;
use crate::program::Matrix;
use crate::streams::Streams;

/// Rounds of a document's own coordinate ascent in a step, and the change of a weight at which they end.
const ROUNDS: usize = 50;
const ENOUGH: f64 = 1e-4;

/// `weights_d ~ Dirichlet(alpha, ..)`, `topic_k ~ Dirichlet(eta, ..)`, each word of a document of a topic of its own:
/// `q = prod_d Dirichlet(gamma_d) prod_k Dirichlet(lambda_k)` and a categorical q for every word, by coordinate ascent.
///
/// A step brings every document's `gamma` to rest at the topics of now, reports the bound
///
/// ```text
/// sum_dw n_dw ln sum_k exp(E[ln weights_dk] + E[ln topic_kw]) - sum_d KL(gamma_d || alpha) - sum_k KL(lambda_k || eta)
/// ```
///
/// of the words as a sequence (no multinomial coefficients), and moves the topics. The bound never falls. What
/// [`Topics`](crate::layers::Topics) is by a network, for corpora of which a pass over all documents is cheap:
/// O(words present x topics) a round.
///
/// ```
/// use jensen::fit::{MaxSteps, run};
/// use jensen::algorithm::Algorithm;
/// use jensen::mixture::TopicAscent;
/// use jensen::program::Matrix;
///
/// // Two documents about the first two words, two about the last two.
/// let counts = Matrix::new([9.0, 8.0, 0.0, 0.0, 7.0, 9.0, 1.0, 0.0, 0.0, 0.0, 9.0, 9.0, 0.0, 1.0, 8.0, 7.0], 4)?;
/// let topics = TopicAscent::new(&counts, 2, 0.5, 0.1)?.seed(1);
/// let mut state = topics.init()?;
/// run(&topics, &mut state, &mut MaxSteps(50), &mut ())?;
/// let weights = state.weights(0);
/// assert!(weights[0].max(weights[1]) > 0.9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Source*: Blei, Ng and Jordan 2003, "Latent Dirichlet allocation", section 5 with the smoothing of 5.4; the bound as
/// in Hoffman, Blei and Bach 2010, equation 4, with each word's q at its optimum put in.
#[derive(Clone, Debug)]
pub struct TopicAscent<'a> {
    counts: &'a Matrix,
    num_topics: usize,
    alpha: f64,
    eta: f64,
    seed: u64,
    tolerance: f64,
}

/// The Dirichlet parameters of documents and topics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicState {
    /// Dirichlet parameters of each topic's words, `[topic][word]`.
    pub lambda: Vec<Vec<f64>>,
    /// Dirichlet parameters of each document's topics, `[document][topic]`.
    pub gamma: Vec<Vec<f64>>,
    step: u64,
    bound: Option<f64>,
}

impl TopicState {
    /// The mean of each topic's probabilities of words.
    pub fn topics(&self) -> Vec<Vec<f64>> {
        self.lambda.iter().map(|l| shares(l)).collect()
    }

    /// The mean of a document's weights of topics.
    pub fn weights(&self, document: usize) -> Vec<f64> {
        shares(&self.gamma[document])
    }

    /// The bound of the last step.
    pub fn bound(&self) -> Option<f64> {
        self.bound
    }
}

fn shares(params: &[f64]) -> Vec<f64> {
    let total: f64 = params.iter().sum();
    params.iter().map(|p| p / total).collect()
}

/// `exp(E[ln x])` under a Dirichlet.
fn exp_mean_log(params: &[f64]) -> Vec<f64> {
    let total = params.iter().sum::<f64>().digamma();
    params.iter().map(|p| (p.digamma() - total).exp()).collect()
}

/// A document's present words with their counts.
type Words = Vec<(usize, f64)>;

impl<'a> TopicAscent<'a> {
    /// `num_topics` topics of documents given by their words' counts, a row each.
    ///
    /// # Errors
    /// Without topics, for a concentration that is not positive, or a count that is not a whole number of at least 0.
    pub fn new(counts: &'a Matrix, num_topics: usize, alpha: f64, eta: f64) -> Result<Self, MixtureError> {
        if num_topics == 0 {
            return Err(MixtureError::setting("topics", "no topics; give one or more"));
        }
        let (alpha, eta) = (positive("alpha", alpha)?, positive("eta", eta)?);
        for row in 0..counts.num_rows() {
            if let Some(odd) = counts.row(row).iter().find(|c| !(**c >= 0.0 && c.fract() == 0.0 && c.is_finite())) {
                return Err(MixtureError::setting(
                    "rows",
                    format!("row {row} holds {odd}, which is not a count of words"),
                ));
            }
        }
        Ok(TopicAscent { counts, num_topics, alpha, eta, seed: 0, tolerance: 1e-4 })
    }

    /// Seed of the topics to start from.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        TopicAscent { seed, ..self }
    }

    /// Rise of the bound, in nats, below which a fit has arrived; 1e-4 unless said otherwise.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        TopicAscent { tolerance, ..self }
    }

    fn words(&self, document: usize) -> Words {
        self.counts.row(document).iter().copied().enumerate().filter(|(_, n)| *n > 0.0).collect()
    }

    /// Brings a document's `gamma` to rest at the topics `beta = exp E[ln topic]`, adds its words' shares to `lambda`,
    /// and returns its part of the bound.
    fn document(&self, words: &Words, beta: &[Vec<f64>], gamma: &mut [f64], lambda: &mut [Vec<f64>]) -> f64 {
        let mut theta = exp_mean_log(gamma);
        for _ in 0..ROUNDS {
            let mut next = vec![self.alpha; gamma.len()];
            for &(w, n) in words {
                let total: f64 = theta.iter().zip(beta).map(|(t, b)| t * b[w]).sum();
                next.iter_mut().zip(&theta).zip(beta).for_each(|((g, t), b)| *g += n * t * b[w] / total);
            }
            let change = gamma.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            gamma.copy_from_slice(&next);
            theta = exp_mean_log(gamma);
            if change < ENOUGH {
                break;
            }
        }
        let mut bound = -dirichlet_kl(gamma, self.alpha);
        for &(w, n) in words {
            let total: f64 = theta.iter().zip(beta).map(|(t, b)| t * b[w]).sum();
            bound += n * total.ln();
            lambda.iter_mut().zip(&theta).zip(beta).for_each(|((l, t), b)| l[w] += n * t * b[w] / total);
        }
        bound
    }
}

impl Algorithm for TopicAscent<'_> {
    type State = TopicState;
    type Output = TopicState;

    fn init(&self) -> Result<TopicState, FitError> {
        let num_words = self.counts.num_columns();
        let mut uniform = vec![0.0; self.num_topics * num_words];
        Streams::new(self.seed).fill_uniform(1, &mut uniform);
        // All topics near the even one, each a little different.
        let scale = self.counts.num_rows() as f64 / self.num_topics as f64;
        let lambda = uniform.chunks_exact(num_words).map(|u| u.iter().map(|u| self.eta + scale * (0.5 + u)).collect());
        let gamma = vec![vec![self.alpha + 1.0; self.num_topics]; self.counts.num_rows()];
        Ok(TopicState { lambda: lambda.collect(), gamma, step: 0, bound: None })
    }

    fn step(&self, state: &mut TopicState) -> Result<Step, FitError> {
        let beta: Vec<Vec<f64>> = state.lambda.iter().map(|l| exp_mean_log(l)).collect();
        let mut bound = -state.lambda.iter().map(|l| dirichlet_kl(l, self.eta)).sum::<f64>();
        let mut lambda = vec![vec![self.eta; self.counts.num_columns()]; self.num_topics];
        for (d, gamma) in state.gamma.iter_mut().enumerate() {
            bound += self.document(&self.words(d), &beta, gamma, &mut lambda);
        }
        if !bound.is_finite() {
            return Err(FitError::setting(
                "eta",
                "the bound is not finite: a word's probability underflows; raise eta",
            ));
        }
        let rise = state.bound.map(|before| bound - before);
        (state.lambda, state.bound, state.step) = (lambda, Some(bound), state.step + 1);
        let converged = rise.filter(|r| *r < self.tolerance);
        Ok(Step { converged, evaluations: self.counts.num_rows() as u64, ..Step::new(state.step, bound) })
    }

    fn output(&self, state: &TopicState) -> TopicState {
        state.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One topic: the weights are one, and the topic's posterior is the conjugate one with its exact evidence.
    #[test]
    fn a_single_topic_is_the_conjugate_posterior() {
        let counts = Matrix::new([3.0, 0.0, 1.0, 2.0, 2.0, 0.0], 3).unwrap();
        let ascent = TopicAscent::new(&counts, 1, 0.7, 0.5).unwrap();
        let mut state = ascent.init().unwrap();
        for _ in 0..3 {
            ascent.step(&mut state).unwrap();
        }
        assert_eq!(state.lambda, [[5.5, 2.5, 1.5]]);
        // ln B(5.5, 2.5, 1.5) - ln B(0.5, 0.5, 0.5), by Gamma(1/2) = sqrt(pi) and its recurrence.
        let half = std::f64::consts::PI.sqrt();
        let gamma = |n: u32| (0..n).map(|k| 0.5 + f64::from(k)).product::<f64>() * half;
        // Gamma(9.5) / Gamma(1.5) is the product of 1.5, 2.5, .., 8.5.
        let ratio: f64 = (0..8).map(|k| 1.5 + f64::from(k)).product();
        let exact = (gamma(5) * gamma(2) * gamma(1) / half.powi(3) / ratio).ln();
        assert!((state.bound().unwrap() - exact).abs() < 1e-9, "{:?} for {exact}", state.bound());
    }

    #[test]
    fn the_bound_never_falls() {
        let counts: Vec<f64> =
            (0..30 * 8).map(|k| f64::from((k * 7 % 11) as u32 / 3 * u32::from(k % 3 != 0))).collect();
        let counts = Matrix::new(counts, 8).unwrap();
        let ascent = TopicAscent::new(&counts, 3, 0.4, 0.2).unwrap().seed(2);
        let mut state = ascent.init().unwrap();
        let bounds: Vec<f64> = (0..40).filter_map(|_| ascent.step(&mut state).ok()?.objective).collect();
        assert_eq!(bounds.len(), 40);
        // Documents come to rest within 1e-4 of a weight, far below this.
        assert!(bounds.windows(2).all(|b| b[1] > b[0] - 1e-3), "{bounds:?}");
        assert!(bounds[39] > bounds[0] + 10.0);
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let counts = Matrix::new([1.0, 0.5], 2).unwrap();
        assert!(TopicAscent::new(&counts, 2, 1.0, 1.0).unwrap_err().to_string().contains("row 0 holds 0.5"));
        let counts = Matrix::new([1.0, 2.0], 2).unwrap();
        assert!(TopicAscent::new(&counts, 0, 1.0, 1.0).is_err());
        assert!(TopicAscent::new(&counts, 2, 0.0, 1.0).unwrap_err().to_string().contains("alpha is 0"));
    }
}
