//! The laws over the families of integers, and what [`Discrete`] says of them.

use jensen::family::{BernoulliFactors, CategoricalFactors, Discrete, Family, PoissonFactors};
use jensen::model::{Draws, Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};

/// Two integers outside of rows and one or two in each of five rows, numbered from 1.
struct Switches {
    two_valued: bool,
}

impl Model for Switches {
    fn log_joint(&self, p: &LogJoint) {
        let most = if self.two_valued { 2 } else { 4 };
        let a = p.integer("a", 0..most);
        let b = p.integer("b", 3..5);
        p.add(0.1 * a.to_real() * b.to_real());
        let x = Column::new([0.0, 0.4, -1.2, 2.0, 0.1, 0.8]);
        p.rows(1..6, |i| {
            let c = i.integer("c", 1..1 + most);
            let d = i.integer("d", 0..2);
            i.add(c.to_real() * x.at(i) + 0.3 * d.to_real());
        });
    }
}

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

fn layout(two_valued: bool) -> Layout {
    ok(Target::new(&Switches { two_valued })).layout().clone()
}

fn families() -> Vec<(Layout, Box<dyn Discrete>)> {
    let (two, four) = (layout(true), layout(false));
    vec![
        (two.clone(), Box::new(ok(BernoulliFactors::new(&two)))),
        (two.clone(), Box::new(ok(CategoricalFactors::new(&two)))),
        (four.clone(), Box::new(ok(CategoricalFactors::new(&four)))),
    ]
}

fn somewhere(n: usize) -> Vec<f64> {
    let mut params = vec![0.0; n];
    Streams::new(77).fill_uniform(1, &mut params);
    params.iter_mut().for_each(|p| *p = 3.0 * *p - 1.2);
    params
}

fn row_sets() -> Vec<RowSet> {
    let some = RowSet::minibatch(vec![5, 2, 3], 5);
    vec![RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }]
}

#[test]
fn families_of_integers_keep_the_laws() {
    for (layout, family) in families() {
        ok(family.covers(&layout));
        let params = somewhere(family.num_params());
        for rows in &row_sets() {
            let streams = Streams::new(6);
            let case = Case { layout: &layout, params: &params, theta: &[], rows, streams, num_draws: 3 };
            ok(laws::score_is_derivative(&*family, &case));
            ok(laws::entropy_gradient_is_derivative(&*family, &case));
            let case = Case { num_draws: 20_000, ..case };
            ok(laws::score_has_mean_zero(&*family, &case, 4.5));
            ok(laws::entropy_is_mean(&*family, &case, 4.5));
        }
    }
}

/// One draw with every integer at its smallest value.
fn lowest(family: &dyn Discrete, layout: &Layout, rows: &RowSet) -> Draws {
    let mut z = Draws::zeros(layout, rows.len(layout), 1);
    for latent in 0..family.num_latents(rows) {
        let integer = family.integer(rows, latent);
        integer.lane_mut(&mut z)[0] = integer.low;
    }
    z
}

#[test]
fn listed_probabilities_are_those_of_log_q() {
    for (layout, family) in families() {
        let params = somewhere(family.num_params());
        let rows = RowSet { subset: Some(vec![4, 1]), ..RowSet::all() };
        assert_eq!(family.num_latents(&rows), family.num_integers() + 2 * family.num_row_integers());
        let mut z = lowest(&*family, &layout, &rows);
        let (mut base, mut log_q, mut p) = ([0.0], [0.0], Vec::new());
        family.log_q(&params, &rows, &z, &mut base);
        for latent in 0..family.num_latents(&rows) {
            family.probabilities(&params, &rows, latent, &mut p);
            let integer = family.integer(&rows, latent);
            assert_eq!(p.len(), integer.num_values);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{p:?}");
            for (v, p_v) in p.iter().enumerate() {
                integer.lane_mut(&mut z)[0] = integer.low + v as u32;
                family.log_q(&params, &rows, &z, &mut log_q);
                let ratio = (log_q[0] - base[0]).exp();
                assert!((p_v / p[0] / ratio - 1.0).abs() < 1e-12, "{}, latent {latent}, value {v}", family.name());
            }
            integer.lane_mut(&mut z)[0] = integer.low;
        }
    }
}

#[test]
fn pulls_are_derivatives_of_the_probabilities() {
    for (_, family) in families() {
        let params = somewhere(family.num_params());
        let rows = RowSet { subset: Some(vec![4, 1]), ..RowSet::all() };
        for latent in 0..family.num_latents(&rows) {
            let bar: Vec<f64> = (0..family.integer(&rows, latent).num_values).map(|v| 0.7 - 0.9 * v as f64).collect();
            let (mut grad, mut log_grad) = (vec![0.0; params.len()], vec![0.0; params.len()]);
            family.pull_probabilities(&params, &rows, latent, &bar, &mut grad);
            family.pull_log_probabilities(&params, &rows, latent, &bar, &mut log_grad);
            let value = |params: &[f64]| {
                let mut p = Vec::new();
                family.probabilities(params, &rows, latent, &mut p);
                let plain: f64 = p.iter().zip(&bar).map(|(p, b)| p * b).sum();
                (plain, p.iter().zip(&bar).map(|(p, b)| p.ln() * b).sum::<f64>())
            };
            for k in 0..params.len() {
                let at = |h: f64| {
                    let mut moved = params.clone();
                    moved[k] += h;
                    value(&moved)
                };
                // Central differences: error h^2 / 6 of the third derivative, at most 0.2 for these, and 1e-16 / h.
                let (up, down) = (at(1e-5), at(-1e-5));
                assert!((grad[k] - (up.0 - down.0) / 2e-5).abs() < 1e-9, "{}, latent {latent}", family.name());
                assert!((log_grad[k] - (up.1 - down.1) / 2e-5).abs() < 1e-9, "{}, latent {latent}", family.name());
            }
        }
    }
}

#[test]
fn a_logit_is_pulled_exactly_where_a_probability_underflows() {
    let layout = layout(true);
    let rows = RowSet::all();
    for (family, params) in [
        (Box::new(ok(BernoulliFactors::new(&layout))) as Box<dyn Discrete>, vec![800.0; 12]),
        (Box::new(ok(CategoricalFactors::new(&layout))), [0.0, 800.0].repeat(12)),
    ] {
        let mut grad = vec![0.0; params.len()];
        family.pull_log_probabilities(&params, &rows, 0, &[-2.5, 2.5], &mut grad);
        assert_eq!(grad[params.len() / 12 - 1], 2.5, "{}", family.name());
    }
}

#[test]
fn sites_that_do_not_fit_are_refused_in_words() {
    let message = BernoulliFactors::new(&layout(false)).unwrap_err().to_string();
    assert!(message.contains("\"a\" is an integer 0 to 3"), "{message}");
    assert!(message.contains("use `CategoricalFactors`"), "{message}");
}

/// Counts outside of rows and in three rows.
struct Counts;

impl Model for Counts {
    fn log_joint(&self, p: &LogJoint) {
        let a = p.draw_integer("a", poisson(2.0));
        p.rows(3, |i| {
            let b = i.draw_integer("b", poisson(7.0));
            i.add(0.1 * b.to_real() * a.to_real());
        });
    }
}

#[test]
fn poisson_keeps_the_laws() {
    let layout = ok(Target::new(&Counts)).layout().clone();
    let family = ok(PoissonFactors::new(&layout));
    ok(family.covers(&layout));
    // Rates of 0.02, 2, 33 and 148.
    let params = [-4.0, 0.7, 3.5, 5.0];
    let some = RowSet::minibatch(vec![2, 1], 3);
    for rows in [RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }] {
        let streams = Streams::new(6);
        let case = Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams, num_draws: 3 };
        ok(laws::score_is_derivative(&family, &case));
        ok(laws::entropy_gradient_is_derivative(&family, &case));
        let case = Case { num_draws: 20_000, ..case };
        ok(laws::score_has_mean_zero(&family, &case, 4.5));
        ok(laws::entropy_is_mean(&family, &case, 4.5));
    }
}

#[test]
fn poisson_draws_have_the_probabilities_of_their_density() {
    let model = |p: &LogJoint| _ = p.draw_integer("a", poisson(2.0));
    struct One<F>(F);
    impl<F: Fn(&LogJoint) + Sync> Model for One<F> {
        fn log_joint(&self, p: &LogJoint) {
            (self.0)(p);
        }
    }
    let layout = ok(Target::new(&One(model))).layout().clone();
    let family = ok(PoissonFactors::new(&layout));
    let n = 40_000;
    for ln_rate in [-2.0, 0.9, 3.0] {
        let mut z = Draws::zeros(&layout, 0, n);
        family.sample(&[ln_rate], &RowSet::all(), Streams::new(2), &mut z);
        // The rate's powers over factorials, one after the other.
        let (mut p, mut total) = ((-f64::exp(ln_rate)).exp(), 0.0);
        for k in 0..60_u32 {
            let found = z.integers.iter().filter(|&&i| i == k).count() as f64 / n as f64;
            let error = (p * (1.0 - p) / n as f64).sqrt();
            assert!((found - p).abs() < 4.5 * error + 1.5 / n as f64, "{ln_rate}, {k}: {found}, expected {p}");
            let (mut at, mut log_q) = (Draws::zeros(&layout, 0, 1), [0.0]);
            at.integers[0] = k;
            family.log_q(&[ln_rate], &RowSet::all(), &at, &mut log_q);
            assert!((log_q[0] - p.ln()).abs() < 1e-11, "{ln_rate}, {k}");
            total += log_q[0].exp();
            p *= ln_rate.exp() / f64::from(k + 1);
        }
        assert!((total - 1.0).abs() < 1e-10, "{ln_rate}: {total}");
    }
}

#[test]
fn poisson_refuses_bounded_integers_and_stops_at_the_largest() {
    let message = PoissonFactors::new(&layout(true)).unwrap_err().to_string();
    assert!(message.contains("is an integer 0 to 1, a Poisson family draws integers without"), "{message}");
    let layout = ok(Target::new(&Counts)).layout().clone();
    let family = ok(PoissonFactors::new(&layout));
    let mut z = Draws::zeros(&layout, 3, 2);
    family.sample(&[60.0, 0.0, f64::INFINITY, f64::NAN], &RowSet::all(), Streams::new(1), &mut z);
    assert_eq!(z.integers, [u32::MAX - 1; 2]);
}
