//! What a small file costs in system calls: what makes the copy of a tree fast, counted instead of timed.

use std::fs;
use std::path::Path;

use crate::support::plant::write;
use crate::support::trace::can_trace;
use crate::support::{Fs, Scratch, Warpcp, bytes, everywhere};

everywhere! {
    // Open, look, list attributes, create, move, set times, close, close: the rest belongs to directories.
    fn a_small_file_of_a_tree_costs_few_calls(scratch) {
        if !can_trace() {
            return;
        }
        let moving = match scratch.fs() {
            // A clone, and a look at what it made.
            Fs::Btrfs => 2,
            // A read, a write, and a look at what the upper file system made of it.
            Fs::Overlay => 3,
            _ => 2,
        };
        assert_calls_per_file(scratch, "-a -j2", 7 + moving);
        assert_calls_per_file(scratch, "-r -j2", 5 + moving);
    }
}

/// Asserts how many calls each file more costs.
#[track_caller]
fn assert_calls_per_file(scratch: &Scratch, options: &str, expected: usize) {
    const FEW: usize = 100;
    const MANY: usize = 600;
    let calls = [FEW, MANY].map(|files| {
        let source = scratch.join(format!("source{files}"));
        if !source.exists() {
            plant_files(&source, files);
        }
        let target = scratch.join("target");
        let outcome = Warpcp::copy(options, &source, &target).trace("/.").succeeds();
        fs::remove_dir_all(&target).unwrap();
        // How often workers wait for each other is chance, and a debug build asks whether what it closes is open.
        let is_call =
            |line: &&str| ["<... ", "futex(", "F_GETFD"].iter().all(|not| !line.contains(not));
        outcome.trace.lines().filter(is_call).count()
    });
    let more = calls[1] - calls[0];
    // Workers open directories for themselves, and read longer ones in more steps.
    let tolerated = 40;
    assert!(
        more.abs_diff((MANY - FEW) * expected) <= tolerated,
        "{more} calls for {} files with {options}",
        MANY - FEW
    );
}

fn plant_files(root: &Path, files: usize) {
    fs::create_dir(root).unwrap();
    for number in 0..files {
        write(root.join(format!("{number}")), bytes(1024, number as u64));
    }
}
