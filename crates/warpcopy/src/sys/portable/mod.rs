//! Every Unix that has no folder of its own, FreeBSD first: what POSIX has, reading and writing, and no more.
//!
//! Linux can be built so too, with `--cfg warpcopy_portable`: then the tests of the library run on what macOS and the
//! others share.

mod rules;

use std::ffi::{CStr, CString, OsStr};

use super::{Answer, unix};
use crate::plan::FileSystem;

pub(crate) use super::unix::*;
pub(crate) use rules::*;

/// Says what kind of file system holds an open file: nothing is assumed.
pub(crate) fn file_system(_file: Borrowed<'_>) -> FileSystem {
    FileSystem::Other
}

/// Renames within a directory; the new name must be free.
pub(crate) fn rename_to_free(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    unix::link_to_free(directory, from, to)
}

/// Forces a file's content, and what is needed to find it, to stable storage.
pub(crate) fn sync_data(file: Borrowed<'_>) -> Answer<()> {
    sync_all(file)
}

/// Forces a directory's entries to stable storage.
pub(crate) fn sync_directory(directory: Borrowed<'_>) -> Answer<()> {
    sync_all(directory)
}

/// Whether new entries of a directory inherit an access control list instead of obeying the umask.
pub(crate) fn has_default_acl(directory: Borrowed<'_>) -> bool {
    let mut names = Vec::new();
    let answer = xattr_names(Place::Open(directory), &mut names);
    answer.is_err() || names.iter().any(|name| name.as_c_str() == ACL_DEFAULT)
}

/// The names of a file's extended attributes.
pub(crate) fn xattr_names(place: Place<'_>, out: &mut Vec<CString>) -> Answer<()> {
    out.clear();
    #[cfg(target_os = "linux")]
    unix::xattrs::names(place, out)?;
    #[cfg(not(target_os = "linux"))]
    let _ = place;
    Ok(())
}

/// Copies one extended attribute from one place to another; `value` is room to do it in.
pub(crate) fn copy_xattr(
    from: Place<'_>,
    to: Place<'_>,
    name: &CStr,
    value: &mut Vec<u8>,
) -> Answer<()> {
    #[cfg(target_os = "linux")]
    return unix::xattrs::copy(from, to, name, value);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (from, to, name, value);
        Err(NOT_SUPPORTED)
    }
}

/// Removes one extended attribute; that it is not there, or cannot be anywhere, is as good.
pub(crate) fn remove_xattr(place: Place<'_>, name: &CStr) -> Answer<()> {
    #[cfg(target_os = "linux")]
    unix::xattrs::remove(place, name)?;
    #[cfg(not(target_os = "linux"))]
    let _ = (place, name);
    Ok(())
}
