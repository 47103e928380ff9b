//! File systems to measure on: loop-mounted images and tmpfs, in a mount namespace of this process alone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{run, text};

/// Kinds of file systems that a place can have.
pub const KINDS: [&str; 4] = ["ext4", "xfs", "btrfs", "tmpfs"];

/// A mounted file system; unmounted and removed when dropped.
pub struct Place {
    pub kind: String,
    pub root: PathBuf,
    image: Option<PathBuf>,
}

/// Takes this process out of the machine's mount namespace: what it mounts, nobody else sees, and goes with it.
pub fn enter_private_namespace() -> Result<(), String> {
    // SAFETY: only the mount namespace changes; the process has one thread yet.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(format!("unshare: {} (root is needed)", std::io::Error::last_os_error()));
    }
    run("mount", &["--make-rprivate", "/"]).map(drop)
}

impl Place {
    /// Makes and mounts a file system of `gib` GiB under `work`.
    pub fn new(work: &Path, name: &str, kind: &str, gib: u64) -> Result<Place, String> {
        let root = work.join("mounts").join(name);
        fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        if kind == "tmpfs" {
            let size = format!("size={gib}g,nr_inodes=0");
            run("mount", &["-t", "tmpfs", "-o", &size, "none", text(&root)])?;
            return Ok(Place { kind: kind.to_owned(), root, image: None });
        }
        let path = work.join(format!("{name}.img"));
        let _ = fs::remove_file(&path); // of a run that was ended
        let file =
            fs::File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        file.set_len(gib << 30).map_err(|error| format!("{}: {error}", path.display()))?;
        match kind {
            // Everything is initialised now, not by a kernel thread while something is measured.
            "ext4" => run(
                "mkfs.ext4",
                &["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", text(&path)],
            )?,
            "xfs" => run("mkfs.xfs", &["-q", "-f", "-m", "reflink=1", text(&path)])?,
            "btrfs" => run("mkfs.btrfs", &["-q", "-f", text(&path)])?,
            other => return Err(format!("{other}: no such file system; {KINDS:?}")),
        };
        let place = Place { kind: kind.to_owned(), root, image: Some(path) };
        place.mount()?;
        Ok(place)
    }

    fn mount(&self) -> Result<(), String> {
        let Some(image) = &self.image else { return Ok(()) };
        // Direct I/O on the image, so that its pages are not in memory twice.
        let device = run("losetup", &["--find", "--show", "--direct-io=on", text(image)])?;
        let device = device.trim();
        let mounted = run("mount", &["-t", &self.kind, "-o", "relatime", device, text(&self.root)]);
        // Now already: the device goes when the file system is unmounted, also when this process is killed.
        run("losetup", &["--detach", device])?;
        mounted.map(drop)
    }

    /// Empties the caches of this file system alone: unmounts it and mounts it again.
    pub fn make_cold(&self) -> Result<(), String> {
        if self.image.is_some() {
            run("umount", &[text(&self.root)])?;
            self.mount()?;
        }
        Ok(())
    }

    /// Writes out what is dirty here, and nowhere else.
    pub fn sync(&self) -> Result<(), String> {
        let root = fs::File::open(&self.root).map_err(|error| error.to_string())?;
        rustix::fs::syncfs(root).map_err(|errno| format!("syncfs: {errno}"))
    }

    /// Whether so many bytes and names more have room.
    pub fn has_room(&self, bytes: u64, names: u64) -> bool {
        let Ok(facts) = rustix::fs::statvfs(&self.root) else { return true };
        // Btrfs has as many names as bytes and says zero.
        let has_names = facts.f_files == 0 || facts.f_favail > names;
        facts.f_bavail * facts.f_frsize > bytes && has_names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Best effort: the namespace goes with the process in any case.
        let _ = run("umount", &[text(&self.root)]);
        if let Some(image) = &self.image {
            let _ = fs::remove_file(image);
        }
    }
}
