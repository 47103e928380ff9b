//! Bash completes command lines by the function that is printed for it.

use std::process::Command;

use crate::support::has_tool;

const FUNCTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/completions/warpcp.bash");

/// A command line up to the cursor; its last two words, as Bash takes it apart (at `=`, too); what is offered.
const LINES: &[(&str, [&str; 2], &[&str])] = &[
    ("warpcp --spar", ["warpcp", "--spar"], &["--sparse="]),
    ("warpcp --refl", ["warpcp", "--refl"], &["--reflink", "--reflink="]),
    ("warpcp --sparse=", ["--sparse", ""], &["never", "auto", "always"]),
    ("warpcp --sparse=al", ["=", "al"], &["always"]),
    ("warpcp --sparse al", ["--sparse", "al"], &["always"]),
    ("warpcp --reflink al", ["--reflink", "al"], &[]),
    ("warpcp --preserve=mo", ["=", "mo"], &["mode"]),
    ("warpcp --preserve=mode,ti", ["=", "mode,ti"], &["mode,timestamps"]),
    ("warpcp --no-preserve mode,ti", ["--no-preserve", "mode,ti"], &["mode,timestamps"]),
    ("warpcp -r a --jo", ["a", "--jo"], &["--jobs="]),
    // Files are completed by Bash itself.
    ("warpcp -r a", ["-r", "a"], &[]),
    ("warpcp --newer=a", ["=", "a"], &[]),
    ("warpcp -- --spar", ["--", "--spar"], &[]),
];

#[test]
fn bash_completes_options_and_their_words() {
    if !has_tool("bash") {
        return;
    }
    for (line, [before, word], offered) in LINES {
        let script = r#". "$0"; COMP_LINE=$1 COMP_POINT=${#1}; _warpcp warpcp "$3" "$2"
            [ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}""#;
        let bash = Command::new("bash")
            .args(["--norc", "-c", script, FUNCTION, line, before, word])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&bash.stderr), "", "{line}");
        let text = String::from_utf8_lossy(&bash.stdout).into_owned();
        assert_eq!(text.lines().collect::<Vec<_>>(), *offered, "{line}");
    }
}
