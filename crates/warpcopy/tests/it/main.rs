//! What the library promises, from outside: its public interface on real files.
//!
//! `scripts/test` as root gives the tests every file system; plain `cargo test` uses those that are there. A number
//! like E03 names a fault that copiers had.
//!
//! Some ask Linux (procfs, its file systems, what its methods answer) and run there alone; `hardware` asks macOS
//! (docs/testing.md).

#[cfg(unix)]
mod architecture;
#[cfg(unix)]
mod backups;
#[cfg(target_os = "linux")]
mod contract;
#[cfg(unix)]
mod existing;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "macos")]
#[path = "apple.rs"]
mod hardware;
mod interface;
#[cfg(unix)]
mod links;
#[cfg(target_os = "linux")]
mod methods;
#[cfg(target_os = "linux")]
mod reports;
#[cfg(target_os = "linux")]
mod sharing;
#[cfg(all(target_os = "linux", not(warpcopy_portable)))]
mod snapshots;
#[cfg(unix)]
mod stopping;
#[cfg(unix)]
mod support;
#[cfg(unix)]
mod trees;
#[cfg(unix)]
mod watching;
#[cfg(windows)]
mod windows;
