//! Progress of a study, and the way to end it.

use std::ops::ControlFlow;

/// The progress of a study.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress<'p> {
    /// Number of gradients taken so far.
    pub done: u64,
    /// Gradients there will be, about.
    pub total: u64,
    /// Share of the work that is done, by draws: a gradient of a hundred draws counts as a hundred of one.
    pub share: f64,
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
#[derive(Default)]
pub(super) struct Watch<'w> {
    pub observer: Option<&'w mut dyn StudyObserver>,
    pub done: u64,
    pub total: u64,
    /// Draws so far, and draws there will be, about.
    pub draws: (u64, u64),
    pub interrupted: bool,
}

impl Watch<'_> {
    /// Makes room for more gradients of so many draws than were planned.
    pub fn expect(&mut self, gradients: u64, num_draws: usize) {
        self.total += gradients;
        self.draws.1 += gradients * num_draws as u64;
    }

    /// Before a gradient of so many draws.
    pub fn tick(&mut self, doing: &str, num_draws: usize) -> ControlFlow<()> {
        if self.interrupted {
            return ControlFlow::Break(());
        }
        self.total = self.total.max(self.done + 1);
        let share = (self.draws.0 as f64 / self.draws.1.max(1) as f64).min(1.0);
        let progress = Progress { done: self.done, total: self.total, share, doing };
        self.done += 1;
        self.draws.0 += num_draws as u64;
        if let Some(observer) = &mut self.observer {
            self.interrupted = observer.on_gradient(&progress).is_break();
        }
        if self.interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
