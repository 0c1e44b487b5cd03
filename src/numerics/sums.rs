//! Reductions over lanes with a fixed order of partial sums, so that they vectorise.
//!
//! Always inlined, so that a kernel that calls them compiles them for its instruction set.

use super::lane::Lane;

/// Partial sums: two registers of doubles, so that one addition does not wait for the other.
const WIDE: usize = 8;

/// The sum of the lanes, `sum_l a_l`.
#[inline(always)]
pub fn lane_sum(a: &[f64]) -> f64 {
    let mut partial = [0.0; WIDE];
    let (groups, rest) = a.as_chunks::<WIDE>();
    for a in groups {
        for l in 0..WIDE {
            partial[l] += a[l];
        }
    }
    total(partial) + rest.iter().sum::<f64>()
}

/// `sum_l ln a_l`; nothing is fused, so that all instruction sets give the same bits.
pub fn sum_of_logs(a: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(Logs(a))
}

struct Logs<'a>(&'a [f64]);

impl pulp::WithSimd for Logs<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        let mut block = [0.0; 64];
        let mut total = 0.0;
        for a in self.0.chunks(block.len()) {
            let logs = &mut block[..a.len()];
            for (log, a) in logs.iter_mut().zip(a) {
                *log = a.ln_lane::<false>();
            }
            total += lane_sum(logs);
        }
        total
    }
}

/// `sum_l a_l b_l`.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut partial = [0.0; WIDE];
    let ((x, rest_x), (y, rest_y)) = (a.as_chunks::<WIDE>(), b.as_chunks::<WIDE>());
    for (x, y) in x.iter().zip(y) {
        for l in 0..WIDE {
            partial[l] += x[l] * y[l];
        }
    }
    let mut rest = 0.0;
    for (x, y) in rest_x.iter().zip(rest_y) {
        rest += x * y;
    }
    total(partial) + rest
}

#[inline(always)]
fn total(partial: [f64; WIDE]) -> f64 {
    let mut four = [0.0; WIDE / 2];
    for l in 0..WIDE / 2 {
        four[l] = partial[l] + partial[l + WIDE / 2];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}

/// `sum_l a_l b_l`, added one after the other: for short slices, and where the bits must not depend on the length of a
/// register.
pub fn dot_in_order(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `y += factor * x`
pub fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}
