//! Pure decisions and the vocabulary they are made in.
//!
//! Nothing here does I/O, reads a clock, shares state or asks what platform it runs on; a test reads these files
//! and says so. That is what lets every decision be tested by enumeration, on any machine.
//!
//! | file | question it answers |
//! |---|---|
//! | `facts` | what is known about a source or a target |
//! | `decide` | what is to be done with this source and that target |
//! | `fast` | which files the fast path may take |
//! | `ladder` | which methods are tried, in which order; and `Mover`, the one seam to the kernel |
//! | `same` | whether an existing target may already be what copying would make of it |
//! | `snapshot` | whether one snapshot can stand for the copy of a tree |
//! | `verdict` | what an error code of a method means, and for how long |

mod decide;
mod facts;
mod fast;
mod ladder;
mod same;
mod snapshot;
mod verdict;

pub(crate) use decide::{
    Decision, Situation, Staging, Way, decide, looks_at_links, staging_after_backup,
};
pub(crate) use facts::{Facts, FileSystem, Looks};
pub(crate) use fast::{fast_below_bytes, is_fast, is_given_away};
pub(crate) use ladder::{
    Data, Fault, FillPlan, Ladder, Mover, Part, Side, choose, clones_in_turn, may_split,
};
pub(crate) use same::{compared_to_bytes, may_be_same};
pub(crate) use snapshot::asks_otherwise;
pub(crate) use verdict::{Host, Rule, Verdict, When, classify};

pub use facts::{Identity, Kind, Time};
pub use ladder::Method;
pub use snapshot::NoSnapshot;
pub use verdict::{Code, Scope};
