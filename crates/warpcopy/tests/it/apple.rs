//! What only macOS can answer: clones, flags, access lists, resource forks, signatures.
//!
//! Each test is told by a variable where a file system of the kind that it needs is mounted (docs/testing.md).

use std::fs::{self, File, Metadata};
use std::num::NonZeroUsize;
use std::os::macos::fs::MetadataExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use rustix::fs::{CWD, CloneFlags, XattrFlags, fclonefileat, getxattr, listxattr, setxattr};
use rustix::io::Errno;
use tempfile::TempDir;
use warpcopy::{
    Copier, Existing, FileReport, Method, NoObserver, NoSnapshot, Operation, Options, Preserve,
    Publish, Reflink, Scope, Sparse, Xattrs,
};

use crate::support::*;

const M: usize = 1 << 20;

/// Volumes by the variable that names them, and whether they clone.
const APFS: (&str, bool) = ("WARPCOPY_APFS", true);
const APFS_CASE: (&str, bool) = ("WARPCOPY_APFS_CASE", true);
const SMALL: (&str, bool) = ("WARPCOPY_SMALL", true);
const HFS: (&str, bool) = ("WARPCOPY_HFS", false);
const EXFAT: (&str, bool) = ("WARPCOPY_EXFAT", false);

/// A directory of its own on a volume, which is asked whether it is one that clones: else every test of clones would pass
/// by copying.
#[track_caller]
fn on((variable, clones): (&str, bool)) -> Option<TempDir> {
    let Some(path) = std::env::var_os(variable) else {
        let is_required = std::env::var_os("WARPCOPY_REQUIRE_ALL").is_some_and(|it| it == "1");
        assert!(!is_required, "{variable} is not set");
        eprintln!("skipped: {variable} is not set");
        return None;
    };
    let here = tempfile::tempdir_in(path).unwrap();
    let (probe, copy) = (here.path().join("probe"), here.path().join("copy"));
    write(&probe, "content");
    let file = File::open(&probe).unwrap();
    let cloned = fclonefileat(&file, CWD, &copy, CloneFlags::NOFOLLOW);
    assert_eq!(cloned.is_ok(), clones, "{variable}: {cloned:?}");
    fs::remove_file(probe).unwrap();
    let _ = fs::remove_file(copy);
    Some(here)
}

/// A directory on each of some volumes; `None` if one is missing.
#[track_caller]
fn on_both(one: (&str, bool), other: (&str, bool)) -> Option<(TempDir, TempDir)> {
    Some((on(one)?, on(other)?))
}

#[track_caller]
fn run(program: &str, words: &[&str], path: &Path) -> Output {
    let output = Command::new(program).args(words).arg(path).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
    output
}

fn copy(source: &Path, target: &Path, options: Options) -> FileReport {
    Copier::new(options).copy_file(source, target).unwrap()
}

/// The methods by which the same has to come out.
fn ways() -> [Options; 4] {
    [None, Some(Method::CopyFile), Some(Method::Uncached), Some(Method::ReadWrite)]
        .map(|method| Options::new().method(method))
}

fn look(path: &Path) -> Metadata {
    fs::symlink_metadata(path).unwrap()
}

const UF_IMMUTABLE: u32 = 0x2;

/// A directory that holds what is locked, unlocked before it is removed.
struct Unlocked<'a>(&'a Path);

impl Drop for Unlocked<'_> {
    fn drop(&mut self) {
        let _ = Command::new("chflags").args(["-R", "nouchg,nouappnd"]).arg(self.0).status();
    }
}

#[test]
fn a_copy_on_apfs_is_a_clone_that_moves_no_byte() {
    let Some(here) = on(APFS) else { return };
    for len in [1, 4096, 3 * M + 5] {
        let (source, target) = (here.path().join("a"), here.path().join("b"));
        write(&source, bytes(len, 1));
        let report = copy(&source, &target, Options::new().reflink(Reflink::Always));
        let found = &report.bytes;
        assert_eq!((found.method, found.moved), (Some(Method::Clone), 0));
        assert_eq!(found.cloned, len as u64);
        assert_same_bytes(&source, &target);
        // Writing to one leaves the other alone.
        write(&target, "other");
        assert_eq!(fs::metadata(&source).unwrap().len(), len as u64);
    }
}

#[test]
fn between_two_volumes_bytes_are_moved_and_a_clone_is_asked_for_once() {
    let Some((here, there)) = on_both(APFS, APFS_CASE) else { return };
    let copier = Copier::new(Options::new());
    for number in 0..3 {
        let source = here.path().join("a");
        write(&source, bytes(100_000, number));
        let report = copier.copy_file(&source, there.path().join("b")).unwrap();
        assert_same_bytes(&source, &there.path().join("b"));
        let refused: Vec<_> = report.refusals.iter().map(|it| (it.method, it.scope)).collect();
        assert_eq!(refused, [(Method::Clone, Scope::Pair)]);
        assert_eq!(report.bytes.moved, 100_000);
    }
}

#[test]
fn volumes_that_do_not_clone_get_the_same_bytes_by_every_method() {
    for volume in [HFS, EXFAT] {
        let Some(here) = on(volume) else { continue };
        for len in [0, 1, 16383, 16384, 16385, 11 * M + 3] {
            let (source, target) = (here.path().join("a"), here.path().join("b"));
            write(&source, bytes(len, 2));
            for options in ways() {
                let report = copy(&source, &target, options);
                assert_eq!(report.bytes.cloned, 0);
                assert_same_bytes(&source, &target);
            }
        }
        let demand = Copier::new(Options::new().reflink(Reflink::Always));
        assert!(demand.copy_file(here.path().join("a"), here.path().join("c")).is_err());
        assert_only(here.path(), &["a", "b"]);
    }
}

#[test]
fn every_method_moves_tails_of_any_length() {
    let Some(here) = on(APFS) else { return };
    for len in [1, 16383, 16384, 16385, M + 1, 12 * M + 16385] {
        let (source, target) = (here.path().join("a"), here.path().join("b"));
        write(&source, bytes(len, 3));
        for method in [Method::CopyFile, Method::Uncached, Method::ReadWrite] {
            let copier = Copier::new(Options::new().method(Some(method)));
            let report = copier.copy_file(&source, &target).unwrap();
            assert_eq!(report.bytes.method, Some(method), "{len}");
            assert_eq!(copier.counters().moved_bytes(), len as u64, "{len} by {method}");
            assert_same_bytes(&source, &target);
        }
    }
}

#[test]
fn a_locked_source_gives_a_locked_copy_and_leaves_nothing_beside_it() {
    let Some(here) = on(APFS) else { return };
    let _unlocked = Unlocked(here.path());
    let (source, target) = (here.path().join("a"), here.path().join("b"));
    write(&source, bytes(M, 4));
    run("chflags", &["uchg"], &source);
    for publish in [Publish::Staged, Publish::Auto] {
        let kept = Options::new().preserve(Preserve::all()).publish(publish);
        let report = copy(&source, &target, kept);
        assert_eq!(report.bytes.method, Some(Method::Clone));
        assert_eq!(look(&target).st_flags() & UF_IMMUTABLE, UF_IMMUTABLE, "{publish:?}");
        assert_only(here.path(), &["a", "b"]);
        run("chflags", &["nouchg"], &target);
        fs::remove_file(&target).unwrap();
        // Whoever does not keep the mode does not keep the lock.
        copy(&source, &target, Options::new().publish(publish));
        assert_eq!(look(&target).st_flags() & UF_IMMUTABLE, 0);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn a_locked_target_is_an_error_and_stays() {
    let Some(here) = on(APFS) else { return };
    let _unlocked = Unlocked(here.path());
    let (source, target) = (here.path().join("a"), here.path().join("b"));
    write(&source, "new");
    write(&target, "old");
    run("chflags", &["uchg"], &target);
    for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
        let error = Copier::new(Options::new().publish(publish)).copy_file(&source, &target);
        assert_eq!(errno(&error.unwrap_err()), Some(Errno::PERM), "{publish:?}");
        assert_eq!(read(&target), b"old");
        assert_only(here.path(), &["a", "b"]);
    }
}

/// coreutils 9.1 cloned through the link.
#[test]
fn a_link_that_leads_nowhere_is_replaced_and_not_followed() {
    let Some(here) = on(APFS) else { return };
    write(&here.path().join("a"), bytes(M, 5));
    symlink("nowhere", here.path().join("b")).unwrap();
    copy(&here.path().join("a"), &here.path().join("b"), Options::new());
    assert!(look(&here.path().join("b")).is_file());
    assert_only(here.path(), &["a", "b"]);
}

#[test]
fn times_are_the_source_s_or_now_whatever_the_method() {
    let Some(here) = on(APFS) else { return };
    let (source, target) = (here.path().join("a"), here.path().join("b"));
    write(&source, bytes(M, 6));
    set_modified(&source, 1_000_000_000, 5);
    let was = look(&source);
    for options in ways() {
        let kept = options.clone().preserve(Preserve::all());
        copy(&source, &target, kept);
        let is = look(&target);
        assert_eq!((is.mtime(), is.mtime_nsec()), (1_000_000_000, 5));
        assert_eq!(is.st_birthtime(), was.st_birthtime());
        copy(&source, &target, options.preserve(Preserve::nothing()));
        let is = look(&target);
        assert!(is.mtime() > 1_000_000_000 && is.st_birthtime() > 1_000_000_000, "{is:?}");
    }
}

fn names_of(path: &Path) -> Vec<String> {
    let mut list = vec![0; 64 << 10];
    let length = listxattr(path, &mut list[..]).unwrap();
    let names = list[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let mut names: Vec<_> = names.map(text).filter(|it| it != "com.apple.provenance").collect();
    names.sort();
    names
}

#[test]
fn extended_attributes_of_any_size_are_kept_and_the_quarantine_always() {
    let Some(here) = on(APFS) else { return };
    let (source, target) = (here.path().join("a"), here.path().join("b"));
    write(&source, bytes(M, 7));
    let fork = bytes(3 * M, 8);
    let quarantine = b"0081;00000000;warpcopy;".to_vec();
    let mut values = vec![
        ("com.apple.ResourceFork".to_owned(), fork),
        ("com.apple.quarantine".to_owned(), quarantine),
        ("empty".to_owned(), Vec::new()),
    ];
    values.extend((0..200).map(|number| (format!("attribute {number}"), vec![number as u8; 100])));
    for (name, value) in &values {
        setxattr(&source, name, value, XattrFlags::empty()).unwrap();
    }
    for options in ways() {
        copy(&source, &target, options.clone().preserve(Preserve::all()));
        assert_eq!(names_of(&target), names_of(&source), "{options:?}");
        for (name, value) in values.iter().filter(|(name, _)| name != "com.apple.quarantine") {
            let mut room = vec![0; 4 * M];
            let length = getxattr(&target, name, &mut room[..]).unwrap();
            assert!(room[..length] == value[..], "{name}");
        }
        copy(&source, &target, options);
        assert_eq!(names_of(&target), ["com.apple.quarantine"]);
    }
}

#[test]
fn attributes_that_a_volume_cannot_hold_do_not_cost_the_data() {
    let Some((here, there)) = on_both(APFS, EXFAT) else { return };
    let (source, target) = (here.path().join("a"), there.path().join("b"));
    write(&source, bytes(M, 9));
    setxattr(&source, "an attribute", b"value", XattrFlags::empty()).unwrap();
    copy(&source, &target, Options::new().preserve(Preserve::all()));
    assert_same_bytes(&source, &target);
}

fn access_list(path: &Path) -> String {
    let text = String::from_utf8(run("ls", &["-le"], path).stdout).unwrap();
    text.lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_access_list_is_the_same_by_clone_and_by_copy() {
    let Some(here) = on(APFS) else { return };
    let (source, into) = (here.path().join("a"), here.path().join("into"));
    write(&source, bytes(M, 10));
    fs::create_dir(&into).unwrap();
    run("chmod", &["+a", "everyone allow read,file_inherit"], &into);
    let lists = [None, Some("everyone deny delete"), Some("staff allow write")];
    for list in lists {
        run("chmod", &["-N"], &source);
        if let Some(list) = list {
            run("chmod", &["+a", list], &source);
        }
        for options in ways() {
            let target = into.join("b");
            copy(&source, &target, options.preserve(Preserve::all()));
            assert_eq!(access_list(&target), access_list(&source), "{list:?}");
            run("chmod", &["-N"], &target);
            fs::remove_file(&target).unwrap();
        }
    }
}

/// coreutils/coreutils#68: the file system reported holes over data.
#[test]
fn a_sparse_gigabyte_stays_small_and_true() {
    let Some((here, there)) = on_both(APFS, APFS_CASE) else { return };
    let (source, target) = (here.path().join("a"), there.path().join("b"));
    Shape::sparse("image", 1 << 30, &[(500 << 20, 4096)]).make(&source);
    let report = copy(&source, &target, Options::new());
    assert_eq!(report.bytes.holes + report.bytes.moved, 1 << 30);
    assert_same_bytes(&source, &target);
    assert!(look(&target).blocks() * 512 < 100 << 20, "{}", look(&target).blocks());
    copy(&source, &target, Options::new().sparse(Sparse::Always));
    assert_same_bytes(&source, &target);
}

#[test]
fn a_compressed_file_gives_its_content_by_clone_and_by_copy() {
    let Some(here) = on(APFS) else { return };
    let (plain, source) = (here.path().join("plain"), here.path().join("a"));
    write(&plain, vec![b'x'; 4 * M]);
    let words = ["--hfsCompression", plain.to_str().unwrap()];
    run("ditto", &words, &source);
    for options in ways() {
        let target = here.path().join("b");
        copy(&source, &target, options.preserve(Preserve::all()));
        assert_same_bytes(&plain, &target);
    }
}

/// golang/go#42684: the kernel remembers the signature of the old content.
#[test]
fn a_running_program_is_replaced_even_in_place_and_the_new_one_runs() {
    let Some(here) = on(APFS) else { return };
    // The linker signs what it makes.
    let compiled = |name: &str, text: &str| {
        let (source, program) = (here.path().join(format!("{name}.c")), here.path().join(name));
        write(&source, text);
        run("cc", &["-o", program.to_str().unwrap()], &source);
        program
    };
    let old = compiled("old", "int pause(void); int main(void) { for (;;) pause(); }");
    let new = compiled("new", "int main(void) { return 7; }");
    let mut child = Command::new(&old).stdin(Stdio::null()).spawn().unwrap();
    let before = inode(&old);
    let options = Options::new().publish(Publish::InPlace);
    let copied = Copier::new(options).copy_file(&new, &old);
    let is_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    copied.unwrap();
    assert!(is_running);
    assert_ne!(inode(&old), before);
    assert_eq!(Command::new(&old).status().unwrap().code(), Some(7));
}

#[test]
fn a_full_volume_is_told_and_leaves_what_was_there() {
    let Some((here, small)) = on_both(APFS, SMALL) else { return };
    let (source, target) = (here.path().join("a"), small.path().join("b"));
    write(&source, bytes(64 * M, 11));
    write(&target, "old");
    for options in ways() {
        let error = Copier::new(options).copy_file(&source, &target).unwrap_err();
        assert_eq!(errno(&error), Some(Errno::NOSPC), "{error}");
        assert_eq!(read(&target), b"old");
        assert_only(small.path(), &["b"]);
    }
}

#[test]
fn of_many_who_want_a_free_name_one_gets_it() {
    let Some(here) = on(APFS) else { return };
    let target = here.path().join("target");
    let sources: Vec<_> = (0..8).map(|number| here.path().join(format!("{number}"))).collect();
    for (number, source) in sources.iter().enumerate() {
        write(source, bytes(M, number as u64));
    }
    for _ in 0..20 {
        let options = Options::new().existing(Existing::Fail).preserve(Preserve::all());
        let copy = |source| Copier::new(options.clone()).copy_file(source, &target).is_ok();
        let won: Vec<bool> = thread::scope(|scope| {
            let copies: Vec<_> =
                sources.iter().map(|source| scope.spawn(move || copy(source))).collect();
            copies.into_iter().map(|copy| copy.join().unwrap()).collect()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let winner = won.iter().position(|won| *won).unwrap();
        assert_same_bytes(&sources[winner], &target);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn a_tree_of_many_names_comes_out_whole() {
    let Some(here) = on(APFS) else { return };
    let tree = here.path().join("tree");
    for number in 0..5000 {
        write(&tree.join(format!("{:02}/a longer name {number}", number % 7)), [number as u8; 9]);
    }
    fs::hard_link(tree.join("00/a longer name 0"), tree.join("twin")).unwrap();
    symlink("00", tree.join("link")).unwrap();
    make_fifo(&tree.join("fifo"));
    set_mode(&tree.join("01"), 0o500);
    let copy = here.path().join("copy");
    let options =
        Options::new().preserve(Preserve::all()).workers(NonZeroUsize::new(4)).recursive(true);
    let report = Copier::new(options).copy_tree(&tree, &copy, &mut NoObserver);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_same_tree(&tree, &copy, true);
    assert_eq!(inode(&copy.join("twin")), inode(&copy.join("00/a longer name 0")));
    for root in [&tree, &copy] {
        set_mode(&root.join("01"), 0o700);
    }
}

#[test]
fn a_whole_directory_is_cloned_where_that_was_asked_for_and_can_be() {
    let Some((here, there)) = on_both(APFS, APFS_CASE) else { return };
    let tree = here.path().join("tree");
    write(&tree.join("x/y"), bytes(M, 12));
    let kept = Preserve { xattrs: Xattrs::Try, ..Preserve::all() };
    let options = Options::new().preserve(kept).recursive(true).snapshot(true);
    let copier = Copier::new(options);
    let report = copier.copy_tree(&tree, here.path().join("copy"), &mut NoObserver);
    assert_eq!(report.snapshots[0].refusal, None);
    assert_same_tree(&tree, &here.path().join("copy"), true);
    let report = copier.copy_tree(&tree, there.path().join("copy"), &mut NoObserver);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert!(matches!(report.snapshots[0].refusal, Some(NoSnapshot::Code(_))));
    assert_same_tree(&tree, &there.path().join("copy"), true);
    let report = copier.copy_tree(&tree, here.path().join("copy"), &mut NoObserver);
    assert_eq!(report.snapshots[0].refusal, Some(NoSnapshot::TargetExists));
}

/// `a` and `A` of a volume that tells them apart are one name on the usual one.
#[test]
fn names_that_fold_into_one_are_an_error_and_the_first_stays() {
    let Some((there, here)) = on_both(APFS, APFS_CASE) else { return };
    let tree = here.path().join("tree");
    write(&tree.join("a"), "one");
    write(&tree.join("A"), "two");
    write(&tree.join("\u{e9}"), "composed");
    let options = Options::new().recursive(true).workers(NonZeroUsize::new(1));
    let report = Copier::new(options).copy_tree(&tree, there.path().join("copy"), &mut NoObserver);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert_eq!(report.errors[0].operation(), Operation::JustCreated);
    assert_eq!(fs::read_dir(there.path().join("copy")).unwrap().count(), 2);
    assert_eq!(read(&there.path().join("copy/\u{e9}")), b"composed");
}
