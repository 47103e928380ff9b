//! The entries of a directory, a bounded batch at a time, with their kinds: getattrlistbulk(2).

use std::ffi::{OsStr, c_void};
use std::mem::zeroed;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

use super::bulk::{self, Next};
use super::names::last_code;
use crate::sys::unix::Borrowed;
use crate::sys::{Answer, Listed};

/// Bytes asked of the kernel at once: some thousand names.
const BATCH_BYTES: usize = 128 << 10;

/// A buffer for listing; reading position stays in the directory's handle.
pub(crate) struct Listing {
    buffer: Vec<u8>,
}

impl Listing {
    pub(crate) fn new() -> Listing {
        Listing { buffer: vec![0; BATCH_BYTES] }
    }

    /// Appends the next batch of names; `.` and `..` are none. Appends nothing at the end of the directory.
    pub(crate) fn next_batch(
        &mut self,
        directory: Borrowed<'_>,
        out: &mut Vec<Listed>,
    ) -> Answer<()> {
        let count = self.ask(directory)?;
        for entry in bulk::entries(&self.buffer, count) {
            let bulk::Entry { name, kind, inode } = entry?;
            out.push(Listed { name: OsStr::from_bytes(name).to_os_string(), kind, inode });
        }
        Ok(())
    }

    /// Has the buffer filled; returns how many entries are in it.
    fn ask(&mut self, directory: Borrowed<'_>) -> Answer<usize> {
        // SAFETY: zero is a value of every field.
        let mut list: libc::attrlist = unsafe { zeroed() };
        list.bitmapcount = libc::ATTR_BIT_MAP_COUNT;
        list.commonattr = bulk::ASKED;
        /// Signals do not come that fast.
        const ATTEMPTS_MAX: usize = 1000;
        for _ in 0..ATTEMPTS_MAX {
            let (room, size) = (self.buffer.as_mut_ptr().cast::<c_void>(), self.buffer.len());
            let wanted = (&raw mut list).cast::<c_void>();
            let file = directory.as_raw_fd();
            // SAFETY: list and room live through the call, and the size is that of the room.
            let count = unsafe { libc::getattrlistbulk(file, wanted, room, size, 0) };
            if let Ok(count) = usize::try_from(count) {
                return Ok(count);
            }
            match bulk::after_failure(last_code(), size) {
                Next::Again(size) => self.buffer.resize(size, 0),
                Next::Failed(code) => return Err(code),
            }
        }
        Err(super::errno::INTR)
    }
}
