//! Which file is which: no copy over itself, into itself, over what the run has just made, or out of the target.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::plant::write;
use crate::support::{
    Dir, File, Mounted, Outcome, Scratch, Snapshot, Symlink, Warpcp, assert_nothing_left_over,
    assert_same_tree, bytes, everywhere, plant, read,
};

const CONTENT: &[u8] = b"must survive";

/// Every way to ask for a copy of a file to another name of it.
const WAYS: [&str; 10] = [
    "",
    "-f",
    "-a",
    "-r",
    "-p -f",
    "--atomic=always",
    "--atomic=never",
    "--remove-destination",
    "--sparse=always",
    "-r --reflink=never --preallocate",
];

/// Copies, and asserts that no byte of the source was lost, whatever was answered.
fn survives(way: &str, source: &Path, target: &Path) -> Outcome {
    let outcome = Warpcp::copy(way, source, target).run();
    assert!(read(source) == CONTENT, "{outcome}");
    assert!(read(target) == CONTENT, "{outcome}");
    assert_nothing_left_over(source.parent().unwrap());
    outcome
}

fn is_refused(outcome: Outcome) {
    outcome.assert_code(1);
    outcome.says("are the same file");
}

everywhere! {
    // T32: truncating before looking empties the file.
    fn a_file_is_not_copied_over_itself(scratch) {
        let file = scratch.join("file");
        write(&file, CONTENT);
        for way in WAYS {
            is_refused(survives(way, &file, &file));
            is_refused(survives(way, &file, &scratch.path().join("./file")));
            is_refused(survives(
                way,
                &file,
                &scratch.path().join("../").join(scratch.path()).join("file"),
            ));
        }
        let outcome = Warpcp::copy("", "file", "./file").in_directory(scratch.path()).run();
        is_refused(outcome);
        let outcome = Warpcp::copy("", "file", ".").in_directory(scratch.path()).run();
        is_refused(outcome);
        assert_eq!(read(&file), CONTENT);
    }

    // T32: another name of the same inode.
    fn a_file_is_not_copied_over_its_hard_link(scratch) {
        let (file, link) = (scratch.join("file"), scratch.join("link"));
        for way in WAYS {
            write(&file, CONTENT);
            fs::hard_link(&file, &link).unwrap();
            let outcome = survives(way, &file, &link);
            // Removing the other name first is no harm.
            if !way.contains("--remove-destination") {
                is_refused(outcome);
            }
            fs::remove_file(&link).unwrap();
        }
    }

    // T32: a name that leads to the source.
    fn a_file_is_not_copied_over_a_symlink_to_it(scratch) {
        let (file, link) = (scratch.join("file"), scratch.join("link"));
        write(&file, CONTENT);
        for way in WAYS {
            symlink("file", &link).unwrap();
            let outcome = survives(way, &file, &link);
            if ["", "-f", "--atomic=never"].contains(&way) {
                is_refused(outcome);
            }
            let _ = fs::remove_file(&link); // Replaced or not.
        }
    }

    fn a_symlink_is_not_copied_over_the_file_it_leads_to(scratch) {
        let (file, link) = (scratch.join("file"), scratch.join("link"));
        write(&file, CONTENT);
        symlink("file", &link).unwrap();
        for way in ["", "-f", "-L", "-L -f", "-L --remove-destination", "--remove-destination"] {
            is_refused(survives(way, &link, &file));
        }
        // A link that replaced the file would lead to itself.
        for way in ["-P", "-a", "-d -f", "-P --remove-destination", "-P --atomic=always"] {
            let outcome = Warpcp::copy(way, &link, &file).run();
            assert_eq!(read(&file), CONTENT, "{outcome}");
        }
    }

    // T32: no path leads from one name to the other.
    fn a_file_is_not_copied_over_itself_by_a_descriptor(scratch) {
        let file = scratch.join("file");
        write(&file, CONTENT);
        for way in ["", "-f", "--atomic=always", "--remove-destination"] {
            let outcome = Warpcp::copy(way, "/proc/self/fd/0", &file).input(&file).run();
            assert_eq!(read(&file), CONTENT, "{outcome}");
            is_refused(outcome);
            let outcome = Warpcp::copy("", &file, "/proc/self/fd/0").input(&file).run();
            assert_eq!(read(&file), CONTENT, "{outcome}");
            is_refused(outcome);
        }
    }

    fn a_file_is_not_copied_over_itself_by_a_bind_mount(scratch) {
        let (here, there) = (scratch.join("here"), scratch.join("there"));
        fs::create_dir(&here).unwrap();
        write(here.join("file"), CONTENT);
        let Some(mounted) = Mounted::bind(&here, &there) else { return };
        for way in WAYS {
            let outcome = survives(way, &here.join("file"), &mounted.join("file"));
            is_refused(outcome);
        }
        let single = scratch.join("single");
        write(&single, b"covered");
        let _file = Mounted::bind(&here.join("file"), &single);
        for way in WAYS {
            let outcome = Warpcp::copy(way, here.join("file"), &single).run();
            outcome.assert_code(1);
            assert_eq!(read(here.join("file")), CONTENT, "{outcome}");
        }
    }

    // T33: with paths compared instead of inodes, every linked file of the tree was emptied.
    fn trees_that_share_inodes_are_not_copied_over_each_other(scratch) {
        for way in ["-r", "-r -f", "-a", "-r -j4", "-r --atomic=always", "-r --atomic=never"] {
            let (one, two) = (scratch.join("one"), scratch.join("two"));
            plant(&one, &[("d", Dir), ("d/a", File(CONTENT)), ("b", File(CONTENT))]);
            plant(&two, &[("d", Dir)]);
            fs::hard_link(one.join("d/a"), two.join("d/a")).unwrap();
            fs::hard_link(one.join("b"), two.join("b")).unwrap();
            write(one.join("new"), CONTENT);
            let outcome = Warpcp::copy(way, one.join("."), &two).run();
            outcome.assert_code(1);
            assert_eq!(outcome.stderr.matches("are the same file").count(), 2, "{outcome}");
            for file in ["one/d/a", "one/b", "two/d/a", "two/b", "two/new"] {
                assert_eq!(read(scratch.join(file)), CONTENT, "{file}: {outcome}");
            }
            fs::remove_dir_all(&one).unwrap();
            fs::remove_dir_all(&two).unwrap();
        }
    }

    // T35: the tree would grow for ever.
    fn a_directory_is_not_copied_into_itself(scratch) {
        let source = scratch.join("d");
        plant(&source, &[("sub", Dir), ("sub/deep", Dir), ("file", File(CONTENT))]);
        symlink("d/sub", scratch.join("alias")).unwrap();
        let before = Snapshot::of(&source);
        let mut targets = vec![
            source.join("sub"),
            source.clone(),
            source.join("sub/deep"),
            scratch.join("alias"),
        ];
        targets.push(source.join("new"));
        let mounted = if crate::support::mount::may_mount() {
            Mounted::bind(&source.join("sub"), &scratch.join("bound"))
        } else {
            None
        };
        targets.extend(mounted.as_ref().map(|mounted| mounted.path().to_owned()));
        for target in targets {
            for way in ["-r", "-a", "-r -j4"] {
                let outcome = Warpcp::copy(way, &source, &target).run();
                outcome.assert_code(1);
                assert!(outcome.stderr.contains("into itself"), "{outcome}");
                // The first level may have been made; what is deeper is the runaway.
                let count = every_path(&source).len();
                assert!(count <= 12, "{count} things: {outcome}");
                for made in [target.join("d"), source.join("new")] {
                    if made.exists() {
                        fs::remove_dir_all(made).unwrap();
                    }
                }
            }
        }
        for path in ["file", "sub/deep"] {
            assert!(source.join(path).exists());
        }
        drop(mounted);
        fs::remove_file(scratch.join("alias")).unwrap();
        drop(before);
    }

    // A name that merely begins alike is another directory.
    fn a_directory_may_be_copied_beside_one_of_a_similar_name(scratch) {
        let source = scratch.join("name");
        plant(&source, &[("file", File(CONTENT))]);
        Warpcp::copy("-r", &source, scratch.join("name2")).succeeds();
        Warpcp::copy("-r", &source, scratch.join("name.d")).succeeds();
        assert_same_names(&source, &scratch.join("name2"));
        assert_same_names(&source, &scratch.join("name.d"));
    }

    // T36: links to directories look like directories to whoever follows them.
    fn a_tree_with_symlinks_to_directories_can_be_copied_again(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        plant(
            &source,
            &[
                ("real", Dir),
                ("real/file", File(CONTENT)),
                ("inner", Symlink("real")),
                ("up", Symlink("..")),
                ("nowhere", Symlink("gone")),
            ],
        );
        for _ in 0..3 {
            Warpcp::copy("-a", source.join("."), &target).succeeds();
            assert_same_tree(&source, &target);
            Warpcp::copy("-r", source.join("."), &target).succeeds();
        }
    }

    // T37: the second source would be written through the first one's link.
    fn nothing_is_written_through_a_link_that_the_run_made(scratch) {
        for way in ["-a", "-P", "-r -j4", "-a --atomic=never", "-P --remove-destination"] {
            let outside = scratch.join("outside");
            write(&outside, CONTENT);
            plant(&scratch.join("one"), &[]);
            plant(&scratch.join("two"), &[("x", File(b"attack"))]);
            plant(&scratch.join("target"), &[]);
            symlink(&outside, scratch.join("one/x")).unwrap();
            let outcome = Warpcp::new(way.split_whitespace())
                .arg(scratch.join("one/x"))
                .arg(scratch.join("two/x"))
                .arg(scratch.join("target"))
                .run();
            assert_eq!(read(&outside), CONTENT, "{outcome}");
            outcome.assert_code(1);
            outcome.says("just-created");
            for name in ["one", "two", "target"] {
                fs::remove_dir_all(scratch.join(name)).unwrap();
            }
        }
    }

    fn a_name_is_given_once_in_a_run(scratch) {
        plant(&scratch.join("one"), &[("x", File(CONTENT))]);
        plant(&scratch.join("two"), &[("x", File(b"second"))]);
        plant(&scratch.join("target"), &[]);
        let outcome = Warpcp::new(["-j1"])
            .arg(scratch.join("one/x"))
            .arg(scratch.join("two/x"))
            .arg(scratch.join("target"))
            .fails();
        assert_eq!(read(scratch.join("target/x")), CONTENT, "{outcome}");
        outcome.says("will not overwrite just-created");
    }

    // T38: a directory of the target that is a link out of it.
    fn a_tree_does_not_leave_its_target_by_a_symlink(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let outside = scratch.join("outside");
        plant(&source, &[("sub", Dir), ("sub/new", File(b"attack")), ("file", File(CONTENT))]);
        plant(&outside, &[("kept", File(CONTENT))]);
        let before = Snapshot::of(&outside);
        for way in ["-r", "-a", "-r -j4", "-r -f", "-a --atomic=always"] {
            plant(&target, &[]);
            symlink(&outside, target.join("sub")).unwrap();
            let outcome = Warpcp::copy(way, source.join("."), &target).run();
            before.assert_unchanged(&outside);
            outcome.assert_code(1);
            assert!(outcome.stderr.contains("sub"), "{outcome}");
            assert_eq!(read(target.join("file")), CONTENT, "the rest is copied: {outcome}");
            fs::remove_dir_all(&target).unwrap();
        }
    }

    // T42: what the user typed may lead through links; strictness begins below it.
    fn operands_may_lead_through_symlinks(scratch) {
        plant(&scratch.join("real"), &[("tree", Dir), ("tree/file", File(CONTENT)), ("to", Dir)]);
        symlink("real", scratch.join("alias")).unwrap();
        symlink("alias", scratch.join("second")).unwrap();
        let alias = scratch.join("second");
        Warpcp::copy("-a", alias.join("tree"), alias.join("to/")).succeeds();
        assert_same_tree(scratch.join("real/tree"), scratch.join("real/to/tree"));
        Warpcp::copy("", alias.join("tree/file"), alias.join("to/file")).succeeds();
        assert_eq!(read(scratch.join("real/to/file")), CONTENT);
        symlink("real/to", scratch.join("directory")).unwrap();
        Warpcp::copy("-r", alias.join("tree"), scratch.join("directory")).succeeds();
        Warpcp::copy("", alias.join("tree/file"), scratch.join("directory")).succeeds();
    }

    // T57: the kernel would create what the link names.
    fn nothing_is_created_through_a_dangling_symlink(scratch) {
        let (source, link) = (scratch.join("source"), scratch.join("link"));
        write(&source, CONTENT);
        symlink("elsewhere", &link).unwrap();
        for way in ["", "-a", "-p", "--atomic=never", "-r"] {
            let outcome = Warpcp::copy(way, &source, &link).fails();
            assert!(!scratch.join("elsewhere").exists(), "{outcome}");
            assert_eq!(fs::read_link(&link).unwrap(), Path::new("elsewhere"));
            outcome.says("not writing through dangling symlink");
        }
        // These take the link away first, which is what they are for.
        for way in ["--remove-destination", "-f", "--atomic=always"] {
            let outcome = Warpcp::copy(way, &source, &link).run();
            assert!(!scratch.join("elsewhere").exists(), "{outcome}");
        }
    }

    // T57, second half: POSIX wants it followed.
    fn a_dangling_symlink_is_followed_where_posix_is_wanted(scratch) {
        let (source, link) = (scratch.join("source"), scratch.join("link"));
        write(&source, CONTENT);
        symlink("elsewhere", &link).unwrap();
        Warpcp::copy("", &source, &link).env("POSIXLY_CORRECT", "1").succeeds();
        assert_eq!(read(scratch.join("elsewhere")), CONTENT);
    }
}

// T34: numbers of inodes repeat from one file system to the next; one copier left such files out, exit 0.
#[test]
fn equal_inode_numbers_on_two_file_systems_are_two_files() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let mount = |name: &str| Mounted::tmpfs(&scratch.join(name), "size=8m");
    let (Some(here), Some(there)) = (mount("here"), mount("there")) else { return };
    let target = there.join("target");
    fs::create_dir(&target).unwrap();
    let wanted = fs::metadata(&target).unwrap().ino();
    let source = here.join("source");
    fs::create_dir(&source).unwrap();
    let inode = |path: &PathBuf| fs::metadata(path).unwrap().ino();
    let twins: Vec<_> = (0..2000)
        .map(|number| source.join(format!("{number}")))
        .inspect(|path| write(path, bytes(10, 1)))
        .filter(|path| inode(path) == wanted)
        .collect();
    let is_same_root = inode(&source) == wanted;
    assert!(!twins.is_empty() || is_same_root, "no inode {wanted} on the other file system");
    Warpcp::copy("-a", source.join("."), &target).succeeds();
    assert_same_tree(&source, &target);
}

fn every_path(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let path = found[next].clone();
        if path.is_dir() && !path.is_symlink() {
            found.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
        assert!(next < 10_000, "a runaway below {}", root.display());
    }
    found
}

fn assert_same_names(source: &Path, target: &Path) {
    crate::support::Compare::contents().assert(source, target);
}
