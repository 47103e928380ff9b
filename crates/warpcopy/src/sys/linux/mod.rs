//! Linux: the only code that knows system calls, their numbers, and what they mean.
//!
//! | file | what it owes the rest |
//! |---|---|
//! | `names` | open, create, link, rename, remove: everything about names in directories |
//! | `facts` | stat and statfs, translated |
//! | `listing` | the entries of a directory, in bounded batches |
//! | `attributes` | owner, mode, times, extended attributes |
//! | `ends` | an open source and target: the `Mover` |
//! | `split` | a range moved by several threads |
//! | `snapshot` | snapshots of Btrfs subvolumes |
//! | `direct` | `O_DIRECT` and `RWF_DONTCACHE` |
//! | `rules` | what each method's error codes mean |
//! | `process` | limits, umask, descriptor tables |
//!
//! Every function takes open handles and names relative to them, and answers with the raw [`Code`] on failure.
//! `EINTR` is retried here except by the calls that move bytes, where cancellation is asked first.

#![allow(unsafe_code, reason = "system calls that no crate wraps safely; one call per block")]

mod attributes;
mod direct;
mod ends;
mod facts;
mod listing;
mod names;
mod process;
mod rules;
#[cfg(test)]
mod rules_tests;
mod snapshot;
mod split;

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::{Answer, CommitError, Lend, Progress, Takes};
use crate::plan::Code;

pub(crate) use attributes::*;
pub(crate) use ends::{BUFFER_BYTES, Ends, read_some, set_len, wait_a_moment, write_some};
pub(crate) use facts::*;
pub(crate) use listing::Listing;
pub(crate) use names::*;
pub(crate) use process::*;
pub(crate) use rules::*;
#[cfg(test)]
pub(super) use rules_tests::table;
pub(crate) use snapshot::snapshot;

/// An open file or directory.
pub(crate) type Handle = std::os::fd::OwnedFd;
/// A handle that somebody else owns.
pub(crate) type Borrowed<'a> = std::os::fd::BorrowedFd<'a>;
impl Lend for Handle {
    fn lend(&self) -> Borrowed<'_> {
        self.as_fd()
    }
}

fn code(errno: Errno) -> Code {
    Code(errno.raw_os_error())
}

/// Repeats a call that a signal interrupted before it did anything.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> Answer<T> {
    /// Signals do not come that fast: something answers so whatever happens.
    const ATTEMPTS_MAX: usize = 1000;
    for _ in 1..ATTEMPTS_MAX {
        match call() {
            Err(Errno::INTR) => {}
            answer => return answer.map_err(code),
        }
    }
    call().map_err(code)
}
