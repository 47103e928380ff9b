//! The entries of a directory, a bounded batch at a time.

use std::ffi::{OsString, c_void};
use std::os::windows::ffi::OsStringExt;

use windows_sys::Win32::Storage::FileSystem::{
    FileFullDirectoryInfo, FileIdBothDirectoryInfo, GetFileInformationByHandleEx,
};

use super::entries::{Form, entries};
use super::rules::{NO_MORE_FILES, NOT_THERE};
use super::{Borrowed, done, raw};
use crate::sys::{Answer, Listed};

/// Bytes asked for at once, as much as the standard library's tree removal asks for; SMB sends at most 64 KiB.
const BATCH_BYTES: usize = 64 << 10;

/// A buffer for listing; reading position stays in the directory's handle.
pub(crate) struct Listing {
    /// Of a type with the alignment that the entries want.
    buffer: Box<[u64]>,
    /// What the file system last answered in.
    form: Form,
}

impl Listing {
    pub(crate) fn new() -> Listing {
        let buffer = vec![0; BATCH_BYTES / size_of::<u64>()].into_boxed_slice();
        Listing { buffer, form: Form::IdBoth }
    }

    /// Appends the next batch of names, without `.` and `..`. Appends nothing at the end of the directory.
    pub(crate) fn next_batch(
        &mut self,
        directory: Borrowed<'_>,
        out: &mut Vec<Listed>,
    ) -> Answer<()> {
        let before = out.len();
        while out.len() == before {
            match self.fill(directory) {
                Err(NO_MORE_FILES) => return Ok(()),
                // File systems that do not number their files.
                Err(code) if NOT_THERE.contains(&code) && self.form == Form::IdBoth => {
                    self.form = Form::Full;
                    continue;
                }
                answer => answer?,
            }
            for entry in entries(self.bytes(), self.form) {
                let name = OsString::from_wide(&entry.name);
                out.push(Listed { name, kind: entry.kind, inode: entry.number });
            }
        }
        Ok(())
    }

    fn fill(&mut self, directory: Borrowed<'_>) -> Answer<()> {
        let class = match self.form {
            Form::IdBoth => FileIdBothDirectoryInfo,
            Form::Full => FileFullDirectoryInfo,
        };
        let buffer = self.buffer.as_mut_ptr().cast::<c_void>();
        // SAFETY: the pointer and the size describe the buffer.
        done(unsafe {
            GetFileInformationByHandleEx(raw(directory), class, buffer, BATCH_BYTES as u32)
        })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer is initialised memory of that many bytes, borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(self.buffer.as_ptr().cast(), BATCH_BYTES) }
    }
}
