//! Hard links and symbolic links: the structure of the source, no link to what is not there.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use crate::support::trace::can_trace;
use crate::support::{
    Compare, Dir, File, Fs, HardLink, Scratch, Symlink, Warpcp, assert_nothing_left_over,
    assert_same_tree, bytes, everywhere, pairs, plant, read,
};

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// Files of many names, in several directories, some of them links.
fn linked_tree(root: &Path) {
    let large = bytes(400_000, 1);
    plant(
        root,
        &[
            ("a", Dir),
            ("b", Dir),
            ("a/deep", Dir),
            ("a/one", File(b"one")),
            ("b/one", HardLink("a/one")),
            ("one", HardLink("a/one")),
            ("a/deep/large", File(&large)),
            ("b/large", HardLink("a/deep/large")),
            ("a/symlink", Symlink("one")),
            ("alone", File(b"alone")),
        ],
    );
    fs::hard_link(root.join("a/symlink"), root.join("b/symlink")).unwrap();
    for number in 0..60 {
        fs::hard_link(root.join("one"), root.join(format!("b/many{number}"))).unwrap();
        fs::hard_link(root.join("b/large"), root.join(format!("a/many{number}"))).unwrap();
    }
}

everywhere! {
    // T53: names that share an inode share one in the copy.
    fn hard_links_within_a_tree_stay(scratch) {
        let source = scratch.join("source");
        linked_tree(&source);
        for options in ["-a", "-a -j4", "-r --preserve=links -P", "-dr", "-a --atomic=always -j4"] {
            let target = scratch.join("target");
            Warpcp::copy(options, &source, &target).succeeds();
            Compare { links: true, ..Compare::contents() }.assert(&source, &target);
            assert_nothing_left_over(&target);
            fs::remove_dir_all(&target).unwrap();
        }
        let target = scratch.join("target");
        Warpcp::copy("-r", &source, &target).succeeds();
        assert_ne!(inode(&target.join("one")), inode(&target.join("a/one")));
    }

    fn hard_links_across_operands_stay(scratch) {
        let source = scratch.join("source");
        linked_tree(&source);
        let target = scratch.join("target");
        fs::create_dir(&target).unwrap();
        let copy = ["a", "b", "one"]
            .iter()
            .fold(Warpcp::new(["-a"]), |copy, name| copy.arg(source.join(name)));
        copy.arg(&target).succeeds();
        assert_eq!(inode(&target.join("one")), inode(&target.join("a/one")));
        assert_eq!(inode(&target.join("b/one")), inode(&target.join("a/one")));
    }

    fn an_archive_copied_again_has_the_same_links(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        linked_tree(&source);
        for options in
            ["-a", "-a -j4", "-a --atomic=always", "-a --atomic=never", "-a --remove-destination"]
        {
            Warpcp::copy(options, source.join("."), &target).succeeds();
            Compare { links: true, ..Compare::contents() }.assert(&source, &target);
        }
    }

    // T53: the first name of the inode could not be copied; the others must not be links to nothing.
    fn a_failed_copy_is_not_linked_to(scratch) {
        if !can_trace() {
            return;
        }
        let source = scratch.join("source");
        plant(
            &source,
            &[("a", File(&bytes(300_000, 2))), ("b", HardLink("a")), ("c", HardLink("a"))],
        );
        for call in
            ["openat:error=EIO", "sendfile:error=EIO", "ioctl:error=EIO", "fchmod:error=EIO"]
        {
            for when in 1..14 {
                let target = scratch.join("target");
                let _ = fs::remove_dir_all(&target); // Absent if nothing could be made.
                let outcome = Warpcp::copy("-a -j1 --reflink=auto", &source, &target)
                    .inject(&format!("{call}:when={when}"))
                    .run();
                if outcome.injected() == 0 || outcome.status.code() == Some(127) {
                    continue; // Past the last such call, or it was the loader's.
                }
                for name in ["a", "b", "c"].map(|name| target.join(name)) {
                    assert!(!name.exists() || read(&name) == read(source.join("a")), "{outcome}");
                }
                if outcome.is_success() {
                    Compare { links: true, ..Compare::contents() }.assert(&source, &target);
                }
            }
        }
    }

    // T54: a file may have 65,000 names on ext4 and no more.
    fn too_many_links_become_a_copy(scratch) {
        if !can_trace() {
            return;
        }
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        plant(&source, &[("a", File(b"content")), ("b", HardLink("a")), ("c", HardLink("a"))]);
        for error in ["EMLINK", "EXDEV", "EPERM"] {
            let outcome = Warpcp::copy("-a -j1", &source, &target)
                .inject(&format!("linkat:error={error}"))
                .inject(&format!("link:error={error}"))
                .run()
                .met_the_fault();
            outcome.assert_code(0);
            Compare::contents().assert(&source, &target);
            fs::remove_dir_all(&target).unwrap();
        }
    }

    fn symlinks_are_followed_where_asked(scratch) {
        let source = scratch.join("source");
        plant(&source, &[("directory", Dir), ("directory/file", File(b"content"))]);
        symlink("directory", source.join("to directory")).unwrap();
        symlink("directory/file", source.join("to file")).unwrap();
        symlink("source", scratch.join("operand")).unwrap();
        let is_link = |target: &str, name: &str| scratch.join(target).join(name).is_symlink();

        Warpcp::copy("-r", scratch.join("source"), scratch.join("r")).succeeds();
        assert!(is_link("r", "to directory") && is_link("r", "to file"));
        Warpcp::copy("-r", scratch.join("operand"), scratch.join("rl")).succeeds();
        assert!(scratch.join("rl").is_symlink());
        Warpcp::copy("-rH", scratch.join("operand"), scratch.join("h")).succeeds();
        assert!(!scratch.join("h").is_symlink() && is_link("h", "to file"));
        Warpcp::copy("-rL", scratch.join("operand"), scratch.join("l")).succeeds();
        assert!(!is_link("l", "to directory") && !is_link("l", "to file"));
        assert_eq!(read(scratch.join("l/to directory/file")), b"content");
        assert_eq!(read(scratch.join("l/to file")), b"content");
        Warpcp::copy("-P", source.join("to file"), scratch.join("p")).succeeds();
        assert!(scratch.join("p").is_symlink());
        Warpcp::copy("", source.join("to file"), scratch.join("plain")).succeeds();
        assert_eq!(read(scratch.join("plain")), b"content");
    }

    fn symlinks_of_any_length_are_copied(scratch) {
        let source = scratch.join("source");
        fs::create_dir(&source).unwrap();
        for len in [1, 59, 60, 61, 255, 1000, 1023, 4000, 4095] {
            let made = symlink("x".repeat(len), source.join(format!("{len}")));
            // XFS keeps 1023 bytes, ext4 and Btrfs one block less a little.
            assert!(made.is_ok() || len > 1000, "{len} bytes");
        }
        Warpcp::copy("-a", &source, scratch.join("target")).succeeds();
        assert_same_tree(&source, scratch.join("target"));
    }

    fn a_cycle_of_symlinks_ends(scratch) {
        let source = scratch.join("source");
        plant(&source, &[("directory", Dir), ("directory/file", File(b"content"))]);
        symlink("..", source.join("directory/up")).unwrap();
        symlink("self", source.join("self")).unwrap();
        let outcome = Warpcp::copy("-rL", &source, scratch.join("target")).fails();
        assert_eq!(read(scratch.join("target/directory/file")), b"content", "{outcome}");
    }

    fn links_can_be_made_instead_of_copies(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        plant(&source, &[("directory", Dir), ("directory/file", File(b"content"))]);
        Warpcp::copy("-rl", &source, &target).succeeds();
        assert_eq!(inode(&target.join("directory/file")), inode(&source.join("directory/file")));
        Warpcp::copy("-s", source.join("directory/file"), scratch.join("symlink")).succeeds();
        assert_eq!(fs::read_link(scratch.join("symlink")).unwrap(), source.join("directory/file"));
    }
}

#[test]
fn hard_links_stay_on_every_other_file_system() {
    for (from, to) in pairs().filter(|(from, to)| from != to) {
        let (Some(here), Some(there)) = (Scratch::on(from), Scratch::on(to)) else { continue };
        linked_tree(&here.join("source"));
        for options in ["-a", "-a -j4"] {
            let target = there.join("target");
            Warpcp::copy(options, here.join("source"), &target).succeeds();
            assert_same_tree(here.join("source"), &target);
            fs::remove_dir_all(&target).unwrap();
        }
    }
}

#[test]
fn links_to_one_file_cross_no_file_system() {
    let (Some(here), Some(there)) = (Scratch::on(Fs::Ext4), Scratch::on(Fs::Tmpfs)) else { return };
    let source = here.join("source");
    crate::support::plant::write(&source, b"content");
    Warpcp::copy("-l", &source, there.join("target")).fails();
    assert!(!there.join("target").exists());
}
