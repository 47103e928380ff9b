//! What had the target's name is kept under another one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use warpcopy::{
    Backup, Copier, Event, Flow, Make, NoObserver, Observer, Operation, Options, Preserve, Publish,
    Symlinks, Transfer, Unlink,
};

use crate::support::*;

const WAYS: [Publish; 3] = [Publish::Staged, Publish::Auto, Publish::InPlace];

fn copier(publish: Publish, backup: Backup) -> Copier {
    Copier::new(Options::new().publish(publish).backup(backup))
}

everywhere! {
    fn a_backup_is_the_old_file_itself(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        write(&source, "new");
        for publish in WAYS {
            write(&target, "old");
            let old = inode(&target);
            let report = copier(publish, Backup::Simple).copy_file(&source, &target).unwrap();
            assert_eq!(report.backup.as_deref(), Some(scratch.join("b~").as_path()));
            assert_eq!((read(&target), read(&scratch.join("b~"))), (b"new".into(), b"old".into()));
            assert_eq!(inode(&scratch.join("b~")), old, "{publish:?}");
            assert_only(scratch.path(), &["a", "b", "b~"]);
            fs::remove_file(&target).unwrap();
        }
    }

    fn numbers_go_up_and_nothing_numbered_is_overwritten(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        for publish in WAYS {
            for version in ["1", "2", "3"] {
                write(&source, version);
                copier(publish, Backup::Numbered).copy_file(&source, &target).unwrap();
            }
            assert_only(scratch.path(), &["a", "b", "b.~1~", "b.~2~"]);
            assert_eq!(read(&scratch.join("b.~2~")), b"2");
            // The highest counts, not the first that is free.
            fs::rename(scratch.join("b.~2~"), scratch.join("b.~9~")).unwrap();
            copier(publish, Backup::Existing).copy_file(&source, &target).unwrap();
            assert_only(scratch.path(), &["a", "b", "b.~1~", "b.~10~", "b.~9~"]);
            for name in ["b", "b.~1~", "b.~10~", "b.~9~"] {
                fs::remove_file(scratch.join(name)).unwrap();
            }
        }
    }

    fn whatever_is_there_can_be_kept(scratch) {
        let source = scratch.join("a");
        write(&source, "new");
        for publish in WAYS {
            let target = scratch.join("link");
            symlink("a", &target).unwrap();
            copier(publish, Backup::Simple).copy_file(&source, &target).unwrap();
            assert_eq!(fs::read_link(scratch.join("link~")).unwrap(), Path::new("a"));
            assert!(!target.is_symlink() && read(&target) == b"new");

            let target = scratch.join("fifo");
            make_fifo(&target);
            copier(publish, Backup::Simple).copy_file(&source, &target).unwrap();
            assert_eq!(read(&target), b"new");

            // Another name of the source keeps its content as a backup.
            let target = scratch.join("hard");
            fs::hard_link(&source, &target).unwrap();
            copier(publish, Backup::Simple).copy_file(&source, &target).unwrap();
            assert_eq!(inode(&scratch.join("hard~")), inode(&source));
            assert_ne!(inode(&target), inode(&source));
            for name in ["link", "link~", "fifo", "fifo~", "hard", "hard~"] {
                fs::remove_file(scratch.join(name)).unwrap();
            }
        }
    }

    fn what_cannot_be_copied_leaves_everything_as_it_was(scratch) {
        let Some(full) = SmallDisk::new(scratch) else { return };
        let source = scratch.join("a");
        write(&source, bytes(4 << 20, 1));
        for publish in WAYS {
            for backup in [Backup::Simple, Backup::Numbered] {
                write(&full.join("b"), "old");
                let old = inode(&full.join("b"));
                let error = copier(publish, backup).copy_file(&source, full.join("b")).unwrap_err();
                assert_eq!(errno(&error), Some(rustix::io::Errno::NOSPC), "{publish:?}");
                assert_only(full.path(), &["b"]);
                assert_eq!((read(&full.join("b")), inode(&full.join("b"))), (b"old".into(), old));
            }
        }
    }

    fn trees_keep_every_file_they_replace_links_too(scratch) {
        let (source, target) = (scratch.join("s"), scratch.join("t"));
        for (root, content) in [(&source, "new"), (&target, "old")] {
            fs::create_dir_all(root.join("d")).unwrap();
            write(&root.join("d/one"), content);
            fs::hard_link(root.join("d/one"), root.join("two")).unwrap();
            symlink(content, root.join("link")).unwrap();
        }
        let options = Options::new().recursive(true).symlinks(Symlinks::Keep);
        for publish in WAYS {
            let options = options.clone().publish(publish).preserve(Preserve::all());
            let report = Copier::new(options.backup(Backup::Numbered)).copy_tree(&source, &target, &mut NoObserver);
            assert!(report.is_complete());
        }
        for number in 1..4 {
            let kept = |name: &str| target.join(format!("{name}.~{number}~"));
            let content = if number == 1 { "old" } else { "new" };
            assert_eq!(read(&kept("d/one")), content.as_bytes());
            assert_eq!(inode(&kept("d/one")), inode(&kept("two")));
            assert_eq!(fs::read_link(kept("link")).unwrap(), Path::new(content));
        }
        assert_eq!(inode(&target.join("two")), inode(&target.join("d/one")));
    }
}

#[test]
fn a_file_is_its_own_backups_source_where_that_was_forced() {
    let scratch = Scratch::new();
    let source = scratch.join("a");
    write(&source, "content");
    for publish in WAYS {
        let options = Options::new().publish(publish).backup(Backup::Simple);
        let forced = Copier::new(options.clone().unlink(Unlink::IfUnopenable));
        let report = forced.copy_file(&source, &source).unwrap();
        assert_eq!(report.target, scratch.join("a~"));
        assert_eq!(read(&scratch.join("a~")), b"content");
        assert_ne!(inode(&scratch.join("a~")), inode(&source));
        let error = Copier::new(options.clone()).copy_file(&source, &source).unwrap_err();
        assert_eq!(error.operation(), Operation::SameFile);
        // Here the backup would be the end of the source.
        let error = Copier::new(options).copy_file(scratch.join("a~"), &source).unwrap_err();
        assert_eq!(error.operation(), Operation::BackUpSource);
        fs::remove_file(scratch.join("a~")).unwrap();
    }
}

#[test]
fn a_suffix_may_be_any_part_of_a_name() {
    let scratch = Scratch::new();
    let (source, target) = (scratch.join("a"), scratch.join("b"));
    write(&source, "new");
    write(&target, "old");
    let options = Options::new().backup(Backup::Simple).backup_suffix(".orig".into());
    Copier::new(options).copy_file(&source, &target).unwrap();
    assert_only(scratch.path(), &["a", "b", "b.orig"]);
    // What is no part of a name is refused by the system, and the target stays.
    let options = Options::new().backup(Backup::Simple).backup_suffix("/x".into());
    let error = Copier::new(options).copy_file(&source, &target).unwrap_err();
    assert_eq!(error.operation(), Operation::BackUp);
    assert_only(scratch.path(), &["a", "b", "b.orig"]);
}

#[test]
fn while_a_target_is_replaced_with_a_backup_there_is_always_one() {
    let scratch = Scratch::new();
    let (source, target) = (scratch.join("a"), scratch.join("b"));
    write(&source, bytes(200_000, 1));
    write(&target, bytes(200_000, 2));
    let seen = || assert_eq!(read(&target).len(), 200_000, "a part, or nothing, had the name");
    meanwhile(seen, || {
        for round in 0..200 {
            let backup = [Backup::Simple, Backup::Numbered][round % 2];
            copier(Publish::Auto, backup).copy_file(&source, &target).unwrap();
        }
    });
}

/// Writes down what is about to be done.
#[derive(Default)]
struct Diary(Vec<String>);

impl Observer for Diary {
    fn wants_starts(&self) -> bool {
        true
    }

    fn event(&mut self, event: Event<'_>) -> Flow {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        match event {
            Event::Removing { target } => self.0.push(format!("removing {}", name(target))),
            Event::Starting { source, target, backup } => {
                let backup = backup.map(|path| format!(" keeping {}", name(path)));
                let line = format!("{} to {}", name(source), name(target));
                self.0.push(line + &backup.unwrap_or_default());
            }
            Event::FileDone(report) => self.0.push(format!("done {}", name(&report.target))),
            _ => {}
        }
        Flow::Continue
    }
}

#[test]
fn what_is_about_to_be_done_is_told_before_it_is_done() {
    let scratch = Scratch::new();
    let (source, target) = (scratch.join("a"), scratch.join("b"));
    write(&source, "new");
    let diary = |options: &Options| {
        write(&target, "old");
        let mut diary = Diary::default();
        let transfer = Transfer::new(&source, &target);
        assert!(Copier::new(options.clone()).run(&[transfer], &mut diary).is_complete());
        diary.0
    };
    let plain = Options::new().publish(Publish::InPlace);
    assert_eq!(diary(&plain), ["a to b", "done b"]);
    let removes = plain.clone().unlink(Unlink::Always);
    assert_eq!(diary(&removes), ["removing b", "a to b", "done b"]);
    let keeps = plain.clone().backup(Backup::Simple);
    assert_eq!(diary(&keeps), ["a to b keeping b~", "done b"]);
    let links = plain.unlink(Unlink::IfUnopenable).make(Make::HardLinks);
    assert_eq!(diary(&links), ["a to b", "done b"]);
}
