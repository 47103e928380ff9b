//! The codes that the engine asks about by name, on Linux and wherever nothing more is known.

use rustix::io::Errno;

use super::code;
use crate::plan::{Code, Ladder};

/// Methods that make their own target: none, all fill one that is open.
pub(crate) const CREATING: Ladder = Ladder::of(&[]);

/// There is something at that name.
pub(crate) const ALREADY_EXISTS: Code = code(Errno::EXIST);
/// The name of a new file is another's.
pub(crate) const NAME_TAKEN: [Code; 2] = [ALREADY_EXISTS, IS_DIRECTORY];
/// Only a directory can have that name.
pub(crate) const IS_DIRECTORY: Code = code(Errno::ISDIR);
/// There is nothing at that name.
pub(crate) const NOT_FOUND: Code = code(Errno::NOENT);
/// That makes no sense here.
pub(crate) const INVALID: Code = code(Errno::INVAL);
/// The file system has no such thing.
pub(crate) const NOT_SUPPORTED: Code = code(Errno::OPNOTSUPP);
/// Symbolic links that lead to each other.
pub(crate) const TOO_MANY_LINKS: Code = code(Errno::LOOP);
/// A running program is not written to.
pub(crate) const TEXT_BUSY: Code = code(Errno::TXTBSY);
/// Nobody reads the FIFO, or the device is not there.
pub(crate) const NO_READER: Code = code(Errno::NXIO);
/// A signal came first.
pub(crate) const INTERRUPTED: Code = code(Errno::INTR);
/// The clone may work when the source has reached the disk (OpenZFS); the file may be opened when a lease on it
/// is given back (fcntl(2)); the stream has nothing at this moment.
pub(crate) const TRY_LATER: Code = code(Errno::AGAIN);
/// No descriptor is left in the process or the system.
pub(crate) const TOO_MANY_OPEN: [Code; 2] = [code(Errno::MFILE), code(Errno::NFILE)];
/// The caller may not do that here.
pub(crate) const NO_PERMISSION: [Code; 2] = [code(Errno::PERM), code(Errno::ACCESS)];

/// Giving a file away was declined in a way that leaves the copy right but for its owner: chown(2), and
/// file systems without owners (EINVAL, EOPNOTSUPP).
pub(crate) const CANNOT_KEEP: [Code; 4] =
    [code(Errno::PERM), code(Errno::ACCESS), code(Errno::INVAL), code(Errno::OPNOTSUPP)];

/// There is no such extended attribute.
#[cfg(target_os = "linux")]
pub(crate) const NO_ATTRIBUTE: Code = code(Errno::NODATA);
/// There is no such extended attribute: there are none.
#[cfg(not(target_os = "linux"))]
pub(crate) const NO_ATTRIBUTE: Code = NOT_SUPPORTED;
/// The handle is open for its path alone.
pub(crate) const PATH_ONLY: Code = code(Errno::BADF);

/// A file cannot be made beside an existing one that may be written: directories that only others may change,
/// read-only ones with a writable file mounted into them, and procfs (ENOENT).
pub(crate) const NO_NEIGHBOUR_HERE: [Code; 5] = [
    code(Errno::PERM),
    code(Errno::ACCESS),
    code(Errno::ROFS),
    code(Errno::NOENT),
    code(Errno::OPNOTSUPP),
];

/// The target cannot be synced because there is nothing behind it: fsync(2).
pub(crate) const NOTHING_TO_SYNC: [Code; 3] =
    [code(Errno::INVAL), code(Errno::ROFS), code(Errno::OPNOTSUPP)];

/// The name cannot be given to another file, though the file that has it may be written: mount points, and
/// directories that only their owners may change.
pub(crate) const NO_RENAME_HERE: [Code; 4] =
    [code(Errno::BUSY), code(Errno::PERM), code(Errno::ACCESS), code(Errno::XDEV)];

/// A hard link cannot be made here, but a copy can: link(2), Btrfs subvolumes, protected_hardlinks.
pub(crate) const NO_LINK_HERE: [Code; 4] =
    [code(Errno::MLINK), code(Errno::XDEV), code(Errno::PERM), code(Errno::OPNOTSUPP)];
