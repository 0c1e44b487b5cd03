//! [`Draws`] and [`RowSet`]: values of the latents, and the rows a pass looks at.

use super::Layout;

/// A block of draws of all latents of a model, in the unconstrained space.
///
/// Numbers of one latent are side by side over the draws: `latents[k * num_draws + d]`, and
/// `row_latents[(k * num_rows + r) * num_draws + d]` with `r` the position in the pass's rows.
///
/// ```
/// use jensen::model::Draws;
/// use jensen::prelude::*;
/// use jensen::target::{LogDensity, Target};
///
/// let target = Target::new(&model(|p| {
///     p.draws("z", normal(0.0, 1.0), 2);
/// }))?;
/// let mut z = Draws::zeros(target.layout(), 0, 3); // no rows, three draws
/// z.set_draw(1, &[0.5, -0.5]);
/// assert_eq!(z.latent(0), [0.0, 0.5, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draws {
    /// Number of draws in the block.
    pub num_draws: usize,
    /// Number of rows of the pass (for row latents).
    pub num_rows: usize,
    /// Real latents, `[latent][draw]`.
    pub latents: Vec<f64>,
    /// Integer latents, `[latent][draw]`.
    pub integers: Vec<u32>,
    /// Real latents of each row, `[latent][row][draw]`.
    pub row_latents: Vec<f64>,
    /// Integer latents of each row, `[latent][row][draw]`.
    pub row_integers: Vec<u32>,
}

impl Draws {
    /// A block of zeros for `num_draws` draws.
    pub fn zeros(layout: &Layout, num_rows: usize, num_draws: usize) -> Self {
        let mut draws = Draws::default();
        draws.resize(layout, num_rows, num_draws);
        draws
    }

    /// Changes the sizes to those of `layout`; allocates only when they grow.
    pub fn resize(&mut self, layout: &Layout, num_rows: usize, num_draws: usize) {
        self.num_draws = num_draws;
        self.num_rows = num_rows;
        self.latents.resize(layout.num_latents * num_draws, 0.0);
        self.integers.resize(layout.num_integers * num_draws, 0);
        self.row_latents.resize(layout.num_row_latents * num_rows * num_draws, 0.0);
        self.row_integers.resize(layout.num_row_integers * num_rows * num_draws, 0);
    }

    /// One draw at a point given as plain numbers.
    pub fn at_point(latents: &[f64]) -> Self {
        Draws { num_draws: 1, latents: latents.to_vec(), ..Draws::default() }
    }

    /// The draws at the places `chosen`, in that order and as often as each is named.
    pub(crate) fn select(&self, chosen: impl Iterator<Item = usize> + Clone) -> Draws {
        fn gather<T: Copy>(lanes: &[T], num_draws: usize, chosen: &(impl Iterator<Item = usize> + Clone)) -> Vec<T> {
            lanes.chunks_exact(num_draws.max(1)).flat_map(|lane| chosen.clone().map(|d| lane[d])).collect()
        }
        let n = self.num_draws;
        Draws {
            num_draws: chosen.clone().count(),
            num_rows: self.num_rows,
            latents: gather(&self.latents, n, &chosen),
            integers: gather(&self.integers, n, &chosen),
            row_latents: gather(&self.row_latents, n, &chosen),
            row_integers: gather(&self.row_integers, n, &chosen),
        }
    }

    /// Number of real latents outside of rows.
    pub fn num_latents(&self) -> usize {
        self.latents.len() / self.num_draws.max(1)
    }

    /// One latent over all draws.
    pub fn latent(&self, k: usize) -> &[f64] {
        &self.latents[k * self.num_draws..(k + 1) * self.num_draws]
    }

    /// Copies the real latents of draw `d` into `out`.
    pub fn copy_draw(&self, d: usize, out: &mut [f64]) {
        for (o, lane) in out.iter_mut().zip(self.latents.chunks_exact(self.num_draws)) {
            *o = lane[d];
        }
    }

    /// Sets the real latents of draw `d` from `values`.
    pub fn set_draw(&mut self, d: usize, values: &[f64]) {
        for (lane, &v) in self.latents.chunks_exact_mut(self.num_draws).zip(values) {
            lane[d] = v;
        }
    }
}

/// Which rows of the data a pass looks at, and how much they count.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSet {
    /// Row numbers; `None` for all rows.
    pub subset: Option<Vec<u32>>,
    /// Multiplies the sum over the rows: `num_rows / batch size` for an unbiased minibatch.
    pub weight: f64,
    /// Whether the terms outside of rows are included.
    pub global_terms: bool,
}

impl RowSet {
    /// Every row once.
    pub fn all() -> Self {
        RowSet { subset: None, weight: 1.0, global_terms: true }
    }

    /// A minibatch of rows out of `num_rows`, weighted so that its expectation is the full sum.
    pub fn minibatch(rows: Vec<u32>, num_rows: usize) -> Self {
        let weight = num_rows as f64 / rows.len().max(1) as f64;
        RowSet { subset: Some(rows), weight, global_terms: true }
    }

    /// Number of rows looked at.
    pub fn len(&self, layout: &Layout) -> usize {
        self.subset.as_ref().map_or(layout.num_rows, Vec::len)
    }
}
