//! The loops over rows, compiled for the instructions of the machine.

use super::rows::LANES;
use crate::numerics::{Kernel, Lane, dispatch};
use crate::program::InstructionSet;

/// Runs a kernel with the best instructions of this machine.
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    dispatch(InstructionSet::detect(), kernel)
}

/// Overwrites `out` with `x - pivot`.
pub(super) fn centre(x: &[f64], pivot: f64, out: &mut [f64]) {
    run(Centre { x, pivot, out });
}

struct Centre<'a> {
    x: &'a [f64],
    pivot: f64,
    out: &'a mut [f64],
}

impl Kernel for Centre<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (o, x) in self.out.iter_mut().zip(self.x) {
            *o = x - self.pivot;
        }
    }
}

/// The sum of a column, in partial sums side by side: one after the other each would wait for the last.
pub(super) fn total(x: &[f64]) -> f64 {
    run(Total(x))
}

struct Total<'a>(&'a [f64]);

impl Kernel for Total<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let mut sum = [0.0; LANES];
        for x in self.0.as_chunks::<LANES>().0 {
            for l in 0..LANES {
                sum[l] += x[l];
            }
        }
        sum.iter().sum()
    }
}

/// Adds `constant - |factor centred|^2 / 2` to `out`; `factor` (d x d) is lower triangular, `centred` is d columns.
pub(super) struct Quadratic<'a> {
    pub centred: &'a [f64],
    pub factor: &'a [f64],
    pub constant: f64,
    pub out: &'a mut [f64],
}

impl Kernel for Quadratic<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let stride = self.out.len();
        let d = self.centred.len() / stride.max(1);
        let (blocks, _) = self.out.as_chunks_mut::<LANES>();
        for (b, out) in blocks.iter_mut().enumerate() {
            let columns = &self.centred[b * LANES..];
            let mut total = [0.0; LANES];
            // Two rows of the factor at a time, so that each load serves two products.
            for j in (0..d).step_by(2) {
                let (mut y, mut z) = ([0.0; LANES], [0.0; LANES]);
                let last = (j + 1).min(d - 1);
                let (upper, lower) = (&self.factor[j * d..=j * d + j], &self.factor[last * d..=last * d + j]);
                let lower_weight = if last == j { 0.0 } else { 1.0 };
                for (i, (&f, &g)) in upper.iter().zip(lower).enumerate() {
                    if let Some((x, _)) = columns[i * stride..].split_first_chunk::<LANES>() {
                        for l in 0..LANES {
                            y[l] = x[l].fused::<FMA>(f, y[l]);
                            z[l] = x[l].fused::<FMA>(g, z[l]);
                        }
                    }
                }
                let g = self.factor[last * d + last];
                if let Some((x, _)) = columns[last * stride..].split_first_chunk::<LANES>() {
                    for l in 0..LANES {
                        z[l] = lower_weight * x[l].fused::<FMA>(g, z[l]);
                    }
                }
                for l in 0..LANES {
                    total[l] = y[l].fused::<FMA>(y[l], z[l].fused::<FMA>(z[l], total[l]));
                }
            }
            for l in 0..LANES {
                out[l] += total[l].fused::<FMA>(-0.5, self.constant);
            }
        }
    }
}

/// Adds `sum w`, `sum w x_i` and the lower triangle of `sum w x_i x_j` to the sums.
pub(super) struct Moments<'a> {
    pub centred: &'a [f64],
    pub weights: &'a [f64],
    /// A column of working space.
    pub weighted: &'a mut [f64],
    pub first: &'a mut [f64],
    pub second: &'a mut [f64],
}

/// Products worked on side by side.
const TILE: usize = 4;
/// Partial sums of each product.
const WIDTH: usize = 8;

impl Kernel for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (stride, d) = (self.weights.len(), self.first.len());
        for i in 0..d {
            let x = &self.centred[i * stride..(i + 1) * stride];
            self.first[i] += product::<FMA>(x, self.weights, self.weighted);
            for j in (0..=i).step_by(TILE) {
                let sums = dots::<FMA>(self.weighted, self.centred, j);
                for (t, s) in sums.iter().enumerate().take((i + 1 - j).min(TILE)) {
                    self.second[i * d + j + t] += s;
                }
            }
        }
    }
}

/// Overwrites `out` with `x w` and returns its sum.
#[inline(always)]
fn product<const FMA: bool>(x: &[f64], w: &[f64], out: &mut [f64]) -> f64 {
    let mut sum = [0.0; WIDTH];
    let (x, _) = x.as_chunks::<WIDTH>();
    let (w, _) = w.as_chunks::<WIDTH>();
    let (out, _) = out.as_chunks_mut::<WIDTH>();
    for ((x, w), out) in x.iter().zip(w).zip(out) {
        for l in 0..WIDTH {
            out[l] = x[l] * w[l];
            sum[l] += out[l];
        }
    }
    sum.iter().sum()
}

/// Products of `weighted` with the columns from `first` on; columns past the end repeat the last one.
#[inline(always)]
fn dots<const FMA: bool>(weighted: &[f64], centred: &[f64], first: usize) -> [f64; TILE] {
    let stride = weighted.len();
    let last = centred.len() / stride - 1;
    let column = |t: usize| {
        let start = (first + t).min(last) * stride;
        centred[start..start + stride].as_chunks::<WIDTH>().0
    };
    let (weighted, _) = weighted.as_chunks::<WIDTH>();
    let (a, b, c, e) = (column(0), column(1), column(2), column(3));
    let mut sums = [[0.0; WIDTH]; TILE];
    for ((((w, a), b), c), e) in weighted.iter().zip(a).zip(b).zip(c).zip(e) {
        for l in 0..WIDTH {
            sums[0][l] = w[l].fused::<FMA>(a[l], sums[0][l]);
            sums[1][l] = w[l].fused::<FMA>(b[l], sums[1][l]);
            sums[2][l] = w[l].fused::<FMA>(c[l], sums[2][l]);
            sums[3][l] = w[l].fused::<FMA>(e[l], sums[3][l]);
        }
    }
    sums.map(|s| s.iter().sum())
}

/// Adds `constant + slope x - curvature (x - pivot)^2` to `out` where `x` is not missing.
pub(super) struct Parabola<'a> {
    pub x: &'a [f64],
    pub pivot: f64,
    pub constant: f64,
    pub slope: f64,
    pub curvature: f64,
    pub out: &'a mut [f64],
}

impl Kernel for Parabola<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (out, &x) in self.out.iter_mut().zip(self.x) {
            let c = x - self.pivot;
            let line = x.fused::<FMA>(self.slope, self.constant);
            let value = (c * c).fused::<FMA>(-self.curvature, line);
            *out += if x.is_nan() { 0.0 } else { value };
        }
    }
}

/// `[sum w, sum w (x - pivot), sum w (x - pivot)^2]` of the cells that are not missing.
pub(super) struct Sums<'a> {
    pub x: &'a [f64],
    pub weights: &'a [f64],
    pub pivot: f64,
}

impl Kernel for Sums<'_> {
    type Output = [f64; 3];

    #[inline(always)]
    fn run<const FMA: bool>(self) -> [f64; 3] {
        let mut sums = [[0.0; WIDTH]; 3];
        let (x, _) = self.x.as_chunks::<WIDTH>();
        let (w, _) = self.weights.as_chunks::<WIDTH>();
        for (x, w) in x.iter().zip(w) {
            for l in 0..WIDTH {
                let missing = x[l].is_nan();
                let c = if missing { 0.0 } else { x[l] - self.pivot };
                let w = if missing { 0.0 } else { w[l] };
                sums[0][l] += w;
                sums[1][l] = w.fused::<FMA>(c, sums[1][l]);
                sums[2][l] = (w * c).fused::<FMA>(c, sums[2][l]);
            }
        }
        sums.map(|s| s.iter().sum())
    }
}

/// Turns log densities into responsibilities, in place, and returns the sum of their log sums.
///
/// `joint` is K columns of `stride`; rows from `len` on get responsibility 0.
pub(super) struct Normalise<'a> {
    pub joint: &'a mut [f64],
    pub stride: usize,
    pub len: usize,
    /// A column; receives the log sums.
    pub log_sums: &'a mut [f64],
}

impl Kernel for Normalise<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let num_chunks = self.stride / LANES;
        let mut total = 0.0;
        for c in 0..num_chunks {
            let log_sum = normalise_chunk::<FMA>(self.joint, self.stride, c * LANES);
            let first = c * LANES;
            let live = self.len.saturating_sub(first).min(LANES);
            total += log_sum[..live].iter().sum::<f64>();
            self.log_sums[first..first + LANES].copy_from_slice(&log_sum);
            if live < LANES {
                for column in self.joint.chunks_exact_mut(self.stride) {
                    column[first + live..first + LANES].fill(0.0);
                }
            }
        }
        total
    }
}

#[inline(always)]
fn normalise_chunk<const FMA: bool>(joint: &mut [f64], stride: usize, first: usize) -> [f64; LANES] {
    let mut largest = [f64::NEG_INFINITY; LANES];
    for column in joint.chunks_exact(stride) {
        if let Some((x, _)) = column[first..].split_first_chunk::<LANES>() {
            for l in 0..LANES {
                largest[l] = if x[l] > largest[l] { x[l] } else { largest[l] };
            }
        }
    }
    let mut sum = [0.0; LANES];
    for column in joint.chunks_exact_mut(stride) {
        if let Some((x, _)) = column[first..].split_first_chunk_mut::<LANES>() {
            for l in 0..LANES {
                x[l] = (x[l] - largest[l]).exp_lane::<FMA>();
                sum[l] += x[l];
            }
        }
    }
    let inverse = sum.map(|s| 1.0 / s);
    for column in joint.chunks_exact_mut(stride) {
        if let Some((x, _)) = column[first..].split_first_chunk_mut::<LANES>() {
            for l in 0..LANES {
                x[l] *= inverse[l];
            }
        }
    }
    let mut out = [0.0; LANES];
    for l in 0..LANES {
        out[l] = largest[l] + sum[l].ln_lane::<FMA>();
    }
    out
}

/// Adds `constant - half_power ln(1 - 2 quadratic / scale)` to `out`; `quadratic` is minus half a squared distance.
pub(super) struct HeavyTail<'a> {
    pub quadratic: &'a [f64],
    pub scale: f64,
    pub half_power: f64,
    pub constant: f64,
    pub out: &'a mut [f64],
}

impl Kernel for HeavyTail<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let factor = -2.0 / self.scale;
        for (out, &q) in self.out.iter_mut().zip(self.quadratic) {
            *out += (q * factor).ln_1p_lane::<FMA>().fused::<FMA>(-self.half_power, self.constant);
        }
    }
}
