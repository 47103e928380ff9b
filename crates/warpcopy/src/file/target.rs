//! A target being made: a guard that removes what it made unless it is committed.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::plan::Facts;
use crate::sys::{self, Answer, Borrowed, CommitError, Handle, Lend};

/// A file that is not finished. Dropped, it leaves nothing behind (except in place, where there is no way back).
pub(crate) struct Target<'a> {
    directory: Borrowed<'a>,
    name: &'a OsStr,
    file: Option<Handle>,
    made: Made,
    /// A method made it with all of its content.
    is_filled: bool,
}

/// What has been made so far, and so what there is to remove.
enum Made {
    /// A file under its final name.
    Named,
    /// A file without a name.
    Unnamed,
    /// A file under a temporary name.
    Temporary(OsString),
    /// Nothing: the file was there before.
    Nothing,
}

/// How many temporary names are tried before giving up: more than one is chance, a hundred is an enemy.
const NAMES_TRIED_MAX: usize = 100;

impl<'a> Target<'a> {
    /// Makes the file under its final name, which must be free.
    pub(crate) fn exclusive(
        directory: Borrowed<'a>,
        name: &'a OsStr,
        make: impl FnOnce(&OsStr) -> Answer<Handle>,
    ) -> Answer<Target<'a>> {
        Ok(Target::new(directory, name, make(name)?, Made::Named))
    }

    /// Creates the file without a name; nothing of it survives a crash.
    pub(crate) fn unnamed(
        directory: Borrowed<'a>,
        name: &'a OsStr,
        mode: u32,
    ) -> Answer<Target<'a>> {
        let file = sys::create_unnamed(directory, mode)?;
        Ok(Target::new(directory, name, file, Made::Unnamed))
    }

    /// Makes the file under a temporary name in the same directory: elsewhere quota, project or mount may differ
    /// and the rename fail.
    pub(crate) fn temporary(
        directory: Borrowed<'a>,
        name: &'a OsStr,
        make: impl FnMut(&OsStr) -> Answer<Handle>,
    ) -> Answer<Target<'a>> {
        let (temporary, file) = with_temporary_name(make)?;
        Ok(Target::new(directory, name, file, Made::Temporary(temporary)))
    }

    /// Takes an existing file, open for writing.
    pub(crate) fn in_place(directory: Borrowed<'a>, name: &'a OsStr, file: Handle) -> Target<'a> {
        Target::new(directory, name, file, Made::Nothing)
    }

    fn new(directory: Borrowed<'a>, name: &'a OsStr, file: Handle, made: Made) -> Target<'a> {
        Target { directory, name, file: Some(file), made, is_filled: false }
    }

    /// The same, known to have all of its content.
    pub(crate) fn filled(self) -> Target<'a> {
        let mut target = self;
        target.is_filled = true;
        target
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.is_filled
    }

    /// The open file.
    pub(crate) fn file(&self) -> Borrowed<'_> {
        self.file.as_ref().expect("only commit takes the file").lend()
    }

    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self.made, Made::Temporary(_))
    }

    pub(crate) fn is_unnamed(&self) -> bool {
        matches!(self.made, Made::Unnamed)
    }

    /// Closes the file and gives it its name, and the flags of `like` last. On failure everything that was made is
    /// removed, but for the file that has its name and lacks flags.
    pub(crate) fn commit(mut self, replace: bool, like: Option<&Facts>) -> Result<(), CommitError> {
        if self.is_unnamed() {
            // The descriptor is the only way to it, so it takes its name before it is closed.
            sys::name_unnamed(self.file(), self.directory, self.name).map_err(CommitError::Name)?;
            self.made = Made::Named;
        }
        let file = self.file.take().expect("only commit takes the file");
        let temporary = match &self.made {
            Made::Temporary(temporary) => Some(temporary.as_os_str()),
            _ => None,
        };
        let answer = sys::finish(file, self.directory, temporary, self.name, replace, like);
        if matches!(answer, Ok(()) | Err(CommitError::Flags(_))) {
            self.made = Made::Nothing;
        }
        answer
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        let name = match &self.made {
            Made::Named => self.name,
            Made::Temporary(temporary) => temporary,
            Made::Unnamed | Made::Nothing => return,
        };
        // Best effort: whatever led here is the interesting error.
        let _ = match self.file.take() {
            Some(file) => sys::discard(file, self.directory, name),
            None => sys::remove(self.directory, name),
        };
    }
}

/// Gives something made under a temporary name its final one.
pub(crate) fn publish(
    directory: Borrowed<'_>,
    temporary: &OsStr,
    name: &OsStr,
    replace: bool,
) -> Answer<()> {
    if replace {
        sys::rename_over(directory, temporary, name)
    } else {
        sys::rename_to_free(directory, temporary, name)
    }
}

/// Calls `make` with fresh temporary names until one was free. They are short whatever the final name's length,
/// and recognisable.
pub(crate) fn with_temporary_name<T>(
    mut make: impl FnMut(&OsStr) -> Answer<T>,
) -> Answer<(OsString, T)> {
    for _ in 1..NAMES_TRIED_MAX {
        let name = temporary_name();
        match make(&name) {
            Err(sys::ALREADY_EXISTS) => {}
            answer => return answer.map(|made| (name, made)),
        }
    }
    let name = temporary_name();
    make(&name).map(|made| (name, made))
}

fn temporary_name() -> OsString {
    // The standard library's hash keys are random; that is all the randomness a name needs.
    let random = RandomState::new().build_hasher().finish();
    format!(".warpcopy-{random:016x}").into()
}
