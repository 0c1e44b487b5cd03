//! One piece of slice code, compiled once per instruction set and chosen at run time.

/// Runs `kernel` with the instructions of `set`.
///
/// A set that this machine lacks is replaced by [`InstructionSet::Baseline`].
/// The two sets differ in the last bits (one fuses multiply and add), so pin the set where the same bits are promised.
///
/// ```ignore
/// struct Scale<'a>(&'a mut [f64], f64);
/// impl Kernel for Scale<'_> {
///     type Output = ();
///     #[inline(always)]
///     fn run<const FMA: bool>(self) {
///         self.0.iter_mut().for_each(|x| *x *= self.1);
///     }
/// }
/// dispatch(InstructionSet::detect(), Scale(&mut xs, 2.0));
/// ```
#[inline]
pub fn dispatch<K: Kernel>(set: InstructionSet, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if set == InstructionSet::Avx2Fma
        && let Some(token) = pulp::x86::V3::try_new()
    {
        return pulp::Simd::vectorize(token, Fused(kernel));
    }
    let _ = set;
    kernel.run::<false>()
}

/// A piece of slice code that [`dispatch`] compiles once per instruction set.
pub trait Kernel {
    /// What the code returns.
    type Output;

    /// The code; `FMA` says whether a multiply and add may be fused, and is handed on to every `*_lane` call.
    ///
    /// Mark it `#[inline(always)]`, and everything it calls: only what is inlined is compiled for the instruction set.
    fn run<const FMA: bool>(self) -> Self::Output;
}

/// The instructions a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstructionSet {
    /// 256-bit vectors and fused multiply-add (x86-64-v3: every desktop and server since about 2015).
    Avx2Fma,
    /// What the compiler assumes of the target, without fused multiply-add.
    Baseline,
}

impl InstructionSet {
    /// The best set this machine has.
    pub fn detect() -> Self {
        if Self::Avx2Fma.is_available() { Self::Avx2Fma } else { Self::Baseline }
    }

    /// Whether this machine can run the set.
    pub fn is_available(self) -> bool {
        match self {
            Self::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Fma => pulp::x86::V3::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2Fma => false,
        }
    }
}

/// A kernel on the path with fused multiply-add.
#[cfg(target_arch = "x86_64")]
struct Fused<K>(K);

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::WithSimd for Fused<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) -> K::Output {
        self.0.run::<true>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says on which path it ran.
    struct IsFused;

    impl Kernel for IsFused {
        type Output = bool;

        #[inline(always)]
        fn run<const FMA: bool>(self) -> bool {
            FMA
        }
    }

    #[test]
    fn the_path_follows_the_set() {
        assert!(!dispatch(InstructionSet::Baseline, IsFused));
        let has_fma = InstructionSet::Avx2Fma.is_available();
        assert_eq!(dispatch(InstructionSet::Avx2Fma, IsFused), has_fma);
        assert_eq!(dispatch(InstructionSet::detect(), IsFused), has_fma);
    }

    #[test]
    fn baseline_is_always_there() {
        assert!(InstructionSet::Baseline.is_available());
        assert!(InstructionSet::detect().is_available());
    }
}
