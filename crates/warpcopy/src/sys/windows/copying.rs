//! The system's own way to copy a file, which makes its target: `CopyFile2`, or `CopyFileExW` where that is not.
//!
//! It knows what we do not: copies inside a server or a storage device, and from build 26100 on clones on ReFS.
//! Attributes and extended attributes go with the content.

use std::ffi::{OsStr, OsString, c_void};
use std::os::windows::ffi::OsStringExt;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE, HANDLE};
use windows_sys::Win32::Storage::FileSystem::{
    COPYFILE2_CALLBACK_CHUNK_FINISHED, COPYFILE2_EXTENDED_PARAMETERS, COPYFILE2_MESSAGE,
    COPYFILE2_PROGRESS_CANCEL, COPYFILE2_PROGRESS_CONTINUE, CopyFileExW, DELETE,
    FILE_ATTRIBUTE_READONLY, FILE_BASIC_INFO, FILE_WRITE_ATTRIBUTES, FileBasicInfo,
    PROGRESS_CANCEL, PROGRESS_CONTINUE,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::GetSystemTimePreciseAsFileTime;

use super::attributes::{Place, set_mode};
use super::copyfile::{BETTER, Told, code_of, flags, one_code, with_fewer_flags};
use super::facts::{facts, facts_at, information, set_information};
use super::open::{Location, absolute, final_path, open_node};
use super::process::build;
use super::rename::{mark_deleted, remove};
use super::{Borrowed, Handle, done, masks, paths};
use crate::plan::{Facts, Kind, Method};
use crate::sys::{Answer, Lend, Progress, Takes};

/// Creates a file with the source's content by a method of [`CREATING`](super::CREATING).
pub(crate) fn create_by(
    _method: Method,
    source: (Borrowed<'_>, &Facts),
    _takes: Takes,
    directory: Borrowed<'_>,
    name: &OsStr,
    progress: Progress<'_>,
) -> Answer<Handle> {
    // Checks the name; the call takes paths alone.
    Location::of_new(directory, name)?;
    let (source, like) = source;
    let flags = flags(build(), masks::is_sparse(like.flags)).ok_or(super::NOT_SUPPORTED)?;
    let from = paths::with_end(final_path(source)?);
    let to = paths::with_end(paths::verbatim(&absolute(directory, name)?));
    let mut listener = Listener { told: Told::default(), progress, is_made: false };
    let call = |flags| copy(&from, &to, flags, &mut listener);
    if let Err(code) = with_fewer_flags(flags, &BETTER, call) {
        if listener.is_made {
            // Mostly gone already. Best effort: what is being returned is the interesting error.
            let _ = remove(directory, name);
        }
        return Err(one_code(code));
    }
    let rest = listener.told.rest(like.len_bytes);
    let goes_on = (listener.progress)(rest);
    let made = open_made(directory, name)?;
    let refused = match goes_on {
        true if is_named(source, like) => return Ok(made),
        true => super::NOT_SUPPORTED,
        false => super::REQUEST_ABORTED,
    };
    // Best effort, as above.
    let _ = mark_deleted(made.lend());
    Err(refused)
}

/// Whether the source has the name still by which it was copied: the call takes paths alone.
fn is_named(source: Borrowed<'_>, like: &Facts) -> bool {
    let path = final_path(source).map(|path| OsString::from_wide(&path));
    path.and_then(|path| facts_at(super::working_directory(), &path, false))
        .is_ok_and(|facts| facts.identity == like.identity)
}

/// Opens what was just made, to be dressed and renamed by its handle. The copy has its source's time of modification,
/// which is for the caller to give.
fn open_made(directory: Borrowed<'_>, name: &OsStr) -> Answer<Handle> {
    let narrow = GENERIC_READ | FILE_WRITE_ATTRIBUTES | DELETE;
    let open = |access| open_node(directory, name, access);
    let now: FILE_BASIC_INFO;
    let made = match open(narrow | GENERIC_WRITE) {
        Err(super::rules::ACCESS_DENIED) => {
            // A read-only file is opened for writing by taking the mark away for a moment.
            let marked = open(narrow)?;
            now = information(marked.lend(), FileBasicInfo)?;
            set_mode(Place::Open(marked.lend()), 0o666)?;
            let made = open(narrow | GENERIC_WRITE)?;
            let is_marked = now.FileAttributes & FILE_ATTRIBUTE_READONLY != 0;
            set_mode(Place::Open(made.lend()), if is_marked { 0o444 } else { 0o666 })?;
            made
        }
        answer => answer?,
    };
    if facts(made.lend())?.kind != Kind::File {
        // A link took the source's place meanwhile.
        mark_deleted(made.lend())?;
        return Err(super::NOT_SUPPORTED);
    }
    let now = time_now();
    let times = FILE_BASIC_INFO { LastAccessTime: now, LastWriteTime: now, ..Default::default() };
    set_information(made.lend(), FileBasicInfo, &times)?;
    Ok(made)
}

fn time_now() -> i64 {
    let mut now = windows_sys::Win32::Foundation::FILETIME::default();
    // SAFETY: the pointer is to a local.
    unsafe { GetSystemTimePreciseAsFileTime(&raw mut now) };
    i64::from(now.dwHighDateTime) << 32 | i64::from(now.dwLowDateTime)
}

/// Who hears of the progress.
struct Listener<'a> {
    told: Told,
    progress: Progress<'a>,
    /// The target is there.
    is_made: bool,
}

impl Listener<'_> {
    fn hear(&mut self, stream: u32, transferred: u64) -> bool {
        self.is_made = true;
        let more = self.told.more(stream, transferred);
        (self.progress)(more)
    }
}

type CopyFile2 =
    unsafe extern "system" fn(*const u16, *const u16, *const COPYFILE2_EXTENDED_PARAMETERS) -> i32;

/// What is found by name, before it is known what it is.
type Found = unsafe extern "system" fn() -> isize;

/// `CopyFile2`, which Wine before 9 does not have: to call it there ends the process.
fn copy_file_2() -> Option<CopyFile2> {
    static FOUND: OnceLock<Option<CopyFile2>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let library: Vec<u16> = "kernel32.dll\0".encode_utf16().collect();
        // SAFETY: both names end in a zero; the library is loaded in every process.
        let found = unsafe {
            GetProcAddress(GetModuleHandleW(library.as_ptr()), c"CopyFile2".as_ptr().cast())
        }?;
        // SAFETY: the function of that name has this signature (winbase.h).
        Some(unsafe { std::mem::transmute::<Found, CopyFile2>(found) })
    })
}

fn copy(from: &[u16], to: &[u16], flags: u32, listener: &mut Listener<'_>) -> Answer<()> {
    let context = std::ptr::from_mut(listener).cast::<c_void>();
    let Some(copy_file_2) = copy_file_2() else {
        // SAFETY: both paths end in a zero, and the listener lives until the call has ended.
        return done(unsafe {
            CopyFileExW(
                from.as_ptr(),
                to.as_ptr(),
                Some(hear_routine),
                context,
                std::ptr::null_mut(),
                flags,
            )
        });
    };
    let parameters = COPYFILE2_EXTENDED_PARAMETERS {
        dwSize: size_of::<COPYFILE2_EXTENDED_PARAMETERS>() as u32,
        dwCopyFlags: flags,
        pfCancel: std::ptr::null_mut(),
        pProgressRoutine: Some(hear_message),
        pvCallbackContext: context,
    };
    // SAFETY: both paths end in a zero, and the parameters and the listener live until the call has ended.
    match unsafe { copy_file_2(from.as_ptr(), to.as_ptr(), &raw const parameters) } {
        0.. => Ok(()),
        result => Err(code_of(result)),
    }
}

unsafe extern "system" fn hear_message(
    message: *const COPYFILE2_MESSAGE,
    context: *const c_void,
) -> i32 {
    // SAFETY: the system passes a message, and the context that the call was made with, on the calling thread.
    let (message, listener) = unsafe { (&*message, &mut *context.cast_mut().cast::<Listener>()) };
    let (stream, transferred) = match message.Type {
        // SAFETY: the type says which part of the union is there.
        COPYFILE2_CALLBACK_CHUNK_FINISHED => unsafe {
            let chunk = message.Info.ChunkFinished;
            (chunk.dwStreamNumber, chunk.uliStreamBytesTransferred)
        },
        _ => (1, 0),
    };
    match listener.hear(stream, transferred) {
        true => COPYFILE2_PROGRESS_CONTINUE,
        false => COPYFILE2_PROGRESS_CANCEL,
    }
}

unsafe extern "system" fn hear_routine(
    _total: i64,
    _total_transferred: i64,
    _stream_size: i64,
    stream_transferred: i64,
    stream: u32,
    _reason: u32,
    _source: HANDLE,
    _target: HANDLE,
    context: *const c_void,
) -> u32 {
    // SAFETY: the system passes the context that the call was made with, on the calling thread.
    let listener = unsafe { &mut *context.cast_mut().cast::<Listener>() };
    match listener.hear(stream, stream_transferred.cast_unsigned()) {
        true => PROGRESS_CONTINUE,
        false => PROGRESS_CANCEL,
    }
}
