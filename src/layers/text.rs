//! [`Text`]: an autoencoder of windows of text, character by character.

use super::numbers::{Dense, Numbers};
use super::{Activation, Amortised, GatedCell, InitialWeights, LayerError, Perceptron};
use crate::dist::{categorical_logit, normal};
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model};
use crate::program::{Matrix, Vector};
use crate::streams::{Streams, pick};

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
        num_latents: usize,
        num_states: usize,
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

    /// Chooses the seed of the random weights to start from.
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
    /// let text = Text::new(Matrix::new([0.0, 1.0, 2.0, 1.0], 4)?, 3, 2, 5, &[])?;
    /// let target = Target::new(&text)?;
    /// let written = text.write(target.layout(), &text.theta(target.layout()), &[0.3, -1.0], None)?;
    /// assert!(written.len() == 4 && written.iter().all(|c| *c < 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When `z` is not as long as a code, `uniforms` not as long as a window, or `layout` and `theta` are another model's.
    pub fn write(
        &self,
        layout: &Layout,
        theta: &[f64],
        z: &[f64],
        uniforms: Option<&[f64]>,
    ) -> Result<Vec<usize>, LayerError> {
        let remedy = "give a number for each latent";
        LayerError::unless_equal("z", z.len(), self.num_latents, remedy)?;
        let window = self.one_hot.len();
        let drawn = uniforms.map_or(window, <[f64]>::len);
        LayerError::unless_equal("uniforms", drawn, window, "give a number for each character of a window")?;
        let numbers = Numbers::new(layout, theta)?;
        let start = numbers.dense("start.weights0", "start.bias0", self.num_latents, self.num_states)?;
        let output = numbers.dense("output.weights0", "output.bias0", self.num_states, self.levels)?;
        let cell = Cell::of(&numbers, self.levels, self.num_states)?;
        let mut h: Vec<f64> = start.apply(z).iter().map(|x| x.tanh()).collect();
        let (mut before, mut written) = (vec![0.0; self.levels], Vec::with_capacity(window));
        for place in 0..window {
            h = cell.step(&before, &h);
            let character = chosen(&output.apply(&h), uniforms.map(|u| u[place]));
            before.fill(0.0);
            before[character] = 1.0;
            written.push(character);
        }
        Ok(written)
    }

    /// The start of the decoder's parameters.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        InitialWeights::LeCun.theta(layout, Streams::new(self.seed).purpose(1))
    }
}

/// [`GatedCell`] on plain numbers: of the reset gate, the update gate and the candidate, the layers of input and state.
struct Cell<'a>([(Dense<'a>, Dense<'a>); 3]);

impl<'a> Cell<'a> {
    fn of(numbers: &Numbers<'a>, inputs: usize, states: usize) -> Result<Self, LayerError> {
        let layer = |gate: &str, part: &str, from: usize| {
            let name = |what: &str| format!("cell.{gate}.{part}.{what}");
            numbers.dense(&name("weights"), &name("bias"), from, states)
        };
        let gate = |name: &str| Ok((layer(name, "input", inputs)?, layer(name, "state", states)?));
        Ok(Cell([gate("reset")?, gate("update")?, gate("candidate")?]))
    }

    fn step(&self, x: &[f64], h: &[f64]) -> Vec<f64> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let [reset, update, candidate] = self.0.map(|(input, state)| (input.apply(x), state.apply(h)));
        let next = |j: usize| {
            let (r, u) = (sigmoid(reset.0[j] + reset.1[j]), sigmoid(update.0[j] + update.1[j]));
            let c = (candidate.0[j] + r * candidate.1[j]).tanh();
            c + u * (h[j] - c)
        };
        (0..h.len()).map(next).collect()
    }
}

/// The place of the largest of `logits`, or the one that `uniform` falls on when they are made probabilities.
fn chosen(logits: &[f64], uniform: Option<f64>) -> usize {
    let largest = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
    let Some(uniform) = uniform else { return largest };
    pick(&logits.iter().map(|l| (l - logits[largest]).exp()).collect::<Vec<_>>(), uniform)
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
        let encoder = Perceptron::new(&sizes).start(InitialWeights::LeCun, self.seed.wrapping_mul(3));
        Amortised::new(self.read.clone(), "z", self.num_latents, encoder).draw(q);
    }
}
