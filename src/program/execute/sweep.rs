//! Forward and reverse sweeps of one segment over its lanes: plain loops over slices that vectorise.

use super::super::ops::{FEW, Unary, WIDE, add_lanes, guarded, map_lanes, padded};
use super::super::plan::{Plan, Stored};
use super::super::recording::Op;
use super::{broadcast, structured};
use crate::numerics::{InstructionSet, Kernel, Lane, dispatch};

/// One operation with its operands' places in the arena resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub op: Op,
    pub out: usize,
    pub args: [usize; 3],
    /// Elements of the result and of the first operand.
    pub len: usize,
    pub arg_len: usize,
    /// Lanes of the result and of the first operand.
    pub lanes: usize,
    pub arg_lanes: usize,
    /// Operands of an n-ary operation: range in `Segment::operands`.
    pub list: (usize, usize),
    /// Numbers of each operand.
    pub sizes: [usize; 3],
    /// Which operands receive an adjoint.
    pub active: [bool; 3],
    /// Which of those receive their first contribution here, so that it is assigned.
    pub first: [bool; 3],
}

/// An operand of an n-ary operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub at: usize,
    pub active: bool,
    pub first: bool,
}

/// The operations of one segment, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segment {
    pub steps: Vec<Step>,
    pub operands: Vec<Operand>,
    /// Size of the arena.
    pub size: usize,
}

/// Overwrites the values of `steps`.
///
/// A function of its own, so that one copy of all operations serves the global segment and every block of rows.
#[inline(never)]
pub(super) fn forward<T: Stored>(
    set: InstructionSet,
    steps: &[Step],
    segment: &Segment,
    plan: &Plan<T>,
    values: &mut [T],
) {
    dispatch(set, Forward { steps, segment, plan, values });
}

/// Adds to the operands' adjoints; the adjoint of every result is complete when its step is reached.
#[inline(never)]
pub(super) fn reverse<T: Stored>(
    set: InstructionSet,
    steps: &[Step],
    segment: &Segment,
    plan: &Plan<T>,
    values: &[T],
    adjoints: &mut [T],
) {
    dispatch(set, Reverse { steps, segment, plan, values, adjoints });
}

struct Forward<'a, T> {
    steps: &'a [Step],
    segment: &'a Segment,
    plan: &'a Plan<T>,
    values: &'a mut [T],
}

impl<T: Stored> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for step in self.steps {
            forward_step::<T, FMA>(step, self.segment, self.plan, self.values);
        }
    }
}

struct Reverse<'a, T> {
    steps: &'a [Step],
    segment: &'a Segment,
    plan: &'a Plan<T>,
    values: &'a [T],
    adjoints: &'a mut [T],
}

impl<T: Stored> Kernel for Reverse<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for step in self.steps.iter().rev() {
            reverse_step::<T, FMA>(step, self.segment, self.plan, self.values, self.adjoints);
        }
    }
}

#[inline(always)]
fn forward_step<T: Stored, const FMA: bool>(step: &Step, segment: &Segment, plan: &Plan<T>, values: &mut [T]) {
    let n = padded(step.len * step.lanes);
    let [a, b, c] = step.args;
    let (low, high) = values.split_at_mut(step.out);
    match step.op {
        Op::Unary(Unary::Softplus) => softplus::<T, FMA>(&low[a..a + n], high),
        Op::Unary(u) => u.forward::<T, FMA>(&low[a..a + n], &mut high[..n]),
        Op::Binary(f) => f.forward::<T, FMA>(&low[a..a + n], &low[b..b + n], &mut high[..n]),
        Op::AddConst(k) => {
            let (k, x) = (T::from_f64(k), &low[a..a + n]);
            map_lanes!(&mut high[..n], [x => x], x + k)
        }
        Op::MulConst(k) => {
            let (k, x) = (T::from_f64(k), &low[a..a + n]);
            map_lanes!(&mut high[..n], [x => x], x * k)
        }
        Op::PowConst(k) => {
            let (k, x) = (T::from_f64(k), &low[a..a + n]);
            map_lanes!(&mut high[..n], [x => x], x.powf(k))
        }
        Op::GaussKernel => {
            let (half, x, m, w) = (T::from_f64(-0.5), &low[a..a + n], &low[b..b + n], &low[c..c + n]);
            map_lanes!(&mut high[..n], [x => x, m => m, w => w], half * ((x - m) * w) * ((x - m) * w))
        }
        Op::Select => {
            let (mask, x, y) = (&low[a..a + n], &low[b..b + n], &low[c..c + n]);
            map_lanes!(&mut high[..n], [mask => m, x => x, y => y], if m != T::zero() { x } else { y })
        }
        Op::Spread => spread(step, &low[a..], high),
        Op::Scaled | Op::Shifted | Op::SquaredDistance { .. } => broadcast::forward(step, low, high),
        _ => structured::forward::<T, FMA>(step, segment, plan, low, high),
    }
}

#[inline(always)]
fn reverse_step<T: Stored, const FMA: bool>(
    step: &Step,
    segment: &Segment,
    plan: &Plan<T>,
    values: &[T],
    adjoints: &mut [T],
) {
    let n = padded(step.len * step.lanes);
    let [a, b, c] = step.args;
    let (low, high) = adjoints.split_at_mut(step.out);
    match step.op {
        Op::Unary(Unary::Softplus) if step.active[0] => {
            let (slope, g) = (&values[step.out + n..step.out + 2 * n], &high[..n]);
            add_lanes!(&mut low[a..a + n], step.first[0], [slope => s, g => g], guarded(g, g * s))
        }
        Op::Unary(u) => {
            if step.active[0] {
                let (x, y) = (&values[a..a + n], &values[step.out..step.out + n]);
                u.reverse::<T, FMA>(x, y, &high[..n], &mut low[a..a + n], step.first[0]);
            }
        }
        Op::Binary(f) => {
            let (x, y, z) = (&values[a..a + n], &values[b..b + n], &values[step.out..step.out + n]);
            if step.active[0] {
                f.reverse_first::<T, FMA>(x, y, z, &high[..n], &mut low[a..a + n], step.first[0]);
            }
            if step.active[1] {
                f.reverse_second::<T, FMA>(x, y, z, &high[..n], &mut low[b..b + n], step.first[1]);
            }
        }
        Op::AddConst(_) => {
            if step.active[0] {
                let g = &high[..n];
                add_lanes!(&mut low[a..a + n], step.first[0], [g => g], g)
            }
        }
        Op::MulConst(k) => {
            if step.active[0] {
                let (k, g) = (T::from_f64(k), &high[..n]);
                add_lanes!(&mut low[a..a + n], step.first[0], [g => g], g * k)
            }
        }
        Op::PowConst(k) => {
            if step.active[0] {
                let (k, less, x, g) = (T::from_f64(k), T::from_f64(k - 1.0), &values[a..a + n], &high[..n]);
                add_lanes!(&mut low[a..a + n], step.first[0], [x => x, g => g], guarded(g, g * k * x.powf(less)))
            }
        }
        Op::GaussKernel => gauss_kernel_reverse(step, values, low, high),
        Op::Select => {
            let (mask, g) = (&values[a..a + n], &high[..n]);
            if step.active[1] {
                add_lanes!(&mut low[b..b + n], step.first[1], [mask => m, g => g], if m != T::zero() { g } else { T::zero() })
            }
            if step.active[2] {
                add_lanes!(&mut low[c..c + n], step.first[2], [mask => m, g => g], if m != T::zero() { T::zero() } else { g })
            }
        }
        Op::Spread => {
            if step.active[0] {
                clear_first(step, segment, low);
                spread_reverse(step, high, &mut low[a..]);
            }
        }
        Op::Scaled | Op::Shifted | Op::SquaredDistance { .. } => broadcast::reverse(step, segment, values, low, high),
        _ => {
            clear_first(step, segment, low);
            structured::reverse::<T, FMA>(step, segment, plan, values, low, high)
        }
    }
}

/// The values, and behind them the slopes.
#[inline(always)]
fn softplus<T: Lane, const FMA: bool>(x: &[T], out: &mut [T]) {
    let n = x.len();
    let (value, slope) = out.split_at_mut(n);
    if n <= FEW {
        for l in 0..n {
            (value[l], slope[l]) = x[l].softplus_and_sigmoid::<FMA>();
        }
        return;
    }
    let (x, _) = x.as_chunks::<WIDE>();
    let (value, slope) = (value.as_chunks_mut::<WIDE>().0, slope.as_chunks_mut::<WIDE>().0);
    for k in 0..x.len() {
        let (x, mut y, mut s) = (x[k], [T::zero(); WIDE], [T::zero(); WIDE]);
        for l in 0..WIDE {
            (y[l], s[l]) = x[l].softplus_and_sigmoid::<FMA>();
        }
        (value[k], slope[k]) = (y, s);
    }
}

/// Sets to zero what receives its first contribution from a step that only adds.
#[inline(always)]
pub(super) fn clear_first<T: Lane>(step: &Step, segment: &Segment, adjoints: &mut [T]) {
    for k in 0..3 {
        if step.first[k] {
            adjoints[step.args[k]..step.args[k] + step.sizes[k]].fill(T::zero());
        }
    }
    for operand in &segment.operands[step.list.0..step.list.0 + step.list.1] {
        if operand.first {
            adjoints[operand.at..operand.at + step.len * step.lanes].fill(T::zero());
        }
    }
}

#[inline(always)]
fn gauss_kernel_reverse<T: Lane>(step: &Step, values: &[T], low: &mut [T], high: &[T]) {
    let n = padded(step.len * step.lanes);
    let [a, b, c] = step.args;
    let (x, m, w, g) = (&values[a..a + n], &values[b..b + n], &values[c..c + n], &high[..n]);
    // d/dx = -(x - m) w^2, d/dm = -d/dx, d/dw = -(x - m)^2 w.
    if step.active[0] {
        add_lanes!(&mut low[a..a + n], step.first[0], [x => x, m => m, w => w, g => g], -guarded(g, g * (x - m) * w * w))
    }
    if step.active[1] {
        add_lanes!(&mut low[b..b + n], step.first[1], [x => x, m => m, w => w, g => g], guarded(g, g * (x - m) * w * w))
    }
    if step.active[2] {
        add_lanes!(&mut low[c..c + n], step.first[2], [x => x, m => m, w => w, g => g], -guarded(g, g * (x - m) * (x - m) * w))
    }
}

#[inline(always)]
pub(crate) fn add<T: Lane>(from: &[T], to: &mut [T]) {
    for (t, &g) in to.iter_mut().zip(from) {
        *t += g;
    }
}

/// Copies each source lane into `lanes / arg_lanes` lanes, and one element into all where there is only one.
#[inline(always)]
fn spread<T: Lane>(step: &Step, source: &[T], out: &mut [T]) {
    if step.lanes == 1 && step.arg_len == 1 {
        return out[..step.len].fill(source[0]);
    }
    let repeat = step.lanes / step.arg_lanes;
    for e in 0..step.len {
        let from = if step.arg_len == 1 { 0 } else { e * step.arg_lanes };
        let (source, out) = (&source[from..from + step.arg_lanes], &mut out[e * step.lanes..(e + 1) * step.lanes]);
        if repeat == 1 {
            out.copy_from_slice(source);
        } else {
            for (o, &x) in out.chunks_exact_mut(repeat).zip(source) {
                o.fill(x);
            }
        }
    }
}

#[inline(always)]
fn spread_reverse<T: Lane>(step: &Step, out_bar: &[T], source_bar: &mut [T]) {
    if step.lanes == 1 && step.arg_len == 1 {
        source_bar[0] += sum_lanes(&out_bar[..step.len]);
        return;
    }
    let repeat = step.lanes / step.arg_lanes;
    for e in 0..step.len {
        let from = if step.arg_len == 1 { 0 } else { e * step.arg_lanes };
        let out_bar = &out_bar[e * step.lanes..(e + 1) * step.lanes];
        let source_bar = &mut source_bar[from..from + step.arg_lanes];
        if repeat == 1 {
            add(out_bar, source_bar);
        } else {
            for (t, g) in source_bar.iter_mut().zip(out_bar.chunks_exact(repeat)) {
                *t += sum_lanes(g);
            }
        }
    }
}

/// Sum with a fixed order of four partial sums, so that it vectorises and does not depend on the block.
#[inline(always)]
pub(crate) fn sum_lanes<T: Lane>(values: &[T]) -> T {
    let mut partial = [T::zero(); 4];
    let chunks = values.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (p, &v) in partial.iter_mut().zip(chunk) {
            *p += v;
        }
    }
    for (p, &v) in partial.iter_mut().zip(rest) {
        *p += v;
    }
    (partial[0] + partial[1]) + (partial[2] + partial[3])
}
