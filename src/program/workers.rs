//! [`Workers`]: the threads that programs are run on, kept awake between passes.

use std::sync::Arc;

#[cfg(feature = "threads")]
mod helpers;
#[cfg(not(feature = "threads"))]
mod no_helpers;

#[cfg(feature = "threads")]
pub(crate) use helpers::{Helpers, each_side_by_side, map_side_by_side};
#[cfg(not(feature = "threads"))]
pub(crate) use no_helpers::{Helpers, each_side_by_side, map_side_by_side};

use super::{Options, Precision};

/// [`Options`] with the threads that were started for them; clones share the threads.
///
/// A pass of a few hundred microseconds is over before a sleeping thread has woken up. A thread that has worked
/// therefore looks for more for 0.2 ms before it goes to sleep, so let what works by turns, a target and its family,
/// share one set.
#[derive(Clone, Debug)]
pub struct Workers {
    options: Options,
    helpers: Option<Arc<Helpers>>,
}

impl Workers {
    /// Starts all threads of `options` but the calling one, at most four for each core of the machine.
    ///
    /// # Errors
    /// The system's reason when threads cannot be started.
    pub fn new(options: Options) -> Result<Workers, String> {
        // Results do not depend on the number, and a million sleeping threads bring a machine down.
        let most = 4 * std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let helpers = match options.threads {
            0 | 1 => None,
            threads => Some(Arc::new(Helpers::new(threads.min(most).max(2) - 1)?)),
        };
        Ok(Workers { options, helpers })
    }

    /// The options that the threads were started with.
    pub fn options(&self) -> Options {
        self.options
    }

    /// The same threads for double precision.
    pub(crate) fn in_double(&self) -> Workers {
        Workers { options: Options { precision: Precision::Double, ..self.options }, helpers: self.helpers.clone() }
    }

    /// Runs `work` on every item, at the same time where there are several threads.
    pub(crate) fn each<I: Send>(&self, items: &mut [I], work: impl Fn(&mut I) + Sync) {
        match self.helpers() {
            Some(helpers) => helpers.share_out(items, |(_, item)| work(item)),
            None => items.iter_mut().for_each(work),
        }
    }

    pub(crate) fn helpers(&self) -> Option<&Helpers> {
        self.helpers.as_deref()
    }
}
