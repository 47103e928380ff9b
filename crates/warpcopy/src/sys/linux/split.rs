//! One range of one file, moved by several threads. They share the descriptor table of the thread that starts them.
//!
//! Only reading and writing gains from this: a write holds the lock of the target's inode, and so does all of
//! `copy_file_range` and `sendfile`, but the reading half runs beside it. Onto tmpfs and Btrfs one thread writes, and the
//! others put pages into the file without that lock.

use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, pread, pwrite};

use super::placing::{Placer, Window};
use super::{Borrowed, STEP_BYTES, fault};
use crate::plan::{Fault, Part, Side};
use crate::sys::Buffer;

/// What a thread takes at once. In chunks of a buffer's length the threads meet at every call, for both write to the
/// same spot: 1 GiB took 0.69 of `cp`'s time from ext4 to XFS so and 0.58 in chunks of 8 MiB. Chunks of 2 MiB take as
/// long as those.
const CHUNK_BYTES: u64 = 2 << 20;

/// What is asked to be read ahead at once: a device takes little more (`max_sectors_kb`), and the kernel cuts it there.
const READ_AHEAD_BYTES: NonZeroU64 = NonZeroU64::new(1 << 20).unwrap();

/// How long chunks are taken before the caller hears of it, who may have been told to stop, or to show how far it is.
const CALL_LASTS: Duration = Duration::from_millis(200);

/// What the threads share. Chunks are handed out in order, so what is right without a gap ends where the first one
/// went wrong.
struct Shared<'a> {
    source: Borrowed<'a>,
    target: Borrowed<'a>,
    placer: Option<&'a Placer>,
    end: u64,
    /// From a chunk to the one that is read ahead meanwhile.
    ahead_bytes: u64,
    next: AtomicU64,
    since: Instant,
    /// Where the first gap begins, and why if a call failed; nothing behind it is begun any more.
    gap: Mutex<Option<(u64, Option<Fault>)>>,
}

/// Reads and writes `range` with one thread for each buffer, the calling one among them. What counts is what is right
/// from the start of the range without a gap.
pub(super) fn read_write(
    source: Borrowed<'_>,
    target: Borrowed<'_>,
    range: Range<u64>,
    buffers: &mut [Buffer],
    placer: Option<&Placer>,
) -> Result<Part, Fault> {
    let shared = Shared {
        source,
        target,
        placer,
        end: range.end,
        ahead_bytes: CHUNK_BYTES * buffers.len() as u64,
        next: AtomicU64::new(range.start),
        since: Instant::now(),
        gap: Mutex::new(None),
    };
    let (own, others) = buffers.split_first_mut().expect("there is a buffer for each thread");
    std::thread::scope(|scope| {
        for buffer in others {
            let work = || shared.work(buffer.bytes(), shared.placer);
            // Whoever cannot be had is not needed: the others take the chunks.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        shared.work(own.bytes(), None);
    });
    let taken = shared.next.into_inner().min(range.end);
    let (reached, fault) =
        match shared.gap.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            None => (taken, None),
            Some(gap) => gap,
        };
    match fault {
        Some(fault) => Err(fault),
        None => {
            // A chunk is written from its start on: only a later one can have left something behind the gap.
            let chunk_end = reached - (reached - range.start) % CHUNK_BYTES + CHUNK_BYTES;
            let left_behind = chunk_end < taken;
            Ok(Part { advanced: reached - range.start, left_behind, ..Part::default() })
        }
    }
}

impl Shared<'_> {
    /// Moves chunks, one at least, until none is left, time is up, or something went wrong before the next.
    fn work(&self, buffer: &mut [u8], placer: Option<&Placer>) {
        loop {
            let start = self.next.fetch_add(CHUNK_BYTES, Ordering::Relaxed);
            if start >= self.end || self.gap_before(start) {
                return;
            }
            let end = self.end.min(start + CHUNK_BYTES);
            self.read_ahead(start + self.ahead_bytes);
            let window = placer.and_then(|placer| placer.window(start..end));
            let (reached, fault) = self.chunk(start..end, buffer, window.as_ref());
            if reached < end {
                self.note_gap(reached, fault);
                return;
            }
            if self.since.elapsed() >= CALL_LASTS {
                return;
            }
        }
    }

    /// Has the chunk read that this thread is likely to take next: threads that share an open file look like random access to
    /// the kernel's own read-ahead. 512 MiB that were not in memory took 0.54 s so and 0.81 s without, from a device that reads
    /// 128 KiB ahead, onto tmpfs (`cp` 0.71 s); what is in memory takes as long as without (medians of 7 and 9 rounds, Linux
    /// 6.18).
    fn read_ahead(&self, start: u64) {
        let mut at = start;
        while at < self.end.min(start + CHUNK_BYTES) {
            // A hint: whoever does not take it reads all the same.
            let _ = fadvise(self.source, at, Some(READ_AHEAD_BYTES), Advice::WillNeed);
            at += READ_AHEAD_BYTES.get();
        }
    }

    /// Moves one chunk; returns how far it came, and what stopped it if that was a failure.
    fn chunk(
        &self,
        range: Range<u64>,
        buffer: &mut [u8],
        window: Option<&Window>,
    ) -> (u64, Option<Fault>) {
        let mut at = range.start;
        while at < range.end {
            let wanted = STEP_BYTES.min(range.end - at) as usize;
            match window.and_then(|window| window.read(self.source, at, wanted)) {
                None => {}
                Some(Ok(count)) => {
                    at += count as u64;
                    continue;
                }
                Some(Err(Errno::INTR)) => continue,
                Some(Err(errno)) => return (at, Some(fault(errno, Side::Source))),
            }
            let count = match pread(self.source, &mut buffer[..wanted], at) {
                Ok(0) => return (at, None),
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(errno) => return (at, Some(fault(errno, Side::Source))),
            };
            // What cannot be placed is written, and what is wrong with that is said by the write.
            let mut done = window.map_or(0, |window| window.place(&buffer[..count], at));
            while done < count {
                match pwrite(self.target, &buffer[done..count], at + done as u64) {
                    Ok(0) => return (at + done as u64, Some(fault(Errno::IO, Side::Target))),
                    Ok(written) => done += written,
                    Err(Errno::INTR) => {}
                    Err(errno) => return (at + done as u64, Some(fault(errno, Side::Target))),
                }
            }
            at += count as u64;
        }
        (at, None)
    }

    fn gap_before(&self, offset: u64) -> bool {
        let gap = self.gap.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        gap.as_ref().is_some_and(|(start, _)| *start < offset)
    }

    fn note_gap(&self, offset: u64, fault: Option<Fault>) {
        let mut gap = self.gap.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if gap.as_ref().is_none_or(|(start, _)| offset < *start) {
            *gap = Some((offset, fault));
        }
    }
}
