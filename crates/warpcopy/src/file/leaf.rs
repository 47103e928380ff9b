//! One source that is not a directory: what it is, and what is to be done with it.

use std::ffi::OsStr;
use std::path::Path;

use super::backup::{self, SetAside};
use super::{
    Context, Host, Spot, Starting, TargetDirectory, Tools, parent_of, paths, regular, special,
};
use crate::error::{Operation, Result};
use crate::options::{Backup, Existing, Make, Options, Publish, Symlinks, Unlink};
use crate::plan::{
    Decision, Facts, Identity, Kind, Situation, Staging, Way, decide, looks_at_links, may_split,
    staging_after_backup,
};
use crate::report::{Bytes, FileReport, Outcome, StagingUsed};
use crate::sys::{self, Handle, Lend};
use crate::watch::Question;

/// What is to be copied, and where to.
pub(crate) struct Leaf<'a> {
    pub(crate) source: Spot<'a>,
    pub(crate) target: Spot<'a>,
    /// What the directory said it is; a hint.
    pub(crate) kind: Option<Kind>,
    pub(crate) is_operand: bool,
    /// Reports are read by somebody who wants to know the paths.
    pub(crate) with_paths: bool,
    pub(crate) into: TargetDirectory,
}

impl Leaf<'_> {
    /// Whether a symbolic link at the source's name is followed.
    pub(crate) fn follows(&self, context: &Context) -> bool {
        match context.options.symlinks {
            Symlinks::Follow => true,
            Symlinks::FollowOperands => self.is_operand,
            Symlinks::Keep => false,
        }
    }

    /// A report of nothing but the outcome.
    pub(crate) fn report(&self, kind: Kind, outcome: Outcome) -> FileReport {
        let (source, target) = match self.with_paths {
            true => paths(&self.source, &self.target),
            false => Default::default(),
        };
        FileReport {
            source,
            target,
            kind,
            outcome,
            staging: None,
            backup: None,
            bytes: Bytes::default(),
            refusals: Vec::new(),
            unpreserved: Vec::new(),
            warned: Vec::new(),
            incomplete: Vec::new(),
            changed: false,
        }
    }
}

/// A source that was looked at, and opened if its bytes or attributes are to be read.
pub(crate) struct Source {
    pub(crate) facts: Facts,
    pub(crate) file: Option<Handle>,
    /// The names of its extended attributes are in [`Tools::names`].
    pub(crate) is_listed: bool,
}

impl Source {
    pub(crate) fn new(facts: Facts, file: Option<Handle>) -> Source {
        Source { facts, file, is_listed: false }
    }
}

/// One attempt at a target's name.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) leaf: &'a Leaf<'a>,
    pub(crate) source: &'a Source,
    pub(crate) staging: Staging,
    pub(crate) seen: &'a Seen,
    /// Threads that may help with a big file.
    pub(crate) spare_threads: usize,
}

/// How one attempt at a target's name ended.
pub(crate) enum Attempt {
    /// The target is made; the report says how.
    Done,
    /// The name was not what it was taken for: look again and decide again.
    LookAgain,
    /// Not this way, but that one.
    Instead(Staging),
}

/// How often a decision is taken anew because others change the target meanwhile.
const ATTEMPTS_MAX: usize = 32;

/// Copies one thing that is not a directory, which may have been opened before. `None` means that the host took it over.
pub(crate) fn copy_leaf(
    context: &Context,
    tools: &mut Tools,
    leaf: &Leaf<'_>,
    opened: Option<Source>,
    host: &mut dyn Host,
) -> Result<Option<FileReport>> {
    let report = match open(context, leaf, opened, host) {
        Ok(Opened::TakenOver) => return Ok(None),
        Ok(Opened::Skipped(report)) => report,
        Ok(Opened::Source(source)) => take_name(context, tools, leaf, &source, host)?,
        Err(error) if error.operation() == Operation::OpenSource => {
            unopened(context, leaf, host, error)?
        }
        Err(error) => return Err(error),
    };
    Ok(Some(report))
}

/// What becomes of a source that cannot be opened: what is decided by names alone comes first, as with cp.
fn unopened(
    context: &Context,
    leaf: &Leaf<'_>,
    host: &mut dyn Host,
    error: crate::error::Error,
) -> Result<FileReport> {
    let facts = leaf.source.facts(leaf.follows(context));
    let facts = facts.map_err(|code| leaf.source.error(Operation::StatSource).with_cause(code))?;
    let seen = Seen::look(context, leaf, &facts, host)?;
    match settle(context, leaf, &facts, &seen, host, &mut false)? {
        Settled::Skip(outcome) => Ok(leaf.report(facts.kind, outcome)),
        Settled::Go(_) => {
            if host.wants_starts() {
                let (source, target) = paths(&leaf.source, &leaf.target);
                host.starting(Starting::Copying { source, target, backup: None });
            }
            Err(error)
        }
    }
}

/// Finds a way to the target's name and goes it.
fn take_name(
    context: &Context,
    tools: &mut Tools,
    leaf: &Leaf<'_>,
    source: &Source,
    host: &mut dyn Host,
) -> Result<FileReport> {
    // Creating a name that must be free asks whether it is free by itself; only what would be made at length under
    // another name is worth a look first.
    // The same goes for whoever wants to know in advance what will be done, for links that may lead nowhere, and where
    // the name before was not free.
    let looks_first = context.options.publish == Publish::Staged
        || (tools.meets_existing && !leaf.into.is_own)
        || context.options.make == Make::Symlinks
        || host.wants_starts();
    let mut seen = match looks_first {
        true => Seen::look(context, leaf, &source.facts, host)?,
        false => Seen::default(),
    };
    tools.meets_existing &= !looks_first || seen.target.is_some();
    let mut was_allowed = false;
    let mut staging = None;
    let mut aside: Option<SetAside<'_>> = None;
    let mut is_announced = false;
    for _ in 0..ATTEMPTS_MAX {
        let chosen = match staging.take() {
            Some(chosen) => chosen,
            None => match settle(context, leaf, &source.facts, &seen, host, &mut was_allowed)? {
                Settled::Skip(outcome) => return Ok(leaf.report(source.facts.kind, outcome)),
                Settled::Go(Way::Take(chosen)) if is_protected(&context.options, &seen, chosen) => {
                    let error = leaf.target.error(Operation::Replace);
                    return Err(error.with_cause(sys::NO_PERMISSION[0]));
                }
                Settled::Go(Way::Take(chosen)) => chosen,
                Settled::Go(Way::BackUp) => {
                    let made = aside.insert(SetAside::new(&context.options, &leaf.target)?);
                    if made.is_moved() {
                        seen = Seen::default();
                    }
                    staging_after_backup(&context.options, &source.facts, made.is_moved())
                }
                Settled::Go(Way::ToBackup) => {
                    return copy_to_backup(context, tools, leaf, source, host);
                }
            },
        };
        if host.wants_starts() {
            if is_removal(&context.options, &seen, chosen, aside.is_some()) {
                host.starting(Starting::Removing { target: (leaf.target.path)() });
            }
            // A file that cannot be opened is removed after that was said.
            if !std::mem::replace(&mut is_announced, true) {
                let (source, target) = paths(&leaf.source, &leaf.target);
                let backup = aside.as_ref().map(SetAside::path);
                host.starting(Starting::Copying { source, target, backup });
            }
        }
        let mut report = leaf.report(source.facts.kind, Outcome::Copied);
        // Asking how many processors there are takes several system calls.
        let spare_threads = match may_be_split(context, tools, leaf, source) {
            true => host.spare_threads(),
            false => 0,
        };
        let job = Job { leaf, source, staging: chosen, seen: &seen, spare_threads };
        let attempt = match special::is_by_name(&context.options, &source.facts) {
            true => special::make(context, &job, &mut report)?,
            false => regular::copy(context, tools, &job, &mut report)?,
        };
        match attempt {
            Attempt::Done => {
                if let Some(aside) = aside {
                    report.backup = Some(aside.path());
                    aside.keep();
                }
                note_made(leaf, host, &report);
                return Ok(report);
            }
            Attempt::LookAgain => {
                seen = Seen::look(context, leaf, &source.facts, host)?;
                tools.meets_existing = seen.target.is_some();
            }
            Attempt::Instead(other) => staging = Some(other),
        }
    }
    let busy = leaf.target.error(Operation::CreateTarget);
    Err(busy.with_cause(sys::ALREADY_EXISTS))
}

fn may_be_split(context: &Context, tools: &mut Tools, leaf: &Leaf<'_>, source: &Source) -> bool {
    source.file.as_ref().is_some_and(|file| {
        let (from, into) = (source.facts.identity.device, leaf.into.device);
        let file_systems = || {
            (tools.file_system(file.lend(), from), tools.file_system(leaf.target.directory, into))
        };
        may_split(&context.options, source.facts.len_bytes, from == into, file_systems)
    })
}

/// Copies to the name that a backup of the target would have.
fn copy_to_backup(
    context: &Context,
    tools: &mut Tools,
    leaf: &Leaf<'_>,
    source: &Source,
    host: &mut dyn Host,
) -> Result<FileReport> {
    let (ending, _) = backup::ending_for(&context.options, &leaf.target);
    let name = backup::with(leaf.target.name, &ending);
    let path = || backup::path_for(&leaf.target, &ending);
    let target = Spot { name: &name, path: &path, ..leaf.target };
    let context = &context.with_options(context.options.clone().backup(Backup::None));
    take_name(context, tools, &Leaf { target, ..*leaf }, source, host)
}

/// Whether what has the name goes for good. Links take a name over at once, unless it was to be free before.
fn is_removal(options: &Options, seen: &Seen, staging: Staging, is_backed_up: bool) -> bool {
    let has_links = options.preserve.links && seen.written().is_some_and(|facts| facts.links > 1);
    let makes_link = matches!(options.make, Make::HardLinks | Make::Symlinks) && !has_links;
    staging == Staging::Staged { replace: true, keep: false }
        && !is_backed_up
        && (!makes_link || options.unlink == Unlink::Always)
}

/// Whether what has the name stays because it is read-only.
fn is_protected(options: &Options, seen: &Seen, staging: Staging) -> bool {
    let is_read_only = |facts: Facts| facts.kind == Kind::File && facts.mode & 0o200 == 0;
    sys::READ_ONLY_STAYS
        && staging == Staging::Staged { replace: true, keep: false }
        && options.unlink == Unlink::Never
        && seen.target.is_some_and(is_read_only)
}

/// A decision with its question answered.
pub(crate) enum Settled {
    Skip(Outcome),
    Go(Way),
}

/// Decides, and asks what is to be asked, once.
pub(crate) fn settle(
    context: &Context,
    leaf: &Leaf<'_>,
    facts: &Facts,
    seen: &Seen,
    host: &mut dyn Host,
    was_allowed: &mut bool,
) -> Result<Settled> {
    match decide(&context.options, &seen.situation(leaf, facts)) {
        Decision::Skip(outcome) => Ok(Settled::Skip(outcome)),
        Decision::Refuse(operation) => {
            // Whether anything is written is found out at the last moment, as with cp.
            if operation == Operation::DanglingTarget && host.wants_starts() {
                let (source, target) = paths(&leaf.source, &leaf.target);
                host.starting(Starting::Copying { source, target, backup: None });
            }
            Err(refusal(leaf, operation))
        }
        Decision::Go(way) => Ok(Settled::Go(way)),
        asking => {
            *was_allowed = *was_allowed || ask(leaf, seen, host);
            match asking {
                _ if !*was_allowed => Err(refusal(leaf, Operation::Declined)),
                Decision::Ask(way) | Decision::Go(way) => Ok(Settled::Go(way)),
                Decision::AskThenRefuse(operation) | Decision::Refuse(operation) => {
                    Err(refusal(leaf, operation))
                }
                Decision::AskThenSkip(outcome) | Decision::Skip(outcome) => {
                    Ok(Settled::Skip(outcome))
                }
            }
        }
    }
}

/// What is at the target's name.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) target: Option<Facts>,
    pub(crate) referent: Option<Facts>,
    is_loop: bool,
    /// What the source leads to, if it is a symbolic link.
    leads_to: Option<Identity>,
    /// What has the source's name, if a symbolic link was followed from there.
    source_name: Option<Facts>,
    is_same_name: bool,
    is_same_spelling: bool,
    is_source_the_backup: bool,
    is_just_created: bool,
}

impl Seen {
    pub(crate) fn look(
        context: &Context,
        leaf: &Leaf<'_>,
        source: &Facts,
        host: &dyn Host,
    ) -> Result<Seen> {
        let target = match leaf.target.facts(false) {
            Ok(facts) => facts,
            Err(sys::NOT_FOUND) => return Ok(Seen::default()),
            Err(code) => return Err(leaf.target.error(Operation::StatTarget).with_cause(code)),
        };
        let (referent, unseen) = match target.kind {
            Kind::Symlink => match leaf.target.facts(true) {
                Ok(facts) => (Some(facts), None),
                Err(sys::NOT_FOUND) => (None, None),
                Err(code) => (None, Some(code)),
            },
            _ => (None, None),
        };
        let options = &context.options;
        let is_loop = unseen == Some(sys::TOO_MANY_LINKS);
        let may_go = is_loop && options.unlink == Unlink::IfUnopenable;
        if let Some(code) = unseen
            && leaf.is_operand
            && !looks_at_links(options, source)
            && !may_go
        {
            return Err(leaf.target.error(Operation::StatTarget).with_cause(code));
        }
        let leads_to = match source.kind {
            Kind::Symlink => leaf.source.facts(true).ok().map(|facts| facts.identity),
            _ => None,
        };
        let source_name = match leaf.follows(context) {
            true => leaf.source.facts(false).ok(),
            false => None,
        };
        let entry = source_name.as_ref().unwrap_or(source).identity;
        let is_same_name = entry == target.identity && are_one_name(&leaf.source, &leaf.target);
        let is_same_spelling = is_same_name && (leaf.source.path)() == (leaf.target.path)();
        let is_source_the_backup = context.options.backup != Backup::None
            && backup::is_backup_of(&context.options, leaf.source.name, &leaf.target)
            && stands_for(source.identity, &context.options, &leaf.target);
        // Two operands must not meet at one name; trees may. Nothing is written through a link made by this run.
        let is_guarded =
            leaf.is_operand || (target.kind == Kind::Symlink && source.kind == Kind::File);
        let is_made =
            is_guarded && host.wants_made() && host.has_made((leaf.target.path)(), target.identity);
        // Two names of the source that are one here: the file system does not tell their case or accents apart.
        let is_just_created = is_made || leaf.into.is_own;
        Ok(Seen {
            target: Some(target),
            referent,
            is_loop,
            leads_to,
            source_name,
            is_same_name,
            is_same_spelling,
            is_source_the_backup,
            is_just_created,
        })
    }

    fn situation<'a>(&'a self, leaf: &Leaf<'_>, source: &'a Facts) -> Situation<'a> {
        Situation {
            source,
            source_name: self.source_name.as_ref().unwrap_or(source),
            target: self.target.as_ref(),
            referent: self.referent.as_ref(),
            is_loop: self.is_loop,
            leads_to: self.leads_to,
            is_same_name: self.is_same_name,
            is_same_spelling: self.is_same_spelling,
            is_source_the_backup: self.is_source_the_backup,
            is_operand: leaf.is_operand,
            is_just_created: self.is_just_created,
        }
    }

    /// The file that writing in place would change.
    pub(crate) fn written(&self) -> Option<&Facts> {
        self.referent.as_ref().or(self.target.as_ref())
    }
}

/// Whether two names are the same entry of the same directory.
fn are_one_name(one: &Spot<'_>, other: &Spot<'_>) -> bool {
    let holder = |spot: &Spot<'_>| {
        let above = parent_of(Path::new(spot.name));
        sys::facts_at(spot.directory, above.as_os_str(), true).map(|facts| facts.identity)
    };
    let last = |spot: &Spot<'_>| Path::new(spot.name).file_name().map(OsStr::to_os_string);
    last(one) == last(other) && holder(one).is_ok_and(|above| holder(other) == Ok(above))
}

/// Whether a simple backup of the target would overwrite this very file.
fn stands_for(source: Identity, options: &Options, target: &Spot<'_>) -> bool {
    let name = backup::with(target.name, &options.backup_suffix);
    sys::facts_at(target.directory, &name, true).is_ok_and(|facts| facts.identity == source)
}

/// What came of opening a source.
enum Opened {
    Source(Source),
    Skipped(FileReport),
    /// The host copies it, or did.
    TakenOver,
}

/// Opens what is to be read; looks at what is not, and at what may be left out.
fn open(
    context: &Context,
    leaf: &Leaf<'_>,
    opened: Option<Source>,
    host: &mut dyn Host,
) -> Result<Opened> {
    let options = &context.options;
    let follow = leaf.follows(context);
    let mut is_ours = |facts: &Facts| match facts.kind {
        Kind::Directory => Err(leaf.source.error(Operation::OmitDirectory)),
        _ => Ok(host.claim(facts)),
    };
    let is_link = matches!(options.make, Make::HardLinks | Make::Symlinks);
    let may_skip_existing =
        matches!(options.existing, Existing::Skip | Existing::Older | Existing::AskIfOlder);
    let may_skip = may_skip_existing || options.newer_than.is_some();
    // Opening says as much as looking, and what is open cannot be exchanged any more.
    if leaf.kind == Some(Kind::File) && !is_link && !may_skip {
        let source = match opened {
            Some(source) => source,
            None => open_regular(context, leaf, follow, None)?,
        };
        return Ok(match is_ours(&source.facts)? {
            true => Opened::Source(source),
            false => Opened::TakenOver,
        });
    }
    let facts = leaf.source.facts(follow);
    let facts = facts.map_err(|code| leaf.source.error(Operation::StatSource).with_cause(code))?;
    if !is_ours(&facts)? {
        return Ok(Opened::TakenOver);
    }
    if may_skip {
        let seen = match may_skip_existing {
            true => Seen::look(context, leaf, &facts, host)?,
            false => Seen::default(),
        };
        if let Decision::Skip(outcome) = decide(options, &seen.situation(leaf, &facts)) {
            return Ok(Opened::Skipped(leaf.report(facts.kind, outcome)));
        }
    }
    match is_link {
        true => Ok(Opened::Source(Source::new(facts, None))),
        false => open_seen(context, leaf, follow, facts).map(Opened::Source),
    }
}

/// Opens a source that was looked at, if it is to be read.
fn open_seen(context: &Context, leaf: &Leaf<'_>, follow: bool, facts: Facts) -> Result<Source> {
    match facts.kind {
        Kind::File => open_regular(context, leaf, follow, Some(facts)),
        Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice
            if !special::is_by_name(&context.options, &facts) =>
        {
            let failed = |operation| move |code| leaf.source.error(operation).with_cause(code);
            let file = sys::open_source(leaf.source.directory, leaf.source.name, follow)
                .map_err(failed(Operation::OpenSource))?;
            let now = sys::facts(file.lend()).map_err(failed(Operation::StatSource))?;
            match now.identity == facts.identity {
                true => Ok(Source::new(facts, Some(file))),
                false => Err(leaf.source.error(Operation::SourceReplaced)),
            }
        }
        _ => Ok(Source::new(facts, None)),
    }
}

fn open_regular(
    context: &Context,
    leaf: &Leaf<'_>,
    follow: bool,
    seen: Option<Facts>,
) -> Result<Source> {
    let failed = |operation| move |code| leaf.source.error(operation).with_cause(code);
    let file = context
        .outwait_lease(|| sys::open_source(leaf.source.directory, leaf.source.name, follow))
        .map_err(failed(Operation::OpenSource))?;
    let facts = sys::facts(file.lend()).map_err(failed(Operation::StatSource))?;
    let is_replaced = match seen {
        Some(seen) => seen.identity != facts.identity || facts.kind != Kind::File,
        None => facts.kind != Kind::File,
    };
    if is_replaced {
        return Err(leaf.source.error(Operation::SourceReplaced));
    }
    Ok(Source::new(facts, Some(file)))
}

fn refusal(leaf: &Leaf<'_>, operation: Operation) -> crate::error::Error {
    match operation {
        Operation::SameFile | Operation::JustCreated | Operation::ThroughJustCreated => {
            leaf.target.error(operation).with_other((leaf.source.path)())
        }
        Operation::TargetIsDirectory | Operation::BackUpSource => {
            leaf.target.error(operation).with_other((leaf.source.path)())
        }
        Operation::TargetExists => leaf.target.error(operation).with_cause(sys::ALREADY_EXISTS),
        _ => leaf.target.error(operation),
    }
}

fn ask(leaf: &Leaf<'_>, seen: &Seen, host: &mut dyn Host) -> bool {
    let (source, target) = paths(&leaf.source, &leaf.target);
    let mode = seen.written().map_or(0, |facts| facts.mode);
    let leads_nowhere =
        seen.referent.is_none() && seen.target.is_some_and(|facts| facts.kind == Kind::Symlink);
    let is_writable = leads_nowhere || sys::may_write(leaf.target.directory, leaf.target.name);
    host.ask(&Question {
        source: &source,
        target: &target,
        target_mode: mode,
        target_is_writable: is_writable,
    })
}

fn note_made(leaf: &Leaf<'_>, host: &mut dyn Host, report: &FileReport) {
    let is_made = matches!(report.outcome, Outcome::Copied | Outcome::Linked | Outcome::Symlinked);
    let is_device =
        matches!(report.staging, Some(StagingUsed::InPlace(crate::report::InPlace::NotRegular)));
    let is_guarded = leaf.is_operand || report.kind == Kind::Symlink;
    if is_made
        && is_guarded
        && !is_device
        && host.wants_made()
        && let Ok(facts) = leaf.target.facts(false)
    {
        host.note_made((leaf.target.path)(), facts.identity);
    }
}
