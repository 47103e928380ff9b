//! Every option, one row each: how it is written, what it takes, what it means, what help says.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::SystemTime;

use warpcopy::{Method, Publish, Reflink, Sparse, Symlinks, Sync};

use crate::values::{self, Attribute, Update};

/// One option as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Flag {
    Archive,
    AttributesOnly,
    Atomic(Publish),
    CopyContents,
    Debug,
    Force,
    Interactive,
    Jobs(NonZeroUsize),
    /// `-d`: links are kept in both senses.
    KeepLinks,
    Link,
    Method(Option<Method>),
    Newer(Newer),
    NoClobber,
    NoPreserve(Vec<Attribute>),
    NoTargetDirectory,
    OneFileSystem,
    Parents,
    Preallocate,
    Preserve(Vec<Attribute>),
    Recursive,
    Reflink(Reflink),
    RemoveDestination,
    Sparse(Sparse),
    Stats,
    StripTrailingSlashes,
    SymbolicLink,
    Symlinks(Symlinks),
    Sync(Sync),
    TargetDirectory(PathBuf),
    Uncached,
    Update(Update),
    Verbose,
}

/// After which moment a file must have been modified to be copied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Newer {
    /// After this one.
    Than(SystemTime),
    /// After this file was.
    ThanFile(PathBuf),
}

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Takes {
    Nothing,
    Value(&'static str),
    /// Only after `=`.
    MaybeValue(&'static str),
}

/// Whose option it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Owner {
    Gnu,
    Own,
}

/// One option.
pub(crate) struct Row {
    /// The long name; for options without one, what the parser calls it.
    pub(crate) id: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) has_long: bool,
    pub(crate) takes: Takes,
    pub(crate) owner: Owner,
    pub(crate) help: &'static str,
    /// Makes a flag of the value; the text is empty if there is none.
    pub(crate) flag: fn(&OsStr) -> Result<Flag, String>,
}

const fn gnu(
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    help: &'static str,
    flag: fn(&OsStr) -> Result<Flag, String>,
) -> Row {
    Row { id: long, short, has_long: true, takes, owner: Owner::Gnu, help, flag }
}

const fn short_only(
    short: char,
    id: &'static str,
    help: &'static str,
    flag: fn(&OsStr) -> Result<Flag, String>,
) -> Row {
    let takes = Takes::Nothing;
    Row { id, short: Some(short), has_long: false, takes, owner: Owner::Gnu, help, flag }
}

const fn own(
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    help: &'static str,
    flag: fn(&OsStr) -> Result<Flag, String>,
) -> Row {
    Row { id: long, short, has_long: true, takes, owner: Owner::Own, help, flag }
}

use Takes::{MaybeValue, Nothing, Value};

/// The options, in the order of `--help`.
pub(crate) const ROWS: &[Row] = &[
    gnu(Some('a'), "archive", Nothing, "same as -dR --preserve=all", |_| Ok(Flag::Archive)),
    gnu(
        None,
        "attributes-only",
        Nothing,
        "make the file and its attributes, leave its data alone",
        |_| Ok(Flag::AttributesOnly),
    ),
    gnu(
        None,
        "copy-contents",
        Nothing,
        "with -R, read FIFOs and devices instead of making new ones",
        |_| Ok(Flag::CopyContents),
    ),
    short_only('d', "keep-links", "same as --no-dereference --preserve=links", |_| {
        Ok(Flag::KeepLinks)
    }),
    gnu(None, "debug", Nothing, "say how each file was copied; implies -v", |_| Ok(Flag::Debug)),
    gnu(
        Some('f'),
        "force",
        Nothing,
        "remove a target that cannot be opened, and try again",
        |_| Ok(Flag::Force),
    ),
    short_only('H', "follow-operands", "follow symbolic links among the operands only", |_| {
        Ok(Flag::Symlinks(Symlinks::FollowOperands))
    }),
    gnu(
        Some('i'),
        "interactive",
        Nothing,
        "ask before replacing; a no makes the exit status 1",
        |_| Ok(Flag::Interactive),
    ),
    gnu(Some('L'), "dereference", Nothing, "follow all symbolic links", |_| {
        Ok(Flag::Symlinks(Symlinks::Follow))
    }),
    gnu(Some('l'), "link", Nothing, "make hard links instead of copies", |_| Ok(Flag::Link)),
    gnu(Some('n'), "no-clobber", Nothing, "skip existing targets, as --update=none", |_| {
        Ok(Flag::NoClobber)
    }),
    gnu(
        Some('P'),
        "no-dereference",
        Nothing,
        "copy symbolic links as links (default with -R)",
        |_| Ok(Flag::Symlinks(Symlinks::Keep)),
    ),
    short_only('p', "preserve-usual", "same as --preserve=mode,ownership,timestamps", |_| {
        Ok(Flag::Preserve(Attribute::USUAL.to_vec()))
    }),
    gnu(
        None,
        "preserve",
        MaybeValue("LIST"),
        "keep these: mode, ownership, timestamps (the default list), links, xattr, all",
        |list| Ok(Flag::Preserve(values::attributes("--preserve", list)?)),
    ),
    gnu(None, "no-preserve", Value("LIST"), "do not keep these", |list| {
        Ok(Flag::NoPreserve(values::attributes("--no-preserve", list)?))
    }),
    gnu(None, "parents", Nothing, "rebuild the source's whole path below DIRECTORY", |_| {
        Ok(Flag::Parents)
    }),
    gnu(
        Some('R'),
        "recursive",
        Nothing,
        "copy directories with all that is in them; also -r",
        |_| Ok(Flag::Recursive),
    ),
    gnu(
        None,
        "reflink",
        MaybeValue("WHEN"),
        "share blocks: always (or fail; meant if no WHEN is given), auto (the default), never",
        |when| Ok(Flag::Reflink(values::reflink(when)?)),
    ),
    gnu(
        None,
        "remove-destination",
        Nothing,
        "remove each existing target before it is opened",
        |_| Ok(Flag::RemoveDestination),
    ),
    gnu(
        None,
        "sparse",
        Value("WHEN"),
        "holes: auto (keep them), always (make them of zeros too), never (write zeros)",
        |when| Ok(Flag::Sparse(values::sparse(when)?)),
    ),
    gnu(
        None,
        "strip-trailing-slashes",
        Nothing,
        "remove slashes at the end of each SOURCE",
        |_| Ok(Flag::StripTrailingSlashes),
    ),
    gnu(Some('s'), "symbolic-link", Nothing, "make symbolic links instead of copies", |_| {
        Ok(Flag::SymbolicLink)
    }),
    gnu(
        Some('t'),
        "target-directory",
        Value("DIRECTORY"),
        "copy every SOURCE into DIRECTORY",
        |directory| Ok(Flag::TargetDirectory(directory.into())),
    ),
    gnu(Some('T'), "no-target-directory", Nothing, "take TARGET as a plain name", |_| {
        Ok(Flag::NoTargetDirectory)
    }),
    short_only('u', "update-older", "same as --update=older", |_| Ok(Flag::Update(Update::Older))),
    gnu(
        None,
        "update",
        MaybeValue("UPDATE"),
        "replace which targets: all, none (skip them), none-fail (and fail), older (the default)",
        |update| Ok(Flag::Update(values::update(update)?)),
    ),
    gnu(Some('v'), "verbose", Nothing, "print what was copied to what", |_| Ok(Flag::Verbose)),
    gnu(Some('x'), "one-file-system", Nothing, "stay on the file system of each SOURCE", |_| {
        Ok(Flag::OneFileSystem)
    }),
    own(
        None,
        "atomic",
        Value("WHEN"),
        "replace targets whole: auto (the default, see below), always, never (write into them)",
        |when| Ok(Flag::Atomic(values::atomic(when)?)),
    ),
    own(
        Some('j'),
        "jobs",
        Value("N"),
        "copy with N threads; the default suits the file system",
        |count| Ok(Flag::Jobs(values::jobs(count)?)),
    ),
    own(
        None,
        "method",
        Value("METHOD"),
        "move bytes this way if it works, else by plain reading and writing: auto, clone, \
         copy_file_range, sendfile, uncached, direct, read_write (or plain)",
        |method| Ok(Flag::Method(values::method(method)?)),
    ),
    own(
        None,
        "newer",
        Value("FILE|@SECONDS"),
        "leave out regular files not modified after FILE was, or after this time since 1970",
        |than| Ok(Flag::Newer(values::newer(than)?)),
    ),
    own(
        None,
        "preallocate",
        Nothing,
        "reserve space first, so that a full disk is found early",
        |_| Ok(Flag::Preallocate),
    ),
    own(None, "stats", Nothing, "print a summary on standard error at the end", |_| {
        Ok(Flag::Stats)
    }),
    own(
        None,
        "sync",
        Value("WHAT"),
        "force to disk: none (the default), data (before a file takes its name), full (names too)",
        |what| Ok(Flag::Sync(values::sync(what)?)),
    ),
    own(None, "uncached", Nothing, "leave the page cache as it was, where the system can", |_| {
        Ok(Flag::Uncached)
    }),
];

/// Options that were typed, in order, and the operands among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LowArgs {
    pub(crate) flags: Vec<Flag>,
    pub(crate) operands: Vec<PathBuf>,
}
