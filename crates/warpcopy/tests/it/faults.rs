//! Faults that a design for this library had, by their numbers there. Those of the loop itself are examples beside
//! it (`file/fill/tests`), those of the contract are in `contract`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::io::Errno;
use warpcopy::{Copier, Existing, Method, Operation, Options, Preserve, Publish, Reflink, Sync};

use crate::support::*;

fn plain() -> Options {
    Options::new().method(Some(Method::ReadWrite))
}

everywhere! {
    /// E01: every function truncated first and looked at the flag never.
    fn e01_an_existing_target_is_not_truncated_before_the_decision(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        write(&source, bytes(100_000, 1));
        write(&target, "old");
        for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
            let options = Options::new().existing(Existing::Fail).publish(publish);
            let error = Copier::new(options).copy_file(&source, &target).unwrap_err();
            assert_eq!(errno(&error), Some(Errno::EXIST));
            assert_eq!(read(&target), b"old");
        }
    }

    /// E02: the partial file stayed, and the fallback said "file exists" instead of "disk full".
    fn e02_a_full_disk_is_reported_as_such_and_leaves_no_part(scratch) {
        let Some(full) = SmallDisk::new(scratch) else { return };
        write(&scratch.join("a"), bytes(4 << 20, 1));
        for publish in [Publish::Staged, Publish::Auto] {
            for method in every_method() {
                let options = Options::new().existing(Existing::Fail).publish(publish).method(method);
                let error =
                    Copier::new(options).copy_file(scratch.join("a"), full.join("b")).unwrap_err();
                assert_eq!(errno(&error), Some(Errno::NOSPC), "{method:?} {error}");
                assert!(error.offset().is_some_and(|offset| offset < 4 << 20), "{method:?}");
                assert_only(full.path(), &[]);
            }
        }
    }

    /// E04: O_TRUNC wrote through hard links and symbolic links.
    fn e04_no_other_name_of_the_old_file_sees_the_new_content(scratch) {
        let target = scratch.join("b");
        write(&scratch.join("a"), "new");
        write(&target, "old");
        fs::hard_link(&target, scratch.join("other name")).unwrap();
        symlink("other name", scratch.join("link")).unwrap();
        warpcopy::copy(scratch.join("a"), &target).unwrap();
        warpcopy::copy(scratch.join("a"), scratch.join("link")).unwrap();
        assert_eq!(read(&scratch.join("other name")), b"old");
    }

    /// E06, E12: reserving blocks gave an empty file EINVAL and half a file the full length.
    fn e12_reserving_blocks_changes_nothing_about_the_copy(scratch) {
        for len in [0, 1, 4096, (4 << 20) - 1, 4 << 20, (5 << 20) + 1] {
            let (source, target) = (scratch.join("a"), scratch.join("b"));
            Shape::dense(len).make(&source);
            for options in [Options::new(), plain(), plain().uncached(true)] {
                Copier::new(options.preallocate(true)).copy_file(&source, &target).unwrap();
                assert_same_bytes(&source, &target);
                let slack = 128 << 10;
                assert!(allocated(&target) <= len + slack, "{} for {len}", allocated(&target));
            }
        }
    }

    /// E09: a loop up to the remembered size never ended when the source shrank.
    fn e09_a_source_that_shrinks_meanwhile_ends_the_copy(scratch) {
        const LEN: u64 = 8 << 20;
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        Shape::dense(LEN).make(&source);
        let content = read(&source);
        for method in [Method::CopyRange, Method::Sendfile, Method::ReadWrite] {
            let file = OpenOptions::new().write(true).open(&source).unwrap();
            let shrink_and_grow = || {
                file.set_len(LEN / 3).unwrap();
                file.write_all_at(&content[LEN as usize / 3..], LEN / 3).unwrap();
            };
            meanwhile(shrink_and_grow, || {
                for _ in 0..10 {
                    let copier = Copier::new(Options::new().method(Some(method)));
                    let copied = copier.copy_file(&source, &target);
                    let len = fs::metadata(&target).unwrap().len();
                    assert!((LEN / 3..=LEN).contains(&len), "{method} {len}");
                    assert_eq!(copied.unwrap().bytes.len, len);
                    // sendfile(2) and copy_file_range(2) hold pages, not copies of them, between their two ends:
                    // what is cut off meanwhile may arrive as the zeros that the cut left in its last page.
                    let copy = read(&target);
                    let (kept, moving) = copy.split_at(LEN as usize / 3);
                    assert!(content.starts_with(kept), "{method}");
                    let pairs = moving.chunks(512).zip(content[kept.len()..].chunks(512));
                    let mut odd = pairs.filter(|(is, was)| !was.starts_with(is));
                    let is_cut = |(is, was): (&[u8], &[u8])| {
                        is.iter().zip(was).all(|(&is, &was)| is == was || is == 0)
                    };
                    assert!(odd.all(is_cut), "{method}");
                }
            });
        }
    }

    /// E14: the target of a failed clone stayed, empty.
    fn e14_a_clone_that_is_declined_leaves_no_target(scratch) {
        if scratch.fs().clones() {
            return;
        }
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        write(&source, bytes(100_000, 1));
        let options = Options::new().reflink(Reflink::Always);
        for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
            let copier = Copier::new(options.clone().publish(publish));
            let error = copier.copy_file(&source, &target).unwrap_err();
            assert_eq!((error.operation(), error.method()), (Operation::Clone, Some(Method::Clone)));
            assert!(error.code().is_some());
            assert_only(scratch.path(), &["a"]);
        }
        write(&target, "old");
        assert!(Copier::new(options).copy_file(&source, &target).is_err());
        assert_eq!(read(&target), b"old");
    }

    /// E20: copy_file_range fills holes; a 64 MiB image of 4 KiB took 64 MiB.
    fn e20_a_sparse_file_stays_sparse_by_every_method(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        Shape::sparse("disk image", 64 << 20, &[(1 << 20, 4096), (40 << 20, 65536)]).make(&source);
        for method in every_method() {
            Copier::new(Options::new().method(method)).copy_file(&source, &target).unwrap();
            assert_same_bytes(&source, &target);
            assert!(allocated(&target) < 1 << 20, "{method:?}: {}", allocated(&target));
        }
    }

    /// E21: modes, times and attributes differed by the method that happened to work.
    fn e21_attributes_do_not_depend_on_the_method(scratch) {
        let source = scratch.join("a");
        write(&source, bytes(100_000, 1));
        set_mode(&source, 0o640);
        set_modified(&source, 1_600_000_000, 5);
        let name = "user.warpcopy";
        let has_attributes =
            rustix::fs::setxattr(&source, name, b"value", rustix::fs::XattrFlags::empty()).is_ok();
        for preserve in [Preserve::nothing(), Preserve::default(), Preserve::all()] {
            let looks = |method| {
                let target = scratch.join("b");
                let options = Options::new().preserve(preserve).method(method);
                Copier::new(options).copy_file(&source, &target).unwrap();
                let mut value = [0; 16];
                let attribute = rustix::fs::getxattr(&target, name, &mut value).ok();
                let time = (preserve.timestamps).then(|| modified(&target));
                (mode(&target), time, attribute)
            };
            let plain = looks(Some(Method::ReadWrite));
            if preserve == Preserve::all() && has_attributes {
                assert_eq!(plain.2, Some(5));
            }
            for method in every_method() {
                assert_eq!(looks(method), plain, "{method:?}");
            }
        }
    }

    /// E27: "a clone is faster for any file": of 1 KiB it is not, so it is not tried. Btrfs pays for writing later.
    fn e27_a_tiny_file_is_read_and_written_at_once(scratch) {
        if scratch.fs() == Fs::Btrfs {
            return;
        }
        write(&scratch.join("a"), bytes(1024, 1));
        let report = warpcopy::copy(scratch.join("a"), scratch.join("b")).unwrap();
        assert_eq!(report.bytes.method, Some(Method::ReadWrite));
        assert!(report.refusals.is_empty());
    }

    /// E34: nothing was ever forced to the disk, and an error there was lost.
    fn e34_a_synchronised_copy_is_the_same_copy(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("x/b"));
        write(&source, bytes(100_000, 1));
        for sync in [Sync::Data, Sync::Full] {
            Copier::new(Options::new().sync(sync)).copy_file(&source, &target).unwrap();
            assert_same_bytes(&source, &target);
            let report = Copier::new(Options::new().sync(sync)).copy_tree(
                scratch.join("x"),
                scratch.join("y/z"),
                &mut warpcopy::NoObserver,
            );
            assert!(report.is_complete(), "{:?}", report.errors);
        }
    }
}

/// E05: descriptors were closed twice, or not at all.
#[test]
fn e05_every_descriptor_is_closed_once() {
    in_a_process_of_its_own(|| {
        let open = || fs::read_dir("/proc/self/fd").unwrap().count();
        let scratch = Scratch::new();
        write(&scratch.join("a"), bytes(100_000, 1));
        write(&scratch.join("tree/x/y"), "content");
        let before = open();
        for method in every_method() {
            for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
                let copier = Copier::new(Options::new().method(method).publish(publish));
                copier.copy_file(scratch.join("a"), scratch.join("b")).unwrap();
                copier.copy_file(scratch.join("a"), scratch.join("tree")).unwrap_err();
                copier.copy_file("/proc/self/mem", scratch.join("c")).unwrap_err();
                let tree = (scratch.join("tree"), scratch.join("copy"));
                assert!(copier.copy_tree(tree.0, tree.1, &mut warpcopy::NoObserver).is_complete());
            }
        }
        assert_eq!(open(), before);
    });
}

/// E05: another program inherited what was open.
#[test]
fn e05_no_descriptor_is_inherited() {
    in_a_process_of_its_own(|| {
        let scratch = Scratch::new();
        let fifo = scratch.join("fifo");
        make_fifo(&fifo);
        thread::scope(|scope| {
            let options = Options::new().recursive(true).copy_contents(true);
            let copy = scope.spawn(|| Copier::new(options).copy_file(&fifo, scratch.join("b")));
            // Opening waits until the copy has opened its end; it then waits for bytes.
            let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
            writer.write_all(b"x").unwrap();
            let list = ["-l", "/proc/self/fd"];
            let output = std::process::Command::new("ls").args(list).output().unwrap();
            let list = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!list.contains(scratch.path().to_str().unwrap()), "{list}");
            drop(writer);
            copy.join().unwrap().unwrap();
        });
    });
}

/// E07: files of procfs and sysfs claim a length of 0 or of a page, and both are wrong.
#[test]
fn e07_what_has_no_length_is_read_to_its_end() {
    let scratch = Scratch::new();
    let files = [
        "/proc/version",
        "/proc/filesystems",
        "/proc/sys/kernel/ostype",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/kernel/notes",
    ];
    let mut found = 0;
    for path in files {
        let Ok(content) = fs::read(path) else { continue };
        found += 1;
        for method in every_method() {
            let target = scratch.join("copy");
            let report =
                Copier::new(Options::new().method(method)).copy_file(path, &target).unwrap();
            assert_eq!(read(&target), content, "{path} by {method:?}");
            assert_eq!(report.bytes.len, content.len() as u64, "{path} by {method:?}");
        }
    }
    assert!(found >= 2);
}

/// E07: a file that grew meanwhile was cut at its old length, or followed for ever.
#[test]
fn e07_a_growing_file_arrives_as_it_was_at_some_moment() {
    let scratch = Scratch::new();
    let source = scratch.join("log");
    write(&source, bytes(1 << 20, 7));
    let line = bytes(4096, 8);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = OpenOptions::new().append(true).open(&source).unwrap();
            let mut lines = 0;
            while !is_over.load(Ordering::Relaxed) && lines < 20_000 {
                log.write_all(&line).unwrap();
                lines += 1;
            }
        });
        for method in every_method() {
            let target = scratch.join("copy");
            let before = fs::metadata(&source).unwrap().len();
            let report =
                Copier::new(Options::new().method(method)).copy_file(&source, &target).unwrap();
            let copy = read(&target);
            assert!(copy.len() as u64 >= before, "{method:?}");
            assert_eq!(report.bytes.len, copy.len() as u64, "{method:?}");
            assert!(read(&source).starts_with(&copy), "{method:?}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// E10, E19: lengths of 2 and 4 GiB were cut, or became negative.
#[test]
fn e10_a_file_of_more_than_four_gigabytes_arrives() {
    let scratch = Scratch::new();
    let (source, target) = (scratch.join("a"), scratch.join("b"));
    let ends = [(0, 4096), ((2 << 30) - 4096, 8192), ((4 << 30) - 4096, 8192), (5 << 30, 7)];
    Shape::sparse("more than 32 bits", (5 << 30) + 7, &ends).make(&source);
    let methods = [Method::CopyRange, Method::Sendfile, Method::ReadWrite];
    for method in methods.into_iter().filter(|method| method.is_available()) {
        let options = Options::new().method(Some(method));
        let report = Copier::new(options).copy_file(&source, &target).unwrap();
        assert_eq!(report.bytes.len, (5 << 30) + 7);
        let (was, is) = (File::open(&source).unwrap(), File::open(&target).unwrap());
        for (start, len) in ends {
            let (mut a, mut b) = (vec![0; len as usize], vec![1; len as usize]);
            was.read_exact_at(&mut a, start).unwrap();
            is.read_exact_at(&mut b, start).unwrap();
            assert!(a == b, "{method:?} at {start}");
        }
        assert!(allocated(&target) < 1 << 20, "{method:?}");
    }
}

/// E30: a link was copied as a link on one system and followed on another.
#[test]
fn e30_what_becomes_of_a_link_is_said_by_the_options_alone() {
    use warpcopy::Symlinks;
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    symlink("a", scratch.join("link")).unwrap();
    for (symlinks, is_link) in
        [(Symlinks::FollowOperands, false), (Symlinks::Follow, false), (Symlinks::Keep, true)]
    {
        let copier = Copier::new(Options::new().symlinks(symlinks));
        copier.copy_file(scratch.join("link"), scratch.join("b")).unwrap();
        let copy = fs::symlink_metadata(scratch.join("b")).unwrap();
        assert_eq!(copy.is_symlink(), is_link, "{symlinks:?}");
    }
}

/// E33, E34: the time was set even where the copy had failed, and the half file looked finished.
#[test]
fn e34_a_target_written_in_place_is_not_stamped_when_the_copy_fails() {
    let scratch = Scratch::new();
    let target = scratch.join("b");
    write(&target, "old");
    set_modified(&target, 1_000_000, 0);
    let options = Options::new().publish(Publish::InPlace);
    let error = Copier::new(options).copy_file("/proc/self/mem", &target).unwrap_err();
    assert_eq!(error.operation(), Operation::Read);
    assert!(modified(&target).0 > 1_000_000, "it was truncated, and its time says so");
}
