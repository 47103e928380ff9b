//! Whether one tree is a faithful copy of another, and where not.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What is compared. The default is all that an archive copy promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compare {
    pub(crate) bytes: bool,
    /// The target of a sparse source must not occupy more than the source, but for a little.
    pub(crate) holes: bool,
    pub(crate) mode: bool,
    pub(crate) owner: bool,
    pub(crate) modified: bool,
    /// Off by default: looking at a tree changes it.
    pub(crate) accessed: bool,
    pub(crate) xattrs: bool,
    pub(crate) links: bool,
}

impl Default for Compare {
    fn default() -> Compare {
        Compare {
            bytes: true,
            holes: true,
            mode: true,
            owner: true,
            modified: true,
            accessed: false,
            xattrs: true,
            links: true,
        }
    }
}

impl Compare {
    /// Names, types, contents and the texts of links: what `cp -r` copies.
    pub(crate) fn contents() -> Compare {
        Compare {
            bytes: true,
            holes: true,
            mode: false,
            owner: false,
            modified: false,
            accessed: false,
            xattrs: false,
            links: false,
        }
    }

    /// Lists how the target differs from the source, at most a screen full.
    pub(crate) fn differences(self, source: &Path, target: &Path) -> Vec<String> {
        let mut walk = Walk { compare: self, found: Vec::new(), groups: BTreeMap::new() };
        walk.pair(source, target);
        if self.links {
            walk.hard_links();
        }
        let more = walk.found.len().saturating_sub(40);
        walk.found.truncate(40);
        if more > 0 {
            walk.found.push(format!("and {more} more"));
        }
        walk.found
    }

    #[track_caller]
    pub(crate) fn assert(self, source: &Path, target: &Path) {
        let found = self.differences(source, target);
        assert!(
            found.is_empty(),
            "{} is no faithful copy of {}:\n{}",
            target.display(),
            source.display(),
            found.join("\n")
        );
    }
}

/// Asserts that the target is what an archive copy of the source must be.
#[track_caller]
pub(crate) fn assert_same_tree(source: impl AsRef<Path>, target: impl AsRef<Path>) {
    Compare::default().assert(source.as_ref(), target.as_ref());
}

/// Asserts that two files hold the same bytes.
#[track_caller]
pub(crate) fn assert_same_bytes(source: impl AsRef<Path>, target: impl AsRef<Path>) {
    let (source, target) = (source.as_ref(), target.as_ref());
    if let Some(difference) = first_difference(source, target) {
        panic!("{} and {}: {difference}", source.display(), target.display());
    }
}

/// Paths that share an inode, by that inode, in source and in target.
type Groups = BTreeMap<PathBuf, [(u64, u64); 2]>;

struct Walk {
    compare: Compare,
    found: Vec<String>,
    groups: Groups,
}

impl Walk {
    fn note(&mut self, path: &Path, what: impl std::fmt::Display) {
        self.found.push(format!("  {}: {what}", path.display()));
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, path: &Path, what: &str, was: T, is: T) {
        if was != is {
            self.note(path, format_args!("{what} {was:?} became {is:?}"));
        }
    }

    fn pair(&mut self, source: &Path, target: &Path) {
        // Before anything is read: reading changes the times of access.
        let (was, is) = match (fs::symlink_metadata(source), fs::symlink_metadata(target)) {
            (Ok(was), Ok(is)) => (was, is),
            (Err(error), _) => return self.note(source, error),
            (_, Err(error)) => return self.note(target, error),
        };
        if was.mode() & 0o170_000 != is.mode() & 0o170_000 {
            return self.note(target, "is of another type");
        }
        self.attributes(source, target, &was, &is);
        let kind = was.file_type();
        if kind.is_dir() {
            self.directory(source, target);
        } else if kind.is_file() {
            self.file(source, target, &was, &is);
        } else if kind.is_symlink() {
            let text = |path| fs::read_link(path).unwrap();
            self.same(target, "link text", text(source), text(target));
        } else if kind.is_char_device() || kind.is_block_device() {
            self.same(target, "device", was.rdev(), is.rdev());
        }
    }

    fn attributes(&mut self, source: &Path, target: &Path, was: &fs::Metadata, is: &fs::Metadata) {
        let compare = self.compare;
        if compare.mode {
            let octal = |metadata: &fs::Metadata| format!("{:04o}", metadata.mode() & 0o7777);
            self.same(target, "mode", octal(was), octal(is));
        }
        if compare.owner {
            self.same(target, "owner", (was.uid(), was.gid()), (is.uid(), is.gid()));
        }
        if compare.modified {
            let modified = |metadata: &fs::Metadata| (metadata.mtime(), metadata.mtime_nsec());
            self.same(target, "modification time", modified(was), modified(is));
        }
        if compare.accessed {
            let accessed = |metadata: &fs::Metadata| (metadata.atime(), metadata.atime_nsec());
            self.same(target, "access time", accessed(was), accessed(is));
        }
        if compare.xattrs {
            self.same(target, "attributes", xattrs(source), xattrs(target));
        }
        if compare.links && !was.is_dir() && (was.nlink() > 1 || is.nlink() > 1) {
            self.groups.insert(target.to_owned(), [(was.dev(), was.ino()), (is.dev(), is.ino())]);
        }
    }

    fn directory(&mut self, source: &Path, target: &Path) {
        let (was, is) = (names(source), names(target));
        for name in is.difference(&was) {
            self.note(&target.join(name), "is not in the source");
        }
        for name in was.difference(&is) {
            self.note(&target.join(name), "is missing");
        }
        for name in was.intersection(&is) {
            self.pair(&source.join(name), &target.join(name));
        }
    }

    fn file(&mut self, source: &Path, target: &Path, was: &fs::Metadata, is: &fs::Metadata) {
        self.same(target, "length", was.len(), is.len());
        let is_sparse = was.blocks() * 512 < was.len();
        // Blocks are counted in 512 bytes; file systems differ in how they round extents and keep lists of them.
        if self.compare.holes && is_sparse && is.blocks() > was.blocks() + was.blocks() / 8 + 256 {
            self.note(target, format_args!("{} blocks became {}", was.blocks(), is.blocks()));
        }
        if self.compare.bytes
            && was.len() == is.len()
            && let Some(difference) = first_difference(source, target)
        {
            self.note(target, difference);
        }
    }

    /// Two names share an inode in the target exactly when they do in the source.
    fn hard_links(&mut self) {
        for side in [0, 1] {
            let mut by_inode: BTreeMap<(u64, u64), BTreeSet<(u64, u64)>> = BTreeMap::new();
            for ids in self.groups.values() {
                by_inode.entry(ids[side]).or_default().insert(ids[1 - side]);
            }
            let torn: Vec<_> =
                by_inode.into_iter().filter(|(_, others)| others.len() > 1).collect();
            for (inode, _) in torn {
                let paths: Vec<_> = self
                    .groups
                    .iter()
                    .filter(|(_, ids)| ids[side] == inode)
                    .map(|(path, _)| path.clone())
                    .collect();
                let what = ["are one file in the source only", "are one file in the target only"];
                self.found.push(format!("  {paths:?} {}", what[side]));
            }
        }
    }
}

fn names(directory: &Path) -> BTreeSet<OsString> {
    fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("list {}: {error}", directory.display()))
        .map(|entry| entry.unwrap().file_name())
        .collect()
}

/// Every attribute that a copy can carry. Some are other views of the same thing, or belong to the place.
pub(crate) fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut list = vec![0; 1 << 16];
    let len = rustix::fs::llistxattr(path, &mut list[..]).unwrap_or(0);
    list[..len]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        // XFS shows each ACL a second time; overlay and labels are of the place, not of the file.
        .filter(|name| !name.starts_with("trusted.SGI_") && !name.starts_with("trusted.overlay."))
        .filter(|name| name != "security.selinux")
        .filter_map(|name| super::plant::xattr_of(path, &name).map(|value| (name, value)))
        .collect()
}

/// Says where two files differ first.
pub(crate) fn first_difference(source: &Path, target: &Path) -> Option<String> {
    let open = |path: &Path| {
        // Without the flag this comparison would change what a later one looks at.
        let quiet = rustix::fs::OFlags::NOATIME.bits() as i32;
        File::options()
            .read(true)
            .custom_flags(quiet)
            .open(path)
            .or_else(|_| File::open(path))
            .unwrap_or_else(|error| panic!("open {}: {error}", path.display()))
    };
    let (mut source, mut target) = (open(source), open(target));
    let (mut was, mut is) = (vec![0; 1 << 18], vec![0; 1 << 18]);
    let mut offset = 0u64;
    loop {
        let source_len = read_full(&mut source, &mut was);
        let target_len = read_full(&mut target, &mut is);
        if was[..source_len] != is[..target_len] {
            let same = was.iter().zip(&is).take_while(|(a, b)| a == b).count();
            let at = offset + same.min(source_len).min(target_len) as u64;
            return Some(format!("contents differ from offset {at} on"));
        }
        if source_len == 0 {
            return None;
        }
        offset += source_len as u64;
    }
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> usize {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..]).unwrap() {
            0 => break,
            more => len += more,
        }
    }
    len
}
