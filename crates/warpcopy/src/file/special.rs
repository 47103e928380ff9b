//! What is made by name instead of being filled: symbolic links, FIFOs, sockets, devices, and links of any kind
//! made in place of copies.

use std::ffi::{CString, OsStr};

use super::backup::SetAside;
use super::dress::{Acl, Layer, Wanted, Weight, Whose, dress};
use super::leaf::{Attempt, Job, Leaf, Seen, Settled, settle};
use super::looks::sort_out;
use super::target::{publish, with_temporary_name};
use super::{Context, Host, Starting, paths, unseen};
use crate::error::{Error, Operation, Result};
use crate::options::{Make, Mode, Options, Preserve, Unlink, Xattrs};
use crate::plan::{Code, Facts, Kind, Looks, Staging, Way};
use crate::report::{FileReport, Outcome, StagingUsed};
use crate::sys::{self, Answer, Borrowed, Place};

/// Whether the source is made anew by name, rather than its bytes being copied.
pub(super) fn is_by_name(options: &Options, facts: &Facts) -> bool {
    match (options.make, facts.kind) {
        (Make::HardLinks | Make::Symlinks, _) => true,
        (_, Kind::File) => false,
        (_, Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice) => {
            options.recursive && !options.copy_contents
        }
        (_, Kind::Symlink | Kind::Directory) => true,
    }
}

/// Makes the node in the way chosen.
pub(super) fn make(context: &Context, job: &Job<'_>, report: &mut FileReport) -> Result<Attempt> {
    let Job { leaf, source, staging, seen, .. } = *job;
    let making = Making::of(context, leaf, &source.facts)?;
    let target = &leaf.target;
    let failed = |code| making.failed(leaf, code);
    report.outcome = making.outcome();
    let Staging::Staged { replace, .. } = staging else {
        report.staging = Some(StagingUsed::Exclusive);
        match making.create(leaf, context, target.name) {
            Err(sys::ALREADY_EXISTS) if seen.target.is_none() => return Ok(Attempt::LookAgain),
            Err(code) => return Err(unseen(target, code).unwrap_or_else(|| failed(code))),
            Ok(()) => {}
        }
        let made = Made { directory: target.directory, name: Some(target.name) };
        making.dress(context, leaf, &source.facts, target.name, report)?;
        made.keep();
        return Ok(Attempt::Done);
    };
    report.staging = Some(StagingUsed::Staged);
    let (temporary, ()) =
        with_temporary_name(|name| making.create(leaf, context, name)).map_err(|code| {
            match sys::NO_PERMISSION.contains(&code) && !matches!(making, Making::HardLink) {
                true => target.error(Operation::Replace).with_cause(code),
                false => failed(code),
            }
        })?;
    let made = Made { directory: target.directory, name: Some(&temporary) };
    making.dress(context, leaf, &source.facts, &temporary, report)?;
    publish(target.directory, &temporary, target.name, replace)
        .map_err(|code| target.error(Operation::Publish).with_cause(code))?;
    made.keep();
    Ok(Attempt::Done)
}

/// A name that goes away again unless it is kept.
struct Made<'a> {
    directory: Borrowed<'a>,
    name: Option<&'a OsStr>,
}

impl Made<'_> {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            let _ = sys::remove(self.directory, name); // best effort: an error is on its way already
        }
    }
}

/// What is made.
enum Making {
    HardLink,
    /// A symbolic link to the source.
    LinkTo,
    /// A copy of a symbolic link.
    Symlink(sys::LinkText),
    /// A node with its kind, device number and permission bits.
    Node(Kind, u64, u32),
}

impl Making {
    fn of(context: &Context, leaf: &Leaf<'_>, facts: &Facts) -> Result<Making> {
        Ok(match (context.options.make, facts.kind) {
            (Make::HardLinks, _) => Making::HardLink,
            (Make::Symlinks, _) if !leads_to_source(leaf) => {
                return Err(leaf.target.error(Operation::RelativeSymlink));
            }
            (Make::Symlinks, _) => Making::LinkTo,
            (_, Kind::Symlink) => {
                let text = sys::read_link(leaf.source.directory, leaf.source.name)
                    .map_err(|code| leaf.source.error(Operation::ReadLink).with_cause(code))?;
                Making::Symlink(text)
            }
            (_, kind) => Making::Node(kind, facts.special_device, facts.mode),
        })
    }

    fn outcome(&self) -> Outcome {
        match self {
            Making::HardLink => Outcome::Linked,
            Making::LinkTo => Outcome::Symlinked,
            Making::Symlink(_) | Making::Node(..) => Outcome::Copied,
        }
    }

    fn create(&self, leaf: &Leaf<'_>, context: &Context, name: &OsStr) -> Answer<()> {
        let (source, directory) = (&leaf.source, leaf.target.directory);
        match self {
            Making::HardLink => sys::make_link(
                (source.directory, source.name),
                (directory, name),
                leaf.follows(context),
            ),
            Making::LinkTo => sys::make_symlink(&sys::link_text((source.path)()), directory, name),
            Making::Symlink(text) => sys::make_symlink(text, directory, name),
            Making::Node(kind, device, mode) => {
                let mode = match context.options.preserve.mode {
                    Mode::Fresh => 0o666,
                    // Whoever it is to belong to is not set yet.
                    _ if context.options.preserve.ownership => 0o600,
                    _ => *mode,
                };
                sys::make_special(directory, name, *kind, mode, *device)
            }
        }
    }

    fn failed(&self, leaf: &Leaf<'_>, code: Code) -> Error {
        let operation = match self {
            Making::HardLink => Operation::CreateLink,
            Making::LinkTo | Making::Symlink(_) => Operation::CreateSymlink,
            Making::Node(Kind::Fifo, ..) => Operation::CreateFifo,
            Making::Node(..) => Operation::CreateSpecial,
        };
        leaf.target.error(operation).with_other((leaf.source.path)()).with_cause(code)
    }

    fn dress(
        &self,
        context: &Context,
        leaf: &Leaf<'_>,
        facts: &Facts,
        name: &OsStr,
        report: &mut FileReport,
    ) -> Result<()> {
        let preserve = &match self {
            Making::HardLink => Preserve::nothing(),
            // It is no copy, but its times can be those of what it leads to; cp gives it those.
            Making::LinkTo => {
                Preserve { timestamps: context.options.preserve.timestamps, ..Preserve::nothing() }
            }
            Making::Symlink(_) | Making::Node(..) => context.options.preserve,
        };
        let is_plain = !preserve.ownership
            && !preserve.timestamps
            && preserve.mode != Mode::Keep
            && preserve.xattrs == Xattrs::Drop;
        if is_plain {
            return Ok(());
        }
        let origin = Place::Named(leaf.source.directory, leaf.source.name);
        let mut names: Vec<CString> = Vec::new();
        let has_mode = matches!(self, Making::Node(..));
        if preserve.xattrs != Xattrs::Drop || (has_mode && preserve.mode == Mode::Keep) {
            sys::xattr_names(origin, &mut names)
                .map_err(|code| leaf.source.error(Operation::SetXattr).with_cause(code))?;
        }
        let layers = [Layer {
            origin,
            names: &names,
            weight: match preserve.xattrs {
                Xattrs::Require => Weight::Required,
                _ => Weight::Warned,
            },
            whose: Whose::Source,
        }];
        let now = match leaf.into.owner_of_new {
            Some((owner, group)) if !has_mode => Looks { owner, group, mode: 0o777 },
            _ => sys::facts_at(leaf.target.directory, name, false)
                .map_err(|code| leaf.target.error(Operation::StatTarget).with_cause(code))?
                .looks(),
        };
        let wanted = Wanted {
            owner: preserve.ownership.then_some((facts.owner, facts.group)),
            mode: match preserve.mode {
                Mode::Keep if has_mode => Some(facts.mode),
                Mode::Masked if has_mode && preserve.ownership => {
                    Some(facts.mode & !context.umask())
                }
                _ => None,
            },
            acl: match has_mode && preserve.mode == Mode::Keep {
                true if names.iter().any(|name| name.as_c_str() == sys::ACL_ACCESS) => {
                    Acl::From(origin, &names)
                }
                true if leaf.into.has_default_acl => Acl::Remove,
                _ => Acl::Leave,
            },
            xattrs: if preserve.xattrs == Xattrs::Drop { &[] } else { &layers },
            times: preserve.timestamps.then_some(facts),
            // One that forbade renaming would keep it from its name.
            flags: None,
            is_directory: false,
        };
        let place = Place::Named(leaf.target.directory, name);
        let unkept = dress(place, now, &wanted, leaf.target.path)?;
        sort_out(unkept, report);
        Ok(())
    }
}

/// Whether a symbolic link with the source's path as its text leads there: a relative path is read from the directory
/// that holds the link.
fn leads_to_source(leaf: &Leaf<'_>) -> bool {
    let here = || sys::facts_at(sys::working_directory(), OsStr::new("."), true);
    let is_here = |facts: Facts| here().is_ok_and(|here| here.identity == facts.identity);
    (leaf.source.path)().is_absolute()
        || sys::facts_at(leaf.target.directory, OsStr::new("."), true).is_ok_and(is_here)
}

/// How linking to an earlier copy ended.
pub(crate) enum Linked {
    Done(Box<FileReport>),
    /// No link can be made here, for this reason; a copy is the next best.
    Impossible(Error),
}

/// Makes the target another name of an earlier copy of the same source.
pub(crate) fn link_to_earlier(
    context: &Context,
    leaf: &Leaf<'_>,
    facts: &Facts,
    earlier: (Borrowed<'_>, &OsStr),
    host: &mut dyn Host,
) -> Result<Linked> {
    let target = &leaf.target;
    let mut report = leaf.report(facts.kind, Outcome::Linked);
    report.staging = Some(StagingUsed::Exclusive);
    let failed = |code| target.error(Operation::CreateLink).with_cause(code);
    if !host.wants_starts() {
        match sys::make_link(earlier, (target.directory, target.name), false) {
            Ok(()) => return Ok(Linked::Done(Box::new(report))),
            Err(sys::ALREADY_EXISTS) => {}
            Err(code) if sys::NO_LINK_HERE.contains(&code) => {
                return Ok(Linked::Impossible(failed(code)));
            }
            Err(code) => return Err(failed(code)),
        }
    }
    let first = sys::facts_at(earlier.0, earlier.1, false).map_err(failed)?;
    let seen = Seen::look(context, leaf, facts, host)?;
    let mut aside = None;
    let mut is_told = host.wants_starts();
    match settle(context, leaf, facts, &seen, host, &mut false)? {
        // What is up to date shares the inode of its source's other names all the same.
        Settled::Skip(Outcome::SkippedNotOlder) => is_told = false,
        Settled::Skip(outcome) => {
            return Ok(Linked::Done(Box::new(leaf.report(facts.kind, outcome))));
        }
        Settled::Go(Way::BackUp) => aside = Some(SetAside::new(&context.options, target)?),
        Settled::Go(Way::Take(_) | Way::ToBackup) => {}
    }
    let removing = || Starting::Removing { target: (target.path)() };
    // What has other links is made anew in any case; else the link takes the name over.
    let goes_first = seen.target.is_some_and(|target| target.links > 1)
        || context.options.unlink == Unlink::Always;
    let is_removed = host.wants_starts() && seen.target.is_some() && aside.is_none();
    if is_removed && goes_first {
        host.starting(removing());
    }
    if is_told {
        let (source, target) = paths(&leaf.source, target);
        let backup = aside.as_ref().map(SetAside::path);
        host.starting(Starting::Copying { source, target, backup });
    }
    if is_removed && !goes_first {
        host.starting(removing());
    }
    if seen.target.is_some_and(|target| target.identity == first.identity) {
        return Ok(Linked::Done(Box::new(report)));
    }
    if seen.target.is_none() || aside.as_ref().is_some_and(SetAside::is_moved) {
        return match sys::make_link(earlier, (target.directory, target.name), false) {
            Ok(()) => Ok(linked(report, aside)),
            Err(code) if sys::NO_LINK_HERE.contains(&code) => Ok(Linked::Impossible(failed(code))),
            Err(code) => Err(failed(code)),
        };
    }
    report.staging = Some(StagingUsed::Staged);
    let link = |name: &OsStr| sys::make_link(earlier, (target.directory, name), false);
    let (temporary, ()) = with_temporary_name(link).map_err(failed)?;
    let made = Made { directory: target.directory, name: Some(&temporary) };
    sys::rename_over(target.directory, &temporary, target.name)
        .map_err(|code| target.error(Operation::Publish).with_cause(code))?;
    made.keep();
    Ok(linked(report, aside))
}

fn linked(mut report: FileReport, aside: Option<SetAside<'_>>) -> Linked {
    if let Some(aside) = aside {
        report.backup = Some(aside.path());
        aside.keep();
    }
    Linked::Done(Box::new(report))
}
