//! What `*` and `?` mean in operands where no shell expands them: the names that fit, in order.
//!
//! As in cmd.exe, `*` stands for any letters, `?` for one, case does not matter, and names that begin with a dot are
//! names like others. Any name of a path may have them. What fits nothing stays as it was typed, and so does a path
//! that is there by that very name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::names;
use crate::operands::Look;
use crate::system;

/// Returns the operands with the names that fit in place of those with wildcards.
pub(crate) fn expand(operands: Vec<PathBuf>, look: &dyn Look) -> Vec<PathBuf> {
    let expanded = operands.into_iter().map(|operand| {
        let has_wildcards = first(&operand, names::prefix_len(&operand)).is_some();
        if !has_wildcards || look.kind(&operand, false).is_ok() {
            return vec![operand];
        }
        let mut fitting = Vec::new();
        collect(&operand, names::prefix_len(&operand), look, &mut fitting);
        if fitting.is_empty() { vec![operand] } else { fitting }
    });
    expanded.flatten().collect()
}

/// Returns where the first name with wildcards behind this place begins and ends.
fn first(path: &Path, from: usize) -> Option<(usize, usize)> {
    let typed = names::bytes(path);
    let at = from + typed[from..].iter().position(|&byte| matches!(byte, b'*' | b'?'))?;
    let is_edge = |&byte: &u8| names::is_separator(byte);
    let start = typed[from..at].iter().rposition(is_edge).map_or(from, |before| from + before + 1);
    let end = typed[at..].iter().position(is_edge).map_or(typed.len(), |behind| at + behind);
    Some((start, end))
}

/// Collects what fits the first name with wildcards behind this place (behind the `?` of `\\?\`, if there is one), and
/// with each of them what fits the rest.
fn collect(path: &Path, from: usize, look: &dyn Look, fitting: &mut Vec<PathBuf>) {
    let Some((start, end)) = first(path, from) else {
        if look.kind(path, false).is_ok() {
            fitting.push(path.to_owned());
        }
        return;
    };
    let typed = path.as_os_str();
    let (before, behind) = (system::part(typed, 0..start), system::part(typed, end..typed.len()));
    let pattern = system::part(typed, start..end).to_string_lossy();
    let directory = if before.is_empty() { Path::new(".") } else { Path::new(before) };
    let mut found = look.names(directory).unwrap_or_default();
    found.retain(|name| fits(&pattern, &name.to_string_lossy()));
    found.sort_by_cached_key(|name| name.to_string_lossy().to_lowercase());
    for name in found {
        let spelt: OsString = [before, &name, behind].into_iter().collect();
        collect(Path::new(&spelt), start + name.len(), look, fitting);
    }
}

/// Whether the name fits the pattern.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut parts = pattern.split('*');
    // There is a first one, be it empty.
    let Some(mut rest) = parts.next().and_then(|first| behind(first, &name)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let places = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        let mut ends = places.filter_map(|at| behind(part, &rest[at..]));
        // The earliest place leaves the most for what follows; the last part has to reach the end.
        let end = match parts.peek() {
            Some(_) => ends.next(),
            None => ends.find(|after| after.is_empty()),
        };
        let Some(end) = end else { return false };
        rest = end;
    }
    rest.is_empty()
}

/// Returns what is behind this part of a pattern, which has no `*`, if the name begins with it.
fn behind<'a>(part: &str, name: &'a str) -> Option<&'a str> {
    let mut letters = name.chars();
    let fits = part
        .chars()
        .all(|wanted| letters.next().is_some_and(|letter| wanted == '?' || wanted == letter));
    fits.then_some(letters.as_str())
}

#[cfg(test)]
mod tests {
    use std::io;

    use warpcopy::Kind;

    use super::*;

    #[test]
    fn stars_stand_for_any_letters_and_question_marks_for_one() {
        let fitting = [
            ("*", ""),
            ("*", ".hidden"),
            ("*.txt", "a.TXT"),
            ("A?c", "abC"),
            ("a*b*c", "a-b-b-c"),
            ("*a", "aa"),
            ("a*", "a"),
            ("???", "\u{fc}n\u{ef}"),
            ("*?", "x"),
            ("**", "x"),
            ("*.tar.*", "x.tar.tar.gz"),
        ];
        for (pattern, name) in fitting {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        let others = [
            ("a*b", "a"),
            ("*.txt", "txt"),
            ("?", ""),
            ("a?", "abc"),
            ("ab", "abc"),
            ("*ab*ab", "ab"),
        ];
        for (pattern, name) in others {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    /// `b.c`, `A.c`, `d/x.c`, `d/e/` and `f/x.c`; `w*` is there by that very name.
    struct Scripted;

    impl Look for Scripted {
        fn kind(&self, path: &Path, _: bool) -> io::Result<Kind> {
            match path.to_str().unwrap() {
                "b.c" | "A.c" | "d/x.c" | "f/x.c" | "./b.c" | "w*" => Ok(Kind::File),
                "d" | "f" | "d/e" | "d/" | "f/" | "d/e/" => Ok(Kind::Directory),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }

        fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
            let names: &[&str] = match directory.to_str().unwrap() {
                "." | "./" => &["b.c", "d", "w*", "f", "A.c"],
                "d/" => &["x.c", "e"],
                "f/" => &["x.c"],
                _ => return Err(io::ErrorKind::NotFound.into()),
            };
            Ok(names.iter().map(OsString::from).collect())
        }

        fn entry(&self, path: &Path) -> PathBuf {
            path.to_owned()
        }
    }

    #[test]
    fn every_name_of_a_path_may_have_wildcards() {
        let table: &[(&str, &[&str])] = &[
            ("*.C", &["A.c", "b.c"]),
            ("./b*", &["./b.c"]),
            ("*/*.c", &["d/x.c", "f/x.c"]),
            ("d/*", &["d/e", "d/x.c"]),
            ("?/x.c", &["d/x.c", "f/x.c"]),
            ("*/", &["d/", "f/"]),
            ("d/*/", &["d/e/"]),
            ("*.h", &["*.h"]),
            ("no/*", &["no/*"]),
            ("plain", &["plain"]),
            ("w*", &["w*"]),
        ];
        for (typed, expected) in table {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(expand(vec![PathBuf::from(typed)], &Scripted), expected, "{typed}");
        }
    }
}
