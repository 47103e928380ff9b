//! Each system call fails once, the first, the second, … until the run is untouched; four things hold every time:
//! the source is as it was, every target is old, new or absent, nothing is left over, and a failure says what
//! failed and on what (or the copy is complete after all).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::plant::{some_acl, sparse, write, xattr};
use crate::support::trace::{Calls, can_trace};
use crate::support::{
    Compare, Dir, Fifo, File, Fs, HardLink, Outcome, Scratch, Snapshot, Symlink, Warpcp,
    assert_nothing_left_over, bytes, is_root, plant,
};

/// Every call that may take part in a copy. Removing is left out: when that fails, something is left over.
pub(crate) const CALLS: &str = "openat,openat2,read,pread64,readv,preadv2,write,pwrite64,writev,pwritev2,\
    copy_file_range,sendfile,pipe2,splice,ioctl,lseek,ftruncate,fallocate,fadvise64,\
    fchown,fchownat,lchown,fchmod,fchmodat,fchmodat2,utimensat,\
    fsetxattr,fgetxattr,flistxattr,fremovexattr,lsetxattr,lgetxattr,llistxattr,lremovexattr,\
    newfstatat,fstat,statx,fstatfs,statfs,getdents64,readlinkat,\
    mkdirat,mknodat,symlinkat,linkat,renameat,renameat2,close,fsync,fdatasync,syncfs";

/// Something to copy, and over what.
pub(crate) struct Scenario {
    pub(crate) options: &'static str,
    /// Makes the source below this directory, under the name `source`.
    pub(crate) plant: fn(&Path),
    /// Whether an older copy has the target's name.
    pub(crate) is_replaced: bool,
}

/// A scenario on a place, to be run again and again.
pub(crate) struct Stage {
    pub(crate) here: Scratch,
    pub(crate) there: Scratch,
    pub(crate) scenario: Scenario,
    before: Snapshot,
}

impl Stage {
    pub(crate) fn new(from: Fs, to: Fs, scenario: Scenario) -> Option<Stage> {
        if !can_trace() || !is_root() {
            return None;
        }
        let (here, there) = (Scratch::on(from)?, Scratch::on(to)?);
        (scenario.plant)(here.path());
        let before = Snapshot::of(&here.join("source"));
        Some(Stage { here, there, scenario, before })
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.here.join("source")
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.there.join("target")
    }

    /// Returns the copy to be made, with the place of the target as it is before it.
    pub(crate) fn copy(&self) -> Warpcp {
        for entry in fs::read_dir(self.there.path()).unwrap() {
            let path = entry.unwrap().path();
            let removed = if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.unwrap();
        }
        let mut source = self.source();
        if self.scenario.is_replaced {
            old_version(&source, &self.target());
            if source.is_dir() {
                source.push(".");
            }
        }
        Warpcp::copy(self.scenario.options, source, self.target())
    }

    /// Counts the calls of an undisturbed run.
    pub(crate) fn calls(&self) -> Calls {
        let outcome = self.copy().trace(CALLS).succeeds();
        self.assert_complete();
        let marker =
            |scratch: &Scratch| scratch.path().file_name().unwrap().to_string_lossy().into_owned();
        let calls = Calls::count(&outcome.trace, &marker(&self.here));
        assert!(calls.0.values().any(|(before, total)| total > before), "{}", outcome.trace);
        calls
    }

    pub(crate) fn assert_source_unchanged(&self) {
        self.before.assert_unchanged(&self.source());
    }

    /// What a complete copy must have in common with the source.
    pub(crate) fn compare(&self, with_xattrs: bool) -> Compare {
        if self.scenario.options.split(' ').any(|option| option == "-a") {
            Compare { xattrs: with_xattrs, ..Compare::default() }
        } else {
            Compare::contents()
        }
    }

    pub(crate) fn assert_complete(&self) {
        self.compare(true).assert(&self.source(), &self.target());
    }

    /// Asserts that each file at the target is the old one or the new one, whole.
    pub(crate) fn assert_old_or_new(&self, outcome: &Outcome) {
        old_or_new(&self.source(), &self.target(), self.scenario.is_replaced, outcome);
    }
}

const OLD: &[u8] = b"the content that was there before";

/// Puts other content under every name that the source has.
fn old_version(source: &Path, target: &Path) {
    if source.is_dir() && !source.is_symlink() {
        fs::create_dir(target).unwrap();
        for entry in fs::read_dir(source).unwrap() {
            let entry = entry.unwrap();
            old_version(&entry.path(), &target.join(entry.file_name()));
        }
    } else if source.is_file() && !source.is_symlink() {
        write(target, OLD);
    }
}

fn old_or_new(source: &Path, target: &Path, is_replaced: bool, outcome: &Outcome) {
    if !target.exists() || target.is_symlink() {
        assert!(!is_replaced || !source.is_file() || source.is_symlink(), "gone: {outcome}");
        return;
    }
    if source.is_dir() {
        let names = |path: &Path| -> BTreeSet<_> {
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        for name in names(target).union(&names(source)) {
            assert!(
                source.join(name).symlink_metadata().is_ok(),
                "{} appeared: {outcome}",
                name.display()
            );
            old_or_new(&source.join(name), &target.join(name), is_replaced, outcome);
        }
    } else if source.is_file() {
        let is = crate::support::read(target);
        let is_old = is_replaced && is == OLD;
        assert!(
            is_old || is == crate::support::read(source),
            "{} is half: {outcome}",
            target.display()
        );
    }
}

pub(crate) fn one_file(place: &Path) {
    write(place.join("source"), bytes(300_000, 1));
}

/// Long enough for blocks to be reserved, and for a pipe that is filled more than once.
fn a_long_file(place: &Path) {
    write(place.join("source"), bytes((2 << 20) + 1, 4));
}

pub(crate) fn a_sparse_file(place: &Path) {
    let data = bytes(70_000, 2);
    sparse(&place.join("source"), 3 << 20, &[(1 << 20, &data), (2 << 20, &data)]);
}

/// One of everything, small.
pub(crate) fn a_tree(place: &Path) {
    let large = bytes(300_000, 3);
    plant(
        &place.join("source"),
        &[
            ("file", File(b"small")),
            ("large", File(&large)),
            ("empty", File(b"")),
            ("directory", Dir),
            ("directory/inner", File(b"inner")),
            ("directory/link", HardLink("file")),
            ("symlink", Symlink("file")),
            ("fifo", Fifo),
        ],
    );
    let file = place.join("source/large");
    xattr(&file, "user.note", b"kept");
    crate::support::plant::access_acl(&file, &some_acl(1001, 1002));
    crate::support::plant::owner(&file, 1001, 1002);
    crate::support::plant::mode(&place.join("source/directory"), 0o750);
    crate::support::plant::times(&place.join("source/directory"), (1, 2), (3, 4));
}

/// Calls that take space, and may find none.
const TAKING_SPACE: [&str; 16] = [
    "openat",
    "write",
    "pwrite64",
    "pwritev2",
    "copy_file_range",
    "sendfile",
    "splice",
    "fallocate",
    "ftruncate",
    "mkdirat",
    "mknodat",
    "symlinkat",
    "linkat",
    "renameat2",
    "fsetxattr",
    "close",
];

/// Calls that the kernel may interrupt, and that are made again then.
const INTERRUPTED: [&str; 9] = [
    "openat",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "pwritev2",
    "copy_file_range",
    "sendfile",
    "splice",
];

fn every_call_fails_once(from: Fs, to: Fs, scenario: Scenario) {
    let Some(stage) = Stage::new(from, to, scenario) else { return };
    let calls = stage.calls();
    let mut runs = 0;
    for (call, (before, total)) in &calls.0 {
        let name = call.as_str();
        let errors = [
            ("EIO", true),
            ("ENOSPC", TAKING_SPACE.contains(&name)),
            ("EINTR", INTERRUPTED.contains(&name)),
        ];
        for (error, _) in errors.into_iter().filter(|(_, is_likely)| *is_likely) {
            for when in before + 1.. {
                // A fault may lead to more calls than an undisturbed run makes, but not without end.
                assert!(when < total + 200, "{call} is made again and again");
                let outcome =
                    stage.copy().inject(&format!("{call}:error={error}:when={when}")).run();
                if outcome.injected() == 0 {
                    break;
                }
                runs += 1;
                check(&stage, call, error, &outcome);
            }
        }
    }
    assert!(runs > 10, "only {runs} calls were failed");
}

fn check(stage: &Stage, call: &str, error: &str, outcome: &Outcome) {
    let fault = outcome.trace.lines().find(|line| line.contains("(INJECTED)")).unwrap_or("");
    let context = format!("{fault}\n{outcome}");
    stage.assert_source_unchanged();
    let left = crate::support::run::left_over(stage.there.path());
    assert!(left.is_empty(), "left over: {left:?}\n{context}");
    if outcome.is_success() {
        // An archive copy keeps what attributes it can.
        let compare = stage.compare(!call.contains("xattr"));
        let differences = compare.differences(&stage.source(), &stage.target());
        assert!(differences.is_empty(), "{}\n{context}", differences.join("\n"));
        return;
    }
    assert_eq!(outcome.status.code(), Some(1), "{context}");
    assert_ne!(error, "EINTR", "an interrupt is not a failure: {context}");
    outcome.assert_message();
    let names = |scratch: &Scratch| outcome.stderr.contains(&*scratch.path().to_string_lossy());
    assert!(names(&stage.here) || names(&stage.there), "no path: {context}");
    let words = if error == "EIO" { "Input/output error" } else { "No space left on device" };
    assert!(outcome.stderr.contains(words), "no cause: {context}");
    stage.assert_old_or_new(outcome);
}

macro_rules! scenarios {
    ($($name:ident: $options:literal, $plant:ident, $is_replaced:literal;)*) => {$(
        mod $name {
            use super::*;

            fn check(from: Fs, to: Fs) {
                let (options, is_replaced) = ($options, $is_replaced);
                every_call_fails_once(from, to, Scenario { options, plant: $plant, is_replaced });
            }

            #[test]
            fn on_ext4() {
                check(Fs::Ext4, Fs::Ext4);
            }

            #[test]
            fn on_btrfs() {
                check(Fs::Btrfs, Fs::Btrfs);
            }

            #[test]
            fn from_tmpfs_to_xfs() {
                check(Fs::Tmpfs, Fs::Xfs);
            }
        }
    )*};
}

scenarios! {
    of_a_new_file: "-j1", one_file, false;
    of_a_new_file_made_aside: "-j1 --atomic=always --sync=full", one_file, false;
    of_a_replaced_file: "-j1", one_file, true;
    of_a_replaced_file_with_attributes: "-j1 -a --atomic=always", one_file, true;
    of_a_plain_copy: "-j1 --method=read_write", one_file, true;
    of_a_long_file: "-j1", a_long_file, true;
    of_a_file_by_ranges: "-j1 --method=copy_file_range", one_file, true;
    of_a_sparse_file: "-j1", a_sparse_file, true;
    of_a_tree: "-j1 -a", a_tree, false;
    of_a_replaced_tree: "-j1 -r", a_tree, true;
}

#[test]
fn a_temporary_file_that_cannot_be_removed_is_no_secret() {
    let scenario = Scenario { options: "-j1", plant: one_file, is_replaced: true };
    let Some(stage) = Stage::new(Fs::Ext4, Fs::Ext4, scenario) else { return };
    let outcome = stage
        .copy()
        .inject("sendfile:error=EIO")
        .inject("unlinkat:error=EIO")
        .inject("unlink:error=EIO")
        .fails();
    stage.assert_source_unchanged();
    stage.assert_old_or_new(&outcome);
    let left = crate::support::run::left_over(stage.there.path());
    assert!(left.len() <= 1, "{left:?}");
    assert_nothing_left_over(stage.here.path());
}
