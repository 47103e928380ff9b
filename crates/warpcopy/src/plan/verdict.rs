//! What an error code of a method means: try again, try another method, or fail.
//!
//! The meanings are rows of a table that each platform exports, with the source of each row. Nothing here knows a
//! number. A code that no row names is a failure: any driver may answer anything at any time.

use std::fmt;

use super::Method;

/// A system error code as the platform numbers it. Unknown numbers stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub i32);

impl fmt::Display for Code {
    /// Prints the system's words for the code, without a number and without the full stop that Windows has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.0).to_string();
        let words = text.split(" (os error").next().unwrap_or(&text);
        f.write_str(words.trim_end_matches('.'))
    }
}

impl From<Code> for std::io::Error {
    fn from(code: Code) -> std::io::Error {
        std::io::Error::from_raw_os_error(code.0)
    }
}

/// How far a refusal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// This file only.
    File,
    /// This file; and every file between the same two devices once three in a row were refused, for one refusal is no
    /// proof.
    PairIfRepeated,
    /// Every file between the same two devices.
    Pair,
    /// Every file, for the life of the process.
    Process,
}

/// What to do about a code.
#[allow(dead_code, reason = "not every platform has codes of each kind")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same call again (after asking for cancellation).
    Retry,
    /// The same call once more; if it says the same again, the copy fails.
    RetryOnce,
    /// Not with this method; the next one goes on at the offset reached. What is refused for more than this file comes
    /// before anything is done: nothing is to be undone then.
    Refused(Scope),
    /// The copy fails.
    Failed,
}

/// Whether the method had moved anything of this file when the code came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "not every platform has them all in its table")]
pub(crate) enum When {
    Start,
    Anywhere,
}

/// Between what kinds of file systems a row holds.
#[allow(dead_code, reason = "not every platform has codes of each kind")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Any,
    /// At least one end is served over a network, where in-kernel copies fail for reasons of the server.
    Network,
}

/// One row: this code from that method, then, there, means this; and who says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) method: Method,
    pub(crate) code: Code,
    pub(crate) when: When,
    pub(crate) host: Host,
    pub(crate) verdict: Verdict,
    /// Where the fact comes from; printed in the table of methods, not read by the program.
    #[allow(dead_code, reason = "documentation that travels with the row")]
    pub(crate) source: &'static str,
}

/// Returns the verdict of the first row that fits; [`Verdict::Failed`] if none does.
pub(crate) fn classify(
    rules: &[Rule],
    method: Method,
    code: Code,
    has_moved: bool,
    is_network: bool,
) -> Verdict {
    rules
        .iter()
        .find(|rule| {
            rule.method == method
                && rule.code == code
                && (rule.when == When::Anywhere || !has_moved)
                && (rule.host == Host::Any || is_network)
        })
        .map_or(Verdict::Failed, |rule| rule.verdict)
}

#[cfg(test)]
mod tests;
