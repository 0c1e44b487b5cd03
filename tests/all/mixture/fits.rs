//! Mixtures: reference bounds, monotone ascent, exact enumeration, threads, bad input.
//!
//! `data/three_gaussians.csv` is simulated: 1000 rows of a mixture of three Gaussians (weights 0.5, 0.3, 0.2; means
//! (-2, 0), (2, 1), (0.5, -2.5); standard deviations (0.7, 1), (0.9, 0.6), (0.8, 0.5)), with start labels for 3 and 10
//! components.

use jensen::algorithm::Algorithm;
use jensen::fit::{MaxSteps, run};
use jensen::mixture::*;

/// Rows and both sets of start labels.
fn three_gaussians() -> (Table, Vec<u32>, Vec<u32>) {
    let text = include_str!("../../data/three_gaussians.csv");
    let mut columns = vec![Vec::new(); 4];
    for line in text.lines().skip(1) {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(cell.parse::<f64>().expect("a number"));
        }
    }
    let labels = |j: usize| columns[j].iter().map(|&x| x as u32).collect();
    (Table::from_columns(&columns[..2]).expect("a table"), labels(2), labels(3))
}

/// Bound after `steps` updates from the labels, the first of them from the labels alone.
fn bound_after<R: Rows + ?Sized>(rows: &R, k: usize, labels: Vec<u32>, steps: u64) -> f64 {
    let component = FullGaussian::from_rows(rows).expect("a prior");
    let weights = Weights::dirichlet(1.0 / k as f64);
    let ascent = CoordinateAscent::new(rows, &component, weights, k).expect("settings");
    let ascent = ascent.start(MixtureStart::Labels(labels)).tolerance(-f64::INFINITY);
    let mut state = ascent.init().expect("a start");
    run(&ascent, &mut state, &mut MaxSteps(steps), &mut ()).expect("a fit");
    ascent.bound(&state).expect("a bound")
}

/// The values are those of scikit-learn 1.9.1 (BayesianGaussianMixture from the same labels), its fitted attributes put
/// into the complete bound (Bishop 2006, 10.70 to 10.77) by an independent program; four decimals are known.
#[test]
fn the_bounds_of_another_program_are_met() {
    let (rows, three, ten) = three_gaussians();
    let found = bound_after(&rows, 3, three, 16);
    assert!((found + 3363.9321).abs() < 1e-6 * 3363.9321, "{found}");
    let found = bound_after(&rows, 10, ten, 209);
    assert!((found + 3371.7452).abs() < 1e-6 * 3371.7452, "{found}");
}

#[test]
fn threads_do_not_change_a_bit() {
    let mut cells = vec![0.0; 20_000];
    jensen::streams::Streams::new(1).fill_normal(1, &mut cells);
    let rows = Table::from_columns(&[cells[..10_000].to_vec(), cells[10_000..].to_vec()]).expect("a table");
    let component = FullGaussian::from_rows(&rows).expect("a prior");
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(0.5), 3).expect("settings");
            let mut state = ascent.init().expect("a start");
            run(&ascent, &mut state, &mut MaxSteps(5), &mut ()).expect("a fit");
            state
        })
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn a_sweep_allocates_nothing() {
    let (rows, _, labels) = three_gaussians();
    let component = FullGaussian::from_rows(&rows).expect("a prior");
    let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(0.1), 10).expect("settings");
    let ascent = ascent.start(MixtureStart::Labels(labels));
    let mut state = ascent.init().expect("a start");
    ascent.step(&mut state).expect("a step");
    let measured = allocation_counter::measure(|| {
        ascent.step(&mut state).expect("a step");
    });
    assert_eq!(measured.count_total, 0);
}

#[test]
fn a_stochastic_fit_over_all_blocks_begins_as_coordinate_ascent_and_few_blocks_come_close() {
    let (rows, labels, _) = three_gaussians();
    let component = FullGaussian::from_rows(&rows).expect("a prior");
    let weights = Weights::dirichlet(1.0 / 3.0);
    let ascent = CoordinateAscent::new(&rows, &component, weights, 3).expect("settings");
    let ascent = ascent.start(MixtureStart::Labels(labels.clone()));
    let settings = StochasticSettings::default().batch(4);
    let stochastic = StochasticMixture::new(&rows, &component, weights, 3, settings).expect("settings");
    let stochastic = stochastic.start(MixtureStart::Labels(labels.clone()));
    let (mut a, mut b) = (ascent.init().expect("a start"), stochastic.init().expect("a start"));
    assert_eq!(a, b);
    ascent.step(&mut a).expect("a step");
    stochastic.step(&mut b).expect("a step");
    // The blocks come in another order, so the last bits may differ.
    assert!(a.params.iter().zip(&b.params).all(|(x, y)| (x - y).abs() < 1e-9 * x.abs().max(1.0)));

    let small = StochasticSettings::default().batch(1).delay(4.0);
    let stochastic = StochasticMixture::new(&rows, &component, weights, 3, small).expect("settings");
    let stochastic = stochastic.start(MixtureStart::Labels(labels));
    let mut state = stochastic.init().expect("a start");
    run(&stochastic, &mut state, &mut MaxSteps(400), &mut ()).expect("a fit");
    let gap = -3363.9321 - ascent.bound(&state).expect("a bound");
    assert!((-1e-3..2.0).contains(&gap), "{gap}");
}

#[test]
fn merges_and_splits_leave_a_poor_optimum() {
    let (rows, _, _) = three_gaussians();
    // Three copies of the data, far apart; the start puts two copies together and cuts the third in halves.
    let mut columns = vec![Vec::new(), Vec::new()];
    let mut labels = Vec::new();
    let mut space = Vec::new();
    for copy in 0..3 {
        let block = rows.block(0, &mut space).expect("a block");
        for i in 0..200 {
            columns[0].push(block.column(0)[i] + 30.0 * f64::from(copy));
            columns[1].push(block.column(1)[i]);
            labels.push(if copy < 2 { 0 } else { 1 + u32::from(block.column(1)[i] > 0.0) });
        }
    }
    let table = Table::from_columns(&columns).expect("a table");
    let mixture =
        MixtureFit::new(FullGaussian::from_rows(&table).expect("a prior"), 3).start(MixtureStart::Labels(labels));
    let stuck = mixture.clone().moves(0).run(&table).expect("a fit");
    let freed = mixture.run(&table).expect("a fit");
    assert!(freed.bound > stuck.bound + 50.0, "{} after {}", freed.bound, stuck.bound);
    let truth: Vec<usize> = (0..600).map(|i| i / 200).collect();
    assert_eq!(adjusted_rand(&truth, &freed.assign(&table).expect("labels").labels), 1.0);
    assert!(freed.starts[0].moves > 0);
}

#[test]
fn a_fit_says_what_was_simulated() {
    let (rows, _, _) = three_gaussians();
    let fitted =
        MixtureFit::new(FullGaussian::from_rows(&rows).expect("a prior"), 3).restarts(3).run(&rows).expect("a fit");
    // Standard errors: weights sqrt(0.25 / 1000) = 0.016, means at most 0.9 / sqrt(200) = 0.064; five of them.
    for (weight, truth) in fitted.weights().iter().zip([0.5, 0.3, 0.2]) {
        assert!((weight - truth).abs() < 0.08, "{weight} for {truth}");
    }
    for (mean, truth) in fitted.means().iter().zip([[-2.0, 0.0], [2.0, 1.0], [0.5, -2.5]]) {
        assert!(mean.iter().zip(truth).all(|(m, t)| (m - t).abs() < 0.32), "{mean:?} for {truth:?}");
    }
    assert!(fitted.starts.iter().all(|s| s.agreement > 0.99));
    assert_eq!(fitted.occupied_components(), 3);
    let assigned = fitted.assign(&rows).expect("labels");
    assert!(assigned.probabilities.chunks_exact(3).all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    assert!(assigned.entropy.iter().all(|e| (0.0..=3.0_f64.ln() + 1e-12).contains(e)));
    // Point estimates and draws agree within five standard errors of 4000 draws.
    let summary = fitted.summary(4000, 1).expect("draws");
    for (line, weight) in summary.iter().zip(fitted.weights()) {
        assert!((line.mean - weight).abs() < 5.0 * line.sd / 4000.0_f64.sqrt(), "{line:?} for {weight}");
    }
    let mean = summary.iter().find(|l| l.name == "component[1].mean[0]").expect("a line");
    assert!((mean.mean - fitted.means()[1][0]).abs() < 5.0 * mean.sd / 4000.0_f64.sqrt());
    // New rows score as the data do, within five joint standard errors.
    let simulated = Table::from_rows(&fitted.simulate(2000, 3).expect("rows")).expect("a table");
    let (old, new) = (fitted.score(&rows).expect("a score"), fitted.score(&simulated).expect("a score"));
    let error = (old.standard_error.powi(2) + new.standard_error.powi(2)).sqrt();
    assert!((old.mean - new.mean).abs() < 5.0 * error, "{old:?}, {new:?}");

    let path = std::env::temp_dir().join(format!("jensen-mixture-{}.json", std::process::id()));
    fitted.save(&path).expect("a file");
    assert_eq!(fitted, MixtureFitted::load(&path).expect("a fit"));
    assert!(MixtureFitted::<Kind>::load(&path).is_ok(), "of a kind chosen at run time");
    assert!(
        MixtureFitted::<TiedGaussian>::load(&path).expect_err("another kind").to_string().contains("of another kind")
    );
    std::fs::remove_file(path).expect("the file");
}

#[test]
fn bad_input_is_named() {
    let say = |error: MixtureError| error.to_string();
    let two = Table::from_columns(&[vec![1.0, 1.0, 2.0], vec![3.0, 3.0, 4.0]]).expect("a table");
    let prior = || NormalWishart::new(vec![0.0, 0.0], 1.0, 2.0, vec![1.0, 0.0, 0.0, 1.0]).expect("a prior");
    let error = MixtureFit::new(FullGaussian::new(prior()), 3).run(&two).expect_err("too many");
    assert_eq!(say(error), "3 components for 2 distinct rows; use at most 2");

    let constant = Table::from_columns(&[vec![1.0, 2.0, 4.0], vec![0.1, 0.1, 0.1]]).expect("a table");
    let error = FullGaussian::from_rows(&constant).expect_err("constant");
    assert!(say(error).starts_with("column 1 is 0.1 in every row"));

    let copies = Table::from_columns(&[vec![1.0, 2.0, 4.0, 9.0], vec![2.0, 4.0, 8.0, 18.0]]).expect("a table");
    let fitted = MixtureFit::new(FullGaussian::from_rows(&copies).expect("a prior"), 2).run(&copies).expect("a fit");
    assert!(fitted.notes[0].contains("singular"), "{:?}", fitted.notes);
    assert!(fitted.bound.is_finite());

    let one = Table::from_columns(&[vec![1.0], vec![2.0]]).expect("a table");
    assert!(say(FullGaussian::from_rows(&one).expect_err("one row")).contains("give the prior by hand"));
    assert!(MixtureFit::new(FullGaussian::new(prior()), 1).run(&one).expect("a fit").bound.is_finite());

    let counts = |x: f64| Table::from_columns(&[vec![1.0, x, 2.0]]).expect("a table");
    for bad in [-1.0, 0.5] {
        let error = MixtureFit::new(PoissonColumns::new(1, 1.0, 1.0).expect("a prior"), 1)
            .run(&counts(bad))
            .expect_err("no count");
        assert!(say(error).starts_with(&format!("row 1, column 0: {bad} is not a count")), "{bad}");
    }
    let categories =
        MixtureFit::new(CategoricalColumn::new(3, 1.0).expect("a prior"), 1).run(&counts(0.0)).expect("a fit");
    let error = categories.assign(&counts(3.0)).expect_err("unseen");
    assert!(say(error).starts_with("row 1, column 0: 3 is not a category from 0 to 2"));

    let far = Table::from_columns(&[vec![0.0, 1.0, 1e200], vec![0.0, 1.0, 2.0]]).expect("a table");
    assert!(MixtureFit::new(FullGaussian::new(prior()), 1).run(&far).is_err());
    let empty = MixtureFit::new(FullGaussian::new(prior()), 3).moves(0).run(&copies).expect("a fit");
    assert!(empty.weights().iter().all(|w| w.is_finite()));
    assert!(MixtureFit::new(FullGaussian::new(prior()), 0).run(&two).is_err());
    assert!(MixtureFit::new(FullGaussian::new(prior()), 1).weights(Weights::dirichlet(-1.0)).run(&two).is_err());
}

/// Labels go by the place among the rows that are fitted, not by their numbers in the table they were taken from.
#[test]
fn some_blocks_of_a_table_start_from_labels_of_their_own() {
    let x: Vec<f64> =
        (0..40).map(|i| if i % 2 == 0 { 0.1 * f64::from(i) } else { 50.0 - 0.1 * f64::from(i) }).collect();
    let table = Table::with_block_rows(&[&x], 10).expect("a table");
    let some = SelectedBlocks::new(&table, [1, 3]);
    let alone = Table::with_block_rows(&[[&x[10..20], &x[30..]].concat()], 10).expect("a table");
    let labels: Vec<u32> = (0..20).map(|i| i % 2).collect();
    assert_eq!(bound_after(&some, 2, labels.clone(), 4), bound_after(&alone, 2, labels, 4));
}

/// The error of a step keeps its row, its type and its words on the way through the loop.
#[test]
fn a_row_without_a_density_is_named_wherever_it_is_found() {
    let mut x: Vec<f64> = (0..600).map(|i| f64::from(i % 9)).collect();
    x[417] = 1e200;
    let rows = Table::from_columns(&[x]).expect("a table");
    let prior = NormalWishart::new(vec![0.0], 1.0, 3.0, vec![1.0]).expect("a prior");
    let component = FullGaussian::new(prior);
    let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(1.0), 2).expect("settings");
    let mut labels = vec![0; 600];
    labels[..300].fill(1);
    let ascent = ascent.start(MixtureStart::Labels(labels));
    let state = ascent.init().expect("a start");
    // The start has taken the row in; a q at the prior has not.
    let prior_state = {
        let mut state = state.clone();
        let half = state.params.len() / 2;
        state.params.chunks_exact_mut(half).for_each(|p| Component::prior(&component, p));
        state
    };
    let mut state = prior_state;
    let error = run(&ascent, &mut state, &mut MaxSteps(3), &mut ()).expect_err("no density");
    assert!(error.to_string().starts_with("row 417 has no finite density"), "{error}");
    let error = MixtureError::from(error);
    assert!(matches!(error, MixtureError::NoDensity { row: 417 }), "{error:?}");
}

/// Starts in parallel, passes in parallel, and one ascent asked for bounds by several threads at a time: nothing waits for
/// itself.
#[test]
fn one_ascent_may_be_asked_by_many_threads() {
    use rayon::prelude::*;
    let mut cells = vec![0.0; 40_000];
    jensen::streams::Streams::new(3).fill_normal(1, &mut cells);
    let rows = Table::from_columns(&[cells[..20_000].to_vec(), cells[20_000..].to_vec()]).expect("a table");
    let component = FullGaussian::from_rows(&rows).expect("a prior");
    let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(0.5), 4).expect("settings");
    let state = ascent.init().expect("a start");
    let expected = ascent.bound(&state).expect("a bound");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
    let bounds: Vec<f64> =
        pool.install(|| (0..24).into_par_iter().map(|_| ascent.bound(&state).expect("a bound")).collect());
    assert!(bounds.iter().all(|b| *b == expected));
    let fit = || MixtureFit::new(component.clone(), 4).restarts(6).moves(2).max_steps(20).run(&rows).expect("a fit");
    let fitted = pool.install(fit);
    assert_eq!(fitted.starts.len(), 6);
    assert_eq!(fitted.bound, fit().bound);
}
