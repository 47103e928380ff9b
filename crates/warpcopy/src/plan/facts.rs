//! What the system told us about one end of a copy.

use std::cmp::Ordering;

/// What kind of thing a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// Which file it is: equal identities are the same file, whatever the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The device that holds it.
    pub device: u64,
    /// Its number there: 64 bits on most systems, 128 on ReFS, where fewer are not unique.
    pub inode: u128,
}

/// A point in time as file systems keep it: seconds since 1970 (negative before) and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Whole seconds since the epoch, rounded down.
    pub seconds: i64,
    /// Nanoseconds within the second, `0..1_000_000_000`.
    pub nanoseconds: u32,
}

impl Ord for Time {
    fn cmp(&self, other: &Time) -> Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Time) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What stat said about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) identity: Identity,
    pub(crate) len_bytes: u64,
    pub(crate) allocated_bytes: u64,
    /// Permission, set-id and sticky bits: the low twelve.
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    pub(crate) links: u64,
    /// The device that a device node stands for.
    pub(crate) special_device: u64,
    pub(crate) accessed: Time,
    pub(crate) modified: Time,
    pub(crate) changed: Time,
    /// When it was made, where that can be copied: macOS and Windows.
    pub(crate) born: Option<Time>,
    /// Flags as chflags(2) has them on macOS, file attributes on Windows; 0 elsewhere.
    pub(crate) flags: u32,
}

impl Facts {
    /// A file of so many bytes, none of them in a hole; tests change what they are about.
    #[cfg(test)]
    pub(crate) fn sample(len_bytes: u64) -> Facts {
        let zero = Time { seconds: 0, nanoseconds: 0 };
        Facts {
            kind: Kind::File,
            identity: Identity { device: 1, inode: 1 },
            len_bytes,
            allocated_bytes: len_bytes.next_multiple_of(4096),
            mode: 0o644,
            owner: 0,
            group: 0,
            links: 1,
            special_device: 0,
            accessed: zero,
            modified: zero,
            changed: zero,
            born: None,
            flags: 0,
        }
    }

    /// Whether the file occupies less than its length, so that asking for its holes may pay.
    pub(crate) fn is_sparse(&self) -> bool {
        self.allocated_bytes < self.len_bytes
    }

    pub(crate) fn looks(&self) -> Looks {
        Looks { owner: self.owner, group: self.group, mode: self.mode }
    }

    /// Whether content or attributes changed between two looks. Clock ticks hide changes within a few
    /// milliseconds, so `false` is no proof.
    pub(crate) fn has_changed_since(&self, earlier: &Facts) -> bool {
        self.len_bytes != earlier.len_bytes
            || self.modified != earlier.modified
            || self.changed != earlier.changed
    }
}

/// What of a file's looks has to be set where it is not as it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) owner: u32,
    pub(crate) group: u32,
    /// Permission, set-id and sticky bits.
    pub(crate) mode: u32,
}

/// What is worth knowing about a file system before a method is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(dead_code, reason = "each platform knows some of them")]
pub(crate) enum FileSystem {
    /// Shares blocks, pays most for small writes.
    Btrfs,
    /// May share blocks.
    Xfs,
    /// Never shares blocks; answers about holes can be believed.
    Ext4,
    /// Never shares blocks; answers about holes can be believed.
    Tmpfs,
    /// Hands on to a file system that it does not name: not Btrfs, mostly ext4 or XFS.
    Overlay,
    /// Shares blocks, also of whole files at once: macOS.
    Apfs,
    /// Shares blocks: Windows.
    Refs,
    /// Content is made up when it is read; lengths mean nothing.
    Pseudo,
    /// A server decides; errors of in-kernel copies may be quirks of it.
    Network,
    /// Anything else: nothing is assumed.
    #[default]
    Other,
}

impl FileSystem {
    /// Whether clones are likely to be made there.
    pub(crate) fn shares_blocks(self) -> bool {
        matches!(self, FileSystem::Btrfs | FileSystem::Xfs | FileSystem::Apfs | FileSystem::Refs)
    }

    /// Whether it can be taken at its word. Elsewhere "everything is a hole" is not believed, but read:
    /// openzfs/zfs#8816, #11900 and #15526 lost data to false answers. And a server may give a new file another owner
    /// or mode than was asked for, and fewer bytes than it says.
    pub(crate) fn is_trusted(self) -> bool {
        matches!(self, FileSystem::Btrfs | FileSystem::Xfs | FileSystem::Ext4 | FileSystem::Tmpfs)
    }
}
