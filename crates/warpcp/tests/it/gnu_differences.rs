//! Every difference to GNU cp that is meant, or known: a table, the page that is printed from it, and the proof.
//!
//! Each line is run by a shell beside the `cp` that is installed, or the one that `WARPCOPY_GNU_CP` names.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::gnu_options::place;
use crate::support::run::program;
use crate::support::{Fs, Scratch, skip};

/// A version of GNU coreutils.
pub(crate) type Version = (u32, u32);

/// What is written of a row holds for every version that is looked at.
pub(crate) const ALWAYS: Version = (0, 0);

/// A command line, and what it prints: what the command says first, then what is on standard output.
struct Row {
    line: &'static str,
    gnu: &'static str,
    ours: &'static str,
    why: &'static str,
    /// The first version of GNU that prints this.
    since: Version,
}

/// Whatever the program is called.
const BY_ANY_NAME: &[Row] = &[
    Row {
        line: "(ulimit -f 100; cp large new); ls | grep new",
        gnu: "new",
        ours: "cp: error writing 'new': File too large",
        why: "What was being made is removed if it cannot be finished, and nothing dies of SIGXFSZ.",
        since: ALWAYS,
    },
    Row {
        line: "n=$(printf %0200d 0); mkdir deep; (cd deep; for i in $(seq 25); do mkdir $n; cd -P $n; done); \
               cp -r deep new 2>/dev/null; echo $?",
        gnu: "1",
        ours: "0",
        why: "Trees may be deeper than a path may be long: nothing in them is looked up by its path.",
        since: ALWAYS,
    },
    Row {
        line: "cp --strip-trailing-slashes a/ new; cat new",
        gnu: "cp: cannot stat 'a/': Not a directory",
        ours: "content of a",
        why: "The manual says each source argument; GNU cp forgets one that is copied to a name.",
        since: ALWAYS,
    },
    Row {
        line: "cp --debug a new | grep -c 'copy offload: yes'",
        gnu: "1",
        ours: "0",
        why: "Small files are read and written, which is faster than having the kernel copy them.",
        since: (9, 2),
    },
    Row {
        line: "LC_ALL=C.UTF-8 cp --sparse=x a new 2>&1 | head -n1",
        gnu: "cp: invalid argument ‘x’ for ‘--sparse’",
        ours: "cp: invalid argument 'x' for '--sparse'",
        why: "Messages are the same in every locale: not translated, and with plain quotes.",
        since: ALWAYS,
    },
    Row {
        line: "cp --version | head -n1 | grep -c GNU",
        gnu: "1",
        ours: "0",
        why: "It is another program, and --help is in other words.",
        since: ALWAYS,
    },
    Row {
        line: "mkdir new; ln -s ../other new/sub; cp -r --keep-directory-symlink dir/sub new; ls other",
        gnu: "cp: cannot overwrite non-directory 'new/sub' with directory 'dir/sub'\nkept\none\nto-dir",
        ours: "deep\nkept\none\nto-dir",
        why: "It does what the manual says; GNU cp does that with --copy-contents alone.",
        since: (9, 5),
    },
    Row {
        line: "mkfifo -m 600 new; cat new >/dev/null & cp -p a new; stat -c %a new",
        gnu: "644",
        ours: "600",
        why: "What is written into stays what it was: cp -p a /dev/null must not change /dev/null for everybody.",
        since: ALWAYS,
    },
    Row {
        line: "n=$(printf %0254d 0); for i in 1 2; do cp a $n$i; cp -b b $n$i; done 2>/dev/null; ls | grep -c '0~$'",
        gnu: "1",
        ours: "0",
        why: "A backup's name that is too long is an error. GNU cp cuts it: here one backup replaced the other.",
        since: ALWAYS,
    },
];

/// Under its own name only; called `cp` it does what GNU cp does.
const BY_ITS_OWN_NAME: &[Row] = &[
    Row {
        line: "cp -r dir dir/new 2>/dev/null; ls dir | grep new",
        gnu: "new",
        ours: "",
        why: "A directory is not copied into itself, not even in part.",
        since: ALWAYS,
    },
    Row {
        line: "exec 3<b; cp a b; cat <&3",
        gnu: "content of a",
        ours: "content of b, longer",
        why: "A regular file with one name is replaced by a new one: who has it open keeps the old one.",
        since: ALWAYS,
    },
    Row {
        line: "(ulimit -f 100; cp large b 2>/dev/null); wc -c <b",
        gnu: "51200",
        ours: "20",
        why: "If the copy fails the old file is still there.",
        since: ALWAYS,
    },
    Row {
        line: "cp --reflink=always a b; cat b",
        gnu: "cp: failed to clone 'b' from 'a': Operation not supported",
        ours: "cp: failed to clone 'b' from 'a': Operation not supported\ncontent of b, longer",
        why: "The same.",
        since: ALWAYS,
    },
    Row {
        line: "cp --debug -l a new",
        gnu: "'a' -> 'new'",
        ours: "'a' -> 'new': hard link",
        why: "One line tells all of a file: what moved it, and what declined before.",
        since: (9, 2),
    },
    Row {
        line: "cp -v a nodir/x",
        gnu: "cp: cannot create regular file 'nodir/x': No such file or directory\n'a' -> 'nodir/x'",
        ours: "cp: cannot create regular file 'nodir/x': No such file or directory",
        why: "A line of -v tells what was done, not what is going to be tried.",
        since: ALWAYS,
    },
    Row {
        line: "cp -v --remove-destination a b",
        gnu: "removed 'b'\n'a' -> 'b'",
        ours: "'a' -> 'b'",
        why: "A line of -v is a copy.",
        since: ALWAYS,
    },
    Row {
        line: "cp -v --parents dir/one other",
        gnu: "dir -> other/dir\n'dir/one' -> 'other/dir/one'",
        ours: "'dir' -> 'other/dir'\n'dir/one' -> 'other/dir/one'",
        why: "Names are quoted in every line.",
        since: ALWAYS,
    },
    Row {
        line: "cp --jobs=2 a new",
        gnu: "cp: unrecognized option '--jobs=2'",
        ours: "",
        why: "There are more options.",
        since: ALWAYS,
    },
    Row {
        line: "cp -Z a new",
        gnu: "",
        ours: "cp: warning: ignoring --context; it requires an SELinux-enabled kernel",
        why: "An option that does nothing says so.",
        since: ALWAYS,
    },
];

/// How GNU was before it was as we are.
struct Past {
    line: &'static str,
    /// The versions that printed this: from the first on, before the second.
    versions: (Version, Version),
    gnu: &'static str,
    /// What later versions print, and we.
    now: &'static str,
}

const PAST: &[Past] = &[
    Past {
        line: "echo n | cp -i a b 2>/dev/null; echo $?",
        versions: (ALWAYS, (9, 2)),
        gnu: "0",
        now: "1",
    },
    Past { line: "cp -n a b 2>/dev/null; echo $?", versions: ((9, 2), (9, 5)), gnu: "1", now: "0" },
    Past {
        line: "cp --reflink=always a new 2>/dev/null; ls | grep new",
        versions: (ALWAYS, (9, 2)),
        gnu: "new",
        now: "",
    },
    Past {
        line: "cp --debug a new >/dev/null",
        versions: (ALWAYS, (9, 2)),
        gnu: "cp: unrecognized option '--debug'",
        now: "",
    },
    Past {
        line: "cp --update=none a b",
        versions: (ALWAYS, (9, 3)),
        gnu: "cp: option '--update' doesn't allow an argument",
        now: "",
    },
    Past {
        line: "cp --keep-directory-symlink -r dir/. other",
        versions: (ALWAYS, (9, 5)),
        gnu: "cp: unrecognized option '--keep-directory-symlink'",
        now: "",
    },
    Past {
        line: "cp -T a dir",
        versions: (ALWAYS, (9, 5)),
        gnu: "cp: cannot overwrite directory 'dir' with non-directory",
        now: "cp: cannot overwrite directory 'dir' with non-directory 'a'",
    },
    Past {
        line: "cp -nb a b",
        versions: (ALWAYS, (9, 5)),
        gnu: "cp: options --backup and --no-clobber are mutually exclusive",
        now: "cp: --backup is mutually exclusive with -n or --update=none-fail",
    },
];

/// Finds the GNU cp to compare with, and its version.
fn gnu() -> Option<(PathBuf, Version)> {
    let name = std::env::var_os("WARPCOPY_GNU_CP").unwrap_or_else(|| "cp".into());
    let found = Command::new("sh").args(["-c", "command -v \"$0\""]).arg(&name).output().ok()?;
    let path = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim_end());
    let answer = Command::new(&path).arg("--version").env("LC_ALL", "C").output().ok()?;
    let answer = String::from_utf8(answer.stdout).ok()?;
    let number = answer.lines().next()?.strip_prefix("cp (GNU coreutils) ")?;
    let (major, minor) = number.split_once('.')?;
    let minor = minor.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some((path, (major.parse().ok()?, minor.parse().ok()?)))
}

/// The programs to compare, where they are run, and what was found wrong.
pub(crate) struct Judge {
    gnu: PathBuf,
    pub(crate) version: Version,
    pub(crate) scratch: Scratch,
    wrong: Vec<String>,
}

/// Which program, by which name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Who {
    Gnu,
    /// Ours, called `cp`.
    Strict,
    /// Ours, called `warpcp`.
    Own,
}

impl Who {
    fn name(self) -> &'static str {
        if self == Who::Own { "warpcp" } else { "cp" }
    }
}

impl Judge {
    pub(crate) fn new(fs: Fs) -> Option<Judge> {
        let Some((gnu, version)) = gnu() else {
            skip("gnu-cp", "cp is not GNU's; WARPCOPY_GNU_CP can name one");
            return None;
        };
        Some(Judge { gnu, version, scratch: Scratch::on(fs)?, wrong: Vec::new() })
    }

    fn expect(&mut self, who: Who, line: &str, wanted: &str) {
        let is = self.run(who, line);
        if is != wanted {
            self.wrong.push(format!("{line}\n  {who:?} prints\n{is}\n  and not\n{wanted}"));
        }
    }

    /// Makes a directory that holds the program under its name.
    pub(crate) fn bin(&self, who: Who) -> PathBuf {
        let bin = self.scratch.join("bin");
        fs::create_dir(&bin).unwrap();
        let program = if who == Who::Gnu { self.gnu.clone() } else { program() };
        symlink(program, bin.join(who.name())).unwrap();
        bin
    }

    /// Gives a shell the programs in this directory, and nothing that changes what they do.
    pub(crate) fn surround<'a>(&self, shell: &'a mut Command, bin: &Path) -> &'a mut Command {
        for variable in ["POSIXLY_CORRECT", "SIMPLE_BACKUP_SUFFIX", "VERSION_CONTROL"] {
            shell.env_remove(variable);
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        shell.env("PATH", path).env("LC_ALL", "C").stdin(Stdio::null())
    }

    /// Runs a line in a new place, and returns what it prints.
    fn run(&self, who: Who, line: &str) -> String {
        let root = self.scratch.join("place");
        place(&root);
        let bin = self.bin(who);
        let name = who.name();
        // Nothing here waits for long, but a fault may.
        let mut shell = Command::new("timeout");
        shell.args(["100", "sh", "-c", &line.replace("cp ", &format!("{name} "))]);
        let output = self.surround(shell.current_dir(&root), &bin).output().unwrap();
        for used in [root, bin] {
            fs::remove_dir_all(used).unwrap();
        }

        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(name, "cp");
        let (said, printed) = (text(&output.stderr), text(&output.stdout));
        // What the shell says of it is the shell's.
        let said = said.lines().filter(|line| line.starts_with("cp: "));
        said.chain(printed.lines()).collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    fn assert_right(&self) {
        let (wrong, (major, minor)) = (&self.wrong, self.version);
        assert!(wrong.is_empty(), "GNU cp is {major}.{minor}\n{}", wrong.join("\n"));
    }
}

#[test]
fn differences_are_as_documented() {
    let Some(mut judge) = Judge::new(Fs::Ext4) else { return };
    for row in BY_ANY_NAME.iter().chain(BY_ITS_OWN_NAME) {
        assert!(row.gnu != row.ours, "{}: no difference", row.line);
        if judge.version >= row.since {
            judge.expect(Who::Gnu, row.line, row.gnu);
        }
        judge.expect(Who::Own, row.line, row.ours);
    }
    BY_ANY_NAME.iter().for_each(|row| judge.expect(Who::Strict, row.line, row.ours));
    BY_ITS_OWN_NAME.iter().for_each(|row| judge.expect(Who::Strict, row.line, row.gnu));
    judge.assert_right();
}

#[test]
fn gnu_cp_has_become_what_we_are() {
    let Some(mut judge) = Judge::new(Fs::Ext4) else { return };
    for past in PAST {
        let (first, end) = past.versions;
        let is_past = first <= judge.version && judge.version < end;
        judge.expect(Who::Gnu, past.line, if is_past { past.gnu } else { past.now });
        judge.expect(Who::Strict, past.line, past.now);
    }
    judge.assert_right();
}

const INTRODUCTION: &str = "\
# What differs from GNU cp

Printed from the tables of `crates/warpcp/tests/it/gnu_differences.rs` by a test that fails when this page is not those
tables; run it with `WARPCOPY_BLESS=1` to print the page anew. Do not edit it by hand.

Another test runs each line beside the GNU cp that is installed and fails when a row is not true, also when there is no
difference any more. The files are those that `place` in `gnu_options.rs` makes, on ext4. What the command says stands
before what is printed; the name that messages begin with is always written as `cp`.

GNU cp is that of coreutils 9.11 (compared with 9.10, the newest at hand); where an older one is installed, rows of what
it cannot do yet are not compared.
";

const ANY: &str = "\
What cannot be shown by a line: where the target's file system takes two names of a tree for one, because it does not tell
upper from lower case, GNU cp writes the second over the first and says nothing. Here the second is not copied and
is an error (`twins.rs`).
";

const OWN: &str = "\
These hold when the program is called `warpcp` (read `warpcp` for `cp` in the lines); called `cp` it does what GNU cp
does, which the test proves, too. What cannot be shown by a line: several threads copy a tree, so that lines of `-v` and
messages come in no certain order.
";

const OLDER: &str = "\
Older versions of GNU cp, which many systems still have, differ from 9.11 and so from us by either name.
";

/// What became of GNU's scripts; `scripts/gnu-tests` runs them.
const SCRIPTS: &str = "
## GNU's own test scripts

`scripts/gnu-tests FOLDER` runs the 107 scripts of coreutils (August 2026) that exercise cp, unchanged, with this program
under the name `cp`. It passes all that GNU cp 9.10 passes on the same machine, on ext4, Btrfs and XFS, as root and
as an ordinary user. These say nothing about either:

| script | why |
|---|---|
| cp/keep-directory-symlink | It notices a failure, with GNU cp too, and forgets to say so. |
| cp/cp-mv-enotsup-xattr | Its half about mv fails with GNU's mv; its half about cp passes. |
| cp/nfs-removal-race | It replaces a function of the C library; we call the kernel. |
| cp/cp-a-selinux, cp/no-ctx, misc/selinux | They need a kernel with SELinux. |
| cp/perm | It is left out as very expensive. |
| misc/tty-eof | It needs Perl's Expect. |
";

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    let sections = [("By any name", ANY, BY_ANY_NAME), ("By its own name", OWN, BY_ITS_OWN_NAME)];
    for (title, text, rows) in sections {
        write!(page, "\n## {title}\n\n{text}").unwrap();
        page.push('\n');
        page.push_str("| command line | GNU cp | warpcopy | why |\n|---|---|---|---|\n");
        for row in rows {
            let [line, gnu, ours] = [row.line, row.gnu, row.ours].map(cell);
            writeln!(page, "| {line} | {gnu} | {ours} | {} |", row.why).unwrap();
        }
    }
    write!(page, "\n## Older GNU cp\n\n{OLDER}\n").unwrap();
    page.push_str(
        "| command line | versions | GNU cp then | GNU cp 9.11, and we |\n|---|---|---|---|\n",
    );
    for past in PAST {
        let [line, gnu, now] = [past.line, past.gnu, past.now].map(cell);
        let ((_, first), (major, end)) = past.versions;
        let first = if first == 0 { String::new() } else { format!("{major}.{first} and later, ") };
        writeln!(page, "| {line} | {first}before {major}.{end} | {gnu} | {now} |").unwrap();
    }
    page.push_str(SCRIPTS);
    page
}

/// Writes lines as code in a table.
fn cell(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| format!("`{}`", line.replace('|', "\\|"))).collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("<br>") }
}

#[test]
fn the_page_of_differences_is_printed_from_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gnu-differences.md");
    let page = page();
    if std::env::var_os("WARPCOPY_BLESS").is_some_and(|value| value == "1") {
        fs::write(path, &page).unwrap();
    }
    let there = fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "docs/gnu-differences.md is stale; print it anew with WARPCOPY_BLESS=1");
}
