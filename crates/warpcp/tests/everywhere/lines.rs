//! What is printed, and how operands are understood.

use std::fs;
use std::path::MAIN_SEPARATOR as S;

use crate::support::Scratch;

fn some() -> Scratch {
    let scratch = Scratch::new();
    scratch.plant("a", "aa");
    scratch.plant("b", "bbb");
    scratch.plant("d/f", "f");
    fs::create_dir(scratch.join("e")).unwrap();
    scratch
}

#[test]
fn what_is_copied_is_printed_on_request() {
    let scratch = some();
    let outcome = scratch.warpcp("-v a new").succeeds();
    assert_eq!(outcome.out, "'a' -> 'new'\n");
    let outcome = scratch.warpcp("-rv -j1 d e").succeeds();
    assert_eq!(outcome.out, format!("'d' -> 'e{S}d'\n'd{S}f' -> 'e{S}d{S}f'\n"));
    let outcome = scratch.warpcp("--debug --method=read_write a other").succeeds();
    assert_eq!(outcome.out, "'a' -> 'other': read_write, 2 bytes\n");
    assert_eq!(scratch.warpcp("a silent").succeeds().out, "");
}

#[test]
fn a_run_is_told_in_sum() {
    let scratch = some();
    let outcome = scratch.warpcp("-r --stats a b d e");
    assert_eq!(outcome.code, Some(0));
    for line in [
        "files                    3\n",
        "failures                 0\n",
        "bytes                    6 bytes\n",
    ] {
        assert!(outcome.err.contains(line), "{}", outcome.err);
    }
}

#[test]
fn sources_go_below_a_directory() {
    let scratch = some();
    scratch.warpcp("-t e a b").succeeds();
    scratch.warpcp("-r d e/").succeeds();
    scratch.warpcp("--parents d/f e/d").succeeds();
    assert_eq!(
        scratch.names(),
        ["a", "b", "d", "d/f", "e", "e/a", "e/b", "e/d", "e/d/d", "e/d/d/f", "e/d/f"]
    );
    scratch.warpcp("-rT d e").succeeds();
    assert_eq!(scratch.read("e/f"), "f");
}

#[test]
fn a_wrong_command_line_is_explained() {
    let scratch = some();
    let hint = "Try 'warpcp --help' for more information.";
    for (line, message) in [
        ("", "missing file operand"),
        ("a", "missing destination file operand after 'a'"),
        ("--nonsense a b", "unrecognized option '--nonsense'"),
        (
            "--sparse=x a b",
            "invalid argument 'x' for '--sparse'\nValid arguments are:\n  - 'never'\n  - 'auto'\n  - 'always'",
        ),
    ] {
        scratch.warpcp(line).fails(&format!("warpcp: {message}\n{hint}"));
    }
    assert_eq!(scratch.warpcp("a b b").code, Some(1));
    assert_eq!(scratch.names(), ["a", "b", "d", "d/f", "e"]);
}

#[test]
fn help_and_version_are_printed() {
    let scratch = Scratch::new();
    let outcome = scratch.warpcp("--help").succeeds();
    assert!(
        outcome.out.starts_with("Usage: warpcp [OPTION]... [-T] SOURCE TARGET\n"),
        "{}",
        outcome.out
    );
    assert!(scratch.warpcp("--version").succeeds().out.starts_with("warpcp "));
}

#[test]
fn attributes_alone_leave_the_contents() {
    let scratch = some();
    scratch.warpcp("--attributes-only a b").succeeds();
    assert_eq!(scratch.read("b"), "bbb");
    scratch.warpcp("--attributes-only a new").succeeds();
    assert_eq!(scratch.read("new"), "");
}

#[test]
fn hard_links_are_made_on_request() {
    let scratch = some();
    scratch.warpcp("-l a link").succeeds();
    fs::write(scratch.join("a"), "changed").unwrap();
    assert_eq!(scratch.read("link"), "changed");
}
