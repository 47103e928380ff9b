//! FIFOs and devices: what has no positions.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::ftruncate;
use rustix::io::{Errno, read, write};

use super::{Answer, Borrowed, code, retry};
use crate::sys::Ready;

/// Cuts or extends an open file.
pub(crate) fn set_len(file: Borrowed<'_>, len_bytes: u64) -> Answer<()> {
    retry(|| ftruncate(file, len_bytes))
}

/// Waits a moment for a stream; `false` if it is not ready yet. A FIFO without a writer is not, until one has come.
pub(crate) fn wait_a_moment(stream: Borrowed<'_>, ready: Ready) -> Answer<bool> {
    const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let events = match ready {
        Ready::ToRead => PollFlags::IN,
        Ready::ToWrite => PollFlags::OUT,
    };
    match poll(&mut [PollFd::from_borrowed_fd(stream, events)], Some(&MOMENT)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(code(errno)),
    }
}

/// Reads from where a stream stands; zero is its end.
pub(crate) fn read_some(stream: Borrowed<'_>, buffer: &mut [u8]) -> Answer<usize> {
    read(stream, buffer).map_err(code)
}

/// Writes where a stream stands; returns how much it took.
pub(crate) fn write_some(stream: Borrowed<'_>, data: &[u8]) -> Answer<usize> {
    match write(stream, data) {
        Ok(0) => Err(code(Errno::IO)),
        answer => answer.map_err(code),
    }
}
