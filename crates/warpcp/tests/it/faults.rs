//! Kernels that refuse, lie and fail: what a method cannot do another one does, and true errors are said.

use std::fs;

use crate::support::plant::{sparse, write};
use crate::support::trace::{Calls, can_trace};
use crate::support::{
    Fs, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes, bytes, read,
};

const MIB: u64 = 1 << 20;

/// Codes that only mean "not this way", whatever the file system meant by them.
const REFUSALS: [&str; 14] = [
    "ENOSYS",
    "EPERM",
    "EXDEV",
    "EOPNOTSUPP",
    "524",
    "EINVAL",
    "EBADF",
    "ETXTBSY",
    "EACCES",
    "ENOENT",
    "ENODATA",
    "EFBIG",
    "ENOMEM",
    "EAGAIN",
];

/// A scratch without clones, if calls can be failed here.
fn plain() -> Option<Scratch> {
    if can_trace() { Scratch::on(Fs::Ext4) } else { None }
}

/// A file with data in several places, so that every method is called more than once.
fn in_parts(scratch: &Scratch) -> std::path::PathBuf {
    let source = scratch.join("source");
    let data = bytes(MIB as usize, 1);
    let parts: Vec<(u64, &[u8])> = (0..5).map(|number| (number * 3 * MIB, &data[..])).collect();
    sparse(&source, 15 * MIB, &parts);
    source
}

// T03: kernels 5.3 to 5.18 say "nothing copied" for files that have content.
#[test]
fn a_false_zero_at_the_start_is_not_the_end() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(20 << 20, 2));
    for call in ["copy_file_range", "sendfile"] {
        Warpcp::copy(&format!("-j1 --method={call}"), &source, &target)
            .inject(&format!("{call}:retval=0:when=1"))
            .succeeds()
            .met_the_fault();
        assert_same_bytes(&source, &target);
    }
}

// T04, E09: a loop that waits for the rest spins for ever; one that believes the zero loses it.
#[test]
fn a_false_zero_after_progress_is_not_the_end() {
    let Some(scratch) = plain() else { return };
    let target = scratch.join("target");
    let source = in_parts(&scratch);
    for call in ["copy_file_range", "sendfile"] {
        for when in ["2", "2+", "3", "1+"] {
            Warpcp::copy(&format!("-j1 --method={call}"), &source, &target)
                .inject(&format!("{call}:retval=0:when={when}"))
                .succeeds()
                .met_the_fault();
            assert_same_bytes(&source, &target);
        }
    }
}

// T05, E18: fallback on ENOSYS and EXDEV alone is the most repeated fault of copiers.
#[test]
fn a_refused_method_is_followed_by_the_next() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(1 << 19, 3));
    // Where it does not clone, Btrfs is asked to copy a range.
    if let Some(scratch) = Scratch::on(Fs::Btrfs) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(1 << 19, 3));
        for error in REFUSALS {
            let shown = Warpcp::copy("-j1 --debug", &source, &target)
                .inject("ioctl:error=EOPNOTSUPP")
                .inject(&format!("copy_file_range:error={error}:when=1"))
                .succeeds()
                .met_the_fault()
                .stdout;
            // Others are worth another try.
            let is_final = ["ENOSYS", "EPERM", "EXDEV", "EOPNOTSUPP", "EINVAL"].contains(&error);
            assert!(!is_final || shown.contains(": sendfile, "), "{error}: {shown}");
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    }
    for error in ["ENOSYS", "EINVAL", "EPERM", "EOPNOTSUPP", "ENODATA", "EOVERFLOW"] {
        Warpcp::copy("-j1", &source, &target)
            .inject(&format!("sendfile:error={error}:when=1"))
            .succeeds()
            .met_the_fault();
        assert_same_bytes(&source, &target);
        fs::remove_file(&target).unwrap();
    }
}

// What is in the pipe of `sendfile` when something fails is neither lost nor written twice.
#[test]
fn a_pipe_that_fails_half_way_changes_nothing() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes((5 << 20) + 123, 7));
    let copy =
        |fault: &str| Warpcp::copy("-j1", &source, &target).inject(fault).run().met_the_fault();
    let harmless =
        ["pipe2:error=EMFILE", "splice:error=EINVAL:when=1", "splice:error=EINTR:when=2"];
    let refused = ["splice:error=EINVAL:when=2", "sendfile:error=EINVAL:when=3"];
    for fault in [&harmless[..], &refused].concat() {
        copy(fault).assert_code(0);
        assert_same_bytes(&source, &target);
        fs::remove_file(&target).unwrap();
    }
    // The last two are lies: less is in the pipe than was said, and the target takes nothing.
    for fault in [
        "splice:error=ENOSPC:when=1",
        "splice:error=ENOSPC:when=2",
        "splice:error=EIO:when=3",
        "sendfile:error=EIO:when=2",
        "sendfile:retval=1048576:when=2",
        "splice:retval=0:when=2",
    ] {
        copy(fault).assert_code(1);
        assert!(!target.exists(), "{fault}");
    }
}

// A pipe that failed in one file is not the next one's.
#[test]
fn what_a_pipe_still_held_does_not_reach_the_next_file() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    fs::create_dir(&source).unwrap();
    let names = ["a", "b", "c", "d", "e"];
    for (number, name) in names.into_iter().enumerate() {
        write(source.join(name), bytes(300_000, number as u64));
    }
    for (fault, missing) in [
        ("splice:error=EINVAL:when=2", 0),
        ("splice:error=EIO:when=2", 1),
        ("splice:retval=0:when=2", 1),
        ("sendfile:error=EIO:when=3", 1),
    ] {
        let outcome = Warpcp::copy("-r -j1", &source, &target).inject(fault).run().met_the_fault();
        outcome.assert_code(i32::from(missing > 0));
        let there: Vec<_> = names.into_iter().filter(|name| target.join(name).exists()).collect();
        assert_eq!(there.len() + missing, names.len(), "{fault}: {there:?}");
        for name in there {
            assert_same_bytes(source.join(name), target.join(name));
        }
        fs::remove_dir_all(&target).unwrap();
    }
}

// T06, E03: going on from the wrong offset duplicates the head (102,400 bytes became 152,400).
#[test]
fn a_method_refused_half_way_is_followed_from_where_it_was() {
    let Some(scratch) = plain() else { return };
    let target = scratch.join("target");
    let source = in_parts(&scratch);
    for error in REFUSALS {
        for when in 2..=4 {
            let outcome = Warpcp::copy("-j1 --method=copy_file_range", &source, &target)
                .inject(&format!("copy_file_range:error={error}:when={when}"))
                .run()
                .met_the_fault();
            // Reported from CIFS at the start only; later on it may be surfaced.
            if error == "ENOENT" && !outcome.is_success() {
                outcome.assert_code(1);
                assert!(!target.exists());
                continue;
            }
            outcome.assert_code(0);
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    }
}

// T06 in one stretch of data: the calls are for parts of one file without holes.
#[test]
fn a_long_file_goes_on_in_the_middle_of_its_data() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(200 << 20, 4));
    for call in ["copy_file_range", "sendfile"] {
        Warpcp::copy(&format!("-j1 --method={call}"), &source, &target)
            .inject(&format!("{call}:error=EINVAL:when=2"))
            .succeeds()
            .met_the_fault();
        assert_same_bytes(&source, &target);
    }
}

// T07: an error of the disk is not a refusal.
#[test]
fn an_error_of_the_disk_leaves_no_target() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(3 << 20, 5));
    for call in ["copy_file_range", "sendfile"] {
        for atomic in ["auto", "always", "never"] {
            let outcome =
                Warpcp::copy(&format!("--method={call} --atomic={atomic}"), &source, &target)
                    .inject(&format!("{call}:error=EIO:when=1"))
                    .fails()
                    .says("Input/output error")
                    .met_the_fault();
            assert!(outcome.stderr.contains("source") || outcome.stderr.contains("target"));
            assert!(!target.exists(), "{atomic}");
            assert_nothing_left_over(scratch.path());
        }
    }
}

// T08, E02: what was written before the disk was full must not look like a file.
#[test]
fn a_full_disk_half_way_leaves_the_old_target() {
    let Some(scratch) = plain() else { return };
    let target = scratch.join("target");
    let source = in_parts(&scratch);
    for (error, call) in [("ENOSPC", "splice"), ("EDQUOT", "splice"), ("ENOSPC", "copy_file_range")]
    {
        let method = if call == "splice" { "sendfile" } else { call };
        let copy = |options: &str| {
            Warpcp::copy(&format!("-j1 --method={method} {options}"), &source, &target)
                .inject(&format!("{call}:error={error}:when=2"))
                .fails()
                .met_the_fault();
        };
        for atomic in ["auto", "always"] {
            write(&target, b"old");
            copy(&format!("--atomic={atomic}"));
            assert_eq!(read(&target), b"old");
            assert_nothing_left_over(scratch.path());
        }
        fs::remove_file(&target).unwrap();
        copy("");
        assert!(!target.exists());
    }
}

// T08 in place: the part that was confirmed may stay, garbage and a zero tail may not.
#[test]
fn a_full_disk_in_place_leaves_nothing_past_what_was_written() {
    let Some(scratch) = plain() else { return };
    let target = scratch.join("target");
    let source = in_parts(&scratch);
    let whole = read(&source);
    for (method, call) in [("sendfile", "splice"), ("copy_file_range", "copy_file_range")] {
        write(&target, bytes(20 << 20, 6));
        Warpcp::copy(&format!("-j1 --atomic=never --method={method}"), &source, &target)
            .inject(&format!("{call}:error=ENOSPC:when=3"))
            .fails()
            .met_the_fault();
        let part = read(&target);
        assert!(part.len() as u64 <= 7 * MIB, "{} bytes", part.len());
        assert!(part == whole[..part.len()], "what is there is not the source's start");
    }
}

// T09: a signal before the first byte.
#[test]
fn interrupted_calls_are_made_again() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(3 << 20, 7));
    let table = [
        ("copy_file_range", "copy_file_range"),
        ("sendfile", "sendfile"),
        ("read_write", "read"),
        ("read_write", "write"),
        ("read_write", "pread64"),
        ("read_write", "pwrite64"),
        ("direct", "pwrite64"),
        ("uncached", "pwritev2"),
    ];
    let mut interrupted = Vec::new();
    for (method, call) in table {
        let copy = Warpcp::copy(&format!("-j1 --method={method}"), &source, &target);
        // Not the first calls: those are the loader's, who does not expect signals.
        let marker = scratch.path().to_string_lossy().into_owned();
        let seen = copy.clone().trace(&format!("openat,{call}")).succeeds().trace;
        let (before, total) = Calls::count(&seen, &marker).0.get(call).copied().unwrap_or_default();
        if before == total {
            continue; // This way of the method makes other calls.
        }
        fs::remove_file(&target).unwrap();
        let (first, last) = (before + 1, before + 100);
        let outcome = copy.inject(&format!("{call}:error=EINTR:when={first}..{last}")).succeeds();
        assert_same_bytes(&source, &target);
        assert!(outcome.injected() >= 100, "{} interrupts of {call}", outcome.injected());
        interrupted.push(method);
        fs::remove_file(&target).unwrap();
    }
    for method in ["copy_file_range", "sendfile", "read_write", "direct", "uncached"] {
        assert!(interrupted.contains(&method), "{method} made none of these calls");
    }
}

// T12: the limit shortens the first call and fails the next.
#[test]
fn a_limit_on_the_length_of_files_publishes_no_part() {
    for fs in Fs::FULL {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(MIB as usize, 8));
        for method in crate::methods::METHODS {
            let options = format!("--method={method} --reflink=never");
            if method == "clone" || method == "copy_file_range" {
                continue;
            }
            limited(&options, &source, &target).fails().says("File too large");
            assert!(!target.exists(), "{fs} {options}");
            assert_nothing_left_over(scratch.path());
        }
        limited("", &source, &target).fails().says("File too large");
        assert!(!target.exists(), "{fs}");
        write(&target, b"old");
        limited("", &source, &target).fails().says("File too large");
        assert_eq!(read(&target), b"old");
        assert_nothing_left_over(scratch.path());
    }
}

fn limited(options: &str, source: &std::path::Path, target: &std::path::Path) -> Warpcp {
    // 200 blocks of 512 bytes, and the signal that comes with it ignored.
    let script = "trap '' XFSZ && ulimit -f 200 && exec \"$@\"";
    Warpcp::copy(options, source, target).under(["sh", "-c", script, "sh"])
}

// T43: containers answer EPERM to what their profile does not know; T74: gVisor has neither method.
#[test]
fn a_sandbox_that_forbids_calls_costs_speed_only() {
    if !can_trace() {
        return;
    }
    for fs in Fs::FULL {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let source = scratch.join("source");
        crate::support::Garden::new(43).grow(&source, 60);
        let sandboxes: [&[&str]; 8] = [
            &["openat2:error=EPERM"],
            &["statx:error=EPERM"],
            &["statx:error=ENOSYS"],
            &["copy_file_range:error=EPERM", "sendfile:error=EPERM"],
            &["pipe2:error=EMFILE"],
            &["copy_file_range:error=ENOSYS", "sendfile:error=ENOSYS", "ioctl:error=EOPNOTSUPP"],
            &["renameat2:error=ENOSYS", "fchmodat2:error=ENOSYS"],
            &[
                "openat2:error=EPERM",
                "statx:error=EPERM",
                "copy_file_range:error=EPERM",
                "ioctl:error=EPERM",
                "io_uring_setup:error=EPERM",
                "close_range:error=EPERM",
                "fchmodat2:error=EPERM",
                "renameat2:error=EPERM",
                "sendfile:error=EPERM",
                "fadvise64:error=EPERM",
            ],
        ];
        for (number, calls) in sandboxes.into_iter().enumerate() {
            for options in ["-a -j1", "-a -j4 --atomic=always"] {
                let target = scratch.join(format!("target{number}{options}"));
                let mut copy = Warpcp::copy(options, &source, &target);
                for call in calls {
                    copy = copy.inject(call);
                }
                copy.succeeds();
                crate::support::assert_same_tree(&source, &target);
            }
        }
    }
}

// T64: without /proc an unnamed temporary file cannot get a name by it.
#[test]
fn nothing_depends_on_proc() {
    if !crate::support::mount::may_mount() {
        return;
    }
    for fs in Fs::FULL {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(2 << 20, 9));
        let script = "umount -l /proc && exec \"$@\"";
        for options in ["", "--atomic=always", "-a", "-a --atomic=always -j4"] {
            Warpcp::copy(options, &source, &target)
                .under(["unshare", "--mount", "sh", "-c", script, "sh"])
                .succeeds();
            assert_same_bytes(&source, &target);
        }
        assert_nothing_left_over(scratch.path());
    }
}

// T64: file systems without unnamed temporary files refuse the open.
#[test]
fn a_temporary_file_that_cannot_be_made_one_way_is_made_another() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(2 << 20, 10));
    for error in ["ENOSYS", "EPERM", "EINVAL", "EXDEV", "EOPNOTSUPP", "ENOENT"] {
        for call in ["linkat", "renameat2"] {
            for is_replaced in [false, true] {
                if is_replaced {
                    write(&target, b"old");
                }
                let outcome = Warpcp::copy("-j1 --atomic=always", &source, &target)
                    .inject(&format!("{call}:error={error}"))
                    .run();
                if outcome.is_success() {
                    assert_same_bytes(&source, &target);
                    fs::remove_file(&target).unwrap();
                } else {
                    outcome.assert_code(1);
                    outcome.assert_message();
                    assert!(!target.exists() || read(&target) == b"old", "{outcome}");
                }
                assert_nothing_left_over(scratch.path());
                let _ = fs::remove_file(&target); // There if it was replaced in vain.
            }
        }
    }
}

// T66: network file systems report the failed write at close; closing twice closes somebody else's file.
#[test]
fn an_error_of_close_is_said_and_close_is_not_tried_again() {
    let Some(scratch) = plain() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(2 << 20, 11));
    let closes = |trace: &str| trace.matches("close(").count();
    let all = Warpcp::copy("-j1", &source, &target).trace("close").succeeds().trace;
    fs::remove_file(&target).unwrap();
    for error in ["EIO", "EDQUOT", "ENOSPC"] {
        let mut was_said = false;
        for when in 1..=closes(&all) {
            let outcome = Warpcp::copy("-j1", &source, &target)
                .inject(&format!("close:error={error}:when={when}"))
                .run();
            let failed = outcome.trace.lines().find(|line| line.contains("(INJECTED)"));
            let is_target = failed.is_some_and(|line| {
                line.contains("/target") || line.contains("/.warp") || line.contains("(deleted)")
            });
            if is_target {
                outcome.assert_code(1);
                assert!(outcome.stderr.contains("target"), "{outcome}");
                assert!(!target.exists(), "{outcome}");
                was_said = true;
                let number = |line: &str| {
                    line.split_once("close(")
                        .unwrap()
                        .1
                        .split(['<', ')'])
                        .next()
                        .unwrap()
                        .to_owned()
                };
                let descriptor = number(failed.unwrap());
                let (_, after) = outcome.trace.split_once("(INJECTED)").unwrap();
                assert!(
                    !after
                        .lines()
                        .any(|line| line.contains("close(") && number(line) == descriptor),
                    "closed twice: {}",
                    outcome.trace
                );
            }
            let _ = fs::remove_file(&target); // There if the close was of something else.
            assert_nothing_left_over(scratch.path());
        }
        assert!(was_said, "the target was never closed where it could be seen");
    }
}

// E05: a descriptor closed twice is somebody else's in a program with threads.
#[test]
fn no_descriptor_is_closed_twice() {
    let Some(scratch) = plain() else { return };
    let source = scratch.join("source");
    crate::support::Garden::new(5).grow(&source, 80);
    for options in ["-a -j1", "-a -j4", "-a -j4 --atomic=always --sync=full"] {
        let outcome = Warpcp::copy(options, &source, scratch.join(format!("target{options}")))
            .trace("close,dup,dup2,dup3,fcntl,openat")
            .succeeds();
        let twice: Vec<_> = outcome.trace.lines().filter(|line| line.contains("EBADF")).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let leaking = |line: &&str| line.contains("openat(") && !line.contains("O_CLOEXEC");
        let open: Vec<_> = outcome.trace.lines().filter(leaking).collect();
        assert!(open.is_empty(), "inherited by other programs: {open:?}");
    }
}
