//! Values of options: words that may be abbreviated, lists of them, numbers, times.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use warpcopy::{Backup, Method, Publish, Reflink, Sparse, Sync};

use crate::flags::Newer;
use crate::quote::quote;

/// What `--update` says about existing targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    All,
    None,
    NoneFail,
    Older,
}

/// What `--preserve` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Mode,
    Ownership,
    Timestamps,
    Links,
    Context,
    Xattr,
    All,
}

impl Attribute {
    /// What `-p` and a bare `--preserve` mean.
    pub(crate) const USUAL: [Attribute; 3] =
        [Attribute::Mode, Attribute::Ownership, Attribute::Timestamps];
}

/// Reads the value of `--preserve`, which may be missing.
pub(crate) fn preserved(list: Option<&OsStr>) -> Result<Vec<Attribute>, String> {
    list.map_or_else(|| Ok(Attribute::USUAL.to_vec()), |list| attributes("--preserve", list))
}

pub(crate) fn attributes(option: &str, list: &OsStr) -> Result<Vec<Attribute>, String> {
    const WORDS: &[(&str, Attribute)] = &[
        ("mode", Attribute::Mode),
        ("timestamps", Attribute::Timestamps),
        ("ownership", Attribute::Ownership),
        ("links", Attribute::Links),
        ("context", Attribute::Context),
        ("xattr", Attribute::Xattr),
        ("all", Attribute::All),
    ];
    match list.to_str() {
        Some(list) => list.split(',').map(|word| pick(option, word.as_ref(), WORDS)).collect(),
        None => pick(option, list, WORDS).map(|attribute| vec![attribute]),
    }
}

/// Reads which backups to make, as an option or a variable (`what`) says it; an empty value says nothing.
pub(crate) fn backup(what: &str, word: Option<&OsStr>) -> Result<Option<Backup>, String> {
    let words = [
        ("none", Backup::None),
        ("off", Backup::None),
        ("simple", Backup::Simple),
        ("never", Backup::Simple),
        ("existing", Backup::Existing),
        ("nil", Backup::Existing),
        ("numbered", Backup::Numbered),
        ("t", Backup::Numbered),
    ];
    word.filter(|word| !word.is_empty()).map(|word| pick(what, word, &words)).transpose()
}

pub(crate) fn update(word: Option<&OsStr>) -> Result<Update, String> {
    let words = [
        ("all", Update::All),
        ("none", Update::None),
        ("none-fail", Update::NoneFail),
        ("older", Update::Older),
    ];
    word.map_or(Ok(Update::Older), |word| pick("--update", word, &words))
}

pub(crate) fn reflink(word: Option<&OsStr>) -> Result<Reflink, String> {
    let words = [("auto", Reflink::Auto), ("always", Reflink::Always), ("never", Reflink::Never)];
    word.map_or(Ok(Reflink::Always), |word| pick("--reflink", word, &words))
}

pub(crate) fn sparse(word: &OsStr) -> Result<Sparse, String> {
    let words = [("never", Sparse::Never), ("auto", Sparse::Auto), ("always", Sparse::Always)];
    pick("--sparse", word, &words)
}

pub(crate) fn atomic(word: &OsStr) -> Result<Publish, String> {
    let words = [("auto", Publish::Auto), ("always", Publish::Staged), ("never", Publish::InPlace)];
    pick("--atomic", word, &words)
}

pub(crate) fn sync(word: &OsStr) -> Result<Sync, String> {
    let words = [("none", Sync::None), ("data", Sync::Data), ("full", Sync::Full)];
    pick("--sync", word, &words)
}

pub(crate) fn method(word: &OsStr) -> Result<Option<Method>, String> {
    let mut words = vec![("auto", None), ("plain", Some(Method::ReadWrite))];
    let here = Method::ALL.into_iter().filter(|method| method.is_available());
    words.extend(here.map(|method| (method.name(), Some(method))));
    pick("--method", word, &words)
}

pub(crate) fn jobs(typed: &OsStr) -> Result<NonZeroUsize, String> {
    let count = typed.to_str().and_then(|digits| digits.parse().ok());
    count.ok_or_else(|| format!("invalid number of jobs: {}", quote(typed.as_ref())))
}

/// Reads `@SECONDS[.FRACTION]`; anything else names a file.
pub(crate) fn newer(typed: &OsStr) -> Result<Newer, String> {
    let Some(seconds) = typed.to_str().and_then(|text| text.strip_prefix('@')) else {
        return Ok(Newer::ThanFile(PathBuf::from(typed)));
    };
    match moment(seconds) {
        Some(moment) => Ok(Newer::Than(moment)),
        None => Err(format!("invalid time: {}", quote(typed.as_ref()))),
    }
}

fn moment(text: &str) -> Option<SystemTime> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // What is finer than nanoseconds is cut off: no file system keeps it.
    let nanoseconds = format!("{fraction:0<9}")[..9].parse().ok()?;
    let since = Duration::new(whole.parse().ok()?, nanoseconds);
    if is_negative {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

/// Finds the word that was typed, or the only one that it begins.
fn pick<T: Copy + PartialEq>(
    option: &str,
    typed: &OsStr,
    words: &[(&str, T)],
) -> Result<T, String> {
    let text = typed.to_str().unwrap_or("\u{fffd}");
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let mut begun =
        words.iter().filter(|(word, _)| word.starts_with(text)).map(|(_, value)| *value);
    let first = begun.next();
    match first {
        Some(value) if begun.all(|other| other == value) => Ok(value),
        _ => {
            let fault = if first.is_some() { "ambiguous" } else { "invalid" };
            let typed = quote(typed.as_ref());
            let valid = valid(words);
            Err(format!("{fault} argument {typed} for '{option}'\nValid arguments are:{valid}"))
        }
    }
}

/// Lists the words, those that mean the same on one line.
fn valid<T: PartialEq>(words: &[(&str, T)]) -> String {
    let lines = words.chunk_by(|one, other| one.1 == other.1).map(|synonyms| {
        let quoted: Vec<String> = synonyms.iter().map(|(word, _)| format!("'{word}'")).collect();
        format!("\n  - {}", quoted.join(", "))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_abbreviated_while_they_are_unambiguous() {
        assert_eq!(reflink(Some("au".as_ref())), Ok(Reflink::Auto));
        assert_eq!(reflink(Some("n".as_ref())), Ok(Reflink::Never));
        assert_eq!(update(Some("none".as_ref())), Ok(Update::None));
        assert_eq!(update(Some("none-".as_ref())), Ok(Update::NoneFail));
        assert_eq!(backup("backup type", Some("nu".as_ref())), Ok(Some(Backup::Numbered)));
        assert_eq!(backup("backup type", Some("".as_ref())), Ok(None));
        assert_eq!(method("plain".as_ref()), Ok(Some(Method::ReadWrite)));
        assert_eq!(method("read".as_ref()), Ok(Some(Method::ReadWrite)));
        assert_eq!(attributes("--preserve", "m,o,ti".as_ref()), Ok(Attribute::USUAL.to_vec()));
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let text = "ambiguous argument 'a' for '--sparse'\n\
                    Valid arguments are:\n  - 'never'\n  - 'auto'\n  - 'always'";
        assert_eq!(sparse("a".as_ref()), Err(text.to_owned()));
        assert!(sparse("A".as_ref()).unwrap_err().starts_with("invalid argument 'A'"));
        let text = backup("$VERSION_CONTROL", Some("n".as_ref())).unwrap_err();
        assert!(text.starts_with("ambiguous argument 'n' for '$VERSION_CONTROL'\n"));
        assert!(text.ends_with("\n  - 'existing', 'nil'\n  - 'numbered', 't'"));
        assert!(attributes("--no-preserve", "".as_ref()).is_err());
        assert!(attributes("--preserve", "mode,".as_ref()).is_err());
    }

    #[test]
    fn times_have_fractions_and_may_lie_before_1970() {
        let at = |typed: &str| newer(typed.as_ref());
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(at("@1.5"), Ok(Newer::Than(epoch + Duration::from_millis(1500))));
        assert_eq!(at("@0.0000000019"), Ok(Newer::Than(epoch + Duration::from_nanos(1))));
        assert_eq!(at("@-1"), Ok(Newer::Than(epoch - Duration::from_secs(1))));
        assert_eq!(at("./@1"), Ok(Newer::ThanFile("./@1".into())));
        for wrong in ["@", "@x", "@1.", "@.5", "@1e3", "@99999999999999999999"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn at_least_one_thread_copies() {
        assert_eq!(jobs("2".as_ref()).unwrap().get(), 2);
        assert!(jobs("0".as_ref()).is_err());
        assert!(jobs("x".as_ref()).is_err());
    }
}
