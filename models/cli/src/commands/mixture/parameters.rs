//! The posterior of the parameters, as CSV: what each is, and draws.

use jensen::mixture::{MixtureError, MixtureFitted};
use std::io::{self, Write};

/// Draws behind the lines of [`write()`].
const DRAWS: usize = 4000;

/// Writes mean, standard deviation and 90% interval of every parameter of the occupied components, counted from 1;
/// `names` are those of the parameters of one component.
///
/// # Errors
/// Those of the stream, and, as one of kind `Other`, a covariance without draws.
pub fn write(fitted: &MixtureFitted, names: &[String], seed: u64, out: &mut dyn Write) -> io::Result<()> {
    let k = fitted.num_components();
    let lines = fitted.summary(DRAWS, seed).map_err(io::Error::other)?;
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["component", "quantity", "mean", "sd", "q5", "q95"])?;
    for c in 0..fitted.occupied_components() {
        let own = lines.iter().skip(k + c * names.len());
        for (name, line) in [("weight", &lines[c])].into_iter().chain(names.iter().map(String::as_str).zip(own)) {
            let figures = [line.mean, line.sd, line.interval[0], line.interval[1]].map(|x| x.to_string());
            table.write_record([(c + 1).to_string(), name.to_string()].into_iter().chain(figures))?;
        }
    }
    table.flush()
}

/// Writes `num_draws` draws: a line for each occupied component of each draw, with its weight and its parameters.
///
/// # Errors
/// As [`write()`].
pub fn write_draws(
    fitted: &MixtureFitted,
    names: &[String],
    num_draws: usize,
    seed: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let draws = fitted.draws(num_draws, seed).map_err(|e: MixtureError| io::Error::other(e))?;
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["draw", "component", "weight"].into_iter().chain(names.iter().map(String::as_str)))?;
    for (d, draw) in draws.iter().enumerate() {
        for (c, (weight, values)) in
            draw.weights.iter().zip(&draw.values).take(fitted.occupied_components()).enumerate()
        {
            let cells = [(d + 1).to_string(), (c + 1).to_string(), weight.to_string()];
            table.write_record(cells.into_iter().chain(values.iter().map(f64::to_string)))?;
        }
    }
    table.flush()
}
