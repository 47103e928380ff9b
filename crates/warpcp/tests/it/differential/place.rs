//! Where cases happen: a tree is planted, a program runs in it, and what there is afterwards is looked at.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxFlags};

use super::case::{Case, Content, HOLE, LARGE, Node, OTHER, PLACE, Thing, USUAL_UMASK};
use crate::support::plant;
use crate::support::run::NOBODY;
use crate::support::{Fs, Scratch};

/// How a run ended, and what it left.
pub(super) struct Outcome {
    /// The exit status, or the negative number of the signal that ended it.
    pub(super) status: i32,
    pub(super) hangs: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) tree: BTreeMap<Vec<u8>, Entry>,
    /// The order in which a program meets the names in each directory: by inode, and as they are listed.
    pub(super) order: Vec<Vec<u8>>,
}

impl Outcome {
    /// Whether it has this text on standard error.
    pub(super) fn says(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.stderr).contains(text)
    }
}

/// Everything that is compared of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    /// Which file it is: the first name that it had before, or has now if it is new.
    pub(super) file: Identity,
    pub(super) modified: Moment,
    /// Of new files only: looking at old ones changes it.
    pub(super) accessed: Option<Moment>,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
    /// Bytes of a file, text of a link, number of a device.
    pub(super) content: Vec<u8>,
    pub(super) has_holes: bool,
}

#[derive(Debug, PartialEq, Eq, Clone)]
pub(super) enum Identity {
    Old(String),
    New(String),
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Moment {
    At(i64, i64),
    /// Since the test began.
    Now,
}

/// A file system, an inode and when it was made: numbers are used again.
type Inode = (u32, u64, i64, u32);

/// A directory for one worker on each file system; programs run in the same one after each other, so that every
/// path in what they say is the same.
pub(super) struct Place {
    scratches: Vec<Scratch>,
    stdout: File,
    stderr: File,
    answers: PathBuf,
    began: i64,
}

/// Far above what any case needs.
const HANGS_AFTER: Duration = Duration::from_secs(10);

impl Place {
    pub(super) fn new(file_systems: &[Fs]) -> Place {
        let scratches: Vec<_> = file_systems.iter().filter_map(|fs| Scratch::on(*fs)).collect();
        let aside = &scratches[0];
        let stream = |name: &str| {
            File::options()
                .read(true)
                .append(true)
                .create_new(true)
                .mode(0o666)
                .open(aside.join(name))
                .unwrap()
        };
        let (stdout, stderr) = (stream("stdout"), stream("stderr"));
        let answers = aside.join("answers");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Place { stdout, stderr, answers, began: now.as_secs() as i64 - 5, scratches }
    }

    fn scratch(&self, fs: Fs) -> &Scratch {
        let found = self.scratches.iter().find(|scratch| scratch.fs() == fs);
        found.unwrap_or(&self.scratches[0])
    }

    /// Plants the case's tree, runs the program in it and looks; `None` if there can be no such tree.
    pub(super) fn run(&mut self, case: &Case, program: &Path) -> Option<Outcome> {
        let top = |fs, name: &str| self.scratch(fs).join(name);
        let tops: Vec<_> = std::iter::once(top(case.fs, "box"))
            .chain(case.other.map(|other| top(other, "away")))
            .collect();
        let outcome = self.run_in(case, program, &tops);
        tops.iter().for_each(|top| remove(top));
        outcome.ok()
    }

    fn run_in(&mut self, case: &Case, program: &Path, tops: &[PathBuf]) -> io::Result<Outcome> {
        // Some way below, so that no chain of links to `..` leads out of it.
        let roots: Vec<_> = tops.iter().map(|top| top.join("deep/er/w")).collect();
        for root in &roots {
            fs::create_dir_all(root)?;
            if case.by_nobody {
                for path in [root, root.parent().expect("it is below")] {
                    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))?;
                }
            }
        }
        let locate = Locate { roots: &roots };
        let _fifos = plant_all(case, &locate)?;
        let mut names = BTreeMap::new();
        let mut order = Vec::new();
        for (number, top) in tops.iter().enumerate() {
            identify(top, PREFIXES[number], &mut names, &mut order)?;
        }

        let (status, hangs) = self.start(case, program, &locate);
        let stdout = taken(&mut self.stdout);
        let stderr = taken(&mut self.stderr);
        let began = self.began;
        let mut look = Look { names, began, seen: BTreeMap::new(), tree: BTreeMap::new() };
        for (number, top) in tops.iter().enumerate() {
            look.at(top, PREFIXES[number])?;
        }
        look.read(tops);
        Ok(Outcome { status, hangs, stdout, stderr, tree: look.tree, order })
    }

    fn start(&mut self, case: &Case, program: &Path, locate: &Locate<'_>) -> (i32, bool) {
        let words = case.words.iter().map(|word| locate.word(word));
        let mut command;
        if case.umask == USUAL_UMASK {
            command = Command::new(program);
            command.arg0("cp");
        } else {
            command = Command::new("bash");
            let script = format!("umask {:03o} && exec -a cp \"$0\" \"$@\"", case.umask);
            command.arg("-c").arg(script).arg(program);
        }
        command.args(words.map(|word| OsStr::from_bytes(&word).to_owned()));
        command.current_dir(&locate.roots[0]).env_clear().env("LC_ALL", "C");
        command.envs(case.environment.iter().copied());
        command.stdin(if case.answers.is_empty() {
            Stdio::null()
        } else {
            fs::write(&self.answers, case.answers).unwrap();
            Stdio::from(File::open(&self.answers).unwrap())
        });
        command.stdout(self.stdout.try_clone().unwrap());
        command.stderr(self.stderr.try_clone().unwrap());
        if case.by_nobody {
            // The standard library clears the supplementary groups, too.
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().expect("the program starts");
        let pid = rustix::process::Pid::from_child(&child);
        let handle =
            rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        let mut ends = [rustix::event::PollFd::new(&handle, rustix::event::PollFlags::IN)];
        let limit = rustix::fs::Timespec { tv_sec: HANGS_AFTER.as_secs() as i64, tv_nsec: 0 };
        let hangs = rustix::event::poll(&mut ends, Some(&limit)) == Ok(0);
        if hangs {
            eprintln!("hangs: {program:?}\n{case}");
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        (status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)), hangs)
    }
}

fn taken(stream: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.seek(SeekFrom::Start(0)).unwrap();
    stream.read_to_end(&mut bytes).unwrap();
    stream.set_len(0).unwrap();
    bytes
}

/// What names in the first and in the other directory begin with, when they are shown.
const PREFIXES: [&[u8]; 2] = [b"", b"$OTHER"];

/// Where the case's places are.
struct Locate<'a> {
    roots: &'a [PathBuf],
}

impl Locate<'_> {
    /// The word with the directory in place of what stands for it.
    fn word(&self, word: &[u8]) -> Vec<u8> {
        for (place, root) in [PLACE, OTHER].into_iter().zip(self.roots) {
            if let Some(rest) = word.strip_prefix(place) {
                return [root.as_os_str().as_bytes(), rest].concat();
            }
        }
        word.to_vec()
    }

    fn path(&self, path: &[u8]) -> PathBuf {
        self.roots[0].join(OsStr::from_bytes(&self.word(path)))
    }
}

/// Makes everything; FIFOs stay open for reading and writing, so that nobody waits for the other side.
fn plant_all(case: &Case, locate: &Locate<'_>) -> io::Result<Vec<File>> {
    let mut fifos = Vec::new();
    for thing in &case.things {
        let path = locate.path(&thing.path);
        match &thing.node {
            Node::Dir => fs::create_dir(&path)?,
            Node::File(content) => fill(&path, *content)?,
            Node::Symlink(text) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(&locate.word(text)), &path)?;
            }
            Node::HardLink(first) => fs::hard_link(locate.path(first), &path)?,
            Node::Fifo => {
                rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?;
                fifos.push(File::options().read(true).write(true).open(&path)?);
            }
            Node::Socket => {
                rustix::fs::mknodat(CWD, &path, FileType::Socket, Mode::from_raw_mode(0o644), 0)?;
            }
            Node::Device => {
                let null = rustix::fs::makedev(1, 3);
                let mode = Mode::from_raw_mode(0o644);
                rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, mode, null)?;
            }
        }
    }
    // Last what would be in the way of the rest, and children before their parents, whose times they change.
    for thing in case.things.iter().rev() {
        dress(thing, &locate.path(&thing.path));
    }
    for root in locate.roots {
        set_times(root, 0);
        set_times(root.parent().expect("it is below"), 0);
    }
    Ok(fifos)
}

fn fill(path: &Path, content: Content) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    match content {
        Content::Empty => Ok(()),
        Content::Line(number) => file.write_all(format!("{number}\n").as_bytes()),
        Content::Large => file.write_all(&b"y\n".repeat(LARGE / 2)),
        Content::Holes => {
            file.set_len(2 * HOLE + 1)?;
            file.seek(SeekFrom::Start(HOLE))?;
            file.write_all(b"\n")
        }
    }
}

fn dress(thing: &Thing, path: &Path) {
    if matches!(thing.node, Node::HardLink(_)) {
        return;
    }
    if let Some(owner) = thing.owner {
        plant::owner(path, owner, owner);
    }
    if thing.has_xattr {
        plant::xattr(path, "user.note", b"note");
    }
    if thing.has_acl {
        plant::access_acl(path, &plant::some_acl(1001, 1002));
    }
    if thing.has_default_acl {
        plant::default_acl(path, &plant::some_acl(1002, 1001));
    }
    if let Some(mode) = thing.mode {
        plant::mode(path, mode);
    }
    set_times(path, thing.hour);
}

/// Times in the past, so that new ones are seen.
fn set_times(path: &Path, hour: u8) {
    let seconds = 1_000_000_000 + 3600 * i64::from(hour);
    plant::times(path, (seconds + 60, 6), (seconds, 7));
}

/// Remembers which inode has which name, and in which order names are met.
fn identify(
    directory: &Path,
    prefix: &[u8],
    names: &mut BTreeMap<Inode, String>,
    order: &mut Vec<Vec<u8>>,
) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let stat = look_at(&path)?;
        let name = [prefix, b"/", entry.file_name().as_bytes()].concat();
        found.push((stat.stx_ino, name, path, stat));
    }
    order.extend(found.iter().map(|(_, name, ..)| name.clone()));
    found.sort_by_key(|(number, ..)| *number);
    order.extend(found.iter().map(|(_, name, ..)| name.clone()));
    found.sort_by(|one, other| one.1.cmp(&other.1));
    for (_, name, path, stat) in found {
        let text = String::from_utf8_lossy(&name).into_owned();
        names.entry(inode(&stat)).or_insert(text);
        if u32::from(stat.stx_mode) & 0o170_000 == 0o040_000 {
            identify(&path, &name, names, order)?;
        }
    }
    Ok(())
}

fn look_at(path: &Path) -> io::Result<rustix::fs::Statx> {
    let what = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    Ok(rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, what)?)
}

fn inode(stat: &rustix::fs::Statx) -> Inode {
    (stat.stx_dev_minor, stat.stx_ino, stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)
}

/// No tree that is planted has names of this length: what does was copied into itself until there was no more room.
const DEEP: usize = 400;

struct Look {
    names: BTreeMap<Inode, String>,
    began: i64,
    /// New files by the name under which they were seen first.
    seen: BTreeMap<Inode, String>,
    tree: BTreeMap<Vec<u8>, Entry>,
}

impl Look {
    /// Looks at everything before anything is read: reading changes the times of access.
    fn at(&mut self, directory: &Path, prefix: &[u8]) -> io::Result<()> {
        let Ok(list) = fs::read_dir(directory) else { return Ok(()) };
        let mut names: Vec<_> =
            list.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        for name in names {
            let path = directory.join(&name);
            let name = [prefix, b"/", name.as_bytes()].concat();
            let metadata = fs::symlink_metadata(&path)?;
            let stat = look_at(&path)?;
            let inode = inode(&stat);
            let file = match self.names.get(&inode) {
                Some(old) => Identity::Old(old.clone()),
                None => {
                    let text = String::from_utf8_lossy(&name).into_owned();
                    Identity::New(self.seen.entry(inode).or_insert(text).clone())
                }
            };
            let moment = |seconds, nanoseconds| {
                if seconds >= self.began { Moment::Now } else { Moment::At(seconds, nanoseconds) }
            };
            let kind = metadata.file_type();
            let is_new = matches!(file, Identity::New(_));
            let entry = Entry {
                kind: if kind.is_dir() {
                    "directory"
                } else if kind.is_file() {
                    "file"
                } else if kind.is_symlink() {
                    "symlink"
                } else if kind.is_fifo() {
                    "fifo"
                } else if kind.is_socket() {
                    "socket"
                } else {
                    "device"
                },
                mode: metadata.mode() & 0o7777,
                owner: (metadata.uid(), metadata.gid()),
                file,
                modified: moment(metadata.mtime(), metadata.mtime_nsec()),
                accessed: is_new.then(|| moment(metadata.atime(), metadata.atime_nsec())),
                xattrs: crate::support::compare::xattrs(&path),
                content: if kind.is_symlink() {
                    fs::read_link(&path)?.into_os_string().into_encoded_bytes()
                } else if kind.is_char_device() || kind.is_block_device() {
                    metadata.rdev().to_string().into_bytes()
                } else {
                    Vec::new()
                },
                has_holes: kind.is_file() && metadata.blocks() * 512 + 4096 <= metadata.len(),
            };
            self.tree.insert(name.clone(), entry);
            if kind.is_dir() && name.len() < DEEP {
                self.at(&path, &name)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, tops: &[PathBuf]) {
        for (name, entry) in &mut self.tree {
            if entry.kind == "file" {
                let quiet = OFlags::NOFOLLOW.bits() as i32;
                let path = match name.strip_prefix(PREFIXES[1]) {
                    Some(rest) => tops[1].join(OsStr::from_bytes(&rest[1..])),
                    None => tops[0].join(OsStr::from_bytes(&name[1..])),
                };
                let opened = File::options().read(true).custom_flags(quiet).open(path);
                let read = opened.and_then(|mut file| file.read_to_end(&mut entry.content));
                if read.is_err() {
                    entry.content = b"unreadable".to_vec();
                }
            }
        }
    }
}

/// Removes a tree, whatever its modes are.
fn remove(top: &Path) {
    if !rustix::process::geteuid().is_root() {
        open_up(top);
    }
    if fs::remove_dir_all(top).is_err() {
        // rm(1) copes with trees that are deeper than there are descriptors.
        let removed = Command::new("rm").arg("-rf").arg("--").arg(top).status();
        assert!(removed.is_ok_and(|status| status.success()), "remove {}", top.display());
    }
}

fn open_up(directory: &Path) {
    plant::mode(directory, 0o700);
    let Ok(list) = fs::read_dir(directory) else { return };
    for entry in list.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}
