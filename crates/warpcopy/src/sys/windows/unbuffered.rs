//! Copying without filling the cache: `FILE_FLAG_NO_BUFFERING`, with its alignments.

use std::ops::Range;

use windows_sys::Wdk::Storage::FileSystem::FILE_NO_INTERMEDIATE_BUFFERING;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_READ_DATA, FILE_STORAGE_INFO, FILE_WRITE_DATA, FileStorageInfo,
};

use super::ends::{read_at, write_all_at};
use super::facts::information;
use super::open::reopen;
use super::rules::INVALID_PARAMETER;
use super::{Borrowed, Handle, at};
use crate::plan::{Fault, Part, Side};
use crate::sys::{Lend, length_of};

/// Both ends opened a second time.
pub(super) struct UnbufferedPair {
    source: Handle,
    target: Handle,
    alignment: u64,
}

impl UnbufferedPair {
    pub(super) fn open(
        source: Borrowed<'_>,
        target: Borrowed<'_>,
    ) -> Result<UnbufferedPair, Fault> {
        let again = |file, access| reopen(file, access, FILE_NO_INTERMEDIATE_BUFFERING);
        Ok(UnbufferedPair {
            source: again(source, FILE_READ_DATA).map_err(at(Side::Source))?,
            target: again(target, FILE_WRITE_DATA).map_err(at(Side::Target))?,
            alignment: alignment(source).max(alignment(target)),
        })
    }

    /// Moves whole sectors through the second pair and the rest through the ordinary target, so that the file is never
    /// longer than its content.
    pub(super) fn part(
        &mut self,
        ordinary_target: Borrowed<'_>,
        buffer: &mut [u8],
        range: Range<u64>,
    ) -> Result<Part, Fault> {
        if !range.start.is_multiple_of(self.alignment) || self.alignment > buffer.len() as u64 {
            return Err(Fault { code: INVALID_PARAMETER, side: Side::Either });
        }
        let wanted = length_of(&range).min(buffer.len());
        // Whole sectors are asked for; the answer at the end of the file is short.
        let asked = (wanted as u64).next_multiple_of(self.alignment) as usize;
        let asked = asked.min(buffer.len());
        let count = read_at(self.source.lend(), &mut buffer[..asked], range.start)
            .map_err(at(Side::Source))?
            .min(wanted);
        let whole = count - count % self.alignment as usize;
        let to_target = at(Side::Target);
        write_all_at(self.target.lend(), &buffer[..whole], range.start).map_err(&to_target)?;
        write_all_at(ordinary_target, &buffer[whole..count], range.start + whole as u64)
            .map_err(&to_target)?;
        Ok(Part { advanced: count as u64, ..Part::default() })
    }
}

/// What offsets, lengths and memory must be multiples of ("File Buffering"); a page where the system does not say.
fn alignment(file: Borrowed<'_>) -> u64 {
    const UNKNOWN: u64 = 4 << 10;
    let info = information::<FILE_STORAGE_INFO>(file, FileStorageInfo);
    info.map_or(UNKNOWN, |info| {
        u64::from(info.PhysicalBytesPerSectorForPerformance.max(info.LogicalBytesPerSector))
            .clamp(512, 64 << 10)
            .next_power_of_two()
    })
}
