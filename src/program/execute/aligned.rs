//! [`Aligned`]: numbers that begin at a cache line.

use std::ops::{Deref, DerefMut};

use crate::numerics::Lane;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Numbers that a buffer has more than its length, so that it can begin at a line.
pub(in super::super) const fn slack<T>() -> usize {
    LINE / size_of::<T>()
}

/// A buffer whose first number lies at the start of a cache line, wherever the allocator put it.
///
/// Registers of 32 bytes then never straddle two lines. Left to the allocator, the same program took 235 or 275 us for
/// one gradient depending on the length of its own path.
#[derive(Clone, Debug, Default)]
pub(super) struct Aligned<T> {
    data: Vec<T>,
    from: usize,
    len: usize,
}

impl<T: Lane> Aligned<T> {
    /// Makes it `len` zeros where its length was another; says whether it did.
    pub fn resize(&mut self, len: usize) -> bool {
        if self.len == len {
            return false;
        }
        self.data.clear();
        self.data.resize(len + slack::<T>(), T::zero());
        (self.from, self.len) = (to_line(&self.data), len);
        true
    }
}

/// Numbers from the start of `data` to its first cache line, at most [`slack`].
pub(in super::super) fn to_line<T>(data: &[T]) -> usize {
    data.as_ptr().align_offset(LINE).min(slack::<T>())
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.data[self.from..self.from + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[self.from..self.from + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_line_and_keep_what_they_hold() {
        for len in [0, 1, 7, 8, 1000] {
            let (mut double, mut single) = (Aligned::<f64>::default(), Aligned::<f32>::default());
            assert_eq!(double.resize(len), len > 0);
            single.resize(len);
            assert_eq!((double.len(), single.len()), (len, len));
            assert!(len == 0 || (double.as_ptr() as usize).is_multiple_of(LINE));
            assert!(len == 0 || (single.as_ptr() as usize).is_multiple_of(LINE));
            double.iter_mut().enumerate().for_each(|(k, x)| *x = k as f64);
            assert!(!double.resize(len));
            assert!(double.clone().iter().enumerate().all(|(k, &x)| x == k as f64));
        }
    }
}
