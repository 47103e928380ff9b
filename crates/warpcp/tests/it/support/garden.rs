//! Random trees of everything a file system can hold, grown from a seed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::plant;
use super::random::{Random, bytes};

/// Names that trip programs: options, quotes, control characters, bytes that are not UTF-8.
const ODD_NAMES: [&[u8]; 14] = [
    b"-rf",
    b"--help",
    b" leading and trailing ",
    b"new\nline",
    b"tab\tand\rreturn",
    b"quote'd",
    b"\"double\"",
    b"back\\slash",
    b"star*and?",
    b"$(touch injected)",
    b"\xff\xfe\x80 not utf-8",
    b"...",
    b"~",
    b"caf\xc3\xa9 \xe2\x86\x92 \xf0\x9f\xa6\x80",
];

/// Grows trees; what it may use depends on who runs it.
pub(crate) struct Garden {
    random: Random,
    is_root: bool,
    /// Regular files so far, to link to.
    files: Vec<PathBuf>,
    /// Everything but directories and symbolic links, to be given owners, modes and times.
    nodes: Vec<PathBuf>,
}

impl Garden {
    pub(crate) fn new(seed: u64) -> Garden {
        let is_root = rustix::process::geteuid().is_root();
        Garden { random: Random::new(seed), is_root, files: Vec::new(), nodes: Vec::new() }
    }

    /// Makes the directory `root` with `count` things in and below it, and dresses all of them.
    pub(crate) fn grow(&mut self, root: &Path, count: usize) {
        fs::create_dir(root).unwrap();
        let mut directories = vec![root.to_owned()];
        let mut symlinks = Vec::new();
        for number in 0..count {
            let path = self.random.pick(&directories).join(self.name(number));
            match self.random.below(20) {
                0..=3 => {
                    fs::create_dir(&path).unwrap();
                    directories.push(path);
                }
                4..=13 => self.file(&path),
                14 | 15 => {
                    self.symlink(&path);
                    symlinks.push(path);
                }
                16 | 17 => self.hard_link(&path),
                _ => self.special(&path),
            }
        }
        for path in std::mem::take(&mut self.nodes) {
            self.dress(&path);
        }
        for path in &symlinks {
            self.own(path);
            self.age(path);
        }
        // Children first: a directory's times come after everything in it.
        for path in directories.iter().rev() {
            self.dress(path);
        }
    }

    fn name(&mut self, number: usize) -> OsString {
        let mut name = match self.random.below(4) {
            0 => self.random.pick(&ODD_NAMES).to_vec(),
            1 if self.random.one_in(4) => vec![b'n'; 240],
            _ => b"name".to_vec(),
        };
        name.extend(format!(".{number}").into_bytes());
        OsString::from_vec(name)
    }

    fn file(&mut self, path: &Path) {
        let seed = self.random.next();
        match self.random.below(8) {
            0 => plant::write(path, b""),
            1 => {
                // A hole, data, a hole, data, and often a hole at the end.
                let data = bytes(8192 + self.random.below(70_000) as usize, seed);
                let end = 3 << 20;
                let tail = self.random.below(2) * (1 << 20) + self.random.below(5000);
                let parts: [(u64, &[u8]); 2] = [(1 << 20, &data), (end - data.len() as u64, &data)];
                plant::sparse(path, end + tail, &parts);
            }
            2 => plant::write(path, bytes(100_000 + self.random.below(900_000) as usize, seed)),
            3 => plant::write(path, vec![0; 4096 * self.random.below(64) as usize]),
            _ => plant::write(path, bytes(self.random.below(20_000) as usize, seed)),
        }
        self.files.push(path.to_owned());
        self.nodes.push(path.to_owned());
    }

    fn symlink(&mut self, path: &Path) {
        let text = match self.random.below(5) {
            0 => b"does not exist".to_vec(),
            1 => b"..".to_vec(),
            2 => b"/dev/null".to_vec(),
            3 => [b"long/".as_slice(), &vec![b'x'; 900]].concat(),
            _ => b"to \xfe nowhere".to_vec(),
        };
        std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&text), path).unwrap();
    }

    fn hard_link(&mut self, path: &Path) {
        if self.files.is_empty() {
            return self.file(path);
        }
        let first = self.random.pick(&self.files).clone();
        fs::hard_link(first, path).unwrap();
    }

    fn special(&mut self, path: &Path) {
        match self.random.below(4) {
            0 => plant::node(path, FileType::Socket, 0),
            1 if self.is_root => plant::node(path, FileType::CharacterDevice, 0x0103),
            2 if self.is_root => plant::node(path, FileType::BlockDevice, 0x0707),
            _ => plant::fifo(path),
        }
        self.nodes.push(path.to_owned());
    }

    fn dress(&mut self, path: &Path) {
        self.own(path);
        let is_directory = path.is_dir();
        let is_file = path.is_file();
        if self.random.one_in(4) && (is_file || is_directory) {
            self.attributes(path, is_directory);
        }
        if self.random.one_in(2) || !self.is_root {
            // Modes do not bind root; others must be able to read what they are to copy.
            let needed = match (self.is_root, is_directory) {
                (true, _) => 0,
                (false, true) => 0o500,
                (false, false) => 0o400,
            };
            let special = if self.random.one_in(4) { 0o7000 } else { 0 };
            plant::mode(path, self.random.next() as u32 & (0o777 | special) | needed);
        }
        if self.random.one_in(6) && self.is_root && is_file {
            plant::capability(path);
        }
        self.age(path);
    }

    fn own(&mut self, path: &Path) {
        if self.is_root && self.random.one_in(2) {
            let id = 1000 + self.random.below(3) as u32;
            plant::owner(path, id, id + self.random.below(2) as u32);
        }
    }

    fn attributes(&mut self, path: &Path, is_directory: bool) {
        let value = self.random.bytes(200);
        plant::xattr(path, "user.plain", b"value");
        plant::xattr(path, "user.bytes \u{e9}", &value);
        plant::xattr(path, "user.empty", b"");
        if self.is_root && self.random.one_in(2) {
            plant::trusted(path, "trusted.secret", &value[..20]);
        }
        if self.random.one_in(2) {
            plant::access_acl(path, &plant::some_acl(1001, 1002));
        }
        if is_directory && self.random.one_in(2) {
            plant::default_acl(path, &plant::some_acl(1002, 1001));
        }
    }

    fn age(&mut self, path: &Path) {
        // Before 1970, on the epoch, with every digit of a nanosecond, after 2038.
        const SECONDS: [i64; 6] =
            [-1_000_000_000, 0, 1, 1_610_000_000, 1_754_321_987, 4_000_000_000];
        let nanosecond = |random: &mut Random| random.below(1_000_000_000) as i64;
        let accessed = (*self.random.pick(&SECONDS), nanosecond(&mut self.random));
        let modified = (*self.random.pick(&SECONDS), nanosecond(&mut self.random));
        plant::times(path, accessed, modified);
    }
}
