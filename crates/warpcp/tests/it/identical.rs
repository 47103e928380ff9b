//! Targets that already are what copying would make of them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Advice, fadvise};

use crate::support::plant::{
    access_acl, capability, mode, owner, some_acl, times, write, xattr, xattr_of,
};
use crate::support::trace::can_trace;
use crate::support::{
    Fs, Mounted, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes, assert_same_tree,
    bytes, everywhere, has_tool, is_root, read, skip,
};

/// Whether the kernel tells what is in memory: cachestat(2), since Linux 6.5.
fn is_told() -> bool {
    const CACHESTAT: libc::c_long = 451;
    let (file, range, mut pages) = (File::open("/proc/self/exe").unwrap(), [0_u64; 2], [0_u64; 5]);
    // SAFETY: both pointers are good for the call, and point to as much as it expects.
    let answer = unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), &range, &mut pages, 0) };
    if answer != 0 {
        skip("cachestat", "before Linux 6.5, or forbidden");
    }
    answer == 0
}

/// File systems that are believed.
fn is_believed(scratch: &Scratch) -> bool {
    [Fs::Ext4, Fs::Xfs, Fs::Btrfs, Fs::Tmpfs].contains(&scratch.fs())
}

/// A file of this many bytes, and its copy that was written, not cloned: a clone is not in memory.
fn pair(scratch: &Scratch, len: usize) -> (PathBuf, PathBuf) {
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    let _ = fs::remove_file(&target);
    write(&source, bytes(len, 7));
    mode(&source, 0o640);
    times(&source, (1000, 1), (2000, 2));
    Warpcp::copy("-a --reflink=never", &source, &target).succeeds();
    (source, target)
}

/// Copies, and says whether the target is the file that it was.
fn stays(options: &str, source: &Path, target: &Path) -> bool {
    let open = File::open(target).unwrap();
    let before = open.metadata().unwrap().ino();
    Warpcp::copy(options, source, target).succeeds();
    assert_same_bytes(source, target);
    fs::metadata(target).unwrap().ino() == before
}

everywhere! {
    fn a_target_that_holds_the_same_stays_and_gets_its_times(scratch) {
        if !is_told() {
            return;
        }
        for len in [0, 1, 700, 2048, 2049, 100_000, 131_072] {
            let (source, target) = pair(scratch, len);
            times(&source, (1000, 1), (2000, 2));
            times(&target, (5, 5), (2000, 2));
            // An open file keeps its inode number from being given again.
            let open = File::open(&target).unwrap();
            let before = open.metadata().unwrap();
            Warpcp::copy("-a", &source, &target).succeeds();
            let after = fs::metadata(&target).unwrap();
            assert_eq!(after.ino() == before.ino(), is_believed(scratch), "{len}");
            assert_eq!((after.mtime(), after.mtime_nsec()), (2000, 2), "{len}");
            assert_eq!((after.atime(), after.atime_nsec()), (1000, 1), "{len}");
            assert!((after.ctime(), after.ctime_nsec()) > (before.ctime(), before.ctime_nsec()));
            assert_same_bytes(&source, &target);
        }
    }

    fn one_other_byte_is_enough(scratch) {
        for len in [1, 700, 2049, 100_000, 1 << 20] {
            for at in [0, len / 2, len - 1] {
                let (source, target) = pair(scratch, len);
                let file = fs::OpenOptions::new().write(true).open(&source).unwrap();
                let byte = read(&source)[at] ^ 1;
                file.write_all_at(&[byte], at as u64).unwrap();
                times(&source, (1000, 1), (2000, 2));
                assert!(!stays("-a", &source, &target), "{at} of {len}");
            }
        }
    }

    fn what_is_longer_than_is_compared_is_replaced(scratch) {
        let is_cloned = [Fs::Btrfs, Fs::Xfs].contains(&scratch.fs());
        let limit = if is_cloned { 128 << 10 } else { 16 << 20 };
        let (source, target) = pair(scratch, limit + 1);
        assert!(!stays("-a", &source, &target));
        if is_told() {
            let (source, target) = pair(scratch, limit);
            assert_eq!(stays("-a", &source, &target), is_believed(scratch));
        }
    }

    fn one_that_looks_different_is_replaced(scratch) {
        type Change = fn(&Path, &Path);
        let changes: [(&str, Change); 7] = [
            ("time of the target", |_, target| times(target, (1000, 1), (2000, 3))),
            ("mode of the target", |_, target| mode(target, 0o600)),
            ("mode of the source", |source, _| mode(source, 0o600)),
            ("list of the target", |_, target| {
                access_acl(target, &some_acl(1001, 1002));
                mode(target, 0o640);
            }),
            ("list of the source", |source, target| {
                access_acl(source, &some_acl(1001, 1002));
                mode(target, fs::metadata(source).unwrap().mode() & 0o7777);
            }),
            ("attribute of the source", |source, _| xattr(source, "user.note", b"new")),
            ("length of the target", |_, target| {
                let file = fs::OpenOptions::new().append(true).open(target).unwrap();
                file.set_len(1200).unwrap();
            }),
        ];
        for (what, change) in changes {
            let (source, target) = pair(scratch, 1000);
            change(&source, &target);
            if what != "time of the target" {
                times(&target, (1000, 1), (2000, 2));
            }
            assert!(!stays("-a", &source, &target), "{what}");
            assert_same_tree(&source, &target);
        }
    }

    fn an_attribute_of_its_own_stays_as_with_a_new_file(scratch) {
        if !is_told() {
            return;
        }
        let (source, target) = pair(scratch, 1000);
        xattr(&target, "user.note", b"own");
        assert_eq!(stays("-a", &source, &target), is_believed(scratch));
        assert_eq!(xattr_of(&target, "user.note").as_deref(), Some(&b"own"[..]));
    }

    // It would be written in place, and be half a file for a moment.
    fn one_with_other_names_stays_too(scratch) {
        if !is_told() {
            return;
        }
        let (source, target) = pair(scratch, 1000);
        let other = scratch.join("other");
        fs::hard_link(&target, &other).unwrap();
        times(&target, (5, 5), (2000, 2));
        times(&source, (1000, 1), (2000, 2));
        let outcome = Warpcp::copy("-p --debug", &source, &target).succeeds();
        assert_eq!(outcome.stdout.contains("left as it was"), is_believed(scratch), "{outcome}");
        assert_eq!(fs::metadata(&other).unwrap().atime(), 1000);
        write(&source, bytes(1000, 8));
        times(&source, (1000, 1), (2000, 2));
        let outcome = Warpcp::copy("-p --debug", &source, &target).succeeds();
        outcome.shows("written in place because it has other hard links");
        assert_same_bytes(&source, &other);
        fs::remove_file(other).unwrap();
    }

    fn what_only_a_copy_does_is_done(scratch) {
        for options in [
            "--preserve=mode,ownership", "-a --atomic=always", "-a --sparse=always", "-a --sparse=never",
            "-a --remove-destination", "-a --backup", "-a --method=read_write", "-a --sync=data",
        ] {
            let (source, target) = pair(scratch, 1000);
            assert!(!stays(options, &source, &target), "{options}");
        }
        // Under the name of cp every target is written, in place.
        let (source, target) = pair(scratch, 1000);
        let outcome = Warpcp::copy("-a --debug --atomic=never", &source, &target).succeeds();
        outcome.shows("written in place");
    }

    fn a_tree_is_the_same_after_any_number_of_copies(scratch) {
        let (source, target) = (scratch.join("tree"), scratch.join("copy"));
        fs::create_dir_all(source.join("deep/er")).unwrap();
        for number in 0..40_usize {
            let name = source.join(if number % 2 == 0 { "deep" } else { "deep/er" });
            write(name.join(format!("{number}")), bytes(number * number * 20, number as u64));
        }
        fs::hard_link(source.join("deep/2"), source.join("deep/two")).unwrap();
        for options in ["-aT", "-aT", "-aTj1", "-aT --reflink=never", "-aT", "-aTj3"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_tree(&source, &target);
        }
    }
}

#[test]
fn an_owner_makes_a_difference_where_owners_are_kept() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !is_root() || !is_told() {
        return;
    }
    let (source, target) = pair(&scratch, 1000);
    owner(&target, 1003, 1004);
    assert!(stays("--preserve=timestamps", &source, &target));
    assert!(!stays("-a", &source, &target));
    assert_same_tree(&source, &target);
}

/// Writing takes them away, and so must finding that there is nothing to write.
#[test]
fn capabilities_do_not_outlive_a_copy() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !is_root() {
        return;
    }
    let (source, target) = pair(&scratch, 1000);
    capability(&target);
    assert!(!stays("-a", &source, &target));
    assert_eq!(xattr_of(&target, "security.capability"), None);
    // Not those of the source either: they are to be there.
    let (source, target) = pair(&scratch, 1000);
    capability(&source);
    assert!(!stays("-a", &source, &target));
    assert!(xattr_of(&target, "security.capability").is_some());
}

/// Reading it would take longer than replacing it.
#[test]
fn a_target_that_would_have_to_be_read_from_disk_is_replaced() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let (source, target) = pair(&scratch, 100_000);
    let file = File::open(&target).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    assert!(!stays("-a", &source, &target));
}

#[test]
fn a_system_that_does_not_tell_what_is_in_memory_gets_a_copy() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !has_tool("python3") {
        return;
    }
    const CACHESTAT: &str = "451";
    for error in ["1", "38", "95"] {
        let (source, target) = pair(&scratch, 1000);
        let open = File::open(&target).unwrap();
        Warpcp::copy("-a", &source, &target).forbidden(CACHESTAT, error).succeeds();
        assert_ne!(fs::metadata(&target).unwrap().ino(), open.metadata().unwrap().ino(), "{error}");
        assert_same_tree(&source, &target);
    }
}

/// Its times can be set by its owner alone; a new file would be the caller's.
#[test]
fn a_target_whose_times_cannot_be_set_is_replaced() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = pair(&scratch, 1000);
    let open = File::open(&target).unwrap();
    let copy = Warpcp::copy("-a", &source, &target);
    copy.inject("utimensat:error=EPERM:when=1").succeeds().met_the_fault();
    assert_ne!(fs::metadata(&target).unwrap().ino(), open.metadata().unwrap().ino());
    assert_same_tree(&source, &target);
}

#[test]
fn what_stayed_is_said() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !is_told() {
        return;
    }
    let (source, target) = pair(&scratch, 1000);
    let outcome = Warpcp::copy("-a --debug", &source, &target).succeeds();
    outcome.shows("1.0 kB, left as it was: it held the same bytes");
    let outcome = Warpcp::copy("-a --stats", &source, &target).run();
    outcome.says("identical already        1");
}

/// Whatever fails, the target keeps the bytes that it shares with the source.
#[test]
fn a_call_that_fails_harms_nothing() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !can_trace() {
        return;
    }
    for call in ["openat", "fstat", "newfstatat", "flistxattr", "pread64", "utimensat", "close"] {
        for when in 1.. {
            let (source, target) = pair(&scratch, 1000);
            let copy = Warpcp::copy("-a", &source, &target);
            let outcome = copy.inject(&format!("{call}:error=EIO:when={when}")).run();
            assert_same_bytes(&source, &target);
            assert_nothing_left_over(scratch.path());
            // To compare is no duty, and what fails then is tried again by replacing.
            let is_ours_alone = ["pread64", "utimensat"].contains(&call);
            assert!(!is_ours_alone || outcome.is_success(), "{call} {when}: {outcome}");
            if outcome.injected() == 0 {
                break;
            }
        }
    }
}

/// Clones are not in memory; they are known by their place.
#[test]
fn a_clone_that_nobody_wrote_to_stays() {
    if !is_told() {
        return;
    }
    for fs in [Fs::Btrfs, Fs::Xfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        for len in [20_000, 100_000, 5 << 20] {
            let (source, target) = cloned_pair(&scratch, len);
            assert!(stays("-a", &source, &target), "{len} on {fs}");
        }
    }
}

#[test]
fn a_clone_that_somebody_wrote_to_is_replaced() {
    for fs in [Fs::Btrfs, Fs::Xfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        for len in [20_000, 100_000, 5 << 20] {
            for (at, is_source, is_synced) in [
                (0, true, false),
                (len - 1, true, false),
                (0, false, false),
                (len - 1, false, false),
                (len - 1, true, true),
                (0, false, true),
            ] {
                let (source, target) = cloned_pair(&scratch, len);
                let written = if is_source { &source } else { &target };
                let file = fs::OpenOptions::new().write(true).open(written).unwrap();
                file.write_all_at(b"\xff\x00", at as u64 - u64::from(at > 0)).unwrap();
                // Else it is still to be written out when the copy looks.
                if is_synced {
                    file.sync_all().unwrap();
                }
                for path in [&source, &target] {
                    times(path, (1000, 1), (2000, 2));
                }
                assert!(!stays("-a", &source, &target), "{at} of {len} on {fs}");
            }
        }
    }
}

/// More pieces than are asked for at once.
#[test]
fn clones_in_many_pieces_are_compared_to_their_ends() {
    if !is_told() {
        return;
    }
    for fs in [Fs::Btrfs, Fs::Xfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        const PIECE: usize = 64 << 10;
        const PIECES: usize = 70;
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let content = bytes(PIECES * PIECE, 3);
        let file = File::create(&source).unwrap();
        let other = File::create(scratch.join("other")).unwrap();
        // From the end, each on disk before the next, with something else in between.
        for number in (0..PIECES).rev() {
            let at = number * PIECE;
            file.write_all_at(&content[at..at + PIECE], at as u64).unwrap();
            file.sync_data().unwrap();
            other.write_all_at(&content[..PIECE], at as u64).unwrap();
            other.sync_data().unwrap();
        }
        Warpcp::copy("-a --reflink", &source, &target).succeeds();
        assert!(stays("-a", &source, &target), "{fs}");
        let file = fs::OpenOptions::new().write(true).open(&target).unwrap();
        file.write_all_at(b"\xff\x00", (content.len() - 2) as u64).unwrap();
        file.sync_all().unwrap();
        for path in [&source, &target] {
            times(path, (1000, 1), (2000, 2));
        }
        assert!(!stays("-a", &source, &target), "{fs}");
    }
}

/// Two file systems that were made alike put their first file at the same place.
#[test]
fn files_at_one_place_of_two_disks_are_two() {
    let Some(scratch) = Scratch::anywhere() else { return };
    if !has_tool("filefrag") {
        return;
    }
    for (mkfs, is_bound) in
        [("mkfs.btrfs", false), ("mkfs.xfs", false), ("mkfs.btrfs", true), ("mkfs.xfs", true)]
    {
        let disk = |number: u64| {
            let name = format!("{mkfs}{number}{is_bound}");
            let disk = Mounted::image(&scratch, &name, 400, &[mkfs, "-q"], "defaults")?;
            write(disk.join("file"), bytes(100_000, number));
            times(&disk.join("file"), (1000, 1), (2000, 2));
            forget(&disk.join("file"));
            Some(disk)
        };
        let (Some(one), Some(other)) = (disk(1), disk(2)) else { continue };
        let (source, there) = (one.join("file"), other.join("file"));
        assert_eq!(place(&source), place(&there), "{mkfs} makes them differ now");
        let mut target = there.clone();
        let mut bound = None;
        if is_bound {
            // The target's directory is on the source's disk.
            target = one.join("name");
            write(&target, b"");
            bound = Mounted::bind(&there, &target);
        }
        Warpcp::copy("-a", &source, &target).succeeds();
        drop(bound);
        assert_same_bytes(&source, &there);
    }
}

/// Puts a file on disk, and out of memory.
fn forget(path: &Path) {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

/// Where a file's first piece lies.
fn place(path: &Path) -> String {
    let output = Command::new("filefrag").arg("-v").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let first = text.lines().find(|line| line.trim_start().starts_with("0:")).expect(&text);
    first.split(':').nth(2).unwrap().to_owned()
}

/// What is mounted on one name says nothing about those beside it.
#[test]
fn a_file_mounted_among_those_of_a_server_does_not_make_them_trusted() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !has_tool("bindfs") {
        return;
    }
    let (source, server) = (scratch.join("source"), scratch.join("server"));
    fs::create_dir_all(server.join("tree")).unwrap();
    fs::create_dir(&source).unwrap();
    let words = ["-t", "fuse.bindfs", "-o", "kernel_cache"].map(OsStr::new);
    let at = scratch.join("client");
    let Some(client) = Mounted::new(words.into_iter().chain([server.as_os_str()]), &at) else {
        return;
    };
    let target = client.join("tree");
    for number in 0..5 {
        let file = source.join(number.to_string());
        write(&file, bytes(1000, number));
        times(&file, (1000, 1), (2000, 2));
    }
    let mounted = scratch.join("mounted");
    for number in 0..5 {
        Warpcp::copy("-aT", &source, &target).succeeds();
        write(&mounted, bytes(1000, 9));
        times(&mounted, (1000, 1), (2000, 2));
        let name = number.to_string();
        let Some(_bound) = Mounted::bind(&mounted, &target.join(&name)) else { return };
        for other in (0..5).filter(|other| *other != number) {
            // In the client's memory; the server has something else by now, of the same length and time.
            assert_eq!(read(target.join(other.to_string())).len(), 1000);
            let file = server.join("tree").join(other.to_string());
            write(&file, bytes(1000, 77));
            times(&file, (1000, 1), (2000, 2));
        }
        Warpcp::copy("-aTj1", &source, &target).succeeds();
        for other in (0..5).filter(|other| *other != number) {
            let other = other.to_string();
            assert_same_bytes(source.join(&other), server.join("tree").join(&other));
        }
    }
}

/// Who asks for blocks of its own gets them.
#[test]
fn a_clone_does_not_stay_where_none_is_wanted() {
    for fs in [Fs::Btrfs, Fs::Xfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = cloned_pair(&scratch, 100_000);
        assert!(!stays("-a --reflink=never", &source, &target), "{fs}");
    }
}

/// A file of this many bytes, on disk, and its clone.
fn cloned_pair(scratch: &Scratch, len: usize) -> (PathBuf, PathBuf) {
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    let _ = fs::remove_file(&target);
    write(&source, bytes(len, 7));
    times(&source, (1000, 1), (2000, 2));
    Warpcp::copy("-a --reflink", &source, &target).succeeds();
    (source, target)
}
