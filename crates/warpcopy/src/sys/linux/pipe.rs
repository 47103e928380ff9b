//! A pipe through which the kernel moves bytes from file to file.
//!
//! `sendfile(2)` from file to file goes through a pipe of the kernel's own, of 64 KiB, and so writes that much at once. Through
//! one of 1 MiB, 512 MiB took 0.64 of `cp`'s time instead of 0.83 from ext4 to XFS and 0.65 instead of 0.70 from tmpfs to
//! ext4; onto Btrfs and tmpfs there was no sure difference (one thread, 7 interleaved rounds, Linux 6.18). A worker keeps its
//! pipe from file to file: made anew for each, it pays from 1 MiB on only, kept from 128 KiB, and at 64 KiB it costs nothing.

use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::fs::sendfile;
use rustix::io::{Errno, Result};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::Borrowed;

/// What a pipe holds: the most that everybody may ask for (`/proc/sys/fs/pipe-max-size`, pipe(7)).
const PIPE_BYTES: u64 = 1 << 20;

/// What is moved at once of ranges shorter than `LONG_BYTES`. More makes folios of memory that a virtual machine may have
/// given back to its host, and touching that again costs more than long ranges gain: a sparse file of 64 pieces of 1 MiB
/// from ext4 to XFS took 0.034 s so and 0.17 s by 1 MiB (0.03 s in every second round, 0.3 s in the others), 100 files of
/// 10 MiB on ext4 0.37 and 0.48 of `cp`'s time, but 1 GiB 0.75 and 0.60 (medians of 6 or 7 rounds, each interleaved with
/// `cp`, Linux 6.18).
const SHORT_STEP_BYTES: u64 = 256 << 10;

/// No more than the loop that fills files asks for at once (`CHUNK_BYTES_MAX`), or no range would ever be long.
const LONG_BYTES: u64 = 16 << 20;

pub(crate) struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
}

/// A worker's pipe, from file to file.
#[derive(Default)]
pub(crate) enum PipeSlot {
    /// Nothing went this way yet.
    #[default]
    Untried,
    /// To be made for the next range.
    Wanted,
    Pipe(Pipe),
    /// There is none to be had.
    Refused,
}

impl PipeSlot {
    /// Takes the pipe for a range of this length, made if there is none. The first range goes without unless it is as
    /// long as a pipe: a copy of one file would not earn what making it costs.
    pub(super) fn take(&mut self, len_bytes: u64) -> Option<Pipe> {
        let pipe = match std::mem::replace(self, PipeSlot::Wanted) {
            PipeSlot::Pipe(pipe) => Some(pipe),
            PipeSlot::Untried if len_bytes < PIPE_BYTES => return None,
            PipeSlot::Untried | PipeSlot::Wanted => Pipe::new(),
            PipeSlot::Refused => None,
        };
        if pipe.is_none() {
            *self = PipeSlot::Refused;
        }
        pipe
    }

    /// Closes the pipe; returns whether there was one.
    pub(crate) fn put_away(&mut self) -> bool {
        matches!(std::mem::take(self), PipeSlot::Pipe(_))
    }
}

impl Pipe {
    /// `None` where there is none of that size to be had: too many open files, or the user's share of pipes is used up.
    pub(super) fn new() -> Option<Pipe> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC).ok()?;
        fcntl_setpipe_size(&into, PIPE_BYTES as usize).ok()?;
        Some(Pipe { out, into })
    }

    /// Moves a range to the same place in another file; returns how far it came, and what stopped it if that was no end.
    /// After an error, bytes may be left in the pipe: it is not to be used again.
    pub(super) fn carry(
        &self,
        source: Borrowed<'_>,
        target: Borrowed<'_>,
        range: Range<u64>,
    ) -> (u64, Result<()>) {
        let is_long = range.end - range.start >= LONG_BYTES;
        let step = if is_long { PIPE_BYTES } else { SHORT_STEP_BYTES };
        let mut at = range.start;
        while at < range.end {
            let (wanted, mut from) = (step.min(range.end - at), at);
            match sendfile(&self.into, source, Some(&mut from), wanted as usize) {
                Ok(0) => break,
                Ok(count) if count as u64 > wanted => return (at, Err(Errno::IO)),
                Ok(count) => {
                    let (reached, answer) = self.drain(target, at, count);
                    at = reached;
                    if answer.is_err() {
                        return (at, answer);
                    }
                }
                Err(errno) => return (at, Err(errno)),
            }
        }
        (at, Ok(()))
    }

    /// Writes what is in the pipe. It never waits: if there is less than was said, that is an error.
    fn drain(&self, target: Borrowed<'_>, mut at: u64, mut count: usize) -> (u64, Result<()>) {
        while count > 0 {
            match splice(&self.out, None, target, Some(&mut at), count, SpliceFlags::NONBLOCK) {
                Ok(0) | Err(Errno::AGAIN) => return (at, Err(Errno::IO)),
                Ok(moved) => count = count.saturating_sub(moved),
                Err(Errno::INTR) => {}
                Err(errno) => return (at, Err(errno)),
            }
        }
        (at, Ok(()))
    }
}
