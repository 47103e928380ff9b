//! Two names of a source that are one on the target: file systems that do not tell upper from lower case. What cp does
//! there, the second over the first, loses a file and says nothing ("Unsafe at Any Copy", FAST 2023).

use std::fs;

use crate::support::plant::write;
use crate::support::{Fs, Scratch, Warpcp, assert_nothing_left_over, read};

/// A directory on a file system that tells the case, one on a file system that does not.
fn both() -> Option<(Scratch, Scratch)> {
    let from = Scratch::anywhere()?;
    let to = Scratch::on(Fs::Exfat)?;
    write(to.join("probe"), b"");
    assert!(to.join("PROBE").exists(), "this file system tells upper from lower case");
    fs::remove_file(to.join("probe")).unwrap();
    Some((from, to))
}

#[test]
fn of_two_files_one_is_copied_and_the_other_is_an_error() {
    let Some((from, to)) = both() else { return };
    let source = from.join("source");
    fs::create_dir(&source).unwrap();
    write(source.join("name"), b"lower");
    write(source.join("NAME"), b"upper");
    write(source.join("other"), b"other");
    for options in ["-r", "-r -j1", "-r --atomic=always", "-r -f", "-r --remove-destination"] {
        let target = to.join("target");
        let run = Warpcp::copy(options, &source, &target).fails();
        let text = &run.stderr;
        assert!(text.contains("will not overwrite just-created"), "{options}: {text}");
        assert_eq!(text.lines().count(), 1, "{options}: {text}");
        // For a second, FUSE goes on telling what it was told of a name; meanwhile that may be the other's empty file.
        let mut kept = read(target.join("name"));
        for _ in 0..30 {
            if kept.is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(100));
                kept = read(target.join("name"));
            }
        }
        assert!(kept == b"lower" || kept == b"upper", "{options}: {kept:?}");
        assert_eq!(read(target.join("other")), b"other");
        assert_nothing_left_over(to.path());
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn of_two_directories_one_is_copied_and_nothing_of_the_other_gets_into_it() {
    let Some((from, to)) = both() else { return };
    let source = from.join("source");
    for (name, held) in [("folder", "lower"), ("FOLDER", "upper")] {
        fs::create_dir_all(source.join(name)).unwrap();
        write(source.join(name).join(held), b"");
    }
    let target = to.join("target");
    let run = Warpcp::copy("-r", &source, &target).fails();
    assert!(run.stderr.contains("will not overwrite just-created"), "{}", run.stderr);
    let held: Vec<_> = fs::read_dir(target.join("folder")).unwrap().collect();
    assert_eq!(held.len(), 1, "{held:?}");
}

#[test]
fn an_existing_target_is_found_by_either_name() {
    let Some((from, to)) = both() else { return };
    let source = from.join("name");
    write(&source, b"new");
    write(to.join("NAME"), b"old");
    Warpcp::copy("", &source, to.path()).succeeds();
    assert_eq!(read(to.join("NAME")), b"new");
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
}
