//! One file of any shape by any method: the copy is the file, and the report adds up.
#![no_main]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use warpcopy::{Copier, Method, Options, Publish, Reflink, Sparse};

#[derive(Arbitrary, Debug)]
struct Case {
    len: u32,
    writes: Vec<(u32, u16, u8)>,
    method: u8,
    reflink: u8,
    sparse: u8,
    publish: u8,
    uncached: bool,
    preallocate: bool,
    old: Option<u16>,
}

/// Long enough for every threshold but that of many threads.
const LEN_MAX: u32 = 6 << 20;

fuzz_target!(|case: Case| {
    let scratch = tempfile::tempdir().expect("a temporary directory can be made");
    let (source, target) = (scratch.path().join("source"), scratch.path().join("target"));
    let file = File::create(&source).unwrap();
    let len = u64::from(case.len % LEN_MAX);
    file.set_len(len).unwrap();
    for (at, count, byte) in case.writes.iter().take(16) {
        let at = u64::from(*at) % len.max(1);
        let count = u64::from(*count).min(len - at.min(len));
        file.write_all_at(&vec![*byte; count as usize], at).unwrap();
    }
    drop(file);
    if let Some(old) = case.old {
        fs::write(&target, vec![0xAA; usize::from(old)]).unwrap();
    }
    let options = Options::new()
        .method(Method::ALL.get(usize::from(case.method % 8)).copied())
        .reflink([Reflink::Auto, Reflink::Never][usize::from(case.reflink % 2)])
        .sparse([Sparse::Auto, Sparse::Always, Sparse::Never][usize::from(case.sparse % 3)])
        .publish([Publish::Staged, Publish::Auto, Publish::InPlace][usize::from(case.publish % 3)])
        .uncached(case.uncached)
        .preallocate(case.preallocate);
    let report = Copier::new(options).copy_file(&source, &target).expect("a plain file is copied");
    assert!(fs::read(&source).unwrap() == fs::read(&target).unwrap(), "the bytes differ");
    let bytes = &report.bytes;
    assert_eq!(bytes.len, len);
    assert_eq!(bytes.moved + bytes.cloned + bytes.holes, len, "{bytes:?}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2, "something was left behind");
});
