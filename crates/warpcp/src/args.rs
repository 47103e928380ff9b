//! The command line as it was typed: options by the rows of `flags`, or a text to print.

use std::ffi::OsString;
use std::fmt;

use crate::flags::{Flag, LowArgs};
use crate::getopt::{self, Grammar};
use crate::help;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// To print this and be done: help, or the version.
    Text(String),
    /// To copy.
    Copy(LowArgs),
}

/// A command line that makes no sense, or names a place that is not there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misuse {
    /// What is wrong.
    pub(crate) text: String,
    /// Whether reading the help could help.
    pub(crate) points_to_help: bool,
}

impl Misuse {
    /// Returns a misuse of the grammar.
    pub(crate) fn of_grammar(text: impl Into<String>) -> Misuse {
        Misuse { text: text.into(), points_to_help: true }
    }

    /// Returns a misuse that the grammar does not show.
    pub(crate) fn of_place(text: impl Into<String>) -> Misuse {
        Misuse { text: text.into(), points_to_help: false }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads the words behind the program's name.
pub(crate) fn parse(words: &[OsString], grammar: Grammar) -> Result<Asked, Misuse> {
    let args = getopt::read(words, grammar).map_err(Misuse::of_grammar)?;
    Ok(match args.flags.last() {
        Some(Flag::Help) => Asked::Text(help::help(grammar.has_own)),
        Some(Flag::Version) => Asked::Text(help::version(grammar.has_own)),
        _ => Asked::Copy(args),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Owner, ROWS};

    fn text(has_own: bool, word: &str) -> String {
        let grammar = Grammar { has_own, ends_at_operand: false };
        match parse(&[word.into()], grammar) {
            Ok(Asked::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn help_names_every_option_and_the_exit_status() {
        let (ours, strict) = (text(true, "--help"), text(false, "--help"));
        for row in ROWS {
            for spelling in row.spellings() {
                assert!(ours.contains(&spelling), "{spelling}");
                let is_word = spelling.starts_with("--");
                assert!(!is_word || row.owner == Owner::Gnu || !strict.contains(&spelling));
            }
        }
        assert!(ours.contains("Exit status"));
    }

    #[test]
    fn the_version_names_the_program() {
        assert!(text(true, "--version").starts_with("warpcp "));
        assert!(text(false, "--version").starts_with("cp (warpcopy) "));
    }
}
