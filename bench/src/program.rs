//! The programs that are measured, by name, and how each is called.

use std::path::{Path, PathBuf};

/// Where programs are found.
pub struct Programs {
    /// Label and path of each build of ours.
    pub builds: Vec<(String, PathBuf)>,
    /// Where the peers were installed.
    pub peers: PathBuf,
    /// Where this harness was built: the floor lies beside it.
    pub own: PathBuf,
}

/// Everybody else's programs.
const PEERS: [&str; 15] = [
    "cp-a",
    "uucp",
    "rsync",
    "rsync-full",
    "xcp",
    "xcp-o",
    "fcp",
    "cpz",
    "cpx",
    "cpx-a",
    "lms",
    "rcp",
    "go-iocopy",
    "go-buf32",
    "shutil",
];

/// The programs of a group, or the one program of that name.
pub fn group(name: &str) -> Vec<String> {
    let names: &[&str] = match name {
        "keepers" => &["cp-a", "uucp"],
        "peers" => &PEERS,
        "floor" => &[
            "f3K-rw-j1",
            "f3KU-rw-j2",
            "f3KU-cfrS16-j2",
            "f3K-cloneS4-j1",
            "f3KU-cloneS4-j2",
            "f3Un-rw-j2",
            "f3Un-cfr-j2",
        ],
        "big" => &[
            "f3K-rw-j1",
            "f3K-rwo16-j1",
            "f3K-rw1024-j1",
            "f3K-cfr-j1",
            "f3K-send-j1",
            "f3K-pipe-j1",
            "f3KP-pipe-j1",
            "f3K-clone-j1",
            "f3K-rwc1-j2",
            "f3K-mapc2-j2",
            "f3K-rw1024c4-j2",
            "f3K-cfr-j2",
            "f3K-send-j2",
        ],
        one => &[one],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Programs {
    /// The command that copies `source` to `target`. `None` if nobody has that name, or it
    /// is not installed.
    pub fn command(
        &self,
        name: &str,
        source: &str,
        target: &str,
        is_tree: bool,
    ) -> Option<Vec<String>> {
        let words: Vec<String> = match name {
            "cp-a" => vec!["cp".into(), "-a".into()],
            "rsync" | "rsync-full" => {
                let flags = if name == "rsync" { "-aW" } else { "-aHAXSW" };
                let slash = if is_tree { "/" } else { "" };
                let words =
                    ["rsync", flags, &format!("{source}{slash}"), &format!("{target}{slash}")];
                return Some(words.map(str::to_owned).to_vec());
            }
            "uucp" => vec![self.installed("uu_cp", "cp")?, "-a".into()],
            "xcp" => vec![self.installed("xcp", "xcp")?, "-r".into(), "--no-progress".into()],
            "xcp-o" => {
                let words = ["-r", "--no-progress", "--ownership"].map(str::to_owned);
                [vec![self.installed("xcp", "xcp")?], words.to_vec()].concat()
            }
            "cpx" => vec![self.installed("cpx", "cpx")?, "-r".into()],
            "cpx-a" => vec![self.installed("cpx", "cpx")?, "-a".into()],
            "fcp" | "cpz" | "go-iocopy" | "go-buf32" => vec![self.installed(name, name)?],
            "lms" if is_tree => vec![self.installed("lms", "lms")?, "cp".into()],
            "rcp" => {
                let all = "--preserve-settings=all".into();
                vec![self.installed("rcp-tools-rcp", "rcp")?, all]
            }
            "shutil" => {
                let script = self.installed("shutil", "copytree.py")?;
                vec![self.installed("shutil", "python3")?, "-I".into(), script]
            }
            floor if floor.starts_with("f3") || floor.starts_with("ur") => {
                vec![text(&self.own.join("floor")), floor.to_owned()]
            }
            ours => return self.ours(ours, source, target),
        };
        Some([words, vec![source.to_owned(), target.to_owned()]].concat())
    }

    /// `warpcp-j2-sendfile`: a build's label, then options.
    fn ours(&self, name: &str, source: &str, target: &str) -> Option<Vec<String>> {
        let mut parts = name.split('-');
        let label = parts.next()?;
        let (_, path) = self.builds.iter().find(|(known, _)| known == label)?;
        let mut words = vec![text(path), "-a".into()];
        for part in parts {
            match part {
                "uncached" | "preallocate" => words.push(format!("--{part}")),
                "atomic" => words.push("--atomic=always".into()),
                "r" => words[1] = "-r".into(),
                part if part.starts_with('j') => words.push(format!("-{part}")),
                method => words.push(format!("--method={method}")),
            }
        }
        words.extend(["-T".into(), source.to_owned(), target.to_owned()]);
        Some(words)
    }

    fn installed(&self, package: &str, binary: &str) -> Option<String> {
        let path = self.peers.join(package).join("bin").join(binary);
        path.exists().then(|| text(&path))
    }
}

/// Where a program puts the copy when it is called with these paths.
pub fn lands_at(name: &str, source: &Path, target: &Path) -> PathBuf {
    match (name, source.file_name()) {
        // Always copies into, even into what it has to make first.
        ("cpx" | "cpx-a", Some(last)) if source.is_dir() => target.join(last),
        _ => target.to_owned(),
    }
}

/// The colour group of a program, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Ours,
    Peer,
    Floor,
}

pub fn class(name: &str) -> Class {
    match () {
        () if PEERS.contains(&name) => Class::Peer,
        () if name.starts_with("f3") || name.starts_with("ur") => Class::Floor,
        () => Class::Ours,
    }
}

fn text(path: &Path) -> String {
    crate::tool::text(path).to_owned()
}
