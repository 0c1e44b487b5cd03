//! A hand-vectorised gradient of logistic regression, the yardstick for unmodified user code on W2.

use std::time::Instant;

use jensen::model::{Draws, RowSet};
use jensen::program::maths::{InstructionSet, Kernel, Lane, dispatch};
use jensen::target::{Differentiable, Pass, Target};

use crate::models::Logistic;

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
            total += -0.5 * w * w - 0.918_938_533_204_672_7;
            self.grad[j] = grad[j] - w;
        }
        total
    }
}

/// Times both and checks that they agree.
pub fn run(model: &Logistic) {
    let target = Target::new(model).expect("a valid model");
    let (n, k) = (model.x.num_rows(), model.x.num_columns());
    let x: Vec<f64> = (0..n).flat_map(|i| model.x.row(i).to_vec()).collect();
    let w: Vec<f64> = (0..k).map(|j| (j as f64 * 0.37).sin() * 0.3).collect();
    let mut grad = vec![0.0; k];
    let (mut by_hand, mut by_program) = (f64::INFINITY, f64::INFINITY);
    let (mut pass, mut program_grad) = (Pass::default(), Draws::default());
    let z = Draws::at_point(&w);
    let mut values = [0.0; 2];
    for _ in 0..60 {
        let start = Instant::now();
        let kernel = Fused { x: &x, y: model.y.values(), w: &w, grad: &mut grad, columns: k };
        values[0] = dispatch(InstructionSet::detect(), kernel);
        by_hand = by_hand.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        target
            .log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut program_grad, &mut [])
            .expect("a density");
        by_program = by_program.min(start.elapsed().as_secs_f64());
        values[1] = pass.log_density[0];
    }
    let worst =
        grad.iter().zip(&program_grad.latents).map(|(a, b)| (a - b).abs() / (1.0 + a.abs())).fold(0.0, f64::max);
    println!(
        "W2 one gradient, one thread: by hand {:.1} us, user code {:.1} us, ratio {:.2} (values {:.6} {:.6}, gradients agree to {worst:.1e})",
        by_hand * 1e6,
        by_program * 1e6,
        by_program / by_hand,
        values[0],
        values[1]
    );
}
