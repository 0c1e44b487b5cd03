//! Draws as a table in the form of CmdStan's output files.

use std::io::{self, Write};
use std::path::Path;

use super::{FileError, variables, write_whole};
use crate::posterior::Posterior;
use crate::target::Constrained;

/// Writes [`Posterior::draws`] as CSV, one draw a line: `lp__`, `log_p__`, `log_q__`, then every quantity.
///
/// Names follow CmdStan: `theta.1` is `theta[0]`, `L.2.1` is `L[1,0]`. `lp__` is `log_p__` under the name tools expect.
/// Lines that start with `#` say where the draws come from.
///
/// # Errors
/// When the file cannot be written; there is then no new file.
pub fn write_csv(posterior: &Posterior, path: impl AsRef<Path>) -> Result<(), FileError> {
    let (log_p, log_q) = (posterior.log_p(), posterior.log_q());
    let densities: [(&str, &[f64]); 3] = [("lp__", &log_p), ("log_p__", &log_p), ("log_q__", &log_q)];
    let kind = posterior.resampling().map_or(OF_Q.into(), |resampling| resampling.to_string());
    write_whole(path.as_ref(), |out| write(posterior, &kind, &densities, &posterior.constrained(), out))
}

/// Writes [`Posterior::proposal`], draws of q and around it, in the form of [`write_csv`]; two more columns have the log density
/// of the law that they are of, `log_proposal__`, and the logarithms of their importance weights, all weights adding up to 1,
/// `log_weight__`.
///
/// # Errors
/// When the file cannot be written; there is then no new file.
pub fn write_proposal_csv(posterior: &Posterior, path: impl AsRef<Path>) -> Result<(), FileError> {
    let own = posterior.proposal();
    let log_p = ["lp__", "log_p__"].map(|name| (name, own.log_p()));
    let log_density = own.log_density();
    let rest = [("log_q__", own.log_q()), ("log_proposal__", &log_density[..]), ("log_weight__", own.log_weights())];
    let densities: Vec<(&str, &[f64])> = log_p.into_iter().chain(rest).collect();
    let all_of_q = (0..own.num_draws()).all(|d| own.is_of_q(d));
    let kind = if all_of_q { OF_Q } else { "of q, and of a Student-t around it, in turn" };
    write_whole(path.as_ref(), |out| write(posterior, kind, &densities, own.constrained(), out))
}

const OF_Q: &str = "of q";

fn write(
    posterior: &Posterior,
    kind: &str,
    densities: &[(&str, &[f64])],
    draws: &Constrained,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "# method = variational")?;
    writeln!(out, "# family = {}", posterior.family().replace('\n', " "))?;
    writeln!(out, "# num_samples = {}", draws.num_draws)?;
    writeln!(out, "# seed = {}", posterior.seed())?;
    writeln!(out, "# k_hat = {}", posterior.k_hat())?;
    writeln!(out, "# verdict = {}", posterior.verdict().trust)?;
    writeln!(out, "# draws = {kind}")?;
    let mut header: Vec<String> = densities.iter().map(|(name, _)| (*name).to_owned()).collect();
    for variable in variables(posterior) {
        header.extend((0..variable.len).map(|e| quoted(&dotted(&variable.name, &variable.shape, e))));
    }
    writeln!(out, "{}", header.join(","))?;
    let quantities = (0..draws.names.len()).map(|k| draws.element(k));
    let columns: Vec<&[f64]> = densities.iter().map(|(_, values)| *values).chain(quantities).collect();
    for d in 0..draws.num_draws {
        for (k, column) in columns.iter().enumerate() {
            let comma = if k == 0 { "" } else { "," };
            // The shortest digits that read back as the same number; `nan` and `inf` as CmdStan writes them.
            let x = column[d];
            if x.is_nan() { write!(out, "{comma}nan")? } else { write!(out, "{comma}{x:?}")? }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// CmdStan's name of element `e` in row-major order: indices from one, joined by dots.
fn dotted(name: &str, shape: &[usize], e: usize) -> String {
    let mut indices = vec![0; shape.len()];
    let mut rest = e;
    for (index, n) in indices.iter_mut().zip(shape).rev() {
        (*index, rest) = (rest % n, rest / n);
    }
    indices.iter().fold(name.to_owned(), |name, index| format!("{name}.{}", index + 1))
}

/// A cell in quotes where it needs them.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_cmdstan() {
        assert_eq!(dotted("mu", &[], 0), "mu");
        assert_eq!(dotted("theta", &[8], 7), "theta.8");
        assert_eq!(dotted("L", &[2, 3], 3), "L.2.1");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
