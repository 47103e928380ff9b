//! Checks that cannot run here say so, once and in one place.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// Records that the current test did not run (in full), and which capability was missing.
///
/// In a strict run that is a failure, unless `scripts/test` has said that this capability cannot be had here.
#[track_caller]
pub(crate) fn skip(capability: &str, why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let is_strict = std::env::var_os("WARPCOPY_TEST_STRICT").is_some_and(|value| value == "1");
    let without = std::env::var("WARPCOPY_TEST_WITHOUT").unwrap_or_default();
    let is_excused = without.split_whitespace().any(|word| word == capability);
    assert!(!is_strict || is_excused, "{test} needs {capability}: {why}");
    eprintln!("skipped: {test} needs {capability}: {why}");
    if let Some(path) = std::env::var_os("WARPCOPY_TEST_SKIPS") {
        let line = format!("{test} needs {capability}: {why}\n");
        // One write call: lines of several tests do not mix.
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the file that counts skips can be written");
    }
}

/// Whether the test runs as root; says so if not.
#[track_caller]
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("root", "owners, devices and other users need it");
    }
    is_root
}

/// Whether a program is installed; says so if not.
#[track_caller]
pub(crate) fn has_tool(tool: &str) -> bool {
    let is_there = Command::new("sh")
        .args(["-c", "type -P \"$0\" >/dev/null 2>&1 || command -v \"$0\" >/dev/null", tool])
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        skip(tool, "not installed");
    }
    is_there
}
