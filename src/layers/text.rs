//! [`Text`]: an autoencoder of windows of text, character by character.

use super::{Activation, Amortised, GatedCell, Perceptron, Start};
use crate::dist::{categorical_logit, normal};
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model};
use crate::program::{Matrix, Vector};
use crate::streams::Streams;

/// `z_i ~ N(0, I)`, `h_0 = tanh(start(z_i))`, `h_t = cell(x_(t-1), h_(t-1))`, `x_t ~ Categorical(output(h_t))`: a gated
/// recurrent decoder that reads the characters before, with a [`Perceptron`] that encodes the whole window; both a model and a guide.
///
/// Characters are numbers from 0 to below `levels`; the first of a window is given nothing but `z`. The cell's weights
/// learn what follows what, so that `z` may stay unused: the KL says how much it holds.
///
/// *Source*: Bowman et al. 2016, "Generating sentences from a continuous space", section 3; departures: characters in
/// windows of one length, a gated recurrent cell in the place of their long short-term memory, no dropout of words.
#[derive(Clone, Debug)]
pub struct Text {
    /// Of each place: the characters.
    characters: Matrix,
    /// Of each place: zeros and a one for its character.
    one_hot: Vec<Matrix>,
    levels: usize,
    num_states: usize,
    /// Zeros and ones of a whole window.
    read: Matrix,
    hidden: Vec<usize>,
    num_latents: usize,
    seed: u64,
}

impl Text {
    /// Windows of characters, a row each, with `num_latents` latents, `num_states` numbers in the cell, and hidden layers
    /// of these sizes in the encoder.
    ///
    /// # Errors
    /// When a character is not a whole number below `levels`.
    pub fn new(
        characters: Matrix,
        levels: usize,
        (num_latents, num_states): (usize, usize),
        hidden: &[usize],
    ) -> Result<Text, String> {
        let window = characters.num_columns();
        for row in 0..characters.num_rows() {
            let is_level = |c: &f64| *c >= 0.0 && *c < levels as f64 && c.fract() == 0.0;
            if let Some(odd) = characters.row(row).iter().find(|c| !is_level(c)) {
                return Err(format!("row {row} holds {odd}, which is none of the {levels} characters from 0"));
            }
        }
        let place = |t: usize| {
            let rows = (0..characters.num_rows()).map(|r| characters.row(r)[t]);
            let cells: Vec<f64> = rows.flat_map(|c| (0..levels).map(move |l| f64::from(c == l as f64))).collect();
            Matrix::new(cells, levels)
        };
        let one_hot: Vec<Matrix> = (0..window).map(place).collect::<Result<_, _>>()?;
        let read: Vec<f64> =
            (0..characters.num_rows()).flat_map(|r| one_hot.iter().flat_map(move |m| m.row(r)).copied()).collect();
        let (read, hidden) = (Matrix::new(read, window * levels)?, hidden.to_vec());
        Ok(Text { characters, one_hot, levels, num_states, read, hidden, num_latents, seed: 0 })
    }

    /// Other random weights to start from.
    #[must_use]
    pub fn seed(self, seed: u64) -> Text {
        Text { seed, ..self }
    }

    /// The characters that the decoder at `theta` writes from the code `z`: at each place the most probable one, or the one
    /// that the place's number of `uniforms` (from 0 to 1) falls on.
    ///
    /// ```
    /// use jensen::layers::Text;
    /// use jensen::program::Matrix;
    /// use jensen::target::{LogDensity, Target};
    ///
    /// let text = Text::new(Matrix::new([0.0, 1.0, 2.0, 1.0], 4)?, 3, (2, 5), &[])?;
    /// let target = Target::new(&text)?;
    /// let written = text.write(target.layout(), &text.theta(target.layout()), &[0.3, -1.0], None);
    /// assert!(written.len() == 4 && written.iter().all(|c| *c < 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, layout: &Layout, theta: &[f64], z: &[f64], uniforms: Option<&[f64]>) -> Vec<usize> {
        let part = |name: &str| {
            let site = layout.site(name);
            site.and_then(|s| theta.get(s.offset..s.offset + s.num_unconstrained)).unwrap_or(&[])
        };
        let dense = |layer: &str, x: &[f64], end: &str| -> Vec<f64> {
            let (weights, bias) = (part(&format!("{layer}.weights{end}")), part(&format!("{layer}.bias{end}")));
            let rows = weights.chunks_exact(x.len().max(1)).zip(bias);
            rows.map(|(w, b)| b + w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
        };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut h: Vec<f64> = dense("start", z, "0").iter().map(|x| x.tanh()).collect();
        let mut before = vec![0.0; self.levels];
        let mut written = Vec::with_capacity(self.one_hot.len());
        for place in 0..self.one_hot.len() {
            let gate = |name: &str| {
                let of_input = dense(&format!("cell.{name}.input"), &before, "");
                (of_input, dense(&format!("cell.{name}.state"), &h, ""))
            };
            let (reset, update, candidate) = (gate("reset"), gate("update"), gate("candidate"));
            let next = |j: usize| {
                let (r, u) = (sigmoid(reset.0[j] + reset.1[j]), sigmoid(update.0[j] + update.1[j]));
                let c = (candidate.0[j] + r * candidate.1[j]).tanh();
                c + u * (h[j] - c)
            };
            h = (0..h.len()).map(next).collect();
            let chosen = pick(&dense("output", &h, "0"), uniforms.and_then(|u| u.get(place)).copied());
            before.fill(0.0);
            before[chosen] = 1.0;
            written.push(chosen);
        }
        written
    }

    /// The start of the decoder's parameters.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        Start::LeCun.theta(layout, Streams::new(self.seed).purpose(1))
    }
}

/// The place of the largest of `logits`, or the one that `uniform` falls on when they are made probabilities.
fn pick(logits: &[f64], uniform: Option<f64>) -> usize {
    let largest = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
    let Some(uniform) = uniform else { return largest };
    let exp: Vec<f64> = logits.iter().map(|l| (l - logits[largest]).exp()).collect();
    let mut left = uniform * exp.iter().sum::<f64>();
    let found = exp.iter().position(|e| {
        left -= e;
        left < 0.0
    });
    found.unwrap_or(largest)
}

impl Model for Text {
    fn log_joint(&self, p: &LogJoint) {
        let start = Perceptron::new(&[self.num_latents, self.num_states]).of_model(p, "start");
        let output = Perceptron::new(&[self.num_states, self.levels]).of_model(p, "output");
        let cell = GatedCell::of_model(p, "cell", self.levels, self.num_states);
        p.rows(self.characters.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), self.num_latents);
            let mut h = Activation::Tanh.apply(&start.apply(&z));
            let mut before = Vector::constant(&vec![0.0; self.levels]);
            for (t, one_hot) in self.one_hot.iter().enumerate() {
                h = cell.step(&before, &h);
                i.observe(self.characters.at(i).at(t), categorical_logit(output.apply(&h)));
                before = one_hot.at(i).to_vector();
            }
        });
    }
}

impl Guide for Text {
    fn draw(&self, q: &Guided) {
        let sizes = [&[self.read.num_columns()], &self.hidden[..]].concat();
        let encoder = Perceptron::new(&sizes).start(Start::LeCun, self.seed.wrapping_mul(3));
        Amortised::new(self.read.clone(), "z", self.num_latents, encoder).draw(q);
    }
}
