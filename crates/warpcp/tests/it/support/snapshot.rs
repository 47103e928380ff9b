//! How a tree was, kept aside: sources must be exactly as before, whatever happened to a copy.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::compare::xattrs;

/// Everything of a tree but the times of access.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<PathBuf, Entry>);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    inode: u64,
    links: u64,
    modified: (i64, i64),
    xattrs: BTreeMap<String, Vec<u8>>,
    /// Bytes of a file, text of a link; nothing of what must not be opened.
    content: Vec<u8>,
}

impl Snapshot {
    /// Looks at `root` and everything below it; files are kept in memory, so they must be small.
    pub(crate) fn of(root: &Path) -> Snapshot {
        let mut entries = BTreeMap::new();
        look(root, &mut entries);
        Snapshot(entries)
    }

    /// Asserts that the tree is as it was.
    #[track_caller]
    pub(crate) fn assert_unchanged(&self, root: &Path) {
        if let Some(change) = self.first_change(root) {
            panic!("{change}");
        }
    }

    /// Says what is not as it was, if anything.
    pub(crate) fn first_change(&self, root: &Path) -> Option<String> {
        let Snapshot(now) = Snapshot::of(root);
        for (path, was) in &self.0 {
            let Some(is) = now.get(path) else {
                return Some(format!("{} is gone", path.display()));
            };
            if was != is {
                let what = if was.content == is.content { "attributes" } else { "content" };
                return Some(format!("{} was changed: {what}", path.display()));
            }
        }
        let new = now.keys().find(|path| !self.0.contains_key(*path))?;
        Some(format!("{} appeared", new.display()))
    }
}

fn look(path: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let kind = metadata.file_type();
    let content = if kind.is_file() {
        fs::read(path).unwrap_or_default()
    } else if kind.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else {
        Vec::new()
    };
    let entry = Entry {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        inode: metadata.ino(),
        links: metadata.nlink(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        xattrs: xattrs(path),
        content,
    };
    entries.insert(path.to_owned(), entry);
    if kind.is_dir() {
        for child in fs::read_dir(path).unwrap() {
            look(&child.unwrap().path(), entries);
        }
    }
}
