//! What holds a file: statfs(2) says what it calls itself, getattrlist(2) what it can do.

use std::ffi::{CStr, c_void};
use std::mem::{size_of, zeroed};
use std::os::fd::AsRawFd;

use super::bulk;
use super::names::answer;
use crate::plan::FileSystem;
use crate::sys::Answer;
use crate::sys::unix::{Borrowed, code};

/// Says what kind of file system holds an open file; unknown if the system will not tell.
pub(crate) fn file_system(file: Borrowed<'_>) -> FileSystem {
    // SAFETY: zero is a value of every field.
    let mut stat: libc::statfs = unsafe { zeroed() };
    // SAFETY: there is room for the answer.
    if answer(unsafe { libc::fstatfs(file.as_raw_fd(), &raw mut stat) }).is_err() {
        return FileSystem::Other;
    }
    // SAFETY: the kernel ends both names with a zero, in fields that were zero.
    let (name, root) = unsafe {
        (CStr::from_ptr(stat.f_fstypename.as_ptr()), CStr::from_ptr(stat.f_mntonname.as_ptr()))
    };
    match bulk::file_system_called(name.to_bytes()) {
        FileSystem::Apfs if can_clone(root) == Some(false) => FileSystem::Other,
        found => found,
    }
}

/// Whether the volume mounted there says that it clones; unknown if it does not say.
fn can_clone(root: &CStr) -> Option<bool> {
    #[repr(C)]
    struct Capabilities {
        length: u32,
        words: libc::vol_capabilities_attr_t,
    }
    // SAFETY: zero is a value of every field.
    let (mut list, mut found): (libc::attrlist, Capabilities) = unsafe { (zeroed(), zeroed()) };
    list.bitmapcount = libc::ATTR_BIT_MAP_COUNT;
    list.volattr = libc::ATTR_VOL_INFO | libc::ATTR_VOL_CAPABILITIES;
    let list = (&raw mut list).cast::<c_void>();
    let room = (&raw mut found).cast::<c_void>();
    // SAFETY: list and room live through the call, the size is that of the room, and the path ends in a zero.
    answer(unsafe { libc::getattrlist(root.as_ptr(), list, room, size_of::<Capabilities>(), 0) })
        .ok()?;
    let interfaces = libc::VOL_CAPABILITIES_INTERFACES;
    let (can, says) = (found.words.capabilities[interfaces], found.words.valid[interfaces]);
    (says & libc::VOL_CAP_INT_CLONE != 0).then_some(can & libc::VOL_CAP_INT_CLONE != 0)
}

/// Whether something is mounted below a directory, which a clone of it leaves out: getfsstat(2).
pub(super) fn has_mounts_below(directory: Borrowed<'_>) -> Answer<bool> {
    /// More than anybody mounts; what does not fit counts as below.
    const MOUNTS_MAX: usize = 1024;
    let path = rustix::fs::getpath(directory).map_err(code)?;
    // SAFETY: zero is a value of every field.
    let mut mounts: Vec<libc::statfs> = vec![unsafe { zeroed() }; MOUNTS_MAX];
    let bytes = i32::try_from(MOUNTS_MAX * size_of::<libc::statfs>()).unwrap_or(i32::MAX);
    // SAFETY: there is room for as many bytes as it says.
    let count = unsafe { libc::getfsstat(mounts.as_mut_ptr(), bytes, libc::MNT_NOWAIT) };
    answer(count)?;
    let count = usize::try_from(count).unwrap_or(MOUNTS_MAX);
    let is_below = |mount: &libc::statfs| {
        // SAFETY: the kernel ends the name with a zero.
        let root = unsafe { CStr::from_ptr(mount.f_mntonname.as_ptr()) };
        bulk::is_below(root.to_bytes(), path.as_bytes())
    };
    Ok(count >= MOUNTS_MAX || mounts[..count].iter().any(is_below))
}
