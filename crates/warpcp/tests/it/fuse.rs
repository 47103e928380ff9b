//! A file system that a program serves: no clones, no answer about holes, its own ideas of errors.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use crate::methods::METHODS;
use crate::support::plant::{sparse, write, xattr};
use crate::support::{
    Compare, Dir, File, Fs, HardLink, Scratch, Symlink, Warpcp, assert_nothing_left_over,
    assert_same_bytes, bytes, plant, read,
};

// T73: each method, to, from and within.
#[test]
fn every_method_copies_on_fuse() {
    let (Some(fuse), Some(disk)) = (Scratch::on(Fs::Fuse), Scratch::on(Fs::Ext4)) else { return };
    for len in [0, 1, 4095, 4097, 100_000, 5_000_003] {
        write(fuse.join("source"), bytes(len, 1));
        write(disk.join("source"), bytes(len, 2));
        for method in METHODS {
            for (from, to) in [(&fuse, &fuse), (&fuse, &disk), (&disk, &fuse)] {
                for atomic in ["auto", "always"] {
                    let (source, target) = (from.join("source"), to.join("target"));
                    let options = format!("--method={method} --atomic={atomic}");
                    Warpcp::copy(&options, &source, &target).succeeds();
                    assert_same_bytes(&source, &target);
                }
            }
        }
    }
    assert_nothing_left_over(fuse.path());
}

// T26: without an answer about holes everything is data, and zeros are found by reading.
#[test]
fn sparse_files_on_fuse_arrive_whole() {
    use std::os::unix::fs::MetadataExt;
    let (Some(fuse), Some(disk)) = (Scratch::on(Fs::Fuse), Scratch::on(Fs::Ext4)) else { return };
    let source = fuse.join("source");
    sparse(&source, 9 << 20, &[(3 << 20, &bytes(70_000, 3))]);
    for method in METHODS {
        let target = disk.join(method);
        Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
        assert_same_bytes(&source, &target);
    }
    let target = disk.join("target");
    Warpcp::copy("--sparse=always", &source, &target).succeeds();
    assert_same_bytes(&source, &target);
    assert!(std::fs::metadata(&target).unwrap().blocks() * 512 < 1 << 20);
}

#[test]
fn trees_are_archived_to_and_from_fuse() {
    let (Some(fuse), Some(disk)) = (Scratch::on(Fs::Fuse), Scratch::on(Fs::Ext4)) else { return };
    let large = bytes(2_000_000, 4);
    plant(
        &disk.join("source"),
        &[
            ("directory", Dir),
            ("directory/file", File(b"content")),
            ("large", File(&large)),
            ("link", HardLink("large")),
            ("symlink", Symlink("large")),
        ],
    );
    xattr(&disk.join("source/large"), "user.note", b"kept");
    for options in ["-a", "-a -j4", "-a --atomic=always --sync=full"] {
        Warpcp::copy(options, disk.join("source"), fuse.join("there")).succeeds();
        Warpcp::copy(options, fuse.join("there"), disk.join("back")).succeeds();
        // The server keeps no times of access and numbers inodes as it likes; blocks are its own matter.
        let compare = Compare { holes: false, links: false, ..Compare::default() };
        compare.assert(&disk.join("source"), &fuse.join("there"));
        compare.assert(&disk.join("source"), &disk.join("back"));
        remove_served(&fuse.join("there"));
        std::fs::remove_dir_all(disk.join("back")).unwrap();
    }
}

/// Removes a tree on FUSE. The server hears of a close some time after it, and until then keeps what is removed in the
/// directory under another name.
fn remove_served(tree: &Path) {
    let is_gone = |_| match std::fs::remove_dir_all(tree) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
            std::thread::sleep(Duration::from_millis(20));
            false
        }
        answer => answer.is_ok(),
    };
    assert!((0..500).any(is_gone), "{} cannot be removed", tree.display());
}

#[test]
fn an_existing_target_on_fuse_is_replaced() {
    let Some(fuse) = Scratch::on(Fs::Fuse) else { return };
    let (source, target) = (fuse.join("source"), fuse.join("target"));
    write(&source, bytes(100_000, 5));
    for options in ["", "--atomic=always", "--atomic=never", "-a"] {
        write(&target, b"old");
        Warpcp::copy(options, &source, &target).succeeds();
        assert!(read(&target) == read(&source));
    }
    assert_nothing_left_over(fuse.path());
}
