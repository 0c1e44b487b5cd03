//! Buffers for methods that take `&self`.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buffers lent to one call at a time, so that a repeated call allocates nothing and families stay `Sync`.
///
/// What a buffer holds is never read by the next call; copies and comparisons therefore ignore it.
pub(crate) struct Pool<B>(Mutex<Vec<B>>);

impl<B: Default> Pool<B> {
    /// Runs `body` with a buffer that nobody else uses meanwhile.
    pub fn with<R>(&self, body: impl FnOnce(&mut B) -> R) -> R {
        // A buffer taken out before `body` runs: nested and parallel calls get buffers of their own.
        let mut buffer = self.lock().pop().unwrap_or_default();
        let result = body(&mut buffer);
        self.lock().push(buffer);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Vec<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Default for Pool<B> {
    fn default() -> Self {
        Pool(Mutex::new(Vec::new()))
    }
}

impl<B> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Pool::default()
    }
}

impl<B> PartialEq for Pool<B> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<B> std::fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}
