//! The command line as it was typed: clap reads it by the rows of `flags`.

use std::ffi::OsString;
use std::fmt;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::flags::{Flag, LowArgs, Owner, ROWS, Row, Takes};

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

/// Reads a command line; the first word is the program's name.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Asked, Misuse> {
    let matches = match command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            return Ok(Asked::Text(error.to_string()));
        }
        Err(error) => return Err(Misuse::of_grammar(explain(&error))),
    };
    let operands = matches.get_many::<OsString>(OPERANDS).into_iter().flatten();
    let operands = operands.map(Into::into).collect();
    let mut typed = Vec::new();
    for row in ROWS {
        collect(row, &matches, &mut typed)?;
    }
    typed.sort_by_key(|(at, _)| *at);
    let flags = typed.into_iter().map(|(_, flag)| flag).collect();
    Ok(Asked::Copy(LowArgs { flags, operands }))
}

const OPERANDS: &str = "operands";

const OWN_HEADING: &str = "Options of warpcp";

const USAGE: &str = "warpcp [OPTION]... [-T] SOURCE TARGET
       warpcp [OPTION]... SOURCE... DIRECTORY
       warpcp [OPTION]... -t DIRECTORY SOURCE...";

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

const TEMPLATE: &str = "{usage-heading} {usage}\n\n{about}\n\n{all-args}{after-help}";

fn command() -> Command {
    let operands =
        Arg::new(OPERANDS).num_args(0..).value_parser(ValueParser::os_string()).hide(true);
    Command::new("warpcp")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .override_usage(USAGE)
        .after_help(AFTER)
        .help_template(TEMPLATE)
        .max_term_width(100)
        .infer_long_args(true)
        .args_override_self(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(ROWS.iter().map(argument))
        .arg(
            Arg::new("help")
                .long("help")
                .action(ArgAction::Help)
                .help("print this help")
                .help_heading(OWN_HEADING),
        )
        .arg(
            Arg::new("version")
                .long("version")
                .action(ArgAction::Version)
                .help("print the version")
                .help_heading(OWN_HEADING),
        )
        .arg(operands)
}

fn argument(row: &Row) -> Arg {
    let mut arg = Arg::new(row.id).help(row.help);
    if let Some(short) = row.short {
        arg = arg.short(short);
    }
    if row.has_long {
        arg = arg.long(row.id).aliases(abbreviations(row));
    }
    if row.id == "recursive" {
        arg = arg.short_alias('r');
    }
    if row.id == "parents" {
        arg = arg.alias("path");
    }
    let value = |arg: Arg, name: &'static str| {
        arg.action(ArgAction::Append).value_name(name).value_parser(ValueParser::os_string())
    };
    match row.takes {
        Takes::Nothing => arg.action(ArgAction::SetTrue),
        // A name may begin with a dash.
        Takes::Value(name) => value(arg, name).num_args(1).allow_hyphen_values(true),
        Takes::MaybeValue(name) => {
            value(arg, name).num_args(0..=1).require_equals(true).default_missing_value("")
        }
    }
    .help_heading(match row.owner {
        Owner::Gnu => "Options as in GNU cp",
        Owner::Own => OWN_HEADING,
    })
}

/// Returns the abbreviations of a GNU option that one of our own would make ambiguous: scripts may use them.
fn abbreviations(row: &Row) -> Vec<&'static str> {
    let rivals = |owner: Owner, start: &str| {
        let rows = ROWS.iter().filter(|other| other.owner == owner && other.has_long);
        rows.filter(|other| other.id != row.id && other.id.starts_with(start)).count()
    };
    if row.owner == Owner::Own {
        return Vec::new();
    }
    (1..row.id.len())
        .map(|len| &row.id[..len])
        .filter(|start| rivals(Owner::Gnu, start) == 0 && rivals(Owner::Own, start) > 0)
        .collect()
}

/// Adds the row's flags with their places on the command line.
fn collect(row: &Row, matches: &ArgMatches, typed: &mut Vec<(usize, Flag)>) -> Result<(), Misuse> {
    if matches.value_source(row.id) != Some(ValueSource::CommandLine) {
        return Ok(());
    }
    let places = matches.indices_of(row.id).into_iter().flatten();
    if row.takes == Takes::Nothing {
        let flag = (row.flag)("".as_ref()).map_err(Misuse::of_grammar)?;
        typed.extend(places.last().map(|at| (at, flag)));
        return Ok(());
    }
    let values = matches.get_many::<OsString>(row.id).into_iter().flatten();
    for (at, value) in places.zip(values) {
        typed.push((at, (row.flag)(value).map_err(Misuse::of_grammar)?));
    }
    Ok(())
}

/// Says what clap found wrong in the words of `getopt`.
fn explain(error: &clap::Error) -> String {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option.as_str(),
        _ => "",
    };
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(option),
        ErrorKind::TooManyValues => format!("option '{}' doesn't allow an argument", bare(option)),
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            format!("option '{}' requires an argument", bare(option))
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    }
}

fn unknown(option: &str) -> String {
    let Some(long) = option.strip_prefix("--") else {
        return format!("invalid option -- '{}'", option.trim_start_matches('-'));
    };
    let meant: Vec<String> = ROWS
        .iter()
        .filter(|row| row.has_long && row.id.starts_with(long))
        .map(|row| format!("'--{}'", row.id))
        .collect();
    if meant.is_empty() {
        format!("unrecognized option '{option}'")
    } else {
        format!("option '{option}' is ambiguous; possibilities: {}", meant.join(" "))
    }
}

/// Returns the option without what clap shows beside it.
fn bare(option: &str) -> &str {
    option.split([' ', '=', '[']).next().unwrap_or(option)
}

#[cfg(test)]
mod tests {
    use warpcopy::{Reflink, Symlinks};

    use super::*;
    use crate::values::{Attribute, Update};

    fn typed(line: &str) -> LowArgs {
        match parse(line.split(' ').map(OsString::from).collect()) {
            Ok(Asked::Copy(args)) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn wrong(line: &str) -> String {
        parse(line.split(' ').map(OsString::from).collect()).unwrap_err().text
    }

    #[test]
    fn the_table_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn options_keep_their_order_and_may_follow_operands() {
        let args = typed("cp a -rP b -L --no-preserve=mode --preserve=mode -- -c");
        assert_eq!(args.operands, ["a", "b", "-c"].map(std::path::PathBuf::from));
        let flags = [
            Flag::Recursive,
            Flag::Symlinks(Symlinks::Keep),
            Flag::Symlinks(Symlinks::Follow),
            Flag::NoPreserve(vec![Attribute::Mode]),
            Flag::Preserve(vec![Attribute::Mode]),
        ];
        assert_eq!(args.flags, flags);
    }

    #[test]
    fn an_option_given_twice_counts_where_it_was_last() {
        assert_eq!(typed("cp -i -n -i a b").flags, [Flag::NoClobber, Flag::Interactive]);
        let twice = typed("cp --reflink --reflink=never a b").flags;
        assert_eq!(twice, [Flag::Reflink(Reflink::Always), Flag::Reflink(Reflink::Never)]);
    }

    #[test]
    fn optional_values_come_after_an_equals_sign_only() {
        let args = typed("cp --preserve a --update b -uv");
        assert_eq!(args.operands.len(), 2);
        let usual = Flag::Preserve(Attribute::USUAL.to_vec());
        let older = Flag::Update(Update::Older);
        assert_eq!(args.flags, [usual, older.clone(), older, Flag::Verbose]);
    }

    #[test]
    fn gnu_abbreviations_hold_although_there_are_more_options() {
        assert_eq!(typed("cp --at a b").flags, [Flag::AttributesOnly]);
        assert_eq!(typed("cp --st a b").flags, [Flag::StripTrailingSlashes]);
        assert_eq!(typed("cp --sy a b").flags, [Flag::SymbolicLink]);
        assert_eq!(typed("cp --u=none a b").flags, [Flag::Update(Update::None)]);
        assert_eq!(typed("cp --path a b").flags, [Flag::Parents]);
        assert_eq!(typed("cp --stat a b").flags, [Flag::Stats]);
        assert_eq!(typed("cp --sync=f a b").flags, [Flag::Sync(warpcopy::Sync::Full)]);
    }

    #[test]
    fn directories_may_have_any_name() {
        let of = |line| typed(line).flags;
        assert_eq!(of("cp -t -d a"), [Flag::TargetDirectory("-d".into())]);
        assert_eq!(of("cp -td a"), [Flag::TargetDirectory("d".into())]);
        assert_eq!(of("cp --target=d a"), [Flag::TargetDirectory("d".into())]);
        let empty = parse(["cp", "", ""].map(OsString::from).to_vec()).unwrap();
        assert!(matches!(empty, Asked::Copy(args) if args.operands.len() == 2));
    }

    #[test]
    fn wrong_options_are_named_as_getopt_names_them() {
        assert_eq!(wrong("cp --foo a b"), "unrecognized option '--foo'");
        assert_eq!(wrong("cp -q a b"), "invalid option -- 'q'");
        assert_eq!(wrong("cp --verbose=3 a b"), "option '--verbose' doesn't allow an argument");
        assert_eq!(wrong("cp --sparse"), "option '--sparse' requires an argument");
        assert_eq!(wrong("cp a -t"), "option '--target-directory' requires an argument");
        assert_eq!(
            wrong("cp --re a b"),
            "option '--re' is ambiguous; possibilities: \
             '--recursive' '--reflink' '--remove-destination'"
        );
    }

    #[test]
    fn help_names_every_option_and_the_exit_status() {
        let Ok(Asked::Text(help)) = parse(vec!["cp".into(), "--help".into()]) else { panic!() };
        for row in ROWS {
            assert!(help.contains(row.id) || !row.has_long, "{}", row.id);
        }
        assert!(help.contains("Exit status: 0"));
    }
}
