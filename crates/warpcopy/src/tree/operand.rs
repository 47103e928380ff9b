//! The sources and targets that the caller named: reached by path, unlike everything below them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::dir::{Dir, Place};
use super::enter::{Entering, make_directory};
use super::worker::Worker;
use crate::copier::Transfer;
use crate::error::{Error, Operation, Result};
use crate::file::{Context, Spot, TargetDirectory, make_parents, parent_of};
use crate::options::Symlinks;
use crate::plan::{Identity, Kind};
use crate::sys::{self, Lend};

/// Whether no target is, or is below, another, so that operands can be copied side by side without meeting.
pub(super) fn are_targets_apart(transfers: &[Transfer]) -> bool {
    let mut targets: Vec<&Path> = transfers.iter().map(|one| one.target.as_path()).collect();
    targets.sort_unstable();
    targets.windows(2).all(|pair| !pair[1].starts_with(pair[0]))
}

/// Whether the walk of some operand may meet another operand, or what is made for it.
pub(super) fn may_meet(context: &Context, transfers: &[Transfer]) -> bool {
    let follow = context.options.symlinks != Symlinks::Keep;
    let here = sys::working_directory();
    let sources: Vec<(&Transfer, Identity)> = transfers
        .iter()
        .filter_map(|one| {
            let facts = sys::facts_at(here, one.source.as_os_str(), follow).ok()?;
            (facts.kind == Kind::Directory).then_some((one, facts.identity))
        })
        .collect();
    let known: HashSet<Identity> = sources.iter().map(|(_, identity)| *identity).collect();
    let is_known = |above: Identity| known.contains(&above);
    known.len() < sources.len()
        || sources.iter().any(|(one, _)| {
            is_any_above(parent_of(&one.target), is_known)
                || is_any_above(&one.source.join(".."), is_known)
        })
}

/// Whether a directory, or one above it by whatever way, is one of those asked for: the way up is unambiguous.
fn is_any_above(directory: &Path, is_it: impl Fn(Identity) -> bool) -> bool {
    let here = sys::working_directory();
    let Ok(mut handle) = sys::open_directory_path(here, directory.as_os_str(), true) else {
        return false;
    };
    let mut below = None;
    while let Ok(facts) = sys::facts(handle.lend()) {
        if is_it(facts.identity) {
            return true;
        }
        // The root is above itself.
        if below == Some(facts.identity) {
            return false;
        }
        below = Some(facts.identity);
        match sys::open_directory_path(handle.lend(), "..".as_ref(), false) {
            Ok(above) => handle = above,
            Err(_) => return false,
        }
    }
    false
}

impl Worker<'_> {
    /// Copies one operand, or begins with it.
    pub(super) fn operand(&mut self, number: usize) {
        if self.run.context.cancel.is_cancelled() {
            return;
        }
        let transfer = &self.run.transfers[number];
        match self.parents(transfer) {
            Err(error) => self.failed(error),
            Ok(above) => {
                if let Err(error) = self.operand_in(number, above.as_ref()) {
                    self.failed(error);
                }
                if let Some(above) = above {
                    self.release(above);
                }
            }
        }
    }

    fn operand_in(&mut self, number: usize, above: Option<&Arc<Dir>>) -> Result<()> {
        let transfer = &self.run.transfers[number];
        let options = &self.run.context.options;
        let follow = options.symlinks != Symlinks::Keep;
        let source = &transfer.source;
        let failed = |operation| Error::new(operation, source.clone());
        let facts = sys::facts_at(sys::working_directory(), source.as_os_str(), follow)
            .map_err(|code| failed(Operation::StatSource).with_cause(code))?;
        if facts.kind != Kind::Directory {
            self.leaf_operand(number, facts.kind);
            return Ok(());
        }
        if !options.recursive {
            return Err(failed(Operation::OmitDirectory));
        }
        let is_source = |above| above == facts.identity;
        if !options.into_itself && is_any_above(parent_of(&transfer.target), is_source) {
            let error = failed(Operation::IntoItself);
            return Err(error.with_other(transfer.target.clone()));
        }
        if self.snapshot(transfer)? {
            return Ok(());
        }
        let here = sys::working_directory();
        let source_path = || transfer.source.clone();
        let target_path = || transfer.target.clone();
        self.enter(Entering {
            source: Spot { directory: here, name: source.as_os_str(), path: &source_path },
            target: Spot { directory: here, name: transfer.target.as_os_str(), path: &target_path },
            follow,
            parent: above.cloned(),
            place: Place::Operand {
                source: transfer.source.clone(),
                target: transfer.target.clone(),
            },
            is_made: false,
            root_device: None,
            inherits_acl: None,
        })
    }

    /// Makes the directories that are to hold an operand's target. Returns the last of those that take over
    /// attributes, to be released when the operand is done.
    fn parents(&mut self, transfer: &Transfer) -> Result<Option<Arc<Dir>>> {
        if self.run.context.options.make_parents {
            make_parents(self.run.context, parent_of(&transfer.target))?;
        }
        let mut above: Option<Arc<Dir>> = None;
        // Where the whole way is there already, it is left alone.
        if let Some((_, last)) = transfer.parents.last()
            && sys::facts_at(sys::working_directory(), last.as_os_str(), true)
                .is_ok_and(|facts| facts.kind == Kind::Directory)
        {
            return Ok(None);
        }
        for (source, target) in &transfer.parents {
            match self.parent(source, target, above.clone()) {
                Ok(dir) => {
                    // The one above now waits for this one alone.
                    if let Some(above) = above.replace(dir) {
                        self.release(above);
                    }
                }
                Err(error) => {
                    if let Some(above) = above {
                        self.release(above);
                    }
                    return Err(error);
                }
            }
        }
        Ok(above)
    }

    fn parent(
        &mut self,
        source: &Path,
        target: &Path,
        above: Option<Arc<Dir>>,
    ) -> Result<Arc<Dir>> {
        let here = sys::working_directory();
        let stat = |code| Error::new(Operation::StatSource, source.to_path_buf()).with_cause(code);
        let facts = sys::facts_at(here, source.as_os_str(), true).map_err(stat)?;
        let target_path = || target.to_path_buf();
        let spot = Spot { directory: here, name: target.as_os_str(), path: &target_path };
        let context = self.run.context;
        let relief = &mut || self.close_all();
        let made = make_directory(context, &spot, &facts, true, relief)?;
        let into = TargetDirectory::of(made.open.handle.lend())
            .map_err(|code| spot.error(Operation::StatTarget).with_cause(code))?;
        let place = Place::Operand { source: source.to_path_buf(), target: target.to_path_buf() };
        if made.is_made {
            self.made_directory(source, target);
        }
        let known = (&made.facts, into);
        Ok(Dir::new(above, place, facts, known, made.is_made, (true, true), facts.identity.device))
    }
}
