//! stat, in the words of `plan`.

use std::ffi::OsStr;

use rustix::fs::{AtFlags, FileType, Stat, fstat, statat};

use super::{Answer, Borrowed, retry};
use crate::plan::{Facts, Identity, Kind, Time};

/// Looks at an open file.
pub(crate) fn facts(file: Borrowed<'_>) -> Answer<Facts> {
    retry(|| fstat(file)).map(|stat| translate(&stat))
}

/// Looks at a name below an open directory.
pub(crate) fn facts_at(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Facts> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    retry(|| statat(directory, name, flags)).map(|stat| translate(&stat))
}

pub(in crate::sys) fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        _ => Kind::File,
    }
}

#[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
fn translate(stat: &Stat) -> Facts {
    let time = |seconds: i64, nanoseconds: i64| Time { seconds, nanoseconds: nanoseconds as u32 };
    let (born, flags) = born_and_flags(stat);
    Facts {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u128 },
        len_bytes: stat.st_size as u64,
        allocated_bytes: stat.st_blocks as u64 * 512,
        mode: stat.st_mode as u32 & 0o7777,
        owner: stat.st_uid,
        group: stat.st_gid,
        links: stat.st_nlink as u64,
        special_device: stat.st_rdev as u64,
        accessed: time(stat.st_atime as i64, stat.st_atime_nsec as i64),
        modified: time(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: time(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        born,
        flags,
    }
}

#[cfg(target_os = "macos")]
fn born_and_flags(stat: &Stat) -> (Option<Time>, u32) {
    let born = Time { seconds: stat.st_birthtime, nanoseconds: stat.st_birthtime_nsec as u32 };
    (Some(born), stat.st_flags)
}

#[cfg(not(target_os = "macos"))]
fn born_and_flags(_: &Stat) -> (Option<Time>, u32) {
    (None, 0)
}
