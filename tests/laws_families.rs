//! The laws over families that are not Gaussian, and closed forms that their gradients must reproduce.

use jensen::family::*;
use jensen::model::{Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Broken, Case};

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

type Body = fn(&LogJoint);

struct Sites(Body);

impl Model for Sites {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

fn layout(body: Body) -> Layout {
    ok(Target::new(&Sites(body))).layout().clone()
}

fn positive(p: &LogJoint) {
    let (a, b) = (p.positive("a"), p.above("b", 1.5));
    p.add(-a - b);
}

fn unit(p: &LogJoint) {
    let (a, b) = (p.unit("a"), p.interval("b", -1.0, 3.0));
    p.add(a - b);
}

fn simplex(p: &LogJoint) {
    p.add(p.simplex("a", 3).at(0).ln());
}

fn simplices(p: &LogJoint) {
    p.add(p.simplex("a", 4).at(0).ln() + p.simplex("b", 2).at(1).ln());
}

fn angles(p: &LogJoint) {
    let a = p.draw("a", von_mises(0.0, 1.0));
    p.draw("b", von_mises(a, 1.0));
}

fn rates(p: &LogJoint) {
    let a = p.positive("a");
    p.add(-a);
    p.rows(1..6, |i| {
        let b = i.draw("b", gamma(2.0, a));
        i.add(-b);
    });
}

fn mixed(p: &LogJoint) {
    let (a, b, c) = (p.positive("a"), p.unit("b"), p.real("c"));
    p.add(-a - b - c.square() + p.simplex("d", 3).at(0).ln());
}

type Boxed = Box<dyn Reparam>;

/// Every family with a layout it covers and parameters without symmetry.
fn families() -> Vec<(Layout, Boxed, Vec<f64>)> {
    let gamma = |l: &Layout| Box::new(Gamma::new(l)) as Boxed;
    let mut all = Vec::new();
    let mut add = |body: Body, make: &dyn Fn(&Layout) -> Boxed, params: &[f64]| {
        let layout = layout(body);
        let family = make(&layout);
        ok(family.covers(&layout));
        assert_eq!(family.num_params(), params.len(), "{}", family.name());
        all.push((layout, family, params.to_vec()));
    };
    add(positive, &gamma, &[0.3, -1.1, 0.9, -0.7]);
    add(positive, &gamma, &[2.3, 0.1, 3.0, 5.5]);
    add(rates, &gamma, &[0.3, 0.4, 0.1, -0.2, 0.6, 0.9, -0.4, 1.0, 0.2, 0.7, 1.5, -0.3]);
    add(unit, &|l| Box::new(Beta::new(l)), &[0.4, -0.9, 1.2, 2.8]);
    add(simplex, &|l| Box::new(Dirichlet::new(l)), &[0.6, -0.4, 1.3]);
    add(simplices, &|l| Box::new(Dirichlet::new(l)), &[0.6, -0.4, 1.3, 0.2, 0.8, 2.0]);
    add(angles, &|l| Box::new(VonMises::new(l)), &[0.5, -1.0, 1.9, 0.6]);
    let block = |l: &Layout| -> Boxed {
        let block = ok(Block::new(l).over(&["a"], Gamma::new));
        let block = ok(block.over(&["b"], Beta::new));
        Box::new(ok(ok(block.over(&["d"], Dirichlet::new)).over_rest(MeanField::new)))
    };
    add(mixed, &block, &[0.3, 0.9, -0.2, 1.4, 0.3, 0.8, -0.5, 0.1, -0.4]);
    all
}

fn row_sets(layout: &Layout) -> Vec<RowSet> {
    let some = RowSet::minibatch(vec![5, 2, 3], 5);
    match layout.num_rows {
        0 => vec![RowSet::all()],
        _ => vec![RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }],
    }
}

fn for_all(num_draws: usize, check: impl Fn(&Boxed, &Case) -> Result<(), Broken>) {
    for (layout, family, params) in families() {
        for rows in &row_sets(&layout) {
            let case = Case { layout: &layout, params: &params, theta: &[], rows, streams: Streams::new(6), num_draws };
            if let Err(broken) = check(&family, &case) {
                panic!("{}: {broken}", family.name());
            }
        }
    }
}

#[test]
fn derivatives_of_every_family() {
    for_all(3, |family, case| {
        laws::transform_is_sample(family, case)?;
        laws::pullback_is_derivative(family, case)?;
        laws::score_is_derivative(family, case)?;
        laws::grad_log_q_is_derivative(family, case)?;
        laws::entropy_gradient_is_derivative(family, case)
    });
}

#[test]
fn densities_and_draws_of_every_family_agree() {
    for_all(20_000, |family, case| {
        laws::score_has_mean_zero(family, case, 4.5)?;
        laws::entropy_is_mean(family, case, 4.5)
    });
}

#[test]
fn every_density_integrates_to_one() {
    for_all(1, |family, case| match (case.layout.num_latents, case.layout.num_row_latents) {
        (1..=2, 0) => laws::is_normalised(family, case),
        _ => Ok(()),
    });
}
