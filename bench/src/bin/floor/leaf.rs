//! One name that is not a directory.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fchown, fstat, futimens,
    linkat, mknodat, openat, readlinkat_raw, statat, symlinkat, utimensat,
};
use rustix::io::Result;

use crate::content::{self, Tools};
use crate::keep::{self, Earlier};
use crate::spec::{Method, Spec};
use crate::stack::Unit;
use crate::tree::{Shared, join};

/// Source and target directory, open.
pub type Ends<'a> = (BorrowedFd<'a>, BorrowedFd<'a>);

pub fn copy(
    shared: &Shared,
    tools: &mut Tools,
    ends: Ends<'_>,
    unit: &Unit,
    name: &CStr,
    kind: FileType,
) -> Result<()> {
    match kind {
        FileType::RegularFile => file(shared, tools, ends, unit, name),
        _ if shared.spec.method == Method::Read => Ok(()),
        FileType::Symlink => symlink(shared, ends, name),
        _ => node(shared, ends, name),
    }
}

fn file(
    shared: &Shared,
    tools: &mut Tools,
    ends: Ends<'_>,
    unit: &Unit,
    name: &CStr,
) -> Result<()> {
    let spec = &shared.spec;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let source = openat(ends.0, name, flags, Mode::empty())?;
    let stat = fstat(&source)?;
    if spec.method == Method::Read {
        return content::read_all(tools, source.as_fd());
    }
    let mut attributes = 0;
    if spec.keeps_all {
        if stat.st_nlink > 1 {
            // The claim is held while the first name is copied, which a floor may do.
            match shared.links.claim(&stat, || join(&unit.target, name)) {
                Earlier::None(_claim) => {}
                Earlier::At(path) => {
                    return linkat(rustix::fs::CWD, path, ends.1, name, AtFlags::empty());
                }
            }
        }
        attributes = keep::list(tools, source.as_fd())?;
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = openat(ends.1, name, flags, Mode::from(stat.st_mode & 0o777))?;
    if spec.method != Method::Empty && stat.st_size > 0 {
        content::fill(tools, spec, source.as_fd(), target.as_fd(), &stat)?;
    }
    dress(tools, spec, (source.as_fd(), target.as_fd()), &stat, attributes)
}

/// Gives a file its looks, after its bytes.
pub fn dress(
    tools: &mut Tools,
    spec: &Spec,
    (source, target): Ends<'_>,
    stat: &Stat,
    attributes: usize,
) -> Result<()> {
    if spec.keeps_all {
        let is_foreign = (stat.st_uid, stat.st_gid) != tools.owner;
        if is_foreign {
            fchown(target, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
        }
        if attributes > 0 {
            keep::copy_attributes(tools, source, target, attributes)?;
        }
        if stat.st_mode & 0o7000 != 0 {
            fchmod(target, Mode::from_raw_mode(stat.st_mode))?;
        }
    }
    match spec.sets_times {
        true => futimens(target, &keep::times(stat)),
        false => Ok(()),
    }
}

fn symlink(shared: &Shared, ends: Ends<'_>, name: &CStr) -> Result<()> {
    let mut buffer = [0_u8; 4096];
    readlinkat_raw(ends.0, name, &mut buffer[..4095])?;
    let text = CStr::from_bytes_until_nul(&buffer).expect("the last byte is zero");
    symlinkat(text, ends.1, name)?;
    if shared.spec.keeps_all {
        dress_named(ends, name)?;
    }
    Ok(())
}

fn node(shared: &Shared, ends: Ends<'_>, name: &CStr) -> Result<()> {
    let stat = statat(ends.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    mknodat(ends.1, name, kind, Mode::from_raw_mode(stat.st_mode), stat.st_rdev)?;
    if shared.spec.keeps_all {
        dress_named(ends, name)?;
    }
    Ok(())
}

fn dress_named(ends: Ends<'_>, name: &CStr) -> Result<()> {
    let stat = statat(ends.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let (owner, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    if !owner.is_root() || !group.is_root() {
        chownat(ends.1, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    utimensat(ends.1, name, &keep::times(&stat), AtFlags::SYMLINK_NOFOLLOW)
}
