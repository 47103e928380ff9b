//! Pages put into a file of tmpfs beside the lock of its inode: `userfaultfd(2)`.
//!
//! A write holds that lock while it allocates, charges and fills each page, and so two threads that write take turns.
//! `UFFDIO_COPY` (ioctl_userfaultfd(2), for shared memory since Linux 4.11) does the same for pages of a shared mapping
//! without the lock, and without clearing them first as a page fault does. The mapping is only where the pages go: nothing
//! here reads or writes through it, so no signal can come of it.

use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr;

use rustix::fs::{CWD, Mode, OFlags, fstat, ftruncate, openat};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, UserfaultfdFlags, mmap, munmap, userfaultfd};
use rustix::param::page_size;

use super::{Borrowed, descriptor_path};

/// `UFFD_USER_MODE_ONLY`, since Linux 5.11: faults of the kernel are none of ours, and so no privilege is needed.
const USER_MODE_ONLY: UserfaultfdFlags = UserfaultfdFlags::from_bits_retain(1);
/// `UFFD_API`, and the number that all calls to it begin with.
const API: u8 = 0xAA;
/// `UFFDIO_REGISTER_MODE_MISSING`.
const MISSING: u64 = 1;
/// `UFFDIO_COPY_MODE_DONTWAKE`: nobody waits for the page.
const DONT_WAKE: u64 = 1;

/// `struct uffdio_api`.
#[repr(C)]
struct Hello {
    api: u64,
    features: u64,
    calls: u64,
}

/// `struct uffdio_register`.
#[repr(C)]
struct Register {
    start: u64,
    len: u64,
    mode: u64,
    calls: u64,
}

/// `struct uffdio_copy`.
#[repr(C)]
struct CopyPages {
    to: u64,
    from: u64,
    len: u64,
    mode: u64,
    copied: i64,
}

const HELLO: Opcode = opcode::read_write::<Hello>(API, 0x3F);
const REGISTER: Opcode = opcode::read_write::<Register>(API, 0x00);
const COPY: Opcode = opcode::read_write::<CopyPages>(API, 0x03);

/// Whether this process may put pages now.
pub(crate) fn can_place() -> bool {
    open_faults().is_some()
}

fn open_faults() -> Option<OwnedFd> {
    // SAFETY: no memory is given to it but the windows below, to which nobody else has the address.
    let faults = unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC | USER_MODE_ONLY) }.ok()?;
    let mut hello = Hello { api: API.into(), features: 0, calls: 0 };
    // SAFETY: `Hello` is what the kernel expects for this number.
    unsafe { update::<HELLO, _>(&faults, &mut hello) }.ok()?;
    Some(faults)
}

/// Puts pages into one file.
pub(super) struct Placer {
    faults: OwnedFd,
    /// The file, open for reading, too, as a shared mapping that could be written to wants it.
    file: OwnedFd,
}

impl Placer {
    /// `None` where there is no placing: the kernel or a filter of system calls refuses, or the file may not be opened once
    /// more as a mapping wants it.
    pub(super) fn new(target: Borrowed<'_>) -> Option<Placer> {
        let faults = open_faults()?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(CWD, descriptor_path(target), flags, Mode::empty()).ok()?;
        // Whoever made /proc may have made it otherwise.
        let (given, found) = (fstat(target).ok()?, fstat(&file).ok()?);
        let is_same = (given.st_dev, given.st_ino) == (found.st_dev, found.st_ino);
        is_same.then_some(Placer { faults, file })
    }

    /// Makes the file as long as the whole pages in `len_bytes`: pages can only be put before its end, and the page that the
    /// end is in could be put, too, but that would not move the end. `false` if the file cannot be made so long, or if the
    /// file system is mounted with `huge=` and makes pages of 2 MiB of it, which it tells as the preferred block size.
    pub(super) fn reaches(&self, len_bytes: u64) -> bool {
        let Ok(stat) = fstat(&self.file) else { return false };
        let len_bytes = len_bytes / page_size() as u64 * page_size() as u64;
        let is_long = stat.st_size as u64 >= len_bytes || ftruncate(&self.file, len_bytes).is_ok();
        is_long && fstat(&self.file).is_ok_and(|stat| stat.st_blksize as usize <= page_size())
    }

    /// Opens a range of the file, which begins with a page.
    pub(super) fn window(&self, range: Range<u64>) -> Option<Window<'_>> {
        if !range.start.is_multiple_of(page_size() as u64) {
            return None;
        }
        let len = usize::try_from(range.end - range.start).ok()?.next_multiple_of(page_size());
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses where, so nothing that is mapped already is replaced.
        let address = unsafe {
            mmap(ptr::null_mut(), len, access, MapFlags::SHARED, &self.file, range.start)
        }
        .ok()?;
        let window = Window { placer: self, address, len, start: range.start };
        let mut register = Register {
            start: address.expose_provenance() as u64,
            len: len as u64,
            mode: MISSING,
            calls: 0,
        };
        // SAFETY: `Register` is what the kernel expects for this number.
        unsafe { update::<REGISTER, _>(&self.faults, &mut register) }.ok()?;
        Some(window)
    }
}

/// A range of the file, mapped.
pub(super) struct Window<'a> {
    placer: &'a Placer,
    address: *mut c_void,
    len: usize,
    start: u64,
}

impl Window<'_> {
    /// Puts whole pages of `bytes` where the file has none yet; returns how many bytes were placed.
    pub(super) fn place(&self, bytes: &[u8], at: u64) -> usize {
        let (page, offset) = (page_size(), (at - self.start) as usize);
        let len = bytes.len().min(self.len.saturating_sub(offset)) / page * page;
        if len == 0 || !offset.is_multiple_of(page) {
            return 0;
        }
        let mut copy = CopyPages {
            to: (self.address.expose_provenance() + offset) as u64,
            from: bytes.as_ptr().expose_provenance() as u64,
            len: len as u64,
            mode: DONT_WAKE,
            copied: 0,
        };
        // Refused in the middle, it says how far it came, and refused at once, an error number below zero.
        // SAFETY: `CopyPages` is what the kernel expects for this number, and what it writes to is in the window.
        let _ = unsafe { update::<COPY, _>(&self.placer.faults, &mut copy) };
        usize::try_from(copy.copied).unwrap_or(0).min(len)
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        // SAFETY: mapped by `window`, and nothing refers into it.
        let _ = unsafe { munmap(self.address, self.len) };
    }
}

/// # Safety
///
/// `T` is what the kernel expects for this number, and what it asks for may be done.
unsafe fn update<const OPCODE: Opcode, T>(
    faults: &OwnedFd,
    arguments: &mut T,
) -> rustix::io::Result<()> {
    // SAFETY: promised by the caller.
    unsafe { ioctl(faults.as_fd(), Updater::<OPCODE, T>::new(arguments)) }
}

const _: () = assert!(
    size_of::<Hello>() == 24 && size_of::<Register>() == 32 && size_of::<CopyPages>() == 40
);
