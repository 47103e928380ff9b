//! What is on the disk when the command says that it is done.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::mount::may_mount;
use crate::support::plant::write;
use crate::support::trace::can_trace;
use crate::support::{
    Dir, File, Fs, HardLink, Mounted, Scratch, Symlink, Warpcp, assert_nothing_left_over,
    assert_same_bytes, assert_same_tree, bytes, everywhere, has_tool, plant, read,
};

everywhere! {
    // T67: an error of fsync may come once, and then the pages count as clean.
    fn a_file_that_could_not_be_synced_takes_no_name(scratch) {
        if !can_trace() {
            return;
        }
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(300_000, 1));
        for sync in ["data", "full"] {
            for error in ["EIO", "ENOSPC", "EDQUOT"] {
                for (atomic, is_replaced) in
                    [("auto", true), ("always", true), ("always", false), ("auto", false)]
                {
                    if is_replaced {
                        write(&target, b"old");
                    }
                    let options = format!("-j1 --sync={sync} --atomic={atomic}");
                    let outcome = Warpcp::copy(&options, &source, &target)
                        .inject(&format!("fsync:error={error}:when=1"))
                        .inject(&format!("fdatasync:error={error}:when=1"))
                        .inject(&format!("syncfs:error={error}:when=1"))
                        .trace("renameat,renameat2,linkat,rename,link")
                        .fails()
                        .met_the_fault();
                    if is_replaced {
                        assert_eq!(read(&target), b"old", "{outcome}");
                        fs::remove_file(&target).unwrap();
                    } else {
                        assert!(!target.exists(), "{outcome}");
                    }
                    assert_nothing_left_over(scratch.path());
                    let outcome = outcome.says("target");
                    let (_, after) = outcome.trace.split_once("(INJECTED)").unwrap();
                    assert!(!after.contains("rename") && !after.contains("link"), "{after}");
                }
            }
        }
    }

    fn syncing_changes_nothing_else(scratch) {
        let source = scratch.join("source");
        crate::support::Garden::new(67).grow(&source, 60);
        for sync in ["none", "data", "full"] {
            for options in ["-a", "-a -j4 --atomic=always"] {
                let target = scratch.join(format!("{sync} {options}"));
                Warpcp::copy(&format!("{options} --sync={sync}"), &source, &target).succeeds();
                assert_same_tree(&source, &target);
            }
        }
    }
}

// The order is what makes it durable: content, then name, then directory.
#[test]
fn a_name_is_given_after_the_content_is_synced_and_before_its_directory_is() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(300_000, 2));
    let calls = "fsync,fdatasync,syncfs,renameat,renameat2,rename,linkat,link,openat,mkdirat";
    let run = |options: &str| {
        write(&target, b"old");
        let log = Warpcp::copy(options, &source, &target).trace(calls).succeeds().trace;
        assert_same_bytes(&source, &target);
        log.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let is_sync = |line: &String| line.contains("sync(") || line.contains("syncfs(");
    let is_name = |line: &String| line.contains("rename") || line.contains("link");
    let log = run("-j1 --atomic=always --sync=full");
    let named = log.iter().rposition(is_name).expect("a rename");
    assert!(log[..named].iter().any(is_sync), "{log:#?}");
    assert!(log[named + 1..].iter().any(is_sync), "{log:#?}");
    let log = run("-j1 --atomic=always --sync=data");
    let named = log.iter().rposition(is_name).expect("a rename");
    assert!(log[..named].iter().any(is_sync), "{log:#?}");
    let log = run("-j1 --atomic=always");
    assert!(!log.iter().any(is_sync), "{log:#?}");
}

// T68: the power goes off after success: the disk as it is in that moment is mounted.
#[test]
fn what_was_synced_in_full_survives_a_power_cut() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !may_mount() || !has_tool("mkfs.xfs") {
        return;
    }
    let source = scratch.join("source");
    let large = bytes(3_000_000, 3);
    plant(
        &source,
        &[
            ("directory", Dir),
            ("directory/deep", Dir),
            ("directory/deep/file", File(b"deep")),
            ("large", File(&large)),
            ("link", HardLink("large")),
            ("symlink", Symlink("large")),
            ("empty", File(b"")),
        ],
    );
    for number in 0..50 {
        write(source.join(format!("directory/{number}")), bytes(number * 500, 4));
    }
    let kinds: [(&[&str], u64, &str); 3] = [
        (&["mkfs.ext4", "-q", "-F"], 64, "loop"),
        (&["mkfs.xfs", "-q", "-f", "-m", "reflink=1"], 320, "loop,nouuid"),
        (&["mkfs.btrfs", "-q", "-f"], 160, "loop"),
    ];
    for (number, (mkfs, mib, options)) in kinds.into_iter().enumerate() {
        let name = format!("disk{number}");
        // No write back of its own accord while we look.
        let Some(disk) = Mounted::image(&scratch, &name, mib, mkfs, "noatime") else { return };
        fs::create_dir(disk.join("place")).unwrap();
        write(disk.join("place/file"), b"old");
        rustix::fs::syncfs(fs::File::open(disk.path()).unwrap()).unwrap();
        Warpcp::copy("-a --sync=full", &source, disk.join("place/tree")).succeeds();
        let file = source.join("large");
        Warpcp::copy("--sync=full", &file, disk.join("place/file")).succeeds();
        Warpcp::copy("--sync=full --atomic=always", &file, disk.join("place/new")).succeeds();

        let image = scratch.join(format!("{name}.image"));
        let cut = scratch.join(format!("{name}.cut"));
        snapshot(&image, &cut);
        drop(disk); // Two file systems of one identity cannot be mounted at a time.
        let words = [Path::new("-o"), Path::new(options), &cut];
        let after = Mounted::new(words, &scratch.join(format!("{name}.after"))).unwrap();
        assert_same_tree(&source, after.join("place/tree"));
        assert_same_bytes(&file, after.join("place/file"));
        assert_same_bytes(&file, after.join("place/new"));
        assert_nothing_left_over(after.path());
    }
}

/// Takes what the disk holds at this moment, nothing of the caches above it.
fn snapshot(image: &Path, cut: &Path) {
    // The loop device writes through the page cache of the file below it, which is our disk.
    let status = Command::new("cp").args(["--sparse=always", "--"]).args([image, cut]).status();
    assert!(status.unwrap().success());
}
