//! statfs, in the words of `plan`.

use rustix::fs::fstatfs;

use super::{Borrowed, retry};
use crate::plan::FileSystem;

/// Says what kind of file system holds an open file; unknown if the system will not tell.
pub(crate) fn file_system(file: Borrowed<'_>) -> FileSystem {
    let Ok(stat) = retry(|| fstatfs(file)) else { return FileSystem::Other };
    // Values from linux/magic.h.
    match stat.f_type as u32 {
        0x9123_683e => FileSystem::Btrfs,
        0x5846_5342 => FileSystem::Xfs,
        0xef53 => FileSystem::Ext4,
        0x0102_1994 => FileSystem::Tmpfs,
        // The numbers are those of the file system that is written to (ovl_statfs, fs/overlayfs/super.c). Btrfs counts
        // no files and ZFS has larger blocks: what holds for ext4 does not hold for them.
        0x794c_7630 if stat.f_files > 0 && stat.f_bsize == 4096 => FileSystem::Overlay,
        0x9fa0 | 0x6265_6572 | 0x6462_6720 | 0x7472_6163 | 0x0027_e0eb | 0x6367_7270
        | 0x7363_6673 | 0xcafe_4a11 | 0x6e73_6673 => FileSystem::Pseudo,
        // NFS, SMB, SMB2, CIFS, Ceph, FUSE, 9P, AFS, Lustre.
        0x6969 | 0x517b | 0xfe53_4d42 | 0xff53_4d42 | 0x00c3_6400 | 0x6573_5546 | 0x0102_1997
        | 0x5346_414f | 0x0bd0_0bd0 => FileSystem::Network,
        _ => FileSystem::Other,
    }
}
