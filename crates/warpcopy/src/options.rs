//! What the caller wants, as plain data.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::SystemTime;

use crate::plan::{Method, Time};

/// Everything a caller can ask of a copy. Plain data; the default is the safe library contract.
///
/// The default follows symbolic links at the operand, makes missing parent directories, replaces an existing
/// target by a new file that appears under its name only when it is complete, gives it the source's mode
/// reduced by the process's umask, and keeps its times.
///
/// Every field has a setter of the same name that takes and returns the options by value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Whether blocks may, must or must not be shared with the source.
    pub reflink: Reflink,
    /// What happens to holes and to runs of zeros.
    pub sparse: Sparse,
    /// Use only this method; `None` lets the engine choose. `Some(Method::ReadWrite)` is the plain mode: no
    /// in-kernel method is tried at all.
    pub method: Option<Method>,
    /// What happens when something already has the target's name.
    pub existing: Existing,
    /// How the new content reaches the target's name.
    pub publish: Publish,
    /// An operand's target that is a symbolic link leading nowhere is written through, which makes the file it leads
    /// to (and leaves that behind, empty, if the copy fails). Otherwise it is refused.
    pub through_dangling: bool,
    /// Whether an existing target may be unlinked first.
    pub unlink: Unlink,
    /// Whether an existing target is kept under another name, and under which. Directories are not: what is copied
    /// into them joins what is there.
    pub backup: Backup,
    /// What the name of a [`Backup::Simple`] ends in.
    pub backup_suffix: OsString,
    /// Which attributes the target takes over from the source.
    pub preserve: Preserve,
    /// Which symbolic links of the source are followed.
    pub symlinks: Symlinks,
    /// What is made at the target: contents, attributes only, or links to the source.
    pub make: Make,
    /// A symbolic link to a directory that has the name of a directory's target is copied into. Otherwise that is an
    /// error.
    pub keep_directory_symlinks: bool,
    /// Directories are copied with everything below them; otherwise a directory operand is an error.
    pub recursive: bool,
    /// A directory may be copied into itself as GNU `cp` does it: until the first directory that the copy made is met
    /// in the source, which is an error. Otherwise nothing is made at all.
    pub into_itself: bool,
    /// A directory operand that is a Btrfs subvolume is copied as one snapshot, where that is the same as a copy that
    /// preserves everything; otherwise as usual, and [`TreeReport::snapshots`](crate::TreeReport#structfield.snapshots)
    /// says why.
    ///
    /// It is made only if nothing has the target's name, no other subvolume and no mount point lies below the source,
    /// the options (and no filter) ask for [`Preserve::all`] of everything, and the caller owns the subvolume or is
    /// privileged. It shows the tree at one moment, and is whole or not there; and it is on stable storage, whatever
    /// [`sync`](Options#structfield.sync) says. It differs from a copy in this:
    ///
    /// - The target is a subvolume: a device number of its own, the source's inode numbers, and nothing in it can be
    ///   linked or renamed to the outside.
    /// - Change times, birth times and inode flags are the source's.
    /// - Owners are kept by callers who could not give files away, and files are kept that they could not read.
    /// - Nothing in it is counted or told to an observer, and it cannot be cancelled. A file's names in other operands
    ///   are not linked to it.
    ///
    /// On macOS a directory on APFS is cloned instead (`clonefile(2)`), whoever owns it, and forced to the disk. What that
    /// loses: hard links become files of their own, set-id bits of files are cleared, and everything belongs to the
    /// caller unless that is root.
    pub snapshot: bool,
    /// With `recursive`, the contents of FIFOs and devices are read instead of making new nodes.
    pub copy_contents: bool,
    /// Missing parent directories of an operand's target are made (mode 0777 reduced by the umask).
    pub make_parents: bool,
    /// Do not descend into directories that are on another file system than their operand.
    pub one_file_system: bool,
    /// Regular files whose modification time is not after this one are left out.
    pub newer_than: Option<SystemTime>,
    /// How many threads copy a tree. One means: on the calling thread, in directory order. `None` lets the engine choose:
    /// the calling thread begins, and hands over to several when what is left will take some milliseconds.
    pub workers: Option<NonZeroUsize>,
    /// One worker copies everything in the order of GNU `cp`: operands as given, directories by inode number, each
    /// entry before the next. A directory's list is then in memory as a whole.
    pub ordered: bool,
    /// How much is on stable storage when a file is reported as copied.
    pub sync: Sync,
    /// Reserve blocks for each range of data of 1 MiB and more before it is written (never before a clone, never on
    /// Btrfs, never with [`Sparse::Always`]), so that a full disk is found early. On ext4, and on overlayfs
    /// unless Btrfs or ZFS is below it, this is done unasked.
    pub preallocate: bool,
    /// Leave the page cache as it was where the system can (`RWF_DONTCACHE`, else `O_DIRECT`).
    pub uncached: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            reflink: Reflink::Auto,
            sparse: Sparse::Auto,
            method: None,
            existing: Existing::Replace,
            publish: Publish::Staged,
            through_dangling: false,
            unlink: Unlink::Never,
            backup: Backup::None,
            backup_suffix: "~".into(),
            preserve: Preserve::default(),
            symlinks: Symlinks::FollowOperands,
            make: Make::Contents,
            keep_directory_symlinks: false,
            recursive: false,
            into_itself: false,
            snapshot: false,
            copy_contents: false,
            make_parents: true,
            one_file_system: false,
            newer_than: None,
            workers: None,
            ordered: false,
            sync: Sync::None,
            preallocate: false,
            uncached: false,
        }
    }
}

macro_rules! setters {
    ($($name:ident: $type:ty),* $(,)?) => {
        impl Options {
            /// Returns the default options.
            pub fn new() -> Options {
                Options::default()
            }
            $(
                #[doc = concat!("Returns the options with [`", stringify!($name), "`](Options#structfield.", stringify!($name), ") set.")]
                #[must_use]
                pub fn $name(mut self, value: $type) -> Options {
                    self.$name = value;
                    self
                }
            )*
        }
    };
}

setters! {
    reflink: Reflink,
    sparse: Sparse,
    method: Option<Method>,
    existing: Existing,
    publish: Publish,
    through_dangling: bool,
    unlink: Unlink,
    backup: Backup,
    backup_suffix: OsString,
    preserve: Preserve,
    symlinks: Symlinks,
    make: Make,
    keep_directory_symlinks: bool,
    recursive: bool,
    into_itself: bool,
    snapshot: bool,
    copy_contents: bool,
    make_parents: bool,
    one_file_system: bool,
    newer_than: Option<SystemTime>,
    workers: Option<NonZeroUsize>,
    ordered: bool,
    sync: Sync,
    preallocate: bool,
    uncached: bool,
}

/// Whether blocks are shared with the source (reflink, clone).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reflink {
    /// Share where the file system can and where it pays, else move the bytes.
    #[default]
    Auto,
    /// Share or fail. A file that cannot be cloned is an error and leaves no target.
    Always,
    /// Never share: methods that might share behind our back (`copy_file_range`) are not used either.
    Never,
}

/// What happens to holes and to runs of zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sparse {
    /// Holes that the source reports stay holes, and zeros in pieces of less than 128 KiB between them become some.
    #[default]
    Auto,
    /// As `Auto`, and runs of zeros become holes too; the data is read, never cloned.
    Always,
    /// No holes are made: they are written as zeros, and nothing is cloned.
    Never,
}

/// What happens when something already has the target's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Replace it, as [`Publish`] says.
    #[default]
    Replace,
    /// Fail, whatever it is (a dangling symbolic link too), and leave it alone.
    Fail,
    /// Leave it alone and report the file as skipped.
    Skip,
    /// Replace it when its modification time is before the source's, else skip.
    Older,
    /// Ask the observer; a "no" counts as a failure.
    Ask,
    /// Skip unless it is older than the source; ask before replacing.
    AskIfOlder,
}

/// How new content reaches the target's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publish {
    /// Always through a temporary file in the target's directory that takes the name when it is complete: a
    /// reader, or a crash, sees the old file or the new one. An existing target becomes a new inode; a symbolic
    /// link is replaced, not followed; other hard links keep the old content. Only a device or FIFO that is named
    /// as an operand's target is written into.
    #[default]
    Staged,
    /// A new target is created under its name (and removed on failure). An existing regular file with one link
    /// is replaced staged, keeping its owner, mode, ACL and extended attributes as writing into it would; where
    /// that cannot be done it is written in place, and the report says why.
    ///
    /// Where times are preserved, one that already is what the copy would be stays, and gets its time of access
    /// ([`StagingUsed::Identical`](crate::StagingUsed::Identical)). Its time of modification says when to look, and its bytes
    /// decide, where no disk is to be read for that: on Linux since 6.5, on ext4, XFS, Btrfs and tmpfs, for files that are in
    /// memory (of up to 128 KiB on Btrfs and XFS, else 16 MiB), and for clones of any length.
    Auto,
    /// As `Auto`, but existing targets are always written in place, as GNU `cp` does: inode and links stay, and
    /// a failure in the middle leaves an incomplete target.
    InPlace,
}

/// Whether an existing target may be unlinked before it is made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlink {
    /// No.
    #[default]
    Never,
    /// Only if it cannot be opened for writing (`cp -f`).
    IfUnopenable,
    /// Always (`cp --remove-destination`).
    Always,
}

/// Whether an existing target is kept under another name in its directory.
///
/// The names are those of GNU `cp`: the target's name with [`Options::backup_suffix`] (which replaces an older
/// backup), or with `.~1~`, `.~2~` and so on, one more than the highest that is there. If the copy then fails, the
/// target is put back; an older simple backup is lost all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backup {
    /// It is not.
    #[default]
    None,
    /// Under its name with the suffix.
    Simple,
    /// Under the next number.
    Numbered,
    /// Under the next number if it has numbered backups already, else with the suffix.
    Existing,
}

/// Which attributes of the source the target takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preserve {
    /// Permission bits, set-id and sticky bits, and access control lists.
    pub mode: Mode,
    /// Owner and group. Without the privilege the group alone is tried; failing is not an error, but set-id
    /// bits are dropped then.
    pub ownership: bool,
    /// Access and modification time, in nanoseconds.
    pub timestamps: bool,
    /// Names that share an inode in the source share one in the target.
    pub links: bool,
    /// Extended attributes (and file capabilities among them).
    pub xattrs: Xattrs,
}

impl Default for Preserve {
    /// Mode reduced by the umask, and times.
    fn default() -> Preserve {
        Preserve { timestamps: true, ..Preserve::nothing() }
    }
}

impl Preserve {
    /// Nothing but the permission bits reduced by the umask, as plain `cp` does.
    pub const fn nothing() -> Preserve {
        Preserve {
            mode: Mode::Masked,
            ownership: false,
            timestamps: false,
            links: false,
            xattrs: Xattrs::Drop,
        }
    }

    /// Everything that can be kept, as `cp -a`: extended attributes that the target cannot hold are only noted.
    pub const fn all() -> Preserve {
        Preserve {
            mode: Mode::Keep,
            ownership: true,
            timestamps: true,
            links: true,
            xattrs: Xattrs::Try,
        }
    }
}

/// What permission bits a target gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A new target gets the source's permission bits without set-id and sticky bits, reduced by the umask (or
    /// as the directory's default ACL says); an existing one keeps its own.
    #[default]
    Masked,
    /// The source's mode and access control list.
    Keep,
    /// What any new file gets: 0666, or 0777 for directories, reduced by the umask.
    Fresh,
}

/// What happens to extended attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Xattrs {
    /// They are not copied.
    #[default]
    Drop,
    /// They are copied; what the target cannot hold is reported as not preserved.
    Try,
    /// They are copied; what the target cannot hold makes the file a failure.
    Require,
}

/// Which symbolic links of the source are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// Those that are operands; those met below an operand are copied as links (`cp -H`).
    #[default]
    FollowOperands,
    /// All of them (`cp -L`).
    Follow,
    /// None: they are copied as links (`cp -P`).
    Keep,
}

/// What is made at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Make {
    /// A copy.
    #[default]
    Contents,
    /// The file and its attributes without its contents; the data of an existing target is left alone.
    AttributesOnly,
    /// Hard links to the source's files.
    HardLinks,
    /// Symbolic links to the source's files.
    Symlinks,
}

/// How much is on stable storage when a file is reported as copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Nothing is forced out: the system writes back in its own time.
    #[default]
    None,
    /// The file's content and size, before it takes its final name.
    Data,
    /// Also its attributes, its name and the directories made for it.
    Full,
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Time {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => {
                Time { seconds: after.as_secs().cast_signed(), nanoseconds: after.subsec_nanos() }
            }
            Err(before) => {
                let before = before.duration();
                let is_between = before.subsec_nanos() > 0;
                Time {
                    seconds: -before.as_secs().cast_signed() - i64::from(is_between),
                    nanoseconds: if is_between { 1_000_000_000 - before.subsec_nanos() } else { 0 },
                }
            }
        }
    }
}
