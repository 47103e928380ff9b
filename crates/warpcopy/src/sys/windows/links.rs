//! Symbolic links, junctions and hard links.

use std::ffi::{OsStr, OsString, c_void};
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_OPEN_REPARSE_POINT, FileLinkInformation,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateSymbolicLinkW, DELETE, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL,
    FILE_ATTRIBUTE_TAG_INFO, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA,
    FileAttributeTagInfo,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::{FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT};

use super::facts::{facts_at, information};
use super::open::{Location, Opening, absolute, open_node};
use super::rename::{give_name, mark_deleted};
use super::reparse::{self, Said};
use super::rules::{NOT_SUPPORTED, NOT_THERE};
use super::{Borrowed, done, last_code, linking, paths, raw};
use crate::plan::Kind;
use crate::sys::{Answer, Lend};

/// What a symbolic link or junction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkText {
    /// A symbolic link's text, and whether it was made for a directory.
    Symlink { text: OsString, is_directory: bool },
    /// A link to be made to this path, for what is there.
    To(PathBuf),
    /// A junction's data, as the file system has it.
    Junction(Vec<u8>),
}

/// The text of a symbolic link to a path.
pub(crate) fn link_text(path: PathBuf) -> LinkText {
    LinkText::To(path)
}

/// Reads what a symbolic link or junction says. What stands for a volume, or for something unknown, is not to be had
/// twice.
pub(crate) fn read_link(directory: Borrowed<'_>, name: &OsStr) -> Answer<LinkText> {
    /// ntifs.h, `MAXIMUM_REPARSE_DATA_BUFFER_SIZE`.
    const DATA_BYTES_MAX: usize = 16 << 10;
    let file = open_node(directory, name, FILE_READ_ATTRIBUTES)?;
    let tag: FILE_ATTRIBUTE_TAG_INFO = information(file.lend(), FileAttributeTagInfo)?;
    let is_directory = tag.FileAttributes & FILE_ATTRIBUTE_DIRECTORY != 0;
    let mut data = vec![0; DATA_BYTES_MAX];
    let length = control(file.lend(), FSCTL_GET_REPARSE_POINT, &[], &mut data)?;
    data.truncate(length);
    match reparse::said(&data) {
        Some(Said::Symlink(text)) => {
            Ok(LinkText::Symlink { text: OsString::from_wide(&text), is_directory })
        }
        Some(Said::Junction) => Ok(LinkText::Junction(data)),
        Some(Said::Volume) | None => Err(NOT_SUPPORTED),
    }
}

/// Makes a symbolic link, or a junction like the one that was read.
pub(crate) fn make_symlink(text: &LinkText, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    match text {
        LinkText::Symlink { text, is_directory } => symlink(text, *is_directory, directory, name),
        LinkText::To(path) => {
            let here = super::working_directory();
            let there = facts_at(here, path.as_os_str(), true);
            let is_directory = there.is_ok_and(|facts| facts.kind == Kind::Directory);
            symlink(path.as_os_str(), is_directory, directory, name)
        }
        LinkText::Junction(data) => junction(data, directory, name),
    }
}

fn symlink(text: &OsStr, is_directory: bool, directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    // Checks the name; the call takes paths alone.
    Location::of_new(directory, name)?;
    let link = paths::with_end(paths::verbatim(&absolute(directory, name)?));
    let text = paths::with_end(text.encode_wide().collect());
    let call = |flags| {
        // SAFETY: both texts end in a zero.
        match unsafe { CreateSymbolicLinkW(link.as_ptr(), text.as_ptr(), flags) } {
            true => Ok(()),
            false => Err(last_code()),
        }
    };
    linking::make(is_directory, call, || facts_at(directory, name, false).is_ok())
}

fn junction(data: &[u8], directory: Borrowed<'_>, name: &OsStr) -> Answer<()> {
    let opening = Opening {
        access: FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | DELETE,
        disposition: FILE_CREATE,
        options: FILE_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT,
        attributes: FILE_ATTRIBUTE_NORMAL,
    };
    let made = opening.open(&Location::of_new(directory, name)?)?;
    match control(made.lend(), FSCTL_SET_REPARSE_POINT, data, &mut []) {
        Ok(_) => Ok(()),
        Err(code) => {
            // Best effort: what is being returned is the interesting error.
            let _ = mark_deleted(made.lend());
            Err(code)
        }
    }
}

/// Has a file system do something with an open file; returns how much it answered.
pub(super) fn control(
    file: Borrowed<'_>,
    request: u32,
    input: &[u8],
    output: &mut [u8],
) -> Answer<usize> {
    let none = |is_empty: bool, pointer: *const u8| if is_empty { null() } else { pointer };
    let mut answered = 0;
    // SAFETY: the pointers and lengths describe `input` and `output`; the call is synchronous.
    done(unsafe {
        DeviceIoControl(
            raw(file),
            request,
            none(input.is_empty(), input.as_ptr()).cast::<c_void>(),
            input.len() as u32,
            none(output.is_empty(), output.as_mut_ptr()).cast_mut().cast::<c_void>(),
            output.len() as u32,
            &raw mut answered,
            null_mut(),
        )
    })?;
    Ok(answered as usize)
}

/// Makes a FIFO, socket or device, of which there are none in directories here.
pub(crate) fn make_special(
    _directory: Borrowed<'_>,
    _name: &OsStr,
    _kind: Kind,
    _mode: u32,
    _device: u64,
) -> Answer<()> {
    Err(NOT_SUPPORTED)
}

/// Makes another name of an existing file; a symbolic link is linked itself unless `follow`.
pub(crate) fn make_link(
    from: (Borrowed<'_>, &OsStr),
    to: (Borrowed<'_>, &OsStr),
    follow: bool,
) -> Answer<()> {
    let options = if follow { 0 } else { FILE_OPEN_REPARSE_POINT };
    let opening = Opening::existing(FILE_WRITE_ATTRIBUTES, options);
    let file = opening.open(&Location::of(from.0, from.1)?)?;
    let location = Location::of_new(to.0, to.1)?;
    match give_name(file.lend(), &location, FileLinkInformation, 0) {
        // Wine before 9 has the older call alone.
        Err(code) if NOT_THERE.contains(&code) => link_by_path(file.lend(), to),
        answer => answer,
    }
}

fn link_by_path(file: Borrowed<'_>, to: (Borrowed<'_>, &OsStr)) -> Answer<()> {
    use windows_sys::Win32::Storage::FileSystem::CreateHardLinkW;
    let from = paths::with_end(super::open::final_path(file)?);
    let to = paths::with_end(paths::verbatim(&absolute(to.0, to.1)?));
    // SAFETY: both paths end in a zero.
    done(unsafe { CreateHardLinkW(to.as_ptr(), from.as_ptr(), null()) })
}
