//! What only a real Windows can show. The variables say where its file systems are; docs/testing.md.

use super::*;

/// A directory of its own on the file system that a variable names; without the variable the test is skipped, or fails
/// where none may be missing.
fn volume(variable: &str) -> Option<TempDir> {
    match std::env::var_os(variable) {
        Some(path) => {
            let scratch = tempfile::Builder::new().prefix("warpcopy-test-").tempdir_in(path);
            Some(scratch.expect("a directory can be made where the variable says"))
        }
        None => {
            let must_run =
                std::env::var_os("WARPCOPY_REQUIRE_ALL").is_some_and(|value| value == "1");
            assert!(!must_run, "{variable} is not set");
            eprintln!("skipped: {variable} is not set");
            None
        }
    }
}

/// The number of clusters of a file that have other owners, too: `fsutil file queryExtentsAndRefCounts`.
fn is_shared(path: &Path) -> bool {
    let output = std::process::Command::new("fsutil")
        .args(["file", "queryExtentsAndRefCounts"])
        .arg(path)
        .output()
        .expect("fsutil runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("Ref"), "{text}");
    text.lines().filter_map(|line| line.split("Ref: ").nth(1)).any(|count| {
        let digits = count.trim().trim_start_matches("0x");
        u64::from_str_radix(digits.split_whitespace().next().unwrap_or(""), 16)
            .is_ok_and(|count| count >= 2)
    })
}

fn clone_only() -> Options {
    Options::new().reflink(Reflink::Always)
}

// 18, 20, 27, 28
#[test]
fn refs_shares_blocks_of_files_of_any_size_and_keeps_both_apart() {
    for variable in ["WARPCOPY_REFS", "WARPCOPY_REFS_64K"] {
        let Some(scratch) = volume(variable) else { continue };
        let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
        for size in [1, 4095, 4096, 4097, 65_536, 65_537, (8 << 20) + 123] {
            write(&source, content(size));
            let report = copy(clone_only(), &source, &target).unwrap();
            assert_eq!(report.bytes.method, Some(Method::Clone), "{variable} {size}");
            assert!(fs::read(&target).unwrap() == content(size), "{variable} {size}");
            assert!(is_shared(&target) || size < 65_536, "{variable} {size}");
            write(&source, "changed");
            assert!(fs::read(&target).unwrap() == content(size), "{variable} {size}");
        }
        write(&source, content(1 << 20));
        let report = copy(Options::new(), &source, &target).unwrap();
        assert_eq!(report.bytes.method, Some(Method::Clone), "{variable}");
    }
}

// 19, 22
#[test]
fn refs_shares_a_sparse_file_of_6_gib() {
    let Some(scratch) = volume("WARPCOPY_REFS") else { return };
    const SPARSE: u32 = 0x200;
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(4096));
    let marked = std::process::Command::new("fsutil")
        .args(["sparse", "setflag"])
        .arg(&source)
        .status()
        .expect("fsutil runs");
    assert!(marked.success());
    let file = OpenOptions::new().write(true).open(&source).unwrap();
    std::os::windows::fs::FileExt::seek_write(&file, b"far", 6 << 30).unwrap();
    drop(file);
    let report = copy(clone_only(), &source, &target).unwrap();
    assert_eq!(report.bytes.len, (6 << 30) + 3);
    let metadata = fs::metadata(&target).unwrap();
    assert_eq!(metadata.len(), (6 << 30) + 3);
    assert_ne!(metadata.file_attributes() & SPARSE, 0);
    let mut end = [0; 3];
    let file = File::open(&target).unwrap();
    std::os::windows::fs::FileExt::seek_read(&file, &mut end, 6 << 30).unwrap();
    assert_eq!(&end, b"far");
    write(&source, content(1 << 20));
    copy(clone_only().unlink(Unlink::Always), &source, &target).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().file_attributes() & SPARSE, 0);
}

// 25
#[test]
fn refs_lets_many_threads_clone_one_file() {
    let Some(scratch) = volume("WARPCOPY_REFS") else { return };
    let source = scratch.path().join("source");
    write(&source, content(4 << 20));
    let copier = Copier::new(clone_only());
    thread::scope(|scope| {
        for number in 0..32 {
            let (copier, source) = (&copier, &source);
            let target = scratch.path().join(number.to_string());
            scope.spawn(move || {
                copier.copy_file(source, &target).unwrap();
                assert!(fs::read(&target).unwrap() == content(4 << 20));
            });
        }
    });
}

// 26
#[test]
fn between_volumes_everything_is_copied() {
    let (Some(refs), Some(ntfs)) = (volume("WARPCOPY_REFS"), volume("WARPCOPY_NTFS")) else {
        return;
    };
    for (from, to) in [(&refs, &ntfs), (&ntfs, &refs)] {
        let (source, target) = (from.path().join("source"), to.path().join("target"));
        write(&source, content(1 << 20));
        let report = copy(Options::new(), &source, &target).unwrap();
        assert_ne!(report.bytes.method, Some(Method::Clone));
        assert!(fs::read(&target).unwrap() == content(1 << 20));
        let error = copy(clone_only().unlink(Unlink::Always), &source, &target).unwrap_err();
        assert_eq!((error.operation(), error.code()), (Operation::Clone, Some(Code(1))));
    }
}

fn stream(path: &Path, name: &str) -> PathBuf {
    let mut path = path.as_os_str().to_os_string();
    path.push(":");
    path.push(name);
    path.into()
}

// 14
#[test]
fn streams_go_with_a_file_by_every_method() {
    for variable in ["WARPCOPY_NTFS", "WARPCOPY_REFS"] {
        let Some(scratch) = volume(variable) else { continue };
        let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
        write(&source, content(100_000));
        write(stream(&source, "Zone.Identifier"), "[ZoneTransfer]\r\nZoneId=3\r\n");
        write(stream(&source, "big"), content(300_000));
        let methods = [Method::ReadWrite, Method::CopyFile, Method::Clone, Method::Uncached];
        for method in methods {
            let report = copy(Options::new().method(Some(method)), &source, &target).unwrap();
            assert!(report.warned.is_empty() && report.unpreserved.is_empty(), "{report:?}");
            let zone = fs::read(stream(&target, "Zone.Identifier")).unwrap();
            assert_eq!(zone, b"[ZoneTransfer]\r\nZoneId=3\r\n", "{method}");
            assert!(fs::read(stream(&target, "big")).unwrap() == content(300_000), "{method}");
            fs::remove_file(&target).unwrap();
        }
    }
}

// 14, where there is no place for them
#[test]
fn a_file_system_without_streams_gets_the_content_and_the_report_says_so() {
    let (Some(ntfs), Some(fat)) = (volume("WARPCOPY_NTFS"), volume("WARPCOPY_FAT")) else { return };
    let (source, target) = (ntfs.path().join("source"), fat.path().join("target"));
    write(&source, content(100_000));
    write(stream(&source, "note"), "a note");
    for method in [Method::ReadWrite, Method::CopyFile] {
        let report = copy(Options::new().method(Some(method)), &source, &target).unwrap();
        assert!(fs::read(&target).unwrap() == content(100_000), "{method}");
        assert_eq!(report.unpreserved.len(), 1, "{method}: {report:?}");
    }
}

// 7, 3
#[test]
fn the_systems_own_copy_tells_its_progress_and_stops() {
    let Some(scratch) = volume("WARPCOPY_NTFS") else { return };
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(256 << 20));
    let copier = Copier::new(Options::new().method(Some(Method::CopyFile)));
    let (cancel, counters) = (copier.cancel(), copier.counters());
    let watching = thread::spawn(move || {
        while counters.moved_bytes() == 0 {
            thread::yield_now();
        }
        cancel.cancel();
        counters.moved_bytes()
    });
    let answer = copier.copy_file(&source, &target);
    let seen = watching.join().unwrap();
    let error = answer.unwrap_err();
    assert_eq!(error.operation(), Operation::Cancelled, "after {seen} bytes");
    assert_eq!(names(scratch.path()), BTreeSet::from(["source".into()]));
}

// 10, 13
#[test]
fn hidden_and_system_files_are_copied_and_replaced() {
    let Some(scratch) = volume("WARPCOPY_NTFS") else { return };
    const HIDDEN_SYSTEM: u32 = 0x6;
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, content(100_000));
    let status = std::process::Command::new("attrib").args(["+h", "+s"]).arg(&source).status();
    assert!(status.unwrap().success());
    for method in [Method::ReadWrite, Method::CopyFile, Method::Uncached] {
        for _ in 0..2 {
            copy(Options::new().method(Some(method)), &source, &target).unwrap();
            let attributes = fs::metadata(&target).unwrap().file_attributes();
            assert_eq!(attributes & HIDDEN_SYSTEM, HIDDEN_SYSTEM, "{method}");
        }
    }
}

// 42, 43
#[test]
fn symbolic_links_are_copied_with_their_text_and_kind() {
    let Some(scratch) = volume("WARPCOPY_NTFS") else { return };
    use std::os::windows::fs::{symlink_dir, symlink_file};
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("directory")).unwrap();
    write(tree.join("file"), "data");
    let links = [
        ("to file", "file", false),
        ("to directory", "directory", true),
        ("nowhere", "none", true),
    ];
    for (name, text, is_directory) in links {
        let make = if is_directory {
            symlink_dir(text, tree.join(name))
        } else {
            symlink_file(text, tree.join(name))
        };
        if let Err(error) = make {
            // Neither a privilege nor the developer's mode.
            assert_eq!(error.raw_os_error(), Some(1314));
            assert!(std::env::var_os("WARPCOPY_ELEVATED").is_none_or(|value| value != "1"));
            eprintln!("skipped: no privilege to make symbolic links");
            return;
        }
    }
    let target = scratch.path().join("copy");
    let report = copy_tree(Options::new(), &tree, &target);
    assert!(report.is_complete(), "{:?}", report.errors);
    for (name, text, is_directory) in links {
        assert_eq!(fs::read_link(target.join(name)).unwrap(), Path::new(text), "{name}");
        let kind = fs::symlink_metadata(target.join(name)).unwrap().file_type();
        assert_eq!(
            std::os::windows::fs::FileTypeExt::is_symlink_dir(&kind),
            is_directory,
            "{name}"
        );
    }
}

// 45
#[test]
fn a_junction_is_copied_as_one_and_not_entered() {
    let Some(scratch) = volume("WARPCOPY_NTFS") else { return };
    let (tree, outside) = (scratch.path().join("tree"), scratch.path().join("outside"));
    fs::create_dir(&tree).unwrap();
    fs::create_dir(&outside).unwrap();
    write(outside.join("secret"), "data");
    let status = std::process::Command::new("cmd")
        .args(["/c", "mklink", "/j"])
        .arg(tree.join("junction"))
        .arg(&outside)
        .status();
    assert!(status.unwrap().success());
    let target = scratch.path().join("copy");
    let report = copy_tree(Options::new(), &tree, &target);
    assert!(report.is_complete(), "{:?}", report.errors);
    assert_eq!(report.files, 0);
    assert_eq!(
        fs::read_link(target.join("junction")).unwrap(),
        fs::read_link(tree.join("junction")).unwrap()
    );
    assert_eq!(fs::read(target.join("junction").join("secret")).unwrap(), b"data");
}

// 17
#[test]
fn what_a_file_grants_by_itself_goes_along_where_the_mode_is_kept() {
    let Some(scratch) = volume("WARPCOPY_NTFS") else { return };
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    let icacls = |path: &Path, more: &[&str]| {
        let output = std::process::Command::new("icacls").arg(path).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    write(&source, content(100_000));
    // Everyone, by number: names are translated.
    icacls(&source, &["/grant", "*S-1-1-0:(R)"]);
    // Entries that are not marked as inherited.
    let own = |path: &Path| {
        let text = icacls(path, &[]);
        text.lines().filter(|line| line.contains(":(") && !line.contains("(I)")).count()
    };
    assert_eq!(own(&source), 1);
    for method in [Method::ReadWrite, Method::CopyFile] {
        let options = Options::new().method(Some(method));
        copy(options.clone(), &source, &target).unwrap();
        assert_eq!(own(&target), 0, "{method}");
        copy(options.preserve(Preserve::all()), &source, &target).unwrap();
        assert_eq!(own(&target), 1, "{method}");
    }
}

// 29
#[test]
fn a_full_disk_leaves_the_old_target_and_nothing_else() {
    let (Some(small), Some(ntfs)) = (volume("WARPCOPY_SMALL"), volume("WARPCOPY_NTFS")) else {
        return;
    };
    let (source, target) = (ntfs.path().join("source"), small.path().join("target"));
    write(&source, content(200 << 20));
    write(&target, "old");
    for method in [Method::ReadWrite, Method::CopyFile, Method::Uncached] {
        let error = copy(Options::new().method(Some(method)), &source, &target).unwrap_err();
        assert_eq!(error.code(), Some(Code(112)), "{method}: {error}");
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(small.path()), BTreeSet::from(["target".into()]), "{method}");
    }
}

// 30, 31
#[test]
fn an_open_target_is_replaced_on_ntfs_and_its_reader_keeps_the_old_one() {
    let Some(scratch) = volume("WARPCOPY_NTFS") else { return };
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    write(&source, "new");
    write(&target, "old");
    set_read_only(&target, true);
    let reader = File::open(&target).unwrap();
    copy(Options::new().unlink(Unlink::IfUnopenable), &source, &target).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(std::io::read_to_string(&reader).unwrap(), "old");
}
