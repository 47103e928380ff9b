//! Copying without filling the page cache: `RWF_DONTCACHE`, and `O_DIRECT` with its alignments.

use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2, pwritev2};

use super::{Borrowed, Handle, descriptor_path, fault, write_all_at};
use crate::plan::{Fault, Part, Side};
use crate::sys::length_of;

/// linux/fs.h; the pages that a call brings in are dropped after it.
const RWF_DONTCACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// The first kernel whose uncached writes are trusted: those of 6.14 could free a page twice on XFS, and 6.15
/// switched them off (linux-fsdevel, May 2025, commit 478ad02d6844).
const DONTCACHE_TRUSTED_FROM: (u32, u32) = (6, 16);

/// Moves one buffer's worth without leaving pages behind.
pub(super) fn uncached(
    source: Borrowed<'_>,
    target: Borrowed<'_>,
    buffer: &mut [u8],
    range: Range<u64>,
) -> Result<Part, Fault> {
    static IS_TRUSTED: OnceLock<bool> = OnceLock::new();
    if !IS_TRUSTED.get_or_init(|| kernel_version() >= DONTCACHE_TRUSTED_FROM) {
        return Err(fault(Errno::OPNOTSUPP, Side::Either));
    }
    let asked = length_of(&range).min(buffer.len());
    let mut slices = [IoSliceMut::new(&mut buffer[..asked])];
    let count = preadv2(source, &mut slices, range.start, RWF_DONTCACHE)
        .map_err(|errno| fault(errno, Side::Source))?;
    let mut done = 0;
    while done < count {
        let slices = [IoSlice::new(&buffer[done..count])];
        match pwritev2(target, &slices, range.start + done as u64, RWF_DONTCACHE) {
            Ok(0) => return Err(fault(Errno::IO, Side::Target)),
            Ok(written) => done += written,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(fault(errno, Side::Target)),
        }
    }
    // Not `was_short`: the end is confirmed by a plain read.
    Ok(Part { advanced: count as u64, ..Part::default() })
}

fn kernel_version() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    (numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0))
}

/// Both ends opened a second time, for direct I/O.
pub(super) struct DirectPair {
    source: Handle,
    target: Handle,
    alignment: u64,
}

impl DirectPair {
    pub(super) fn open(source: Borrowed<'_>, target: Borrowed<'_>) -> Result<DirectPair, Fault> {
        let alignment = alignment(source).max(alignment(target));
        Ok(DirectPair {
            source: reopen(source, OFlags::RDONLY).map_err(|errno| fault(errno, Side::Source))?,
            target: reopen(target, OFlags::WRONLY).map_err(|errno| fault(errno, Side::Target))?,
            alignment,
        })
    }

    /// Moves aligned blocks through the second pair and the unaligned tail through the ordinary target.
    pub(super) fn part(
        &mut self,
        ordinary_target: Borrowed<'_>,
        buffer: &mut [u8],
        range: Range<u64>,
    ) -> Result<Part, Fault> {
        if !range.start.is_multiple_of(self.alignment) || self.alignment > buffer.len() as u64 {
            return Err(fault(Errno::INVAL, Side::Either));
        }
        // Whole blocks are asked for; the answer at the end of the file is short.
        let wanted = length_of(&range).min(buffer.len());
        let asked = (wanted as u64).next_multiple_of(self.alignment) as usize;
        let asked = asked.min(buffer.len());
        let count = pread(&self.source, &mut buffer[..asked], range.start)
            .map_err(|errno| fault(errno, Side::Source))?
            .min(wanted);
        let aligned = count - count % self.alignment as usize;
        let tail_at = range.start + aligned as u64;
        write_all_at(self.target.as_fd(), &buffer[..aligned], range.start)
            .and_then(|()| write_all_at(ordinary_target, &buffer[aligned..count], tail_at))
            .map_err(|errno| fault(errno, Side::Target))?;
        Ok(Part { advanced: count as u64, ..Part::default() })
    }
}

fn reopen(file: Borrowed<'_>, access: OFlags) -> Result<Handle, Errno> {
    let flags = access | OFlags::DIRECT | OFlags::CLOEXEC;
    openat(CWD, descriptor_path(file), flags, Mode::empty())
}

/// What the file system wants offsets, lengths and memory to be multiples of (statx(2), since Linux 6.1); a page
/// where it does not say.
fn alignment(file: Borrowed<'_>) -> u64 {
    const UNKNOWN: u64 = 4 << 10;
    match statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN) {
        Ok(stat) if stat.stx_mask & StatxFlags::DIOALIGN.bits() != 0 => {
            u64::from(stat.stx_dio_offset_align.max(stat.stx_dio_mem_align)).max(512)
        }
        _ => UNKNOWN,
    }
}
