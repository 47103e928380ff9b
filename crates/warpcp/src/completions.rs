//! Prints what shells need to complete a command line, from the rows of `flags`. Only tests know this module: the
//! files lie in `completions/`, where packagers find them, and are no part of the program.

use crate::flags::{ROWS, Row, Takes};
use crate::help;

#[test]
fn the_completions_are_printed_from_the_table() {
    let files = [
        ("warpcp.bash", bash()),
        ("_warpcp", zsh()),
        ("warpcp.fish", fish()),
        ("_warpcp.ps1", powershell()),
        ("warpcp.elv", elvish()),
    ];
    for (name, text) in files {
        help::tests::assert_printed(&format!("completions/{name}"), &text);
    }
}

#[test]
fn help_explains_every_word() {
    for row in ROWS.iter().filter(|row| row.words.first() != Some(&"no-preserve")) {
        for word in words(row) {
            let is_named =
                row.help.split(|letter: char| " ,:()".contains(letter)).any(|there| there == word);
            assert!(is_named, "{word} in: {}", row.help);
        }
    }
}

const NOTE: &str = "# Printed from the table of options by a test, anew with WARPCOPY_BLESS=1. Do not edit it by hand.\n";

/// The value that an option takes.
struct Value {
    name: &'static str,
    is_optional: bool,
    kind: Kind,
}

enum Kind {
    /// One of these words.
    Word(Vec<String>),
    /// Several of these words with commas between them.
    List(Vec<String>),
    Directory,
    File,
    /// Something that only the user knows.
    Free,
}

fn value(row: &Row) -> Option<Value> {
    let (name, is_optional) = match row.takes {
        Takes::Nothing(_) => return None,
        Takes::Value(name, _) => (name, false),
        Takes::MaybeValue(name, _) => (name, true),
    };
    let kind = match (name, words(row)) {
        ("DIRECTORY", _) => Kind::Directory,
        ("FILE|@SECONDS", _) => Kind::File,
        ("LIST", words) => Kind::List(words),
        (_, words) if words.is_empty() => Kind::Free,
        (_, words) => Kind::Word(words),
    };
    Some(Value { name, is_optional, kind })
}

/// Returns the words that an option takes: those that a wrong one is answered with.
fn words(row: &Row) -> Vec<String> {
    let answer = match row.takes {
        Takes::Nothing(_) => return Vec::new(),
        Takes::Value(_, flag) => flag("?".as_ref()),
        Takes::MaybeValue(_, flag) => flag(Some("?".as_ref())),
    };
    let valid = answer.err().unwrap_or_default();
    let valid = valid.split_once("Valid arguments are:").map_or("", |(_, valid)| valid);
    // The words stand between quotes, and what is between them stands there, too.
    valid.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every option as it is typed: with `=` if a value has to come, with and without if one may.
fn options() -> Vec<(String, &'static Row)> {
    let of_row = |row: &'static Row| {
        let value = value(row);
        let plain = row.spellings().filter({
            let is_complete = value.as_ref().is_none_or(|value| value.is_optional);
            move |spelling| is_complete || !spelling.starts_with("--")
        });
        let open = value.map(|_| format!("--{}=", row.words[0]));
        plain.chain(open).map(move |typed| (typed, row))
    };
    ROWS.iter().flat_map(of_row).collect()
}

/// Every word of every option: `--sparse=auto`.
fn pairs() -> Vec<String> {
    let of_row = |row: &'static Row| {
        words(row).into_iter().map(move |word| format!("--{}={word}", row.words[0]))
    };
    ROWS.iter().flat_map(of_row).collect()
}

fn bash() -> String {
    let names: Vec<String> = options().into_iter().map(|(name, _)| name).collect();
    let comes_apart =
        |row: &&Row| value(row).is_some_and(|value| !value.is_optional && !words(row).is_empty());
    let apart: Vec<String> = ROWS
        .iter()
        .filter(comes_apart)
        .flat_map(Row::spellings)
        .map(|spelling| spelling + ",*")
        .collect();
    let script = r#"
_warpcp() {
    local line=${COMP_LINE:0:COMP_POINT} word outside kept=
    COMPREPLY=()
    # Behind -- there are operands only.
    [[ $line == *[[:space:]]--[[:space:]]* ]] && return
    word=${line##*[[:space:]]}
    # A value that has to come may come behind a space, too.
    case $3,$word in
        *,-*) ;;
        -t,* | --target-directory,*) word=--target-directory=$word ;;
        APART) word=$3=$word ;;
    esac
    # Bash takes words apart at = and wants the last part alone.
    outside=${word%"$2"}
    case $word in
        --target-directory=*)
            compopt +o default -o dirnames 2>/dev/null
            return
            ;;
        --preserve=*,* | --no-preserve=*,*)
            kept=${word#*=} kept=${kept%,*},
            word=${word%%=*}=${word##*,}
            ;;
    esac
    case $word in
        --*=*) COMPREPLY=($(compgen -W 'PAIRS' -- "$word")) ;;
        -*) COMPREPLY=($(compgen -W 'NAMES' -- "$word")) ;;
    esac
    COMPREPLY=("${COMPREPLY[@]/=/=$kept}")
    COMPREPLY=("${COMPREPLY[@]#"$outside"}")
    # A value is to follow, or a comma may.
    if [[ ${COMPREPLY[0]-} == *= || $word == --*preserve=* ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o default -F _warpcp warpcp
"#;
    let script = script.replace("APART", &apart.join(" | "));
    NOTE.to_owned()
        + &script.replace("PAIRS", &pairs().join(" ")).replace("NAMES", &names.join(" "))
}

fn zsh() -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut script = format!("#compdef warpcp\n{NOTE}\n_arguments -s -S \\\n");
    for row in ROWS {
        let mut names: Vec<String> = row.spellings().collect();
        let others = format!("({})", names.join(" "));
        let mut meaning = format!("[{}]", row.help.replace(['[', ']'], "").replace(':', "\\:"));
        if let Some(value) = value(row) {
            for name in &mut names {
                *name += match (name.starts_with("--"), value.is_optional) {
                    (true, true) => "=-",
                    (true, false) => "=",
                    (false, _) => "+",
                };
            }
            let what = value.name;
            meaning += &format!("{}{what}:", if value.is_optional { "::" } else { ":" });
            meaning += &match value.kind {
                Kind::Word(words) => format!("({})", words.join(" ")),
                Kind::List(words) => format!("_values -s , {what} {}", words.join(" ")),
                Kind::Directory => "_files -/".to_owned(),
                Kind::File => "_files".to_owned(),
                Kind::Free => " ".to_owned(),
            };
        }
        for name in &names {
            let others = if names.len() > 1 { others.as_str() } else { "" };
            script += &format!("    {} \\\n", quoted(&format!("{others}{name}{meaning}")));
        }
    }
    script + "    '*:file:_files'\n"
}

fn fish() -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut script = NOTE.to_owned() + "\n";
    for row in ROWS {
        script += "complete -c warpcp";
        for name in row.spellings() {
            script += &match name.strip_prefix("--") {
                Some(word) => format!(" -l {word}"),
                None => format!(" -s {}", name.trim_start_matches('-')),
            };
        }
        if let Some(value) = value(row) {
            script += match value.kind {
                Kind::File => " -r",
                _ if value.is_optional => " -f",
                _ => " -x",
            };
            script += &match value.kind {
                Kind::Word(words) => format!(" -a '{}'", words.join(" ")),
                Kind::List(words) => format!(" -a '(__fish_append , {})'", words.join(" ")),
                Kind::Directory => " -a '(__fish_complete_directories)'".to_owned(),
                Kind::File | Kind::Free => String::new(),
            };
        }
        script += &format!(" -d {}\n", quoted(row.help));
    }
    script
}

fn powershell() -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let line = |(typed, meaning): (&str, &str)| {
        let (typed, meaning) = (quoted(typed), quoted(meaning));
        format!("        [CompletionResult]::new({typed}, {typed}, 'ParameterName', {meaning})\n")
    };
    let (options, pairs) = (options(), pairs());
    let options: String = options.iter().map(|(typed, row)| line((typed, row.help))).collect();
    let pairs: String = pairs.iter().map(|pair| line((pair, pair))).collect();
    let script = r#"
using namespace System.Management.Automation

Register-ArgumentCompleter -Native -CommandName 'warpcp' -ScriptBlock {
    param($word)
    # What is no option is a file: PowerShell completes those when nothing else comes.
    if (-not $word.StartsWith('-')) { return }
    $options = @(
OPTIONS    )
    $pairs = @(
PAIRS    )
    $known = if ($word.Contains('=')) { $pairs } else { $options }
    $known.Where{ $_.CompletionText.StartsWith($word, [StringComparison]::Ordinal) }
}
"#;
    NOTE.to_owned() + &script.replace("OPTIONS", &options).replace("PAIRS", &pairs)
}

fn elvish() -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let line = |(typed, row): (String, &Row)| {
        format!("        candidate {} {}\n", quoted(&typed), quoted(row.help))
    };
    let options: String = options().into_iter().map(line).collect();
    let script = r#"
use str

set edit:completion:arg-completer[warpcp] = {|@words|
    fn candidate {|typed meaning|
        var suffix = ' '
        if (str:has-suffix $typed '=') {
            set suffix = ''
        }
        edit:complex-candidate $typed &code-suffix=$suffix &display=$typed'  '$meaning
    }
    if (not (str:has-prefix $words[-1] '-')) {
        edit:complete-filename $@words
    } elif (str:contains $words[-1] '=') {
        put PAIRS
    } else {
OPTIONS    }
}
"#;
    NOTE.to_owned() + &script.replace("PAIRS", &pairs().join(" ")).replace("OPTIONS", &options)
}
