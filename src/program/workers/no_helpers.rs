//! The stand-in for threads in a build without the feature `threads`: there are none, and loops run in order.

/// Threads that help the calling one; there is no value of this type.
#[derive(Debug)]
pub(crate) enum Helpers {}

impl Helpers {
    /// Refuses every number of threads.
    pub fn new(_threads: usize) -> Result<Helpers, String> {
        Err("this build has no threads; set `threads` to 1, or switch on the cargo feature `threads`".into())
    }

    /// Runs `work` on every item.
    pub fn share_out<I: Send>(&self, items: &mut [I], work: impl Fn((usize, &mut I)) + Sync) {
        items.iter_mut().enumerate().for_each(work);
    }
}

/// `f` of every item, in their order.
pub(crate) fn map_side_by_side<I: Send, T: Send>(items: Vec<I>, f: impl Fn(I) -> T + Sync + Send) -> Vec<T> {
    items.into_iter().map(f).collect()
}

/// Runs `f` on every item and its number.
pub(crate) fn each_side_by_side<I: Send>(items: &mut [I], f: impl Fn((usize, &mut I)) + Sync + Send) {
    items.iter_mut().enumerate().for_each(f);
}
