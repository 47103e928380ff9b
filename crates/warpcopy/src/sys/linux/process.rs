//! The umask, and what a thread can have of its own.

use std::os::fd::AsRawFd;

use rustix::fs::Mode;
use rustix::process::umask as umask_of_thread;
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::Borrowed;

/// Returns the umask without changing it, which a library must not do even for a moment. Where the system does
/// not tell (before Linux 4.7, or without /proc) the strictest is assumed.
pub(crate) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok()).unwrap_or(0o077)
}

/// How many processors the calling thread may run on, whatever a control group's quota says: that takes 85 us to read.
pub(crate) fn processors() -> usize {
    let known = rustix::thread::sched_getaffinity(None).map(|set| set.count() as usize);
    known.unwrap_or(1).max(1)
}

/// Standard input, output and error are 0 to 2.
const STANDARD_MAX: u32 = 2;

/// Whether [`own_descriptor_table`] will do it: close_range(2) is there and not forbidden.
pub(crate) fn can_own_descriptor_table() -> bool {
    // SAFETY: no pointers are passed, and a range that ends before it begins closes nothing.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, 1_u32, 0_u32, 0_u32) };
    answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)
}

/// Gives the calling thread a descriptor table of its own, holding standard input, output and error and what is `kept`.
/// Threads that share a table pay for every open and close with a lock and an atomic count.
///
/// Returns `false`, with the table shared as before, where the system does not do it (before Linux 5.9, or under
/// seccomp).
///
/// Only for a thread that owns no handle yet and never touches one of another thread but those.
pub(crate) fn own_descriptor_table(kept: &[Borrowed<'_>]) -> bool {
    let numbers = kept.iter().map(|handle| handle.as_raw_fd().cast_unsigned());
    let mut kept: Vec<u32> = numbers.filter(|number| *number > STANDARD_MAX).collect();
    kept.sort_unstable();
    // From the top down: the first range, which is never empty, makes the table.
    let mut last = u32::MAX;
    let mut flags = libc::CLOSE_RANGE_UNSHARE;
    for below in kept.into_iter().rev().chain([STANDARD_MAX]) {
        // SAFETY: no pointers are passed. The descriptors vanish only from this thread's new table; the caller
        // promises that the thread refers to none of them.
        let answer = unsafe { libc::syscall(libc::SYS_close_range, below + 1, last, flags) };
        if answer != 0 && flags != 0 {
            return false;
        }
        last = below - 1;
        flags = 0;
    }
    true
}

/// Closes what a descriptor table still holds that [`own_descriptor_table`] made for this thread.
///
/// Only for a thread that has dropped every handle it owned.
pub(crate) fn close_own_descriptor_table() {
    // SAFETY: no pointers are passed, and the caller promises that nobody refers to the descriptors of this table.
    unsafe { libc::syscall(libc::SYS_close_range, STANDARD_MAX + 1, u32::MAX, 0_u32) };
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use rustix::fs::fstat;

    use super::*;

    #[test]
    fn a_table_of_its_own_holds_what_is_kept_alone() {
        if !can_own_descriptor_table() {
            return;
        }
        let files: Vec<File> = (0..6).map(|_| File::open("/").unwrap()).collect();
        let files: Vec<Borrowed<'_>> = files.iter().map(AsFd::as_fd).collect();
        let input = std::io::stdin();
        let kept = [files[4], files[1], input.as_fd(), files[2]];
        let are_open = std::thread::scope(|scope| {
            let there = || {
                assert!(own_descriptor_table(&kept));
                files.iter().map(|file| fstat(file).is_ok()).collect::<Vec<_>>()
            };
            scope.spawn(there).join().unwrap()
        });
        assert_eq!(are_open, [false, true, true, false, true, false]);
        assert!(files.iter().all(|file| fstat(file).is_ok()), "closed for others, too");
    }
}
