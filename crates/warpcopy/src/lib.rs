//! Copies files and trees as fast as the file system allows, never leaves half a file, and says how each file
//! was copied.
//!
//! [`Options`] say what is wanted, a [`Copier`] carries it out, a [`FileReport`] or [`TreeReport`] says what
//! happened. An [`Observer`] may watch; a [`Cancel`] may stop it.
//!
//! ```no_run
//! # fn main() -> Result<(), warpcopy::Error> {
//! let report = warpcopy::copy("a", "b")?;
//! println!("{} bytes by {:?}", report.bytes.len, report.bytes.method);
//! # Ok(())
//! # }
//! ```
//!
//! ```no_run
//! use warpcopy::{Copier, NoObserver, Options, Preserve};
//!
//! let copier = Copier::new(Options::new().preserve(Preserve::all()));
//! let report = copier.copy_tree("environment", "copy", &mut NoObserver);
//! assert!(report.is_complete(), "{:?}", report.errors);
//! ```
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod copier;
mod error;
mod file;
mod options;
mod plan;
mod report;
mod sys;
mod tree;
mod watch;

pub use copier::{Candidate, Copier, Filter, Transfer, copy};
pub use error::{Error, Operation, Result};
pub use options::{
    Backup, Existing, Make, Mode, Options, Preserve, Publish, Reflink, Sparse, Symlinks, Sync,
    Unlink, Xattrs,
};
pub use plan::{Code, Identity, Kind, Method, NoSnapshot, Scope, Time};
pub use report::{
    Bytes, ERRORS_KEPT_MAX, FileReport, InPlace, Outcome, Reason, Refusal, Sizes, Snapshot,
    StagingUsed, TreeReport,
};
pub use watch::{Cancel, Counters, Event, Flow, NoObserver, Observer, Question};
