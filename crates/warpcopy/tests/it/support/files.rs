//! Files of any shape, and what became of them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use warpcopy::Method;

/// Bytes without a zero among them; the seed tells files apart.
pub(crate) fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut block = [0_u8; 8192];
    for byte in &mut block {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 33) as u8 | 1;
    }
    // Blocks are alike but for their number: fast enough for large files in an unoptimized build.
    let mut bytes = Vec::with_capacity(len + block.len());
    let mut number = 0_u32;
    while bytes.len() < len {
        let at = bytes.len();
        bytes.extend_from_slice(&block);
        bytes[at..at + 4].copy_from_slice(&(number | 0x0101_0101).to_le_bytes());
        number += 2;
    }
    bytes.truncate(len);
    bytes
}

/// A file as data: its length and where it holds bytes. The rest is holes.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) len: u64,
    pub(crate) data: Vec<(u64, u64)>,
}

impl Shape {
    pub(crate) fn dense(len: u64) -> Shape {
        Shape { name: format!("dense-{len}"), len, data: vec![(0, len)] }
    }

    pub(crate) fn sparse(name: &str, len: u64, data: &[(u64, u64)]) -> Shape {
        Shape { name: name.to_owned(), len, data: data.to_vec() }
    }

    pub(crate) fn make(&self, path: &Path) {
        let file = File::create(path).unwrap();
        file.set_len(self.len).unwrap();
        for (number, (start, len)) in self.data.iter().enumerate() {
            file.write_all_at(&bytes(*len as usize, number as u64 + self.len), *start).unwrap();
        }
        // Block counts of files that are not on disk yet are guesses.
        file.sync_all().unwrap();
    }
}

/// Where a file holds data, as its file system tells.
pub(crate) fn data_ranges(path: &Path) -> Vec<(u64, u64)> {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    let mut ranges = Vec::new();
    let mut at = 0;
    loop {
        let start = match seek(&file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return ranges,
            Err(errno) => panic!("holes of {}: {errno}", path.display()),
        };
        at = seek(&file, SeekFrom::Hole(start)).unwrap();
        ranges.push((start, at));
    }
}

/// The bytes that a file occupies.
pub(crate) fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

#[track_caller]
pub(crate) fn assert_same_bytes(a: &Path, b: &Path) {
    let (a_len, b_len) = (fs::metadata(a).unwrap().len(), fs::metadata(b).unwrap().len());
    assert_eq!(a_len, b_len, "lengths of {} and {}", a.display(), b.display());
    let (a_file, b_file) = (File::open(a).unwrap(), File::open(b).unwrap());
    let (mut x, mut y) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut at = 0;
    while at < a_len {
        let count = (a_len - at).min(1 << 20) as usize;
        a_file.read_exact_at(&mut x[..count], at).unwrap();
        b_file.read_exact_at(&mut y[..count], at).unwrap();
        let place = || format!("{} and {} differ near {at}", a.display(), b.display());
        assert!(x[..count] == y[..count], "{}", place());
        at += count as u64;
    }
}

/// Everything below a directory: relative path and what it is.
pub(crate) fn listing(root: &Path) -> BTreeSet<String> {
    fn walk(root: &Path, at: &Path, out: &mut BTreeSet<String>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let is_directory = fs::symlink_metadata(&path).unwrap().is_dir();
            let relative = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            out.insert(if is_directory { format!("{relative}/") } else { relative });
            if is_directory {
                walk(root, &path, out);
            }
        }
    }
    let mut out = BTreeSet::new();
    walk(root, root, &mut out);
    out
}

/// Names and contents below two directories are the same; so are what links say, and modes and times if wanted.
#[track_caller]
pub(crate) fn assert_same_tree(source: &Path, target: &Path, with_attributes: bool) {
    let names = listing(source);
    assert_eq!(names, listing(target));
    for name in names {
        let (from, to) = (source.join(&name), target.join(&name));
        let (was, is) = (fs::symlink_metadata(&from).unwrap(), fs::symlink_metadata(&to).unwrap());
        assert_eq!(was.file_type(), is.file_type(), "{name}");
        if was.is_file() {
            assert_same_bytes(&from, &to);
        }
        if was.is_symlink() {
            assert_eq!(fs::read_link(&from).unwrap(), fs::read_link(&to).unwrap(), "{name}");
        }
        if with_attributes {
            let times = |of: &fs::Metadata| (of.mtime(), of.mtime_nsec());
            assert_eq!(times(&was), times(&is), "time of {name}");
            assert_eq!(was.mode(), is.mode(), "mode of {name}");
            assert_eq!((was.uid(), was.gid()), (is.uid(), is.gid()), "owner of {name}");
        }
    }
}

pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

pub(crate) fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// Seconds and nanoseconds of the last change of content.
pub(crate) fn modified(path: &Path) -> (i64, i64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.mtime(), metadata.mtime_nsec())
}

/// Sets the time of the last change of content.
pub(crate) fn set_modified(path: &Path, seconds: u64, nanoseconds: u32) {
    let file = OpenOptions::new().read(true).open(path).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    file.set_modified(time).unwrap();
}

pub(crate) fn make_fifo(path: &Path) {
    let words = ["-m", "644"];
    let made = std::process::Command::new("mkfifo").args(words).arg(path).status().unwrap();
    assert!(made.success());
}

/// Makes a character device; `false` where that is forbidden.
pub(crate) fn make_device(path: &Path, major: u32, minor: u32) -> bool {
    let numbers = [major.to_string(), minor.to_string()];
    let made =
        std::process::Command::new("mknod").arg(path).arg("c").args(numbers).status().unwrap();
    made.success()
}

/// The code of an error of the library.
pub(crate) fn errno(error: &warpcopy::Error) -> Option<Errno> {
    let code = error.io_error().and_then(io::Error::raw_os_error);
    code.map(Errno::from_raw_os_error)
}

/// Nothing lies in a directory but these names.
#[track_caller]
pub(crate) fn assert_only(directory: &Path, names: &[&str]) {
    let found: BTreeSet<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    let expected: BTreeSet<PathBuf> = names.iter().map(PathBuf::from).collect();
    assert_eq!(found, expected);
}

/// A file system of 1 MiB.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    #[track_caller]
    pub(crate) fn new(scratch: &super::Scratch) -> Option<SmallDisk> {
        if std::env::var_os("WARPCOPY_TEST_MOUNTS").is_none_or(|value| value != "1") {
            super::skip("mounts", "run scripts/test as root");
            return None;
        }
        let at = scratch.join("small");
        fs::create_dir(&at).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=1m", "warpcopy-it"];
        let mounted = std::process::Command::new("mount").args(words).arg(&at).status().unwrap();
        assert!(mounted.success());
        Some(SmallDisk(at))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Runs `act` again and again on another thread while `body` runs.
pub(crate) fn meanwhile<T>(act: impl Fn() + std::marker::Sync, body: impl FnOnce() -> T) -> T {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                act();
            }
        });
        // Also when the body panics: else the scope waits for ever.
        let _over = Over(&is_over);
        body()
    })
}

/// Every method that there is here, and none in particular.
pub(crate) fn every_method() -> impl Iterator<Item = Option<Method>> {
    Method::ALL.into_iter().filter(|method| method.is_available()).map(Some).chain([None])
}
