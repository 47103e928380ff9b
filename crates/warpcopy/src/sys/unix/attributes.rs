//! Owner, mode and times, through handles.

use std::ffi::{CStr, OsStr};

use rustix::fs::{
    AtFlags, Gid, Timespec, Timestamps, Uid, chmodat, chownat, fchmod, fchown, futimens, utimensat,
};

use super::{Answer, Borrowed, mode_of, retry};
use crate::plan::{Facts, Time};

/// The access control list of a file.
pub(crate) const ACL_ACCESS: &CStr = c"system.posix_acl_access";
/// The list that new entries of a directory inherit.
pub(crate) const ACL_DEFAULT: &CStr = c"system.posix_acl_default";
/// File capabilities: any later write or change of owner removes them.
pub(crate) const CAPABILITY: &CStr = c"security.capability";

/// Whether an extended attribute is one of the access control lists.
pub(crate) fn is_acl(name: &CStr) -> bool {
    name == ACL_ACCESS || name == ACL_DEFAULT
}

/// Something whose attributes can be set: an open file, or a node by name that cannot be opened.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A file or directory that is open.
    Open(Borrowed<'a>),
    /// A symbolic link or special node; never followed.
    Named(Borrowed<'a>, &'a OsStr),
}

/// Sets owner and group; `None` leaves one as it is.
pub(crate) fn set_owner(place: Place<'_>, owner: Option<u32>, group: Option<u32>) -> Answer<()> {
    let (owner, group) = (owner.map(Uid::from_raw), group.map(Gid::from_raw));
    match place {
        Place::Open(file) => retry(|| fchown(file, owner, group)),
        Place::Named(directory, name) => {
            retry(|| chownat(directory, name, owner, group, AtFlags::SYMLINK_NOFOLLOW))
        }
    }
}

/// Sets the permission, set-id and sticky bits. Not for symbolic links.
pub(crate) fn set_mode(place: Place<'_>, mode: u32) -> Answer<()> {
    match place {
        Place::Open(file) => retry(|| fchmod(file, mode_of(mode))),
        #[cfg(not(target_os = "linux"))]
        Place::Named(directory, name) => {
            retry(|| chmodat(directory, name, mode_of(mode), AtFlags::SYMLINK_NOFOLLOW))
        }
        // fchmodat(2) follows links there and fchmodat2(2) is younger than Linux 6.6: go by the node itself.
        #[cfg(target_os = "linux")]
        Place::Named(directory, name) => {
            use rustix::fs::{CWD, OFlags};
            let node = super::open(directory, name, OFlags::PATH | OFlags::NOFOLLOW)?;
            let path = super::descriptor_path(crate::sys::Lend::lend(&node));
            retry(|| chmodat(CWD, &path, mode_of(mode), AtFlags::empty()))
        }
    }
}

/// Sets access and modification time.
pub(crate) fn set_times(place: Place<'_>, facts: &Facts) -> Answer<()> {
    let times = Timestamps {
        last_access: timespec(facts.accessed),
        last_modification: timespec(facts.modified),
    };
    match place {
        Place::Open(file) => retry(|| futimens(file, &times)),
        Place::Named(directory, name) => {
            retry(|| utimensat(directory, name, &times, AtFlags::SYMLINK_NOFOLLOW))
        }
    }
}

fn timespec(time: Time) -> Timespec {
    Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.into() }
}

/// Sets the flags of a file that keeps those of its source; there are none here.
pub(crate) fn set_flags(_place: Place<'_>, _facts: &Facts) -> Answer<()> {
    Ok(())
}
