//! The comparison that the other tests rely on sees each way in which a copy can be wrong.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::FileType;

use crate::support::plant::{
    access_acl, default_acl, mode, node, owner, some_acl, sparse, times, write, xattr,
};
use crate::support::{
    Compare, Dir, Fifo, File, Fs, HardLink, Scratch, Snapshot, Symlink, bytes, is_root, plant,
};

fn tree(root: &Path) {
    let large = bytes(2_000_000, 1);
    plant(
        root,
        &[
            ("file", File(b"content")),
            ("large", File(&large)),
            ("directory", Dir),
            ("directory/file", File(b"inner")),
            ("one", File(b"twice")),
            ("two", HardLink("one")),
            ("symlink", Symlink("file")),
            ("fifo", Fifo),
        ],
    );
    sparse(&root.join("sparse"), 8 << 20, &[(4 << 20, b"data")]);
    node(&root.join("device"), FileType::CharacterDevice, 0x0103);
    for name in ["file", "directory/file", "symlink", "directory", ""] {
        times(&root.join(name), (1_000_000_000, 1), (1_000_000_000, 1));
    }
}

/// One way in which a copy can be wrong.
type Fault = (&'static str, fn(&Path));

const FAULTS: [Fault; 19] = [
    ("a byte at the end", |copy| {
        let mut content = bytes(2_000_000, 1);
        content[1_999_999] ^= 1;
        write(copy.join("large"), content);
    }),
    ("a byte less", |copy| write(copy.join("large"), bytes(1_999_999, 1))),
    ("a byte more", |copy| write(copy.join("file"), b"content\0")),
    ("a missing file", |copy| fs::remove_file(copy.join("directory/file")).unwrap()),
    ("a file too many", |copy| write(copy.join("directory/.warpcp-left"), b"")),
    ("another type", |copy| {
        fs::remove_file(copy.join("symlink")).unwrap();
        write(copy.join("symlink"), b"content");
    }),
    ("another text of a link", |copy| {
        fs::remove_file(copy.join("symlink")).unwrap();
        symlink("one", copy.join("symlink")).unwrap();
        times(&copy.join("symlink"), (1_000_000_000, 1), (1_000_000_000, 1));
    }),
    ("another device", |copy| {
        fs::remove_file(copy.join("device")).unwrap();
        node(&copy.join("device"), FileType::CharacterDevice, 0x0105);
    }),
    ("a filled hole", |copy| {
        let mut content = vec![0; 8 << 20];
        content[4 << 20..][..4].copy_from_slice(b"data");
        write(copy.join("sparse"), content);
    }),
    ("a mode", |copy| mode(&copy.join("file"), 0o640)),
    ("a sticky bit", |copy| mode(&copy.join("directory"), 0o1755)),
    ("an owner", |copy| owner(&copy.join("file"), 1001, 0)),
    ("a group of a link", |copy| owner(&copy.join("symlink"), 0, 1001)),
    ("a nanosecond", |copy| times(&copy.join("file"), (1_000_000_000, 1), (1_000_000_000, 2))),
    ("the time of a directory", |copy| {
        times(&copy.join("directory"), (1_000_000_000, 1), (1_000_000_001, 1));
    }),
    ("an attribute", |copy| xattr(&copy.join("file"), "user.note", b"")),
    ("an ACL", |copy| access_acl(&copy.join("file"), &some_acl(1001, 1002))),
    ("a default ACL", |copy| default_acl(&copy.join("directory"), &some_acl(1001, 1002))),
    ("a torn hard link", |copy| {
        let content = fs::read(copy.join("two")).unwrap();
        let when = fs::metadata(copy.join("two")).unwrap().modified().unwrap();
        fs::remove_file(copy.join("two")).unwrap();
        write(copy.join("two"), content);
        fs::File::options().write(true).open(copy.join("two")).unwrap().set_modified(when).unwrap();
    }),
];

#[test]
fn each_fault_of_a_copy_is_seen() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !is_root() {
        return;
    }
    let (source, copy) = (scratch.join("source"), scratch.join("copy"));
    tree(&source);
    for (what, spoil) in FAULTS {
        let status =
            std::process::Command::new("cp").args(["-a", "--"]).args([&source, &copy]).status();
        assert!(status.unwrap().success());
        let before = Snapshot::of(&copy);
        assert_eq!(Compare::default().differences(&source, &copy), Vec::<String>::new());
        spoil(&copy);
        assert!(!Compare::default().differences(&source, &copy).is_empty(), "{what} is not seen");
        assert!(before.first_change(&copy).is_some(), "{what} is not seen in a snapshot");
        fs::remove_dir_all(&copy).unwrap();
    }
}

// A link too many is the opposite of one torn.
#[test]
fn names_made_one_file_are_seen() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let (source, copy) = (scratch.join("source"), scratch.join("copy"));
    plant(&source, &[("one", File(b"same")), ("two", File(b"same"))]);
    plant(&copy, &[("one", File(b"same")), ("two", HardLink("one"))]);
    let compare = Compare { links: true, ..Compare::contents() };
    assert_eq!(compare.differences(&source, &copy).len(), 1);
}
