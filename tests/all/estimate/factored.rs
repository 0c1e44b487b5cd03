//! The terms of a model told apart by the latents they contain.

use jensen::model::{Draws, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Factored, LogDensity, Options, Pass, Precision, Target};

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// Real latents and integers, some of each row, in terms of every kind, and a vector read at the row's group.
struct Mixed;

impl Model for Mixed {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let a = p.draws("a", normal(mu, 1.0), 3);
        let s = p.draw("s", half_normal(1.0));
        let k = p.integer("k", 1..4);
        let on = p.draw_integer("on", bernoulli(0.4));
        p.add(0.3 * k.to_real() * on.to_real() - 0.1 * (a.at(0) - 2.0).square());
        let group = IntColumn::new([0, 1, 2, 1, 0, 2, 1]);
        let y = Column::new([0.1, -0.5, 1.2, 0.7, -1.0, 0.3, 0.9]);
        p.rows(1..7, |i| {
            let z = i.draw("z", normal(0.5 * mu, 1.0));
            let c = i.integer("c", 0..2);
            i.add(c.to_real() * (a.at(group.at(i)) - 0.2) + 0.1 * mu);
            i.observe(y.at(i), normal(z + on.to_real(), s));
        });
    }
}

fn row_sets() -> Vec<RowSet> {
    let some = RowSet::minibatch(vec![5, 2, 3], 6);
    vec![RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }]
}

#[test]
fn local_sums_change_as_the_log_density_does() {
    let target = ok(Target::new(&Mixed));
    for rows in row_sets() {
        let num_rows = rows.len(target.layout());
        let mut z = Draws::zeros(target.layout(), num_rows, 2);
        Streams::new(4).fill_normal(2, &mut z.latents);
        Streams::new(5).fill_normal(2, &mut z.row_latents);
        z.integers.copy_from_slice(&[2, 1, 0, 1]);
        z.row_integers.iter_mut().enumerate().for_each(|(k, c)| *c = (k % 2) as u32);
        let (mut pass, mut plain) = (Pass::default(), Pass::default());
        let evaluate = |z: &Draws, pass: &mut Pass, plain: &mut Pass| {
            let mut local = Vec::new();
            ok(target.local_log_density(&[], z, &rows, pass, &mut local));
            ok(target.log_density(&[], z, &rows, plain));
            for (own, expected) in pass.log_density.iter().zip(&plain.log_density) {
                assert!((own - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{own}, {expected}");
            }
            (local, plain.log_density.clone())
        };
        let (before, density) = evaluate(&z, &mut pass, &mut plain);
        let mut nothing_seen = 0;
        for latent in 0..before.len() / 2 {
            let mut moved = z.clone();
            let (reals, row_reals, ints) = (z.latents.len() / 2, z.row_latents.len() / 2, z.integers.len() / 2);
            match latent {
                l if l < reals => moved.latents[2 * l] += 0.3,
                l if l < reals + row_reals => moved.row_latents[2 * (l - reals)] += 0.3,
                l if l < reals + row_reals + ints => moved.integers[2 * (l - reals - row_reals)] ^= 1,
                l => moved.row_integers[2 * (l - reals - row_reals - ints)] ^= 1,
            }
            let (after, changed) = evaluate(&moved, &mut pass, &mut plain);
            let (expected, found) = (changed[0] - density[0], after[2 * latent] - before[2 * latent]);
            assert!((found - expected).abs() < 1e-11, "latent {latent} of {rows:?}: {found}, {expected}");
            nothing_seen += usize::from(before[2 * latent] == density[0]);
        }
        assert_eq!(nothing_seen, 0, "some latent is said to see everything");
    }
}

/// Two blocks over different rows, each of which sees one of two latents and both a third.
struct TwoBlocks;

const FIRST: [f64; 3] = [0.0, 1.0, 2.0];
const SECOND: [f64; 2] = [0.5, -1.0];

impl Model for TwoBlocks {
    fn log_joint(&self, p: &LogJoint) {
        let [a, b, c] = ["a", "b", "c"].map(|name| p.draw(name, normal(0.0, 1.0)));
        p.rows(3, |i| i.observe(Column::new(FIRST).at(i), normal(a + c, 1.0)));
        p.rows(2, |i| i.observe(Column::new(SECOND).at(i), normal(b * c, 1.0)));
    }
}

#[test]
fn terms_of_several_row_blocks_are_told_apart_in_both_precisions() {
    let normal = |x: f64| -0.5 * x * x - 0.918_938_533_204_672_7;
    let log_joint = |z: [f64; 3]| {
        let first: f64 = FIRST.iter().map(|x| normal(x - z[0] - z[2])).sum();
        let second: f64 = SECOND.iter().map(|x| normal(x - z[1] * z[2])).sum();
        z.iter().map(|z| normal(*z)).sum::<f64>() + first + second
    };
    // A draw, and the same with each latent moved.
    let base = [0.3, -0.7, 1.2];
    let moved = |k: usize| std::array::from_fn(|i| base[i] + if i == k { 0.9 } else { 0.0 });
    let all: [[f64; 3]; 4] = [base, moved(0), moved(1), moved(2)];
    let latents = (0..3).flat_map(|i| all.map(|z| z[i])).collect();
    let draws = Draws { num_draws: 4, latents, ..Draws::default() };
    for (precision, tolerance) in [(Precision::Double, 1e-12), (Precision::Single, 2e-5)] {
        let target = ok(Target::with_options(&TwoBlocks, Options::default().precision(precision)));
        let (mut pass, mut local) = (Pass::default(), Vec::new());
        ok(target.local_log_density(&[], &draws, &RowSet::all(), &mut pass, &mut local));
        let exact = all.map(log_joint);
        for k in 0..3 {
            let own = &local[4 * k..4 * k + 4];
            assert!((pass.log_density[k] - exact[k]).abs() < tolerance, "{precision:?}: {:?}", pass.log_density);
            let change = exact[k + 1] - exact[0];
            assert!((own[k + 1] - own[0] - change).abs() < tolerance, "{precision:?}, {k}: {own:?} {change}");
        }
        // The latents of different blocks do not see one another.
        assert_eq!((local[5] - local[4], local[2] - local[0]), (0.0, 0.0));
        // In the other precision the last digits are others, so it was really used.
        let rounded = (0..4).any(|d| (pass.log_density[d] - exact[d]).abs() > 1e-10);
        assert_eq!(rounded, precision == Precision::Single);
    }
}

#[test]
fn latents_of_rows_in_several_row_blocks_are_refused_in_words() {
    struct Two;
    impl Model for Two {
        fn log_joint(&self, p: &LogJoint) {
            p.rows(3, |i| {
                let z = i.draw("z", normal(0.0, 1.0));
                i.observe(Column::new(FIRST).at(i), normal(z, 1.0));
            });
            p.rows(2, |i| i.observe(Column::new(SECOND).at(i), normal(0.0, 1.0)));
        }
    }
    let refused = match Target::new(&Two) {
        Err(error) => error.to_string(),
        Ok(target) => {
            let z = Draws::zeros(target.layout(), 0, 1);
            let error = target.local_log_density(&[], &z, &RowSet::all(), &mut Pass::default(), &mut Vec::new());
            error.expect_err("refused").to_string()
        }
    };
    assert!(refused.contains("rows"), "{refused}");
}
