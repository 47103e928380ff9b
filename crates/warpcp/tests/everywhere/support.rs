//! A scratch directory, the command run in it, and what is there afterwards.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// A directory that is empty at first and gone at the end.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Makes a file, and the directories it is in.
    pub(crate) fn plant(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        fs::read_to_string(self.join(name)).unwrap()
    }

    /// Returns the names of everything in the directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let found = look_below(self.path());
        found.into_keys().map(|path| path.to_str().unwrap().replace('\\', "/")).collect()
    }

    /// Runs the command in this directory; the line is split at spaces.
    pub(crate) fn warpcp(&self, line: &str) -> Outcome {
        self.run(env!("CARGO_BIN_EXE_warpcp"), line.split_whitespace(), "")
    }

    /// Runs the command and answers its questions.
    pub(crate) fn answering(&self, answers: &str, line: &str) -> Outcome {
        self.run(env!("CARGO_BIN_EXE_warpcp"), line.split_whitespace(), answers)
    }

    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Outcome {
        let mut child = Command::new(program)
            .args(args)
            .current_dir(self.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("POSIXLY_CORRECT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that asks nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Outcome {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is read-only does not go away everywhere.
        for path in look_below(self.path()).into_keys() {
            let _ = set_readonly(&self.join(path), false);
        }
    }
}

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// Asserts that everything was copied and nothing complained about.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Outcome {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self
    }

    /// Asserts that something was not copied, and what was said.
    #[track_caller]
    pub(crate) fn fails(self, message: &str) -> Outcome {
        assert_eq!((self.code, self.err.trim_end()), (Some(1), message), "{}", self.out);
        self
    }
}

/// What is known of one name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Nothing for directories.
    pub(crate) contents: Option<Vec<u8>>,
    pub(crate) is_readonly: bool,
    pub(crate) modified: SystemTime,
}

/// Looks at everything below a directory, by path from there.
pub(crate) fn look_below(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            let one = Seen {
                contents: metadata.is_file().then(|| fs::read(&path).unwrap()),
                is_readonly: metadata.permissions().readonly(),
                modified: metadata.modified().unwrap(),
            };
            seen.insert(name, one);
            if metadata.is_dir() {
                waiting.push(path);
            }
        }
    }
    seen
}

/// Asserts that two trees have the same names and the same in them.
#[track_caller]
pub(crate) fn assert_same_contents(one: &Path, other: &Path) {
    let (one, other) = (look_below(one), look_below(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, seen) in &one {
        assert!(seen.contents == other[name].contents, "{} differs", name.display());
    }
}

pub(crate) fn set_readonly(path: &Path, is_readonly: bool) -> std::io::Result<()> {
    let mut permissions = fs::symlink_metadata(path)?.permissions();
    permissions.set_readonly(is_readonly);
    fs::set_permissions(path, permissions)
}

/// Sets when a file was modified, in seconds after the year 2001 began.
pub(crate) fn set_modified(path: &Path, seconds: u64) -> SystemTime {
    let moment = SystemTime::UNIX_EPOCH + Duration::new(978_307_200 + seconds, 123_456_700);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(moment).unwrap();
    moment
}

/// Returns bytes that no two runs of a length have in common.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    });
    words.take(len).collect()
}

/// Returns the system's words for what happens at this path.
pub(crate) fn words(error: std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap().trim_end_matches('.').to_owned()
}
