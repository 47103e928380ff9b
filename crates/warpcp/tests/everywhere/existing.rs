//! What becomes of targets that are there.

use std::fs;

use crate::support::{Scratch, set_modified, set_readonly, words};

fn old_and_new() -> Scratch {
    let scratch = Scratch::new();
    scratch.plant("new", "new");
    scratch.plant("old", "old, and longer");
    scratch
}

#[test]
fn a_target_is_replaced_whole_or_written_in_place() {
    for options in
        ["", "-f", "--atomic=always", "--atomic=never", "--remove-destination", "--sync=full"]
    {
        let scratch = old_and_new();
        scratch.warpcp(&format!("{options} new old")).succeeds();
        assert_eq!(scratch.read("old"), "new", "{options}");
        assert_eq!(scratch.names(), ["new", "old"], "{options}");
    }
}

#[test]
fn a_target_is_kept_if_asked_for() {
    for options in ["-n", "--update=none"] {
        let scratch = old_and_new();
        scratch.warpcp(&format!("{options} new old")).succeeds();
        assert_eq!(scratch.read("old"), "old, and longer", "{options}");
    }
    let scratch = old_and_new();
    scratch.warpcp("--update=none-fail new old").fails("warpcp: not replacing 'old'");
    assert_eq!(scratch.read("old"), "old, and longer");
}

#[test]
fn an_older_target_is_updated() {
    for (seconds, expected) in [(5, "new"), (10, "old, and longer"), (15, "old, and longer")] {
        let scratch = old_and_new();
        set_modified(&scratch.join("new"), 10);
        set_modified(&scratch.join("old"), seconds);
        scratch.warpcp("-u new old").succeeds();
        assert_eq!(scratch.read("old"), expected, "{seconds}");
    }
}

#[test]
fn a_question_is_asked_and_its_answer_heard() {
    for (answer, code, expected) in
        [("y\n", 0, "new"), ("n\n", 1, "old, and longer"), ("", 1, "old, and longer")]
    {
        let scratch = old_and_new();
        let outcome = scratch.answering(answer, "-i new old");
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(code), "warpcp: overwrite 'old'? "));
        assert_eq!(scratch.read("old"), expected, "{answer:?}");
    }
}

#[test]
fn what_had_the_name_is_backed_up() {
    let scratch = old_and_new();
    scratch.warpcp("-b new old").succeeds();
    assert_eq!(
        (scratch.read("old").as_str(), scratch.read("old~").as_str()),
        ("new", "old, and longer")
    );
    scratch.warpcp("--backup=numbered new old").succeeds();
    scratch.warpcp("--backup=simple -S .bak new old").succeeds();
    assert_eq!(scratch.names(), ["new", "old", "old.bak", "old.~1~", "old~"]);
}

#[test]
fn a_file_is_not_copied_onto_itself() {
    let scratch = old_and_new();
    scratch.warpcp("new new").fails("warpcp: 'new' and 'new' are the same file");
    fs::hard_link(scratch.join("new"), scratch.join("link")).unwrap();
    scratch.warpcp("new link").fails("warpcp: 'new' and 'link' are the same file");
    assert_eq!(scratch.read("new"), "new");
}

#[test]
fn kinds_are_not_mixed() {
    let scratch = old_and_new();
    fs::create_dir_all(scratch.join("d/new")).unwrap();
    scratch.warpcp("new d").fails(&format!(
        "warpcp: cannot overwrite directory 'd{}new' with non-directory 'new'",
        std::path::MAIN_SEPARATOR
    ));
    scratch
        .warpcp("-rT d old")
        .fails("warpcp: cannot overwrite non-directory 'old' with directory 'd'");
    scratch.warpcp("d e").fails("warpcp: -r not specified; omitting directory 'd'");
    assert_eq!(scratch.names(), ["d", "d/new", "new", "old"]);
}

/// Who may do everything may write it.
#[test]
fn a_read_only_target_is_replaced_by_force() {
    let scratch = old_and_new();
    set_readonly(&scratch.join("old"), true).unwrap();
    scratch.warpcp("-f new old").succeeds();
    assert_eq!(scratch.read("old"), "new");
}

#[test]
fn a_source_that_is_missing_is_named_and_the_others_are_copied() {
    let scratch = old_and_new();
    fs::create_dir(scratch.join("d")).unwrap();
    let cause = words(fs::metadata(scratch.join("missing")).unwrap_err());
    scratch.warpcp("missing new d").fails(&format!("warpcp: cannot stat 'missing': {cause}"));
    assert_eq!(scratch.names(), ["d", "d/new", "new", "old"]);
}
