//! Killed, interrupted, terminated, at every call and in the middle of large copies.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::every_call::{CALLS, Scenario, Stage, a_tree, one_file};
use crate::support::plant::{mode, write};
use crate::support::run::left_over;
use crate::support::trace::Calls;
use crate::support::{
    Compare, Fs, Random, Warpcp, assert_nothing_left_over, bytes, everywhere, read,
};

/// Runs the scenario once for each call of it, with the signal at that call, and lets `check` look.
fn signal_at_every_call(stage: &Stage, signal: &str, check: impl Fn(&crate::support::Outcome)) {
    let mut hits = 0;
    for (call, (before, total)) in &stage.calls().0 {
        for when in before + 1..=*total {
            let outcome = stage.copy().inject(&format!("{call}:signal={signal}:when={when}")).run();
            stage.assert_source_unchanged();
            check(&outcome);
            hits += usize::from(outcome.signal().is_some());
        }
    }
    assert!(hits > 10, "only {hits} runs were hit");
}

fn killed_at_every_call(from: Fs, to: Fs, options: &'static str, plant: fn(&Path)) {
    for is_replaced in [false, true] {
        let scenario = Scenario { options, plant, is_replaced };
        let Some(stage) = Stage::new(from, to, scenario) else { return };
        signal_at_every_call(&stage, "KILL", |outcome| {
            let left = left_over(stage.there.path());
            // T19, T69: what is left is recognisable by its name, and one per worker.
            assert!(left.len() <= 1, "{left:?}");
            for path in left {
                fs::remove_file(path).unwrap();
            }
            stage.assert_old_or_new(outcome);
        });
    }
}

#[test]
fn a_killed_copy_shows_the_old_file_or_the_new_one() {
    killed_at_every_call(Fs::Ext4, Fs::Ext4, "-j1 --atomic=always", one_file);
}

#[test]
fn a_killed_clone_shows_the_old_file_or_the_new_one() {
    killed_at_every_call(Fs::Btrfs, Fs::Btrfs, "-j1 --atomic=always", one_file);
}

#[test]
fn a_killed_copy_to_another_file_system_shows_the_old_file_or_the_new_one() {
    killed_at_every_call(Fs::Tmpfs, Fs::Xfs, "-j1 --atomic=always", one_file);
}

#[test]
fn a_killed_replacement_shows_the_old_file_or_the_new_one() {
    let scenario = Scenario { options: "-j1", plant: one_file, is_replaced: true };
    let Some(stage) = Stage::new(Fs::Ext4, Fs::Ext4, scenario) else { return };
    signal_at_every_call(&stage, "KILL", |outcome| {
        stage.assert_old_or_new(outcome);
        assert!(stage.target().exists(), "{outcome}");
    });
}

#[test]
fn a_killed_copy_of_a_tree_holds_whole_files_only() {
    killed_at_every_call(Fs::Ext4, Fs::Ext4, "-j1 -a --atomic=always", a_tree);
}

fn interrupted_at_every_call(from: Fs, to: Fs, signal: Signal, scenario: Scenario) {
    let name = ["INT", "TERM", "HUP"]
        .into_iter()
        .zip([Signal::INT, Signal::TERM, Signal::HUP])
        .find_map(|(name, known)| (known == signal).then_some(name))
        .unwrap();
    let Some(stage) = Stage::new(from, to, scenario) else { return };
    signal_at_every_call(&stage, name, |outcome| {
        let left = left_over(stage.there.path());
        assert!(left.is_empty(), "left over: {left:?}\n{outcome}");
        stage.assert_old_or_new(outcome);
        match outcome.signal() {
            Some(number) => assert_eq!(number, signal.as_raw(), "{outcome}"),
            None => {
                outcome.assert_code(0);
                stage.assert_complete();
            }
        }
    });
}

// T20: nothing half-made remains, and the shell learns that it was the signal.
#[test]
fn an_interrupted_copy_leaves_nothing_half_made() {
    for options in ["-j1", "-j1 --atomic=always"] {
        let scenario = Scenario { options, plant: one_file, is_replaced: false };
        interrupted_at_every_call(Fs::Ext4, Fs::Ext4, Signal::INT, scenario);
    }
}

#[test]
fn a_terminated_copy_leaves_nothing_half_made() {
    let scenario = Scenario { options: "-j1", plant: one_file, is_replaced: true };
    interrupted_at_every_call(Fs::Btrfs, Fs::Btrfs, Signal::TERM, scenario);
}

#[test]
fn an_interrupted_copy_of_a_tree_leaves_whole_files_only() {
    let scenario = Scenario { options: "-j1 -a", plant: a_tree, is_replaced: false };
    interrupted_at_every_call(Fs::Ext4, Fs::Ext4, Signal::INT, scenario);
}

#[test]
fn a_terminated_copy_of_a_tree_leaves_whole_files_only() {
    let scenario = Scenario { options: "-j1 -r", plant: a_tree, is_replaced: true };
    interrupted_at_every_call(Fs::Tmpfs, Fs::Xfs, Signal::TERM, scenario);
}

everywhere! {
    // T20: in the middle of a copy that takes its time.
    fn a_large_copy_stops_at_a_signal(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(400 << 20, 4));
        let mut interrupted = 0;
        for signal in [Signal::INT, Signal::TERM] {
            for (atomic, method) in [("auto", "read_write"), ("always", "sendfile")] {
                let options = format!("--reflink=never --method={method} --atomic={atomic}");
                let mut run = Warpcp::copy(&options, &source, &target).spawn();
                // Not before something is half-made, which may have no name yet.
                for _ in 0..100 {
                    if count(scratch.path()) >= 2 || !run.is_running() {
                        break;
                    }
                    std::thread::sleep(Duration::from_micros(300));
                }
                run.signal(signal);
                let outcome = run.wait();
                assert_nothing_left_over(scratch.path());
                if !outcome.is_success() {
                    assert_eq!(outcome.signal(), Some(signal.as_raw()), "{outcome}");
                }
                if target.exists() {
                    // The signal came after the last byte: what is finished stays.
                    crate::support::assert_same_bytes(&source, &target);
                    fs::remove_file(&target).unwrap();
                } else {
                    assert!(!outcome.is_success(), "{outcome}");
                    interrupted += 1;
                }
            }
        }
        assert!(interrupted > 0, "every signal came too late");
    }

    // T69 with several workers: the same promise wherever each of them is.
    fn a_tree_killed_at_any_moment_holds_whole_files_only(scratch) {
        let source = scratch.join("source");
        forest(&source);
        let mut random = Random::new(69);
        for _ in 0..20 {
            let target = scratch.join("target");
            let run = Warpcp::copy("-r -j4 --atomic=always", &source, &target).spawn();
            std::thread::sleep(Duration::from_micros(random.below(40_000)));
            run.signal(Signal::KILL);
            run.wait();
            if target.exists() {
                for left in left_over(&target) {
                    fs::remove_file(left).unwrap();
                }
                assert_whole_files(&source, &target);
                fs::remove_dir_all(&target).unwrap();
            }
        }
    }

    fn a_tree_interrupted_at_any_moment_holds_whole_files_only(scratch) {
        let source = scratch.join("source");
        forest(&source);
        let mut random = Random::new(20);
        for round in 0..20 {
            let target = scratch.join("target");
            let signal = [Signal::INT, Signal::TERM][round % 2];
            let run = Warpcp::copy("-r -j4", &source, &target).spawn();
            // Long enough that the command has taken over from the loader and set its handlers up.
            std::thread::sleep(Duration::from_micros(4000 + random.below(40_000)));
            run.signal(signal);
            let outcome = run.wait();
            if let Some(number) = outcome.signal() {
                assert_eq!(number, signal.as_raw(), "{outcome}");
            } else {
                outcome.assert_code(0);
                Compare::contents().assert(&source, &target);
            }
            if target.exists() {
                assert_nothing_left_over(&target);
                assert_whole_files(&source, &target);
                fs::remove_dir_all(&target).unwrap();
            }
        }
    }

    // T10, E10: signals make in-kernel copies come back short; stopping and going on is a signal, too.
    fn a_copy_that_is_stopped_and_continued_is_whole(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(300 << 20, 5));
        for method in ["auto", "copy_file_range", "sendfile", "read_write", "direct"] {
            let options = format!("--reflink=auto --method={method}");
            let mut run = Warpcp::copy(&options, &source, &target).spawn();
            while run.is_running() {
                run.signal(Signal::STOP);
                std::thread::sleep(Duration::from_micros(300));
                run.signal(Signal::CONT);
                std::thread::sleep(Duration::from_millis(2));
            }
            let outcome = run.wait();
            outcome.assert_code(0);
            crate::support::assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    }
}

fn count(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// Enough files that a signal comes in the middle of them.
fn forest(root: &Path) {
    fs::create_dir(root).unwrap();
    for directory in 0..10 {
        let path = root.join(format!("{directory}"));
        fs::create_dir(&path).unwrap();
        for file in 0..40 {
            let len = [0, 100, 5000, 70_000, 400_000][file % 5];
            write(path.join(format!("{file}")), bytes(len, file as u64));
        }
    }
}

fn assert_whole_files(source: &Path, target: &Path) {
    for entry in fs::read_dir(target).unwrap() {
        let path = entry.unwrap().path();
        let original = source.join(path.file_name().unwrap());
        if path.is_dir() {
            assert_whole_files(&original, &path);
        } else {
            assert!(read(&path) == read(&original), "{} is half", path.display());
        }
    }
}

// T44: what is being written can be read by nobody who could not read the source.
#[test]
fn a_copy_is_at_no_moment_more_open_than_its_source() {
    for (bits, options) in
        [(0o600, "-j1"), (0o600, "-j1 -p --atomic=always"), (0o640, "-j1 -a"), (0o644, "-j1")]
    {
        let scenario = Scenario { options, plant: one_file, is_replaced: false };
        let Some(stage) = Stage::new(Fs::Ext4, Fs::Ext4, scenario) else { return };
        mode(&stage.source(), bits);
        let seen = stage.copy().umask(0).trace(CALLS).succeeds().trace;
        let marker = stage.here.path().to_string_lossy().into_owned();
        let mut looks = 0;
        for (call, (before, total)) in Calls::count(&seen, &marker).0 {
            for when in before + 1..=total {
                let fault = format!("{call}:signal=KILL:when={when}");
                let outcome = stage.copy().umask(0).inject(&fault).run();
                for entry in fs::read_dir(stage.there.path()).unwrap() {
                    let entry = entry.unwrap();
                    let is = entry.metadata().unwrap().permissions().mode() & 0o7777;
                    assert!(is & !bits & 0o077 == 0, "{is:o} for a source of {bits:o}: {outcome}");
                    looks += 1;
                }
            }
        }
        assert!(looks > 0, "the target was never seen on the way");
    }
}
