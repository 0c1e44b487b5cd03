//! The models, families and sets of rows that the laws are held over.

use jensen::family::{
    Affine, Blockwise, Delta, Family, FullRank, Guide, Guided, LowRank, MeanField, Reparam, StudentTNoise, TracedFamily,
};
use jensen::model::{Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Broken, Case};

/// Three correlated latents, neither normal nor symmetric, and a parameter.
pub struct Global;

impl Model for Global {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[1]).at(0);
        let (a, b, c) = (p.real("a"), p.real("b"), p.positive("c"));
        p.add(-(a - theta).square() - 0.3 * (b - a.sin()).square() - (0.2 * b).cosh() - 0.1 * theta.square());
        p.add(-0.5 * c - (c - 0.3 * a).square());
    }
}

/// Latents of rows between global ones.
pub struct Rows {
    pub x: Column,
}

impl Model for Rows {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let s = p.draw("s", half_normal(1.0));
        p.rows(1..self.x.len(), |i| {
            let z = i.draw("z", normal(mu, s));
            let w = i.draw("w", normal(z, 1.0));
            i.observe(self.x.at(i), normal(z + 0.5 * w, 0.7));
        });
    }
}

pub fn rows_model() -> Rows {
    Rows { x: Column::new([0.0, 0.4, -1.2, 2.0, 0.1, 0.8, -0.3]) }
}

/// A guide for [`Global`]: a normal, a conditional normal, and a transform that is not location-scale.
pub struct Bent;

impl Guide for Bent {
    fn draw(&self, q: &Guided) {
        let w = q.parameter_from("w", &[0.2, -0.4, 0.6, 0.1, -0.3]);
        let a = q.normal("a", w.at(0), w.at(1).exp());
        let b = q.normal("b", w.at(2) * a + w.at(3), 0.8);
        // c = sinh(b / 4 + e^w noise): the density of asinh(c) times the slope of asinh.
        let (m, s) = (0.25 * b, w.at(4).exp());
        q.latent(
            "c",
            |e| (m + s * e).sinh(),
            |c| {
                let root = (c.square() + 1.0).sqrt();
                normal(m, s).log_density((c + root).ln()) - root.ln()
            },
        );
    }
}

/// An encoder for [`Rows`], with global latents beside it.
pub struct Encoder {
    pub x: Column,
}

impl Guide for Encoder {
    fn draw(&self, q: &Guided) {
        let w = q.parameter_from("w", &[0.3, -0.2, 0.5, 0.1]);
        let scale = q.parameter_from("scale", &[-0.5, -0.2]);
        let means = q.parameter_from("means", &[0.1, -0.6]);
        let sd = q.parameter_from("sds", &[-0.7, -0.9]).map(|l| l.exp());
        let mu = q.normal("mu", means.at(0), sd.at(0));
        q.normal("s", means.at(1), sd.at(1));
        q.rows(|i| {
            let h = (w.at(0) * self.x.at(i) + w.at(1)).tanh() + 0.1 * mu;
            let z = i.normal("z", h, scale.at(0).exp());
            i.normal("w", w.at(2) * z + w.at(3) * self.x.at(i), scale.at(1).exp());
        });
    }
}

pub type Boxed = Box<dyn Reparam>;

pub fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// Every family of three global latents.
pub fn global_families(layout: &Layout) -> Vec<Boxed> {
    let mean_field = || MeanField::new(layout);
    let block = Blockwise::new(layout).over(&["c", "a"], |g| FullRank::new(g.num_latents));
    let with_point = Blockwise::new(layout).over(&["b"], Delta::new);
    vec![
        Box::new(mean_field()),
        Box::new(FullRank::new(3)),
        Box::new(LowRank::new(3, 1)),
        Box::new(LowRank::new(3, 2)),
        Box::new(ok(StudentTNoise::new(mean_field(), 5.0))),
        Box::new(ok(StudentTNoise::new(FullRank::new(3), 7.5))),
        Box::new(Delta::new(layout)),
        Box::new(ok(block.and_then(|b| b.over_rest(|g| StudentTNoise::new(MeanField::new(g), 6.0).unwrap())))),
        Box::new(ok(with_point.and_then(|b| b.over_rest(|g| LowRank::new(g.num_latents, 1))))),
        Box::new(ok(TracedFamily::new(&Bent, layout))),
        Box::new(Affine::new(ok(TracedFamily::new(&Bent, layout)), 3)),
        Box::new(Affine::new(ok(StudentTNoise::new(mean_field(), 9.0)), 3)),
    ]
}

/// Every family of latents of rows.
pub fn row_families(layout: &Layout) -> Vec<Boxed> {
    let block = Blockwise::new(layout).over(&["w", "s"], MeanField::new);
    vec![
        Box::new(MeanField::new(layout)),
        Box::new(ok(StudentTNoise::new(MeanField::new(layout), 5.0))),
        Box::new(Delta::new(layout)),
        Box::new(ok(block.and_then(|b| b.over(&["z"], Delta::new)).and_then(|b| b.over_rest(MeanField::new)))),
        Box::new(ok(TracedFamily::new(&Encoder { x: rows_model().x }, layout))),
    ]
}

/// Transform, pullback, score and their kin are what they say.
pub fn has_its_derivatives(family: &Boxed, case: &Case) {
    named(family, case, laws::transform_is_sample(family, case));
    named(family, case, laws::pullback_is_derivative(family, case));
    named(family, case, laws::score_is_derivative(family, case));
    named(family, case, laws::grad_log_q_is_derivative(family, case));
    named(family, case, laws::entropy_gradient_is_derivative(family, case));
    named(family, case, laws::rescale_is_affine(family, case));
}

/// Densities are those of the draws, to 4.5 standard errors.
pub fn has_the_density_of_its_draws(family: &Boxed, case: &Case) {
    named(family, case, laws::score_has_mean_zero(family, case, 4.5));
    named(family, case, laws::entropy_is_mean(family, case, 4.5));
}

/// Parameters without symmetry.
pub fn somewhere(family: &dyn Family, num_latents: usize) -> Vec<f64> {
    let centre: Vec<f64> = (0..num_latents).map(|k| 0.3 - 0.4 * k as f64).collect();
    let mut params = family.init(&centre, 0.6);
    let mut shifts = vec![0.0; params.len()];
    Streams::new(77).fill_uniform(1, &mut shifts);
    params.iter_mut().zip(shifts).for_each(|(p, u)| *p += 0.5 * (u - 0.5));
    params
}

/// All rows, some of them with a weight, and rows alone as on one of several machines.
pub fn row_sets() -> Vec<RowSet> {
    let some = RowSet::minibatch(vec![5, 2, 3], 6);
    vec![RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }]
}

/// Calls `check` with every family, for its model.
pub fn for_all(mut check: impl FnMut(&Target, &Boxed, &Case)) {
    let (global, rows) = (ok(Target::new(&Global)), ok(Target::new(&rows_model())));
    for family in global_families(global.layout()) {
        ok(family.covers(global.layout()));
        let params = somewhere(&*family, 3);
        let rows = RowSet::all();
        let streams = Streams::new(5);
        let case = Case { layout: global.layout(), params: &params, theta: &[0.4], rows: &rows, streams, num_draws: 3 };
        check(&global, &family, &case);
    }
    for family in row_families(rows.layout()) {
        ok(family.covers(rows.layout()));
        let params = somewhere(&*family, 2);
        for set in row_sets() {
            let streams = Streams::new(6);
            let case = Case { layout: rows.layout(), params: &params, theta: &[], rows: &set, streams, num_draws: 2 };
            check(&rows, &family, &case);
        }
    }
}

pub fn named(family: &dyn Family, case: &Case, result: Result<(), Broken>) {
    if let Err(broken) = result {
        panic!("{} with {:?}: {broken}", family.name(), case.rows);
    }
}
