//! Opening and creating, below open directories.

use std::ffi::OsStr;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN,
    FILE_OPEN_FOR_BACKUP_INTENT, FILE_OPEN_IF, FILE_OPEN_REPARSE_POINT, FILE_SEQUENTIAL_ONLY,
    FILE_SYNCHRONOUS_IO_NONALERT, NtCreateFile,
};
use windows_sys::Win32::Foundation::{
    GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE, OBJ_CASE_INSENSITIVE, UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_READONLY, FILE_LIST_DIRECTORY,
    FILE_READ_ATTRIBUTES, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TRAVERSE,
    FILE_WRITE_DATA, GetFinalPathNameByHandleW, SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use super::facts::{Reparse, facts, reparse_of};
use super::rules::{
    ACCESS_DENIED, INVALID_NAME, IS_DIRECTORY, NAME_TOO_LONG, NOT_FOUND, TOO_MANY_LINKS,
};
use super::{Borrowed, Handle, last_code, names, owned, paths, raw, status};
use crate::plan::Code;
use crate::sys::{Answer, Lend};

/// The handle that relative operands start from. It stands for no open directory: operands are made absolute.
pub(crate) fn working_directory() -> Borrowed<'static> {
    // SAFETY: the value is that of the process itself, which is always there and never a directory.
    unsafe { Borrowed::borrow_raw(INVALID_HANDLE_VALUE) }
}

fn is_working_directory(directory: Borrowed<'_>) -> bool {
    raw(directory) == INVALID_HANDLE_VALUE
}

/// Where something is: a name below an open directory, or a path of the kernel's that says all by itself.
pub(super) struct Location {
    pub(super) root: HANDLE,
    pub(super) name: Vec<u16>,
    /// It was written with a separator at its end.
    is_directory: bool,
}

impl Location {
    /// Finds what a name below a directory stands for. The kernel knows neither `.` nor `..`, and no relative paths.
    pub(super) fn of(directory: Borrowed<'_>, name: &OsStr) -> Answer<Location> {
        let units: Vec<u16> = name.encode_wide().collect();
        let is_one_name = !units.iter().any(|unit| paths::is_separator(*unit));
        let is_here = is_working_directory(directory);
        if !is_here && name == "." {
            return Ok(Location { root: raw(directory), name: Vec::new(), is_directory: true });
        }
        if !is_here && is_one_name && name != ".." {
            return Location { root: raw(directory), name: units, is_directory: false }.checked();
        }
        let mut path = absolute(directory, name)?;
        let is_directory = paths::without_trailing_separators(&mut path);
        Location { root: null_mut(), name: paths::native(&path), is_directory }.checked()
    }

    /// A stream of an open file, which the kernel finds relative to it.
    pub(super) fn stream(file: Borrowed<'_>, stream: &str) -> Location {
        let name = format!(":{stream}").encode_utf16().collect();
        Location { root: raw(file), name, is_directory: false }
    }

    fn checked(self) -> Answer<Location> {
        if self.name.len() > paths::UNITS_MAX { Err(NAME_TOO_LONG) } else { Ok(self) }
    }

    /// The same for something that is to be made, whose name must be a proper one.
    pub(super) fn of_new(directory: Borrowed<'_>, name: &OsStr) -> Answer<Location> {
        let units: Vec<u16> = name.encode_wide().collect();
        names::check(paths::last_name(&units)).map_err(|why| match why {
            names::Improper::Long => NAME_TOO_LONG,
            _ => INVALID_NAME,
        })?;
        Location::of(directory, name)
    }
}

/// The absolute path of a name below a directory; the system resolves `.` and `..` in it, as it does in any path.
pub(super) fn absolute(directory: Borrowed<'_>, name: &OsStr) -> Answer<Vec<u16>> {
    if name.is_empty() {
        return Err(NOT_FOUND);
    }
    let path = match is_working_directory(directory) {
        true => name.into(),
        false => {
            let below = final_path(directory)?;
            if name == ".." {
                return Ok(paths::above(&below));
            }
            // Not verbatim, so that there is something to resolve.
            let below = std::ffi::OsString::from_wide(&below);
            let below = below.to_string_lossy().replacen(r"\\?\UNC\", r"\\", 1);
            Path::new(below.strip_prefix(r"\\?\").unwrap_or(&below)).join(name)
        }
    };
    match std::path::absolute(&path) {
        Ok(path) => Ok(path.as_os_str().encode_wide().collect()),
        Err(error) => Err(error.raw_os_error().map_or(INVALID_NAME, Code)),
    }
}

/// The path of an open file, verbatim.
pub(super) fn final_path(file: Borrowed<'_>) -> Answer<Vec<u16>> {
    let mut path = vec![0_u16; 512];
    loop {
        let room = path.len() as u32;
        // SAFETY: the pointer and the length describe `path`.
        let length = unsafe { GetFinalPathNameByHandleW(raw(file), path.as_mut_ptr(), room, 0) };
        match length {
            0 => return Err(last_code()),
            _ if length < room => {
                path.truncate(length as usize);
                return Ok(path);
            }
            _ if length as usize > 2 * paths::UNITS_MAX => return Err(NAME_TOO_LONG),
            _ => path.resize(length as usize + 1, 0),
        }
    }
}

/// What is asked of the kernel when something is opened.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) access: u32,
    pub(super) disposition: u32,
    pub(super) options: u32,
    pub(super) attributes: u32,
}

impl Opening {
    /// An opening of what is there.
    pub(super) const fn existing(access: u32, options: u32) -> Opening {
        Opening { access, disposition: FILE_OPEN, options, attributes: 0 }
    }

    /// Opens it. Everybody else may read, write, rename and delete it meanwhile, as on other systems.
    pub(super) fn open(&self, location: &Location) -> Answer<Handle> {
        let bytes = (location.name.len() * 2) as u16;
        let name = UNICODE_STRING {
            Length: bytes,
            MaximumLength: bytes,
            Buffer: location.name.as_ptr().cast_mut(),
        };
        let attributes = OBJECT_ATTRIBUTES {
            Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
            RootDirectory: location.root,
            ObjectName: &raw const name,
            Attributes: OBJ_CASE_INSENSITIVE,
            SecurityDescriptor: null(),
            SecurityQualityOfService: null(),
        };
        let must_be_directory = if location.is_directory { FILE_DIRECTORY_FILE } else { 0 };
        let mut handle = null_mut();
        let mut block = IO_STATUS_BLOCK::default();
        // SAFETY: all pointers are to locals that outlive the call, which is synchronous.
        status(unsafe {
            NtCreateFile(
                &raw mut handle,
                self.access | SYNCHRONIZE | FILE_READ_ATTRIBUTES,
                &raw const attributes,
                &raw mut block,
                null(),
                self.attributes,
                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                self.disposition,
                self.options
                    | must_be_directory
                    | FILE_SYNCHRONOUS_IO_NONALERT
                    | FILE_OPEN_FOR_BACKUP_INTENT,
                null(),
                0,
            )
        })?;
        Ok(owned(handle))
    }
}

/// Opens what a name stands for, without following it if it stands for something else. What only keeps its content
/// elsewhere (deduplication, compression, cloud files) is opened by whoever keeps it.
fn open(
    directory: Borrowed<'_>,
    name: &OsStr,
    access: u32,
    options: u32,
    follow: bool,
) -> Answer<Handle> {
    let location = Location::of(directory, name)?;
    let through = Opening::existing(access, options);
    if follow {
        return through.open(&location);
    }
    let file = Opening::existing(access, options | FILE_OPEN_REPARSE_POINT).open(&location)?;
    match reparse_of(file.lend())? {
        Reparse::None => Ok(file),
        Reparse::Elsewhere(_) => through.open(&location),
        Reparse::Symlink | Reparse::Junction | Reparse::Unknown(_) => Err(TOO_MANY_LINKS),
    }
}

/// Opens a node without opening what it stands for; a symbolic link is opened as itself.
pub(super) fn open_node(directory: Borrowed<'_>, name: &OsStr, access: u32) -> Answer<Handle> {
    Opening::existing(access, FILE_OPEN_REPARSE_POINT).open(&Location::of(directory, name)?)
}

/// Opens an open file once more, for other things.
pub(super) fn reopen(file: Borrowed<'_>, access: u32, options: u32) -> Answer<Handle> {
    let location = Location { root: raw(file), name: Vec::new(), is_directory: false };
    Opening::existing(access, options).open(&location)
}

/// Opens a directory for listing. Only a directory is opened: a symbolic link is followed only if asked.
pub(crate) fn open_directory(
    directory: Borrowed<'_>,
    name: &OsStr,
    follow: bool,
) -> Answer<Handle> {
    open(directory, name, FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_DIRECTORY_FILE, follow)
}

/// Opens a directory for what is below it; permission to list it is not needed.
pub(crate) fn open_directory_path(
    directory: Borrowed<'_>,
    name: &OsStr,
    follow: bool,
) -> Answer<Handle> {
    open(directory, name, FILE_TRAVERSE, FILE_DIRECTORY_FILE, follow)
}

/// Opens a file or stream for reading.
pub(crate) fn open_source(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Handle> {
    open(directory, name, GENERIC_READ, FILE_SEQUENTIAL_ONLY, follow)
}

/// Opens an existing regular file for writing, without truncating it.
pub(crate) fn open_target(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Handle> {
    let access = GENERIC_READ | GENERIC_WRITE;
    let file = open(directory, name, access, FILE_NON_DIRECTORY_FILE, follow)?;
    // Wine lets the superuser write to what is read-only.
    match facts(file.lend())?.mode & 0o200 {
        0 => Err(ACCESS_DENIED),
        _ => Ok(file),
    }
}

/// Opens an existing device for writing a stream into it.
pub(crate) fn open_sink(directory: Borrowed<'_>, name: &OsStr) -> Answer<Handle> {
    open(directory, name, GENERIC_WRITE, FILE_NON_DIRECTORY_FILE, true)
}

/// Whether the caller could open the file for writing, as far as permissions tell.
pub(crate) fn may_write(directory: Borrowed<'_>, name: &OsStr) -> bool {
    let denied = |code: &Code| super::NO_PERMISSION.contains(code);
    !open(directory, name, FILE_WRITE_DATA, 0, true).is_err_and(|code| denied(&code))
}

/// Creates a regular file under a name that must be free, to be renamed or deleted by its handle. The only mode there
/// is: whether it may be written to, by others than this handle.
pub(crate) fn create(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<Handle> {
    create_with(directory, name, mode, FILE_CREATE, FILE_OPEN_REPARSE_POINT)
}

/// Creates the regular file that a symbolic link leads to.
pub(crate) fn create_through(directory: Borrowed<'_>, name: &OsStr, mode: u32) -> Answer<Handle> {
    create_with(directory, name, mode, FILE_OPEN_IF, 0)
}

fn create_with(
    directory: Borrowed<'_>,
    name: &OsStr,
    mode: u32,
    disposition: u32,
    options: u32,
) -> Answer<Handle> {
    let location = Location::of_new(directory, name)?;
    // A separator at its end asks for a directory, which a file is not.
    if location.is_directory {
        return Err(IS_DIRECTORY);
    }
    let attributes = match mode & 0o200 {
        0 => FILE_ATTRIBUTE_READONLY,
        _ => FILE_ATTRIBUTE_NORMAL,
    };
    let access = GENERIC_READ | GENERIC_WRITE | DELETE;
    let options = options | FILE_NON_DIRECTORY_FILE;
    Opening { access, disposition, options, attributes }.open(&location)
}

/// Makes a directory; there is no mode.
pub(crate) fn make_directory(directory: Borrowed<'_>, name: &OsStr, _mode: u32) -> Answer<()> {
    let location = Location::of_new(directory, name)?;
    let opening = Opening {
        access: FILE_LIST_DIRECTORY,
        disposition: FILE_CREATE,
        options: FILE_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT,
        attributes: FILE_ATTRIBUTE_NORMAL,
    };
    opening.open(&location).map(drop)
}
