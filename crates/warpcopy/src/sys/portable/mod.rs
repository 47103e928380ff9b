//! Every Unix that has no folder of its own, FreeBSD first: what POSIX has, reading and writing, and no more.
//!
//! Linux can be built so too, with `--cfg warpcopy_portable`: then the tests of the library run on what macOS and the
//! others share.

mod rules;

use std::ffi::{CStr, CString, OsStr};

use rustix::fs::{FileType, mknodat};

use super::{Answer, CommitError, Progress, Takes, unix};
use crate::plan::{Facts, FileSystem, Kind, Method};

pub(crate) use super::unix::*;
pub(crate) use rules::*;

/// The access control list of a file, as an extended attribute: on Linux.
pub(crate) const ACL_ACCESS: &CStr = c"system.posix_acl_access";
/// The list that new entries of a directory inherit.
pub(crate) const ACL_DEFAULT: &CStr = c"system.posix_acl_default";
/// File capabilities: any later write or change of owner removes them.
pub(crate) const CAPABILITY: &CStr = c"security.capability";

/// Whether an extended attribute is one of the access control lists.
pub(crate) fn is_acl(name: &CStr) -> bool {
    name == ACL_ACCESS || name == ACL_DEFAULT
}

/// Says what kind of file system holds an open file: nothing is assumed.
pub(crate) fn file_system(_file: Borrowed<'_>) -> FileSystem {
    FileSystem::Other
}

/// Creates a file with the source's content by a method of [`CREATING`], of which there are none here.
pub(crate) fn create_by(
    _method: Method,
    _source: (Borrowed<'_>, &Facts),
    _takes: Takes,
    _directory: Borrowed<'_>,
    _name: &OsStr,
    _progress: Progress<'_>,
) -> Answer<Handle> {
    Err(NOT_SUPPORTED)
}

/// Closes a file that was made and gives it its name, if it has another (`temporary`) until now.
pub(crate) fn finish(
    file: Handle,
    directory: Borrowed<'_>,
    temporary: Option<&OsStr>,
    name: &OsStr,
    replace: bool,
    _like: Option<&Facts>,
) -> Result<(), CommitError> {
    close(file).map_err(CommitError::Close)?;
    match temporary {
        Some(temporary) if replace => rename_over(directory, temporary, name),
        Some(temporary) => rename_to_free(directory, temporary, name),
        None => Ok(()),
    }
    .map_err(CommitError::Name)
}

/// Renames within a directory; the new name must be free.
pub(crate) fn rename_to_free(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    unix::link_to_free(directory, from, to)
}

/// Makes a FIFO, socket or device. The device number is that of the node, not of the file system that holds it.
pub(crate) fn make_special(
    directory: Borrowed<'_>,
    name: &OsStr,
    kind: Kind,
    mode: u32,
    device: u64,
) -> Answer<()> {
    let file_type = match kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::File | Kind::Directory | Kind::Symlink => return Err(INVALID),
    };
    unix::retry(|| mknodat(directory, name, file_type, unix::mode_of(mode), device))
}

/// Sets access and modification time.
pub(crate) fn set_times(place: Place<'_>, facts: &Facts) -> Answer<()> {
    unix::set_read_and_write_times(place, facts)
}

/// Sets the flags of a file that keeps those of its source; there are none here.
pub(crate) fn set_flags(_place: Place<'_>, _facts: &Facts) -> Answer<()> {
    Ok(())
}

/// Forces a file's content, and what is needed to find it, to stable storage.
pub(crate) fn sync_data(file: Borrowed<'_>) -> Answer<()> {
    unix::fsync(file)
}

/// Forces a file or directory with its attributes to stable storage.
pub(crate) fn sync_all(file: Borrowed<'_>) -> Answer<()> {
    unix::fsync(file)
}

/// Forces a directory's entries to stable storage.
pub(crate) fn sync_directory(directory: Borrowed<'_>) -> Answer<()> {
    unix::fsync(directory)
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
