//! [`Helpers`]: threads that help the calling one, and loops whose turns run side by side.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

/// How long a thread looks for work.
const LINGER: Duration = Duration::from_micros(200);

/// Threads that help the calling one.
#[derive(Debug)]
pub(crate) struct Helpers {
    pool: rayon::ThreadPool,
    /// How many look for work.
    looking: Arc<AtomicUsize>,
    /// Calls that are still to do without helpers, since these came late, and how many the last such calls were.
    alone: AtomicU32,
    penalty: AtomicU32,
}

/// Calls without helpers at most, after they were late again and again.
const MOST_ALONE: u32 = 256;

impl Helpers {
    pub fn new(threads: usize) -> Result<Helpers, String> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| e.to_string())?;
        Ok(Helpers { pool, looking: Arc::default(), alone: AtomicU32::new(0), penalty: AtomicU32::new(0) })
    }

    /// Runs `work` on every item, on this thread and on the helpers, each taking the next item when it is free.
    ///
    /// Where other programs have the cores, a helper that gets none would hold every call up: calls do without helpers
    /// for a while after one was late.
    pub fn share_out<I: Send>(&self, items: &mut [I], work: impl Fn((usize, &mut I)) + Sync) {
        let helpers = self.pool.current_num_threads().min(items.len().saturating_sub(1));
        if helpers == 0 || self.alone.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            return items.iter_mut().enumerate().for_each(work);
        }
        let start = Instant::now();
        let mut worked = Duration::ZERO;
        let queue = Mutex::new(items.iter_mut().enumerate());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let take = || {
            while let Some(item) = next() {
                work(item);
            }
        };
        let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut all_begun = false;
        // This thread starts at once instead of waiting until another one has woken up.
        self.pool.in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| {
                    begun.fetch_add(1, Ordering::Release);
                    take();
                    done.fetch_add(1, Ordering::Release);
                });
            }
            take();
            worked = start.elapsed();
            all_begun = begun.load(Ordering::Acquire) == helpers;
            // The others are about to end: to be woken up by them would take longer.
            while done.load(Ordering::Acquire) < helpers && start.elapsed() < worked + LINGER {
                std::thread::yield_now();
            }
        });
        // One that had begun may have had an item more to do.
        let patience = if all_begun { 3 * worked + LINGER } else { LINGER };
        self.judge(helpers, start.elapsed() > worked + patience);
    }

    /// Keeps helpers awake, or does without them for a while, longer each time that they are late.
    fn judge(&self, helpers: usize, are_late: bool) {
        let last = self.penalty.load(Ordering::Relaxed);
        let penalty = if are_late { (2 * last).clamp(1, MOST_ALONE) } else { last / 2 };
        self.penalty.store(penalty, Ordering::Relaxed);
        if are_late { self.alone.store(penalty, Ordering::Relaxed) } else { self.keep_awake(helpers) }
    }

    /// Has this many threads look for work, those that do included.
    fn keep_awake(&self, helpers: usize) {
        while self.looking.load(Ordering::Relaxed) < helpers {
            self.looking.fetch_add(1, Ordering::Relaxed);
            let looking = self.looking.clone();
            self.pool.spawn(move || {
                look_for_work();
                looking.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// `f` of every item, in their order, on the cores of the machine.
pub(crate) fn map_side_by_side<I: Send, T: Send>(items: Vec<I>, f: impl Fn(I) -> T + Sync + Send) -> Vec<T> {
    items.into_par_iter().map(f).collect()
}

/// Runs `f` on every item and its number, on the cores of the machine.
pub(crate) fn each_side_by_side<I: Send>(items: &mut [I], f: impl Fn((usize, &mut I)) + Sync + Send) {
    items.par_iter_mut().enumerate().for_each(f);
}

/// Works for the pool of this thread until there has been nothing to do for a while.
fn look_for_work() {
    let mut last = Instant::now();
    while last.elapsed() < LINGER {
        match rayon::yield_now() {
            Some(rayon::Yield::Executed) => last = Instant::now(),
            // Another program may want the core.
            _ => std::thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_with_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let helpers = Helpers::new(threads).expect("threads");
            for items in [0, 1, 2, 7, 300] {
                let mut counts = vec![(0, 0); items];
                for _ in 0..3 {
                    helpers.share_out(&mut counts, |(k, count)| *count = (count.0 + 1, k));
                }
                assert!(counts.iter().enumerate().all(|(k, c)| *c == (3, k)), "{threads} threads, {items} items");
            }
        }
    }

    #[test]
    fn helpers_that_get_no_core_are_not_waited_for_again() {
        let helpers = Helpers::new(1).expect("threads");
        let calls = Arc::new(AtomicU32::new(0));
        // Holds the helper until some time after the next call has begun.
        let hold = || {
            let (calls, before) = (calls.clone(), calls.load(Ordering::Relaxed));
            helpers.pool.spawn(move || {
                while calls.load(Ordering::Relaxed) == before {
                    std::thread::sleep(LINGER);
                }
                std::thread::sleep(50 * LINGER);
            });
        };
        let call = || {
            let mut counts = [0; 4];
            helpers.share_out(&mut counts, |(k, n)| {
                *n += 1;
                calls.fetch_add(u32::from(k == 0), Ordering::Relaxed);
            });
            assert_eq!(counts, [1; 4]);
        };
        for late in [1, 2, 4] {
            hold();
            call();
            assert_eq!(helpers.alone.load(Ordering::Relaxed), late);
            // None of these waits, or the penalty would have grown.
            hold();
            (0..late).for_each(|_| call());
            assert_eq!((helpers.alone.load(Ordering::Relaxed), helpers.penalty.load(Ordering::Relaxed)), (0, late));
            helpers.pool.install(|| ());
        }
    }

    #[test]
    fn threads_go_to_sleep() {
        let helpers = Helpers::new(2).expect("threads");
        helpers.share_out(&mut [0; 8], |(_, x)| *x += 1);
        let start = Instant::now();
        while helpers.looking.load(Ordering::Relaxed) > 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "a thread still looks for work");
            std::thread::sleep(LINGER);
        }
    }
}
