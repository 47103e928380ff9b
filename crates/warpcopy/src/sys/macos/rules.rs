//! What the error codes of each method mean on macOS, with the source of each fact.

use super::errno::*;
use crate::plan::Host::{Any, Network};
use crate::plan::Method::{Clone, CopyFile, ReadWrite, Uncached};
use crate::plan::Scope::{File, Pair, PairIfRepeated};
use crate::plan::Verdict::{Refused, Retry};
use crate::plan::When::{Anywhere, Start};
use crate::plan::{Code, Host, Ladder, Method, Rule, Verdict, When};

/// The methods that there are on macOS.
pub(crate) const METHODS: Ladder = Ladder::of(&[Clone, CopyFile, Uncached, ReadWrite]);

/// Methods that make their own target: `fclonefileat(2)` wants a free name.
pub(crate) const CREATING: Ladder = Ladder::of(&[Clone]);

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

/// Everything that is not a row is a failure. No row may name ENOSPC, EDQUOT, EROFS, ESTALE or, on local file systems,
/// EIO: those are truths about the target, whatever the method. EDEADLK is none either: the source is in a cloud and
/// may not be fetched (clonefile(2)), by no method.
#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    row(Clone, XDEV, Start, Any, Refused(Pair), "clonefile(2): different file systems, also two volumes of one disk; Homebrew/brew#17373"),
    row(Clone, NOTSUP, Start, Any, Refused(PairIfRepeated), "clonefile(2): the file system does not clone; pnpm/pnpm#11150: one such answer is no proof"),
    row(Clone, OPNOTSUPP, Start, Any, Refused(PairIfRepeated), "as ENOTSUP, from file systems that use the older number"),
    row(Clone, NOSYS, Start, Any, Refused(PairIfRepeated), "as ENOTSUP, from FUSE servers"),
    row(Clone, INVAL, Start, Any, Refused(File), "clonefile(2): a kind of file that is not cloned"),
    row(Clone, PERM, Start, Any, Refused(File), "xnu vfs_syscalls.c: sandbox and other policies; flags of the source that only root could undo"),
    row(Clone, INTR, Anywhere, Any, Retry, "intro(2): a signal came first"),

    row(CopyFile, NOTSUP, Start, Any, Refused(File), "copyfile(3); and it is not asked for files with holes, which it fills"),
    row(CopyFile, OPNOTSUPP, Start, Any, Refused(File), "copyfile(3)"),
    row(CopyFile, INVAL, Start, Any, Refused(File), "copyfile(3)"),
    row(CopyFile, NOSYS, Start, Any, Refused(File), "FUSE servers"),
    row(CopyFile, IO, Start, Network, Refused(File), "a server that does not like this way of asking; reading and writing decides"),
    row(CopyFile, INTR, Anywhere, Any, Retry, "intro(2): a signal came first; it begins anew"),

    row(Uncached, INVAL, Anywhere, Any, Refused(File), "read(2), write(2): a file system that takes no such request"),
    row(Uncached, NOTSUP, Anywhere, Any, Refused(File), "a file system that takes no such request"),
    row(Uncached, INTR, Anywhere, Any, Retry, "intro(2): a signal came first"),

    row(ReadWrite, INTR, Anywhere, Any, Retry, "intro(2): a signal came first"),
];

/// There is something at that name.
pub(crate) const ALREADY_EXISTS: Code = EXIST;
/// Only a directory can have that name.
pub(crate) const IS_DIRECTORY: Code = ISDIR;
/// An answer of a method that makes its own target which is about the name or its directory, whatever the method.
/// EEXIST comes before EXDEV (xnu vfs_syscalls.c), so it says nothing about cloning.
pub(crate) const NAME_TAKEN: [Code; 8] =
    [EXIST, ISDIR, ACCES, ROFS, NOENT, NOTDIR, NAMETOOLONG, LOOP];
/// There is nothing at that name.
pub(crate) const NOT_FOUND: Code = NOENT;
/// That makes no sense here.
pub(crate) const INVALID: Code = INVAL;
/// The file system has no such thing.
pub(crate) const NOT_SUPPORTED: Code = NOTSUP;
/// Symbolic links that lead to each other.
pub(crate) const TOO_MANY_LINKS: Code = LOOP;
/// A running program is not written to.
pub(crate) const TEXT_BUSY: Code = TXTBSY;
/// Nobody reads the FIFO, or the device is not there.
pub(crate) const NO_READER: Code = NXIO;
/// A signal came first.
pub(crate) const INTERRUPTED: Code = INTR;
/// The stream has nothing at this moment.
pub(crate) const TRY_LATER: Code = AGAIN;
/// No descriptor is left in the process or the system.
pub(crate) const TOO_MANY_OPEN: [Code; 2] = [MFILE, NFILE];
/// The caller may not do that here.
pub(crate) const NO_PERMISSION: [Code; 2] = [PERM, ACCES];

/// Giving a file away, or an attribute, was declined in a way that leaves the copy right but for that: chown(2),
/// setattrlist(2), and file systems without owners or attributes.
pub(crate) const CANNOT_KEEP: [Code; 5] = [PERM, ACCES, INVAL, NOTSUP, OPNOTSUPP];

/// There is no such extended attribute.
pub(crate) const NO_ATTRIBUTE: Code = NOATTR;
/// The handle is open for its path alone.
pub(crate) const PATH_ONLY: Code = BADF;

/// A file cannot be made beside an existing one that may be written: directories that only others may change,
/// and read-only ones.
pub(crate) const NO_NEIGHBOUR_HERE: [Code; 5] = [PERM, ACCES, ROFS, NOENT, NOTSUP];

/// The target cannot be synced because there is nothing behind it: fsync(2).
pub(crate) const NOTHING_TO_SYNC: [Code; 3] = [INVAL, ROFS, NOTSUP];

/// The name cannot be given to another file, though the file that has it may be written: mount points, and
/// directories that only their owners may change.
pub(crate) const NO_RENAME_HERE: [Code; 4] = [BUSY, PERM, ACCES, XDEV];

/// A hard link cannot be made here, but a copy can: link(2), exFAT.
pub(crate) const NO_LINK_HERE: [Code; 5] = [MLINK, XDEV, PERM, NOTSUP, OPNOTSUPP];

/// A directory cannot be cloned as a whole here, but its tree can be copied: clonefile(2). Another volume, one that does
/// not clone, a volume's root, a policy, a kernel that would leave the lists behind, a name that was taken meanwhile.
pub(crate) const NO_SNAPSHOT_HERE: [Code; 7] = [XDEV, NOTSUP, OPNOTSUPP, NOSYS, INVAL, PERM, EXIST];
