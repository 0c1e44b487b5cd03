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
}

macro_rules! impl_products {
    ($t:ty, $register:literal, $vector:ident, $splat:ident, $fused:ident) => {
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
        }
    };
}

impl_products!(f64, 4, f64x4, splat_f64x4, mul_add_f64x4);
impl_products!(f32, 8, f32x8, splat_f32x8, mul_add_f32x8);

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
    use crate::numerics::{InstructionSet, Kernel, dispatch};

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
}
