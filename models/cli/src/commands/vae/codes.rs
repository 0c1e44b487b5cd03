//! `jensen vae encode`, `decode`, `sample` and `interpolate`: a saved fit put to use.

use super::architecture::batch;
use super::error::VaeError;
use super::figures::{characters, tiles, way};
use super::saved::Saved;
use super::settings::engine;
use super::{options, text};
use crate::cli::exit::Exit;
use crate::cli::output::{self, spare};
use crate::cli::plot::Tiles;
use crate::cli::vae_args::{DecodeArgs, EncodeArgs, InterpolateArgs, VaeCommand, VaeDataArgs, VaeSampleArgs};
use crate::commands::error::CommandError;
use jensen::amortised::autoencoder::{Autoencoder, Batch, TrainedAutoencoder};
use jensen::export::write_whole;
use jensen::streams::Streams;
use jensen_models::data::DataTable;
use jensen_models::data::images::streamed::{ImageBlock, StreamedImages, is_large};
use jensen_models::data::images::{Categories, Images, Rules};
use std::io::Write;
use std::path::Path;

/// Rows that are encoded or decoded at a time.
const BLOCK_ROWS: usize = 4096;
/// Numbers of codes that are held at most, and pixels of a picture.
const MOST_NUMBERS: usize = 50_000_000;
const MOST_PIXELS: usize = 25_000_000;

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
    let (saved, network) = read(&args.fit, args.out.as_deref(), args.data.data.as_deref())?;
    let Autoencoder { num_latents, classes, clusters, .. } = saved.architecture.autoencoder;
    let numbered = |what: &'static str, count: usize| (1..=count).map(move |k| format!("{what}{k}"));
    let mut names = vec!["row".to_string()];
    names.extend(numbered("z", num_latents).chain(numbered("sd", num_latents)));
    if classes + clusters > 0 {
        names.push(if classes > 0 { "class" } else { "cluster" }.to_string());
    }
    names.extend(numbered("p", classes));
    let header = names.join(",") + "\n";
    match args.data.data.as_deref() {
        Some(path) if is_large(path) => {
            let rows = saved.architecture.most_rows().min(BLOCK_ROWS);
            let images = StreamedImages::open(path, &rules_of(&saved, &args.data)?, rows).map_err(VaeError::from)?;
            check(&saved, &images.about)?;
            let names = renumbered(&saved, &images.about)?;
            let mut block = ImageBlock::default();
            let blocks = (0..images.num_blocks()).map(|index| {
                images.read(index, &mut block)?;
                let labels: Vec<u32> =
                    block.rows.labels.iter().filter_map(|l| names.get(*l as usize).copied()).collect();
                lines(&network, Batch { values: &block.rows.values, labels: &labels }, index * rows)
            });
            write_parts(args.out.as_deref(), &header, blocks)
        }
        _ => {
            let images = images(&saved, &args.data)?;
            let (count, num_pixels, rows) = (images.num_rows(), images.num_pixels, saved.architecture.most_rows());
            let blocks = (0..count).step_by(rows.min(BLOCK_ROWS)).map(|first| {
                let end = (first + rows.min(BLOCK_ROWS)).min(count);
                let labels = if images.labels.is_empty() { &[] } else { &images.labels[first..end] };
                let pixels = &images.values[first * num_pixels..end * num_pixels];
                lines(&network, Batch { values: pixels, labels }, first)
            });
            write_parts(args.out.as_deref(), &header, blocks)
        }
    }
}

/// A line for each row of `batch`, the first of which has the number `first` from 0.
fn lines(network: &TrainedAutoencoder, batch: Batch, first: usize) -> Result<String, VaeError> {
    let codes = network.encode(batch)?;
    let groups = network.groups(&codes)?;
    let line = |row: usize| {
        let (mean, sd) = codes.row(row);
        let mut numbers = [&[(first + row + 1) as f64], mean, sd].concat();
        numbers.extend(groups.get(row).map(|g| (g + 1) as f64));
        numbers.extend_from_slice(codes.class(row));
        cells(&numbers) + "\n"
    };
    Ok((0..codes.num_rows).map(line).collect())
}

fn decode(args: &DecodeArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit, args.out.as_deref(), Some(&args.codes))?;
    let table = DataTable::read(&args.codes)?;
    let Autoencoder { num_latents, classes, .. } = &saved.architecture.autoencoder;
    let given = &saved.architecture.names.given;
    let rows = table.num_rows();
    let latents = match num_latents {
        0 => Vec::new(),
        _ => {
            let names: Vec<String> = (1..=*num_latents).map(|k| format!("z{k}")).collect();
            table.matrix(&names.iter().map(String::as_str).collect::<Vec<_>>())?
        }
    };
    let class: Vec<usize> = match classes {
        0 => vec![0; rows],
        classes => one_to(&table, "class", *classes)?,
    };
    let of: Vec<usize> = match given {
        None => vec![0; rows],
        Some(given) => {
            let (levels, names) = table.categories(&given.column)?;
            let places = given.places(table.file(), &names)?;
            levels.iter().map(|l| places[*l as usize] as usize).collect()
        }
    };
    let one = |row: usize| network.code(&latents[row * num_latents..(row + 1) * num_latents], class[row], of[row]);
    show(&saved, &network, &(0..rows).flat_map(one).collect::<Vec<_>>(), None, args.out.as_deref())
}

/// A column of whole numbers from 1 to `most`, counted from 0.
fn one_to(table: &DataTable, name: &str, most: usize) -> Result<Vec<usize>, CommandError> {
    let values = table.real(name)?;
    match values.iter().position(|v| !(1.0..=most as f64).contains(v) || v.fract() != 0.0) {
        None => Ok(values.iter().map(|v| *v as usize - 1).collect()),
        Some(row) => Err(VaeError::Options(format!(
            "{}: {} is no class, give a whole number from 1 to {most}",
            table.place(name, row),
            values[row]
        ))
        .into()),
    }
}

fn sample(args: &VaeSampleArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit, args.out.as_deref(), None)?;
    let given = match (&args.given, &saved.architecture.names.given) {
        (None, _) => None,
        (Some(_), None) => {
            let words = "the fit has no --condition, so that --given says nothing; leave it out";
            return Err(VaeError::Options(words.into()).into());
        }
        (Some(value), Some(given)) => Some(given.places("--given", std::slice::from_ref(value))?[0] as usize),
    };
    let (count, most) = (args.draws.get(), MOST_NUMBERS / saved.architecture.autoencoder.code_len().max(1));
    if count > most {
        let words =
            format!("{count} codes are too many to hold; give --draws {most} or less, and other seeds for more");
        return Err(VaeError::Options(words).into());
    }
    let codes = network.prior(count, given, args.seed).map_err(VaeError::from)?;
    show(&saved, &network, &codes, Some(characters(args.seed)), args.out.as_deref())
}

fn interpolate(args: &InterpolateArgs) -> Result<(), CommandError> {
    let (saved, network) = read(&args.fit, args.out.as_deref(), args.data.data.as_deref())?;
    let images = images(&saved, &args.data)?;
    let row = |number: usize| {
        if number <= images.num_rows() {
            Ok(number - 1)
        } else {
            Err(VaeError::Row { file: images.file.clone(), row: number, rows: images.num_rows() })
        }
    };
    let ends = images.chosen(&[row(args.from.get())?, row(args.to.get())?]);
    let points = network.points(&network.encode(batch(&ends)).map_err(VaeError::from)?, &ends.labels);
    show(&saved, &network, &way(&network, &points, args.steps as usize), None, args.out.as_deref())
}

fn read(path: &Path, out: Option<&Path>, rows: Option<&Path>) -> Result<(Saved, TrainedAutoencoder), CommandError> {
    spare(out, Some(path))?;
    spare(out, rows)?;
    let saved = Saved::read(path)?;
    let network = saved.network(engine(None))?;
    Ok((saved, network))
}

/// The images as the fit takes them.
fn images(saved: &Saved, args: &VaeDataArgs) -> Result<Images, VaeError> {
    let rules = rules_of(saved, args)?;
    let images = match (&saved.architecture.names.text, args.text.as_deref()) {
        (None, None) => Images::read(args.data.as_deref(), &rules)?,
        (Some(note), Some(path)) => {
            note.rows(&path.display().to_string(), &text::read(path)?, saved.architecture.autoencoder.num_columns)?
        }
        (Some(_), None) => return Err(VaeError::Options("the fit is one of text; give a file with --text".into())),
        (None, Some(_)) => return Err(VaeError::Options("the fit is one of images; give them with --data".into())),
    };
    check(saved, &images)?;
    let places = renumbered(saved, &images)?;
    let labels = images.labels.iter().filter_map(|l| places.get(*l as usize).copied()).collect();
    Ok(Images { labels, ..images })
}

/// Where the classes of `images` stand among those of the fit; none where the fit is not given any.
fn renumbered(saved: &Saved, images: &Images) -> Result<Vec<u32>, VaeError> {
    match &saved.architecture.names.given {
        Some(given) => given.places(&images.file, &images.classes),
        None => Ok(Vec::new()),
    }
}

fn rules_of(saved: &Saved, args: &VaeDataArgs) -> Result<Rules, VaeError> {
    let rules = options::of_fit(args, &saved.architecture)?;
    let categories = rules.categories.map(|_| Categories::OfFit(saved.architecture.autoencoder.levels()));
    Ok(Rules { threshold: rules.threshold.or(saved.data.threshold), categories, ..rules })
}

fn check(saved: &Saved, images: &Images) -> Result<(), VaeError> {
    let (file, found, expected) = (images.file.clone(), images.num_pixels, saved.architecture.autoencoder.num_columns);
    if found == expected { Ok(()) } else { Err(VaeError::Pixels { file, found, expected }) }
}

/// What the decoder makes of codes, as CSV or lines of text, or as a picture where the file's name asks for one.
fn show(
    saved: &Saved,
    network: &TrainedAutoencoder,
    codes: &[f64],
    streams: Option<Streams>,
    out: Option<&Path>,
) -> Result<(), CommandError> {
    let (num_pixels, width) = (saved.architecture.autoencoder.num_columns, saved.architecture.autoencoder.code_len());
    let ending = out.and_then(Path::extension).and_then(|e| e.to_str()).map(str::to_lowercase);
    if let (Some("png" | "svg"), Some(path)) = (ending.as_deref(), out) {
        if saved.architecture.is_of_text() {
            let words = format!("{}: windows of text make no picture; give a name that ends in .txt", path.display());
            return Err(VaeError::Options(words).into());
        }
        let picture = picture(saved, network, codes)?;
        let made = match ending.as_deref() {
            Some("png") => picture.png(),
            _ => picture.svg("images of a variational autoencoder").map(String::into_bytes),
        };
        let bytes = made.map_err(|_| too_many(codes.len() / width, num_pixels))?;
        return Ok(write_whole(path, |file| file.write_all(&bytes))?);
    }
    if let (Some("jpg" | "jpeg" | "gif" | "bmp" | "webp" | "tif" | "tiff" | "pdf"), Some(path)) =
        (ending.as_deref(), out)
    {
        let words =
            format!("{}: pictures are written as PNG or SVG; give a name that ends in .png or .svg", path.display());
        return Err(VaeError::Options(words).into());
    }
    let blocks = codes.chunks(BLOCK_ROWS * width).enumerate().map(|(k, block)| {
        let values = network.decode_with(block, streams.map(|s| (s, BLOCK_ROWS * k)))?;
        Ok(match &saved.architecture.names.text {
            Some(note) => note.lines(&values, num_pixels),
            None => values.chunks_exact(num_pixels).map(|row| cells(row) + "\n").collect(),
        })
    });
    let names: Vec<String> = (0..num_pixels).map(|p| format!("p{p}")).collect();
    let header = if saved.architecture.is_of_text() { String::new() } else { names.join(",") + "\n" };
    write_parts(out, &header, blocks)
}

fn picture(saved: &Saved, network: &TrainedAutoencoder, codes: &[f64]) -> Result<Tiles, VaeError> {
    let num_pixels = saved.architecture.autoencoder.num_columns;
    let count = codes.len() / saved.architecture.autoencoder.code_len();
    if count > MOST_PIXELS / num_pixels {
        return Err(too_many(count, num_pixels));
    }
    let columns = if count <= 16 { count } else { (count as f64).sqrt().ceil() as usize };
    Ok(tiles(&saved.data, num_pixels, columns, &network.decode(codes)?))
}

fn too_many(count: usize, num_pixels: usize) -> VaeError {
    VaeError::Options(format!(
        "{count} images of {num_pixels} pixels are too many, or too wide, for one picture; ask for fewer, or write them to a \
         file that ends in .csv"
    ))
}

fn cells(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(",")
}

/// Writes a header and parts as they are made; an error in making one is told apart from one in writing.
fn write_parts(
    out: Option<&Path>,
    header: &str,
    parts: impl Iterator<Item = Result<String, VaeError>>,
) -> Result<(), CommandError> {
    let mut failed = None;
    let each = |out: &mut dyn Write| -> std::io::Result<()> {
        out.write_all(header.as_bytes())?;
        for part in parts {
            let part = part.map_err(|error| {
                let reason = std::io::Error::other(error.to_string());
                failed = Some(error);
                reason
            })?;
            out.write_all(part.as_bytes())?;
        }
        Ok(())
    };
    let written = output::write(out, each);
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(written?),
    }
}
