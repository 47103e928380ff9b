//! The entries of a directory, a bounded batch at a time.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{FileType, RawDir};

use super::{Borrowed, code, kind_of};
use crate::sys::{Answer, Listed};

/// Bytes asked of the kernel at once. 100,000 names took 49 calls with 64 KiB and 782 with 4 KiB; more brings
/// nothing measurable.
const BATCH_BYTES: usize = 64 << 10;

/// A buffer for listing; reading position stays in the directory's handle.
pub(crate) struct Listing {
    buffer: Box<[MaybeUninit<u8>]>,
}

impl Listing {
    pub(crate) fn new() -> Listing {
        // Room is made when a directory is read: the copy of a single file took 5 to 8 % longer with it.
        Listing { buffer: Box::default() }
    }

    /// Appends the next batch of names, without `.` and `..`. Appends nothing at the end of the directory.
    pub(crate) fn next_batch(
        &mut self,
        directory: Borrowed<'_>,
        out: &mut Vec<Listed>,
    ) -> Answer<()> {
        if self.buffer.is_empty() {
            self.buffer = vec![MaybeUninit::uninit(); BATCH_BYTES].into_boxed_slice();
        }
        let before = out.len();
        let mut entries = RawDir::new(directory, &mut self.buffer);
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Err(rustix::io::Errno::INTR) => continue,
                answer => answer.map_err(code)?,
            };
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let kind = match entry.file_type() {
                    FileType::Unknown => None,
                    known => Some(kind_of(known)),
                };
                let inode = entry.ino();
                out.push(Listed { name: OsStr::from_bytes(name).to_os_string(), kind, inode });
            }
            // The kernel is asked again only when somebody wants more.
            if entries.is_buffer_empty() && out.len() > before {
                return Ok(());
            }
        }
        Ok(())
    }
}
