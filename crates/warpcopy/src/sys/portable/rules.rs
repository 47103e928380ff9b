//! What the error codes mean on a Unix that nothing more is known of.

use rustix::io::Errno;

use crate::plan::{Host, Ladder, Method, Rule, Verdict, When};
use crate::sys::unix::code;

/// The methods that there are.
pub(crate) const METHODS: Ladder = Ladder::plain();

/// Everything that is not a row is a failure.
pub(crate) const RULES: &[Rule] = &[Rule {
    method: Method::ReadWrite,
    code: code(Errno::INTR),
    when: When::Anywhere,
    host: Host::Any,
    verdict: Verdict::Retry,
    source: "read(2), write(2): POSIX",
}];
