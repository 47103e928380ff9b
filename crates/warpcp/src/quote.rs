//! Names in messages: quoted so that a shell reads back the same name, on one line whatever is in it.
//!
//! On Windows that is PowerShell; cmd.exe knows double quotes alone, so they are taken where they do.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use crate::names;
use crate::system::{self, Shell};

/// Whether terminals show more than ASCII here.
static SHOWS_UNICODE: OnceLock<bool> = OnceLock::new();

/// Tells which characters can be shown: those of the locale that LC_ALL, LC_CTYPE or LANG names, by the first that
/// is set and not empty. Without one it is the C locale, which has ASCII alone.
pub(crate) fn set_locale(variable: impl Fn(&str) -> Option<OsString>) {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    let is_unicode = locale.contains("utf-8") || locale.contains("utf8");
    let _ = SHOWS_UNICODE.set(is_unicode || !system::HAS_LOCALES);
}

/// Returns the name in quotes: `'a b'`, `"it's"`, `'a'$'\n''b'`.
///
/// Printable UTF-8 stays as it is; control characters and bytes that are not UTF-8 become escapes of `$'…'`.
pub(crate) fn quote(path: &Path) -> String {
    match system::SHELL {
        Shell::Posix => quote_bytes(names::bytes(path)),
        Shell::PowerShell => quote_for_powershell(&path.to_string_lossy()),
    }
}

/// Returns the name, in quotes only if a shell or a reader of messages could misread it bare.
pub(crate) fn quote_if_needed(path: &Path) -> String {
    let is_plain = |(at, byte): (usize, &u8)| {
        byte.is_ascii_alphanumeric()
            || b"%+,-./@_".contains(byte)
            || (system::SHELL == Shell::PowerShell && br"\:".contains(byte))
            || (at > 0 && b"#~".contains(byte))
    };
    let typed = names::bytes(path);
    if !typed.is_empty() && typed.iter().enumerate().all(is_plain) {
        String::from_utf8_lossy(typed).into_owned()
    } else {
        quote(path)
    }
}

/// Returns the name in quotes: `'C:\a b'`, `"it's"`, `'$it''s'`, and with escapes ``"a`u{7f}"``. A name that is not
/// Unicode shows the sign for that.
fn quote_for_powershell(name: &str) -> String {
    const SPECIAL: [char; 3] = ['"', '$', '`'];
    if !name.chars().all(is_printable) {
        let escaped = name.chars().map(|char| match char {
            char if SPECIAL.contains(&char) => format!("`{char}"),
            char if is_printable(char) => char.to_string(),
            char => format!("`u{{{:x}}}", u32::from(char)),
        });
        return format!("\"{}\"", escaped.collect::<String>());
    }
    if name.contains('\'') && !name.contains(SPECIAL) {
        return format!("\"{name}\"");
    }
    format!("'{}'", name.replace('\'', "''"))
}

fn quote_bytes(typed: &[u8]) -> String {
    let text = std::str::from_utf8(typed).ok();
    if let Some(text) = text.filter(|text| reads_well_in_double_quotes(text)) {
        return format!("\"{text}\"");
    }
    let mut quoted = Quoted { text: String::from("'"), is_escaping: false };
    for chunk in typed.utf8_chunks() {
        chunk.valid().chars().for_each(|char| quoted.push(char));
        chunk.invalid().iter().for_each(|byte| quoted.push_byte(*byte));
    }
    quoted.text.push('\'');
    quoted.text
}

/// Whether the name has a single quote and nothing that a shell could take for more than itself.
fn reads_well_in_double_quotes(text: &str) -> bool {
    let is_safe = |(at, char): (usize, char)| match char {
        '#' | '~' => at == 0,
        char => !r##"!"$&()*;<=>?[\^`{|}"##.contains(char) && is_printable(char),
    };
    text.contains('\'') && text.char_indices().all(is_safe)
}

/// A name in single quotes, on its way.
struct Quoted {
    text: String,
    /// Inside `$'…'`.
    is_escaping: bool,
}

impl Quoted {
    fn push(&mut self, char: char) {
        if char == '\'' {
            // Leaves either kind of quotes, and comes back into the plain ones.
            self.text.push_str(r"'\''");
            self.is_escaping = false;
        } else if is_printable(char) {
            if self.is_escaping {
                self.text.push_str("''");
                self.is_escaping = false;
            }
            self.text.push(char);
        } else {
            let mut buffer = [0; 4];
            char.encode_utf8(&mut buffer).bytes().for_each(|byte| self.push_byte(byte));
        }
    }

    fn push_byte(&mut self, byte: u8) {
        if !self.is_escaping {
            self.text.push_str("'$'");
            self.is_escaping = true;
        }
        match byte {
            7 => self.text.push_str(r"\a"),
            8 => self.text.push_str(r"\b"),
            9 => self.text.push_str(r"\t"),
            10 => self.text.push_str(r"\n"),
            11 => self.text.push_str(r"\v"),
            12 => self.text.push_str(r"\f"),
            13 => self.text.push_str(r"\r"),
            byte => self.text.push_str(&format!("\\{byte:03o}")),
        }
    }
}

/// Whether a character can stand in a message: shown by the terminal, no control character, no line separator, no noncharacter.
fn is_printable(char: char) -> bool {
    let is_noncharacter =
        matches!(u32::from(char), 0xfdd0..=0xfdef) || u32::from(char) & 0xfffe == 0xfffe;
    let is_shown = char.is_ascii() || *SHOWS_UNICODE.get().unwrap_or(&true);
    is_shown && !char.is_control() && !matches!(char, '\u{2028}' | '\u{2029}') && !is_noncharacter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_powershell_reads_them() {
        let table = [
            (r"C:\Program Files\x", r"'C:\Program Files\x'"),
            ("", "''"),
            ("it's", r#""it's""#),
            ("$it's", "'$it''s'"),
            ("$x", "'$x'"),
            ("é%~`", "'é%~`'"),
            ("a\u{7f}$`", "\"a`u{7f}`$``\""),
            ("\u{fffd}", "'\u{fffd}'"),
        ];
        for (name, quoted) in table {
            assert_eq!(quote_for_powershell(name), quoted);
        }
    }

    #[test]
    fn names_are_quoted_as_cp_quotes_them() {
        let table: &[(&[u8], &str)] = &[
            (b"plain", "'plain'"),
            (b"", "''"),
            (b"sp ace", "'sp ace'"),
            (b"it's", r#""it's""#),
            (b"'", r#""'""#),
            (b"dq\"x", r#"'dq"x'"#),
            (b"both'\"x", r#"'both'\''"x'"#),
            (b"do$x", "'do$x'"),
            (b"q'$x", r"'q'\''$x'"),
            (b"back\\s", r"'back\s'"),
            (b"q'\\x", r"'q'\''\x'"),
            ("q'é".as_bytes(), "\"q'é\""),
            (b"a'=b", r"'a'\''=b'"),
            (b"{'", r"'{'\'''"),
            (b"#a'b", r##""#a'b""##),
            (b"a'#b", r"'a'\''#b'"),
            (b"~'", r#""~'""#),
            (b"'~", r"''\''~'"),
            (b"a\nb", r"'a'$'\n''b'"),
            (b"\t", r"''$'\t'"),
            (b"\n\nx", r"''$'\n\n''x'"),
            (b"q'\tx", r"'q'\'''$'\t''x'"),
            (b"n'\n'x", r"'n'\'''$'\n'\''x'"),
            (b"it's\nx", r"'it'\''s'$'\n''x'"),
            (b"\x1besc", r"''$'\033''esc'"),
            (b"a\x012", r"'a'$'\001''2'"),
            (b"a\x7f", r"'a'$'\177'"),
            (b"\x07\x08\x0c\x0b\r", r"''$'\a\b\f\v\r'"),
            (b"\xffbad", r"''$'\377''bad'"),
            (b"\xff\xfex", r"''$'\377\376''x'"),
            (b"\xe2(", r"''$'\342''('"),
            (b"\xf4\x90\x80\x80", r"''$'\364\220\200\200'"),
            ("é".as_bytes(), "'é'"),
            ("\u{85}".as_bytes(), r"''$'\302\205'"),
            ("\u{2028}".as_bytes(), r"''$'\342\200\250'"),
            ("\u{ffff}".as_bytes(), r"''$'\357\277\277'"),
            ("\u{1F600}".as_bytes(), "'\u{1F600}'"),
        ];
        for (typed, quoted) in table {
            assert_eq!(quote_bytes(typed), *quoted);
        }
    }

    #[test]
    fn a_plain_name_needs_no_quotes() {
        if system::SHELL == Shell::PowerShell {
            assert_eq!(quote_if_needed(Path::new(r"C:\e/a")), r"C:\e/a");
        }
        assert_eq!(quote_if_needed(Path::new("e/a")), "e/a");
        assert_eq!(quote_if_needed(Path::new("a b")), "'a b'");
        assert_eq!(quote_if_needed(Path::new("a;b")), "'a;b'");
        assert_eq!(quote_if_needed(Path::new("a~")), "a~");
        assert_eq!(quote_if_needed(Path::new("~a")), "'~a'");
        assert_eq!(quote_if_needed(Path::new("")), "''");
    }
}
