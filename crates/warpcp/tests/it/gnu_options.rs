//! The same command line given to `cp` and to `warpcp` in two equal places: equal trees, equal exit codes, and,
//! where `cp` says something, the same sentence.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::plant::{mode, sparse, times, write, xattr};
use crate::support::run::program;
use crate::support::{Compare, Dir, Fifo, File, Fs, HardLink, Scratch, Symlink, bytes, plant};

/// What both programs find: files old and new, directories, links good and bad.
pub(crate) fn place(root: &Path) {
    let large = bytes(200_000, 1);
    plant(
        root,
        &[
            ("a", File(b"content of a")),
            ("b", File(b"content of b, longer")),
            ("large", File(&large)),
            ("empty", File(b"")),
            ("dir", Dir),
            ("dir/one", File(b"one")),
            ("dir/two", File(b"two")),
            ("dir/sub", Dir),
            ("dir/sub/deep", File(b"deep")),
            ("dir/link", Symlink("one")),
            ("dir/hard", HardLink("dir/one")),
            ("dir/fifo", Fifo),
            ("other", Dir),
            ("other/one", File(b"older")),
            ("other/kept", File(b"kept")),
            ("to-a", Symlink("a")),
            ("to-dir", Symlink("dir")),
            ("dangling", Symlink("nowhere")),
            ("loop", Symlink("loop")),
            ("hard-a", HardLink("a")),
            ("read-only", File(b"read only")),
            ("executable", File(b"#!/bin/sh\n")),
            ("-dash", File(b"dash")),
            ("spa ce", File(b"space")),
        ],
    );
    sparse(&root.join("sparse"), 1 << 20, &[(512 << 10, b"data")]);
    symlink("../dir", root.join("other/to-dir")).unwrap();
    xattr(&root.join("a"), "user.note", b"note");
    mode(&root.join("read-only"), 0o444);
    mode(&root.join("executable"), 0o755);
    mode(&root.join("dir/sub"), 0o750);
    for (number, name) in ["a", "b", "large", "dir/one", "other/one", "dir/sub"].iter().enumerate()
    {
        times(&root.join(name), (1_000_000_000, 5), (1_000_000_000 + number as i64, 7));
    }
    for name in ["dir", "other", "."] {
        times(&root.join(name), (1_000_000_000, 5), (1_100_000_000, 7));
    }
}

/// Command lines after the program's name; a backslash stands for the end of a word in it.
const LINES: &[&str] = &[
    "a new",
    "a b",
    "-b a b",
    "--backup a b",
    "--backup=numbered -v a b",
    "-S .old -b a b",
    "-bf a a",
    "-b a hard-a",
    "-b to-a a",
    "a b dir",
    "a dir/",
    "a new/",
    "a missing/new",
    "missing new",
    "missing a dir",
    "a missing b dir",
    "a b missing-dir",
    "a b large",
    "a",
    "",
    "a a",
    "a ./a",
    "a hard-a",
    "a to-a",
    "to-a a",
    "-f a hard-a",
    "-f a to-a",
    "-l a new",
    "-l a b",
    "-lf a b",
    "-l a hard-a",
    "-s a new",
    "-s a b",
    "-sf a b",
    "-s a dir",
    "-s dir/one new",
    "-rs dir new",
    "-rl dir new",
    "-l -s a new",
    "-n a b",
    "-n a new",
    "-u a b",
    "-u b a",
    "-i a new",
    "-t dir a b",
    "-tdir a",
    "--target-directory=dir a b",
    "-t missing a",
    "-t a b",
    "-T a new",
    "-T a dir",
    "-T dir other",
    "-rT dir other",
    "-rT dir new",
    "-t dir -T a",
    "dir new",
    "dir a new",
    "a dir other",
    "-r dir new",
    "-r dir other",
    "-R dir/ new",
    "-r dir/. other",
    "-r dir/. new",
    "-r dir . ",
    "-r dir dir",
    "-r dir dir/new",
    "-r dir a",
    "-r a dir new",
    "-r a dir other",
    "-r to-dir new",
    "-r to-dir/ new",
    "-rH to-dir new",
    "-rL to-dir new",
    "-rP to-dir new",
    "-H to-a new",
    "-L to-a new",
    "-P to-a new",
    "-d to-a new",
    "-a to-a new",
    "dangling new",
    "-P dangling new",
    "-L dangling new",
    "a dangling",
    "-f a dangling",
    "--remove-destination a dangling",
    "-r dir dangling",
    "loop new",
    "-P loop new",
    "a loop",
    "a to-dir",
    "-T a to-dir",
    "-r dir/one to-dir",
    "-r dir to-a",
    "-a dir new",
    "-a dir other",
    "-a dir/. other",
    "-dR dir new",
    "-rp dir new",
    "-p a new",
    "-p a b",
    "--preserve a new",
    "--preserve=mode a new",
    "--preserve=mode executable new",
    "--preserve=timestamps a b",
    "--preserve=timestamps,mode executable new",
    "--preserve=links a hard-a dir",
    "a hard-a dir",
    "--preserve=xattr a new",
    "--preserve=all a new",
    "-p --no-preserve=mode executable new",
    "-p --no-preserve=timestamps a new",
    "-a --no-preserve=links a hard-a dir",
    "-a --no-preserve=xattr a new",
    "--preserve=nonsense a new",
    "--no-preserve=all executable new",
    "--attributes-only a new",
    "--attributes-only -p a b",
    "executable new",
    "read-only new",
    "a executable",
    "a read-only",
    "--remove-destination a b",
    "--remove-destination a hard-a",
    "--remove-destination a a",
    "--remove-destination a to-a",
    "--remove-destination to-a a",
    "--remove-destination a dir",
    "-f a read-only",
    "--parents dir/sub/deep other",
    "--parents dir/one a other",
    "--parents ./dir/sub/deep other",
    "--parents -r dir/sub other",
    "--parents -p dir/sub/deep other",
    "--parents dir/one new",
    "--parents -a dir/sub dir/one other",
    "--strip-trailing-slashes to-dir/ new",
    "--strip-trailing-slashes -r to-dir/ new",
    "--strip-trailing-slashes a/ new",
    "a/ new",
    "a/b new",
    "a b/new",
    "sparse new",
    "--sparse=always sparse new",
    "--sparse=never sparse new",
    "--sparse=auto large new",
    "--sparse=always large new",
    "--sparse=nonsense a new",
    "--reflink=auto large new",
    "--reflink=never large new",
    "--reflink=nonsense a new",
    "--reflink=always --sparse=always a new",
    "-v a new",
    "-v a b dir",
    "-rv other new",
    "-v -n a b",
    "-av other/. dir",
    "-v --remove-destination a b",
    "-x -r dir new",
    "--copy-contents -r other new",
    "-- -dash new",
    "-dash new",
    "./-dash new",
    "a -- b",
    "a -f b",
    "--rec dir new",
    "--verb a new",
    "--no-deref to-a new",
    "--pres a new",
    "--nonsense a new",
    "-Y a new",
    "--archive=x a new",
    "-r empty dir other new",
    "empty b",
    "a b a dir",
    "a ./a dir",
    "-r dir dir other",
    "-a dir dir other",
    "spa\\ce new",
    "a '' ",
    "'' new",
    "-r . other",
    "-r dir/.. other",
];

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.replace('\\', " ").replace("''", "")).collect()
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(program: &Path, line: &str, directory: &Path) -> Ran {
    let output = Command::new(program)
        .args(words(line))
        .current_dir(directory)
        .env("LC_ALL", "C")
        .env_remove("POSIXLY_CORRECT")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| {
        let own = program.file_name().unwrap().to_string_lossy().into_owned();
        let mut lines: Vec<_> =
            String::from_utf8_lossy(bytes).lines().map(|line| line.replace(&own, "cp")).collect();
        // Directories are read in the order that the file system gives.
        lines.sort();
        lines.join("\n")
    };
    Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Lines whose outcome differs on purpose, and why; what is asserted of them is in other tests.
const DIFFERENT: &[(&str, &str)] = &[
    ("-T a dir", "cp names the second operand since 9.5, as we do"),
    ("-T a to-dir", "cp names the second operand since 9.5, as we do"),
    ("--strip-trailing-slashes to-dir/ new", "cp forgets to strip a single source"),
    ("--strip-trailing-slashes -r to-dir/ new", "cp forgets to strip a single source"),
    ("--strip-trailing-slashes a/ new", "cp forgets to strip a single source"),
    ("-r dir dir", "refused before anything is made"),
    ("-r dir dir/new", "refused before anything is made"),
    ("-av other/. dir", "what is removed is told under the name cp"),
    ("-v --remove-destination a b", "what is removed is told under the name cp"),
    ("-r . other", "how far cp gets depends on the order of the directory"),
    ("-r dir/.. other", "how far cp gets depends on the order of the directory"),
];

#[test]
fn command_lines_do_what_they_do_with_cp() {
    let Some(scratch) = Scratch::on(Fs::Ext4) else { return };
    let (theirs, ours) = (scratch.join("theirs"), scratch.join("ours"));
    let mut wrong = Vec::new();
    for line in LINES {
        if DIFFERENT.iter().any(|(different, _)| different == line) {
            continue;
        }
        place(&theirs);
        place(&ours);
        let cp = run(Path::new("cp"), line, &theirs);
        let own = run(&program(), line, &ours);
        let mut found = Vec::new();
        if cp.code != own.code {
            found.push(format!("exit {:?} instead of {:?}", own.code, cp.code));
        }
        if cp.stdout != own.stdout {
            found.push(format!("prints\n{}\ninstead of\n{}", own.stdout, cp.stdout));
        }
        let usage = "Try 'cp --help' for more information.";
        let (their_words, our_words) =
            (cp.stderr.replace(usage, ""), own.stderr.replace(usage, ""));
        if their_words.trim() != our_words.trim() {
            found.push(format!("says\n{}\ninstead of\n{}", our_words.trim(), their_words.trim()));
        }
        // Most of what is made has the time of the moment.
        let compare = Compare { modified: false, ..Compare::default() };
        found.extend(compare.differences(&theirs, &ours));
        if !found.is_empty() {
            wrong.push(format!("cp {line}\n  {}", found.join("\n  ")));
        }
        for path in [&theirs, &ours] {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} of {} lines:\n{}", LINES.len(), wrong.join("\n"));
}

#[test]
fn a_wrong_command_line_is_explained_in_one_message() {
    let Some(scratch) = Scratch::anywhere() else { return };
    write(scratch.join("a"), b"content");
    for line in [
        "--nonsense a b",
        "-j0 a b",
        "-jx a b",
        "--method=nonsense a b",
        "--atomic=maybe a b",
        "--sync=some a b",
    ] {
        let ran = run(&program(), line, scratch.path());
        assert_eq!(ran.code, Some(1), "{line}");
        assert!(ran.stderr.contains("cp: "), "{line}: {}", ran.stderr);
        assert!(!scratch.join("b").exists());
    }
    for option in ["--help", "--version"] {
        let ran = run(&program(), option, scratch.path());
        assert_eq!(ran.code, Some(0), "{option}");
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{option}");
    }
}

// -i asks, a no is a failure, an end of the input is a no.
#[test]
fn a_question_is_asked_before_a_target_is_replaced() {
    let Some(scratch) = Scratch::anywhere() else { return };
    let (a, b, answer) = (scratch.join("a"), scratch.join("b"), scratch.join("answer"));
    write(&a, b"new");
    for (says, is_replaced) in [("y\n", true), ("n\n", false), ("", false), ("yes\n", true)] {
        write(&b, b"old");
        write(&answer, says);
        let outcome = crate::support::Warpcp::copy("-i", &a, &b).input(&answer).run();
        assert!(outcome.stderr.contains("overwrite"), "{outcome}");
        assert_eq!(crate::support::read(&b) == b"new", is_replaced, "{says:?}: {outcome}");
        outcome.assert_code(if is_replaced { 0 } else { 1 });
    }
}
