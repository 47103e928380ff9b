//! What has the target's name already: left, replaced, written into.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use warpcopy::{
    Copier, Existing, Make, NoObserver, Operation, Options, Outcome, Preserve, Publish, Unlink,
};

use crate::support::*;

#[test]
fn an_update_replaces_what_is_older() {
    let scratch = Scratch::new();
    let (source, target) = (scratch.join("a"), scratch.join("b"));
    let copier = Copier::new(Options::new().existing(Existing::Older));
    write(&source, "new");
    set_modified(&source, 1_600_000_000, 500);
    for (nanoseconds, outcome, content) in [
        (499, Outcome::Copied, "new"),
        (500, Outcome::SkippedNotOlder, "old"),
        (501, Outcome::SkippedNotOlder, "old"),
    ] {
        write(&target, "old");
        set_modified(&target, 1_600_000_000, nanoseconds);
        let report = copier.copy_file(&source, &target).unwrap();
        assert_eq!((report.outcome, read(&target)), (outcome, content.into()), "{nanoseconds}");
    }
}

#[test]
fn a_second_update_of_a_tree_does_nothing() {
    let scratch = Scratch::new();
    for number in 0..20 {
        write(&scratch.join(format!("tree/d{}/f{number}", number % 3)), "content");
    }
    let options = Options::new().existing(Existing::Older).preserve(Preserve::all());
    let copier = Copier::new(options);
    for (files, skipped) in [(20, 0), (0, 20)] {
        let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!((report.files, report.skipped), (files, skipped));
    }
}

everywhere! {
    /// As writing into it would, but never half.
    fn a_file_replaced_automatically_keeps_its_looks(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        write(&source, "new");
        set_mode(&source, 0o755);
        write(&target, "old content");
        set_mode(&target, 0o640);
        let before = inode(&target);
        let options = Options::new().publish(Publish::Auto).preserve(Preserve::nothing());
        Copier::new(options).copy_file(&source, &target).unwrap();
        assert_eq!((read(&target), mode(&target)), (b"new".to_vec(), 0o640));
        assert_ne!(inode(&target), before);
        assert_only(scratch.path(), &["a", "b"]);
    }

    fn writing_in_place_keeps_the_inode_and_cuts_the_rest(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        write(&target, bytes(3 << 20, 9));
        fs::hard_link(&target, scratch.join("c")).unwrap();
        let before = inode(&target);
        let copier = Copier::new(Options::new().publish(Publish::InPlace));
        for len in [2 << 20, 100_000, 1, 0] {
            Shape::dense(len).make(&source);
            copier.copy_file(&source, &target).unwrap();
            assert_same_bytes(&source, &target);
            assert_same_bytes(&source, &scratch.join("c"));
        }
        assert_eq!(inode(&target), before);
    }

    /// RsyncProject/rsync#450: a hole skipped in an old file shows the old bytes.
    fn holes_written_in_place_are_zeros(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        Shape::sparse("holes", 2 << 20, &[(1 << 20, 4096)]).make(&source);
        for sparse in [warpcopy::Sparse::Auto, warpcopy::Sparse::Always, warpcopy::Sparse::Never] {
            write(&target, bytes(3 << 20, 9));
            let options = Options::new().publish(Publish::InPlace).sparse(sparse);
            Copier::new(options).copy_file(&source, &target).unwrap();
            assert_same_bytes(&source, &target);
        }
    }
}

#[test]
fn the_source_is_not_emptied_through_another_name_of_it() {
    let scratch = Scratch::new();
    let source = scratch.join("a");
    write(&source, "content");
    fs::hard_link(&source, scratch.join("b")).unwrap();
    symlink("a", scratch.join("link")).unwrap();
    for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
        for unlink in [Unlink::Never, Unlink::IfUnopenable, Unlink::Always] {
            for target in ["a", "b", "link"] {
                let copier = Copier::new(Options::new().publish(publish).unlink(unlink));
                let copied = copier.copy_file(&source, scratch.join(target));
                assert_eq!(read(&source), b"content");
                if unlink == Unlink::Always && target != "a" {
                    // Another name of the source may go: the content has one left.
                    assert_eq!(read(&scratch.join(target)), b"content");
                    assert!(copied.is_ok());
                    fs::remove_file(scratch.join(target)).unwrap();
                    match target {
                        "b" => fs::hard_link(&source, scratch.join("b")).unwrap(),
                        _ => symlink("a", scratch.join("link")).unwrap(),
                    }
                } else {
                    assert_eq!(copied.unwrap_err().operation(), Operation::SameFile);
                }
            }
        }
    }
}

#[test]
fn a_dangling_link_is_not_written_through() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    symlink("nowhere", scratch.join("b")).unwrap();
    for publish in [Publish::Auto, Publish::InPlace] {
        let copier = Copier::new(Options::new().publish(publish));
        let error = copier.copy_file(scratch.join("a"), scratch.join("b")).unwrap_err();
        assert_eq!(error.operation(), Operation::DanglingTarget);
        assert!(!scratch.join("nowhere").exists());
    }
    let unlinked = Options::new().publish(Publish::Auto).unlink(Unlink::Always);
    Copier::new(unlinked).copy_file(scratch.join("a"), scratch.join("b")).unwrap();
    assert!(fs::symlink_metadata(scratch.join("b")).unwrap().is_file());
}

#[test]
fn attributes_alone_leave_the_data_alone() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content of the source");
    set_mode(&scratch.join("a"), 0o640);
    set_modified(&scratch.join("a"), 1_000_000_000, 0);
    write(&scratch.join("b"), "old");
    let options = Options::new().make(Make::AttributesOnly).preserve(Preserve::all());
    let copier = Copier::new(options);
    copier.copy_file(scratch.join("a"), scratch.join("b")).unwrap();
    assert_eq!(read(&scratch.join("b")), b"old");
    copier.copy_file(scratch.join("a"), scratch.join("c")).unwrap();
    assert_eq!(read(&scratch.join("c")), b"");
    for name in ["b", "c"] {
        assert_eq!(mode(&scratch.join(name)), 0o640);
        assert_eq!(modified(&scratch.join(name)), (1_000_000_000, 0));
    }
}

#[test]
fn a_special_file_is_written_into_and_not_replaced() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    let device = |path: &str| fs::metadata(path).unwrap().rdev();
    let before = device("/dev/null");
    for publish in [Publish::Auto, Publish::InPlace] {
        let copier = Copier::new(Options::new().publish(publish));
        copier.copy_file(scratch.join("a"), "/dev/null").unwrap();
        assert_eq!(device("/dev/null"), before);
        if cfg!(target_os = "linux") {
            let error = copier.copy_file(scratch.join("a"), "/dev/full").unwrap_err();
            assert_eq!(errno(&error), Some(rustix::io::Errno::NOSPC));
        }
    }
}

#[test]
fn a_fifo_takes_the_bytes() {
    let scratch = Scratch::new();
    let fifo = scratch.join("fifo");
    make_fifo(&fifo);
    write(&scratch.join("a"), bytes(200_000, 3));
    let content = std::thread::scope(|scope| {
        let reader = scope.spawn(|| fs::read(&fifo).unwrap());
        let copier = Copier::new(Options::new().publish(Publish::Auto));
        copier.copy_file(scratch.join("a"), &fifo).unwrap();
        reader.join().unwrap()
    });
    assert!(content == read(&scratch.join("a")));
    assert_only(scratch.path(), &["a", "fifo"]);
}

#[test]
fn what_a_fifo_gives_becomes_a_file() {
    let scratch = Scratch::new();
    let (fifo, target) = (scratch.join("fifo"), scratch.join("b"));
    make_fifo(&fifo);
    let content = bytes(300_000, 4);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&fifo, &content).unwrap());
        Copier::new(Options::new().copy_contents(true)).copy_file(&fifo, &target).unwrap()
    });
    assert!(read(&target) == content);
    assert_eq!((report.bytes.len, report.bytes.moved), (300_000, 300_000));
}
