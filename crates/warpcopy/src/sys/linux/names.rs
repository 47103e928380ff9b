//! Names in directories, where Linux has calls of its own.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat_with};
use rustix::io::Errno;

use super::{
    Borrowed, Handle, code, descriptor_path, link_to_free, no_follow, open, open_directory, retry,
    sync_all,
};
use crate::sys::Answer;

/// Opens a directory for what is below it; permission to list it is not needed.
pub(crate) fn open_directory_path(
    directory: Borrowed<'_>,
    name: &OsStr,
    follow: bool,
) -> Answer<Handle> {
    open(directory, name, OFlags::PATH | OFlags::DIRECTORY | no_follow(follow))
}

/// Creates a regular file without a name: `O_TMPFILE`. Nothing of it survives the process.
pub(crate) fn create_unnamed(directory: Borrowed<'_>, mode: u32) -> Answer<Handle> {
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    retry(|| openat(directory, ".", flags, Mode::from_raw_mode(mode)))
}

/// Gives an unnamed file a name, which must be free.
pub(crate) fn name_unnamed(
    file: Borrowed<'_>,
    directory: Borrowed<'_>,
    name: &OsStr,
) -> Answer<()> {
    // Since Linux 6.10 the opener may link an empty path; before, this needs CAP_DAC_READ_SEARCH and fails
    // ENOENT without it. The way through /proc works wherever /proc is mounted.
    match linkat(file, "", directory, name, AtFlags::EMPTY_PATH) {
        Err(Errno::NOENT | Errno::PERM | Errno::INVAL) => {
            let path = descriptor_path(file);
            retry(|| linkat(CWD, &path, directory, name, AtFlags::SYMLINK_FOLLOW))
        }
        answer => answer.map_err(code),
    }
}

/// Renames within a directory; the new name must be free.
pub(crate) fn rename_to_free(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    match renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE) {
        // File systems without the flag answer EINVAL, kernels without the call ENOSYS, seccomp EPERM.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => link_to_free(directory, from, to),
        Err(Errno::INTR) => rename_to_free(directory, from, to),
        answer => answer.map_err(code),
    }
}

/// Forces a file's content, and what is needed to find it, to stable storage.
pub(crate) fn sync_data(file: Borrowed<'_>) -> Answer<()> {
    retry(|| rustix::fs::fdatasync(file.as_fd()))
}

/// Forces a directory's entries to stable storage; it may be open for its path alone.
pub(crate) fn sync_directory(directory: Borrowed<'_>) -> Answer<()> {
    match rustix::fs::fsync(directory) {
        Err(Errno::BADF) => {
            let readable = open_directory(directory, ".".as_ref(), false)?;
            sync_all(readable.as_fd())
        }
        Err(Errno::INTR) => sync_directory(directory),
        answer => answer.map_err(code),
    }
}
