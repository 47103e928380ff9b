//! Directory entries straight from the kernel's buffer.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, RawDir};
use rustix::io::Result;

/// A buffer for `getdents64`, used again and again.
pub struct Listing {
    buffer: Box<[MaybeUninit<u8>]>,
    sorted: Vec<(u64, FileType, std::ffi::CString)>,
}

impl Listing {
    pub fn new() -> Listing {
        Listing {
            buffer: vec![MaybeUninit::uninit(); 64 << 10].into_boxed_slice(),
            sorted: Vec::new(),
        }
    }

    /// Calls `each` for every name, in the directory's order or in that of the inodes.
    pub fn for_each(
        &mut self,
        directory: BorrowedFd<'_>,
        sorts: bool,
        mut each: impl FnMut(&CStr, FileType) -> Result<()>,
    ) -> Result<()> {
        let mut entries = RawDir::new(directory, &mut self.buffer);
        self.sorted.clear();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            match sorts {
                true => self.sorted.push((entry.ino(), entry.file_type(), name.to_owned())),
                false => each(name, entry.file_type())?,
            }
        }
        self.sorted.sort_unstable_by_key(|(inode, ..)| *inode);
        self.sorted.iter().try_for_each(|(_, kind, name)| each(name, *kind))
    }
}
