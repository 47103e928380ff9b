//! Big files onto tmpfs and Btrfs: threads put pages into the file beside its lock, and what cannot be put is written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::mount::Mounted;
use crate::support::plant::{mode, sparse, write};
use crate::support::trace::can_trace;
use crate::support::{
    Fs, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes, bytes, is_root, read, skip,
};

/// Big enough for several threads, and no multiple of a page.
const LEN: usize = (70 << 20) + 12_345;

/// Whether a copy of `source` to `target` puts pages: it writes less than there is. A thread that comes late finds nothing
/// left to put: one copy proves little.
fn places(source: &Path, target: &Path) -> bool {
    let len = source.metadata().unwrap().len();
    let copy = || Warpcp::copy("-j2 --reflink=never", source, target).trace("pwrite64").succeeds();
    (0..5).any(|_| written(&copy().trace) < len)
}

/// The bytes that `pwrite64` wrote.
fn written(trace: &str) -> u64 {
    let calls = trace.lines().filter(|line| line.contains("pwrite64"));
    let counts = calls.filter_map(|line| line.rsplit_once(" = ")?.1.trim().parse::<u64>().ok());
    let sum = counts.sum();
    assert!(sum > 0, "the last page is always written: {trace}");
    sum
}

/// Whether pages of a buffer can be put here at all; says so if not.
#[track_caller]
fn may_put(scratch: &Scratch) -> bool {
    if !can_trace() {
        return false;
    }
    let (source, target) = (scratch.join("may"), scratch.join("place"));
    write(&source, bytes(LEN, 1));
    let trace = Warpcp::copy("-j2", &source, &target).trace("userfaultfd").succeeds().trace;
    let may = trace.lines().any(|line| line.contains("userfaultfd(") && !line.contains("= -1"));
    if !may {
        skip::skip("userfaultfd", "refused by the kernel or by a filter of system calls");
    }
    fs::remove_file(&source).unwrap();
    fs::remove_file(&target).unwrap();
    may
}

fn is_the_same_from_everywhere(to: Fs) {
    let Some(there) = Scratch::on(to) else { return };
    for from in Fs::FULL {
        let Some(scratch) = Scratch::on(from) else { continue };
        let (source, target) = (scratch.join("source"), there.join("target"));
        for len in [64 << 20, (64 << 20) + 1, (64 << 20) + 4096, (66 << 20) - 1, LEN] {
            write(&source, bytes(len, 2));
            // Whoever takes the last chunk, the length is right.
            for threads in [2, 3, 8, 8, 8] {
                let options = format!("-j{threads} --reflink=never");
                Warpcp::copy(&options, &source, &target).succeeds();
                assert_same_bytes(&source, &target);
                fs::remove_file(&target).unwrap();
            }
        }
        if can_trace() && (to == Fs::Tmpfs || from != Fs::Overlay) {
            assert!(places(&source, &target), "{from}");
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
        // Ranges between holes, which need not begin where a page does.
        let (data, fifth) = (bytes(LEN / 5, 8), LEN as u64 / 5);
        sparse(&source, LEN as u64, &[(fifth + 77, &data), (fifth * 3 + 4095, &data)]);
        for threads in [2, 8, 8] {
            let options = format!("-j{threads} --reflink=never");
            Warpcp::copy(&options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            let (copy, len) = (target.metadata().unwrap(), LEN as u64);
            assert!(copy.blocks() * 512 < len / 4 * 3, "{from}: {} blocks", copy.blocks());
            fs::remove_file(&target).unwrap();
        }
        write(&source, bytes(LEN, 2));
        // In place, over more and over less.
        for old in [0, 1 << 20, 100 << 20] {
            write(&target, vec![7; old]);
            Warpcp::copy("-j3 --atomic=never --reflink=never", &source, &target).succeeds();
            assert_same_bytes(&source, &target);
        }
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn the_copy_is_the_same_from_everywhere_on_tmpfs() {
    is_the_same_from_everywhere(Fs::Tmpfs);
}

#[test]
fn the_copy_is_the_same_from_everywhere_on_btrfs() {
    is_the_same_from_everywhere(Fs::Btrfs);
}

/// What others may only read is made so that its owner, too, may not open it again for writing.
#[test]
fn a_file_that_cannot_be_opened_again_is_written() {
    if !is_root() || !can_trace() {
        return;
    }
    for fs in [Fs::Tmpfs, Fs::Btrfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = (scratch.join("source"), scratch.join("there/target"));
        write(&source, bytes(LEN, 6));
        mode(&source, 0o444);
        fs::create_dir(scratch.join("there")).unwrap();
        mode(&scratch.join("there"), 0o777);
        mode(scratch.path(), 0o755);
        let copy = Warpcp::copy("-j2 --atomic=never --reflink=never", &source, &target);
        let trace = copy.by_nobody().trace("openat").succeeds().trace;
        let is_refused = |line: &str| line.contains("O_RDWR") && line.contains("EACCES");
        assert!(trace.lines().any(is_refused), "{fs}: {trace}");
        assert_same_bytes(&source, &target);
    }
}

fn what_cannot_be_placed_is_written(from: &Scratch, to: &Scratch, faults: &[&str]) {
    let (source, target) = (from.join("source"), to.join("target"));
    write(&source, bytes(LEN, 3));
    for fault in faults {
        let copy = Warpcp::copy("-j2 --reflink=never", &source, &target);
        copy.inject(fault).succeeds().met_the_fault();
        assert_same_bytes(&source, &target);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn pages_that_cannot_be_put_are_written() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !may_put(&scratch) {
        return;
    }
    let faults = [
        "userfaultfd:error=EPERM",
        "userfaultfd:error=ENOSYS",
        "ftruncate:error=EINVAL:when=1",
        // Each thread's calls are counted: the first one says hello, the others open a window and put eight times.
        "ioctl:error=EINVAL:when=1",
        "ioctl:error=EEXIST:when=2",
        "ioctl:error=EAGAIN:when=4+2",
        "ioctl:error=ENOMEM:when=10",
        "ioctl:error=ESRCH:when=2+",
    ];
    what_cannot_be_placed_is_written(&scratch, &scratch, &faults);
}

#[test]
fn pages_that_cannot_be_mapped_are_written() {
    let Some(scratch) = Scratch::on(Fs::Btrfs) else { return };
    if !can_trace() {
        return;
    }
    let faults =
        ["ftruncate:error=EINVAL:when=1", "fadvise64:error=EINVAL", "mmap:error=ENOMEM:when=4+2"];
    what_cannot_be_placed_is_written(&scratch, &scratch, &faults);
    if let Some(from) = Scratch::on(Fs::Xfs) {
        let faults = ["madvise:error=ENOMEM", "madvise:error=EINVAL:when=2+2"];
        what_cannot_be_placed_is_written(&from, &scratch, &faults);
    }
}

/// One fault after another takes longer; and one while a source on XFS is read holds up who writes there.
#[test]
fn pages_are_brought_in_before_the_source_is_read() {
    let Some(scratch) = Scratch::on(Fs::Btrfs) else { return };
    if !can_trace() {
        return;
    }
    let target = scratch.join("target");
    for of in [Fs::Ext4, Fs::Xfs] {
        let Some(from) = Scratch::on(of) else { continue };
        let source = from.join("source");
        write(&source, bytes(LEN, 9));
        let is_brought_in = || {
            let copy = Warpcp::copy("-j2", &source, &target);
            let trace = copy.trace("fadvise64,madvise,pread64").succeeds().trace;
            fs::remove_file(&target).unwrap();
            let is_asked_of = format!("<{}>, ", target.display());
            let mut calls = trace.lines().filter(|line| !line.contains("resumed>"));
            let is_asked =
                |line: &str| line.contains(&is_asked_of) && line.contains("POSIX_FADV_WILLNEED");
            calls.any(is_asked)
                && (of != Fs::Xfs || calls.any(|line| line.contains("MADV_POPULATE_WRITE")))
                && calls.any(|line| line.contains("pread64("))
        };
        assert!((0..5).any(|_| is_brought_in()), "{of}");
    }
}

/// Each call makes room for its own range.
#[test]
fn a_file_that_takes_several_calls_is_the_same() {
    let Some(from) = Scratch::on(Fs::Ext4) else { return };
    let source = from.join("source");
    write(&source, bytes(LEN, 10).repeat(4));
    for to in [Fs::Tmpfs, Fs::Btrfs] {
        let Some(scratch) = Scratch::on(to) else { continue };
        let target = scratch.join("target");
        for threads in [2, 3] {
            Warpcp::copy(&format!("-j{threads}"), &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    }
}

/// Where `userfaultfd(2)` is forbidden, as it is in most containers.
#[test]
fn pages_are_read_into_a_mapping_where_they_cannot_be_put() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(LEN, 7));
    let copy = || {
        let fault = "userfaultfd:error=EPERM";
        let copy = Warpcp::copy("-j2", &source, &target).trace("pwrite64").inject(fault);
        copy.succeeds().met_the_fault().trace
    };
    assert!((0..5).any(|_| written(&copy()) < LEN as u64));
    assert_same_bytes(&source, &target);
}

#[test]
fn no_room_is_said_and_leaves_what_was_there() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let source = scratch.join("source");
    write(&source, bytes(LEN, 4));
    if let Some(small) = Mounted::tmpfs(&scratch.join("memory"), "size=40m") {
        no_room(&source, &small);
    }
    let mkfs = ["mkfs.btrfs", "-q", "-f"];
    if let Some(small) = Mounted::image(&scratch, "disk", 160, &mkfs, "defaults") {
        let free = rustix::fs::statvfs(small.path()).unwrap();
        let taken = (free.f_bavail * free.f_frsize).saturating_sub(40 << 20);
        let filler = fs::File::create(small.join("filler")).unwrap();
        let none = rustix::fs::FallocateFlags::empty();
        rustix::fs::fallocate(&filler, none, 0, taken).unwrap();
        no_room(&source, &small);
    }
}

fn no_room(source: &Path, small: &Mounted) {
    let target = small.join("target");
    let copy = |options: &str| {
        Warpcp::copy(&format!("-j2 {options}"), source, &target)
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
    let (whole, part) = (read(source), read(&target));
    assert!(part.len() < whole.len() && part == whole[..part.len()], "{} bytes", part.len());
}

/// There a fault brings in pages of 2 MiB, also behind the end of the file, and putting would make small ones.
#[test]
fn huge_pages_stay_huge() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() {
        return;
    }
    if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return skip::skip("huge-pages", "the kernel has none");
    }
    let Some(huge) = Mounted::tmpfs(&scratch.join("huge"), "size=200m,huge=always") else { return };
    let (source, target) = (scratch.join("source"), huge.join("target"));
    for len in [64 << 20, (64 << 20) + 4096, LEN] {
        write(&source, bytes(len, 5));
        for threads in [2, 8, 8] {
            let copy = Warpcp::copy(&format!("-j{threads}"), &source, &target);
            let trace = copy.trace("userfaultfd").succeeds().trace;
            assert!(!trace.contains("userfaultfd("), "{trace}");
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    }
    assert!(places(&source, &target));
    assert_same_bytes(&source, &target);
}
