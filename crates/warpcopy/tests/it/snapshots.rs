//! A subvolume is copied as one snapshot where that was asked for and is the same; otherwise the report says why not.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use rustix::io::Errno;
use warpcopy::{
    Code, Copier, Event, Flow, NoObserver, NoSnapshot, Observer, Options, Preserve, Reflink,
    Snapshot, Symlinks, Sync, Transfer, TreeReport,
};

use crate::support::*;

fn options() -> Options {
    Options::new().recursive(true).preserve(Preserve::all()).snapshot(true)
}

/// Makes a subvolume with something in it.
#[track_caller]
fn make_subvolume(path: &Path) {
    let words = ["subvolume", "create"];
    let output = Command::new("btrfs").args(words).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    write(&path.join("a/b"), "content");
    Shape::sparse("holes", 5 << 20, &[(1 << 20, 5000), (4 << 20, 70_000)])
        .make(&path.join("holes"));
    fs::hard_link(path.join("a/b"), path.join("link")).unwrap();
    make_fifo(&path.join("fifo"));
    set_mode(path, 0o751);
    set_modified(path, 1_234_567, 89);
}

/// A scratch on Btrfs with a subvolume.
#[track_caller]
fn with_subvolume() -> Option<Scratch> {
    let scratch = Scratch::on(Fs::Btrfs)?;
    if Command::new("btrfs").arg("version").output().is_err() {
        skip("mkfs.btrfs", "btrfs-progs is not installed");
        return None;
    }
    make_subvolume(&scratch.join("source"));
    Some(scratch)
}

#[track_caller]
fn only(report: &TreeReport) -> &Snapshot {
    assert!(report.is_complete(), "{report:?}");
    match &report.snapshots[..] {
        [only] => only,
        other => panic!("{other:?}"),
    }
}

/// Notes what it is told.
#[derive(Default)]
struct Watcher(Vec<String>);

impl Observer for Watcher {
    fn event(&mut self, event: Event<'_>) -> Flow {
        self.0.push(format!("{event:?}").split(['(', ' ']).next().unwrap().to_owned());
        Flow::Continue
    }
}

#[test]
fn a_subvolume_becomes_one_snapshot() {
    let Some(scratch) = with_subvolume() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    // Not on disk yet.
    fs::write(source.join("a/fresh"), bytes(300_000, 7)).unwrap();
    let mut watcher = Watcher::default();
    let report = Copier::new(options()).copy_tree(&source, &target, &mut watcher);
    let made = only(&report);
    assert_eq!((&made.source, &made.target, made.refusal), (&source, &target, None));
    assert_eq!((report.files, report.directories, report.bytes.len), (0, 0, 0));
    assert_eq!(watcher.0, ["Snapshot"]);
    assert_same_tree(&source, &target, true);
    assert_eq!(inode(&target), 256);
    assert_eq!((mode(&target), modified(&target)), (0o751, (1_234_567, 89)));
    for name in ["", "a/b", "holes", "fifo", "a/fresh"] {
        let look = |root: &Path| fs::symlink_metadata(root.join(name)).unwrap();
        let (was, is) = (look(&source), look(&target));
        assert_eq!((was.ctime(), was.ctime_nsec()), (is.ctime(), is.ctime_nsec()), "{name}");
        assert_eq!(was.created().unwrap(), is.created().unwrap(), "{name}");
        assert_eq!((was.ino(), was.nlink()), (is.ino(), is.nlink()), "{name}");
        assert_ne!(was.dev(), is.dev(), "{name}");
    }
    assert_eq!(inode(&target.join("a/b")), inode(&target.join("link")));
    assert_eq!(data_ranges(&source.join("holes")), data_ranges(&target.join("holes")));
    // It is another tree, that can be written to.
    fs::write(target.join("a/b"), "other").unwrap();
    assert_eq!(read(&source.join("a/b")), b"content");
}

#[test]
fn whoever_does_not_ask_gets_a_copy() {
    let Some(scratch) = with_subvolume() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    let report =
        Copier::new(options().snapshot(false)).copy_tree(&source, &target, &mut NoObserver);
    assert_eq!((report.snapshots.len(), report.files), (0, 2));
    assert_ne!(inode(&target), 256);
}

#[test]
fn what_makes_no_difference_to_the_result_is_no_obstacle() {
    let Some(scratch) = with_subvolume() else { return };
    let source = scratch.join("source");
    std::os::unix::fs::symlink("source", scratch.join("link")).unwrap();
    let copies = [
        ("a", options().sync(Sync::Full)),
        ("b/new/c//", options().reflink(Reflink::Always).one_file_system(true)),
        ("d/", options().symlinks(Symlinks::Keep).ordered(true)),
    ];
    for (name, options) in copies {
        let target = scratch.join(name);
        let report = Copier::new(options).copy_tree(source.join("."), &target, &mut NoObserver);
        assert_eq!(only(&report).refusal, None, "{name}");
        assert_same_tree(&source, &target, true);
    }
    let report =
        Copier::new(options()).copy_tree(scratch.join("link"), scratch.join("e"), &mut NoObserver);
    assert_eq!(only(&report).refusal, None);
    assert_same_tree(&source, &scratch.join("e"), true);
}

everywhere! {
    fn a_plain_directory_is_copied_as_usual(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source.join("a/b"), "content");
        set_mode(&source.join("a"), 0o710);
        let report = Copier::new(options()).copy_tree(&source, &target, &mut NoObserver);
        assert_eq!(only(&report).refusal, Some(NoSnapshot::NotSubvolume));
        assert_eq!((report.files, report.directories), (1, 2));
        assert_same_tree(&source, &target, true);
    }
}

/// Copies the subvolume and expects a usual copy for this reason.
#[track_caller]
fn assert_refused(scratch: &Scratch, target: &Path, options: Options, why: NoSnapshot) {
    let source = scratch.join("source");
    let report = Copier::new(options).copy_tree(&source, target, &mut NoObserver);
    assert_eq!(only(&report).refusal, Some(why));
    assert_same_tree(&source, target, false);
    assert_ne!(inode(target), 256);
}

#[test]
fn what_has_the_target_s_name_is_copied_into() {
    let Some(scratch) = with_subvolume() else { return };
    let target = scratch.join("target");
    fs::create_dir(&target).unwrap();
    assert_refused(&scratch, &target, options(), NoSnapshot::TargetExists);
}

#[test]
fn another_file_system_gets_a_copy() {
    let (Some(scratch), Some(other)) = (with_subvolume(), Scratch::on(Fs::Tmpfs)) else { return };
    let target = other.join("target");
    // The system's own answer: there is no such call on tmpfs.
    let why = NoSnapshot::Code(Code(Errno::NOTTY.raw_os_error()));
    assert_refused(&scratch, &target, options(), why);
}

#[test]
fn a_subvolume_that_holds_others_is_copied_with_them() {
    let Some(scratch) = with_subvolume() else { return };
    make_subvolume(&scratch.join("source/a/nested"));
    let target = scratch.join("target");
    assert_refused(&scratch, &target, options(), NoSnapshot::NestedSubvolumes);
    assert_eq!(read(&target.join("a/nested/a/b")), b"content");
    // Where it is gone there is nothing against a snapshot any more.
    fs::remove_dir_all(scratch.join("source/a/nested")).unwrap();
    let again = scratch.join("again");
    let report = Copier::new(options()).copy_tree(scratch.join("source"), &again, &mut NoObserver);
    assert_eq!(only(&report).refusal, None);
    assert_same_tree(&scratch.join("source"), &again, true);
}

#[test]
fn less_than_everything_is_copied_file_by_file() {
    let Some(scratch) = with_subvolume() else { return };
    let cases = [
        (options().preserve(Preserve::default()), "not all attributes are to be preserved"),
        (options().symlinks(Symlinks::Follow), "symbolic links are to be followed"),
        (options().reflink(Reflink::Never), "blocks are not to be shared"),
    ];
    for (number, (options, words)) in cases.into_iter().enumerate() {
        let target = scratch.join(format!("target{number}"));
        assert_refused(&scratch, &target, options, NoSnapshot::Asked(words));
    }
}

#[test]
fn a_filter_is_asked_about_each_name() {
    let Some(scratch) = with_subvolume() else { return };
    let target = scratch.join("target");
    let copier = Copier::new(options()).filter(|candidate| candidate.name != "a");
    let report = copier.copy_tree(scratch.join("source"), &target, &mut NoObserver);
    assert_eq!(only(&report).refusal, Some(NoSnapshot::Asked("a filter is to be asked")));
    assert_only(&target, &["fifo", "holes", "link"]);
}

#[test]
fn what_other_operands_bring_joins_a_snapshot_as_it_joins_a_copy() {
    let Some(scratch) = with_subvolume() else { return };
    write(&scratch.join("other/a/b"), "other");
    write(&scratch.join("other/more"), "more");
    for (name, is_asked) in [("made", true), ("copied", false)] {
        let target = scratch.join(name);
        let transfer = |from: &str| Transfer::new(scratch.join(from), &target);
        let transfers = [transfer("source"), transfer("other")];
        let report = Copier::new(options().snapshot(is_asked)).run(&transfers, &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!(inode(&target) == 256, is_asked);
        assert_eq!(read(&target.join("a/b")), b"other");
    }
    assert_same_tree(&scratch.join("copied"), &scratch.join("made"), true);
}

#[test]
fn each_operand_is_told_of() {
    let Some(scratch) = with_subvolume() else { return };
    make_subvolume(&scratch.join("second"));
    write(&scratch.join("plain/file"), "content");
    let names = ["source", "second", "plain"];
    let transfers =
        names.map(|name| Transfer::new(scratch.join(name), scratch.join(format!("to/{name}"))));
    let report = Copier::new(options()).run(&transfers, &mut NoObserver);
    assert!(report.is_complete());
    let told: Vec<_> = report.snapshots.iter().map(|one| (&one.target, one.refusal)).collect();
    let target = |name: &str| scratch.join("to").join(name);
    let why = Some(NoSnapshot::NotSubvolume);
    let expected = [(&target("plain"), why), (&target("second"), None), (&target("source"), None)];
    assert_eq!(told, expected);
    assert_eq!(report.files, 1);
}

/// A failure says what it is, and leaves nothing.
#[test]
fn what_cannot_be_copied_either_fails_in_its_own_words() {
    let Some(scratch) = with_subvolume() else { return };
    let source = scratch.join("source");
    let copier = Copier::new(options().make_parents(false));
    for (target, code) in [
        ("missing/target", Errno::NOENT),
        ("source/holes/target", Errno::NOTDIR),
        ("missing/.", Errno::NOENT),
    ] {
        let target = format!("{}/{target}", scratch.path().display());
        let report = copier.copy_tree(&source, &target, &mut NoObserver);
        assert_eq!(report.failures, 1, "{target}: {:?}", report.errors);
        assert_eq!(errno(&report.errors[0]), Some(code), "{target}");
    }
    let report = copier.copy_tree(&source, source.join("a/inside"), &mut NoObserver);
    assert_eq!(report.errors[0].operation(), warpcopy::Operation::IntoItself);
    assert_eq!(report.snapshots, []);
    assert_only(&source.join("a"), &["b"]);
    assert_only(scratch.path(), &["source"]);
}
