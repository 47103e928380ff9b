//! Whatever moves the bytes, they arrive.

use std::fs;
use std::path::Path;

use crate::support::trace::can_trace;
use crate::support::{
    Fs, Scratch, Warpcp, assert_same_bytes, bytes, everywhere, plant::write, read,
};

pub(crate) const METHODS: [&str; 7] =
    ["auto", "clone", "copy_file_range", "sendfile", "uncached", "direct", "read_write"];

/// Around every size that some method cares about: nothing, one byte, sectors, pages, thresholds, odd tails.
const LENGTHS: [usize; 20] = [
    0,
    1,
    511,
    512,
    513,
    4095,
    4096,
    4097,
    16_383,
    16_384,
    65_535,
    65_536,
    65_537,
    131_073,
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
    (1 << 20) + 4096,
    (2 << 20) + 511,
    5_000_003,
];

everywhere! {
    // T71; a direct write of an odd tail is the classic way to lose it (E11), an empty file to fail (E12).
    fn every_method_copies_every_length(scratch) {
        for len in LENGTHS {
            let source = scratch.join(format!("{len}"));
            write(&source, bytes(len, len as u64));
            for method in METHODS {
                let target = scratch.join(format!("{len}.{method}"));
                Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
                assert_same_bytes(&source, &target);
            }
        }
    }

    // T71: the same over something longer, in place and replaced.
    fn every_method_leaves_nothing_of_a_longer_target(scratch) {
        let target = scratch.join("target");
        for len in [0, 1, 4096, 70_001, 1 << 20] {
            let source = scratch.join("source");
            write(&source, bytes(len, 1));
            for method in METHODS {
                for atomic in ["never", "auto", "always"] {
                    write(&target, bytes(3_000_000, 2));
                    let options = format!("--method={method} --atomic={atomic}");
                    Warpcp::copy(&options, &source, &target).succeeds();
                    assert_same_bytes(&source, &target);
                }
            }
        }
    }

    // T01, E7: files of procfs say that they are empty.
    fn files_of_procfs_arrive_whole(scratch) {
        for file in ["/proc/version", "/proc/filesystems", "/proc/kallsyms", "/proc/cpuinfo"] {
            stable_text_arrives(scratch, Path::new(file));
        }
    }

    // T02: files of sysfs say that they have 4096 bytes.
    fn files_of_sysfs_arrive_with_the_length_they_have(scratch) {
        let candidates = [
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "/sys/devices/system/cpu/online",
            "/sys/kernel/uevent_seqnum",
            "/sys/module/kernel/parameters/panic",
        ];
        for file in candidates.map(Path::new).into_iter().filter(|file| file.exists()) {
            stable_text_arrives(scratch, file);
        }
    }

    fn uncached_copies_of_a_tree_are_whole(scratch) {
        let source = scratch.join("source");
        fs::create_dir(&source).unwrap();
        for len in LENGTHS {
            write(source.join(format!("{len}")), bytes(len, 3));
        }
        Warpcp::copy("-r --uncached", &source, scratch.join("target")).succeeds();
        for len in LENGTHS {
            let name = format!("{len}");
            assert_same_bytes(source.join(&name), scratch.join("target").join(&name));
        }
    }
}

fn stable_text_arrives(scratch: &Scratch, file: &Path) {
    for method in METHODS {
        let target = scratch.join("text");
        Warpcp::copy(&format!("--method={method}"), file, &target).succeeds();
        assert!(read(file) == read(&target), "{} by {method} differs", file.display());
        fs::remove_file(&target).unwrap();
    }
}

/// Copies 3 MiB with a method forced and returns the calls that could have moved bytes.
fn calls_of(scratch: &Scratch, method: &str) -> Option<(String, String)> {
    if !can_trace() {
        return None;
    }
    let (source, target) = (scratch.join("source"), scratch.join(method));
    write(&source, bytes(3 << 20, 4));
    let outcome = Warpcp::copy(&format!("--debug --method={method}"), &source, &target)
        .trace("copy_file_range,sendfile,ioctl,splice,read,pread64,write,pwrite64,pwritev2,openat")
        .succeeds();
    assert_same_bytes(&source, &target);
    Some((outcome.trace, outcome.stdout))
}

#[test]
fn copy_file_range_when_asked_for_moves_every_byte() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let Some((calls, shown)) = calls_of(&scratch, "copy_file_range") else { return };
    assert!(calls.contains("copy_file_range(") && !calls.contains("FICLONE"), "{calls}");
    assert!(!calls.contains("sendfile("), "{calls}");
    assert!(shown.contains(": copy_file_range, "), "{shown}");
}

#[test]
fn sendfile_when_asked_for_moves_every_byte() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let Some((calls, shown)) = calls_of(&scratch, "sendfile") else { return };
    assert!(calls.contains("sendfile(") && !calls.contains("FICLONE"), "{calls}");
    assert!(!calls.contains("copy_file_range("), "{calls}");
    assert!(shown.contains(": sendfile, "), "{shown}");
}

// The plain mode: the switch that turns every optimisation off.
#[test]
fn reading_and_writing_when_asked_for_uses_nothing_else() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let Some((calls, shown)) = calls_of(&scratch, "read_write") else { return };
    let calls = calls.replace("O_DIRECTORY", "");
    for call in ["copy_file_range(", "sendfile(", "splice(", "FICLONE", "O_DIRECT"] {
        assert!(!calls.contains(call), "{call}: {calls}");
    }
    assert!(shown.contains(": read_write, "), "{shown}");
}

#[test]
fn direct_when_asked_for_opens_directly() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let Some((calls, shown)) = calls_of(&scratch, "direct") else { return };
    assert!(!calls.contains("copy_file_range(") && !calls.contains("sendfile("), "{calls}");
    assert!(shown.contains(": direct, "), "{shown}");
}

#[test]
fn a_method_that_cannot_do_the_file_says_why_and_what_did() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let Some((_, shown)) = calls_of(&scratch, "clone") else { return };
    assert!(shown.contains("read_write") && shown.contains("clone refused"), "{shown}");
}

#[test]
fn cloning_when_possible_is_what_debug_reports() {
    for fs in [Fs::Btrfs, Fs::Xfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let Some((calls, shown)) = calls_of(&scratch, "auto") else { return };
        assert!(calls.contains("FICLONE"), "{calls}");
        assert!(!calls.contains("copy_file_range("), "{calls}");
        assert!(shown.contains(": clone, "), "{shown}");
    }
}
