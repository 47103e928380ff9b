//! What the shape of the library rests on, read from its sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The library's sources without tests: path below `src` and text without comments.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    assert!(paths.len() > 20, "the sources were not found");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let text = without_tests(&fs::read_to_string(&path).unwrap());
        (name, without_comments(&text))
    };
    paths.into_iter().map(read).collect()
}

fn collect(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            collect(&path, out);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            out.push(path);
        }
    }
}

/// Test modules stand at the end of a file.
fn without_tests(text: &str) -> String {
    match text.find("#[cfg(test)]\nmod ") {
        Some(at) => text[..at].to_owned(),
        None => text.to_owned(),
    }
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_absent(words: &[&str], is_checked: impl Fn(&str) -> bool) {
    for (name, text) in sources().iter().filter(|(name, _)| is_checked(name)) {
        for word in words {
            assert!(!text.contains(word), "{name} says {word}");
        }
    }
}

#[test]
fn decisions_are_taken_without_input_output_clock_threads_or_platform() {
    let words = [
        "std::fs",
        "std::io::{",
        "std::io::Read",
        "std::io::Write",
        "std::sync",
        "std::thread",
        "std::time",
        "std::os",
        "cfg(target",
        "crate::sys",
        "crate::file",
        "crate::tree",
        "rustix",
        "libc",
    ];
    assert_absent(&words, |name| name.starts_with("plan/"));
}

#[test]
fn only_the_system_layer_is_unsafe_or_knows_its_platform() {
    assert_absent(&["unsafe ", "unsafe{", "rustix", "libc"], |name| !name.starts_with("sys/"));
    assert_absent(&["target_os"], |name| !name.starts_with("sys/") && name != "lib.rs");
    let sources = sources();
    let (_, lib) = sources.iter().find(|(name, _)| name == "lib.rs").unwrap();
    assert!(lib.contains("#![deny(unsafe_code)]"));
    assert!(lib.matches("target_os").count() <= 3, "one switch, not a habit");
}

/// The process belongs to the caller.
#[test]
fn the_library_does_not_print_exit_or_read_the_environment() {
    let words =
        ["println!", "eprintln!", "print!(", "dbg!", "std::env", "env::var", "process::exit"];
    assert_absent(&words, |_| true);
}

/// They choose methods by themselves, and say nothing about it.
#[test]
fn nothing_is_copied_by_the_standard_library() {
    assert_absent(&["fs::copy", "io::copy", "fs::read(", "fs::write("], |_| true);
}

#[test]
fn nothing_is_left_to_be_done() {
    assert_absent(&["todo!", "unimplemented!", "#[ignore"], |_| true);
}

/// The umask and the working directory are the caller's, even for a moment: other threads see that moment.
#[test]
fn the_process_s_own_state_is_not_changed() {
    assert_absent(&["set_current_dir", "chdir", "libc::umask"], |_| true);
    // There a thread has one of its own before it asks for it.
    assert_absent(&["process::umask"], |name| name != "sys/linux/process.rs");
}

#[test]
fn only_the_loop_drives_a_mover() {
    let drives = [".next_data(", ".source_len(", ".part(", ".whole("];
    assert_absent(&drives, |name| name != "file/fill.rs" && !name.starts_with("sys/"));
}
