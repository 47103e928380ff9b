//! Work that is given away, and the workers who wait for it.
//!
//! Workers keep their work to themselves until somebody has none; then whoever notices first gives away half of
//! what is nearest to the top. So the lock is taken a few times per worker and run, not per file, and memory does
//! not grow with the tree.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::dir::Dir;
use crate::sys::Listed;

/// Part of a directory: names of it that are still to be copied. Holds its directory open for finishing.
pub(crate) struct Level {
    pub(crate) dir: Arc<Dir>,
    pub(crate) names: VecDeque<Listed>,
    /// More names are still to be read from the directory.
    pub(crate) has_more: bool,
}

/// What a worker gets when it asks for work.
pub(crate) enum Work {
    Level(Level),
    /// The operand with this number.
    Operand(usize),
}

/// Work for whoever has none.
pub(crate) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    /// Workers that wait, less the levels that lie ready for them; read without the lock.
    hungry: AtomicUsize,
}

struct State {
    levels: Vec<Level>,
    next_operand: usize,
    operands: usize,
    working: usize,
    waiting: usize,
}

impl Pool {
    pub(crate) fn new(operands: usize) -> Pool {
        Pool {
            state: Mutex::new(State {
                levels: Vec::new(),
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

    /// Gives work away.
    pub(crate) fn give(&self, level: Level) {
        let mut state = self.lock();
        state.levels.push(level);
        self.publish(&state);
        drop(state);
        self.changed.notify_one();
    }

    /// Takes work, waiting for it; `None` when there is none and nobody left who could give any. A worker that has
    /// taken work calls [`Pool::done`] when it has nothing left of it.
    pub(crate) fn take(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            let work = match state.levels.pop() {
                Some(level) => Some(Work::Level(level)),
                None => state.take_operand(),
            };
            if let Some(work) = work {
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

    fn publish(&self, state: &State) {
        let hungry = state.waiting.saturating_sub(state.levels.len());
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
