//! What macOS has and the libc crate does not declare: copyfile(3), acl(3), sys/acl.h, copyfile.h.

use std::ffi::{c_int, c_void};

/// The data of a file: copyfile.h.
pub(super) const COPYFILE_DATA: libc::copyfile_flags_t = 1 << 3;

/// `acl_t`.
pub(super) type Acl = *mut c_void;
/// `ACL_TYPE_EXTENDED`.
pub(super) const ACL_TYPE_EXTENDED: c_int = 0x100;
/// `ACL_FIRST_ENTRY` and `ACL_NEXT_ENTRY`.
pub(super) const ACL_FIRST_ENTRY: c_int = 0;
pub(super) const ACL_NEXT_ENTRY: c_int = -1;
/// `ACL_ENTRY_FILE_INHERIT` and `ACL_ENTRY_DIRECTORY_INHERIT`.
pub(super) const ACL_INHERITANCE: [c_int; 2] = [1 << 5, 1 << 6];

/// `filesec_t`.
pub(super) type FileSecurity = *mut c_void;
/// `FILESEC_ACL`.
pub(super) const FILESEC_ACL: c_int = 5;
/// `_FILESEC_REMOVE_ACL`: no list at all, which is not the same as an empty one.
pub(super) const REMOVE_ACL: *const c_void = std::ptr::without_provenance(1);

unsafe extern "C" {
    // The list of an open file; null with ENOENT where there is none. To be given back with acl_free.
    pub(super) fn acl_get_fd_np(file: c_int, kind: c_int) -> Acl;
    pub(super) fn acl_set_fd_np(file: c_int, list: Acl, kind: c_int) -> c_int;
    pub(super) fn acl_free(list: Acl) -> c_int;
    // Zero if there is such an entry.
    pub(super) fn acl_get_entry(list: Acl, which: c_int, entry: *mut *mut c_void) -> c_int;
    pub(super) fn acl_get_flagset_np(entry: *mut c_void, flags: *mut *mut c_void) -> c_int;
    // One if the flag is set.
    pub(super) fn acl_get_flag_np(flags: *mut c_void, flag: c_int) -> c_int;
    // What a file's rights are to become; nothing yet. To be given back with filesec_free.
    pub(super) fn filesec_init() -> FileSecurity;
    pub(super) fn filesec_set_property(
        what: FileSecurity,
        property: c_int,
        value: *const c_void,
    ) -> c_int;
    pub(super) fn filesec_free(what: FileSecurity);
    pub(super) fn fchmodx_np(file: c_int, what: FileSecurity) -> c_int;
}
