//! What is to be done with one source, given what is at its target's name.

use super::{Facts, Identity, Kind};
use crate::error::Operation;
use crate::options::{Backup, Existing, Make, Options, Publish, Symlinks, Unlink};
use crate::report::{InPlace, Outcome};

/// Everything the decision depends on besides the options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// The source, after following a symbolic link that is to be followed.
    pub(crate) source: &'a Facts,
    /// What has the source's name; differs from the source if a symbolic link was followed.
    pub(crate) source_name: &'a Facts,
    /// What has the target's name; a symbolic link is not followed.
    pub(crate) target: Option<&'a Facts>,
    /// What the target's name leads to, if it is a symbolic link that leads anywhere.
    pub(crate) referent: Option<&'a Facts>,
    /// The target's name is a symbolic link that leads to itself.
    pub(crate) is_loop: bool,
    /// What the source leads to, if it is a symbolic link that is copied as one.
    pub(crate) leads_to: Option<Identity>,
    /// Both names are one: the same entry of the same directory.
    pub(crate) is_same_name: bool,
    /// Both names are spelt the same.
    pub(crate) is_same_spelling: bool,
    /// The source is what a simple backup of the target would overwrite.
    pub(crate) is_source_the_backup: bool,
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
    /// Ask the observer first; if the answer is yes, go on.
    Ask(Way),
    /// Ask the observer first; if the answer is yes, refuse all the same.
    AskThenRefuse(Operation),
    /// Ask the observer first; if the answer is yes, there is nothing to do.
    AskThenSkip(Outcome),
    /// Go on.
    Go(Way),
}

/// How to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Take the target's name.
    Take(Staging),
    /// Keep what is there as a backup; then take the name.
    BackUp,
    /// Copy to the name that a backup of the target would have: a file is its own backup's source.
    ToBackup,
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
        return Decision::Go(Way::Take(staging_of_new(options, source)));
    };
    // To those who would write through a symbolic link that leads nowhere there is nothing to skip or to ask about.
    let is_there = situation.referent.is_some()
        || target.kind != Kind::Symlink
        || situation.is_loop
        || looks_at_links(options, source);
    match options.existing {
        Existing::Fail if is_there => return Decision::Refuse(Operation::TargetExists),
        Existing::Skip if is_there => return Decision::Skip(Outcome::SkippedExisting),
        _ => {}
    }
    let sameness = sameness(options, situation, target);
    if sameness != Sameness::Harmless && wants_own_backup(options, situation) {
        return Decision::Go(Way::ToBackup);
    }
    if sameness == Sameness::Refused {
        return Decision::Refuse(Operation::SameFile);
    }
    let is_link_meant = looks_at_links(options, source) && options.publish != Publish::Staged;
    let dated = situation.referent.filter(|_| !is_link_meant).unwrap_or(target);
    let is_older = dated.modified < source.modified;
    let must_ask = match options.existing {
        Existing::Older | Existing::AskIfOlder if is_there && !is_older => {
            return Decision::Skip(Outcome::SkippedNotOlder);
        }
        Existing::Ask | Existing::AskIfOlder => is_there,
        _ => false,
    };
    if sameness == Sameness::Done {
        let outcome = Outcome::SkippedSameLink;
        return if must_ask { Decision::AskThenSkip(outcome) } else { Decision::Skip(outcome) };
    }
    match (way_to_existing(options, situation, target), must_ask) {
        (Err(operation), true) => Decision::AskThenRefuse(operation),
        (Err(operation), false) => Decision::Refuse(operation),
        (Ok(way), true) => Decision::Ask(way),
        (Ok(way), false) => Decision::Go(way),
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

/// Whether what has the target's name counts, rather than what it leads to: so it is wherever the name is taken
/// over instead of being written through.
pub(crate) fn looks_at_links(options: &Options, source: &Facts) -> bool {
    options.backup != Backup::None
        || options.unlink == Unlink::Always
        || options.publish == Publish::Staged
        || matches!(options.make, Make::HardLinks | Make::Symlinks)
        || source.kind != Kind::File
}

/// What it means that source and target may be one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sameness {
    /// They are not, or that does no harm.
    Harmless,
    /// The copy would destroy its source, or is one already.
    Refused,
    /// The target is the link that was to be made.
    Done,
}

/// Follows the GNU manual, "cp invocation" and "Backup options", and what `cp` does where that is silent: a source
/// may be replaced by its copy where another name of it, or a backup, keeps what was there.
fn sameness(options: &Options, situation: &Situation<'_>, target: &Facts) -> Sameness {
    let (source, name) = (situation.source, situation.source_name);
    let is_followed = name.identity != source.identity;
    let seen = match situation.referent {
        Some(referent) if !looks_at_links(options, source) => referent,
        _ => target,
    };
    let backs_up = options.backup != Backup::None;
    let unlinks = options.unlink == Unlink::Always;
    let is_link = |facts: &Facts| facts.kind == Kind::Symlink;
    let allowed = |is_allowed| if is_allowed { Sameness::Harmless } else { Sameness::Refused };
    if seen.identity == source.identity && options.make == Make::HardLinks {
        return Sameness::Done;
    }
    // Two symbolic links with names of their own never hurt each other.
    if is_link(source) && is_link(seen) {
        return match seen.identity == source.identity && !backs_up {
            _ if situation.is_same_name => Sameness::Refused,
            true => Sameness::Done,
            false => Sameness::Harmless,
        };
    }
    let leads_to_source =
        situation.referent.is_some_and(|referent| referent.identity == source.identity);
    let leads_to_target = situation.leads_to == Some(seen.identity);
    if seen.identity != source.identity && !leads_to_target {
        // A link to the source is left alone unless it may go; made a link again, nothing is read through it.
        let makes_link = matches!(options.make, Make::HardLinks | Make::Symlinks);
        return allowed(!leads_to_source || makes_link || backs_up || unlinks);
    }
    let is_same_entry = target.identity == name.identity;
    if backs_up {
        return allowed(match is_same_entry {
            true => !situation.is_same_name,
            // Moving the target aside would leave the source leading nowhere.
            false => !is_followed || is_link(target),
        });
    }
    if options.make == Make::HardLinks {
        return Sameness::Done;
    }
    let has_other_name = is_same_entry && target.links > 1 && !situation.is_same_name;
    let is_replaced = unlinks || options.make == Make::Symlinks;
    allowed(is_replaced && is_link(target) || unlinks && has_other_name)
}

/// `cp --force --backup a a` makes a backup of `a`.
fn wants_own_backup(options: &Options, situation: &Situation<'_>) -> bool {
    options.backup != Backup::None
        && options.unlink == Unlink::IfUnopenable
        && situation.is_same_spelling
        && situation.is_operand
        && situation.source.kind == Kind::File
}

fn way_to_existing(
    options: &Options,
    situation: &Situation<'_>,
    target: &Facts,
) -> Result<Way, Operation> {
    if target.kind == Kind::Directory {
        return Err(Operation::TargetIsDirectory);
    }
    if situation.is_just_created && options.backup != Backup::Numbered {
        let is_written_through =
            target.kind == Kind::Symlink && situation.source.kind != Kind::Symlink;
        return Err(match is_written_through {
            true => Operation::ThroughJustCreated,
            false => Operation::JustCreated,
        });
    }
    if options.backup == Backup::None {
        return staging_of_existing(options, situation, target).map(Way::Take);
    }
    match situation.is_source_the_backup && options.backup != Backup::Numbered {
        true => Err(Operation::BackUpSource),
        false => Ok(Way::BackUp),
    }
}

/// How the name is taken once what had it is a backup.
pub(crate) fn staging_after_backup(options: &Options, source: &Facts, is_moved: bool) -> Staging {
    match is_moved {
        true => staging_of_new(options, source),
        false => Staging::Staged { replace: true, keep: false },
    }
}

fn staging_of_existing(
    options: &Options,
    situation: &Situation<'_>,
    target: &Facts,
) -> Result<Staging, Operation> {
    let afresh = Staging::Staged { replace: true, keep: false };
    // Links are kept among the copies; what else shares the old target's inode keeps the old content, as with cp.
    let written = match looks_at_links(options, situation.source) {
        true => target,
        false => situation.referent.unwrap_or(target),
    };
    let leaves_its_links =
        options.preserve.links && written.kind == Kind::File && written.links > 1;
    let is_asked = matches!(options.existing, Existing::Ask | Existing::AskIfOlder);
    let is_node_itself = match situation.source.kind {
        Kind::File => false,
        Kind::Symlink => true,
        _ => !follows(options, situation),
    };
    match options.make {
        // Links never replace anything unless that was asked for: creating them says "exists". But as for a copy room
        // is made for what is no regular file, and by what has other links.
        Make::HardLinks | Make::Symlinks if leaves_its_links || is_node_itself => {
            return Ok(afresh);
        }
        Make::HardLinks if is_asked => return Ok(afresh),
        Make::HardLinks | Make::Symlinks if options.unlink == Unlink::Never => {
            return Ok(Staging::Exclusive);
        }
        Make::HardLinks | Make::Symlinks => return Ok(afresh),
        Make::AttributesOnly if target.kind == Kind::File && options.unlink != Unlink::Always => {
            return Ok(Staging::InPlace(InPlace::Asked));
        }
        // A node that was followed to, or that brings attributes alone, makes no room.
        Make::AttributesOnly | Make::Contents
            if !is_data(options, situation.source)
                && options.publish != Publish::Staged
                && options.unlink != Unlink::Always
                && (options.make == Make::AttributesOnly || !is_node_itself) =>
        {
            return Ok(Staging::Exclusive);
        }
        Make::AttributesOnly | Make::Contents => {}
    }
    let is_new_inode = options.unlink == Unlink::Always
        || options.publish == Publish::Staged
        || leaves_its_links
        || is_node_itself
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
        Kind::Symlink if situation.is_loop && options.unlink == Unlink::IfUnopenable => Ok(afresh),
        Kind::Symlink => through_symlink(options, situation),
        Kind::File if options.publish == Publish::InPlace => Ok(Staging::InPlace(InPlace::Asked)),
        Kind::File if target.links > 1 => Ok(Staging::InPlace(InPlace::HasLinks)),
        _ => Ok(Staging::Staged { replace: true, keep: true }),
    }
}

/// Whether a symbolic link at the source's name is followed.
fn follows(options: &Options, situation: &Situation<'_>) -> bool {
    match options.symlinks {
        Symlinks::Follow => true,
        Symlinks::FollowOperands => situation.is_operand,
        Symlinks::Keep => false,
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
