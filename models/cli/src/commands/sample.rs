//! The command `jensen sample`: fresh draws of a saved fit.

use super::draws::{Renaming, write_csv};
use super::engine::Wanted;
use super::error::CommandError;
use super::rebuilt::{Instead, Opened};
use super::{engine, network};
use crate::cli::exit::Exit;
use crate::cli::output::{spare, write};
use crate::cli::saved_args::SampleArgs;
use jensen::streams::Streams;
use serde_json::{Map, Value};
use std::io::Write;

/// Purpose of the streams, apart from those of fits.
const SAMPLE: u32 = 0x7361_6d70;

const INSTEAD: Instead = Instead {
    of_others: "draw from a mixture with `jensen predict --simulate`, from an autoencoder with `jensen vae sample`",
    of_own: "draw with `Posterior::resample`",
};

/// Draws that agree with the table of a saved fit, or from its q.
pub(super) fn run(args: &SampleArgs) -> Result<Exit, CommandError> {
    spare(args.out.as_deref(), Some(&args.fit))?;
    let Opened { outcome, note, entry, built } = Opened::read(&args.fit, &INSTEAD)?;
    let (num_draws, streams) = (args.draws.get(), Streams::new(args.seed).purpose(SAMPLE));
    let weighted = outcome.resampling().is_some();
    let wanted = if args.proposal { Wanted::Proposal } else { Wanted::Table { weighted } };
    let drawn = match &built.network {
        Some(network) => network::sample(&**network, outcome.solution(), num_draws, streams).map(|draws| (draws, None)),
        None => engine::sample(&*built.model, &note.family, &outcome, wanted, num_draws, streams),
    };
    let (draws, resampling) = drawn.map_err(|source| CommandError::Engine { model: entry.name.to_string(), source })?;
    let draws = Renaming::new(&built.labels).draws(draws);
    let mut bytes = Vec::new();
    if args.json {
        let list = |(k, name): (usize, &String)| (name.clone(), draws.element(k).into());
        let lists: Map<String, Value> = draws.names.iter().enumerate().map(list).collect();
        bytes = format!("{}\n", Value::Object(lists)).into_bytes();
    } else {
        // Writing into memory does not fail.
        let _ = write_csv(&draws, &mut bytes);
    }
    write(args.out.as_deref(), |out| out.write_all(&bytes))?;
    if let Some(resampling) = resampling.filter(|_| !args.quiet) {
        let _ = writeln!(std::io::stderr(), "draws: {resampling}"); // a closed stream leaves nobody to tell
    }
    Ok(Exit::Success)
}
