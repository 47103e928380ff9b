//! Every method gives what reading and writing gives: that is the oracle.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use warpcopy::{Copier, FileReport, Method, Options, Preserve, Reflink, Sparse};

use crate::support::*;

fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<_> = [0, 1, 511, 512, 4095, 4096, 4097, 65536, (1 << 20) + 1, 40 << 20]
        .into_iter()
        .map(Shape::dense)
        .collect();
    const K: u64 = 1 << 10;
    let every_other: Vec<_> = (0..16).map(|number| (number * 128 * K, 64 * K)).collect();
    shapes.extend([
        Shape::sparse("nothing but a hole", K * K + 1, &[]),
        Shape::sparse("a great hole", 40 * K * K, &[]),
        Shape::sparse("a hole at the start", K * K, &[(768 * K, 256 * K)]),
        Shape::sparse("a hole at the end", K * K + 3, &[(0, 64 * K)]),
        Shape::sparse("a hole in the middle", K * K, &[(0, 64 * K), (960 * K, 64 * K)]),
        Shape::sparse("every other", 2 * K * K, &every_other),
        Shape::sparse("one byte at the end", K * K + 1, &[(K * K, 1)]),
        Shape::sparse("one byte in the middle", K * K, &[(500_001, 1)]),
        Shape::sparse(
            "great with little",
            40 * K * K,
            &[(20 * K * K, 128 * K), (40 * K * K - 1, 1)],
        ),
    ]);
    shapes
}

/// What a copy is, but for its name.
#[derive(Debug, PartialEq)]
struct Looks {
    len: u64,
    mode: u32,
    modified: (i64, i64),
    owner: (u32, u32),
    data: Vec<(u64, u64)>,
}

fn looks(path: &Path) -> Looks {
    let metadata = fs::metadata(path).unwrap();
    Looks {
        len: metadata.len(),
        mode: metadata.mode(),
        modified: modified(path),
        owner: (metadata.uid(), metadata.gid()),
        data: data_ranges(path),
    }
}

fn copy(source: &Path, target: &Path, options: Options) -> FileReport {
    let options = options.preserve(Preserve::all());
    let report = Copier::new(options).copy_file(source, target).unwrap();
    let bytes = &report.bytes;
    assert_eq!(bytes.len, fs::metadata(source).unwrap().len());
    assert_eq!(bytes.moved + bytes.cloned + bytes.holes, bytes.len, "{bytes:?}");
    report
}

everywhere! {
    fn every_method_gives_what_reading_and_writing_gives(scratch) {
        for shape in shapes() {
            let source = scratch.join("source");
            shape.make(&source);
            set_mode(&source, 0o640);
            set_modified(&source, 1_600_000_000, 123_456_789);
            let plain = scratch.join("plain");
            copy(&source, &plain, Options::new().method(Some(Method::ReadWrite)));
            assert_same_bytes(&source, &plain);
            let expected = looks(&plain);
            for method in every_method() {
                let target = scratch.join("target");
                let report = copy(&source, &target, Options::new().method(method));
                assert_same_bytes(&source, &target);
                let found = looks(&target);
                // A clone has the source's own holes; the others have those that the oracle has.
                let expected = match report.bytes.method {
                    Some(Method::Clone) => Looks { data: data_ranges(&source), ..looks(&plain) },
                    _ => looks(&plain),
                };
                assert_eq!(found, expected, "{} by {method:?}", shape.name);
                let names = report.refusals.iter().map(|refusal| refusal.method);
                assert!(!names.clone().any(|name| name == Method::ReadWrite), "{report:?}");
                if let Some(asked) = method {
                    let used = report.bytes.method;
                    // "Nothing but a hole" is not believed of every file system: such a source is read.
                    let is_read_for_safety = report.bytes.moved == 0;
                    let is_reported = is_read_for_safety
                        || used == Some(asked)
                        || names.clone().any(|name| name == asked);
                    assert!(is_reported, "{} by {asked}: {report:?}", shape.name);
                }
            }
            assert_eq!(looks(&plain), expected);
        }
    }

    fn runs_of_zeros_become_holes_whatever_the_method(scratch) {
        const LEN: usize = 4 << 20;
        let source = scratch.join("source");
        let mut content = vec![0; LEN + 5];
        content[1 << 20..][..4096].copy_from_slice(&bytes(4096, 1));
        content[3 << 20..][..100].copy_from_slice(&bytes(100, 2));
        write(&source, &content);
        for method in every_method() {
            let target = scratch.join("target");
            let options = Options::new().sparse(Sparse::Always).method(method);
            let report = copy(&source, &target, options);
            assert!(read(&target) == content, "{method:?}");
            assert!(allocated(&target) <= 128 << 10, "{method:?}: {}", allocated(&target));
            assert!(report.bytes.holes >= LEN as u64 - (16 << 10), "{method:?}: {report:?}");
        }
    }

    fn where_no_holes_are_wanted_there_are_none(scratch) {
        let source = scratch.join("source");
        Shape::sparse("a hole", 2 << 20, &[(1 << 20, 4096)]).make(&source);
        for method in every_method() {
            let target = scratch.join("target");
            let options = Options::new().sparse(Sparse::Never).method(method);
            let report = copy(&source, &target, options);
            assert_same_bytes(&source, &target);
            data_ranges(&target);
            assert!(allocated(&target) >= 2 << 20, "{method:?}: {}", allocated(&target));
            assert_eq!(report.bytes.holes, 0, "{method:?}");
        }
    }

    fn never_sharing_uses_no_method_that_might(scratch) {
        let source = scratch.join("source");
        Shape::dense(1 << 20).make(&source);
        for method in every_method() {
            let target = scratch.join("target");
            let report =
                copy(&source, &target, Options::new().reflink(Reflink::Never).method(method));
            let used = report.bytes.method;
            assert!(![Some(Method::Clone), Some(Method::CopyRange)].contains(&used), "{used:?}");
            assert_same_bytes(&source, &target);
        }
    }
}

/// Threads help with what is in tmpfs, and what several move is read and written. What one thread does instead is the
/// ladder's own test.
#[test]
fn a_big_file_moved_by_several_threads_is_the_same_file() {
    let Some(memory) = Scratch::on(Fs::Tmpfs) else { return };
    let source = memory.join("source");
    Shape::dense((129 << 20) + 12_345).make(&source);
    for to in [Fs::Tmpfs, Fs::Ext4, Fs::Xfs] {
        let Some(there) = Scratch::on(to) else { continue };
        for threads in [1, 2, 3, 8] {
            let target = there.join("target");
            let workers = std::num::NonZeroUsize::new(threads);
            let report = copy(&source, &target, Options::new().workers(workers));
            let is_read = report.bytes.method == Some(Method::ReadWrite);
            assert!(is_read || threads == 1, "{report:?}");
            assert_same_bytes(&source, &target);
        }
    }
}

/// Between every two file systems there are, by every method.
#[test]
fn every_method_works_between_every_two_file_systems() {
    let shapes = [
        Shape::dense(1),
        Shape::dense((1 << 20) + 1),
        Shape::sparse("a hole", 2 << 20, &[(0, 4096), (1 << 20, 70_000)]),
    ];
    for from in Fs::ALL {
        for to in Fs::ALL {
            if from == to || from.directory().is_none() || to.directory().is_none() {
                continue;
            }
            let (here, there) = (Scratch::on(from).unwrap(), Scratch::on(to).unwrap());
            for shape in &shapes {
                shape.make(&here.join("source"));
                for method in every_method() {
                    let options = Options::new().method(method);
                    copy(&here.join("source"), &there.join("target"), options);
                    assert_same_bytes(&here.join("source"), &there.join("target"));
                    let occupied = allocated(&there.join("target"));
                    assert!(occupied < shape.len.min(1 << 20) + (256 << 10), "{method:?}");
                }
            }
        }
    }
}
