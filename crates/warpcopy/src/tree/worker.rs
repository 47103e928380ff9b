//! Walks depth first, one name after another; gives half away when others have nothing.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use super::Run;
use super::claims::{Claimed, Location, Parked};
use super::dir::Dir;
use super::handles::{Handles, LastParent, Pair};
use super::outlet::{Message, Outlet};
use super::pool::{Level, Pool, Work};
use crate::copier::Candidate;
use crate::error::{Error, Operation, Result};
use crate::file::{self, Host, Leaf, Linked, Spot, Starting, Tools, copy_leaf};
use crate::options::{Symlinks, Sync};
use crate::plan::{Facts, Identity, Kind};
use crate::report::{FileReport, InPlace, Outcome, StagingUsed, TreeReport};
use crate::sys::{self, Lend, Listed, Listing};
use crate::watch::Question;

/// One thread's share of a run.
pub(super) struct Worker<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) tools: Tools,
    pub(super) handles: Handles,
    pub(super) last_parent: LastParent,
    /// From the operand down to where the worker is.
    levels: Vec<Local>,
    listing: Listing,
    names: Vec<Listed>,
    outlet: Outlet<'a>,
    pub(super) report: TreeReport,
    /// Operands that waited for another name of their file.
    unparked: Vec<usize>,
}

/// A level that this worker is at; while it has more names it keeps the directory open where reading stopped.
struct Local {
    level: Level,
    reading: Option<Rc<Pair>>,
}

/// Tells the pool that a worker has nothing left, also when it panics: the others must not wait for it.
struct Busy<'a>(&'a Pool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(run: &'a Run<'a>, outlet: Outlet<'a>, umask: Option<u32>) -> Worker<'a> {
        Worker {
            run,
            tools: Tools::new(umask),
            handles: Handles::new(run.directories_open_max),
            last_parent: LastParent::default(),
            levels: Vec::new(),
            listing: Listing::new(),
            names: Vec::new(),
            outlet,
            report: TreeReport::default(),
            unparked: Vec::new(),
        }
    }

    /// Works until nobody has anything left.
    pub(super) fn work(mut self) -> TreeReport {
        while let Some(work) = self.run.pool.take() {
            let _busy = Busy(&self.run.pool);
            match work {
                Work::Level(level) => self.levels.push(Local { level, reading: None }),
                Work::Operand(number) => self.operand(number),
            }
            self.drain();
        }
        self.report
    }

    /// Works through the levels it has, and the operands that come back meanwhile.
    fn drain(&mut self) {
        // Kept from name to name: workers in one directory would wait for each other's counting of its owners.
        let mut dir = None;
        loop {
            while let Some(local) = self.next_level() {
                let here = &local.level.dir;
                let dir = match &mut dir {
                    Some(dir) if Arc::ptr_eq(dir, here) => dir,
                    other => other.insert(Arc::clone(here)),
                };
                match local.level.names.pop_front() {
                    Some(listed) => {
                        self.share();
                        self.one(dir, listed);
                    }
                    None => self.read_more(),
                }
            }
            match self.unparked.pop() {
                Some(number) => self.operand(number),
                None => return,
            }
        }
    }

    /// Returns the deepest level that has something left; finishes those that have not.
    fn next_level(&mut self) -> Option<&mut Local> {
        loop {
            let local = self.levels.last_mut()?;
            if self.run.context.cancel.is_cancelled() {
                local.level.names.clear();
                local.level.has_more = false;
            }
            if !local.level.names.is_empty() || local.level.has_more {
                return self.levels.last_mut();
            }
            let local = self.levels.pop().expect("it was just looked at");
            self.release(local.level.dir);
        }
    }

    /// Begins with a directory that was just entered.
    pub(super) fn push_level(&mut self, dir: Arc<Dir>, pair: &Rc<Pair>) {
        // Only so many levels can keep their directories open: the ones above are read to their ends first.
        if self.levels.len() >= self.run.directories_open_max / 2 {
            self.read_all();
        }
        let level = Level { dir, names: VecDeque::new(), has_more: true };
        self.levels.push(Local { level, reading: Some(Rc::clone(pair)) });
        if self.run.is_ordered {
            self.read_all();
            let local = self.levels.last_mut().expect("it was just pushed");
            local.level.names.make_contiguous().sort_by_key(|listed| listed.inode);
        }
    }

    /// Reads the next batch of names of the deepest level.
    fn read_more(&mut self) {
        let Some(local) = self.levels.last_mut() else { return };
        let Some(pair) = &local.reading else {
            local.level.has_more = false;
            return;
        };
        self.names.clear();
        let answer = self.listing.next_batch(pair.source(), &mut self.names);
        if self.names.is_empty() {
            local.level.has_more = false;
            local.reading = None;
        }
        local.level.names.extend(self.names.drain(..));
        if let Err(code) = answer {
            local.level.has_more = false;
            local.reading = None;
            let path = local.level.dir.source_path();
            self.failed(Error::new(Operation::ReadDirectory, path).with_cause(code));
        }
    }

    /// Leaves out everything that is still to come.
    pub(super) fn abandon(&mut self) {
        for local in &mut self.levels {
            local.level.names.clear();
            local.level.has_more = false;
        }
    }

    fn read_all(&mut self) {
        while self.levels.last().is_some_and(|local| local.level.has_more) {
            self.read_more();
        }
    }

    /// Gives half of the names nearest to the top to those who have nothing.
    fn share(&mut self) {
        if !self.run.pool.is_hungry() {
            return;
        }
        let Some(local) = self.levels.iter_mut().find(|local| local.level.names.len() > 1) else {
            return;
        };
        let names = &mut local.level.names;
        let names = names.split_off(names.len().div_ceil(2));
        let dir = Arc::clone(&local.level.dir);
        dir.hold();
        self.run.pool.give(Level { dir, names, has_more: false });
    }

    /// Copies what one name of a directory refers to.
    fn one(&mut self, dir: &Arc<Dir>, mut listed: Listed) {
        match self.kind_of(dir, &mut listed) {
            Ok(Kind::Directory) => self.enter_below(dir, listed.name),
            Ok(_) => self.leaf_below(dir, listed),
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
    pub(super) fn admits(&self, dir: &Dir, name: &std::ffi::OsStr, kind: Kind) -> bool {
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
        let (outlet, report) = (&mut self.outlet, &mut self.report);
        let mut around = Around { run: self.run, outlet, report, claims, claimed: None };
        let answer = copy_leaf(self.run.context, &mut self.tools, leaf, &mut around);
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
                    let level = Level { dir, names: VecDeque::from([listed]), has_more: false };
                    self.levels.push(Local { level, reading: None });
                }
            }
        }
    }

    fn link(&mut self, leaf: &Leaf<'_>, facts: &Facts, earlier: &Location) -> Result<Leave> {
        let mut around = Around {
            run: self.run,
            outlet: &mut self.outlet,
            report: &mut self.report,
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
        self.run.spare_threads()
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
