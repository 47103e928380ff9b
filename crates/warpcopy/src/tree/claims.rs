//! What this run already made: copies of sources with several names, and targets that must not be overwritten.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::dir::Dir;
use crate::plan::Identity;
use crate::sys::Listed;

/// Where the first copy of a source is.
#[derive(Clone)]
pub(crate) enum Location {
    Below(Arc<Dir>, OsString),
    Operand(PathBuf),
}

/// A name that waits for the first copy of its file.
pub(crate) enum Parked {
    Below(Arc<Dir>, Listed),
    Operand(usize),
}

/// Who copies a source with several names.
pub(crate) enum Claimed {
    /// The caller, first.
    First,
    /// It is copied; link to that.
    Earlier(Location),
    /// Somebody is at it.
    Busy,
}

enum State {
    Copying(Vec<Parked>),
    Copied { location: Location, names_left: u64 },
}

/// Sources with several names. Entries go when the last name was seen.
#[derive(Default)]
pub(crate) struct Claims {
    states: Mutex<HashMap<Identity, State>>,
    /// How many there are: mostly none, and nobody needs to ask.
    count: AtomicUsize,
}

impl Claims {
    /// Whether a source is claimed now.
    pub(crate) fn has(&self, identity: Identity) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.lock().contains_key(&identity)
    }

    /// Claims a source that has `links` names.
    pub(crate) fn claim(&self, identity: Identity, links: u64) -> Claimed {
        let mut claims = self.lock();
        match claims.get_mut(&identity) {
            None => {
                claims.insert(identity, State::Copying(Vec::new()));
                self.count.store(claims.len(), Ordering::Relaxed);
                Claimed::First
            }
            Some(State::Copying(_)) => Claimed::Busy,
            Some(State::Copied { location, names_left }) => {
                let location = location.clone();
                *names_left = names_left.saturating_sub(1);
                // One name alone can be met again only through symbolic links; those are never counted out.
                if *names_left == 0 && links > 1 {
                    claims.remove(&identity);
                    self.count.store(claims.len(), Ordering::Relaxed);
                }
                Claimed::Earlier(location)
            }
        }
    }

    /// Leaves a name for whoever is copying its file; gives it back if nobody is any more.
    pub(crate) fn park(&self, identity: Identity, parked: Parked) -> Option<Parked> {
        match self.lock().get_mut(&identity) {
            Some(State::Copying(waiting)) => {
                waiting.push(parked);
                None
            }
            _ => Some(parked),
        }
    }

    /// The first copy is done; returns the names that waited for it.
    pub(crate) fn copied(&self, identity: Identity, location: Location, links: u64) -> Vec<Parked> {
        let names_left = links.saturating_sub(1);
        let state = State::Copied { location, names_left };
        waiting(self.lock().insert(identity, state))
    }

    /// The first copy failed, or made nothing to link to; returns the names that waited for it.
    pub(crate) fn forget(&self, identity: Identity) -> Vec<Parked> {
        let mut claims = self.lock();
        let state = claims.remove(&identity);
        self.count.store(claims.len(), Ordering::Relaxed);
        waiting(state)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, State>> {
        self.states.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn waiting(state: Option<State>) -> Vec<Parked> {
    match state {
        Some(State::Copying(parked)) => parked,
        _ => Vec::new(),
    }
}

/// The targets made by this run, with the names that were made, kept only where several operands may meet.
pub(crate) struct MadeSet(Option<Mutex<HashSet<(PathBuf, Identity)>>>);

impl MadeSet {
    pub(crate) fn new(is_wanted: bool) -> MadeSet {
        MadeSet(is_wanted.then(Mutex::default))
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn contains(&self, path: PathBuf, identity: Identity) -> bool {
        self.lock().is_some_and(|set| set.contains(&(path, identity)))
    }

    pub(crate) fn insert(&self, path: PathBuf, identity: Identity) {
        if let Some(mut set) = self.lock() {
            set.insert((path, identity));
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, HashSet<(PathBuf, Identity)>>> {
        let set = self.0.as_ref()?;
        Some(set.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}
