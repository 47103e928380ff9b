//! Windows.

use std::fs::{File, FileType};
use std::io;
use std::os::windows::io::AsHandle;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use warpcopy::{Code, Kind};
use windows_sys::Win32::Foundation::{ERROR_DIRECTORY, STATUS_CONTROL_C_EXIT};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::core::BOOL;

use super::Shell;
use crate::signals::Signals;

/// Neither cmd.exe nor PowerShell expands them for programs.
pub(crate) const TAKES_WILDCARDS: bool = true;

/// Where a name has no quote in it, cmd.exe reads its double quotes alike.
pub(crate) const SHELL: Shell = Shell::PowerShell;

/// Consoles take UTF-16, whatever the code page.
pub(crate) const HAS_LOCALES: bool = false;

pub(crate) const NOT_A_DIRECTORY: Code = Code(ERROR_DIRECTORY as i32);

/// Returns what a file is that is neither a file, a directory nor a link: there are no names of such.
pub(crate) fn special(_: FileType) -> Option<Kind> {
    None
}

/// Returns standard output as a file.
pub(crate) fn stdout_file() -> io::Result<File> {
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}

/// Returns why nothing can be printed, if that is clear from the start: here writing tells.
pub(crate) fn lost_stdout() -> Option<io::Error> {
    None
}

/// There is no limit that could be raised.
pub(crate) fn raise_open_files() {}

/// Who is told of Ctrl-C: the handler gets nothing handed over.
static LISTENER: OnceLock<(Signals, Arc<AtomicBool>)> = OnceLock::new();

/// Installs the handler: Ctrl-C, Ctrl-Break and closing the window raise `cancel` once, and end the process the
/// second time.
pub(crate) fn listen(signals: &Signals, cancel: &Arc<AtomicBool>) -> io::Result<()> {
    if LISTENER.set((signals.clone(), Arc::clone(cancel))).is_err() {
        return Ok(());
    }
    // SAFETY: the function has the signature that is asked for and stays where it is.
    match unsafe { SetConsoleCtrlHandler(Some(hear), 1) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Runs in a thread of its own (`HandlerRoutine` in Microsoft's documentation of the console).
unsafe extern "system" fn hear(event: u32) -> BOOL {
    let Some((signals, cancel)) = LISTENER.get() else { return 0 };
    if signals.is_deadly.swap(true, Ordering::Relaxed) {
        // Left to the next handler, which ends the process.
        return 0;
    }
    signals.came.store(event as usize + 1, Ordering::Relaxed);
    cancel.store(true, Ordering::Relaxed);
    if !matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT) {
        // The window closes, or the user logs off: the process ends as soon as this returns, after five seconds at
        // the latest. What is half made is removed meanwhile, and then the process ends by itself.
        thread::sleep(Duration::from_secs(5));
    }
    1
}

/// Ends as Ctrl-C ends those who do not handle it, so that batch files see it.
pub(crate) fn die_of(_: usize) {
    process::exit(STATUS_CONTROL_C_EXIT);
}

/// Ends without a word, because nobody reads on.
pub(crate) fn die_of_a_broken_pipe() {
    process::exit(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ctrl_c_cancels_and_the_second_is_left_to_the_system() {
        let (signals, cancel) = (Signals::default(), Arc::new(AtomicBool::new(false)));
        listen(&signals, &cancel).unwrap();
        // SAFETY: it is called as the system calls it.
        assert_eq!(unsafe { hear(CTRL_C_EVENT) }, 1);
        assert!(cancel.load(Ordering::Relaxed));
        assert_ne!(signals.came.load(Ordering::Relaxed), 0);
        // SAFETY: as above.
        assert_eq!(unsafe { hear(CTRL_BREAK_EVENT) }, 0);
    }
}
