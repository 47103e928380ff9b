//! Extended attributes, through handles and by name.

use std::ffi::{CStr, CString, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{
    XattrFlags, fgetxattr, fgetxattr_query, flistxattr, fremovexattr, fsetxattr, lgetxattr,
    lgetxattr_query, llistxattr, lremovexattr, lsetxattr,
};
use rustix::io::Errno;

use super::{ACL_DEFAULT, Borrowed, Place, code, descriptor_path, retry};
use crate::sys::Answer;
use crate::sys::unix::xattrs::split;

/// The names of a file's extended attributes. A file system without any has none.
pub(crate) fn xattr_names(place: Place<'_>, out: &mut Vec<CString>) -> Answer<()> {
    out.clear();
    // Most files have none: the first try needs no allocation.
    let mut small = [MaybeUninit::uninit(); 512];
    match list_into(place, &mut small) {
        Ok(list) => out.extend(split(list)),
        Err(Errno::RANGE) => out.extend(split(&list_large(place)?)),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(errno) => return Err(code(errno)),
    }
    Ok(())
}

fn list_large(place: Place<'_>) -> Answer<Vec<u8>> {
    // 64 KiB is the kernel's limit for a list (linux/limits.h, XATTR_LIST_MAX).
    let mut large = vec![MaybeUninit::uninit(); 64 << 10];
    list_into(place, &mut large).map(|list| list.to_vec()).map_err(code)
}

fn list_into<'a>(place: Place<'_>, buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Errno> {
    match place {
        Place::Open(file) => flistxattr(file, buffer).map(|(list, _)| &*list),
        Place::Named(directory, name) => list_named_into(directory, name, buffer),
    }
}

/// Symbolic links and special files are mostly listed for nothing, and the way through procfs takes 5 µs of the 14 that a
/// link takes; `listxattrat` takes 1.3 (on tmpfs and ext4, Linux 6.18).
fn list_named_into<'a>(
    directory: Borrowed<'_>,
    name: &OsStr,
    buffer: &'a mut [MaybeUninit<u8>],
) -> Result<&'a [u8], Errno> {
    /// The kernel is older, or a filter of system calls does not know it.
    static IS_UNKNOWN: AtomicBool = AtomicBool::new(false);
    if !IS_UNKNOWN.load(Ordering::Relaxed) {
        match listxattrat(directory, name, buffer) {
            Err(Errno::NOSYS | Errno::PERM) => IS_UNKNOWN.store(true, Ordering::Relaxed),
            Ok(length) => {
                let filled = buffer[..length].as_ptr().cast();
                // SAFETY: the call has filled that many bytes of the buffer.
                return Ok(unsafe { std::slice::from_raw_parts(filled, length) });
            }
            Err(errno) => return Err(errno),
        }
    }
    llistxattr(named_path(directory, name), buffer).map(|(list, _)| &*list)
}

/// `listxattrat(2)` of the node itself, since Linux 6.13; returns the list's length.
fn listxattrat(
    directory: Borrowed<'_>,
    name: &OsStr,
    buffer: &mut [MaybeUninit<u8>],
) -> Result<usize, Errno> {
    use std::os::fd::AsRawFd;
    // scripts/syscall.tbl; MIPS and Alpha count otherwise.
    const NUMBER: libc::c_long = 465;
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        return Err(Errno::NOSYS);
    }
    let name = CString::new(name.as_bytes()).map_err(|_| Errno::INVAL)?;
    // SAFETY: both pointers are good for the call, and the buffer has the length that is said.
    let answer = unsafe {
        libc::syscall(
            NUMBER,
            directory.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    match usize::try_from(answer) {
        Ok(length) => Ok(length),
        Err(_) => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}

/// Reads one extended attribute into `value`.
fn xattr(place: Place<'_>, name: &CStr, value: &mut Vec<u8>) -> Answer<()> {
    // A value has at most 64 KiB (linux/limits.h, XATTR_SIZE_MAX).
    for capacity in [1 << 10, 64 << 10] {
        value.resize(capacity, 0);
        let answer = match place {
            Place::Open(file) => fgetxattr(file, name, &mut value[..]),
            Place::Named(directory, node) => {
                lgetxattr(named_path(directory, node), name, &mut value[..])
            }
        };
        match answer {
            Ok(length) => {
                value.truncate(length);
                return Ok(());
            }
            Err(Errno::RANGE) if capacity == 1 << 10 => {}
            Err(errno) => return Err(code(errno)),
        }
    }
    Err(code(Errno::RANGE))
}

/// Copies one extended attribute from one place to another; `value` is room to do it in.
pub(crate) fn copy_xattr(
    from: Place<'_>,
    to: Place<'_>,
    name: &CStr,
    value: &mut Vec<u8>,
) -> Answer<()> {
    xattr(from, name, value)?;
    set_xattr(to, name, value)
}

/// Sets one extended attribute.
fn set_xattr(place: Place<'_>, name: &CStr, value: &[u8]) -> Answer<()> {
    retry(|| match place {
        Place::Open(file) => fsetxattr(file, name, value, XattrFlags::empty()),
        Place::Named(directory, node) => {
            lsetxattr(named_path(directory, node), name, value, XattrFlags::empty())
        }
    })
}

/// Removes one extended attribute; that it is not there, or cannot be anywhere, is as good.
pub(crate) fn remove_xattr(place: Place<'_>, name: &CStr) -> Answer<()> {
    let answer = retry(|| match place {
        Place::Open(file) => fremovexattr(file, name),
        Place::Named(directory, node) => lremovexattr(named_path(directory, node), name),
    });
    match answer {
        Err(missing) if [Errno::NODATA, Errno::OPNOTSUPP].map(code).contains(&missing) => Ok(()),
        answer => answer,
    }
}

/// Whether new entries of a directory inherit an access control list instead of obeying the umask; assumed if the
/// system will not tell.
pub(crate) fn has_default_acl(directory: Borrowed<'_>) -> bool {
    let answer = match fgetxattr_query(directory, ACL_DEFAULT) {
        // Opened for its path alone: there is another way to ask.
        Err(Errno::BADF) => lgetxattr_query(named_path(directory, ".".as_ref()), ACL_DEFAULT),
        answer => answer,
    };
    match answer {
        Ok(length) => length > 0,
        Err(errno) => !matches!(errno, Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS),
    }
}

/// A path to a node below an open directory, for calls that take no handle. The last name is not followed.
fn named_path(directory: Borrowed<'_>, name: &OsStr) -> CString {
    use std::os::fd::AsRawFd;
    if directory.as_raw_fd() == rustix::fs::CWD.as_raw_fd() {
        return CString::new(name.as_bytes()).unwrap_or_default();
    }
    let mut path = descriptor_path(directory).into_bytes();
    path.push(b'/');
    path.extend_from_slice(name.as_bytes());
    CString::new(path).unwrap_or_default()
}
