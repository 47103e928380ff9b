//! The systems: one folder each, picked here. Everything above this line is the same everywhere.
//!
//! | folder | for |
//! |---|---|
//! | `linux` | Linux |
//! | `macos` | macOS |
//! | `windows` | Windows 10 1607 and later |
//! | `portable` | FreeBSD and every other Unix |
//! | `unix` | not a platform: what the Unixes share |
//!
//! What is no system's own is here: `buffer`, `zeros`, and the types that all answer with. `no_snapshots` and `only_linux`
//! answer for platforms that have no such thing.
//!
//! What each of them owes, under the same names, in terms of open handles and of names below them (compilation fails
//! where one is missing):
//!
//! | what | names |
//! |---|---|
//! | handles | `Handle` (owned), `Borrowed`, [`Lend`], `working_directory` |
//! | opening | `open_directory`, `open_directory_path`, `open_source`, `open_target`, `open_sink`, `read_link`, [`LinkText`] |
//! | making | `create`, `create_through`, `create_unnamed`, `create_by`, `make_directory`, `link_text`, `make_symlink`, `make_special`, `make_link` |
//! | in place | `must_not_be_rewritten` (on macOS) |
//! | names | `name_unnamed`, `finish` (close and publish what was made), `discard`, `rename_over`, `rename_to_free`, `remove`, `remove_directory`, `may_write` |
//! | looking | `facts`, `facts_at`, `file_system`, `Listing` |
//! | attributes | `Place`, `set_owner`, `set_mode`, `set_times`, `set_flags`, `xattr_names`, `copy_xattr`, `remove_xattr`, `has_default_acl`, `is_acl`, `ACL_ACCESS`, `ACL_DEFAULT`, `CAPABILITY` |
//! | bytes | `Ends` (the `Mover`), `BUFFER_BYTES`, `set_len`, `are_same_at_hand` and `share_all_blocks` (on Linux), and for streams `wait_a_moment`, `read_some`, `write_some` |
//! | trees | `snapshot`, `NO_SNAPSHOT_HERE` |
//! | disk | `sync_data`, `sync_all`, `sync_directory` |
//! | process | `open_files_max`, `address_space_max`, `umask`, `own_umask`, `own_descriptor_table`, `close_own_descriptor_table`, `can_own_descriptor_table`, `processors`, `is_superuser`, `caller` |
//! | meaning | `METHODS` (what there is here), `CREATING` (which of them make their own target), `RULES` (what their codes mean), and the codes that the engine asks about by name |

#[cfg(all(target_os = "linux", not(warpcopy_portable)))]
mod linux;
#[cfg(all(target_os = "linux", not(warpcopy_portable)))]
use linux as platform;

#[cfg(any(windows, all(test, not(warpcopy_portable))))]
mod windows;
#[cfg(windows)]
use windows as platform;

#[cfg(unix)]
mod unix;

#[cfg(any(target_os = "macos", all(test, target_os = "linux", not(warpcopy_portable))))]
mod macos;
#[cfg(target_os = "macos")]
use macos as platform;

#[cfg(any(warpcopy_portable, all(unix, not(any(target_os = "linux", target_os = "macos")))))]
mod portable;
#[cfg(any(warpcopy_portable, all(unix, not(any(target_os = "linux", target_os = "macos")))))]
use portable as platform;

#[cfg(all(test, target_os = "linux", not(warpcopy_portable)))]
#[path = "tests.rs"]
mod tables;

#[cfg(any(warpcopy_portable, not(any(target_os = "linux", target_os = "macos"))))]
mod no_snapshots;
#[cfg(any(warpcopy_portable, not(any(target_os = "linux", target_os = "macos"))))]
pub(crate) use no_snapshots::*;

#[cfg(any(warpcopy_portable, not(target_os = "linux")))]
mod only_linux;
#[cfg(any(warpcopy_portable, not(target_os = "linux")))]
pub(crate) use only_linux::*;

mod buffer;
mod zeros;
pub(crate) use buffer::Buffer;
use buffer::length_of;

/// Linux's table, by which the loop that fills files is tested: it has a row of every sort.
#[cfg(all(test, any(warpcopy_portable, all(unix, not(target_os = "linux")))))]
#[path = "linux/rules.rs"]
#[allow(dead_code, reason = "only its rows are wanted")]
mod linux_rules;
#[cfg(all(test, target_os = "linux", not(warpcopy_portable)))]
pub(crate) use linux::RULES as LINUX_RULES;
#[cfg(all(test, any(warpcopy_portable, all(unix, not(target_os = "linux")))))]
pub(crate) use linux_rules::RULES as LINUX_RULES;

pub(crate) use platform::*;

use std::ffi::{CStr, OsString};

use crate::plan::{Code, Facts, Kind};

/// A file is more than its content: streams and attributes go with it whatever is to be kept, as `CopyFileW` does it.
pub(crate) const WHOLE_FILES: bool = cfg!(windows);

/// Whether there are extended attributes that go along also where none are asked for.
pub(crate) const KEEPS_SOME_ANYWAY: bool = WHOLE_FILES || cfg!(target_os = "macos");

/// On macOS, the mark of a file that came from the internet.
#[cfg(any(target_os = "macos", all(test, target_os = "linux", not(warpcopy_portable))))]
pub(crate) const QUARANTINE: &CStr = c"com.apple.quarantine";

/// Whether this one does: that mark on macOS, every stream of a file on Windows, where one of them is it ("Mark of the
/// Web").
pub(crate) fn is_kept_anyway(name: &CStr) -> bool {
    #[cfg(target_os = "macos")]
    return name == QUARANTINE;
    #[cfg(not(target_os = "macos"))]
    return WHOLE_FILES && !name.is_empty();
}

/// A read-only file is not to be replaced without force, either. Elsewhere that is for its directory to say.
pub(crate) const READ_ONLY_STAYS: bool = cfg!(windows);

/// Whether an existing file has to be replaced, and never written anew in place.
#[cfg(not(target_os = "macos"))]
pub(crate) fn must_not_be_rewritten(_: Borrowed<'_>, _: &std::ffi::OsStr, _follow: bool) -> bool {
    false
}

/// Whether a file is kept encrypted, so that whoever reads it has it in the clear: only the system copies it as it is.
pub(crate) fn is_kept_encrypted(facts: &Facts) -> bool {
    const FILE_ATTRIBUTE_ENCRYPTED: u32 = 0x4000;
    cfg!(windows) && facts.flags & FILE_ATTRIBUTE_ENCRYPTED != 0
}

/// Lends an owned handle for a call.
pub(crate) trait Lend {
    fn lend(&self) -> Borrowed<'_>;
}

/// What a system call answers.
pub(crate) type Answer<T> = Result<T, Code>;

/// Why a finished file did not become visible.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "not every platform has flags")]
pub(crate) enum CommitError {
    /// Closing it failed: writes were lost.
    Close(Code),
    /// It could not be given its name.
    Name(Code),
    /// It has its name, but not the flags that could only be set after that.
    Flags(Code),
}

/// One name of a directory; what it is may be unknown, and is only a hint in any case (getdents(2)).
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: OsString,
    pub(crate) kind: Option<Kind>,
    pub(crate) inode: u64,
}

/// What a stream is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    ToRead,
    ToWrite,
}

/// Who the calling process acts as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) owner: u32,
    pub(crate) group: u32,
}

/// What of its source a target may take along that a method makes whole. What it may not, the method takes off again.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "only methods that make their own target ask")]
pub(crate) struct Takes {
    /// The access control list.
    pub(crate) list: bool,
    /// Extended attributes.
    pub(crate) xattrs: bool,
    /// The times; else they are those of a new file.
    pub(crate) times: bool,
}

/// Hears how many more bytes a method moved by itself; answers whether it is to go on.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64) -> bool;
