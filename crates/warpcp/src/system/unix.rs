//! Linux, macOS and the BSDs.

use std::fs::{File, FileType};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};
use warpcopy::{Code, Kind};

use super::{Shell, start};
use crate::signals::Signals;

/// The shell expands them.
pub(crate) const TAKES_WILDCARDS: bool = false;

pub(crate) const SHELL: Shell = Shell::Posix;

/// Variables tell which characters terminals show.
pub(crate) const HAS_LOCALES: bool = true;

pub(crate) const NOT_A_DIRECTORY: Code = Code(Errno::NOTDIR.raw_os_error());

/// Returns what a file is that is neither a file, a directory nor a link.
pub(crate) fn special(kind: FileType) -> Option<Kind> {
    match kind {
        kind if kind.is_fifo() => Some(Kind::Fifo),
        kind if kind.is_socket() => Some(Kind::Socket),
        kind if kind.is_char_device() => Some(Kind::CharDevice),
        kind if kind.is_block_device() => Some(Kind::BlockDevice),
        _ => None,
    }
}

/// Returns standard output as a file.
pub(crate) fn stdout_file() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Returns why nothing can be printed, if nobody gave the process a standard output.
pub(crate) fn lost_stdout() -> Option<io::Error> {
    start::stdout_was_closed().then(|| Errno::BADF.into())
}

/// Raises the number of files that may be open to what the system allows. The limit holds back several threads long
/// before it protects anything.
pub(crate) fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Best effort: with the limit as it is, copying only gets slower.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Installs the handlers: SIGINT, SIGTERM and SIGHUP raise `cancel` once, and end the process the second time.
///
/// A signal that is ignored stays ignored: `nohup` and shells without job control ask for that.
pub(crate) fn listen(signals: &Signals, cancel: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if start::is_ignored(signal) {
            continue;
        }
        // Handlers run in this order, so that the first signal does not find its own mark.
        flag::register_conditional_default(signal, Arc::clone(&signals.is_deadly))?;
        flag::register(signal, Arc::clone(&signals.is_deadly))?;
        flag::register(signal, Arc::clone(cancel))?;
        flag::register_usize(signal, Arc::clone(&signals.came), signal as usize)?;
    }
    // Where files may not grow (`ulimit -f`) the write is to fail instead of the process: then what is half made is
    // removed and the failure is told.
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}

/// Dies by a signal, so that whoever waits for the process sees it.
pub(crate) fn die_of(signal: usize) {
    // It fails for signals that cannot be emulated only, and then the exit status is 1.
    let _ = low_level::emulate_default_handler(signal as i32);
}

/// Ends the process as a broken pipe ends those who do not ignore it: whoever does not read on wants no message. The
/// standard library ignores the signal so that what is half made can be finished or removed first.
pub(crate) fn die_of_a_broken_pipe() {
    // If it cannot be done the exit status tells.
    let _ = low_level::emulate_default_handler(SIGPIPE);
}
