//! Reports tell what was done, and they add up.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;

use rustix::io::Errno;
use warpcopy::{
    Bytes, Code, Copier, ERRORS_KEPT_MAX, Event, FileReport, Flow, InPlace, Kind, Method,
    NoObserver, Observer, Operation, Options, Outcome, Preserve, Publish, Reason, Reflink, Scope,
    Sizes, StagingUsed, TreeReport, Unlink,
};

use crate::support::*;

everywhere! {
    fn a_report_says_what_moved_the_bytes(scratch) {
        for len in [1 << 16, 1 << 20] {
            let source = scratch.join("source");
            Shape::dense(len).make(&source);
            let target = scratch.join(format!("target of {len}"));
            let copier = Copier::new(Options::new());
            let report = copier.copy_file(&source, &target).unwrap();
            assert_eq!((&report.source, &report.target), (&source, &target));
            assert_eq!((report.kind, report.outcome), (Kind::File, Outcome::Copied));
            assert_eq!(report.staging, Some(StagingUsed::Staged));
            assert!(!report.changed);
            let bytes = &report.bytes;
            assert_eq!(bytes.len, len);
            let counted = (copier.counters().moved_bytes(), copier.counters().cloned_bytes());
            if scratch.fs().clones() {
                assert_eq!((bytes.method, bytes.cloned, bytes.moved), (Some(Method::Clone), len, 0));
                assert_eq!(report.refusals, []);
                assert_eq!(counted, (0, len));
            } else if !Method::Clone.is_available() {
                assert_eq!(report.refusals, []);
                assert_eq!((bytes.method, bytes.moved), (Some(Method::ReadWrite), len));
            } else {
                let refusal = report.refusals[0];
                assert_eq!((refusal.method, refusal.scope), (Method::Clone, Scope::Pair));
                let not_supported = Code(Errno::OPNOTSUPP.raw_os_error());
                assert_eq!((refusal.reason, refusal.offset), (Reason::Code(not_supported), 0));
                assert_eq!((bytes.cloned, bytes.moved), (0, len));
                assert_eq!(bytes.method, Some(Method::Sendfile));
                assert_eq!(counted, (len, 0));
            }
            assert_eq!(copier.counters().files(), 1);
        }
    }

    /// What two devices refused once is not asked again, and each report still says so.
    fn a_refusal_is_remembered_and_every_report_tells(scratch) {
        if scratch.fs().clones() || !Method::Clone.is_available() {
            return;
        }
        let copier = Copier::new(Options::new());
        let copies: Vec<FileReport> = (0..3)
            .map(|number| {
                let source = scratch.join(format!("source{number}"));
                Shape::dense(100_000).make(&source);
                copier.copy_file(&source, scratch.join(format!("target{number}"))).unwrap()
            })
            .collect();
        for copy in &copies {
            assert_eq!(copy.refusals.len(), 1, "{copy:?}");
            assert_eq!(copy.refusals[0], copies[0].refusals[0]);
        }
    }

    /// Whoever demands a clone hears what the system says now, not what it said once.
    fn a_demanded_clone_is_tried_although_it_was_refused_before(scratch) {
        let source = scratch.join("source");
        Shape::dense(100_000).make(&source);
        let copier = Copier::new(Options::new().reflink(Reflink::Always));
        for _ in 0..2 {
            match copier.copy_file(&source, scratch.join("target")) {
                Ok(report) => assert_eq!(report.bytes.cloned, 100_000),
                Err(error) => {
                    assert!(!scratch.fs().clones(), "{error}");
                    assert_eq!(errno(&error), Some(Errno::OPNOTSUPP));
                }
            }
        }
    }

    fn holes_are_counted(scratch) {
        let source = scratch.join("source");
        Shape::sparse("a hole", 2 << 20, &[(1 << 20, 65536)]).make(&source);
        let plain = Options::new().method(Some(Method::ReadWrite));
        let report = Copier::new(plain).copy_file(&source, scratch.join("target")).unwrap();
        assert_eq!((report.bytes.len, report.bytes.moved), (2 << 20, 65536));
        assert_eq!(report.bytes.holes, (2 << 20) - 65536);
    }

    fn the_way_in_which_a_name_was_taken_is_told(scratch) {
        let source = scratch.join("source");
        write(&source, "content");
        write(&scratch.join("file"), "old");
        write(&scratch.join("one of two"), "old");
        fs::hard_link(scratch.join("one of two"), scratch.join("other")).unwrap();
        symlink("other", scratch.join("link")).unwrap();
        let auto = Copier::new(Options::new().publish(Publish::Auto));
        let ways = [
            ("new", StagingUsed::Exclusive),
            ("file", StagingUsed::Staged),
            ("one of two", StagingUsed::InPlace(InPlace::HasLinks)),
            ("link", StagingUsed::InPlace(InPlace::ThroughSymlink)),
        ];
        for (name, way) in ways {
            let before = fs::metadata(scratch.join(name)).map(|_| inode(&scratch.join(name)));
            let report = auto.copy_file(&source, scratch.join(name)).unwrap();
            assert_eq!(report.staging, Some(way), "{name}");
            assert_eq!(read(&scratch.join(name)), b"content", "{name}");
            if let (StagingUsed::InPlace(_), Ok(before)) = (way, before) {
                assert_eq!(inode(&scratch.join(name)), before, "{name}");
            }
        }
        let null = auto.copy_file(&source, "/dev/null").unwrap();
        assert_eq!(null.staging, Some(StagingUsed::InPlace(InPlace::NotRegular)));
        let in_place = Copier::new(Options::new().publish(Publish::InPlace));
        let report = in_place.copy_file(&source, scratch.join("file")).unwrap();
        assert_eq!(report.staging, Some(StagingUsed::InPlace(InPlace::Asked)));
        let unlinked = Options::new().publish(Publish::Auto).unlink(Unlink::Always);
        let report = Copier::new(unlinked).copy_file(&source, scratch.join("one of two")).unwrap();
        assert_eq!(report.staging, Some(StagingUsed::Staged));
        assert_ne!(inode(&scratch.join("one of two")), inode(&scratch.join("other")));
    }
}

#[test]
fn between_two_file_systems_the_report_names_what_both_declined() {
    if !Method::CopyRange.is_available() {
        return;
    }
    // Onto ext4 and tmpfs, nobody asks `copy_file_range`.
    let (Some(here), Some(there)) = (Scratch::on(Fs::Ext4), Scratch::on(Fs::Btrfs)) else { return };
    Shape::dense(1 << 19).make(&here.join("a"));
    let copier = Copier::new(Options::new());
    for _ in 0..2 {
        let report = copier.copy_file(here.join("a"), there.join("b")).unwrap();
        let refused: Vec<_> = report.refusals.iter().map(|refusal| refusal.method).collect();
        assert_eq!(refused, [Method::Clone, Method::CopyRange]);
        assert!(report.refusals.iter().all(|refusal| refusal.scope == Scope::Pair));
        assert_eq!(report.bytes.method, Some(Method::Sendfile));
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Notes {
    files: Vec<(u64, Option<Method>, usize)>,
    directories: u64,
    failures: u64,
}

impl Observer for Notes {
    fn event(&mut self, event: Event<'_>) -> Flow {
        match event {
            Event::DirectoryMade { .. } => self.directories += 1,
            Event::FileDone(file) => {
                self.files.push((file.bytes.len, file.bytes.method, file.refusals.len()));
            }
            Event::Failed(_) => self.failures += 1,
            _ => {}
        }
        Flow::Continue
    }
}

const LENGTHS: [usize; 9] = [0, 1, 2, 3, 1000, 1024, 4097, 70_000, 1 << 20];

/// A tree with one of everything.
fn plant(scratch: &Scratch) {
    let tree = scratch.join("tree");
    for directory in ["", "x", "x/y", "z"] {
        for (number, len) in LENGTHS.into_iter().enumerate() {
            write(&tree.join(directory).join(format!("file{number}")), bytes(len, len as u64));
        }
    }
    fs::create_dir(tree.join("empty")).unwrap();
    symlink("x", tree.join("link")).unwrap();
    symlink("nowhere", tree.join("dangling")).unwrap();
    fs::hard_link(tree.join("x/file5"), tree.join("second name")).unwrap();
    make_fifo(&tree.join("fifo"));
    // Blocks that are not on disk yet look like holes.
    rustix::fs::sync();
}

#[test]
fn the_report_of_a_tree_adds_up() {
    let scratch = Scratch::new();
    plant(&scratch);
    let total: u64 = 4 * LENGTHS.iter().map(|len| *len as u64).sum::<u64>();
    for workers in [1, 2, 4, 8] {
        let target = scratch.join(format!("copy{workers}"));
        let options = Options::new()
            .recursive(true)
            .preserve(Preserve::all())
            .workers(NonZeroUsize::new(workers));
        let copier = Copier::new(options);
        let mut notes = Notes::default();
        let report = copier.copy_tree(scratch.join("tree"), &target, &mut notes);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_same_tree(&scratch.join("tree"), &target, true);
        assert_eq!((report.files, report.directories), (36, 5));
        assert_eq!((report.symlinks, report.links, report.specials), (2, 1, 1));
        assert_eq!((report.skipped, report.failures), (0, 0));
        let bytes = &report.bytes;
        assert_eq!(bytes.len, total);
        assert_eq!(bytes.moved + bytes.cloned + bytes.holes, total);
        assert_eq!((notes.files.len(), notes.directories, notes.failures), (40, 5, 0));
        assert_eq!(notes.files.iter().map(|(len, ..)| len).sum::<u64>(), total);

        let mut methods = BTreeMap::new();
        for (_, method, _) in &notes.files {
            if let Some(method) = method {
                *methods.entry(*method).or_insert(0) += 1;
            }
        }
        assert_eq!(report.methods, methods);
        let fallbacks = notes.files.iter().filter(|(.., refusals)| *refusals > 0).count() as u64;
        assert_eq!(report.fallbacks, fallbacks);
        assert_eq!(report.fallback_rate(), fallbacks as f64 / 36.0);
        let refusals: usize = notes.files.iter().map(|(.., refusals)| refusals).sum();
        assert_eq!(report.refusals.values().sum::<u64>(), refusals as u64);

        let mut sizes = Sizes::default();
        for len in LENGTHS {
            sizes.0[(usize::BITS - len.leading_zeros()) as usize] += 4;
        }
        assert_eq!(report.sizes, sizes);
        let counters = copier.counters();
        assert_eq!((counters.files(), counters.directories()), (40, 5));
        assert_eq!(counters.moved_bytes(), bytes.moved);
        assert_eq!(counters.cloned_bytes(), bytes.cloned);
        assert_eq!(counters.failures(), 0);
    }
}

/// A tree of a million failures must not take a million errors' memory.
#[test]
fn the_list_of_errors_is_bounded_and_the_count_is_not() {
    const FAILURES: usize = ERRORS_KEPT_MAX + 100;
    let scratch = Scratch::new();
    for number in 0..FAILURES {
        let name = format!("{number:05}");
        write(&scratch.join("tree").join(&name), "content");
        // A directory has the name: it cannot be replaced.
        fs::create_dir_all(scratch.join("copy").join(&name)).unwrap();
    }
    write(&scratch.join("tree/fine"), "content");
    for workers in [1, 4] {
        let options = Options::new().workers(NonZeroUsize::new(workers));
        let copier = Copier::new(options);
        let mut notes = Notes::default();
        let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut notes);
        assert_eq!(report.failures, FAILURES as u64);
        assert_eq!(notes.failures, FAILURES as u64);
        assert_eq!(copier.counters().failures(), FAILURES as u64);
        assert_eq!(report.errors.len(), ERRORS_KEPT_MAX);
        assert!(report.errors.is_sorted_by_key(|error| error.path().to_owned()));
        let operation = Operation::TargetIsDirectory;
        assert!(report.errors.iter().all(|error| error.operation() == operation));
        assert!(!report.is_complete());
        assert_eq!(read(&scratch.join("copy/fine")), b"content");
    }
}

#[test]
fn an_empty_run_is_complete() {
    let report = Copier::new(Options::new()).run(&[], &mut NoObserver);
    assert!(report.is_complete());
    assert_eq!((report.files, report.bytes), (0, Bytes::default()));
    assert_eq!(TreeReport::default().fallback_rate(), 0.0);
}

#[test]
fn an_error_names_operation_path_and_cause() {
    let scratch = Scratch::new();
    let missing = scratch.join("missing");
    let error = warpcopy::copy(&missing, scratch.join("b")).unwrap_err();
    assert_eq!(error.operation(), Operation::StatSource);
    assert_eq!(error.path(), missing);
    let expected = format!("stat source \"{}\": No such file or directory", missing.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(errno(&error), Some(Errno::NOENT));
    assert_eq!(error.code(), Some(Code(Errno::NOENT.raw_os_error())));
    let kind = error.io_error().map(std::io::Error::kind);
    assert_eq!(kind, Some(std::io::ErrorKind::NotFound));
}

#[test]
fn an_error_while_moving_says_by_what_method_and_how_far() {
    let scratch = Scratch::new();
    let error = warpcopy::copy("/proc/self/mem", scratch.join("b")).unwrap_err();
    assert_eq!((error.method(), error.offset()), (Some(Method::ReadWrite), Some(0)));
    let text = error.to_string();
    assert!(text.starts_with("read \"/proc/self/mem\" by read_write at offset 0: "), "{text}");
}
