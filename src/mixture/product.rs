//! Columns of different kinds in one component.

use serde::{Deserialize, Serialize};

use super::component::{Component, Generative, SharedParams, kl_all, update_all};
use super::kind::Kind;
use super::saved::{Checked, few};
use super::{Block, MixtureError};
use crate::streams::Stream;

/// Parts that are independent given the component, each with columns of its own.
///
/// ```
/// use jensen::mixture::{BernoulliColumns, DiagonalGaussian, MixedColumns};
/// // Columns 0 and 2 are measurements, column 1 says yes or no.
/// let measured = DiagonalGaussian::new(vec![0.0, 0.0], 1.0, 0.5, vec![0.5, 0.5])?;
/// let mixed = MixedColumns::new(3, [(measured.into(), vec![0, 2]), (BernoulliColumns::new(1, 1.0, 1.0)?.into(), vec![1])])?;
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixedColumns {
    num_columns: usize,
    parts: Vec<(Kind, Vec<usize>)>,
}

impl MixedColumns {
    /// Parts with the columns they explain, out of `num_columns`; columns in no part are ignored.
    ///
    /// # Errors
    /// Without parts, when a part has another number of columns, a column does not exist or is explained twice, and when
    /// a part is itself a product.
    pub fn new(num_columns: usize, parts: impl IntoIterator<Item = (Kind, Vec<usize>)>) -> Result<Self, MixtureError> {
        let parts: Vec<_> = parts.into_iter().collect();
        let mut taken = vec![false; num_columns];
        for (kind, columns) in &parts {
            if matches!(kind, Kind::Product(_)) {
                return Err(MixtureError::setting("parts", "a part of a product is itself a product; list its parts"));
            }
            if columns.len() != kind.num_columns() {
                let (found, expected) = (columns.len(), kind.num_columns());
                return Err(MixtureError::Shape { what: "columns of a part", found, expected });
            }
            for &c in columns {
                if c >= num_columns || std::mem::replace(&mut taken[c], true) {
                    let text = format!("column {c} of {num_columns} is missing or has two parts; give each column one");
                    return Err(MixtureError::setting("parts", text));
                }
            }
        }
        if parts.is_empty() {
            return Err(MixtureError::setting("parts", "a product needs at least one part"));
        }
        Ok(MixedColumns { num_columns, parts })
    }

    /// Each part with where its slice of something starts and ends.
    fn spans(
        &self,
        length: impl Fn(&Kind) -> usize,
    ) -> impl Iterator<Item = (&Kind, &[usize], std::ops::Range<usize>)> {
        let mut start = 0;
        self.parts.iter().map(move |(kind, columns)| {
            let first = start;
            start += length(kind);
            (kind, columns.as_slice(), first..start)
        })
    }

    fn total(&self, length: impl Fn(&Kind) -> usize) -> usize {
        self.parts.iter().map(|(kind, _)| length(kind)).sum()
    }

    fn two(&self, a: fn(&Kind) -> usize, b: fn(&Kind) -> usize) -> impl Iterator<Item = Two<'_>> {
        self.spans(a).zip(self.spans(b)).map(|((kind, columns, a), (_, _, b))| (kind, columns, a, b))
    }
}

/// The same span of each of consecutive slices of `length`, one after the other.
fn gather(values: &[f64], length: usize, span: &std::ops::Range<usize>) -> Vec<f64> {
    values.chunks_exact(length).flat_map(|slice| &slice[span.clone()]).copied().collect()
}

/// Puts what [`gather`] took back.
fn scatter(part: &[f64], values: &mut [f64], length: usize, span: &std::ops::Range<usize>) {
    let slices = values.chunks_exact_mut(length).zip(part.chunks_exact(span.len()));
    slices.for_each(|(slice, part)| slice[span.clone()].copy_from_slice(part));
}

/// A part, its columns, and two spans.
type Two<'a> = (&'a Kind, &'a [usize], std::ops::Range<usize>, std::ops::Range<usize>);

impl Component for MixedColumns {
    fn num_columns(&self) -> usize {
        self.num_columns
    }

    fn num_params(&self) -> usize {
        self.total(Kind::num_params)
    }

    fn num_stats(&self) -> usize {
        self.total(Kind::num_stats)
    }

    fn num_cache(&self) -> usize {
        self.total(Kind::num_cache)
    }

    fn num_scratch(&self, stride: usize) -> usize {
        self.parts.iter().map(|(kind, _)| kind.num_scratch(stride)).max().unwrap_or(0)
    }

    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        self.parts.iter().try_for_each(|(kind, columns)| kind.check(&block.select(columns)))
    }

    fn prior(&self, params: &mut [f64]) {
        self.spans(Kind::num_params).for_each(|(kind, _, span)| kind.prior(&mut params[span]));
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        self.two(Kind::num_params, Kind::num_cache)
            .try_for_each(|(kind, _, p, c)| kind.prepare(&params[p], &mut cache[c]))
    }

    fn log_base(&self, block: &Block, out: &mut [f64]) {
        self.parts.iter().for_each(|(kind, columns)| kind.log_base(&block.select(columns), out));
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        for (kind, columns, span) in self.spans(Kind::num_cache) {
            let space = &mut scratch[..kind.num_scratch(block.stride())];
            kind.log_density(&cache[span], &block.select(columns), out, space);
        }
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        for (kind, columns, c, s) in self.two(Kind::num_cache, Kind::num_stats) {
            let space = &mut scratch[..kind.num_scratch(block.stride())];
            kind.accumulate(&cache[c], &block.select(columns), weights, &mut stats[s], space);
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (kind, _, p, s) in self.two(Kind::num_params, Kind::num_stats) {
            kind.update(&mut params[p], &stats[s], rate);
        }
    }

    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.two(Kind::num_params, Kind::num_cache).map(|(kind, _, p, c)| kind.kl(&params[p], &cache[c])).sum()
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        row.fill(f64::NAN);
        for (kind, columns, span) in self.spans(Kind::num_params) {
            let mut cells = vec![0.0; columns.len()];
            kind.centre(&params[span], &mut cells);
            columns.iter().zip(cells).for_each(|(&c, x)| row[c] = x);
        }
    }

    fn notes(&self) -> Vec<String> {
        self.parts.iter().flat_map(|(kind, _)| kind.notes()).collect()
    }

    fn shared(&self) -> Option<&dyn SharedParams> {
        Some(self)
    }
}

impl SharedParams for MixedColumns {
    fn update_all(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        let (num_params, num_stats) = (self.num_params(), self.num_stats());
        for (kind, _, p, s) in self.two(Kind::num_params, Kind::num_stats) {
            let mut own = gather(params, num_params, &p);
            update_all(kind, &mut own, &gather(stats, num_stats, &s), rate);
            scatter(&own, params, num_params, &p);
        }
    }

    fn kl_all(&self, params: &[f64], caches: &[f64]) -> f64 {
        let (num_params, num_cache) = (self.num_params(), self.num_cache());
        let part = |(kind, _, p, c): Two| kl_all(kind, &gather(params, num_params, &p), &gather(caches, num_cache, &c));
        self.two(Kind::num_params, Kind::num_cache).map(part).sum()
    }
}

impl Generative for MixedColumns {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        let mut parts = self.spans(Kind::num_params);
        parts.try_for_each(|(kind, columns, p)| kind.predictive(&params[p], &block.select(columns), out))
    }

    fn value_names(&self) -> Vec<String> {
        let part = |(p, (kind, _)): (usize, &(Kind, Vec<usize>))| {
            kind.value_names().into_iter().map(move |name| format!("part[{p}].{name}")).collect::<Vec<_>>()
        };
        self.parts.iter().enumerate().flat_map(part).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        for (kind, _, p, v) in self.two(Kind::num_params, Kind::num_values) {
            kind.expectation(&params[p], &mut values[v]);
        }
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let mut parts = self.two(Kind::num_params, Kind::num_values);
        parts.try_for_each(|(kind, _, p, v)| kind.draw(&params[p], stream, &mut values[v]))
    }

    fn draw_all(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let (num_params, num_values) = (self.num_params(), self.total(Kind::num_values));
        for (kind, _, p, v) in self.two(Kind::num_params, Kind::num_values) {
            let mut own = gather(values, num_values, &v);
            kind.draw_all(&gather(params, num_params, &p), stream, &mut own)?;
            scatter(&own, values, num_values, &v);
        }
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        row.fill(f64::NAN);
        for (kind, columns, span) in self.spans(Kind::num_values) {
            let mut cells = vec![0.0; columns.len()];
            kind.sample(&values[span], stream, &mut cells)?;
            columns.iter().zip(cells).for_each(|(&c, x)| row[c] = x);
        }
        Ok(())
    }
}

impl Checked for MixedColumns {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("columns", self.num_columns)?;
        self.parts.iter().try_for_each(|(kind, _)| kind.check_prior())?;
        MixedColumns::new(self.num_columns, self.parts.clone()).map(|_| ())
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        self.spans(Kind::num_params).try_for_each(|(kind, _, span)| kind.check_params(&params[span]))
    }
}
