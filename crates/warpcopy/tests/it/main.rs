//! What the library promises, from outside: its public interface on real files.
//!
//! `scripts/test` as root gives the tests every file system; plain `cargo test` uses those that are there. A number
//! like E03 names a fault that copiers had.

mod architecture;
mod backups;
mod contract;
mod existing;
mod faults;
mod interface;
mod links;
mod methods;
mod reports;
mod sharing;
mod snapshots;
mod stopping;
mod support;
mod trees;
mod watching;
