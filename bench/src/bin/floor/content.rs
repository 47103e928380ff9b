//! One file's bytes.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{
    FallocateFlags, SeekFrom, Stat, copy_file_range, fallocate, ftruncate, ioctl_ficlone, seek,
    sendfile,
};
use rustix::io::{Errno, Result, pread, pwrite, read, write};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};

use crate::buffer::Buffer;
use crate::spec::{Method, Spec};

/// What a thread uses again and again.
pub struct Tools {
    pub buffer: Buffer,
    pub names: [u8; 1024],
    pipe: Option<(OwnedFd, OwnedFd)>,
    /// Who new files belong to.
    pub owner: (u32, u32),
}

impl Tools {
    pub fn new(spec: &Spec) -> Tools {
        use rustix::process::{getegid, geteuid};
        Tools {
            buffer: Buffer::new(spec.buffer_bytes, spec.buffer_skew),
            names: [0; 1024],
            pipe: None,
            owner: (geteuid().as_raw(), getegid().as_raw()),
        }
    }
}

pub fn read_all(tools: &mut Tools, source: BorrowedFd<'_>) -> Result<()> {
    while read(source, &mut tools.buffer[..])? == tools.buffer.len() {}
    Ok(())
}

pub fn fill(
    tools: &mut Tools,
    spec: &Spec,
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    stat: &Stat,
) -> Result<()> {
    let length = stat.st_size as u64;
    if spec.method == Method::Clone && length > spec.small_bytes {
        return ioctl_ficlone(target, source);
    }
    let has_holes = (stat.st_blocks as u64) * 512 < length;
    if spec.keeps_all && has_holes {
        return around_holes(tools, spec, source, target, length);
    }
    preallocate(spec, target, length)?;
    match spec.method {
        Method::CopyRange if length > spec.small_bytes => by_range(source, target, 0..length),
        Method::Send if length > spec.small_bytes => by_send(source, target, 0..length),
        Method::Pipe if length > spec.small_bytes => by_pipe(tools, source, target, 0..length),
        _ => in_order(tools, source, target, length),
    }
}

pub fn preallocate(spec: &Spec, target: BorrowedFd<'_>, length: u64) -> Result<()> {
    match spec.preallocates && length >= 1 << 20 {
        true => fallocate(target, FallocateFlags::KEEP_SIZE, 0, length),
        false => Ok(()),
    }
}

/// Reads and writes from start to end; a short answer at the known length is the end.
fn in_order(
    tools: &mut Tools,
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    length: u64,
) -> Result<()> {
    let mut at = 0;
    loop {
        let count = read(source, &mut tools.buffer[..])?;
        let mut rest = &tools.buffer[..count];
        while !rest.is_empty() {
            rest = &rest[write(target, rest)?..];
        }
        at += count as u64;
        if count == 0 || (at >= length && count < tools.buffer.len()) {
            return Ok(());
        }
    }
}

pub fn by_position(
    buffer: &mut [u8],
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    range: std::ops::Range<u64>,
) -> Result<()> {
    let mut at = range.start;
    while at < range.end {
        let room = buffer.len().min((range.end - at) as usize);
        let count = pread(source, &mut buffer[..room], at)?;
        if count == 0 {
            break;
        }
        let mut written = 0;
        while written < count {
            written += pwrite(target, &buffer[written..count], at + written as u64)?;
        }
        at += count as u64;
    }
    Ok(())
}

pub fn by_range(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    range: std::ops::Range<u64>,
) -> Result<()> {
    let (mut from, mut to) = (range.start, range.start);
    while from < range.end {
        let length = (range.end - from).min(1 << 30) as usize;
        if copy_file_range(source, Some(&mut from), target, Some(&mut to), length)? == 0 {
            break;
        }
    }
    Ok(())
}

/// The target stands at the range's start.
pub fn by_send(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    range: std::ops::Range<u64>,
) -> Result<()> {
    let mut from = range.start;
    while from < range.end {
        let length = (range.end - from).min(1 << 30) as usize;
        if sendfile(target, source, Some(&mut from), length)? == 0 {
            break;
        }
    }
    Ok(())
}

const PIPE_BYTES: u64 = 256 << 10;

fn by_pipe(
    tools: &mut Tools,
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    range: std::ops::Range<u64>,
) -> Result<()> {
    if tools.pipe.is_none() {
        let ends = pipe()?;
        fcntl_setpipe_size(&ends.1, PIPE_BYTES as usize)?;
        tools.pipe = Some(ends);
    }
    let (out, into) = tools.pipe.as_ref().expect("it was made above");
    let (mut from, mut to) = (range.start, range.start);
    while from < range.end {
        let length = (PIPE_BYTES / 2).min(range.end - from) as usize;
        if sendfile(into, source, Some(&mut from), length)? == 0 {
            break;
        }
        while to < from {
            let left = (from - to) as usize;
            splice(out, None, target, Some(&mut to), left, SpliceFlags::empty())?;
        }
    }
    Ok(())
}

fn around_holes(
    tools: &mut Tools,
    spec: &Spec,
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    length: u64,
) -> Result<()> {
    let mut end = 0;
    loop {
        let start = match seek(source, SeekFrom::Data(end)) {
            Err(Errno::NXIO) => break,
            answer => answer?,
        };
        end = seek(source, SeekFrom::Hole(start))?;
        match spec.method {
            Method::CopyRange => by_range(source, target, start..end)?,
            Method::Pipe => by_pipe(tools, source, target, start..end)?,
            Method::Send => {
                seek(target, SeekFrom::Start(start))?;
                by_send(source, target, start..end)?;
            }
            _ => by_position(&mut tools.buffer, source, target, start..end)?,
        }
    }
    match end < length {
        true => ftruncate(target, length),
        false => Ok(()),
    }
}
