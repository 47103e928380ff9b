//! An open source and an open target, as the loop that fills files sees them.

use std::ops::Range;

use rustix::fs::{
    Advice, FallocateFlags, SeekFrom, copy_file_range, fadvise, fallocate, fstat, ftruncate, seek,
    sendfile,
};
use rustix::io::Errno;

use super::direct::{self, DirectPair};
use super::pipe::{Pipe, PipeSlot};
use super::placing::Placer;
use super::{Borrowed, Next, facts, fault, find_data, read_at, retry, split, write_all_at};
use crate::plan::{Data, Facts, Fault, FileSystem, Looks, Method, Mover, Part, Side};
use crate::sys::{Buffer, Progress, length_of, zeros};

/// What is written at once through the page cache, read and written or through a pipe. Each write makes folios of its length,
/// and the longer they are, the less memory there is for them that is at hand: a virtual machine gives free memory to its host
/// in blocks of 2 MiB (free page reporting), and touching that again costs several times the copy.
///
/// Over `cp`'s time, on a machine that had worked for two hours, in three runs: 1 GiB on ext4 by 64 KiB 0.80 and 1.03, by 128
/// KiB 0.78 and 0.72, by 256 KiB 0.70, 0.78 (four rounds of eleven twice as long) and 2.2, by 1 MiB 5.0. 100 files of 10 MiB
/// by 128 and 256 KiB 0.44 and 1.4 on ext4, 0.44 and 1.6 from there to XFS. Where memory is at hand longer writes gain
/// little: 1 GiB from tmpfs to ext4 0.46 and 0.44 (`w1` and `w2` of the bench, medians of 9 to 11 rounds, Linux 6.18).
pub(super) const STEP_BYTES: u64 = 128 << 10;

/// A worker's buffer, page-aligned: 512 MiB took 0.46 s in one that begins 16 bytes behind a page's start, and 0.20 s so
/// (`bench rules`). All of it is for direct I/O.
pub(crate) const BUFFER_BYTES: usize = 256 << 10;

/// What one thread is started for at least: some tens of microseconds against milliseconds.
const SLICE_BYTES_MIN: u64 = 2 << 20;

/// From this length in bytes on, the kernel is told that all of a source will be read, from start to end: it reads twice as far
/// ahead. That matters where it does not read far by itself, as behind FUSE: 400 MiB from there (bindfs) took 0.85 of
/// `cp`'s time with this hint and 1.16 without onto tmpfs, 0.99 and 1.32 onto ext4 (medians of 11 interleaved rounds, Linux
/// 6.18; `cp` gives the hint, too).
const READ_AHEAD_FROM_BYTES: u64 = 1 << 20;

/// Both ends of one regular file's copy.
pub(crate) struct Ends<'a> {
    pub(crate) source: Borrowed<'a>,
    pub(crate) target: Borrowed<'a>,
    pub(crate) facts: &'a Facts,
    pub(crate) source_fs: FileSystem,
    pub(crate) target_fs: FileSystem,
    pub(crate) makes_holes: bool,
    /// One for each thread that may move bytes of this file.
    pub(crate) buffers: &'a mut [Buffer],
    direct: Option<DirectPair>,
    /// Made when first wanted; the inner `None` means that there is none to be had.
    placer: Option<Option<Placer>>,
    /// What ended the call before, which had moved something.
    unsaid: Option<Fault>,
    /// What the target looked like right after it was cloned.
    pub(crate) cloned: Option<Looks>,
    /// The source has no positions; it is read as it comes.
    reads_in_order: bool,
}

impl<'a> Ends<'a> {
    pub(crate) fn new(
        source: Borrowed<'a>,
        target: Borrowed<'a>,
        facts: &'a Facts,
        source_fs: FileSystem,
        target_fs: FileSystem,
        buffers: &'a mut [Buffer],
    ) -> Ends<'a> {
        Ends {
            source,
            target,
            facts,
            source_fs,
            target_fs,
            makes_holes: false,
            buffers,
            direct: None,
            placer: None,
            unsaid: None,
            cloned: None,
            reads_in_order: false,
        }
    }

    /// Whether a range is worth the threads, and can be moved in any order.
    fn is_splittable(&self, range: &Range<u64>) -> bool {
        let slices = self.buffers.len() as u64;
        slices > 1
            && range.end - range.start >= slices * SLICE_BYTES_MIN
            && !self.makes_holes
            && !self.reads_in_order
    }

    fn copy_range(&mut self, range: Range<u64>) -> Result<Part, Fault> {
        let (mut from, mut to) = (range.start, range.start);
        let length = length_of(&range);
        moved_inside(
            copy_file_range(self.source, Some(&mut from), self.target, Some(&mut to), length),
            length,
        )
    }

    fn send(&mut self, range: Range<u64>) -> Result<Part, Fault> {
        if let Some(fault) = self.unsaid.take() {
            return Err(fault);
        }
        if let Some(pipe) = self.buffers[0].pipe.take(range.end - range.start) {
            return self.send_through(pipe, range);
        }
        // sendfile(2) writes at the target's own position.
        seek(self.target, SeekFrom::Start(range.start))
            .map_err(|errno| fault(errno, Side::Target))?;
        let mut from = range.start;
        let length = length_of(&range);
        moved_inside(sendfile(self.target, self.source, Some(&mut from), length), length)
    }

    /// What was moved before an error is said first, and the error in the next call.
    ///
    /// A pipe holds pages of the source, not copies of them. If the source is cut meanwhile, what is behind the cut may have
    /// arrived as zeros, so only what is before it counts.
    fn send_through(&mut self, pipe: Pipe, range: Range<u64>) -> Result<Part, Fault> {
        let (moved, answer) = pipe.carry(self.source, self.target, range.clone());
        let reached = moved.min(self.source_len()?.max(range.start));
        match answer.map_err(|errno| fault(errno, Side::Either)) {
            Err(fault) if reached == range.start => return Err(fault),
            Err(fault) => self.unsaid = Some(fault),
            Ok(()) => self.buffers[0].pipe = PipeSlot::Pipe(pipe),
        }
        Ok(Part { advanced: reached - range.start, ..Part::default() })
    }

    fn read_write(&mut self, range: Range<u64>) -> Result<Part, Fault> {
        let buffer = self.buffers[0].bytes();
        let asked = length_of(&range).min(STEP_BYTES as usize);
        let buffer = &mut buffer[..asked];
        let count = read_at(self.source, buffer, range.start, &mut self.reads_in_order)
            .map_err(|errno| fault(errno, Side::Source))?;
        let data = &buffer[..count];
        let skipped = if self.makes_holes {
            let write = |data: &[u8], offset| write_all_at(self.target, data, offset);
            let left_out = |hole| punch(self.target, self.target_fs, hole);
            zeros::write_around(data, range.start, write, left_out)
        } else {
            write_all_at(self.target, data, range.start).map(|()| zeros::LeftOut::default())
        };
        let skipped = skipped.map_err(|errno| fault(errno, Side::Target))?;
        Ok(Part {
            advanced: count as u64,
            skipped: skipped.bytes,
            ends_in_hole: skipped.is_at_end,
            was_short: count < asked,
            ..Part::default()
        })
    }
}

impl Mover for Ends<'_> {
    fn whole(&mut self, _method: Method, _progress: Progress<'_>) -> Result<u64, Fault> {
        rustix::fs::ioctl_ficlone(self.target, self.source)
            .map_err(|errno| fault(errno, Side::Either))?;
        // openzfs/zfs#15728: the call may report success and have cloned only a part.
        let facts = facts(self.target).map_err(|code| Fault { code, side: Side::Target })?;
        self.cloned = Some(facts.looks());
        Ok(facts.len_bytes)
    }

    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault> {
        if range.start == 0 && self.facts.len_bytes >= READ_AHEAD_FROM_BYTES {
            // A hint; a source that does not take it is read all the same. Without a length, for OpenZFS 2.2.2 reads what is
            // named at once and waits for it (as GNU cp found).
            let _ = fadvise(self.source, 0, None, Advice::Sequential);
        }
        match method {
            Method::CopyRange => self.copy_range(range),
            Method::Sendfile => self.send(range),
            Method::Uncached => {
                direct::uncached(self.source, self.target, self.buffers[0].bytes(), range)
            }
            Method::Direct => {
                let pair = match &mut self.direct {
                    Some(pair) => pair,
                    none => none.insert(DirectPair::open(self.source, self.target)?),
                };
                pair.part(self.target, self.buffers[0].bytes(), range)
            }
            Method::Clone | Method::CopyFile | Method::ReadWrite => {
                let by_several = self.is_splittable(&range) && self.may_write_beside(range.end);
                if !by_several {
                    return self.read_write(range);
                }
                let placer = self.placer.as_ref().and_then(Option::as_ref);
                split::read_write(self.source, self.target, range, self.buffers, placer)
            }
        }
    }

    fn leave_zeros_out(&mut self, is_wanted: bool) {
        self.makes_holes = is_wanted;
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        match find_data(self.source, from).map_err(|errno| fault(errno, Side::Source))? {
            Next::Data(range) => Ok(Data::Range(range)),
            Next::Nothing => self.no_more_data(from),
            // All of it may be data.
            Next::NotTold => Ok(Data::Range(from..self.facts.len_bytes.max(from))),
        }
    }

    fn skip(&mut self, hole: Range<u64>) {
        punch(self.target, self.target_fs, hole);
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        retry(|| fstat(self.source))
            .map(|stat| stat.st_size as u64)
            .map_err(|code| Fault { code, side: Side::Source })
    }

    fn set_len(&mut self, len_bytes: u64) -> Result<(), Fault> {
        // Cutting even an empty file to nothing makes ext4 write all that follows out when the file is closed
        // (auto_da_alloc, ext4(5)): a big file refused by copy_file_range took 1.5 of `cp`'s time.
        if len_bytes == 0 && self.is_target_empty()? {
            return Ok(());
        }
        retry(|| ftruncate(self.target, len_bytes))
            .map_err(|code| Fault { code, side: Side::Target })
    }

    fn preallocate(&mut self, range: Range<u64>) -> Result<(), Fault> {
        let len_bytes = range.end - range.start;
        match fallocate(self.target, FallocateFlags::KEEP_SIZE, range.start, len_bytes) {
            // An optimisation that is not to be had: fallocate(2).
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::NODEV | Errno::INTR) => {
                Ok(())
            }
            answer => answer.map_err(|errno| fault(errno, Side::Target)),
        }
    }
}

impl Ends<'_> {
    fn is_target_empty(&self) -> Result<bool, Fault> {
        let target = facts(self.target).map_err(|code| Fault { code, side: Side::Target })?;
        Ok(target.len_bytes == 0 && target.allocated_bytes == 0)
    }

    /// Whether threads do better than one up to `end`. On tmpfs and Btrfs that is by placing pages: two threads that only write
    /// gain 5 % there (within tmpfs more) for 1.7 times the processor time.
    ///
    /// Makes room for those. The last page of the source as it was found is left out: it is written, and so gives the file its
    /// length; and a copy that is killed before does not have it.
    fn may_write_beside(&mut self, end: u64) -> bool {
        if !matches!(self.target_fs, FileSystem::Tmpfs | FileSystem::Btrfs) {
            return true;
        }
        let end = end.min(self.facts.len_bytes.saturating_sub(1));
        let placer = match self.placer.take() {
            None => Placer::new(self.target, self.target_fs, self.source_fs),
            kept => kept.flatten(),
        };
        let placer = placer.and_then(|placer| placer.reaching(end));
        self.placer.insert(placer).is_some()
    }

    fn no_more_data(&mut self, from: u64) -> Result<Data, Fault> {
        let len = self.source_len()?;
        // "Nothing but a hole" about a file that occupies blocks, or from a file system whose word has been
        // wrong before, lost data in openzfs/zfs#8816, #11900 and #15526. Reading is always true.
        let is_doubtful =
            from == 0 && (self.facts.allocated_bytes > 0 || !self.source_fs.is_trusted());
        if !is_doubtful || len <= from {
            return Ok(Data::HoleUntil(len.max(from)));
        }
        self.makes_holes = true;
        Ok(Data::Doubtful(from..len))
    }
}

/// What an in-kernel method says it moved; more than it was asked for is no answer to go on with.
fn moved_inside(answer: Result<usize, Errno>, asked: usize) -> Result<Part, Fault> {
    match answer {
        Ok(moved) if moved <= asked => Ok(Part { advanced: moved as u64, ..Part::default() }),
        Ok(_) => Err(fault(Errno::IO, Side::Either)),
        Err(errno) => Err(fault(errno, Side::Either)),
    }
}

/// XFS reserves room behind a file that is being extended; a hole that begins there must give it back, or it is
/// filled (as GNU cp found). Where it is not below, there is nothing to give back.
fn punch(target: Borrowed<'_>, target_fs: FileSystem, hole: Range<u64>) {
    let may_be_xfs = matches!(target_fs, FileSystem::Xfs | FileSystem::Overlay | FileSystem::Other);
    if hole.start > 0 && may_be_xfs {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Best effort: a hole that is not punched costs space only.
        let _ = fallocate(target, flags, hole.start, hole.end - hole.start);
    }
}
