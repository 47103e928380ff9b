//! stat and statfs, in the words of `plan`.

use std::ffi::OsStr;

use rustix::fs::{AtFlags, FileType, Stat, fstat, fstatfs, statat};

use super::{Answer, Borrowed, retry};
use crate::plan::{Facts, FileSystem, Identity, Kind, Time};

/// Looks at an open file.
pub(crate) fn facts(file: Borrowed<'_>) -> Answer<Facts> {
    retry(|| fstat(file)).map(|stat| translate(&stat))
}

/// Looks at a name below an open directory.
pub(crate) fn facts_at(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Facts> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    retry(|| statat(directory, name, flags)).map(|stat| translate(&stat))
}

/// Says what kind of file system holds an open file; unknown if the system will not tell.
pub(crate) fn file_system(file: Borrowed<'_>) -> FileSystem {
    let Ok(stat) = retry(|| fstatfs(file)) else { return FileSystem::Other };
    // Values from linux/magic.h.
    match stat.f_type as u32 {
        0x9123_683e => FileSystem::Btrfs,
        0x5846_5342 => FileSystem::Xfs,
        0xef53 => FileSystem::Ext4,
        0x0102_1994 => FileSystem::Tmpfs,
        0x9fa0 | 0x6265_6572 | 0x6462_6720 | 0x7472_6163 | 0x0027_e0eb | 0x6367_7270
        | 0x7363_6673 | 0xcafe_4a11 | 0x6e73_6673 => FileSystem::Pseudo,
        // NFS, SMB, SMB2, CIFS, Ceph, FUSE, 9P, AFS, Lustre.
        0x6969 | 0x517b | 0xfe53_4d42 | 0xff53_4d42 | 0x00c3_6400 | 0x6573_5546 | 0x0102_1997
        | 0x5346_414f | 0x0bd0_0bd0 => FileSystem::Network,
        _ => FileSystem::Other,
    }
}

pub(super) fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::RegularFile | FileType::Unknown => Kind::File,
    }
}

#[expect(clippy::unnecessary_cast, reason = "the widths differ between architectures")]
fn translate(stat: &Stat) -> Facts {
    let time = |seconds: i64, nanoseconds: u64| Time { seconds, nanoseconds: nanoseconds as u32 };
    Facts {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        identity: Identity { device: stat.st_dev as u64, inode: u128::from(stat.st_ino) },
        len_bytes: stat.st_size as u64,
        allocated_bytes: stat.st_blocks as u64 * 512,
        mode: stat.st_mode & 0o7777,
        owner: stat.st_uid,
        group: stat.st_gid,
        links: stat.st_nlink as u64,
        special_device: stat.st_rdev as u64,
        accessed: time(stat.st_atime as i64, stat.st_atime_nsec as u64),
        modified: time(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        changed: time(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        born: None,
        flags: 0,
    }
}
