//! Paths as the kernel takes them: absolute, with nothing left to interpret. Pure.
//!
//! What starts with `\\?\` goes on as it is, so there is no limit of 260 units and no name is rewritten on the way
//! (Microsoft, "Maximum Path Length Limitation" and "Naming Files, Paths, and Namespaces").

/// The longest path in UTF-16 units: its length in bytes is kept in 16 bits (`UNICODE_STRING`).
pub(super) const UNITS_MAX: usize = 32_767;

const VERBATIM: &str = r"\\?\";
const KERNEL: &str = r"\??\";

/// An absolute path, as `GetFullPathNameW` returns it, for calls of Win32: verbatim.
pub(super) fn verbatim(absolute: &[u16]) -> Vec<u16> {
    with_prefix(absolute, VERBATIM)
}

/// The same path for calls of the kernel.
pub(super) fn native(absolute: &[u16]) -> Vec<u16> {
    with_prefix(absolute, KERNEL)
}

/// With a zero behind it, as the calls of Win32 want it.
pub(super) fn with_end(mut path: Vec<u16>) -> Vec<u16> {
    path.push(0);
    path
}

fn with_prefix(absolute: &[u16], prefix: &str) -> Vec<u16> {
    let unc = format!(r"{prefix}UNC\");
    let after = |start: &str| strip(absolute, start);
    let (start, rest) = match (after(VERBATIM), after(KERNEL), after(r"\\.\"), after(r"\\")) {
        (Some(rest), ..) | (_, Some(rest), ..) | (_, _, Some(rest), _) => (prefix, rest),
        (_, _, _, Some(share)) => (&*unc, share),
        _ => (prefix, absolute),
    };
    start.encode_utf16().chain(rest.iter().copied()).collect()
}

fn strip<'a>(path: &'a [u16], start: &str) -> Option<&'a [u16]> {
    let start: Vec<u16> = start.encode_utf16().collect();
    path.strip_prefix(&start[..])
}

pub(super) fn is_separator(unit: u16) -> bool {
    unit == u16::from(b'\\') || unit == u16::from(b'/')
}

/// Takes the separators off the end of an absolute path, which say that it must be a directory; a drive keeps its own,
/// without which it is a device.
pub(super) fn without_trailing_separators(path: &mut Vec<u16>) -> bool {
    let is_root = |path: &[u16]| path.len() >= 2 && path[path.len() - 2] == u16::from(b':');
    let mut had_some = false;
    while path.last().copied().is_some_and(is_separator) {
        had_some = true;
        if is_root(path) {
            break;
        }
        path.pop();
    }
    had_some
}

/// The directory that holds what an absolute path names; a root is above itself.
pub(super) fn above(absolute: &[u16]) -> Vec<u16> {
    let mut path = absolute.to_vec();
    without_trailing_separators(&mut path);
    let Some(last) = path.iter().rposition(|unit| is_separator(*unit)) else { return path };
    let volume = volume_length(&path);
    let end = if last < volume { volume } else { last };
    if path[..end].last() == Some(&u16::from(b':')) {
        path.truncate(end + 1);
    } else {
        path.truncate(end);
    }
    path
}

/// How many units at the start of a path name its volume: a drive, or a server's share.
fn volume_length(path: &[u16]) -> usize {
    let (skipped, parts) = match (strip(path, r"\\?\UNC\"), strip(path, VERBATIM)) {
        (Some(_), _) => (8, 2),
        (_, Some(_)) => (4, 1),
        _ if strip(path, r"\\").is_some() => (2, 2),
        _ => (0, 1),
    };
    let mut ends = (skipped..path.len()).filter(|at| is_separator(path[*at]));
    ends.nth(parts - 1).unwrap_or(path.len())
}

/// The last name of a path, without separators.
pub(super) fn last_name(path: &[u16]) -> &[u16] {
    let mut end = path.len();
    while end > 0 && is_separator(path[end - 1]) {
        end -= 1;
    }
    let start = path[..end].iter().rposition(|unit| is_separator(*unit)).map_or(0, |at| at + 1);
    &path[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn text(units: &[u16]) -> String {
        String::from_utf16_lossy(units)
    }

    #[test]
    fn absolute_paths_become_verbatim_whatever_their_form() {
        let table = [
            (r"C:\a\b", r"\\?\C:\a\b", r"\??\C:\a\b"),
            (r"\\server\share\a", r"\\?\UNC\server\share\a", r"\??\UNC\server\share\a"),
            (r"\\?\C:\a", r"\\?\C:\a", r"\??\C:\a"),
            (r"\\?\UNC\server\share\a", r"\\?\UNC\server\share\a", r"\??\UNC\server\share\a"),
            (r"\\.\NUL", r"\\?\NUL", r"\??\NUL"),
            (r"\\?\Volume{1}\a", r"\\?\Volume{1}\a", r"\??\Volume{1}\a"),
        ];
        for (path, for_win32, for_kernel) in table {
            assert_eq!(text(&verbatim(&units(path))), for_win32, "{path}");
            assert_eq!(text(&native(&units(path))), for_kernel, "{path}");
        }
    }

    #[test]
    fn a_separator_at_the_end_asks_for_a_directory_and_a_drive_keeps_its_own() {
        let table = [
            (r"C:\a\", r"C:\a", true),
            (r"C:\a\\", r"C:\a", true),
            (r"C:\a/", r"C:\a", true),
            (r"C:\a", r"C:\a", false),
            (r"C:\", r"C:\", true),
            (r"\\?\C:\", r"\\?\C:\", true),
        ];
        for (path, expected, asks) in table {
            let mut path = units(path);
            assert_eq!(without_trailing_separators(&mut path), asks, "{expected}");
            assert_eq!(text(&path), expected);
        }
    }

    #[test]
    fn above_a_directory_is_its_holder_and_a_root_is_above_itself() {
        let table = [
            (r"\\?\C:\a\b", r"\\?\C:\a"),
            (r"\\?\C:\a", r"\\?\C:\"),
            (r"\\?\C:\", r"\\?\C:\"),
            (r"\\?\UNC\server\share\a", r"\\?\UNC\server\share"),
            (r"\\?\UNC\server\share", r"\\?\UNC\server\share"),
            (r"\\server\share\a\b", r"\\server\share\a"),
            (r"C:\a", r"C:\"),
        ];
        for (path, expected) in table {
            assert_eq!(text(&above(&units(path))), expected, "{path}");
        }
    }

    #[test]
    fn the_last_name_is_found_through_both_kinds_of_separators() {
        for (path, name) in [("a", "a"), (r"x\a", "a"), ("x/a/", "a"), (r"C:\x\a\\", "a"), ("", "")]
        {
            assert_eq!(text(last_name(&units(path))), name, "{path}");
        }
    }
}
