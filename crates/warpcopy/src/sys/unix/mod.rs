//! What the Unixes share, through calls that POSIX has. A platform takes from here what it does not do better.
//!
//! | file | what it gives |
//! |---|---|
//! | `names` | open, create, link, rename, remove |
//! | `facts` | stat, translated |
//! | `listing` | the entries of a directory, all at once |
//! | `attributes` | owner, mode, times |
//! | `xattrs` | extended attributes, where there are such |
//! | `bytes` | reading and writing at a position, and where there is data |
//! | `ends` | an open source and target, read and written |
//! | `streams` | FIFOs and devices |
//! | `process` | limits, umask, who it acts as |
//! | `rules` | codes by name |

#![cfg_attr(
    any(target_os = "macos", all(target_os = "linux", not(warpcopy_portable))),
    allow(dead_code, unused_imports, reason = "`portable` takes all of it")
)]

mod attributes;
mod bytes;
mod ends;
mod facts;
mod listing;
mod names;
mod process;
#[cfg(not(target_os = "macos"))]
mod rules;
mod streams;
#[cfg(any(target_os = "macos", target_os = "linux"))]
pub(super) mod xattrs;

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::{Answer, Lend};
use crate::plan::Code;

pub(crate) use attributes::*;
pub(in crate::sys) use bytes::*;
pub(crate) use ends::*;
pub(crate) use facts::*;
pub(crate) use listing::*;
pub(crate) use names::*;
pub(crate) use process::*;
#[cfg(not(target_os = "macos"))]
pub(crate) use rules::*;
pub(crate) use streams::*;

/// An open file or directory.
pub(crate) type Handle = std::os::fd::OwnedFd;
/// A handle that somebody else owns.
pub(crate) type Borrowed<'a> = std::os::fd::BorrowedFd<'a>;

impl Lend for Handle {
    fn lend(&self) -> Borrowed<'_> {
        self.as_fd()
    }
}

pub(super) const fn code(errno: Errno) -> Code {
    Code(errno.raw_os_error())
}

/// Repeats a call that a signal interrupted before it did anything.
pub(super) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> Answer<T> {
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
