//! Times with that of birth, flags, extended attributes, and the access control list, which is listed among them.

use std::ffi::{CStr, CString, OsStr, c_void};
use std::mem::{size_of, zeroed};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use super::errno::{INVAL, NOENT, NOMEM, NOTSUP, OPNOTSUPP};
use super::ffi;
use super::names::{answer, give_flags, last_code};
use super::rules::CANNOT_KEEP;
use crate::plan::{Facts, Time};
use crate::sys::Answer;
use crate::sys::unix::{self, Borrowed, Place, retry};

/// The access control list of a file. It is no extended attribute that anybody can see, but the kernel keeps it as one
/// of this name (sys/kauth.h), so no other has it.
pub(crate) const ACL_ACCESS: &CStr = c"com.apple.system.Security";
/// What new entries of a directory inherit is part of its own list.
pub(crate) const ACL_DEFAULT: &CStr = c"com.apple.system.Security/inherited";
/// There are no file capabilities.
pub(crate) const CAPABILITY: &CStr = c"security.capability";

/// Who made a file: the system gives every new one its own, and takes no other (pkolaczk/fclones#333).
const PROVENANCE: &CStr = c"com.apple.provenance";

/// Whether an extended attribute is one of the access control lists.
pub(crate) fn is_acl(name: &CStr) -> bool {
    name == ACL_ACCESS || name == ACL_DEFAULT
}

/// Sets access and modification time, and that of birth, which comes after them: an earlier modification takes it along.
pub(crate) fn set_times(place: Place<'_>, facts: &Facts) -> Answer<()> {
    unix::set_times(place, facts)?;
    match facts.born.map_or(Ok(()), |born| set_birth(place, born)) {
        // A file system that keeps none.
        Err(code) if CANNOT_KEEP.contains(&code) => Ok(()),
        answer => answer,
    }
}

/// Sets the time of birth: `ATTR_CMN_CRTIME`.
pub(super) fn set_birth(place: Place<'_>, born: Time) -> Answer<()> {
    let time = libc::timespec { tv_sec: born.seconds, tv_nsec: born.nanoseconds.into() };
    set_attribute(place, libc::ATTR_CMN_CRTIME, &time)
}

/// Sets one common attribute of fixed size: setattrlist(2). A name is not followed.
fn set_attribute<T>(place: Place<'_>, attribute: u32, value: &T) -> Answer<()> {
    // SAFETY: zero is a value of every field.
    let mut list: libc::attrlist = unsafe { zeroed() };
    list.bitmapcount = libc::ATTR_BIT_MAP_COUNT;
    list.commonattr = attribute;
    let list = (&raw mut list).cast::<c_void>();
    let value_at = ptr::from_ref(value).cast_mut().cast::<c_void>();
    match place {
        Place::Open(file) => {
            // SAFETY: list and value live through the call and the size is that of the value, which is only read.
            answer(unsafe {
                libc::fsetattrlist(file.as_raw_fd(), list, value_at, size_of::<T>(), 0)
            })
        }
        Place::Named(directory, name) => {
            let name = CString::new(name.as_bytes()).map_err(|_| INVAL)?;
            let (directory, flags) = (directory.as_raw_fd(), libc::FSOPT_NOFOLLOW);
            // SAFETY: as above; the name ends in a zero.
            answer(unsafe {
                let size = size_of::<T>();
                libc::setattrlistat(directory, name.as_ptr(), list, value_at, size, flags)
            })
        }
    }
}

/// Sets the flags of a finished directory: those of its source that the caller may set.
pub(crate) fn set_flags(place: Place<'_>, facts: &Facts) -> Answer<()> {
    match place {
        _ if facts.flags == 0 => Ok(()),
        Place::Open(file) => give_flags(file, facts.flags),
        Place::Named(..) => Ok(()),
    }
}

pub(super) fn flags_of(file: Borrowed<'_>) -> Answer<u32> {
    Ok(unix::facts(file)?.flags)
}

pub(super) fn set_flags_of(file: Borrowed<'_>, flags: u32) -> Answer<()> {
    // SAFETY: no pointers are passed.
    answer(unsafe { libc::fchflags(file.as_raw_fd(), flags) })
}

pub(super) fn set_flags_at(directory: Borrowed<'_>, name: &OsStr, flags: u32) -> Answer<()> {
    set_attribute(Place::Named(directory, name), libc::ATTR_CMN_FLAGS, &flags)
}

/// The names of a file's extended attributes, its access control list among them. A file system without any has none.
pub(crate) fn xattr_names(place: Place<'_>, out: &mut Vec<CString>) -> Answer<()> {
    names_without_list(place, out)?;
    let has_list = unix::xattrs::on(place, |file| Ok(List::of(file)?.is_some()));
    if has_list == Ok(true) {
        out.push(ACL_ACCESS.to_owned());
    }
    Ok(())
}

pub(super) fn names_without_list(place: Place<'_>, out: &mut Vec<CString>) -> Answer<()> {
    out.clear();
    unix::xattrs::names(place, out)?;
    out.retain(|name| name.as_c_str() != PROVENANCE);
    Ok(())
}

/// Copies one extended attribute, or the list, from one place to another; `value` is room to do it in.
pub(crate) fn copy_xattr(
    from: Place<'_>,
    to: Place<'_>,
    name: &CStr,
    value: &mut Vec<u8>,
) -> Answer<()> {
    if name != ACL_ACCESS {
        return unix::xattrs::copy(from, to, name, value);
    }
    let list = unix::xattrs::on(from, List::of)?;
    unix::xattrs::on(to, |file| match &list {
        Some(list) => list.give(file),
        None => remove_list(file),
    })
}

/// Removes one extended attribute, or the list; that it is not there, or cannot be anywhere, is as good.
pub(crate) fn remove_xattr(place: Place<'_>, name: &CStr) -> Answer<()> {
    if name != ACL_ACCESS {
        return unix::xattrs::remove(place, name);
    }
    unix::xattrs::on(place, |file| match List::of(file)? {
        Some(_) => remove_list(file),
        None => Ok(()),
    })
}

/// Leaves a file without a list, as `chmod -N` does.
pub(super) fn remove_list(file: Borrowed<'_>) -> Answer<()> {
    // SAFETY: what is made here is given back below.
    let nothing = unsafe { ffi::filesec_init() };
    if nothing.is_null() {
        return Err(NOMEM);
    }
    // SAFETY: it lives, and this property takes the mark in place of a pointer to a list.
    let marked =
        answer(unsafe { ffi::filesec_set_property(nothing, ffi::FILESEC_ACL, ffi::REMOVE_ACL) });
    // SAFETY: it lives; what it does not name stays as it is.
    let removed =
        marked.and_then(|()| answer(unsafe { ffi::fchmodx_np(file.as_raw_fd(), nothing) }));
    // SAFETY: it is not used again.
    unsafe { ffi::filesec_free(nothing) };
    removed
}

/// Whether new entries of a directory inherit an access control list; assumed if the system will not tell.
pub(crate) fn has_default_acl(directory: Borrowed<'_>) -> bool {
    match List::of(directory) {
        Ok(list) => list.is_some_and(|list| list.is_inherited()),
        Err(_) => true,
    }
}

/// An access control list, given back when it is dropped.
pub(super) struct List(ffi::Acl);

impl List {
    /// The list of an open file, if it has one.
    pub(super) fn of(file: Borrowed<'_>) -> Answer<Option<List>> {
        // SAFETY: the file is open.
        let list = unsafe { ffi::acl_get_fd_np(file.as_raw_fd(), ffi::ACL_TYPE_EXTENDED) };
        match list.is_null().then(last_code) {
            None => Ok(Some(List(list)).filter(List::has_entries)),
            Some(NOENT | NOTSUP | OPNOTSUPP | INVAL) => Ok(None),
            Some(code) => Err(code),
        }
    }

    pub(super) fn give(&self, file: Borrowed<'_>) -> Answer<()> {
        retry(|| {
            // SAFETY: the list lives as long as this.
            let result =
                unsafe { ffi::acl_set_fd_np(file.as_raw_fd(), self.0, ffi::ACL_TYPE_EXTENDED) };
            answer(result).map_err(|code| rustix::io::Errno::from_raw_os_error(code.0))
        })
    }

    fn entry(&self, which: i32) -> Option<*mut c_void> {
        let mut entry = ptr::null_mut();
        // SAFETY: the list lives as long as this, and there is room for one pointer.
        let result = unsafe { ffi::acl_get_entry(self.0, which, &raw mut entry) };
        (result == 0).then_some(entry)
    }

    fn has_entries(&self) -> bool {
        self.entry(ffi::ACL_FIRST_ENTRY).is_some()
    }

    fn is_inherited(&self) -> bool {
        let mut entry = self.entry(ffi::ACL_FIRST_ENTRY);
        while let Some(this) = entry {
            if ffi::ACL_INHERITANCE.into_iter().any(|flag| has_flag(this, flag)) {
                return true;
            }
            entry = self.entry(ffi::ACL_NEXT_ENTRY);
        }
        false
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: it came from acl_get_fd_np and is not used again.
        let _ = unsafe { ffi::acl_free(self.0) };
    }
}

/// Whether an entry of a living list has a flag.
fn has_flag(entry: *mut c_void, flag: i32) -> bool {
    let mut flags = ptr::null_mut();
    // SAFETY: the entry belongs to a list that lives, and there is room for one pointer.
    let result = unsafe { ffi::acl_get_flagset_np(entry, &raw mut flags) };
    // SAFETY: the set belongs to the entry.
    result == 0 && unsafe { ffi::acl_get_flag_np(flags, flag) } == 1
}
