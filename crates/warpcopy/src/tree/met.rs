//! Directories that were met or made before, as GNU `cp` remembers them, and what comes of meeting one again.
//!
//! A copy into itself ends where the walk of the source meets a directory that the copy made. To know those it is
//! enough to remember, on each way down, the first one that was made; and each operand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::enter::{Entering, into_itself};
use super::outlet::Message;
use super::worker::Worker;
use crate::error::{Error, Operation, Result};
use crate::file::parent_of;
use crate::options::Symlinks;
use crate::plan::{Facts, Identity, Kind};
use crate::sys;

/// Directories by identity, with the names that they have at the target.
pub(super) struct Met(Option<Mutex<HashMap<Identity, PathBuf>>>);

impl Met {
    pub(super) fn new(is_wanted: bool) -> Met {
        Met(is_wanted.then(Mutex::default))
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    fn find(&self, identity: Identity) -> Option<PathBuf> {
        self.lock()?.get(&identity).cloned()
    }

    fn insert(&self, identity: Identity, target: PathBuf) {
        if let Some(mut met) = self.lock() {
            met.insert(identity, target);
        }
    }

    /// Nothing came of this directory.
    pub(super) fn forget(&self, identity: Identity) {
        if let Some(mut met) = self.lock() {
            met.remove(&identity);
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, HashMap<Identity, PathBuf>>> {
        let met = self.0.as_ref()?;
        Some(met.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl Worker<'_> {
    /// Whether a directory of the source is to be copied, as far as that depends on those met before.
    pub(super) fn is_new_to_us(&mut self, entering: &Entering<'_>, source: &Facts) -> Result<bool> {
        let Some(earlier) = self.run.met.find(source.identity) else {
            if entering.is_operand() {
                self.run.met.insert(source.identity, (entering.target.path)());
            }
            return Ok(true);
        };
        // What is at the target's name may forbid the copy for better reasons.
        let there = entering.target.facts(false);
        if there.is_ok_and(|it| it.kind != Kind::Directory || it.identity == source.identity) {
            return Ok(true);
        }
        if are_one_name((&(entering.source.path)(), false), &earlier) {
            self.abandon();
            return Err(into_itself(entering));
        }
        if are_one_name((&(entering.target.path)(), true), &earlier) {
            let repeated = Error::new(Operation::Repeated, entering.operand());
            self.send(Message::Warned(repeated));
            return Ok(false);
        }
        let is_followed = match self.run.context.options.symlinks {
            Symlinks::Follow => true,
            Symlinks::FollowOperands => entering.is_operand(),
            Symlinks::Keep => false,
        };
        match is_followed {
            true => Ok(true),
            false => Err(entering.target.error(Operation::LinkDirectory).with_other(earlier)),
        }
    }

    /// Remembers a directory that was made, if it is the first on its way down.
    pub(super) fn remember_made(&self, entering: &Entering<'_>, made: Identity) {
        if !self.run.met.is_wanted() {
            return;
        }
        // Those above the operand are not part of its copy.
        let parent = entering.parent.iter().filter(|_| !entering.is_operand());
        let mut way = parent.flat_map(|parent| parent.chain());
        let first = way.find(|dir| dir.is_made || dir.place.is_operand());
        let is_below_made = first.is_some_and(|dir| dir.is_made);
        if !is_below_made {
            self.run.met.insert(made, (entering.target.path)());
        }
    }
}

/// Whether two paths name the same entry of the same directory. A link on the way to a source is not followed; the way
/// to a target has been gone.
fn are_one_name(one: (&Path, bool), other: &Path) -> bool {
    let last = |path: &Path| {
        let name = path.components().next_back();
        name.map(|name| name.as_os_str().to_os_string())
    };
    let holder = |path: &Path, follow| {
        let above = parent_of(path);
        sys::facts_at(sys::working_directory(), above.as_os_str(), follow).map(|it| it.identity)
    };
    let (one, follow) = one;
    let above = holder(one, follow);
    last(one) == last(other) && above.is_ok() && above == holder(other, true)
}
