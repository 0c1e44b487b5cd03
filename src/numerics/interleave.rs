//! Eight rows written side by side, the transpose of a stripe of a matrix.

/// Numbers that are transposed in registers where the machine has them.
pub trait Interleave: Sized {
    /// `out[l * stride + r] = rows[r][l]` for eight rows of one length.
    fn interleave<const FMA: bool>(rows: [&[Self]; 8], out: &mut [Self], stride: usize);
}

/// Transposes squares of the rows as long as there are whole ones: `$transposed` names the columns of the rows `$row`.
///
/// Written out, since a closure is not compiled for the instruction set around it.
#[cfg(target_arch = "x86_64")]
macro_rules! squares {
    ($size:literal, $rows:ident, $out:ident, $stride:ident, $at:ident, [$($k:literal),*], [$($row:ident),*], $transposed:block) => {
        let n = $rows[0].len();
        while $at + $size <= n {
            let mut first = 0;
            while first < 8 {
                $(let Some($row) = $rows[first + $k][$at..].first_chunk::<$size>() else { break };
                let $row = pulp::cast(*$row);)*
                let [$($row),*] = $transposed;
                $($out[($at + $k) * $stride + first..][..$size].copy_from_slice(&pulp::cast::<_, [Self; $size]>($row));)*
                first += $size;
            }
            $at += $size;
        }
    };
}

/// Number by number from `from` on.
#[inline(always)]
fn rest<T: Copy>(rows: [&[T]; 8], from: usize, out: &mut [T], stride: usize) {
    let n = rows[0].len();
    let [a, b, c, d, e, f, g, h] = rows;
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    let (e, f, g, h) = (&e[..n], &f[..n], &g[..n], &h[..n]);
    for l in from..n {
        out[l * stride..][..8].copy_from_slice(&[a[l], b[l], c[l], d[l], e[l], f[l], g[l], h[l]]);
    }
}

impl Interleave for f32 {
    #[inline(always)]
    fn interleave<const FMA: bool>(rows: [&[f32]; 8], out: &mut [f32], stride: usize) {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut from = 0;
        #[cfg(target_arch = "x86_64")]
        if FMA && let Some(simd) = pulp::x86::V3::try_new() {
            let avx = simd.avx;
            squares!(8, rows, out, stride, from, [0, 1, 2, 3, 4, 5, 6, 7], [a, b, c, d, e, f, g, h], {
                // Pairs of rows, then four rows in each half of a register, then the halves.
                let (p, q) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
                let (r, s) = (avx._mm256_unpacklo_ps(c, d), avx._mm256_unpackhi_ps(c, d));
                let (t, u) = (avx._mm256_unpacklo_ps(e, f), avx._mm256_unpackhi_ps(e, f));
                let (v, w) = (avx._mm256_unpacklo_ps(g, h), avx._mm256_unpackhi_ps(g, h));
                let (a, b) = (avx._mm256_shuffle_ps::<0x44>(p, r), avx._mm256_shuffle_ps::<0xee>(p, r));
                let (c, d) = (avx._mm256_shuffle_ps::<0x44>(q, s), avx._mm256_shuffle_ps::<0xee>(q, s));
                let (e, f) = (avx._mm256_shuffle_ps::<0x44>(t, v), avx._mm256_shuffle_ps::<0xee>(t, v));
                let (g, h) = (avx._mm256_shuffle_ps::<0x44>(u, w), avx._mm256_shuffle_ps::<0xee>(u, w));
                [
                    avx._mm256_permute2f128_ps::<0x20>(a, e),
                    avx._mm256_permute2f128_ps::<0x20>(b, f),
                    avx._mm256_permute2f128_ps::<0x20>(c, g),
                    avx._mm256_permute2f128_ps::<0x20>(d, h),
                    avx._mm256_permute2f128_ps::<0x31>(a, e),
                    avx._mm256_permute2f128_ps::<0x31>(b, f),
                    avx._mm256_permute2f128_ps::<0x31>(c, g),
                    avx._mm256_permute2f128_ps::<0x31>(d, h),
                ]
            });
        }
        rest(rows, from, out, stride);
    }
}

impl Interleave for f64 {
    #[inline(always)]
    fn interleave<const FMA: bool>(rows: [&[f64]; 8], out: &mut [f64], stride: usize) {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut from = 0;
        #[cfg(target_arch = "x86_64")]
        if FMA && let Some(simd) = pulp::x86::V3::try_new() {
            let avx = simd.avx;
            squares!(4, rows, out, stride, from, [0, 1, 2, 3], [a, b, c, d], {
                let (p, q) = (avx._mm256_unpacklo_pd(a, b), avx._mm256_unpackhi_pd(a, b));
                let (r, s) = (avx._mm256_unpacklo_pd(c, d), avx._mm256_unpackhi_pd(c, d));
                [
                    avx._mm256_permute2f128_pd::<0x20>(p, r),
                    avx._mm256_permute2f128_pd::<0x20>(q, s),
                    avx._mm256_permute2f128_pd::<0x31>(p, r),
                    avx._mm256_permute2f128_pd::<0x31>(q, s),
                ]
            });
        }
        rest(rows, from, out, stride);
    }
}

#[cfg(test)]
mod tests {
    use crate::numerics::{InstructionSet, Kernel, Lane, dispatch};

    struct Eight<'a, T>([&'a [T]; 8], &'a mut [T], usize);

    impl<T: Lane> Kernel for Eight<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            T::interleave::<FMA>(self.0, self.1, self.2);
        }
    }

    fn check<T: Lane>(set: InstructionSet, n: usize, stride: usize) {
        let number = |r: usize, l: usize| T::from_f64((100 * r + l) as f64);
        let rows: Vec<Vec<T>> = (0..8).map(|r| (0..n).map(|l| number(r, l)).collect()).collect();
        let mut out = vec![-T::one(); n * stride];
        dispatch(set, Eight(std::array::from_fn(|r| &rows[r][..]), &mut out, stride));
        for (at, x) in out.into_iter().enumerate() {
            let (l, r) = (at / stride, at % stride);
            assert_eq!(
                x,
                if r < 8 { number(r, l) } else { -T::one() },
                "{set:?}, {n} numbers, stride {stride}, {l}, {r}"
            );
        }
    }

    #[test]
    fn every_number_goes_to_its_place_and_no_other_is_touched() {
        for set in [InstructionSet::Baseline, InstructionSet::detect()] {
            for (n, stride) in [(0, 8), (1, 8), (7, 9), (8, 8), (13, 11), (64, 128)] {
                check::<f32>(set, n, stride);
                check::<f64>(set, n, stride);
            }
        }
    }
}
