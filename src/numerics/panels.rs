//! Four rows of a matrix times a block of lanes, with the sums in registers from the first addend to the last.

/// Weights of four rows, read where they lie.
#[derive(Clone, Copy)]
pub enum FourRows<'a, T> {
    /// Each row has its own stretch, `rows[r][k]`.
    Rows([&'a [T]; 4]),
    /// The four stand side by side, `data[k * stride + r]`.
    Columns(&'a [T], usize),
}

/// Products of four rows with any number of lanes.
pub trait Panels: Sized {
    /// `to[r][l] += sum_k weights(r, k) * x[k * lanes + l]` for `k < x.len() / lanes`; each `to[r]` has `lanes` numbers.
    fn add_panel<const FMA: bool>(weights: FourRows<Self>, x: &[Self], lanes: usize, to: [&mut [Self]; 4]);
}

/// Adds all products of `$width` lanes from `$at` on as long as there are that many; `$weights` are those of `$k`.
#[cfg(target_arch = "x86_64")]
macro_rules! in_registers {
    ($simd:ident, $vector:ident, $splat:ident, $fused:ident, $width:literal, [$($n:literal),*],
     $k:ident, $depth:ident, $weights:expr, $x:ident, $lanes:ident, $at:ident, $to:ident) => {
        while $at + $width <= $lanes {
            let [a, b, c, d] = &mut $to;
            let (Some(a), Some(b)) = (a[$at..].first_chunk_mut::<$width>(), b[$at..].first_chunk_mut::<$width>()) else {
                break;
            };
            let (Some(c), Some(d)) = (c[$at..].first_chunk_mut::<$width>(), d[$at..].first_chunk_mut::<$width>()) else {
                break;
            };
            let mut p: [pulp::$vector; [$($n),*].len()] = pulp::cast(*a);
            let mut q: [pulp::$vector; [$($n),*].len()] = pulp::cast(*b);
            let mut r: [pulp::$vector; [$($n),*].len()] = pulp::cast(*c);
            let mut s: [pulp::$vector; [$($n),*].len()] = pulp::cast(*d);
            for $k in 0..$depth {
                let Some(x) = $x[$k * $lanes + $at..].first_chunk::<$width>() else { break };
                let x: [pulp::$vector; [$($n),*].len()] = pulp::cast(*x);
                let [w0, w1, w2, w3] = $weights;
                let [w0, w1] = [$simd.$splat(w0), $simd.$splat(w1)];
                let [w2, w3] = [$simd.$splat(w2), $simd.$splat(w3)];
                $(
                    p[$n] = $simd.$fused(w0, x[$n], p[$n]);
                    q[$n] = $simd.$fused(w1, x[$n], q[$n]);
                    r[$n] = $simd.$fused(w2, x[$n], r[$n]);
                    s[$n] = $simd.$fused(w3, x[$n], s[$n]);
                )*
            }
            (*a, *b, *c, *d) = (pulp::cast(p), pulp::cast(q), pulp::cast(r), pulp::cast(s));
            $at += $width;
        }
    };
}

/// The same for what is left of the lanes, and where there are no such registers.
macro_rules! one_by_one {
    ($k:ident, $depth:ident, $weights:expr, $x:ident, $lanes:ident, $at:ident, $to:ident) => {
        let [a, b, c, d] = &mut $to;
        let (a, b, c, d) = (&mut a[$at..$lanes], &mut b[$at..$lanes], &mut c[$at..$lanes], &mut d[$at..$lanes]);
        for $k in 0..$depth {
            let x = &$x[$k * $lanes + $at..($k + 1) * $lanes];
            let w = $weights;
            for l in 0..x.len() {
                a[l] = fused::<_, FMA>(w[0], x[l], a[l]);
                b[l] = fused::<_, FMA>(w[1], x[l], b[l]);
                c[l] = fused::<_, FMA>(w[2], x[l], c[l]);
                d[l] = fused::<_, FMA>(w[3], x[l], d[l]);
            }
        }
    };
}

macro_rules! all_lanes {
    ($vector:ident, $splat:ident, $fused:ident, $single:literal, $pair:literal,
     $k:ident, $depth:ident, $weights:expr, $x:ident, $lanes:ident, $to:ident) => {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut at = 0;
        #[cfg(target_arch = "x86_64")]
        if FMA && let Some(simd) = pulp::x86::V3::try_new() {
            in_registers!(simd, $vector, $splat, $fused, $pair, [0, 1], $k, $depth, $weights, $x, $lanes, at, $to);
            in_registers!(simd, $vector, $splat, $fused, $single, [0], $k, $depth, $weights, $x, $lanes, at, $to);
        }
        if at < $lanes {
            one_by_one!($k, $depth, $weights, $x, $lanes, at, $to);
        }
    };
}

macro_rules! impl_panels {
    ($t:ty, $single:literal, $pair:literal, $vector:ident, $splat:ident, $fused:ident) => {
        impl Panels for $t {
            #[inline(always)]
            fn add_panel<const FMA: bool>(weights: FourRows<Self>, x: &[Self], lanes: usize, mut to: [&mut [Self]; 4]) {
                let depth = x.len() / lanes.max(1);
                match weights {
                    FourRows::Rows([a, b, c, d]) => {
                        let (a, b, c, d) = (&a[..depth], &b[..depth], &c[..depth], &d[..depth]);
                        let w = [a, b, c, d];
                        all_lanes!(
                            $vector,
                            $splat,
                            $fused,
                            $single,
                            $pair,
                            k,
                            depth,
                            [w[0][k], w[1][k], w[2][k], w[3][k]],
                            x,
                            lanes,
                            to
                        );
                    }
                    FourRows::Columns(data, stride) => {
                        all_lanes!(
                            $vector,
                            $splat,
                            $fused,
                            $single,
                            $pair,
                            k,
                            depth,
                            match data[k * stride..].first_chunk::<4>() {
                                Some(w) => *w,
                                None => break,
                            },
                            x,
                            lanes,
                            to
                        );
                    }
                }
            }
        }
    };
}

impl_panels!(f64, 4, 8, f64x4, splat_f64x4, mul_add_f64x4);
impl_panels!(f32, 8, 16, f32x8, splat_f32x8, mul_add_f32x8);

/// `a * b + c`, rounded once if `FMA`.
#[inline(always)]
fn fused<T: num_traits::Float, const FMA: bool>(a: T, b: T, c: T) -> T {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::{InstructionSet, Kernel, Lane, dispatch};

    struct Panel<'a, T>(FourRows<'a, T>, &'a [T], usize, &'a mut [T]);

    impl<T: Lane> Kernel for Panel<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            let (a, rest) = self.3.split_at_mut(self.2);
            let (b, rest) = rest.split_at_mut(self.2);
            let (c, d) = rest.split_at_mut(self.2);
            T::add_panel::<FMA>(self.0, self.1, self.2, [a, b, c, d]);
        }
    }

    fn check<T: Lane>(set: InstructionSet, lanes: usize, depth: usize, by_column: bool) {
        let whole = |k: usize| ((k * 7) % 11) as f64 - 5.0;
        let number = |k: usize| T::from_f64(whole(k));
        let weight = |r: usize, k: usize| k * 5 + r * 3 + 1;
        let (stride, n) = if by_column { (6, 6 * depth) } else { (depth, 4 * depth) };
        let place = |r: usize, k: usize| if by_column { k * stride + r } else { r * stride + k };
        let mut data = vec![T::zero(); n];
        for (r, k) in (0..4).flat_map(|r| (0..depth).map(move |k| (r, k))) {
            data[place(r, k)] = number(weight(r, k));
        }
        let weights = if by_column {
            FourRows::Columns(&data, stride)
        } else {
            FourRows::Rows(std::array::from_fn(|r| &data[r * stride..(r + 1) * stride]))
        };
        let x: Vec<T> = (0..depth * lanes).map(number).collect();
        let mut to: Vec<T> = (0..4 * lanes).map(|k| number(k + 2)).collect();
        dispatch(set, Panel(weights, &x, lanes, &mut to));
        for (r, l) in (0..4).flat_map(|r| (0..lanes).map(move |l| (r, l))) {
            let sum: f64 = (0..depth).map(|k| whole(weight(r, k)) * whole(k * lanes + l)).sum();
            let expected = sum + whole(r * lanes + l + 2);
            let what = format!("{set:?}, {lanes} lanes, depth {depth}, by column {by_column}, row {r}, {l}");
            assert_eq!(to[r * lanes + l].to_f64(), expected, "{what}");
        }
    }

    /// Whole numbers make every order of the sums exact.
    #[test]
    fn panels_are_exact_for_whole_numbers_on_every_path() {
        for set in [InstructionSet::Baseline, InstructionSet::detect()] {
            for lanes in [0, 1, 3, 4, 8, 13, 16, 32, 45] {
                for depth in [0, 1, 5, 32] {
                    for by_column in [false, true] {
                        check::<f64>(set, lanes, depth, by_column);
                        check::<f32>(set, lanes, depth, by_column);
                    }
                }
            }
        }
    }
}
