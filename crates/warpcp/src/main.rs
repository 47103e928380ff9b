//! `warpcp`: `cp` on top of the library `warpcopy`.
//!
//! The command reads options and operands, says what happened, and opens no file itself.
//!
//! | file | question it answers |
//! |---|---|
//! | `flags` | which options there are |
//! | `getopt`, `args` | what was typed |
//! | `help` | what `--help` prints |
//! | `values` | what a value of an option means |
//! | `lower` | what that means for the library |
//! | `operands` | which target name each source gets |
//! | `observer` | what is printed while copying, and asked |
//! | `messages`, `quote`, `names` | how a failure, and a name, are worded |
//! | `debug`, `stats` | how a file, and a run, are described |
//! | `console` | where the words go |
//! | `signals`, `system` | how the process begins, and what it asks of the system |
//! | `wildcards` | what `*` means where no shell expands it |
//! | `manual`, `completions` | what is printed for packagers, by tests |
#![deny(unsafe_code)]
// On Unix it begins in `system::start`.
#![cfg_attr(all(unix, not(test)), no_main)]

mod args;
#[cfg(test)]
mod completions;
mod console;
mod debug;
mod flags;
mod getopt;
mod help;
mod lower;
#[cfg(test)]
mod manual;
mod messages;
mod names;
mod observer;
mod operands;
mod quote;
mod signals;
mod stats;
#[expect(unsafe_code, reason = "the one place that speaks to the system")]
mod system;
mod values;
mod wildcards;

use std::borrow::Cow;
use std::env::{self, consts};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use warpcopy::Copier;

use crate::args::{Asked, Misuse};
use crate::console::Console;
use crate::getopt::Grammar;
use crate::lower::Surroundings;
use crate::observer::Watcher;
use crate::operands::RealLook;
use crate::signals::Signals;

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    let words: Vec<OsString> = env::args_os().collect();
    respond(&words).into()
}

/// Does what was typed, and says what there is to say; returns the exit status.
fn respond(words: &[OsString]) -> u8 {
    quote::set_locale(|name| env::var_os(name));
    let mut console = Console::new(program(words));
    let is_done = run(words, &mut console).unwrap_or_else(|misuse| {
        console.say(&misuse.text);
        if misuse.points_to_help {
            let program = console.program().to_owned();
            console.show(&format!("Try '{program} --help' for more information.\n"));
        }
        false
    });
    let is_printed = console.finish();
    u8::from(!(is_done && is_printed))
}

/// Does what the command line asks for; returns whether everything was copied.
fn run(words: &[OsString], console: &mut Console) -> Result<bool, Misuse> {
    let is_strict = console.program() == "cp";
    let is_posix = env::var_os("POSIXLY_CORRECT").is_some();
    let grammar = Grammar { has_own: !is_strict, ends_at_operand: is_posix };
    let typed = match args::parse(words.get(1..).unwrap_or_default(), grammar)? {
        Asked::Copy(typed) => typed,
        Asked::Text(text) => {
            console.print(text.trim_end());
            return Ok(true);
        }
    };
    let around = Surroundings {
        is_strict,
        is_posix,
        version_control: env::var_os("VERSION_CONTROL"),
        backup_suffix: env::var_os("SIMPLE_BACKUP_SUFFIX"),
        has_selinux: Path::new("/sys/fs/selinux/enforce").exists(),
        modified: &|path| fs::metadata(path)?.modified(),
    };
    let lowered = lower::lower(&typed.flags, &around)?;
    if lowered.voice.ignores_context {
        let text = "warning: ignoring --context; it requires an SELinux-enabled kernel";
        console.say(text);
    }
    let operands = match system::TAKES_WILDCARDS {
        true => wildcards::expand(typed.operands, &RealLook),
        false => typed.operands,
    };
    let placed = operands::place(&operands, &lowered.placing, &RealLook)?;
    let is_placed = !placed.complaints.iter().any(|complaint| complaint.is_failure);

    system::raise_open_files();
    let copier = Copier::new(lowered.options);
    let signals = Signals::install(&copier.cancel().as_flag())
        .map_err(|error| Misuse::of_place(format!("cannot handle signals: {error}")))?;
    let voice = lowered.voice;
    let (transfers, complaints) = (&placed.transfers, placed.complaints);
    let mut watcher = Watcher::new(console, voice, &signals, transfers, complaints);
    let report = copier.run(transfers, &mut watcher);
    watcher.finish();
    if voice.stats {
        console.show(&stats::table(&report));
    }
    if report.cancelled {
        console.flush();
        signals.pass_on();
    }
    Ok(is_placed && report.is_complete())
}

/// Returns the name that messages begin with: the last part of the one that the program was called by.
fn program(words: &[OsString]) -> String {
    let called = words.first().and_then(|word| Path::new(word).file_name());
    let called = called.map_or(Cow::Borrowed("warpcp"), OsStr::to_string_lossy);
    without_suffix(&called, consts::EXE_SUFFIX)
}

/// Returns the name without what those of all programs end in: on Windows `.exe`, and there their case says nothing.
fn without_suffix(called: &str, suffix: &str) -> String {
    if suffix.is_empty() {
        return called.to_owned();
    }
    let called = called.to_ascii_lowercase();
    called.strip_suffix(suffix).unwrap_or(&called).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn no_file_of_this_crate_copies() {
        let openers =
            ["::open", "::create", "OpenOptions", "fs::copy", "fs::write", "hard_link(", "rename("];
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let folders = [sources.join("system"), sources];
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.contains("\"/dev/null\"")) {
                let is_opener = openers.iter().any(|opener| line.contains(opener));
                assert!(!is_opener, "{}: {line}", path.display());
            }
        }
    }

    #[test]
    fn messages_begin_with_the_name_that_was_called() {
        assert_eq!(super::program(&["/usr/bin/warpcp".into()]), "warpcp");
        assert_eq!(super::program(&["cp".into()]), "cp");
        assert_eq!(super::program(&[]), "warpcp");
        for (called, name) in [("CP.EXE", "cp"), ("Warpcp.exe", "warpcp"), ("cp", "cp")] {
            assert_eq!(super::without_suffix(called, ".exe"), name);
        }
        assert_eq!(super::without_suffix("cp.exe", ""), "cp.exe");
    }
}
