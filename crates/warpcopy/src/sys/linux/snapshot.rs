//! Snapshots of Btrfs subvolumes, as linux/btrfs.h describes them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{CWD, readlinkat};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};

use super::{
    Borrowed, code, descriptor_path, facts, file_system, open_source, retry, working_directory,
};
use crate::plan::{FileSystem, NoSnapshot};
use crate::sys::Answer;

/// `BTRFS_IOCTL_MAGIC`.
const MAGIC: u8 = 0x94;
/// `BTRFS_FIRST_FREE_OBJECTID`: the inode number of every subvolume's root, and of nothing else.
const ROOT_INODE: u128 = 256;

/// Makes a writable snapshot of the subvolume whose root is open, under a name that must be free. Whatever was written
/// before is in it, and it is on stable storage in the end: the kernel makes snapshots while it commits a transaction.
///
/// Refused where the snapshot would not be all that is below the source.
// Apart from its callers, whose frames on the stack would hold its arguments of 8 KiB, snapshot or not.
#[inline(never)]
pub(crate) fn snapshot(
    source: Borrowed<'_>,
    directory: Borrowed<'_>,
    name: &OsStr,
) -> Result<(), NoSnapshot> {
    if !is_subvolume(source) {
        return Err(NoSnapshot::NotSubvolume);
    }
    if has_nested(source).map_err(NoSnapshot::Code)? {
        return Err(NoSnapshot::NestedSubvolumes);
    }
    if has_mounts_below(source).unwrap_or(true) {
        return Err(NoSnapshot::MountPoints);
    }
    make(source, directory, name).map_err(NoSnapshot::Code)
}

fn is_subvolume(source: Borrowed<'_>) -> bool {
    file_system(source) == FileSystem::Btrfs
        && facts(source).is_ok_and(|facts| facts.identity.inode == ROOT_INODE)
}

/// `struct btrfs_ioctl_vol_args_v2`.
#[repr(C)]
struct Volume {
    source: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

const SNAP_CREATE_V2: Opcode = opcode::write::<Volume>(MAGIC, 23);

fn make(source: Borrowed<'_>, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    let bytes = name.as_bytes();
    let mut padded = [0; 4040];
    // The last byte ends the name.
    if bytes.len() >= padded.len() {
        return Err(code(Errno::NAMETOOLONG));
    }
    padded[..bytes.len()].copy_from_slice(bytes);
    retry(|| {
        let volume = Volume {
            source: source.as_raw_fd().into(),
            transaction: 0,
            flags: 0,
            unused: [0; 4],
            name: padded,
        };
        // SAFETY: the structure is the one that the kernel expects for this number.
        unsafe { ioctl(directory, Setter::<SNAP_CREATE_V2, Volume>::new(volume)) }
    })
}

/// `struct btrfs_ioctl_get_subvol_rootref_args`.
#[repr(C)]
struct Nested {
    smallest: u64,
    subvolumes: [[u64; 2]; 255],
    count: u8,
    unused: [u8; 7],
}

const GET_SUBVOL_ROOTREF: Opcode = opcode::read_write::<Nested>(MAGIC, 61);

/// Whether a subvolume holds others: in a snapshot they are empty directories. Known since Linux 4.18.
fn has_nested(source: Borrowed<'_>) -> Answer<bool> {
    let mut nested = Nested { smallest: 0, subvolumes: [[0; 2]; 255], count: 0, unused: [0; 7] };
    // SAFETY: the structure is the one that the kernel expects for this number.
    match unsafe { ioctl(source, Updater::<GET_SUBVOL_ROOTREF, Nested>::new(&mut nested)) } {
        // There are more than it has room for.
        Err(Errno::OVERFLOW) => Ok(true),
        answer => answer.map(|()| nested.count > 0).map_err(code),
    }
}

const _: () = assert!(size_of::<Volume>() == 4096 && size_of::<Nested>() == 4096);

/// Whether something is mounted below a directory: proc_pid_mountinfo(5).
fn has_mounts_below(directory: Borrowed<'_>) -> io::Result<bool> {
    let path = readlinkat(CWD, descriptor_path(directory), Vec::new())?;
    let list = open_source(working_directory(), "/proc/thread-self/mountinfo".as_ref(), true)?;
    let mut mounts = Vec::new();
    File::from(list).read_to_end(&mut mounts)?;
    Ok(lists_mount_below(&mounts, path.as_bytes()))
}

/// Whether the fifth column has a path below this one.
fn lists_mount_below(mounts: &[u8], path: &[u8]) -> bool {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    mounts
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescaped)
        .filter_map(|mount| mount.strip_prefix(path).map(<[u8]>::to_vec))
        .any(|below| below.len() > 1 && below[0] == b'/')
}

/// Blanks, tabs, line ends, backslashes and number signs are written as three octal digits.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let digits = rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match escaped.filter(|_| *first == b'\\') {
            Some(byte) => {
                out.push(byte);
                text = &rest[3..];
            }
            None => {
                out.push(*first);
                text = rest;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_mounted_below_counts() {
        let list = b"22 1 0:21 / / rw - btrfs /dev/a rw\n\
            30 22 0:21 /x /srv/sub rw,relatime shared:1 - btrfs /dev/a rw\n\
            31 30 0:22 / /srv/sub/a\\040b/c rw - tmpfs none rw\n\
            32 22 0:23 / /srv/subway rw - tmpfs none rw\n";
        let table = [
            ("/srv/sub", true),
            ("/srv", true),
            ("/", true),
            ("/srv/sub/a b", true),
            ("/srv/sub/a b/c", false),
            ("/srv/sub/a", false),
            ("/srv/subway", false),
            ("/srv/su", false),
        ];
        for (path, is_above) in table {
            assert_eq!(lists_mount_below(list, path.as_bytes()), is_above, "{path}");
        }
        assert!(!lists_mount_below(b"22 1 0:21 / / rw - btrfs /dev/a rw\n", b"/"));
    }
}
