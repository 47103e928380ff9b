//! The tree changes while it is copied: no hang, no padding, no secret, nothing outside.
//!
//! `WARPCOPY_TEST_ROUNDS` multiplies how often each race is run.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};

use crate::support::plant::{mode, write};
use crate::support::{
    Dir, File, Warpcp, assert_nothing_left_over, bytes, everywhere, plant, read, rounds,
};

/// Runs `act` again and again on another thread while `body` runs.
fn meanwhile<T>(act: impl Fn() + Sync, body: impl FnOnce() -> T) -> T {
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                act();
            }
        });
        // Also when the body panics: else the scope waits for ever.
        let _done = Done(&is_done);
        body()
    })
}

fn swap(one: &Path, two: &Path) {
    rustix::fs::renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
}

const METHODS: [&str; 5] = [
    "",
    "--method=read_write",
    "--method=sendfile",
    "--sparse=always",
    "--method=copy_file_range --atomic=always",
];

everywhere! {
    // T21, E09: loops that run to the old length never end, or pad what is gone with zeros.
    fn a_source_that_shrinks_ends_the_copy(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let content = bytes(150 << 20, 1);
        for options in METHODS {
            for reflink in ["auto", "never"] {
                write(&source, &content);
                let options = format!("{options} --reflink={reflink}");
                let mut run = Warpcp::copy(&options, &source, &target).spawn();
                while run.is_running() && size_of_copy(&scratch.join("")) == 0 {
                    thread::sleep(Duration::from_micros(100));
                }
                fs::File::options().write(true).open(&source).unwrap().set_len(1000).unwrap();
                let outcome = run.wait();
                if target.exists() {
                    let copy = read(&target);
                    assert!(copy.len() <= content.len(), "{outcome}");
                    assert!(copy.len() >= 1000, "{outcome}");
                    assert!(
                        copy == content[..copy.len()],
                        "made-up bytes with {options}: {outcome}"
                    );
                    fs::remove_file(&target).unwrap();
                } else {
                    outcome.assert_code(1);
                }
                assert_nothing_left_over(scratch.path());
            }
        }
    }

    // T22: the end runs away.
    fn a_source_that_grows_does_not_hold_the_copy(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let start = bytes(20 << 20, 2);
        for options in METHODS {
            write(&source, &start);
            let file = fs::File::options().append(true).open(&source).unwrap();
            let more = bytes(1 << 16, 3);
            let grow = || {
                if file.metadata().unwrap().len() < 600 << 20 {
                    (&file).write_all(&more).unwrap();
                }
            };
            meanwhile(grow, || Warpcp::copy(options, &source, &target).run().assert_code(0));
            let (whole, copy) = (read(&source), read(&target));
            assert!(copy.len() >= start.len(), "{options}: only {} bytes", copy.len());
            assert!(copy == whole[..copy.len()], "{options}");
            fs::remove_file(&target).unwrap();
        }
    }

    // T23: a journal whose holes move; a search that trusts an old answer goes round in circles.
    fn a_source_whose_holes_move_ends(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let len = 24 << 20;
        write(&source, bytes(len, 4));
        let file = fs::File::options().write(true).open(&source).unwrap();
        let block = bytes(1 << 16, 5);
        let number = std::sync::atomic::AtomicU64::new(0);
        let churn = || {
            use rustix::fs::{FallocateFlags, fallocate};
            let n = number.fetch_add(1, Ordering::Relaxed);
            let at = |n: u64| (n * 7919 % (len as u64 >> 16)) << 16;
            let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&file, punch, at(n), 1 << 16).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &block, at(n + 5)).unwrap();
        };
        churn();
        meanwhile(churn, || {
            for options in [
                "--method=read_write",
                "--sparse=always",
                "--method=sendfile",
                "",
                "--reflink=never",
            ] {
                Warpcp::copy(options, &source, &target).run().assert_code(0);
                assert_eq!(fs::metadata(&target).unwrap().len(), len as u64, "{options}");
            }
        });
    }

    // T39: who looks first and opens later opens the secret.
    fn a_file_swapped_for_a_link_gives_no_secret_away(scratch) {
        let source = scratch.join("source");
        let secret = scratch.join("secret");
        write(&secret, b"secret");
        fs::create_dir(&source).unwrap();
        let pairs: Vec<_> = (0..40)
            .map(|number| {
                let (file, link) =
                    (source.join(format!("{number}")), scratch.join(format!("l{number}")));
                write(&file, b"public");
                symlink(&secret, &link).unwrap();
                (file, link)
            })
            .collect();
        meanwhile(
            || pairs.iter().for_each(|(file, link)| swap(file, link)),
            || {
                for round in 0..rounds(60) {
                    let target = scratch.join("target");
                    let options = ["-a -j1", "-rP -j4", "-a --atomic=always"][round % 3];
                    let outcome = Warpcp::copy(options, &source, &target).run();
                    for entry in fs::read_dir(&target).unwrap() {
                        let path = entry.unwrap().path();
                        if !path.is_symlink() {
                            assert_eq!(read(&path), b"public", "{outcome}");
                        }
                    }
                    if !outcome.is_success() {
                        outcome.assert_code(1);
                        outcome.assert_message();
                    }
                    fs::remove_dir_all(&target).unwrap();
                }
            },
        );
    }

    // T40: the directory that was checked is not the one that is written to.
    fn a_directory_swapped_for_a_link_leads_nothing_outside(scratch) {
        let source = scratch.join("source");
        let inner = source.join("sub");
        plant(&source, &[("sub", Dir)]);
        for number in 0..40 {
            write(inner.join(format!("{number}")), b"attack");
        }
        let outside = scratch.join("outside");
        fs::create_dir(&outside).unwrap();
        let (target, link) = (scratch.join("target"), scratch.join("link"));
        plant(&target, &[("sub", Dir)]);
        symlink(&outside, &link).unwrap();
        meanwhile(
            || swap(&target.join("sub"), &link),
            || {
                for round in 0..rounds(60) {
                    let options = ["-a -j1", "-r -j4", "-r --atomic=always"][round % 3];
                    let outcome = Warpcp::copy(options, source.join("."), &target).run();
                    let escaped = fs::read_dir(&outside).unwrap().count();
                    assert_eq!(escaped, 0, "files outside: {outcome}");
                }
            },
        );
    }

    // T41: a mode set by name lands on whatever has the name by then.
    fn a_target_swapped_for_a_link_leads_no_mode_outside(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let (victim, link) = (scratch.join("victim"), scratch.join("link"));
        plant(&source, &[("file", File(b"content"))]);
        mode(&source.join("file"), 0o777);
        write(&victim, b"victim");
        mode(&victim, 0o600);
        plant(&target, &[("file", File(b"old"))]);
        symlink(&victim, &link).unwrap();
        meanwhile(
            || swap(&target.join("file"), &link),
            || {
                for round in 0..rounds(150) {
                    let options = ["-a", "-rp", "-a --atomic=always", "-a -j4"][round % 4];
                    let outcome = Warpcp::copy(options, source.join("."), &target).run();
                    let bits = fs::metadata(&victim).unwrap().permissions().mode() & 0o7777;
                    assert_eq!(bits, 0o600, "{outcome}");
                    assert_eq!(read(&victim), b"victim", "{outcome}");
                    // Replacing takes one of the two names away; both must be there for the next swap.
                    restore(&target.join("file"), &link, &victim);
                }
            },
        );
    }

    // T72: another file has the name by the time it is opened.
    fn a_file_replaced_while_it_is_copied_is_whole_or_skipped(scratch) {
        let source = scratch.join("source");
        fs::create_dir(&source).unwrap();
        let versions = [bytes(5000, 6), bytes(9000, 7)];
        let pairs: Vec<_> = (0..30)
            .map(|number| {
                let (file, other) =
                    (source.join(format!("{number}")), scratch.join(format!("o{number}")));
                write(&file, &versions[0]);
                write(&other, &versions[1]);
                (file, other)
            })
            .collect();
        meanwhile(
            || pairs.iter().for_each(|(file, other)| swap(file, other)),
            || {
                for round in 0..rounds(60) {
                    let target = scratch.join("target");
                    let options = ["-a -j1", "-r -j4"][round % 2];
                    let outcome = Warpcp::copy(options, &source, &target).run();
                    // How many there are is not said: a listing may miss a name that is being exchanged.
                    for entry in fs::read_dir(&target).unwrap() {
                        assert!(versions.contains(&read(entry.unwrap().path())), "{outcome}");
                    }
                    if !outcome.is_success() {
                        outcome.assert_code(1);
                        assert!(
                            outcome.stderr.contains("replaced while being copied"),
                            "{outcome}"
                        );
                    }
                    fs::remove_dir_all(&target).unwrap();
                }
            },
        );
    }

    fn files_that_come_and_go_are_copied_or_said(scratch) {
        let source = scratch.join("source");
        fs::create_dir(&source).unwrap();
        write(source.join("stays"), b"content");
        let coming = |number: usize| source.join(format!("{number}"));
        let number = std::sync::atomic::AtomicUsize::new(0);
        meanwhile(
            || {
                let n = number.fetch_add(1, Ordering::Relaxed) % 50;
                let path = coming(n);
                if path.exists() { fs::remove_file(path).unwrap() } else { write(path, b"comes") }
            },
            || {
                for _ in 0..rounds(60) {
                    let target = scratch.join("target");
                    let outcome = Warpcp::copy("-r -j4", &source, &target).run();
                    assert_eq!(read(target.join("stays")), b"content", "{outcome}");
                    if !outcome.is_success() {
                        outcome.assert_code(1);
                        let is_said = |line: &str| {
                            line.contains("No such file")
                                || line.contains("replaced while being copied")
                        };
                        assert!(outcome.stderr.lines().all(is_said), "{outcome}");
                    }
                    fs::remove_dir_all(&target).unwrap();
                }
            },
        );
    }
}

/// The length of whatever is being made beside the source.
fn size_of_copy(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_name() != "source")
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

fn restore(file: &Path, link: &Path, victim: &Path) {
    for path in [file, link] {
        if fs::symlink_metadata(path).is_err() {
            write(path, b"old");
        }
    }
    if !file.is_symlink() && !link.is_symlink() {
        // Never under its own name: the swapping thread needs it all the time.
        let fresh = link.with_extension("fresh");
        symlink(victim, &fresh).unwrap();
        fs::rename(&fresh, link).unwrap();
    }
}
