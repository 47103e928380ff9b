//! Bytes read into a shared mapping of the target.

use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::null_mut;
use std::slice::from_raw_parts_mut;

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, Result, pread};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Reads a chunk to where it belongs in the target, which is so long already. Its pages are asked for first, `step` bytes at a
/// time: what is a hole is not read, and costs less so than one fault after another.
pub fn chunk(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    range: Range<u64>,
    step: usize,
) -> Result<()> {
    let len = (range.end - range.start) as usize;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the kernel chooses where.
    let map = unsafe { mmap(null_mut(), len, access, MapFlags::SHARED, target, range.start)? };
    let mut done = 0;
    while done < len {
        let wanted = step.min(len - done);
        let at = range.start + done as u64;
        fadvise(target, at, NonZeroU64::new(wanted as u64), Advice::WillNeed)?;
        // SAFETY: mapped above, and nothing else refers to it.
        let bytes = unsafe { from_raw_parts_mut(map.cast::<u8>().add(done), wanted) };
        match pread(source, bytes, at)? {
            0 => return Err(Errno::IO),
            count => done += count,
        }
    }
    // SAFETY: mapped above, and nothing refers to it.
    unsafe { munmap(map, len) }
}
