//! What `--debug` says about one file: what was recorded while it was copied, nothing else.

use warpcopy::{Bytes, FileReport, InPlace, Kind, Make, Method, Outcome, StagingUsed};

use crate::lower::Voice;
use crate::messages;

/// Returns what follows the two names, or `None` if there is nothing to add.
pub(crate) fn detail(report: &FileReport) -> Option<String> {
    let mut parts = Vec::new();
    match (report.outcome, report.kind) {
        (Outcome::Linked, _) => parts.push("hard link".to_owned()),
        (Outcome::Symlinked, _) | (_, Kind::Symlink) => parts.push("symbolic link".to_owned()),
        (_, Kind::File) => parts.extend(moved(&report.bytes)),
        (_, kind) if report.bytes.method.is_none() => parts.push(node(kind).to_owned()),
        _ => parts.extend(moved(&report.bytes)),
    }
    match report.staging {
        Some(StagingUsed::InPlace(reason)) => parts.push(in_place(reason)),
        Some(StagingUsed::Identical) => {
            parts.push("left as it was: it held the same bytes".to_owned());
        }
        _ => {}
    }
    if report.changed {
        parts.push("the source changed meanwhile".to_owned());
    }
    let refusals = report.refusals.iter().map(|refusal| {
        let at =
            if refusal.offset == 0 { String::new() } else { format!(" at {}", refusal.offset) };
        format!("{} refused{at}: {}", refusal.method, refusal.reason)
    });
    let losses = report
        .unpreserved
        .iter()
        .chain(&report.warned)
        .filter_map(|error| messages::of_error(error, Make::Contents));
    let notes: Vec<String> = refusals.chain(losses).collect();
    let mut text = parts.join(", ");
    if !notes.is_empty() {
        text.push_str(&format!(" ({})", notes.join("; ")));
    }
    (!text.is_empty()).then(|| text.trim_start().to_owned())
}

/// Returns the line that GNU `cp` prints below the names, for what has contents; in its words, from what was recorded.
pub(crate) fn gnu_detail(report: &FileReport, voice: &Voice) -> Option<String> {
    let has_contents = voice.debug
        && voice.make == Make::Contents
        && report.outcome == Outcome::Copied
        && (report.kind == Kind::File || report.bytes.method.is_some());
    let bytes = &report.bytes;
    let has_refused =
        |method: Method| report.refusals.iter().any(|refusal| refusal.method == method);
    let offload = match bytes.method {
        _ if voice.avoids_offload => "avoided",
        Some(Method::CopyRange | Method::Sendfile) => "yes",
        None | Some(Method::Clone) => "unknown",
        Some(_) if has_refused(Method::CopyRange) => "unsupported",
        Some(_) => "no",
    };
    let reflink = match has_refused(Method::Clone) {
        _ if bytes.cloned > 0 => "yes",
        true => "unsupported",
        false => "no",
    };
    let sparse = match (bytes.holes > 0, voice.finds_zeros) {
        _ if bytes.cloned > 0 => "unknown",
        (_, true) => "zeros",
        (true, false) => "SEEK_HOLE",
        (false, false) => "no",
    };
    has_contents
        .then(|| format!("copy offload: {offload}, reflink: {reflink}, sparse detection: {sparse}"))
}

/// Returns why nothing was done, if nothing was.
pub(crate) fn reason_to_skip(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::SkippedExisting => Some("it exists"),
        Outcome::SkippedNotOlder => Some("it is not older"),
        Outcome::SkippedNotNewer => Some("the source is not newer than asked for"),
        Outcome::SkippedSameLink => Some("it is that link already"),
        _ => None,
    }
}

/// Returns a number of bytes as a person reads it: `712 bytes`, `3.0 MB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 is where one decimal would be rounded up to 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn moved(bytes: &Bytes) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(bytes.method.map(|method| method.to_string()));
    parts.push(if bytes.len == 0 { "empty".to_owned() } else { size(bytes.len) });
    if bytes.holes > 0 {
        parts.push(format!("{} of holes skipped", size(bytes.holes)));
    }
    parts
}

fn node(kind: Kind) -> &'static str {
    match kind {
        Kind::Fifo => "FIFO made",
        Kind::Socket => "socket made",
        Kind::CharDevice | Kind::BlockDevice => "device made",
        _ => "made",
    }
}

fn in_place(reason: InPlace) -> String {
    let why = match reason {
        InPlace::Asked => return "written in place".to_owned(),
        InPlace::HasLinks => "it has other hard links".to_owned(),
        InPlace::ThroughSymlink => "its name is a symbolic link".to_owned(),
        InPlace::NotRegular => "it is not a regular file".to_owned(),
        InPlace::CannotStage(code) => format!("no file can be made beside it ({code})"),
        InPlace::CannotKeep(code) => format!("a new file cannot take over its attributes ({code})"),
        InPlace::CannotRename(code) => format!("a new file cannot take its name ({code})"),
        _ => "a new file would not do".to_owned(),
    };
    format!("written in place because {why}")
}

#[cfg(test)]
mod tests {
    use warpcopy::Code;

    use super::*;

    #[test]
    fn sizes_have_one_decimal_from_a_thousand_on() {
        let table = [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (3_000_000, "3.0 MB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn what_moved_the_bytes_comes_first() {
        let mut bytes = Bytes::default();
        assert_eq!(moved(&bytes), ["empty"]);
        bytes.method = Some(Method::CopyRange);
        (bytes.len, bytes.holes) = (3_000_000, 4096);
        assert_eq!(moved(&bytes), ["copy_file_range", "3.0 MB", "4.1 kB of holes skipped"]);
    }

    #[test]
    fn writing_in_place_is_explained() {
        let text = "written in place because it has other hard links";
        assert_eq!(in_place(InPlace::HasLinks), text);
        assert!(in_place(InPlace::CannotStage(Code(1))).ends_with(&format!("({})", Code(1))));
    }
}
