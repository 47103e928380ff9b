//! That a clone was recorded as one means that blocks are shared; the file system is asked.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use warpcopy::{Copier, Method, Options, Reflink, Sparse};

use crate::support::*;

/// linux/fiemap.h, with room for some extents.
#[repr(C)]
struct Fiemap {
    start: u64,
    length: u64,
    flags: u32,
    mapped_extents: u32,
    extent_count: u32,
    reserved: u32,
    extents: [Extent; 64],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Extent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

/// The bytes of a file whose blocks belong to another file, too, and those that do not.
fn shared_and_own(path: &Path) -> (u64, u64) {
    const FS_IOC_FIEMAP: libc::Ioctl = 0xC020_660B_u32 as libc::Ioctl;
    const SYNC: u32 = 1;
    const SHARED: u32 = 0x2000;
    let file = File::open(path).unwrap();
    let mut map = Fiemap {
        start: 0,
        length: u64::MAX,
        flags: SYNC,
        mapped_extents: 0,
        extent_count: 64,
        reserved: 0,
        extents: [Extent::default(); 64],
    };
    // SAFETY: the structure is that of the kernel and has room for as many extents as it says.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_FIEMAP, &raw mut map) };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    let extents = &map.extents[..map.mapped_extents as usize];
    let sum = |shared: u32| {
        extents.iter().filter(|one| one.flags & SHARED == shared).map(|one| one.length).sum()
    };
    (sum(SHARED), sum(0))
}

fn on_those_that_share(check: impl Fn(&Scratch)) {
    for fs in Fs::ALL.into_iter().filter(|fs| fs.clones()) {
        if let Some(scratch) = Scratch::on(fs) {
            check(&scratch);
        }
    }
}

#[test]
fn a_recorded_clone_shares_every_block() {
    on_those_that_share(|scratch| {
        for len in [16384, 65536, (1 << 20) + 1, 40 << 20] {
            let (source, target) = (scratch.join("a"), scratch.join("b"));
            Shape::dense(len).make(&source);
            let report = warpcopy::copy(&source, &target).unwrap();
            assert_eq!(report.bytes.method, Some(Method::Clone), "{len}");
            let (shared, own) = shared_and_own(&target);
            assert_eq!((shared >= len, own), (true, 0), "{len} on {:?}", scratch.fs());
            assert_same_bytes(&source, &target);
        }
    });
}

#[test]
fn never_sharing_shares_no_block() {
    on_those_that_share(|scratch| {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        Shape::dense(1 << 20).make(&source);
        let ways = [
            Options::new().reflink(Reflink::Never),
            Options::new().method(Some(Method::ReadWrite)),
            Options::new().method(Some(Method::Sendfile)),
            Options::new().sparse(Sparse::Always),
            Options::new().sparse(Sparse::Never),
        ];
        for options in ways {
            let report = Copier::new(options.clone()).copy_file(&source, &target).unwrap();
            assert_eq!(shared_and_own(&target).0, 0, "{options:?}");
            assert_eq!((report.bytes.cloned, report.bytes.moved), (0, 1 << 20));
        }
    });
}

#[test]
fn a_clone_is_a_copy_and_not_a_second_name() {
    on_those_that_share(|scratch| {
        let (source, target) = (scratch.join("a"), scratch.join("b"));
        Shape::dense(1 << 20).make(&source);
        warpcopy::copy(&source, &target).unwrap();
        let before = read(&source);
        std::os::unix::fs::FileExt::write_all_at(
            &File::options().write(true).open(&target).unwrap(),
            b"changed",
            4000,
        )
        .unwrap();
        assert!(read(&source) == before);
    });
}

#[test]
fn a_demanded_clone_works_for_small_and_empty_files_too() {
    on_those_that_share(|scratch| {
        let copier = Copier::new(Options::new().reflink(Reflink::Always));
        for len in [0, 1, 4095, 4097] {
            let (source, target) = (scratch.join("a"), scratch.join("b"));
            Shape::dense(len).make(&source);
            let report = copier.copy_file(&source, &target).unwrap();
            assert_eq!(report.bytes.len, len);
            assert_same_bytes(&source, &target);
        }
    });
}

/// A clone shares; what must hold no holes, or none of the source's zeros, cannot be one.
#[test]
fn demands_that_exclude_each_other_are_an_error_and_leave_nothing() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), bytes(100_000, 1));
    for sparse in [Sparse::Always, Sparse::Never] {
        let options = Options::new().reflink(Reflink::Always).sparse(sparse);
        assert!(Copier::new(options).copy_file(scratch.join("a"), scratch.join("b")).is_err());
        assert_only(scratch.path(), &["a"]);
    }
}
