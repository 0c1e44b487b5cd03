//! `jensen vae encode`, `decode`, `sample` and `interpolate`: a saved fit put to use.

use super::error::VaeError;
use super::figures::{samples, tiles, way};
use super::network::{BLOCK, Network};
use super::saved::Saved;
use super::{engine_options, rules};
use crate::cli::exit::Exit;
use crate::cli::output::{print, printed, write_atomic};
use crate::cli::vae_args::{DecodeArgs, EncodeArgs, InterpolateArgs, VaeCommand, VaeDataArgs, VaeSampleArgs};
use crate::commands::CommandError;
use crate::data::Table;
use crate::data::images::streamed::{Block, StreamedImages, is_large};
use crate::data::images::{Images, Rules};
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub(super) fn run(command: &VaeCommand) -> Result<Exit, CommandError> {
    match command {
        VaeCommand::Encode(args) => encode(args),
        VaeCommand::Decode(args) => decode(args),
        VaeCommand::Sample(args) => sample(args),
        VaeCommand::Interpolate(args) => interpolate(args),
    }?;
    Ok(Exit::Success)
}

fn encode(args: &EncodeArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit)?;
    let num_latents = network.architecture.num_latents;
    let names = |what: &str| (1..=num_latents).map(|k| format!("{what}{k}")).collect::<Vec<_>>().join(",");
    let header = format!("row,{},{}\n", names("z"), names("sd"));
    match args.data.data.as_deref() {
        Some(path) if is_large(path) => encode_in_blocks(args, &saved, &network, &header),
        _ => {
            let images = images(&saved, &args.data)?;
            write(args.out.as_deref(), &(header + &lines(&network, &images.values, 0)?))
        }
    }
}

/// A line for each row of `values`, the first of which has the number `first` from 0.
fn lines(network: &Network, values: &[f64], first: usize) -> Result<String, VaeError> {
    let codes = network.encode(values)?;
    let rows = codes.mean.chunks_exact(codes.num_latents).zip(codes.sd.chunks_exact(codes.num_latents));
    let line = |(row, (mean, sd))| format!("{},{},{}\n", first + row + 1, cells(mean), cells(sd));
    Ok(rows.enumerate().map(line).collect())
}

/// The same for a large file, block by block.
fn encode_in_blocks(args: &EncodeArgs, saved: &Saved, network: &Network, header: &str) -> Result<(), CommandError> {
    let Some(path) = args.data.data.as_deref() else { return Ok(()) };
    let images = StreamedImages::open(path, &rules_of(saved, &args.data), BLOCK).map_err(VaeError::from)?;
    check(saved, &images.about)?;
    let each = |out: &mut dyn Write| -> std::io::Result<()> {
        out.write_all(header.as_bytes())?;
        let mut block = Block::default();
        for index in 0..images.num_blocks() {
            images.read(index, &mut block).map_err(std::io::Error::other)?;
            let text = lines(network, &block.values, index * BLOCK).map_err(std::io::Error::other)?;
            out.write_all(text.as_bytes())?;
        }
        out.flush()
    };
    match args.out.as_deref() {
        Some(path) => Ok(write_atomic(path, each)?),
        None => Ok(printed(each(&mut std::io::stdout().lock()))?),
    }
}

fn decode(args: &DecodeArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit)?;
    let table = Table::read(&args.codes)?;
    let names: Vec<String> = (1..=network.architecture.num_latents).map(|k| format!("z{k}")).collect();
    let codes = table.matrix(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    show(&saved, &network.decode(&codes)?, args.out.as_deref())
}

fn sample(args: &VaeSampleArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit)?;
    show(&saved, &samples(&network, args.draws.get(), args.seed)?, args.out.as_deref())
}

fn interpolate(args: &InterpolateArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit)?;
    let images = images(&saved, &args.data)?;
    let row = |number: usize| match number <= images.num_rows() {
        true => Ok(images.row(number - 1)),
        false => Err(VaeError::Row { file: images.file.clone(), row: number, rows: images.num_rows() }),
    };
    let (from, to) = (row(args.from.get())?, row(args.to.get())?);
    show(&saved, &way(&network, from, to, args.steps as usize)?, args.out.as_deref())
}

fn read(path: &Path) -> Result<(Saved, Network), CommandError> {
    let saved = Saved::read(path)?;
    let network = saved.network(engine_options(None));
    Ok((saved, network))
}

/// The images as the fit takes them.
fn images(saved: &Saved, args: &VaeDataArgs) -> Result<Images, VaeError> {
    let images = Images::read(args.data.as_deref(), &rules_of(saved, args))?;
    check(saved, &images)?;
    Ok(images)
}

fn rules_of(saved: &Saved, args: &VaeDataArgs) -> Rules {
    let rules = rules(args, saved.architecture.likelihood);
    Rules { threshold: rules.threshold.or(saved.data.threshold), ..rules }
}

fn check(saved: &Saved, images: &Images) -> Result<(), VaeError> {
    let (file, found, expected) = (images.file.clone(), images.num_pixels, saved.architecture.num_pixels);
    if found == expected { Ok(()) } else { Err(VaeError::Pixels { file, found, expected }) }
}

/// Images as CSV, or as a picture where the file's name asks for one.
fn show(saved: &Saved, values: &[f64], out: Option<&Path>) -> Result<(), CommandError> {
    let num_pixels = saved.architecture.num_pixels;
    let ending = out.and_then(Path::extension).and_then(|e| e.to_str()).map(str::to_lowercase);
    let picture = || {
        let count = values.len() / num_pixels;
        let columns = if count <= 16 { count } else { (count as f64).sqrt().ceil() as usize };
        tiles(&saved.data, num_pixels, columns, values)
    };
    match (ending.as_deref(), out) {
        (Some("png"), Some(path)) => {
            let bytes = picture().png()?;
            Ok(write_atomic(path, |file| file.write_all(&bytes))?)
        }
        (Some("svg"), Some(path)) => write(Some(path), &picture().svg("images of a variational autoencoder")?),
        _ => {
            let names: Vec<String> = (0..num_pixels).map(|p| format!("p{p}")).collect();
            let mut text = names.join(",") + "\n";
            values.chunks_exact(num_pixels).for_each(|row| text += &(cells(row) + "\n"));
            write(out, &text)
        }
    }
}

fn cells(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(",")
}

fn write(out: Option<&Path>, text: &str) -> Result<(), CommandError> {
    match out {
        Some(path) => Ok(write_atomic(path, |file| file.write_all(text.as_bytes()))?),
        None => Ok(print(std::io::stdout(), text)?),
    }
}
