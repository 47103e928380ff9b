//! System calls as strace sees them: recorded, counted, failed on purpose.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::skip;

/// What strace is asked to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    calls: Vec<String>,
    injections: Vec<String>,
}

impl Trace {
    pub(crate) fn calls(mut self, calls: &str) -> Trace {
        self.calls.extend(calls.split(',').map(str::to_owned));
        self
    }

    pub(crate) fn inject(mut self, what: &str) -> Trace {
        let (calls, _) = what.split_once(':').expect("an injection is call:what");
        self = self.calls(calls);
        self.injections.push(what.to_owned());
        self
    }

    pub(crate) fn new_log() -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("warpcp-it-{}-{number}.trace", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "").unwrap();
        // The tracer may run as another user.
        super::plant::mode(&path, 0o666);
        path
    }

    pub(crate) fn take_log(path: &Path) -> String {
        let log = String::from_utf8_lossy(&super::read(path)).into_owned();
        let _ = std::fs::remove_file(path); // The temporary directory is cleaned some day.
        log
    }

    /// Returns the words to be put before a command.
    pub(crate) fn command(&self, log: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["strace", "-f", "-qq", "-y", "-s", "300", "-o"]
            .into_iter()
            .map(OsString::from)
            .collect();
        words.push(log.into());
        words.extend(["-e", "signal=none", "-e"].map(OsString::from));
        // The question mark: a call that this strace or this architecture does not know is no error.
        let calls: Vec<String> = self.calls.iter().map(|call| format!("?{call}")).collect();
        words.push(format!("trace={}", calls.join(",")).into());
        for injection in &self.injections {
            words.extend([OsString::from("-e"), format!("inject=?{injection}").into()]);
        }
        words
    }
}

/// Whether system calls can be traced here; says so if not.
#[track_caller]
pub(crate) fn can_trace() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    let can = *CAN.get_or_init(|| {
        Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "true"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    if !can {
        skip::skip("strace", "not installed, or tracing is forbidden");
    }
    can
}

/// How often each call was made by the main thread: before the operands were first touched, and in all.
#[derive(Debug, Default)]
pub(crate) struct Calls(pub(crate) BTreeMap<String, (u32, u32)>);

impl Calls {
    /// Counts a log. `marker` is a text that only paths of operands hold; what comes before the first of them
    /// is the program's own start.
    pub(crate) fn count(log: &str, marker: &str) -> Calls {
        let mut calls = Calls::default();
        let mut main = None;
        let mut has_begun = false;
        for line in log.lines() {
            let Some((pid, rest)) = line.split_once(char::is_whitespace) else { continue };
            if *main.get_or_insert(pid) != pid {
                continue;
            }
            let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
            if name.starts_with("<...") || name.starts_with("exec") {
                continue;
            }
            has_begun |= rest.contains(marker);
            let (before, total) = calls.0.entry(name.to_owned()).or_default();
            *before += u32::from(!has_begun);
            *total += 1;
        }
        calls
    }
}
