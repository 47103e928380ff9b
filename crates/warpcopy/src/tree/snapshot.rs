//! One snapshot in place of a tree's copy, where that was asked for and is the same.

use std::ffi::OsStr;
use std::path::Path;

use super::outlet::Message;
use super::worker::Worker;
use crate::copier::Transfer;
use crate::error::{Error, Operation, Result};
use crate::file::parent_of;
use crate::options::Symlinks;
use crate::plan::{NoSnapshot, asks_otherwise};
use crate::report::Snapshot;
use crate::sys::{self, Handle, Lend};

impl Worker<'_> {
    /// Makes an operand's target as a snapshot of its source. `false` means that the tree is to be copied.
    pub(super) fn snapshot(&mut self, transfer: &Transfer) -> Result<bool> {
        if !self.run.context.options.snapshot {
            return Ok(false);
        }
        let refusal = match self.ends(transfer) {
            Ok((source, directory)) => {
                let (_, name) = parent_and_name_of(&transfer.target);
                match sys::snapshot(source.lend(), directory.lend(), name) {
                    Ok(()) => None,
                    Err(NoSnapshot::Code(code)) if !sys::NO_SNAPSHOT_HERE.contains(&code) => {
                        let failed = Error::new(Operation::Snapshot, transfer.target.clone());
                        return Err(failed.with_other(transfer.source.clone()).with_cause(code));
                    }
                    Err(refusal) => Some(refusal),
                }
            }
            // The copy meets the same, and fails in its own words.
            Err(refusal) => Some(refusal),
        };
        let (source, target) = (transfer.source.clone(), transfer.target.clone());
        self.send(Message::Snapshot(Snapshot { source, target, refusal }));
        Ok(refusal.is_none())
    }

    /// Opens the source and the directory that is to hold the target, if nothing speaks against it.
    fn ends(&self, transfer: &Transfer) -> std::result::Result<(Handle, Handle), NoSnapshot> {
        let context = self.run.context;
        if let Some(refusal) = asks_otherwise(&context.options) {
            return Err(refusal);
        }
        if context.filter.is_some() {
            return Err(NoSnapshot::Asked("a filter is to be asked"));
        }
        let here = sys::working_directory();
        match sys::facts_at(here, transfer.target.as_os_str(), false) {
            Ok(_) => return Err(NoSnapshot::TargetExists),
            Err(sys::NOT_FOUND) => {}
            Err(code) => return Err(NoSnapshot::Code(code)),
        }
        let follow = context.options.symlinks != Symlinks::Keep;
        let source = sys::open_directory(here, transfer.source.as_os_str(), follow);
        let (parent, _) = parent_and_name_of(&transfer.target);
        let directory = sys::open_directory(here, parent.as_os_str(), true);
        Ok((source.map_err(NoSnapshot::Code)?, directory.map_err(NoSnapshot::Code)?))
    }
}

/// Takes a directory's target apart. A new directory may be named with slashes at the end, but not with dots.
fn parent_and_name_of(target: &Path) -> (&Path, &OsStr) {
    let bytes = target.as_os_str().as_encoded_bytes();
    let is_separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    let last = bytes.rsplit(is_separator).find(|name| !name.is_empty());
    match target.file_name() {
        Some(name) if last == Some(name.as_encoded_bytes()) => (parent_of(target), name),
        _ => (Path::new("."), target.as_os_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_of_a_target_do_not_count_and_dots_do() {
        let table = [
            ("a", (".", "a")),
            ("a//", (".", "a")),
            ("/a/b", ("/a", "b")),
            ("/a/", ("/", "a")),
            ("a/b/", ("a", "b")),
            ("a/.", (".", "a/.")),
            ("a/..", (".", "a/..")),
            ("a/./", (".", "a/./")),
            ("/", (".", "/")),
            ("", (".", "")),
        ];
        for (target, (parent, name)) in table {
            let expected = (Path::new(parent), OsStr::new(name));
            assert_eq!(parent_and_name_of(Path::new(target)), expected, "{target}");
        }
    }
}
