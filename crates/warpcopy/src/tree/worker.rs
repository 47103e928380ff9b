//! Walks depth first, one name after another; gives half away when others have nothing.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ahead::{make_ahead, unmake};
use super::claims::{Claimed, Location, Parked};
use super::dir::Dir;
use super::handles::{Handles, LastParent, Pair};
use super::outlet::{Message, Outlet};
use super::pool::{Level, Name, Pool, Work};
use super::{
    COMPANY_ASKED_AFTER, COMPANY_ASKED_ON_BTRFS_AFTER, COMPANY_PAYS_FOR, COMPANY_PAYS_FROM_BYTES,
    COMPANY_PAYS_ON_BTRFS_FOR, NAMES_IN_A_DIRECTORY, Run, clones_big_files,
};
use crate::copier::Candidate;
use crate::error::{Error, Operation, Result};
use crate::file::{self, Fast, Host, Leaf, Linked, Spot, Starting, Tools, copy_leaf};
use crate::options::{Symlinks, Sync};
use crate::plan::{Facts, FileSystem, Identity, Kind};
use crate::report::{FileReport, InPlace, Outcome, StagingUsed, TreeReport};
use crate::sys::{self, Borrowed, Lend, Listed, Listing};
use crate::watch::Question;

/// One thread's share of a run.
pub(super) struct Worker<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) tools: Tools,
    pub(super) handles: Handles,
    pub(super) last_parent: LastParent,
    /// From the operand down to where the worker is.
    levels: Vec<Level>,
    listing: Listing,
    names: Vec<Listed>,
    /// Names and operands that it has begun with.
    begun: u32,
    company: Company,
    /// When it last asked itself whether others should come.
    looked: Instant,
    outlet: Outlet<'a>,
    pub(super) report: TreeReport,
    /// Operands that waited for another name of their file.
    unparked: Vec<usize>,
}

/// Whether others work beside a worker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// It does everything.
    Never,
    /// It began by itself, then; what is left after a while may be for several.
    From(Instant),
    /// It met something that takes longer than others take to come.
    Wanted,
    Present,
}

/// Tells the pool that a worker has nothing left, also when it panics: the others must not wait for it.
struct Busy<'a>(&'a Pool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        run: &'a Run<'a>,
        outlet: Outlet<'a>,
        company: Company,
        handles: Handles,
        umask: Option<u32>,
    ) -> Worker<'a> {
        Worker {
            run,
            tools: Tools::new(umask),
            handles,
            last_parent: LastParent::default(),
            levels: Vec::new(),
            listing: Listing::new(),
            names: Vec::new(),
            begun: 0,
            company,
            looked: Instant::now(),
            outlet,
            report: TreeReport::default(),
            unparked: Vec::new(),
        }
    }

    /// Works until nobody has anything left; one that begins by itself, until others should come.
    pub(super) fn work(&mut self) {
        while !self.wants_company()
            && let Some(work) = self.run.pool.take()
        {
            let _busy = Busy(&self.run.pool);
            match work {
                Work::Level(level) => self.take_over(level),
                Work::Operand(number) if self.is_long_operand(number) => self.unparked.push(number),
                Work::Operand(number) => {
                    self.begun = self.begun.saturating_add(1);
                    self.operand(number);
                }
            }
            self.drain();
        }
    }

    /// Whether what is left is for several.
    fn wants_company(&mut self) -> bool {
        let Company::From(begin) = self.company else { return self.company == Company::Wanted };
        let now = Instant::now();
        let took = now - std::mem::replace(&mut self.looked, now);
        if std::mem::take(&mut self.tools.has_cloned_in_turn) {
            // What others would have had to wait for is no reason to have them.
            self.company = Company::From(begin + took);
            return false;
        }
        let elapsed = now.saturating_duration_since(begin);
        let left = self.time_left(elapsed);
        if elapsed < COMPANY_ASKED_AFTER || left < COMPANY_PAYS_FOR {
            return false;
        }
        let pays_anywhere =
            elapsed >= COMPANY_ASKED_ON_BTRFS_AFTER && left >= COMPANY_PAYS_ON_BTRFS_FOR;
        pays_anywhere || !self.is_on_btrfs()
    }

    /// Whether what comes next goes to Btrfs; of operands that is not known.
    fn is_on_btrfs(&mut self) -> bool {
        let Some(level) = self.levels.last() else { return false };
        let device = level.dir.into.device;
        self.handles
            .pair(&level.dir)
            .is_ok_and(|pair| self.tools.file_system(pair.target(), device) == FileSystem::Btrfs)
    }

    /// How long what is left takes, as far as names tell, if each takes what those before took. One file is for nobody else.
    fn time_left(&self, elapsed: Duration) -> Duration {
        let weight = |listed: &Listed| match listed.kind {
            Some(Kind::Directory) => NAMES_IN_A_DIRECTORY,
            _ => 1,
        };
        let names = self.levels.iter().flat_map(|level| &level.names);
        let names: u32 = names.map(|name| weight(&name.listed)).sum();
        // What operands are is not known; mostly what those before were.
        let operand = if self.report.directories > 0 { NAMES_IN_A_DIRECTORY } else { 1 };
        let operands = u32::try_from(self.run.pool.operands_left()).unwrap_or(u32::MAX);
        let left = names.saturating_add(operands.saturating_mul(operand));
        let shared = if left > 1 { left } else { 0 };
        (elapsed / self.begun.max(1)).saturating_mul(shared)
    }

    /// Whether others are to come before a name is copied.
    fn is_long(&mut self, dir: &Arc<Dir>, listed: &Listed) -> bool {
        matches!(self.company, Company::From(_))
            && listed.kind != Some(Kind::Directory)
            && self.handles.pair(dir).is_ok_and(|pair| {
                let follow = self.run.context.options.symlinks == Symlinks::Follow;
                self.takes_long(pair.source(), &listed.name, follow)
            })
    }

    fn is_long_operand(&mut self, number: usize) -> bool {
        let follow = self.run.context.options.symlinks != Symlinks::Keep;
        let source = self.run.transfers[number].source.as_os_str();
        matches!(self.company, Company::From(_))
            && self.takes_long(sys::working_directory(), source, follow)
    }

    fn takes_long(&mut self, directory: Borrowed<'_>, name: &OsStr, follow: bool) -> bool {
        let run = self.run;
        // Then nothing does, and its length need not be asked for.
        if run.clones_big_files.get() == Some(&true) {
            return false;
        }
        let is_cloned =
            || *run.clones_big_files.get_or_init(|| clones_big_files(run.context, run.transfers));
        let is_long = sys::facts_at(directory, name, follow).is_ok_and(|facts| {
            facts.kind == Kind::File && facts.len_bytes >= COMPANY_PAYS_FROM_BYTES && !is_cloned()
        });
        if is_long {
            self.company = Company::Wanted;
        }
        is_long
    }

    /// Leaves everything to others, or to itself once more. Returns the directories that are being read: they stay open
    /// until nobody needs them.
    pub(super) fn hand_over(&mut self) -> Vec<Arc<Pair>> {
        let reading = self.levels.iter().filter_map(|level| level.reading.clone()).collect();
        let operands = self.unparked.drain(..).map(Work::Operand);
        for work in operands.chain(self.levels.drain(..).map(Work::Level)) {
            self.run.pool.give(work);
        }
        self.close_all();
        reading
    }

    /// Goes on by itself: there is no company to be had.
    pub(super) fn work_alone(&mut self) {
        self.company = Company::Never;
        self.work();
    }

    fn take_over(&mut self, level: Level) {
        if let Some(pair) = &level.reading {
            self.handles.keep_unless_known(&level.dir, pair);
        }
        self.levels.push(level);
    }

    /// Works through the levels it has, and the operands that come back meanwhile.
    fn drain(&mut self) {
        // Kept from name to name: workers in one directory would wait for each other's counting of its owners.
        let mut dir = None;
        loop {
            let wants_company = self.wants_company();
            match self.next_level() {
                Some(level) if level.names.is_empty() => self.read_more(),
                Some(_) if wants_company => return,
                Some(level) => {
                    let here = &level.dir;
                    let dir = match &mut dir {
                        Some(dir) if Arc::ptr_eq(dir, here) => dir,
                        other => other.insert(Arc::clone(here)),
                    };
                    let name = level.names.pop_front().expect("it was just looked at");
                    if self.is_long(dir, &name.listed) {
                        self.levels.last_mut().expect("it has more").names.push_front(name);
                        continue;
                    }
                    self.share();
                    self.begun = self.begun.saturating_add(1);
                    self.one(dir, name);
                }
                None if wants_company => return,
                None => match self.unparked.pop() {
                    Some(number) => self.operand(number),
                    None => return,
                },
            }
        }
    }

    /// Returns the deepest level that has something left; finishes those that have not.
    fn next_level(&mut self) -> Option<&mut Level> {
        loop {
            if self.run.context.cancel.is_cancelled() {
                self.leave_out(self.levels.len().checked_sub(1)?);
            }
            let level = self.levels.last()?;
            if !level.names.is_empty() || level.reading.is_some() {
                return self.levels.last_mut();
            }
            let level = self.levels.pop().expect("it was just looked at");
            self.release(level.dir);
        }
    }

    /// Begins with a directory that was just entered.
    pub(super) fn push_level(&mut self, dir: Arc<Dir>, pair: &Arc<Pair>) {
        // Only so many levels can keep their directories open: the ones above are read to their ends first.
        if self.levels.len() >= self.handles.open_max() / 2 {
            self.read_all();
        }
        self.levels.push(Level { dir, names: VecDeque::new(), reading: Some(Arc::clone(pair)) });
        if self.run.is_ordered {
            self.read_all();
            let level = self.levels.last_mut().expect("it was just pushed");
            level.names.make_contiguous().sort_by_key(|name| name.listed.inode);
        }
    }

    /// Reads the next batch of names of the deepest level.
    fn read_more(&mut self) {
        let Some(mut level) = self.levels.pop() else { return };
        if let Some(pair) = level.reading.take() {
            let mut batch = std::mem::take(&mut self.names);
            let answer = self.listing.next_batch(pair.source(), &mut batch);
            if answer.is_ok() && !batch.is_empty() {
                level.reading = Some(Arc::clone(&pair));
            }
            let mode = self.mode_ahead(&level.dir, &pair);
            level.names.extend(batch.drain(..).map(|listed| make_ahead(&pair, mode, listed)));
            self.names = batch;
            if let Err(code) = answer {
                let path = level.dir.source_path();
                self.failed(Error::new(Operation::ReadDirectory, path).with_cause(code));
            }
        }
        self.levels.push(level);
    }

    /// Leaves out everything that is still to come.
    pub(super) fn abandon(&mut self) {
        (0..self.levels.len()).for_each(|at| self.leave_out(at));
    }

    /// Leaves out everything that is still to come of one level.
    fn leave_out(&mut self, at: usize) {
        let level = &mut self.levels[at];
        if level.names.iter().any(|name| name.is_made)
            && let Ok(pair) = level.reading.take().map_or_else(|| self.handles.pair(&level.dir), Ok)
        {
            level.names.iter().for_each(|name| unmake(pair.target(), name));
        }
        level.clear();
    }

    fn read_all(&mut self) {
        while self.levels.last().is_some_and(|level| level.reading.is_some()) {
            self.read_more();
        }
    }

    /// Gives half of the names nearest to the top to those who have nothing.
    fn share(&mut self) {
        if !self.run.pool.is_hungry() {
            return;
        }
        let Some(level) = self.levels.iter_mut().find(|level| level.names.len() > 1) else {
            return;
        };
        let names = level.names.split_off(level.names.len().div_ceil(2));
        let dir = Arc::clone(&level.dir);
        dir.hold();
        self.run.pool.give(Work::Level(Level { dir, names, reading: None }));
    }

    /// Copies what one name of a directory refers to.
    fn one(&mut self, dir: &Arc<Dir>, mut name: Name) {
        match self.kind_of(dir, &mut name.listed) {
            Ok(Kind::Directory) => self.enter_below(dir, name),
            Ok(_) => self.leaf_below(dir, name.listed),
            Err(error) => self.failed(error),
        }
    }

    /// What a name refers to, as far as the way to copy it depends on that; asks only where the listing did not say.
    fn kind_of(&mut self, dir: &Arc<Dir>, listed: &mut Listed) -> Result<Kind> {
        let follows = self.run.context.options.symlinks == Symlinks::Follow;
        let is_known = listed.kind.is_some_and(|kind| kind != Kind::Symlink || !follows);
        if let (true, Some(kind)) = (is_known, listed.kind) {
            return Ok(kind);
        }
        let pair = self.handles.pair(dir)?;
        let facts = sys::facts_at(pair.source(), &listed.name, follows).map_err(|code| {
            let path = dir.source_path_of(&listed.name);
            Error::new(Operation::StatSource, path).with_cause(code)
        })?;
        if !follows {
            listed.kind = Some(facts.kind);
        }
        Ok(facts.kind)
    }

    /// Whether the caller's filter lets a name pass.
    pub(super) fn admits(&self, dir: &Dir, name: &OsStr, kind: Kind) -> bool {
        let Some(filter) = &self.run.context.filter else { return true };
        filter(&Candidate { path: &dir.source_path_of(name), name, kind })
    }

    fn leaf_below(&mut self, dir: &Arc<Dir>, listed: Listed) {
        let kind = listed.kind.unwrap_or(Kind::File);
        if !self.admits(dir, &listed.name, kind) {
            return;
        }
        let name = &listed.name;
        let parked = || {
            dir.hold();
            Parked::Below(Arc::clone(dir), Listed { name: name.clone(), ..listed })
        };
        let location = || Location::Below(Arc::clone(dir), name.clone());
        // Another name of what was copied is linked, not opened.
        let run = self.run;
        let is_claimed = || {
            let Identity { device, .. } = dir.source.identity;
            run.claims.has(Identity { device, inode: listed.inode.into() })
        };
        self.patiently(|worker, claims| {
            let pair = worker.handles.pair(dir)?;
            let leaf = Leaf {
                source: Spot { directory: pair.source(), name, path: &|| dir.source_path_of(name) },
                target: Spot { directory: pair.target(), name, path: &|| dir.target_path_of(name) },
                kind: listed.kind.filter(|_| !is_claimed()),
                is_operand: false,
                with_paths: worker.run.wants_files,
                into: dir.into,
            };
            worker.leaf(&leaf, claims, &parked, &location)
        });
    }

    /// Copies an operand that is not a directory.
    pub(super) fn leaf_operand(&mut self, number: usize, kind: Kind) {
        let transfer = &self.run.transfers[number];
        let (source, target) = (&transfer.source, &transfer.target);
        let parked = || Parked::Operand(number);
        let location = || Location::Operand(target.clone());
        self.patiently(|worker, claims| {
            let (parent, name) = file::parent_and_name(target);
            let (directory, into) = worker.last_parent.open(parent).map_err(|code| {
                Error::new(Operation::OpenTargetDirectory, parent.to_path_buf()).with_cause(code)
            })?;
            let leaf = Leaf {
                source: Spot {
                    directory: sys::working_directory(),
                    name: source.as_os_str(),
                    path: &|| source.clone(),
                },
                target: Spot { directory: directory.lend(), name, path: &|| target.clone() },
                kind: Some(kind),
                is_operand: true,
                with_paths: worker.run.wants_files,
                into,
            };
            let left = worker.leaf(&leaf, claims, &parked, &location)?;
            if worker.run.context.options.sync == Sync::Full {
                file::sync_directory(parent)?;
            }
            Ok(left)
        });
    }

    /// Runs one leaf's copy; once more with as little open as possible if there were no descriptors left, and
    /// once more by itself if it cannot be linked to its earlier copy.
    fn patiently(&mut self, mut copy: impl FnMut(&mut Worker<'a>, UseClaims) -> Result<Leave>) {
        let mut claims = UseClaims::Yes;
        let mut has_closed = false;
        loop {
            match copy(self, claims) {
                Ok(Leave::Done) => return,
                Ok(Leave::Again) => {}
                Ok(Leave::AloneThen(error)) => {
                    claims = UseClaims::No;
                    self.send(Message::Warned(error));
                }
                Err(error) => {
                    if is_short_of_descriptors(&error) && !has_closed && self.close_all() {
                        has_closed = true;
                        continue;
                    }
                    return self.failed(error);
                }
            }
        }
    }

    /// Makes a call; once more with as little open as possible if there were no descriptors left.
    pub(super) fn relieved<T>(
        &mut self,
        mut call: impl FnMut(&mut Worker<'a>) -> Result<T>,
    ) -> Result<T> {
        match call(self) {
            Err(error) if is_short_of_descriptors(&error) && self.close_all() => call(self),
            answer => answer,
        }
    }

    pub(super) fn close_all(&mut self) -> bool {
        self.last_parent = LastParent::default();
        let has_put_away = self.tools.put_away();
        self.handles.close_all() || has_put_away
    }

    fn leaf(
        &mut self,
        leaf: &Leaf<'_>,
        claims: UseClaims,
        parked: &dyn Fn() -> Parked,
        location: &dyn Fn() -> Location,
    ) -> Result<Leave> {
        let opened = match file::copy_fast(self.run.context, &mut self.tools, leaf) {
            Fast::NotHere(opened) => opened,
            Fast::Copied(len_bytes) => {
                self.run.context.counters.add_file();
                self.report.count_written(len_bytes);
                return Ok(Leave::Done);
            }
        };
        let (outlet, report) = (&mut self.outlet, &mut self.report);
        let is_alone = self.company != Company::Present;
        let mut around = Around { run: self.run, outlet, report, is_alone, claims, claimed: None };
        let answer = copy_leaf(self.run.context, &mut self.tools, leaf, opened, &mut around);
        match around.claimed {
            None => {}
            Some((facts, Claimed::First)) => self.settle_claim(&facts, &answer, location),
            Some((facts, Claimed::Earlier(earlier))) => {
                return self.link(leaf, &facts, &earlier);
            }
            Some((facts, Claimed::Busy)) => {
                return Ok(match self.run.claims.park(facts.identity, parked()) {
                    None => Leave::Done,
                    Some(parked) => {
                        // Whoever was at it has finished meanwhile.
                        if let Parked::Below(dir, _) = &parked {
                            dir.release();
                        }
                        Leave::Again
                    }
                });
            }
        }
        let report = answer?.expect("a claim was met where the host took over");
        self.done(report);
        Ok(Leave::Done)
    }

    /// The first of several names was copied, or not: whoever waited for it comes next.
    fn settle_claim(
        &mut self,
        facts: &Facts,
        answer: &Result<Option<FileReport>>,
        location: &dyn Fn() -> Location,
    ) {
        let is_there = match answer {
            Ok(Some(report)) => {
                let is_elsewhere = matches!(
                    report.staging,
                    Some(StagingUsed::InPlace(InPlace::ThroughSymlink | InPlace::NotRegular))
                );
                let is_made = matches!(
                    report.outcome,
                    Outcome::Copied | Outcome::Linked | Outcome::SkippedNotOlder
                );
                is_made && !is_elsewhere
            }
            _ => false,
        };
        let claims = &self.run.claims;
        let waiting = match is_there {
            true => claims.copied(facts.identity, location(), facts.links),
            false => claims.forget(facts.identity),
        };
        for parked in waiting {
            match parked {
                Parked::Operand(number) => self.unparked.push(number),
                Parked::Below(dir, listed) => {
                    let names = VecDeque::from([Name::from(listed)]);
                    self.levels.push(Level { dir, names, reading: None });
                }
            }
        }
    }

    fn link(&mut self, leaf: &Leaf<'_>, facts: &Facts, earlier: &Location) -> Result<Leave> {
        let mut around = Around {
            run: self.run,
            outlet: &mut self.outlet,
            report: &mut self.report,
            is_alone: self.company != Company::Present,
            claims: UseClaims::No,
            claimed: None,
        };
        let pair;
        let earlier = match earlier {
            Location::Below(dir, name) => {
                pair = self.handles.pair(dir)?;
                (pair.target(), name.as_os_str())
            }
            Location::Operand(path) => (sys::working_directory(), path.as_os_str()),
        };
        match file::link_to_earlier(self.run.context, leaf, facts, earlier, &mut around)? {
            Linked::Done(report) => {
                self.done(*report);
                Ok(Leave::Done)
            }
            Linked::Impossible(error) => Ok(Leave::AloneThen(error)),
        }
    }

    /// Records what was done with one leaf.
    fn done(&mut self, mut report: FileReport) {
        self.run.context.counters.add_file();
        self.report.count(&report);
        for error in std::mem::take(&mut report.incomplete) {
            self.failed(error);
        }
        if self.run.wants_files || !report.warned.is_empty() {
            self.send(Message::FileDone(Box::new(report)));
        }
    }

    pub(super) fn failed(&mut self, error: Error) {
        if error.operation() != Operation::Cancelled {
            self.run.context.counters.add_failure();
            self.send(Message::Failed(error));
        }
    }

    pub(super) fn send(&mut self, message: Message) {
        self.outlet.send(message, self.run.context, &mut self.report);
    }

    /// One thing less to come in a directory; the last finishes it, and so on upwards.
    pub(super) fn release(&mut self, dir: Arc<Dir>) {
        let mut dir = dir;
        while dir.release() {
            self.finish(&dir);
            match &dir.parent {
                Some(parent) => dir = Arc::clone(parent),
                None => return,
            }
        }
    }
}

fn is_short_of_descriptors(error: &Error) -> bool {
    error.code().is_some_and(|code| sys::TOO_MANY_OPEN.contains(&code))
}

/// Whether a source with several names is looked up among the copies made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UseClaims {
    Yes,
    No,
}

/// How a leaf was left.
enum Leave {
    Done,
    /// Its claim changed hands: from the start.
    Again,
    /// It cannot be linked to its earlier copy: copied by itself.
    AloneThen(Error),
}

/// The neighbours of a leaf's copy.
struct Around<'a, 'b> {
    run: &'a Run<'a>,
    outlet: &'b mut Outlet<'a>,
    report: &'b mut TreeReport,
    is_alone: bool,
    claims: UseClaims,
    claimed: Option<(Facts, Claimed)>,
}

impl Host for Around<'_, '_> {
    fn ask(&mut self, question: &Question<'_>) -> bool {
        self.outlet.ask(question)
    }

    fn wants_starts(&self) -> bool {
        self.run.wants_starts
    }

    fn starting(&mut self, starting: Starting) {
        self.outlet.send(Message::Starting(starting), self.run.context, self.report);
    }

    fn claim(&mut self, facts: &Facts) -> bool {
        let options = &self.run.context.options;
        // One name can be met several times through symbolic links.
        let may_meet_again = facts.links > 1 || options.symlinks != Symlinks::Keep;
        if self.claims == UseClaims::No || !options.preserve.links || !may_meet_again {
            return true;
        }
        // Names met through symbolic links, or by several operands, cannot be counted out.
        let is_countable = options.symlinks != Symlinks::Follow && self.run.transfers.len() == 1;
        let links = if is_countable { facts.links } else { 1 };
        let claimed = self.run.claims.claim(facts.identity, links);
        let is_first = matches!(claimed, Claimed::First);
        self.claimed = Some((*facts, claimed));
        is_first
    }

    fn spare_threads(&self) -> usize {
        match self.is_alone {
            true => self.run.context.threads() - 1,
            false => self.run.pool.hungry(),
        }
    }

    fn wants_made(&self) -> bool {
        self.run.made.is_wanted()
    }

    fn has_made(&self, path: PathBuf, identity: Identity) -> bool {
        self.run.made.contains(path, identity)
    }

    fn note_made(&mut self, path: PathBuf, identity: Identity) {
        self.run.made.insert(path, identity);
    }
}
