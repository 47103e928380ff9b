//! One source that is not a directory: what it is, and what is to be done with it.

use std::os::fd::AsFd;

use super::{Context, Host, Spot, TargetDirectory, Tools, paths, regular, special};
use crate::error::{Operation, Result};
use crate::options::{Make, Publish, Symlinks};
use crate::plan::{
    Decision, Facts, Identity, Kind, SPLIT_PAYS_FROM_BYTES, Situation, Staging, decide,
};
use crate::report::{Bytes, FileReport, Outcome, StagingUsed};
use crate::sys::{self, Handle};
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

/// Copies one thing that is not a directory. `None` means that the host took it over.
pub(crate) fn copy_leaf(
    context: &Context,
    tools: &mut Tools,
    leaf: &Leaf<'_>,
    host: &mut dyn Host,
) -> Result<Option<FileReport>> {
    let source = open(context, leaf)?;
    if source.facts.kind == Kind::Directory {
        return Err(leaf.source.error(Operation::OmitDirectory));
    }
    if !host.claim(&source.facts) {
        return Ok(None);
    }
    let report = take_name(context, tools, leaf, &source, host)?;
    Ok(Some(report))
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
    let mut seen = match context.options.publish {
        Publish::Staged => Seen::look(leaf, &source.facts, host)?,
        Publish::Auto | Publish::InPlace => Seen::default(),
    };
    let mut was_allowed = false;
    let mut staging = None;
    for _ in 0..ATTEMPTS_MAX {
        let chosen = match staging.take() {
            Some(chosen) => chosen,
            None => match settle(context, leaf, &source.facts, &seen, host, &mut was_allowed)? {
                Settled::Skip(outcome) => return Ok(leaf.report(source.facts.kind, outcome)),
                Settled::Go(chosen) => chosen,
            },
        };
        let mut report = leaf.report(source.facts.kind, Outcome::Copied);
        // Asking how many processors there are takes several system calls.
        let is_big = source.facts.len_bytes >= SPLIT_PAYS_FROM_BYTES;
        let spare_threads = if is_big { host.spare_threads() } else { 0 };
        let job = Job { leaf, source, staging: chosen, seen: &seen, spare_threads };
        let attempt = match special::is_by_name(&context.options, &source.facts) {
            true => special::make(context, &job, &mut report)?,
            false => regular::copy(context, tools, &job, &mut report)?,
        };
        match attempt {
            Attempt::Done => {
                note_made(leaf, host, &report);
                return Ok(report);
            }
            Attempt::LookAgain => seen = Seen::look(leaf, &source.facts, host)?,
            Attempt::Instead(other) => staging = Some(other),
        }
    }
    let busy = leaf.target.error(Operation::CreateTarget);
    Err(busy.with_cause(sys::ALREADY_EXISTS))
}

/// A decision with its question answered.
pub(crate) enum Settled {
    Skip(Outcome),
    Go(Staging),
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
        Decision::Refuse(operation) => Err(refusal(leaf, operation)),
        Decision::Go(staging) => Ok(Settled::Go(staging)),
        Decision::Ask(staging) => {
            *was_allowed = *was_allowed || ask(leaf, seen, host);
            match was_allowed {
                true => Ok(Settled::Go(staging)),
                false => Err(refusal(leaf, Operation::Declined)),
            }
        }
    }
}

/// What is at the target's name.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) target: Option<Facts>,
    pub(crate) referent: Option<Facts>,
    /// What the source leads to, if it is a symbolic link.
    leads_to: Option<Identity>,
    is_just_created: bool,
}

impl Seen {
    pub(crate) fn look(leaf: &Leaf<'_>, source: &Facts, host: &dyn Host) -> Result<Seen> {
        let target = match leaf.target.facts(false) {
            Ok(facts) => facts,
            Err(sys::NOT_FOUND) => return Ok(Seen::default()),
            Err(code) => return Err(leaf.target.error(Operation::StatTarget).with_cause(code)),
        };
        let referent = match target.kind {
            Kind::Symlink => match leaf.target.facts(true) {
                Err(sys::TOO_MANY_LINKS) if leaf.is_operand => {
                    let error = leaf.target.error(Operation::StatTarget);
                    return Err(error.with_cause(sys::TOO_MANY_LINKS));
                }
                answer => answer.ok(),
            },
            _ => None,
        };
        let leads_to = match source.kind {
            Kind::Symlink => leaf.source.facts(true).ok().map(|facts| facts.identity),
            _ => None,
        };
        // Two operands must not meet at one name; trees may. Nothing is written through a link made by this run.
        let is_guarded =
            leaf.is_operand || (target.kind == Kind::Symlink && source.kind == Kind::File);
        let is_just_created =
            is_guarded && host.wants_made() && host.has_made((leaf.target.path)(), target.identity);
        Ok(Seen { target: Some(target), referent, leads_to, is_just_created })
    }

    fn situation<'a>(&'a self, leaf: &Leaf<'_>, source: &'a Facts) -> Situation<'a> {
        Situation {
            source,
            target: self.target.as_ref(),
            referent: self.referent.as_ref(),
            leads_to: self.leads_to,
            is_operand: leaf.is_operand,
            is_just_created: self.is_just_created,
        }
    }

    /// The file that writing in place would change.
    pub(crate) fn written(&self) -> Option<&Facts> {
        self.referent.as_ref().or(self.target.as_ref())
    }
}

/// Opens what is to be read; looks at what is not.
fn open(context: &Context, leaf: &Leaf<'_>) -> Result<Source> {
    let follow = leaf.follows(context);
    let stat = || {
        let facts = leaf.source.facts(follow);
        facts.map_err(|code| leaf.source.error(Operation::StatSource).with_cause(code))
    };
    if matches!(context.options.make, Make::HardLinks | Make::Symlinks) {
        return Ok(Source { facts: stat()?, file: None });
    }
    // Opening says as much as looking, and what is open cannot be exchanged any more.
    if leaf.kind == Some(Kind::File) {
        return open_regular(context, leaf, follow, None);
    }
    let facts = stat()?;
    match facts.kind {
        Kind::File => open_regular(context, leaf, follow, Some(facts)),
        Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice
            if !special::is_by_name(&context.options, &facts) =>
        {
            let failed = |operation| move |code| leaf.source.error(operation).with_cause(code);
            let file = sys::open_source(leaf.source.directory, leaf.source.name, follow)
                .map_err(failed(Operation::OpenSource))?;
            let now = sys::facts(file.as_fd()).map_err(failed(Operation::StatSource))?;
            match now.identity == facts.identity {
                true => Ok(Source { facts, file: Some(file) }),
                false => Err(leaf.source.error(Operation::SourceReplaced)),
            }
        }
        _ => Ok(Source { facts, file: None }),
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
    let facts = sys::facts(file.as_fd()).map_err(failed(Operation::StatSource))?;
    let is_replaced = match seen {
        Some(seen) => seen.identity != facts.identity || facts.kind != Kind::File,
        None => facts.kind != Kind::File,
    };
    if is_replaced {
        return Err(leaf.source.error(Operation::SourceReplaced));
    }
    Ok(Source { facts, file: Some(file) })
}

fn refusal(leaf: &Leaf<'_>, operation: Operation) -> crate::error::Error {
    match operation {
        Operation::SameFile | Operation::JustCreated => {
            leaf.target.error(operation).with_other((leaf.source.path)())
        }
        Operation::TargetIsDirectory => {
            leaf.target.error(operation).with_other((leaf.source.path)())
        }
        Operation::TargetExists => leaf.target.error(operation).with_cause(sys::ALREADY_EXISTS),
        _ => leaf.target.error(operation),
    }
}

fn ask(leaf: &Leaf<'_>, seen: &Seen, host: &mut dyn Host) -> bool {
    let (source, target) = paths(&leaf.source, &leaf.target);
    let mode = seen.written().map_or(0, |facts| facts.mode);
    let is_writable = sys::may_write(leaf.target.directory, leaf.target.name);
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
