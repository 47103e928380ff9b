//! Many files: directories walked by handles, shared among workers, finished from the bottom up.
//!
//! | file | what it knows |
//! |---|---|
//! | `dir` | a directory being copied: who it is, what is still to come below it |
//! | `handles` | a worker's open directories: a bounded cache, reopened by name and identity |
//! | `worker` | walks depth first, gives half of its work away when others have none |
//! | `enter` | makes a directory at the target; gives it its attributes when all below it is done |
//! | `ahead` | directories that are made before they are entered, where that pays |
//! | `operand` | the sources and targets that the caller named |
//! | `snapshot` | one snapshot in place of a tree's copy |
//! | `met` | which directories were met before, where a copy into itself is allowed |
//! | `pool` | what is given away, who waits for it, when all is done |
//! | `claims` | sources with several names: copied once, then linked |
//! | `outlet` | the way from a worker to the observer, who lives on the calling thread |
//!
//! The calling thread begins by itself; when there turns out to be enough for several, it hands over to workers and listens
//! to them. A worker owns every handle it uses: what travels between workers is names and identities. That keeps the number
//! of open files bounded, and lets each worker have a descriptor table of its own. The one exception: directories that the
//! calling thread had read in part stay open until all is done.

mod ahead;
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

use std::cell::LazyCell;
use std::path::Path;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use crate::copier::Transfer;
use crate::file::{Context, parent_of};
use crate::options::{Options, Reflink, Sparse, Symlinks};
use crate::plan::{FileSystem, Kind};
use crate::report::TreeReport;
use crate::sys::{self, Borrowed, Lend};
use crate::watch::Observer;

use claims::Claims;
use handles::{Handles, Pair};
use met::Met;
use outlet::{Message, Outlet};
use pool::Pool;
use worker::{Company, Worker};

/// What the workers of one run share.
struct Run<'a> {
    context: &'a Context,
    transfers: &'a [Transfer],
    pool: Pool,
    claims: Claims,
    made: claims::MadeSet,
    wants_files: bool,
    wants_starts: bool,
    /// Some directory may be met that was made, or named, before.
    may_meet: bool,
    met: Met,
    /// Names come in the order of their inode numbers.
    is_ordered: bool,
    /// Asked for when the first big file is met.
    clones_big_files: OnceLock<bool>,
}

/// The calling thread begins by itself, and starts workers when what is left will take it so long. Starting two and ending
/// them takes 0.5 to 0.7 ms on a virtual machine with two processors, and what is left takes half as long with them. Clones
/// that are made one at a time (`plan::clones_in_turn`) do not count: 300 of 4 extents took 0.88 of `cp -a`'s time with one
/// worker and 0.99 with two on Btrfs, 0.97 and 1.08 on XFS.
///
/// Over `cp -a`'s time, where workers were started after a millisecond in any case, and so: 100 files of 1 KiB 0.64 and 0.52
/// on tmpfs, 0.60 and 0.49 on ext4; 200 of them 0.55 and 0.45, 0.50 and 0.44; 20 directories of 20 0.44 and 0.40, 0.42 and 0.39;
/// 100 clones of 10 MiB on XFS 0.65 and 0.58; 10 directories of one file, for which it is too soon, 0.53 and 0.52, 0.59 and 0.60
/// (medians of 31 to 101 interleaved runs, Linux 6.18). In another series, with the time of env(1) at both, calling for 1.5 ms made
/// the last 0.79 on ext4 where nobody is called 0.70; calling for 2.5 ms left 100 files on tmpfs at 0.69 where 2 ms have 0.65.
const COMPANY_PAYS_FOR: Duration = Duration::from_millis(2);

/// As [`COMPANY_PAYS_FOR`], onto Btrfs, where workers wait for each other in the kernel. Over `cp -a`'s time with one worker and
/// with two: 100 clones of 10 MiB 0.73 and 0.82, 100 files of 1 KiB 0.74 and 0.83, 300 of them 0.76 and 0.75; 200 clones of 256 KiB
/// 0.78 and 0.68, 400 of them 0.78 and 0.67 (medians of 13 to 41 interleaved rounds, Linux 6.18). Two take 1.5 times the processor
/// time.
const COMPANY_PAYS_ON_BTRFS_FOR: Duration = Duration::from_millis(8);

/// What a name takes is not known before: the first take longer.
const COMPANY_ASKED_AFTER: Duration = Duration::from_micros(200);

/// Asked after 0.2 ms, 100 clones on Btrfs looked like more than 12 ms in most runs, and take 6.
const COMPANY_ASKED_ON_BTRFS_AFTER: Duration = Duration::from_millis(1);

/// For how many names a directory stands that was not read yet; see [`COMPANY_PAYS_FOR`]. With 8, 10 directories of one file
/// were taken for too much.
const NAMES_IN_A_DIRECTORY: u32 = 4;

/// Copying a file of this length takes as long as starting a worker: workers are started first. (60 files of 20 KB: 0.84 of
/// one worker's time with two on ext4, 0.91 on tmpfs; 30: 1.11 and 1.06.) Not so where it is cloned, and that only takes as
/// long as it has extents: 8 clones of 40 MiB took 0.58 of `cp -a`'s time so and 0.94 with workers on Btrfs, 0.68 and 0.90 on
/// XFS, 60 of 4 MiB 0.75 and 0.90 on Btrfs (medians of 15 interleaved rounds, Linux 6.18).
const COMPANY_PAYS_FROM_BYTES: u64 = 1 << 20;

/// Messages that wait for the observer; a worker that is faster than the observer waits with them. The channel writes to
/// the room of each when it is made: 1024 took 66 us, a tenth of what starting workers takes.
const MESSAGES_MAX: usize = 128;

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
    let run = Run {
        context,
        transfers,
        pool: Pool::new(transfers.len()),
        claims: Claims::default(),
        made: claims::MadeSet::new(transfers.len() > 1),
        wants_files: observer.wants_files(),
        wants_starts: observer.wants_starts(),
        is_ordered,
        may_meet,
        met: Met::new(options.into_itself),
        clones_big_files: OnceLock::new(),
    };
    let company = match is_ordered || !may_be_shared(context, transfers) {
        true => Company::Never,
        // Who names a number is to have it.
        false if options.workers.is_some() => Company::Wanted,
        false => Company::From(Instant::now()),
    };
    let mut first = Worker::new(&run, Outlet::direct(observer), company, handles(1), None);
    first.work();
    let reading = first.hand_over();
    if !run.pool.has_work() {
        return first.report;
    }
    let team = Team::new(context, transfers);
    if team.workers == 1 {
        drop(reading);
        first.work_alone();
        return first.report;
    }
    let report = std::mem::take(&mut first.report);
    drop(first);
    in_parallel(&run, &team, &reading, observer, report)
}

/// Runs the workers; the calling thread passes their messages to the observer, and keeps the directories open that they go on
/// `reading`: in a descriptor table of its own, a worker cannot close them for it.
fn in_parallel(
    run: &Run<'_>,
    team: &Team,
    reading: &[Arc<Pair>],
    observer: &mut dyn Observer,
    mut report: TreeReport,
) -> TreeReport {
    let (sender, receiver) = mpsc::sync_channel::<Message>(MESSAGES_MAX);
    let kept: Vec<Borrowed<'_>> = reading.iter().flat_map(|pair| pair.ends()).collect();
    let kept = &kept;
    std::thread::scope(|scope| {
        run.pool.expect(team.workers);
        let mut threads = Vec::with_capacity(team.workers);
        let allowed = LazyCell::new(|| run.context.threads());
        for number in 0..team.workers {
            // Two are at work while it is found out whether there may be more.
            if number >= 2 && number >= *allowed {
                break;
            }
            let sender = sender.clone();
            let work = move || {
                run.pool.expect_no_more(1);
                let has_own_table = team.has_own_tables && sys::own_descriptor_table(kept);
                let umask = if team.has_own_tables { sys::own_umask() } else { None };
                let handles = handles(team.workers_per_table());
                let outlet = Outlet::channel(sender);
                let mut worker = Worker::new(run, outlet, Company::Present, handles, umask);
                worker.work();
                let report = std::mem::take(&mut worker.report);
                drop(worker);
                // The system closes what is kept only after the thread was waited for.
                if has_own_table {
                    sys::close_own_descriptor_table();
                }
                report
            };
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(thread) => threads.push(thread),
                // A limit on processes: as many as there are must do.
                Err(_) => break,
            }
        }
        run.pool.expect_no_more(team.workers - threads.len());
        drop(sender);
        if threads.is_empty() {
            let outlet = Outlet::direct(observer);
            let mut only = Worker::new(run, outlet, Company::Never, handles(1), None);
            only.work();
            return report.merge(only.report);
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

/// Whether there is something to do for more than one.
fn may_be_shared(context: &Context, transfers: &[Transfer]) -> bool {
    match transfers {
        [] => false,
        [only] => is_directory(context, &only.source),
        _ => operand::are_targets_apart(transfers),
    }
}

/// The workers that share a run.
struct Team {
    workers: usize,
    /// Each has a descriptor table of its own.
    has_own_tables: bool,
}

impl Team {
    fn new(context: &Context, transfers: &[Transfer]) -> Team {
        let workers = workers(context, transfers).min(workers_with_room());
        // A filter is the caller's code: it must find the caller's descriptors.
        let may_own = workers > 1 && context.filter.is_none();
        match may_own && sys::can_own_descriptor_table() {
            true => Team { workers, has_own_tables: true },
            false => Team { workers: workers.min(workers_per_table_max()), has_own_tables: false },
        }
    }

    fn workers_per_table(&self) -> usize {
        if self.has_own_tables { 1 } else { self.workers }
    }
}

/// How many workers to use at most: those asked for, else what the target's file system makes use of.
fn workers(context: &Context, transfers: &[Transfer]) -> usize {
    let Some(first) = transfers.first() else { return 1 };
    if context.options.workers.is_some() {
        return context.threads_at_most();
    }
    let target = file_system_of(&first.target);
    let may_clone = file_system_of(&first.source) == target && may_clone(&context.options);
    workers_that_pay(target, may_clone, context.threads_at_most())
}

/// Whether big files will be cloned, as far as can be told before one is: from where the first operand is and goes.
fn clones_big_files(context: &Context, transfers: &[Transfer]) -> bool {
    let Some(first) = transfers.first() else { return false };
    may_clone(&context.options)
        && file_system_of(&first.target).shares_blocks()
        && device_of(&first.source).is_some_and(|device| Some(device) == device_of(&first.target))
}

fn may_clone(options: &Options) -> bool {
    options.reflink != Reflink::Never && options.sparse == Sparse::Auto && options.method.is_none()
}

/// Writing many small files to Btrfs is no faster with two workers than with one, for they meet in its locks (0.58 and 0.57
/// of `cp -a`'s time, 100,000 files of 1 KiB from tmpfs on two processors, medians of 5 interleaved rounds); cloning them
/// gains (30,000 such files 1.08 and 1.41 s), and so does everything elsewhere. More than eight workers have not been
/// measured.
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
    nearest_directory(path)
        .map_or(FileSystem::Other, |directory| sys::file_system(directory.lend()))
}

fn device_of(path: &Path) -> Option<u64> {
    let directory = nearest_directory(path).ok()?;
    sys::facts(directory.lend()).ok().map(|facts| facts.identity.device)
}

/// The directory that a path names, or the one that holds it.
fn nearest_directory(path: &Path) -> sys::Answer<sys::Handle> {
    let open =
        |path: &Path| sys::open_directory_path(sys::working_directory(), path.as_os_str(), true);
    open(path).or_else(|_| open(parent_of(path)))
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

/// Room for half of what the process may have open, two handles for each directory, shared among those who share the table.
fn handles(workers_per_table: usize) -> Handles {
    const RESERVED: usize = 16;
    const MAX: usize = 256;
    let share = (sys::open_files_max() / 2).saturating_sub(RESERVED) / 2 / workers_per_table;
    Handles::new(share.clamp(3, MAX))
}
