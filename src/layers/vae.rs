//! [`Vae`]: the variational autoencoder.

use super::numbers::Numbers;
use super::{
    Activation, Amortised, CategoricalEncoder, Encoder, InitialWeights, LayerError, Network, Perceptron, PriorCluster,
    Units,
};
use crate::dist::{bernoulli_logit, categorical, categorical_logit, mixture_logit, normal, normals};
use crate::family::{FamilyError, Guide, Guided, Product, TracedFamily};
use crate::model::{Layout, LogJoint, Model, Row};
use crate::numerics::softmax;
use crate::program::{Matrix, Real, Vector};
use crate::streams::Streams;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How a row's numbers vary around the decoder's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Likelihood {
    /// Zeros and ones; the decoder gives logits.
    #[default]
    Bernoulli,
    /// Real numbers; the decoder gives means, and one log standard deviation is learnt for all, `ln_sd`.
    Gaussian,
    /// Categories, numbered from 0; the decoder gives a logit of each, and the encoder reads zeros and ones.
    Categorical {
        /// Number of categories of a cell.
        levels: usize,
    },
}

/// `z_i ~ N(0, I)`, `x_i ~ p(x | decoder(z_i))`, with an [`Encoder`] for q(z_i | x_i): both a model and a guide.
///
/// The latent is the site `z`; the decoder's parameters are the model's theta, and start at [`Vae::theta`].
/// [`ExactKl`](crate::estimate::ExactKl) takes the KL in closed form, with a weight beta and free nats; other estimators
/// average the prior's part over the draws.
///
/// ```
/// use jensen::layers::{Likelihood, Vae};
/// use jensen::program::Matrix;
/// use jensen::target::{LogDensity, Target};
///
/// let pixels: Vec<f64> = (0..120).map(|k| f64::from((k / 6 + k % 6) % 3 == 0)).collect();
/// let model = Vae::new(Matrix::new(pixels, 6)?, 2, &[8], Likelihood::Bernoulli);
/// assert_eq!(Target::new(&model)?.layout().num_rows, 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Source*: Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix C.
#[derive(Clone, Debug)]
pub struct Vae {
    data: Matrix,
    num_latents: usize,
    likelihood: Likelihood,
    hidden: Vec<usize>,
    activation: Activation,
    encoder: Option<Arc<dyn Encoder>>,
    given: Option<Matrix>,
    clusters: Option<usize>,
    classes: usize,
    units: Option<Units>,
    start: InitialWeights,
    seed: u64,
}

impl Vae {
    /// An autoencoder of `data`'s rows with `num_latents` latents and hidden layers of these sizes on both sides.
    ///
    /// The decoder's hidden layers are the encoder's in reverse; none makes both linear.
    pub fn new(data: Matrix, num_latents: usize, hidden: &[usize], likelihood: Likelihood) -> Vae {
        Vae {
            data,
            num_latents,
            likelihood,
            hidden: hidden.to_vec(),
            activation: Activation::Relu,
            encoder: None,
            given: None,
            clusters: None,
            classes: 0,
            units: None,
            start: InitialWeights::He,
            seed: 0,
        }
    }

    /// Chooses the activation of the hidden layers of both networks.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Vae {
        Vae { activation, ..self }
    }

    /// Another encoder of `z` than a perceptron; it reads a row as numbers, categories as zeros and a one for each, and
    /// what is given behind them.
    #[must_use]
    pub fn encoder(self, encoder: impl Encoder + 'static) -> Vae {
        Vae { encoder: Some(Arc::new(encoder)), ..self }
    }

    /// Chooses the random weights to start from.
    #[must_use]
    pub fn start(self, start: InitialWeights, seed: u64) -> Vae {
        Vae { start, seed, ..self }
    }

    /// Both networks also read these rows of `given`: a model of `p(x | given)`.
    ///
    /// *Source*: Sohn, Lee and Yan 2015, "Learning structured output representation", the conditional model with a standard
    /// normal prior.
    #[must_use]
    pub fn conditioned_on(self, given: Matrix) -> Vae {
        Vae { given: Some(given), ..self }
    }

    /// A mixture of `clusters` normals with learnt weights, means and sds as the prior, in place of `N(0, I)`.
    ///
    /// The cluster is summed out; [`Vae::cluster_probabilities`] has its probabilities at a code. Parameters
    /// `prior.logits`, `prior.mean0`, `prior.ln_sd0`, ..
    ///
    /// *Source*: Jiang et al. 2017, "Variational deep embedding", equations 1 to 6; departure: the cluster is summed out and
    /// not a part of q.
    #[must_use]
    pub fn clusters(self, clusters: usize) -> Vae {
        Vae { clusters: Some(clusters.max(1)), ..self }
    }

    /// A latent of each row beside `z` that is one of `classes`, all alike in the prior: the integer `class`, which the
    /// decoder reads as zeros and a one. With no latents in `z` the code is the class alone.
    ///
    /// q is [`Vae::mixed_family`], and [`Hybrid`](crate::estimate::Hybrid) has its gradients: by the score function
    /// (`LeaveOneOut`, unbiased), relaxed (`GumbelSoftmax`, biased, or `Rebar`), or summed out row by row
    /// (`LocalExpectation`).
    ///
    /// *Source*: Jang, Gu and Poole 2017, section 4; here z and class are independent given x.
    #[must_use]
    pub fn classes(self, classes: usize) -> Vae {
        Vae { classes, ..self }
    }

    /// Both networks of a Gaussian autoencoder work in these units, so that it starts at the data's own place and width:
    /// the encoder reads `(x - centre) / scale`, the decoder gives `centre + scale * out`, and `ln_sd` is that of `x / scale`.
    /// The bound stays that of the data as they are. Another likelihood has no units.
    #[must_use]
    pub fn in_units(self, units: Units) -> Vae {
        let units = (self.likelihood == Likelihood::Gaussian).then_some(units);
        Vae { units, ..self }
    }

    /// The decoder's output in the units of the data.
    fn in_data_units(&self, out: Vector) -> Vector {
        match &self.units {
            Some(units) => out.map(|out| Vector::constant(&units.centre).lanes() + units.scale * out),
            None => out,
        }
    }

    /// q(z | x) q(class | x) of an autoencoder with [`classes`](Vae::classes), by two networks of the same hidden layers.
    ///
    /// # Errors
    /// When the model has no classes, or `layout` is another model's.
    pub fn mixed_family(&self, layout: &Layout) -> Result<Product<TracedFamily, CategoricalEncoder>, FamilyError> {
        let read = self.read();
        let sizes = [&[read.num_columns()], &self.hidden[..]].concat();
        let seed = self.seed.wrapping_mul(2).wrapping_add(7);
        let trunk = Perceptron::new(&sizes).activation(self.activation).start(self.start, seed);
        let classes = CategoricalEncoder::new(&read, layout, &trunk)?;
        Ok(Product::new(TracedFamily::new(self, &layout.without_integers())?, classes))
    }

    /// The start of the decoder's parameters.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        self.start.theta(layout, Streams::new(self.seed.wrapping_mul(2).wrapping_add(1)))
    }

    /// The decoder alone, for `num_rows` codes: the same theta, a standard normal z, and no data.
    ///
    /// Zeros and a one for the class, and what a conditional autoencoder is given, come behind the latents of `z`.
    pub fn generator(&self, num_rows: usize) -> Generator {
        Generator { vae: self.clone(), num_rows }
    }

    /// The clusters of the prior at `theta`; none without clusters.
    ///
    /// # Errors
    /// When `layout` and `theta` are another model's.
    pub fn prior_clusters(&self, layout: &Layout, theta: &[f64]) -> Result<Vec<PriorCluster>, LayerError> {
        let Some(clusters) = self.clusters else { return Ok(Vec::new()) };
        let numbers = Numbers::new(layout, theta)?;
        let mut weights = numbers.part("prior.logits", clusters)?.to_vec();
        softmax(&mut weights);
        let one = |(k, weight): (usize, f64)| {
            let part = |name: &str| numbers.part(&format!("prior.{name}{k}"), self.num_latents);
            let sd = part("ln_sd")?.iter().map(|s| s.exp()).collect();
            Ok(PriorCluster { weight, mean: part("mean")?.to_vec(), sd })
        };
        weights.into_iter().enumerate().map(one).collect()
    }

    /// The probabilities of the clusters at the code `z`; empty without clusters.
    ///
    /// # Errors
    /// When `z` is not as long as a code, or `layout` and `theta` are another model's.
    pub fn cluster_probabilities(&self, layout: &Layout, theta: &[f64], z: &[f64]) -> Result<Vec<f64>, LayerError> {
        LayerError::unless_equal("z", z.len(), self.num_latents, "give a number for each latent")?;
        Ok(PriorCluster::probabilities(&self.prior_clusters(layout, theta)?, z))
    }

    /// Numbers that the decoder gives for a row.
    fn num_outputs(&self) -> usize {
        match self.likelihood {
            Likelihood::Categorical { levels } => levels * self.data.num_columns(),
            _ => self.data.num_columns(),
        }
    }

    /// Numbers that the decoder reads behind those of `z`.
    fn num_behind(&self) -> usize {
        self.classes + self.num_given()
    }

    fn num_given(&self) -> usize {
        self.given.as_ref().map_or(0, Matrix::num_columns)
    }

    /// Declares theta: the decoder, and the standard deviation of a Gaussian likelihood.
    fn declare(&self, p: &LogJoint) -> (Network, Option<Real>) {
        let back: Vec<usize> = self.hidden.iter().rev().copied().collect();
        let sizes = [&[self.num_latents + self.num_behind()], &back[..], &[self.num_outputs()]].concat();
        let decoder = Perceptron::new(&sizes).activation(self.activation).of_model(p, "decoder");
        let scale = self.units.as_ref().map_or(1.0, |units| units.scale);
        let sd = match self.likelihood {
            Likelihood::Gaussian => Some(p.parameter("ln_sd", &[]).at(0).exp() * scale),
            _ => None,
        };
        (decoder, sd)
    }

    /// Logits, means and sds of the clusters.
    fn declare_prior(&self, p: &LogJoint) -> Option<(Vector, Vec<(Vector, Vector)>)> {
        let clusters = self.clusters?;
        let logits = p.parameter("prior.logits", &[clusters]);
        let component = |k: usize| {
            let mean = p.parameter(&format!("prior.mean{k}"), &[1, self.num_latents]);
            (mean, p.parameter(&format!("prior.ln_sd{k}"), &[self.num_latents]).map(|s| s.exp()))
        };
        Some((logits, (0..clusters).map(component).collect()))
    }

    /// What the encoder reads: zeros and ones for categories, and what is given beside the row.
    fn read(&self) -> Matrix {
        let (data, given) = (&self.data, self.given.as_ref());
        let as_it_is = self.units.is_none() && !matches!(self.likelihood, Likelihood::Categorical { .. });
        if self.num_given() == 0 && as_it_is {
            return data.clone();
        }
        let mut read = Vec::new();
        for row in 0..data.num_rows() {
            match self.likelihood {
                Likelihood::Categorical { levels } => {
                    let of = |x: &f64| (0..levels).map(move |l| f64::from(*x == l as f64)).collect::<Vec<_>>();
                    read.extend(data.row(row).iter().flat_map(of));
                }
                _ => match &self.units {
                    Some(units) => {
                        read.extend(data.row(row).iter().zip(&units.centre).map(|(x, c)| (x - c) / units.scale));
                    }
                    None => read.extend_from_slice(data.row(row)),
                },
            }
            read.extend_from_slice(given.map_or(&[][..], |g| g.row(row)));
        }
        let columns = self.num_outputs() + self.num_given();
        // Too few rows of what is given leave a table of another size: the model says so when it is recorded.
        Matrix::new(read, columns).unwrap_or_else(|_| data.clone())
    }
}

/// `z_i ~ N(0, I)` and the derived `x`, the mean of x_i given z_i (of categories the logits): what a [`Vae`] decodes.
///
/// ```
/// use jensen::layers::{Likelihood, Vae};
/// use jensen::model::{Draws, RowSet};
/// use jensen::program::Matrix;
/// use jensen::target::{LogDensity, Target};
///
/// let vae = Vae::new(Matrix::new([0.0, 1.0, 1.0], 3)?, 2, &[4], Likelihood::Bernoulli);
/// let decoder = Target::new(&vae.generator(1))?;
/// let z = Draws { num_draws: 1, num_rows: 1, row_latents: vec![0.5, -1.0], ..Draws::default() };
/// let theta = vae.theta(decoder.layout());
/// let decoded = decoder.constrained_rows(&theta, &z, &RowSet::all());
/// assert!(decoded.named("x[2]").is_some_and(|p| 0.0 < p[0] && p[0] < 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    vae: Vae,
    num_rows: usize,
}

impl Model for Generator {
    fn log_joint(&self, p: &LogJoint) {
        let (decoder, _) = self.vae.declare(p);
        p.rows(self.num_rows, |i| {
            let out = decoder.apply(&i.draws("z", normal(0.0, 1.0), self.vae.num_latents + self.vae.num_behind()));
            p.derive(
                "x",
                match self.vae.likelihood {
                    Likelihood::Bernoulli => Activation::Sigmoid.apply(&out),
                    _ => self.vae.in_data_units(out),
                },
            );
        });
    }
}

impl Model for Vae {
    fn log_joint(&self, p: &LogJoint) {
        let ((decoder, sd), prior) = (self.declare(p), self.declare_prior(p));
        p.rows(self.data.num_rows(), |i| {
            let z = match &prior {
                _ if self.num_latents == 0 => Vector::constant(&[]),
                None => i.draws("z", normal(0.0, 1.0), self.num_latents),
                Some((logits, components)) => {
                    let components = components.iter().map(|(mean, sd)| normals(*mean, *sd)).collect();
                    i.draw("z", mixture_logit(*logits, components))
                }
            };
            let mut code = z.elements();
            code.extend(self.draw_class(i));
            if let Some(given) = &self.given {
                code.extend(given.at(i).to_vector().elements());
            }
            let z = Vector::new(&code);
            let (x, out) = (self.data.at(i).to_vector(), self.in_data_units(decoder.apply(&z)));
            match (self.likelihood, sd) {
                (Likelihood::Categorical { levels }, _) => self.observe_categories(i, &out, levels),
                (_, None) => i.observe_each(&x, &out, bernoulli_logit),
                (_, Some(sd)) => i.observe_each(&x, &out, |mean| normal(mean, sd)),
            }
        });
    }
}

impl Vae {
    /// Draws the class of a row, where there are classes, as zeros and a one.
    fn draw_class(&self, i: &Row) -> Vec<Real> {
        if self.classes == 0 {
            return Vec::new();
        }
        let even = vec![1.0 / self.classes as f64; self.classes];
        let class = i.draw_integer("class", categorical(Vector::constant(&even)));
        (0..self.classes).map(|k| class.equal_to(k as u32).select(1.0, 0.0)).collect()
    }

    #[track_caller]
    fn observe_categories(&self, i: &Row, out: &Vector, levels: usize) {
        let (x, logits) = (self.data.at(i), out.elements());
        for (pixel, logits) in logits.chunks_exact(levels.max(1)).enumerate() {
            i.observe(x.at(pixel), categorical_logit(Vector::new(logits)));
        }
    }
}

impl Guide for Vae {
    fn draw(&self, q: &Guided) {
        if self.num_latents == 0 {
            return;
        }
        let read = self.read();
        let perceptron = || -> Arc<dyn Encoder> {
            let sizes = [&[read.num_columns()], &self.hidden[..]].concat();
            // Three nets take a seed each: the hidden layers and the two on top.
            let seed = self.seed.wrapping_mul(2).wrapping_mul(3);
            Arc::new(Perceptron::new(&sizes).activation(self.activation).start(self.start, seed))
        };
        let encoder = self.encoder.clone().unwrap_or_else(perceptron);
        Amortised::shared(read, "z", self.num_latents, encoder).draw(q);
    }
}
