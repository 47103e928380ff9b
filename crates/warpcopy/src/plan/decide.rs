//! What is to be done with one source, given what is at its target's name.

use super::{Facts, Identity, Kind};
use crate::error::Operation;
use crate::options::{Existing, Make, Options, Publish, Unlink};
use crate::report::{InPlace, Outcome};

/// Everything the decision depends on besides the options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// The source, after following a symbolic link that is to be followed.
    pub(crate) source: &'a Facts,
    /// What has the target's name; a symbolic link is not followed.
    pub(crate) target: Option<&'a Facts>,
    /// What the target's name leads to, if it is a symbolic link that leads anywhere.
    pub(crate) referent: Option<&'a Facts>,
    /// What the source leads to, if it is a symbolic link that is copied as one.
    pub(crate) leads_to: Option<Identity>,
    /// The target was named by the caller, not met below a directory.
    pub(crate) is_operand: bool,
    /// This run made the target from another source.
    pub(crate) is_just_created: bool,
}

/// How the target's name is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staging {
    /// Create under the name, which must be free.
    Exclusive,
    /// Make under a temporary name; then take the name.
    Staged {
        /// Whatever has the name goes; else the name must be free.
        replace: bool,
        /// The existing target's owner, mode, ACL and attributes go over to the new file.
        keep: bool,
    },
    /// Truncate and write what is there.
    InPlace(InPlace),
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing, and that is well.
    Skip(Outcome),
    /// Nothing, and that is a failure.
    Refuse(Operation),
    /// Ask the observer first.
    Ask(Staging),
    /// Go on.
    Go(Staging),
}

/// Decides about a source that is not a directory.
pub(crate) fn decide(options: &Options, situation: &Situation<'_>) -> Decision {
    let source = situation.source;
    if source.kind == Kind::File
        && options.newer_than.is_some_and(|bound| source.modified <= bound.into())
    {
        return Decision::Skip(Outcome::SkippedNotNewer);
    }
    let Some(target) = situation.target else {
        return Decision::Go(staging_of_new(options, source));
    };
    if is_same_file(options, situation, target) {
        return match options.make {
            Make::HardLinks => Decision::Skip(Outcome::SkippedSameLink),
            _ => Decision::Refuse(Operation::SameFile),
        };
    }
    let is_older = situation.referent.unwrap_or(target).modified < source.modified;
    let must_ask = match options.existing {
        Existing::Fail => return Decision::Refuse(Operation::TargetExists),
        Existing::Skip => return Decision::Skip(Outcome::SkippedExisting),
        Existing::Older | Existing::AskIfOlder if !is_older => {
            return Decision::Skip(Outcome::SkippedNotOlder);
        }
        Existing::Ask | Existing::AskIfOlder => true,
        Existing::Replace | Existing::Older => false,
    };
    match staging_of_existing(options, situation, target) {
        Err(operation) => Decision::Refuse(operation),
        Ok(staging) if must_ask => Decision::Ask(staging),
        Ok(staging) => Decision::Go(staging),
    }
}

fn staging_of_new(options: &Options, source: &Facts) -> Staging {
    // A symbolic link or a node appears whole by itself.
    let is_filled = source.kind == Kind::File && options.make == Make::Contents;
    if options.publish == Publish::Staged && is_filled {
        Staging::Staged { replace: false, keep: false }
    } else {
        Staging::Exclusive
    }
}

fn is_same_file(options: &Options, situation: &Situation<'_>, target: &Facts) -> bool {
    let source = situation.source.identity;
    let leads_to_source = situation.referent.is_some_and(|referent| referent.identity == source);
    // A symbolic link to the source may become a true link of it: nothing is read through it.
    let is_link_made = matches!(options.make, Make::HardLinks | Make::Symlinks);
    // A link must not take the place of the very file that it leads to.
    let would_lead_nowhere = situation.leads_to == Some(target.identity);
    target.identity == source || ((leads_to_source || would_lead_nowhere) && !is_link_made)
}

fn staging_of_existing(
    options: &Options,
    situation: &Situation<'_>,
    target: &Facts,
) -> Result<Staging, Operation> {
    if target.kind == Kind::Directory {
        return Err(Operation::TargetIsDirectory);
    }
    if situation.is_just_created {
        return Err(Operation::JustCreated);
    }
    let afresh = Staging::Staged { replace: true, keep: false };
    let is_asked = matches!(options.existing, Existing::Ask | Existing::AskIfOlder);
    match options.make {
        // Links never replace anything unless that was asked for: creating them says "exists".
        Make::HardLinks if is_asked => return Ok(afresh),
        Make::HardLinks | Make::Symlinks if options.unlink == Unlink::Never => {
            return Ok(Staging::Exclusive);
        }
        Make::HardLinks | Make::Symlinks => return Ok(afresh),
        Make::AttributesOnly if target.kind == Kind::File => {
            return Ok(Staging::InPlace(InPlace::Asked));
        }
        Make::AttributesOnly | Make::Contents => {}
    }
    // Links are kept among the copies; what else shares the old target's inode keeps the old content, as with cp.
    let leaves_its_links = options.preserve.links && target.kind == Kind::File && target.links > 1;
    let is_new_inode = options.unlink == Unlink::Always
        || options.publish == Publish::Staged
        || leaves_its_links
        || !is_data(options, situation.source);
    // Whoever names a device or FIFO wants it written into, unless it says otherwise. One that is met below an
    // operand is no place to write to, and might make the copy wait for ever.
    let is_node = !matches!(target.kind, Kind::File | Kind::Symlink);
    let is_meant = situation.is_operand || options.publish == Publish::InPlace;
    if is_node && is_meant && is_data(options, situation.source) && options.unlink != Unlink::Always
    {
        return Ok(Staging::InPlace(InPlace::NotRegular));
    }
    if is_new_inode {
        return Ok(afresh);
    }
    match target.kind {
        _ if is_node => Ok(afresh),
        Kind::Symlink => through_symlink(options, situation),
        Kind::File if options.publish == Publish::InPlace => Ok(Staging::InPlace(InPlace::Asked)),
        Kind::File if target.links > 1 => Ok(Staging::InPlace(InPlace::HasLinks)),
        _ => Ok(Staging::Staged { replace: true, keep: true }),
    }
}

/// Whether the source's bytes are what is copied, rather than the node itself.
fn is_data(options: &Options, source: &Facts) -> bool {
    match source.kind {
        Kind::File => true,
        Kind::Symlink | Kind::Directory => false,
        Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => {
            !options.recursive || options.copy_contents
        }
    }
}

fn through_symlink(options: &Options, situation: &Situation<'_>) -> Result<Staging, Operation> {
    let must_follow = situation.is_operand || options.publish == Publish::InPlace;
    match situation.referent {
        None if options.through_dangling && must_follow => {
            Ok(Staging::InPlace(InPlace::ThroughSymlink))
        }
        None => Err(Operation::DanglingTarget),
        Some(referent) if referent.kind == Kind::Directory => Err(Operation::TargetIsDirectory),
        // Below an operand no symbolic link leads out: it is replaced.
        Some(_) if !must_follow => Ok(Staging::Staged { replace: true, keep: false }),
        Some(referent) if referent.kind == Kind::File => {
            Ok(Staging::InPlace(InPlace::ThroughSymlink))
        }
        Some(_) => Ok(Staging::InPlace(InPlace::NotRegular)),
    }
}

#[cfg(test)]
mod tests;
