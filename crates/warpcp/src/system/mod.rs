//! What the command asks of the system itself: one file each, picked here. Everything else is the same everywhere.
//!
//! | what | names |
//! |---|---|
//! | names | `special` (kinds of files), `TAKES_WILDCARDS`, `SHELL` |
//! | words | `NOT_A_DIRECTORY`, `HAS_LOCALES` |
//! | standard output | `stdout_file`, `lost_stdout` |
//! | limits | `raise_open_files` |
//! | signals | `listen`, `die_of`, `die_of_a_broken_pipe` |

#[cfg(unix)]
mod start;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

use std::ffi::OsStr;
use std::ops::Range;

/// Whose quotes names in messages are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each system has one")]
pub(crate) enum Shell {
    Posix,
    PowerShell,
}

/// Returns a part of a text, which has to begin and end beside an ASCII letter, or at an end of the text.
pub(crate) fn part(text: &OsStr, range: Range<usize>) -> &OsStr {
    let bytes = text.as_encoded_bytes();
    let is_edge = |at: usize| {
        [at.checked_sub(1), Some(at)]
            .into_iter()
            .any(|at| at.and_then(|at| bytes.get(at)).is_none_or(u8::is_ascii))
    };
    assert!(is_edge(range.start) && is_edge(range.end), "cut inside of a character");
    // SAFETY: the bytes come from an OsStr and are cut immediately before or after a character of UTF-8, an ASCII one.
    unsafe { OsStr::from_encoded_bytes_unchecked(&bytes[range]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_and_end_beside_ascii() {
        let text = OsStr::new("é=ü");
        assert_eq!(part(text, 0..2), "é");
        assert_eq!(part(text, 3..5), "ü");
        assert_eq!(part(text, 0..5), text);
        assert_eq!(part(text, 2..2), "");
    }

    #[test]
    #[should_panic(expected = "cut inside of a character")]
    fn no_character_is_cut() {
        part(OsStr::new("éü"), 2..4);
    }
}
