//! Paths as bytes: the one place of this crate that knows how names are encoded.

use std::ffi::OsStr;
use std::fs::FileType;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use warpcopy::Kind;

/// Returns the bytes of a path as they were typed.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Returns the path that these bytes spell.
pub(crate) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Whether the path ends in a slash, which asks for a directory.
pub(crate) fn ends_in_slash(path: &Path) -> bool {
    bytes(path).ends_with(b"/")
}

/// Returns the path without the slashes at its end; one of the root's stays.
pub(crate) fn without_trailing_slashes(path: &Path) -> &Path {
    let typed = bytes(path);
    let len = typed.iter().rposition(|&byte| byte != b'/').map_or(typed.len().min(1), |at| at + 1);
    self::path(&typed[..len])
}

/// Returns the path without the slashes at its start.
pub(crate) fn without_leading_slashes(path: &Path) -> &Path {
    let typed = bytes(path);
    let start = typed.iter().position(|&byte| byte != b'/').unwrap_or(typed.len());
    self::path(&typed[start..])
}

/// Whether the text could stand in a name: it has letters, and a slash at most at its end.
pub(crate) fn is_part_of_name(text: &OsStr) -> bool {
    last_name(Path::new(text)).as_os_str() == without_trailing_slashes(Path::new(text)).as_os_str()
        && !bytes(Path::new(text)).starts_with(b"/")
        && !text.is_empty()
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
        kind if kind.is_fifo() => Kind::Fifo,
        kind if kind.is_socket() => Kind::Socket,
        kind if kind.is_char_device() => Kind::CharDevice,
        kind if kind.is_block_device() => Kind::BlockDevice,
        _ => Kind::File,
    }
}

/// Returns the last name of a path: `.` and `..` as they are, nothing for the root.
pub(crate) fn last_name(path: &Path) -> &Path {
    let typed = bytes(without_trailing_slashes(path));
    let start = typed.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
    self::path(&typed[start..])
}

/// Returns the directories on the way to a path, as typed, outermost first; the root is not among them.
pub(crate) fn ancestors(path: &Path) -> impl Iterator<Item = &Path> {
    let typed = bytes(without_trailing_slashes(path));
    (1..typed.len())
        .filter(|&at| typed[at] == b'/' && typed[at - 1] != b'/')
        .map(|at| self::path(&typed[..at]))
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
}
