//! What only the very start of the process shows, before the standard library tidies up.

use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether nobody gave the process a standard output. The standard library opens /dev/null in its place, so that no
/// target can get its number and receive what is printed.
pub(crate) fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
extern "C" fn look() {
    let answer = rustix::io::fcntl_getfd(rustix::stdio::stdout());
    STDOUT_WAS_CLOSED.store(answer.is_err(), Ordering::Relaxed);
}

// SAFETY: what stands in this section are addresses of functions, each called once before `main` (System V ABI,
// "Initialization and Termination Functions"); this one makes one system call and stores to an atomic.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;
