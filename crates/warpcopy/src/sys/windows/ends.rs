//! An open source and an open target, as the loop that fills files sees them.

use std::ops::Range;
use std::ptr::null_mut;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ALLOCATION_INFO, FILE_ATTRIBUTE_ENCRYPTED, FILE_END_OF_FILE_INFO, FILE_STANDARD_INFO,
    FileAllocationInfo, FileEndOfFileInfo, FileStandardInfo, ReadFile, WriteFile,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::Ioctl::{
    FILE_ALLOCATED_RANGE_BUFFER, FSCTL_QUERY_ALLOCATED_RANGES, FSCTL_SET_SPARSE,
};

use super::blocks::{Blocks, alone};
use super::clone;
use super::facts::{facts, information, set_information};
use super::links::control;
use super::process::build;
use super::rules::{BROKEN_PIPE, ENCRYPTION_FAILED, HANDLE_EOF, MORE_DATA, NOT_THERE, WRITE_FAULT};
use super::unbuffered::UnbufferedPair;
use super::{Borrowed, at, done, masks, raw};
use crate::plan::{Data, Facts, Fault, FileSystem, Looks, Method, Mover, Part, Side};
use crate::sys::{Answer, Buffer, Progress, Ready, length_of, zeros};

/// Clones made by builds before Windows 11 24H2 and Server 2025 are made one at a time and looked at (microsoft/CopyOnWrite,
/// README, 0.3.0).
const CLONES_TRUSTED_FROM_BUILD: u32 = 26_100;

/// Bytes read at once: as on Linux, not measured here.
pub(crate) const BUFFER_BYTES: usize = 256 << 10;

/// Both ends of one regular file's copy.
pub(crate) struct Ends<'a> {
    source: Borrowed<'a>,
    target: Borrowed<'a>,
    facts: &'a Facts,
    makes_holes: bool,
    /// What is encrypted at the source is so at the target.
    may_be_read: bool,
    /// The target knows holes; what is never written becomes one.
    is_sparse: bool,
    buffer: &'a mut Buffer,
    unbuffered: Option<UnbufferedPair>,
    /// What the target looked like right after it was cloned.
    pub(crate) cloned: Option<Looks>,
}

impl<'a> Ends<'a> {
    pub(crate) fn new(
        source: Borrowed<'a>,
        target: Borrowed<'a>,
        facts: &'a Facts,
        _source_fs: FileSystem,
        _target_fs: FileSystem,
        buffers: &'a mut [Buffer],
    ) -> Ends<'a> {
        // More threads would wait for each other: calls on one handle come one after another.
        let buffer = &mut buffers[0];
        Ends {
            source,
            target,
            facts,
            makes_holes: false,
            may_be_read: false,
            is_sparse: false,
            buffer,
            unbuffered: None,
            cloned: None,
        }
    }

    /// Lets the target have holes; where it cannot, they are zeros that take room.
    fn make_sparse(&mut self) {
        if !self.is_sparse {
            self.is_sparse = true;
            // Best effort: a hole that is none costs space only.
            let _ = control(self.target, FSCTL_SET_SPARSE, &[], &mut []);
        }
    }

    /// What is encrypted (EFS) is read in the clear, and must not come to lie where it is not encrypted.
    fn check_encryption(&mut self) -> Result<(), Fault> {
        let is_encrypted = |facts: &Facts| facts.flags & FILE_ATTRIBUTE_ENCRYPTED != 0;
        if self.may_be_read || !is_encrypted(self.facts) {
            return Ok(());
        }
        self.may_be_read = is_encrypted(&facts(self.target).map_err(at(Side::Target))?);
        match self.may_be_read {
            true => Ok(()),
            false => Err(Fault { code: ENCRYPTION_FAILED, side: Side::Target }),
        }
    }

    fn read_write(&mut self, range: Range<u64>) -> Result<Part, Fault> {
        let asked = length_of(&range).min(BUFFER_BYTES);
        let buffer = &mut self.buffer.bytes()[..asked];
        let count = read_at(self.source, buffer, range.start).map_err(at(Side::Source))?;
        let was_short = count < asked;
        let mut part = Part { advanced: count as u64, was_short, ..Part::default() };
        if !self.makes_holes {
            let data = &self.buffer.bytes()[..count];
            write_all_at(self.target, data, range.start).map_err(at(Side::Target))?;
            return Ok(part);
        }
        self.make_sparse();
        let data = &self.buffer.bytes()[..count];
        let write = |data: &[u8], offset| write_all_at(self.target, data, offset);
        let left_out =
            zeros::write_around(data, range.start, write, |_| {}).map_err(at(Side::Target))?;
        (part.skipped, part.ends_in_hole) = (left_out.bytes, left_out.is_at_end);
        Ok(part)
    }
}

impl Mover for Ends<'_> {
    fn whole(&mut self, _method: Method, progress: Progress<'_>) -> Result<u64, Fault> {
        let is_trusted = build() >= CLONES_TRUSTED_FROM_BUILD;
        let _alone = (!is_trusted).then(|| alone(self.facts.identity));
        let has = |attribute| self.facts.flags & attribute != 0;
        let source = clone::Source {
            len_bytes: self.facts.len_bytes,
            is_sparse: masks::is_sparse(self.facts.flags),
            is_elsewhere: masks::is_elsewhere(self.facts.flags),
            is_encrypted: has(FILE_ATTRIBUTE_ENCRYPTED),
            is_verified: !is_trusted,
        };
        let (source_file, target) = (self.source, self.target);
        let mut blocks = Blocks { source: source_file, target, buffer: self.buffer.bytes() };
        clone::clone(&mut blocks, source, progress)?;
        let facts = facts(self.target).map_err(at(Side::Target))?;
        self.cloned = Some(facts.looks());
        Ok(facts.len_bytes)
    }

    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault> {
        self.check_encryption()?;
        match method {
            Method::Uncached => {
                let pair = match &mut self.unbuffered {
                    Some(pair) => pair,
                    none => none.insert(UnbufferedPair::open(self.source, self.target)?),
                };
                pair.part(self.target, self.buffer.bytes(), range)
            }
            _ => self.read_write(range),
        }
    }

    fn leave_zeros_out(&mut self, is_wanted: bool) {
        self.makes_holes = is_wanted;
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        let len = self.source_len()?;
        if from >= len {
            return Ok(Data::HoleUntil(len.max(from)));
        }
        match allocated(self.source, from..len) {
            Ok(Some(range)) => Ok(Data::Range(range.start.max(from)..range.end.min(len))),
            // Nothing but a hole: reading is always true (openzfs/zfs#8816 is one of those that were not).
            Ok(None) if from == 0 => {
                self.makes_holes = true;
                Ok(Data::Doubtful(0..len))
            }
            Ok(None) => Ok(Data::HoleUntil(len)),
            // No knowledge of holes here: all of it may be data.
            Err(code) if NOT_THERE.contains(&code) => Ok(Data::Range(from..len)),
            Err(code) => Err(Fault { code, side: Side::Source }),
        }
    }

    fn skip(&mut self, _hole: Range<u64>) {
        self.make_sparse();
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        let info: FILE_STANDARD_INFO =
            information(self.source, FileStandardInfo).map_err(at(Side::Source))?;
        Ok(info.EndOfFile.cast_unsigned())
    }

    fn set_len(&mut self, len_bytes: u64) -> Result<(), Fault> {
        set_len(self.target, len_bytes).map_err(at(Side::Target))
    }

    fn preallocate(&mut self, range: Range<u64>) -> Result<(), Fault> {
        // What is reserved begins at the file's start, so behind a hole there is nothing to ask for.
        if range.start > 0 {
            return Ok(());
        }
        let info = FILE_ALLOCATION_INFO { AllocationSize: range.end.cast_signed() };
        match set_information(self.target, FileAllocationInfo, &info) {
            // An optimisation that is not to be had.
            Err(code) if NOT_THERE.contains(&code) => Ok(()),
            answer => answer.map_err(at(Side::Target)),
        }
    }
}

/// The first range at or after the start of this one that holds data.
fn allocated(source: Borrowed<'_>, range: Range<u64>) -> Answer<Option<Range<u64>>> {
    let asked = FILE_ALLOCATED_RANGE_BUFFER {
        FileOffset: range.start.cast_signed(),
        Length: (range.end - range.start).cast_signed(),
    };
    let mut found = [0; size_of::<FILE_ALLOCATED_RANGE_BUFFER>()];
    let input = [asked.FileOffset.to_le_bytes(), asked.Length.to_le_bytes()].concat();
    match control(source, FSCTL_QUERY_ALLOCATED_RANGES, &input, &mut found) {
        Ok(0) => return Ok(None),
        // There are more behind the first.
        Ok(_) | Err(MORE_DATA) => {}
        Err(code) => return Err(code),
    }
    let number = |at: usize| u64::from_le_bytes(found[at..at + 8].try_into().expect("eight of it"));
    Ok(Some(number(0)..number(0) + number(8)))
}

/// A position to read or write at, whatever the file's own.
fn position(offset: u64) -> OVERLAPPED {
    let mut position = OVERLAPPED::default();
    position.Anonymous.Anonymous.Offset = offset as u32;
    position.Anonymous.Anonymous.OffsetHigh = (offset >> 32) as u32;
    position
}

/// Reads at an offset, or where a stream stands.
fn read(file: Borrowed<'_>, buffer: &mut [u8], offset: Option<u64>) -> Answer<usize> {
    let mut count = 0;
    let room = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    let mut position = offset.map(position);
    let position = position.as_mut().map_or(null_mut(), std::ptr::from_mut);
    // SAFETY: the pointer and the length describe `buffer`; the handle is synchronous, so the call ends before they do.
    done(unsafe { ReadFile(raw(file), buffer.as_mut_ptr(), room, &raw mut count, position) })?;
    Ok(count as usize)
}

/// Writes at an offset, or where a stream stands; returns how much was taken.
fn write(file: Borrowed<'_>, data: &[u8], offset: Option<u64>) -> Answer<usize> {
    let mut count = 0;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut position = offset.map(position);
    let position = position.as_mut().map_or(null_mut(), std::ptr::from_mut);
    // SAFETY: the pointer and the length describe `data`; the handle is synchronous, so the call ends before they do.
    done(unsafe { WriteFile(raw(file), data.as_ptr(), length, &raw mut count, position) })?;
    // Nobody has a reason to take nothing of something.
    if count == 0 { Err(WRITE_FAULT) } else { Ok(count as usize) }
}

pub(super) fn read_at(source: Borrowed<'_>, buffer: &mut [u8], offset: u64) -> Answer<usize> {
    match read(source, buffer, Some(offset)) {
        Err(HANDLE_EOF) => Ok(0),
        answer => answer,
    }
}

pub(super) fn write_all_at(target: Borrowed<'_>, mut data: &[u8], mut offset: u64) -> Answer<()> {
    while !data.is_empty() {
        let count = write(target, data, Some(offset))?;
        data = &data[count..];
        offset += count as u64;
    }
    Ok(())
}

/// Cuts or extends an open file.
pub(crate) fn set_len(file: Borrowed<'_>, len_bytes: u64) -> Answer<()> {
    let info = FILE_END_OF_FILE_INFO { EndOfFile: len_bytes.cast_signed() };
    set_information(file, FileEndOfFileInfo, &info)
}

/// Waits a moment for a stream. There is no waiting that does not read: the call itself waits.
pub(crate) fn wait_a_moment(_stream: Borrowed<'_>, _ready: Ready) -> Answer<bool> {
    Ok(true)
}

/// Reads from where a stream stands; zero is its end.
pub(crate) fn read_some(stream: Borrowed<'_>, buffer: &mut [u8]) -> Answer<usize> {
    match read(stream, buffer, None) {
        // The writer has closed its end.
        Err(BROKEN_PIPE | HANDLE_EOF) => Ok(0),
        answer => answer,
    }
}

/// Writes where a stream stands; returns how much it took.
pub(crate) fn write_some(stream: Borrowed<'_>, data: &[u8]) -> Answer<usize> {
    write(stream, data, None)
}
