//! What the library promises on Windows. Under Wine, too, which is Windows enough for most of it; where Wine does
//! otherwise a test says so. What only a real Windows with its file systems can show is in `hardware`.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::os::windows::fs::{FileTimesExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use warpcopy::{
    Backup, Code, Copier, Error, Event, Existing, Flow, Make, Method, NoObserver, Observer,
    Operation, Options, Outcome, Preserve, Publish, Reflink, Symlinks, TreeReport, Unlink,
};

mod hardware;

/// The sizes at which reading, sharing and unbuffered writing have their edges.
const SIZES: [usize; 8] = [0, 1, 4095, 4096, 4097, 65_536, 262_145, (8 << 20) + 123];

/// Whether this is Wine, which has this program and Windows has not.
fn is_wine() -> bool {
    Path::new(r"C:\windows\system32\winecfg.exe").exists()
}

fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("warpcopy-test-").tempdir().expect("a temporary directory")
}

/// Bytes that do not repeat within any block.
fn content(length: usize) -> Vec<u8> {
    let mut state = length as u64 | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn write(path: impl AsRef<Path>, data: impl AsRef<[u8]>) {
    fs::write(path, data).expect("a test file can be written");
}

fn plain() -> Options {
    Options::new().method(Some(Method::ReadWrite))
}

fn copy(options: Options, source: &Path, target: &Path) -> Result<warpcopy::FileReport, Error> {
    Copier::new(options).copy_file(source, target)
}

fn copy_tree(options: Options, source: &Path, target: &Path) -> TreeReport {
    Copier::new(options).copy_tree(source, target, &mut NoObserver)
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("the directory can be listed");
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn set_read_only(path: &Path, is_read_only: bool) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(is_read_only);
    fs::set_permissions(path, permissions).unwrap();
}

fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).unwrap().permissions().readonly()
}

fn set_times(path: &Path, modified: SystemTime) {
    // A directory is opened for its attributes alone, which takes a flag.
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    const FILE_WRITE_ATTRIBUTES: u32 = 0x100;
    let file = OpenOptions::new()
        .access_mode(FILE_WRITE_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
        .unwrap();
    let times =
        FileTimes::new().set_modified(modified).set_accessed(modified).set_created(modified);
    file.set_times(times).unwrap();
}

fn long_ago() -> SystemTime {
    // A multiple of 100 ns.
    SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_700)
}

// 1, 52
#[test]
fn every_method_copies_every_size_and_the_system_knows_the_length() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    for size in SIZES {
        write(&source, content(size));
        let methods =
            [None, Some(Method::ReadWrite), Some(Method::Uncached), Some(Method::CopyFile)];
        for method in methods {
            let report = copy(Options::new().method(method), &source, &target).unwrap();
            assert_eq!(report.bytes.len, size as u64, "{method:?}");
            assert_eq!(fs::metadata(&target).unwrap().len(), size as u64, "{method:?}");
            assert!(fs::read(&target).unwrap() == content(size), "{method:?} {size}");
            // What calls itself empty is read to see whether that is true, and then nothing moves.
            let is_sure = report.refusals.is_empty() || size == 0;
            assert!(is_sure, "{method:?} {size}: {:?}", report.refusals);
            fs::remove_file(&target).unwrap();
        }
    }
    assert_eq!(names(scratch.path()).len(), 1);
}

/// Wine calls no progress routine and has no `CopyFile2`; what was not told is told at the end.
// 4, 5
#[test]
fn the_systems_own_copy_is_used_for_big_files_and_counted_whole() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(1 << 20));
    let copier = Copier::new(Options::new());
    let report = copier.copy_file(&source, &target).unwrap();
    let counted = copier.counters().moved_bytes() + copier.counters().cloned_bytes();
    assert_eq!(counted, 1 << 20);
    assert!(report.bytes.method != Some(Method::ReadWrite), "{:?}", report.bytes);
    write(&source, content(100));
    let report = copier.copy_file(&source, scratch.path().join("small")).unwrap();
    assert_eq!(report.bytes.method, Some(Method::ReadWrite));
}

// 2
#[test]
fn progress_grows_and_a_cancelled_copy_leaves_nothing() {
    // Who is watched may be faster than the watcher.
    const ATTEMPTS: usize = 20;
    assert!((0..ATTEMPTS).any(|_| is_cancelled_while_watched()));
}

/// Copies and cancels what is seen half made; `false` if it was not seen.
fn is_cancelled_while_watched() -> bool {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(64 << 20));
    let copier = Copier::new(plain());
    let (cancel, counters) = (copier.cancel(), copier.counters());
    let is_over = AtomicBool::new(false);
    let (answer, seen, temporary) = thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = Vec::new();
            let mut temporary = None;
            while !is_over.load(Ordering::Relaxed) && !cancel.is_cancelled() {
                seen.push(counters.moved_bytes());
                let is_temporary = |name: &String| name.starts_with(".warpcopy-");
                temporary = temporary.or(names(scratch.path()).into_iter().find(is_temporary));
                if temporary.is_some() && counters.moved_bytes() > 0 {
                    cancel.cancel();
                }
            }
            (seen, temporary)
        });
        let answer = copier.copy_file(&source, &target);
        is_over.store(true, Ordering::Relaxed);
        let (seen, temporary) = watching.join().unwrap();
        (answer, seen, temporary)
    });
    assert!(seen.is_sorted());
    match answer {
        Err(error) => {
            assert_eq!(error.operation(), Operation::Cancelled);
            // What a crash would leave can be told from other files.
            assert!(temporary.is_some());
            assert_eq!(names(scratch.path()), BTreeSet::from(["source".into()]));
            true
        }
        Ok(_) => false,
    }
}

/// Names the directory in which the child of the next test copies.
const CRASH_IN: &str = "WARPCOPY_TEST_CRASH_IN";

/// Does nothing unless it is the child that the next test ends.
#[test]
fn child_that_copies_until_it_is_ended() {
    let Some(directory) = std::env::var_os(CRASH_IN).map(PathBuf::from) else { return };
    let (source, target) = (directory.join("source"), directory.join("target"));
    loop {
        let _ = copy(plain(), &source, &target); // whether it replaces it is seen by who ends this
    }
}

// 54
#[test]
fn a_copier_that_is_ended_leaves_the_target_whole_and_what_it_made_by_a_name_of_its_own() {
    const ATTEMPTS: usize = 20;
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(64 << 20));
    let mut has_left_some = false;
    for _ in 0..ATTEMPTS {
        write(&target, "old");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["windows::child_that_copies_until_it_is_ended", "--exact"])
            .env(CRASH_IN, scratch.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let is_temporary = |name: &String| name.starts_with(".warpcopy-");
        while !names(scratch.path()).iter().any(is_temporary) {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = fs::read(&target).unwrap();
        assert!(now == b"old" || now == content(64 << 20), "{} bytes", now.len());
        let left = names(scratch.path());
        assert!(left.is_superset(&BTreeSet::from(["source".into(), "target".into()])), "{left:?}");
        for name in left.iter().filter(|name| *name != "source" && *name != "target") {
            assert!(is_temporary(name), "{name}");
            fs::remove_file(scratch.path().join(name)).unwrap();
            has_left_some = true;
        }
        if has_left_some {
            return;
        }
    }
    panic!("in {ATTEMPTS} attempts none was ended while it copied");
}

// 8, 35
#[test]
fn an_existing_target_stays_where_it_is_to_stay() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    for method in [Method::ReadWrite, Method::CopyFile] {
        for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
            write(&source, content(100_000));
            write(&target, "old");
            let options = Options::new().method(Some(method)).publish(publish);
            let fail = options.clone().existing(Existing::Fail);
            let error = copy(fail, &source, &target).unwrap_err();
            assert_eq!(error.operation(), Operation::TargetExists);
            assert_eq!(error.code(), Some(Code(183)));
            let report = copy(options.clone().existing(Existing::Skip), &source, &target).unwrap();
            assert_eq!(report.outcome, Outcome::SkippedExisting);
            assert_eq!(fs::read(&target).unwrap(), b"old");
            copy(options, &source, &target).unwrap();
            assert!(fs::read(&target).unwrap() == content(100_000), "{method} {publish:?}");
            assert_eq!(names(scratch.path()).len(), 2);
        }
    }
}

// 9
#[test]
fn a_read_only_target_stays_without_force_and_goes_with_it() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    for publish in [Publish::Staged, Publish::Auto] {
        write(&source, "new");
        write(&target, "old");
        set_read_only(&target, true);
        let options = Options::new().publish(publish);
        let error = copy(options.clone(), &source, &target).unwrap_err();
        assert_eq!(error.code(), Some(Code(5)), "{publish:?}: {error}");
        assert_eq!(fs::read(&target).unwrap(), b"old");
        copy(options.unlink(Unlink::IfUnopenable), &source, &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert!(!is_read_only(&target), "{publish:?}");
        assert_eq!(names(scratch.path()).len(), 2);
    }
}

// 11
#[test]
fn a_copy_of_a_read_only_file_is_complete_and_read_only() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    for method in [Method::ReadWrite, Method::Uncached, Method::CopyFile] {
        write(&source, content(200_000));
        set_read_only(&source, true);
        set_times(&source, long_ago());
        for preserve in [Preserve::default(), Preserve::all()] {
            let options = Options::new().method(Some(method)).preserve(preserve);
            let options = options.sync(warpcopy::Sync::Full).unlink(Unlink::Always);
            copy(options, &source, &target).unwrap();
            assert!(fs::read(&target).unwrap() == content(200_000));
            assert!(is_read_only(&target), "{method}");
            assert_eq!(fs::metadata(&target).unwrap().modified().unwrap(), long_ago());
        }
        set_read_only(&source, false);
        set_read_only(&target, false);
        fs::remove_file(&target).unwrap();
    }
}

// 12
#[test]
fn times_are_kept_to_100_nanoseconds_or_are_those_of_the_copy() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(100_000));
    set_times(&source, long_ago());
    for method in [Method::ReadWrite, Method::Uncached, Method::CopyFile] {
        let options = Options::new().method(Some(method));
        copy(options.clone(), &source, &target).unwrap();
        let metadata = fs::metadata(&target).unwrap();
        assert_eq!(metadata.modified().unwrap(), long_ago(), "{method}");
        // Wine reads a file in order to look at it, and keeps no time of creation.
        assert!(is_wine() || metadata.accessed().unwrap() == long_ago(), "{method}");
        assert!(is_wine() || metadata.created().unwrap() == long_ago(), "{method}");
        copy(options.preserve(Preserve::nothing()), &source, &target).unwrap();
        let age = fs::metadata(&target).unwrap().modified().unwrap().elapsed();
        assert!(age.is_ok_and(|age| age < Duration::from_secs(3600)), "{method}");
    }
}

// 13, as far as Wine has attributes
#[test]
fn attributes_go_with_a_file_whatever_the_method() {
    const HIDDEN: u32 = 0x2;
    let scratch = scratch();
    let source = scratch.path().join("source");
    // Beyond Windows's own way there is none to hide a file without a call.
    write(&source, content(100_000));
    let status = std::process::Command::new("attrib").arg("+h").arg(&source).status();
    if !status.is_ok_and(|status| status.success())
        || fs::metadata(&source).unwrap().file_attributes() & HIDDEN == 0
    {
        eprintln!("skipped: attrib does not hide files here");
        return;
    }
    for method in [Method::ReadWrite, Method::CopyFile] {
        let target = scratch.path().join(method.name());
        copy(Options::new().method(Some(method)), &source, &target).unwrap();
        assert_ne!(fs::metadata(&target).unwrap().file_attributes() & HIDDEN, 0, "{method}");
    }
}

// 15, 38, 39
#[test]
fn names_that_explorer_could_not_open_are_refused_before_anything_is_made() {
    let scratch = scratch();
    let source = scratch.path().join("source");
    write(&source, "data");
    let long = "x".repeat(256);
    let improper = [
        "CON",
        "nul",
        "aux.txt",
        "com1.tar.gz",
        "trail.",
        "trail ",
        "a:stream",
        "a:b:$DATA",
        "a<b",
        "a?",
        "a*",
        "a|b",
        "\"",
        "a\u{1}b",
        &long,
    ];
    for name in improper {
        // By a verbatim path every one of them could be made.
        let verbatim = fs::canonicalize(scratch.path()).unwrap();
        for target in [scratch.path().join(name), verbatim.join(name)] {
            for options in [plain(), Options::new().method(Some(Method::CopyFile))] {
                let error = copy(options, &source, &target).unwrap_err();
                let code = if name.len() > 255 { 206 } else { 123 };
                assert_eq!(error.code(), Some(Code(code)), "{name:?}: {error}");
            }
        }
        assert_eq!(names(scratch.path()), BTreeSet::from(["source".into()]), "{name:?}");
    }
    assert_eq!(fs::read(&source).unwrap(), b"data");
}

// 37
#[test]
fn long_relative_and_slashed_paths_are_understood() {
    let scratch = scratch();
    let verbatim = fs::canonicalize(scratch.path()).unwrap();
    let deep: PathBuf = std::iter::repeat_n("a directory with a long name", 20).collect();
    fs::create_dir_all(verbatim.join("tree").join(&deep)).unwrap();
    let source = verbatim.join("tree").join(&deep).join("file");
    assert!(source.as_os_str().len() > 500);
    write(&source, "deep");
    // Not verbatim, and longer than 260 units.
    let path = scratch.path().join("tree").join(&deep).join("file");
    let target = scratch.path().join("copy").join(&deep).join("file");
    copy(Options::new(), &path, &target).unwrap();
    assert_eq!(fs::read(verbatim.join("copy").join(&deep).join("file")).unwrap(), b"deep");
    let report = copy_tree(Options::new(), &scratch.path().join("tree"), &verbatim.join("again"));
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!(fs::read(verbatim.join("again").join(&deep).join("file")).unwrap(), b"deep");
    let slashed = scratch.path().to_string_lossy().replace('\\', "/");
    let report = copy_tree(
        Options::new(),
        Path::new(&format!("{slashed}/tree/./")),
        Path::new(&format!("{slashed}/x/../slashed")),
    );
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!(
        names(&scratch.path().join("slashed")),
        BTreeSet::from(["a directory with a long name".into()])
    );
    // Relative to the directory that the tests run in.
    let name = format!("warpcopy-test-{}", std::process::id());
    write(&name, "relative");
    let answer = copy(Options::new(), Path::new(&name), &scratch.path().join("relative"));
    fs::remove_file(&name).unwrap();
    answer.unwrap();
    assert_eq!(fs::read(scratch.path().join("relative")).unwrap(), b"relative");
}

// 40, 41
#[test]
fn one_file_by_another_case_or_link_is_not_copied_onto_itself() {
    let scratch = scratch();
    let source = scratch.path().join("source");
    write(&source, "data");
    fs::hard_link(&source, scratch.path().join("link")).unwrap();
    for name in ["source", "SOURCE", "link", "Link", r"..\SOURCE"] {
        for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
            let mut target = scratch.path().join(name);
            if name.starts_with("..") {
                target = scratch.path().join("x").join(name);
            }
            let error = copy(Options::new().publish(publish), &source, &target).unwrap_err();
            assert_eq!(error.operation(), Operation::SameFile, "{name} {publish:?}");
            assert_eq!(fs::read(&source).unwrap(), b"data");
        }
    }
    assert_eq!(names(scratch.path()), BTreeSet::from(["link".into(), "source".into()]));
}

// 30
#[test]
fn a_target_is_replaced_by_a_new_file_of_its_own_name() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, "new");
    write(&target, "old");
    fs::hard_link(&target, scratch.path().join("other")).unwrap();
    copy(Options::new(), &source, &target).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(fs::read(scratch.path().join("other")).unwrap(), b"old");
    write(&source, "newer");
    let report = copy(Options::new().backup(Backup::Simple), &source, &target).unwrap();
    assert_eq!(fs::read(report.backup.unwrap()).unwrap(), b"new");
    assert_eq!(fs::read(&target).unwrap(), b"newer");
    let all = ["other", "source", "target", "target~"].map(String::from);
    assert_eq!(names(scratch.path()), BTreeSet::from(all));
}

// 31
#[test]
fn a_reader_of_the_old_target_keeps_it_or_the_target_stays() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, "new");
    write(&target, "old");
    // The standard library lets others read, write and delete.
    let reader = File::open(&target).unwrap();
    let answer = copy(Options::new(), &source, &target);
    if is_wine() {
        // It has no renaming with the semantics of POSIX, and ours waits in vain.
        assert_eq!(answer.unwrap_err().code(), Some(Code(5)));
        assert_eq!(fs::read(&target).unwrap(), b"old");
    } else {
        answer.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }
    assert_eq!(std::io::read_to_string(&reader).unwrap(), "old");
    assert_eq!(names(scratch.path()).len(), 2);
}

// 32
#[test]
fn a_target_that_somebody_keeps_is_waited_for_and_then_named() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, "new");
    write(&target, "old");
    let keeper = OpenOptions::new().read(true).share_mode(1).open(&target).unwrap();
    let waiting = thread::spawn({
        let (source, target) = (source.clone(), target.clone());
        move || copy(Options::new(), &source, &target)
    });
    thread::sleep(Duration::from_millis(300));
    drop(keeper);
    waiting.join().unwrap().unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");

    write(&source, "newer");
    let _keeper = OpenOptions::new().read(true).share_mode(1).open(&target).unwrap();
    let error = copy(Options::new(), &source, &target).unwrap_err();
    assert_eq!(error.operation(), Operation::Publish);
    assert!(matches!(error.code(), Some(Code(5 | 32))), "{error}");
    assert_eq!(error.path(), target);
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(names(scratch.path()).len(), 2);
}

// 51
#[test]
fn a_source_that_nobody_else_may_open_is_named_with_its_reason() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, "data");
    let _keeper = OpenOptions::new().read(true).share_mode(0).open(&source).unwrap();
    let error = copy(Options::new(), &source, &target).unwrap_err();
    assert_eq!((error.operation(), error.code()), (Operation::OpenSource, Some(Code(32))));
    assert_eq!(error.path(), source);
    assert!(!target.exists());
}

// 23
#[test]
fn a_clone_that_cannot_be_is_an_error_if_demanded_and_else_the_next_method() {
    if !is_wine() {
        eprintln!("skipped: the temporary directory may be on ReFS");
        return;
    }
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(100_000));
    let error = copy(Options::new().reflink(Reflink::Always), &source, &target).unwrap_err();
    assert_eq!((error.operation(), error.code()), (Operation::Clone, Some(Code(1))));
    assert_eq!(names(scratch.path()).len(), 1);
    let copier = Copier::new(Options::new().method(Some(Method::Clone)));
    for name in ["one", "two"] {
        let report = copier.copy_file(&source, scratch.path().join(name)).unwrap();
        assert_eq!(report.bytes.method, Some(Method::ReadWrite));
        assert_eq!(report.refusals.len(), 1);
        assert_eq!(report.refusals[0].scope, warpcopy::Scope::Pair);
    }
}

// 44
#[test]
fn a_symbolic_link_that_was_not_made_is_an_error() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, "data");
    let answer = copy(Options::new().make(Make::Symlinks), &source, &target);
    match answer {
        // Wine says that it made one.
        Err(error) => {
            let expected = if is_wine() { Code(50) } else { Code(1314) };
            assert_eq!(
                (error.operation(), error.code()),
                (Operation::CreateSymlink, Some(expected))
            );
            assert_eq!(names(scratch.path()), BTreeSet::from(["source".into()]));
        }
        Ok(report) => {
            assert!(!is_wine());
            assert_eq!(report.outcome, Outcome::Symlinked);
            assert_eq!(fs::read_link(&target).unwrap(), source);
        }
    }
}

// 49
#[test]
fn names_of_one_file_stay_names_of_one_file() {
    let scratch = scratch();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    write(tree.join("a"), "data");
    for name in ["b", "c"] {
        fs::hard_link(tree.join("a"), tree.join(name)).unwrap();
    }
    let target = scratch.path().join("copy");
    let report = copy_tree(Options::new().preserve(Preserve::all()), &tree, &target);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!((report.files, report.links), (1, 2));
    write(target.join("b"), "changed");
    for name in ["a", "b", "c"] {
        assert_eq!(fs::read(target.join(name)).unwrap(), b"changed", "{name}");
    }
    assert_eq!(fs::read(tree.join("a")).unwrap(), b"data");
    let linked = scratch.path().join("linked");
    copy(Options::new().make(Make::HardLinks), &tree.join("a"), &linked).unwrap();
    write(&linked, "through");
    assert_eq!(fs::read(tree.join("c")).unwrap(), b"through");
}

// 50
#[test]
fn a_directory_of_many_names_is_copied_whole_by_several_workers() {
    // Wine looks for each name among all others.
    let count = if is_wine() { 2_000 } else { 20_000 };
    let scratch = scratch();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for number in 0..count {
        write(tree.join(format!("a name of some length {number}")), []);
    }
    let target = scratch.path().join("copy");
    let options = plain().workers(std::num::NonZeroUsize::new(3));
    let report = copy_tree(options, &tree, &target);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!(report.files, count as u64);
    assert_eq!(names(&target), names(&tree));
}

// 53
#[test]
fn directories_have_their_times_when_all_below_them_is_there_and_may_be_read_only() {
    let scratch = scratch();
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    write(tree.join("a/b/file"), "data");
    write(tree.join("a/file"), "data");
    set_read_only(&tree.join("a"), true);
    for directory in ["a/b", "a", ""] {
        set_times(&tree.join(directory), long_ago());
    }
    for workers in [1, 3] {
        let target = scratch.path().join(format!("copy{workers}"));
        let options = Options::new().preserve(Preserve::all());
        let options = options.workers(std::num::NonZeroUsize::new(workers));
        let report = copy_tree(options, &tree, &target);
        assert!(report.is_complete(), "{:?}", report.errors);
        for directory in ["", "a", "a/b"] {
            let modified = fs::metadata(target.join(directory)).unwrap().modified().unwrap();
            assert_eq!(modified, long_ago(), "{directory:?}");
        }
        assert_eq!(fs::read(target.join("a/b/file")).unwrap(), b"data");
        // A second copy goes into the read-only directory.
        let report = copy_tree(Options::new(), &tree, &target);
        assert!(report.is_complete(), "{:?}", report.errors);
        set_read_only(&target.join("a"), false);
    }
    set_read_only(&tree.join("a"), false);
}

#[test]
fn a_directory_is_not_copied_into_itself_nor_over_a_file() {
    let scratch = scratch();
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("below")).unwrap();
    let report = copy_tree(Options::new(), &tree, &tree.join("below/copy"));
    assert_eq!(report.errors[0].operation(), Operation::IntoItself);
    let report = copy_tree(Options::new(), &tree, &scratch.path().join(r"TREE\BELOW\copy"));
    assert_eq!(report.errors[0].operation(), Operation::IntoItself);
    let file = scratch.path().join("file");
    write(&file, "data");
    let report = copy_tree(Options::new(), &tree, &file);
    assert_eq!(report.errors[0].operation(), Operation::TargetIsNotDirectory);
    let error = copy(Options::new(), &file, &tree).unwrap_err();
    assert_eq!(error.operation(), Operation::TargetIsDirectory);
    assert!(names(&tree.join("below")).is_empty());
}

#[test]
fn what_is_missing_is_said_to_be_missing() {
    let scratch = scratch();
    let target = scratch.path().join("target");
    let error = copy(Options::new(), &scratch.path().join("nothing"), &target).unwrap_err();
    assert_eq!((error.operation(), error.code()), (Operation::StatSource, Some(Code(2))));
    let away = scratch.path().join("no").join("where");
    let error = copy(Options::new(), &away, &target).unwrap_err();
    assert_eq!((error.operation(), error.code()), (Operation::StatSource, Some(Code(2))));
    write(scratch.path().join("file"), "data");
    let options = Options::new().make_parents(false);
    let error = copy(options, &scratch.path().join("file"), &away).unwrap_err();
    assert_eq!(error.operation(), Operation::OpenTargetDirectory);
    copy(Options::new(), &scratch.path().join("file"), &away).unwrap();
    assert_eq!(fs::read(away).unwrap(), b"data");
}

#[test]
fn zeros_may_become_holes_and_come_back_as_zeros() {
    let scratch = scratch();
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    let mut data = content(1 << 20);
    data[100_000..900_000].fill(0);
    data.extend(vec![0; 300_000]);
    write(&source, &data);
    for sparse in [warpcopy::Sparse::Always, warpcopy::Sparse::Never, warpcopy::Sparse::Auto] {
        let report = copy(Options::new().sparse(sparse), &source, &target).unwrap();
        assert!(fs::read(&target).unwrap() == data, "{sparse:?}");
        assert_eq!(report.bytes.holes > 0, sparse == warpcopy::Sparse::Always);
    }
}

/// Counts what it is told, and stops at the third file.
#[derive(Default)]
struct Stopping {
    files: usize,
}

impl Observer for Stopping {
    fn event(&mut self, event: Event<'_>) -> Flow {
        if matches!(event, Event::FileDone(_)) {
            self.files += 1;
        }
        if self.files < 3 { Flow::Continue } else { Flow::Stop }
    }
}

#[test]
fn an_observer_that_stops_a_tree_leaves_whole_files_alone() {
    let scratch = scratch();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for number in 0..50 {
        write(tree.join(number.to_string()), content(10_000));
    }
    let target = scratch.path().join("copy");
    let options = Options::new().workers(std::num::NonZeroUsize::new(1)).recursive(true);
    let mut observer = Stopping::default();
    let report =
        Copier::new(options.symlinks(Symlinks::Keep)).copy_tree(&tree, &target, &mut observer);
    assert!(report.cancelled);
    let made = names(&target);
    assert!((3..50).contains(&made.len()), "{made:?}");
    for name in made {
        assert!(fs::read(target.join(&name)).unwrap() == content(10_000), "{name}");
    }
}
