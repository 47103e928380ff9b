//! FIFOs, sockets, devices: made anew in a tree, streamed to when named, never opened by accident.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::fs::FileType;

use crate::support::plant::{fifo, mode, node, owner, times, write};
use crate::support::{
    Scratch, Warpcp, assert_nothing_left_over, assert_same_tree, bytes, everywhere, is_root, read,
};

fn one_of_each(root: &Path) {
    fs::create_dir(root).unwrap();
    fifo(&root.join("fifo"));
    node(&root.join("socket"), FileType::Socket, 0);
    if is_root() {
        // The numbers of the null device and of a loop device; one copier used those of the disk below.
        node(&root.join("character"), FileType::CharacterDevice, 0x0103);
        node(&root.join("block"), FileType::BlockDevice, 0x0742);
        for (name, id) in [("fifo", 1001), ("character", 1002), ("block", 1003)] {
            owner(&root.join(name), id, id + 1);
        }
    }
    for (number, entry) in fs::read_dir(root).unwrap().enumerate() {
        let path = entry.unwrap().path();
        mode(&path, 0o640 + number as u32);
        times(&path, (1_000_000, 1), (2_000_000, number as i64));
    }
}

everywhere! {
    // T55: a FIFO that is opened waits for ever, a device never ends.
    fn nodes_in_a_tree_are_made_anew(scratch) {
        let source = scratch.join("source");
        one_of_each(&source);
        for options in ["-a", "-a -j4", "-a --atomic=always", "-a -f"] {
            for _ in 0..2 {
                let target = scratch.join("target");
                Warpcp::copy(options, source.join("."), &target).succeeds();
                assert_same_tree(&source, &target);
            }
            assert_nothing_left_over(scratch.path());
            fs::remove_dir_all(scratch.join("target")).unwrap();
        }
        Warpcp::copy("-r", &source, scratch.join("plain")).succeeds();
        let metadata = fs::symlink_metadata(scratch.join("plain/fifo")).unwrap();
        assert!(metadata.file_type().is_fifo());
    }

    fn nodes_replace_files_and_files_replace_nodes_in_a_tree(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        one_of_each(&source);
        fs::create_dir(&target).unwrap();
        for name in ["fifo", "socket"] {
            write(target.join(name), b"old");
        }
        Warpcp::copy("-a", source.join("."), &target).succeeds();
        assert_same_tree(&source, &target);
    }

    // T55, second half: a FIFO that is named without -R is read.
    fn a_named_fifo_is_read_to_its_end(scratch) {
        let (source, target) = (scratch.join("fifo"), scratch.join("target"));
        fifo(&source);
        let content = bytes(300_000, 1);
        for options in ["", "-p", "--atomic=always", "-r --copy-contents"] {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut fifo = fs::OpenOptions::new().write(true).open(&source).unwrap();
                    fifo.write_all(&content).unwrap();
                });
                Warpcp::copy(options, &source, &target).succeeds();
            });
            assert!(read(&target) == content, "{options}");
            fs::remove_file(&target).unwrap();
        }
    }

    // T56: writing to a device or a FIFO changes nothing of it.
    fn a_fifo_that_is_named_as_target_is_written_to(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("fifo"));
        let content = bytes(300_000, 2);
        write(&source, &content);
        mode(&source, 0o777);
        fifo(&target);
        mode(&target, 0o622);
        for options in ["", "--atomic=never", "--sparse=always", "--reflink=never -p"] {
            thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let mut got = Vec::new();
                    fs::File::open(&target).unwrap().read_to_end(&mut got).unwrap();
                    got
                });
                let outcome = Warpcp::copy(options, &source, &target).run();
                if !outcome.is_success() {
                    // Releases the reader, who would wait for ever.
                    drop(fs::OpenOptions::new().write(true).open(&target));
                }
                outcome.assert_code(0);
                assert!(reader.join().unwrap() == content, "{options}");
            });
            let metadata = fs::symlink_metadata(&target).unwrap();
            assert!(metadata.file_type().is_fifo(), "{options}");
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o622, "{options}");
        }
    }

    fn the_null_device_takes_everything_and_stays(scratch) {
        if !is_root() {
            return;
        }
        let (source, null) = (scratch.join("source"), scratch.join("null"));
        write(&source, bytes(3_000_000, 3));
        node(&null, FileType::CharacterDevice, 0x0103);
        mode(&null, 0o666);
        for options in
            ["", "-f", "--atomic=never", "--atomic=always", "--sync=full", "--preallocate"]
        {
            Warpcp::copy(options, &source, &null).succeeds();
            let metadata = fs::symlink_metadata(&null).unwrap();
            assert!(metadata.file_type().is_char_device(), "{options}");
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o666, "{options}");
            assert_eq!(metadata.rdev(), rustix::fs::makedev(1, 3));
        }
        Warpcp::copy("", &null, scratch.join("empty")).succeeds();
        assert_eq!(read(scratch.join("empty")), b"");
    }
}

#[test]
fn standard_output_can_be_the_target() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let source = scratch.join("source");
    write(&source, b"to the pipe");
    let output = Command::new(crate::support::run::program())
        .arg(&source)
        .arg("/dev/stdout")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"to the pipe");
}

/// What is opened gets the lowest number: without them it would be a target that hears what is said.
#[test]
fn standard_files_that_nobody_gave_are_not_the_target() {
    let Some(scratch) = Scratch::anywhere() else { return };
    write(scratch.join("source"), b"content");
    // What is printed on no standard output is lost, and that is an error.
    for (closed, code) in [("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- >&- 2>&-", 1)] {
        let run = |options: &str, name: &str| {
            let copy = Warpcp::copy(options, scratch.join(name), scratch.join("target"));
            copy.under(["sh", "-c", &format!(r#"exec "$@" {closed}"#), "sh"]).run()
        };
        run("-v --debug", "source").assert_code(code);
        assert_eq!(read(scratch.join("target")), b"content", "{closed}");
        run("-v", "nothing").assert_code(1);
        assert_eq!(read(scratch.join("target")), b"content", "{closed}");
        fs::remove_file(scratch.join("target")).unwrap();
    }
}

#[test]
fn standard_input_can_be_the_source() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let target = scratch.join("target");
    let mut child = Command::new(crate::support::run::program())
        .arg("/dev/stdin")
        .arg(&target)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let content = bytes(200_000, 4);
    child.stdin.take().unwrap().write_all(&content).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(read(&target) == content);
}
