//! Alternate streams of a file, and its access control list, which travel as extended attributes; extended attributes proper do not (only
//! `CopyFile2` takes them along).

use std::ffi::{CStr, CString, c_void};

use windows_sys::Wdk::Storage::FileSystem::{FILE_OPEN, FILE_OVERWRITE_IF};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_READ_DATA, FILE_WRITE_DATA, FileStreamInfo, GetFileInformationByHandleEx, READ_CONTROL,
};

use super::attributes::{ACL_ACCESS, Place};
use super::ends::{read_at, write_all_at};
use super::entries::streams;
use super::open::{Location, Opening, open_node};
use super::rules::PATH_NOT_FOUND;
use super::rules::{HANDLE_EOF, INVALID_NAME, MORE_DATA, NOT_FOUND, NOT_SUPPORTED, NOT_THERE};
use super::{Borrowed, Handle, done, lists, raw};
use crate::sys::{Answer, Lend};

/// The names of a file's alternate streams, and of its access control list if it has one of its own. A file system without any has none.
pub(crate) fn xattr_names(place: Place<'_>, out: &mut Vec<CString>) -> Answer<()> {
    out.clear();
    at(place, |file| {
        if lists::has_own(file) {
            out.push(ACL_ACCESS.to_owned());
        }
        names(file, out)
    })
}

/// Does something with the file at a place.
fn at<T>(place: Place<'_>, call: impl FnOnce(Borrowed<'_>) -> Answer<T>) -> Answer<T> {
    match place {
        Place::Open(file) => call(file),
        Place::Named(directory, name) => call(open_node(directory, name, READ_CONTROL)?.lend()),
    }
}

fn names(file: Borrowed<'_>, out: &mut Vec<CString>) -> Answer<()> {
    /// A file with more names than that is somebody's joke.
    const BYTES_MAX: usize = 16 << 20;
    // Most files have one stream: the first try needs no allocation. Of a type with the entries' alignment.
    let mut small = [0_u64; 64];
    match list(file, &mut small) {
        Err(MORE_DATA) => {}
        answer => return take_names(answer, &small, out),
    }
    let mut large = vec![0_u64; 1 << 10];
    loop {
        match list(file, &mut large) {
            Err(MORE_DATA) if large.len() * 8 < BYTES_MAX => large.resize(large.len() * 4, 0),
            answer => return take_names(answer, &large, out),
        }
    }
}

fn take_names(answer: Answer<()>, buffer: &[u64], out: &mut Vec<CString>) -> Answer<()> {
    match answer {
        // Directories have none at all.
        Err(HANDLE_EOF) => return Ok(()),
        Err(code) if NOT_THERE.contains(&code) => return Ok(()),
        answer => answer?,
    }
    let bytes: Vec<u8> = buffer.iter().flat_map(|number| number.to_ne_bytes()).collect();
    out.extend(streams(&bytes));
    Ok(())
}

fn list(file: Borrowed<'_>, buffer: &mut [u64]) -> Answer<()> {
    let size = size_of_val(buffer) as u32;
    let pointer = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: the pointer and the size describe the buffer.
    done(unsafe { GetFileInformationByHandleEx(raw(file), FileStreamInfo, pointer, size) })
}

/// Copies one alternate stream, or the list, from one place to another; `value` is room to do it in.
pub(crate) fn copy_xattr(
    from: Place<'_>,
    to: Place<'_>,
    name: &CStr,
    value: &mut Vec<u8>,
) -> Answer<()> {
    const BUFFER_BYTES: usize = 64 << 10;
    if name == ACL_ACCESS {
        return at(from, |from| at(to, |to| lists::copy(from, to)));
    }
    let source = open(from, name, FILE_READ_DATA, FILE_OPEN)?;
    let target = match open(to, name, FILE_WRITE_DATA, FILE_OVERWRITE_IF) {
        // A file system without streams does not know such names.
        Err(INVALID_NAME | NOT_FOUND | PATH_NOT_FOUND) => return Err(NOT_SUPPORTED),
        answer => answer?,
    };
    value.resize(BUFFER_BYTES, 0);
    let mut offset = 0;
    loop {
        let count = read_at(source.lend(), value, offset)?;
        if count == 0 {
            return Ok(());
        }
        write_all_at(target.lend(), &value[..count], offset)?;
        offset += count as u64;
    }
}

/// Opens a stream of a file.
fn open(place: Place<'_>, name: &CStr, access: u32, disposition: u32) -> Answer<Handle> {
    let name = name.to_str().map_err(|_| INVALID_NAME)?;
    let stream = |file: Borrowed<'_>| {
        let location = Location::stream(file, name);
        Opening { disposition, ..Opening::existing(access, 0) }.open(&location)
    };
    at(place, stream)
}

/// Removes the list, if that is what is meant; there is nothing else that this is asked for.
pub(crate) fn remove_xattr(place: Place<'_>, name: &CStr) -> Answer<()> {
    if name == ACL_ACCESS { at(place, lists::remove) } else { Ok(()) }
}
