//! A hand-vectorised gradient of logistic regression, the yardstick for unmodified user code on the second workload.

use std::io::Write;
use std::time::Instant;

use super::{Differentiable, Pass, Target};
use crate::model::{Draws, RowSet, model};
use crate::numerics::{InstructionSet, Kernel, LN_SQRT_2_PI, Lane, dispatch};
use crate::prelude::*;

struct Fused<'a> {
    x: &'a [f64],
    y: &'a [f64],
    w: &'a [f64],
    grad: &'a mut [f64],
    columns: usize,
}

impl Kernel for Fused<'_> {
    type Output = f64;

    /// Eight rows at a time: dot products, softplus and sigmoid, then the transposed product from cache.
    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        const ROWS: usize = 8;
        let k = self.columns;
        let mut total = 0.0;
        let mut grad = [0.0; 64];
        for (x, y) in self.x.chunks_exact(ROWS * k).zip(self.y.chunks_exact(ROWS)) {
            let mut a = [0.0; ROWS];
            for r in 0..ROWS {
                let row = &x[r * k..(r + 1) * k];
                let mut sums = [0.0; 8];
                let (chunks, weights) = (row.chunks_exact(8), self.w.chunks_exact(8));
                let (rest_x, rest_w) = (chunks.remainder(), weights.remainder());
                for (x, w) in chunks.zip(weights) {
                    for l in 0..8 {
                        sums[l] = x[l].fused::<FMA>(w[l], sums[l]);
                    }
                }
                for (l, (&x, &w)) in rest_x.iter().zip(rest_w).enumerate() {
                    sums[l] = x.fused::<FMA>(w, sums[l]);
                }
                a[r] = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
            }
            let (mut value, mut slope) = ([0.0; ROWS], [0.0; ROWS]);
            for r in 0..ROWS {
                value[r] = y[r] * a[r] - a[r].softplus_lane::<FMA>();
                slope[r] = y[r] - a[r].sigmoid_lane::<FMA>();
            }
            total += value.iter().sum::<f64>();
            for r in 0..ROWS {
                for (g, &x) in grad[..k].iter_mut().zip(&x[r * k..(r + 1) * k]) {
                    *g = x.fused::<FMA>(slope[r], *g);
                }
            }
        }
        for (j, &w) in self.w.iter().enumerate() {
            total += -0.5 * w * w - LN_SQRT_2_PI;
            self.grad[j] = grad[j] - w;
        }
        total
    }
}

/// Microseconds by hand and by user code, the best of `repeats`; their gradients agree.
fn beside_user_code(num_rows: usize, repeats: usize) -> (f64, f64) {
    const COLUMNS: usize = 50;
    let x: Vec<f64> = (0..num_rows * COLUMNS).map(|k| (k as f64 * 0.618_033_988_749_895).fract() - 0.5).collect();
    let y: Vec<f64> = (0..num_rows).map(|i| f64::from(u8::from((i * 7) % 16 < 6))).collect();
    let w: Vec<f64> = (0..COLUMNS).map(|j| (j as f64 * 0.37).sin() * 0.3).collect();
    let (features, labels) = (Matrix::new(x.clone(), COLUMNS).expect("whole rows"), Column::new(y.clone()));
    let logistic = model(|p| {
        let w = p.draws("w", normal(0.0, 1.0), COLUMNS);
        p.rows(labels.len(), |i| i.observe(labels.at(i), bernoulli_logit(features.at(i).dot(&w))));
    });
    let target = Target::new(&logistic).expect("a valid model");
    let mut grad = vec![0.0; COLUMNS];
    let (mut by_hand, mut by_program) = (f64::INFINITY, f64::INFINITY);
    let (mut pass, mut program_grad) = (Pass::default(), Draws::default());
    let z = Draws::at_point(&w);
    for _ in 0..repeats {
        let start = Instant::now();
        let value =
            dispatch(InstructionSet::detect(), Fused { x: &x, y: &y, w: &w, grad: &mut grad, columns: COLUMNS });
        by_hand = by_hand.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        target
            .log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut program_grad, &mut [])
            .expect("a density");
        by_program = by_program.min(start.elapsed().as_secs_f64());
        // Rounding of a sum of num_rows terms of order one, and of two ways to add it up.
        let tolerance = 1e-12 * num_rows as f64;
        assert!((value - pass.log_density[0]).abs() < tolerance, "{value} by hand, {} recorded", pass.log_density[0]);
        for (a, b) in grad.iter().zip(&program_grad.latents) {
            assert!((a - b).abs() < tolerance, "{a} by hand, {b} recorded");
        }
    }
    (by_hand * 1e6, by_program * 1e6)
}

#[test]
fn a_loop_written_by_hand_gives_the_gradient_of_user_code() {
    beside_user_code(800, 1);
}

#[test]
#[ignore = "a measurement: cargo test --release --lib -- --ignored --nocapture by_hand"]
fn user_code_is_timed_beside_a_loop_written_by_hand() {
    let (hand, user) = beside_user_code(10_000, 200);
    let words =
        format!("one gradient, one thread: by hand {hand:.1} us, user code {user:.1} us, ratio {:.2}\n", user / hand);
    std::io::stdout().write_all(words.as_bytes()).expect("a terminal");
}
