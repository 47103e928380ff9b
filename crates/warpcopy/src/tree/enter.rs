//! The beginning and the end of a directory's copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ahead::unmake;
use super::dir::{Dir, Place};
use super::handles::{OpenDirectory, Pair};
use super::outlet::Message;
use super::pool::Name;
use super::worker::Worker;
use crate::error::{Error, Operation, Result};
use crate::file::{
    self, Acl, Context, FastPath, Layer, Spot, TargetDirectory, Unkept, Wanted, Weight, Whose,
    dress, parent_of, set_aside, unseen,
};
use crate::options::{Backup, Existing, Make, Mode, Preserve, Symlinks, Sync, Xattrs};
use crate::plan::{Facts, Kind, fast_below_bytes};
use crate::sys::{self, Borrowed, Handle, Lend};

/// A directory about to be entered.
pub(super) struct Entering<'a> {
    pub(super) source: Spot<'a>,
    pub(super) target: Spot<'a>,
    pub(super) follow: bool,
    pub(super) parent: Option<Arc<Dir>>,
    pub(super) place: Place,
    /// The directory at the target was made ahead.
    pub(super) is_made: bool,
    /// The device of the operand; `None` for the operand itself.
    pub(super) root_device: Option<u64>,
    /// Whether a new directory inherits an access control list, if that is known.
    pub(super) inherits_acl: Option<bool>,
}

impl Entering<'_> {
    pub(super) fn is_operand(&self) -> bool {
        self.root_device.is_none()
    }

    /// The source's path as far as the caller named it.
    pub(super) fn operand(&self) -> PathBuf {
        let below = self.parent.as_ref().filter(|_| !self.is_operand());
        match below.and_then(|parent| parent.chain().find(|dir| dir.place.is_operand())) {
            Some(root) => root.source_path(),
            None => (self.source.path)(),
        }
    }
}

impl Worker<'_> {
    /// Enters a directory met below another.
    pub(super) fn enter_below(&mut self, dir: &Arc<Dir>, below: Name) {
        let name = &below.listed.name;
        if !self.admits(dir, name, Kind::Directory) {
            return;
        }
        let pair = match self.relieved(|worker| worker.handles.pair(dir)) {
            Ok(pair) => pair,
            Err(error) => return self.failed(error),
        };
        let entered = self.enter(Entering {
            source: Spot { directory: pair.source(), name, path: &|| dir.source_path_of(name) },
            target: Spot { directory: pair.target(), name, path: &|| dir.target_path_of(name) },
            follow: self.run.context.options.symlinks == Symlinks::Follow,
            parent: Some(Arc::clone(dir)),
            place: Place::Below(name.clone()),
            is_made: below.is_made,
            root_device: Some(dir.root_device),
            inherits_acl: Some(dir.into.has_default_acl),
        });
        if let Err(error) = entered {
            unmake(pair.target(), &below);
            self.failed(error);
        }
    }

    /// Makes the directory at the target and puts its names before everything else.
    pub(super) fn enter(&mut self, entering: Entering<'_>) -> Result<()> {
        let context = self.run.context;
        let source_failed =
            |operation| move |code| entering.source.error(operation).with_cause(code);
        let (mut source, mut unreadable) = self.open_source_directory(&entering)?;
        let facts = sys::facts(source.lend()).map_err(source_failed(Operation::StatSource))?;
        if !self.run.met.is_wanted() {
            refuse_targets(&entering, &facts, context.options.symlinks)?;
        } else if !self.is_new_to_us(&entering, &facts)? {
            return Ok(());
        }
        refuse_cycles(&entering, &facts, context.options.symlinks)?;
        let relief = &mut || self.close_all();
        let follow = context.options.keep_directory_symlinks;
        let mut made = match entering.is_made {
            true => open_directory(&entering.target, true, false, relief),
            false => make_directory(context, &entering.target, &facts, follow, relief),
        };
        if made.as_ref().is_err_and(|error| error.operation() == Operation::TargetIsNotDirectory)
            && context.options.backup != Backup::None
        {
            set_aside(context, &entering.target)?;
            made = make_directory(context, &entering.target, &facts, follow, relief);
        }
        if made.is_err() && entering.is_operand() {
            self.run.met.forget(facts.identity);
        }
        let made = made.map_err(|error| match error.operation() {
            Operation::TargetIsNotDirectory => error.with_other((entering.source.path)()),
            _ => error,
        })?;
        let is_harmless =
            context.options.existing == Existing::Skip || context.options.make == Make::HardLinks;
        let is_own = entering.parent.as_ref().is_some_and(|parent| parent.into.is_own);
        if !made.is_made && is_own {
            let error = entering.target.error(Operation::JustCreated);
            return Err(error.with_other((entering.source.path)()));
        }
        if made.facts.identity == facts.identity && is_harmless {
            return Ok(());
        }
        if made.facts.identity == facts.identity {
            let error = entering.target.error(Operation::SameFile);
            return Err(error.with_other((entering.source.path)()));
        }
        let has_default_acl = match entering.inherits_acl {
            Some(false) if made.is_made => false,
            _ => sys::has_default_acl(made.open.handle.lend()),
        };
        let owner_of_new = self.owner_of_new(&made);
        let into = TargetDirectory {
            device: made.facts.identity.device,
            has_default_acl,
            owner_of_new,
            is_own: made.is_made && !self.run.made.is_wanted() && !self.run.may_meet,
            fast: owner_of_new
                .filter(|_| !has_default_acl)
                .and_then(|owner| self.fast_path((source.lend(), &facts), &made, owner)),
        };
        if made.is_made {
            self.remember_made(&entering, made.facts.identity);
            if self.run.may_meet {
                // Btrfs lists what was there when the directory was opened; what was made now is to be met.
                (source, unreadable) = self.open_source_directory(&entering)?;
            }
            self.announce(&entering);
        }
        let root_device = entering.root_device.unwrap_or(facts.identity.device);
        let crosses = context.options.one_file_system && facts.identity.device != root_device;
        let known = (&made.facts, into);
        let dir = Dir::new(
            entering.parent,
            entering.place,
            facts,
            known,
            made.is_made,
            (entering.follow, follow),
            root_device,
        );
        self.run.context.counters.add_directory();
        self.report.directories += 1;
        let pair = Pair::new(source, made.open);
        self.handles.keep(&dir, &pair);
        if let Some(error) = unreadable {
            self.failed(error);
            self.release(dir);
        } else if crosses {
            self.release(dir);
        } else {
            self.push_level(dir, &pair);
        }
        Ok(())
    }

    /// Whom new files belong to, in a directory of this run's own, which nobody else may change: the caller, and its
    /// group or, in a set-group-id directory, the directory's (open(2)). Network and FUSE servers may do otherwise; and a
    /// directory that was given more rights may have lost its set-group-id bit (chmod(2)).
    fn owner_of_new(&mut self, made: &MadeDirectory) -> Option<(u32, u32)> {
        let MadeDirectory { open, facts, is_made } = made;
        let caller = self.run.context.caller;
        let is_sure = *is_made
            && facts.owner == caller.owner
            && (facts.group == caller.group || facts.mode & 0o2000 != 0)
            && facts.mode & 0o700 == 0o700
            && self.tools.file_system(open.handle.lend(), facts.identity.device).is_trusted();
        is_sure.then_some((facts.owner, facts.group))
    }

    /// What the fast path may take in a directory: nothing where somebody is told of each file.
    fn fast_path(
        &mut self,
        (source, facts): (Borrowed<'_>, &Facts),
        made: &MadeDirectory,
        owner: (u32, u32),
    ) -> Option<FastPath> {
        let run = self.run;
        let source_device = facts.identity.device;
        let source_fs = self.tools.file_system(source, source_device);
        let target_fs = self.tools.file_system(made.open.handle.lend(), made.facts.identity.device);
        let below_bytes = fast_below_bytes(&run.context.options, source_fs, target_fs)?;
        let is_told = run.wants_files || run.wants_starts;
        (!is_told).then_some(FastPath { owner, source_device, below_bytes })
    }

    /// Opens the source for listing. Where that is not allowed its copy is made all the same, empty.
    fn open_source_directory(
        &mut self,
        entering: &Entering<'_>,
    ) -> Result<(Handle, Option<Error>)> {
        let (directory, name) = (entering.source.directory, entering.source.name);
        let open = || sys::open_directory(directory, name, entering.follow);
        let failed = |code| entering.source.error(Operation::OpenSource).with_cause(code);
        match open() {
            Ok(handle) => Ok((handle, None)),
            Err(code) if sys::NO_PERMISSION.contains(&code) => {
                // Where not even that is allowed, the directory that holds it may not be searched.
                let unseen = |code| entering.source.error(Operation::StatSource).with_cause(code);
                let handle =
                    sys::open_directory_path(directory, name, entering.follow).map_err(unseen)?;
                let unread = entering.source.error(Operation::ReadDirectory).with_cause(code);
                Ok((handle, Some(unread)))
            }
            Err(code) if sys::TOO_MANY_OPEN.contains(&code) && self.close_all() => {
                open().map(|handle| (handle, None)).map_err(failed)
            }
            Err(code) => Err(failed(code)),
        }
    }

    fn announce(&mut self, entering: &Entering<'_>) {
        if self.run.wants_files {
            let (source, target) = file::paths(&entering.source, &entering.target);
            self.send(Message::DirectoryMade { source, target });
        }
    }

    pub(super) fn made_directory(&mut self, source: &Path, target: &Path) {
        if self.run.wants_files {
            let (source, target) = (source.to_path_buf(), target.to_path_buf());
            self.send(Message::DirectoryMade { source, target });
        }
    }

    /// Gives a directory its attributes, when nothing more is to come below it.
    pub(super) fn finish(&mut self, dir: &Arc<Dir>) {
        match self.relieved(|worker| worker.dress_directory(dir)) {
            Err(error) => self.failed(error),
            Ok(unkept) => {
                for Unkept { error, weight } in unkept {
                    match weight {
                        Weight::Required => self.failed(error),
                        Weight::Warned => self.send(Message::Warned(error)),
                        Weight::Noted => self.report.unpreserved += 1,
                    }
                }
            }
        }
        self.handles.forget(dir);
    }

    /// The mode that a directory is to have in the end; `None` leaves it alone.
    fn final_mode(&self, dir: &Dir) -> Option<u32> {
        let preserve = &self.run.context.options.preserve;
        let masked = mode_masked(preserve.mode, &dir.source);
        match preserve.mode {
            Mode::Keep => Some(dir.source.mode),
            _ if !dir.is_made => None,
            // Made for its owner alone, because it was to get another one.
            _ if preserve.ownership => {
                let special = dir.target_mode & 0o7000;
                Some(masked & !self.run.context.umask() | special)
            }
            // Made with all of the owner's rights so that it could be filled; what the umask left of them counts.
            _ => Some(dir.target_mode & !(0o700 & !masked)),
        }
    }

    fn dress_directory(&mut self, dir: &Arc<Dir>) -> Result<Vec<Unkept>> {
        let options = &self.run.context.options;
        let preserve = &options.preserve;
        let takes_any = preserve.mode == Mode::Keep
            || preserve.ownership
            || preserve.timestamps
            || preserve.xattrs != Xattrs::Drop;
        let mode = self.final_mode(dir);
        let is_widened = mode.is_some_and(|mode| mode != dir.target_mode | 0o700);
        if !takes_any && !is_widened && options.sync != Sync::Full {
            return Ok(Vec::new());
        }
        let pair = self.handles.pair(dir)?;
        let target_path = || dir.target_path();
        let failed = |code| Error::new(Operation::StatTarget, dir.target_path()).with_cause(code);
        let now = sys::facts(pair.target()).map_err(failed)?;
        let mut names = Vec::new();
        let mut unlisted = None;
        let origin = sys::Place::Open(pair.source());
        if preserve.mode == Mode::Keep || preserve.xattrs != Xattrs::Drop {
            // A directory that may not be read tells nothing; that was reported when it was met.
            unlisted = sys::xattr_names(origin, &mut names).err().filter(|c| *c != sys::PATH_ONLY);
        }
        let weight = match preserve.xattrs {
            Xattrs::Require => Weight::Required,
            _ => Weight::Warned,
        };
        let layers = [Layer { origin, names: &names, weight, whose: Whose::Source }];
        let has_list = names.iter().any(|name| sys::is_acl(name));
        let wanted = Wanted {
            owner: preserve.ownership.then_some((dir.source.owner, dir.source.group)),
            mode,
            acl: match preserve.mode == Mode::Keep {
                true if has_list => Acl::From(origin, &names),
                true if dir.into.has_default_acl || !dir.is_made => Acl::Remove,
                _ => Acl::Leave,
            },
            xattrs: if preserve.xattrs == Xattrs::Drop { &[] } else { &layers },
            times: preserve.timestamps.then_some(&dir.source),
            flags: (preserve.mode == Mode::Keep).then_some(&dir.source),
            is_directory: true,
        };
        let mut unkept = dress(pair.target_place(), now.looks(), &wanted, &target_path)?;
        unkept.extend(unlisted.map(|code| {
            let error = Error::new(Operation::SetXattr, dir.source_path()).with_cause(code);
            Unkept { error, weight }
        }));
        if options.sync == Sync::Full {
            let failed =
                |code| Error::new(Operation::SyncTarget, dir.target_path()).with_cause(code);
            sys::sync_directory(pair.target()).map_err(failed)?;
            if let Place::Operand { target, .. } = &dir.place {
                file::sync_directory(parent_of(target))?;
            }
        }
        Ok(unkept)
    }
}

/// The permission bits that a directory is asked to be made with where its mode is not kept.
fn mode_masked(mode: Mode, source: &Facts) -> u32 {
    match mode {
        Mode::Fresh => source.mode & 0o1000 | 0o777,
        Mode::Masked | Mode::Keep => source.mode & 0o1777,
    }
}

/// A directory at the target, open.
pub(super) struct MadeDirectory {
    pub(super) open: OpenDirectory,
    pub(super) facts: Facts,
    pub(super) is_made: bool,
}

/// The mode that directories are made with where it does not depend on the source: only the owner can use them until
/// they are finished.
pub(super) fn unfinished_mode(preserve: &Preserve) -> Option<u32> {
    (preserve.mode == Mode::Keep || preserve.ownership).then_some(0o700)
}

/// Makes a directory, or finds the one that is there. Only its owner can use it until it is finished, if its mode
/// or owner is to be kept; the owner always can. The facts returned tell the mode that the system gave it, before it
/// was widened. `relief` closes what can be closed when there are no descriptors left.
pub(super) fn make_directory(
    context: &Context,
    target: &Spot<'_>,
    source: &Facts,
    follow: bool,
    relief: &mut dyn FnMut() -> bool,
) -> Result<MadeDirectory> {
    let preserve = &context.options.preserve;
    let mode =
        unfinished_mode(preserve).unwrap_or_else(|| mode_masked(preserve.mode, source) | 0o700);
    let failed = |operation| move |code| target.error(operation).with_cause(code);
    let is_made = match sys::make_directory(target.directory, target.name, mode) {
        Ok(()) => true,
        Err(sys::ALREADY_EXISTS) => false,
        Err(code) => {
            let error = || failed(Operation::CreateDirectory)(code);
            return Err(unseen(target, code).unwrap_or_else(error));
        }
    };
    if !is_made {
        let there = target.facts(follow).map_err(failed(Operation::StatTarget))?;
        if there.kind != Kind::Directory {
            return Err(target.error(Operation::TargetIsNotDirectory));
        }
    }
    open_directory(target, is_made, follow, relief)
}

/// Opens a directory that this run made, or found, and makes sure that its owner can use what was made.
fn open_directory(
    target: &Spot<'_>,
    is_made: bool,
    follow: bool,
    relief: &mut dyn FnMut() -> bool,
) -> Result<MadeDirectory> {
    let failed = |operation| move |code| target.error(operation).with_cause(code);
    let open = || OpenDirectory::open(target.directory, target.name, follow && !is_made);
    let open = match open() {
        Err(code) if sys::TOO_MANY_OPEN.contains(&code) && relief() => open(),
        answer => answer,
    };
    let open = open.map_err(failed(Operation::OpenTargetDirectory))?;
    let facts = sys::facts(open.handle.lend()).map_err(failed(Operation::StatTarget))?;
    if !is_made || facts.mode & 0o700 == 0o700 {
        return Ok(MadeDirectory { open, facts, is_made });
    }
    // The umask took away what is needed to fill the directory.
    drop(open);
    let place = sys::Place::Named(target.directory, target.name);
    sys::set_mode(place, facts.mode | 0o700).map_err(failed(Operation::SetMode))?;
    let open = OpenDirectory::open(target.directory, target.name, false)
        .map_err(failed(Operation::OpenTargetDirectory))?;
    let now = sys::facts(open.handle.lend()).map_err(failed(Operation::StatTarget))?;
    match now.identity == facts.identity {
        true => Ok(MadeDirectory { open, facts, is_made }),
        false => Err(target.error(Operation::TargetReplaced)),
    }
}

/// Refuses a directory that this run is copying into. Where no symbolic link is followed, the way into what this run
/// made leads through a directory that was there before, or that the caller named.
fn refuse_targets(entering: &Entering<'_>, source: &Facts, symlinks: Symlinks) -> Result<()> {
    let Some(parent) = &entering.parent else { return Ok(()) };
    let is_it = |above: &Arc<Dir>| above.target == source.identity;
    let is_target = match symlinks == Symlinks::Keep && !entering.is_operand() {
        true => parent.found_chain().any(is_it),
        false => parent.chain().any(is_it),
    };
    match is_target {
        true => Err(into_itself(entering)),
        false => Ok(()),
    }
}

pub(super) fn into_itself(entering: &Entering<'_>) -> Error {
    let below = entering.parent.as_ref().filter(|_| !entering.is_operand());
    let root = below.and_then(|parent| parent.chain().find(|dir| dir.place.is_operand()));
    let target = root.map_or_else(entering.target.path, |root| root.target_path());
    Error::new(Operation::IntoItself, entering.operand()).with_other(target)
}

/// Refuses a directory that holds itself through a symbolic link.
fn refuse_cycles(entering: &Entering<'_>, source: &Facts, symlinks: Symlinks) -> Result<()> {
    let Some(parent) = &entering.parent else { return Ok(()) };
    let holds_itself = || parent.chain().any(|above| above.source.identity == source.identity);
    match symlinks == Symlinks::Follow && holds_itself() {
        true => Err(entering.source.error(Operation::SymlinkCycle)),
        false => Ok(()),
    }
}
