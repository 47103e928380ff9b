//! The systems: one folder each, picked here. Everything above this line is the same everywhere.
//!
//! | folder | for |
//! |---|---|
//! | `linux` | Linux |
//! | `windows` | Windows 10 1607 and later |
//!
//! What each of them owes, under the same names, in terms of open handles and of names below them (compilation fails
//! where one is missing):
//!
//! | what | names |
//! |---|---|
//! | handles | `Handle` (owned), `Borrowed`, [`Lend`], `working_directory` |
//! | opening | `open_directory`, `open_directory_path`, `open_source`, `open_target`, `open_sink`, `read_link`, [`LinkText`] |
//! | making | `create`, `create_through`, `create_unnamed`, `create_by`, `make_directory`, `link_text`, `make_symlink`, `make_special`, `make_link` |
//! | names | `name_unnamed`, `finish` (close and publish what was made), `discard`, `rename_over`, `rename_to_free`, `remove`, `may_write` |
//! | looking | `facts`, `facts_at`, `file_system`, `Listing` |
//! | attributes | `Place`, `set_owner`, `set_mode`, `set_times`, `set_flags`, `xattr_names`, `copy_xattr`, `remove_xattr`, `has_default_acl`, `is_acl`, `ACL_ACCESS`, `ACL_DEFAULT`, `CAPABILITY` |
//! | bytes | `Ends` (the `Mover`), `Buffer`, `set_len`, and for streams `wait_a_moment`, `read_some`, `write_some` |
//! | trees | `snapshot`, `NO_SNAPSHOT_HERE`; `no_snapshots` has both for platforms without such a thing |
//! | disk | `sync_data`, `sync_all`, `sync_directory` |
//! | process | `processors`, `open_files_max`, `address_space_max`, `umask`, `own_umask`, `own_descriptor_table`, `can_own_descriptor_table`, `is_superuser`, `caller` |
//! | meaning | `METHODS` (what there is here), `CREATING` (which of them make their own target), `RULES` (what their codes mean), and the codes that the engine asks about by name |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(windows, test))]
mod windows;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(windows)]
use windows as platform;

#[cfg(all(test, target_os = "linux"))]
mod tables;

#[cfg(not(target_os = "linux"))]
mod no_snapshots;
#[cfg(not(target_os = "linux"))]
pub(crate) use no_snapshots::*;

pub(crate) use platform::*;

use crate::plan::Code;

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

/// Hears how many more bytes a method moved by itself; answers whether it is to go on.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64) -> bool;
