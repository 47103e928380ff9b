//! What `cp -a` keeps besides content: attributes with access control lists, hard links, times.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard};

use rustix::fs::{
    Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr,
    fsetxattr, futimens,
};
use rustix::io::{Errno, Result};

use crate::content::Tools;
use crate::leaf::Ends;
use crate::spec::Spec;

type Known = HashMap<(u64, u64), CString>;

/// Copies made of sources with several names.
#[derive(Default)]
pub struct Links(Mutex<Known>);

/// What is known of a source with several names.
pub enum Earlier<'a> {
    None(#[allow(dead_code, reason = "held")] MutexGuard<'a, Known>),
    At(CString),
}

impl Links {
    pub fn claim(&self, stat: &Stat, path: impl FnOnce() -> CString) -> Earlier<'_> {
        let mut known = self.0.lock().unwrap();
        if let Some(path) = known.get(&(stat.st_dev, stat.st_ino)) {
            return Earlier::At(path.clone());
        }
        known.insert((stat.st_dev, stat.st_ino), path());
        Earlier::None(known)
    }
}

pub fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec as _ },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ },
    }
}

/// Lists attribute names into the tools' list; returns the list's length.
pub fn list(tools: &mut Tools, source: BorrowedFd<'_>) -> Result<usize> {
    match flistxattr(source, &mut tools.names) {
        Err(Errno::OPNOTSUPP) => Ok(0),
        answer => answer,
    }
}

/// Copies the attributes just listed. Lists of access control are values like any other to the superuser.
pub fn copy_attributes(
    tools: &mut Tools,
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    listed: usize,
) -> Result<()> {
    let mut value = vec![0_u8; 64 << 10];
    for name in tools.names[..listed].split_inclusive(|byte| *byte == 0) {
        let name = CStr::from_bytes_with_nul(name).expect("names end in zero");
        let length = fgetxattr(source, name, &mut value)?;
        fsetxattr(target, name, &value[..length], XattrFlags::empty())?;
    }
    Ok(())
}

/// Gives a directory its looks.
pub fn dress_directory(tools: &mut Tools, ends: Ends<'_>, stat: &Stat, spec: &Spec) -> Result<()> {
    if spec.keeps_all {
        if (stat.st_uid, stat.st_gid) != tools.owner {
            fchown(ends.1, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
        }
        let listed = list(tools, ends.0)?;
        if listed > 0 {
            copy_attributes(tools, ends.0, ends.1, listed)?;
        }
    }
    if stat.st_mode & 0o7777 != 0o700 {
        fchmod(ends.1, Mode::from_raw_mode(stat.st_mode))?;
    }
    match spec.sets_times {
        true => futimens(ends.1, &times(stat)),
        false => Ok(()),
    }
}
