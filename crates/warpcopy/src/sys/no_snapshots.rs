//! For platforms where no file system makes a snapshot of a directory.

use std::ffi::OsStr;

use super::Borrowed;
use crate::plan::{Code, NoSnapshot};

/// Nothing is asked, so nothing is answered.
pub(crate) const NO_SNAPSHOT_HERE: [Code; 0] = [];

/// Nothing is a subvolume here.
pub(crate) fn snapshot(
    _source: Borrowed<'_>,
    _directory: Borrowed<'_>,
    _name: &OsStr,
) -> Result<(), NoSnapshot> {
    Err(NoSnapshot::NotSubvolume)
}
