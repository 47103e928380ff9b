//! A directory being copied.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::file::TargetDirectory;
use crate::plan::{Facts, Identity};

/// A directory that exists at the target and is not finished. It holds no handle: each worker opens its own.
pub(crate) struct Dir {
    /// The directory that waits for this one.
    pub(crate) parent: Option<Arc<Dir>>,
    /// Of a directory that this run made: the nearest above it that was there, or was named by the caller.
    found_above: Option<Arc<Dir>>,
    pub(crate) place: Place,
    /// The source as it was when it was entered.
    pub(crate) source: Facts,
    pub(crate) target: Identity,
    /// The target's mode right after it was made (or found).
    pub(crate) target_mode: u32,
    pub(crate) into: TargetDirectory,
    /// This run made it; else it was there.
    pub(crate) is_made: bool,
    /// The device of the operand it was met below.
    pub(crate) root_device: u64,
    /// Symbolic links on the way to the source were to be followed.
    pub(crate) follows: bool,
    /// Symbolic links on the way to the target, too.
    pub(crate) follows_target: bool,
    /// Levels being worked on, unfinished directories below and parked names: at zero it is finished.
    pending: AtomicUsize,
}

/// How to find a directory again.
pub(crate) enum Place {
    /// By the paths that the caller named.
    Operand { source: PathBuf, target: PathBuf },
    /// By its name below its parent, the same at both ends.
    Below(OsString),
}

impl Place {
    pub(crate) fn is_operand(&self) -> bool {
        matches!(self, Place::Operand { .. })
    }
}

impl Dir {
    /// Makes a directory that one level is about to work on.
    pub(crate) fn new(
        parent: Option<Arc<Dir>>,
        place: Place,
        source: Facts,
        target: (&Facts, TargetDirectory),
        is_made: bool,
        (follows, follows_target): (bool, bool),
        root_device: u64,
    ) -> Arc<Dir> {
        if let Some(parent) = &parent {
            parent.hold();
        }
        let found_above = parent.as_ref().filter(|_| is_made).map(Dir::found).map(Arc::clone);
        Arc::new(Dir {
            parent,
            found_above,
            place,
            source,
            target: target.0.identity,
            target_mode: target.0.mode,
            into: target.1,
            is_made,
            root_device,
            follows,
            follows_target,
            pending: AtomicUsize::new(1),
        })
    }

    /// One more thing is to come before the directory can be finished.
    pub(crate) fn hold(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// One thing less; `true` for the last.
    pub(crate) fn release(&self) -> bool {
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The path of the source.
    pub(crate) fn source_path(&self) -> PathBuf {
        self.path(|operand| match operand {
            Place::Operand { source, .. } => source,
            Place::Below(_) => unreachable!("only operands are asked"),
        })
    }

    /// The path of the target.
    pub(crate) fn target_path(&self) -> PathBuf {
        self.path(|operand| match operand {
            Place::Operand { target, .. } => target,
            Place::Below(_) => unreachable!("only operands are asked"),
        })
    }

    pub(crate) fn source_path_of(&self, name: &OsStr) -> PathBuf {
        join(self.source_path(), [name])
    }

    pub(crate) fn target_path_of(&self, name: &OsStr) -> PathBuf {
        join(self.target_path(), [name])
    }

    fn path(&self, of_operand: impl Fn(&Place) -> &PathBuf) -> PathBuf {
        let mut names = Vec::new();
        let mut dir = self;
        let path = loop {
            match (&dir.place, &dir.parent) {
                (Place::Below(name), Some(parent)) => {
                    names.push(name);
                    dir = parent;
                }
                (place, _) => break of_operand(place).clone(),
            }
        };
        join(path, names.into_iter().rev().map(OsString::as_os_str))
    }

    /// This directory, if it was there before or is the first of its operand; else the nearest above that is so.
    fn found(self: &Arc<Dir>) -> &Arc<Dir> {
        self.found_above.as_ref().unwrap_or(self)
    }

    /// Of this directory and those above it, the ones by which a walk would come into what this run makes: whatever
    /// it made lies below one of them. Few, however deep the tree; comparing with all of them made every directory
    /// cost more than the one above it.
    pub(crate) fn found_chain(self: &Arc<Dir>) -> impl Iterator<Item = &Arc<Dir>> {
        std::iter::successors(Some(self.found()), |dir| dir.parent.as_ref().map(Dir::found))
    }

    /// This directory and those above it.
    pub(crate) fn chain(self: &Arc<Dir>) -> impl Iterator<Item = &Arc<Dir>> {
        std::iter::successors(Some(self), |dir| dir.parent.as_ref())
    }
}

/// Joins names with one slash each, however many the path ends in.
fn join<'a>(mut path: PathBuf, names: impl IntoIterator<Item = &'a OsStr>) -> PathBuf {
    for name in names {
        if path.as_os_str().as_encoded_bytes().ends_with(b"//") {
            path = path.components().collect();
        }
        path.push(name);
    }
    path
}

impl Drop for Dir {
    /// Lets go of the chain above without recursion, which a tree of a hundred thousand levels would not survive.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(dir) = parent {
            parent = Arc::into_inner(dir).and_then(|mut dir| dir.parent.take());
        }
    }
}
