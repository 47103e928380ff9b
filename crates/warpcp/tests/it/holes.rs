//! Holes stay holes, zeros become holes when asked for, and no doubtful answer about them costs data.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::methods::METHODS;
use crate::support::plant::{sparse, write};
use crate::support::trace::can_trace;
use crate::support::{
    Fs, Mounted, Scratch, Warpcp, assert_same_bytes, bytes, everywhere, has_tool, skip,
};

const MIB: u64 = 1 << 20;

fn blocks(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks()
}

everywhere! {
    // T28, E20: copy_file_range fills holes on ext4 and tmpfs: 4 KiB of data became 64 MiB.
    fn holes_stay_holes_by_every_method(scratch) {
        let source = scratch.join("source");
        let data = bytes(4096, 1);
        sparse(&source, 64 * MIB + 4096 + 3 * MIB + 17, &[(64 * MIB, &data)]);
        for method in METHODS {
            let target = scratch.join(method);
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            let (was, is) = (blocks(&source), blocks(&target));
            assert!(is <= was + 8, "{method}: {was} blocks became {is}");
        }
    }

    fn many_holes_stay_holes(scratch) {
        let source = scratch.join("source");
        let data = bytes(64 << 10, 2);
        let parts: Vec<(u64, &[u8])> =
            (0..40).map(|number| (number * MIB + (number % 3) * 4096, &data[..])).collect();
        sparse(&source, 50 * MIB + 1, &parts);
        for method in METHODS {
            let target = scratch.join(method);
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            let (was, is) = (blocks(&source), blocks(&target));
            assert!(is <= was + was / 8 + 64, "{method}: {was} blocks became {is}");
        }
    }

    fn a_file_that_is_nothing_but_a_hole_stays_one(scratch) {
        let source = scratch.join("source");
        sparse(&source, 7 * MIB + 5, &[]);
        for method in METHODS {
            let target = scratch.join(method);
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            assert!(blocks(&target) <= 8, "{method}: {} blocks", blocks(&target));
        }
    }

    fn zeros_become_holes_when_asked_for(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let mut content = vec![0; 8 * MIB as usize];
        content[3 << 20..][..5000].copy_from_slice(&bytes(5000, 3));
        content.extend(bytes(77, 4));
        write(&source, &content);
        Warpcp::copy("--sparse=always", &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        assert!(blocks(&target) * 512 < MIB, "{} blocks", blocks(&target));
    }

    fn a_file_of_zeros_becomes_one_hole(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        write(&source, vec![0; 5_000_001]);
        Warpcp::copy("--sparse=always", &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        assert!(blocks(&target) <= 16, "{} blocks", blocks(&target));
    }

    // As cp does with every file that has holes: XFS allocates 64 KiB where 4 KiB are written.
    fn zeros_in_short_pieces_of_a_sparse_file_take_no_room(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let mut piece = vec![0; 64 << 10];
        piece[60 << 10..].copy_from_slice(&bytes(4096, 6));
        sparse(&source, 8 * MIB, &[(MIB, &piece), (3 * MIB, &piece), (5 * MIB, &piece)]);
        Warpcp::copy("--reflink=never", &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        let (was, is) = (blocks(&source), blocks(&target));
        assert!(is < was / 2, "{was} blocks became {is}");
    }

    fn holes_are_filled_when_asked_for(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        sparse(&source, 6 * MIB, &[(MIB, &bytes(4096, 5))]);
        Warpcp::copy("--sparse=never", &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        assert!(blocks(&target) * 512 >= 6 * MIB, "{} blocks", blocks(&target));
    }

    // T29: zeros that are skipped over old data would bring the old data back.
    fn zeros_skipped_in_place_do_not_show_what_was_there(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        let mut content = vec![0; 4 * MIB as usize];
        content[MIB as usize..][..4096].copy_from_slice(&bytes(4096, 6));
        write(&source, &content);
        for options in ["--sparse=always --atomic=never", "--sparse=always", "--atomic=never"] {
            write(&target, bytes(6 << 20, 7));
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
        }
        sparse(&source, 4 * MIB, &[(MIB, &bytes(4096, 6))]);
        for method in METHODS {
            write(&target, bytes(6 << 20, 7));
            let options = format!("--atomic=never --method={method}");
            Warpcp::copy(&options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
        }
    }

    // T30: space reserved for a sparse file would stay reserved.
    fn reserving_space_does_not_fill_holes(scratch) {
        let (source, target) = (scratch.join("source"), scratch.join("target"));
        sparse(&source, 32 * MIB, &[(MIB, &bytes(4096, 8))]);
        for options in ["--preallocate", "--preallocate --sparse=always"] {
            Warpcp::copy(options, &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            assert!(blocks(&target) * 512 < MIB, "{} blocks", blocks(&target));
            fs::remove_file(&target).unwrap();
        }
    }

    // E12: reserving nothing is an error to the kernel.
    fn reserving_space_works_for_any_length(scratch) {
        for len in [0, 1, 4097, 5_000_001] {
            let (source, target) = (scratch.join("source"), scratch.join("target"));
            write(&source, bytes(len, 9));
            Warpcp::copy("--preallocate --reflink=never", &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            assert!(blocks(&target) * 512 <= len as u64 + MIB, "{} blocks", blocks(&target));
            fs::remove_file(&target).unwrap();
        }
    }

    // T24: "no data here" (ENXIO) at offset 0 turned whole files into zeros on ZFS.
    fn a_lie_that_there_is_no_data_costs_none(scratch) {
        if !can_trace() {
            return;
        }
        let source = scratch.join("source");
        sparse(&source, 8 * MIB, &[(0, &bytes(300_000, 10)), (5 * MIB, &bytes(300_000, 11))]);
        for error in ["ENXIO", "EINVAL", "EOPNOTSUPP", "ENOSYS"] {
            // From the third on, "nothing but a hole from here" is what a true file system says, too.
            for when in ["1", "2", "1+"] {
                let target = scratch.join(format!("{error}{when}"));
                // Read and write, so that only the search for data is at stake.
                let outcome = Warpcp::copy("-j1 --method=read_write", &source, &target)
                    .inject(&format!("lseek:error={error}:when={when}"))
                    .run()
                    .met_the_fault();
                // A second answer that contradicts the first may be an error; it may not cost data.
                if when == "2" && error != "ENXIO" && !outcome.is_success() {
                    outcome.assert_code(1);
                    assert!(!target.exists(), "{outcome}");
                    continue;
                }
                outcome.assert_code(0);
                assert_same_bytes(&source, &target);
            }
        }
    }

    // T25: a loop that ends at the first error of lseek leaves zeros behind.
    fn an_error_in_the_search_for_holes_never_makes_zeros(scratch) {
        if !can_trace() {
            return;
        }
        let source = scratch.join("source");
        sparse(&source, 8 * MIB, &[(0, &bytes(300_000, 12)), (5 * MIB, &bytes(300_000, 13))]);
        for when in 1..=4 {
            let target = scratch.join(format!("{when}"));
            let outcome = Warpcp::copy("-j1 --method=read_write", &source, &target)
                .inject(&format!("lseek:error=EIO:when={when}"))
                .run();
            if outcome.is_success() {
                assert_same_bytes(&source, &target);
            } else {
                outcome.assert_code(1);
                let outcome = outcome.says("Input/output error");
                assert!(outcome.stderr.contains("source"), "{outcome}");
                assert!(!target.exists(), "a part stayed: {outcome}");
            }
        }
    }

    // T27: what was written through a mapping into a hole is data before the kernel has allocated it.
    fn pages_written_through_a_mapping_are_copied(scratch) {
        if !has_tool("python3") {
            return;
        }
        let source = scratch.join("source");
        sparse(&source, 4 * MIB, &[(0, &bytes(4096, 14))]);
        let script = "import mmap, sys\n\
            file = open(sys.argv[1], 'r+b')\n\
            view = mmap.mmap(file.fileno(), 0)\n\
            view[2097152:2097157] = b'dirty'\n\
            view[-5:] = b'dirty'\n\
            print('ready', flush=True)\n\
            sys.stdin.readline()\n";
        for method in METHODS {
            let mut writer = Command::new("python3")
                .args(["-c", script])
                .arg(&source)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(writer.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            let target = scratch.join(method);
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            let copied = fs::read(&target).unwrap();
            assert_eq!(&copied[2 << 20..][..5], b"dirty", "{method}");
            assert_eq!(&copied[copied.len() - 5..], b"dirty", "{method}");
            writer.stdin.take().unwrap().write_all(b"\n").unwrap();
            assert!(writer.wait().unwrap().success());
        }
    }
}

// E06: a full length before the data makes a half copy look whole after a crash.
#[test]
fn reserving_space_does_not_set_the_length() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    write(&source, bytes(8 << 20, 15));
    // ext4 gains by it, so it is done unasked.
    for options in ["", "--preallocate", "-j1", "--method=read_write"] {
        let outcome = Warpcp::copy(options, &source, &target).trace("fallocate").succeeds();
        assert_same_bytes(&source, &target);
        assert_eq!(reserved(&outcome.trace), ["FALLOC_FL_KEEP_SIZE, 0, 8388608"], "{options}");
    }
}

#[test]
fn space_is_reserved_for_long_ranges_of_data_alone() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    sparse(&source, 64 * MIB, &[(4 * MIB, &bytes(4096, 17)), (8 * MIB, &bytes(2 << 20, 18))]);
    let outcome = Warpcp::copy("", &source, &target).trace("fallocate").succeeds();
    assert_same_bytes(&source, &target);
    assert_eq!(reserved(&outcome.trace), ["FALLOC_FL_KEEP_SIZE, 8388608, 2097152"]);
    assert!(blocks(&target) * 512 < 3 * MIB, "{} blocks", blocks(&target));

    write(&source, bytes((1 << 20) - 1, 19));
    let outcome = Warpcp::copy("", &source, &target).trace("fallocate").succeeds();
    assert_eq!(reserved(&outcome.trace), [""; 0]);
}

/// What was reserved: mode, offset and length as strace writes them.
fn reserved(trace: &str) -> Vec<&str> {
    let calls = trace.lines().filter_map(|line| line.split_once("fallocate("));
    calls.map(|(_, rest)| rest.split_once(", ").unwrap().1.split_once(')').unwrap().0).collect()
}

// T26: a file system that knows no holes answers "data" everywhere.
#[test]
fn files_of_a_squashfs_image_are_copied_whole() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !has_tool("mksquashfs") {
        return;
    }
    let planted = scratch.join("planted");
    fs::create_dir(&planted).unwrap();
    let mut content = vec![0; 6 << 20];
    content[2 << 20..][..9000].copy_from_slice(&bytes(9000, 16));
    write(planted.join("file"), &content);
    let image = scratch.join("image");
    let made = Command::new("mksquashfs")
        .args([&planted, &image])
        .args(["-quiet", "-no-progress"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let words = [Path::new("-o"), Path::new("loop,ro"), &image];
    let Some(mounted) = Mounted::new(words, &scratch.join("mounted")) else { return };
    let source = mounted.join("file");
    for options in ["", "-a", "--sparse=always", "--sparse=never", "--method=sendfile"] {
        let target = scratch.join(format!("target{options}"));
        Warpcp::copy(options, &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        if options == "--sparse=always" {
            assert!(blocks(&target) * 512 < MIB, "{} blocks", blocks(&target));
        }
    }
}

// T31: data written into reserved space is not compressed on Btrfs.
#[test]
fn copies_on_a_compressing_btrfs_are_compressed() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let mkfs = ["mkfs.btrfs", "-q"];
    let options = "compress-force=zstd";
    let Some(mounted) = Mounted::image(&scratch, "small", 512, &mkfs, options) else { return };
    let source = scratch.join("source");
    write(&source, b"compressible ".repeat(32 << 20 >> 4));
    let target = mounted.join("target");
    for options in ["", "--preallocate"] {
        Warpcp::copy(options, &source, &target).succeeds();
        assert_same_bytes(&source, &target);
        let sizes = Command::new("du").args(["--block-size=1"]).arg(&target).output().unwrap();
        let free = |path: &Path| rustix::fs::statvfs(path).map(|fs| fs.f_bfree * fs.f_frsize);
        sync(&target);
        let before = free(mounted.path()).unwrap();
        fs::remove_file(&target).unwrap();
        sync(mounted.path());
        let freed = free(mounted.path()).unwrap().saturating_sub(before);
        let shown = String::from_utf8_lossy(&sizes.stdout).into_owned();
        assert!(freed < 16 * MIB, "{options}: {freed} bytes of disk; du says {shown}");
    }
}

fn sync(path: &Path) {
    let file = fs::File::open(path).unwrap();
    rustix::fs::syncfs(&file).unwrap();
}

#[test]
fn sparse_files_arrive_on_every_other_file_system() {
    for (from, to) in crate::support::pairs().filter(|(from, to)| from != to) {
        let (Some(here), Some(there)) = (Scratch::on(from), Scratch::on(to)) else {
            skip("pairs", "needs two file systems");
            continue;
        };
        let source = here.join("source");
        sparse(&source, 30 * MIB + 3, &[(MIB, &bytes(70_000, 17)), (20 * MIB, &bytes(1, 18))]);
        for method in METHODS {
            let target = there.join(method);
            Warpcp::copy(&format!("--method={method}"), &source, &target).succeeds();
            assert_same_bytes(&source, &target);
            let (was, is) = (blocks(&source), blocks(&target));
            assert!(is <= was + 64, "{from} to {to} by {method}: {was} blocks became {is}");
        }
    }
}

/// A length that is set anew makes XFS write out what was written before: 1.6 of `cp`'s time.
#[test]
fn the_length_is_set_only_where_the_end_is_a_hole() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    if !can_trace() {
        return;
    }
    let (source, target) = (scratch.join("source"), scratch.join("target"));
    let data = bytes(1 << 16, 1);
    for (len, sets) in [(3 << 20, 1), ((2 << 20) + (1 << 16), 0)] {
        sparse(&source, len, &[(0, &data[..]), (2 << 20, &data[..])]);
        let outcome = Warpcp::copy("-j1", &source, &target).trace("ftruncate").succeeds();
        assert_eq!(outcome.trace.matches("ftruncate(").count(), sets, "{len}: {}", outcome.trace);
        assert_same_bytes(&source, &target);
        fs::remove_file(&target).unwrap();
    }
}
