//! What `cp` says when an operation fails.

use std::io;
use std::path::Path;

use warpcopy::{Code, Error, Make, Operation};

use crate::quote::{quote, quote_if_needed};

/// A failure as far as a sentence needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) operation: Operation,
    pub(crate) path: &'a Path,
    /// The source, where `path` is the target and both matter.
    pub(crate) other: Option<&'a Path>,
    /// An extended attribute.
    pub(crate) attribute: Option<&'a str>,
    /// The system's words.
    pub(crate) cause: Option<&'a str>,
    /// What was to be made: a link to the source is worded otherwise than a copied link.
    pub(crate) make: Make,
}

/// Returns the sentence for an error of the engine; `None` where `cp` says nothing.
pub(crate) fn of_error(error: &Error, make: Make) -> Option<String> {
    let cause = error.io_error().map(words);
    sentence(Failure {
        operation: error.operation(),
        path: error.path(),
        other: error.other_path(),
        attribute: error.attribute(),
        cause: cause.as_deref(),
        make,
    })
}

/// Returns the system's words for an error, without Rust's number after them.
pub(crate) fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => Code(code).to_string(),
        None => error.to_string(),
    }
}

/// Returns the sentence, with the system's words after a colon; `None` where `cp` says nothing.
pub(crate) fn sentence(failure: Failure<'_>) -> Option<String> {
    let mut text = clause(failure)?;
    // That the target exists is all there is to say about it.
    if let Some(cause) = failure.cause.filter(|_| failure.operation != Operation::TargetExists) {
        text.push_str(": ");
        text.push_str(cause);
    }
    Some(text)
}

fn clause(failure: Failure<'_>) -> Option<String> {
    let path = quote(failure.path);
    // Without a second path its words go too.
    let with = |words: &str| match failure.other {
        Some(other) => format!(" {words} {}", quote(other)),
        None => String::new(),
    };
    let text = match failure.operation {
        // The answer came from the user, and the signal too: both know.
        Operation::Declined | Operation::Cancelled => return None,
        Operation::StatSource | Operation::StatTarget => format!("cannot stat {path}"),
        Operation::OpenSource => format!("cannot open {path} for reading"),
        Operation::ReadDirectory | Operation::OpenTargetDirectory => {
            format!("cannot access {path}")
        }
        Operation::ReadLink => format!("cannot read symbolic link {path}"),
        Operation::SourceReplaced => {
            format!("skipping file {path}, as it was replaced while being copied")
        }
        Operation::TargetReplaced => {
            format!("skipping {path}, as it was replaced while being copied into")
        }
        Operation::OmitDirectory => format!("-r not specified; omitting directory {path}"),
        // An existing target that cannot be opened is called so too.
        Operation::CreateTarget | Operation::OpenTarget => {
            format!("cannot create regular file {path}")
        }
        Operation::CreateDirectory => format!("cannot create directory {path}"),
        Operation::Snapshot => format!("cannot make snapshot {path}{}", with("of")),
        Operation::CreateSymlink if failure.make == Make::Symlinks => {
            format!("cannot create symbolic link {path}{}", with("to"))
        }
        Operation::CreateSymlink => format!("cannot create symbolic link {path}"),
        Operation::RelativeSymlink => {
            let path = quote_if_needed(failure.path);
            format!("{path}: can make relative symbolic links only in current directory")
        }
        Operation::CreateLink => format!("cannot create hard link {path}{}", with("to")),
        Operation::CreateFifo => format!("cannot create fifo {path}"),
        Operation::CreateSpecial => format!("cannot create special file {path}"),
        Operation::TargetExists => format!("not replacing {path}"),
        Operation::TargetIsDirectory => {
            let source = failure.other.map_or(String::new(), |other| format!(" {}", quote(other)));
            format!("cannot overwrite directory {path} with non-directory{source}")
        }
        Operation::TargetIsNotDirectory => {
            format!("cannot overwrite non-directory {path}{}", with("with directory"))
        }
        Operation::DanglingTarget => format!("not writing through dangling symlink {path}"),
        Operation::SameFile => match failure.other {
            Some(other) => format!("{} and {path} are the same file", quote(other)),
            None => format!("{path} is the source itself"),
        },
        Operation::Replace => format!("cannot remove {path}"),
        Operation::ThroughJustCreated => {
            let source = failure.other.map_or(String::new(), quote);
            format!("will not copy {source} through just-created symlink {path}")
        }
        Operation::BackUp => format!("cannot backup {path}"),
        Operation::BackUpSource => {
            let source = failure.other.map_or(String::new(), quote);
            format!("backing up {path} might destroy source;  {source} not copied")
        }
        Operation::JustCreated => format!("will not overwrite just-created {path}{}", with("with")),
        Operation::IntoItself => match failure.other {
            Some(other) => {
                format!("cannot copy a directory, {path}, into itself, {}", quote(other))
            }
            None => format!("cannot copy a directory, {path}, into itself"),
        },
        Operation::Repeated => {
            format!("warning: source directory {path} specified more than once")
        }
        Operation::LinkDirectory => {
            format!("will not create hard link {path}{}", with("to directory"))
        }
        Operation::SymlinkCycle => format!("cannot copy cyclic symbolic link {path}"),
        Operation::Clone => format!("failed to clone {path}{}", with("from")),
        Operation::Read => format!("error reading {path}"),
        Operation::Write | Operation::Preallocate => format!("error writing {path}"),
        Operation::Move => match failure.other {
            Some(other) => format!("error copying {} to {path}", quote(other)),
            None => format!("error copying to {path}"),
        },
        Operation::FindHoles => format!("cannot find the holes of {path}"),
        Operation::SetLength => format!("failed to extend {path}"),
        Operation::VerifyLength => format!("wrong length of {path} after copying"),
        Operation::SetOwner => format!("failed to preserve ownership for {path}"),
        Operation::SetXattr => match failure.attribute {
            Some(name) => format!("setting attribute {} for {path}", quote(name.as_ref())),
            None => format!("setting attributes for {path}"),
        },
        Operation::SetMode => format!("preserving permissions for {path}"),
        Operation::SetTimes => format!("preserving times for {path}"),
        Operation::SyncTarget => format!("failed to sync {path}"),
        Operation::CloseTarget => format!("failed to close {path}"),
        Operation::Publish => format!("cannot rename the finished copy to {path}"),
        other => format!("cannot {} {path}", other.verb()),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(operation: Operation, path: &str, other: Option<&str>, cause: Option<&str>) -> String {
        let failure = Failure {
            operation,
            path: Path::new(path),
            other: other.map(Path::new),
            attribute: None,
            cause,
            make: Make::Contents,
        };
        sentence(failure).unwrap()
    }

    #[test]
    fn failures_are_worded_as_cp_words_them() {
        use Operation::*;
        let denied = Some("Permission denied");
        let table = [
            (OpenSource, "x", None, denied, "cannot open 'x' for reading: Permission denied"),
            (StatSource, "x", None, denied, "cannot stat 'x': Permission denied"),
            (
                CreateTarget,
                "x/a",
                None,
                denied,
                "cannot create regular file 'x/a': Permission denied",
            ),
            (
                OpenTarget,
                "x/a",
                Some("a"),
                denied,
                "cannot create regular file 'x/a': Permission denied",
            ),
            (SameFile, "b", Some("a"), None, "'a' and 'b' are the same file"),
            (OmitDirectory, "d", None, None, "-r not specified; omitting directory 'd'"),
            (
                TargetIsDirectory,
                "d",
                Some("a  b"),
                None,
                "cannot overwrite directory 'd' with non-directory 'a  b'",
            ),
            (
                TargetIsNotDirectory,
                "x",
                Some("y"),
                None,
                "cannot overwrite non-directory 'x' with directory 'y'",
            ),
            (JustCreated, "x", Some("y"), None, "will not overwrite just-created 'x' with 'y'"),
            (
                IntoItself,
                "d",
                Some("d/sub"),
                None,
                "cannot copy a directory, 'd', into itself, 'd/sub'",
            ),
            (
                CreateSymlink,
                "x",
                Some("a"),
                denied,
                "cannot create symbolic link 'x': Permission denied",
            ),
            (
                CreateLink,
                "b",
                Some("a"),
                denied,
                "cannot create hard link 'b' to 'a': Permission denied",
            ),
            (DanglingTarget, "x", None, None, "not writing through dangling symlink 'x'"),
            (Clone, "b", Some("a"), denied, "failed to clone 'b' from 'a': Permission denied"),
            (Read, "a", None, denied, "error reading 'a': Permission denied"),
            (Write, "b", None, denied, "error writing 'b': Permission denied"),
            (Move, "b", Some("a"), denied, "error copying 'a' to 'b': Permission denied"),
            (
                SetOwner,
                "b",
                None,
                denied,
                "failed to preserve ownership for 'b': Permission denied",
            ),
            (SetTimes, "b", None, denied, "preserving times for 'b': Permission denied"),
            (SetMode, "b", None, denied, "preserving permissions for 'b': Permission denied"),
            (TargetExists, "b", None, Some("File exists"), "not replacing 'b'"),
            (
                SourceReplaced,
                "log",
                None,
                None,
                "skipping file 'log', as it was replaced while being copied",
            ),
        ];
        for (operation, path, other, cause, text) in table {
            assert_eq!(say(operation, path, other, cause), text);
        }
    }

    #[test]
    fn a_link_that_was_asked_for_names_what_it_leads_to() {
        let failure = Failure {
            operation: Operation::CreateSymlink,
            path: Path::new("b"),
            other: Some(Path::new("a")),
            attribute: None,
            cause: Some("File exists"),
            make: Make::Symlinks,
        };
        let text = sentence(failure).unwrap();
        assert_eq!(text, "cannot create symbolic link 'b' to 'a': File exists");
    }

    #[test]
    fn a_no_is_not_commented() {
        let failure = Failure {
            operation: Operation::Declined,
            path: Path::new("b"),
            other: None,
            attribute: None,
            cause: None,
            make: Make::Contents,
        };
        assert_eq!(sentence(failure), None);
    }
}
