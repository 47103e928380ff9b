//! Random options of GNU cp, in every way of writing them.

use super::yardstick::Yardstick;
use crate::support::Random;

/// The options of one command line.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) words: Vec<Vec<u8>>,
    /// Where the value of `--target-directory` is to be put at the end of a word.
    pub(super) target_directory: Option<usize>,
    pub(super) is_recursive: bool,
    pub(super) reads_special_files: bool,
    pub(super) makes_backups: bool,
}

enum Takes {
    Nothing,
    /// One of these, in the next word or after `=`.
    Value(&'static [&'static str]),
    /// One of these after `=`, or none.
    MaybeValue(&'static [&'static str]),
}

use Takes::{MaybeValue, Nothing, Value};

struct Row {
    /// How often it is drawn, compared with others.
    weight: u64,
    short: &'static str,
    long: &'static str,
    takes: Takes,
}

const fn row(weight: u64, short: &'static str, long: &'static str, takes: Takes) -> Row {
    Row { weight, short, long, takes }
}

const CONTROLS: &[&str] = &[
    "none", "off", "numbered", "t", "existing", "nil", "simple", "never", "num", "s", "n", "bogus",
    "",
];
const ATTRIBUTES: &[&str] = &[
    "mode",
    "ownership",
    "timestamps",
    "links",
    "xattr",
    "all",
    "mode,timestamps",
    "links,mode",
    "ownership,xattr",
    "mo,ti",
    "l",
    "bogus",
    "mode,,links",
    "context",
    "",
];
const WHENS: &[&str] = &["auto", "always", "never", "auto", "never", "al", "n", "a", "bogus", ""];
const UPDATES: &[&str] =
    &["all", "none", "none-fail", "older", "al", "o", "none-f", "non", "bogus", ""];
const SUFFIXES: &[&str] = &[".bak", "~", "x", "", "/y"];

/// Its value is the operands' to choose.
const TARGET_DIRECTORY: &str = "target-directory";

const ROWS: &[Row] = &[
    row(8, "a", "archive", Nothing),
    row(12, "r", "recursive", Nothing),
    row(4, "R", "recursive", Nothing),
    row(2, "", "attributes-only", Nothing),
    row(2, "", "copy-contents", Nothing),
    row(4, "d", "", Nothing),
    row(8, "f", "force", Nothing),
    row(3, "H", "", Nothing),
    row(5, "i", "interactive", Nothing),
    row(5, "L", "dereference", Nothing),
    row(6, "l", "link", Nothing),
    row(4, "n", "no-clobber", Nothing),
    row(5, "P", "no-dereference", Nothing),
    row(5, "p", "", Nothing),
    row(5, "", "preserve", MaybeValue(ATTRIBUTES)),
    row(3, "", "no-preserve", Value(ATTRIBUTES)),
    row(4, "", "parents", Nothing),
    row(2, "", "reflink", MaybeValue(WHENS)),
    row(6, "", "remove-destination", Nothing),
    row(2, "", "sparse", Value(WHENS)),
    row(2, "", "strip-trailing-slashes", Nothing),
    row(5, "s", "symbolic-link", Nothing),
    row(5, "T", "no-target-directory", Nothing),
    row(4, "t", TARGET_DIRECTORY, Value(&[""])),
    row(4, "u", "", Nothing),
    row(4, "", "update", MaybeValue(UPDATES)),
    row(14, "v", "verbose", Nothing),
    row(2, "x", "one-file-system", Nothing),
    row(6, "b", "", Nothing),
    row(6, "", "backup", MaybeValue(CONTROLS)),
    row(3, "S", "suffix", Value(SUFFIXES)),
    row(5, "", "keep-directory-symlink", Nothing),
    // What does not exist.
    row(1, "Y", "", Nothing),
    row(1, "", "nonsense", Nothing),
];

/// Draws none to seven options.
pub(super) fn draw(random: &mut Random, yardstick: &Yardstick) -> Drawn {
    let rows: Vec<_> = ROWS.iter().filter(|row| yardstick.offers(row.long, row.short)).collect();
    let total: u64 = rows.iter().map(|row| row.weight).sum();
    let mut drawn = Drawn::default();
    if random.one_in(3) {
        // Most of what there is to see is in trees.
        let usual = random.pick(&["-r", "-a", "-R", "-dR", "-rp", "-rL"]);
        drawn.words.push(usual.as_bytes().to_vec());
        drawn.is_recursive = true;
    }
    for _ in 0..random.below(6) {
        let mut rest = random.below(total);
        let is_it = |row: &&&Row| match rest.checked_sub(row.weight) {
            Some(less) => {
                rest = less;
                false
            }
            None => true,
        };
        let row = rows.iter().find(is_it).expect("the weights have this sum");
        drawn.add(random, row, yardstick);
    }
    drawn
}

impl Drawn {
    fn add(&mut self, random: &mut Random, row: &Row, yardstick: &Yardstick) {
        if row.long == TARGET_DIRECTORY && self.target_directory.is_some() {
            return;
        }
        self.is_recursive |= matches!(row.long, "archive" | "recursive");
        self.reads_special_files |= row.long == "copy-contents";
        self.makes_backups |= matches!(row.long, "backup" | "suffix") || row.short == "b";
        let value = match row.takes {
            Nothing => None,
            Value(values) => Some(*random.pick(values)),
            MaybeValue(values) if random.one_in(2) => Some(*random.pick(values)),
            MaybeValue(_) => None,
        };
        if value.is_some_and(|value| !yardstick.offers_value(row.long, value)) {
            return;
        }
        let is_short = row.long.is_empty() || (!row.short.is_empty() && random.one_in(2));
        if is_short {
            self.short(random, row, value)
        } else {
            self.long(random, row, value)
        }
        if row.long == TARGET_DIRECTORY {
            self.target_directory = Some(self.words.len() - 1);
        }
    }

    fn short(&mut self, random: &mut Random, row: &Row, value: Option<&str>) {
        let is_cluster = |word: &Vec<u8>| {
            word.len() > 1
                && word[0] == b'-'
                && word[1..].iter().all(|byte| b"aRrfiLnpvbdxulsPHT".contains(byte))
        };
        match self.words.last_mut() {
            Some(last) if is_cluster(last) && random.one_in(2) => {
                last.extend_from_slice(row.short.as_bytes());
            }
            _ => self.words.push(format!("-{}", row.short).into_bytes()),
        }
        match value {
            // Nothing after the letter is no empty value, but the next word.
            Some("") => self.words.push(Vec::new()),
            Some(value) if random.one_in(2) => self.words.push(value.as_bytes().to_vec()),
            Some(value) => {
                self.words.last_mut().expect("just pushed").extend_from_slice(value.as_bytes());
            }
            None => {}
        }
    }

    fn long(&mut self, random: &mut Random, row: &Row, value: Option<&str>) {
        let mut name = row.long;
        if random.one_in(5) {
            // Often an abbreviation, sometimes of two options.
            name = &name[..1 + random.below(name.len() as u64) as usize];
        }
        let is_apart = matches!(row.takes, Value(_)) && random.one_in(2);
        self.words.push(format!("--{name}").into_bytes());
        match value {
            Some(value) if is_apart => self.words.push(value.as_bytes().to_vec()),
            Some(value) => {
                let word = self.words.last_mut().expect("just pushed");
                word.extend_from_slice(format!("={value}").as_bytes());
            }
            // An argument that is not allowed.
            None if random.one_in(60) => {
                self.words.last_mut().expect("just pushed").extend_from_slice(b"=x");
            }
            None => {}
        }
    }
}
