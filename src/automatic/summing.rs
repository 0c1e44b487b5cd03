//! Which integers of a model are summed out, and which are left to q.

use super::IntegerChoice;
use super::integers::Sizes;
use super::run::Settings;
use crate::algorithm::{FitError, Minibatch};
use crate::target::{LogDensity, Target};

/// Joint values of a row's integers up to which they are summed out by default, and numbers that the rows of one draw then
/// take: some seconds.
const MOST_IN_ROW: f64 = 256.0;
const MOST_NUMBERS_OF_ROWS: f64 = 1e9;

/// Joint values of the integers outside of rows, and numbers that one draw takes at all of them: about a millisecond, so that
/// the ten thousand to hundred thousand evaluations of a fit take some ten seconds to a minute. A change point in 112 years
/// takes 2e5; ten features of 442 rows take 1e7, a minute to some.
const MOST_OUTSIDE: f64 = 4096.0;
const MOST_NUMBERS: f64 = 2e6;

/// Numbers of a draw where a fit goes value by value, and only some thousand draws at the end see all of them. Ten features of 442
/// rows take half a minute.
const MOST_NUMBERS_BY_VALUE: f64 = 3e7;

/// What a fit that follows does with the values of integers outside of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// Every step sees all of them.
    AllAtOnce,
    /// It goes value by value.
    OneByOne,
}

/// Sums out the integers that shall be, and says why others are not.
///
/// # Errors
/// Where it was asked for and cannot be done.
pub(super) fn sum_out(target: &mut Target, settings: &Settings, pace: Pace) -> Result<Option<String>, FitError> {
    let (wish, sizes) = (settings.wishes.integers, Sizes::of(target.layout()));
    let asked = wish == IntegerChoice::SumOut;
    let refused = |why: &str| FitError::unsupported("integers", format!("they cannot be summed out: {why}"));
    let has = [!sizes.outside.is_empty(), !sizes.in_rows.is_empty()];
    if has == [false; 2] {
        return if asked { Err(refused("the model has none")) } else { Ok(None) };
    }
    if wish == IntegerChoice::Categorical {
        return Ok(None);
    }
    if sizes.are_alone {
        return if asked { Err(refused("q is theirs alone, and nothing else is left to fit")) } else { Ok(None) };
    }
    if !asked && target.layout().num_latents + target.layout().num_row_latents == 0 {
        return Ok(Some("there are no other latents, and their draws would all be the same".into()));
    }
    if !asked && let Some(part) = part_of_integers(settings) {
        return Ok(Some(format!("{part} is for models with integers in q")));
    }
    let ways = [outside(target, &sizes, settings, pace), of_rows(target, &sizes)];
    if asked {
        let firm = ways.iter().flatten().find(|way| way.is_firm);
        return match firm {
            Some(way) => Err(refused(&way.words)),
            None => Ok(target.sum_out(has[0], has[1]).map(|()| None)?),
        };
    }
    let [outside, in_rows] = &ways;
    let sums_rows = has[1] && in_rows.is_none();
    // Beside integers of rows in q the terms of each row are asked for, which a sum over all rows together does not have.
    let sums_outside = has[0] && outside.is_none() && (!has[1] || sums_rows);
    let why = ways.iter().flatten().map(|way| way.words.clone()).collect::<Vec<_>>();
    let why = (!why.is_empty()).then(|| why.join("; "));
    if !sums_rows && !sums_outside {
        return Ok(why);
    }
    match target.sum_out(sums_outside, sums_rows) {
        Ok(()) => Ok(why),
        Err(error) => Ok(Some(error.to_string())),
    }
}

/// What is in the way of summing out.
struct InTheWay {
    words: String,
    /// Whether it cannot be done at all, for any time.
    is_firm: bool,
}

fn outside(target: &Target, sizes: &Sizes, settings: &Settings, pace: Pace) -> Option<InTheWay> {
    let joint: f64 = sizes.outside.iter().map(|n| *n as f64).product();
    // The rows' own are summed out at each of them.
    let in_rows: f64 = sizes.in_rows.iter().map(|n| *n as f64).product();
    let most = if pace == Pace::OneByOne { MOST_NUMBERS_BY_VALUE } else { MOST_NUMBERS };
    if sizes.outside.is_empty() {
        None
    } else if settings.wishes.minibatch != Minibatch::Full {
        let words = "those outside of rows are summed out over all rows together, and a step sees a minibatch";
        Some(InTheWay { words: words.into(), is_firm: true })
    } else if sizes.outside.contains(&usize::MAX) {
        Some(InTheWay { words: "one outside of rows has no largest value".into(), is_firm: true })
    } else if joint > MOST_OUTSIDE || joint * in_rows * target.work() as f64 > most {
        let words = format!("those outside of rows have {joint:.3e} joint values, each an evaluation of the model");
        Some(InTheWay { words, is_firm: false })
    } else {
        None
    }
}

fn of_rows(target: &Target, sizes: &Sizes) -> Option<InTheWay> {
    let joint: f64 = sizes.in_rows.iter().map(|n| *n as f64).product();
    if sizes.in_rows.is_empty() {
        None
    } else if sizes.in_rows.contains(&usize::MAX) {
        Some(InTheWay { words: "one of each row has no largest value".into(), is_firm: true })
    } else if joint > MOST_IN_ROW || joint * target.work() as f64 > MOST_NUMBERS_OF_ROWS {
        Some(InTheWay { words: format!("those of a row have {joint:.3e} joint values"), is_firm: false })
    } else {
        None
    }
}

/// A part that was chosen and is for models with integers, or the user's own, which sees the model as it is written.
fn part_of_integers(settings: &Settings) -> Option<String> {
    let own = &settings.own;
    let mine = settings.has_own_family.then_some("a family of your own").map(String::from);
    let mine = mine.or(own.estimator.as_ref().or(own.algorithm.as_ref()).cloned());
    let entry = settings.wishes.estimator.entry().filter(|entry| entry.is_of_integers());
    mine.or(entry.map(|entry| entry.choice.name().into()))
}
