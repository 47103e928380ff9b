//! Bytes at their positions, and where a source says there are any.

use std::ops::Range;

use rustix::io::{Errno, pread, pwrite, read};

use super::{Borrowed, code};
use crate::plan::{Fault, Side};

pub(in crate::sys) fn fault(errno: Errno, side: Side) -> Fault {
    Fault { code: code(errno), side }
}

/// Reads what is at an offset, or what comes next of a source without positions, which is found out by trying.
pub(in crate::sys) fn read_at(
    source: Borrowed<'_>,
    buffer: &mut [u8],
    offset: u64,
    is_in_order: &mut bool,
) -> Result<usize, Errno> {
    if !*is_in_order {
        match pread(source, &mut *buffer, offset) {
            // Some files of synthetic file systems call themselves regular and cannot seek.
            Err(Errno::SPIPE) if offset == 0 => *is_in_order = true,
            answer => return answer,
        }
    }
    read(source, buffer)
}

pub(in crate::sys) fn write_all_at(
    target: Borrowed<'_>,
    mut data: &[u8],
    mut offset: u64,
) -> Result<(), Errno> {
    while !data.is_empty() {
        match pwrite(target, data, offset) {
            // No file system has a reason to take nothing of something.
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                data = &data[count..];
                offset += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// What a source says about where it holds data.
pub(in crate::sys) enum Next {
    Data(Range<u64>),
    /// Nothing but a hole from there on.
    Nothing,
    /// No knowledge of holes here.
    NotTold,
}

/// Asks a source where it holds data: lseek(2).
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
pub(in crate::sys) fn find_data(source: Borrowed<'_>, from: u64) -> Result<Next, Errno> {
    use rustix::fs::{SeekFrom, seek};
    let start = match seek(source, SeekFrom::Data(from)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(Next::Nothing),
        Err(errno) => match errno {
            Errno::INVAL | Errno::OPNOTSUPP | Errno::NOTTY | Errno::NOSYS => {
                return Ok(Next::NotTold);
            }
            // The same number on most systems.
            _ if errno == Errno::NOTSUP => return Ok(Next::NotTold),
            _ => return Err(errno),
        },
    };
    match seek(source, SeekFrom::Hole(start)) {
        Ok(end) => Ok(Next::Data(start..end.max(start))),
        // It was cut between the two calls.
        Err(Errno::NXIO) => Ok(Next::NotTold),
        Err(errno) => Err(errno),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
pub(in crate::sys) fn find_data(_source: Borrowed<'_>, _from: u64) -> Result<Next, Errno> {
    Ok(Next::NotTold)
}
