//! Pages put into a file beside the lock of its inode, through a shared mapping of a part of it.
//!
//! A write holds that lock while it allocates, charges and fills each page, and so two threads that write take turns. Without
//! it, and in the same order of cost:
//!
//! - On tmpfs, `UFFDIO_COPY` puts pages of a buffer (ioctl_userfaultfd(2), for shared memory since Linux 4.11).
//! - Everywhere, `pread` into the mapping: the kernel clears each page and faults it in.
//!
//! The mapping is only the address: all that is read or written through it the kernel does in a system call, which says so
//! where the file is full or was cut. No signal can come of it.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::{ptr, slice};

use rustix::fs::{Advice, CWD, Mode, OFlags, fadvise, fstat, ftruncate, openat};
use rustix::io::{Errno, pread};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::mm::{self, MapFlags, ProtFlags, UserfaultfdFlags, madvise, mmap, munmap, userfaultfd};
use rustix::param::page_size;

use super::{Borrowed, descriptor_path};
use crate::plan::FileSystem;

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

/// `None` where the kernel or a filter of system calls refuses.
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
    /// `None` where pages are read into the mapping.
    faults: Option<OwnedFd>,
    /// The file, open for reading, too, as a shared mapping that could be written to wants it.
    file: OwnedFd,
    /// Pages are faulted in before they are read into, not meanwhile (`MADV_POPULATE_WRITE`, since Linux 5.14). XFS locks what is
    /// read, and what writes there would wait until the target has room; if that is the image of the target's own disk, for
    /// ever. From elsewhere nothing gains by it: 1 GiB from ext4 took 0.96 to 1.17 of its time so (runs of 9 and 11 rounds).
    faults_first: bool,
    /// Nothing is put from here on, which is where a page begins.
    end: u64,
}

impl Placer {
    /// `None` where the file may not be opened once more as a mapping wants it.
    pub(super) fn new(
        target: Borrowed<'_>,
        target_fs: FileSystem,
        source_fs: FileSystem,
    ) -> Option<Placer> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(CWD, descriptor_path(target), flags, Mode::empty()).ok()?;
        // Whoever made /proc may have made it otherwise.
        let (given, found) = (fstat(target).ok()?, fstat(&file).ok()?);
        if (given.st_dev, given.st_ino) != (found.st_dev, found.st_ino) {
            return None;
        }
        // Where it is mounted with `huge=` it makes pages of 2 MiB, which it tells as the preferred block size. Faults do, too;
        // what is put would be small.
        let has_small_pages = found.st_blksize as usize <= page_size();
        let faults = match target_fs == FileSystem::Tmpfs && has_small_pages {
            true => open_faults(),
            false => None,
        };
        let faults_first = source_fs == FileSystem::Xfs;
        Some(Placer { faults, file, faults_first, end: 0 })
    }

    /// Makes the file as long as the whole pages in `len_bytes`: what is put behind its end would not move that, and a huge page
    /// may be there without any error. `None` if the file cannot be made so long.
    pub(super) fn reaching(self, len_bytes: u64) -> Option<Placer> {
        let stat = fstat(&self.file).ok()?;
        let end = len_bytes / page_size() as u64 * page_size() as u64;
        let is_long = stat.st_size as u64 >= end || ftruncate(&self.file, end).is_ok();
        is_long.then_some(Placer { end, ..self })
    }

    /// Opens the part of a range, which begins with a page, where pages may be put.
    pub(super) fn window(&self, range: Range<u64>) -> Option<Window<'_>> {
        let len =
            range.end.min(self.end).checked_sub(range.start)? as usize / page_size() * page_size();
        if len == 0 || !range.start.is_multiple_of(page_size() as u64) {
            return None;
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses where, so nothing that is mapped already is replaced.
        let address = unsafe {
            mmap(ptr::null_mut(), len, access, MapFlags::SHARED, &self.file, range.start)
        }
        .ok()?;
        let window = Window { placer: self, address, len, start: range.start };
        let Some(faults) = &self.faults else { return Some(window) };
        let mut register = Register {
            start: address.expose_provenance() as u64,
            len: len as u64,
            mode: MISSING,
            calls: 0,
        };
        // SAFETY: `Register` is what the kernel expects for this number.
        unsafe { update::<REGISTER, _>(faults, &mut register) }.ok()?;
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
    /// Reads bytes of `source` to where they belong, as many whole pages of `wanted` as the window has. `None` where that is
    /// not to be had: pages are put from a buffer, the source ends, or the file does not take them.
    pub(super) fn read(
        &self,
        source: Borrowed<'_>,
        at: u64,
        wanted: usize,
    ) -> Option<Result<usize, Errno>> {
        let (offset, len) = self.pages(at, wanted)?;
        if self.placer.faults.is_some() {
            return None;
        }
        // The pages of a hole, brought in together: on Btrfs 0.68 of `cp`'s time so and 0.78 with one fault after another
        // (1 GiB from ext4, medians of 5 interleaved rounds, Linux 6.18). tmpfs does nothing here.
        let _ = fadvise(&self.placer.file, at, NonZeroU64::new(len as u64), Advice::WillNeed);
        let start = self.address.wrapping_byte_add(offset);
        if self.placer.faults_first {
            // SAFETY: in the window, to which nothing else refers.
            unsafe { madvise(start, len, mm::Advice::LinuxPopulateWrite) }.ok()?;
        }
        // SAFETY: in the window, to which nothing else refers, and never read here.
        let bytes = unsafe { slice::from_raw_parts_mut(start.cast::<MaybeUninit<u8>>(), len) };
        match pread(source, bytes, at) {
            Ok(([], _)) | Err(Errno::FAULT) => None,
            read => Some(read.map(|(bytes, _)| bytes.len())),
        }
    }

    /// Puts whole pages of `bytes` where the file has none yet; returns how many bytes were placed.
    pub(super) fn place(&self, bytes: &[u8], at: u64) -> usize {
        let Some(faults) = &self.placer.faults else { return 0 };
        let Some((offset, len)) = self.pages(at, bytes.len()) else { return 0 };
        let mut copy = CopyPages {
            to: (self.address.expose_provenance() + offset) as u64,
            from: bytes.as_ptr().expose_provenance() as u64,
            len: len as u64,
            mode: DONT_WAKE,
            copied: 0,
        };
        // Refused in the middle, it says how far it came, and refused at once, an error number below zero.
        // SAFETY: `CopyPages` is what the kernel expects for this number, and what it writes to is in the window.
        let _ = unsafe { update::<COPY, _>(faults, &mut copy) };
        usize::try_from(copy.copied).unwrap_or(0).min(len)
    }

    /// Where a page begins in the window, and how much of `wanted` is whole pages in it.
    fn pages(&self, at: u64, wanted: usize) -> Option<(usize, usize)> {
        let (page, offset) = (page_size(), (at - self.start) as usize);
        let len = wanted.min(self.len.saturating_sub(offset)) / page * page;
        (len > 0 && offset.is_multiple_of(page)).then_some((offset, len))
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
