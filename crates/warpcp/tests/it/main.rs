//! What the command promises, from outside: every test runs it on real files.
//!
//! `scripts/test` as root gives the tests every file system; plain `cargo test` uses those that are there. A
//! number like T05 names the case in the list of what a copier must survive, E03 a fault that copiers had.
#![cfg(target_os = "linux")]

mod ahead;
mod attributes;
mod calls;
mod clone;
mod completions;
mod crash;
mod differential;
mod durability;
mod environment;
mod every_call;
mod fast;
mod faults;
mod fuse;
mod gnu_differences;
mod gnu_lines;
mod gnu_options;
mod gnu_trees;
mod holes;
mod identical;
mod identity;
mod large;
mod limits;
mod links;
mod methods;
mod placing;
mod races;
mod replace;
mod reports;
mod snapshots;
mod special;
mod support;
mod twins;
mod yardstick;
