//! Which target name each source gets: the rules of `cp`, pure but for a few looks at what is there.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use warpcopy::{Kind, Make, Operation, Transfer};

use crate::args::Misuse;
use crate::lower::Placing;
use crate::messages::{self, Failure};
use crate::names;
use crate::quote::quote;
use crate::system;

/// What the rules want to know about names.
pub(crate) trait Look {
    /// What the path leads to, or, if links are not to be followed, what it names.
    fn kind(&self, path: &Path, follow: bool) -> io::Result<Kind>;

    /// What is in the directory.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Which entry of which directory the path names, however it is spelt.
    fn entry(&self, path: &Path) -> PathBuf;

    /// Whether the path leads to a directory.
    fn is_directory(&self, path: &Path) -> io::Result<bool> {
        self.kind(path, true).map(|kind| kind == Kind::Directory)
    }
}

/// Looks at the file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealLook;

impl Look for RealLook {
    fn kind(&self, path: &Path, follow: bool) -> io::Result<Kind> {
        let metadata = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
        metadata.map(|metadata| names::kind(metadata.file_type()))
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn entry(&self, path: &Path) -> PathBuf {
        let plain = names::without_trailing_slashes(path);
        // `x/.` has no name of its own; std takes the dot away, and `x` with it.
        if names::ends_in_dots(plain) {
            return fs::canonicalize(plain).unwrap_or_else(|_| path.to_owned());
        }
        let parent = plain.parent().filter(|parent| !parent.as_os_str().is_empty());
        let holder = fs::canonicalize(parent.unwrap_or(Path::new(".")));
        holder.map_or_else(|_| path.to_owned(), |holder| holder.join(names::last_name(plain)))
    }
}

/// What came of the operands.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Placed {
    /// What can be copied, in the order typed.
    pub(crate) transfers: Vec<Transfer>,
    /// What is to be said about the others.
    pub(crate) complaints: Vec<Complaint>,
}

/// Something about one operand.
#[derive(Debug, PartialEq)]
pub(crate) struct Complaint {
    /// How many transfers come before it.
    pub(crate) after: usize,
    /// The source and target that were announced before it was found out.
    pub(crate) pair: Option<(PathBuf, PathBuf)>,
    pub(crate) text: String,
    /// Whether it makes the run a failure; a warning does not.
    pub(crate) is_failure: bool,
}

/// Finds the target's name for each source.
///
/// # Errors
///
/// Fails if there are too few operands, too many, or if what has to be a directory is none; nothing is to be
/// copied then.
pub(crate) fn place(
    operands: &[PathBuf],
    placing: &Placing,
    look: &dyn Look,
) -> Result<Placed, Misuse> {
    let (sources, destination) = destination(operands, placing, look)?;
    let mut placed = Placed::default();
    let mut seen = HashMap::new();
    let count = sources.len();
    for source in sources {
        let source =
            if placing.strips_slashes { names::without_trailing_slashes(source) } else { source };
        let outcome = match &destination {
            Destination::Name(target) => at_name(source, target, placing, look),
            Destination::Directory(directory) => {
                below(source, directory, placing, look).and_then(|transfer| match count > 1 {
                    true => once(transfer, placing, look, &mut seen),
                    false => Ok(transfer),
                })
            }
        };
        match outcome {
            Ok(transfer) => placed.transfers.push(transfer),
            Err(complaint) => {
                let after = placed.transfers.len();
                placed.complaints.push(Complaint { after, ..complaint });
            }
        }
    }
    Ok(placed)
}

/// Where the sources go.
enum Destination<'a> {
    /// To this very name.
    Name(&'a Path),
    /// To their own names below this directory.
    Directory(&'a Path),
}

fn destination<'a>(
    operands: &'a [PathBuf],
    placing: &'a Placing,
    look: &dyn Look,
) -> Result<(&'a [PathBuf], Destination<'a>), Misuse> {
    match (operands, &placing.target_directory) {
        ([], _) => Err(Misuse::of_grammar("missing file operand")),
        (_, Some(_)) if placing.no_target_directory => Err(Misuse::of_place(
            "cannot combine --target-directory (-t) and --no-target-directory (-T)",
        )),
        (sources, Some(directory)) => {
            require_directory("target directory", directory, look)?;
            Ok((sources, Destination::Directory(directory)))
        }
        ([only], None) => {
            let text = format!("missing destination file operand after {}", quote(only));
            Err(Misuse::of_grammar(text))
        }
        ([_, _, extra, ..], None) if placing.no_target_directory => {
            Err(Misuse::of_grammar(format!("extra operand {}", quote(extra))))
        }
        ([sources @ .., last], None) => {
            let is_name = placing.no_target_directory || !look.is_directory(last).unwrap_or(false);
            if is_name && sources.len() > 1 {
                require_directory("target", last, look)?;
            }
            if is_name && placing.parents {
                let text = "with --parents, the destination must be a directory";
                return Err(Misuse::of_grammar(text));
            }
            let to = if is_name { Destination::Name(last) } else { Destination::Directory(last) };
            Ok((sources, to))
        }
    }
}

fn require_directory(what: &str, path: &Path, look: &dyn Look) -> Result<(), Misuse> {
    let cause = match look.is_directory(path) {
        Ok(true) => return Ok(()),
        Ok(false) => system::NOT_A_DIRECTORY.to_string(),
        Err(error) => messages::words(&error),
    };
    Err(Misuse::of_place(format!("{what} {}: {cause}", quote(path))))
}

/// Places a source at exactly this name.
fn at_name(
    source: &Path,
    target: &Path,
    placing: &Placing,
    look: &dyn Look,
) -> Result<Transfer, Complaint> {
    check_source(source, look)?;
    let transfer = Transfer::new(source, target);
    // A source that is not there, or is to be left out, is complained about first, by the library.
    let Ok(kind) = look.kind(source, !placing.keeps_symlinks) else { return Ok(transfer) };
    if kind == Kind::Directory && !placing.recursive {
        return Ok(transfer);
    }
    match look.kind(target, true) {
        Ok(_) => Ok(transfer),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match why_not_new(kind, target, placing, look, &error) {
                None => Ok(transfer),
                Some(cause) => Err(uncreated(kind, transfer, placing, &cause)),
            }
        }
        // Something has the name, but leads nowhere: what that means depends on more than names.
        Err(_) if look.kind(target, false).is_ok() => Ok(transfer),
        Err(error) => Err(complain(Operation::StatTarget, target, &error)),
    }
}

/// Why nothing can be created under a name. The library takes paths apart into a directory and a name in it, so what
/// is wrong with the path as a whole is found here.
fn why_not_new(
    kind: Kind,
    target: &Path,
    placing: &Placing,
    look: &dyn Look,
    missing: &io::Error,
) -> Option<String> {
    let is_directory = kind == Kind::Directory;
    let plain = names::without_trailing_slashes(target);
    let holder = match plain.parent() {
        None => return Some(messages::words(missing)),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    if let Err(error) = look.kind(holder, true) {
        return Some(messages::words(&error));
    }
    let is_read = kind == Kind::File
        || (!matches!(kind, Kind::Symlink | Kind::Directory) && !placing.recursive);
    let is_filled = is_read && matches!(placing.make, Make::Contents | Make::AttributesOnly);
    match names::ends_in_slash(target) || names::ends_in_dots(plain) {
        // open(2) takes the slash for a directory, everything else for a part of a name that is missing.
        true if is_filled && !names::ends_in_dots(plain) => {
            Some(system::NOT_A_DIRECTORY.to_string())
        }
        true if !is_directory => Some(messages::words(missing)),
        _ => None,
    }
}

fn uncreated(kind: Kind, transfer: Transfer, placing: &Placing, cause: &str) -> Complaint {
    let operation = match (placing.make, kind) {
        (_, Kind::Directory) => Operation::CreateDirectory,
        (Make::HardLinks, _) => Operation::CreateLink,
        (Make::Symlinks, _) | (_, Kind::Symlink) => Operation::CreateSymlink,
        (_, Kind::Fifo) if placing.recursive => Operation::CreateFifo,
        (_, Kind::Socket | Kind::CharDevice | Kind::BlockDevice) if placing.recursive => {
            Operation::CreateSpecial
        }
        _ => Operation::CreateTarget,
    };
    let Transfer { source, target, .. } = transfer;
    let complaint = failure(messages::sentence(Failure {
        operation,
        path: &target,
        other: Some(&source),
        attribute: None,
        cause: Some(cause),
        make: placing.make,
    }));
    let is_announced = kind != Kind::Directory;
    Complaint { pair: is_announced.then_some((source, target)), ..complaint }
}

/// Places a source below a directory: under its last name, or with `--parents` under all of them.
fn below(
    source: &Path,
    directory: &Path,
    placing: &Placing,
    look: &dyn Look,
) -> Result<Transfer, Complaint> {
    check_source(source, look)?;
    if !placing.parents {
        let name = names::last_name(source);
        // The contents of `x/..` are copied into the directory, not beside it.
        let name = if name.as_os_str() == ".." { Path::new(".") } else { name };
        return Ok(Transfer::new(source, names::join(directory, name)));
    }
    let inside = |path: &Path| names::join(directory, names::without_leading_slashes(path));
    let mut parents = Vec::new();
    for parent in names::ancestors(source) {
        let cause = match look.is_directory(parent) {
            Ok(true) => None,
            Ok(false) => Some(system::NOT_A_DIRECTORY.to_string()),
            Err(error) => Some(messages::words(&error)),
        };
        if let Some(cause) = cause {
            return Err(failure(format!("failed to get attributes of {}: {cause}", quote(parent))));
        }
        parents.push((parent.to_owned(), inside(parent)));
    }
    let target = inside(names::without_trailing_slashes(source));
    Ok(Transfer { parents, ..Transfer::new(source, target) })
}

/// Complains about a source that is no name at all, or whose slash at the end demands a directory in vain.
fn check_source(source: &Path, look: &dyn Look) -> Result<(), Complaint> {
    if !source.as_os_str().is_empty() && !names::ends_in_slash(source) {
        return Ok(());
    }
    match look.is_directory(source) {
        Ok(_) => Ok(()),
        Err(error) => Err(complain(Operation::StatSource, source, &error)),
    }
}

/// Sources with the same last name. Others cannot be the same entry, and finding out which entry a path names takes many
/// system calls.
struct Namesakes {
    /// Until there is a second one, nobody asks which entry it is.
    first: Option<PathBuf>,
    entries: HashSet<PathBuf>,
}

/// Complains if the same source was named before; `./a` and `a` are the same.
fn once(
    transfer: Transfer,
    placing: &Placing,
    look: &dyn Look,
    seen: &mut HashMap<PathBuf, Namesakes>,
) -> Result<Transfer, Complaint> {
    let source = &transfer.source;
    let name = names::last_name(source);
    let Some(namesakes) = seen.get_mut(name) else {
        let alone = Namesakes { first: Some(source.clone()), entries: HashSet::new() };
        seen.insert(name.to_owned(), alone);
        return Ok(transfer);
    };
    if let Some(first) =
        namesakes.first.take().filter(|first| counted(first, placing, look).is_some())
    {
        namesakes.entries.insert(look.entry(&first));
    }
    let Some(kind) = counted(source, placing, look) else { return Ok(transfer) };
    if namesakes.entries.insert(look.entry(source)) {
        return Ok(transfer);
    }
    let text = format!("warning: source {kind} {} specified more than once", quote(source));
    Err(Complaint { after: 0, pair: None, text, is_failure: false })
}

/// What a source is that must not be named twice; `None` for one that may.
fn counted(source: &Path, placing: &Placing, look: &dyn Look) -> Option<&'static str> {
    match look.kind(source, !placing.keeps_symlinks) {
        Ok(Kind::Directory) if placing.is_strict || !placing.recursive => None,
        Ok(Kind::Directory) => Some("directory"),
        // What is missing, or left out, is complained about each time.
        Err(_) => None,
        // The copy of the first becomes a backup, or an error.
        Ok(_) if placing.backs_up => None,
        Ok(_) => Some("file"),
    }
}

fn complain(operation: Operation, path: &Path, error: &io::Error) -> Complaint {
    let cause = messages::words(error);
    let make = Make::default();
    failure(messages::sentence(Failure {
        operation,
        path,
        other: None,
        attribute: None,
        cause: Some(&cause),
        make,
    }))
}

fn failure(text: impl Into<Option<String>>) -> Complaint {
    Complaint { after: 0, pair: None, text: text.into().unwrap_or_default(), is_failure: true }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, MAIN_SEPARATOR};

    use super::*;

    /// `d`, `e` and what is below them with a final slash are directories; `a`, `b` and `d/f` are files; `l` is a
    /// symbolic link that leads nowhere, `ld` leads to a directory.
    struct Scripted;

    impl Look for Scripted {
        fn names(&self, _: &Path) -> io::Result<Vec<OsString>> {
            Ok(Vec::new())
        }

        fn entry(&self, path: &Path) -> PathBuf {
            path.components().filter(|component| *component != Component::CurDir).collect()
        }

        fn kind(&self, path: &Path, follow: bool) -> io::Result<Kind> {
            let plain: PathBuf = path.components().collect();
            let plain = slashed(plain.strip_prefix("./").unwrap_or(&plain));
            match plain.as_str() {
                "l" | "ld" if !follow && !names::ends_in_slash(path) => Ok(Kind::Symlink),
                "d" | "e" | "d/s" | "ld" | "" | "." | ".." | "d/.." | "/" | "/d"
                    if path.as_os_str() != "" =>
                {
                    Ok(Kind::Directory)
                }
                "a" | "b" | "d/f" | "/d/f" | "d/s/f" if !names::ends_in_slash(path) => {
                    Ok(Kind::File)
                }
                "p" => Ok(Kind::Fifo),
                "a" | "b" => Err(io::ErrorKind::NotADirectory.into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    /// Returns the path as it is spelt where there are slashes alone.
    fn slashed(path: &Path) -> String {
        path.to_str().unwrap().replace(MAIN_SEPARATOR, "/")
    }

    fn try_place(line: &str, placing: &Placing) -> Result<Placed, Misuse> {
        // `''` stands for an operand without a letter.
        let operands: Vec<PathBuf> =
            line.split_whitespace().map(|word| PathBuf::from(word.trim_matches('\''))).collect();
        place(&operands, placing, &Scripted)
    }

    fn targets(line: &str, placing: &Placing) -> Vec<String> {
        let placed = try_place(line, placing).unwrap();
        assert_eq!(placed.complaints, [], "{line}");
        placed.transfers.iter().map(|transfer| slashed(&transfer.target)).collect()
    }

    fn complaints(line: &str, placing: &Placing) -> Vec<String> {
        let placed = try_place(line, placing).unwrap();
        placed.complaints.into_iter().map(|complaint| complaint.text).collect()
    }

    fn misuse(line: &str, placing: &Placing) -> String {
        try_place(line, placing).unwrap_err().text
    }

    fn recursive() -> Placing {
        Placing { recursive: true, ..Placing::default() }
    }

    #[test]
    fn a_file_gets_the_name_or_its_own_below_a_directory() {
        let plain = Placing::default();
        assert_eq!(targets("a b", &plain), ["b"]);
        assert_eq!(targets("a new", &plain), ["new"]);
        assert_eq!(targets("a d", &plain), ["d/a"]);
        assert_eq!(targets("a d//", &plain), ["d/a"]);
        assert_eq!(targets("d/f b e", &plain), ["e/f", "e/b"]);
    }

    #[test]
    fn directories_keep_their_last_name_and_dots_have_none() {
        assert_eq!(targets("d new/", &recursive()), ["new/"]);
        assert_eq!(targets("d/ e", &recursive()), ["e/d"]);
        assert_eq!(targets("d/s// e", &recursive()), ["e/s"]);
        assert_eq!(targets("d/. e", &recursive()), ["e/."]);
        assert_eq!(targets(". e", &recursive()), ["e/."]);
        assert_eq!(targets("d/.. e", &recursive()), ["e/."]);
        assert_eq!(targets("/ e", &recursive()), ["e/"]);
    }

    #[test]
    fn a_target_directory_takes_every_operand() {
        let into = |directory: &str| Placing {
            target_directory: Some(directory.into()),
            ..Placing::default()
        };
        assert_eq!(targets("a b", &into("d")), ["d/a", "d/b"]);
        assert_eq!(misuse("", &into("d")), "missing file operand");
        let text = format!("target directory 'b': {}", system::NOT_A_DIRECTORY);
        assert_eq!(misuse("a", &into("b")), text);
        assert!(misuse("a", &into("x")).starts_with("target directory 'x': "));
        let both = Placing { no_target_directory: true, ..into("d") };
        assert!(misuse("a", &both).starts_with("cannot combine --target-directory (-t)"));
    }

    #[test]
    fn a_plain_name_is_taken_as_it_is() {
        let plain_name =
            Placing { no_target_directory: true, recursive: true, ..Placing::default() };
        assert_eq!(targets("d e", &plain_name), ["e"]);
        assert_eq!(misuse("a b e", &plain_name), "extra operand 'e'");
        assert_eq!(misuse("a", &plain_name), "missing destination file operand after 'a'");
    }

    #[test]
    fn too_few_operands_and_wrong_targets_stop_everything() {
        let plain = Placing::default();
        assert_eq!(misuse("", &plain), "missing file operand");
        assert_eq!(misuse("a", &plain), "missing destination file operand after 'a'");
        assert!(try_place("a", &plain).unwrap_err().points_to_help);
        let text = format!("target 'b': {}", system::NOT_A_DIRECTORY);
        assert_eq!(misuse("a d b", &plain), text);
        assert!(misuse("a b x", &plain).starts_with("target 'x': "));
        assert!(!try_place("a b x", &plain).unwrap_err().points_to_help);
    }

    #[test]
    fn parents_are_rebuilt_below_the_directory() {
        let parents = Placing { parents: true, ..recursive() };
        let placed = try_place("d/s/f e", &parents).unwrap();
        let pair = |source: &str, target: &str| (PathBuf::from(source), PathBuf::from(target));
        assert_eq!(placed.transfers[0].target, Path::new("e/d/s/f"));
        assert_eq!(placed.transfers[0].parents, [pair("d", "e/d"), pair("d/s", "e/d/s")]);
        let placed = try_place("/d/f e", &parents).unwrap();
        assert_eq!(placed.transfers[0].target, Path::new("e/d/f"));
        assert_eq!(placed.transfers[0].parents, [pair("/d", "e/d")]);
        assert_eq!(targets("d/s/ e", &parents), ["e/d/s"]);
        assert_eq!(targets("a e", &parents), ["e/a"]);
        assert!(complaints("x/y e", &parents)[0].starts_with("failed to get attributes of 'x'"));
        let text = "with --parents, the destination must be a directory";
        assert_eq!(misuse("a b", &parents), text);
    }

    #[test]
    fn a_slash_at_the_end_demands_a_directory() {
        let plain = Placing::default();
        assert!(complaints("a/ e", &plain)[0].starts_with("cannot stat 'a/': "));
        let text = format!("cannot create regular file 'new/': {}", system::NOT_A_DIRECTORY);
        assert_eq!(complaints("a new/", &plain), [text]);
        assert!(complaints("a b/", &plain)[0].starts_with("cannot stat 'b/': "));
        // What the source is comes first.
        assert_eq!(complaints("missing b/", &plain), [""; 0]);
        assert_eq!(complaints("d b/", &plain), [""; 0]);
        assert!(complaints("a new/.", &plain)[0].starts_with("cannot create regular file 'new/.'"));
        let keeps = Placing { keeps_symlinks: true, ..recursive() };
        assert!(
            complaints("l new/", &keeps)[0].starts_with("cannot create symbolic link 'new/': ")
        );
        assert!(complaints("p no/new", &keeps)[0].starts_with("cannot create fifo 'no/new': "));
        let announced = try_place("a new/", &plain).unwrap().complaints.remove(0).pair;
        assert_eq!(announced, Some(("a".into(), "new/".into())));
        assert!(complaints("a ''", &plain)[0].starts_with("cannot create regular file '': "));
        assert!(complaints("'' e", &plain)[0].starts_with("cannot stat '': "));
        let text = "cannot create regular file 'no/new': ";
        assert!(complaints("a no/new", &plain)[0].starts_with(text));
        assert!(
            complaints("d no/new", &recursive())[0]
                .starts_with("cannot create directory 'no/new': ")
        );
        assert_eq!(complaints("d no/new", &plain), [""; 0]);
        let strips = Placing { strips_slashes: true, ..Placing::default() };
        assert_eq!(targets("a// e", &strips), ["e/a"]);
    }

    #[test]
    fn a_source_named_twice_is_copied_once() {
        let placed = try_place("a ./a b e", &Placing::default()).unwrap();
        assert_eq!(placed.transfers.len(), 2);
        let text = "warning: source file './a' specified more than once".to_owned();
        assert_eq!(
            placed.complaints,
            [Complaint { after: 1, pair: None, text, is_failure: false }]
        );
        let text = "warning: source file './d/f' specified more than once";
        assert_eq!(complaints("d/f d/s/f ./d/f e", &Placing::default()), [text]);
        let text = "warning: source directory 'd/' specified more than once";
        assert_eq!(complaints("d d/ e", &recursive()), [text]);
        assert_eq!(try_place("d d e", &Placing::default()).unwrap().transfers.len(), 2);
        // A link that is copied as such is not what it leads to, and what is left out is not there.
        let keeps = Placing { keeps_symlinks: true, ..Placing::default() };
        assert_eq!(try_place("ld/ ld e", &keeps).unwrap().transfers.len(), 2);
        let strict = Placing { is_strict: true, keeps_symlinks: true, ..recursive() };
        assert_eq!(try_place("ld/ ld e", &strict).unwrap().transfers.len(), 2);
        let backs_up = Placing { backs_up: true, keeps_symlinks: true, ..recursive() };
        assert_eq!(try_place("ld ld/ e", &backs_up).unwrap().transfers.len(), 2);
    }
}
