//! Clones: whole or not at all, shared where that was demanded, never empty, never stale.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::support::plant::write;
use crate::support::trace::can_trace;
use crate::support::{
    Fs, Mounted, Random, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes, bytes,
    has_tool, is_root, read,
};

const MIB: usize = 1 << 20;

fn on_each_cloning(check: impl Fn(&Scratch)) {
    for fs in [Fs::Btrfs, Fs::Xfs] {
        if let Some(scratch) = Scratch::on(fs) {
            check(&scratch);
        }
    }
}

/// Whether the file system says that the file's blocks are shared.
fn is_shared(path: &Path) -> bool {
    let output = Command::new("filefrag").arg("-v").arg("-s").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let extents: Vec<_> = text.lines().filter(|line| line.contains(": ")).collect();
    let rows =
        extents.iter().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    rows.clone().count() > 0 && rows.clone().all(|row| row.contains("shared"))
}

#[test]
fn a_demanded_clone_shares_blocks() {
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(3 * MIB + 5, 1));
        for options in ["--reflink=always", "--reflink", "--reflink=always --atomic=always"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            assert!(is_shared(&target), "{options}: {}", target.display());
            fs::remove_file(&target).unwrap();
        }
        Warpcp::copy("--reflink=never", &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        assert!(!is_shared(&target));
    });
}

// E14: a refused clone must leave no empty file, and what was there must stay.
#[test]
fn a_demanded_clone_that_cannot_be_leaves_everything_as_it_was() {
    for fs in [Fs::Ext4, Fs::Tmpfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        for len in [1, 5000, MIB] {
            write(&source, bytes(len, 2));
            for atomic in ["auto", "always", "never"] {
                let options = format!("--reflink=always --atomic={atomic}");
                Warpcp::copy(&options, &source, &target).fails().says("target");
                assert!(!target.exists(), "{options}");
            }
            write(&target, b"old");
            Warpcp::copy("--reflink=always", &source, &target).fails();
            assert_eq!(read(&target), b"old");
            fs::remove_file(&target).unwrap();
            assert_nothing_left_over(scratch.path());
        }
    }
}

// T13: FICLONE never shortens its target; over a longer one the old tail stays.
#[test]
fn a_clone_over_a_longer_target_leaves_nothing_of_it() {
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        for len in [0, 4096, 16_384, MIB, MIB + 1] {
            write(&source, bytes(len, 3));
            for atomic in ["never", "auto", "always"] {
                for method in ["--method=clone", "--reflink=always", ""] {
                    write(&target, bytes(2 * MIB + 7, 4));
                    let options = format!("{method} --atomic={atomic}");
                    Warpcp::copy(&options, &source, &target).succeeds();
                    assert_same_bytes(&source, &target);
                }
            }
        }
    });
}

// T14: the clone writes dirty pages back first; after an I/O error a plain copy could read stale data.
#[test]
fn an_error_of_the_disk_while_cloning_is_not_papered_over() {
    if !can_trace() {
        return;
    }
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(2 * MIB, 5));
        for error in ["EIO", "ENOMEM", "ENOSPC", "EDQUOT", "EUCLEAN"] {
            let copy = Warpcp::copy("-j1", &source, &target);
            let outcome = copy.inject(&format!("ioctl:error={error}")).fails().met_the_fault();
            assert!(outcome.stderr.contains("target"), "{outcome}");
            assert!(!target.exists(), "{error} left a target");
            assert_nothing_left_over(scratch.path());
        }
    });
}

// T05 for clones: everything else only means "not this way".
#[test]
fn a_refused_clone_is_copied_another_way() {
    if !can_trace() {
        return;
    }
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(2 * MIB, 6));
        for error in [
            "EOPNOTSUPP",
            "ENOTTY",
            "ENOSYS",
            "EXDEV",
            "EINVAL",
            "EPERM",
            "EBADF",
            "ETXTBSY",
            "EACCES",
            "EAGAIN",
        ] {
            Warpcp::copy("-j1", &source, &target)
                .inject(&format!("ioctl:error={error}"))
                .succeeds()
                .met_the_fault();
            assert_same_bytes(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    });
}

// T15: OpenZFS 2.2 cloned a part, or nothing, and said that all was well.
#[test]
fn a_clone_that_did_nothing_and_claims_success_is_found_out() {
    if !can_trace() {
        return;
    }
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(2 * MIB, 7));
        for options in ["-j1", "-j1 --reflink=always", "-j1 --atomic=never"] {
            let outcome = Warpcp::copy(options, &source, &target).inject("ioctl:retval=0").run();
            let outcome = outcome.met_the_fault();
            if outcome.is_success() {
                assert_same_bytes(&source, &target);
                fs::remove_file(&target).unwrap();
            } else {
                outcome.assert_code(1);
                assert!(!target.exists(), "{outcome}");
            }
        }
    });
}

// T16: ZFS says EAGAIN for data that is not on disk yet.
#[test]
fn a_demanded_clone_that_is_told_to_try_again_ends() {
    if !can_trace() {
        return;
    }
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(MIB, 8));
        Warpcp::copy("-j1 --reflink=always", &source, &target)
            .inject("ioctl:error=EAGAIN")
            .fails()
            .met_the_fault();
        assert!(!target.exists());
        assert_nothing_left_over(scratch.path());
    });
}

// T17: files with and without copy-on-write cannot share blocks.
#[test]
fn btrfs_files_without_copy_on_write_are_copied_both_ways() {
    let Some(scratch) = Scratch::on(Fs::Btrfs) else { return };
    if !is_root() || !has_tool("chattr") {
        return;
    }
    let nocow = scratch.join("nocow");
    fs::create_dir(&nocow).unwrap();
    let changed = Command::new("chattr").arg("+C").arg(&nocow).status().unwrap();
    assert!(changed.success());
    let cow = scratch.join("cow");
    fs::create_dir(&cow).unwrap();
    for (from, to) in [(&nocow, &cow), (&cow, &nocow), (&nocow, &nocow)] {
        for len in [10, 100_000, 3 * MIB + 1] {
            let (source, target) = (from.join("source"), to.join("target"));
            write(&source, bytes(len, 9));
            for options in ["", "-a", "--atomic=always", "--method=clone"] {
                Warpcp::copy(options, &source, &target).succeeds();
                assert_same_bytes(&source, &target);
                fs::remove_file(&target).unwrap();
            }
        }
    }
}

// T18: another device number does not mean another file system.
#[test]
fn clones_cross_btrfs_subvolumes() {
    let Some(scratch) = Scratch::on(Fs::Btrfs) else { return };
    if !is_root() || !has_tool("btrfs") {
        return;
    }
    for name in ["one", "two"] {
        let path = scratch.join(name);
        let output =
            Command::new("btrfs").args(["-q", "subvolume", "create"]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (source, target) = (scratch.join("one/file"), scratch.join("two/file"));
    write(&source, bytes(2 * MIB, 10));
    Warpcp::copy("--reflink=always", &source, &target).succeeds();
    assert_same_bytes(&source, &target);
    assert!(is_shared(&target));
    fs::remove_file(&target).unwrap();
    Warpcp::copy("--debug", &source, &target).succeeds().shows(": clone, ");
    assert_same_bytes(&source, &target);
}

// T18: nor does another mount.
#[test]
fn clones_cross_bind_mounts() {
    on_each_cloning(|scratch| {
        let (here, there) = (scratch.join("here"), scratch.join("there"));
        fs::create_dir(&here).unwrap();
        let Some(_mounted) = Mounted::bind(&here, &there) else { return };
        let (source, target) = (here.join("source"), there.join("target"));
        write(&source, bytes(2 * MIB, 11));
        Warpcp::copy("--reflink=always", &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        assert!(is_shared(&target));
    });
}

// T19: a clone is not atomic: killed in the middle it leaves a prefix that looks like a file.
#[test]
fn a_clone_killed_in_the_middle_shows_under_no_final_name() {
    on_each_cloning(|scratch| {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        // Every other block is a hole: as many extents as blocks.
        let block = bytes(4096, 12);
        let extents: Vec<(u64, &[u8])> = (0..12_000).map(|n| (n * 8192, &block[..])).collect();
        crate::support::plant::sparse(&source, 12_000 * 8192, &extents);
        let mut random = Random::new(19);
        for round in 0..24 {
            let is_replaced = round % 2 == 0;
            if is_replaced {
                write(&target, b"old");
            }
            let options = ["--atomic=always", "--atomic=always --reflink=always"][round / 2 % 2];
            let run = Warpcp::copy(options, &source, &target).spawn();
            std::thread::sleep(std::time::Duration::from_micros(random.below(60_000)));
            run.signal(Signal::KILL);
            run.wait();
            match fs::metadata(&target) {
                Ok(metadata) if metadata.len() == 3 && is_replaced => {
                    assert_eq!(read(&target), b"old");
                }
                Ok(_) => assert_same_bytes(&source, &target),
                Err(_) => assert!(!is_replaced, "the old target is gone"),
            }
            for left in crate::support::run::left_over(scratch.path()) {
                fs::remove_file(left).unwrap();
            }
            let _ = fs::remove_file(&target); // Absent when the kill came early.
        }
    });
}
