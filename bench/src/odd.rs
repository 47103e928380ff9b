//! A small tree that has everything in it.

use std::ffi::{CString, OsStr};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, getxattr, listxattr, mknodat,
    setxattr, utimensat,
};

/// Makes the tree. Times are set last, from the bottom up, so that they are what is asked for.
pub fn make(root: &Path, with_fifo: bool) -> std::io::Result<()> {
    fs::create_dir(root)?;
    for directory in ["inner", "inner/deep", "empty", "closed"] {
        fs::create_dir(root.join(directory))?;
    }
    for (name, mode) in
        [("plain", 0o644), ("private", 0o600), ("program", 0o4755), ("group", 0o2750), ("none", 0)]
    {
        fs::write(root.join(name), name.repeat(1000))?;
        fs::set_permissions(root.join(name), Permissions::from_mode(mode))?;
    }
    fs::write(root.join("nothing"), "")?;
    fs::write(root.join("closed/inside"), "inside")?;
    fs::write(root.join("inner/deep/large"), vec![7; 300_000])?;
    for name in [&b"-dash"[..], b"new\nline", b"bytes \xff\xfe", b"sp ace", b"'quote\""] {
        fs::write(root.join(OsStr::from_bytes(name)), name)?;
    }
    fs::write(root.join("owned"), "owned")?;
    chown(root.join("owned"), Some(1234), Some(2345))?;
    chown(root.join("inner/deep"), Some(1234), Some(2345))?;
    fs::write(root.join("linked"), "linked")?;
    fs::hard_link(root.join("linked"), root.join("inner/linked too"))?;
    symlink("plain", root.join("link"))?;
    symlink("nowhere/at all", root.join("dangling"))?;
    symlink("..", root.join("inner/up"))?;
    let holes = File::create(root.join("holes"))?;
    holes.set_len(4 << 20)?;
    holes.write_all_at(&[1; 65536], 1 << 20)?;
    if with_fifo {
        let path = c_path(&root.join("fifo"));
        mknodat(CWD, path, FileType::Fifo, Mode::from(0o640), 0)?;
    }
    attach(&root.join("plain"), c"user.note", b"of a file")?;
    attach(&root.join("inner"), c"user.note", b"of a directory")?;
    attach(&root.join("private"), c"system.posix_acl_access", &access_list())?;
    fs::set_permissions(root.join("inner"), Permissions::from_mode(0o1777))?;
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o555))?;
    fs::set_permissions(root.join("empty"), Permissions::from_mode(0o711))?;
    set_times(root, &mut 1_000_000_000)
}

fn attach(path: &Path, name: &std::ffi::CStr, value: &[u8]) -> std::io::Result<()> {
    match setxattr(c_path(path), name, value, XattrFlags::empty()) {
        // A file system without them is asked for nothing.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
        answer => Ok(answer?),
    }
}

/// A list that lets one more user in (linux/posix_acl_xattr.h).
fn access_list() -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, NOBODY), (2, 7, 1234), (4, 4, NOBODY), (0x10, 7, NOBODY), (0x20, 4, NOBODY)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

fn set_times(path: &Path, seconds: &mut i64) -> std::io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            set_times(&entry?.path(), seconds)?;
        }
    }
    *seconds += 1000;
    let time = Timespec { tv_sec: *seconds, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, c_path(path), &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Attributes with their values, sorted: the access control lists, or all others.
pub fn attributes(path: &Path, lists: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let path = c_path(path);
    let mut names = [0_u8; 4096];
    let length = listxattr(&path, &mut names).unwrap_or(0);
    let mut found = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        // XFS shows its lists a second time, in its own words.
        if name.starts_with(b"trusted.SGI_") || name.starts_with(b"system.") != lists {
            continue;
        }
        let mut value = [0_u8; 4096];
        let length = getxattr(&path, name, &mut value).unwrap_or(0);
        found.push((name.to_vec(), value[..length].to_vec()));
    }
    found.sort();
    found
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path has no zero in it")
}
