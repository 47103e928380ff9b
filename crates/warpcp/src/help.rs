//! What `--help` and `--version` print: the rows of `flags` and a few paragraphs, in lines of 80 letters at most.

use std::env::consts;

use crate::flags::{Owner, ROWS, Row, Takes};

/// The forms of a command line, behind the name of the program.
pub(crate) const SYNOPSIS: [&str; 3] = [
    "[OPTION]... [-T] SOURCE TARGET",
    "[OPTION]... SOURCE... DIRECTORY",
    "[OPTION]... -t DIRECTORY SOURCE...",
];

pub(crate) const ABOUT: &str = "Copies SOURCE to TARGET, or every SOURCE into DIRECTORY, as cp does: cloned \
where the file system can, moved inside the kernel where it cannot, read and written where nothing else works.";

const ABOUT_STRICT: &str = "Copies SOURCE to TARGET, or every SOURCE into DIRECTORY. Called by the name cp, \
this program is cp and nothing else. Its own name is warpcp: under that it replaces targets whole, works in \
parallel and has more options, which its help tells.";

pub(crate) const RULES: &str = "What a long option takes, its letter takes too. Options may follow operands and \
may be abbreviated, and so may their values. Of options that exclude each other the last one holds.";

pub(crate) const REPLACING: &[&str] = &[
    "By default (--atomic=auto) a regular file with one name is replaced whole. The copy is made beside it, takes \
     over its owner, mode, access control list and extended attributes, and then its name, so that nobody ever \
     sees half a file, whatever fails.",
    "A target with other hard links, one reached through a symbolic link, a device, or one beside which no file \
     can be made, is written in place as cp does; --debug says so. --atomic=always replaces those too, as new \
     files. --atomic=never writes every existing target in place.",
    "Where times are kept (-a, -p), a target that already is what the copy would be stays, and gets its times; \
     --debug and --stats say so. Targets with the source's length and time of modification are compared, byte by \
     byte, where that takes no disk: those in memory (up to 128 KiB on Btrfs and XFS, else 16 MiB), and clones.",
];

pub(crate) const SNAPSHOTS: &[&str] = &[
    "With --snapshot a SOURCE that is a Btrfs subvolume is copied by one snapshot, whatever its size, if that gives \
     all that -a gives: nothing has the target's name, no other subvolume and no mount point lies below SOURCE, no \
     option asks for less or something else, and SOURCE is yours. Otherwise it is copied as usual; --stats and \
     --debug say why.",
    "The snapshot is a subvolume, too: nothing in it can be linked or moved to the outside. It shows SOURCE at one \
     moment and is on disk when it is made. Owners are kept by everybody, and so are change times, inode flags and \
     files that you cannot read.",
];

/// Command lines and what they do.
pub(crate) const EXAMPLES: &[(&str, &str)] = &[
    ("warpcp -a project backup", "a tree, with all that can be kept of its attributes"),
    ("warpcp -au photos /mnt/usb", "only what is not there yet, or is newer here"),
    ("warpcp --reflink disk.img copy.img", "a clone that takes no space, or a failure"),
    ("warpcp --atomic=always --sync=full new.conf app.conf", "old or new, whatever crashes"),
    ("warpcp -a --stats project backup", "say in sum how it was copied; --debug: how each file"),
];

pub(crate) const EXIT_STATUS: &str = "0 if everything was copied; 1 if anything was not, if a question was \
answered with no, and if the command line was wrong. Ctrl-C removes what is half made, and a second one ends at \
once.";

/// Returns the text of `--help`.
pub(crate) fn help(has_own: bool) -> String {
    let program = if has_own { "warpcp" } else { "cp" };
    let mut text = String::new();
    for (operands, lead) in SYNOPSIS.iter().zip(["Usage:", "  or: ", "  or: "]) {
        text += &format!("{lead} {program} {operands}\n");
    }
    let about = if has_own { ABOUT } else { ABOUT_STRICT };
    text += &format!("\n{}\n\nOptions as in GNU cp:\n", fill(about, 0));
    text += &options(Owner::Gnu);
    if has_own {
        text += &format!("\nOptions of warpcp:\n{}", options(Owner::Own));
    }
    text += &format!("\n{}\n", fill(RULES, 0));
    if has_own {
        text += "\nHow existing targets are replaced:\n";
        for paragraph in REPLACING {
            text += &format!("  {}\n", fill(paragraph, 2));
        }
        text += "\nSnapshots:\n";
        for paragraph in SNAPSHOTS {
            text += &format!("  {}\n", fill(paragraph, 2));
        }
        text += "\nExamples:\n";
        for (line, meaning) in EXAMPLES {
            text += &format!("  {line}\n      {}\n", fill(meaning, 6));
        }
    }
    text + &format!("\nExit status:\n  {}\n", fill(EXIT_STATUS, 2))
}

/// Returns the text of `--version`.
pub(crate) fn version(has_own: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if has_own {
        format!("warpcp {version} ({} {})", consts::ARCH, consts::OS)
    } else {
        format!("cp (warpcopy) {version}")
    }
}

/// No line is longer.
const WIDTH: usize = 80;

/// Where the meanings of options begin.
const COLUMN: usize = 32;

fn options(owner: Owner) -> String {
    let rows = ROWS.iter().filter(|row| row.owner == owner);
    rows.map(|row| {
        // Words stand below words, whether there is a letter or not.
        let indent = if row.letters.is_empty() { 6 } else { 2 };
        let mut line = format!("{:indent$}{}", "", label(row));
        if line.len() + 2 > COLUMN {
            line.push_str(&format!("\n{:COLUMN$}", ""));
        }
        format!("{line:COLUMN$}{}\n", fill(row.help, COLUMN))
    })
    .collect()
}

/// Returns an option as manuals write it: `-t, --target-directory=DIRECTORY`.
pub(crate) fn label(row: &Row) -> String {
    let names: Vec<String> = row.spellings().collect();
    let value = match row.takes {
        Takes::Nothing(_) => String::new(),
        Takes::Value(name, _) => format!("={name}"),
        Takes::MaybeValue(name, _) => format!("[={name}]"),
    };
    names.join(", ") + &value
}

/// Breaks a text into lines that begin at this column, where the first one is already.
fn fill(text: &str, column: usize) -> String {
    let mut filled = String::new();
    let mut at = column;
    for word in text.split_whitespace() {
        if at > column && at + 1 + word.len() > WIDTH {
            filled.push_str(&format!("\n{:column$}", ""));
            at = column;
        } else if at > column {
            filled.push(' ');
            at += 1;
        }
        filled.push_str(word);
        at += word.len();
    }
    filled
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Asserts that this file of the package is what was printed, or with WARPCOPY_BLESS=1 makes it so. Packages are
    /// made on Linux; methods have other names elsewhere.
    #[track_caller]
    pub(crate) fn assert_printed(name: &str, text: &str) {
        if consts::OS != "linux" {
            return;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("WARPCOPY_BLESS").is_some_and(|value| value == "1") {
            fs::write(&path, text).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{name} is stale; print it anew with WARPCOPY_BLESS=1");
    }

    #[test]
    fn no_line_of_help_is_broken_by_a_usual_terminal() {
        for has_own in [true, false] {
            for line in help(has_own).lines() {
                assert!(line.len() <= WIDTH && line == line.trim_end(), "{line:?}");
            }
        }
    }

    #[test]
    fn meanings_stand_in_one_column() {
        let text = help(true);
        for line in [
            "  -a, --archive                 same as -dR --preserve=all",
            "      --backup[=CONTROL]        keep existing targets under other names: none",
            "                                (or off), simple (never), numbered (t), existing",
            "  -R, -r, --recursive           copy directories with all that is in them",
            "  -t, --target-directory=DIRECTORY",
            "                                copy every SOURCE into DIRECTORY",
        ] {
            assert!(text.lines().any(|there| there == line), "{line:?} is not in\n{text}");
        }
    }
}
