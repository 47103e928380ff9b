//! Access control lists: what a file grants by itself. What it inherits from its directory is not copied, for the copy
//! inherits from its own.

use std::ffi::c_void;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    GetSecurityInfo, SE_FILE_OBJECT, SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACE_HEADER, ACL, ACL_REVISION, DACL_SECURITY_INFORMATION, GetAce, GetSecurityDescriptorControl,
    INHERITED_ACE, PROTECTED_DACL_SECURITY_INFORMATION, SE_DACL_PROTECTED,
    UNPROTECTED_DACL_SECURITY_INFORMATION,
};
use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, WRITE_DAC};

use super::open::reopen;
use super::rules::{ACCESS_DENIED, INVALID_FUNCTION, NOT_SUPPORTED};
use super::{Borrowed, done, raw};
use crate::plan::Code;
use crate::sys::{Answer, Lend};

/// A file's list, in a descriptor of the system's.
struct List {
    descriptor: *mut c_void,
    list: *mut ACL,
    /// It takes nothing over from the directory.
    is_protected: bool,
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for the call that filled it, and the list in it is not used any more.
        unsafe { LocalFree(self.descriptor) };
    }
}

impl List {
    fn of(file: Borrowed<'_>) -> Answer<List> {
        match List::read(file) {
            // A directory is not open for this.
            Err(ACCESS_DENIED) => List::read(reopen(file, READ_CONTROL, 0)?.lend()),
            answer => answer,
        }
    }

    fn read(file: Borrowed<'_>) -> Answer<List> {
        let (mut descriptor, mut list) = (null_mut(), null_mut());
        // SAFETY: the pointers are to locals; what is not wanted is not pointed to.
        code(unsafe {
            GetSecurityInfo(
                raw(file),
                SE_FILE_OBJECT,
                DACL_SECURITY_INFORMATION,
                null_mut(),
                null_mut(),
                &raw mut list,
                null_mut(),
                &raw mut descriptor,
            )
        })?;
        let mut found = List { descriptor, list, is_protected: false };
        let (mut control, mut revision) = (0, 0);
        // SAFETY: the descriptor is the one that was just filled.
        done(unsafe {
            GetSecurityDescriptorControl(descriptor, &raw mut control, &raw mut revision)
        })?;
        found.is_protected = control & SE_DACL_PROTECTED != 0;
        Ok(found)
    }

    /// Whether something in it was not inherited. No list at all is what file systems without any have.
    fn is_own(&self) -> bool {
        if self.list.is_null() {
            return false;
        }
        // SAFETY: the list is in the descriptor, which is still there.
        let count = unsafe { (*self.list).AceCount };
        self.is_protected || (0..u32::from(count)).any(|number| self.is_own_entry(number))
    }

    fn is_own_entry(&self, number: u32) -> bool {
        let mut entry = null_mut();
        // SAFETY: the list is in the descriptor, and the pointer is to a local.
        let is_there = done(unsafe { GetAce(self.list, number, &raw mut entry) }).is_ok();
        // SAFETY: every entry begins with a header.
        is_there && unsafe { (*entry.cast::<ACE_HEADER>()).AceFlags } & INHERITED_ACE as u8 == 0
    }
}

/// Whether a file grants anything by itself; not if it does not tell.
pub(super) fn has_own(file: Borrowed<'_>) -> bool {
    List::of(file).is_ok_and(|list| list.is_own())
}

/// Lets one file grant what another does by itself.
pub(super) fn copy(from: Borrowed<'_>, to: Borrowed<'_>) -> Answer<()> {
    let list = List::of(from)?;
    set(to, list.list, list.is_protected)
}

/// Lets a file grant what it inherits, and nothing else.
pub(super) fn remove(file: Borrowed<'_>) -> Answer<()> {
    if !has_own(file) {
        return Ok(());
    }
    let size = size_of::<ACL>() as u16;
    let mut none = ACL { AclRevision: ACL_REVISION as u8, AclSize: size, ..ACL::default() };
    set(file, &raw mut none, false)
}

fn set(file: Borrowed<'_>, list: *mut ACL, is_protected: bool) -> Answer<()> {
    let inheriting = match is_protected {
        true => PROTECTED_DACL_SECURITY_INFORMATION,
        false => UNPROTECTED_DACL_SECURITY_INFORMATION,
    };
    let open = reopen(file, WRITE_DAC | READ_CONTROL, 0)?;
    // SAFETY: the list is a local of a caller, or in a descriptor that a caller holds.
    match code(unsafe {
        SetSecurityInfo(
            raw(open.lend()),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | inheriting,
            null_mut(),
            null_mut(),
            list,
            null_mut(),
        )
    }) {
        Err(INVALID_FUNCTION) => Err(NOT_SUPPORTED),
        answer => answer,
    }
}

fn code(answer: u32) -> Answer<()> {
    if answer == 0 { Ok(()) } else { Err(Code(answer.cast_signed())) }
}
