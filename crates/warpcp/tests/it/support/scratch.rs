//! Directories that know which file system they are on.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{failure, skip};

/// The file systems that behave differently under a copier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fs {
    Btrfs,
    Xfs,
    Ext4,
    Tmpfs,
    Overlay,
    Fuse,
    /// Takes names that differ in case alone for one.
    Exfat,
}

impl Fs {
    /// Those on which an archive copy keeps everything.
    pub(crate) const FULL: [Fs; 5] = [Fs::Btrfs, Fs::Xfs, Fs::Ext4, Fs::Tmpfs, Fs::Overlay];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Fs::Btrfs => "btrfs",
            Fs::Xfs => "xfs",
            Fs::Ext4 => "ext4",
            Fs::Tmpfs => "tmpfs",
            Fs::Overlay => "overlay",
            Fs::Fuse => "fuse",
            Fs::Exfat => "exfat",
        }
    }

    /// Finds a directory on this file system: one that `scripts/test` made, else the temporary directory or
    /// /dev/shm if they happen to lie on it.
    fn directory(self) -> Option<PathBuf> {
        let list = std::env::var("WARPCOPY_TEST_FS").unwrap_or_default();
        let made = list.split_whitespace().find_map(|entry| {
            let (name, path) = entry.split_once('=')?;
            (name == self.name()).then(|| PathBuf::from(path))
        });
        made.or_else(|| {
            [std::env::temp_dir(), PathBuf::from("/dev/shm")]
                .into_iter()
                .find(|path| Fs::of(path) == Some(self))
        })
    }

    /// Whether there is one here, for tests that take what they find.
    pub(crate) fn is_there(self) -> bool {
        self.directory().is_some()
    }

    fn of(path: &Path) -> Option<Fs> {
        // The magic numbers of statfs(2).
        match rustix::fs::statfs(path).ok()?.f_type as u32 {
            0x9123_683E => Some(Fs::Btrfs),
            0x5846_5342 => Some(Fs::Xfs),
            0xEF53 => Some(Fs::Ext4),
            0x0102_1994 => Some(Fs::Tmpfs),
            0x794C_7630 => Some(Fs::Overlay),
            0x6573_5546 => Some(Fs::Fuse),
            _ => None,
        }
    }
}

impl fmt::Display for Fs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A directory of its own for one test, removed with everything in it.
pub(crate) struct Scratch {
    fs: Fs,
    path: PathBuf,
}

impl Scratch {
    /// Returns a new directory on `fs`, or says that the test is skipped.
    #[track_caller]
    pub(crate) fn on(fs: Fs) -> Option<Scratch> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        failure::is_said_at_once();
        let Some(above) = fs.directory() else {
            skip(fs.name(), "no such file system here; scripts/test makes one as root");
            return None;
        };
        let unique = format!("it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = above.join(unique);
        std::fs::create_dir(&path).expect("a scratch directory can be made");
        Some(Scratch { fs, path })
    }

    /// Returns a new directory on the first file system there is, whichever.
    #[track_caller]
    pub(crate) fn anywhere() -> Option<Scratch> {
        let found = [Fs::Ext4, Fs::Xfs, Fs::Btrfs, Fs::Tmpfs, Fs::Overlay]
            .into_iter()
            .find(|fs| fs.directory().is_some());
        match found {
            Some(fs) => Scratch::on(fs),
            None => {
                skip("ext4", "the temporary directory is on an unknown file system");
                None
            }
        }
    }

    pub(crate) fn fs(&self) -> Fs {
        self.fs
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of `name` in this directory.
    pub(crate) fn join(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !rustix::process::geteuid().is_root() {
            // Directories that may not be written to cannot be emptied.
            let _ = Command::new("chmod").args(["-R", "u+rwX", "--"]).arg(&self.path).output();
        }
        // rm(1) copes with trees that are deeper than there are descriptors.
        let remove = || {
            let removed = Command::new("rm").arg("-rf").arg("--").arg(&self.path).output();
            removed.is_ok_and(|output| output.status.success())
        };
        // A FUSE server hides what is removed while it is open (libfuse, "hard_remove"), and hears of a close late.
        let is_gone = (0..20).any(|_| {
            let is_gone = remove();
            if !is_gone {
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            is_gone
        });
        if !is_gone && !std::thread::panicking() {
            panic!("could not remove {}", self.path.display());
        }
    }
}

/// Every pair of file systems that keep everything, the equal ones included.
pub(crate) fn pairs() -> impl Iterator<Item = (Fs, Fs)> {
    Fs::FULL.into_iter().flat_map(|source| Fs::FULL.into_iter().map(move |target| (source, target)))
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
