//! macOS: what every Unix has (`unix`), and clones, attribute lists, flags and lists of access rights.
//!
//! | file | what it owes the rest |
//! |---|---|
//! | `rules` | what each method's error codes mean |
//! | `errno` | the codes by name |
//! | `steps` | the order of calls: a clone with what must be put right on it, publishing, renaming to a free name |
//! | `flags` | which flags a copy takes over, and when |
//! | `bulk` | what getattrlistbulk(2) answers, read |
//! | `names` | the calls behind `steps`; nodes |
//! | `attributes` | times with that of birth, flags, extended attributes, access control lists |
//! | `ends` | an open source and target: fcopyfile(3), around the cache, and `unix` |
//! | `listing` | the entries of a directory, in bounded batches |
//! | `volumes` | what holds a file |
//! | `ffi` | what the libc crate does not declare |
//!
//! The first five make no system call. They are compiled for the tests on Linux too, where a scripted kernel runs them;
//! so they spell macOS's numbers themselves, which are compared with the system's when it is compiled for macOS.

#![allow(unsafe_code, reason = "system calls that no crate wraps safely; one call per block")]
#![cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "pure parts, for tests"))]

mod bulk;
mod errno;
mod flags;
mod rules;
#[cfg(test)]
mod rules_tests;
mod steps;

#[cfg(target_os = "macos")]
mod attributes;
#[cfg(target_os = "macos")]
mod ends;
#[cfg(target_os = "macos")]
mod ffi;
#[cfg(target_os = "macos")]
mod listing;
#[cfg(target_os = "macos")]
mod names;
#[cfg(target_os = "macos")]
mod volumes;

#[cfg(all(test, target_os = "linux"))]
pub(super) use rules_tests::table;

#[cfg(target_os = "macos")]
pub(crate) use self::{
    attributes::*, ends::Ends, listing::Listing, names::*, rules::*, volumes::file_system,
};
#[cfg(target_os = "macos")]
pub(crate) use super::unix::{
    BUFFER_BYTES, Borrowed, Handle, LinkText, Place, address_space_max, caller, create,
    create_through, facts, facts_at, is_superuser, link_text, make_directory, make_link,
    make_symlink, may_write, open_directory, open_directory_path, open_files_max, open_sink,
    open_source, open_target, read_link, read_some, remove, remove_directory, rename_over, set_len,
    set_mode, set_owner, umask, wait_a_moment, working_directory, write_some,
};
