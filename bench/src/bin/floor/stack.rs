//! Directories that are still to be copied, shared by all threads.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use rustix::fs::FileType;

/// One directory: where it is and where its copy is (made already, empty).
pub struct Unit {
    pub source: CString,
    pub target: CString,
    /// Only these names of it; else all of it.
    pub part: Option<Part>,
}

/// Names of a directory that another thread has listed.
pub struct Part {
    pub names: Vec<(CString, FileType)>,
    /// How many threads are at the directory: the last one gives it its looks.
    pub sharers: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    waiting: usize,
    units: Vec<Unit>,
    working: usize,
    has_failed: bool,
}

/// A stack with an end: when it is empty and nobody works, everybody goes home.
#[derive(Default)]
pub struct Stack {
    state: Mutex<State>,
    changed: Condvar,
    is_hungry: AtomicBool,
}

impl Stack {
    pub fn push(&self, unit: Unit) {
        let mut state = self.state.lock().unwrap();
        state.units.push(unit);
        self.publish(&state);
        drop(state);
        self.changed.notify_one();
    }

    /// Whether somebody waits for work.
    pub fn is_hungry(&self) -> bool {
        self.is_hungry.load(Ordering::Relaxed)
    }

    fn publish(&self, state: &State) {
        self.is_hungry.store(state.waiting > state.units.len(), Ordering::Relaxed);
    }

    pub fn take(&self) -> Option<Unit> {
        let mut state = self.state.lock().unwrap();
        loop {
            if state.has_failed {
                return None;
            }
            if let Some(unit) = state.units.pop() {
                state.working += 1;
                return Some(unit);
            }
            if state.working == 0 {
                self.changed.notify_all();
                return None;
            }
            state.waiting += 1;
            self.publish(&state);
            state = self.changed.wait(state).unwrap();
            state.waiting -= 1;
            self.publish(&state);
        }
    }

    /// A unit is done with.
    pub fn done(&self, has_failed: bool) {
        let mut state = self.state.lock().unwrap();
        state.working -= 1;
        state.has_failed |= has_failed;
        if state.working == 0 && state.units.is_empty() || state.has_failed {
            self.changed.notify_all();
        }
    }
}
