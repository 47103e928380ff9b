//! Files with several names, and links made in place of copies.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use warpcopy::{
    Copier, Make, NoObserver, Operation, Options, Outcome, Preserve, Symlinks, Transfer, Unlink,
};

use crate::support::*;

const FILES: usize = 20;
const NAMES: usize = 12;

/// Files with many names each, spread over many directories, so that workers meet at them.
fn plant(root: &Path) {
    for file in 0..FILES {
        let name = |number: usize| root.join(format!("d{}/f{file}-{number}", (file + number) % 10));
        write(&name(0), bytes(5_000 + file, file as u64));
        for number in 1..NAMES {
            fs::create_dir_all(name(number).parent().unwrap()).unwrap();
            fs::hard_link(name(0), name(number)).unwrap();
        }
    }
}

/// For each name, the first name of the same file.
fn groups(root: &Path) -> HashMap<String, String> {
    let mut first: HashMap<u64, String> = HashMap::new();
    let mut groups = HashMap::new();
    for name in listing(root).into_iter().filter(|name| !name.ends_with('/')) {
        let number = inode(&root.join(&name));
        let leader = first.entry(number).or_insert_with(|| name.clone()).clone();
        groups.insert(name, leader);
    }
    groups
}

everywhere! {
    fn names_of_one_file_stay_names_of_one_file(scratch) {
        let tree = scratch.join("tree");
        plant(&tree);
        for workers in [1, 2, 4, 8] {
            let target = scratch.join(format!("copy{workers}"));
            let options = Options::new()
                .preserve(Preserve { links: true, ..Preserve::default() })
                .workers(NonZeroUsize::new(workers));
            let report = Copier::new(options).copy_tree(&tree, &target, &mut NoObserver);
            assert!(report.is_complete(), "{:?}", report.errors);
            assert_eq!((report.files, report.links), (FILES as u64, (FILES * (NAMES - 1)) as u64));
            assert_same_tree(&tree, &target, false);
            assert_eq!(groups(&tree), groups(&target));
        }
    }
}

#[test]
fn names_of_one_file_become_files_of_their_own_unless_asked() {
    let scratch = Scratch::new();
    plant(&scratch.join("tree"));
    let report = Copier::new(Options::new()).copy_tree(
        scratch.join("tree"),
        scratch.join("copy"),
        &mut NoObserver,
    );
    assert_eq!((report.files, report.links), ((FILES * NAMES) as u64, 0));
    for (name, leader) in groups(&scratch.join("copy")) {
        assert_eq!(name, leader);
    }
}

#[test]
fn names_of_one_file_meet_between_operands() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    fs::hard_link(scratch.join("a"), scratch.join("b")).unwrap();
    fs::create_dir(scratch.join("tree")).unwrap();
    fs::hard_link(scratch.join("a"), scratch.join("tree/c")).unwrap();
    for workers in [1, 4] {
        let to = |name: &str| scratch.join(format!("to{workers}")).join(name);
        let transfers = ["a", "b", "tree"].map(|name| Transfer::new(scratch.join(name), to(name)));
        let options = Options::new()
            .recursive(true)
            .preserve(Preserve::all())
            .workers(NonZeroUsize::new(workers));
        let report = Copier::new(options).run(&transfers, &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!((report.files, report.links), (1, 2));
        assert_eq!((inode(&to("a")), inode(&to("a"))), (inode(&to("b")), inode(&to("tree/c"))));
    }
}

/// A second run must not tear apart what the first one linked.
#[test]
fn copying_again_over_a_copy_keeps_its_links() {
    let scratch = Scratch::new();
    plant(&scratch.join("tree"));
    let copier = Copier::new(Options::new().preserve(Preserve::all()));
    for _ in 0..2 {
        let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!(groups(&scratch.join("tree")), groups(&scratch.join("copy")));
        assert_same_tree(&scratch.join("tree"), &scratch.join("copy"), true);
    }
}

#[test]
fn the_first_name_that_fails_leaves_the_copy_to_the_next() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/a"), "content");
    fs::hard_link(scratch.join("tree/a"), scratch.join("tree/b")).unwrap();
    fs::hard_link(scratch.join("tree/a"), scratch.join("tree/c")).unwrap();
    for workers in [1, 4] {
        let copy = scratch.join(format!("copy{workers}"));
        // Whichever comes first: one of them cannot be replaced.
        fs::create_dir_all(copy.join("b")).unwrap();
        let options = Options::new().preserve(Preserve::all()).workers(NonZeroUsize::new(workers));
        let report = Copier::new(options).copy_tree(scratch.join("tree"), &copy, &mut NoObserver);
        assert_eq!((report.failures, report.files, report.links), (1, 1, 1));
        assert_eq!(inode(&copy.join("a")), inode(&copy.join("c")));
        assert_eq!(read(&copy.join("a")), b"content");
    }
}

#[test]
fn links_followed_to_one_file_meet_there_if_names_are_kept_together() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/file"), "content");
    for name in ["one", "two"] {
        symlink("file", scratch.join("tree").join(name)).unwrap();
    }
    let options = Options::new().symlinks(Symlinks::Follow).preserve(Preserve::all());
    let report =
        Copier::new(options).copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
    assert!(report.is_complete());
    assert_eq!((report.files, report.links), (1, 2));
    assert_eq!(fs::metadata(scratch.join("copy/file")).unwrap().nlink(), 3);
}

#[test]
fn a_tree_of_hard_links_shares_every_file() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/x/file"), "content");
    symlink("x", scratch.join("tree/link")).unwrap();
    let options = Options::new().make(Make::HardLinks).symlinks(Symlinks::Keep);
    let copier = Copier::new(options);
    for links in [2, 0] {
        let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!((report.links, report.skipped), (links, 2 - links));
        let same = |name: &str| {
            (inode(&scratch.join("tree").join(name)), inode(&scratch.join("copy").join(name)))
        };
        assert_eq!(same("x/file").0, same("x/file").1);
        assert_eq!(same("link").0, same("link").1);
    }
}

#[test]
fn links_are_made_and_replace_nothing_unless_asked() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    write(&scratch.join("old"), "old");
    for (make, outcome) in
        [(Make::HardLinks, Outcome::Linked), (Make::Symlinks, Outcome::Symlinked)]
    {
        let options = Options::new().make(make);
        let target = scratch.join(format!("{make:?}"));
        let report = Copier::new(options.clone()).copy_file(scratch.join("a"), &target).unwrap();
        assert_eq!(report.outcome, outcome);
        assert_eq!(read(&target), b"content");
        let error = Copier::new(options.clone()).copy_file(scratch.join("a"), scratch.join("old"));
        let operation = error.unwrap_err().operation();
        assert!([Operation::CreateLink, Operation::CreateSymlink].contains(&operation));
        assert_eq!(read(&scratch.join("old")), b"old");
        let forced = Copier::new(options.unlink(Unlink::IfUnopenable));
        write(&scratch.join("replaced"), "old");
        forced.copy_file(scratch.join("a"), scratch.join("replaced")).unwrap();
        assert_eq!(read(&scratch.join("replaced")), b"content");
        fs::remove_file(scratch.join("replaced")).unwrap();
    }
    assert_eq!(inode(&scratch.join("HardLinks")), inode(&scratch.join("a")));
    assert!(fs::symlink_metadata(scratch.join("Symlinks")).unwrap().is_symlink());
}
