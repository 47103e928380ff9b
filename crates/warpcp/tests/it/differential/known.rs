//! Differences that are no news: meant, of another version of GNU cp, or not removed yet.

use super::case::{Case, Thing};
use super::judge::{Class, Difference};
use super::place::{Entry, Outcome};
use super::yardstick::Yardstick;
use crate::support::Fs;

/// A case with a difference, as seen from all sides.
pub(super) struct Seen<'a> {
    pub(super) case: &'a Case,
    pub(super) theirs: &'a Outcome,
    pub(super) ours: &'a Outcome,
    pub(super) difference: &'a Difference,
}

/// Why it is no news, and how it is recognised.
type Row = (&'static str, fn(&Seen<'_>) -> bool);

/// Meant so; `docs/gnu-differences.md` shows most of them, and quirks of cp that nobody can want are here.
const MEANT: &[Row] = &[
    ("help and version are our own", |seen| {
        let is_help = |outcome: &Outcome| outcome.stdout.starts_with(b"Usage: cp [OPTION]");
        let is_version = |outcome: &Outcome| outcome.stdout.starts_with(b"cp (");
        is_help(seen.theirs) && is_help(seen.ours)
            || is_version(seen.theirs) && is_version(seen.ours)
    }),
    ("cp forgets to strip the slashes of a single source", |seen| {
        seen.has_option("--strip-trailing-slashes", "--st")
    }),
    ("--keep-directory-symlink does what the manual says", |seen| {
        seen.has_option("--keep-directory-symlink", "--k")
    }),
    ("what is written into stays what it was", |seen| {
        let is_special = |entry: &Entry| entry.kind == "fifo" || entry.kind == "device";
        let fields = ["mode:", "owner:", "modified:", "attributes:"];
        seen.difference.class == Class::Tree
            && fields.iter().any(|field| seen.tells(field))
            && seen.ours.tree.values().any(is_special)
    }),
    (
        "with -p cp 9.10 keeps ACLs of targets, also inherited ones, and with -H loses those of sources",
        |seen| {
            let has_list = |thing: &Thing| thing.has_default_acl || thing.has_acl;
            seen.tells("attributes:") && seen.case.things.iter().any(has_list)
        },
    ),
    ("trees are deeper than paths are long", |seen| {
        seen.theirs.says("File name too long") && !seen.ours.says("File name too long")
    }),
    ("what was to be removed first is kept if the copy cannot be made", |seen| {
        seen.theirs.status == 1
            && (seen.tells("cp has nothing, ours a") || seen.tells("modified: cp Now, ours At"))
    }),
    ("a link that is put into its own place is read before it goes", |seen| {
        seen.theirs.says("No such file or directory") && seen.ours.status == 0
    }),
    // Chance, rather than meaning.
    ("when a new directory is met in its own source depends on the number of its inode", |seen| {
        let is_by_chance = seen.case.fs != Fs::Tmpfs || seen.case.other.is_some();
        is_by_chance && seen.one_says("into itself")
    }),
    ("what is said of a copy into itself is told in the order of the operands", |seen| {
        seen.difference.class == Class::Stderr && seen.one_says("into itself")
    }),
];

/// Of versions before this one.
const OLDER: &[((u32, u32), Row)] = &[
    (
        (9, 10),
        ("directories keep set-id bits that the source has not", |seen| {
            seen.tells("mode: cp 2") || seen.tells("mode: cp 4") || seen.tells("mode: cp 6")
        }),
    ),
    (
        (9, 10),
        ("a quote and a byte that is no character are quoted twice", |seen| {
            seen.theirs.says("'''") && seen.difference.class == Class::Stderr
        }),
    ),
    (
        (9, 2),
        ("a question answered with no is no failure", |seen| {
            seen.tells("Status: cp 0, ours 1") && seen.ours.says("? ")
        }),
    ),
    (
        (9, 2),
        ("a clone that fails leaves an empty file", |seen| {
            seen.one_says("failed to clone") && seen.tells("cp has a file, ours nothing")
        }),
    ),
    (
        (9, 3),
        ("--update takes no value", |seen| {
            seen.theirs.says("option '--update' doesn't allow an argument")
        }),
    ),
    (
        (9, 5),
        ("abbreviations are of fewer options", |seen| {
            seen.one_says("is ambiguous") || seen.theirs.says("unrecognized option")
        }),
    ),
    (
        (9, 5),
        ("only one of two names is told", |seen| {
            seen.difference.class == Class::Stderr && seen.ours.says(" with non-directory ")
        }),
    ),
    (
        (9, 5),
        ("the words about --backup and -n are others", |seen| {
            seen.theirs.says("options --backup and --no-clobber are mutually exclusive")
        }),
    ),
    ((9, 10), ("a copy into itself gets less far", |seen| seen.one_says("into itself"))),
    (
        (9, 10),
        ("with -b no directory takes the place of a file", |seen| {
            seen.theirs.says("cannot overwrite non-directory") && seen.ours.status == 0
        }),
    ),
];

/// Corners that nobody was seen in, still to be removed.
const NOT_YET: &[Row] = &[
    ("words where -b meets a directory", |seen| {
        seen.theirs.says("Is a directory") && seen.ours.says("cannot overwrite directory")
    }),
    ("access times of links that are operands", |seen| seen.tells("accessed: cp Some(At")),
    ("-f -b of one file by two spellings, and the order in which values are checked", |seen| {
        let is_about = |word: &[u8]| {
            [b"-b".as_slice(), b"--b", b"--su", b"-S"].iter().any(|start| word.starts_with(start))
        };
        seen.case.words.iter().any(|word| is_about(word))
    }),
    ("lines of -v before a failure", |seen| {
        seen.difference.class == Class::Stdout
            && (seen.theirs.status == 1
                || String::from_utf8_lossy(&seen.theirs.stdout).contains("removed "))
    }),
    ("which of two things that are wrong is told", |seen| {
        let ours = [
            "cannot create symbolic link",
            "cannot open",
            "same file",
            "security context",
            "cannot remove",
        ];
        let theirs = ["for reading", "cannot stat", "same file", "File exists", "security context"];
        seen.difference.class == Class::Stderr
            && seen.theirs.status == seen.ours.status
            && (ours.iter().any(|words| seen.ours.says(words))
                || theirs.iter().any(|words| seen.theirs.says(words)))
    }),
    ("a device whose contents are copied over a link", |seen| {
        seen.has_option("--copy-contents", "--cop")
    }),
    ("words about what is in the way of --parents", |seen| seen.has_option("--parents", "--pa")),
    ("-n, and -b, on one directory by two names", |seen| seen.one_says("same file")),
    ("a line for each attribute that another user's directory cannot get", |seen| {
        seen.theirs.says("preserving times")
    }),
    ("--attributes-only and links", |seen| seen.has_option("--attributes-only", "--at")),
    ("--no-preserve=mode below a default ACL", |seen| seen.has_option("--no-preserve", "--no-p")),
    ("a FIFO with several names", |seen| seen.tells("ours \"fifo\"")),
];

impl Seen<'_> {
    /// Whether this difference is no news.
    pub(super) fn is_known(&self, yardstick: &Yardstick) -> bool {
        let mut rows = MEANT.iter().chain(NOT_YET);
        let older = |(until, _): &&((u32, u32), Row)| !yardstick.is_at_least(until.0, until.1);
        rows.any(|(_, is_it)| is_it(self))
            || OLDER.iter().filter(older).any(|(_, (_, is_it))| is_it(self))
    }

    fn one_says(&self, text: &str) -> bool {
        self.theirs.says(text) || self.ours.says(text)
    }

    /// Whether the difference is described with these words.
    fn tells(&self, text: &str) -> bool {
        self.difference.to_string().contains(text)
    }

    /// Whether the option is there, abbreviated to no less than `shortest`.
    fn has_option(&self, option: &str, shortest: &str) -> bool {
        self.case.words.iter().any(|word| {
            let name =
                String::from_utf8_lossy(word.split(|byte| *byte == b'=').next().unwrap_or(word))
                    .into_owned();
            name.starts_with(shortest) && option.starts_with(&name)
        })
    }
}
