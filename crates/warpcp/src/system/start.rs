//! How the process begins on Unix.
//!
//! It begins here and not in the standard library, which would first read `/proc/self/maps` and map a second stack, to be
//! able to name a stack overflow: a tenth of the time of copying one small file (1 KiB on tmpfs, medians of 800 interleaved
//! runs: 1.01 against 1.14 ms, three times the same; Linux 6.18). What else it would do is done here.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::mem::{MaybeUninit, forget};
use std::os::unix::ffi::OsStrExt;
use std::panic;
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::{fs, io, stdio};

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether nobody gave the process a standard output.
pub(super) fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

/// The exit status after a panic, as everybody's in Rust.
const PANICKED: c_int = 101;

// SAFETY: no other function of this program has the name, by which the C library calls it, once.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[cfg_attr(test, allow(dead_code, reason = "tests have a beginning of their own"))]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    open_standard_files();
    // SAFETY: to ignore a signal takes no memory and no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let words: Vec<OsString> = (0..count as usize)
        // SAFETY: before the count there are addresses of strings that end in zero and stay (C17, 5.1.2.2.1).
        .map(|at| unsafe { CStr::from_ptr(*words.add(at)) })
        .map(|word| OsStr::from_bytes(word.to_bytes()).to_owned())
        .collect();
    panic::catch_unwind(|| c_int::from(crate::respond(&words))).unwrap_or(PANICKED)
}

/// Opens /dev/null in the place of standard input, output and error that nobody gave the process, so that no target can
/// get its number and receive what is printed.
fn open_standard_files() {
    let is_closed = [stdio::stdin(), stdio::stdout(), stdio::stderr()]
        .map(|file| io::fcntl_getfd(file) == Err(io::Errno::BADF));
    STDOUT_WAS_CLOSED.store(is_closed[1], Ordering::Relaxed);
    for _ in is_closed.iter().filter(|is_closed| **is_closed) {
        // A file that is opened gets the lowest number there is (open(2)).
        match fs::open("/dev/null", OFlags::RDWR, Mode::empty()) {
            Ok(file) => forget(file),
            Err(_) => process::abort(),
        }
    }
}

/// Whether the process ignores a signal.
pub(super) fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one, into memory of its type.
    let answer = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: it is made of numbers and addresses, for which zeros are values, too.
    answer == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_shows() {
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGSEGV));
    }
}
