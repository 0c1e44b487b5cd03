//! Recorded programs of the tests: their value by the oracle, their gradient against its central differences.

use crate::program::execute::{Request, Response, Rows, Workspace, run};
use crate::program::oracle::{Oracle, Point};
use crate::program::plan::Plan;
use crate::program::recording::{self, Op, Recording, Term};
use crate::program::{InstructionSet, Real, RowIndex, TermKind};

fn latents(num: usize) -> Vec<Real> {
    recording::with(|r| {
        r.num_latents = num;
        (0..num as u32).map(|offset| r.leaf(Op::Latent { offset }, 1, false, true, true)).collect::<Vec<_>>()
    })
    .unwrap_or_default()
    .into_iter()
    .map(Real::from_node)
    .collect()
}

fn add_term(value: Real) {
    let node = value.node();
    recording::with(|r| {
        r.terms.push(Term {
            node: Some(node),
            constant: 0.0,
            kind: TermKind::Bare,
            plate: r.current_plate,
            location: std::panic::Location::caller(),
        })
    });
}

/// The program whose only term is `f` of `num` latents.
pub(crate) fn record(num: usize, f: impl Fn(&[Real]) -> Real) -> Recording {
    recording::record(|| add_term(f(&latents(num)))).unwrap()
}

/// The program with the term `f` of `num` latents in each of `rows` rows.
pub(crate) fn record_rows(num: usize, rows: usize, f: impl Fn(&[Real], RowIndex) -> Real) -> Recording {
    recording::record(|| {
        let x = latents(num);
        recording::with(|r| {
            r.plates.push(recording::Plate { start: 0, rows });
            r.current_plate = 1;
        });
        add_term(f(&x, RowIndex { plate: 1 }));
        recording::with(|r| r.current_plate = 0);
    })
    .unwrap()
}

/// The value of a program by the naive interpreter.
pub(crate) fn oracle(program: &Recording, at: &[f64]) -> f64 {
    Oracle::total(Oracle::new(program).log_joint(&Point { latents: at, ..Point::default() }))
}

/// Equal draws of a pass, so that every lane but the rows' is there several times.
const NUM_DRAWS: usize = 3;

/// The value and the gradient of a program by the lane executor: those of one draw of several.
pub(crate) fn execute(program: &Recording, at: &[f64]) -> (f64, Vec<f64>) {
    let latents: Vec<f64> = at.iter().flat_map(|&x| [x; NUM_DRAWS]).collect();
    let request = Request {
        num_draws: NUM_DRAWS,
        parameters: &[],
        latents: &latents,
        integers: &[],
        row_latents: &[],
        row_integers: &[],
        rows: Rows::All,
        row_weight: 1.0,
        global_terms: true,
        kind_weights: [1.0; 4],
        draw_weights: None,
        output_seeds: None,
        gradient: true,
        row_terms: false,
        instructions: InstructionSet::detect(),
        repeats_last: false,
        helpers: None,
    };
    let mut response = Response::default();
    run(&Plan::<f64>::new(program), &request, &mut Workspace::default(), &mut response);
    let last = |values: &[f64]| -> Vec<f64> { values.iter().skip(NUM_DRAWS - 1).step_by(NUM_DRAWS).copied().collect() };
    let value = last(&response.global_terms).iter().chain(&last(&response.row_sums)).sum();
    (value, last(&response.latents))
}

/// `f` at a point, by the oracle.
pub(crate) fn evaluate(f: impl Fn(&[Real]) -> Real, at: &[f64]) -> f64 {
    oracle(&record(at.len(), f), at)
}

/// The executor's value and gradient of a program against the oracle and its central differences.
///
/// A step of `1e-5 (1 + |x|)` leaves a truncation error near 1e-10 of the third derivative and a rounding error
/// near `1e-16 / 1e-5` of the value; the tolerance, 1e-7 of either scale, leaves three digits for both.
pub(crate) fn check_program(program: &Recording, at: &[f64]) {
    let value = oracle(program, at);
    let (executed, gradient) = execute(program, at);
    assert!((executed - value).abs() <= 1e-11 * (1.0 + value.abs()), "value {executed}, oracle {value}");
    for (k, &slope) in gradient.iter().enumerate() {
        let step = 1e-5 * (1.0 + at[k].abs());
        let moved = |by: f64| {
            let mut x = at.to_vec();
            x[k] += by;
            oracle(program, &x)
        };
        // Two central differences cancel the error of order step^2 (Richardson).
        let (wide, narrow) = (moved(step) - moved(-step), moved(step / 2.0) - moved(-step / 2.0));
        let expected = (8.0 * narrow - wide) / (6.0 * step);
        let tolerance = 1e-7 * (1.0 + slope.abs().max(value.abs()));
        assert!((slope - expected).abs() <= tolerance, "input {k}: gradient {slope}, central difference {expected}");
    }
}
