//! What a file is, in the words of `plan`.

use std::ffi::{OsStr, c_void};
use std::ptr::null_mut;

use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_READONLY,
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_TAG_INFO, FILE_BASIC_INFO, FILE_ID_INFO,
    FILE_INFO_BY_HANDLE_CLASS, FILE_READ_ATTRIBUTES, FILE_REMOTE_PROTOCOL_INFO, FILE_STANDARD_INFO,
    FILE_TYPE_CHAR, FILE_TYPE_PIPE, FileAttributeTagInfo, FileBasicInfo, FileIdInfo,
    FileRemoteProtocolInfo, FileStandardInfo, GetFileInformationByHandle,
    GetFileInformationByHandleEx, GetFileType, GetVolumeInformationByHandleW,
    SetFileInformationByHandle,
};

use super::open::{Location, Opening, open_node};
use super::rules::{NOT_FOUND, PATH_NOT_FOUND};
use super::{Borrowed, done, masks, raw, times};
use crate::plan::{Facts, FileSystem, Identity, Kind, Time};
use crate::sys::{Answer, Lend};

pub(super) use super::reparse::Reparse;

/// Looks at an open file.
pub(crate) fn facts(file: Borrowed<'_>) -> Answer<Facts> {
    // SAFETY: no pointers are passed.
    match unsafe { GetFileType(raw(file)) } {
        FILE_TYPE_CHAR => return Ok(facts_of_stream(file, Kind::CharDevice)),
        FILE_TYPE_PIPE => return Ok(facts_of_stream(file, Kind::Fifo)),
        _ => {}
    }
    let basic: FILE_BASIC_INFO = information(file, FileBasicInfo)?;
    let standard: FILE_STANDARD_INFO = information(file, FileStandardInfo)?;
    let attributes = basic.FileAttributes;
    let reparse = match attributes & FILE_ATTRIBUTE_REPARSE_POINT {
        0 => Reparse::None,
        _ => reparse_of(file)?,
    };
    let kind = reparse.kind(attributes & FILE_ATTRIBUTE_DIRECTORY != 0);
    let len_bytes = standard.EndOfFile.cast_unsigned();
    // A compressed file occupies less than its length, too, and has no holes.
    let is_sparse = masks::is_sparse(attributes);
    let allocated_bytes = standard.AllocationSize.cast_unsigned();
    Ok(Facts {
        kind,
        identity: identity(file)?,
        len_bytes,
        allocated_bytes: if is_sparse { allocated_bytes } else { allocated_bytes.max(len_bytes) },
        mode: mode(kind, attributes),
        owner: 0,
        group: 0,
        links: u64::from(standard.NumberOfLinks),
        special_device: 0,
        accessed: times::from_steps(basic.LastAccessTime),
        modified: times::from_steps(basic.LastWriteTime),
        changed: times::from_steps(basic.ChangeTime),
        born: Some(times::from_steps(basic.CreationTime)),
        flags: attributes,
    })
}

/// Looks at a name below an open directory.
pub(crate) fn facts_at(directory: Borrowed<'_>, name: &OsStr, follow: bool) -> Answer<Facts> {
    if !follow {
        return facts(open_node(directory, name, FILE_READ_ATTRIBUTES)?.lend());
    }
    let opening = Opening::existing(FILE_READ_ATTRIBUTES, 0);
    match opening.open(&Location::of(directory, name)?) {
        // A link that leads nowhere, whichever part of the way is missing.
        Err(PATH_NOT_FOUND) => Err(NOT_FOUND),
        answer => facts(answer?.lend()),
    }
}

/// What can be said of a device or pipe.
fn facts_of_stream(file: Borrowed<'_>, kind: Kind) -> Facts {
    const NEVER: Time = Time { seconds: 0, nanoseconds: 0 };
    Facts {
        kind,
        // Each is only itself.
        identity: Identity { device: u64::MAX, inode: raw(file).addr() as u128 },
        len_bytes: 0,
        allocated_bytes: 0,
        mode: 0o666,
        owner: 0,
        group: 0,
        links: 1,
        special_device: 0,
        accessed: NEVER,
        modified: NEVER,
        changed: NEVER,
        born: None,
        flags: 0,
    }
}

/// Read-only or not is all that there is; on a directory even that means something else (it has an icon of its own).
fn mode(kind: Kind, attributes: u32) -> u32 {
    match kind {
        Kind::Directory => 0o777,
        _ if attributes & FILE_ATTRIBUTE_READONLY != 0 => 0o444,
        _ => 0o666,
    }
}

/// Which file it is: the volume's number and 128 bits, of which the older number of 64 bits is a part that is not
/// unique on ReFS (`BY_HANDLE_FILE_INFORMATION`). File systems without the longer number have the older one.
fn identity(file: Borrowed<'_>) -> Answer<Identity> {
    if let Ok(id) = information::<FILE_ID_INFO>(file, FileIdInfo) {
        let inode = u128::from_le_bytes(id.FileId.Identifier);
        return Ok(Identity { device: id.VolumeSerialNumber, inode });
    }
    let mut info = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the pointer is to a local of the type that the call fills.
    done(unsafe { GetFileInformationByHandle(raw(file), &raw mut info) })?;
    Ok(Identity {
        device: u64::from(info.dwVolumeSerialNumber),
        inode: u128::from(info.nFileIndexHigh) << 32 | u128::from(info.nFileIndexLow),
    })
}

/// What an open file stands for, if not for itself.
pub(super) fn reparse_of(file: Borrowed<'_>) -> Answer<Reparse> {
    let Ok(info) = information::<FILE_ATTRIBUTE_TAG_INFO>(file, FileAttributeTagInfo) else {
        // Devices, and file systems without such things.
        return Ok(Reparse::None);
    };
    Ok(match info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT {
        0 => Reparse::None,
        _ => Reparse::of(info.ReparseTag),
    })
}

/// Asks for one kind of information about an open file.
pub(super) fn information<T: Default>(
    file: Borrowed<'_>,
    class: FILE_INFO_BY_HANDLE_CLASS,
) -> Answer<T> {
    let mut info = T::default();
    let pointer = (&raw mut info).cast::<c_void>();
    // SAFETY: the pointer and the size describe a local of the structure that the class fills.
    done(unsafe {
        GetFileInformationByHandleEx(raw(file), class, pointer, size_of::<T>() as u32)
    })?;
    Ok(info)
}

/// Sets one kind of information about an open file.
pub(super) fn set_information<T>(
    file: Borrowed<'_>,
    class: FILE_INFO_BY_HANDLE_CLASS,
    info: &T,
) -> Answer<()> {
    let pointer = std::ptr::from_ref(info).cast::<c_void>();
    // SAFETY: the pointer and the size describe a structure of the class's type.
    done(unsafe { SetFileInformationByHandle(raw(file), class, pointer, size_of::<T>() as u32) })
}

/// Says what kind of file system holds an open file; unknown if the system will not tell.
pub(crate) fn file_system(file: Borrowed<'_>) -> FileSystem {
    if information::<FILE_REMOTE_PROTOCOL_INFO>(file, FileRemoteProtocolInfo).is_ok() {
        return FileSystem::Network;
    }
    let mut name = [0_u16; 32];
    // SAFETY: the pointer and the length describe `name`; what is not wanted is not pointed to.
    let answer = done(unsafe {
        GetVolumeInformationByHandleW(
            raw(file),
            null_mut(),
            0,
            null_mut(),
            null_mut(),
            null_mut(),
            name.as_mut_ptr(),
            name.len() as u32,
        )
    });
    let is_refs = answer.is_ok() && name.starts_with(&"ReFS".encode_utf16().collect::<Vec<_>>());
    if is_refs { FileSystem::Refs } else { FileSystem::Other }
}
