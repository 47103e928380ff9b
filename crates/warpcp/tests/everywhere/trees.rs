//! A real tree: nested, with long paths, names of many scripts, files of many sizes, read-only ones and hard links.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{
    Scratch, assert_same_contents, look_below, noise, set_modified, set_readonly,
};

/// Returns a path of more than 400 letters, far more than the 260 that old interfaces of Windows take.
fn long() -> PathBuf {
    let mut path = PathBuf::from("long");
    (0..10).for_each(|level| path.push(format!("{level}-{}", "x".repeat(40))));
    path
}

fn plant(scratch: &Scratch, root: &str) -> PathBuf {
    let root = Path::new(root);
    for (number, name) in [
        "plain",
        "with space",
        "\u{fc}ml\u{e4}ut",
        "\u{65e5}\u{672c}\u{8a9e}",
        "\u{1f600}.txt",
        "it's",
        "$x",
    ]
    .into_iter()
    .enumerate()
    {
        let path =
            scratch.plant(root.join("names").join(name), noise(1000 + number, number as u64));
        set_modified(&path, 1000 + number as u64);
    }
    for len in [0, 1, 4095, 4096, 4097, 65_536, 1_000_003, 5_000_000] {
        let path = scratch.plant(root.join("sizes").join(len.to_string()), noise(len, len as u64));
        set_modified(&path, len as u64);
    }
    for number in 0..50 {
        scratch.plant(root.join(format!("many/{}/{number}", number % 7)), format!("{number}"));
    }
    scratch.plant(root.join(long()).join("deep"), "deep");
    let readonly = scratch.plant(root.join("readonly"), "read");
    set_modified(&readonly, 5);
    set_readonly(&readonly, true).unwrap();
    fs::create_dir(scratch.join(root.join("empty"))).unwrap();
    let one = scratch.plant(root.join("links/one"), "linked");
    fs::hard_link(one, scratch.join(root.join("links/other"))).unwrap();
    scratch.join(root)
}

#[test]
fn a_tree_is_copied_whole_and_nothing_else_is_left() {
    let scratch = Scratch::new();
    let source = plant(&scratch, "source");
    for (number, options) in
        ["-r", "-a", "-r -j1", "-r --method=read_write", "-R --atomic=always", "-r --atomic=never"]
            .into_iter()
            .enumerate()
    {
        let target = format!("target{number}");
        scratch.warpcp(&format!("{options} source {target}")).succeeds();
        assert_same_contents(&source, &scratch.join(target));
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 7);
}

#[test]
fn an_archive_keeps_times_and_who_may_write() {
    let scratch = Scratch::new();
    let source = plant(&scratch, "source");
    for options in ["-a", "-rp", "-r --preserve=mode,timestamps"] {
        scratch.warpcp(&format!("{options} source target")).succeeds();
        let (was, is) = (look_below(&source), look_below(&scratch.join("target")));
        assert_eq!(was.keys().collect::<Vec<_>>(), is.keys().collect::<Vec<_>>());
        for (name, seen) in &was {
            assert_eq!(is[name].modified, seen.modified, "{options} {}", name.display());
            assert_eq!(is[name].is_readonly, seen.is_readonly, "{options} {}", name.display());
        }
        // For the next one.
        set_readonly(&scratch.join("target/readonly"), false).unwrap();
        fs::remove_dir_all(scratch.join("target")).unwrap();
    }
}

#[test]
fn an_archive_keeps_hard_links() {
    let scratch = Scratch::new();
    plant(&scratch, "source");
    scratch.warpcp("-a source target").succeeds();
    fs::write(scratch.join("target/links/one"), "both").unwrap();
    assert_eq!(scratch.read("target/links/other"), "both");
    assert_eq!(scratch.read("source/links/other"), "linked");
    scratch.warpcp("-r source apart").succeeds();
    fs::write(scratch.join("apart/links/one"), "both").unwrap();
    assert_eq!(scratch.read("apart/links/other"), "linked");
}

#[test]
fn a_tree_is_copied_over_itself_again() {
    let scratch = Scratch::new();
    let source = plant(&scratch, "source");
    scratch.warpcp("-r source target").succeeds();
    scratch.plant("target/names/plain", "old");
    scratch.plant("target/more", "stays");
    scratch.warpcp("-rTf source target").succeeds();
    fs::remove_file(scratch.join("target/more")).unwrap();
    assert_same_contents(&source, &scratch.join("target"));
}

#[test]
fn a_directory_is_not_copied_into_itself() {
    let scratch = Scratch::new();
    scratch.plant("d/f", "x");
    let outcome = scratch.warpcp("-r d d/e");
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.err.starts_with("warpcp: cannot copy a directory, 'd', into itself, "),
        "{}",
        outcome.err
    );
}
