//! Names in directories: open, create, link, rename, remove.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, IntoRawFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, accessat, linkat, mkdirat, openat, readlinkat, renameat,
    symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::{Answer, Borrowed, Handle, code, retry};
use crate::plan::{Facts, Kind, Method};
use crate::sys::{CommitError, Progress, Takes};

/// The handle that relative operands start from.
pub(crate) fn working_directory() -> Borrowed<'static> {
    CWD
}

/// Opens a directory for listing. Only a directory is opened: a symbolic link is followed only if asked.
pub(crate) fn open_directory(
    directory: Borrowed<'_>,
    name: &OsStr,
    follow: bool,
) -> Answer<Handle> {
    open(directory, name, OFlags::RDONLY | OFlags::DIRECTORY | no_follow(follow))
}

/// `O_SEARCH`: macOS since 13, FreeBSD since 13 (open(2)). Elsewhere a directory that may not be listed is not opened.
const SEARCH: OFlags = OFlags::from_bits_retain(if cfg!(target_os = "macos") {
    0x4000_0000
} else if cfg!(target_os = "freebsd") {
    0x0004_0000
} else {
    0
});

/// Opens a directory for what is below it; where the system can, permission to list it is not needed.
pub(crate) fn open_directory_path(
    directory: Borrowed<'_>,
    name: &OsStr,
    follow: bool,
) -> Answer<Handle> {
    match open_directory(directory, name, follow) {
        Err(denied) if denied == code(Errno::ACCESS) && !SEARCH.is_empty() => {
            open(directory, name, SEARCH | OFlags::DIRECTORY | no_follow(follow))
        }
        answer => answer,
    }
}

/// Opens a file or stream for reading. Never waits: a FIFO that took the name's place cannot hang the caller.
pub(crate) fn open_source(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Handle> {
    open(directory, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | no_follow(follow))
}

/// Opens an existing regular file for writing, without truncating it.
pub(crate) fn open_target(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Handle> {
    open(directory, name, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | no_follow(follow))
}

/// Opens an existing FIFO or device for writing a stream into it, without waiting: a FIFO that nobody reads
/// answers [`NO_READER`](crate::sys::NO_READER).
pub(crate) fn open_sink(directory: Borrowed<'_>, name: &OsStr) -> Answer<Handle> {
    open(directory, name, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
}

pub(in crate::sys) fn open(directory: Borrowed<'_>, name: &OsStr, flags: OFlags) -> Answer<Handle> {
    retry(|| openat(directory, name, flags | OFlags::CLOEXEC, Mode::empty()))
}

pub(in crate::sys) fn no_follow(follow: bool) -> OFlags {
    if follow { OFlags::empty() } else { OFlags::NOFOLLOW }
}

/// Creates a regular file under a name that must be free. `mode` is reduced by the umask, or by the
/// directory's default ACL.
pub(crate) fn create(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<Handle> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry(|| openat(directory, name, flags, mode_of(mode)))
}

/// Creates the regular file that a symbolic link leads to.
pub(crate) fn create_through(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<Handle> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | OFlags::CLOEXEC;
    retry(|| openat(directory, name, flags, mode_of(mode)))
}

/// The path that stands for an open file. It names the calling thread's descriptor table, which may be its own.
#[cfg(target_os = "linux")]
pub(in crate::sys) fn descriptor_path(file: Borrowed<'_>) -> std::ffi::CString {
    let path = format!("/proc/thread-self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    std::ffi::CString::new(path).expect("a number holds no NUL")
}

/// A mode as the system spells it; its width differs between systems.
pub(in crate::sys) fn mode_of(mode: u32) -> Mode {
    Mode::from_raw_mode(mode as _)
}

/// Makes a directory; `mode` is reduced by the umask, or by the parent's default ACL.
pub(crate) fn make_directory(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<()> {
    retry(|| mkdirat(directory, name, mode_of(mode)))
}

/// What a symbolic link says.
pub(crate) type LinkText = OsString;

/// The text of a symbolic link to a path.
pub(crate) fn link_text(path: std::path::PathBuf) -> LinkText {
    path.into_os_string()
}

/// Makes a symbolic link.
pub(crate) fn make_symlink(text: &LinkText, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    retry(|| symlinkat(text, directory, name))
}

/// Reads the text of a symbolic link, whatever length stat claims.
pub(crate) fn read_link(directory: Borrowed<'_>, name: &OsStr) -> Answer<LinkText> {
    let text = retry(|| readlinkat(directory, name, Vec::new()))?;
    Ok(OsString::from_vec(text.into_bytes()))
}

/// Makes a FIFO, socket or device. The device number is that of the node, not of the file system that holds it.
#[cfg(not(target_os = "macos"))]
pub(crate) fn make_special(
    directory: Borrowed<'_>,
    name: &OsStr,
    kind: Kind,
    mode: u32,
    device: u64,
) -> Answer<()> {
    use rustix::fs::{FileType, mknodat};
    let file_type = match kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::File | Kind::Directory | Kind::Symlink => return Err(crate::sys::INVALID),
    };
    retry(|| mknodat(directory, name, file_type, mode_of(mode), device))
}

/// Makes another name of an existing file; a symbolic link is linked itself unless `follow`.
pub(crate) fn make_link(
    from: (Borrowed<'_>, &OsStr),
    to: (Borrowed<'_>, &OsStr),
    follow: bool,
) -> Answer<()> {
    let flags = if follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
    retry(|| linkat(from.0, from.1, to.0, to.1, flags))
}

/// Creates a file with the source's content by a method of [`CREATING`](crate::sys::CREATING), of which there are none here.
pub(crate) fn create_by(
    _method: Method,
    _source: (Borrowed<'_>, &Facts),
    _takes: Takes,
    _directory: Borrowed<'_>,
    _name: &OsStr,
    _progress: Progress<'_>,
) -> Answer<Handle> {
    Err(crate::sys::NOT_SUPPORTED)
}

/// Closes a file that was made and gives it its name, if it has another (`temporary`) until now. The flags of `_like`
/// that a file must not have before would come after that; there are none here.
pub(crate) fn finish(
    file: Handle,
    directory: Borrowed<'_>,
    temporary: Option<&OsStr>,
    name: &OsStr,
    replace: bool,
    _like: Option<&Facts>,
) -> Result<(), CommitError> {
    close(file).map_err(CommitError::Close)?;
    match temporary {
        Some(temporary) if replace => rename_over(directory, temporary, name),
        Some(temporary) => crate::sys::rename_to_free(directory, temporary, name),
        None => Ok(()),
    }
    .map_err(CommitError::Name)
}

/// Closes and removes a file that was not finished.
pub(crate) fn discard(file: Handle, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    drop(file);
    remove(directory, name)
}

/// Removes a name that is not a directory's.
pub(crate) fn remove(directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    retry(|| unlinkat(directory, name, AtFlags::empty()))
}

/// Removes an empty directory.
pub(crate) fn remove_directory(directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    retry(|| unlinkat(directory, name, AtFlags::REMOVEDIR))
}

/// Renames within a directory, replacing what has the new name.
pub(crate) fn rename_over(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    retry(|| renameat(directory, from, directory, to))
}

/// Renames within a directory; the new name must be free. A second name takes the place of the first: for a moment the
/// file has both. Where there are no links the name is taken by an empty file of our own, which is renamed over.
pub(in crate::sys) fn link_to_free(
    directory: Borrowed<'_>,
    from: &OsStr,
    to: &OsStr,
) -> Answer<()> {
    let no_links = [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS].map(code);
    match make_link((directory, from), (directory, to), false) {
        Err(answer) if no_links.contains(&answer) => {}
        answer => return answer.and_then(|()| remove(directory, from)),
    }
    create(directory, to, 0o600)?;
    rename_over(directory, from, to).inspect_err(|_| {
        let _ = remove(directory, to); // best effort: the error on its way is the interesting one
    })
}

/// Whether the caller could open the file for writing, as far as permissions tell.
pub(crate) fn may_write(directory: Borrowed<'_>, name: &OsStr) -> bool {
    accessat(directory, name, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

/// Closes a file and says whether that failed: network and quota file systems report lost writes here. The handle
/// is gone either way and closing is never tried again (close(2)).
#[allow(unsafe_code, reason = "the one way to hear what close(2) says")]
pub(crate) fn close(file: Handle) -> Answer<()> {
    let raw = file.into_raw_fd();
    // SAFETY: `raw` was just taken out of its only owner and is not used again.
    match unsafe { rustix::io::try_close(raw) } {
        // A second try might close what another thread opened meanwhile.
        Err(Errno::INTR) | Ok(()) => Ok(()),
        Err(errno) => Err(code(errno)),
    }
}

/// Forces a file or directory with its attributes to what the system calls stable storage.
pub(crate) fn sync_all(file: Borrowed<'_>) -> Answer<()> {
    retry(|| rustix::fs::fsync(file.as_fd()))
}
