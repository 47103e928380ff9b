//! One command line in one place, and the shell commands that a person would type to have it again.

use std::fmt;

use crate::support::Fs;

/// A tree, a command line and what surrounds them.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) fs: Fs,
    /// Where `$OTHER` is: a directory on another file system.
    pub(super) other: Option<Fs>,
    /// Whether an ordinary user runs the command; the tree is made by root all the same.
    pub(super) by_nobody: bool,
    pub(super) umask: u32,
    /// Parents come before children, files before their other names.
    pub(super) things: Vec<Thing>,
    /// Options and operands. `$PWD` at the beginning of a word stands for the directory itself, `$OTHER` for the other one.
    pub(super) words: Vec<Vec<u8>>,
    pub(super) environment: Vec<(&'static str, &'static str)>,
    /// What is on standard input.
    pub(super) answers: &'static str,
}

/// The mask that nobody has to be told.
pub(super) const USUAL_UMASK: u32 = 0o022;

/// One name in the tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thing {
    pub(super) path: Vec<u8>,
    pub(super) node: Node,
    pub(super) mode: Option<u32>,
    /// User and group.
    pub(super) owner: Option<u32>,
    /// When it was modified: few different moments, so that some are the same.
    pub(super) hour: u8,
    pub(super) has_xattr: bool,
    pub(super) has_acl: bool,
    pub(super) has_default_acl: bool,
}

/// What has the name. Link texts know `$PWD` and `$OTHER`, too.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Dir,
    File(Content),
    Symlink(Vec<u8>),
    /// Another name of an earlier thing.
    HardLink(Vec<u8>),
    Fifo,
    Socket,
    /// As /dev/null.
    Device,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    Empty,
    /// A line that tells files apart.
    Line(u8),
    /// More than a copier moves in small pieces.
    Large,
    /// A hole, a line, a hole.
    Holes,
}

pub(super) const LARGE: usize = 70_000;
pub(super) const HOLE: u64 = 256 << 10;

pub(super) const PLACE: &[u8] = b"$PWD";
pub(super) const OTHER: &[u8] = b"$OTHER";

impl Thing {
    pub(super) fn new(path: Vec<u8>, node: Node) -> Thing {
        Thing {
            path,
            node,
            mode: None,
            owner: None,
            hour: 0,
            has_xattr: false,
            has_acl: false,
            has_default_acl: false,
        }
    }

    /// Whether this thing is, or lies below, `path`.
    pub(super) fn is_below(&self, path: &[u8]) -> bool {
        let rest = self.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl Case {
    /// Whether it neither waits for ever nor leaves its place.
    pub(super) fn is_harmless(&self) -> bool {
        let is_absolute = |path: &[u8]| path.starts_with(b"/");
        let leads_away = |thing: &Thing| {
            let text = match &thing.node {
                Node::Symlink(text) | Node::HardLink(text) => text,
                _ => &Vec::new(),
            };
            text.starts_with(OTHER) || thing.path.starts_with(OTHER)
        };
        let is_away = self.things.iter().any(leads_away)
            || self.words.iter().any(|word| word.starts_with(OTHER));

        let leads_out =
            |thing: &Thing| matches!(&thing.node, Node::Symlink(text) if is_absolute(text));
        // What an empty target means depends on the version of the system's library.
        let has_empty_target = self.words.iter().any(Vec::is_empty);
        !has_empty_target
            && (self.other.is_some() || !is_away)
            && !self.would_read_fifos()
            && !self.words.iter().any(|word| is_absolute(word))
            && !self.words.iter().any(|word| word.windows(2).any(|pair| pair == b"=/"))
            && !self
                .words
                .iter()
                .any(|word| word.starts_with(b"-") && word.windows(2).any(|pair| pair == b"t/"))
            && !self.things.iter().any(leads_out)
    }

    /// Whether a FIFO among the sources would be read, for ever.
    fn would_read_fifos(&self) -> bool {
        let has_fifo = self.things.iter().any(|thing| thing.node == Node::Fifo);
        let is_option = |word: &&Vec<u8>| word.starts_with(b"-");
        let options: Vec<_> = self.words.iter().filter(is_option).collect();
        let is_recursive = |word: &&&Vec<u8>| {
            let is_short = !word.starts_with(b"--");
            (is_short && word.iter().any(|byte| b"rRa".contains(byte)))
                || word.starts_with(b"--r")
                || word.starts_with(b"--a")
        };
        let reads = options.iter().any(|word| word.starts_with(b"--c"));
        has_fifo && (reads || !options.iter().any(|word| is_recursive(&word)))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  cd \"$(mktemp -d {})\" && mkdir w && cd w", directory(self.fs))?;
        if let Some(other) = self.other {
            writeln!(f, "  OTHER=$(mktemp -d {})", directory(other))?;
        }
        for thing in &self.things {
            writeln!(f, "  {}", thing.command())?;
        }
        for thing in &self.things {
            for line in thing.attributes() {
                writeln!(f, "  {line}")?;
            }
        }
        for thing in self.things.iter().rev() {
            if thing.hour > 0 {
                let hour = thing.hour;
                writeln!(f, "  touch -hd '2001-09-09 {hour:02}:00' {}", operand(&thing.path))?;
            }
        }
        if self.by_nobody {
            writeln!(f, "  chown -h 1234:1234 .  # and the command by that user")?;
        }
        write!(f, "  ")?;
        if self.umask != USUAL_UMASK {
            write!(f, "umask {:03o}; ", self.umask)?;
        }
        if !self.answers.is_empty() {
            write!(f, "printf {} | ", quoted(self.answers.as_bytes()))?;
        }
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value.as_bytes()))?;
        }
        write!(f, "cp")?;
        for word in &self.words {
            write!(f, " {}", quoted(word))?;
        }
        Ok(())
    }
}

fn directory(fs: Fs) -> String {
    match fs {
        Fs::Tmpfs => "-p /dev/shm".to_owned(),
        fs => format!("-p {fs}"),
    }
}

impl Thing {
    fn command(&self) -> String {
        let path = operand(&self.path);
        match &self.node {
            Node::Dir => format!("mkdir {path}"),
            Node::File(Content::Empty) => format!(": >{path}"),
            Node::File(Content::Line(number)) => format!("echo {number} >{path}"),
            Node::File(Content::Large) => format!("yes | head -c {LARGE} >{path}"),
            Node::File(Content::Holes) => {
                format!(
                    "{{ truncate -s {HOLE} {path}; echo >>{path}; truncate -s +{HOLE} {path}; }}"
                )
            }
            Node::Symlink(text) => format!("ln -s -- {} {path}", quoted(text)),
            Node::HardLink(first) => format!("ln -P {} {path}", operand(first)),
            Node::Fifo => format!("mkfifo {path}; exec {{fd}}<>{path}"),
            Node::Socket => format!(
                "python3 -c 'import os, stat, sys; os.mknod(sys.argv[1], stat.S_IFSOCK | 0o644)' {path}"
            ),
            Node::Device => format!("mknod {path} c 1 3"),
        }
    }

    fn attributes(&self) -> Vec<String> {
        let path = operand(&self.path);
        let mut lines = Vec::new();
        if let Some(owner) = self.owner {
            lines.push(format!("chown -h {owner}:{owner} {path}"));
        }
        if self.has_xattr {
            lines.push(format!("setfattr -n user.note -v note {path}"));
        }
        if self.has_acl {
            lines.push(format!("setfacl -m u::rw,u:1001:rwx,g::r,g:1002:rx,m::rwx,o::r {path}"));
        }
        if self.has_default_acl {
            lines.push(format!("setfacl -d -m u::rw,u:1002:rwx,g::r,g:1001:rx,m::rwx,o::r {path}"));
        }
        if let Some(mode) = self.mode {
            lines.push(format!("chmod {mode:04o} {path}"));
        }
        lines
    }
}

/// A path as an operand that is no option.
fn operand(path: &[u8]) -> String {
    if path.starts_with(b"-") { quoted(&[b"./", path].concat()) } else { quoted(path) }
}

/// A word as bash reads it.
fn quoted(word: &[u8]) -> String {
    for place in [PLACE, OTHER] {
        if let Some(rest) = word.strip_prefix(place) {
            let rest = if rest.is_empty() { String::new() } else { quoted(rest) };
            return format!("\"{}\"{rest}", String::from_utf8_lossy(place));
        }
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./=,+:".contains(byte);
    if !word.is_empty() && word.iter().all(is_plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    if word.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\'') {
        return format!("'{}'", String::from_utf8_lossy(word));
    }
    let mut text = "$'".to_owned();
    for byte in word {
        match byte {
            b'\n' => text += "\\n",
            b'\t' => text += "\\t",
            b'\'' => text += "\\'",
            b'\\' => text += "\\\\",
            b' '..=b'~' => text.push(*byte as char),
            _ => text += &format!("\\{byte:03o}"),
        }
    }
    text + "'"
}
