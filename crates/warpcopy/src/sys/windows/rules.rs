//! What the error codes of each method mean on Windows, with the source of each fact. Pure.
//!
//! All are Win32 codes ("System Error Codes"); statuses of the kernel and results of COM are translated before.

use crate::plan::Host::Any;
use crate::plan::Method::{Clone, CopyFile, ReadWrite, Uncached};
use crate::plan::Scope::{File, Pair};
use crate::plan::Verdict::Refused;
use crate::plan::When::{Anywhere, Start};
use crate::plan::{Code, Host, Ladder, Method, Rule, Verdict, When};

/// The methods that there are on Windows.
pub(crate) const METHODS: Ladder = Ladder::of(&[Clone, CopyFile, Uncached, ReadWrite]);

/// Methods that make their own target.
pub(crate) const CREATING: Ladder = Ladder::of(&[CopyFile]);

const fn row(
    method: Method,
    code: Code,
    when: When,
    host: Host,
    verdict: Verdict,
    source: &'static str,
) -> Rule {
    Rule { method, code, when, host, verdict, source }
}

/// Everything that is not a row is a failure. No row may name a full disk or quota (39, 112, 1295), a write-protected
/// one (19), a virus (225), a broken checksum (23, 323) or somebody's lock (32, 33): those are truths about a file,
/// whatever the method.
#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    row(Clone, INVALID_FUNCTION, Start, Any, Refused(Pair), "Block cloning on ReFS: one volume, with FILE_SUPPORTS_BLOCK_REFCOUNTING; what NTFS answers (nicokoch/reflink#1)"),
    row(Clone, CALL_NOT_IMPLEMENTED, Start, Any, Refused(Pair), "emulations without the call"),
    row(Clone, NOT_SUPPORTED, Start, Any, Refused(File), "MS-FSCC 2.3.8: unequally sparse, or beyond the allocation"),
    row(Clone, INVALID_PARAMETER, Start, Any, Refused(File), "MS-FSCC 2.3.8: unequally checked (integrity streams)"),
    row(Clone, BLOCK_TOO_MANY_REFERENCES, Start, Any, Refused(File), "microsoft/CopyOnWrite#1: after 8175 clones of one block"),
    row(Clone, INVALID_DATA, Start, Any, Refused(File), "nicokoch/reflink#10: a clone of an old build that is not its source"),
    row(Clone, ENCRYPTION_FAILED, Start, Any, Refused(File), "the blocks of an encrypted file mean nothing without its key"),

    row(CopyFile, INVALID_FUNCTION, Start, Any, Refused(Pair), "the file system has no such thing"),
    row(CopyFile, CALL_NOT_IMPLEMENTED, Start, Any, Refused(Pair), "emulations without the call"),
    row(CopyFile, NOT_SUPPORTED, Start, Any, Refused(File), "a sparse file before Windows 11 22H2; a server that cannot"),
    row(CopyFile, INVALID_PARAMETER, Start, Any, Refused(File), "CopyFile2: a flag that this build does not know"),
    row(CopyFile, INVALID_NAME, Start, Any, Refused(File), "a stream whose name the target's file system does not take"),

    row(Uncached, INVALID_PARAMETER, Anywhere, Any, Refused(File), "File Buffering: an alignment it does not like"),
    row(Uncached, NOT_SUPPORTED, Start, Any, Refused(File), "the file cannot be opened a second time"),
    row(Uncached, ACCESS_DENIED, Start, Any, Refused(File), "a read-only target cannot be opened a second time"),
];

pub(super) const INVALID_FUNCTION: Code = Code(1);
/// There is nothing at that name.
pub(crate) const NOT_FOUND: Code = Code(2);
pub(super) const PATH_NOT_FOUND: Code = Code(3);
const TOO_MANY_OPEN_FILES: Code = Code(4);
pub(super) const ACCESS_DENIED: Code = Code(5);
const INVALID_HANDLE: Code = Code(6);
pub(super) const INVALID_DATA: Code = Code(13);
const NOT_SAME_DEVICE: Code = Code(17);
pub(super) const NO_MORE_FILES: Code = Code(18);
const WRITE_PROTECT: Code = Code(19);
pub(super) const WRITE_FAULT: Code = Code(29);
pub(super) const SHARING_VIOLATION: Code = Code(32);
pub(super) const LOCK_VIOLATION: Code = Code(33);
pub(super) const HANDLE_EOF: Code = Code(38);
/// The file system has no such thing.
pub(crate) const NOT_SUPPORTED: Code = Code(50);
pub(super) const FILE_EXISTS: Code = Code(80);
pub(super) const INVALID_PARAMETER: Code = Code(87);
pub(super) const BROKEN_PIPE: Code = Code(109);
const CALL_NOT_IMPLEMENTED: Code = Code(120);
pub(super) const INVALID_NAME: Code = Code(123);
/// There is something at that name.
pub(crate) const ALREADY_EXISTS: Code = Code(183);
pub(super) const NAME_TOO_LONG: Code = Code(206);
const PIPE_BUSY: Code = Code(231);
pub(super) const MORE_DATA: Code = Code(234);
pub(super) const DELETE_PENDING: Code = Code(303);
/// Only a directory can have that name.
pub(crate) const IS_DIRECTORY: Code = Code(336);
const BLOCK_TOO_MANY_REFERENCES: Code = Code(347);
const ALERTED: Code = Code(739);
const TOO_MANY_HARD_LINKS: Code = Code(1142);
/// What a copy answers that was told to stop: only after a cancellation, which is asked about first.
pub(super) const REQUEST_ABORTED: Code = Code(1235);
const RETRY: Code = Code(1237);
const PRIVILEGE_NOT_HELD: Code = Code(1314);
const CANT_RESOLVE_FILENAME: Code = Code(1921);
pub(super) const ENCRYPTION_FAILED: Code = Code(6000);

/// The name of a new file is another's.
pub(crate) const NAME_TAKEN: [Code; 2] = [ALREADY_EXISTS, IS_DIRECTORY];
/// That makes no sense here.
pub(crate) const INVALID: Code = INVALID_PARAMETER;
/// Symbolic links that lead to each other; or one that is not to be followed.
pub(crate) const TOO_MANY_LINKS: Code = CANT_RESOLVE_FILENAME;
/// Somebody has the file open who lets nobody write, as the loader does with a running program.
pub(crate) const TEXT_BUSY: Code = SHARING_VIOLATION;
/// All ends of the pipe are taken.
pub(crate) const NO_READER: Code = PIPE_BUSY;
/// No call answers so here: nothing interrupts one.
pub(crate) const INTERRUPTED: Code = ALERTED;
/// No call answers so here: somebody's lock is no lease that is given back.
pub(crate) const TRY_LATER: Code = RETRY;
/// No handle is left in the process or the system.
pub(crate) const TOO_MANY_OPEN: [Code; 1] = [TOO_MANY_OPEN_FILES];
/// The caller may not do that here.
pub(crate) const NO_PERMISSION: [Code; 2] = [ACCESS_DENIED, PRIVILEGE_NOT_HELD];
/// A way of doing something that this build, file system or emulation does not have: the next way is tried.
pub(super) const NOT_THERE: [Code; 4] =
    [INVALID_FUNCTION, NOT_SUPPORTED, INVALID_PARAMETER, CALL_NOT_IMPLEMENTED];

/// An attribute was declined in a way that leaves the copy right but for that.
pub(crate) const CANNOT_KEEP: [Code; 5] =
    [ACCESS_DENIED, PRIVILEGE_NOT_HELD, INVALID_PARAMETER, NOT_SUPPORTED, INVALID_FUNCTION];
/// There is no such stream.
pub(crate) const NO_ATTRIBUTE: Code = NOT_FOUND;
/// The handle is open for its path alone, which does not keep anything from being asked here.
pub(crate) const PATH_ONLY: Code = INVALID_HANDLE;
/// A file cannot be made beside an existing one that may be written: directories that only others may change.
pub(crate) const NO_NEIGHBOUR_HERE: [Code; 3] = [ACCESS_DENIED, WRITE_PROTECT, NOT_SUPPORTED];
/// The target cannot be synced because there is nothing behind it: FlushFileBuffers on the console.
pub(crate) const NOTHING_TO_SYNC: [Code; 3] = [INVALID_HANDLE, INVALID_FUNCTION, NOT_SUPPORTED];
/// The name cannot be given to another file, though the file that has it may be written.
pub(crate) const NO_RENAME_HERE: [Code; 2] = [ACCESS_DENIED, NOT_SAME_DEVICE];
/// A hard link cannot be made here, but a copy can: CreateHardLinkW (1023 links; one volume), FAT.
pub(crate) const NO_LINK_HERE: [Code; 6] = [
    TOO_MANY_HARD_LINKS,
    NOT_SAME_DEVICE,
    ACCESS_DENIED,
    NOT_SUPPORTED,
    INVALID_FUNCTION,
    INVALID_PARAMETER,
];

#[cfg(test)]
pub(in crate::sys) mod tests;
