//! Paths as they were typed: taken apart and joined without the tidying of `std::path`.

use std::ffi::OsStr;
use std::fs::FileType;
use std::path::{self, Component, Path, PathBuf};

use warpcopy::Kind;

use crate::system;

/// Returns the letters of a path in an encoding in which ASCII is ASCII.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Whether this separates names: a slash, and on Windows a backslash too.
pub(crate) fn is_separator(byte: u8) -> bool {
    byte.is_ascii() && path::is_separator(char::from(byte))
}

fn part(path: &Path, start: usize, end: usize) -> &Path {
    Path::new(system::part(path.as_os_str(), start..end))
}

/// Returns how much of a path comes before its names: the drive or share of Windows, without a separator behind it.
pub(crate) fn prefix_len(path: &Path) -> usize {
    match path.components().next() {
        Some(Component::Prefix(prefix)) => prefix.as_os_str().len(),
        _ => 0,
    }
}

/// Whether the path ends in a slash, which asks for a directory.
pub(crate) fn ends_in_slash(path: &Path) -> bool {
    bytes(path).last().is_some_and(|&byte| is_separator(byte))
}

/// Returns the path without the slashes at its end; one of the root's stays.
pub(crate) fn without_trailing_slashes(path: &Path) -> &Path {
    let root = prefix_len(path);
    let names = &bytes(path)[root..];
    let len = names.iter().rposition(|&byte| !is_separator(byte));
    let len = len.map_or(names.len().min(1), |at| at + 1);
    part(path, 0, root + len)
}

/// Returns the path without what makes it start at a root: slashes, and on Windows a drive or share.
pub(crate) fn without_leading_slashes(path: &Path) -> &Path {
    let (typed, root) = (bytes(path), prefix_len(path));
    let start = typed[root..].iter().position(|&byte| !is_separator(byte));
    part(path, start.map_or(typed.len(), |at| root + at), typed.len())
}

/// Whether the text could stand in a name: it has letters, and a slash at most at its end.
pub(crate) fn is_part_of_name(text: &OsStr) -> bool {
    let path = Path::new(text);
    last_name(path).as_os_str() == without_trailing_slashes(path).as_os_str()
        && !bytes(path).first().is_none_or(|&byte| is_separator(byte))
}

/// Whether the last name of a path is `.` or `..`, which is no name that can be created.
pub(crate) fn ends_in_dots(path: &Path) -> bool {
    matches!(bytes(last_name(path)), b"." | b"..")
}

/// Joins a directory and what is in it with one slash, however many the directory ends in.
pub(crate) fn join(directory: &Path, inside: &Path) -> PathBuf {
    without_trailing_slashes(directory).join(inside)
}

/// Returns what a file is.
pub(crate) fn kind(kind: FileType) -> Kind {
    match kind {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        kind => system::special(kind).unwrap_or(Kind::File),
    }
}

/// Returns the last name of a path: `.` and `..` as they are, nothing for the root.
pub(crate) fn last_name(path: &Path) -> &Path {
    let plain = without_trailing_slashes(path);
    let (typed, root) = (bytes(plain), prefix_len(path));
    let start = typed[root..].iter().rposition(|&byte| is_separator(byte));
    part(plain, start.map_or(root, |at| root + at + 1), typed.len())
}

/// Returns the directories on the way to a path, as typed, outermost first; the root is not among them.
pub(crate) fn ancestors(path: &Path) -> impl Iterator<Item = &Path> {
    let plain = without_trailing_slashes(path);
    let typed = bytes(plain);
    (prefix_len(path) + 1..typed.len())
        .filter(|&at| is_separator(typed[at]) && !is_separator(typed[at - 1]))
        .map(|at| part(plain, 0, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_ends_go_but_not_the_root() {
        for (typed, stripped) in [("a", "a"), ("a//", "a"), ("/", "/"), ("///", "/"), ("", "")] {
            assert_eq!(without_trailing_slashes(Path::new(typed)).as_os_str(), stripped);
        }
        for (typed, stripped) in [("/a/b", "a/b"), ("//a/", "a/"), ("/", ""), ("a", "a")] {
            assert_eq!(without_leading_slashes(Path::new(typed)).as_os_str(), stripped);
        }
    }

    #[test]
    fn the_last_name_is_what_was_typed() {
        let table =
            [("a/b", "b"), ("a/b//", "b"), ("a/.", "."), ("a/../", ".."), ("/", ""), ("", "")];
        for (typed, name) in table {
            assert_eq!(last_name(Path::new(typed)).as_os_str(), name, "{typed}");
        }
    }

    #[test]
    fn ancestors_keep_the_spelling() {
        let of = |typed: &'static str| -> Vec<&str> {
            ancestors(Path::new(typed)).map(|path| path.to_str().unwrap()).collect()
        };
        assert_eq!(of("./p//q/f"), [".", "./p", "./p//q"]);
        assert_eq!(of("/tmp/x/"), ["/tmp"]);
        assert_eq!(of("f"), [""; 0]);
    }

    #[test]
    #[cfg(windows)]
    fn drives_and_shares_come_before_the_names() {
        let stripped = |typed| without_trailing_slashes(Path::new(typed)).as_os_str();
        for (typed, plain) in [(r"C:\", r"C:\"), ("C:", "C:"), (r"C:\a\/", r"C:\a"), (r"a\", "a")] {
            assert_eq!(stripped(typed), plain);
        }
        for (typed, name) in [(r"C:\", ""), ("C:a", "a"), (r"\\s\h\a/b", "b"), (r"\\s\h\", "")] {
            assert_eq!(last_name(Path::new(typed)).as_os_str(), name, "{typed}");
        }
        let inside = without_leading_slashes(Path::new(r"C:\a\b"));
        assert_eq!(inside.as_os_str(), r"a\b");
        let ancestors: Vec<&Path> = ancestors(Path::new(r"C:\p\q/f")).collect();
        assert_eq!(ancestors, [Path::new(r"C:\p"), Path::new(r"C:\p\q")]);
        assert!(!is_part_of_name(OsStr::new("c:x")) && !is_part_of_name(OsStr::new(r"a\b")));
    }
}
