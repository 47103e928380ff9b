//! Whatever is at the source's and the target's name, under every option about it: the source is untouched, and a
//! failure changes nothing.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use warpcopy::{
    Copier, Existing, Make, NoObserver, Options, Outcome, Preserve, Publish, Symlinks, Transfer,
    Unlink,
};

/// What a name can be.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Thing {
    Nothing,
    File,
    Directory,
    LinkToFile,
    LinkToDirectory,
    LinkToOther,
    LinkNowhere,
    LinkToItself,
    HardLinkOfOther,
}

#[derive(Arbitrary, Debug)]
struct Case {
    source: Thing,
    target: Thing,
    existing: u8,
    publish: u8,
    unlink: u8,
    make: u8,
    symlinks: u8,
    archive: bool,
    recursive: bool,
}

fn plant(root: &Path, name: &str, other: &str, thing: Thing) {
    let path = root.join(name);
    match thing {
        Thing::Nothing => {}
        Thing::File => fs::write(path, name).unwrap(),
        Thing::Directory => {
            fs::create_dir(&path).unwrap();
            fs::write(path.join("inside"), name).unwrap();
        }
        Thing::LinkToFile => symlink("file", path).unwrap(),
        Thing::LinkToDirectory => symlink("directory", path).unwrap(),
        Thing::LinkToOther => symlink(other, path).unwrap(),
        Thing::LinkNowhere => symlink("nowhere", path).unwrap(),
        Thing::LinkToItself => symlink(name, path).unwrap(),
        // Where there is nothing to link to there is nothing.
        Thing::HardLinkOfOther => drop(fs::hard_link(root.join(other), path)),
    }
}

/// Every name below with what it is and holds.
fn state(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, at: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = match metadata.file_type() {
                kind if kind.is_symlink() => format!("-> {:?}", fs::read_link(&path).unwrap()),
                kind if kind.is_dir() => "directory".to_owned(),
                _ => format!("{:?}", fs::read(&path).unwrap()),
            };
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            out.insert(name, format!("{} {content}", metadata.ino()));
            if metadata.is_dir() {
                walk(root, &path, out);
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(root, root, &mut out);
    out
}

fuzz_target!(|case: Case| {
    let scratch = tempfile::tempdir().expect("a temporary directory can be made");
    let root = scratch.path();
    fs::write(root.join("file"), "file").unwrap();
    fs::create_dir(root.join("directory")).unwrap();
    plant(root, "source", "target", case.source);
    plant(root, "target", "source", case.target);
    let before = state(root);

    let publish = [Publish::Staged, Publish::Auto, Publish::InPlace][usize::from(case.publish % 3)];
    let existing = [
        Existing::Replace,
        Existing::Fail,
        Existing::Skip,
        Existing::Older,
        Existing::Ask,
        Existing::AskIfOlder,
    ][usize::from(case.existing % 6)];
    let make = [Make::Contents, Make::AttributesOnly, Make::HardLinks, Make::Symlinks]
        [usize::from(case.make % 4)];
    let options = Options::new()
        .existing(existing)
        .publish(publish)
        .make(make)
        .unlink([Unlink::Never, Unlink::IfUnopenable, Unlink::Always][usize::from(case.unlink % 3)])
        .symlinks(
            [Symlinks::FollowOperands, Symlinks::Follow, Symlinks::Keep]
                [usize::from(case.symlinks % 3)],
        )
        .preserve(if case.archive { Preserve::all() } else { Preserve::default() })
        .recursive(case.recursive);
    let copier = Copier::new(options);
    let (source, target) = (root.join("source"), root.join("target"));

    if case.recursive {
        let transfer = Transfer::new(&source, &target);
        let report = copier.run(&[transfer], &mut NoObserver);
        assert_eq!(report.failures as usize, report.errors.len());
    } else {
        let copied = copier.copy_file(&source, &target);
        let after = state(root);
        let is_unchanged = match &copied {
            Err(_) => publish != Publish::InPlace,
            Ok(report) => matches!(
                report.outcome,
                Outcome::SkippedExisting | Outcome::SkippedNotOlder | Outcome::SkippedSameLink
            ),
        };
        if is_unchanged {
            assert_eq!(before, after, "{copied:?}");
        }
        if matches!(existing, Existing::Fail | Existing::Skip) && before.contains_key("target") {
            assert_eq!(before, after, "{copied:?}");
        }
    }

    let after = state(root);
    let of_source = |state: &BTreeMap<String, String>| -> Vec<(String, String)> {
        let is_source = |name: &str| name == "source" || name.starts_with("source/");
        state.clone().into_iter().filter(|(name, _)| is_source(name)).collect()
    };
    // Only a second name of the old target, or a link to it, may show the new content: there is none here that is
    // the source.
    assert_eq!(of_source(&before), of_source(&after), "the source was touched");
    assert!(after.keys().all(|name| !name.contains(".warpcopy-")), "{after:?}");
});
