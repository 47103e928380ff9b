//! What differs between two outcomes of one case.

use std::collections::BTreeSet;
use std::fmt;

use super::place::{Entry, Moment, Outcome};

/// Where a difference is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Status,
    Tree,
    Stderr,
    Stdout,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    pub(super) class: Class,
    pub(super) text: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:?}: {}", self.class, self.text)
    }
}

/// Lists how ours differs from theirs.
pub(super) fn differences(theirs: &Outcome, ours: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |class, text: String| found.push(Difference { class, text });
    if (theirs.status, theirs.hangs) != (ours.status, ours.hangs) {
        let words = |outcome: &Outcome| match (outcome.hangs, outcome.status) {
            (true, _) => "hangs".to_owned(),
            (false, status @ ..0) => format!("dies of signal {}", -status),
            (false, status) => status.to_string(),
        };
        note(Class::Status, format!("cp {}, ours {}", words(theirs), words(ours)));
    }
    tree(theirs, ours, &mut |text| note(Class::Tree, text));
    // Both met the names in the same order, unless the file system listed the same names differently.
    let is_told = !theirs.stdout.is_empty() || !ours.stdout.is_empty();
    let is_same_order = EXACT && is_told && theirs.order == ours.order;
    for (class, theirs, ours) in [
        (Class::Stderr, &theirs.stderr, &ours.stderr),
        (Class::Stdout, &theirs.stdout, &ours.stdout),
    ] {
        let lines = |bytes: &[u8]| {
            let mut lines: Vec<Vec<u8>> =
                bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if !is_same_order {
                lines.sort();
            }
            lines
        };
        if lines(theirs) != lines(ours) {
            let text = |bytes: &[u8]| {
                let text: String = bytes.escape_ascii().to_string();
                text.replace("\\n", "\n        ").replace("\\'", "'").trim_end().to_owned()
            };
            note(
                class,
                format!("cp:\n        {}\n      ours:\n        {}", text(theirs), text(ours)),
            );
        }
    }
    found
}

/// Whether the order of lines counts.
const EXACT: bool = true;

fn tree(theirs: &Outcome, ours: &Outcome, note: &mut dyn FnMut(String)) {
    let names: BTreeSet<_> = theirs.tree.keys().chain(ours.tree.keys()).collect();
    for name in names {
        let path =
            String::from_utf8_lossy(name.strip_prefix(b"/deep/er/w/".as_slice()).unwrap_or(name));
        match (theirs.tree.get(name), ours.tree.get(name)) {
            (Some(theirs), Some(ours)) => entry(&path, theirs, ours, note),
            (Some(theirs), None) => {
                note(format!("{path:?}: cp has a {}, ours nothing", theirs.kind))
            }
            (None, Some(ours)) => note(format!("{path:?}: cp has nothing, ours a {}", ours.kind)),
            (None, None) => {}
        }
    }
}

fn entry(path: &str, theirs: &Entry, ours: &Entry, note: &mut dyn FnMut(String)) {
    let mut field = |what: &str, is_same: bool, theirs: String, ours: String| {
        if !is_same {
            note(format!("{path:?}: {what}: cp {theirs}, ours {ours}"));
        }
    };
    macro_rules! same {
        ($what:literal, $field:ident) => {
            field(
                $what,
                theirs.$field == ours.$field,
                format!("{:?}", theirs.$field),
                format!("{:?}", ours.$field),
            )
        };
    }
    same!("type", kind);
    let octal = |mode| format!("{mode:04o}");
    field("mode", theirs.mode == ours.mode, octal(theirs.mode), octal(ours.mode));
    same!("owner", owner);
    same!("inode", file);
    same!("modified", modified);
    // A later look may have changed it; only what was kept must be kept.
    if matches!(theirs.accessed, Some(Moment::At(..))) && ours.accessed.is_some() {
        same!("accessed", accessed);
    }
    let attributes = |entry: &Entry| {
        let text = |(name, value): (&String, &Vec<u8>)| format!("{name}={}", value.escape_ascii());
        entry.xattrs.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    field("attributes", theirs.xattrs == ours.xattrs, attributes(theirs), attributes(ours));
    let text =
        |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    field("content", theirs.content == ours.content, text(&theirs.content), text(&ours.content));
    same!("holes", has_holes);
}
