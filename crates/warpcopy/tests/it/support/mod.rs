//! What the tests of the library share.
//!
//! | file | gives |
//! |---|---|
//! | `scratch` | a directory on a named file system, removed with everything in it |
//! | `files` | making files of any shape, and looking at what became of them |
//! | `process` | a process of its own for what is process-wide: umask, descriptors |
//! | `skip` | what could not run is counted, never silent |

#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "some help tests that ask Linux")
)]

pub(crate) mod files;
pub(crate) mod process;
pub(crate) mod scratch;
pub(crate) mod skip;

pub(crate) use files::*;
pub(crate) use process::in_a_process_of_its_own;
pub(crate) use scratch::{Fs, Scratch, everywhere};
pub(crate) use skip::{is_root, skip};
