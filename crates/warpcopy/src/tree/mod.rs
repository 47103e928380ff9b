//! Many files: directories walked by handles, shared among workers, finished from the bottom up.
//!
//! | file | what it knows |
//! |---|---|
//! | `dir` | a directory being copied: who it is, what is still to come below it |
//! | `handles` | a worker's open directories: a bounded cache, reopened by name and identity |
//! | `worker` | walks depth first, gives half of its work away when others have none |
//! | `enter` | makes a directory at the target; gives it its attributes when all below it is done |
//! | `operand` | the sources and targets that the caller named |
//! | `snapshot` | one snapshot in place of a tree's copy |
//! | `met` | which directories were met before, where a copy into itself is allowed |
//! | `pool` | what is given away, who waits for it, when all is done |
//! | `claims` | sources with several names: copied once, then linked |
//! | `outlet` | the way from a worker to the observer, who lives on the calling thread |
//!
//! A worker owns every handle it uses: what travels between workers is names and identities. That keeps the number
//! of open files bounded, and lets each worker have a descriptor table of its own.

mod claims;
mod dir;
mod enter;
mod handles;
mod met;
mod operand;
mod outlet;
mod pool;
mod snapshot;
mod worker;

use std::path::Path;
use std::sync::mpsc;

use crate::copier::Transfer;
use crate::file::{Context, parent_of};
use crate::options::{Reflink, Sparse, Symlinks};
use crate::plan::{FileSystem, Kind};
use crate::report::TreeReport;
use crate::sys::{self, Lend};
use crate::watch::Observer;

use claims::Claims;
use met::Met;
use outlet::{Message, Outlet};
use pool::Pool;
use worker::Worker;

/// What the workers of one run share.
struct Run<'a> {
    context: &'a Context,
    transfers: &'a [Transfer],
    pool: Pool,
    claims: Claims,
    made: claims::MadeSet,
    wants_files: bool,
    wants_starts: bool,
    /// One worker does it all.
    is_alone: bool,
    /// Some directory may be met that was made, or named, before.
    may_meet: bool,
    met: Met,
    /// Names come in the order of their inode numbers.
    is_ordered: bool,
    /// How many directories one worker keeps open.
    directories_open_max: usize,
}

impl Run<'_> {
    /// How many threads may help with a big file at this moment.
    fn spare_threads(&self) -> usize {
        match self.is_alone {
            true => self.context.threads() - 1,
            false => self.pool.hungry(),
        }
    }
}

/// Messages that wait for the observer; a worker that is faster than the observer waits with them.
const MESSAGES_MAX: usize = 1024;

/// Copies every transfer and reports what was done.
pub(crate) fn run(
    context: &Context,
    transfers: &[Transfer],
    observer: &mut dyn Observer,
) -> TreeReport {
    let options = &context.options;
    // How far such a copy gets depends on the order.
    let may_meet =
        options.into_itself && options.recursive && operand::may_meet(context, transfers);
    let is_ordered = options.ordered || may_meet;
    let workers = if is_ordered { 1 } else { workers(context, transfers) };
    // A filter is the caller's code: it must find the caller's descriptors.
    let has_own_tables = workers > 1 && context.filter.is_none() && sys::can_own_descriptor_table();
    let workers = if has_own_tables { workers } else { workers.min(workers_per_table_max()) };
    let workers = workers.min(workers_with_room());
    let run = Run {
        context,
        transfers,
        pool: Pool::new(transfers.len()),
        claims: Claims::default(),
        made: claims::MadeSet::new(transfers.len() > 1),
        wants_files: observer.wants_files(),
        wants_starts: observer.wants_starts(),
        is_alone: workers == 1,
        is_ordered,
        may_meet,
        met: Met::new(options.into_itself),
        directories_open_max: directories_open_max(if has_own_tables { 1 } else { workers }),
    };
    if workers == 1 {
        return Worker::new(&run, Outlet::direct(observer), None).work();
    }
    in_parallel(&run, workers, has_own_tables, observer)
}

/// Runs the workers; the calling thread passes their messages to the observer.
fn in_parallel(
    run: &Run<'_>,
    workers: usize,
    has_own_tables: bool,
    observer: &mut dyn Observer,
) -> TreeReport {
    let (sender, receiver) = mpsc::sync_channel::<Message>(MESSAGES_MAX);
    let mut report = TreeReport::default();
    std::thread::scope(|scope| {
        let mut threads = Vec::with_capacity(workers);
        for _ in 0..workers {
            let sender = sender.clone();
            let work = move || {
                let mut umask = None;
                if has_own_tables {
                    sys::own_descriptor_table();
                    umask = sys::own_umask();
                }
                Worker::new(run, Outlet::channel(sender), umask).work()
            };
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(thread) => threads.push(thread),
                // A limit on processes: as many as there are must do.
                Err(_) => break,
            }
        }
        drop(sender);
        if threads.is_empty() {
            report = Worker::new(run, Outlet::direct(observer), None).work();
            return;
        }
        for message in receiver {
            message.deliver(observer, run.context, &mut report);
        }
        for thread in threads {
            match thread.join() {
                Ok(part) => report.merge(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    report
}

/// How many threads to use: those asked for, else what the target's file system makes use of.
fn workers(context: &Context, transfers: &[Transfer]) -> usize {
    let Some(first) = transfers.first() else { return 1 };
    if !operand::are_targets_apart(transfers) {
        return 1;
    }
    if let [only] = transfers
        && !is_directory(context, &only.source)
    {
        return 1;
    }
    if context.options.workers.is_some() {
        return context.threads();
    }
    let target = file_system_of(&first.target);
    let may_clone = file_system_of(&first.source) == target
        && context.options.reflink != Reflink::Never
        && context.options.sparse == Sparse::Auto
        && context.options.method.is_none();
    workers_that_pay(target, may_clone, context.threads())
}

/// Writing many small files to Btrfs is slower with two workers than with one, for they meet in its locks (1.20 of
/// `cp -a`'s time against 0.88, 100,000 files of 1 KiB on two cores); cloning them gains (0.61 against 0.73), and so
/// does everything elsewhere. More than eight workers have not been measured.
fn workers_that_pay(target: FileSystem, may_clone: bool, threads: usize) -> usize {
    match target {
        FileSystem::Btrfs if !may_clone => 1,
        _ => threads,
    }
}

fn is_directory(context: &Context, source: &Path) -> bool {
    let follow = context.options.symlinks != Symlinks::Keep;
    sys::facts_at(sys::working_directory(), source.as_os_str(), follow)
        .is_ok_and(|facts| facts.kind == Kind::Directory)
}

fn file_system_of(path: &Path) -> FileSystem {
    let open =
        |path: &Path| sys::open_directory_path(sys::working_directory(), path.as_os_str(), true);
    open(path)
        .or_else(|_| open(parent_of(path)))
        .map_or(FileSystem::Other, |directory| sys::file_system(directory.lend()))
}

/// How many workers the address space has room for: each takes a stack and an arena of the allocator.
fn workers_with_room() -> usize {
    const BYTES_PER_WORKER: u64 = 128 << 20;
    let room = sys::address_space_max().map(|bytes| bytes / BYTES_PER_WORKER);
    room.map_or(usize::MAX, |workers| usize::try_from(workers).unwrap_or(usize::MAX).max(1))
}

/// How many workers one descriptor table has room for.
fn workers_per_table_max() -> usize {
    const OPEN_FILES_PER_WORKER: usize = 24;
    (sys::open_files_max() / OPEN_FILES_PER_WORKER).max(1)
}

/// Half of what the process may have open, two handles for each directory, shared among those who share the table.
fn directories_open_max(workers_per_table: usize) -> usize {
    const RESERVED: usize = 16;
    const MAX: usize = 256;
    let share = (sys::open_files_max() / 2).saturating_sub(RESERVED) / 2 / workers_per_table;
    share.clamp(3, MAX)
}
