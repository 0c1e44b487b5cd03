//! Progress of a study, and the way to end it.

use std::ops::ControlFlow;

/// The progress of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'p> {
    /// Number of gradients taken so far.
    pub done: u64,
    /// Gradients there will be, about.
    pub total: u64,
    /// What is being measured, in words.
    pub doing: &'p str,
}

/// Sees a study at every gradient; breaking ends it with what is finished.
pub trait StudyObserver {
    /// Called before each gradient.
    fn on_gradient(&mut self, progress: &Progress) -> ControlFlow<()>;
}

impl<F: FnMut(&Progress) -> ControlFlow<()>> StudyObserver for F {
    fn on_gradient(&mut self, progress: &Progress) -> ControlFlow<()> {
        self(progress)
    }
}

/// Counts gradients, shows them to the caller's observer, and remembers that it broke.
pub(super) struct Watch<'w> {
    pub observer: Option<&'w mut dyn StudyObserver>,
    pub done: u64,
    pub total: u64,
    pub interrupted: bool,
}

impl Watch<'_> {
    pub fn tick(&mut self, doing: &str) -> ControlFlow<()> {
        if self.interrupted {
            return ControlFlow::Break(());
        }
        self.total = self.total.max(self.done + 1);
        let progress = Progress { done: self.done, total: self.total, doing };
        self.done += 1;
        if let Some(observer) = &mut self.observer {
            self.interrupted = observer.on_gradient(&progress).is_break();
        }
        if self.interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
