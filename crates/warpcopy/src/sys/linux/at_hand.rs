//! Comparing files where both are in memory.

use std::os::fd::AsRawFd;

use rustix::io::pread;

use super::{Borrowed, retry};
use crate::plan::FileSystem;

/// Up to this length Btrfs keeps a file's bytes beside what fstat(2) tells (`max_inline`, btrfs(5)), and not in the page cache
/// until somebody reads them.
const INLINE_BYTES_MAX: u64 = 2048;

/// Whether two files hold the same bytes, this many; `None` if the second is not in memory whole, for nobody is to wait for a
/// disk to find out. `buffer` is room for both.
pub(crate) fn are_same_at_hand(
    one: Borrowed<'_>,
    other: Borrowed<'_>,
    other_fs: FileSystem,
    len_bytes: u64,
    buffer: &mut [u8],
) -> Option<bool> {
    let pages = Pages::of(other)?;
    let is_inline = other_fs == FileSystem::Btrfs && len_bytes <= INLINE_BYTES_MAX;
    if !is_inline && pages.cached * (rustix::param::page_size() as u64) < len_bytes {
        return None;
    }
    let half = buffer.len() / 2;
    let (mine, theirs) = buffer.split_at_mut(half);
    let theirs = &mut theirs[..half];
    let mut at = 0;
    loop {
        let count = retry(|| pread(other, &mut *theirs, at)).ok()?;
        if retry(|| pread(one, &mut *mine, at)) != Ok(count) || mine[..count] != theirs[..count] {
            return Some(false);
        }
        at += count as u64;
        if count < half {
            return Some(at == len_bytes);
        }
    }
}

/// Whether all of a file is on disk; `false` if that is not told.
pub(super) fn is_on_disk(file: Borrowed<'_>) -> bool {
    Pages::of(file).is_some_and(|pages| pages.dirty == 0 && pages.in_writeback == 0)
}

/// `struct cachestat`: numbers of pages.
#[repr(C)]
#[derive(Default)]
struct Pages {
    cached: u64,
    dirty: u64,
    in_writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

impl Pages {
    /// What of a file is in the page cache: cachestat(2), since Linux 6.5. Whoever may not write to the file is not told.
    fn of(file: Borrowed<'_>) -> Option<Pages> {
        // scripts/syscall.tbl; MIPS and Alpha count otherwise.
        const NUMBER: libc::c_long = 451;
        if cfg!(any(
            target_arch = "mips",
            target_arch = "mips64",
            target_arch = "mips32r6",
            target_arch = "mips64r6"
        )) {
            return None;
        }
        // `struct cachestat_range`: from the start to the end, whose offset need not be said.
        let whole = [0_u64; 2];
        let mut pages = Pages::default();
        // SAFETY: both pointers are good for the call, and point to what the call expects.
        let answer = unsafe { libc::syscall(NUMBER, file.as_raw_fd(), &whole, &mut pages, 0) };
        (answer == 0).then_some(pages)
    }
}
