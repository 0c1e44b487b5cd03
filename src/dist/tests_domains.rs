//! One law for all distributions: parameters outside of their domains and values outside of the support are refused
//! where they are constants or data, and reject the draw where they depend on latents.

use super::tests_domains_table::{Case, cases};
use crate::model::{Draws, LogJoint, Model, RowSet};
use crate::program::{Column, Options, Precision, Real, RowIndex};
use crate::target::{Differentiable, LogDensity, Pass, Target, TargetError};

/// Where the numbers of a case come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Constants,
    /// Columns of data, in rows.
    Data,
    /// Bare latents of the model.
    Latents,
    /// Latents of each row.
    RowLatents,
    /// Elements of vector latents, read by the row.
    Gathered,
}

const ROWS: usize = 3;

/// Draws of a block, and the one that is outside.
const DRAWS: usize = 9;
const OUTSIDE: usize = 4;

/// A case with its numbers: the observed value's, then each parameter's.
struct Written<'a> {
    case: &'a Case,
    mode: Mode,
    /// Numbers of each row.
    rows: Vec<Vec<Vec<f64>>>,
}

impl Model for Written<'_> {
    fn log_joint(&self, p: &LogJoint) {
        p.add(-p.real("free").square());
        let numbers = &self.rows[0];
        let columns = |group: usize, k: usize| Column::new(self.rows.iter().map(|r| r[group][k]).collect::<Vec<_>>());
        let all = |one: &dyn Fn(usize, usize) -> Real| -> Vec<Vec<Real>> {
            numbers.iter().enumerate().map(|(g, group)| (0..group.len()).map(|k| one(g, k)).collect()).collect()
        };
        match self.mode {
            Mode::Constants => {
                let values = all(&|g, k| Real::from(numbers[g][k]));
                (self.case.observe)(p, &values[0], &values[1..]);
            }
            Mode::Latents => {
                let values = all(&|g, k| p.real(&format!("z{g}.{k}")));
                (self.case.observe)(p, &values[0], &values[1..]);
            }
            Mode::Data => p.rows(ROWS, |i| {
                let values = all(&|g, k| columns(g, k).at(RowIndex::from(i)));
                (self.case.observe)(i, &values[0], &values[1..]);
            }),
            Mode::RowLatents => p.rows(ROWS, |i| {
                let values = all(&|g, k| i.real(&format!("z{g}.{k}")));
                (self.case.observe)(i, &values[0], &values[1..]);
            }),
            Mode::Gathered => {
                let vectors: Vec<Vec<_>> = numbers
                    .iter()
                    .enumerate()
                    .map(|(g, group)| (0..group.len()).map(|k| p.reals(&format!("z{g}.{k}"), ROWS)).collect())
                    .collect();
                p.rows(ROWS, |i| {
                    let values = all(&|g, k| vectors[g][k].at(i));
                    (self.case.observe)(i, &values[0], &values[1..]);
                });
            }
        }
    }
}

impl Case {
    /// The numbers inside of every set.
    fn inside(&self) -> Vec<Vec<f64>> {
        let parameters = self.parameters.iter().map(|p| p.inside.clone());
        std::iter::once(self.x.inside.clone()).chain(parameters).collect()
    }

    /// The name of each set, and the numbers with one of its values outside.
    fn outside(&self) -> Vec<(&'static str, Vec<Vec<f64>>)> {
        let sets = std::iter::once(&self.x).chain(&self.parameters);
        let one = |(g, set): (usize, &super::tests_domains_table::Set)| {
            let with = |wrong: &Vec<f64>| {
                let mut numbers = self.inside();
                numbers[g].clone_from(wrong);
                (set.name, numbers)
            };
            set.outside.iter().map(with).collect::<Vec<_>>()
        };
        sets.enumerate().flat_map(one).collect()
    }

    fn recorded(&self, mode: Mode, rows: Vec<Vec<Vec<f64>>>, options: Options) -> Result<Target, TargetError> {
        Target::with_options(&Written { case: self, mode, rows }, options)
    }
}

fn single() -> Options {
    Options { precision: Precision::Single, ..Options::default() }
}

/// Log densities and gradients at draws that are inside, but for one if `wrong` is given.
fn evaluated(
    target: &Target,
    mode: Mode,
    inside: &[Vec<f64>],
    wrong: Option<&[Vec<f64>]>,
    row_terms: bool,
) -> (Vec<f64>, Vec<f64>) {
    let layout = target.layout();
    let mut z = Draws::zeros(layout, layout.num_rows, DRAWS);
    let lane = |numbers: Vec<f64>, wrong: Option<Vec<f64>>| -> Vec<f64> {
        let of = |d: usize| if d == OUTSIDE { wrong.clone().unwrap_or(numbers.clone()) } else { numbers.clone() };
        let by_draw: Vec<Vec<f64>> = (0..DRAWS).map(of).collect();
        (0..numbers.len()).flat_map(|k| by_draw.iter().map(|n| n[k]).collect::<Vec<_>>()).collect()
    };
    let (flat, wrong) = (inside.concat(), wrong.map(<[_]>::concat));
    // The last row alone leaves its set.
    let by_row = |numbers: &[f64], wrong: Option<&[f64]>| -> Vec<f64> {
        (0..numbers.len()).flat_map(|k| [numbers[k], numbers[k], wrong.map_or(numbers[k], |w| w[k])]).collect()
    };
    match mode {
        Mode::Latents => z.latents[DRAWS..].copy_from_slice(&lane(flat, wrong)),
        Mode::RowLatents => z.row_latents = lane(by_row(&flat, None), wrong.map(|w| by_row(&flat, Some(&w)))),
        Mode::Gathered => {
            z.latents[DRAWS..].copy_from_slice(&lane(by_row(&flat, None), wrong.map(|w| by_row(&flat, Some(&w)))));
        }
        Mode::Constants | Mode::Data => {}
    }
    let mut pass = Pass { want_row_terms: row_terms, ..Pass::default() };
    let mut grad = Draws::zeros(layout, layout.num_rows, DRAWS);
    target.log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut grad, &mut []).expect("a density");
    (pass.log_density, [grad.latents, grad.row_latents].concat())
}

/// What a distribution does wrong with values outside of its sets.
fn law(case: &Case) -> Result<(), String> {
    let inside = case.inside();
    let name = case.name;
    let same = vec![inside.clone(); ROWS];
    for mode in [Mode::Constants, Mode::Data] {
        let target =
            case.recorded(mode, same.clone(), Options::default()).map_err(|e| format!("{name}, inside: {e}"))?;
        let (values, _) = evaluated(&target, mode, &inside, None, false);
        if !values.iter().all(|v| v.is_finite()) {
            return Err(format!("{name}, {mode:?}: {values:?} inside of all sets"));
        }
        for (what, numbers) in case.outside() {
            let rows = vec![inside.clone(), inside.clone(), numbers.clone()];
            let rows = if mode == Mode::Data { rows } else { vec![numbers.clone(); ROWS] };
            let row = if mode == Mode::Data { "row 2" } else { "" };
            match case.recorded(mode, rows, Options::default()) {
                Ok(_) => return Err(format!("{name}, {mode:?}: {what} of {numbers:?} is not refused")),
                Err(e) => {
                    let e = e.to_string();
                    let names = if what.is_empty() {
                        e.contains("observed value") || e.contains("holds")
                    } else {
                        e.contains(what)
                    };
                    if !(e.contains("src/dist/tests_domains") && names && e.contains(row)) {
                        return Err(format!("{name}, {mode:?}: {what} of {numbers:?} is refused by \"{e}\""));
                    }
                }
            }
        }
    }
    for mode in [Mode::Latents, Mode::RowLatents, Mode::Gathered] {
        for options in [Options::default(), single()] {
            let target = case.recorded(mode, same.clone(), options).map_err(|e| format!("{name}, {mode:?}: {e}"))?;
            for row_terms in [false, true] {
                let right = evaluated(&target, mode, &inside, None, row_terms);
                if !right.0.iter().chain(&right.1).all(|v| v.is_finite()) {
                    return Err(format!("{name}, {mode:?}: {right:?} inside of all sets"));
                }
                for (what, numbers) in case.outside() {
                    let found = evaluated(&target, mode, &inside, Some(&numbers), row_terms);
                    if found.0[OUTSIDE].is_finite() {
                        let value = found.0[OUTSIDE];
                        return Err(format!("{name}, {mode:?}: {what} of {numbers:?} has the log density {value}"));
                    }
                    let accepted = |values: &[f64]| -> Vec<u64> {
                        let lanes = values.iter().enumerate().filter(|(k, _)| k % DRAWS != OUTSIDE);
                        lanes.map(|(_, v)| v.to_bits()).collect()
                    };
                    if accepted(&found.0) != accepted(&right.0) || accepted(&found.1) != accepted(&right.1) {
                        return Err(format!("{name}, {mode:?}: {what} of {numbers:?} changes the accepted draws"));
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn no_distribution_lets_a_value_out_of_its_set() {
    let faults: Vec<String> = cases().iter().filter_map(|case| law(case).err()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_distribution_is_in_the_table() {
    let source = include_str!("mod.rs");
    let is_constructor = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase());
    let constructors: Vec<&str> = source
        .split("pub use ")
        .skip(1)
        .filter_map(|part| part.split_once("::")?.1.split(';').next())
        .flat_map(|part| part.split([',', '{', '}', ' ', '\n']).map(str::trim).collect::<Vec<_>>())
        .filter(is_constructor)
        .collect();
    assert!(constructors.len() > 40, "{constructors:?}");
    let cases = cases();
    let missing: Vec<&&str> = constructors.iter().filter(|name| !cases.iter().any(|c| c.name == **name)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

/// An exponential distribution that says nothing of its rate, and one that says nothing of its support.
#[derive(Debug)]
struct Careless {
    rate: Real,
    support: super::Support,
}

impl super::Distribution for Careless {
    type Value = Real;

    fn formula(&self, x: Real) -> Real {
        // The logarithm of the absolute value hides what the logarithm would reject.
        self.rate.abs().ln() - self.rate * x
    }

    fn support(&self) -> super::Support {
        self.support.clone()
    }

    fn domains(&self) -> Vec<super::Parameter> {
        match self.support {
            super::Support::Real => vec![super::Parameter::new("rate", self.rate, super::Support::Positive)],
            _ => vec![],
        }
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.rate]
    }

    fn sample(&self, _: &[f64], _: &mut dyn rand::Rng, _: &mut [f64]) {}
}

#[test]
fn a_distribution_without_its_checks_is_found() {
    let exponential = || cases().into_iter().find(|c| c.name == "exponential").unwrap();
    let no_domain = Case {
        observe: |at, x, p| at.observe(x[0], Careless { rate: p[0][0], support: super::Support::non_negative() }),
        ..exponential()
    };
    assert!(law(&no_domain).unwrap_err().contains("rate of [[1.5], [0.0]]"), "{:?}", law(&no_domain));
    let no_support = Case {
        observe: |at, x, p| at.observe(x[0], Careless { rate: p[0][0], support: super::Support::Real }),
        ..exponential()
    };
    assert!(law(&no_support).unwrap_err().contains("not refused"), "{:?}", law(&no_support));
}
