//! Ctrl-C, and what a system sends to end a program: the first ends the work with what it has reached, the second ends the program.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What a shell sees of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// What the first interrupt is answered with, at once.
const WORDS: &str = "interrupted: ends with what it has reached; a second interrupt ends it at once";

/// The one flag of the program: a system has one handler.
static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The flag that the first interrupt sets: Ctrl-C, SIGTERM or SIGHUP.
///
/// Where the system refuses a handler, an interrupt ends the program at once, as without this.
pub(super) fn flag() -> Arc<AtomicBool> {
    let made = || {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = flag.clone();
        let handler = move || {
            if seen.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            let _ = writeln!(std::io::stderr(), "{WORDS}"); // a terminal that is gone leaves nobody to tell
        };
        let _ = ctrlc::set_handler(handler);
        flag
    };
    FLAG.get_or_init(made).clone()
}
