//! A small tree with links of all kinds: the copy is the tree, and the counts are those of the tree.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use warpcopy::{Copier, NoObserver, Options, Preserve, Publish};

#[derive(Arbitrary, Debug)]
enum Step {
    /// Makes a directory and goes there.
    Down(u8),
    Up,
    File(u8, u16),
    Symlink(u8, u8),
    /// Another name of the file made last.
    HardLink(u8),
}

#[derive(Arbitrary, Debug)]
struct Case {
    steps: Vec<Step>,
    workers: u8,
    publish: u8,
    /// Copy a second time over the first copy.
    again: bool,
}

#[derive(Debug, PartialEq)]
enum Thing {
    Directory,
    Link(PathBuf),
    File(Vec<u8>, u64),
}

fn state(root: &Path) -> BTreeMap<PathBuf, Thing> {
    fn walk(root: &Path, at: &Path, out: &mut BTreeMap<PathBuf, Thing>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if metadata.is_dir() {
                out.insert(name, Thing::Directory);
                walk(root, &path, out);
            } else if metadata.is_symlink() {
                out.insert(name, Thing::Link(fs::read_link(&path).unwrap()));
            } else {
                out.insert(name, Thing::File(fs::read(&path).unwrap(), metadata.nlink()));
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(root, root, &mut out);
    out
}

fuzz_target!(|case: Case| {
    let scratch = tempfile::tempdir().expect("a temporary directory can be made");
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    fs::create_dir(&source).unwrap();
    let mut at = source.clone();
    let mut last: Option<PathBuf> = None;
    // What is there already stays: a name is used once.
    for step in case.steps.iter().take(60) {
        match step {
            Step::Down(name) => {
                let below = at.join(name.to_string());
                if fs::create_dir(&below).is_ok() {
                    at = below;
                }
            }
            Step::Up if at != source => at = at.parent().unwrap().to_owned(),
            Step::Up => {}
            Step::File(name, len) => {
                let path = at.join(name.to_string());
                if !path.exists() && fs::symlink_metadata(&path).is_err() {
                    fs::write(&path, vec![*name; usize::from(*len)]).unwrap();
                    last = Some(path);
                }
            }
            Step::Symlink(name, to) => drop(symlink(to.to_string(), at.join(name.to_string()))),
            Step::HardLink(name) => {
                if let Some(last) = &last {
                    drop(fs::hard_link(last, at.join(name.to_string())));
                }
            }
        }
    }
    let expected = state(&source);
    let options = Options::new()
        .preserve(Preserve::all())
        .publish([Publish::Staged, Publish::Auto, Publish::InPlace][usize::from(case.publish % 3)])
        .workers(NonZeroUsize::new(usize::from(case.workers % 5)));
    let copier = Copier::new(options);
    let report = copier.copy_tree(&source, &target, &mut NoObserver);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!(state(&target), expected);
    let count = |is: fn(&Thing) -> bool| expected.values().filter(|thing| is(thing)).count() as u64;
    assert_eq!(report.directories, 1 + count(|thing| matches!(thing, Thing::Directory)));
    assert_eq!(report.symlinks, count(|thing| matches!(thing, Thing::Link(_))));
    assert_eq!(report.files + report.links, count(|thing| matches!(thing, Thing::File(..))));
    if case.again {
        let report = copier.copy_tree(&source, &target, &mut NoObserver);
        assert!(report.is_complete(), "{:?}", report.errors);
        assert_eq!(state(&target), expected);
    }
});
