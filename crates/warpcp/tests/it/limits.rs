//! Deep, wide, many: bounded descriptors, bounded memory, no limit on the tree.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, Mode, OFlags};

use crate::support::plant::write;
use crate::support::run::program;
use crate::support::{
    Dir, File, Fs, Scratch, Warpcp, assert_same_tree, bytes, everywhere, has_tool, is_root, plant,
    read,
};

/// Makes a chain of directories that no path is long enough for, with a file in each.
fn chain(root: &Path, depth: usize, name: &str) {
    fs::create_dir(root).unwrap();
    let open = |at: Option<&OwnedFd>, path: &Path| -> OwnedFd {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match at {
            Some(at) => rustix::fs::openat(at, path, flags, Mode::empty()).unwrap(),
            None => rustix::fs::openat(CWD, path, flags, Mode::empty()).unwrap(),
        }
    };
    let mut here = open(None, root);
    for _ in 0..depth {
        rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o755)).unwrap();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&here, "file", flags, Mode::from_raw_mode(0o644)).unwrap();
        rustix::io::write(&file, b"content").unwrap();
        here = open(Some(&here), Path::new(name));
    }
}

/// Counts the directories of a chain, and asserts that each has its file.
fn depth_of(root: &Path, name: &str) -> usize {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut here = rustix::fs::openat(CWD, root, flags, Mode::empty()).unwrap();
    let mut depth = 0;
    while let Ok(below) = rustix::fs::openat(&here, name, flags, Mode::empty()) {
        let stat = rustix::fs::statat(&here, "file", rustix::fs::AtFlags::empty()).unwrap();
        assert_eq!(stat.st_size, 7, "at depth {depth}");
        here = below;
        depth += 1;
    }
    depth
}

everywhere! {
    // T61: one descriptor per level runs out, whole paths get too long.
    fn a_deep_tree_is_copied_with_few_descriptors(scratch) {
        let source = scratch.join("source");
        let name = "d".repeat(200);
        chain(&source, 60, &name);
        for (options, files) in [("-a -j1", 64), ("-a", 64), ("-r -j4", 64), ("-a -j1", 20)] {
            let target = scratch.join("target");
            let limit = format!("--nofile={files}");
            Warpcp::copy(options, &source, &target).under(["prlimit", &limit]).succeeds();
            assert_eq!(depth_of(&target, &name), 60, "{options}");
            remove(&target);
        }
    }

    // T61: far deeper than any limit on descriptors or paths.
    fn three_thousand_levels_are_copied(scratch) {
        let source = scratch.join("source");
        chain(&source, 3000, "level");
        for options in ["-a -j1", "-r -j4"] {
            let target = scratch.join("target");
            Warpcp::copy(options, &source, &target).under(["prlimit", "--nofile=64"]).succeeds();
            assert_eq!(depth_of(&target, "level"), 3000, "{options}");
            remove(&target);
        }
    }

    // T61: directories beside directories, all of them open at some moment.
    fn a_wide_tree_is_copied_with_few_descriptors(scratch) {
        let source = scratch.join("source");
        fs::create_dir(&source).unwrap();
        for number in 0..200 {
            let directory = source.join(format!("{number}"));
            fs::create_dir(&directory).unwrap();
            for file in 0..25 {
                // Some are long enough for what keeps descriptors of its own.
                let len = if file == 7 { 70_000 } else { file * 10 };
                write(directory.join(format!("{file}")), bytes(len, number));
            }
        }
        for (options, files) in [("-a -j1", 64), ("-a -j8", 64), ("-a -j1", 16), ("-a -j1", 12)] {
            let target = scratch.join("target");
            let limit = format!("--nofile={files}");
            Warpcp::copy(options, &source, &target).under(["prlimit", &limit]).succeeds();
            assert_same_tree(&source, &target);
            fs::remove_dir_all(&target).unwrap();
        }
    }

    // T62: what cannot be read is said, the rest is copied.
    fn an_unreadable_part_does_not_cost_the_rest(scratch) {
        if !is_root() {
            return;
        }
        let source = scratch.join("source");
        plant(
            &source,
            &[
                ("a", Dir),
                ("a/file", File(b"1")),
                ("closed", Dir),
                ("closed/file", File(b"2")),
                ("secret", File(b"3")),
                ("z", Dir),
                ("z/file", File(b"4")),
            ],
        );
        crate::support::plant::mode(&source.join("closed"), 0);
        crate::support::plant::mode(&source.join("secret"), 0);
        let place = scratch.join("place");
        fs::create_dir(&place).unwrap();
        crate::support::plant::mode(&place, 0o777);
        for options in ["-a", "-r -j4", "-a --atomic=always"] {
            let target = place.join("target");
            let outcome = Warpcp::copy(options, &source, &target).by_nobody().fails();
            assert_eq!(read(target.join("a/file")), b"1", "{outcome}");
            assert_eq!(read(target.join("z/file")), b"4", "{outcome}");
            assert!(!target.join("secret").exists(), "{outcome}");
            assert_eq!(outcome.stderr.matches("Permission denied").count(), 2, "{outcome}");
            let outcome = outcome.says("closed'").says("secret'");
            assert!(outcome.stdout.is_empty(), "{outcome}");
            remove(&target);
        }
    }
}

/// Removes a tree of any depth and mode.
fn remove(path: &Path) {
    let output = Command::new("rm").arg("-rf").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The most memory that a copy of `source` had, in MiB, as time(1) reports it.
fn peak_mib(options: &str, source: &Path, target: &Path) -> u64 {
    let mut words = vec![PathBuf::from("-f"), "%M".into(), program()];
    words.extend(options.split_whitespace().map(PathBuf::from));
    let output = Command::new("time").args(words).arg(source).arg(target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let kib: u64 = text.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number");
    kib / 1024
}

fn wide(scratch: &Scratch) -> (PathBuf, usize) {
    let count = std::env::var("WARPCOPY_TEST_WIDE")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(100_000);
    let source = scratch.join("source");
    fs::create_dir(&source).unwrap();
    for number in 0..count {
        fs::File::create(source.join(format!("a name of some length {number:09}"))).unwrap();
    }
    (source, count)
}

// The entries of a directory are not collected before the first is copied.
#[test]
fn memory_does_not_grow_with_the_entries_of_a_directory() {
    for (fs, options) in [(Fs::Tmpfs, "-r -j4"), (Fs::Ext4, "-a -j1")] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        if !has_tool("time") {
            return;
        }
        let (source, count) = wide(&scratch);
        let target = scratch.join("target");
        let mib = peak_mib(options, &source, &target);
        assert_eq!(fs::read_dir(&target).unwrap().count(), count);
        assert!(mib <= 32, "{mib} MiB for {count} entries with {options} on {fs}");
    }
}

// T6 of the promises: large files in bounded memory, by every method.
#[test]
fn memory_does_not_grow_with_the_length_of_a_file() {
    // From memory several threads move it, with a buffer each.
    for from in [Fs::Ext4, Fs::Tmpfs] {
        let (Some(here), Some(there)) = (Scratch::on(from), Scratch::on(Fs::Ext4)) else {
            continue;
        };
        if !has_tool("time") {
            return;
        }
        let source = here.join("source");
        write(&source, bytes(300 << 20, 1));
        for method in crate::methods::METHODS {
            let target = there.join("target");
            let mib = peak_mib(&format!("--method={method}"), &source, &target);
            assert!(mib <= 48, "{mib} MiB by {method} from {from}");
            fs::remove_file(&target).unwrap();
        }
    }
}

#[test]
fn memory_does_not_grow_with_the_depth_of_a_tree_beyond_its_names() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !has_tool("time") {
        return;
    }
    let source = scratch.join("source");
    chain(&source, 5000, "level");
    let mib = peak_mib("-a", &source, &scratch.join("target"));
    assert!(mib <= 64, "{mib} MiB for 5000 levels");
    assert_eq!(depth_of(&scratch.join("target"), "level"), 5000);
}
