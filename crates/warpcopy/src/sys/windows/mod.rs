//! Windows: the only code that knows its calls, their numbers, and what they mean.
//!
//! | file | what it owes the rest |
//! |---|---|
//! | `open` | open and create, below open directories |
//! | `rename` | publish, rename, remove: by handle, with the older ways behind it |
//! | `links` | symbolic links, junctions, hard links |
//! | `facts` | what a file is |
//! | `listing` | the entries of a directory, in big buffers |
//! | `attributes` | the read-only mark, times, attributes |
//! | `streams` | alternate streams, which travel as extended attributes |
//! | `lists` | access control lists |
//! | `ends` | an open source and target: the `Mover` |
//! | `blocks` | the calls of a clone |
//! | `copying` | `CopyFile2` and `CopyFileExW`, which make their own target |
//! | `unbuffered` | `FILE_FLAG_NO_BUFFERING` |
//! | `process` | the system's build, limits |
//!
//! Pure, and tested on every system:
//!
//! | file | what it decides |
//! |---|---|
//! | `paths`, `names` | what may be handed to the kernel as a path, and as the name of something new |
//! | `clone` | the order in which blocks are shared, and what to do about each refusal |
//! | `copyfile` | flags of the system's own copy, what its answers and its progress mean |
//! | `naming`, `retry` | the ways in which a file takes a name, and how long somebody's open handle is waited for |
//! | `linking` | how a symbolic link is made, and made sure of |
//! | `reparse` | what a file stands for that is not what it looks like |
//! | `masks`, `times`, `entries` | attributes, times and lists as the system writes them |
//! | `rules` | what each method's error codes mean |
//!
//! Every function takes open handles and names relative to them, and answers with the Win32 code on failure. Below an
//! operand nothing is looked up by path: the kernel opens names relative to a directory's handle (`NtCreateFile`,
//! `RootDirectory`).

#![cfg_attr(
    windows,
    allow(unsafe_code, reason = "system calls that no crate wraps safely; one call per block")
)]
#![cfg_attr(not(windows), allow(dead_code, reason = "tested here, used there"))]

mod clone;
mod copyfile;
mod entries;
mod linking;
mod masks;
mod names;
mod naming;
mod paths;
mod reparse;
mod retry;
mod rules;
mod times;

#[cfg(windows)]
mod attributes;
#[cfg(windows)]
mod blocks;
#[cfg(windows)]
mod copying;
#[cfg(windows)]
mod ends;
#[cfg(windows)]
mod facts;
#[cfg(windows)]
mod links;
#[cfg(windows)]
mod listing;
#[cfg(windows)]
mod lists;
#[cfg(windows)]
mod open;
#[cfg(windows)]
mod process;
#[cfg(windows)]
mod rename;
#[cfg(windows)]
mod streams;
#[cfg(windows)]
mod unbuffered;

#[cfg(windows)]
pub(crate) use self::{
    attributes::*, copying::*, ends::*, facts::*, links::*, listing::*, open::*, process::*,
    rename::*, rules::*, streams::*,
};

#[cfg(windows)]
pub(crate) use handle::*;

use crate::plan::{Code, Fault, Side};

/// Makes a fault of a code.
fn at(side: Side) -> impl Fn(Code) -> Fault {
    move |code| Fault { code, side }
}

#[cfg(all(test, target_os = "linux"))]
pub(super) use rules::tests::table;

/// Open files, and the codes of calls on them.
#[cfg(windows)]
mod handle {
    use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};

    use windows_sys::Win32::Foundation::{
        GetLastError, HANDLE, NTSTATUS, RtlNtStatusToDosError, STATUS_DELETE_PENDING,
        STATUS_FILE_IS_A_DIRECTORY,
    };

    use super::rules::{DELETE_PENDING, IS_DIRECTORY};
    use crate::plan::Code;
    use crate::sys::{Answer, Lend};

    /// An open file or directory.
    pub(crate) type Handle = OwnedHandle;
    /// A handle that somebody else owns.
    pub(crate) type Borrowed<'a> = std::os::windows::io::BorrowedHandle<'a>;

    impl Lend for Handle {
        fn lend(&self) -> Borrowed<'_> {
            self.as_handle()
        }
    }

    pub(super) fn raw(file: Borrowed<'_>) -> HANDLE {
        file.as_raw_handle()
    }

    /// Takes over a handle that a call has just opened.
    pub(super) fn owned(handle: HANDLE) -> Handle {
        // SAFETY: the caller got the handle from a call that succeeded, and nobody else owns it.
        unsafe { Handle::from_raw_handle(handle) }
    }

    /// The code of the call that just failed on this thread.
    pub(super) fn last_code() -> Code {
        // SAFETY: no pointers are passed.
        Code(unsafe { GetLastError() }.cast_signed())
    }

    /// What a call that answers with a truth value says.
    pub(super) fn done(truth: i32) -> Answer<()> {
        if truth == 0 { Err(last_code()) } else { Ok(()) }
    }

    /// What a call of the kernel says. Two states have a code of their own that the usual translation drowns in "access
    /// denied".
    pub(super) fn status(status: NTSTATUS) -> Answer<()> {
        match status {
            0.. => Ok(()),
            STATUS_DELETE_PENDING => Err(DELETE_PENDING),
            STATUS_FILE_IS_A_DIRECTORY => Err(IS_DIRECTORY),
            // SAFETY: no pointers are passed.
            _ => Err(Code(unsafe { RtlNtStatusToDosError(status) }.cast_signed())),
        }
    }
}
