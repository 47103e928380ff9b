//! Names that nothing should get: what Win32 would take for a device, rewrite, or not find again. Pure.
//!
//! A verbatim path can make all of them, and Explorer could then neither open nor delete what was made (Microsoft,
//! "Naming Files, Paths, and Namespaces").

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Improper {
    /// Nothing, or a way to a directory.
    Empty,
    /// It is longer than a name can be.
    Long,
    /// A character that no name has; a colon would name a stream of another file.
    Character,
    /// A dot or space at the end, which Win32 takes away.
    Ending,
    /// A device has it, also with an extension.
    Device,
}

/// The longest name in UTF-16 units on NTFS and ReFS.
const UNITS_MAX: usize = 255;

/// Checks one name that something new is to get.
pub(super) fn check(name: &[u16]) -> Result<(), Improper> {
    let is_forbidden = |unit: &u16| {
        *unit < 32 || u8::try_from(*unit).is_ok_and(|byte| b"<>:\"/\\|?*".contains(&byte))
    };
    let last = match name.last() {
        None => return Err(Improper::Empty),
        Some(last) => u8::try_from(*last).unwrap_or(b'x'),
    };
    if name == [u16::from(b'.')] || name == [u16::from(b'.'); 2] {
        Err(Improper::Empty)
    } else if name.iter().any(is_forbidden) {
        Err(Improper::Character)
    } else if name.len() > UNITS_MAX {
        Err(Improper::Long)
    } else if last == b'.' || last == b' ' {
        Err(Improper::Ending)
    } else if is_device(name) {
        Err(Improper::Device)
    } else {
        Ok(())
    }
}

/// Whether the part before the first dot, without spaces at its end, is a device's name.
fn is_device(name: &[u16]) -> bool {
    let base = name.split(|unit| *unit == u16::from(b'.')).next().unwrap_or(name);
    let base = String::from_utf16_lossy(base).trim_end_matches(' ').to_ascii_uppercase();
    let is_numbered = |port: &str| {
        let number = base.strip_prefix(port).map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(number.as_deref(), Some(['1'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}']))
    };
    matches!(&*base, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || is_numbered("COM")
        || is_numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str) -> Result<(), Improper> {
        check(&name.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn names_of_devices_are_refused_with_any_extension_and_in_any_case() {
        let names = [
            "CON",
            "nul",
            "aux.txt",
            "PRN.tar.gz",
            "com1",
            "LPT9.x",
            "COM\u{b9}",
            "lpt\u{b2}.txt",
            "LPT\u{b3}",
            "nul .txt",
            "CONIN$",
            "conout$",
        ];
        for name in names {
            assert_eq!(checked(name), Err(Improper::Device), "{name}");
        }
        for name in ["console", "com", "com0", "com10", "auxiliary.txt", "x.nul", "lptx", "nul_"] {
            assert_eq!(checked(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_dot_or_space_at_the_end_is_refused() {
        for name in ["trail.", "trail ", "a.txt.", "...", " "] {
            assert_eq!(checked(name), Err(Improper::Ending), "{name:?}");
        }
        for name in [".hidden", " lead", "a b", "a..b"] {
            assert_eq!(checked(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn a_stream_of_another_file_is_no_name() {
        for name in ["a:b", "a:b:$DATA", ":x", "a:"] {
            assert_eq!(checked(name), Err(Improper::Character), "{name}");
        }
    }

    #[test]
    fn characters_that_no_name_has_are_refused() {
        for name in ["a<", "a>b", "\"", "a|b", "a?", "*", "a/b", r"a\b", "a\nb", "a\u{1f}b", "\0"] {
            assert_eq!(checked(name), Err(Improper::Character), "{name:?}");
        }
        assert_eq!(checked("\u{fc}n\u{ef}c\u{f6}d\u{e9} \u{1f980}.txt"), Ok(()));
    }

    #[test]
    fn a_name_has_at_most_255_units_and_is_no_way_up() {
        assert_eq!(checked(&"x".repeat(255)), Ok(()));
        assert_eq!(checked(&"x".repeat(256)), Err(Improper::Long));
        for name in ["", ".", ".."] {
            assert_eq!(checked(name), Err(Improper::Empty), "{name:?}");
        }
    }
}
