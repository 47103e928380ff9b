//! File systems for one test: small ones that fill up, bind mounts, read-only images.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Scratch, skip};

/// Something mounted on a directory of a scratch, until dropped.
pub(crate) struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// Mounts with the words of mount(8), on `at`, which is made if need be (a file for a bind of a file).
    #[track_caller]
    pub(crate) fn new<A: AsRef<OsStr>>(
        words: impl IntoIterator<Item = A>,
        at: &Path,
    ) -> Option<Mounted> {
        if !may_mount() {
            return None;
        }
        if !at.exists() {
            std::fs::create_dir(at).unwrap();
        }
        let output = Command::new("mount").args(words).arg(at).output().unwrap();
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "mount on {}: {why}", at.display());
        Some(Mounted { at: at.to_owned() })
    }

    #[track_caller]
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Option<Mounted> {
        Mounted::new(["-t", "tmpfs", "-o", options, "warpcopy-it"], at)
    }

    #[track_caller]
    pub(crate) fn bind(what: &Path, at: &Path) -> Option<Mounted> {
        Mounted::new([OsStr::new("--bind"), what.as_os_str()], at)
    }

    /// Makes a file system of `mib` MiB with `mkfs` (its words; the image comes last) and mounts it on `name`.
    #[track_caller]
    pub(crate) fn image(
        scratch: &Scratch,
        name: &str,
        mib: u64,
        mkfs: &[&str],
        options: &str,
    ) -> Option<Mounted> {
        if !may_mount() || !skip::has_tool(mkfs[0]) {
            return None;
        }
        let image = scratch.join(format!("{name}.image"));
        std::fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
        let output = Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let options = format!("loop,{options}");
        Mounted::new([OsStr::new("-o"), options.as_ref(), image.as_os_str()], &scratch.join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.at.join(name)
    }
}

/// Whether tests may mount: in the private namespace that `scripts/test` makes.
#[track_caller]
pub(crate) fn may_mount() -> bool {
    let may = std::env::var_os("WARPCOPY_TEST_MOUNTS").is_some_and(|value| value == "1");
    if !may {
        skip::skip("mounts", "run scripts/test as root");
    }
    may
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for how in [&["-R"][..], &["-R", "-l"]] {
            let done = Command::new("umount").args(how).arg(&self.at).output();
            if done.is_ok_and(|output| output.status.success()) {
                return;
            }
        }
        eprintln!("could not unmount {}", self.at.display());
    }
}
