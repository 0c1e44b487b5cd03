//! Checks that every distribution's tests share.

use crate::program::TermKind;
use crate::program::execute::{Request, Response, Rows, Workspace, run};
use crate::program::oracle::{Oracle, Point};
use crate::program::plan::Plan;
use crate::program::recording::{self, Op, Plate, Recording, Term};
use crate::program::{InstructionSet, Real};

/// Who holds the inputs of a recorded function.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    /// All inputs are global latents.
    Latents,
    /// All inputs are learnable parameters.
    Parameters,
    /// The first input is a latent of each of three rows, the others are parameters.
    RowLatent,
    /// The first input is data of each of three rows, the others are global latents.
    Column,
}

impl Holder {
    fn has_rows(self) -> bool {
        matches!(self, Holder::RowLatent | Holder::Column)
    }
}

const NUM_ROWS: usize = 3;
const NUM_DRAWS: usize = 2;

/// Checks the executor's value and gradient of `f` at `at` against the oracle's value and its differences.
///
/// Every input is once a latent, once a parameter, and the first one once a latent and once data of each
/// row. The value is held to 1e-12 of its size. A derivative is a fourth-order central difference; its
/// tolerance is ten times the change when the step is halved, plus the rounding of the differences, and must
/// itself be small.
#[track_caller]
pub(crate) fn check_gradient(f: impl Fn(&[Real]) -> Real, at: &[f64]) {
    let reference = record(&f, at, Holder::Latents);
    let value = |x: &[f64]| Oracle::total(Oracle::new(&reference).log_joint(&Point { latents: x, ..Point::default() }));
    let expected = value(at);
    assert!(expected.is_finite(), "value {expected} at {at:?}");
    let slopes: Vec<(f64, f64)> = (0..at.len()).map(|k| difference(&value, at, k)).collect();
    for holder in [Holder::Latents, Holder::Parameters, Holder::RowLatent, Holder::Column] {
        let recording = record(&f, at, holder);
        for set in [InstructionSet::detect(), InstructionSet::Baseline] {
            let (total, gradient) = execute(&recording, at, holder, set);
            let error = (total - expected).abs();
            let allowed = 1e-12 * (1.0 + expected.abs());
            assert!(error <= allowed, "{holder:?}, {set:?} at {at:?}: value {total}, oracle {expected}");
            let data = usize::from(holder == Holder::Column);
            for (k, (&got, &(slope, tolerance))) in gradient.iter().zip(&slopes).enumerate().skip(data) {
                assert!(
                    (got - slope).abs() <= tolerance,
                    "{holder:?}, {set:?} at {at:?}: derivative {k} is {got}, differences give {slope} +- {tolerance}"
                );
            }
        }
    }
}

/// The derivative in direction `k` and its tolerance.
#[track_caller]
fn difference(value: &impl Fn(&[f64]) -> f64, at: &[f64], k: usize) -> (f64, f64) {
    let size = if at[k] == 0.0 { 1.0 } else { at[k].abs() };
    let mut largest = 0.0_f64;
    let mut slope = |h: f64| {
        let mut moved = |steps: f64| {
            let mut x = at.to_vec();
            x[k] += steps * h;
            let v = value(&x);
            largest = largest.max(v.abs());
            v
        };
        (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * h)
    };
    let h = size * 2f64.powi(-9);
    let (coarse, fine) = (slope(h), slope(0.5 * h));
    let tolerance = 10.0 * (coarse - fine).abs() + 16.0 * f64::EPSILON * (1.0 + largest) / h;
    assert!(tolerance < 1e-5 * (1.0 + fine.abs()), "differences at {at:?} in direction {k}: {coarse}, {fine}");
    (fine, tolerance)
}

#[track_caller]
fn record(f: &impl Fn(&[Real]) -> Real, at: &[f64], holder: Holder) -> Recording {
    let body = || {
        let leaves: Vec<Real> = (0..at.len()).map(|k| leaf(k, at[k], holder)).collect();
        let value = f(&leaves);
        let (node, constant) = match value.as_constant() {
            Some(c) => (None, c),
            None => (Some(value.node()), 0.0),
        };
        let plate = u16::from(holder.has_rows());
        recording::with(|r| {
            r.terms.push(Term { node, constant, kind: TermKind::Data, plate, location: std::panic::Location::caller() })
        });
    };
    match recording::record(body) {
        Ok(recording) => recording,
        Err(error) => panic!("{holder:?}: {error}"),
    }
}

fn leaf(k: usize, at: f64, holder: Holder) -> Real {
    let node = recording::with(|r| {
        let offset = k as u32;
        if k == 0 && holder.has_rows() {
            r.plates.push(Plate { start: 0, rows: NUM_ROWS });
            r.current_plate = 1;
        }
        match (holder, k) {
            (Holder::RowLatent, 0) => {
                (r.num_row_latents, r.num_parameters) = (1, 1);
                r.leaf(Op::RowLatent { offset: 0 }, 1, true, true, true)
            }
            (Holder::Column, 0) => {
                r.num_latents = 1;
                let column = r.column(&vec![at; NUM_ROWS].into());
                r.leaf(Op::Column { column, shift: 0 }, 1, true, false, false)
            }
            (Holder::Latents | Holder::Column, _) => {
                r.num_latents += 1;
                r.leaf(Op::Latent { offset }, 1, false, true, true)
            }
            _ => {
                r.num_parameters += 1;
                r.leaf(Op::Parameter { offset }, 1, false, false, true)
            }
        }
    });
    Real::from_node(node.expect("inside of a recording"))
}

/// One copy's value and gradient of equal copies: draws, and rows if there are any.
fn execute(recording: &Recording, at: &[f64], holder: Holder, instructions: InstructionSet) -> (f64, Vec<f64>) {
    let latents: Vec<f64> = at.iter().flat_map(|&x| [x; NUM_DRAWS]).collect();
    let row_latents = vec![at[0]; NUM_ROWS * NUM_DRAWS];
    let request = Request {
        num_draws: NUM_DRAWS,
        parameters: at,
        latents: &latents,
        integers: &[],
        row_latents: &row_latents,
        row_integers: &[],
        rows: Rows::All,
        row_weight: 1.0,
        global_terms: true,
        kind_weights: [1.0; 4],
        draw_weights: None,
        output_seeds: None,
        gradient: true,
        row_terms: false,
        repeats_last: false,
        instructions,
        helpers: None,
    };
    let mut response = Response::default();
    run(&Plan::<f64>::new(recording), &request, &mut Workspace::default(), &mut response);
    let data = TermKind::Data as usize * NUM_DRAWS;
    let copies = if holder.has_rows() { NUM_ROWS as f64 } else { 1.0 };
    let total = (response.global_terms[data] + response.row_sums[data]) / copies;
    let mut gradient: Vec<f64> = match holder {
        Holder::Latents | Holder::Column => {
            response.latents.iter().skip(1).step_by(NUM_DRAWS).map(|g| g / copies).collect()
        }
        _ => response.parameters.iter().map(|g| g / (copies * NUM_DRAWS as f64)).collect(),
    };
    match holder {
        Holder::RowLatent => gradient[0] = response.row_latents[NUM_ROWS * NUM_DRAWS - 1],
        Holder::Column => gradient[0] = f64::NAN,
        _ => {}
    }
    (total, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_gradient_passes() {
        check_gradient(|x| x[0].square() * x[1].exp() + x[2] * 3.0, &[0.7, -0.3, 0.0]);
    }

    #[test]
    #[should_panic(expected = "derivative 0")]
    fn a_wrong_gradient_fails() {
        let wrong = |x: &[Real]| {
            crate::program::custom(&[x[0]], |x, partials| {
                partials[0] = 2.0 * x[0] + 1e-3;
                x[0] * x[0]
            })
        };
        check_gradient(wrong, &[0.7]);
    }
}
