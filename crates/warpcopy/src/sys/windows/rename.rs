//! Names that change or go: publish, rename, remove. By handle, so that nothing can take a file's place between what is
//! done to it.

use std::ffi::{OsStr, c_void};
use std::time::Duration;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_DIRECTORY_FILE, FILE_INFORMATION_CLASS, FILE_OPEN_REPARSE_POINT, FileRenameInformation,
    FileRenameInformationEx, NtSetInformationFile,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_TAG_INFO,
    FILE_DISPOSITION_FLAG_DELETE, FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE,
    FILE_DISPOSITION_FLAG_POSIX_SEMANTICS, FILE_DISPOSITION_INFO, FILE_DISPOSITION_INFO_EX,
    FILE_RENAME_INFO, FILE_RENAME_INFO_0, FILE_WRITE_ATTRIBUTES, FileAttributeTagInfo,
    FileDispositionInfo, FileDispositionInfoEx, FlushFileBuffers, MOVEFILE_REPLACE_EXISTING,
    MoveFileExW,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use super::attributes::{Place, set_flags, set_mode};
use super::facts::{facts_at, information, set_information};
use super::naming::{self, Renaming, There, Way};
use super::open::{Location, Opening, absolute, final_path, open_node, reopen};
use super::rules::{IS_DIRECTORY, NOT_THERE};
use super::{Borrowed, Handle, done, paths, raw, status};
use crate::plan::{Facts, Kind};
use crate::sys::{Answer, CommitError, Lend};

/// Of `FILE_RENAME_INFORMATION` (ntifs.h).
const REPLACE: u32 = 0x1;
const POSIX_SEMANTICS: u32 = 0x2;
const IGNORE_READONLY: u32 = 0x40;

/// Gives a file that was made its name, if it has another (`temporary`) until now, then the attributes of `like`, and
/// closes it. One that cannot have its name goes.
pub(crate) fn finish(
    file: Handle,
    directory: Borrowed<'_>,
    temporary: Option<&OsStr>,
    name: &OsStr,
    replace: bool,
    like: Option<&Facts>,
) -> Result<(), CommitError> {
    if temporary.is_some()
        && let Err(code) = rename_open(file.lend(), directory, name, replace)
    {
        // Best effort: what is being returned is the interesting error.
        let _ = mark_deleted(file.lend());
        return Err(CommitError::Name(code));
    }
    let flags = like.map_or(Ok(()), |like| set_flags(Place::Open(file.lend()), like));
    // Closing reports nothing: what the system could not write it says nobody (CloseHandle).
    drop(file);
    flags.map_err(CommitError::Flags)
}

/// Removes a file that was not finished, by its handle.
pub(crate) fn discard(file: Handle, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    if mark_deleted(file.lend()).is_ok() {
        return Ok(());
    }
    drop(file);
    remove(directory, name)
}

/// Renames within a directory, replacing what has the new name.
pub(crate) fn rename_over(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    rename_open(open_node(directory, from, DELETE)?.lend(), directory, to, true)
}

/// Renames within a directory; the new name must be free.
pub(crate) fn rename_to_free(directory: Borrowed<'_>, from: &OsStr, to: &OsStr) -> Answer<()> {
    rename_open(open_node(directory, from, DELETE)?.lend(), directory, to, false)
}

fn rename_open(
    file: Borrowed<'_>,
    directory: Borrowed<'_>,
    name: &OsStr,
    replace: bool,
) -> Answer<()> {
    let location = Location::of_new(directory, name)?;
    naming::rename(&mut Calls { file, directory, name, location }, replace)
}

/// The calls of one renaming.
struct Calls<'a> {
    file: Borrowed<'a>,
    directory: Borrowed<'a>,
    name: &'a OsStr,
    location: Location,
}

impl Renaming for Calls<'_> {
    fn rename(&mut self, way: Way, replace: bool) -> Answer<()> {
        let replacing = if replace { REPLACE } else { 0 };
        match way {
            Way::Posix => {
                let flags = replacing | POSIX_SEMANTICS | IGNORE_READONLY;
                give_name(self.file, &self.location, FileRenameInformationEx, flags)
            }
            Way::Plain => give_name(self.file, &self.location, FileRenameInformation, replacing),
            Way::Path => self.by_path(replace),
        }
    }

    fn there(&mut self) -> There {
        match facts_at(self.directory, self.name, false) {
            Err(_) => There::Nothing,
            Ok(facts) if facts.kind == Kind::Directory => There::Directory,
            Ok(facts) if facts.flags & FILE_ATTRIBUTE_READONLY != 0 => There::ReadOnlyFile,
            Ok(_) => There::File,
        }
    }

    fn set_read_only(&mut self, is_read_only: bool) -> Answer<()> {
        let mode = if is_read_only { 0o444 } else { 0o666 };
        set_mode(Place::Named(self.directory, self.name), mode)
    }

    fn wait(&mut self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

impl Calls<'_> {
    fn by_path(&self, replace: bool) -> Answer<()> {
        let from = paths::with_end(final_path(self.file)?);
        let to = paths::with_end(paths::verbatim(&absolute(self.directory, self.name)?));
        let flags = if replace { MOVEFILE_REPLACE_EXISTING } else { 0 };
        // SAFETY: both paths end in a zero.
        done(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), flags) })
    }
}

/// Has the kernel give an open file a name, instead of the one it has or beside it, as the class says. The structures of
/// all these classes are alike (ntifs.h).
pub(super) fn give_name(
    file: Borrowed<'_>,
    location: &Location,
    class: FILE_INFORMATION_CLASS,
    flags: u32,
) -> Answer<()> {
    let name = &location.name;
    let name_at = std::mem::offset_of!(FILE_RENAME_INFO, FileName);
    let size = (name_at + name.len() * 2).max(size_of::<FILE_RENAME_INFO>());
    // Of a type with the structure's alignment.
    let mut room = vec![0_u64; size.div_ceil(8)];
    let info = room.as_mut_ptr().cast::<FILE_RENAME_INFO>();
    // SAFETY: the room holds the structure with the whole name behind it, and is aligned for it.
    unsafe {
        (*info).Anonymous = FILE_RENAME_INFO_0 { Flags: flags };
        (*info).RootDirectory = location.root;
        (*info).FileNameLength = (name.len() * 2) as u32;
        let to = info.cast::<u8>().add(name_at).cast::<u16>();
        to.copy_from_nonoverlapping(name.as_ptr(), name.len());
    }
    let mut block = IO_STATUS_BLOCK::default();
    let pointer = info.cast::<c_void>();
    // SAFETY: the pointer and the size describe the room.
    status(unsafe { NtSetInformationFile(raw(file), &raw mut block, pointer, size as u32, class) })
}

/// Removes a name that is not a directory's.
pub(crate) fn remove(directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    let file = open_node(directory, name, DELETE)?;
    let tag: FILE_ATTRIBUTE_TAG_INFO = information(file.lend(), FileAttributeTagInfo)?;
    // Links to directories are directories, too.
    let is_directory = tag.FileAttributes & FILE_ATTRIBUTE_DIRECTORY != 0
        && facts_at(directory, name, false)?.kind == Kind::Directory;
    if is_directory {
        return Err(IS_DIRECTORY);
    }
    mark_deleted(file.lend())
}

/// Removes an empty directory.
pub(crate) fn remove_directory(directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    let opening = Opening::existing(DELETE, FILE_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT);
    mark_deleted(opening.open(&Location::of(directory, name)?)?.lend())
}

/// Makes an open file go, at once or when it is closed.
pub(super) fn mark_deleted(file: Borrowed<'_>) -> Answer<()> {
    let now = FILE_DISPOSITION_INFO_EX {
        Flags: FILE_DISPOSITION_FLAG_DELETE
            | FILE_DISPOSITION_FLAG_POSIX_SEMANTICS
            | FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE,
    };
    match set_information(file, FileDispositionInfoEx, &now) {
        Err(code) if NOT_THERE.contains(&code) => {}
        answer => return answer,
    }
    let when_closed = FILE_DISPOSITION_INFO { DeleteFile: true };
    match set_information(file, FileDispositionInfo, &when_closed) {
        Err(code) if super::NO_PERMISSION.contains(&code) => {
            let writable = reopen(file, FILE_WRITE_ATTRIBUTES, 0)?;
            set_mode(Place::Open(writable.lend()), 0o666)?;
            set_information(file, FileDispositionInfo, &when_closed)
        }
        answer => answer,
    }
}

/// Forces a file's content, and what is needed to find it, to stable storage.
pub(crate) fn sync_data(file: Borrowed<'_>) -> Answer<()> {
    // SAFETY: no pointers are passed.
    done(unsafe { FlushFileBuffers(raw(file)) })
}

/// Forces a file with its attributes to stable storage. The entries of a directory there is no call for: NTFS and ReFS
/// log them by themselves.
pub(crate) fn sync_all(file: Borrowed<'_>) -> Answer<()> {
    let tag: FILE_ATTRIBUTE_TAG_INFO = information(file, FileAttributeTagInfo)?;
    match tag.FileAttributes & FILE_ATTRIBUTE_DIRECTORY {
        0 => sync_data(file),
        _ => Ok(()),
    }
}

/// Forces a directory's entries to stable storage, as far as there is a way.
pub(crate) fn sync_directory(directory: Borrowed<'_>) -> Answer<()> {
    sync_all(directory)
}
