//! Every option, one row each: how it is written, what it takes, what it means, what help says.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::SystemTime;

use warpcopy::{Backup, Method, Publish, Reflink, Sparse, Symlinks, Sync};

use crate::values::{self, Attribute, Update};

/// One option as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Flag {
    Archive,
    AttributesOnly,
    Atomic(Publish),
    /// Without a value the environment says which kind.
    Backup(Option<Backup>),
    /// The security context to set; `None` means the system's default one.
    Context(Option<PathBuf>),
    CopyContents,
    Debug,
    Force,
    Help,
    Interactive,
    Jobs(NonZeroUsize),
    KeepDirectorySymlink,
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
    Snapshot,
    Sparse(Sparse),
    Stats,
    StripTrailingSlashes,
    Suffix(OsString),
    SymbolicLink,
    Symlinks(Symlinks),
    Sync(Sync),
    TargetDirectory(PathBuf),
    Uncached,
    Update(Update),
    Verbose,
    Version,
}

/// After which moment a file must have been modified to be copied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Newer {
    /// After this one.
    Than(SystemTime),
    /// After this file was.
    ThanFile(PathBuf),
}

/// Whether an option takes a value, and which flag it makes.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    Nothing(fn() -> Flag),
    Value(&'static str, fn(&OsStr) -> Result<Flag, String>),
    /// Only after `=`.
    MaybeValue(&'static str, fn(Option<&OsStr>) -> Result<Flag, String>),
}

/// Whose option it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Owner {
    Gnu,
    Own,
}

/// One option.
pub(crate) struct Row {
    /// The letters after one dash; each means the same.
    pub(crate) letters: &'static str,
    /// The words after two dashes; the first is the one to show.
    pub(crate) words: &'static [&'static str],
    pub(crate) takes: Takes,
    pub(crate) owner: Owner,
    pub(crate) help: &'static str,
}

impl Row {
    /// How the option is written: each letter, and the word to show.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = String> {
        let letters = self.letters.chars().map(|letter| format!("-{letter}"));
        letters.chain(self.words.first().map(|word| format!("--{word}")))
    }
}

const fn gnu(
    letters: &'static str,
    words: &'static [&'static str],
    takes: Takes,
    help: &'static str,
) -> Row {
    Row { letters, words, takes, owner: Owner::Gnu, help }
}

const fn own(
    letters: &'static str,
    words: &'static [&'static str],
    takes: Takes,
    help: &'static str,
) -> Row {
    Row { letters, words, takes, owner: Owner::Own, help }
}

use Takes::{MaybeValue, Nothing, Value};

/// The options, in the order of `--help`: that of GNU `cp`'s own table, in which it names what a word may mean.
pub(crate) const ROWS: &[Row] = &[
    gnu("a", &["archive"], Nothing(|| Flag::Archive), "same as -dR --preserve=all"),
    gnu(
        "",
        &["attributes-only"],
        Nothing(|| Flag::AttributesOnly),
        "make the file and its attributes, not its data",
    ),
    gnu(
        "",
        &["backup"],
        MaybeValue("CONTROL", |control| Ok(Flag::Backup(values::backup("backup type", control)?))),
        "keep existing targets under other names: none (or off), simple (never), numbered (t), \
         existing (nil: numbered where numbered ones exist, else simple)",
    ),
    gnu("b", &[], Nothing(|| Flag::Backup(None)), "same as --backup, but takes no value"),
    gnu(
        "",
        &["copy-contents"],
        Nothing(|| Flag::CopyContents),
        "with -R, read FIFOs and devices instead of making new ones",
    ),
    gnu("d", &[], Nothing(|| Flag::KeepLinks), "same as --no-dereference --preserve=links"),
    gnu("", &["debug"], Nothing(|| Flag::Debug), "say how each file was copied; implies -v"),
    gnu(
        "H",
        &[],
        Nothing(|| Flag::Symlinks(Symlinks::FollowOperands)),
        "follow symbolic links among the operands only",
    ),
    gnu(
        "L",
        &["dereference"],
        Nothing(|| Flag::Symlinks(Symlinks::Follow)),
        "follow all symbolic links",
    ),
    gnu(
        "f",
        &["force"],
        Nothing(|| Flag::Force),
        "remove a target that cannot be opened, and try again",
    ),
    gnu(
        "i",
        &["interactive"],
        Nothing(|| Flag::Interactive),
        "ask before replacing; a no is a failure",
    ),
    gnu("l", &["link"], Nothing(|| Flag::Link), "make hard links instead of copies"),
    gnu(
        "n",
        &["no-clobber"],
        Nothing(|| Flag::NoClobber),
        "skip existing targets, as --update=none",
    ),
    gnu(
        "P",
        &["no-dereference"],
        Nothing(|| Flag::Symlinks(Symlinks::Keep)),
        "copy symbolic links as links (default with -R)",
    ),
    gnu(
        "p",
        &[],
        Nothing(|| Flag::Preserve(Attribute::USUAL.to_vec())),
        "same as --preserve=mode,ownership,timestamps",
    ),
    gnu(
        "",
        &["no-preserve"],
        Value("LIST", |list| Ok(Flag::NoPreserve(values::attributes("--no-preserve", list)?))),
        "do not keep these",
    ),
    gnu(
        "T",
        &["no-target-directory"],
        Nothing(|| Flag::NoTargetDirectory),
        "take TARGET as a plain name",
    ),
    gnu(
        "x",
        &["one-file-system"],
        Nothing(|| Flag::OneFileSystem),
        "stay on the file system of each SOURCE",
    ),
    gnu(
        "",
        &["parents", "path"],
        Nothing(|| Flag::Parents),
        "rebuild the source's whole path below DIRECTORY",
    ),
    gnu(
        "",
        &["preserve"],
        MaybeValue("LIST", |list| Ok(Flag::Preserve(values::preserved(list)?))),
        "keep these: mode, ownership, timestamps (the default list), links, context, xattr, all",
    ),
    gnu(
        "Rr",
        &["recursive"],
        Nothing(|| Flag::Recursive),
        "copy directories with all that is in them",
    ),
    gnu(
        "",
        &["remove-destination"],
        Nothing(|| Flag::RemoveDestination),
        "remove each existing target before it is opened",
    ),
    gnu(
        "",
        &["sparse"],
        Value("WHEN", |when| Ok(Flag::Sparse(values::sparse(when)?))),
        "holes: auto (keep them), always (make them of zeros too), never (write zeros)",
    ),
    gnu(
        "",
        &["reflink"],
        MaybeValue("WHEN", |when| Ok(Flag::Reflink(values::reflink(when)?))),
        "share blocks: always (or fail; meant if no WHEN is given), auto (the default), never",
    ),
    gnu(
        "",
        &["strip-trailing-slashes"],
        Nothing(|| Flag::StripTrailingSlashes),
        "remove slashes at the end of each SOURCE",
    ),
    gnu(
        "S",
        &["suffix"],
        Value("SUFFIX", |suffix| Ok(Flag::Suffix(suffix.to_owned()))),
        "end the names of backups in SUFFIX, not in ~; implies --backup",
    ),
    gnu(
        "s",
        &["symbolic-link"],
        Nothing(|| Flag::SymbolicLink),
        "make symbolic links instead of copies",
    ),
    gnu(
        "t",
        &["target-directory"],
        Value("DIRECTORY", |directory| Ok(Flag::TargetDirectory(directory.into()))),
        "copy every SOURCE into DIRECTORY",
    ),
    gnu("u", &[], Nothing(|| Flag::Update(Update::Older)), "same as --update=older"),
    gnu(
        "",
        &["update"],
        MaybeValue("UPDATE", |update| Ok(Flag::Update(values::update(update)?))),
        "replace which targets: all, none (skip them), none-fail (and fail), older (the default)",
    ),
    gnu("v", &["verbose"], Nothing(|| Flag::Verbose), "print what was copied to what"),
    gnu(
        "",
        &["keep-directory-symlink"],
        Nothing(|| Flag::KeepDirectorySymlink),
        "copy directories into existing symbolic links to directories",
    ),
    gnu("Z", &[], Nothing(|| Flag::Context(None)), "ignored; an error where SELinux labels files"),
    gnu(
        "",
        &["context"],
        MaybeValue("CONTEXT", |context| Ok(Flag::Context(context.map(Into::into)))),
        "ignored with a warning; an error as -Z is",
    ),
    gnu("", &["help"], Nothing(|| Flag::Help), "print this help"),
    gnu("", &["version"], Nothing(|| Flag::Version), "print the version"),
    own(
        "",
        &["atomic"],
        Value("WHEN", |when| Ok(Flag::Atomic(values::atomic(when)?))),
        "replace targets whole: auto (the default, see below), always, never (write into them)",
    ),
    own(
        "j",
        &["jobs"],
        Value("N", |count| Ok(Flag::Jobs(values::jobs(count)?))),
        "copy with N threads; the default suits the file system",
    ),
    own(
        "",
        &["method"],
        Value("METHOD", |method| Ok(Flag::Method(values::method(method)?))),
        "move bytes this way if it works, else by plain reading and writing: auto, clone, \
         uncached, read_write (or plain), on Linux copy_file_range, sendfile, direct, elsewhere copyfile",
    ),
    own(
        "",
        &["newer"],
        Value("FILE|@SECONDS", |than| Ok(Flag::Newer(values::newer(than)?))),
        "leave out regular files not modified after FILE was, or after this time since 1970",
    ),
    own(
        "",
        &["preallocate"],
        Nothing(|| Flag::Preallocate),
        "reserve space first, so that a full disk is found early; on ext4 and overlayfs unasked",
    ),
    own(
        "",
        &["snapshot"],
        Nothing(|| Flag::Snapshot),
        "with -a, copy a Btrfs subvolume by one snapshot where that is the same (see below)",
    ),
    own("", &["stats"], Nothing(|| Flag::Stats), "print a summary on standard error at the end"),
    own(
        "",
        &["sync"],
        Value("WHAT", |what| Ok(Flag::Sync(values::sync(what)?))),
        "force to disk: none (the default), data (before a file takes its name), full (names too)",
    ),
    own(
        "",
        &["uncached"],
        Nothing(|| Flag::Uncached),
        "leave the page cache as it was, where the system can",
    ),
];

/// Options that were typed, in order, and the operands among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LowArgs {
    pub(crate) flags: Vec<Flag>,
    pub(crate) operands: Vec<PathBuf>,
}
