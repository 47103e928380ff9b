//! The façade: options, what is shared between calls, and the three ways to start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::error::Result;
use crate::file::Context;
use crate::options::Options;
use crate::plan::{Kind, Method};
use crate::report::{FileReport, TreeReport};
use crate::watch::{Cancel, Counters, NoObserver, Observer};
use crate::{file, sys, tree};

/// One source and the exact name that its copy gets.
///
/// A source that is a directory needs [`Options::recursive`](crate::Options#structfield.recursive); its contents
/// go below `target`, which may exist as a directory already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What is copied.
    pub source: PathBuf,
    /// The name of the copy.
    pub target: PathBuf,
    /// Directories to be made for the target, outermost first: each as the directory of the source whose
    /// attributes it takes, and its own path. Those that exist already take the attributes over too.
    pub parents: Vec<(PathBuf, PathBuf)>,
}

impl Transfer {
    /// Returns a transfer without parents to be made.
    pub fn new(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Transfer {
        Transfer { source: source.into(), target: target.into(), parents: Vec::new() }
    }
}

/// Something met below an operand, before anything is done about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The path: the operand and the names below it.
    pub path: &'a Path,
    /// The last name.
    pub name: &'a OsStr,
    /// What it is; symbolic links are not followed.
    pub kind: Kind,
}

/// Decides whether something met below an operand is copied; a directory that is not is not entered.
///
/// It runs on worker threads, several at a time.
pub type Filter = Arc<dyn Fn(&Candidate<'_>) -> bool + Send + std::marker::Sync>;

/// Copies files and trees with one set of options, remembering between calls what file systems refused.
///
/// Clones share the memory, the cancel flag and the counters. A copier may be used from several threads.
#[derive(Clone)]
pub struct Copier {
    context: Arc<Context>,
}

impl Method {
    /// Whether this platform has the method.
    pub fn is_available(self) -> bool {
        sys::METHODS.contains(self)
    }
}

impl Copier {
    /// Returns a copier with these options.
    pub fn new(options: Options) -> Copier {
        Copier { context: Arc::new(Context::new(options)) }
    }

    /// Returns the copier with a filter for what is met below operands (operands always pass).
    #[must_use]
    pub fn filter(
        self,
        admits: impl Fn(&Candidate<'_>) -> bool + Send + std::marker::Sync + 'static,
    ) -> Copier {
        let mut context = self.context.with_options(self.context.options.clone());
        context.filter = Some(Arc::new(admits));
        Copier { context: Arc::new(context) }
    }

    /// Returns the flag that stops every copy of this copier.
    pub fn cancel(&self) -> Cancel {
        self.context.cancel.clone()
    }

    /// Returns the progress of all copies of this copier together.
    pub fn counters(&self) -> Counters {
        self.context.counters.clone()
    }

    /// Copies one thing that is not a directory, on the calling thread. On Linux, other threads may help with a file of
    /// 32 MiB or more from or onto tmpfs, or from ext4 or Btrfs onto XFS, as far as
    /// [`workers`](Options#structfield.workers) allows.
    ///
    /// # Errors
    ///
    /// Fails with the operation that failed; nothing half-made stays, and what had the target's name before is
    /// intact unless it was written in place (which the default options never do). A missing parent directory
    /// that was made stays.
    pub fn copy_file(
        &self,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<FileReport> {
        self.context.begin();
        file::copy_operand(&self.context, source.as_ref(), target.as_ref(), &mut NoObserver)
    }

    /// Copies a tree (or a file) to the name `target`, going on after failures.
    pub fn copy_tree(
        &self,
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
        observer: &mut dyn Observer,
    ) -> TreeReport {
        let transfer = Transfer::new(source.as_ref(), target.as_ref());
        if self.context.options.recursive {
            return self.run(&[transfer], observer);
        }
        let context = self.context.with_options(self.context.options.clone().recursive(true));
        Copier { context: Arc::new(context) }.run(&[transfer], observer)
    }

    /// Copies every transfer, in order as far as one worker goes, going on after failures.
    ///
    /// Events, questions and failures reach the observer on the calling thread.
    pub fn run(&self, transfers: &[Transfer], observer: &mut dyn Observer) -> TreeReport {
        let started = Instant::now();
        self.context.begin();
        let mut report = tree::run(&self.context, transfers, observer);
        report.cancelled |= self.context.cancel.is_cancelled();
        report.elapsed = started.elapsed();
        report.finish();
        report
    }
}

/// Copies one file with the default options: [`Copier::copy_file`].
///
/// # Errors
///
/// See [`Copier::copy_file`].
pub fn copy(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<FileReport> {
    Copier::new(Options::new()).copy_file(source, target)
}
