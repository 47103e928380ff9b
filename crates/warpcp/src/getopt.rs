//! Takes a command line apart into options and operands, by the rules of getopt_long(3): options may follow operands,
//! long names may be abbreviated, letters may stand together.

use std::ffi::{OsStr, OsString};

use crate::flags::{Flag, LowArgs, Owner, ROWS, Row, Takes};
use crate::system;

/// Which words are options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    /// Options of our own are options, too.
    pub(crate) has_own: bool,
    /// Behind the first operand there are no options.
    pub(crate) ends_at_operand: bool,
}

/// Reads the words behind the program's name. What follows `--help` or `--version` is not looked at.
pub(crate) fn read(words: &[OsString], grammar: Grammar) -> Result<LowArgs, String> {
    let mut args = LowArgs::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let typed = word.as_encoded_bytes();
        if typed == b"--" {
            break;
        }
        let mut add = |flag: Flag| {
            let is_last = matches!(flag, Flag::Help | Flag::Version);
            args.flags.push(flag);
            is_last
        };
        if typed.starts_with(b"--") {
            if add(read_long(system::part(word, 2..typed.len()), &mut rest, grammar)?) {
                return Ok(args);
            }
        } else if typed.starts_with(b"-") && typed.len() > 1 {
            let mut at = 1;
            while at < typed.len() {
                if add(read_letter(word, &mut at, &mut rest, grammar)?) {
                    return Ok(args);
                }
            }
        } else {
            args.operands.push(word.into());
            if grammar.ends_at_operand {
                break;
            }
        }
    }
    args.operands.extend(rest.map(Into::into));
    Ok(args)
}

type Words<'a> = std::slice::Iter<'a, OsString>;

fn read_long(long: &OsStr, rest: &mut Words<'_>, grammar: Grammar) -> Result<Flag, String> {
    let typed = long.as_encoded_bytes();
    let (word, value) = match typed.iter().position(|&byte| byte == b'=') {
        Some(at) => (&typed[..at], Some(system::part(long, at + 1..typed.len()))),
        None => (typed, None),
    };
    let (name, row) = find(word, typed, grammar)?;
    match row.takes {
        Takes::Nothing(_) if value.is_some() => {
            Err(format!("option '--{name}' doesn't allow an argument"))
        }
        Takes::Nothing(flag) => Ok(flag()),
        Takes::MaybeValue(_, flag) => flag(value),
        Takes::Value(_, flag) => match value.or_else(|| rest.next().map(OsString::as_os_str)) {
            Some(value) => flag(value),
            None => Err(format!("option '--{name}' requires an argument")),
        },
    }
}

/// Reads the option whose letter is the one at this place of the word, and moves the place behind what it took.
fn read_letter(
    word: &OsStr,
    at: &mut usize,
    rest: &mut Words<'_>,
    grammar: Grammar,
) -> Result<Flag, String> {
    let typed = word.as_encoded_bytes();
    let letter = typed[*at];
    *at += 1;
    let Some(row) = rows(grammar).find(|row| row.letters.as_bytes().contains(&letter)) else {
        let shown = String::from_utf8_lossy(std::slice::from_ref(&letter)).into_owned();
        return Err(format!("invalid option -- '{shown}'"));
    };
    match row.takes {
        Takes::Nothing(flag) => Ok(flag()),
        Takes::MaybeValue(_, flag) => flag(None),
        Takes::Value(_, flag) => {
            let begin = std::mem::replace(at, typed.len());
            let value = match begin == typed.len() {
                true => rest.next().map(OsString::as_os_str),
                false => Some(system::part(word, begin..typed.len())),
            };
            let shown = char::from(letter);
            value.map_or_else(|| Err(format!("option requires an argument -- '{shown}'")), flag)
        }
    }
}

/// Finds the option with this name, or the only one whose name begins so. A beginning that is clear among the
/// options of `cp` stays clear although there are more: scripts use it.
fn find(
    word: &[u8],
    typed: &[u8],
    grammar: Grammar,
) -> Result<(&'static str, &'static Row), String> {
    let names = || rows(grammar).flat_map(|row| row.words.iter().map(move |name| (*name, row)));
    if let Some(exact) = names().find(|(name, _)| name.as_bytes() == word) {
        return Ok(exact);
    }
    let begun: Vec<_> = names().filter(|(name, _)| name.as_bytes().starts_with(word)).collect();
    let of_cp: Vec<_> = begun.iter().copied().filter(|(_, row)| row.owner == Owner::Gnu).collect();
    for meant in [&of_cp, &begun] {
        if let [first, others @ ..] = meant.as_slice()
            && others.iter().all(|other| std::ptr::eq(other.1, first.1))
        {
            return Ok(*first);
        }
    }
    let shown = String::from_utf8_lossy(typed);
    if begun.is_empty() {
        return Err(format!("unrecognized option '--{shown}'"));
    }
    // Another word for the first of them adds nothing.
    let (first, others) = (begun[0], begun[1..].iter());
    let others = others.filter(|other| !std::ptr::eq(other.1, first.1));
    let possible = std::iter::once(&first).chain(others);
    let possible: Vec<String> = possible.map(|(name, _)| format!("'--{name}'")).collect();
    Err(format!("option '--{shown}' is ambiguous; possibilities: {}", possible.join(" ")))
}

fn rows(grammar: Grammar) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| grammar.has_own || row.owner == Owner::Gnu)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use warpcopy::{Reflink, Symlinks};

    use super::*;
    use crate::values::{Attribute, Update};

    const OURS: Grammar = Grammar { has_own: true, ends_at_operand: false };
    const STRICT: Grammar = Grammar { has_own: false, ends_at_operand: false };

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn typed(line: &str) -> LowArgs {
        read(&words(line), OURS).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn flags(line: &str) -> Vec<Flag> {
        typed(line).flags
    }

    fn wrong(line: &str) -> String {
        read(&words(line), OURS).unwrap_err()
    }

    #[test]
    fn options_keep_their_order_and_may_follow_operands() {
        let args = typed("a -rP b -L --no-preserve=mode --preserve=mode -- -c");
        assert_eq!(args.operands, ["a", "b", "-c"].map(PathBuf::from));
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
    fn options_may_end_at_the_first_operand() {
        let grammar = Grammar { ends_at_operand: true, ..OURS };
        let args = read(&words("-r a -v b"), grammar).unwrap();
        assert_eq!(args.flags, [Flag::Recursive]);
        assert_eq!(args.operands, ["a", "-v", "b"].map(PathBuf::from));
    }

    #[test]
    fn optional_values_come_after_an_equals_sign_only() {
        let args = typed("--preserve a --update b -uv --reflink --reflink=never");
        assert_eq!(args.operands.len(), 2);
        let usual = Flag::Preserve(Attribute::USUAL.to_vec());
        let older = Flag::Update(Update::Older);
        let (always, never) = (Flag::Reflink(Reflink::Always), Flag::Reflink(Reflink::Never));
        assert_eq!(args.flags, [usual, older.clone(), older, Flag::Verbose, always, never]);
    }

    #[test]
    fn abbreviations_of_cp_hold_although_there_are_more_options() {
        assert_eq!(flags("--at a b"), [Flag::AttributesOnly]);
        assert_eq!(flags("--st a b"), [Flag::StripTrailingSlashes]);
        assert_eq!(flags("--sy a b"), [Flag::SymbolicLink]);
        assert_eq!(flags("--u=none a b"), [Flag::Update(Update::None)]);
        assert_eq!(flags("--path a b"), [Flag::Parents]);
        assert_eq!(flags("--pa a b"), [Flag::Parents]);
        assert_eq!(flags("--stat a b"), [Flag::Stats]);
        assert_eq!(flags("--sync=f a b"), [Flag::Sync(warpcopy::Sync::Full)]);
    }

    #[test]
    fn values_may_look_like_anything() {
        let directory = |name: &str| [Flag::TargetDirectory(name.into())];
        assert_eq!(flags("-t -d a"), directory("-d"));
        assert_eq!(flags("-td a"), directory("d"));
        assert_eq!(flags("-t=d a"), directory("=d"));
        assert_eq!(flags("--target=d a"), directory("d"));
        assert_eq!(flags("--target -- a"), directory("--"));
        assert_eq!(read(&["".into(), "-".into()], OURS).unwrap().operands.len(), 2);
    }

    #[test]
    fn options_of_our_own_are_not_cps() {
        assert!(read(&words("--jobs=2 a b"), OURS).is_ok());
        let error = read(&words("--jobs=2 a b"), STRICT).unwrap_err();
        assert_eq!(error, "unrecognized option '--jobs=2'");
        assert_eq!(read(&words("-j2 a b"), STRICT).unwrap_err(), "invalid option -- 'j'");
    }

    #[test]
    fn help_ends_the_line() {
        assert_eq!(flags("-r --help --nonsense"), [Flag::Recursive, Flag::Help]);
        assert_eq!(wrong("--nonsense --help"), "unrecognized option '--nonsense'");
    }

    #[test]
    fn wrong_options_are_named_as_getopt_names_them() {
        assert_eq!(wrong("--foo a b"), "unrecognized option '--foo'");
        assert_eq!(wrong("-rq a b"), "invalid option -- 'q'");
        assert_eq!(wrong("--verbose=3 a b"), "option '--verbose' doesn't allow an argument");
        assert_eq!(wrong("--sparse"), "option '--sparse' requires an argument");
        assert_eq!(wrong("--targ"), "option '--target-directory' requires an argument");
        assert_eq!(wrong("a -t"), "option requires an argument -- 't'");
        assert_eq!(
            wrong("--re a b"),
            "option '--re' is ambiguous; possibilities: \
             '--recursive' '--remove-destination' '--reflink'"
        );
        assert_eq!(
            read(&words("--p a b"), STRICT).unwrap_err(),
            "option '--p' is ambiguous; possibilities: '--parents' '--preserve'"
        );
        assert!(wrong("--s=1").starts_with("option '--s=1' is ambiguous; possibilities: "));
    }
}
