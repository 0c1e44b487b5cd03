//! Ctrl-C: the first ends the fit with what it has reached, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell sees of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// A flag that the first interrupt sets.
///
/// Where the system refuses a handler, an interrupt ends the program at once, as without this.
pub(super) fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    let handler = move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    };
    let _ = ctrlc::set_handler(handler);
    flag
}
