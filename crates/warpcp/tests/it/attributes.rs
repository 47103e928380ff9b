//! Owner, mode, lists of access, attributes, times: what is kept when asked for, and what is never given away.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use crate::methods::METHODS;
use crate::support::plant::{
    access_acl, acl_bytes, capability, default_acl, mode, owner, some_acl, sparse, times, trusted,
    write, xattr, xattr_of,
};
use crate::support::run::NOBODY;
use crate::support::{
    Compare, Dir, Fifo, File, Fs, Mounted, Scratch, Symlink, Warpcp, assert_same_bytes,
    assert_same_tree, bytes, everywhere, has_tool, is_root, plant, read,
};

fn bits(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn modified(path: &Path) -> (i64, i64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.mtime(), metadata.mtime_nsec())
}

fn accessed(path: &Path) -> (i64, i64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.atime(), metadata.atime_nsec())
}

everywhere! {
    // E21: the attributes of a copy must not depend on how its bytes came.
    fn every_method_gives_the_same_attributes(scratch) {
        if !is_root() {
            return;
        }
        let source = scratch.join("source");
        write(&source, bytes(300_000, 1));
        owner(&source, 1001, 1002);
        xattr(&source, "user.note", b"kept");
        access_acl(&source, &some_acl(1003, 1004));
        mode(&source, 0o4754);
        capability(&source);
        times(&source, (1_000_000_001, 123_456_789), (1_100_000_001, 987_654_321));
        for method in METHODS {
            for atomic in ["auto", "always", "never"] {
                for is_replaced in [false, true] {
                    let target = scratch.join("target");
                    if is_replaced {
                        write(&target, b"old");
                        mode(&target, 0o600);
                    }
                    let options = format!("-a --method={method} --atomic={atomic}");
                    Warpcp::copy(&options, &source, &target).succeeds();
                    assert_same_tree(&source, &target);
                    fs::remove_file(&target).unwrap();
                }
            }
        }
    }

    fn a_plain_copy_gets_the_mode_that_the_umask_leaves(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        for method in METHODS {
            for (has, mask, gets) in [
                (0o755, 0o022, 0o755),
                (0o755, 0o077, 0o700),
                (0o666, 0o022, 0o644),
                (0o666, 0o002, 0o664),
                (0o444, 0o022, 0o444),
                (0o000, 0o022, 0o000),
                (0o6755, 0o022, 0o755),
                (0o1777, 0o000, 0o777),
            ] {
                if has == 0 && !rustix::process::geteuid().is_root() {
                    continue;
                }
                write(&source, bytes(100_000, 2));
                mode(&source, has);
                for atomic in ["auto", "always"] {
                    let options = format!("--method={method} --atomic={atomic}");
                    Warpcp::copy(&options, &source, &target).umask(mask).succeeds();
                    assert_eq!(bits(&target), gets, "{has:o} under {mask:o} by {options}");
                    assert_same_bytes(&source, &target);
                    fs::remove_file(&target).unwrap();
                }
                mode(&source, 0o600);
            }
        }
    }

    // What a new file looks like depends on the umask, on whom it is made by, and on the directory it is made in.
    fn files_of_a_tree_look_right_wherever_it_is_made(scratch) {
        if !is_root() {
            return;
        }
        const MODES: [u32; 8] = [0o600, 0o644, 0o664, 0o755, 0o777, 0o4755, 0o2755, 0o000];
        const OWNERS: [(u32, u32); 3] = [(0, 0), (1001, 1002), (0, 1003)];
        let source = scratch.join("source");
        let mut files = Vec::new();
        fs::create_dir(&source).unwrap();
        for (number, (uid, gid)) in OWNERS.into_iter().enumerate() {
            fs::create_dir(source.join(format!("{number}"))).unwrap();
            for has in MODES {
                let name = format!("{number}/{has:o}");
                write(source.join(&name), if has == 0o644 { &b""[..] } else { b"content" });
                owner(&source.join(&name), uid, gid);
                mode(&source.join(&name), has);
                files.push((name, has));
            }
            let link = source.join(format!("{number}/link"));
            symlink("600", &link).unwrap();
            lchown(&link, Some(uid), Some(gid)).unwrap();
        }
        mode(&source.join("2"), 0o2775);
        let places = ["plain", "heirs", "listed"].map(|name| scratch.join(name));
        places.iter().for_each(|place| fs::create_dir(place).unwrap());
        owner(&places[1], 1001, 1003);
        mode(&places[1], 0o2777);
        default_acl(&places[2], &some_acl(1001, 1002));
        for (place, mask) in places.iter().flat_map(|place| [0, 0o022, 0o077, 0o777].map(|mask| (place, mask))) {
            for workers in ["-j1", "-j2"] {
                let target = place.join("target");
                Warpcp::copy(&format!("-a {workers}"), &source, &target).umask(mask).succeeds();
                assert_same_tree(&source, &target);
                fs::remove_dir_all(&target).unwrap();
                if place.ends_with("listed") {
                    continue;
                }
                Warpcp::copy(&format!("-r {workers}"), &source, &target).umask(mask).succeeds();
                let group = if place.ends_with("heirs") { 1003 } else { 0 };
                for (name, has) in &files {
                    let metadata = fs::metadata(target.join(name)).unwrap();
                    assert_eq!((metadata.uid(), metadata.gid()), (0, group), "{name}");
                    assert_eq!(bits(&target.join(name)), has & 0o777 & !mask, "{name}");
                }
                fs::remove_dir_all(&target).unwrap();
            }
        }
    }

    fn a_plain_copy_has_its_own_owner_and_times(scratch) {
        if !is_root() {
            return;
        }
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, b"content");
        owner(&source, 1001, 1002);
        xattr(&source, "user.note", b"left behind");
        times(&source, (1, 0), (2, 0));
        for options in ["", "--atomic=always", "-r"] {
            Warpcp::copy(options, &source, &target).succeeds();
            let metadata = fs::metadata(&target).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (0, 0));
            assert!(metadata.mtime() > 1_000_000_000);
            assert_eq!(xattr_of(&target, "user.note"), None);
            fs::remove_file(&target).unwrap();
        }
    }

    fn each_attribute_is_kept_for_itself(scratch) {
        if !is_root() {
            return;
        }
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, b"content");
        owner(&source, 1001, 1002);
        xattr(&source, "user.note", b"kept");
        mode(&source, 0o751);
        times(&source, (1, 5), (2, 6));
        let lists = ["mode", "ownership", "timestamps", "xattr", "mode,xattr", "all"];
        for list in lists {
            Warpcp::copy(&format!("--preserve={list}"), &source, &target).umask(0o077).succeeds();
            let metadata = fs::metadata(&target).unwrap();
            let has =
                |attribute: &str| list == "all" || list.split(',').any(|word| word == attribute);
            assert_eq!(bits(&target) == 0o751, has("mode"), "{list}: {:o}", bits(&target));
            assert_eq!(
                metadata.uid() == 1001 && metadata.gid() == 1002,
                has("ownership"),
                "{list}"
            );
            assert_eq!(modified(&target) == (2, 6), has("timestamps"), "{list}");
            assert_eq!(xattr_of(&target, "user.note").is_some(), has("xattr"), "{list}");
            fs::remove_file(&target).unwrap();
        }
        Warpcp::copy("-a --no-preserve=ownership,xattr", &source, &target).succeeds();
        assert_eq!(fs::metadata(&target).unwrap().uid(), 0);
        assert_eq!(xattr_of(&target, "user.note"), None);
        assert_eq!(bits(&target), 0o751);
    }

    // T45: a copy that is not root's must not run as root.
    fn set_id_bits_do_not_go_to_another_owner(scratch) {
        if !is_root() {
            return;
        }
        let place = scratch.join("place");
        fs::create_dir(&place).unwrap();
        mode(&place, 0o777);
        let source = scratch.join("source");
        write(&source, bytes(100_000, 3));
        mode(&source, 0o6755);
        for options in
            ["-p", "-a", "-a --atomic=always", "--preserve=mode", "-p --method=read_write"]
        {
            let target = place.join("target");
            Warpcp::copy(options, &source, &target).by_nobody().succeeds();
            assert_eq!(fs::metadata(&target).unwrap().uid(), NOBODY);
            // With the ownership not asked for, GNU keeps the bits; with it asked for and refused it may not.
            let is_asked = options != "--preserve=mode";
            assert!(!is_asked || bits(&target) & 0o6000 == 0, "{options}: {:o}", bits(&target));
            fs::remove_file(&target).unwrap();
        }
    }

    // T46: changing the owner clears the set-id bits, writing clears the capability.
    fn set_id_bits_and_capabilities_are_kept_by_root(scratch) {
        if !is_root() {
            return;
        }
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, bytes(100_000, 4));
        owner(&source, 1001, 1002);
        mode(&source, 0o4755);
        capability(&source);
        for options in ["-a", "-a --atomic=always", "-a --atomic=never", "-a --method=read_write"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_eq!(bits(&target), 0o4755, "{options}");
            let capability = |path: &Path| xattr_of(path, "security.capability");
            assert!(capability(&target).is_some(), "{options}");
            assert_eq!(capability(&target), capability(&source), "{options}");
        }
        Warpcp::copy("-p", &source, scratch.join("plain")).succeeds();
        assert_eq!(xattr_of(&scratch.join("plain"), "security.capability"), None);
        assert_eq!(bits(&scratch.join("plain")), 0o4755);
    }

    // T47: a default list replaces the umask.
    fn a_plain_copy_takes_the_default_acl_of_its_directory(scratch) {
        let (source, place) = (scratch.join("source"), scratch.join("place"));
        write(&source, b"content");
        mode(&source, 0o666);
        fs::create_dir(&place).unwrap();
        default_acl(&place, &some_acl(1001, 1002));
        let touched = place.join("touched");
        let touch = format!("umask 077 && : > '{}'", touched.display());
        assert!(std::process::Command::new("sh").args(["-c", &touch]).status().unwrap().success());
        for options in ["", "--atomic=always", "-r", "--method=read_write", "--sparse=always"] {
            let target = place.join("target");
            Warpcp::copy(options, &source, &target).umask(0o077).succeeds();
            let acl = |path: &Path| xattr_of(path, "system.posix_acl_access");
            assert_eq!(bits(&target), bits(&touched), "{options}");
            assert_eq!(acl(&target), acl(&touched), "{options}");
            fs::remove_file(&target).unwrap();
        }
    }

    // A list that the source does not have would give others what the source denies them.
    fn an_archive_takes_nothing_of_the_default_acl_of_its_directory(scratch) {
        let (source, place) = (scratch.join("source"), scratch.join("place"));
        plant(
            &source,
            &[("file", File(b"content")), ("directory", Dir), ("directory/file", File(b"1"))],
        );
        mode(&source.join("file"), 0o660);
        mode(&source.join("directory"), 0o770);
        fs::create_dir(&place).unwrap();
        default_acl(&place, &some_acl(1001, 1002));
        for options in ["-a", "-rp", "-a --atomic=always", "-a -j4", "-r --preserve=mode"] {
            let target = place.join("target");
            Warpcp::copy(options, &source, &target).succeeds();
            Compare { mode: true, xattrs: true, ..Compare::contents() }.assert(&source, &target);
            // Once more over what has inherited lists.
            let inherited = target.join("file");
            access_acl(&inherited, &some_acl(1001, 1002));
            default_acl(&target.join("directory"), &some_acl(1001, 1002));
            Warpcp::copy(options, source.join("."), &target).succeeds();
            assert_eq!(xattr_of(&inherited, "system.posix_acl_access"), None, "{options}");
            fs::remove_dir_all(&target).unwrap();
        }
    }

    // T48: attributes of every namespace; XFS shows ACLs a second time under another name.
    fn attributes_and_acls_are_kept_in_an_archive(scratch) {
        if !is_root() {
            return;
        }
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        plant(
            &source,
            &[("file", File(b"content")), ("directory", Dir), ("directory/inner", File(b""))],
        );
        for path in ["file", "directory", "directory/inner"].map(|name| source.join(name)) {
            xattr(&path, "user.note", &bytes(900, 5));
            xattr(&path, "user.empty", b"");
            trusted(&path, "trusted.note", b"root's");
            access_acl(&path, &some_acl(1001, 1002));
        }
        default_acl(&source.join("directory"), &some_acl(1003, 1004));
        for options in ["-a", "-a -j4", "-r --preserve=all", "-a --atomic=always"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_tree(&source, &target);
            let names = crate::support::compare::xattrs(&target.join("file"));
            assert!(!names.keys().any(|name| name.contains("SGI")), "{names:?}");
            // Below the ACL that children inherit, nothing was inherited.
            let inner = xattr_of(&target.join("directory/inner"), "system.posix_acl_access");
            assert_eq!(inner, Some(acl_bytes(&some_acl(1001, 1002))));
            fs::remove_dir_all(&target).unwrap();
        }
    }

    // Links and FIFOs are never opened; since Linux 6.13 their attributes are listed without a way through procfs.
    fn attributes_of_what_is_not_opened_are_kept_by_old_kernels_too(scratch) {
        if !is_root() || !has_tool("python3") {
            return;
        }
        let source = scratch.join("source");
        plant(&source, &[("link", Symlink("nowhere")), ("fifo", Fifo)]);
        for name in ["link", "fifo"] {
            trusted(&source.join(name), "trusted.note", b"root's");
        }
        const LISTXATTRAT: &str = "465";
        const ENOSYS: &str = "38";
        const EPERM: &str = "1";
        for error in [None, Some(ENOSYS), Some(EPERM)] {
            let target = scratch.join(format!("target{error:?}"));
            let copy = Warpcp::copy("-a", &source, &target);
            match error {
                Some(error) => copy.forbidden(LISTXATTRAT, error),
                None => copy,
            }
            .succeeds();
            assert_same_tree(&source, &target);
        }
        const EIO: &str = "5";
        let (link, target) = (source.join("link"), scratch.join("target"));
        let copy = Warpcp::copy("-a", &link, &target).forbidden(LISTXATTRAT, EIO);
        copy.fails().says("setting attributes for").says("Input/output error");
        assert!(fs::symlink_metadata(&target).is_err());
    }

    // B52: -p means mode, ownership, timestamps; attributes come with -a.
    fn minus_p_keeps_acls_but_not_attributes(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, b"content");
        xattr(&source, "user.note", b"left behind");
        access_acl(&source, &some_acl(1001, 1002));
        Warpcp::copy("-p", &source, &target).succeeds();
        assert_eq!(xattr_of(&target, "user.note"), None);
        let acl = xattr_of(&target, "system.posix_acl_access");
        assert_eq!(acl, Some(acl_bytes(&some_acl(1001, 1002))));
    }

    // T50: the mode that forbids writing comes last.
    fn attributes_of_a_read_only_file_are_kept_for_its_owner(scratch) {
        if !is_root() {
            return;
        }
        let place = scratch.join("place");
        plant(&place, &[("source", File(b"content"))]);
        let (source, target) = (place.join("source"), place.join("target"));
        xattr(&source, "user.note", b"kept");
        owner(&place, NOBODY, NOBODY);
        owner(&source, NOBODY, NOBODY);
        mode(&source, 0o444);
        for options in ["-a", "-a --atomic=always", "--preserve=xattr"] {
            Warpcp::copy(options, &source, &target).by_nobody().succeeds();
            assert_eq!(xattr_of(&target, "user.note").as_deref(), Some(&b"kept"[..]), "{options}");
            assert_eq!(bits(&target), 0o444);
            fs::remove_file(&target).unwrap();
        }
    }

    // T51: nanoseconds, before 1970, far ahead, of links, and of directories that are filled after them.
    fn times_are_kept_to_the_nanosecond(scratch) {
        let source = scratch.join("source");
        plant(
            &source,
            &[("crowded", Dir), ("old", File(b"")), ("nano", File(b"1")), ("far", File(b"2"))],
        );
        for number in 0..1000 {
            write(source.join("crowded").join(format!("{number}")), b"");
        }
        symlink("nano", source.join("link")).unwrap();
        times(&source.join("old"), (-2_177_452_800, 1), (-2_177_452_799, 999_999_999));
        times(&source.join("nano"), (1_700_000_000, 1), (1_700_000_000, 123_456_789));
        times(&source.join("far"), (7_000_000_000, 5), (7_000_000_001, 5));
        times(&source.join("link"), (1_500_000_000, 2), (1_500_000_001, 3));
        times(&source.join("crowded"), (1_400_000_000, 4), (1_400_000_001, 5));
        times(&source, (1_300_000_000, 6), (1_300_000_001, 7));
        // Of what the copy reads, the time of access changes in the source, but not before it is looked at.
        let names = ["old", "nano", "far", "link", "crowded", ""];
        let was: Vec<_> = names
            .iter()
            .map(|name| (accessed(&source.join(name)), modified(&source.join(name))))
            .collect();
        for options in
            ["-a", "-r -P -p", "-a -j4", "-a --atomic=always", "-rP --preserve=timestamps"]
        {
            for (name, (accessed, modified)) in names.iter().zip(&was) {
                times(&source.join(name), *accessed, *modified);
            }
            let target = scratch.join("target");
            Warpcp::copy(options, &source, &target).succeeds();
            for (name, (was_accessed, was_modified)) in names.iter().zip(&was) {
                let copy = target.join(name);
                assert_eq!(accessed(&copy), *was_accessed, "access of {name:?} with {options}");
                assert_eq!(
                    modified(&copy),
                    *was_modified,
                    "modification of {name:?} with {options}"
                );
            }
            fs::remove_dir_all(&target).unwrap();
        }
    }

    // T52: a directory without the write bit must be filled before it gets its mode.
    fn read_only_directories_are_filled_before_they_become_so(scratch) {
        if !is_root() {
            return;
        }
        let place = scratch.join("place");
        plant(
            &place,
            &[
                ("source", Dir),
                ("source/deep", Dir),
                ("source/deep/file", File(b"1")),
                ("source/file", File(b"2")),
            ],
        );
        for path in ["", "source", "source/deep", "source/deep/file", "source/file"] {
            owner(&place.join(path), NOBODY, NOBODY);
        }
        mode(&place.join("source/deep"), 0o555);
        mode(&place.join("source"), 0o555);
        for options in ["-r", "-a", "-r -j4", "-a --atomic=always"] {
            let target = place.join("target");
            Warpcp::copy(options, place.join("source"), &target)
                .by_nobody()
                .umask(0o022)
                .succeeds();
            Compare { mode: true, ..Compare::contents() }.assert(&place.join("source"), &target);
            mode(&target, 0o755);
            mode(&target.join("deep"), 0o755);
            fs::remove_dir_all(&target).unwrap();
        }
    }

    // A tree that may not be listed by others must not be while it is made, nor after.
    fn directories_are_never_more_open_than_their_source(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        plant(&source, &[("private", Dir), ("private/file", File(b"1"))]);
        mode(&source.join("private"), 0o700);
        mode(&source, 0o711);
        for options in ["-r", "-a"] {
            Warpcp::copy(options, &source, &target).umask(0).succeeds();
            assert_eq!(bits(&target), 0o711);
            assert_eq!(bits(&target.join("private")), 0o700);
            fs::remove_dir_all(&target).unwrap();
        }
    }
}

#[test]
fn attributes_alone_can_be_copied() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !is_root() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, b"new");
    mode(&source, 0o751);
    owner(&source, 1001, 1002);
    write(&target, b"the data stays");
    Warpcp::copy("-a --attributes-only", &source, &target).succeeds();
    assert_eq!(read(&target), b"the data stays");
    assert_eq!(bits(&target), 0o751);
    assert_eq!(fs::metadata(&target).unwrap().uid(), 1001);
    Warpcp::copy("--attributes-only", &source, scratch.join("empty")).succeeds();
    assert_eq!(read(scratch.join("empty")), b"");
}

// T48, second half: where there are no attributes, an archive goes on and an explicit wish fails.
#[test]
fn a_file_system_without_attributes_fails_only_an_explicit_wish() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let words = ["-t", "ramfs", "warpcopy-it"];
    let Some(bare) = Mounted::new(words, &scratch.join("bare")) else { return };
    let source = scratch.join("source");
    plant(&source, &[("file", File(b"content")), ("directory", Dir)]);
    for path in ["file", "directory"].map(|name| source.join(name)) {
        xattr(&path, "user.note", b"cannot be kept");
    }
    Warpcp::copy("-a", &source, bare.join("archive")).succeeds();
    Compare::contents().assert(&source, &bare.join("archive"));
    let file = source.join("file");
    Warpcp::copy("--preserve=xattr", &file, bare.join("wish"))
        .fails()
        .says("setting attributes for");
    Warpcp::copy("", &file, bare.join("plain")).succeeds();
    Warpcp::copy("--preserve=timestamps", &file, bare.join("timed")).succeeds();

    // A list of access that cannot be kept is said, and costs nothing else.
    access_acl(&file, &some_acl(1001, 1002));
    Warpcp::copy("-a", &source, bare.join("listed")).run().says("preserving permissions");
    Compare { modified: true, ..Compare::contents() }.assert(&source, &bare.join("listed"));
}

// T49: a value that does not fit is "no space" to ext4, but the disk is not full.
#[test]
fn an_attribute_that_does_not_fit_does_not_cost_the_file() {
    let (Some(here), Some(there)) = (Scratch::on(Fs::Xfs), Scratch::on(Fs::Ext4)) else { return };
    let (source, target) = (here.join("source"), there.join("target"));
    sparse(&source, 1 << 20, &[(0, &bytes(100_000, 6))]);
    xattr(&source, "user.huge", &bytes(20_000, 7));
    xattr(&source, "user.small", b"kept");
    Warpcp::copy("-a", &source, &target).run().assert_code(0);
    assert_same_bytes(&source, &target);
    assert_eq!(xattr_of(&target, "user.small").as_deref(), Some(&b"kept"[..]));
    fs::remove_file(&target).unwrap();
    Warpcp::copy("--preserve=xattr", &source, &target).fails().says("user.huge");
}

// Times out of range are bent by the file system, silently; that is no error.
#[test]
fn a_year_that_a_file_system_cannot_hold_is_no_error() {
    for fs in Fs::FULL {
        let (Some(here), Some(there)) = (Scratch::on(Fs::Tmpfs), Scratch::on(fs)) else { continue };
        let (source, target) = (here.join("source"), there.join("target"));
        write(&source, b"content");
        times(&source, (17_000_000_000, 1), (17_000_000_000, 1));
        Warpcp::copy("-a", &source, &target).succeeds();
        assert_eq!(read(&target), b"content");
    }
}
