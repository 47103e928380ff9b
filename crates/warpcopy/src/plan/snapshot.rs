//! Whether one snapshot of a subvolume can stand for the copy of a tree.

use std::fmt;

use super::{Code, Method};
use crate::options::{Make, Mode, Options, Reflink, Sparse, Symlinks, Xattrs};

/// Why a tree was copied file by file although a snapshot was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NoSnapshot {
    /// A snapshot is all of the source as it is; something else was asked for, in these words.
    Asked(&'static str),
    /// Something has the target's name.
    TargetExists,
    /// The source is not a subvolume, but a directory of one, or on a file system that has none.
    NotSubvolume,
    /// The source holds other subvolumes, which a snapshot leaves out.
    NestedSubvolumes,
    /// Something is mounted below the source, which a snapshot leaves out; or /proc does not tell.
    MountPoints,
    /// The system declined with this code: another file system, somebody else's subvolume, an active swap file.
    Code(Code),
}

impl fmt::Display for NoSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            NoSnapshot::Asked(words) => words,
            NoSnapshot::TargetExists => "the target exists",
            NoSnapshot::NotSubvolume => "the source is not a Btrfs subvolume",
            NoSnapshot::NestedSubvolumes => "the source holds other subvolumes",
            NoSnapshot::MountPoints => "something is mounted below the source",
            NoSnapshot::Code(code) => return code.fmt(f),
        };
        f.write_str(words)
    }
}

/// What in the options asks for something else than all of the source as it is.
pub(crate) fn asks_otherwise(options: &Options) -> Option<NoSnapshot> {
    let kept = &options.preserve;
    let keeps_all = kept.mode == Mode::Keep
        && kept.ownership
        && kept.timestamps
        && kept.links
        && kept.xattrs != Xattrs::Drop;
    let table = [
        (!keeps_all, "not all attributes are to be preserved"),
        (options.symlinks == Symlinks::Follow, "symbolic links are to be followed"),
        (options.make != Make::Contents, "contents are not to be copied"),
        (options.copy_contents, "FIFOs and devices are to be read"),
        (options.newer_than.is_some(), "older files are to be left out"),
        (options.sparse != Sparse::Auto, "holes are not to be kept as they are"),
        (options.reflink == Reflink::Never, "blocks are not to be shared"),
        (options.method.is_some_and(|method| method != Method::Clone), "another method was named"),
        (options.into_itself, "directories may be copied into themselves"),
    ];
    let (_, words) = table.into_iter().find(|(is_asked, _)| *is_asked)?;
    Some(NoSnapshot::Asked(words))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::options::{Preserve, Sync};

    #[test]
    fn what_keeps_everything_may_be_a_snapshot() {
        let all = || Options::new().recursive(true).preserve(Preserve::all());
        let required = Preserve { xattrs: Xattrs::Require, ..Preserve::all() };
        let fit = [
            all(),
            all().preserve(required),
            all().symlinks(Symlinks::Keep).sync(Sync::Full).one_file_system(true),
            all().reflink(Reflink::Always).method(Some(Method::Clone)),
        ];
        for options in fit {
            assert_eq!(asks_otherwise(&options), None, "{options:?}");
        }
    }

    #[test]
    fn what_asks_for_something_else_is_refused_in_words_of_its_own() {
        let all = || Options::new().recursive(true).preserve(Preserve::all());
        let less = |preserve: Preserve| all().preserve(preserve);
        let unfit = [
            Options::new(),
            less(Preserve::nothing()),
            less(Preserve { mode: Mode::Masked, ..Preserve::all() }),
            less(Preserve { ownership: false, ..Preserve::all() }),
            less(Preserve { timestamps: false, ..Preserve::all() }),
            less(Preserve { links: false, ..Preserve::all() }),
            less(Preserve { xattrs: Xattrs::Drop, ..Preserve::all() }),
            all().symlinks(Symlinks::Follow),
            all().make(Make::AttributesOnly),
            all().make(Make::HardLinks),
            all().copy_contents(true),
            all().newer_than(Some(SystemTime::UNIX_EPOCH)),
            all().sparse(Sparse::Never),
            all().reflink(Reflink::Never),
            all().method(Some(Method::ReadWrite)),
            all().into_itself(true),
        ];
        let mut words = Vec::new();
        for options in unfit {
            let refusal = asks_otherwise(&options);
            words.push(refusal.unwrap_or_else(|| panic!("{options:?}")).to_string());
        }
        words.dedup();
        assert_eq!(words.len(), 9, "{words:?}");
    }
}
