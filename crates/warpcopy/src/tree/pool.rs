//! Work that is given away, and the workers who wait for it.
//!
//! Workers keep their work to themselves until somebody has none; then whoever notices first gives away half of
//! what is nearest to the top. So the lock is taken a few times per worker and run, not per file, and memory does
//! not grow with the tree.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::dir::Dir;
use super::handles::Pair;
use crate::sys::Listed;

/// Part of a directory: names of it that are still to be copied. Holds its directory open for finishing.
pub(crate) struct Level {
    pub(crate) dir: Arc<Dir>,
    pub(crate) names: VecDeque<Name>,
    /// More names are to be read from here.
    pub(crate) reading: Option<Arc<Pair>>,
}

impl Level {
    /// Leaves out everything that is still to come.
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.reading = None;
    }
}

/// A name that is still to be copied.
pub(crate) struct Name {
    pub(crate) listed: Listed,
    /// The directory of this name was made at the target already.
    pub(crate) is_made: bool,
}

impl From<Listed> for Name {
    fn from(listed: Listed) -> Name {
        Name { listed, is_made: false }
    }
}

/// What is given away, and what a worker gets when it asks for work.
pub(crate) enum Work {
    Level(Level),
    /// The operand with this number.
    Operand(usize),
}

/// Work for whoever has none.
pub(crate) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    /// Workers that wait, less the work that lies ready for them; read without the lock.
    hungry: AtomicUsize,
}

struct State {
    given: Vec<Work>,
    next_operand: usize,
    operands: usize,
    working: usize,
    waiting: usize,
}

impl Pool {
    pub(crate) fn new(operands: usize) -> Pool {
        Pool {
            state: Mutex::new(State {
                given: Vec::new(),
                next_operand: 0,
                operands,
                working: 0,
                waiting: 0,
            }),
            changed: Condvar::new(),
            hungry: AtomicUsize::new(0),
        }
    }

    /// How many workers wait for work.
    pub(crate) fn hungry(&self) -> usize {
        self.hungry.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for work.
    pub(crate) fn is_hungry(&self) -> bool {
        self.hungry() > 0
    }

    /// Workers will come: who has work may give some of it away already.
    pub(crate) fn expect(&self, workers: usize) {
        let mut state = self.lock();
        state.waiting += workers;
        self.publish(&state);
    }

    /// So many of them came, or will not.
    pub(crate) fn expect_no_more(&self, workers: usize) {
        let mut state = self.lock();
        state.waiting -= workers;
        self.publish(&state);
    }

    /// Gives work away.
    pub(crate) fn give(&self, work: Work) {
        let mut state = self.lock();
        state.given.push(work);
        self.publish(&state);
        drop(state);
        self.changed.notify_one();
    }

    /// Takes work, waiting for it; `None` when there is none and nobody left who could give any. A worker that has
    /// taken work calls [`Pool::done`] when it has nothing left of it.
    pub(crate) fn take(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.given.pop().or_else(|| state.take_operand()) {
                state.working += 1;
                self.publish(&state);
                return Some(work);
            }
            if state.working == 0 {
                self.changed.notify_all();
                return None;
            }
            state.waiting += 1;
            self.publish(&state);
            state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
            state.waiting -= 1;
        }
    }

    /// A worker has nothing left of what it took.
    pub(crate) fn done(&self) {
        let mut state = self.lock();
        state.working -= 1;
        // Waking nobody is a system call, too.
        if state.working == 0 && state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Whether there is work that nobody has taken.
    pub(crate) fn has_work(&self) -> bool {
        !self.lock().given.is_empty() || self.operands_left() > 0
    }

    /// How many operands nobody has taken.
    pub(crate) fn operands_left(&self) -> usize {
        let state = self.lock();
        state.operands - state.next_operand
    }

    fn publish(&self, state: &State) {
        let hungry = state.waiting.saturating_sub(state.given.len());
        self.hungry.store(hungry, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn take_operand(&mut self) -> Option<Work> {
        let operand = self.next_operand;
        if operand >= self.operands {
            return None;
        }
        self.next_operand += 1;
        Some(Work::Operand(operand))
    }
}
