//! What the system is and the process may do, and what of it there is not here.

use std::sync::OnceLock;

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;

use crate::sys::Caller;

/// Returns the number of the system's build: 26100 is Windows 11 24H2 and Server 2025.
pub(super) fn build() -> u32 {
    static BUILD: OnceLock<u32> = OnceLock::new();
    *BUILD.get_or_init(|| {
        let mut version = OSVERSIONINFOW {
            dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32,
            ..OSVERSIONINFOW::default()
        };
        // SAFETY: the pointer is to a local that says its own size.
        match unsafe { RtlGetVersion(&raw mut version) } {
            0 => version.dwBuildNumber,
            _ => 0,
        }
    })
}

/// Returns how many handles the process may have open: more than anybody needs (16 million; Mark Russinovich, "Pushing
/// the Limits of Windows: Handles").
pub(crate) fn open_files_max() -> usize {
    1 << 20
}

/// Returns how many bytes of addresses the process may use, if there is a limit.
pub(crate) fn address_space_max() -> Option<u64> {
    None
}

/// Returns whether the caller is the superuser, who gives files away; nobody is here.
pub(crate) fn is_superuser() -> bool {
    false
}

/// Returns what the process takes away from the mode of new files: nothing.
pub(crate) fn umask() -> u32 {
    0
}

/// Returns who new files of this process belong to.
pub(crate) fn caller() -> Caller {
    Caller { owner: 0, group: 0 }
}
