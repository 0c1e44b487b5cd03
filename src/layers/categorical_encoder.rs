//! [`CategoricalEncoder`]: q(k | x) of the integers of rows by a network.

use super::{Activation, Perceptron};
use crate::family::scratch::Pool;
use crate::family::{
    CategoricalFactors, Discrete, Family, FamilyError, Guide, Guided, IndependentNormals, Integer, NormalMoments,
    TracedFamily,
};
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::numerics::softmax;
use crate::program::{Matrix, Vector};
use crate::streams::Streams;

/// `q(k_i | x_i) = softmax(logits(x_i))` for every integer of a row: a network reads the row's data, and one linear layer for
/// each integer gives the logits of its values.
///
/// The gradients of [`CategoricalFactors`] serve it: `LeaveOneOut`, `LocalExpectation`, `GumbelSoftmax`, `Rebar` and the others.
/// Beside real latents put it behind them in a [`Product`](crate::family::Product), whose real family is recorded for
/// [`Layout::without_integers`]. Parameters `encoder.*` and `SITE.*`, whatever the number of rows.
///
/// *Cost*: draws, `log_q`, `score` and `LocalExpectation` take one pass of the network over the rows; methods that ask for
/// the probabilities of one latent at a time take one small pass for each row.
#[derive(Debug)]
pub struct CategoricalEncoder {
    logits: TracedFamily,
    /// The integers alone, as a model without real latents has them.
    integers: Layout,
    /// Values of each integer of a row.
    num_values: Vec<usize>,
    first_row: usize,
    scratch: Pool<Scratch>,
}

#[derive(Default)]
struct Scratch {
    /// Families of the integers of this many rows, whose parameters are the logits.
    inner: Vec<(usize, CategoricalFactors)>,
    moments: NormalMoments,
    bar: NormalMoments,
    logits: Vec<f64>,
    grad: Vec<f64>,
}

/// The logits as the means of a guide.
struct Logits<'a> {
    data: &'a Matrix,
    trunk: &'a Perceptron,
    activation: Activation,
    heads: Vec<(String, Perceptron)>,
}

impl Guide for Logits<'_> {
    fn draw(&self, q: &Guided) {
        let trunk = self.trunk.of_guide(q, "encoder");
        let heads: Vec<_> = self.heads.iter().map(|(name, head)| (name, head.of_guide(q, name))).collect();
        q.rows(|i| {
            let mut h = trunk.apply(&self.data.at(i).to_vector());
            if !trunk.is_empty() {
                h = self.activation.apply(&h);
            }
            for (name, head) in &heads {
                let logits = head.apply(&h);
                i.normals(name, &logits, &Vector::constant(&vec![1.0; logits.len()]));
            }
        });
    }
}

impl CategoricalEncoder {
    /// An encoder of `data`'s rows for the integers of the rows of `layout`; `trunk` has the sizes of input and hidden
    /// layers, and the input alone makes the logits linear.
    ///
    /// # Errors
    /// When the model has integers outside of rows or none in them, or one without an upper bound.
    pub fn new(data: &Matrix, layout: &Layout, trunk: &Perceptron) -> Result<Self, FamilyError> {
        let setting = |words: &str| FamilyError::setting("layout", words);
        if layout.num_integers > 0 {
            return Err(setting(
                "the model has integers outside of rows, which no row tells of; use `CategoricalFactors`",
            ));
        }
        let mut integers = layout.clone();
        integers.sites.retain(|s| s.kind == SiteKind::RowInteger);
        integers.sites.sort_by_key(|s| s.offset);
        (integers.num_latents, integers.num_row_latents, integers.first_row) = (0, 0, 0);
        if integers.sites.is_empty() {
            return Err(setting("the model has no integers in rows to encode; use an `Encoder` for its real latents"));
        }
        let (mut pseudo, mut num_values) = (integers.clone(), Vec::new());
        (pseudo.num_row_integers, pseudo.first_row) = (0, layout.first_row);
        // `CategoricalFactors` refuses ranges without an end.
        CategoricalFactors::new(&integers)?;
        for site in &mut pseudo.sites {
            let count = site.range.map_or(1, |(low, high)| (high - low) as usize + 1);
            (site.kind, site.range, site.shape) = (SiteKind::RowLatent, None, vec![count]);
            (site.offset, site.num_unconstrained) = (pseudo.num_row_latents, count);
            pseudo.num_row_latents += count;
            num_values.push(count);
        }
        let head = |k: usize| trunk.head(num_values[k], 1 + k as u64);
        let heads = pseudo.sites.iter().enumerate().map(|(k, s)| (s.name.clone(), head(k))).collect();
        let guide = Logits { data, trunk, activation: trunk.between(), heads };
        let logits = TracedFamily::new(&guide, &pseudo)?;
        let first_row = layout.first_row;
        Ok(CategoricalEncoder { logits, integers, num_values, first_row, scratch: Pool::default() })
    }

    /// Runs the network over `rows` and `read` with the family of their integers, its parameters, its rows and a
    /// gradient of zeros in them.
    fn with<R>(
        &self,
        params: &[f64],
        rows: &RowSet,
        read: impl FnOnce(&CategoricalFactors, &[f64], &RowSet, &mut [f64]) -> R,
    ) -> (R, Scratch) {
        let mut own = self.scratch.with(std::mem::take);
        let n = rows.len(&self.integers);
        self.logits.normals(params, rows, &mut own.moments);
        own.logits.resize(own.moments.mean.len(), 0.0);
        let Scratch { moments, logits, .. } = &mut own;
        self.each_place(n, |inner, outer| logits[inner] = moments.mean[outer]);
        let at = match own.inner.iter().position(|(rows, _)| *rows == n) {
            Some(at) => at,
            None => {
                let layout = Layout { num_rows: n, ..self.integers.clone() };
                // Held to be possible when the encoder was made; an empty family draws nothing.
                own.inner.extend(CategoricalFactors::new(&layout).ok().map(|family| (n, family)));
                own.inner.len() - 1
            }
        };
        own.grad.clear();
        own.grad.resize(own.logits.len(), 0.0);
        let all = RowSet { subset: None, weight: rows.weight, global_terms: rows.global_terms };
        let result = read(&own.inner[at].1, &own.logits, &all, &mut own.grad);
        (result, own)
    }

    /// Calls `visit` with the place of each logit in the inner family, `[site][row][value]`, and among the means,
    /// `[site][value][row]`.
    fn each_place(&self, rows: usize, mut visit: impl FnMut(usize, usize)) {
        let mut first = 0;
        for &values in &self.num_values {
            for row in 0..rows {
                (0..values).for_each(|v| visit(first + row * values + v, first + v * rows + row));
            }
            first += values * rows;
        }
    }

    fn keep(&self, own: Scratch) {
        self.scratch.with(|space| *space = own);
    }

    /// Carries a gradient in the logits back to the parameters.
    fn pull(&self, params: &[f64], rows: &RowSet, mut own: Scratch, grad: &mut [f64]) {
        own.bar.clear(own.moments.mean.len());
        let Scratch { bar, grad: of_logits, .. } = &mut own;
        self.each_place(rows.len(&self.integers), |inner, outer| bar.mean[outer] = of_logits[inner]);
        self.logits.pull_normals(params, rows, &own.bar, grad);
        self.keep(own);
    }

    /// The row of one latent of a pass, as a pass of its own, and the number of its site.
    fn row_of(&self, rows: &RowSet, latent: usize) -> (RowSet, usize) {
        let n = rows.len(&self.integers).max(1);
        let (site, position) = (latent / n, latent % n);
        let row = rows.subset.as_ref().map_or((self.first_row + position) as u32, |s| s[position]);
        (RowSet { subset: Some(vec![row]), weight: 1.0, global_terms: false }, site)
    }
}

impl Family for CategoricalEncoder {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        let own = |l: &Layout| (l.num_integers, l.num_row_integers, l.num_rows);
        if layout.num_latents + layout.num_row_latents > 0 {
            return CategoricalFactors::new(&self.integers)?.covers(layout);
        }
        if own(layout) == own(&self.integers) {
            Ok(())
        } else {
            Err(FamilyError::setting("layout", "the encoder was made for another model"))
        }
    }

    fn num_params(&self) -> usize {
        self.logits.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let (_, own) = self.with(params, rows, |inner, logits, all, _| inner.sample(logits, all, streams, z));
        self.keep(own);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let (_, own) = self.with(params, rows, |inner, logits, all, _| inner.log_q(logits, all, z, log_q));
        self.keep(own);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let (_, own) = self.with(params, rows, |inner, logits, all, bar| inner.score(logits, all, z, weights, bar));
        self.pull(params, rows, own, grad);
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let (entropy, own) = self.with(params, rows, |inner, logits, all, _| inner.entropy(logits, all));
        self.keep(own);
        entropy
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        let add = |inner: &CategoricalFactors, logits: &[f64], all: &RowSet, bar: &mut [f64]| {
            inner.add_entropy_gradient(logits, all, weight, bar);
        };
        let (_, own) = self.with(params, rows, add);
        self.pull(params, rows, own, grad);
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        self.logits.init(centre, scale)
    }

    fn centre(&self, _: &[f64]) -> Vec<f64> {
        Vec::new()
    }

    fn name(&self) -> String {
        "categorical encoder".into()
    }
}

impl Discrete for CategoricalEncoder {
    fn num_integers(&self) -> usize {
        0
    }

    fn num_row_integers(&self) -> usize {
        self.num_values.len()
    }

    fn num_latents(&self, rows: &RowSet) -> usize {
        self.num_values.len() * rows.len(&self.integers)
    }

    fn integer(&self, rows: &RowSet, latent: usize) -> Integer {
        let n = rows.len(&self.integers).max(1);
        let low = self.integers.sites[latent / n].range.map_or(0, |(low, _)| low);
        Integer { low, num_values: self.num_values[latent / n], place: latent, in_rows: true }
    }

    fn probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, out: &mut Vec<f64>) {
        let (one, site) = self.row_of(rows, latent);
        let (_, own) = self.with(params, &one, |inner, logits, all, _| inner.probabilities(logits, all, site, out));
        self.keep(own);
    }

    fn pull_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, p_bar: &[f64], grad: &mut [f64]) {
        let (one, site) = self.row_of(rows, latent);
        let pull = |inner: &CategoricalFactors, logits: &[f64], all: &RowSet, bar: &mut [f64]| {
            inner.pull_probabilities(logits, all, site, p_bar, bar);
        };
        let (_, own) = self.with(params, &one, pull);
        self.pull(params, &one, own, grad);
    }

    fn pull_log_probabilities(&self, params: &[f64], rows: &RowSet, latent: usize, bar: &[f64], grad: &mut [f64]) {
        let (one, site) = self.row_of(rows, latent);
        let pull = |inner: &CategoricalFactors, logits: &[f64], all: &RowSet, of_logits: &mut [f64]| {
            inner.pull_log_probabilities(logits, all, site, bar, of_logits);
        };
        let (_, own) = self.with(params, &one, pull);
        self.pull(params, &one, own, grad);
    }

    fn all_probabilities(&self, params: &[f64], rows: &RowSet, out: &mut Vec<f64>) -> bool {
        let (n, num_values) = (rows.len(&self.integers), &self.num_values);
        let normalise = |_: &CategoricalFactors, logits: &[f64], _: &RowSet, _: &mut [f64]| {
            out.clear();
            out.extend_from_slice(logits);
            let mut rest = &mut out[..];
            for &values in num_values {
                let (site, others) = rest.split_at_mut(n * values);
                site.chunks_exact_mut(values).for_each(|p| {
                    softmax(p);
                });
                rest = others;
            }
        };
        let (_, own) = self.with(params, rows, normalise);
        self.keep(own);
        true
    }

    fn pull_all_log_probabilities(&self, params: &[f64], rows: &RowSet, bar: &[f64], grad: &mut [f64]) -> bool {
        let (n, num_values) = (rows.len(&self.integers), &self.num_values);
        let pull = |inner: &CategoricalFactors, logits: &[f64], all: &RowSet, of_logits: &mut [f64]| {
            let mut first = 0;
            for latent in 0..num_values.len() * n {
                let values = num_values[latent / n];
                inner.pull_log_probabilities(logits, all, latent, &bar[first..first + values], of_logits);
                first += values;
            }
        };
        let (_, own) = self.with(params, rows, pull);
        self.pull(params, rows, own, grad);
        true
    }
}
