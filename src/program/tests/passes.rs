//! Properties of every pass: buffers, threads, subsets of rows, mistakes.

use super::*;

#[test]
fn buffers_of_one_program_serve_another() {
    let (one, other) = (row_program(83), scalar_row_program(83));
    let mut space = Workspace::default();
    for recording in [&one, &other, &one] {
        let (plan, inputs, mut response) =
            (Plan::<f64>::new(recording), Inputs::new(recording, 3), Response::default());
        run(&plan, &inputs.request(), &mut space, &mut response);
        let fresh = execute::<f64>(recording, &inputs.request());
        assert_eq!(response.latents, fresh.latents);
        assert_eq!(response.row_sums, fresh.row_sums);
        assert_eq!(response.global_terms, fresh.global_terms);
    }
}

#[test]
fn threads_change_no_bit() {
    let recording = row_program(2_500);
    let inputs = Inputs::new(&recording, 70);
    let alone = execute::<f64>(&recording, &inputs.request());
    for threads in [2, 3] {
        let helpers = Helpers::new(threads).expect("threads");
        let many = execute::<f64>(&recording, &Request { helpers: Some(&helpers), ..inputs.request() });
        assert_eq!(alone.latents, many.latents);
        assert_eq!(alone.row_latents, many.row_latents);
        assert_eq!(alone.parameters, many.parameters);
        assert_eq!(alone.row_sums, many.row_sums);
    }
}

/// A pass over the same input sweeps back over the values that stand, in one block of rows or in many.
#[test]
fn a_gradient_after_its_values_is_that_of_a_pass_alone() {
    for rows in [20, 2_500] {
        let recording = row_program(rows);
        let inputs = Inputs::new(&recording, 3);
        let alone = execute::<f64>(&recording, &inputs.request());
        let plan = Plan::<f64>::new(&recording);
        let (mut space, mut response) = (Workspace::default(), Response::default());
        run(&plan, &Request { gradient: false, ..inputs.request() }, &mut space, &mut response);
        for _ in 0..2 {
            run(&plan, &Request { repeats_last: true, ..inputs.request() }, &mut space, &mut response);
            assert_eq!(alone.latents, response.latents);
            assert_eq!(alone.row_latents, response.row_latents);
            assert_eq!(alone.parameters, response.parameters);
            assert_eq!((&alone.row_sums, &alone.global_terms), (&response.row_sums, &response.global_terms));
        }
        // Of other latents the values that stand are not those of the pass, which shows that they are used.
        let moved: Vec<f64> = inputs.latents.iter().map(|z| z + 0.5).collect();
        run(&plan, &Request { latents: &moved, repeats_last: true, ..inputs.request() }, &mut space, &mut response);
        assert_eq!(alone.latents, response.latents, "{rows} rows");
    }
}

#[test]
fn minibatches_over_a_partition_add_up_to_the_full_pass() {
    let recording = row_program(83);
    let inputs = Inputs::new(&recording, 2);
    let full = execute::<f64>(&recording, &inputs.request());
    let mut gradient = vec![0.0; full.latents.len()];
    let mut sums = vec![0.0; full.row_sums.len()];
    for start in (0..83).step_by(20) {
        let rows: Vec<u32> = (start..83.min(start + 20)).collect();
        // Row latents are laid out for the rows of the pass.
        let pick = |k: usize| rows.iter().flat_map(move |&r| (0..2).map(move |d| (k * 83 + r as usize) * 2 + d));
        let row_latents: Vec<f64> = (0..2).flat_map(pick).map(|at| inputs.row_latents[at]).collect();
        let request = Request {
            rows: Rows::Subset(&rows),
            row_latents: &row_latents,
            global_terms: start == 0,
            ..inputs.request()
        };
        let part = execute::<f64>(&recording, &request);
        gradient.iter_mut().zip(&part.latents).for_each(|(g, p)| *g += p);
        sums.iter_mut().zip(&part.row_sums).for_each(|(s, p)| *s += p);
    }
    for (a, b) in full.latents.iter().zip(&gradient).chain(full.row_sums.iter().zip(&sums)) {
        assert!((a - b).abs() <= 1e-11 * (1.0 + a.abs()), "{a} {b}");
    }
}

#[test]
fn row_terms_sum_to_the_total() {
    let recording = row_program(83);
    let inputs = Inputs::new(&recording, 3);
    let response = execute::<f64>(&recording, &Request { row_terms: true, ..inputs.request() });
    for d in 0..3 {
        let rows: f64 = response.row_terms.iter().skip(d).step_by(3).sum();
        let total: f64 = response.row_sums.iter().skip(d).step_by(3).sum();
        assert!((rows - total).abs() <= 1e-11 * (1.0 + total.abs()), "{rows} {total}");
    }
}

#[test]
fn a_branch_not_taken_poisons_nothing() {
    let recording = record_latents(2, |z| {
        let bad = (z[0] - 10.0).ln().recip() * (z[1] / (z[0] - z[0])).sqrt();
        vec![z[0].less_than(5.0).select(z[1].square(), bad)]
    });
    let inputs = Inputs { latents: vec![1.0, 3.0], ..Inputs::new(&recording, 1) };
    let response = execute::<f64>(&recording, &inputs.request());
    assert_eq!(totals(&response, 1), [9.0]);
    assert_eq!(response.latents, [0.0, 6.0]);
}

#[test]
fn mistakes_name_the_line() {
    let error = recording::record(|| {
        let v = latent_vector(3);
        let _ = v.at(7usize);
    });
    let message = error.err().expect("an error").to_string();
    assert!(message.contains("passes.rs:") && message.contains("element 7 of a vector with 3 elements"), "{message}");
}

#[test]
fn constants_fold_and_equal_nodes_are_shared() {
    let recording = record_latents(2, |z| vec![(z[0] * z[1]).exp() + (z[0] * z[1]).exp() * Real::from(2.0).ln()]);
    // latent vector, two elements, product, exp, factor, sum
    assert_eq!(recording.nodes.len(), 7);
}
