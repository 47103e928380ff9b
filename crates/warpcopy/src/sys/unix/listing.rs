//! The entries of a directory, by readdir(3).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Dir, FileType};

use super::facts::kind_of;
use super::{Answer, Borrowed, code, retry};
use crate::sys::Listed;

/// Lists directories; the reading position stays in the directory's handle.
pub(crate) struct Listing;

impl Listing {
    pub(crate) fn new() -> Listing {
        Listing
    }

    /// Appends all names that are left, without `.` and `..`: readdir(3) reads ahead of what it hands out, so a directory
    /// cannot be left in the middle. Appends nothing at its end.
    #[expect(clippy::unused_self, reason = "other platforms keep a buffer")]
    pub(crate) fn next_batch(
        &mut self,
        directory: Borrowed<'_>,
        out: &mut Vec<Listed>,
    ) -> Answer<()> {
        // The duplicate shares its position, and is closed with the list.
        let duplicate = retry(|| rustix::io::fcntl_dupfd_cloexec(directory, 0))?;
        for entry in Dir::new(duplicate).map_err(code)? {
            let entry = entry.map_err(code)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let kind = match entry.file_type() {
                    FileType::Unknown => None,
                    known => Some(kind_of(known)),
                };
                let name = OsStr::from_bytes(name).to_os_string();
                out.push(Listed { name, kind, inode: entry.ino() });
            }
        }
        Ok(())
    }
}
