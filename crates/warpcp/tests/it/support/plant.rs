//! Trees written as data, and single files with everything a file can have.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

/// One thing in a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node<'a> {
    Dir,
    File(&'a [u8]),
    /// A symbolic link with this text.
    Symlink(&'a str),
    /// Another name of an earlier entry, named from the root of the tree.
    HardLink(&'a str),
    Fifo,
}

/// Makes `root` (a directory) and everything in it; parents come before children.
pub(crate) fn plant(root: &Path, entries: &[(&str, Node<'_>)]) {
    fs::create_dir_all(root).unwrap();
    for (name, node) in entries {
        let path = root.join(name);
        match node {
            Node::Dir => fs::create_dir(&path).unwrap(),
            Node::File(content) => write(&path, content),
            Node::Symlink(text) => std::os::unix::fs::symlink(text, &path).unwrap(),
            Node::HardLink(first) => fs::hard_link(root.join(first), &path).unwrap(),
            Node::Fifo => fifo(&path),
        }
    }
}

/// A name from raw bytes.
pub(crate) fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

#[track_caller]
pub(crate) fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

#[track_caller]
pub(crate) fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::write(path, content).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}

/// Writes a file of `len` bytes that holds only the given data; the rest is never written.
pub(crate) fn sparse(path: &Path, len: u64, data: &[(u64, &[u8])]) {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(path)
        .unwrap();
    file.set_len(len).unwrap();
    for (offset, bytes) in data {
        file.seek(SeekFrom::Start(*offset)).unwrap();
        file.write_all(bytes).unwrap();
    }
    // Without it a file system may still report delayed blocks, or none, for what was just written.
    file.sync_all().unwrap();
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn owner(path: &Path, uid: u32, gid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).unwrap();
}

/// Sets access and modification time, in seconds since 1970 and nanoseconds; links are not followed.
pub(crate) fn times(path: &Path, accessed: (i64, i64), modified: (i64, i64)) {
    let time = |(tv_sec, tv_nsec): (i64, i64)| Timespec { tv_sec, tv_nsec };
    let times = Timestamps { last_access: time(accessed), last_modification: time(modified) };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

pub(crate) fn fifo(path: &Path) {
    node(path, FileType::Fifo, 0);
}

/// Makes a FIFO, socket or device; devices are made of `major << 8 | minor`, both below 256.
pub(crate) fn node(path: &Path, kind: FileType, device: u32) {
    let device = rustix::fs::makedev(device >> 8, device & 0xff);
    rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o644), device)
        .unwrap_or_else(|error| panic!("mknod {}: {error}", path.display()));
}

/// Sets an extended attribute without following links.
pub(crate) fn xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty())
        .unwrap_or_else(|error| panic!("set {name} of {}: {error}", path.display()));
}

/// Sets an attribute that only the system's administrator may set; root in a container may not be that.
pub(crate) fn trusted(path: &Path, name: &str, value: &[u8]) {
    match rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::PERM) => {}
        Err(error) => panic!("set {name} of {}: {error}", path.display()),
    }
}

/// Returns an extended attribute's value, if there is one; links are not followed.
pub(crate) fn xattr_of(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 1 << 16];
    let len = rustix::fs::lgetxattr(path, name, &mut buffer[..]).ok()?;
    buffer.truncate(len);
    Some(buffer)
}

/// An entry of an access control list: tag, permission bits, uid or gid.
pub(crate) type AclEntry = (u16, u16, u32);

pub(crate) const ACL_USER_OWNER: u16 = 0x01;
pub(crate) const ACL_USER: u16 = 0x02;
pub(crate) const ACL_GROUP_OWNER: u16 = 0x04;
pub(crate) const ACL_GROUP: u16 = 0x08;
pub(crate) const ACL_MASK: u16 = 0x10;
pub(crate) const ACL_OTHER: u16 = 0x20;

/// A list that gives one user and one group more than the others have.
pub(crate) fn some_acl(uid: u32, gid: u32) -> Vec<AclEntry> {
    vec![
        (ACL_USER_OWNER, 6, u32::MAX),
        (ACL_USER, 7, uid),
        (ACL_GROUP_OWNER, 4, u32::MAX),
        (ACL_GROUP, 5, gid),
        (ACL_MASK, 7, u32::MAX),
        (ACL_OTHER, 4, u32::MAX),
    ]
}

/// The form in which the kernel keeps a list: version 2, then tag, permissions and id of each entry.
pub(crate) fn acl_bytes(entries: &[AclEntry]) -> Vec<u8> {
    let mut bytes = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

pub(crate) fn access_acl(path: &Path, entries: &[AclEntry]) {
    xattr(path, "system.posix_acl_access", &acl_bytes(entries));
}

pub(crate) fn default_acl(path: &Path, entries: &[AclEntry]) {
    xattr(path, "system.posix_acl_default", &acl_bytes(entries));
}

/// Gives a program the capability to use raw sockets, as a distribution gives it to ping(8).
pub(crate) fn capability(path: &Path) {
    let mut value = 0x0200_0001u32.to_le_bytes().to_vec();
    for word in [1u32 << 13, 0, 0, 0] {
        value.extend(word.to_le_bytes());
    }
    xattr(path, "security.capability", &value);
}
