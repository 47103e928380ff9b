//! The methods, the order in which they are tried, and the one seam to the kernel.

use std::fmt;
use std::ops::Range;

use super::{Code, Facts, FileSystem};
use crate::options::{Options, Reflink, Sparse};

/// A way to move a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// Share the source's blocks: `FICLONE` on Linux, `fclonefileat(2)` on macOS, a block clone on Windows.
    #[doc(alias = "FICLONE")]
    #[doc(alias = "clonefile")]
    #[doc(alias = "reflink")]
    Clone,
    /// `copy_file_range(2)`: the kernel moves the bytes, or shares them without saying so.
    CopyRange,
    /// `sendfile(2)`: the kernel moves the bytes, also between file systems; through a pipe of ours and `splice(2)` from the
    /// second file of a worker on, and for ranges of 1 MiB and more.
    Sendfile,
    /// The system's own way to copy a file: `fcopyfile(3)` on macOS, `CopyFile2` or `CopyFileExW` on Windows, which may
    /// share blocks without saying so.
    #[doc(alias = "CopyFile2")]
    #[doc(alias = "fcopyfile")]
    CopyFile,
    /// Read and write that leave nothing in the page cache: `RWF_DONTCACHE` on Linux, `F_NOCACHE` on macOS.
    #[doc(alias = "RWF_DONTCACHE")]
    #[doc(alias = "F_NOCACHE")]
    Uncached,
    /// Read and write that bypass the page cache: `O_DIRECT`.
    #[doc(alias = "O_DIRECT")]
    Direct,
    /// Read and write through the page cache: works everywhere. Of a big file onto tmpfs, threads that help put the pages
    /// that they read into the file by `UFFDIO_COPY` instead of writing them, where the kernel lets them.
    ReadWrite,
}

impl Method {
    /// Every method on any platform, in order of preference.
    pub const ALL: [Method; 7] = [
        Method::Clone,
        Method::CopyRange,
        Method::Sendfile,
        Method::CopyFile,
        Method::Uncached,
        Method::Direct,
        Method::ReadWrite,
    ];

    /// Returns the method's name as it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::Clone => "clone",
            Method::CopyRange => "copy_file_range",
            Method::Sendfile => "sendfile",
            Method::CopyFile => "copyfile",
            Method::Uncached => "uncached",
            Method::Direct => "direct",
            Method::ReadWrite => "read_write",
        }
    }

    #[cfg(test)]
    #[allow(dead_code, reason = "only the script of a Unix asks")]
    pub(crate) fn is_whole(self) -> bool {
        WHOLE & self.bit() != 0
    }

    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Methods that take a whole file or nothing; the others move part of a range.
const WHOLE: u32 = Method::Clone.bit() | Method::CopyFile.bit();

/// Methods in the order in which they are tried, as a set of bits: the order is that of [`Method::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ladder(u32);

impl Ladder {
    /// Reading and writing, which work everywhere.
    pub(crate) const fn plain() -> Ladder {
        Ladder(Method::ReadWrite.bit())
    }

    pub(crate) const fn of(methods: &[Method]) -> Ladder {
        let mut bits = 0;
        let mut index = 0;
        while index < methods.len() {
            bits |= methods[index].bit();
            index += 1;
        }
        Ladder(bits)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods that both have.
    pub(crate) fn and(self, other: Ladder) -> Ladder {
        Ladder(self.0 & other.0)
    }

    pub(crate) fn without_all(self, other: Ladder) -> Ladder {
        Ladder(self.0 & !other.0)
    }

    fn with(self, methods: &[Method]) -> Ladder {
        Ladder(self.0 | Ladder::of(methods).0)
    }

    pub(crate) fn without(self, refused: u32) -> Ladder {
        Ladder(self.0 & !refused)
    }

    pub(crate) fn contains(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// The methods that take a whole file.
    pub(crate) fn whole(self) -> Ladder {
        Ladder(self.0 & WHOLE)
    }

    /// The methods that move part of a range.
    pub(crate) fn partial(self) -> Ladder {
        Ladder(self.0 & !WHOLE)
    }

    /// The method to be tried next.
    pub(crate) fn first(self) -> Option<Method> {
        Method::ALL.get(self.0.trailing_zeros() as usize).copied()
    }

    /// Returns the methods, first to be tried first.
    pub(crate) fn iter(mut self) -> impl Iterator<Item = Method> {
        std::iter::from_fn(move || {
            let first = self.first()?;
            self = self.without(first.bit());
            Some(first)
        })
    }
}

/// How one file's bytes are to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FillPlan {
    pub(crate) ladder: Ladder,
    /// The source's length when it was opened, in bytes; `None` if a length says nothing about this source.
    pub(crate) len_bytes: Option<u64>,
    /// Ask the source where its holes are and skip them.
    pub(crate) seeks_holes: bool,
    /// Make holes of zero runs in what is read.
    pub(crate) makes_holes: bool,
    /// Reserve blocks for ranges of data from this length in bytes on, before they are written.
    pub(crate) preallocate_from_bytes: Option<u64>,
    /// Data between holes that is shorter than this is read, whatever the ladder begins with, and its zeros are left out.
    pub(crate) read_below_bytes: u64,
    /// How many threads may move the bytes of one range.
    pub(crate) threads: usize,
    /// A clone is the only acceptable outcome.
    pub(crate) must_clone: bool,
}

/// From this length in bytes on a clone pays. On XFS it takes 1.41 of the time of reading and writing at 4 KiB, 1.20 at
/// 8 KiB, 0.77 at 16 KiB and 0.32 at 64 KiB; until everything is on disk it is 0.58, 0.53, 0.32 and 0.29. On Btrfs
/// what is written costs later, in reservations and inline extents: 2,000 files of 1 KiB and of 4 KiB took 0.73 and 0.69
/// of the time cloned. (`bench rules`, two workers, Linux 6.18.)
///
/// A source that was just written is cloned all the same: the clone waits until it is on disk, but 512 MiB took 0.71 of
/// the time of reading and writing on Btrfs so, and 0.11 on XFS, and 0.20 and 0.08 until on disk.
///
/// On ReFS, explicit clones of 1 KiB took 1.8 times as long as `File.Copy`, and those of 16 KiB and more were faster
/// (microsoft/CopyOnWrite, benchmarks of January 2024; not measured here).
///
/// What is written into a file that was cut to nothing XFS writes out when the file is closed (`xfs_file_release`), and a
/// clone leaves nothing to write out: 5,000 files of 1 KiB rewritten in place took 1.75 of `cp`'s time written and 1.05
/// cloned with one worker, 1.23 and 0.68 with two (medians of 7 interleaved rounds, Linux 6.18).
pub(crate) fn clone_pays_from_bytes(target: FileSystem, is_rewritten: bool) -> u64 {
    match target {
        FileSystem::Btrfs | FileSystem::Apfs => 1,
        FileSystem::Xfs if is_rewritten => 1,
        _ => 16 << 10,
    }
}

/// Whether clones of such sources are made one at a time. A sparse file has many extents, and the clones of two such files
/// meet in the file system's locks: 300 of 20 extents each took 1.27 of `cp`'s time on XFS and 1.22 on Btrfs with two
/// workers, 0.84 and 0.90 one at a time. With one extent each two gain (XFS 0.45 against 0.71 with one, Linux 6.18). With 4 to
/// 12 it makes little difference: 1.02 to 1.12 either way, where one worker has 0.80 to 0.95, and so nobody is called for
/// their sake (`Worker::wants_company`); how many there are is not known.
pub(crate) fn clones_in_turn(source: &Facts, target: FileSystem) -> bool {
    source.is_sparse() && matches!(target, FileSystem::Btrfs | FileSystem::Xfs)
}

/// From this length in bytes on, moving bytes inside the kernel saves 10 to 15 % over reading and writing; below it
/// nothing (`bench rules`, Linux 6.18: ext4 0.089 s both ways at 16 KiB, 0.095 against 0.110 s at 64 KiB, 0.056 against
/// 0.065 s at 256 KiB; tmpfs 0.082 and 0.081 s at 16 KiB, 0.100 against 0.112 s at 64 KiB).
/// The system's own copy of macOS and Windows opens both ends anew; from where that pays is not measured.
pub(crate) const OFFLOAD_PAYS_FROM_BYTES: u64 = 64 << 10;

/// From this length in bytes on, a piece of data between holes is moved inside the kernel. Below, moving saves nothing, as
/// with files: 30 sparse files of 100 pieces of 4 KiB took 0.83 of `cp`'s time read and written and 0.97 sent on tmpfs, 0.99
/// and 1.07 on ext4 (one worker, medians of 15 interleaved rounds). And short pieces may be mostly zeros: XFS allocates 64 KiB
/// where 4 KiB are written, and calls all of it data once it is in memory. `cp` leaves zeros out of every file with holes.
pub(crate) const PIECES_MOVED_FROM_BYTES: u64 = 128 << 10;

/// Whether `copy_file_range` may do more there than move pages: share blocks of a range, or ask a server to copy it. On
/// ext4 and tmpfs it never does, and what overlayfs hands it on to was asked for a clone before. On XFS it shares between
/// two mounts of one file system where Linux before 5.18 does not clone (ioctl_ficlone(2), EXDEV).
///
/// Where it only moves pages it does so through a pipe of 64 KiB, and `sendfile` through ours of 256 KiB, so that larger
/// folios are made of what is written: over the time of `cp -a`, 200 files of 512 KiB took 0.48 so and 0.57 by
/// `copy_file_range` on ext4, 600 of 256 KiB 0.43 and 0.53, 512 MiB 0.61 and 0.71; 512 KiB 0.51 and 0.57 on tmpfs. At
/// 64 KiB and 128 KiB they are the same (medians of 9 interleaved rounds, two workers, Linux 6.18; all by 1 MiB at a time
/// then).
fn copies_ranges_itself(source: FileSystem, target: FileSystem) -> bool {
    use FileSystem::{Ext4, Overlay, Tmpfs, Xfs};
    match target {
        Ext4 | Overlay | Tmpfs => false,
        Xfs => source == Xfs,
        _ => true,
    }
}

/// From this length in bytes on, threads that have nothing else to do help with one file. Starting them for smaller
/// ones takes more of the processors and gains nothing sure. Over `cp`'s time, with two threads and with one, within tmpfs,
/// from there to ext4, and from there to XFS: 16 MiB 0.91 and 0.91, 0.61 and 0.63, 0.74 and 0.65; 32 MiB 0.79 and 0.94, 0.55
/// and 0.64, 0.75 and 0.69; 64 MiB 0.80 and 1.10, 0.47 and 0.66, 0.62 and 0.68; 128 MiB 0.71 and 1.04, 0.51 and 0.59, 0.52
/// and 0.62 (medians of 11 interleaved rounds, Linux 6.18). What bounds it is in `docs/design/one-big-file.md`.
const SPLIT_PAYS_FROM_BYTES: u64 = 32 << 20;

/// Whether threads may help with a file of this length. The file systems are only asked for if it is long enough. Where it will
/// be a clone, on one Btrfs, nobody is asked: to find out who could help takes a score of system calls.
pub(crate) fn may_split(
    options: &Options,
    len_bytes: u64,
    is_one_device: bool,
    file_systems: impl FnOnce() -> (FileSystem, FileSystem),
) -> bool {
    if len_bytes < SPLIT_PAYS_FROM_BYTES {
        return false;
    }
    let (source, target) = file_systems();
    let may_clone = options.method.is_none() && forbidden(options) & Method::Clone.bit() == 0;
    let is_cloned = is_one_device && target == FileSystem::Btrfs && may_clone;
    !is_cloned && split_pays((source, target))
}

/// Whether a second thread makes it faster, from one file system to another.
///
/// Onto tmpfs and Btrfs threads put pages into a file beside its lock. tmpfs: 1 GiB took 0.66 of `cp -a`'s time so and 1.01 with
/// one thread from tmpfs, 0.69 and 0.89 from ext4 (`w1` of the bench, medians of 9 rounds); from a disk that is not in memory
/// 0.66 and 0.90 (512 MiB). Btrfs: 1 GiB 0.68 and 0.93 from ext4, 0.70 and 0.97 from XFS, 0.69 and 0.93 from tmpfs, 32 MiB 0.73 and
/// 0.89, 512 MiB to another Btrfs 0.69 and 0.95 (medians of 5 to 11 rounds), for 1.3 times `cp`'s processor time; in the bench
/// 0.71 from ext4 and 0.69 from tmpfs (15 rounds).
///
/// tmpfs gives its pages one by one, and that is worth doing beside the writing: 512 MiB took 0.50 of `cp`'s time with two
/// threads and 0.58 with one from tmpfs to ext4, 0.53 and 0.63 from tmpfs to XFS. XFS writes in less time than it takes to
/// read: 1 GiB took 0.71 and 0.76 from ext4, 0.61 and 0.94 from Btrfs (`w1` of the bench, medians of 7 rounds), 32 MiB 0.69
/// and 0.72, 0.72 and 0.71, 128 MiB 0.61 and 0.75, 0.63 and 0.77 (medians of 9). Onto ext4 from elsewhere the second thread
/// gains little for 1.7 times the processor time: 0.68 and 0.69 within ext4. Over a network nothing is known.
fn split_pays(file_systems: (FileSystem, FileSystem)) -> bool {
    use FileSystem::{Btrfs, Ext4, Network, Pseudo, Tmpfs, Xfs};
    match file_systems {
        (Network | Pseudo, _) | (_, Network) => false,
        (Tmpfs, _) | (_, Tmpfs) => true,
        (Ext4 | Btrfs, Xfs) => true,
        (Ext4 | Xfs | Btrfs, Btrfs) => true,
        _ => false,
    }
}

/// From this length in bytes on, bytes that nothing shares are moved around the cache on this file system; `None` means
/// only if asked. On macOS as its own `copyfile(3)` does; not measured.
fn uncached_pays_from_bytes(target: FileSystem) -> Option<u64> {
    (target == FileSystem::Apfs).then_some(10 << 20)
}

/// Reserving blocks for fewer bytes than this gains nothing sure: on ext4, files of 256 KiB took 0.56 of `cp`'s time
/// with it and 0.57 without, files of 1 MiB 0.51 and 0.61 (two workers, Linux 6.18).
pub(crate) const PREALLOCATE_FROM_BYTES: u64 = 1 << 20;

/// Whether blocks are reserved unasked. ext4 reserves room for each block of 4 KiB that a write dirties, under the
/// inode's lock, and finds nothing left to do where `fallocate(2)` has reserved all of them in one call: 512 MiB took
/// 0.52 of the time of `copy_file_range` alone, and 0.64 until on disk. On tmpfs it took 1.11, from ext4 to XFS 1.04
/// (`bench rules`, Linux 6.18). What is below overlayfs is mostly ext4: 256 MiB took 0.59 of `cp`'s time with it and 0.83
/// without.
fn preallocation_pays(target: FileSystem) -> bool {
    matches!(target, FileSystem::Ext4 | FileSystem::Overlay)
}

/// Chooses among the methods that there are `here` for one file; `is_rewritten` if the target is an old file cut to nothing.
/// What a table row has refused before is taken out by the caller.
pub(crate) fn choose(
    here: Ladder,
    options: &Options,
    source: &Facts,
    source_fs: FileSystem,
    target_fs: FileSystem,
    threads: usize,
    is_rewritten: bool,
) -> FillPlan {
    // A file that calls itself empty is believed where nothing is made up.
    let is_pseudo =
        source_fs == FileSystem::Pseudo || (source.len_bytes == 0 && !source_fs.is_trusted());
    let seeks_holes = options.sparse != Sparse::Never && source.is_sparse() && !is_pseudo;
    let must_clone = options.reflink == Reflink::Always;
    // Where the system copies whole files it reads ahead by itself.
    let is_split = threads > 1
        && !here.contains(Method::CopyFile)
        && source.len_bytes >= SPLIT_PAYS_FROM_BYTES
        && split_pays((source_fs, target_fs))
        && options.sparse != Sparse::Always
        && !options.uncached;
    let ladder = if must_clone {
        Ladder::of(&[Method::Clone])
    } else if let Some(method) = options.method {
        // A method that cannot do this file still ends in reading and writing, and says so.
        Ladder::of(&[method, Method::ReadWrite])
    } else if is_pseudo {
        Ladder::of(&[Method::ReadWrite])
    } else {
        let clone_pays = source.len_bytes >= clone_pays_from_bytes(target_fs, is_rewritten);
        automatic(options, source.len_bytes, (source_fs, target_fs), (clone_pays, is_split))
    };
    FillPlan {
        ladder: ladder.without(forbidden(options)).and(here),
        len_bytes: (!is_pseudo).then_some(source.len_bytes),
        seeks_holes,
        makes_holes: options.sparse == Sparse::Always,
        preallocate_from_bytes: ((options.preallocate || preallocation_pays(target_fs))
            && options.sparse != Sparse::Always
            && target_fs != FileSystem::Btrfs)
            .then_some(PREALLOCATE_FROM_BYTES),
        read_below_bytes: match options.method.is_some() || options.uncached {
            true => 0,
            false => PIECES_MOVED_FROM_BYTES,
        },
        threads: if is_split { threads } else { 1 },
        must_clone,
    }
}

fn automatic(
    options: &Options,
    len_bytes: u64,
    (source_fs, target_fs): (FileSystem, FileSystem),
    (clone_pays, is_split): (bool, bool),
) -> Ladder {
    let cloned = if clone_pays { &[Method::Clone][..] } else { &[] };
    let is_uncached = options.uncached
        || uncached_pays_from_bytes(target_fs).is_some_and(|pays_from| len_bytes >= pays_from);
    // What makes its own target comes before what fills one, and would come before the clone that pays more. From Windows
    // 11 24H2 on the system's own copy would clone, too, without saying so.
    let is_shared = clone_pays && [source_fs, target_fs] == [FileSystem::Refs; 2];
    let sends = !copies_ranges_itself(source_fs, target_fs);
    let moved = match len_bytes >= OFFLOAD_PAYS_FROM_BYTES && !is_split && !is_shared {
        _ if is_uncached => &[Method::Uncached, Method::Direct][..],
        true if sends => &[Method::Sendfile, Method::CopyFile],
        true => &[Method::CopyRange, Method::Sendfile, Method::CopyFile],
        false => &[],
    };
    Ladder::of(&[Method::ReadWrite]).with(cloned).with(moved)
}

/// Returns the methods that the options rule out, as bits.
fn forbidden(options: &Options) -> u32 {
    let sharing = Method::Clone.bit() | Method::CopyRange.bit() | Method::CopyFile.bit();
    // Zero runs can only be found, and zeros only be written, by a method that sees the bytes.
    let blind = sharing | Method::Sendfile.bit() | Method::CopyFile.bit();
    let by_reflink = if options.reflink == Reflink::Never { sharing } else { 0 };
    let by_sparse = match options.sparse {
        Sparse::Auto => 0,
        Sparse::Always => blind | Method::Uncached.bit() | Method::Direct.bit(),
        Sparse::Never => blind,
    };
    by_reflink | by_sparse
}

/// What the source holds from an offset on.
#[allow(dead_code, reason = "not every platform doubts its file systems")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// The next half-open range that holds data.
    Range(Range<u64>),
    /// The range may or may not hold data: the file system's answer is not believed, so it is to be read.
    Doubtful(Range<u64>),
    /// Nothing but a hole up to the source's end, which is now at this offset.
    HoleUntil(u64),
}

/// How far one call came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Bytes of the source that are done with.
    pub(crate) advanced: u64,
    /// How many of them were zeros that became a hole.
    pub(crate) skipped: u64,
    /// The last of them did: nothing was written at the end.
    pub(crate) ends_in_hole: bool,
    /// The source answered with less than there was room for: together with the length it had when it was
    /// opened, proof of its end.
    pub(crate) was_short: bool,
    /// The target may be longer than that: other threads came further, or made room.
    pub(crate) left_behind: bool,
}

/// Which end a failed call was about, as far as the call tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
    Either,
}

/// A call that failed: the raw code and the end it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) side: Side,
}

/// The seam between the loop that fills a file and the kernel. Everything above it is tested against a script.
///
/// All offsets are absolute and the same at both ends. Targets are empty when filling starts.
pub(crate) trait Mover {
    /// Carries the whole file over by a whole-file method; returns the length that the target then has. A method that
    /// takes its time tells `progress` how many more bytes it moved, and stops when that says so.
    fn whole(
        &mut self,
        method: Method,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<u64, Fault>;

    /// Moves bytes of `range`, from its start: any number up to the range's length. Zero means that the source
    /// gave nothing there, which is proof of its end from [`Method::ReadWrite`] alone.
    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault>;

    /// Finds the next data at or after `from`.
    fn next_data(&mut self, from: u64) -> Result<Data, Fault>;

    /// From here on, zeros that are read are left out, or not.
    fn leave_zeros_out(&mut self, is_wanted: bool) {
        let _ = is_wanted;
    }

    /// A hole of the target begins and ends here; nothing was written there.
    fn skip(&mut self, hole: Range<u64>) {
        let _ = hole;
    }

    /// Returns the source's present length.
    fn source_len(&mut self) -> Result<u64, Fault>;

    /// Sets the target's length: cuts what a failed method left behind, or makes the last hole.
    fn set_len(&mut self, len_bytes: u64) -> Result<(), Fault>;

    /// Reserves blocks for a range behind everything that was written, without changing the length.
    fn preallocate(&mut self, range: Range<u64>) -> Result<(), Fault>;
}

#[cfg(test)]
mod tests;
