//! What the process may do, and who it acts as.

use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher, RandomState};

use rustix::process::{Resource, getrlimit};

use super::{create, facts, open_directory, remove, working_directory};
use crate::sys::{Caller, Lend};

/// Returns how many descriptors the process may have open.
pub(crate) fn open_files_max() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize)
}

/// Returns how many bytes of addresses the process may use, if there is a limit.
pub(crate) fn address_space_max() -> Option<u64> {
    getrlimit(Resource::As).current
}

/// Returns whether the caller is the superuser, whose writes keep set-id bits.
pub(crate) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the umask without changing it, which a library must not do even for a moment. umask(2) tells it only by
/// changing it, so a file is made, looked at and removed; where that cannot be, the strictest is assumed.
pub(crate) fn umask() -> u32 {
    let made_with_everything = || {
        let directory = open_directory(working_directory(), OsStr::new("/tmp"), true).ok()?;
        let random = RandomState::new().build_hasher().finish();
        let name = format!(".warpcopy-{random:016x}");
        let file = create(directory.lend(), name.as_ref(), 0o777).ok()?;
        let facts = facts(file.lend());
        let _ = remove(directory.lend(), name.as_ref());
        facts.ok()
    };
    made_with_everything().map_or(0o077, |facts| !facts.mode & 0o777)
}

/// Returns who new files of this process belong to, as a rule.
pub(crate) fn caller() -> Caller {
    Caller {
        owner: rustix::process::geteuid().as_raw(),
        group: rustix::process::getegid().as_raw(),
    }
}
