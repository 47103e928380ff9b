//! The contract of RCC's `CopyFile(source, target, overwrite)`, which the default options are to keep: parents are
//! made, nothing is overwritten unless that was asked for, an overwritten target is a new file, the mode is the
//! source's less the umask, the modification time is the source's; and a failure leaves nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use rustix::io::Errno;
use warpcopy::{
    Copier, Existing, FileReport, NoObserver, Operation, Options, Outcome, Preserve, Result,
};

use crate::support::*;

/// RCC's function.
fn copy_file(source: &Path, target: &Path, overwrite: bool) -> Result<FileReport> {
    let existing = if overwrite { Existing::Replace } else { Existing::Fail };
    Copier::new(Options::new().existing(existing)).copy_file(source, target)
}

everywhere! {
    /// kexi/vibe#644: a fast path that did not make the parent was never taken.
    fn missing_parents_are_made(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("x/y/z/b"));
        write(&source, "content");
        copy_file(&source, &target, false).unwrap();
        assert_eq!(read(&target), b"content");
    }

    fn without_overwrite_whatever_is_there_stays(scratch) {
        write(&scratch.join("source"), "new");
        write(&scratch.join("file"), "old");
        write(&scratch.join("elsewhere"), "old too");
        fs::create_dir(scratch.join("directory")).unwrap();
        symlink("elsewhere", scratch.join("link")).unwrap();
        symlink("nowhere", scratch.join("dangling")).unwrap();
        symlink("directory", scratch.join("link-to-directory")).unwrap();
        make_fifo(&scratch.join("fifo"));
        let before = listing(scratch.path());
        for name in ["file", "directory", "link", "dangling", "link-to-directory", "fifo"] {
            let there = scratch.join(name);
            let (number, time) = (inode(&there), modified(&there));
            let error = copy_file(&scratch.join("source"), &there, false).unwrap_err();
            assert_eq!(error.operation(), Operation::TargetExists, "{name}");
            assert_eq!(errno(&error), Some(Errno::EXIST), "{name}");
            assert_eq!(error.path(), there, "{name}");
            assert_eq!((inode(&there), modified(&there)), (number, time), "{name}");
        }
        assert_eq!(listing(scratch.path()), before);
        assert_eq!((read(&scratch.join("file")), read(&scratch.join("elsewhere"))), (b"old".to_vec(), b"old too".to_vec()));
    }

    /// Every copier that asks "does it exist?" before it creates loses this race.
    fn of_two_that_create_one_name_one_fails_and_the_other_s_file_is_whole(scratch) {
        let contents = [bytes(300_000, 1), bytes(300_000, 2)];
        for (number, content) in contents.iter().enumerate() {
            write(&scratch.join(format!("source{number}")), content);
        }
        for round in 0..8 {
            let target = scratch.join(format!("target{round}"));
            let start = Barrier::new(2);
            let run = |number: usize| {
                start.wait();
                copy_file(&scratch.join(format!("source{number}")), &target, false).is_ok()
            };
            let won = thread::scope(|scope| {
                let other = scope.spawn(|| run(1));
                [run(0), other.join().unwrap()]
            });
            let winner = won.iter().position(|won| *won).expect("one of them won");
            assert_ne!(won[0], won[1], "both won");
            assert!(read(&target) == contents[winner]);
        }
        assert_eq!(listing(scratch.path()).len(), 10);
    }

    fn overwriting_makes_a_new_file_and_another_name_keeps_the_old_one(scratch) {
        let (source, target, other) = (scratch.join("a"), scratch.join("b"), scratch.join("c"));
        write(&source, "new");
        write(&target, "old content");
        fs::hard_link(&target, &other).unwrap();
        let before = inode(&target);
        copy_file(&source, &target, true).unwrap();
        assert_eq!((read(&target), read(&other)), (b"new".to_vec(), b"old content".to_vec()));
        assert_ne!(inode(&target), before);
        assert_eq!(inode(&other), before);
    }

    fn overwriting_a_link_replaces_the_link_and_leaves_what_it_leads_to(scratch) {
        write(&scratch.join("a"), "new");
        write(&scratch.join("elsewhere"), "old");
        for leads_to in ["elsewhere", "nowhere"] {
            let target = scratch.join("b");
            symlink(leads_to, &target).unwrap();
            copy_file(&scratch.join("a"), &target, true).unwrap();
            assert!(fs::symlink_metadata(&target).unwrap().is_file());
            assert_eq!(read(&target), b"new");
            assert_eq!(read(&scratch.join("elsewhere")), b"old");
            fs::remove_file(&target).unwrap();
        }
        assert!(!scratch.join("nowhere").exists());
    }

    /// A write into it would answer ETXTBSY, or change the program under its feet.
    fn a_running_program_is_replaced_and_goes_on_running(scratch) {
        let (source, target) = (scratch.join("new"), scratch.join("program"));
        write(&source, "new");
        fs::copy("/bin/sleep", &target).unwrap();
        set_mode(&target, 0o755);
        let child = Command::new(&target).arg("600").stdin(Stdio::null()).spawn();
        let Ok(mut child) = child else {
            return skip("exec", "programs cannot be run here");
        };
        let copied = copy_file(&source, &target, true);
        let is_running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        copied.unwrap();
        assert!(is_running);
        assert_eq!(read(&target), b"new");
    }

    fn the_modification_time_is_kept_to_the_nanosecond(scratch) {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        for (content, overwrite) in [("one", false), ("another", true)] {
            write(&source, content);
            set_modified(&source, 1_610_000_000, 123_456_789);
            copy_file(&source, &target, overwrite).unwrap();
            assert_eq!(modified(&target), (1_610_000_000, 123_456_789));
        }
    }

    fn a_failure_leaves_nothing_and_what_was_there_stays(scratch) {
        let target = scratch.join("b");
        write(&target, "old");
        let time = modified(&target);
        // Opens, and answers EIO to the first read.
        let unreadable = Path::new("/proc/self/mem");
        let error = copy_file(unreadable, &target, true).unwrap_err();
        assert_eq!((error.operation(), errno(&error)), (Operation::Read, Some(Errno::IO)));
        assert_eq!(error.path(), unreadable);
        assert!(copy_file(unreadable, &scratch.join("c"), false).is_err());
        assert!(copy_file(&scratch.join("missing"), &target, true).is_err());
        assert!(copy_file(scratch.path(), &target, true).is_err());
        assert_eq!((read(&target), modified(&target)), (b"old".to_vec(), time));
        assert_only(scratch.path(), &["b"]);
    }

    fn a_full_disk_leaves_the_old_file_and_nothing_else(scratch) {
        let Some(full) = SmallDisk::new(scratch) else { return };
        let (source, target) = (scratch.join("a"), full.join("b"));
        write(&source, bytes(8 << 20, 1));
        write(&target, "old");
        for overwrite in [true, true, false] {
            let target = if overwrite { target.clone() } else { full.join("c") };
            let error = copy_file(&source, &target, overwrite).unwrap_err();
            assert_eq!(errno(&error), Some(Errno::NOSPC), "{error}");
        }
        assert_eq!(read(&target), b"old");
        assert_only(full.path(), &["b"]);
    }

    fn a_link_at_the_source_is_followed(scratch) {
        let (source, target) = (scratch.join("link"), scratch.join("b"));
        write(&scratch.join("a"), "content");
        symlink("a", &source).unwrap();
        copy_file(&source, &target, false).unwrap();
        assert!(fs::symlink_metadata(&target).unwrap().is_file());
        assert_eq!(read(&target), b"content");
    }

    fn a_file_copied_onto_itself_is_refused_by_any_name(scratch) {
        let source = scratch.join("a");
        write(&source, "content");
        fs::hard_link(&source, scratch.join("b")).unwrap();
        symlink("a", scratch.join("link")).unwrap();
        for target in [source.clone(), scratch.join("b"), scratch.join("link"), scratch.join("./a")] {
            let error = copy_file(&source, &target, true).unwrap_err();
            assert_eq!(error.operation(), Operation::SameFile, "{}", target.display());
            assert_eq!(read(&source), b"content");
        }
        assert!(fs::symlink_metadata(scratch.join("link")).unwrap().is_symlink());
    }
}

#[test]
fn the_mode_is_the_source_s_less_the_umask() {
    in_a_process_of_its_own(|| {
        for umask in [0o022, 0o077, 0o000, 0o002] {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
            for wanted in [0o755, 0o644, 0o600, 0o444, 0o777, 0o4755, 0o2711, 0o1777] {
                for overwrite in [false, true] {
                    let scratch = Scratch::new();
                    let (source, target) = (scratch.join("a"), scratch.join("b"));
                    write(&source, "content");
                    set_mode(&source, wanted);
                    if overwrite {
                        write(&target, "old");
                        set_mode(&target, 0o640);
                    }
                    copy_file(&source, &target, overwrite).unwrap();
                    let expected = wanted & 0o777 & !umask;
                    assert_eq!(mode(&target), expected, "{wanted:o} under {umask:o}");
                }
            }
        }
    });
}

/// A file that is to get an owner is made for its owner alone; what the umask leaves of its mode comes after that.
#[test]
fn each_run_obeys_the_umask_of_its_moment() {
    in_a_process_of_its_own(|| {
        let scratch = Scratch::new();
        write(&scratch.join("tree/file"), "content");
        set_mode(&scratch.join("tree/file"), 0o666);
        set_mode(&scratch.join("tree"), 0o777);
        let kept = Preserve { ownership: true, ..Preserve::default() };
        let copier = Copier::new(Options::new().recursive(true).preserve(kept));
        for umask in [0o022, 0o077, 0o000] {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
            let (file, tree) =
                (scratch.join(format!("file{umask}")), scratch.join(format!("tree{umask}")));
            copier.copy_file(scratch.join("tree/file"), &file).unwrap();
            let report = copier.copy_tree(scratch.join("tree"), &tree, &mut NoObserver);
            assert!(report.is_complete(), "{:?}", report.errors);
            let modes = [&file, &tree, &tree.join("file")].map(|path| mode(path));
            assert_eq!(modes, [0o666, 0o777, 0o666].map(|mode| mode & !umask), "{umask:o}");
        }
    });
}

#[test]
fn parents_are_made_as_the_umask_says() {
    in_a_process_of_its_own(|| {
        let scratch = Scratch::new();
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o027));
        write(&scratch.join("a"), "content");
        copy_file(&scratch.join("a"), &scratch.join("x/y/b"), false).unwrap();
        assert_eq!((mode(&scratch.join("x")), mode(&scratch.join("x/y"))), (0o750, 0o750));
    });
}

#[test]
fn a_parent_that_is_a_file_is_an_error_that_names_it() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    write(&scratch.join("file"), "not a directory");
    let error = copy_file(&scratch.join("a"), &scratch.join("file/b"), false).unwrap_err();
    assert!(error.path().starts_with(scratch.join("file")), "{error}");
    assert_only(scratch.path(), &["a", "file"]);
}

#[test]
fn relative_names_begin_at_the_working_directory() {
    in_a_process_of_its_own(|| {
        let scratch = Scratch::new();
        std::env::set_current_dir(scratch.path()).unwrap();
        write(&scratch.join("a"), "content");
        let report = copy_file(Path::new("a"), Path::new("b"), false).unwrap();
        assert_eq!(
            (report.source.as_path(), report.target.as_path()),
            (Path::new("a"), Path::new("b"))
        );
        copy_file(Path::new("a"), Path::new("x/b"), false).unwrap();
        assert_eq!(read(&scratch.join("x/b")), b"content");
    });
}

/// The 35-day clock of RCC's cache is the modification time: skipping must not touch it.
#[test]
fn skipping_says_so_and_touches_nothing() {
    let scratch = Scratch::new();
    let (source, target) = (scratch.join("a"), scratch.join("b"));
    write(&source, "new");
    write(&target, "old");
    let before = modified(&target);
    let copier = Copier::new(Options::new().existing(Existing::Skip));
    let report = copier.copy_file(&source, &target).unwrap();
    assert_eq!(report.outcome, Outcome::SkippedExisting);
    assert_eq!((read(&target), modified(&target)), (b"old".to_vec(), before));
}
