//! Latent Dirichlet allocation: documents are mixtures of topics, and topics are distributions of words.
//!
//! ```text
//! z_d ~ N(0, I)    weights_d = softmax(scale z_d)    counts_d ~ Multinomial(length_d, sum_k weights_dk topic_k)
//! ```
//!
//! The words' assignments are summed out, the logistic normal prior has the moments of a Dirichlet one with all
//! concentrations 1/2, topics are parameters, and q of a document's weights is a network that reads its counts.
//! `jensen::mixture::TopicAscent` is the twin with Dirichlet distributions and coordinate ascent.
//!
//! *Source*: Blei, Ng and Jordan (2003), Latent Dirichlet allocation; the network: Srivastava and Sutton (2017),
//! Autoencoding variational inference for topic models.

use super::{Amortised, BuildError, Built, Input};
use jensen::layers;
use jensen::model::{LogJoint, Model};
use jensen::program::Matrix;

/// Topics.
const NUM_TOPICS: usize = 4;
/// Concentration of the topics of a document.
const ALPHA: f64 = 0.5;
/// Hidden units of the network.
const HIDDEN: usize = 32;

/// Topics of documents.
#[derive(Debug, Clone)]
pub struct Topics(layers::Topics);

impl Model for Topics {
    fn log_joint(&self, p: &LogJoint) {
        self.0.log_joint(p);
    }
}

impl Topics {
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
        let model = layers::Topics::new(counts, NUM_TOPICS, ALPHA, &[HIDDEN]).map_err(invalid)?.seed(1);
        let theta = |layout: &jensen::model::Layout, streams| layers::Start::LeCun.theta(layout, streams);
        let network = Amortised { guide: Box::new(model.clone()), theta: Box::new(theta), rate: 0.01 };
        let mut built = Built::new(Topics(model), input.table.num_rows()).amortised(network);
        for k in 0..NUM_TOPICS {
            built = built.label(&format!("words{k}"), names.clone());
        }
        Ok(built)
    }
}
