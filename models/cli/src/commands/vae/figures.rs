//! Pictures of an autoencoder.

use super::saved::{DataNote, Saved};
use super::text::TextNote;
use crate::cli::plot::{Figure, Mark, Panel, Tiles, series};
use jensen::amortised::autoencoder::{AutoencoderError, Codes, Epoch, Measures, TrainedAutoencoder, Unit};
use jensen::streams::Streams;
use jensen_models::data::images::Images;

/// Images in a line of a picture.
const COLUMNS: usize = 16;
/// Latents at most that are traversed, and steps from -2.5 to 2.5 of each.
const TRAVERSED: usize = 16;
const STEPS: usize = 11;
/// Pairs of images with pictures between them.
const PAIRS: usize = 8;

/// Test images and q of their codes.
#[derive(Clone, Copy)]
pub struct Test<'a> {
    /// The images that are drawn.
    pub images: &'a Images,
    /// q of their codes.
    pub codes: &'a Codes,
}

/// A grid of the images in `values`.
pub fn tiles(data: &DataNote, num_pixels: usize, columns: usize, values: &[f64]) -> Tiles {
    let (low, high) = data.range;
    let width = if high > low { high - low } else { 1.0 };
    let values = values.iter().map(|v| (v - low) / width).collect();
    Tiles { shape: data.shape.unwrap_or((1, num_pixels)), columns, values }
}

/// Every grid of a fit, with its name and a title.
///
/// # Errors
/// When the networks cannot be run.
pub fn grids(
    network: &TrainedAutoencoder,
    data: &DataNote,
    test: Test,
    measures: &Measures,
) -> Result<Vec<(&'static str, &'static str, Tiles)>, AutoencoderError> {
    let num_pixels = network.autoencoder().num_columns;
    let grid = |columns: usize, values: &[f64]| tiles(data, num_pixels, columns, values);
    Ok(vec![
        (
            "reconstructions",
            "test images above what the decoder makes of their codes",
            grid(COLUMNS, &reconstructions(network, test)?),
        ),
        ("samples", "images decoded from draws of the prior", grid(COLUMNS, &samples(network, 8 * COLUMNS)?)),
        (
            "interpolations",
            "images between the codes of two test images",
            grid(COLUMNS, &ways(network, test, COLUMNS)?.concat()),
        ),
        (
            "traversals",
            "a line a latent, the one with the largest KL first, or a line a class, from -2.5 to 2.5, the others zero",
            grid(STEPS, &traversals(network, &measures.units)?),
        ),
    ])
}

/// Pages of a fit of text, with their names: windows beside what comes back, windows drawn from the prior, and windows on
/// the way between two.
///
/// # Errors
/// When the networks cannot be run.
pub fn texts(
    network: &TrainedAutoencoder,
    note: &TextNote,
    test: Test,
) -> Result<Vec<(&'static str, String)>, AutoencoderError> {
    let window = network.autoencoder().num_columns;
    let some: Vec<usize> = (0..test.images.num_rows().min(2 * COLUMNS)).collect();
    let back = network.decode(&network.points_of(test.codes, &[], &some))?;
    let (from, to) = (note.lines(&test.images.chosen(&some).values, window), note.lines(&back, window));
    let pairs = from.lines().zip(to.lines()).map(|(a, b)| format!("{a} | {b}\n"));
    let ways = ways(network, test, STEPS)?.iter().map(|way| note.lines(way, window) + "\n").collect();
    let samples = note.lines(&samples(network, 4 * COLUMNS)?, window);
    Ok(vec![("reconstructions", pairs.collect()), ("samples", samples), ("interpolations", ways)])
}

/// Images on the ways between pairs of test images.
fn ways(network: &TrainedAutoencoder, test: Test, steps: usize) -> Result<Vec<Vec<f64>>, AutoencoderError> {
    let pairs = (0..PAIRS.min(test.images.num_rows() / 2)).map(|pair| [2 * pair, 2 * pair + 1]);
    let ends = |pair: [usize; 2]| network.points_of(test.codes, &test.images.labels, &pair);
    pairs.map(|pair| network.decode(&way(network, &ends(pair), steps))).collect()
}

/// Lines of images, each above its reconstructions.
fn reconstructions(network: &TrainedAutoencoder, test: Test) -> Result<Vec<f64>, AutoencoderError> {
    let num_rows = test.images.num_rows();
    let some: Vec<usize> = (0..(COLUMNS * (num_rows / COLUMNS).clamp(1, 4)).min(num_rows)).collect();
    let made = network.decode(&network.points_of(test.codes, &test.images.labels, &some))?;
    let images = test.images.chosen(&some).values;
    let line = COLUMNS * test.images.num_pixels;
    Ok(images.chunks(line).zip(made.chunks(line)).flat_map(|(a, b)| [a, b].concat()).collect())
}

/// Mean images of `count` draws of the prior, what is given by turns. Characters of text are drawn.
fn samples(network: &TrainedAutoencoder, count: usize) -> Result<Vec<f64>, AutoencoderError> {
    network.decode_with(&network.prior(count, None, 0)?, Some((characters(0), 0)))
}

/// The randomness that draws characters.
pub fn characters(seed: u64) -> Streams {
    Streams::new(seed).purpose(10)
}

/// `steps` points from the first of two to the second, as the decoder reads them, along a straight line; classes change in
/// the middle.
pub fn way(network: &TrainedAutoencoder, points: &[f64], steps: usize) -> Vec<f64> {
    let (a, b) = points.split_at(network.autoencoder().code_len());
    let num_latents = network.autoencoder().num_latents;
    let at = |k: usize| k as f64 / (steps.max(2) - 1) as f64;
    let one = |k: usize| {
        let nearest = if at(k) < 0.5 { a } else { b };
        let numbers = a.iter().zip(b).zip(nearest).enumerate();
        numbers.map(move |(j, ((a, b), near))| if j < num_latents { a + at(k) * (b - a) } else { *near })
    };
    (0..steps).flat_map(one).collect()
}

fn traversals(network: &TrainedAutoencoder, units: &[Unit]) -> Result<Vec<f64>, AutoencoderError> {
    let (num_latents, order) = (network.autoencoder().num_latents, by_kl(units));
    let classes = network.autoencoder().classes.max(network.autoencoder().given).min(TRAVERSED);
    // A line is a latent, or, of the latent with the largest KL, a class.
    let lines: Vec<(Option<usize>, usize)> = match classes {
        0 => order.iter().take(TRAVERSED).map(|unit| (Some(*unit), 0)).collect(),
        _ => (0..classes).map(|class| (order.first().copied(), class)).collect(),
    };
    let mut codes = Vec::new();
    for (unit, class) in lines {
        for step in 0..STEPS {
            let mut latents = vec![0.0; num_latents];
            if let Some(unit) = unit {
                latents[unit - 1] = -2.5 + 5.0 * step as f64 / (STEPS - 1) as f64;
            }
            codes.extend(network.code(&latents, class, class));
        }
    }
    network.decode(&codes)
}

/// Numbers of the latents, the one with the largest KL first.
fn by_kl(units: &[Unit]) -> Vec<usize> {
    let mut units = units.to_vec();
    units.sort_by(|a, b| b.kl.total_cmp(&a.kl));
    units.iter().map(|u| u.unit).collect()
}

/// The means of the two latents with the largest KL, a dot a test image, coloured by its class; none without latents.
pub fn latents(Test { images: test, codes }: Test, measures: &Measures) -> Option<Figure> {
    let order = by_kl(&measures.units);
    let &a = order.first()?;
    let b = *order.get(1).unwrap_or(&a);
    let classes = test.labels.iter().max().map_or(1, |m| *m as usize + 1);
    let mut panel = Panel::new("", &format!("z{a}"), &format!("z{b}"));
    for class in 0..classes {
        let is_of = |row: &usize| test.labels.get(*row).is_none_or(|l| *l as usize == class);
        let code = |row: usize| &codes.mean[row * codes.num_latents..];
        let rows = (0..test.num_rows()).filter(is_of).map(|row| [code(row)[a - 1], code(row)[b - 1]]);
        let colour = series(class).with_opacity(if class < 8 { 0.75 } else { 0.35 });
        panel = panel.mark(Mark::Dots { points: rows.collect(), colour, radius: 2.6 });
    }
    if !test.labels.is_empty() {
        for class in 0..classes {
            let of_class = || (0..test.num_rows()).filter(|row| test.labels[*row] as usize == class);
            let middle = |unit: usize| {
                let mut all: Vec<f64> = of_class().map(|row| codes.mean[row * codes.num_latents + unit - 1]).collect();
                all.sort_by(f64::total_cmp);
                all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
            };
            panel = panel.mark(Mark::Word { at: [middle(a), middle(b)], text: class.to_string() });
        }
    }
    let note = match test.labels.is_empty() {
        true => "mean codes of test images",
        false => "mean codes of test images; each class has its number at its median",
    };
    Some(Figure::new("latents", vec![panel]).note(note).grid(1, (640.0, 560.0)))
}

/// The objective and its terms by epoch.
pub fn training(saved: &Saved) -> Figure {
    let points = |of: &dyn Fn(&Epoch) -> Option<f64>| -> Vec<[f64; 2]> {
        let epochs = saved.run.log.epochs.iter().enumerate();
        epochs.filter_map(|(k, e)| of(e).map(|y| [(k + 1) as f64, y])).collect()
    };
    let curve =
        |k: usize, points: Vec<[f64; 2]>| Mark::Line { points, colour: series(k), width: 1.6, label: String::new() };
    let mut panels =
        vec![Panel::new("objective", "epoch", "nats an image").mark(curve(0, points(&|e| Some(e.objective))))];
    let (data, kl) = (points(&|e| e.data), points(&|e| e.kl));
    if !data.is_empty() {
        panels.push(Panel::new("data term", "epoch", "nats an image").mark(curve(1, data)));
        panels.push(Panel::new("KL", "epoch", "nats an image").mark(curve(2, kl)));
    }
    let columns = panels.len();
    Figure::new("training", panels).note("means over each epoch").grid(columns, (380.0, 300.0))
}
