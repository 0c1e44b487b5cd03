//! The options about images: held to the kind of data they are for, and to a fit.

use super::architecture::Architecture;
use super::error::VaeError;
use crate::cli::vae_args::{PixelLikelihood, VaeArgs, VaeDataArgs};
use jensen_models::data::images::{Categories, Rules, looks_like};

/// What is asked of the images of a run, where `earlier` is gone on with.
///
/// # Errors
/// For options that are not for these images.
pub fn asked(args: &VaeArgs, earlier: Option<&Architecture>) -> Result<Rules, VaeError> {
    if args.data.window.is_some() || args.model.states.is_some() {
        return wrong("--window and --states are for text; give it with --text FILE");
    }
    hold(&args.data)?;
    Ok(match earlier {
        Some(earlier) => of_architecture(&args.data, earlier),
        None => rules(&args.data, args.model.likelihood.unwrap_or_default(), args.data.condition.as_ref()),
    })
}

/// The same for images that are given to a fit.
///
/// # Errors
/// For options that are not for these images, or are not the fit's.
pub fn of_fit(args: &VaeDataArgs, architecture: &Architecture) -> Result<Rules, VaeError> {
    hold(args)?;
    let given = architecture.names.given.as_ref().map(|g| g.column.as_str());
    if args.condition.is_some() && args.condition.as_deref() != given {
        return wrong(&match given {
            Some(column) => format!("the fit was trained with --condition {column}; leave --condition out"),
            None => "the fit was trained without --condition; leave it out".to_string(),
        });
    }
    let window = architecture.names.text.as_ref().map(|_| architecture.autoencoder.num_columns);
    if args.window.is_some() && args.window.map(|n| n.get()) != window {
        return wrong(&match window {
            Some(window) => format!("the fit was trained with --window {window}; leave --window out"),
            None => "--window is for text, and the fit is one of images; leave it out".to_string(),
        });
    }
    Ok(of_architecture(args, architecture))
}

/// Holds options to the kind of data they are for.
///
/// # Errors
/// For one that would say nothing.
pub fn hold(args: &VaeDataArgs) -> Result<(), VaeError> {
    let VaeDataArgs { data, text, threshold, label, condition, shape, .. } = args;
    if text.is_some() {
        return Ok(());
    }
    if condition.is_some() && label.as_ref().is_some_and(|l| Some(l) != condition.as_ref()) {
        return wrong("--condition names the classes, also for the colours; leave --label out");
    }
    let is_other = |name: &Option<String>| name.as_ref().is_some_and(|n| n != "digit");
    match data.as_deref() {
        None if is_other(condition) => {
            wrong("the digits that the program carries have one column of classes, `digit`; give --condition digit")
        }
        None if is_other(label) => {
            wrong("the digits that the program carries have one column of classes, `digit`; leave --label out")
        }
        None if threshold.is_some() || shape.is_some_and(|s| s != (8, 8)) => {
            wrong("the digits that the program carries are zeros and ones of 8x8; leave --threshold and --shape out")
        }
        Some(path) if path.is_dir() || looks_like(path) => match (condition, label, shape) {
            (Some(_), ..) => {
                wrong("--condition names a column of a CSV or JSON file; images without columns have none")
            }
            (_, Some(_), _) => wrong("--label names a column of a CSV or JSON file; images without columns have none"),
            (.., Some(_)) => wrong("--shape is for the rows of a CSV or JSON file; these images have height and width"),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn wrong<T>(words: &str) -> Result<T, VaeError> {
    Err(VaeError::Options(words.into()))
}

/// What the networks of a fit ask of images.
fn of_architecture(args: &VaeDataArgs, architecture: &Architecture) -> Rules {
    rules(args, architecture.likelihood(), architecture.names.given.as_ref().map(|g| &g.column))
}

fn rules(args: &VaeDataArgs, likelihood: PixelLikelihood, condition: Option<&String>) -> Rules {
    Rules {
        binary: likelihood == PixelLikelihood::Bernoulli,
        categories: (likelihood == PixelLikelihood::Categorical).then_some(Categories::Any),
        threshold: args.threshold,
        label: condition.or(args.label.as_ref()).cloned(),
        shape: args.shape,
    }
}
