//! `jensen sample`.

use super::built::build;
use super::engine::Wanted;
use super::error::CommandError;
use super::report::Renaming;
use super::saved::SavedFit;
use super::{engine, network};
use crate::cli::args::SampleArgs;
use crate::cli::exit::Exit;
use crate::cli::output::write;
use jensen::streams::Streams;
use serde_json::{Map, Value};
use std::io::Write;

/// Purpose of the streams, apart from those of fits.
const SAMPLE: u32 = 0x7361_6d70;

/// Draws that agree with the table of a saved fit, or from its q.
pub(super) fn run(args: &SampleArgs) -> Result<Exit, CommandError> {
    let saved = SavedFit::read(&args.fit)?;
    saved.source.check()?;
    // What was left out, the fit has said.
    let (entry, built) = build(&saved.report.model, saved.source.file.as_deref(), &saved.source.options(), true)?;
    let (num_draws, streams) = (args.draws.get(), Streams::new(args.seed).purpose(SAMPLE));
    let weighted = saved.report.weighted;
    let wanted = if args.proposal { Wanted::Proposal } else { Wanted::Table { weighted } };
    let drawn = match &built.network {
        Some(network) => network::sample(&**network, &saved.posterior, num_draws, streams).map(|draws| (draws, None)),
        None => engine::sample(&*built.model, &saved.posterior, wanted, num_draws, streams),
    };
    let (mut draws, resampling) =
        drawn.map_err(|source| CommandError::Engine { model: entry.name.to_string(), source })?;
    Renaming::new(&built.labels).draws(&mut draws);
    let mut bytes = Vec::new();
    if args.json {
        let lists = draws.names.iter().zip(&draws.values);
        let lists: Map<String, Value> = lists.map(|(name, values)| (name.clone(), values.clone().into())).collect();
        bytes = format!("{}\n", Value::Object(lists)).into_bytes();
    } else {
        // Writing into memory does not fail.
        let _ = draws.write_csv(&mut bytes);
    }
    write(args.out.as_deref(), |out| out.write_all(&bytes))?;
    if let Some(resampling) = resampling.filter(|_| !args.quiet) {
        let _ = writeln!(std::io::stderr(), "draws: {resampling}"); // a closed stream leaves nobody to tell
    }
    Ok(Exit::Success)
}
