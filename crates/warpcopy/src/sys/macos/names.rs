//! The calls behind `steps`, on one directory; nodes, and what forces files to the disk.

use std::ffi::{CStr, CString, OsStr, c_int};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;

use rustix::fs::{AtFlags, CWD, CloneFlags, OFlags, RenameFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::fs::{chmodat, fclonefileat, futimens, renameat_with};

use super::attributes::{List, flags_of, remove_list, set_birth, set_flags_at, set_flags_of};
use super::errno::{ACCES, INVAL, NOTSUP};
use super::steps::{self, Kernel};
use super::volumes::has_mounts_below;
use crate::plan::{Facts, Kind, Method, NoSnapshot};
use crate::sys::unix::{self, Borrowed, Handle, code, mode_of, retry};
use crate::sys::{Answer, CommitError, Lend, Place, Progress, Takes};

/// A directory, and the source of what is made there.
struct Directory<'a> {
    handle: Borrowed<'a>,
    source: Option<Borrowed<'a>>,
}

impl Kernel for Directory<'_> {
    type File = Handle;
    type List = List;

    fn clone_to(&mut self, name: &OsStr, clone_flags: u32) -> Answer<()> {
        let source = self.source.ok_or(INVAL)?;
        let flags = CloneFlags::from_bits_retain(clone_flags);
        fclonefileat(source, self.handle, name, flags).map_err(code)
    }

    fn open_made(&mut self, name: &OsStr) -> Answer<Handle> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        match unix::open(self.handle, name, flags) {
            // It has the mode of a source that its owner may not read.
            Err(ACCES) => {
                let mode = mode_of(0o600);
                let (handle, nofollow) = (self.handle, AtFlags::SYMLINK_NOFOLLOW);
                retry(|| chmodat(handle, name, mode, nofollow))?;
                unix::open(self.handle, name, flags)
            }
            answer => answer,
        }
    }

    fn flags(&mut self, file: &Handle) -> Answer<u32> {
        flags_of(file.lend())
    }

    fn set_flags(&mut self, file: &Handle, flags: u32) -> Answer<()> {
        set_flags_of(file.lend(), flags)
    }

    fn set_flags_at(&mut self, name: &OsStr, flags: u32) -> Answer<()> {
        set_flags_at(self.handle, name, flags)
    }

    fn xattr_names(&mut self, file: &Handle) -> Answer<Vec<CString>> {
        let mut names = Vec::new();
        super::attributes::names_without_list(Place::Open(file.lend()), &mut names)?;
        Ok(names)
    }

    fn remove_xattr(&mut self, file: &Handle, name: &CStr) -> Answer<()> {
        unix::xattrs::remove(Place::Open(file.lend()), name)
    }

    fn take_list(&mut self, file: &Handle) -> Answer<Option<List>> {
        let list = List::of(file.lend())?;
        if list.is_some() {
            remove_list(file.lend())?;
        }
        Ok(list)
    }

    fn give_list(&mut self, file: &Handle, list: List) -> Answer<()> {
        list.give(file.lend())
    }

    fn stamp_now(&mut self, file: &Handle) -> Answer<()> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        retry(|| futimens(file, &times))?;
        let facts = unix::facts(file.lend())?;
        // It is no older than its content; a file system without a time of birth has none to be wrong.
        let _ = set_birth(Place::Open(file.lend()), facts.modified);
        Ok(())
    }

    fn is_at(&mut self, name: &OsStr, file: &Handle) -> bool {
        let there = unix::facts_at(self.handle, name, false).map(|facts| facts.identity);
        unix::facts(file.lend()).is_ok_and(|facts| there == Ok(facts.identity))
    }

    fn close(&mut self, file: Handle) -> Answer<()> {
        unix::close(file)
    }

    fn rename_over(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        unix::rename_over(self.handle, from, to)
    }

    fn rename_exclusive(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        retry(|| renameat_with(self.handle, from, self.handle, to, RenameFlags::NOREPLACE))
    }

    fn link(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        unix::make_link((self.handle, from), (self.handle, to), false)
    }

    fn reserve(&mut self, name: &OsStr) -> Answer<()> {
        unix::create(self.handle, name, 0o600).map(drop)
    }

    fn remove(&mut self, name: &OsStr) -> Answer<()> {
        unix::remove(self.handle, name)
    }

    fn is_superuser(&self) -> bool {
        unix::is_superuser()
    }
}

/// Creates a file with the source's content by a method of [`CREATING`](super::CREATING): a clone.
pub(crate) fn create_by(
    method: Method,
    (source, facts): (Borrowed<'_>, &Facts),
    takes: Takes,
    directory: Borrowed<'_>,
    name: &OsStr,
    _progress: Progress<'_>,
) -> Answer<Handle> {
    match method {
        Method::Clone => {
            let mut kernel = Directory { handle: directory, source: Some(source) };
            steps::clone(&mut kernel, facts.flags, takes, name)
        }
        _ => Err(NOTSUP),
    }
}

/// Makes a clone of the directory that is open, with all that is below it, under a name that must be free.
pub(crate) fn snapshot(
    source: Borrowed<'_>,
    directory: Borrowed<'_>,
    name: &OsStr,
) -> Result<(), NoSnapshot> {
    if has_mounts_below(source).unwrap_or(true) {
        return Err(NoSnapshot::MountPoints);
    }
    steps::clone_tree(&mut Directory { handle: directory, source: Some(source) }, name)?;
    sync_all(directory).map_err(NoSnapshot::Code)
}

/// Closes a file that was made and gives it its name, if it has another (`temporary`) until now, and the flags of `like`.
pub(crate) fn finish(
    file: Handle,
    directory: Borrowed<'_>,
    temporary: Option<&OsStr>,
    name: &OsStr,
    replace: bool,
    like: Option<&Facts>,
) -> Result<(), CommitError> {
    let mut kernel = Directory { handle: directory, source: None };
    let flags = like.map_or(0, |facts| facts.flags);
    steps::finish(&mut kernel, file, (temporary, name), replace, flags)
}

/// Closes and removes a file that was not finished.
pub(crate) fn discard(file: Handle, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    steps::discard(&mut Directory { handle: directory, source: None }, &file, name)
}

/// Renames within a directory; the new name must be free.
pub(crate) fn rename_to_free(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    steps::rename_to_free(&mut Directory { handle: directory, source: None }, from, to)
}

/// Gives an open directory the flags of its source.
pub(super) fn give_flags(file: Borrowed<'_>, source_flags: u32) -> Answer<()> {
    let handle = rustix::io::fcntl_dupfd_cloexec(file, 0).map_err(code)?;
    let mut kernel = Directory { handle: file, source: None };
    steps::give_flags(&mut kernel, &handle, source_flags)
}

/// Whether an existing file is a program or library, which is killed when it is started after it was written anew in
/// place. One that cannot be read is not taken for one.
pub(crate) fn must_not_be_rewritten(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> bool {
    let mut first = [0; 4];
    let read = unix::open_source(directory, name, follow)
        .and_then(|file| retry(|| rustix::io::pread(&file, &mut first[..], 0)));
    read == Ok(4) && steps::is_program(first)
}

/// Makes a FIFO, device or socket: mknod(2) makes no sockets here, but binding one does.
pub(crate) fn make_special(
    directory: Borrowed<'_>,
    name: &OsStr,
    kind: Kind,
    mode: u32,
    device: u64,
) -> Answer<()> {
    let path = path_of(directory, name)?;
    let mode = mode_of(mode).as_raw_mode();
    let make = |kind| {
        // SAFETY: the path ends in a zero and outlives the call.
        answer(unsafe { libc::mknod(path.as_ptr(), kind | mode, device as libc::dev_t) })
    };
    match kind {
        // SAFETY: as above.
        Kind::Fifo => answer(unsafe { libc::mkfifo(path.as_ptr(), mode) }),
        Kind::CharDevice => make(libc::S_IFCHR),
        Kind::BlockDevice => make(libc::S_IFBLK),
        // Nobody listens on it, as on any copy of a socket.
        Kind::Socket => {
            let listener = UnixListener::bind(OsStr::from_bytes(path.to_bytes()));
            listener.map(drop).map_err(|error| match error.raw_os_error() {
                Some(number) => crate::plan::Code(number),
                // A path that is longer than such an address can be.
                None => NOTSUP,
            })
        }
        Kind::File | Kind::Directory | Kind::Symlink => Err(INVAL),
    }
}

/// The path of a name in an open directory, for calls that take no handle: mknodat(2) came with macOS 13.
fn path_of(directory: Borrowed<'_>, name: &OsStr) -> Answer<CString> {
    let mut path = Vec::new();
    if directory.as_raw_fd() != CWD.as_raw_fd() {
        path = rustix::fs::getpath(directory).map_err(code)?.into_bytes();
        path.push(b'/');
    }
    path.extend_from_slice(name.as_bytes());
    CString::new(path).map_err(|_| INVAL)
}

/// The code of a call that answers -1 if it failed.
pub(super) fn answer(result: c_int) -> Answer<()> {
    match result {
        -1 => Err(last_code()),
        _ => Ok(()),
    }
}

/// The code of the call that just failed.
pub(super) fn last_code() -> crate::plan::Code {
    let errno = rustix::io::Errno::from_io_error(&std::io::Error::last_os_error());
    errno.map_or(super::errno::IO, code)
}

/// Orders a file's content, and what is needed to find it, before anything that is written later. Where the drive knows no
/// such order the kernel has it written out (xnu kern_descrip.c).
pub(crate) fn sync_data(file: Borrowed<'_>) -> Answer<()> {
    fcntl_or_fsync(file, libc::F_BARRIERFSYNC)
}

/// Forces a file or directory with its attributes to stable storage: fsync(2) leaves it in the drive's cache.
pub(crate) fn sync_all(file: Borrowed<'_>) -> Answer<()> {
    fcntl_or_fsync(file, libc::F_FULLFSYNC)
}

/// Forces a directory's entries to stable storage.
pub(crate) fn sync_directory(directory: Borrowed<'_>) -> Answer<()> {
    sync_all(directory)
}

/// File systems of others know fsync(2) alone.
fn fcntl_or_fsync(file: Borrowed<'_>, command: c_int) -> Answer<()> {
    use super::errno::{NOTTY, OPNOTSUPP};
    let file = file.as_fd();
    // SAFETY: the command takes no argument.
    match answer(unsafe { libc::fcntl(file.as_raw_fd(), command) }) {
        Err(NOTSUP | OPNOTSUPP | NOTTY | INVAL) => unix::sync_all(file),
        answer => answer,
    }
}
