//! Directories that are made as soon as their names are read, on Btrfs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use signal_hook::consts::SIGINT;

use crate::support::plant::{mode, owner, write};
use crate::support::run::NOBODY;
use crate::support::trace::can_trace;
use crate::support::{Fs, Scratch, Warpcp, assert_same_tree};

#[test]
fn directories_come_before_the_files_beside_them() {
    let Some((_scratch, source, target)) = stage() else { return };
    let outcome = Warpcp::copy("-aj2", &source, &target).trace("mkdirat,openat").succeeds();
    let is_made = |line: &&str| line.contains("mkdirat(") && line.contains("\"directory");
    let all: Vec<&str> =
        outcome.trace.lines().filter(|l| is_made(l) || l.contains("O_CREAT")).collect();
    assert!(all[..DIRECTORIES].iter().all(is_made), "{outcome}");
    assert!(!all[DIRECTORIES..].iter().any(is_made), "each of them once: {outcome}");
    assert_same_tree(&source, &target);
}

#[test]
fn a_directory_of_which_nothing_comes_is_removed() {
    let Some((_scratch, source, place)) = stage() else { return };
    fs::create_dir(&place).unwrap();
    for directory in [&source, &place] {
        owner(directory, NOBODY, NOBODY);
    }
    // It can be listed, but nothing in it can be opened.
    mode(&source, 0o444);
    let target = place.join("target");
    let outcome = Warpcp::copy("-aj2", &source, &target).by_nobody().trace("mkdirat").fails();
    assert_eq!(outcome.trace.matches("\"directory").count(), DIRECTORIES, "{outcome}");
    outcome.says("cannot stat");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn no_directory_stays_that_an_interrupted_copy_did_not_come_to() {
    let Some((_scratch, source, target)) = stage() else { return };
    let interrupted_at = |call: &str, when: usize| {
        let copy = Warpcp::copy("-aj2", &source, &target);
        let outcome = copy.inject(&format!("{call}:signal=INT:when={when}")).run();
        assert_eq!(outcome.signal(), Some(SIGINT), "{outcome}");
        let entries = fs::read_dir(&target).unwrap().map(|it| it.unwrap());
        let modes: Vec<u32> = entries
            .filter(|it| it.file_type().unwrap().is_dir())
            .map(|it| it.metadata().unwrap().permissions().mode() & 0o7777)
            .collect();
        fs::remove_dir_all(&target).unwrap();
        modes
    };
    // While they are made: then all that were made go.
    for when in 2..DIRECTORIES + 2 {
        assert!(interrupted_at("mkdirat", when).is_empty(), "at the {when}th");
    }
    // When they have been made, and some entered: those have their modes. (A second signal would end the command at once,
    // so it comes at a call that is made once.)
    let modes = interrupted_at("symlinkat", 1);
    assert!(!modes.is_empty() && modes.iter().all(|mode| *mode == 0o755), "{modes:?}");
    assert!(modes.len() < DIRECTORIES, "{modes:?}");
}

const DIRECTORIES: usize = 6;

/// A source that is there, and a target that is not.
fn stage() -> Option<(Scratch, PathBuf, PathBuf)> {
    let scratch = Scratch::on(Fs::Btrfs).filter(|_| can_trace())?;
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    plant(&source);
    Some((scratch, source, target))
}

fn plant(root: &Path) {
    for directory in 0..DIRECTORIES {
        let path = root.join(format!("directory {directory}"));
        fs::create_dir_all(&path).unwrap();
        mode(&path, 0o755);
        if directory == 0 {
            symlink("file 0", path.join("link")).unwrap();
        }
        for file in 0..5 {
            write(path.join(format!("file {file}")), [b'x'; 1024]);
        }
    }
    write(root.join("a file"), "beside them");
}
