//! What happens to a target that exists: replaced whole, written in place, or left alone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::plant::{
    access_acl, acl_bytes, mode, owner, some_acl, times, write, xattr, xattr_of,
};
use crate::support::run::NOBODY;
use crate::support::trace::can_trace;
use crate::support::{
    Fs, Mounted, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes, assert_same_tree,
    bytes, everywhere, has_tool, is_root, name, read,
};

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

everywhere! {
    // E01: `overwrite=false` that truncates.
    fn a_target_that_is_to_be_kept_is_kept(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, b"new");
        for options in ["-n", "--update=none", "-n --atomic=always", "-n -f", "-r -n"] {
            write(&target, b"old");
            let before = inode(&target);
            Warpcp::copy(options, &source, &target).succeeds();
            assert_eq!(read(&target), b"old", "{options}");
            assert_eq!(inode(&target), before);
        }
        for options in ["--update=none-fail", "--update=none-fail --atomic=always"] {
            Warpcp::copy(options, &source, &target).fails().says("target");
            assert_eq!(read(&target), b"old", "{options}");
        }
        // A name that leads nowhere is a name.
        let link = scratch.join("link");
        symlink("gone", &link).unwrap();
        Warpcp::copy("-n", &source, &link).run();
        assert!(!scratch.join("gone").exists());
        assert!(link.is_symlink());
    }

    fn an_older_target_is_updated_and_a_newer_one_kept(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, b"new");
        write(&target, b"old");
        times(&source, (0, 0), (1000, 1));
        times(&target, (0, 0), (1000, 2));
        Warpcp::copy("-u", &source, &target).succeeds();
        assert_eq!(read(&target), b"old", "a nanosecond newer is newer");
        times(&target, (0, 0), (1000, 1));
        Warpcp::copy("--update=older", &source, &target).succeeds();
        assert_eq!(read(&target), b"old", "as old is not older");
        times(&target, (0, 0), (1000, 0));
        Warpcp::copy("-u", &source, &target).succeeds();
        assert_eq!(read(&target), b"new");
    }

    fn a_replaced_target_keeps_what_writing_into_it_keeps(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(100_000, 1));
        mode(&source, 0o755);
        write(&target, b"old");
        xattr(&target, "user.note", b"the target's own");
        access_acl(&target, &some_acl(1001, 1002));
        mode(&target, 0o674);
        if is_root() {
            owner(&target, 1003, 1004);
        }
        let acl = xattr_of(&target, "system.posix_acl_access");
        let before = fs::metadata(&target).unwrap();
        for options in ["", "--atomic=auto", "--atomic=never", "-r"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            let after = fs::metadata(&target).unwrap();
            assert_eq!(after.mode(), before.mode(), "{options}");
            assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()), "{options}");
            assert_eq!(xattr_of(&target, "user.note").as_deref(), Some(&b"the target's own"[..]));
            assert_eq!(xattr_of(&target, "system.posix_acl_access"), acl, "{options}");
        }
        assert_nothing_left_over(scratch.path());
    }

    fn a_target_is_replaced_by_a_new_inode_unless_told_not_to(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, b"new");
        for (options, is_new) in [("", true), ("--atomic=always", true), ("--atomic=never", false)]
        {
            write(&target, b"old");
            // An open file keeps its inode number from being given again.
            let open = fs::File::open(&target).unwrap();
            let before = open.metadata().unwrap().ino();
            Warpcp::copy(options, &source, &target).succeeds();
            assert_eq!(inode(&target) != before, is_new, "{options}");
            assert_eq!(read(&target), b"new");
        }
    }

    // E04: what must keep seeing the file does; what must not change does not.
    fn a_target_with_other_names_is_written_in_place_unless_told_not_to(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let other = scratch.join("other");
        write(&source, b"new");
        for (options, shared) in [
            ("", true),
            ("--atomic=never", true),
            ("--atomic=always", false),
            ("--remove-destination", false),
        ] {
            write(&target, b"old");
            fs::hard_link(&target, &other).unwrap();
            Warpcp::copy(options, &source, &target).succeeds();
            assert_eq!(read(&target), b"new", "{options}");
            assert_eq!(read(&other), if shared { b"new" } else { b"old" }, "{options}");
            assert_eq!(inode(&target) == inode(&other), shared, "{options}");
            fs::remove_file(&other).unwrap();
            fs::remove_file(&target).unwrap();
        }
        assert_nothing_left_over(scratch.path());
    }

    fn a_symlink_that_was_named_is_written_through_unless_told_not_to(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let referent = scratch.join("referent");
        write(&source, b"new");
        for (options, is_through) in [
            ("", true),
            ("--atomic=never", true),
            ("--atomic=always", false),
            ("--remove-destination", false),
        ] {
            write(&referent, b"old");
            symlink("referent", &target).unwrap();
            Warpcp::copy(options, &source, &target).succeeds();
            assert_eq!(read(&target), b"new", "{options}");
            assert_eq!(read(&referent), if is_through { b"new" } else { b"old" }, "{options}");
            assert_eq!(target.is_symlink(), is_through, "{options}");
            fs::remove_file(&target).unwrap();
        }
    }

    // A reader at any moment finds the old content or the new one.
    fn readers_never_see_a_part_of_a_replaced_target(scratch) {
        let target = scratch.join("target");
        let versions = [bytes(3_000_000, 1), bytes(2_500_000, 2)];
        for (number, version) in versions.iter().enumerate() {
            write(scratch.join(format!("{number}")), version);
        }
        write(&target, &versions[0]);
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut looks = 0;
                while !is_done.load(Ordering::Relaxed) {
                    let seen = read(&target);
                    assert!(versions.contains(&seen), "a part of {} bytes", seen.len());
                    looks += 1;
                }
                looks
            });
            for round in 0..60 {
                let options = ["", "--atomic=always", "--method=read_write", "-a"][round % 4];
                let source = scratch.join(format!("{}", (round + 1) % 2));
                let outcome = Warpcp::copy(options, source, &target).run();
                if !outcome.is_success() {
                    is_done.store(true, Ordering::Relaxed);
                    panic!("{outcome}");
                }
            }
            is_done.store(true, Ordering::Relaxed);
            assert!(reader.join().unwrap() > 0);
        });
    }

    // T58: a file that is a mount point cannot be renamed over.
    fn a_target_that_is_a_mount_point_is_written_in_place(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let below = scratch.join("below");
        write(&source, b"new");
        write(&below, b"old");
        write(&target, b"covered");
        let Some(mounted) = Mounted::bind(&below, &target) else { return };
        Warpcp::copy("", &source, &target).succeeds();
        assert_eq!(read(&target), b"new");
        assert_eq!(read(&below), b"new");
        assert_nothing_left_over(scratch.path());
        drop(mounted);
        assert_eq!(read(&target), b"covered");
    }

    // T60: a temporary name made of the final one would be too long.
    fn the_longest_names_can_be_copied(scratch) {
        let source = scratch.join("s".repeat(255));
        let target = scratch.join("t".repeat(255));
        for len in [10, 100_000] {
            write(&source, bytes(len, 3));
            for options in ["", "--atomic=always", "-a", "--atomic=never"] {
                Warpcp::copy(options, &source, &target).succeeds();
                assert_same_bytes(&source, &target);
            }
        }
    }

    fn names_of_any_bytes_can_be_copied_and_are_named_in_messages(scratch) {
        for odd in [&b"\xff\xfe"[..], b"new\nline", b"-r", b" ", b"\x1b[31mred", b"a'b"] {
            let (source, target) = (scratch.join(name(odd)), scratch.join("target"));
            write(&source, b"content");
            Warpcp::copy("", &source, &target).succeeds();
            assert_eq!(read(&target), b"content");
            let outcome = Warpcp::copy("", &source, scratch.join("missing/target")).fails();
            assert_eq!(outcome.stderr.lines().count(), 1, "one message, one line: {outcome}");
            fs::remove_file(&source).unwrap();
        }
    }

    // T63, E04: a running program cannot be written, but it can be replaced.
    fn a_running_program_is_replaced_and_a_copy_runs_at_once(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        for copy in [&source, &target] {
            // By another process: while this one has it open for writing, nobody can start it.
            assert!(Command::new("cp").arg("/bin/sleep").arg(copy).status().unwrap().success());
        }
        let mut running = Command::new(&target).arg("1000").spawn().unwrap();
        let mut running_source = Command::new(&source).arg("1000").spawn().unwrap();
        Warpcp::copy("--atomic=never", &source, &target).fails().says("Text file busy");
        Warpcp::copy("", &source, &target).succeeds();
        let runs = |path: &Path| Command::new(path).arg("0").status().unwrap().success();
        assert!(runs(&target));
        assert_same_bytes(&source, &target);
        running.kill().unwrap();
        running.wait().unwrap();

        let mut running = Command::new(&target).arg("1000").spawn().unwrap();
        for options in ["--atomic=never -f", "--atomic=always", "-a", "--remove-destination"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert!(runs(&target), "{options}");
        }
        for process in [&mut running, &mut running_source] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn a_target_in_a_directory_that_cannot_be_written_is_written_in_place(scratch) {
        if !is_root() {
            return;
        }
        let directory = scratch.join("directory");
        fs::create_dir(&directory).unwrap();
        let (source, target) = (scratch.join("source"), directory.join("target"));
        write(&source, b"new");
        write(&target, b"old");
        owner(&target, NOBODY, NOBODY);
        mode(&directory, 0o755);
        Warpcp::copy("", &source, &target).by_nobody().succeeds();
        assert_eq!(read(&target), b"new");
        Warpcp::copy("--atomic=always", &source, &target).by_nobody().fails();
        assert_eq!(read(&target), b"new");
        let other = directory.join("other");
        write(&other, b"old");
        mode(&other, 0o644);
        for options in ["", "-f", "--remove-destination", "--atomic=always", "-a"] {
            Warpcp::copy(options, &source, &other).by_nobody().fails().says("Permission denied");
            assert_eq!(read(&other), b"old", "{options}");
        }
    }

    // Who may write a file but does not own it cannot give the new one its owner.
    fn a_target_of_another_user_keeps_its_owner(scratch) {
        if !is_root() {
            return;
        }
        let directory = scratch.join("directory");
        fs::create_dir(&directory).unwrap();
        mode(&directory, 0o777);
        let (source, target) = (scratch.join("source"), directory.join("target"));
        write(&source, b"new");
        for options in ["", "--atomic=never"] {
            write(&target, b"old");
            mode(&target, 0o666);
            owner(&target, 1001, 1002);
            Warpcp::copy(options, &source, &target).by_nobody().succeeds();
            assert_eq!(read(&target), b"new");
            let after = fs::metadata(&target).unwrap();
            assert_eq!((after.uid(), after.gid()), (1001, 1002), "{options}");
            assert_eq!(after.permissions().mode() & 0o7777, 0o666);
            fs::remove_file(&target).unwrap();
        }
    }

    fn what_cannot_be_opened_is_removed_when_forced(scratch) {
        if !is_root() {
            return;
        }
        let directory = scratch.join("directory");
        fs::create_dir(&directory).unwrap();
        mode(&directory, 0o777);
        let (source, target) = (scratch.join("source"), directory.join("target"));
        write(&source, b"new");
        write(&target, b"old");
        mode(&target, 0o444);
        owner(&target, 1001, 1002);
        for options in ["", "--atomic=never"] {
            Warpcp::copy(options, &source, &target).by_nobody().fails().says("Permission denied");
            assert_eq!(read(&target), b"old", "{options}");
        }
        Warpcp::copy("-f", &source, &target).by_nobody().succeeds();
        assert_eq!(read(&target), b"new");
        assert_eq!(fs::metadata(&target).unwrap().uid(), NOBODY);
    }

    fn directories_and_files_do_not_replace_each_other(scratch) {
        let (directory, file) = (scratch.join("directory"), scratch.join("file"));
        fs::create_dir(&directory).unwrap();
        write(&file, b"old");
        for options in ["-r", "-r -f", "-a", "-r --atomic=always", "-r --remove-destination"] {
            Warpcp::copy(options, &directory, &file).fails().says("directory");
            assert_eq!(read(&file), b"old");
            let outcome =
                Warpcp::new(options.split(' ')).arg("-T").arg(&file).arg(&directory).fails();
            assert!(directory.is_dir(), "{outcome}");
        }
        Warpcp::copy("", &directory, scratch.join("new")).fails().says("omitting directory");
        assert!(!scratch.join("new").exists());
    }
}

// T59: a file made elsewhere cannot be moved into a directory of another project (EXDEV within one file system).
#[test]
fn a_directory_that_hands_down_its_project_takes_copies() {
    for fs in [Fs::Xfs, Fs::Ext4] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        if !is_root() || !has_tool("chattr") {
            return;
        }
        let directory = scratch.join("directory");
        fs::create_dir(&directory).unwrap();
        let set = Command::new("chattr").args(["-p", "42", "+P"]).arg(&directory).output().unwrap();
        if !set.status.success() && fs == Fs::Ext4 {
            // ext4 made without the project feature has no such directories.
            continue;
        }
        assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
        let (source, target) = (scratch.join("source"), directory.join("target"));
        write(&source, bytes(100_000, 4));
        for options in ["", "--atomic=always", "-a", ""] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
        }
        assert_nothing_left_over(scratch.path());
    }
}

// T59: what lies in the lower layer of an overlay is copied up on the way.
#[test]
fn files_of_a_lower_layer_are_replaced() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    for name in ["lower", "lower/directory", "upper", "work", "merged"] {
        fs::create_dir(scratch.join(name)).unwrap();
    }
    write(scratch.join("lower/directory/target"), b"old");
    write(scratch.join("lower/source"), bytes(100_000, 5));
    let layers = ["lowerdir=lower", "upperdir=upper", "workdir=work"].map(|layer| {
        let (key, value) = layer.split_once('=').unwrap();
        format!("{key}={}", scratch.join(value).display())
    });
    let words = ["-t", "overlay", "-o", &layers.join(","), "warpcopy-it"];
    let Some(merged) = Mounted::new(words, &scratch.join("merged")) else { return };
    let target = merged.join("directory/target");
    for options in ["", "--atomic=always", "--atomic=never", "-a", "-r"] {
        Warpcp::copy(options, merged.join("source"), &target).succeeds();
        assert_same_bytes(merged.join("source"), &target);
        write(&target, b"old");
    }
    Warpcp::copy("-a", merged.join("directory"), merged.join("second")).succeeds();
    crate::support::assert_same_tree(merged.join("directory"), merged.join("second"));
    assert_eq!(read(scratch.join("lower/directory/target")), b"old");
    assert_nothing_left_over(merged.path());
}

// T65, E02: half of the new file fits.
#[test]
fn a_full_disk_leaves_the_old_target_and_no_other_file() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let source = scratch.join("source");
    write(&source, bytes(30 << 20, 6));
    // The smallest that each of them makes.
    let kinds: [(&[&str], u64); 3] = [
        (&["mkfs.ext4", "-q", "-F", "-m", "0"], 64),
        (&["mkfs.xfs", "-q", "-f"], 300),
        (&["mkfs.btrfs", "-q", "-f"], 120),
    ];
    for (number, (mkfs, mib)) in kinds.into_iter().enumerate() {
        let name = format!("small{number}");
        let Some(small) = Mounted::image(&scratch, &name, mib, mkfs, "defaults") else { return };
        full(&source, &small);
    }
    let Some(small) = Mounted::tmpfs(&scratch.join("memory"), "size=64m") else { return };
    full(&source, &small);
}

/// Leaves 15 MiB on a file system and asserts what becomes of a file of 30.
fn full(source: &Path, small: &Mounted) {
    let free = rustix::fs::statvfs(small.path()).unwrap();
    let free = free.f_bavail * free.f_frsize;
    let filler = fs::File::create(small.join("filler")).unwrap();
    let none = rustix::fs::FallocateFlags::empty();
    rustix::fs::fallocate(&filler, none, 0, free.saturating_sub(15 << 20)).unwrap();

    let target = small.join("target");
    for method in crate::methods::METHODS {
        for options in ["", "--atomic=always --sync=data", "-a --preallocate"] {
            let options = format!("{options} --method={method}");
            write(&target, b"old");
            let outcome = Warpcp::copy(&options, source, &target).fails();
            assert_eq!(read(&target), b"old", "{outcome}");
            assert_nothing_left_over(small.path());
            outcome.says("No space left on device");
            fs::remove_file(&target).unwrap();
            let outcome = Warpcp::copy(&options, source, &target).fails();
            assert!(!target.exists(), "{outcome}");
            assert_nothing_left_over(small.path());
        }
    }
    write(&target, b"old");
    Warpcp::copy("--atomic=never", source, &target).fails().says("No space left on device");
    let part = read(&target);
    assert!(part == read(source)[..part.len()], "not the source's start");
}

#[test]
fn an_acl_of_the_target_survives_an_atomic_replacement_as_it_is() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, b"new");
    access_acl(&source, &some_acl(2001, 2002));
    write(&target, b"old");
    let mine = some_acl(1001, 1002);
    access_acl(&target, &mine);
    Warpcp::copy("", &source, &target).succeeds();
    assert_eq!(xattr_of(&target, "system.posix_acl_access"), Some(acl_bytes(&mine)));
    Warpcp::copy("-p", &source, &target).succeeds();
    let theirs = acl_bytes(&some_acl(2001, 2002));
    assert_eq!(xattr_of(&target, "system.posix_acl_access"), Some(theirs));
}

/// Trying to create what is there costs a call, and the lock of its directory.
#[test]
fn where_one_name_was_not_free_the_next_is_looked_at_first() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    for (directory, content) in [(&source, "new version"), (&target, "old")] {
        fs::create_dir(directory).unwrap();
        (0..20).for_each(|number| write(directory.join(format!("old{number}")), content));
    }
    let trace = Warpcp::copy("-aTj1", &source, &target).trace("openat").succeeds().trace;
    assert_eq!(trace.matches("EEXIST").count(), 1, "{trace}");
    assert_same_tree(&source, &target);
    // And where one was free, the next is not.
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir(&target).unwrap();
    let trace = Warpcp::copy("-aTj1", &source, &target).trace("newfstatat").succeeds().trace;
    assert_eq!(trace.lines().filter(|line| line.contains("\"old")).count(), 0, "{trace}");
    assert_same_tree(&source, &target);
}

/// What replaces a file has its mode from the start, unless that is more than it is to have.
#[test]
fn what_replaces_a_file_is_created_like_it() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    let check = |options: &str, modes: (u32, u32), created: &str, changed: usize| {
        let (before, now) = modes;
        for (path, mode_bits, content) in [(&target, before, "old"), (&source, now, "new version")]
        {
            let _ = fs::remove_file(path);
            write(path, content);
            mode(path, mode_bits);
        }
        let trace = Warpcp::copy(options, &source, &target).trace("openat,fchmod").succeeds().trace;
        let line = trace.lines().find(|line| line.contains("\".warpcopy-")).unwrap();
        assert!(line.contains(created), "{options} {before:o} {now:o}: {line}");
        assert_eq!(
            trace.matches("fchmod(").count(),
            changed,
            "{options} {before:o} {now:o}: {trace}"
        );
    };
    check("-a", (0o644, 0o644), ", 0644)", 0);
    check("", (0o644, 0o755), ", 0644)", 0);
    check("-a", (0o644, 0o600), ", 0600)", 0);
    check("-a", (0o600, 0o644), ", 0600)", 1);
    check("-a", (0o640, 0o604), ", 0600)", 1);
    if is_root() {
        owner(&target, 1234, 2345);
        write(&target, "old");
        let trace = Warpcp::copy("", &source, &target).trace("openat").succeeds().trace;
        assert!(trace.contains(", 0600)"), "{trace}");
        assert_eq!(fs::metadata(&target).unwrap().uid(), 1234);
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o604);
    }
}
