//! A file's copy, by each way of taking the target's name.

use std::ffi::CString;
use std::time::Duration;

use super::creating::Naming;
use super::leaf::{Attempt, Job, Leaf, Seen};
use super::looks::Undressed;
use super::target::Target;
use super::{Context, Spot, Tools};
use crate::error::{Error, Operation, Result};
use crate::options::{Make, Mode, Options, Reflink, Sparse, Sync, Unlink, Xattrs};
use crate::plan::{Code, Facts, Kind, Staging};
use crate::report::{FileReport, InPlace, StagingUsed};
use crate::sys::{self, Borrowed, CommitError, Lend, Place};

/// Copies one file's content in the way chosen.
pub(super) fn copy(
    context: &Context,
    tools: &mut Tools,
    job: &Job<'_>,
    report: &mut FileReport,
) -> Result<Attempt> {
    let Job { leaf, source, staging, seen, .. } = *job;
    let options = &context.options;
    let is_contradictory = options.make == Make::Contents
        && options.reflink == Reflink::Always
        && options.sparse != Sparse::Auto;
    if is_contradictory {
        return Err(leaf.target.error(Operation::Unsupported));
    }
    let is_stream = source.facts.kind != Kind::File;
    let is_sink = staging == Staging::InPlace(InPlace::NotRegular);
    if options.reflink == Reflink::Always
        && options.make == Make::Contents
        && (is_stream || is_sink)
    {
        let error = leaf.target.error(Operation::Clone).with_other((leaf.source.path)());
        return Err(error.with_cause(sys::INVALID));
    }
    let file = source.file.as_ref().expect("content is copied from what is open").lend();
    let xattrs = xattrs_of(options);
    let mut names = std::mem::take(&mut tools.names);
    let unlisted = match needs_names(options) {
        _ if source.is_listed => None,
        true => sys::xattr_names(Place::Open(file), &mut names).err(),
        false => {
            names.clear();
            None
        }
    };
    if context.options.preserve.xattrs == Xattrs::Drop {
        names.retain(|name| sys::is_acl(name) || sys::is_kept_anyway(name));
    }
    let copying = Copying {
        context,
        leaf,
        source: file,
        facts: &source.facts,
        names: &names,
        xattrs,
        unlisted,
        spare_threads: job.spare_threads,
    };
    let attempt = match staging {
        Staging::Exclusive => copying.exclusive(tools, seen, report),
        Staging::Staged { replace: true, keep: true } => {
            copying.replacing_kept(tools, seen, report)
        }
        Staging::Staged { replace, .. } => copying.staged(tools, replace, report),
        Staging::InPlace(reason) => copying.in_place(tools, seen, reason, report),
    };
    tools.names = names;
    attempt
}

/// What is to become of a file's extended attributes.
fn xattrs_of(options: &Options) -> Xattrs {
    match options.preserve.xattrs {
        Xattrs::Drop if sys::KEEPS_SOME_ANYWAY => Xattrs::Try,
        asked => asked,
    }
}

/// Whether the names of a file's extended attributes matter.
pub(super) fn needs_names(options: &Options) -> bool {
    xattrs_of(options) != Xattrs::Drop || options.preserve.mode == Mode::Keep
}

pub(super) struct Copying<'a> {
    pub(super) context: &'a Context,
    pub(super) leaf: &'a Leaf<'a>,
    pub(super) source: Borrowed<'a>,
    pub(super) facts: &'a Facts,
    pub(super) names: &'a [CString],
    /// What is to become of them.
    pub(super) xattrs: Xattrs,
    /// Why the names could not be read.
    pub(super) unlisted: Option<Code>,
    pub(super) spare_threads: usize,
}

/// An existing target whose looks go over to the file that replaces it.
pub(super) struct Kept<'a> {
    pub(super) place: Place<'a>,
    pub(super) facts: &'a Facts,
    pub(super) names: &'a [CString],
}

impl Kept<'_> {
    pub(super) fn has_list(&self) -> bool {
        self.names.iter().any(|name| name.as_c_str() == sys::ACL_ACCESS)
    }
}

impl Copying<'_> {
    fn exclusive(
        &self,
        tools: &mut Tools,
        seen: &Seen,
        report: &mut FileReport,
    ) -> Result<Attempt> {
        let target = &self.leaf.target;
        let made = match self.made_by_method(tools, Naming::Final, report)? {
            Some(made) => made,
            None => Target::exclusive(target.directory, target.name, |name| {
                sys::create(target.directory, name, self.mode_at_creation())
            }),
        };
        match made {
            Ok(made) => {
                let staging = match made.is_temporary() {
                    true => StagingUsed::Staged,
                    false => StagingUsed::Exclusive,
                };
                self.finish(tools, made, staging, false, None, report)
            }
            Err(sys::ALREADY_EXISTS) if seen.target.is_none() => Ok(Attempt::LookAgain),
            Err(sys::IS_DIRECTORY) if seen.target.is_none() && target.facts(false).is_ok() => {
                Ok(Attempt::LookAgain)
            }
            Err(code) => Err(unseen(target, code)
                .unwrap_or_else(|| target.error(Operation::CreateTarget).with_cause(code))),
        }
    }

    fn staged(&self, tools: &mut Tools, replace: bool, report: &mut FileReport) -> Result<Attempt> {
        let made = match self.made_by_method(tools, Naming::Temporary, report)? {
            Some(made) => made,
            None if replace => self.temporary(self.mode_at_creation()),
            None => self.nameless(tools, self.mode_at_creation()),
        };
        let operation = if replace { Operation::Replace } else { Operation::CreateTarget };
        let made = made.map_err(|code| match sys::NO_PERMISSION.contains(&code) {
            true => self.leaf.target.error(operation).with_cause(code),
            false => self.leaf.target.error(Operation::CreateTarget).with_cause(code),
        })?;
        self.finish(tools, made, StagingUsed::Staged, replace, None, report)
    }

    /// Makes a file beside the target, without a name where that is possible: a crash then leaves nothing.
    fn nameless(&self, tools: &mut Tools, mode: u32) -> sys::Answer<Target<'_>> {
        let device = self.leaf.into.device;
        if !tools.named_only.contains(&device) {
            let target = &self.leaf.target;
            match Target::unnamed(target.directory, target.name, mode) {
                Err(code) if sys::NO_UNNAMED_HERE.contains(&code) => tools.named_only.push(device),
                answer => return answer,
            }
        }
        self.temporary(mode)
    }

    fn temporary(&self, mode: u32) -> sys::Answer<Target<'_>> {
        let target = &self.leaf.target;
        Target::temporary(target.directory, target.name, |name| {
            sys::create(target.directory, name, mode)
        })
    }

    /// Replaces an existing one-link file by one that looks like it; in place where that cannot be.
    fn replacing_kept(
        &self,
        tools: &mut Tools,
        seen: &Seen,
        report: &mut FileReport,
    ) -> Result<Attempt> {
        let target = &self.leaf.target;
        let failed = |operation| move |code: Code| target.error(operation).with_cause(code);
        // Whoever may not write to the old file may not replace it either; a running program may be replaced. The
        // file is closed again at once: while it is open for writing nobody could start it.
        let opened =
            self.context.outwait_lease(|| sys::open_target(target.directory, target.name, false));
        let facts = match opened {
            Ok(old) => sys::facts(old.lend()),
            Err(sys::TEXT_BUSY) => target.facts(false),
            Err(sys::NOT_FOUND) => return Ok(Attempt::LookAgain),
            Err(code) => return self.unopenable(code),
        };
        let facts = facts.map_err(failed(Operation::StatTarget))?;
        if seen.target.is_none_or(|seen| seen.identity != facts.identity) {
            return Ok(Attempt::LookAgain);
        }
        let in_place = |reason| Ok(Attempt::Instead(Staging::InPlace(reason)));
        let place = Place::Named(target.directory, target.name);
        let mut names = Vec::new();
        if let Err(code) = sys::xattr_names(place, &mut names) {
            return in_place(InPlace::CannotKeep(code));
        }
        let kept = Kept { place, facts: &facts, names: &names };
        if self.leave_same(tools, &kept, report) {
            return Ok(Attempt::Done);
        }
        let made = match self.made_by_method(tools, Naming::Temporary, report)? {
            Some(made) => made,
            None => self.temporary(self.mode_like(&kept)),
        };
        match made {
            Ok(made) => self.finish(tools, made, StagingUsed::Staged, true, Some(&kept), report),
            Err(code) if sys::NO_NEIGHBOUR_HERE.contains(&code) => {
                in_place(InPlace::CannotStage(code))
            }
            Err(code) => Err(failed(Operation::CreateTarget)(code)),
        }
    }

    fn in_place(
        &self,
        tools: &mut Tools,
        seen: &Seen,
        reason: InPlace,
        report: &mut FileReport,
    ) -> Result<Attempt> {
        let target = &self.leaf.target;
        let failed =
            |operation| move |code: Code| self.leaf.target.error(operation).with_cause(code);
        let follow = seen.referent.is_some();
        if reason == InPlace::ThroughSymlink && !follow {
            let mode = self.mode_at_creation();
            return match sys::create_through(target.directory, target.name, mode) {
                Ok(_) => Ok(Attempt::LookAgain),
                Err(code) => Err(failed(Operation::CreateTarget)(code)),
            };
        }
        let opened = match reason {
            InPlace::NotRegular => self.open_sink(seen),
            _ => self
                .context
                .outwait_lease(|| sys::open_target(target.directory, target.name, follow)),
        };
        let file = match opened {
            Ok(file) => file,
            Err(sys::NOT_FOUND) => return Ok(Attempt::LookAgain),
            Err(_) if self.context.cancel.is_cancelled() => {
                return Err(target.error(Operation::Cancelled));
            }
            Err(code) => return self.unopenable(code),
        };
        let facts = sys::facts(file.lend()).map_err(failed(Operation::StatTarget))?;
        // The decision was about this file and no other; and it must not be the source, by whatever name.
        if facts.identity == self.facts.identity {
            let error = target.error(Operation::SameFile);
            return Err(error.with_other((self.leaf.source.path)()));
        }
        if seen.written().is_none_or(|seen| seen.identity != facts.identity) {
            return Ok(Attempt::LookAgain);
        }
        if reason == InPlace::HasLinks && self.is_left_open(tools, &file, &facts, report) {
            return Ok(Attempt::Done);
        }
        let is_emptied =
            reason != InPlace::NotRegular && self.context.options.make == Make::Contents;
        if reason != InPlace::NotRegular
            && sys::must_not_be_rewritten(target.directory, target.name, follow)
        {
            // One that can be neither rewritten nor replaced stays as it is.
            return match reason {
                InPlace::Asked | InPlace::HasLinks => {
                    Ok(Attempt::Instead(Staging::Staged { replace: true, keep: true }))
                }
                _ => Err(failed(Operation::OpenTarget)(sys::TEXT_BUSY)),
            };
        }
        let made = Target::in_place(target.directory, target.name, file);
        if is_emptied {
            sys::set_len(made.file(), 0).map_err(failed(Operation::SetLength))?;
        }
        self.finish(tools, made, StagingUsed::InPlace(reason), false, None, report)
    }

    /// Whether a target that would be written in place is left as it is instead.
    fn is_left_open(
        &self,
        tools: &mut Tools,
        file: &sys::Handle,
        facts: &Facts,
        report: &mut FileReport,
    ) -> bool {
        let place = Place::Open(file.lend());
        let mut names = Vec::new();
        sys::xattr_names(place, &mut names).is_ok()
            && self.leave_same(tools, &Kept { place, facts, names: &names }, report)
    }

    /// Opens a FIFO or device for writing; waits for somebody to read a FIFO.
    fn open_sink(&self, seen: &Seen) -> sys::Answer<sys::Handle> {
        const PAUSE: Duration = Duration::from_millis(20);
        let target = &self.leaf.target;
        let is_fifo = seen.written().is_some_and(|facts| facts.kind == Kind::Fifo);
        loop {
            match sys::open_sink(target.directory, target.name) {
                Err(sys::NO_READER) if is_fifo && !self.context.cancel.is_cancelled() => {
                    std::thread::sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }

    /// What an existing target that cannot be opened for writing means.
    fn unopenable(&self, code: Code) -> Result<Attempt> {
        if self.context.options.unlink == Unlink::IfUnopenable {
            let staging = Staging::Staged { replace: true, keep: false };
            return Ok(Attempt::Instead(staging));
        }
        Err(self.leaf.target.error(Operation::OpenTarget).with_cause(code))
    }

    /// Fills, dresses and publishes what was made.
    fn finish(
        &self,
        tools: &mut Tools,
        made: Target<'_>,
        staging: StagingUsed,
        replace: bool,
        kept: Option<&Kept<'_>>,
        report: &mut FileReport,
    ) -> Result<Attempt> {
        report.staging = Some(staging);
        let seen = match self.context.options.make {
            Make::Contents if !made.is_filled() => self.fill_target(tools, made.file(), report)?,
            _ => None,
        };
        if staging != StagingUsed::InPlace(InPlace::NotRegular) {
            let known = self.looks_when_written(tools.umask, staging, report).or(seen);
            let now = match known {
                Some(looks) => looks,
                None => self.look_at(&made, staging, report)?,
            };
            match self.dress_target(&made, now, staging, kept, report) {
                Err(Undressed::CannotKeep(code)) => {
                    let reason = InPlace::CannotKeep(code);
                    return Ok(Attempt::Instead(Staging::InPlace(reason)));
                }
                Err(Undressed::Failed(error)) => return Err(error),
                Ok(()) => {}
            }
        }
        self.sync(&made, staging)?;
        let target = &self.leaf.target;
        let was_unnamed = made.is_unnamed();
        let is_new = !matches!(staging, StagingUsed::InPlace(_));
        let like = match self.context.options.preserve.mode {
            Mode::Keep => Some(self.facts),
            _ if kept.is_some() => kept.map(|kept| kept.facts),
            Mode::Masked => (sys::WHOLE_FILES && is_new).then_some(self.facts),
            Mode::Fresh => None,
        };
        match made.commit(replace, like) {
            Ok(()) => Ok(Attempt::Done),
            Err(CommitError::Flags(code)) => {
                report.unpreserved.push(target.error(Operation::SetFlags).with_cause(code));
                Ok(Attempt::Done)
            }
            Err(CommitError::Close(code)) => {
                Err(target.error(Operation::CloseTarget).with_cause(code))
            }
            // Somebody took the name meanwhile: what that means is for the options to say.
            Err(CommitError::Name(sys::ALREADY_EXISTS)) if !replace => Ok(Attempt::LookAgain),
            Err(CommitError::Name(sys::NOT_FOUND)) if was_unnamed => {
                // No /proc and no privilege to link an open file: only a name from the start helps.
                tools.named_only.push(self.leaf.into.device);
                Ok(Attempt::LookAgain)
            }
            Err(CommitError::Name(code))
                if kept.is_some() && sys::NO_RENAME_HERE.contains(&code) =>
            {
                Ok(Attempt::Instead(Staging::InPlace(InPlace::CannotRename(code))))
            }
            Err(CommitError::Name(code)) => Err(target.error(Operation::Publish).with_cause(code)),
        }
    }

    fn sync(&self, made: &Target<'_>, staging: StagingUsed) -> Result<()> {
        let answer = match self.context.options.sync {
            Sync::None => Ok(()),
            Sync::Data => sys::sync_data(made.file()),
            Sync::Full => sys::sync_all(made.file()),
        };
        match answer {
            Err(code)
                if staging == StagingUsed::InPlace(InPlace::NotRegular)
                    && sys::NOTHING_TO_SYNC.contains(&code) =>
            {
                Ok(())
            }
            answer => answer
                .map_err(|code| self.leaf.target.error(Operation::SyncTarget).with_cause(code)),
        }
    }
}

/// Where nothing may be created because not even looking is allowed, that is the error.
pub(crate) fn unseen(target: &Spot<'_>, code: Code) -> Option<Error> {
    let answer = target.facts(false).err().filter(|_| sys::NO_PERMISSION.contains(&code))?;
    let error = || target.error(Operation::StatTarget).with_cause(answer);
    (answer != sys::NOT_FOUND).then(error)
}
