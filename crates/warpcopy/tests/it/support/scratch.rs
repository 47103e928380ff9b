//! Directories that know which file system they are on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::skip;

/// The file systems that behave differently under a copier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fs {
    Btrfs,
    Xfs,
    Ext4,
    Tmpfs,
    Overlay,
}

impl Fs {
    pub(crate) const ALL: [Fs; 5] = [Fs::Btrfs, Fs::Xfs, Fs::Ext4, Fs::Tmpfs, Fs::Overlay];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Fs::Btrfs => "btrfs",
            Fs::Xfs => "xfs",
            Fs::Ext4 => "ext4",
            Fs::Tmpfs => "tmpfs",
            Fs::Overlay => "overlay",
        }
    }

    /// Whether blocks of it are shared between files here. `scripts/test` makes XFS so that they are.
    pub(crate) fn clones(self) -> bool {
        matches!(self, Fs::Btrfs | Fs::Xfs) && warpcopy::Method::Clone.is_available()
    }

    /// Finds a directory on this file system: one that `scripts/test` made, else the temporary directory or
    /// /dev/shm if they happen to lie on it.
    pub(crate) fn directory(self) -> Option<PathBuf> {
        let list = std::env::var("WARPCOPY_TEST_FS").unwrap_or_default();
        let made = list.split_whitespace().find_map(|entry| {
            let (name, path) = entry.split_once('=')?;
            (name == self.name()).then(|| PathBuf::from(path))
        });
        let usual = [std::env::temp_dir(), PathBuf::from("/dev/shm")];
        made.or_else(|| usual.into_iter().find(|path| Fs::of(path) == Some(self)))
    }

    fn of(path: &Path) -> Option<Fs> {
        // The magic numbers of statfs(2).
        match rustix::fs::statfs(path).ok()?.f_type as u32 {
            0x9123_683E => Some(Fs::Btrfs),
            0x5846_5342 => Some(Fs::Xfs),
            0xEF53 => Some(Fs::Ext4),
            0x0102_1994 => Some(Fs::Tmpfs),
            0x794C_7630 => Some(Fs::Overlay),
            _ => None,
        }
    }
}

/// A directory of its own for one test, removed with everything in it.
pub(crate) struct Scratch {
    fs: Option<Fs>,
    directory: tempfile::TempDir,
}

impl Scratch {
    /// Returns a new directory on `fs`, or says that the test is skipped.
    #[track_caller]
    pub(crate) fn on(fs: Fs) -> Option<Scratch> {
        let Some(above) = fs.directory() else {
            skip::skip(fs.name(), "no such file system here; scripts/test makes one as root");
            return None;
        };
        let directory = tempfile::tempdir_in(above).expect("a scratch directory can be made");
        Some(Scratch { fs: Some(fs), directory })
    }

    /// Returns a new directory where temporary files go, whatever that is.
    pub(crate) fn new() -> Scratch {
        let directory = tempfile::tempdir().expect("a scratch directory can be made");
        Scratch { fs: None, directory }
    }

    pub(crate) fn fs(&self) -> Fs {
        self.fs.expect("this test asked for a file system")
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the path of `name` in this directory.
    pub(crate) fn join(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path().join(name.as_ref())
    }
}

/// Makes one test per file system of each function in it: `name::on_btrfs`, `name::on_xfs`, …
macro_rules! everywhere {
    ($($(#[$attribute:meta])* fn $name:ident($scratch:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$attribute])*
            fn check($scratch: &$crate::support::Scratch) $body

            $crate::support::scratch::on_each! {
                on_btrfs Btrfs, on_xfs Xfs, on_ext4 Ext4, on_tmpfs Tmpfs, on_overlay Overlay
            }
        }
    )*};
}

macro_rules! on_each {
    ($($test:ident $fs:ident),*) => {$(
        #[test]
        fn $test() {
            if let Some(scratch) = $crate::support::Scratch::on($crate::support::Fs::$fs) {
                check(&scratch);
            }
        }
    )*};
}

pub(crate) use {everywhere, on_each};
