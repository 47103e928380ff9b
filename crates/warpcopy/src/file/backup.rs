//! What had the target's name, kept under another one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::target::with_temporary_name;
use super::{Context, Spot};
use crate::error::{Operation, Result};
use crate::options::{Backup, Options, Publish};
use crate::sys::{self, Answer, Borrowed, Lend, Listing};

/// A backup of a target. Dropped, the target has its name back, unless the backup was to be kept.
pub(super) struct SetAside<'a> {
    target: Spot<'a>,
    /// What the backup's name has more than the target's.
    ending: OsString,
    how: How,
}

/// How a target came by its backup's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It has both names, so that at no moment there is nothing under its own.
    Linked,
    /// Its own name is free.
    Moved,
    /// For good.
    Kept,
}

/// How often a number is looked for because others take it meanwhile.
const NUMBERS_TRIED_MAX: usize = 32;

impl<'a> SetAside<'a> {
    /// Gives the target its backup's name.
    pub(super) fn new(options: &Options, target: &Spot<'a>) -> Result<SetAside<'a>> {
        SetAside::by(options, target, options.publish != Publish::InPlace)
    }

    fn by(options: &Options, target: &Spot<'a>, links: bool) -> Result<SetAside<'a>> {
        let failed = |code| target.error(Operation::BackUp).with_cause(code);
        for _ in 1..NUMBERS_TRIED_MAX {
            let (ending, replaces) = ending_for(options, target);
            match move_aside(target, &with(target.name, &ending), replaces, links) {
                Err(sys::ALREADY_EXISTS) if !replaces => {}
                answer => {
                    let how = answer.map_err(failed)?;
                    return Ok(SetAside { target: *target, ending, how });
                }
            }
        }
        Err(failed(sys::ALREADY_EXISTS))
    }

    /// Whether the target's name is free now.
    pub(super) fn is_moved(&self) -> bool {
        self.how == How::Moved
    }

    /// The backup's path.
    pub(super) fn path(&self) -> PathBuf {
        path_for(&self.target, &self.ending)
    }

    /// The copy is made: the backup stays.
    pub(super) fn keep(mut self) {
        self.how = How::Kept;
    }
}

impl Drop for SetAside<'_> {
    fn drop(&mut self) {
        let Spot { directory, name, .. } = self.target;
        let backup = with(name, &self.ending);
        // Best effort: whatever led here is the interesting error.
        let _ = match self.how {
            How::Linked => sys::remove(directory, &backup),
            How::Moved => sys::rename_to_free(directory, &backup, name),
            How::Kept => Ok(()),
        };
    }
}

fn move_aside(target: &Spot<'_>, to: &OsStr, replaces: bool, links: bool) -> Answer<How> {
    let Spot { directory, name, .. } = *target;
    if links {
        match link(directory, name, to, replaces) {
            Ok(()) => return Ok(How::Linked),
            Err(sys::ALREADY_EXISTS) => return Err(sys::ALREADY_EXISTS),
            // Not every file system has links, and not everybody may make them to everything (link(2)).
            Err(_) => {}
        }
    }
    match replaces {
        true => sys::rename_over(directory, name, to)?,
        false => sys::rename_to_free(directory, name, to)?,
    }
    Ok(How::Moved)
}

fn link(directory: Borrowed<'_>, from: &OsStr, to: &OsStr, replaces: bool) -> Answer<()> {
    let link = |name: &OsStr| sys::make_link((directory, from), (directory, name), false);
    if !replaces {
        return link(to);
    }
    let (temporary, ()) = with_temporary_name(link)?;
    let renamed = sys::rename_over(directory, &temporary, to);
    // It is still there if it could not be renamed, or if the backup was a link of the target already (rename(2)).
    let _ = sys::remove(directory, &temporary);
    renamed
}

/// Returns what the name of a backup of the target has more than the target's, and whether it replaces an older one.
pub(super) fn ending_for(options: &Options, target: &Spot<'_>) -> (OsString, bool) {
    let is_numbered = matches!(options.backup, Backup::Numbered | Backup::Existing);
    let last = if is_numbered { last_number(target) } else { 0 };
    match last > 0 || options.backup == Backup::Numbered {
        true => (format!(".~{}~", last.saturating_add(1)).into(), false),
        false => (options.backup_suffix.clone(), true),
    }
}

/// Returns a name with this ending.
pub(super) fn with(name: &OsStr, ending: &OsStr) -> OsString {
    let mut name = name.to_os_string();
    name.push(ending);
    name
}

/// Returns the path of a target's backup, spelt as the target's is.
pub(super) fn path_for(target: &Spot<'_>, ending: &OsStr) -> PathBuf {
    with((target.path)().as_os_str(), ending).into()
}

/// Makes room for a directory.
pub(crate) fn set_aside(context: &Context, target: &Spot<'_>) -> Result<()> {
    SetAside::by(&context.options, target, false).map(SetAside::keep)
}

/// Whether a source with this name is what a simple backup of the target would overwrite.
pub(super) fn is_backup_of(options: &Options, source: &OsStr, target: &Spot<'_>) -> bool {
    let last = Path::new(source).file_name().unwrap_or(source).as_encoded_bytes();
    let suffix = options.backup_suffix.as_encoded_bytes();
    last.strip_suffix(suffix) == Some(target.name.as_encoded_bytes())
}

/// The highest number of a backup of the target; 0 if there is none. A directory that cannot be read has none: that
/// the name found is free is made sure of when it is taken.
fn last_number(target: &Spot<'_>) -> u64 {
    let Ok(directory) = sys::open_directory(target.directory, OsStr::new("."), true) else {
        return 0;
    };
    let (mut listing, mut names, mut last) = (Listing::new(), Vec::new(), 0);
    while listing.next_batch(directory.lend(), &mut names).is_ok() && !names.is_empty() {
        let numbers = names.drain(..).filter_map(|listed| number(&listed.name, target.name));
        last = numbers.fold(last, u64::max);
    }
    last
}

/// Reads `N` of a name that is `BASE.~N~`.
fn number(name: &OsStr, base: &OsStr) -> Option<u64> {
    let rest = name.as_encoded_bytes().strip_prefix(base.as_encoded_bytes())?;
    let digits = rest.strip_prefix(b".~")?.strip_suffix(b"~")?;
    let is_number = digits.iter().all(u8::is_ascii_digit) && digits.first() != Some(&b'0');
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let table = [
            ("a.~1~", Some(1)),
            ("a.~10~", Some(10)),
            ("a.~01~", None),
            ("a.~0~", None),
            ("a.~~", None),
            ("a.~1", None),
            ("a.~+1~", None),
            ("a~", None),
            ("ab.~1~", None),
            ("a.~x~", None),
        ];
        for (name, expected) in table {
            assert_eq!(number(name.as_ref(), "a".as_ref()), expected, "{name}");
        }
    }
}
