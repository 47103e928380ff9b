//! What only Windows has: its names, its wildcards, its shares of open files, its words.

use std::ffi::OsString;
use std::fs;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Scratch, words};

/// The words for a number of the system.
fn says(code: i32) -> String {
    words(std::io::Error::from_raw_os_error(code))
}

#[test]
fn called_cp_exe_it_is_cp() {
    let scratch = Scratch::new();
    scratch.plant("a", "x");
    let name = scratch.join("CP.EXE");
    fs::copy(env!("CARGO_BIN_EXE_warpcp"), &name).unwrap();
    let outcome = scratch.run(&name, ["-v", "a", "b"], "").succeeds();
    assert_eq!(outcome.out, "'a' -> 'b'\n");
    let outcome = scratch.run(&name, ["-j2", "a", "c"], "");
    outcome.fails("cp: invalid option -- 'j'\nTry 'cp --help' for more information.");
    let outcome = scratch.run(&name, ["missing", "c"], "");
    outcome.fails(&format!("cp: cannot stat 'missing': {}", says(2)));
}

#[test]
fn wildcards_stand_for_the_names_that_fit() {
    let scratch = Scratch::new();
    for name in ["B.txt", "a.txt", "c.doc", "d/x.txt", "e/y.txt"] {
        scratch.plant(name, name);
    }
    fs::create_dir(scratch.join("all")).unwrap();
    let outcome = scratch.warpcp("-v -j1 *.TXT all").succeeds();
    assert_eq!(outcome.out, "'a.txt' -> 'all\\a.txt'\n'B.txt' -> 'all\\B.txt'\n");
    let outcome = scratch.warpcp(r"-v -j1 ?\*.txt all").succeeds();
    assert_eq!(outcome.out, "'d\\x.txt' -> 'all\\x.txt'\n'e\\y.txt' -> 'all\\y.txt'\n");
    let outcome = scratch.warpcp("*.none all");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.starts_with("warpcp: cannot stat '*.none': "), "{}", outcome.err);
}

#[test]
fn either_slash_separates_names_and_is_shown_as_typed() {
    let scratch = Scratch::new();
    scratch.plant("d/f", "x");
    fs::create_dir(scratch.join("e")).unwrap();
    let outcome = scratch.warpcp(r"-v d/f e").succeeds();
    assert_eq!(outcome.out, "'d/f' -> 'e\\f'\n");
    let outcome = scratch.warpcp(r"-v d\f e\").succeeds();
    assert_eq!(outcome.out, "'d\\f' -> 'e\\f'\n");
    let outcome = scratch.warpcp(r"-v d\f e/g").succeeds();
    assert_eq!(outcome.out, "'d\\f' -> 'e/g'\n");
}

#[test]
fn an_absolute_path_begins_with_its_drive() {
    let scratch = Scratch::new();
    let source = scratch.plant("d/f", "x");
    fs::create_dir(scratch.join("e")).unwrap();
    let args = ["--parents".as_ref(), source.as_os_str(), "e".as_ref()];
    scratch.run(env!("CARGO_BIN_EXE_warpcp"), args, "").succeeds();
    let below: PathBuf = source.components().skip(2).collect();
    assert_eq!(scratch.read(Path::new("e").join(below)), "x");
}

/// Names are 16-bit units, not always Unicode; a lone half of a pair is one.
#[test]
fn a_name_that_is_not_unicode_survives() {
    let scratch = Scratch::new();
    let name = OsString::from_wide(&[0x61, 0xd800, 0x62]);
    fs::create_dir_all(scratch.join("d")).unwrap();
    if let Err(error) = fs::write(scratch.join("d").join(&name), "x") {
        // Wine keeps names in UTF-8, where there is no such thing.
        assert!(is_wine(), "{error}");
        return;
    }
    scratch.warpcp("-r d e").succeeds();
    assert_eq!(scratch.read(Path::new("e").join(&name)), "x");
    let source = Path::new("d").join(&name);
    let args = [source.as_os_str(), &name];
    scratch.run(env!("CARGO_BIN_EXE_warpcp"), args, "").succeeds();
    assert_eq!(scratch.read(&name), "x");
}

fn is_wine() -> bool {
    // Set by those who start Wine as scripts/cross does.
    std::env::var_os("WINEPREFIX").is_some()
}

#[test]
fn a_file_that_somebody_keeps_for_himself_is_complained_about() {
    let scratch = Scratch::new();
    scratch.plant("busy", "x");
    scratch.plant("free", "y");
    fs::create_dir(scratch.join("d")).unwrap();
    let busy = fs::File::options()
        .read(true)
        .write(true)
        .share_mode(0)
        .open(scratch.join("busy"))
        .unwrap();
    let outcome = scratch.warpcp("busy free d");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("'busy'") && outcome.err.contains(&says(32)), "{}", outcome.err);
    drop(busy);
    assert_eq!(scratch.names(), ["busy", "d", "d/free", "free"]);
}

#[test]
fn what_is_no_name_on_windows_is_refused() {
    let scratch = Scratch::new();
    scratch.plant("a", "x");
    for name in ["NUL", "aux.txt", "com1", "b.", "a:stream"] {
        let outcome = scratch.warpcp(&format!("a {name}"));
        assert_eq!(outcome.code, Some(1), "{name}: {outcome:?}");
        let is_named = outcome.err.starts_with("warpcp: cannot ") && outcome.err.contains(name);
        assert!(is_named, "{}", outcome.err);
    }
    assert_eq!(scratch.names(), ["a"]);
}
