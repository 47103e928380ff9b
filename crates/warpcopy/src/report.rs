//! What happened, recorded by the code that did it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::plan::{Code, Kind, Method, NoSnapshot, Scope};

/// How one file was copied.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileReport {
    /// The source as it was reached: operand and names below it.
    pub source: PathBuf,
    /// The target.
    pub target: PathBuf,
    /// What the source is.
    pub kind: Kind,
    /// What was done.
    pub outcome: Outcome,
    /// How the target took its name.
    pub staging: Option<StagingUsed>,
    /// Where what had the target's name was kept.
    pub backup: Option<PathBuf>,
    /// The bytes, when the source is a regular file or was read as a stream.
    pub bytes: Bytes,
    /// Methods that declined this file, in order, whether just now or (for the pair or the process) earlier in
    /// this run.
    pub refusals: Vec<Refusal>,
    /// What could not be kept, and nobody would expect it here: an owner without the privilege to give files
    /// away, attributes on a file system without any.
    pub unpreserved: Vec<Error>,
    /// What could not be kept although the target has a place for such things.
    pub warned: Vec<Error>,
    /// What had to be kept and could not: the copy stays, and counts as failed.
    pub incomplete: Vec<Error>,
    /// The source's size or times differed after the copy from before it.
    pub changed: bool,
}

/// What was done with one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A copy was made.
    Copied,
    /// The target became another name of a file, of the source or of an earlier copy of it.
    Linked,
    /// A symbolic link to the source was made.
    Symlinked,
    /// Nothing was done: the target exists, and is to be kept.
    SkippedExisting,
    /// Nothing was done: the target is not older.
    SkippedNotOlder,
    /// Nothing was done: the source is not newer than was asked for.
    SkippedNotNewer,
    /// Nothing was done: the target already is the link that would be made.
    SkippedSameLink,
}

/// How a target took its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StagingUsed {
    /// Created under its name, which nothing had.
    Exclusive,
    /// Made under a temporary name or none, then published whole.
    Staged,
    /// An existing file was truncated and written.
    InPlace(InPlace),
    /// An existing file stayed: it held the same bytes and looked the same. Its times were set.
    Identical,
}

/// Why a target was written in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InPlace {
    /// It was asked for.
    Asked,
    /// The target has other hard links, which are to keep seeing it.
    HasLinks,
    /// The name is a symbolic link to it.
    ThroughSymlink,
    /// The target is a device, FIFO or the like.
    NotRegular,
    /// A temporary file could not be made beside it, for this reason.
    CannotStage(Code),
    /// Its owner, mode, ACL or attributes could not be given to a new file, for this reason.
    CannotKeep(Code),
    /// The finished file could not take its name, for this reason.
    CannotRename(Code),
}

/// What moved a file's bytes, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bytes {
    /// The method that finished the file; `None` if no data was to be moved.
    pub method: Option<Method>,
    /// The target's length.
    pub len: u64,
    /// Bytes moved, by any method but clone.
    pub moved: u64,
    /// Bytes that came by clone.
    pub cloned: u64,
    /// Bytes skipped as holes.
    pub holes: u64,
}

/// A method that declined a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The method.
    pub method: Method,
    /// Why.
    pub reason: Reason,
    /// The offset that the file had reached, in bytes.
    pub offset: u64,
    /// How far the refusal reaches.
    pub scope: Scope,
}

/// Why a method declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The system call failed with this code.
    Code(Code),
    /// It moved nothing although the source goes on.
    NoProgress,
    /// It claimed success but the target's length is wrong.
    WrongLength,
    /// It makes its own target, and this one was there and is written in place.
    MakesItsOwn,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Code(code) => code.fmt(f),
            Reason::NoProgress => f.write_str("moved nothing"),
            Reason::WrongLength => f.write_str("wrong length"),
            Reason::MakesItsOwn => f.write_str("cannot write in place"),
        }
    }
}

/// What became of a directory operand where [`Options::snapshot`](crate::Options#structfield.snapshot) was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The source.
    pub source: PathBuf,
    /// The target.
    pub target: PathBuf,
    /// Why the tree was copied file by file; `None` if the target is a snapshot.
    pub refusal: Option<NoSnapshot>,
}

/// How many errors a [`TreeReport`] keeps; the rest are only counted (each went to the observer).
pub const ERRORS_KEPT_MAX: usize = 1000;

/// What a whole run did.
#[derive(Debug, Default)]
#[must_use = "a tree copy goes on after failures; look at `failures`"]
#[non_exhaustive]
pub struct TreeReport {
    /// Regular files copied.
    pub files: u64,
    /// Directories made or entered.
    pub directories: u64,
    /// Symbolic links made.
    pub symlinks: u64,
    /// Hard links made.
    pub links: u64,
    /// FIFOs, sockets and devices made.
    pub specials: u64,
    /// Things left alone because of what was at the target, or of their age.
    pub skipped: u64,
    /// Regular files among them that stayed, because they held the same bytes and looked the same.
    pub identical: u64,
    /// Bytes in all.
    pub bytes: Bytes,
    /// Files by the method that finished them.
    pub methods: BTreeMap<Method, u64>,
    /// Refusals met, by method and reason. A refusal remembered for a pair of devices counts once per file that
    /// it kept from the method.
    pub refusals: BTreeMap<(Method, Reason), u64>,
    /// Files that did not get the first method of their ladder.
    pub fallbacks: u64,
    /// Files by length: `sizes[0]` counts the empty ones, `sizes[k]` those of `2^(k-1)..2^k` bytes.
    pub sizes: Sizes,
    /// Snapshots made, and refused, sorted by target. What is in a snapshot is not counted: nobody looked at it.
    pub snapshots: Vec<Snapshot>,
    /// Files whose source changed during the copy.
    pub changed: u64,
    /// How many things could not be copied.
    pub failures: u64,
    /// How many attributes could not be kept, with a word to the observer.
    pub warnings: u64,
    /// How many attributes could not be kept, silently.
    pub unpreserved: u64,
    /// The first [`ERRORS_KEPT_MAX`] failures, sorted by path.
    pub errors: Vec<Error>,
    /// Whether the run was cancelled.
    pub cancelled: bool,
    /// Wall-clock time.
    pub elapsed: Duration,
}

/// A histogram of file lengths by powers of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(pub [u64; 65]);

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes([0; 65])
    }
}

impl TreeReport {
    /// Returns the share of regular files that did not get the first method of their ladder, in `0.0..=1.0`.
    pub fn fallback_rate(&self) -> f64 {
        if self.files == 0 { 0.0 } else { self.fallbacks as f64 / self.files as f64 }
    }

    /// Returns whether everything was copied.
    pub fn is_complete(&self) -> bool {
        self.failures == 0 && !self.cancelled
    }

    pub(crate) fn count(&mut self, report: &FileReport) {
        match (report.outcome, report.kind) {
            (Outcome::Linked, _) => self.links += 1,
            (Outcome::Symlinked, _) | (Outcome::Copied, Kind::Symlink) => self.symlinks += 1,
            // Streams were read and written too.
            (Outcome::Copied, Kind::File) => self.count_file(report),
            (Outcome::Copied, _) if report.bytes.method.is_some() => self.count_file(report),
            (Outcome::Copied, _) => self.specials += 1,
            _ => self.skipped += 1,
        }
        self.warnings += report.warned.len() as u64;
        self.unpreserved += report.unpreserved.len() as u64;
        self.changed += u64::from(report.changed);
    }

    /// Counts a new file that was read and written.
    pub(crate) fn count_written(&mut self, len_bytes: u64) {
        let method = (len_bytes > 0).then_some(Method::ReadWrite);
        self.count_bytes(&Bytes { method, len: len_bytes, moved: len_bytes, ..Bytes::default() });
    }

    fn count_bytes(&mut self, bytes: &Bytes) {
        self.files += 1;
        self.bytes.len += bytes.len;
        self.bytes.moved += bytes.moved;
        self.bytes.cloned += bytes.cloned;
        self.bytes.holes += bytes.holes;
        self.sizes.0[(u64::BITS - bytes.len.leading_zeros()) as usize] += 1;
        if let Some(method) = bytes.method {
            *self.methods.entry(method).or_default() += 1;
        }
    }

    fn count_file(&mut self, report: &FileReport) {
        self.count_bytes(&report.bytes);
        self.identical += u64::from(report.staging == Some(StagingUsed::Identical));
        for refusal in &report.refusals {
            *self.refusals.entry((refusal.method, refusal.reason)).or_default() += 1;
        }
        self.fallbacks += u64::from(!report.refusals.is_empty());
    }

    pub(crate) fn keep_error(&mut self, error: Error) {
        self.failures += 1;
        if self.errors.len() < ERRORS_KEPT_MAX {
            self.errors.push(error);
        }
    }

    /// Adds what another worker did.
    pub(crate) fn merge(&mut self, other: TreeReport) {
        self.files += other.files;
        self.directories += other.directories;
        self.symlinks += other.symlinks;
        self.links += other.links;
        self.specials += other.specials;
        self.skipped += other.skipped;
        self.identical += other.identical;
        self.bytes.len += other.bytes.len;
        self.bytes.moved += other.bytes.moved;
        self.bytes.cloned += other.bytes.cloned;
        self.bytes.holes += other.bytes.holes;
        for (method, count) in other.methods {
            *self.methods.entry(method).or_default() += count;
        }
        for (key, count) in other.refusals {
            *self.refusals.entry(key).or_default() += count;
        }
        self.fallbacks += other.fallbacks;
        for (mine, theirs) in self.sizes.0.iter_mut().zip(other.sizes.0) {
            *mine += theirs;
        }
        self.snapshots.extend(other.snapshots);
        self.changed += other.changed;
        self.failures += other.failures;
        self.warnings += other.warnings;
        self.unpreserved += other.unpreserved;
        self.errors.extend(other.errors);
        self.cancelled |= other.cancelled;
    }

    /// Sorts what is shown and cuts it to its bound.
    pub(crate) fn finish(&mut self) {
        self.errors.sort_by(|a, b| a.path().cmp(b.path()));
        self.errors.truncate(ERRORS_KEPT_MAX);
        self.snapshots.sort_by(|a, b| a.target.cmp(&b.target));
    }
}
