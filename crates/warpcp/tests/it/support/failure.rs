//! A failure says at once why, beside the line that names its test: the test program keeps that for its end, and of a long
//! run often only the part around the name is at hand.

use std::io::{Write, stderr};
use std::panic;
use std::sync::Once;
use std::thread;

/// From here on; to be called before anything can fail.
pub(crate) fn is_said_at_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |failure| {
            // Written, not printed: what is printed is kept for the end, as `before` does it.
            let thread = thread::current();
            let _ = writeln!(stderr(), "{}: {failure}", thread.name().unwrap_or("a thread"));
            before(failure);
        }));
    });
}
