//! Prints the manual page from the rows of `flags` and the paragraphs of `help`. Only tests know this module: the
//! page lies in `man/`, where packagers find it, and is no part of the program.

use warpcopy::Method;

use crate::flags::{Owner, ROWS, Takes};
use crate::help;

#[test]
fn the_manual_page_is_printed_from_the_table() {
    help::tests::assert_printed("man/warpcp.1", &page());
}

fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = Page(format!(
        ".\\\" Printed from the table of options by a test, anew with WARPCOPY_BLESS=1. Do not edit it by hand.\n\
         .TH WARPCP 1 \"\" \"warpcp {version}\" \"User Commands\"\n"
    ));
    page.section("NAME");
    page.line(&format!("warpcp \\- {}", env!("CARGO_PKG_DESCRIPTION")));
    page.section("SYNOPSIS");
    for (number, operands) in help::SYNOPSIS.iter().enumerate() {
        page.line(if number == 0 { ".B warpcp" } else { ".br\n.B warpcp" });
        page.line(&marked(operands));
    }
    page.section("DESCRIPTION");
    page.paragraph(help::ABOUT);
    page.paragraph(DROP_IN);
    page.section("OPTIONS");
    page.paragraph(help::RULES);
    for (owner, title) in [(Owner::Gnu, "As in GNU cp"), (Owner::Own, "Of warpcp")] {
        page.line(&format!(".SS \"{title}\""));
        for row in ROWS.iter().filter(|row| row.owner == owner) {
            page.term(&marked(&help::label(row)), row.help);
        }
    }
    page.section("REPLACING TARGETS");
    help::REPLACING.iter().for_each(|text| page.paragraph(text));
    page.section("SNAPSHOTS");
    help::SNAPSHOTS.iter().for_each(|text| page.paragraph(text));
    page.section("METHODS");
    page.paragraph(METHODS);
    for (method, meaning) in Method::ALL.iter().zip(METHOD).filter(|(m, _)| m.is_available()) {
        page.term(&bold(method.name()), meaning);
    }
    page.section("EXIT STATUS");
    page.paragraph(help::EXIT_STATUS);
    page.section("ENVIRONMENT");
    ENVIRONMENT.iter().for_each(|(name, meaning)| page.term(&bold(name), meaning));
    page.section("FILES");
    FILES.iter().for_each(|(name, meaning)| page.term(&bold(name), meaning));
    page.section("EXAMPLES");
    help::EXAMPLES.iter().for_each(|(line, meaning)| page.term(&bold(line), meaning));
    page.section("SEE ALSO");
    page.line(SEE_ALSO);
    page.0
}

const DROP_IN: &str = "Under its own name the program differs from GNU cp in how it replaces existing targets \
(see below) and in that it works with several threads. Called by the name cp (ln -s warpcp cp), it is cp \
and nothing else: it writes existing targets in place, knows cp's options alone, and prints what cp prints.";

const METHODS: &str = "The bytes of a file are moved by the first of these that works; --debug says by which, and \
why not by one before it. Holes are kept by every method.";

const METHOD: [&str; Method::ALL.len()] = [
    "Blocks are shared until one of the files is written to (FICLONE). On one file system that can do so: Btrfs, \
     XFS, bcachefs and others.",
    "The kernel or the server copies, and may share blocks without saying so. On one file system, where it may do more \
     than move pages: not on ext4, tmpfs and overlayfs.",
    "The kernel copies, within a file system and across.",
    "The system's own way to copy a file.",
    "Reading and writing, with no trace in the page cache (RWF_DONTCACHE). Only if asked for.",
    "Reading and writing past the page cache (O_DIRECT). Only if asked for.",
    "Reading and writing. Small files, the files of procfs and the like, and whatever else did not work.",
];

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "VERSION_CONTROL",
        "The kind of backups if neither --backup nor -b says it; the words are those of --backup.",
    ),
    ("SIMPLE_BACKUP_SUFFIX", "What the names of simple backups end in unless --suffix says it."),
    (
        "POSIXLY_CORRECT",
        "If it is set, options end at the first operand, and a target that is a symbolic link \
     leading nowhere is written through, which makes the file that it leads to.",
    ),
];

const FILES: &[(&str, &str)] = &[(
    ".warpcopy-*",
    "A copy beside its target that has not taken the target's name yet. One that is left was killed \
     (SIGKILL, a power cut) and can be removed.",
)];

const SEE_ALSO: &str =
    ".BR cp (1),\n.BR ioctl_ficlone (2),\n.BR copy_file_range (2),\n.BR sendfile (2)";

/// A page in the language of man(7).
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0 += line;
        self.0 += "\n";
    }

    fn section(&mut self, title: &str) {
        self.line(&format!(".SH {title}"));
    }

    fn text(&mut self, text: &str) {
        // A line for each sentence: that is how roff knows where one ends.
        self.line(&marked(text).replace(". ", ".\n"));
    }

    fn paragraph(&mut self, text: &str) {
        let is_first = self.0.lines().last().is_some_and(|line| line.starts_with(".SH"));
        if !is_first {
            self.line(".PP");
        }
        self.text(text);
    }

    /// A term, marked already, and what it means.
    fn term(&mut self, term: &str, meaning: &str) {
        self.line(".TP");
        self.line(term);
        self.text(meaning);
    }
}

/// Returns the text with options in bold and the names of values in italics.
fn marked(text: &str) -> String {
    let is_in_word = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let mut marked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| !is_in_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end.max(first.len_utf8()));
        marked += &match word {
            option if option.len() > 1 && first == '-' => bold(option),
            value if is_value(value) => format!("\\fI{value}\\fR"),
            _ => escaped(word),
        };
        rest = after;
    }
    marked
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text).replace('-', "\\-"))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('\'', "\\(aq").replace('~', "\\(ti")
}

fn is_value(word: &str) -> bool {
    let of_rows = ROWS.iter().flat_map(|row| match row.takes {
        Takes::Nothing(_) => "".split('|'),
        Takes::Value(name, _) | Takes::MaybeValue(name, _) => name.split('|'),
    });
    of_rows.chain(["OPTION", "SOURCE", "TARGET"]).any(|name| name.trim_start_matches('@') == word)
}
