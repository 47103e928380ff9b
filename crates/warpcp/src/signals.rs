//! Signals: the first one lets the engine clean up, the second one ends at once, and the shell sees which it was.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

/// What signal handlers and the program tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    /// The next signal ends the process.
    is_deadly: Arc<AtomicBool>,
    /// The signal that came, or zero.
    came: Arc<AtomicUsize>,
}

impl Signals {
    /// Installs the handlers: SIGINT, SIGTERM and SIGHUP raise `cancel` once, and end the process the second time.
    ///
    /// A signal that is ignored stays ignored: `nohup` and shells without job control ask for that.
    pub(crate) fn install(cancel: Arc<AtomicBool>) -> io::Result<Signals> {
        let signals = Signals::default();
        let ignored = ignored();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // Handlers run in this order, so that the first signal does not find its own mark.
            flag::register_conditional_default(signal, Arc::clone(&signals.is_deadly))?;
            flag::register(signal, Arc::clone(&signals.is_deadly))?;
            flag::register(signal, Arc::clone(&cancel))?;
            flag::register_usize(signal, Arc::clone(&signals.came), signal as usize)?;
        }
        // Where files may not grow (`ulimit -f`) the write is to fail instead of the process: then what is half
        // made is removed and the failure is told.
        flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
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
            signal => {
                // It fails for signals that cannot be emulated only, and then the exit status is 1.
                let _ = low_level::emulate_default_handler(signal as i32);
            }
        }
    }
}

/// Ends the process as a broken pipe ends those who do not ignore it: whoever does not read on wants no message. The
/// standard library ignores the signal so that what is half made can be finished or removed first.
pub(crate) fn die_of_a_broken_pipe() {
    // If it cannot be done the exit status tells.
    let _ = low_level::emulate_default_handler(SIGPIPE);
}

/// Returns the signals that were ignored when the program began, bit `n - 1` for signal `n`; none where the
/// system does not tell.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_ignores_broken_pipes_and_the_mask_shows_it() {
        if cfg!(target_os = "linux") {
            assert_ne!(ignored() & (1 << (SIGPIPE - 1)), 0);
        }
    }

    #[test]
    fn a_signal_is_deadly_only_while_waiting() {
        let signals = Signals::default();
        let deadly = Arc::clone(&signals.is_deadly);
        assert!(signals.while_nothing_is_half_made(|| deadly.load(Ordering::Relaxed)));
        assert!(!deadly.load(Ordering::Relaxed));
    }
}
