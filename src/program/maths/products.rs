//! Products of four rows of a matrix at a time, in whole registers.
//!
//! Left to itself the compiler turns the sums at the end of four dot products into shuffles at the start of them, so
//! the fused path names its registers through [`pulp`], whose functions are safe.

/// Four rows at a time; all slices have one length, a multiple of [`REGISTER`](Self::REGISTER).
pub trait Products: Sized {
    /// Numbers of a 256-bit register.
    const REGISTER: usize;

    /// `[sum_k rows[r][k] * weights[k]]` for the four rows.
    fn dot_four<const FMA: bool>(rows: [&[Self]; 4], weights: &[Self]) -> [Self; 4];

    /// `to[k] += sum_r rows[r][k] * by[r]`.
    fn add_four<const FMA: bool>(rows: [&[Self]; 4], by: [Self; 4], to: &mut [Self]);

    /// `to[r][l] += sum_k panel[k][r] * x[k * lanes + l]` for four rows of `lanes` numbers; any length.
    fn add_panel<const FMA: bool>(panel: &[[Self; 4]], x: &[Self], lanes: usize, to: [&mut [Self]; 4]);
}

/// Two registers of four rows stay where they are while the sum runs: `$at` moves on as long as there are that many.
#[cfg(target_arch = "x86_64")]
macro_rules! wide_panel {
    ($simd:ident, $t:ty, $pair:literal, $vector:ident, $splat:ident, $fused:ident,
     $panel:ident, $x:ident, $lanes:ident, $at:ident, [$a:ident, $b:ident, $c:ident, $d:ident]) => {
        while let (Some(a), Some(b), Some(c), Some(d)) = (
            $a[$at..].first_chunk_mut::<$pair>(),
            $b[$at..].first_chunk_mut::<$pair>(),
            $c[$at..].first_chunk_mut::<$pair>(),
            $d[$at..].first_chunk_mut::<$pair>(),
        ) {
            let [mut a0, mut a1]: [pulp::$vector; 2] = pulp::cast(*a);
            let [mut b0, mut b1]: [pulp::$vector; 2] = pulp::cast(*b);
            let [mut c0, mut c1]: [pulp::$vector; 2] = pulp::cast(*c);
            let [mut d0, mut d1]: [pulp::$vector; 2] = pulp::cast(*d);
            for (w, x) in $panel.iter().zip($x.chunks_exact($lanes)) {
                let Some(x) = x[$at..].first_chunk::<$pair>() else { break };
                let [x0, x1]: [pulp::$vector; 2] = pulp::cast(*x);
                let [p, q, r, s] = w.map(|w| $simd.$splat(w));
                (a0, a1) = ($simd.$fused(p, x0, a0), $simd.$fused(p, x1, a1));
                (b0, b1) = ($simd.$fused(q, x0, b0), $simd.$fused(q, x1, b1));
                (c0, c1) = ($simd.$fused(r, x0, c0), $simd.$fused(r, x1, c1));
                (d0, d1) = ($simd.$fused(s, x0, d0), $simd.$fused(s, x1, d1));
            }
            *a = pulp::cast([a0, a1]);
            *b = pulp::cast([b0, b1]);
            *c = pulp::cast([c0, c1]);
            *d = pulp::cast([d0, d1]);
            $at += $pair;
        }
    };
}

macro_rules! impl_products {
    ($t:ty, $register:literal, $pair:literal, $vector:ident, $splat:ident, $fused:ident) => {
        impl Products for $t {
            const REGISTER: usize = $register;

            #[inline(always)]
            fn dot_four<const FMA: bool>([a, b, c, d]: [&[Self]; 4], weights: &[Self]) -> [Self; 4] {
                let (a, b) = (a.as_chunks::<$register>().0, b.as_chunks::<$register>().0);
                let (c, d) = (c.as_chunks::<$register>().0, d.as_chunks::<$register>().0);
                let w = weights.as_chunks::<$register>().0;
                let n = w.len();
                let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
                let mut sums = [[0.0; $register]; 4];
                #[cfg(target_arch = "x86_64")]
                if FMA && let Some(simd) = pulp::x86::V3::try_new() {
                    let zero: pulp::$vector = pulp::cast([0.0 as $t; $register]);
                    let (mut p, mut q, mut r, mut s) = (zero, zero, zero, zero);
                    for k in 0..n {
                        let w: pulp::$vector = pulp::cast(w[k]);
                        p = simd.$fused(pulp::cast(a[k]), w, p);
                        q = simd.$fused(pulp::cast(b[k]), w, q);
                        r = simd.$fused(pulp::cast(c[k]), w, r);
                        s = simd.$fused(pulp::cast(d[k]), w, s);
                    }
                    return [
                        total(pulp::cast::<_, [$t; $register]>(p)),
                        total(pulp::cast::<_, [$t; $register]>(q)),
                        total(pulp::cast::<_, [$t; $register]>(r)),
                        total(pulp::cast::<_, [$t; $register]>(s)),
                    ];
                }
                for k in 0..n {
                    for l in 0..$register {
                        sums[0][l] += a[k][l] * w[k][l];
                        sums[1][l] += b[k][l] * w[k][l];
                        sums[2][l] += c[k][l] * w[k][l];
                        sums[3][l] += d[k][l] * w[k][l];
                    }
                }
                [total(sums[0]), total(sums[1]), total(sums[2]), total(sums[3])]
            }

            #[inline(always)]
            fn add_four<const FMA: bool>([a, b, c, d]: [&[Self]; 4], by: [Self; 4], to: &mut [Self]) {
                let (a, b) = (a.as_chunks::<$register>().0, b.as_chunks::<$register>().0);
                let (c, d) = (c.as_chunks::<$register>().0, d.as_chunks::<$register>().0);
                let to = to.as_chunks_mut::<$register>().0;
                let n = to.len();
                let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
                #[cfg(target_arch = "x86_64")]
                if FMA && let Some(simd) = pulp::x86::V3::try_new() {
                    let (p, q) = (simd.$splat(by[0]), simd.$splat(by[1]));
                    let (r, s) = (simd.$splat(by[2]), simd.$splat(by[3]));
                    for k in 0..n {
                        let sum = simd.$fused(pulp::cast(d[k]), s, pulp::cast(to[k]));
                        let sum = simd.$fused(pulp::cast(c[k]), r, sum);
                        let sum = simd.$fused(pulp::cast(b[k]), q, sum);
                        to[k] = pulp::cast(simd.$fused(pulp::cast(a[k]), p, sum));
                    }
                    return;
                }
                for k in 0..n {
                    for l in 0..$register {
                        to[k][l] += a[k][l] * by[0] + b[k][l] * by[1] + c[k][l] * by[2] + d[k][l] * by[3];
                    }
                }
            }

            #[inline(always)]
            fn add_panel<const FMA: bool>(
                panel: &[[Self; 4]],
                x: &[Self],
                lanes: usize,
                [a, b, c, d]: [&mut [Self]; 4],
            ) {
                if lanes == 0 {
                    return;
                }
                let (a, b, c, d) = (&mut a[..lanes], &mut b[..lanes], &mut c[..lanes], &mut d[..lanes]);
                #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
                let mut at = 0;
                #[cfg(target_arch = "x86_64")]
                if FMA && let Some(simd) = pulp::x86::V3::try_new() {
                    wide_panel!(simd, $t, $pair, $vector, $splat, $fused, panel, x, lanes, at, [a, b, c, d]);
                }
                if at == lanes {
                    return;
                }
                let (a, b, c, d) = (&mut a[at..], &mut b[at..], &mut c[at..], &mut d[at..]);
                for (w, x) in panel.iter().zip(x.chunks_exact(lanes)) {
                    let x = &x[at..];
                    for (l, &x) in x.iter().enumerate() {
                        a[l] = fused::<$t, FMA>(w[0], x, a[l]);
                        b[l] = fused::<$t, FMA>(w[1], x, b[l]);
                        c[l] = fused::<$t, FMA>(w[2], x, c[l]);
                        d[l] = fused::<$t, FMA>(w[3], x, d[l]);
                    }
                }
            }
        }
    };
}

impl_products!(f64, 4, 8, f64x4, splat_f64x4, mul_add_f64x4);
impl_products!(f32, 8, 16, f32x8, splat_f32x8, mul_add_f32x8);

/// `a * b + c`, rounded once if `FMA`.
#[inline(always)]
fn fused<T: num_traits::Float, const FMA: bool>(a: T, b: T, c: T) -> T {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The sum by halves, in a fixed order.
#[inline(always)]
fn total<T: Copy + std::ops::Add<Output = T>, const N: usize>(mut sums: [T; N]) -> T {
    let mut n = N / 2;
    while n > 0 {
        for l in 0..n {
            sums[l] = sums[l] + sums[l + n];
        }
        n /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::maths::{InstructionSet, Kernel, dispatch};

    struct Both<'a>(&'a [Vec<f64>], &'a [f64], [f64; 4], &'a mut [f64]);

    impl Kernel for Both<'_> {
        type Output = [f64; 4];
        #[inline(always)]
        fn run<const FMA: bool>(self) -> [f64; 4] {
            let rows = [&self.0[0][..], &self.0[1], &self.0[2], &self.0[3]];
            f64::add_four::<FMA>(rows, self.2, self.3);
            f64::dot_four::<FMA>(rows, self.1)
        }
    }

    /// Whole numbers make every order of the sums exact.
    #[test]
    fn products_are_exact_for_whole_numbers_on_every_path() {
        for set in [InstructionSet::Baseline, InstructionSet::detect()] {
            for n in [0, 4, 8, 52] {
                let row = |r: usize| (0..n).map(|k| ((k * 7 + r * 3) % 11) as f64 - 5.0).collect::<Vec<f64>>();
                let (rows, weights) = ([row(0), row(1), row(2), row(3)], row(9));
                let by = [2.0, -3.0, 1.0, 5.0];
                let mut to = row(4);
                let dots = dispatch(set, Both(&rows, &weights, by, &mut to));
                for (r, dot) in dots.into_iter().enumerate() {
                    assert_eq!(dot, rows[r].iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>());
                }
                for k in 0..n {
                    let expected = row(4)[k] + (0..4).map(|r| rows[r][k] * by[r]).sum::<f64>();
                    assert_eq!(to[k], expected, "{n} numbers, place {k}");
                }
            }
        }
    }

    struct Panel<'a, T>(&'a [[T; 4]], &'a [T], usize, &'a mut [T]);

    impl<T: crate::program::maths::Lane> Kernel for Panel<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            let (a, rest) = self.3.split_at_mut(self.2);
            let (b, rest) = rest.split_at_mut(self.2);
            let (c, d) = rest.split_at_mut(self.2);
            T::add_panel::<FMA>(self.0, self.1, self.2, [a, b, c, d]);
        }
    }

    fn check_panel<T: crate::program::maths::Lane>(set: InstructionSet, lanes: usize, depth: usize) {
        let whole = |k: usize| ((k * 7) % 11) as f64 - 5.0;
        let number = |k: usize| T::from_f64(whole(k));
        let panel: Vec<[T; 4]> = (0..depth).map(|k| std::array::from_fn(|r| number(k * 5 + r * 3 + 1))).collect();
        let x: Vec<T> = (0..depth * lanes).map(number).collect();
        let mut to: Vec<T> = (0..4 * lanes).map(|k| number(k + 2)).collect();
        dispatch(set, Panel(&panel, &x, lanes, &mut to));
        for r in 0..4 {
            for l in 0..lanes {
                let sum: f64 = (0..depth).map(|k| whole(k * 5 + r * 3 + 1) * whole(k * lanes + l)).sum();
                let expected = sum + whole(r * lanes + l + 2);
                assert_eq!(to[r * lanes + l].to_f64(), expected, "{set:?}, {lanes} lanes, depth {depth}, row {r}, {l}");
            }
        }
    }

    #[test]
    fn panels_are_exact_for_whole_numbers_on_every_path() {
        for set in [InstructionSet::Baseline, InstructionSet::detect()] {
            for lanes in [0, 1, 3, 8, 13, 16, 32, 45] {
                for depth in [0, 1, 5, 32] {
                    check_panel::<f64>(set, lanes, depth);
                    check_panel::<f32>(set, lanes, depth);
                }
            }
        }
    }
}
