//! The calls of a clone.

use std::ops::Range;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard};

use windows_sys::Win32::Storage::FileSystem::GetVolumeInformationByHandleW;
use windows_sys::Win32::System::Ioctl::{
    FSCTL_DUPLICATE_EXTENTS_TO_FILE, FSCTL_GET_INTEGRITY_INFORMATION,
    FSCTL_SET_INTEGRITY_INFORMATION, FSCTL_SET_SPARSE,
};

use super::clone::{Cloning, Integrity, Volume};
use super::ends::{read_at, set_len, write_all_at};
use super::links::control;
use super::{Borrowed, at, done, raw};
use crate::plan::{Fault, Identity, Side};
use crate::sys::Answer;

/// winnt.h, `FILE_SUPPORTS_BLOCK_REFCOUNTING`.
const SHARES_BLOCKS: u32 = 0x0800_0000;

/// Both ends of a clone.
pub(super) struct Blocks<'a> {
    pub(super) source: Borrowed<'a>,
    pub(super) target: Borrowed<'a>,
    /// Room to read into.
    pub(super) buffer: &'a mut [u8],
}

impl Cloning for Blocks<'_> {
    fn volumes(&mut self) -> Answer<(Volume, Volume)> {
        Ok((volume(self.source)?, volume(self.target)?))
    }

    fn integrity(&mut self) -> Answer<Integrity> {
        // FSCTL_GET_INTEGRITY_INFORMATION_BUFFER: checksum, reserved, flags, checksum's chunk, cluster.
        let mut info = [0; 16];
        control(self.source, FSCTL_GET_INTEGRITY_INFORMATION, &[], &mut info)?;
        let number = |at: usize| u32::from_le_bytes(info[at..at + 4].try_into().expect("four"));
        Ok(Integrity {
            checksum: u16::from_le_bytes([info[0], info[1]]),
            flags: number(4),
            cluster_bytes: u64::from(number(12)),
        })
    }

    fn set_integrity(&mut self, like: Integrity) -> Answer<()> {
        let checksum = u32::from(like.checksum).to_le_bytes();
        let info = [checksum, like.flags.to_le_bytes()].concat();
        control(self.target, FSCTL_SET_INTEGRITY_INFORMATION, &info, &mut []).map(drop)
    }

    fn set_sparse(&mut self, is_sparse: bool) -> Answer<()> {
        control(self.target, FSCTL_SET_SPARSE, &[u8::from(is_sparse)], &mut []).map(drop)
    }

    fn set_len(&mut self, len_bytes: u64) -> Answer<()> {
        set_len(self.target, len_bytes)
    }

    fn share(&mut self, range: Range<u64>) -> Answer<()> {
        // DUPLICATE_EXTENTS_DATA: handle, source's offset, target's offset, length.
        let handle = raw(self.source).expose_provenance() as u64;
        let numbers = [handle, range.start, range.start, range.end - range.start];
        let data = numbers.map(u64::to_le_bytes).concat();
        control(self.target, FSCTL_DUPLICATE_EXTENTS_TO_FILE, &data, &mut []).map(drop)
    }

    fn copy(&mut self, range: Range<u64>) -> Result<(), Fault> {
        let mut offset = range.start;
        while offset < range.end {
            let room = self.buffer.len().min((range.end - offset) as usize);
            let count =
                read_at(self.source, &mut self.buffer[..room], offset).map_err(at(Side::Source))?;
            if count == 0 {
                // It shrank; the length that is verified afterwards says so.
                return Ok(());
            }
            write_all_at(self.target, &self.buffer[..count], offset).map_err(at(Side::Target))?;
            offset += count as u64;
        }
        Ok(())
    }

    fn is_same(&mut self, range: Range<u64>) -> Result<bool, Fault> {
        let length = (range.end - range.start) as usize;
        let (one, other) = self.buffer.split_at_mut(length);
        let other = &mut other[..length];
        let there = read_at(self.source, one, range.start).map_err(at(Side::Source))?;
        let here = read_at(self.target, other, range.start).map_err(at(Side::Target))?;
        Ok(there == here && one[..there] == other[..here])
    }
}

fn volume(file: Borrowed<'_>) -> Answer<Volume> {
    let (mut serial, mut flags) = (0, 0);
    // SAFETY: the pointers are to locals; what is not wanted is not pointed to.
    done(unsafe {
        GetVolumeInformationByHandleW(
            raw(file),
            null_mut(),
            0,
            &raw mut serial,
            null_mut(),
            &raw mut flags,
            null_mut(),
            0,
        )
    })?;
    Ok(Volume { serial, shares_blocks: flags & SHARES_BLOCKS != 0 })
}

/// Lets one thread at a time clone a source: several at once have made zeros of it (nicokoch/reflink#10).
pub(super) fn alone(source: Identity) -> MutexGuard<'static, ()> {
    const COUNT: usize = 16;
    static ALONE: [Mutex<()>; COUNT] = [const { Mutex::new(()) }; COUNT];
    let lock = &ALONE[(source.inode % COUNT as u128) as usize];
    lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
