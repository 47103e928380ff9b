//! The read-only mark, times and attributes, through handles. Owners and modes there are not.

use std::ffi::{CStr, OsStr};

use windows_sys::Win32::Storage::FileSystem::{
    FILE_BASIC_INFO, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, FileBasicInfo,
};

use super::facts::{information, set_information};
use super::open::{open_node, reopen};
use super::{Borrowed, masks, times};
use crate::plan::Facts;
use crate::sys::{Answer, Lend};

/// What a file grants by itself: no stream can have that name.
pub(crate) const ACL_ACCESS: &CStr = c":list";
/// The list that new entries of a directory inherit is the same one.
pub(crate) const ACL_DEFAULT: &CStr = c"";
/// File capabilities, which there are not.
pub(crate) const CAPABILITY: &CStr = c"";

/// Whether an extended attribute is one of the access control lists.
pub(crate) fn is_acl(name: &CStr) -> bool {
    name == ACL_ACCESS
}

/// Something whose attributes can be set: an open file, or a node by name that is not to be opened as what it stands
/// for.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A file or directory that is open.
    Open(Borrowed<'a>),
    /// A symbolic link or special node; never followed.
    Named(Borrowed<'a>, &'a OsStr),
}

/// Owners are left to the system.
pub(crate) fn set_owner(_: Place<'_>, _: Option<u32>, _: Option<u32>) -> Answer<()> {
    Ok(())
}

/// Makes a file read-only, or writable. A directory is neither.
pub(crate) fn set_mode(place: Place<'_>, mode: u32) -> Answer<()> {
    let is_read_only = mode & 0o200 == 0;
    change(place, |now| FILE_BASIC_INFO {
        FileAttributes: masks::marked(now, is_read_only),
        ..UNCHANGED
    })
}

/// Sets the times of access, modification and creation.
pub(crate) fn set_times(place: Place<'_>, facts: &Facts) -> Answer<()> {
    change(place, |now| FILE_BASIC_INFO {
        FileAttributes: now,
        LastAccessTime: times::to_steps(facts.accessed),
        LastWriteTime: times::to_steps(facts.modified),
        CreationTime: facts.born.map_or(UNCHANGED.CreationTime, times::to_steps),
        ..UNCHANGED
    })
}

/// Gives a file the attributes of another that can be given.
pub(crate) fn set_flags(place: Place<'_>, facts: &Facts) -> Answer<()> {
    change(place, |now| FILE_BASIC_INFO {
        FileAttributes: masks::taken_over(now, facts.flags),
        ..UNCHANGED
    })
}

/// What leaves everything as it is: zero is no time and no attribute (`FILE_BASIC_INFO`).
const UNCHANGED: FILE_BASIC_INFO = FILE_BASIC_INFO {
    CreationTime: 0,
    LastAccessTime: 0,
    LastWriteTime: 0,
    ChangeTime: 0,
    FileAttributes: 0,
};

/// Sets what a look at the present state asks for, unless that is nothing.
fn change(place: Place<'_>, wanted: impl Fn(u32) -> FILE_BASIC_INFO) -> Answer<()> {
    let through = |file: Borrowed<'_>| {
        let now: FILE_BASIC_INFO = information(file, FileBasicInfo)?;
        let mut wanted = wanted(now.FileAttributes);
        if wanted.FileAttributes == now.FileAttributes {
            wanted.FileAttributes = UNCHANGED.FileAttributes;
            if wanted.LastWriteTime == UNCHANGED.LastWriteTime {
                return Ok(());
            }
        }
        set_information(file, FileBasicInfo, &wanted)
    };
    let access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
    match place {
        Place::Named(directory, name) => through(open_node(directory, name, access)?.lend()),
        // A directory is open for reading.
        Place::Open(file) => match through(file) {
            Err(code) if super::NO_PERMISSION.contains(&code) => {
                through(reopen(file, access, 0)?.lend())
            }
            answer => answer,
        },
    }
}

/// Whether new entries of a directory inherit a list instead of obeying the umask, which there is not.
pub(crate) fn has_default_acl(_directory: Borrowed<'_>) -> bool {
    false
}
