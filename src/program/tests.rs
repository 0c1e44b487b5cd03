//! The lane executor against the oracle and against differences, over every operation and every layout.

use super::execute::{Request, Response, Rows, Workspace, run};
use super::ops::{Binary, Unary};
use super::oracle::{Oracle, Point};
use super::plan::{Plan, Stored};
use super::recording::{self, Op, Recording};
use super::*;

mod passes;
mod programs;

use programs::{
    add_term, dense_program, global_dense_program, global_program, grouped_program, in_rows, latent_vector,
    record_latents, row_program, scalar_row_program,
};

struct Inputs {
    draws: usize,
    latents: Vec<f64>,
    parameters: Vec<f64>,
    row_latents: Vec<f64>,
    num_rows: usize,
}

impl Inputs {
    fn new(recording: &Recording, draws: usize) -> Inputs {
        let value = |k: usize| 0.35 + 0.6 * ((k as f64) * 12.9898).sin();
        let num_rows = recording.plates.first().map_or(0, |p| p.rows);
        Inputs {
            draws,
            latents: (0..recording.num_latents * draws).map(value).collect(),
            parameters: (0..recording.num_parameters).map(|k| value(k + 7)).collect(),
            row_latents: (0..recording.num_row_latents * num_rows * draws).map(|k| value(k + 13)).collect(),
            num_rows,
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            num_draws: self.draws,
            parameters: &self.parameters,
            latents: &self.latents,
            integers: &[],
            row_latents: &self.row_latents,
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
            instructions: InstructionSet::detect(),
            helpers: None,
        }
    }

    /// One draw's sum by the oracle.
    fn oracle(&self, recording: &Recording, draw: usize) -> f64 {
        let own = |v: &[f64]| -> Vec<f64> { v.iter().skip(draw).step_by(self.draws).copied().collect() };
        let (latents, row_latents) = (own(&self.latents), own(&self.row_latents));
        let point = Point {
            parameters: &self.parameters,
            latents: &latents,
            row_latents: &row_latents,
            num_rows: self.num_rows,
            ..Point::default()
        };
        Oracle::total(Oracle::new(recording).log_joint(&point))
    }
}

fn execute<T: Stored>(recording: &Recording, request: &Request) -> Response {
    execute_plan::<T>(&Plan::new(recording), request)
}

fn execute_plan<T: Stored>(plan: &Plan<T>, request: &Request) -> Response {
    let mut response = Response::default();
    let mut space = Workspace::default();
    // Twice, so that nothing left over from the first pass may matter.
    run(plan, request, &mut space, &mut response);
    run(plan, request, &mut space, &mut response);
    response
}

fn totals(response: &Response, draws: usize) -> Vec<f64> {
    let sum = |d: usize| (0..4).map(|k| response.global_terms[k * draws + d] + response.row_sums[k * draws + d]).sum();
    (0..draws).map(sum).collect()
}

/// Values against the oracle and gradients against its central differences, for several numbers of draws.
fn check(recording: &Recording) {
    check_plan(recording, &Plan::new(recording));
}

fn check_plan(recording: &Recording, plan: &Plan<f64>) {
    for draws in [1, 3, 70] {
        let mut inputs = Inputs::new(recording, draws);
        let response = execute_plan::<f64>(plan, &inputs.request());
        for (d, total) in totals(&response, draws).into_iter().enumerate() {
            let expected = inputs.oracle(recording, d);
            assert!(
                (total - expected).abs() <= 1e-11 * (1.0 + expected.abs()),
                "draw {d} of {draws}: {total} {expected}"
            );
        }
        // Central differences at h = 1e-5 err by about 1e-9 of the third derivative and of rounding.
        let d = draws - 1;
        let close = |a: f64, b: f64, what: &str| {
            assert!((a - b).abs() <= 2e-7 * (1.0 + b.abs()), "{what}, draw {d} of {draws}: {a} {b}");
        };
        for k in 0..recording.num_latents {
            let numeric = difference(&mut inputs, |i| &mut i.latents, k * draws + d, |i| i.oracle(recording, d));
            close(response.latents[k * draws + d], numeric, "latent");
        }
        for k in 0..recording.num_row_latents * inputs.num_rows {
            let numeric = difference(&mut inputs, |i| &mut i.row_latents, k * draws + d, |i| i.oracle(recording, d));
            close(response.row_latents[k * draws + d], numeric, "row latent");
        }
        for k in 0..recording.num_parameters {
            let all = |i: &Inputs| (0..draws).map(|d| i.oracle(recording, d)).sum();
            let numeric = difference(&mut inputs, |i| &mut i.parameters, k, all);
            close(response.parameters[k] / draws as f64, numeric / draws as f64, "parameter");
        }
    }
}

fn difference(
    inputs: &mut Inputs,
    field: impl Fn(&mut Inputs) -> &mut Vec<f64>,
    at: usize,
    value: impl Fn(&Inputs) -> f64,
) -> f64 {
    let (h, x) = (1e-5, field(inputs)[at]);
    field(inputs)[at] = x + h;
    let up = value(inputs);
    field(inputs)[at] = x - h;
    let down = value(inputs);
    field(inputs)[at] = x;
    (up - down) / (2.0 * h)
}

#[test]
fn every_unary_operation_has_its_derivative() {
    for &op in Unary::ALL {
        for &x in op.test_points() {
            let recording = record_latents(1, |z| vec![z[0].unary(op).powi(3)]);
            let inputs = Inputs { latents: vec![x], ..Inputs::new(&recording, 1) };
            let response = execute::<f64>(&recording, &inputs.request());
            let h = 1e-5 * x.abs().max(0.01);
            let numeric = (op.value(x + h).powi(3) - op.value(x - h).powi(3)) / (2.0 * h);
            let found = response.latents[0];
            assert!(
                (found - numeric).abs() <= 1e-6 * (1e-3 + numeric.abs()),
                "{} at {x}: {found} {numeric}",
                op.name()
            );
        }
    }
}

#[test]
fn every_binary_operation_has_its_derivatives() {
    for &op in Binary::ALL {
        for &(x, y) in op.test_points() {
            let recording = record_latents(2, |z| vec![Real::binary(op, z[0], z[1]).square()]);
            let inputs = Inputs { latents: vec![x, y], ..Inputs::new(&recording, 1) };
            let response = execute::<f64>(&recording, &inputs.request());
            let f = |x: f64, y: f64| op.value(x, y).powi(2);
            let h = 1e-6;
            let numeric = [(f(x + h, y) - f(x - h, y)) / (2.0 * h), (f(x, y + h) - f(x, y - h)) / (2.0 * h)];
            for (found, numeric) in response.latents.iter().zip(numeric) {
                assert!((found - numeric).abs() <= 1e-7 * (1.0 + numeric.abs()), "{} at {x}, {y}", op.name());
            }
        }
    }
}

#[test]
fn global_programs_agree_with_the_oracle() {
    check(&global_program());
}

#[test]
fn row_programs_agree_with_the_oracle() {
    for rows in [1, 5, 83] {
        check(&row_program(rows));
    }
}

/// Sizes below, at and beyond the registers, the panels of four rows and the panels' depth.
#[test]
fn dense_layers_agree_with_the_oracle() {
    for (rows, inputs, outputs) in [(1, 1, 1), (2, 3, 5), (5, 4, 8), (19, 10, 6), (3, 67, 5)] {
        for per_draw in [false, true] {
            check(&dense_program(rows, inputs, outputs, per_draw));
        }
    }
}

/// Of 1, 3 and more draws ([`check`]), with weights that all of them share.
#[test]
fn layers_outside_of_rows_agree_with_the_oracle() {
    for (inputs, outputs) in [(1, 1), (3, 5), (4, 8), (10, 6), (67, 5)] {
        let recording = global_dense_program(inputs, outputs);
        assert_eq!(recording.nodes.iter().filter(|node| matches!(node.op, Op::Dense { .. })).count(), 2);
        check(&recording);
    }
}

#[test]
fn rows_joined_into_vectors_agree_with_the_oracle() {
    for rows in [1, 2, 5, 83] {
        let recording = scalar_row_program(rows);
        check(&recording);
        check_plan(&recording, &Plan::joined(&recording).expect("rows that can be joined"));
    }
    assert!(Plan::<f64>::joined(&row_program(5)).is_none(), "row vectors have no joined form");
}

#[test]
fn rows_gathered_by_groups_agree_with_the_oracle() {
    for (rows, num_groups) in [(3, 2), (24, 3), (83, 5), (40, 40)] {
        let recording = grouped_program(rows, num_groups);
        check(&recording);
        let joined = Plan::joined(&recording).expect("rows that can be joined");
        check_plan(&recording, &joined);
        let has = |wanted: fn(Op) -> bool| joined.global.iter().any(|&i| wanted(joined.nodes[i as usize].op));
        assert_eq!(
            has(|op| matches!(op, Op::PickRuns { .. })),
            rows >= 4 * num_groups,
            "{rows} rows, {num_groups} groups"
        );
        assert!(has(|op| matches!(op, Op::SquaredDistance { .. })) && has(|op| op == Op::Scaled));
    }
}

#[test]
fn a_joined_pass_weights_rows_kinds_and_draws_as_blocks_of_rows_do() {
    let recording = scalar_row_program(29);
    let joined = Plan::<f64>::joined(&recording).expect("rows that can be joined");
    let inputs = Inputs::new(&recording, 5);
    let draw_weights = [0.5, 0.0, 2.0, -1.0, 1.0];
    for global_terms in [true, false] {
        let kind_weights = [1.0, 1.0, 0.25, 3.0];
        let request = Request {
            row_weight: 7.0,
            global_terms,
            kind_weights,
            draw_weights: Some(&draw_weights),
            ..inputs.request()
        };
        let (a, b) = (execute::<f64>(&recording, &request), execute_plan::<f64>(&joined, &request));
        let pairs = a.latents.iter().zip(&b.latents).chain(a.row_sums.iter().zip(&b.row_sums));
        for (a, b) in pairs.chain(a.global_terms.iter().zip(&b.global_terms)) {
            assert!((a - b).abs() <= 1e-11 * (1.0 + a.abs()), "{a} {b}");
        }
    }
}

/// Many lanes are taken in groups and few one by one; both are the same function.
#[test]
fn groups_of_lanes_agree_with_single_lanes() {
    let check = |recording: &Recording, name: &str, points: &[Vec<f64>]| {
        let lanes = 21;
        let at = |latent: usize, lane: usize| points[lane % points.len()][latent];
        let latents = |lanes: std::ops::Range<usize>| -> Vec<f64> {
            (0..points[0].len()).flat_map(|k| lanes.clone().map(move |l| (k, l))).map(|(k, l)| at(k, l)).collect()
        };
        let inputs = Inputs { latents: latents(0..lanes), ..Inputs::new(recording, lanes) };
        let wide = execute::<f64>(recording, &inputs.request());
        for lane in 0..lanes {
            let inputs = Inputs { latents: latents(lane..lane + 1), ..Inputs::new(recording, 1) };
            let alone = execute::<f64>(recording, &inputs.request());
            for k in 0..points[0].len() {
                let (a, b) = (wide.latents[k * lanes + lane], alone.latents[k]);
                assert!((a - b).abs() <= 1e-14 * b.abs(), "{name}, latent {k}, lane {lane}: {a} {b}");
            }
            let (a, b) = (totals(&wide, lanes)[lane], totals(&alone, 1)[0]);
            assert!((a - b).abs() <= 1e-14 * b.abs(), "{name}, lane {lane}: {a} {b}");
        }
    };
    for &op in Unary::ALL.iter().filter(|op| !op.test_points().is_empty()) {
        let points: Vec<Vec<f64>> = op.test_points().iter().map(|&x| vec![x]).collect();
        check(&record_latents(1, |z| vec![z[0].unary(op).square()]), op.name(), &points);
    }
    for &op in Binary::ALL.iter().filter(|op| !op.test_points().is_empty()) {
        let points: Vec<Vec<f64>> = op.test_points().iter().map(|&(x, y)| vec![x, y]).collect();
        check(&record_latents(2, |z| vec![Real::binary(op, z[0], z[1]).square()]), op.name(), &points);
    }
}

#[test]
fn outputs_of_several_row_blocks_lie_one_after_the_other() {
    let x = Column::new([10.0, 20.0, 30.0]);
    let recorded = recording::record(|| {
        let a = latent_vector(1).at(0);
        for scale in [1.0, -1.0] {
            in_rows(0..3, |i| {
                let node = (a + scale * x.at(i)).node();
                recording::with(|r| r.outputs.push(node));
                add_term(a + x.at(i));
            });
        }
    });
    let recording = recorded.expect("a valid program");
    let inputs = Inputs { latents: vec![0.5], ..Inputs::new(&recording, 1) };
    let request = Request { gradient: false, ..inputs.request() };
    let response = execute::<f64>(&recording, &request);
    assert_eq!(response.row_outputs, [10.5, 20.5, 30.5, -9.5, -19.5, -29.5]);
}

#[test]
fn single_precision_agrees_to_its_digits() {
    let recording = row_program(83);
    let inputs = Inputs::new(&recording, 3);
    let (double, single) =
        (execute::<f64>(&recording, &inputs.request()), execute::<f32>(&recording, &inputs.request()));
    for (a, b) in totals(&double, 3).iter().zip(totals(&single, 3)) {
        assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{a} {b}");
    }
    for (a, b) in double.latents.iter().zip(&single.latents) {
        assert!((a - b).abs() <= 1e-3 * (1.0 + a.abs()), "{a} {b}");
    }
}

/// Both are quotients and libraries of functions tested elsewhere: two roundings more.
#[test]
fn tangents_agree_with_the_standard_library() {
    for k in -4000..=4000 {
        let x = f64::from(k) * 0.00173;
        let near = |found: f64, expected: f64| (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs();
        assert!(near(Unary::Tan.value(x), x.tan()), "tan {x}");
        assert!(near(Unary::Atan.value(x), x.atan()), "atan {x}");
    }
    assert_eq!(Unary::Atan.value(f64::INFINITY), std::f64::consts::FRAC_PI_2);
    assert!(Unary::Tan.value(f64::INFINITY).is_nan());
}

/// `d x^y / dy = x^y ln x` is 0 times minus infinity at `x = 0`, and its limit is 0.
#[test]
fn a_power_of_zero_has_a_slope_in_its_exponent() {
    let (mut slope, x, y) = ([f64::NAN; 2], [0.0, 2.0], [1.5, 3.0]);
    Binary::Pow.reverse_second::<f64, false>(&x, &y, &[0.0, 8.0], &[1.0; 2], &mut slope, true);
    assert_eq!(slope[0], 0.0);
    assert!((slope[1] - 8.0 * 2f64.ln()).abs() < 1e-14);
}
