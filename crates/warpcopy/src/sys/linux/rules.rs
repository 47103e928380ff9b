//! What the error codes of each method mean on Linux, with the source of each fact.

use rustix::io::Errno;

use crate::plan::Host::{Any, Network};
use crate::plan::Method::{Clone, CopyRange, Direct, ReadWrite, Sendfile, Uncached};
use crate::plan::Scope::{File, Pair, Process};
use crate::plan::Verdict::{Refused, Retry, RetryOnce};
use crate::plan::When::{Anywhere, Start};
use crate::plan::{Code, Host, Ladder, Method, Rule, Verdict, When};
use crate::sys::unix::code;

/// The methods that there are on Linux.
pub(crate) const METHODS: Ladder =
    Ladder::of(&[Clone, CopyRange, Sendfile, Uncached, Direct, ReadWrite]);

const fn row(
    method: Method,
    errno: Errno,
    when: When,
    host: Host,
    verdict: Verdict,
    source: &'static str,
) -> Rule {
    Rule { method, code: code(errno), when, host, verdict, source }
}

/// `ENOTSUPP`, a number the kernel keeps to itself but NFS and vendor drivers have let out.
pub(super) const NOTSUPP_LEAKED: Errno = Errno::from_raw_os_error(524);

/// Everything that is not a row is a failure. No row may name ENOSPC, EDQUOT, EROFS, ESTALE or, on local file
/// systems, EIO: those are truths about the target, whatever the method.
#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    row(Clone, Errno::OPNOTSUPP, Start, Any, Refused(Pair), "ioctl_ficlone(2): the file system cannot share blocks"),
    row(Clone, Errno::NOTTY, Start, Any, Refused(Pair), "drivers without the ioctl, before Linux 4.5"),
    row(Clone, Errno::NOSYS, Start, Any, Refused(Pair), "FUSE servers, seccomp"),
    row(Clone, Errno::XDEV, Start, Any, Refused(Pair), "ioctl_ficlone(2): different file systems; overlay and its backing store"),
    row(Clone, Errno::INVAL, Start, Any, Refused(File), "fs/remap_range.c: alignment, checksum flags (Btrfs NOCOW), realtime or DAX files"),
    row(Clone, Errno::PERM, Start, Any, Refused(File), "ioctl_ficlone(2): immutable target; security modules; seccomp"),
    row(Clone, Errno::BADF, Start, Any, Refused(File), "ioctl_ficlone(2): append-only target"),
    row(Clone, Errno::TXTBSY, Start, Any, Refused(File), "ioctl_ficlone(2): swap file"),
    row(Clone, Errno::ACCESS, Start, Any, Refused(File), "OpenZFS quarantined files; security modules"),
    row(Clone, Errno::AGAIN, Start, Any, Refused(File), "OpenZFS: blocks not yet on disk; treeverse/dvc#10743"),
    row(Clone, Errno::INTR, Anywhere, Any, Retry, "signal(7); OpenZFS answers so after partial progress"),

    row(CopyRange, Errno::NOSYS, Anywhere, Any, Refused(Process), "copy_file_range(2): before Linux 4.5; gVisor"),
    row(CopyRange, Errno::XDEV, Anywhere, Any, Refused(Pair), "copy_file_range(2): different file systems"),
    row(CopyRange, Errno::OPNOTSUPP, Anywhere, Any, Refused(Pair), "golang/go#40731, rust-lang/rust#75387: NFS servers"),
    row(CopyRange, NOTSUPP_LEAKED, Anywhere, Any, Refused(File), "kernel-internal code leaked by NFS"),
    row(CopyRange, Errno::PERM, Anywhere, Any, Refused(File), "rust-lang/rust#79274: immutable target or seccomp"),
    row(CopyRange, Errno::INVAL, Anywhere, Any, Refused(File), "copy_file_range(2); tarka/xcp#18: vboxsf"),
    row(CopyRange, Errno::BADF, Anywhere, Any, Refused(File), "golang/go#79660: append-only target; FUSE servers"),
    row(CopyRange, Errno::TXTBSY, Anywhere, Any, Refused(File), "copy_file_range(2): swap file"),
    row(CopyRange, Errno::ACCESS, Anywhere, Any, Refused(File), "libuv/libuv#3123: CephFS with a read-only source"),
    row(CopyRange, Errno::NOENT, Start, Any, Refused(File), "coreutils NEWS 9.2: CIFS"),
    row(CopyRange, Errno::NODATA, Anywhere, Any, Refused(File), "python/cpython#139416: Lustre"),
    row(CopyRange, Errno::OVERFLOW, Anywhere, Any, Refused(File), "copy_file_range(2): offset and length wrap"),
    row(CopyRange, Errno::FBIG, Anywhere, Any, Refused(File), "copy_file_range(2): a plain write gives the true verdict"),
    row(CopyRange, Errno::AGAIN, Anywhere, Any, Refused(File), "OpenZFS: openzfs/zfs#17485"),
    row(CopyRange, Errno::IO, Anywhere, Network, Refused(File), "golang/go#42334: CIFS on RHEL 7"),
    row(CopyRange, Errno::NOMEM, Anywhere, Any, RetryOnce, "fs/splice.c: no pipe buffer at this moment"),
    row(CopyRange, Errno::INTR, Anywhere, Any, Retry, "fs/splice.c: signal before any byte moved"),

    row(Sendfile, Errno::NOSYS, Anywhere, Any, Refused(Process), "sendfile(2)"),
    row(Sendfile, Errno::INVAL, Anywhere, Any, Refused(File), "sendfile(2): source cannot be spliced, target is append-only"),
    row(Sendfile, Errno::OPNOTSUPP, Anywhere, Any, Refused(File), "drivers without splice"),
    row(Sendfile, Errno::PERM, Anywhere, Any, Refused(File), "seccomp"),
    row(Sendfile, Errno::BADF, Anywhere, Any, Refused(File), "FUSE servers"),
    row(Sendfile, Errno::SPIPE, Anywhere, Any, Refused(File), "sendfile(2): source cannot seek"),
    row(Sendfile, Errno::NODATA, Anywhere, Any, Refused(File), "python/cpython#139416: Lustre"),
    row(Sendfile, Errno::OVERFLOW, Anywhere, Any, Refused(File), "sendfile(2)"),
    row(Sendfile, Errno::FBIG, Anywhere, Any, Refused(File), "a plain write gives the true verdict"),
    row(Sendfile, Errno::AGAIN, Anywhere, Any, Refused(File), "sendfile(2)"),
    row(Sendfile, Errno::ACCESS, Anywhere, Any, Refused(File), "security modules"),
    row(Sendfile, Errno::IO, Anywhere, Network, Refused(File), "as copy_file_range"),
    row(Sendfile, Errno::NOMEM, Anywhere, Any, RetryOnce, "fs/splice.c: no pipe buffer at this moment"),
    row(Sendfile, Errno::INTR, Anywhere, Any, Retry, "signal(7)"),

    row(Uncached, Errno::OPNOTSUPP, Anywhere, Any, Refused(Pair), "preadv2(2): file system without RWF_DONTCACHE; before Linux 6.16 not trusted"),
    row(Uncached, Errno::INVAL, Anywhere, Any, Refused(File), "preadv2(2): unknown flag"),
    row(Uncached, Errno::NOSYS, Anywhere, Any, Refused(Process), "preadv2(2): before Linux 4.6"),
    row(Uncached, Errno::PERM, Anywhere, Any, Refused(File), "seccomp"),
    row(Uncached, Errno::INTR, Anywhere, Any, Retry, "signal(7)"),

    row(Direct, Errno::INVAL, Anywhere, Any, Refused(File), "open(2): no O_DIRECT here, or an alignment it does not like"),
    row(Direct, Errno::OPNOTSUPP, Anywhere, Any, Refused(Pair), "statx(2): no direct I/O"),
    row(Direct, Errno::NOENT, Start, Any, Refused(File), "proc(5) not mounted: the file cannot be opened a second time"),
    row(Direct, Errno::ACCESS, Start, Any, Refused(File), "the file cannot be opened a second time"),
    row(Direct, Errno::PERM, Start, Any, Refused(File), "the file cannot be opened a second time"),
    row(Direct, Errno::MFILE, Start, Any, Refused(File), "open(2): no descriptor left for a second opening"),
    row(Direct, Errno::NFILE, Start, Any, Refused(File), "open(2): no descriptor left for a second opening"),
    row(Direct, Errno::INTR, Anywhere, Any, Retry, "signal(7)"),

    row(ReadWrite, Errno::INTR, Anywhere, Any, Retry, "signal(7)"),
];

/// A file without a name cannot be made here: open(2), `O_TMPFILE`; EISDIR from kernels before 3.11.
pub(crate) const NO_UNNAMED_HERE: [Code; 5] = [
    code(Errno::OPNOTSUPP),
    code(Errno::ISDIR),
    code(Errno::INVAL),
    code(Errno::NOENT),
    code(Errno::NOSYS),
];

/// A subvolume cannot be snapshotted here, but its tree can be copied. From `__btrfs_ioctl_snap_create` and
/// `create_snapshot` (fs/btrfs/ioctl.c): another file system, somebody else's subvolume, a directory that the caller may
/// not write to, a swap file in use, a name that was taken meanwhile; and what seccomp and gVisor answer to ioctl(2).
pub(crate) const NO_SNAPSHOT_HERE: [Code; 9] = [
    code(Errno::XDEV),
    code(Errno::PERM),
    code(Errno::ACCESS),
    code(Errno::TXTBSY),
    code(Errno::EXIST),
    code(Errno::INVAL),
    code(Errno::OPNOTSUPP),
    code(Errno::NOTTY),
    code(Errno::NOSYS),
];
