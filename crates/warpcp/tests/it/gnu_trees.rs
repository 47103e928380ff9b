//! The same tree copied by `cp -a` and by `warpcp -a`: everything that the one keeps the other keeps.

use std::path::Path;
use std::process::Command;

use crate::support::{
    Compare, Fs, Garden, Scratch, Snapshot, Warpcp, assert_nothing_left_over, is_root,
};

/// How many things are in a tree.
const THINGS: usize = 120;

/// How many trees are tried for each pair of file systems; `WARPCOPY_TEST_ROUNDS` multiplies it.
fn seeds() -> u64 {
    crate::support::rounds(4) as u64
}

fn gnu(source: &Path, target: &Path) {
    let output = Command::new("cp")
        .args(["-a", "--"])
        .args([source, target])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn trees_from(from: Fs) {
    for to in Fs::FULL {
        let (Some(here), Some(there)) = (Scratch::on(from), Scratch::on(to)) else { continue };
        for seed in 0..seeds() {
            let source = here.join("source");
            Garden::new(seed * 1000 + from as u64 * 10 + to as u64).grow(&source, THINGS);
            let before = Snapshot::of(&source);
            let theirs = there.join("theirs");
            gnu(&source, &theirs);
            for options in ["-a", "-a -j4 --atomic=always", "-a -j1 --method=read_write"] {
                let ours = there.join("ours");
                Warpcp::copy(options, &source, &ours).succeeds();
                let context = format!("seed {seed} from {from} to {to} with {options}");
                let differences = Compare::default().differences(&theirs, &ours);
                assert!(differences.is_empty(), "{context}:\n{}", differences.join("\n"));
                let differences = Compare::default().differences(&source, &ours);
                assert!(differences.is_empty(), "{context}:\n{}", differences.join("\n"));
                assert_nothing_left_over(&ours);
                remove(&ours);
            }
            before.assert_unchanged(&source);
            remove(&theirs);
            remove(&source);
        }
    }
}

fn remove(path: &Path) {
    if !rustix::process::geteuid().is_root() {
        let _ = Command::new("chmod").args(["-R", "u+rwX", "--"]).arg(path).output();
    }
    assert!(Command::new("rm").args(["-rf", "--"]).arg(path).status().unwrap().success());
}

#[test]
fn archives_of_random_trees_are_those_of_cp_from_btrfs() {
    trees_from(Fs::Btrfs);
}

#[test]
fn archives_of_random_trees_are_those_of_cp_from_xfs() {
    trees_from(Fs::Xfs);
}

#[test]
fn archives_of_random_trees_are_those_of_cp_from_ext4() {
    trees_from(Fs::Ext4);
}

#[test]
fn archives_of_random_trees_are_those_of_cp_from_tmpfs() {
    trees_from(Fs::Tmpfs);
}

#[test]
fn archives_of_random_trees_are_those_of_cp_from_overlay() {
    trees_from(Fs::Overlay);
}

// Copying a tree over an older state of it: what cp replaces, merges and keeps.
#[test]
fn archives_over_another_tree_are_those_of_cp() {
    // Others cannot change what lies in directories that may not be written to.
    if !is_root() {
        return;
    }
    for fs in Fs::FULL {
        let Some(scratch) = Scratch::on(fs) else { continue };
        for seed in 0..seeds() {
            let (source, theirs, ours) =
                (scratch.join("source"), scratch.join("theirs"), scratch.join("ours"));
            Garden::new(seed).grow(&source, THINGS);
            gnu(&source, &theirs);
            gnu(&source, &ours);
            for target in [&theirs, &ours] {
                age(target);
            }
            gnu(&source.join("."), &theirs);
            Warpcp::copy("-a", source.join("."), &ours).succeeds();
            let differences = Compare::default().differences(&theirs, &ours);
            assert!(differences.is_empty(), "seed {seed} on {fs}:\n{}", differences.join("\n"));
            assert_nothing_left_over(&ours);
            for path in [&source, &theirs, &ours] {
                remove(path);
            }
        }
    }
}

/// Changes content and attributes of a tree's files, the same way each time.
fn age(target: &Path) {
    let mut entries: Vec<_> =
        std::fs::read_dir(target).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for (number, path) in entries.into_iter().enumerate() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            age(&path);
        } else if path.is_file() {
            match number % 3 {
                0 => crate::support::plant::write(&path, b"changed"),
                1 => std::fs::remove_file(&path).unwrap(),
                _ => crate::support::plant::mode(&path, 0o600),
            }
        }
    }
}
