//! ArviZ InferenceData as JSON, for `arviz.from_json`.

use std::io::{self, Write};
use std::path::Path;

use super::{FileError, variables, write_whole};
use crate::posterior::{Posterior, RowLogLikelihood};
use crate::target::Replicated;

/// Groups beside `posterior` and `sample_stats`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Groups<'a> {
    /// `log_likelihood`, which `arviz.loo` and `arviz.waic` read.
    pub log_likelihood: Option<&'a RowLogLikelihood>,
    /// `posterior_predictive` and `observed_data`.
    pub predictive: &'a [Replicated],
}

/// Writes InferenceData as JSON: [`Posterior::draws`] as one chain, log p and log q of each, k-hat and the verdict as
/// attributes, and the `groups` given. Where the table is weighted the draws are resampled, since no tool weights them,
/// and attributes say from how many and how many of them are distinct.
///
/// Numbers that are not finite are written as Python's `json` reads them: `NaN`, `Infinity`, `-Infinity`.
///
/// # Errors
/// When the file cannot be written; there is then no new file.
pub fn write_arviz(posterior: &Posterior, groups: &Groups, path: impl AsRef<Path>) -> Result<(), FileError> {
    write_whole(path.as_ref(), |out| write(posterior, groups, out))
}

fn write(posterior: &Posterior, groups: &Groups, out: &mut dyn Write) -> io::Result<()> {
    let draws = posterior.constrained();
    let n = draws.num_draws;
    out.write_all(b"{\"posterior\":{")?;
    for (k, variable) in variables(posterior).iter().enumerate() {
        let values = &draws.values[variable.first * n..(variable.first + variable.len) * n];
        write_chain(out, k, &variable.name, &variable.shape, values, n)?;
    }
    out.write_all(b"},\"sample_stats\":{")?;
    for (k, (name, values)) in [("lp", posterior.log_p()), ("log_q", posterior.log_q())].iter().enumerate() {
        write_chain(out, k, name, &[], values, n)?;
    }
    out.write_all(b"}")?;
    if let Some(rows) = groups.log_likelihood {
        out.write_all(b",\"log_likelihood\":{")?;
        write_chain(out, 0, "rows", &[rows.num_rows], &rows.values, rows.num_draws)?;
        out.write_all(b"}")?;
    }
    write_predictive(out, groups.predictive)?;
    write_attributes(posterior, out)?;
    out.write_all(b"}\n")
}

fn write_predictive(out: &mut dyn Write, replicated: &[Replicated]) -> io::Result<()> {
    if replicated.is_empty() {
        return Ok(());
    }
    out.write_all(b",\"posterior_predictive\":{")?;
    for (k, site) in replicated.iter().enumerate() {
        write_chain(out, k, &site.name, &site.shape(), &site.values, site.num_draws)?;
    }
    out.write_all(b"},\"observed_data\":{")?;
    for (k, site) in replicated.iter().enumerate() {
        key(out, k, &site.name)?;
        nested(out, &site.shape(), &mut |out, e| number(out, site.observed[e]))?;
    }
    out.write_all(b"}")
}

fn write_attributes(posterior: &Posterior, out: &mut dyn Write) -> io::Result<()> {
    let (bound, verdict) = (posterior.bound(), posterior.verdict());
    out.write_all(b",\"posterior_attrs\":{\"inference_library\":\"jensen\",\"family\":")?;
    serde_json::to_writer(&mut *out, posterior.family())?;
    write!(out, ",\"seed\":{},\"verdict\":", posterior.seed())?;
    serde_json::to_writer(&mut *out, &verdict.to_string())?;
    let numbers = [
        ("elbo", bound.elbo.value),
        ("elbo_mcse", bound.elbo.mcse),
        ("log_evidence", bound.log_evidence.value),
        ("log_evidence_mcse", bound.log_evidence.mcse),
        ("k_hat", posterior.k_hat()),
    ];
    for (name, value) in numbers {
        write!(out, ",\"{name}\":")?;
        number(out, value)?;
    }
    if let Some(resampling) = posterior.resampling() {
        write!(out, ",\"num_proposals\":{},\"num_distinct\":{}", resampling.num_proposals, resampling.num_distinct)?;
    }
    out.write_all(b"},\"sample_stats_attrs\":{\"inference_library\":\"jensen\",\"k_hat\":")?;
    number(out, posterior.k_hat())?;
    out.write_all(b"}")
}

/// `"name":[[draw, draw, ..]]` with each draw nested by `shape`; `values` is `[element][draw]`.
fn write_chain(
    out: &mut dyn Write,
    place: usize,
    name: &str,
    shape: &[usize],
    values: &[f64],
    num_draws: usize,
) -> io::Result<()> {
    key(out, place, name)?;
    out.write_all(b"[[")?;
    for d in 0..num_draws {
        if d > 0 {
            out.write_all(b",")?;
        }
        nested(out, shape, &mut |out, e| number(out, values[e * num_draws + d]))?;
    }
    out.write_all(b"]]")
}

fn key(out: &mut dyn Write, place: usize, name: &str) -> io::Result<()> {
    if place > 0 {
        out.write_all(b",")?;
    }
    serde_json::to_writer(&mut *out, name)?;
    out.write_all(b":")
}

/// Row-major brackets around the elements of `shape`.
fn nested(
    out: &mut dyn Write,
    shape: &[usize],
    element: &mut dyn FnMut(&mut dyn Write, usize) -> io::Result<()>,
) -> io::Result<()> {
    fn level(
        out: &mut dyn Write,
        shape: &[usize],
        first: usize,
        element: &mut dyn FnMut(&mut dyn Write, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some((&n, inner)) = shape.split_first() else { return element(out, first) };
        let size: usize = inner.iter().product();
        out.write_all(b"[")?;
        for k in 0..n {
            if k > 0 {
                out.write_all(b",")?;
            }
            level(out, inner, first + k * size, element)?;
        }
        out.write_all(b"]")
    }
    level(out, shape, 0, element)
}

fn number(out: &mut dyn Write, x: f64) -> io::Result<()> {
    match x {
        x if x.is_nan() => out.write_all(b"NaN"),
        f64::INFINITY => out.write_all(b"Infinity"),
        f64::NEG_INFINITY => out.write_all(b"-Infinity"),
        x => write!(out, "{x:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_follow_the_shape() {
        let mut text = Vec::new();
        nested(&mut text, &[2, 3], &mut |out, e| write!(out, "{e}")).unwrap();
        assert_eq!(text, b"[[0,1,2],[3,4,5]]");
        let mut text = Vec::new();
        nested(&mut text, &[], &mut |out, e| number(out, e as f64 - f64::INFINITY)).unwrap();
        assert_eq!(text, b"-Infinity");
    }
}
