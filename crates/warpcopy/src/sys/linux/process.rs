//! The umask, and what a thread can have of its own.

use rustix::fs::Mode;
use rustix::process::umask as umask_of_thread;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Returns the umask without changing it, which a library must not do even for a moment. Where the system does
/// not tell (before Linux 4.7, or without /proc) the strictest is assumed.
pub(crate) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok()).unwrap_or(0o077)
}

/// Whether [`own_descriptor_table`] will do it: close_range(2) is there and not forbidden.
pub(crate) fn can_own_descriptor_table() -> bool {
    // SAFETY: no pointers are passed, and a range that ends before it begins closes nothing.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, 1_u32, 0_u32, 0_u32) };
    answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)
}

/// Gives the calling thread a descriptor table of its own, holding only standard input, output and error.
/// Threads that share a table pay for every open and close with a lock and an atomic count.
///
/// Returns `false`, with the table shared as before, where the system does not do it (before Linux 5.9, or under
/// seccomp).
///
/// Only for a thread that owns no handle yet and never touches one of another thread.
pub(crate) fn own_descriptor_table() -> bool {
    // SAFETY: no pointers are passed. The descriptors vanish only from this thread's new table; the caller
    // promises that the thread refers to none of them.
    let answer =
        unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_UNSHARE) };
    answer == 0
}

/// Gives the calling thread a umask (and working directory) of its own and returns it: what other threads do to theirs
/// changes nothing here any more.
///
/// Returns `None`, with everything shared as before, where the system does not do it (seccomp).
pub(crate) fn own_umask() -> Option<u32> {
    // SAFETY: descriptors stay shared; the flag concerns the umask, the root and the working directory alone.
    unsafe { unshare_unsafe(UnshareFlags::FS) }.ok()?;
    // It can only be read by changing it, which nobody else sees now.
    let mask = umask_of_thread(Mode::from_raw_mode(0o077));
    umask_of_thread(mask);
    Some(mask.as_raw_mode())
}
