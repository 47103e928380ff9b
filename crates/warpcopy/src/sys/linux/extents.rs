//! Where two files of one file system lie on disk, to know whether they share all of it.

use rustix::ioctl::{Getter, Opcode, Updater, ioctl, opcode};

use super::Borrowed;
use super::at_hand::is_on_disk;
use crate::plan::FileSystem;

/// Whether two files of one file system share all their blocks, and hold the same bytes for that reason: clones that nobody
/// wrote to. `false` if that cannot be said without writing anything out.
///
/// Extents do not show what is still to be written, and so they are not asked about holes. But two files that lie at one
/// place, with nothing left to write, are the same.
pub(crate) fn share_all_blocks(
    one: Borrowed<'_>,
    other: Borrowed<'_>,
    file_system: FileSystem,
) -> bool {
    let is_told = match file_system {
        FileSystem::Btrfs => true,
        // Places on a device for real-time files are counted from its own start.
        FileSystem::Xfs => !is_real_time(one) && !is_real_time(other),
        _ => false,
    };
    is_told && is_on_disk(one) && is_on_disk(other) && have_same_extents(one, other)
}

fn have_same_extents(one: Borrowed<'_>, other: Borrowed<'_>) -> bool {
    let mut start = 0;
    loop {
        let (Some(mine), Some(theirs)) = (extents(one, start), extents(other, start)) else {
            return false;
        };
        let (mine, theirs) = (mine.mapped(), theirs.mapped());
        let Some(last) = mine.last() else { return false };
        if mine != theirs || !mine.iter().all(Extent::is_at_its_place) {
            return false;
        }
        if last.flags & LAST != 0 {
            return true;
        }
        let end = last.logical.saturating_add(last.length);
        if end <= start {
            return false;
        }
        start = end;
    }
}

const EXTENTS: usize = 32;

/// `struct fiemap`, linux/fiemap.h.
#[repr(C)]
struct Map {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    room: u32,
    reserved: u32,
    extents: [Extent; EXTENTS],
}

impl Map {
    fn mapped(&self) -> &[Extent] {
        &self.extents[..(self.mapped as usize).min(EXTENTS)]
    }
}

/// `struct fiemap_extent`, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved: [u64; 2],
    flags: u32,
    reserved_too: [u32; 3],
}

const LAST: u32 = 0x1;
const UNWRITTEN: u32 = 0x800;
const MERGED: u32 = 0x1000;
const SHARED: u32 = 0x2000;
/// Waits until all is where it is said to be: Btrfs notes the place of what was written after the pages are clean.
const SYNC: u32 = 0x1;

impl Extent {
    /// Not waiting to be written, compressed, encrypted or kept beside the file's attributes.
    fn is_at_its_place(&self) -> bool {
        self.physical != 0 && self.flags & !(LAST | UNWRITTEN | MERGED | SHARED) == 0
    }
}

/// `FS_IOC_FIEMAP`: what the kernel takes and gives is as long as the structure without extents.
const FIEMAP: Opcode = opcode::read_write::<[u64; 4]>(b'f', 11);

fn extents(file: Borrowed<'_>, start: u64) -> Option<Map> {
    let mut map = Map {
        start,
        length: u64::MAX - start,
        flags: SYNC,
        mapped: 0,
        room: EXTENTS as u32,
        reserved: 0,
        extents: [Extent::default(); EXTENTS],
    };
    // SAFETY: the structure is the one that the kernel expects for this number, with room for as many extents as it says.
    unsafe { ioctl(file, Updater::<FIEMAP, Map>::new(&mut map)) }.ok()?;
    Some(map)
}

/// `struct fsxattr`, linux/fs.h; its flags come first.
type Attributes = [u32; 7];
const GET_ATTRIBUTES: Opcode = opcode::read::<Attributes>(b'X', 31);
const REAL_TIME: u32 = 0x1;

/// Whether a file of XFS lies on its device for real-time files, or may.
fn is_real_time(file: Borrowed<'_>) -> bool {
    // SAFETY: the structure is as long as the kernel expects for this number.
    let answer = unsafe { ioctl(file, Getter::<GET_ATTRIBUTES, Attributes>::new()) };
    !answer.is_ok_and(|attributes| attributes[0] & REAL_TIME == 0)
}

const _: () = assert!(size_of::<Map>() == 32 + EXTENTS * 56 && size_of::<Attributes>() == 28);
