//! What `--help` and `--version` print: the rows of `flags`, laid out by clap.

use clap::{Arg, ArgAction, Command};

use crate::flags::{Owner, ROWS, Row, Takes};

const OWN_HEADING: &str = "Options of warpcp";

const USAGE: &str = "[OPTION]... [-T] SOURCE TARGET
       [OPTION]... SOURCE... DIRECTORY
       [OPTION]... -t DIRECTORY SOURCE...";

const ABOUT: &str = "Copies files and directories as cp does: cloned where the file system can, \
moved inside the kernel where it cannot, read and written where nothing else works.";

/// One line per paragraph: clap breaks them to the width of the terminal.
const AFTER: &str = "Options may follow operands and may be abbreviated, and so may their values; of \
options that exclude each other the last one holds.

How existing targets are replaced: by default (--atomic=auto) a regular file with one name is replaced \
whole. The copy is made beside it, takes over its owner, mode, access control list and extended \
attributes, and then its name, so that nobody ever sees half a file, whatever fails. A target with other \
hard links, one reached through a symbolic link, a device, or one beside which no file can be made, is \
written in place as cp does; --debug says so. --atomic=always replaces those too, as new files. \
--atomic=never writes every existing target in place.

Exit status: 0 if everything was copied; 1 if anything was not, if a question was answered with no, and \
if the command line was wrong. Ctrl-C removes what is half made, and a second one ends at once.";

const AFTER_STRICT: &str = "Called by the name cp, this program is cp and nothing else. Its own name is \
warpcp: under that it replaces targets whole, works in parallel and has more options; see warpcp --help.

Exit status: 0 if everything was copied; 1 if anything was not, if a question was answered with no, and \
if the command line was wrong.";

const TEMPLATE: &str = "{usage-heading} {usage}\n\n{about}\n\n{all-args}{after-help}";

/// Returns the text of `--help`.
pub(crate) fn help(has_own: bool) -> String {
    command(has_own).render_help().to_string()
}

/// Returns the text of `--version`.
pub(crate) fn version(has_own: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if has_own { format!("warpcp {version}") } else { format!("cp (warpcopy) {version}") }
}

fn command(has_own: bool) -> Command {
    let name = if has_own { "warpcp" } else { "cp" };
    let usage: Vec<String> = USAGE.lines().map(|line| format!("{name} {}", line.trim())).collect();
    let rows = ROWS.iter().filter(|row| has_own || row.owner == Owner::Gnu);
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .override_usage(usage.join("\n       "))
        .after_help(if has_own { AFTER } else { AFTER_STRICT })
        .help_template(TEMPLATE)
        .max_term_width(100)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(rows.map(argument))
}

fn argument(row: &'static Row) -> Arg {
    let mut arg = Arg::new(row.name()).help(row.help);
    let mut letters = row.letters.chars();
    if let Some(letter) = letters.next() {
        arg = arg.short(letter).visible_short_aliases(letters.collect::<Vec<char>>());
    }
    if let Some((word, others)) = row.words.split_first() {
        arg = arg.long(*word).aliases(others.iter().copied());
    }
    match row.takes {
        Takes::Nothing(_) => arg.action(ArgAction::SetTrue),
        Takes::Value(name, _) => arg.value_name(name),
        Takes::MaybeValue(name, _) => arg.value_name(name).num_args(0..=1).require_equals(true),
    }
    .help_heading(match row.owner {
        Owner::Gnu => "Options as in GNU cp",
        Owner::Own => OWN_HEADING,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_well_formed() {
        super::command(true).debug_assert();
    }
}
