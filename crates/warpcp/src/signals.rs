//! Signals: the first one lets the engine clean up, the second one ends at once, and the shell sees which it was.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::system;

/// What signal handlers and the program tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    /// The next signal ends the process.
    pub(crate) is_deadly: Arc<AtomicBool>,
    /// The signal that came, or zero.
    pub(crate) came: Arc<AtomicUsize>,
}

impl Signals {
    /// Installs handlers that raise `cancel` once, and end the process the second time.
    pub(crate) fn install(cancel: &Arc<AtomicBool>) -> io::Result<Signals> {
        let signals = Signals::default();
        system::listen(&signals, cancel)?;
        Ok(signals)
    }

    /// Runs `wait` with every signal deadly: it may block for ever, and there is nothing to clean up.
    pub(crate) fn while_nothing_is_half_made<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.is_deadly.store(true, Ordering::Relaxed);
        let result = wait();
        self.is_deadly.store(self.came.load(Ordering::Relaxed) != 0, Ordering::Relaxed);
        result
    }

    /// Dies by the signal that came, if one did, so that whoever waits for the process sees it.
    pub(crate) fn pass_on(&self) {
        match self.came.load(Ordering::Relaxed) {
            0 => {}
            signal => system::die_of(signal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_deadly_only_while_waiting() {
        let signals = Signals::default();
        let deadly = Arc::clone(&signals.is_deadly);
        assert!(signals.while_nothing_is_half_made(|| deadly.load(Ordering::Relaxed)));
        assert!(!deadly.load(Ordering::Relaxed));
    }
}
