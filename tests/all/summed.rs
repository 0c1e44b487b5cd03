//! Integers that a target sums out, against sums over all of their joint values.

use jensen::model::{Draws, RowSet, SiteKind};
use jensen::objective::log_sum_exp;
use jensen::prelude::*;
use jensen::program::sum;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Options, Pass, Precision, Target};

/// Three latents of the model, one of each row, two integers outside of rows and two of each row, which meet in every way
/// that a program has for them.
struct Everything {
    y: Column,
    x: Matrix,
    group: IntColumn,
}

impl Everything {
    fn new() -> Self {
        Everything {
            y: Column::new([0.3, -1.2, 0.8]),
            x: Matrix::new([1.0, 0.5, -0.3, 0.2, 0.9, -1.1], 2).expect("a table"),
            group: IntColumn::new([0, 2, 1]),
        }
    }
}

impl Model for Everything {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draws("mu", normal(0.0, 2.0), 3);
        let w = p.draw("w", dirichlet(Vector::constant(&[1.0, 2.0, 1.5])));
        let s = p.draw("s", half_normal(1.0));
        let regime = p.draw_integer("regime", categorical(w));
        let on = p.draw_integer("on", bernoulli(0.3 + 0.4 * (-s).exp()));
        p.derive("centre", mu.at(regime) * on.to_real());
        p.add(-0.1 * (mu.at(regime) - 1.0).square());
        p.observe(0.4, normal(mu.at(regime), 1.0 + s));
        p.rows(3, |i| {
            let local = i.draw("local", normal(mu.at(self.group.at(i)), 1.0));
            let class = i.draw_integer("class", categorical(w));
            let sign = i.draw_integer("sign", bernoulli((0.5 * local).sigmoid()));
            let either = class.equal_to(regime).select(local, mu.at(class));
            let both = Vector::new(&[either, sign.to_real() * mu.at(0), local]);
            i.observe(self.y.at(i), normal(both.at(class) + 0.3 * sign.to_real(), s + 0.1));
            i.observe_each(&self.x.at(i).to_vector(), &Vector::new(&[both.at(0), both.at(1)]), |m| normal(m, 1.5));
            i.add(-0.2 * class.at_most(sign + 1).and(on.equal_to(1)).select(sum(&[s, local]), 0.5));
            i.derive("picked", both.at(class));
        });
    }
}

/// All joint values of the integers of a target at one draw of the other latents, as lanes.
fn every_state(target: &Target, z: &Draws) -> Draws {
    let (layout, num_rows) = (target.layout(), z.num_rows);
    let ranges = |kind| {
        let mut sites: Vec<_> = layout.sites_of(kind).collect();
        sites.sort_by_key(|s| s.offset);
        sites.iter().map(|s| s.range.expect("a range")).collect::<Vec<_>>()
    };
    let outside = ranges(SiteKind::Integer);
    let places: Vec<(u32, u32)> = outside
        .iter()
        .copied()
        .chain(ranges(SiteKind::RowInteger).iter().flat_map(|r| std::iter::repeat_n(*r, num_rows)))
        .collect();
    let size = |r: &(u32, u32)| (r.1 - r.0) as usize + 1;
    let n: usize = places.iter().map(size).product();
    let repeated = |v: &[f64]| v.iter().flat_map(|x| std::iter::repeat_n(*x, n)).collect();
    let mut before = 1;
    let lanes: Vec<Vec<u32>> = places
        .iter()
        .map(|r| {
            let lane = (0..n).map(|l| r.0 + (l / before % size(r)) as u32).collect();
            before *= size(r);
            lane
        })
        .collect();
    let (first, rest) = lanes.split_at(outside.len());
    Draws {
        num_draws: n,
        num_rows,
        latents: repeated(&z.latents),
        integers: first.concat(),
        row_latents: repeated(&z.row_latents),
        row_integers: rest.concat(),
    }
}

fn pass_with(data_weight: Option<f64>, draw_weights: &[f64]) -> Pass {
    let mut pass = Pass::default();
    (pass.data_weight, pass.draw_weights) = (data_weight, draw_weights.to_vec());
    pass
}

/// What enumeration says of one draw.
struct Truth {
    log_density: f64,
    /// `ln sum exp` of all terms but those of data.
    before: f64,
    grad: Draws,
    grad_theta: Vec<f64>,
    /// The states and their probabilities.
    states: Draws,
    shares: Vec<f64>,
}

fn truth(target: &Target, theta: &[f64], z: &Draws) -> Truth {
    let states = every_state(target, z);
    let (rows, mut pass) = (RowSet::all(), Pass::default());
    target.log_density(theta, &states, &rows, &mut pass).expect("densities");
    let joint = pass.log_density.clone();
    pass.data_weight = Some(0.0);
    target.log_density(theta, &states, &rows, &mut pass).expect("densities");
    let (log_density, before) = (log_sum_exp(&joint), log_sum_exp(&pass.log_density));
    let shares: Vec<f64> = joint.iter().map(|l| (l - log_density).exp()).collect();
    let mut pass = pass_with(None, &shares);
    let (mut by_state, mut grad_theta) = (Draws::default(), vec![0.0; theta.len()]);
    target
        .log_density_and_gradient(theta, &states, &rows, &mut pass, &mut by_state, &mut grad_theta)
        .expect("gradients");
    let n = states.num_draws;
    let sums = |v: &[f64]| v.chunks_exact(n).map(|lane| lane.iter().sum()).collect();
    let grad = Draws { latents: sums(&by_state.latents), row_latents: sums(&by_state.row_latents), ..Draws::default() };
    Truth { log_density, before, grad, grad_theta, states, shares }
}

/// Three draws of the latents that are not integers.
fn some_draws(target: &Target) -> Draws {
    let layout = target.layout();
    let mut z = Draws::zeros(&layout.without_integers(), layout.num_rows, 3);
    let value = |k: usize| 0.2 + 0.9 * ((k as f64) * 12.9898).sin();
    z.latents.iter_mut().enumerate().for_each(|(k, x)| *x = value(k));
    z.row_latents.iter_mut().enumerate().for_each(|(k, x)| *x = value(k + 31));
    z
}

fn one_of(z: &Draws, d: usize) -> Draws {
    let lane = |v: &[f64]| v.iter().skip(d).step_by(z.num_draws).copied().collect();
    Draws {
        num_draws: 1,
        num_rows: z.num_rows,
        latents: lane(&z.latents),
        row_latents: lane(&z.row_latents),
        ..Draws::default()
    }
}

fn close(found: f64, expected: f64, what: &str) {
    // Sums of some hundred terms of a few units each, and a logarithm of a sum of a thousand exponentials.
    assert!((found - expected).abs() <= 2e-13 * expected.abs().max(10.0), "{what}: {found}, expected {expected}");
}

fn agrees(model: &impl Model, theta: &[f64]) {
    let whole = Target::new(model).expect("a model");
    let summed = Target::new(model).expect("a model").sum_out_integers().expect("few integers");
    let layout = summed.layout();
    assert_eq!((layout.num_integers, layout.num_row_integers), (0, 0));
    let z = some_draws(&whole);
    let (rows, mut grad, mut grad_theta) = (RowSet::all(), Draws::default(), vec![0.0; theta.len()]);
    let each: Vec<Truth> = (0..3).map(|d| truth(&whole, theta, &one_of(&z, d))).collect();
    for data_weight in [None, Some(0.3), Some(0.0)] {
        let weights = [0.5, -1.0, 2.0];
        let mut pass = pass_with(data_weight, &weights);
        summed.log_density_and_gradient(theta, &z, &rows, &mut pass, &mut grad, &mut grad_theta).expect("gradients");
        let w = data_weight.unwrap_or(1.0);
        for (d, truth) in each.iter().enumerate() {
            close(pass.data[d], truth.log_density - truth.before, "data");
            close(pass.log_density[d], truth.before + w * (truth.log_density - truth.before), "log density");
        }
        if data_weight.is_some() {
            continue;
        }
        for (d, truth) in each.iter().enumerate() {
            let own = one_of(&grad, d);
            let pairs = own.latents.iter().zip(&truth.grad.latents);
            for (found, g) in pairs.chain(own.row_latents.iter().zip(&truth.grad.row_latents)) {
                close(*found, weights[d] * g, "gradient");
            }
        }
        for (k, found) in grad_theta.iter().enumerate() {
            close(*found, each.iter().zip(weights).map(|(t, w)| w * t.grad_theta[k]).sum(), "gradient of theta");
        }
    }
    // A weight of the data changes both parts of the gradient.
    let at = |z: &Draws| {
        let mut pass = pass_with(Some(0.3), &[]);
        summed.log_density(theta, z, &rows, &mut pass).expect("densities");
        pass.log_density.iter().sum::<f64>()
    };
    let mut pass = pass_with(Some(0.3), &[]);
    summed.log_density_and_gradient(theta, &z, &rows, &mut pass, &mut grad, &mut grad_theta).expect("gradients");
    for k in 0..z.latents.len() {
        let moved = |by: f64| {
            let mut z = z.clone();
            z.latents[k] += by;
            at(&z)
        };
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        // Truncation 1e-10 of third derivatives, rounding 1e-14 / 1e-5.
        assert!((slope - grad.latents[k]).abs() < 2e-8 * slope.abs().max(10.0), "{slope} {}", grad.latents[k]);
    }
}

#[test]
fn a_sum_over_every_kind_of_integer_is_the_sum_over_all_joint_values() {
    agrees(&Everything::new(), &[]);
}

/// Integers of rows alone, with learnable parameters, and several terms of data.
struct Classes {
    y: Column,
    /// Chance of what is observed of the last class.
    last: f64,
}

impl Model for Classes {
    fn log_joint(&self, p: &LogJoint) {
        let shift = p.parameter("shift", &[2]);
        let mean = p.draws("mean", normal(0.0, 3.0), 2);
        p.rows(3, |i| {
            let class = i.draw_integer("class", binomial(2, mean.at(0).sigmoid()));
            let known = class.equal_to(1).select(0.7 * shift.at(0), mean.at(1) + class.to_real() * shift.at(1));
            i.observe(self.y.at(i), student_t(4.0, known, 0.5));
            i.observe(1.0, bernoulli(class.equal_to(2).select(self.last, 0.4)));
        });
    }
}

#[test]
fn integers_of_rows_are_summed_out_beside_theta() {
    agrees(&Classes { y: Column::new([1.0, -0.4, 2.5]), last: 0.1 }, &[0.3, -0.8]);
}

/// Integers outside of rows alone, one of them with values from 3, and theta.
struct Regimes {
    y: Column,
}

impl Model for Regimes {
    fn log_joint(&self, p: &LogJoint) {
        let (a, scale) = (p.parameter("a", &[1]), p.draw("scale", half_normal(2.0)));
        let mean = p.draws("mean", normal(0.0, scale), 2);
        let change = p.integer("change", 3..6);
        let kind = p.draw_integer("kind", bernoulli(0.2));
        p.rows(4, |i| {
            let before = (i.number() + 2).less_than(change);
            i.observe(self.y.at(i), normal(before.select(mean.at(0), mean.at(kind)) + a.at(0), scale));
        });
    }
}

#[test]
fn integers_outside_of_rows_are_summed_out_beside_theta() {
    agrees(&Regimes { y: Column::new([1.0, -0.4, 2.5, 0.1]) }, &[0.3]);
}

/// Draws of the integers come as often as enumeration says, those of rows and outside together.
#[test]
fn integers_are_drawn_from_their_probabilities() {
    let model = Everything::new();
    let (whole, summed) = (Target::new(&model).unwrap(), Target::new(&model).unwrap().sum_out_integers().unwrap());
    let z = one_of(&some_draws(&whole), 1);
    let truth = truth(&whole, &[], &z);
    let n = 20_000;
    let many = Draws {
        num_draws: n,
        latents: z.latents.iter().flat_map(|x| std::iter::repeat_n(*x, n)).collect(),
        row_latents: z.row_latents.iter().flat_map(|x| std::iter::repeat_n(*x, n)).collect(),
        ..z.clone()
    };
    let drawn = summed.draw_integers(&[], &many, Some(&RowSet::all()), Streams::new(5)).unwrap();
    assert_eq!(drawn, summed.draw_integers(&[], &many, Some(&RowSet::all()), Streams::new(5)).unwrap());
    let lanes = |z: &Draws| -> Vec<Vec<u32>> {
        z.integers
            .chunks_exact(z.num_draws)
            .chain(z.row_integers.chunks_exact(z.num_draws))
            .map(<[u32]>::to_vec)
            .collect()
    };
    let (found, states) = (lanes(&drawn), lanes(&truth.states));
    assert_eq!(found.len(), 2 + 2 * 3);
    // Each integer by itself, and each pair: 5 standard errors for some hundred frequencies.
    for a in 0..found.len() {
        for b in 0..=a {
            for (va, vb) in (0..3).flat_map(|x| (0..3).map(move |y| (x, y))) {
                let hits = (0..n).filter(|d| found[a][*d] == va && found[b][*d] == vb).count() as f64 / n as f64;
                let is = |l: &usize| states[a][*l] == va && states[b][*l] == vb;
                let share: f64 = (0..truth.shares.len()).filter(is).map(|l| truth.shares[l]).sum();
                let se = (share * (1.0 - share) / n as f64).sqrt();
                assert!((hits - share).abs() <= 5.0 * se + 1e-12, "{a} = {va}, {b} = {vb}: {hits}, expected {share}");
            }
        }
    }
    // What depends on the integers has their values, and is no number without them.
    let named = summed.constrained(&[], &drawn);
    let centre = named.named("centre").unwrap();
    let (regime, on) = (named.named("regime").unwrap(), named.named("on").unwrap());
    for d in 0..n {
        assert_eq!((regime[d], on[d]), (f64::from(found[0][d]), f64::from(found[1][d])));
        assert_eq!(centre[d], on[d] * z.latents[found[0][d] as usize]);
    }
    let bare = summed.constrained(&[], &many);
    assert!(bare.named("centre").unwrap().iter().all(|x| x.is_nan()) && bare.named("mu[0]").unwrap()[0].is_finite());
    let of_rows = summed.constrained_rows(&[], &drawn, &RowSet::all());
    assert_eq!(of_rows.named("class").unwrap()[7], f64::from(found[2][7]));
    assert!(summed.constrained_rows(&[], &many, &RowSet::all()).named("picked").unwrap()[0].is_nan());
}

/// Rows of a minibatch, their terms one by one, and the same bits for any number of threads.
#[test]
fn rows_stay_apart() {
    // The last class cannot be.
    let model = Classes { y: Column::new([1.0, -0.4, 2.5]), last: 0.0 };
    let theta = [0.3, -0.8];
    let target = Target::new(&model).unwrap().sum_out_integers().unwrap();
    let z = some_draws(&target);
    let mut pass = Pass::default();
    pass.want_row_terms = true;
    target.log_density(&theta, &z, &RowSet::all(), &mut pass).unwrap();
    let (all, data) = (pass.log_density.clone(), pass.row_data.clone());
    for row in 0..3u32 {
        let one = RowSet { subset: Some(vec![row]), weight: 1.0, global_terms: false };
        target.log_density(&theta, &z, &one, &mut pass).unwrap();
        for d in 0..3 {
            close(pass.row_data[d], data[row as usize * 3 + d], "a row's data");
            // The prior of the class sums to one.
            assert!(pass.row_prior[d].abs() < 1e-15);
            // ln sum_k p(k) p(y | k), by hand.
            let (m0, m1) = (z.latents[d], z.latents[3 + d]);
            let p = 1.0 / (1.0 + (-m0).exp());
            let chance = [(1.0 - p) * (1.0 - p), 2.0 * p * (1.0 - p), p * p];
            let mean = [m1, 0.7 * theta[0], m1 + 2.0 * theta[1]];
            let density = |k: usize| {
                let t = (model.y.values()[row as usize] - mean[k]) / 0.5;
                // Student-t of 4 degrees of freedom: 3 / 8 (1 + t^2 / 4)^(-5/2).
                0.375 * (1.0 + t * t / 4.0).powf(-2.5) / 0.5 * if k == 2 { 0.0 } else { 0.4 }
            };
            let expected: f64 = (0..3).map(|k| chance[k] * density(k)).sum();
            close(pass.row_data[d], expected.ln(), "a row by hand");
        }
    }
    let model = Everything::new();
    let with = |threads: usize, precision: Precision| {
        let options = Options::default().threads(threads).precision(precision);
        let target = Target::with_options(&model, options).unwrap().sum_out_integers().unwrap();
        let (z, mut pass, mut grad) = (some_draws(&target), Pass::default(), Draws::default());
        target.log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut grad, &mut []).unwrap();
        (pass.log_density, grad)
    };
    assert_eq!(with(1, Precision::Double), with(3, Precision::Double));
    for (single, double) in with(1, Precision::Single).0.iter().zip(with(1, Precision::Double).0) {
        assert!((single - double).abs() < 1e-5 * double.abs(), "{single} {double}");
    }
    assert!(all.iter().all(|l| l.is_finite()));
}

#[test]
fn what_cannot_be_summed_out_is_refused_in_words() {
    let refused = |model: &dyn Model| Target::new(model).unwrap().sum_out_integers().unwrap_err().to_string();
    let counts = model(|p| {
        let rate = p.draw("rate", gamma(2.0, 1.0));
        p.draw_integer("count", poisson(rate));
    });
    assert!(refused(&counts).contains("more than 65536 joint values outside of rows"), "{}", refused(&counts));
    let none = model(|p| {
        p.draw("x", normal(0.0, 1.0));
    });
    assert!(refused(&none).contains("there are none"));
    let wide = model(|p| {
        p.draw("x", normal(0.0, 1.0));
        p.rows(2, |i| {
            i.integer("k", 0..2000);
        });
    });
    assert!(refused(&wide).contains("1024 joint values in a row"));
}

#[test]
fn coordinates_that_rest_on_an_integer_are_not_offered() {
    // The scale of one latent is chosen by an integer, that of the other is not.
    let scales = model(|p| {
        let tau = p.draws("tau", half_normal(1.0), 2);
        let which = p.draw_integer("which", bernoulli(0.5));
        p.draw("chosen", normal(0.0, tau.at(which)));
        p.draw("plain", normal(0.0, tau.at(0)));
    });
    let target = Target::new(&scales).unwrap().sum_out_integers().unwrap();
    let mut layout = target.layout().clone();
    layout.sites[3].centring = vec![0.0];
    let moved = Target::in_coordinates(&scales, Options::default(), &layout).unwrap();
    assert_eq!(moved.layout(), &layout);
    // u = plain / tau_0: the density of plain times tau_0.
    let (tau, plain) = (0.7f64, 0.3);
    let at = |target: &Target, last: f64| {
        let mut pass = Pass::default();
        target.log_density(&[], &Draws::at_point(&[tau.ln(), 0.1, 0.5, last]), &RowSet::all(), &mut pass).unwrap();
        pass.log_density[0]
    };
    close(at(&moved, plain / tau), at(&target, plain) + tau.ln(), "the density of u");
}
