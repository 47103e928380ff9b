//! One file, with I/O: look, decide, create, fill, dress, publish, report.
//!
//! | file | what it does |
//! |---|---|
//! | `leaf` | one source that is not a directory: what is it, what is to be done |
//! | `regular` | a file's copy, by each way of taking the target's name |
//! | `fast` | a small new file, by straight code |
//! | `same` | a target that already is what copying would make of it |
//! | `content` | its bytes: by the ladder, or as a stream |
//! | `creating` | methods that make their own target |
//! | `looks` | the mode it is created with, and what it is to look like |
//! | `fill` | the loop that moves bytes, through the `Mover` |
//! | `dress` | owner, attributes, mode with ACL, times |
//! | `backup` | what had the target's name, kept under another one |
//! | `target` | the guard that removes what was made unless it is committed |
//! | `special` | symbolic links, FIFOs, sockets, devices; links made instead of copies |
//! | `memory` | which methods were refused, for whom |

mod backup;
mod content;
mod creating;
mod dress;
mod fast;
mod fill;
mod leaf;
mod looks;
mod memory;
mod regular;
mod same;
mod special;
mod target;

use std::ffi::{CString, OsStr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::Duration;

use crate::copier::Filter;
use crate::error::{Error, Operation, Result};
use crate::options::{Options, Sync};
use crate::plan::{Facts, FileSystem, Identity};
use crate::report::FileReport;
use crate::sys::{self, Borrowed, Buffer, Lend};
use crate::watch::{Cancel, Counters, Event, Flow, Observer, Question};

pub(crate) use backup::set_aside;
pub(crate) use dress::{Acl, Layer, PathOf, Unkept, Wanted, Weight, Whose, dress};
pub(crate) use fast::{Fast, FastPath, copy_fast};
pub(crate) use leaf::{Leaf, copy_leaf};
pub(crate) use regular::unseen;
pub(crate) use special::{Linked, link_to_earlier};

use memory::{Known, Memory};

/// No umask has such bits.
const UNREAD: u32 = u32::MAX;

/// What all workers of a copier share.
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) filter: Option<Filter>,
    pub(crate) cancel: Cancel,
    pub(crate) counters: Counters,
    memory: Arc<Memory>,
    /// Held by whoever makes a clone that is not to meet another.
    cloning: Arc<Mutex<()>>,
    /// The umask, or [`UNREAD`].
    umask: AtomicU32,
    pub(crate) caller: sys::Caller,
}

impl Context {
    pub(crate) fn new(options: Options) -> Context {
        Context {
            options,
            filter: None,
            cancel: Cancel::new(),
            counters: Counters::default(),
            memory: Arc::default(),
            cloning: Arc::default(),
            umask: AtomicU32::new(UNREAD),
            caller: sys::caller(),
        }
    }

    /// A context with other options that shares all the rest.
    pub(crate) fn with_options(&self, options: Options) -> Context {
        Context {
            filter: self.filter.clone(),
            cancel: self.cancel.clone(),
            counters: self.counters.clone(),
            memory: Arc::clone(&self.memory),
            cloning: Arc::clone(&self.cloning),
            ..Context::new(options)
        }
    }

    /// A run begins: what is the process's own may have changed since the last one.
    pub(crate) fn begin(&self) {
        // Mostly nobody asked for it, and other threads need not hear of that.
        if self.umask.load(Ordering::Relaxed) != UNREAD {
            self.umask.store(UNREAD, Ordering::Relaxed);
        }
    }

    /// How many threads may work at once.
    pub(crate) fn threads(&self) -> usize {
        self.threads_of(|| available_parallelism().map_or(1, NonZero::get))
    }

    /// As [`threads`](Context::threads), before it is known whether a control group allows them; that takes some time to find out.
    pub(crate) fn threads_at_most(&self) -> usize {
        self.threads_of(sys::processors)
    }

    fn threads_of(&self, processors: impl FnOnce() -> usize) -> usize {
        /// More have not been measured.
        const CHOSEN_MAX: usize = 8;
        /// More than that is a slip of the keyboard.
        const ASKED_MAX: usize = 256;
        match self.options.workers {
            Some(asked) => asked.get().min(ASKED_MAX),
            None => processors().clamp(1, CHOSEN_MAX),
        }
    }

    /// Opens a file on which somebody may hold a lease. Trying to open it asks them to give it back, which the
    /// system makes them do within 45 seconds (/proc/sys/fs/lease-break-time).
    fn outwait_lease(
        &self,
        mut open: impl FnMut() -> sys::Answer<sys::Handle>,
    ) -> sys::Answer<sys::Handle> {
        const ATTEMPTS_MAX: usize = 2500;
        const PAUSE: Duration = Duration::from_millis(20);
        for _ in 1..ATTEMPTS_MAX {
            match open() {
                Err(sys::TRY_LATER) if !self.cancel.is_cancelled() => std::thread::sleep(PAUSE),
                answer => return answer,
            }
        }
        open()
    }

    /// The permission bits that the process takes away from new files.
    pub(crate) fn umask(&self) -> u32 {
        match self.umask.load(Ordering::Relaxed) {
            UNREAD => {
                let umask = sys::umask();
                self.umask.store(umask, Ordering::Relaxed);
                umask
            }
            umask => umask,
        }
    }
}

/// What one worker keeps from file to file.
#[derive(Default)]
pub(crate) struct Tools {
    /// One for this worker, and one for each thread that may help it with a big file.
    buffers: Vec<Buffer>,
    known: Known,
    /// The kinds of the file systems met, by device.
    file_systems: Vec<(u64, FileSystem)>,
    /// Devices where a file without a name cannot be made.
    named_only: Vec<u64>,
    /// The umask, where no other thread can change it.
    umask: Option<u32>,
    /// The source's extended attributes.
    names: Vec<CString>,
    /// The last target that was looked at, or could not be created, was there: so may be the next.
    meets_existing: bool,
    /// The caller tried to give a file away and may not.
    cannot_give_away: bool,
    /// The last file was cloned in turn: others would have had to wait.
    pub(crate) has_cloned_in_turn: bool,
}

impl Tools {
    pub(crate) fn new(umask: Option<u32>) -> Tools {
        Tools { umask, ..Tools::default() }
    }

    /// Buffers for this many threads, at least one.
    fn buffers(&mut self, threads: usize) -> &mut [Buffer] {
        let count = threads.max(1);
        if self.buffers.len() < count {
            self.buffers.resize_with(count, Buffer::default);
        }
        &mut self.buffers[..count]
    }

    /// Closes what is kept open; returns whether there was anything.
    pub(crate) fn put_away(&mut self) -> bool {
        // Threads that help keep nothing open.
        self.buffers.first_mut().is_some_and(Buffer::put_away)
    }

    pub(crate) fn file_system(&mut self, file: Borrowed<'_>, device: u64) -> FileSystem {
        if let Some((_, known)) = self.file_systems.iter().find(|(known, _)| *known == device) {
            return *known;
        }
        let found = sys::file_system(file);
        self.file_systems.push((device, found));
        found
    }
}

/// A name in an open directory, and the path to print for it.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) directory: Borrowed<'a>,
    pub(crate) name: &'a OsStr,
    pub(crate) path: PathOf<'a>,
}

impl Spot<'_> {
    #[cold]
    pub(crate) fn error(&self, operation: Operation) -> Error {
        Error::new(operation, (self.path)())
    }

    /// Looks at what has the name.
    pub(crate) fn facts(&self, follow: bool) -> sys::Answer<Facts> {
        sys::facts_at(self.directory, self.name, follow)
    }
}

/// What is known of the directory that gets a target.
#[derive(Clone, Copy)]
pub(crate) struct TargetDirectory {
    pub(crate) device: u64,
    /// New entries inherit an access control list.
    pub(crate) has_default_acl: bool,
    /// Owner and group of new files, where that is sure.
    pub(crate) owner_of_new: Option<(u32, u32)>,
    /// This run made it, and nothing else in the run leads there: what it holds was made by this run.
    pub(crate) is_own: bool,
    /// What the fast path may take there.
    pub(crate) fast: Option<FastPath>,
}

impl TargetDirectory {
    pub(crate) fn of(directory: Borrowed<'_>) -> sys::Answer<TargetDirectory> {
        Ok(TargetDirectory {
            device: sys::facts(directory)?.identity.device,
            has_default_acl: sys::has_default_acl(directory),
            owner_of_new: None,
            is_own: false,
            fast: None,
        })
    }
}

/// What is about to be done to a target's name.
pub(crate) enum Starting {
    Removing { target: PathBuf },
    Copying { source: PathBuf, target: PathBuf, backup: Option<PathBuf> },
}

impl Starting {
    /// Tells the observer.
    pub(crate) fn deliver(&self, observer: &mut dyn Observer) -> Flow {
        match self {
            Starting::Removing { target } => observer.event(Event::Removing { target }),
            Starting::Copying { source, target, backup } => {
                observer.event(Event::Starting { source, target, backup: backup.as_deref() })
            }
        }
    }
}

/// Those around a file's copy: who answers questions, and who knows what this run has already made.
pub(crate) trait Host {
    /// May an existing target be replaced?
    fn ask(&mut self, question: &Question<'_>) -> bool;

    /// Whether somebody wants to know what is about to be done.
    fn wants_starts(&self) -> bool {
        false
    }

    /// Something is about to be done.
    fn starting(&mut self, starting: Starting) {
        let _ = starting;
    }

    /// A source is about to be copied. `false` means that the host takes it from here: another
    /// name of it was copied before, or is being copied.
    fn claim(&mut self, facts: &Facts) -> bool {
        let _ = facts;
        true
    }

    /// How many threads nobody else needs at this moment.
    fn spare_threads(&self) -> usize {
        0
    }

    /// Whether it matters what this run made: several operands may meet at one name.
    fn wants_made(&self) -> bool {
        false
    }

    /// Whether this run made the file, under this name.
    fn has_made(&self, path: PathBuf, identity: Identity) -> bool {
        let _ = (path, identity);
        false
    }

    /// This run made the file, under this name.
    fn note_made(&mut self, path: PathBuf, identity: Identity) {
        let _ = (path, identity);
    }
}

/// A host without neighbours.
struct Alone<'a>(&'a Context, &'a mut dyn Observer);

impl Host for Alone<'_> {
    fn spare_threads(&self) -> usize {
        self.0.threads() - 1
    }

    fn ask(&mut self, question: &Question<'_>) -> bool {
        self.1.ask(question)
    }

    fn wants_starts(&self) -> bool {
        self.1.wants_starts()
    }

    fn starting(&mut self, starting: Starting) {
        if starting.deliver(self.1) == Flow::Stop {
            self.0.cancel.cancel();
        }
    }
}

/// Copies one operand that is not a directory, on the calling thread.
pub(crate) fn copy_operand(
    context: &Context,
    source: &Path,
    target: &Path,
    observer: &mut dyn Observer,
) -> Result<FileReport> {
    if context.cancel.is_cancelled() {
        return Err(Error::new(Operation::Cancelled, target.to_path_buf()));
    }
    let (parent, name) = parent_and_name(target);
    if context.options.make_parents {
        make_parents(context, parent)?;
    }
    let no_directory =
        |code| Error::new(Operation::OpenTargetDirectory, parent.to_path_buf()).with_cause(code);
    let directory = sys::open_directory_path(sys::working_directory(), parent.as_os_str(), true)
        .map_err(no_directory)?;
    let source_path = || source.to_path_buf();
    let target_path = || target.to_path_buf();
    let leaf = Leaf {
        source: Spot {
            directory: sys::working_directory(),
            name: source.as_os_str(),
            path: &source_path,
        },
        target: Spot { directory: directory.lend(), name, path: &target_path },
        kind: None,
        is_operand: true,
        with_paths: true,
        into: TargetDirectory::of(directory.lend()).map_err(no_directory)?,
    };
    let report =
        copy_leaf(context, &mut Tools::default(), &leaf, None, &mut Alone(context, observer))?;
    let mut report = report.expect("a host without neighbours takes nothing over");
    if context.options.sync == Sync::Full {
        sync_directory(parent)?;
    }
    context.counters.add_file();
    match report.incomplete.is_empty() {
        true => Ok(report),
        false => Err(report.incomplete.swap_remove(0)),
    }
}

/// The directory that holds a path's last name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Takes a path apart into a directory and a name in it. What ends in a slash or in dots stays whole: it names a
/// directory if anything, which is for the system to say.
pub(crate) fn parent_and_name(path: &Path) -> (&Path, &OsStr) {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    let last = bytes.rsplit(is_separator).next();
    match path.file_name() {
        Some(name) if last == Some(name.as_encoded_bytes()) => (parent_of(path), name),
        _ => (Path::new("."), path.as_os_str()),
    }
}

/// Makes the directories that are missing on the way to a target's directory.
pub(crate) fn make_parents(context: &Context, parent: &Path) -> Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = parent.ancestors().take_while(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(parent).map_err(|cause| {
        Error::new(Operation::CreateDirectory, parent.to_path_buf()).with_cause(cause)
    })?;
    if context.options.sync == Sync::Full {
        missing.iter().try_for_each(|made| sync_directory(parent_of(made)))?;
    }
    Ok(())
}

/// Forces a directory's entries to stable storage.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let failed = |code| Error::new(Operation::SyncTarget, path.to_path_buf()).with_cause(code);
    let directory =
        sys::open_directory(sys::working_directory(), path.as_os_str(), true).map_err(failed)?;
    sys::sync_all(directory.lend()).map_err(failed)
}

/// Where a report's paths come from: both are made only when somebody reads them.
pub(crate) fn paths(source: &Spot<'_>, target: &Spot<'_>) -> (PathBuf, PathBuf) {
    ((source.path)(), (target.path)())
}
