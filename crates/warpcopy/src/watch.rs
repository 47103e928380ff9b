//! How a caller follows a copy, is asked about it, and stops it.
//!
//! Progress is counters that the caller polls. Events are rare and come on the thread that called the engine,
//! one at a time, whatever the number of workers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::Error;
use crate::report::{FileReport, Snapshot};

/// Receives events and answers questions, on the thread that called the engine.
pub trait Observer {
    /// Whether [`Event::FileDone`] and [`Event::DirectoryMade`] are wanted. They cost a message per file when
    /// several workers run; failures and warnings always come.
    fn wants_files(&self) -> bool {
        true
    }

    /// Whether [`Event::Starting`] and [`Event::Removing`] are wanted, at a message per file.
    fn wants_starts(&self) -> bool {
        false
    }

    /// Something happened.
    fn event(&mut self, event: Event<'_>) -> Flow {
        let _ = event;
        Flow::Continue
    }

    /// Asks whether an existing target may be replaced. The default is no.
    fn ask(&mut self, question: &Question<'_>) -> bool {
        let _ = question;
        false
    }
}

/// Watches nothing and answers every question with no.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn wants_files(&self) -> bool {
        false
    }
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A directory was made (its mode and times come when everything below it is done).
    DirectoryMade {
        /// The directory that is being copied.
        source: &'a Path,
        /// The directory that was made.
        target: &'a Path,
    },
    /// A snapshot was asked for: it is there, with all that is in it, or the tree is copied after this.
    Snapshot(&'a Snapshot),
    /// What has the target's name goes away for good, for something new.
    Removing {
        /// What goes.
        target: &'a Path,
    },
    /// Something that is not a directory is about to be copied, or linked.
    Starting {
        /// What is copied.
        source: &'a Path,
        /// Where to.
        target: &'a Path,
        /// Where what had the target's name is kept.
        backup: Option<&'a Path>,
    },
    /// Something that is not a directory was copied, linked or skipped.
    FileDone(&'a FileReport),
    /// Something could not be copied; the rest goes on.
    Failed(&'a Error),
    /// Something was copied but not all of it could be kept.
    Warned(&'a Error),
}

/// What an observer answers to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop soon, as [`Cancel::cancel`] does.
    Stop,
}

/// What an observer may be asked: may `target` be replaced by `source`?
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question<'a> {
    /// What would be copied.
    pub source: &'a Path,
    /// What exists and would be replaced.
    pub target: &'a Path,
    /// The permission bits of the existing target.
    pub target_mode: u32,
    /// Whether the caller may write to the existing target as it is.
    pub target_is_writable: bool,
}

/// A flag that stops a copy. Clones share it; it may be raised from any thread or signal handler.
///
/// It is looked at before each file and between parts of at most 64 MiB. What is being made then is removed;
/// what is finished stays.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Returns a flag that is not raised.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Raises the flag.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the flag is raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the flag itself, for a signal handler that stores `true`.
    pub fn as_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// How far a copy has come. Clones share the numbers; reading them costs the workers nothing.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    files: AtomicU64,
    directories: AtomicU64,
    failures: AtomicU64,
    moved_bytes: AtomicU64,
    cloned_bytes: AtomicU64,
}

impl Counters {
    /// Returns how many things other than directories are finished.
    pub fn files(&self) -> u64 {
        self.0.files.load(Ordering::Relaxed)
    }

    /// Returns how many directories were made or entered.
    pub fn directories(&self) -> u64 {
        self.0.directories.load(Ordering::Relaxed)
    }

    /// Returns how many failures were met.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Returns how many bytes were moved, those of unfinished files included.
    pub fn moved_bytes(&self) -> u64 {
        self.0.moved_bytes.load(Ordering::Relaxed)
    }

    /// Returns how many bytes came by clone: shared, not moved.
    pub fn cloned_bytes(&self) -> u64 {
        self.0.cloned_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn add_file(&self) {
        self.0.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_directory(&self) {
        self.0.directories.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_failure(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_moved(&self, bytes: u64) {
        self.0.moved_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_cloned(&self, bytes: u64) {
        self.0.cloned_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
