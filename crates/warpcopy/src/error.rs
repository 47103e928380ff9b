//! What failed: the operation, the paths, and the system's own error with its code intact.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::{Code, Method};

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// One operation that failed, on one path.
///
/// [`Display`](fmt::Display) is one lower-case clause without a full stop: operation, quoted path, cause.
/// [`io_error`](Error::io_error) hands out the system's error with its code; nothing wraps or hides it.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    operation: Operation,
    path: PathBuf,
    other: Option<PathBuf>,
    method: Option<Method>,
    offset: Option<u64>,
    attribute: Option<String>,
    cause: Option<io::Error>,
}

impl Error {
    #[cold]
    pub(crate) fn new(operation: Operation, path: PathBuf) -> Error {
        Error(Box::new(Inner {
            operation,
            path,
            other: None,
            method: None,
            offset: None,
            attribute: None,
            cause: None,
        }))
    }

    #[cold]
    pub(crate) fn with_cause(mut self, cause: impl Into<io::Error>) -> Error {
        self.0.cause = Some(cause.into());
        self
    }

    #[cold]
    pub(crate) fn with_other(mut self, other: PathBuf) -> Error {
        self.0.other = Some(other);
        self
    }

    #[cold]
    pub(crate) fn with_method(mut self, method: Method, offset: u64) -> Error {
        self.0.method = Some(method);
        self.0.offset = Some(offset);
        self
    }

    #[cold]
    pub(crate) fn with_attribute(mut self, name: String) -> Error {
        self.0.attribute = Some(name);
        self
    }

    /// Returns the operation that failed.
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// Returns the path that the operation was about.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns the second path, for operations that have two (the target of a clone, of a link).
    pub fn other_path(&self) -> Option<&Path> {
        self.0.other.as_deref()
    }

    /// Returns the method that was moving bytes when it failed.
    pub fn method(&self) -> Option<Method> {
        self.0.method
    }

    /// Returns how many bytes of the target were known to be right at that moment.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Returns the name of the extended attribute that could not be kept.
    pub fn attribute(&self) -> Option<&str> {
        self.0.attribute.as_deref()
    }

    /// Returns the system's error, if one was the cause.
    pub fn io_error(&self) -> Option<&io::Error> {
        self.0.cause.as_ref()
    }

    /// Returns the system's error code, if one was the cause.
    pub fn code(&self) -> Option<Code> {
        self.io_error().and_then(io::Error::raw_os_error).map(Code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{} \"{}\"", inner.operation.verb(), inner.path.display())?;
        if let Some(other) = &inner.other {
            write!(f, " and \"{}\"", other.display())?;
        }
        if let Some(attribute) = &inner.attribute {
            write!(f, " (attribute {attribute})")?;
        }
        if let Some(method) = inner.method {
            write!(f, " by {method} at offset {}", inner.offset.unwrap_or(0))?;
        }
        match (self.code(), &inner.cause) {
            (Some(code), _) => write!(f, ": {code}"),
            (None, Some(cause)) => write!(f, ": {cause}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The cause's text is part of ours already; a chain printer goes on below it.
        self.0.cause.as_ref().and_then(|cause| cause.get_ref()?.source())
    }
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident => $verb:literal),* $(,)?) => {
        /// What was being done when it failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[$doc])* $name),*
        }

        impl Operation {
            /// Returns the lower-case words that precede the path in a message.
            pub fn verb(self) -> &'static str {
                match self {
                    $(Operation::$name => $verb),*
                }
            }
        }
    };
}

operations! {
    /// Looking at the source before it is opened.
    StatSource => "stat source",
    /// Opening the source for reading.
    OpenSource => "open source",
    /// Reading a directory of the source.
    ReadDirectory => "read directory",
    /// Reading the text of a symbolic link.
    ReadLink => "read link",
    /// The source was replaced by something else between being listed and being opened.
    SourceReplaced => "source was replaced while being copied:",
    /// A directory of the target was replaced by something else during the copy.
    TargetReplaced => "target was replaced while being copied into:",
    /// The source is a directory and recursion was not asked for.
    OmitDirectory => "recursion not asked for; omit directory",
    /// Looking at the target.
    StatTarget => "stat target",
    /// Opening the directory that is to hold the target.
    OpenTargetDirectory => "open target directory",
    /// Opening an existing target for writing.
    OpenTarget => "open target",
    /// Keeping an existing target under another name.
    BackUp => "back up",
    /// A backup of the target would overwrite the source.
    BackUpSource => "backing up might destroy the source of",
    /// Creating a regular file at the target.
    CreateTarget => "create",
    /// Removing what has the target's name so that something new can have it.
    Replace => "replace",
    /// Making a directory at the target.
    CreateDirectory => "create directory",
    /// Making the target as a snapshot of the source.
    Snapshot => "make snapshot",
    /// Making a symbolic link at the target.
    CreateSymlink => "create symbolic link",
    /// A symbolic link with the source's relative path would be read from another directory than the current one.
    RelativeSymlink => "can make relative symbolic links only in current directory, not",
    /// Making a hard link at the target.
    CreateLink => "create hard link",
    /// Making a FIFO at the target.
    CreateFifo => "create fifo",
    /// Making a socket or device at the target.
    CreateSpecial => "create special file",
    /// The target exists and must not be replaced.
    TargetExists => "target exists:",
    /// The observer declined to replace the target.
    Declined => "not replacing",
    /// The target is a directory and the source is not.
    TargetIsDirectory => "cannot overwrite directory with non-directory:",
    /// The target is not a directory and the source is.
    TargetIsNotDirectory => "cannot overwrite non-directory with directory:",
    /// The target is a symbolic link that leads nowhere; writing through it is refused.
    DanglingTarget => "not writing through dangling symbolic link",
    /// Source and target are the same file.
    SameFile => "source and target are the same file:",
    /// The target was made by this very run, from another source.
    JustCreated => "will not overwrite just-created",
    /// The target is a symbolic link made by this very run, which would be written through.
    ThroughJustCreated => "will not copy through just-created symbolic link",
    /// A directory would be copied into itself.
    IntoItself => "cannot copy a directory into itself:",
    /// A directory was named, or met, before; its copy is not made again. A warning.
    Repeated => "was met before; skip",
    /// A directory was copied to another name before, and directories have no second names.
    LinkDirectory => "will not make a hard link to a directory:",
    /// A symbolic link leads back to a directory that holds it.
    SymlinkCycle => "symbolic link makes a cycle:",
    /// Sharing the source's blocks.
    Clone => "clone",
    /// Reading the source's bytes.
    Read => "read",
    /// Writing the target's bytes.
    Write => "write",
    /// Moving bytes inside the kernel, where either end may be at fault.
    Move => "copy",
    /// Finding the source's holes.
    FindHoles => "find holes of",
    /// Reserving the target's blocks.
    Preallocate => "preallocate",
    /// Setting the target's length.
    SetLength => "set length of",
    /// The target's length is not what the system claimed to have written.
    VerifyLength => "wrong length of",
    /// Setting owner and group.
    SetOwner => "set owner of",
    /// Reading or setting an extended attribute.
    SetXattr => "set extended attributes of",
    /// Setting the mode or the access control list.
    SetMode => "set mode of",
    /// Setting the times.
    SetTimes => "set times of",
    /// Setting flags (chflags on macOS) or file attributes (Windows).
    SetFlags => "set flags of",
    /// Forcing data to stable storage.
    SyncTarget => "sync",
    /// Closing the target; some file systems report a failed write only here.
    CloseTarget => "close",
    /// Giving the finished file its name.
    Publish => "rename temporary file to",
    /// The copy was cancelled.
    Cancelled => "cancelled",
    /// A request that the library cannot carry out as put.
    Unsupported => "cannot do as asked with",
}
