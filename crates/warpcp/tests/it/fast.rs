//! Small new files, of which nothing is asked but what is asked of every file: they are copied by straight code, and it makes
//! of them what the usual way makes. `--debug` wants to be told of each file, and so none takes the fast path then.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use crate::support::plant::{
    access_acl, capability, default_acl, mode, owner, some_acl, sparse, times, write, xattr,
};
use crate::support::trace::can_trace;
use crate::support::{
    Compare, Fs, Mounted, Scratch, Warpcp, assert_nothing_left_over, assert_same_bytes,
    assert_same_tree, bytes, everywhere, is_root, read, skip,
};

/// Small files of every sort, a directory for each length.
fn plant_files(root: &Path) {
    for len in [0, 1, 4095, 4097, 16_383, 16_384, 65_535, 65_536, 65_537] {
        let directory = root.join(len.to_string());
        fs::create_dir_all(&directory).unwrap();
        let file = |name: &str| {
            let path = directory.join(name);
            write(&path, bytes(len, len as u64));
            path
        };
        let readable = [0o644, 0o600, 0o666, 0o777, 0o444, 0o4755, 0o2755, 0o1644, 0o6777];
        let unreadable = if is_root() { &[0][..] } else { &[] };
        for &bits in readable.iter().chain(unreadable) {
            mode(&file(&format!("mode-{bits:o}")), bits);
        }
        xattr(&file("attribute"), "user.some", b"value");
        access_acl(&file("list"), &some_acl(1234, 2345));
        fs::hard_link(file("first"), directory.join("second")).unwrap();
        sparse(&directory.join("hole"), len as u64, &[]);
        sparse(&directory.join("late"), len as u64 + (1 << 20), &[(1 << 20, b"end")]);
        if is_root() {
            owner(&file("foreign"), 1234, 2345);
            owner(&file("group"), 0, 2345);
            owner(&file("foreign-set-id"), 1234, 0);
            mode(&directory.join("foreign-set-id"), 0o6755);
            capability(&file("able"));
        }
        for entry in fs::read_dir(&directory).unwrap() {
            times(&entry.unwrap().path(), (1000, 1), (2000 + len as i64, 999_999_999));
        }
    }
}

/// What can be told apart of files that were made one after the other.
fn all_but_times() -> Compare {
    Compare { modified: false, ..Compare::default() }
}

everywhere! {
    fn it_makes_what_the_usual_way_makes(scratch) {
        let source = scratch.join("source");
        plant_files(&source);
        for options in [
            "-a -j1",
            "-a -j2",
            "-a --reflink=never",
            "-a --no-preserve=ownership",
            "-R --preserve=ownership --reflink=never",
            "-R --preserve=mode,xattr",
            "-rL",
            "-r",
            "-rp -j2",
        ] {
            for umask in [0, 0o022, 0o077] {
                let (fast, usual) = (scratch.join("fast"), scratch.join("usual"));
                Warpcp::copy(options, &source, &fast).umask(umask).succeeds();
                Warpcp::copy(&format!("{options} --debug"), &source, &usual).umask(umask).succeeds();
                match options.starts_with("-a") || options.starts_with("-rp") {
                    true => assert_same_tree(&usual, &fast),
                    false => all_but_times().assert(&usual, &fast),
                }
                if options.starts_with("-a -j") {
                    assert_same_tree(&source, &fast);
                }
                fs::remove_dir_all(&fast).unwrap();
                fs::remove_dir_all(&usual).unwrap();
            }
        }
    }

    // Where new files get their group, or rights for others, from the directory.
    fn it_makes_the_same_where_directories_pass_things_on(scratch) {
        if !is_root() {
            return;
        }
        let source = scratch.join("source");
        plant_files(&source);
        for case in ["group", "list"] {
            for options in ["-a -j1", "-r -j2", "-rp -j2"] {
                let targets = ["fast", "usual"].map(|name| {
                    let above = scratch.join(name);
                    fs::create_dir(&above).unwrap();
                    match case {
                        "group" => {
                            owner(&above, 0, 2345);
                            mode(&above, 0o2775);
                        }
                        _ => {
                            let mut list = some_acl(1234, 2345);
                            // Whoever may not search new directories sees at once that they are special.
                            list[0].1 = 7;
                            default_acl(&above, &list);
                        }
                    }
                    above
                });
                let [fast, usual] = &targets;
                Warpcp::copy(options, &source, fast).succeeds();
                Warpcp::copy(&format!("{options} --debug"), &source, usual).succeeds();
                all_but_times().assert(usual, fast);
                targets.iter().for_each(|target| fs::remove_dir_all(target).unwrap());
            }
        }
    }

    fn it_keeps_both_times(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        fs::create_dir(&source).unwrap();
        write(source.join("file"), "1");
        for options in ["-a", "-a -j2"] {
            times(&source.join("file"), (1000, 1), (2000, 2));
            Warpcp::copy(options, &source, &target).succeeds();
            let now = fs::metadata(target.join("file")).unwrap();
            assert_eq!((now.atime(), now.atime_nsec(), now.mtime(), now.mtime_nsec()), (1000, 1, 2000, 2));
            fs::remove_dir_all(&target).unwrap();
        }
    }

    fn it_is_counted_like_the_usual_way(scratch) {
        let source = scratch.join("source");
        plant_files(&source);
        let stats = |options: &str| {
            let copy = Warpcp::copy(&format!("-a --stats {options}"), &source, scratch.join("target"));
            let outcome = copy.run();
            outcome.assert_code(0);
            fs::remove_dir_all(scratch.join("target")).unwrap();
            let is_of_time = |line: &str| line.starts_with("duration") || line.starts_with("throughput");
            outcome.stderr.lines().filter(|line| !is_of_time(line)).map(str::to_owned).collect()
        };
        let usual: Vec<String> = stats("-j2 --debug");
        assert!(usual.len() > 5);
        assert_eq!(stats("-j2"), usual);
    }
}

/// Says which files are read without positions, as only the fast path does.
fn fast_files(options: &str, source: &Path, target: &Path) -> Vec<String> {
    let copy = Warpcp::copy(options, source, target);
    let trace = copy.trace("read,write").succeeds().trace;
    fs::remove_dir_all(target).unwrap();
    let names = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut fast: Vec<String> = names
        .filter(|name| {
            let is_written =
                |line: &str| line.contains("write(") && line.contains(&format!("/target/{name}>"));
            trace.lines().any(is_written)
        })
        .collect();
    fast.sort();
    fast
}

#[test]
fn it_takes_plain_small_files_and_no_others() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() {
        return;
    }
    let source = scratch.join("source");
    fs::create_dir(&source).unwrap();
    for (name, len) in [("small", 1), ("below", 16_383), ("long", 16_384), ("longer", 65_536)] {
        write(source.join(name), bytes(len, 1));
    }
    write(source.join("attribute"), "1");
    xattr(&source.join("attribute"), "user.some", b"value");
    sparse(&source.join("sparse"), 9000, &[(0, b"1")]);
    write(source.join("first"), "1");
    fs::hard_link(source.join("first"), source.join("second")).unwrap();
    write(source.join("set-id"), "1");
    mode(&source.join("set-id"), 0o2755);
    let fast = |options: &str| fast_files(options, &source, &scratch.join("target"));
    assert_eq!(fast("-a -j1"), ["below", "small"]);
    assert_eq!(fast("-a -j2"), ["below", "small"]);
    for options in ["-r -j2", "-rp -j2"] {
        assert_eq!(fast(options), ["attribute", "below", "first", "second", "small"]);
    }
    // Nothing but bytes was asked for: no clone is tried before.
    assert_eq!(fast("-a --reflink=never"), ["below", "long", "small"]);
    for options in [
        "-a --debug",
        "-a --atomic=always",
        "-a --method=read_write",
        "-a --sparse=always",
        "-a --sparse=never",
        "-a --sync=data",
        "-a --uncached",
        "-aL",
        "-aH",
        "-au",
        "-an",
        "-a --attributes-only",
    ] {
        assert_eq!(fast(options), [""; 0], "{options}");
    }
}

/// What was read or written is not what was looked at.
#[test]
fn it_gives_up_where_something_is_not_as_expected() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    fs::create_dir(&source).unwrap();
    write(source.join("file"), bytes(3000, 1));
    mode(&source.join("file"), 0o666);
    let check = |fault: &str| {
        Warpcp::copy("-aj1", &source, &target).inject(fault).succeeds().met_the_fault();
        assert_same_tree(&source, &target);
        assert_nothing_left_over(&target);
        fs::remove_dir_all(&target).unwrap();
    };
    // Read or written without doing so: too little, too much, or interrupted.
    for fault in ["read:retval=10", "read:retval=3001", "read:error=EINTR", "write:retval=10"] {
        check(fault);
    }
    let trace = Warpcp::copy("-aj1", &source, &target).trace("openat").succeeds().trace;
    fs::remove_dir_all(&target).unwrap();
    let created = trace.lines().position(|line| line.contains("O_CREAT")).unwrap();
    check(&format!("openat:error=EAGAIN:when={}", created + 1));
    for call in ["write:error=EIO", "utimensat:error=EIO", "fchmod:error=EIO"] {
        check(&format!("{call}:when=1"));
    }
    for (fault, says) in [
        ("read,pread64:error=EIO", "error reading"),
        ("write:error=ENOSPC:when=1 pwrite64:error=ENOSPC", "error writing"),
        ("write:error=EDQUOT:when=1 pwrite64:error=EDQUOT", "error writing"),
    ] {
        let copy = Warpcp::copy("-aj1", &source, &target);
        let copy = fault.split(' ').fold(copy, Warpcp::inject);
        copy.fails().met_the_fault().says(says).says("/file'");
        assert!(!target.join("file").exists(), "{fault}");
        assert_nothing_left_over(&target);
        fs::remove_dir_all(&target).unwrap();
    }
}

/// A file of another file system can be mounted on a name, and one that is made up calls itself empty.
#[test]
fn what_is_mounted_on_a_file_is_looked_at_anew() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    let source = scratch.join("source");
    fs::create_dir(&source).unwrap();
    write(source.join("file"), "");
    let Some(_mounted) = Mounted::bind(Path::new("/proc/version"), &source.join("file")) else {
        return;
    };
    assert_eq!(fs::metadata(source.join("file")).unwrap().len(), 0);
    Warpcp::copy("-a", &source, scratch.join("target")).succeeds();
    assert_eq!(read(scratch.join("target/file")), read("/proc/version"));
    assert_same_bytes(source.join("file"), scratch.join("target/file"));
}

/// Files of file systems that make their content up are as long as what is read, whatever they say.
#[test]
fn lengths_that_are_made_up_are_not_believed() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    let source = Path::new("/proc/sys/fs/inotify");
    if !source.is_dir() {
        return skip("/proc/sys/fs/inotify", "a kernel without inotify, or no procfs");
    }
    Warpcp::copy("-r", source, scratch.join("target")).succeeds();
    let names: Vec<_> =
        fs::read_dir(source).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.is_empty());
    for name in names {
        assert_eq!(read(source.join(&name)), read(scratch.join("target").join(&name)), "{name:?}");
    }
}

/// A file that is to become somebody else's is open to nobody but them, and not before it is theirs.
#[test]
fn until_it_is_given_away_a_file_is_its_makers_alone() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() || !is_root() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    fs::create_dir(&source).unwrap();
    write(source.join("file"), "1");
    owner(&source.join("file"), 1234, 2345);
    mode(&source.join("file"), 0o664);
    let trace = Warpcp::copy("-a -j2", &source, &target)
        .trace("openat,write,fchown,fchmod")
        .succeeds()
        .trace;
    let line = |what: &str| {
        let is_it =
            |line: &str| line.contains(what) && line.contains("file") && line.contains("target");
        trace.lines().position(is_it).unwrap_or_else(|| panic!("no {what} in\n{trace}"))
    };
    let created = trace.lines().nth(line("O_CREAT")).unwrap();
    assert!(created.contains(", 0600)"), "{created}");
    let order = ["O_CREAT", " write(", "fchown(", "fchmod("].map(line);
    assert!(order.is_sorted(), "{trace}");
    assert_same_tree(&source, &target);
}

/// What a symbolic link among the operands leads to may be met again.
#[test]
fn names_met_through_operands_are_linked() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    let (tree, link, target) = (scratch.join("tree"), scratch.join("link"), scratch.join("target"));
    fs::create_dir(&tree).unwrap();
    fs::create_dir(&target).unwrap();
    write(tree.join("file"), "1");
    symlink("tree/file", &link).unwrap();
    Warpcp::new(["-aH"]).arg(&tree).arg(&link).arg(&target).succeeds();
    let inode = |name: &str| fs::metadata(target.join(name)).unwrap().ino();
    assert_eq!(inode("tree/file"), inode("link"));
}

/// The superuser of a container may be nobody in particular.
#[test]
fn who_cannot_give_files_away_tries_it_once() {
    let Some(scratch) = Scratch::on(Fs::Tmpfs) else { return };
    if !can_trace() || !is_root() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    fs::create_dir(&source).unwrap();
    for number in 0..10 {
        let path = source.join(format!("file{number}"));
        write(&path, "1");
        owner(&path, 1234, 2345);
    }
    let copy = Warpcp::copy("-aj1", &source, &target);
    let trace = copy.inject("fchown:error=EPERM").trace("unlinkat").fails().trace;
    assert_eq!(trace.matches("unlinkat(").count(), 1, "{trace}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 10);
}
