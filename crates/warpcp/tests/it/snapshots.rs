//! `--snapshot`: the same tree as `-a` makes, in one step; and where that cannot be, `-a`.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::plant::{mode, owner, times, write, xattr};
use crate::support::run::NOBODY;
use crate::support::trace::can_trace;
use crate::support::{
    Dir, Fifo, File, Fs, Garden, HardLink, Mounted, Scratch, Symlink, Warpcp,
    assert_nothing_left_over, assert_same_tree, bytes, has_tool, is_root, plant, read,
};

#[track_caller]
fn btrfs<const N: usize>(words: [&str; N], paths: &[&Path]) {
    let output = Command::new("btrfs").args(words).args(paths).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn make_subvolume(path: &Path) {
    btrfs(["subvolume", "create"], &[path]);
    let holds: &[u8] = b"content";
    plant(
        path,
        &[
            ("a", File(holds)),
            ("b", HardLink("a")),
            ("d", Dir),
            ("d/c", File(&bytes(100_000, 1))),
            ("d/link", Symlink("../a")),
            ("d/fifo", Fifo),
        ],
    );
    xattr(&path.join("a"), "user.some", b"value");
    xattr(path, "user.root", b"value");
    times(&path.join("d"), (5, 6), (7, 8));
    mode(path, 0o2755);
    times(path, (1, 2), (3, 4));
}

/// A scratch on Btrfs and a subvolume in it.
#[track_caller]
fn with_subvolume() -> Option<(Scratch, PathBuf)> {
    if !has_tool("mkfs.btrfs") {
        return None;
    }
    let scratch = Scratch::on(Fs::Btrfs)?;
    let source = scratch.join("source");
    make_subvolume(&source);
    Some((scratch, source))
}

fn is_subvolume(path: &Path) -> bool {
    fs::metadata(path).unwrap().ino() == 256
}

#[test]
fn a_snapshot_is_what_an_archive_copy_is_and_what_btrfs_makes() {
    let Some((scratch, source)) = with_subvolume() else { return };
    // Everything a file system can hold.
    Garden::new(4711).grow(&source.join("garden"), 300);
    times(&source, (1, 2), (3, 4));
    let [made, copied, theirs] = ["made", "copied", "theirs"].map(|name| scratch.join(name));
    Warpcp::copy("-a", &source, &copied).succeeds();
    Warpcp::copy("-a --snapshot", &source, &made).succeeds();
    btrfs(["subvolume", "snapshot"], &[&source, &theirs]);
    assert!(is_subvolume(&made) && !is_subvolume(&copied));
    assert_same_tree(&source, &made);
    assert_same_tree(&copied, &made);
    assert_same_tree(&theirs, &made);
    assert_nothing_left_over(scratch.path());
}

#[test]
fn inode_flags_stay_in_a_snapshot() {
    let Some((scratch, source)) = with_subvolume().filter(|_| has_tool("chattr")) else { return };
    let flag = |words: &[&str], path: &Path| {
        let output = Command::new(words[0]).args(&words[1..]).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    };
    flag(&["chattr", "+dA"], &source.join("d/c"));
    let flags = flag(&["lsattr", "-d"], &source.join("d/c"));
    assert!(flags.contains('d') && flags.contains('A'), "{flags}");
    for (name, is_kept) in [("made", true), ("copied", false)] {
        let options = if is_kept { "-a --snapshot" } else { "-a" };
        Warpcp::copy(options, &source, scratch.join(name)).succeeds();
        let found = flag(&["lsattr", "-d"], &scratch.join(name).join("d/c"));
        assert_eq!(found == flags, is_kept, "{name}: {found}");
    }
}

#[test]
fn what_was_done_is_told_where_it_is_asked_for() {
    let Some((scratch, source)) = with_subvolume() else { return };
    let (from, to) = (source.display().to_string(), scratch.join("new").display().to_string());
    let told = |options: &str| {
        let outcome = Warpcp::copy(options, &source, &to).run();
        outcome.assert_code(0);
        fs::remove_dir_all(&to).unwrap();
        (outcome.stdout, outcome.stderr)
    };
    let pair = format!("'{from}' -> '{to}'");
    assert_eq!(told("-a --snapshot"), (String::new(), String::new()));
    assert_eq!(told("-av --snapshot").0, format!("{pair}\n"));
    assert_eq!(told("-a --debug --snapshot").0, format!("{pair}: snapshot\n"));
    let (_, stats) = told("-a --stats --snapshot");
    assert!(stats.contains(&format!("{:<24} '{to}'\n", "snapshot")), "{stats}");
    assert!(stats.contains(&format!("{:<24} 0\n", "files")), "{stats}");

    let why = "not all attributes are to be preserved";
    let (lines, _) = told("-r --debug --snapshot");
    let expected = format!("no snapshot of '{from}': {why}\n{pair}\n");
    assert!(lines.starts_with(&expected) && lines.lines().count() == 8, "{lines}");
    assert!(!told("-rv --snapshot").0.contains("no snapshot"));
    let (_, stats) = told("-r --stats --snapshot");
    assert!(stats.contains(&format!("{:<24} '{to}' ({why})\n", "no snapshot")), "{stats}");
}

#[test]
fn operands_may_be_spelt_in_every_way() {
    let Some((scratch, source)) = with_subvolume() else { return };
    symlink("source", scratch.join("link")).unwrap();
    fs::create_dir(scratch.join("into")).unwrap();
    let lines = [
        ("-a source new", "new"),
        ("-a source/ new/", "new"),
        ("-a ./source//. new//", "new"),
        ("-aT source into/new", "into/new"),
        ("-a source into", "into/source"),
        ("-a source -t into", "into/source"),
        ("-a --parents source into", "into/source"),
        ("-aH link new", "new"),
        ("-a link/ new", "new"),
        ("-a --strip-trailing-slashes source/ new", "new"),
        ("-Rp --preserve=links,xattr source new", "new"),
    ];
    for (line, made) in lines {
        let made = scratch.join(made);
        let copy = Warpcp::new(line.split(' ')).arg("--snapshot").in_directory(scratch.path());
        copy.succeeds();
        assert!(is_subvolume(&made), "{line}");
        assert_same_tree(&source, &made);
        fs::remove_dir_all(&made).unwrap();
    }
    Warpcp::copy("-a --snapshot", ".", "../new").in_directory(&source).succeeds();
    assert!(is_subvolume(&scratch.join("new")));
    // A link that is kept is a link.
    Warpcp::copy("-a --snapshot", scratch.join("link"), scratch.join("copy")).succeeds();
    assert_eq!(fs::read_link(scratch.join("copy")).unwrap(), Path::new("source"));
}

#[test]
fn several_operands_are_several_snapshots() {
    let Some((scratch, source)) = with_subvolume() else { return };
    make_subvolume(&scratch.join("second"));
    plant(&scratch.join("plain"), &[("file", File(b"content"))]);
    fs::create_dir(scratch.join("into")).unwrap();
    let words = ["-a", "--snapshot", "--debug", "source", "second", "plain", "into"];
    let outcome = Warpcp::new(words).in_directory(scratch.path()).succeeds();
    let why = "no snapshot of 'plain': the source is not a Btrfs subvolume\n";
    outcome.shows("'source' -> 'into/source': snapshot\n").shows(why);
    assert_same_tree(&source, scratch.join("into/source"));
    assert_same_tree(scratch.join("second"), scratch.join("into/second"));
    assert_same_tree(scratch.join("plain"), scratch.join("into/plain"));
    assert!(
        is_subvolume(&scratch.join("into/second")) && !is_subvolume(&scratch.join("into/plain"))
    );
}

#[test]
fn a_subvolume_is_not_copied_into_itself() {
    let Some((scratch, source)) = with_subvolume() else { return };
    for target in ["d/new", "new", "d"] {
        let copy = Warpcp::copy("-a --snapshot", &source, source.join(target));
        copy.fails().says("into itself");
    }
    Warpcp::copy("-aT --snapshot", &source, &source).fails();
    assert_eq!(fs::read_dir(source.join("d")).unwrap().count(), 3);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn other_file_systems_get_a_copy() {
    let Some((_scratch, source)) = with_subvolume() else { return };
    for fs in [Fs::Xfs, Fs::Ext4, Fs::Tmpfs] {
        let Some(other) = Scratch::on(fs) else { continue };
        let outcome = Warpcp::copy("-a --snapshot --debug", &source, other.join("new")).succeeds();
        outcome.shows("Inappropriate ioctl for device\n");
        assert_same_tree(&source, other.join("new"));
        let copy = Warpcp::copy("-a --snapshot --debug", other.join("new"), other.join("again"));
        copy.succeeds().shows("the source is not a Btrfs subvolume\n");
        assert_same_tree(&source, other.join("again"));
    }
    // Another one of the same kind.
    let Some(other) = Scratch::anywhere() else { return };
    let mkfs = ["mkfs.btrfs", "-q"];
    let Some(disk) = Mounted::image(&other, "disk", 200, &mkfs, "defaults") else { return };
    let outcome = Warpcp::copy("-a --snapshot --debug", &source, disk.join("new")).succeeds();
    outcome.shows("Invalid cross-device link\n");
    assert_same_tree(&source, disk.join("new"));
}

/// The copy shows what is mounted, as `cp` does; `-x` leaves it out, with what it covers.
#[test]
fn what_is_mounted_below_is_not_forgotten() {
    let Some((scratch, source)) = with_subvolume() else { return };
    let at = source.join("a mount\\ point");
    fs::create_dir(&at).unwrap();
    write(at.join("covered"), "covered");
    let Some(_mounted) = Mounted::tmpfs(&at, "size=1m") else { return };
    write(at.join("file"), "mounted");
    let why = "something is mounted below the source\n";
    let [all, less] = ["all", "less"].map(|name| scratch.join(name));
    Warpcp::copy("-a --snapshot --debug", &source, &all).succeeds().shows(why);
    assert_same_tree(&source, &all);
    Warpcp::copy("-ax --snapshot --debug", &source, &less).succeeds().shows(why);
    assert_eq!(fs::read_dir(less.join("a mount\\ point")).unwrap().count(), 0);
}

#[test]
fn a_mounted_subvolume_has_a_snapshot_and_a_directory_of_it_has_none() {
    let Some((scratch, source)) = with_subvolume() else { return };
    let Some(whole) = Mounted::bind(&source, &scratch.join("whole")) else { return };
    let Some(part) = Mounted::bind(&source.join("d"), &scratch.join("part")) else { return };
    Warpcp::copy("-a --snapshot", whole.path(), scratch.join("new")).succeeds();
    assert!(is_subvolume(&scratch.join("new")));
    assert_same_tree(&source, scratch.join("new"));
    let outcome = Warpcp::copy("-a --snapshot --debug", part.path(), scratch.join("d")).succeeds();
    outcome.shows("the source is not a Btrfs subvolume\n");
    assert_same_tree(source.join("d"), scratch.join("d"));
}

#[test]
fn a_read_only_subvolume_gets_a_writable_snapshot() {
    let Some((scratch, source)) = with_subvolume() else { return };
    btrfs(["property", "set", "-ts"], &[&source, Path::new("ro"), Path::new("true")]);
    let new = scratch.join("new");
    Warpcp::copy("-a --snapshot", &source, &new).succeeds();
    assert_same_tree(&source, &new);
    write(new.join("a"), "other");
    btrfs(["property", "set", "-ts"], &[&source, Path::new("ro"), Path::new("false")]);
}

/// Owners stay, as they do for root; what is somebody else's subvolume is copied as usual.
#[test]
fn whoever_owns_a_subvolume_may_have_a_snapshot() {
    if !is_root() {
        return;
    }
    let Some((scratch, source)) = with_subvolume() else { return };
    mode(scratch.path(), 0o777);
    write(source.join("secret"), "secret");
    mode(&source.join("secret"), 0o600);
    let copy = |name: &str| {
        let copy = Warpcp::copy("-a --snapshot --debug", &source, scratch.join(name));
        copy.by_nobody().run()
    };
    let outcome = copy("foreign");
    outcome.assert_code(1);
    let why = "Operation not permitted\n";
    let outcome = outcome.shows(why).says("cannot open");
    assert!(outcome.stderr.lines().count() == 1, "{outcome}");
    assert_eq!(read(scratch.join("foreign/a")), b"content");
    assert_eq!(fs::metadata(scratch.join("foreign")).unwrap().uid(), NOBODY);

    owner(&source, NOBODY, NOBODY);
    let outcome = copy("own");
    outcome.assert_code(0);
    assert!(is_subvolume(&scratch.join("own")));
    assert_same_tree(&source, scratch.join("own"));
    assert_eq!(fs::metadata(scratch.join("own/secret")).unwrap().uid(), 0);

    // Where nothing may be made, nothing is.
    fs::create_dir(scratch.join("closed")).unwrap();
    let copy = Warpcp::copy("-a --snapshot", &source, scratch.join("closed/new")).by_nobody();
    copy.fails().says("cannot create directory").says("Permission denied");
    assert_eq!(fs::read_dir(scratch.join("closed")).unwrap().count(), 0);
}

/// The first call asks for subvolumes below, the second one makes the snapshot.
#[test]
fn a_true_error_is_said_and_leaves_nothing() {
    let Some((scratch, source)) = with_subvolume().filter(|_| can_trace()) else { return };
    let new = scratch.join("new");
    for error in ["ENOSPC", "EDQUOT", "EIO", "ENOMEM", "EROFS", "EUCLEAN"] {
        let copy = Warpcp::copy("-a -j2 --snapshot", &source, &new);
        let outcome = copy.inject(&format!("ioctl:error={error}:when=2")).fails().met_the_fault();
        assert!(outcome.stderr.contains("cannot make snapshot '"), "{outcome}");
        assert!(!new.exists(), "{error}");
    }
}

#[test]
fn whatever_else_the_system_answers_means_a_copy() {
    let Some((scratch, source)) = with_subvolume().filter(|_| can_trace()) else { return };
    let new = scratch.join("new");
    let errors = [
        "EXDEV",
        "EPERM",
        "EACCES",
        "ETXTBSY",
        "EEXIST",
        "EINVAL",
        "EOPNOTSUPP",
        "ENOTTY",
        "ENOSYS",
    ];
    for error in errors {
        let copy = Warpcp::copy("-a -j2 --snapshot --debug", &source, &new);
        let copy = copy.inject(&format!("ioctl:error={error}:when=2"));
        copy.succeeds().met_the_fault().shows("no snapshot of ");
        assert_same_tree(&source, &new);
        assert!(!is_subvolume(&new));
        fs::remove_dir_all(&new).unwrap();
    }
    // Before Linux 4.18 nobody knows what is below.
    let copy = Warpcp::copy("-a -j2 --snapshot --debug", &source, &new);
    let copy = copy.inject("ioctl:error=ENOTTY:when=1");
    copy.succeeds().met_the_fault().shows(": Inappropriate ioctl for device\n");
    assert_same_tree(&source, &new);
}

#[test]
fn the_name_cp_knows_of_no_snapshots() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let cp = scratch.join("cp");
    symlink(crate::support::run::program(), &cp).unwrap();
    let output = Command::new(&cp).args(["-a", "--snapshot", "a", "b"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("cp: unrecognized option '--snapshot'\n"), "{text}");
}
