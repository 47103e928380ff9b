//! Trees: what is copied, what is left out, and what must never be entered.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use warpcopy::{
    Copier, Kind, NoObserver, Operation, Options, Preserve, Symlinks, Transfer, TreeReport,
};

use crate::support::*;

fn workers(count: usize) -> Options {
    Options::new().recursive(true).workers(NonZeroUsize::new(count))
}

fn copy(options: Options, source: &Path, target: &Path) -> TreeReport {
    Copier::new(options).copy_tree(source, target, &mut NoObserver)
}

fn operations(report: &TreeReport) -> Vec<Operation> {
    report.errors.iter().map(warpcopy::Error::operation).collect()
}

everywhere! {
    fn a_tree_arrives_whole_with_any_number_of_workers(scratch) {
        let tree = scratch.join("tree");
        for number in 0..400_u64 {
            let path = tree.join(format!("a{}/b{}/file{number}", number % 7, number % 3));
            write(&path, bytes((number * number) as usize % 30_000, number));
            set_mode(&path, [0o644, 0o755, 0o600, 0o444][number as usize % 4]);
            set_modified(&path, 1_500_000_000 + number, number as u32);
        }
        symlink("a0", tree.join("link")).unwrap();
        fs::create_dir(tree.join("empty")).unwrap();
        set_mode(&tree.join("a1"), 0o700);
        set_modified(&tree.join("a1"), 1_400_000_000, 7);
        set_modified(&tree, 1_300_000_000, 9);
        for count in [1, 2, 8] {
            let target = scratch.join(format!("copy{count}"));
            let report = copy(workers(count).preserve(Preserve::all()), &tree, &target);
            assert!(report.is_complete(), "{:?}", report.errors);
            assert_same_tree(&tree, &target, true);
            assert_eq!(modified(&target), (1_300_000_000, 9));
        }
    }

    /// Who began hands over directories that were read in part: each takes several readings, and holds a long file.
    fn a_tree_that_turns_out_long_arrives_whole(scratch) {
        let tree = scratch.join("tree");
        let mut directory = tree.clone();
        for level in 0..3_u64 {
            fs::create_dir(&directory).unwrap();
            for number in 0..500 {
                write(&directory.join(format!("{number}{}", "x".repeat(200))), [level as u8]);
            }
            write(&directory.join("long"), bytes(1 << 20, level));
            directory = directory.join("next");
        }
        let options = Options::new().recursive(true).preserve(Preserve::all());
        let report = copy(options, &tree, &scratch.join("copy"));
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!(report.files, 3 * 501);
        assert_same_tree(&tree, &scratch.join("copy"), true);
    }

    /// Names are bytes; only `/` and NUL are not among them.
    fn names_that_are_no_text_arrive(scratch) {
        let tree = scratch.join("tree");
        fs::create_dir(&tree).unwrap();
        let mut names = vec![b"new\nline".to_vec(), b" ".to_vec(), b"-rf".to_vec(), vec![b'x'; 255]];
        names.push(".warpcopy-0000000000000000".into());
        // XFS and others take any byte; a file system that wants text says so.
        if fs::write(tree.join(OsStr::from_bytes(b"\xff\xfe")), "x").is_ok() {
            names.push(b"\xff".to_vec());
        }
        for name in &names {
            write(&tree.join(OsStr::from_bytes(name)), name);
        }
        let report = copy(workers(2), &tree, &scratch.join("copy"));
        assert!(report.is_complete(), "{:?}", report.errors);
        for name in &names {
            assert_eq!(&read(&scratch.join("copy").join(OsStr::from_bytes(name))), name);
        }
    }

    fn a_directory_that_may_not_be_written_is_filled_all_the_same(scratch) {
        let tree = scratch.join("tree");
        write(&tree.join("closed/below/file"), "content");
        for (name, bits) in [("closed/below", 0o500), ("closed", 0o555)] {
            set_mode(&tree.join(name), bits);
        }
        for preserve in [Preserve::default(), Preserve::all()] {
            let target = scratch.join(format!("copy{:?}", preserve.mode));
            let report = copy(workers(2).preserve(preserve), &tree, &target);
            assert!(report.is_complete(), "{:?}", report.errors);
            assert_same_tree(&tree, &target, preserve == Preserve::all());
            assert_eq!(mode(&target.join("closed")) & 0o222, 0);
            set_mode(&target.join("closed"), 0o755);
            set_mode(&target.join("closed/below"), 0o755);
        }
        // Else only the superuser could clean up.
        set_mode(&tree.join("closed"), 0o755);
        set_mode(&tree.join("closed/below"), 0o755);
    }

    fn what_is_in_the_way_already_stays_beside_the_copy(scratch) {
        write(&scratch.join("tree/x/new"), "new");
        write(&scratch.join("tree/x/both"), "new");
        write(&scratch.join("copy/x/old"), "old");
        write(&scratch.join("copy/x/both"), "old");
        let report = copy(workers(2), &scratch.join("tree"), &scratch.join("copy"));
        assert!(report.is_complete());
        assert_only(&scratch.join("copy/x"), &["both", "new", "old"]);
        assert_eq!(read(&scratch.join("copy/x/both")), b"new");
        assert_eq!(read(&scratch.join("copy/x/old")), b"old");
    }
}

#[test]
fn a_filter_decides_what_is_copied_and_what_is_entered() {
    let scratch = Scratch::new();
    for path in ["keep/a", "keep/b.tmp", "skip/c", "skip/deep/d", "e"] {
        write(&scratch.join("tree").join(path), path);
    }
    symlink("e", scratch.join("tree/link")).unwrap();
    for count in [1, 4] {
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&seen);
        let root = scratch.join("tree");
        let copier = Copier::new(workers(count)).filter(move |candidate| {
            let relative = candidate.path.strip_prefix(&root).unwrap().to_owned();
            assert_eq!(relative.file_name(), Some(candidate.name));
            noted
                .lock()
                .unwrap()
                .insert((relative.display().to_string(), format!("{:?}", candidate.kind)));
            candidate.name != "skip" && !candidate.name.to_string_lossy().ends_with(".tmp")
        });
        let target = scratch.join(format!("copy{count}"));
        let report = copier.copy_tree(scratch.join("tree"), &target, &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        let expected = ["e", "keep/", "keep/a", "link"].map(str::to_owned);
        assert_eq!(listing(&target), BTreeSet::from(expected));
        let seen = seen.lock().unwrap().clone();
        let kind = |path: &str, kind: Kind| (path.to_owned(), format!("{kind:?}"));
        let expected = [
            kind("keep", Kind::Directory),
            kind("keep/a", Kind::File),
            kind("keep/b.tmp", Kind::File),
            kind("skip", Kind::Directory),
            kind("e", Kind::File),
            kind("link", Kind::Symlink),
        ];
        assert_eq!(seen, BTreeSet::from(expected), "neither the root nor what is below skip");
    }
}

#[test]
fn a_filter_is_not_asked_about_operands() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/a"), "content");
    write(&scratch.join("file"), "content");
    let copier = Copier::new(Options::new()).filter(|_| false);
    let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
    assert!(report.is_complete());
    assert_only(&scratch.join("copy"), &[]);
    copier.copy_file(scratch.join("file"), scratch.join("b")).unwrap();
}

/// What RCC copies back after a run: files newer than its start.
#[test]
fn only_what_is_newer_than_a_time_is_copied() {
    let scratch = Scratch::new();
    let bound = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 500);
    for (name, seconds, nanoseconds) in [
        ("older", 1_599_999_999, 999_999_999),
        ("same", 1_600_000_000, 500),
        ("newer", 1_600_000_000, 501),
        ("x/newest", 1_700_000_000, 0),
        ("y/old", 1_000_000_000, 0),
    ] {
        let path = scratch.join("tree").join(name);
        write(&path, name);
        set_modified(&path, seconds, nanoseconds);
    }
    for count in [1, 3] {
        let target = scratch.join(format!("copy{count}"));
        let report = copy(workers(count).newer_than(Some(bound)), &scratch.join("tree"), &target);
        assert!(report.is_complete());
        assert_eq!((report.files, report.skipped), (2, 3));
        let expected = ["newer", "x/", "x/newest", "y/"].map(str::to_owned);
        assert_eq!(listing(&target), BTreeSet::from(expected));
    }
}

#[test]
fn a_bound_before_1970_is_a_bound() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    let bound = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
    let copier = Copier::new(Options::new().newer_than(Some(bound)));
    let report = copier.copy_file(scratch.join("a"), scratch.join("b")).unwrap();
    assert_eq!(report.outcome, warpcopy::Outcome::Copied);
}

#[test]
fn another_file_system_is_not_entered_if_that_was_asked_for() {
    let here = Scratch::new();
    let device = |path: &Path| std::os::unix::fs::MetadataExt::dev(&fs::metadata(path).unwrap());
    let other = Fs::ALL
        .into_iter()
        .filter_map(Fs::directory)
        .find(|path| device(path) != device(here.path()));
    let Some(other) = other else {
        return skip("other-fs", "only one is here");
    };
    let there = tempfile::tempdir_in(other).unwrap();
    write(&there.path().join("below/file"), "content");
    write(&here.join("tree/near/file"), "content");
    symlink(there.path(), here.join("tree/far")).unwrap();
    for count in [1, 3] {
        for one in [false, true] {
            let target = here.join(format!("copy{count}{one}"));
            let options = workers(count).symlinks(Symlinks::Follow).one_file_system(one);
            let report = copy(options, &here.join("tree"), &target);
            assert!(report.is_complete(), "{:?}", report.errors);
            assert!(target.join("near/file").exists());
            // The mount point itself is made, and stays empty.
            assert!(target.join("far").is_dir());
            assert_eq!(target.join("far/below/file").exists(), !one);
        }
    }
}

#[test]
fn a_directory_is_not_copied_into_itself_without_end() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/x/file"), "content");
    for (target, count) in
        [("tree/copy", 1), ("tree/x/copy", 1), ("tree/copy4", 4), ("tree/x/y/z", 2)]
    {
        let report = copy(workers(count), &scratch.join("tree"), &scratch.join(target));
        assert_eq!(operations(&report), [Operation::IntoItself], "{target}");
        // What could be seen before the first directory was made is seen before anything is made.
        assert!(!scratch.join(target).exists(), "{target}");
    }
}

#[test]
fn a_directory_is_not_copied_onto_itself() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/x/file"), "content");
    symlink("tree", scratch.join("link")).unwrap();
    let before = listing(scratch.path());
    for target in ["tree", "link", "tree/../tree"] {
        let report = copy(workers(2), &scratch.join("tree"), &scratch.join(target));
        assert!(!report.is_complete(), "{target}");
        assert_eq!(report.files, 0, "{target}");
        assert_eq!(listing(scratch.path()), before, "{target}");
    }
}

#[test]
fn links_that_lead_back_are_found_and_the_rest_is_copied() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/x/file"), "content");
    symlink("..", scratch.join("tree/x/up")).unwrap();
    symlink(".", scratch.join("tree/x/here")).unwrap();
    symlink("itself", scratch.join("tree/itself")).unwrap();
    symlink("nowhere", scratch.join("tree/dangling")).unwrap();
    for count in [1, 4] {
        let target = scratch.join(format!("copy{count}"));
        let options = workers(count).symlinks(Symlinks::Follow);
        let report = copy(options, &scratch.join("tree"), &target);
        let mut found = operations(&report);
        found.sort_by_key(|operation| operation.verb());
        let expected = [
            Operation::StatSource,
            Operation::StatSource,
            Operation::SymlinkCycle,
            Operation::SymlinkCycle,
        ];
        assert_eq!(found, expected);
        let codes: BTreeSet<_> =
            report.errors.iter().filter_map(errno).map(Errno::raw_os_error).collect();
        let expected = [Errno::NOENT, Errno::LOOP].map(Errno::raw_os_error);
        assert_eq!(codes, BTreeSet::from(expected));
        assert_eq!(read(&target.join("x/file")), b"content");
    }
}

#[test]
fn links_below_an_operand_are_copied_as_links() {
    let scratch = Scratch::new();
    write(&scratch.join("elsewhere/file"), "content");
    fs::create_dir(scratch.join("tree")).unwrap();
    symlink("../elsewhere", scratch.join("tree/link")).unwrap();
    symlink("tree", scratch.join("operand")).unwrap();
    let report = copy(workers(2), &scratch.join("operand"), &scratch.join("copy"));
    assert!(report.is_complete());
    assert!(fs::metadata(scratch.join("copy")).unwrap().is_dir());
    assert!(!fs::symlink_metadata(scratch.join("copy")).unwrap().is_symlink());
    assert_eq!(fs::read_link(scratch.join("copy/link")).unwrap(), Path::new("../elsewhere"));
    let report =
        copy(workers(2).symlinks(Symlinks::Keep), &scratch.join("operand"), &scratch.join("kept"));
    assert_eq!((report.symlinks, report.directories), (1, 0));
    assert_eq!(fs::read_link(scratch.join("kept")).unwrap(), Path::new("tree"));
}

/// A tree that somebody unpacked must not be able to say where its files go.
#[test]
fn a_link_at_the_target_leads_nothing_out_of_the_tree() {
    use warpcopy::Publish;
    let scratch = Scratch::new();
    for publish in [Publish::Staged, Publish::Auto] {
        write(&scratch.join("tree/x/file"), "new");
        write(&scratch.join("tree/plain"), "new");
        write(&scratch.join("outside/file"), "old");
        fs::create_dir_all(scratch.join("copy")).unwrap();
        symlink("../outside", scratch.join("copy/x")).unwrap();
        symlink("../outside/file", scratch.join("copy/plain")).unwrap();
        let report =
            copy(workers(2).publish(publish), &scratch.join("tree"), &scratch.join("copy"));
        assert_eq!(operations(&report), [Operation::TargetIsNotDirectory], "{publish:?}");
        assert_eq!(read(&scratch.join("outside/file")), b"old");
        assert!(!fs::symlink_metadata(scratch.join("copy/plain")).unwrap().is_symlink());
        fs::remove_dir_all(scratch.join("copy")).unwrap();
    }
}

/// A FIFO that lies where a file is to be must not make the copy wait for a reader, nor a device take the bytes.
#[test]
fn a_fifo_below_an_operand_is_replaced_and_not_waited_for() {
    use warpcopy::Publish;
    let scratch = Scratch::new();
    for publish in [Publish::Staged, Publish::Auto] {
        write(&scratch.join("tree/x/file"), "new");
        fs::create_dir_all(scratch.join("copy/x")).unwrap();
        make_fifo(&scratch.join("copy/x/file"));
        let report =
            copy(workers(2).publish(publish), &scratch.join("tree"), &scratch.join("copy"));
        assert!(report.is_complete(), "{:?}", report.errors);
        assert!(fs::symlink_metadata(scratch.join("copy/x/file")).unwrap().is_file());
        fs::remove_dir_all(scratch.join("copy")).unwrap();
    }
}

#[test]
fn failures_do_not_stop_the_rest() {
    let scratch = Scratch::new();
    for number in 0..50 {
        write(&scratch.join(format!("tree/d{}/file{number}", number % 5)), "content");
    }
    // A directory where a file is to go, and a file where a directory is to go.
    fs::create_dir_all(scratch.join("copy/d0/file0")).unwrap();
    write(&scratch.join("copy/d1"), "in the way");
    for count in [1, 4] {
        let report = copy(workers(count), &scratch.join("tree"), &scratch.join("copy"));
        assert_eq!((report.files, report.failures), (39, 2));
        let expected = [Operation::TargetIsDirectory, Operation::TargetIsNotDirectory];
        assert_eq!(operations(&report), expected);
        assert_eq!(read(&scratch.join("copy/d1")), b"in the way");
    }
}

#[test]
fn a_directory_without_recursion_is_an_error() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/file"), "content");
    let copier = Copier::new(Options::new());
    let error = copier.copy_file(scratch.join("tree"), scratch.join("b")).unwrap_err();
    assert_eq!(error.operation(), Operation::OmitDirectory);
    let transfer = Transfer::new(scratch.join("tree"), scratch.join("b"));
    let report = copier.run(&[transfer], &mut NoObserver);
    assert_eq!(operations(&report), [Operation::OmitDirectory]);
    assert_only(scratch.path(), &["tree"]);
}

#[test]
fn a_tree_may_be_a_file() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    let report = copy(workers(4), &scratch.join("a"), &scratch.join("x/b"));
    assert!(report.is_complete());
    assert_eq!((report.files, report.directories), (1, 0));
    assert_eq!(read(&scratch.join("x/b")), b"content");
}

/// Descending by paths ends at 4096 bytes, and by recursion at the end of the stack.
#[test]
fn a_tree_deeper_than_any_path_arrives() {
    const LEVELS: usize = 1200;
    let scratch = Scratch::new();
    in_steps(&scratch.join("tree"), LEVELS);
    for count in [1, 4] {
        let target = scratch.join(format!("copy{count}"));
        let report = copy(workers(count), &scratch.join("tree"), &target);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!((report.directories, report.files), (LEVELS as u64 + 1, 1));
    }
    let output = std::process::Command::new("rm").arg("-rf").arg(scratch.path()).output().unwrap();
    assert!(output.status.success());
    fs::create_dir(scratch.path()).unwrap();
}

/// Makes directories one below the other, with a file in the last.
fn in_steps(root: &Path, levels: usize) {
    use rustix::fs::{Mode, OFlags, mkdirat, openat};
    fs::create_dir(root).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(rustix::fs::CWD, root, flags, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&at, "down", Mode::from_raw_mode(0o755)).unwrap();
        at = openat(&at, "down", flags, Mode::empty()).unwrap();
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    openat(&at, "file", flags, Mode::from_raw_mode(0o644)).unwrap();
}

#[test]
fn several_operands_are_copied_in_one_run() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/x/file"), "in a tree");
    write(&scratch.join("a"), "alone");
    for count in [1, 4] {
        let to = |name: &str| scratch.join(format!("to{count}")).join(name);
        let transfers = [
            Transfer::new(scratch.join("tree"), to("tree")),
            Transfer::new(scratch.join("a"), to("a")),
            Transfer::new(scratch.join("missing"), to("missing")),
        ];
        let report = Copier::new(workers(count)).run(&transfers, &mut NoObserver);
        assert_eq!(operations(&report), [Operation::StatSource]);
        assert_eq!((report.files, report.failures), (2, 1));
        assert_eq!(read(&to("tree/x/file")), b"in a tree");
        assert_eq!(read(&to("a")), b"alone");
    }
}

/// `cp a/f b/f d`: the second would silently destroy the copy of the first.
#[test]
fn two_operands_do_not_meet_at_one_name() {
    let scratch = Scratch::new();
    write(&scratch.join("x/f"), "first");
    write(&scratch.join("y/f"), "second");
    for count in [1, 4] {
        let target = scratch.join(format!("to{count}/f"));
        let transfers = [
            Transfer::new(scratch.join("x/f"), &target),
            Transfer::new(scratch.join("y/f"), &target),
        ];
        let report = Copier::new(workers(count)).run(&transfers, &mut NoObserver);
        assert_eq!(operations(&report), [Operation::JustCreated]);
        assert_eq!(read(&target), b"first");
    }
}

/// `cp --parents`.
#[test]
fn the_parents_of_an_operand_take_over_what_theirs_have() {
    let scratch = Scratch::new();
    write(&scratch.join("x/y/file"), "content");
    set_mode(&scratch.join("x"), 0o750);
    set_mode(&scratch.join("x/y"), 0o711);
    set_modified(&scratch.join("x/y"), 1_000_000_000, 3);
    let mut transfer = Transfer::new(scratch.join("x/y/file"), scratch.join("to/x/y/file"));
    fs::create_dir(scratch.join("to")).unwrap();
    transfer.parents = vec![
        (scratch.join("x"), scratch.join("to/x")),
        (scratch.join("x/y"), scratch.join("to/x/y")),
    ];
    let options = workers(1).preserve(Preserve::all()).make_parents(false);
    let report = Copier::new(options).run(&[transfer], &mut NoObserver);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!((mode(&scratch.join("to/x")), mode(&scratch.join("to/x/y"))), (0o750, 0o711));
    assert_eq!(modified(&scratch.join("to/x/y")), (1_000_000_000, 3));
}

#[test]
fn nodes_are_made_and_not_read() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("tree")).unwrap();
    make_fifo(&scratch.join("tree/fifo"));
    let socket = std::os::unix::net::UnixListener::bind(scratch.join("tree/socket")).unwrap();
    drop(socket);
    let mut nodes = 2;
    if is_root() && make_device(&scratch.join("tree/null"), 1, 3) {
        nodes += 1;
    }
    for count in [1, 2] {
        let target = scratch.join(format!("copy{count}"));
        let options = workers(count).preserve(Preserve::all());
        let report = copy(options, &scratch.join("tree"), &target);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!(report.specials, nodes);
        assert_same_tree(&scratch.join("tree"), &target, true);
        if nodes == 3 {
            let device = |path| std::os::unix::fs::MetadataExt::rdev(&fs::metadata(path).unwrap());
            assert_eq!(device(target.join("null")), device(scratch.join("tree/null")));
        }
    }
}
