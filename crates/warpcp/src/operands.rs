//! Which target name each source gets: the rules of `cp`, pure but for a few looks at what is there.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use warpcopy::{Make, Operation, Transfer};

use crate::args::Misuse;
use crate::lower::Placing;
use crate::messages::{self, Failure};
use crate::names;
use crate::quote::{quote, quote_if_needed};

/// What the rules want to know about names.
pub(crate) trait Look {
    /// Whether the path leads to a directory; symbolic links are followed.
    fn is_directory(&self, path: &Path) -> io::Result<bool>;

    /// Whether the path names a directory; a symbolic link to one is none.
    fn is_directory_itself(&self, path: &Path) -> io::Result<bool>;

    /// Whether the directory is the current one.
    fn is_current(&self, directory: &Path) -> bool;
}

/// Looks at the file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealLook;

impl Look for RealLook {
    fn is_directory(&self, path: &Path) -> io::Result<bool> {
        fs::metadata(path).map(|metadata| metadata.is_dir())
    }

    fn is_directory_itself(&self, path: &Path) -> io::Result<bool> {
        fs::symlink_metadata(path).map(|metadata| metadata.is_dir())
    }

    fn is_current(&self, directory: &Path) -> bool {
        match (fs::canonicalize(directory), fs::canonicalize(".")) {
            (Ok(directory), Ok(current)) => directory == current,
            _ => false,
        }
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
    let mut seen = HashSet::new();
    let count = sources.len();
    for source in sources {
        let source =
            if placing.strips_slashes { names::without_trailing_slashes(source) } else { source };
        let outcome = match &destination {
            Destination::Name(target) => at_name(source, target, placing, look),
            Destination::Directory(_)
                if count > 1 && is_repeated(source, placing, look, &mut seen) =>
            {
                Err(repeated(source, placing, look))
            }
            Destination::Directory(directory) => below(source, directory, placing, look),
        };
        match outcome {
            Ok(transfer) => placed.transfers.push(transfer),
            Err(complaint) => placed.complaints.push(complaint),
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
    if let (Some(_), true) = (&placing.target_directory, placing.no_target_directory) {
        return Err(Misuse::of_place(
            "cannot combine --target-directory (-t) and --no-target-directory (-T)",
        ));
    }
    match (operands, &placing.target_directory) {
        ([], _) => Err(Misuse::of_grammar("missing file operand")),
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
            if is_name && placing.parents {
                let text = "with --parents, the destination must be a directory";
                return Err(Misuse::of_grammar(text));
            }
            if is_name && sources.len() > 1 {
                require_directory("target", last, look)?;
            }
            let to = if is_name { Destination::Name(last) } else { Destination::Directory(last) };
            Ok((sources, to))
        }
    }
}

fn require_directory(what: &str, path: &Path, look: &dyn Look) -> Result<(), Misuse> {
    let cause = match look.is_directory(path) {
        Ok(true) => return Ok(()),
        Ok(false) => NOT_A_DIRECTORY.to_owned(),
        Err(error) => messages::words(&error),
    };
    Err(Misuse::of_place(format!("{what} {}: {cause}", quote(path))))
}

const NOT_A_DIRECTORY: &str = "Not a directory";

/// Places a source at exactly this name.
fn at_name(
    source: &Path,
    target: &Path,
    placing: &Placing,
    look: &dyn Look,
) -> Result<Transfer, Complaint> {
    check_source(source, look)?;
    match look.is_directory(target) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_new(source, target, placing, look, &error)?;
        }
        // Something has the name, but leads nowhere: what that means depends on more than names.
        Err(_) if look.is_directory_itself(target).is_ok() => {}
        Err(error) => return Err(complain(Operation::StatTarget, target, &error)),
    }
    finish(Transfer::new(source, target), placing, look)
}

/// Complains about a name that nothing can be created under. The library takes paths apart into a directory and
/// a name in it, so what is wrong with the path as a whole is found here.
fn check_new(
    source: &Path,
    target: &Path,
    placing: &Placing,
    look: &dyn Look,
    missing: &io::Error,
) -> Result<(), Complaint> {
    let Ok(is_directory) = is_tree(source, placing, look) else { return Ok(()) };
    if is_directory && !placing.recursive {
        return Ok(());
    }
    let fault = |cause: &str| {
        let operation = match placing.make {
            _ if is_directory => Operation::CreateDirectory,
            Make::HardLinks => Operation::CreateLink,
            Make::Symlinks => Operation::CreateSymlink,
            Make::Contents | Make::AttributesOnly => Operation::CreateTarget,
        };
        let (make, attribute) = (placing.make, None);
        let (other, cause) = (Some(source), Some(cause));
        failure(messages::sentence(Failure {
            operation,
            path: target,
            other,
            attribute,
            cause,
            make,
        }))
    };
    if !is_directory && names::ends_in_slash(target) {
        return Err(fault(NOT_A_DIRECTORY));
    }
    match target.parent() {
        None => Err(fault(&messages::words(missing))),
        Some(parent) if parent.as_os_str().is_empty() => Ok(()),
        Some(parent) => match look.is_directory(parent) {
            Ok(_) => Ok(()),
            Err(error) => Err(fault(&messages::words(&error))),
        },
    }
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
        return finish(Transfer::new(source, directory.join(name)), placing, look);
    }
    let inside = |path: &Path| directory.join(names::without_leading_slashes(path));
    let mut parents = Vec::new();
    for parent in names::ancestors(source) {
        if let Err(error) = look.is_directory(parent) {
            let cause = messages::words(&error);
            return Err(failure(format!("failed to get attributes of {}: {cause}", quote(parent))));
        }
        parents.push((parent.to_owned(), inside(parent)));
    }
    let target = inside(names::without_trailing_slashes(source));
    let transfer = Transfer { parents, ..Transfer::new(source, target) };
    finish(transfer, placing, look)
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

/// Complains about symbolic links that would lead nowhere.
fn finish(transfer: Transfer, placing: &Placing, look: &dyn Look) -> Result<Transfer, Complaint> {
    if placing.make != Make::Symlinks || transfer.source.is_absolute() {
        return Ok(transfer);
    }
    let Ok(is_directory) = is_tree(&transfer.source, placing, look) else { return Ok(transfer) };
    if is_directory && !placing.recursive {
        return Ok(transfer);
    }
    // The text of a link is read from the directory that holds it.
    let holder = match transfer.target.parent() {
        _ if is_directory => transfer.target.as_path(),
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if look.is_current(holder) {
        return Ok(transfer);
    }
    Err(failure(format!(
        "{}: can make relative symbolic links only in current directory",
        quote_if_needed(&transfer.target)
    )))
}

/// Whether a source is a directory to the copy: a symbolic link to one is, if it is followed.
fn is_tree(source: &Path, placing: &Placing, look: &dyn Look) -> io::Result<bool> {
    if placing.keeps_symlinks {
        look.is_directory_itself(source)
    } else {
        look.is_directory(source)
    }
}

/// Whether the same source was named before; `./a` and `a` are the same.
fn is_repeated(
    source: &Path,
    placing: &Placing,
    look: &dyn Look,
    seen: &mut HashSet<PathBuf>,
) -> bool {
    let plain = source.components().filter(|component| *component != Component::CurDir).collect();
    if seen.insert(plain) {
        return false;
    }
    // What is missing, or omitted, is complained about each time.
    is_tree(source, placing, look).is_ok_and(|is_tree| !is_tree || placing.recursive)
}

fn repeated(source: &Path, placing: &Placing, look: &dyn Look) -> Complaint {
    let is_tree = is_tree(source, placing, look).unwrap_or(false);
    let kind = if is_tree { "directory" } else { "file" };
    let text = format!("warning: source {kind} {} specified more than once", quote(source));
    Complaint { text, is_failure: false }
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
    Complaint { text: text.into().unwrap_or_default(), is_failure: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `d`, `e` and what is below them with a final slash are directories; `a`, `b` and `d/f` are files; `l` is a
    /// symbolic link that leads nowhere, `ld` leads to a directory.
    struct Scripted;

    impl Look for Scripted {
        fn is_directory(&self, path: &Path) -> io::Result<bool> {
            let plain: PathBuf = path.components().collect();
            let plain = plain.strip_prefix("./").unwrap_or(&plain).to_str().unwrap();
            match plain {
                "d" | "e" | "d/s" | "ld" | "" | "." | ".." | "d/.." | "/" | "/d"
                    if path.as_os_str() != "" =>
                {
                    Ok(true)
                }
                "a" | "b" | "d/f" | "/d/f" | "d/s/f" if !names::ends_in_slash(path) => Ok(false),
                "a" | "b" => Err(io::ErrorKind::NotADirectory.into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }

        fn is_directory_itself(&self, path: &Path) -> io::Result<bool> {
            match path.to_str() {
                Some("l" | "ld") => Ok(false),
                _ => self.is_directory(path),
            }
        }

        fn is_current(&self, directory: &Path) -> bool {
            matches!(directory.to_str(), Some("." | "./"))
        }
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
        placed.transfers.iter().map(|transfer| transfer.target.display().to_string()).collect()
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
        assert_eq!(targets("a d/", &plain), ["d/a"]);
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
        assert!(misuse("a", &into("b")).starts_with("target directory 'b': Not a directory"));
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
        assert_eq!(misuse("a d b", &plain), "target 'b': Not a directory");
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
        let text = "cannot create regular file 'new/': Not a directory";
        assert_eq!(complaints("a new/", &plain), [text]);
        assert!(complaints("a b/", &plain)[0].starts_with("cannot stat 'b/': "));
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
        assert_eq!(placed.complaints, [Complaint { text, is_failure: false }]);
        let text = "warning: source directory 'd/' specified more than once";
        assert_eq!(complaints("d d/ e", &recursive()), [text]);
        assert_eq!(try_place("d d e", &Placing::default()).unwrap().transfers.len(), 2);
    }

    #[test]
    fn relative_symbolic_links_are_made_in_the_current_directory_only() {
        let links = Placing { make: Make::Symlinks, ..Placing::default() };
        assert_eq!(targets("a new", &links), ["new"]);
        assert_eq!(targets("d/f .", &links), ["./f"]);
        assert_eq!(targets("/d/f e", &links), ["e/f"]);
        let text = "e/a: can make relative symbolic links only in current directory";
        assert_eq!(complaints("a e", &links), [text]);
        let keeps = Placing { keeps_symlinks: true, recursive: true, ..links.clone() };
        assert_eq!(targets("ld .", &keeps), ["./ld"]);
        assert_eq!(complaints("d .", &keeps).len(), 1);
        // A missing source is the library's to complain about.
        assert_eq!(targets("x e", &links), ["e/x"]);
    }
}
