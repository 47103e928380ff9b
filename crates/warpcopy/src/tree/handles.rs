//! A worker's open directories: a bounded cache. A directory that fell out is found again by its name below its
//! parent, and must be the one it was.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::dir::{Dir, Place};
use crate::error::{Error, Operation, Result};
use crate::plan::{Code, Identity};
use crate::sys::{self, Borrowed, Handle, Lend};

/// The two ends of a directory, open.
pub(crate) struct Pair {
    source: Handle,
    target: OpenDirectory,
}

/// An open directory, perhaps one that may be entered but not read.
pub(crate) struct OpenDirectory {
    pub(crate) handle: Handle,
    /// Opened for its path alone: nothing can be done to it through the handle.
    pub(crate) is_path: bool,
}

impl OpenDirectory {
    /// Opens a directory, for its path alone if it may not be read.
    pub(crate) fn open(
        directory: Borrowed<'_>,
        name: &OsStr,
        follow: bool,
    ) -> sys::Answer<OpenDirectory> {
        match sys::open_directory(directory, name, follow) {
            Err(code) if sys::NO_PERMISSION.contains(&code) => {
                let handle = sys::open_directory_path(directory, name, follow)?;
                Ok(OpenDirectory { handle, is_path: true })
            }
            answer => answer.map(|handle| OpenDirectory { handle, is_path: false }),
        }
    }
}

impl Pair {
    pub(crate) fn new(source: Handle, target: OpenDirectory) -> Arc<Pair> {
        Arc::new(Pair { source, target })
    }

    pub(crate) fn ends(&self) -> [Borrowed<'_>; 2] {
        [self.source(), self.target()]
    }

    pub(crate) fn source(&self) -> Borrowed<'_> {
        self.source.lend()
    }

    pub(crate) fn target(&self) -> Borrowed<'_> {
        self.target.handle.lend()
    }

    /// The target as something whose attributes can be set.
    pub(crate) fn target_place(&self) -> sys::Place<'_> {
        match self.target.is_path {
            true => sys::Place::Named(self.target(), OsStr::new(".")),
            false => sys::Place::Open(self.target()),
        }
    }
}

/// Open directories, the most recently opened last.
pub(crate) struct Handles {
    open: Vec<(Arc<Dir>, Arc<Pair>)>,
    open_max: usize,
}

impl Handles {
    pub(crate) fn new(open_max: usize) -> Handles {
        Handles { open: Vec::new(), open_max }
    }

    /// How many directories it keeps open.
    pub(crate) fn open_max(&self) -> usize {
        self.open_max
    }

    /// Keeps a directory that was just opened.
    pub(crate) fn keep(&mut self, dir: &Arc<Dir>, pair: &Arc<Pair>) {
        if self.open.len() >= self.open_max {
            self.open.remove(0);
        }
        self.open.push((Arc::clone(dir), Arc::clone(pair)));
    }

    /// Keeps a directory that somebody else has open, unless it is open here.
    pub(crate) fn keep_unless_known(&mut self, dir: &Arc<Dir>, pair: &Arc<Pair>) {
        if self.find(dir).is_none() {
            self.keep(dir, pair);
        }
    }

    /// Forgets a directory that is finished. The one above, which comes next, may have fallen out: it is one step
    /// away from here and a walk from the top otherwise, which would make deep trees quadratic.
    pub(crate) fn forget(&mut self, dir: &Arc<Dir>) {
        let Some(position) = self.open.iter().rposition(|(known, _)| Arc::ptr_eq(known, dir))
        else {
            return;
        };
        let (dir, pair) = self.open.remove(position);
        if let (Place::Below(_), Some(parent)) = (&dir.place, &dir.parent)
            && self.find(parent).is_none()
            && let Some(above) = climb(parent, &pair)
        {
            self.keep(parent, &above);
        }
    }

    /// Closes all that is not in use at this moment; `false` if there was nothing to close.
    pub(crate) fn close_all(&mut self) -> bool {
        let had_some = !self.open.is_empty();
        self.open.clear();
        had_some
    }

    /// Returns a directory's handles, opening what is needed on the way down to it.
    pub(crate) fn pair(&mut self, dir: &Arc<Dir>) -> Result<Arc<Pair>> {
        if let Some(pair) = self.find(dir) {
            return Ok(pair);
        }
        let mut missing = vec![dir];
        let mut above = None;
        for ancestor in dir.chain().skip(1) {
            if matches!(missing[missing.len() - 1].place, Place::Operand { .. }) {
                break;
            }
            above = self.find(ancestor);
            if above.is_some() {
                break;
            }
            missing.push(ancestor);
        }
        for dir in missing.into_iter().rev() {
            let pair = reopen(dir, above.as_deref())?;
            self.keep(dir, &pair);
            above = Some(pair);
        }
        Ok(above.expect("at least the directory itself was opened"))
    }

    fn find(&self, dir: &Arc<Dir>) -> Option<Arc<Pair>> {
        let known = self.open.iter().rev().find(|(known, _)| Arc::ptr_eq(known, dir));
        known.map(|(_, pair)| Arc::clone(pair))
    }
}

/// Opens the directory above an open one, if it still is the one it was.
fn climb(parent: &Dir, pair: &Pair) -> Option<Arc<Pair>> {
    let open = |end, identity| {
        let opened = OpenDirectory::open(end, OsStr::new(".."), false).ok()?;
        let facts = sys::facts(opened.handle.lend()).ok()?;
        (facts.identity == identity).then_some(opened)
    };
    let source = open(pair.source(), parent.source.identity)?;
    let target = open(pair.target(), parent.target)?;
    Some(Pair::new(source.handle, target))
}

/// Opens both ends again and makes sure that they are what they were.
fn reopen(dir: &Dir, above: Option<&Pair>) -> Result<Arc<Pair>> {
    let here = sys::working_directory();
    let (source, target) = match (&dir.place, above) {
        (Place::Below(name), Some(above)) => (
            OpenDirectory::open(above.source(), name, dir.follows),
            OpenDirectory::open(above.target(), name, dir.follows_target),
        ),
        (Place::Below(_), None) => unreachable!("a directory below another is opened after it"),
        (Place::Operand { source, target }, _) => (
            OpenDirectory::open(here, source.as_os_str(), dir.follows),
            OpenDirectory::open(here, target.as_os_str(), true),
        ),
    };
    let source = same(source, dir.source.identity).map_err(|why| {
        why.error(Operation::OpenSource, Operation::SourceReplaced, dir.source_path())
    })?;
    let target = same(target, dir.target).map_err(|why| {
        why.error(Operation::OpenTargetDirectory, Operation::TargetReplaced, dir.target_path())
    })?;
    Ok(Pair::new(source.handle, target))
}

/// Why a directory could not be opened again.
enum Lost {
    Unopenable(Code),
    Replaced,
}

impl Lost {
    fn error(self, open: Operation, replaced: Operation, path: PathBuf) -> Error {
        match self {
            Lost::Unopenable(code) => Error::new(open, path).with_cause(code),
            Lost::Replaced => Error::new(replaced, path),
        }
    }
}

fn same(
    opened: sys::Answer<OpenDirectory>,
    identity: Identity,
) -> std::result::Result<OpenDirectory, Lost> {
    let opened = opened.map_err(Lost::Unopenable)?;
    let facts = sys::facts(opened.handle.lend()).map_err(Lost::Unopenable)?;
    match facts.identity == identity {
        true => Ok(opened),
        false => Err(Lost::Replaced),
    }
}

/// The directory that holds a named target, open: consecutive operands usually share it.
#[derive(Default)]
pub(crate) struct LastParent(Option<(PathBuf, Rc<Handle>, crate::file::TargetDirectory)>);

impl LastParent {
    /// Opens the directory unless it is the one of last time.
    pub(crate) fn open(
        &mut self,
        path: &Path,
    ) -> sys::Answer<(Rc<Handle>, crate::file::TargetDirectory)> {
        if self.0.as_ref().is_none_or(|(known, ..)| known != path) {
            let handle =
                sys::open_directory_path(sys::working_directory(), path.as_os_str(), true)?;
            let into = crate::file::TargetDirectory::of(handle.lend())?;
            self.0 = Some((path.to_path_buf(), Rc::new(handle), into));
        }
        let (_, handle, into) = self.0.as_ref().expect("it was just set");
        Ok((Rc::clone(handle), *into))
    }
}
