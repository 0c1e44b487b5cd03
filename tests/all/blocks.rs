//! A block of many draws says what its draws say one by one: values, gradients, rows and minibatches.

use jensen::model::{Draws, RowSet};
use jensen::prelude::*;
use jensen::target::{Differentiable, LogDensity, Pass, Target};

/// Every kind of number at once: theta, latents, integers, latents and integers of rows.
struct Everything {
    x: Column,
    group: IntColumn,
}

const ROWS: usize = 37;

impl Everything {
    fn new() -> Self {
        let x: Vec<f64> = (0..ROWS).map(|r| (0.7 * r as f64).sin()).collect();
        let group: Vec<u32> = (0..ROWS as u32).map(|r| r % 3).collect();
        Everything { x: Column::new(x), group: IntColumn::new(group) }
    }
}

impl Model for Everything {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[2]);
        let mu = p.draws("mu", normal(theta.at(0), 1.5), 3);
        let k = p.integer("k", 0..3);
        p.add(mu.at(k).square() * -0.1);
        p.rows(ROWS, |i| {
            let z = i.draw("z", normal(mu.at(self.group.at(i)), 0.8));
            let c = i.integer("c", 0..2);
            i.add(c.to_real() * z * 0.3 + theta.at(1));
            i.observe(self.x.at(i), normal(z * theta.at(1), 1.1));
        });
    }
}

fn number(k: usize) -> f64 {
    0.4 + 0.7 * (12.9898 * k as f64).sin()
}

fn filled(target: &Target, num_rows: usize, num_draws: usize) -> Draws {
    let mut z = Draws::zeros(target.layout(), num_rows, num_draws);
    z.latents.iter_mut().enumerate().for_each(|(k, x)| *x = number(k));
    z.row_latents.iter_mut().enumerate().for_each(|(k, x)| *x = number(k + 5));
    z.integers.iter_mut().enumerate().for_each(|(k, x)| *x = (k % 3) as u32);
    z.row_integers.iter_mut().enumerate().for_each(|(k, x)| *x = (k / 3 % 2) as u32);
    z
}

/// Draw `d` alone.
fn one(z: &Draws, d: usize) -> Draws {
    let n = z.num_draws;
    Draws {
        num_draws: 1,
        num_rows: z.num_rows,
        latents: z.latents.iter().skip(d).step_by(n).copied().collect(),
        integers: z.integers.iter().skip(d).step_by(n).copied().collect(),
        row_latents: z.row_latents.iter().skip(d).step_by(n).copied().collect(),
        row_integers: z.row_integers.iter().skip(d).step_by(n).copied().collect(),
    }
}

fn close(found: f64, expected: f64, what: &str) {
    // Sums of fewer than a thousand numbers of order one, in another order.
    assert!((found - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{what}: {found}, expected {expected}");
}

#[test]
fn a_block_is_its_draws() {
    let target = Target::new(&Everything::new()).unwrap();
    let theta = [0.3, -0.6];
    let sets = [RowSet::all(), RowSet::minibatch(vec![5, 30, 2, 5, 11], ROWS)];
    for (rows, num_draws) in sets.iter().flat_map(|s| [1, 2, 63, 64, 65, 70, 130].map(|n| (s, n))) {
        let num_rows = rows.len(target.layout());
        let z = filled(&target, num_rows, num_draws);
        let weights: Vec<f64> = (0..num_draws).map(|d| 0.2 + 0.1 * (d % 7) as f64).collect();
        let (mut pass, mut grad_z, mut grad_theta) = (Pass::default(), Draws::default(), [0.0; 2]);
        pass.draw_weights = weights.clone();
        target.log_density_and_gradient(&theta, &z, rows, &mut pass, &mut grad_z, &mut grad_theta).unwrap();
        let mut sum_theta = [0.0; 2];
        for (d, &weight) in weights.iter().enumerate().take(num_draws) {
            let (mut single, mut grad, mut own_theta) = (Pass::default(), Draws::default(), [0.0; 2]);
            target.log_density_and_gradient(&theta, &one(&z, d), rows, &mut single, &mut grad, &mut own_theta).unwrap();
            close(pass.log_density[d], single.log_density[0], "log density");
            for (found, expected) in one(&grad_z, d).latents.iter().zip(&grad.latents) {
                close(*found, weight * expected, "gradient of a latent");
            }
            for (found, expected) in one(&grad_z, d).row_latents.iter().zip(&grad.row_latents) {
                close(*found, weight * expected, "gradient of a row's latent");
            }
            sum_theta.iter_mut().zip(own_theta).for_each(|(s, g)| *s += weight * g);
        }
        grad_theta.iter().zip(sum_theta).for_each(|(f, e)| close(*f, e, "gradient of theta"));
    }
}

#[test]
fn minibatches_add_up_to_all_rows() {
    let target = Target::new(&Everything::new()).unwrap();
    let theta = [0.3, -0.6];
    let z = filled(&target, ROWS, 3);
    let mut all = Pass::default();
    target.log_density(&theta, &z, &RowSet::all(), &mut all).unwrap();
    // The mean over all minibatches of one row is the whole: each counts its row ROWS times and the rest once.
    let mut mean = [0.0; 3];
    for r in 0..ROWS {
        let pick = |from: &[f64]| from[r * 3..r * 3 + 3].to_vec();
        let own = Draws {
            num_rows: 1,
            row_latents: pick(&z.row_latents),
            row_integers: z.row_integers[r * 3..r * 3 + 3].to_vec(),
            ..z.clone()
        };
        let mut pass = Pass::default();
        target.log_density(&theta, &own, &RowSet::minibatch(vec![r as u32], ROWS), &mut pass).unwrap();
        mean.iter_mut().zip(&pass.log_density).for_each(|(m, x)| *m += x / ROWS as f64);
    }
    mean.iter().zip(&all.log_density).for_each(|(m, x)| close(*m, *x, "mean over minibatches"));
}

#[test]
fn no_draws_and_no_rows_are_no_panic() {
    let target = Target::new(&Everything::new()).unwrap();
    let mut pass = Pass::default();
    assert!(target.log_density(&[0.3, -0.6], &filled(&target, ROWS, 0), &RowSet::all(), &mut pass).is_err());
    // A pass over rows first, so that its buffers hold what an empty pass must not read.
    target.log_density(&[0.3, -0.6], &filled(&target, ROWS, 2), &RowSet::all(), &mut pass).unwrap();
    target.log_density(&[0.3, -0.6], &filled(&target, 0, 2), &RowSet::minibatch(vec![], ROWS), &mut pass).unwrap();
    assert!(pass.log_density.iter().all(|x| x.is_finite()));
}
