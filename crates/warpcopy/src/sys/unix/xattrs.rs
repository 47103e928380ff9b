//! Extended attributes. A node that is known by its name alone is opened for it: only Linux has calls by path below a
//! handle, and only regular files, symbolic links and directories have any.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

use rustix::fs::{OFlags, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

use super::{Answer, Handle, Place, code, facts_at, open, retry};
use crate::plan::Kind;
use crate::sys::{Lend, NO_ATTRIBUTE, NOT_SUPPORTED};

/// Opens what a place names, if it is something that has attributes.
fn opened(place: Place<'_>) -> Answer<Option<Handle>> {
    let Place::Named(directory, name) = place else { return Ok(None) };
    // `O_SYMLINK` opens the link itself (open(2) on macOS).
    let open_link = cfg!(target_os = "macos").then_some(OFlags::from_bits_retain(0x0020_0000));
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    match (facts_at(directory, name, false)?.kind, open_link) {
        (Kind::File | Kind::Directory, _) => open(directory, name, flags | OFlags::NOFOLLOW),
        (Kind::Symlink, Some(itself)) => open(directory, name, flags | itself),
        _ => return Err(NOT_SUPPORTED),
    }
    .map(Some)
}

/// Makes a call on what a place names, open.
pub(in crate::sys) fn on<T>(
    place: Place<'_>,
    call: impl FnOnce(super::Borrowed<'_>) -> Answer<T>,
) -> Answer<T> {
    match (place, opened(place)?) {
        (Place::Open(file), _) => call(file),
        (Place::Named(..), file) => call(file.as_ref().ok_or(NOT_SUPPORTED)?.lend()),
    }
}

/// Appends the names of a file's extended attributes. A file system without any has none.
pub(in crate::sys) fn names(place: Place<'_>, out: &mut Vec<CString>) -> Answer<()> {
    let listed = on(place, |file| {
        let mut room = 512;
        loop {
            let mut buffer = vec![MaybeUninit::uninit(); room];
            match flistxattr(file, &mut buffer) {
                Ok((list, _)) => return Ok(split(list).collect::<Vec<_>>()),
                // The list may grow while it is read, but not for ever.
                Err(Errno::RANGE) if room < LIST_BYTES_MAX => room *= 8,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(code(errno)),
            }
        }
    });
    match listed {
        Ok(names) => out.extend(names),
        Err(NOT_SUPPORTED) => {}
        Err(none) if none == code(Errno::NOSYS) => {}
        Err(code) => return Err(code),
    }
    Ok(())
}

/// More than any system lists (64 KiB on Linux; macOS has no limit of its own).
const LIST_BYTES_MAX: usize = 4 << 20;

/// The names in a list, each of which ends in a zero.
pub(in crate::sys) fn split(list: &[u8]) -> impl Iterator<Item = CString> {
    let names = list.split_inclusive(|byte| *byte == 0);
    names.filter_map(|name| CStr::from_bytes_with_nul(name).ok()).map(CStr::to_owned)
}

/// Copies one extended attribute from one place to another; `value` is room to do it in.
pub(in crate::sys) fn copy(
    from: Place<'_>,
    to: Place<'_>,
    name: &CStr,
    value: &mut Vec<u8>,
) -> Answer<()> {
    on(from, |file| read(file, name, value))?;
    on(to, |file| retry(|| fsetxattr(file, name, value, XattrFlags::empty())))
}

/// Reads one attribute of any size: a resource fork may be as big as a file.
fn read(file: super::Borrowed<'_>, name: &CStr, value: &mut Vec<u8>) -> Answer<()> {
    /// How often it is read again because it grew between two calls.
    const ATTEMPTS_MAX: usize = 100;
    value.resize(1 << 10, 0);
    for _ in 0..ATTEMPTS_MAX {
        match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                return Ok(());
            }
            Err(Errno::RANGE) => {
                let length = retry(|| fgetxattr(file, name, &mut [0_u8; 0][..]))?;
                value.resize(length.max(value.len()), 0);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(code(errno)),
        }
    }
    Err(code(Errno::RANGE))
}

/// Removes one extended attribute; that it is not there, or cannot be anywhere, is as good.
pub(in crate::sys) fn remove(place: Place<'_>, name: &CStr) -> Answer<()> {
    match on(place, |file| retry(|| fremovexattr(file, name))) {
        Err(NO_ATTRIBUTE | NOT_SUPPORTED) => Ok(()),
        answer => answer,
    }
}
