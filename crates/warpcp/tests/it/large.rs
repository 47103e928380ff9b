//! Past two and four gigabytes: where counts overflow and one call is not enough.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::support::{Fs, Scratch, Warpcp, assert_same_bytes, bytes};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const BLOCK: u64 = 64 * MIB;

/// Makes a file whose blocks in `data` are there; they share one extent, but each begins with its own number.
fn shared(path: &Path, len: u64, data: std::ops::Range<u64>) {
    let seed = path.with_extension("seed");
    fs::write(&seed, bytes(BLOCK as usize, 1)).unwrap();
    let seed = File::open(&seed).unwrap();
    let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    file.set_len(len).unwrap();
    let mut at = data.start;
    while at < data.end {
        let (mut from, mut to) = (0, at);
        let wanted = BLOCK.min(data.end - at) as usize;
        while (from as usize) < wanted {
            let rest = wanted - from as usize;
            let moved =
                rustix::fs::copy_file_range(&seed, Some(&mut from), &file, Some(&mut to), rest);
            assert!(moved.unwrap() > 0);
        }
        file.write_all_at(&at.to_le_bytes(), at).unwrap();
        at += BLOCK;
    }
    file.sync_all().unwrap();
}

/// Compares both ends of every block, and what lies around the limits of 31 and 32 bits.
fn assert_same_samples(source: &Path, target: &Path) {
    let (source, target) = (File::open(source).unwrap(), File::open(target).unwrap());
    let len = source.metadata().unwrap().len();
    assert_eq!(len, target.metadata().unwrap().len());
    let limits = [2 * GIB, 4 * GIB, 0x7fff_f000].map(|limit| limit - 8192);
    let ends = (0..len.div_ceil(BLOCK)).flat_map(|n| [n * BLOCK, n * BLOCK + BLOCK / 2]);
    for at in ends.chain(limits).chain([len.saturating_sub(16_384)]).filter(|at| *at < len) {
        let (mut was, mut is) = (vec![0; 16_384], vec![0; 16_384]);
        let (many, as_many) =
            (source.read_at(&mut was, at).unwrap(), target.read_at(&mut is, at).unwrap());
        assert!(many == as_many && was == is, "different at {at}");
    }
}

// T11, E19: one call moves at most 2,147,479,552 bytes and says nothing about the rest.
#[test]
fn five_gigabytes_arrive_by_the_methods_that_may_share() {
    for fs in [Fs::Xfs, Fs::Btrfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        shared(&source, 5 * GIB + 12_345, 0..5 * GIB);
        for options in ["", "--method=copy_file_range", "--reflink=always", "-a --atomic=always"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_samples(&source, &target);
            fs::remove_file(&target).unwrap();
        }
    }
}

// T11, E20: holes before and behind three gigabytes of data.
#[test]
fn a_sparse_file_of_five_gigabytes_stays_sparse() {
    for fs in [Fs::Xfs, Fs::Btrfs] {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        shared(&source, 5 * GIB, GIB..4 * GIB);
        for options in ["", "--method=copy_file_range", "--method=clone"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_samples(&source, &target);
            let blocks = fs::metadata(&target).unwrap().blocks();
            assert!(blocks * 512 <= 3 * GIB + 64 * MIB, "{blocks} blocks");
            fs::remove_file(&target).unwrap();
        }
    }
}

fn two_gigabytes(from: Fs, to: Fs, method: &str) {
    let (Some(here), Some(there)) = (Scratch::on(from), Scratch::on(to)) else { return };
    let (source, target) = (here.join("source"), there.join("target"));
    shared(&source, 2 * GIB + 5 * MIB + 1, 0..2 * GIB + 5 * MIB);
    Warpcp::copy(&format!("--reflink=never --method={method}"), &source, &target).succeeds();
    assert_same_samples(&source, &target);
    let wanted = 2 * GIB / 512;
    assert!(fs::metadata(&target).unwrap().blocks() >= wanted, "bytes are missing");
}

// T11: counts of more than 31 bits, by each method that moves the bytes.
#[test]
fn two_gigabytes_arrive_by_sendfile() {
    two_gigabytes(Fs::Xfs, Fs::Ext4, "sendfile");
}

#[test]
fn two_gigabytes_arrive_by_reading_and_writing() {
    two_gigabytes(Fs::Btrfs, Fs::Tmpfs, "read_write");
}

#[test]
fn two_gigabytes_arrive_directly() {
    two_gigabytes(Fs::Xfs, Fs::Xfs, "direct");
}

#[test]
fn two_gigabytes_arrive_uncached() {
    two_gigabytes(Fs::Btrfs, Fs::Ext4, "uncached");
}

// T11: far apart, so that most of the offsets need 33 bits and more.
#[test]
fn data_far_out_in_a_sparse_file_is_found_by_every_method() {
    for fs in Fs::FULL {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let source = scratch.join("source");
        let data = bytes(70_000, 2);
        let places = [0, 2 * GIB - 4096, 4 * GIB - 4096, 5 * GIB, 6 * GIB + 4096];
        let parts: Vec<(u64, &[u8])> = places.iter().map(|at| (*at, &data[..])).collect();
        crate::support::plant::sparse(&source, 7 * GIB + 1, &parts);
        for method in crate::methods::METHODS {
            let target = scratch.join("target");
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            let (was, is) = (File::open(&source).unwrap(), File::open(&target).unwrap());
            assert_eq!(was.metadata().unwrap().len(), is.metadata().unwrap().len());
            for at in places {
                let mut found = vec![0; data.len()];
                is.read_exact_at(&mut found, at).unwrap();
                assert!(found == data, "{fs} by {method}: different at {at}");
            }
            let blocks = is.metadata().unwrap().blocks();
            assert!(blocks <= was.metadata().unwrap().blocks() + 256, "{fs} by {method}: {blocks}");
            fs::remove_file(&target).unwrap();
        }
    }
}

// What has holes and data in a thousand places: the whole of it is compared.
#[test]
fn a_thousand_segments_arrive_in_their_places() {
    for fs in Fs::FULL {
        let Some(scratch) = Scratch::on(fs) else { continue };
        let source = scratch.join("source");
        let data = bytes(8192, 3);
        let parts: Vec<(u64, &[u8])> =
            (0..1000).map(|n| (n * 32_768 + (n % 7) * 4096, &data[..])).collect();
        crate::support::plant::sparse(&source, 1000 * 32_768 + 5, &parts);
        for method in crate::methods::METHODS {
            let target = scratch.join(method);
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            assert_same_bytes(&source, &target);
        }
    }
}
