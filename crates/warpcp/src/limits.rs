//! The limit of open files, which holds back several threads long before it protects anything.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files that may be open to what the system allows.
pub(crate) fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Best effort: with the limit as it is, copying only gets slower.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
