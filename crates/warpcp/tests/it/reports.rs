//! What the command says about what it did: recorded, complete, in whole lines.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::plant::{sparse, times, write};
use crate::support::{
    Dir, File, Fs, HardLink, Scratch, Symlink, Warpcp, bytes, is_root, plant, read,
};

#[test]
fn debug_tells_how_each_file_was_copied_and_why_not_otherwise() {
    let (Some(disk), Some(memory)) = (Scratch::on(Fs::Ext4), Scratch::on(Fs::Tmpfs)) else {
        return;
    };
    let source = disk.join("source");
    write(&source, bytes(3_000_000, 1));
    let line = |copy: Warpcp| copy.succeeds().stdout;

    let shown = line(Warpcp::copy("--debug", &source, disk.join("a")));
    let (from, to) = (source.display().to_string(), disk.join("a").display().to_string());
    assert!(shown.starts_with(&format!("'{from}' -> '{to}': sendfile, 3.0 MB")), "{shown}");
    assert!(shown.contains("(clone refused: Operation not supported)"), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");

    let shown = line(Warpcp::copy("--debug", &source, memory.join("a")));
    assert!(shown.contains(": sendfile, 3.0 MB"), "{shown}");
    assert!(shown.contains("(clone refused: Invalid cross-device link)"), "{shown}");

    let shown = line(Warpcp::copy("--debug --method=copy_file_range", &source, memory.join("b")));
    assert!(shown.contains(": read_write, 3.0 MB"), "{shown}");
    assert!(shown.contains("copy_file_range refused: Invalid cross-device link"), "{shown}");

    if let Some(xfs) = Scratch::on(Fs::Xfs) {
        let (small, target) = (xfs.join("small"), xfs.join("target"));
        write(&small, b"seven..");
        let shown = line(Warpcp::copy("--debug --atomic=never", &small, &target));
        assert!(shown.contains(": read_write, 7 bytes"), "{shown}");
        // What is rewritten would have to be on disk when it is closed.
        let shown = line(Warpcp::copy("--debug --atomic=never", &small, &target));
        assert!(shown.contains(": clone, 7 bytes"), "{shown}");
    }

    let small = disk.join("small");
    write(&small, b"seven..");
    let shown = line(Warpcp::copy("--debug", &small, disk.join("b")));
    assert!(shown.contains(": read_write, 7 bytes"), "{shown}");
    write(&small, b"");
    let shown = line(Warpcp::copy("--debug", &small, disk.join("c")));
    assert!(shown.contains("empty"), "{shown}");

    fs::hard_link(disk.join("b"), disk.join("b2")).unwrap();
    let shown = line(Warpcp::copy("--debug", &source, disk.join("b")));
    assert!(shown.contains("written in place because it has other hard links"), "{shown}");
    symlink("a", disk.join("link")).unwrap();
    let shown = line(Warpcp::copy("--debug", &small, disk.join("link")));
    assert!(shown.contains("written in place because its name is a symbolic link"), "{shown}");
    let shown = line(Warpcp::copy("--debug -n", &source, disk.join("a")));
    assert!(shown.contains("skipped"), "{shown}");

    let holes = disk.join("holes");
    sparse(&holes, 5_000_000, &[(1 << 20, b"data")]);
    let shown = line(Warpcp::copy("--debug", &holes, disk.join("d")));
    assert!(shown.contains("5.0 MB") && shown.contains("of holes skipped"), "{shown}");
}

#[test]
fn verbose_prints_one_line_for_everything_that_was_made() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    plant(
        &source,
        &[
            ("a", File(b"1")),
            ("b", HardLink("a")),
            ("directory", Dir),
            ("directory/new\nline", File(b"2")),
            ("link", Symlink("a")),
        ],
    );
    for options in ["-av", "-av -j4", "-av --atomic=always"] {
        let outcome = Warpcp::copy(options, &source, &target).succeeds();
        let lines: Vec<_> = outcome.stdout.lines().collect();
        assert_eq!(lines.len(), 6, "{outcome}");
        assert!(lines.iter().all(|line| line.contains(" -> ")), "{outcome}");
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn the_summary_counts_what_was_done_and_goes_to_standard_error() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !is_root() {
        return;
    }
    let source = scratch.join("source");
    let large = bytes(3_000_000, 2);
    plant(
        &source,
        &[
            ("small", File(b"1")),
            ("large", File(&large)),
            ("hard", HardLink("large")),
            ("directory", Dir),
            ("link", Symlink("small")),
        ],
    );
    let outcome = Warpcp::copy("-a --stats", &source, scratch.join("target")).run();
    outcome.assert_code(0);
    assert!(outcome.stdout.is_empty(), "{outcome}");
    let row = |name: &str| {
        let line = outcome.stderr.lines().find(|line| line.starts_with(&format!("{name}  ")));
        line.unwrap_or_else(|| panic!("no row {name}: {outcome}"))[name.len()..].trim().to_owned()
    };
    assert_eq!(row("files"), "2");
    assert_eq!(row("directories"), "2");
    assert_eq!(row("symbolic links"), "1");
    assert_eq!(row("hard links"), "1");
    assert_eq!(row("failures"), "0");
    assert_eq!(row("bytes"), "3.0 MB");
    assert_eq!(row("by sendfile"), "1 file");
    assert_eq!(row("by read_write"), "1 file");
}

#[test]
fn only_what_is_newer_is_copied_where_that_was_asked() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let source = scratch.join("source");
    let files = [("old", 999), ("same", 1000), ("new", 1001), ("d/new", 2000)];
    plant(&source, &[("d", Dir)]);
    for (name, second) in files {
        write(source.join(name), name);
        times(&source.join(name), (0, 0), (second, 0));
    }
    let mark = scratch.join("mark");
    write(&mark, b"");
    times(&mark, (0, 0), (1000, 0));
    for newer in ["@1000".to_owned(), mark.display().to_string()] {
        let target = scratch.join("target");
        Warpcp::new(["-a", &format!("--newer={newer}")]).arg(&source).arg(&target).succeeds();
        for (name, second) in files {
            assert_eq!(target.join(name).exists(), second > 1000, "{name} with {newer}");
        }
        fs::remove_dir_all(&target).unwrap();
    }
}

// A device that takes nothing: what should have been printed counts, too.
#[test]
fn what_cannot_be_printed_is_a_failure() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let source = scratch.join("source");
    write(&source, b"content");
    let script = "exec \"$@\" > /dev/full";
    let copy = Warpcp::copy("-v", &source, scratch.join("target"));
    copy.under(["sh", "-c", script, "sh"]).fails();
    assert_eq!(read(scratch.join("target")), b"content");
}
