//! A real Python environment of more than ten thousand files, on and between all file systems.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Compare, Fs, Scratch, Warpcp, assert_nothing_left_over, skip};

/// The environment that `scripts/test` has made with pip.
fn environment() -> Option<PathBuf> {
    let made = std::env::var_os("WARPCOPY_TEST_ENVIRONMENT").map(PathBuf::from);
    if made.is_none() {
        skip("environment", "scripts/test makes one");
    }
    made
}

fn count(path: &Path) -> usize {
    let output = Command::new("find").arg(path).args(["-printf", "."]).output().unwrap();
    output.stdout.len()
}

#[test]
fn an_environment_is_copied_as_cp_does_on_and_between_all_file_systems() {
    let Some(environment) = environment() else { return };
    assert!(count(&environment) > 10_000, "{} is too small", environment.display());
    let places: Vec<Scratch> = Fs::FULL.into_iter().filter_map(Scratch::on).collect();
    // What cp makes on each file system is the yardstick there, and the source from there.
    for place in &places {
        gnu(&environment, &place.join("theirs"));
    }
    for from in &places {
        for to in &places {
            let (source, ours) = (from.join("theirs"), to.join("ours"));
            Warpcp::copy("-a", &source, &ours).succeeds();
            let differences = Compare::default().differences(&to.join("theirs"), &ours);
            let pair = format!("{} to {}", from.fs(), to.fs());
            assert!(differences.is_empty(), "{pair}:\n{}", differences.join("\n"));
            assert_nothing_left_over(&ours);
            runs(&ours);
            std::fs::remove_dir_all(&ours).unwrap();
        }
    }
}

fn gnu(source: &Path, target: &Path) {
    let status = Command::new("cp").args(["-a", "--"]).args([source, target]).status().unwrap();
    assert!(status.success());
}

/// The copy is an environment, not only a heap of files.
fn runs(environment: &Path) {
    let output = Command::new(environment.join("bin/python"))
        .args(["-c", "import numpy; print(numpy.arange(3).sum())"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"3\n", "{}", String::from_utf8_lossy(&output.stderr));
}
