//! An open source and target: fcopyfile(3), reading and writing around the cache, and what every Unix does.

use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::AsRawFd;

use rustix::fs::{SeekFrom, seek};
use rustix::io::pread;

use super::ffi;
use super::names::answer;
use super::steps;
use crate::plan::{Data, Facts, Fault, FileSystem, Looks, Method, Mover, Part, Side};
use crate::sys::unix::{self, Borrowed, fault, write_all_at};
use crate::sys::{Buffer, Progress, length_of};

/// Both ends of one regular file's copy.
pub(crate) struct Ends<'a> {
    plain: unix::Ends<'a>,
    /// What the target looked like right after it was cloned: never, a clone makes its own.
    pub(crate) cloned: Option<Looks>,
    /// The source may have holes.
    is_sparse: bool,
    /// Both ends were told to leave the cache alone.
    is_uncached: bool,
    /// Zeros left out one after the other.
    zeros: Range<u64>,
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
        let plain = unix::Ends::new(source, target, facts, source_fs, target_fs, buffers);
        let is_sparse = facts.is_sparse();
        Ends { plain, cloned: None, is_sparse, is_uncached: false, zeros: 0..0 }
    }

    /// `F_NOCACHE` belongs to the open file. Where it is declined (EBADF, ENOTTY, ENOTSUP) bytes go through the cache.
    fn leave_cache_alone(&mut self) {
        if !std::mem::replace(&mut self.is_uncached, true) {
            for end in [self.plain.source, self.plain.target] {
                let _ = rustix::fs::fcntl_nocache(end, true);
            }
        }
    }

    fn uncached(&mut self, range: Range<u64>) -> Result<Part, Fault> {
        self.leave_cache_alone();
        let buffer = self.plain.buffer.bytes();
        let asked = length_of(&range).min(buffer.len());
        let count = pread(self.plain.source, &mut buffer[..asked], range.start)
            .map_err(|errno| fault(errno, Side::Source))?;
        let (whole, tail) = buffer[..count].split_at(steps::cut_for_pages(range.start, count));
        let tail_at = range.start + whole.len() as u64;
        write_all_at(self.plain.target, whole, range.start)
            .and_then(|()| write_all_at(self.plain.target, tail, tail_at))
            .map_err(|errno| fault(errno, Side::Target))?;
        // Not `was_short`: the end is confirmed by a plain read.
        Ok(Part { advanced: count as u64, ..Part::default() })
    }

    /// Follows the zeros that are left out, and punches them when something comes after them.
    fn note(&mut self, part: Part, start: u64) {
        let end = start + part.advanced;
        let is_all_zero = part.advanced > 0 && part.skipped == part.advanced;
        if is_all_zero && self.zeros.end == start {
            self.zeros.end = end;
            return;
        }
        if let Some(hole) = steps::punchable(&self.zeros) {
            punch(self.plain.target, &hole);
        }
        self.zeros = if is_all_zero { start..end } else { end..end };
    }

    /// fcopyfile(3) copies from where both ends stand, and cuts the target where it stops.
    fn copy_file(&mut self, progress: Progress<'_>) -> Result<u64, Fault> {
        for (end, side) in [(self.plain.source, Side::Source), (self.plain.target, Side::Target)] {
            seek(end, SeekFrom::Start(0)).map_err(|errno| fault(errno, side))?;
        }
        fcopyfile(self.plain.source, self.plain.target, progress)
            .map_err(|code| Fault { code, side: Side::Either })?;
        let facts = unix::facts(self.plain.target);
        facts.map(|facts| facts.len_bytes).map_err(|code| Fault { code, side: Side::Target })
    }
}

impl Mover for Ends<'_> {
    fn whole(&mut self, method: Method, progress: Progress<'_>) -> Result<u64, Fault> {
        match method {
            // It fills holes.
            Method::CopyFile if !self.is_sparse => self.copy_file(progress),
            _ => Err(Fault { code: super::NOT_SUPPORTED, side: Side::Either }),
        }
    }

    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault> {
        let start = range.start;
        match method {
            Method::Uncached => self.uncached(range),
            method => {
                let part = self.plain.part(method, range)?;
                self.note(part, start);
                Ok(part)
            }
        }
    }

    fn leave_zeros_out(&mut self, is_wanted: bool) {
        self.plain.leave_zeros_out(is_wanted);
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        self.plain.next_data(from)
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        self.plain.source_len()
    }

    fn set_len(&mut self, len_bytes: u64) -> Result<(), Fault> {
        self.plain.set_len(len_bytes)
    }

    /// Advice, as Apple's own copyfile(3) takes it: a full disk is for the writes to find.
    fn preallocate(&mut self, range: Range<u64>) -> Result<(), Fault> {
        // What is reserved begins where the file's blocks end, so behind a hole there is nothing to ask for.
        if range.start > 0 {
            return Ok(());
        }
        let mut wanted = libc::fstore_t {
            fst_flags: 0,
            fst_posmode: libc::F_PEOFPOSMODE,
            fst_offset: 0,
            fst_length: libc::off_t::try_from(range.end).unwrap_or(libc::off_t::MAX),
            fst_bytesalloc: 0,
        };
        let target = self.plain.target.as_raw_fd();
        // SAFETY: the structure is the one that this command takes, and lives through the call.
        let _ = unsafe { libc::fcntl(target, libc::F_PREALLOCATE, &raw mut wanted) };
        Ok(())
    }
}

/// Best effort: a hole that is not punched costs space only.
fn punch(target: Borrowed<'_>, hole: &Range<u64>) {
    let mut wanted = libc::fpunchhole_t {
        fp_flags: 0,
        reserved: 0,
        fp_offset: hole.start.cast_signed(),
        fp_length: (hole.end - hole.start).cast_signed(),
    };
    // SAFETY: the structure is the one that this command takes, and lives through the call.
    let _ = unsafe { libc::fcntl(target.as_raw_fd(), libc::F_PUNCHHOLE, &raw mut wanted) };
}

/// Who hears how far fcopyfile(3) came.
struct Hearer<'a> {
    progress: Progress<'a>,
    told: u64,
}

/// Copies the data of one open file into another.
fn fcopyfile(
    source: Borrowed<'_>,
    target: Borrowed<'_>,
    progress: Progress<'_>,
) -> crate::sys::Answer<()> {
    let mut hearer = Hearer { progress, told: 0 };
    // SAFETY: what is allocated here is given back below.
    let state = unsafe { libc::copyfile_state_alloc() };
    if state.is_null() {
        return Err(super::errno::NOMEM);
    }
    let callback = tell as *const c_void;
    // SAFETY: the state lives; the callback has the type that copyfile(3) wants, and the hearer outlives the copy.
    unsafe {
        libc::copyfile_state_set(state, libc::COPYFILE_STATE_STATUS_CB as u32, callback);
        let hearer = (&raw mut hearer).cast::<c_void>();
        libc::copyfile_state_set(state, libc::COPYFILE_STATE_STATUS_CTX as u32, hearer);
    }
    // SAFETY: both files are open, and the state lives.
    let result = answer(unsafe {
        libc::fcopyfile(source.as_raw_fd(), target.as_raw_fd(), state, ffi::COPYFILE_DATA)
    });
    // SAFETY: it is not used again.
    let _ = unsafe { libc::copyfile_state_free(state) };
    result
}

/// Called by copyfile(3) after every write.
extern "C" fn tell(
    what: libc::c_int,
    stage: libc::c_int,
    state: libc::copyfile_state_t,
    _source: *const libc::c_char,
    _target: *const libc::c_char,
    hearer: *mut c_void,
) -> libc::c_int {
    if what != libc::COPYFILE_COPY_DATA || stage != libc::COPYFILE_PROGRESS {
        return libc::COPYFILE_CONTINUE;
    }
    let mut copied: libc::off_t = 0;
    // SAFETY: copyfile(3) hands out its living state, and there is room for the number; the hearer is the one that was
    // given above, which nobody else uses meanwhile.
    let hearer = unsafe {
        let room = (&raw mut copied).cast::<c_void>();
        libc::copyfile_state_get(state, libc::COPYFILE_STATE_COPIED as u32, room);
        &mut *hearer.cast::<Hearer<'_>>()
    };
    let copied = u64::try_from(copied).unwrap_or(0);
    let more = copied.saturating_sub(hearer.told);
    hearer.told = copied.max(hearer.told);
    match (hearer.progress)(more) {
        true => libc::COPYFILE_CONTINUE,
        false => libc::COPYFILE_QUIT,
    }
}
