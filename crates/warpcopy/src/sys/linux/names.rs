//! Names in directories: open, create, link, rename, remove.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, accessat, linkat, mkdirat, mknodat,
    openat, readlinkat, renameat, renameat_with, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::{Answer, Borrowed, CommitError, Handle, Progress, Takes, code, retry};
use crate::plan::{Facts, Kind, Method};

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

/// Opens a directory for what is below it; permission to list it is not needed.
pub(crate) fn open_directory_path(
    directory: Borrowed<'_>,
    name: &OsStr,
    follow: bool,
) -> Answer<Handle> {
    open(directory, name, OFlags::PATH | OFlags::DIRECTORY | no_follow(follow))
}

/// Opens a node without opening what it stands for; a symbolic link is opened as itself.
pub(crate) fn open_node(directory: Borrowed<'_>, name: &OsStr) -> Answer<Handle> {
    open(directory, name, OFlags::PATH | OFlags::NOFOLLOW)
}

/// Opens a file or stream for reading. Never waits: a FIFO that took the name's place cannot hang the caller.
pub(crate) fn open_source(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Handle> {
    open(directory, name, OFlags::RDONLY | OFlags::NONBLOCK | no_follow(follow))
}

/// Opens an existing regular file for writing, without truncating it.
pub(crate) fn open_target(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Handle> {
    open(directory, name, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | no_follow(follow))
}

/// Opens an existing FIFO or device for writing a stream into it, without waiting: a FIFO that nobody reads
/// answers [`NO_READER`](super::NO_READER).
pub(crate) fn open_sink(directory: Borrowed<'_>, name: &OsStr) -> Answer<Handle> {
    open(directory, name, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
}

fn open(directory: Borrowed<'_>, name: &OsStr, flags: OFlags) -> Answer<Handle> {
    retry(|| openat(directory, name, flags | OFlags::CLOEXEC, Mode::empty()))
}

fn no_follow(follow: bool) -> OFlags {
    if follow { OFlags::empty() } else { OFlags::NOFOLLOW }
}

/// Creates a regular file under a name that must be free. `mode` is reduced by the umask, or by the directory's
/// default ACL.
pub(crate) fn create(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<Handle> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry(|| openat(directory, name, flags, Mode::from_raw_mode(mode)))
}

/// Creates the regular file that a symbolic link leads to.
pub(crate) fn create_through(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<Handle> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | OFlags::CLOEXEC;
    retry(|| openat(directory, name, flags, Mode::from_raw_mode(mode)))
}

/// Creates a regular file without a name: `O_TMPFILE`. Nothing of it survives the process.
pub(crate) fn create_unnamed(directory: Borrowed<'_>, mode: u32) -> Answer<Handle> {
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    retry(|| openat(directory, ".", flags, Mode::from_raw_mode(mode)))
}

/// Gives an unnamed file a name, which must be free.
pub(crate) fn name_unnamed(
    file: Borrowed<'_>,
    directory: Borrowed<'_>,
    name: &OsStr,
) -> Answer<()> {
    // Since Linux 6.10 the opener may link an empty path; before, this needs CAP_DAC_READ_SEARCH and fails
    // ENOENT without it. The way through /proc works wherever /proc is mounted.
    match linkat(file, "", directory, name, AtFlags::EMPTY_PATH) {
        Err(Errno::NOENT | Errno::PERM | Errno::INVAL) => {
            let path = descriptor_path(file);
            retry(|| linkat(CWD, &path, directory, name, AtFlags::SYMLINK_FOLLOW))
        }
        answer => answer.map_err(code),
    }
}

/// The path that stands for an open file. It names the calling thread's descriptor table, which may be its own.
pub(super) fn descriptor_path(file: Borrowed<'_>) -> CString {
    let path = format!("/proc/thread-self/fd/{}", file.as_raw_fd());
    CString::new(path).expect("a number holds no NUL")
}

/// Creates a file with the source's content by a method of [`CREATING`](super::CREATING), of which there are none here.
pub(crate) fn create_by(
    _method: Method,
    _source: (Borrowed<'_>, &Facts),
    _takes: Takes,
    _directory: Borrowed<'_>,
    _name: &OsStr,
    _progress: Progress<'_>,
) -> Answer<Handle> {
    Err(super::NOT_SUPPORTED)
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
        Some(temporary) => rename_to_free(directory, temporary, name),
        None => Ok(()),
    }
    .map_err(CommitError::Name)
}

/// Makes a directory; `mode` is reduced by the umask, or by the parent's default ACL.
pub(crate) fn make_directory(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<()> {
    retry(|| mkdirat(directory, name, Mode::from_raw_mode(mode)))
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
pub(crate) fn make_special(
    directory: Borrowed<'_>,
    name: &OsStr,
    kind: Kind,
    mode: u32,
    device: u64,
) -> Answer<()> {
    let file_type = match kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::File | Kind::Directory | Kind::Symlink => return Err(code(Errno::INVAL)),
    };
    retry(|| mknodat(directory, name, file_type, Mode::from_raw_mode(mode), device))
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

/// Closes and removes a file that was not finished.
pub(crate) fn discard(file: Handle, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    drop(file);
    remove(directory, name)
}

/// Removes a name that is not a directory's.
pub(crate) fn remove(directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    retry(|| unlinkat(directory, name, AtFlags::empty()))
}

/// Renames within a directory, replacing what has the new name.
pub(crate) fn rename_over(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    retry(|| renameat(directory, from, directory, to))
}

/// Renames within a directory; the new name must be free.
pub(crate) fn rename_to_free(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    match renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE) {
        // File systems without the flag answer EINVAL, kernels without the call ENOSYS, seccomp EPERM.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => link_and_remove(directory, from, to),
        Err(Errno::INTR) => rename_to_free(directory, from, to),
        answer => answer.map_err(code),
    }
}

fn link_and_remove(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    match make_link((directory, from), (directory, to), false) {
        Err(answer) if super::rules::NO_LINKS_AT_ALL.contains(&answer) => {
            reserve_and_rename(directory, from, to)
        }
        answer => answer.and_then(|()| remove(directory, from)),
    }
}

/// Takes a name with an empty file of our own, and renames over that: what else there is on FAT behind FUSE, which has
/// neither the flag nor links. Nobody's file is lost; a crash between the two leaves the empty one.
fn reserve_and_rename(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
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
pub(crate) fn close(file: Handle) -> Answer<()> {
    let raw = file.into_raw_fd();
    // SAFETY: `raw` was just taken out of its only owner and is not used again.
    match unsafe { rustix::io::try_close(raw) } {
        // Linux has released the descriptor when it says so.
        Err(Errno::INTR) | Ok(()) => Ok(()),
        Err(errno) => Err(code(errno)),
    }
}

/// Forces a file's content, and what is needed to find it, to stable storage.
pub(crate) fn sync_data(file: Borrowed<'_>) -> Answer<()> {
    retry(|| rustix::fs::fdatasync(file.as_fd()))
}

/// Forces a file or directory with its attributes to stable storage.
pub(crate) fn sync_all(file: Borrowed<'_>) -> Answer<()> {
    retry(|| rustix::fs::fsync(file.as_fd()))
}

/// Forces a directory's entries to stable storage; it may be open for its path alone.
pub(crate) fn sync_directory(directory: Borrowed<'_>) -> Answer<()> {
    match rustix::fs::fsync(directory) {
        Err(Errno::BADF) => {
            let readable = open_directory(directory, ".".as_ref(), false)?;
            sync_all(readable.as_fd())
        }
        Err(Errno::INTR) => sync_directory(directory),
        answer => answer.map_err(code),
    }
}
