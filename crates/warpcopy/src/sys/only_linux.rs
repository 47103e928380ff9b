//! What Linux alone has: for the others, who are asked for it and have none.

use std::ffi::OsStr;

use super::{Answer, Borrowed, Handle, NOT_SUPPORTED};
use crate::plan::{Code, FileSystem};

/// A file without a name cannot be made here.
pub(crate) const NO_UNNAMED_HERE: [Code; 1] = [NOT_SUPPORTED];

/// Creates a regular file without a name.
pub(crate) fn create_unnamed(_directory: Borrowed<'_>, _mode: u32) -> Answer<Handle> {
    Err(NOT_SUPPORTED)
}

/// Gives an unnamed file a name; there are none.
pub(crate) fn name_unnamed(
    _file: Borrowed<'_>,
    _directory: Borrowed<'_>,
    _name: &OsStr,
) -> Answer<()> {
    Err(NOT_SUPPORTED)
}

/// Nothing here tells what is in memory.
pub(crate) fn are_same_at_hand(
    _: Borrowed<'_>,
    _: Borrowed<'_>,
    _: FileSystem,
    _len_bytes: u64,
    _buffer: &mut [u8],
) -> Option<bool> {
    None
}

/// Nothing here tells where files lie.
pub(crate) fn share_all_blocks(_: Borrowed<'_>, _: Borrowed<'_>, _: FileSystem) -> bool {
    false
}

/// Whether a thread can have a descriptor table of its own.
pub(crate) fn can_own_descriptor_table() -> bool {
    false
}

/// Leaves the descriptor table shared.
pub(crate) fn own_descriptor_table(_: &[Borrowed<'_>]) -> bool {
    false
}

/// There is none of its own.
pub(crate) fn close_own_descriptor_table() {}

/// Leaves the umask shared.
pub(crate) fn own_umask() -> Option<u32> {
    None
}

/// How many processors there are to run on.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
