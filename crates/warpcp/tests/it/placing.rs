//! Big files onto tmpfs: threads put pages into the file beside its lock, and what cannot be put is written.

use std::fs;
use std::path::Path;

use crate::support::mount::Mounted;
use crate::support::plant::{mode, write};
use crate::support::trace::can_trace;
use crate::support::{
    Fs, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes, bytes, is_root, read, skip,
};

/// Big enough for several threads, and no multiple of a page.
const LEN: usize = (70 << 20) + 12_345;

/// Whether a copy of `source` to `target` puts pages. A thread that comes late finds nothing left to put: one copy proves
/// little.
fn places(source: &Path, target: &Path) -> bool {
    let mut copies = (0..5)
        .map(|_| Warpcp::copy("-j2", source, target).trace("ioctl,userfaultfd").succeeds().trace);
    copies.any(|trace| {
        trace.lines().any(|line| line.contains("UFFDIO_COPY") && line.contains(" = 0"))
    })
}

/// Whether pages can be put here at all; says so if not.
#[track_caller]
fn may_place(scratch: &Scratch) -> bool {
    if !can_trace() {
        return false;
    }
    let (source, target) = (scratch.join("may"), scratch.join("place"));
    write(&source, bytes(LEN, 1));
    let may = places(&source, &target);
    if !may {
        skip::skip("userfaultfd", "refused by the kernel or by a filter of system calls");
    }
    fs::remove_file(&source).unwrap();
    fs::remove_file(&target).unwrap();
    may
}

#[test]
fn the_copy_is_the_same_from_everywhere() {
    let Some(memory) = Scratch::on(Fs::Tmpfs) else { return };
    if !may_place(&memory) {
        return;
    }
    for from in Fs::FULL {
        let Some(scratch) = Scratch::on(from) else { continue };
        let (source, target) = (scratch.join("source"), memory.join("target"));
        for len in [64 << 20, (64 << 20) + 1, (64 << 20) + 4096, (66 << 20) - 1, LEN] {
            write(&source, bytes(len, 2));
            // Whoever takes the last chunk, the length is right.
            for threads in [2, 3, 8, 8, 8] {
                Warpcp::copy(&format!("-j{threads}"), &source, &target).succeeds();
                assert_same_bytes(&source, &target);
                fs::remove_file(&target).unwrap();
            }
            assert!(places(&source, &target), "{from}");
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
        // In place, over more and over less.
        for old in [0, 1 << 20, 100 << 20] {
            write(&target, vec![7; old]);
            Warpcp::copy("-j3 --atomic=never", &source, &target).succeeds();
            assert_same_bytes(&source, &target);
        }
        fs::remove_file(&target).unwrap();
    }
}

/// What others may only read is made so that its owner, too, may not open it again for writing.
#[test]
fn a_file_that_cannot_be_opened_again_is_written() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !is_root() || !may_place(&scratch) {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("there/target"));
    write(&source, bytes(LEN, 6));
    mode(&source, 0o444);
    fs::create_dir(scratch.join("there")).unwrap();
    mode(&scratch.join("there"), 0o777);
    mode(scratch.path(), 0o755);
    let copy = Warpcp::copy("-j2 --atomic=never", &source, &target).by_nobody();
    let trace = copy.trace("openat").succeeds().trace;
    let is_refused = |line: &str| line.contains("O_RDWR") && line.contains("EACCES");
    assert!(trace.lines().any(is_refused), "{trace}");
    assert_same_bytes(&source, &target);
}

#[test]
fn what_cannot_be_placed_is_written() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !may_place(&scratch) {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(LEN, 3));
    for fault in [
        "userfaultfd:error=EPERM",
        "userfaultfd:error=ENOSYS",
        "ftruncate:error=EINVAL:when=1",
        // Each thread's calls are counted: the first one says hello, the others open a window and put eight times.
        "ioctl:error=EINVAL:when=1",
        "ioctl:error=EEXIST:when=2",
        "ioctl:error=EAGAIN:when=4+2",
        "ioctl:error=ENOMEM:when=10",
        "ioctl:error=ESRCH:when=2+",
    ] {
        let copy = Warpcp::copy("-j2 --reflink=never", &source, &target);
        copy.inject(fault).succeeds().met_the_fault();
        assert_same_bytes(&source, &target);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn no_room_is_said_and_leaves_what_was_there() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let source = scratch.join("source");
    write(&source, bytes(LEN, 4));
    let Some(small) = Mounted::tmpfs(&scratch.join("small"), "size=40m") else { return };
    let target = small.join("target");
    let copy = |options: &str| {
        Warpcp::copy(&format!("-j2 {options}"), &source, &target)
            .fails()
            .says("No space left on device");
        assert_nothing_left_over(small.path());
    };
    copy("");
    assert!(!target.exists());
    write(&target, b"old");
    for atomic in ["auto", "always"] {
        copy(&format!("--atomic={atomic}"));
        assert_eq!(read(&target), b"old");
    }
    copy("--atomic=never");
    let (whole, part) = (read(&source), read(&target));
    assert!(part.len() < 40 << 20 && part == whole[..part.len()], "{} bytes", part.len());
}

/// There a write makes pages of 2 MiB, and placing would make small ones.
#[test]
fn nothing_is_placed_where_pages_are_huge() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !may_place(&scratch) {
        return;
    }
    if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return skip::skip("huge-pages", "the kernel has none");
    }
    let Some(huge) = Mounted::tmpfs(&scratch.join("huge"), "size=200m,huge=always") else { return };
    let (source, target) = (scratch.join("source"), huge.join("target"));
    write(&source, bytes(LEN, 5));
    assert!(!places(&source, &target));
    assert_same_bytes(&source, &target);
}
