//! What the tests of the command share.
//!
//! | file | gives |
//! |---|---|
//! | `scratch` | a directory on a named file system, removed with everything in it |
//! | `plant` | files, links, nodes, attributes: trees written as data |
//! | `compare` | `assert_same_tree` and what it is made of |
//! | `snapshot` | how a tree was, to prove that it was left alone |
//! | `run` | the command: arguments, other users, limits, faults |
//! | `trace` | which system calls a run makes, to fail each of them |
//! | `mount` | small file systems and bind mounts for one test |
//! | `random` | numbers and bytes from a seed |
//! | `garden` | random trees of everything, from a seed |
//! | `skip` | what could not run is counted, never silent |
//! | `failure` | what went wrong is said at once |

pub(crate) mod compare;
pub(crate) mod failure;
pub(crate) mod garden;
pub(crate) mod mount;
pub(crate) mod plant;
pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod scratch;
pub(crate) mod skip;
pub(crate) mod snapshot;
pub(crate) mod trace;

pub(crate) use compare::{Compare, assert_same_bytes, assert_same_tree};
pub(crate) use garden::Garden;
pub(crate) use mount::Mounted;
pub(crate) use plant::Node::{Dir, Fifo, File, HardLink, Symlink};
pub(crate) use plant::{name, plant, read};
pub(crate) use random::{Random, bytes, rounds};
pub(crate) use run::{Outcome, Warpcp, assert_nothing_left_over};
pub(crate) use scratch::{Fs, Scratch, everywhere, pairs};
pub(crate) use skip::{has_tool, is_root, skip};
pub(crate) use snapshot::Snapshot;
