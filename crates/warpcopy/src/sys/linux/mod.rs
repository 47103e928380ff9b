//! Linux: what every Unix has (`unix`), and what Linux does in its own way, by its own calls and numbers.
//!
//! | file | what it owes the rest |
//! |---|---|
//! | `names` | nodes opened for their path alone, files without a name, renaming to a free name, fsync(2) |
//! | `file_system` | statfs, translated |
//! | `listing` | the entries of a directory, in bounded batches |
//! | `xattrs` | extended attributes |
//! | `ends` | an open source and target: the `Mover` |
//! | `pipe` | a range moved by the kernel, through a pipe |
//! | `split` | a range moved by several threads |
//! | `placing` | pages put into a file of tmpfs or Btrfs beside its lock |
//! | `snapshot` | snapshots of Btrfs subvolumes |
//! | `at_hand` | comparing files that are in memory |
//! | `extents` | whether two files lie at one place on disk |
//! | `direct` | `O_DIRECT` and `RWF_DONTCACHE` |
//! | `rules` | what each method's error codes mean |
//! | `process` | limits, umask, descriptor tables |
//!
//! Every function takes open handles and names relative to them, and answers with the raw code on failure.
//! `EINTR` is retried here except by the calls that move bytes, where cancellation is asked first.

#![allow(unsafe_code, reason = "system calls that no crate wraps safely; one call per block")]

mod at_hand;
mod direct;
mod ends;
mod extents;
mod file_system;
mod listing;
mod names;
mod pipe;
mod placing;
mod process;
mod rules;
#[cfg(test)]
mod rules_tests;
mod snapshot;
mod split;
mod xattrs;

// What is named here comes before what `unix` calls so.
pub(crate) use super::unix::*;
pub(crate) use at_hand::are_same_at_hand;
use ends::STEP_BYTES;
pub(crate) use ends::{BUFFER_BYTES, Ends};
pub(crate) use extents::share_all_blocks;
pub(crate) use file_system::file_system;
pub(crate) use listing::Listing;
pub(crate) use names::{
    create_unnamed, name_unnamed, open_directory_path, rename_to_free, sync_data, sync_directory,
};
pub(crate) use pipe::PipeSlot;
pub(crate) use process::{
    can_own_descriptor_table, close_own_descriptor_table, own_descriptor_table, own_umask,
    processors, umask,
};
pub(crate) use rules::{METHODS, NO_SNAPSHOT_HERE, NO_UNNAMED_HERE, RULES};
#[cfg(test)]
pub(super) use rules_tests::table;
pub(crate) use snapshot::snapshot;
pub(crate) use xattrs::{copy_xattr, has_default_acl, remove_xattr, xattr_names};
